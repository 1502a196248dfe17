"""Circuit breakers: what is measured, against what, and which latch it sets."""

from typing import Final

from interlock.kernel.codes import ACCOUNT, Cause, Level, Release, Scope
from interlock.kernel.compiled import compiled, compiled_inline
from interlock.kernel.latches import clear_condition, set_latch
from interlock.kernel.market import spread_ppm
from interlock.kernel.rates import rate_add, rate_count
from interlock.kernel.records import Row
from interlock.kernel.units import LIMIT_NONE, NS_PER_MINUTE, PPM, mul_div

REJECT_WINDOW_NS: Final = 60 * NS_PER_MINUTE


@compiled
def trip(
    policy: Row, state: Row, out: Row, cause: int, scope: int, scope_id: int, value: int, limit: int
) -> bool:
    """Set the latch of ``cause`` as its breaker row says; return whether it is new or stricter."""
    breaker = policy["account"]["breakers"][cause]
    return set_latch(
        state=state,
        out=out,
        cause=cause,
        scope=scope,
        scope_id=scope_id,
        level=breaker["level"],
        release=breaker["release"],
        cooldown_ns=breaker["cooldown_ns"],
        value=value,
        limit=limit,
        who=0,
    )


@compiled
def _below(peak_units: int, ppm: int) -> int:
    """Return the equity at which a fall of ``ppm`` from ``peak_units`` is reached."""
    if ppm <= 0 or ppm >= LIMIT_NONE:
        return -LIMIT_NONE
    return peak_units - mul_div(a=max(peak_units, 0), b=ppm, c=PPM)


@compiled
def watch_equity(policy: Row, account: Row) -> None:
    """Work out the equities at which something trips, so that a bar costs one comparison."""
    limits = policy["account"]["limits"]
    breakers = policy["account"]["breakers"]
    day_start_units = account["day_start_units"]
    daily_at = _below(peak_units=day_start_units, ppm=limits["daily_loss_ppm"])
    if 0 < limits["daily_loss_units"] < LIMIT_NONE:
        daily_at = max(daily_at, day_start_units - limits["daily_loss_units"])
    account["daily_loss_at_units"] = daily_at
    drawdown_at = _below(peak_units=account["peak_units"], ppm=limits["drawdown_ppm"])
    account["max_drawdown_at_units"] = drawdown_at
    watch_at = -LIMIT_NONE
    if breakers[Cause.DAILY_LOSS]["enabled"] == 1:
        watch_at = max(watch_at, daily_at)
    if breakers[Cause.MAX_DRAWDOWN]["enabled"] == 1:
        watch_at = max(watch_at, drawdown_at)
    day_peak_units = account["day_peak_units"]
    warn_ppm = policy["account"]["drawdown_warn_ppm"]
    account["drawdown_warn_at_units"] = _below(peak_units=day_peak_units, ppm=warn_ppm)
    account["drawdown_at_units"] = _below(
        peak_units=day_peak_units, ppm=breakers[Cause.DRAWDOWN]["limit"]
    )
    account["drawdown_emergency_at_units"] = _below(
        peak_units=day_peak_units, ppm=policy["account"]["drawdown_emergency_ppm"]
    )
    if breakers[Cause.DRAWDOWN]["enabled"] == 1:
        watch_at = max(watch_at, account["drawdown_warn_at_units"])
        watch_at = max(watch_at, account["drawdown_at_units"])
        watch_at = max(watch_at, account["drawdown_emergency_at_units"])
    account["watch_at_units"] = watch_at


@compiled
def _drawdown_latch(policy: Row, state: Row, out: Row, level: int, at_units: int) -> None:
    account = state["account"]
    breaker = policy["account"]["breakers"][Cause.DRAWDOWN]
    release = breaker["release"] if level > Level.WARNED else Release.SESSION
    set_latch(
        state=state,
        out=out,
        cause=Cause.DRAWDOWN,
        scope=Scope.ACCOUNT,
        scope_id=ACCOUNT,
        level=level,
        release=release,
        cooldown_ns=breaker["cooldown_ns"],
        value=account["equity_units"],
        limit=at_units,
        who=0,
    )


