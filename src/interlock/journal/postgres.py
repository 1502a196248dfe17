"""A journal in PostgreSQL: one database keeps the journal of one account."""

from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any, Final

import psycopg

from interlock.journal.errors import DamageError, FencedError, JournalError, StoreError
from interlock.journal.rows import COLUMNS, EMPTY, Head, Row, RowKind, bytes_digest, stored_row
from interlock.journal.server import Connection, connect, migrate, refusals, server_name

_READ_ROWS: Final = 256  # at a time; a row may be a megabyte
_COLUMNS: Final = ", ".join(COLUMNS)

# The row stays locked until the commit, so that nobody takes the lease in between.
_LEASE: Final = """
    SELECT epoch, holder, expires_at > clock_timestamp() FROM interlock.lease
    WHERE account = %b FOR SHARE
"""
# One statement, and so one transaction that is never open while its client stands still. Nothing
# is inserted unless the head is where the rows begin, and the lease is as it has to be.
_APPEND: Final = f"""
    WITH held AS (
        SELECT epoch FROM interlock.lease
        WHERE account = %b AND expires_at > clock_timestamp() FOR SHARE
    ), moved AS (
        UPDATE interlock.head SET seq = %b, hash = %b
        WHERE seq = %b AND hash = %b AND coalesce((SELECT epoch FROM held), 0) = %b
        RETURNING seq
    )
    INSERT INTO interlock.rows ({_COLUMNS})
    SELECT added.* FROM moved, unnest(
        %b::bigint[], %b::bigint[], %b::bigint[], %b::integer[], %b::bytea[],
        %b::bytea[], %b::bytea[], %b::bytea[], %b::bytea[], %b::bytea[]
    ) AS added
""".encode()  # noqa: S608 - the columns are ours
_READ: Final = f"""
    SELECT {_COLUMNS} FROM interlock.rows WHERE seq > %b ORDER BY seq LIMIT %b
""".encode()  # noqa: S608 - the columns are ours
_LAST: Final = f"""
    SELECT {_COLUMNS} FROM interlock.rows WHERE kind = ANY(%b::integer[])
    ORDER BY seq DESC LIMIT 1
""".encode()  # noqa: S608 - the columns are ours
# In the words of the index on rare rows: they may lie a million rows back.
_LAST_RARE: Final = f"""
    SELECT {_COLUMNS} FROM interlock.rows WHERE kind = ANY(%b::integer[]) AND kind NOT IN (2, 3)
    ORDER BY seq DESC LIMIT 1
""".encode()  # noqa: S608 - the columns are ours
_HAS_KEY: Final = "SELECT EXISTS (SELECT FROM interlock.rows WHERE key = %b)"
_DROPPABLE: Final = """
    SELECT seq, body FROM interlock.rows
    WHERE seq > %b AND kind = %b AND dropped IS NULL
        AND seq + count - 1 <= %b AND ts_ns < %b
    ORDER BY seq LIMIT %b FOR UPDATE
"""
_DROP: Final = """
    UPDATE interlock.rows AS kept SET body = '', dropped = made.digest
    FROM unnest(%b::bigint[], %b::bytea[]) AS made (seq, digest) WHERE kept.seq = made.seq
"""


def open_postgres(url: str, *, account: str, read_only: bool = False) -> "PostgresStore":
    """Open the journal of an account, or begin it.

    Args:
        url: ``postgresql://...``, with whatever libpq understands; TLS is chosen there.
        account: Whose journal it is. Another's is refused.
        read_only: For looking only; nothing is made and nothing can be written.

    Raises:
        StoreError: The server cannot be reached, or refused.
        JournalError: It is another account's journal or another version's, or the server would
            not keep what it acknowledges.
    """
    name = server_name(url)
    connection = connect(url, read_only=read_only)
    try:
        with refusals(name, url, "open"):
            migrate(connection, name, read_only=read_only)
            _claim(connection, name, account, read_only=read_only)
    except JournalError:
        connection.close()
        raise
    return PostgresStore(connection, url=url, account=account)


def _claim(connection: Connection, name: str, account: str, *, read_only: bool) -> None:
    if not read_only:
        with connection.transaction():
            connection.execute(
                "INSERT INTO interlock.journal (account) VALUES (%s) ON CONFLICT DO NOTHING",
                (account,),
            )
            connection.execute(
                "INSERT INTO interlock.head (seq, hash) VALUES (%s, %b) ON CONFLICT DO NOTHING",
                (EMPTY.seq, EMPTY.hash),
            )
    found = connection.execute("SELECT account FROM interlock.journal").fetchone()
    if found != (account,):
        whose = repr(found[0]) if found is not None else "nobody's"
        raise JournalError(
            f"journal {name} must be that of account {account!r}, was {whose}. "
            "Next: give every account a database of its own."
        )


