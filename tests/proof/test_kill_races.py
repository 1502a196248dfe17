"""After a kill has the latch alone, no byte that opens anything leaves: ten thousand races.

Senders and killers are processes and threads that share nothing but the home and a pipe. They go
through the latch file and the last gate that the engine has. Every race in which nobody was sending
counts for nothing.
"""

import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import pytest

from interlock.config.latch import Confirmed, Unconfirmed
from interlock.runtime.last_gate import Outgoing
from interlock.venues.connection import Connection
from tests.config.latching import a_kill, latch_in
from tests.proof.kill_racers import OPENING, REDUCING, gate_at, latch_at, wires

ROOT: Final = Path(__file__).parents[2]
RACES: Final = 10_000  # of processes and of threads, together
LONG_S: Final = 240.0
PIPE_BYTES: Final = 1 << 20
SOCKET_RACES: Final = 500
SHORT_S: Final = 20.0


@dataclass
class Referee:
    """What came through the pipe, judged line by line.

    Attributes:
        counts: Of what was seen.
        broken: Orders that opened although the latch was taken; never any.
        waits_us: How long each kill waited for those who were sending.
    """

    counts: Counter[str] = field(default_factory=Counter)
    broken: list[str] = field(default_factory=list)
    waits_us: list[int] = field(default_factory=list)
    _wires: tuple[bytes, bytes] = field(default_factory=wires)
    _rest: bytes = b""
    _is_taken: bool = False
    _opened: int = 0

    def hear(self, data: bytes) -> None:
        """Judge what came."""
        opens, reduces = (wire.rstrip(b"\n") for wire in self._wires)
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            if line == opens:
                self._open()
            elif line == reduces:
                self.counts["reduced while killed" if self._is_taken else "reduced"] += 1
            else:
                self._mark(line.split())

    def _open(self) -> None:
        self._opened += 1
        self.counts["opened"] += 1
        if self._is_taken:
            self.broken.append(f"an order opened in race {self.counts['races'] + 1}")

    def _mark(self, words: list[bytes]) -> None:
        what = words[0].decode()
        self.counts[what] += 1
        if what == "TAKEN":
            self.waits_us.append(int(words[2]))
            self._is_taken = True
        elif what == "CLEAR":
            self.counts["races"] += self._opened > 0
            self.counts["empty"] += self._opened == 0
            self._opened = 0
            self._is_taken = False
        else:
            assert what == "KILLED", words


@contextmanager
def home() -> Iterator[Path]:
    """Yield a folder in memory: a race waits for no disk."""
    root = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None  # noqa: S108 - made by mkdtemp
    with tempfile.TemporaryDirectory(dir=root) as folder:
        yield Path(folder)


@contextmanager
def racer(what: str, folder: Path, pipe: int, threads: int, seed: int) -> Iterator[None]:
    """Run a process that sends or kills, and end it."""
    given = [what, str(folder / "latch.json"), str(pipe), str(threads), str(seed)]
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.proof.kill_racers", *given],
        cwd=ROOT,
        pass_fds=(pipe,),
        env={**os.environ, "NUMBA_DISABLE_JIT": "1"},
    )
    try:
        yield
        assert process.poll() is None, "a racer failed"
    finally:
        process.kill()
        process.wait()


def race(races: int, senders: list[int], killers: int) -> Referee:
    """Race until there were so many races in which somebody was sending.

    Args:
        races: How many.
        senders: Threads of each process that sends.
        killers: Threads that kill at the same moment.
    """
    referee = Referee()
    with home() as folder:
        latch = latch_in(folder)
        latch.prepare(journal_exists=False)
        ours, theirs = os.pipe()
        begun = time.perf_counter()
        with (
            racer("send", folder, theirs, senders[0], 1),
            racer("send", folder, theirs, senders[1], 2),
            racer("kill", folder, theirs, killers, 3),
        ):
            while referee.counts["races"] < races and not referee.broken:
                referee.hear(os.read(ours, PIPE_BYTES))
                assert time.perf_counter() - begun < LONG_S, referee.counts
        os.close(ours)
        os.close(theirs)
    waited = sorted(referee.waits_us)
    print(  # noqa: T201 - the figures of the proof
        f"{referee.counts['races']:,} races in {time.perf_counter() - begun:.1f} s: "
        f"{dict(referee.counts)}; a kill had the latch alone after {waited[len(waited) // 2]:,} us "
        f"(median), {waited[len(waited) * 99 // 100]:,} us (99 %), {waited[-1]:,} us (most)"
    )
    return referee


def check(referee: Referee, races: int) -> None:
    """See that nothing opened, that what reduces went on, and that they did race."""
    assert referee.broken == []
    counts = referee.counts
    assert counts["races"] >= races
    assert counts["opened"] > races
    assert counts["reduced while killed"] > 0
    waiting = sum(wait > 1_000 for wait in referee.waits_us)
    assert waiting > races // 100, "hardly a kill met anybody who was sending"


