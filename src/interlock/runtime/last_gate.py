"""The last gate: what is looked at once more when an order's bytes are about to leave.

Everything was decided long before. What this asks is whether the decision is durable, whether it
is still this engine's to send, whether somebody has pulled the kill latch since, and whether the
bytes are that decision. It holds the kill latch's lock together with others around the questions
and the write: a kill that has the lock alone knows that nothing passes any more.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from interlock.config.latch_file import LatchFile
from interlock.kernel.codes import Flag
from interlock.runtime.clock import NS_PER_S, Clock
from interlock.venues.port import Codec, NewOrder, Request


class Stopped(StrEnum):
    """Why nothing was sent. Stored in logs; never reuse a word."""

    NOT_DURABLE = "not_durable"
    NOT_THE_INTENT = "not_the_intent"
    LEASE_LOST = "lease_lost"
    EPOCH = "epoch"
    MODE = "mode"
    KILLED = "killed"
    RATE = "rate"
    LATE = "late"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Outgoing:
    """Bytes for the venue.

    Attributes:
        wire: What is written.
        request: The order they are, or None for a question or an answer.
        seq: The entry that has to be durable first.
        late_ns: From when on, on the clock that never jumps, it was decided too long ago to open
            anything; None where time stands still meanwhile.
    """

    wire: bytes
    request: Request | None
    seq: int
    late_ns: int | None = None


class Budget:
    """How many requests may leave in any second, with a reserve that only reducing may use.

    The second is one of the clock that never jumps; what left within it is remembered, so that no
    burst across the edge of two seconds is more than a venue takes.
    """

    def __init__(self, clock: Clock, *, per_second: int, reserve: int) -> None:
        assert 0 <= reserve < per_second
        self._clock = clock
        self._per_second = per_second
        self._reserve = reserve
        self._left_ns: deque[int] = deque()

    def take(self, *, reduces: bool) -> bool:
        """Let one request leave; False when there is no room for this kind of request."""
        now_ns = self._clock.elapsed_ns()
        while self._left_ns and now_ns - self._left_ns[0] >= NS_PER_S:
            self._left_ns.popleft()
        room = self._per_second if reduces else self._per_second - self._reserve
        if len(self._left_ns) >= room:
            return False
        self._left_ns.append(now_ns)
        return True


PAPER: Final = "paper"
LATCH_TIMEOUT_S: Final = 0.1


def reduces_risk(request: Request) -> bool:
    """Return whether a request can only make less of what is held or open.

    An amendment can: the kernel amends nothing but reduce-only orders, which the venue holds to
    what is there.
    """
    if isinstance(request, NewOrder):
        return request.flags & Flag.REDUCE_ONLY != 0
    return True


class LastGate:
    """Stands at the socket of one venue.

    Args:
        codec: Of the venue.
        latch: The kill latch.
        budget: Of requests.
        is_held: Whether this engine still holds the account.
        epoch: This engine's.
        mode: What the account is; a paper venue takes orders of a paper account only.
    """

    def __init__(
        self,
        codec: Codec,
        latch: LatchFile,
        budget: Budget,
        *,
        is_held: Callable[[], bool],
        epoch: int,
        mode: str,
    ) -> None:
        self._codec = codec
        self._latch = latch
        self._budget = budget
        self._is_held = is_held
        self._epoch = epoch
        self._mode = mode

    def send(
        self, outgoing: Outgoing, durable_seq: int, write: Callable[[bytes], None]
    ) -> Stopped | None:
        """Write an order's bytes if nothing speaks against it; return what did.

        Args:
            outgoing: An order, a cancel or an amendment.
            durable_seq: Up to where the journal is durable.
            write: Writes to the socket, and returns when the bytes are the system's.

        Raises:
            OSError: The connection is gone; how much of it was written is not known.
        """
        request = outgoing.request
        assert request is not None
        if outgoing.seq > durable_seq:
            return Stopped.NOT_DURABLE
        if self._codec.reads(outgoing.wire) != request:
            return Stopped.NOT_THE_INTENT
        if request.epoch != self._epoch:
            return Stopped.EPOCH
        if self._mode != PAPER:
            return Stopped.MODE
        reduces = reduces_risk(request)
        if not self._budget.take(reduces=reduces):
            return Stopped.RATE
        with self._latch.shared(LATCH_TIMEOUT_S) as latch:
            if latch.is_set and not reduces:
                return Stopped.KILLED
            if not self._is_held():
                return Stopped.LEASE_LOST
            write(outgoing.wire)
        return None
