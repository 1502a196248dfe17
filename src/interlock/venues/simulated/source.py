"""A recording as the source of a simulated venue: bars by their close, and the facts between."""

from typing import Final

import numpy as np

from interlock.data.merge import Bars
from interlock.kernel.codes import Kind
from interlock.kernel.records import Row, Rows, rows

_PRICES: Final = ("open", "high", "low", "close", "volume")


class TapeSource:
    """Bars and facts in the order in which a backtest takes them.

    A fact comes before the bars that close after it, and after one that closes with it
    (``sim.loop.run_tape``).

    Args:
        bars: Shape (n,), dtype ``data.merge.BAR``, by close.
        facts: Shape (m,), dtype ``ROW``, by ``ts_ns``: calendar, funding, quotes, trades.
    """

    def __init__(self, bars: Bars, facts: Rows) -> None:
        self._bars = bars
        self._closes = bars["close_ns"]
        self._facts = facts
        self._fact_times = facts["ts_ns"]
        self._bar = 0
        self._fact = 0

    @property
    def is_recording(self) -> bool:
        """True: it can wait."""
        return True

    @property
    def has_ended(self) -> bool:
        """Whether nothing will ever come after what was taken."""
        return self._bar == len(self._bars) and self._fact == len(self._facts)

    def seek(self, taken: int, place: bytes = b"") -> None:
        """Go on after the first ``taken`` rows; a recording needs to know no more."""
        assert not place
        assert 0 <= taken <= len(self._bars) + len(self._facts)
        low, high = 0, len(self._bars)
        while low < high:
            middle = (low + high) // 2
            if middle + self._facts_before(middle) >= taken:
                high = middle
            else:
                low = middle + 1
        # Of the rows before bar ``low`` those that were not taken are facts.
        self._bar = low
        self._fact = taken - low

    def place(self) -> bytes:
        """Return nothing: how many rows were taken says it all."""
        return b""

    def _facts_before(self, bar: int) -> int:
        """Return how many facts come before a bar."""
        return int(np.searchsorted(self._fact_times, self._closes[bar], side="left"))

    def _comes_fact(self) -> bool:
        """Return whether the next row is a fact."""
        if self._fact == len(self._facts):
            return False
        if self._bar == len(self._bars):
            return True
        return bool(self._fact_times[self._fact] < self._closes[self._bar])

    def peek(self) -> Row | None:
        """Return the next row; None at the end."""
        if self.has_ended:
            return None
        if self._comes_fact():
            fact: Row = self._facts[self._fact]
            return fact
        return bar_row(self._bars[self._bar])

    def take(self) -> Row | None:
        """Return the next row and go on to the one after it."""
        row = self.peek()
        if row is not None:
            if self._comes_fact():
                self._fact += 1
            else:
                self._bar += 1
        return row


def bar_row(bar: Row) -> Row:
    """Return a closed bar (dtype ``data.merge.BAR``) as a row of kind BAR."""
    row: Row = rows(1)[0]
    row["kind"] = Kind.BAR
    row["instrument"] = bar["instrument"]
    row["ts_ns"] = bar["close_ns"]
    row["src_ts_ns"] = bar["close_ns"]
    row["value"] = bar["open_ns"]
    for name in _PRICES:
        row[name] = bar[name]
    return row
