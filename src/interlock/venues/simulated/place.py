"""The folder of a simulated venue: one process at a time, and for this user alone."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

LOCK_NAME: Final = "venue.lock"
_PATH_BYTES_MAX: Final = 107  # of a Unix socket's address


class VenueError(RuntimeError):
    """The venue cannot start."""


@contextmanager
def locked(folder: Path, address: Path) -> Iterator[None]:
    """Make the folder and hold it alone; the system lets go of it however the process ends."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    found = folder.lstat()
    if found.st_uid != os.getuid() or found.st_mode & 0o077:
        raise VenueError(
            f"the venue's folder {folder} must belong to this user alone (0700), was "
            f"{found.st_mode & 0o777:04o} of user {found.st_uid}. Next: chmod 700 {folder}"
        )
    length = len(os.fsencode(address))
    if length > _PATH_BYTES_MAX:
        raise VenueError(
            f"the path of the venue's socket must be at most {_PATH_BYTES_MAX} bytes, was "
            f"{length}: {address}. Next: use a home with a shorter path."
        )
    handle = os.open(
        folder / LOCK_NAME, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600
    )
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise VenueError(
                f"a simulated venue runs in {folder} already. Next: use it, or stop it first."
            ) from error
        yield
    finally:
        os.close(handle)
