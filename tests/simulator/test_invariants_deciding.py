"""What is decided: each check fires on a planted violation, and not on the good case."""

import pytest

from interlock.kernel.codes import BUY, SELL, Kind, OrderKind, Role
from interlock.research.simulator.invariants.deciding import (
    Exposure,
    FreshData,
    ReduceOnly,
    SaneOrder,
    UnknownFreezes,
)
from interlock.research.simulator.invariants.often import OrderRates, Storm
from interlock.research.simulator.invariants.risk import Attribution, FailClosed
from interlock.runtime.clock import NS_PER_S
from tests.simulator.stage import Stage, breaks, held, row, stop_order

ALL = (Exposure, ReduceOnly, UnknownFreezes, FreshData, SaneOrder, FailClosed, Attribution)


def test_a_whole_trade_breaks_nothing() -> None:
    stage = Stage(*ALL, Storm, OrderRates)
    stage.begin()
    order = stage.enter()
    stage.report(Kind.ACCEPTED, order)
    seq = stage.fill(order, stop_order())
    stop = seq * 4_096 + 1
    stage.report(Kind.ACCEPTED, stop)
    stage.event(row(Kind.TIMER), row(Kind.CANCEL, instrument=0, order_id=stop))
    exit_ = stop_order(order_kind=int(OrderKind.MARKET), role=int(Role.EXIT), trigger=0)
    seq = stage.report(Kind.CANCELLED, stop, exit_)
    stage.fill(seq * 4_096 + 1, side=SELL)
    assert [held.position for held in stage.scene.retold.holdings] == [0, 0]


# --- 8: exposure ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "limit"),
    [
        ("order_lots", 9),
        ("order_notional_units", 3_333),
        ("position_lots", 9),
        ("position_notional_units", 3_333),
        ("position_ppm", 333),
        ("open_orders", 0),
    ],
)
def test_limits_of_an_instrument_hold(name: str, limit: int) -> None:
    """An order of 10 lots at 1,000 ticks is worth 3,334 of 10,000,000 units."""
    for lower, is_broken in ((1, False), (0, True)):
        stage = Stage(Exposure)
        stage.policy["instruments"]["limits"][name] = limit + lower
        stage.begin()
        if is_broken:
            with breaks(8):
                stage.enter()
        else:
            stage.enter()


@pytest.mark.parametrize(
    ("name", "limit"),
    [
        ("order_notional_units", 3_333),
        ("gross_notional_units", 3_333),
        ("net_notional_units", 3_333),
        ("leverage_ppm", 333),
        ("open_orders", 0),
        ("open_positions", 0),
    ],
)
def test_limits_of_the_account_hold(name: str, limit: int) -> None:
    for lower, is_broken in ((1, False), (0, True)):
        stage = Stage(Exposure)
        stage.policy["account"]["limits"][name] = limit + lower
        stage.begin()
        if is_broken:
            with breaks(8):
                stage.enter()
        else:
            stage.enter()


def test_what_is_in_flight_counts() -> None:
    """Two entries of 10 lots pass a limit of 19 together, and one of 10 with 9 filled does too."""
    stage = Stage(Exposure)
    stage.policy["instruments"]["limits"]["position_lots"] = 19
    stage.begin()
    order = stage.enter()
    with breaks(8, "lots of a position"):
        stage.enter()
    stage.report(Kind.OUTCOME_UNKNOWN, order)
    with breaks(8, "lots of a position"):
        stage.enter()
    stage.report(Kind.CANCELLED, order)
    stage.enter()


def test_positions_of_a_strategy_count() -> None:
    stage = Stage(Exposure)
    stage.policy["strategies"]["limits"]["open_positions"] = 1
    stage.begin()
    stage.fill(stage.enter())
    with breaks(8, "positions of a strategy"):
        stage.enter(instrument=1, strategy=0)
    stage.enter(instrument=1, strategy=1)


# --- 9, 12, 23 ------------------------------------------------------------------------------------


def test_orders_that_reduce_are_never_more_than_the_position() -> None:
    """9. A stop as large as the position, and beside it neither a way out nor a larger stop."""
    for qty, is_broken in ((10, False), (20, True)):
        stage = Stage(ReduceOnly)
        held(stage)
        if is_broken:
            with breaks(9):
                stage.event(row(Kind.TIMER), stop_order(qty))
        else:
            stage.event(row(Kind.TIMER), stop_order(qty))
            with breaks(9):
                stage.event(row(Kind.TIMER), stop_order(10, role=int(Role.EXIT)))


def test_a_pair_counts_once() -> None:
    stage = Stage(ReduceOnly)
    held(stage)
    seq = stage.event(row(Kind.TIMER), stop_order())
    target = stop_order(role=int(Role.TARGET), order_kind=int(OrderKind.LIMIT), trigger=0)
    target["peer_id"] = seq * 4_096 + 1
    stage.event(row(Kind.TIMER), target)
    alone = stop_order(role=int(Role.TARGET), order_kind=int(OrderKind.LIMIT), trigger=0)
    with breaks(9):
        stage.event(row(Kind.TIMER), alone)


def test_what_reduces_is_on_the_other_side() -> None:
    stage = Stage(ReduceOnly)
    held(stage)

    with breaks(9):
        stage.event(row(Kind.TIMER), stop_order(side=BUY))


