"""What the report's page shows, worked out from the results: plain numbers, lists and text."""

import math
from collections.abc import Iterable
from dataclasses import asdict
from datetime import datetime
from typing import Any, Final

import polars as pl

from interlock.research.report_latches import latch_data
from interlock.research.report_series import bars_data, equity_data, months
from interlock.research.report_trades import cost_data, exits, spread_data, trade_rows, win_loss
from interlock.research.results import Results

SYMBOLS_IN_TITLE: Final = 3


def page_data(results: Results, *, assumed_cost_bps: float | None) -> dict[str, Any]:
    """Return everything the page shows, ready for JSON: no NaN, no infinity."""
    summary = results.summary
    first_ms, last_ms = _milliseconds(summary.first_bar), _milliseconds(summary.last_bar)
    latches = latch_data(results.latches, last_ms=last_ms, one_symbol=len(summary.symbols) == 1)
    period_s = None if first_ms is None or last_ms is None else (last_ms - first_ms) / 1_000
    page = {
        "run": {
            "title": run_title(results.strategy, summary.symbols),
            "strategy": results.strategy,
            "parameters": [[str(k), str(v)] for k, v in results.parameters.items()],
            "symbols": list(summary.symbols),
            "currency": results.currency,
            "first_ms": first_ms,
            "last_ms": last_ms,
            "period_s": period_s,
            "policy_digest": results.policy_digest,
        },
        "summary": asdict(summary),
        "figures": win_loss(results.trades),
        "notes": list(results.notes),
        "equity": equity_data(results.equity),
        "months": months(results.equity, equity_start=summary.equity_start),
        "bars": bars_data(results.bars, results.bars_joined),
        "exits": exits(results.trades),
        "refusals": refusals(results.orders, dict(summary.refusals)),
        "latches": latches,
        "costs": cost_data(results.trades, results.costs, assumed_bps=assumed_cost_bps),
        "spread": spread_data(results.trades),
        "trades": trade_rows(results.trades),
    }
    cleaned: dict[str, Any] = clean(page)
    return cleaned


def run_title(strategy: str, symbols: Iterable[str]) -> str:
    """Return the name of a run.

    >>> run_title("ema_cross", ["A", "B", "C", "D", "E"])
    'ema_cross on A, B, C and 2 more'
    """
    names = list(symbols)
    text = ", ".join(names[:SYMBOLS_IN_TITLE])
    if len(names) > SYMBOLS_IN_TITLE:
        text += f" and {len(names) - SYMBOLS_IN_TITLE} more"
    return f"{strategy} on {text}" if text else strategy


def refusals(orders: pl.DataFrame, counts: dict[str, int]) -> list[dict[str, Any]]:
    """Return per reason how often it was the first that failed, and when, most frequent first."""
    seen: dict[str, tuple[int, int]] = {}
    if orders.height:
        times = (
            orders.lazy()
            .filter(pl.col("outcome") == "REFUSED", pl.col("reason").is_not_null())
            .group_by("reason")
            .agg(
                pl.col("ts").min().dt.epoch("ms").alias("first"),
                pl.col("ts").max().dt.epoch("ms").alias("last"),
            )
            .collect()
        )
        seen = {reason: (first, last) for reason, first, last in times.iter_rows()}
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return [
        {
            "reason": reason,
            "count": count,
            "first_ms": seen.get(reason, (None, None))[0],
            "last_ms": seen.get(reason, (None, None))[1],
        }
        for reason, count in ordered
    ]


def clean(value: Any) -> Any:
    """Return the value with everything that JSON cannot say as None.

    >>> clean({"sharpe": float("nan"), "months": (1, float("inf"))})
    {'sharpe': None, 'months': [1, None]}
    """
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {str(key): clean(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [clean(item) for item in value]
    return value


def _milliseconds(moment: str) -> int | None:
    """Return an ISO 8601 moment in ms since 1970; None for an empty text."""
    if not moment:
        return None
    return round(datetime.fromisoformat(moment).timestamp() * 1_000)
