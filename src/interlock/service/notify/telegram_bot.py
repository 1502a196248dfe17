"""The bot: takes orders from the people it knows, in the private chats it knows, and no others.

Every update is taken once, also after a restart. Whoever is not known gets no answer at all. The
bot says that something is done when the engine has said so, and not before.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from interlock.runtime.clock import NS_PER_S, Clock
from interlock.service.database import Database
from interlock.service.notify.alert import Alert
from interlock.service.notify.channel import ChannelError
from interlock.service.notify.telegram_answers import HELP
from interlock.service.notify.telegram_api import Arrived, TelegramApi
from interlock.service.notify.telegram_buttons import Buttons
from interlock.service.notify.telegram_orders import Orders
from interlock.service.notify.telegram_people import TelegramPeople
from interlock.service.people.who import Auditor
from interlock.service.permissions import Actor

LATE_S: Final = 120  # an order that lay at Telegram for longer is not carried out
PAUSES_S: Final = (1.0, 2.0, 5.0, 15.0, 30.0)  # between two tries to reach Telegram
TELL_AFTER: Final = 4
SOURCE: Final = "telegram"


@dataclass(slots=True, kw_only=True)
class Polling:
    """How listening goes.

    Attributes:
        is_ok: Whether Telegram answered last; None before the first time.
        why: Why not.
        failures: In a row.
    """

    is_ok: bool | None = None
    why: str = ""
    failures: int = 0


class TelegramBot:
    """Listens to what people send.

    Args:
        api: The bot.
        people: Who is who.
        orders: Does what they want.
        buttons: Knows what was taken.
        database: Whose threads do what blocks.
        audit: Told of whoever is refused.
        clock: The time.
        tell: Takes alerts about the bot itself.
    """

    def __init__(
        self,
        api: TelegramApi,
        *,
        people: TelegramPeople,
        orders: Orders,
        buttons: Buttons,
        database: Database,
        audit: Auditor,
        clock: Clock,
        tell: Callable[[Alert], None],
    ) -> None:
        self._api = api
        self._people = people
        self._orders = orders
        self._buttons = buttons
        self._database = database
        self._audit = audit
        self._clock = clock
        self._tell = tell
        self.polling = Polling()
        self._after = 0

    async def run(self) -> None:
        """Listen until cancelled."""
        while True:
            try:
                found = await self._api.updates(self._after)
            except ChannelError as error:
                await asyncio.sleep(self._failed(error))
                continue
            if self.polling.failures >= TELL_AFTER:
                self._tell(_hears())
            self.polling = Polling(is_ok=True)
            for arrived in found:
                await self._take(arrived)
                self._after = arrived.update_id

    def _failed(self, error: ChannelError) -> float:
        polling = self.polling
        polling.is_ok, polling.why = False, str(error)
        polling.failures += 1
        if polling.failures == TELL_AFTER:
            self._tell(_deaf(polling.why))
        pause_s = PAUSES_S[min(polling.failures, len(PAUSES_S)) - 1]
        return max(pause_s, error.wait_s)

    async def _take(self, arrived: Arrived) -> None:
        """Take one update: once, and from whoever may."""
        if not await self._database.run(self._buttons.is_new, arrived.update_id):
            self._deny("REPEATED")
            return
        problem = self._people.problem(arrived)
        actor = None if problem else await self._people.actor(arrived)
        if actor is None:
            self._deny(problem or "NOT_A_PERSON")
            return
        try:
            await self._answer(arrived, actor)
        except ChannelError as error:
            # It was done or refused all the same; the audit has it.
            self.polling.why = str(error)

    async def _answer(self, arrived: Arrived, actor: Actor) -> None:
        if arrived.tapped:
            await self._orders.tap(arrived, actor)
            return
        word, _, rest = arrived.text.strip().partition(" ")
        name = word.partition("@")[0].lower()
        late_s = self._clock.now_ns() // NS_PER_S - arrived.sent_s
        if name not in self._orders.names:
            text = HELP
        elif late_s > LATE_S:
            text = f"This came {late_s} s late. Nothing was done. Next: send it again."
        else:
            text = await self._orders.do(name, rest.strip(), actor)
        await self._api.send(arrived.chat, text)

    def _deny(self, reason: str) -> None:
        self._audit.deny(
            "telegram", actor="unknown", ip=SOURCE, action="send the bot something", reason=reason
        )


def _deaf(why: str) -> Alert:
    return Alert(
        key="telegram_deaf",
        severity="warning",
        title="the bot hears nothing: Telegram takes no orders now",
        text=why,
    )


def _hears() -> Alert:
    return Alert(
        key="telegram_hears",
        severity="info",
        title="the bot hears again",
        closes=("telegram_deaf",),
    )
