"""What was done to a journal whose chain is broken, judged by what is still there.

Every row carries its own hash and that of the row it followed, so a row that was moved still says
where it belongs, and a missing one is missed by the row behind it. Where nothing better can be
said, it is an edit.
"""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Final

from interlock.journal.errors import DamageError
from interlock.journal.port import Store
from interlock.journal.rows import Head, Row, bytes_digest, row_hash

_NEAR: Final = 4_096  # how far a row's number may have been shifted, to be recognised


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a walk through the rows stopped.

    Attributes:
        earlier: Hash of the row before the last one that was in order.
        last: That one; None if the first row is not.
        head: What it ends at.
        row: The row behind it, which is not in order.
    """

    earlier: bytes
    last: Row | None
    head: Head
    row: Row

    @property
    def seq(self) -> int:
        """The number that a row in order would have."""
        return self.head.seq + 1


@dataclass(slots=True)
class _Found:
    """What the rows from the broken one on have to say."""

    belonging: Row | None = None  # the row that belongs to the place
    is_followed: bool = False  # the row behind that one follows it, as it should
    has_swapped_content: bool = False  # another row holds what the hash at the place vouches for
    has_predecessor: bool = False  # the row that the broken one followed is there
    has_copy: bool = False  # the broken one is there twice


def damage_error(name: str, seq: int, damage: str, what: str) -> DamageError:
    """Return what to tell a person about a broken journal.

    >>> print(damage_error("j.db", 7, "edit", "its bytes are not what was written"))
    journal j.db is broken at record 7 (edit): its bytes are not what was written. Records 1..6 \
verify. Trading stays off. Next: interlock journal show --seq 7, and go back to a verified copy.
    """
    good = f"Records 1..{seq - 1} verify." if seq > 1 else "No record before it verifies."
    return DamageError(
        f"journal {name} is broken at record {seq} ({damage}): {what}. {good} Trading stays off. "
        f"Next: interlock journal show --seq {seq}, and go back to a verified copy.",
        seq=seq,
        damage=damage,
    )


def broken_chain(store: Store, place: Place) -> DamageError:
    """Name the first bad record and what was done, for a row that is not in order."""
    damage, seq, what = _judged(store, place)
    return damage_error(store.name, seq, damage, what)


def _judged(store: Store, place: Place) -> tuple[str, int, str]:
    row, last, seq = place.row, place.last, place.seq
    if last is not None and row.previous == place.earlier and _hashes_at(row, last.entry.seq):
        return "insert", last.entry.seq, "the row behind it follows the row before it"
    if row.entry.seq < seq:
        return "insert", row.entry.seq, "its number lies within the batch before it"
    if seq > store.head().seq:
        return "insert", seq, f"the journal ends at record {seq - 1}, and rows follow"
    if row.previous == place.head.hash and _hashes_at(row, seq):
        return "edit", seq, f"its number was changed to {row.entry.seq}"
    found = _searched(store, place)
    if found.has_swapped_content:
        return "reorder", seq, "what belongs there is stored in another row"
    if found.belonging is not None:
        where = found.belonging.entry.seq
        moved = found.has_predecessor and not found.has_copy
        if found.is_followed and not moved and row.entry.seq == seq:
            return "insert", seq, f"the row that belongs there is stored at {where}"
        return "reorder", seq, f"the row that belongs there is stored at {where}"
    return _judged_alone(place)


def _judged_alone(place: Place) -> tuple[str, int, str]:
    """Judge a row when what belongs to its place is nowhere."""
    row, seq = place.row, place.seq
    follows = row.previous == place.head.hash
    if row.entry.seq > seq and (row.is_sound() or not follows):
        return "delete", seq, f"the next row is {row.entry.seq}"
    if not row.is_sound():
        if not follows and _original_seq(row) > seq:
            return "delete", seq, "the rows behind it were moved up to close the gap"
        return "edit", seq, "its bytes are not what was written"
    if place.last is None:
        return "edit", seq, "it is the first row and follows another"
    return "edit", place.last.entry.seq, "the row behind it followed another one"


def _hashes_at(row: Row, seq: int) -> bool:
    """Return whether a row would be sound under another number."""
    return replace(row, entry=replace(row.entry, seq=seq)).is_sound()


def _original_seq(row: Row) -> int:
    """Return the number near its own under which a row is sound; 0 if there is none."""
    digest = row.dropped or bytes_digest(row.entry.body)
    for distance in range(1, _NEAR):
        for seq in (row.entry.seq + distance, row.entry.seq - distance):
            if row_hash(row.previous, replace(row.entry, seq=seq), digest) == row.hash:
                return seq
    return 0


def _searched(store: Store, place: Place) -> _Found:
    """Look through the rows from the broken one on for what explains it."""
    found = _Found()
    broken, follows = place.row, place.row.previous == place.head.hash
    belonging: Row | None = None
    for row in _readable(store, place.head.seq):
        if belonging is not None and not found.is_followed:
            found.is_followed = row.previous == belonging.hash
        belonging = None
        found.has_predecessor |= row.hash == broken.previous
        if row.entry.seq == broken.entry.seq:
            continue
        found.has_copy |= row.hash == broken.hash
        there = row_hash(place.head.hash, replace(row.entry, seq=place.seq), row.dropped)
        found.has_swapped_content |= follows and there == broken.hash
        if there == row.hash:
            found.belonging = belonging = row
    if belonging is not None:
        found.is_followed = store.head().hash == belonging.hash
    return found


def _readable(store: Store, after_seq: int) -> Iterator[Row]:
    """Yield rows as far as they can be read."""
    with suppress(DamageError):
        yield from store.read(after_seq)
