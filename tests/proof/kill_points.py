"""Where an engine may be killed by name, and what it leaves behind for who looks at it then.

A child that was just forked wraps a few functions of its own process; the engine itself knows
nothing of it. When the point is passed for the n-th time the process sends itself SIGKILL, which
nobody can catch. What it saw acknowledged is written to memory that outlives it.
"""

import mmap
import os
import random
import signal
import struct
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

from interlock.app import engine as app
from interlock.journal.anchors import Anchors
from interlock.journal.postgres import PostgresStore
from interlock.journal.rows import EMPTY, Head, Row, RowKind
from interlock.journal.sqlite import SqliteStore
from interlock.runtime.engine import Engine
from interlock.runtime.last_gate import LastGate, Outgoing
from interlock.runtime.link import Link
from interlock.venues.port import Amend, Cancel, Message, NewOrder, Report

# Every point, and how often it is passed at most before the kill.
POINTS: Final = {
    "opened": 1,  # nothing is read yet
    "verified": 1,  # the journal is, and not recovered
    "recovered": 1,
    "begun": 1,  # the first entries are made, none is written
    "reconciling": 2,  # an answer about an order is taken
    "compared": 1,  # the account's answer is
    "decided": 60,  # in memory alone
    "before_commit": 40,
    "in_commit": 40,  # everything is written, nothing is committed
    "after_commit": 40,  # durable, and nobody was told
    "before_send": 10,
    "in_gate": 10,  # the last gate has let an order through, and no byte has left
    "half_sent": 10,  # some bytes of an order are the system's
    "half_sent_change": 4,  # of a cancel or an amendment
    "after_send": 10,
    "after_change": 4,
    "heard": 12,  # a report was read, and not decided on
    "snapshot": 1,  # before it is committed
    "snapshot_committed": 1,
    "anchor": 2,  # half a line is written
    "checkpoint": 1,  # while the write-ahead log is copied
}
_SNAPSHOTS: Final = (RowKind.SNAPSHOT, RowKind.SEGMENT)
_SLOT: Final = struct.Struct("<q32s")
_BYTES: Final = 4_096
_CHOSEN: Final = 256  # which of the two slots holds
_HIT: Final = 257
_SENT: Final = struct.Struct("<q")
_SENT_AT: Final = 264  # bytes of orders that left after the point


class Marks:
    """What an engine saw, in a file in memory that outlives it.

    Args:
        path: Of the file.
        new: Whether to begin it.
    """

    def __init__(self, path: Path, *, new: bool) -> None:
        if new:
            path.write_bytes(bytes(_BYTES))
        with path.open("r+b") as file:
            self._memory = mmap.mmap(file.fileno(), _BYTES)

    def acknowledge(self, row: Row) -> None:
        """Note that everything up to a row is durable; one of two slots always holds."""
        slot = 1 - self._memory[_CHOSEN]
        _SLOT.pack_into(self._memory, slot * 64, row.entry.last_seq, row.hash)
        self._memory[_CHOSEN] = slot

    @property
    def acknowledged(self) -> Head:
        """How far the journal was durable, as the engine was told."""
        seq, own = _SLOT.unpack_from(self._memory, self._memory[_CHOSEN] * 64)
        return Head(seq=seq, hash=own) if seq else EMPTY

    def hit(self) -> None:
        """Note that the point was reached."""
        self._memory[_HIT] = 1

    @property
    def was_hit(self) -> bool:
        """Whether the engine was killed at its point."""
        return self._memory[_HIT] == 1

    def sent(self, count: int) -> None:
        """Note that bytes of an order leave, if the point is behind us."""
        if self.was_hit:
            _SENT.pack_into(self._memory, _SENT_AT, self.sent_after + count)

    @property
    def sent_after(self) -> int:
        """How many bytes of orders left after the point was passed."""
        return int(_SENT.unpack_from(self._memory, _SENT_AT)[0])


