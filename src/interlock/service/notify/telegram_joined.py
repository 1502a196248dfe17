"""Telegram, joined: the bot, its chats, and what people may have done by it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from interlock.service.notify.acknowledging import Acknowledging
from interlock.service.notify.alert import Alert
from interlock.service.notify.channel import Way
from interlock.service.notify.spool import Spool
from interlock.service.notify.telegram_api import TelegramApi
from interlock.service.notify.telegram_bot import TelegramBot
from interlock.service.notify.telegram_buttons import Buttons
from interlock.service.notify.telegram_channel import TelegramChannel
from interlock.service.notify.telegram_orders import Orders
from interlock.service.notify.telegram_people import TelegramPeople

if TYPE_CHECKING:
    from interlock.service.notify.joined import Engine, NotifyParts


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Telegram:
    """What Telegram is here.

    Attributes:
        api: Has to be closed.
        bot: Listens.
        ways: One for each chat.
    """

    api: TelegramApi
    bot: TelegramBot
    ways: tuple[Way, ...]


def make_telegram(
    *,
    parts: "NotifyParts",
    engine: "Engine",
    spool: Spool,
    acknowledging: Acknowledging,
    tell: Callable[[Alert], None],
) -> Telegram:
    """Make it; called in the loop that it runs in.

    Args:
        parts: What notifications are made with.
        engine: The way to the engine, in this loop.
        spool: Has what waits.
        acknowledging: Keeps who looks after an alert.
        tell: Takes alerts about the bot itself.
    """
    settings, database = parts.outfit.rules.telegram, parts.database
    assert parts.outfit.token is not None
    api = TelegramApi(parts.outfit.token, settings.api_url)
    buttons = Buttons(database, parts.clock)
    people = TelegramPeople(database, parts.clock, settings)
    orders = Orders(
        api,
        engine=engine,
        kill=parts.kill(engine),
        people=people,
        buttons=buttons,
        acknowledging=acknowledging,
        database=database,
        audit=parts.audit,
    )
    bot = TelegramBot(
        api,
        people=people,
        orders=orders,
        buttons=buttons,
        database=database,
        audit=parts.audit,
        clock=parts.clock,
        tell=tell,
    )
    least = parts.outfit.rules.notify.telegram_from
    ways = tuple(
        Way(
            channel=TelegramChannel(
                api,
                int(chat),
                buttons=buttons,
                spool=spool,
                database=database,
                takes_orders=settings.commands,
            ),
            least=least,
        )
        for chat in settings.chats
    )
    return Telegram(api=api, bot=bot, ways=ways)
