"""How long a venue takes, and what time it is there."""

from typing import Any, Final

import pytest

from interlock.kernel.codes import BUY, Kind, OrderKind, Role
from interlock.kernel.records import rows
from interlock.runtime.clock import NS_PER_MS, NS_PER_S, ManualClock
from interlock.runtime.round_trips import SAMPLES, RoundTrips
from interlock.venues.port import (
    Account,
    Cancel,
    Duplicate,
    Found,
    Market,
    NewOrder,
    NotFound,
    Report,
    VenueOrder,
    VenueState,
)

NOW_NS: Final = 1_700_000_000 * NS_PER_S


class Steps:
    """Clocks of which the time of day can be set."""

    def __init__(self) -> None:
        self.steady = ManualClock(NOW_NS)
        self.set_ns = 0

    def now_ns(self) -> int:
        """Return the time of day."""
        return self.steady.now_ns() + self.set_ns

    def elapsed_ns(self) -> int:
        """Return what passed."""
        return self.steady.elapsed_ns()


class Bench:
    """Round trips with a venue whose clock is so much ahead of the true time."""

    def __init__(self, *, follow_market: bool = False) -> None:
        self.clock = Steps()
        self.trips = RoundTrips(self.clock, follow_market=follow_market)
        self.ahead_ms = 0

    def wait(self, ms: int) -> None:
        """Let time pass."""
        self.clock.steady.advance(ms * NS_PER_MS)

    def ask(self, there_ms: int = 5, back_ms: int = 5) -> None:
        """Ask for the account, and hear the answer."""
        self.trips.asked()
        self.answer(there_ms, back_ms)

    def answer(self, there_ms: int = 5, back_ms: int = 5) -> None:
        """Hear an answer that was given at the venue's time between the two."""
        self.wait(there_ms)
        told_ns = self.clock.steady.now_ns() + self.ahead_ms * NS_PER_MS
        self.wait(back_ms)
        self.trips.heard(account(told_ns))

    def offset_ms(self) -> int | None:
        """Return how far the venue's time is ahead of ours."""
        found = self.trips.offset_ns()
        return None if found is None else round(found / NS_PER_MS)

    def buy(self, name: str = "a", kind: OrderKind = OrderKind.MARKET) -> None:
        """Send an order."""
        self.trips.sent(
            NewOrder(
                client_id=name,
                epoch=1,
                instrument=0,
                strategy=0,
                side=BUY,
                order_kind=kind,
                role=Role.ENTRY,
                flags=0,
                qty=1,
                price=0,
                trigger=0,
                peer_client_id="",
                ts_ns=self.clock.now_ns(),
            )
        )

    def report(self, kind: Kind, name: str = "a") -> None:
        """Hear a report of it."""
        row = rows(1)
        row["kind"] = kind
        self.trips.heard(Report(client_id=name, peer_client_id="", row=row[0]))

    def found(self, state: VenueState, fills: int = 0) -> None:
        """Hear what became of it."""
        self.trips.heard(
            Found(
                order=VenueOrder(
                    client_id="a",
                    instrument=0,
                    state=state,
                    qty=1,
                    filled=0,
                    price=0,
                    trigger=0,
                    fills=rows(fills),
                )
            )
        )

    def market(self, instrument: int = 0, age_ms: int = 0, kind: Kind = Kind.BAR) -> None:
        """Hear a number of the market."""
        row = rows(1)
        row["kind"] = kind
        row["instrument"] = instrument
        row["src_ts_ns"] = self.clock.now_ns() - age_ms * NS_PER_MS
        self.trips.heard(Market(rows=row))

    @property
    def waits_ms(self) -> tuple[int, int]:
        """The longest waits for an answer and for a fill."""
        now_ns = self.clock.elapsed_ns()
        return self.trips.placements.longest_ms(now_ns), self.trips.fills.longest_ms(now_ns)


def account(now_ns: int) -> Account:
    nothing: dict[str, Any] = {"orders": (), "positions": {}, "marks": {}}
    return Account(now_ns=now_ns, cash_units=0, equity_units=0, trades=0, **nothing)


