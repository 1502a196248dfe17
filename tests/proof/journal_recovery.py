"""What has to hold of a journal that a crash or a fault left behind, asked of the real store."""

from typing import TYPE_CHECKING

from interlock.journal.rows import Entry, Head, Row, RowKind, chained
from interlock.journal.sqlite import SqliteStore
from interlock.journal.verify import verify
from interlock.research.simulator.disk import Disk, Image, applied
from tests.proof.journal_session import (
    FILE,
    Session,
    are_as_written,
    fast_folder,
    perform,
    registered,
)

if TYPE_CHECKING:
    from pathlib import Path


def files(folder: "Path") -> Image:
    """Return what a folder holds, less what SQLite keeps in memory only."""
    return {
        path.name: path.read_bytes() for path in folder.iterdir() if not path.name.endswith("-shm")
    }


def recorded(made: Session) -> Disk:
    """Run a session over a faultless disk, and return what the disk remembers."""
    disk = Disk()
    with fast_folder() as folder, registered(disk):
        perform(made, folder, disk)
        assert applied({}, disk.operations) == files(folder), "the record must make the same files"
    return disk


def next_rows(head: Head) -> list[Row]:
    """Return what an engine writes first after a crash."""
    entry = Entry(seq=head.seq + 1, count=1, ts_ns=1, kind=RowKind.NOTE, body=b"start")
    first = chained(entry, head)
    entry = Entry(seq=head.seq + 2, count=1, ts_ns=2, kind=RowKind.EVENT, body=bytes(9_000))
    return [first, chained(entry, Head(seq=head.seq + 1, hash=first.hash))]


def check_recovery(folder: "Path", made: Session, *, cut: int) -> int:
    """Open what is left as an engine would, and return how many rows are there.

    Args:
        folder: Holds the files.
        made: What was done until then.
        cut: After so many operations of the disk. What was acknowledged by then has to be there.
    """
    acknowledged = made.acknowledged_at(cut)
    store = SqliteStore(folder / FILE)
    try:
        verified = verify(store)
        found = list(store.read())
        assert len(found) >= acknowledged, f"{acknowledged} acknowledged, {len(found)} there"
        assert len(found) in made.boundaries(), f"{len(found)} rows end inside a transaction"
        assert are_as_written(found, made.rows, dropped_up_to=made.dropped_at(cut))
        assert verified.rows == len(found)

        added = next_rows(store.head())
        store.append(added)
        verify(store)
        assert list(store.read(verified.head.seq)) == added
    finally:
        store.close()
    return len(found)
