"""What the venue locks, what it refuses, and that a refusal leaves nothing behind."""

import pytest

from interlock.kernel.codes import Kind
from interlock.kernel.policy import SMALL
from interlock.kernel.records import rows
from tests.sim.venue_table import Market, Rules, check, order_row

HOLDING = Rules(position=10)


def test_a_resting_sell_locks_what_it_would_sell() -> None:
    check(
        """
        sell 6 stop 90 #1       | ACCEPTED #1
        books                   | 10 6 1000000 0
        sell 5 limit 110 #2     | REJECTED #2
        sell 4 limit 110 #3     | ACCEPTED #3
        sell 1 market #4        | REJECTED #4
        cancel #1               | CANCELLED #1 6
        sell 6 market #5        | ACCEPTED #5
        books                   | 10 10 1000000 0
        """,
        HOLDING,
    )


def test_a_pair_shares_one_lock() -> None:
    check(
        """
        sell 10 stop 90 #1          | ACCEPTED #1
        sell 10 limit 110 #2        | REJECTED #2
        sell 10 limit 110 #3 peer=1 | ACCEPTED #3
        books                       | 10 10 1000000 0
        sell 1 limit 110 #4         | REJECTED #4
        """,
        HOLDING,
    )


def test_only_another_sell_shares_its_lock() -> None:
    """A resting buy promises nothing that could be sold."""
    check(
        """
        buy 10 limit 50 #1          | ACCEPTED #1
        sell 10 limit 110 #2 peer=1 | REJECTED #2
        sell 5 stop 90 #3 margin    | ACCEPTED #3
        sell 5 limit 110 #4 peer=3  | REJECTED #4
        """
    )


def test_a_third_leg_cannot_sell_what_the_pair_sold() -> None:
    """The venue keeps pairs, not threes; whoever is left over finds nothing to sell."""
    check(
        """
        sell 10 stop 90 #1          | ACCEPTED #1
        sell 10 limit 110 #2 peer=1 | ACCEPTED #2
        sell 10 limit 111 #3 peer=1 | ACCEPTED #3
        bar 100 100 80 80           | FILL #1 10@90; CANCELLED #3 10
        bar 200 200 200 200         |
        books                       | 0 10 1000900 0
        """,
        HOLDING,
    )


def test_margin_sells_lock_nothing() -> None:
    check(
        """
        sell 60 stop 90 #1 margin   | ACCEPTED #1
        books                       | 10 0 1000000 0
        bar 100 100 90 100          | FILL #1 60@90
        books                       | -50 0 1000000 5400
        """,
        HOLDING,
    )


def test_a_buy_without_the_cash_is_rejected_when_it_would_fill() -> None:
    """Its notional and the taker's fee: 1,000 and 10 of 1,009."""
    check(
        """
        buy 10 market #1            | ACCEPTED #1
        bar 100 100 100 100         | REJECTED #1
        books                       | 0 0 1009 0
        buy 9 market #2             | ACCEPTED #2
        bar 100 100 100 100         | FILL #2 9@100 fee 9
        """,
        Rules(cash=1_009, taker_ppm=10_000),
    )
    check(
        """
        buy 10 market #1            | ACCEPTED #1
        bar 100 100 100 100         | FILL #1 10@100 fee 10
        books                       | 10 0 0 0
        """,
        Rules(cash=1_010, taker_ppm=10_000),
    )


def test_what_a_short_lost_is_gone_for_the_next_buy() -> None:
    """Until it is flat its result is open; then it is settled in cash."""
    check(
        """
        sell 10 market #1 margin     | ACCEPTED #1
        bar 100 100 100 100          | FILL #1 10@100
        books                        | -10 0 1000 1000
        buy 10 market #2 margin      | ACCEPTED #2
        bar 150 150 150 150          | FILL #2 10@150
        books                        | 0 0 500 0
        buy 6 market #3              | ACCEPTED #3
        bar 100 100 100 100          | REJECTED #3
        buy 5 market #4              | ACCEPTED #4
        bar 100 100 100 100          | FILL #4 5@100
        """,
        Rules(cash=1_000),
    )


def test_an_order_id_that_rests_is_not_taken_twice() -> None:
    check(
        """
        buy 10 limit 90 #1          | ACCEPTED #1
        buy 10 limit 90 #1          | REJECTED #1
        bar 100 100 80 100          | FILL #1 10@90 maker
        bar 100 100 80 100          |
        """
    )


