"""Run the bank: ``python -m tests.bugbank [name ...]``; ``--write`` makes its page anew."""

import argparse
import os
import sys
import time
from pathlib import Path

from tests.bugbank.bugs import BUGS, all_bugs
from tests.bugbank.page import PAGE, page_of
from tests.bugbank.pool import SEEDS_MAX, question_of, run_all
from tests.bugbank.trial import Trial


def _tell(trial: Trial) -> None:
    came = f"invariant {trial.invariant}, {trial.seeds} seeds" if trial.found else "NOT FOUND"
    why = trial.problem or trial.sentence
    sys.stdout.write(f"{trial.name:<44} {came}, {trial.seconds:.1f} s: {why[:110]}\n")
    sys.stdout.flush()


def main() -> int:
    """Run what is asked for; 1 when something is not found."""
    parser = argparse.ArgumentParser(prog="python -m tests.bugbank", description=__doc__)
    parser.add_argument("names", nargs="*", help="of bugs; all of them without any")
    parser.add_argument("--seeds", type=int, default=SEEDS_MAX, help="at most, of each")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--folder", type=Path, default=BUGS, help="of the bugs")
    parser.add_argument("--write", action="store_true", help=f"write {PAGE.name}")
    asked = parser.parse_args()
    bugs = [bug for bug in all_bugs(asked.folder) if not asked.names or bug.name in asked.names]
    begun = time.perf_counter()
    trials = run_all(
        [question_of(bug, asked.seeds) for bug in bugs], asked.jobs, _tell, asked.folder
    )
    missed = sum(not trial.found for trial in trials)
    seconds = time.perf_counter() - begun
    sys.stdout.write(f"{len(bugs) - missed} of {len(bugs)} bugs found in {seconds:.0f} s.\n")
    if asked.write and not asked.names and not missed:
        PAGE.write_text(page_of(bugs, trials, SEEDS_MAX))
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
