"""Reconciling: what the venue says against what we believe, and the events that follow from it.

Pure functions. An order without an outcome is UNKNOWN and ends by the venue's evidence alone; what
cannot be explained halts its symbol, and no price is ever invented.
"""

from collections.abc import Callable, Iterator
from typing import Final

from interlock.kernel.codes import (
    Cause,
    Flag,
    Kind,
    Level,
    OrderKind,
    OrderState,
    Scope,
)
from interlock.kernel.policy import PolicyArray
from interlock.kernel.records import Row, Rows, rows
from interlock.kernel.state import StateArray
from interlock.runtime.entries import fill_key
from interlock.venues.port import Account, VenueOrder, VenueState

_ENDS: Final = {
    VenueState.CANCELLED: Kind.CANCELLED,
    VenueState.REJECTED: Kind.REJECTED,
    VenueState.EXPIRED: Kind.EXPIRED,
}
_WAITING: Final = (int(OrderState.INTENT), int(OrderState.PENDING_CANCEL))
_LEFT: Final = (int(Kind.CANCELLED), int(Kind.EXPIRED))
_FREE: Final = 0


def open_orders(state: StateArray) -> Iterator[Row]:
    """Yield the orders that the kernel believes to be open."""
    table = state["orders"][0]
    yield from table[table["order_id"] != _FREE]


def awaits_answer(order: Row) -> bool:
    """Return whether something about an order was asked and not answered."""
    return order["state"] in _WAITING or order["amend_qty"] != 0


def may_end_order(report: Row) -> bool:
    """Return whether an order may be over, for the venue or for us, with this report."""
    return bool(report["kind"] in (*_LEFT, Kind.FILL) or report["flags"] & Flag.LAST)


def follows_unheard(order: Row, report: Row) -> bool:
    """Return whether a fill or an amendment before a report of an order was never heard of.

    Then the order would be over for us with other lots than for the venue, or for one of us alone,
    and nobody would ask about it any more.

    Args:
        order: As the kernel believes it to be.
        report: A CANCELLED or EXPIRED says how much was left, a FILL whether it is the last.
    """
    left = int(order["qty"]) - int(order["filled"])
    lots = int(report["qty"])
    if report["kind"] in _LEFT:
        return lots != left
    if report["kind"] != Kind.FILL:
        return False
    is_last = bool(report["flags"] & Flag.LAST)
    return lots != left if is_last else lots >= left


def order_row(kind: Kind, order: Row, now_ns: int) -> Rows:
    """Return an event about one of our orders, shape (1,)."""
    row = rows(1)
    row["kind"] = kind
    for name in ("instrument", "strategy", "side", "order_kind", "role", "flags"):
        row[name] = order[name]
    for name in ("order_id", "peer_id", "qty"):
        row[name] = order[name]
    row["ts_ns"] = now_ns
    row["src_ts_ns"] = now_ns
    return row


def halt_row(
    instrument: int,
    level: Level,
    now_ns: int,
    cause: Cause = Cause.RECONCILIATION,
    *,
    value: int = 0,
    limit: int = 0,
) -> Rows:
    """Return a hold over an instrument, or ACCOUNT, for what cannot be explained; shape (1,)."""
    row = rows(1)
    row["kind"] = Kind.HALT
    row["code"] = cause
    row["level"] = level
    row["instrument"] = instrument
    row["value"] = value
    row["limit"] = limit
    row["ts_ns"] = now_ns
    row["src_ts_ns"] = now_ns
    return row


def over_row(instrument: int, now_ns: int) -> Rows:
    """Return the end of that hold, shape (1,)."""
    row = rows(1)
    row["kind"] = Kind.TIMER
    row["code"] = Cause.RECONCILIATION
    row["instrument"] = instrument
    row["ts_ns"] = now_ns
    row["src_ts_ns"] = now_ns
    return row


def unknown_rows(state: StateArray, now_ns: int) -> list[Rows]:
    """Return OUTCOME_UNKNOWN for every order without an answer: we were not there to hear it."""
    return [
        order_row(Kind.OUTCOME_UNKNOWN, order, now_ns)
        for order in open_orders(state)
        if awaits_answer(order)
    ]


def _differs(order: Row, found: VenueOrder) -> bool:
    """Return whether an order of ours rests with another quantity or price than we believe."""
    at = order["trigger"] if order["order_kind"] == OrderKind.STOP else order["price"]
    resting = found.trigger if order["order_kind"] == OrderKind.STOP else found.price
    return bool(found.qty != order["qty"] or at != resting)


