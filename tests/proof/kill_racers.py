"""Processes that race: some send orders through the last gate, one kills and clears the latch.

Usage: python -m tests.proof.kill_racers send|kill LATCH PIPE THREADS SEED. Everything is told
through one pipe, in lines that the system writes whole: what comes first in it happened first. A
sender writes the order's own bytes, inside the gate. A killer writes TAKEN when it has the latch
alone, KILLED when the kill is confirmed, and CLEAR before a person clears it.
"""

import os
import random
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from interlock.config.latch import MODES, Confirmed, Latch, killed
from interlock.config.latch_file import LatchFile
from interlock.runtime.clock import SystemClock
from interlock.runtime.last_gate import Budget, LastGate, Outgoing, Stopped
from interlock.venues.port import Request
from interlock.venues.simulated.wire import SimulatedCodec
from tests.venues.caller import NAMES, buy, cancel

OPENING: Final = buy("i-1-2-1")
REDUCING: Final = cancel("i-1-2-1")
UNLIMITED: Final = 10**9
PATIENCE_S: Final = 30.0
PAUSE_US_MAX: Final = 400


def wires() -> tuple[bytes, bytes]:
    """Return the bytes of an order that opens, and of one that reduces."""
    codec = SimulatedCodec(NAMES)
    return codec.request(OPENING), codec.request(REDUCING)


def gate_at(latch: LatchFile) -> LastGate:
    """Return a last gate as the engine has it."""
    clock = SystemClock()
    return LastGate(
        SimulatedCodec(NAMES),
        latch,
        Budget(clock, per_second=UNLIMITED, reserve=0),
        is_held=lambda: True,
        epoch=1,
        mode="paper",
    )


def latch_at(path: Path) -> LatchFile:
    """Return the latch for one thread."""
    return LatchFile(path=path, stopwatch_ns=time.perf_counter_ns)


def send_for_ever(path: Path, write: Callable[[bytes], None], chance: random.Random) -> None:
    """Send one order after the other; now and then one that only reduces."""
    gate = gate_at(latch_at(path))
    opens, reduces = wires()
    while True:
        if chance.random() < 0.1:
            _send(gate, reduces, REDUCING, write)
        elif _send(gate, opens, OPENING, write) is not None:
            time.sleep(0.0002)
        if chance.random() < 0.5:
            time.sleep(chance.randrange(PAUSE_US_MAX) / 1e6)


def _send(
    gate: LastGate, wire: bytes, request: Request, write: Callable[[bytes], None]
) -> Stopped | None:
    stopped = gate.send(Outgoing(wire=wire, request=request, seq=1), 1, write)
    assert stopped in {None, Stopped.KILLED}, stopped
    return stopped


@dataclass(slots=True, kw_only=True)
class _Told(LatchFile):
    """A latch that tells when it is held alone, before it is written."""

    tell: Callable[[], None]

    def _kill(self, latch: Latch) -> str:
        self.tell()
        return LatchFile._kill(self, latch)


class _Killers:
    """Threads that kill at the same moment, again and again; then one clears.

    Args:
        path: Of the latch.
        tell: Writes a line.
        count: How many.
        chance: Theirs.
    """

    def __init__(
        self, path: Path, tell: Callable[[bytes], None], count: int, chance: random.Random
    ) -> None:
        self._path = path
        self._tell = tell
        self._chance = chance
        self._number = 0
        self._barrier = threading.Barrier(count, action=self._between)
        self._threads = [threading.Thread(target=self._kill_for_ever) for _ in range(count)]
        self._clearing = latch_at(path)

    def run(self) -> None:
        """Kill until the process ends."""
        for thread in self._threads:
            thread.start()
        for thread in self._threads:
            thread.join()

    def _between(self) -> None:
        """Clear what was set, and let a moment pass."""
        seen = self._clearing.read()
        if seen.is_set:
            self._tell(b"CLEAR %d\n" % self._number)
            self._clearing.clear(seen, who="test", reason="next", ts_ns=1, timeout_s=PATIENCE_S)
        self._number += 1
        time.sleep(self._chance.randrange(PAUSE_US_MAX) / 1e6)

    def _kill_for_ever(self) -> None:
        begun_ns = 0

        def taken() -> None:
            waited_us = (time.perf_counter_ns() - begun_ns) // 1_000
            self._tell(b"TAKEN %d %d\n" % (self._number, waited_us))

        latch = _Told(path=self._path, stopwatch_ns=time.perf_counter_ns, tell=taken)
        while True:
            self._barrier.wait()
            mode = MODES[self._chance.randrange(len(MODES))]
            mine = killed(mode=mode, reason="race", who="test", ts_ns=self._number)  # type: ignore[arg-type]
            begun_ns = time.perf_counter_ns()
            found = latch.kill(mine, timeout_s=PATIENCE_S)
            assert isinstance(found, Confirmed), found
            self._tell(b"KILLED %d\n" % self._number)


def main() -> None:
    """Do as the command line says until killed."""
    what, path, pipe, threads, seed = sys.argv[1:]
    chance = random.Random(int(seed))  # noqa: S311 - a race, not a secret

    def write(line: bytes) -> None:
        assert os.write(int(pipe), line) == len(line)

    if what == "kill":
        _Killers(Path(path), write, int(threads), chance).run()
        return
    running = [
        threading.Thread(
            target=send_for_ever,
            args=(Path(path), write, random.Random(f"{seed}-{number}")),  # noqa: S311 - likewise
        )
        for number in range(int(threads))
    ]
    for thread in running:
        thread.start()


if __name__ == "__main__":
    main()
