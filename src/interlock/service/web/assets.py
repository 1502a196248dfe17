"""The files that pages are made of: read once at start, packed once, and named by their content.

A browser keeps them for ever, because what changes gets another name.
"""

import gzip
import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from types import MappingProxyType
from typing import Final

PLOTLY: Final = "plotly.min.js"
FOREVER: Final = "public, max-age=31536000, immutable"
_KINDS: Final = MappingProxyType(
    {
        "css": "text/css; charset=utf-8",
        "js": "text/javascript; charset=utf-8",
        "svg": "image/svg+xml",
    }
)
_PACKED: Final = 6  # of gzip: 9 takes twice as long for two in a hundred
_MAP_STYLES: Final = re.compile(r'document\.getElementById\("([0-9a-f]{64})"\)')
_IMPORTED: Final = re.compile(
    r'^(?:import|export) (?:[^;]*?from )?"\./([a-z_]+\.js)";', re.MULTILINE
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Asset:
    """One file as it goes out.

    Attributes:
        kind: Its media type.
        plain: As it is.
        packed: The same through gzip, which every browser takes.
    """

    kind: str
    plain: bytes
    packed: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Assets:
    """All of them.

    Attributes:
        files: By name.
        version: Of the whole, part of every address.
        map_styles: Ids of style sheets for maps that plotly would bring. It leaves one out where
            an element with its id is there, and no page here has to allow it.
    """

    files: Mapping[str, Asset]
    version: str
    map_styles: tuple[str, ...]

    def imported_by(self, name: str) -> list[str]:
        """Return the modules that a module needs, itself first, so that all are fetched at once."""
        found = [name]
        for one in found:
            text = self.files[one].plain.decode()
            found += [other for other in _IMPORTED.findall(text) if other not in found]
        return found


def load_assets() -> Assets:
    """Return the files of this package, and plotly as its wheel brings it."""
    found = {}
    for item in sorted(resources.files(__package__).joinpath("static").iterdir(), key=str):
        suffix = item.name.rpartition(".")[2]
        if suffix in _KINDS:
            found[item.name] = _asset(item.name, item.read_bytes())
    plotly = resources.files("plotly").joinpath("package_data", PLOTLY).read_bytes()
    found[PLOTLY] = _asset(PLOTLY, plotly)
    return Assets(
        files=MappingProxyType(found),
        version=_version(found),
        map_styles=tuple(_MAP_STYLES.findall(plotly.decode())),
    )


def _asset(name: str, content: bytes) -> Asset:
    return Asset(
        kind=_KINDS[name.rpartition(".")[2]],
        plain=content,
        packed=gzip.compress(content, compresslevel=_PACKED, mtime=0),
    )


def _version(files: Mapping[str, Asset]) -> str:
    """Return the beginning of a hash over all names and contents."""
    digest = hashlib.sha256()
    for name, one in sorted(files.items()):
        digest.update(f"{name}\0{len(one.plain)}\0".encode())
        digest.update(one.plain)
    return digest.hexdigest()[:16]
