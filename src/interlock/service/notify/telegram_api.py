"""Telegram's Bot API: what a bot sends, and what people send to it.

The token is a part of every address there, so that no error and no log of a library may be shown
as it is. What comes back is a stranger's: its size is capped, and only what fits is looked at.
"""

import logging
from collections.abc import AsyncIterator, Awaitable, Sequence
from dataclasses import dataclass
from typing import Final, TypeVar

import httpx
from pydantic import SecretStr
from telegram import Bot, CallbackQuery, InlineKeyboardButton, InlineKeyboardMarkup, Update
from telegram import Message as TelegramMessage
from telegram.error import BadRequest, Forbidden, InvalidToken, RetryAfter, TelegramError, TimedOut
from telegram.request import HTTPXRequest

from interlock.service.notify.channel import ChannelError

API: Final = "https://api.telegram.org"
POLL_S: Final = 25  # how long Telegram holds a question for updates
CALL_S: Final = 15.0
ANSWER_MAX: Final = 2 * 2**20  # bytes; a hundred updates of the longest text are fewer
DATA_MAX: Final = 64  # bytes of a button's data

_PRIVATE: Final = "private"
_LOGGERS: Final = ("httpx", "httpcore", "telegram")
_NEVER: Final = ("too long", "text is empty", "not modified")  # the same again is refused again
_Found = TypeVar("_Found")


@dataclass(frozen=True, slots=True, kw_only=True)
class Button:
    """Something to tap."""

    text: str
    data: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrived:
    """What somebody sent, or tapped.

    Attributes:
        update_id: Telegram's number.
        user: Whose it is; 0 when nobody's.
        chat: Where; 0 when nowhere.
        is_private: Whether it is a private chat, of a person and no bot, and nothing forwarded.
        text: What was written; "" for a tap.
        sent_s: When it was written, UTC.
        tapped: The data of a button; "" for a text.
        query: The tap's own id.
        message: What the button is on.
    """

    update_id: int
    user: int
    chat: int
    is_private: bool
    text: str = ""
    sent_s: int = 0
    tapped: str = ""
    query: str = ""
    message: int = 0


class TelegramApi:
    """One bot. Used in one event loop.

    Args:
        token: Its token.
        url: Where the Bot API is; "" is Telegram's.
    """

    def __init__(self, token: SecretStr, url: str = "") -> None:
        quiet()
        self._token = token
        self._bot = Bot(
            token.get_secret_value(),
            request=_request(4, CALL_S),
            base_url=f"{url or API}/bot",
            get_updates_request=_request(1, POLL_S + CALL_S),
        )
        self._is_open = False

    async def open(self) -> str:
        """Look whether the token is good; return the bot's name.

        Raises:
            ChannelError: It is not, or nobody answers.
        """
        if not self._is_open:
            await self._call(self._bot.initialize())
            self._is_open = True
        return str(self._bot.username)

    async def updates(self, after: int) -> list[Arrived]:
        """Wait for what people send; return it, the oldest first.

        Args:
            after: The last update that was taken; Telegram forgets it and those before it.
        """
        await self.open()
        found = await self._call(
            self._bot.get_updates(
                offset=after + 1 if after else None,
                timeout=POLL_S,
                allowed_updates=["message", "callback_query"],
            )
        )
        return [_arrived(one) for one in found]

    async def send(self, chat: int, text: str, buttons: Sequence[Button] = ()) -> int:
        """Send a text; return the message's number in its chat."""
        await self.open()
        sent = await self._call(self._bot.send_message(chat, text, reply_markup=_keyboard(buttons)))
        return sent.message_id

    async def edit(self, chat: int, message: int, text: str) -> None:
        """Write something else into a message, and take its buttons away."""
        await self.open()
        await self._call(self._bot.edit_message_text(text, chat_id=chat, message_id=message))

    async def answer(self, query: str, text: str) -> None:
        """Answer a tap, so that the button comes up again."""
        await self._call(self._bot.answer_callback_query(query, text=text))

    async def close(self) -> None:
        """Hang up."""
        self._is_open = False
        await self._call(self._bot.shutdown())

    def redacted(self, text: str) -> str:
        """Return a text without the token."""
        secret = self._token.get_secret_value()
        return text.replace(secret, "***").replace(secret.partition(":")[2] or secret, "***")

    async def _call(self, asked: Awaitable[_Found]) -> _Found:
        try:
            return await asked
        except RetryAfter as error:
            raise ChannelError("Telegram wants fewer messages", wait_s=_wait_s(error)) from None
        except InvalidToken:
            raise ChannelError("Telegram does not know this token") from None
        except Forbidden:
            raise ChannelError("the bot may not write to this chat: send it /start") from None
        except BadRequest as error:
            why = self.redacted(error.message)
            is_final = any(words in why.lower() for words in _NEVER)
            raise ChannelError(why, is_final=is_final) from None
        except TimedOut:
            raise ChannelError("Telegram did not answer in time") from None
        except (TelegramError, httpx.HTTPError, ValueError, KeyError, TypeError) as error:
            # The library's own words, which may name an address, and the token in it.
            raise ChannelError(self.redacted(f"{type(error).__name__}: {error}")[:200]) from None


