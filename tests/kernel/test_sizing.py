"""How many lots an entry asks for: each method, and each limit when it is the smallest.

The account holds 100,000,000, the mark is 10,000 and the stop 200 away, so 2 % of risk buys
10,000 lots: a notional of everything.
"""

from typing import Any

import numpy as np
import pytest

from interlock.kernel.policy import STRATEGY_POLICY
from interlock.kernel.sizing import fraction_to_ppm, kelly_fraction, lots_of, round_to_lot
from tests.kernel.helpers import CASH, Bench, change, open_policy, plain
from tests.kernel.story import check as tell

FRACTIONAL = "sizing.method=SizingMethod.FIXED_FRACTIONAL sizing.fraction_ppm=1_000"
VOLATILE = "sizing.method=SizingMethod.VOLATILITY_SCALED sizing.fraction_ppm=1_000"
KELLY = "sizing.method=SizingMethod.FRACTIONAL_KELLY sizing.kelly_fraction_ppm=500_000 "
KELLY += "sizing.kelly_trades_min=20 sizing.fraction_ppm=1_000"


def check(settings: str, lots: int, facts: str = "", before: str = "bar 10000 |") -> Bench:
    """Ask for one long entry and compare its size, and what else the sizing wrote down."""
    answer = f"SUBMIT entry buy {lots}" if lots else "..."
    bench = tell(f"{before}\nbuy | {answer} | sizing.lots={lots} {facts}", settings)
    assert bench.read("verdicts.SIZE_IS_ZERO.failed") == (1 if lots == 0 else 0)
    return bench


def test_a_fixed_quantity() -> None:
    check("sizing.fixed_lots=37", 37, "sizing.method_lots=37")


def test_a_fixed_notional() -> None:
    """1,234,567 buys 123 lots at 10,000, and what is left stays in cash."""
    check("sizing.fixed_lots=0 sizing.fixed_units=1_234_567", 123)


def test_a_fixed_fraction_of_equity_is_what_the_stop_may_lose() -> None:
    """0.1 % is 100,000: 500 lots that lose 200 each."""
    check(FRACTIONAL, 500, "sizing.risk_per_lot=200")


def test_costs_are_part_of_the_risk() -> None:
    """18 bps of 10,005 are 18.009 and count as 19: 100,000 / 219 is 456.6."""
    check(
        FRACTIONAL + " costs.assumed_ppm=400 costs.slippage_base_ppm=500",
        456,
        "sizing.price=10_005 sizing.cost_ppm=1_800 sizing.risk_per_lot=219 sizing.cost_bps=18",
    )


def test_volatility_scaling_pays_for_an_adverse_move() -> None:
    """1.5 ATRs of 80 are 120, one tick up: 100,000 / 121 is 826.4."""
    bars = "bar 10040 9960 10000 |\n" * 3
    check(VOLATILE + " sizing.volatility_factor=1.5", 826, "inst.atr=80.0", before=bars)


def test_without_a_range_volatility_scaling_takes_nothing() -> None:
    """A market that does not move would otherwise be bought without end."""
    check(VOLATILE + " sizing.volatility_factor=1.5", 0, "sizing.method_lots=0")


def test_a_range_beyond_all_bounds_takes_next_to_nothing() -> None:
    settings = VOLATILE + " sizing.volatility_factor=1000000000000000.0"
    check(settings, 0, "sizing.method_lots=0", before="bar 10040 9960 10000 |\n" * 3)


def kelly(settings: str, trades: int, wins: int, won: float, lost: float) -> int:
    """Return the lots of an entry of a strategy with this record."""
    bench = Bench(KELLY + " " + settings)
    own = bench.state["strategies"][0, 0]
    own["trades"], own["wins"], own["win_sum"], own["loss_sum"] = trades, wins, won, lost
    tell("bar 10000 |\nbuy | ...", bench=bench)
    return int(bench.read("sizing.method_lots"))


