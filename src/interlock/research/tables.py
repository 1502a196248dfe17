"""From a run's log to columns: names for numbers, money and prices as floats, times as times."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import IntEnum

import numpy as np
import polars as pl
from numpy.typing import NDArray

from interlock.config.convert import UNITS_PER_CURRENCY
from interlock.data.instruments import Instrument

TIME = pl.Datetime("ns", "UTC")

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


def times(name: str, ts_ns: Ints, known: NDArray[np.bool_] | None = None) -> pl.Series:
    """Return a column of moments; null where not known."""
    column = pl.Series(name, np.ascontiguousarray(ts_ns)).cast(TIME)
    return column if known is None else column.set(pl.Series(~known), None)


def floats(name: str, values: Floats, known: NDArray[np.bool_] | None = None) -> pl.Series:
    """Return a column of numbers; null where not known."""
    column = pl.Series(name, values, dtype=pl.Float64)
    return column if known is None else column.set(pl.Series(~known), None)


def names(name: str, codes: NDArray[np.integer], known: type[IntEnum]) -> pl.Series:
    """Return a column of the names that an enumeration gives its numbers."""
    return look_up(name, codes, {int(member): member.name for member in known})


def look_up(name: str, codes: NDArray[np.integer], words: dict[int, str]) -> pl.Series:
    """Return a column of words for numbers; null for a number without one."""
    column = pl.Series(name, codes.astype(np.int64))
    return column.replace_strict(
        list(words), list(words.values()), default=None, return_dtype=pl.String
    )


def texts(name: str, values: Iterable[str | None]) -> pl.Series:
    """Return a column of text."""
    return pl.Series(name, list(values), dtype=pl.String)


def money(units: Ints | int) -> Floats:
    """Return account units as an amount of its currency."""
    return np.asarray(units / float(UNITS_PER_CURRENCY))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Scales:
    """How the numbers of every instrument of a run are written; arrays by instrument number."""

    symbols: dict[int, str]
    price: Floats  # ticks in one unit of the quote currency
    qty: Floats  # lots in one unit of the base
    notional: Floats  # currency per tick and lot

    def prices(
        self, ticks: NDArray[np.integer] | Floats, instrument: NDArray[np.integer]
    ) -> Floats:
        """Return prices."""
        return np.asarray(ticks / self.price[instrument])

    def quantities(self, lots: NDArray[np.integer], instrument: NDArray[np.integer]) -> Floats:
        """Return quantities."""
        return np.asarray(lots / self.qty[instrument])


def scales_of(instruments: Sequence[Instrument]) -> Scales:
    """Return the scales of a run's instruments."""
    ratios = [one.unit_ratio() for one in instruments]
    return Scales(
        symbols={number: one.symbol for number, one in enumerate(instruments)},
        price=np.array([10.0**one.price_digits for one in instruments]),
        qty=np.array([10.0**one.qty_digits for one in instruments]),
        notional=np.array([num / den / UNITS_PER_CURRENCY for num, den in ratios]),
    )
