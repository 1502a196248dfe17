"""What a trade costs: fees, slippage and impact, the same for the kernel's guess and the venue."""

import math
from typing import Final

from interlock.kernel.compiled import compiled
from interlock.kernel.records import Row
from interlock.kernel.units import BP_PPM, PPM, mul_div, mul_div_up

SLIPPAGE_PPM_MAX: Final = 500_000  # half the price: beyond that the model says nothing


@compiled
def fee_units(value_units: int, fee_ppm: int) -> int:
    """Return the fee on ``value_units``, rounded up, never too small; a rebate down."""
    assert value_units >= 0
    if fee_ppm >= 0:
        return mul_div_up(a=value_units, b=fee_ppm, c=PPM)
    return -mul_div(a=value_units, b=-fee_ppm, c=PPM)


@compiled
def slippage_ppm(costs: Row, atr: float, atr_baseline: float, value_units: int) -> int:
    """Return the expected slippage of a marketable order of ``value_units``, in ppm, rounded up.

    base * (1 + volatility_factor * (ATR / baseline - 1)) when the range is wider than usual, plus
    impact_ppm * (sqrt(notional / impact_from) - 1) above ``impact_from_units``.

    Source:
        The square-root law of impact: Almgren et al., "Direct Estimation of Equity Market
        Impact", Risk 18(7), 2005; here relative to a fixed notional, for volume is not always
        known.
    """
    base_ppm = float(costs["slippage_base_ppm"])
    slippage = base_ppm
    if atr_baseline > 0.0 and atr > atr_baseline:
        slippage += base_ppm * costs["volatility_factor"] * (atr / atr_baseline - 1.0)
    impact_from_units = costs["impact_from_units"]
    if impact_from_units > 0 and value_units > impact_from_units:
        ratio = float(value_units) / float(impact_from_units)
        slippage += costs["impact_ppm"] * (math.sqrt(ratio) - 1.0)
    if not slippage < float(SLIPPAGE_PPM_MAX):
        return SLIPPAGE_PPM_MAX
    return math.ceil(slippage)


@compiled
def round_trip_ppm(costs: Row, slip_ppm: int) -> int:
    """Return the cost of going in and out: the assumed fee and the slippage, twice."""
    return int(2 * (costs["assumed_ppm"] + slip_ppm))


@compiled
def to_bps_up(ppm: int) -> int:
    """Return ppm as basis points, rounded up."""
    return int(-(-ppm // BP_PPM))
