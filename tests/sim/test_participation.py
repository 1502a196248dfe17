"""Partial fills: our fills are at most a share of what was traded, in whole lots."""

from tests.sim.venue_table import Rules, check

TENTH = Rules(participation_ppm=100_000)


def test_an_order_takes_its_share_of_every_bar_until_it_is_done() -> None:
    check(
        """
        buy 25 market #1          | ACCEPTED #1
        bar 100 110 90 100 100    | FILL #1 10@100
        bar 101 110 90 100 100    | FILL #1 10@101
        bar 102 110 90 100 100    | FILL #1 5@102
        bar 103 110 90 100 100    |
        books                     | 25 0 997480 0
        """,
        TENTH,
    )


def test_a_share_is_rounded_down_to_the_lot() -> None:
    check(
        """
        buy 21 market #1          | ACCEPTED #1
        bar 100 110 90 100 60     |
        bar 100 110 90 100 69     |
        bar 100 110 90 100 160    | FILL #1 14@100
        bar 100 110 90 100 90     | FILL #1 7@100
        """,
        Rules(participation_ppm=100_000, lot=7),
    )


def test_what_closes_an_order_may_be_less_than_a_lot() -> None:
    check(
        """
        sell 10 market #1         | ACCEPTED #1
        bar 100 110 90 100 100    | FILL #1 10@100
        """,
        Rules(participation_ppm=100_000, lot=7, position=10),
    )


def test_all_orders_of_an_instrument_share_one_bar() -> None:
    check(
        """
        buy 6 market #1           | ACCEPTED #1
        buy 6 market #2           | ACCEPTED #2
        buy 6 limit 95 #3         | ACCEPTED #3
        bar 100 110 90 100 100    | FILL #1 6@100; FILL #2 4@100
        bar 100 110 90 100 100    | FILL #2 2@100; FILL #3 6@95 maker
        """,
        TENTH,
    )


def test_a_stop_that_found_too_little_goes_on_at_the_next_open() -> None:
    check(
        """
        sell 15 stop 90 #1        | ACCEPTED #1
        bar 100 110 90 100 100    | FILL #1 10@90
        bar 120 120 119 119 100   | FILL #1 5@120
        """,
        Rules(participation_ppm=100_000, position=15),
    )


def test_a_bar_without_volume_fills_nothing_under_a_cap() -> None:
    check(
        """
        buy 5 market #1           | ACCEPTED #1
        bar 100 110 90 100 0      |
        bar 100 110 90 100 9      |
        bar 100 110 90 100 10     | FILL #1 1@100
        quote 99 100 20           | FILL #1 2@100
        trade 100 1000            | FILL #1 2@100
        """,
        TENTH,
    )


def test_without_a_cap_volume_does_not_matter() -> None:
    check(
        """
        buy 500 market #1         | ACCEPTED #1
        bar 100 110 90 100 1      | FILL #1 500@100
        """
    )


def test_money_that_runs_out_half_way_ends_the_order_but_keeps_what_was_bought() -> None:
    """A filled part cannot be refused afterwards, so the rest is cancelled."""
    check(
        """
        buy 20 market #1          | ACCEPTED #1
        bar 100 110 90 100 100    | FILL #1 10@100
        bar 101 110 90 100 100    | CANCELLED #1 10
        books                     | 10 0 1000 0
        """,
        Rules(participation_ppm=100_000, cash=2_000),
    )
