"""A disk under SQLite that remembers, fails and loses power.

``Disk`` is a SQLite VFS over real files. It records what is written, synced, cut and deleted, and
fails where it is told to. From the record, ``crash_states`` says what a disk could hold after the
power went: each write since the last sync of its file may be there or not, in any combination, and
the one in flight may be there in part.

Assumed, as by SQLite: a sector is written whole or not at all, writing one does not harm the bytes
around (power-safe overwrite). The first sync of a new log syncs its folder, as SQLite's own layer
for Unix does, and with it every name that was made or removed there before.
"""

import hashlib
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import compress, product
from pathlib import Path
from typing import Any, Final, Literal, Protocol

import apsw

SECTOR_BYTES: Final = 512
FEW: Final = 3  # of so many unsynced operations, every subset is a case
SUBSETS: Final = 3  # of more than that, so many random ones, beside those that have a name
_EVEN: Final = 0.5
_CODES: Final = {
    "write": apsw.SQLITE_IOERR_WRITE,
    "sync": apsw.SQLITE_IOERR_FSYNC,
    "truncate": apsw.SQLITE_IOERR_TRUNCATE,
    "delete": apsw.SQLITE_IOERR_DELETE,
    "create": apsw.SQLITE_CANTOPEN,
}

Verb = Literal["create", "write", "truncate", "delete", "sync"]
Fault = Literal["broken once", "no space", "unreadable once"]
Image = dict[str, bytes]  # a disk's files


@dataclass(frozen=True, slots=True)
class Operation:
    """One thing that SQLite asked of the disk.

    Attributes:
        verb: What.
        file: Name without folder.
        offset: Where a write begins; the new size of a truncation.
        data: Of a write.
    """

    verb: Verb
    file: str
    offset: int = 0
    data: bytes = b""


@dataclass(frozen=True, slots=True)
class CrashState:
    """What the disk may hold after a crash.

    Attributes:
        cut: How many operations had been asked for.
        how: Which of the unsynced ones survived, for people.
        image: The files.
    """

    cut: int
    how: str
    image: Image


