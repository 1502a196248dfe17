"""The breaker rows of the kernel's record: one for every cause that can stop trading."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final, Protocol

from interlock.config.convert import (
    bps_ppm,
    counted,
    fill,
    fraction_ppm,
    minutes_ns,
    percent_ppm,
    seconds_ms,
)
from interlock.config.risk_policy import RiskPolicy
from interlock.config.system_breakers import CircuitBreakers
from interlock.kernel.codes import Cause, Level, Release
from interlock.kernel.units import LIMIT_NONE

LEVELS: Final = {
    "warn": Level.WARNED,
    "reduce_size": Level.REDUCED,
    "pause_new_entries": Level.PAUSED,
    "pause_trading": Level.PAUSED,
    "halt_trading": Level.HALTED,
    "halt_and_flatten": Level.KILLED,
}

# What no file decides: the level, and what has to happen before trading goes on.
FIXED: Final = {
    Cause.KILL_IMMEDIATE: (Level.KILLED, Release.PERSON),
    Cause.KILL_GRACEFUL: (Level.HALTED, Release.PERSON),
    Cause.KILL_PAUSE: (Level.PAUSED, Release.PERSON),
    Cause.SAFE_MODE: (Level.PAUSED, Release.PERSON),
    Cause.RECONCILIATION: (Level.PAUSED, Release.CONDITION),
    Cause.LEASE_LOST: (Level.HALTED, Release.PERSON),
    Cause.KILL_FILE: (Level.HALTED, Release.CONDITION | Release.PERSON),
    Cause.WATCHDOG: (Level.PAUSED, Release.CONDITION),
    Cause.EQUITY_MISMATCH: (Level.PAUSED, Release.CONDITION),
    Cause.MISSED_ALERT: (Level.PAUSED, Release.PERSON),
    Cause.BAD_DATA: (Level.PAUSED, Release.CONDITION),
    Cause.ORDER_UNKNOWN: (Level.PAUSED, Release.CONDITION),
    Cause.UNPROTECTED: (Level.PAUSED, Release.CONDITION),
    Cause.VENUE_HALT: (Level.PAUSED, Release.CONDITION),
    Cause.OVERFILL: (Level.HALTED, Release.PERSON),
    Cause.IMPOSSIBLE_STATE: (Level.HALTED, Release.PERSON),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Row:
    """One breaker row before it is written; ``limit`` in the unit of its cause."""

    cause: Cause
    enabled: bool
    limit: int
    level: Level
    release: int
    cooldown_minutes: int = 0


class _Breaker(Protocol):
    """What every breaker that releases by itself or by a person has in common."""

    @property
    def enabled(self) -> bool: ...
    @property
    def action(self) -> str: ...
    @property
    def cooldown_minutes(self) -> int: ...
    @property
    def require_manual_resume(self) -> bool: ...


def _row(cause: Cause, breaker: _Breaker, limit: int, *, condition: bool) -> _Row:
    """Return the row of a breaker from a file.

    Args:
        cause: Whose row it is.
        breaker: Its section.
        limit: Its threshold, in the unit of its cause.
        condition: The measured value has to be back inside before it opens; false where no entry
            means that nothing is measured any more.
    """
    release = Release.CONDITION if condition else 0
    if breaker.cooldown_minutes > 0:
        release |= Release.COOLDOWN
    if breaker.require_manual_resume:
        release |= Release.PERSON
    return _Row(
        cause=cause,
        enabled=breaker.enabled,
        limit=limit,
        level=LEVELS[breaker.action],
        release=release,
        cooldown_minutes=breaker.cooldown_minutes,
    )


def _losses(breakers: CircuitBreakers) -> Iterator[_Row]:
    """Yield the rows about money that was lost."""
    yield _row(
        Cause.DRAWDOWN,
        breakers.drawdown,
        percent_ppm(breakers.drawdown.threshold_pct),
        condition=False,
    )
    losses = breakers.consecutive_losses
    yield _row(
        Cause.CONSECUTIVE_LOSSES, losses, counted(losses.max_consecutive_losses), condition=False
    )
    rate = breakers.order_rate
    yield _Row(
        cause=Cause.ORDER_RATE,
        enabled=rate.enabled,
        limit=counted(rate.max_entries),
        level=LEVELS[rate.action],
        release=Release.PERSON,
    )
    rejects = breakers.system.reject_rate
    yield _row(Cause.REJECT_RATE, rejects, counted(rejects.max_rejects_per_hour), condition=False)


def _market(breakers: CircuitBreakers) -> Iterator[_Row]:
    """Yield the rows about markets and about time; each opens when its value is back inside."""
    spread, atr = breakers.volatility.spread, breakers.volatility.atr
    move, feed = breakers.volatility.price_move, breakers.latency.websocket
    inference = breakers.latency.inference
    placement, fill_time = breakers.latency.placement, breakers.latency.fill
    for cause, breaker, limit in (
        (Cause.SPREAD, spread, bps_ppm(spread.max_spread_bps)),
        (Cause.ATR_SPIKE, atr, fraction_ppm(atr.spike_threshold)),
        (Cause.PRICE_MOVE, move, percent_ppm(move.threshold_pct)),
        (Cause.FEED_LAG, feed, seconds_ms(feed.max_lag_seconds)),
        (Cause.INFERENCE_LATENCY, inference, counted(inference.max_p95_ms)),
        (Cause.PLACEMENT_LATENCY, placement, counted(placement.max_ms)),
        (Cause.FILL_LATENCY, fill_time, counted(fill_time.max_ms)),
    ):
        yield _row(cause, breaker, limit, condition=True)


def _system(breakers: CircuitBreakers) -> Iterator[_Row]:
    """Yield the rows about the machine; each opens when its value is back inside."""
    system = breakers.system
    for cause, breaker, limit in (
        (Cause.CLOCK_OFFSET, system.clock, seconds_ms(system.clock.max_offset_seconds)),
        (Cause.DISK, system.disk, percent_ppm(system.disk.min_free_pct)),
        (Cause.MEMORY, system.memory, percent_ppm(system.memory.max_used_pct)),
        (Cause.VENUE_UNAVAILABLE, system.venue, 0),  # measured 1 while it cannot be reached
        (Cause.DATA_QUALITY, system.data_quality, percent_ppm(system.data_quality.min_score_pct)),
    ):
        yield _row(cause, breaker, limit, condition=True)


def _policy(policy: RiskPolicy) -> Iterator[_Row]:
    """Yield the rows that follow from the risk policy, and those that no file decides."""
    risk = policy.risk
    daily_ppm = fraction_ppm(risk.max_daily_loss)
    drawdown_ppm = fraction_ppm(risk.max_drawdown)
    yield _Row(
        cause=Cause.DAILY_LOSS,
        enabled=daily_ppm != LIMIT_NONE or risk.max_daily_loss_money != "none",
        limit=daily_ppm,
        level=Level.HALTED,
        release=Release.SESSION | Release.PERSON,
    )
    yield _Row(
        cause=Cause.MAX_DRAWDOWN,
        enabled=drawdown_ppm != LIMIT_NONE,
        limit=drawdown_ppm,
        level=Level.HALTED,
        release=Release.SESSION | Release.PERSON,
    )
    yield _Row(
        cause=Cause.DRIFT,
        enabled=policy.drift.enabled,
        limit=0,  # measured 1 when a detector fired
        level=Level.PAUSED if policy.drift.safe_mode_on_drift else Level.WARNED,
        release=Release.PERSON,
    )
    for cause, (level, release) in FIXED.items():
        limit = 0
        if cause == Cause.EQUITY_MISMATCH:
            limit = fraction_ppm(risk.venue_equity_tolerance)
        yield _Row(cause=cause, enabled=True, limit=limit, level=level, release=int(release))


def fill_breakers(account: Any, policy: RiskPolicy, breakers: CircuitBreakers) -> None:
    """Write every breaker row, the loss steps and the drawdown levels into the account's record.

    Args:
        account: A record of ``ACCOUNT_POLICY``.
        policy: The risk policy.
        breakers: The circuit breakers.
    """
    for source in (_policy(policy), _losses(breakers), _market(breakers), _system(breakers)):
        for row in source:
            assert row.level > Level.NONE
            assert row.release != 0
            fill(
                account["breakers"][row.cause],
                {
                    "enabled": int(row.enabled),
                    "limit": row.limit,
                    "level": int(row.level),
                    "release": int(row.release),
                    "cooldown_ns": minutes_ns(row.cooldown_minutes),
                },
            )
    losses = breakers.consecutive_losses
    fill(
        account["losses"],
        {
            "reduce_at": counted(losses.reduce_after),
            "reduce_ppm": fraction_ppm(losses.reduce_to_fraction),
            "reduce_more_at": counted(losses.reduce_more_after),
            "reduce_more_ppm": fraction_ppm(losses.reduce_more_to_fraction),
            "halt_at": counted(losses.max_consecutive_losses),
        },
    )
    fill(
        account,
        {
            "drawdown_warn_ppm": percent_ppm(breakers.drawdown.warn_pct),
            "drawdown_emergency_ppm": percent_ppm(breakers.drawdown.emergency_pct),
        },
    )
