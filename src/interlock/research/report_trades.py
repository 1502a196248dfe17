"""Closed trades for the report: totals over all, and rows for as many as a page can hold."""

from typing import Any, Final

import numpy as np
import polars as pl

from interlock.research.report_latches import union
from interlock.research.report_series import numbers
from interlock.research.results import Costs

ROWS_MAX: Final = 15_000
EXTREMES: Final = 2_000  # of the best and of the worst, where not all trades fit
BINS: Final = 40
SPREAD_MEASURES: Final = ("r_multiple", "return_pct", "pnl")
PERCENT: Final = 100.0
BASIS_POINTS: Final = 10_000.0

# Columns of the page's table that are numbers, with their significant digits.
NUMBERS: Final = {
    "bars_held": 9,
    "quantity": 9,
    "entry_price": 9,
    "exit_price": 9,
    "pnl": 9,
    "return_pct": 5,
    "r_multiple": 5,
    "fees": 7,
    "slippage": 7,
    "funding": 7,
    "mae_pct": 5,
    "mfe_pct": 5,
    "stop_price": 9,
    "target_price": 9,
}


def win_loss(trades: pl.DataFrame) -> dict[str, Any]:
    """Return what a trader asks first: how often it won, and how much against how much it lost.

    A trade of exactly zero is neither won nor lost. The profit factor is None without a loss.
    """
    pnl = trades["pnl"].cast(pl.Float64).drop_nans().drop_nulls()
    won, lost = pnl.filter(pnl > 0), pnl.filter(pnl < 0)
    total = pnl.len()
    return {
        "won": won.len(),
        "lost": lost.len(),
        "pnl": _sum(pnl),
        "win_rate_pct": won.len() / total * PERCENT if total else None,
        "profit_factor": _sum(won) / -_sum(lost) if lost.len() else None,
        "average_pnl": _sum(pnl) / total if total else None,
        "average_won": _sum(won) / won.len() if won.len() else None,
        "average_lost": _sum(lost) / lost.len() if lost.len() else None,
        "average_bars": trades["bars_held"].cast(pl.Float64).mean() if total else None,
        "in_market_s": _in_market_s(trades),
    }


def _in_market_s(trades: pl.DataFrame) -> float:
    """Return for how long at least one of the closed trades was open, in seconds."""
    moments = trades.select(
        pl.col("entry_ts").dt.epoch("ms"), pl.col("exit_ts").dt.epoch("ms")
    ).drop_nulls()
    return sum(end - start for start, end in union(moments.iter_rows())) / 1_000


def exits(trades: pl.DataFrame) -> list[dict[str, Any]]:
    """Return per cause of exit how many trades, how many won, and what they made; most first."""
    return (
        trades.lazy()
        .with_columns(pl.col("pnl").cast(pl.Float64).fill_nan(None))
        .group_by(pl.col("exit_reason").alias("reason"))
        .agg(
            pl.len().alias("count"),
            (pl.col("pnl") > 0).sum().alias("won"),
            pl.col("pnl").sum(),
            pl.col("bars_held").cast(pl.Float64).mean().alias("average_bars"),
        )
        .sort(["count", "reason"], descending=[True, False])
        .collect()
        .to_dicts()
    )


def cost_data(trades: pl.DataFrame, costs: Costs, *, assumed_bps: float | None) -> dict[str, Any]:
    """Return what trading cost, in money and in basis points of what was entered.

    The run's totals count every fill; the basis points are of closed trades, there and back.
    """
    closed = trades.select(
        pl.col("fees", "slippage", "funding", "pnl").cast(pl.Float64).fill_nan(None).sum(),
        notional=_notional().sum(),
        count=pl.len(),
    ).row(0, named=True)
    notional = closed["notional"] or 0.0
    parts = {"slippage": costs.slippage, "fees": costs.fees, "funding": costs.funding}
    return {
        "parts": [
            {
                "name": name,
                "total": total,
                "per_trade": closed[name] / closed["count"] if closed["count"] else None,
                "bps": closed[name] / notional * BASIS_POINTS if notional > 0 else None,
            }
            for name, total in parts.items()
        ],
        "net": closed["pnl"] or 0.0,
        "gross": sum(closed[name] or 0.0 for name in ("pnl", *parts)),
        "assumed_bps": assumed_bps,
    }


