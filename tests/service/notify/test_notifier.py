"""Alerts reach people by every channel that works, whatever the others do, and none is lost."""

import time
from collections.abc import Callable, Iterator

import pytest

from interlock.config.notifications import Severity
from interlock.runtime.clock import NS_PER_S, ManualClock, SystemClock
from interlock.service.notify import courier, notifier, spool
from interlock.service.notify.channel import ChannelError, Way
from interlock.service.notify.spool import Place, Spool
from interlock.service.tables_notifications import alerts, deliveries
from tests.service.notify.rig import ChannelForTests, Rig, alert, notify_settings, rig

MINUTE_NS = 60 * NS_PER_S


@pytest.fixture
def made() -> Iterator[Rig]:
    """Yield a rig."""
    with rig() as one:
        yield one


def way(channel: ChannelForTests, least: Severity = "info") -> Way:
    """Return a channel that takes everything from a severity on."""
    return Way(channel=channel, least=least)


def has(words: str) -> Callable[[ChannelForTests], bool]:
    """Return what says whether a channel has a message with some words."""
    return lambda it: any(words in one.text for one in it.messages)


def spool_of(made: Rig, clock: ManualClock, *names: str, **changes: int) -> Spool:
    """Return a spool for some channels."""
    return Spool(
        made.database, clock, notify_settings(**changes), dict.fromkeys(names or ("test",), "info")
    )


# --- what is told, and to whom ------------------------------------------------------------------


def test_each_channel_gets_what_matters_enough(made: Rig) -> None:
    low, high = ChannelForTests("low"), ChannelForTests("high")
    with made.running(way(low), way(high, "critical")) as notices:
        notices.tell(alert(1, "info"))
        notices.tell(alert(2, "critical"))
        low.wait(lambda it: len(it.messages) == 2)
        high.wait(lambda it: len(it.messages) == 1)
    assert high.subjects() == ["[CRITICAL] title 2"]
    assert high.messages[0].ids == (2,)
    assert "alert 2" in high.messages[0].text


def test_nothing_is_kept_that_nobody_wants(made: Rig) -> None:
    clock = ManualClock(NS_PER_S)
    only_critical = Spool(made.database, clock, notify_settings(), {"test": "critical"})
    assert only_critical.take([alert(1, "info"), alert(2, "warning"), alert(3)]) == 1
    assert [row.severity for row in made.table(alerts)] == ["warning", "critical"]


def test_the_same_is_counted_and_told_again_later(made: Rig) -> None:
    clock = ManualClock(NS_PER_S)
    kept = spool_of(made, clock, repeat_minutes=10)
    assert kept.take([alert(1)]) == 1
    assert kept.take([alert(1), alert(1)]) == 0
    assert [(row.key, row.count) for row in made.table(alerts)] == [("k1", 3)]
    clock.advance(10 * MINUTE_NS)
    assert kept.take([alert(1)]) == 1
    assert "It came 3 times before this." in made.table(alerts)[1].text


def test_what_is_over_is_told_anew_when_it_comes_back(made: Rig) -> None:
    clock = ManualClock(NS_PER_S)
    kept = spool_of(made, clock)
    kept.take([alert(1)])
    kept.take([alert(2, "info", closes=("k1",))])
    assert kept.take([alert(1)]) == 1
    first, _, again = made.table(alerts)
    assert (first.acknowledged_by, again.acknowledged_by) == ("over", None)


def test_a_text_cannot_forge_a_header_or_a_line(made: Rig) -> None:
    clock = ManualClock(NS_PER_S)
    kept = spool_of(made, clock)
    kept.take([alert(1, title="a\r\nBcc: x\x1b[2J\u202e", text="b\u2028c\n\x00d")])
    row = made.table(alerts)[0]
    assert row.title == "a Bcc: x [2J"
    assert row.text == "b\nc\nd"


# --- what cannot be sent ------------------------------------------------------------------------


def test_a_dead_channel_holds_up_no_other(made: Rig) -> None:
    dead, hangs, works = ChannelForTests("dead"), ChannelForTests("hangs"), ChannelForTests("works")
    dead.problem, hangs.hangs = ChannelError("no route"), True
    with made.running(way(dead), way(hangs), way(works)) as notices:
        for number in range(20):
            notices.tell(alert(number, "info"))
            works.wait(has(f"title {number}"))
        assert dead.messages == hangs.messages == []
        assert notices.conditions()["dead"]["problem"] == "no route"
        began_s = time.monotonic()
    assert time.monotonic() - began_s < 5  # hanging channels do not hold up an end either


