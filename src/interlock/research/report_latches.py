"""Latches for the report: when trading was stopped, by what, for how long, and who released it."""

from collections.abc import Iterable
from typing import Any, Final

import polars as pl

STOPS: Final = ("PAUSED", "HALTED", "KILLED")  # codes.Level from which on nothing may be opened
OPERATOR: Final = "simulated operator"
ROWS_MAX: Final = 2_000

Interval = tuple[int, int]  # milliseconds since 1970, from and to


def latch_data(latches: pl.DataFrame, *, last_ms: int | None, one_symbol: bool) -> dict[str, Any]:
    """Return the latches, the longest of them where there are very many, and their totals.

    Args:
        latches: As in ``Results``.
        last_ms: When the run ended; a latch that is still set lasted until then.
        one_symbol: Whether a stopped instrument stops everything.
    """
    if latches.height == 0:
        return {"rows": [], "total": 0, "causes": [], "stopped": [], "stopped_s": 0.0}
    end = pl.lit(last_ms, dtype=pl.Int64)
    rows = latches.select(
        pl.col("set_ts").dt.epoch("ms").alias("from_ms"),
        pl.coalesce(pl.col("released_ts").dt.epoch("ms"), end, pl.col("set_ts").dt.epoch("ms"))
        .clip(lower_bound=pl.col("set_ts").dt.epoch("ms"))
        .alias("to_ms"),
        pl.col("released_ts").is_null().alias("still_set"),
        "cause",
        "scope",
        "subject",
        "level",
        "released_by",
        pl.col("seconds").cast(pl.Float64),
    )
    wide = ["ACCOUNT", "STRATEGY", *(["INSTRUMENT"] if one_symbol else [])]
    stopping = rows.filter(pl.col("level").is_in(STOPS), pl.col("scope").is_in(wide))
    stopped = union(stopping.select("from_ms", "to_ms").iter_rows())
    shown = rows
    if rows.height > ROWS_MAX:
        shown = rows.top_k(ROWS_MAX, by="seconds").sort("from_ms")
    return {
        "rows": shown.to_dicts(),
        "total": rows.height,
        "causes": _causes(rows),
        "stopped": [list(interval) for interval in stopped],
        "stopped_s": sum(to - start for start, to in stopped) / 1_000,
    }


def _causes(rows: pl.DataFrame) -> list[dict[str, Any]]:
    """Return per cause and level how often, how long, and how often the operator released it."""
    by_operator = pl.col("released_by") == OPERATOR
    return (
        rows.lazy()
        .group_by("cause", "level")
        .agg(
            pl.len().alias("count"),
            pl.col("seconds").sum().alias("seconds"),
            pl.col("seconds").max().alias("longest_s"),
            by_operator.sum().alias("operator_count"),
            pl.col("seconds").filter(by_operator).sum().alias("operator_s"),
            pl.col("still_set").sum().alias("still_set"),
        )
        .sort(["seconds", "cause", "level"], descending=[True, False, False])
        .collect()
        .to_dicts()
    )


def union(intervals: Iterable[Interval]) -> list[Interval]:
    """Return the same moments as intervals that do not overlap, in order.

    >>> union([(5, 9), (1, 3), (2, 4), (9, 10)])
    [(1, 4), (5, 10)]
    """
    joined: list[Interval] = []
    for start, end in sorted(intervals):
        if joined and start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(joined[-1][1], end))
        else:
            joined.append((start, end))
    return joined
