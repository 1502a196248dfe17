"""What a running engine measures, and what its breakers make of it."""

from dataclasses import replace

import pytest

from interlock.kernel.codes import ACCOUNT, SELL, Kind, Metric
from interlock.kernel.records import Rows, rows
from interlock.runtime.clock import NS_PER_MS, NS_PER_S
from interlock.runtime.inbox import Lane, Room
from interlock.runtime.link import Phase
from interlock.runtime.vitals import GRACE_NS, WINDOW_NS, WINDOW_ROWS, Quality
from interlock.venues.port import Market, NewOrder, VenueState
from tests.runtime.measuring import GRACE_S, MACHINE, PROMPT, SETTINGS, Bench, bench
from tests.runtime.pair import Pair, holding
from tests.runtime.scripts import PRICE

# --- the venue --------------------------------------------------------------------------------


def reconcile(pair: Pair) -> None:
    """Connect again and compare; orders that are open are as we believe."""
    pair.greet()
    pair.tell(pair.venue.account({}))
    assert pair.phase() is Phase.READY


@pytest.mark.parametrize("replay", [False, True])
def test_a_venue_that_is_gone_for_long_pauses_entries_until_it_is_back(replay: bool) -> None:
    it = bench(replay=replay)
    it.pair.pass_time(1)
    it.pair.engine.lost()
    it.pair.pass_time(GRACE_S)
    assert it.latched() == []
    it.pair.pass_time(1)
    assert it.latched() == ["LATCHED VENUE_UNAVAILABLE PAUSED"]
    assert it.vitals.said()["venue_unavailable"] == 1
    it.pair.pass_time(60)
    reconcile(it.pair)
    it.pair.pass_time(0.5)
    assert it.latched()[1:] == ["RELEASED VENUE_UNAVAILABLE"]
    assert it.told(Metric.VENUE_UNAVAILABLE) == [0, 1, 0]
    assert it.enters()


def test_the_pause_is_over_when_the_conversation_is_ready_and_no_sooner() -> None:
    """A venue that can be connected to and answers nothing is not there."""
    it = bench()
    it.pair.engine.lost()
    it.pair.pass_time(GRACE_S - 1)
    it.pair.greet()
    assert it.pair.phase() is not Phase.READY
    it.pair.pass_time(2)
    assert it.latched() == ["LATCHED VENUE_UNAVAILABLE PAUSED"]
    assert not it.enters()


def test_a_venue_that_comes_back_at_once_was_never_gone() -> None:
    """Each loss is waited for anew, and says nothing meanwhile."""
    it = bench()
    for _ in range(4):
        it.pair.engine.lost()
        it.pair.pass_time(GRACE_S - 1)
        assert Metric.VENUE_UNAVAILABLE not in it.measure()
        reconcile(it.pair)
        it.pair.pass_time(1)
    assert it.latched() == []
    assert set(it.told(Metric.VENUE_UNAVAILABLE)) == {0}


def test_a_live_venue_that_never_answered_is_unavailable_and_a_recording_has_not_begun() -> None:
    live, recording = (Bench(Pair(SETTINGS, replay=replay)) for replay in (False, True))
    for one in (live, recording):
        one.pair.pass_time(GRACE_S + 1)
    assert live.latched() == ["LATCHED VENUE_UNAVAILABLE PAUSED"]
    assert recording.told(Metric.VENUE_UNAVAILABLE) == []


def test_a_live_venue_that_hears_and_does_not_answer_is_gone() -> None:
    """The connection is there, and nobody at its other end."""
    it = bench()
    it.pass_time(30)
    assert it.latched() == []
    it.pair.pass_time(10 + GRACE_S - 1)
    assert it.latched() == []
    it.pair.pass_time(2)
    assert it.latched() == ["LATCHED VENUE_UNAVAILABLE PAUSED"]
    it.pair.pass_time(30)
    assert it.latched()[1:] == []
    it.pair.tell(it.account())
    it.pair.pass_time(0.5)
    assert it.latched()[1:] == ["RELEASED VENUE_UNAVAILABLE"]


