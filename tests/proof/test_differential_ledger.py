"""Real bars through the loop and through the reference: every trade and every unit the same."""

from collections import Counter
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from interlock.data.bars import load_bars
from interlock.data.instruments import load_instruments
from interlock.data.merge import Bars, merge
from tests.sim.differential import INSTRUMENTS, compare, policy_of, real_run
from tests.sim.fill_ledger import check_books
from tests.sim.reference import Plan

SHIPPED = Path(__file__).parents[2] / "src" / "interlock" / "config" / "shipped"
KNOWN = load_instruments(SHIPPED / "instruments.yaml")
BARS_MAX = 20_000  # the reference takes its time
SETS = {
    "GOOG daily": ("lean_equity_daily/GOOG_1d",),
    "EURUSD hourly": ("lean_fx_hour/EURUSD_oanda_1h",),
    "SPY hourly": ("lean_equity_hour/SPY_1h",),
    "a day, an hour and an hour": (
        "lean_equity_daily/GOOG_1d",
        "lean_equity_hour/SPY_1h",
        "lean_fx_hour/EURUSD_oanda_1h",
    ),
}


def crossings(bars: Bars) -> NDArray[np.int64]:
    """Return a side where the mean of 5 closes crosses that of 20, instrument by instrument."""
    sides = np.zeros(len(bars), dtype=np.int64)
    for instrument in range(INSTRUMENTS):
        places = np.flatnonzero(bars["instrument"] == instrument)
        sums = np.cumsum(np.concatenate([[0], bars["close"][places]]))
        fast, slow = (
            np.array([sums[i + 1] - sums[max(i + 1 - n, 0)] for i in range(len(places))]) * 20 // n
            for n in (5, 20)
        )
        above = np.sign(fast - slow)
        crossed = np.flatnonzero(above[1:] * above[:-1] < 0) + 1
        crossed = crossed[crossed >= 20]
        sides[places[crossed]] = above[crossed]
    return sides


def loaded(shared: Path, names: tuple[str, ...]) -> Bars:
    """Return the last bars of the files, merged."""
    folder = shared / "01_bars"
    sets = [load_bars(folder / f"{name}.parquet", instruments=KNOWN) for name in names]
    merged = merge(sets).bars
    if len(sets) > 1:
        opened = max(int(each.open_ns[0]) for each in sets)
        merged = merged[merged["open_ns"] >= opened]
    return merged[-BARS_MAX:].copy()


@pytest.mark.parametrize("name", SETS)
@pytest.mark.parametrize("exits", ["opposite signals exit", "they do not"])
def test_real_bars_trade_as_in_the_reference(shared: Path, name: str, exits: str) -> None:
    bars = loaded(shared, SETS[name])
    plan = Plan(
        cash=10**13,
        value=Fraction(1, 100),
        volatility_factor=0.5,
        impact_from=10**9,
        impact_ppm=100.0,
        opposite_exits=exits == "opposite signals exit",
    )
    sides = crossings(bars)
    reference = compare(plan, bars, sides)
    assert len(reference.trades) > 50
    ways = Counter((trade[1], trade[-1]) for trade in reference.trades)
    assert {(1, "STOP"), (-1, "STOP")} <= set(ways)
    check_books(policy_of(plan), real_run(plan, bars, sides), plan.cash)


def test_real_bars_with_the_whole_account_in_every_trade(shared: Path) -> None:
    """Gaps at the open make some entries dearer than the money there is."""
    bars = loaded(shared, SETS["GOOG daily"])
    plan = Plan(cash=10**12, share_ppm=999_000, risk_ppm=10**6, opposite_exits=False)
    reference = compare(plan, bars, np.abs(crossings(bars)))
    assert reference.rejected > 0
    assert len(reference.trades) > 50
    free = compare(replace(plan, share_ppm=200_000), bars, np.abs(crossings(bars)))
    assert free.rejected == 0
