"""Latency: a command acts when it arrives, a report counts when it is heard.

Bars are sixty seconds and the clock starts at 600. Times are [happened, heard].
"""

import pytest

from interlock.sim.matching import travelled
from tests.sim.venue_table import Rules, check

SLOW = Rules(latency_in=15, latency_out=5, times=True, position=10)


def test_an_order_is_not_active_at_an_open_that_it_has_not_reached() -> None:
    """It arrives a quarter into the bar, when a price bound for the high has gone a quarter."""
    check(
        """
        buy 10 market #1     | ACCEPTED #1 [615 620]
        bar 100 120 60 110   | FILL #1 10@105 [615 620]
        sell 10 market #2    | ACCEPTED #2 [675 680]
        bar 100 120 60 110   | FILL #2 10@90 [675 680]
        """,
        SLOW,
    )


def test_the_worked_example_of_the_manual() -> None:
    check(
        """
        buy 1 market #1            | ACCEPTED #1
        sell 1 market #2           | ACCEPTED #2
        bar 10000 10120 9940 10000 | FILL #1 1@10030; FILL #2 1@9985
        """,
        Rules(latency_in=15, position=1),
    )


def test_an_order_that_arrived_before_the_open_takes_the_open() -> None:
    check(
        """
        buy 10 market #1     | ACCEPTED #1 [615 620]
        wait 15              |
        bar 100 120 60 110   | FILL #1 10@100 [615 620]
        """,
        SLOW,
    )


def test_an_order_under_way_for_a_whole_bar_misses_it() -> None:
    check(
        """
        buy 10 market #1     | ACCEPTED #1 [660 660]
        sell 10 stop 90 #2   | ACCEPTED #2 [660 660]
        sell 10 limit 110 #3 margin | ACCEPTED #3 [660 660]
        bar 100 120 60 110   |
        bar 100 105 95 100   | FILL #1 10@100 [660 660]
        """,
        Rules(latency_in=60, times=True, position=10),
    )


@pytest.mark.parametrize(
    ("side", "late_s", "price"),
    [
        ("up", 0, 1_000),
        ("up", 30, 1_050),
        ("up", 60, 1_100),
        ("up", 90, 1_100),
        ("up", -9, 1_000),
        ("down", 30, 900),
        ("up", 1, 1_002),  # 1.67 of 100 ticks, rounded away from the open
        ("down", 1, 996),  # 3.33 of 200
    ],
)
def test_the_travelled_price_is_a_line_to_the_worst_extreme(
    side: str, late_s: int, price: int
) -> None:
    extreme = 1_100 if side == "up" else 800
    assert (
        travelled(
            open_price=1_000,
            extreme=extreme,
            active_ns=600 + late_s,
            open_ns=600,
            close_ns=660,
        )
        == price
    )


def test_a_bar_without_length_has_travelled_all_the_way() -> None:
    assert travelled(open_price=100, extreme=90, active_ns=5, open_ns=5, close_ns=5) == 90


def test_the_stop_wins_over_a_cancel_that_arrives_after_it_was_hit() -> None:
    """On a gap at the open, and on the path when the cancel comes in its second half."""
    check(
        """
        sell 5 stop 90 #1    | ACCEPTED #1 [615 620]
        wait 60              |
        cancel #1            |
        bar 80 100 70 90     | FILL #1 5@80 [660 665]
        """,
        SLOW,
    )
    check(
        """
        sell 5 stop 90 #1    | ACCEPTED #1 [640 640]
        bar 100 100 99 100   |
        cancel #1            |
        bar 100 100 80 90    | FILL #1 5@90 [690 690]
        cancel #1            | CANCEL_REJECTED #1 [760 760]
        """,
        Rules(latency_in=40, times=True, position=10),
    )


def test_a_cancel_that_arrives_first_wins() -> None:
    check(
        """
        sell 5 stop 90 #1    | ACCEPTED #1 [615 620]
        cancel #1            |
        wait 15              |
        bar 80 100 70 90     | CANCELLED #1 5 [615 620]
        sell 5 stop 90 #2    | ACCEPTED #2 [690 695]
        cancel #2            |
        cancel #2            |
        bar 100 100 80 90    | CANCELLED #2 5 [690 695]
        """,
        SLOW,
    )


def test_a_late_market_order_fills_before_the_cancel_that_followed_it() -> None:
    check(
        """
        buy 10 market #1     | ACCEPTED #1 [615 620]
        wait 5               |
        cancel #1            |
        bar 100 140 60 110   | FILL #1 10@107 [615 620]
        """,
        SLOW,
    )


def test_an_amendment_acts_when_it_arrives() -> None:
    check(
        """
        sell 5 stop 90 #1    | ACCEPTED #1 [615 620]
        wait 55              |
        amend #1 5 0 95      |
        bar 100 100 94 96    | AMENDED #1 5 [670 675]; FILL #1 5@95 [685 690]
        sell 5 stop 50 #2    | ACCEPTED #2 [730 735]
        bar 100 100 94 96    |
        amend #2 3 0 95      |
        bar 94 100 93 96     | AMENDED #2 3 [790 795]; FILL #2 3@94 [805 810]
        """,
        SLOW,
    )


def test_a_quote_applies_what_has_arrived_by_then() -> None:
    check(
        """
        sell 5 limit 100 #1  | ACCEPTED #1 [615 620]
        quote 101 102        |
        wait 15              |
        quote 101 102        | FILL #1 5@101 [615 620]
        sell 5 limit 100 #2  | ACCEPTED #2 [630 635]
        wait 1               |
        cancel #2            |
        wait 15              |
        quote 101 102        | CANCELLED #2 5 [631 636]
        """,
        SLOW,
    )
