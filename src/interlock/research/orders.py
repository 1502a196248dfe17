"""Orders and refusals, one row each, from the log: what was asked, and what became of it."""

from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from interlock.kernel.codes import Flag, Kind, OrderKind, OrderState, Role
from interlock.kernel.reasons import Reason
from interlock.kernel.records import SUBS, Rows
from interlock.research.ids import order_names, signal_names
from interlock.research.tables import Scales, floats, look_up, money, names, texts, times
from interlock.runtime.readable import reasons_of

_ENDS: Final = {
    Kind.REJECTED: OrderState.REJECTED,
    Kind.CANCELLED: OrderState.CANCELLED,
    Kind.EXPIRED: OrderState.EXPIRED,
    Kind.ABSENT: OrderState.ABANDONED,
}
REFUSED: Final = "REFUSED"
_REPORTS: Final = (Kind.ACCEPTED, Kind.FILL, Kind.AMENDED, *_ENDS)


def _fates(log: Rows, scales: Scales) -> pl.DataFrame:
    """Return what the venue said of each order, one row per order that it spoke of."""
    rows = log[np.isin(log["kind"], _REPORTS) & (log["order_id"] > 0)]
    kind = rows["kind"]
    instrument = np.maximum(rows["instrument"], 0).astype(np.int64)
    per_tick = scales.notional[instrument]
    fee = np.where(
        rows["fee_asset"] == 1, rows["fee"] * rows["price"] * per_tick, money(rows["fee"])
    )
    filled = kind == Kind.FILL
    ended = np.isin(kind, list(_ENDS))
    amended = kind == Kind.AMENDED
    frame = pl.DataFrame(
        {
            "order_id": rows["order_id"],
            "accepted_ns": np.where(kind == Kind.ACCEPTED, rows["ts_ns"], 0),
            "done_ns": np.where(filled | ended, rows["ts_ns"], 0),
            "filled": np.where(filled, rows["qty"], 0),
            "paid": np.where(filled, rows["qty"] * rows["price"].astype(np.float64), 0.0),
            "fees": np.where(filled, fee, 0.0),
            "end": np.where(ended, kind, 0),
            "qty_now": np.where(amended, rows["qty"], 0),
            "price_now": np.where(amended, rows["price"], 0),
            "trigger_now": np.where(amended, rows["trigger"], 0),
        }
    )
    latest = [
        pl.col(name).filter(pl.col(name) > 0).last().fill_null(0)
        for name in ("qty_now", "price_now", "trigger_now")
    ]
    return frame.group_by("order_id", maintain_order=True).agg(
        *(pl.col(name).max() for name in ("accepted_ns", "done_ns", "end")),
        *(pl.col(name).sum() for name in ("filled", "paid", "fees")),
        *latest,
    )


def _outcomes(frame: pl.DataFrame) -> pl.Series:
    """Return where each order's life stood at the end of the run."""
    ends = {int(kind): state.name for kind, state in _ENDS.items()}
    open_state = (
        pl.when(pl.col("filled") > 0)
        .then(pl.lit(OrderState.PARTIAL.name))
        .when(pl.col("accepted_ns") > 0)
        .then(pl.lit(OrderState.WORKING.name))
        .otherwise(pl.lit(OrderState.INTENT.name))
    )
    ended = pl.col("end").replace_strict(ends, default=None, return_dtype=pl.String)
    return frame.select(
        pl.when(pl.col("filled") >= pl.col("qty"))
        .then(pl.lit(OrderState.FILLED.name))
        .otherwise(ended.fill_null(open_state))
        .alias("outcome")
    ).to_series()


def _common(rows: Rows, scales: Scales, strategies: dict[int, str]) -> list[pl.Series]:
    """Return the columns that orders and refusals share and take from their own row."""
    instrument = rows["instrument"].astype(np.int64)
    return [
        look_up("symbol", instrument, scales.symbols),
        look_up("strategy", rows["strategy"], strategies),
        times("ts", rows["ts_ns"]),
        look_up("side", rows["side"], {1: "buy", -1: "sell"}),
        names("kind", rows["order_kind"], OrderKind),
        names("role", rows["role"], Role),
        pl.Series("reduce_only", rows["flags"] & Flag.REDUCE_ONLY != 0),
    ]


def _numbers(
    rows: Rows,
    scales: Scales,
    qty: NDArray[np.int64],
    price: NDArray[np.int64],
    trigger: NDArray[np.int64],
) -> list[pl.Series]:
    """Return quantity, limit price and trigger, where the kind of order has them."""
    instrument = rows["instrument"].astype(np.int64)
    kind = rows["order_kind"]
    limited = (kind == OrderKind.LIMIT) | (kind == OrderKind.STOP_LIMIT)
    stopped = (kind == OrderKind.STOP) | (kind == OrderKind.STOP_LIMIT)
    return [
        floats("qty", scales.quantities(qty, instrument)),
        floats("price", scales.prices(price, instrument), limited),
        floats("trigger", scales.prices(trigger, instrument), stopped),
    ]


