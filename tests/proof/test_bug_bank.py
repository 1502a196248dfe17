"""The simulator finds every bug of the bank: what it would miss, it does not prove to be absent."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

import pytest

from tests.bugbank.bugs import Bug, all_bugs
from tests.bugbank.pool import SEEDS_MAX, Worker, question_of

BUGS: Final = all_bugs()


@pytest.fixture(scope="module")
def worker() -> Iterator[Worker]:
    """Return what tries bugs, each in a process of its own."""
    found = Worker()
    yield found
    found.close()


@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: bug.name)
def test_the_simulator_finds_a_bug_that_others_had(bug: Bug, worker: Worker) -> None:
    trial = worker.ask(question_of(bug))

    assert trial.problem == ""
    assert trial.found, f"{SEEDS_MAX} seeds did not find: {bug.title}"
    control = worker.ask(
        replace(question_of(bug), is_control=True, first=trial.seeds, count=1),
    )
    assert not control.found, f"seed {trial.seeds} fails without the bug too: {control.sentence}"
