"""Columns of the names of orders and signals (``runtime.ids``)."""

import numpy as np
import polars as pl
from numpy.typing import NDArray

from interlock.kernel.records import SUBS
from interlock.runtime.ids import DIGITS, base32


def _all_base32(numbers: NDArray[np.int64]) -> pl.Series:
    """Return many numbers in base 32; ``base32`` one by one takes seconds for a long run."""
    width = len(base32(int(numbers.max()))) if len(numbers) else 1
    places = np.arange(width - 1, -1, -1, dtype=np.int64) * 5
    letters = np.frombuffer(DIGITS.encode(), dtype=np.uint8)[(numbers[:, None] >> places) & 31]
    padded = letters.reshape(-1).view(f"S{width}").astype(f"U{width}")
    found = pl.Series(padded.tolist(), dtype=pl.String).str.strip_chars_start("0")
    return found.replace("", "0")


def order_names(name: str, order_ids: NDArray[np.int64]) -> pl.Series:
    """Return a column of the ids of the kernel's orders.

    >>> order_names("id", np.array([1_000_000 * 4096 + 2, 4097])).to_list()
    ['o-YGJ0-2', 'o-1-1']
    """
    seqs, subs = _all_base32(order_ids // SUBS), _all_base32(order_ids % SUBS)
    return ("o-" + seqs + "-" + subs).alias(name)


def signal_names(name: str, seqs: NDArray[np.int64]) -> pl.Series:
    """Return a column of the ids of signals.

    >>> signal_names("id", np.array([0, 31, 32])).to_list()
    ['s-0', 's-Z', 's-10']
    """
    return ("s-" + _all_base32(seqs)).alias(name)
