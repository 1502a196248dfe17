"""Four eyes: what one person asks for, and another has to approve before it is done.

A request is done at most once, whatever many people press at the same moment, and by nobody who
asked for it. One that nobody decides expires.
"""

import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final, Literal

from sqlalchemy import Connection, Row, func, insert, select, update

from interlock.runtime.clock import NS_PER_S, Clock
from interlock.service.audit_rows import rfc3339
from interlock.service.database import Database
from interlock.service.people.codes import new_id
from interlock.service.people.users import admins, find_person
from interlock.service.people.who import Auditor, Who, person_name
from interlock.service.permissions import GRANTS, Actor, Permission
from interlock.service.problems import Problem
from interlock.service.tables_people import requests

EXPIRES_S: Final = 3_600
PENDING_MAX: Final = 50
_SHOWN_MAX: Final = 200
_OUTCOME_MAX: Final = 500

Does = Callable[[dict[str, Any], str], Awaitable[dict[str, Any]]]


class Kind(StrEnum):
    """What waits for a second person. Stored; never reuse a word."""

    CLEAR_KILL = "clear_kill"
    LOOSEN = "loosen"
    PEOPLE = "people"


PERMISSIONS: Final[Mapping[Kind, Permission]] = {
    Kind.CLEAR_KILL: Permission.CLEAR_KILL,
    Kind.LOOSEN: Permission.CHANGE_LIMITS,
    Kind.PEOPLE: Permission.MANAGE_PEOPLE,
}


class State(StrEnum):
    """How far a request is. Stored; never reuse a word."""

    PENDING = "PENDING"
    APPROVED = "APPROVED"  # it is being done; if that was cut off, nobody knows how far it came
    DONE = "DONE"
    FAILED = "FAILED"
    REFUSED = "REFUSED"
    WITHDRAWN = "WITHDRAWN"
    EXPIRED = "EXPIRED"  # never stored: it follows from the time


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """Something that waits, or waited, for a second person.

    Attributes:
        id: Its name.
        kind: What is asked for.
        what: With which parameters; no secrets.
        requester: Who asked, as audits name them.
        reason: Why.
        made_ns: When.
        expires_ns: Until when somebody may approve it.
        state: How far it is.
        decided_by: Who approved, refused or withdrew it; "" is nobody yet.
        decided_ns: When.
        outcome: What came of it, for people.
    """

    id: str
    kind: Kind
    what: dict[str, Any]
    requester: str
    reason: str
    made_ns: int
    expires_ns: int
    state: State
    decided_by: str
    decided_ns: int | None
    outcome: str


