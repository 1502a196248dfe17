"""What the verb ``simulate`` does with its options."""

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import typer

from interlock.research.simulator import faults as names
from interlock.research.simulator import points
from interlock.research.simulator.invariants import all_checks
from interlock.research.simulator.run import STEPS, Result, run_seed
from interlock.research.simulator.seeds import Kept, keep
from interlock.research.simulator.shrink import shrink
from interlock.research.simulator.swarm import Swarm, run_swarm
from interlock.research.simulator.totals import Totals, read_state

FAILED: Final = 1
_WIDTH: Final = 24


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """The options, as they were given."""

    seed: int
    steps: int | None
    swarm: int | None
    faults: str | None
    jobs: int
    events: int
    resume: Path | None
    keep: Path | None
    shrink: bool
    as_json: bool


def show_list() -> None:
    """Print every fault and every crash point, with what it is."""
    for title, sentences in (("faults", names.SENTENCES), ("crash points", points.SENTENCES)):
        typer.echo(f"{title} ({len(sentences)})")
        for name, sentence in sentences.items():
            typer.echo(f"  {name:<{_WIDTH}}{sentence}")


def simulate(asked: Asked) -> int:
    """Run one seed or many; return the exit code."""
    exist = None if asked.faults is None else names.read_faults(asked.faults)
    steps = STEPS if asked.steps is None else asked.steps
    if asked.swarm is None:
        return _one(asked, steps, exist)
    return _many(asked, steps, exist)


def _one(asked: Asked, steps: int, exist: frozenset[str] | None) -> int:
    result = run_seed(asked.seed, steps=steps, faults=exist, checks=all_checks)
    totals = Totals()
    totals.add(result, 0.0)
    if asked.as_json:
        typer.echo(json.dumps({"digest": result.digest, **totals.as_json()}))
    else:
        typer.echo(f"{'digest':<14}{result.digest}")
        for line in totals.lines():
            typer.echo(line)
    if result.violation is None:
        return 0
    _explain(result)
    if asked.shrink:
        _shrink(result, exist, asked)
    return FAILED


def _explain(result: Result) -> None:
    """Say on stderr what a seed showed."""
    violation = result.violation
    assert violation is not None
    typer.echo(str(violation), err=True)
    for name, value in violation.facts.items():
        typer.echo(f"  {name}: {value}", err=True)
    typer.echo(f"Again: {result.command}", err=True)


def _shrink(result: Result, exist: frozenset[str] | None, asked: Asked) -> None:
    """Look for the smallest case, say it, and keep it."""
    found = shrink(result, exist, all_checks, lambda _: None)
    typer.echo(f"Smallest of {found.runs} runs: {found.result.command}", err=True)
    if asked.keep is not None:
        best = found.result
        why = str(best.violation).splitlines()[0]
        keep(asked.keep, Kept(seed=best.seed, steps=best.steps, faults=found.faults, why=why))


def _many(asked: Asked, steps: int, exist: frozenset[str] | None) -> int:
    assert asked.swarm is not None
    first, totals = asked.seed, Totals()
    if asked.resume is not None and asked.resume.exists():
        first, totals = read_state(asked.resume)
    end = asked.seed + asked.swarm
    shows = sys.stderr.isatty() and not asked.as_json

    def tell(sums: Totals) -> None:
        if shows:
            said = f"{sums.seeds:,} seeds, {sums.total:,} events, {len(sums.violations)} violations"
            typer.echo(f"\r{said}\x1b[K", err=True, nl=False)

    def failed(result: Result) -> None:
        if shows:
            typer.echo("\r\x1b[K", err=True, nl=False)
        _explain(result)
        if asked.shrink:
            _shrink(result, exist, asked)

    swarm = Swarm(
        first=first,
        seeds=max(end - first, 0),
        steps=steps,
        faults=exist,
        jobs=asked.jobs,
        events=asked.events,
        state=asked.resume,
    )
    try:
        run_swarm(swarm, totals, all_checks, tell=tell, failed=failed)
    except KeyboardInterrupt:
        _show(totals, asked)
        again = "" if asked.resume is None else f" Next: the same line goes on ({asked.resume})."
        raise KeyboardInterrupt(f"{totals.seeds:,} seeds were run.{again}") from None
    _show(totals, asked)
    return FAILED if totals.violations or totals.rare else 0


def _show(totals: Totals, asked: Asked) -> None:
    if asked.as_json:
        typer.echo(json.dumps(totals.as_json()))
        return
    for line in totals.lines():
        typer.echo(line)