def test_a_recordings_venue_may_be_slow() -> None:
    """It waits for nobody, and nobody is traded with."""
    it = bench(replay=True)
    it.pair.pass_time(120)
    assert it.latched() == []


# --- the clock --------------------------------------------------------------------------------


@pytest.mark.parametrize("side", [1, -1])
def test_a_clock_that_is_more_than_a_second_off_blocks_openings(side: int) -> None:
    it = bench()
    it.ask_time(side * 1_000)
    assert it.latched() == []
    assert it.enters()
    it.ask_time(side * 30_000)
    assert it.latched() == ["LATCHED CLOCK_OFFSET PAUSED"]
    assert not it.enters()
    assert it.vitals.said()["clock_offset_ms"] == side * 30_000
    it.ask_time(0)
    assert it.latched()[1:] == ["RELEASED CLOCK_OFFSET"]


def test_a_microsecond_more_than_a_second_is_more_than_a_second() -> None:
    it = bench()
    it.pair.link.compare()
    late = replace(it.account(), now_ns=it.pair.clock.now_ns() + NS_PER_S + 1_000)
    it.pair.tell(late)
    it.pair.pass_time(1)
    assert it.latched() == ["LATCHED CLOCK_OFFSET PAUSED"]


def test_a_clock_that_is_behind_what_it_told_before_blocks_openings_and_says_why() -> None:
    """It was put ahead and back: the time of events never falls, and nothing is fresh for it."""
    it = bench()
    ahead_ns = 5_400 * NS_PER_S
    it.pair.clock._now_ns += ahead_ns
    it.pair.tell(it.pair.venue.bar())
    it.pair.clock._now_ns -= ahead_ns
    it.pair.pass_time(2)
    assert "LATCHED CLOCK_OFFSET PAUSED" in it.latched()
    assert int(it.vitals.said()["clock_offset_ms"]) > 5_000_000


def test_a_position_gets_out_while_the_clocks_disagree() -> None:
    pair, _, _ = holding(SETTINGS)
    it = Bench(pair)
    it.ask_time(30_000)
    assert it.latched() == ["LATCHED CLOCK_OFFSET PAUSED"]
    pair.signal(SELL)
    assert set(pair.book.orders().values()) == {"PENDING_CANCEL"}


def test_a_step_of_our_own_clock_blocks_openings_before_the_next_answer() -> None:
    """Ninety minutes back, and on: nothing but the time of day has changed."""
    it = bench()
    it.ask_time(0)
    it.pair.clock._now_ns -= 5_400 * NS_PER_S
    it.pair.pass_time(1)
    assert it.latched() == ["LATCHED CLOCK_OFFSET PAUSED"]
    it.pair.clock._now_ns += 5_400 * NS_PER_S
    it.pair.pass_time(1)
    assert it.latched()[1:] == ["RELEASED CLOCK_OFFSET"]


# --- latencies --------------------------------------------------------------------------------


def buy(it: Bench) -> NewOrder:
    """Let an order leave."""
    it.pair.tell(it.pair.venue.bar())
    it.pair.signal()
    order = it.pair.last()
    assert isinstance(order, NewOrder)
    return order


def accept_legs(it: Bench) -> None:
    """Answer the stop and the target that follow a fill."""
    for leg in it.pair.requests()[1:]:
        assert isinstance(leg, NewOrder)
        it.pair.tell(it.pair.venue.report(Kind.ACCEPTED, leg))


def test_an_answer_that_takes_too_long_pauses_entries() -> None:
    """Before it comes: an order without an answer is late all the same."""
    it = bench(capabilities=PROMPT)
    order = buy(it)
    it.pair.pass_time(2)
    assert it.latched() == []
    it.pair.pass_time(1)
    assert it.latched() == ["LATCHED PLACEMENT_LATENCY PAUSED"]
    assert not it.enters()
    it.pair.tell(it.pair.venue.report(Kind.ACCEPTED, order))
    it.pair.pass_time(2)
    assert it.latched()[1:] == ["RELEASED PLACEMENT_LATENCY"]


