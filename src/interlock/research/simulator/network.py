"""Connections: bytes that take their time, in order, until one end is gone."""

from collections.abc import Callable
from typing import Final, Protocol

from interlock.research.simulator.chance import Chance
from interlock.research.simulator.schedule import Schedule, WorldClock
from interlock.research.simulator.strikes import Strikes
from interlock.runtime.clock import NS_PER_MS
from interlock.venues.simulated.lines import LineBuffer

_LATENCY_NS: Final = 2 * NS_PER_MS
_SLOW_NS: Final = 2_000 * NS_PER_MS


class End(Protocol):
    """One end of a connection."""

    def hear(self, wire: "Wire", data: bytes) -> None:
        """Take bytes."""

    def hung_up(self, wire: "Wire") -> None:
        """The other end is gone."""


class Network:
    """Where connections are made.

    Args:
        schedule: Of deliveries.
        clock: Of the world.
        chance: Of latencies.
        strikes: Of faults.
        trace: Told all bytes that arrive.
    """

    def __init__(
        self,
        schedule: Schedule,
        clock: WorldClock,
        chance: Chance,
        strikes: Strikes,
        trace: Callable[[bytes], None],
    ) -> None:
        self.slow_until_ns = 0
        self.refused_until_ns = 0
        self.made = 0
        self.under_way = 0  # pieces that have not arrived
        self.schedule = schedule
        self.strikes = strikes
        self.trace = trace
        self._clock = clock
        self._random = chance.of("latency")
        self.cuts = chance.of("cut")

    def elapsed_ns(self) -> int:
        """Return the time."""
        return self._clock.elapsed_ns()

    def latency_ns(self) -> int:
        """Return how long some bytes take now."""
        most = _SLOW_NS if self.elapsed_ns() < self.slow_until_ns else _LATENCY_NS
        return int(self._random.random() * most) + 1

    def connect(self, near: End, far: End) -> "Wire":
        """Return a new connection.

        Raises:
            OSError: Nobody takes it.
        """
        if self.elapsed_ns() < self.refused_until_ns:
            raise ConnectionRefusedError("nobody listens")
        self.made += 1
        return Wire(self, self.made, near, far)


class Wire:
    """One connection between an engine's process (near) and a venue (far)."""

    def __init__(self, network: Network, number: int, near: End, far: End) -> None:
        self.number = number
        self.is_open = True
        self.buffer = LineBuffer()  # of what the far end has read
        self._network = network
        self._near = near
        self._far = far
        self._far_due_ns = 0
        self._near_due_ns = 0

    # --- from the engine --------------------------------------------------------------------------

    def write(self, data: bytes) -> None:
        """Send bytes to the venue.

        Raises:
            OSError: The connection is gone; some of the bytes may have left.
        """
        if not self.is_open:
            raise BrokenPipeError("the connection is gone")
        network = self._network
        if network.strikes.now("net_cut"):
            self._to_far(data[: network.cuts.randrange(len(data))])
            self.reset()
            raise ConnectionResetError("the connection was reset")
        self._to_far(data)

    def _to_far(self, data: bytes) -> None:
        network = self._network
        due_ns = max(self._far_due_ns, network.elapsed_ns() + network.latency_ns())
        self._far_due_ns = due_ns
        network.under_way += 1
        network.schedule.at(due_ns, lambda: self._reach_far(data))

    def _reach_far(self, data: bytes) -> None:
        self._network.under_way -= 1
        self._network.trace(data)
        self._far.hear(self, data)

    # --- from the venue ---------------------------------------------------------------------------

    def tell(self, data: bytes) -> None:
        """Send bytes to the engine; into nowhere when it is gone."""
        if not self.is_open or not data:
            return
        network = self._network
        if network.strikes.now("net_cut"):
            self._to_near(data[: network.cuts.randrange(len(data))])
            self._hang_up_near()
            return
        if network.strikes.now("net_garbled"):
            place = network.cuts.randrange(len(data))
            # No letter: one that is a letter again could be another number, and nobody would know.
            other = bytes([data[place] ^ 0x80])
            data = data[:place] + other + data[place + 1 :]
        self._to_near(data)

    def _to_near(self, data: bytes) -> None:
        network = self._network
        due_ns = max(self._near_due_ns, network.elapsed_ns() + network.latency_ns())
        self._near_due_ns = due_ns
        network.under_way += 1
        network.schedule.at(due_ns, lambda: self._reach_near(data))

    def _reach_near(self, data: bytes) -> None:
        self._network.under_way -= 1
        if self.is_open:
            self._network.trace(data)
            self._near.hear(self, data)

    def _hang_up_near(self) -> None:
        """Let the venue end the connection after what it said so far."""
        self._network.schedule.at(self._near_due_ns, self.reset)

    # --- its end ----------------------------------------------------------------------------------

    def reset(self) -> None:
        """End it now: what is on its way to the engine is lost, what is on its way out is not."""
        if self.is_open:
            self.is_open = False
            self._near.hung_up(self)
            self._network.schedule.at(self._far_due_ns, lambda: self._far.hung_up(self))

    def close(self) -> None:
        """End it from the engine's side: it knows."""
        if self.is_open:
            self.is_open = False
            self._network.schedule.at(self._far_due_ns, lambda: self._far.hung_up(self))
