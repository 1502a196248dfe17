"""The watchdog against real processes: what freezes or dies, and what is stopped for it."""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from interlock.config.home import home_of
from interlock.config.progress_file import process_began, read_progress
from interlock.config.settings import Settings
from interlock.ops.kill import Seen, look_at_venue
from interlock.runtime.asking import ask
from interlock.runtime.clock import SystemClock
from interlock.venues.simulated.warden_wire import SimulatedWardenCodec
from tests.research.makers import bar, flat, write_bars

PATIENCE_S: Final = 60.0
BARS: Final = 20_000
DETECTED_S: Final = 5.0  # from the freeze to the latch
CONFIRMED_S: Final = 10.0  # from the freeze to an account that the venue shows empty
ALWAYS: Final = '''
"""A strategy for tests."""
import numpy as np
import polars as pl
from pydantic import BaseModel

from interlock.signals.signal import Signals


class Always(BaseModel, frozen=True, extra="forbid"):
    """Wants to buy at every bar."""

    def signals(self, bars: pl.DataFrame) -> Signals:
        at = np.arange(20, bars.height, dtype=np.int64)
        return Signals.at(at, np.ones(len(at), dtype=np.int8))
'''
EMPTY: Final = Seen(orders=(), positions={})


class Run:
    """One ``interlock run`` of a strategy that wants to buy at every bar.

    Args:
        folder: For everything.
        speed: Of the recording.
    """

    def __init__(self, folder: Path, *, speed: str = "10bars/s") -> None:
        self.home = home_of(Settings(home=folder / "home"))
        path = write_bars(folder, [*flat(), *([bar(100)] * (BARS - len(flat())))])
        strategy = folder / "always.py"
        strategy.write_text(ALWAYS)
        config = folder / "interlock.toml"
        config.write_text(
            f"""
            [data]
            bars = ["{path}"]
            speed = "{speed}"
            [strategy]
            name = "{strategy}:Always"
            """
        )
        # Plain Python starts sooner, and this is about processes.
        self.environ = os.environ | {
            "INTERLOCK_HOME": str(self.home.root),
            "NUMBA_DISABLE_JIT": "1",
        }
        self.said = folder / "said"
        with self.said.open("w") as said:
            self.process = subprocess.Popen(
                [
                    *(sys.executable, "-m", "interlock", "run"),
                    *("--no-gateway", "--json", "--config", str(config)),
                ],
                env=self.environ,
                stdout=said,
                stderr=subprocess.STDOUT,
            )

    def events(self, name: str) -> list[dict[str, Any]]:
        """Return what the run told under a name."""
        lines = [line for line in self.said.read_text().splitlines() if line.startswith("{")]
        told = [json.loads(line) for line in lines if line.endswith("}")]
        return [event for event in told if event["event"] == name]

    def status(self) -> dict[str, Any]:
        """Return what the engine says; nothing while it does not answer."""
        try:
            return ask(self.home.engine_socket, {"ask": "status"}, 1.0)
        except (OSError, ValueError):
            return {}

    def causes(self) -> set[str]:
        """Return what is latched in the engine."""
        return {str(latch["cause"]) for latch in self.status().get("latches", [])}

    def look(self) -> object:
        """Return what the venue shows."""
        return look_at_venue(self.home.venue_socket, SimulatedWardenCodec(), SystemClock())

    def holds(self) -> bool:
        """Return whether the venue shows a position under a stop."""
        found = self.look()
        return isinstance(found, Seen) and bool(found.positions) and bool(found.orders)

    def is_latched(self) -> bool:
        """Return whether the kill latch is set."""
        with contextlib.suppress(OSError, ValueError):
            return bool(json.loads(self.home.latch.read_text())["state"] == "killed")
        return False

    def pid(self) -> int:
        """Return the engine's process."""
        found = read_progress(self.home.progress)
        assert found is not None
        return found.pid

    def command(self, *words: str) -> int:
        """Run a verb on this home; return its exit code."""
        return subprocess.run(
            [sys.executable, "-m", "interlock", *words], env=self.environ, check=False, timeout=60
        ).returncode

    def end(self) -> None:
        """End it at once, and wait until its engine is gone: its folder goes too."""
        self.process.kill()
        self.process.wait()
        found = read_progress(self.home.progress)
        if found is not None and process_began(found.pid) == found.began:
            os.kill(found.pid, signal.SIGCONT)  # one that is frozen sees nothing
            soon(lambda: process_began(found.pid) is None)

    def stop(self) -> int:
        """End it as Ctrl-C does; return its exit code."""
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(PATIENCE_S)


@pytest.fixture
def folder() -> Iterator[Path]:
    """Return a folder with a short path: sockets are in it."""
    path = Path(tempfile.mkdtemp(prefix="interlock-"))
    yield path
    shutil.rmtree(path)


@contextlib.contextmanager
def running(folder: Path) -> Iterator[Run]:
    """Run until there is a position under a stop, and a watchdog that was seen."""
    run = Run(folder)
    try:
        soon(run.holds)
        soon(lambda: bool(run.events("watchdog_venue_found")))
        yield run
    finally:
        run.end()


def soon(found: Callable[[], bool], within_s: float = PATIENCE_S) -> float:
    """Wait until something is so; return how long it took."""
    begun_s = time.perf_counter()
    while not found():
        assert time.perf_counter() - begun_s < within_s, "it never was so"
        time.sleep(0.02)
    return time.perf_counter() - begun_s


