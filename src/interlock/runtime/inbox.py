"""The inbox: what waits to be decided on, in the order of what may least be lost.

Reports of our orders come first and are never dropped: when they pile up, the venue has to wait.
Operators come second, signals third, market data last; quotes and trades of a symbol that nobody
got round to are replaced by newer ones, bars are not.
"""

from collections import OrderedDict, deque
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

import numpy as np

from interlock.kernel.codes import Kind
from interlock.kernel.records import ROW, Row, Rows

_CONFLATED: Final = (int(Kind.QUOTE), int(Kind.TRADE))
TAKE_ROWS: Final = 256  # decided on at a time: beyond that, what is urgent waits too long


class Lane(IntEnum):
    """Who goes first."""

    REPORT = 0
    OPERATOR = 1
    SIGNAL = 2
    MARKET = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """How many rows may wait in each lane; beyond that the lane is full."""

    report: int = 16_384
    operator: int = 1_024
    signal: int = 4_096
    market: int = 65_536

    def of(self, lane: Lane) -> int:
        """Return the room in one lane."""
        return (self.report, self.operator, self.signal, self.market)[lane]


@dataclass(slots=True, kw_only=True)
class Counts:
    """What happened to what came in."""

    taken: int = 0
    conflated: int = 0
    turned_away: int = 0
    waiting_max: int = 0


_Waiting = tuple[Row, bytes]  # a row, and the payload that came with it


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Taken:
    """Rows to decide on, shape (n,), and what came with some of them, by place."""

    rows: Rows
    payloads: dict[int, bytes]


class Inbox:
    """Four lanes, each with a cap."""

    def __init__(self, room: Room) -> None:
        self._room = room
        self._urgent: tuple[deque[_Waiting], ...] = tuple(deque() for _ in list(Lane)[:-1])
        self._market: OrderedDict[int, Row] = OrderedDict()  # by the order in which they came
        self._came = 0
        self._newest: dict[tuple[int, int], int] = {}  # the last quote and trade of each symbol
        self.counts = Counts()

    def __len__(self) -> int:
        return sum(self._waiting(lane) for lane in Lane)

    @property
    def urgent(self) -> int:
        """How many rows wait that go before the market."""
        return sum(map(len, self._urgent))

    def _waiting(self, lane: Lane) -> int:
        """Return how many rows wait in one lane."""
        return len(self._market) if lane is Lane.MARKET else len(self._urgent[lane])

    def is_full(self, lane: Lane) -> bool:
        """Return whether whoever fills this lane has to wait."""
        return self._waiting(lane) >= self._room.of(lane)

    def offer(self, lane: Lane, rows: Rows, payload: bytes = b"") -> bool:
        """Put rows in a lane; return whether they are in.

        Reports are always taken; the rest is turned away whole where there is no room. The
        payload belongs to the first row.
        """
        if lane is Lane.MARKET:
            self._offer_market(rows)
            return True
        waiting = self._urgent[lane]
        if lane is not Lane.REPORT and len(waiting) + len(rows) > self._room.of(lane):
            self.counts.turned_away += len(rows)
            return False
        waiting.extend((row, payload if place == 0 else b"") for place, row in enumerate(rows))
        self._note()
        return True

    def _offer_market(self, rows: Rows) -> None:
        """Put market data in; where it piles up, what is newer takes the place of what waits.

        Never dropped: bars and the calendar. Nothing is replaced while there is room, so that a
        day without load is journaled in full. What is newer goes to the end all the same, so that
        the rows of a feed are decided on in the order of their numbers.
        """
        for row in rows:
            self._came += 1
            if row["kind"] in _CONFLATED:
                key = (int(row["instrument"]), int(row["kind"]))
                before = self._newest.get(key)
                full = self.is_full(Lane.MARKET)
                if full and before is not None and before in self._market:
                    del self._market[before]
                    self.counts.conflated += 1
                self._newest[key] = self._came
            self._market[self._came] = row
        self._note()

    def _note(self) -> None:
        self.counts.waiting_max = max(self.counts.waiting_max, len(self))

    def take(self, count: int = TAKE_ROWS) -> Taken | None:
        """Return the next rows, most urgent first, or None when nothing waits."""
        found: list[_Waiting] = []
        for lane in self._urgent:
            while lane and len(found) < count:
                found.append(lane.popleft())
        while self._market and len(found) < count:
            found.append((self._market.popitem(last=False)[1], b""))
        if not found:
            return None
        self.counts.taken += len(found)
        # Not np.array of them: that works out the type of every field of every row again.
        rows = np.frombuffer(bytearray(b"".join(row.tobytes() for row, _ in found)), dtype=ROW)
        payloads = {place: payload for place, (_, payload) in enumerate(found) if payload}
        return Taken(rows=rows, payloads=payloads)
