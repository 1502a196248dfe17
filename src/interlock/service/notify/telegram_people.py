"""Who somebody at Telegram is here, and what they may: the same as in the browser."""

from typing import Final

from interlock.config.notifications import TelegramSettings
from interlock.runtime.clock import NS_PER_S, Clock
from interlock.service.database import Database
from interlock.service.notify.telegram_api import Arrived
from interlock.service.people.users import find_person, use_totp
from interlock.service.permissions import GRANTS, Actor, Permission

WRONG_MAX: Final = 5  # codes in a row; then nobody may try for a while
WRONG_NS: Final = 900 * NS_PER_S
NOBODY: Final[frozenset[Permission]] = frozenset()


class TelegramPeople:
    """Finds out who sent something. A chat alone is nobody, and neither is a user alone.

    Args:
        database: Has everybody.
        clock: The time.
        settings: Which chats, and who is who.
    """

    def __init__(self, database: Database, clock: Clock, settings: TelegramSettings) -> None:
        self._database = database
        self._clock = clock
        self._chats = frozenset(int(chat) for chat in settings.chats)
        self._names = settings.names
        self._wrong: dict[str, tuple[int, int]] = {}  # codes in a row, and when the last was

    def problem(self, arrived: Arrived) -> str:
        """Return why something is not answered; "" when it is."""
        if not arrived.is_private:
            return "NOT_PRIVATE"
        if arrived.chat not in self._chats:
            return "OTHER_CHAT"
        if arrived.user not in self._names:
            return "OTHER_USER"
        return ""

    async def actor(self, arrived: Arrived) -> Actor | None:
        """Return who sent something, as they are now; None for whoever may do nothing."""
        name = self._names[arrived.user]
        return await self._database.run(self._actor, name)

    def _actor(self, name: str) -> Actor | None:
        with self._database.read() as connection:
            person = find_person(connection, name)
        if person is None or not person.may_sign_in:
            return None
        return Actor(name=f"telegram:{name}", permissions=GRANTS[person.role], role=person.role)

    async def take_code(self, actor: Actor, code: str) -> str:
        """Take a code of somebody's authenticator; return why not, "" when it was good."""
        name = actor.name.partition(":")[2]
        count, last_ns = self._wrong.get(name, (0, 0))
        now_ns = self._clock.elapsed_ns()
        if count >= WRONG_MAX and now_ns - last_ns < WRONG_NS:
            return "TOO_MANY_TRIES"
        if await self._database.run(self._take_code, name, code):
            self._wrong.pop(name, None)
            return ""
        self._wrong[name] = (count % WRONG_MAX + 1, now_ns)
        return "CODE_REFUSED"

    def _take_code(self, name: str, code: str) -> bool:
        with self._database.begin() as connection:
            person = find_person(connection, name)
            if person is None or not person.may_sign_in:
                return False
            return use_totp(connection, person, code, self._clock.now_ns())
