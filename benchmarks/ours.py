"""Interlock as a worker: the workload through the kernel, the gate, the breakers and the venue.

Nothing is left out for speed: ``policy.yaml`` and ``breakers.toml`` evaluate every rule and
breaker, with limits that never trip. Timed are signals and loop, from a fresh account.
"""

import time
from pathlib import Path
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

import interlock
from benchmarks.workers.common import (
    CLOSE,
    COLUMNS,
    PERIOD_NS,
    VOLUME,
    Bars,
    Outcome,
    Request,
    Rules,
    Run,
    serve,
)
from interlock.config.build import build_policy
from interlock.config.load import load_breakers, load_policy
from interlock.data.calendars import boundaries
from interlock.data.instruments import Instrument, load_instruments
from interlock.data.merge import BAR
from interlock.kernel.codes import BUY, Feed, Kind
from interlock.kernel.policy import SMALL, PolicyArray
from interlock.kernel.records import Rows, new_out, rows
from interlock.kernel.replay import replay
from interlock.kernel.state import new_state
from interlock.kernel.step import step
from interlock.signals.loading import load_strategy
from interlock.signals.rows import to_rows
from interlock.sim.host import Tape, run
from interlock.sim.world import new_world

HERE: Final = Path(__file__).parent
UNITS: Final = 100_000_000  # of the account, per unit of its currency
STRATEGY: Final = "ema_cross"
ATTEMPTS: Final = 100_000  # proposals in one replay of the gate's figure
WARM_BARS: Final = 1_000


def instruments_of(count: int) -> list[Instrument]:
    """Return made-up instruments: six digits of price, eight of quantity, no smallest notional."""
    entry = """
  {symbol}:
    class: crypto
    base: {symbol}
    quote: USD
    price_digits: 6
    quantity_digits: 8
    tick_size: "0.000001"
    lot_size: "0.00000001"
    quantity_min: "0.00000001"
    settle: cash
    calendar: 24/7
    time_zone: UTC
    shortable: false
    margin: false
    spread_assumed_ppm: 100
"""
    text = "version: 1\ninstruments:" + "".join(
        entry.format(symbol=f"S{n:02d}") for n in range(count)
    )
    path = Path(f"{interlock.numba_cache_dir()}-bench-{count}.yaml")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return list(load_instruments(path).values())


def policy_of(rules: Rules, instruments: list[Instrument]) -> PolicyArray:
    """Return the benchmark's policy with the costs and the time exit of these rules."""
    policy = build_policy(
        load_policy(HERE / "policy.yaml"),
        load_breakers(HERE / "breakers.toml"),
        instruments,
        [STRATEGY],
        periods_ns=[PERIOD_NS] * len(instruments),
        feeds=[Feed.BAR] * len(instruments),
        edge_required_overrides={STRATEGY: False},
        native_oco=True,
    )
    fee_ppm = round(rules.fee * 1e6)
    costs = policy["account"]["costs"]
    for name in ("maker_ppm", "taker_ppm", "assumed_ppm"):
        costs[name] = fee_ppm
    costs["slippage_base_ppm"] = round(rules.slippage * 1e6)
    # The bare loop counts the bars after the one it entered in, and leaves at a close. Ours counts
    # that one too and leaves at the next open; where it enters whenever it is flat, it is out in
    # time for the next signal.
    periods = rules.hold_bars if rules.every_bar else rules.hold_bars + 1
    policy["account"]["exits"]["time_periods"] = periods
    for name in ("maker_ppm", "taker_ppm"):
        policy["instruments"][name] = fee_ppm
    return policy


def bars_array(bars: Bars) -> NDArray[np.void]:
    """Return the bars as the loop reads them, in ticks.

    The bare loop takes the instruments one after another, and what one gets for its exit in a bar
    pays for the next one's entry in the same bar. To do the same work in an order that time
    allows, each instrument's bar has a slot of its own within the period.
    """
    count, _, length = bars.columns.shape
    slot_ns = PERIOD_NS // count
    array = np.zeros((length, count), dtype=BAR)
    for number in range(count):
        rows_of = array[:, number]
        rows_of["open_ns"] = bars.ts_ns + number * slot_ns
        rows_of["close_ns"] = bars.ts_ns + (number + 1) * slot_ns
        rows_of["instrument"] = number
        for place, name in enumerate(COLUMNS):
            scale = 1e8 if place == VOLUME else 1e6
            rows_of[name] = np.rint(bars.columns[number, place] * scale)
    return array.reshape(-1)


def frame_of(bars: Bars, number: int) -> pl.DataFrame:
    """Return one instrument's bars as a strategy sees them; the columns are not copied."""
    columns = bars.columns[number]
    return pl.DataFrame(
        {
            "ts": pl.Series(bars.ts_ns).cast(pl.Datetime("ns", "UTC")),
            **{name: columns[place] for place, name in enumerate(COLUMNS)},
        }
    )