class PostgresStore:
    """One journal in one database."""

    def __init__(self, connection: Connection, *, url: str, account: str) -> None:
        self._connection = connection
        self._url = url
        self._name = server_name(url)
        self._account = account
        self._epoch = 0
        self._failed = ""

    @property
    def name(self) -> str:
        """Where it is, for people; never with a password in it."""
        return self._name

    def write_under(self, epoch: int) -> None:
        """From now on write only while the lease of this epoch is alive.

        A store that was not told refuses to write while anybody's lease is.
        """
        assert epoch > 0
        self._epoch = epoch

    def head(self) -> Head:
        """Return where the journal says it ends; ``EMPTY`` when nothing was written."""
        found = self._ask("SELECT seq, hash FROM interlock.head", ())
        if len(found) != 1:
            raise DamageError(
                f"journal {self._name} must have one head, was {len(found)}. Next: restore it.",
                seq=0,
                damage="edit",
            )
        return Head(seq=found[0][0], hash=found[0][1])

    def append(self, rows: Sequence[Row]) -> None:
        """Write rows in one transaction, and return when they are durable.

        Raises:
            StoreError: Nothing of them was acknowledged. The journal is not to be used any more:
                what reached the server is found out by opening it again.
            FencedError: Another engine holds the journal now, or has written to it.
        """
        self._check_usable()
        if not rows:
            return
        first, last = rows[0].entry.seq, rows[-1].entry.last_seq
        asked = (
            self._account,
            *(last, rows[-1].hash),
            *(first - 1, rows[0].previous),
            self._epoch,
            *_columns(rows),
        )
        with self._writing(f"write records {first}.. to"):
            if self._connection.execute(_APPEND, asked, prepare=True).rowcount != len(rows):
                self._check_lease(self._connection.execute(_LEASE, (self._account,)).fetchone())
                raise FencedError(
                    f"journal {self._name} must end at {first - 1}, and does not: another engine "
                    f"wrote to it. Nothing of {first}..{last} was written. Next: see which runs."
                )

    def read(self, after_seq: int = 0) -> Generator[Row, None, None]:
        """Yield the rows whose seq is beyond ``after_seq``, as they are stored, in their order."""
        while True:
            found = self._ask(_READ, (after_seq, _READ_ROWS))
            for stored in found:
                yield stored_row(stored, self._name)
            if len(found) < _READ_ROWS:
                return
            after_seq = found[-1][0]

    def last(self, kinds: Sequence[RowKind]) -> Row | None:
        """Return the last row of one of these kinds."""
        common = {RowKind.EVENT, RowKind.MARKET}.intersection(kinds)
        query = _LAST if common else _LAST_RARE
        found = self._ask(query, ([int(kind) for kind in kinds],))
        return stored_row(found[0], self._name) if found else None

    def has_key(self, key: bytes) -> bool:
        """Return whether a row with this key was written."""
        found = self._ask(_HAS_KEY, (key,))
        return bool(found[0][0])

    def drop_bodies(self, *, up_to_seq: int, before_ts_ns: int) -> int:
        """Drop the bodies of MARKET rows, keeping digests; return how many rows were changed.

        Args:
            up_to_seq: Only rows that end at or before this.
            before_ts_ns: Only rows that began before this.
        """
        changed = 0
        after_seq = 0
        while True:
            part, after_seq = self._drop_some(after_seq, up_to_seq, before_ts_ns)
            changed += part
            if part < _READ_ROWS:
                return changed

    def tidy(self, *, idle: bool) -> None:
        """Do nothing: the server looks after its own log."""

    def close(self) -> None:
        """Let go of it."""
        self._failed = self._failed or "it was closed"
        with suppress(psycopg.Error):
            self._connection.close()

    def _drop_some(self, after_seq: int, up_to_seq: int, before_ts_ns: int) -> tuple[int, int]:
        """Drop some bodies in a transaction of their own; return how many, and the last seq."""
        with (
            self._writing("drop market data of"),
            self._connection.transaction(),
            self._connection.cursor(binary=True) as cursor,
        ):
            self._check_lease(cursor.execute(_LEASE, (self._account,)).fetchone())
            asked = (after_seq, int(RowKind.MARKET), up_to_seq, before_ts_ns, _READ_ROWS)
            found = cursor.execute(_DROPPABLE, asked).fetchall()
            seqs = [seq for seq, _ in found]
            cursor.execute(_DROP, (seqs, [bytes_digest(body) for _, body in found]))
        return len(seqs), seqs[-1] if seqs else after_seq

    def _check_usable(self) -> None:
        if self._failed:
            raise StoreError(
                f"journal {self._name} is not used any more after a failure: {self._failed}"
            )

    @contextmanager
    def _writing(self, doing: str) -> Iterator[None]:
        """Do something after which, unless it comes to its end, nothing is done any more."""
        self._check_usable()
        try:
            with refusals(self._name, self._url, doing):
                yield
        except BaseException as error:
            self._failed = str(error) or repr(error)
            raise

    def _check_lease(self, found: tuple[Any, ...] | None) -> None:
        """Refuse unless nobody, or who writes here, holds the lease."""
        epoch, holder, alive = found if found is not None else (0, "", False)
        if alive and epoch == self._epoch:
            return
        if not alive and self._epoch == 0:
            return
        if epoch == self._epoch:
            raise FencedError(
                f"the lease of account {self._account!r} expired before epoch {epoch} wrote: this "
                "engine was stopped or cut off too long. Nothing was written. Next: start again."
            )
        expected = f"that of epoch {self._epoch}" if self._epoch else "free"
        raise FencedError(
            f"the lease of account {self._account!r} must be {expected}, was that of epoch "
            f"{epoch}, held by {holder}. Nothing was written. Next: stop one of the two."
        )

    def _ask(self, query: Any, asked: tuple[Any, ...]) -> list[tuple[Any, ...]]:
        self._check_usable()
        with (
            refusals(self._name, self._url, "read"),
            self._connection.cursor(binary=True) as cursor,
        ):
            return cursor.execute(query, asked).fetchall()


def _columns(rows: Sequence[Row]) -> tuple[list[int] | list[bytes] | list[bytes | None], ...]:
    """Return rows as one list per column, in the order of the table."""
    return (
        [row.entry.seq for row in rows],
        [row.entry.count for row in rows],
        [row.entry.ts_ns for row in rows],
        [int(row.entry.kind) for row in rows],
        [row.entry.body for row in rows],
        [row.entry.payload for row in rows],
        [row.entry.key or None for row in rows],
        [row.previous for row in rows],
        [row.hash for row in rows],
        [row.dropped or None for row in rows],
    )
