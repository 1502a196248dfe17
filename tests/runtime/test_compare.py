"""Comparing with the venue: positions, orders, equity, and what changed unheard."""

import pytest

from interlock.kernel.codes import ACCOUNT, Cause, Kind
from interlock.runtime.link import Phase
from interlock.runtime.reconcile import held_instruments
from interlock.venues.port import (
    VenueState,
)
from interlock.venues.simulated.asks import AskAccount
from tests.runtime.pair import (
    ANSWER_NS,
    LOOK_NS,
    Pair,
    asked_about,
    bought,
    growing,
    holding,
    reconnect,
)
from tests.runtime.scripts import PRICE

SECOND_NS = 1_000_000_000
ANSWER_S = ANSWER_NS / SECOND_NS
LOOK_S = LOOK_NS / SECOND_NS


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
    pair.tell(pair.venue.account({1: 50}))
    assert pair.phase() is Phase.READY
    assert held_instruments(pair.engine.decider.state) == {1}
    (halt,) = [row for row in pair.book.events(Kind.HALT) if row["instrument"] != ACCOUNT]
    assert (halt["code"], halt["value"], halt["limit"]) == (Cause.RECONCILIATION, 50, 0)
    assert pair.link.found.differences == {1}


def test_an_order_that_we_do_not_know_halts_its_symbol() -> None:
    """Somebody else's hand is in the account."""
    pair, order = bought()
    pair.tell(pair.venue.report(Kind.REJECTED, order))
    reconnect(pair)
    theirs = pair.venue.rests(order, VenueState.WORKING)
    pair.tell(pair.venue.account({}, [theirs]))
    assert held_instruments(pair.engine.decider.state) == {0}


def test_a_halted_symbol_is_free_when_it_agrees_again() -> None:
    """At the next look."""
    pair = Pair().open({1: 50})
    assert held_instruments(pair.engine.decider.state) == {1}
    pair.tell(pair.venue.account({}))
    assert held_instruments(pair.engine.decider.state) == set()
    assert pair.book.story()[-1] == "RELEASED RECONCILIATION on instrument 1"


def test_a_difference_while_trading_counts_when_it_stays() -> None:
    """A fill may be on its way: twice, and for as long as an answer may take."""
    pair = Pair().open()
    pair.tell(pair.venue.account({1: 50}))
    assert held_instruments(pair.engine.decider.state) == set()
    pair.tell(pair.venue.account({1: 50}))
    assert held_instruments(pair.engine.decider.state) == set(), "at once is not twice"
    pair.pass_time(LOOK_S)
    pair.tell(pair.venue.account({1: 50}))
    assert held_instruments(pair.engine.decider.state) == {1}
    pair.tell(pair.venue.account({1: 50}))
    assert len(pair.book.events(Kind.HALT)) == 2, "the account's, and the symbol's once"


def test_a_difference_that_went_away_is_no_difference() -> None:
    """Another one later begins anew."""
    pair = Pair().open()
    for held in ({1: 50}, {}, {1: 50}):
        pair.tell(pair.venue.account(held))
        pair.pass_time(LOOK_S / 2 + 1)
    assert held_instruments(pair.engine.decider.state) == set()


def test_a_report_that_was_dropped_is_found_by_looking() -> None:
    """The stop filled and nobody said so: its order is asked about, and the symbol is free."""
    pair, stop, target = holding()
    pair.tell(pair.venue.account({}, [pair.venue.rests(target, VenueState.WORKING)]))
    pair.pass_time(LOOK_S)
    pair.asks()
    pair.tell(pair.venue.account({}, [pair.venue.rests(target, VenueState.WORKING)]))
    assert asked_about(pair) == [stop.client_id]
    pair.tell(pair.venue.found(stop, VenueState.FILLED, 100))
    assert pair.book.inst("position") == 0
    pair.tell(pair.venue.account({}, [pair.venue.rests(target, VenueState.WORKING)]))
    assert held_instruments(pair.engine.decider.state) == set()


def test_a_part_fill_that_was_dropped_is_found_by_looking() -> None:
    """The order still rests, with less left of it than we believe."""
    pair, stop, target = holding()
    theirs = [
        pair.venue.rests(stop, VenueState.WORKING, 40),
        pair.venue.rests(target, VenueState.WORKING),
    ]
    pair.tell(pair.venue.account({0: 60}, theirs))
    pair.pass_time(LOOK_S)
    pair.asks()
    pair.tell(pair.venue.account({0: 60}, theirs))
    assert asked_about(pair) == [stop.client_id]


