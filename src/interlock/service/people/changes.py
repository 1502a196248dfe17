"""Changes of who may come in, and of those the ones that two people have to want.

Whoever may make people could make a second self, and approve their own requests with it. So where
two are needed to clear a kill, two are needed to give or take the roles that may.
"""

from typing import Any, Final

from interlock.service.database import Database
from interlock.service.people.managing import Managing
from interlock.service.people.requests import PERMISSIONS, FourEyes, Kind
from interlock.service.people.who import Who
from interlock.service.permissions import GRANTS, Actor, Role
from interlock.service.problems import Problem

Said = dict[str, Any]

# Roles that may ask for, or approve, what needs two people.
WEIGHTY: Final = frozenset(role for role in Role if GRANTS[role] & frozenset(PERMISSIONS.values()))


class PeopleChanges:
    """Makes changes, or has them wait for a second person.

    Args:
        database: Has threads to work in.
        managing: Makes them.
        four_eyes: Has them wait.
    """

    def __init__(self, database: Database, managing: Managing, four_eyes: FourEyes) -> None:
        self._database = database
        self._managing = managing
        self._four_eyes = four_eyes
        four_eyes.does(Kind.PEOPLE, self._approved)

    async def make(self, actor: Actor, what: Said, who: Who) -> tuple[int, Said]:
        """Make a change, or ask for it; return the status and the body of the answer.

        Args:
            actor: Who wants it.
            what: ``change`` (invite, role, disable, enable or reset), ``name``, ``reason``, and
                ``role`` with the first two.
            who: For the audit.

        Raises:
            Problem: It cannot be made.
        """
        if await self._database.run(self._is_weighty, what):
            waits = await self._four_eyes.ask(
                actor, Kind.PEOPLE, what, correlation=who.correlation, ip=who.ip
            )
            if waits is not None:
                return 202, {"request": waits}
        return 200, await self._database.run(self._make, what, who)

    async def _approved(self, what: Said, said: str) -> Said:
        return await self._database.run(self._make, what, Who(actor=said, ip=""))

    def _is_weighty(self, what: Said) -> bool:
        roles = {_role(what["role"])} if "role" in what else set()
        if what["change"] != "invite":
            roles.add(self._managing.person(what["name"]).role)
        return bool(roles & WEIGHTY)

    def _make(self, what: Said, who: Who) -> Said:
        name = what["name"]
        match what["change"]:
            case "invite":
                return {"code": self._managing.add(name, _role(what["role"]), who)}
            case "role":
                self._managing.set_role(name, _role(what["role"]), who)
            case "disable":
                self._managing.disable(name, who)
            case "enable":
                self._managing.enable(name, who)
            case change:
                assert change == "reset"
                return {"code": self._managing.reset(name, who)}
        return {}


def _role(word: str) -> Role:
    try:
        return Role(word)
    except ValueError:
        words = ", ".join(Role)
        raise Problem(
            status=422, code="BAD_ROLE", message=f"a role must be one of {words}."
        ) from None
