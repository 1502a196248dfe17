"""Operators, clocks, calendars and monitors: what they may ask, and what it does."""

from interlock.kernel.breakers import check_equity, trip, watch_equity
from interlock.kernel.codes import (
    ACCOUNT,
    Alarm,
    Cause,
    Exit,
    Kind,
    Level,
    Metric,
    Release,
    Scope,
)
from interlock.kernel.compiled import compiled
from interlock.kernel.emit import alarm
from interlock.kernel.fills import start_trade
from interlock.kernel.latches import (
    clear_condition,
    cool_down,
    find_latch,
    level_over,
    meet,
    session_began,
    set_latch,
)
from interlock.kernel.ledger import add_capital, add_funding, apply_fill, is_margined, revalue
from interlock.kernel.orders import note_pending_position
from interlock.kernel.protect import begin_exit, cancel_entries, press_exit, protect
from interlock.kernel.records import Row
from interlock.kernel.reports import settle_position
from interlock.kernel.state import NEITHER
from interlock.kernel.units import PPM


@compiled
def scope_of(row: Row) -> int:
    """Return the ``Scope`` a row is about: its instrument, else its strategy, else the account."""
    if row["instrument"] >= 0:
        return Scope.INSTRUMENT
    if row["strategy"] >= 0:
        return Scope.STRATEGY
    return Scope.ACCOUNT


@compiled
def scope_id_of(row: Row) -> int:
    """Return the index within the row's scope; ACCOUNT for the account."""
    if row["instrument"] >= 0:
        return int(row["instrument"])
    return int(row["strategy"])


@compiled
def enforce_over(policy: Row, state: Row, out: Row, instrument: int) -> None:
    """Do over one instrument what ``enforce`` does over all."""
    inst = state["instruments"][instrument]
    if inst["entry_orders"] == 0 and inst["position"] == 0:
        return
    level = level_over(state=state, instrument=instrument)
    if level >= Level.HALTED:
        cancel_entries(state=state, out=out, instrument=instrument)
    if level >= Level.KILLED and inst["exit_waits"] == 0:
        begin_exit(policy=policy, state=state, out=out, instrument=instrument, code=Exit.FLATTENED)


@compiled
def enforce(policy: Row, state: Row, out: Row) -> None:
    """Do what the strictest latches demand: cancel entries when halted, close all when killed."""
    for instrument in range(policy["account"]["instruments"]):
        enforce_over(policy=policy, state=state, out=out, instrument=instrument)


@compiled
def on_halt(state: Row, out: Row, row: Row) -> None:
    """An operator or a monitor stops something: code = Cause, level = Level.

    Only a person clears it, but for what a monitor can see to be over.
    """
    cause = row["code"]
    release = Release.PERSON
    if cause == Cause.RECONCILIATION or cause == Cause.VENUE_UNAVAILABLE or cause == Cause.WATCHDOG:
        release = Release.CONDITION
    set_latch(
        state=state,
        out=out,
        cause=cause,
        scope=scope_of(row),
        scope_id=scope_id_of(row),
        level=row["level"],
        release=release,
        cooldown_ns=0,
        value=row["value"],
        limit=row["limit"],
        who=row["payload_id"],
    )


@compiled
def _rebase(policy: Row, account: Row, cause: int) -> None:
    """A person took note of a loss: the reference it was measured from starts again here."""
    if cause == Cause.MAX_DRAWDOWN or cause == Cause.DRAWDOWN or cause == Cause.DAILY_LOSS:
        equity_units = account["equity_units"]
        account["day_peak_units"] = equity_units
        account["day_start_units"] = equity_units
        if cause == Cause.MAX_DRAWDOWN:
            account["peak_units"] = equity_units
        watch_equity(policy=policy, account=account)


@compiled
def on_resume(policy: Row, state: Row, out: Row, row: Row) -> None:
    """A person clears a latch: code = Cause. What else it waits for still has to happen.

    What was lost is taken note of now, even if the latch opens later: otherwise the same loss
    would set it again at once.
    """
    cause = row["code"]
    scope = scope_of(row)
    scope_id = scope_id_of(row)
    index = find_latch(state=state, cause=cause, scope=scope, scope_id=scope_id)
    if index < 0 or state["latches"][index]["release"] & Release.PERSON == 0:
        return
    meet(state=state, out=out, index=index, what=Release.PERSON, who=row["payload_id"])
    _rebase(policy=policy, account=state["account"], cause=cause)
    if cause == Cause.CONSECUTIVE_LOSSES:
        if scope == Scope.ACCOUNT:
            state["account"]["consecutive_losses"] = 0
            state["account"]["size_scale_ppm"] = PPM
        else:
            state["strategies"][scope_id]["consecutive_losses"] = 0
            state["strategies"][scope_id]["size_scale_ppm"] = PPM


