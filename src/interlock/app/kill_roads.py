"""The roads of a kill that take no engine, for whoever answers people over the network."""

from contextlib import closing, suppress
from typing import Any, Final, cast

from interlock.app.killing import latch_said
from interlock.config.errors import PolicyError
from interlock.config.home import Home
from interlock.config.latch import Mode, Unconfirmed, killed
from interlock.config.latch_file import LatchFile
from interlock.runtime.clock import Clock

LOCK_S: Final = 0.4  # for whoever is sending; then the latch is written all the same


class LatchRoad:
    """The latch file of a home: every last gate reads it before each byte, and the watchdog too.

    Any thread may use it.

    Args:
        home: Whose latch it is.
        clock: For when a kill was, and for what waits.
    """

    def __init__(self, home: Home, clock: Clock) -> None:
        self._home = home
        self._clock = clock

    def latch(self, *, mode: str, reason: str, who: str) -> dict[str, Any]:
        """Set the latch, and return whether nobody who judged by the one before still sends."""
        wanted = killed(mode=cast("Mode", mode), reason=reason, who=who, ts_ns=self._clock.now_ns())
        with suppress(PolicyError):  # a home that is not in order is killed all the same
            self._home.make()
        with closing(self._file()) as file:
            outcome = file.kill(wanted, LOCK_S)
        why = outcome.why if isinstance(outcome, Unconfirmed) else ""
        return {"confirmed": not why, "why": why, "latch": latch_said(outcome.latch)}

    def look(self) -> dict[str, Any]:
        """Return what the latch says."""
        with closing(self._file()) as file:
            return latch_said(file.read())

    def _file(self) -> LatchFile:
        return LatchFile(path=self._home.latch, stopwatch_ns=self._clock.elapsed_ns)
