"""Channels over real sockets: Telegram on bad days, mail over TLS, services, and their secrets."""

import asyncio
import logging
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.smtp import AuthResult
from pydantic import SecretStr, ValidationError

from interlock.config.errors import PolicyError
from interlock.runtime.clock import NS_PER_S, ManualClock
from interlock.service.notify import courier, telegram_bot
from interlock.service.notify.alert import Message
from interlock.service.notify.channel import ChannelError
from interlock.service.notify.mail import MailChannel
from interlock.service.notify.others import OtherChannel, read_others
from interlock.service.notify.outfit import NotifyRules, read_outfit
from interlock.service.notify.secret_lines import read_lines
from interlock.service.notify.trying import try_channels
from tests.emulators.telegram import TOKEN, FakeTelegram, Fault, fake_telegram, too_many
from tests.service.notify.certificates import Certificates, certificates
from tests.service.notify.mailbox import Inbox, free_port, mail_server
from tests.service.notify.rig import (
    ALICE,
    alert,
    mail_settings,
    notify_settings,
    rig,
    telegram_settings,
)

# apprise 2.2 imports what Python 3.13 does not have any more, and does without it there.
pytestmark = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")

CLOCK = ManualClock(1_763_000_000 * NS_PER_S)
MESSAGE = Message(
    ids=(7,), severity="critical", subject="[CRITICAL] killed", text="it is killed\nalert 7"
)
PASSWORD = "canary-of-the-mail"  # noqa: S105 - of nobody


@pytest.fixture
def telegram(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeTelegram]:
    """Yield a Bot API that is waited for no longer than a test wants to."""
    monkeypatch.setattr(courier, "PAUSE_MAX_S", 0.01)
    monkeypatch.setattr(telegram_bot, "PAUSES_S", (0.01,))
    with fake_telegram() as fake:
        yield fake


# --- Telegram -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "fault",
    [
        too_many(1),
        Fault(status=500, body={"ok": False, "error_code": 500, "description": "no"}),
        Fault(status=502, body={}),
        Fault(),
        Fault(slow_s=0.2),
        Fault(status=200, body={"ok": True, "result": "no message"}),
    ],
)
def test_what_telegram_does_not_take_comes_later(telegram: FakeTelegram, fault: Fault) -> None:
    with rig() as made, made.running(fake=telegram, chats=(str(ALICE),)) as notices:
        telegram.faults += [fault, fault]
        notices.tell(alert(1))
        telegram.having("title 1")
        made.until(lambda: notices.telegram()["last_send_ok"] is True)


def test_the_bot_hears_again_after_troubles(telegram: FakeTelegram) -> None:
    telegram.faults += [Fault(method="getUpdates")] * 3
    telegram.faults += [Fault(method="getUpdates", status=409, body={"ok": False})] * 3
    with rig() as made, made.running(fake=telegram):
        telegram.write("/status", user=ALICE)
        telegram.having("equity")
        telegram.having("the bot hears again")


def test_a_token_that_telegram_does_not_know(telegram: FakeTelegram) -> None:
    rules = NotifyRules(
        notify=notify_settings(), telegram=telegram_settings(telegram.url), mail=mail_settings()
    )
    wrong = "123456789:AAwrong-canary"
    with rig() as made:
        secrets = made.folder / "secrets"
        secrets.mkdir(mode=0o700)
        (secrets / "telegram-token").write_text(wrong)
        (secrets / "telegram-token").chmod(0o600)
        tried = asyncio.run(try_channels(read_outfit(secrets, rules, CLOCK)))
        assert {one.problem for one in tried} == {"Telegram does not know this token"}


