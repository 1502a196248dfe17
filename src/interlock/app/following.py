"""Following a journal while its engine writes: a thread that reads what is new and hands it on.

It only reads, a few rows at a time, so that no reader keeps the write-ahead log from being emptied.
A journal that is not there yet, cannot be read just now, or was put away for another one is waited
for; nothing that waits for this thread is on any order's way.
"""

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any, Final, Protocol

from interlock.app.happened import Happened, Item
from interlock.journal.errors import JournalError
from interlock.journal.port import Store
from interlock.journal.rows import Row, RowKind
from interlock.runtime.clock import NS_PER_S, Clock
from interlock.runtime.entries import said_by

ROWS: Final = 256  # read in one go
EVENTS: Final = 8_192  # in them: beyond that, whoever else wants this processor waits too long
BUSY_PAUSE_S: Final = 0.002  # between two reads while there is more: others want this processor too
SOON_PAUSE_S: Final = 0.01  # after something happened
IDLE_PAUSE_S: Final = 0.1  # at most
AWAY_PAUSE_S: Final = 0.5  # while there is no journal
AGAIN_NS: Final = NS_PER_S  # until a subscriber that failed is told again
FAILURES_MAX: Final = 200  # characters of a reason

_SNAPSHOTS: Final = (RowKind.SNAPSHOT, RowKind.SEGMENT)


class Subscriber(Protocol):
    """Whoever wants to know what a journal says. Called in the follower's thread alone."""

    def begin(self, journal: str, genesis: Mapping[str, Any]) -> int:
        """Return the last seq it has of this journal; 0 for none. Called again for another one."""

    def take(self, items: Sequence[Item], seq: int) -> int:
        """Take what happened up to ``seq``, perhaps nothing; return the last seq it has now.

        Less than ``seq`` asks for it again from there on; 0 asks for everything. What it raises
        has the same batch come again, a while later.
        """


@dataclass(slots=True, kw_only=True)
class Followed:
    """How far it is.

    Attributes:
        journal: Which journal; nothing while there is none.
        seq: The last record that was handed on.
        why: Why it cannot go on; nothing while it can.
        read_ns: When the journal was last read, on the clock that never jumps; None for never.
        troubles: Subscribers that failed, and with what.
    """

    journal: str = ""
    seq: int = 0
    why: str = "the journal was not opened yet"
    read_ns: int | None = None
    troubles: list[str] = field(default_factory=list)


@dataclass(slots=True, eq=False)
class _Reader:
    """Somebody who reads along, and how far they are."""

    subscriber: Subscriber
    seq: int = 0
    not_before_ns: int = 0  # it failed: what it missed comes again then


