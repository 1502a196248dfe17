"""Who may come in, as what: people, their sessions, and service tokens. For the API and the shell.

Every function is one transaction with its audit in it.
"""

import re
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, insert, select, update

from interlock.runtime.clock import NS_PER_S, Clock
from interlock.service.database import Database
from interlock.service.people import devices
from interlock.service.people.codes import digest, new_token
from interlock.service.people.invitations import invite_in
from interlock.service.people.sessions import Session, end_all_in, end_in
from interlock.service.people.users import (
    NAME,
    Person,
    add_person,
    admins,
    everybody,
    find_person,
    forget_factors,
)
from interlock.service.people.who import Auditor, Who
from interlock.service.permissions import Permission, Role
from interlock.service.problems import Problem
from interlock.service.tables_people import tokens, users

TOKEN_PREFIX: Final = "il_"  # noqa: S105 - what every service token begins with
TOKEN_DAYS_MAX: Final = 365
# What only people may do, with a fresh second factor or with another person: no token holds these.
PEOPLE_ONLY: Final = frozenset(
    {
        Permission.MANAGE_PEOPLE,
        Permission.CLEAR_KILL,
        Permission.CHANGE_LIMITS,
        Permission.APPROVE,
    }
)

_SECRET: Final = "token"  # noqa: S105 - the word that digests of these are made with
_TOKEN_NAME: Final = re.compile(r"[a-z][a-z0-9_.-]{0,62}")
_NS_PER_DAY: Final = 24 * 3_600 * NS_PER_S


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """A program that may ask.

    Attributes:
        name: Its own, for ever.
        permissions: What it may do.
        made_ns: When it was made.
        made_by: By whom, as audits name them.
        expires_ns: When it ends by itself.
        revoked_ns: When somebody ended it; None is not.
    """

    name: str
    permissions: frozenset[Permission]
    made_ns: int
    made_by: str
    expires_ns: int
    revoked_ns: int | None

    def works(self, now_ns: int) -> bool:
        """Return whether it may be used."""
        return self.revoked_ns is None and now_ns < self.expires_ns