def test_no_order_opens_after_a_kill_has_the_latch_between_processes() -> None:
    races = RACES * 6 // 10
    check(race(races, senders=[1, 1], killers=1), races)


def test_no_order_opens_after_kills_of_many_threads_have_the_latch() -> None:
    races = RACES * 4 // 10
    check(race(races, senders=[2, 1], killers=3), races)


def test_a_referee_sees_an_order_that_opens_too_late() -> None:
    """The proof would see what it looks for."""
    opens, reduces = wires()
    referee = Referee()
    referee.hear(opens + b"TAKEN 1 5\n" + reduces + b"KILLED 1\nCLEAR 1\n" + opens)
    assert referee.broken == []
    referee.hear(b"TAKEN 2 5\n" + opens[:7])
    referee.hear(opens[7:])
    assert referee.broken == ["an order opened in race 2"]


# --- a real socket ----------------------------------------------------------------------------


class Listener:
    """The venue's end of a Unix socket. It reads all the time: a full one holds its sender up."""

    def __init__(self, path: Path) -> None:
        self._server = socket.socket(socket.AF_UNIX)
        self._server.bind(str(path))
        self._server.listen()
        self.sender = Connection(path)
        self._heard, _ = self._server.accept()
        self._heard.settimeout(0)
        self._lock = threading.Lock()
        self._came = b""
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._read)
        self._thread.start()

    def _read(self) -> None:
        while not self._is_over.wait(0.002):
            with self._lock:
                self._drain()

    def _drain(self) -> None:
        with suppress(BlockingIOError):
            while data := self._heard.recv(PIPE_BYTES):
                self._came += data

    def all_that_came(self) -> bytes:
        """Return every byte that was in the system's hands by now, and was not returned before."""
        with self._lock:
            self._drain()
            found, self._came = self._came, b""
        return found

    def close(self) -> None:
        """Let go of everything."""
        self._is_over.set()
        self._thread.join()
        self.sender.close()
        self._heard.close()
        self._server.close()


def test_nothing_that_opens_comes_out_of_a_socket_after_a_confirmed_kill() -> None:
    """The engine's own connection: what is written is the system's, so nothing leaves later."""
    opens, reduces = wires()
    with home() as folder:
        killing = latch_in(folder)
        killing.prepare(journal_exists=False)
        listener = Listener(folder / "venue.sock")
        over = threading.Event()
        begun = threading.Event()

        def send() -> None:
            gate = gate_at(latch_at(folder / "latch.json"))
            while not over.is_set():
                for wire, request in ((opens, OPENING), (reduces, REDUCING)):
                    outgoing = Outgoing(wire=wire, request=request, seq=1)
                    gate.send(outgoing, 1, listener.sender.write)
                begun.set()
                time.sleep(0.0001)

        sender = threading.Thread(target=send)
        sender.start()
        late = raced = 0
        for number in range(SOCKET_RACES):
            begun.clear()
            assert begun.wait(SHORT_S)
            raced += opens in listener.all_that_came()
            found = killing.kill(a_kill(), timeout_s=SHORT_S)
            assert isinstance(found, Confirmed)
            listener.all_that_came()  # what left before
            begun.clear()
            assert begun.wait(SHORT_S)  # it has tried again since
            late += opens in listener.all_that_came()
            killing.clear(found.latch, who="test", reason="next", ts_ns=number, timeout_s=SHORT_S)
        over.set()
        sender.join()
        listener.close()
    assert late == 0
    assert raced > SOCKET_RACES // 2


# --- a sender that hangs while it sends -------------------------------------------------------


@pytest.mark.parametrize("goes_on", [True, False])
def test_a_sender_frozen_while_it_sends_makes_a_kill_unconfirmed_until_it_is_gone(
    goes_on: bool,
) -> None:
    """Nobody can say that nothing leaves any more, so nobody does."""
    opens, _ = wires()
    with home() as folder:
        latch = latch_in(folder)
        latch.prepare(journal_exists=False)
        ours, theirs = os.pipe()
        os.set_blocking(ours, False)
        child = os.fork()
        if child == 0:  # inside the gate, before its bytes
            with latch_at(folder / "latch.json").shared():
                os.kill(os.getpid(), signal.SIGSTOP)
                os.write(theirs, opens)
            os._exit(0)
        os.waitpid(child, os.WUNTRACED)

        first = latch.kill(a_kill(), timeout_s=0.05)
        assert isinstance(first, Unconfirmed)
        assert first.latch.is_set

        os.kill(child, signal.SIGCONT if goes_on else signal.SIGKILL)
        os.waitpid(child, 0)
        assert isinstance(latch.kill(a_kill()), Confirmed)
        left = os.read(ours, PIPE_BYTES) if goes_on else b""
        assert left == (opens if goes_on else b"")  # the byte that the first kill warned of
        os.close(ours)
        os.close(theirs)
