"""The calendar of a live session: days, sessions and blackouts when they are due, by the clock.

A recording is told its calendar with its data. Live, nobody tells it: what is due by the time of
day is put before the kernel like a person's word. After a start, sessions and blackouts are put
right first, because nobody knows what was missed meanwhile.
"""

from collections import deque
from collections.abc import Callable
from typing import Final

import numpy as np

from interlock.kernel.codes import ACCOUNT, Kind, Release
from interlock.kernel.records import Row, Rows, rows
from interlock.kernel.state import StateArray
from interlock.runtime.clock import NS_PER_S

HORIZON_NS: Final = 3 * 86_400 * NS_PER_S  # planned ahead; planned anew when it is half over
MISSED_NS_MAX: Final = 30 * 86_400 * NS_PER_S  # a longer absence has missed a day in any case
TIMER_NS: Final = NS_PER_S  # between two that let cooldowns end

Plan = Callable[[int, int], Rows]  # the rows of ``data.calendars.boundaries`` between two times
Offer = Callable[[Rows], bool]


class Schedule:
    """What is due.

    Args:
        plan: The calendar.
        always_open: Of each instrument, whether it has no sessions.
        since_ns: The time of the journal's last event: days that began after it were missed.
    """

    def __init__(self, plan: Plan, always_open: list[bool], *, since_ns: int) -> None:
        self._plan = plan
        self._always_open = always_open
        self._since_ns = since_ns
        self._waiting: deque[Row] = deque()
        self._planned_ns = 0  # until when the calendar was read; 0 before the first time
        self._timer_ns = 0

    def plan_with(self, plan: Plan) -> None:
        """Go on with another calendar; what was read of the one before is forgotten."""
        self._plan = plan
        self._waiting.clear()
        self._planned_ns = 0

    def mind(self, now_ns: int, state: StateArray, offer: Offer) -> None:
        """Put before the kernel what is due; what is not taken is put there again the next time.

        Args:
            now_ns: The time of day.
            state: What the kernel believes.
            offer: Takes a row of shape (1,), or says that it has no room.
        """
        if self._planned_ns == 0:
            self._waiting.extend(self._to_put_right(now_ns, state))
            self._read(now_ns, now_ns + HORIZON_NS)
        elif now_ns + HORIZON_NS // 2 > self._planned_ns:
            self._read(self._planned_ns, now_ns + HORIZON_NS)
        while self._waiting and self._waiting[0]["ts_ns"] <= now_ns:
            if not offer(_stamped(self._waiting[0], now_ns)):
                return
            self._waiting.popleft()
        self._since_ns = max(self._since_ns, now_ns)
        if now_ns - self._timer_ns >= TIMER_NS and _has_cooled(state, now_ns):
            self._timer_ns = now_ns
            offer(_rows_of(Kind.TIMER, ACCOUNT, now_ns, 1))

    def _read(self, after_ns: int, until_ns: int) -> None:
        """Read the calendar on. What runs already comes with the time it is read from: left out."""
        found = self._plan(after_ns, until_ns)
        self._waiting.extend(found[found["ts_ns"] > after_ns])
        self._planned_ns = until_ns

    def _to_put_right(self, now_ns: int, state: StateArray) -> Rows:
        """Return what makes the kernel believe what the calendar says of now.

        One day is begun however many were missed: each after the first would change nothing.
        """
        since_ns = min(max(self._since_ns, now_ns - MISSED_NS_MAX), now_ns)
        missed = self._plan(since_ns, now_ns)
        has_day = ((missed["kind"] == Kind.DAY) & (missed["ts_ns"] > since_ns)).any()
        runs = self._plan(now_ns, now_ns)
        closing: list[Rows] = []
        opening: list[Rows] = []
        ending, starting = [], []
        for number, always_open in enumerate(self._always_open):
            mine = runs["kind"][runs["instrument"] == number]
            believed = state["instruments"][0, number]
            is_open = bool((mine == Kind.SESSION_OPEN).any())
            if not always_open and is_open != bool(believed["session_open"]):
                kind = Kind.SESSION_OPEN if is_open else Kind.SESSION_CLOSE
                (opening if is_open else closing).append(_rows_of(kind, number, now_ns, 1))
            more = int((mine == Kind.BLACKOUT_START).sum()) - int(believed["blackouts"])
            starting.append(_rows_of(Kind.BLACKOUT_START, number, now_ns, max(more, 0)))
            ending.append(_rows_of(Kind.BLACKOUT_END, number, now_ns, max(-more, 0)))
        day = _rows_of(Kind.DAY, ACCOUNT, now_ns, int(has_day))
        return np.concatenate([*closing, *ending, day, *opening, *starting])


def _rows_of(kind: Kind, instrument: int, now_ns: int, count: int) -> Rows:
    """Return so many of the same row."""
    found = rows(count)
    found["kind"] = kind
    found["instrument"] = instrument
    found["ts_ns"] = now_ns
    found["src_ts_ns"] = now_ns
    return found


def _stamped(row: Row, now_ns: int) -> Rows:
    """Return a row as it is put before the kernel: it happens when it is told."""
    found: Rows = row.copy().reshape(1)
    found["ts_ns"] = now_ns
    return found


def _has_cooled(state: StateArray, now_ns: int) -> bool:
    """Return whether a latch's cooldown is over, and nobody has told it."""
    latches = state["latches"][0, : int(state["account"]["latches"][0])]
    waits = (latches["release"] & Release.COOLDOWN != 0) & (latches["met"] & Release.COOLDOWN == 0)
    return bool((waits & (latches["cooldown_until_ns"] <= now_ns)).any())