@dataclass(slots=True)
class Disk:
    """A record of operations, and what is to go wrong.

    Attributes:
        operations: What was done, in order. A failed operation is not among them.
        asked: How many operations were asked for, the failed ones too.
        read: How many reads were asked for.
        failed: How many were refused.
        fault: What goes wrong: one operation, every write from one on, or one read.
        fault_at: Which one, counted from 0.
        on_sync: Called before a sync is done; may take its time.
    """

    operations: list[Operation] = field(default_factory=list)
    asked: int = 0
    read: int = 0
    failed: int = 0
    fault: Fault | None = None
    fault_at: int = -1
    on_sync: Callable[[str], None] | None = None

    def do(self, operation: Operation, really: Callable[[Operation], Any]) -> Any:
        """Do an operation, or fail it."""
        number = self.asked
        self.asked += 1
        if self.fault == "broken once" and number == self.fault_at:
            self.failed += 1
            raise apsw.exception_for(_CODES[operation.verb])
        if self.fault == "no space" and number >= self.fault_at and operation.verb == "write":
            self.failed += 1
            if self.failed == 1:  # a full disk takes what still fits
                part = replace(operation, data=operation.data[: len(operation.data) // 2])
                really(part)
                self.operations.append(part)
            raise apsw.exception_for(apsw.SQLITE_FULL)
        found = really(operation)
        self.operations.append(operation)
        return found

    def look(self) -> None:
        """Fail a read that is to fail."""
        number = self.read
        self.read += 1
        if self.fault == "unreadable once" and number == self.fault_at:
            self.failed += 1
            raise apsw.exception_for(apsw.SQLITE_IOERR_READ)


class Medium(Protocol):
    """What every change of a file passes through: ``Disk``, or a simulated machine's volume."""

    on_sync: Callable[[str], None] | None

    def do(self, operation: Operation, really: Callable[[Operation], Any]) -> Any:
        """Do an operation, or fail it."""

    def look(self) -> None:
        """Fail a read that is to fail."""


class _File(apsw.VFSFile):
    """A real file whose changes pass through the disk."""

    def __init__(self, disk: Medium, name: str | apsw.URIFilename | None, flags: list[int]) -> None:
        super().__init__("unix", name, flags)
        self._disk = disk
        self._name = _base_name(name)

    def xRead(self, amount: int, offset: int) -> bytes:  # noqa: N802 - SQLite's name
        """Read."""
        self._disk.look()
        return super().xRead(amount, offset)

    def xWrite(self, data: bytes, offset: int) -> None:  # noqa: N802 - SQLite's name
        """Write."""
        write = super().xWrite
        operation = Operation("write", self._name, offset, bytes(data))
        self._disk.do(operation, lambda todo: write(todo.data, offset))

    def xTruncate(self, newsize: int) -> None:  # noqa: N802 - SQLite's name
        """Cut."""
        truncate = super().xTruncate
        self._disk.do(Operation("truncate", self._name, newsize), lambda _: truncate(newsize))

    def xSync(self, flags: int) -> None:  # noqa: N802 - SQLite's name
        """Sync."""
        sync = super().xSync
        if self._disk.on_sync is not None:
            self._disk.on_sync(self._name)
        self._disk.do(Operation("sync", self._name), lambda _: sync(flags))


class DiskVFS(apsw.VFS):
    """What SQLite is told to use; unregister it when done."""

    def __init__(self, name: str, disk: Medium) -> None:
        super().__init__(name, "unix")
        self._disk = disk

    def xOpen(  # noqa: N802 - SQLite's name
        self, name: str | apsw.URIFilename | None, flags: list[int]
    ) -> apsw.VFSFile:
        """Open a file, or make it."""
        if name is None or Path(_path(name)).exists():
            return _File(self._disk, name, flags)
        operation = Operation("create", _base_name(name))
        made: apsw.VFSFile = self._disk.do(operation, lambda _: _File(self._disk, name, flags))
        return made

    def xDelete(self, filename: str, syncdir: bool) -> None:  # noqa: N802 - SQLite's name
        """Delete a file."""
        delete = super().xDelete
        operation = Operation("delete", _base_name(filename))
        self._disk.do(operation, lambda _: delete(filename, syncdir))


def _path(name: str | apsw.URIFilename) -> str:
    return name if isinstance(name, str) else name.filename()


def _base_name(name: str | apsw.URIFilename | None) -> str:
    return "" if name is None else Path(_path(name)).name


# --- what may be left after a crash -----------------------------------------------------------


def crash_states(
    operations: Sequence[Operation], *, seed: int = 0, first_cut: int = 0
) -> Iterator[CrashState]:
    """Yield each different thing that the disk may hold after a crash at any operation.

    Args:
        operations: What was done, from an empty disk on.
        seed: Of the random subsets.
        first_cut: Only crashes from this operation on.
    """
    chance = random.Random(seed)  # noqa: S311 - no secret
    durable: Image = {}
    waiting: list[Operation] = []
    seen: set[bytes] = set()
    for cut in range(len(operations) + 1):
        for how, left in survivors(waiting, chance) if cut >= first_cut else ():
            image = applied(durable, left)
            digest = _digest(image)
            if digest not in seen:
                seen.add(digest)
                yield CrashState(cut=cut, how=how, image=image)
        if cut == len(operations):
            return
        operation = operations[cut]
        if operation.verb == "sync":
            done = synced(waiting, operation.file)
            durable = applied(durable, done)
            kept = {id(each) for each in done}
            waiting = [each for each in waiting if id(each) not in kept]
            seen.clear()  # the same files with more acknowledged rows are another case
        else:
            waiting.append(operation)


def applied(image: Image, operations: Sequence[Operation]) -> Image:
    """Return the files after some operations; what was done to a file that is not there is not."""
    after: dict[str, bytearray] = {name: bytearray(data) for name, data in image.items()}
    apply_to(after, operations)
    return {name: bytes(data) for name, data in after.items()}


def apply_to(image: dict[str, bytearray], operations: Sequence[Operation]) -> None:
    """Do some operations to files; what was done to a file that is not there is not."""
    for operation in operations:
        found = image.get(operation.file)
        if operation.verb == "create":
            image[operation.file] = bytearray()
        elif operation.verb == "delete":
            image.pop(operation.file, None)
        elif operation.verb == "write" and found is not None:
            end = operation.offset + len(operation.data)
            found.extend(bytes(max(0, end - len(found))))
            found[operation.offset : end] = operation.data
        elif operation.verb == "truncate" and found is not None:
            del found[operation.offset :]


def synced(waiting: Sequence[Operation], file: str) -> list[Operation]:
    """Return what the sync of a file makes durable; that of a new file its folder's names too."""
    own = [each for each in waiting if each.file == file]
    if not any(each.verb == "create" for each in own):
        return own
    gone = {each.file for each in waiting if each.verb == "delete"}
    return [
        each
        for each in waiting
        if each.file == file or each.verb in {"create", "delete"} or each.file in gone
    ]


def survivors(
    waiting: Sequence[Operation], chance: random.Random
) -> Iterator[tuple[str, Sequence[Operation]]]:
    """Yield which unsynced operations the crash left, and how to say it."""
    yield "lost", ()
    if not waiting:
        return
    yield "kept", waiting
    *former, last = waiting
    for torn in _torn(last):
        yield "torn", [*former, torn]
        yield "only the last one, torn", _named(waiting, [last], torn)
    if len(waiting) <= FEW:
        for chosen in product((False, True), repeat=len(waiting)):
            yield "some", _named(waiting, list(compress(waiting, chosen)))
        return
    yield "only the last one", _named(waiting, [last])
    yield "the first one lost", _named(waiting, waiting[1:])
    for _ in range(SUBSETS):
        some = [each for each in waiting if chance.random() < _EVEN]
        yield "some", _named(waiting, some)


def _named(
    waiting: Sequence[Operation], chosen: Sequence[Operation], torn: Operation | None = None
) -> list[Operation]:
    """Return the chosen ones in their order, less those to a file whose creation was lost.

    Args:
        waiting: All unsynced operations, in order.
        chosen: Some of them.
        torn: What is left of the last one.
    """
    kept = {id(each) for each in chosen}
    nameless: set[str] = set()
    found: list[Operation] = []
    for each in waiting:
        if each.verb == "create":
            (nameless.discard if id(each) in kept else nameless.add)(each.file)
        if id(each) in kept and each.file not in nameless:
            found.append(torn if torn is not None and each is waiting[-1] else each)
    return found


def _torn(operation: Operation) -> Iterator[Operation]:
    """Yield a write as cut off at each boundary of a sector."""
    if operation.verb != "write":
        return
    first = SECTOR_BYTES - operation.offset % SECTOR_BYTES
    for length in range(first, len(operation.data), SECTOR_BYTES):
        yield Operation("write", operation.file, operation.offset, operation.data[:length])


def _digest(image: Image) -> bytes:
    found = hashlib.blake2b(digest_size=16)
    for name in sorted(image):
        found.update(f"{name}\0{len(image[name])}\0".encode())
        found.update(image[name])
    return found.digest()
