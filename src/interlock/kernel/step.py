"""The kernel's one door: one event in, state updated in place, commands out. Nothing else."""

from typing import Final

from interlock.kernel.breakers import watch_equity
from interlock.kernel.codes import ACCOUNT, Cause, Kind, Level, Metric
from interlock.kernel.compiled import compiled, compiled_inline
from interlock.kernel.controls import (
    enforce,
    enforce_over,
    on_adopted,
    on_calendar,
    on_condition_gone,
    on_day,
    on_halt,
    on_health,
    on_money,
    on_resume,
    on_timer,
    on_venue_equity,
)
from interlock.kernel.feeds import on_bar, on_quote, on_signal, on_trade
from interlock.kernel.market import prices_in_range
from interlock.kernel.policy import CAUSES, PolicyArray
from interlock.kernel.records import OutArray, Row, Rows
from interlock.kernel.reports import on_amended, on_fill, on_report, on_stranger
from interlock.kernel.state import StateArray
from interlock.kernel.units import PRICE_TICKS_MAX, QTY_LOTS_MAX, UNITS_MAX

TS_NS_MAX: Final = 2**62


@compiled_inline
def _names_instrument(policy: Row, row: Row) -> bool:
    return bool(0 <= row["instrument"] < policy["account"]["instruments"])


@compiled
def _names_scope(policy: Row, row: Row) -> bool:
    """Return whether instrument and strategy are each ACCOUNT or a row in use, at most one."""
    if row["instrument"] != ACCOUNT and row["strategy"] != ACCOUNT:
        return False
    if row["instrument"] != ACCOUNT:
        return _names_instrument(policy=policy, row=row)
    return bool(ACCOUNT <= row["strategy"] < policy["account"]["strategies"])


@compiled
def _signal_is_sound(policy: Row, row: Row) -> bool:
    if not 0 <= row["strategy"] < policy["account"]["strategies"]:
        return False
    if not -1 <= row["side"] <= 1:
        return False
    if not 0 <= row["stop_ticks"] <= PRICE_TICKS_MAX:
        return False
    if not -QTY_LOTS_MAX < row["edge_bps"] < QTY_LOTS_MAX:
        return False
    if not 0 <= row["qty"] <= QTY_LOTS_MAX or not 0 <= row["price"] <= PRICE_TICKS_MAX:
        return False
    return bool(0 <= row["target_ticks"] <= PRICE_TICKS_MAX)


@compiled
def _fill_is_sound(policy: Row, row: Row) -> bool:
    """Return whether a fill is in numbers the ledger can book; what it means is for later."""
    spec = policy["instruments"][row["instrument"]]
    price = row["price"]
    qty = row["qty"]
    if row["side"] != 1 and row["side"] != -1:
        return False
    if not 0 < qty <= QTY_LOTS_MAX:
        return False
    # The price before slippage, where the venue tells it.
    highest = max(price, row["close"])
    if not prices_in_range(spec=spec, low=price, high=highest):
        return False
    units = float(highest) * float(spec["unit_num"]) * float(qty)
    if not units < float(UNITS_MAX) * float(spec["unit_den"]):
        return False
    if row["fee_asset"] == 1:
        return bool(0 <= row["fee"] <= qty)
    return bool(row["fee_asset"] == 0 and -UNITS_MAX < row["fee"] < UNITS_MAX)


@compiled
def _money_is_sound(account: Row, units: int) -> bool:
    """Return whether the account can still be added up with so much more or less in it."""
    if not -UNITS_MAX < units < UNITS_MAX:
        return False
    if not -UNITS_MAX < account["capital_units"] + units < UNITS_MAX:
        return False
    return bool(-UNITS_MAX < account["cash_units"] + units < UNITS_MAX)


@compiled
def _amend_is_sound(row: Row) -> bool:
    if not 0 < row["qty"] <= QTY_LOTS_MAX:
        return False
    if not 0 <= row["price"] <= PRICE_TICKS_MAX:
        return False
    return bool(0 <= row["trigger"] <= PRICE_TICKS_MAX)


@compiled
def _control_is_sound(policy: Row, row: Row) -> bool:
    kind = row["kind"]
    if kind == Kind.HALT:
        if not 0 < row["code"] < CAUSES or not Level.NONE < row["level"] <= Level.KILLED:
            return False
        return _names_scope(policy=policy, row=row)
    if kind == Kind.RESUME or kind == Kind.TIMER:
        return bool(0 <= row["code"] < CAUSES) and _names_scope(policy=policy, row=row)
    if kind == Kind.HEALTH:
        if not 0 < row["code"] <= Metric.DRIFT or not -UNITS_MAX < row["value"] < UNITS_MAX:
            return False
        return _names_scope(policy=policy, row=row)
    if kind == Kind.VENUE_EQUITY:
        return bool(-UNITS_MAX < row["value"] < UNITS_MAX)
    return True


