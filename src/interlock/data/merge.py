"""Several instruments in one run: all bars in one array, ordered by when each one closed."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from interlock.data.bars import BarSet

BAR: Final = np.dtype(
    [
        (name, np.int64)
        for name in (
            "close_ns",  # UTC; when it is known, and so its place among the others
            "open_ns",  # UTC
            "instrument",  # index of its set
            "open",  # price units
            "high",
            "low",
            "close",
            "volume",  # quantity units
        )
    ],
    align=True,
)
BAR_BYTES: Final = 64
assert BAR.itemsize == BAR_BYTES  # one line of the processor's cache

Bars: TypeAlias = NDArray[np.void]  # shape (n,), dtype BAR
Position: TypeAlias = slice | NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Merged:
    """The bars of a run.

    Attributes:
        bars: Shape (n,), dtype BAR, ``close_ns`` never falling; at the same close the set with
            the lower index comes first.
        positions: For each set where its bars are: ``merged[positions[i]]`` are its bars in its
            order, so ``column[positions[i]] = signals`` places them. A slice for a single set, else
            indexes of shape (length of the set,).
    """

    bars: Bars
    positions: tuple[Position, ...]


def merge(sets: Sequence["BarSet"]) -> Merged:
    """Return the bars of all sets by the time they closed.

    One set is returned as it is, without a copy. Of several the result is a new array; the sets
    stay as they are, and may be dropped.

    Args:
        sets: At least one; the index of a set becomes its bars' ``instrument``.
    """
    assert sets
    if len(sets) == 1:
        bars = sets[0].bars
        bars["instrument"] = 0
        return Merged(bars=bars, positions=(slice(0, len(bars)),))
    for index, each in enumerate(sets):
        each.bars["instrument"] = index
    if _in_step(sets):
        return _interleaved(sets)
    total = sum(len(each) for each in sets)
    closes = np.concatenate([each.close_ns for each in sets])
    # Each set is already in order, which this sort (timsort) finds and uses. Stable, so that
    # equal closes stay in the order of the sets.
    order = np.argsort(closes, kind="stable")
    del closes
    place = np.empty(total, dtype=np.int64)
    place[order] = np.arange(total)
    del order
    merged = np.empty(total, dtype=BAR)
    table = _as_table(merged)
    positions = np.split(place, np.cumsum([len(each) for each in sets])[:-1])
    for each, position in zip(sets, positions, strict=True):
        table[position] = _as_table(each.bars)
    return Merged(bars=merged, positions=tuple(positions))


def _as_table(bars: Bars) -> NDArray[np.int64]:
    """Return the same memory as shape (n, 8): numpy moves plain rows several times faster."""
    return bars.view(np.int64).reshape(len(bars), len(BAR.names or ()))


def _in_step(sets: Sequence["BarSet"]) -> bool:
    """Whether all sets close at the very same moments, as coins over one span do."""
    first = sets[0].close_ns
    return all(np.array_equal(first, each.close_ns) for each in sets[1:])


def _interleaved(sets: Sequence["BarSet"]) -> Merged:
    """Return the merge of sets in step: the first bar of each, then the second of each, ..."""
    count = len(sets)
    merged = np.empty(count * len(sets[0]), dtype=BAR)
    table = _as_table(merged)
    for index, each in enumerate(sets):
        table[index::count] = _as_table(each.bars)
    positions = tuple(np.arange(index, len(merged), count) for index in range(count))
    return Merged(bars=merged, positions=positions)