def test_what_is_no_order_is_rejected() -> None:
    check(
        """
        buy 0 market #1             | REJECTED #1
        buy -5 market #2            | REJECTED #2
        buy 1099511627777 market #3 | REJECTED #3
        buy 5 limit 0 #4            | REJECTED #4
        buy 5 stop -1 #5            | REJECTED #5
        buy 5 stop_limit 100 0 #6   | REJECTED #6
        buy 5 none #7               | REJECTED #7
        buy 5 market #0             | REJECTED #0
        bar 100 100 100 100         |
        """
    )


@pytest.mark.parametrize("instrument", [-1, 1, 63, 64, 10_000])
@pytest.mark.parametrize("kind", [Kind.SUBMIT, Kind.CANCEL, Kind.AMEND])
def test_an_instrument_that_is_not_listed_has_no_orders(instrument: int, kind: Kind) -> None:
    market = Market(Rules())
    row = order_row("buy", ["10", "market", "#1"])
    row["kind"] = kind
    books = market.venue["instruments"].tobytes()
    row["instrument"] = instrument
    refusals = {Kind.CANCEL: "CANCEL_REJECTED", Kind.AMEND: "AMEND_REJECTED"}
    assert market.send_as_is(row) == [f"{refusals.get(kind, 'REJECTED')} #1"]
    assert market.venue["instruments"].tobytes() == books


def test_controls_of_unknown_orders_are_refused() -> None:
    check(
        """
        cancel #9                   | CANCEL_REJECTED #9
        amend #9 5 100              | AMEND_REJECTED #9
        buy 10 market #1            | ACCEPTED #1
        bar 100 100 100 100         | FILL #1 10@100
        cancel #1                   | CANCEL_REJECTED #1
        """
    )


def test_an_amendment_changes_quantity_price_and_trigger_or_nothing() -> None:
    check(
        """
        sell 6 stop 90 #1           | ACCEPTED #1
        amend #1 11 0 95            | AMEND_REJECTED #1
        amend #1 10 0 95            | AMENDED #1 10
        books                       | 10 10 1000000 0
        amend #1 0 0 96             | AMEND_REJECTED #1
        amend #1 3 0 -1             | AMEND_REJECTED #1
        amend #1 1099511627777      | AMEND_REJECTED #1
        amend #1 4                  | AMENDED #1 4
        books                       | 10 4 1000000 0
        sell 6 limit 110 #2         | ACCEPTED #2
        amend #1 5                  | AMEND_REJECTED #1
        amend #2 6 105              | AMENDED #2 6
        bar 100 106 95 100          | FILL #1 4@95; FILL #2 6@105 maker
        """,
        HOLDING,
    )


def test_both_legs_of_a_pair_grow_one_after_the_other() -> None:
    """As the kernel does it when an entry fills in parts."""
    check(
        """
        sell 4 stop 90 #1           | ACCEPTED #1
        sell 4 limit 110 #2 peer=1  | ACCEPTED #2
        amend #1 10                 | AMENDED #1 10
        amend #2 10                 | AMENDED #2 10
        books                       | 10 10 1000000 0
        """,
        HOLDING,
    )


def test_what_was_triggered_or_filled_cannot_be_amended_away() -> None:
    check(
        """
        sell 20 stop 90 #1          | ACCEPTED #1
        bar 100 110 90 100 100      | FILL #1 10@90
        amend #1 10                 | AMEND_REJECTED #1
        amend #1 15                 | AMEND_REJECTED #1
        sell 20 limit 110 #2        | REJECTED #2
        """,
        Rules(position=20, participation_ppm=100_000),
    )


def test_a_full_table_refuses_and_goes_on() -> None:
    market = Market(Rules())
    slots = SMALL[2]
    for number in range(1, slots + 1):
        assert market.play(f"buy 1 limit 50 #{number}") == [f"ACCEPTED #{number}"]
    assert market.play("buy 1 limit 50 #999") == ["REJECTED #999"]
    assert market.play("cancel #7") == ["CANCELLED #7 1"]
    assert market.play("buy 1 limit 50 #999") == ["ACCEPTED #999"]
    answers = market.play("bar 100 100 49 100")
    filled = [int(answer.split("#")[1].split()[0]) for answer in answers]
    assert filled == [number for number in range(1, slots + 1) if number != 7] + [999]


def test_a_row_that_is_not_for_a_venue_is_not_answered() -> None:
    market = Market(Rules())
    before = market.venue.tobytes()
    for kind in (Kind.NONE, Kind.SIGNAL, Kind.DAY, Kind.REFUSED, Kind.BAR):
        row = rows(1)
        row["kind"] = kind
        assert market.send(row) == []
    assert market.venue.tobytes() == before