def test_equity_is_compared_with_the_venues_books_at_our_marks() -> None:
    """Another mark is no difference; other cash is."""
    pair, _, _ = holding("account.venue_equity_tolerance_ppm=1_000")
    ours = int(pair.book.state["account"]["equity_units"])
    account = pair.venue.account(equity=ours + 100 * 50)
    account.marks[0] = PRICE + 50
    pair.tell(account)
    assert int(pair.book.events(Kind.VENUE_EQUITY)[-1]["value"]) == ours
    assert "EQUITY_MISMATCH" not in " ".join(pair.book.story())
    pair.tell(pair.venue.account(equity=ours // 2))
    assert pair.book.story()[-1].startswith("LATCHED EQUITY_MISMATCH")
    pair.tell(pair.venue.account(equity=ours))
    assert pair.book.story()[-1] == "RELEASED EQUITY_MISMATCH"


def test_equity_is_not_compared_without_marks_or_with_other_positions() -> None:
    """Either would be a guess."""
    pair, _, _ = holding()
    count = len(pair.book.events(Kind.VENUE_EQUITY))
    unmarked = pair.venue.account()
    unmarked.marks.clear()
    pair.tell(unmarked, pair.venue.account({0: 7}))
    assert len(pair.book.events(Kind.VENUE_EQUITY)) == count


def test_a_flat_position_needs_no_mark() -> None:
    """The venue may name it all the same."""
    pair = Pair().open()
    count = len(pair.book.events(Kind.VENUE_EQUITY))
    pair.tell(pair.venue.account({0: 0}))
    assert len(pair.book.events(Kind.VENUE_EQUITY)) == count + 1


# --- amendments that were lost ----------------------------------------------------------------


def test_a_stop_that_was_amended_unheard_is_as_the_venue_says() -> None:
    """Its quantity and its price are the venue's."""
    pair, stop, _ = holding()
    reconnect(pair)
    pair.tell(pair.venue.found(stop, VenueState.WORKING, qty=80, trigger=9_700))
    table = pair.book.state["orders"]
    (order,) = table[table["order_id"] == pair.names.order_id(stop.client_id)]
    assert (order["qty"], order["trigger"]) == (80, 9_700)
    assert pair.book.story(Kind.AMEND)[-1] == "AMEND stop 100 at 9800", "and we ask for ours again"


def test_a_smaller_order_that_filled_whole_is_over() -> None:
    """It was amended to 60 and filled 60 unheard: nothing of it is open any more."""
    pair, stop, _ = holding()
    reconnect(pair)
    pair.tell(pair.venue.found(stop, VenueState.FILLED, 60, qty=60))
    assert stop.client_id not in pair.book.orders()
    assert pair.book.inst("position") == 40
    assert pair.book.state["account"]["illegal_transitions"] == 0


def test_a_larger_order_that_filled_whole_is_no_overfill() -> None:
    """It was amended to 130 and filled 130 unheard."""
    pair, stop, _ = holding()
    reconnect(pair)
    pair.tell(pair.venue.found(stop, VenueState.FILLED, 130, qty=130))
    assert stop.client_id not in pair.book.orders()
    assert "ALARM OVERFILL" not in pair.book.story()
    assert pair.book.inst("position") == -30


@pytest.mark.parametrize("lots", [40, 70])
def test_an_order_that_grew_unheard_is_over_when_the_venue_says_so(lots: int) -> None:
    """It was amended from 40 to 100, and fills what we believe to be all of it, or more."""
    pair, target = growing()
    pair.tell(pair.venue.fill(target, lots, of=100))
    assert asked_about(pair) == [target.client_id]
    assert pair.book.inst("position") == 100, "nothing is booked before it is known of what"
    pair.venue.trades -= 1
    pair.tell(pair.venue.found(target, VenueState.WORKING, lots, qty=100))
    assert pair.book.orders()[target.client_id] == "PARTIAL"
    assert pair.book.inst("position") == 100 - lots
    pair.tell(pair.venue.fill(target, 100 - lots, of=100))
    assert pair.book.inst("position") == 0
    assert target.client_id not in pair.book.orders()
    assert "ALARM" not in " ".join(pair.book.story())


def test_an_order_that_grew_unheard_may_fill_whole_at_once() -> None:
    """Its last fill is of more than we believe to be left of it."""
    pair, target = growing()
    pair.tell(pair.venue.fill(target, 100, of=100))
    assert asked_about(pair) == [target.client_id]
    pair.venue.trades -= 1
    pair.tell(pair.venue.found(target, VenueState.FILLED, 100, qty=100))
    assert pair.book.inst("position") == 0
    assert "ALARM" not in " ".join(pair.book.story())


def test_an_order_that_is_heard_to_grow_and_to_fill_at_once_is_not_asked_about() -> None:
    """Both come in one read; the fill is judged when the amendment was decided on."""
    pair, target = growing()
    amended = pair.venue.report(Kind.AMENDED, target, qty=100, price=target.price)
    pair.tell(amended, pair.venue.fill(target, 70, of=100), pair.venue.fill(target, 30, of=100))
    assert asked_about(pair) == []
    assert pair.book.inst("position") == 0
    assert "ALARM" not in " ".join(pair.book.story())


def test_a_fill_that_comes_twice_is_not_taken_for_more_than_was_ordered() -> None:
    """It is known: nothing is asked, and it is counted as told again."""
    pair, order = bought()
    pair.tell(pair.venue.fill(order, 60, trade=1))
    pair.asks()
    pair.tell(pair.venue.fill(order, 60, trade=1))
    assert asked_about(pair) == []
    assert pair.book.inst("position") == 60
    assert pair.engine.fills.duplicates == 1


def test_more_than_was_ordered_is_booked_when_the_venue_stands_by_it() -> None:
    """It is a fact, and a person is told."""
    pair, order = bought()
    pair.tell(pair.venue.fill(order, 130))
    assert asked_about(pair) == [order.client_id]
    pair.venue.trades -= 1
    pair.tell(pair.venue.found(order, VenueState.FILLED, 130))
    assert pair.book.inst("position") == 130
    assert "ALARM OVERFILL" in pair.book.story()
