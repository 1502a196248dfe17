"""Prices and volumes as whole numbers, block by block so that no second copy is ever held."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final, TypeAlias

import numpy as np
import polars as pl
from numpy.typing import NDArray

from interlock.data.columns import PRICES
from interlock.data.errors import BarError
from interlock.data.instruments import DIGITS_MAX
from interlock.kernel.units import PRICE_TICKS_MAX, QTY_LOTS_MAX

Floats: TypeAlias = NDArray[np.float64]
Ints: TypeAlias = NDArray[np.int64]

GRID_RELATIVE: Final = 1e-9  # how far from its grid a price may be, of itself: float noise
MOSTLY: Final = 0.99  # of the prices on a grid: --repair rounds the others onto it
BLOCK_ROWS: Final = 32_768  # a block's scratch arrays stay in the processor's cache
SAMPLE_ROWS: Final = 4_096


def blocks(column: pl.Series) -> Iterator[tuple[int, int, Floats]]:
    """Yield (from, to, values) of a float column without nulls."""
    for begin in range(0, len(column), BLOCK_ROWS):
        values = column.slice(begin, BLOCK_ROWS).to_numpy()
        yield begin, begin + len(values), values


def _off_grid(values: Floats, digits: int) -> NDArray[np.bool_]:
    """Return where a value is further than float noise from a multiple of 10^-digits."""
    scaled = values * 10.0**digits
    away = np.rint(scaled)
    away -= scaled
    np.abs(away, out=away)
    scaled *= GRID_RELATIVE
    found: NDArray[np.bool_] = away > scaled
    return found


def count_off_grid(frame: pl.DataFrame, digits: int) -> int:
    """Return how many of the 4n prices are not multiples of 10^-digits."""
    return sum(
        int(np.count_nonzero(_off_grid(values, digits)))
        for name in PRICES
        for _, _, values in blocks(frame[name])
    )


def _fits(frame: pl.DataFrame, digits: int) -> bool:
    """Whether every price is on the grid; stops at the first block that is not."""
    return not any(
        _off_grid(values, digits).any() for name in PRICES for _, _, values in blocks(frame[name])
    )


def price_digits(path: Path, frame: pl.DataFrame, *, repair: bool) -> int:
    """Return the fewest digits d <= 8 with every price within 1e-9 of a multiple of 10^-d.

    Args:
        path: Named in messages.
        frame: Prices, float64, > 0.
        repair: Take the fewest digits that hold 99% of the prices instead of failing, or, where
            none do (adjusted prices), the most that fit.

    Raises:
        BarError: No such d, without repair.
    """
    sample = frame.head(SAMPLE_ROWS)
    for digits in range(DIGITS_MAX + 1):
        if _fits(sample, digits) and _fits(frame, digits):
            return digits
    if not repair:
        raise _off_grid_error(path, frame, DIGITS_MAX, "Prices must have at most 8 digits")
    total = len(PRICES) * frame.height
    for digits in range(DIGITS_MAX + 1):
        if count_off_grid(frame, digits) <= (1 - MOSTLY) * total:
            return digits
    highest = frame.select(pl.max_horizontal(pl.col(PRICES).max())).item()
    return max(d for d in range(DIGITS_MAX + 1) if d == 0 or highest * 10**d <= PRICE_TICKS_MAX)


def _off_grid_error(path: Path, frame: pl.DataFrame, digits: int, rule: str) -> BarError:
    """Name the first price in file order that is off the grid."""
    found: list[tuple[int, str, float]] = []
    for name in PRICES:
        for begin, _, values in blocks(frame[name]):
            off = _off_grid(values, digits)
            if off.any():
                at = int(np.argmax(off))
                found.append((begin + at, name, float(values[at])))
                break
    row, name, value = min(found)
    count = count_off_grid(frame, digits)
    return BarError(
        f"{path} row {row + 1}: {rule}; {name} was {value!r}, and {count:,} of "
        f"{len(PRICES) * frame.height:,} prices are like it (adjusted or 32-bit prices?). Next: "
        f"set price_digits in the instruments file, or --repair rounds them."
    )


def fill_prices(
    path: Path, frame: pl.DataFrame, bars: NDArray[np.void], digits: int, *, repair: bool
) -> int:
    """Write the four prices into ``bars`` in units of 10^-digits.

    Args:
        path: Named in messages.
        frame: Shape (n,), prices as float64, > 0.
        bars: Shape (n,), fields open, high, low, close as int64; written.
        digits: Of a price unit.
        repair: Round prices that are off the grid instead of failing.

    Returns:
        How many prices were rounded; 0 without repair.

    Raises:
        BarError: A price off the grid, or one that is zero or above 2^40 units.
    """
    rounded = 0
    scale = 10.0**digits
    scratch = np.empty(min(BLOCK_ROWS, frame.height))
    for name in PRICES:
        out = bars[name]
        for begin, end, values in blocks(frame[name]):
            units = np.multiply(values, scale, out=scratch[: end - begin])
            np.rint(units, out=units)
            if units.max() > PRICE_TICKS_MAX or units.min() < 1:
                at = int(np.argmax((units > PRICE_TICKS_MAX) | (units < 1)))
                raise BarError(
                    f"{path} row {begin + at + 1}: {name} must be between 1 and 2^40 units of "
                    f"10^-{digits}, was {values[at]:g}. Next: set fewer or more price_digits in "
                    "the instruments file."
                )
            off = int(np.count_nonzero(_off_grid(values, digits)))
            if off and not repair:
                rule = f"prices must be multiples of 10^-{digits}"
                raise _off_grid_error(path, frame, digits, rule)
            rounded += off
            out[begin:end] = units
    return rounded


def fill_volume(frame: pl.DataFrame, out: Ints, digits: int) -> tuple[int, int]:
    """Write volume into ``out`` in lots of 10^-digits, rounded down, at most 2^40.

    Less volume means smaller fills, so both are on the side of caution.

    Returns:
        (bars whose volume was capped, bars whose volume was not a whole number of lots).
    """
    capped, cut = 0, 0
    scale = 10.0**digits
    for begin, end, values in blocks(frame["volume"]):
        lots = values * scale
        whole = np.floor(lots + lots * GRID_RELATIVE)  # float noise below a lot is not cut
        cut += int(np.count_nonzero(lots - whole > lots * GRID_RELATIVE))
        capped += int(np.count_nonzero(whole > QTY_LOTS_MAX))
        out[begin:end] = np.minimum(whole, QTY_LOTS_MAX)
    return capped, cut
