"""An application for tests of routes: everything but the socket, and a guard that lets one in."""

from typing import Any

import httpx
import structlog
from fastapi import FastAPI, Request

from interlock.runtime.clock import Clock, ManualClock
from interlock.service.app import make_app
from interlock.service.doors import Access
from interlock.service.front import FrontSettings
from interlock.service.metrics import GatewayMetrics
from interlock.service.permissions import Actor, Permission

BASE = "http://127.0.0.1:5001"
ANYBODY = Actor(name="user:test", permissions=frozenset(Permission), stepped_up=True)
CHANGES = {"X-Interlock": "1"}  # what a state change needs


class Log:
    """Keeps what is written."""

    def __init__(self) -> None:
        self.lines: list[tuple[str, dict[str, Any]]] = []

    def _write(self, event: str, **facts: Any) -> None:
        self.lines.append((event, facts))

    debug = info = warning = error = exception = _write


class OpenGuard:
    """Lets everybody in as one actor, and remembers what they wanted."""

    def __init__(self, actor: Actor = ANYBODY) -> None:
        self.actor = actor
        self.asked: list[Access] = []

    async def __call__(self, request: Request, access: Access) -> Actor:
        """Return the actor."""
        assert request.state.ids
        self.asked.append(access)
        return self.actor


def app_for_tests(
    *,
    log: Any = None,
    clock: Clock | None = None,
    metrics: GatewayMetrics | None = None,
    **front: Any,
) -> FastAPI:
    """Return an application without routes."""
    return make_app(
        FrontSettings(**front),
        GatewayMetrics() if metrics is None else metrics,
        structlog.get_logger() if log is None else log,
        ManualClock() if clock is None else clock,
    )


def client_of(app: FastAPI, address: str = "127.0.0.1", **more: Any) -> httpx.AsyncClient:
    """Return a client at an address, without a socket between."""
    transport = httpx.ASGITransport(app=app, client=(address, 40_000), raise_app_exceptions=False)
    return httpx.AsyncClient(transport=transport, base_url=BASE, **more)