@compiled_inline
def is_sound(policy: Row, state: Row, row: Row) -> bool:
    """Return whether an event may be handled at all; if not it only counts as garbage.

    An event comes after the one before (seq and time), names what exists, and carries numbers in
    range. A bad market number is not garbage here: its own handler quarantines the symbol.
    """
    account = state["account"]
    if row["seq"] <= account["seq"] or row["seq"] >= 2**50:
        return False
    if not account["ts_ns"] <= row["ts_ns"] < TS_NS_MAX or not 0 <= row["src_ts_ns"] < TS_NS_MAX:
        return False
    kind = row["kind"]
    if kind == Kind.CASH or kind == Kind.FUNDING:
        if not _money_is_sound(account=account, units=row["value"]):
            return False
    if kind == Kind.BAR or kind == Kind.QUOTE or kind == Kind.TRADE:
        return _names_instrument(policy=policy, row=row)
    if not Kind.SIGNAL <= kind <= Kind.VENUE_RESUME:
        return False
    if Kind.CASH <= kind <= Kind.VENUE_EQUITY or Kind.TIMER <= kind <= Kind.HEALTH:
        return _control_is_sound(policy=policy, row=row)
    if kind == Kind.DAY:
        return True
    if not _names_instrument(policy=policy, row=row):
        return False
    if kind == Kind.SIGNAL:
        return _signal_is_sound(policy=policy, row=row)
    if kind == Kind.FILL or kind == Kind.BUST:
        return _fill_is_sound(policy=policy, row=row)
    if kind == Kind.ADOPTED:
        return bool(row["strategy"] < policy["account"]["strategies"]) and _fill_is_sound(
            policy=policy, row=row
        )
    if kind == Kind.AMENDED:
        return _amend_is_sound(row=row)
    return True


@compiled
def _on_control(policy: Row, state: Row, out: Row, row: Row) -> None:
    kind = row["kind"]
    if kind == Kind.HALT:
        on_halt(state=state, out=out, row=row)
    elif kind == Kind.RESUME:
        on_resume(policy=policy, state=state, out=out, row=row)
    elif kind == Kind.TIMER:
        on_timer(policy=policy, state=state, out=out)
        if row["code"] != Cause.NONE:
            on_condition_gone(state=state, out=out, row=row)
    elif kind == Kind.HEALTH:
        on_health(policy=policy, state=state, out=out, row=row)
    elif kind == Kind.VENUE_EQUITY:
        on_venue_equity(policy=policy, state=state, out=out, row=row)
    elif kind == Kind.CASH or kind == Kind.FUNDING:
        on_money(policy=policy, state=state, out=out, row=row)
    elif kind == Kind.ADOPTED:
        on_adopted(policy=policy, state=state, out=out, row=row)
    elif kind == Kind.DAY:
        on_day(policy=policy, state=state, out=out)
    elif kind == Kind.POLICY_SET:
        state["account"]["policy_seq"] = row["seq"]
        watch_equity(policy=policy, account=state["account"])
    else:
        on_calendar(state=state, row=row)


@compiled_inline
def handle(policy: Row, state: Row, row: Row, out: Row) -> int:
    """Handle one event row; ``step`` for callers that hold the rows already."""
    account = state["account"]
    account["sub"] = 0
    if not is_sound(policy=policy, state=state, row=row):
        account["garbage"] += 1
        return 0
    account["seq"] = row["seq"]
    account["ts_ns"] = row["ts_ns"]
    account["events"] += 1
    kind = row["kind"]
    if kind == Kind.BAR:
        on_bar(policy=policy, state=state, out=out, row=row)
    elif kind == Kind.SIGNAL:
        on_signal(policy=policy, state=state, out=out, row=row)
    elif kind == Kind.FILL:
        on_fill(policy=policy, state=state, out=out, row=row)
    elif kind == Kind.QUOTE:
        on_quote(policy=policy, state=state, out=out, row=row)
    elif kind == Kind.TRADE:
        on_trade(policy=policy, state=state, out=out, row=row)
    elif kind == Kind.AMENDED or kind == Kind.AMEND_REJECTED:
        on_amended(policy=policy, state=state, out=out, row=row)
    elif kind <= Kind.ABSENT:
        on_report(policy=policy, state=state, out=out, row=row)
    elif kind == Kind.BUST:
        on_stranger(policy=policy, state=state, out=out, row=row)
    else:
        _on_control(policy=policy, state=state, out=out, row=row)
    if account["latches"] > 0:
        if account["sub"] > 0 or kind == Kind.TIMER:
            enforce(policy=policy, state=state, out=out)
        elif kind == Kind.BAR:  # what a venue refused to cancel or to close is asked for again
            enforce_over(policy=policy, state=state, out=out, instrument=row["instrument"])
    return int(account["sub"])


@compiled
def step(policy: PolicyArray, state: StateArray, events: Rows, index: int, out: OutArray) -> int:
    """Handle ``events[index]``: update ``state`` in place, write commands to ``out``.

    Args:
        policy: Shape (1,), ``policy_dtype``.
        state: Shape (1,), ``state_dtype``; changed in place.
        events: Shape (n,), dtype ``ROW``.
        index: Which one, 0 <= index < n.
        out: Shape (1,), dtype ``OUT``; ``out["rows"][0, :count]`` are the commands, in order.

    Returns:
        How many commands were written. An event that cannot be handled writes none and changes
        nothing but the counter ``garbage``.

    Raises:
        AssertionError: A bug in the kernel or its host; the engine stops, it does not go on.
    """
    assert index >= 0
    return handle(policy[0], state[0], events[index], out[0])
