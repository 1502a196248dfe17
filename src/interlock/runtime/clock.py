"""The one place that reads a clock; everything else is told what time it is."""

import time
from typing import Final, Protocol

NS_PER_MS: Final = 1_000_000
NS_PER_S: Final = 1_000_000_000


class Clock(Protocol):
    """Two clocks: what people call the time, and one that never jumps."""

    def now_ns(self) -> int:
        """Return the time, UTC, in ns since 1970."""

    def elapsed_ns(self) -> int:
        """Return ns since some moment; never falls, whatever happens to the time of day."""


class SystemClock:
    """This machine's clocks."""

    def now_ns(self) -> int:
        """Return the time, UTC, in ns since 1970."""
        return time.time_ns()  # noqa: TID251 - the one clock

    def elapsed_ns(self) -> int:
        """Return ns since some moment; suspended time counts, so that no lease outlives it."""
        return time.clock_gettime_ns(time.CLOCK_BOOTTIME)


class ManualClock:
    """Clocks that stand still until they are set: for simulations and tests."""

    def __init__(self, now_ns: int = 1) -> None:
        self._now_ns = now_ns
        self._elapsed_ns = 0

    def now_ns(self) -> int:
        """Return the time it was set to."""
        return self._now_ns

    def elapsed_ns(self) -> int:
        """Return how far it was advanced."""
        return self._elapsed_ns

    def advance(self, ns: int) -> None:
        """Let time pass on both clocks."""
        assert ns >= 0
        self._now_ns += ns
        self._elapsed_ns += ns