def _notional() -> pl.Expr:
    """Return a trade's entry notional: from its return, for that knows the contract's multiplier.

    A return of zero says nothing; then it is quantity times price.
    """
    pnl, part = pl.col("pnl").cast(pl.Float64), pl.col("return_pct").cast(pl.Float64) / PERCENT
    from_return = pl.when(part != 0).then((pnl / part).abs())
    plain = (pl.col("quantity") * pl.col("entry_price")).cast(pl.Float64).abs()
    return pl.coalesce(from_return.fill_nan(None), plain.fill_nan(None))


def spread_data(trades: pl.DataFrame) -> dict[str, Any]:
    """Return how trade results are spread, per measure: edges of the bins, and counts.

    The outer bins hold everything beyond the 0.5th and the 99.5th percentile.
    """
    spread: dict[str, Any] = {}
    for measure in SPREAD_MEASURES:
        column = trades[measure].cast(pl.Float64)
        values = column.filter(column.is_finite()).to_numpy()
        if values.size == 0:
            continue
        low, high = np.percentile(values, [0.5, 99.5])
        low, high = min(low, 0.0), max(high, 0.0)
        if low == high:
            low, high = -1.0, 1.0
        width = (high - low) / BINS
        # Zero is an edge, so that no bin mixes trades that won and trades that lost.
        first, last = int(np.floor(low / width)), int(np.ceil(high / width))
        edges = width * np.arange(first, last + 1)
        clipped = np.clip(values, edges[0], edges[-1])
        spread[measure] = {
            "edges": [float(f"{edge:.6g}") for edge in edges],
            "counts": np.histogram(clipped, bins=edges)[0].tolist(),
            "mean": float(values.mean()),
            "median": float(np.median(values)),
        }
    return spread


def trade_rows(trades: pl.DataFrame) -> dict[str, Any]:
    """Return the trades by column; names are listed once and referred to by number."""
    kept = chosen(trades)
    data: dict[str, Any] = {
        "total": trades.height,
        "id": [str(name) for name in kept["trade_id"].to_list()],
        "entry_ms": kept["entry_ts"].dt.epoch("ms").to_list(),
        "exit_ms": kept["exit_ts"].dt.epoch("ms").to_list(),
    }
    for name in ("symbol", "side", "exit_reason"):
        data[name] = _listed(kept[name])
    for name, digits in NUMBERS.items():
        data[name] = numbers(kept[name], digits)
    return data


def chosen(trades: pl.DataFrame) -> pl.DataFrame:
    """Return the trades that the page holds: all, or the best, the worst and every so manieth."""
    if trades.height <= ROWS_MAX:
        return trades
    by_pnl = trades["pnl"].cast(pl.Float64).fill_nan(0).fill_null(0).arg_sort()
    between = np.linspace(0, trades.height - 1, ROWS_MAX - 2 * EXTREMES).astype(np.uint32)
    rows = pl.concat([by_pnl.head(EXTREMES), by_pnl.tail(EXTREMES), pl.Series(between)])
    return trades[rows.unique().sort()]


def _listed(column: pl.Series) -> dict[str, Any]:
    """Return a column of few different names as the names and one number per row."""
    text = column.cast(pl.String).fill_null("")
    names = text.unique().sort()
    places = {name: place for place, name in enumerate(names)}
    return {"names": names.to_list(), "rows": [places[name] for name in text]}


def _sum(column: pl.Series) -> float:
    """Return a sum; 0 of nothing."""
    return float(column.sum() or 0.0)
