"""Files that only their owner may touch: refused when anyone else could have a hand in them.

A journal vouches for its bytes, not for who could reach them. So its folder is 0700, its files
are 0600, both belong to the user who runs the engine, and nothing on the way is a symbolic link
that somebody else placed.
"""

import errno
import os
import stat
from pathlib import Path
from typing import Final

from interlock.journal.errors import JournalError

FOLDER_MODE: Final = 0o700
FILE_MODE: Final = 0o600
_OTHERS: Final = 0o077
_NEXT_STEPS: Final = {
    errno.EROFS: "the filesystem is read-only. Next: mount it read-write, or set INTERLOCK_HOME",
    errno.ENOSPC: "the disk is full. Next: free some space",
    errno.EDQUOT: "the quota is used up. Next: free some space",
    errno.EACCES: "this user may not. Next: run as the owner, or correct the owner with chown",
    errno.EPERM: "this user may not. Next: run as the owner, or correct the owner with chown",
    errno.ELOOP: "it is a symbolic link. Next: put the file itself there",
    errno.ENOENT: "it is not there. Next: check the path",
    errno.ENOTDIR: "a part of the path is no folder. Next: check the path",
}


def file_refused(doing: str, path: Path, error: OSError) -> JournalError:
    """Return what to tell a person about an operation that the system refused.

    >>> print(file_refused("open", Path("j.db"), OSError(errno.EROFS, "Read-only")))
    could not open j.db: the filesystem is read-only. Next: mount it read-write, or set \
INTERLOCK_HOME.
    """
    why = _NEXT_STEPS.get(error.errno or 0, f"{error.strerror}. Next: check the disk")
    return JournalError(f"could not {doing} {path}: {why}.")


def check_owned(path: Path, status: os.stat_result, *, folder: bool) -> None:
    """Refuse what is of another kind, belongs to another user, or is open to others.

    Args:
        path: For the message.
        status: Of the file itself, never of what a link points to.
        folder: What it has to be; else a regular file.

    Raises:
        JournalError: It may not be used.
    """
    mode = status.st_mode
    if stat.S_ISLNK(mode):
        raise JournalError(
            f"{path} must not be a symbolic link: whoever owns the link decides where it leads. "
            "Next: put the file or folder itself there."
        )
    if not (stat.S_ISDIR(mode) if folder else stat.S_ISREG(mode)):
        expected = "a folder" if folder else "a regular file"
        raise JournalError(f"{path} must be {expected}, was something else. Next: move it away.")
    if status.st_uid != os.getuid():
        raise JournalError(
            f"{path} must belong to user {os.getuid()}, was user {status.st_uid}. "
            f"Next: chown {os.getuid()} {path}, if it is yours."
        )
    if stat.S_IMODE(mode) & _OTHERS:
        wanted = FOLDER_MODE if folder else FILE_MODE
        raise JournalError(
            f"{path} must have mode {wanted:o}, was {stat.S_IMODE(mode):o}: other users could "
            f"read or change it. Next: chmod {wanted:o} {path}"
        )


def check_folder(folder: Path) -> None:
    """Refuse a folder that is not ours alone, or that is reached through a foreign link.

    A link above it is accepted from the user and from root, who could do anything anyway.

    Raises:
        JournalError: It may not be used.
    """
    folder = Path(os.path.abspath(folder))  # noqa: PTH100 - resolve() would follow the links
    try:
        for above in folder.parents:
            status = above.lstat()
            if stat.S_ISLNK(status.st_mode) and status.st_uid not in {0, os.getuid()}:
                raise JournalError(
                    f"{above} is a symbolic link of user {status.st_uid}, who could turn it "
                    f"elsewhere. Next: keep {folder.name} under a folder of your own."
                )
        check_owned(folder, folder.lstat(), folder=True)
    except OSError as error:
        raise file_refused("look at", folder, error) from None


def make_folder(folder: Path) -> None:
    """Make a folder of our own (0700) if it is not there, and check it.

    Raises:
        JournalError: It could not be made, or may not be used.
    """
    try:
        if not os.path.lexists(folder):
            folder.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
            sync_folder(folder.parent)
    except OSError as error:
        raise file_refused("make", folder, error) from None
    check_folder(folder)


def open_file(path: Path, flags: int) -> int:
    """Open a file of our own and return its descriptor; a new one gets mode 0600.

    Args:
        path: Its last part may not be a link.
        flags: Of ``os.open``; ``O_NOFOLLOW`` and ``O_CLOEXEC`` are added.

    Raises:
        JournalError: It could not be opened, or may not be used.
    """
    try:
        found = os.open(path, flags | os.O_NOFOLLOW | os.O_CLOEXEC, FILE_MODE)
    except OSError as error:
        raise file_refused("open", path, error) from None
    try:
        check_owned(path, os.fstat(found), folder=False)
    except JournalError:
        os.close(found)
        raise
    return found


def create_file(path: Path) -> None:
    """Make an empty file of our own (0600) that is there after a power loss too.

    Raises:
        JournalError: It is there already, or could not be made.
    """
    if os.path.lexists(path):
        raise JournalError(f"{path} is there already, and is not overwritten. Next: move it away.")
    os.close(open_file(path, os.O_RDWR | os.O_CREAT | os.O_EXCL))
    sync_folder(path.parent)


def replace_file(path: Path, content: bytes) -> None:
    """Put a file of our own in the place of an old one: a crash leaves either, whole.

    Raises:
        JournalError: It could not be written; the old one is still there.
    """
    fresh = path.with_name(path.name + ".new")
    descriptor = open_file(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(path)
        sync_folder(path.parent)
    except OSError as error:
        raise file_refused("write", path, error) from None


def sync_folder(folder: Path) -> None:
    """Make names in a folder durable: a new file's name is not, when only its bytes are.

    Raises:
        JournalError: The folder could not be synced.
    """
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    except OSError as error:
        raise file_refused("sync", folder, error) from None