class Managing:
    """Changes who may come in. May be used by many threads.

    Args:
        database: Has everybody.
        clock: Dates what is made.
        audit: Told of everything.
    """

    def __init__(self, database: Database, clock: Clock, audit: Auditor) -> None:
        self._database = database
        self._clock = clock
        self._audit = audit

    def people(self) -> list[Person]:
        """Return everybody, by name."""
        with self._database.read() as connection:
            return everybody(connection)

    def person(self, name: str) -> Person:
        """Return somebody.

        Raises:
            Problem: 404, there is nobody of that name.
        """
        with self._database.read() as connection:
            return _known(connection, name)

    def add(self, name: str, role: Role, who: Who) -> str:
        """Invite somebody new; return their code.

        Raises:
            Problem: 422, the name is none; 409, somebody has it.
        """
        if NAME.fullmatch(name) is None:
            raise Problem(
                status=422,
                code="BAD_NAME",
                message="a name must have 2 to 32 of a-z, 0-9, - and _, and begin with a letter.",
            )
        with self._database.begin() as connection:
            if find_person(connection, name) is not None:
                raise Problem(
                    status=409,
                    code="NAME_TAKEN",
                    message=f"{name} must be a new name, and is somebody's. Next: take another; a "
                    "name is never given to a second person.",
                )
            now_ns = self._clock.now_ns()
            code = invite_in(connection, add_person(connection, name, role, now_ns), now_ns)
            self._record(connection, "invite", name, who, role=str(role))
        return code

    def set_role(self, name: str, role: Role, who: Who) -> None:
        """Make somebody something else, from their next request on.

        Raises:
            Problem: 404; 409, they are the last administrator.
        """
        with self._database.begin() as connection:
            person = _known(connection, name)
            if role is not Role.ADMIN:
                _not_last(connection, person)
            connection.execute(update(users).where(users.c.id == person.id).values(role=role))
            self._record(
                connection, "change role of", name, who, before=str(person.role), after=str(role)
            )

    def disable(self, name: str, who: Who) -> None:
        """Let somebody do nothing any more, at once.

        Raises:
            Problem: 404; 409, they are the last administrator.
        """
        with self._database.begin() as connection:
            person = _known(connection, name)
            _not_last(connection, person)
            connection.execute(update(users).where(users.c.id == person.id).values(disabled=1))
            end_all_in(connection, person.id)
            self._record(connection, "disable", name, who)

    def enable(self, name: str, who: Who) -> None:
        """Let somebody who was disabled sign in again.

        Raises:
            Problem: 404.
        """
        with self._database.begin() as connection:
            person = _known(connection, name)
            connection.execute(update(users).where(users.c.id == person.id).values(disabled=0))
            self._record(connection, "enable", name, who)

    def reset(self, name: str, who: Who, *, even_last: bool = False) -> str:
        """Take password, authenticator and sessions from somebody; return a new invitation.

        Args:
            name: Whose.
            who: For the audit.
            even_last: Whether also from the last administrator, who has to use the code within
                a day then: for the shell.

        Raises:
            Problem: 404; 409, they are the last administrator.
        """
        with self._database.begin() as connection:
            person = _known(connection, name)
            if not even_last:
                _not_last(connection, person)
            forget_factors(connection, person.id)
            devices.forget_devices(connection, person.id)
            end_all_in(connection, person.id)
            code = invite_in(connection, person.id, self._clock.now_ns())
            self._record(connection, "reset", name, who)
        return code

    def end_sessions(self, name: str | None, who: Who) -> int:
        """End everybody's sessions, or one person's; return how many there were.

        Raises:
            Problem: 404.
        """
        with self._database.begin() as connection:
            person = None if name is None else _known(connection, name)
            ended = end_all_in(connection, None if person is None else person.id)
            self._record(connection, "end sessions of", name or "everybody", who, ended=ended)
        return ended

    def end_session(self, session: Session, who: Who) -> bool:
        """End one session; return whether it had not ended yet."""
        with self._database.begin() as connection:
            ended = end_in(connection, session.id)
            if ended:
                self._record(connection, "end a session of", session.person.name, who)
        return ended

    def tokens(self) -> list[Token]:
        """Return every service token there ever was, by name."""
        with self._database.read() as connection:
            rows = connection.execute(select(tokens).order_by(tokens.c.name)).all()
        return [_token(row) for row in rows]

    def add_token(self, name: str, permissions: frozenset[Permission], days: int, who: Who) -> str:
        """Make a service token; return its secret, which is kept nowhere.

        Raises:
            Problem: 422, it cannot be one; 409, there is or was one of that name.
        """
        problem = _token_problem(name, permissions, days)
        if problem:
            raise Problem(status=422, code="BAD_TOKEN", message=problem)
        secret, now_ns = new_token(TOKEN_PREFIX), self._clock.now_ns()
        with self._database.begin() as connection:
            if _find_token(connection, tokens.c.name == name) is not None:
                raise Problem(
                    status=409,
                    code="NAME_TAKEN",
                    message=f"{name} must be a new name, and there is or was such a token.",
                )
            connection.execute(
                insert(tokens).values(
                    name=name,
                    token_digest=digest(_SECRET, secret),
                    permissions=" ".join(sorted(permissions)),
                    made_ns=now_ns,
                    made_by=who.actor,
                    expires_ns=now_ns + days * _NS_PER_DAY,
                )
            )
            self._record(
                connection,
                "make token",
                name,
                who,
                event_type="token_change",
                permissions=sorted(permissions),
                days=days,
            )
        return secret

    def revoke_token(self, name: str, who: Who) -> None:
        """End a service token, at once and for ever.

        Raises:
            Problem: 404.
        """
        with self._database.begin() as connection:
            found = _find_token(connection, tokens.c.name == name)
            if found is None:
                raise _nobody("token")
            connection.execute(
                update(tokens)
                .where(tokens.c.name == name, tokens.c.revoked_ns.is_(None))
                .values(revoked_ns=self._clock.now_ns())
            )
            self._record(connection, "revoke token", name, who, event_type="token_change")

    def token_by_secret(self, secret: str) -> Token | None:
        """Return the token that may be used with a secret."""
        return self._working(tokens.c.token_digest == digest(_SECRET, secret))

    def token_by_name(self, name: str) -> Token | None:
        """Return a token that may be used."""
        return self._working(tokens.c.name == name)

    def _working(self, condition: Any) -> Token | None:
        with self._database.read() as connection:
            found = _find_token(connection, condition)
        return found if found is not None and found.works(self._clock.now_ns()) else None

    def _record(
        self,
        connection: Connection,
        what: str,
        name: str,
        who: Who,
        *,
        event_type: str = "user_change",
        **details: Any,
    ) -> None:
        self._audit.record_in(
            connection,
            event_type,
            actor=who.actor,
            ip=who.ip,
            action=f"{what} {name}",
            success=True,
            correlation=who.correlation,
            **details,
        )


def _known(connection: Connection, name: str) -> Person:
    person = find_person(connection, name)
    if person is None:
        raise _nobody("person")
    return person


def _nobody(what: str) -> Problem:
    return Problem(status=404, code="NOT_FOUND", message=f"there is no {what} of this name.")


def _not_last(connection: Connection, person: Person) -> None:
    if person.role is Role.ADMIN and person.may_sign_in and admins(connection) == 1:
        raise Problem(
            status=409,
            code="LAST_ADMIN",
            message=f"{person.name} is the last administrator who can sign in. Next: make another "
            "one first.",
        )


def _token_problem(name: str, permissions: frozenset[Permission], days: int) -> str:
    if _TOKEN_NAME.fullmatch(name) is None:
        return "a name must have 1 to 63 of a-z, 0-9, ., - and _, and begin with a letter."
    if not 1 <= days <= TOKEN_DAYS_MAX:
        return f"a token must end within 1 to {TOKEN_DAYS_MAX} days, was {days}."
    if not permissions:
        return "a token must hold a permission, and holds none."
    if permissions & PEOPLE_ONLY:
        words = ", ".join(sorted(permissions & PEOPLE_ONLY))
        return f"a token must hold nothing that only people may do, was {words}."
    return ""


def _find_token(connection: Connection, condition: Any) -> Token | None:
    row = connection.execute(select(tokens).where(condition)).one_or_none()
    return None if row is None else _token(row)


def _token(row: Any) -> Token:
    return Token(
        name=row.name,
        permissions=frozenset(Permission(word) for word in row.permissions.split()),
        made_ns=row.made_ns,
        made_by=row.made_by,
        expires_ns=row.expires_ns,
        revoked_ns=row.revoked_ns,
    )
