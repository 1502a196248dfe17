"""Where in a SQLite file the rows of a table lie, worked out from the file format alone.

Source: sqlite.org/fileformat2.html, sections 1.5 (b-tree pages) and 1.6 (overflow pages).
"""

from collections.abc import Iterator
from typing import Final

_INTERIOR: Final = 0x05
_LEAF: Final = 0x0D
_FILE_HEADER_BYTES: Final = 100


def row_bytes(file: bytes, root: int) -> Iterator[range]:
    """Yield the places of every row of a table: its number, and what its columns hold.

    Between the two lies a header of SQLite's that says which column has which size. It has bits
    that mean nothing, such as those of the column that holds the number already.

    Args:
        file: A whole database without a log beside it.
        root: Number of the table's first page, from 1.
    """
    page_bytes = int.from_bytes(file[16:18], "big")
    usable = page_bytes - file[20]
    start = (root - 1) * page_bytes
    head = start + (_FILE_HEADER_BYTES if root == 1 else 0)
    kind = file[head]
    assert kind in {_INTERIOR, _LEAF}
    cells = int.from_bytes(file[head + 3 : head + 5], "big")
    pointers = head + (12 if kind == _INTERIOR else 8)
    for number in range(cells):
        at = pointers + 2 * number
        cell = start + int.from_bytes(file[at : at + 2], "big")
        if kind == _INTERIOR:
            yield from row_bytes(file, int.from_bytes(file[cell : cell + 4], "big"))
        else:
            yield from _cell(file, cell, page_bytes, usable)
    if kind == _INTERIOR:
        yield from row_bytes(file, int.from_bytes(file[head + 8 : head + 12], "big"))


def _cell(file: bytes, cell: int, page_bytes: int, usable: int) -> Iterator[range]:
    size, at = _varint(file, cell)
    yield range(cell, at)
    _, begin = _varint(file, at)
    yield range(at, begin)
    header_bytes, _ = _varint(file, begin)
    most = usable - 35
    local = size
    if size > most:
        least = (usable - 12) * 32 // 255 - 23
        local = least + (size - least) % (usable - 4)
        local = local if local <= most else least
    yield range(begin + header_bytes, begin + local)
    rest = size - local
    page = int.from_bytes(file[begin + local : begin + local + 4], "big")
    while rest:
        start = (page - 1) * page_bytes
        part = min(rest, usable - 4)
        yield range(start + 4, start + 4 + part)
        rest -= part
        page = int.from_bytes(file[start : start + 4], "big")


def _varint(file: bytes, at: int) -> tuple[int, int]:
    """Return a number of variable length, and the place behind it."""
    value = 0
    for place in range(at, at + 8):
        value = value << 7 | file[place] & 0x7F
        if file[place] < 0x80:
            return value, place + 1
    return value << 8 | file[at + 8], at + 9
