"""Coming and going: what is asked after a connection was lost, and what is never sent again."""

import numpy as np
import pytest

from interlock.kernel.codes import SELL, Kind
from interlock.runtime.engine import Superseded
from interlock.runtime.link import Phase
from interlock.runtime.reconcile import account_is_held, held_instruments
from interlock.venues.port import (
    Cancel,
    Ended,
    Fenced,
    Market,
    NewOrder,
    NotFound,
    VenueState,
)
from interlock.venues.simulated.asks import AskAccount, AskOrder, Hello
from tests.runtime.pair import (
    ANSWER_NS,
    EPOCH,
    Pair,
    asked_about,
    bought,
    holding,
    leaving,
    reconnect,
)
from tests.runtime.scripts import PRICE

SECOND_NS = 1_000_000_000
ANSWER_S = ANSWER_NS / SECOND_NS


# --- coming and going -------------------------------------------------------------------------


def test_the_greeting_says_the_epoch_and_the_feed() -> None:
    """And the next one says how far the feed was decided on."""
    pair = Pair()
    pair.greet()
    assert pair.asks()[0] == Hello(epoch=EPOCH, feed=0)
    pair.tell(pair.venue.bar(), pair.venue.bar())
    pair.engine.lost()
    pair.engine.connected()
    pair.pump()
    assert pair.asks()[-1] == Hello(epoch=EPOCH, feed=2)


def test_entries_wait_until_everything_was_asked() -> None:
    """From the start on, and again after every connection."""
    pair = Pair()
    assert account_is_held(pair.engine.decider.state)
    pair.greet()
    pair.tell(pair.venue.bar())
    pair.signal()
    assert pair.book.story()[-1].startswith("REFUSED entry")
    assert pair.phase() is Phase.COMPARING
    pair.tell(pair.venue.account())
    assert not account_is_held(pair.engine.decider.state)
    pair.signal()
    assert pair.book.story()[-1] == "SUBMIT entry buy 100"
    reconnect(pair)
    assert account_is_held(pair.engine.decider.state)


def test_every_open_order_is_asked_about_before_positions_are_compared() -> None:
    """Also those at work: what became of them was not heard."""
    pair, stop, target = holding()
    pair.asks()
    reconnect(pair)
    said = pair.asks()
    assert [ask.client_id for ask in said if isinstance(ask, AskOrder)] == [
        stop.client_id,
        target.client_id,
    ]
    assert not any(isinstance(ask, AskAccount) for ask in said)
    pair.tell(pair.venue.found(stop, VenueState.WORKING))
    assert pair.phase() is Phase.LOOKING
    pair.tell(pair.venue.found(target, VenueState.WORKING))
    assert pair.phase() is Phase.COMPARING
    pair.tell(pair.venue.account())
    assert pair.phase() is Phase.READY
    assert pair.book.orders() == {stop.client_id: "WORKING", target.client_id: "WORKING"}


def test_fills_that_were_missed_are_caught_up_with() -> None:
    """V08: the stop filled while nobody listened; its target is cancelled."""
    pair, stop, target = holding()
    reconnect(pair)
    pair.tell(
        pair.venue.found(stop, VenueState.FILLED, 60, 40),
        pair.venue.found(target, VenueState.CANCELLED),
    )
    pair.tell(pair.venue.account({}))
    assert pair.book.inst("position") == 0
    assert pair.book.orders() == {}
    assert pair.link.found.fills == 2
    assert pair.phase() is Phase.READY
    assert held_instruments(pair.engine.decider.state) == set()


def test_what_was_not_sent_before_the_connection_was_lost_is_never_sent() -> None:
    """It ends as ABANDONED, by the venue's word that it never came."""
    pair = Pair(is_slow=True)
    pair.greet()
    pair.flush()
    pair.tell(pair.venue.account())
    pair.tell(pair.venue.bar())
    pair.flush()
    pair.signal()
    assert pair.requests() == [], "it is not durable yet"
    pair.engine.lost()
    pair.is_slow = False
    pair.flush()
    pair.pump()
    assert pair.requests() == []
    pair.greet()
    (name,) = pair.book.orders()
    assert pair.book.orders() == {name: "UNKNOWN"}
    assert asked_about(pair) == [name]
    pair.tell(NotFound(client_id=name, now_ns=1))
    pair.tell(pair.venue.account())
    assert pair.book.orders() == {}
    assert pair.requests() == []
    assert pair.link.found.abandoned == 1
    assert pair.phase() is Phase.READY


def test_a_protective_stop_that_was_lost_is_asked_for_anew() -> None:
    """The connection went with the stop unsent: the position gets another one."""
    pair, entry = bought()
    pair.is_slow = True
    pair.tell(pair.venue.fill(entry))
    assert pair.requests() == [entry]
    pair.engine.lost()
    pair.is_slow = False
    pair.flush()
    pair.greet()
    lost = asked_about(pair)
    assert len(lost) == 2, "its stop and its target"
    for name in lost:
        pair.tell(NotFound(client_id=name, now_ns=1))
    pair.tell(pair.venue.account())
    stop = pair.last()
    again = [ask for ask in pair.requests() if isinstance(ask, NewOrder)][1:]
    assert {order.role for order in again} == {2, 3}
    assert not {order.client_id for order in again} & set(lost)
    assert all(order.qty == 100 for order in again)
    assert stop in again