def test_what_waits_survives_a_restart(made: Rig) -> None:
    channel = ChannelForTests()
    channel.problem = ChannelError("away")
    with made.running(way(channel)) as notices:
        notices.tell(alert(1))
        channel.wait(lambda it: it.tries == 1)
    channel.problem = None
    with made.running(way(channel)):
        channel.wait(lambda it: len(it.messages) == 1)
        made.until(lambda: [row.state for row in made.table(deliveries)] == ["SENT"])


def test_what_was_sent_and_not_noted_comes_again_with_the_same_id(made: Rig) -> None:
    clock = ManualClock(NS_PER_S)
    kept = spool_of(made, clock)
    kept.take([alert(1)])
    first = kept.due("test", 10)
    again = kept.due("test", 10)  # a crash between sending and noting
    assert [one.alert_id for one in first] == [one.alert_id for one in again] == [1]
    kept.sent([first[0].delivery], "m")
    assert kept.due("test", 10) == []


def test_a_channel_that_works_again_gets_everything(
    made: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(courier, "PAUSE_MAX_S", 0.01)
    channel, other = ChannelForTests("broken"), ChannelForTests("other")
    channel.problem = ChannelError("down", wait_s=0.01)
    with made.running(way(channel), way(other)) as notices:
        notices.tell(alert(1))
        other.wait(lambda it: any("broken does not take" in one for one in it.subjects()))
        channel.problem = None
        channel.wait(lambda it: any("title 1" in one.text for one in it.messages))
        other.wait(lambda it: any("broken takes messages again" in x.text for x in it.messages))
        assert notices.conditions()["broken"]["last_ok"]


def test_what_a_channel_will_never_take_is_let_go(made: Rig) -> None:
    channel = ChannelForTests()
    channel.problem = ChannelError("too long", is_final=True)
    with made.running(way(channel)) as notices:
        notices.tell(alert(1))
        channel.wait(lambda it: it.tries == 1)
        made.until(lambda: [row.state for row in made.table(deliveries)] == ["GONE"])
        assert notices.conditions()["test"]["problem"] == "too long"


# --- floods -------------------------------------------------------------------------------------


def test_a_flood_becomes_few_messages_and_critical_ones_come_alone(made: Rig) -> None:
    channel = ChannelForTests()
    clock = ManualClock(SystemClock().now_ns())
    flood = [alert(number, "info") for number in range(1_000)]
    spool_of(made, clock).take([*flood, alert(2_000, "critical")])
    with made.running(way(channel)):
        channel.wait(lambda it: sum(len(one.ids) for one in it.messages) >= 1_001)
    assert channel.subjects()[0] == "[CRITICAL] title 2000"
    assert len(channel.messages) <= 6
    assert max(len(one.text) for one in channel.messages) <= 4_000


def test_a_spool_that_is_full_lets_go_of_what_matters_least(made: Rig) -> None:
    clock = ManualClock(NS_PER_S)
    kept = spool_of(made, clock, spool_max=100)
    kept.take([alert(number, "critical") for number in range(90)])
    kept.take([alert(number, "info") for number in range(1_000, 1_500)])
    kept.take([alert(5_000, "warning")])
    waiting = kept.due("test", 1_000)
    assert len(waiting) == 100
    assert sum(one.severity == "critical" for one in waiting) == 90
    assert sum(one.severity == "warning" for one in waiting) == 1
    assert kept.dropped("test") == 491
    assert kept.dropped("test") == 0


def test_a_flood_of_critical_ones_is_bounded_too(made: Rig) -> None:
    clock = ManualClock(NS_PER_S)
    kept = spool_of(made, clock, spool_max=100)
    for start in range(0, 1_000, 100):
        kept.take([alert(number) for number in range(start, start + 100)])
    assert len(kept.due("test", 10_000)) == 100


def test_old_alerts_are_forgotten(made: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spool, "KEPT_MAX", 50)
    monkeypatch.setattr(spool, "PRUNE_EVERY", 10)
    clock = ManualClock(NS_PER_S)
    kept = spool_of(made, clock)
    kept.take([alert(1, "critical")])
    for number in range(2, 202):
        kept.take([alert(number, "info")])
        kept.sent([one.delivery for one in kept.due("test", 100)], "")
    rows = made.table(alerts)
    assert len(rows) <= 62
    assert rows[0].severity == "critical"  # somebody is waited for


def test_news_that_is_a_day_old_is_no_news(made: Rig) -> None:
    clock = ManualClock(NS_PER_S)
    kept = spool_of(made, clock)
    kept.take([alert(1, "info"), alert(2, "critical")])
    clock.advance(25 * 60 * MINUTE_NS)
    assert [one.alert_id for one in kept.due("test", 10)] == [2]
    kept.escalate()
    assert [row.state for row in made.table(deliveries)] == ["GONE", "WAITS"]


# --- until somebody looks -----------------------------------------------------------------------


def test_a_critical_alert_is_told_everywhere_until_somebody_looks(made: Rig) -> None:
    clock = ManualClock(NS_PER_S)
    kept = Spool(made.database, clock, notify_settings(), {"a": "info", "b": "critical"})
    kept.take([alert(1, "critical"), alert(2, "warning")])
    for name in ("a", "b"):
        kept.sent([one.delivery for one in kept.due(name, 10)], "m")
    assert kept.escalate() == clock.now_ns() + 10 * MINUTE_NS
    for times in (1, 2, 3):
        clock.advance(10 * MINUTE_NS)
        kept.escalate()
        for name in ("a", "b"):
            waiting = kept.due(name, 10)
            assert [(one.alert_id, one.escalations) for one in waiting] == [(1, times)]
            kept.sent([one.delivery for one in waiting], "m")
    with made.database.begin() as connection:
        assert kept.acknowledge(connection, 1, "user:alice") is True
        assert kept.acknowledge(connection, 1, "user:bob") is False
        assert kept.acknowledge(connection, 9, "user:bob") is None
    clock.advance(10 * MINUTE_NS)
    assert kept.escalate() is None
    assert made.table(alerts)[0].acknowledged_by == "user:alice"


def test_a_channel_that_is_away_gets_one_of_them_when_it_is_back(made: Rig) -> None:
    clock = ManualClock(NS_PER_S)
    kept = spool_of(made, clock)
    kept.take([alert(1, "critical")])
    for _ in range(5):
        clock.advance(10 * MINUTE_NS)
        kept.escalate()
    assert len(kept.due("test", 10)) == 1


def test_an_escalation_says_since_when(made: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(notifier, "LOOK_S", 0.02)
    channel = ChannelForTests()
    clock = ManualClock(1_763_000_000 * NS_PER_S)
    made.clock = clock
    with made.running(way(channel)) as notices:
        notices.tell(alert(1))
        channel.wait(lambda it: len(it.messages) == 1)
        clock.advance(10 * MINUTE_NS)
        channel.wait(lambda it: len(it.messages) == 2)
    assert channel.messages[1].text.startswith(
        "Nobody acknowledged this since 2025-11-13T02:13:20Z (1):"
    )


# --- the notifier itself ------------------------------------------------------------------------


def test_what_cannot_be_kept_is_sent_all_the_same(made: Rig) -> None:
    channel = ChannelForTests()
    with made.running(way(channel)) as notices:
        notices.tell(alert(1))
        channel.wait(lambda it: len(it.messages) == 1)
        with made.database.begin() as connection:
            connection.exec_driver_sql("ALTER TABLE alerts RENAME TO gone")
        notices.trouble("audit", "the disk is full")
        channel.wait(lambda it: any("could not be kept" in one.text for one in it.messages))
    assert "audit" in channel.subjects()[-1]


def test_telling_neither_blocks_nor_raises_without_a_notifier(made: Rig) -> None:
    notices = made.make()
    for number in range(5_000):
        notices.tell(alert(number))
    notices.stop()
    assert made.table(alerts) == []


def test_a_place_is_kept_with_its_alerts(made: Rig) -> None:
    clock = ManualClock(NS_PER_S)
    kept = spool_of(made, clock)
    assert kept.place("j") is None
    kept.take([alert(1)], Place(journal="j", seq=7))
    kept.take([], Place(journal="j", seq=9))
    assert kept.place("j") == (9, NS_PER_S)
