"""Sections ``notify``, ``telegram`` and ``mail`` of ``interlock.toml``: who is told what, and how.

Tokens, passwords and addresses that are secrets themselves are in files of the home, not here.
"""

import re
from typing import Annotated, Final, Literal

from pydantic import BaseModel, Field, model_validator

from interlock.config.amounts import count
from interlock.config.errors import bad_value, disagree, shown
from interlock.config.trading import STRICT
from interlock.config.words import Text, Texts

PORT_MAX: Final = 65_535
Severity = Literal["info", "warning", "critical"]

_NS_PER_MINUTE: Final = 60_000_000_000
# A group's is negative, and a bot in a group tells everybody in it.
_NUMBER: Final = re.compile(r"[1-9][0-9]{0,18}")
_PERSON: Final = re.compile(r"[1-9][0-9]{0,18}:[a-z0-9][a-z0-9_-]{0,31}")
_HOST: Final = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?")
# One mailbox as RFC 5321, section 4.1.2, has it, without quoted names and address literals.
_MAILBOX: Final = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]{1,64}@[A-Za-z0-9.-]{1,253}")
_LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})
_API_WORDS: Final = "http://127.0.0.1:PORT, for tests"
_API: Final = re.compile(r"http://127\.0\.0\.1:[0-9]{1,5}")


def _matching(pattern: re.Pattern[str], words: str) -> Text:
    """Return a kind of text that a pattern knows."""

    def check(value: str) -> str:
        if pattern.fullmatch(value) is None:
            raise bad_value(f"must be {words}, was {shown(value)}")
        return value

    return Text(words=words, check=check)


def _or_nothing(kind: Text) -> Text:
    """Return a kind of text that may be nothing."""

    def check(value: str) -> str:
        return kind.check(value) if value else value

    return Text(words=f"nothing, or {kind.words}", check=check)


MAILBOX: Final = _matching(_MAILBOX, "an address such as me@example.com")
CHATS: Final = Texts(
    each=_matching(_NUMBER, "a private chat's number"),
    words="a list of private chats' numbers, as text",
)
PERSONS: Final = Texts(
    each=_matching(_PERSON, "a number of Telegram, a colon and a person's name here"),
    words='a list such as "123456789:alice"',
)
MAILBOXES: Final = Texts(each=MAILBOX, words="a list of addresses")
MAILBOX_OR_NOTHING: Final = _or_nothing(MAILBOX)
HOST_OR_NOTHING: Final = _or_nothing(_matching(_HOST, "the name of a mail server"))
API: Final = _or_nothing(_matching(_API, _API_WORDS))


class NotifySettings(BaseModel):
    """What is told, and until when. Nothing is told before a channel is switched on."""

    model_config = STRICT

    telegram_from: Severity = Field(description="The least that goes to Telegram.")
    mail_from: Severity = Field(description="The least that goes by mail.")
    others_from: Severity = Field(
        description="The least that goes to the addresses in secrets/notify-urls (SMS, Slack, "
        "Discord and others) and secrets/outbound-webhooks."
    )
    repeat_minutes: Annotated[int, count(low=1, high=1_440, unit="minutes")] = Field(
        description="The same again within this time is counted, not told again."
    )
    escalate_minutes: Annotated[int, count(low=1, high=1_440, unit="minutes")] = Field(
        description="A critical alert that nobody acknowledged for so long goes to every channel, "
        "again and again, until somebody does."
    )
    spool_max: Annotated[int, count(low=100, high=100_000, unit="alerts")] = Field(
        description="Alerts that may wait; beyond it the oldest that are no more than information "
        "make room."
    )

    @property
    def repeat_ns(self) -> int:
        """How long the same is counted instead of told."""
        return self.repeat_minutes * _NS_PER_MINUTE

    @property
    def escalate_ns(self) -> int:
        """How long a critical alert waits for somebody."""
        return self.escalate_minutes * _NS_PER_MINUTE


class TelegramSettings(BaseModel):
    """A bot in a private chat. Its token is in secrets/telegram-token."""

    model_config = STRICT

    enabled: bool = Field(description="Whether there is one.")
    chats: Annotated[tuple[str, ...], CHATS] = Field(
        description="Private chats that it speaks in and listens to; it answers no other."
    )
    people: Annotated[tuple[str, ...], PERSONS] = Field(
        description="Who may give it orders: a user's number at Telegram, and who that is here. "
        "Each may there what they may here."
    )
    commands: bool = Field(
        description="Whether it takes orders (/pause, /kill, approvals), or speaks only."
    )
    api_url: Annotated[str, API] = Field(
        description="Where the Bot API is; nothing is Telegram's own."
    )

    @property
    def names(self) -> dict[int, str]:
        """Who somebody at Telegram is here."""
        pairs = (each.split(":") for each in self.people)
        return {int(number): name for number, name in pairs}

    @model_validator(mode="after")
    def _agree(self) -> "TelegramSettings":
        problems = []
        if self.enabled and not self.chats:
            problems.append("chats (0) must name at least 1 chat while telegram is enabled")
        numbers = [each.partition(":")[0] for each in self.people]
        twice = sorted({each for each in numbers if numbers.count(each) > 1})
        if twice:
            problems.append(f"people must name each number once, was {', '.join(twice)} again")
        disagree(*problems)
        return self


class MailSettings(BaseModel):
    """Mail by SMTP. The password, if the server wants one, is in secrets/mail-password."""

    model_config = STRICT

    enabled: bool = Field(description="Whether there is any.")
    host: Annotated[str, HOST_OR_NOTHING] = Field(description="The server.")
    port: Annotated[int, count(low=1, high=PORT_MAX, unit="as a port")] = Field(
        description="Its port."
    )
    security: Literal["starttls", "tls", "none"] = Field(
        description="How it is spoken to. none: only to this machine."
    )
    user: str = Field(max_length=254, description="Who logs in there; nothing is nobody.")
    sender: Annotated[str, MAILBOX_OR_NOTHING] = Field(description="From whom it comes.")
    to: Annotated[tuple[str, ...], MAILBOXES] = Field(description="To whom it goes.")

    @model_validator(mode="after")
    def _agree(self) -> "MailSettings":
        problems = []
        if self.enabled and not (self.host and self.sender and self.to):
            problems.append(
                f"host ({shown(self.host)}), sender ({shown(self.sender)}) and to "
                f"({len(self.to)}) must all be set while mail is enabled"
            )
        if self.security == "none" and self.host and self.host not in _LOOPBACK:
            problems.append(
                f"security must be starttls or tls for another machine ({self.host}), was none: "
                "alerts would go out in clear"
            )
        disagree(*problems)
        return self
