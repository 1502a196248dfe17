"""Replaying: journaled events through the kernel again, and the commands compared bit for bit."""

import zlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from interlock.journal.errors import JournalError
from interlock.journal.rows import Entry, Row, RowKind
from interlock.kernel.codes import Kind
from interlock.kernel.policy import PolicyArray
from interlock.kernel.records import ROW, ROW_BYTES, Rows, new_out
from interlock.kernel.replay import advance
from interlock.kernel.state import StateArray
from interlock.runtime.entries import (
    Said,
    Tier,
    layout_digest,
    policy_of,
    said_by,
)
from interlock.runtime.fed import is_fed

CHUNK_EVENTS: Final = 16_384
WORDS_MAX: Final = 4  # commands in a message
SNAPSHOTS: Final = (RowKind.SNAPSHOT, RowKind.SEGMENT)

_MARKET: Final = RowKind.MARKET  # to look one up in its class takes longer than all else
_EVENT: Final = RowKind.EVENT
_KIND_BYTES: Final = 4
_POLICY_SET: Final = int(Kind.POLICY_SET).to_bytes(_KIND_BYTES, "little")
_WORDS_MAX: Final = 4
_NAMES: Final = {int(kind): kind.name for kind in Kind}
assert ROW.fields is not None
assert ROW.fields["kind"][1] == 0

Told = Callable[[int], None]  # events so far
Watched = Callable[[Rows], None]  # events, in order, after they were handled


class ReplayError(JournalError):
    """A journal that this Interlock does not replay to what it says."""


def _nobody(_events: int) -> None:
    """Tell nobody."""


def _unwatched(_events: Rows) -> None:
    """Show nobody."""


@dataclass(slots=True, kw_only=True)
class Remembered:
    """What a journal says beside the kernel's state.

    Attributes:
        starts: (seq, epoch) of every start that was read.
        said: What the last start said of itself.
        stopped: Whether the last process said that it stopped.
        policy_seq: Of the last POLICY_SET.
        feed: The last number of the venue's feed.
        seq: The last that was read.
        ts_ns: Its time.
        events: How many events were replayed.
        commands: How many commands they caused.
        snapshots: How many snapshots were compared.
    """

    starts: list[tuple[int, int]] = field(default_factory=list)
    said: Said = field(default_factory=dict)
    stopped: bool = True
    policy_seq: int = 0
    feed: int = 0
    seq: int = 0
    ts_ns: int = 0
    events: int = 0
    commands: int = 0
    snapshots: int = 0

    def note(self, entry: Entry) -> None:
        """Take what a process said."""
        content = said_by(entry)
        if content.get("what") == "start":
            self.starts.append((entry.seq, int(content["epoch"])))
            self.said = content
            self.stopped = False
        elif content.get("what") == "stop":
            self.stopped = True


class Replayer:
    """The kernel over journaled rows, from a state on.

    Args:
        policy: Shape (1,); written to by every POLICY_SET.
        state: Shape (1,); written to.
        tier: Capacities.
        where: The journal, for messages.
        watch: Shown the events once they were handled.
    """

    def __init__(
        self,
        policy: PolicyArray,
        state: StateArray,
        tier: Tier,
        *,
        where: str,
        watch: Watched = _unwatched,
    ) -> None:
        self.policy = policy
        self.state = state
        self.remembered = Remembered()
        self._tier = tier
        self._where = where
        self._watch = watch
        self._out = new_out()
        self._waiting: list[bytes] = []  # events that wait, one after the other
        self._waiting_bytes = 0
        self._expected: dict[int, bytes] = {}  # commands of theirs, by seq

    def run(self, rows: Iterable[Row], tell: Told = _nobody) -> Remembered:
        """Replay rows in their order.

        Raises:
            ReplayError: A command or a snapshot is not what the journal says.
        """
        for row in rows:
            self._one(row.entry)
            if self._waiting_bytes >= CHUNK_EVENTS * ROW_BYTES:
                self._flush()
                tell(self.remembered.events)
        self._flush()
        tell(self.remembered.events)
        return self.remembered

    def _one(self, entry: Entry) -> None:
        kept = self.remembered
        kind = entry.kind
        if kind is _MARKET:
            if not entry.body:
                raise ReplayError(
                    f"journal {self._where} cannot be replayed over record {entry.seq}: its market "
                    "data was dropped after its retention. Next: replay from a later snapshot."
                )
            self._wait(entry.body)
        elif kind is _EVENT:
            if entry.body[:_KIND_BYTES] == _POLICY_SET:
                self._flush()
                self.policy[:] = policy_of(entry, self._tier)
                kept.policy_seq = entry.seq
            if len(entry.body) > ROW_BYTES:
                self._expected[entry.seq] = entry.body[ROW_BYTES:]
            self._wait(entry.body[:ROW_BYTES])
        elif kind is RowKind.NOTE:
            kept.note(entry)
        elif kind in SNAPSHOTS:
            self._flush()
            self._compare_snapshot(entry)
        kept.seq = entry.last_seq
        kept.ts_ns = max(kept.ts_ns, entry.ts_ns)

    def _wait(self, events: bytes) -> None:
        self._waiting.append(events)
        self._waiting_bytes += len(events)

    def _flush(self) -> None:
        """Hand the events that wait to the kernel, and compare what it commands."""
        if not self._waiting:
            return
        # A copy that may be written to: machine code is made for that kind of array.
        events = np.frombuffer(bytearray(b"".join(self._waiting)), dtype=ROW)
        self._waiting = []
        self._waiting_bytes = 0
        start = 0
        while start < len(events):
            at = advance(self.policy, self.state, events, start, self._out)
            if at < len(events):
                self._compare(int(events["seq"][at]))
            start = at + 1
        if self._expected:
            seq = min(self._expected)
            raise self._error(seq, _words(self._expected[seq]), "nothing")
        kept = self.remembered
        kept.events += len(events)
        kept.feed = max(kept.feed, int(events["ext_lo"][is_fed(events)].max(initial=0)))
        self._watch(events)

    def _compare(self, seq: int) -> None:
        count = int(self.state["account"]["sub"][0])
        found = self._out["rows"][0, :count].tobytes()
        expected = self._expected.pop(seq, b"")
        self.remembered.commands += count
        if found != expected:
            raise self._error(seq, _words(expected), _words(found))

    def _compare_snapshot(self, entry: Entry) -> None:
        if said_by(entry)["layout"] != layout_digest(self._tier):
            return  # another version of Interlock wrote it: what it says cannot be compared
        if zlib.decompress(entry.body) != self.state.tobytes():
            raise self._error(entry.seq, "the state of its snapshot", "another state")
        self.remembered.snapshots += 1

    def _error(self, seq: int, expected: str, found: str) -> ReplayError:
        build = self.remembered.said.get("build", "unknown")
        return ReplayError(
            f"journal {self._where} must replay at record {seq} to {expected}, was {found}. "
            f"It was written by build {build}. Next: replay it with the version that wrote it."
        )


def _words(commands: bytes) -> str:
    """Return commands in a few words."""
    rows = np.frombuffer(commands, dtype=ROW)
    if len(rows) == 0:
        return "nothing"
    said = ", ".join(
        f"{_NAMES.get(int(row['kind']), row['kind'])} qty {row['qty']} price {row['price']} "
        f"trigger {row['trigger']}"
        for row in rows[:_WORDS_MAX]
    )
    return said + (f" and {len(rows) - _WORDS_MAX} more" if len(rows) > _WORDS_MAX else "")
