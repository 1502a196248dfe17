"""Tells what no journal says: no engine, a latch that was set past it, incidents, and who knocks.

The engine writes its own journal. What it cannot write because it is gone is looked at here.
"""

import asyncio
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, Protocol

from sqlalchemy.exc import SQLAlchemyError

from interlock.runtime.asking import AskError
from interlock.runtime.clock import NS_PER_S, Clock
from interlock.service.audit_rows import Row
from interlock.service.engine_client import EngineDown
from interlock.service.notify.alert import Alert
from interlock.service.notify.happenings import latch_key, latched

EVERY_S: Final = 1.0
ASK_S: Final = 2.0
DOWN_NS: Final = 5 * NS_PER_S  # without an answer, before anybody is told
GRACE_NS: Final = 60 * NS_PER_S  # for an engine to come up at all
REPORT_MAX: Final = 65_536  # bytes of an incident's report that are looked at
ROWS_MAX: Final = 200
INCIDENTS_MAX: Final = 50  # told in one look

Tell = Callable[[Alert], None]

# What is worth telling of the audit, with what it means. Everything else is looked up there.
_DENIED: Final = {
    ("login", "TOO_MANY_TRIES"): "somebody tries to sign in, and was told to wait",
    ("step_up", "CODE_REFUSED"): "a wrong code was shown for something dangerous",
    ("telegram", "OTHER_USER"): "somebody who is not known writes to the bot",
    ("telegram", "OTHER_CHAT"): "the bot was written to from another chat",
    ("telegram", "NOT_PRIVATE"): "the bot was written to from what is no private chat",
    ("telegram", "CODE_REFUSED"): "a wrong code came with /kill by Telegram",
    ("telegram", "TOO_MANY_TRIES"): "too many wrong codes came with /kill by Telegram",
}
_DONE: Final = {
    "user_change": "people or their rights were changed",
    "token_change": "a service token was made or revoked",
    "session_ended": "a session was ended",
    "audit_pruned": "old rows of the audit were dropped",
}


class Engine(Protocol):
    """The way to the engine, in the notifier's own loop."""

    async def ask(self, name: str, timeout_s: float = 5.0, **fields: Any) -> dict[str, Any]:
        """Ask it something; raises EngineDown or AskError."""


class AuditBook(Protocol):
    """The audit. It blocks."""

    def after(self, seq: int, limit: int = 1_000) -> list[Row]:
        """Return rows that follow one."""

    def head(self) -> tuple[int, str]:
        """Return the number of the last row."""


