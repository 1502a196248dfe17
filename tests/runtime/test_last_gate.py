"""The last gate: what is written, and above all what is not."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interlock.config.latch import Latch, LatchState
from interlock.config.latch_file import LatchFile
from interlock.kernel.codes import Flag
from interlock.runtime.clock import NS_PER_MS, NS_PER_S, ManualClock, SystemClock
from interlock.runtime.last_gate import Budget, LastGate, Outgoing, Stopped, reduces_risk
from interlock.venues.port import Request
from interlock.venues.simulated.wire import SimulatedCodec
from tests.runtime.scripts import NAMES
from tests.venues.caller import amend, buy, cancel, limit, stop_of

REQUESTS: list[Request] = [
    buy("i-1-2-1"),
    limit("i-1-2-2", 9_900),
    stop_of("i-1-2-3", 9_800, peer_client_id="i-1-2-4"),
    cancel("i-1-2-1"),
    amend("i-1-2-3", 50, trigger=9_700),
]
REDUCING = REQUESTS[2:]


@dataclass
class AnyLatch:
    """A latch that says what a test wants."""

    is_set: bool = False
    held: list[bool] = field(default_factory=list)
    holds: bool = False

    @contextmanager
    def shared(self, timeout_s: float) -> Iterator[Latch]:
        """Hold it."""
        assert timeout_s > 0
        self.holds = True
        state = LatchState.KILLED if self.is_set else LatchState.CLEAR
        yield Latch(state=state)
        self.holds = False


class Stand:
    """A gate, and what was written behind it."""

    def __init__(self, *, rate: int = 1_000, reserve: int = 0, mode: str = "paper") -> None:
        self.codec = SimulatedCodec(NAMES)
        self.latch = AnyLatch()
        self.clock = ManualClock()
        self.is_held = True
        self.written: list[bytes] = []
        self.gate = LastGate(
            self.codec,
            self.latch,  # type: ignore[arg-type]
            Budget(self.clock, per_second=rate, reserve=reserve),
            is_held=lambda: self.is_held,
            epoch=1,
            mode=mode,
        )

    def send(self, request: Request, *, seq: int = 5, durable: int = 5) -> Stopped | None:
        """Send a request in its own bytes."""
        return self.put(self.codec.request(request), request, seq=seq, durable=durable)

    def put(
        self, wire: bytes, request: Request, *, seq: int = 5, durable: int = 5
    ) -> Stopped | None:
        """Send a request in any bytes."""
        outgoing = Outgoing(wire=wire, request=request, seq=seq)
        count = len(self.written)
        found = self.gate.send(outgoing, durable, self._write)
        assert (found is None) == (len(self.written) == count + 1)
        return found

    def _write(self, wire: bytes) -> None:
        assert self.latch.holds, "the lock is held while bytes are written"
        self.written.append(wire)


@pytest.mark.parametrize("request_", REQUESTS, ids=lambda one: type(one).__name__)
def test_a_durable_intent_leaves_as_it_is(request_: Request) -> None:
    """Byte for byte."""
    stand = Stand()
    assert stand.send(request_) is None
    assert stand.written == [stand.codec.request(request_)]


def check(stand: Stand, why: Stopped, openers: str, reducers: str) -> None:
    """See what stops openers, and what reducers: ``stopped`` or ``pass``."""
    for request in REQUESTS:
        expected = reducers if request in REDUCING else openers
        assert stand.send(request) == (why if expected == "stopped" else None), request


def test_after_a_kill_nothing_opens_and_everything_reduces() -> None:
    """Cancels, amendments and reduce-only orders are the way out."""
    stand = Stand()
    stand.latch.is_set = True
    check(stand, Stopped.KILLED, "stopped", "pass")


def test_without_the_lease_nothing_leaves() -> None:
    """Another engine has the account."""
    stand = Stand()
    stand.is_held = False
    check(stand, Stopped.LEASE_LOST, "stopped", "stopped")


def test_a_paper_venue_takes_orders_of_a_paper_account_only() -> None:
    """Whatever they do."""
    check(Stand(mode="live"), Stopped.MODE, "stopped", "stopped")


def test_what_is_not_durable_does_not_leave() -> None:
    """The journal comes first, up to the very entry."""
    stand = Stand()
    for request in REQUESTS:
        assert stand.send(request, seq=6) is Stopped.NOT_DURABLE
        assert stand.send(request, seq=5) is None


def test_another_epochs_order_does_not_leave() -> None:
    """Neither an older one's nor a later one's."""
    stand = Stand()
    for epoch in (0, 2):
        for request in REQUESTS:
            other = replace(request, epoch=epoch or 7)
            assert stand.send(other) is Stopped.EPOCH


@given(st.sampled_from(REQUESTS), st.data())
def test_bytes_with_one_bit_altered_never_leave(request_: Request, data: st.DataObject) -> None:
    """Any bit of any request."""
    stand = Stand()
    wire = bytearray(stand.codec.request(request_))
    place = data.draw(st.integers(0, len(wire) - 1))
    wire[place] ^= 1 << data.draw(st.integers(0, 7))
    assert stand.put(bytes(wire), request_) is Stopped.NOT_THE_INTENT


@given(st.sampled_from(REQUESTS), st.sampled_from(REQUESTS))
def test_the_bytes_of_another_intent_never_leave(one: Request, other: Request) -> None:
    """Nor two of them, nor a question."""
    stand = Stand()
    wire = stand.codec.request(other)
    assert stand.put(wire, one) is (None if one == other else Stopped.NOT_THE_INTENT)
    assert stand.put(wire + wire, one) is Stopped.NOT_THE_INTENT
    assert stand.put(stand.codec.ask_account(), one) is Stopped.NOT_THE_INTENT


# --- the budget -------------------------------------------------------------------------------


@given(
    st.integers(2, 12),
    st.data(),
    st.lists(st.tuples(st.integers(0, 600), st.booleans()), max_size=80),
)
def test_no_second_sees_more_than_the_rate_and_the_reserve_is_kept(
    rate: int, data: st.DataObject, asked: list[tuple[int, bool]]
) -> None:
    """In any window of a second; what opens never takes what is kept for reducing."""
    reserve = data.draw(st.integers(0, rate - 1))
    clock = ManualClock()
    budget = Budget(clock, per_second=rate, reserve=reserve)
    left: list[int] = []
    for wait_ms, reduces in asked:
        clock.advance(wait_ms * NS_PER_MS)
        now_ns = clock.elapsed_ns()
        recent = [ns for ns in left if now_ns - ns < NS_PER_S]
        passed = budget.take(reduces=reduces)
        assert passed == (len(recent) < (rate if reduces else rate - reserve))
        if passed:
            left.append(now_ns)


def test_what_is_kept_for_reducing_is_there_when_openers_are_stopped() -> None:
    """And a second later there is room again."""
    stand = Stand(rate=4, reserve=2)
    opener, reducer = REQUESTS[0], REQUESTS[3]
    found = [stand.send(one) for one in (opener, opener, opener, reducer, reducer, reducer)]
    assert found == [None, None, Stopped.RATE, None, None, Stopped.RATE]
    stand.clock.advance(NS_PER_S)
    assert stand.send(opener) is None


def test_only_reduce_only_orders_reduce() -> None:
    """By the flag, not by the side."""
    assert [reduces_risk(request) for request in REQUESTS] == [False, False, True, True, True]
    assert not reduces_risk(buy("i-1-2-9", flags=Flag.MARGIN))


# --- the latch's own lock ---------------------------------------------------------------------


def latch_in(folder: Path) -> LatchFile:
    """Return a latch file in a folder, made."""
    folder.chmod(0o700)
    latch = LatchFile(path=folder / "latch.json", stopwatch_ns=SystemClock().elapsed_ns)
    latch.prepare(journal_exists=False)
    return latch


def gate_with(latch: LatchFile) -> tuple[LastGate, Outgoing, Outgoing]:
    """Return a gate at a real latch, something that opens and something that reduces."""
    codec = SimulatedCodec(NAMES)
    budget = Budget(ManualClock(), per_second=100, reserve=0)
    gate = LastGate(codec, latch, budget, is_held=lambda: True, epoch=1, mode="paper")
    opener, reducer = (
        Outgoing(wire=codec.request(one), request=one, seq=1) for one in (REQUESTS[0], REQUESTS[3])
    )
    return gate, opener, reducer


def test_the_latchs_lock_is_shared_while_bytes_are_written(tmp_path: Path) -> None:
    """Whoever kills has to wait for them, and has the lock as soon as they are the system's."""
    latch = latch_in(tmp_path)
    gate, opener, _ = gate_with(latch)
    folder = os.open(tmp_path, os.O_RDONLY)
    had: list[bool] = []

    def tries() -> bool:
        try:
            fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        fcntl.flock(folder, fcntl.LOCK_UN)
        return True

    try:
        assert gate.send(opener, 1, lambda _: had.append(tries())) is None
        assert had == [False]
        assert tries()
    finally:
        os.close(folder)
        latch.close()


