"""People as gateway.db has them, and the second factor that each use of takes away."""

import re
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection, Row, func, insert, select, update

from interlock.service.people.codes import digest, new_code, plain_code
from interlock.service.people.totp import matching_step
from interlock.service.permissions import Role
from interlock.service.tables_people import enrolments, recovery_codes, users

NAME: Final = re.compile(r"[a-z][a-z0-9_-]{1,31}")
RECOVERY_CODES: Final = 10
NEVER_USED: Final = -1
RECOVERY: Final = "recovery code"  # digests of these are made with these words


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Somebody who may sign in, or was invited to.

    Attributes:
        id: In the table.
        name: Theirs alone, for ever.
        role: What they are to the account.
        password_hash: None until they have enrolled.
        totp_secret: None until they have enrolled.
        totp_step: The last step whose code they used.
        disabled: Whether they may do nothing.
        made_ns: When they were invited.
    """

    id: int
    name: str
    role: Role
    password_hash: str | None
    totp_secret: str | None
    totp_step: int
    disabled: bool
    made_ns: int

    @property
    def may_sign_in(self) -> bool:
        """Whether they have enrolled and are not disabled."""
        return self.password_hash is not None and not self.disabled


def person_of(row: Row[tuple[object, ...]]) -> Person:
    """Return whom a row of ``users`` is about."""
    return Person(
        id=row.id,
        name=row.name,
        role=Role(row.role),
        password_hash=row.password_hash,
        totp_secret=row.totp_secret,
        totp_step=row.totp_step,
        disabled=bool(row.disabled),
        made_ns=row.made_ns,
    )


def find_person(connection: Connection, name: str) -> Person | None:
    """Return whoever has a name."""
    row = connection.execute(select(users).where(users.c.name == name)).one_or_none()
    return None if row is None else person_of(row)


def everybody(connection: Connection) -> list[Person]:
    """Return all people, by name."""
    return [person_of(row) for row in connection.execute(select(users).order_by(users.c.name))]


def admins(connection: Connection) -> int:
    """Return how many administrators can sign in."""
    condition = (
        (users.c.role == Role.ADMIN) & (users.c.disabled == 0) & users.c.password_hash.is_not(None)
    )
    return connection.execute(select(func.count()).select_from(users).where(condition)).scalar_one()


def add_person(connection: Connection, name: str, role: Role, now_ns: int) -> int:
    """Add somebody who has not enrolled yet; return their id."""
    row = connection.execute(
        insert(users)
        .values(name=name, role=role, totp_step=NEVER_USED, disabled=0, made_ns=now_ns)
        .returning(users.c.id)
    )
    return int(row.scalar_one())


def use_totp(connection: Connection, person: Person, typed: str, now_ns: int) -> bool:
    """Take a code of the authenticator; of many that come with the same, one has it.

    Which step was used last is judged where it is changed, in one statement.
    """
    assert person.totp_secret is not None, "whoever may sign in has one"
    step = matching_step(person.totp_secret, typed, now_ns, person.totp_step)
    if step is None:
        return False
    taken = connection.execute(
        update(users)
        .where(users.c.id == person.id, users.c.totp_step < step, users.c.disabled == 0)
        .where(users.c.totp_secret == person.totp_secret)
        .values(totp_step=step)
    )
    return taken.rowcount == 1


def use_recovery_code(connection: Connection, person: Person, typed: str, now_ns: int) -> bool:
    """Take one of the codes that were written down; each works once."""
    taken = connection.execute(
        update(recovery_codes)
        .where(recovery_codes.c.code_digest == digest(RECOVERY, plain_code(typed)))
        .where(recovery_codes.c.user_id == person.id, recovery_codes.c.used_ns.is_(None))
        .values(used_ns=now_ns)
    )
    return taken.rowcount == 1


def new_recovery_codes(connection: Connection, user_id: int) -> list[str]:
    """Return fresh codes to write down; those from before are good for nothing any more."""
    connection.execute(recovery_codes.delete().where(recovery_codes.c.user_id == user_id))
    codes = [new_code() for _ in range(RECOVERY_CODES)]
    connection.execute(
        insert(recovery_codes),
        [
            {"code_digest": digest(RECOVERY, plain_code(code)), "user_id": user_id, "used_ns": None}
            for code in codes
        ],
    )
    return codes


def recovery_codes_left(connection: Connection, user_id: int) -> int:
    """Return how many recovery codes somebody still has."""
    condition = (recovery_codes.c.user_id == user_id) & recovery_codes.c.used_ns.is_(None)
    found = connection.execute(select(func.count()).select_from(recovery_codes).where(condition))
    return found.scalar_one()


def forget_factors(connection: Connection, user_id: int) -> None:
    """Take password, authenticator, recovery codes and unused invitations from somebody."""
    connection.execute(
        update(users).where(users.c.id == user_id).values(password_hash=None, totp_secret=None)
    )
    connection.execute(recovery_codes.delete().where(recovery_codes.c.user_id == user_id))
    connection.execute(enrolments.delete().where(enrolments.c.user_id == user_id))
