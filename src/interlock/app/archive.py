"""Beginning again: what an account was made of is put aside, and a new one begins.

Everything is moved, nothing is copied or removed. The kill latch stays where it is: whoever was
stopped stays stopped.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from interlock.config.errors import PolicyError
from interlock.config.everything import Configuration
from interlock.config.home import Home
from interlock.journal.locks import EngineLock
from interlock.runtime.clock import NS_PER_S, Clock

MOVING: Final = ".moving"  # ends the name of a folder into which not everything was moved yet
_DATABASE_ENDS: Final = ("", "-wal", "-shm")


def _parts(home: Home) -> Iterator[Path]:
    """Yield everything that an account is made of, whether it is there or not."""
    for base in (home.journal, home.venue_book):
        for end in _DATABASE_ENDS:
            yield base.with_name(base.name + end)
    yield home.heads


def _unfinished(home: Home) -> list[Path]:
    """Return the folders of moves that were interrupted."""
    return sorted(home.archive.glob(f"*{MOVING}")) if home.archive.is_dir() else []


def check_not_archiving(home: Home) -> None:
    """Refuse a home in which an account was put aside by half.

    Raises:
        PolicyError: It was.
    """
    for folder in _unfinished(home):
        raise PolicyError(
            f"{folder}: an account must be put aside as a whole, and this was interrupted. Nothing "
            "was started. Next: interlock run --again finishes it."
        )


@contextmanager
def nobody_runs(home: Home) -> Iterator[None]:
    """Hold the locks of engine and venue, so that neither runs meanwhile.

    Raises:
        JournalError: An engine runs.
        PolicyError: A venue does.
    """
    with ExitStack() as stack:
        engine = EngineLock(home.engine_lock)
        stack.callback(engine.close)
        handle = os.open(
            home.venue_lock, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600
        )
        stack.callback(os.close, handle)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise PolicyError(
                f"{home.venue_lock} is held by a simulated venue that still runs. Next: stop it "
                "first, or wait until it is gone."
            ) from None
        yield


def begin_again(home: Home, configuration: Configuration, clock: Clock) -> Path | None:
    """Put the account of a home aside; return where it is, None when there was none.

    An interrupted move is finished first; it was asked for before.

    Raises:
        PolicyError: Parts of it are not in the home, a venue runs, or a file cannot be moved.
        JournalError: An engine runs.
    """
    journal = configuration.system.journal
    if journal.url:
        raise PolicyError(
            "--again puts a journal in the home aside, and this one is in PostgreSQL. Next: choose "
            "another account.name, or another INTERLOCK_HOME with a database of its own."
        )
    if journal.anchors:
        raise PolicyError(
            "--again puts what is in the home aside, and journal.anchors names files outside of "
            f"it: {', '.join(journal.anchors)}. Next: move those away yourself, and take them out "
            "of interlock.toml for this start."
        )
    with nobody_runs(home):
        try:
            return _moved(home, clock)
        except OSError as error:
            raise PolicyError(
                f"{error.filename}: the account cannot be put aside: {error.strerror}. Next: make "
                "it possible, then interlock run --again."
            ) from error


def _moved(home: Home, clock: Clock) -> Path | None:
    unfinished = _unfinished(home)
    if unfinished:
        moved = [_finished(home, folder) for folder in unfinished]
        return moved[-1]
    if not any(os.path.lexists(path) for path in _parts(home)):
        return None
    now = datetime.fromtimestamp(clock.now_ns() // NS_PER_S, UTC)
    name = now.strftime("%Y-%m-%dT%H-%M-%SZ")
    number = 1
    while os.path.lexists(home.archive / name):
        number += 1
        name = f"{now:%Y-%m-%dT%H-%M-%SZ}-{number}"
    folder = home.archive / f"{name}{MOVING}"
    folder.mkdir(mode=0o700)
    _sync(home.archive)
    return _finished(home, folder)


def _finished(home: Home, folder: Path) -> Path:
    """Move what is still there; only then the folder has its final name."""
    for path in _parts(home):
        if os.path.lexists(path):
            path.rename(folder / path.name)
    for changed in (folder, home.root, home.venue, home.anchors):
        _sync(changed)
    done = folder.with_name(folder.name.removesuffix(MOVING))
    folder.rename(done)
    _sync(home.archive)
    return done


def _sync(folder: Path) -> None:
    """Make what was moved in or out of a folder durable."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
