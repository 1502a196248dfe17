"""Runs workers side by side and takes turns between them, one warm round each.

The machine that measures is shared and slow at times. A ratio of two rounds that ran next to each
other survives that; a ratio of two medians taken minutes apart does not.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Final

from benchmarks.folders import ROOT
from benchmarks.text import last_words

ANSWER_SECONDS_MAX: Final = 900
OURS: Final = "interlock"
REFERENCE: Final = "bare loop"
Say = Callable[[str], None]


class WorkerFailedError(Exception):
    """A worker said nothing more; the text is its last words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One worker to run: which program, on which bars, by which rules.

    Attributes:
        name: Of the row in the table.
        module: Of the worker, run as a program by ``python``.
        bars: Per instrument.
    """

    name: str
    module: str
    path: Path
    bars: int
    instruments: int = 1
    rules: str = "plain"
    variant: str = ""
    python: Path = Path(sys.executable)

    @property
    def command(self) -> list[str]:
        """Return the command line of the worker."""
        options = ["--bars", str(self.bars), "--rules", self.rules, "--variant", self.variant]
        return [str(self.python), "-m", self.module, str(self.path), *options]


@dataclass(slots=True, kw_only=True)
class Series:
    """What a worker measured.

    Attributes:
        ready_s: From the start of the process to the end of its first run.
        first_s: The first run alone; it may compile.
        seconds: Of each warm round: the median of that round's runs.
    """

    job: Job
    version: str
    ready_s: float
    first_s: float
    trades: int
    equity_end: float
    peak_rss_mib: float
    seconds: list[float] = field(default_factory=list)

    @property
    def median_s(self) -> float:
        """Return the median of the warm rounds."""
        return statistics.median(self.seconds)

    @property
    def bars_per_s(self) -> float:
        """Return bars per second, counting each instrument's."""
        return self.job.bars * self.job.instruments / self.median_s

    @property
    def ns_per_bar(self) -> float:
        """Return the time of one bar of one instrument."""
        return 1e9 / self.bars_per_s


class Worker:
    """A running worker process: one line in, one line out."""

    def __init__(self, job: Job) -> None:
        self.job = job
        self.words: IO[str] = tempfile.TemporaryFile("w+")  # noqa: SIM115 - closed by close
        environment = {name: os.environ[name] for name in os.environ if name != "PYTHONPATH"}
        self.begin = time.perf_counter()
        self.process = subprocess.Popen(
            job.command,
            cwd=ROOT,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.words,
            text=True,
        )

    def first(self) -> Series:
        """Wait for the first run."""
        facts = self._answer()
        return Series(
            job=self.job,
            version=str(facts["version"]),
            ready_s=time.perf_counter() - self.begin,
            first_s=float(facts["first_s"]),
            trades=int(facts["trades"]),
            equity_end=float(facts["equity_end"]),
            peak_rss_mib=float(facts["peak_rss_mib"]),
        )

    def round(self, series: Series) -> None:
        """Run one warm round and add it."""
        assert self.process.stdin is not None
        try:
            self.process.stdin.write("round\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            raise WorkerFailedError(self._last_words()) from None
        facts = self._answer()
        series.seconds.append(float(facts["seconds"]))
        series.trades = int(facts["trades"])
        series.peak_rss_mib = float(facts["peak_rss_mib"])

    def close(self) -> None:
        """End the process."""
        self.process.kill()
        self.process.communicate()
        self.words.close()

    def _answer(self) -> dict[str, float | str]:
        """Read lines until one is JSON: a peer may greet on standard output."""
        assert self.process.stdout is not None
        limit = threading.Timer(ANSWER_SECONDS_MAX, self.process.kill)
        limit.start()
        try:
            for line in self.process.stdout:
                if line.startswith("{"):
                    answer: dict[str, float | str] = json.loads(line)
                    return answer
        finally:
            limit.cancel()
        raise WorkerFailedError(self._last_words())

    def _last_words(self) -> str:
        code = self.process.wait()
        self.words.seek(0)
        return last_words(self.words.read()) or f"exit code {code}"


def interleave(
    jobs: Sequence[Job], rounds: int, say: Say
) -> tuple[dict[str, Series], dict[str, str]]:
    """Start every job, then let each run one warm round in turn, ``rounds`` times.

    Returns:
        What was measured and why the others were not, both by the job's name.
    """
    measured: dict[str, Series] = {}
    failed: dict[str, str] = {}
    workers: dict[str, Worker] = {}
    with ExitStack() as stack:
        for job in jobs:
            say(f"{job.name}: first run, {job.instruments} x {job.bars:,} bars")
            try:
                workers[job.name] = worker = Worker(job)
                stack.callback(worker.close)
                measured[job.name] = worker.first()
            except (OSError, WorkerFailedError) as e:
                failed[job.name] = str(e)
        for number in range(rounds):
            say(f"round {number + 1} of {rounds}")
            for name, series in list(measured.items()):
                try:
                    workers[name].round(series)
                except WorkerFailedError as e:
                    failed[name] = str(e)
                    del measured[name]
    return measured, failed
