"""Entries and journals for tests, and how a file is changed behind a journal's back."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import apsw

from interlock.journal.port import Store
from interlock.journal.rows import COLUMNS, EMPTY, Entry, Head, Row, RowKind, chained, row_hash

BODY = b"an event and its commands "


def entry(
    seq: int,
    *,
    count: int = 1,
    kind: RowKind = RowKind.EVENT,
    ts_ns: int | None = None,
    body: bytes | None = None,
    payload: bytes = b"",
    key: bytes = b"",
) -> Entry:
    """Return an entry; what is not given follows from its seq."""
    return Entry(
        seq=seq,
        count=count,
        ts_ns=seq * 1_000 if ts_ns is None else ts_ns,
        kind=kind,
        body=BODY + str(seq).encode() if body is None else body,
        payload=payload,
        key=key,
    )


def market(seq: int, count: int = 4) -> Entry:
    """Return a batch of market data."""
    return entry(seq, count=count, kind=RowKind.MARKET, body=b"tick" * count)


def a_session() -> list[Entry]:
    """Return thirteen rows of most kinds, 24 records."""
    return [
        entry(1, kind=RowKind.GENESIS, body=b'{"id": "test"}'),
        entry(2, kind=RowKind.NOTE, body=b'{"what": "start"}'),
        entry(3, payload=b'{"why": "because"}'),
        market(4),
        entry(8),
        entry(9, key=b"fill 1"),
        market(10, 8),
        entry(18, kind=RowKind.SNAPSHOT, body=b"a state"),
        entry(19),
        market(20, 2),
        entry(22, key=b"fill 2"),
        entry(23, payload=b'{"why": "again"}'),
        entry(24, kind=RowKind.NOTE, body=b'{"what": "stop"}'),
    ]


def chain(entries: Iterable[Entry], head: Head = EMPTY) -> list[Row]:
    """Return entries as the rows that follow ``head``."""
    rows = []
    for each in entries:
        rows.append(chained(each, head))
        head = head_of(rows)
    return rows


def head_of(rows: Sequence[Row]) -> Head:
    """Return where rows end."""
    return Head(seq=rows[-1].entry.last_seq, hash=rows[-1].hash)


def fill(store: Store, entries: Iterable[Entry]) -> list[Row]:
    """Write entries behind what a store has, and return them as rows."""
    rows = chain(entries, store.head())
    store.append(rows)
    return rows


class Tamperer:
    """Somebody with write access to the file, and with SQLite."""

    def __init__(self, path: Path) -> None:
        self._connection = apsw.Connection(str(path))

    def run(self, sql: str, *values: Any) -> None:
        """Change the file."""
        self._connection.execute(sql, values)

    def change(self, seq: int, column: str, value: Any) -> None:
        """Change one column of one row, and nothing else."""
        self.run(f"UPDATE rows SET {column} = ? WHERE seq = ?", value, seq)  # noqa: S608

    def columns(self, seq: int) -> list[Any]:
        """Return a row as it is stored."""
        names = ", ".join(COLUMNS)
        sql = f"SELECT {names} FROM rows WHERE seq = ?"  # noqa: S608
        (found,) = self._connection.execute(sql, (seq,))
        return list(found)

    def put(self, values: Sequence[Any]) -> None:
        """Insert a row as it is given."""
        self.run(f"INSERT INTO rows VALUES ({','.join('?' * len(COLUMNS))})", *values)  # noqa: S608

    def shift(self, from_seq: int, by: int) -> None:
        """Renumber the rows from one on, leaving their hashes as they are."""
        self.run("UPDATE rows SET seq = -(seq + ?) WHERE seq >= ?", by, from_seq)
        self.run("UPDATE rows SET seq = -seq WHERE seq < 0")

    def make_hashes_anew(self, from_seq: int = 1) -> None:
        """Do the chain again from a row on, head included, as the engine would have."""
        names = ", ".join(COLUMNS)
        stored = list(self._connection.execute(f"SELECT {names} FROM rows ORDER BY seq"))  # noqa: S608
        previous, seq = EMPTY.hash, 0
        for values in stored:
            seq = values[0]
            if seq >= from_seq:
                own = row_hash(
                    previous,
                    Entry(
                        seq=seq,
                        count=values[1],
                        ts_ns=values[2],
                        kind=RowKind(values[3]),
                        body=values[4],
                        payload=values[5],
                        key=values[6] or b"",
                    ),
                    values[9] or b"",
                )
                self.run("UPDATE rows SET previous = ?, hash = ? WHERE seq = ?", previous, own, seq)
                previous = own
            else:
                previous = values[8]
            last_seq = seq + values[1] - 1
        self.run("UPDATE head SET seq = ?, hash = ?", last_seq, previous)

    def close(self) -> None:
        """Leave no trace but the change."""
        self._connection.close()
