"""The made-up answers that change nothing, and the stream of events."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any, Final

from fastapi import Request
from fastapi.responses import JSONResponse, StreamingResponse

from interlock.service.doors import Access, Door
from interlock.service.permissions import Permission
from tests.service.web import fake_state as made
from tests.service.web.fake_account import COOKIE, SEES, Fake, body_of

EVENTS: Final = (
    *("overview", "positions", "orders", "signals", "latches", "approvals", "alerts", "health"),
)


def add_looks(door: Door, fake: Fake) -> None:
    """Add what is now, and what was."""
    for name in ("overview", "positions", "latches", "approvals", "alerts", "limits", "kill"):
        _add_look(door, fake, name)

    @door.route("GET", "/api/signals", SEES)
    async def signals(limit: int = 50, before: int | None = None) -> dict[str, Any]:
        return _page(body_of(fake, "signals")["items"], limit, before)

    @door.route("GET", "/api/orders", SEES)
    async def orders(
        limit: int = 50, before: int | None = None, symbol: str = "", state: str = "all"
    ) -> dict[str, Any]:
        found = [one for one in body_of(fake, "orders")["items"] if symbol in {"", one["symbol"]}]
        return _page(
            [one for one in found if state == "all" or one["state"] == "OPEN"], limit, before
        )

    @door.route("GET", "/api/fills", SEES)
    async def fills(limit: int = 50, symbol: str = "") -> dict[str, Any]:
        return _page([one for one in fake.said["fills"] if one["symbol"] == symbol], limit, None)

    @door.route("GET", "/api/trades", SEES)
    async def trades() -> dict[str, Any]:
        return {"items": fake.said.get("trades", []), "next": None}

    @door.route("GET", "/api/equity", SEES)
    async def equity() -> dict[str, Any]:
        return {"points": fake.said["equity"]}

    @door.route("GET", "/api/bars/{symbol}", SEES)
    async def bars(symbol: str, n: int = 300) -> dict[str, Any]:
        fills = [one for one in fake.said["fills"] if one["symbol"] == symbol]
        return {
            "symbol": symbol,
            "bars": fake.said["bars"][-n:],
            "fills": fills,
            "stops": made.STOPS,
        }

    add_guards(door, fake)


def add_guards(door: Door, fake: Fake) -> None:
    """Add what guards the account, how everything is, and why."""

    @door.route("GET", "/api/latches/history", SEES)
    async def history() -> dict[str, Any]:
        one = {**made.at(4_000), "seq": 40, "set": True, **made.latch(), "who": "", "reason": ""}
        return {
            "items": [
                {**one, "seq": 41, "set": False, "who": "user:bob", "reason": "a new day"},
                one,
            ]
        }

    @door.route("GET", "/api/breakers", SEES)
    async def breakers() -> dict[str, Any]:
        names = ("DAILY_LOSS", "MAX_DRAWDOWN", "SPREAD", "FEED_LAG", "ORDER_RATE")
        items = [
            {"breaker": one, "proved": one != "SPREAD", "at_ns": made.NOW_NS, "why": None}
            for one in names
        ]
        return {
            "items": items,
            "latches": fake.said["latches"],
            "running": False,
            "overdue": False,
            "never": False,
        }

    @door.route("GET", "/api/system", Access(needs=Permission.SEE_HEALTH))
    async def system() -> dict[str, Any]:
        return {
            **fake.said["overview"],
            "pid": 4_211,
            "build": "7262bd0",
            "home": "/home/desk/.interlock",
            "journal": "sqlite:journal.db",
            "configuration": "9f3a" * 16,
            "speed": "60",
            "journal_writable": True,
            "inbox": {"waiting": 0, "waiting_max": 41},
            "traffic": {"connects": 1, "sent": 212},
            "watchdog": {"wanted": True, "alive": True, "age_s": 0.4},
            "venue_round_trip_age_ms": 412,
            "market": [
                {"symbol": one, "age_ms": 900, "fresh": True, "max_age_ms": 60_000}
                for one in ("SPY", "QQQ", "BTC_USDT")
            ],
        }

    @door.route("GET", "/api/health/system", Access(needs=Permission.SEE_HEALTH))
    async def health() -> JSONResponse:
        found = body_of(fake, "health")
        return JSONResponse(found, 200 if found["global_status"] == "PASS" else 503)

    @door.route("GET", "/api/explain/{name}", SEES)
    async def explain(name: str) -> dict[str, Any]:
        return made.explanation(name)

    @door.route("GET", "/api/events", SEES)
    async def events(request: Request) -> StreamingResponse:
        return StreamingResponse(_stream(fake, request), media_type="text/event-stream")


def _add_look(door: Door, fake: Fake, name: str) -> None:
    @door.route("GET", f"/api/{name}", SEES)
    async def look() -> dict[str, Any]:
        return body_of(fake, name)


def _page(items: list[dict[str, Any]], limit: int, before: int | None) -> dict[str, Any]:
    """Return a part of a list, newest first."""
    rest = [one for one in items if before is None or one["seq"] < before]
    return {"items": rest[:limit], "next": rest[limit - 1]["seq"] if len(rest) > limit else None}


async def _stream(fake: Fake, request: Request) -> AsyncIterator[str]:
    """Yield every event that changed, and a ping."""
    last: dict[str, str] = {}
    while request.cookies.get(COOKIE) in fake.sessions:
        if fake.speaks:
            for name in EVENTS:
                text = json.dumps(body_of(fake, name))
                if last.get(name) != text:
                    last[name] = text
                    yield f"event: {name}\ndata: {text}\n\n"
            yield "event: ping\ndata: {}\n\n"
        await asyncio.sleep(0.1)
    yield "event: end\ndata: {}\n\n"
