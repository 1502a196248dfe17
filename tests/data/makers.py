"""Files of bars for tests, and instruments that need no file."""

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import polars as pl

from interlock.data.bars import BarSet, load_bars
from interlock.data.inference import infer_instrument
from interlock.data.instruments import Instrument

HEADER = "ts,open,high,low,close,volume"
MINUTE_NS = 60 * 10**9
HOUR_NS = 60 * MINUTE_NS
DAY_NS = 24 * HOUR_NS


def ns(text: str) -> int:
    """Return an ISO time in UTC as nanoseconds."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return int(moment.timestamp()) * 10**9


def text_at(value: int) -> str:
    """Return nanoseconds as an ISO time in UTC, to the second."""
    return datetime.fromtimestamp(value // 10**9, tz=UTC).strftime("%Y-%m-%d %H:%M:%S")


def write(folder: Path, lines: str, name: str = "BTC_USDT-5m.csv") -> Path:
    """Write a text file of bars; each line may be indented."""
    path = folder / name
    path.write_text("\n".join(line.strip() for line in lines.strip().splitlines()) + "\n")
    return path


def frame_of(times: list[int], price: float = 100.0, volume: float = 1.0) -> pl.DataFrame:
    """Return flat bars at these times (ns, UTC)."""
    n = len(times)
    column = pl.Series("ts", np.array(times, dtype=np.int64)).cast(pl.Datetime("ns", "UTC"))
    prices = {name: np.full(n, price) for name in ("open", "high", "low", "close")}
    return pl.DataFrame({"ts": column, **prices, "volume": np.full(n, volume)})


def bars_at(
    folder: Path, times: list[int], name: str = "BTC_USDT-5m.parquet", price: float = 100.0
) -> BarSet:
    """Write flat bars at these times to a file, and read it."""
    path = folder / name
    frame_of(times, price).write_parquet(path)
    return load_bars(path, instruments={})


def instrument(symbol: str) -> Instrument:
    """Return an instrument by what its name says, with two price digits."""
    return infer_instrument(symbol, price_digits=2, price_first=100.0)
