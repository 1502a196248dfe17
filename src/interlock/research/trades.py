"""Closed trades, one row each, from the rows that the kernel wrote when a position became flat."""

import numpy as np
import polars as pl

from interlock.kernel.codes import Exit, Kind
from interlock.kernel.records import Rows
from interlock.research.ids import order_names
from interlock.research.tables import Scales, floats, look_up, money, names, times


def trades_table(log: Rows, scales: Scales, strategies: dict[int, str]) -> pl.DataFrame:
    """Return the closed trades of a run, by exit (columns: ``results.Results.trades``).

    The mean prices are exact sums of notionals over the quantity. Slippage is in them already;
    ``pnl`` is net of fees and funding too, to the last unit of the account.
    """
    rows = log[log["kind"] == Kind.CLOSED]
    instrument = rows["instrument"].astype(np.int64)
    side = rows["side"].astype(np.int64)
    qty = rows["qty"]
    per_tick = scales.notional[instrument]
    quantity = scales.quantities(qty, instrument)
    entry_money, exit_money = money(rows["open"]), money(rows["close"])
    # currency per unit of the base: the multiplier of a future or an option is taken out again
    multiplier = per_tick * scales.price[instrument] * scales.qty[instrument]
    entry_price = entry_money / (quantity * multiplier)
    worst = np.where(side > 0, rows["low"], rows["high"]) / scales.price[instrument]
    best = np.where(side > 0, rows["high"], rows["low"]) / scales.price[instrument]
    adverse = np.minimum(side * (worst - entry_price), 0.0)
    favourable = np.maximum(side * (best - entry_price), 0.0)
    pnl = money(rows["value"])
    risk = money(rows["mask_lo"])
    return pl.DataFrame(
        [
            order_names("trade_id", rows["order_id"]),
            look_up("symbol", instrument, scales.symbols),
            look_up("strategy", rows["strategy"], strategies),
            look_up("side", side, {1: "long", -1: "short"}),
            times("entry_ts", rows["src_ts_ns"]),
            times("exit_ts", rows["ts_ns"]),
            pl.Series("bars_held", np.ascontiguousarray(rows["limit"])),
            floats("quantity", quantity),
            floats("entry_price", entry_price),
            floats("exit_price", exit_money / (quantity * multiplier)),
            floats("pnl", pnl),
            floats("return_pct", 100.0 * pnl / entry_money),
            floats("r_multiple", pnl / np.where(risk > 0, risk, 1.0), risk > 0),
            floats("fees", money(rows["fee"])),
            floats("slippage", money(rows["volume"])),
            floats("funding", money(-rows["trigger"])),
            names("exit_reason", rows["code"], Exit),
            floats("mae", adverse * quantity * multiplier),
            floats("mfe", favourable * quantity * multiplier),
            floats("mae_pct", 100.0 * adverse / entry_price),
            floats("mfe_pct", 100.0 * favourable / entry_price),
            floats(
                "stop_price",
                scales.prices(rows["stop_ticks"], instrument),
                rows["stop_ticks"] > 0,
            ),
            floats(
                "target_price",
                scales.prices(rows["target_ticks"], instrument),
                rows["target_ticks"] > 0,
            ),
            order_names("entry_order", rows["order_id"]),
            order_names("exit_order", rows["peer_id"]),
        ]
    )
