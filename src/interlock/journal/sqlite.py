"""A journal in one SQLite file, with a write-ahead log that is synced at every commit.

What an append has returned from is on the disk. What an append has failed at is unknown, and
this store says no to everything from then on: only opening it anew tells what is there.
"""

from collections.abc import Generator, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any, Final

import apsw

from interlock.journal.errors import LOOK, DamageError, FencedError, JournalError, StoreError
from interlock.journal.rows import COLUMNS, HASH_BYTES, Head, Row, RowKind, bytes_digest, stored_row
from interlock.journal.schema import MIGRATIONS, check_schema
from interlock.journal.sqlite_file import check_files, connect, set_aside
from interlock.journal.wal import log_damage

LOG_BYTES_MAX: Final = 64 << 20  # of the log; from there on it is emptied between two appends
LOG_BYTES_IDLE: Final = 1 << 20  # of the log; from there on it is emptied in an idle moment
CHUNK_ROWS: Final = 256  # read in one go, so that no reader keeps the log from being emptied
STATEMENT_ROWS: Final = 3_000  # written by one statement, which takes 32,766 values at most
CACHED_ROWS: Final = 16  # statements for up to so many rows stay prepared

_NAMES: Final = ", ".join(COLUMNS)
_PLACES: Final = "(" + ",".join("?" * len(COLUMNS)) + ")"
_COMMON: Final = frozenset({RowKind.EVENT, RowKind.MARKET})  # too many to be in an index
_WHY: Final[dict[type[Exception], str]] = {
    apsw.FullError: "the disk is full. Next: free some space, and start again",
    apsw.ReadOnlyError: "it is read-only. Next: mount it read-write, and start again",
    apsw.BusyError: "another program is writing to it. Next: stop that one, and start again",
    apsw.ConstraintError: "it holds such a row already. Next: interlock journal verify",
}


