"""The engine shows how far it is, for a watchdog to read: its loop, its writer, and a pulse."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from interlock.config.home import Home
from interlock.config.progress_file import EngineState, ProgressFile
from interlock.journal.errors import FencedError
from interlock.runtime.clock import Clock
from interlock.runtime.dead_man import DeadManSwitch
from interlock.runtime.driver import Driver
from interlock.runtime.engine import Superseded

PULSE_S: Final = 0.25


class EngineProgress:
    """What this process shows.

    Args:
        file: Opened.
    """

    def __init__(self, file: ProgressFile) -> None:
        self.state = EngineState.STARTING
        self._file = file
        self._ticks = 0
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._beat, name="pulse", daemon=True)
        self._thread.start()

    def follow(self, driver: Driver, dead_man: DeadManSwitch) -> None:
        """Show how far a driver is, from its first round on; renew the venue's switch with it."""

        def tick() -> None:
            self._tick(driver)
            dead_man.tick()

        def stop() -> None:
            self._enter(EngineState.STOPPING)
            dead_man.disarm()

        driver.each_tick = tick
        driver.at_stop = stop

    def writing(self, *, begins: bool) -> None:
        """Show that the journal begins to be written, or has been."""
        self._file.writing(begins=begins)

    def end(self, *, was_stopped: bool) -> None:
        """Show no more. One that was not stopped is missed, unless it is started again soon."""
        self._over.set()
        self._thread.join()
        if was_stopped:
            self._enter(EngineState.STOPPED)

    def _enter(self, state: EngineState) -> None:
        self.state = state
        self._file.enter(state)

    def _tick(self, driver: Driver) -> None:
        engine = driver.engine
        self._ticks += 1
        self._file.loop(
            ticks=self._ticks,
            arrivals=driver.arrived,
            waiting=engine.waiting,
            decided_seq=engine.decider.seq,
            durable_seq=engine.progress.durable_seq,
        )
        if self.state is EngineState.STARTING:
            self._enter(EngineState.RUNNING)

    def _beat(self) -> None:
        while not self._over.wait(PULSE_S):
            self._file.pulse()


@contextmanager
def engine_progress(home: Home, clock: Clock) -> Iterator[EngineProgress]:
    """Show how far the engine is. Only who holds the account may: the file is one engine's.

    An engine that broke while it ran is missed; one that stopped, that was superseded, or that
    refused to start is not.

    Raises:
        PolicyError: The file cannot be written.
    """
    shown = EngineProgress(ProgressFile(home.progress, clock.elapsed_ns))
    was_stopped = False
    try:
        yield shown
        was_stopped = True
    except (Superseded, FencedError):
        was_stopped = True
        raise
    finally:
        shown.end(was_stopped=was_stopped or shown.state is EngineState.STARTING)
