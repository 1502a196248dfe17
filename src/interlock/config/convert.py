"""From what people write to the kernel's integers, exactly: nothing is rounded, except lots down.

``None`` (not set) becomes 0, which denies; ``none`` becomes ``LIMIT_NONE``.
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, Final

import numpy as np

from interlock.config.amounts import plain
from interlock.config.errors import PolicyError
from interlock.kernel.units import LIMIT_NONE, NS_PER_MINUTE, NS_PER_SECOND, PPM, QTY_LOTS_MAX

UNITS_PER_CURRENCY: Final = 10**8
_PPM_PER_PERCENT: Final = 10_000
_PPM_PER_BP: Final = 100
_MS_PER_SECOND: Final = 1_000
_INT64_MAX: Final = 2**63 - 1


def _scaled(values: Sequence[Decimal | int | str | None], scale: int) -> int:
    """Return the first value that is set, times ``scale``.

    The models have seen to it that this is a whole number.
    """
    value = next((value for value in values if value is not None), None)
    if value is None:
        return 0
    if isinstance(value, str):
        return LIMIT_NONE
    product = Decimal(value) * scale
    whole = int(product)
    assert whole == product
    return whole


def money_units(*values: Decimal | str | None) -> int:
    """Return the first amount of money that is set, in account units of 1e-8."""
    return _scaled(values, UNITS_PER_CURRENCY)


def fraction_ppm(*values: Decimal | str | None) -> int:
    """Return the first fraction (or leverage) that is set, in parts per million."""
    return _scaled(values, PPM)


def percent_ppm(value: Decimal) -> int:
    """Return per cents in parts per million."""
    return _scaled((value,), _PPM_PER_PERCENT)


def bps_ppm(*values: Decimal | None) -> int:
    """Return the first basis points that are set, in parts per million."""
    return _scaled(values, _PPM_PER_BP)


def counted(*values: int | str | None) -> int:
    """Return the first count that is set."""
    return _scaled(values, 1)


def seconds_ns(*values: Decimal | None) -> int:
    """Return the first seconds that are set, in nanoseconds."""
    return _scaled(values, NS_PER_SECOND)


def seconds_ms(value: Decimal) -> int:
    """Return seconds in milliseconds."""
    return _scaled((value,), _MS_PER_SECOND)


def minutes_ns(value: int) -> int:
    """Return minutes in nanoseconds."""
    return _scaled((value,), NS_PER_MINUTE)


def lots(*values: Decimal | str | None, qty_digits: int, symbol: str) -> int:
    """Return the first quantity of the asset that is set, in lots of 10^-qty_digits, cut down.

    More than the kernel can count is cut to what it can.

    Raises:
        PolicyError: The quantity is not zero and less than one lot.
    """
    value = next((value for value in values if value is not None), None)
    if value is None or isinstance(value, str):
        return _scaled((value,), 1)
    whole = int(value.scaleb(qty_digits))
    if whole == 0 and value > 0:
        raise PolicyError(
            f"{symbol}: a quantity limit must be 0 or at least one unit of "
            f"{plain(Decimal(1).scaleb(-qty_digits))}, was {plain(value)}."
        )
    return min(whole, QTY_LOTS_MAX)


def first_flag(*values: bool | None) -> bool:
    """Return the first flag that is set; none set is false."""
    return next((value for value in values if value is not None), False)


def fill(row: Any, values: Mapping[str, int | float]) -> None:
    """Write ``values`` into a record's fields; a float never reaches an integer's field.

    numpy would cut 2.9 to 2 without a word.
    """
    for name, value in values.items():
        if row.dtype[name] == np.int64:
            assert isinstance(value, int)
            assert abs(value) <= _INT64_MAX
        row[name] = value
