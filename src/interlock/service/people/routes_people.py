"""The routes of those who manage people: roles, invitations, sessions of others, service tokens."""

from typing import Any

from fastapi import Request
from fastapi.responses import JSONResponse

from interlock.service.api.queries import described
from interlock.service.audit_rows import rfc3339
from interlock.service.doors import Access, Door, actor_of
from interlock.service.people.bodies import PersonBody, ReasonBody, RoleBody, TokenBody
from interlock.service.people.managing import Token
from interlock.service.people.people import People
from interlock.service.people.sessions import Session
from interlock.service.people.users import Person
from interlock.service.people.who import who_of
from interlock.service.permissions import Permission
from interlock.service.problems import Problem
from interlock.service.reading import read_json

MANAGES = Access(needs=Permission.MANAGE_PEOPLE, step_up=True)
LOOKS = Access(needs=Permission.MANAGE_PEOPLE)


def add_managing_routes(door: Door, people: People) -> None:
    """Add the routes about other people."""
    _add_people(door, people)
    _add_sessions(door, people)
    _add_tokens(door, people)


def _add_people(door: Door, people: People) -> None:
    async def make(request: Request, **what: str) -> JSONResponse:
        actor = actor_of(request)
        status, body = await people.changes.make(actor, dict(what), who_of(request, actor))
        return JSONResponse(body, status_code=status)

    @door.route("GET", "/api/people", LOOKS)
    async def everybody(_request: Request) -> dict[str, Any]:
        """Return everybody: role, and whether they are enrolled or disabled."""
        found = await people.database.run(people.managing.people)
        return {"items": [_person(one) for one in found]}

    @door.route("POST", "/api/people", MANAGES, openapi_extra=described(body=PersonBody))
    async def invite(request: Request) -> JSONResponse:
        """Invite somebody; return their code, or the request for a second person."""
        body = await read_json(request, PersonBody)
        return await make(
            request, change="invite", name=body.name, role=body.role, reason=body.reason
        )

    @door.route("POST", "/api/people/{name}/role", MANAGES, openapi_extra=described(body=RoleBody))
    async def set_role(request: Request, name: str) -> JSONResponse:
        """Make somebody something else, from their next request on."""
        body = await read_json(request, RoleBody)
        return await make(request, change="role", name=name, role=body.role, reason=body.reason)

    @door.route(
        "POST", "/api/people/{name}/disable", MANAGES, openapi_extra=described(body=ReasonBody)
    )
    async def disable(request: Request, name: str) -> JSONResponse:
        """Let somebody do nothing any more, at once."""
        body = await read_json(request, ReasonBody)
        return await make(request, change="disable", name=name, reason=body.reason)

    @door.route(
        "POST", "/api/people/{name}/enable", MANAGES, openapi_extra=described(body=ReasonBody)
    )
    async def enable(request: Request, name: str) -> JSONResponse:
        """Let somebody who was disabled sign in again."""
        body = await read_json(request, ReasonBody)
        return await make(request, change="enable", name=name, reason=body.reason)

    @door.route(
        "POST", "/api/people/{name}/reset", MANAGES, openapi_extra=described(body=ReasonBody)
    )
    async def reset(request: Request, name: str) -> JSONResponse:
        """Take password, authenticator and sessions from somebody; return a new code."""
        body = await read_json(request, ReasonBody)
        return await make(request, change="reset", name=name, reason=body.reason)


def _add_sessions(door: Door, people: People) -> None:
    @door.route("GET", "/api/sessions", Access(signed_in=True))
    async def sessions(request: Request) -> dict[str, Any]:
        """Return one's own sessions; everybody's to those who manage people."""
        actor = actor_of(request)
        found = await people.database.run(people.sessions.all)
        if Permission.MANAGE_PEOPLE not in actor.permissions:
            found = [one for one in found if f"user:{one.person.name}" == actor.name]
        return {"items": [_session(one, actor.session) for one in found]}

    @door.route("DELETE", "/api/sessions", MANAGES)
    async def end_all(request: Request) -> dict[str, Any]:
        """End everybody's sessions, one's own too."""
        who = who_of(request, actor_of(request))
        return {"ended": await people.database.run(people.managing.end_sessions, None, who)}

    @door.route("DELETE", "/api/sessions/{name}", Access(signed_in=True))
    async def end(request: Request, name: str) -> dict[str, Any]:
        """End a session of one's own; of others for those who manage people."""
        actor = actor_of(request)
        session = await people.database.run(people.sessions.by_id, name)
        is_own = session is not None and f"user:{session.person.name}" == actor.name
        if session is None or not (is_own or Permission.MANAGE_PEOPLE in actor.permissions):
            raise Problem(status=404, code="NOT_FOUND", message="there is no such session.")
        who = who_of(request, actor)
        return {"ended": await people.database.run(people.managing.end_session, session, who)}

    @door.route("DELETE", "/api/people/{name}/sessions", MANAGES)
    async def end_of(request: Request, name: str) -> dict[str, Any]:
        """End all sessions of somebody."""
        who = who_of(request, actor_of(request))
        return {"ended": await people.database.run(people.managing.end_sessions, name, who)}


def _add_tokens(door: Door, people: People) -> None:
    @door.route("GET", "/api/tokens", LOOKS)
    async def tokens(_request: Request) -> dict[str, Any]:
        """Return every service token there ever was, without their secrets."""
        found = await people.database.run(people.managing.tokens)
        return {"items": [_token(one) for one in found]}

    @door.route("POST", "/api/tokens", MANAGES, openapi_extra=described(body=TokenBody))
    async def make(request: Request) -> dict[str, Any]:
        """Make a service token; return it, this once."""
        body = await read_json(request, TokenBody)
        try:
            permissions = frozenset(Permission(word) for word in body.permissions)
        except ValueError:
            words = ", ".join(Permission)
            raise Problem(
                status=422, code="BAD_TOKEN", message=f"permissions must be of {words}."
            ) from None
        who = who_of(request, actor_of(request))
        secret = await people.database.run(
            people.managing.add_token, body.name, permissions, body.days, who
        )
        return {"name": body.name, "token": secret}

    @door.route("DELETE", "/api/tokens/{name}", MANAGES)
    async def revoke(request: Request, name: str) -> dict[str, Any]:
        """End a service token, at once and for ever."""
        who = who_of(request, actor_of(request))
        await people.database.run(people.managing.revoke_token, name, who)
        return {"revoked": True}


def _person(person: Person) -> dict[str, Any]:
    return {
        "name": person.name,
        "role": person.role,
        "disabled": person.disabled,
        "enrolled": person.password_hash is not None,
        "made": rfc3339(person.made_ns),
    }


def _session(session: Session, own: str) -> dict[str, Any]:
    return {
        "id": session.id,
        "name": session.person.name,
        "made": rfc3339(session.made_ns),
        "seen": rfc3339(session.seen_ns),
        "source": session.source,
        "is_this": session.id == own,
    }


def _token(token: Token) -> dict[str, Any]:
    return {
        "name": token.name,
        "permissions": sorted(token.permissions),
        "made": rfc3339(token.made_ns),
        "made_by": token.made_by,
        "expires": rfc3339(token.expires_ns),
        "revoked": None if token.revoked_ns is None else rfc3339(token.revoked_ns),
    }
