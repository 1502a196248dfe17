"""What an engine shows of its progress, by a real driver, and how that is judged."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final

import pytest

from interlock.app.progress import EngineProgress, engine_progress
from interlock.config.errors import PolicyError
from interlock.config.home import Home, home_of
from interlock.config.progress_file import EngineState, ProgressFile, read_progress
from interlock.config.settings import Settings
from interlock.journal.errors import FencedError, StoreError
from interlock.ops.judging import Health, Judge, Rules
from interlock.ops.watchdog import look_at_engine
from interlock.runtime.clock import NS_PER_S, SystemClock
from interlock.runtime.dead_man import DeadManSwitch
from interlock.venues.port import Turn
from interlock.venues.simulated.asks import ArmDeadMan
from tests.runtime.rig import BUY_AT, Rig

CLOCK: Final = SystemClock()
RULES: Final = Rules(hang_ns=NS_PER_S // 3, slow_disk_ns=60 * NS_PER_S, down_ns=NS_PER_S)


class Watched:
    """A driver whose progress is shown and judged."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "progress"
        self.rig = Rig(folder)
        self.shown = EngineProgress(ProgressFile(self.path, CLOCK.elapsed_ns))
        engine = self.rig.pair.engine
        self.switch = DeadManSwitch(engine.link, self.rig.pair.codec, CLOCK, timeout_ms=60_000)
        self.shown.follow(self.rig.driver, self.switch)
        self._judge = Judge(RULES)

    async def judged(self, seconds: float) -> Health:
        """Let time pass; return how the engine is judged."""
        found = None
        for _ in range(int(seconds / 0.02)):
            await asyncio.sleep(0.02)
            found = self._judge.judge(look_at_engine(self.path, CLOCK.elapsed_ns(), None))
        assert found is not None
        return found.health


def play(folder: Path, story: Callable[[Watched], Awaitable[None]]) -> Watched:
    """Run a story against a running driver that is watched."""
    watched = Watched(folder)

    async def run() -> None:
        async with watched.rig.running():
            await watched.rig.ready()
            await story(watched)

    asyncio.run(run())
    return watched


def test_an_engine_without_anything_to_do_is_quiet_and_no_more(tmp_path: Path) -> None:
    async def story(watched: Watched) -> None:
        assert await watched.judged(1.0) is Health.QUIET

    play(tmp_path, story)


def test_a_disk_that_takes_its_time_is_slow_and_one_that_nobody_writes_to_is_a_hang(
    tmp_path: Path,
) -> None:
    async def story(watched: Watched) -> None:
        rig = watched.rig
        rig.writer.is_stuck = True
        watched.shown.writing(begins=True)
        rig.tell(rig.pair.venue.bar(BUY_AT), rig.pair.venue.beat(1, Turn.IF_QUIET))
        assert await watched.judged(1.0) is Health.SLOW_DISK
        watched.shown.writing(begins=False)
        assert await watched.judged(1.0) is Health.HUNG
        rig.writer.is_stuck = False
        rig.writer.flush()
        assert await watched.judged(1.0) is Health.QUIET

    play(tmp_path, story)


def test_a_loop_that_is_held_up_is_a_hang(tmp_path: Path) -> None:
    async def story(watched: Watched) -> None:
        await watched.judged(0.1)
        watched.rig.driver.each_tick = lambda: None
        assert await watched.judged(0.6) is Health.HUNG

    play(tmp_path, story)


def test_the_switch_at_the_venue_is_armed_with_it_and_taken_off_at_the_stop(
    tmp_path: Path,
) -> None:
    async def story(watched: Watched) -> None:
        rig = watched.rig
        await rig.until(lambda: ArmDeadMan(timeout_ms=60_000) in rig.heard)
        rig.driver.stop()
        await rig.ended()
        await rig.until(lambda: rig.heard[-1] == ArmDeadMan(timeout_ms=0))

    watched = play(tmp_path, story)
    found = read_progress(watched.path)
    assert found is not None
    assert found.state is EngineState.STOPPING


@pytest.fixture
def home(tmp_path: Path) -> Home:
    found = home_of(Settings(home=tmp_path / "home"))
    found.make()
    return found


@pytest.mark.parametrize(
    ("error", "has_run", "state"),
    [
        (None, True, EngineState.STOPPED),
        (StoreError("full"), True, EngineState.STARTING),
        (RuntimeError("a bug"), True, EngineState.STARTING),
        (FencedError("another one"), True, EngineState.STOPPED),
        (PolicyError("looser"), False, EngineState.STOPPED),
    ],
)
def test_only_an_engine_that_broke_while_it_ran_is_missed(
    home: Home, error: Exception | None, has_run: bool, state: EngineState
) -> None:
    """Not one that stopped, that another one took over from, or that refused to start."""

    def run() -> None:
        with engine_progress(home, CLOCK) as shown:
            if has_run:
                shown.state = EngineState.RUNNING
            if error is not None:
                raise error

    if error is None:
        run()
    else:
        with pytest.raises(type(error)):
            run()
    found = read_progress(home.progress)
    assert found is not None
    assert found.state is state
