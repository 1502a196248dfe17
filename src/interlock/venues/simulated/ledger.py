"""The simulated venue's durable books: one SQLite file that outlives every engine.

Whatever is written waits in a transaction until ``commit``, which returns when it is on the disk.
Nothing may be told to an engine before that. A commit carries the whole state of the exchange, so
that after a crash the venue goes on exactly from its last one.
"""

import os
import stat
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import apsw
import numpy as np

from interlock.kernel.codes import Flag, Kind, Role
from interlock.kernel.records import ROW, ROW_VERSION, Rows
from interlock.venues.port import NewOrder, Report, Request, VenueOrder, VenueState

FORMAT: Final = 1
MEMORY: Final = ":memory:"
_BUSY_MS: Final = 5_000
_LEVEL: Final = 1  # of zlib: books are mostly zeros, and speed matters more

_SCHEMA: Final = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value ANY) STRICT, WITHOUT ROWID;
CREATE TABLE orders (
  client_id TEXT PRIMARY KEY,
  number INTEGER NOT NULL UNIQUE,
  peer_client_id TEXT NOT NULL,
  peer_number INTEGER NOT NULL,
  instrument INTEGER NOT NULL,
  strategy INTEGER NOT NULL,
  side INTEGER NOT NULL,
  order_kind INTEGER NOT NULL,
  role INTEGER NOT NULL,
  state TEXT NOT NULL,
  qty INTEGER NOT NULL,
  filled INTEGER NOT NULL,
  price INTEGER NOT NULL,
  trigger_price INTEGER NOT NULL
) STRICT;
CREATE INDEX open_orders ON orders (number) WHERE state = 'working';
CREATE TABLE reports (
  id INTEGER PRIMARY KEY,
  client_id TEXT NOT NULL,
  kind INTEGER NOT NULL,
  row BLOB NOT NULL
) STRICT;
CREATE INDEX fills ON reports (client_id, id) WHERE kind = 7;
CREATE TABLE commands (
  id INTEGER PRIMARY KEY,
  epoch INTEGER NOT NULL,
  line TEXT NOT NULL
) STRICT;
"""
assert int(Kind.FILL) == 7  # noqa: PLR2004 - the schema's number
_ENDS: Final = {
    Kind.REJECTED: VenueState.REJECTED,
    Kind.CANCELLED: VenueState.CANCELLED,
    Kind.EXPIRED: VenueState.EXPIRED,
}
_LEAVING: Final = frozenset(map(int, (Role.STOP, Role.TARGET, Role.EXIT)))  # reduce-only, always
_ORDER: Final = (
    "SELECT client_id, instrument, state, qty, filled, price, trigger_price, side, order_kind, "
    "role FROM orders WHERE "
)
_ENTRY: Final = (
    "SELECT client_id, number, peer_client_id, peer_number, strategy, side, order_kind, role "
    "FROM orders WHERE "
)


class LedgerError(ValueError):
    """Books that may not be used: a person has to look."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """An order as it is in the books, for the exchange.

    Attributes:
        number: The venue's own.
        peer_number: Of the order it was paired with; 0 for none.
    """

    client_id: str
    number: int
    peer_client_id: str
    peer_number: int
    strategy: int
    side: int
    order_kind: int
    role: int


def _make_private(path: Path) -> None:
    """Make the file if it is not there, and refuse one that somebody else could have put there."""
    try:
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise LedgerError(
            f"the venue's books {path} could not be opened: {error.strerror}. "
            "Next: look at the folder; it must be yours and the file no link."
        ) from error
    try:
        found = os.fstat(handle)
        if not stat.S_ISREG(found.st_mode) or found.st_uid != os.getuid():
            raise LedgerError(
                f"the venue's books {path} must be a file of this user, was of user "
                f"{found.st_uid}. Next: look at who put it there."
            )
        os.fchmod(handle, 0o600)
    finally:
        os.close(handle)


class Ledger:
    """The books of one account.

    Args:
        path: Of the file, or MEMORY.
        made_of: What the account lives on (recording, rules, cash): books made of something else
            are refused.
    """

    def __init__(self, path: Path | str, made_of: str) -> None:
        self.name = str(path)
        if path != MEMORY:
            _make_private(Path(path))
        try:
            self._connection = apsw.Connection(self.name)
            self._connection.set_busy_timeout(_BUSY_MS)
            self._connection.pragma("journal_mode", "wal")
            self._connection.pragma("synchronous", "full")
            self._is_writing = False
            self._open(made_of)
        except apsw.Error as error:
            raise LedgerError(
                f"the venue's books {self.name} could not be read: {error}. Next: keep a copy of "
                "the file and restore it; removing it begins a new account."
            ) from error

    def _open(self, made_of: str) -> None:
        """Make the tables, or check that the books are ones to go on with."""
        tables = self._connection.execute("SELECT count(*) FROM sqlite_schema").get
        if not tables:
            self._connection.execute("BEGIN IMMEDIATE")
            self._connection.execute(_SCHEMA)
            self.put({"format": FORMAT, "rows": ROW_VERSION, "made_of": made_of})
            self.commit()
            return
        found = self.get("format"), self.get("rows")
        if found != (FORMAT, ROW_VERSION):
            raise LedgerError(
                f"the venue's books {self.name} must have format {(FORMAT, ROW_VERSION)}, was "
                f"{found}: another version of Interlock wrote them. Next: use that version."
            )
        if self.get("made_of") != made_of:
            raise LedgerError(
                f"the venue's books {self.name} belong to another account: it lives on "
                f"{self.get('made_of')}, and this one on {made_of}. Next: go on with the same data "
                "and cash, or use another home."
            )

    # --- writing ----------------------------------------------------------------------------------

    def _write(self, statement: str, values: tuple[Any, ...]) -> None:
        """Write within the transaction under way, or begin one."""
        if not self._is_writing:
            if not self._connection.in_transaction:
                self._connection.execute("BEGIN IMMEDIATE")
            self._is_writing = True
        self._connection.execute(statement, values)

    @property
    def is_writing(self) -> bool:
        """Whether something was written and not committed."""
        return self._is_writing

    def put(self, values: Mapping[str, int | str | bytes]) -> None:
        """Write what there is one of."""
        for key, value in values.items():
            self._write("INSERT OR REPLACE INTO meta VALUES (?, ?)", (key, value))

    def put_state(self, state: "np.ndarray[Any, np.dtype[np.void]]") -> None:
        """Write the state of the exchange."""
        self.put({"state": zlib.compress(state.tobytes(), _LEVEL)})

    def add_command(self, request: Request, line: str) -> None:
        """Keep a command as it came."""
        self._write("INSERT INTO commands (epoch, line) VALUES (?, ?)", (request.epoch, line))

    def add_order(self, request: NewOrder, number: int, peer_number: int) -> None:
        """Keep a new order: its client id is used up, whatever becomes of it."""
        self._write(
            "INSERT INTO orders VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                request.client_id,
                number,
                request.peer_client_id,
                peer_number,
                request.instrument,
                request.strategy,
                request.side,
                request.order_kind,
                request.role,
                VenueState.WORKING,
                request.qty,
                0,
                request.price,
                request.trigger,
            ),
        )

    def add_report(self, report: Report) -> None:
        """Keep a report, and what it says of its order."""
        row = report.row
        kind = Kind(int(row["kind"]))
        self._write(
            "INSERT INTO reports (client_id, kind, row) VALUES (?, ?, ?)",
            (report.client_id, int(kind), row.tobytes()),
        )
        if kind is Kind.FILL:
            state = VenueState.FILLED if row["flags"] & Flag.LAST else VenueState.WORKING
            self._write(
                "UPDATE orders SET filled = filled + ?, state = ? WHERE client_id = ?",
                (int(row["qty"]), state, report.client_id),
            )
        elif kind is Kind.AMENDED:
            self._write(
                "UPDATE orders SET qty = ?, price = ?, trigger_price = ? WHERE client_id = ?",
                (int(row["qty"]), int(row["price"]), int(row["trigger"]), report.client_id),
            )
        elif kind in _ENDS:
            self._write(
                "UPDATE orders SET state = ? WHERE client_id = ?", (_ENDS[kind], report.client_id)
            )

    def commit(self) -> None:
        """Return when everything that was written is on the disk.

        Raises:
            apsw.Error: It is not; the venue has to stop, and says nothing more.
        """
        if self._is_writing:
            self._is_writing = False
            self._connection.execute("COMMIT")

    def close(self) -> None:
        """Let go of the file; what was not committed is forgotten."""
        self._connection.close()

    # --- reading ----------------------------------------------------------------------------------

    def get(self, key: str) -> Any:
        """Return what there is one of, None if it was never written."""
        return self._connection.execute("SELECT value FROM meta WHERE key = ?", (key,)).get

    def read_state(self, dtype: np.dtype[np.void]) -> "np.ndarray[Any, np.dtype[np.void]] | None":
        """Return the state of the exchange, shape (1,); None in new books.

        Raises:
            LedgerError: It is one of other capacities or another version.
        """
        packed = self.get("state")
        if packed is None:
            return None
        raw = zlib.decompress(packed)
        if len(raw) != dtype.itemsize:
            raise LedgerError(
                f"the books in {self.name} must be {dtype.itemsize} bytes, was {len(raw)}: another "
                "version of Interlock wrote them. Next: use that version."
            )
        return np.frombuffer(raw, dtype=dtype).copy()

    def entry(self, client_id: str) -> Entry | None:
        """Return an order that this venue was ever given."""
        return _entry(self._execute(_ENTRY + "client_id = ?", client_id))

    def entry_of(self, number: int) -> Entry | None:
        """Return an order by the venue's own number."""
        return _entry(self._execute(_ENTRY + "number = ?", number))

    def _execute(self, statement: str, *values: int | str) -> list[tuple[Any, ...]]:
        return self._connection.execute(statement, values).fetchall()

    def find(self, client_id: str) -> VenueOrder | None:
        """Return an order with all its fills."""
        found = self._execute(_ORDER + "client_id = ?", client_id)
        return self._order(found[0]) if found else None

    def open_orders(self) -> tuple[VenueOrder, ...]:
        """Return the orders that rest, in their order."""
        found = self._execute(_ORDER + "state = 'working' ORDER BY number")
        return tuple(self._order(each) for each in found)

    def reports(self) -> Rows:
        """Return every report there ever was, oldest first; shape (n,)."""
        return _rows(self._execute("SELECT row FROM reports ORDER BY id"))

    def _order(self, found: tuple[Any, ...]) -> VenueOrder:
        client_id, instrument, state, qty, filled, price, trigger, side, order_kind, role = found
        fills = self._execute(
            "SELECT row FROM reports WHERE client_id = ? AND kind = 7 ORDER BY id", client_id
        )
        return VenueOrder(
            client_id=client_id,
            instrument=instrument,
            state=VenueState(state),
            qty=qty,
            filled=filled,
            price=price,
            trigger=trigger,
            fills=_rows(fills),
            side=side,
            order_kind=order_kind,
            is_reduce_only=role in _LEAVING,
        )


def _rows(found: list[tuple[Any, ...]]) -> Rows:
    return np.frombuffer(b"".join(raw for (raw,) in found), dtype=ROW)


def _entry(found: list[tuple[Any, ...]]) -> Entry | None:
    if not found:
        return None
    return Entry(**dict(zip(Entry.__dataclass_fields__, found[0], strict=True)))
