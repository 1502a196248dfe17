"""Paper trading with real processes: to the end of a recording, and through kills on the way."""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from interlock.app.archive import nobody_runs
from interlock.config.home import Home, home_of
from interlock.config.settings import Settings
from interlock.journal.errors import JournalError
from interlock.runtime.asking import ask
from tests.research.makers import bar, flat, write_bars, write_strategy

WAIT_S = 60.0
BARS = 60


@pytest.fixture
def home() -> Iterator[Home]:
    """Return a home with a short path: sockets are in it."""
    folder = Path(tempfile.mkdtemp(prefix="interlock-"))
    yield home_of(Settings(home=folder / "home"))
    shutil.rmtree(folder)


@pytest.fixture
def options(tmp_path: Path) -> list[str]:
    """Return the options of a run on which one trade is opened."""
    path = write_bars(tmp_path, [*flat(), *([bar(100)] * (BARS - len(flat())))])
    return ["--data", str(path), "--strategy", write_strategy(tmp_path)]


@contextmanager
def started(home: Home, *arguments: str) -> Iterator["subprocess.Popen[str]"]:
    """Run the command line in a process of its own, as JSON."""
    with subprocess.Popen(
        [sys.executable, "-m", "interlock", "run", "--no-gateway", "--json", *arguments],
        # Plain Python starts sooner, and this is about processes.
        env=os.environ | {"INTERLOCK_HOME": str(home.root), "NUMBA_DISABLE_JIT": "1"},
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def until(process: "subprocess.Popen[str]", event: str) -> dict[str, Any]:
    """Read what a run tells up to an event, and return that."""
    assert process.stdout is not None
    for line in process.stdout:
        told: dict[str, Any] = json.loads(line)
        if told["event"] == event:
            return told
    raise AssertionError(f"the run ended without {event}")


def soon(found: Callable[[], bool]) -> None:
    """Wait until something is so."""
    for _ in range(int(WAIT_S / 0.02)):
        if found():
            return
        time.sleep(0.02)
    raise AssertionError("it never was so")


def bars_of(home: Home) -> int:
    """Return how many bars the engine has seen; -1 while it does not answer."""
    try:
        return int(ask(home.engine_socket, {"ask": "status"})["counts"]["bars"])
    except OSError:
        return -1


def is_free(home: Home) -> bool:
    """Return whether neither engine nor venue runs."""
    try:
        with nobody_runs(home):
            return True
    except (JournalError, ValueError):
        return False


def test_an_account_lives_through_kills_to_the_end_of_its_recording_and_begins_again(
    home: Home, options: list[str]
) -> None:
    with started(home, *options, "--speed", "10bars/s") as process:
        until(process, "connected")
        soon(lambda: bars_of(home) >= 5)
        os.kill(ask(home.engine_socket, {"ask": "status"})["pid"], signal.SIGKILL)

        assert until(process, "starts_again")["how"] == "was killed by SIGKILL"
        recovered = until(process, "recovered")
        assert not recovered["clean"]
        assert recovered["records"] > 5
        until(process, "connected")
        process.kill()
    soon(lambda: is_free(home))  # neither child outlives its supervisor

    with started(home, *options, "--speed", "max") as process:
        assert not until(process, "recovered")["clean"]
        first = until(process, "finished")
        assert process.wait(WAIT_S) == 0
    assert first["why"] == "ended"
    assert first["counts"]["bars"] == BARS
    assert first["counts"]["submitted"] >= 1
    assert not first["ended_before"]

    with started(home, *options) as process:
        again = until(process, "finished")
        assert process.wait(WAIT_S) == 0
    assert again["ended_before"]
    assert again["money"] == first["money"]

    with started(home, *options, "--speed", "max", "--again") as process:
        archived = Path(until(process, "archived")["folder"])
        second = until(process, "finished")
        assert process.wait(WAIT_S) == 0
    assert (archived / "journal.db").is_file()
    assert not second["ended_before"]
    assert second["counts"] == first["counts"]
    assert second["money"] == first["money"]
