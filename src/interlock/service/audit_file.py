"""``logs/audit.log``: the audit for whoever reads files, one JSON object a line.

It follows the table. After a crash it is behind, and the next start writes what it lacks.
"""

import json
import os
import stat
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO, Final

from interlock.config.trust import PRIVATE_FILE

AUDIT: Final = "audit"
JOURNAL: Final = "journal"
_BLOCK: Final = 65_536
_OPEN: Final = os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_APPEND
_DELETE: Final = "\x7f"


class AuditFileError(OSError):
    """The file is not what it has to be."""


class AuditFile:
    """The file, in one thread's hands.

    Args:
        path: Of the file; made for this user alone.

    Raises:
        OSError: It cannot be made, or is not this user's alone.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = _opened(path)
        self._mend()

    def last_row(self) -> int:
        """Return the seq of the last row of the table in it; 0 when there is none."""
        for line in self._backwards():
            if line.get("kind") == AUDIT:
                return int(line.get("seq", 0))
        return 0

    def last_fact(self, journal: str) -> int:
        """Return the record of a journal that the last line about it is of; 0 for none."""
        for line in self._backwards():
            if line.get("kind") == JOURNAL and line.get("journal") == journal:
                return int(line.get("seq", 0))
        return 0

    def append(self, lines: Iterable[Mapping[str, Any]]) -> None:
        """Write lines; all of them or, in a crash, the first of them.

        Raises:
            OSError: They cannot be written.
        """
        self._file.write(b"".join(line_of(each) for each in lines))
        self._file.flush()

    def drop_before(self, ts_ns: int) -> None:
        """Write it again without what is older: readers see the old file or the new one.

        Raises:
            OSError: It cannot be written; it stays as it was.
        """
        draft = self._path.with_name(f".{self._path.name}.new")
        draft.unlink(missing_ok=True)
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
        with os.fdopen(os.open(draft, flags, PRIVATE_FILE), "wb") as file:
            self._file.seek(0)
            file.writelines(x for x in self._file if _age_of(x) >= ts_ns)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(self._path)
        self._file.close()
        self._file = _opened(self._path)

    def put_aside(self, name: str) -> None:
        """Begin anew; what was there is beside it under another name.

        Raises:
            OSError: It cannot be.
        """
        self._file.close()
        self._path.rename(self._path.with_name(name))
        self._file = _opened(self._path)

    def close(self) -> None:
        """Let go of it; what was written is on the disk."""
        os.fsync(self._file.fileno())
        self._file.close()

    def _mend(self) -> None:
        """Cut off a line that a crash left without its end."""
        size = self._file.seek(0, os.SEEK_END)
        end = size
        while end > 0:
            start = max(0, end - _BLOCK)
            self._file.seek(start)
            found = self._file.read(end - start).rfind(b"\n")
            if found >= 0:
                end = start + found + 1
                break
            end = start
        if end != size:
            self._file.truncate(end)

    def _backwards(self) -> Iterator[dict[str, Any]]:
        """Yield the lines, the last one first; those that are no JSON are passed over."""
        end = self._file.seek(0, os.SEEK_END)
        rest = b""
        while end > 0:
            start = max(0, end - _BLOCK)
            self._file.seek(start)
            lines = (self._file.read(end - start) + rest).split(b"\n")
            end = start
            rest = lines.pop(0) if start else b""
            for raw in reversed(lines):
                found = _parsed(raw)
                if found is not None:
                    yield found


def line_of(content: Mapping[str, Any]) -> bytes:
    """Return one line: ASCII, and nothing in it that a terminal would obey."""
    text = json.dumps(content, separators=(",", ":"), allow_nan=False)
    return text.replace(_DELETE, "\\u007f").encode() + b"\n"


def _parsed(raw: bytes) -> dict[str, Any] | None:
    try:
        found = json.loads(raw)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _age_of(raw: bytes) -> int:
    """Return when a line was written; one that does not say is kept."""
    found = _parsed(raw) or {}
    ts_ns = found.get("ts_ns")
    return ts_ns if isinstance(ts_ns, int) else 2**63


def _opened(path: Path) -> BinaryIO:
    descriptor = os.open(path, _OPEN | os.O_CREAT, PRIVATE_FILE)
    status = os.fstat(descriptor)
    private = status.st_uid == os.geteuid() and stat.S_IMODE(status.st_mode) == PRIVATE_FILE
    if not stat.S_ISREG(status.st_mode) or not private:
        os.close(descriptor)
        raise AuditFileError(
            f"{path} must be a file that this user alone may read, was mode "
            f"{stat.S_IMODE(status.st_mode):04o} of user {status.st_uid}. Next: chmod 600 {path}"
        )
    return os.fdopen(descriptor, "a+b")
