"""Killing from a process of its own: which road it takes, and what it calls confirmed."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from interlock.app import kill_venue, killing
from interlock.app.kill_reports import KILLED, UNCONFIRMED, KillReport, last_report
from interlock.app.killing import KillOrder, kill, who_asks
from interlock.config.errors import PolicyError
from interlock.config.home import Home, home_of
from interlock.config.latch import LatchState, Mode
from interlock.config.latch_file import LatchFile
from interlock.config.settings import read_settings
from interlock.kernel.records import rows
from interlock.ops.kill import Asked, Seen, Unreached
from interlock.runtime.asking import AskError
from interlock.venues.port import VenueOrder, VenueState
from interlock.venues.purpose import Purpose
from interlock.venues.stopper import Killed, Unconfirmed
from tests.app.doors import Door

GONE = Unreached(why="the venue could not be reached: No such file or directory")
CLEAR = Seen(orders=(), positions={})
HOLDS = Seen(orders=(), positions={"GOOG": 100})
RESTING = VenueOrder(
    client_id="i-1-1-1",
    instrument=0,
    state=VenueState.WORKING,
    qty=1,
    filled=0,
    price=1,
    trigger=0,
    fills=rows(0),
)


class World:
    """A home, and a venue that shows what a test says."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.home: Home = home_of(read_settings())
        self.told: list[str] = []
        self.shows: list[Seen | Unreached] = [GONE]  # one after the other; the last one stays
        self.verdict: Killed | Unconfirmed = Unconfirmed(why=GONE.why)
        self.stops: list[Asked] = []
        monkeypatch.setattr(kill_venue, "look_at_venue", self._look)
        monkeypatch.setattr(kill_venue, "stop_at_venue", self._stop)
        monkeypatch.setattr(kill_venue, "_PAUSE_S", 0.001)

    def _look(self, *_: object, **__: object) -> Seen | Unreached:
        return self.shows.pop(0) if len(self.shows) > 1 else self.shows[0]

    def _stop(
        self, _path: Path, _codec: object, asked: Asked, _clock: object, tell: Callable[[str], None]
    ) -> Killed | Unconfirmed:
        tell("cancelled what rests")
        self.stops.append(asked)
        return self.verdict

    def book(self) -> None:
        """Let the venue have been used."""
        self.home.make()
        self.home.venue_book.touch(mode=0o600)

    def kill(self, mode: Mode = "immediate", **given: Any) -> KillReport:
        order: dict[str, Any] = {"reason": "a drill", "timeout_s": 1.0, **given}
        return kill(KillOrder(mode=mode, **order), self.told.append)

    def door(self, answer: Callable[[dict[str, Any]], dict[str, Any]] | AskError) -> Door:
        """Return an engine that answers a kill."""
        self.home.make()
        status = {"account": "mine", "latches": []}
        return Door(self.home.engine_socket, {"kill": answer, "status": lambda _: status})

    def latch(self) -> Any:
        return LatchFile(path=self.home.latch, stopwatch_ns=lambda: 0).read()


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    monkeypatch.setenv("INTERLOCK_HOME", str(tmp_path / "home"))
    return World(monkeypatch)


def journals(_: dict[str, Any]) -> dict[str, Any]:
    """Answer as an engine that has journaled a kill."""
    return {"seq": 41, "changed": True, "confirmed": True}


def only(report: KillReport) -> Any:
    (one,) = report.venues
    return one


# --- without an engine ------------------------------------------------------------------------


def test_a_home_where_nothing_ever_ran_is_killed_before_it_begins(world: World) -> None:
    report = world.kill()
    assert report.is_confirmed
    assert only(report).found.road == "nothing was ever ordered there"
    latch = world.latch()
    assert (latch.state, latch.mode, latch.reason) == (LatchState.KILLED, "immediate", "a drill")
    assert latch.who == who_asks()
    assert str(os.getpid()) in latch.who


