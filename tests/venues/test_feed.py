"""Sources and paces: what comes next, and when it is told."""

from collections import deque
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from interlock.config.speed import read_speed
from interlock.kernel.codes import SELL, Flag, Kind, Role
from interlock.kernel.policy import SMALL
from interlock.kernel.records import Row, Rows, rows
from interlock.venues.port import Account, Beat, Market, Message, Report, Turn, Welcome
from interlock.venues.simulated.asks import AskAccount, CancelAll
from interlock.venues.simulated.desk import Desk
from interlock.venues.simulated.ledger import MEMORY, Ledger
from interlock.venues.simulated.pace import Pacer
from interlock.venues.simulated.source import TapeSource, bar_row
from tests.sim.tapes import CASH, SECOND_NS, bars_of, facts_of, tape_of, worlds
from tests.venues.caller import buy
from tests.venues.plain import Line, desk_of


@given(
    st.lists(st.integers(1, 30), max_size=12),
    st.lists(st.integers(1, 30), max_size=12),
)
def test_a_recording_goes_on_from_any_place_as_if_it_had_never_stopped(
    closes: list[int], times: list[int]
) -> None:
    table = "\n".join(
        f"0 {close - 1} {close} 5 5 5 {place + 1}" for place, close in enumerate(sorted(closes))
    )
    bars = bars_of(table) if closes else tape_of("").bars
    facts = facts_of(" ".join(f"{time}:DAY" for time in sorted(times)))
    source = TapeSource(bars, facts)
    whole = []
    while (row := source.peek()) is not None:
        taken = source.take()
        assert taken is not None
        assert taken.tobytes() == row.tobytes()
        whole.append(row.tobytes())
    assert source.has_ended
    assert len(whole) == len(closes) + len(times)
    for place in range(len(whole) + 1):
        again = TapeSource(bars, facts)
        again.seek(place)
        rest = []
        while (row := again.take()) is not None:
            rest.append(row.tobytes())
        assert rest == whole[place:]


def test_a_bar_is_told_at_its_close_and_says_when_it_opened() -> None:
    row = bar_row(bars_of("1 60 120 10 12 9 11 500")[0])
    assert (row["kind"], row["instrument"]) == (Kind.BAR, 1)
    assert row["ts_ns"] == row["src_ts_ns"] == 120 * SECOND_NS
    assert row["value"] == 60 * SECOND_NS
    assert [int(row[name]) for name in ("open", "high", "low", "close", "volume")] == [
        *(10, 12, 9, 11, 500)
    ]


# --- pace -------------------------------------------------------------------------------------


class Stopwatch:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


def row_at(second: int, kind: Kind = Kind.BAR) -> Row:
    row: Row = rows(1)[0]
    row["kind"] = kind
    row["ts_ns"] = second * SECOND_NS
    return row


def told_at(pacer: Pacer, watch: Stopwatch, told: list[Row], late_s: float = 0.0) -> list[float]:
    """Return when each row is told by who waits as long as he is told, and ``late_s`` longer."""
    found = []
    for row in told:
        watch.now_s += pacer.wait_s(row) + late_s
        pacer.told(row)
        found.append(round(watch.now_s, 6))
    return found


def test_bars_per_second_counts_bars_and_not_their_times() -> None:
    watch = Stopwatch()
    told = [row_at(60), row_at(60, Kind.DAY), row_at(7_200), row_at(7_200), row_at(9_000)]
    assert told_at(Pacer(read_speed("10bars/s"), watch), watch, told) == [
        *(100.0, 100.0, 100.1, 100.2, 100.3)
    ]


def test_a_multiple_of_the_recordings_time() -> None:
    watch = Stopwatch()
    told = [row_at(60), row_at(90, Kind.DAY), row_at(120), row_at(240)]
    assert told_at(Pacer(read_speed("60x"), watch), watch, told) == [100.0, 100.5, 101.0, 103.0]


def test_all_it_can_waits_for_nothing() -> None:
    watch = Stopwatch()
    assert told_at(Pacer(read_speed("max"), watch), watch, [row_at(1), row_at(9_999)]) == [100, 100]


