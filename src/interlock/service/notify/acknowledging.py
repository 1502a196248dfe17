"""Alerts for whoever looks at them, and who looks after which."""

from typing import Any, Final

from sqlalchemy import Connection, func, select

from interlock.runtime.moments import rfc3339
from interlock.service.database import Database
from interlock.service.notify.spool import Spool
from interlock.service.people.who import Auditor
from interlock.service.tables_notifications import alerts, deliveries

Said = dict[str, Any]

OPEN_MAX: Final = 50  # that a dashboard is told of unasked


class Acknowledging:
    """Reads alerts, and keeps who acknowledged them.

    Args:
        database: Has them.
        spool: Stops telling them again.
        audit: Told of who looks after what.
    """

    def __init__(self, database: Database, spool: Spool, audit: Auditor) -> None:
        self._database = database
        self._spool = spool
        self._audit = audit

    async def acknowledge(
        self, alert_id: int, who: str, ip: str, correlation: str = ""
    ) -> Said | None:
        """Keep that somebody looks after an alert; return it, None when there is none.

        It may be said again: the first one stays.
        """
        return await self._database.run(self._acknowledge, alert_id, who, ip, correlation)

    async def page(self, limit: int, before: int = 0, *, is_open: bool = False) -> Said:
        """Return alerts, the newest first."""
        return await self._database.run(self._page, limit, before, is_open)

    async def open(self) -> Said:
        """Return what waits for somebody now."""
        return await self.page(OPEN_MAX, is_open=True)

    def _acknowledge(self, alert_id: int, who: str, ip: str, correlation: str) -> Said | None:
        with self._database.begin() as connection:
            is_first = self._spool.acknowledge(connection, alert_id, who)
            if is_first is None:
                return None
            if is_first:
                self._audit.record_in(
                    connection,
                    "acknowledge",
                    actor=who,
                    ip=ip,
                    action=f"acknowledge alert {alert_id}",
                    success=True,
                    correlation=correlation,
                )
            row = connection.execute(select(alerts).where(alerts.c.id == alert_id)).one()
            return _said(row, _deliveries(connection, [alert_id]))

    def _page(self, limit: int, before: int, is_open: bool) -> Said:
        waits = alerts.c.acknowledged_ns.is_(None) & (alerts.c.severity != "info")
        wanted = select(alerts).order_by(alerts.c.id.desc()).limit(limit + 1)
        if before:
            wanted = wanted.where(alerts.c.id < before)
        if is_open:
            wanted = wanted.where(waits)
        with self._database.read() as connection:
            rows = connection.execute(wanted).all()
            count = connection.execute(
                select(func.count()).select_from(alerts).where(waits)
            ).scalar_one()
            page = rows[:limit]
            sent = _deliveries(connection, [row.id for row in page])
        return {
            "items": [_said(row, sent) for row in page],
            "next": page[-1].id if len(rows) > limit else None,
            "open": count,
        }


def _deliveries(connection: Connection, ids: list[int]) -> dict[int, list[Said]]:
    wanted = select(deliveries).where(deliveries.c.alert_id.in_(ids)).order_by(deliveries.c.id)
    found: dict[int, list[Said]] = {}
    for row in connection.execute(wanted):
        found.setdefault(row.alert_id, []).append(
            {
                "channel": row.channel,
                "state": row.state,
                "attempts": row.attempts,
                "problem": row.problem,
            }
        )
    return found


def _said(row: Any, sent: dict[int, list[Said]]) -> Said:
    return {
        "id": row.id,
        "severity": row.severity,
        "title": row.title,
        "text": row.text,
        "ts": rfc3339(row.happened_ns),
        "ts_ns": row.happened_ns,
        "last_ns": row.last_ns,
        "count": row.count,
        "escalations": row.escalations,
        "acknowledged": row.acknowledged_ns is not None,
        "acknowledged_by": row.acknowledged_by,
        "acknowledged_ns": row.acknowledged_ns,
        "deliveries": sent.get(row.id, []),
    }
