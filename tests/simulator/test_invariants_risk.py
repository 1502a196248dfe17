"""Why something was let through, and how often: each check fires on a planted violation."""

import pytest

from interlock.kernel.codes import BUY, SELL, Cause, Kind, Level
from interlock.research.simulator.invariants.often import AGAIN_MAX, OrderRates, Storm
from interlock.research.simulator.invariants.risk import Attribution, FailClosed
from interlock.runtime.clock import NS_PER_S
from tests.simulator.stage import CASH, Stage, breaks, held, row, stop_order, submit


@pytest.mark.parametrize(
    ("table", "name"),
    [
        ("account", "exposure_ppm"),
        ("account", "drawdown_ppm"),
        ("instruments", "order_lots"),
        ("instruments", "data_age_ns"),
    ],
)
def test_a_limit_that_is_not_set_denies(table: str, name: str) -> None:
    stage = Stage(FailClosed)
    stage.policy[table]["limits"][name] = 0
    stage.begin()

    with breaks(26, name):
        stage.enter()


def test_what_was_lost_denies() -> None:
    """A fall of half of what the account has, against a limit of half."""
    for lots, is_broken in ((14_990, False), (15_100, True)):
        stage = Stage(FailClosed)
        stage.begin()
        stage.fill(stage.enter(instrument=1, qty=lots), instrument=1, qty=lots, fee=0)
        stage.quote(1, 1, 3)
        for _ in range(3):
            stage.quote(1, 1, 3)
        assert stage.scene.retold.equity_units < CASH
        if is_broken:
            with breaks(26, "lost too much"):
                stage.enter()
        else:
            stage.enter()


def test_switches_and_latches_deny() -> None:
    for table, name in (("instruments", "allowed"), ("strategies", "enabled")):
        stage = Stage(FailClosed)
        stage.policy[table][name] = 0
        stage.begin()
        with breaks(26):
            stage.enter()
    for where in ({"strategy": 0}, {"instrument": 0}):
        stage = Stage(FailClosed)
        stage.begin()
        latched = row(Kind.LATCHED, code=int(Cause.DRIFT), level=int(Level.PAUSED), **where)
        stage.event(row(Kind.HEALTH), latched)
        stage.enter(instrument=1, strategy=1)
        with breaks(26, "held"):
            stage.enter()


def test_nothing_opens_before_a_policy_holds() -> None:
    stage = Stage(FailClosed)
    with breaks(26, "no policy"):
        stage.enter()


def test_an_order_comes_from_its_signal() -> None:
    """24. Not from a timer, another symbol, another strategy, or for another side."""
    stage = Stage(Attribution)
    stage.begin()
    stage.enter()
    signal = {"instrument": 0, "strategy": 0, "side": BUY}
    for event in (
        row(Kind.TIMER),
        row(Kind.SIGNAL, **(signal | {"instrument": 1})),
        row(Kind.SIGNAL, **(signal | {"strategy": 1})),
        row(Kind.SIGNAL, **(signal | {"side": SELL})),
    ):
        with breaks(24, "no signal"):
            stage.event(event, submit())
    with breaks(24, "name"):
        stage.event(row(Kind.SIGNAL, **signal), submit(order_id=4_097))


def test_an_order_comes_from_a_build_and_a_policy() -> None:
    stage = Stage(Attribution)
    with breaks(24, "no known build"):
        stage.enter()


def test_orders_within_a_window_are_counted() -> None:
    """20. The third within a second is one too many, and one second later it is not."""
    stage = Stage(OrderRates)
    stage.policy["instruments"]["limits"]["orders_per_second"] = 2
    stage.begin()
    stage.enter()
    stage.enter()
    stage.enter(instrument=1)
    with breaks(20, "orders_per_second of instrument 0"):
        stage.enter()
    stage.clock.advance(NS_PER_S)
    stage.enter()


def test_orders_of_a_day_are_counted() -> None:
    stage = Stage(OrderRates)
    stage.policy["account"]["limits"]["orders_per_day"] = 2
    stage.begin()
    stage.enter()
    stage.enter()
    with breaks(20, "orders_per_day"):
        stage.enter()
    stage.event(row(Kind.DAY))
    stage.enter()


def test_a_storm_of_entries_disables_its_strategy() -> None:
    """23. Five within a minute; and what is done about it has to be in the same event."""
    for tripped in (False, True):
        stage = Stage(OrderRates)
        stage.begin()
        for _ in range(4):
            stage.enter()
        latched = row(Kind.LATCHED, code=int(Cause.ORDER_RATE), strategy=0, level=int(Level.PAUSED))
        signal = row(Kind.SIGNAL, instrument=0, strategy=0, side=BUY)
        if tripped:
            stage.event(signal, submit(), latched)
        else:
            with breaks(23, "disables nobody"):
                stage.event(signal, submit())


def test_the_same_wish_is_not_repeated_without_end() -> None:
    """23. Stops again and again; cancels of one order again and again; but not over a while."""
    stage = Stage(Storm)
    held(stage)
    for _ in range(AGAIN_MAX):
        stage.event(row(Kind.TIMER), stop_order())
    with breaks(23):
        stage.event(row(Kind.TIMER), stop_order())

    stage = Stage(Storm)
    order = held(stage)
    for _ in range(2 * AGAIN_MAX):
        stage.clock.advance(NS_PER_S // 20)
        stage.event(row(Kind.TIMER), row(Kind.CANCEL, instrument=0, order_id=order))
    stage.clock.advance(NS_PER_S)
    for _ in range(AGAIN_MAX):
        stage.event(row(Kind.TIMER), row(Kind.CANCEL, instrument=0, order_id=order))
    with breaks(23):
        stage.event(row(Kind.TIMER), row(Kind.CANCEL, instrument=0, order_id=order))
