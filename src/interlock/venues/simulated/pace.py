"""How fast a recording is told: bars per second, a multiple of its own time, or all it can."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from interlock.kernel.codes import Kind
from interlock.kernel.records import Row

_NS_PER_S: Final = 1_000_000_000
_FASTEST: Final = 1_000_000.0
_SPEED: Final = re.compile(r"(?P<number>\d+(?:\.\d+)?)(?P<unit>bars?/s|x)")


class PaceError(ValueError):
    """Text that is no speed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """A speed; both None for all it can.

    Attributes:
        bars_per_s: That many bars in a second, whatever their times.
        factor: That many seconds of the recording in a second.
    """

    bars_per_s: float | None = None
    factor: float | None = None

    def __str__(self) -> str:
        """Return it as people write it."""
        if self.bars_per_s is not None:
            return f"{self.bars_per_s:g}bars/s"
        return "max" if self.factor is None else f"{self.factor:g}x"

    def pause_s(self, row: Row, before_ns: int) -> float:
        """Return how long after the row before it a row is told.

        Args:
            row: The next one.
            before_ns: The recording's time at the one before.
        """
        if self.bars_per_s is not None:
            return 1 / self.bars_per_s if row["kind"] == Kind.BAR else 0.0
        if self.factor is None:
            return 0.0
        return float(max(int(row["ts_ns"]) - before_ns, 0)) / _NS_PER_S / self.factor


def read_pace(text: str) -> Pace:
    """Return the speed that a person wrote.

    Raises:
        PaceError: It is none.

    >>> read_pace("10bars/s"), str(read_pace("60x"))
    (Pace(bars_per_s=10.0, factor=None), '60x')
    """
    found = _SPEED.fullmatch(text.strip().lower())
    if found is not None and 0 < float(found["number"]) <= _FASTEST:
        number = float(found["number"])
        return Pace(factor=number) if found["unit"] == "x" else Pace(bars_per_s=number)
    if text.strip().lower() == "max":
        return Pace()
    raise PaceError(
        "--speed must be bars per second such as 10bars/s, a multiple of the recording's time such "
        f"as 1x or 60x (above 0, at most {_FASTEST:,.0f}), or max, was {text!r}."
    )


ALL_IT_CAN: Final = Pace()


class Pacer:
    """Tells how long to wait for the next row. Who comes late does not hurry afterwards.

    Args:
        pace: The speed.
        clock: Seconds since some moment, never falling.
    """

    def __init__(self, pace: Pace, clock: Callable[[], float]) -> None:
        self._pace = pace
        self._clock = clock
        self._told_s: float | None = None
        self._told_ns = 0

    def wait_s(self, row: Row | None) -> float:
        """Return how long to wait before ``row`` is told; None is told at once."""
        if row is None or self._told_s is None:
            return 0.0
        due_s = self._told_s + self._pace.pause_s(row, self._told_ns)
        return max(due_s - self._clock(), 0.0)

    def told(self, row: Row | None) -> None:
        """Note that ``row`` is told now."""
        if row is None:
            return
        now_s = self._clock()
        if self._told_s is not None:
            # On time: count on from when it was due, so that small delays do not add up.
            due_s = self._told_s + self._pace.pause_s(row, self._told_ns)
            pause_s = self._pace.pause_s(row, self._told_ns)
            now_s = due_s if now_s - due_s < pause_s else now_s
        self._told_s = now_s
        self._told_ns = int(row["ts_ns"])
