"""What a venue tells an engine: in order, but for what the network and its manners make of it."""

from collections import deque
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from interlock.kernel.codes import Kind
from interlock.research.simulator.network import Wire
from interlock.research.simulator.schedule import WorldClock
from interlock.research.simulator.strikes import Strikes
from interlock.venues.port import WARDEN_PREFIX, Message, Report
from interlock.venues.simulated.lines import Symbols
from interlock.venues.simulated.tells import tell_bytes

KEPT: Final = 64  # charges and strangers' fills that are told again
STRANGER: Final = "x-"
_STRANGERS: Final = (STRANGER, WARDEN_PREFIX)


class Voice:
    """The venue's side of the one engine that it has greeted.

    Args:
        strikes: When something is lost, told twice, or late.
        symbols: The instruments' names.
        clock: Of the world.
    """

    def __init__(self, strikes: Strikes, symbols: Symbols, clock: WorldClock) -> None:
        self.wire: Wire | None = None
        self.silent_until_ns = 0
        self.told_again: deque[Report] = deque(maxlen=KEPT)
        self._strikes = strikes
        self._symbols = symbols
        self._clock = clock
        self._silenced: list[bytes] = []
        self._overtaken: Report | None = None

    def speak_to(self, wire: Wire | None) -> None:
        """Speak over another connection, or to nobody; what was not said is not said any more."""
        self.wire = wire
        self._silenced.clear()
        self._overtaken = None

    def wire_of(self, messages: Sequence[Message]) -> bytes:
        """Return messages as bytes."""
        return b"".join(tell_bytes(message, self._symbols) for message in messages)

    def say(self, messages: Sequence[Message]) -> None:
        """Tell the engine, in order, but for what the network does to it."""
        found: list[bytes] = []
        for message in messages:
            if isinstance(message, Report):
                self._keep_strangers(message)
                found.extend(tell_bytes(told, self._symbols) for told in self._faulted(message))
            else:
                found.append(tell_bytes(message, self._symbols))
        self._send(b"".join(found))

    def _keep_strangers(self, report: Report) -> None:
        if report.client_id.startswith(_STRANGERS) and report not in self.told_again:
            if report.row["kind"] == Kind.FILL:
                self.told_again.append(report)

    def _faulted(self, report: Report) -> list[Report]:
        """Return what arrives in place of a report."""
        found = [report]
        if self._strikes.are_over:
            if self._overtaken is not None:
                found.insert(0, self._overtaken)
                self._overtaken = None
            return found
        kind = int(report.row["kind"])
        is_ours = report.client_id != "" and not report.client_id.startswith(_STRANGERS)
        if not is_ours:
            return found if kind in {Kind.FILL, Kind.FUNDING} else []
        if self._strikes.now("net_drop_tell"):
            return []
        if self._strikes.now("net_duplicate"):
            found.append(report)
        if kind == Kind.FILL and self._strikes.now("venue_changed_trade"):
            other = report.row.copy()
            other["qty"] += 1
            found.append(replace(report, row=other))
        if self._overtaken is not None:
            found.append(self._overtaken)
            self._overtaken = None
        elif self._strikes.now("net_unordered"):
            self._overtaken = found.pop()
        return found

    def _send(self, data: bytes) -> None:
        """Put bytes on the wire, or aside while the venue is silent."""
        if self.wire is None or not data:
            return
        if self._clock.elapsed_ns() < self.silent_until_ns:
            self._silenced.append(data)
            return
        if self._silenced:
            data = b"".join([*self._silenced, data])
            self._silenced.clear()
        self.wire.tell(data)