class Follower:
    """Reads a journal and tells subscribers, in the order in which things happened.

    Args:
        open_store: Opens the journal for reading only.
        subscribers: Told of everything.
        clock: For ages.
        path: Of a journal in a file, to see when another one takes its place; None for a server's.
        on_trouble: Told what a person may want to know.
    """

    def __init__(
        self,
        open_store: Callable[[], Store],
        subscribers: Sequence[Subscriber],
        clock: Clock,
        *,
        path: Path | None = None,
        on_trouble: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._open_store = open_store
        self._readers = [_Reader(one) for one in subscribers]
        self._clock = clock
        self._path = path
        self._on_trouble = on_trouble
        self._followed = Followed()
        self._store: Store | None = None
        self._opened: tuple[int, int] | None = None  # the file that is read
        self._happened: Happened | None = None
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="journal follower", daemon=True)

    def start(self) -> None:
        """Begin to follow."""
        self._thread.start()

    def stop(self) -> None:
        """End the thread."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join()
        self._close()

    def said(self) -> dict[str, Any]:
        """Return how it goes, for health checks."""
        followed = self._followed
        age_s = None
        if followed.read_ns is not None:
            age_s = round((self._clock.elapsed_ns() - followed.read_ns) / NS_PER_S, 1)
        return {
            "journal": followed.journal,
            "seq": followed.seq,
            "why": followed.why,
            "read_age_s": age_s,
            "troubles": list(followed.troubles),
        }

    # --- the thread ---------------------------------------------------------------------------

    def _run(self) -> None:
        pause_s = SOON_PAUSE_S
        while not self._stopping.is_set():
            pause_s = self.step(pause_s)
            self._stopping.wait(pause_s)

    def step(self, pause_s: float = IDLE_PAUSE_S) -> float:
        """Read what is new, once; return how long to wait before the next time."""
        try:
            count = self._read()
        except (JournalError, OSError, ValueError, KeyError) as error:
            self._close()
            self._tell_why(str(error))
            return AWAY_PAUSE_S
        if count >= ROWS:
            return BUSY_PAUSE_S
        return SOON_PAUSE_S if count else min(pause_s * 1.5, IDLE_PAUSE_S)

    def _tell_why(self, why: str) -> None:
        if why != self._followed.why:
            self._followed.why = why
            self._on_trouble(f"the journal cannot be followed: {why[:FAILURES_MAX]}")

    def _close(self) -> None:
        store, self._store = self._store, None
        if store is not None:
            with suppress(JournalError):
                store.close()

    # --- reading ------------------------------------------------------------------------------

    def _read(self) -> int:
        """Return how many rows were new.

        Raises:
            JournalError: It cannot be read.
        """
        if self._store is not None and self._file() != self._opened:
            self._close()  # another journal took its place
        if self._store is None:
            self._open()
        now_ns = self._clock.elapsed_ns()
        ready = [one for one in self._readers if one.not_before_ns <= now_ns]
        counts = [self._read_for(ready, seq) for seq in sorted({one.seq for one in ready})]
        self._followed.seq = max((one.seq for one in self._readers), default=0)
        self._followed.read_ns = self._clock.elapsed_ns()
        self._followed.why = ""
        return max(counts, default=0)

    def _read_for(self, ready: Sequence[_Reader], after: int) -> int:
        """Hand on what comes after a record to those who are there; return how many rows."""
        store, happened = self._store, self._happened
        assert store is not None
        assert happened is not None
        with closing(store.read(after)) as found:
            rows, is_all = _some(found)
        if not rows:
            if store.head().seq < after:
                raise JournalError(f"journal {store.name} is shorter than it was: it is read anew.")
            return 0
        items = [item for row in rows for item in happened.items(row)]
        for reader in ready:
            if reader.seq == after:
                self._hand_on(reader, items, rows[-1].entry.last_seq)
        return len(rows) if is_all else ROWS

    def _open(self) -> None:
        opened = self._file()
        store = self._open_store()
        try:
            first = _first(store)
            genesis = said_by(first.entry)
            journal = str(genesis.get("id") or first.hash.hex())
            self._happened = Happened(genesis)
            head, after = store.head().seq, 0
            for reader in self._readers:
                seq = self._begun(reader, journal, genesis)
                reader.seq = seq if seq <= head else self._begun(reader, "", genesis)
                after = max(after, reader.seq)
            self._happened.knows(*_before(store, after))
        except BaseException:
            store.close()
            raise
        self._store, self._opened = store, opened
        self._followed.journal = journal

    def _begun(self, reader: _Reader, journal: str, genesis: Mapping[str, Any]) -> int:
        try:
            return reader.subscriber.begin(journal, genesis)
        except Exception as error:  # noqa: BLE001 - one that fails takes nothing from the others
            self._trouble(reader, error)
            return 0

    def _hand_on(self, reader: _Reader, items: Sequence[Item], seq: int) -> None:
        try:
            reader.seq = reader.subscriber.take(items, seq)
        except Exception as error:  # noqa: BLE001 - one that fails takes nothing from the others
            self._trouble(reader, error)

    def _trouble(self, reader: _Reader, error: Exception) -> None:
        reader.not_before_ns = self._clock.elapsed_ns() + AGAIN_NS
        name = type(reader.subscriber).__name__
        said = f"{name}: {type(error).__name__}: {error}"[:FAILURES_MAX]
        if said not in self._followed.troubles:
            self._followed.troubles.append(said)
            self._on_trouble(f"what happened could not be handed on to {said}")

    def _file(self) -> tuple[int, int] | None:
        """Return which file the journal is now; None for a server's, or when there is none."""
        if self._path is None:
            return None
        try:
            found = self._path.stat()
        except FileNotFoundError:
            return None
        return found.st_dev, found.st_ino


def _some(found: Iterable[Row]) -> tuple[list[Row], bool]:
    """Return the next rows, and whether they are all there are: a row may be many events."""
    rows: list[Row] = []
    events = 0
    for row in islice(found, ROWS):
        rows.append(row)
        events += row.entry.count
        if events >= EVENTS:
            break
    return rows, len(rows) < ROWS and events < EVENTS


def _first(store: Store) -> Row:
    """Return the first row of a journal.

    Raises:
        JournalError: There is none yet.
    """
    with closing(store.read()) as rows:
        for row in rows:
            return row
    raise JournalError(f"journal {store.name} is empty: its engine has not begun.")


def _before(store: Store, after_seq: int) -> tuple[list[tuple[int, int]], list[str]]:
    """Return (seq, epoch) of the starts up to a record, and what the last called its strategies.

    A snapshot tells of those before it, so that little has to be read.
    """
    starts: list[tuple[int, int]] = []
    strategies: list[str] = []
    if after_seq == 0:
        return starts, strategies
    snapshot, seen = store.last(_SNAPSHOTS), 0
    if snapshot is not None and snapshot.entry.seq <= after_seq:
        said, seen = said_by(snapshot.entry), snapshot.entry.seq
        starts = [(int(seq), int(epoch)) for seq, epoch in said.get("starts", ())]
        strategies = (said.get("start") or {}).get("strategies") or []
    with closing(store.read(seen)) as rows:
        for row in rows:
            if row.entry.seq > after_seq:
                break
            if row.entry.kind is RowKind.NOTE and _is_start(said := said_by(row.entry)):
                starts.append((row.entry.seq, int(said["epoch"])))
                strategies = said.get("strategies") or strategies
    return starts, strategies


def _is_start(said: Mapping[str, Any]) -> bool:
    return said.get("what") == "start"
