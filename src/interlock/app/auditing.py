"""The audit for whoever reads it from the shell: also while gateway and engine are down."""

import json
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import asdict, dataclass
from itertools import chain
from pathlib import Path
from typing import Any, Final, Literal

from interlock.app.audit_lines import lines_of
from interlock.app.happened import Happened
from interlock.app.journals import DifferentError, place_named
from interlock.config.errors import PolicyError
from interlock.config.home import home_of
from interlock.config.settings import read_settings
from interlock.journal.copying import whole_file
from interlock.journal.errors import JournalError
from interlock.journal.opening import open_store
from interlock.journal.port import Store
from interlock.journal.rows import Row, RowKind
from interlock.ops.audit_check import (
    AuditError,
    Checked,
    Noted,
    check_audit,
    file_lines,
    rows_after,
)
from interlock.runtime.entries import said_by
from interlock.service.api.sheets import csv_text

Line = dict[str, Any]
Format = Literal["jsonl", "csv"]

COLUMNS: Final = (
    *("kind", "journal", "seq", "timestamp", "event_type", "actor", "ip_address", "action"),
    *("success", "reason", "correlation_id", "details", "hash"),
)
HEAD: Final = "audit_head"
_WIDTH: Final = 12
_BATCH: Final = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Verified:
    """An audit that is what was written.

    Attributes:
        found: What the audit's own check found.
        journal: Whether the engine's journal could be asked, and if not, why.
        facts: Lines about records of the journal that are as the journal says.
    """

    found: Checked
    journal: str
    facts: int

    def as_json(self) -> dict[str, Any]:
        """Return it for a program."""
        return {"ok": True, **asdict(self.found), "journal": self.journal, "compared": self.facts}

    def lines(self) -> Iterator[str]:
        """Yield it for people."""
        found = self.found
        yield f"the audit is what was written: {found.rows:,} rows, the last is {found.head_seq:,}."
        yield f"{'head':<{_WIDTH}}{found.head}"
        if found.pruned_to:
            yield f"{'dropped':<{_WIDTH}}rows up to {found.pruned_to:,}, after their retention"
        lines = f"{found.lines:,} rows and {found.facts:,} facts of the engine"
        late = f"; {found.behind:,} rows are not in it yet" if found.behind else ""
        yield f"{'file':<{_WIDTH}}{lines}{late}"
        if self.journal:
            yield f"{'journal':<{_WIDTH}}not asked: {self.journal}"
            return
        anchored = f"{found.noted:,} hashes agree, the newest of row {found.noted_seq:,}"
        if not found.noted:
            anchored = "it holds no hash yet: an audit that was made anew would look the same"
        yield f"{'journal':<{_WIDTH}}{anchored}; {self.facts:,} facts are as it says"


def run_verify(tell: Callable[[int], None]) -> Verified:
    """Walk the whole audit, and compare it with its file and with the engine's journal.

    Args:
        tell: Told how many records of the journal are done.

    Raises:
        DifferentError: It is not what was written; every problem that was found.
        AuditError: There is none, or it cannot be read.
    """
    home = home_of(read_settings())
    noted: list[Noted] = []
    problems: list[str] = []
    facts, why = 0, ""
    try:
        facts = _compare_facts(home.audit_log, noted, problems, tell)
    except JournalError as error:
        why = str(error)
    found = check_audit(home.gateway_db, home.audit_log, noted)
    problems = [*found.problems, *problems]
    if problems:
        said = "\n".join(f"  {each}." for each in problems)
        raise DifferentError(
            f"the audit is not what was written:\n{said}\nNext: keep copies of {home.gateway_db} "
            f"and {home.audit_log}, and find out who could write to them.",
            {"problems": problems},
        )
    return Verified(found=found, journal=why, facts=facts)


def _compare_facts(
    file: Path, noted: list[Noted], problems: list[str], tell: Callable[[int], None]
) -> int:
    """Return how many lines of the file are as the journal says; the first that is not is told."""
    with _journal() as store:
        journal = _Journal(store)
        wanted = (line for line in file_lines(file) if line.get("journal") == journal.name)
        line, compared = next(wanted, None), 0
        for row in journal.rows(0, tell):
            noted += _notes(row)
            for fact in journal.facts(row):
                if line is None or (compared == 0 and line.get("seq", 0) > fact["seq"]):
                    continue  # it is not written yet, or was dropped after its retention
                if line != {"kind": "journal", **fact}:
                    problems.append(
                        f"the file must say of record {fact['seq']} what the journal says, and "
                        f"differs: {fact['action']}"
                    )
                    return compared
                compared += 1
                line = next(wanted, None)
    if line is not None:
        problems.append(f"the file has a line about record {line.get('seq')} that is not so")
    return compared


