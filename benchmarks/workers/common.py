"""What every worker shares: the workload's numbers, the bars, and how a worker is spoken to.

A worker runs one peer in that peer's own environment. It loads the bars, runs once (the *first*
run, which may compile), and prints one JSON line. Then it waits: for every line on its standard
input it runs one round more, warm, and prints one JSON line. That lets the conductor interleave the
rounds of several workers, so that a slow minute of the machine is a slow minute for all of them.

This file may import only the standard library and numpy, which every peer's environment has.
"""

import argparse
import json
import resource
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

Floats: TypeAlias = NDArray[np.float64]
Bools: TypeAlias = NDArray[np.bool_]

OPEN, HIGH, LOW, CLOSE, VOLUME = range(5)
COLUMNS: Final = ("open", "high", "low", "close", "volume")
PERIOD_NS: Final = 300_000_000_000
ROUND_SECONDS: Final = 0.2  # a round repeats short runs, else it measures waking up
START_NS: Final = 946_684_800_000_000_000  # 2000-01-01, the first bar of the shared files


class Rules(NamedTuple):
    """The workload: what is traded, when it is left, and what it costs.

    A named tuple, because numba can read one.

    Attributes:
        every_bar: Enter whenever flat, instead of at a crossing: as many orders as bars allow.
        hold_bars: Leave at the close of this many bars after the entry.
        fee: Of the notional, per fill.
        slippage: Of the price, per fill, against us.
        fraction: Of the equity, per entry.
    """

    fast: int = 12
    slow: int = 26
    atr_periods: int = 14
    stop_atr: float = 1.5
    stop_min: float = 0.01
    stop_max: float = 0.05
    reward: float = 2.0
    hold_bars: int = 48
    fee: float = 4e-4
    slippage: float = 5e-4
    fraction: float = 0.2
    cash: float = 100_000.0
    every_bar: bool = False


# The account of the plain workload bleeds: 95 % are gone after 1 M bars, and everything after
# 10 M. Whoever looks at growth over that many bars needs an account that lives, so there the fee
# is what the strategy earns before costs.
RULES: Final = {
    "plain": Rules(),
    "level": Rules(fee=3.2e-4, slippage=0.0),
    "dense": Rules(fee=0.0, slippage=0.0, every_bar=True, hold_bars=1),
}


class Bars(NamedTuple):
    """Bars of one or more instruments that share their times.

    Attributes:
        ts_ns: Shape (n,), the opens' times, UTC.
        columns: Shape (instruments, 5, n): open, high, low, close, volume.
    """

    ts_ns: NDArray[np.int64]
    columns: Floats


class Outcome(NamedTuple):
    """One run: how long its timed part took, and what came out of it."""

    seconds: float
    trades: int
    equity_end: float


class Request(NamedTuple):
    """What the command line of a worker asks for."""

    path: Path
    bars: int
    rules: Rules
    variant: str


Run: TypeAlias = Callable[[], Outcome]
Prepare: TypeAlias = Callable[[Bars, Request], Run]


def load(path: Path, bars: int) -> Bars:
    """Return the first ``bars`` bars of a stored array, repeated from its start when it ends.

    It reads straight into place, so that loading needs no memory beyond the columns themselves.
    """
    assert bars > 0
    stored = np.lib.format.open_memmap(path, mode="r")
    instruments, fields, rows = stored.shape
    begin = stored.offset
    del stored
    columns = np.empty((instruments, fields, bars))
    with path.open("rb") as file:
        for number in range(instruments * fields):
            column = columns[number // fields, number % fields]
            for start in range(0, bars, rows):
                file.seek(begin + number * rows * columns.itemsize)
                file.readinto(column[start : start + rows].data)
    ts_ns = START_NS + PERIOD_NS * np.arange(bars, dtype=np.int64)
    return Bars(ts_ns=ts_ns, columns=columns)


def peak_rss_mib() -> float:
    """Return the most memory this process ever held, in MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def requested() -> Request:
    """Return the command line."""
    parser = argparse.ArgumentParser(description="One peer, spoken to by benchmarks/peers.py.")
    parser.add_argument("path", type=Path, help="bars, .npy of shape (instruments, 5, n)")
    parser.add_argument("--bars", type=int, required=True, help="bars per instrument")
    parser.add_argument("--rules", choices=sorted(RULES), default="plain")
    parser.add_argument("--variant", default="", help="of this peer; see its worker")
    given = parser.parse_args()
    return Request(
        path=given.path, bars=given.bars, rules=RULES[given.rules], variant=given.variant
    )


def say(**facts: object) -> None:
    """Print one JSON line."""
    sys.stdout.write(json.dumps(facts) + "\n")
    sys.stdout.flush()


def serve(version: str, prepare: Prepare) -> None:
    """Run once, then one round per line of standard input, and report each."""
    request = requested()
    run = prepare(load(path=request.path, bars=request.bars), request)
    begin = time.perf_counter()
    outcome = run()
    first_s = time.perf_counter() - begin
    say(version=version, first_s=first_s, **_facts(outcome))
    for _ in sys.stdin:
        outcomes = [run()]
        while sum(one.seconds for one in outcomes) < ROUND_SECONDS:
            outcomes.append(run())
        seconds = statistics.median(one.seconds for one in outcomes)
        say(**_facts(outcomes[-1]._replace(seconds=seconds)))


def _facts(outcome: Outcome) -> dict[str, float]:
    return {**outcome._asdict(), "peak_rss_mib": peak_rss_mib()}
