"""What a journal says becomes alerts; what is history does not."""

from collections.abc import Iterator
from typing import Any

import pytest

from interlock.kernel.codes import Alarm, Cause
from interlock.runtime.clock import NS_PER_S, ManualClock
from interlock.service.notify import happenings
from interlock.service.notify.happenings import alerts_of
from interlock.service.notify.notices import AWAY_NS, FRESH_NS, NOTE_NS, JournalNotices
from interlock.service.notify.spool import Spool
from interlock.service.tables_notifications import alerts, notified
from tests.service.notify.rig import Rig, notify_settings, rig

NOW_NS = 1_763_000_000 * NS_PER_S


@pytest.fixture
def made() -> Iterator[Rig]:
    """Yield a rig."""
    with rig() as one:
        yield one


def latch(cause: str, level: str, *, is_set: bool = True, **more: Any) -> dict[str, Any]:
    """Return a latch that was set or released."""
    said = {"of": "account", "value": "5 %", "limit": "4 %", "who": "", "reason": ""}
    return {
        "type": "latch",
        "set": is_set,
        "cause": cause,
        "level": level,
        "seq": 1,
        **said,
        **more,
    }


def note(what: str, **says: Any) -> dict[str, Any]:
    """Return a note."""
    return {"type": "note", "what": what, "seq": 1, "wall_ns": 5, "says": says}


def told(item: dict[str, Any]) -> tuple[str, str] | None:
    """Return what is told of an item: severity and title."""
    found = list(alerts_of([item]))
    return (found[0].severity, found[0].title) if found else None


FILL = {
    "type": "fill",
    "seq": 3,
    "side": "BUY",
    "quantity": "0.5",
    "symbol": "BTC_USDT",
    "price": "100.00",
    "role": "ENTRY",
    "order": "o-1",
    "external": False,
}
TRADE = {
    "type": "trade",
    "seq": 4,
    "side": "long",
    "quantity": "0.5",
    "symbol": "BTC_USDT",
    "pnl": "12.00",
    "r": "1.20",
    "entry_price": "100.00",
    "exit_price": "124.0000",
    "reason": "TARGET",
    "strategy": "ema_cross",
}
SIGNAL = {
    "type": "signal",
    "seq": 5,
    "id": "s-1",
    "source": "webhook",
    "state": "SUBMITTED",
    "exit_only": False,
    "side": "BUY",
    "quantity": "0.5",
    "symbol": "BTC_USDT",
    "reasons": [],
    "message": "",
}


@pytest.mark.parametrize(
    ("item", "expected"),
    [
        (latch("DAILY_LOSS", "HALTED"), ("critical", "HALTED: DAILY_LOSS of account")),
        (latch("SPREAD", "PAUSED", of="BTC"), ("warning", "PAUSED: SPREAD of BTC")),
        (latch("KILL_IMMEDIATE", "KILLED"), ("critical", "KILLED: KILL_IMMEDIATE of account")),
        (latch("WATCHDOG", "PAUSED"), ("critical", "PAUSED: WATCHDOG of account")),
        (
            latch("DAILY_LOSS", "HALTED", is_set=False, who="user:alice"),
            ("warning", "released: DAILY_LOSS of account by user:alice"),
        ),
        (latch("SPREAD", "PAUSED", is_set=False), ("info", "released: SPREAD of account")),
        (FILL, ("info", "BUY 0.5 BTC_USDT at 100.00 (entry)")),
        (
            {**FILL, "external": True},
            ("warning", "not ordered here: BUY 0.5 BTC_USDT at 100.00 (entry)"),
        ),
        (TRADE, ("info", "closed long 0.5 BTC_USDT: 12.00, 1.20 R")),
        (SIGNAL, ("info", "alert submitted: BUY 0.5 BTC_USDT")),
        (
            {**SIGNAL, "state": "REFUSED", "reasons": ["LATE"]},
            ("info", "alert refused: BUY 0.5 BTC_USDT (LATE)"),
        ),
        ({**SIGNAL, "source": "strategy"}, None),
        ({**SIGNAL, "state": "NOTHING_TO_DO"}, None),
        (note("start", epoch=3, version="0.1"), ("info", "the engine has started (version 0.1)")),
        (note("stop", epoch=3, why="SIGTERM"), ("warning", "the engine has stopped: SIGTERM")),
        (
            note("missed_alert", why="no 7"),
            ("warning", "an alert is missing, and its strategy opens nothing any more"),
        ),
        (note("approval_expired", id="a-1"), ("info", "approval a-1 expired")),
        (note("approval_denied", id="a-1", who="x"), ("info", "approval a-1 denied by x")),
        (note("audit_head"), None),
        ({"type": "policy", "seq": 1, "digest": "d", "before": "", "changes": []}, None),
        (
            {"type": "policy", "seq": 1, "digest": "d", "before": "c", "changes": ["x"]},
            ("warning", "other rules hold"),
        ),
        ({"type": "bar", "seq": 1}, None),
        ({"type": "what is new", "seq": 1}, None),
    ],
)
def test_what_is_told(item: dict[str, Any], expected: tuple[str, str] | None) -> None:
    assert told(item) == expected


