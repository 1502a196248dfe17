"""A latch in a folder, a kill, and other processes that use it, for the tests of the latch."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from interlock.config.latch import Latch, Mode, killed
from interlock.config.latch_file import LatchFile

HOLDER = Path(__file__).with_name("latch_holder.py")


def latch_in(folder: Path) -> LatchFile:
    """Return the latch file of a home."""
    return LatchFile(path=folder / "latch.json", stopwatch_ns=time.perf_counter_ns)


def a_kill(mode: Mode = "immediate", reason: str = "a drill") -> Latch:
    """Return the latch of a kill."""
    return killed(mode=mode, reason=reason, who="risk", ts_ns=5)


@contextmanager
def holder(latch: LatchFile, how: str = "hold") -> Iterator[subprocess.Popen[str]]:
    """Start another process that uses the latch, and end it."""
    process = subprocess.Popen(
        [sys.executable, str(HOLDER), str(latch.path), how],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "NUMBA_DISABLE_JIT": "1"},
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def said(process: subprocess.Popen[str]) -> str:
    """Return the next line that a process says."""
    assert process.stdout is not None
    return process.stdout.readline().strip()


def let_go(process: subprocess.Popen[str]) -> None:
    """Tell a process that holds the latch to let go."""
    assert process.stdin is not None
    process.stdin.write("\n")
    process.stdin.flush()
