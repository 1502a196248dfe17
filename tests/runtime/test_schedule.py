"""The calendar of a live session: what is due when, and what is put right after a start."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from interlock.data.blackouts import Blackout
from interlock.data.calendars import boundaries
from interlock.data.inference import infer_instrument
from interlock.kernel.codes import Kind, Release
from interlock.kernel.records import Rows
from interlock.kernel.state import StateArray, new_state
from interlock.runtime.clock import NS_PER_S
from interlock.runtime.schedule import Plan, Schedule

SHARE = infer_instrument("SPY", price_digits=2, price_first=400.0)
COIN = infer_instrument("BTC_USDT", price_digits=2, price_first=400.0)
HOUR_NS = 3_600 * NS_PER_S


def at(text: str) -> int:
    """Return a time in UTC."""
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * NS_PER_S


def blackout(start: str, end: str) -> Blackout:
    return Blackout(name="x", start_ns=at(start), end_ns=at(end))


def plan_of(*blackouts: Blackout) -> Plan:
    def plan(start_ns: int, end_ns: int) -> Rows:
        return boundaries(
            [SHARE, COIN], start_ns, end_ns, account_time_zone="UTC", blackouts=blackouts
        )

    return plan


@dataclass
class Desk:
    """A schedule, a kernel's state that believes what it is told, and what that was."""

    schedule: Schedule
    state: StateArray = field(default_factory=lambda: new_state(1))
    told: list[tuple[str, int]] = field(default_factory=list)
    room: int = 1_000_000
    stamps: list[int] = field(default_factory=list)

    def offer(self, row: Rows) -> bool:
        if self.room == 0:
            return False
        self.room -= 1
        kind, number = Kind(int(row["kind"][0])), int(row["instrument"][0])
        self.told.append((kind.name, number))
        self.stamps.append(int(row["ts_ns"][0]))
        believed = self.state["instruments"][0]
        match kind:
            case Kind.SESSION_OPEN | Kind.SESSION_CLOSE:
                believed["session_open"][number] = kind == Kind.SESSION_OPEN
            case Kind.BLACKOUT_START | Kind.BLACKOUT_END:
                believed["blackouts"][number] += 1 if kind == Kind.BLACKOUT_START else -1
            case Kind.TIMER:
                self.state["latches"]["met"] |= int(Release.COOLDOWN)
            case _:
                assert kind == Kind.DAY
        return True

    def mind(self, now: str | int) -> list[tuple[str, int]]:
        """Mind a moment, and return what was told then."""
        self.told.clear()
        now_ns = at(now) if isinstance(now, str) else now
        self.schedule.mind(now_ns, self.state, self.offer)
        return list(self.told)


def desk(since: str, *blackouts: Blackout, **given_: Any) -> Desk:
    return Desk(Schedule(plan_of(*blackouts), [False, True], since_ns=at(since)), **given_)


def test_sessions_and_days_come_when_they_are_due() -> None:
    """Tuesday 2 January 2024, New York trades from 14:30 to 21:00 UTC."""
    one = desk("2024-01-02 12:00")
    assert one.mind("2024-01-02 12:00") == []
    assert one.mind("2024-01-02 14:29:59") == []
    assert one.mind("2024-01-02 14:30") == [("SESSION_OPEN", 0)]
    assert one.mind("2024-01-02 20:59") == []
    assert one.mind("2024-01-02 21:00:01") == [("SESSION_CLOSE", 0)]
    assert one.stamps[-1] == at("2024-01-02 21:00:01")
    assert one.mind("2024-01-03 00:00") == [("DAY", -1)]


def test_a_start_in_the_middle_of_a_session_opens_it() -> None:
    one = desk("2024-01-02 16:00")
    assert one.mind("2024-01-02 16:00") == [("SESSION_OPEN", 0)]
    assert one.mind("2024-01-02 16:01") == []


