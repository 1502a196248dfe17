"""What may be said about notifications; nothing of it is a secret."""

from typing import Any

import pytest
from pydantic import ValidationError

from interlock.config.notifications import MailSettings, TelegramSettings
from tests.service.notify.rig import mail_settings, telegram_settings

MAIL = {"enabled": True, "host": "mail.example.com", "sender": "a@b.c", "to": ("d@e.f",)}


def make_telegram(changes: dict[str, Any]) -> TelegramSettings:
    """Return a bot that is on, with some of it changed."""
    return telegram_settings("http://127.0.0.1:81", **changes)


@pytest.mark.parametrize(
    "changes",
    [
        {"chats": ()},
        {"chats": ("-100123",)},  # a group
        {"chats": ("0",)},
        {"chats": ("@me",)},
        {"chats": ("1" * 20,)},
        {"people": ("1:alice", "1:bob")},
        {"people": ("alice",)},
        {"people": ("1:Alice",)},
        {"people": ("-1:alice",)},
        {"people": ("1:alice\n",)},
        {"api_url": "http://192.168.1.1:81"},
        {"api_url": "https://example.com"},
        {"api_url": "http://127.0.0.1:81@example.com"},
    ],
)
def test_a_bot_that_may_not_be(changes: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        make_telegram(changes)


def test_a_bot() -> None:
    assert make_telegram({"people": ("7:alice", "8:bob")}).names == {7: "alice", 8: "bob"}
    assert not telegram_settings().enabled


@pytest.mark.parametrize(
    "changes",
    [
        {"host": ""},
        {"sender": ""},
        {"to": ()},
        {"to": ("d@e.f\r\nBcc: g@h.i",)},
        {"sender": "A <a@b.c>"},
        {"host": "mail.example.com:25"},
        {"port": 0},
        {"port": 65_536},
        {"security": "none"},
        {"security": "ssl"},
    ],
)
def test_mail_that_may_not_be(changes: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        mail_settings(**{**MAIL, **changes})


def test_mail() -> None:
    found: MailSettings = mail_settings(**MAIL)
    assert found.security == "starttls"
    assert mail_settings(**{**MAIL, "host": "localhost", "security": "none"}).enabled