class FourEyes:
    """Keeps what waits for a second person, and has it done once there is one.

    Args:
        database: Has the requests.
        clock: Says which expired.
        audit: Told of everything.
        mode: "on", "off", or "auto": as soon as there are two administrators.
    """

    def __init__(
        self, database: Database, clock: Clock, audit: Auditor, mode: Literal["auto", "on", "off"]
    ) -> None:
        self._database = database
        self._clock = clock
        self._audit = audit
        self._mode = mode
        self._does: dict[Kind, Does] = {}

    def does(self, kind: str, function: Does) -> None:
        """Say how something is done once it was approved; at the start, once for each kind.

        Args:
            kind: A word of ``Kind``.
            function: Called with the parameters and who did it, for the journal. What it returns
                goes to whoever approved; a Problem that it raises, too.
        """
        assert Kind(kind) not in self._does
        self._does[Kind(kind)] = function

    async def needed(self) -> bool:
        """Return whether a second person is needed at this moment."""
        if self._mode == "auto":
            return await self._database.run(self._are_two)
        return self._mode == "on"

    async def ask(
        self, actor: Actor, kind: str, what: dict[str, Any], correlation: str = "", ip: str = ""
    ) -> str | None:
        """Ask for something; return the request's id, or None when nobody else is needed for it.

        The same of the same person is one request for as long as it waits.

        Args:
            actor: Who asks: a person.
            kind: A word of ``Kind``.
            what: Parameters; ``reason`` is shown apart. No secrets: they are stored and shown.
            correlation: Of the request.
            ip: Where it came from.

        Raises:
            Problem: 403, it was no person; 429, too many requests wait.
        """
        if not await self.needed():
            return None
        _check_person(actor)
        who = Who(actor=actor.name, ip=ip, correlation=correlation)
        return await self._database.run(self._ask, Kind(kind), what, who)

    async def decide(self, actor: Actor, name: str, *, approve: bool, who: Who) -> dict[str, Any]:
        """Approve a request and have it done, or refuse it; whoever asked may only withdraw it.

        Raises:
            Problem: 403, they may not; 404, there is none; 409, it is too late; or whatever came of
                doing it.
        """
        _check_person(actor)
        request = await self._database.run(self._decide, actor, name, approve, who)
        if request.state is not State.APPROVED:
            return {"request": as_json(request)}
        said = f"{request.requester}, approved by {actor.name}"
        try:
            found = await self._does[request.kind](request.what, said)
        except Problem as problem:
            await self._database.run(self._end, name, State.FAILED, problem.message, who)
            raise
        except BaseException:
            await self._database.run(self._end, name, State.FAILED, "it broke off.", who)
            raise
        request = await self._database.run(self._end, name, State.DONE, "done.", who)
        return {"request": as_json(request), "result": found}

    async def recent(self, actor: Actor) -> list[Request]:
        """Return the newest requests that somebody made or may decide, newest first."""
        return await self._database.run(self._recent, actor)

    def _are_two(self) -> bool:
        with self._database.read() as connection:
            return admins(connection) > 1

    def _ask(self, kind: Kind, what: dict[str, Any], who: Who) -> str:
        now_ns = self._clock.now_ns()
        reason = str(what.get("reason", ""))
        values = {
            "action": kind,
            "permission": PERMISSIONS[kind],
            "parameters": json.dumps(what, sort_keys=True, allow_nan=False),
            "requester": who.actor,
            "reason": reason,
        }
        waits = (requests.c.state == State.PENDING) & (requests.c.expires_ns > now_ns)
        with self._database.begin() as connection:
            same = [requests.c[key] == value for key, value in values.items()]
            known = connection.execute(select(requests.c.id).where(waits, *same)).scalar()
            if known is not None:
                return str(known)
            waiting = select(func.count()).select_from(requests).where(waits)
            if connection.execute(waiting).scalar_one() >= PENDING_MAX:
                raise Problem(
                    status=429,
                    code="TOO_MANY_REQUESTS",
                    message="too many requests wait for a second person. Next: decide those first.",
                )
            name = new_id()
            connection.execute(
                insert(requests).values(
                    id=name,
                    made_ns=now_ns,
                    expires_ns=now_ns + EXPIRES_S * NS_PER_S,
                    state=State.PENDING,
                    decided_by="",
                    outcome="",
                    **values,
                )
            )
            self._record(connection, f"ask for {kind}", who, name, reason)
        return name

    def _decide(self, actor: Actor, name: str, approve: bool, who: Who) -> Request:
        """Decide in one statement that one caller wins; return the request as it is now."""
        now_ns = self._clock.now_ns()
        with self._database.begin() as connection:
            request = self._find(connection, name)
            is_own = person_name(request.requester) == person_name(actor.name)
            state = State.APPROVED if approve else State.WITHDRAWN if is_own else State.REFUSED
            self._check(connection, actor, request, is_own=is_own, approve=approve, who=who)
            changed = connection.execute(
                update(requests)
                .where(requests.c.id == name, requests.c.state == State.PENDING)
                .where(requests.c.expires_ns > now_ns)
                .values(state=state, decided_by=actor.name, decided_ns=now_ns)
            )
            if changed.rowcount != 1:
                raise Problem(
                    status=409,
                    code="TOO_LATE",
                    message=f"this request must be waiting, and is {request.state}.",
                )
            self._record(connection, f"{state} {request.kind}".lower(), who, name, request.reason)
            return self._find(connection, name)

    def _check(
        self,
        connection: Connection,
        actor: Actor,
        request: Request,
        *,
        is_own: bool,
        approve: bool,
        who: Who,
    ) -> None:
        """Refuse whoever may not decide.

        Raises:
            Problem: 403.
        """
        permission = PERMISSIONS[request.kind]
        if is_own and not approve:
            return
        problem = None
        if permission not in actor.permissions:
            problem = ("NOT_PERMITTED", f"whoever decides this must hold {permission}.")
        elif is_own:
            problem = ("SECOND_PERSON_NEEDED", "somebody else than who asked must approve this.")
        elif not actor.stepped_up:
            problem = ("STEP_UP_NEEDED", "this needs a fresh code of your second factor.")
        elif approve and not _still_may(connection, request.requester, permission):
            problem = ("REQUESTER_GONE", "whoever asked may not do this themselves any more.")
        if problem is not None:
            code, message = problem
            self._audit.deny(
                "four_eyes",
                actor=who.actor,
                ip=who.ip,
                action=f"decide {request.kind}",
                reason=code,
                correlation=who.correlation,
            )
            raise Problem(status=403, code=code, message=message)

    def _end(self, name: str, state: State, outcome: str, who: Who) -> Request:
        with self._database.begin() as connection:
            connection.execute(
                update(requests)
                .where(requests.c.id == name, requests.c.state == State.APPROVED)
                .values(state=state, outcome=outcome[:_OUTCOME_MAX])
            )
            request = self._find(connection, name)
            self._record(connection, f"{state} {request.kind}".lower(), who, name, outcome)
            return request

    def _recent(self, actor: Actor) -> list[Request]:
        query = select(requests).order_by(requests.c.made_ns.desc()).limit(_SHOWN_MAX)
        mine = requests.c.requester == actor.name
        with self._database.read() as connection:
            rows = connection.execute(
                query.where(mine | requests.c.permission.in_(sorted(actor.permissions)))
            ).all()
        return [self._request(row) for row in rows]

    def _find(self, connection: Connection, name: str) -> Request:
        row = connection.execute(select(requests).where(requests.c.id == name)).one_or_none()
        if row is None:
            raise Problem(status=404, code="NOT_FOUND", message="there is no such request.")
        return self._request(row)

    def _request(self, row: Row[tuple[object, ...]]) -> Request:
        state = State(row.state)
        if state is State.PENDING and row.expires_ns <= self._clock.now_ns():
            state = State.EXPIRED
        return Request(
            id=row.id,
            kind=Kind(row.action),
            what=json.loads(row.parameters),
            requester=row.requester,
            reason=row.reason,
            made_ns=row.made_ns,
            expires_ns=row.expires_ns,
            state=state,
            decided_by=row.decided_by,
            decided_ns=row.decided_ns,
            outcome=row.outcome,
        )

    def _record(
        self, connection: Connection, action: str, who: Who, name: str, reason: str
    ) -> None:
        self._audit.record_in(
            connection,
            "four_eyes",
            actor=who.actor,
            ip=who.ip,
            action=action,
            success=True,
            reason=reason,
            correlation=who.correlation,
            request=name,
        )


def as_json(request: Request) -> dict[str, Any]:
    """Return a request for the API."""
    return {
        "id": request.id,
        "kind": request.kind,
        "what": request.what,
        "needs": PERMISSIONS[request.kind],
        "requester": request.requester,
        "reason": request.reason,
        "made": rfc3339(request.made_ns),
        "expires": rfc3339(request.expires_ns),
        "state": request.state,
        "decided_by": request.decided_by,
        "decided": None if request.decided_ns is None else rfc3339(request.decided_ns),
        "outcome": request.outcome,
    }


def _check_person(actor: Actor) -> None:
    """Refuse a program: four eyes are those of two people.

    Raises:
        Problem: 403.
    """
    if actor.role is None:
        raise Problem(
            status=403, code="NEEDS_A_PERSON", message="only people may ask for or approve this."
        )


def _still_may(connection: Connection, requester: str, permission: Permission) -> bool:
    person = find_person(connection, person_name(requester))
    return person is not None and person.may_sign_in and permission in GRANTS[person.role]
