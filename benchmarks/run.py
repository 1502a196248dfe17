"""Prints every figure of speed and memory against its bar.

    make bench                      # all of it, some minutes
    make bench ARGS=--short         # without 10 M bars, and without compiling from nothing
    make bench ARGS=--engine        # the running engine alone: journal, recovery, memory
    make bench ARGS="--engine --hour"  # its memory over an hour
    make bench ARGS=--json          # JSON alone on standard output

It ends with 0 even when a figure falls short, because two machines differ by more than most
changes do. It ends with 1 when a figure is void: then something other than speed is wrong.
"""

import argparse
import json
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks import commands, engine_latency, engine_throughput, machine, measure
from benchmarks.engine_throughput import HOUR_S, MARKET, MEMORY_S, ORDERS
from benchmarks.figures import Figure, NotMeasuredError, Verdict, show
from benchmarks.folders import ROOT, BarsMissingError
from benchmarks.workloads import LARGE, SHARED_CASH

ROUNDS: Final = 7
FLAT: Final = 1.1  # two rounds on a quiet machine differ by as much
BARS_MAX: Final = 10_000_000
BARS_MAX_SHORT: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class Task:
    """A figure to measure, and how."""

    blank: Figure
    measure: Callable[[Figure], Figure]
    in_short: bool = True

    def done(self) -> Figure:
        """Measure it, or say why not."""
        say(f"== {self.blank.name}")
        try:
            return self.measure(self.blank)
        except (NotMeasuredError, BarsMissingError) as e:
            return replace(self.blank, how=str(e))


def say(words: str) -> None:
    """Tell progress where it does not disturb the result."""
    print(words, file=sys.stderr, flush=True)


def loop_tasks(rounds: int, bars_max: int) -> list[Task]:
    """Return what is measured in loops on the shared bars."""
    return [
        Task(
            Figure(name=LARGE.title, unit="bars/s", bar=20e6, more_is_better=True),
            lambda blank: measure.speed(blank, LARGE, rounds, say),
        ),
        Task(
            Figure(name=SHARED_CASH.title, unit="bars/s", bar=15e6, more_is_better=True),
            lambda blank: measure.speed(blank, SHARED_CASH, rounds, say),
        ),
        Task(
            Figure(name=f"growth per bar, 100,000 to {bars_max:,} bars", unit="x", bar=FLAT),
            lambda blank: measure.growth_in_bars(blank, bars_max, rounds, say),
        ),
        Task(
            Figure(name="growth per bar, 10 x the past orders", unit="x", bar=FLAT),
            lambda blank: measure.growth_in_orders(blank, rounds, say),
        ),
        Task(
            Figure(name="peak memory beyond the columns", unit="B/bar", bar=150.0),
            lambda blank: measure.memory(blank, LARGE, say),
        ),
        Task(
            Figure(
                name="gated orders in the kernel", unit="orders/s", bar=2e6, more_is_better=True
            ),
            lambda blank: measure.gate(blank, rounds, say),
        ),
        Task(
            Figure(name="one step from Python", unit="us", bar=3.0),
            lambda blank: measure.step(blank, rounds, say),
        ),
    ]


def command_tasks(rounds: int, cache: str) -> list[Task]:
    """Return what is measured as whole commands, with machine code in ``cache``."""
    return [
        Task(
            Figure(name="interlock --help", unit="s", bar=0.5),
            lambda blank: commands.cold_start(blank, rounds),
        ),
        Task(
            Figure(name="first compile, empty cache", unit="s", bar=40.0),
            lambda blank: commands.first_compile(blank, cache),
            in_short=False,
        ),
        Task(
            Figure(name="cached start to first result", unit="s", bar=2.0),
            lambda blank: commands.first_result(blank, rounds, cache),
        ),
    ]


def latency(place: Path) -> list[Figure]:
    """Return the two figures of one measurement."""
    blanks = (
        Figure(name="event to durable intent, median", unit="x the disk", bar=2.0),
        Figure(name="event to durable intent, 99th", unit="x the disk", bar=4.0),
    )
    say(f"== event to durable intent at {engine_latency.EVENTS_PER_S} events/s")
    return engine_latency.figures(blanks, place)


def engine_tasks(place: Path, memory_s: int) -> list[Task]:
    """Return what is measured of the running engine, with its journal in ``place``."""
    return [
        Task(
            Figure(
                name="journal and kernel, market mix",
                unit="events/s",
                bar=50_000,
                more_is_better=True,
            ),
            lambda blank: engine_throughput.sustained(blank, MARKET, place),
        ),
        Task(
            Figure(
                name="journal and kernel, orders alone",
                unit="events/s",
                bar=10_000,
                more_is_better=True,
            ),
            lambda blank: engine_throughput.sustained(blank, ORDERS, place),
        ),
        Task(
            Figure(name="replay of a journal", unit="events/s", bar=1e6, more_is_better=True),
            lambda blank: engine_throughput.replay(blank, place),
        ),
        Task(
            Figure(name="recovery, tail of 100,000 events", unit="s", bar=5.0),
            lambda blank: engine_throughput.recovery(blank, MARKET, place),
        ),
        Task(
            Figure(name="recovery, 100,000 events of orders", unit="s", bar=5.0),
            lambda blank: engine_throughput.recovery(blank, ORDERS, place),
        ),
        Task(
            Figure(name="memory at 1,000 events/s", unit="MiB", bar=400),
            lambda blank: engine_throughput.memory(blank, place, memory_s),
        ),
    ]


def options() -> argparse.Namespace:
    """Return the command line."""
    parser = argparse.ArgumentParser(description="Speed and memory, against their bars.")
    parser.add_argument("--short", action="store_true", help="leave out what takes minutes")
    parser.add_argument("--rounds", type=int, default=ROUNDS, help="warm rounds of each")
    parser.add_argument("--engine", action="store_true", help="the running engine alone")
    parser.add_argument("--hour", action="store_true", help="its memory over an hour")
    parser.add_argument(
        "--place", type=Path, default=ROOT, help="a folder on the disk that journals are kept on"
    )
    parser.add_argument("--json", action="store_true", help="print JSON alone")
    return parser.parse_args()


def main() -> int:
    """Measure everything, and print."""
    given = options()
    machine_before = machine.facts()
    with tempfile.TemporaryDirectory(prefix="interlock-bench-") as folder:
        cache = "" if given.short else folder  # short: whatever is compiled already
        tasks: list[Task] = []
        if not given.engine:
            tasks += loop_tasks(given.rounds, BARS_MAX_SHORT if given.short else BARS_MAX)
            tasks += command_tasks(given.rounds, cache)
        tasks += engine_tasks(given.place, HOUR_S if given.hour else MEMORY_S)
        figures = latency(given.place)
        figures += [task.done() for task in tasks if task.in_short or not given.short]
    if given.json:
        found = {"machine": machine_before, "figures": [figure.facts() for figure in figures]}
        print(json.dumps(found, indent=2))
    else:
        print(f"{machine.line(machine_before)}; medians of {given.rounds} warm rounds\n")
        print(show(figures))
    return int(any(figure.verdict is Verdict.VOID for figure in figures))


if __name__ == "__main__":
    sys.exit(main())
