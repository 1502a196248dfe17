"""How long from an event to its durable intent, beside what the disk itself takes.

Open loop: events are due at fixed times, and what is late counts from when it was due. Every one is
a signal that the kernel turns into an order. In turns with it, the bare disk is asked to write and
sync one block at the same rate. Machines differ by a factor of twenty in that, so that the ratio is
the figure.
"""

import os
import tempfile
import threading
import time
from collections import deque
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

import numpy as np

from benchmarks.engine_parts import INSTRUMENTS, Parts, parts_in
from benchmarks.figures import Figure
from interlock.runtime.inbox import Lane

EVENTS_PER_S: Final = 500
ROUNDS: Final = 10
EVENTS_OF_ROUND: Final = 500
RAW_OF_ROUND: Final = 100
RAW_BYTES: Final = 4_096
WARM_ROUNDS: Final = 1
STEP_NS: Final = 1_000_000_000 // EVENTS_PER_S
TIMER_NS: Final = 150_000  # how late a sleep may end
NS_PER_MS: Final = 1e6


@dataclass(slots=True)
class Latencies:
    """In ns.

    Attributes:
        ours: From when an event was due to when its intent was durable.
        raw: Of one write and sync.
    """

    ours: list[int] = field(default_factory=list)
    raw: list[int] = field(default_factory=list)

    def ratio(self, percent: float) -> float:
        """Return ours over the disk's own, both at this percentile."""
        return float(np.percentile(self.ours, percent) / np.percentile(self.raw, percent))

    def words(self, percent: float) -> str:
        """Return both for people."""
        ours, raw = (np.percentile(each, percent) / NS_PER_MS for each in (self.ours, self.raw))
        return f"p{percent:g} {ours:.2f} ms; the disk's own write and sync {raw:.2f} ms"


class _Waiting:
    """Events whose intent is not durable yet: (seq, when they were due)."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._due: deque[tuple[int, int]] = deque()
        self._durable_seq = 0
        self.taken: list[int] = []

    def add(self, seq: int, due_ns: int) -> None:
        """An intent was handed to the writer; it may be durable already."""
        with self._lock:
            if seq <= self._durable_seq:
                self.taken.append(time.perf_counter_ns() - due_ns)
            else:
                self._due.append((seq, due_ns))

    def durable(self, seq: int) -> None:
        """The writer says so, in its thread."""
        now_ns = time.perf_counter_ns()
        with self._lock:
            self._durable_seq = seq
            while self._due and self._due[0][0] <= seq:
                self.taken.append(now_ns - self._due.popleft()[1])


def wait_until(due_ns: int) -> None:
    """Return when it is time, and not when the system's timer finds that it is."""
    while (left_ns := due_ns - time.perf_counter_ns()) > 0:
        if left_ns > TIMER_NS:
            time.sleep((left_ns - TIMER_NS) / 1e9)


def raw_round(descriptor: int, offset: int, found: list[int]) -> int:
    """Write and sync a block at each event's time; return where the next one goes."""
    block = os.urandom(RAW_BYTES)
    begin_ns = time.perf_counter_ns()
    for number in range(RAW_OF_ROUND):
        wait_until(begin_ns + number * STEP_NS)
        began_ns = time.perf_counter_ns()
        os.pwrite(descriptor, block, offset)
        os.fdatasync(descriptor)
        found.append(time.perf_counter_ns() - began_ns)
        offset += RAW_BYTES
    return offset


def our_round(parts: Parts, waiting: _Waiting, number: int) -> None:
    """Let events come at their times; each becomes a durable intent, and then is answered."""
    begin_ns = time.perf_counter_ns() + STEP_NS
    for event in range(EVENTS_OF_ROUND):
        due_ns = begin_ns + event * STEP_NS
        wait_until(due_ns)
        place = (number * EVENTS_OF_ROUND + event) % INSTRUMENTS
        parts.inbox.offer(Lane.SIGNAL, parts.market.signals(place, 1))
        caused = parts.take_all()
        assert len(caused) == 1
        waiting.add(parts.decider.seq, due_ns)
        time.sleep(max(due_ns + STEP_NS // 2 - time.perf_counter_ns(), 0) / 1e9)
        parts.inbox.offer(Lane.REPORT, parts.market.answers(caused))
        parts.take_all()
    parts.writer.wait(parts.decider.seq)


def latencies(folder: Path, rounds: int = ROUNDS) -> Latencies:
    """Measure both, in turns, in a folder on the disk that is meant."""
    found = Latencies()
    waiting = _Waiting()
    descriptor = os.open(folder / "raw", os.O_RDWR | os.O_CREAT, 0o600)
    offset = 0
    try:
        with parts_in(folder, on_durable=waiting.durable) as parts:
            for number in range(rounds + WARM_ROUNDS):
                if number == WARM_ROUNDS:
                    waiting.taken.clear()
                    found.raw.clear()
                offset = raw_round(descriptor, offset, found.raw)
                our_round(parts, waiting, number)
        found.ours = waiting.taken
    finally:
        os.close(descriptor)
    assert len(found.ours) == rounds * EVENTS_OF_ROUND
    return found


def figures(blanks: tuple[Figure, Figure], place: Path) -> list[Figure]:
    """Measure the ratios at the median and at the 99th percentile.

    Args:
        blanks: For the one and the other.
        place: A folder on the disk that is meant.
    """
    with tempfile.TemporaryDirectory(prefix="interlock-bench-", dir=place) as folder:
        found = latencies(Path(folder))
    return [
        replace(blank, measured=found.ratio(percent), how=found.words(percent))
        for blank, percent in zip(blanks, (50, 99), strict=True)
    ]
