"""``gateway.db``: people, sessions, webhooks, audit. SQLite; durable before an answer goes out."""

import asyncio
import os
import sqlite3
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, TypeVar

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.exc import DBAPIError

from interlock.config.trust import PRIVATE_FILE, file_problems, folder_problems
from interlock.service.migrations.upgrading import UnknownRevisionError, upgrade

APPLICATION_ID: Final = 0x494C_4757  # "ILGW" in the file's header: nothing else's database is ours
BUSY_MS: Final = 5_000

_BESIDE: Final = ("-wal", "-shm", "-journal")
_THREADS: Final = 4
_WRITES: Final = "interlock_writes"

_Found = TypeVar("_Found")


class DatabaseError(ValueError):
    """A database cannot be used as it is; the message says what to do."""


class Database:
    """The gateway's own database. May be used by many threads, and by other processes meanwhile.

    Args:
        path: Of the file.
        engine: Opened and migrated.
    """

    def __init__(self, path: Path, engine: Engine) -> None:
        self.path = path
        self._engine = engine
        # SQLite lets one writer in and has the others poll. In one process they queue instead.
        self._turn = threading.Lock()
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="database")

    @contextmanager
    def begin(self) -> Iterator[Connection]:
        """Yield a connection that may write: all of it is durable at the end, or nothing is.

        One writer at a time, from the first statement on: what was read is still so when it is
        written. Never wait for anything else inside.
        """
        with self._turn, self._engine.connect() as connection:
            writing = connection.execution_options(**{_WRITES: True})
            with writing.begin():
                yield writing

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """Yield a connection that reads one state of everything; it waits for no writer."""
        with self._engine.connect() as connection, connection.begin():
            yield connection

    async def run(self, function: Callable[..., _Found], *arguments: Any) -> _Found:
        """Call what uses this database in a thread, so that no disk stops the event loop."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, function, *arguments)

    def close(self) -> None:
        """Let go of the file; what runs in threads ends first."""
        self._threads.shutdown()
        self._engine.dispose()


def open_database(path: Path) -> Database:
    """Open ``gateway.db``, made or brought up to date if need be.

    Args:
        path: Of the file. Its folder is there, and nobody else may write to it.

    Raises:
        DatabaseError: It is not this user's alone, is no database of a gateway, is damaged, or
            belongs to a newer Interlock.
    """
    _check_files(path)
    engine = _engine(path)
    try:
        _prepare(path, engine)
    except DBAPIError as error:
        engine.dispose()
        raise DatabaseError(
            f"{path} must be a whole database, and cannot be used: {error.orig}. Next: look at "
            "the disk; put the file of a backup here, or move it away to start with nobody."
        ) from None
    except BaseException:
        engine.dispose()
        raise
    return Database(path, engine)


def _check_files(path: Path) -> None:
    """Make the file for this user alone, and refuse one that others can change, read or redirect.

    SQLite follows links, so nothing may be one; in a folder that is ours nobody else puts one.
    """
    problems = list(folder_problems(path.parent))
    for name in (path, *(path.with_name(path.name + end) for end in _BESIDE)):
        problems += file_problems(name)
    if problems:
        raise DatabaseError("\n".join(problems))
    try:
        flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
        os.close(os.open(path, flags, PRIVATE_FILE))
    except OSError as error:
        raise DatabaseError(f"{path} cannot be opened: {error.strerror}.") from None


def _engine(path: Path) -> Engine:
    engine = create_engine(
        f"sqlite+pysqlite:///{path}",
        connect_args={"timeout": BUSY_MS / 1_000, "check_same_thread": False},
    )

    @event.listens_for(engine, "connect")
    def configure(connection: sqlite3.Connection, _record: object) -> None:
        connection.isolation_level = None  # transactions begin where ``begin`` below says
        for pragma in (
            f"busy_timeout={BUSY_MS}",
            "journal_mode=WAL",
            "synchronous=FULL",
            "foreign_keys=ON",
            "trusted_schema=OFF",
            "cell_size_check=ON",
        ):
            connection.execute(f"PRAGMA {pragma}").close()

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        writes = connection.get_execution_options().get(_WRITES, False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine


def _prepare(path: Path, engine: Engine) -> None:
    """Look at what is there, and bring it up to date in one transaction."""
    with engine.connect() as connection:
        writing = connection.execution_options(**{_WRITES: True})
        with writing.begin():
            _check_content(path, writing)
            try:
                upgrade(writing)
            except UnknownRevisionError as error:
                raise DatabaseError(
                    f"{path} must be of this Interlock or an older one, was of {error}, which this "
                    "one does not know. Next: start the Interlock that wrote it, or a newer one."
                ) from None
            writing.exec_driver_sql(f"PRAGMA application_id = {APPLICATION_ID}")


def _check_content(path: Path, connection: Connection) -> None:
    found = connection.exec_driver_sql("PRAGMA application_id").scalar_one()
    tables = connection.exec_driver_sql("SELECT count(*) FROM sqlite_schema").scalar_one()
    if found != APPLICATION_ID and (found or tables):
        raise DatabaseError(
            f"{path} must be a gateway's database, was another program's. Next: move it away."
        )
    said = connection.exec_driver_sql("PRAGMA quick_check(1)").scalar_one()
    if said != "ok":
        raise DatabaseError(
            f"{path} must be a whole database, was damaged: {said}. Next: look at the disk; put "
            "the file of a backup here, or move it away to start with nobody."
        )