def test_half_of_kelly_from_the_strategys_own_record() -> None:
    """Even chances at odds of 2 make a full Kelly of 25 %; half of it is 12,500,000 at risk."""
    assert kelly("", trades=20, wins=10, won=20.0, lost=10.0) == 12_500_000 // 200


def test_below_the_floor_of_trades_kelly_is_a_fixed_fraction() -> None:
    assert kelly("", trades=19, wins=12, won=12.0, lost=7.0) == 500


def test_a_strategy_without_an_edge_gets_nothing() -> None:
    """40 % winners at odds of 1: the formula says -20 %."""
    assert kelly("", trades=20, wins=8, won=8.0, lost=12.0) == 0


@pytest.mark.parametrize(
    ("trades", "wins", "won", "lost", "share"),
    [
        (20, 12, 12.0, 8.0, 0.2),
        (20, 10, 20.0, 10.0, 0.25),  # even chances at odds of 2: 0.5 - 0.5 / 2
        (20, 20, 30.0, 0.0, 1.0),  # never lost
        (20, 19, 19.0, 0.0, 1.0),  # lost nothing
        (20, 0, 0.0, 20.0, 0.0),  # never won
        (20, 10, 0.0, 10.0, 0.0),  # won nothing
        (20, 10, 10.0, 10.0, 0.0),  # no edge at all
        (20, 10, float("nan"), 10.0, 0.0),
        (20, 10, 10.0, float("nan"), 1.0),
    ],
)
def test_full_kelly(trades: int, wins: int, won: float, lost: float, share: float) -> None:
    found = plain(kelly_fraction)(trades, wins, won, lost)

    assert found == pytest.approx(share, abs=1e-12)


def test_a_share_becomes_parts_per_million_rounded_down() -> None:
    for share, ppm in ((0.2, 200_000), (1.0, 1_000_000), (7.0, 1_000_000), (-1.0, 0)):
        assert plain(fraction_to_ppm)(share) == ppm, share
    assert plain(fraction_to_ppm)(float("nan")) == 0
    assert plain(fraction_to_ppm)(0.999_999_9) == 999_999


def test_risk_per_trade_caps_every_method() -> None:
    """0.01 % is 10,000: 50 lots."""
    check("sizing.fixed_lots=1_000 sizing.risk_ppm=100", 50, "sizing.risk_lots=50")


def test_the_largest_position_caps_every_method() -> None:
    """20 % of 100,000,000 is 2,000 lots."""
    settings = "sizing.fixed_lots=9_000 sizing.position_ppm=200_000"
    check(settings, 2_000, "sizing.position_lots=2_000")


def test_the_total_exposure_caps_every_method() -> None:
    """50 % less the 30 % that another instrument holds: 2,000 lots."""
    settings = "sizing.fixed_lots=3_000 sizing.exposure_ppm=500_000"
    before = """
        bar 10000 instrument=1               |
        buy instrument=1                     | SUBMIT entry buy 3000
        fill entry 3000 @ 10000 instrument=1 | ...
        bar 10000                            |
    """
    check(settings, 2_000, "sizing.exposure_lots=2_000", before=before)


def test_no_exposure_is_left() -> None:
    """30 % are held and 30 % are all there may be."""
    before = """
        bar 10000 instrument=1               |
        buy instrument=1                     | SUBMIT entry buy 3000
        fill entry 3000 @ 10000 instrument=1 | ...
        bar 10000                            |
    """
    check("sizing.fixed_lots=3_000 sizing.exposure_ppm=300_000", 0, before=before)


def test_the_accounts_exposure_limit_caps_every_method_too() -> None:
    settings = "sizing.fixed_lots=9_000 account.limits.exposure_ppm=100_000"
    check(settings, 1_000, "sizing.exposure_lots=1_000")


def test_margin_stretches_the_exposure() -> None:
    """10 % of posted margin at five times leverage is half the account's notional."""
    settings = """
        sizing.fixed_lots=9_000 account.limits.exposure_ppm=100_000
        strategy.margin=1 strategy.leverage_ppm=5_000_000
    """
    check(settings, 5_000, "sizing.exposure_lots=5_000 ask.margin_needed_units=10_000_000")


