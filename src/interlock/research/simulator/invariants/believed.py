"""What may be believed of an instrument's market: the rules of docs/data.md, written a second time.

The kernel has them too. Here they are plain Python over journaled rows, so that a decision can be
judged by what was known, and not by what the kernel says it knew.
"""

from dataclasses import dataclass
from typing import Final

from interlock.kernel.codes import Kind
from interlock.research.simulator.invariants.facts import Told
from interlock.research.simulator.invariants.limits import Numbers

JUMP: Final = 10
JUMPS_BELIEVED: Final = 3
AHEAD_NS_MAX: Final = 2_000_000_000
PRICE_MAX: Final = 2**40
QTY_MAX: Final = 2**40
UNITS_MAX: Final = 2**60
NS_MAX: Final = 2**62
_BAR: Final = int(Kind.BAR)
_QUOTE: Final = int(Kind.QUOTE)


@dataclass(slots=True)
class Believed:
    """One instrument's market; prices in ticks, times in ns.

    Attributes:
        mark: What positions are valued at; 0 for none.
        good_ns: When the last good number was made.
        quarantined: Bad numbers since then.
        is_sound: Whether the last quote had a bid below an ask.
        suspect: The last price that jumped too far.
        suspects: How many jumped there in a row.
        blackouts: Windows that are running.
    """

    mark: int = 0
    bid: int = 0
    ask: int = 0
    good_ns: int = 0
    quarantined: int = 0
    is_sound: bool = True
    suspect: int = 0
    suspects: int = 0
    is_open: bool = False
    blackouts: int = 0
    is_halted: bool = False

    def hear(self, told: Told, spec: Numbers) -> bool:
        """Take a bar, a quote or a trade; return whether it is good. A bad one only counts."""
        if not 0 <= told.src_ts_ns < NS_MAX:
            return False
        if told.kind == _BAR:
            return self._take(_bar_price(told, spec), told)
        if told.kind == _QUOTE:
            return self._quote(told, spec)
        return self._take(told.close if _in_range(told.close, told.close, spec) else 0, told)

    def _take(self, price: int, told: Told) -> bool:
        """Make a price the mark; 0 for one that cannot be."""
        if price == 0 or not self._comes_in_time(told) or not self._is_believed(price):
            self.quarantined += 1
            return False
        self.mark = price
        return self._good(told)

    def _quote(self, told: Told, spec: Numbers) -> bool:
        bid, ask = told.open, told.high
        low = max(bid, ask) if bid == 0 or ask == 0 else min(bid, ask)
        in_range = _in_range(low, max(bid, ask), spec) and min(bid, ask) >= 0
        if not in_range or not self._comes_in_time(told) or not self._is_believed(low):
            self.quarantined += 1
            return False
        self.bid, self.ask = bid, ask
        self.is_sound = 0 < bid < ask
        if self.is_sound:
            self.mark = (bid + ask) // 2
        return self._good(told)

    def _good(self, told: Told) -> bool:
        self.quarantined = 0
        self.good_ns = told.src_ts_ns
        return True

    def _comes_in_time(self, told: Told) -> bool:
        return self.good_ns <= told.src_ts_ns <= told.ts_ns + AHEAD_NS_MAX

    def _is_believed(self, price: int) -> bool:
        """Return whether a price may be a mark; a jump needs two more to the same place."""
        if self.mark == 0 or _is_near(price, self.mark):
            self.suspects = 0
            return True
        if self.suspects > 0 and not _is_near(price, self.suspect):
            self.suspects = 0
        self.suspect = price
        self.suspects += 1
        return self.suspects >= JUMPS_BELIEVED


def _is_near(price: int, mark: int) -> bool:
    return price < mark * JUMP and price * JUMP > mark


def _in_range(low: int, high: int, spec: Numbers) -> bool:
    return 0 < low <= high <= PRICE_MAX and high * spec["unit_num"] < UNITS_MAX


def _bar_price(told: Told, spec: Numbers) -> int:
    """Return the close of a bar that can have happened; 0 for another."""
    if not _in_range(told.low, told.high, spec) or not 0 <= told.volume <= QTY_MAX:
        return 0
    is_inside = told.low <= told.open <= told.high and told.low <= told.close <= told.high
    return told.close if is_inside else 0
