"""Every position has a stop resting at the venue, sized to it, or somebody hears of it.

A kernel exit is cancel, await, reduce-only market: a spot venue locks the balance under a resting
stop, so the stop has to go before the exit can. The position is UNPROTECTED meanwhile, and said so.
"""

from interlock.kernel.breakers import trip
from interlock.kernel.codes import (
    BUY,
    SELL,
    Alarm,
    Cause,
    Exit,
    Flag,
    Kind,
    OrderKind,
    OrderState,
    Role,
    Scope,
)
from interlock.kernel.compiled import compiled
from interlock.kernel.emit import alarm, next_row
from interlock.kernel.exits import moved_stop, to_venue_tick
from interlock.kernel.latches import clear_condition
from interlock.kernel.propose import judge, refuse, submit
from interlock.kernel.records import SUBS, Row
from interlock.kernel.state import NEITHER, NO_STOP_POSSIBLE
from interlock.kernel.transitions import next_state
from interlock.kernel.units import PPM, PRICE_TICKS_MAX


@compiled
def cancel(state: Row, out: Row, slot: int) -> None:
    """Ask the venue to cancel an order, once; it counts as open until the venue says otherwise.

    One that nobody can name is asked for again when it is found, and not before.
    """
    order = state["orders"][slot]
    if order["state"] == OrderState.PENDING_CANCEL:
        return
    if order["state"] == OrderState.UNKNOWN and order["cancel_asked"] == 1:
        return
    order["cancel_asked"] = 1
    row = next_row(
        state=state,
        out=out,
        kind=Kind.CANCEL,
        instrument=order["instrument"],
        strategy=order["strategy"],
    )
    row["order_id"] = order["order_id"]
    row["side"] = order["side"]
    row["role"] = order["role"]
    row["qty"] = order["qty"] - order["filled"]
    order["state"] = next_state(order_state=order["state"], kind=Kind.CANCEL)


@compiled
def cancel_entries(state: Row, out: Row, instrument: int) -> None:
    """Cancel the entries of one instrument that still rest."""
    link = state["instruments"][instrument]["first_order"]
    while link > 0:
        order = state["orders"][link - 1]
        after = order["next"]
        if order["flags"] & Flag.REDUCE_ONLY == 0:
            cancel(state=state, out=out, slot=link - 1)
        link = after


@compiled
def is_of_this_trade(inst: Row, order: Row) -> bool:
    """Return whether an order was sent since the trade under way began."""
    return bool(order["order_id"] >= inst["entry_seq"] * SUBS)


@compiled
def _ask_reduce(
    state: Row, instrument: int, role: int, order_kind: int, price: int, trigger: int
) -> None:
    """Fill the proposal for an order that closes the whole position."""
    inst = state["instruments"][instrument]
    ask = state["proposal"]
    position = inst["position"]
    ask["instrument"] = instrument
    ask["strategy"] = max(inst["owner"], 0)
    ask["side"] = SELL if position > 0 else BUY
    ask["order_kind"] = order_kind
    ask["role"] = role
    ask["flags"] = Flag.REDUCE_ONLY
    if inst["margined"] == 1:
        ask["flags"] = Flag.REDUCE_ONLY | Flag.MARGIN
    ask["qty"] = abs(position)
    ask["price"] = price
    ask["trigger"] = trigger
    ask["parent_qty"] = 0
    ask["stop_distance"] = 0
    ask["target_distance"] = 0
    ask["edge_bps"] = 0
    ask["has_edge"] = 0
    ask["leverage_ppm"] = PPM
    ask["notional_units"] = 0
    ask["cost_units"] = 0
    ask["cash_needed_units"] = 0
    ask["margin_needed_units"] = 0
    ask["risk_units"] = 0
    ask["reducing"] = 1


@compiled
def _try_submit(policy: Row, state: Row, out: Row, peer_id: int) -> int:
    """Pass the proposal through the gate; return the slot + 1 of the order, or 0 if refused."""
    if judge(policy=policy, state=state):
        return submit(policy=policy, state=state, out=out, peer_id=peer_id, payload_id=0) + 1
    refuse(state=state, out=out, payload_id=0)
    return 0


@compiled
def _prices(policy: Row, state: Row, instrument: int) -> None:
    """Work out where stop and target should rest, from the fill, on the venue's grid.

    A stop is rounded toward the entry and a target too: both risk less and promise less.
    """
    inst = state["instruments"][instrument]
    tick = policy["instruments"][instrument]["tick"]
    entry = inst["entry_price"]
    if inst["position"] > 0:
        inst["stop_price"] = to_venue_tick(entry - inst["stop_distance"], tick, up=True)
        inst["target_price"] = 0
        if inst["target_distance"] > 0:
            inst["target_price"] = to_venue_tick(entry + inst["target_distance"], tick, up=False)
    else:
        inst["stop_price"] = to_venue_tick(entry + inst["stop_distance"], tick, up=False)
        inst["target_price"] = 0
        if 0 < inst["target_distance"] < entry:
            inst["target_price"] = to_venue_tick(entry - inst["target_distance"], tick, up=True)
    inst["stop_price"] = min(max(inst["stop_price"], tick), PRICE_TICKS_MAX)


