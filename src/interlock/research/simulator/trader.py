"""Traders: a strategy that never speaks, and signals as a gateway brings them in."""

import random

from interlock.kernel.codes import BUY, SELL, Flag, Kind
from interlock.kernel.records import Rows, rows
from interlock.kernel.state import StateArray
from interlock.research.simulator.account import STRATEGIES
from interlock.signals.signal import Bar, Signal


class _Mute:
    """Sees bars, bad ones too, and says nothing."""

    _nothing: Signal | None = None

    def on_bar(self, bar: Bar) -> Signal | None:
        """See a closed bar."""
        return self._nothing if bar.ts_ns >= 0 else None


class Silent:
    """A strategy for an engine that hears its signals from elsewhere."""

    name = "silent"
    warmup = 0

    def start(self) -> _Mute:
        """Return what watches one instrument."""
        return _Mute()


def signal(chance: random.Random, state: StateArray, instruments: int, now_ns: int) -> Rows:
    """Return an idea of a trader, shape (1,): often out of what is held, mad now and then.

    Args:
        chance: What traders think.
        state: What the engine believes.
        instruments: How many are traded.
        now_ns: When it is had.
    """
    row = rows(1)
    number = chance.randrange(instruments)
    held = state["instruments"][0, number]
    position, mark = int(held["position"]), int(held["mark"])
    row["kind"] = Kind.SIGNAL
    row["instrument"] = number
    row["strategy"] = chance.randrange(STRATEGIES)
    row["side"] = chance.choice((BUY, SELL))
    if position != 0 and chance.random() < 0.6:  # noqa: PLR2004 - most want out again
        row["strategy"] = max(int(held["owner"]), 0)
        row["side"] = chance.choice((SELL if position > 0 else BUY, 0))
    if chance.random() < 0.1:  # noqa: PLR2004 - one in ten only closes
        row["flags"] = Flag.EXIT_ONLY
    if chance.random() < 0.1:  # noqa: PLR2004 - one in ten names a price
        row["stop_ticks"] = max(mark * chance.randint(90, 110) // 100, 1)
    row["edge_bps"] = chance.randrange(0, 200)
    row["has_edge"] = 1
    row["ts_ns"] = row["src_ts_ns"] = now_ns
    return row
