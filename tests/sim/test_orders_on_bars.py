"""Orders and bars: what fills, where, and in which order. A bar takes every doubt against us."""

from tests.sim.venue_table import Rules, check

ONE_PERCENT = Rules(slippage_ppm=10_000)
HOLDING = Rules(position=10)


def test_a_market_order_takes_the_next_open_and_pays_slippage() -> None:
    check(
        """
        buy 10 market #1    | ACCEPTED #1
        bar 100 120 90 110  | FILL #1 10@101
        sell 10 market #2   | ACCEPTED #2
        bar 100 120 90 110  | FILL #2 10@99
        bar 100 120 90 110  |
        """,
        ONE_PERCENT,
    )


def test_slippage_is_rounded_against_the_taker_and_leaves_a_tick() -> None:
    check(
        """
        buy 1 market #1     | ACCEPTED #1
        bar 101 120 90 110  | FILL #1 1@103
        sell 1 market #2    | ACCEPTED #2
        bar 101 120 90 110  | FILL #2 1@99
        sell 1 market #3 margin | ACCEPTED #3
        bar 1 1 1 1         | FILL #3 1@1
        """,
        ONE_PERCENT,
    )


def test_a_limit_fills_only_when_the_price_went_through_it() -> None:
    """At the limit itself there is a queue, and we are last in it."""
    check(
        """
        buy 10 limit 95 #1   | ACCEPTED #1
        bar 100 105 95 100   |
        bar 95 105 95 100    |
        bar 100 105 94 100   | FILL #1 10@95 maker
        sell 10 limit 110 #2 | ACCEPTED #2
        bar 100 110 95 110   |
        bar 110 110 95 110   |
        bar 100 111 95 100   | FILL #2 10@110 maker
        """,
        ONE_PERCENT,
    )


def test_a_gap_beyond_a_limit_fills_at_the_open() -> None:
    check(
        """
        buy 10 limit 95 #1   | ACCEPTED #1
        bar 90 99 90 99      | FILL #1 10@90
        sell 10 limit 110 #2 | ACCEPTED #2
        bar 120 120 100 101  | FILL #2 10@120
        """,
        ONE_PERCENT,
    )


def test_a_stop_is_touched_at_its_price_and_slips_from_it() -> None:
    check(
        """
        sell 10 stop 90 #1  | ACCEPTED #1
        bar 100 110 91 95   |
        bar 100 110 90 95   | FILL #1 10@89
        buy 10 stop 200 #2  | ACCEPTED #2
        bar 100 199 90 95   |
        bar 100 200 90 95   | FILL #2 10@202
        """,
        Rules(position=10, slippage_ppm=10_000),
    )


def test_a_gap_through_a_stop_fills_at_the_open_not_at_the_stop() -> None:
    check(
        """
        sell 10 stop 90 #1  | ACCEPTED #1
        bar 80 200 70 150   | FILL #1 10@79
        buy 10 stop 100 #2  | ACCEPTED #2
        bar 200 210 70 150  | FILL #2 10@202
        """,
        Rules(position=10, slippage_ppm=10_000),
    )


def test_the_stop_comes_before_the_target_when_one_bar_touches_both() -> None:
    """Even when the open was nearer to the target."""
    check(
        """
        sell 10 stop 90 #1          | ACCEPTED #1
        sell 10 limit 110 #2 peer=1 | ACCEPTED #2
        bar 109 120 80 115          | FILL #1 10@90; CANCELLED #2 10
        books                       | 0 0 1000900 0
        """,
        HOLDING,
    )


def test_a_gap_beyond_the_target_is_the_targets() -> None:
    check(
        """
        sell 10 stop 90 #1          | ACCEPTED #1
        sell 10 limit 110 #2 peer=1 | ACCEPTED #2
        bar 115 120 80 115          | FILL #2 10@115; CANCELLED #1 10
        """,
        HOLDING,
    )


def test_a_stop_limit_takes_from_its_trigger_up_to_its_limit() -> None:
    check(
        """
        buy 10 stop_limit 110 112 #1   | ACCEPTED #1
        bar 100 109 90 100             |
        bar 100 110 90 100             | FILL #1 10@112
        sell 10 stop_limit 100 95 #2   | ACCEPTED #2
        bar 105 110 99 105             | FILL #2 10@99
        """,
        ONE_PERCENT,
    )


def test_a_gap_beyond_a_stop_limit_rests_at_its_limit() -> None:
    """It was triggered by the open, so the rest of the same bar may come back to it."""
    check(
        """
        sell 10 stop_limit 90 85 #1 | ACCEPTED #1
        bar 80 84 70 80             |
        bar 80 85 70 80             |
        bar 80 86 70 80             | FILL #1 10@85 maker
        buy 10 stop_limit 100 102 #2 | ACCEPTED #2
        bar 105 110 101 105         | FILL #2 10@102 maker
        """,
        HOLDING,
    )


def test_a_stop_limit_does_not_fill_on_prices_that_came_before_its_trigger() -> None:
    """The low of 90 may have been before the high of 110 woke it: it waits for the next bar."""
    check(
        """
        buy 10 stop_limit 110 95 #1 | ACCEPTED #1
        bar 100 110 90 105          |
        bar 105 110 96 105          |
        bar 105 110 94 105          | FILL #1 10@95 maker
        """
    )


def test_a_slipped_stop_limit_is_not_filled_beyond_its_limit() -> None:
    check(
        """
        buy 10 stop_limit 110 111 #1 | ACCEPTED #1
        bar 100 110 90 100           |
        bar 100 110 90 100           | FILL #1 10@100
        """,
        Rules(slippage_ppm=20_000),
    )


def test_reduce_only_takes_what_there_is_and_never_flips() -> None:
    check(
        """
        sell 25 market #1 reduce margin | ACCEPTED #1
        bar 100 100 100 100             | FILL #1 10@100
        books                           | 0 0 1001000 0
        bar 100 100 100 100             | CANCELLED #1 15
        """,
        HOLDING,
    )


def test_reduce_only_of_a_short_buys_and_needs_no_cash() -> None:
    check(
        """
        sell 5 market #1 margin         | ACCEPTED #1
        bar 100 100 100 100             | FILL #1 5@100
        buy 9 limit 120 #2 reduce margin | ACCEPTED #2
        bar 100 100 100 100             | FILL #2 5@100; CANCELLED #2 4
        books                           | 0 0 1 0
        """,
        Rules(cash=1),
    )


def test_reduce_only_without_a_position_ends_instead_of_opening_one() -> None:
    check(
        """
        buy 5 market #1 reduce margin  | ACCEPTED #1
        sell 5 stop 90 #2 reduce margin | ACCEPTED #2
        bar 100 100 80 100             | CANCELLED #1 5; CANCELLED #2 5
        books                          | 0 0 1000000 0
        """
    )


def test_a_stop_that_arrives_with_the_price_beyond_it_takes_the_open_not_its_own_price() -> None:
    """Nobody sells at 103 in a bar that opened at 100 and never went there."""
    check(
        """
        wait 1                        |
        sell 10 stop 103 #1           | ACCEPTED #1
        bar 100 102 99 100            | FILL #1 10@100
        """,
        Rules(position=10, latency_in=1),
    )
