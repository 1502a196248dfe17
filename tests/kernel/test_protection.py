"""Every position has a stop resting at the venue, sized to it, or somebody hears of it."""

import pytest

from tests.kernel.helpers import Bench
from tests.kernel.recount import check_all
from tests.kernel.story import check as tell

QUIET = "exits.target_method=TargetMethod.NONE"
OPENED = """
    bar 10000              |
    buy                    | SUBMIT entry buy 100
    fill entry 100 @ 10000 | SUBMIT stop sell 100 at 9800; SUBMIT target sell 100 at 10400
    accepted stop          |
    accepted target        |
"""
STOPPED = """
    bar 10000              |
    buy                    | SUBMIT entry buy 100
    fill entry 100 @ 10000 | SUBMIT stop sell 100 at 9800
    accepted stop          |
"""


def check(story: str, settings: str = "", bench: Bench | None = None) -> Bench:
    """Tell a story and count again after each event."""
    return tell(story, settings, bench=bench, every=check_all)


def test_the_stop_follows_the_entry_through_its_partial_fills() -> None:
    """It is sent with the first lot and grows with the others; the price stands from the first."""
    check(
        """
        bar 10000             |
        buy                   | SUBMIT entry buy 100
        fill entry 30 @ 10000 | SUBMIT stop sell 30 at 9800  | inst.unprotected=1
        accepted stop         |                              | inst.unprotected=0
        fill entry 30 @ 10000 | AMEND stop 60 at 9800
        fill entry 40 @ 10000 | AMEND stop 100 at 9800
        amended stop 60 @ 9800 | AMEND stop 100 at 9800      | inst.reduce_sell=60
        amended stop 100 @ 9800 |                            | inst.reduce_sell=100
        """,
        QUIET,
    )


def test_the_stop_follows_the_position_down() -> None:
    """A target that is filled in part leaves a smaller position, and both legs follow it."""
    check(
        OPENED
        + """
        fill target 40 @ 10400  | AMEND stop 60 at 9800 | inst.position=60
        amended stop 60 @ 9800  |
        fill stray buy 5 @ 9900 | ALARM EXTERNAL_FILL; AMEND stop 65 at 9800
        | AMEND target 105 at 10400
        amended target 105 @ 10400 |
        fill stray sell 5 @ 9900 | ALARM EXTERNAL_FILL; AMEND target 100 at 10400
        amended stop 65 @ 9800   | AMEND stop 60 at 9800
        amended stop 60 @ 9800   |
        fill stop 60 @ 9800     | CLOSED STOP 4000
        """
    )


def test_a_stop_that_has_begun_to_fill_is_changed_no_more() -> None:
    """The entry stops filling behind it, and what it does not cover leaves at the market."""
    check(
        """
        bar 10000             |
        buy                   | SUBMIT entry buy 100
        fill entry 50 @ 10000 | SUBMIT stop sell 50 at 9800
        accepted stop         |
        fill stop 20 @ 9800   | CANCEL entry            | inst.position=30
        bar 9790              |
        fill entry 10 @ 10000 | CANCEL stop             | inst.position=40
        cancelled stop        | SUBMIT exit sell 40
        cancelled entry       |
        fill exit 40 @ 9790   | CLOSED STOP -12400
        """,
        QUIET,
    )


def test_a_pair_counts_once() -> None:
    """Stop and target hold the same 100 lots, and each knows the other."""
    bench = check(OPENED)
    stop = bench.slot(bench.order(0, "stop")["order_id"])
    target = bench.slot(bench.order(0, "target")["order_id"])

    assert bench.read("inst.reduce_sell") == 100
    assert (stop["peer_id"], target["peer_id"]) == (target["order_id"], stop["order_id"])


def test_a_stop_is_accepted_before_a_position_is_called_protected() -> None:
    """No second entry meanwhile, on this symbol."""
    check(
        """
        bar 10000             |
        buy                   | SUBMIT entry buy 100
        fill entry 100 @ 10000 | ...                | inst.unprotected=1
        buy                   | REFUSED entry ALREADY_IN_POSITION
        |                     | verdicts.POSITION_UNPROTECTED.failed=1
        accepted stop         |                     | inst.unprotected=0
        """,
        QUIET,
    )


def test_an_exit_cancels_waits_and_then_sells() -> None:
    """Nothing is sold while a resting order still holds the position; and nothing is sent twice."""
    check(
        OPENED
        + """
        flat                   | CANCEL stop; CANCEL target
        bar 9990               |
        cancelled stop         |                        | inst.unprotected=1
        bar 9980               |
        cancelled target       | SUBMIT exit sell 100   | inst.reduce_sell=100
        flat                   |
        bar 9970               |
        fill exit 60 @ 9970    |                        | inst.position=40
        fill exit 40 @ 9970    | CLOSED SIGNAL -3000    | inst.unprotected=0
        """
    )


