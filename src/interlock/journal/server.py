"""A connection to PostgreSQL that may be trusted with a journal, and the tables it is kept in.

What a URL asks for (host, user, TLS) is the user's business. What durability and a stopped engine
ask for is set here, whatever the server's defaults are.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final, LiteralString

import psycopg
from psycopg.conninfo import conninfo_to_dict

from interlock.journal.errors import JournalError, StoreError

Connection = psycopg.Connection[tuple[Any, ...]]

SCHEMA_VERSION: Final = 1
_SERVER_VERSION_MIN: Final = 130_000
_SERVER_VERSION_TRANSACTION_TIMEOUT: Final = 170_000
_ADVISORY_LOCK: Final = 0x1A7E_710C  # any number; who changes the tables holds it

# Used where the URL says nothing. A peer that went away without a word is noticed by the last four.
_CONNECT: Final = {
    "connect_timeout": 5,
    "application_name": "interlock",
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": 10_000,
}

# An engine that was stopped in the middle of a transaction would hold the lease's row for ever.
_TIMEOUTS: Final = {
    "statement_timeout": "30s",
    "lock_timeout": "10s",
    "idle_in_transaction_session_timeout": "5s",
}

_MIGRATIONS: Final[tuple[LiteralString, ...]] = (
    """
    CREATE TABLE interlock.journal (
        one boolean PRIMARY KEY DEFAULT true CHECK (one),
        account text NOT NULL
    );
    CREATE TABLE interlock.rows (
        seq bigint PRIMARY KEY,
        count bigint NOT NULL,
        ts_ns bigint NOT NULL,
        kind integer NOT NULL,
        body bytea NOT NULL,
        payload bytea NOT NULL,
        key bytea UNIQUE,
        previous bytea NOT NULL,
        hash bytea NOT NULL,
        dropped bytea
    );
    CREATE INDEX rows_rare ON interlock.rows (kind, seq) WHERE kind NOT IN (2, 3);
    CREATE TABLE interlock.head (
        one boolean PRIMARY KEY DEFAULT true CHECK (one),
        seq bigint NOT NULL,
        hash bytea NOT NULL
    );
    CREATE TABLE interlock.lease (
        account text PRIMARY KEY,
        epoch bigint NOT NULL,
        holder text NOT NULL,
        expires_at timestamptz NOT NULL
    );
    """,
)


def server_name(url: str) -> str:
    """Return where a URL leads, for people; never with a password in it.

    >>> server_name("postgresql://ann:secret@db.example:5433/paper?sslmode=verify-full")
    'postgresql://ann@db.example:5433/paper'

    Raises:
        JournalError: It is not the URL of a PostgreSQL database. The URL is not repeated.
    """
    wrong = JournalError(
        "the journal's URL must be like postgresql://user@host:5432/database, and this one cannot "
        "be read (it is not shown, as it may hold a password). Next: correct it."
    )
    if not url.startswith(("postgresql://", "postgres://")):
        raise wrong
    try:
        parts = conninfo_to_dict(url)
    except psycopg.ProgrammingError:
        raise wrong from None  # its message repeats the URL
    user = f"{parts['user']}@" if parts.get("user") else ""
    host = str(parts.get("host") or parts.get("hostaddr") or "")
    port = f":{parts['port']}" if parts.get("port") else ""
    return f"postgresql://{user}{host}{port}/{parts.get('dbname') or ''}"


def said(error: psycopg.Error, url: str) -> str:
    """Return what an error says, on one line, without a secret of the URL in it."""
    parts = conninfo_to_dict(url)
    text = " ".join(f"{type(error).__name__}: {error}".split())
    for secret in ("password", "sslpassword"):
        if parts.get(secret):
            text = text.replace(str(parts[secret]), "***")
    return text


def connect(url: str, *, read_only: bool = False) -> Connection:
    """Return a connection on which what was committed is durable and nothing waits for ever.

    Raises:
        StoreError: There is no connection to be had.
        JournalError: The server would not keep what it acknowledges, or is too old.
    """
    name = server_name(url)
    given = conninfo_to_dict(url)
    defaults = {key: value for key, value in _CONNECT.items() if key not in given}
    try:
        connection = psycopg.connect(url, autocommit=True, **defaults)  # type: ignore[arg-type]
    except psycopg.Error as error:
        raise StoreError(
            f"journal {name} could not be reached: {said(error, url)}. "
            "Next: see that the server runs and that the URL is right."
        ) from None
    try:
        _prepare(connection, name, read_only=read_only)
    except psycopg.Error as error:
        connection.close()
        raise StoreError(
            f"journal {name} could not be set up: {said(error, url)}. Next: see the server's log."
        ) from None
    except JournalError:
        connection.close()
        raise
    return connection


def _prepare(connection: Connection, name: str, *, read_only: bool) -> None:
    version = connection.info.server_version
    if version < _SERVER_VERSION_MIN:
        raise JournalError(
            f"journal {name} needs PostgreSQL 13 or later, was {version // 10_000}. "
            "Next: use a newer server."
        )
    timeouts = dict(_TIMEOUTS)
    if version >= _SERVER_VERSION_TRANSACTION_TIMEOUT:
        timeouts["transaction_timeout"] = "60s"
    for setting, value in timeouts.items():
        connection.execute("SELECT set_config(%s, %s, false)", (setting, value))
    if read_only:
        connection.execute("SELECT set_config('default_transaction_read_only', 'on', false)")
        return
    if _shown(connection, "synchronous_commit") not in {"on", "remote_apply"}:
        connection.execute("SELECT set_config('synchronous_commit', 'on', false)")
    for setting in ("fsync", "full_page_writes"):
        if _shown(connection, setting) != "on":
            raise JournalError(
                f"journal {name} needs a server with {setting} = on, was off: a crash of its host "
                "would lose what it acknowledged. Next: change it in postgresql.conf."
            )


def _shown(connection: Connection, setting: str) -> str:
    row = connection.execute("SELECT current_setting(%s)", (setting,)).fetchone()
    assert row is not None
    return str(row[0])


def migrate(connection: Connection, name: str, *, read_only: bool) -> None:
    """Bring the tables to this version; a reader only asks whether they are.

    Raises:
        JournalError: Another version of Interlock made them.
        psycopg.Error: The server refused.
    """
    if read_only:
        version = _version(connection)
        if version != SCHEMA_VERSION:
            raise JournalError(
                f"journal {name} must have tables of version {SCHEMA_VERSION}, was "
                f"{f'version {version}' if version else 'without any'}. Next: start the engine "
                "once, which makes them, or use the version of Interlock that did."
            )
        return
    with connection.transaction():
        connection.execute("SELECT pg_advisory_xact_lock(%s)", (_ADVISORY_LOCK,))
        version = _version(connection)
        if version > SCHEMA_VERSION:
            raise JournalError(
                f"journal {name} has tables of version {version}, and this Interlock knows "
                f"{SCHEMA_VERSION}. Next: use the newer Interlock that made them."
            )
        if version == 0:
            connection.execute("CREATE SCHEMA IF NOT EXISTS interlock")
            connection.execute(
                "CREATE TABLE interlock.migrations "
                "(version integer PRIMARY KEY, made_at timestamptz NOT NULL DEFAULT now())"
            )
        for made, statements in enumerate(_MIGRATIONS[version:], start=version + 1):
            connection.execute(statements)
            connection.execute("INSERT INTO interlock.migrations (version) VALUES (%s)", (made,))


def _version(connection: Connection) -> int:
    there = connection.execute("SELECT to_regclass('interlock.migrations') IS NOT NULL").fetchone()
    if there != (True,):
        return 0
    row = connection.execute("SELECT max(version) FROM interlock.migrations").fetchone()
    return int(row[0] or 0) if row is not None else 0


@contextmanager
def refusals(name: str, url: str, doing: str) -> Iterator[None]:
    """Turn what the server refuses into a ``StoreError`` that says what was being done."""
    try:
        yield
    except psycopg.Error as error:
        raise StoreError(
            f"could not {doing} journal {name}: {said(error, url)}. Nothing of it was "
            "acknowledged. Next: look at the server, and start again."
        ) from None
