"""How somebody comes in: password and second factor together, one answer to whatever is wrong."""

from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection, update

from interlock.runtime.clock import Clock
from interlock.service.database import Database
from interlock.service.people import devices
from interlock.service.people.passwords import Hasher, password_problem
from interlock.service.people.sessions import Sessions, end_all_in, end_in
from interlock.service.people.throttle import Key, Kind, Throttle, source_name
from interlock.service.people.users import (
    Person,
    find_person,
    new_recovery_codes,
    recovery_codes_left,
    use_recovery_code,
    use_totp,
)
from interlock.service.people.who import UNKNOWN, Auditor, Who, person_name
from interlock.service.permissions import Actor
from interlock.service.problems import Problem
from interlock.service.tables_people import users

_NAME_MAX: Final = 64  # characters of a name that are looked at
_NOBODYS: Final = -1  # an id that nobody has


@dataclass(frozen=True, slots=True, kw_only=True)
class Factors:
    """What somebody shows to come in.

    Attributes:
        name: As they typed it.
        password: As they typed it.
        code: Of their authenticator; "" when they show a recovery code.
        recovery_code: "" when they show a code of their authenticator.
        device: The secret of their browser; "" when it has none.
    """

    name: str
    password: str
    code: str
    recovery_code: str
    device: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedIn:
    """Somebody came in.

    Attributes:
        name: Whose session it is.
        session: Its id.
        token: Its secret, for the cookie.
        device: The secret of their browser, if it has none that is known; else "".
        recovery_codes_left: How many they still have.
    """

    name: str
    session: str
    token: str
    device: str
    recovery_codes_left: int


