"""The tables of a journal in SQLite, how an older file is brought up to date, and which is ours."""

from collections.abc import Sequence
from typing import Final

import apsw

from interlock.journal.errors import JournalError

APPLICATION_ID: Final = 0x494C_4A31  # "ILJ1", in the file's header

# From version n to n + 1. Never edit one that was released: append.
MIGRATIONS: Final = (
    """
    CREATE TABLE rows (
        seq INTEGER PRIMARY KEY,
        count INTEGER NOT NULL,
        ts_ns INTEGER NOT NULL,
        kind INTEGER NOT NULL,
        body BLOB NOT NULL,
        payload BLOB NOT NULL,
        key BLOB UNIQUE,
        previous BLOB NOT NULL,
        hash BLOB NOT NULL,
        dropped BLOB
    ) STRICT;
    CREATE INDEX landmarks ON rows (kind, seq) WHERE kind NOT IN (2, 3);
    CREATE TABLE head (
        one INTEGER PRIMARY KEY CHECK (one = 1),
        seq INTEGER NOT NULL,
        hash BLOB NOT NULL
    ) STRICT;
    INSERT INTO head VALUES (1, 0, zeroblob(32));
    """,
)

_OBJECTS: Final = "SELECT type, name, tbl_name, sql FROM sqlite_schema ORDER BY name"


def check_schema(
    connection: apsw.Connection, name: str, migrations: Sequence[str], *, read_only: bool
) -> None:
    """Make a new file a journal, bring an older one up to date, refuse any other.

    Args:
        connection: To the file.
        name: Of the file, for messages.
        migrations: From each version to the next.
        read_only: Nothing is changed, so that what had to be changed is refused.

    Raises:
        JournalError: It is no journal, of a later version, or somebody changed its tables.
    """
    found = _numbers(connection)
    if found == (0, 0) and not list(connection.execute(_OBJECTS)):
        if read_only:
            raise JournalError(
                f"{name} must be a journal, was empty. Next: start the engine once, or check "
                "the path."
            )
        _migrate(connection, migrations, 0)
        found = _numbers(connection)
    application, version = found
    if application != APPLICATION_ID:
        raise JournalError(
            f"{name} must be a journal of Interlock, was another program's database. "
            "Next: check the path."
        )
    if version > len(migrations):
        raise JournalError(
            f"{name} has format {version}, which a later Interlock wrote; this one knows formats "
            f"up to {len(migrations)}. Nothing was changed. Next: use the later version."
        )
    if version < len(migrations):
        if read_only:
            raise JournalError(
                f"{name} has format {version}, this Interlock reads format {len(migrations)}. "
                "Next: start the engine once; it brings the journal up to date."
            )
        _migrate(connection, migrations, version)
    _check_objects(connection, name, migrations)


def _numbers(connection: apsw.Connection) -> tuple[int, int]:
    application = connection.pragma("application_id")
    return int(application), int(connection.pragma("user_version"))


def _migrate(connection: apsw.Connection, migrations: Sequence[str], version: int) -> None:
    """Go from a version to the newest in one transaction: a crash leaves the old file."""
    connection.execute("BEGIN IMMEDIATE")
    for migration in migrations[version:]:
        connection.execute(migration)
    connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    connection.execute(f"PRAGMA user_version = {len(migrations)}")
    connection.execute("COMMIT")


def _check_objects(connection: apsw.Connection, name: str, migrations: Sequence[str]) -> None:
    """Refuse a file with other tables: a trigger would write what nobody asked for."""
    fresh = apsw.Connection(":memory:")
    _migrate(fresh, migrations, 0)
    expected = list(fresh.execute(_OBJECTS))
    fresh.close()
    if list(connection.execute(_OBJECTS)) != expected:
        raise JournalError(
            f"{name} must have the tables of format {len(migrations)} and nothing else: somebody "
            "changed its tables, indexes or triggers. Trading stays off. Next: go back to a "
            "verified copy."
        )
