"""The audit's thread: its file, refusals that were counted, what the engine is told, retention."""

import threading
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Final, Protocol

from sqlalchemy.exc import SQLAlchemyError

from interlock.runtime.clock import NS_PER_S, Clock
from interlock.service.audit_file import AuditFile
from interlock.service.audit_rows import Row

DAY_NS: Final = 24 * 3_600 * NS_PER_S
KEEP_NS: Final = 366 * DAY_NS  # a year, and never less
NOTE_NS: Final = 20 * NS_PER_S  # between two hashes told to the engine
TURN_S: Final = 0.25

NoteHead = Callable[[int, str], None]


class Rows(Protocol):
    """The table of the audit (``service.audit``)."""

    def record(self, event_type: str, *, actor: str, ip: str, action: str, success: bool) -> int:
        """Write a row."""

    def after(self, seq: int) -> list[Row]:
        """Return some of the rows that follow one."""

    def head(self) -> tuple[int, str]:
        """Return the number and hash of the last row."""

    def write_denials(self, *, all_of_them: bool = False) -> None:
        """Write what was counted."""

    def prune(self, before_ns: int) -> int:
        """Drop what is older, and return how many."""


class Scribe:
    """The thread that does what nobody should wait for.

    Args:
        rows: The table.
        path: Of the file.
        clock: For the time, and for what waits.
        note_head: Tells the engine a row's number and hash; None is nobody.
        on_trouble: Told what does not work, once each time it begins.
    """

    def __init__(
        self,
        rows: Rows,
        path: Path,
        clock: Clock,
        note_head: NoteHead | None,
        on_trouble: Callable[[str], None],
    ) -> None:
        self._rows = rows
        self._path = path
        self._clock = clock
        self._note_head = note_head
        self._on_trouble = on_trouble
        self._file: AuditFile | None = None
        self._lock = threading.Lock()  # of the file
        self._wake = threading.Event()
        self._ends = threading.Event()
        self._thread = threading.Thread(target=self._run, name="audit", daemon=True)
        self._written = 0
        self._noted = ""
        self._anchored = (0, 0)
        self._noted_ns = clock.elapsed_ns() - NOTE_NS
        self._pruned_ns = clock.elapsed_ns() - DAY_NS
        self._troubles: set[str] = set()

    def wake(self) -> None:
        """There is something to do."""
        self._wake.set()

    def start(self) -> None:
        """Begin.

        Raises:
            OSError: The file cannot be used.
        """
        with self._lock:
            self._file = AuditFile(self._path)
            self._written = self._file.last_row()
            head = self._rows.head()[0]
            if self._written > head:  # the table is older than the file: nobody may hide that
                name = f"{self._path.name}.ahead-{self._clock.now_ns()}"
                self._file.put_aside(name)
                self._written = 0
                self._rows.record(
                    "audit_ahead",
                    actor="gateway",
                    ip="",
                    action=f"put {name} aside: it had rows that the table has not",
                    success=False,
                )
        self._thread.start()

    def stop(self) -> None:
        """Do everything that waits, and end."""
        self._ends.set()
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join()
        with self._lock:
            if self._file is not None:
                self._file.close()
                self._file = None

    def follow(self, lines: Sequence[Mapping[str, Any]]) -> None:
        """Write lines about records of the engine's journal."""
        with self._lock:
            if self._file is not None:
                self._file.append({"kind": "journal", **each} for each in lines)

    def followed(self, journal: str) -> int:
        """Return the last record of a journal that the file has a line about; 0 for none."""
        with self._lock:
            return 0 if self._file is None else self._file.last_fact(journal)

    def anchored(self) -> dict[str, int]:
        """Return the last row that the engine was told the hash of, and when; 0 for never."""
        return {"anchored_seq": self._anchored[0], "anchored_ns": self._anchored[1]}

    def _run(self) -> None:
        while not self._ends.is_set():
            self._wake.wait(TURN_S)
            self._wake.clear()
            self._turn()
        self._attempt("writing refusals", partial(self._rows.write_denials, all_of_them=True))
        self._attempt("writing the file", self._copy)
        self._attempt("telling the engine", self._note)

    def _turn(self) -> None:
        self._attempt("writing refusals", self._rows.write_denials)
        self._attempt("writing the file", self._copy)
        now_ns = self._clock.elapsed_ns()
        if now_ns - self._noted_ns >= NOTE_NS:
            self._noted_ns = now_ns
            self._attempt("telling the engine", self._note)
        if now_ns - self._pruned_ns >= DAY_NS:
            self._pruned_ns = now_ns
            self._attempt("dropping what is too old", self._prune)

    def _attempt(self, what: str, do: Callable[[], None]) -> None:
        """Do something; what fails is told once, and tried again."""
        try:
            do()
        except (OSError, ValueError, SQLAlchemyError) as error:
            if what not in self._troubles:
                self._troubles.add(what)
                self._on_trouble(f"the audit: {what} failed: {error}")
        else:
            self._troubles.discard(what)

    def _copy(self) -> None:
        """Write the rows that the file does not have yet."""
        while found := self._rows.after(self._written):
            with self._lock:
                assert self._file is not None
                self._file.append(each.said() for each in found)
            self._written = found[-1].seq

    def _note(self) -> None:
        """Tell the engine the newest hash, if it was not told."""
        seq, head = self._rows.head()
        if self._note_head is None or seq == 0 or head == self._noted:
            return
        self._note_head(seq, head)
        self._noted = head
        self._anchored = (seq, self._clock.now_ns())

    def _prune(self) -> None:
        before_ns = self._clock.now_ns() - KEEP_NS
        if self._rows.prune(before_ns) == 0:
            return
        self._copy()
        with self._lock:
            assert self._file is not None
            self._file.drop_before(before_ns)
