"""The audit: who did what, when, from where, whether it was let, and why. In a chain of hashes.

Rows are in ``gateway.db``, durable with what they are about or before it is answered. A thread
copies them to ``logs/audit.log``, writes down counted refusals, tells the engine the newest hash,
so that its journal knows what a shortened or rewritten audit would deny, and drops what is too old.
What orders, fills and configurations do is chained in the engine's journal: the file has a line
for each with the record's number, and the table has none.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Connection, delete, func, insert, select

from interlock.runtime.clock import Clock
from interlock.service.audit_denials import Denials, Denied
from interlock.service.audit_rows import GENESIS, Row, chained, details_of
from interlock.service.audit_scribe import NoteHead, Scribe
from interlock.service.database import Database
from interlock.service.tables_audit import audit, audit_pruned

BATCH: Final = 1_000  # rows copied at once
PRUNE_ROWS: Final = 5_000  # dropped in one transaction, so that nobody waits long


def _nobody(_text: str) -> None:
    """Tell nobody."""


class Audit:
    """Writes the audit. Any thread may; what it returned from is durable.

    Args:
        database: Migrated.
        file: ``logs/audit.log``.
        clock: For the time, and for what waits.
        note_head: Tells the engine a row's number and hash; raises OSError or ValueError.
        on_trouble: Told what does not work, once each time it begins.
    """

    def __init__(
        self,
        database: Database,
        file: Path,
        clock: Clock,
        *,
        note_head: NoteHead | None = None,
        on_trouble: Callable[[str], None] = _nobody,
    ) -> None:
        self._database = database
        self._clock = clock
        self._denials = Denials(clock)
        self._scribe = Scribe(self, file, clock, note_head, on_trouble)

    # --- writing ------------------------------------------------------------------------------

    def record(
        self,
        event_type: str,
        *,
        actor: str,
        ip: str,
        action: str,
        success: bool,
        reason: str = "",
        correlation: str = "",
        **details: Any,
    ) -> int:
        """Write a row, and return its number when it is durable.

        Raises:
            SQLAlchemyError: It cannot be written. What it is about must not be done then, unless
                it makes things safer.
        """
        with self._database.begin() as connection:
            return self.record_in(
                connection,
                event_type,
                actor=actor,
                ip=ip,
                action=action,
                success=success,
                reason=reason,
                correlation=correlation,
                **details,
            )

    async def arecord(self, event_type: str, **fields: Any) -> int:
        """Write a row as ``record`` does, while the event loop goes on."""
        return await self._database.run(partial(self.record, event_type, **fields))

    def record_in(
        self,
        connection: Connection,
        event_type: str,
        *,
        actor: str,
        ip: str,
        action: str,
        success: bool,
        reason: str = "",
        correlation: str = "",
        **details: Any,
    ) -> int:
        """Write a row with what else a transaction does: both or neither; return its number.

        Args:
            connection: Of ``Database.begin``.
            event_type: A word for programs.
            actor: Who, as ``Actor.name`` has it.
            ip: From where.
            action: What.
            success: Whether it was done.
            reason: Why not; or why somebody did it.
            correlation: What ties it to others.
            details: Further facts. No secret, no code, no token is one.
        """
        seq, before = _head_in(connection)
        row = chained(
            before,
            seq + 1,
            self._clock.now_ns(),
            event_type,
            actor=actor,
            ip=ip,
            action=action,
            success=success,
            reason=reason,
            correlation=correlation,
            details=details_of(details),
        )
        connection.execute(insert(audit).values(**asdict(row) | {"success": int(success)}))
        self._scribe.wake()
        return row.seq

    def deny(
        self,
        event_type: str,
        *,
        actor: str,
        ip: str,
        action: str,
        reason: str,
        correlation: str = "",
    ) -> None:
        """Count a refusal: a row follows within a second, and one for all others of its minute.

        Args:
            event_type: A word for programs.
            actor: Who, as far as that is known.
            ip: From where.
            action: What they tried.
            reason: A fixed word or sentence: what is counted together has the same.
            correlation: Of the request.
        """
        self._denials.add(
            event_type, actor=actor, ip=ip, action=action, reason=reason, correlation=correlation
        )

    def write_denials(self, *, all_of_them: bool = False) -> None:
        """Write what was counted.

        Raises:
            SQLAlchemyError: It cannot be written.
        """
        found = list(self._denials.take(all_of_them=all_of_them))
        if not found:
            return
        with self._database.begin() as connection:
            for each in found:
                self._write_denied(connection, each)

    def _write_denied(self, connection: Connection, each: Denied) -> None:
        self.record_in(
            connection,
            each.event_type,
            actor=each.actor,
            ip=each.ip,
            action=each.action,
            success=False,
            reason=each.reason,
            correlation=each.correlation,
            **each.details,
        )

    # --- reading ------------------------------------------------------------------------------

    def rows(
        self,
        *,
        before: int | None = None,
        limit: int = 100,
        event_type: str = "",
        actor: str = "",
        correlation: str = "",
    ) -> list[Row]:
        """Return rows, the newest first.

        Args:
            before: Only those with a smaller number.
            limit: At most so many.
            event_type: Only this one; "" is all.
            actor: Only this one's; "" is all.
            correlation: Only those with this id; "" is all.
        """
        wanted = select(audit).order_by(audit.c.seq.desc()).limit(limit)
        if before is not None:
            wanted = wanted.where(audit.c.seq < before)
        for column, value in (
            (audit.c.event_type, event_type),
            (audit.c.actor, actor),
            (audit.c.correlation_id, correlation),
        ):
            wanted = wanted.where(column == value) if value else wanted
        with self._database.read() as connection:
            return [_row(each) for each in connection.execute(wanted).mappings()]

    def after(self, seq: int, limit: int = BATCH) -> list[Row]:
        """Return the rows that follow one, the oldest first."""
        wanted = select(audit).where(audit.c.seq > seq).order_by(audit.c.seq).limit(limit)
        with self._database.read() as connection:
            return [_row(each) for each in connection.execute(wanted).mappings()]

    def head(self) -> tuple[int, str]:
        """Return the number and hash of the last row."""
        with self._database.read() as connection:
            return _head_in(connection)

    def state(self) -> dict[str, Any]:
        """Return how long it is, and up to where the engine was told of it."""
        with self._database.read() as connection:
            rows = connection.execute(select(func.count()).select_from(audit)).scalar_one()
            seq, head = _head_in(connection)
        return {"rows": int(rows), "head_seq": seq, "head": head, **self._scribe.anchored()}

    # --- keeping ------------------------------------------------------------------------------

    def prune(self, before_ns: int) -> int:
        """Drop the oldest rows, and return how many. The chain says that they are gone, and when.

        Args:
            before_ns: Only those that are older.

        Raises:
            SQLAlchemyError: Nothing was dropped by what failed.
        """
        dropped = 0
        while count := self._prune_some(before_ns):
            dropped += count
        return dropped

    def _prune_some(self, before_ns: int) -> int:
        with self._database.begin() as connection:
            young = select(audit.c.seq).where(audit.c.ts_ns >= before_ns).order_by(audit.c.seq)
            end = connection.execute(young.limit(1)).scalar()
            wanted = select(audit).order_by(audit.c.seq).limit(PRUNE_ROWS)
            wanted = wanted if end is None else wanted.where(audit.c.seq < end)
            rows = [_row(each) for each in connection.execute(wanted).mappings()]
            last = _head_in(connection)[0]
            rows = [each for each in rows if each.seq < last]  # the chain never loses its end
            if not rows:
                return 0
            to = rows[-1]
            self.record_in(
                connection,
                "audit_pruned",
                actor="gateway",
                ip="",
                action="drop audit rows after their retention",
                success=True,
                to_seq=to.seq,
                to_hash=to.hash,
                rows=len(rows),
            )
            connection.execute(delete(audit).where(audit.c.seq <= to.seq))
            connection.execute(delete(audit_pruned))
            connection.execute(
                insert(audit_pruned).values(id=1, seq=to.seq, hash=to.hash, ts_ns=to.ts_ns)
            )
            return len(rows)

    # --- the thread ---------------------------------------------------------------------------

    def start(self) -> None:
        """Begin to copy rows to the file.

        Raises:
            OSError: The file cannot be used.
        """
        self._scribe.start()

    def stop(self) -> None:
        """Write everything that waits, and end."""
        self._scribe.stop()

    def follow(self, lines: Sequence[Mapping[str, Any]]) -> None:
        """Have lines written about records of the engine's journal, in their order."""
        self._scribe.follow(lines)

    def followed(self, journal: str) -> int:
        """Return the last record of a journal that the file has a line about; 0 for none."""
        return self._scribe.followed(journal)


def _row(found: Mapping[Any, Any]) -> Row:
    return Row(**{**found, "success": bool(found["success"])})


def _head_in(connection: Connection) -> tuple[int, str]:
    """Return the number and hash that the next row follows."""
    last = select(audit.c.seq, audit.c.hash).order_by(audit.c.seq.desc()).limit(1)
    found = connection.execute(last).first()
    if found is None:
        found = connection.execute(select(audit_pruned.c.seq, audit_pruned.c.hash)).first()
    return (0, GENESIS) if found is None else (int(found[0]), str(found[1]))
