"""Whether honest alerts, a kill and the engine feel that the gateway is attacked.

    .venv/bin/python benchmarks/under_attack.py           # 2,000 bad requests/s, 500 slow sockets
    .venv/bin/python benchmarks/under_attack.py --short   # a quarter of the time

Quiet first, then attacked, in the same run and in the same way: alerts over HTTP, signals at the
engine's own door, and kills. The attack comes from another process and from other addresses. On
two processors the attacker takes its share of them too, which is in the figures.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np

from benchmarks.front_door import HERE, Front, front_in, post, token
from benchmarks.signals_to_orders import signals

RATE: Final = 2_000
SLOW: Final = 500
SECONDS: Final = 20.0
BEGIN_S: Final = 3.0  # until all slow sockets are there
ALERTS_PER_S: Final = 10
SIGNALS_PER_S: Final = 40
KILLS_PER_S: Final = 4
SHIPPED_PER_S: Final = 1_000  # alerts a second from everywhere, as shipped
VALID_P99_MS: Final = 1_000.0
KILL_P99_MS: Final = 1_000.0
SLOWER_MOST: Final = 1.2
NS_PER_MS: Final = 1e6
TO_ORDER: Final = "signal to order's bytes"
TO_ANSWER: Final = "alert to answer"
TO_KILL: Final = "kill to answer"


@dataclass(slots=True)
class Phase:
    """What was measured in one phase, in ms.

    Attributes:
        name: Of the phase.
        found: By what it is.
        statuses: Of the alerts.
    """

    name: str
    found: dict[str, list[float]] = field(default_factory=dict)
    statuses: dict[int, int] = field(default_factory=dict)

    def percentile(self, what: str, percent: float) -> float:
        """Return one."""
        return float(np.percentile(self.found[what], percent))

    def say(self) -> None:
        """Print it."""
        for what, values in self.found.items():
            p50, p99, most = np.percentile(values, [50, 99, 100])
            print(
                f"{self.name:<9} {what:<24} p50 {p50:7.2f} ms  p99 {p99:7.2f} ms  "
                f"at most {most:7.2f} ms  of {len(values)}"
            )
        print(f"{self.name:<9} answers to alerts: {self.statuses}")


def paced(per_second: float, seconds: float) -> Any:
    """Yield numbers at their times."""
    begun_s = time.perf_counter()
    for number in range(int(per_second * seconds)):
        left_s = begun_s + number / per_second - time.perf_counter()
        if left_s > 0:
            time.sleep(left_s)
        yield number


def alerts(front: Front, phase: Phase, seconds: float) -> None:
    """Send honest alerts, each over a connection of its own, as charts do."""
    found = phase.found.setdefault(TO_ANSWER, [])
    for number in paced(ALERTS_PER_S, seconds):
        begun_ns = time.perf_counter_ns()
        # Of a symbol that is not known: it is kept and judged, and is no order of the other kind.
        body = {**front.alert(number, phase.name), "symbol": "NONE"}
        with closing(front.connection()) as peer:
            status, _ = post(peer, "/webhook", body, HERE)
        found.append((time.perf_counter_ns() - begun_ns) / NS_PER_MS)
        phase.statuses[status] = phase.statuses.get(status, 0) + 1


def orders(front: Front, phase: Phase, first: int, seconds: float) -> None:
    """Send signals at the engine's own door, one after the other."""
    found = phase.found.setdefault(TO_ORDER, [])
    for number in paced(SIGNALS_PER_S, seconds):
        before = len(front.venue.came_ns)
        begun_ns = time.perf_counter_ns()
        said = front.door.ask(signals(first + number, 1, front.symbols))
        if said["signals"][0]["state"] != "SUBMITTED":
            continue
        while len(front.venue.came_ns) == before:
            time.sleep(0.0001)
        found.append((front.venue.came_ns[before] - begun_ns) / NS_PER_MS)


