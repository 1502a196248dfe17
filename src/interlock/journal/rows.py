"""Rows: what the journal keeps, and how one is chained to the row before it.

A row is one record, or a batch of records that belong to nobody in particular (market data). To
the journal its body and payload are bytes. What it vouches for is that they are the bytes that
were written, in that order, with nothing missing.
"""

import hashlib
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, Final

from interlock.journal.errors import LOOK, DamageError

FORMAT: Final = 1
HASH_BYTES: Final = 32
NOTHING: Final = bytes(HASH_BYTES)  # what the first row follows

# What a table of rows has, in this order, in every store.
COLUMNS: Final = (
    "seq",
    "count",
    "ts_ns",
    "kind",
    "body",
    "payload",
    "key",
    "previous",
    "hash",
    "dropped",
)

_ROW_DOMAIN: Final = b"interlock journal 1 row\0"
_BYTES_DOMAIN: Final = b"interlock journal 1 bytes\0"
_NO_BYTES_DIGEST: Final = hashlib.sha256(_BYTES_DOMAIN).digest()
_HEADER: Final = struct.Struct(">qqqq")  # seq, count, ts_ns, kind


class RowKind(IntEnum):
    """What a row is to the journal. Never renumber, never reuse."""

    GENESIS = 1  # the first row: which journal this is
    EVENT = 2  # one event and the commands that it caused
    MARKET = 3  # a batch of events that caused nothing
    NOTE = 4  # what a process says of itself: start, stop
    SNAPSHOT = 5  # what was believed after the row before
    SEGMENT = 6  # begins a segment; its body is a snapshot


_KINDS: Final = {int(kind): kind for kind in RowKind}


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """What is to be written.

    Attributes:
        seq: Of its first record, >= 1.
        count: Records in it, >= 1; the next entry's seq is ``seq + count``.
        ts_ns: UTC, of its first record.
        kind: What it is to the journal.
        body: The records.
        payload: What belongs to them and is not a record.
        key: What may be written once only (a trade's id), or nothing.
    """

    seq: int
    count: int
    ts_ns: int
    kind: RowKind
    body: bytes
    payload: bytes = b""
    key: bytes = b""

    @property
    def last_seq(self) -> int:
        """The seq of its last record."""
        return self.seq + self.count - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """An entry in its place in the chain.

    Attributes:
        entry: What was written. The body of a dropped row is empty.
        previous: Hash of the row before it.
        hash: Its own.
        dropped: Digest of a body that was dropped after its retention; nothing if it is there.
    """

    entry: Entry
    previous: bytes
    hash: bytes
    dropped: bytes = b""

    def is_sound(self) -> bool:
        """Return whether the row hashes to what it says, and only market data was dropped."""
        if self.dropped and (self.entry.body or self.entry.kind is not RowKind.MARKET):
            return False
        return self.hash == row_hash(self.previous, self.entry, self.dropped)


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """Where a journal ends.

    Attributes:
        seq: Of its last record; 0 while it is empty.
        hash: Of its last row.
    """

    seq: int
    hash: bytes


EMPTY: Final = Head(seq=0, hash=NOTHING)


def bytes_digest(data: bytes) -> bytes:
    """Return the digest of a body or a payload, as it enters its row's hash."""
    return hashlib.sha256(_BYTES_DOMAIN + data).digest() if data else _NO_BYTES_DIGEST


def row_hash(previous: bytes, entry: Entry, dropped: bytes = b"") -> bytes:
    """Return SHA-256 over the row before, the header, and the digests of body, payload and key.

    A body enters by its digest, so that it may be dropped and the chain still be checked.

    Args:
        previous: 32 bytes.
        entry: What is written.
        dropped: Digest of the body if it is not there any more.
    """
    assert len(previous) == HASH_BYTES
    return hashlib.sha256(
        _ROW_DOMAIN
        + previous
        + _HEADER.pack(entry.seq, entry.count, entry.ts_ns, entry.kind)
        + (dropped or bytes_digest(entry.body))
        + bytes_digest(entry.payload)
        + bytes_digest(entry.key)
    ).digest()


def stored_row(values: Sequence[Any], name: str) -> Row:
    """Return the row whose columns a store found, in the order of ``COLUMNS``.

    Args:
        values: NULL (None) stands for no key and for a body that was not dropped.
        name: The store's, for the message.

    Raises:
        DamageError: A column holds what no store writes.
    """
    seq, count, ts_ns, kind, body, payload, key, previous, own, dropped = values
    if not (
        type(seq) is type(count) is type(ts_ns) is type(kind) is int
        and type(body) is type(payload) is type(previous) is type(own) is bytes
        and (key is None or (type(key) is bytes and key))
        and (dropped is None or (type(dropped) is bytes and len(dropped) == HASH_BYTES))
        and len(previous) == len(own) == HASH_BYTES
        and count >= 1
        and kind in _KINDS
    ):
        what = f"journal {name} is broken at record {seq}: its row holds what no journal writes."
        raise DamageError(f"{what} {LOOK}", seq=seq if type(seq) is int else 0, damage="edit")
    entry = Entry(
        seq=seq,
        count=count,
        ts_ns=ts_ns,
        kind=_KINDS[kind],
        body=body,
        payload=payload,
        key=key or b"",
    )
    return Row(entry=entry, previous=previous, hash=own, dropped=dropped or b"")


def chained(entry: Entry, head: Head) -> Row:
    """Return an entry as the row that follows ``head``."""
    assert entry.seq == head.seq + 1
    assert entry.count >= 1
    return Row(entry=entry, previous=head.hash, hash=row_hash(head.hash, entry))
