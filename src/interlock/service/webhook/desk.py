"""Judges what comes to the webhook, from the cheapest question to the dearest, and keeps it.

First how often, from where and of what kind, before any byte of the body; then who sent it, before
any field of it; then what it says; then the disk. Whatever is refused reads the same to everybody.
"""

import asyncio
from dataclasses import dataclass
from typing import Any, Final

from fastapi import Request
from starlette.requests import ClientDisconnect

from interlock.config.webhook import WebhookSettings
from interlock.runtime.clock import NS_PER_S, Clock
from interlock.service.audit import Audit
from interlock.service.front import ids_of
from interlock.service.peers import peer_of
from interlock.service.problems import Problem
from interlock.service.webhook.arrivals import AHEAD_NS, Arrival, Kept
from interlock.service.webhook.buckets import Buckets
from interlock.service.webhook.figures import WebhookFigures
from interlock.service.webhook.inbox import Inbox, NotKeptError
from interlock.service.webhook.senders import Senders, refused
from interlock.signals.alert import Alert, AlertError, Ping, read_alert
from interlock.signals.alert_json import BYTES_MAX
from interlock.signals.alert_secret import is_ping

KEEP_S: Final = 2.0  # for the disk: charts give up after 3 s in all
RETRY_S: Final = "5"
EVENT: Final = "webhook"
ACTION: Final = "POST /webhook"  # never the path that was asked for, which may hold a secret


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """Takes alerts.

    Attributes:
        inbox: Keeps them.
        senders: Knows who may send.
        buckets: Knows how often.
        settings: What else is accepted.
        audit: Is told of every refusal.
        clock: Tells when they came.
        figures: Counts.
    """

    inbox: Inbox
    senders: Senders
    buckets: Buckets
    settings: WebhookSettings
    audit: Audit
    clock: Clock
    figures: WebhookFigures

    async def receive(self, request: Request, *, token: str | None = None) -> dict[str, Any]:
        """Return the answer to a request.

        Raises:
            Problem: Why it was not accepted; the audit knows.
        """
        try:
            return await self._received(request, token)
        except Problem as problem:
            self.figures.count(problem.code)
            self.audit.deny(
                EVENT,
                actor="unknown",
                ip=peer_of(request).address,
                action=ACTION,
                reason=problem.code,
                correlation=ids_of(request).correlation,
            )
            raise

    async def _received(self, request: Request, token: str | None) -> dict[str, Any]:
        wait_s = self.buckets.wait_s(peer_of(request).address)
        if wait_s:
            raise refused(
                429,
                "TOO_MANY",
                f"requests must come more slowly. Next: again in {wait_s} s.",
                retry=str(wait_s),
            )
        self.senders.check_before_body(request, token)
        body = await _body(request)
        if is_ping(body):
            return self._ponged(understood="test")
        signed = self.senders.check_body(request, body, has_token=token is not None)
        self.buckets.prove(peer_of(request).address)
        try:
            alert = read_alert(body)
        except AlertError as error:
            raise refused(422, "BAD_ALERT", str(error), field=error.field) from None
        if isinstance(alert, Ping):
            return self._ponged(understood="test alert")
        self.senders.check_kept(alert.id, alert.strategy, alert.symbol)
        now_ns = self.clock.now_ns()
        self._check_time(alert, now_ns)
        return await self._keep(
            Arrival(
                alert=alert,
                received_ns=now_ns,
                who=f"webhook:{peer_of(request).address}",
                correlation=ids_of(request).correlation,
                signed_ns=signed,
            )
        )

    def _ponged(self, *, understood: str) -> dict[str, Any]:
        self.figures.count("ping")
        return {
            "accepted": True,
            "test": True,
            "message": f"This {understood} was understood, and creates nothing.",
        }

    def _check_time(self, alert: Alert, now_ns: int) -> None:
        """Refuse what is too old to be known again if it were sent twice."""
        if alert.time_ns is None:
            return
        if now_ns - alert.time_ns > self.settings.kept_ns:
            raise refused(
                422,
                "TOO_OLD",
                f"time must be within the last {self.settings.kept_hours} h, and was not: it is "
                "when the alert was sent ({{timenow}} in charts).",
                field="time",
            )
        if alert.time_ns - now_ns > AHEAD_NS:
            raise refused(
                422,
                "NOT_YET",
                "time must be when the alert was sent, and is still to come. Next: look at the "
                "sender's clock.",
                field="time",
            )

    async def _keep(self, arrival: Arrival) -> dict[str, Any]:
        started_ns = self.clock.elapsed_ns()
        try:
            async with asyncio.timeout(KEEP_S):
                kept = await self.inbox.put(arrival)
        except NotKeptError as error:
            code = "BACKLOG" if error.is_full else "NOT_KEPT"
            raise refused(503, code, f"{error} Next: send it again.", retry=RETRY_S) from None
        except TimeoutError:
            raise refused(
                503,
                "NOT_KEPT",
                "the disk took too long, and may still take it. Next: send it again; it is kept "
                "once.",
                retry=RETRY_S,
            ) from None
        self.figures.kept((self.clock.elapsed_ns() - started_ns) / NS_PER_S)
        return self._answer(kept)

    def _answer(self, kept: Kept) -> dict[str, Any]:
        if kept.is_other:
            raise refused(
                409,
                "ID_REUSED",
                "id must be a new one for each alert, and is that of another one. Next: send it "
                "with its own id.",
                field="id",
            )
        self.figures.count("accepted" if kept.is_new else "duplicate")
        return {
            "accepted": True,
            "id": kept.stored.id,
            "state": kept.stored.state,
            "duplicate": not kept.is_new,
        }


async def _body(request: Request) -> bytes:
    """Return the whole body, if it is short; the server has seen to it that it came soon."""
    length = request.headers.get("content-length", "")
    if length.isascii() and length.isdigit() and int(length) > BYTES_MAX:
        raise _too_large()
    parts: list[bytes] = []
    size = 0
    try:
        async for part in request.stream():
            size += len(part)
            if size > BYTES_MAX:
                raise _too_large()
            parts.append(part)
    except ClientDisconnect:
        raise refused(400, "INCOMPLETE", "the body must come to its end.") from None
    return b"".join(parts)


def _too_large() -> Problem:
    return refused(413, "TOO_LARGE", f"a body must be at most {BYTES_MAX} bytes.")
