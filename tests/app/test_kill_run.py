"""Kills of a paper run with real processes: many callers at once, and one while nothing runs."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from interlock.config.home import Home
from interlock.runtime.asking import ask
from tests.app.test_paper_run import BARS, home, is_free, soon, started
from tests.research.makers import bar, flat, write_bars, write_strategy

__all__ = ["home"]  # a fixture

CALLERS = 8


@pytest.fixture
def options(tmp_path: Path) -> list[str]:
    """Return the options of a run on which one trade is opened, and that nobody watches."""
    path = write_bars(tmp_path, [*flat(), *([bar(100)] * (50 * BARS - len(flat())))])
    config = tmp_path / "interlock.toml"
    config.write_text("[watchdog]\nenabled = false\n")
    run = ["--data", str(path), "--strategy", write_strategy(tmp_path)]
    return [*run, "--config", str(config), "--speed", "20bars/s"]


def calls(home: Home, *arguments: str) -> "subprocess.Popen[str]":
    """Start the command line, in plain Python."""
    return subprocess.Popen(
        [sys.executable, "-m", "interlock", *arguments],
        env=os.environ | {"INTERLOCK_HOME": str(home.root), "NUMBA_DISABLE_JIT": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def call(home: Home, *arguments: str) -> tuple[int, str]:
    """Run the command line to its end; return the exit code and everything it said."""
    with calls(home, *arguments) as process:
        said, wrong = process.communicate(timeout=60)
    return process.returncode, said + wrong


def status(home: Home) -> dict[str, Any]:
    """Return how the engine is; nothing while it does not answer."""
    try:
        return ask(home.engine_socket, {"ask": "status"})
    except OSError:
        return {}


def holds(home: Home) -> bool:
    return bool(status(home).get("positions"))


def causes(home: Home) -> list[str]:
    return [str(one["cause"]) for one in status(home).get("latches", [])]


def test_many_who_kill_at_once_are_all_confirmed_and_close_it_once(
    home: Home, options: list[str]
) -> None:
    with started(home, *options) as process:
        soon(lambda: holds(home))
        kills = ("kill", "--reason", "a drill", "--json")
        callers = [calls(home, *kills) for _ in range(CALLERS)]
        answers = [caller.communicate(timeout=60) for caller in callers]

        assert [caller.returncode for caller in callers] == [0] * CALLERS, answers
        said = [json.loads(out) for out, _ in answers]
        assert {one["latch"]["ts_ns"] for one in said} == {said[0]["latch"]["ts_ns"]}
        found = status(home)
        assert (found["positions"], found["orders"]) == ([], [])
        assert found["counts"]["trades"] == 1
        assert found["level"] == "KILLED"
        assert causes(home) == ["KILL_IMMEDIATE"]
        assert call(home, "resume", "KILL_IMMEDIATE", "--reason", "x")[0] == 2
        assert call(home, "kill", "--clear", "--reason", "the drill is over")[0] == 0
        assert (status(home)["level"], causes(home)) == ("NONE", [])
        assert call(home, "kill", "--status")[0] == 0
        process.send_signal(signal.SIGINT)
        process.wait(60)
    soon(lambda: is_free(home))


def test_a_kill_while_nothing_runs_is_unconfirmed_and_holds_at_the_next_start(
    home: Home, options: list[str]
) -> None:
    """The position rests at the venue. Whoever starts it again closes it, and opens nothing."""
    with started(home, *options) as process:
        soon(lambda: holds(home))
        process.send_signal(signal.SIGINT)
        process.wait(60)
    soon(lambda: is_free(home))

    code, said = call(home, "kill", "--reason", "the office burns")
    assert code == 1
    assert "KILL_UNCONFIRMED" in said

    with started(home, *options) as process:
        soon(lambda: "KILL_IMMEDIATE" in causes(home))
        soon(lambda: not holds(home))
        assert call(home, "kill", "--reason", "is it closed?")[0] == 0
        assert status(home)["counts"]["trades"] == 1
        process.send_signal(signal.SIGINT)
        process.wait(60)
    soon(lambda: is_free(home))
