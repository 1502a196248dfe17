"""Finds out who asks, for every route: a service token, a person, or a program of this machine."""

from dataclasses import replace
from typing import Final

from fastapi import Request

from interlock.service.database import Database
from interlock.service.doors import Access, not_allowed
from interlock.service.front import ids_of
from interlock.service.peers import peer_of
from interlock.service.people.managing import TOKEN_PREFIX, Managing
from interlock.service.people.sessions import Session, Sessions
from interlock.service.people.who import NOBODY, UNKNOWN, Auditor, person_name
from interlock.service.permissions import Actor
from interlock.service.problems import Problem

COOKIE: Final = "__Host-interlock"
BACKGROUND: Final = "x-interlock-background"  # of what no person caused: it keeps no session open
LOOPBACK: Final = "loopback"

_BEARER: Final = "bearer "
_LOOKS: Final = frozenset({"GET", "HEAD", "OPTIONS"})
_STREAM: Final = "text/event-stream"


class PeopleGuard:
    """Lets through whoever may, and audits whoever may not.

    An ``Authorization`` header is all that counts where there is one; then a session's cookie;
    then, where a route allows it, that a program of this very machine asks.

    Args:
        database: Has sessions and tokens.
        sessions: Knows who is signed in.
        managing: Knows service tokens.
        audit: Told of every refusal.
    """

    def __init__(
        self, *, database: Database, sessions: Sessions, managing: Managing, audit: Auditor
    ) -> None:
        self._database = database
        self._sessions = sessions
        self._managing = managing
        self._audit = audit

    async def __call__(self, request: Request, access: Access) -> Actor:
        """Return who asks; raises Problem 401 or 403."""
        if access.public or access.own:
            return NOBODY
        try:
            actor = await self._find(request, access)
        except Problem as problem:
            self._deny(request, UNKNOWN, problem)
            raise
        refusal = not_allowed(actor, access)
        is_person = bool(actor.session) or actor.name == LOOPBACK
        if refusal is None and access.signed_in and not is_person:
            refusal = Problem(
                status=403, code="NEEDS_A_PERSON", message="only people who sign in may do this."
            )
        if refusal is not None:
            self._deny(request, actor.name, refusal)
            raise refusal
        return actor

    async def still_valid(self, actor: Actor) -> bool:
        """Return whether somebody may do now what they could do then; for what lasts, like streams.

        A role that changed, also to one that may do more, ends what was begun with the other.
        """
        return await self._database.run(self._is_valid, actor)

    async def _find(self, request: Request, access: Access) -> Actor:
        headers = request.headers
        if "authorization" in headers:
            return await self._of_token(headers["authorization"])
        token = request.cookies.get(COOKIE, "")
        if token:
            found = await self._database.run(self._session, token, _is_used(request))
            if found is not None:
                _check_origin(request)
                return self._sessions.actor(found)
        if access.loopback and peer_of(request).is_direct_loopback:
            return _loopback(access)
        raise _sign_in()

    async def _of_token(self, header: str) -> Actor:
        secret = header[len(_BEARER) :].strip()
        found = None
        if header[: len(_BEARER)].lower() == _BEARER and secret.startswith(TOKEN_PREFIX):
            found = await self._database.run(self._managing.token_by_secret, secret)
        if found is None:
            raise Problem(
                status=401,
                code="TOKEN_REFUSED",
                message="this token is not known, has ended or was revoked.",
                headers={"www-authenticate": "Bearer"},
            )
        return Actor(name=f"token:{found.name}", permissions=found.permissions)

    def _session(self, token: str, is_used: bool) -> Session | None:
        return self._sessions.find(token, is_used=is_used)

    def _is_valid(self, actor: Actor) -> bool:
        if actor.session:
            found = self._sessions.by_id(actor.session)
            if found is None:
                return False
            now = self._sessions.actor(found)
            return replace(now, stepped_up=actor.stepped_up) == actor
        kind, _, name = actor.name.partition(":")
        if kind == "token":
            token = self._managing.token_by_name(name)
            return token is not None and token.permissions == actor.permissions
        return kind == LOOPBACK and not person_name(actor.name)

    def _deny(self, request: Request, actor: str, problem: Problem) -> None:
        route = request.scope.get("route")
        path = getattr(route, "path", "")  # as it was declared: what was asked may hold anything
        self._audit.deny(
            "access_denied",
            actor=actor,
            ip=peer_of(request).address,
            action=f"{request.method} {path}",
            reason=problem.code,
            correlation=ids_of(request).correlation,
        )


def _is_used(request: Request) -> bool:
    """Return whether a person caused a request, as far as the page says; no stream counts."""
    headers = request.headers
    return BACKGROUND not in headers and _STREAM not in headers.get("accept", "")


def _check_origin(request: Request) -> None:
    """Refuse a change that no page of ours asked for, as the browser itself says.

    Raises:
        Problem: 403; also when it says nothing: every browser does.
    """
    if request.method in _LOOKS:
        return
    site = request.headers.get("sec-fetch-site")
    # That an Origin is one of ours, the door has looked at.
    if site == "same-origin" or (site is None and "origin" in request.headers):
        return
    raise Problem(
        status=403,
        code="NOT_FROM_HERE",
        message="with a session's cookie only pages of this very site change something.",
    )


def _loopback(access: Access) -> Actor:
    """Return a program of this machine, with what the route is about and no more."""
    needs = () if access.needs is None else (access.needs,)
    return Actor(name=LOOPBACK, permissions=frozenset(needs))


def _sign_in() -> Problem:
    return Problem(
        status=401, code="SIGN_IN_NEEDED", message="this is for people who are signed in."
    )
