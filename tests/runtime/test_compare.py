"""Comparing with the venue: positions, orders, equity, and what changed unheard."""

import numpy as np
import pytest

from interlock.kernel.codes import ACCOUNT, Cause, Kind
from interlock.kernel.records import rows
from interlock.runtime import engine as engines
from interlock.runtime.entries import events_of
from interlock.runtime.inbox import Lane
from interlock.runtime.link import Phase
from interlock.runtime.reconcile import held_instruments
from interlock.venues.port import (
    Capabilities,
    Market,
    NewOrder,
    VenueState,
)
from interlock.venues.simulated.asks import AskAccount, AskOrder
from tests.runtime.pair import ANSWER_NS, EPOCH, LOOK_NS, Pair, asked_about, bought, holding, leaving, reconnect
from tests.runtime.scripts import PRICE

SECOND_NS = 1_000_000_000
ANSWER_S = ANSWER_NS / SECOND_NS
LOOK_S = LOOK_NS / SECOND_NS
SLOW = Capabilities(native_oco=True, absence_wait_ms=10_000, absence_answers=3)


# --- comparing --------------------------------------------------------------------------------


def test_the_account_is_asked_for_again_and_again() -> None:
    """Every ten seconds here."""
    pair = Pair().open()
    pair.asks()
    pair.pass_time(LOOK_S * 3 + 1)
    assert pair.asks() == [AskAccount()] * 3


def test_a_position_that_differs_at_the_start_halts_its_symbol() -> None:
    """No price is invented; the account goes on with the others."""
    pair = Pair()
    pair.greet()
    pair.tell(pair.account({1: 50}))
    assert pair.phase() is Phase.READY
    assert held_instruments(pair.engine.decider.state) == {1}
    (halt,) = [row for row in pair.events(Kind.HALT) if row["instrument"] != ACCOUNT]
    assert (halt["code"], halt["value"], halt["limit"]) == (Cause.RECONCILIATION, 50, 0)
    assert pair.link.found.differences == {1}


def test_an_order_that_we_do_not_know_halts_its_symbol() -> None:
    """Somebody else's hand is in the account."""
    pair, order = bought()
    pair.tell(pair.report(Kind.REJECTED, order))
    reconnect(pair)
    theirs = pair.rests(order, VenueState.WORKING)
    pair.tell(pair.account({}, [theirs]))
    assert held_instruments(pair.engine.decider.state) == {0}


def test_a_halted_symbol_is_free_when_it_agrees_again() -> None:
    """At the next look."""
    pair = Pair().open({1: 50})
    assert held_instruments(pair.engine.decider.state) == {1}
    pair.tell(pair.account({}))
    assert held_instruments(pair.engine.decider.state) == set()
    assert pair.story()[-1] == "RELEASED RECONCILIATION on instrument 1"


def test_a_difference_while_trading_counts_when_it_stays() -> None:
    """A fill may be on its way: twice, and for as long as an answer may take."""
    pair = Pair().open()
    pair.tell(pair.account({1: 50}))
    assert held_instruments(pair.engine.decider.state) == set()
    pair.tell(pair.account({1: 50}))
    assert held_instruments(pair.engine.decider.state) == set(), "at once is not twice"
    pair.pass_time(LOOK_S)
    pair.tell(pair.account({1: 50}))
    assert held_instruments(pair.engine.decider.state) == {1}
    pair.tell(pair.account({1: 50}))
    assert len(pair.events(Kind.HALT)) == 2, "the account's, and the symbol's once"


def test_a_difference_that_went_away_is_no_difference() -> None:
    """Another one later begins anew."""
    pair = Pair().open()
    for held in ({1: 50}, {}, {1: 50}):
        pair.tell(pair.account(held))
        pair.pass_time(LOOK_S / 2 + 1)
    assert held_instruments(pair.engine.decider.state) == set()


def test_a_report_that_was_dropped_is_found_by_looking() -> None:
    """The stop filled and nobody said so: its order is asked about, and the symbol is free."""
    pair, stop, target = holding()
    pair.tell(pair.account({}, [pair.rests(target, VenueState.WORKING)]))
    pair.pass_time(LOOK_S)
    pair.asks()
    pair.tell(pair.account({}, [pair.rests(target, VenueState.WORKING)]))
    assert asked_about(pair) == [stop.client_id]
    pair.tell(pair.found(stop, VenueState.FILLED, 100))
    assert pair.inst("position") == 0
    pair.tell(pair.account({}, [pair.rests(target, VenueState.WORKING)]))
    assert held_instruments(pair.engine.decider.state) == set()


def test_a_part_fill_that_was_dropped_is_found_by_looking() -> None:
    """The order still rests, with less left of it than we believe."""
    pair, stop, target = holding()
    theirs = [pair.rests(stop, VenueState.WORKING, 40), pair.rests(target, VenueState.WORKING)]
    pair.tell(pair.account({0: 60}, theirs))
    pair.pass_time(LOOK_S)
    pair.asks()
    pair.tell(pair.account({0: 60}, theirs))
    assert asked_about(pair) == [stop.client_id]


