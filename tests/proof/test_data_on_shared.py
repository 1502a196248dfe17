"""Real files load, or are refused for the reason that is known; calendars agree with theirs."""

from datetime import datetime
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from interlock.data.bars import BarSet, load_bars
from interlock.data.errors import BarError
from interlock.data.instruments import load_instruments
from interlock.data.merge import merge
from interlock.data.sessions import sessions_between

SHIPPED = Path(__file__).parents[2] / "src" / "interlock" / "config" / "shipped"
KNOWN = load_instruments(SHIPPED / "instruments.yaml")
EXCHANGES = ("XNYS", "XLON", "XFRA", "XTKS", "XHKG", "CMES", "IEPA", "us_futures")

# What is in 01_bars and is not bars, by how its file is named, and the reason that must be given.
NOT_BARS = {
    "_quote.parquet": "These are quotes",
    "-funding_rate.parquet": "funding rates",
    "-1h-mark.parquet": "mark prices",
    "ADABTC-1m-2021-11-27.csv": "The first line was numbers",
    "ADABTC-1m-2021-11-28.csv": "The first line was numbers",
    "funding_btcusd.csv": "missing was",
    "funding_adausdt.csv": "missing was",
}


def is_sound(found: BarSet) -> bool:
    """Whether every bar is in order, in range, and ends after it begins."""
    rising = (found.open_ns < found.close_ns).all()
    rising &= (found.close_ns[:-1] <= found.open_ns[1:]).all()
    inside = (found.low <= np.minimum(found.open, found.close)).all()
    inside &= (np.maximum(found.open, found.close) <= found.high).all()
    positive = (found.low > 0).all() and (found.volume >= 0).all()
    return bool(rising and inside and positive) and len(found) == found.frame.height


def test_every_shared_file_of_bars_loads_or_says_why_not(shared: Path) -> None:
    paths = sorted((shared / "01_bars").rglob("*.parquet"))
    paths += sorted((shared / "01_bars").rglob("*.csv"))
    assert paths
    for path in paths:
        reasons = [why for ending, why in NOT_BARS.items() if path.name.endswith(ending)]
        if reasons:
            with pytest.raises(BarError) as caught:
                load_bars(path, instruments=KNOWN)
            assert reasons[0] in str(caught.value)
            continue
        found = load_bars(path, instruments=KNOWN)
        assert is_sound(found), path
        scale = 10.0**found.instrument.price_digits
        close = found.frame["close"].to_numpy()
        assert np.allclose(found.close / scale, close, rtol=1e-9, atol=0), path
        assert found.repairs == {}


def test_a_day_of_goog_and_the_minutes_of_spy_share_one_order(shared: Path) -> None:
    """Every bar of every instrument is known only after the others that closed before it."""
    folder = shared / "01_bars"
    names = ("lean_equity_daily/GOOG_1d", "lean_equity_hour/SPY_1h", "lean_fx_hour/EURUSD_oanda_1h")
    sets = [load_bars(folder / f"{name}.parquet", instruments=KNOWN) for name in names]
    merged = merge(sets)
    assert len(merged.bars) == sum(len(each) for each in sets)
    assert (np.diff(merged.bars["close_ns"]) >= 0).all()
    for each, position in zip(sets, merged.positions, strict=True):
        assert (merged.bars["close"][position] == each.close).all()


def test_daily_goog_closes_when_new_york_closed(shared: Path) -> None:
    found = load_bars(shared / "01_bars/lean_equity_daily/GOOG_1d.parquet", instruments=KNOWN)
    sessions = sessions_between("XNYS", int(found.open_ns[0]), int(found.close_ns[-1]))
    assert np.isin(found.close_ns, sessions.close_ns).all()
    assert np.isin(found.open_ns, sessions.open_ns).all()


@pytest.mark.parametrize("calendar", EXCHANGES)
def test_sessions_agree_with_the_published_ones(shared: Path, calendar: str) -> None:
    """Seventeen years of sessions, to the nanosecond, half-days and midday breaks included."""
    table = pl.read_parquet(shared / "08_calendars/exchange_calendars_sessions_2010_2026.parquet")
    table = table.filter(pl.col("calendar") == calendar).sort("session")
    first, last = table["open"].to_physical()[0], table["close"].to_physical()[-1]

    found = sessions_between(calendar, first, last)

    span = slice(
        int(np.searchsorted(found.open_ns, first)), int(np.searchsorted(found.open_ns, last))
    )
    days = table["session"].to_physical().cast(pl.Int64).to_numpy()
    assert found.day[span].tolist() == days.tolist()
    close_ns = table["close"].to_physical()
    expected = {
        "open_ns": table["open"].to_physical(),
        "close_ns": close_ns,
        "break_start_ns": table["break_start"].to_physical().fill_null(close_ns),
        "break_end_ns": table["break_end"].to_physical().fill_null(close_ns),
    }
    for name, column in expected.items():
        assert getattr(found, name)[span].tolist() == column.to_list(), name


def test_early_closes_of_new_york_agree_with_the_published_ones(shared: Path) -> None:
    table = pl.read_csv(shared / "08_calendars/XNYS_early_closes_1990_2026.csv")
    closes = [int(datetime.fromisoformat(text).timestamp()) * 10**9 for text in table["close_utc"]]

    found = sessions_between("XNYS", min(closes), max(closes))

    assert set(closes) <= set(found.close_ns.tolist())
    closures = pl.read_csv(shared / "08_calendars/XNYS_weekday_closures_1990_2026.csv")
    days = {int(np.datetime64(text, "D").astype(np.int64)) for text in closures["date"]}
    assert not days & set(found.day.tolist())
