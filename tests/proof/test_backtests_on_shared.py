"""Real bars through the whole backtest: a report or a clear error, and digests that stay."""

import json
import os
from pathlib import Path
from typing import Final

import polars as pl
import pytest

from interlock.app import backtests as app
from interlock.app.refusals import REFUSALS
from interlock.research.inputs import Request
from interlock.research.results import Results

DIGESTS: Final = Path(__file__).with_name("digests.json")
UPDATE: Final = os.environ.get("UPDATE_GOLDEN") == "1"

# By name in digests.json: files under 01_bars, and the strategy.
RUNS: Final[dict[str, tuple[tuple[str, ...], str]]] = {
    "a share by day": (("lean_equity_daily/GOOG_1d",), "ema_cross"),
    "a share by day, channels": (("lean_equity_daily/SPY_1d",), "donchian_breakout"),
    "a share by hour": (("lean_equity_hour/SPY_1h",), "rsi_reversion"),
    "a share by minute": (("lean_equity_minute/AAPL_1m_trade",), "ema_cross"),
    "a share by second": (("lean_equity_second/SPY_1s_trade",), "ema_cross"),
    "a coin by day": (("lean_crypto/coinbase_BTCUSD_1d",), "ema_cross"),
    "a coin by hour": (("binance_spot_2021/ETH_USDT-1h",), "donchian_breakout"),
    "a coin in five minutes": (("binance_spot_2021/BTC_USDT-5m",), "ema_cross"),
    "a coin in another coin": (("freqtrade/ADA_BTC-5m",), "rsi_reversion"),
    "a currency by hour": (("lean_fx_hour/EURUSD_oanda_1h",), "ema_cross"),
    "shares and a currency in one account": (
        ("lean_equity_daily/GOOG_1d", "lean_equity_hour/SPY_1h", "lean_fx_hour/EURUSD_oanda_1h"),
        "ema_cross",
    ),
}


class Quiet:
    """A screen that nobody looks at."""

    def tell(self, what: str) -> None:
        """Show nothing."""

    def bars(self, done: int, total: int) -> None:
        """Show nothing."""

    def compiling(self, piece: str, done: int, total: int) -> None:
        """Show nothing."""


def is_sound(results: Results) -> bool:
    """Whether a flat account's profit is the sum of its trades, to a unit per trade."""
    one = results.summary
    profit = one.equity_end - one.equity_start
    return bool(one.open_positions) or abs(profit - float(results.trades["pnl"].sum())) <= 1e-6


def tried(path: Path, out: Path) -> app.Written | str:
    """Return a backtest of a file, or why it was refused."""
    try:
        return app.run_backtest(Request(paths=(str(path),)), Quiet(), out=out)
    except REFUSALS as error:
        return str(error)


def test_every_shared_file_ends_with_a_report_or_a_clear_error(
    shared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("INTERLOCK_HOME", str(tmp_path / "home"))
    reports, refusals = 0, 0
    for path in sorted((shared / "01_bars").rglob("*.parquet")):
        out = tmp_path / "out"
        written = tried(path, out)
        if isinstance(written, str):
            assert str(path) in written
            refusals += 1
            continue
        summary = json.loads((out / "summary.json").read_text())
        assert summary["bars"] > 0
        assert summary["events"] > summary["bars"]
        assert written.report.stat().st_size > 100_000
        assert pl.read_parquet(out / "orders.parquet").height >= summary["orders"]
        assert is_sound(written.results), path
        reports += 1
    assert reports > 50
    assert refusals < reports


# What currencies need: everything on margin, both ways.
MARGIN: Final = """
risk: {allow_margin: true, allow_shorting: true}
strategies: {default: {margin: true, leverage: 2}}
"""


def digest_of(folder: Path, files: tuple[str, ...], strategy: str, out: Path) -> str:
    """Run a backtest of shared files and return its digest."""
    paths = tuple(str(folder / "01_bars" / f"{name}.parquet") for name in files)
    policy = None
    if any("_fx_" in name for name in files):
        policy = out.with_name("margin.yaml")
        policy.write_text(MARGIN)
    request = Request(paths=paths, strategy=strategy)
    written = app.run_backtest(request, Quiet(), policy=policy, out=out)
    assert written.results.summary.trades > 0
    return written.results.summary.digest


def test_golden_digests_of_backtests(
    shared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another digest is another behaviour: it is looked at, explained, and then committed."""
    monkeypatch.setenv("INTERLOCK_HOME", str(tmp_path / "home"))
    found = {name: digest_of(shared, *told, tmp_path / "out") for name, told in RUNS.items()}
    if UPDATE:
        DIGESTS.write_text(json.dumps(found, indent=2) + "\n")

    assert found == json.loads(DIGESTS.read_text())