@compiled
def _equity_tripped(policy: Row, state: Row, out: Row) -> None:
    account = state["account"]
    equity_units = account["equity_units"]
    breakers = policy["account"]["breakers"]
    if breakers[Cause.DAILY_LOSS]["enabled"] == 1:
        if equity_units <= account["daily_loss_at_units"]:
            trip(
                policy,
                state,
                out,
                Cause.DAILY_LOSS,
                Scope.ACCOUNT,
                ACCOUNT,
                equity_units,
                account["daily_loss_at_units"],
            )
    if breakers[Cause.MAX_DRAWDOWN]["enabled"] == 1:
        if equity_units <= account["max_drawdown_at_units"]:
            trip(
                policy,
                state,
                out,
                Cause.MAX_DRAWDOWN,
                Scope.ACCOUNT,
                ACCOUNT,
                equity_units,
                account["max_drawdown_at_units"],
            )
    if breakers[Cause.DRAWDOWN]["enabled"] == 1:
        if equity_units <= account["drawdown_emergency_at_units"]:
            _drawdown_latch(
                policy, state, out, Level.KILLED, account["drawdown_emergency_at_units"]
            )
        elif equity_units <= account["drawdown_at_units"]:
            _drawdown_latch(
                policy, state, out, breakers[Cause.DRAWDOWN]["level"], account["drawdown_at_units"]
            )
        elif equity_units <= account["drawdown_warn_at_units"]:
            _drawdown_latch(policy, state, out, Level.WARNED, account["drawdown_warn_at_units"])


@compiled_inline
def check_equity(policy: Row, state: Row, out: Row) -> None:
    """Judge the equity after a mark, a fill or funding: peaks, daily loss, drawdowns."""
    account = state["account"]
    equity_units = account["equity_units"]
    if equity_units > account["day_peak_units"]:
        account["day_peak_units"] = equity_units
        account["peak_units"] = max(account["peak_units"], equity_units)
        watch_equity(policy=policy, account=account)
    if equity_units <= account["watch_at_units"]:
        _equity_tripped(policy=policy, state=state, out=out)


@compiled
def _scale(policy: Row, losses: int) -> int:
    """Return the size scale after so many losses in a row, in ppm."""
    steps = policy["account"]["losses"]
    if steps["reduce_more_at"] > 0 and losses >= steps["reduce_more_at"]:
        return int(steps["reduce_more_ppm"])
    if steps["reduce_at"] > 0 and losses >= steps["reduce_at"]:
        return int(steps["reduce_ppm"])
    return PPM


@compiled
def count_result(policy: Row, state: Row, out: Row, strategy: int, won: bool) -> None:
    """Count a closed trade's result for the account and its strategy; a win resets."""
    account = state["account"]
    if policy["account"]["breakers"][Cause.CONSECUTIVE_LOSSES]["enabled"] != 1:
        return
    halt_at = policy["account"]["losses"]["halt_at"]
    losses = 0 if won else account["consecutive_losses"] + 1
    account["consecutive_losses"] = losses
    account["size_scale_ppm"] = _scale(policy=policy, losses=losses)
    if halt_at > 0 and losses >= halt_at:
        trip(policy, state, out, Cause.CONSECUTIVE_LOSSES, Scope.ACCOUNT, ACCOUNT, losses, halt_at)
    if strategy >= 0:
        own = state["strategies"][strategy]
        losses = 0 if won else own["consecutive_losses"] + 1
        own["consecutive_losses"] = losses
        own["size_scale_ppm"] = _scale(policy=policy, losses=losses)
        if halt_at > 0 and losses >= halt_at:
            trip(
                policy,
                state,
                out,
                Cause.CONSECUTIVE_LOSSES,
                Scope.STRATEGY,
                strategy,
                losses,
                halt_at,
            )


