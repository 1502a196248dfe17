"""The thread that writes: everything that waits goes into one transaction, which is synced once.

Nothing may leave the engine before it is durable, so what waits for the disk waits together: the
slower the disk, the larger the group. The first commit that fails is the last: nothing is tried
again, because after a failed sync nobody knows what a second one would have written.
"""

import threading
from collections import deque
from collections.abc import Callable, Iterable
from typing import Final, Protocol

from interlock.journal.anchoring import Anchoring
from interlock.journal.errors import FencedError, StoreError
from interlock.journal.port import Store
from interlock.journal.rows import Entry, Head, Row, row_hash

GROUP_ENTRIES_MAX: Final = 3_000  # in one transaction
GROUP_BYTES_MAX: Final = 8 << 20
WAITING_ENTRIES_MAX: Final = 65_536
WAITING_BYTES_MAX: Final = 64 << 20
IDLE_S: Final = 0.1  # without anything to write, after which there is time to tidy
_ROW_BYTES: Final = 200  # that an entry takes beside its bytes


class Busy(Protocol):
    """Whoever wants to know when the store is in use."""

    def __call__(self, *, begins: bool) -> None:
        """Be told that its use begins, or is over."""


class Writer:
    """Writes entries in the order they are put, and says how far they are durable.

    Both callbacks run in the writer's thread and must return soon; neither may ``put``.

    Args:
        store: Used by this writer alone from now on, until it is closed.
        head: Of the store.
        on_durable: Called with the last durable seq, once for every transaction.
        on_failed: Called once, with what went wrong; nothing is written after it.
        anchoring: Told every durable head; closed with the writer.
        on_busy: Told when the store begins to be used, and when it has been: whoever watches can
            tell a slow disk from an engine that hangs.
        waiting_entries_max: Entries that may wait before ``put`` does.
        waiting_bytes_max: Bytes that may wait before ``put`` does.
    """

    def __init__(
        self,
        store: Store,
        head: Head,
        *,
        on_durable: Callable[[int], None],
        on_failed: Callable[[BaseException], None],
        anchoring: Anchoring | None = None,
        on_busy: Busy | None = None,
        waiting_entries_max: int = WAITING_ENTRIES_MAX,
        waiting_bytes_max: int = WAITING_BYTES_MAX,
    ) -> None:
        self._store = store
        self._head = head
        self._put_seq = head.seq
        self._on_durable = on_durable
        self._on_failed = on_failed
        self._anchoring = anchoring
        self._on_busy = on_busy
        self._waiting_entries_max = waiting_entries_max
        self._waiting_bytes_max = waiting_bytes_max
        self._waiting: deque[Entry] = deque()
        self._waiting_bytes = 0
        self._genesis_hash = b""
        self._closing = False
        self._failed: BaseException | None = None
        lock = threading.Lock()
        self._work = threading.Condition(lock)  # something to write, or to close
        self._progress = threading.Condition(lock)  # something became durable, or never will
        self._thread = threading.Thread(target=self._run, name="journal writer", daemon=True)
        self._thread.start()

    @property
    def durable_seq(self) -> int:
        """The last seq that is on the disk."""
        return self._head.seq

    @property
    def is_full(self) -> bool:
        """Whether ``put`` would wait. Whoever may not wait takes in nothing new until it is not."""
        return (
            len(self._waiting) >= self._waiting_entries_max
            or self._waiting_bytes >= self._waiting_bytes_max
        )

    def put(self, entries: Iterable[Entry]) -> None:
        """Hand over entries that follow the ones before, in order, without gaps.

        Returns at once while there is room, and waits for the disk when there is none: an entry
        that the kernel has acted on is never dropped. Nothing is durable when this returns.

        Raises:
            StoreError: The journal failed before, and these entries are not written.
            FencedError: Another engine holds the journal, and these entries are not written.
        """
        with self._work:
            for entry in entries:
                assert entry.seq == self._put_seq + 1
                while self.is_full and self._failed is None:
                    self._progress.wait()
                self._check_usable()
                self._waiting.append(entry)
                self._waiting_bytes += _bytes_of(entry)
                self._put_seq = entry.last_seq
                self._work.notify()

    def wait(self, seq: int, timeout_s: float | None = None) -> bool:
        """Wait until a seq is durable; return whether it is.

        Raises:
            StoreError: It will never be.
            FencedError: It will never be: another engine holds the journal.
        """
        with self._progress:
            assert seq <= self._put_seq
            self._progress.wait_for(
                lambda: self._head.seq >= seq or self._failed is not None, timeout_s
            )
            if self._head.seq < seq:
                self._check_usable(allow_closed=True)
            return self._head.seq >= seq

    def close(self) -> None:
        """Write what waits, publish the last anchor and end the thread; the store stays open.

        Raises:
            StoreError: Something that was put is not durable.
            FencedError: The same, because another engine holds the journal.
        """
        with self._work:
            self._closing = True
            self._work.notify()
        self._thread.join()
        if self._anchoring is not None:
            self._anchoring.close()
        if self._put_seq != self._head.seq:
            self._check_usable(allow_closed=True)

    def _check_usable(self, *, allow_closed: bool = False) -> None:
        if self._failed is not None:
            kind = FencedError if isinstance(self._failed, FencedError) else StoreError
            raise kind(f"nothing more is written after a failure: {self._failed}")
        if self._closing and not allow_closed:
            raise StoreError("nothing more is written: the journal's writer was closed.")

    def _run(self) -> None:
        tidied = False
        try:
            while True:
                with self._work:
                    something = self._work.wait_for(
                        lambda: bool(self._waiting) or self._closing, None if tidied else IDLE_S
                    )
                    group = self._taken()
                if not group and something:
                    return
                self._is_busy(begins=True)
                if group:
                    self._write(group)
                else:
                    self._store.tidy(idle=True)
                self._is_busy(begins=False)
                tidied = not group
        except BaseException as error:  # noqa: BLE001 - whatever it is, nothing is written after it
            with self._progress:
                self._failed = error
                self._waiting.clear()
                self._waiting_bytes = 0
                self._progress.notify_all()
            self._on_failed(error)

    def _is_busy(self, *, begins: bool) -> None:
        if self._on_busy is not None:
            self._on_busy(begins=begins)

    def _taken(self) -> list[Entry]:
        """Take the entries of the next transaction from what waits."""
        group: list[Entry] = []
        taken_bytes = 0
        while self._waiting and len(group) < GROUP_ENTRIES_MAX and taken_bytes < GROUP_BYTES_MAX:
            entry = self._waiting.popleft()
            taken_bytes += _bytes_of(entry)
            group.append(entry)
        self._waiting_bytes -= taken_bytes
        return group

    def _write(self, group: list[Entry]) -> None:
        rows = []
        previous = self._head.hash
        for entry in group:
            own = row_hash(previous, entry)
            rows.append(Row(entry=entry, previous=previous, hash=own))
            previous = own
        self._store.append(rows)
        head = Head(seq=group[-1].last_seq, hash=previous)
        with self._progress:
            self._head = head
            self._progress.notify_all()
        self._on_durable(head.seq)
        if self._anchoring is not None:
            self._anchoring.note(self._genesis(rows[0]), head)
        self._store.tidy(idle=False)

    def _genesis(self, row: Row) -> bytes:
        """Return the hash of the journal's first row, by which its anchors know it."""
        if not self._genesis_hash:
            self._genesis_hash = row.hash
            if row.entry.seq > 1:
                self._genesis_hash = next(self._store.read()).hash
        return self._genesis_hash


def _bytes_of(entry: Entry) -> int:
    return _ROW_BYTES + len(entry.body) + len(entry.payload)
