"""A process that uses the latch as the last gate does, or as a kill does, and says so.

Usage: latch_holder.py LATCH hold | race | kill. ``hold`` says what the latch says and stays inside
until a line comes; ``race`` goes in and out until the latch is set, marking in a file that it is
inside; ``kill`` says when it begins and how it ended.
"""

import os
import sys
import time
from pathlib import Path

from interlock.config.latch import killed
from interlock.config.latch_file import LatchFile


def hold(latch: LatchFile) -> None:
    """Stay inside until told."""
    with latch.shared() as says:
        print(says.state, flush=True)  # noqa: T201 - the test reads it
        sys.stdin.readline()
        print("leaving", flush=True)  # noqa: T201 - the test reads it


def race(latch: LatchFile, mark: Path) -> None:
    """Go in and out; inside, with a clear latch, there is a mark."""
    print("ready", flush=True)  # noqa: T201 - the test reads it
    sends = 0
    while True:
        with latch.shared(timeout_s=10.0) as says:
            if says.is_set:
                break
            mark.touch()
            sends += 1
            mark.unlink()
    print(f"{sends} {says.state}", flush=True)  # noqa: T201 - the test reads it


def kill(latch: LatchFile) -> None:
    """Kill, waiting as long as it takes."""
    print("asking", flush=True)  # noqa: T201 - the test reads it
    mine = killed(mode="immediate", reason="a drill", who="risk", ts_ns=5)
    print(type(latch.kill(mine, timeout_s=60.0)).__name__, flush=True)  # noqa: T201 - likewise


if __name__ == "__main__":
    path = Path(sys.argv[1])
    mine = LatchFile(path=path, stopwatch_ns=time.perf_counter_ns)
    match sys.argv[2]:
        case "hold":
            hold(mine)
        case "race":
            race(mine, path.with_name(f"inside-{os.getpid()}"))
        case _:
            kill(mine)
