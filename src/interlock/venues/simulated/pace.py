"""When the next row of a recording is told, at the speed that a person chose."""

from collections.abc import Callable
from typing import Final

from interlock.config.speed import Speed, SpeedKind
from interlock.kernel.codes import Kind
from interlock.kernel.records import Row

ALL_IT_CAN: Final = Speed(kind=SpeedKind.MAX)

_NS_PER_S: Final = 1_000_000_000


class Pacer:
    """Tells how long to wait for the next row. Who comes late does not hurry afterwards.

    Args:
        speed: Bars per second count bars alone; what is told between two of them waits for nothing.
        clock: Seconds since some moment, never falling.
    """

    def __init__(self, speed: Speed, clock: Callable[[], float]) -> None:
        self._speed = speed
        self._clock = clock
        self._told_s: float | None = None
        self._told_ns = 0

    def _pause_s(self, row: Row) -> float:
        """Return how long after the row before it a row is told."""
        if self._speed.kind is SpeedKind.BARS and row["kind"] != Kind.BAR:
            return 0.0
        return self._speed.wait_ns(max(int(row["ts_ns"]) - self._told_ns, 0)) / _NS_PER_S

    def wait_s(self, row: Row | None) -> float:
        """Return how long to wait before ``row`` is told; None is told at once."""
        if row is None or self._told_s is None:
            return 0.0
        return max(self._told_s + self._pause_s(row) - self._clock(), 0.0)

    def told(self, row: Row | None) -> None:
        """Note that ``row`` is told now."""
        if row is None:
            return
        now_s = self._clock()
        if self._told_s is not None:
            # On time: count on from when it was due, so that small delays do not add up.
            pause_s = self._pause_s(row)
            due_s = self._told_s + pause_s
            now_s = due_s if now_s - due_s < pause_s else now_s
        self._told_s = now_s
        self._told_ns = int(row["ts_ns"])
