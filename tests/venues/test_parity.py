"""Paper trading is the backtest: the same tape, beat by beat, gives the same log and books.

The engine here is the kernel alone. It hears of everything through the wire's bytes, and the venue
hears of its orders the same way.
"""

from decimal import Decimal
from pathlib import Path
from typing import Final

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from interlock.config.settings import Settings
from interlock.kernel.codes import Kind
from interlock.kernel.policy import SMALL, PolicyArray
from interlock.research.backtest import tape_of as tape_of_inputs
from interlock.research.inputs import Request, prepare, read_rules
from interlock.sim.host import Tape, run
from interlock.sim.world import WorldArray
from tests.sim.tapes import CASH, record, tape_of, worlds
from tests.sim.test_loop import CALM, TO_THE_STOP
from tests.venues.plain import Line, PlainEngine, check_same, desk_of

NS_PER_MS: Final = 1_000_000
BARS_MAX: Final = 400  # of each sample, so that the kernel as plain Python gets through too


def check_tape(tape: Tape, words: str = "", latency: tuple[int, int] = (0, 0)) -> PlainEngine:
    """Run a tape both ways on an open policy and compare."""
    recording = record(tape, words, latency, operator=False)
    policy, world = worlds(words, latency)
    line = Line(desk_of(world, tape, cash_units=CASH))
    engine = PlainEngine(policy, tape, line, cash_units=CASH)
    engine.run()
    check_same(engine, recording)
    return engine


LATENCIES: Final = [(0, 0), (5, 0), (0, 5), (5, 5), (1, 40), (40, 40), (0, 1_000)]


@pytest.mark.parametrize("latency", LATENCIES)
@pytest.mark.parametrize("signals", ["0:buy", "0:sell", "0:buy 1:flat", "0:sell 1:buy 1:flat"])
def test_trades_from_signal_to_stop(signals: str, latency: tuple[int, int]) -> None:
    engine = check_tape(tape_of(TO_THE_STOP, signals), latency=latency)
    assert engine.log


@pytest.mark.parametrize(
    "facts",
    [
        "119:SESSION_OPEN 120:DAY",
        "120:FUNDING:10000000 130:FUNDING:-10000000",
        "70:QUOTE:10020:10030 80:TRADE:9790",
        "60:BLACKOUT_START 60:QUOTE:99:101 120:BLACKOUT_END 900:DAY 901:TRADE:10000",
    ],
)
@pytest.mark.parametrize("latency", [(0, 0), (5, 5)])
def test_facts_between_and_after_the_bars(facts: str, latency: tuple[int, int]) -> None:
    check_tape(tape_of(CALM, "0:buy", facts), "instrument.always_open=1", latency)


def test_a_tape_of_nothing_but_facts() -> None:
    check_tape(tape_of("", facts="10:QUOTE:99:101 20:TRADE:105 30:QUOTE:110:112"))


@st.composite
def tapes(draw: st.DrawFn) -> Tape:
    """Return bars of two instruments with gaps, signals on them, and facts between."""
    lines = []
    clock = [0, 0]
    for _ in range(draw(st.integers(1, 14))):
        instrument = draw(st.integers(0, 1))
        start = clock[instrument] + draw(st.sampled_from([0, 0, 7]))
        end = start + draw(st.sampled_from([10, 30, 60]))
        clock[instrument] = end
        prices = draw(st.lists(st.integers(9_500, 10_500), min_size=4, max_size=4))
        volume = draw(st.sampled_from([0, 90, 400, 5_000]))
        opened, closed = prices[:2]
        lines.append((end, instrument, start, opened, max(prices), min(prices), closed, volume))
    lines.sort(key=lambda line: line[0])
    table = "\n".join(
        f"{instrument} {start} {end} {opened} {high} {low} {closed} {volume}"
        for end, instrument, start, opened, high, low, closed, volume in lines
    )
    words = []
    for place, line in enumerate(lines):
        if draw(st.booleans()):
            words.append(f"{place}:{draw(st.sampled_from(['buy', 'sell', 'flat']))}:{line[1]}")
    facts = sorted(draw(st.lists(st.integers(1, 300), max_size=6)))
    told = [
        f"{second}:"
        + draw(
            st.sampled_from(
                [
                    *("DAY", "SESSION_OPEN", "SESSION_CLOSE", "FUNDING:20000000"),
                    *("QUOTE:9900:9910", "QUOTE:10100:10110", "TRADE:10000"),
                ]
            )
        )
        for second in facts
    ]
    return tape_of(table, " ".join(words), " ".join(told))


@given(
    tapes(),
    st.sampled_from(LATENCIES),
    st.sampled_from([0, 100_000, 1_000_000]),
    st.sampled_from(
        [
            "",
            "instrument.taker_ppm=700 instrument.maker_ppm=-200 costs.slippage_base_ppm=300",
            "exits.time_periods=2 instrument.always_open=1",
            "exits.trailing_enabled=1 exits.trailing_atr=1.0 instrument.atr_periods=2",
            "instrument.native_oco=0",
        ]
    ),
)
@settings(max_examples=60)
def test_any_small_tape(tape: Tape, latency: tuple[int, int], share_ppm: int, words: str) -> None:
    policy, world = worlds(words, latency)
    world["instruments"]["participation_ppm"] = share_ppm
    check_both(policy, world, tape, CASH)


def check_both(policy: PolicyArray, world: WorldArray, tape: Tape, cash: int) -> PlainEngine:
    """Run both ways in one world and compare."""
    recording = run(policy, world, tape, cash_units=cash, tier=SMALL, operator=False)
    engine = PlainEngine(policy, tape, Line(desk_of(world, tape, cash_units=cash)), cash_units=cash)
    engine.run()
    check_same(engine, recording)
    return engine


@pytest.mark.parametrize(
    ("latency_ms", "share_ppm"), [((0, 0), 0), ((250, 40), 20_000), ((90_000_000, 400_000), 0)]
)
@pytest.mark.parametrize(
    "paths", [("sample:GOOG",), ("sample:EURUSD",), ("sample:GOOG", "sample:EURUSD")]
)
def test_the_samples(
    paths: tuple[str, ...], latency_ms: tuple[int, int], share_ppm: int, tmp_path: Path
) -> None:
    """Real bars, the shipped rules, the calendar's facts and funding.

    The breakers are off: without an operator the first one would end the trading.
    """
    own = Settings(home=tmp_path)
    inputs = prepare(
        Request(paths=paths, cash=Decimal(100_000), operator=False),
        read_rules(own, None, None),
        own,
        lambda _: None,
    )
    tape = shortened(tape_of_inputs(inputs), BARS_MAX * len(paths))
    inputs.policy["account"]["breakers"]["enabled"] = 0
    world = inputs.world.copy()
    world["latency_in_ns"], world["latency_out_ns"] = (ms * NS_PER_MS for ms in latency_ms)
    world["instruments"]["participation_ppm"] = share_ppm
    engine = check_both(inputs.policy, world, tape, inputs.cash_units)
    log = np.concatenate(engine.log)
    assert (log["kind"] == Kind.SUBMIT).any()
    assert engine.fills > 0


def shortened(tape: Tape, bars: int) -> Tape:
    """Return the beginning of a tape."""
    if len(tape.bars) <= bars:
        return tape
    end_ns = int(tape.bars["close_ns"][bars - 1])
    kept = tape.places < bars
    return Tape(
        bars=tape.bars[:bars],
        facts=tape.facts[tape.facts["ts_ns"] <= end_ns],
        signals=tape.signals[kept],
        places=tape.places[kept],
    )
