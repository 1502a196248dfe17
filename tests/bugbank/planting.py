"""Planting a bug: modules are imported with its lines in them. The files stay as they are."""

import sys
from collections.abc import Mapping, Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec, SourceFileLoader
from importlib.util import spec_from_file_location
from pathlib import Path
from types import CodeType, ModuleType

from tests.bugbank.bugs import Bug, patched_sources


class _Changed(SourceFileLoader):
    """Loads a module from a text that is not in its file; nothing is read from or put in a cache.

    Args:
        name: Of the module.
        path: Of its file, for tracebacks.
        text: What it is made from.
    """

    def __init__(self, name: str, path: Path, text: str) -> None:
        super().__init__(name, str(path))
        self._text = text

    def get_code(self, fullname: str) -> CodeType:
        return compile(self._text, self.get_filename(fullname), "exec", dont_inherit=True)


class _Finder(MetaPathFinder):
    def __init__(self, sources: Mapping[str, tuple[Path, str]]) -> None:
        self._sources = sources

    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None = None,  # noqa: ARG002 - the protocol's
        target: ModuleType | None = None,  # noqa: ARG002 - the protocol's
    ) -> ModuleSpec | None:
        if fullname not in self._sources:
            return None
        file, text = self._sources[fullname]
        loader: Loader = _Changed(fullname, file, text)
        return spec_from_file_location(fullname, file, loader=loader)


def plant(bug: Bug) -> None:
    """Let everything that is imported from now on have a bug.

    Raises:
        StaleError: It does not fit the code any more.
        RuntimeError: A module that it changes was imported already.
    """
    sources = patched_sources(bug)
    early = sorted(sources.keys() & sys.modules.keys())
    if early:
        raise RuntimeError(f"{', '.join(early)} must not be imported before {bug.name} is planted")
    sys.meta_path.insert(0, _Finder(sources))
