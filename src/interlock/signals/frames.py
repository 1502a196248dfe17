"""The frame of bars that a strategy sees: six columns, always of the same types."""

from collections.abc import Iterator
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from interlock.signals.signal import Bar

SCHEMA: Final = pl.Schema(
    {
        "ts": pl.Datetime("ns", "UTC"),  # as the source stamps it, mostly when the bar opened
        "open": pl.Float64(),
        "high": pl.Float64(),
        "low": pl.Float64(),
        "close": pl.Float64(),
        "volume": pl.Float64(),
    }
)


_SLICE_ROWS: Final = 65_536


class StrategyError(ValueError):
    """A strategy cannot be found, set up or run; the sentence says which, where and what to do."""


def as_bars(frame: pl.DataFrame) -> pl.DataFrame:
    """Return ``frame`` with the columns of ``SCHEMA`` and no others.

    ``ts`` may be whole nanoseconds UTC or a datetime; one without a zone is UTC. Nothing is copied
    that has its type already.
    """
    missing = [name for name in SCHEMA if name not in frame.columns]
    if missing:
        raise StrategyError(
            f"bars must have the columns {', '.join(SCHEMA)}; missing was {', '.join(missing)}."
        )
    ts = pl.col("ts")
    dtype = frame.schema["ts"]
    if dtype.is_integer():
        ts = ts.cast(pl.Int64)
    elif isinstance(dtype, pl.Datetime):
        if dtype.time_zone is None:
            ts = ts.dt.replace_time_zone("UTC")
    else:
        raise StrategyError(f"ts must be nanoseconds or a datetime, was {dtype}.")
    prices = [name for name in SCHEMA if name != "ts"]
    bars = frame.select(
        ts.cast(SCHEMA["ts"]), *(pl.col(name).cast(SCHEMA[name]) for name in prices)
    )
    for name in SCHEMA:
        empty = bars[name].null_count()
        if empty:
            raise StrategyError(
                f"bars must have a value in every place, was none in {empty} of column {name}."
            )
    return bars


def ts_ns_of(bars: pl.DataFrame) -> NDArray[np.int64]:
    """Return the time of each bar; ``bars`` from ``as_bars``."""
    return bars["ts"].to_physical().to_numpy()


def numbers_of(bars: pl.DataFrame, name: str) -> NDArray[np.float64]:
    """Return a column as an array that cannot be written to, without a copy.

    Always the same kind of array, since compiled code is made per kind and polars gives one that
    can be written to only now and then.
    """
    numbers: NDArray[np.float64] = bars[name].rechunk().to_numpy().view()
    numbers.flags.writeable = False
    return numbers


def bars_of(bars: pl.DataFrame) -> Iterator[Bar]:
    """Yield the rows of ``bars``, from ``as_bars``, without holding all of them as objects."""
    for part in bars.iter_slices(_SLICE_ROWS):
        columns = (part[name].to_list() for name in SCHEMA if name != "ts")
        for ts_ns, first, high, low, close, volume in zip(
            ts_ns_of(part).tolist(), *columns, strict=True
        ):
            yield Bar(ts_ns=ts_ns, open=first, high=high, low=low, close=close, volume=volume)


def frame_of(bars: list[Bar]) -> pl.DataFrame:
    """Return ``bars`` as a frame of ``SCHEMA``."""
    columns = {name: [getattr(bar, name) for bar in bars] for name in SCHEMA if name != "ts"}
    ts = pl.Series("ts", [bar.ts_ns for bar in bars], dtype=pl.Int64)
    return pl.DataFrame(
        {"ts": ts.cast(SCHEMA["ts"])}
        | {name: pl.Series(name, values, dtype=pl.Float64) for name, values in columns.items()}
    )


def when(ts_ns: int) -> str:
    """Return a time as people read it, without the part below a second when that is nothing.

    >>> when(1_700_000_000_000_000_000), when(1)
    ('2023-11-14T22:13:20Z', '1970-01-01T00:00:00.000000001Z')
    """
    return str(np.datetime64(ts_ns, "ns")).removesuffix(".000000000") + "Z"
