"""Looking at what is killed, and letting an account go on: only ever through its engine."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from interlock.app import clearing
from interlock.config.errors import PolicyError
from interlock.config.latch import killed
from interlock.config.latch_file import LatchFile
from interlock.kernel.records import rows
from interlock.ops.kill import Seen, Unreached
from interlock.runtime.asking import AskError
from interlock.venues.port import VenueOrder, VenueState
from interlock.venues.purpose import Purpose
from interlock.venues.stopper import Killed
from tests.app.doors import Door
from tests.app.test_killing import GONE, World

Said = dict[str, Any]


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    monkeypatch.setenv("INTERLOCK_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(clearing, "_PAUSE_S", 0.001)
    return World(monkeypatch)


def door(world: World, **answers: Callable[[Said], Said] | AskError) -> Door:
    """Return an engine's door."""
    world.home.make()
    return Door(world.home.engine_socket, answers)


def nobody(_text: str) -> None:
    """Tell nobody."""


# --- looking ----------------------------------------------------------------------------------


def test_a_home_where_nothing_ever_ran_is_clear(world: World) -> None:
    found = clearing.status()
    assert not world.home.root.exists()
    assert not found.is_set
    assert found.engine is None
    assert found.last is None
    assert not found.venue.is_clear


def test_a_latch_that_is_gone_where_something_ran_is_set(world: World) -> None:
    world.home.make()
    world.home.engine_lock.touch(mode=0o600)
    assert clearing.status().is_set


def test_what_is_killed_is_said_with_what_the_venue_shows(world: World) -> None:
    world.kill("graceful")
    world.shows = [Seen(orders=(), positions={"GOOG": 7})]
    found = clearing.status()
    assert found.is_set
    assert (found.latch["mode"], found.latch["reason"]) == ("graceful", "a drill")
    assert found.venue.why == "0 orders are open, and it holds GOOG +7"
    assert found.last is not None
    assert found.as_json()["last"]["mode"] == "graceful"


def test_a_latch_in_the_engine_alone_is_set_too(world: World) -> None:
    """Somebody cleared the file by hand: the engine obeys its journal."""
    latches = [{"cause": "KILL_PAUSE", "level": "PAUSED"}, {"cause": "DISK", "level": "PAUSED"}]
    world.home.make()
    LatchFile(path=world.home.latch, stopwatch_ns=lambda: 0).prepare(journal_exists=False)
    with door(world, status=lambda _: {"latches": latches}).open():
        found = clearing.status()
    assert not found.latch["set"]
    assert found.is_set
    assert found.engine == latches[:1]


# --- clearing ---------------------------------------------------------------------------------


def test_the_engine_clears_what_was_looked_at(world: World) -> None:
    world.home.make()
    file = LatchFile(path=world.home.latch, stopwatch_ns=lambda: 0)
    file.kill(killed(mode="pause", reason="a drill", who="somebody", ts_ns=5))
    with door(world, clear=lambda _: {"changed": True, "seq": 7}).open() as engine:
        assert clearing.clear(" it is over ", nobody) == {"changed": True, "seq": 7}
    (asked,) = engine.asked
    assert (asked["reason"], asked["seen_ns"]) == ("it is over", 5)
    assert world.stops == []


def test_what_a_watchdog_left_is_withdrawn_and_the_engine_has_time_to_see_it(world: World) -> None:
    answers = iter([AskError("needs an account that is reconciled"), None])

    def answer(_: Said) -> Said:
        error = next(answers)
        if error is not None:
            raise error
        return {"changed": True, "seq": 8}

    order = VenueOrder(
        client_id="w-1-1",
        instrument=0,
        state=VenueState.WORKING,
        qty=1,
        filled=0,
        price=0,
        trigger=9,
        fills=rows(0),
    )
    world.shows = [Seen(orders=(order,), positions={"GOOG": 1})]
    world.verdict = Killed(took_ns=1, cancelled=1, closed=0)
    with door(world, clear=answer).open() as engine:
        assert clearing.clear("over", world.told.append)["seq"] == 8
    assert [x.purpose for x in world.stops] == [Purpose.WITHDRAW]
    assert len(engine.asked) == 2
    assert "1 orders that a watchdog left are withdrawn" in world.told[0]


@pytest.mark.parametrize("shows", [GONE, Seen(orders=(), positions={})])
def test_what_the_engine_refuses_is_refused_at_once(world: World, shows: Seen | Unreached) -> None:
    world.shows = [shows]
    refusal = AskError("needs an account that is reconciled")
    refused = pytest.raises(AskError, match="reconciled")
    with door(world, clear=refusal).open() as engine, refused:
        clearing.clear("over", nobody)
    assert len(engine.asked) == 1


def test_without_an_engine_nothing_is_cleared(world: World) -> None:
    world.kill("pause")
    with pytest.raises(clearing.NotRunningError, match="interlock run"):
        clearing.clear("over", nobody)
    assert world.latch().is_set


def test_a_reason_is_needed(world: World) -> None:
    with pytest.raises(PolicyError, match="--reason must say why"):
        clearing.clear(" ", nobody)
    with pytest.raises(PolicyError, match="--reason must say why"):
        clearing.resume("DISK", None, "")
    assert not world.home.root.exists()


# --- latches that wait for a person -----------------------------------------------------------


def test_latches_are_listed_and_released_through_the_engine(world: World) -> None:
    answer: Said = {"latches": [], "released": [], "waits": []}
    with door(world, resume=lambda _: dict(answer)).open() as engine:
        assert clearing.resume(None, None, "") == answer
        assert clearing.resume("DISK", "GOOG", "looked at it") == answer
    first, second = engine.asked
    assert first == {"ask": "resume"}
    assert (second["cause"], second["of"], second["reason"]) == ("DISK", "GOOG", "looked at it")
    with pytest.raises(clearing.NotRunningError):
        clearing.resume(None, None, "")
