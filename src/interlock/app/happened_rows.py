"""One record of the kernel as a plain dictionary: orders, fills, trades, latches, bars."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from interlock.kernel.codes import (
    BUY,
    Alarm,
    Cause,
    Exit,
    Flag,
    Kind,
    Level,
    OrderKind,
    OrderState,
    Role,
)
from interlock.kernel.records import Row, Rows
from interlock.runtime.amounts import amount, written
from interlock.runtime.ids import order_name, signal_name
from interlock.runtime.moments import rfc3339
from interlock.runtime.readable import Scale, cause_text

Item = dict[str, Any]

_SAME_IN_BOTH: Final = 1  # a fee taken out of the base asset
_MORE_DIGITS: Final = 2  # of a mean price, beyond those of a price


@dataclass(frozen=True, slots=True, kw_only=True)
class Digits:
    """How one instrument's numbers are written."""

    symbol: str
    price: int
    quantity: int
    currency: str

    @property
    def scale(self) -> Scale:
        """As sentences for people need it."""
        return Scale(
            currency=self.currency,
            base=self.symbol,
            price_digits=self.price,
            qty_digits=self.quantity,
        )


def moment(seq: int, ts_ns: int) -> Item:
    """Return where and when."""
    return {"seq": seq, "ts": rfc3339(ts_ns), "ts_ns": ts_ns}


def side_name(row: Row) -> str:
    """Return BUY, SELL, or nothing for a row without a side."""
    side = int(row["side"])
    return "" if side == 0 else "BUY" if side == BUY else "SELL"


def bar_items(rows: Rows, digits: Sequence[Digits]) -> list[Item]:
    """Return the bars among some events."""
    bars = rows[rows["kind"] == Kind.BAR]
    found = []
    for row in bars:
        one = digits[int(row["instrument"])]
        found.append(
            {
                "type": "bar",
                **moment(int(row["seq"]), int(row["ts_ns"])),
                "symbol": one.symbol,
                "open_ns": int(row["value"]),
                "open": written(int(row["open"]), one.price),
                "high": written(int(row["high"]), one.price),
                "low": written(int(row["low"]), one.price),
                "close": written(int(row["close"]), one.price),
                "volume": written(int(row["volume"]), one.quantity),
            }
        )
    return found


def order_item(row: Row, digits: Digits, strategy: str, client_id: str, signal: int) -> Item:
    """Return a SUBMIT: an order that was decided on."""
    kind = OrderKind(row["order_kind"])
    limited = kind in {OrderKind.LIMIT, OrderKind.STOP_LIMIT}
    stopped = kind in {OrderKind.STOP, OrderKind.STOP_LIMIT}
    peer = int(row["peer_id"])
    return {
        "type": "order",
        **moment(int(row["seq"]), int(row["ts_ns"])),
        "id": order_name(int(row["order_id"])),
        "client_id": client_id,
        "symbol": digits.symbol,
        "strategy": strategy,
        "role": Role(row["role"]).name,
        "kind": kind.name,
        "side": side_name(row),
        "quantity": written(int(row["qty"]), digits.quantity),
        "price": written(int(row["price"]), digits.price) if limited else None,
        "trigger": written(int(row["trigger"]), digits.price) if stopped else None,
        "reference": written(int(row["price"]), digits.price),
        "reduce_only": bool(row["flags"] & Flag.REDUCE_ONLY),
        "margin": bool(row["flags"] & Flag.MARGIN),
        "state": OrderState.INTENT.name,
        "signal": signal_name(signal) if signal else "",
        "peer": order_name(peer) if peer else "",
    }


def update_item(row: Row, digits: Digits, state: OrderState | None) -> Item:
    """Return what became of an order; what is None did not change."""
    kind = Kind(row["kind"])
    amended = kind is Kind.AMENDED
    trigger = int(row["trigger"])
    price = int(row["price"])
    return {
        "type": "order_update",
        **moment(int(row["seq"]), int(row["ts_ns"])),
        "id": order_name(int(row["order_id"])),
        "symbol": digits.symbol,
        "what": kind.name,
        "state": None if state is None else state.name,
        "quantity": written(int(row["qty"]), digits.quantity) if amended else None,
        "price": written(price, digits.price) if amended and price else None,
        "trigger": written(trigger, digits.price) if amended and trigger else None,
    }


