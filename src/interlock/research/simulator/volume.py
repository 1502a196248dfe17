"""The disk of a simulated machine: what was not synced is at the mercy of the next power cut."""

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import apsw

from interlock.research.simulator.disk import (
    DiskVFS,
    Operation,
    apply_to,
    survivors,
    synced,
)
from interlock.research.simulator.points import Crash, Fuse

NAME: Final = "journal.db"
_LOG: Final = f"{NAME}-wal"
_SHARED: Final = f"{NAME}-shm"


class Volume:
    """One volume with one journal on it.

    Args:
        folder: A real folder that nothing else uses; kept in memory by the system.
        name: Of the layer under SQLite: one per world.
        fuse: What ends the process in the middle of a write.
    """

    def __init__(self, folder: Path, name: str, fuse: Fuse) -> None:
        self.path = folder / NAME
        self.vfs = name
        self.on_sync: Callable[[str], None] | None = None
        self.is_full = False
        self.is_slow = False
        self.fails_once = False
        self.failed = 0
        self._fuse = fuse
        self._died_at = ""
        self._is_dead = False
        self._durable: dict[str, bytearray] = {}
        self._waiting: list[Operation] = []
        self._in_flight: list[Operation] = []  # the write during which the process ended
        self._layer = DiskVFS(name, self)

    def close(self) -> None:
        """Let SQLite forget it."""
        self._layer.unregister()

    def has_journal(self) -> bool:
        """Return whether something was ever written."""
        return self.path.exists() and self.path.stat().st_size > 0

    # --- operations (``disk.Medium``) -------------------------------------------------------------

    def do(self, operation: Operation, really: Callable[[Operation], Any]) -> Any:
        """Do an operation, or fail it."""
        if self._is_dead:
            raise apsw.exception_for(apsw.SQLITE_IOERR)
        verb = operation.verb
        if verb == "write":
            if self.is_full:
                self.failed += 1
                raise apsw.exception_for(apsw.SQLITE_FULL)
            if self.fails_once:
                self._fail(apsw.SQLITE_IOERR_WRITE)
            self._pass("writing", operation)
            self._waiting.append(operation)
        elif verb == "sync":
            if self.fails_once:
                self._fail(apsw.SQLITE_IOERR_FSYNC)
            self._pass("before_sync", operation)
            found = really(operation)
            self._sync(operation.file)
            self._pass("after_sync", operation)
            return found
        else:
            self._waiting.append(operation)
        return really(operation)

    def look(self) -> None:
        """Fail a read that is to fail: none is, but of the dead."""

    def _fail(self, code: int) -> None:
        self.fails_once = False
        self.failed += 1
        raise apsw.exception_for(code)

    def _pass(self, point: str, operation: Operation) -> None:
        """Pass a point inside SQLite: from there nothing is written any more."""
        if operation.file != _LOG:
            return
        try:
            self._fuse.at(point)
        except Crash:
            self._died_at = point
            self._is_dead = True
            if point == "writing":
                self._in_flight = [operation]
            raise apsw.exception_for(apsw.SQLITE_IOERR) from None

    def _sync(self, file: str) -> None:
        done = synced(self._waiting, file)
        apply_to(self._durable, done)
        kept = {id(each) for each in done}
        self._waiting = [each for each in self._waiting if id(each) not in kept]

    # --- its end and its life after that ----------------------------------------------------------

    def check(self) -> None:
        """End the process if it ended inside SQLite.

        Raises:
            Crash: It did.
        """
        if self._died_at:
            point, self._died_at = self._died_at, ""
            raise Crash(point)

    def forget(self) -> None:
        """Forget a point that a process passed which is gone."""
        self._died_at = ""
        self._is_dead = False

    def kill(self) -> None:
        """Let nothing be written any more: its process is about to be gone."""
        self._is_dead = True

    def revive(self, *, power: random.Random | None) -> str:
        """Let the next process write; return what became of what was not synced.

        Args:
            power: Chooses what a power cut left; None when only the process ended, and the system
                still writes what it was given.
        """
        self._is_dead = False
        self._died_at = ""
        self.path.with_name(_SHARED).unlink(missing_ok=True)
        in_flight, self._in_flight = self._in_flight, []
        if power is None:
            return "kept"
        how, left = power.choice(list(survivors([*self._waiting, *in_flight], power)))
        apply_to(self._durable, left)
        self._waiting = []
        for name in (NAME, _LOG):
            file = self.path.with_name(name)
            if name in self._durable:
                file.write_bytes(self._durable[name])
                file.chmod(0o600)
            else:
                file.unlink(missing_ok=True)
        return how
