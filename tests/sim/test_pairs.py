"""One-cancels-other pairs: one leg's fill takes the other down by as much."""

from tests.sim.venue_table import Rules, check

HOLDING = Rules(position=10)
THIRTY = Rules(position=30, participation_ppm=100_000)


def test_one_leg_filled_whole_cancels_the_other_on_both_sides() -> None:
    check(
        """
        sell 10 stop 90 #1           | ACCEPTED #1
        sell 10 limit 110 #2 peer=1  | ACCEPTED #2
        bar 100 111 95 100           | FILL #2 10@110 maker; CANCELLED #1 10
        bar 100 111 80 100           |
        sell 10 stop 90 #3 margin    | ACCEPTED #3
        buy 10 limit 80 #4 margin peer=3 | ACCEPTED #4
        bar 100 111 79 100           | FILL #3 10@90; CANCELLED #4 10
        """,
        HOLDING,
    )


def test_a_partial_fill_shrinks_the_other_leg_by_as_much() -> None:
    """Ten lots a bar: after two of them the stop protects the ten that are left."""
    market = check(
        """
        sell 30 stop 90 #1           | ACCEPTED #1
        sell 30 limit 110 #2 peer=1  | ACCEPTED #2
        books                        | 30 30 1000000 0
        bar 100 111 95 100 100       | FILL #2 10@110 maker; AMENDED #1 20
        books                        | 20 20 1001100 0
        bar 100 111 95 100 100       | FILL #2 10@110 maker; AMENDED #1 10
        bar 100 111 80 100 200       | FILL #1 10@90; CANCELLED #2 10
        books                        | 0 0 1003100 0
        """,
        THIRTY,
    )
    assert market.venue["instruments"]["first_order"][0, 0] == 0


def test_a_stop_may_take_the_bars_volume_and_leave_the_target_none() -> None:
    check(
        """
        sell 30 stop 90 #1           | ACCEPTED #1
        sell 30 limit 110 #2 peer=1  | ACCEPTED #2
        bar 100 120 80 100 100       | FILL #1 10@90; AMENDED #2 20
        bar 100 120 80 100 100       | FILL #1 10@100; AMENDED #2 10
        bar 120 120 80 100 100       | FILL #1 10@120; CANCELLED #2 10
        """,
        THIRTY,
    )


def test_cancelling_one_leg_leaves_the_other_alone() -> None:
    check(
        """
        sell 10 stop 90 #1           | ACCEPTED #1
        sell 10 limit 110 #2 peer=1  | ACCEPTED #2
        cancel #2                    | CANCELLED #2 10
        books                        | 10 10 1000000 0
        bar 100 111 90 100           | FILL #1 10@90
        """,
        HOLDING,
    )


def test_a_pair_before_another_order_does_not_hide_it() -> None:
    """A leg that ends takes itself out of the list that is being walked."""
    check(
        """
        sell 5 stop 90 #1            | ACCEPTED #1
        sell 5 stop 89 #2 peer=1     | ACCEPTED #2
        sell 5 stop 88 #3            | ACCEPTED #3
        bar 100 111 80 100           | FILL #1 5@90; CANCELLED #2 5; FILL #3 5@88
        """,
        HOLDING,
    )


def test_a_pair_of_market_orders_fills_once() -> None:
    """Both arrive inside the bar; the second one is gone before its turn."""
    check(
        """
        buy 5 limit 50 #9 margin         | ACCEPTED #9
        buy 5 market #1 margin           | ACCEPTED #1
        buy 5 market #2 margin peer=1    | ACCEPTED #2
        bar 100 100 100 100              | FILL #1 5@100; CANCELLED #2 5
        books                            | 5 0 1000000 -500
        """,
        Rules(latency_in=1),
    )


def test_an_order_cannot_be_its_own_pair() -> None:
    check(
        """
        sell 99 limit 50 #7 peer=7       | REJECTED #7
        bar 100 100 100 100              |
        """,
        HOLDING,
    )
