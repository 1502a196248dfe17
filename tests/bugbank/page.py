"""The page that lists the bank: every bug, and what found it when the page was written."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from tests.bugbank.bugs import Bug
from tests.bugbank.trial import CRASH, Trial

PAGE: Final = Path(__file__).parents[2] / "docs" / "bug-bank.md"
_HEAD: Final = """\
<!-- Made by `python -m tests.bugbank --write`; edit tests/bugbank/bugs instead. -->
# Bug bank

Bugs that others had, each planted into this code as a few changed lines (`tests/bugbank/bugs`).
The fault simulator runs from its first seed until something does not hold. One that {seeds_max}
seeds do not find fails the build, and so does one whose lines do not fit the code any more. The
code as it is passes the same seeds.

*Found by* is the invariant that did not hold, by its number in [safety.md](safety.md); *assertion*
means that the code itself came to a stop. *Seeds* is how many it took.

| Bug | Seen in | Found by | Seeds |
| --- | --- | --- | ---: |
"""


def row_of(bug: Bug, trial: Trial) -> str:
    """Return a bug's row."""
    by = "assertion" if trial.invariant == CRASH else str(trial.invariant)
    return f"| {bug.title} | {bug.source} | {by} | {trial.seeds} |\n"


def page_of(bugs: Sequence[Bug], trials: Sequence[Trial], seeds_max: int) -> str:
    """Return the page; there is a trial for every bug, in the same order."""
    rows = [row_of(bug, trial) for bug, trial in zip(bugs, trials, strict=True)]
    return _HEAD.format(seeds_max=seeds_max) + "".join(rows)
