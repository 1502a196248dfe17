"""What an engine's day does to a journal, in small: every kind of row, checkpoints, restarts.

Everything in it is decided by its seed, so that what is read back can be compared with what was
written, byte by byte.
"""

import random
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final, Literal

from hypothesis import settings

from interlock.journal.rows import EMPTY, Entry, Head, Row, RowKind, bytes_digest, chained
from interlock.journal.sqlite import SqliteStore
from interlock.research.simulator.disk import Disk, DiskVFS, Image

FILE: Final = "journal.db"
VFS: Final = "interlock-test-disk"
RECORD_BYTES: Final = 224
KEPT_ROWS: Final = 6  # of market data, when older bodies are dropped

Act = Literal["append", "checkpoint", "restart", "drop"]


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that the engine does.

    Attributes:
        act: What.
        rows: What it appends, in one transaction.
        up_to_seq: Of a drop: bodies up to here go.
    """

    act: Act
    rows: tuple[Row, ...] = ()
    up_to_seq: int = 0


@dataclass(slots=True)
class Session:
    """Steps, and how far each of them had got.

    Attributes:
        steps: In order.
        rows: All rows of them.
        acknowledged: After so many operations of the disk, so many rows were acknowledged.
        dropping: From so many operations on, bodies up to a seq may be gone.
    """

    steps: list[Step]
    rows: list[Row]
    acknowledged: list[tuple[int, int]] = field(default_factory=list)
    dropping: list[tuple[int, int]] = field(default_factory=list)

    def acknowledged_at(self, cut: int) -> int:
        """Return how many rows were acknowledged before this operation of the disk was asked."""
        return max((rows for asked, rows in self.acknowledged if asked <= cut), default=0)

    def dropped_at(self, cut: int) -> int:
        """Return up to which seq bodies may be gone by then."""
        return max((seq for asked, seq in self.dropping if asked <= cut), default=0)

    def boundaries(self) -> set[int]:
        """Return how many rows there may be: transactions are there whole or not at all."""
        found, total = {0}, 0
        for step in self.steps:
            total += len(step.rows)
            found.add(total)
        return found


def at_night(ci: int, night: int) -> int:
    """Return the size of a proof: in CI, or with ``--hypothesis-profile=fuzz``."""
    return night if settings.get_current_profile_name() == "fuzz" else ci


def session(*, appends: int, seed: int = 0) -> Session:
    """Return a session of so many transactions, and what else belongs to a day."""
    chance = random.Random(seed)  # noqa: S311 - no secret
    steps: list[Step] = []
    rows: list[Row] = []
    head = EMPTY
    for number in range(appends):
        added: list[Row] = []
        for entry in _transaction(number, head.seq, chance):
            row = chained(entry, head)
            head = Head(seq=entry.last_seq, hash=row.hash)
            added.append(row)
        rows += added
        steps.append(Step("append", tuple(added)))
        if number % 12 == 11:
            steps.append(Step("checkpoint"))
        if number % 40 == 25:
            steps.append(Step("restart"))
        if number == appends * 3 // 4:
            market = [row for row in rows if row.entry.kind is RowKind.MARKET]
            if len(market) > KEPT_ROWS:
                steps.append(Step("drop", up_to_seq=market[-KEPT_ROWS].entry.seq))
    return Session(steps=steps, rows=rows)


def _transaction(number: int, seq: int, chance: random.Random) -> Iterator[Entry]:
    """Yield the entries of one transaction: mostly a few events, now and then something large."""

    def entry(kind: RowKind, body: int, *, payload: int = 0, key: bytes = b"") -> Entry:
        nonlocal seq
        count = chance.randint(2, 60) if kind is RowKind.MARKET else 1
        made = Entry(
            seq=seq + 1,
            count=count,
            ts_ns=1_700_000_000_000_000_000 + 1_000_000 * seq,
            kind=kind,
            body=chance.randbytes(body * count),
            payload=chance.randbytes(payload),
            key=key,
        )
        seq = made.last_seq
        return made

    if number == 0:
        yield entry(RowKind.GENESIS, 400)
        yield entry(RowKind.NOTE, 300)
        return
    if number % 8 == 7:
        yield entry(RowKind.SEGMENT if number % 24 == 23 else RowKind.SNAPSHOT, 6_000, payload=200)
        return
    for _ in range(chance.choice((1, 1, 1, 2, 3, 8))):
        if chance.random() < 0.2:
            yield entry(RowKind.MARKET, RECORD_BYTES)
        else:
            key = b"fill" + chance.randbytes(16) if chance.random() < 0.3 else b""
            yield entry(RowKind.EVENT, RECORD_BYTES * chance.randint(1, 3), payload=40, key=key)


def perform(made: Session, folder: Path, disk: Disk) -> None:
    """Do what a session does, over a disk; whatever the disk makes fail is raised.

    Args:
        made: Its marks are written.
        folder: An empty one.
        disk: Registered as ``VFS``.
    """
    store = SqliteStore(folder / FILE, vfs=VFS)
    total = 0
    try:
        for step in made.steps:
            if step.act == "append":
                store.append(step.rows)
                total += len(step.rows)
                made.acknowledged.append((len(disk.operations), total))
            elif step.act == "checkpoint":
                store.checkpoint()
            elif step.act == "drop":
                made.dropping.append((len(disk.operations), step.up_to_seq))
                store.drop_bodies(up_to_seq=step.up_to_seq, before_ts_ns=2**62)
            else:
                store.close()
                store = SqliteStore(folder / FILE, vfs=VFS)
    finally:
        store.close()


@contextmanager
def registered(disk: Disk) -> Iterator[None]:
    """Offer a disk to SQLite under the name ``VFS``."""
    layer = DiskVFS(VFS, disk)
    try:
        yield
    finally:
        layer.unregister()


@contextmanager
def fast_folder() -> Iterator[Path]:
    """Give a folder in memory where the machine has one: thousands of states are written."""
    memory = Path("/dev/shm")  # noqa: S108 - a folder of our own is made in it
    with TemporaryDirectory(dir=memory if memory.is_dir() else None) as name:
        yield Path(name)


def put(image: Image, folder: Path) -> None:
    """Make a folder hold these files and no other."""
    for old in folder.iterdir():
        if old.name not in image:
            old.unlink()
    for name, data in image.items():
        path = folder / name
        path.write_bytes(data)
        path.chmod(0o600)


def without_body(row: Row) -> Row:
    """Return a row as it is once its body was dropped."""
    entry = row.entry
    bare = Entry(
        seq=entry.seq,
        count=entry.count,
        ts_ns=entry.ts_ns,
        kind=entry.kind,
        body=b"",
        payload=entry.payload,
        key=entry.key,
    )
    return Row(entry=bare, previous=row.previous, hash=row.hash, dropped=bytes_digest(entry.body))


def are_as_written(found: Sequence[Row], written: Sequence[Row], *, dropped_up_to: int) -> bool:
    """Return whether rows are the first of those written, or lack what was dropped."""
    return len(found) <= len(written) and all(
        row == original
        or (
            original.entry.kind is RowKind.MARKET
            and original.entry.last_seq <= dropped_up_to
            and row == without_body(original)
        )
        for row, original in zip(found, written, strict=False)
    )
