"""One engine for one journal on this machine: a lock that the system lets go when it dies."""

import fcntl
import os
import time
from pathlib import Path
from typing import Final

from interlock.journal.errors import JournalError
from interlock.journal.files import file_refused, open_file

_PAUSE_S: Final = 0.05
_PID_BYTES: Final = 32


class EngineLock:
    """Held from construction to ``close``, or until the process is gone, however it went.

    The file stays where it is: removing it would let two engines hold two files of one name.

    Args:
        path: Of the lock file; made if it is not there.
        wait_s: How long to wait for another engine to go.

    Raises:
        JournalError: Another process holds it, named by its id.
    """

    def __init__(self, path: Path, *, wait_s: float = 0.0) -> None:
        self.path = path
        self._descriptor = open_file(path, os.O_RDWR | os.O_CREAT)
        try:
            self._take(tries=1 + int(wait_s / _PAUSE_S))
            os.ftruncate(self._descriptor, 0)
            os.pwrite(self._descriptor, f"{os.getpid()}\n".encode(), 0)
        except OSError as error:
            os.close(self._descriptor)
            raise file_refused("lock", path, error) from None
        except JournalError:
            os.close(self._descriptor)
            raise

    def _take(self, tries: int) -> None:
        for left in reversed(range(tries)):
            try:
                fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if left:
                    time.sleep(_PAUSE_S)
            else:
                return
        raise JournalError(
            f"{self.path} is held by process {self.holder()}: one engine runs on a journal. "
            "Next: stop that one first, or wait until it is gone."
        )

    def holder(self) -> str:
        """Return the id of the process that holds it, as it wrote it."""
        found = os.pread(self._descriptor, _PID_BYTES, 0).decode("ascii", "replace").strip()
        return found or "unknown"

    def close(self) -> None:
        """Let go of it."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1
