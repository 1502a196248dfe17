"""How somebody gets a password and an authenticator, with a code that they were given."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Connection, Row, select, update

from interlock.runtime.clock import Clock
from interlock.service.database import Database
from interlock.service.people import devices
from interlock.service.people.codes import digest, new_token, plain_code
from interlock.service.people.invitations import CODE
from interlock.service.people.login import SignedIn
from interlock.service.people.passwords import Hasher, password_problem
from interlock.service.people.sessions import Sessions, end_all_in
from interlock.service.people.throttle import Key, Kind, Throttle, source_name
from interlock.service.people.totp import matching_step, new_secret, otpauth_uri, qr_code
from interlock.service.people.users import (
    NAME,
    NEVER_USED,
    RECOVERY_CODES,
    add_person,
    admins,
    find_person,
    new_recovery_codes,
)
from interlock.service.people.who import UNKNOWN, Auditor
from interlock.service.permissions import Role
from interlock.service.problems import Problem
from interlock.service.tables_people import enrolments, users

_HANDLE: Final = "enrolment"


@dataclass(frozen=True, slots=True, kw_only=True)
class Enrolment:
    """Half of the way: an authenticator has to be set up now, and to show its first code.

    Attributes:
        handle: What the second half is asked for with.
        name: Whose it is.
        secret: For the authenticator, as letters.
        uri: The same as an ``otpauth:`` URI.
        qr: The same as a picture: a ``data:`` URI of SVG.
    """

    handle: str
    name: str
    secret: str
    uri: str
    qr: str


class Enrolling:
    """Lets people in for the first time.

    Args:
        database: Has people and codes.
        clock: Says which codes are too old.
        audit: Told of everything.
        hasher: Makes what is kept of a password.
        sessions: Begins one at the end.
        throttle: Says who has to wait.
        first_code: The file with the first administrator's code; taken away once it was used.
    """

    def __init__(
        self,
        *,
        database: Database,
        clock: Clock,
        audit: Auditor,
        hasher: Hasher,
        sessions: Sessions,
        throttle: Throttle,
        first_code: Path | None,
    ) -> None:
        self._database = database
        self._clock = clock
        self._audit = audit
        self._hasher = hasher
        self._sessions = sessions
        self._throttle = throttle
        self._first_code = first_code

    async def waits_for_first(self) -> bool:
        """Return whether no administrator can sign in yet."""
        return await self._database.run(self._waits_for_first)

    async def begin(self, code: str, name: str, password: str, ip: str) -> Enrolment:
        """Take a code, a name and a password; return what an authenticator needs.

        The code is used up by ``confirm``. Until then this can be done again, and what came of it
        before is worth nothing.

        Args:
            code: As somebody typed it.
            name: Of the first administrator; others have one already.
            password: As somebody typed it.
            ip: Where they come from.

        Raises:
            Problem: 401, the code; 422, the name or the password; 429 and 503.
        """
        self._wait(ip)
        name = await self._database.run(self._name_for, code, name, ip)
        problem = password_problem(password, name)
        if problem:
            raise Problem(status=422, code="BAD_PASSWORD", message=problem)
        kept = await self._hasher.hash(password)
        secret, handle = new_secret(), new_token()
        await self._database.run(self._keep, code, handle, name, kept, secret, ip)
        self._throttle.passed([Key(Kind.SOURCE, source_name(ip))])
        uri = otpauth_uri(secret, name)
        return Enrolment(handle=handle, name=name, secret=secret, uri=uri, qr=qr_code(uri))

    async def confirm(
        self, handle: str, code: str, ip: str, correlation: str
    ) -> tuple[SignedIn, list[str]]:
        """Take the first code of an authenticator; return a session and the recovery codes.

        Raises:
            Problem: 401, the code or what it belongs to; 409, somebody was first; 429.
        """
        self._wait(ip)
        found = await self._database.run(self._enrol, handle, code, ip, correlation)
        self._throttle.passed([Key(Kind.SOURCE, source_name(ip))])
        return found

    def _waits_for_first(self) -> bool:
        with self._database.read() as connection:
            return admins(connection) == 0

    def _name_for(self, code: str, name: str, ip: str) -> str:
        """Return whose the code is."""
        with self._database.read() as connection:
            row = self._open(connection, code, ip)
            if row.user_id is not None:
                return str(row.user_name)
            if NAME.fullmatch(name) is None:
                raise Problem(
                    status=422,
                    code="BAD_NAME",
                    message="a name must have 2 to 32 of a-z, 0-9, - and _, and begin with a "
                    "letter.",
                )
            if find_person(connection, name) is not None:
                raise _taken()
            return name

    def _keep(self, code: str, handle: str, name: str, kept: str, secret: str, ip: str) -> None:
        with self._database.begin() as connection:
            row = self._open(connection, code, ip)
            connection.execute(
                update(enrolments)
                .where(enrolments.c.code_digest == row.code_digest)
                .values(
                    handle_digest=digest(_HANDLE, handle),
                    name=name,
                    password_hash=kept,
                    totp_secret=secret,
                )
            )

    def _open(self, connection: Connection, code: str, ip: str) -> Row[tuple[object, ...]]:
        """Return the invitation that a code opens.

        Raises:
            Problem: It opens none: wrong, used, too old, or whose it is may not come in.
        """
        is_this = enrolments.c.code_digest == digest(CODE, plain_code(code))
        row = connection.execute(self._invitations().where(is_this)).one_or_none()
        if row is None or (row.user_id is None and admins(connection)):
            self._deny(ip, "INVITATION_REFUSED")
            raise Problem(
                status=401,
                code="INVITATION_REFUSED",
                message="this code must be one that was given within a day and was not used, and "
                "is not. Next: ask whoever gave it for another, or start Interlock again.",
            )
        return row

    def _invitations(self) -> Any:
        return (
            select(enrolments, users.c.name.label("user_name"))
            .join_from(enrolments, users, isouter=True)
            .where(enrolments.c.used_ns.is_(None))
            .where(enrolments.c.expires_ns > self._clock.now_ns())
            .where(users.c.disabled.is_(None) | (users.c.disabled == 0))
        )

    def _enrol(
        self, handle: str, code: str, ip: str, correlation: str
    ) -> tuple[SignedIn, list[str]]:
        now_ns = self._clock.now_ns()
        with self._database.begin() as connection:
            is_this = enrolments.c.handle_digest == digest(_HANDLE, handle)
            row = connection.execute(self._invitations().where(is_this)).one_or_none()
            step = None
            if row is not None:
                step = matching_step(row.totp_secret, code, now_ns, NEVER_USED)
            if row is None or step is None:
                self._deny(ip, "CODE_REFUSED")
                raise Problem(
                    status=401,
                    code="CODE_REFUSED",
                    message="this must be the code that the authenticator shows now, and is not. "
                    "Next: wait for the next one; look at the clock of the phone.",
                )
            connection.execute(
                update(enrolments)
                .where(enrolments.c.code_digest == row.code_digest)
                .values(used_ns=now_ns, password_hash=None, totp_secret=None)
            )
            user_id = self._person(connection, row, now_ns)
            connection.execute(
                update(users)
                .where(users.c.id == user_id)
                .values(
                    password_hash=row.password_hash, totp_secret=row.totp_secret, totp_step=step
                )
            )
            recovery = new_recovery_codes(connection, user_id)
            end_all_in(connection, user_id)
            token, session = self._sessions.open_in(connection, user_id, ip)
            device = devices.remember(connection, user_id, now_ns)
            self._audit.record_in(
                connection,
                "user_change",
                actor=f"user:{row.name}",
                ip=ip,
                action="enrol as first administrator" if row.user_id is None else "enrol",
                success=True,
                correlation=correlation,
            )
        if row.user_id is None and self._first_code is not None:
            self._first_code.unlink(missing_ok=True)
        signed_in = SignedIn(
            name=row.name,
            session=session,
            token=token,
            device=device,
            recovery_codes_left=RECOVERY_CODES,
        )
        return signed_in, recovery

    def _person(self, connection: Connection, row: Row[tuple[object, ...]], now_ns: int) -> int:
        """Return the id of whoever enrols; the first administrator is made here."""
        if row.user_id is not None:
            return int(row.user_id)
        if admins(connection) or find_person(connection, row.name) is not None:
            raise _taken()
        return add_person(connection, row.name, Role.ADMIN, now_ns)

    def _wait(self, ip: str) -> None:
        wait_s = self._throttle.attempt([Key(Kind.SOURCE, source_name(ip))])
        if wait_s:
            self._deny(ip, "TOO_MANY_TRIES")
            raise Problem(
                status=429,
                code="TOO_MANY_TRIES",
                message=f"too many tries were wrong. Next: wait {wait_s} seconds.",
                headers={"retry-after": str(wait_s)},
            )

    def _deny(self, ip: str, reason: str) -> None:
        self._audit.deny("login", actor=UNKNOWN, ip=ip, action="enrol", reason=reason)


def _taken() -> Problem:
    return Problem(
        status=409, code="NAME_TAKEN", message="somebody else has this name, or was first."
    )
