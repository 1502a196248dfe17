"""Structured logs: one JSON object a line, with the ids that lead from a signal to its fills."""

import logging
import os
from collections import deque
from enum import IntEnum
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import Any, Final

import structlog
from structlog.tracebacks import ExceptionDictTransformer

from interlock.kernel.codes import Alarm, Cause, Kind, Level, Role
from interlock.kernel.reasons import Reason
from interlock.kernel.records import Row
from interlock.runtime.decide import Decided
from interlock.runtime.entries import Said, events_of
from interlock.runtime.ids import order_name, signal_name

MIB: Final = 2**20
_LEVELS: Final = {Kind.ALARM: "error", Kind.LATCHED: "warning", Kind.REFUSED: "info"}


class _PrivateHandler(RotatingFileHandler):
    """Makes its files for this user alone."""

    def _open(self) -> Any:
        """Open the file in hand; called by the library."""
        return open(self.baseFilename, self.mode, encoding=self.encoding, opener=_private)


def _private(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)


def open_log(folder: Path, name: str, *, level: str, max_mib: int, keep: int) -> Any:
    """Return a logger that writes JSON lines to ``folder/name.jsonl``, rotated by size.

    Control characters, escapes and separators of lines in what others wrote are escaped, so that
    one object is one line whatever it says. A trace names places, never what variables held.
    """
    path = folder / f"{name}.jsonl"
    handler = _PrivateHandler(
        path, maxBytes=max_mib * MIB, backupCount=keep, encoding="utf-8", delay=True
    )
    handler.setFormatter(logging.Formatter("%(message)s"))
    logger = logging.getLogger(f"interlock.{name}")
    logger.handlers = [handler]
    logger.setLevel(level.upper())
    logger.propagate = False
    return structlog.wrap_logger(
        logger,
        processors=[
            structlog.stdlib.filter_by_level,
            structlog.stdlib.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True, key="ts"),
            structlog.processors.ExceptionRenderer(ExceptionDictTransformer(show_locals=False)),
            structlog.processors.JSONRenderer(sort_keys=True, ensure_ascii=True),
        ],
    )


class Journalist:
    """Writes decisions to the log, once they are durable: a log never says more than the journal.

    Args:
        log: From ``open_log``.
        symbols: By instrument.
    """

    def __init__(self, log: Any, symbols: list[str]) -> None:
        self._log = log
        self._symbols = symbols
        self._waiting: deque[tuple[int, str, str, Said]] = deque()

    def watch(self, decided: Decided) -> None:
        """Keep what was decided until it is durable."""
        for entry in decided.entries:
            for event in events_of(entry):
                if event["kind"] > Kind.TRADE:
                    self._keep(event, event)
        causes = {entry.seq: entry for entry in decided.entries}
        for command in decided.commands:
            entry = causes[int(command.row["seq"])]
            self._keep(command.row, events_of(entry)[0])

    def durable(self, seq: int) -> None:
        """Write what is durable now."""
        while self._waiting and self._waiting[0][0] <= seq:
            _, level, event, said = self._waiting.popleft()
            getattr(self._log, level)(event, **said)

    def say(self, event: str, facts: Said) -> None:
        """Write something about the process itself."""
        self._log.info(event, **facts)

    def _keep(self, row: Row, cause: Row) -> None:
        kind = Kind(row["kind"])
        level = _LEVELS.get(kind, "info")
        self._waiting.append((int(row["seq"]), level, kind.name.lower(), self._said(row, cause)))

    def _said(self, row: Row, cause: Row) -> Said:
        kind = Kind(row["kind"])
        said: Said = {"seq": int(row["seq"]), "at_ns": int(row["ts_ns"])}
        instrument = int(row["instrument"])
        if 0 <= instrument < len(self._symbols):
            said["symbol"] = self._symbols[instrument]
        if row["order_id"] != 0:
            said["order"] = order_name(int(row["order_id"]))
        if cause["kind"] == Kind.SIGNAL:
            said["signal"] = signal_name(int(cause["seq"]))
        for name in ("side", "qty", "price", "trigger", "fee", "value", "limit"):
            if row[name] != 0:
                said[name] = int(row[name])
        said.update(_words(row, kind))
        return said


def _words(row: Row, kind: Kind) -> Said:
    """Return the names of what a row's numbers mean."""
    found: Said = {}
    if kind is Kind.REFUSED:
        found["reason"] = _name(Reason, row["code"])
    elif kind in {Kind.LATCHED, Kind.RELEASED, Kind.HALT, Kind.RESUME}:
        found["cause"] = _name(Cause, row["code"])
        found["latch"] = _name(Level, row["level"])
    elif kind is Kind.ALARM:
        found["alarm"] = _name(Alarm, row["code"])
    if row["role"] != 0:
        found["role"] = _name(Role, row["role"])
    return found


def _name(kinds: type[IntEnum], number: int) -> str:
    """Return the name of a number; the number where it has none, for a venue may say anything."""
    return {int(one): one.name for one in kinds}.get(int(number), str(number))
