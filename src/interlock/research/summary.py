"""A finished run as results: the summary, and the tables behind it."""

from collections.abc import Iterator
from typing import Final

import numpy as np
import polars as pl

from interlock.config.canonical import policy_digest
from interlock.config.errors import shown
from interlock.kernel.codes import Alarm, Kind, SizingMethod
from interlock.kernel.records import Rows
from interlock.kernel.sizing import kelly_fraction
from interlock.research.backtest import Finished
from interlock.research.equity import (
    DAYS_ALWAYS,
    DAYS_TRADED,
    daily_returns,
    drawdowns,
    equity_table,
    joined_bars,
    sharpe,
)
from interlock.research.inputs import Inputs
from interlock.research.latched import latches_table, releases_of
from interlock.research.orders import orders_table
from interlock.research.results import Costs, OpenPosition, Results, Summary
from interlock.research.tables import Scales, money, scales_of
from interlock.research.trades import trades_table
from interlock.runtime.readable import time_text

STRATEGY: Final = 0  # the one strategy of a run


def _counts(column: pl.Series) -> dict[str, int]:
    """Return how often each word is there, the most frequent first, then by name."""
    counted = column.drop_nulls().value_counts()
    found = zip(counted[column.name].to_list(), counted["count"].to_list(), strict=True)
    return dict(sorted(found, key=lambda one: (-one[1], one[0])))


def _alarms(log: Rows) -> dict[str, int]:
    """Return how often each alarm was raised."""
    codes, counts = np.unique(log["code"][log["kind"] == Kind.ALARM], return_counts=True)
    return {
        Alarm(code).name: count for code, count in zip(codes.tolist(), counts.tolist(), strict=True)
    }


def _open_positions(finished: Finished, scales: Scales) -> Iterator[OpenPosition]:
    """Yield what was still held after the last bar."""
    table = finished.recording.state["instruments"][0]
    for number, each in enumerate(finished.inputs.sets):
        row = table[number]
        position = int(row["position"])
        if position != 0:
            per_tick = scales.notional[number]
            entry = abs(float(money(row["cost_units"]))) / (abs(position) * per_tick)
            yield OpenPosition(
                symbol=each.symbol,
                quantity=float(position / scales.qty[number]),
                entry_price=float(entry / scales.price[number]),
                mark=float(row["mark"] / scales.price[number]),
                unrealised=float(money(row["unrealised_units"])),
            )


def parameters_of(inputs: Inputs) -> dict[str, str]:
    """Return the strategy's parameters as people write them."""
    strategy = inputs.strategy
    values = {one.name: getattr(strategy.definition, one.name) for one in strategy.parameters()}
    return {
        name: value if isinstance(value, str) else shown(value) for name, value in values.items()
    }


def _kelly_notes(finished: Finished) -> Iterator[str]:
    """Yield why nothing is entered any more, where Kelly's fraction is what says so."""
    sizing = finished.inputs.policy["account"]["sizing"][0]
    own = finished.recording.state["strategies"][0, STRATEGY]
    trades = int(own["trades"])
    if sizing["method"] != SizingMethod.FRACTIONAL_KELLY or trades < sizing["kelly_trades_min"]:
        return
    share = kelly_fraction(
        trades=trades,
        wins=int(own["wins"]),
        win_sum=float(own["win_sum"]),
        loss_sum=float(own["loss_sum"]),
    )
    if share <= 0.0:
        yield (
            f"Sizing is fractional_kelly, and the strategy's own {trades} trades show no edge: "
            "Kelly's share is nothing, and entries are refused with SIZE_IS_ZERO."
        )


def _end_notes(finished: Finished, positions: tuple[OpenPosition, ...]) -> Iterator[str]:
    """Yield what only the end of the run tells."""
    yield (
        "Slippage is in the prices of the fills already; it is shown and never subtracted again."
    )
    if positions:
        held = ", ".join(one.symbol for one in positions)
        yield f"Still held at the end, and valued at the last close: {held}."
    yield from _kelly_notes(finished)
    garbage = int(finished.recording.state["account"]["garbage"][0])
    if garbage:
        yield f"{garbage:,} bars or reports were not believed: counted, and otherwise ignored."
    if not finished.recording.complete:
        yield "The run was stopped before its end."


