"""The reference and the real loop on one tape, compared trade for trade and unit for unit."""

from collections.abc import Iterable
from typing import Final

import numpy as np
from numpy.typing import NDArray

from interlock.data.merge import Bars
from interlock.kernel.codes import Exit, Kind, SizingMethod, StopMethod
from interlock.kernel.policy import SMALL, PolicyArray
from interlock.kernel.records import Rows, rows
from interlock.sim.host import Recording, Tape, run
from interlock.sim.world import new_world
from tests.kernel.helpers import open_policy
from tests.sim.reference import Plan, Reference, Trade

INSTRUMENTS: Final = 3
LOTS_MANY: Final = 2**39  # more than any limit leaves, so that risk and share decide


def policy_of(plan: Plan) -> PolicyArray:
    """Return the kernel's policy that says the same as ``plan``."""
    return open_policy(
        f"""
        sizing.method={int(SizingMethod.FIXED)} sizing.fixed_lots={LOTS_MANY}
        sizing.risk_ppm={plan.risk_ppm} sizing.position_ppm={plan.share_ppm}
        exits.stop_method={int(StopMethod.ATR)} exits.stop_atr={plan.stop_atr}
        exits.stop_min_ppm={plan.stop_min_ppm} exits.stop_max_ppm={plan.stop_max_ppm}
        exits.target_multiple={plan.target} exits.time_periods={plan.bars_held}
        exits.opposite_signal_exits={int(plan.opposite_exits)}
        costs.assumed_ppm={plan.taker_ppm} costs.slippage_base_ppm={plan.slippage_ppm}
        costs.volatility_factor={plan.volatility_factor}
        costs.impact_from_units={plan.impact_from} costs.impact_ppm={plan.impact_ppm}
        instrument.unit_num={plan.value.numerator} instrument.unit_den={plan.value.denominator}
        instrument.lot={plan.lot} instrument.lot_min={plan.lot}
        instrument.maker_ppm={plan.maker_ppm} instrument.taker_ppm={plan.taker_ppm}
        instrument.atr_periods={plan.atr_bars}
        instrument.atr_baseline_periods={plan.baseline_bars}
        account.instruments={INSTRUMENTS}
        """
    )


def signals_at(bars: Bars, sides: NDArray[np.int64]) -> tuple[Rows, NDArray[np.int64]]:
    """Return signals and places: at each bar its side for its own instrument, 0 for none."""
    places = np.flatnonzero(sides)
    signals = rows(len(places))
    signals["kind"] = Kind.SIGNAL
    signals["strategy"] = 0
    signals["side"] = sides[places]
    signals["instrument"] = bars["instrument"][places]
    return signals, places


def real_run(plan: Plan, bars: Bars, sides: NDArray[np.int64]) -> Recording:
    """Run the loop on bars and on each bar's signal."""
    signals, places = signals_at(bars, sides)
    policy = policy_of(plan)
    tape = Tape(bars=bars, facts=rows(0), signals=signals, places=places)
    return run(policy, new_world(policy), tape, cash_units=plan.cash, tier=SMALL)


def reference_run(plan: Plan, bars: Bars, sides: NDArray[np.int64]) -> Reference:
    """Run the reference on the same."""
    reference = Reference(plan)
    names = ("instrument", "open", "high", "low", "close")
    columns = [bars[name].tolist() for name in names]
    for *numbers, side in zip(*columns, sides.tolist(), strict=True):
        bar = dict(zip(names, numbers, strict=True))
        reference.bar(bar)
        if side:
            reference.signal(bar["instrument"], side)
    return reference


def trades_of(recording: Recording) -> Iterable[Trade]:
    """Return the closed trades of a recording as the reference writes them."""
    last_fill: dict[int, int] = {}
    for row in recording.log:
        instrument = int(row["instrument"])
        if row["kind"] == Kind.FILL:
            last_fill[instrument] = int(row["price"])
        elif row["kind"] == Kind.CLOSED:
            side, lots, entry, profit = (int(row[x]) for x in ("side", "qty", "price", "value"))
            cause = Exit(int(row["code"])).name
            yield (instrument, side, lots, entry, last_fill[instrument], profit, cause)


def compare(plan: Plan, bars: Bars, sides: NDArray[np.int64]) -> Reference:
    """Run both; every trade, the cash, the fees, the positions and the equity have to agree."""
    recording = real_run(plan, bars, sides)
    reference = reference_run(plan, bars, sides)
    for found, wanted in zip(trades_of(recording), reference.trades, strict=True):
        assert found == wanted
    account = recording.state["account"][0]
    assert int(account["cash_units"]) == reference.cash
    assert int(account["fees_units"]) == reference.fees
    assert int(account["equity_units"]) == reference.equity()
    for instrument, book in reference.books.items():
        held = recording.state["instruments"]["position"][0, instrument]
        assert int(held) == book["side"] * book["lots"]
    assert int(account["refusals"]) == reference.refused
    assert int(recording.venue["rejected"][0]) == reference.rejected
    return reference
