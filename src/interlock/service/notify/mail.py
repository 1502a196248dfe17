"""Alerts by mail: one message, over TLS that was verified, to everybody who gets them."""

import ssl
from datetime import UTC, datetime
from email.message import EmailMessage
from email.utils import format_datetime
from typing import Final

import aiosmtplib
from pydantic import SecretStr

from interlock.config.notifications import MailSettings
from interlock.runtime.clock import NS_PER_S, Clock
from interlock.service.notify.alert import Message, one_line
from interlock.service.notify.channel import ChannelError

TIMEOUT_S: Final = 15.0
PERMANENT: Final = 500  # RFC 5321, section 4.2.1: 5yz is a no, 4yz is not now

_AUTHENTICATION: Final = frozenset({530, 534, 535, 538})  # RFC 4954, section 6: about us all


class MailChannel:
    """A mail server.

    Args:
        settings: Which, and to whom.
        password: What it wants to know; None is nothing.
        clock: Dates messages.
        trust: Whose certificates are believed; None is what this machine believes.
    """

    def __init__(
        self,
        settings: MailSettings,
        password: SecretStr | None,
        clock: Clock,
        *,
        trust: ssl.SSLContext | None = None,
    ) -> None:
        self._settings = settings
        self._password = password
        self._clock = clock
        self._trust = ssl.create_default_context() if trust is None else trust
        self._trust.minimum_version = ssl.TLSVersion.TLSv1_2

    @property
    def name(self) -> str:
        """The channel's."""
        return "mail"

    async def send(self, message: Message) -> str:
        """Send a mail; return its id."""
        mail = self._mail(message)
        security = self._settings.security
        password = None if self._password is None else self._password.get_secret_value()
        try:
            await aiosmtplib.send(
                mail,
                hostname=self._settings.host,
                port=self._settings.port,
                username=self._settings.user or None if password is not None else None,
                password=password,
                timeout=TIMEOUT_S,
                use_tls=security == "tls",
                start_tls=security == "starttls",
                tls_context=None if security == "none" else self._trust,
            )
        except (aiosmtplib.SMTPException, OSError, ssl.SSLError) as error:
            raise self._problem(error) from None
        return str(mail["Message-ID"])

    async def close(self) -> None:
        """Nothing is kept open."""

    def _mail(self, message: Message) -> EmailMessage:
        mail = EmailMessage()
        settings = self._settings
        now_ns = self._clock.now_ns()
        ids = "-".join(map(str, message.ids[:3])) or "0"
        host = settings.sender.rpartition("@")[2]
        mail["From"] = settings.sender
        mail["To"] = ", ".join(settings.to)
        mail["Subject"] = one_line(f"Interlock {message.subject}")
        mail["Date"] = format_datetime(datetime.fromtimestamp(now_ns // NS_PER_S, UTC))
        mail["Message-ID"] = f"<interlock.{ids}.{now_ns}@{host}>"
        mail["Auto-Submitted"] = "auto-generated"
        mail.set_content(message.text)
        return mail

    def _problem(self, error: Exception) -> ChannelError:
        """Return why, without what a server says: it may repeat what it was sent."""
        if isinstance(error, aiosmtplib.SMTPResponseException):
            is_final = error.code >= PERMANENT and error.code not in _AUTHENTICATION
            return ChannelError(f"the mail server said {error.code}", is_final=is_final)
        if isinstance(error, aiosmtplib.SMTPRecipientsRefused):
            return ChannelError("the mail server takes nothing for these addresses")
        if isinstance(error, ssl.SSLError):
            return ChannelError("the mail server's certificate was not believed")
        return ChannelError(f"the mail server was not reached: {type(error).__name__}")
