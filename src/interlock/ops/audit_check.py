"""Whether the audit is what was written: found out without any code of whoever writes it.

A chain of hashes alone accepts one that was cut off at its end, or made anew. The engine's journal
holds hashes that the gateway told it as time went by; what was told must still be there.
"""

import hashlib
import json
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

NS_PER_S: Final = 1_000_000_000
LATE_NS: Final = 60 * NS_PER_S  # the file may lack what is no older than that
PROBLEMS_MAX: Final = 20
LINE_MAX: Final = 1 << 20

_DOMAIN: Final = b"interlock.audit.1\n"
_FIELDS: Final = (
    *("seq", "ts_ns", "event_type", "actor", "ip_address", "action", "success", "reason"),
    *("correlation_id", "details"),
)
_ROWS: Final = f"SELECT {', '.join(_FIELDS)}, hash FROM audit ORDER BY seq"  # noqa: S608 - constants
_AFTER: Final = f"SELECT {', '.join(_FIELDS)}, hash FROM audit WHERE seq > ? ORDER BY seq"  # noqa: S608 - see above
_PRUNED: Final = "SELECT seq, hash FROM audit_pruned"


class AuditError(ValueError):
    """An audit cannot be looked at; the message says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Noted:
    """What the engine's journal says of the audit.

    Attributes:
        seq: Number of the row that was the last one.
        head: Its hash.
        journal_seq: Of the record that says so.
    """

    seq: int
    head: str
    journal_seq: int


@dataclass(slots=True, kw_only=True)
class Checked:
    """What was found.

    Attributes:
        rows: How many there are.
        first_seq: Number of the first one; 0 without any.
        head_seq: Number of the last one.
        head: Its hash.
        pruned_to: The last row that was dropped after its retention; 0 when none was.
        noted: How many hashes in the engine's journal agree.
        noted_seq: Number of the newest row among them.
        lines: Lines of the file that are rows of the table.
        facts: Lines of the file about records of the engine's journal.
        behind: Rows that the file does not have yet.
        problems: What is wrong, the first first; nothing when all is as it was written.
    """

    rows: int = 0
    first_seq: int = 0
    head_seq: int = 0
    head: str = ""
    pruned_to: int = 0
    noted: int = 0
    noted_seq: int = 0
    lines: int = 0
    facts: int = 0
    behind: int = 0
    problems: list[str] = field(default_factory=list)

    def add(self, problem: str) -> None:
        """Keep a problem; of very many, the first ones."""
        if len(self.problems) < PROBLEMS_MAX:
            self.problems.append(problem)


def check_audit(database: Path, file: Path, noted: Sequence[Noted]) -> Checked:
    """Walk the whole audit, and compare it with its file and with what the engine noted.

    Args:
        database: ``gateway.db``; nothing is changed in it.
        file: ``logs/audit.log``.
        noted: In the engine's journal, oldest first.

    Raises:
        AuditError: The database cannot be read.
    """
    found = Checked()
    try:
        with closing(_opened(database)) as connection:
            lines = _Lines(file, found)
            rows = _chain(connection, found, {one.seq: one for one in noted})
            _compare(rows, lines, found)
    except sqlite3.Error as error:
        raise AuditError(f"{database} must be a gateway's database: {error}.") from error
    _check_notes(noted, found)
    return found


def rows_after(database: Path, seq: int) -> Iterator[dict[str, Any]]:
    """Yield the rows that follow one as the file has them, sound or not.

    Raises:
        AuditError: The database cannot be read.
    """
    try:
        with closing(_opened(database)) as connection:
            for values in connection.execute(_AFTER, (seq,)):
                content = dict(zip(_FIELDS, values[:-1], strict=True))
                content["success"] = bool(content["success"])
                yield _as_line(content, str(values[-1]))
    except sqlite3.Error as error:
        raise AuditError(f"{database} must be a gateway's database: {error}.") from error


def file_lines(file: Path) -> Iterator[dict[str, Any]]:
    """Yield what the file says, sound or not; nothing when it is not there.

    Raises:
        AuditError: It cannot be read.
    """
    if not file.exists():
        return
    try:
        with file.open("rb") as opened:
            while raw := opened.readline(LINE_MAX):
                found = _line_in(raw)
                if found:
                    yield found
    except OSError as error:
        raise AuditError(f"{file} cannot be read: {error.strerror}.") from error


def _opened(database: Path) -> sqlite3.Connection:
    if not database.is_file():
        raise AuditError(
            f"{database} must be a gateway's database, and is not there. Next: interlock run makes "
            "one."
        )
    return sqlite3.connect(f"{database.absolute().as_uri()}?mode=ro", uri=True)


def _hash(before: str, content: dict[str, Any]) -> str:
    text = json.dumps(content, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(_DOMAIN + before.encode() + b"\n" + text.encode()).hexdigest()


def _chain(
    connection: sqlite3.Connection, found: Checked, noted: dict[int, Noted]
) -> Iterator[dict[str, Any]]:
    """Yield every row as the file should have it, and check the chain on the way."""
    pruned = connection.execute(_PRUNED).fetchone()
    before = hashlib.sha256(_DOMAIN + b"genesis").hexdigest()
    if pruned is not None:
        found.pruned_to, before = int(pruned[0]), str(pruned[1])
    seq, said_pruned = found.pruned_to, None
    for values in connection.execute(_ROWS):
        content = dict(zip(_FIELDS, values[:-1], strict=True))
        content["success"] = bool(content["success"])
        found.first_seq = found.first_seq or content["seq"]
        if content["seq"] != seq + 1:
            found.add(f"row {seq + 1} must follow row {seq}, and is missing: row {content['seq']}")
        elif _hash(before, content) != values[-1]:
            found.add(f"row {content['seq']} was changed, or a row before it: its hash differs")
        seq, before = content["seq"], str(values[-1])
        found.rows += 1
        note = noted.get(seq)
        if note is not None and note.head == before:
            found.noted, found.noted_seq = found.noted + 1, seq
        elif note is not None:
            found.add(
                f"row {seq} must have the hash that the engine's journal holds in record "
                f"{note.journal_seq}, {note.head[:12]}, was {before[:12]}: the audit was made anew"
            )
        row = _as_line(content, before)
        if content["event_type"] == "audit_pruned":
            said_pruned = row["details"]
        yield row
    found.head_seq, found.head = seq, before
    if pruned is not None:
        _check_pruned(found, str(pruned[1]), said_pruned)


def _check_pruned(found: Checked, hash_: str, said: Any) -> None:
    """See that rows were dropped by whoever may, who says so in the chain."""
    if not isinstance(said, dict) or (said.get("to_seq"), said.get("to_hash")) != (
        found.pruned_to,
        hash_,
    ):
        found.add(
            f"rows 1 to {found.pruned_to} are missing, and no row says that they were dropped"
        )


def _as_line(content: dict[str, Any], hash_: str) -> dict[str, Any]:
    seconds, rest = divmod(content["ts_ns"], NS_PER_S)
    when, details = "", None  # of a row that nobody of ours wrote
    with suppress(ValueError, OverflowError, OSError, RecursionError):
        when = f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{rest:09}Z"
        details = json.loads(content["details"])
    return {**content, "kind": "audit", "timestamp": when, "details": details, "hash": hash_}


class _Lines:
    """The lines of the file that are rows of the table, in order."""

    def __init__(self, path: Path, found: Checked) -> None:
        self._found = found
        self._lines = self._read(path)
        self._next = next(self._lines, None)

    def peek(self) -> dict[str, Any] | None:
        """Return the next one; None at the end."""
        return self._next

    def take(self) -> None:
        """Go on to the one after it."""
        self._next = next(self._lines, None)

    def _read(self, path: Path) -> Iterator[dict[str, Any]]:
        if not path.is_file() or path.is_symlink():
            self._found.add(f"{path} must be the audit's file, and is not there")
            return
        if path.stat().st_mode & 0o077:
            self._found.add(f"{path} must be for its user alone, was mode {path.stat().st_mode:o}")
        number, facts_seq = 0, {"": 0}
        with path.open("rb") as file:
            while raw := file.readline(LINE_MAX):
                number += 1
                line = _line_in(raw)
                kind = line.get("kind")
                if kind == "journal":
                    self._found.facts += 1
                    journal, seq = str(line.get("journal")), line.get("seq")
                    if not isinstance(seq, int) or seq < facts_seq.get(journal, 0):
                        self._found.add(f"line {number} of {path.name} is out of its order")
                        continue
                    facts_seq[journal] = seq
                elif kind == "audit" and isinstance(line.get("seq"), int):
                    self._found.lines += 1
                    yield line
                elif raw.endswith(b"\n"):  # one without its end is being written, or was in a crash
                    self._found.add(f"line {number} of {path.name} is no line of the audit")


def _line_in(raw: bytes) -> dict[str, Any]:
    try:
        found = json.loads(raw)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _compare(rows: Iterator[dict[str, Any]], lines: _Lines, found: Checked) -> None:
    """See that the file has every row as it is, and no other."""
    missing: list[tuple[int, int]] = []
    newest_ns = 0
    for row in rows:
        newest_ns = max(newest_ns, row["ts_ns"])
        while (line := lines.peek()) is not None and line["seq"] < row["seq"]:
            if line["seq"] > found.pruned_to:
                found.add(f"the file has row {line['seq']} twice, or where it does not belong")
            lines.take()
        if line is None or line["seq"] > row["seq"]:
            missing.append((row["seq"], row["ts_ns"]))
            continue
        if missing:
            found.add(f"the file must have row {missing[0][0]}, and lacks {len(missing)} there")
            missing.clear()
        if line != row:
            found.add(f"row {row['seq']} must be in the file as it is in the table, and differs")
        lines.take()
    while (line := lines.peek()) is not None:
        found.add(f"the file has row {line['seq']}, and the table has not")
        lines.take()
    found.behind = len(missing)
    late = [seq for seq, ts_ns in missing if newest_ns - ts_ns > LATE_NS]
    if late:
        found.add(f"the file must have row {late[0]}, and lacks {len(missing)} at its end")


def _check_notes(noted: Sequence[Noted], found: Checked) -> None:
    """See that what the engine was told is still there, and was told in one way."""
    heads: dict[int, str] = {}
    for one in noted:
        if heads.setdefault(one.seq, one.head) != one.head:
            found.add(f"the engine's journal holds two hashes of row {one.seq}: it was made anew")
    cut = [one for one in noted if one.seq > found.head_seq]
    if cut:
        newest = max(cut, key=lambda one: one.seq)
        found.add(
            f"the audit must have row {newest.seq}, for the engine's journal holds its hash in "
            f"record {newest.journal_seq}, and ends with row {found.head_seq}: it was cut off"
        )
