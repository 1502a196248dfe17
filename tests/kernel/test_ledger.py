"""Double entry, worked by hand: every unit of money is somewhere, always."""

from tests.kernel.recount import check_all
from tests.kernel.story import check as tell

QUIET = " exits.target_method=TargetMethod.NONE"
MARGIN = "instrument.settle=Settle.MARGIN strategy.leverage_ppm=5_000_000"


def check(story: str, settings: str = "") -> None:
    """Tell a story in which stops rest without a target, and count again after each event."""
    tell(story, settings + QUIET, every=check_all)


def test_a_spot_position_moves_cash_into_inventory() -> None:
    """100 lots at 10,000; a mark of 10,100 is worth 10,000 more, and none of it is realised."""
    check("""
        bar 10000 |
        buy       | SUBMIT entry buy 100 | account.pending_cash_units=1_000_000
        fill entry 100 @ 10000 fee=400 | ... \
        | account.cash_units=98_999_600 account.inventory_units=1_000_000 account.fees_units=400
        |     | account.equity_units=99_999_600 account.pending_cash_units=0
        bar 10100 | | account.unrealised_units=10_000 account.equity_units=100_009_600
        |         | account.gross_units=1_010_000 account.exposure_units=1_010_000
        accepted stop |
        fill stop 100 @ 10100 fee=404 | CLOSED STOP 9196 \
        | account.cash_units=100_009_196 account.realised_units=10_000 account.fees_units=804
        |     | account.inventory_units=0 account.gross_units=0 account.equity_units=100_009_196
    """)


def test_a_short_position_posts_margin() -> None:
    """It borrows what it sells, so no notional moves; a rise of 100 ticks is a loss."""
    check("""
        bar 10000 |
        sell      | SUBMIT entry sell 100 | account.pending_margin_units=1_000_000
        fill entry 100 @ 10000 | ... | account.cash_units=100_000_000 inst.position=-100
        |         | account.margin_units=1_000_000 account.net_units=-1_000_000
        bar 10100 | | account.unrealised_units=-10_000 account.equity_units=99_990_000
        |         | account.margin_units=1_010_000
        fill stop 100 @ 10100 | CLOSED STOP -10000 | account.cash_units=99_990_000
        |         | account.margin_units=0 account.realised_units=-10_000
    """)


def test_leverage_posts_a_share_rounded_up() -> None:
    """A fifth of 1,000,100 is 200,020; of 1,000,101 it is one more."""
    check(
        """
        bar 10001 |
        buy       | SUBMIT entry buy 100 | account.pending_margin_units=1_000_100
        """,
        MARGIN.replace("5_000_000", "1_000_000"),
    )
    check(
        """
        bar 10001 |
        buy       | SUBMIT entry buy 100 | account.pending_margin_units=200_020
        fill entry 100 @ 10001 | ... | account.margin_units=200_020 inst.margined=1
        |         | account.exposure_units=200_020 account.gross_units=1_000_100
        bar 10003 | | account.margin_units=200_060
        """,
        MARGIN,
    )
    check(
        """
        bar 10001 |
        buy       | SUBMIT entry buy 101 | account.pending_margin_units=202_021
        """,
        MARGIN + " sizing.fixed_lots=101",
    )


def test_a_partial_close_takes_its_share_of_the_cost() -> None:
    """3 lots cost 30,001: one takes 10,000 of it, and the unit that is left over stays."""
    check(
        """
        bar 10000                 |
        buy                       | SUBMIT entry buy 3
        fill entry 2 @ 10000      | SUBMIT stop sell 2 at 9800
        fill entry 1 @ 10001      | AMEND stop 3 at 9800 | inst.cost_units=30_001
        fill stray sell 1 @ 10050 | ... | inst.cost_units=20_001 account.realised_units=50
        fill stray sell 1 @ 10050 | ... | inst.cost_units=10_001 account.realised_units=100
        fill stray sell 1 @ 10050 | ... | inst.cost_units=0 account.realised_units=149
        """,
        "sizing.fixed_lots=3",
    )


def test_the_mean_entry_price_is_rounded() -> None:
    """100 at 10,000 and 50 at 10,010 are 10,003.3 on average; cost keeps what the mean drops."""
    check(
        """
        bar 10000                |
        buy                      | SUBMIT entry buy 150
        fill entry 100 @ 10000   | ...
        fill entry 50 @ 10010    | ... | inst.entry_price=10_003 inst.cost_units=1_500_500
        |                        | inst.risk_units=30_000 inst.entry_lots=150
        """,
        "sizing.fixed_lots=150",
    )


def test_a_fill_through_zero_closes_one_trade_and_begins_another() -> None:
    """Nobody ordered it, but it is a fact: 100 lots close, 50 are short and get their own stop."""
    check("""
        bar 10000                    |
        buy                          | SUBMIT entry buy 100
        fill entry 100 @ 10000       | SUBMIT stop sell 100 at 9800
        accepted stop                |
        fill stray sell 150 @ 10100  | ALARM EXTERNAL_FILL; CLOSED EXTERNAL 10000; CANCEL stop \
        | inst.position=-50 account.realised_units=10_000 account.open_positions=1
        |                            | inst.entry_price=10_100 inst.unprotected=1
        cancelled stop               | SUBMIT stop buy 50 at 10302
        accepted stop                | | inst.unprotected=0
    """)


