"""Runs what users would pick instead on the same bars beside us, and prints the ratios.

    .venv/bin/python benchmarks/peers.py            # 100 k and 1 M bars, and 20 x 100 k
    .venv/bin/python benchmarks/peers.py --full     # nautilus_trader on 1 M bars, too

Every peer gets an environment of its own, made at the first use under the user's cache folder. A
peer that cannot be installed (no network) is named and left out. The rounds of all peers, of the
bare loop and of Interlock are interleaved, and every ratio is taken round by round.
"""

import argparse
import json
import statistics
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Final

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks import machine
from benchmarks.conductor import OURS, REFERENCE, Job, Series, interleave
from benchmarks.environments import EnvironmentMissingError, peer_python
from benchmarks.folders import BarsMissingError
from benchmarks.text import short, table
from benchmarks.workloads import LARGE, SHARED_CASH, SMALL, Workload, trades_agree

ROUNDS: Final = 5
SLOWER: Final = ("slower than us", "than the loop")
HEADER: Final = ("", "version", "bars/s", "trades", "peak MiB", "start s", *SLOWER)


@dataclass(frozen=True, slots=True, kw_only=True)
class Peer:
    """Somebody else's program.

    Attributes:
        environment: Its lock file and its worker are named after it.
        bars_max: The most bars it runs unless all is asked for.
        differs: What it does not express of the workload; said under the table.
    """

    name: str
    environment: str
    differs: str
    variant: str = ""
    bars_max: int = LARGE.bars
    shares_cash: bool = False

    def job(self, workload: Workload, python: Path) -> Job:
        """Return its job, in its environment."""
        module = f"benchmarks.workers.{self.environment}_worker"
        return replace(workload.job(self.name, module, self.variant), python=python)


PEERS: Final = (
    Peer(
        name="vectorbt",
        environment="vectorbt",
        variant="exact",
        differs="time exit by a function called per bar; no stop on the bar of the entry",
    ),
    Peer(
        name="vectorbt, shifted",
        environment="vectorbt",
        variant="shifted",
        shares_cash=True,
        differs="exits are the entries 48 bars later and may hit a later position; 20 % is of the "
        "cash, not of the equity, which with shared cash makes more and smaller trades",
    ),
    Peer(
        name="backtesting.py",
        environment="backtesting",
        differs="spread for slippage; stop and target from the signal's close; its statistics are "
        "part of the run; one instrument only",
    ),
    Peer(
        name="nautilus_trader",
        environment="nautilus",
        bars_max=SMALL.bars,
        differs="slippage is one tick; margin account; stop and target from the signal's close",
    ),
)
ENVIRONMENTS: Final = sorted({peer.environment for peer in PEERS})


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """One workload, run by everybody who could."""

    workload: Workload
    measured: dict[str, Series]
    failed: dict[str, str]


def say(words: str) -> None:
    """Tell progress where it does not disturb the result."""
    print(words, file=sys.stderr, flush=True)


def environments(names: Sequence[str]) -> tuple[dict[str, Path], dict[str, str]]:
    """Return the interpreters of these environments, and why the others are not there."""
    pythons, missing = {}, {}
    for name in names:
        say(f"{name}: looking for its environment, or making it (once; a minute or two)")
        try:
            pythons[name] = peer_python(name)
        except EnvironmentMissingError as e:
            missing[name] = str(e)
    return pythons, missing


def compare(workload: Workload, rounds: int, pythons: dict[str, Path], *, full: bool) -> Comparison:
    """Run one workload with everybody who is there and can."""
    jobs = [workload.ours(), workload.reference()]
    for peer in PEERS:
        able = workload.instruments == 1 or peer.shares_cash
        quick = full or workload.bars <= peer.bars_max
        if able and quick and peer.environment in pythons:
            jobs.append(peer.job(workload, pythons[peer.environment]))
    measured, failed = interleave(jobs, rounds, say)
    return Comparison(workload=workload, measured=measured, failed=failed)


