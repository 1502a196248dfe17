"""Sending: in order, through the last gate, and not at all when that says no."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from interlock.runtime.clock import Clock
from interlock.runtime.engine import Engine, Superseded
from interlock.runtime.entries import Said
from interlock.runtime.last_gate import LastGate, Outgoing, Stopped, reduces_risk
from interlock.venues.connection import Connection
from interlock.venues.port import NewOrder, Request

FATAL: Final = (Stopped.LEASE_LOST, Stopped.EPOCH)


@dataclass(slots=True, kw_only=True)
class Traffic:
    """What went over the socket, and what the last gate stopped."""

    connects: int = 0
    sent: int = 0
    stopped: dict[str, int] = field(default_factory=dict)


class Sender:
    """What waits to be sent to one venue.

    Args:
        engine: Whose it is; told what left and what did not.
        gate: Before the socket.
        clock: For what waits.
        stale_ns: An order that could not leave for so long is not sent any more.
        report: Told what the gate stopped.
    """

    def __init__(
        self,
        engine: Engine,
        gate: LastGate,
        clock: Clock,
        *,
        stale_ns: int,
        report: Callable[[str, Said], None],
    ) -> None:
        self.traffic = Traffic()
        self._engine = engine
        self._gate = gate
        self._clock = clock
        self._stale_ns = stale_ns
        self._report = report
        self._held: deque[tuple[int, Outgoing]] = deque()  # and since when

    def __len__(self) -> int:
        return len(self._held)

    def add(self, outgoing: list[Outgoing]) -> None:
        """Queue what may be sent."""
        now_ns = self._clock.elapsed_ns()
        self._held.extend((now_ns, one) for one in outgoing)

    def forget(self) -> None:
        """The connection is gone: nothing of this is sent over another."""
        self._held.clear()

    def send(self, connection: Connection) -> None:
        """Send in order. An order that is too fast waits, and so does what comes after it.

        But for what reduces the risk of other orders: that is never blocked by one that adds to it.

        Raises:
            OSError: The connection is gone.
            Superseded: The gate says that another engine has the account.
        """
        waiting: deque[tuple[int, Outgoing]] = deque()
        named: set[str] = set()
        while self._held:
            since_ns, outgoing = self._held.popleft()
            blocked = bool(waiting) and not _may_pass(outgoing, named)
            if blocked or not self._leaves(outgoing, since_ns, connection):
                waiting.append((since_ns, outgoing))
                named.update(_names_in(outgoing))
        self._held = waiting

    def _leaves(self, outgoing: Outgoing, since_ns: int, connection: Connection) -> bool:
        """Put an order through the gate, a question past it; return whether it is dealt with."""
        request = outgoing.request
        if request is None:
            connection.write(outgoing.wire)
            return True
        stopped: Stopped | None = Stopped.LATE
        if not self._is_late(outgoing, request):
            durable_seq = self._engine.progress.durable_seq
            stopped = self._gate.send(outgoing, durable_seq, connection.write)
        if stopped is None:
            self.traffic.sent += 1
            self._engine.link.sent(request)
            return True
        waited_ns = self._clock.elapsed_ns() - since_ns
        if stopped is Stopped.RATE and waited_ns < self._stale_ns:
            return False
        self.traffic.stopped[stopped] = self.traffic.stopped.get(stopped, 0) + 1
        self._report("stopped_at_gate", {"order": request.client_id, "why": str(stopped)})
        if stopped in FATAL:
            raise Superseded(
                f"order {request.client_id} must be sent by the engine that holds the account, and "
                f"was stopped: {stopped}. Nothing was sent."
            )
        self._engine.link.kept(request)
        return True

    def _is_late(self, outgoing: Outgoing, request: Request) -> bool:
        """Return whether an opening order was decided on data that is too old by now.

        The process stood still, or the disk took its time. What only reduces is never too late.
        """
        if outgoing.late_ns is None or reduces_risk(request):
            return False
        return self._clock.elapsed_ns() >= outgoing.late_ns


def _may_pass(outgoing: Outgoing, waiting: set[str]) -> bool:
    """Return whether a request may overtake those that wait: it reduces risk and is not theirs."""
    request = outgoing.request
    return request is not None and reduces_risk(request) and waiting.isdisjoint(_names_in(outgoing))


def _names_in(outgoing: Outgoing) -> set[str]:
    """Return the orders that a request is about; none for a question."""
    request = outgoing.request
    if request is None:
        return set()
    peer = request.peer_client_id if isinstance(request, NewOrder) else ""
    return {request.client_id, peer} - {""}
