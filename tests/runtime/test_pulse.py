"""When things last went on, in the time that they belong to."""

from pathlib import Path
from typing import Any

import pytest

from interlock.runtime.clock import NS_PER_S
from interlock.runtime.engine import Engine
from interlock.runtime.pulse import STUCK_NS, Pulse, market_of, watchdog_said
from tests.runtime.probes import Fresh, fresh

DAY_NS = 86_400 * NS_PER_S
KILLED = {"watchdog": {"wanted": True, "pid": 1, "seen_s": 0.5}}


@pytest.fixture
def found(tmp_path: Path) -> Fresh:
    return fresh(tmp_path)


def pulse_of(found: Fresh) -> Pulse:
    session = found.session
    return Pulse(session.engine, session.clock, lambda: KILLED, list(session.setup.scales))


def market(found: Fresh, now_ns: int, *, opened_ns: list[int] | None) -> dict[str, Any]:
    decider, scales = found.session.engine.decider, found.session.setup.scales
    (row,) = market_of(decider.policy, decider.state, scales, now_ns, opened_ns=opened_ns)
    return row


def test_it_remembers_when_something_was_different(found: Fresh) -> None:
    pulse, clock = pulse_of(found), found.session.clock
    pulse.mind()
    said = pulse.said()
    assert (said["feed_age_s"], said["cycle_age_s"]) == (None, None)
    found.bars(2)
    clock.advance(2 * NS_PER_S)
    pulse.mind()
    clock.advance(3 * NS_PER_S)
    pulse.mind()
    said = pulse.said()
    assert (said["feed_age_s"], said["cycle_age_s"], said["running_s"]) == (3.0, 3.0, 5.0)
    assert said["watchdog"] == {"wanted": True, "alive": True, "age_s": 0.5}


def test_a_recordings_numbers_are_as_old_as_its_own_time_says(found: Fresh) -> None:
    pulse = pulse_of(found)
    assert pulse.said()["market"][0]["fresh"] is False, "nothing was told yet"
    assert pulse.said()["market"][0]["age_ms"] is None
    found.bars(3)
    found.session.clock.advance(10**6 * NS_PER_S)  # the recording waits for us
    said = pulse.said()
    assert said["market_clock"] == "recording"
    assert said["market"][0]["fresh"]
    assert said["market"][0]["age_ms"] <= said["market"][0]["max_age_ms"]


def test_live_numbers_get_older_by_the_clock(found: Fresh) -> None:
    found.bars(3)
    now_ns = int(found.session.engine.decider.state["account"]["ts_ns"][0])
    assert market(found, now_ns, opened_ns=[0])["fresh"]
    late = market(found, now_ns + 3 * DAY_NS, opened_ns=[0])
    assert not late["fresh"]
    assert late["age_ms"] > late["max_age_ms"]


def test_a_number_is_waited_for_from_the_opening_on(found: Fresh) -> None:
    """After a long weekend the first bar of the week is not late."""
    found.bars(3)
    now_ns = int(found.session.engine.decider.state["account"]["ts_ns"][0]) + 4 * DAY_NS
    assert market(found, now_ns, opened_ns=[now_ns - DAY_NS // 4])["fresh"]
    assert not market(found, now_ns, opened_ns=[now_ns - 2 * DAY_NS])["fresh"]


def test_between_two_bars_of_a_recording_nothing_is_late(found: Fresh) -> None:
    found.bars(3)
    now_ns = int(found.session.engine.decider.state["account"]["ts_ns"][0]) + 4 * DAY_NS
    assert market(found, now_ns, opened_ns=None)["fresh"]


def test_a_number_from_the_future_or_a_quarantined_one_is_not_fresh(found: Fresh) -> None:
    found.bars(3)
    state = found.session.engine.decider.state
    now_ns = int(state["account"]["ts_ns"][0])
    state["instruments"]["quarantined"][0, 0] = 1
    assert not market(found, now_ns, opened_ns=None)["fresh"]
    state["instruments"]["quarantined"][0, 0] = 0
    state["instruments"]["good_ns"][0, 0] = now_ns + 1
    assert not market(found, now_ns, opened_ns=None)["fresh"]


def test_a_market_without_a_session_is_idle(found: Fresh) -> None:
    found.bars(3)
    found.session.engine.decider.state["instruments"]["session_open"][0, 0] = 0
    assert market(found, 1, opened_ns=None)["idle"]


def test_it_sees_when_a_session_begins(found: Fresh) -> None:
    pulse = pulse_of(found)
    table = found.session.engine.decider.state["instruments"]
    table["session_open"][0, 0] = 0
    pulse.mind()
    found.bars(1)
    table["session_open"][0, 0] = 1
    pulse.mind()
    assert pulse._opened_ns == [found.session.engine.now_ns()]


def test_the_venue_answers_about_the_account_again_and_again(found: Fresh) -> None:
    pulse, clock = pulse_of(found), found.session.clock
    clock.advance(4 * NS_PER_S)
    assert pulse.said()["venue_round_trip_age_ms"] == 4_000


class Stuck:
    """An engine whose disk does not answer, as far as that is looked at."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self.progress = type("Progress", (), {"durable_seq": engine.decider.seq - 5})()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._engine, name)


def test_a_journal_that_nothing_is_written_to_is_not_writable(found: Fresh) -> None:
    clock = found.session.clock
    engine: Any = Stuck(found.session.engine)
    pulse = Pulse(engine, clock, lambda: KILLED, list(found.session.setup.scales))
    pulse.mind()
    assert pulse.said()["journal_writable"]
    clock.advance(STUCK_NS)
    pulse.mind()
    assert not pulse.said()["journal_writable"]
    assert pulse.said()["journal_stuck_ms"] == STUCK_NS // 1_000_000
    engine.progress.durable_seq += 1  # slow is not stuck
    pulse.mind()
    assert pulse.said()["journal_writable"]
    engine.progress.durable_seq += 4
    pulse.mind()
    assert pulse.said()["journal_stuck_ms"] == 0


@pytest.mark.parametrize(
    ("seen_s", "alive"), [(None, False), (0.0, True), (10.0, True), (10.1, False)]
)
def test_a_watchdog_is_alive_while_it_asks(seen_s: float | None, *, alive: bool) -> None:
    killed = {"watchdog": {"wanted": True, "pid": 1, "seen_s": seen_s}}
    assert watchdog_said(killed) == {"wanted": True, "alive": alive, "age_s": seen_s}
