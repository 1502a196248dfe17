"""The conversation with a venue: what is asked, what is answered, and whose answer it is."""

import pytest

from interlock.kernel.codes import Cause, Kind, Level, Role
from interlock.kernel.records import rows
from interlock.runtime import once
from interlock.runtime.entries import events_of
from interlock.runtime.inbox import Lane
from interlock.venues.port import (
    Amend,
    Capabilities,
    Duplicate,
    NewOrder,
    Report,
    VenueState,
)
from tests.runtime.pair import (
    ANSWER_NS,
    asked_about,
    bought,
    holding,
    leaving,
)

SECOND_NS = 1_000_000_000
ANSWER_S = ANSWER_NS / SECOND_NS
SLOW = Capabilities(native_oco=True, absence_wait_ms=10_000, absence_answers=3)


# --- answers ----------------------------------------------------------------------------------


def test_an_order_that_is_accepted_works() -> None:
    """V01: INTENT, then WORKING."""
    pair, order = bought()
    assert pair.book.orders() == {order.client_id: "INTENT"}
    pair.tell(pair.venue.report(Kind.ACCEPTED, order))
    assert pair.book.orders() == {order.client_id: "WORKING"}


def test_a_clear_no_ends_an_order_at_once() -> None:
    """V02: the exposure is free again, and nothing is asked."""
    pair, order = bought()
    pair.asks()
    pair.tell(pair.venue.report(Kind.REJECTED, order))
    assert pair.book.orders() == {}
    assert pair.book.inst("entry_buy") == 0
    pair.pass_time(ANSWER_S)
    assert asked_about(pair) == []


def test_an_order_without_an_answer_is_unknown_asked_about_and_found() -> None:
    """V03: it holds its exposure meanwhile, and its symbol opens nothing."""
    pair, order = bought()
    pair.pass_time(ANSWER_S - 1)
    assert pair.book.orders() == {order.client_id: "INTENT"}
    pair.pass_time(2)
    assert pair.book.orders() == {order.client_id: "UNKNOWN"}
    assert pair.book.inst("entry_buy") == 100
    pair.signal()
    assert "LATCHED ORDER_UNKNOWN PAUSED on instrument 0" in pair.book.story()
    assert pair.book.story()[-1].startswith("REFUSED entry")
    assert asked_about(pair)[-1] == order.client_id
    pair.tell(pair.venue.found(order, VenueState.WORKING))
    assert pair.book.orders() == {order.client_id: "WORKING"}
    assert pair.requests() == [order]


def test_an_order_without_an_answer_is_asked_about_once_a_second() -> None:
    """Not with every tick."""
    pair, order = bought()
    pair.pass_time(ANSWER_S)
    pair.asks()
    pair.pass_time(3)
    assert asked_about(pair) == [order.client_id] * 3


def test_an_order_that_was_filled_unheard_is_found_filled() -> None:
    """V03: its fills are booked, and the position gets its stop."""
    pair, order = bought()
    pair.pass_time(ANSWER_S)
    pair.tell(pair.venue.found(order, VenueState.FILLED, 60, 40))
    assert pair.book.inst("position") == 100
    roles = [each.role for each in pair.requests() if isinstance(each, NewOrder)]
    assert roles == [Role.ENTRY, Role.STOP, Role.TARGET]


@pytest.mark.parametrize("state", ["CANCELLED", "EXPIRED", "REJECTED"])
def test_an_order_that_ended_unheard_is_found_ended(state: str) -> None:
    """Whatever its end was."""
    pair, order = bought()
    pair.pass_time(ANSWER_S)
    pair.tell(pair.venue.found(order, VenueState[state]))
    assert pair.book.orders() == {}
    assert pair.book.inst("unknown_orders") == 0


@pytest.mark.parametrize("state", ["CANCELLED", "EXPIRED", "REJECTED"])
def test_what_was_filled_before_an_order_ended_stays_filled(state: str) -> None:
    """Some venues call the rest of an order rejected."""
    pair, order = bought()
    pair.pass_time(ANSWER_S)
    pair.tell(pair.venue.found(order, VenueState[state], 30))
    assert order.client_id not in pair.book.orders()
    assert pair.book.inst("position") == 30
    assert pair.book.state["account"]["illegal_transitions"] == 0


