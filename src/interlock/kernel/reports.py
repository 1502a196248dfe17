"""What the venue says of our orders. A report is a fact: booked, or recorded as impossible."""

from interlock.kernel.breakers import count_reject, trip
from interlock.kernel.codes import (
    Alarm,
    Cause,
    Exit,
    Flag,
    Kind,
    Level,
    OrderState,
    Release,
    Role,
    Scope,
)
from interlock.kernel.compiled import compiled
from interlock.kernel.emit import alarm
from interlock.kernel.exits import stop_distance
from interlock.kernel.fills import book_fill, seen_before
from interlock.kernel.latches import clear_condition, set_latch
from interlock.kernel.ledger import is_margined
from interlock.kernel.orders import change_qty, end_order, find_order, release_lots
from interlock.kernel.protect import (
    cancel,
    continue_exit,
    is_of_this_trade,
    note_protected,
    protect,
    stay,
    unprotected,
)
from interlock.kernel.records import SUBS, Row
from interlock.kernel.transitions import ILLEGAL, is_terminal, next_state


@compiled
def illegal(state: Row, out: Row, row: Row, order_state: int) -> None:
    """Record a report that cannot follow: it changes nothing and a person is told."""
    state["account"]["illegal_transitions"] += 1
    alarm(
        state=state,
        out=out,
        code=Alarm.ILLEGAL_TRANSITION,
        instrument=row["instrument"],
        order_id=row["order_id"],
        value=order_state * 64 + row["kind"],
    )


@compiled
def nobody(state: Row, out: Row, row: Row) -> None:
    """Record a report of an order that is not in the table (an old one, or not ours).

    A cancel or an amendment that the order's end overtook is refused: a race, and no alarm.
    """
    account = state["account"]
    refused = row["kind"] == Kind.CANCEL_REJECTED or row["kind"] == Kind.AMEND_REJECTED
    if refused and SUBS < row["order_id"] < account["seq"] * SUBS:
        account["late_rejects"] += 1
        return
    account["unknown_reports"] += 1
    alarm(
        state=state,
        out=out,
        code=Alarm.UNKNOWN_ORDER,
        instrument=row["instrument"],
        order_id=row["order_id"],
        value=row["kind"],
    )


@compiled
def _leave_unknown(state: Row, out: Row, instrument: int) -> None:
    """An order's fate became known: the symbol is free again if no other is unknown."""
    inst = state["instruments"][instrument]
    inst["unknown_orders"] -= 1
    if inst["unknown_orders"] == 0:
        clear_condition(
            state=state,
            out=out,
            cause=Cause.ORDER_UNKNOWN,
            scope=Scope.INSTRUMENT,
            scope_id=instrument,
        )


@compiled
def _lose_sight(state: Row, out: Row, slot: int) -> None:
    """Nobody knows an order's fate: it counts as it did, and its symbol waits for evidence.

    A stop that may be gone protects nothing. What was asked of it by an amendment is forgotten,
    so that it is asked again once the order is found.
    """
    order = state["orders"][slot]
    instrument = order["instrument"]
    inst = state["instruments"][instrument]
    inst["unknown_orders"] += 1
    order["amend_qty"] = 0
    order["amend_trigger"] = 0
    if inst["stop_order"] == slot + 1 and inst["position"] != 0 and inst["unprotected"] == 0:
        inst["unprotected"] = 1
    alarm(
        state=state,
        out=out,
        code=Alarm.OUTCOME_UNKNOWN,
        instrument=instrument,
        order_id=order["order_id"],
        value=order["qty"] - order["filled"],
    )
    set_latch(
        state=state,
        out=out,
        cause=Cause.ORDER_UNKNOWN,
        scope=Scope.INSTRUMENT,
        scope_id=instrument,
        level=Level.PAUSED,
        release=Release.CONDITION,
        cooldown_ns=0,
        value=order["order_id"],
        limit=0,
        who=0,
    )


@compiled
def _enter(state: Row, out: Row, slot: int, after: int) -> bool:
    """Put an open order into a new open state; return whether it was lost and is found."""
    order = state["orders"][slot]
    was_unknown = order["state"] == OrderState.UNKNOWN
    if not was_unknown and after == OrderState.UNKNOWN:
        _lose_sight(state=state, out=out, slot=slot)
    order["state"] = after
    if was_unknown and after != OrderState.UNKNOWN:
        _leave_unknown(state=state, out=out, instrument=order["instrument"])
        return True
    return False


