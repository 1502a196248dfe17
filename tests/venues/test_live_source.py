"""The source of a live venue: history, then what closes; and where it goes on after a restart."""

import threading
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from interlock.data.merge import BAR, Bars
from interlock.kernel.codes import Kind
from interlock.kernel.records import Row, Rows, rows
from interlock.runtime.clock import NS_PER_S, ManualClock
from interlock.venues.simulated.candles import CandleError
from interlock.venues.simulated.live import LiveBars
from tests.emulators.binance import Binance, serving
from tests.venues.watching import BEGIN_NS, MINUTE_NS, Watching


@pytest.fixture
def far_side() -> Iterator[Binance]:
    with serving(Binance(ManualClock(BEGIN_NS))) as found:
        yield found


def history(*minutes: int, instrument: int = 0) -> Bars:
    """Return bars that closed before the beginning: the n-th minute before it, from 1."""
    found = np.zeros(len(minutes), dtype=BAR)
    found["instrument"] = instrument
    for bar, minute in zip(found, minutes, strict=True):
        bar["open_ns"] = BEGIN_NS - minute * MINUTE_NS
        bar["close_ns"] = bar["open_ns"] + MINUTE_NS
        for name in ("open", "high", "low", "close"):
            bar[name] = 6_000_000
    return found


def charges(from_ns: int, to_ns: int) -> Rows:
    """Return two charges at every full minute from one time to before another."""
    times = range(-(-from_ns // MINUTE_NS) * MINUTE_NS, to_ns, MINUTE_NS)
    found = rows(2 * len(times))
    found["kind"] = Kind.FUNDING
    found["ts_ns"] = np.repeat(np.array(times, dtype=np.int64), 2)
    found["instrument"] = np.tile([0, 1], len(times))
    return found


def taken(source: LiveBars, count: int) -> list[Row]:
    """Take so many rows, as the thread finds them."""
    found: list[Row] = []
    pause = threading.Event()
    while len(found) < count:
        row = source.take()
        if row is None:
            pause.wait(0.005)
        else:
            found.append(row)
    return found


def source_of(watching: Watching, bars: Bars, **given: Any) -> LiveBars:
    return LiveBars(watching.asking, bars, instruments=1, now_ns=watching.clock.now_ns, **given)


def minutes_of(found: list[Row]) -> list[int]:
    return [(int(row["ts_ns"]) - BEGIN_NS) // MINUTE_NS for row in found]


def test_history_comes_first_and_then_what_closes(far_side: Binance) -> None:
    watching = Watching(far_side)
    source = source_of(watching, history(3, 2, 1))
    assert not source.is_recording
    assert not source.has_ended
    assert minutes_of(taken(source, 3)) == [-2, -1, 0]
    assert source.peek() is None
    watching.clock.advance(61 * NS_PER_S)
    assert minutes_of(taken(source, 1)) == [1]
    source.close()


def test_after_a_restart_nothing_is_told_twice_and_nothing_is_left_out(far_side: Binance) -> None:
    watching = Watching(far_side)
    source = source_of(watching, history(3, 2, 1))
    taken(source, 2)
    place = source.place()
    source.close()
    watching.clock.advance(121 * NS_PER_S)
    again = source_of(Watching(far_side), history(3, 2, 1))
    again.seek(2, place)
    assert minutes_of(taken(again, 3)) == [0, 1, 2]
    again.close()


def test_funding_falls_due_between_bars_and_once(far_side: Binance) -> None:
    watching = Watching(far_side)
    source = source_of(watching, history(2, 1), charges=charges)
    found = taken(source, 3)
    assert [int(row["kind"]) for row in found] == [Kind.BAR, Kind.FUNDING, Kind.FUNDING]
    assert minutes_of(found) == [-1, -1, -1]
    place = source.place()
    source.close()
    again = source_of(Watching(far_side), history(2, 1), charges=charges)
    again.seek(3, place)
    (bar,) = taken(again, 1)
    assert (int(bar["kind"]), minutes_of([bar])) == (Kind.BAR, [0])
    again.close()


def test_half_a_charge_is_gone_on_with(far_side: Binance) -> None:
    source = source_of(Watching(far_side), history(2, 1), charges=charges)
    taken(source, 2)
    place = source.place()
    source.close()
    again = source_of(Watching(far_side), history(2, 1), charges=charges)
    again.seek(2, place)
    found = taken(again, 2)
    assert [(int(row["kind"]), int(row["instrument"])) for row in found] == [
        (Kind.FUNDING, 1),
        (Kind.BAR, 0),
    ]
    again.close()


def test_a_thread_that_breaks_is_not_passed_over(far_side: Binance) -> None:
    watching = Watching(far_side, ("NOBODY_USDT",))
    source = source_of(watching, history(1))
    taken(source, 1)
    watching.clock.advance(61 * NS_PER_S)
    with pytest.raises(CandleError, match="NOBODY_USDT"):
        taken(source, 1)
