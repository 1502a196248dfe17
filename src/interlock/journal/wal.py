"""Whether the write-ahead log of a SQLite file still holds every commit that was acknowledged.

SQLite reads a log up to the first frame whose checksum is wrong and silently forgets the rest. That
is right for the one transaction that was being written when the power failed, and wrong for a
commit that was synced and damaged later. The two can be told apart: a transaction begins only
after the one before it was synced, so when two of them end behind the wrong frame, that frame
belongs to a synced one. The index beside the log counts synced frames only, and settles the rest.

Source: https://www.sqlite.org/fileformat2.html#walformat, https://www.sqlite.org/walformat.html
"""

import os
import struct
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from interlock.journal.files import file_refused

_HEADER_BYTES: Final = 32
_FRAME_HEADER_BYTES: Final = 24
_MAGIC: Final = 0x377F_0682  # the last bit says that checksums take words in big-endian order
_FORMAT: Final = 3_007_000
_PAGE_BYTES: Final = 4_096  # what a log with a damaged header is taken to have
_PAGE_BYTES_MAX: Final = 65_536
_CHUNK_FRAMES: Final = 1_024
_INDEX_HEADER: Final = struct.Struct("=IIIBBHIIII8sII")  # in the machine's own order

Words = NDArray[np.uint32]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Header:
    page_bytes: int
    big_endian: bool
    salts: bytes
    checksum: tuple[int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Frames:
    """Some frames of a log, one element of each array for each."""

    pages: Words  # which page it holds
    is_commit: NDArray[np.bool_]  # the last of its transaction
    salts: list[bytes]
    checksums: Words  # shape (n, 2), as stored
    added: Words  # shape (n, 2), what its bytes add to the checksum before it
    data: NDArray[np.uint8]  # shape (n, page_bytes)


def log_damage(path: Path) -> str:
    """Return what is wrong with the log of a file, or nothing.

    A log may be written to meanwhile: what is wrong has to be so twice.

    Raises:
        JournalError: It cannot be read.
    """
    found = _damage(path)
    return found if found and _damage(path) == found else ""


def _damage(path: Path) -> str:
    log = path.with_name(path.name + "-wal")
    try:
        content = log.open("rb")
    except FileNotFoundError:
        return ""
    except OSError as error:
        raise file_refused("read", log, error) from None
    try:
        with content as file:
            start = file.read(_HEADER_BYTES)
            if len(start) < _HEADER_BYTES:
                return ""
            header = _header_of(start)
            if header is None:
                return _damage_without_header(path, file.fileno())
            return _damage_behind(header, path, file.fileno())
    except OSError as error:
        raise file_refused("read", log, error) from None


def _damage_behind(header: _Header, path: Path, descriptor: int) -> str:
    """Judge a log by what follows its first wrong frame."""
    good, commits, frame = -1, 0, 0
    checksum = np.array(header.checksum, dtype=np.uint32)
    for frames in _chunks(header, descriptor):
        for is_good, is_commit, salts in zip(
            _good(frames, header, checksum), frames.is_commit, frames.salts, strict=True
        ):
            if good < 0 and not (is_good and salts == header.salts):
                good = frame
            if good >= 0 and is_commit and salts == header.salts:
                commits += 1
            frame += 1
        checksum = frames.checksums[-1]
    if good < 0:
        good = frame
    synced = _synced_frames(path, header)
    if commits > 1 or good < synced:
        at = _HEADER_BYTES + good * (_FRAME_HEADER_BYTES + header.page_bytes)
        return f"its write-ahead log is damaged at byte {at}, and what followed was acknowledged"
    return ""


def _damage_without_header(path: Path, descriptor: int) -> str:
    """Judge a log without a header: one that was about to begin anew holds nothing of its own.

    Everything in such a log was copied into the file before. So it is damage if the file does
    not hold it.
    """
    header = _Header(
        page_bytes=_PAGE_BYTES,
        big_endian=sys.byteorder == "big",  # as SQLite writes it
        salts=b"",
        checksum=(0, 0),
    )
    with path.open("rb") as file:
        for page, data in _newest_pages(header, descriptor).items():
            file.seek((page - 1) * _PAGE_BYTES)
            if file.read(_PAGE_BYTES) != data:
                return "the header of its write-ahead log is damaged, and what it held is needed"
    return ""


def _newest_pages(header: _Header, descriptor: int) -> dict[int, bytes]:
    """Return the pages that a log committed, as far as its frames follow from the first."""
    committed: dict[int, bytes] = {}
    begun: dict[int, bytes] = {}
    salts = b""
    checksum: Words | None = None
    for frames in _chunks(header, descriptor):
        good = _good(frames, header, frames.checksums[0] if checksum is None else checksum)
        if checksum is None:
            salts, good[0] = frames.salts[0], True  # the first frame is taken at its word
        for number, is_good in enumerate(good):
            if not is_good or frames.salts[number] != salts:
                return committed
            begun[int(frames.pages[number])] = frames.data[number].tobytes()
            if frames.is_commit[number]:
                committed |= begun
                begun = {}
        checksum = frames.checksums[-1]
    return committed


def _synced_frames(path: Path, header: _Header) -> int:
    """Return how many frames the index beside the log says were synced; 0 if it does not say."""
    index = path.with_name(path.name + "-shm")
    try:
        with index.open("rb") as file:
            raw = file.read(2 * _INDEX_HEADER.size)
    except OSError:
        return 0
    one, other = raw[: _INDEX_HEADER.size], raw[_INDEX_HEADER.size :]
    if len(raw) < 2 * _INDEX_HEADER.size or one != other:
        return 0
    values = _INDEX_HEADER.unpack(one)
    words = np.frombuffer(one[:-8], dtype=np.uint32)
    if values[0] != _FORMAT or values[10] != header.salts:
        return 0
    return int(values[6]) if _checksum(words) == values[11:13] else 0


def _header_of(start: bytes) -> _Header | None:
    """Return what a log's header says, if it is whole."""
    magic, version, page_bytes, _ = struct.unpack(">IIII", start[:16])
    if magic & ~1 != _MAGIC or version != _FORMAT:
        return None
    big_endian = bool(magic & 1)
    words = np.frombuffer(start[:24], dtype=_order(big_endian=big_endian)).astype(np.uint32)
    checksum = struct.unpack(">II", start[24:])
    if _checksum(words) != checksum or not 0 < page_bytes <= _PAGE_BYTES_MAX:
        return None
    return _Header(
        page_bytes=page_bytes, big_endian=big_endian, salts=start[16:24], checksum=checksum
    )


def _chunks(header: _Header, descriptor: int) -> Iterator[_Frames]:
    """Yield the whole frames of a log."""
    frame_bytes = _FRAME_HEADER_BYTES + header.page_bytes
    weights = _weights(2 + header.page_bytes // 4)
    at = _HEADER_BYTES
    while True:
        raw = os.pread(descriptor, _CHUNK_FRAMES * frame_bytes, at)
        count = len(raw) // frame_bytes
        if not count:
            return
        at += count * frame_bytes
        table = np.frombuffer(raw, dtype=np.uint8, count=count * frame_bytes)
        table = table.reshape(count, frame_bytes)
        data = np.ascontiguousarray(table[:, _FRAME_HEADER_BYTES:])
        said = np.ascontiguousarray(table[:, :_FRAME_HEADER_BYTES]).view(">u4").astype(np.uint32)
        order = _order(big_endian=header.big_endian)
        summed = np.hstack([np.ascontiguousarray(table[:, :8]), data]).view(order)
        words = summed.astype(np.uint32)
        yield _Frames(
            pages=said[:, 0],
            is_commit=said[:, 1] != 0,
            salts=[bytes(row) for row in table[:, 8:16]],
            checksums=said[:, 4:6],
            added=np.stack(
                [(words * weight).sum(axis=1, dtype=np.uint32) for weight in weights], 1
            ),
            data=data,
        )


def _order(*, big_endian: bool) -> str:
    return ">u4" if big_endian else "<u4"


def _good(frames: _Frames, header: _Header, before: Words) -> NDArray[np.bool_]:
    """Return which frames have the checksum that follows from the one before it."""
    power = _power(1 + header.page_bytes // 8)
    stored = np.vstack([before[np.newaxis], frames.checksums[:-1]])
    expected = frames.added + np.stack(
        [
            stored[:, 0] * power[0][0] + stored[:, 1] * power[0][1],
            stored[:, 0] * power[1][0] + stored[:, 1] * power[1][1],
        ],
        axis=1,
    )
    good: NDArray[np.bool_] = (expected == frames.checksums).all(axis=1)
    return good


def _weights(words: int) -> Words:
    """Return what each word of a frame adds to the two sums of the checksum, shape (2, words).

    One step of the checksum takes two words: ``a' = a + b + x0; b' = a' + b + x1``. So it is
    linear, and a word counts as often as the steps behind it repeat it.
    """
    found = []
    a, b, c, d = 1, 0, 0, 1  # the matrix of the steps behind: (a b; c d)
    for _ in range(words // 2):
        found += [(b, d), (a + b, c + d)]
        a, b, c, d = (x & 0xFFFF_FFFF for x in (a + b, a + 2 * b, c + d, c + 2 * d))
    return np.array(found[::-1], dtype=np.uint64).astype(np.uint32).T


def _power(steps: int) -> Words:
    """Return what so many steps do to the two sums they begin with, shape (2, 2)."""
    a, b, c, d = 1, 0, 0, 1
    for _ in range(steps):
        a, b, c, d = (x & 0xFFFF_FFFF for x in (a + b, a + 2 * b, c + d, c + 2 * d))
    return np.array([[a, b], [c, d]], dtype=np.uint32)


def _checksum(words: Words) -> tuple[int, int]:
    """Return the checksum of a few words."""
    first, second = 0, 0
    for one, other in zip(words[::2].tolist(), words[1::2].tolist(), strict=True):
        first = (first + one + second) & 0xFFFF_FFFF
        second = (second + other + first) & 0xFFFF_FFFF
    return first, second
