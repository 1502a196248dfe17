"""The made-up answers to what changes something: signing in, stopping, releasing, approving."""

from typing import Any

import segno
from fastapi import Request
from fastapi.responses import JSONResponse

from interlock.service.doors import Access, Door, actor_of
from interlock.service.permissions import Permission
from interlock.service.problems import Problem
from tests.service.web import fake_state as made
from tests.service.web.fake_account import (
    CODE,
    COOKIE,
    PASSWORD,
    PUBLIC,
    SETUP_CODE,
    SIGNED_IN,
    Fake,
    kept,
    overview,
)


def add_session(door: Door, fake: Fake) -> None:
    """Add signing in and out."""

    @door.route("POST", "/api/session", PUBLIC)
    async def sign_in(request: Request) -> JSONResponse:
        body = await request.json()
        right = body["password"] == PASSWORD and CODE in {
            body.get("code"),
            body.get("recovery_code"),
        }
        if not right:
            raise Problem(status=401, code="WRONG", message="name, password or code is wrong.")
        answer = JSONResponse({"name": body["name"], "recovery_codes_left": 10})
        token = fake.sign_in(stepped_up=True)
        answer.set_cookie(COOKIE, token, path="/", secure=True, httponly=True, samesite="strict")
        return answer

    @door.route("GET", "/api/session", SIGNED_IN)
    async def me(request: Request) -> dict[str, Any]:
        actor = actor_of(request)
        return {
            "name": "alice",
            "role": actor.role,
            "permissions": sorted(actor.permissions),
            "session": "s",
            "stepped_up_until": None,
            "idle_until": made.at(-900)["ts"],
            "ends": made.at(-40_000)["ts"],
        }

    @door.route("DELETE", "/api/session", SIGNED_IN)
    async def sign_out(request: Request) -> dict[str, Any]:
        fake.sessions.pop(request.cookies[COOKIE])
        return {"signed_out": True}

    @door.route("POST", "/api/step-up", SIGNED_IN)
    async def step_up(request: Request) -> dict[str, Any]:
        if (await request.json())["code"] != CODE:
            raise Problem(status=403, code="CODE_WRONG", message="that code is not right.")
        token = request.cookies[COOKIE]
        fake.sessions[token] = (fake.sessions[token][0], True)
        return {"stepped_up": True}


def add_setup(door: Door, fake: Fake) -> None:
    """Add how the first person is set up."""

    @door.route("GET", "/api/setup", PUBLIC)
    async def first() -> dict[str, Any]:
        return {"first_person": fake.first_person}

    @door.route("POST", "/api/setup", PUBLIC)
    async def begin(request: Request) -> dict[str, Any]:
        if (await request.json())["code"] != SETUP_CODE:
            raise Problem(status=403, code="CODE_WRONG", message="that code is not right.")
        return {
            "enrolment": "e",
            "name": "alice",
            "secret": "JBSWY3DPEHPK3PXP",
            "uri": "",
            "qr": segno.make("otpauth://totp/Interlock:alice").svg_data_uri(),
        }

    @door.route("POST", "/api/setup/confirm", PUBLIC)
    async def confirm(request: Request) -> JSONResponse:
        if (await request.json())["code"] != CODE:
            raise Problem(status=403, code="CODE_WRONG", message="that code is not right.")
        answer = JSONResponse({"recovery_codes": [f"aaaaa-bbbbb-ccccc-{i:05d}" for i in range(10)]})
        token = fake.sign_in()
        answer.set_cookie(COOKIE, token, path="/", secure=True, httponly=True, samesite="strict")
        return answer


def add_acts(door: Door, fake: Fake) -> None:
    """Add what stops, releases, approves."""

    @door.route("POST", "/api/kill", Access(needs=Permission.KILL))
    async def kill(request: Request) -> dict[str, Any]:
        body = await kept(fake, request)
        if not actor_of(request).stepped_up and body.get("code") != CODE:
            raise Problem(status=403, code="STEP_UP_NEEDED", message="this needs a fresh code.")
        killed = {
            **{name: body[name] for name in ("mode", "reason")},
            "who": "user:alice",
            "ts_ns": made.NOW_NS,
        }
        fake.said["overview"] = overview(
            level="KILLED", killed={"set": True, "state": "KILLED", **killed}
        )
        roads = {name: {"result": "CONFIRMED", "why": ""} for name in ("latch", "engine", "venue")}
        fake.said["kill"] = {
            "result": "KILLED",
            **roads,
            **killed,
            "open_orders": 0,
            "open_positions": 0,
        }
        return dict(fake.said["kill"])

    @door.route("POST", "/api/kill/clear", Access(needs=Permission.CLEAR_KILL, step_up=True))
    async def clear(request: Request) -> dict[str, Any]:
        await kept(fake, request)
        fake.said["overview"] = overview()
        fake.said["kill"] = {
            "result": "NOT_KILLED",
            "mode": "",
            "reason": "",
            "who": "",
            "ts_ns": 0,
        }
        return {"cleared": True}

    @door.route("POST", "/api/resume", Access(needs=Permission.RESUME, step_up=True))
    async def resume(request: Request) -> dict[str, Any]:
        await kept(fake, request)
        fake.said["latches"] = []
        return {"waits_for": []}

    @door.route("POST", "/api/approvals/{name}", Access(needs=Permission.APPROVE))
    async def approve(request: Request, name: str) -> dict[str, Any]:
        body = await kept(fake, request)
        fake.said["approvals"] = [one for one in fake.said["approvals"] if one["id"] != name]
        return {
            "state": "SUBMITTED" if body["approve"] else "DENIED",
            "message": "the order was sent.",
        }

    @door.route("POST", "/api/alerts/{name}/acknowledge", Access(needs=Permission.ACKNOWLEDGE))
    async def acknowledge(request: Request, name: str) -> dict[str, Any]:
        await kept(fake, request)
        fake.said["alerts"] = [one for one in fake.said["alerts"] if one["id"] != name]
        return {}
