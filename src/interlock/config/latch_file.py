"""The kill latch: a file in the home that the last gate reads before every byte that leaves.

Whoever sends holds the home folder's lock together with others while it reads the latch and writes
its bytes; whoever kills holds it alone while it writes the latch. After that no bytes are under way
that were judged by the latch before. The lock is the folder's, and not the file's: the file is
replaced whole, and a lock on what was replaced locks nothing.

A latch that is missing, cannot be read, or is not what this module wrote, is set.
"""

import fcntl
import os
import stat
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from interlock.config.errors import PolicyError
from interlock.config.latch import (
    CLEAR,
    Confirmed,
    Latch,
    LatchState,
    Unconfirmed,
    one_line,
    parse_latch,
    unreadable,
)
from interlock.config.trust import PRIVATE_FILE

BYTES_MAX: Final = 4_096

_POLL_SECONDS: Final = 0.001
_NS_PER_SECOND: Final = 1_000_000_000
_OPEN: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
_CREATE: Final = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


class _BadLatchError(Exception):
    """The file or its folder is not what it has to be; never seen outside this module."""


def _reason(error: OSError | _BadLatchError) -> str:
    """Return what the system or this module says is wrong."""
    return (isinstance(error, OSError) and error.strerror) or str(error)


@dataclass(slots=True, kw_only=True)
class LatchFile:
    """The latch file of one home. One thread uses it at a time; another makes its own.

    Attributes:
        path: The file.
        stopwatch_ns: A clock that never goes back, for time limits.
    """

    path: Path
    stopwatch_ns: Callable[[], int]
    _folder: int = field(default=-1, init=False)
    _raw: bytes | None = field(default=None, init=False)
    _latch: Latch = field(default=CLEAR, init=False)
    _held: bool = field(default=False, init=False)

    def prepare(self, *, journal_exists: bool) -> Latch:
        """Return what the latch says; at the very first start, make it.

        Args:
            journal_exists: Whether something was journaled. Then a latch that is missing was taken
                away, and counts as set.

        Raises:
            PolicyError: It could not be made.
        """
        if not journal_exists and not os.path.lexists(self.path):
            try:
                self._create(CLEAR)
            except (OSError, _BadLatchError) as error:
                raise PolicyError(f"{self.path}: cannot be written: {_reason(error)}.") from error
        return self.read()

    def read(self) -> Latch:
        """Return what the latch says now. It never raises: what cannot be read is set."""
        try:
            raw = self._bytes()
        except (OSError, _BadLatchError) as error:
            return unreadable(f"{self.path}: {_reason(error)}")
        if raw != self._raw:  # never by its time: two writes may have the same
            found = parse_latch(raw)
            if found.state is LatchState.UNREADABLE:
                return unreadable(f"{self.path}: {found.reason}")
            self._raw, self._latch = raw, found
        return self._latch

    @contextmanager
    def shared(self, timeout_s: float = 0.1) -> Iterator[Latch]:
        """Hold the lock together with others while bytes are judged and written.

        Yields what the latch says; what it says holds until the end of the block, for a kill waits
        for that. When somebody holds the lock alone for longer than ``timeout_s``, it yields a
        latch that is set: nothing may be sent.
        """
        try:
            had = self._lock(fcntl.LOCK_SH, timeout_s)
        except (OSError, _BadLatchError) as error:
            yield unreadable(f"{self.path.parent}: cannot be locked: {_reason(error)}")
            return
        if not had:
            yield unreadable(f"a kill was being written for longer than {timeout_s:g} s")
            return
        self._held = True
        try:
            yield self.read()
        finally:
            self._held = False
            fcntl.flock(self._folder, fcntl.LOCK_UN)

    def kill(self, latch: Latch, timeout_s: float = 1.0) -> Confirmed | Unconfirmed:
        """Set the latch when nobody is sending; set it all the same when somebody does not stop.

        A kill that is there already stays unless this one is stricter, and counts once more: who
        decided to clear it did not know of this one. On a full disk the file is removed: a latch
        that is missing is set.

        Args:
            latch: As ``killed`` makes it.
            timeout_s: How long to wait for senders.
        """
        assert latch.state is LatchState.KILLED
        late = f"a send may be under way: the lock was not had within {timeout_s:g} s"
        try:
            had = self._lock(fcntl.LOCK_EX, timeout_s)
        except (OSError, _BadLatchError) as error:
            had, late = False, f"a send may be under way: {_reason(error)}"
        try:
            why = self._kill(latch)
            found = self.read()
        finally:
            if had:
                fcntl.flock(self._folder, fcntl.LOCK_UN)
        if not had:
            why = f"{late}; {why}" if why else late
        return Unconfirmed(latch=found, why=why) if why else Confirmed(latch=found)

    def clear(
        self, seen: Latch, *, who: str, reason: str, ts_ns: int, timeout_s: float = 1.0
    ) -> Latch:
        """Clear the latch that a person saw, and return what the file says now.

        Args:
            seen: What the person decided about; another kill since then stays.
            who: The person.
            reason: Why it may go on.
            ts_ns: When, UTC.
            timeout_s: How long to wait for senders and kills.

        Raises:
            PolicyError: It says something else by now, the lock was not had, or it could not be
                written. The latch stays as it is.
        """
        assert who.strip()
        cleared = Latch(
            state=LatchState.CLEAR,
            reason=one_line(reason),
            cleared_by=one_line(who),
            ts_ns=ts_ns,
        )
        try:
            self._clear(seen, cleared, timeout_s)
        except (OSError, _BadLatchError) as error:
            raise PolicyError(
                f"{self.path}: the latch stays as it is: {_reason(error)}. Next: look at it again."
            ) from error
        return self.read()

    def close(self) -> None:
        """Let go of the folder."""
        if self._folder >= 0:
            os.close(self._folder)
            self._folder = -1

    # --- inside -------------------------------------------------------------------------------

    def _opened(self) -> int:
        """Return the home folder, opened; and see that it is still the one at its path."""
        if self._folder < 0:
            self._folder = os.open(self.path.parent, _OPEN | os.O_DIRECTORY)
        mine, theirs = os.fstat(self._folder), os.lstat(self.path.parent)
        if (mine.st_dev, mine.st_ino) != (theirs.st_dev, theirs.st_ino):
            raise _BadLatchError("the home was moved away while it was in use")
        return self._folder

    def _bytes(self) -> bytes:
        """Return the file's bytes, or raise what is wrong with it."""
        folder = self._opened()
        descriptor = os.open(self.path.name, _OPEN, dir_fd=folder)
        try:
            status = os.fstat(descriptor)
            if not stat.S_ISREG(status.st_mode):
                raise _BadLatchError("it must be a file, was a folder or a device")
            if status.st_mode & (stat.S_IRWXG | stat.S_IRWXO):
                raise _BadLatchError(
                    f"nobody else may read or write it, was mode {stat.S_IMODE(status.st_mode):04o}"
                )
            if status.st_uid not in {os.geteuid(), os.fstat(folder).st_uid}:
                raise _BadLatchError(f"it must be the home's owner's, was user {status.st_uid}'s")
            raw = os.read(descriptor, BYTES_MAX + 1)
        finally:
            os.close(descriptor)
        if len(raw) > BYTES_MAX:
            raise _BadLatchError(f"it must be at most {BYTES_MAX} bytes, was more")
        return raw

    def _lock(self, how: int, timeout_s: float) -> bool:
        """Lock the home folder; return whether it was had in time."""
        assert not self._held
        folder = self._opened()
        start_ns = self.stopwatch_ns()
        while True:
            try:
                fcntl.flock(folder, how | fcntl.LOCK_NB)
            except BlockingIOError:
                if self.stopwatch_ns() - start_ns >= timeout_s * _NS_PER_SECOND:
                    return False
                time.sleep(_POLL_SECONDS)
            else:
                return True

    def _clear(self, seen: Latch, cleared: Latch, timeout_s: float) -> None:
        """Put ``cleared`` in the place of ``seen``, or raise why not."""
        if not self._lock(fcntl.LOCK_EX, timeout_s):
            raise _BadLatchError(
                f"its lock was not had within {timeout_s:g} s, for a kill or a send was under way"
            )
        try:
            draft = self._draft(cleared)
            found = self.read()
            if found != seen or found.asked != seen.asked:
                os.unlink(draft, dir_fd=self._folder)
                raise _BadLatchError("it was written again since it was looked at")
            self._take_place(draft)
        finally:
            fcntl.flock(self._folder, fcntl.LOCK_UN)

    def _kill(self, latch: Latch) -> str:
        """Write a kill, or that one as strict was asked for again; return why it could not be."""
        there = self.read()
        stands = there.state is LatchState.KILLED and there.strictness >= latch.strictness
        told = replace(there if stands else latch, asked=there.asked + 1)
        try:
            self._take_place(self._draft(told))
        except (OSError, _BadLatchError) as error:
            if stands:
                return ""
            why = f"{self.path} could not be written: {_reason(error)}"
        else:
            return ""
        try:
            self.path.unlink()
        except FileNotFoundError:
            return f"{why}; it is missing, which sets it too"
        except OSError as error:
            return f"{why}, and not be removed: {_reason(error)}"
        return f"{why}; it was removed, which sets it too"

    def _draft(self, latch: Latch) -> str:
        """Write a file beside the latch that can take its place; return its name."""
        folder = self._opened()
        name = f".{self.path.name}.{os.getpid()}.{threading.get_native_id()}"
        with suppress(FileNotFoundError):
            os.unlink(name, dir_fd=folder)
        descriptor = os.open(name, _CREATE, PRIVATE_FILE, dir_fd=folder)
        try:
            with os.fdopen(descriptor, "wb") as file:
                owner = os.fstat(folder).st_uid
                if owner != os.geteuid():  # an administrator kills, and the engine has to read it
                    os.fchown(file.fileno(), owner, -1)
                file.write(latch.content())
                file.flush()
                os.fsync(file.fileno())
        except OSError:
            os.unlink(name, dir_fd=folder)
            raise
        return name

    def _create(self, latch: Latch) -> None:
        """Make the file unless it is there by now."""
        name = self._draft(latch)
        try:
            os.link(name, self.path.name, src_dir_fd=self._folder, dst_dir_fd=self._folder)
        except FileExistsError:
            pass
        finally:
            os.unlink(name, dir_fd=self._folder)
        os.fsync(self._folder)

    def _take_place(self, draft: str) -> None:
        """Put a draft in the file's place: readers see the old one or the new one."""
        os.replace(draft, self.path.name, src_dir_fd=self._folder, dst_dir_fd=self._folder)
        os.fsync(self._folder)
