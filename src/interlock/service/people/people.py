"""Everything about people, joined: what the gateway needs is here."""

from pathlib import Path

from interlock.config.people import PeopleSettings
from interlock.runtime.clock import Clock
from interlock.service.database import Database
from interlock.service.people.changes import PeopleChanges
from interlock.service.people.enrolling import Enrolling
from interlock.service.people.guard import PeopleGuard
from interlock.service.people.login import Login
from interlock.service.people.managing import Managing
from interlock.service.people.passwords import Hasher
from interlock.service.people.requests import FourEyes
from interlock.service.people.sessions import Sessions
from interlock.service.people.throttle import Throttle
from interlock.service.people.who import Auditor, Who
from interlock.service.permissions import Actor


class People:
    """Who may come in, and how.

    Args:
        database: Has everybody.
        audit: Told of everything.
        clock: Says what time it is.
        settings: How long sessions hold, and when two people are needed.
        first_code: The file with the first administrator's code; taken away once it was used.
        hasher: Tries passwords; a test's is quicker.

    Attributes:
        guard: For every route.
        four_eyes: What waits for a second person.
        login: How somebody comes in.
        enrolling: How somebody comes in for the first time.
        sessions: Who is signed in.
        managing: People and service tokens.
        changes: The same, with four eyes where they are needed.
    """

    def __init__(
        self,
        *,
        database: Database,
        audit: Auditor,
        clock: Clock,
        settings: PeopleSettings,
        first_code: Path | None = None,
        hasher: Hasher | None = None,
    ) -> None:
        self._hasher = Hasher() if hasher is None else hasher
        throttle = Throttle(clock)
        self.database = database
        self.sessions = Sessions(database, clock, settings)
        self.managing = Managing(database, clock, audit)
        self.four_eyes = FourEyes(database, clock, audit, settings.four_eyes)
        self.changes = PeopleChanges(database, self.managing, self.four_eyes)
        self.guard = PeopleGuard(
            database=database, sessions=self.sessions, managing=self.managing, audit=audit
        )
        self.login = Login(
            database=database,
            clock=clock,
            audit=audit,
            hasher=self._hasher,
            sessions=self.sessions,
            throttle=throttle,
        )
        self.enrolling = Enrolling(
            database=database,
            clock=clock,
            audit=audit,
            hasher=self._hasher,
            sessions=self.sessions,
            throttle=throttle,
            first_code=first_code,
        )

    async def still_valid(self, actor: Actor) -> bool:
        """Return whether somebody may do now what they could do then; for streams, every second."""
        return await self.guard.still_valid(actor)

    async def fresh_code(
        self, actor: Actor, code: str, *, ip: str = "", correlation: str = ""
    ) -> bool:
        """Take a code of somebody's authenticator for one act; return whether it was good.

        A few wrong ones end their session.
        """
        who = Who(actor=actor.name, ip=ip, correlation=correlation)
        return await self.login.fresh_code(actor, code, who)

    def close(self) -> None:
        """Let go of what runs."""
        self._hasher.close()
