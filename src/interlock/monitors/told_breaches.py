"""How the breakers on what is measured, reported and commanded are breached."""

from collections.abc import Callable, Iterator
from typing import Final

from interlock.kernel.codes import Cause, Kind, Metric, Role
from interlock.kernel.records import Row, Rows
from interlock.kernel.units import PPM
from interlock.monitors.breach import (
    Breach,
    Numbers,
    Story,
    is_limit,
    over_instrument,
    story,
)
from interlock.monitors.shadow import (
    HELD,
    PRICE,
    RESTING,
    Lane,
    event,
    fill,
    report,
    valued,
)

COMMANDED: Final = (
    *(Cause.KILL_IMMEDIATE, Cause.KILL_GRACEFUL, Cause.KILL_PAUSE, Cause.KILL_FILE),
    *(Cause.SAFE_MODE, Cause.RECONCILIATION, Cause.LEASE_LOST, Cause.WATCHDOG),
    *(Cause.MISSED_ALERT, Cause.IMPOSSIBLE_STATE),
)
_MEASURED: Final = (  # cause, part, metric, times its limit, and which way is too far
    (Cause.INFERENCE_LATENCY, "p95", Metric.INFERENCE_P95_MS, 1, 1),
    (Cause.INFERENCE_LATENCY, "p99", Metric.INFERENCE_P99_MS, 2, 1),
    (Cause.PLACEMENT_LATENCY, "", Metric.PLACEMENT_MS, 1, 1),
    (Cause.FILL_LATENCY, "", Metric.FILL_MS, 1, 1),
    (Cause.CLOCK_OFFSET, "", Metric.CLOCK_OFFSET_MS, 1, 1),
    (Cause.DISK, "", Metric.DISK_FREE_PPM, 1, -1),
    (Cause.MEMORY, "", Metric.MEMORY_USED_PPM, 1, 1),
    (Cause.VENUE_UNAVAILABLE, "", Metric.VENUE_UNAVAILABLE, 1, 1),
    (Cause.DATA_QUALITY, "", Metric.DATA_QUALITY_PPM, 1, -1),
    (Cause.DRIFT, "", Metric.DRIFT, 1, 1),
)


def measured_breaches(account: Row) -> Iterator[Breach]:
    """Yield the breaches of what is measured and told as HEALTH."""
    for cause, part, metric, times, way in _MEASURED:
        breaker = account["breakers"][cause]
        limit = int(breaker["limit"]) * times

        def inside(metric: Metric = metric, limit: int = limit) -> Rows:
            return valued(Kind.HEALTH, limit, code=metric)

        def outside(metric: Metric = metric, value: int = limit + way) -> Rows:
            return valued(Kind.HEALTH, value, code=metric)

        numbers = (limit + way, limit)
        yield Breach(
            cause=cause,
            part=part,
            near=story(inside),
            at=story(outside),
            calm=story(inside),
            level=int(breaker["level"]),
            release=int(breaker["release"]),
            expects=lambda _, numbers=numbers: numbers,  # type: ignore[misc]
        )


def equity_breaches(account: Row) -> Iterator[Breach]:
    """Yield the breach by a venue that says the account is worth less than we think."""
    tolerance_ppm = int(account["venue_equity_tolerance_ppm"])
    if not is_limit(tolerance_ppm):
        return

    def told(less: Callable[[int], int]) -> Story:
        def tell(lane: Lane) -> Iterator[Rows]:
            units = lane.equity_units()
            yield valued(Kind.VENUE_EQUITY, units - less(units))

        return tell

    def expects(lane: Lane) -> Numbers:
        units = lane.equity_units()
        return units - beyond(units), units

    def most(units: int) -> int:  # the tolerance is of what the venue says
        return units * tolerance_ppm // (PPM + tolerance_ppm)

    def beyond(units: int) -> int:
        return most(units) + 2  # the kernel compares in floating point

    def within(units: int) -> int:
        return max(most(units) - 1, 0)

    breaker = account["breakers"][Cause.EQUITY_MISMATCH]
    yield Breach(
        cause=Cause.EQUITY_MISMATCH,
        near=told(within),
        at=told(beyond),
        calm=told(lambda _: 0),
        level=int(breaker["level"]),
        release=int(breaker["release"]),
        expects=expects,
    )


def _newest(instrument: int, role: Role, tell: Callable[[Row], Rows]) -> Story:
    """Return a story about the newest order of a role."""

    def story(lane: Lane) -> Iterator[Rows]:
        order = lane.order(instrument, role)
        if order is not None:
            yield tell(order)

    return story


def reported_breaches(account: Row) -> Iterator[Breach]:
    """Yield the breaches by what a venue says of our orders."""
    breaker = account["breakers"][Cause.OVERFILL]
    yield Breach(
        cause=Cause.OVERFILL,
        at=_newest(RESTING, Role.ENTRY, lambda order: fill(order, PRICE, over=1)),
        where=over_instrument(RESTING),
        level=int(breaker["level"]),
        release=int(breaker["release"]),
        expects=lambda _: (1, 0),
        entry_on=RESTING,
        way_out_of=RESTING,
    )
    breaker = account["breakers"][Cause.UNPROTECTED]
    yield Breach(
        cause=Cause.UNPROTECTED,
        at=_newest(HELD, Role.STOP, lambda order: report(Kind.REJECTED, order)),
        calm=_newest(HELD, Role.EXIT, lambda order: fill(order, PRICE)),
        where=over_instrument(HELD),
        level=int(breaker["level"]),
        release=int(breaker["release"]),
        expects=lambda lane: (lane.position(HELD), 0),
        entry_on=HELD,
        calm_is_out=True,
    )
    breaker = account["breakers"][Cause.ORDER_UNKNOWN]
    yield Breach(
        cause=Cause.ORDER_UNKNOWN,
        at=_newest(RESTING, Role.ENTRY, lambda order: report(Kind.OUTCOME_UNKNOWN, order)),
        calm=_newest(RESTING, Role.ENTRY, lambda order: report(Kind.CANCELLED, order)),
        where=over_instrument(RESTING),
        level=int(breaker["level"]),
        release=int(breaker["release"]),
        entry_on=RESTING,
    )


def commanded_breaches(account: Row) -> Iterator[Breach]:
    """Yield the halts that people, the latch file, the watchdog and the engine itself ask for."""
    for cause in COMMANDED:
        level = int(account["breakers"][cause]["level"])

        def halt(cause: Cause = cause, level: int = level) -> Rows:
            row = event(Kind.HALT)
            row["code"] = cause
            row["level"] = level
            return row

        def over(cause: Cause = cause) -> Rows:
            row = event(Kind.TIMER)
            row["code"] = cause
            return row

        yield Breach(cause=cause, at=story(halt), calm=story(over), level=level, release=None)
