"""Room that is kept for later: on a full disk, cancels have to be journaled all the same.

The ballast is a file of blocks that are really taken. When the disk runs low, openings stop and
the ballast is thrown overboard: what it took is there for cancels, fills and the stop itself.
"""

import os
from pathlib import Path
from typing import Final

from interlock.journal.files import file_refused, open_file, sync_folder

BALLAST_BYTES: Final = 64 << 20
MIN_FREE_BYTES: Final = 256 << 20
_BLOCK_BYTES: Final = 512  # the unit of st_blocks, whatever the filesystem's is: stat(2)


class Ballast:
    """A file that takes room.

    Args:
        path: On the volume of the journal.
        size_bytes: How much it takes.
    """

    def __init__(self, path: Path, *, size_bytes: int = BALLAST_BYTES) -> None:
        assert size_bytes > 0
        self.path = path
        self.size_bytes = size_bytes

    @property
    def is_there(self) -> bool:
        """Whether all of the room is taken."""
        try:
            status = self.path.lstat()
        except OSError:
            return False
        return min(status.st_size, status.st_blocks * _BLOCK_BYTES) >= self.size_bytes

    def restore(self) -> None:
        """Take the room, if it is not taken.

        Raises:
            JournalError: There is not enough; what there is stays free.
        """
        if self.is_there:
            return
        descriptor = open_file(self.path, os.O_RDWR | os.O_CREAT)
        try:
            try:
                os.posix_fallocate(descriptor, 0, self.size_bytes)
                os.fsync(descriptor)
            except OSError:
                os.ftruncate(descriptor, 0)
                raise
        except OSError as error:
            raise file_refused("take room for", self.path, error) from None
        finally:
            os.close(descriptor)
        sync_folder(self.path.parent)

    def release(self) -> bool:
        """Give the room back; return whether there was any.

        Raises:
            JournalError: The file could not be removed.
        """
        try:
            self.path.unlink()
        except FileNotFoundError:
            return False
        except OSError as error:
            raise file_refused("remove", self.path, error) from None
        return True


def is_low(path: Path, *, min_free_bytes: int = MIN_FREE_BYTES) -> bool:
    """Return whether a volume has too little room, or no more names, for this user.

    Raises:
        JournalError: It cannot be asked.
    """
    try:
        found = os.statvfs(path)
    except OSError as error:
        raise file_refused("ask for room at", path, error) from None
    has_no_names = found.f_files > 0 and found.f_favail == 0
    return found.f_bavail * found.f_frsize < min_free_bytes or has_no_names
