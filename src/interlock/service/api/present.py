"""Routes about the account as it is now: what is held, what is open, what holds it back."""

import asyncio
from typing import Final

from fastapi import Request

from interlock.service.api.answers import (
    SEEN,
    Approvals,
    Breakers,
    Latches,
    Limits,
    Overview,
    Positions,
    System,
)
from interlock.service.api.parts import Parts, Said
from interlock.service.api.queries import NOTHING
from interlock.service.api.status import Status, Statuses
from interlock.service.doors import Access, Door
from interlock.service.permissions import Permission

LATEST_SIGNALS: Final = 8
LOOKS: Final = Access(needs=Permission.SEE_DASHBOARD)

_OVERVIEW: Final = (
    *("account", "mode", "currency", "phase", "level", "epoch", "seq", "durable_seq", "version"),
    *("strategy", "configuration", "replay", "ended", "money", "positions", "orders", "latches"),
    *("limits", "approvals", "killed", "health", "counts", "market", "now_ns"),
)
_SYSTEM: Final = tuple(name for name in System.model_fields if name not in SEEN)


class Present:
    """What is now, in the shapes of the API: for its routes, and for those who follow events.

    Args:
        parts: What the API is joined with.
        statuses: What the engine says.
    """

    def __init__(self, parts: Parts, statuses: Statuses) -> None:
        self._parts = parts
        self._statuses = statuses

    async def overview(self) -> Said:
        """Return everything at a glance."""
        status = await self._statuses.now()
        return {**status.seen(*_OVERVIEW), "signals": await self._signals()}

    async def signals(self) -> Said:
        """Return the newest signals."""
        return {"items": await self._signals(), "next": None}

    async def positions(self) -> Said:
        """Return what is held."""
        return _items(await self._statuses.now(), "positions")

    async def orders(self) -> Said:
        """Return what is open."""
        return _items(await self._statuses.now(), "orders")

    async def latches(self) -> Said:
        """Return what holds trading back."""
        status = await self._statuses.now()
        return {**status.seen("level", "killed"), "items": status.said.get("latches", [])}

    async def limits(self) -> Said:
        """Return every limit."""
        status = await self._statuses.now()
        return {
            **status.seen(),
            "items": status.said.get("limits_all", []),
            "losses": status.said.get("limits", []),
        }

    async def breakers(self) -> Said:
        """Return whether the breakers work."""
        status = await self._statuses.now()
        proofs = status.said.get("proofs") or {}
        kept = {name: proofs[name] for name in ("running", "overdue", "never") if name in proofs}
        return {
            **status.seen("latches"),
            **kept,
            "items": proofs.get("breakers", []),
        }

    async def system(self) -> Said:
        """Return what the engine's process does."""
        return (await self._statuses.now()).seen(*_SYSTEM)

    async def approvals(self) -> Said:
        """Return what waits for a person."""
        return _items(await self._statuses.now(), "approvals")

    async def _signals(self) -> list[Said]:
        page = await asyncio.to_thread(self._parts.projection.signals, LATEST_SIGNALS)
        found: list[Said] = page["items"]
        return found


def _items(status: Status, name: str) -> Said:
    return {**status.seen(), "items": status.said.get(name) or [], "next": None}


def add_present_routes(door: Door, present: Present) -> None:
    """Add them."""

    @door.route("GET", "/api/overview", LOOKS, response_model=Overview)
    async def overview(request: Request) -> Said:
        """Everything at a glance."""
        NOTHING.read(request)
        return await present.overview()

    @door.route("GET", "/api/positions", LOOKS, response_model=Positions)
    async def positions(request: Request) -> Said:
        """What is held."""
        NOTHING.read(request)
        return await present.positions()

    @door.route("GET", "/api/latches", LOOKS, response_model=Latches)
    async def latches(request: Request) -> Said:
        """What holds trading back."""
        NOTHING.read(request)
        return await present.latches()

    @door.route("GET", "/api/limits", LOOKS, response_model=Limits)
    async def limits(request: Request) -> Said:
        """Every limit, and how much of it is used."""
        NOTHING.read(request)
        return await present.limits()

    @door.route("GET", "/api/breakers", LOOKS, response_model=Breakers)
    async def breakers(request: Request) -> Said:
        """Whether the breakers were seen to work."""
        NOTHING.read(request)
        return await present.breakers()

    @door.route("GET", "/api/system", Access(needs=Permission.SEE_HEALTH), response_model=System)
    async def system(request: Request) -> Said:
        """What the engine's process does, and how its machine is."""
        NOTHING.read(request)
        return await present.system()

    @door.route("GET", "/api/approvals", LOOKS, response_model=Approvals)
    async def approvals(request: Request) -> Said:
        """What waits for a person's yes."""
        NOTHING.read(request)
        return await present.approvals()
