"""How a SQLite file is opened: ours alone, synced at every commit, and with no code inside."""

import os
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final
from urllib.parse import quote

import apsw

from interlock.journal.errors import JournalError
from interlock.journal.files import check_folder, create_file, file_refused, open_file

BUSY_MS: Final = 5_000
BESIDE: Final = ("-wal", "-shm")  # what SQLite keeps beside a file


def check_files(path: Path, *, read_only: bool, private_folder: bool) -> None:
    """Refuse files that are not ours alone; make the file if it is to be written and is not there.

    A reader may look at a copy that belongs to another user, in a folder that others can read.

    Args:
        path: Of the file.
        read_only: Nothing is written.
        private_folder: Its folder has to be ours alone as well.

    Raises:
        JournalError: They may not be used.
    """
    names = [path, *(path.with_name(path.name + suffix) for suffix in BESIDE)]
    if read_only:
        for name in names:
            _check_regular(name, must_exist=name == path)
        return
    if private_folder:
        check_folder(path.parent)
    if not os.path.lexists(path):
        create_file(path)
    for name in names:
        if os.path.lexists(name):
            os.close(open_file(name, os.O_RDWR))


def _check_regular(path: Path, *, must_exist: bool) -> None:
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError as error:
        if must_exist:
            raise file_refused("read", path, error) from None
        return
    except OSError as error:
        raise file_refused("read", path, error) from None
    if not stat.S_ISREG(mode):
        raise JournalError(f"{path} must be a regular file, was something else. Next: check it.")


def connect(path: Path, *, read_only: bool, vfs: str | None) -> apsw.Connection:
    """Open a file whose every commit is on the disk before it returns.

    Raises:
        apsw.Error: SQLite refused.
    """
    flags = apsw.SQLITE_OPEN_READONLY
    if not read_only:
        flags = apsw.SQLITE_OPEN_READWRITE | apsw.SQLITE_OPEN_CREATE
    name = str(path)
    if vfs is None:
        name = str(path.parent.resolve() / path.name)
        flags |= apsw.SQLITE_OPEN_NOFOLLOW
        if read_only and _is_archived(path):
            name = f"file:{quote(name)}?immutable=1"
            flags |= apsw.SQLITE_OPEN_URI
    connection = apsw.Connection(name, flags=flags, vfs=vfs)
    try:
        _harden(connection)
        if not read_only:
            _make_durable(connection)
    except BaseException:
        connection.close()
        raise
    return connection


@contextmanager
def set_aside(path: Path) -> Iterator[Path]:
    """Yield the path of the same file with a copy of its log, to look at a log that is damaged.

    Whoever opens a file reads its log, and writes beside it how far that goes. Behind a wrong frame
    that would be the end of the evidence that more had been acknowledged: the next to open it would
    see a whole log that ends earlier.

    Raises:
        JournalError: There is no room for it.
    """
    try:
        with TemporaryDirectory(prefix="damaged-", dir=_writable(path.parent)) as folder:
            aside = Path(folder) / path.name
            try:
                os.link(path, aside, follow_symlinks=False)
            except OSError:
                shutil.copyfile(path, aside)
            log = path.with_name(path.name + BESIDE[0])
            shutil.copyfile(log, aside.with_name(log.name))
            yield aside
    except OSError as error:
        raise file_refused("copy the log of", path, error) from None


def _writable(folder: Path) -> Path | None:
    """Return a folder to make another one in; None is the system's own for such things."""
    return folder if os.access(folder, os.W_OK) else None


def _is_archived(path: Path) -> bool:
    """Return whether nobody can be writing: a whole file where no log can be made beside it."""
    log = path.with_name(path.name + BESIDE[0])
    return not os.path.lexists(log) and not os.access(path.parent, os.W_OK)


def _harden(connection: apsw.Connection) -> None:
    """A file is data: nothing in it may run, and its pages are looked at before they are used."""
    connection.set_busy_timeout(BUSY_MS)
    connection.config(apsw.SQLITE_DBCONFIG_DEFENSIVE, 1)
    connection.config(apsw.SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0)
    connection.config(apsw.SQLITE_DBCONFIG_ENABLE_TRIGGER, 0)
    connection.config(apsw.SQLITE_DBCONFIG_ENABLE_VIEW, 0)
    connection.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1)
    connection.pragma("cell_size_check", value=True)


def _make_durable(connection: apsw.Connection) -> None:
    """Sync at every commit; the log is emptied when the store says so, not when SQLite does."""
    connection.pragma("journal_mode", "wal")
    connection.pragma("synchronous", "full")
    connection.wal_autocheckpoint(0)
