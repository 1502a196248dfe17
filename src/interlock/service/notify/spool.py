"""Alerts and their way to people, in ``gateway.db``: nothing is lost, and nothing grows for ever.

What is the same is counted. What cannot be sent waits; when too much waits, what matters least goes
first. Everything here blocks, for a millisecond or so.
"""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, case, delete, func, insert, or_, select, update

from interlock.config.notifications import NotifySettings, Severity
from interlock.runtime.clock import NS_PER_S, Clock
from interlock.service.database import Database
from interlock.service.notify.alert import TEXT_MAX, Alert, at_least, one_line, plain
from interlock.service.tables_notifications import alerts, deliveries, notified

KEPT_MAX: Final = 20_000  # alerts; the oldest go, whatever they were
PRUNE_EVERY: Final = 500  # alerts
STALE_NS: Final = 24 * 3_600 * NS_PER_S  # what is no more than information is not told after that
OVER: Final = "over"  # who acknowledged what ended by itself

_RANK: Final = case({"critical": 0, "warning": 1}, value=alerts.c.severity, else_=2)
_WAITS: Final = "WAITS"
_SENT: Final = "SENT"
_GONE: Final = "GONE"
_SOME: Final = 500  # rows in one statement


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """One alert that waits for one channel.

    Attributes:
        delivery: Its number.
        alert_id: The alert's.
        severity: As the alert's.
        title: As the alert's.
        text: As the alert's.
        details: As the alert's.
        made_ns: When it was told.
        happened_ns: When it happened.
        count: How often it came.
        escalations: How often it was told again because nobody acknowledged it.
        attempts: How often this channel failed with it.
        is_open: Whether somebody is waited for.
    """

    delivery: int
    alert_id: int
    severity: Severity
    title: str
    text: str
    details: Mapping[str, Any]
    made_ns: int
    happened_ns: int
    count: int
    escalations: int
    attempts: int
    is_open: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Up to where a journal was looked through."""

    journal: str
    seq: int


class Spool:
    """Alerts that wait, and those that were told.

    Args:
        database: The gateway's.
        clock: The time.
        settings: What is told, and until when.
        channels: Every channel, and the least that goes to it.
    """

    def __init__(
        self,
        database: Database,
        clock: Clock,
        settings: NotifySettings,
        channels: Mapping[str, Severity],
    ) -> None:
        self._database = database
        self._clock = clock
        self._settings = settings
        self._channels = dict(channels)
        self._added = 0
        self._dropped: Counter[str] = Counter()  # by channel, since it was last told

    # --- taking -------------------------------------------------------------------------------

    def take(self, found: Sequence[Alert], place: Place | None = None) -> int:
        """Keep alerts, durable, together with up to where a journal was looked through.

        Returns:
            How many messages wait because of it.
        """
        waiting = 0
        with self._database.begin() as connection:
            for alert in found:
                waiting += self._take_one(connection, alert)
            if place is not None:
                _keep_place(connection, place, self._clock.now_ns())
            if waiting:
                self._make_room(connection)
        return waiting

    def place(self, journal: str) -> tuple[int, int] | None:
        """Return up to where a journal was looked through, and when; None for never."""
        wanted = select(notified.c.seq, notified.c.noted_ns).where(notified.c.journal == journal)
        with self._database.read() as connection:
            found = connection.execute(wanted).one_or_none()
        return None if found is None else (int(found.seq), int(found.noted_ns))

    def _take_one(self, connection: Connection, alert: Alert) -> int:
        now_ns = self._clock.now_ns()
        for key in alert.closes:
            _close(connection, key, now_ns)
        to = self._channels_for(alert.severity)
        if not to and alert.severity == "info":
            return 0  # nobody would be told
        before = self._counted(connection, alert, now_ns)
        if before is None:
            return 0
        is_critical = alert.severity == "critical"
        text = plain(alert.text)
        if before > 1:
            text = plain(f"{text}\nIt came {before} times before this.", TEXT_MAX + 100)
        made = connection.execute(
            insert(alerts)
            .values(
                key=one_line(alert.key),
                severity=alert.severity,
                title=one_line(alert.title),
                text=text,
                details=json.dumps(dict(alert.details), sort_keys=True, default=str),
                happened_ns=alert.happened_ns or now_ns,
                made_ns=now_ns,
                last_ns=now_ns,
                count=1,
                escalations=0,
                escalates_ns=now_ns + self._settings.escalate_ns if is_critical else None,
            )
            .returning(alerts.c.id)
        ).scalar_one()
        _deliver(connection, int(made), to)
        self._added += 1
        return len(to)

    def _counted(self, connection: Connection, alert: Alert, now_ns: int) -> int | None:
        """Count what is the same as before; return None then, else how often it came before."""
        wanted = (
            select(
                alerts.c.id,
                alerts.c.count.label("times"),
                alerts.c.made_ns,
                alerts.c.acknowledged_by,
            )
            .where(alerts.c.key == one_line(alert.key))
            .order_by(alerts.c.id.desc())
            .limit(1)
        )
        last = connection.execute(wanted).one_or_none()
        if last is None or last.acknowledged_by == OVER:
            return 0
        if now_ns - last.made_ns >= self._settings.repeat_ns:
            return int(last.times)
        connection.execute(
            update(alerts)
            .where(alerts.c.id == last.id)
            .values(count=alerts.c.count + 1, last_ns=now_ns)
        )
        return None

    def _channels_for(self, severity: Severity) -> list[str]:
        return [name for name, least in self._channels.items() if at_least(severity, least)]

    def _make_room(self, connection: Connection) -> None:
        """Let go of what matters least when too much waits, and of what is oldest in any case."""
        waits = select(func.count()).where(deliveries.c.state == _WAITS)
        per_channel = select(deliveries.c.channel, func.count().label("n")).where(
            deliveries.c.state == _WAITS
        )
        if connection.execute(waits).scalar_one() > self._settings.spool_max:
            for channel, count in connection.execute(per_channel.group_by(deliveries.c.channel)):
                over = int(count) - self._settings.spool_max
                if over > 0:
                    self._drop(connection, str(channel), over)
        if self._added >= PRUNE_EVERY:
            self._added = 0
            _prune(connection)

    def _drop(self, connection: Connection, channel: str, count: int) -> None:
        least = (
            select(deliveries.c.id)
            .join(alerts, alerts.c.id == deliveries.c.alert_id)
            .where(deliveries.c.state == _WAITS, deliveries.c.channel == channel)
            .order_by(_RANK.desc(), deliveries.c.id)
            .limit(count)
        )
        connection.execute(
            update(deliveries)
            .where(deliveries.c.id.in_(least.scalar_subquery()))
            .values(state=_GONE, done_ns=self._clock.now_ns(), problem="too much waited")
        )
        self._dropped[channel] += count

    def dropped(self, channel: str) -> int:
        """Return how many messages made room at a channel since this was asked last."""
        return self._dropped.pop(channel, 0)

    # --- sending ------------------------------------------------------------------------------

    def due(self, channel: str, most: int) -> list[Waiting]:
        """Return what a channel has to send now: what matters most, then what is oldest."""
        wanted = (
            select(deliveries.c.id.label("delivery"), deliveries.c.attempts, alerts)
            .join(alerts, alerts.c.id == deliveries.c.alert_id)
            .where(deliveries.c.state == _WAITS, deliveries.c.channel == channel)
            .where(~_stale(self._clock.now_ns()))
            .order_by(_RANK, deliveries.c.id)
            .limit(most)
        )
        with self._database.read() as connection:
            return [_waiting(row) for row in connection.execute(wanted)]

    def sent(self, numbers: Sequence[int], reference: str) -> None:
        """Keep that messages were sent, durable."""
        self._done(numbers, state=_SENT, reference=reference, problem="")

    def gone(self, numbers: Sequence[int], problem: str) -> None:
        """Keep that messages will never be sent."""
        self._done(numbers, state=_GONE, problem=one_line(problem))

    def failed(self, numbers: Sequence[int], problem: str) -> None:
        """Keep that messages could not be sent this time."""
        with self._database.begin() as connection:
            connection.execute(
                update(deliveries)
                .where(deliveries.c.id.in_(numbers), deliveries.c.state == _WAITS)
                .values(attempts=deliveries.c.attempts + 1, problem=one_line(problem))
            )

    def _done(self, numbers: Sequence[int], **values: str) -> None:
        with self._database.begin() as connection:
            connection.execute(
                update(deliveries)
                .where(deliveries.c.id.in_(numbers), deliveries.c.state == _WAITS)
                .values(attempts=deliveries.c.attempts + 1, done_ns=self._clock.now_ns(), **values)
            )

    def references(self, alert_key: str, channel: str) -> list[str]:
        """Return under what a channel knows the messages that it sent about an alert."""
        wanted = (
            select(deliveries.c.reference)
            .join(alerts, alerts.c.id == deliveries.c.alert_id)
            .where(alerts.c.key == alert_key, deliveries.c.channel == channel)
            .where(deliveries.c.state == _SENT, deliveries.c.reference != "")
        )
        with self._database.read() as connection:
            return [str(one) for one in connection.execute(wanted).scalars()]

    # --- until somebody looks -----------------------------------------------------------------

    def escalate(self) -> int | None:
        """Tell everybody again what nobody acknowledged; return when to look again.

        Returns:
            The time, UTC; None when nothing waits for anybody.
        """
        now_ns = self._clock.now_ns()
        self._let_go(now_ns)
        is_open = alerts.c.acknowledged_ns.is_(None) & alerts.c.escalates_ns.is_not(None)
        with self._database.read() as connection:
            first = connection.execute(select(func.min(alerts.c.escalates_ns)).where(is_open))
            next_ns = first.scalar_one()
        if next_ns is None or next_ns > now_ns:
            return None if next_ns is None else int(next_ns)
        again_ns = now_ns + self._settings.escalate_ns
        with self._database.begin() as connection:
            late = connection.execute(
                update(alerts)
                .where(is_open, alerts.c.escalates_ns <= now_ns)
                .values(escalations=alerts.c.escalations + 1, escalates_ns=again_ns)
                .returning(alerts.c.id)
            ).scalars()
            for alert_id in late.all():
                waits = select(deliveries.c.channel).where(
                    deliveries.c.alert_id == alert_id, deliveries.c.state == _WAITS
                )
                already = set(connection.execute(waits).scalars())
                to = [name for name in self._channels if name not in already]
                _deliver(connection, int(alert_id), to)
        return again_ns

    def _let_go(self, now_ns: int) -> None:
        """Let go of what nobody needs to hear any more."""
        late = (
            select(deliveries.c.id)
            .join(alerts, alerts.c.id == deliveries.c.alert_id)
            .where(deliveries.c.state == _WAITS, _stale(now_ns))
        )
        with self._database.read() as connection:
            numbers = connection.execute(late.limit(_SOME)).scalars().all()
        if numbers:
            self.gone(numbers, "nobody needs it any more")

    def acknowledge(self, connection: Connection, alert_id: int, who: str) -> bool | None:
        """Keep that somebody looks after an alert, in the caller's own transaction.

        Returns:
            Whether they are the first; None when there is no such alert.
        """
        changed = connection.execute(
            update(alerts)
            .where(alerts.c.id == alert_id, alerts.c.acknowledged_ns.is_(None))
            .values(acknowledged_ns=self._clock.now_ns(), acknowledged_by=who)
        )
        if changed.rowcount:
            return True
        known = select(func.count()).select_from(alerts).where(alerts.c.id == alert_id)
        return False if connection.execute(known).scalar_one() else None


def _stale(now_ns: int) -> ColumnElement[bool]:
    return (alerts.c.severity == "info") & (alerts.c.made_ns < now_ns - STALE_NS)


def _waiting(row: Any) -> Waiting:
    return Waiting(
        delivery=row.delivery,
        alert_id=row.id,
        severity=row.severity,
        title=row.title,
        text=row.text,
        details=json.loads(row.details),
        made_ns=row.made_ns,
        happened_ns=row.happened_ns,
        count=row.count,
        escalations=row.escalations,
        attempts=row.attempts,
        is_open=row.escalates_ns is not None and row.acknowledged_ns is None,
    )


def _close(connection: Connection, key: str, now_ns: int) -> None:
    connection.execute(
        update(alerts)
        .where(alerts.c.key == one_line(key), alerts.c.acknowledged_ns.is_(None))
        .values(acknowledged_ns=now_ns, acknowledged_by=OVER)
    )


def _deliver(connection: Connection, alert_id: int, to: Sequence[str]) -> None:
    rows = [
        {
            "alert_id": alert_id,
            "channel": name,
            "state": _WAITS,
            "attempts": 0,
            "reference": "",
            "problem": "",
        }
        for name in to
    ]
    if rows:
        connection.execute(insert(deliveries), rows)


def _keep_place(connection: Connection, place: Place, now_ns: int) -> None:
    values = {"seq": place.seq, "noted_ns": now_ns}
    changed = connection.execute(
        update(notified).where(notified.c.journal == place.journal).values(**values)
    )
    if not changed.rowcount:
        connection.execute(insert(notified).values(journal=place.journal, **values))


def _prune(connection: Connection) -> None:
    """Forget the oldest alerts, those that wait for somebody last of all."""
    newest = connection.execute(select(func.max(alerts.c.id))).scalar_one() or 0
    old = alerts.c.id <= newest - KEPT_MAX
    gone = select(alerts.c.id).where(
        old, or_(alerts.c.acknowledged_ns.is_not(None), alerts.c.escalates_ns.is_(None))
    )
    waits = select(deliveries.c.alert_id).where(deliveries.c.state == _WAITS)
    ids = [*connection.execute(gone.where(alerts.c.id.not_in(waits))).scalars()]
    for start in range(0, len(ids), _SOME):
        some = ids[start : start + _SOME]
        connection.execute(delete(deliveries).where(deliveries.c.alert_id.in_(some)))
        connection.execute(delete(alerts).where(alerts.c.id.in_(some)))
