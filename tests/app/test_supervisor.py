"""The supervisor: what it does when a child ends, when somebody signals, when time passes."""

import signal
from pathlib import Path

import pytest

from interlock.app.launch import Launch
from interlock.app.processes import RESTARTS_MAX
from tests.app.fakes import World, ends_when_asked


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give each test a home of its own."""
    folder = tmp_path / "home"
    monkeypatch.setenv("INTERLOCK_HOME", str(folder))
    return folder


def engine_ends(world: World) -> None:
    """The engine was asked to end, and does."""
    ends_when_asked(world, "engine")


def venue_ends(world: World) -> None:
    """The venue was asked to end, and does."""
    ends_when_asked(world, "venue")


def test_the_venue_is_started_before_the_engine_and_ended_after_it() -> None:
    world = World(
        [
            lambda w: w.signalled(signal.SIGINT),
            lambda w: w.tells("stopped", why="asked", seq=7),
            engine_ends,
            venue_ends,
        ]
    )

    assert world.run() == 0
    assert [child.name for child in world.children] == ["venue", "engine", "watchdog"]
    assert world.screen.events() == ["stopping"]
    assert world.screen.last == {"ended": False, "why": "asked", "seq": 7}
    assert world.screen.code == 0


def test_what_a_person_said_reaches_both_children() -> None:
    launch = Launch(speed="max", data=("/a.csv", "/b.csv"), strategy="donchian_breakout")
    world = World([lambda w: w.ends("engine", 0), venue_ends], launch=launch)
    world.run()
    said = ["--speed", "max", "--data", "/a.csv", "--data", "/b.csv"]
    said += ["--strategy", "donchian_breakout"]

    assert world.newest("venue").arguments == said
    assert world.newest("engine").arguments == [*said, "--stop-at-end"]


def test_looser_limits_are_the_engine_s_alone() -> None:
    world = World([lambda w: w.ends("engine", 0), venue_ends], launch=Launch(loosen=True))
    world.run()

    assert "--loosen" in world.newest("engine").arguments
    assert "--loosen" not in world.newest("venue").arguments


def test_on_a_terminal_an_ended_recording_is_looked_at_until_somebody_stops_it() -> None:
    world = World(
        [
            lambda w: w.answers(ended=True),
            lambda w: w.signalled(signal.SIGTERM),
            lambda w: w.tells("stopped", why="asked"),
            engine_ends,
            venue_ends,
        ],
        stays=True,
    )

    assert world.run() == 0
    assert "--stop-at-end" not in world.newest("engine").arguments
    assert world.screen.last == {"ended": True, "why": "asked"}


@pytest.mark.parametrize("name", ["engine", "venue"])
def test_a_child_that_is_killed_is_started_again_after_a_pause(name: str) -> None:
    world = World(
        [
            lambda w: w.ends(name, -9),
            lambda w: w.passes(0.4),
            lambda w: assert_started(w, name, 1),
            lambda w: w.passes(0.2),
            lambda w: assert_started(w, name, 2),
            lambda w: w.ends("engine", 0),
            venue_ends,
        ]
    )

    assert world.run() == 0
    assert world.screen.said[0][0] == "starts_again"
    assert world.screen.said[0][1]["how"] == "was killed by SIGKILL"


def assert_started(world: World, name: str, times: int) -> None:
    """See how often a child was started."""
    assert world.started(name) == times


def test_an_engine_that_ends_too_often_stays_down() -> None:
    """FAULTS: a crash loop must not go on for ever."""
    crashes = []
    for _ in range(RESTARTS_MAX):
        crashes += [lambda w: w.ends("engine", 1, "boom"), lambda w: w.passes(10)]
    world = World([*crashes, lambda w: w.ends("engine", 1, "boom"), venue_ends])

    assert world.run() == 1
    assert world.started("engine") == RESTARTS_MAX + 1
    event, facts = world.screen.said[-1]
    assert event == "stays_down"
    assert facts["errors"] == ["boom"]


def test_crashes_that_are_far_apart_are_each_forgiven() -> None:
    crashes = []
    for _ in range(3 * RESTARTS_MAX):
        crashes += [lambda w: w.ends("engine", 1), lambda w: w.passes(200)]
    world = World([*crashes, lambda w: w.ends("engine", 0), venue_ends])

    assert world.run() == 0
    assert world.started("engine") == 3 * RESTARTS_MAX + 1


@pytest.mark.parametrize("name", ["engine", "venue"])
def test_a_refusal_is_shown_as_it_is_and_ends_everything(name: str) -> None:
    other = "venue" if name == "engine" else "engine"
    world = World(
        [lambda w: w.ends(name, 2, "No.", "Next: yes."), lambda w: ends_when_asked(w, other, -15)]
    )

    assert world.run() == 2
    assert world.screen.said == [("refused", {"child": name, "errors": ["No.", "Next: yes."]})]


def test_what_both_refuse_for_the_same_reason_is_said_once() -> None:
    world = World([lambda w: w.ends("venue", 2, "No."), lambda w: w.ends("engine", 2, "No.")])

    assert world.run() == 2
    assert world.screen.events() == ["refused"]


def test_a_journal_whose_place_refuses_at_the_start_is_a_refusal() -> None:
    world = World([lambda w: w.ends("engine", 74, "full"), venue_ends])

    assert world.run() == 2
    assert world.screen.events() == ["refused"]


def test_a_journal_whose_place_refuses_later_is_opened_again() -> None:
    world = World(
        [
            lambda w: w.tells("connected", venue="v"),
            lambda w: w.ends("engine", 74, "input/output error"),
            lambda w: w.passes(1),
            lambda w: w.ends("engine", 0),
            venue_ends,
        ]
    )

    assert world.run() == 0
    assert world.started("engine") == 2


def test_the_watchdog_is_told_first_and_the_engine_only_when_it_is_gone() -> None:
    """Else it would take an engine that stops for one that died."""

    def not_yet(world: World) -> None:
        assert signal.SIGTERM in world.newest("watchdog").signals
        assert world.newest("engine").signals == []
        world.ends("watchdog", 0)

    world = World(
        [lambda w: w.signalled(signal.SIGTERM), not_yet, engine_ends, venue_ends],
        watchdog_obeys=False,
    )

    assert world.run() == 0


def test_the_watchdog_reads_no_bars_and_no_strategy() -> None:
    launch = Launch(config_file=None, speed="max", data=("/a.csv",), strategy="ema_cross")
    world = World([lambda w: w.ends("engine", 0), venue_ends], launch=launch)
    world.run()

    assert world.newest("watchdog").arguments == []


def test_a_watchdog_that_breaks_is_started_again_for_ever() -> None:
    """Meanwhile the engine opens nothing, and manages what it has."""

    def breaks(world: World) -> None:
        world.ends("watchdog", -signal.SIGKILL)

    def waits(world: World) -> None:
        world.passes(61)

    world = World(
        [*[breaks, waits] * 6, lambda w: w.signalled(signal.SIGINT), engine_ends, venue_ends]
    )

    assert world.run() == 0
    assert world.started("watchdog") == 7
    assert "stays_down" not in world.screen.events()


def test_an_engine_that_stays_down_is_the_watchdogs_to_deal_with_before_the_venue_ends() -> None:
    def acts(world: World) -> None:
        signals = world.newest("watchdog").signals
        assert signals == [signal.SIGUSR1, signal.SIGTERM]
        assert world.newest("venue").signals == []
        world.ends("watchdog", 0)

    crashes = [
        step
        for _ in range(RESTARTS_MAX)
        for step in (lambda w: w.ends("engine", -signal.SIGKILL), lambda w: w.passes(10))
    ]
    world = World(
        [*crashes, lambda w: w.ends("engine", -signal.SIGKILL), acts, venue_ends],
        watchdog_obeys=False,
    )

    assert world.run() == 1
    assert "stays_down" in world.screen.events()


def test_an_engine_that_does_not_end_in_time_is_killed_and_that_is_said() -> None:
    world = World(
        [
            lambda w: w.signalled(signal.SIGTERM),
            lambda w: w.passes(11.9),
            lambda w: assert_signals(w, [signal.SIGTERM]),
            lambda w: w.passes(0.2),
            lambda w: assert_signals(w, [signal.SIGTERM, signal.SIGKILL]),
            lambda w: w.ends("engine", -9),
            venue_ends,
        ]
    )

    assert world.run() == 1
    assert ("killed", {"child": "engine"}) in world.screen.said


def assert_signals(world: World, numbers: list[int]) -> None:
    """See what the engine was sent."""
    assert world.newest("engine").signals == numbers


def test_a_second_interrupt_does_not_wait() -> None:
    world = World(
        [
            lambda w: w.signalled(signal.SIGINT),
            lambda w: w.signalled(signal.SIGINT),
            lambda w: w.ends("engine", -9),
            lambda w: w.ends("venue", -9),
        ]
    )

    assert world.run() == 130
    assert world.newest("engine").signals[-1] == signal.SIGKILL


def test_a_stop_while_the_engine_waits_to_be_started_again_starts_nothing() -> None:
    world = World(
        [
            lambda w: w.ends("engine", -9),
            lambda w: w.signalled(signal.SIGTERM),
            lambda w: w.passes(4),
            venue_ends,
        ]
    )

    assert world.run() == 0
    assert world.started("engine") == 1


def test_a_crash_while_it_stops_is_not_passed_over() -> None:
    world = World(
        [
            lambda w: w.signalled(signal.SIGTERM),
            lambda w: w.ends("engine", 1, "AssertionError"),
            venue_ends,
        ]
    )

    assert world.run() == 1
    assert world.screen.events() == ["stopping", "ended_badly"]


def test_a_terminal_that_was_closed_means_stop() -> None:
    world = World([lambda w: w.signalled(signal.SIGHUP), engine_ends, venue_ends], stays=True)
    world.screen.gone = True

    assert world.run() == 0
    assert world.screen.events() == ["stopping"]


def test_reloading_waits_until_the_engine_answers() -> None:
    """A signal would end an engine that still starts."""
    world = World(
        [
            lambda w: w.signalled(signal.SIGHUP),
            lambda w: w.answers(),
            lambda _: None,
            lambda w: w.ends("engine", 0),
            venue_ends,
        ]
    )

    assert world.run() == 0
    assert signal.SIGHUP not in world.newest("engine").signals


def test_that_an_engine_which_ends_lets_go_of_its_venue_is_no_news() -> None:
    world = World(
        [
            lambda w: w.tells("disconnected", why="the engine stops"),
            lambda w: w.tells("disconnected", why="the venue hung up"),
            lambda w: w.ends("engine", 0),
            venue_ends,
        ]
    )
    world.run()

    assert world.screen.said == [("disconnected", {"why": "the venue hung up"})]
