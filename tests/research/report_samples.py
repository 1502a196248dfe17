"""Made-up results for the tests of the report: a seed, so many bars and trades, any names."""

import random
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import polars as pl

from interlock.research.results import Costs, OpenPosition, Releases, Results, Summary

START = datetime(2019, 1, 2, tzinfo=UTC)
CASH = 100_000.0
TIME = pl.Datetime("ns", "UTC")
EXITS = ("STOP", "TARGET", "TRAILING", "TIME", "SIGNAL", "VOLATILITY_HIGH")
REFUSALS = {
    "ACCOUNT_LATCHED": 41,
    "ALREADY_IN_POSITION": 23,
    "INSTRUMENT_POSITION_FRACTION": 9,
    "NOTIONAL_BELOW_MINIMUM": 2,
}
LATCHES = (
    # cause, level, first bar (part of the run), days, released by
    ("CONSECUTIVE_LOSSES", "REDUCED", 0.05, 6.0, "rule"),
    ("DRAWDOWN", "WARNED", 0.17, 3.0, "rule"),
    ("CONSECUTIVE_LOSSES", "HALTED", 0.24, 21.0, "simulated operator"),
    ("DRAWDOWN", "HALTED", 0.31, 40.0, "simulated operator"),
    ("ATR_SPIKE", "PAUSED", 0.42, 12.0, "rule"),
    ("DAILY_LOSS", "HALTED", 0.55, 2.0, "simulated operator"),
    ("CONSECUTIVE_LOSSES", "REDUCED", 0.70, 30.0, "rule"),
    ("ATR_SPIKE", "PAUSED", 0.85, 5.0, "rule"),
    ("DRAWDOWN", "WARNED", 0.97, 9.0, None),
)
TRADE_TYPES: dict[str, Any] = {
    "trade_id": pl.String,
    "symbol": pl.String,
    "strategy": pl.String,
    "side": pl.String,
    "entry_ts": TIME,
    "exit_ts": TIME,
    "bars_held": pl.Int64,
    "quantity": pl.Float64,
    "entry_price": pl.Float64,
    "exit_price": pl.Float64,
    "pnl": pl.Float64,
    "return_pct": pl.Float64,
    "r_multiple": pl.Float64,
    "fees": pl.Float64,
    "slippage": pl.Float64,
    "funding": pl.Float64,
    "exit_reason": pl.String,
    "mae": pl.Float64,
    "mfe": pl.Float64,
    "mae_pct": pl.Float64,
    "mfe_pct": pl.Float64,
    "stop_price": pl.Float64,
    "target_price": pl.Float64,
    "entry_order": pl.String,
    "exit_order": pl.String,
}
LATCH_TYPES: dict[str, Any] = {
    "set_ts": TIME,
    "released_ts": TIME,
    "cause": pl.String,
    "scope": pl.String,
    "subject": pl.String,
    "level": pl.String,
    "value": pl.Int64,
    "limit": pl.Int64,
    "released_by": pl.String,
    "seconds": pl.Float64,
}
ORDER_TYPES: dict[str, Any] = {"ts": TIME, "outcome": pl.String, "reason": pl.String}


def made_bars(count: int, chance: random.Random) -> pl.DataFrame:
    """Return daily bars of a walk that rises a little."""
    close = [100.0]
    for _ in range(count):
        close.append(close[-1] * (1 + chance.gauss(0.0004, 0.014)))
    last = np.array(close[1:])
    first = np.array(close[:-1]) * np.array([1 + chance.gauss(0, 0.002) for _ in range(count)])
    wick = np.array([abs(chance.gauss(0, 0.005)) for _ in range(count)])
    return pl.DataFrame(
        {
            "ts": pl.Series([START + timedelta(days=i) for i in range(count)], dtype=TIME),
            "open": first.round(2),
            "high": (np.maximum(first, last) * (1 + wick)).round(2),
            "low": (np.minimum(first, last) * (1 - wick)).round(2),
            "close": last.round(2),
            "volume": np.full(count, 1_000.0),
        }
    )