def crossings(
    frames: list[pl.DataFrame], close_ns: NDArray[np.int64]
) -> tuple[Rows, NDArray[np.int64]]:
    """Return the strategy's signals, each just before its own instrument's next bar."""
    strategy = load_strategy(STRATEGY, {"exit_on_cross": "false"})
    count = len(frames)
    places = np.arange(close_ns.shape[0], dtype=np.int64) * count + count - 1
    parts = [
        to_rows(
            strategy.signals(frame),
            instrument=number,
            strategy=0,
            price_digits=6,
            position=places + number,
            close_ns=close_ns,
        )
        for number, frame in enumerate(frames)
    ]
    if count == 1:
        return parts[0]
    order = np.argsort(np.concatenate([place for _, place in parts]), kind="stable")
    signals = np.concatenate([table for table, _ in parts])[order]
    return signals, np.concatenate([place for _, place in parts])[order]


def every_bar(rules: Rules, close_ns: NDArray[np.int64]) -> tuple[Rows, NDArray[np.int64]]:
    """Return an entry signal on every bar, for looking at growth with the number of orders."""
    places = np.arange(rules.slow, close_ns.shape[0], dtype=np.int64)
    signals = rows(len(places))
    signals["kind"] = Kind.SIGNAL
    signals["side"] = BUY
    signals["instrument"] = 0
    signals["strategy"] = 0
    signals["ts_ns"] = close_ns[places]
    signals["src_ts_ns"] = signals["ts_ns"]
    return signals, places


def loop_of(bars: Bars, rules: Rules) -> Run:
    """Return the workload: signals and loop, timed together."""
    count = bars.columns.shape[0]
    instruments = instruments_of(count)
    policy = policy_of(rules, instruments)
    world = new_world(policy)
    tape_bars = bars_array(bars)
    close_ns = bars.ts_ns + PERIOD_NS
    facts = boundaries(instruments, int(bars.ts_ns[0]), int(close_ns[-1]), account_time_zone="UTC")
    frames = [frame_of(bars, number) for number in range(count)]
    dense = every_bar(rules, close_ns) if rules.every_bar else None

    def once() -> Outcome:
        begin = time.perf_counter()
        signals, places = crossings(frames, close_ns) if dense is None else dense
        recording = run(
            policy,
            world,
            Tape(bars=tape_bars, facts=facts, signals=signals, places=places),
            cash_units=round(rules.cash) * UNITS,
            tier=SMALL,
            operator=False,
        )
        seconds = time.perf_counter() - begin
        account = recording.state["account"][0]
        return Outcome(
            seconds=seconds,
            trades=int(account["trades"]),
            equity_end=float(account["equity_units"]) / UNITS,
        )

    return once


def gate_of(rules: Rules, count: int) -> Run:
    """Return the gate's figure: signals that are sized and judged by every rule, then refused."""
    instruments = instruments_of(1)
    policy = policy_of(rules, instruments)
    policy["strategies"]["enabled"] = 0
    events = rows(ATTEMPTS)
    events["kind"] = Kind.SIGNAL
    events["instrument"] = 0
    events["strategy"] = 0
    events["side"] = BUY
    events["seq"] = np.arange(1, ATTEMPTS + 1)
    events["ts_ns"] = np.arange(1, ATTEMPTS + 1) * PERIOD_NS
    out = new_out()

    def once() -> Outcome:
        seconds = 0.0
        refused = 0
        while refused < count:
            state = new_state(round(rules.cash) * UNITS)
            inst = state["instruments"][0]
            inst["mark"][0] = 40_000_000_000
            inst["atr"][0] = inst["atr_baseline"][0] = 100_000_000.0
            inst["atr_count"][0] = 100
            begin = time.perf_counter()
            replay(policy, state, events, out)
            seconds += time.perf_counter() - begin
            refused += int(state["account"]["refusals"][0])
        return Outcome(seconds=seconds, trades=refused, equity_end=0.0)

    return once


def step_of(bars: Bars, rules: Rules) -> Run:
    """Return the figure of one ``step`` called from Python: bars, one call each."""
    policy = policy_of(rules, instruments_of(1))
    tape_bars = bars_array(bars)
    events = rows(len(tape_bars))
    events["kind"] = Kind.BAR
    events["seq"] = np.arange(1, len(events) + 1)
    events["ts_ns"] = events["src_ts_ns"] = tape_bars["close_ns"]
    for name in ("instrument", *COLUMNS):
        events[name] = tape_bars[name]
    out = new_out()

    def once() -> Outcome:
        state = new_state(round(rules.cash) * UNITS)
        begin = time.perf_counter()
        for index in range(len(events)):
            step(policy, state, events, index, out)
        seconds = time.perf_counter() - begin
        return Outcome(seconds=seconds, trades=int(state["account"]["bars"][0]), equity_end=0.0)

    return once


def few(bars: Bars) -> Bars:
    """Return the first bars, to load the machine code with."""
    return Bars(ts_ns=bars.ts_ns[:WARM_BARS], columns=bars.columns[:, :, :WARM_BARS].copy())


def prepare(bars: Bars, request: Request) -> Run:
    """Return what the command line asks for, with the machine code loaded."""
    loop_of(few(bars), request.rules)()
    if request.variant == "load":
        kept = float(bars.columns[0, CLOSE, -1])
        return lambda: Outcome(seconds=0.0, trades=0, equity_end=kept * 0.0)
    if request.variant == "gate":
        return gate_of(request.rules, request.bars)
    if request.variant == "step":
        return step_of(bars, request.rules)
    return loop_of(bars, request.rules)


if __name__ == "__main__":
    serve(version=interlock.__version__, prepare=prepare)
