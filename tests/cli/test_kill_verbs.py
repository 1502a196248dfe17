"""kill and resume: what they print, and what their exit codes mean."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from interlock.app import clearing, killing
from interlock.cli import app
from interlock.ops.kill import Seen
from interlock.runtime.asking import AskError
from interlock.venues.stopper import Killed
from tests.app.doors import Door
from tests.app.test_killing import World, journals, silent

LATCH: dict[str, Any] = {
    "cause": "SAFE_MODE",
    "of": "ema_cross",
    "level": "PAUSED",
    "waits_for": ["PERSON"],
}


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    monkeypatch.setenv("INTERLOCK_HOME", str(tmp_path / "home"))
    return World(monkeypatch)


def call(*arguments: str) -> Result:
    return CliRunner().invoke(app, list(arguments))


# --- kill -------------------------------------------------------------------------------------


def test_a_kill_that_is_confirmed_ends_with_0(world: World) -> None:
    world.shows = [Seen(orders=(), positions={})]
    with world.door(journals).open():
        found = call("kill", "--reason", "a drill")
    assert found.exit_code == 0, found.output
    assert "simulated: KILLED: cleared by the engine" in found.stdout
    assert "latch: set (immediate) by" in found.stderr
    assert "engine: has journaled it by record 41" in found.stderr


def test_a_kill_that_is_not_confirmed_says_why_and_ends_with_1(world: World) -> None:
    world.book()
    found = call("kill", "--reason", "a drill", "--mode", "immediate")
    assert found.exit_code == 1
    assert "simulated: KILL_UNCONFIRMED: the venue could not be reached" in found.stdout
    assert "Next: interlock kill again" in found.stdout


def test_a_kill_for_a_program_is_json_alone(world: World) -> None:
    world.verdict = Killed(took_ns=1, cancelled=0, closed=0)
    found = call("kill", "--mode", "pause", "--reason", "a drill", "--json")
    assert found.exit_code == 0
    said = json.loads(found.stdout)
    assert said["confirmed"]
    assert said["venues"][0]["result"] == "KILLED"
    again = call("kill", "--mode", "pause", "--reason", "another one")
    assert "nothing was changed" in again.stdout


@pytest.mark.parametrize(
    "options",
    [
        (),
        ("--reason", "x", "--testnet"),
        ("--reason", "x", "--venue", "kraken"),
        ("--reason", "x", "--account", "theirs"),
        ("--reason", "x", "--mode", "slowly"),
        ("--reason", "x", "--timeout", "0"),
        ("--clear", "--status"),
    ],
)
def test_what_cannot_be_used_is_refused_with_2_and_nothing_is_done(
    world: World, options: tuple[str, ...]
) -> None:
    assert call("kill", *options).exit_code == 2
    assert not world.home.root.exists()


def test_a_person_who_interrupts_hears_that_it_is_not_confirmed(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(killing, "_tell_engine", interrupted)
    found = call("kill", "--reason", "a drill")
    assert found.exit_code == 130
    assert "UNCONFIRMED" in found.stderr
    assert world.latch().is_set


# --- status -----------------------------------------------------------------------------------


def test_the_status_of_a_home_ends_with_0_or_1(world: World) -> None:
    found = call("kill", "--status")
    assert found.exit_code == 0
    assert "latch      clear" in found.stdout
    call("kill", "--mode", "graceful", "--reason", "a drill")
    found = call("kill", "--status")
    assert found.exit_code == 1
    for part in ("set (graceful)", "a drill", "does not run", "last kill", "simulated KILLED"):
        assert part in found.stdout
    said = json.loads(call("kill", "--status", "--json").stdout)
    assert (said["is_set"], said["latch"]["mode"]) == (True, "graceful")
    world.home.latch.write_bytes(b"{")
    world.shows = [Seen(orders=(), positions={})]
    found = call("kill", "--status")
    assert found.exit_code == 1
    assert "it cannot be believed" in found.stdout
    assert "nothing is left there" in found.stdout


def test_the_status_names_what_the_engine_obeys(world: World) -> None:
    latches = [{"cause": "KILL_FILE", "level": "HALTED"}]
    world.home.make()
    for held, words in ((latches, "KILL_FILE HALTED"), ([], "is not killed")):
        answers: Any = {"status": lambda _, held=held: {"latches": held}}
        with Door(world.home.engine_socket, answers).open():
            assert words in call("kill", "--status").stdout


# --- clear and resume -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answer", "code", "words"),
    [
        ({"changed": True, "seq": 9}, 0, "The kill is cleared, by record 9."),
        ({"changed": False}, 0, "Nothing was killed"),
        (AskError("the account is not reconciled."), 2, "not reconciled"),
    ],
)
def test_clearing_is_what_the_engine_says(
    world: World, answer: dict[str, Any] | AskError, code: int, words: str
) -> None:
    world.home.make()
    said: Any = answer if isinstance(answer, AskError) else lambda _: dict(answer)
    with Door(world.home.engine_socket, {"clear": said}).open():
        found = call("kill", "--clear", "--reason", "over")
        assert found.exit_code == code
        assert words in found.output
        if code == 0:
            found = call("kill", "--clear", "--reason", "over", "--json")
            assert json.loads(found.stdout) == answer


def test_without_an_engine_or_with_a_frozen_one_nothing_is_released(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clearing, "CLEAR_ANSWER_S", 0.05)
    verbs = (("kill", "--clear", "--reason", "x"), ("resume",), ("resume", "DISK", "--reason", "x"))
    for verb in verbs:
        found = call(*verb)
        assert found.exit_code == 3
        assert "no engine runs" in found.stderr
    with silent(world.home):
        for verb in verbs:
            found = call(*verb)
            assert found.exit_code == 1
            assert "must answer, and did not" in found.stderr


def test_clearing_and_releasing_need_a_reason(world: World) -> None:
    assert call("kill", "--clear").exit_code == 2
    assert call("resume", "DISK").exit_code == 2
    assert not world.home.root.exists()


@pytest.mark.parametrize(
    ("answer", "code", "words"),
    [
        ({"latches": [LATCH]}, 0, "PAUSED   SAFE_MODE of ema_cross, waits for PERSON"),
        ({}, 0, "No latch is set."),
    ],
)
def test_latches_are_listed(world: World, answer: dict[str, Any], code: int, words: str) -> None:
    found = resumed(world, answer)
    assert (found.exit_code, found.stdout.strip()) == (code, words)


@pytest.mark.parametrize(
    ("answer", "code", "words"),
    [
        ({"released": [LATCH]}, 0, "released: SAFE_MODE of ema_cross"),
        ({"hint": "start it again"}, 0, "Next: start it again."),
        (
            {"waits": [{**LATCH, "waits_for": ["SESSION"]}], "latches": [LATCH]},
            1,
            "SAFE_MODE of ema_cross still waits for: SESSION",
        ),
    ],
)
def test_what_was_released_and_what_waits_for_more_is_said(
    world: World, answer: dict[str, Any], code: int, words: str
) -> None:
    cause = ("SAFE_MODE", "--of", "ema_cross", "--reason", "looked at it")
    found = resumed(world, answer, *cause)
    assert (found.exit_code, found.stdout.strip()) == (code, words)
    assert json.loads(resumed(world, answer, *cause, "--json").stdout)["latches"] == answer.get(
        "latches", []
    )


def resumed(world: World, answer: dict[str, Any], *arguments: str) -> Result:
    """Return what is said of an engine's answer."""
    world.home.make()
    said: Any = {"resume": lambda _: {"latches": [], "released": [], "waits": [], **answer}}
    with Door(world.home.engine_socket, said).open():
        return call("resume", *arguments)
