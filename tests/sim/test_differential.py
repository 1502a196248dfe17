"""The whole loop against a reference that was written without it, on random markets."""

import hashlib
from collections import Counter
from dataclasses import replace
from fractions import Fraction

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from interlock.data.merge import BAR, Bars
from interlock.kernel.codes import Kind
from interlock.kernel.policy import SMALL
from interlock.sim.host import Tape, run
from interlock.sim.world import new_world
from tests.sim.differential import INSTRUMENTS, compare, policy_of, real_run, signals_at
from tests.sim.fill_ledger import check_books
from tests.sim.reference import Plan
from tests.sim.tapes import CASH, SECOND_NS, facts_of, record, tape_of

MINUTE_NS = 60 * SECOND_NS
QUICK = Plan(atr_bars=3, baseline_bars=5, bars_held=6)


def walk(steps: list[tuple[int, int, int, int]], start: int) -> Bars:
    """Return bars in turn of three instruments from (gap, body, wick up, wick down) in ppm."""
    bars = np.zeros(len(steps), dtype=BAR)
    last = [start, start * 3, start // 2]
    for index, (gap, body, above, below) in enumerate(steps):
        instrument = index % INSTRUMENTS
        first = max(last[instrument] * (1_000_000 + gap) // 1_000_000, 1)
        close = max(first * (1_000_000 + body) // 1_000_000, 1)
        bar = bars[index]
        bar["instrument"] = instrument
        bar["open"], bar["close"] = first, close
        bar["high"] = max(first, close) * (1_000_000 + above) // 1_000_000
        bar["low"] = max(min(first, close) * (1_000_000 - below) // 1_000_000, 1)
        bar["open_ns"] = (index // INSTRUMENTS) * MINUTE_NS + MINUTE_NS
        bar["close_ns"] = bar["open_ns"] + MINUTE_NS
        last[instrument] = close
    return bars


def sides_of(numbers: list[int], length: int) -> NDArray[np.int64]:
    return np.resize(np.array(numbers, dtype=np.int64), length)


MOVES = st.tuples(
    st.integers(-30_000, 30_000),
    st.integers(-30_000, 30_000),
    st.integers(0, 30_000),
    st.integers(0, 30_000),
)
PLANS = st.builds(
    Plan,
    cash=st.integers(10_000, 10**9),
    value=st.sampled_from([Fraction(1), Fraction(1, 100), Fraction(7, 3), Fraction(50)]),
    lot=st.sampled_from([1, 10]),
    maker_ppm=st.sampled_from([0, 200]),
    taker_ppm=st.sampled_from([0, 400, 2_500]),
    slippage_ppm=st.sampled_from([0, 500, 15_000]),
    volatility_factor=st.sampled_from([0.0, 0.7]),
    impact_from=st.sampled_from([0, 10_000]),
    impact_ppm=st.just(400.0),
    risk_ppm=st.sampled_from([5_000, 100_000]),
    share_ppm=st.sampled_from([200_000, 600_000, 1_000_000]),
    stop_atr=st.sampled_from([0.5, 1.5]),
    target=st.sampled_from([0.5, 2.0]),
    bars_held=st.integers(1, 9),
    opposite_exits=st.booleans(),
    atr_bars=st.just(3),
    baseline_bars=st.just(5),
)


@given(
    plan=PLANS,
    steps=st.lists(MOVES, min_size=30, max_size=150),
    start=st.integers(50, 100_000),
    sides=st.lists(st.integers(-1, 1), min_size=7, max_size=40),
)
def test_the_loop_trades_as_the_reference_does(
    plan: Plan, steps: list[tuple[int, int, int, int]], start: int, sides: list[int]
) -> None:
    bars = walk(steps, start)
    compare(plan, bars, sides_of(sides, len(bars)))


def _long_walk(length: int) -> tuple[Bars, NDArray[np.int64]]:
    """Return a walk whose steps are the digits of a hash, the same everywhere and for ever."""
    steps = []
    sides = []
    for index in range(length):
        digest = hashlib.sha256(str(index).encode()).digest()
        numbers = [int.from_bytes(digest[at : at + 4], "big") for at in range(0, 20, 4)]
        gap, body, above, below, side = numbers
        step = (gap % 8_001 - 4_000, body % 24_001 - 12_000, above % 9_000, below % 9_000)
        steps.append(step)
        sides.append(side % 3 - 1)
    return walk(steps, 20_000), np.array(sides, dtype=np.int64)


def test_a_long_walk_sees_every_way_out_and_every_way_in_refused() -> None:
    """Else the comparison would compare little."""
    bars, sides = _long_walk(1_500)
    reference = compare(replace(QUICK, target=0.6), bars, sides)
    causes = Counter((trade[1], trade[-1]) for trade in reference.trades)
    assert set(causes) == {
        (side, cause) for side in (1, -1) for cause in ("STOP", "TARGET", "TIME", "SIGNAL")
    }
    tight = compare(replace(QUICK, share_ppm=999_000, risk_ppm=500_000), bars, sides)
    assert tight.rejected > 0  # the open was dearer than the money
    assert tight.refused > reference.refused


def test_fills_alone_give_the_books_of_kernel_and_venue() -> None:
    bars, sides = _long_walk(900)
    plan = replace(QUICK, value=Fraction(7, 3))
    ledger = check_books(policy_of(plan), real_run(plan, bars, sides), plan.cash)
    assert ledger.realised != 0
    assert ledger.fees > 0


def test_fills_alone_give_the_books_with_partial_fills_funding_and_latency_too() -> None:
    """A tenth of each bar's volume, so that entries, stops and targets fill in parts."""
    bars, sides = _long_walk(900)
    bars["volume"] = 100 + np.arange(len(bars)) * 37 % 900
    plan = replace(QUICK, value=Fraction(7, 3))
    policy = policy_of(plan)
    funding = " ".join(f"{minute * 60 + 90}:FUNDING:{400_000 - minute}" for minute in range(290))
    signals, places = signals_at(bars, sides)
    tape = Tape(bars=bars, facts=facts_of(funding), signals=signals, places=places)
    world = new_world(
        policy, latency_in_ns=2 * SECOND_NS, latency_out_ns=3 * SECOND_NS, participation_ppm=100_000
    )
    recording = run(policy, world, tape, cash_units=plan.cash, tier=SMALL)
    ledger = check_books(policy, recording, plan.cash)
    assert ledger.funding != 0
    account = recording.state["account"][0]
    assert int(account["trades"]) > 20
    assert int(account["illegal_transitions"]) == 0
    late = recording.log[recording.log["kind"] == Kind.CANCEL_REJECTED]
    assert int(account["unknown_reports"]) <= len(late)  # the fill overtook the cancel


def test_a_ledger_of_one_round_trip_by_hand() -> None:
    """100 lots from 10,000 to 9,800 with a fee of 7 in 10,000: 700 + 686, and 20,000 lost."""
    table = """
    0 0 60 10000 10000 10000 10000
    0 60 120 10000 10100 9700 10050
    """
    settings = "instrument.taker_ppm=700"
    recording = record(tape_of(table, "0:buy"), settings)
    assert int(recording.state["account"]["cash_units"][0]) == CASH - 20_000 - 1_386
