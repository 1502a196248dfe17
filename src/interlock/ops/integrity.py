"""Looking at a journal from outside: verify it, show it, write it out, copy it.

All of it opens the journal for reading only, so it works while the engine runs, while it is dead,
and on a copy on another machine.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from interlock.journal.anchors import Anchor, read_anchors
from interlock.journal.copying import copy_journal, whole_file
from interlock.journal.errors import JournalError
from interlock.journal.opening import open_store
from interlock.journal.port import Store
from interlock.journal.rows import Row
from interlock.journal.verify import Verified, Walk, verify
from interlock.ops.readable_rows import exact_said

PROGRESS_ROWS: Final = 10_000
_BATCH_MAX: Final = 4_096  # a batch that begins so far before a record may hold it

OnProgress = Callable[[int], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a journal is, and where its anchors are.

    Attributes:
        journal: Path of a file, or URL of a server.
        account: Whose journal it is; a server asks for it.
        anchors: Files that hold its anchors; those that are not there are left out.
    """

    journal: str | Path
    account: str = ""
    anchors: Sequence[Path] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """A file that was made from a journal.

    Attributes:
        path: Of the file.
        size_bytes: How large it is.
        verified: What was found in order, in the journal (export) or in the copy (snapshot).
    """

    path: Path
    size_bytes: int
    verified: Verified


@contextmanager
def _opened(place: Place) -> Iterator[Store]:
    store = open_store(place.journal, account=place.account, read_only=True)
    try:
        yield store
    finally:
        store.close()


def anchors_of(place: Place) -> tuple[Anchor, ...]:
    """Return the anchors of a journal from all files that are there.

    Raises:
        JournalError: One of them is damaged, or may not be used.
    """
    files = [path for path in place.anchors if path.exists()]
    return tuple(anchor for path in files for anchor in read_anchors(path)[0])


def verify_journal(place: Place, *, on_progress: OnProgress | None = None) -> Verified:
    """Walk a whole journal and compare it with its anchors.

    Args:
        place: Where they are.
        on_progress: Told the last seq now and then; may raise to stop it.

    Raises:
        DamageError: It names the first bad record and what was done to it.
        JournalError: It cannot be opened.
    """
    anchors = anchors_of(place)  # first: the journal may grow meanwhile, and they along with it
    with _opened(place) as store:
        return verify(store, anchors=anchors, on_progress=on_progress)


def rows_between(place: Place, from_seq: int, to_seq: int) -> Iterator[Row]:
    """Yield the rows that hold the records from one to another, sound or not.

    Raises:
        JournalError: There is no such record, or it cannot be read.
    """
    if not 1 <= from_seq <= to_seq:
        raise JournalError(
            f"records must be asked for from 1 on and in order, was {from_seq} to {to_seq}."
        )
    shown = 0
    with _opened(place) as store:
        for row in store.read(max(0, from_seq - _BATCH_MAX)):
            if row.entry.seq > to_seq:
                break
            if row.entry.last_seq >= from_seq:
                shown += 1
                yield row
        if not shown:
            raise JournalError(
                f"journal {store.name} has no record {from_seq}: it ends at {store.head().seq}."
            )


def export_journal(place: Place, path: Path, *, on_progress: OnProgress | None = None) -> Written:
    """Write every row as one line of JSON, with all of its bytes and in words, verified on the way.

    Raises:
        DamageError: The journal is damaged, and nothing is left of the file.
        JournalError: The file is there already, or cannot be written.
    """
    anchors = anchors_of(place)
    with _opened(place) as store, whole_file(path) as part:
        walk = Walk(store, anchors)
        with part.open("w", encoding="utf-8") as file:
            for row in walk.rows():
                file.write(json.dumps(exact_said(row)) + "\n")
                if on_progress is not None and walk.count % PROGRESS_ROWS == 0:
                    on_progress(walk.head.seq)
    return Written(path=path, size_bytes=path.stat().st_size, verified=walk.verified())


def snapshot_journal(place: Place, path: Path, *, on_progress: OnProgress | None = None) -> Written:
    """Copy a journal into a SQLite file while the engine runs, and verify the copy.

    Raises:
        DamageError: The journal is damaged, and nothing is left of the copy.
        JournalError: The copy is there already, or cannot be written.
    """
    anchors = anchors_of(place)
    with _opened(place) as store:
        verified = copy_journal(store, path, anchors=anchors, on_progress=on_progress)
    return Written(path=path, size_bytes=path.stat().st_size, verified=verified)