def test_an_exit_sells_what_is_left_when_the_stop_was_faster() -> None:
    """The stop was hit in part while its cancel was on the way."""
    check(
        OPENED
        + """
        flat                 | CANCEL stop; CANCEL target
        fill stop 70 @ 9800  |
        cancelled stop       |
        cancelled target     | SUBMIT exit sell 30
        fill exit 30 @ 9790  | CLOSED SIGNAL -20300
        """
    )


def test_an_exit_that_the_stop_forestalled_is_over() -> None:
    check(
        STOPPED
        + """
        flat                 | CANCEL stop
        fill stop 100 @ 9800 | CLOSED STOP -20000 | inst.exit_code=0
        """,
        QUIET,
    )


def test_a_refused_cancel_is_asked_for_again_at_the_next_mark() -> None:
    """Also one that nobody knows the fate of is waited for: selling now could sell twice."""
    check(
        STOPPED
        + """
        flat                 | CANCEL stop
        cancel_rejected stop |
        trade 9990           | CANCEL stop
        unknown stop         | ALARM OUTCOME_UNKNOWN; LATCHED ORDER_UNKNOWN PAUSED on instrument 0
        trade 9980           |
        cancelled stop       | RELEASED ORDER_UNKNOWN on instrument 0; SUBMIT exit sell 100
        """,
        QUIET,
    )


def test_an_exit_that_did_not_happen_gives_the_position_its_stop_back() -> None:
    check(
        STOPPED
        + """
        flat            | CANCEL stop
        cancelled stop  | SUBMIT exit sell 100
        rejected exit   | SUBMIT stop sell 100 at 9800 | inst.exit_code=0 inst.unprotected=1
        accepted stop   |                              | inst.unprotected=0
        """,
        QUIET,
    )


@pytest.mark.parametrize(
    "end", ["cancelled exit", "expired exit", "unknown exit | ...\nabsent exit"]
)
def test_an_exit_that_happened_in_part_goes_on(end: str) -> None:
    """What is left leaves too, and the row that closes the trade names what began the exit."""
    bench = check(
        STOPPED
        + f"""
        flat                 | CANCEL stop
        cancelled stop       | SUBMIT exit sell 100
        fill exit 60 @ 9990  |
        {end}                | ...
        """,
        QUIET,
    )
    assert bench.order(0, "exit")["qty"] == 40
    check("fill exit 40 @ 9990 | CLOSED SIGNAL -1000 | account.open_orders=0", bench=bench)


def test_an_exit_that_the_venue_refused_after_a_part_gives_the_rest_its_stop_back() -> None:
    """Asking again at once would be refused again."""
    check(
        STOPPED
        + """
        flat                 | CANCEL stop
        cancelled stop       | SUBMIT exit sell 100
        accepted exit        |
        fill exit 60 @ 9990  |
        unknown exit         | ALARM OUTCOME_UNKNOWN; LATCHED ORDER_UNKNOWN PAUSED on instrument 0
        rejected exit        | RELEASED ORDER_UNKNOWN on instrument 0; SUBMIT stop sell 40 at 9800
        """,
        QUIET,
    )


def test_a_stop_that_is_refused_is_an_alarm_and_an_exit() -> None:
    """A position that cannot be protected is not kept; its latch goes when it is gone."""
    check(
        """
        bar 10000              |
        buy                    | SUBMIT entry buy 100
        fill entry 100 @ 10000 | SUBMIT stop sell 100 at 9800; SUBMIT target sell 100 at 10400
        rejected stop          | ALARM UNPROTECTED; LATCHED UNPROTECTED PAUSED on instrument 0
        | CANCEL target
        cancelled target       | SUBMIT exit sell 100
        fill exit 100 @ 9990   | CLOSED FLATTENED -1000; RELEASED UNPROTECTED on instrument 0
        """
    )


def test_a_stop_that_the_venue_took_down_is_sent_again() -> None:
    """Its pair alone would lock the position, so the target goes first."""
    check(
        OPENED
        + """
        cancelled stop   | CANCEL target         | inst.unprotected=1
        cancelled target | SUBMIT stop sell 100 at 9800; SUBMIT target sell 100 at 10400
        accepted stop    |                       | inst.unprotected=0
        """
    )
    check(
        STOPPED + "expired stop | SUBMIT stop sell 100 at 9800",
        QUIET,
    )


