"""Which rows a venue's feed numbers: market data and the calendar of a recording."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from interlock.kernel.codes import Kind
from interlock.kernel.records import Rows

FED_KINDS: Final = (
    *map(int, (Kind.BAR, Kind.QUOTE, Kind.TRADE, Kind.DAY, Kind.SESSION_OPEN)),
    *map(int, (Kind.SESSION_CLOSE, Kind.BLACKOUT_START, Kind.BLACKOUT_END)),
)
_IS_FED: Final = np.zeros(128, dtype=np.bool_)  # by kind
_IS_FED[list(FED_KINDS)] = True


def is_fed(rows: Rows) -> NDArray[np.bool_]:
    """Return which rows carry a number of the venue's feed; shape (n,)."""
    found: NDArray[np.bool_] = _IS_FED[rows["kind"]] & (rows["ext_lo"] > 0)
    return found
