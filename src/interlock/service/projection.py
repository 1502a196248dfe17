"""The projection: what the journal says, in tables that can be looked up. It is never the truth.

It is written by the thread that follows the journal and by nobody else. Deleted, damaged, or of
another version, it is thrown away and made again from the journal; locked by somebody, it is tried
again. Nothing of trading waits for it.
"""

import sqlite3
import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

from interlock.service.projection_rows import (
    Item,
    add_equity,
    apply_all,
    prune,
    read_meta,
    write_meta,
)
from interlock.service.projection_tables import open_tables, remove

PRUNE_ITEMS: Final = 2_000
SAMPLES_MAX: Final = 256  # of the account's worth, that wait for the next batch
_UNITS: Final = 8  # digits of money
_BUSY: Final = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED})


class Projection:
    """Keeps the tables; told by a follower, in its thread.

    Args:
        path: Of the file; its folder is there, for this user alone.
        on_trouble: Told what a person may want to know.
    """

    def __init__(self, path: Path, on_trouble: Callable[[str], None] = lambda _: None) -> None:
        self._path = path
        self._on_trouble = on_trouble
        self._connection: sqlite3.Connection | None = None
        self._file: tuple[int, int] | None = None
        self._journal = ""
        self._cash = "0"
        self._seq = 0
        self._unpruned = 0
        self._samples: deque[tuple[int, str]] = deque(maxlen=SAMPLES_MAX)
        self._sampled_ns = 0
        self._lock = threading.Lock()

    # --- told by the follower -----------------------------------------------------------------

    def begin(self, journal: str, genesis: Mapping[str, Any]) -> int:
        """Return the last record it has of this journal; what it has of another one goes."""
        with self._lock:
            self._journal = journal
            self._cash = f"{Decimal(int(genesis['cash_units'])).scaleb(-_UNITS):f}"
            return self._seq_of_file()

    def take(self, items: Sequence[Item], seq: int) -> int:
        """Take what happened up to ``seq``; return the last record it has, 0 after a loss.

        Raises:
            sqlite3.OperationalError: Somebody holds the file: the same has to come again.
        """
        with self._lock:
            try:
                if not self._is_same_file():
                    return self._seq_of_file()
                self._write(items, seq)
            except (sqlite3.Error, OSError) as error:
                if _is_busy(error):
                    raise
                self._begin_anew(str(error))
                return self._seq_of_file()
            return self._seq

    def sample(self, ts_ns: int, equity: str) -> None:
        """Keep what the account is worth at a moment; it is written with the next batch."""
        if ts_ns > self._sampled_ns:
            self._sampled_ns = ts_ns
            self._samples.append((ts_ns, equity))

    def sample_status(self, status: Mapping[str, Any]) -> None:
        """Keep what the account is worth, as an engine's status says it."""
        ts_ns, money = status.get("now_ns"), status.get("money") or {}
        if isinstance(ts_ns, int) and isinstance(money.get("equity"), str):
            self.sample(ts_ns, money["equity"])

    def said(self) -> dict[str, Any]:
        """Return how it goes, for health checks."""
        return {"journal": self._journal, "seq": self._seq, "open": self._connection is not None}

    def close(self) -> None:
        """Let go of the file."""
        with self._lock:
            self._let_go()

    # --- the file -----------------------------------------------------------------------------

    def _seq_of_file(self) -> int:
        """Open the file, made again if it has to be; return the last record in it."""
        for attempt in (1, 2):
            try:
                return self._opened()
            except (sqlite3.Error, OSError) as error:
                self._let_go()
                if _is_busy(error) or attempt == 2:  # noqa: PLR2004 - once more is enough
                    raise
                self._begin_anew(str(error))
        raise AssertionError

    def _opened(self) -> int:
        self._let_go()
        connection = open_tables(self._path)
        self._connection, self._file = connection, self._file_now()
        known = read_meta(connection)
        if known.get("journal") == self._journal:
            self._seq = int(known["seq"])
            return self._seq
        if known:
            # Tables of another journal: to empty them one by one would only take longer.
            raise sqlite3.DatabaseError("it is of another journal")
        self._seq = 0
        write_meta(connection, {"journal": self._journal, "seq": 0, "cash": self._cash})
        return 0

    def _begin_anew(self, why: str) -> None:
        self._let_go()
        self._seq = 0
        self._on_trouble(f"the projection is made anew from the journal: {why}")
        remove(self._path)

    def _let_go(self) -> None:
        connection, self._connection = self._connection, None
        self._file = None
        if connection is not None:
            with suppress(sqlite3.Error):
                connection.close()

    def _is_same_file(self) -> bool:
        return self._connection is not None and self._file == self._file_now()

    def _file_now(self) -> tuple[int, int] | None:
        try:
            found = self._path.stat()
        except FileNotFoundError:
            return None
        return found.st_dev, found.st_ino

    def _write(self, items: Sequence[Item], seq: int) -> None:
        connection = self._connection
        assert connection is not None
        samples = list(self._samples)
        connection.execute("BEGIN IMMEDIATE")
        try:
            apply_all(connection, items)
            for ts_ns, equity in samples:
                add_equity(connection, ts_ns, equity, "status")
            write_meta(connection, {"seq": seq})
            self._unpruned += len(items)
            if self._unpruned >= PRUNE_ITEMS:
                self._unpruned = 0
                prune(connection)
            connection.execute("COMMIT")
        except BaseException:
            with suppress(sqlite3.Error):
                connection.execute("ROLLBACK")
            raise
        self._seq = seq
        for _ in samples:
            self._samples.popleft()


def _is_busy(error: BaseException) -> bool:
    code = getattr(error, "sqlite_errorcode", None)
    return code is not None and code & 0xFF in _BUSY
