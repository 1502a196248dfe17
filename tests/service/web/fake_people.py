"""The made-up answers about people, the audit and backtests."""

from typing import Any

from fastapi import Request
from fastapi.responses import HTMLResponse

from interlock.service.doors import Access, Door
from interlock.service.permissions import Permission
from tests.service.web import fake_state as made
from tests.service.web.fake_account import SIGNED_IN, Fake, kept


def add_people(door: Door, fake: Fake) -> None:
    """Add who there is and who is signed in."""
    manages = Access(needs=Permission.MANAGE_PEOPLE)

    @door.route("GET", "/api/people", manages)
    async def people() -> dict[str, Any]:
        names = (
            ("alice", "admin", True),
            ("bob", "risk_manager", True),
            ("carol", "auditor", False),
        )
        return {
            "items": [
                {
                    "name": name,
                    "role": role,
                    "disabled": False,
                    "enrolled": enrolled,
                    "made": made.at(90_000)["ts"],
                }
                for name, role, enrolled in names
            ]
        }

    @door.route("POST", "/api/people", manages)
    async def invite(request: Request) -> dict[str, Any]:
        await kept(fake, request)
        return {"code": "pqrs-tuvw"}

    @door.route("GET", "/api/sessions", SIGNED_IN)
    async def sessions() -> dict[str, Any]:
        one = {
            "id": "s",
            "name": "alice",
            "made": made.at(600)["ts"],
            "seen": made.at(3)["ts"],
            "source": "127.0.0.1",
            "is_this": True,
        }
        return {"items": [one, {**one, "id": "t", "is_this": False, "source": "10.0.0.7"}]}

    @door.route("GET", "/api/tokens", manages)
    async def tokens() -> dict[str, Any]:
        one = {
            "name": "grafana",
            "permissions": ["see_metrics"],
            "made": made.at(9_000)["ts"],
            "made_by": "user:alice",
            "expires": made.at(-9e5)["ts"],
            "revoked": None,
        }
        return {"items": [one]}

    add_requests(door, fake)


def add_requests(door: Door, fake: Fake) -> None:
    """Add what waits for a second person."""

    @door.route("GET", "/api/requests", SIGNED_IN)
    async def requests() -> dict[str, Any]:
        return {"needed": bool(fake.said["requests"]), "items": fake.said["requests"]}

    @door.route("POST", "/api/requests/{name}", SIGNED_IN)
    async def decide(request: Request, name: str) -> dict[str, Any]:
        await kept(fake, request)
        fake.said["requests"] = [one for one in fake.said["requests"] if one["id"] != name]
        return {}


def add_records(door: Door) -> None:
    """Add the audit."""

    @door.route("GET", "/api/audit", Access(needs=Permission.SEE_AUDIT))
    async def audit() -> dict[str, Any]:
        kinds = (
            ("login", True, ""),
            ("kill", True, "drill"),
            ("access_denied", False, "NOT_PERMITTED"),
            ("webhook", True, ""),
        )
        items = [
            {
                "seq": 900 - i,
                "timestamp": made.at(i * 60)["ts"],
                "ts_ns": made.at(i * 60)["ts_ns"],
                "event_type": kinds[i % 4][0],
                "actor": "user:alice",
                "ip_address": "127.0.0.1",
                "action": "POST /api/session",
                "success": kinds[i % 4][1],
                "reason": kinds[i % 4][2],
                "correlation_id": f"r-{i}",
                "details": {"mode": "pause"},
                "hash": "ab" * 32,
            }
            for i in range(30)
        ]
        return {"items": items, "next": None}

    @door.route("GET", "/api/audit/state", Access(needs=Permission.SEE_AUDIT))
    async def chain() -> dict[str, Any]:
        return {
            "rows": 900,
            "head_seq": 900,
            "head": "ab" * 32,
            "anchored_seq": 890,
            "anchored_ns": made.NOW_NS,
        }


def add_backtests(door: Door) -> None:
    """Add the backtests."""
    research = Access(needs=Permission.SEE_RESEARCH)

    @door.route("GET", "/api/backtests", research)
    async def backtests() -> dict[str, Any]:
        summary = {
            "strategy": "ema_cross",
            "symbols": ["SPY", "QQQ"],
            "return_pct": 4.31,
            "max_drawdown_pct": 2.08,
            "trades": 140,
        }
        return {
            "items": [
                {
                    "name": "2026-11-20-ema",
                    "modified": made.at(40_000)["ts"],
                    "has_report": True,
                    "summary": summary,
                }
            ]
        }

    @door.route("GET", "/api/backtests/{name}/report", research)
    async def report(name: str) -> HTMLResponse:
        return HTMLResponse(f"<p>{name}</p>")