def test_equity_is_compared_with_the_venues_books_at_our_marks() -> None:
    """Another mark is no difference; other cash is."""
    pair, _, _ = holding("account.venue_equity_tolerance_ppm=1_000")
    ours = int(pair.state["account"]["equity_units"])
    account = pair.account(equity=ours + 100 * 50)
    account.marks[0] = PRICE + 50
    pair.tell(account)
    assert int(pair.events(Kind.VENUE_EQUITY)[-1]["value"]) == ours
    assert "EQUITY_MISMATCH" not in " ".join(pair.story())
    pair.tell(pair.account(equity=ours // 2))
    assert pair.story()[-1].startswith("LATCHED EQUITY_MISMATCH")
    pair.tell(pair.account(equity=ours))
    assert pair.story()[-1] == "RELEASED EQUITY_MISMATCH"


def test_equity_is_not_compared_without_marks_or_with_other_positions() -> None:
    """Either would be a guess."""
    pair, _, _ = holding()
    count = len(pair.events(Kind.VENUE_EQUITY))
    unmarked = pair.account()
    unmarked.marks.clear()
    pair.tell(unmarked, pair.account({0: 7}))
    assert len(pair.events(Kind.VENUE_EQUITY)) == count


def test_a_flat_position_needs_no_mark() -> None:
    """The venue may name it all the same."""
    pair = Pair().open()
    count = len(pair.events(Kind.VENUE_EQUITY))
    pair.tell(pair.account({0: 0}))
    assert len(pair.events(Kind.VENUE_EQUITY)) == count + 1


# --- amendments that were lost ----------------------------------------------------------------


def test_a_stop_that_was_amended_unheard_is_as_the_venue_says() -> None:
    """Its quantity and its price are the venue's."""
    pair, stop, _ = holding()
    reconnect(pair)
    pair.tell(pair.found(stop, VenueState.WORKING, qty=80, trigger=9_700))
    table = pair.state["orders"]
    (order,) = table[table["order_id"] == pair.names.order_id(stop.client_id)]
    assert (order["qty"], order["trigger"]) == (80, 9_700)
    assert pair.story(Kind.AMEND)[-1] == "AMEND stop 100 at 9800", "and we ask for ours again"


def test_a_smaller_order_that_filled_whole_is_over() -> None:
    """It was amended to 60 and filled 60 unheard: nothing of it is open any more."""
    pair, stop, _ = holding()
    reconnect(pair)
    pair.tell(pair.found(stop, VenueState.FILLED, 60, qty=60))
    assert stop.client_id not in pair.orders()
    assert pair.inst("position") == 40
    assert pair.state["account"]["illegal_transitions"] == 0


def test_a_larger_order_that_filled_whole_is_no_overfill() -> None:
    """It was amended to 130 and filled 130 unheard."""
    pair, stop, _ = holding()
    reconnect(pair)
    pair.tell(pair.found(stop, VenueState.FILLED, 130, qty=130))
    assert stop.client_id not in pair.orders()
    assert "ALARM OVERFILL" not in pair.story()
    assert pair.inst("position") == -30


def test_answers_about_orders_that_are_over_change_nothing() -> None:
    """They ended while the question was under way; so did the wait for their answers."""
    pair, order = bought()
    pair.link.sent(order)
    pair.link.kept(order)
    pair.pump()
    assert pair.orders() == {order.client_id: "UNKNOWN"}
    pair.tell(pair.fill(order))
    pair.link.sent(order)
    pair.link.kept(order)
    pair.tell(pair.not_found(order), pair.found(order, VenueState.WORKING))
    pair.pass_time(ANSWER_S + 1)
    assert order.client_id not in pair.orders()
    assert "UNKNOWN" in pair.orders().values(), "its stop and target, which nobody answered"
    assert pair.state["account"]["unknown_reports"] == 0


def test_only_what_is_unknown_is_asked_about_again() -> None:
    """The stop is at work; its target was never answered."""
    pair, entry = bought()
    pair.tell(pair.fill(entry))
    stop, target = pair.requests()[1:]
    assert isinstance(stop, NewOrder)
    pair.tell(pair.report(Kind.ACCEPTED, stop))
    pair.asks()
    pair.pass_time(ANSWER_S + 2)
    assert set(asked_about(pair)) == {target.client_id}


def test_memory_of_fills_has_an_end_and_the_store_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """The oldest are forgotten here, and known there."""
    monkeypatch.setattr(engines, "KEYS_KEPT", 2)
    pair, order = bought()
    for trade in (1, 2, 3):
        pair.tell(pair.fill(order, 10, trade=trade))
    first = next(entry for entry in pair.entries if entry.key)
    assert not pair.engine.knows_fill(first.key)
    pair.in_store.add(first.key)
    assert pair.engine.knows_fill(first.key)
    pair.tell(pair.fill(order, 10, trade=1))
    assert pair.inst("position") == 30


def test_a_fill_without_a_trades_id_is_taken_as_it_is() -> None:
    """Other venues may have none: nothing is known of it."""
    pair, order = bought()
    row = pair.fill(order, 10).row.copy().reshape(1)
    row["order_id"] = pair.names.order_id(order.client_id)
    row["ext_lo"] = 0
    for _ in range(2):
        pair.engine.inbox.offer(Lane.REPORT, row.copy())
        pair.pump()
    assert len(pair.events(Kind.FILL)) == 2


def test_payloads_stay_with_their_rows_when_a_fill_among_them_came_again() -> None:
    """By their new places."""
    pair, order = bought()
    pair.tell(pair.fill(order, 10, trade=1))
    pair.receive(pair.fill(order, 10, trade=1), pair.report(Kind.ACCEPTED, order))
    pair.engine.work()
    day = rows(1)
    day["kind"] = Kind.DAY
    day["ts_ns"] = pair.engine.now_ns()
    assert pair.engine.operate(day, b'{"who":"a person"}')
    pair.pump()
    (entry,) = (entry for entry in pair.entries if entry.payload == b'{"who":"a person"}')
    assert events_of(entry)["kind"][0] == Kind.DAY


def test_market_rows_are_taken_as_they_come() -> None:
    """Several in one message, of any symbol."""
    pair = Pair().open()
    pair.tell(Market(rows=np.concatenate([pair.bar().rows, pair.bar(500, instrument=1).rows])))
    assert (pair.inst("mark"), pair.inst("mark", 1)) == (PRICE, 500)
