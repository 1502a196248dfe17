"""The table of open orders: slots, one list per instrument, and what each order holds in reserve.

Nothing here scans the table: slots come from a free list, and an order is found by walking the
few open orders of its own instrument.
"""

from interlock.kernel.codes import BUY, Flag, OrderState, Role
from interlock.kernel.compiled import compiled
from interlock.kernel.records import Row
from interlock.kernel.units import mul_div


@compiled
def find_order(state: Row, instrument: int, order_id: int) -> int:
    """Return the slot of an open order, or -1."""
    assert instrument >= 0
    link = state["instruments"][instrument]["first_order"]
    while link > 0:
        if state["orders"][link - 1]["order_id"] == order_id:
            return int(link - 1)
        link = state["orders"][link - 1]["next"]
    return -1


@compiled
def take_slot(state: Row, instrument: int) -> int:
    """Take a free slot and put it first in its instrument's list. The gate saw that one is free."""
    account = state["account"]
    link = account["free_order"]
    assert link > 0
    inst = state["instruments"][instrument]
    order = state["orders"][link - 1]
    account["free_order"] = order["next"]
    first = inst["first_order"]
    order["next"] = first
    order["previous"] = 0
    if first > 0:
        state["orders"][first - 1]["previous"] = link
    inst["first_order"] = link
    inst["open_orders"] += 1
    account["open_orders"] += 1
    return int(link - 1)


@compiled
def note_pending_position(state: Row, instrument: int) -> None:
    """Count the instrument as a position to be while an entry waits and none is there."""
    inst = state["instruments"][instrument]
    counted = inst["pending_position"]
    waits = inst["position"] == 0 and inst["entry_orders"] > 0
    if waits and counted == 0:
        owner = inst["owner"]
        assert owner >= 0
        inst["pending_position"] = owner + 1
        state["account"]["pending_positions"] += 1
        state["strategies"][owner]["pending_positions"] += 1
    elif counted > 0 and not waits:
        inst["pending_position"] = 0
        state["account"]["pending_positions"] -= 1
        state["strategies"][counted - 1]["pending_positions"] -= 1


@compiled
def _count_lots(inst: Row, order: Row, lots: int) -> None:
    """Add ``lots`` to what is open on the order's side; a pair's second leg counts no more."""
    if order["flags"] & Flag.REDUCE_ONLY == 0:
        if order["side"] == BUY:
            inst["entry_buy"] += lots
        else:
            inst["entry_sell"] += lots
    elif order["role"] != Role.TARGET or order["peer_id"] == 0:
        if order["side"] == BUY:
            inst["reduce_buy"] += lots
        else:
            inst["reduce_sell"] += lots


@compiled
def _hold(state: Row, order: Row, notional_units: int, reserved_units: int) -> None:
    account = state["account"]
    inst = state["instruments"][order["instrument"]]
    account["pending_units"] += notional_units
    inst["pending_units"] += notional_units
    if order["side"] == BUY:
        account["pending_buy_units"] += notional_units
    state["strategies"][order["strategy"]]["pending_units"] += notional_units
    if order["flags"] & Flag.MARGIN != 0:
        account["pending_margin_units"] += reserved_units
        account["pending_exposure_units"] += reserved_units
    else:
        account["pending_cash_units"] += reserved_units
        account["pending_exposure_units"] += notional_units


@compiled
def reserve(state: Row, slot: int) -> None:
    """Count a new order in every total, as if it were filled."""
    order = state["orders"][slot]
    inst = state["instruments"][order["instrument"]]
    _count_lots(inst=inst, order=order, lots=order["qty"])
    state["strategies"][order["strategy"]]["open_orders"] += 1
    if order["flags"] & Flag.REDUCE_ONLY == 0:
        inst["entry_orders"] += 1
        _hold(
            state=state,
            order=order,
            notional_units=order["notional_units"],
            reserved_units=order["reserved_units"],
        )
        note_pending_position(state=state, instrument=order["instrument"])


@compiled
def release_lots(state: Row, slot: int, lots: int) -> None:
    """Give back what ``lots`` of the order held: they were filled, or will not be."""
    order = state["orders"][slot]
    left = order["qty"] - order["filled"]
    assert 0 <= lots <= left
    inst = state["instruments"][order["instrument"]]
    _count_lots(inst=inst, order=order, lots=-lots)
    if order["flags"] & Flag.REDUCE_ONLY == 0 and left > 0:
        notional_units = mul_div(a=order["notional_units"], b=lots, c=left)
        reserved_units = mul_div(a=order["reserved_units"], b=lots, c=left)
        order["notional_units"] -= notional_units
        order["reserved_units"] -= reserved_units
        _hold(
            state=state,
            order=order,
            notional_units=-notional_units,
            reserved_units=-reserved_units,
        )


@compiled
def change_qty(state: Row, slot: int, qty: int) -> None:
    """Set a reduce-only order's quantity, as the venue confirmed it."""
    order = state["orders"][slot]
    assert order["flags"] & Flag.REDUCE_ONLY != 0
    inst = state["instruments"][order["instrument"]]
    _count_lots(inst=inst, order=order, lots=qty - order["qty"])
    order["qty"] = qty


@compiled
def end_order(state: Row, slot: int) -> None:
    """Take an order out of the table: it holds nothing any more and its slot is free."""
    account = state["account"]
    order = state["orders"][slot]
    instrument = order["instrument"]
    inst = state["instruments"][instrument]
    release_lots(state=state, slot=slot, lots=order["qty"] - order["filled"])
    state["strategies"][order["strategy"]]["open_orders"] -= 1
    if order["flags"] & Flag.REDUCE_ONLY == 0:
        inst["entry_orders"] -= 1
        note_pending_position(state=state, instrument=instrument)
    link = slot + 1
    if inst["stop_order"] == link:
        inst["stop_order"] = 0
    if inst["target_order"] == link:
        inst["target_order"] = 0
    if inst["exit_order"] == link:
        inst["exit_order"] = 0
    before = order["previous"]
    after = order["next"]
    if before > 0:
        state["orders"][before - 1]["next"] = after
    else:
        inst["first_order"] = after
    if after > 0:
        state["orders"][after - 1]["previous"] = before
    inst["open_orders"] -= 1
    account["open_orders"] -= 1
    order["order_id"] = 0
    order["state"] = OrderState.NONE
    order["next"] = account["free_order"]
    account["free_order"] = link
