"""How long from an alert's first byte to its order's bytes at the venue, all the way through.

    .venv/bin/python benchmarks/webhook_to_order.py          # 400 alerts, one after the other
    .venv/bin/python benchmarks/webhook_to_order.py 2000

HTTP in, gateway.db, the engine's door, kernel, journal, last gate, and out at the venue's socket.
Each alert waits until the order of the one before it has come.
"""

import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path
from typing import Final

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import os

import numpy as np

from benchmarks.front_door import HERE, Front, front_in, post

ALERTS: Final = 400
WARM: Final = 50
P50_MS: Final = 10.0
P99_MS: Final = 50.0
NS_PER_MS: Final = 1e6


def measured(front: Front, count: int) -> tuple[list[float], list[float]]:
    """Return how long each alert took to its order's bytes, and to its answer, in ms."""
    arrived: list[float] = []
    answered: list[float] = []
    with closing(front.connection()) as peer:
        for number in range(-WARM, count):
            before = len(front.venue.came_ns)
            begun_ns = time.perf_counter_ns()
            status, said = post(peer, "/webhook", front.alert(number, "alert"), HERE)
            ended_ns = time.perf_counter_ns()
            assert status == 200, said
            while len(front.venue.came_ns) == before:
                time.sleep(0.0001)
            if number >= 0:
                answered.append((ended_ns - begun_ns) / NS_PER_MS)
                arrived.append((front.venue.came_ns[before] - begun_ns) / NS_PER_MS)
    return arrived, answered


def main() -> int:
    """Measure, print, and return 1 when it took longer than it may."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else ALERTS
    load = os.getloadavg()[0]
    folder = tempfile.TemporaryDirectory(prefix="interlock-bench-")
    with folder as name, front_in(Path(name)) as front:
        arrived, answered = measured(front, count)
    print(f"load before {load:.1f}, after {os.getloadavg()[0]:.1f}, {os.cpu_count()} processors")
    for what, found in (("HTTP in to the order's bytes", arrived), ("HTTP in to answer", answered)):
        p50, p99 = np.percentile(found, [50, 99])
        print(f"{what:<30} p50 {p50:.2f} ms  p99 {p99:.2f} ms  of {len(found)}")
    p50, p99 = np.percentile(arrived, [50, 99])
    is_met = p50 <= P50_MS and p99 <= P99_MS
    print(f"{'met' if is_met else 'MISSED'}: p50 at most {P50_MS:g} ms, p99 at most {P99_MS:g} ms")
    return 0 if is_met else 1


if __name__ == "__main__":
    sys.exit(main())