def test_absence_is_proven_by_time_and_by_answers_together() -> None:
    """V04: neither three answers nor ten seconds alone end an order."""
    pair, order = bought(capabilities=SLOW)
    pair.pass_time(ANSWER_S)
    for _ in range(5):
        pair.tell(pair.venue.not_found(order))
    assert pair.book.orders() == {order.client_id: "UNKNOWN"}, "often enough, too early"
    pair.pass_time(12)
    pair.tell(pair.venue.not_found(order))
    assert pair.book.orders() == {}
    assert pair.book.story()[-1] == "RELEASED ORDER_UNKNOWN on instrument 0"


def test_one_answer_after_long_enough_proves_nothing() -> None:
    """A replica may lag: the venue's own count of answers is needed."""
    pair, order = bought(capabilities=SLOW)
    pair.pass_time(60)
    pair.tell(pair.venue.not_found(order))
    pair.tell(pair.venue.not_found(order))
    assert pair.book.orders() == {order.client_id: "UNKNOWN"}
    pair.tell(pair.venue.not_found(order))
    assert pair.book.orders() == {}


def test_what_was_heard_of_begins_its_absence_anew() -> None:
    """Not found twice, then found: two earlier answers count no more."""
    pair, order = bought(capabilities=SLOW)
    pair.pass_time(30)
    pair.tell(pair.venue.not_found(order), pair.venue.not_found(order))
    pair.tell(pair.venue.found(order, VenueState.WORKING))
    pair.tell(pair.venue.not_found(order))
    assert pair.book.orders() == {order.client_id: "UNKNOWN"}
    pair.pass_time(30)
    pair.tell(pair.venue.not_found(order))
    assert pair.book.orders() == {order.client_id: "UNKNOWN"}


def test_a_client_id_that_was_used_is_asked_about() -> None:
    """V05: Duplicate is no refusal; what became of the order is the venue's to say."""
    pair, order = bought()
    pair.asks()
    pair.tell(Duplicate(client_id=order.client_id))
    assert pair.book.orders() == {order.client_id: "UNKNOWN"}
    assert asked_about(pair)[0] == order.client_id
    pair.tell(pair.venue.found(order, VenueState.FILLED, 100))
    assert pair.book.inst("position") == 100


def test_a_duplicate_of_an_order_at_work_changes_nothing() -> None:
    """It is asked about; one that is not ours is not."""
    pair, stop, _ = holding()
    pair.asks()
    pair.tell(Duplicate(client_id=stop.client_id), Duplicate(client_id="i-7-Z-1"))
    assert asked_about(pair) == [stop.client_id]
    pair.tell(pair.venue.found(stop, VenueState.WORKING))
    assert pair.book.orders()[stop.client_id] == "WORKING"
    assert pair.book.state["account"]["illegal_transitions"] == 0


# --- fills ------------------------------------------------------------------------------------


def test_a_fill_may_come_before_its_acknowledgement() -> None:
    """V06: the acknowledgement then changes nothing."""
    pair, order = bought()
    pair.tell(pair.venue.fill(order, 40), pair.venue.report(Kind.ACCEPTED, order))
    assert pair.book.orders()[order.client_id] == "PARTIAL"
    pair.tell(pair.venue.fill(order, 60))
    assert pair.book.inst("position") == 100
    assert pair.book.state["account"]["illegal_transitions"] == 0


def test_a_fill_that_comes_twice_is_applied_once() -> None:
    """The same trade: from the stream again, or from an answer."""
    pair, order = bought()
    pair.tell(pair.venue.fill(order, 40, trade=1), pair.venue.fill(order, 40, trade=1))
    assert pair.book.inst("position") == 40
    pair.venue.trades = 0
    pair.tell(pair.venue.found(order, VenueState.WORKING, 40, 10))
    assert pair.book.inst("position") == 50
    pair.tell(pair.venue.fill(order, 10, trade=2))
    assert pair.book.inst("position") == 50
    assert pair.engine.fills.duplicates == 2
    assert len(pair.book.events(Kind.FILL)) == 2


def test_two_fills_of_one_read_are_one_when_they_are_one_trade() -> None:
    """They are decided on together."""
    pair, order = bought()
    pair.receive(pair.venue.fill(order, 40, trade=5), pair.venue.fill(order, 40, trade=5))
    pair.pump()
    assert pair.book.inst("position") == 40