# --- the venue's time -------------------------------------------------------------------------


@pytest.mark.parametrize("ahead_ms", [0, 1_500, -1_500])
def test_the_venues_time_is_held_against_the_middle_of_question_and_answer(ahead_ms: int) -> None:
    bench = Bench()
    assert bench.offset_ms() is None
    bench.ahead_ms = ahead_ms
    bench.ask(200, 200)
    assert bench.offset_ms() == ahead_ms


def test_the_fastest_of_the_last_answers_is_believed() -> None:
    """A slow way back looks like an offset, and is none."""
    bench = Bench()
    bench.ask(5, 5)
    for _ in range(SAMPLES - 1):
        bench.ask(0, 3_000)
        assert bench.offset_ms() == 0
    bench.ask(0, 3_000)
    assert bench.offset_ms() == -1_500, "nobody knows better any more"


def test_a_step_of_our_clock_shows_without_another_answer() -> None:
    bench = Bench()
    bench.ask()
    for seconds in (1, -1, 5_400, -5_400, 31_536_000):
        bench.clock.set_ns = seconds * NS_PER_S
        assert bench.offset_ms() == -seconds * 1_000
    bench.clock.set_ns = -NOW_NS  # 1970
    assert bench.offset_ms() == NOW_NS // NS_PER_MS


def test_a_step_of_the_venues_clock_is_believed_over_faster_answers_before_it() -> None:
    bench = Bench()
    bench.ask(1, 1)
    bench.ahead_ms = 30_000
    bench.ask(20, 20)
    assert bench.offset_ms() == 30_000


def test_of_two_questions_under_way_nobody_knows_which_is_answered() -> None:
    """And an answer to nothing tells nothing."""
    bench = Bench()
    bench.trips.asked()
    bench.wait(10_000)
    bench.ask()
    assert bench.offset_ms() is None
    bench.answer()
    assert bench.offset_ms() is None
    bench.ask()
    assert bench.offset_ms() == 0


def test_a_venue_that_does_not_say_what_time_it_is_is_not_in_1970() -> None:
    bench = Bench()
    bench.trips.asked()
    bench.trips.heard(account(0))
    assert bench.offset_ms() is None


def test_silence_begins_with_the_first_question_that_has_no_answer() -> None:
    """Asking again does not make it shorter; an answer, or another connection, ends it."""
    bench = Bench()
    bench.wait(1_000)
    assert bench.trips.silent_ns() == 0
    for _ in range(3):
        bench.trips.asked()
        bench.wait(4_000)
    assert bench.trips.silent_ns() == 12 * NS_PER_S
    bench.answer()
    assert bench.trips.silent_ns() == 0
    bench.trips.asked()
    bench.wait(4_000)
    bench.trips.lost()
    assert bench.trips.silent_ns() == 0


# --- waits ------------------------------------------------------------------------------------


def test_an_order_is_waited_for_until_its_first_answer_and_its_first_fill() -> None:
    bench = Bench()
    bench.buy()
    bench.wait(300)
    bench.report(Kind.ACCEPTED)
    bench.wait(400)
    assert bench.waits_ms == (300, 700)
    bench.report(Kind.FILL)
    bench.wait(5_000)
    bench.report(Kind.FILL)
    assert bench.waits_ms == (300, 700)


def test_what_still_waits_counts_up_to_now() -> None:
    """A venue that never answers must not look fast."""
    bench = Bench()
    bench.buy("a")
    bench.wait(1_000)
    bench.buy("b")
    bench.wait(1_000)
    assert bench.waits_ms == (2_000, 2_000)
    bench.trips.placements.begin_anew()
    bench.report(Kind.ACCEPTED, "a")
    bench.trips.placements.begin_anew()
    assert bench.waits_ms == (1_000, 2_000)


def test_the_worst_is_looked_for_anew() -> None:
    bench = Bench()
    bench.buy()
    bench.wait(900)
    bench.report(Kind.FILL)
    assert bench.waits_ms == (900, 900)
    bench.trips.placements.begin_anew()
    bench.trips.fills.begin_anew()
    assert bench.waits_ms == (0, 0)