def test_small_delays_do_not_add_up_and_long_ones_are_not_caught_up_with() -> None:
    watch = Stopwatch()
    pacer = Pacer(read_speed("10bars/s"), watch)
    late = told_at(pacer, watch, [row_at(60 * at) for at in range(1, 11)], late_s=0.01)
    assert late[-1] == pytest.approx(100.92)
    watch.now_s += 50
    after = told_at(pacer, watch, [row_at(6_000), row_at(6_060)])
    assert after[1] - after[0] == pytest.approx(0.1)


def test_every_bar_is_announced_before_it_is_told_so_that_it_can_wait() -> None:
    """Also right after the turn of the strategies, and not while something else is due."""
    tape = tape_of("0 0 60 9 9 9 9\n0 60 120 9 9 9 9\n0 120 180 9 9 9 9")
    _, world = worlds()
    desk = desk_of(world, tape, cash_units=CASH)
    line = Line(desk)
    line.say(line.codec.hello(epoch=1, feed=0) + line.codec.done(beat=0, spoke=False))
    for close, spoke in ((60, True), (120, False), (180, True)):
        row = desk.feed.upcoming
        assert row is not None
        assert row["ts_ns"] == close * SECOND_NS
        beat = line.hear()[-1]
        assert isinstance(beat, Beat)
        line.say(line.codec.done(beat=beat.number, spoke=spoke))
        if not spoke:
            assert desk.feed.upcoming is None  # the strategies have their turn first
            beat = line.hear()[-1]
            assert isinstance(beat, Beat)
            line.say(line.codec.done(beat=beat.number, spoke=True))


# --- feeds that do not wait -------------------------------------------------------------------


def test_a_free_running_recording_goes_on_without_answers() -> None:
    tape = tape_of("0 0 60 9 9 9 9\n0 60 120 9 9 9 9\n0 120 180 9 9 9 9")
    _, world = worlds()
    desk = Desk(
        world,
        TapeSource(tape.bars, tape.facts),
        Ledger(MEMORY, "x"),
        instruments=3,
        cash_units=CASH,
        tier=SMALL,
        waits=False,
    )
    line = Line(desk)
    line.say(line.codec.hello(epoch=1, feed=0) + line.codec.done(beat=0, spoke=False))
    beats = [line.hear()[-1] for _ in range(3)]
    assert [beat.strategies for beat in beats if isinstance(beat, Beat)] == [Turn.YES] * 3
    line.say(line.codec.done(beat=1, spoke=True))
    line.say(line.codec.hello(epoch=1, feed=1) + line.codec.done(beat=0, spoke=False))
    market = line.hear()[0]
    assert isinstance(market, Market)
    assert market.rows["ext_lo"].tolist() == [2, 3]


@dataclass
class LiveSource:
    """Closed bars as they come."""

    coming: deque[Row] = field(default_factory=deque)
    is_recording: bool = False
    has_ended: bool = False

    def seek(self, taken: int, place: bytes) -> None:
        """Live: what is gone is gone."""
        assert taken >= 0
        assert not place

    def place(self) -> bytes:
        return b""

    def peek(self) -> Row | None:
        return self.coming[0] if self.coming else None

    def take(self) -> Row | None:
        return self.coming.popleft() if self.coming else None


def live_desk(source: LiveSource, now: list[int], ledger: Ledger | None = None) -> Desk:
    _, world = worlds("", (1, 1))
    return Desk(
        world,
        source,
        ledger or Ledger(MEMORY, "x"),
        instruments=3,
        cash_units=CASH,
        tier=SMALL,
        clock=lambda: now[0] * SECOND_NS,
    )


def closed_bar(open_s: int, price: int) -> Row:
    return bar_row(bars_of(f"0 {open_s} {open_s + 60} {price} {price} {price} {price} 100")[0])


def all_told(line: Line) -> list[Any]:
    """Return everything there is to hear now, without answering."""
    found: list[Message] = []
    while messages := line.hear():
        found += messages
    return found