def test_a_cancel_that_was_lost_is_asked_for_again() -> None:
    """The order is found at work, and nobody wants it."""
    pair, stop, target = holding()
    pair.is_slow = True
    pair.signal(SELL)
    assert not any(isinstance(each, Cancel) for each in pair.requests())
    pair.engine.lost()
    pair.is_slow = False
    pair.flush()
    pair.greet()
    assert asked_about(pair)[-2:] == [stop.client_id, target.client_id]
    pair.tell(pair.venue.found(target, VenueState.WORKING))
    assert isinstance(pair.requests()[-1], Cancel)
    assert pair.requests()[-1].client_id == target.client_id


def test_nothing_is_asked_while_nobody_listens() -> None:
    """Time passes, an entry is decided on, and no byte is queued."""
    pair, _ = bought()
    pair.tell(pair.venue.bar(500, instrument=1))
    pair.engine.lost()
    pair.asks()
    pair.pass_time(60)
    pair.signal(instrument=1)
    assert pair.book.story()[-1] == "SUBMIT entry buy 100"
    assert pair.asks() == []


def test_bytes_that_are_no_message_say_so() -> None:
    """Whoever drives the engine hangs up."""
    pair = Pair().open()
    said = pair.engine.receive(b"<html>\n")
    assert said is not None
    assert "JSON" in said


def test_a_broken_line_spoils_only_its_own_connection() -> None:
    """After nonsense, and after half a line, the next connection is heard."""
    for broken in (b"<html>\n", b'{"t":"ended","now'):
        pair = Pair().open()
        pair.engine.receive(broken)
        pair.engine.lost()
        pair.open()
        pair.tell(pair.venue.bar())
        assert pair.book.inst("mark") == PRICE


def test_a_later_engine_ends_this_one() -> None:
    """The venue says so, and nothing more is done."""
    pair = Pair().open()
    with pytest.raises(Superseded, match="later engine than this one, and has heard of 9"):
        pair.tell(Fenced(epoch=9))


def test_market_data_that_waits_when_the_connection_goes_is_not_taken_twice() -> None:
    """The venue tells it again, for nobody had said that it was heard."""
    pair = Pair().open()
    bar = pair.venue.bar()
    pair.receive(bar)
    pair.engine.work()  # it is in the inbox, and not decided on
    pair.engine.lost()
    pair.engine.connected()
    pair.receive(pair.venue.welcome(), bar, pair.venue.bar(PRICE + 1, number=2))
    pair.pump()
    assert [int(row["ext_lo"]) for row in pair.book.events(Kind.BAR)] == [1, 2]


def test_the_end_of_a_recording_is_noted() -> None:
    """It is said when it comes, and in every greeting after it."""
    pair = Pair(replay=True).open()
    found = [pair.engine.progress.ended]
    pair.tell(Ended(now_ns=1))
    assert [*found, pair.engine.progress.ended] == [False, True]
    other = Pair(replay=True)
    other.greet(ended=True)
    assert other.engine.progress.ended


def test_every_request_carries_the_epoch_of_the_engine_that_sends_it() -> None:
    """Also a cancel of an order that an earlier engine sent: its name stays."""
    pair, _, target = leaving()
    cancel = pair.last(Cancel)
    assert (cancel.epoch, cancel.client_id) == (EPOCH, target.client_id)
    assert {request.epoch for request in pair.requests()} == {EPOCH}


# --- a venue that goes quiet ------------------------------------------------------------------


def test_a_question_that_was_never_answered_is_asked_again() -> None:
    """While it reconciles: an answer about an order, or about the account, that got lost."""
    pair, stop, target = holding()
    reconnect(pair)
    pair.tell(pair.venue.found(stop, VenueState.WORKING))
    pair.asks()
    pair.pass_time(ANSWER_S - 1)
    assert asked_about(pair) == []
    pair.pass_time(2)
    assert asked_about(pair) == [target.client_id]
    pair.tell(pair.venue.found(target, VenueState.WORKING))
    assert pair.phase() is Phase.COMPARING
    pair.asks()
    pair.pass_time(ANSWER_S + 1)
    assert pair.asks() == [AskAccount()]
    pair.tell(pair.venue.account())
    assert pair.phase() is Phase.READY


def test_a_greeting_that_is_never_answered_is_noticed() -> None:
    """Whoever drives the engine hangs up; before that there is nothing to notice."""
    pair = Pair()
    found = [pair.link.is_ignored]
    pair.engine.connected()
    for seconds in (ANSWER_S - 1, 2):
        pair.pass_time(seconds)
        found.append(pair.link.is_ignored)
    assert found == [False, False, True]
    pair.open()
    pair.pass_time(60)
    assert not pair.link.is_ignored


def test_a_recording_is_not_hurried() -> None:
    """Its venue answers in the recording's time, however slowly that is played."""
    pair, order = bought(replay=True)
    pair.pass_time(600)
    assert pair.book.orders() == {order.client_id: "INTENT"}
    pair.tell(pair.venue.bar())
    pair.pass_time(1)
    assert pair.book.orders() == {order.client_id: "UNKNOWN"}, "a minute of the recording later"


def test_market_rows_are_taken_as_they_come() -> None:
    """Several in one message, of any symbol."""
    pair = Pair().open()
    pair.tell(
        Market(rows=np.concatenate([pair.venue.bar().rows, pair.venue.bar(500, instrument=1).rows]))
    )
    assert (pair.book.inst("mark"), pair.book.inst("mark", 1)) == (PRICE, 500)
