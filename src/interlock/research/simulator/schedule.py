"""Virtual time, and what happens when: nothing in a simulated world waits for a real second."""

import heapq
from collections.abc import Callable

from interlock.runtime.clock import NS_PER_S


class WorldClock:
    """Both clocks of a simulated machine (``runtime.clock.Clock``)."""

    def __init__(self, now_ns: int) -> None:
        self._true_ns = now_ns
        self._elapsed_ns = 0
        self._off_ns = 0

    def now_ns(self) -> int:
        """Return what this machine takes the time of day to be."""
        return self._true_ns + self._off_ns

    def true_ns(self) -> int:
        """Return the time of day where clocks are right: at the venue."""
        return self._true_ns

    def elapsed_ns(self) -> int:
        """Return ns since the world began."""
        return self._elapsed_ns

    def advance(self, ns: int) -> None:
        """Let time pass."""
        assert ns >= 0
        self._true_ns += ns
        self._elapsed_ns += ns

    def set_off(self, ns: int) -> None:
        """Let this machine's time of day be wrong by so much."""
        self._off_ns = ns


class Schedule:
    """What is to happen, by the clock that never jumps; of two at a time the older one first."""

    def __init__(self, clock: WorldClock) -> None:
        self._clock = clock
        self._waiting: list[tuple[int, int, Callable[[], None]]] = []
        self._count = 0

    def after(self, wait_ns: int, what: Callable[[], None]) -> None:
        """Let something happen in a while."""
        self.at(self._clock.elapsed_ns() + wait_ns, what)

    def at(self, due_ns: int, what: Callable[[], None]) -> None:
        """Let something happen at a time, or now if that has passed."""
        self._count += 1
        heapq.heappush(self._waiting, (due_ns, self._count, what))

    def has_due(self) -> bool:
        """Return whether something is due now."""
        return bool(self._waiting) and self._waiting[0][0] <= self._clock.elapsed_ns()

    def go_on(self) -> None:
        """Let time pass up to the next thing that is to happen, and let it happen."""
        due_ns, _, what = heapq.heappop(self._waiting)
        self._clock.advance(max(due_ns - self._clock.elapsed_ns(), 0))
        what()

    @property
    def elapsed_s(self) -> float:
        """Virtual seconds since the world began."""
        return self._clock.elapsed_ns() / NS_PER_S