@compiled
def _note_resting(state: Row, out: Row, slot: int) -> None:
    """The venue has the order: if it is the stop of the trade under way, that is protected."""
    order = state["orders"][slot]
    instrument = order["instrument"]
    inst = state["instruments"][instrument]
    ours = inst["stop_order"] == slot + 1 and is_of_this_trade(inst=inst, order=order)
    if ours and inst["unprotected"] == 1:
        note_protected(state=state, out=out, instrument=instrument)


@compiled
def _is_unwanted(state: Row, slot: int, found: bool) -> bool:
    """Return whether an order should not rest: nothing to close, or its cancel was lost with it."""
    order = state["orders"][slot]
    if found and order["cancel_asked"] == 1:
        return True
    closes = order["role"] == Role.STOP or order["role"] == Role.TARGET
    return bool(closes and state["instruments"][order["instrument"]]["position"] == 0)


@compiled
def _finish(policy: Row, state: Row, out: Row, slot: int, kind: int) -> None:
    """Take a finished order down and see what its end means for the position."""
    order = state["orders"][slot]
    instrument = order["instrument"]
    role = order["role"]
    went_on = order["filled"] > 0 and kind != Kind.REJECTED
    if order["state"] == OrderState.UNKNOWN:
        _leave_unknown(state=state, out=out, instrument=instrument)
    inst = state["instruments"][instrument]
    was_stop = inst["stop_order"] == slot + 1
    end_order(state=state, slot=slot)
    if kind == Kind.REJECTED:
        count_reject(policy=policy, state=state, out=out)
    if inst["position"] == 0:
        return
    if role == Role.EXIT and not went_on:
        # The position needs its stop back.
        stay(state=state, instrument=instrument)
    if inst["exit_code"] != Exit.NONE:
        continue_exit(policy=policy, state=state, out=out, instrument=instrument)
    elif was_stop and kind == Kind.REJECTED:
        unprotected(policy=policy, state=state, out=out, instrument=instrument)
    else:
        protect(policy=policy, state=state, out=out, instrument=instrument)


@compiled
def on_report(policy: Row, state: Row, out: Row, row: Row) -> None:
    """Take ACCEPTED, REJECTED, CANCELLED, EXPIRED, OUTCOME_UNKNOWN, ABSENT or CANCEL_REJECTED."""
    instrument = row["instrument"]
    slot = find_order(state=state, instrument=instrument, order_id=row["order_id"])
    if slot < 0:
        nobody(state=state, out=out, row=row)
        return
    order = state["orders"][slot]
    after = next_state(order_state=order["state"], kind=row["kind"])
    if after == ILLEGAL:
        illegal(state=state, out=out, row=row, order_state=order["state"])
        return
    if is_terminal(order_state=after):
        _finish(policy=policy, state=state, out=out, slot=slot, kind=row["kind"])
        return
    found = _enter(state=state, out=out, slot=slot, after=after)
    if row["kind"] == Kind.ACCEPTED:
        order["accepted_ns"] = row["ts_ns"]
        _note_resting(state=state, out=out, slot=slot)
        if _is_unwanted(state=state, slot=slot, found=found):
            cancel(state=state, out=out, slot=slot)
        if found:
            protect(policy=policy, state=state, out=out, instrument=instrument)


@compiled
def on_amended(policy: Row, state: Row, out: Row, row: Row) -> None:
    """Take AMENDED or AMEND_REJECTED: the venue's quantity and price are what counts."""
    instrument = row["instrument"]
    slot = find_order(state=state, instrument=instrument, order_id=row["order_id"])
    if slot < 0:
        nobody(state=state, out=out, row=row)
        return
    order = state["orders"][slot]
    after = next_state(order_state=order["state"], kind=row["kind"])
    reduce_only = order["flags"] & Flag.REDUCE_ONLY != 0
    if (
        after == ILLEGAL
        or not reduce_only
        or (row["kind"] == Kind.AMENDED and row["qty"] <= order["filled"])
    ):
        illegal(state=state, out=out, row=row, order_state=order["state"])
        return
    order["amend_qty"] = 0
    order["amend_trigger"] = 0
    found = _enter(state=state, out=out, slot=slot, after=after)
    if row["kind"] == Kind.AMENDED:
        _note_resting(state=state, out=out, slot=slot)
        if found and _is_unwanted(state=state, slot=slot, found=found):
            cancel(state=state, out=out, slot=slot)
        change_qty(state=state, slot=slot, qty=row["qty"])
        if row["price"] > 0:
            order["price"] = row["price"]
        if row["trigger"] > 0:
            order["trigger"] = row["trigger"]
        protect(policy=policy, state=state, out=out, instrument=instrument)


