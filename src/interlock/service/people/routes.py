"""The routes of people: coming in, going out, and what waits for a second person."""

from typing import Any

from fastapi import Request
from fastapi.responses import JSONResponse

from interlock.service.api.queries import described
from interlock.service.audit_rows import rfc3339
from interlock.service.doors import Access, Door, actor_of
from interlock.service.front import ids_of
from interlock.service.peers import peer_of
from interlock.service.people.bodies import (
    CodeBody,
    ConfirmBody,
    DecideBody,
    LoginBody,
    PasswordBody,
    SetupBody,
)
from interlock.service.people.devices import KNOWN_S
from interlock.service.people.guard import COOKIE
from interlock.service.people.login import Factors, SignedIn
from interlock.service.people.people import People
from interlock.service.people.requests import as_json
from interlock.service.people.routes_people import add_managing_routes
from interlock.service.people.who import who_of
from interlock.service.problems import Problem
from interlock.service.reading import read_json

DEVICE_COOKIE = "__Host-interlock-device"
SIGNED_IN = Access(signed_in=True)

# The device's cookie stays: it is no way in, and without it others could make its owner wait.
CLEAR = '"cache", "storage"'


def add_people_routes(door: Door, people: People) -> None:
    """Add every route about people."""
    _add_session(door, people)
    _add_own(door, people)
    _add_setup(door, people)
    _add_requests(door, people)
    add_managing_routes(door, people)


def _add_session(door: Door, people: People) -> None:
    @door.route(
        "POST",
        "/api/session",
        Access(public="this is where people sign in"),
        openapi_extra=described(body=LoginBody),
    )
    async def sign_in(request: Request) -> JSONResponse:
        """Sign in with a name, a password, and a code or a recovery code."""
        body = await read_json(request, LoginBody)
        factors = Factors(
            name=body.name,
            password=body.password,
            code=body.code,
            recovery_code=body.recovery_code,
            device=request.cookies.get(DEVICE_COOKIE, ""),
        )
        found = await people.login.sign_in(
            factors, peer_of(request).address, ids_of(request).correlation
        )
        return _signed_in(found, {})

    @door.route("GET", "/api/session", SIGNED_IN)
    async def me(request: Request) -> dict[str, Any]:
        """Say who is signed in, what they may do, and until when."""
        actor = actor_of(request)
        session = await people.database.run(people.sessions.by_id, actor.session)
        if session is None:
            raise Problem(status=401, code="SIGN_IN_NEEDED", message="this login has ended.")
        until_ns = people.sessions.stepped_up_until_ns(session)
        idle_ns, ends_ns = people.sessions.ends_ns(session)
        return {
            "name": session.person.name,
            "role": session.person.role,
            "permissions": sorted(actor.permissions),
            "session": session.id,
            "stepped_up_until": None if until_ns is None else rfc3339(until_ns),
            "idle_until": rfc3339(idle_ns),
            "ends": rfc3339(ends_ns),
        }

    @door.route("DELETE", "/api/session", SIGNED_IN)
    async def sign_out(request: Request) -> JSONResponse:
        """Sign out."""
        actor = actor_of(request)
        await people.login.sign_out(actor, who_of(request, actor))
        answer = JSONResponse({"signed_out": True})
        answer.delete_cookie(COOKIE, path="/", secure=True, httponly=True, samesite="strict")
        answer.headers["clear-site-data"] = CLEAR
        return answer


def _add_own(door: Door, people: People) -> None:
    @door.route("POST", "/api/step-up", SIGNED_IN, openapi_extra=described(body=CodeBody))
    async def step_up(request: Request) -> JSONResponse:
        """Show a fresh code, which opens what is dangerous for five minutes."""
        body, actor = await read_json(request, CodeBody), actor_of(request)
        token = await people.login.step_up(
            actor, body.code, body.recovery_code, who_of(request, actor)
        )
        answer = JSONResponse({"stepped_up": True})
        _set_session(answer, token)
        return answer

    @door.route(
        "POST",
        "/api/session/password",
        Access(signed_in=True, step_up=True),
        openapi_extra=described(body=PasswordBody),
    )
    async def change_password(request: Request) -> dict[str, Any]:
        """Change one's own password; every other session of one's own ends."""
        body, actor = await read_json(request, PasswordBody), actor_of(request)
        await people.login.change_password(actor, body.old, body.new, who_of(request, actor))
        return {"changed": True}

    @door.route("POST", "/api/session/recovery-codes", Access(signed_in=True, step_up=True))
    async def recovery_codes(request: Request) -> dict[str, Any]:
        """Return ten fresh recovery codes; those from before work no more."""
        actor = actor_of(request)
        return {"recovery_codes": await people.login.recovery_codes(actor, who_of(request, actor))}


def _add_setup(door: Door, people: People) -> None:
    @door.route("GET", "/api/setup", Access(public="a page has to know whether it is the first"))
    async def is_first(_request: Request) -> dict[str, Any]:
        """Say whether there is no administrator yet."""
        return {"first_person": await people.enrolling.waits_for_first()}

    @door.route(
        "POST",
        "/api/setup",
        Access(public="whoever holds an invitation has no session"),
        openapi_extra=described(body=SetupBody),
    )
    async def begin(request: Request) -> dict[str, Any]:
        """Take an invitation and a password; return what an authenticator needs."""
        body = await read_json(request, SetupBody)
        found = await people.enrolling.begin(
            body.code, body.name, body.password, peer_of(request).address
        )
        return {
            "enrolment": found.handle,
            "name": found.name,
            "secret": found.secret,
            "uri": found.uri,
            "qr": found.qr,
        }

    @door.route(
        "POST",
        "/api/setup/confirm",
        Access(public="as /api/setup, of which it is a part"),
        openapi_extra=described(body=ConfirmBody),
    )
    async def confirm(request: Request) -> JSONResponse:
        """Show the authenticator's first code; return recovery codes, and be signed in."""
        body = await read_json(request, ConfirmBody)
        found, codes = await people.enrolling.confirm(
            body.enrolment, body.code, peer_of(request).address, ids_of(request).correlation
        )
        return _signed_in(found, {"recovery_codes": codes})


def _add_requests(door: Door, people: People) -> None:
    @door.route("GET", "/api/requests", SIGNED_IN)
    async def requests(request: Request) -> dict[str, Any]:
        """Return what waits, or waited, for a second person."""
        found = await people.four_eyes.recent(actor_of(request))
        return {"needed": await people.four_eyes.needed(), "items": [as_json(x) for x in found]}

    @door.route("POST", "/api/requests/{name}", SIGNED_IN, openapi_extra=described(body=DecideBody))
    async def decide(request: Request, name: str) -> dict[str, Any]:
        """Approve what somebody else asked for, refuse it, or withdraw one's own."""
        body, actor = await read_json(request, DecideBody), actor_of(request)
        return await people.four_eyes.decide(
            actor, name, approve=body.approve, who=who_of(request, actor)
        )


def _signed_in(found: SignedIn, more: dict[str, Any]) -> JSONResponse:
    answer = JSONResponse(
        {"name": found.name, "recovery_codes_left": found.recovery_codes_left, **more}
    )
    _set_session(answer, found.token)
    if found.device:
        answer.set_cookie(
            DEVICE_COOKIE,
            found.device,
            max_age=KNOWN_S,
            path="/",
            secure=True,
            httponly=True,
            samesite="strict",
        )
    return answer


def _set_session(answer: JSONResponse, token: str) -> None:
    answer.set_cookie(COOKIE, token, path="/", secure=True, httponly=True, samesite="strict")