@compiled
def _condition(
    policy: Row, state: Row, out: Row, cause: int, instrument: int, value: int, bad: bool
) -> None:
    """Set or clear a latch over an instrument that follows a measured condition."""
    if bad:
        limit = policy["account"]["breakers"][cause]["limit"]
        trip(policy, state, out, cause, Scope.INSTRUMENT, instrument, value, limit)
    elif state["instruments"][instrument]["latch_level"] > 0:
        clear_condition(
            state=state, out=out, cause=cause, scope=Scope.INSTRUMENT, scope_id=instrument
        )


@compiled_inline
def check_bar(policy: Row, state: Row, out: Row, instrument: int, before: int, close: int) -> None:
    """Judge a closed bar: the range against its baseline, and the move since the last close."""
    breakers = policy["account"]["breakers"]
    inst = state["instruments"][instrument]
    spike = breakers[Cause.ATR_SPIKE]
    if spike["enabled"] == 1:
        bad = inst["atr"] * float(PPM) > inst["atr_baseline"] * float(spike["limit"])
        bad = bad and inst["atr_baseline"] > 0.0
        if bad or inst["latch_level"] > 0:
            ratio_ppm = 0
            if bad:
                ratio_ppm = int(min(inst["atr"] / inst["atr_baseline"], 1.0e6) * float(PPM))
            _condition(policy, state, out, Cause.ATR_SPIKE, instrument, ratio_ppm, bad)
    move = breakers[Cause.PRICE_MOVE]
    if move["enabled"] == 1 and before > 0:
        change = abs(close - before)
        bad = float(change) * float(PPM) > float(before) * float(move["limit"])
        if bad or inst["latch_level"] > 0:
            _condition(
                policy, state, out, Cause.PRICE_MOVE, instrument, change * PPM // before, bad
            )


@compiled
def count_reject(policy: Row, state: Row, out: Row) -> None:
    """Count an order the venue refused; too many within an hour trip the reject-rate breaker."""
    breaker = policy["account"]["breakers"][Cause.REJECT_RATE]
    if breaker["enabled"] != 1:
        return
    account = state["account"]
    rate_add(account["rejects"], account["ts_ns"], REJECT_WINDOW_NS)
    rejects = rate_count(account["rejects"], account["ts_ns"], REJECT_WINDOW_NS)
    if rejects >= breaker["limit"]:
        trip(
            policy,
            state,
            out,
            Cause.REJECT_RATE,
            Scope.ACCOUNT,
            ACCOUNT,
            rejects,
            breaker["limit"],
        )


@compiled
def check_spread(policy: Row, state: Row, out: Row, instrument: int) -> None:
    """Judge a quote's spread."""
    breaker = policy["account"]["breakers"][Cause.SPREAD]
    if breaker["enabled"] != 1:
        return
    inst = state["instruments"][instrument]
    spec = policy["instruments"][instrument]
    value_ppm = spread_ppm(spec=spec, bid=inst["bid"], ask=inst["ask"])
    # An instrument that may trade at a wider spread (an option) is not stopped at a narrower one.
    limit_ppm = max(breaker["limit"], spec["limits"]["spread_ppm"])
    bad = value_ppm > limit_ppm or inst["book_sound"] != 1
    _condition(policy, state, out, Cause.SPREAD, instrument, value_ppm, bad)


@compiled_inline
def check_lag(policy: Row, state: Row, out: Row, instrument: int, lag_ns: int) -> None:
    """Judge how late a number came."""
    breaker = policy["account"]["breakers"][Cause.FEED_LAG]
    if breaker["enabled"] != 1:
        return
    lag_ms = lag_ns // 1_000_000
    bad = lag_ms > breaker["limit"]
    if bad or state["instruments"][instrument]["latch_level"] > 0:
        _condition(policy, state, out, Cause.FEED_LAG, instrument, lag_ms, bad)
