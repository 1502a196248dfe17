"""A strategy as the engine sees it: checked, with both forms whichever its author wrote.

What people write is a frozen pydantic class whose fields are its parameters, with one or both of

* ``signals(self, bars: pl.DataFrame) -> Signals``: all bars at once, on a frame with the columns
  of ``frames.SCHEMA``;
* ``start(self)``: an object of its own for each instrument, whose ``on_bar(bar)`` returns a
  ``Signal`` or None.

It may also say ``edge_required: ClassVar[bool]``, which is False by default.
"""

import inspect
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, runtime_checkable

import polars as pl
from pydantic import BaseModel

from interlock.config.errors import shown
from interlock.signals.frames import StrategyError, as_bars, bars_of, frame_of, ts_ns_of, when
from interlock.signals.parameters import Parameter, parameters_of
from interlock.signals.signal import Bar, Signal, SignalError, Signals, gathered

Tick = Callable[[int], None]  # told how many bars are done


class OnBar(Protocol):
    """What ``start`` returns: it remembers what it needs from bar to bar."""

    def on_bar(self, bar: Bar) -> Signal | None:
        """Return what to do at the close of ``bar``."""


@runtime_checkable
class Vectorised(Protocol):
    """A strategy that sees all bars at once."""

    def signals(self, bars: pl.DataFrame) -> Signals:
        """Return all signals on ``bars``."""


@runtime_checkable
class BarByBar(Protocol):
    """A strategy that sees one bar after the other."""

    def start(self) -> OnBar:
        """Return a fresh object for one instrument."""


def place_of(error: BaseException, file: str | None) -> str:
    """Return ``my_strategy.py line 12: NameError: ...``, without a stack trace.

    Args:
        error: What was raised.
        file: The author's file, whose last line on the stack is named rather than one of a library.
    """
    said = f"{type(error).__name__}: {error}".splitlines()[0].rstrip(": ")
    if isinstance(error, SyntaxError) and file is not None and error.filename == file:
        return f"{Path(file).name} line {error.lineno}: {type(error).__name__}: {error.msg}"
    frames = traceback.extract_tb(error.__traceback__)
    theirs = [frame for frame in frames if frame.filename == file]
    if not theirs:
        return said
    return f"{Path(theirs[-1].filename).name} line {theirs[-1].lineno}: {said}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Strategy:
    """One strategy with its parameters set.

    Attributes:
        name: Of a built-in strategy, or the name of its class: policies and reports use this.
        source: What ``load_strategy`` was asked for: the name, or ``path/to/file.py:ClassName``.
        definition: What its author wrote.
    """

    name: str
    source: str
    definition: BaseModel

    def __post_init__(self) -> None:
        assert self.vectorised or self.bar_by_bar

    @property
    def vectorised(self) -> bool:
        """Whether its author wrote ``signals``; else it is derived by going bar by bar."""
        return isinstance(self.definition, Vectorised)

    @property
    def bar_by_bar(self) -> bool:
        """Whether its author wrote ``start``; else every bar runs ``signals`` on all bars so far.

        That is slow: the cost of a bar grows with the number of bars before it.
        """
        return isinstance(self.definition, BarByBar)

    @property
    def edge_required(self) -> bool:
        """Whether an entry without a stated edge is refused."""
        return bool(getattr(self.definition, "edge_required", False))

    def signals(self, frame: pl.DataFrame) -> Signals:
        """Return all signals on a frame of bars.

        Raises:
            StrategyError: The strategy raised, returned something else, or a signal that does not
                make sense.
        """
        bars = as_bars(frame)
        if not isinstance(self.definition, Vectorised):
            return self.signals_bar_by_bar(bars)
        with _naming(self, bars):
            found = self.definition.signals(bars)
            if not isinstance(found, Signals):
                raise SignalError(f"signals must return Signals, was {type(found).__name__}")
            if found.index.size and found.index[-1] >= bars.height:
                raise SignalError(
                    f"index must be below {bars.height}, the number of bars, was {found.index[-1]}",
                    bar=bars.height - 1,
                )
        return found

    def signals_bar_by_bar(self, frame: pl.DataFrame, tick: Tick | None = None) -> Signals:
        """Return the same by going from bar to bar, as in live trading.

        Args:
            frame: Bars.
            tick: Told after each bar how many are done.
        """
        watch = self.start()
        found = []
        for i, bar in enumerate(bars_of(as_bars(frame))):
            signal = watch.on_bar(bar)
            if signal is not None:
                found.append((i, signal))
            if tick is not None:
                tick(i + 1)
        return gathered(found)

    def start(self) -> "Watch":
        """Return a fresh watch over one instrument."""
        if not isinstance(self.definition, BarByBar):
            return Watch(self, _Expanding(self))
        with _naming(self, None):
            watcher = self.definition.start()
            if not callable(getattr(watcher, "on_bar", None)):
                raise SignalError(
                    f"start must return an object with on_bar, was {type(watcher).__name__}"
                )
        return Watch(self, watcher)

    def parameters(self) -> tuple[Parameter, ...]:
        """Return what can be set, in its author's order."""
        return parameters_of(type(self.definition))

    def describe(self) -> str:
        """Return in a few lines what it does, its parameters with their values, and its forms."""
        lines = [f"{self.name}: {inspect.getdoc(type(self.definition)) or 'not described'}"]
        for one in self.parameters():
            value = shown(getattr(self.definition, one.name))
            lines.append(f"  {one.name}: {one.help or 'not described'} ({one.allowed}; {value})")
        forms = {
            (True, True): "vectorised and bar by bar",
            (True, False): "vectorised; bar by bar is derived, and slow",
            (False, True): "bar by bar; vectorised is derived",
        }
        lines.append(f"  Forms: {forms[self.vectorised, self.bar_by_bar]}.")
        return "\n".join(lines)


