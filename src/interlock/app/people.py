"""People and service tokens from the shell, while the gateway runs or not, and before anybody can.

Whoever may write to the home could change its files as well: so the system's user decides here, and
no second person is asked. Everything is audited under their name.
"""

import os
import pwd
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from interlock.config.home import Home, home_of
from interlock.config.settings import read_settings
from interlock.runtime.clock import SystemClock
from interlock.service.audit import Audit
from interlock.service.audit_rows import rfc3339
from interlock.service.database import Database, open_database
from interlock.service.people.invitations import offer_first_code
from interlock.service.people.managing import Managing, Token
from interlock.service.people.users import Person
from interlock.service.people.who import Who
from interlock.service.permissions import Permission, Role
from interlock.service.problems import Problem

Said = dict[str, Any]

_SECONDS: Final = 19  # characters of a moment, to the second


class PeopleError(ValueError):
    """What was asked for cannot be done; the message says why."""


class Desk:
    """What the shell does to people and tokens.

    Args:
        home: Whose.
        database: Open.
    """

    def __init__(self, home: Home, database: Database) -> None:
        self._home = home
        self._database = database
        self._clock = SystemClock()
        audit = Audit(database, home.audit_log, self._clock)
        self._managing = Managing(database, self._clock, audit)
        self._who = Who(actor=f"cli:{_login_name()}", ip="")

    def add(self, name: str, role: str) -> str:
        """Invite somebody; return their code."""
        return self._managing.add(name, _role(role), self._who)

    def set_role(self, name: str, role: str) -> None:
        """Make somebody something else."""
        self._managing.set_role(name, _role(role), self._who)

    def disable(self, name: str) -> None:
        """Let somebody do nothing any more."""
        self._managing.disable(name, self._who)

    def enable(self, name: str) -> None:
        """Let somebody sign in again."""
        self._managing.enable(name, self._who)

    def reset(self, name: str) -> str:
        """Take password, authenticator and sessions from somebody; return a new invitation."""
        return self._managing.reset(name, self._who, even_last=True)

    def first_code(self) -> Path | None:
        """Write a fresh first code; return where, or None when there is an administrator."""
        return offer_first_code(self._database, self._clock, self._home.admin_code)

    def people(self) -> list[Said]:
        """Return everybody."""
        return [
            {
                "name": one.name,
                "role": str(one.role),
                "state": _state(one),
                "made": f"{rfc3339(one.made_ns)[:_SECONDS]}Z",
            }
            for one in self._managing.people()
        ]

    def add_token(self, name: str, permissions: Sequence[str], days: int) -> str:
        """Make a service token; return it."""
        try:
            held = frozenset(Permission(word) for word in permissions)
        except ValueError:
            words = ", ".join(Permission)
            raise PeopleError(f"--permission must be one of {words}.") from None
        return self._managing.add_token(name, held, days, self._who)

    def revoke_token(self, name: str) -> None:
        """End a service token."""
        self._managing.revoke_token(name, self._who)

    def tokens(self) -> list[Said]:
        """Return every service token there ever was."""
        now_ns = self._clock.now_ns()
        return [
            {
                "name": one.name,
                "permissions": sorted(one.permissions),
                "state": _token_state(one, now_ns),
                "expires": f"{rfc3339(one.expires_ns)[:_SECONDS]}Z",
                "made_by": one.made_by,
            }
            for one in self._managing.tokens()
        ]


@contextmanager
def open_desk() -> Iterator[Desk]:
    """Yield the desk of the home.

    Raises:
        PeopleError: What was done at it cannot be done.
        PolicyError: The home may not be used.
        DatabaseError: ``gateway.db`` may not be used.
    """
    home = home_of(read_settings())
    home.make()
    database = open_database(home.gateway_db)
    try:
        yield Desk(home, database)
    except Problem as problem:
        raise PeopleError(problem.message) from None
    finally:
        database.close()


def _state(person: Person) -> str:
    if person.disabled:
        return "disabled"
    return "active" if person.may_sign_in else "invited"


def _token_state(token: Token, now_ns: int) -> str:
    if token.revoked_ns is not None:
        return "revoked"
    return "active" if token.works(now_ns) else "expired"


def _role(word: str) -> Role:
    try:
        return Role(word)
    except ValueError:
        raise PeopleError(f"a role must be one of {', '.join(Role)}, was {word!r}.") from None


def _login_name() -> str:
    uid = os.getuid()
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"uid-{uid}"