def test_the_lock_is_let_go_when_the_write_fails(tmp_path: Path) -> None:
    """The connection is gone; a kill does not wait for it."""
    latch = latch_in(tmp_path)
    gate, opener, _ = gate_with(latch)

    def fails(_: bytes) -> None:
        raise BrokenPipeError

    with pytest.raises(BrokenPipeError):
        gate.send(opener, 1, fails)
    with latch.shared() as found:
        assert not found.is_set
    latch.close()


def test_a_latch_that_is_gone_or_being_written_stops_what_opens(tmp_path: Path) -> None:
    """Missing is set; so is one whose lock is not had in time."""
    latch = latch_in(tmp_path)
    gate, opener, reducer = gate_with(latch)
    folder = os.open(tmp_path, os.O_RDONLY)
    written: list[bytes] = []
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        assert gate.send(opener, 1, written.append) is Stopped.KILLED
        fcntl.flock(folder, fcntl.LOCK_UN)
        assert gate.send(opener, 1, written.append) is None
        (tmp_path / "latch.json").unlink()
        assert gate.send(opener, 1, written.append) is Stopped.KILLED
        assert gate.send(reducer, 1, written.append) is None
    finally:
        os.close(folder)
        latch.close()
    assert written == [opener.wire, reducer.wire]