def test_a_target_that_the_venue_took_down_is_watched_by_the_kernel() -> None:
    check(
        OPENED
        + """
        cancelled target |
        trade 10399      |
        trade 10400      | CANCEL stop
        """
    )


def test_a_refused_amendment_is_asked_for_again_at_the_next_bar() -> None:
    """Until then the stop protects only a part; once a bar, so that nothing storms the venue."""
    check(
        """
        bar 10000             |
        buy                   | SUBMIT entry buy 100
        fill entry 30 @ 10000 | SUBMIT stop sell 30 at 9800
        accepted stop         |
        fill entry 70 @ 10000 | AMEND stop 100 at 9800
        amend_rejected stop   |
        trade 10000           |
        bar 10000             | AMEND stop 100 at 9800
        amended stop 100 @ 9800 |                        | inst.reduce_sell=100
        """,
        QUIET,
    )


def test_nothing_is_amended_while_it_is_being_cancelled_or_unknown() -> None:
    check(
        """
        bar 10000             |
        buy                   | SUBMIT entry buy 100
        fill entry 30 @ 10000 | SUBMIT stop sell 30 at 9800
        unknown stop          | ...
        fill entry 30 @ 10000 |
        accepted stop         | RELEASED ORDER_UNKNOWN on instrument 0; AMEND stop 60 at 9800
        flat                  | CANCEL entry; CANCEL stop
        fill entry 10 @ 10000 |
        """,
        QUIET,
    )


def test_a_stop_that_the_gate_refuses_is_an_alarm_and_an_exit() -> None:
    """Here the grid is broken: a fault in us."""
    bench = check(
        """
        bar 10000              |
        buy                    | SUBMIT entry buy 100
        """
    )
    bench.policy["instruments"]["tick"] = 2**41
    check(
        """
        fill entry 100 @ 10000 | REFUSED stop PRICE_OFF_TICK; ALARM UNPROTECTED
        | LATCHED UNPROTECTED PAUSED on instrument 0; SUBMIT exit sell 100
        """,
        bench=bench,
    )


def test_a_way_out_that_the_gate_refuses_needs_a_person() -> None:
    """Even the exit is refused: no tick is set, so no order of ours can be right."""
    bench = check("bar 10000 |\nbuy | SUBMIT entry buy 100")
    check("fill entry 100 @ 10000 | ...\naccepted stop |\naccepted target |", bench=bench)
    bench.policy["instruments"]["tick"] = 0
    check(
        """
        flat             | CANCEL stop; CANCEL target
        cancelled stop   |
        cancelled target | REFUSED exit PRICE_OFF_TICK; ALARM UNPROTECTED
        | LATCHED UNPROTECTED PAUSED on instrument 0
        | | inst.unprotected=2 inst.exit_code=0
        bar 10000        |                              | inst.unprotected=2
        """,
        bench=bench,
    )


def test_a_target_that_the_gate_refuses_is_watched_instead() -> None:
    """The stop took the last place in the table of orders."""
    bench = check("bar 10000 |\nbuy | SUBMIT entry buy 100")
    bench.state["account"]["open_orders"] += 254
    tell(
        """
        fill entry 99 @ 10000  | SUBMIT stop sell 99 at 9800; REFUSED target ORDER_TABLE_FULL
        accepted stop          |
        trade 10400            | CANCEL entry; CANCEL stop
        """,
        bench=bench,
    )


def test_a_stop_that_does_not_rest_is_not_moved() -> None:
    """It was just taken down by the venue; a new one is on its way once its pair is gone."""
    check(
        OPENED
        + """
        cancelled stop       | CANCEL target
        bar 10300            |
        cancelled target     | SUBMIT stop sell 100 at 9800; SUBMIT target sell 100 at 10400
        accepted stop        |
        bar 10300            | AMEND stop 100 at 10000
        """,
        "exits.break_even_enabled=1 exits.break_even_multiple=1.0",
    )


def test_an_exit_takes_down_the_rest_of_the_entry() -> None:
    check(
        """
        bar 10000             |
        buy                   | SUBMIT entry buy 100
        fill entry 30 @ 10000 | SUBMIT stop sell 30 at 9800
        accepted stop         |
        flat                  | CANCEL entry; CANCEL stop
        cancelled stop        | SUBMIT exit sell 30
        fill entry 5 @ 10000  |                           | inst.position=35
        fill exit 30 @ 10000  | SUBMIT exit sell 5        | inst.position=5
        cancelled entry       |
        fill exit 5 @ 10000   | CLOSED SIGNAL 0
        """,
        QUIET,
    )