def test_the_worst_since_the_last_measurement_is_told() -> None:
    """However fast the others were."""
    it = bench(capabilities=PROMPT)
    it.measure()
    order = buy(it)
    it.pair.clock.advance(2_500 * NS_PER_MS)
    it.pair.tell(it.pair.venue.report(Kind.ACCEPTED, order), it.pair.venue.fill(order))
    accept_legs(it)
    found = it.measure()
    assert (found[Metric.PLACEMENT_MS], found[Metric.FILL_MS]) == (2_500, 2_500)
    found = it.measure()
    assert (found[Metric.PLACEMENT_MS], found[Metric.FILL_MS]) == (0, 0)
    assert it.latched() == ["LATCHED PLACEMENT_LATENCY PAUSED", "RELEASED PLACEMENT_LATENCY"]


def test_a_fill_that_takes_too_long_pauses_entries() -> None:
    it = bench(capabilities=PROMPT)
    order = buy(it)
    it.pair.tell(it.pair.venue.report(Kind.ACCEPTED, order))
    it.pair.pass_time(5)
    assert it.latched() == []
    it.pair.pass_time(1)
    assert it.latched() == ["LATCHED FILL_LATENCY PAUSED"]
    it.pair.tell(it.pair.venue.fill(order))
    it.pair.pass_time(2)
    assert it.latched()[1:] == ["RELEASED FILL_LATENCY"]


def test_a_venue_that_fills_from_bars_is_late_after_the_next_bar_and_not_before() -> None:
    it = bench()
    order = buy(it)
    it.pair.tell(it.pair.venue.report(Kind.ACCEPTED, order))
    it.pass_time(59)
    assert it.latched() == []
    it.pair.tell(it.pair.venue.bar())
    it.pass_time(7)
    assert it.latched() == ["LATCHED FILL_LATENCY PAUSED"]


def test_a_venue_that_answers_at_once_writes_little() -> None:
    """A number that changes by a little waits for the regular measurement."""
    it = bench(capabilities=PROMPT)
    it.pair.pass_time(1)
    order = buy(it)
    it.pair.clock.advance(200 * NS_PER_MS)
    it.pair.tell(it.pair.venue.report(Kind.ACCEPTED, order), it.pair.venue.fill(order))
    accept_legs(it)
    it.pass_time(30)
    assert it.told(Metric.PLACEMENT_MS) == [0]
    assert it.measure()[Metric.PLACEMENT_MS] >= 200


# --- the market's data ------------------------------------------------------------------------


def bad_bar(it: Bench) -> Market:
    """Return a bar that cannot have happened."""
    bar = it.pair.venue.bar()
    bar.rows["low"] = PRICE + 1
    return bar


def test_data_that_cannot_be_used_pauses_entries_until_it_can() -> None:
    """One bad number of twenty is none; the pause is over when enough good ones came."""
    it = bench()
    for _ in range(WINDOW_ROWS - 2):
        it.pair.tell(it.pair.venue.bar())
    it.pair.tell(bad_bar(it), it.pair.venue.bar())
    it.pair.pass_time(1)
    assert it.told(Metric.DATA_QUALITY_PPM) == [950_000]
    it.pair.tell(bad_bar(it), it.pair.venue.bar())
    it.pair.pass_time(1)
    assert it.latched() == ["LATCHED DATA_QUALITY PAUSED"]
    assert not it.enters()
    for _ in range(WINDOW_ROWS):
        it.pair.tell(it.pair.venue.bar())
    it.pair.pass_time(1)
    assert it.latched()[1:] == ["RELEASED DATA_QUALITY"]
    assert it.vitals.said()["data_quality_ppm"] > 950_000


def test_few_rows_are_no_measure_of_quality() -> None:
    it = bench()
    it.pair.tell(*(bad_bar(it) for _ in range(WINDOW_ROWS - 1)))
    it.pair.pass_time(1)
    assert it.told(Metric.DATA_QUALITY_PPM) == []
    assert it.vitals.said()["data_quality_ppm"] is None
    it.pair.tell(bad_bar(it))
    it.pair.pass_time(1)
    assert it.told(Metric.DATA_QUALITY_PPM) == [0]