@compiled
def _overfill(policy: Row, state: Row, out: Row, row: Row, over: int) -> None:
    """More was filled than ordered: booked, for it is a fact, and the symbol is halted."""
    alarm(
        state=state,
        out=out,
        code=Alarm.OVERFILL,
        instrument=row["instrument"],
        order_id=row["order_id"],
        value=over,
    )
    trip(policy, state, out, Cause.OVERFILL, Scope.INSTRUMENT, row["instrument"], over, 0)


@compiled
def on_stranger(policy: Row, state: Row, out: Row, row: Row) -> None:
    """A fill of no open order (late, not ours) or a BUST: booked, for it is a fact, and told.

    A BUST names the trade it takes back; its own mark in the ring of ids is that name inverted.
    """
    instrument = row["instrument"]
    if row["kind"] == Kind.BUST and (row["ext_hi"] != 0 or row["ext_lo"] != 0):
        if seen_before(state=state, ext_hi=~row["ext_hi"], ext_lo=row["ext_lo"]):
            state["account"]["duplicate_fills"] += 1
            return
    code = Alarm.BUST if row["kind"] == Kind.BUST else Alarm.EXTERNAL_FILL
    alarm(
        state=state,
        out=out,
        code=code,
        instrument=instrument,
        order_id=row["order_id"],
        value=row["qty"],
    )
    margined = is_margined(
        spec=policy["instruments"][instrument], margin_asked=row["flags"] & Flag.MARGIN != 0
    )
    side = int(row["side"])
    if row["kind"] == Kind.BUST:
        side = -side
    book_fill(policy=policy, state=state, out=out, slot=-1, row=row, side=side, margined=margined)
    settle_position(policy=policy, state=state, out=out, instrument=instrument)


@compiled
def settle_position(policy: Row, state: Row, out: Row, instrument: int) -> None:
    """Give a position that came without a plan the stop every position has."""
    inst = state["instruments"][instrument]
    if inst["position"] != 0 and inst["stop_distance"] == 0:
        side = 1 if inst["position"] > 0 else -1
        exits = policy["account"]["exits"]
        distance = stop_distance(
            exits=exits, atr=inst["atr"], price=inst["entry_price"], side=side, structure=0
        )
        if distance == 0:
            distance = max(inst["entry_price"] * exits["stop_max_ppm"] // 1_000_000, 1)
        inst["stop_distance"] = distance
        inst["stop_price"] = 0
    protect(policy=policy, state=state, out=out, instrument=instrument)


@compiled
def on_fill(policy: Row, state: Row, out: Row, row: Row) -> None:
    """Take a FILL. It is never refused, even above a limit, even while halted; once by its id."""
    if seen_before(state=state, ext_hi=row["ext_hi"], ext_lo=row["ext_lo"]):
        state["account"]["duplicate_fills"] += 1
        return
    instrument = row["instrument"]
    slot = find_order(state=state, instrument=instrument, order_id=row["order_id"])
    if slot < 0:
        on_stranger(policy=policy, state=state, out=out, row=row)
        return
    order = state["orders"][slot]
    left = order["qty"] - order["filled"]
    over = row["qty"] - left
    after = next_state(order_state=order["state"], kind=Kind.FILL)
    found = _enter(state=state, out=out, slot=slot, after=after)
    margined = order["flags"] & Flag.MARGIN != 0
    release_lots(state=state, slot=slot, lots=min(row["qty"], left))
    order["filled"] += min(row["qty"], left)
    book_fill(
        policy=policy,
        state=state,
        out=out,
        slot=slot,
        row=row,
        side=int(row["side"]),
        margined=margined,
    )
    if order["filled"] >= order["qty"]:
        end_order(state=state, slot=slot)
    elif found and _is_unwanted(state=state, slot=slot, found=found):
        cancel(state=state, out=out, slot=slot)
    if over > 0:
        _overfill(policy=policy, state=state, out=out, row=row, over=over)
    inst = state["instruments"][instrument]
    if inst["exit_code"] != Exit.NONE:
        continue_exit(policy=policy, state=state, out=out, instrument=instrument)
    elif inst["position"] != 0 and inst["stop_distance"] == 0:
        settle_position(policy=policy, state=state, out=out, instrument=instrument)
    else:
        protect(policy=policy, state=state, out=out, instrument=instrument)