class _Capped(httpx.AsyncBaseTransport):
    """Lets no answer be longer than any answer is."""

    def __init__(self) -> None:
        self._inner = httpx.AsyncHTTPTransport(trust_env=False)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request."""
        answer = await self._inner.handle_async_request(request)
        assert isinstance(answer.stream, httpx.AsyncByteStream)
        return httpx.Response(
            answer.status_code,
            headers=answer.headers,
            stream=_CappedStream(answer.stream),
            extensions=answer.extensions,
        )

    async def aclose(self) -> None:
        """Hang up."""
        await self._inner.aclose()


class _CappedStream(httpx.AsyncByteStream):
    def __init__(self, inner: httpx.AsyncByteStream) -> None:
        self._inner = inner

    async def __aiter__(self) -> AsyncIterator[bytes]:
        size = 0
        async for part in self._inner:
            size += len(part)
            if size > ANSWER_MAX:
                raise httpx.DecodingError("an answer was too long")
            yield part

    async def aclose(self) -> None:
        await self._inner.aclose()


def quiet() -> None:
    """Keep libraries from writing addresses into a log: the token is in each of them."""
    for name in _LOGGERS:
        logger = logging.getLogger(name)
        logger.setLevel(logging.CRITICAL + 1)
        logger.propagate = False


def _request(connections: int, read_s: float) -> HTTPXRequest:
    return HTTPXRequest(
        connection_pool_size=connections,
        connect_timeout=CALL_S,
        read_timeout=read_s,
        pool_timeout=CALL_S,
        httpx_kwargs={"transport": _Capped(), "trust_env": False, "follow_redirects": False},
    )


def _keyboard(buttons: Sequence[Button]) -> InlineKeyboardMarkup | None:
    if not buttons:
        return None
    row = [InlineKeyboardButton(one.text, callback_data=one.data) for one in buttons]
    return InlineKeyboardMarkup([row])


def _wait_s(error: RetryAfter) -> float:
    found = error.retry_after
    return float(found if isinstance(found, int | float) else found.total_seconds())


def _arrived(update: Update) -> Arrived:
    if update.callback_query is not None:
        return _tapped(update.update_id, update.callback_query)
    message = update.message
    if message is None or message.from_user is None:
        return Arrived(update_id=update.update_id, user=0, chat=0, is_private=False)
    is_own = message.forward_origin is None and message.via_bot is None
    return Arrived(
        update_id=update.update_id,
        user=message.from_user.id,
        chat=message.chat.id,
        is_private=message.chat.type == _PRIVATE and is_own and not message.from_user.is_bot,
        text=message.text or "",
        sent_s=int(message.date.timestamp()),
    )


def _tapped(update_id: int, query: CallbackQuery) -> Arrived:
    on = query.message
    data = query.data or ""
    fits = isinstance(on, TelegramMessage) and len(data.encode()) <= DATA_MAX
    return Arrived(
        update_id=update_id,
        user=query.from_user.id,
        chat=0 if on is None else on.chat.id,
        is_private=fits
        and on is not None
        and on.chat.type == _PRIVATE
        and not query.from_user.is_bot,
        tapped=data if fits else "?",
        query=query.id,
        message=0 if on is None else on.message_id,
    )