@pytest.mark.parametrize("kind", [Kind.REJECTED, Kind.CANCELLED, Kind.EXPIRED])
def test_an_order_that_ends_is_not_waited_for(kind: Kind) -> None:
    bench = Bench()
    bench.buy()
    bench.report(kind)
    bench.wait(9_000)
    assert bench.waits_ms == (0, 0)


def test_what_became_of_an_order_is_an_answer() -> None:
    """Whoever had to ask waited for as long."""
    bench = Bench()
    bench.buy()
    bench.wait(2_500)
    bench.found(VenueState.WORKING)
    bench.wait(500)
    assert bench.waits_ms == (2_500, 3_000)
    bench.found(VenueState.WORKING, fills=1)
    bench.wait(500)
    assert bench.waits_ms == (2_500, 3_000)


def test_an_order_that_was_cancelled_unheard_is_over() -> None:
    bench = Bench()
    bench.buy()
    bench.found(VenueState.CANCELLED)
    bench.wait(500)
    assert bench.waits_ms == (0, 0)


def test_an_order_that_nobody_knows_is_over_and_one_that_is_known_is_not() -> None:
    bench = Bench()
    bench.buy("a")
    bench.buy("b")
    bench.trips.heard(NotFound(client_id="a", now_ns=0))
    bench.trips.heard(Duplicate(client_id="b"))
    bench.wait(700)
    assert bench.waits_ms == (0, 700)
    bench.report(Kind.FILL, "b")
    bench.wait(700)
    assert bench.waits_ms == (0, 700)


def test_only_orders_at_market_are_waited_for_until_they_fill() -> None:
    bench = Bench()
    bench.buy("a", OrderKind.LIMIT)
    bench.report(Kind.ACCEPTED)
    bench.wait(9_000)
    assert bench.waits_ms == (0, 0)


def test_a_cancel_is_no_placement() -> None:
    bench = Bench()
    bench.trips.sent(Cancel(client_id="a", epoch=1, instrument=0, ts_ns=NOW_NS))
    bench.wait(9_000)
    assert bench.waits_ms == (0, 0)


def test_a_connection_that_is_lost_takes_its_answers_with_it() -> None:
    """The venue's time included: it may have been set meanwhile."""
    bench = Bench()
    bench.ask()
    bench.trips.asked()
    bench.buy()
    bench.trips.lost()
    bench.wait(9_000)
    bench.answer()
    assert bench.waits_ms == (0, 0)
    assert bench.offset_ms() is None


# --- a venue that knows only bars -------------------------------------------------------------


def test_where_fills_follow_the_market_they_are_late_once_it_went_on() -> None:
    """Bars that closed before, and those of another instrument, say nothing."""
    bench = Bench(follow_market=True)
    bench.buy()
    bench.report(Kind.ACCEPTED)
    bench.wait(1)
    bench.market(age_ms=2)
    bench.market(instrument=1)
    bench.market(kind=Kind.DAY)
    bench.wait(60_000)
    assert bench.waits_ms == (0, 0)
    bench.market()
    bench.wait(3_000)
    bench.market()
    bench.wait(3_000)
    assert bench.waits_ms == (0, 6_000)
    bench.report(Kind.FILL)
    bench.wait(3_000)
    assert bench.waits_ms == (0, 6_000)


def test_a_fill_that_comes_before_its_bar_is_not_late() -> None:
    bench = Bench(follow_market=True)
    bench.buy()
    bench.wait(60_000)
    bench.report(Kind.FILL)
    bench.market()
    bench.wait(60_000)
    assert bench.waits_ms[1] == 0


def test_orders_that_were_lost_do_not_wait_for_the_market() -> None:
    bench = Bench(follow_market=True)
    bench.buy()
    bench.trips.lost()
    bench.market()
    bench.wait(60_000)
    assert bench.waits_ms[1] == 0