@compiled
def on_condition_gone(state: Row, out: Row, row: Row) -> None:
    """A monitor says that what it saw is over (VENUE_RESUME, reconciled): code = Cause."""
    clear_condition(
        state=state, out=out, cause=row["code"], scope=scope_of(row), scope_id=scope_id_of(row)
    )


@compiled
def on_day(policy: Row, state: Row, out: Row) -> None:
    """A day of the account begins: its references and daily counters start again."""
    account = state["account"]
    account["days"] += 1
    account["per_day"] = 0
    account["day_start_units"] = account["equity_units"]
    account["day_peak_units"] = account["equity_units"]
    for instrument in range(policy["account"]["instruments"]):
        state["instruments"][instrument]["per_day"] = 0
    for strategy in range(policy["account"]["strategies"]):
        state["strategies"][strategy]["per_day"] = 0
    watch_equity(policy=policy, account=account)
    session_began(state=state, out=out)


@compiled
def on_calendar(state: Row, row: Row) -> None:
    """Take SESSION_OPEN, SESSION_CLOSE, BLACKOUT_START, BLACKOUT_END, VENUE_HALT, VENUE_RESUME."""
    inst = state["instruments"][row["instrument"]]
    kind = row["kind"]
    if kind == Kind.SESSION_OPEN:
        inst["session_open"] = 1
    elif kind == Kind.SESSION_CLOSE:
        inst["session_open"] = 0
    elif kind == Kind.BLACKOUT_START:
        inst["blackouts"] += 1
    elif kind == Kind.BLACKOUT_END:
        inst["blackouts"] = max(inst["blackouts"] - 1, 0)
    elif kind == Kind.VENUE_HALT:
        inst["venue_halted"] = 1
    else:
        inst["venue_halted"] = 0


@compiled
def on_timer(policy: Row, state: Row, out: Row) -> None:
    """Time passed: release what only waited for its cooldown, and press the ways out."""
    if state["account"]["latches"] > 0:
        cool_down(state=state, out=out)
    for instrument in range(policy["account"]["instruments"]):
        inst = state["instruments"][instrument]
        waited = inst["exit_waits"]
        inst["exit_waits"] = 0
        if inst["exit_code"] != Exit.NONE:
            press_exit(policy=policy, state=state, out=out, instrument=instrument)
        elif waited == NEITHER:
            protect(policy=policy, state=state, out=out, instrument=instrument)


@compiled
def cause_of_metric(metric: int) -> int:
    """Return the ``Cause`` a metric sets."""
    if metric == Metric.FEED_LAG_MS:
        return Cause.FEED_LAG
    if metric == Metric.INFERENCE_P95_MS or metric == Metric.INFERENCE_P99_MS:
        return Cause.INFERENCE_LATENCY
    if metric == Metric.PLACEMENT_MS:
        return Cause.PLACEMENT_LATENCY
    if metric == Metric.FILL_MS:
        return Cause.FILL_LATENCY
    if metric == Metric.CLOCK_OFFSET_MS:
        return Cause.CLOCK_OFFSET
    if metric == Metric.DISK_FREE_PPM:
        return Cause.DISK
    if metric == Metric.MEMORY_USED_PPM:
        return Cause.MEMORY
    if metric == Metric.VENUE_UNAVAILABLE:
        return Cause.VENUE_UNAVAILABLE
    if metric == Metric.DATA_QUALITY_PPM:
        return Cause.DATA_QUALITY
    return Cause.DRIFT


@compiled
def on_health(policy: Row, state: Row, out: Row, row: Row) -> None:
    """Judge a measured number against its breaker: code = Metric, value = measured."""
    metric = row["code"]
    cause = cause_of_metric(metric=metric)
    breaker = policy["account"]["breakers"][cause]
    if breaker["enabled"] != 1:
        return
    limit = breaker["limit"]
    if metric == Metric.INFERENCE_P99_MS:
        limit = 2 * limit  # the p99 may be twice the p95's limit
    value = row["value"]
    if metric == Metric.CLOCK_OFFSET_MS:
        value = abs(value)
    bad = value > limit
    if metric == Metric.DISK_FREE_PPM or metric == Metric.DATA_QUALITY_PPM:
        bad = value < limit
    if bad:
        trip(policy, state, out, cause, scope_of(row), scope_id_of(row), value, limit)
    else:
        clear_condition(
            state=state, out=out, cause=cause, scope=scope_of(row), scope_id=scope_id_of(row)
        )