def test_the_token_is_nowhere_but_in_addresses(
    telegram: FakeTelegram, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    telegram.faults += [too_many(0), Fault(), Fault(status=500, body={"ok": False})]
    telegram.faults += [Fault(method="getUpdates"), Fault(method="getUpdates", status=404, body={})]
    with rig() as made, made.running(fake=telegram) as notices:
        notices.tell(alert(1))
        telegram.having("title 1")
        telegram.write("/status", user=ALICE)
        telegram.having("equity")
        said = [*made.troubles, repr(notices.conditions()), repr(notices.telegram())]
        made.audit.write_denials(all_of_them=True)
    assert any(TOKEN in path for path in telegram.paths)
    secret = TOKEN.partition(":")[2]
    written = [*said, caplog.text, *capfd.readouterr(), *telegram.texts()]
    assert not any(secret in text for text in written)


def test_health_knows_how_telegram_is(telegram: FakeTelegram) -> None:
    with rig() as made:
        assert made.make().telegram() == {
            "enabled": False,
            "chat_id_set": False,
            "bot_token_set": False,
            "run_telegram_env": False,
            "kill_switch_enabled": False,
            "last_send_ok": None,
        }
        with made.running(fake=telegram) as notices:
            assert notices.telegram()["kill_switch_enabled"]
            assert notices.telegram()["last_send_ok"] is None


# --- mail ---------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def papers(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    """Return certificates of an authority that only these tests believe."""
    return certificates(tmp_path_factory.mktemp("certificates"))


def mail(port: int, papers: Certificates | None = None, **changes: Any) -> MailChannel:
    """Return a channel to a mail server of this machine."""
    settings = {
        "enabled": True,
        "host": "localhost",
        "port": port,
        "sender": "interlock@example.com",
        "to": ("a@example.com", "b@example.com"),
        **changes,
    }
    trust = None
    if papers is not None:
        trust = ssl.create_default_context(cafile=str(papers.authority))
    password = SecretStr(PASSWORD) if changes.get("user") else None
    return MailChannel(mail_settings(**settings), password, CLOCK, trust=trust)


def test_mail_over_starttls_with_a_login(papers: Certificates) -> None:
    seen = []

    def authenticate(*given: Any) -> AuthResult:
        seen.append(given[-1])
        return AuthResult(success=True)

    inbox = Inbox()
    with mail_server(
        inbox,
        tls_context=papers.server_context("localhost"),
        require_starttls=True,
        authenticator=authenticate,
        auth_required=True,
    ) as port:
        asyncio.run(mail(port, papers, user="me").send(MESSAGE))
    assert seen[0].password.decode() == PASSWORD
    found = inbox.mails[0]
    assert found.rcpt_tos == ["a@example.com", "b@example.com"]
    text = found.content.decode()
    assert "Subject: Interlock [CRITICAL] killed" in text
    assert "Message-ID: <interlock.7." in text
    assert "it is killed" in text


def test_mail_over_tls(papers: Certificates) -> None:
    inbox = Inbox()
    with mail_server(inbox, ssl_context=papers.server_context("localhost")) as port:
        asyncio.run(mail(port, papers, security="tls").send(MESSAGE))
    assert len(inbox.mails) == 1


@pytest.mark.parametrize("name", ["example.com", "self"])
def test_a_mail_server_that_is_not_believed_gets_nothing(papers: Certificates, name: str) -> None:
    inbox = Inbox()
    served = "localhost" if name == "self" else name
    with mail_server(inbox, tls_context=papers.server_context(served)) as port:
        channel = mail(port, None if name == "self" else papers)
        with pytest.raises(ChannelError):
            asyncio.run(channel.send(MESSAGE))
    assert inbox.mails == []


def test_a_mail_server_without_starttls_gets_nothing() -> None:
    inbox = Inbox()
    with mail_server(inbox) as port:
        with pytest.raises(ChannelError):
            asyncio.run(mail(port).send(MESSAGE))
        asyncio.run(mail(port, security="none").send(MESSAGE))
    assert len(inbox.mails) == 1


@pytest.mark.parametrize(("said", "is_final"), [("451 later", False), ("554 never", True)])
def test_what_a_mail_server_refuses(said: str, is_final: bool) -> None:
    with mail_server(Inbox(said)) as port, pytest.raises(ChannelError) as caught:
        asyncio.run(mail(port, security="none").send(MESSAGE))
    assert caught.value.is_final is is_final
    assert str(caught.value) == f"the mail server said {said[:3]}"


def test_a_mail_server_that_is_not_there() -> None:
    with pytest.raises(ChannelError, match="not reached"):
        asyncio.run(mail(free_port(), security="none").send(MESSAGE))


def test_nothing_goes_out_in_clear() -> None:
    with pytest.raises(ValidationError, match="keys disagree"):
        mail_settings(
            enabled=True, host="mail.example.com", security="none", sender="a@b.c", to=("a@b.c",)
        )


# --- services -----------------------------------------------------------------------------------


@contextmanager
def web_server(status: int) -> Iterator[tuple[int, list[bytes]]]:
    """Yield the port of a server that answers with a status, and what came."""
    came: list[bytes] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            came.append(self.rfile.read(int(self.headers["content-length"])))
            self.send_response(status)
            self.send_header("Location", "http://127.0.0.1:9/")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server.server_address[1], came
        finally:
            server.shutdown()
            thread.join()


def test_a_service_of_this_machine() -> None:
    with web_server(200) as (port, came):
        channel = OtherChannel("json-1", SecretStr(f"json://127.0.0.1:{port}/canary"))
        asyncio.run(channel.send(MESSAGE))
    assert b"it is killed" in came[0]


@pytest.mark.parametrize("status", [500, 302])
def test_a_service_that_does_not_take_it(
    status: int, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    with web_server(status) as (port, came):
        channel = OtherChannel("json-1", SecretStr(f"json://127.0.0.1:{port}/canary"))
        with pytest.raises(ChannelError) as caught:
            asyncio.run(channel.send(MESSAGE))
    assert len(came) == 1
    assert not any("canary" in x for x in (str(caught.value), caplog.text, *capfd.readouterr()))


@pytest.mark.parametrize(
    "url",
    [
        "json://example.com/canary",
        "jsons://example.com/canary?verify=no",
        "file:///tmp/canary",
        "syslog://canary",
        "nothing://canary",
        "canary",
        "mailto://me:canary@example.com",
    ],
)
def test_a_service_that_may_not_be_used(url: str, tmp_path: Path) -> None:
    file = tmp_path / "notify-urls"
    file.write_text(f"discord://4174216298/JHMHI8qBe7bk2ZwO5U711o3dV_js\n{url}\n")
    file.chmod(0o600)
    with pytest.raises(PolicyError, match="line 2") as caught:
        read_others(file, read_lines(file))
    assert "canary" not in str(caught.value)


def test_services_that_may_be_used(tmp_path: Path) -> None:
    file = tmp_path / "notify-urls"
    file.write_text(
        "slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ/#ops\n"
        f"twilio://AC{'a' * 32}:{'b' * 32}@15551231234/15551234567\n"
    )
    file.chmod(0o600)
    found = read_others(file, read_lines(file))
    assert [one.name for one in found] == ["slack-1", "twilio-2"]


@pytest.mark.parametrize("name", ["telegram-token", "notify-urls", "outbound-webhooks"])
def test_secrets_that_others_can_read_are_refused(tmp_path: Path, name: str) -> None:
    file = tmp_path / name
    file.write_text("canary")
    file.chmod(0o644)
    rules = NotifyRules(
        notify=notify_settings(),
        telegram=telegram_settings("http://127.0.0.1:1" if name == "telegram-token" else ""),
        mail=mail_settings(),
    )
    with pytest.raises(PolicyError, match="chmod 600") as caught:
        read_outfit(tmp_path, rules, CLOCK)
    assert "canary" not in str(caught.value)


def test_without_any_file_and_setting_there_is_no_channel(tmp_path: Path) -> None:
    rules = NotifyRules(
        notify=notify_settings(), telegram=telegram_settings(), mail=mail_settings()
    )
    assert read_outfit(tmp_path, rules, CLOCK).channels == {}
    assert list(tmp_path.iterdir()) == []
