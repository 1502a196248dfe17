"""Notifications, joined: the notifier with its channels, the bot, the watch, and who looks."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from interlock.config.notifications import Severity
from interlock.runtime.clock import Clock
from interlock.service.audit_rows import Row
from interlock.service.database import Database
from interlock.service.metrics import GatewayMetrics
from interlock.service.notify.acknowledging import Acknowledging
from interlock.service.notify.alert import Alert
from interlock.service.notify.channel import Way
from interlock.service.notify.notices import JournalNotices
from interlock.service.notify.notifier import Notifier, Work
from interlock.service.notify.outfit import Outfit
from interlock.service.notify.spool import Spool
from interlock.service.notify.telegram_channel import PREFIX
from interlock.service.notify.watch import Watch
from interlock.service.people.who import Auditor

Said = dict[str, Any]


class Engine(Protocol):
    """The way to the engine (``service.engine_client.EngineClient``)."""

    async def ask(self, name: str, timeout_s: float = 5.0, **fields: Any) -> Said:
        """Ask it something; raises EngineDown or AskError."""

    async def kill(self, timeout_s: float = 10.0, **fields: Any) -> Said:
        """Ask it to stop, behind nobody; raises EngineDown or AskError."""

    async def close(self) -> None:
        """Hang up."""


class Kill(Protocol):
    """Stops the account by every road (``service.api.killing.Killing``)."""

    async def kill(self, *, mode: str, reason: str, who: str) -> Said:
        """Return how far it is."""


class AuditBook(Auditor, Protocol):
    """The audit (``service.audit.Audit``)."""

    async def arecord(self, event_type: str, **fields: Any) -> int:
        """Write a row, durable."""

    def after(self, seq: int, limit: int = 1_000) -> list[Row]:
        """Return rows that follow one."""

    def head(self) -> tuple[int, str]:
        """Return the number of the last row, and its hash."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class NotifyParts:
    """What notifications are made with.

    Attributes:
        outfit: The channels.
        database: The gateway's own.
        audit: Written to, and read along with.
        clock: The time.
        engine: Makes a way to the engine, in the notifier's own loop.
        kill: Makes what stops the account, over such a way.
        latch: Returns what the kill latch says. It blocks.
        incidents: The folder of the watchdog's reports.
        ends: Returns the journal's last record, and when it was begun.
        metrics: Counts messages; None counts nothing.
        on_trouble: Told what a person may want to know.
    """

    outfit: Outfit
    database: Database
    audit: AuditBook
    clock: Clock
    engine: Callable[[], Engine]
    kill: Callable[[Engine], Kill]
    latch: Callable[[], Mapping[str, Any]]
    incidents: Path
    ends: Callable[[], tuple[int, int]]
    metrics: GatewayMetrics | None = None
    on_trouble: Callable[[str], None] = lambda _: None


class Notifications:
    """Everything about telling people.

    Args:
        parts: What it is made with.

    Attributes:
        subscriber: Reads along with the journal.
        acknowledging: For whoever looks at alerts.
    """

    def __init__(self, parts: NotifyParts) -> None:
        self._parts = parts
        outfit = parts.outfit
        self._spool = Spool(parts.database, parts.clock, outfit.rules.notify, outfit.channels)
        self.acknowledging = Acknowledging(parts.database, self._spool, parts.audit)
        self._notifier = Notifier(
            spool=self._spool,
            database=parts.database,
            clock=parts.clock,
            ways=self._ways,
            works=self._works,
            closes=self._close,
            metrics=parts.metrics,
            on_trouble=parts.on_trouble,
        )
        self.subscriber = JournalNotices(
            self._spool, parts.clock, ends=parts.ends, wake=self._notifier.wake
        )
        self._engine: Engine | None = None
        self._api: Any = None
        self._work: list[Work] = []

    def start(self) -> None:
        """Begin; returns at once."""
        self._notifier.start()

    def stop(self) -> None:
        """End within two seconds."""
        self._notifier.stop()

    def tell(self, alert: Alert) -> None:
        """Take an alert of this process; from any thread, and it neither blocks nor raises."""
        self._notifier.tell(alert)

    def trouble(self, where: str, why: str) -> None:
        """Tell that something in this process went wrong."""
        self.tell(
            Alert(key=f"trouble:{where}", severity=_worst(where), title=_title(where), text=why)
        )

    async def alerts(self) -> Said:
        """Return what waits for somebody now."""
        return await self.acknowledging.open()

    def conditions(self) -> dict[str, Said]:
        """Return how every channel is."""
        return self._notifier.conditions()

    def telegram(self) -> Said:
        """Return how Telegram is set up and whether it works, for health checks."""
        outfit, settings = self._parts.outfit, self._parts.outfit.rules.telegram
        found = [one for name, one in self.conditions().items() if name.startswith(PREFIX)]
        oks = [one["last_ok"] for one in found if one["last_ok"] is not None]
        return {
            "enabled": settings.enabled,
            "chat_id_set": bool(settings.chats),
            "bot_token_set": outfit.token is not None,
            "run_telegram_env": settings.enabled,
            "kill_switch_enabled": settings.enabled and settings.commands and bool(settings.people),
            "last_send_ok": all(oks) if oks else None,
        }

    # --- in the notifier's loop ---------------------------------------------------------------

    def _ways(self) -> Sequence[Way]:
        """Return every channel; what belongs to the loop is made here."""
        parts = self._parts
        engine = self._engine = parts.engine()
        watch = Watch(
            engine=engine,
            latch=parts.latch,
            incidents=parts.incidents,
            audit=parts.audit,
            clock=parts.clock,
            tell=self.tell,
        )
        self._work = [watch.run]
        if parts.outfit.token is None:
            return parts.outfit.ways
        # A large library, which most never need.
        from interlock.service.notify.telegram_joined import make_telegram  # noqa: PLC0415

        telegram = make_telegram(
            parts=parts,
            engine=engine,
            spool=self._spool,
            acknowledging=self.acknowledging,
            tell=self.tell,
        )
        self._api = telegram.api
        if parts.outfit.rules.telegram.commands:
            self._work.append(telegram.bot.run)
        return [*parts.outfit.ways, *telegram.ways]

    def _works(self) -> Sequence[Work]:
        return self._work

    def _close(self) -> Sequence[Work]:
        return [one.close for one in (self._api, self._engine) if one is not None]


def _worst(where: str) -> Severity:
    return "critical" if where == "audit" else "warning"


def _title(where: str) -> str:
    return f"something is wrong in the gateway: {where}"
