"""What the writer's thread of an engine does, one commit at a time, on a disk that may fail."""

from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from interlock.journal.rows import EMPTY, Entry, Head, Row, chained
from interlock.journal.sqlite import SqliteStore
from interlock.runtime.clock import NS_PER_S

if TYPE_CHECKING:
    from interlock.research.simulator.world import World

_TIDY_EVERY: Final = 40  # commits
_SLOW_NS: Final = 2 * NS_PER_S


class Writing:
    """The journal of one process.

    Args:
        world: Whose disk it is on.
        store: Opened.
    """

    def __init__(self, world: "World", store: SqliteStore) -> None:
        self.head: Head = EMPTY
        self.waiting: deque[Entry] = deque()
        self._world = world
        self._store = store
        self._due_ns = 0
        self._commits = 0

    def commit(self, *, now: bool) -> list[Row]:
        """Write what waits; return it when it is durable, and nothing when there is none.

        Args:
            now: Even on a slow disk.

        Raises:
            Crash: The process ended while it was writing.
            JournalError: The journal failed.
        """
        if not self.waiting or not (now or self._is_time()):
            return []
        self._due_ns = 0
        rows: list[Row] = []
        head = self.head
        for entry in self.waiting:
            row = chained(entry, head)
            rows.append(row)
            head = Head(seq=entry.last_seq, hash=row.hash)
        self._world.fuse.at("appending")
        self._write(lambda: self._store.append(rows))
        self.head = head
        self.waiting.clear()
        self._world.fuse.at("committed")
        return rows

    def _is_time(self) -> bool:
        """Return whether a slow disk is done by now."""
        now_ns = self._world.clock.elapsed_ns()
        if now_ns < self._due_ns:
            return False
        if self._world.disk.is_slow and self._due_ns == 0:
            self._due_ns = now_ns + _SLOW_NS
            return False
        return True

    def tidy(self) -> None:
        """Do what housekeeping is due between two commits."""
        self._commits += 1
        if self._commits % _TIDY_EVERY == 0:
            self._world.fuse.at("checkpointing")
            self._write(lambda: self._store.tidy(idle=True))

    def _write(self, what: Callable[[], None]) -> None:
        """Write to the journal; a crash in the middle of it is seen by the disk."""
        try:
            what()
        finally:
            self._world.disk.check()
