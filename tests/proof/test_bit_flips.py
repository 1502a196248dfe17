"""One bit of a journal file turns over: it is found, or every record still reads back identical.

A bit in every byte of a real, checkpointed file is turned over, one at a time, and the file is
opened and verified as ``interlock journal verify`` does it. In a row, every such bit is found. In
the rest of the file (free space, indexes, counters of SQLite) it is found or does no harm.
"""

import os
from collections import Counter
from pathlib import Path
from typing import Final

import apsw
import pytest

from interlock.journal.errors import JournalError
from interlock.journal.rows import Row, RowKind
from interlock.journal.sqlite import SqliteStore
from interlock.journal.verify import verify
from tests.proof.journal_session import FILE, at_night, fast_folder, session
from tests.proof.sqlite_pages import row_bytes

BYTES_MIN: Final = 65_536
BITS_PER_BYTE: Final = at_night(1, 8)
PARTS: Final = 8  # so that several workers share them


def checkpointed(path: Path) -> list[Row]:
    """Write a journal of at least 64 KiB into one file, and return its rows."""
    rows: list[Row] = []
    store = SqliteStore(path)
    for step in session(appends=400, seed=11).steps:
        if step.act == "append":
            store.append(step.rows)
            rows += step.rows
        else:
            store.checkpoint()
        if store.size_bytes >= BYTES_MIN:
            break
    store.close()
    assert path.with_name(path.name + "-wal").stat().st_size == 0
    return rows


def row_positions(path: Path) -> set[int]:
    """Return the places of all bytes that belong to a row."""
    connection = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY)
    root = connection.execute("SELECT rootpage FROM sqlite_schema WHERE name = 'rows'").get
    connection.close()
    return {place for part in row_bytes(path.read_bytes(), root) for place in part}


def is_found(path: Path, rows: list[Row]) -> bool:
    """Return whether a file is refused; if it is not, everything in it has to read back."""
    try:
        store = SqliteStore(path, read_only=True)
    except JournalError:
        return True
    try:
        verify(store)
    except JournalError:
        return True
    else:
        assert list(store.read()) == rows
        for row in rows:
            assert not row.entry.key or store.has_key(row.entry.key)
        for kind in RowKind:
            of_kind = [row for row in rows if row.entry.kind is kind]
            assert store.last([kind]) == (of_kind[-1] if of_kind else None)
        return False
    finally:
        store.close()


def test_the_places_of_rows_are_known(tmp_path: Path) -> None:
    """The map itself: every body and every hash of the file lies in it."""
    rows = checkpointed(tmp_path / FILE)
    file = (tmp_path / FILE).read_bytes()
    inside = row_positions(tmp_path / FILE)
    kinds = Counter(row.entry.kind for row in rows)

    assert len(file) >= BYTES_MIN
    assert sum(len(row.entry.body) for row in rows) < len(inside) < len(file)
    marked = bytes(byte if place in inside else 0 for place, byte in enumerate(file))
    for row in rows:
        assert row.hash in marked
        assert row.entry.body[:80] in marked
    assert kinds.keys() >= {RowKind.GENESIS, RowKind.NOTE, RowKind.EVENT, RowKind.MARKET}
    assert RowKind.SEGMENT in kinds or RowKind.SNAPSHOT in kinds
    assert sum(bool(row.entry.key) for row in rows) >= 5


@pytest.mark.parametrize("part", range(PARTS))
def test_a_turned_bit_is_found_or_harmless(part: int, capsys: pytest.CaptureFixture[str]) -> None:
    outcomes: Counter[str] = Counter()
    with fast_folder() as folder:
        path = folder / FILE
        rows = checkpointed(path)
        inside = row_positions(path)
        file = path.read_bytes()
        descriptor = os.open(path, os.O_WRONLY)
        for place in range(part, len(file), PARTS):
            for number in range(BITS_PER_BYTE):
                bit = (place * 5 + place // 8 + number) % 8
                os.pwrite(descriptor, bytes([file[place] ^ 1 << bit]), place)
                try:
                    found = is_found(path, rows)
                except Exception as error:
                    raise AssertionError(f"byte {place}, bit {bit}: {error!r}") from error
                assert found or place not in inside, f"byte {place}, bit {bit} was not found"
                where = "in a row" if place in inside else "elsewhere"
                outcomes[f"{where}, {'found' if found else 'harmless'}"] += 1
            os.pwrite(descriptor, file[place : place + 1], place)
        os.close(descriptor)
        assert path.read_bytes() == file
        assert not is_found(path, rows)

    total = outcomes.total()
    with capsys.disabled():
        print(f"\nbit flips, part {part + 1} of {PARTS}: {total} ({dict(outcomes)})")  # noqa: T201
    assert total >= BYTES_MIN * BITS_PER_BYTE // PARTS
    assert outcomes["in a row, found"] > total // 2
