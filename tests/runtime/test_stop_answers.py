"""The part of the engine's door that stops it and lets it go on: what is answered, and when."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import pytest

from interlock.kernel.codes import Cause, Kind, Level
from interlock.runtime.asking import AskError
from interlock.runtime.reconcile import halt_row
from interlock.runtime.stop_answers import StopAnswers
from interlock.runtime.turns import Failure
from tests.runtime.pair import Pair
from tests.runtime.stops import WORDS, World

if TYPE_CHECKING:
    from interlock.runtime.driver import Driver


class Durably:
    """Stands for a driver: what is asked to be durable is, unless the journal has failed."""

    def __init__(self, pair: Pair) -> None:
        self.engine = pair.engine
        self.fails = False
        self.waited: list[int] = []
        self._pair = pair

    async def until_durable(self, seq: int) -> None:
        """Wait for the journal."""
        if self.fails:
            raise asyncio.CancelledError
        self.waited.append(seq)
        self._pair.pump()
        assert self.engine.progress.durable_seq >= seq


class Door:
    """A door with an engine behind it."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.driver = Durably(world.pair)
        driver = cast("Driver", self.driver)
        self.table = StopAnswers(driver, world.stopping, world.pair.setup).table()

    def ask(self, what: str, **more: object) -> dict[str, Any]:
        async def answered() -> dict[str, Any]:
            return await self.table[what]({"ask": what, **more})

        return asyncio.run(answered())

    def refuses(self, what: str, **more: object) -> str:
        """Return why something is refused; it changes nothing."""
        seq = self.world.engine.decider.seq
        with pytest.raises(AskError) as refused:
            self.ask(what, **more)
        assert self.world.engine.decider.seq == seq
        return str(refused.value)

    def halt(self, cause: Cause, level: Level = Level.HALTED, instrument: int = -1) -> None:
        """Set a latch."""
        now_ns = self.world.engine.now_ns()
        self.world.engine.operate_now(halt_row(instrument, level, now_ns, cause))
        self.world.pair.pump()


@pytest.fixture
def door(tmp_path: Path) -> Iterator[Door]:
    world = World(tmp_path, Pair().open())
    yield Door(world)
    world.latch.close()


def test_a_kill_is_answered_when_it_is_durable(door: Door) -> None:
    found = door.ask("kill", mode="immediate", **WORDS)
    assert found["changed"]
    assert found["confirmed"]
    assert found["why"] == ""
    assert found["killed"]["mode"] == "immediate"
    assert door.driver.waited == [found["seq"]]
    again = door.ask("kill", mode="pause", **WORDS)
    assert not again["changed"]
    assert again["confirmed"]


@pytest.mark.parametrize(
    ("asked", "why"),
    [
        ({"mode": "slowly", **WORDS}, "mode must be immediate, graceful, pause, was 'slowly'"),
        ({**WORDS}, "mode must be"),
        ({"mode": "pause", "who": "me"}, "reason must be why"),
        ({"mode": "pause", "reason": "  ", "who": "me"}, "reason must be why"),
        ({"mode": "pause", "reason": "a drill"}, "who must be who asks"),
        ({"mode": "pause", "reason": "x" * 201, "who": "me"}, "in 1 to 200 characters"),
    ],
)
def test_a_kill_without_mode_reason_or_name_is_refused(
    door: Door, asked: dict[str, str], why: str
) -> None:
    assert why in door.refuses("kill", **asked)


