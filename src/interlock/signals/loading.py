"""Strategies by name: a built-in one, or a class in somebody's own file."""

import hashlib
import importlib.util
import sys
from collections.abc import Mapping
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import MappingProxyType, ModuleType
from typing import Final, NoReturn

import numpy as np
import polars as pl
from pydantic import BaseModel

from interlock.config.errors import closest
from interlock.signals.builtin import BUILT_IN
from interlock.signals.frames import SCHEMA, StrategyError
from interlock.signals.parameters import with_parameters
from interlock.signals.strategy import Strategy, place_of

DEFAULT: Final = "ema_cross"
_NOTHING: Final[Mapping[str, object]] = MappingProxyType({})
_WARM_UP_BARS: Final = 4


def load_strategy(name: str = DEFAULT, values: Mapping[str, object] = _NOTHING) -> Strategy:
    """Return the strategy called ``name`` with these parameters, the others at their defaults.

    Args:
        name: ``ema_cross``, ``donchian_breakout``, ``rsi_reversion``, or a class in a file of
            one's own: ``path/to/file.py:ClassName``. The file is run, as any import is.
        values: By parameter; text is read as people write it (``parameters.read_settings``).

    Raises:
        StrategyError: There is no such strategy, its file cannot be used, or a parameter is wrong.
    """
    path, colon, short = name.rpartition(":")
    if colon and path.endswith(".py"):
        definition = _from_file(Path(path).expanduser(), short)
    elif name in BUILT_IN:
        definition = BUILT_IN[name]
    else:
        raise StrategyError(_unknown(name))
    return Strategy(name=short, source=name, definition=with_parameters(definition, short, values))


def warm() -> None:
    """Compile what the built-in strategies use, in both forms."""
    ones = np.ones(_WARM_UP_BARS)
    times = np.arange(_WARM_UP_BARS, dtype=np.int64)
    bars = pl.DataFrame({name: times if name == "ts" else ones for name in SCHEMA})
    for name in BUILT_IN:
        strategy = load_strategy(name)
        strategy.signals(bars)
        strategy.signals_bar_by_bar(bars)


def _unknown(name: str) -> str:
    """Return the sentence about a name that is neither built in nor a class in a file."""
    if name.endswith(".py"):
        return f"strategy {name} must name its class too. Next: --strategy {name}:ClassName."
    likely = closest(name, BUILT_IN)
    hint = f" Did you mean {likely}?" if likely is not None else ""
    return (
        f"strategy must be one of {', '.join(BUILT_IN)}, or path/to/file.py:ClassName, "
        f"was {name!r}.{hint}"
    )


class _FromSource(SourceFileLoader):
    """Runs what the file says now, never bytecode that Python kept.

    Python takes kept bytecode for current when second and size are the same, so that an edit right
    after a run would go on trading by the code before it.
    """

    def path_stats(self, path: object) -> NoReturn:
        """Have no age to compare with: then nothing kept is read, and nothing is kept."""
        raise OSError(f"{path} is always read")


def _run(path: Path) -> ModuleType:
    """Return the module in ``path``, run afresh."""
    if not path.is_file():
        raise StrategyError(f"strategy file {path} must exist, and was not found.")
    file = path.resolve()
    name = f"interlock_strategy_{hashlib.sha256(str(file).encode()).hexdigest()[:12]}"
    spec = importlib.util.spec_from_file_location(name, file, loader=_FromSource(name, str(file)))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    # pydantic looks up the names in annotations through this table.
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:
        del sys.modules[name]
        raise StrategyError(
            f"strategy file {path} could not be run: {place_of(error, str(file))}. "
            "Next: correct the file."
        ) from error
    return module


def _what_is_wrong(found: object) -> str | None:
    """Return why ``found`` cannot be a strategy, or None."""
    if not isinstance(found, type) or not issubclass(found, BaseModel):
        return "must be a class of the form class NAME(BaseModel, frozen=True, extra='forbid')"
    if not found.model_config.get("frozen") or found.model_config.get("extra") != "forbid":
        return "must be declared with frozen=True and extra='forbid', so that no typo goes unseen"
    if not callable(getattr(found, "signals", None)) and not callable(
        getattr(found, "start", None)
    ):
        return "must have a method signals(self, bars) or start(self), or both"
    return None


def _from_file(path: Path, class_name: str) -> type[BaseModel]:
    """Return a class from a file."""
    module = _run(path)
    names = [
        name
        for name, value in vars(module).items()
        if getattr(value, "__module__", "") == module.__name__ and _what_is_wrong(value) is None
    ]
    found = getattr(module, class_name, None)
    if found is None:
        likely = closest(class_name, names)
        hint = f" Did you mean {likely}?" if likely is not None else ""
        there = f"Strategies in it: {', '.join(names)}." if names else "It has no strategy."
        raise StrategyError(f"{path} must have a class {class_name!r}, and had none.{hint} {there}")
    wrong = _what_is_wrong(found)
    if wrong is not None:
        raise StrategyError(f"{path}: {class_name} {wrong}. Next: see docs/strategies.md.")
    assert isinstance(found, type)
    assert issubclass(found, BaseModel)
    return found