def _notes(row: Row) -> list[Noted]:
    """Return what a record says of the audit."""
    entry = row.entry
    if entry.kind is not RowKind.NOTE:
        return []
    said = said_by(entry)
    if said.get("what") != HEAD:
        return []
    return [Noted(seq=int(said["audit_seq"]), head=str(said["head"]), journal_seq=entry.seq)]


class _Journal:
    """The home's journal, as the audit's file has it."""

    def __init__(self, store: Store) -> None:
        self._store = store
        with closing(store.read()) as rows:
            first = next(iter(rows), None)
        if first is None:
            raise JournalError(f"journal {store.name} is empty.")
        genesis = said_by(first.entry)
        self.name = str(genesis.get("id") or first.hash.hex())
        self._happened = Happened(genesis)

    def rows(self, after: int, tell: Callable[[int], None]) -> Iterator[Row]:
        """Yield the records after one."""
        with closing(self._store.read(after)) as rows:
            for number, row in enumerate(rows):
                if number % _BATCH == 0:
                    tell(number)
                yield row

    def facts(self, row: Row) -> Iterator[Line]:
        """Yield the lines that a record is worth."""
        return lines_of(self._happened.items(row), self.name)


def _journal() -> "closing[Store]":
    place = place_named(None)
    return closing(open_store(place.journal, account=place.account, read_only=True))


# --- looking ------------------------------------------------------------------------------------


def run_tail(count: int) -> list[Line]:
    """Return what happened last, people and engine together, in the order of being written down.

    What the file does not have yet is taken from where it is: the table, and the journal.

    Raises:
        AuditError: It cannot be read.
    """
    return list(deque(_everything(), maxlen=count))


def _everything() -> Iterator[Line]:
    home = home_of(read_settings())
    last_row, last_fact = 0, {"": 0}
    for line in file_lines(home.audit_log):
        if line.get("kind") == "audit":
            last_row = max(last_row, int(line.get("seq", 0)))
        elif line.get("kind") == "journal":
            last_fact[str(line.get("journal"))] = int(line.get("seq", 0))
        yield line
    if home.gateway_db.exists():
        yield from rows_after(home.gateway_db, last_row)
    yield from _late_facts(last_fact)


def _late_facts(last: dict[str, int]) -> Iterator[Line]:
    """Yield what the engine did since the gateway looked last."""
    try:
        with _journal() as store:
            journal = _Journal(store)
            after = last.get(journal.name, 0)
            for row in journal.rows(after, lambda _: None):
                yield from ({"kind": "journal", **fact} for fact in journal.facts(row))
    except (JournalError, PolicyError):
        return  # there is none, and the rest is worth looking at all the same


def tail_text(line: Line) -> str:
    """Return a line for people."""
    where = f" from {line['ip_address']}" if line.get("ip_address") else ""
    done = "" if line.get("success") else " REFUSED"
    why = f": {line['reason']}" if line.get("reason") else ""
    when = str(line.get("timestamp", ""))[:19]
    who = f"{line.get('event_type'):<14} {line.get('actor')}{where}"
    return f"{when}  {who}{done}  {line.get('action')}{why}"


def run_export(path: Path, kind: Format) -> int:
    """Write all of it into a file that nobody else may read; return how many lines.

    Args:
        path: Of the file; nothing is there yet.
        kind: A line of JSON each, or a table for spreadsheets.

    Raises:
        JournalError: The file is there already, or cannot be written.
        AuditError: There is no audit, or it cannot be read.
    """
    lines = _everything()
    first = next(lines, None)
    if first is None:
        raise AuditError("there is no audit in this home. Next: interlock run begins one.")
    count = 0
    with whole_file(path) as part, part.open("w", encoding="ascii", newline="") as file:
        if kind == "csv":
            file.write(csv_text(COLUMNS, ()))
        heading = len(csv_text(COLUMNS, ()))
        for line in chain([first], lines):
            count += 1
            if kind == "csv":
                said = {**line, "details": json.dumps(line.get("details"))}
                file.write(csv_text(COLUMNS, [said])[heading:])
            else:
                file.write(json.dumps(line) + "\n")
    return count
