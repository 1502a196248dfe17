"""Alerts as messages in one private chat, with buttons where somebody has to answer."""

from collections.abc import Mapping
from contextlib import suppress
from typing import Any, Final

from interlock.service.database import Database
from interlock.service.notify.alert import Message
from interlock.service.notify.channel import ChannelError
from interlock.service.notify.happenings import approval_key
from interlock.service.notify.spool import Spool
from interlock.service.notify.telegram_api import Button, TelegramApi
from interlock.service.notify.telegram_buttons import ACKNOWLEDGE, APPROVE, DENY, Buttons

PREFIX: Final = "telegram:"


class TelegramChannel:
    """One chat that a bot speaks in.

    Args:
        api: The bot.
        chat: The chat's number.
        buttons: Makes what can be tapped.
        spool: Knows which messages were sent.
        database: Whose threads do what blocks.
        takes_orders: Whether anything can be tapped at all.
    """

    def __init__(
        self,
        api: TelegramApi,
        chat: int,
        *,
        buttons: Buttons,
        spool: Spool,
        database: Database,
        takes_orders: bool,
    ) -> None:
        self._api = api
        self._chat = chat
        self._buttons = buttons
        self._spool = spool
        self._database = database
        self._takes_orders = takes_orders

    @property
    def name(self) -> str:
        """The channel's."""
        return f"{PREFIX}{self._chat}"

    async def send(self, message: Message) -> str:
        """Send a message; return its number in the chat."""
        buttons = await self._buttons_for(message) if self._takes_orders else []
        number = await self._api.send(self._chat, message.text, buttons)
        answered = message.details.get("answered")
        if answered:
            await self._close_asked(str(answered), message.text)
        return str(number)

    async def close(self) -> None:
        """Leave the bot to whoever made it."""

    async def _buttons_for(self, message: Message) -> list[Button]:
        approval: Mapping[str, Any] | None = message.details.get("approval")
        if approval is not None:
            return [
                Button(text=text, data=await self._add(action, approval))
                for action, text in ((APPROVE, "Approve"), (DENY, "Deny"))
            ]
        if message.may_acknowledge and len(message.ids) == 1:
            target = str(message.ids[0])
            name = await self._database.run(self._buttons.add, ACKNOWLEDGE, target)
            return [Button(text="Acknowledge", data=name)]
        return []

    async def _add(self, action: str, approval: Mapping[str, Any]) -> str:
        def add() -> str:
            return self._buttons.add(
                action,
                str(approval["id"]),
                bound_to=str(approval["hash"]),
                expires_ns=int(approval["expires_ns"]),
            )

        return await self._database.run(add)

    async def _close_asked(self, approval_id: str, text: str) -> None:
        """Take the buttons from what was asked: it was answered, or nobody did in time."""
        key = approval_key(approval_id)
        for number in await self._database.run(self._spool.references, key, self.name):
            with suppress(ChannelError):  # it may have been edited by whoever tapped it
                await self._api.edit(self._chat, int(number), text)
