"""What a trade costs, worked by hand."""

from typing import Any

from interlock.kernel.costs import fee_units, round_trip_ppm, slippage_ppm, to_bps_up
from tests.kernel.helpers import number, open_policy, plain

# The shipped defaults: 4 bps assumed, 5 bps of slippage, impact from 1,000 on.
DEFAULTS = "costs.assumed_ppm=400 costs.slippage_base_ppm=500 costs.impact_from_units=1_000"
FULL = DEFAULTS + " costs.volatility_factor=0.5 costs.impact_ppm=100.0"


def check(table: str, settings: str = FULL) -> None:
    """Compare ``atr baseline notional | slippage, round trip in bps`` line by line."""
    costs: Any = open_policy(settings)["account"]["costs"][0]
    for line in table.strip().splitlines():
        arguments, expected = line.split("|")
        atr, baseline, notional = (number(x) for x in arguments.split())
        slippage, bps = (int(x) for x in expected.split())
        found = plain(slippage_ppm)(costs, atr, baseline, notional)
        assert found == slippage, line
        assert plain(to_bps_up)(plain(round_trip_ppm)(costs, found)) == bps, line


def test_the_round_trip_of_the_defaults_is_18_bps() -> None:
    """Twice 4 bps of fee and 5 bps of slippage, up to the notional where impact begins."""
    check("""
        0.0 0.0     1 | 500 18
        0.0 0.0 1_000 | 500 18
        0.0 0.0 1_001 | 501 19
    """)


def test_a_range_above_its_baseline_slips_more() -> None:
    """Half of 5 bps more at twice the usual range; a quiet market slips no less than the base."""
    check("""
        10.0 10.0 1 | 500 18
        20.0 10.0 1 | 750 23
        10.1 10.0 1 | 503 19
         5.0 10.0 1 | 500 18
        20.0  0.0 1 | 500 18
    """)


def test_impact_grows_with_the_square_root_of_the_notional() -> None:
    """Four times the threshold is a root of 2: one more bp, and nine times two more."""
    check("""
        0.0 0.0  4_000 | 600 20
        0.0 0.0  9_000 | 700 22
        0.0 0.0 16_000 | 800 24
    """)


def test_slippage_has_a_bound_and_nan_reaches_it() -> None:
    """Beyond half the price the model says nothing, and what says nothing costs the most."""
    check("1_000_000.0 1.0 1 | 500_000 10008")
    costs: Any = open_policy(FULL + " costs.volatility_factor=1.0")["account"]["costs"][0]
    costs["volatility_factor"] = float("nan")
    assert plain(slippage_ppm)(costs, 2.0, 1.0, 1) == 500_000


def test_impact_can_be_off() -> None:
    check("0.0 0.0 1_000_000 | 500 18", "costs.assumed_ppm=400 costs.slippage_base_ppm=500")


def test_a_fee_is_rounded_up_and_a_rebate_down() -> None:
    """4 bps of 10,000 is 4; of 10,001 it is 5 to pay, and as a rebate still 4."""
    for value, ppm, expected in (
        (10_000, 400, 4),
        (10_001, 400, 5),
        (10_000, -400, -4),
        (12_499, -400, -4),
        (12_500, -400, -5),
        (0, 400, 0),
    ):
        assert fee_units(value, ppm) == expected, (value, ppm)