class SqliteStore:
    """One journal file.

    Args:
        path: Of the file; its folder is there already. A new file is made with mode 0600.
        read_only: Nothing is written, and an engine may be writing at the same time.
        vfs: Name of the layer that reads and writes, for tests. It minds its own files.
        migrations: From each version of the tables to the next.
        log_bytes_max: When the write-ahead log is emptied whatever else is to do.
        private_folder: Its folder has to be ours alone; not so for a copy on another volume.

    Raises:
        JournalError: It is no journal, of a later version, not ours alone, or damaged.
    """

    def __init__(
        self,
        path: Path,
        *,
        read_only: bool = False,
        vfs: str | None = None,
        migrations: Sequence[str] = MIGRATIONS,
        log_bytes_max: int = LOG_BYTES_MAX,
        private_folder: bool = True,
    ) -> None:
        self._path = path
        self._read_only = read_only
        self._log_bytes_max = log_bytes_max
        self._log_pages = 0  # in the log
        self._log_pages_tidied = 0  # of those, when it was last attempted to empty it
        self._failed = ""
        self._log_damage = ""
        if vfs is None:
            check_files(path, read_only=read_only, private_folder=private_folder)
            self._log_damage = log_damage(path)
            if self._log_damage and not read_only:
                self._refuse_damaged_log()
        self._aside = ExitStack()
        try:
            opened = self._aside.enter_context(set_aside(path)) if self._log_damage else path
            self._connection = connect(opened, read_only=read_only, vfs=vfs)
        except (apsw.Error, UnicodeDecodeError) as error:
            self._aside.close()
            raise self._refused("open", error) from error
        try:
            self._connection.set_wal_hook(self._note_log_pages)
            check_schema(self._connection, self.name, migrations, read_only=read_only)
            self._page_bytes = int(self._connection.pragma("page_size"))
            if not read_only:
                self._begin_log_anew()
        except BaseException as error:
            self._let_go()
            if isinstance(error, apsw.Error | UnicodeDecodeError):
                raise self._refused("open", error) from error
            raise

    def _refuse_damaged_log(self) -> None:
        """Refuse to write behind a commit that was lost; a reader may look at what is left."""
        reader = SqliteStore(self._path, read_only=True)
        seq = reader.head().seq
        reader.close()
        raise self._damaged(seq, self._log_damage)

    def _begin_log_anew(self) -> None:
        """Leave nothing of an earlier run in the log that could be taken for a part of this one."""
        with suppress(apsw.BusyError, apsw.FullError):
            self._connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE)

    @property
    def name(self) -> str:
        """Where it is, for people."""
        return str(self._path)

    @property
    def size_bytes(self) -> int:
        """How large the file is, once the log is in it."""
        return int(self._connection.pragma("page_count")) * self._page_bytes

    def head(self) -> Head:
        """Return where the journal says it ends; ``EMPTY`` when nothing was written.

        Raises:
            DamageError: It says nothing sensible.
        """
        found = self._all("SELECT seq, hash FROM head", ())
        if len(found) != 1 or type(found[0][1]) is not bytes or len(found[0][1]) != HASH_BYTES:
            raise DamageError(
                f"journal {self.name} does not say where it ends. {LOOK}", seq=1, damage="edit"
            )
        return Head(seq=int(found[0][0]), hash=found[0][1])

    def append(self, rows: Sequence[Row]) -> None:
        """Write rows that follow the head in one transaction, and return when they are durable.

        Raises:
            StoreError: Nothing of them was acknowledged, and the store is of no more use.
            FencedError: The journal does not end where these rows begin.
        """
        self._check_usable()
        if not rows:
            return
        try:
            self._write(rows)
        except FencedError:
            self._fail("another engine wrote to it")
            raise
        except Exception as error:
            refused = self._refused(f"write records {rows[0].entry.seq}.. to", error)
            self._fail(str(refused))
            raise refused from error
        except BaseException as error:
            self._fail(repr(error))
            raise

    def _write(self, rows: Sequence[Row]) -> None:
        execute = self._connection.cursor().execute
        execute("BEGIN IMMEDIATE")
        first, last = rows[0], rows[-1]
        execute(
            "UPDATE head SET seq = ?, hash = ? WHERE seq = ? AND hash = ?",
            (last.entry.last_seq, last.hash, first.entry.seq - 1, first.previous),
        )
        if self._connection.changes() != 1:
            raise FencedError(
                f"journal {self.name} must end at record {first.entry.seq - 1}, and did not: "
                "another engine wrote to it. This one stops. Next: see that only one is started."
            )
        for start in range(0, len(rows), STATEMENT_ROWS):
            part = rows[start : start + STATEMENT_ROWS]
            # One statement for many rows, and not many statements: each gives up Python's lock,
            # and has to wait for it when another thread computes.
            execute(
                f"INSERT INTO rows ({_NAMES}) VALUES {','.join([_PLACES] * len(part))}",  # noqa: S608
                [value for row in part for value in _values(row)],
                can_cache=len(part) <= CACHED_ROWS,
            )
        execute("COMMIT")

    def read(self, after_seq: int = 0) -> Generator[Row, None, None]:
        """Yield the rows whose seq is beyond ``after_seq``, as they are stored, in their order.

        Raises:
            DamageError: The file cannot be read any further.
        """
        sql = f"SELECT {_NAMES} FROM rows WHERE seq > ? ORDER BY seq LIMIT {CHUNK_ROWS}"  # noqa: S608
        while True:
            found, damage = self._some(sql, (after_seq,))
            for values in found:
                row = stored_row(values, self.name)
                if row.entry.seq <= after_seq:
                    raise self._damaged(after_seq, "its pages are out of order")
                after_seq = row.entry.seq
                yield row
            damage = damage or (self._log_damage if not found else "")
            if damage:
                raise self._damaged(after_seq, damage)
            if not found:
                return

    def last(self, kinds: Sequence[RowKind]) -> Row | None:
        """Return the last row of one of these kinds."""
        found: Row | None = None
        for kind in kinds:
            rare = "" if kind in _COMMON else "AND kind NOT IN (2, 3)"
            sql = f"SELECT {_NAMES} FROM rows WHERE kind = ? {rare} ORDER BY seq DESC LIMIT 1"  # noqa: S608
            for values in self._all(sql, (int(kind),)):
                row = stored_row(values, self.name)
                if found is None or row.entry.seq > found.entry.seq:
                    found = row
        return found

    def has_key(self, key: bytes) -> bool:
        """Return whether a row with this key was written."""
        return bool(self._all("SELECT 1 FROM rows WHERE key = ?", (key,)))

    def drop_bodies(self, *, up_to_seq: int, before_ts_ns: int) -> int:
        """Drop the bodies of MARKET rows, keeping digests; return how many rows were changed.

        The room they took is used again; the file gets no smaller.

        Raises:
            StoreError: The store is of no more use. What was dropped so far stays dropped.
        """
        self._check_usable()
        dropped, after_seq = 0, 0
        select = (
            "SELECT seq, body FROM rows WHERE seq > ? AND seq + count - 1 <= ? AND ts_ns < ? "
            "AND kind = ? AND dropped IS NULL ORDER BY seq LIMIT ?"
        )
        while found := self._all(
            select, (after_seq, up_to_seq, before_ts_ns, int(RowKind.MARKET), CHUNK_ROWS)
        ):
            try:
                with self._connection:
                    self._connection.executemany(
                        "UPDATE rows SET body = x'', dropped = ? WHERE seq = ?",
                        [(bytes_digest(body), seq) for seq, body in found],
                    )
            except Exception as error:
                refused = self._refused("drop market data of", error)
                self._fail(str(refused))
                raise refused from error
            dropped += len(found)
            after_seq = found[-1][0]
        return dropped

    def tidy(self, *, idle: bool) -> None:
        """Empty the write-ahead log into the file when it has grown large, or time is cheap.

        An append waits meanwhile. So it happens rarely under load (once per ``log_bytes_max``,
        which is thousands of appends), and otherwise when nobody waits.

        Raises:
            StoreError: The file could not be written, and the store is of no more use.
        """
        grown = (self._log_pages - self._log_pages_tidied) * self._page_bytes
        if grown >= (LOG_BYTES_IDLE if idle else self._log_bytes_max):
            self.checkpoint()

    def checkpoint(self) -> None:
        """Copy the write-ahead log into the file, as far as no reader needs the old pages.

        A full disk is no failure here: what is in the log is durable, and the next time may do.

        Raises:
            StoreError: The file could not be written, and the store is of no more use.
        """
        self._check_usable()
        self._log_pages_tidied = self._log_pages
        try:
            with suppress(apsw.BusyError, apsw.FullError):
                self._connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_PASSIVE)
        except Exception as error:
            refused = self._refused("copy the write-ahead log of", error)
            self._fail(str(refused))
            raise refused from error

    def close(self) -> None:
        """Let go of it; a journal that was written to and did not fail is one whole file then."""
        try:
            if not self._read_only and not self._failed:
                self._begin_log_anew()
        except apsw.Error as error:
            raise self._refused("copy the write-ahead log of", error) from error
        finally:
            self._let_go()

    def _let_go(self) -> None:
        self._connection.close()
        self._aside.close()

    def _note_log_pages(self, _connection: apsw.Connection, _database: str, pages: int) -> int:
        if pages < self._log_pages:
            self._log_pages_tidied = 0  # the log begins anew
        self._log_pages = pages
        return apsw.SQLITE_OK

    def _all(self, sql: str, values: tuple[Any, ...]) -> list[Any]:
        found, damage = self._some(sql, values)
        if damage:
            raise self._damaged(0, damage)
        return found

    def _some(self, sql: str, values: tuple[Any, ...]) -> tuple[list[Any], str]:
        """Return what can be read, and why there is no more of it if the file is damaged."""
        self._check_usable()
        found: list[Any] = []
        try:
            found.extend(self._connection.execute(sql, values))
        except (apsw.CorruptError, apsw.NotADBError, UnicodeDecodeError) as error:
            return found, str(error)
        except apsw.Error as error:
            raise self._refused("read", error) from error
        return found, ""

    def _damaged(self, after_seq: int, why: str) -> DamageError:
        return DamageError(
            f"journal {self.name} cannot be read beyond record {after_seq}: {why}. {LOOK}",
            seq=after_seq + 1,
            damage="edit",
        )

    def _check_usable(self) -> None:
        if self._failed:
            raise StoreError(
                f"journal {self.name} is not used any more after a failure: {self._failed}"
            )

    def _fail(self, why: str) -> None:
        self._failed = why
        with suppress(Exception):
            self._connection.execute("ROLLBACK")

    def _refused(self, doing: str, error: Exception) -> JournalError:
        if isinstance(error, apsw.CorruptError | apsw.NotADBError | UnicodeDecodeError):
            return self._damaged(0, str(error))
        why = _WHY.get(type(error), f"{error}. Next: check the disk, and start again")
        return StoreError(
            f"could not {doing} journal {self.name}: {why}. Nothing of it was acknowledged."
        )


def _values(row: Row) -> tuple[Any, ...]:
    entry = row.entry
    return (
        entry.seq,
        entry.count,
        entry.ts_ns,
        int(entry.kind),
        entry.body,
        entry.payload,
        entry.key or None,
        row.previous,
        row.hash,
        row.dropped or None,
    )