def test_an_amendment_stays_within_the_position() -> None:
    stage = Stage(ReduceOnly)
    held(stage)
    seq = stage.event(row(Kind.TIMER), stop_order())
    stop = seq * 4_096 + 1
    amend = {"instrument": 0, "order_id": stop, "side": SELL, "trigger": 960}
    stage.event(row(Kind.TIMER), row(Kind.AMEND, qty=10, **amend))
    with breaks(9):
        stage.event(row(Kind.TIMER), row(Kind.AMEND, qty=20, **amend))
    with breaks(9, "over is amended"):
        stage.event(row(Kind.TIMER), row(Kind.AMEND, qty=10, **(amend | {"order_id": 5})))


def test_an_entry_is_never_made_larger() -> None:
    """23."""
    stage = Stage(ReduceOnly)
    stage.begin()
    order = stage.enter()

    with breaks(23):
        stage.event(
            row(Kind.TIMER), row(Kind.AMEND, instrument=0, order_id=order, side=BUY, qty=20)
        )


def test_nothing_opens_beside_an_order_of_unknown_fate() -> None:
    """12. Neither an entry, nor the way out once more under another name."""
    stage = Stage(UnknownFreezes)
    order = held(stage)
    exit_ = {"order_kind": int(OrderKind.MARKET), "role": int(Role.EXIT), "trigger": 0}
    seq = stage.event(row(Kind.TIMER), stop_order(**exit_))
    lost = seq * 4_096 + 1
    stage.enter(instrument=1)
    stage.report(Kind.OUTCOME_UNKNOWN, lost)
    stage.enter(instrument=1)
    with breaks(12, "beside"):
        stage.enter()
    with breaks(12, "again under another name"):
        stage.event(row(Kind.TIMER), stop_order(**exit_))
    stage.report(Kind.ACCEPTED, lost)
    stage.enter()
    assert order


# --- 18: data -------------------------------------------------------------------------------------


def test_data_have_to_be_young() -> None:
    stage = Stage(FreshData)
    stage.begin()
    stage.clock.advance(5 * NS_PER_S)
    stage.enter()
    stage.clock.advance(1)
    with breaks(18, "too old"):
        stage.enter()
    stage.quote(0, 995, 1_005)
    stage.enter()


@pytest.mark.parametrize(
    ("bid", "ask", "why"),
    [
        (1_005, 995, "crossed or empty"),
        (0, 1_005, "crossed or empty"),
        (-5, 1_005, "was bad"),
        (95_000, 95_010, "was bad"),
        (985, 1_010, "too wide"),
    ],
)
def test_the_book_has_to_be_sound(bid: int, ask: int, why: str) -> None:
    stage = Stage(FreshData)
    stage.begin()
    stage.quote(0, bid, ask)
    with breaks(18, why):
        stage.enter()
    stage.enter(instrument=1)


def test_a_jump_is_believed_the_third_time() -> None:
    stage = Stage(FreshData)
    stage.begin()
    for _ in range(3):
        stage.quote(0, 99_500, 100_000)
    stage.enter()


def test_the_market_has_to_be_open() -> None:
    for kind, why in ((Kind.VENUE_HALT, "halted"), (Kind.BLACKOUT_START, "blackout")):
        stage = Stage(FreshData)
        stage.begin()
        stage.event(row(kind, instrument=0))
        with breaks(18, why):
            stage.enter()
    stage = Stage(FreshData)
    stage.policy["instruments"]["always_open"] = 0
    stage.begin()
    with breaks(18, "closed"):
        stage.enter()
    stage.event(row(Kind.SESSION_OPEN, instrument=0))
    stage.enter()


# --- 19: sane -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"qty": 0}, "quantity is nothing"),
        ({"qty": 15}, "off lot"),
        ({"side": 0}, "side is none"),
        ({"price": 0}, "price is nothing"),
        ({"price": 1_051}, "collar"),
        ({"stop_ticks": 0}, "no stop"),
        ({"order_kind": int(OrderKind.LIMIT), "price": 1_001}, "off tick"),
    ],
)
def test_an_entry_is_sane(fields: dict[str, int], why: str) -> None:
    stage = Stage(SaneOrder)
    stage.begin()
    stage.enter()
    stage.enter(price=1_050)
    with breaks(19, why):
        stage.enter(**fields)


def test_a_stop_is_on_the_grid() -> None:
    stage = Stage(SaneOrder)
    held(stage)
    stage.event(row(Kind.TIMER), stop_order())
    with breaks(19, "trigger is off tick"):
        stage.event(row(Kind.TIMER), stop_order(trigger=951))
    with breaks(19, "trigger is nothing"):
        stage.event(row(Kind.TIMER), stop_order(trigger=0))


def test_a_position_may_leave_off_the_lot_only_whole() -> None:
    stage = Stage(SaneOrder)
    stage.begin()
    stage.fill(stage.enter(qty=20), qty=13)
    stage.event(row(Kind.TIMER), stop_order(13))
    with breaks(19, "off lot"):
        stage.event(row(Kind.TIMER), stop_order(12))


def test_the_smallest_order_of_the_venue_holds() -> None:
    stage = Stage(SaneOrder)
    stage.policy["instruments"]["lot_min"] = 20
    stage.begin()
    with breaks(19, "below the venue's smallest"):
        stage.enter()
    stage = Stage(SaneOrder)
    stage.policy["instruments"]["limits"]["order_notional_min_units"] = 3_335
    stage.begin()
    with breaks(19, "notional is below"):
        stage.enter()
