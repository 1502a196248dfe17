"""How the breakers on lost money, and those that count, are breached."""

from collections.abc import Callable, Iterator

from interlock.kernel.codes import Cause, Kind, Level, Release, Role
from interlock.kernel.policy import PolicyArray
from interlock.kernel.records import Row, Rows
from interlock.kernel.units import LIMIT_NONE, PPM
from interlock.monitors.breach import (
    OVER_ACCOUNT,
    OVER_STRATEGY,
    Breach,
    Numbers,
    Story,
    Where,
    is_limit,
    untouched,
)
from interlock.monitors.shadow import (
    FREE,
    HELD,
    PRICE,
    Lane,
    fill,
    report,
    signal,
    valued,
)


def _loss(
    breaker: Row,
    cause: Cause,
    part: str,
    fall: Callable[[int], int],
    alone: Callable[[Row], None],
    level: int | None = None,
) -> Breach:
    """Return the breach of a limit on losing money; ``fall`` is how much of so much equity."""

    def near(lane: Lane) -> Iterator[Rows]:
        yield valued(Kind.FUNDING, 1 - fall(lane.equity_units()), instrument=HELD)

    def at(_lane: Lane) -> Iterator[Rows]:
        yield valued(Kind.FUNDING, -1, instrument=HELD)

    def expects(lane: Lane) -> Numbers:
        left_units = lane.equity_units() - fall(lane.equity_units())
        return left_units, left_units

    own = int(breaker["level"]) if level is None else level
    # A drawdown that only warns is over with its day.
    warned = cause is Cause.DRAWDOWN and own <= Level.WARNED
    return Breach(
        cause=cause,
        part=part,
        near=near,
        at=at,
        level=own,
        release=int(Release.SESSION if warned else breaker["release"]),
        expects=expects,
        alone=alone,
    )


def _share(ppm: int) -> Callable[[int], int]:
    return lambda units: units * ppm // PPM


def money_breaches(account: Row) -> Iterator[Breach]:
    """Yield the breaches of daily loss, and of drawdown since ever and since the day began."""
    breakers, limits = account["breakers"], account["limits"]

    def only_fraction(alone: Row) -> None:
        alone["limits"]["daily_loss_units"] = LIMIT_NONE

    def only_money(alone: Row) -> None:
        alone["limits"]["daily_loss_ppm"] = LIMIT_NONE

    ppm, units = int(limits["daily_loss_ppm"]), int(limits["daily_loss_units"])
    row = breakers[Cause.DAILY_LOSS]
    if is_limit(ppm):
        yield _loss(row, Cause.DAILY_LOSS, "fraction", _share(ppm), only_fraction)
    if is_limit(units):
        yield _loss(row, Cause.DAILY_LOSS, "money", lambda _: units, only_money)
    ppm = int(limits["drawdown_ppm"])
    if is_limit(ppm):
        yield _loss(breakers[Cause.MAX_DRAWDOWN], Cause.MAX_DRAWDOWN, "", _share(ppm), untouched)
    yield from _drawdown(account)


def _drawdown(account: Row) -> Iterator[Breach]:
    """Yield the three steps of an intraday drawdown."""
    row = account["breakers"][Cause.DRAWDOWN]

    def only_warning(alone: Row) -> None:
        alone["breakers"][Cause.DRAWDOWN]["limit"] = LIMIT_NONE
        alone["drawdown_emergency_ppm"] = 0

    def only_critical(alone: Row) -> None:
        alone["drawdown_warn_ppm"] = 0
        alone["drawdown_emergency_ppm"] = 0

    def only_emergency(alone: Row) -> None:
        alone["drawdown_warn_ppm"] = 0
        alone["breakers"][Cause.DRAWDOWN]["limit"] = LIMIT_NONE

    for part, ppm, alone, level in (
        ("warning", int(account["drawdown_warn_ppm"]), only_warning, int(Level.WARNED)),
        ("critical", int(row["limit"]), only_critical, None),
        ("emergency", int(account["drawdown_emergency_ppm"]), only_emergency, int(Level.KILLED)),
    ):
        if is_limit(ppm):
            yield _loss(row, Cause.DRAWDOWN, part, _share(ppm), alone, level)


def _lost_trade(lane: Lane) -> Iterator[Rows]:
    """Tell of a trade that lost."""
    yield signal(FREE)
    entry = lane.said(Kind.SUBMIT, FREE, Role.ENTRY)
    if entry is None:
        return
    yield fill(entry, PRICE)
    stop = lane.order(FREE, Role.STOP)
    if stop is not None:
        yield fill(stop, PRICE - 1_000)


def _rejected_entry(lane: Lane) -> Iterator[Rows]:
    """Tell of an entry that the venue refused."""
    yield signal(FREE)
    entry = lane.said(Kind.SUBMIT, FREE, Role.ENTRY)
    if entry is not None:
        yield report(Kind.REJECTED, entry)


def _counted(breaker: Row, cause: Cause, count: int, each: Story, where: Where) -> Breach:
    """Return the breach of a breaker that counts."""

    def near(lane: Lane) -> Iterator[Rows]:
        for _ in range(count - 1):
            yield from each(lane)

    return Breach(
        cause=cause,
        near=near,
        at=each,
        where=where,
        level=int(breaker["level"]),
        release=int(breaker["release"]),
        expects=lambda _: (count, count),
        rests=cause is not Cause.ORDER_RATE,
    )


def counted_breaches(policy: PolicyArray) -> Iterator[Breach]:
    """Yield the breaches of losses in a row, entries within a window, and refusals by the venue."""
    breakers = policy[0]["account"]["breakers"]
    for cause, count, each, where in (
        (
            Cause.CONSECUTIVE_LOSSES,
            int(policy[0]["account"]["losses"]["halt_at"]),
            _lost_trade,
            OVER_ACCOUNT + OVER_STRATEGY,
        ),
        (
            Cause.ORDER_RATE,
            int(policy[0]["strategies"][0]["limits"]["order_rate_count"]),
            _rejected_entry,
            OVER_STRATEGY,
        ),
        (
            Cause.REJECT_RATE,
            int(breakers[Cause.REJECT_RATE]["limit"]),
            _rejected_entry,
            OVER_ACCOUNT,
        ),
    ):
        if is_limit(count):
            yield _counted(breakers[cause], cause, count, each, where)
