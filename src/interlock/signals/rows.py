"""From signals to the kernel's rows: prices become ticks here, rounded toward less risk."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from interlock.data.merge import Position
from interlock.kernel.codes import BUY, Flag, Kind
from interlock.kernel.records import Rows, rows
from interlock.kernel.units import PRICE_TICKS_MAX
from interlock.signals.frames import StrategyError
from interlock.signals.signal import Signals

# Relative: a price this close to a tick is meant to be on it. A few roundings of a float, not more:
# prices of 10^9 ticks and above must still round the way they are told to.
GRID_TOLERANCE: Final = 16 * 2.0**-52
EDGE_BPS_MAX: Final = 1_000_000.0


def _to_ticks(
    name: str, prices: NDArray[np.float64], upward: NDArray[np.bool_], price_digits: int
) -> NDArray[np.int64]:
    """Return prices in ticks of 10^-price_digits, 0 for NaN, rounded up or down each."""
    ticks = prices * float(10**price_digits)
    nearest = np.rint(ticks)
    on_grid = np.abs(ticks - nearest) <= GRID_TOLERANCE * np.abs(ticks)
    rounded = np.where(on_grid, nearest, np.where(upward, np.ceil(ticks), np.floor(ticks)))
    stated = ~np.isnan(prices)
    bad = stated & ~((rounded >= 1.0) & (rounded <= PRICE_TICKS_MAX))
    if bad.any():
        raise StrategyError(
            f"a signal's {name} must be from 1 to {PRICE_TICKS_MAX} ticks of 1e-{price_digits}, "
            f"was {prices[int(np.argmax(bad))]}. Next: correct the strategy, or the instrument's "
            "price digits."
        )
    return np.where(stated, rounded, 0.0).astype(np.int64)


def stop_to_ticks(
    prices: NDArray[np.float64], sides: NDArray[np.int8], *, price_digits: int
) -> NDArray[np.int64]:
    """Return protective stops in ticks, each rounded toward the entry, 0 for NaN.

    A long position's stop lies below its entry and rounds up, a short one's lies above and
    rounds down, so that the loss per unit at the stop is never larger than the one proposed.

    Args:
        prices: Shape (n,), > 0 or NaN.
        sides: Shape (n,), BUY or SELL: of the entry.
        price_digits: A tick is 10^-price_digits.

    >>> stop_to_ticks(np.array([9.871, 9.871, 9.87]), np.array([1, -1, -1]), price_digits=2)
    array([988, 987, 987])
    """
    return _to_ticks("stop", prices, sides == BUY, price_digits)


def target_to_ticks(
    prices: NDArray[np.float64], sides: NDArray[np.int8], *, price_digits: int
) -> NDArray[np.int64]:
    """Return targets in ticks, each rounded toward the entry, 0 for NaN.

    A long position's target rounds down, a short one's up, so that it is reached no later and
    the gain that it promises is never larger than the one proposed.

    >>> target_to_ticks(np.array([9.871, 9.871]), np.array([1, -1]), price_digits=2)
    array([987, 988])
    """
    return _to_ticks("target", prices, sides != BUY, price_digits)


def edge_to_bps(edges: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return stated edges in whole basis points, rounded down, 0 for NaN.

    >>> edge_to_bps(np.array([12.9, -0.1, np.nan]))
    array([12, -1,  0])
    """
    limited = np.clip(np.nan_to_num(edges, nan=0.0), -EDGE_BPS_MAX, EDGE_BPS_MAX)
    return np.floor(limited).astype(np.int64)


def to_rows(
    signals: Signals,
    *,
    instrument: int,
    strategy: int,
    price_digits: int,
    position: Position,
    close_ns: NDArray[np.int64],
) -> tuple[Rows, NDArray[np.int64]]:
    """Return signals as kernel rows, and where each belongs on the tape of all bars.

    A signal happens when its bar closes. One that may only close a position proposes no stop, no
    target and no edge.

    Args:
        signals: Of one strategy on one instrument.
        instrument: Its index in the policy's table.
        strategy: Its index in the policy's table.
        price_digits: A tick is 10^-price_digits.
        position: Where each of the instrument's n bars is on the tape (``data.merge``).
        close_ns: Shape (n,), when each of them closed.

    Returns:
        Rows of Kind.SIGNAL, one per signal, and the tape positions of their bars.
    """
    assert signals.index.size == 0 or signals.index[-1] < close_ns.size
    if isinstance(position, slice):
        assert position.step in {None, 1}
        places = signals.index + (position.start or 0)
    else:
        assert position.shape == close_ns.shape
        places = position[signals.index]
    entry = ~signals.exit_only
    edges = np.where(entry, signals.edge_bps, np.nan)
    table = rows(signals.index.size)
    table["kind"] = Kind.SIGNAL
    table["instrument"] = instrument
    table["strategy"] = strategy
    table["side"] = signals.side
    table["flags"] = np.where(entry, 0, int(Flag.EXIT_ONLY))
    table["ts_ns"] = close_ns[signals.index]
    table["src_ts_ns"] = table["ts_ns"]
    table["edge_bps"] = edge_to_bps(edges)
    table["has_edge"] = ~np.isnan(edges)
    table["stop_ticks"] = stop_to_ticks(
        np.where(entry, signals.stop, np.nan), signals.side, price_digits=price_digits
    )
    table["target_ticks"] = target_to_ticks(
        np.where(entry, signals.target, np.nan), signals.side, price_digits=price_digits
    )
    table["score"] = np.nan_to_num(signals.score, nan=0.0)
    return table, places
