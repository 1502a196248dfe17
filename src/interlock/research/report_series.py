"""Time series for the report: fewer points than the run has, and no extreme lost."""

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import polars as pl

EQUITY_POINTS_MAX: Final = 12_000
BARS_MAX: Final = 40_000  # of all symbols together; about 2 MB of the page
PRICE_DIGITS: Final = 9
MONEY_DIGITS: Final = 10


def times(ts: pl.Series) -> dict[str, Any]:
    """Return times as a start and steps in the largest unit that fits, in milliseconds.

    >>> from datetime import UTC, datetime
    >>> days = [datetime(2024, 1, day, tzinfo=UTC) for day in (1, 2, 5)]
    >>> times(pl.Series(days))
    {'start': 1704067200000, 'unit': 86400000, 'steps': [0, 1, 3]}
    """
    if ts.len() == 0:
        return {"start": 0, "unit": 1, "steps": []}
    moments = ts.dt.epoch("ms").to_numpy().astype(np.int64)
    steps = np.diff(moments, prepend=moments[:1])
    unit = max(1, int(np.gcd.reduce(steps)))
    return {"start": int(moments[0]), "unit": unit, "steps": (steps // unit).tolist()}


def numbers(column: pl.Series, digits: int) -> list[float | None]:
    """Return a column with so many significant digits; None for what is no finite number."""
    wide = column.cast(pl.Float64)
    return wide.set(~wide.is_finite(), None).round_sig_figs(digits).to_list()


def equity_data(equity: pl.DataFrame) -> dict[str, Any]:
    """Return equity and drawdown, every extreme kept."""
    thin = thinned(equity, EQUITY_POINTS_MAX)
    return {
        "times": times(thin["ts"]),
        "equity": numbers(thin["equity"], MONEY_DIGITS),
        "drawdown_pct": numbers(thin["drawdown_pct"], 5),
    }


def thinned(equity: pl.DataFrame, rows_max: int) -> pl.DataFrame:
    """Return at most about ``rows_max`` rows: per group the first, the extremes and the last."""
    if equity.height <= rows_max:
        return equity
    group = -(-equity.height * 4 // rows_max)
    keep = (
        equity.lazy()
        .with_row_index("row")
        .group_by(pl.col("row") // group)
        .agg(
            pl.col("row").first().alias("first"),
            pl.col("row").get(pl.col("equity").arg_min()).alias("lowest"),
            pl.col("row").get(pl.col("drawdown_pct").arg_max()).alias("deepest"),
            pl.col("row").last().alias("last"),
        )
        .collect()
    )
    names = ("first", "lowest", "deepest", "last")
    rows = pl.concat([keep[name] for name in names]).drop_nulls().unique().sort()
    return equity[rows]


def bars_data(bars: Mapping[str, pl.DataFrame], joined: Mapping[str, int]) -> list[dict[str, Any]]:
    """Return per symbol its bars, joined further where all of them would make the page heavy."""
    share = max(2, BARS_MAX // max(1, len(bars)))
    data = []
    for symbol, frame in bars.items():
        factor = max(1, -(-frame.height // share))
        thin = frame if factor == 1 else joined_bars(frame, factor)
        data.append(
            {
                "symbol": symbol,
                "joined": joined.get(symbol, 1) * factor,
                "times": times(thin["ts"]),
                "open": numbers(thin["open"], PRICE_DIGITS),
                "high": numbers(thin["high"], PRICE_DIGITS),
                "low": numbers(thin["low"], PRICE_DIGITS),
                "close": numbers(thin["close"], PRICE_DIGITS),
            }
        )
    return data


def joined_bars(frame: pl.DataFrame, factor: int) -> pl.DataFrame:
    """Return bars of which each is ``factor`` bars: first open, extremes, last close."""
    assert factor >= 1
    return (
        frame.lazy()
        .with_row_index("row")
        .group_by(pl.col("row") // factor, maintain_order=True)
        .agg(
            pl.col("ts").first(),
            pl.col("open").first(),
            pl.col("high").max(),
            pl.col("low").min(),
            pl.col("close").last(),
        )
        .collect()
    )


def months(equity: pl.DataFrame, *, equity_start: float) -> list[dict[str, Any]]:
    """Return per year the return of each month and of the year, in per cent.

    A month counts from the last equity of the month before (the first one from the start); a
    month without a value, or after an equity that is not positive, is None.
    """
    if equity.height == 0:
        return []
    ends = (
        equity.lazy()
        .filter(pl.col("equity").is_finite())
        .group_by(pl.col("ts").dt.year().alias("year"), pl.col("ts").dt.month().alias("month"))
        .agg(pl.col("equity").last())
        .sort("year", "month")
        .collect()
    )
    table: dict[int, dict[str, Any]] = {}
    before = equity_start
    year_before = equity_start
    for year, month, value in ends.iter_rows():
        if year not in table:
            table[year] = {"year": year, "months": [None] * 12, "total": None}
            year_before = before
        table[year]["months"][month - 1] = _change_pct(before, value)
        table[year]["total"] = _change_pct(year_before, value)
        before = value
    return list(table.values())


def _change_pct(before: float, after: float) -> float | None:
    """Return by how many per cent a value changed; None from one that was not positive."""
    return round((after / before - 1) * 100, 4) if before > 0 else None