def test_a_fill_that_an_earlier_engine_journaled_is_not_applied_again() -> None:
    """The store knows what this engine's memory does not."""
    pair, order = bought()
    pair.tell(pair.venue.fill(order, 40, trade=1))
    entry = next(entry for entry in pair.entries if entry.key)
    other, same = bought()
    other.in_store.add(entry.key)
    other.tell(other.venue.fill(same, 40, trade=1))
    assert other.book.inst("position") == 0
    assert other.engine.fills.duplicates == 1


def test_a_late_fill_after_the_cancel_is_booked() -> None:
    """V07: partial, cancelled, then a fill that was on its way: it is a fact."""
    pair, order = bought()
    pair.tell(pair.venue.fill(order, 40), pair.venue.report(Kind.CANCELLED, order))
    assert pair.book.inst("position") == 40
    pair.tell(pair.venue.fill(order, 5))
    assert pair.book.inst("position") == 45
    assert pair.last(Amend).qty == 45, "its stop follows"


def test_a_cancel_that_a_fill_overtook_ends_with_the_fill() -> None:
    """The stop filled while its cancel was under way: nothing is left open."""
    pair, stop, target = leaving()
    pair.tell(
        pair.venue.fill(stop),
        pair.venue.report(Kind.CANCELLED, target),
        pair.venue.report(Kind.CANCEL_REJECTED, stop),
    )
    assert pair.book.orders() == {}
    assert pair.book.inst("position") == 0
    assert pair.book.state["account"]["late_rejects"] == 1


def test_reports_of_orders_that_are_not_ours_are_facts_and_alarms() -> None:
    """A stranger's fill moves the position; its other reports change nothing."""
    pair, order = bought()
    stranger = pair.venue.report(Kind.ACCEPTED, order)
    pair.tell(Report(client_id="somebody-elses", peer_client_id="", row=stranger.row))
    assert pair.book.story()[-1] == "ALARM UNKNOWN_ORDER"
    fill = pair.venue.fill(order, 7)
    pair.tell(Report(client_id="i-6-8-1", peer_client_id="", row=fill.row))
    assert "ALARM EXTERNAL_FILL" in pair.book.story()
    assert pair.book.inst("position") == 7
    assert pair.book.orders()[order.client_id] == "INTENT"


def test_funding_is_no_order_of_anybody_and_charged_once() -> None:
    """It comes without a name; its number makes it the same charge when it is told again."""
    pair, _, _ = holding()
    row = rows(1)
    row["kind"] = Kind.FUNDING
    row["instrument"] = 0
    row["value"] = 1_000
    row["ext_lo"] = 7
    row["ts_ns"] = row["src_ts_ns"] = pair.engine.now_ns()
    for _ in range(2):
        pair.tell(Report(client_id="", peer_client_id="", row=row[0]))
    assert len(pair.book.events(Kind.FUNDING)) == 1
    assert "UNKNOWN_ORDER" not in " ".join(pair.book.story())


# --- whose answer is whose --------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["ACCEPTED", "AMEND_REJECTED"])
def test_a_report_of_something_else_is_no_answer_to_a_cancel(kind: str) -> None:
    """The cancel's own answer is lost: the order is asked about all the same."""
    pair, stop, _ = leaving()
    pair.tell(pair.venue.report(Kind[kind], stop))
    pair.pass_time(ANSWER_S)
    assert pair.book.orders()[stop.client_id] == "UNKNOWN"


def test_a_fill_is_no_answer_to_a_cancel() -> None:
    """The rest may still be there."""
    pair, stop, _ = leaving()
    pair.tell(pair.venue.fill(stop, 10))
    pair.pass_time(ANSWER_S)
    assert pair.book.orders()[stop.client_id] == "UNKNOWN"


def test_a_cancel_is_answered_by_the_end_of_its_order() -> None:
    """Nothing is asked then."""
    pair, stop, target = leaving()
    pair.tell(pair.venue.report(Kind.CANCELLED, stop), pair.venue.report(Kind.CANCELLED, target))
    pair.tell(pair.venue.report(Kind.ACCEPTED, pair.last()), pair.venue.fill(pair.last()))
    pair.asks()
    pair.pass_time(ANSWER_S * 1.5)
    assert asked_about(pair) == []
    assert pair.book.orders() == {}


# --- what is left ---------------------------------------------------------------------------