class Watch:
    """Looks every second at what has to be looked at.

    Args:
        engine: Asked how it is.
        latch: Returns what the kill latch says. It blocks.
        incidents: The folder of the watchdog's reports.
        audit: Read along with.
        clock: The time.
        tell: Takes alerts.
    """

    def __init__(
        self,
        *,
        engine: Engine,
        latch: Callable[[], Mapping[str, Any]],
        incidents: Path,
        audit: AuditBook,
        clock: Clock,
        tell: Tell,
    ) -> None:
        self._engine = engine
        self._latch = latch
        self._incidents = incidents
        self._audit = audit
        self._clock = clock
        self._tell = tell
        self._begun_ns = clock.elapsed_ns()
        self._answered_ns: int | None = None
        self._is_down = False
        self._killed_ns: int | None = None  # of the latch that was told
        self._known: set[str] | None = None  # reports
        self._row: int | None = None

    async def run(self) -> None:
        """Look until cancelled."""
        while True:
            await self.look()
            await asyncio.sleep(EVERY_S)

    async def look(self) -> None:
        """Look at everything once."""
        await self._look_at_engine()
        await asyncio.to_thread(self._look_at_files)
        await asyncio.to_thread(self._look_at_audit)

    # --- the engine ---------------------------------------------------------------------------

    async def _look_at_engine(self) -> None:
        try:
            status = await self._engine.ask("status", timeout_s=ASK_S, limits=False)
        except EngineDown as error:
            self._missed(str(error))
            return
        except AskError:
            status = {}
        is_first = self._answered_ns is None
        self._answered_ns = self._clock.elapsed_ns()
        if self._is_down:
            self._is_down = False
            self._tell(_engine_up())
        if is_first:
            self._tell_latches(status.get("latches") or [])

    def _missed(self, why: str) -> None:
        """Tell that there is no engine once that has lasted: a start takes its time."""
        since_ns, patience_ns = self._answered_ns, DOWN_NS
        if since_ns is None:
            since_ns, patience_ns = self._begun_ns, GRACE_NS
        if not self._is_down and self._clock.elapsed_ns() - since_ns >= patience_ns:
            self._is_down = True
            self._tell(_engine_down(why))

    def _tell_latches(self, latches: Sequence[Mapping[str, Any]]) -> None:
        """Tell what was set before anybody looked; the same as the journal's is told once."""
        for latch in latches:
            if latch.get("level") in {"HALTED", "KILLED", "PAUSED"}:
                said = {**latch, "value": "", "limit": "", "reason": "it was set already"}
                self._tell(latched(said))

    # --- files --------------------------------------------------------------------------------

    def _look_at_files(self) -> None:
        self._look_at_latch()
        self._look_at_reports()

    def _look_at_latch(self) -> None:
        try:
            found = self._latch()
        except OSError:
            return  # whoever may not read it does not send either, and says so
        is_first = self._killed_ns is None
        set_ns = int(found["ts_ns"]) if found["set"] else 0
        if set_ns == self._killed_ns:
            return
        self._killed_ns = set_ns
        cause = f"KILL_{str(found['mode']).upper()}"
        if set_ns:
            self._tell(
                Alert(
                    key=latch_key(cause, "account"),
                    severity="warning" if found["mode"] == "pause" else "critical",
                    title=f"the kill latch is set: {found['mode']}",
                    text=f"by {found['who']}: {found['reason']}",
                    happened_ns=set_ns,
                )
            )
        elif not is_first:
            self._tell(
                Alert(
                    key="kill_cleared",
                    severity="warning",
                    title="the kill latch was cleared",
                    closes=[latch_key(f"KILL_{x}", "account") for x in _MODES],
                )
            )

    def _look_at_reports(self) -> None:
        try:
            names = {one.name for one in self._incidents.iterdir() if one.suffix == ".json"}
        except OSError:
            names = set()
        if self._known is None:  # what was there before is history
            self._known = names
            return
        for name in sorted(names - self._known)[:INCIDENTS_MAX]:
            self._tell(_incident(self._incidents / name))
        self._known = names

    # --- the audit ----------------------------------------------------------------------------

    def _look_at_audit(self) -> None:
        try:
            if self._row is None:
                self._row = self._audit.head()[0]
            rows = self._audit.after(self._row, ROWS_MAX)
        except SQLAlchemyError:
            return
        for row in rows:
            self._row = row.seq
            words = _DONE.get(row.event_type) if row.success else None
            words = words or _DENIED.get((row.event_type, row.reason))
            if words is None:
                continue
            self._tell(
                Alert(
                    key=f"audit:{row.event_type}:{row.reason if not row.success else row.action}",
                    severity="info" if row.success else "warning",
                    title=words,
                    text=f"{row.actor} from {row.ip_address or 'here'}: {row.action}",
                    happened_ns=row.ts_ns,
                    details={"audit": row.seq},
                )
            )


_MODES: Final = ("IMMEDIATE", "GRACEFUL", "PAUSE")


def _engine_down(why: str) -> Alert:
    return Alert(
        key="engine_down",
        severity="critical",
        title="the engine does not answer",
        text=f"{why}\nResting stops stay at the venue; the watchdog judges what else is done.",
    )


def _engine_up() -> Alert:
    return Alert(
        key="engine_up",
        severity="warning",
        title="the engine answers again",
        closes=("engine_down",),
    )


def _incident(path: Path) -> Alert:
    """Return what is told of a report; what is in it came from another process."""
    said: Mapping[str, Any] = {}
    try:
        with path.open("rb") as file:
            found = json.loads(file.read(REPORT_MAX))
        said = found if isinstance(found, dict) else {}
    except (OSError, ValueError):
        pass
    return Alert(
        key=f"incident:{path.name}",
        severity="critical",
        title=f"the watchdog acted: the engine was {said.get('health', 'not well')}",
        text=f"{said.get('seen', '')}\n{said.get('result', '')} {said.get('why', '')}\n"
        f"report: {path.name}",
        happened_ns=int(said.get("wall_ns") or 0),
    )