def test_a_venue_that_does_not_run_and_has_a_book_is_unconfirmed(world: World) -> None:
    """Its orders wait there for it to be started."""
    world.book()
    report = world.kill()
    assert not report.is_confirmed
    assert only(report).result == UNCONFIRMED
    assert "what its book holds at rest is not known" in only(report).doubts[0]
    assert world.latch().is_set


def test_a_venue_that_runs_alone_is_stopped_from_here(world: World) -> None:
    world.shows = [HOLDS]
    world.verdict = Killed(took_ns=1, cancelled=2, closed=1)
    report = world.kill()
    assert report.is_confirmed
    assert only(report).found.road == "2 cancels and 1 closing orders from here"
    assert [x.purpose for x in world.stops] == [Purpose.FLATTEN]
    assert any("cancelled what rests" in x for x in world.told)


@pytest.mark.parametrize("mode", ["graceful", "pause"])
def test_a_lesser_kill_needs_no_venue(world: World, mode: Mode) -> None:
    world.book()
    report = world.kill(mode)
    assert report.is_confirmed
    assert world.stops == []
    assert world.latch().mode == mode


@pytest.mark.parametrize("mode", ["graceful", "pause"])
def test_a_lesser_kill_takes_away_what_could_still_open_where_no_engine_does(
    world: World, mode: Mode
) -> None:
    world.shows = [Seen(orders=(RESTING,), positions={"GOOG": 100})]
    world.verdict = Killed(took_ns=1, cancelled=1, closed=0)
    report = world.kill(mode)
    assert report.is_confirmed
    assert [asked.purpose for asked in world.stops] == [Purpose.PROTECT]
    world.verdict = Unconfirmed(why="it went away")
    assert not world.kill(mode).is_confirmed


# --- with an engine ---------------------------------------------------------------------------


def test_an_engine_that_answers_clears_the_venue_and_that_is_read_back_twice(world: World) -> None:
    world.shows = [HOLDS, CLEAR, HOLDS, CLEAR, CLEAR]
    with world.door(journals).open() as door:
        report = world.kill()
    assert report.is_confirmed
    assert report.engine == "has journaled it by record 41"
    assert only(report).found.road == "cleared by the engine"
    assert world.stops == []
    assert len(world.shows) == 1
    (asked,) = door.asked
    assert (asked["mode"], asked["reason"], asked["who"]) == ("immediate", "a drill", who_asks())


def test_an_engine_that_does_not_get_it_clear_is_helped(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kill_venue, "CLEAR_S", 0.05)
    world.shows = [Seen(orders=(RESTING,), positions={"GOOG": -3})]
    world.verdict = Unconfirmed(why="time is over", orders=("i-1-1-1",), positions={"GOOG": -3})
    with world.door(journals).open():
        report = world.kill()
    assert not report.is_confirmed
    assert only(report).doubts == ("time is over",)
    assert only(report).found.orders == ("i-1-1-1",)
    assert only(report).found.positions == {"GOOG": -3}
    assert len(world.stops) == 1