def test_a_session_that_closed_meanwhile_is_closed_and_a_missed_day_begins() -> None:
    one = desk("2024-01-02 16:00")
    one.state["instruments"]["session_open"][0, 0] = 1
    assert one.mind("2024-01-04 02:00") == [("SESSION_CLOSE", 0), ("DAY", -1)]


def test_a_start_on_the_same_day_begins_none() -> None:
    one = desk("2024-01-02 03:00")
    assert one.mind("2024-01-02 12:00") == []


def test_blackouts_are_put_right_whatever_was_believed() -> None:
    runs = blackout("2024-01-02 10:00", "2024-01-02 14:00")
    one = desk("2024-01-02 12:00", runs)
    one.state["instruments"]["blackouts"][0, :2] = (2, 0)
    assert one.mind("2024-01-02 12:00") == [("BLACKOUT_END", 0), ("BLACKOUT_START", 1)]
    assert one.mind("2024-01-02 14:00") == [("BLACKOUT_END", 0), ("BLACKOUT_END", 1)]


def test_a_blackout_longer_than_the_horizon_is_begun_once() -> None:
    one = desk("2024-01-01 12:00", blackout("2024-01-01 13:00", "2024-02-01 00:00"))
    starts = ends = 0
    for hour in range(0, 32 * 24, 5):
        told = one.mind(at("2024-01-01 12:00") + hour * HOUR_NS)
        starts += told.count(("BLACKOUT_START", 1))
        ends += told.count(("BLACKOUT_END", 1))
    assert (starts, ends) == (1, 1)


def test_what_finds_no_room_comes_the_next_time() -> None:
    one = desk("2024-01-01 23:00")
    one.mind("2024-01-01 23:00")
    one.room = 0
    assert one.mind("2024-01-02 00:00") == []
    one.room = 5
    assert one.mind("2024-01-02 00:00:01") == [("DAY", -1)]


def test_another_calendar_holds_from_then_on() -> None:
    one = desk("2024-01-02 12:00")
    one.mind("2024-01-02 12:00")
    one.schedule.plan_with(plan_of(blackout("2024-01-02 11:00", "2024-01-02 13:00")))
    assert one.mind("2024-01-02 12:01") == [("BLACKOUT_START", 0), ("BLACKOUT_START", 1)]
    one.schedule.plan_with(plan_of())
    assert one.mind("2024-01-02 12:02") == [("BLACKOUT_END", 0), ("BLACKOUT_END", 1)]


def test_a_cooldown_that_is_over_is_told_once() -> None:
    one = desk("2024-01-02 12:00")
    one.state["account"]["latches"] = 1
    latch = one.state["latches"][0]
    latch["release"][0] = Release.COOLDOWN | Release.PERSON
    latch["cooldown_until_ns"][0] = at("2024-01-02 12:10")
    assert one.mind("2024-01-02 12:09:59") == []
    assert one.mind("2024-01-02 12:10") == [("TIMER", -1)]
    assert one.mind("2024-01-02 12:10:02") == []


@given(st.lists(st.integers(1, 60), min_size=1, max_size=40))
def test_however_often_it_is_minded_the_calendar_is_told_once_and_in_order(
    steps: list[int],
) -> None:
    begin_ns = at("2024-03-08 09:00")  # two days before clocks change in New York
    runs = blackout("2024-03-08 12:00", "2024-03-11 15:00")
    one = desk("2024-03-08 09:00", runs)
    now_ns = begin_ns
    told = one.mind(now_ns)
    for step in steps:
        now_ns += step * HOUR_NS // 3
        told += one.mind(now_ns)
    expected = plan_of(runs)(begin_ns, now_ns)
    assert told == [
        (Kind(kind).name, number)
        for kind, number in zip(
            expected["kind"].tolist(), expected["instrument"].tolist(), strict=True
        )
    ]
    assert np.all(np.diff(one.stamps) >= 0)