@compiled
def _place(policy: Row, state: Row, out: Row, instrument: int) -> None:
    """Send the stop, and the target as its pair where the venue can cancel one by the other."""
    inst = state["instruments"][instrument]
    if inst["stop_price"] == 0:
        _prices(policy=policy, state=state, instrument=instrument)
    _ask_reduce(
        state,
        instrument,
        Role.STOP,
        OrderKind.STOP,
        inst["stop_price"],
        inst["stop_price"],
    )
    link = _try_submit(policy=policy, state=state, out=out, peer_id=0)
    if link == 0:
        unprotected(policy=policy, state=state, out=out, instrument=instrument)
        return
    inst["stop_order"] = link
    native = policy["instruments"][instrument]["native_oco"] == 1
    if inst["target_price"] > 0 and native:
        stop = state["orders"][link - 1]
        _ask_reduce(state, instrument, Role.TARGET, OrderKind.LIMIT, inst["target_price"], 0)
        link = _try_submit(policy=policy, state=state, out=out, peer_id=stop["order_id"])
        if link > 0:
            stop["peer_id"] = state["orders"][link - 1]["order_id"]
            inst["target_order"] = link


@compiled
def stay(state: Row, instrument: int) -> None:
    """The way out did not happen: the position stays.

    Rules try again at the next bar or TIMER, and not as fast as a venue refuses. The time of events
    is no measure of that: it stands still after a clock that was wrong is put right.
    """
    inst = state["instruments"][instrument]
    inst["exit_code"] = Exit.NONE
    inst["exit_waits"] = 1


@compiled
def unprotected(policy: Row, state: Row, out: Row, instrument: int) -> None:
    """No stop can rest: alarm, latch the instrument, and take the position off the market."""
    inst = state["instruments"][instrument]
    inst["unprotected"] = 1
    alarm(
        state=state,
        out=out,
        code=Alarm.UNPROTECTED,
        instrument=instrument,
        order_id=0,
        value=inst["position"],
    )
    trip(policy, state, out, Cause.UNPROTECTED, Scope.INSTRUMENT, instrument, inst["position"], 0)
    if inst["exit_waits"] == 0:
        begin_exit(policy=policy, state=state, out=out, instrument=instrument, code=Exit.FLATTENED)
    else:
        inst["exit_waits"] = NEITHER


@compiled
def _amend(state: Row, out: Row, slot: int, qty: int, trigger: int) -> None:
    """Ask the venue to change an order's quantity and price, once per wish."""
    order = state["orders"][slot]
    if order["state"] == OrderState.PENDING_CANCEL or order["state"] == OrderState.UNKNOWN:
        return
    if order["amend_qty"] == qty and order["amend_trigger"] == trigger:
        return
    order["amend_qty"] = qty
    order["amend_trigger"] = trigger
    row = next_row(
        state=state,
        out=out,
        kind=Kind.AMEND,
        instrument=order["instrument"],
        strategy=order["strategy"],
    )
    row["order_id"] = order["order_id"]
    row["side"] = order["side"]
    row["order_kind"] = order["order_kind"]
    row["role"] = order["role"]
    row["qty"] = qty
    row["price"] = trigger
    row["trigger"] = trigger
    if order["order_kind"] == OrderKind.LIMIT:
        row["trigger"] = 0


@compiled
def _resize(state: Row, out: Row, slot: int, held: int, price: int) -> None:
    order = state["orders"][slot]
    at = order["price"]
    if order["order_kind"] == OrderKind.STOP:
        at = order["trigger"]
    if order["qty"] - order["filled"] != held or at != price:
        _amend(state=state, out=out, slot=slot, qty=held + order["filled"], trigger=price)


@compiled
def _follow_running_stop(policy: Row, state: Row, out: Row, instrument: int) -> None:
    """A stop that has begun to fill is on its way out and cannot be changed any more.

    The entry must not go on filling behind it, and what it does not cover leaves at market.
    """
    inst = state["instruments"][instrument]
    stop = state["orders"][inst["stop_order"] - 1]
    if inst["entry_orders"] > 0:
        cancel_entries(state=state, out=out, instrument=instrument)
    if abs(inst["position"]) > stop["qty"] - stop["filled"]:
        begin_exit(policy=policy, state=state, out=out, instrument=instrument, code=Exit.STOP)