def catch_up(
    order: Row, found: VenueOrder, seen: Callable[[bytes], bool], now_ns: int
) -> list[Rows]:
    """Return the events that bring an order of ours to where the venue says it is.

    Args:
        order: As the kernel believes it to be.
        found: As the venue knows it.
        seen: Whether a fill with this key was journaled.
        now_ns: When we heard of it.
    """
    fills = [_fill_row(fill, order, now_ns) for fill in found.fills if not seen(fill_key(fill))]
    filled = int(order["filled"]) + sum(int(row["qty"][0]) for row in fills)
    amended = bool(order["flags"] & Flag.REDUCE_ONLY) and _differs(order, found)
    # First, or its fills would be too many, or end it.
    has_grown = amended and filled >= order["qty"] and found.qty > order["qty"]
    events = [_amended_row(order, found, now_ns), *fills] if has_grown else fills
    if found.state is VenueState.WORKING:
        if order["state"] in {OrderState.UNKNOWN, OrderState.INTENT} and not has_grown:
            events.append(order_row(Kind.ACCEPTED, order, now_ns))
        if amended and not has_grown:
            events.append(_amended_row(order, found, now_ns))
    elif filled < (found.qty if has_grown else order["qty"]):
        # A FILLED one of which we know more to be left had become smaller: it is over too.
        kind = _ENDS.get(found.state, Kind.CANCELLED)
        if kind is Kind.REJECTED and filled > 0:
            kind = Kind.CANCELLED  # what was filled stays filled
        events.append(order_row(kind, order, now_ns))
    return events


def _fill_row(fill: Row, order: Row, now_ns: int) -> Rows:
    """Return a fill that was not heard of, as an event; shape (1,)."""
    row: Rows = fill.copy().reshape(1)
    row["order_id"] = order["order_id"]
    row["peer_id"] = order["peer_id"]
    row["ts_ns"] = now_ns
    return row


def _amended_row(order: Row, found: VenueOrder, now_ns: int) -> Rows:
    """Return that an order is now as the venue says, shape (1,)."""
    row = order_row(Kind.AMENDED, order, now_ns)
    row["qty"] = found.qty
    row["price"] = found.price
    row["trigger"] = found.trigger
    return row


def differences(state: StateArray, account: Account, known: set[str], ours: set[str]) -> set[int]:
    """Return the instruments whose position or open orders cannot be explained.

    Args:
        state: What we believe.
        account: What the venue says.
        known: Client ids of our open orders.
        ours: Client ids of orders that are on their way there, or just ended.
    """
    positions = state["instruments"]["position"][0]
    found = {
        number
        for number, lots in enumerate(positions.tolist())
        if lots != account.positions.get(number, 0)
    }
    found.update(
        order.instrument
        for order in account.orders
        if order.client_id not in known and order.client_id not in ours
    )
    return found


def mislaid_orders(
    state: StateArray, account: Account, client_id: Callable[[int], str]
) -> set[int]:
    """Return the open orders of ours that the venue does not name, or with other fills.

    Args:
        state: What we believe.
        account: What the venue says.
        client_id: Returns the name of an order.
    """
    filled = {order.client_id: order.filled for order in account.orders}
    return {
        int(order["order_id"])
        for order in open_orders(state)
        if filled.get(client_id(int(order["order_id"]))) != order["filled"]
    }


def held_instruments(state: StateArray) -> set[int]:
    """Return the instruments over which a reconciliation's hold lies."""
    latches = state["latches"][0]
    mine = (latches["cause"] == Cause.RECONCILIATION) & (latches["scope"] == Scope.INSTRUMENT)
    return {int(number) for number in latches["scope_id"][mine]}


def account_is_held(state: StateArray) -> bool:
    """Return whether a reconciliation's hold lies over the account."""
    latches = state["latches"][0]
    mine = (latches["cause"] == Cause.RECONCILIATION) & (latches["scope"] == Scope.ACCOUNT)
    return bool(mine.any())


def _value_units(spec: Row, lots: int, price: int) -> int:
    """Return the signed value of a position in account units, rounded against us."""
    return lots * price * int(spec["unit_num"]) // int(spec["unit_den"])


def equity_row(
    policy: PolicyArray, state: StateArray, account: Account, now_ns: int
) -> Rows | None:
    """Return VENUE_EQUITY: the venue's books at our marks, so that books are compared, not marks.

    None while a mark is missing.
    """
    units = account.equity_units
    for instrument, lots in account.positions.items():
        if lots == 0:
            continue
        theirs = account.marks.get(instrument, 0)
        ours = int(state["instruments"]["mark"][0, instrument])
        if theirs == 0 or ours == 0:
            return None
        spec = policy["instruments"][0, instrument]
        units += _value_units(spec, lots, ours) - _value_units(spec, lots, theirs)
    row = rows(1)
    row["kind"] = Kind.VENUE_EQUITY
    row["value"] = units
    row["ts_ns"] = now_ns
    row["src_ts_ns"] = now_ns
    return row