def test_an_engine_that_does_not_answer_is_passed_by(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its socket listens, and nobody reads: a process that is stopped."""
    monkeypatch.setattr(killing, "ANSWER_S", 0.05)
    world.shows = [HOLDS]
    world.verdict = Killed(took_ns=1, cancelled=0, closed=1)
    with silent(world.home):
        report = world.kill()
        assert report.is_confirmed
        assert report.engine == "does not answer within 0.05 s"
        lesser = world.kill("pause")
    assert not lesser.is_confirmed
    assert only(lesser).doubts == ("engine: does not answer within 0.05 s",)
    assert len(world.stops) == 1


def test_an_engine_that_refuses_is_passed_by_too(world: World) -> None:
    world.verdict = Killed(took_ns=1, cancelled=0, closed=1)
    with world.door(AskError("not now.")).open():
        report = world.kill()
    assert report.is_confirmed
    assert report.engine == "did not take it: not now."


def silent(home: Home) -> Any:
    """Return a socket at which nobody answers."""
    import socket  # noqa: PLC0415

    home.make()
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listening.bind(str(home.engine_socket))
    home.engine_socket.chmod(0o600)
    listening.listen()
    return listening


# --- in doubt ---------------------------------------------------------------------------------


def test_a_latch_that_is_not_had_alone_is_tried_again_and_then_in_doubt(world: World) -> None:
    """Somebody sends, and does not come to an end: bytes may be under way."""
    world.home.make()
    sender = LatchFile(path=world.home.latch, stopwatch_ns=lambda: 0)
    sender.prepare(journal_exists=False)
    world.shows = [HOLDS]
    world.verdict = Killed(took_ns=1, cancelled=0, closed=1)
    with sender.shared():
        report = world.kill()
    assert not report.is_confirmed
    assert "a send may be under way" in only(report).doubts[0]
    assert len(world.stops) == 2
    assert world.latch().is_set
    assert world.kill().is_confirmed


def test_a_fault_of_ours_on_the_way_is_told_and_not_hidden(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> Seen:
        raise AssertionError("a bug")

    monkeypatch.setattr(kill_venue, "look_at_venue", broken)
    report = world.kill()
    assert not report.is_confirmed
    assert "a bug" in only(report).doubts[0]
    assert world.latch().is_set


def test_a_home_that_is_not_in_order_is_killed_all_the_same(world: World) -> None:
    world.home.make()
    world.home.config.chmod(0o777)
    report = world.kill("pause")
    assert report.is_confirmed
    assert "config" in world.told[0]


# --- what is refused --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({"reason": " "}, "--reason must say why"),
        ({"venue": "binance"}, "--venue must be one of: simulated; was binance"),
        ({"testnet": True}, "--testnet must have a testnet, and there is none"),
        ({"account": "theirs"}, "--account must be one of: paper; was theirs"),
    ],
)
def test_what_is_not_there_is_refused_before_anything_is_done(
    world: World, given: dict[str, Any], why: str
) -> None:
    with pytest.raises(PolicyError) as refused:
        world.kill(**given)
    assert why in str(refused.value)
    assert "Nothing was killed" in str(refused.value)
    assert not world.home.root.exists()


def test_what_is_there_may_be_named(world: World) -> None:
    assert world.kill(venue="simulated", account="paper").is_confirmed


def test_the_account_is_what_its_engine_says(world: World) -> None:
    """It may run with other files than the home's own."""
    world.shows = [CLEAR]
    with world.door(journals).open():
        assert world.kill(account="mine").is_confirmed
        with pytest.raises(PolicyError, match="must be one of: mine"):
            world.kill(account="paper")


# --- again and again --------------------------------------------------------------------------


def test_a_second_kill_changes_nothing_and_says_so(world: World) -> None:
    assert world.kill("graceful").changed
    latch = world.latch()
    assert not world.kill("pause").changed
    assert not world.kill("graceful").changed
    assert world.latch() == latch
    assert world.kill("immediate").changed


def test_every_kill_leaves_a_report_for_this_user_alone(world: World) -> None:
    assert last_report(world.home) is None
    world.kill("pause")
    world.kill("immediate")
    folder = world.home.incidents
    files = sorted(folder.iterdir())
    assert len(files) == 2
    assert {path.stat().st_mode & 0o777 for path in files} == {0o600}
    assert folder.stat().st_mode & 0o777 == 0o700
    found = last_report(world.home)
    assert found is not None
    assert (found["mode"], found["confirmed"]) == ("immediate", True)
    assert found["venues"][0]["result"] == KILLED
    files[-1].write_text("{")
    assert json.dumps(last_report(world.home)) != json.dumps(found)


def test_a_report_that_cannot_be_written_undoes_nothing(world: World) -> None:
    world.home.make()
    world.home.incidents.rmdir()
    world.home.incidents.touch(mode=0o600)
    assert world.kill().is_confirmed
    assert "the report could not be written" in world.told[-1]
