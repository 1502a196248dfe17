"""Anchors: where the journal ended, written down outside of it.

A chain proves that nothing inside it was changed. It cannot prove that its end was not cut off,
or that the whole of it was not made anew. A head that was written down elsewhere can: on another
volume, another machine, in a mail. One file serves one journal, one line is one head.
"""

import hashlib
import json
import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from interlock.journal.errors import DamageError, JournalError
from interlock.journal.files import file_refused, open_file, replace_file, sync_folder
from interlock.journal.rows import HASH_BYTES

LINES_MAX: Final = 2_000  # in a file, before the older half is thrown away when it is opened
_LINES_KEPT: Final = LINES_MAX // 2
_DOMAIN: Final = b"interlock journal 1 anchor\0"
_CHECK_DIGITS: Final = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Anchor:
    """One head that was written down.

    Attributes:
        journal: Hash of the journal's first row.
        seq: Of the last record that was durable.
        hash: Of its row.
        epoch: Of the engine that wrote it.
        ts_ns: UTC, when it was written down.
    """

    journal: bytes
    seq: int
    hash: bytes
    epoch: int
    ts_ns: int

    def line(self) -> bytes:
        """Return it as one line of JSON, with a check of its own."""
        said = {
            "epoch": self.epoch,
            "hash": self.hash.hex(),
            "journal": self.journal.hex(),
            "seq": self.seq,
            "ts_ns": self.ts_ns,
        }
        return json.dumps({**said, "check": _check(said)}, sort_keys=True).encode() + b"\n"


def _check(said: dict[str, object]) -> str:
    canonical = json.dumps(said, sort_keys=True).encode()
    return hashlib.sha256(_DOMAIN + canonical).hexdigest()[:_CHECK_DIGITS]


def anchor_of(line: bytes) -> Anchor | None:
    """Return the anchor that a line says, or None when it is not what was written."""
    try:
        said = json.loads(line)
        if said.pop("check") != _check(said):
            return None
        found = Anchor(
            journal=bytes.fromhex(said["journal"]),
            seq=int(said["seq"]),
            hash=bytes.fromhex(said["hash"]),
            epoch=int(said["epoch"]),
            ts_ns=int(said["ts_ns"]),
        )
    except (ValueError, TypeError, KeyError, AttributeError):
        return None
    return found if len(found.journal) == len(found.hash) == HASH_BYTES else None


def read_anchors(path: Path) -> tuple[list[Anchor], bool]:
    """Return the anchors in a file, and whether its last line is torn.

    Raises:
        JournalError: A line that is not the last is not what was written, or it cannot be read.
    """
    try:
        descriptor = open_file(path, os.O_RDONLY)
        with os.fdopen(descriptor, "rb") as file:
            content = file.read()
    except OSError as error:
        raise file_refused("read", path, error) from None
    *lines, rest = content.split(b"\n")
    found = []
    for number, line in enumerate(lines, start=1):
        anchor = anchor_of(line)
        if anchor is None:
            raise JournalError(
                f"the anchors in {path} are damaged at line {number}: it is not what was written. "
                "Trading stays off. Next: compare with another copy of them, then move the file "
                "away."
            )
        found.append(anchor)
    return found, bool(rest)


class Anchors:
    """The files that hold one journal's anchors; opened at the start, added to while it runs.

    Args:
        paths: Each file is made if it is not there; its folder has to be.
        on_problem: Told when a file has no anchors and others have, or cannot be written.

    Raises:
        JournalError: A file may not be used, is damaged, or they speak of different journals.
    """

    def __init__(self, paths: Sequence[Path], *, on_problem: Callable[[str], None]) -> None:
        self._on_problem = on_problem
        self._failing: set[Path] = set()
        found: dict[Path, list[Anchor]] = {}
        for path in paths:
            found[path], torn = self._opened(path)
            if torn or len(found[path]) > LINES_MAX:
                found[path] = _kept(found[path])
                replace_file(path, b"".join(anchor.line() for anchor in found[path]))
        self._paths = tuple(found)
        self.found = tuple(
            sorted({anchor for each in found.values() for anchor in each}, key=_by_seq)
        )
        for path, anchors in found.items():
            if self.found and not anchors:
                on_problem(
                    f"the anchors in {path} were missing, and others are there: it begins with "
                    "the newest of them. Next: find out who removed the file."
                )
                self._append(path, self.found[-1])

    @property
    def newest_epoch(self) -> int:
        """The highest epoch that an engine wrote down; 0 before the first."""
        return max((anchor.epoch for anchor in self.found), default=0)

    def publish(self, anchor: Anchor) -> None:
        """Write an anchor down in every file; one that refuses is reported and tried again."""
        for path in self._paths:
            try:
                self._append(path, anchor)
            except JournalError as error:
                if path not in self._failing:
                    self._on_problem(f"no anchor is written to {path}: {error}")
                self._failing.add(path)
            else:
                self._failing.discard(path)

    def _opened(self, path: Path) -> tuple[list[Anchor], bool]:
        if not os.path.lexists(path):
            os.close(open_file(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL))
            sync_folder(path.parent)
        return read_anchors(path)

    def _append(self, path: Path, anchor: Anchor) -> None:
        descriptor = open_file(path, os.O_WRONLY | os.O_APPEND)
        line = anchor.line()
        try:
            size = os.fstat(descriptor).st_size
            try:
                written = os.write(descriptor, line)
                os.fsync(descriptor)
            except OSError:
                os.ftruncate(descriptor, size)
                raise
            if written < len(line):
                os.ftruncate(descriptor, size)
                raise JournalError(f"{path} took {written} of {len(line)} bytes. Next: free space.")
        except OSError as error:
            raise file_refused("write", path, error) from None
        finally:
            os.close(descriptor)


def _by_seq(anchor: Anchor) -> tuple[int, int, int, bytes]:
    return anchor.seq, anchor.epoch, anchor.ts_ns, anchor.hash


def _kept(anchors: Sequence[Anchor]) -> list[Anchor]:
    """Return the newest; a later anchor vouches for everything before it."""
    return list(anchors[-_LINES_KEPT:])


def check_journal(anchors: Iterable[Anchor], genesis: bytes, name: str) -> None:
    """Refuse a journal that is not the one that was anchored.

    Args:
        anchors: What was written down.
        genesis: Hash of the journal's first row.
        name: Of the journal, for the message.

    Raises:
        DamageError: Another journal is in its place.
    """
    for anchor in anchors:
        if anchor.journal != genesis:
            raise DamageError(
                f"journal {name} is not the one that was anchored: its first record must have "
                f"hash {anchor.journal.hex()[:12]}, was {genesis.hex()[:12]}. Trading stays off. "
                "Next: bring the old journal back, or, if you began a new one on purpose, move "
                "its anchors away.",
                seq=1,
                damage="rewrite",
            )
