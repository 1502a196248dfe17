"""Books and the end: each check fires on what was planted, and not without."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from interlock.kernel.codes import (
    SELL,
    Alarm,
    Cause,
    Kind,
    OrderState,
    Role,
    Scope,
)
from interlock.kernel.records import SUBS, Rows
from interlock.research.simulator.invariants.books import (
    BARE_NS,
    QUEUE_MAX,
    Bounded,
    DoubleEntry,
    Protection,
)
from interlock.research.simulator.invariants.settling import PATIENCE_NS, LedgerIsVenue, Liveness
from interlock.runtime.clock import NS_PER_S
from interlock.runtime.link import Phase
from interlock.venues.port import Account, VenueState
from tests.simulator.stage import CASH, Stage, breaks, entered, latch, name_of, row, stop_order

# --- 21, 22, 30: the books ------------------------------------------------------------------------


def books(stage: Stage) -> Any:
    """Let a position rest behind its stop, and the kernel believe it; return its instrument."""
    stage.begin()
    stage.fill(stage.enter())
    seq = stage.event(row(Kind.TIMER), stop_order())
    stage.report(Kind.ACCEPTED, seq * SUBS + 1)
    believe(stage, position=10, stop=seq * SUBS + 1)
    stage.agrees = True
    return stage.state["instruments"][0, 0]


def believe(stage: Stage, *, position: int, stop: int) -> None:
    """Let the kernel believe what the journal says."""
    retold = stage.scene.retold
    account = stage.state["account"]
    cost = -(-position * 1_000 // 3)
    account["cash_units"] = retold.money_units
    account["inventory_units"] = cost
    account["fees_units"] = CASH - cost - retold.money_units
    account["unrealised_units"] = retold.marked_units - cost
    account["equity_units"] = retold.equity_units
    inst = stage.state["instruments"][0, 0]
    inst["position"] = position
    inst["cost_units"] = cost
    inst["unrealised_units"] = retold.marked_units - cost
    inst["entry_seq"] = 1
    inst["open_orders"] = len(retold.holdings[0].orders)
    if stop:
        order = stage.state["orders"][0, 0]
        order["order_id"] = stop
        order["state"] = OrderState.WORKING
        order["side"] = SELL
        order["role"] = Role.STOP
        inst["stop_order"] = 1


def test_books_that_add_up_break_nothing() -> None:
    stage = Stage(DoubleEntry, Protection)
    books(stage)
    stage.event(row(Kind.TIMER))


@pytest.mark.parametrize(
    ("where", "name", "number"),
    [
        ("account", "cash_units", 21),
        ("account", "realised_units", 21),
        ("account", "fees_units", 21),
        ("account", "funding_units", 21),
        ("account", "equity_units", 21),
        ("account", "unrealised_units", 21),
        ("account", "latches", 10),
        ("instruments", "unrealised_units", 21),
        ("instruments", "position", 21),
        ("instruments", "open_orders", 21),
        ("instruments", "unknown_orders", 12),
    ],
)
def test_books_that_do_not_add_up_are_seen(where: str, name: str, number: int) -> None:
    """21. One unit too many anywhere."""
    stage = Stage(DoubleEntry)
    books(stage)
    place = (0,) if where == "account" else (0, 0)
    stage.state[where][name][place] += 1
    with breaks(number):
        stage.event(row(Kind.TIMER))


def test_a_position_without_a_stop_is_seen() -> None:
    """22. No stop, one that nobody has seen at the venue, one on the wrong side, an older one."""

    def none(stage: Stage) -> None:
        stage.state["instruments"][0, 0]["stop_order"] = 0

    def unseen(stage: Stage) -> None:
        stage.state["orders"][0, 0]["state"] = OrderState.UNKNOWN

    def wrong(stage: Stage) -> None:
        stage.state["orders"][0, 0]["side"] = 1

    def older(stage: Stage) -> None:
        stage.state["instruments"][0, 0]["entry_seq"] = 10_000

    for plant in (none, unseen, wrong, older):
        stage = Stage(Protection)
        books(stage)
        plant(stage)
        with breaks(22, "nobody knows"):
            stage.event(row(Kind.TIMER))


def wait(stage: Stage, ns: int) -> None:
    """Let time pass, and the checks look around before and after."""
    for pause in (0, ns):
        stage.clock.advance(pause)
        for _ in range(16):
            stage.all.stepped()


def test_a_position_is_not_bare_for_long_without_a_word() -> None:
    stage = Stage(Protection)
    books(stage)["unprotected"] = 1
    wait(stage, BARE_NS)
    with breaks(22, "nobody was told"):
        wait(stage, NS_PER_S)

    stage = Stage(Protection)
    books(stage)["unprotected"] = 1
    stage.event(row(Kind.TIMER), row(Kind.ALARM, code=int(Alarm.UNPROTECTED), instrument=0))
    wait(stage, 3 * BARE_NS)

    stage = Stage(Protection)
    books(stage)["unprotected"] = 1
    stage.machine.engine.link.phase = Phase.AWAY
    wait(stage, 3 * BARE_NS)


def test_nothing_opens_more_of_a_position() -> None:
    stage = Stage(Protection)
    books(stage)
    stage.enter(instrument=1)
    with breaks(22, "more of a position"):
        stage.enter()


def test_queues_have_an_end() -> None:
    """30."""
    for name in ("inbox", "outbox"):
        stage = Stage(Bounded)
        stage.begin()
        wait(stage, 0)
        if name == "outbox":
            stage.machine.engine.link.outbox = [0] * (QUEUE_MAX + 1)
        else:
            stage.machine.engine.inbox = range(200_000)
        with breaks(30, name):
            wait(stage, 0)


# --- 4, 31, 11: the end ---------------------------------------------------------------------------


def settled(stage: Stage) -> Rows:
    """Let a position rest behind its stop everywhere; return the orders the kernel has."""
    books(stage)
    stop = int(stage.state["orders"][0, 0]["order_id"])
    request = stage.request(stop, stop_order())
    stage.arrive(request)
    mark = stage.scene.retold.holdings[0].market.mark
    stage.account = account_of(stage, mark)
    found: Rows = stage.state["orders"][0]
    return found


def account_of(stage: Stage, mark: int) -> Account:
    """Return what a venue that agrees would say."""
    oracle = stage.scene.oracle
    names = oracle.open_names()
    orders = tuple(_Open(name) for name in sorted(names))
    return Account(
        now_ns=1,
        orders=orders,  # type: ignore[arg-type]
        positions={0: oracle.positions[0]},
        marks={0: mark},
        cash_units=0,
        equity_units=oracle.money_units + oracle.positions[0] * mark // 3,
        trades=1,
    )


class _Open:
    """An order that rests, by its name alone."""

    def __init__(self, client_id: str) -> None:
        self.client_id = client_id


def test_a_settled_world_breaks_nothing() -> None:
    stage = Stage(LedgerIsVenue, Liveness)
    settled(stage)
    stage.all.quiesced()


def test_one_unit_or_lot_between_kernel_and_venue_is_seen() -> None:
    """4."""

    def unit(stage: Stage) -> None:
        stage.state["account"]["cash_units"] += 1

    def lot(stage: Stage) -> None:
        stage.state["instruments"][0, 1]["position"] = 1

    def equity(stage: Stage) -> None:
        stage.account = replace(stage.account, equity_units=stage.account.equity_units + 1)

    def position(stage: Stage) -> None:
        stage.account = replace(stage.account, positions={0: 9})

    def order(stage: Stage) -> None:
        stage.account = replace(stage.account, orders=())

    def stop(stage: Stage) -> None:
        stage.scene.retold.holdings[0].orders.clear()

    def size(stage: Stage) -> None:
        next(iter(stage.scene.retold.holdings[0].orders.values())).qty = 9

    def stranger(stage: Stage) -> None:
        resting = row(Kind.ACCEPTED, instrument=1)
        told = replace(stage.told(0, resting), client_id="x-1")
        stage.all.venue_fact([told])
        stage.account = account_of(stage, 1_000)

    for plant in (unit, lot, equity, position, order, stop, size, stranger):
        stage = Stage(LedgerIsVenue)
        settled(stage)
        plant(stage)
        with breaks(4):
            stage.all.quiesced()


def test_a_strangers_order_holds_its_symbol() -> None:
    stage = Stage(LedgerIsVenue)
    settled(stage)
    told = replace(stage.told(0, row(Kind.ACCEPTED, instrument=1)), client_id="x-1")
    stage.all.venue_fact([told])
    stage.account = account_of(stage, 1_000)
    latch(stage, Kind.HALT, Cause.RECONCILIATION, instrument=1)
    stage.all.quiesced()


def test_nothing_waits_for_ever() -> None:
    """31."""

    def unknown(stage: Stage) -> None:
        stage.state["orders"][0, 0]["state"] = OrderState.UNKNOWN

    def leaving(stage: Stage) -> None:
        stage.state["orders"][0, 0]["state"] = OrderState.PENDING_CANCEL

    def amending(stage: Stage) -> None:
        stage.state["orders"][0, 0]["amend_qty"] = 5

    def away(stage: Stage) -> None:
        stage.machine.is_ready = False

    def small(stage: Stage) -> None:
        name = name_of(int(stage.state["orders"][0, 0]["order_id"]))
        stage.scene.oracle.orders[name].qty = 9

    for plant in (unknown, leaving, amending, away, small):
        stage = Stage(Liveness)
        settled(stage)
        plant(stage)
        wait(stage, PATIENCE_NS)
        with breaks(31):
            stage.all.quiesced()


def test_an_answer_may_take_its_time() -> None:
    stage = Stage(Liveness)
    settled(stage)
    stage.state["orders"][0, 0]["amend_qty"] = 5
    wait(stage, PATIENCE_NS - 1)
    stage.all.quiesced()
    stage.state["orders"][0, 0]["amend_qty"] = 0
    wait(stage, 1)
    name = name_of(int(stage.state["orders"][0, 0]["order_id"]))
    stage.scene.oracle.orders[name].qty = 9
    stage.state["orders"][0, 0]["amend_qty"] = 5
    wait(stage, PATIENCE_NS - 1)
    stage.all.quiesced()


def test_a_position_may_be_on_its_way_out_for_a_while() -> None:
    stage = Stage(Liveness)
    settled(stage)
    name = name_of(int(stage.state["orders"][0, 0]["order_id"]))
    stage.scene.oracle.orders[name].state = VenueState.CANCELLED
    stage.state["instruments"][0, 0]["unprotected"] = 1
    wait(stage, PATIENCE_NS - 1)
    stage.all.quiesced()
    wait(stage, 1)
    with breaks(31):
        stage.all.quiesced()


def test_what_was_stopped_has_stopped() -> None:
    """11. Nothing that opens is left by a halt, and no position by a kill."""
    stage = Stage(Liveness)
    settled(stage)
    latch(stage, Kind.HALT, Cause.KILL_PAUSE)
    stage.all.quiesced()
    stage.scene.retold.latches[(int(Cause.KILL_GRACEFUL), int(Scope.ACCOUNT), -1)] = 4
    stage.all.quiesced()
    stage.scene.retold.latches[(int(Cause.KILL_IMMEDIATE), int(Scope.ACCOUNT), -1)] = 5
    with breaks(11, "position"):
        stage.all.quiesced()

    stage = Stage(Liveness)
    entered(stage)
    stage.all.quiesced()
    stage.scene.retold.latches[(int(Cause.KILL_GRACEFUL), int(Scope.ACCOUNT), -1)] = 4
    with breaks(11, "rests on"):
        stage.all.quiesced()


def test_the_states_of_these_tests_are_the_kernels() -> None:
    assert np.asarray(Stage().state).dtype.names is not None
