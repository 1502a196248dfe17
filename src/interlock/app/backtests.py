"""Backtests: everything that a verb about stored bars needs, built and joined."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, Protocol

from interlock.config.check import FileReport, check_files
from interlock.config.settings import Settings, read_settings
from interlock.data.errors import InstrumentError
from interlock.data.instruments import load_instruments
from interlock.kernel.policy import LARGE, SMALL
from interlock.research.backtest import Finished, backtest
from interlock.research.explain import explain
from interlock.research.explanation import Explanation
from interlock.research.inputs import (
    Inputs,
    Request,
    instruments_file,
    load_sets,
    prepare,
    read_rules,
)
from interlock.research.results import Results
from interlock.research.saved import (
    REPORT_NAME,
    OutputError,
    Saved,
    check_out,
    folder_name,
    read_run,
    run_json,
    write_results,
)
from interlock.research.summary import results_of
from interlock.research.warming import warm
from interlock.runtime.ids import read_id
from interlock.signals.loading import load_strategy
from interlock.signals.lookahead import LookaheadReport, check_lookahead
from interlock.signals.parameters import read_settings as read_parameters

BACKTESTS: Final = "backtests"


class Screen(Protocol):
    """Whoever shows a person how far it is."""

    def tell(self, what: str) -> None:
        """Show what is being done."""

    def bars(self, done: int, total: int) -> None:
        """Show how many bars are done."""

    def compiling(self, piece: str, done: int, total: int) -> None:
        """Show what is compiled next."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """A backtest that was written.

    Attributes:
        results: What was found.
        folder: Where everything is.
    """

    results: Results
    folder: Path

    @property
    def report(self) -> Path:
        """The report for a browser."""
        return self.folder / REPORT_NAME


def _ready(inputs: Inputs, screen: Screen) -> None:
    """Load the machine code, so that the run is warm: the user's own code too."""
    warm(screen.compiling, inputs.tier)


def run_backtest(
    request: Request,
    screen: Screen,
    *,
    policy: Path | None = None,
    breakers: Path | None = None,
    out: Path | None = None,
) -> Written:
    """Run a backtest and write its folder.

    Args:
        request: What was asked for.
        screen: Who shows how far it is.
        policy: A risk policy; None is the home's own, else the shipped one.
        breakers: Circuit breakers, likewise.
        out: The folder to write; None makes one in the home, named after what was run.

    Raises:
        REFUSALS: Something in the question or in a file; nothing was written.
        KeyboardInterrupt: Somebody wants it to stop; nothing was written.
    """
    start = time.perf_counter()
    if out is not None:
        check_out(out)
    settings = read_settings()
    inputs = prepare(request, read_rules(settings, policy, breakers), settings, screen.tell)
    _ready(inputs, screen)
    screen.bars(0, len(inputs.merged.bars))
    finished = backtest(inputs, screen.bars)
    screen.tell("writing the report")
    results = results_of(finished, time.perf_counter() - start)
    folder = out
    if folder is None:
        folder = settings.make_home() / BACKTESTS / folder_name(results)
    run = run_json(inputs, finished.inputs_sha256, finished.digest)
    assumed_bps = inputs.rules.assumed_cost_bps
    write_results(results, run, folder, assumed_cost_bps=assumed_bps)
    return Written(results=results, folder=folder)


def replay(saved: Saved, settings: Settings, screen: Screen) -> Finished:
    """Run a backtest again from what its folder says, and see that it is the same.

    Raises:
        OutputError: A file of bars, the instruments, the strategy or Interlock itself changed.
    """
    inputs = prepare(saved.request, saved.rules, settings, screen.tell)
    for name, each, sha256 in zip(saved.request.paths, inputs.sets, saved.bars_sha256, strict=True):
        if each.sha256().hex() != sha256:
            raise OutputError(
                f"{name} must be as it was for the backtest in {saved.folder}: SHA-256 of its bars "
                f"must be {sha256[:12]}, was {each.sha256().hex()[:12]}. Next: run the backtest "
                "again."
            )
    _ready(inputs, screen)
    screen.bars(0, len(inputs.merged.bars))
    finished = backtest(inputs, screen.bars)
    if finished.digest != saved.digest:
        changed = "the strategy or Interlock itself"
        if finished.inputs_sha256 != saved.inputs_sha256:
            changed = "the instruments file, the calendar or the blackouts"
        raise OutputError(
            f"the run in {saved.folder} must replay with digest {saved.digest[:12]}, was "
            f"{finished.digest[:12]}: {changed} changed since (it was Interlock {saved.version}). "
            "Next: run the backtest again."
        )
    return finished


def run_explain(folder: Path, name: str, screen: Screen) -> Explanation:
    """Explain one order or signal of a backtest.

    Raises:
        REFUSALS: No such folder, no such id, or the run cannot be replayed.
    """
    asked = read_id(name)
    return explain(replay(read_run(folder), read_settings(), screen), asked)


def run_lookahead(request: Request, screen: Screen) -> tuple[LookaheadReport, ...]:
    """Check a strategy on each file of bars.

    Raises:
        REFUSALS: A file is not sound bars, or the strategy failed.
    """
    settings = read_settings()
    strategy = load_strategy(request.strategy, read_parameters(request.parameters))
    known = load_instruments(instruments_file(settings, request.instruments))
    found = []
    for place, path in enumerate(request.paths):
        symbols = request.symbols[place : place + 1]
        (bars,) = load_sets(replace(request, paths=(path,), symbols=symbols), known, screen.tell)
        screen.tell(f"checking {strategy.name} on {bars.symbol}")
        found.append(check_lookahead(strategy, bars.frame, progress=screen.bars))
    return tuple(found)


def run_policy_check(paths: Sequence[Path]) -> tuple[FileReport, ...]:
    """Return what is to be said about files of policy, breakers and instruments."""
    return tuple(map(_checked_instruments, check_files(paths).files))


def _checked_instruments(report: FileReport) -> FileReport:
    """Return a report; the room that reads instruments checks a file of them."""
    if report.kind != "instruments" or report.problems:
        return report
    try:
        load_instruments(report.path)
    except InstrumentError as error:
        return replace(report, problems=tuple(str(error).splitlines()))
    return report


def run_warm(tell: Callable[[str, int, int], None], *, large: bool = False) -> bool:
    """Compile what has to be compiled; return whether there was anything."""
    compiled = warm(tell, SMALL)
    return warm(tell, LARGE) or compiled if large else compiled
