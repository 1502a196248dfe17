"""What a supervisor does with the gateway: trading goes on whatever becomes of it."""

import signal
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.app.fakes import World, ends_when_asked


@pytest.fixture
def listening() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as found:
        yield found


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give each test a home of its own."""
    folder = tmp_path / "home"
    monkeypatch.setenv("INTERLOCK_HOME", str(folder))
    return folder


def engine_ends(world: World) -> None:
    ends_when_asked(world, "engine")


def venue_ends(world: World) -> None:
    ends_when_asked(world, "venue")


def test_it_is_started_last_ended_first_and_told_where_it_listens(
    listening: socket.socket,
) -> None:
    def all_stand(world: World) -> None:
        assert world.newest("engine").signals == [], "the gateway is asked to end before it"
        world.signalled(signal.SIGTERM)

    world = World([all_stand, engine_ends, venue_ends], listening=listening)

    assert world.run() == 0
    assert [child.name for child in world.children] == ["venue", "engine", "watchdog", "gateway"]
    assert world.newest("gateway").arguments == ["--listen", str(listening.fileno())]
    assert world.newest("gateway").signals == [signal.SIGTERM]


def test_without_a_place_there_is_none() -> None:
    world = World([lambda w: w.ends("engine", 0), venue_ends])

    assert world.run() == 0
    assert world.started("gateway") == 0


def test_one_that_breaks_is_started_again_for_ever_and_nothing_else_is_touched(
    listening: socket.socket,
) -> None:
    def breaks(world: World) -> None:
        world.ends("gateway", 1, "boom")

    def waits(world: World) -> None:
        world.passes(70)

    steps = [step for _ in range(7) for step in (breaks, waits)]
    world = World([*steps, lambda w: w.ends("engine", 0), venue_ends], listening=listening)

    assert world.run() == 0
    assert world.started("gateway") == 8
    assert world.started("engine") == world.started("venue") == 1
    assert world.screen.events().count("starts_again") == 7
    pauses = [facts["pause_s"] for event, facts in world.screen.said if event == "starts_again"]
    assert max(pauses) == 60.0


def test_one_that_refuses_its_first_start_ends_the_run(listening: socket.socket) -> None:
    """A run must not go on without its door while a person believes that it is there."""
    world = World(
        [lambda w: w.ends("gateway", 2, "chmod 600 secrets"), engine_ends, venue_ends],
        listening=listening,
    )

    assert world.run() == 2
    assert ("refused", {"child": "gateway", "errors": ["chmod 600 secrets"]}) in world.screen.said


def test_one_that_was_there_and_refuses_later_ends_nothing(listening: socket.socket) -> None:
    world = World(
        [
            lambda w: w.tells("gateway_ready", address="http://127.0.0.1:1"),
            lambda w: w.ends("gateway", 2, "chmod 600 secrets"),
            lambda w: w.passes(1),
            lambda w: w.ends("engine", 0),
            venue_ends,
        ],
        listening=listening,
    )

    assert world.run() == 0
    assert world.started("gateway") == 2
