"""Many trials beside each other, each in a process of its own."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Final

from tests.bugbank.bugs import BUGS, Bug
from tests.bugbank.trial import Trial

SEEDS_MAX: Final = 500  # a bug that so many do not find fails the bank
PLAIN: Final = "NUMBA_DISABLE_JIT"
ROOT: Final = Path(__file__).parents[2]

_Process = subprocess.Popen[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What is to be tried.

    Attributes:
        name: Of the bug.
        is_control: Whether the bug itself stays out: the code as it is, in the bug's world.
        is_plain: Whether the kernel runs as plain Python.
        first: Seed.
        count: Of seeds, at most.
    """

    name: str
    is_plain: bool
    is_control: bool = False
    first: int = 1
    count: int = SEEDS_MAX


@dataclass(slots=True, eq=False)
class Worker:
    """Asks one question at a time; a process for the plain ones and one for the others."""

    folder: Path = BUGS
    _processes: dict[bool, _Process] = field(default_factory=dict)

    def ask(self, question: Question) -> Trial:
        """Return what came of a question."""
        process = self._processes.get(question.is_plain)
        if process is None:
            process = _started(self.folder, is_plain=question.is_plain)
            self._processes[question.is_plain] = process
        assert process.stdin is not None
        assert process.stdout is not None
        asked = asdict(question)
        print(json.dumps(asked), file=process.stdin, flush=True)
        return Trial(**json.loads(process.stdout.readline()))

    def close(self) -> None:
        """End the processes."""
        for process in self._processes.values():
            process.communicate()


def _started(folder: Path, *, is_plain: bool) -> _Process:
    # Not "0": whatever is set for the compiler is a part of the name of its cache.
    environment = {name: value for name, value in os.environ.items() if name != PLAIN}
    if is_plain:
        environment[PLAIN] = "1"
    return subprocess.Popen(
        [sys.executable, "-m", "tests.bugbank.trial", str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env=environment,
    )


def question_of(bug: Bug, count: int = SEEDS_MAX) -> Question:
    """Return what is asked about a bug."""
    return Question(name=bug.name, is_plain=bug.is_plain, count=count)


def run_all(
    questions: Iterable[Question],
    jobs: int,
    tell: Callable[[Trial], None] = lambda _: None,
    folder: Path = BUGS,
) -> list[Trial]:
    """Return what came of every question, in the order they were asked.

    Args:
        questions: Asked one after the other by whoever is free.
        jobs: How many at once.
        tell: Told of each as it is answered, in any order and any thread.
        folder: Of the bugs.
    """
    workers = [Worker(folder) for _ in range(jobs)]
    free = list(workers)

    def answer(question: Question) -> Trial:
        worker = free.pop()
        try:
            trial = worker.ask(question)
        finally:
            free.append(worker)
        tell(trial)
        return trial

    try:
        with ThreadPoolExecutor(max_workers=jobs) as executor:
            return list(executor.map(answer, questions))
    finally:
        for worker in workers:
            worker.close()
