"""Changing a journal as somebody with every right to its file could, and what is found."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from interlock.journal.anchors import Anchor
from interlock.journal.errors import DamageError
from interlock.journal.rows import NOTHING, Row
from interlock.journal.sqlite import SqliteStore
from interlock.journal.verify import verify
from tests.journal.helpers import Tamperer, a_session, chain, fill

Tampering = Callable[[Tamperer], Any]


def written(path: Path, entries: int = 13) -> Path:
    """Write the first entries of the session."""
    store = SqliteStore(path)
    fill(store, a_session()[:entries])
    store.close()
    return path


def anchor(row: Row, genesis: Row) -> Anchor:
    """Return what would have been written down when ``row`` was the last."""
    return Anchor(
        journal=genesis.hash, seq=row.entry.last_seq, hash=row.hash, epoch=1, ts_ns=row.entry.ts_ns
    )


def anchors_at(*numbers: int) -> list[Anchor]:
    """Return anchors of the session, each after so many rows."""
    rows = chain(a_session())
    return [anchor(rows[number - 1], rows[0]) for number in numbers]


def check(
    path: Path, tamper: Tampering, damage: str, seq: int, anchors: list[Anchor] | None = None
) -> None:
    """Change the file, and demand the class of the damage and its first bad record."""
    tamperer = Tamperer(path)
    tamper(tamperer)
    tamperer.close()
    found(path, damage, seq, anchors)


def found(path: Path, damage: str, seq: int, anchors: list[Anchor] | None = None) -> None:
    """Demand the class of the damage and its first bad record."""
    store = SqliteStore(path, read_only=True)
    with pytest.raises(DamageError) as caught:
        verify(store, anchors=anchors or [])
    store.close()
    assert (caught.value.damage, caught.value.seq) == (damage, seq), caught.value
    assert str(path) in str(caught.value)
    assert "Trading stays off. Next: " in str(caught.value)


def emptied(file: Tamperer) -> None:
    """Take everything out."""
    file.run("DELETE FROM rows")
    file.run("UPDATE head SET seq = 0, hash = ?", NOTHING)