class Killer:
    """Kills its own process when one point was passed often enough, or stops it.

    Args:
        point: Its name; nothing for never.
        count: How often it is passed, the last time included.
        seed: For how many bytes are sent, and how long a checkpoint goes on.
        marks: What is left behind.
        by: The signal: SIGKILL, or SIGSTOP for one that goes on later.
    """

    def __init__(
        self,
        point: str,
        count: int,
        seed: int,
        marks: Marks,
        by: signal.Signals = signal.SIGKILL,
    ) -> None:
        assert point in POINTS or not point
        self._by = by
        self._point = point
        self._left = count
        self._marks = marks
        self.chance = random.Random(seed)  # noqa: S311 - no secret

    def is_due(self, point: str) -> bool:
        """Return whether this is the time; each call is one passing."""
        if point != self._point:
            return False
        self._left -= 1
        return self._left == 0

    def die(self) -> None:
        """End this process, now, or stop all of it until somebody lets it go on."""
        self._marks.hit()
        os.kill(os.getpid(), self._by)

    def at(self, point: str) -> None:
        """Pass a point."""
        if self.is_due(point):
            self.die()

    def soon(self) -> None:
        """End this process in a moment, wherever it is then."""
        wait_s = self.chance.uniform(0, 0.001)
        threading.Timer(wait_s, self.die).start()

    # --- what is wrapped --------------------------------------------------------------------------

    def install(self) -> None:
        """Wrap what passes the points, in this process alone."""
        self._wrap(app, "inputs_of", before="verified")
        self._wrap(app, "open_journal", before="opened")
        self._wrap(app, "recover", after="recovered")
        self._wrap(app, "begin", after="begun")
        self._wrap(Link, "answered", before="reconciling")
        self._wrap(Link, "looked", before="compared")
        self._wrap(Engine, "_keep", before="decided")
        _around(SqliteStore, "append", self._append)
        _around(PostgresStore, "append", self._append)
        _around(SqliteStore, "checkpoint", self._checkpoint)
        _around(SqliteStore, "close", self._checkpoint)
        _around(LastGate, "send", self._send)
        _around(Engine, "_hear", self._hear)
        _around(Anchors, "_append", self._anchor)

    def _wrap(self, owner: Any, name: str, *, before: str = "", after: str = "") -> None:
        def make(original: Callable[..., Any]) -> Callable[..., Any]:
            def passing(*given: Any, **named: Any) -> Any:
                self.at(before)
                found = original(*given, **named)
                self.at(after)
                return found

            return passing

        _around(owner, name, make)

    def _append(self, original: Callable[..., None]) -> Callable[..., None]:
        def append(store: SqliteStore | PostgresStore, rows: Sequence[Row]) -> None:
            snapshot = any(row.entry.kind in _SNAPSHOTS for row in rows)
            self.at("before_commit")
            if snapshot:
                self.at("snapshot")
            if isinstance(store, SqliteStore):
                store._connection.set_commit_hook(self._in_commit)
            original(store, rows)
            self._marks.acknowledge(rows[-1])
            self.at("after_commit")
            if snapshot:
                self.at("snapshot_committed")

        return append

    def _in_commit(self) -> bool:
        self.at("in_commit")
        return False

    def _checkpoint(self, original: Callable[..., None]) -> Callable[..., None]:
        def checkpoint(store: SqliteStore) -> None:
            due = not store._read_only and self.is_due("checkpoint")
            if due:
                self.soon()
            original(store)
            if due:
                self.die()

        return checkpoint

    def _send(self, original: Callable[..., Any]) -> Callable[..., Any]:
        def send(
            gate: LastGate, outgoing: Outgoing, durable_seq: int, write: Callable[[bytes], None]
        ) -> Any:
            new = isinstance(outgoing.request, NewOrder)
            assert new or isinstance(outgoing.request, Cancel | Amend)
            self.at("before_send")

            def write_some(wire: bytes) -> None:
                self.at("in_gate")
                if self.is_due("half_sent" if new else "half_sent_change"):
                    write(wire[: self.chance.randrange(1, len(wire))])
                    self.die()
                # Before it does: a stop that comes with the end of the write came after it.
                self._marks.sent(len(wire))
                write(wire)

            stopped = original(gate, outgoing, durable_seq, write_some)
            if stopped is None:
                self.at("after_send" if new else "after_change")
            return stopped

        return send

    def _hear(self, original: Callable[..., None]) -> Callable[..., None]:
        def hear(engine: Engine, message: Message) -> None:
            if isinstance(message, Report):
                self.at("heard")
            original(engine, message)

        return hear

    def _anchor(self, original: Callable[..., None]) -> Callable[..., None]:
        def append(anchors: Anchors, path: Path, anchor: Any) -> None:
            if self.is_due("anchor"):
                line = anchor.line()
                with path.open("ab") as file:
                    file.write(line[: self.chance.randrange(1, len(line))])
                self.die()
            original(anchors, path, anchor)

        return append


def _around(owner: Any, name: str, make: Callable[[Any], Any]) -> None:
    """Put something around a function."""
    setattr(owner, name, make(getattr(owner, name)))