@compiled
def protect(policy: Row, state: Row, out: Row, instrument: int) -> None:
    """Make stop and target rest for exactly the position, where they should be."""
    inst = state["instruments"][instrument]
    position = inst["position"]
    if position == 0 or inst["exit_code"] != Exit.NONE or inst["unprotected"] == NO_STOP_POSSIBLE:
        return
    stop = inst["stop_order"]
    if stop > 0 and not is_of_this_trade(inst=inst, order=state["orders"][stop - 1]):
        # It protected the trade before this one; what comes after it is gone protects this one.
        inst["unprotected"] = 1
        cancel(state=state, out=out, slot=stop - 1)
        return
    if stop == 0:
        inst["unprotected"] = 1
        if inst["target_order"] > 0:
            # Its stop is gone and it alone locks the position: a stop matters more.
            cancel(state=state, out=out, slot=inst["target_order"] - 1)
            return
        if inst["exit_waits"] == NEITHER:
            return
        _place(policy=policy, state=state, out=out, instrument=instrument)
        return
    held = abs(position)
    if state["orders"][stop - 1]["filled"] > 0:
        _follow_running_stop(policy=policy, state=state, out=out, instrument=instrument)
        return
    _resize(state=state, out=out, slot=stop - 1, held=held, price=inst["stop_price"])
    if inst["target_order"] > 0:
        _resize(
            state=state,
            out=out,
            slot=inst["target_order"] - 1,
            held=held,
            price=inst["target_price"],
        )


@compiled
def move_stop(policy: Row, state: Row, out: Row, instrument: int) -> None:
    """Apply trailing and break-even at a bar's close; the stop only ever comes nearer."""
    exits = policy["account"]["exits"]
    if exits["trailing_enabled"] == 0 and exits["break_even_enabled"] == 0:
        return
    inst = state["instruments"][instrument]
    if inst["stop_order"] == 0 or inst["exit_code"] != Exit.NONE:
        return
    side = 1 if inst["position"] > 0 else -1
    entry = inst["entry_price"]
    tick = policy["instruments"][instrument]["tick"]
    wanted = moved_stop(exits=exits, inst=inst, side=side, entry_price=entry)
    wanted = to_venue_tick(price=wanted, tick=tick, up=side < 0)
    if side * (wanted - inst["stop_price"]) <= 0:
        return
    if side * (inst["mark"] - wanted) <= 0:
        return  # it would trigger at once; the bar's own path decides that, not we
    inst["stop_flags"] = Flag.BREAK_EVEN if wanted == entry else Flag.TRAILED
    inst["stop_price"] = wanted
    protect(policy=policy, state=state, out=out, instrument=instrument)


@compiled
def begin_exit(policy: Row, state: Row, out: Row, instrument: int, code: int) -> None:
    """Start to close a position: cancel what rests, and once that is gone, sell at market."""
    inst = state["instruments"][instrument]
    if inst["position"] == 0 or inst["exit_code"] != Exit.NONE:
        return
    inst["exit_code"] = code
    cancel_entries(state=state, out=out, instrument=instrument)
    if inst["stop_order"] > 0:
        cancel(state=state, out=out, slot=inst["stop_order"] - 1)
    if inst["target_order"] > 0:
        cancel(state=state, out=out, slot=inst["target_order"] - 1)
    continue_exit(policy=policy, state=state, out=out, instrument=instrument)


@compiled
def continue_exit(policy: Row, state: Row, out: Row, instrument: int) -> None:
    """Send the closing order once nothing holds the position any more."""
    inst = state["instruments"][instrument]
    if inst["exit_code"] == Exit.NONE or inst["position"] == 0 or inst["stop_order"] > 0:
        return
    inst["unprotected"] = 1
    if inst["exit_order"] > 0 or inst["target_order"] > 0:
        return
    _ask_reduce(state, instrument, Role.EXIT, OrderKind.MARKET, max(inst["mark"], 1), 0)
    link = _try_submit(policy=policy, state=state, out=out, peer_id=0)
    if link > 0:
        state["orders"][link - 1]["exit_code"] = inst["exit_code"]
        inst["exit_order"] = link
        return
    # The gate said no to the way out: that is a fault in us, and a person has to know.
    stay(state=state, instrument=instrument)
    inst["unprotected"] = NO_STOP_POSSIBLE
    alarm(
        state=state,
        out=out,
        code=Alarm.UNPROTECTED,
        instrument=instrument,
        order_id=0,
        value=inst["position"],
    )
    trip(policy, state, out, Cause.UNPROTECTED, Scope.INSTRUMENT, instrument, inst["position"], 0)


@compiled
def press_exit(policy: Row, state: Row, out: Row, instrument: int) -> None:
    """An exit is under way: ask again for what a venue refused to cancel, then go on."""
    inst = state["instruments"][instrument]
    for link in (inst["stop_order"], inst["target_order"]):
        if link > 0 and state["orders"][link - 1]["state"] != OrderState.UNKNOWN:
            cancel(state=state, out=out, slot=link - 1)
    continue_exit(policy=policy, state=state, out=out, instrument=instrument)


@compiled
def note_protected(state: Row, out: Row, instrument: int) -> None:
    """The stop rests: the position is protected again."""
    inst = state["instruments"][instrument]
    inst["unprotected"] = 0
    if inst["latch_level"] > 0:
        clear_condition(
            state=state,
            out=out,
            cause=Cause.UNPROTECTED,
            scope=Scope.INSTRUMENT,
            scope_id=instrument,
        )