def fill_item(row: Row, digits: Digits) -> Item:
    """Return a fill."""
    in_base = int(row["fee_asset"]) == _SAME_IN_BOTH
    fee = int(row["fee"])
    order_id = int(row["order_id"])
    return {
        "type": "fill",
        **moment(int(row["seq"]), int(row["ts_ns"])),
        "order": order_name(order_id) if order_id else "",
        "symbol": digits.symbol,
        "side": side_name(row),
        "role": Role(row["role"]).name,
        "price": written(int(row["price"]), digits.price),
        "quantity": written(int(row["qty"]), digits.quantity),
        "fee": written(fee, digits.quantity) if in_base else amount(fee),
        "fee_asset": "base" if in_base else "account",
        "maker": bool(row["flags"] & Flag.MAKER),
        "last": bool(row["flags"] & Flag.LAST),
        "external": bool(row["flags"] & Flag.EXTERNAL) or order_id == 0,
    }


def trade_item(row: Row, digits: Digits, strategy: str) -> Item:
    """Return a position that became flat."""
    entry, opened, closed = int(row["price"]), int(row["open"]), int(row["close"])
    places = digits.price + _MORE_DIGITS
    exit_price = entry * 10**_MORE_DIGITS * closed // opened if opened > 0 else 0
    pnl, risk = int(row["value"]), int(row["mask_lo"])
    stop, target = int(row["stop_ticks"]), int(row["target_ticks"])
    return {
        "type": "trade",
        **moment(int(row["seq"]), int(row["ts_ns"])),
        "id": order_name(int(row["order_id"])),
        "exit_order": order_name(int(row["peer_id"])) if row["peer_id"] else "",
        "symbol": digits.symbol,
        "strategy": strategy,
        "side": "long" if int(row["side"]) > 0 else "short",
        "entry_ts": rfc3339(int(row["src_ts_ns"])),
        "entry_ns": int(row["src_ts_ns"]),
        "quantity": written(int(row["qty"]), digits.quantity),
        "entry_price": written(entry, digits.price),
        "exit_price": written(exit_price, places),
        "pnl": amount(pnl),
        "fees": amount(int(row["fee"])),
        "funding": amount(int(row["trigger"])),
        "slippage": amount(int(row["volume"])),
        "r": f"{Decimal(pnl) / Decimal(risk):.2f}" if risk > 0 else None,
        "reason": Exit(row["code"]).name,
        "bars": int(row["limit"]),
        "stop": written(stop, digits.price) if stop else None,
        "target": written(target, digits.price) if target else None,
    }


def latch_item(row: Row, over: tuple[str, str], said: Mapping[str, Any], digits: Digits) -> Item:
    """Return a latch that was set or released; ``said`` is what a person said with it."""
    cause = Cause(row["code"])
    scope, of = over
    return {
        "type": "latch",
        **moment(int(row["seq"]), int(row["ts_ns"])),
        "set": int(row["kind"]) == Kind.LATCHED,
        "cause": cause.name,
        "scope": scope,
        "of": of,
        "level": Level(row["level"]).name,
        "value": cause_text(cause, int(row["value"]), digits.scale),
        "limit": cause_text(cause, int(row["limit"]), digits.scale),
        "since_ns": int(row["src_ts_ns"]),
        "who": str(said.get("who", "")),
        "reason": str(said.get("reason") or said.get("why") or ""),
    }


def alarm_item(row: Row, over: tuple[str, str]) -> Item:
    """Return an alarm."""
    order_id = int(row["order_id"])
    return {
        "type": "alarm",
        **moment(int(row["seq"]), int(row["ts_ns"])),
        "alarm": Alarm(row["code"]).name,
        "scope": over[0],
        "of": over[1],
        "order": order_name(order_id) if order_id else "",
        "value": int(row["value"]),
    }
