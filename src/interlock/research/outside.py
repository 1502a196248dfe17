"""What came from outside in a journal's session: bars, calendar, and what people asked for.

Its strategy's signals, reports and funding are no part of it: they are what the session made of
it. Signals that somebody else sent are.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from interlock.data.merge import BAR, Bars
from interlock.journal.rows import Row, RowKind
from interlock.kernel.codes import Kind
from interlock.kernel.policy import PolicyArray
from interlock.kernel.records import ROW, ROW_BYTES, Rows
from interlock.research.inputs import Rules
from interlock.research.traded import Traded, read_traded, rules_in
from interlock.runtime.entries import (
    Said,
    Tier,
    commands_of,
    events_of,
    policy_of,
    said_by,
    signal_key,
)

CALENDAR: Final = (
    *(Kind.DAY, Kind.SESSION_OPEN, Kind.SESSION_CLOSE, Kind.BLACKOUT_START, Kind.BLACKOUT_END),
    *(Kind.QUOTE, Kind.TRADE),
)
ASKED: Final = (
    *(Kind.POLICY_SET, Kind.HALT, Kind.RESUME, Kind.TIMER, Kind.HEALTH, Kind.CASH),
    *(Kind.VENUE_EQUITY, Kind.VENUE_HALT, Kind.VENUE_RESUME, Kind.ADOPTED),
)
PRICES: Final = ("open", "high", "low", "close", "volume")
_PART_BYTES: Final = 4 << 20


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Asked:
    """What came from people, monitors or the runtime, and where.

    Attributes:
        row: Shape (1,).
        bars: How many bars came before.
        facts: How many rows of the calendar came before.
        signals: How many signals had come since the bar before it.
        policy: Of a POLICY_SET: shape (1,).
    """

    row: Rows
    bars: int
    facts: int
    signals: int
    policy: PolicyArray | None


@dataclass(slots=True, kw_only=True)
class Session:
    """What a journal says that came from outside.

    Attributes:
        traded: What was traded.
        rules: Those that held first, which the venue was made from.
        asked: In their order.
        calendar: Rows, in their order.
        bars: Those of a tape, in their order, in parts.
        bar_count: How many there were.
        signals: How many came since the last bar.
        decided: Rows of the commands and the fills, in their order.
        starts: How often an engine was started.
        abandoned: How many orders the venue proved never to have had.
        ended: Whether the last process says that the recording had ended.
    """

    traded: Traded | None = None
    rules: Rules | None = None
    asked: list[Asked] = field(default_factory=list)
    calendar: bytearray = field(default_factory=bytearray)
    bars: list[Bars] = field(default_factory=list)
    bar_count: int = 0
    signals: int = 0
    decided: bytearray = field(default_factory=bytearray)
    starts: int = 0
    abandoned: int = 0
    ended: bool = False


class Reader:
    """Takes from a journal's rows what came from outside, while they go by.

    Args:
        tier: Capacities.
        where: The journal, for messages.
    """

    def __init__(self, tier: Tier, where: str) -> None:
        self.session = Session()
        self._tier = tier
        self._where = where
        self._waiting = bytearray()

    def passing(self, rows: Iterable[Row]) -> Iterator[Row]:
        """Yield rows, and take from them.

        Raises:
            JournalError: The journal does not say what it has to.
        """
        for row in rows:
            entry = row.entry
            if entry.kind is RowKind.NOTE:
                self._note(said_by(entry))
            elif entry.kind in {RowKind.EVENT, RowKind.MARKET}:
                self._take(row, events_of(entry))
            yield row
        self.flush()

    def _note(self, said: Said) -> None:
        if said.get("what") == "start":
            self.session.ended = False
            self.session.starts += 1
            if self.session.traded is None:
                self.session.traded = read_traded(said, self._where)
        elif said.get("what") == "stop":
            self.session.ended = said.get("why") == "ended"

    def _take(self, row: Row, events: Rows) -> None:
        found = self.session
        if (events["kind"] == Kind.BAR).all():
            self._waiting += row.entry.body[: len(events) * ROW_BYTES]
            found.bar_count += len(events)
            found.signals = 0
            if len(self._waiting) >= _PART_BYTES:
                self.flush()
        else:
            for place in range(len(events)):
                self._one(events[place : place + 1], row)
        commands = commands_of(row.entry)
        if len(commands):
            found.decided += commands.tobytes()

    def flush(self) -> None:
        """Turn the bars that wait into those of a tape, a quarter of their size."""
        self.session.bars.append(_bars(np.frombuffer(bytes(self._waiting), dtype=ROW)))
        self._waiting.clear()

    def _one(self, event: Rows, row: Row) -> None:
        found = self.session
        kind = event["kind"][0]
        if kind == Kind.BAR:
            self._waiting += event.tobytes()
            found.bar_count += 1
            found.signals = 0
        elif kind in CALENDAR:
            found.calendar += event.tobytes()
        elif kind == Kind.SIGNAL and not signal_key(event[0]):
            found.signals += 1
        elif kind == Kind.FILL:
            found.decided += event.tobytes()
        elif kind == Kind.ABSENT:
            found.abandoned += 1
        elif kind in ASKED or kind == Kind.SIGNAL:
            policy = None
            if kind == Kind.POLICY_SET:
                policy = policy_of(row.entry, self._tier)
                if found.rules is None:
                    found.rules = rules_in(str(said_by(row.entry)["canonical"]), self._where)
            found.asked.append(
                Asked(
                    row=event.copy(),
                    bars=found.bar_count,
                    facts=len(found.calendar) // ROW_BYTES,
                    signals=found.signals,
                    policy=policy,
                )
            )


def _bars(events: Rows) -> Bars:
    """Return BAR events as bars of a tape: ``value`` is when one opened."""
    found = np.zeros(len(events), dtype=BAR)
    found["close_ns"] = events["src_ts_ns"]
    found["open_ns"] = events["value"]
    found["instrument"] = events["instrument"]
    for name in PRICES:
        found[name] = events[name]
    return found