def test_what_was_bad_long_ago_is_forgotten() -> None:
    """But never so much that too few are left to judge by."""
    quality = Quality(bad=7, now_ns=0)
    assert quality.look(count=100, bad=57, now_ns=1) == 500_000
    assert quality.look(count=119, bad=57, now_ns=WINDOW_NS) == 579_831
    assert quality.look(count=119, bad=57, now_ns=WINDOW_NS * 9) == 579_831
    assert quality.look(count=120, bad=57, now_ns=WINDOW_NS * 9) == 1_000_000
    assert quality.look(count=140, bad=67, now_ns=WINDOW_NS * 9) == 523_809


def test_what_was_bad_before_this_start_is_no_measure_of_now() -> None:
    quality = Quality(bad=1_000, now_ns=0)
    assert quality.look(count=WINDOW_ROWS, bad=1_000, now_ns=1) == 1_000_000


# --- telling ----------------------------------------------------------------------------------


def test_a_recording_is_judged_by_its_own_time_and_not_by_ours() -> None:
    """How fast it is played, and on what machine, must not decide what is traded."""
    it = bench(replay=True)
    order = buy(it)
    it.pair.tell(*(bad_bar(it) for _ in range(WINDOW_ROWS)))
    it.pair.link.compare()
    it.pair.tell(it.account(30_000), it.pair.venue.report(Kind.ACCEPTED, order))
    it.pair.pass_time(30)
    assert it.measure() == {Metric.VENUE_UNAVAILABLE: 0, **MACHINE}
    assert it.latched() == []
    said = it.vitals.said()
    assert said["data_quality_ppm"] < 950_000, "it is shown"
    assert said["clock_offset_ms"] is said["placement_ms"] is said["fill_ms"] is None


def test_everything_is_measured_regularly() -> None:
    it = bench()
    it.ask_time(12)
    it.pair.tell(*(it.pair.venue.bar() for _ in range(WINDOW_ROWS)))
    expected = {
        Metric.VENUE_UNAVAILABLE: 0,
        Metric.CLOCK_OFFSET_MS: 12,
        Metric.DATA_QUALITY_PPM: 1_000_000,
        Metric.PLACEMENT_MS: 0,
        Metric.FILL_MS: 0,
        **MACHINE,
    }
    assert it.measure() == expected
    assert it.measure() == expected, "what did not change is told as well"
    for row in it.pair.book.events(Kind.HEALTH):
        assert (row["instrument"], row["strategy"]) == (ACCOUNT, ACCOUNT)
    assert it.vitals.said() == {
        "venue_unavailable": 0,
        "clock_offset_ms": 12,
        "placement_ms": 0,
        "fill_ms": 0,
        "data_quality_ppm": 1_000_000,
        "disk_free_ppm": 400_000,
        "memory_used_ppm": None,
    }


def test_what_found_no_room_is_told_again() -> None:
    """A lane that is full turns it away; the kernel must hear of it all the same."""
    it = bench(room=Room(operator=2))
    it.pair.pass_time(1)
    it.pair.engine.lost()
    it.vitals.mind()
    it.pair.clock.advance(GRACE_NS)
    full: Rows = rows(2)
    full["kind"] = Kind.TIMER
    assert it.pair.engine.inbox.offer(Lane.OPERATOR, full)
    it.vitals.mind()
    it.pair.pump()
    assert it.told(Metric.VENUE_UNAVAILABLE) == [0]
    it.pair.pass_time(0.5)
    assert it.told(Metric.VENUE_UNAVAILABLE) == [0, 1]


def test_an_order_whose_answer_was_lost_is_late_by_as_long_as_it_took_to_ask() -> None:
    it = bench(capabilities=PROMPT)
    order = buy(it)
    it.pair.pass_time(6)
    it.pair.tell(it.pair.venue.found(order, VenueState.WORKING))
    assert max(it.told(Metric.PLACEMENT_MS)) >= 5_000