def _submitted(log: Rows, scales: Scales, strategies: dict[int, str]) -> pl.DataFrame:
    rows = log[log["kind"] == Kind.SUBMIT]
    told = pl.DataFrame(
        {
            "order_id": rows["order_id"],
            "own_qty": rows["qty"],
            "own_price": rows["price"],
            "own_trigger": rows["trigger"],
        }
    ).join(_fates(log, scales), on="order_id", how="left", maintain_order="left")
    told = told.with_columns(
        pl.col("accepted_ns", "done_ns", "end", "filled", "paid", "fees").fill_null(0),
        *(
            pl.when(pl.col(f"{name}_now").fill_null(0) > 0)
            .then(pl.col(f"{name}_now"))
            .otherwise(pl.col(f"own_{name}"))
            .alias(name)
            for name in ("qty", "price", "trigger")
        ),
    )
    filled, paid = told["filled"].to_numpy(), told["paid"].to_numpy()
    instrument = rows["instrument"].astype(np.int64)
    accepted_ns, done_ns = told["accepted_ns"].to_numpy(), told["done_ns"].to_numpy()
    none = pl.Series("limit", [None] * len(rows), dtype=pl.Int64)
    nobody = [None] * len(rows)
    return pl.DataFrame(
        [
            order_names("id", rows["order_id"]),
            signal_names("signal", rows["seq"]).set(pl.Series(rows["role"] != Role.ENTRY), None),
            pl.Series("seq", np.ascontiguousarray(rows["seq"])),
            *_common(rows, scales, strategies),
            *_numbers(
                rows,
                scales,
                told["qty"].to_numpy(),
                told["price"].to_numpy(),
                told["trigger"].to_numpy(),
            ),
            _outcomes(told),
            texts("reason", nobody),
            texts("reasons", nobody),
            none.alias("value"),
            none,
            times("accepted_ts", accepted_ns, accepted_ns > 0),
            times("done_ts", done_ns, done_ns > 0),
            floats("filled", scales.quantities(filled, instrument)),
            floats(
                "average_price",
                scales.prices(paid / np.maximum(filled, 1), instrument),
                filled > 0,
            ),
            floats("fees", told["fees"].to_numpy()),
        ]
    )


def _refused_ids(rows: Rows) -> tuple[pl.Series, pl.Series]:
    """Return ids and signals: a refused entry has its signal's, another the order's it would be."""
    entry = pl.Series(rows["role"] == Role.ENTRY)
    signals = signal_names("signal", rows["seq"])
    orders = order_names("id", rows["seq"] * SUBS + rows["sub"])
    return signals.zip_with(entry, orders).alias("id"), signals.set(~entry, None)


def _refused(log: Rows, scales: Scales, strategies: dict[int, str]) -> pl.DataFrame:
    rows = log[log["kind"] == Kind.REFUSED]
    masks = list(zip(rows["mask_lo"].tolist(), rows["mask_hi"].tolist(), strict=True))
    words = {mask: ", ".join(one.name for one in reasons_of(*mask)) for mask in set(masks)}
    unknown = np.zeros(len(rows), dtype=np.bool_)
    zeros = np.zeros(len(rows), dtype=np.int64)
    ids, signals = _refused_ids(rows)
    return pl.DataFrame(
        [
            ids,
            signals,
            pl.Series("seq", np.ascontiguousarray(rows["seq"])),
            *_common(rows, scales, strategies),
            *_numbers(rows, scales, rows["qty"], rows["price"], rows["trigger"]),
            texts("outcome", [REFUSED] * len(rows)),
            names("reason", rows["code"], Reason),
            texts("reasons", (words[mask] for mask in masks)),
            pl.Series("value", np.ascontiguousarray(rows["value"])),
            pl.Series("limit", np.ascontiguousarray(rows["limit"])),
            times("accepted_ts", zeros, unknown),
            times("done_ts", zeros, unknown),
            floats("filled", zeros.astype(np.float64)),
            floats("average_price", zeros.astype(np.float64), unknown),
            floats("fees", zeros.astype(np.float64)),
        ]
    )


def orders_table(log: Rows, scales: Scales, strategies: dict[int, str]) -> pl.DataFrame:
    """Return orders and refusals in sequence (columns: ``results.Results.orders``)."""
    submitted = _submitted(log, scales, strategies)
    refused = _refused(log, scales, strategies)
    return pl.concat([submitted, refused]).sort("seq", maintain_order=True)