def test_margin_without_a_limit_on_exposure_is_no_overflow() -> None:
    """What is off is larger than any money, and five times that must not wrap."""
    settings = "sizing.fixed_lots=7 strategy.margin=1 strategy.leverage_ppm=5_000_000"
    check(settings, 7)


@pytest.mark.parametrize(
    ("settings", "lots"),
    [
        ("instrument.limits.order_lots=40", 40),
        ("instrument.limits.position_lots=41", 41),
        ("instrument.limits.order_notional_units=420_000", 42),
        ("instrument.limits.position_notional_units=430_000", 43),
        ("instrument.limits.position_ppm=4_400", 44),
        ("account.limits.order_notional_units=450_000", 45),
        ("strategy.limits.order_notional_units=460_000", 46),
        ("instrument.limits.order_lots=0", 0),
        ("account.limits.order_notional_units=0", 0),
    ],
)
def test_every_limit_on_order_and_position_caps_the_size(settings: str, lots: int) -> None:
    check(settings, lots, f"sizing.limit_lots={lots}")


@pytest.mark.parametrize(
    ("asked", "settings", "lots"),
    [
        (0, "", 100),
        (99, "", 99),
        (100, "", 100),
        (101, "", 100),
        (2**40, "", 100),
        (99, "instrument.limits.order_lots=40", 40),
        (99, "sizing.risk_ppm=10", 5),
        (99, "instrument.lot=10", 90),
        (9, "instrument.lot=10", 0),
    ],
)
def test_a_signal_may_ask_for_less_and_never_for_more(asked: int, settings: str, lots: int) -> None:
    """The smallest wins: what it asks for is one limit more."""
    bench = Bench(settings)
    answer = f"SUBMIT entry buy {lots}" if lots else "REFUSED entry SIZE_IS_ZERO"
    tell(f"bar 10000 |\nbuy qty={asked} | {answer} | sizing.lots={lots}", bench=bench)


def test_less_than_the_venue_takes_is_refused() -> None:
    """Never rounded up to its smallest order, in lots or in money."""
    tell("bar 10000 |\nbuy qty=9 | REFUSED entry QTY_BELOW_MINIMUM", "instrument.lot_min=10")
    least = "instrument.limits.order_notional_min_units=100_000"
    tell("bar 10000 |\nbuy qty=9 | REFUSED entry NOTIONAL_BELOW_MINIMUM", least)
    tell("bar 10000 |\nbuy qty=10 | SUBMIT entry buy 10", least)


def test_what_a_signal_asks_for_shrinks_after_losses_too() -> None:
    bench = Bench()
    bench.state["account"]["size_scale_ppm"] = 500_000
    tell("bar 10000 |\nbuy qty=50 | SUBMIT entry buy 25 | sizing.scale_ppm=500_000", bench=bench)


def test_a_signal_that_closes_closes_all() -> None:
    """A part of a position is never left behind by what was asked for."""
    tell("""
        bar 10000                   |
        buy qty=40                  | SUBMIT entry buy 40
        fill entry 40 @ 10000       | ...
        accepted stop               |
        accepted target             |
        sell only_exit qty=10 price=1 | ...
        cancelled stop              | ...
        cancelled target            | ... | inst.reduce_sell=40
    """)


def test_the_size_shrinks_after_losses() -> None:
    """The smaller of the account's scale and the strategy's own."""
    bench = Bench("sizing.fixed_lots=101")
    bench.state["account"]["size_scale_ppm"] = 500_000
    tell("bar 10000 |\nbuy | SUBMIT entry buy 50 | sizing.scale_ppm=500_000", bench=bench)
    bench = Bench("sizing.fixed_lots=101")
    bench.state["account"]["size_scale_ppm"] = 500_000
    bench.state["strategies"]["size_scale_ppm"][0, 0] = 250_000
    tell("bar 10000 |\nbuy | SUBMIT entry buy 25 | sizing.scale_ppm=250_000", bench=bench)