def times(one: Series, other: Series | None) -> float | None:
    """Return how often ``other`` does the work while ``one`` does it once, round by round."""
    if other is None:
        return None
    return statistics.median(
        mine / theirs for mine, theirs in zip(one.seconds, other.seconds, strict=True)
    )


def facts(comparison: Comparison) -> dict[str, object]:
    """Return a comparison as JSON has it."""
    workload, measured = comparison.workload, comparison.measured
    rows = []
    for name, series in measured.items():
        reference = measured.get(REFERENCE)
        rows.append(
            {
                "peer": name,
                "version": series.version,
                "bars_per_s": series.bars_per_s,
                "rounds_s": series.seconds,
                "first_run_s": series.first_s,
                "ready_s": series.ready_s,
                "trades": series.trades,
                "trades_agree": reference is not None and trades_agree(series, reference),
                "equity_end": series.equity_end,
                "peak_rss_mib": series.peak_rss_mib,
                "times_slower_than_ours": times(series, measured.get(OURS)),
                "times_slower_than_bare_loop": times(series, reference),
            }
        )
    return {"workload": asdict(workload), "rows": rows, "failed": comparison.failed}


def show(comparison: Comparison) -> str:
    """Return a comparison as people read it."""
    measured = comparison.measured
    reference = measured.get(REFERENCE)
    rows = []
    for name, series in sorted(measured.items(), key=lambda item: -item[1].bars_per_s):
        ours, loop = times(series, measured.get(OURS)), times(series, reference)
        agree = reference is not None and trades_agree(series, reference)
        rows.append(
            (
                name,
                series.version,
                short(series.bars_per_s),
                f"{series.trades:,}{'' if agree else ' !'}",
                f"{series.peak_rss_mib:.0f}",
                short(series.ready_s),
                f"{short(ours)} x" if ours else "-",
                f"{short(loop)} x" if loop else "-",
            )
        )
    lines = ["", f"{comparison.workload.title}, median of the rounds", ""]
    lines.append(table(HEADER, rows, align="<<>>>>>>"))
    lines += [f"{name} failed: {why}" for name, why in comparison.failed.items()]
    if reference is not None and not comparison.workload.reference_is_right(reference):
        lines.append(
            f"VOID: the bare loop must find {comparison.workload.trades:,} trades, "
            f"was {reference.trades:,}"
        )
    return "\n".join(lines)


def options() -> argparse.Namespace:
    """Return the command line."""
    parser = argparse.ArgumentParser(description="Interlock beside its peers, on the same bars.")
    parser.add_argument("--full", action="store_true", help="every peer on every workload")
    parser.add_argument("--rounds", type=int, default=ROUNDS, help="warm rounds of each")
    parser.add_argument("--json", action="store_true", help="print JSON alone")
    parser.add_argument(
        "--only",
        action="append",
        default=[],
        choices=ENVIRONMENTS,
        help="this peer; may be repeated",
    )
    return parser.parse_args()


def main() -> int:
    """Compare, and print."""
    given = options()
    pythons, missing = environments(given.only or ENVIRONMENTS)
    try:
        comparisons = [
            compare(workload, given.rounds, pythons, full=given.full)
            for workload in (SMALL, LARGE, SHARED_CASH)
        ]
    except BarsMissingError as e:
        say(str(e))
        return 1
    if given.json:
        workloads = [facts(one) for one in comparisons]
        found = {"machine": machine.facts(), "missing": missing, "workloads": workloads}
        print(json.dumps(found, indent=2))
        return 0
    print(machine.line(machine.facts()))
    for comparison in comparisons:
        print(show(comparison))
    for name, why in missing.items():
        print(f"\n{name} is not here: {why}")
    print("\nWhat a peer does otherwise (! marks trades more than 1 % off the bare loop's):")
    ran = {name for comparison in comparisons for name in comparison.measured}
    for peer in PEERS:
        if peer.name in ran:
            print(f"  {peer.name}: {peer.differs}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
