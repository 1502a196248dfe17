"""Sends one message by every channel, or by one, and says what came back."""

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from interlock.service.notify.alert import Message
from interlock.service.notify.channel import Channel, ChannelError
from interlock.service.notify.courier import SEND_S
from interlock.service.notify.outfit import Outfit
from interlock.service.notify.telegram_channel import PREFIX

SUBJECT: Final = "[INFO] a test"
TEXT: Final = "This is a test of Interlock's notifications. Nothing happened."


@dataclass(frozen=True, slots=True, kw_only=True)
class Tried:
    """What came back from a channel.

    Attributes:
        channel: Its name.
        problem: Why it did not take the message; "" when it did.
    """

    channel: str
    problem: str


async def try_channels(outfit: Outfit, only: str = "") -> list[Tried]:
    """Send a message by every channel whose name begins with ``only``."""
    senders: Mapping[str, Channel] = {one.channel.name: one.channel for one in outfit.ways}
    found = [await _try(one) for name, one in senders.items() if name.startswith(only)]
    chats = [name for name in outfit.channels if name.startswith(PREFIX) and name.startswith(only)]
    if chats:
        found += await _try_chats(outfit, chats)
    return found


async def _try(channel: Channel) -> Tried:
    message = Message(ids=(0,), severity="info", subject=SUBJECT, text=TEXT)
    try:
        async with asyncio.timeout(SEND_S):
            await channel.send(message)
    except (ChannelError, TimeoutError) as error:
        return Tried(channel=channel.name, problem=str(error) or "no answer")
    return Tried(channel=channel.name, problem="")


async def _try_chats(outfit: Outfit, chats: Sequence[str]) -> list[Tried]:
    # A large library, which most never need.
    from interlock.service.notify.telegram_api import TelegramApi  # noqa: PLC0415 - see above

    assert outfit.token is not None
    api = TelegramApi(outfit.token, outfit.rules.telegram.api_url)
    found = []
    for name in chats:
        problem = ""
        try:
            async with asyncio.timeout(SEND_S):
                await api.send(int(name.removeprefix(PREFIX)), TEXT)
        except (ChannelError, TimeoutError) as error:
            problem = str(error) or "no answer"
        found.append(Tried(channel=name, problem=problem))
    with suppress(ChannelError):
        await api.close()
    return found