def test_a_live_market_stamps_orders_itself_and_never_waits() -> None:
    """The engine's time on the order says 1 s; it arrives at 121 s, in the bar from 120 s on."""
    now = [60]
    source = LiveSource(deque([closed_bar(0, 1_000)]))
    line = Line(live_desk(source, now))
    (welcome,) = line.say(line.codec.hello(epoch=1, feed=0))
    assert isinstance(welcome, Welcome)
    assert not welcome.replay
    line.say(line.codec.done(beat=0, spoke=False))
    market, beat = all_told(line)
    assert isinstance(market, Market)
    assert isinstance(beat, Beat)
    assert beat.strategies is Turn.YES
    now[0] = 120
    line.say(line.codec.request(buy("a", ts_ns=1)))
    assert all_told(line) == []
    now[0] = 122
    (accepted, _) = all_told(line)
    assert isinstance(accepted, Report)
    assert accepted.row["src_ts_ns"] == 121 * SECOND_NS
    now[0] = 180
    source.coming.append(closed_bar(120, 1_100))
    told = all_told(line)
    kinds = [int(each.row["kind"]) for each in told if isinstance(each, Report)]
    assert kinds == [Kind.FILL]


def test_a_live_market_goes_on_while_no_engine_listens() -> None:
    now = [60]
    source = LiveSource(deque([closed_bar(0, 1_000)]))
    ledger = Ledger(MEMORY, "x")
    line = Line(live_desk(source, now, ledger))
    line.say(line.codec.hello(epoch=1, feed=0) + line.codec.done(beat=0, spoke=False))
    all_told(line)
    line.say(line.codec.request(buy("a")))
    line.desk.leave()
    for minute in range(1, 4):
        now[0] = 60 * minute + 60
        source.coming.append(closed_bar(60 * minute, 1_000))
        line.desk.run_alone()
    assert not line.desk.can_advance
    found = ledger.find("a")
    assert found is not None
    assert found.filled == 100
    line.say(line.codec.hello(epoch=2, feed=1) + line.codec.done(beat=0, spoke=False))
    told = [each for each in all_told(line) if isinstance(each, Market)]
    assert [each.rows["ext_lo"].tolist() for each in told] == [[2], [3], [4]]


def test_a_feed_tells_numbers_without_gaps_and_none_for_funding() -> None:
    bars = "0 0 60 9 9 9 9\n0 60 120 9 9 9 9"
    tape = tape_of(bars, facts="30:DAY 60:FUNDING:5 70:SESSION_OPEN 130:DAY")
    _, world = worlds()
    line = Line(desk_of(world, tape, cash_units=CASH))
    line.say(line.codec.hello(epoch=1, feed=0) + line.codec.done(beat=0, spoke=False))
    told: list[Rows] = []
    while messages := line.hear():
        told += [message.rows for message in messages if isinstance(message, Market)]
        beat = messages[-1]
        if isinstance(beat, Beat):
            line.say(line.codec.done(beat=beat.number, spoke=True))
    table = np.concatenate(told)
    assert table["ext_lo"].tolist() == [1, 2, 3, 4, 5]
    assert [Kind(kind).name for kind in table["kind"].tolist()] == [
        *("DAY", "BAR", "SESSION_OPEN", "BAR", "DAY")
    ]


def test_a_warden_of_a_live_market_waits_for_no_bar_and_a_dead_engine_hears_of_it_later() -> None:
    """At the last price, at the time of day; the engine's pending order is cancelled first."""
    now = [60]
    source = LiveSource(deque([closed_bar(0, 1_000)]))
    ledger = Ledger(MEMORY, "x")
    line = Line(live_desk(source, now, ledger))
    line.say(line.codec.hello(epoch=1, feed=0) + line.codec.done(beat=0, spoke=False))
    all_told(line)
    line.say(line.codec.request(buy("a")))
    now[0] = 120
    source.coming.append(closed_bar(60, 1_000))
    all_told(line)
    line.say(line.codec.request(buy("b")))
    line.desk.leave()
    now[0] = 122
    line.desk.take_from_warden(CancelAll())
    order = buy("w-T-1", side=SELL, role=Role.EXIT, flags=Flag.REDUCE_ONLY)
    line.desk.take_from_warden(order)
    (account,) = line.desk.take_from_warden(AskAccount())
    assert isinstance(account, Account)
    assert (account.orders, account.positions) == ((), {})
    (found,) = line.desk.feed.strangers()
    assert found.row["src_ts_ns"] == 122 * SECOND_NS
    assert found.row["close"] == 1_000