def kills(front: Front, phase: Phase, secret: str, seconds: float) -> None:
    """Kill again and again: each sets the latch's file and tells the engine."""
    found = phase.found.setdefault(TO_KILL, [])
    headers = {**HERE, "Authorization": f"Bearer {secret}"}
    for number in paced(KILLS_PER_S, seconds):
        begun_ns = time.perf_counter_ns()
        body = {"mode": "pause", "reason": f"a drill, number {number}"}
        with closing(front.connection()) as peer:
            status, said = post(peer, "/api/kill", body, headers)
        found.append((time.perf_counter_ns() - begun_ns) / NS_PER_MS)
        assert status == 200, said
        assert said["latch"]["result"] == "CONFIRMED", said


def together(*works: Any) -> None:
    """Do several things at the same time."""
    threads = [threading.Thread(target=work[0], args=work[1:]) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def attacked(front: Front, seconds: float) -> "subprocess.Popen[str]":
    """Begin the attack."""
    program = str(Path(__file__).with_name("attack_load.py"))
    arguments = [*map(str, front.address), str(seconds), str(RATE), str(SLOW)]
    attack = subprocess.Popen(
        [sys.executable, program, *arguments], stdout=subprocess.PIPE, text=True
    )
    time.sleep(BEGIN_S)
    return attack


def resident_mib(pid: int) -> float:
    """Return how much memory a process holds."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    (found,) = (line.split()[1] for line in lines if line.startswith("VmRSS:"))
    return int(found) / 1_024


def measured(front: Front, seconds: float) -> tuple[Phase, Phase]:
    """Measure both phases; the kills come last, because nothing is ordered behind them."""
    secret = token(front, "kill")
    quiet, attack = Phase("quiet"), Phase("attacked")
    count = int(SIGNALS_PER_S * seconds)
    together((alerts, front, quiet, seconds), (orders, front, quiet, 0, seconds))
    before_mib = resident_mib(front.gateway.pid)
    attacker = attacked(front, 2 * seconds + 2 * BEGIN_S)
    together((alerts, front, attack, seconds), (orders, front, attack, count, seconds))
    kills(front, attack, secret, seconds)
    said = json.loads(attacker.communicate()[0])
    kills(front, quiet, secret, seconds)
    print(f"attack    {said['per_second']:.0f} bad requests/s of {RATE}, {said['statuses']}")
    print(f"attack    {SLOW} slow sockets, cut {said['cut']} times")
    after_mib = resident_mib(front.gateway.pid)
    print(f"gateway   {before_mib:.0f} MiB before, {after_mib:.0f} MiB after")
    return quiet, attack


def judged(quiet: Phase, attack: Phase) -> list[str]:
    """Print what was measured; return what was missed."""
    quiet.say()
    attack.say()
    ratio = attack.percentile(TO_ORDER, 99) / quiet.percentile(TO_ORDER, 99)
    print(
        f"engine    p99 of a signal to its order's bytes: {ratio:.2f} times what it is when quiet"
    )
    missed = []
    if attack.statuses.keys() != {200}:
        missed.append("every honest alert must be accepted")
    if attack.percentile(TO_ANSWER, 99) > VALID_P99_MS:
        missed.append(f"p99 of an alert must be at most {VALID_P99_MS:g} ms")
    if attack.percentile(TO_KILL, 99) > KILL_P99_MS:
        missed.append(f"p99 of a kill must be at most {KILL_P99_MS:g} ms")
    if ratio > SLOWER_MOST:
        missed.append(f"the engine's p99 must be at most {SLOWER_MOST:g} times what it is quiet")
    return missed


def main() -> int:
    """Measure, print, and return 1 when something was missed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--short", action="store_true", help="a quarter of the time")
    seconds = SECONDS / 4 if parser.parse_args().short else SECONDS
    print(f"load before {os.getloadavg()[0]:.1f}, {os.cpu_count()} processors")
    folder = tempfile.TemporaryDirectory(prefix="interlock-bench-")
    with folder as name, front_in(Path(name), SHIPPED_PER_S) as front:
        missed = judged(*measured(front, seconds))
    for one in missed:
        print(f"MISSED: {one}")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
