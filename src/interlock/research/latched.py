"""Latches: when each was set, by what, for how long, and who opened it again."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
import polars as pl

from interlock.kernel.codes import Cause, Kind, Level, Scope
from interlock.kernel.records import Row, Rows
from interlock.kernel.units import NS_PER_SECOND
from interlock.research.results import Releases
from interlock.research.tables import TIME
from interlock.sim.loop import OPERATOR

BY_OPERATOR: Final = "simulated operator"
BY_RULE: Final = "rule"
_KINDS: Final = (Kind.LATCHED, Kind.RELEASED, Kind.RESUME)
_SCHEMA: Final = {
    "set_ts": pl.Int64,
    "released_ts": pl.Int64,
    "cause": pl.String,
    "scope": pl.String,
    "subject": pl.String,
    "level": pl.String,
    "value": pl.Int64,
    "limit": pl.Int64,
    "released_by": pl.String,
    "seconds": pl.Float64,
}

Key = tuple[int, int, int]


@dataclass(slots=True, kw_only=True)
class _Held:
    """A latch that is set."""

    set_ns: int
    level: int
    value: int
    limit: int
    by_operator: bool = False


def _key(row: Row) -> Key:
    return int(row["code"]), int(row["instrument"]), int(row["strategy"])


def _entry(
    key: Key,
    held: _Held,
    released_ns: int | None,
    end_ns: int,
    words: tuple[Mapping[int, str], Mapping[int, str]],
) -> dict[str, object]:
    """Return one latch as a row of the table."""
    cause, instrument, strategy = key
    scope, subject = Scope.ACCOUNT, None
    if instrument >= 0:
        scope, subject = Scope.INSTRUMENT, words[0][instrument]
    elif strategy >= 0:
        scope, subject = Scope.STRATEGY, words[1][strategy]
    until_ns = end_ns if released_ns is None else released_ns
    who = None
    if released_ns is not None:
        who = BY_OPERATOR if held.by_operator else BY_RULE
    return {
        "set_ts": held.set_ns,
        "released_ts": released_ns,
        "cause": Cause(cause).name,
        "scope": scope.name,
        "subject": subject,
        "level": Level(held.level).name,
        "value": held.value,
        "limit": held.limit,
        "released_by": who,
        "seconds": (until_ns - held.set_ns) / NS_PER_SECOND,
    }


def latches_table(
    log: Rows, end_ns: int, symbols: Mapping[int, str], strategies: Mapping[int, str]
) -> pl.DataFrame:
    """Return the latches that were set (columns: ``results.Results.latches``).

    A latch that was raised is one row, with the numbers that set it first and its highest level;
    one that an operator had a part in releasing counts as released by him.

    Args:
        log: Of the run.
        end_ns: When the run ended: until then a latch that was not released was set.
        symbols: By instrument number.
        strategies: By number.
    """
    held: dict[Key, _Held] = {}
    found = []
    words = (symbols, strategies)
    for row in log[np.isin(log["kind"], _KINDS)]:
        key, ts_ns = _key(row), int(row["ts_ns"])
        if row["kind"] == Kind.LATCHED:
            value, limit = int(row["value"]), int(row["limit"])
            one = held.setdefault(key, _Held(set_ns=ts_ns, level=0, value=value, limit=limit))
            one.level = max(one.level, int(row["level"]))
        elif row["kind"] == Kind.RESUME:
            if key in held and row["payload_id"] == OPERATOR:
                held[key].by_operator = True
        elif key in held:
            found.append(_entry(key, held.pop(key), ts_ns, end_ns, words))
    found += [_entry(key, one, None, end_ns, words) for key, one in held.items()]
    frame = pl.DataFrame(found, schema=_SCHEMA).sort("set_ts", maintain_order=True)
    return frame.with_columns(pl.col("set_ts", "released_ts").cast(TIME))


def releases_of(latches: pl.DataFrame) -> Releases:
    """Return what the simulated operator did."""
    his = latches.filter(pl.col("released_by") == BY_OPERATOR)
    counts = his["cause"].value_counts(sort=True)
    return Releases(
        count=his.height,
        halted_s=float(his["seconds"].sum()),
        by_cause=dict(zip(counts["cause"], counts["count"], strict=True)),
    )
