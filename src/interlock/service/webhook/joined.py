"""The whole of the webhook: the desk that judges, the inbox that keeps, who hands over."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from prometheus_client import CollectorRegistry

from interlock.config.webhook import WebhookSettings
from interlock.runtime.clock import Clock
from interlock.service.audit import Audit
from interlock.service.database import Database
from interlock.service.doors import Door
from interlock.service.webhook.buckets import Buckets
from interlock.service.webhook.desk import Desk
from interlock.service.webhook.figures import WebhookFigures
from interlock.service.webhook.forwarder import Ask, Forwarder
from interlock.service.webhook.inbox import Inbox
from interlock.service.webhook.routes import add_webhook_routes
from interlock.service.webhook.senders import Senders
from interlock.service.webhook.trust import WebhookSecrets


@dataclass(frozen=True, slots=True, kw_only=True)
class Webhook:
    """Takes alerts and hands them to the engine.

    Attributes:
        inbox: A thread that keeps them.
        forwarder: Hands them over.
        secrets: What senders have to know.
        desk: Judges them.
    """

    inbox: Inbox
    forwarder: Forwarder
    secrets: WebhookSecrets
    desk: Desk

    def start(self, door: Door) -> None:
        """Let alerts in.

        Raises:
            PolicyError: The secret's file cannot be used.
        """
        self.secrets.check()
        self.inbox.start()
        add_webhook_routes(door, self.desk)

    async def run(self) -> None:
        """Hand over until cancelled."""
        await self.forwarder.run()

    def stop(self) -> None:
        """Keep what waits, and end."""
        self.inbox.stop()

    @property
    def state(self) -> dict[str, Any]:
        """For health: whether the engine takes alerts, and what is wrong with the secret."""
        return {
            "engine_takes": self.forwarder.is_up,
            "why": self.forwarder.why,
            "waiting": self.forwarder.waiting,
            "secret_problem": self.secrets.problem,
        }


def make_webhook(
    *,
    database: Database,
    ask: Ask,
    secrets: Path,
    settings: WebhookSettings,
    audit: Audit,
    clock: Clock,
    registry: CollectorRegistry,
    is_paper: bool,
) -> Webhook:
    """Return it, joined; nothing runs yet.

    Args:
        database: The gateway's.
        ask: Asks the engine.
        secrets: The folder of the secret.
        settings: Section ``webhook``.
        audit: Is told of refusals.
        clock: Tells when alerts came.
        registry: Of the gateway's numbers.
        is_paper: Whether no money is at stake.
    """
    inbox = Inbox(database, clock=clock, settings=settings)
    known = WebhookSecrets(secrets, clock)
    desk = Desk(
        inbox=inbox,
        senders=Senders(secrets=known, settings=settings, clock=clock, is_paper=is_paper),
        buckets=Buckets(
            source_per_second=settings.source_per_second,
            per_second=settings.per_second,
            clock=clock,
        ),
        settings=settings,
        audit=audit,
        clock=clock,
        figures=WebhookFigures(registry, lambda: inbox.backlog),
    )
    forwarder = Forwarder(inbox, ask, clock=clock)
    return Webhook(inbox=inbox, forwarder=forwarder, secrets=known, desk=desk)