@pytest.mark.parametrize("alarm", [one for one in Alarm if one is not Alarm.NONE])
def test_every_alarm_has_words(alarm: Alarm) -> None:
    item = {"type": "alarm", "alarm": alarm.name, "of": "BTC_USDT", "order": "o-1", "seq": 1}
    found = told(item)
    assert found is not None
    assert "a person has to look" not in found[1]


def test_the_causes_that_are_named_are_there() -> None:
    assert {one.name for one in Cause} >= happenings._ALWAYS_CRITICAL
    assert set(happenings._ALARMS) <= {one.name for one in Alarm}


def test_a_latch_is_closed_by_its_release() -> None:
    set_, released = alerts_of([latch("SPREAD", "PAUSED"), latch("SPREAD", "PAUSED", is_set=False)])
    assert set_.key in released.closes
    assert "value: 5 %" in set_.text


# --- reading along ------------------------------------------------------------------------------


class Reading:
    """A subscriber, and the journal that it reads."""

    def __init__(self, made: Rig, clock: ManualClock, ends: tuple[int, int]) -> None:
        self.ends = ends
        self.woken = 0
        spool = Spool(made.database, clock, notify_settings(), {"test": "info"})
        self.notices = JournalNotices(spool, clock, ends=lambda: self.ends, wake=self._wake)

    def _wake(self) -> None:
        self.woken += 1


def test_a_journal_that_has_just_begun_is_news(made: Rig) -> None:
    clock = ManualClock(NOW_NS)
    reading = Reading(made, clock, (3, NOW_NS - FRESH_NS))
    assert reading.notices.begin("j", {}) == 0
    assert reading.notices.take([{**FILL, "seq": 3}], 5) == 5
    assert (reading.woken, len(made.table(alerts))) == (1, 1)


def test_history_is_not_told(made: Rig) -> None:
    clock = ManualClock(NOW_NS)
    reading = Reading(made, clock, (900, NOW_NS - FRESH_NS - 1))
    assert reading.notices.begin("j", {}) == 900
    reading.notices.take([{**FILL, "seq": 890}, {**FILL, "seq": 901}], 901)
    assert [row.key for row in made.table(alerts)] == ["fill:901"]


def test_what_happened_during_a_restart_is_told_late(made: Rig) -> None:
    clock = ManualClock(NOW_NS)
    first = Reading(made, clock, (0, NOW_NS))
    first.notices.begin("j", {})
    first.notices.take([{**FILL, "seq": 3}], 5)
    clock.advance(AWAY_NS)
    again = Reading(made, clock, (900, NOW_NS))
    assert again.notices.begin("j", {}) == 5
    clock.advance(1)
    assert Reading(made, clock, (900, NOW_NS)).notices.begin("j", {}) == 900


def test_a_journal_that_became_shorter_is_not_told_again(made: Rig) -> None:
    clock = ManualClock(NOW_NS)
    reading = Reading(made, clock, (0, NOW_NS))
    reading.notices.begin("j", {})
    reading.notices.take([{**FILL, "seq": 3}], 500)
    reading.ends = (40, NOW_NS)
    assert reading.notices.begin("j", {}) == 500
    assert reading.notices.begin("", {}) == 40
    reading.notices.take([{**FILL, "seq": 41}], 41)
    assert len(made.table(alerts)) == 2


def test_nothing_is_written_while_nothing_is_told(made: Rig) -> None:
    clock = ManualClock(NOW_NS)
    reading = Reading(made, clock, (0, NOW_NS))
    reading.notices.begin("j", {})
    for seq in range(1, 50):
        reading.notices.take([{"type": "bar", "seq": seq}], seq)
    assert made.table(notified) == []
    clock.advance(NOTE_NS)
    reading.notices.take([], 50)
    assert [row.seq for row in made.table(notified)] == [50]
