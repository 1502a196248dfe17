"""The watchdog beside an engine that a test plays, at a venue behind a real socket."""

import asyncio
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Self

import pytest

from interlock.config.latch_file import LatchFile
from interlock.config.progress_file import EngineState, ProgressFile, process_began
from interlock.ops import watchdog as watchdogs
from interlock.ops.judging import NS_PER_S, Health, Rules
from interlock.ops.kill import Seen
from interlock.ops.watchdog import Action, Places, Terms, Watchdog
from interlock.runtime.clock import SystemClock
from interlock.venues.simulated.server import SOCKET_NAME
from interlock.venues.simulated.warden_wire import SimulatedWardenCodec
from interlock.venues.stopper import Timing
from tests.ops.test_kill import beside, look
from tests.venues.caller import limit, on_the_line, venue_of

CLOCK = SystemClock()
RULES = Rules(hang_ns=NS_PER_S // 3, slow_disk_ns=2 * NS_PER_S, down_ns=NS_PER_S // 2)
PATIENCE_S = 15.0


class Stage:
    """A home, an engine played by hand, and a watchdog in a thread.

    Args:
        home: The folder.
        venue: The venue's socket.
        action: What the watchdog does.
    """

    def __init__(self, home: Path, venue: Path, action: Action = "flatten") -> None:
        home.mkdir(mode=0o700, exist_ok=True)
        self.home = home
        self.venue = venue
        self.progress = ProgressFile(home / "progress", CLOCK.elapsed_ns)
        self.told: list[tuple[str, Mapping[str, Any]]] = []
        self.latch = LatchFile(path=home / "latch.json", stopwatch_ns=CLOCK.elapsed_ns)
        self.latch.prepare(journal_exists=False)
        self.ticks = 0
        self.watchdog = Watchdog(
            Places(
                latch=home / "latch.json",
                progress=home / "progress",
                venue=venue,
                incidents=home / "incidents",
            ),
            SimulatedWardenCodec,
            Terms(rules=RULES, action=action, stop_ppm=20_000),
            CLOCK,
            tell=lambda event, facts: self.told.append((event, facts)),
            sleep=time.sleep,
        )
        self.result: bool | None = None
        self._thread = threading.Thread(target=self._run, daemon=True)

    def _run(self) -> None:
        self.result = self.watchdog.run()

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.watchdog.end()
        self._thread.join(PATIENCE_S)
        assert not self._thread.is_alive()

    def ends(self) -> bool | None:
        """Tell the watchdog to end; return what it says."""
        self.watchdog.end()
        self._thread.join(PATIENCE_S)
        return self.result

    def works(self, seconds: float) -> None:
        """Play an engine that is well."""
        self.progress.enter(EngineState.RUNNING)
        self.until(lambda: False, seconds)

    def until(self, found: Callable[[], bool], seconds: float = PATIENCE_S) -> bool:
        """Play an engine that is well until something is so, or time is over."""
        begun_s = time.perf_counter()
        while not found() and time.perf_counter() - begun_s < seconds:
            self.ticks += 1
            self.progress.pulse()
            self.progress.loop(
                ticks=self.ticks, arrivals=self.ticks, waiting=0, decided_seq=1, durable_seq=1
            )
            time.sleep(0.02)
        return found()

    def waits(self, found: Callable[[], bool]) -> None:
        """Play an engine that hangs until something is so."""
        begun_s = time.perf_counter()
        while not found():
            assert time.perf_counter() - begun_s < PATIENCE_S, self.told
            time.sleep(0.01)

    def events(self) -> list[str]:
        """Return what was told, but for how the engine is."""
        return [event for event, _ in self.told if event != "engine_health"]

    def results(self) -> list[str]:
        """Return what each incident came to."""
        return [facts["result"] for event, facts in self.told if event == "incident_result"]

    def report(self) -> dict[str, Any]:
        """Return the last report."""
        files = sorted((self.home / "incidents").glob("*.json"))
        found: dict[str, Any] = json.loads(files[-1].read_text())
        return found


def play(folder: Path, story: Callable[[Stage], None], action: Action = "flatten") -> None:
    """Run a story with a position and two orders at the venue."""

    def work(path: Path) -> None:
        with Stage(folder / "home", path, action) as stage:
            story(stage)

    beside(folder, work)


def test_an_engine_that_is_well_is_left_alone(tmp_path: Path) -> None:
    def story(stage: Stage) -> None:
        stage.works(1.5)
        assert stage.events() == []
        assert not stage.latch.read().is_set
        seen = look(stage.venue)
        assert isinstance(seen, Seen)
        assert seen.positions == {"AAA": 100}
        assert stage.ends() is True

    play(tmp_path, story)


def test_one_that_hangs_is_latched_stopped_and_reported(tmp_path: Path) -> None:
    def story(stage: Stage) -> None:
        stage.works(0.5)
        stage.waits(lambda: stage.results() == ["KILLED"])
        latch = stage.latch.read()
        assert (latch.mode, latch.who) == ("immediate", "watchdog")
        assert latch.reason.startswith("the engine is hung: its process does not run")
        assert look(stage.venue) == Seen(orders=(), positions={})
        assert stage.ends() is True
        report = stage.report()
        assert (report["result"], report["latch"], report["why"]) == ("KILLED", "CONFIRMED", "")
        assert 300 <= report["lasted_before_ms"] < 1_000
        assert 0 < report["confirmed_after_ms"] < 5_000
        assert any("reduce-only" in note for note in report["notes"])
        mode = (stage.home / "incidents").stat().st_mode & 0o777
        assert mode == 0o700

    play(tmp_path, story)


def test_one_that_wakes_up_again_is_watched_on_and_its_latch_stays(tmp_path: Path) -> None:
    def story(stage: Stage) -> None:
        stage.works(0.5)
        stage.waits(lambda: stage.results() == ["KILLED"])
        assert stage.until(lambda: "incident_over" in stage.events())
        assert stage.latch.read().is_set
        stage.waits(lambda: stage.results() == ["KILLED", "KILLED"])

    monkeypatched(tmp_path, story)


def monkeypatched(folder: Path, story: Callable[[Stage], None]) -> None:
    """Run a story with a watchdog that looks at a stopped venue again sooner."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(watchdogs, "AGAIN_NS", NS_PER_S // 5)
        play(folder, story)


def test_a_process_that_died_is_waited_for_and_then_acted_on(tmp_path: Path) -> None:
    """One that is started again in time, or that was stopped, is not."""

    def story(stage: Stage) -> None:
        stage.works(0.3)
        process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
        stage.progress._pid = process.pid
        stage.progress._began = began(process.pid)
        stage.works(0.3)
        process.kill()
        process.wait()
        stage.waits(lambda: stage.watchdog.judgement.health is Health.DOWN)
        stage.progress._pid, stage.progress._began = os.getpid(), began(os.getpid())
        stage.progress.enter(EngineState.STARTING)
        stage.works(1.5)
        assert stage.events() == []
        stage.progress._pid, stage.progress._began = process.pid, 1
        stage.progress.enter(EngineState.STOPPED)
        time.sleep(1)
        assert stage.events() == []
        stage.progress.enter(EngineState.RUNNING)
        stage.waits(lambda: stage.results() == ["KILLED"])
        assert stage.latch.read().reason.startswith("the engine is dead: its process has been gone")

    play(tmp_path, story)


def began(pid: int) -> int:
    """Return when a process that is there began."""
    found = process_began(pid)
    assert found is not None
    return found


def test_one_that_stays_down_is_acted_on_at_once_and_before_the_end(tmp_path: Path) -> None:
    def story(stage: Stage) -> None:
        stage.works(0.3)
        stage.progress._pid, stage.progress._began = 2**22 + 1, 1
        stage.progress.enter(EngineState.RUNNING)
        stage.watchdog.give_up()
        assert stage.ends() is True
        assert stage.results() == ["KILLED"]
        assert look(stage.venue) == Seen(orders=(), positions={})

    play(tmp_path, story)


def test_a_person_who_stops_all_is_not_taken_for_a_hang(tmp_path: Path) -> None:
    """Told to end while the engine is down for a moment, it ends, and does nothing."""

    def story(stage: Stage) -> None:
        stage.works(0.3)
        stage.progress._pid, stage.progress._began = 2**22 + 1, 1
        stage.progress.enter(EngineState.RUNNING)
        stage.waits(lambda: stage.watchdog.judgement.health is Health.DOWN)
        assert stage.ends() is True
        assert stage.events() == []
        assert not stage.latch.read().is_set

    play(tmp_path, story)


def test_protecting_leaves_the_position_under_its_stop_and_lets_exits_be(tmp_path: Path) -> None:
    def story(stage: Stage) -> None:
        stage.works(0.5)
        stage.waits(lambda: stage.results() == ["KILLED"])
        assert stage.latch.read().mode == "pause"
        seen = look(stage.venue)
        assert isinstance(seen, Seen)
        assert [order.client_id for order in seen.orders] == ["c"]
        assert seen.positions == {"AAA": 100}

    play(tmp_path, story, "protect")


def test_a_venue_that_is_away_is_tried_until_it_has_shown_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first stop is not confirmed, and says so; the venue comes, and the next one is."""
    monkeypatch.setattr(
        watchdogs, "Timing", lambda **given: replace(TIMING, stop_ppm=given["stop_ppm"])
    )
    (tmp_path / "v").mkdir(mode=0o700)
    with Stage(tmp_path / "home", tmp_path / "v" / SOCKET_NAME) as stage:
        stage.works(0.5)
        stage.waits(lambda: len(stage.results()) >= 2)
        assert set(stage.results()) == {"KILL_UNCONFIRMED"}
        assert stage.report()["why"].startswith("the venue could not be reached")
        beside(tmp_path, lambda _: stage.waits(lambda: stage.results()[-1] == "KILLED"))
        assert stage.ends() is True
        assert stage.report()["result"] == "KILLED"
        assert len(stage.report()["attempts"]) >= 3


TIMING = Timing(deadline_ns=NS_PER_S // 2)


def test_an_order_that_comes_in_after_the_stop_is_found_while_the_engine_hangs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watchdogs, "AGAIN_NS", NS_PER_S // 5)

    async def case() -> None:
        async with on_the_line(venue_of(tmp_path / "v")) as caller:
            with Stage(tmp_path / "home", tmp_path / "v" / SOCKET_NAME) as stage:
                await asyncio.to_thread(stage.works, 0.3)
                await asyncio.to_thread(stage.waits, lambda: stage.results() == ["KILLED"])
                caller.ask(limit("late", 9_000))
                await caller.found("late")

                def is_gone() -> bool:
                    return look(stage.venue) == Seen(orders=(), positions={})

                await asyncio.to_thread(stage.waits, is_gone)

    asyncio.run(case())


def test_a_latch_that_cannot_be_written_stops_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A disk that hangs: the latch is not had in time, and the venue is stopped all the same."""
    monkeypatch.setattr(watchdogs, "LATCH_S", 0.2)
    monkeypatch.setattr(LatchFile, "kill", lambda *_: time.sleep(3))

    def story(stage: Stage) -> None:
        stage.works(0.5)
        stage.waits(lambda: stage.results() == ["KILLED"])
        stage.ends()
        assert stage.report()["latch"] == "UNCONFIRMED: it was not written within 0.2 s"
        assert look(stage.venue) == Seen(orders=(), positions={})

    play(tmp_path, story)