class Login:
    """Lets people in, and asks them again before dangerous acts.

    Args:
        database: Has people and sessions.
        clock: Says what time it is.
        audit: Told of everything.
        hasher: Tries passwords.
        sessions: Begins them.
        throttle: Says who has to wait.
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
    ) -> None:
        self._database = database
        self._clock = clock
        self._audit = audit
        self._hasher = hasher
        self._sessions = sessions
        self._throttle = throttle

    async def sign_in(self, factors: Factors, ip: str, correlation: str) -> SignedIn:
        """Let somebody in.

        An unknown name, a wrong password and a wrong code take the same way, with one password
        hash and one transaction, and get the same answer.

        Raises:
            Problem: 401, whatever was wrong; 429, they tried too often; 503, too many try.
        """
        person, is_device = await self._database.run(self._look, factors)
        name = factors.name[:_NAME_MAX]
        source = source_name(ip)
        keys = [Key(Kind.SOURCE, source), Key(Kind.PAIR, f"{source} {name}")]
        if is_device:
            keys = [Key(Kind.DEVICE, devices.device_name(factors.device))]
        who = Who(
            actor=f"user:{person.name}" if person else UNKNOWN, ip=ip, correlation=correlation
        )
        self._wait(keys, who, "login")
        kept = person.password_hash if person and person.may_sign_in else None
        is_right = await self._hasher.is_right(kept, factors.password, is_known=is_device)
        tried = person if is_right else None
        found = await self._database.run(self._enter, tried, factors, who, is_device)
        if found is None:
            self._deny(who, "login", "LOGIN_REFUSED")
            raise _refused()
        self._throttle.passed(keys)
        return found

    async def step_up(self, actor: Actor, code: str, recovery_code: str, who: Who) -> str:
        """Take a fresh second factor of somebody who is signed in; return their new secret.

        Raises:
            Problem: 401, it was wrong, and after a few wrong ones they are signed out.
        """
        token = await self._database.run(self._step_up, actor, code, recovery_code, who)
        if token is None:
            self._deny(who, "step_up", "CODE_REFUSED")
            raise _code_refused()
        return token

    async def fresh_code(self, actor: Actor, code: str, who: Who) -> bool:
        """Return whether somebody who is signed in shows a second factor that was not used yet."""
        is_right = await self._database.run(self._take_code, actor, code, who)
        if not is_right:
            self._deny(who, "step_up", "CODE_REFUSED")
        return is_right

    async def sign_out(self, actor: Actor, who: Who) -> None:
        """End somebody's session."""
        await self._database.run(self._sign_out, actor, who)

    async def change_password(self, actor: Actor, old: str, new: str, who: Who) -> None:
        """Give somebody another password; their other sessions end.

        Raises:
            Problem: 401, the old one was wrong; 422, the new one may not be used.
        """
        name = person_name(actor.name)
        problem = password_problem(new, name)
        if problem:
            raise Problem(status=422, code="BAD_PASSWORD", message=problem)
        keys = [Key(Kind.DEVICE, f"session {actor.session}")]
        self._wait(keys, who, "password")
        person = await self._database.run(self._person, name)
        kept = person.password_hash if person and person.may_sign_in else None
        if not await self._hasher.is_right(kept, old, is_known=True):
            self._deny(who, "login", "PASSWORD_REFUSED")
            raise Problem(
                status=401, code="PASSWORD_REFUSED", message="the old password was another one."
            )
        self._throttle.passed(keys)
        fresh = await self._hasher.hash(new)
        await self._database.run(self._set_password, actor, kept, fresh, who)

    async def recovery_codes(self, actor: Actor, who: Who) -> list[str]:
        """Return fresh recovery codes; those from before work no more."""
        return await self._database.run(self._recovery_codes, actor, who)

    def _look(self, factors: Factors) -> tuple[Person | None, bool]:
        with self._database.read() as connection:
            person = find_person(connection, factors.name[:_NAME_MAX])
            # Looked for in any case, so that an unknown name takes as long as a known one.
            user_id = person.id if person else _NOBODYS
            is_device = devices.is_known(connection, user_id, factors.device, self._clock.now_ns())
        return person, is_device

    def _enter(
        self, tried: Person | None, factors: Factors, who: Who, is_device: bool
    ) -> SignedIn | None:
        """Take the second factor and begin a session, or neither.

        Args:
            tried: Who it is, when the password was right.
            factors: What they show.
            who: For the audit.
            is_device: Whether they come from a browser that is known.
        """
        # What was wrong must not be told from when the answer comes: everybody waits for the turn
        # to write.
        account = [] if tried is None or is_device else [Key(Kind.ACCOUNT, tried.name)]
        may_try = self._throttle.attempt(account) == 0
        with self._database.begin() as connection:
            person = None if tried is None else find_person(connection, tried.name)
            if person is None or tried is None or person.password_hash != tried.password_hash:
                return None  # changed since it was tried
            if not person.may_sign_in or not may_try:
                return None
            now_ns = self._clock.now_ns()
            if not _use_factor(connection, person, factors.code, factors.recovery_code, now_ns):
                return None
            token, session = self._sessions.open_in(connection, person.id, who.ip)
            device = "" if is_device else devices.remember(connection, person.id, now_ns)
            left = recovery_codes_left(connection, person.id)
            self._audit.record_in(
                connection,
                "login",
                actor=who.actor,
                ip=who.ip,
                action="login",
                success=True,
                correlation=who.correlation,
                factor="recovery code" if factors.recovery_code else "authenticator",
            )
        self._throttle.passed(account)
        return SignedIn(
            name=person.name, session=session, token=token, device=device, recovery_codes_left=left
        )

    def _step_up(self, actor: Actor, code: str, recovery_code: str, who: Who) -> str | None:
        with self._database.begin() as connection:
            if not self._take_code_in(connection, actor, code, recovery_code, who):
                return None
            token = self._sessions.step_up_in(connection, actor.session)
            if token is not None:
                self._record(connection, "step_up", "step up", who)
            return token

    def _take_code(self, actor: Actor, code: str, who: Who) -> bool:
        with self._database.begin() as connection:
            return self._take_code_in(connection, actor, code, "", who)

    def _take_code_in(
        self, connection: Connection, actor: Actor, code: str, recovery_code: str, who: Who
    ) -> bool:
        """Take a second factor; a few wrong ones end the session, so that nobody guesses on."""
        person = find_person(connection, person_name(actor.name))
        now_ns = self._clock.now_ns()
        if person is not None and person.may_sign_in:
            if _use_factor(connection, person, code, recovery_code, now_ns):
                return True
        if self._sessions.wrong_code_in(connection, actor.session):
            self._record(connection, "session_ended", "too many wrong codes", who)
        return False

    def _sign_out(self, actor: Actor, who: Who) -> None:
        with self._database.begin() as connection:
            if end_in(connection, actor.session):
                self._record(connection, "logout", "logout", who)

    def _person(self, name: str) -> Person | None:
        with self._database.read() as connection:
            return find_person(connection, name)

    def _set_password(self, actor: Actor, kept: str | None, fresh: str, who: Who) -> None:
        with self._database.begin() as connection:
            person = find_person(connection, person_name(actor.name))
            if person is None or person.password_hash != kept:
                raise _refused()  # changed by somebody else meanwhile
            connection.execute(
                update(users).where(users.c.id == person.id).values(password_hash=fresh)
            )
            end_all_in(connection, person.id, besides=actor.session)
            devices.forget_devices(connection, person.id)
            self._record(connection, "user_change", "change own password", who)

    def _recovery_codes(self, actor: Actor, who: Who) -> list[str]:
        with self._database.begin() as connection:
            person = find_person(connection, person_name(actor.name))
            if person is None:
                raise _refused()
            self._record(connection, "user_change", "new own recovery codes", who)
            return new_recovery_codes(connection, person.id)

    def _wait(self, keys: list[Key], who: Who, action: str) -> None:
        wait_s = self._throttle.attempt(keys)
        if wait_s:
            self._deny(who, action, "TOO_MANY_TRIES")
            raise Problem(
                status=429,
                code="TOO_MANY_TRIES",
                message=f"too many tries were wrong. Next: wait {wait_s} seconds.",
                headers={"retry-after": str(wait_s)},
            )

    def _record(self, connection: Connection, event_type: str, action: str, who: Who) -> None:
        self._audit.record_in(
            connection,
            event_type,
            actor=who.actor,
            ip=who.ip,
            action=action,
            success=True,
            correlation=who.correlation,
        )

    def _deny(self, who: Who, action: str, reason: str) -> None:
        self._audit.deny(
            action if action in {"login", "step_up"} else "login",
            actor=who.actor,
            ip=who.ip,
            action=action,
            reason=reason,
            correlation=who.correlation,
        )


def _use_factor(
    connection: Connection, person: Person, code: str, recovery_code: str, now_ns: int
) -> bool:
    """Take a code of the authenticator, or a recovery code, whichever was typed."""
    if recovery_code:
        return use_recovery_code(connection, person, recovery_code, now_ns)
    return use_totp(connection, person, code, now_ns)


def _refused() -> Problem:
    return Problem(
        status=401,
        code="LOGIN_REFUSED",
        message="name, password and code must belong together, and did not; or the code was used. "
        "Next: try again with the next code.",
    )


def _code_refused() -> Problem:
    return Problem(
        status=401,
        code="CODE_REFUSED",
        message="this code is not right, or was used before. Next: wait for the next one.",
    )