@contextmanager
def _naming(strategy: Strategy, where: pl.DataFrame | Bar | None) -> Iterator[None]:
    """Turn whatever the author's code raises into a sentence that names strategy and bar."""
    try:
        yield
    except StrategyError:
        raise
    except Exception as error:  # the author's code may raise anything
        at = ""
        if isinstance(where, Bar):
            at = f" at the bar of {when(where.ts_ns)}"
        elif isinstance(where, pl.DataFrame) and where.height:
            times = ts_ns_of(where)
            bar = error.bar if isinstance(error, SignalError) else None
            if bar is not None and bar < times.size:
                at = f" at bar {bar}, {when(int(times[bar]))}"
            else:
                at = f" on {times.size} bars up to {when(int(times[-1]))}"
        place = place_of(error, inspect.getsourcefile(type(strategy.definition)))
        raise StrategyError(
            f"strategy {strategy.name} failed{at}: {place}. Next: correct the strategy; "
            "nothing was traded on this signal."
        ) from error


class Watch:
    """A strategy's eye on one instrument, bar by bar; every answer is checked."""

    def __init__(self, strategy: Strategy, watcher: OnBar) -> None:
        self._strategy = strategy
        self._watcher = watcher

    def on_bar(self, bar: Bar) -> Signal | None:
        """Return what the strategy proposes at the close of ``bar``.

        Raises:
            StrategyError: It raised, or returned something else. What it remembers may be wrong
                now: start it afresh.
        """
        with _naming(self._strategy, bar):
            signal = self._watcher.on_bar(bar)
            if signal is not None and not isinstance(signal, Signal):
                raise SignalError(
                    f"on_bar must return a Signal or None, was {type(signal).__name__}"
                )
        return signal


class _Expanding:
    """Bar by bar derived from ``signals``: all bars so far, again for every bar."""

    def __init__(self, strategy: Strategy) -> None:
        self._strategy = strategy
        self._bars: list[Bar] = []

    def on_bar(self, bar: Bar) -> Signal | None:
        """Return the signal that ``signals`` gives on the newest bar."""
        self._bars.append(bar)
        found = self._strategy.signals(frame_of(self._bars))
        if found.index.size and found.index[-1] == len(self._bars) - 1:
            return found.signal(-1)
        return None