def _sharpe(finished: Finished) -> float | None:
    """Return the Sharpe ratio of the account's days."""
    inputs = finished.inputs
    always = all(one.always_open for one in inputs.instruments)
    returns = daily_returns(
        finished.recording.equity_units,
        inputs.cash_units,
        finished.tape.bars["close_ns"],
        inputs.facts["ts_ns"][inputs.facts["kind"] == Kind.DAY],
    )
    return sharpe(returns, DAYS_ALWAYS if always else DAYS_TRADED)


def _summary(
    finished: Finished,
    tables: tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame],
    drawdown: float,
    elapsed_s: float,
) -> Summary:
    """Return what ``summary.json`` says; ``tables`` are the trades, the orders, the latches."""
    inputs, recording = finished.inputs, finished.recording
    account = recording.state["account"][0]
    trades, orders, latches = tables
    bars = finished.tape.bars
    positions = tuple(_open_positions(finished, scales_of(inputs.instruments)))
    start, end = inputs.cash_units, int(account["equity_units"])
    return Summary(
        bars=len(bars),
        instruments=len(inputs.sets),
        orders=int(account["submitted"]),
        fills=int((recording.log["kind"] == Kind.FILL).sum()),
        trades=trades.height,
        refusals=_counts(orders["reason"]),
        exits=_counts(trades["exit_reason"]),
        equity_start=float(money(start)),
        equity_end=float(money(end)),
        return_pct=100.0 * (end - start) / start,
        max_drawdown_pct=100.0 * drawdown,
        fees=float(money(account["fees_units"])),
        slippage=float(money(account["slippage_units"])),
        funding=float(money(-account["funding_units"])),
        sharpe=_sharpe(finished),
        digest=finished.digest,
        elapsed_s=elapsed_s,
        bars_per_s=len(bars) / finished.warm_s,
        complete=recording.complete,
        symbols=tuple(each.symbol for each in inputs.sets),
        strategy=inputs.strategy.name,
        parameters=parameters_of(inputs),
        currency=inputs.currency,
        first_bar=time_text(min(int(each.open_ns[0]) for each in inputs.sets)),
        last_bar=time_text(int(bars["close_ns"][-1])),
        events=int(recording.cursor["seq"][0]),
        latches=latches.height,
        alarms=_alarms(recording.log),
        releases=releases_of(latches),
        open_positions=positions,
        policy_digest=policy_digest(inputs.rules.policy, inputs.rules.breakers),
        notes=(*inputs.notes, *_end_notes(finished, positions)),
    )


def results_of(finished: Finished, elapsed_s: float) -> Results:
    """Return everything a report shows.

    Args:
        finished: The run.
        elapsed_s: Seconds since the person asked for it.
    """
    inputs, recording = finished.inputs, finished.recording
    scales = scales_of(inputs.instruments)
    strategies = {STRATEGY: inputs.strategy.name}
    close_ns = finished.tape.bars["close_ns"]
    trades = trades_table(recording.log, scales, strategies)
    orders = orders_table(recording.log, scales, strategies)
    latches = latches_table(recording.log, int(close_ns[-1]), scales.symbols, strategies)
    fallen = drawdowns(recording.equity_units, inputs.cash_units)
    summary = _summary(finished, (trades, orders, latches), float(fallen.max()), elapsed_s)
    drawn = {each.symbol: joined_bars(each.frame) for each in inputs.sets}
    return Results(
        summary=summary,
        trades=trades,
        orders=orders,
        latches=latches,
        equity=equity_table(recording.equity_units, fallen, close_ns),
        bars={symbol: frame for symbol, (frame, _) in drawn.items()},
        bars_joined={symbol: size for symbol, (_, size) in drawn.items()},
        costs=Costs(fees=summary.fees, slippage=summary.slippage, funding=summary.funding),
        notes=summary.notes,
        currency=summary.currency,
        policy_digest=summary.policy_digest,
        strategy=summary.strategy,
        parameters=summary.parameters,
    )