def test_a_kill_that_is_not_written_says_why(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> str:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("interlock.config.latch_file.LatchFile._draft", full)
    found = door.ask("kill", mode="immediate", **WORDS)
    assert not found["confirmed"]
    assert "No space left on device" in found["why"]


def test_clearing_is_answered_when_the_file_is_clear(door: Door) -> None:
    door.ask("kill", mode="graceful", **WORDS)
    found = door.ask("clear", **WORDS)
    assert found["changed"]
    assert not found["killed"]["set"]
    assert found["seq"] == door.driver.waited[-1]
    assert door.world.causes() == {}
    assert not door.ask("clear", **WORDS)["changed"]


def test_clearing_needs_a_reason_and_what_somebody_looked_at(door: Door) -> None:
    door.ask("kill", mode="pause", **WORDS)
    assert "reason must be why" in door.refuses("clear", who="me")
    assert "seen_ns must be nanoseconds" in door.refuses("clear", **WORDS, seen_ns="now")
    assert "written again since" in door.refuses("clear", **WORDS, seen_ns=5)


def test_a_journal_that_fails_while_it_is_cleared_leaves_it_killed(door: Door) -> None:
    door.ask("kill", mode="pause", **WORDS)
    door.driver.fails = True
    with pytest.raises(asyncio.CancelledError):
        door.ask("clear", **WORDS)
    assert door.world.latch.read().is_set
    assert door.world.causes() == {"KILL_PAUSE": "PAUSED"}


def test_the_watchdog_says_that_it_is_there(door: Door) -> None:
    assert door.ask("watch", pid=4711) == {"seq": door.world.engine.decider.seq}
    assert door.world.stopping.said()["watchdog"]["pid"] == 4711
    for pid in (0, "x", True, None):
        assert "pid must be" in door.refuses("watch", pid=pid)


# --- latches that wait for a person -----------------------------------------------------------


def test_without_a_cause_every_latch_is_named(door: Door) -> None:
    assert door.ask("resume") == {"latches": [], "released": [], "waits": []}
    door.halt(Cause.SAFE_MODE)
    (latch,) = door.ask("resume")["latches"]
    assert (latch["cause"], latch["of"], latch["waits_for"]) == (
        "SAFE_MODE",
        "account",
        ["PERSON"],
    )


def test_a_latch_that_waits_for_a_person_is_released_by_one(door: Door) -> None:
    door.halt(Cause.SAFE_MODE)
    found = door.ask("resume", cause="safe-mode", **WORDS)
    assert [x["cause"] for x in found["released"]] == ["SAFE_MODE"]
    assert found["latches"] == found["waits"] == []
    assert found["hint"] == ""
    assert found["seq"] == door.driver.waited[-1]
    assert door.world.words(Kind.RESUME) == [{"what": "resumed", **WORDS}]


def test_a_strategy_that_failed_stays_silent_and_that_is_said(door: Door) -> None:
    door.halt(Cause.SAFE_MODE)
    door.world.engine.turns.failure = Failure("scripted", "a bug")
    assert "started again" in door.ask("resume", cause="SAFE_MODE", **WORDS)["hint"]


def test_a_latch_that_waits_for_more_says_for_what(door: Door) -> None:
    """The loss is taken note of; the next day still has to begin."""
    policy = door.world.engine.decider.policy
    breaker = policy["account"]["breakers"][0, Cause.DAILY_LOSS]
    breaker["enabled"], breaker["level"], breaker["release"] = 1, Level.HALTED, 4 | 8
    policy["account"]["limits"]["daily_loss_ppm"] = 1
    state = door.world.engine.decider.state
    state["latches"][0, 0]["cause"] = Cause.DAILY_LOSS
    state["latches"][0, 0]["scope"] = 1
    state["latches"][0, 0]["scope_id"] = -1
    state["latches"][0, 0]["level"] = Level.HALTED
    state["latches"][0, 0]["release"] = 4 | 8
    state["account"]["latches"] = 1

    found = door.ask("resume", cause="DAILY_LOSS", **WORDS)

    assert found["released"] == []
    assert [x["waits_for"] for x in found["waits"]] == [["SESSION"]]


def test_of_several_latches_a_person_says_which(door: Door) -> None:
    for instrument in (0, 1):
        door.halt(Cause.OVERFILL, instrument=instrument)
    names = [x["of"] for x in door.ask("resume")["latches"]]
    assert "say which one, with --of" in door.refuses("resume", cause="OVERFILL", **WORDS)
    found = door.ask("resume", cause="OVERFILL", of=names[1], **WORDS)
    assert [x["of"] for x in found["released"]] == [names[1]]
    assert [x["of"] for x in found["latches"]] == [names[0]]


@pytest.mark.parametrize(
    ("cause", "why"),
    [
        ("KILL_GRACEFUL", "interlock kill --clear --reason TEXT"),
        ("KILL_FILE", "interlock kill --clear --reason TEXT"),
        ("nonsense", "a cause must be one of KILL_IMMEDIATE"),
        ("OVERFILL", "OVERFILL must be set, and is not. Set: WATCHDOG of account."),
        ("WATCHDOG", "must wait for a person to be released by one, and waits for CONDITION"),
    ],
)
def test_what_no_person_releases_is_refused(door: Door, cause: str, why: str) -> None:
    door.halt(Cause.WATCHDOG, Level.PAUSED)
    assert why in door.refuses("resume", cause=cause, **WORDS)


def test_nothing_is_released_before_the_account_is_reconciled(door: Door) -> None:
    door.halt(Cause.SAFE_MODE)
    assert "OVERFILL of EURUSD must be set" in door.refuses(
        "resume", cause="OVERFILL", of="EURUSD", **WORDS
    )
    assert "reason must be why" in door.refuses("resume", cause="SAFE_MODE", who="me")
    door.world.engine.lost()
    assert "reconciled" in door.refuses("resume", cause="SAFE_MODE", **WORDS)
    assert door.world.causes() == {"SAFE_MODE": "HALTED"}
