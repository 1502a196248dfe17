"""Strategies: they see closed bars when these are durable, and propose; they can never order."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from interlock.kernel.codes import Cause, Kind, Level
from interlock.kernel.records import Row, Rows, rows
from interlock.signals.frames import StrategyError
from interlock.signals.rows import to_rows
from interlock.signals.signal import Bar, Signals
from interlock.signals.strategy import Strategy, Watch

_FIRST: Final = slice(0, 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale:
    """The digits of one instrument's numbers."""

    symbol: str
    price_digits: int
    qty_digits: int


def bar_of(row: Row, scale: Scale) -> Bar:
    """Return a BAR event as strategies see it; ``value`` of the row is when the bar opened."""
    price = 10**scale.price_digits
    return Bar(
        ts_ns=int(row["value"]),
        open=int(row["open"]) / price,
        high=int(row["high"]) / price,
        low=int(row["low"]) / price,
        close=int(row["close"]) / price,
        volume=int(row["volume"]) / 10**scale.qty_digits,
    )


def _nothing_held(_signal: Rows) -> bool:
    """Hold nothing back."""
    return False


@dataclass(slots=True)
class Failure:
    """A strategy that failed and speaks no more until a person looked at it."""

    strategy: str
    said: str


class Turns:
    """One strategy's eyes on every instrument of the account.

    Args:
        strategy: With its parameters.
        index: Its number in the policy's table.
        scales: By instrument.
    """

    def __init__(self, strategy: Strategy, index: int, scales: Sequence[Scale]) -> None:
        self._strategy = strategy
        self._index = index
        self._scales = tuple(scales)
        self._watches: list[Watch] = [strategy.start() for _ in scales]
        self.holds: Callable[[Rows], bool] = _nothing_held  # entries that wait for a person
        self.failure: Failure | None = None
        self.unseen: list[Row] = []  # journaled, and perhaps nobody had spoken on them

    def remember(self, bars: Iterable[Row], unseen: Iterable[Row] = ()) -> None:
        """See bars that were decided on before: what is proposed on them is not said again.

        A strategy that fails on them is silenced: positions have to be looked after all the same.

        Args:
            bars: On which the strategies have spoken.
            unseen: On which they may not have: their turn is still to come.
        """
        self.unseen.extend(unseen)
        for row in bars:
            if self.failure is not None:
                return
            number = int(row["instrument"])
            try:
                self._watches[number].on_bar(bar_of(row, self._scales[number]))
            except StrategyError as error:
                self.failure = Failure(self._strategy.name, str(error))

    def speak(self, bars: Iterable[Row], now_ns: int) -> list[Rows]:
        """Return what is proposed on closed bars: SIGNAL rows, each of shape (1,).

        A strategy that fails is silenced, and its entries are paused until a person has looked:
        the row that asks for it is the last one returned.

        Args:
            bars: Durable BAR rows in their order.
            now_ns: When they are heard.
        """
        found: list[Rows] = []
        if self.failure is not None:
            return found
        for row in bars:
            number = int(row["instrument"])
            scale = self._scales[number]
            try:
                signal = self._watches[number].on_bar(bar_of(row, scale))
                if signal is None:
                    continue
                one = Signals.at(
                    [0],
                    signal.side,
                    exit_only=signal.exit_only,
                    edge_bps=signal.edge_bps,
                    stop=signal.stop,
                    target=signal.target,
                    score=signal.score,
                )
                table, _ = to_rows(
                    one,
                    instrument=number,
                    strategy=self._index,
                    price_digits=scale.price_digits,
                    position=_FIRST,
                    close_ns=np.array([int(row["src_ts_ns"])]),
                )
            except StrategyError as error:
                self.failure = Failure(self._strategy.name, str(error))
                found.append(self.pause(now_ns))
                return found
            table["ts_ns"] = max(now_ns, int(row["ts_ns"]))
            if not self.holds(table):
                found.append(table)
        return found

    def pause(self, now_ns: int) -> Rows:
        """Return the request that this strategy opens nothing any more, shape (1,)."""
        row = rows(1)
        row["kind"] = Kind.HALT
        row["code"] = Cause.SAFE_MODE
        row["level"] = Level.PAUSED
        row["strategy"] = self._index
        row["ts_ns"] = now_ns
        row["src_ts_ns"] = now_ns
        return row