def made_trades(
    bars: Mapping[str, pl.DataFrame], count: int, chance: random.Random
) -> pl.DataFrame:
    """Return trades that enter and leave at closes of the bars, each with 2 % at risk."""
    closes = {symbol: frame["close"].to_list() for symbol, frame in bars.items()}
    symbols = list(bars)
    rows = []
    for number in range(count):
        symbol = symbols[number % len(symbols)]
        close = closes[symbol]
        start = int(number / max(count, 1) * max(len(close) - 2, 1))
        stop_at = min(len(close) - 1, start + 1 + chance.randrange(12))
        side = 1 if chance.random() < 0.7 else -1
        entry, leave = close[start], close[stop_at]
        quantity = round(20_000 / entry, 0)
        path = [side * (price - entry) for price in close[start : stop_at + 1]]
        fees = quantity * (entry + leave) * 0.0004
        pnl = side * (leave - entry) * quantity - fees
        rows.append(
            {
                "trade_id": f"o-{1_000 + 37 * number}",
                "symbol": symbol,
                "strategy": "ema_cross",
                "side": "long" if side > 0 else "short",
                "entry_ts": START + timedelta(days=start),
                "exit_ts": START + timedelta(days=stop_at),
                "bars_held": stop_at - start,
                "quantity": quantity,
                "entry_price": entry,
                "exit_price": leave,
                "pnl": round(pnl, 2),
                "return_pct": pnl / (quantity * entry) * 100,
                "r_multiple": pnl / (quantity * entry * 0.02) if number % 11 else None,
                "fees": fees,
                "slippage": quantity * (entry + leave) * 0.0006,
                "funding": 0.0,
                "exit_reason": chance.choice(EXITS[2:] if pnl > 0 else EXITS[::3])
                if number % 3
                else EXITS[int(pnl > 0)],
                "mae": min(path) * quantity,
                "mfe": max(path) * quantity,
                "mae_pct": min(path) / entry * 100 - chance.random(),
                "mfe_pct": max(path) / entry * 100 + chance.random(),
                "stop_price": round(entry * (1 - side * 0.02), 2),
                "target_price": round(entry * (1 + side * 0.04), 2) if number % 5 else None,
                "entry_order": f"o-{1_000 + 37 * number}",
                "exit_order": f"o-{1_001 + 37 * number}",
            }
        )
    return pl.DataFrame(rows, schema=TRADE_TYPES).sort("exit_ts")


def made_equity(bars: pl.DataFrame, trades: pl.DataFrame) -> pl.DataFrame:
    """Return the account after every bar, each trade's result spread evenly over its bars."""
    steps = np.zeros(bars.height + 1)
    place = {ts: row for row, ts in enumerate(bars["ts"])}
    for start, end, pnl in trades.select("entry_ts", "exit_ts", "pnl").iter_rows():
        first, last = place.get(start, 0), max(place.get(end, 0), place.get(start, 0) + 1)
        steps[first + 1 : last + 1] += pnl / (last - first)
    equity = CASH + np.cumsum(steps[: bars.height])
    peak = np.maximum.accumulate(equity)
    return pl.DataFrame(
        {"ts": bars["ts"], "equity": equity, "drawdown_pct": (peak - equity) / peak * 100}
    )


def made_latches(days: int, subject: str | None) -> pl.DataFrame:
    """Return latches of several causes and levels over a run of so many days."""
    rows = []
    for cause, level, part, length, who in LATCHES:
        start = START + timedelta(days=part * days)
        length_days = min(length, days / 10)
        rows.append(
            {
                "set_ts": start,
                "released_ts": start + timedelta(days=length_days) if who else None,
                "cause": cause,
                "scope": "INSTRUMENT" if cause == "ATR_SPIKE" else "ACCOUNT",
                "subject": subject if cause == "ATR_SPIKE" else None,
                "level": level,
                "value": 31,
                "limit": 30,
                "released_by": who,
                "seconds": length_days * 86_400,
            }
        )
    return pl.DataFrame(rows, schema=LATCH_TYPES)


def made_orders(bars: int, refused: Mapping[str, int]) -> pl.DataFrame:
    """Return one refused order per refusal, a day apart; the page reads no other columns."""
    rows = [
        {"ts": START + timedelta(days=n % max(bars, 1)), "outcome": "REFUSED", "reason": reason}
        for reason, times in refused.items()
        for n in range(times)
    ]
    return pl.DataFrame(rows, schema=ORDER_TYPES)


