"""A made-up account and those who are signed in to it: what a test sets, and what was asked."""

import json
import secrets
from dataclasses import dataclass, field
from typing import Any, Final

from fastapi import Request

from interlock.service.doors import Access, not_allowed
from interlock.service.permissions import GRANTS, Actor, Permission, Role
from interlock.service.problems import Problem
from tests.service.web import fake_state as made

COOKIE: Final = "__Host-interlock"
PASSWORD: Final = "correct horse battery"  # noqa: S105 - of people who are made up
CODE: Final = "123456"
SETUP_CODE: Final = "abcd-efgh"
SEES: Final = Access(needs=Permission.SEE_DASHBOARD)
SIGNED_IN: Final = Access(signed_in=True)
PUBLIC: Final = Access(public="a test's own")


@dataclass(eq=False)
class Fake:
    """What the API says, and what it was asked to do.

    Attributes:
        said: By event name, and a few more: what the routes answer.
        asked: Every change: method, path and body.
        sessions: Token to role and whether a second factor was shown lately.
        speaks: Whether the stream of events says anything.
        first_person: Whether somebody still has to be set up.
        refuses: Paths that answer 500.
    """

    said: dict[str, Any] = field(default_factory=dict)
    asked: list[tuple[str, str, Any]] = field(default_factory=list)
    sessions: dict[str, tuple[Role, bool]] = field(default_factory=dict)
    speaks: bool = True
    first_person: bool = False
    refuses: set[str] = field(default_factory=set)
    url: str = ""

    def sign_in(self, role: Role = Role.ADMIN, *, stepped_up: bool = False) -> str:
        """Return the token of a new session."""
        token = secrets.token_hex(8)
        self.sessions[token] = (role, stepped_up)
        return token

    def reset(self) -> None:
        """Be as at the beginning."""
        self.said = full()
        self.asked.clear()
        self.sessions.clear()
        self.refuses.clear()
        self.speaks = True
        self.first_person = False


def full() -> dict[str, Any]:
    """Return an account in which there is some of everything."""
    bars = made.bars_of(200)
    return {
        "overview": overview(),
        "positions": [made.position(), made.position("QQQ", protected=False, unrealised="-12.10")],
        "orders": [
            made.order(1_500 - i, ("FILLED", "OPEN", "CANCELLED", "REJECTED")[i % 4])
            for i in range(60)
        ],
        "signals": [
            made.signal(1_900, "SUBMITTED", source="webhook"),
            made.signal(1_880, "REFUSED", source="webhook"),
            *(
                made.signal(1_800 - i, ("REFUSED", "SUBMITTED", "NOTHING_TO_DO")[i % 3])
                for i in range(50)
            ),
        ],
        "latches": [],
        "approvals": [],
        "alerts": [],
        "health": made.health(),
        "equity": made.equity_of(300),
        "bars": bars,
        "fills": made.fills_of(bars),
        "limits": made.limits(),
        "requests": [],
        "kill": {"result": "NOT_KILLED", "mode": "", "reason": "", "who": "", "ts_ns": 0},
    }


def overview(**more: Any) -> dict[str, Any]:
    """Return the account at a glance."""
    money = {
        "equity": "100178.43",
        "cash": "90226.73",
        "capital": "100000",
        "realised": "141.03",
        "unrealised": "37.40",
        "fees": "31.20",
        "funding": "0",
        "exposure": "9951.70",
        "peak": "100402.11",
        "day_start": "100020.00",
        "day": "158.43",
    }
    return {
        "connected": True,
        "as_of_ns": made.NOW_NS,
        "account": "paper",
        "mode": "paper",
        "currency": "USD",
        "phase": "READY",
        "level": "NONE",
        "epoch": 3,
        "seq": 48_213,
        "durable_seq": 48_213,
        "version": "0.1.0",
        "strategy": "ema_cross",
        "money": money,
        "limits": [{"limit": "daily_loss", "trips_at": "98020.00000000", "used": 0.1562}],
        "killed": {"set": False, "state": "CLEAR", "mode": "", "reason": "", "who": "", "ts_ns": 0},
        "health": {"status": "PASS", "reasons": []},
        "counts": {"trades": 41, "refusals": 1_204, "events": 48_000, "bars": 9_120},
        "now_ns": made.NOW_NS,
        **more,
    }


class FakeGuard:
    """Knows sessions by their cookie, as the real one does.

    Args:
        fake: Holds the sessions.
    """

    def __init__(self, fake: Fake) -> None:
        self._fake = fake

    async def __call__(self, request: Request, access: Access) -> Actor:
        """Return who asks, or raise Problem."""
        if access.public or access.own:
            return Actor(name="nobody", permissions=frozenset())
        found = self._fake.sessions.get(request.cookies.get(COOKIE, ""))
        if found is None:
            raise Problem(status=401, code="SIGN_IN_NEEDED", message="nobody is signed in.")
        role, stepped_up = found
        actor = Actor(
            name="user:alice",
            permissions=GRANTS[role],
            role=role,
            session="s",
            stepped_up=stepped_up,
        )
        problem = not_allowed(actor, access)
        if problem is not None:
            raise problem
        return actor


def body_of(fake: Fake, name: str) -> dict[str, Any]:
    """Return what a GET and an event of the same name say."""
    if name in fake.refuses:
        raise Problem(status=500, code="INTERNAL", message="something broke; the log knows what.")
    found = fake.said[name]
    if name == "overview":
        return {
            **{one: fake.said[one] for one in ("positions", "latches", "approvals")},
            "signals": fake.said["signals"][:8],
            **found,
        }
    if name == "latches":
        return {"connected": True, "items": found, "level": fake.said["overview"]["level"]}
    return found if isinstance(found, dict) else {"connected": True, "items": found, "next": None}


async def kept(fake: Fake, request: Request) -> dict[str, Any]:
    """Remember what was asked, and return its body."""
    raw = await request.body()
    body: dict[str, Any] = json.loads(raw) if raw else {}
    fake.asked.append((request.method, request.url.path, body))
    return body
