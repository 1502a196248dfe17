"""The projection's tables: what a journal says, arranged for reading. Made anew any time."""

import os
import sqlite3
from contextlib import suppress
from pathlib import Path
from typing import Final

VERSION: Final = 1  # of the tables; another one is thrown away and made again
WAIT_S: Final = 0.25  # for somebody else who writes
PRIVATE: Final = 0o600

_ENDS: Final = ("", "-wal", "-shm")
_TABLES: Final = """
CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
CREATE TABLE orders (
    number INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, ts_ns INTEGER NOT NULL,
    symbol TEXT NOT NULL, state TEXT NOT NULL, open INTEGER NOT NULL, body TEXT NOT NULL
) STRICT;
CREATE INDEX orders_open ON orders (open, number);
CREATE TABLE order_events (
    number INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL, body TEXT NOT NULL
) STRICT;
CREATE INDEX order_events_id ON order_events (id, number);
CREATE TABLE fills (
    number INTEGER PRIMARY KEY AUTOINCREMENT, ts_ns INTEGER NOT NULL, symbol TEXT NOT NULL,
    order_id TEXT NOT NULL, body TEXT NOT NULL
) STRICT;
CREATE INDEX fills_symbol ON fills (symbol, number);
CREATE INDEX fills_order ON fills (order_id, number);
CREATE TABLE signals (
    number INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, ts_ns INTEGER NOT NULL,
    symbol TEXT NOT NULL, webhook_id TEXT NOT NULL, body TEXT NOT NULL, verdicts TEXT
) STRICT;
CREATE INDEX signals_webhook ON signals (webhook_id);
CREATE TABLE trades (
    number INTEGER PRIMARY KEY AUTOINCREMENT, ts_ns INTEGER NOT NULL, symbol TEXT NOT NULL,
    body TEXT NOT NULL
) STRICT;
CREATE TABLE latches (
    number INTEGER PRIMARY KEY AUTOINCREMENT, ts_ns INTEGER NOT NULL, body TEXT NOT NULL
) STRICT;
CREATE TABLE happenings (
    number INTEGER PRIMARY KEY AUTOINCREMENT, seq INTEGER NOT NULL, type TEXT NOT NULL,
    body TEXT NOT NULL
) STRICT;
CREATE INDEX happenings_seq ON happenings (seq, number);
CREATE TABLE bars (
    symbol TEXT NOT NULL, ts_ns INTEGER NOT NULL, body TEXT NOT NULL, PRIMARY KEY (symbol, ts_ns)
) STRICT, WITHOUT ROWID;
CREATE TABLE equity (
    ts_ns INTEGER PRIMARY KEY, equity TEXT NOT NULL, source TEXT NOT NULL
) STRICT;
CREATE TABLE stops (
    number INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL, symbol TEXT NOT NULL,
    from_ns INTEGER NOT NULL, to_ns INTEGER, price TEXT NOT NULL
) STRICT;
CREATE INDEX stops_symbol ON stops (symbol, number);
"""


def remove(path: Path) -> None:
    """Throw the file away, with what SQLite keeps beside it."""
    for end in _ENDS:
        with suppress(FileNotFoundError):
            path.with_name(path.name + end).unlink()


def open_tables(path: Path) -> sqlite3.Connection:
    """Open the file for writing, for this user alone, with empty tables if there are none.

    Raises:
        sqlite3.Error: It is no such file, or a broken one.
        OSError: It cannot be made.
    """
    os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, PRIVATE))
    connection = sqlite3.connect(
        path, timeout=WAIT_S, isolation_level=None, check_same_thread=False
    )
    try:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")  # it can be made again
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        if version != VERSION:
            _make(connection)
        connection.execute("SELECT value FROM meta LIMIT 1").fetchone()
    except BaseException:
        connection.close()
        raise
    return connection


def _make(connection: sqlite3.Connection) -> None:
    """Make every table anew; raises sqlite3.DatabaseError when there are others already."""
    (count,) = connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
    if count:
        raise sqlite3.DatabaseError("the tables are of another version")
    connection.executescript(f"BEGIN IMMEDIATE; {_TABLES} PRAGMA user_version = {VERSION}; COMMIT;")


def open_reading(path: Path) -> sqlite3.Connection:
    """Open the file for one look at it.

    Raises:
        sqlite3.Error: It is not there, or broken.
    """
    connection = sqlite3.connect(
        f"{path.as_uri()}?mode=ro", uri=True, timeout=WAIT_S, isolation_level=None
    )
    connection.execute("PRAGMA query_only = 1")
    return connection
