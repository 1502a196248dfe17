"""The account over time: drawdown, the Sharpe ratio, and curves thin enough to draw."""

import math
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from interlock.research.tables import floats, money, times

POINTS_MAX: Final = 20_000  # of a curve or of bars, for a report
_KEPT: Final = 4  # of each part of a curve: lowest, highest, deepest drawdown, last
DAYS_ALWAYS: Final = 365  # a year of days, where every market is always open
DAYS_TRADED: Final = 252
_DAYS_MIN: Final = 2

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


def drawdowns(equity_units: Ints, start_units: int) -> Floats:
    """Return the fall from the running peak after each bar, as a fraction of the peak.

    Args:
        equity_units: Shape (n,), after each bar.
        start_units: Before the first bar, > 0.

    Returns:
        Shape (n,), >= 0; above 1 where more was lost than there was.

    >>> drawdowns(np.array([120, 90, 130, 65]), 100).tolist()
    [0.0, 0.25, 0.0, 0.5]
    """
    assert start_units > 0
    peak = np.maximum.accumulate(equity_units)
    np.maximum(peak, start_units, out=peak)
    fallen: Floats = peak - equity_units.astype(np.float64)
    fallen /= peak
    return fallen


def daily_returns(
    equity_units: Ints, start_units: int, close_ns: Ints, day_ns: Ints
) -> Floats | None:
    """Return the returns from one boundary of the account's days to the next.

    A day on which no bar closed is no day: its return would be a zero that nobody earned.

    Args:
        equity_units: Shape (n,), n >= 1, after each bar.
        start_units: Before the first bar.
        close_ns: Shape (n,), when each bar closed, never falling.
        day_ns: Shape (d,), rising: when the account's days began.

    Returns:
        One per day with a bar; None if the account was ever empty at a boundary.
    """
    last = np.searchsorted(close_ns, day_ns, side="right") - 1
    ends = np.unique(np.append(last[last >= 0], len(close_ns) - 1))
    values = np.append(float(start_units), equity_units[ends].astype(np.float64))
    if not (values > 0).all():
        return None
    return np.asarray(np.diff(values) / values[:-1])


def sharpe(returns: Floats | None, days_a_year: int) -> float | None:
    """Return the Sharpe ratio per year, without a risk-free rate; None where it means nothing.

    Mean over standard deviation (of a sample) of daily returns, times the square root of the days
    in a year.

    Source:
        Sharpe, "The Sharpe Ratio", The Journal of Portfolio Management 21(1), 1994; scaled by
        time as in its section on time dependence.

    >>> round(sharpe(np.array([0.01, -0.005, 0.01]), 252), 2)
    9.17
    """
    if returns is None or len(returns) < _DAYS_MIN:
        return None
    deviation = float(returns.std(ddof=1))
    if not deviation > 0:
        return None
    return float(returns.mean()) / deviation * math.sqrt(days_a_year)


def _kept(equity_units: Ints, fallen: Floats) -> Ints:
    """Return which points of the curve to draw: all, or the extremes of equal parts of it."""
    count = len(equity_units)
    if count <= POINTS_MAX:
        return np.arange(count, dtype=np.int64)
    edges = np.linspace(0, count, POINTS_MAX // _KEPT + 1).astype(np.int64)
    places = []
    for begin, end in zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True):
        part = equity_units[begin:end]
        places += [
            begin + int(part.argmin()),
            begin + int(part.argmax()),
            begin + int(fallen[begin:end].argmax()),
            end - 1,
        ]
    return np.unique(np.array(places, dtype=np.int64))


def equity_table(equity_units: Ints, fallen: Floats, close_ns: Ints) -> pl.DataFrame:
    """Return the equity curve (columns: ``results.Results.equity``)."""
    kept = _kept(equity_units, fallen)
    return pl.DataFrame(
        [
            times("ts", close_ns[kept]),
            floats("equity", money(equity_units[kept])),
            floats("drawdown_pct", 100.0 * fallen[kept]),
        ]
    )


def joined_bars(frame: pl.DataFrame) -> tuple[pl.DataFrame, int]:
    """Return bars for a report: as they are, or so many joined into one that they can be drawn.

    Returns:
        The bars, and how many of the file one of them is.
    """
    size = -(-frame.height // POINTS_MAX)
    if size <= 1:
        return frame, 1
    part = (pl.int_range(pl.len()) // size).alias("part")
    joined = frame.group_by(part, maintain_order=True).agg(
        pl.col("ts", "open").first(),
        pl.col("high").max(),
        pl.col("low").min(),
        pl.col("close").last(),
        pl.col("volume").sum(),
    )
    return joined.drop("part"), size