@compiled
def on_money(policy: Row, state: Row, out: Row, row: Row) -> None:
    """Take FUNDING or CASH, in account units, signed."""
    account = state["account"]
    if row["kind"] == Kind.CASH:
        add_capital(account=account, units=row["value"])
        watch_equity(policy=policy, account=account)
        return
    instrument = row["instrument"]
    inst = state["instruments"][instrument]
    add_funding(account=account, inst=inst, units=row["value"])
    revalue(
        spec=policy["instruments"][instrument],
        account=account,
        strategies=state["strategies"],
        inst=inst,
    )
    check_equity(policy=policy, state=state, out=out)


@compiled
def on_venue_equity(policy: Row, state: Row, out: Row, row: Row) -> None:
    """Compare the venue's own equity with ours; beyond the tolerance entries pause."""
    account = state["account"]
    account["venue_equity_units"] = row["value"]
    apart = abs(account["equity_units"] - row["value"])
    tolerance_ppm = policy["account"]["venue_equity_tolerance_ppm"]
    bad = float(apart) * float(PPM) > float(max(row["value"], 0)) * float(tolerance_ppm)
    if bad:
        trip(
            policy,
            state,
            out,
            Cause.EQUITY_MISMATCH,
            Scope.ACCOUNT,
            ACCOUNT,
            row["value"],
            account["equity_units"],
        )
    else:
        clear_condition(
            state=state,
            out=out,
            cause=Cause.EQUITY_MISMATCH,
            scope=Scope.ACCOUNT,
            scope_id=ACCOUNT,
        )


@compiled
def _position_mismatch(state: Row, out: Row, row: Row) -> None:
    """The venue names a position where we hold one: nobody can explain it, so the symbol halts.

    Nothing is booked: no price is invented. Evidence that both agree opens the latch.
    """
    instrument = row["instrument"]
    found = row["side"] * row["qty"]
    alarm(
        state=state,
        out=out,
        code=Alarm.POSITION_MISMATCH,
        instrument=instrument,
        order_id=0,
        value=found,
    )
    set_latch(
        state=state,
        out=out,
        cause=Cause.RECONCILIATION,
        scope=Scope.INSTRUMENT,
        scope_id=instrument,
        level=Level.HALTED,
        release=Release.CONDITION,
        cooldown_ns=0,
        value=found,
        limit=state["instruments"][instrument]["position"],
        who=0,
    )


@compiled
def on_adopted(policy: Row, state: Row, out: Row, row: Row) -> None:
    """Take over a position found at the venue: side, qty and price are the venue's words."""
    instrument = row["instrument"]
    account = state["account"]
    inst = state["instruments"][instrument]
    if inst["position"] != 0:
        _position_mismatch(state=state, out=out, row=row)
        return
    spec = policy["instruments"][instrument]
    if inst["mark"] == 0:
        inst["mark"] = row["price"]
    margined = is_margined(spec=spec, margin_asked=row["side"] < 0)
    inst["leverage_ppm"] = PPM
    start_trade(state=state, instrument=instrument, slot=-1, margined=margined)
    cash_units = account["cash_units"]
    apply_fill(
        spec=spec,
        account=account,
        inst=inst,
        side=int(row["side"]),
        qty=row["qty"],
        price=row["price"],
    )
    note_pending_position(state=state, instrument=instrument)
    # It was paid for before we looked: what it cost came in with it.
    add_capital(account=account, units=cash_units - account["cash_units"])
    inst["adopted"] = 1
    inst["owner"] = max(row["strategy"], 0)
    inst["entry_price"] = row["price"]
    inst["entry_lots"] = row["qty"]
    inst["entry_units"] = abs(inst["cost_units"])
    inst["best"] = row["price"]
    inst["worst"] = row["price"]
    revalue(spec=spec, account=account, strategies=state["strategies"], inst=inst)
    watch_equity(policy=policy, account=account)
    check_equity(policy=policy, state=state, out=out)
    settle_position(policy=policy, state=state, out=out, instrument=instrument)
