"""Times whole commands, as somebody at a terminal meets them."""

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Final

from benchmarks.figures import Figure, NotMeasuredError
from benchmarks.text import last_words

INTERLOCK: Final = Path(sys.executable).parent / "interlock"
COMMAND_SECONDS_MAX: Final = 600


def seconds(*arguments: str, environment: Mapping[str, str] | None = None) -> float:
    """Run ``interlock`` once and return how long it took.

    Raises:
        NotMeasuredError: It is not installed, failed, or took too long.
    """
    begin = time.perf_counter()
    try:
        subprocess.run(
            [str(INTERLOCK), *arguments],
            check=True,
            capture_output=True,
            text=True,
            env={**os.environ, **(environment or {})},
            timeout=COMMAND_SECONDS_MAX,
        )
    except subprocess.CalledProcessError as e:
        why = last_words(e.stderr) or last_words(e.stdout) or f"exit code {e.returncode}"
        raise NotMeasuredError(why) from e
    except (OSError, subprocess.TimeoutExpired) as e:
        raise NotMeasuredError(str(e)) from e
    return time.perf_counter() - begin


def cold_start(blank: Figure, rounds: int) -> Figure:
    """Measure ``interlock --help``; the first run is left out, it waits for the disk."""
    taken = [seconds("--help") for _ in range(rounds + 1)][1:]
    return replace(
        blank,
        measured=statistics.median(taken),
        how=f"slowest of {rounds}: {max(taken):.2f} s",
    )


def compiling(cache: str) -> dict[str, str]:
    """Return the environment in which machine code is kept in ``cache``."""
    return {"NUMBA_CACHE_DIR": cache} if cache else {}


def first_compile(blank: Figure, cache: str) -> Figure:
    """Measure ``interlock warm`` with an empty cache folder."""
    taken = seconds("warm", environment=compiling(cache))
    return replace(blank, measured=taken, how="interlock warm; 20 to 40 s are expected")


def first_result(blank: Figure, rounds: int, cache: str) -> Figure:
    """Measure a backtest of the sample bars, report included, with compiled code from a cache."""
    with tempfile.TemporaryDirectory(prefix="interlock-bench-") as out:
        arguments = ("backtest", "sample:GOOG", "--out", out, "--json")
        taken = [seconds(*arguments, environment=compiling(cache)) for _ in range(rounds)]
    return replace(
        blank,
        measured=statistics.median(taken),
        how=f"interlock backtest sample:GOOG with its report; first of {rounds}: {taken[0]:.2f} s",
    )