def made_summary(closed: pl.DataFrame, equity: pl.DataFrame, costs: Costs, **given: Any) -> Summary:
    """Return the summary of these trades and this equity; ``given`` overrides any field."""
    end = equity["equity"][-1] if equity.height else CASH
    exits = dict(closed["exit_reason"].value_counts(sort=True).iter_rows())
    fields: dict[str, Any] = {
        "orders": closed.height * 3,
        "fills": closed.height * 2,
        "trades": closed.height,
        "refusals": {},
        "exits": exits,
        "equity_start": CASH,
        "equity_end": end,
        "return_pct": (end / CASH - 1) * 100,
        "max_drawdown_pct": float(equity["drawdown_pct"].to_numpy().max(initial=0.0)),
        "fees": costs.fees,
        "slippage": costs.slippage,
        "funding": costs.funding,
        "sharpe": 0.87 if equity.height > 1 else None,
        "digest": "9f3a" * 16,
        "elapsed_s": 1.42,
        "bars_per_s": 21_000_000.0,
        "complete": True,
        "parameters": {"fast": "12", "slow": "26", "shorts": "yes"},
        "currency": "USD",
        "first_bar": START.isoformat(),
        "last_bar": (START + timedelta(days=equity.height)).isoformat(),
        "events": equity.height * 3,
        "latches": 0,
        "alarms": {},
        "releases": Releases(count=0, halted_s=0.0, by_cause={}),
        "open_positions": (),
        "policy_digest": "01bc" * 16,
    }
    return Summary(**(fields | given))


def after_the_run(symbol: str, *, traded: bool, latched: bool) -> dict[str, Any]:
    """Return what a run with trades and latches leaves behind, as fields of a summary."""
    left: dict[str, Any] = {}
    if traded:
        left["refusals"] = REFUSALS
        left["open_positions"] = (
            OpenPosition(
                symbol=symbol, quantity=120.0, entry_price=101.5, mark=104.0, unrealised=300.0
            ),
        )
    if latched:
        causes = {"CONSECUTIVE_LOSSES": 1, "DRAWDOWN": 1, "DAILY_LOSS": 1}
        left["latches"] = len(LATCHES)
        left["releases"] = Releases(count=3, halted_s=63 * 86_400.0, by_cause=causes)
    return left


def made_results(
    *,
    symbols: Sequence[str] = ("GOOG",),
    bars: int = 1_500,
    trades: int = 140,
    seed: int = 1,
    latched: bool = True,
    notes: Sequence[str] = (),
    strategy: str = "ema_cross",
    **given: Any,
) -> Results:
    """Return results that hang together; ``given`` overrides fields of the summary."""
    chance = random.Random(seed)  # noqa: S311 - a sample, not a secret
    prices = {symbol: made_bars(bars, chance) for symbol in symbols}
    closed = made_trades(prices, trades if bars else 0, chance)
    equity = made_equity(prices[symbols[0]], closed)
    costs = Costs(
        fees=float(closed["fees"].to_numpy().sum()),
        slippage=float(closed["slippage"].to_numpy().sum()),
        funding=0.0,
    )
    fields: dict[str, Any] = {
        "bars": bars * len(prices),
        "instruments": len(prices),
        "symbols": tuple(prices),
        "strategy": strategy,
        "notes": tuple(notes),
    }
    fields |= after_the_run(symbols[0], traded=closed.height > 0, latched=latched)
    summary = made_summary(closed, equity, costs, **(fields | given))
    none_set = pl.DataFrame(schema=LATCH_TYPES)
    return Results(
        summary=summary,
        trades=closed,
        orders=made_orders(bars, summary.refusals),
        latches=made_latches(bars, symbols[0]) if latched else none_set,
        equity=equity,
        bars=prices,
        bars_joined=dict.fromkeys(prices, 1),
        costs=costs,
        notes=summary.notes,
        currency=summary.currency,
        policy_digest=summary.policy_digest,
        strategy=strategy,
        parameters=summary.parameters,
    )