def test_answers_about_orders_that_are_over_change_nothing() -> None:
    """They ended while the question was under way; so did the wait for their answers."""
    pair, order = bought()
    pair.link.sent(order)
    pair.link.kept(order)
    pair.pump()
    assert pair.book.orders() == {order.client_id: "UNKNOWN"}
    pair.tell(pair.venue.fill(order))
    pair.link.sent(order)
    pair.link.kept(order)
    pair.tell(pair.venue.not_found(order), pair.venue.found(order, VenueState.WORKING))
    pair.pass_time(ANSWER_S + 1)
    assert order.client_id not in pair.book.orders()
    assert "UNKNOWN" in pair.book.orders().values(), "its stop and target, which nobody answered"
    assert pair.book.state["account"]["unknown_reports"] == 0


def test_only_what_is_unknown_is_asked_about_again() -> None:
    """The stop is at work; its target was never answered."""
    pair, entry = bought()
    pair.tell(pair.venue.fill(entry))
    stop, target = pair.requests()[1:]
    assert isinstance(stop, NewOrder)
    pair.tell(pair.venue.report(Kind.ACCEPTED, stop))
    pair.asks()
    pair.pass_time(ANSWER_S + 2)
    assert set(asked_about(pair)) == {target.client_id}


def test_memory_of_fills_has_an_end_and_the_store_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """The oldest are forgotten here, and known there."""
    monkeypatch.setattr(once, "KEPT", 2)
    pair, order = bought()
    for trade in (1, 2, 3):
        pair.tell(pair.venue.fill(order, 10, trade=trade))
    first = next(entry for entry in pair.entries if entry.key)
    assert not pair.engine.fills.knows(first.key)
    pair.in_store.add(first.key)
    assert pair.engine.fills.knows(first.key)
    pair.tell(pair.venue.fill(order, 10, trade=1))
    assert pair.book.inst("position") == 30


def test_a_fill_without_a_trades_id_is_taken_as_it_is() -> None:
    """Other venues may have none: nothing is known of it."""
    pair, order = bought()
    row = pair.venue.fill(order, 10).row.copy().reshape(1)
    row["order_id"] = pair.names.order_id(order.client_id)
    row["ext_lo"] = 0
    for _ in range(2):
        pair.engine.inbox.offer(Lane.REPORT, row.copy())
        pair.pump()
    assert len(pair.book.events(Kind.FILL)) == 2


def test_payloads_stay_with_their_rows_when_a_fill_among_them_came_again() -> None:
    """By their new places."""
    pair, order = bought()
    pair.tell(pair.venue.fill(order, 10, trade=1))
    pair.receive(pair.venue.fill(order, 10, trade=1), pair.venue.report(Kind.ACCEPTED, order))
    pair.engine.work()
    day = rows(1)
    day["kind"] = Kind.DAY
    day["ts_ns"] = pair.engine.now_ns()
    assert pair.engine.operate(day, b'{"who":"a person"}')
    pair.pump()
    (entry,) = (entry for entry in pair.entries if entry.payload == b'{"who":"a person"}')
    assert events_of(entry)["kind"][0] == Kind.DAY


def test_a_trade_told_again_with_another_quantity_halts_its_symbol() -> None:
    """Nobody can say which of the two is true: nothing is booked, and a person has to look."""
    pair, order = bought()
    pair.tell(pair.venue.fill(order, 10, trade=1))

    pair.tell(pair.venue.fill(order, 12, trade=1))

    assert pair.book.inst("position") == 10
    assert pair.book.inst("latch_level") == Level.HALTED
    (halt,) = (row for row in pair.book.events(Kind.HALT) if row["instrument"] == 0)
    assert halt["code"] == Cause.IMPOSSIBLE_STATE


def test_a_venue_that_forgets_an_order_it_had_taken_is_not_traded_on() -> None:
    """The order ends by its word; the symbol stays halted until a person has looked."""
    pair, entry = bought()
    pair.tell(pair.venue.report(Kind.ACCEPTED, entry))

    pair.tell(pair.venue.not_found(entry))

    assert pair.book.orders() == {}
    assert pair.book.inst("latch_level") == Level.HALTED
    halts = [row["code"] for row in pair.book.events(Kind.HALT) if row["instrument"] == 0]
    assert halts == [Cause.IMPOSSIBLE_STATE]
