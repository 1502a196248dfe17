"""When things last went on, in the time that they belong to."""

from pathlib import Path
from typing import Any

import pytest

from interlock.runtime.clock import NS_PER_S
from interlock.runtime.engine import Engine
from interlock.runtime.pulse import STUCK_NS, Pulse, market_of, watchdog_said
from tests.runtime.probes import Fresh, fresh

KILLED = {"watchdog": {"wanted": True, "pid": 1, "seen_s": 0.5}}


@pytest.fixture
def found(tmp_path: Path) -> Fresh:
    return fresh(tmp_path)


def pulse_of(found: Fresh) -> Pulse:
    session = found.session
    return Pulse(session.engine, session.clock, lambda: KILLED, list(session.setup.scales))


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
    engine = found.session.engine
    policy, state, scales = engine.decider.policy, engine.decider.state, found.session.setup.scales
    now_ns = int(state["account"]["ts_ns"][0])
    later_ns = now_ns + 3 * 86_400 * NS_PER_S
    assert market_of(policy, state, list(scales), now_ns)[0]["fresh"]
    late = market_of(policy, state, list(scales), later_ns)[0]
    assert not late["fresh"]
    assert late["age_ms"] > late["max_age_ms"]


def test_a_market_without_a_session_is_idle(found: Fresh) -> None:
    found.bars(3)
    engine = found.session.engine
    state = engine.decider.state.copy()
    state["instruments"][0, 0]["session_open"] = 0
    (row,) = market_of(engine.decider.policy, state, list(found.session.setup.scales), 1)
    assert row["idle"]


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
