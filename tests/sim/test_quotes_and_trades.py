"""Orders on a feed of quotes or trades: each is one instant with its own prices."""

from tests.sim.venue_table import Rules, check

HOLDING = Rules(position=10)


def test_a_buy_meets_the_ask_and_a_sell_the_bid() -> None:
    check(
        """
        buy 10 market #1     | ACCEPTED #1
        quote 99 101         | FILL #1 10@101
        sell 10 market #2    | ACCEPTED #2
        quote 99 101         | FILL #2 10@99
        """
    )


def test_a_taker_pays_slippage_beyond_the_spread() -> None:
    check(
        """
        buy 10 market #1     | ACCEPTED #1
        quote 99 101         | FILL #1 10@103
        sell 10 stop 95 #2   | ACCEPTED #2
        quote 95 97          | FILL #2 10@94
        """,
        Rules(slippage_ppm=10_000),
    )


def test_a_stop_looks_at_the_side_it_would_trade_on() -> None:
    """A sell stop at 95 waits for a bid of 95, a buy stop for an ask."""
    check(
        """
        sell 10 stop 95 #1   | ACCEPTED #1
        quote 96 97          |
        quote 95 97          | FILL #1 10@95
        buy 10 stop 105 #2   | ACCEPTED #2
        quote 105 106        | FILL #2 10@106
        """,
        HOLDING,
    )


def test_a_limit_needs_a_price_better_than_its_own() -> None:
    check(
        """
        buy 10 limit 101 #1  | ACCEPTED #1
        quote 99 101         |
        quote 99 100         | FILL #1 10@100
        sell 10 limit 99 #2  | ACCEPTED #2
        quote 99 101         |
        quote 100 101        | FILL #2 10@100
        """
    )


def test_a_crossed_locked_or_one_sided_book_trades_nothing() -> None:
    market = check(
        """
        buy 10 market #1     | ACCEPTED #1
        quote 101 99         |
        quote 100 100        |
        quote 0 100          |
        quote 100 0          |
        quote 99 102         | FILL #1 10@102
        quote 120 90         |
        """
    )
    assert market.venue["instruments"]["mark"][0, 0] == 100  # the last sound mid, rounded down


def test_a_trade_is_the_price_of_both_sides() -> None:
    check(
        """
        buy 10 market #1          | ACCEPTED #1
        trade 100                 | FILL #1 10@100
        sell 5 limit 105 #2       | ACCEPTED #2
        trade 105                 |
        trade 106                 | FILL #2 5@106
        sell 5 stop 90 #3         | ACCEPTED #3
        trade 91                  |
        trade 90                  | FILL #3 5@90
        """
    )


def test_the_stop_of_a_pair_comes_first_in_arrival_but_one_price_touches_one_leg() -> None:
    check(
        """
        sell 10 stop 90 #1           | ACCEPTED #1
        sell 10 limit 110 #2 peer=1  | ACCEPTED #2
        quote 100 101                |
        quote 111 112                | FILL #2 10@111; CANCELLED #1 10
        """,
        HOLDING,
    )


def test_a_triggered_stop_limit_rests_until_a_quote_is_better_than_its_limit() -> None:
    check(
        """
        sell 10 stop_limit 95 93 #1 | ACCEPTED #1
        quote 90 91                 |
        quote 93 94                 |
        quote 94 95                 | FILL #1 10@94
        """,
        HOLDING,
    )