def test_a_fill_through_zero_keeps_the_money_together() -> None:
    """Ten lots come to 10,101: seven close for 7,070.7, and the 0.3 goes with the other three."""
    check(
        """
        bar 10000                  |
        buy                        | SUBMIT entry buy 7
        fill entry 7 @ 10000       | ... | inst.cost_units=7_000
        fill stray sell 10 @ 10101 | ... | inst.position=-3 account.realised_units=70
        |                          | inst.cost_units=-3_031 inst.margined=0
        """,
        "sizing.fixed_lots=7 instrument.unit_den=10",
    )


def test_a_fee_in_the_base_asset_is_a_sale_of_it() -> None:
    """One lot of 100 goes to the venue at 10,000: the position is 99, which the stop follows."""
    check("""
        bar 10000                             |
        buy                                   | SUBMIT entry buy 100
        fill entry 100 @ 10000 fee=1 fee_asset=1 | SUBMIT stop sell 99 at 9800 \
        | inst.position=99 account.fees_units=10_000 account.cash_units=99_000_000
        |                                     | inst.cost_units=990_000 account.realised_units=0
        |                                     | account.equity_units=99_990_000
        fill stop 99 @ 10000                  | CLOSED STOP -10000
    """)


def test_a_fee_in_the_base_asset_is_sold_at_the_price_of_its_fill() -> None:
    """A lot that cost 10,050 on average pays for 10,100: 50 of it are realised."""
    check("""
        bar 10000                                |
        buy                                      | SUBMIT entry buy 100
        fill entry 50 @ 10000                    | ...
        fill entry 50 @ 10100 fee=1 fee_asset=1  | ... | account.fees_units=10_100
        | | account.realised_units=50 inst.cost_units=994_950 inst.position=99
    """)


def test_a_fee_in_the_base_asset_on_margin() -> None:
    check(
        """
        bar 10000                                |
        buy                                      | SUBMIT entry buy 100
        fill entry 100 @ 10000 fee=1 fee_asset=1 | SUBMIT stop sell 99 at 9800 \
        | inst.position=99 account.fees_units=10_000 account.cash_units=99_990_000
        """,
        MARGIN,
    )


def test_a_fee_in_a_base_asset_that_is_not_held_is_not_booked() -> None:
    """A sale of everything leaves nothing to take it from: the venue's books will show it."""
    check("""
        bar 10000                             |
        buy                                   | SUBMIT entry buy 100
        fill entry 100 @ 10000                | SUBMIT stop sell 100 at 9800
        fill stop 100 @ 9800 fee=1 fee_asset=1 | CLOSED STOP -20000 | account.fees_units=0
    """)


def test_a_fee_that_takes_all_that_was_bought_ends_the_trade() -> None:
    check("""
        bar 10000                                  |
        buy                                        | SUBMIT entry buy 100
        fill entry 100 @ 10000 fee=100 fee_asset=1 | CLOSED SIGNAL -1000000 \
        | inst.position=0 account.open_positions=0 account.trades=1 account.cash_units=99_000_000
    """)


def test_a_rebate_is_a_negative_fee() -> None:
    check("""
        bar 10000                      |
        buy                            | SUBMIT entry buy 100
        fill entry 100 @ 10000 fee=-20 | ... | account.fees_units=-20 account.cash_units=99_000_020
        fill stop 100 @ 10000 fee=-20  | CLOSED STOP 40 | account.equity_units=100_000_040
    """)


def test_funding_and_borrow_belong_to_the_trade() -> None:
    check("""
        bar 10000                      |
        sell                           | SUBMIT entry sell 100
        fill entry 100 @ 10000         | ...
        funding 30                     | | account.funding_units=30 account.equity_units=100_000_030
        funding -50                    | | account.funding_units=-20 account.equity_units=99_999_980
        fill stop 100 @ 10000          | CLOSED STOP -20
    """)


def test_a_deposit_is_no_profit() -> None:
    """It moves everything that gains and losses are measured from."""
    check("""
        cash 5000    | | account.cash_units=100_005_000 account.capital_units=100_005_000
        |            | account.peak_units=100_005_000 account.day_start_units=100_005_000
        |            | account.day_peak_units=100_005_000 account.equity_units=100_005_000
        cash -105000 | | account.equity_units=99_900_000 account.peak_units=99_900_000
    """)


def test_a_multiplier_is_part_of_the_notional() -> None:
    """A contract of 50: 100 ticks on 2 contracts are 10,000."""
    check(
        """
        bar 4000            |
        buy                 | SUBMIT entry buy 2 | account.pending_units=400_000
        fill entry 2 @ 4000 | ...                | inst.cost_units=400_000
        bar 4100            |                    | account.unrealised_units=10_000
        fill stop 2 @ 4100  | CLOSED STOP 10000
        """,
        "sizing.fixed_lots=2 instrument.unit_num=50",
    )


def test_a_buy_rounds_up_and_a_sell_down() -> None:
    """3 lots at 10,001 with a tenth of a unit each are 3,000.3: 3,001 to pay, 3,000 to get."""
    check(
        """
        bar 10001              |
        buy                    | SUBMIT entry buy 3
        fill entry 3 @ 10001   | ...            | inst.cost_units=3_001 inst.value_units=3_000
        fill stop 3 @ 10001    | CLOSED STOP -1 | account.cash_units=99_999_999
        """,
        "sizing.fixed_lots=3 instrument.unit_den=10",
    )
    check(
        """
        bar 10001              |
        sell                   | SUBMIT entry sell 3
        fill entry 3 @ 10001   | ...            | inst.cost_units=-3_000 inst.value_units=-3_001
        fill stop 3 @ 10001    | CLOSED STOP -1 | account.cash_units=99_999_999
        """,
        "sizing.fixed_lots=3 instrument.unit_den=10",
    )
