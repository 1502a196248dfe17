"""What a fill costs: maker and taker fees, rebates, fees in the base asset, slippage, impact."""

from dataclasses import replace

import pytest

from tests.sim.venue_table import Market, Rules, check


def test_a_taker_pays_the_taker_fee_and_a_maker_the_makers() -> None:
    check(
        """
        buy 10 market #1       | ACCEPTED #1
        bar 100 100 100 100    | FILL #1 10@100 fee 10
        buy 10 limit 95 #2     | ACCEPTED #2
        bar 100 100 94 100     | FILL #2 10@95 fee 1 maker
        books                  | 20 0 998039 0
        """,
        Rules(taker_ppm=10_000, maker_ppm=1_000),
    )


def test_a_fee_is_rounded_up_and_a_rebate_down() -> None:
    check(
        """
        buy 1 market #1        | ACCEPTED #1
        bar 101 101 101 101    | FILL #1 1@101 fee 2
        buy 1 limit 99 #2      | ACCEPTED #2
        bar 100 100 94 100     | FILL #2 1@99 maker
        sell 2 limit 101 #3    | ACCEPTED #3
        bar 100 102 94 100     | FILL #3 2@101 fee -2 maker
        """,
        Rules(taker_ppm=10_000, maker_ppm=-10_000),
    )


def test_a_limit_that_an_open_gaps_beyond_pays_as_a_taker() -> None:
    check(
        """
        buy 10 limit 95 #1     | ACCEPTED #1
        bar 90 95 90 95        | FILL #1 10@90 fee 9
        """,
        Rules(taker_ppm=10_000, maker_ppm=1_000),
    )


def test_a_spot_buys_fee_may_come_out_of_what_was_bought() -> None:
    """Never out of a sale, and never on margin."""
    check(
        """
        buy 100 market #1      | ACCEPTED #1
        bar 50 50 50 50        | FILL #1 100@50 fee 1 base
        books                  | 99 0 995000 0
        sell 99 market #2      | ACCEPTED #2
        bar 50 50 50 50        | FILL #2 99@50 fee 5
        buy 100 market #3 margin | ACCEPTED #3
        bar 50 50 50 50        | FILL #3 100@50 fee 5
        books                  | 100 0 999940 -5000
        """,
        Rules(taker_ppm=1_000, fee_in_base=True),
    )


def test_value_is_rounded_against_us_on_both_sides() -> None:
    """Three lots at 101 ticks of a tenth of a unit: 30.3 costs 31 and brings 30."""
    check(
        """
        buy 3 market #1        | ACCEPTED #1
        bar 101 101 101 101    | FILL #1 3@101
        books                  | 3 0 69 0
        sell 3 market #2       | ACCEPTED #2
        bar 101 101 101 101    | FILL #2 3@101
        books                  | 0 0 99 0
        """,
        Rules(cash=100, unit_den=10),
    )


@pytest.mark.parametrize(
    ("atr", "paid"),
    [
        (10.0, 10_010),  # as usual: 1,000 ppm
        (5.0, 10_010),  # calm is not cheaper than usual
        (15.0, 10_015),  # half as wide again: 1,000 * (1 + 1 * 0.5)
        (30.0, 10_030),
        (0.0, 10_010),
    ],
)
def test_slippage_grows_with_a_range_wider_than_its_baseline(atr: float, paid: int) -> None:
    check(
        f"""
        buy 1 market #1             | ACCEPTED #1
        bar 10000 10000 10000 10000 | FILL #1 1@{paid}
        """,
        Rules(slippage_ppm=1_000, volatility_factor=1.0, atr=atr, baseline=10.0),
    )


@pytest.mark.parametrize(
    ("lots", "paid"),
    [
        (10, 10_010),  # 100,000 units: where impact begins
        (40, 10_015),  # four times: 1,000 + 500 * (sqrt(4) - 1)
        (90, 10_020),  # nine times: 1,000 + 500 * 2
    ],
)
def test_slippage_grows_with_the_root_of_the_size(lots: int, paid: int) -> None:
    check(
        f"""
        buy {lots} market #1        | ACCEPTED #1
        bar 10000 10000 10000 10000 | FILL #1 {lots}@{paid}
        """,
        Rules(slippage_ppm=1_000, impact_from=100_000, impact_ppm=500.0),
    )


def test_the_worked_example_of_the_manual() -> None:
    """5 bps, as much again for twice the range, and 10 for four times the size."""
    manual = Rules(
        slippage_ppm=500,
        volatility_factor=1.0,
        atr=20.0,
        baseline=10.0,
        impact_from=100_000,
        impact_ppm=1_000.0,
    )
    check(
        """
        buy 40 market #1            | ACCEPTED #1
        bar 10000 10000 10000 10000 | FILL #1 40@10020
        """,
        manual,
    )
    check(
        """
        sell 40 market #1           | ACCEPTED #1
        bar 10000 10000 10000 10000 | FILL #1 40@9980
        """,
        replace(manual, position=40),
    )


def test_volatility_and_impact_add_up_and_half_the_price_is_the_most() -> None:
    check(
        """
        buy 40 market #1            | ACCEPTED #1
        bar 10000 10000 10000 10000 | FILL #1 40@10020
        """,
        Rules(
            slippage_ppm=1_000,
            volatility_factor=1.0,
            atr=15.0,
            baseline=10.0,
            impact_from=100_000,
            impact_ppm=500.0,
        ),
    )
    check(
        """
        sell 1 market #1            | ACCEPTED #1
        bar 10000 10000 10000 10000 | FILL #1 1@5000
        """,
        Rules(slippage_ppm=900_000, position=1),
    )


@pytest.mark.parametrize(
    ("order", "bar", "fill", "before"),
    [
        ("buy 10 market #1", "bar 100 100 100 100", "FILL #1 10@101", 100),
        ("sell 10 stop 95 #1", "bar 100 100 94 100", "FILL #1 10@94", 95),
        ("sell 10 stop 95 #1", "bar 90 100 90 100", "FILL #1 10@89", 90),
        ("buy 10 limit 95 #1", "bar 90 95 90 95", "FILL #1 10@90", 90),
        ("buy 10 limit 95 #1", "bar 96 96 90 95", "FILL #1 10@95 maker", 95),
    ],
)
def test_a_fill_tells_the_price_before_slippage(
    order: str, bar: str, fill: str, before: int
) -> None:
    """So that what slippage cost can be told from what the market did."""
    market = Market(Rules(slippage_ppm=10_000, position=10))
    market.play(order)
    assert market.play(bar) == [fill]
    assert int(market.last["close"]) == before


def test_a_maker_pays_no_slippage() -> None:
    check(
        """
        buy 10 limit 95 #1          | ACCEPTED #1
        bar 100 100 90 100          | FILL #1 10@95 maker
        """,
        Rules(slippage_ppm=10_000),
    )


def test_the_range_that_slippage_knows_is_of_closed_bars_only() -> None:
    """Ranges of 10 and 30: nobody knows the second while it runs; then 30 stands against 20."""
    check(
        """
        bar 1000 1010 1000 1000 |
        buy 1 market #1         | ACCEPTED #1
        bar 1000 1030 1000 1000 | FILL #1 1@1010
        sell 1 market #2        | ACCEPTED #2
        bar 1000 1010 1000 1000 | FILL #2 1@985
        """,
        Rules(slippage_ppm=10_000, volatility_factor=1.0, atr_periods=1, baseline_periods=10),
    )