def test_a_frozen_engine_is_latched_in_five_seconds_and_its_account_empty_in_ten(
    folder: Path, record_property: Callable[[str, object], None]
) -> None:
    """Awake again, it opens nothing until a person has cleared the latch; then it trades again."""
    with running(folder) as run:
        frozen = run.pid()
        os.kill(frozen, signal.SIGSTOP)
        begun_s = time.perf_counter()
        detected_s = soon(run.is_latched)
        soon(lambda: run.look() == EMPTY)
        soon(lambda: bool(run.events("incident_result")))
        confirmed_s = time.perf_counter() - begun_s
        record_property("detected_s", round(detected_s, 2))
        record_property("confirmed_s", round(confirmed_s, 2))
        assert detected_s <= DETECTED_S
        assert confirmed_s <= CONFIRMED_S
        (result,) = run.events("incident_result")
        assert (result["result"], result["why"]) == ("KILLED", "")
        (report,) = run.home.incidents.glob("*.json")
        assert json.loads(report.read_text())["result"] == "KILLED"

        os.kill(frozen, signal.SIGCONT)
        soon(lambda: "KILL_IMMEDIATE" in run.causes())
        soon(lambda: bool(run.events("incident_over")))
        bars = run.status()["counts"]["bars"]
        soon(lambda: run.status()["counts"]["bars"] >= bars + 20)
        assert run.look() == EMPTY
        assert run.status()["positions"] == []
        assert run.status()["counts"]["trades"] == 1

        soon(lambda: run.command("kill", "--clear", "--reason", "it was frozen on purpose") == 0)
        soon(run.holds)
        assert run.stop() == 0


def test_an_engine_that_dies_for_good_leaves_nothing_behind(folder: Path) -> None:
    """It is started again three times; then the watchdog acts before the venue ends."""
    with running(folder) as run:
        pids: set[int] = set()
        while run.process.poll() is None:
            found = read_progress(run.home.progress)
            if found is not None and found.pid not in pids and process_began(found.pid):
                pids.add(found.pid)
                os.kill(found.pid, signal.SIGKILL)
            time.sleep(0.05)
        assert run.process.returncode == 1
        assert len(pids) == 4
        assert run.events("stays_down")
        assert [result["result"] for result in run.events("incident_result")] == ["KILLED"]
        assert run.is_latched()


def test_one_that_is_started_again_in_time_is_none_of_the_watchdogs_business(folder: Path) -> None:
    with running(folder) as run:
        before = run.pid()
        os.kill(before, signal.SIGKILL)
        soon(lambda: run.pid() != before)
        soon(lambda: bool(run.status()))
        time.sleep(3)
        assert run.events("incident") == []
        assert not run.is_latched()
        soon(run.holds)  # it goes on trading
        assert run.events("incident") == []
        assert not run.is_latched()
        assert run.stop() == 0


def test_a_venue_that_starts_again_meanwhile_is_stopped_when_it_is_there(folder: Path) -> None:
    with running(folder) as run:
        os.kill(run.pid(), signal.SIGSTOP)
        soon(run.is_latched)
        os.kill(_venue_of(run), signal.SIGKILL)
        soon(lambda: run.look() == EMPTY)
        soon(lambda: any(one["result"] == "KILLED" for one in run.events("incident_result")))


def _venue_of(run: Run) -> int:
    """Return the venue's process."""
    for found in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            words = found.read_bytes().split(b"\0")
            if words[3:6] == [b"interlock", b"venue", b"--config"] and _is_of(found.parent, run):
                return int(found.parent.name)
    raise AssertionError("the venue does not run")


def _is_of(process: Path, run: Run) -> bool:
    fields = (process / "stat").read_text().rsplit(")", 1)[1].split()
    return int(fields[1]) == run.process.pid


def test_a_market_that_says_nothing_is_no_hang(folder: Path) -> None:
    """Bars six seconds apart: longer than any hang may last."""
    with running(folder) as run:
        assert run.stop() == 0
    quiet = folder / "quiet"
    quiet.mkdir()
    run = Run(quiet, speed="50x")
    try:
        soon(lambda: run.status().get("counts", {}).get("bars", 0) >= 2)
        time.sleep(14)
        assert run.events("incident") == []
        assert not run.is_latched()
        assert run.stop() == 0
    finally:
        run.end()


def test_an_engine_without_a_watchdog_opens_nothing_until_it_is_back(folder: Path) -> None:
    """And a watchdog that breaks is started again by itself."""
    with running(folder) as run:
        watchdog = run.events("watching")[-1]["pid"]
        os.kill(watchdog, signal.SIGSTOP)
        took_s = soon(lambda: "WATCHDOG" in run.causes())
        assert 7 < took_s < 14
        os.kill(watchdog, signal.SIGKILL)
        soon(lambda: len(run.events("watching")) == 2)
        soon(lambda: "WATCHDOG" not in run.causes())
        assert run.events("incident") == []
        assert run.stop() == 0


def test_none_of_them_outlives_its_supervisor(folder: Path) -> None:
    with running(folder) as run:
        watchdog = run.events("watching")[-1]["pid"]
        run.process.kill()
        run.process.wait()
        soon(lambda: process_began(watchdog) is None, within_s=5)
        soon(lambda: process_began(run.pid()) is None, within_s=5)
        assert not run.is_latched()