def test_the_size_is_a_multiple_of_the_lot() -> None:
    check("sizing.fixed_lots=99 instrument.lot=10", 90)
    check("sizing.fixed_lots=9 instrument.lot=10", 0)
    assert [plain(round_to_lot)(x, 10) for x in (0, 9, 10, 19)] == [0, 0, 10, 10]


def test_nothing_is_sized_without_equity_or_without_a_stop() -> None:
    bench = Bench("exits.stop_max_ppm=0")
    tell("bar 10000 |\nbuy | REFUSED entry STOP_MISSING", bench=bench)
    assert bench.read("ask.qty") == 0
    bench = Bench(cash=0)
    tell("bar 10000 |\nbuy | REFUSED entry EQUITY_NOT_POSITIVE", bench=bench)
    assert bench.read("ask.qty") == 0


def test_nothing_is_sized_without_a_price() -> None:
    """Neither before the first mark nor at one whose double the ledger could not hold."""
    tell("buy | REFUSED entry STOP_MISSING | ask.price=0 verdicts.MARK_MISSING.failed=1")
    tell("bar 549755813888 |\nbuy | ... | ask.price=0 ask.qty=0")


def test_money_becomes_lots_rounded_down() -> None:
    """Multiplier 50, and a lot that is a hundredth: 1,000,000 at 10,000 is 2 contracts."""
    spec: Any = open_policy("instrument.unit_num=50 instrument.unit_den=1")["instruments"][0, 0]
    for units, price, lots in (
        (1_000_000, 10_000, 2),
        (999_999, 10_000, 1),
        (0, 10_000, 0),
        (-1, 10_000, 0),
        (1, 0, 0),
        (2**60, 1, 2**40),
    ):
        assert lots_of(units, price, spec) == lots, (units, price)


def test_expected_slippage_is_taken_against_us() -> None:
    """A long pays 10,005 where a short gets 9,995, and both are what the order asks to trade at."""
    slips = "costs.slippage_base_ppm=500"
    tell("bar 10000 |\nbuy | SUBMIT entry buy 100 | ask.price=10_005", slips)
    tell("bar 10000 |\nsell | SUBMIT entry sell 100 | ask.price=9_995", slips)


def test_a_short_asks_for_margin_and_a_long_for_cash() -> None:
    """100 lots at 10,000 and 4 bps: 1,000,400 either way, of cash or of buying power."""
    fee = "costs.assumed_ppm=400"
    tell("bar 10000 |\nbuy | ... | ask.cash_needed_units=1_000_400 ask.margin_needed_units=0", fee)
    tell("bar 10000 |\nsell | ... | ask.cash_needed_units=0 ask.margin_needed_units=1_000_400", fee)


def test_numbers_that_the_ledger_cannot_hold_are_refused() -> None:
    """2^40 lots at 2^20 ticks are 2^60 units, one more than there can be."""
    settings = "sizing.fixed_lots=1099511627776 sizing.position_ppm=NONE"
    most = "verdicts.NUMBERS_OUT_OF_RANGE.failed="
    tell(f"bar 1048575 |\nbuy | SUBMIT entry buy 1099511627776 | {most}0", settings, cash=2**60 - 1)
    tell(f"bar 1048576 |\nbuy | ... | {most}1 ask.notional_units=NONE", settings, cash=2**60 - 1)


def test_the_policy_of_a_test_changes_what_it_names_and_nothing_else() -> None:
    policy = open_policy()
    change(policy, "strategy1.enabled=0")
    enabled = policy["strategies"]["enabled"][0]

    assert STRATEGY_POLICY.names is not None
    assert (enabled[0], enabled[1]) == (1, 0)
    assert np.all(policy["account"]["limits"]["open_orders"] > CASH)
