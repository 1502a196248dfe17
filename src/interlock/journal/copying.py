"""A copy of a journal, made while the engine runs, in which every row was verified on the way."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Final

from interlock.journal.anchors import Anchor
from interlock.journal.errors import JournalError
from interlock.journal.files import create_file, file_refused, sync_folder
from interlock.journal.port import Store
from interlock.journal.sqlite import SqliteStore
from interlock.journal.sqlite_file import BESIDE
from interlock.journal.verify import Verified, Walk, verify

_GROUP_ROWS: Final = 1_000


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """Give the name of a file to write, which gets its own name once it is whole.

    Raises:
        JournalError: There is such a file already, or none can be made.
    """
    create_file(path)  # nobody else takes the name meanwhile
    part = path.with_name(path.name + ".part")
    try:
        create_file(part)
        yield part
        part.replace(path)
        sync_folder(path.parent)
    except OSError as error:
        _remove(part, path)
        raise file_refused("write", path, error) from None
    except BaseException:
        _remove(part, path)
        raise


def _remove(part: Path, path: Path) -> None:
    for name in (part, *_beside(part), path):
        name.unlink(missing_ok=True)


def _beside(path: Path) -> list[Path]:
    return [path.with_name(path.name + suffix) for suffix in BESIDE]


def copy_journal(
    store: Store,
    path: Path,
    *,
    anchors: Iterable[Anchor] = (),
    on_progress: Callable[[int], None] | None = None,
) -> Verified:
    """Write a verified copy into a SQLite file of its own, from whatever store.

    The copy is read again before it gets its name: what is returned was found in the copy.

    Args:
        store: Opened for reading is enough.
        path: Nothing is there yet.
        anchors: What was written down of the journal elsewhere.
        on_progress: Told the last seq that was copied, now and then.

    Raises:
        DamageError: The journal is damaged, and nothing is left of the copy.
        JournalError: The copy could not be written.
    """
    anchors = tuple(anchors)
    with whole_file(path) as part:
        copy = SqliteStore(part, private_folder=False)
        try:
            walk = Walk(store, anchors)
            rows = walk.rows()
            while group := list(islice(rows, _GROUP_ROWS)):
                copy.append(group)
                copy.tidy(idle=False)
                if on_progress is not None:
                    on_progress(walk.head.seq)
            found = verify(copy, anchors=anchors)
        finally:
            copy.close()
        if found.head != walk.head:
            raise JournalError(
                f"the copy {path} must end at record {walk.head.seq}, was {found.head.seq}. "
                "Next: check the disk, and copy again."
            )
        for name in _beside(part):
            name.unlink(missing_ok=True)
    return replace(found, name=str(path))
