"""The webhook's door without a socket, an engine that answers as told, and a real database."""

import asyncio
import hashlib
import hmac
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import httpx

from interlock.config.webhook import WebhookSettings
from interlock.runtime.clock import NS_PER_S, ManualClock
from interlock.service.database import Database, open_database
from interlock.service.doors import Door
from interlock.service.engine_client import EngineDown
from interlock.service.metrics import GatewayMetrics
from interlock.service.webhook.joined import Webhook, make_webhook
from tests.service.apps import OpenGuard, app_for_tests, client_of
from tests.service.audits import AuditForTests

if TYPE_CHECKING:
    from fastapi import FastAPI

    from interlock.service.audit import Audit

SECRET = "s3cret-of-the-webhook-s3cret"  # noqa: S105 - of the tests
OLD = "s3cret-before-that-one-s3cret"
START_NS = 1_795_271_400 * NS_PER_S  # 2026-11-21 14:30 UTC
SPY = {"symbol": "SPY", "price": "450", "action": "BUY"}

SETTINGS: dict[str, Any] = {
    "enabled": True,
    "strategies": [],
    "sources": [],
    "client_name": "",
    "client_name_header": "X-Client-Name",
    "signature_required": False,
    "signature_seconds": 60,
    "late_seconds": 60,
    "same_seconds": 30,
    "kept_hours": 48,
    "source_per_second": 750,
    "per_second": 1_000,
}


class Engine:
    """Answers signals; knows each by its id, as the real one does."""

    def __init__(self) -> None:
        self.seen: list[dict[str, Any]] = []
        self.batches: list[int] = []
        self.is_down = False
        self.error: Exception | None = None
        self.asked = asyncio.Event()
        self.answered = asyncio.Event()

    async def ask(self, name: str, timeout_s: float = 5.0, **fields: Any) -> dict[str, Any]:
        """Answer as the engine would."""
        assert name == "signals"
        assert timeout_s
        signals = fields["signals"]
        self.batches.append(len(signals))
        self.asked.set()
        if self.is_down:
            raise EngineDown("no engine answers here.")
        if self.error is not None:
            raise self.error
        known = {one["id"] for one in self.seen}
        self.seen += [one for one in signals if one["id"] not in known]
        self.answered.set()
        return {
            "signals": [
                {"id": one["id"], "state": "KNOWN" if one["id"] in known else "SUBMITTED"}
                for one in signals
            ]
        }

    @property
    def ids(self) -> list[str]:
        """Return what it was told, in order."""
        return [one["id"] for one in self.seen]


class Rig:
    """Everything behind one door.

    Attributes:
        clock: Stands still.
        engine: Answers.
        audit: Remembers.
        webhook: What is tested.
        app: Its routes.
        client: Of this machine's own user.
    """

    def __init__(
        self, folder: Path, *, is_paper: bool = True, proxy: str = "", **changes: Any
    ) -> None:
        self.folder = folder
        secrets = folder / "secrets"
        secrets.mkdir(mode=0o700, exist_ok=True)
        self.secret_file = secrets / "webhook-secret"
        if not self.secret_file.exists():
            write(self.secret_file, SECRET)
        self.clock = ManualClock(START_NS)
        self.engine = Engine()
        self.audit = AuditForTests()
        self.database: Database = open_database(folder / "gateway.db")
        self.metrics = GatewayMetrics()
        self.webhook: Webhook = make_webhook(
            database=self.database,
            ask=self.engine.ask,
            secrets=secrets,
            settings=WebhookSettings.model_validate({**SETTINGS, **changes}),
            audit=cast("Audit", self.audit),
            clock=self.clock,
            registry=self.metrics.registry,
            is_paper=is_paper,
        )
        self.app: FastAPI = app_for_tests(
            clock=self.clock,
            metrics=self.metrics,
            trusted_proxy=proxy,
            public_url="https://a.example",
        )
        self.webhook.start(Door(self.app, OpenGuard(), tag="webhook"))
        self.client = client_of(self.app)
        self.far = client_of(self.app, "203.0.113.9", headers={"Host": "a.example"})

    async def post(
        self, content: Any = None, path: str = "/webhook", **more: Any
    ) -> httpx.Response:
        """Send an alert as this machine's own user."""
        return await self.client.post(path, json=SPY if content is None else content, **more)

    async def post_far(
        self, content: Any = None, path: str = "/webhook", **more: Any
    ) -> httpx.Response:
        """Send an alert from elsewhere."""
        return await self.far.post(path, json=SPY if content is None else content, **more)

    async def settle(self, count: int) -> None:
        """Wait until the engine has been told of so many alerts, and the disk knows."""
        while len(self.engine.seen) < count or self.webhook.inbox.backlog:
            self.engine.answered.clear()
            with suppress(TimeoutError):
                await asyncio.wait_for(self.engine.answered.wait(), 0.01)

    def close(self) -> None:
        """Let go of everything."""
        self.webhook.stop()
        self.database.close()


def code(answer: httpx.Response) -> str:
    """Return the code of a refusal, in the one shape of an error."""
    error = answer.json()["error"]
    assert set(error) >= {"code", "message", "id"}
    return f"{answer.status_code} {error['code']}"


def write(path: Path, secret: str) -> None:
    """Write a secret's file as it has to be."""
    path.unlink(missing_ok=True)
    path.touch(mode=0o600)
    path.write_text(secret + "\n")


def signed(body: bytes, *, at_ns: int = START_NS, secret: str = SECRET) -> dict[str, str]:
    """Return the headers of a signed body."""
    timestamp = str(at_ns // NS_PER_S)
    digest = hmac.new(secret.encode(), f"{timestamp}.".encode() + body, hashlib.sha256).hexdigest()
    return {
        "X-Interlock-Signature": f"sha256={digest}",
        "X-Interlock-Timestamp": timestamp,
        "Content-Type": "application/json",
    }


def run(folder: Path, scenario: Callable[[Rig], Awaitable[None]], **changes: Any) -> None:
    """Run a scenario, with somebody who hands over to the engine."""

    async def main() -> None:
        rig = Rig(folder, **changes)
        handing = asyncio.create_task(rig.webhook.run())
        try:
            await asyncio.wait_for(scenario(rig), 20)
        finally:
            handing.cancel()
            with suppress(asyncio.CancelledError):
                await handing
            await rig.client.aclose()
            await rig.far.aclose()
            rig.close()

    asyncio.run(main())
