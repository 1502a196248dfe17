"""What the home's files and the settings say about channels, checked before anything starts."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pydantic import SecretStr

from interlock.config.errors import PolicyError
from interlock.config.notifications import (
    MailSettings,
    NotifySettings,
    Severity,
    TelegramSettings,
)
from interlock.config.secret_files import ensure_secret
from interlock.config.trust import read_secret
from interlock.runtime.clock import Clock
from interlock.service.notify.channel import Way
from interlock.service.notify.mail import MailChannel
from interlock.service.notify.outbound import OutboundError, Target, check_url
from interlock.service.notify.secret_lines import read_lines
from interlock.service.notify.telegram_channel import PREFIX
from interlock.service.notify.webhooks_out import WebhookChannel

TOKEN: Final = "telegram-token"  # noqa: S105 - a file's name
MAIL_PASSWORD: Final = "mail-password"  # noqa: S105 - a file's name
URLS: Final = "notify-urls"
WEBHOOKS: Final = "outbound-webhooks"
KEY: Final = "outbound-key"


@dataclass(frozen=True, slots=True, kw_only=True)
class NotifyRules:
    """Everything that people wrote about being told.

    Attributes:
        notify: What is told, and until when.
        telegram: The bot.
        mail: The mail server.
    """

    notify: NotifySettings
    telegram: TelegramSettings
    mail: MailSettings


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Outfit:
    """Channels, as far as they can be made before anything runs.

    Attributes:
        rules: What people wrote.
        token: The bot's; None without a bot.
        ways: Mail, services and webhooks.
    """

    rules: NotifyRules
    token: SecretStr | None
    ways: tuple[Way, ...]

    @property
    def channels(self) -> dict[str, Severity]:
        """Every channel's name, and the least that goes to it."""
        found: dict[str, Severity] = {one.channel.name: one.least for one in self.ways}
        if self.token is not None:
            least = self.rules.notify.telegram_from
            found |= {f"{PREFIX}{chat}": least for chat in self.rules.telegram.chats}
        return found


def read_outfit(secrets: Path, rules: NotifyRules, clock: Clock) -> Outfit:
    """Read every file that channels need.

    Args:
        secrets: The folder of secrets.
        rules: What people wrote.
        clock: For channels.

    Raises:
        PolicyError: A file is missing that is needed, others can read one, or what is in it may
            not be used. The message has nothing of it.
    """
    token = read_secret(secrets / TOKEN) if rules.telegram.enabled else None
    ways: list[Way] = []
    if rules.mail.enabled:
        file = secrets / MAIL_PASSWORD
        password = read_secret(file) if rules.mail.user else None
        mail = MailChannel(rules.mail, password, clock)
        ways.append(Way(channel=mail, least=rules.notify.mail_from))
    least = rules.notify.others_from
    urls = read_lines(secrets / URLS)
    if urls:
        # A large library, which most never need.
        from interlock.service.notify.others import read_others  # noqa: PLC0415 - see above

        ways += [Way(channel=one, least=least) for one in read_others(secrets / URLS, urls)]
    ways += [Way(channel=one, least=least) for one in _webhooks(secrets, clock)]
    return Outfit(rules=rules, token=token, ways=tuple(ways))


def _webhooks(secrets: Path, clock: Clock) -> list[WebhookChannel]:
    targets = read_targets(secrets / WEBHOOKS)
    if not targets:
        return []
    ensure_secret(secrets / KEY)
    key = read_secret(secrets / KEY)
    return [
        WebhookChannel(f"webhook-{number}:{target.host}", target, key, clock)
        for number, target in enumerate(targets, 1)
    ]


def read_targets(path: Path) -> list[Target]:
    """Return where outgoing webhooks go, of a file with one a line; none without such a file.

    Raises:
        PolicyError: One of them may not be used; which one is said by its number.
    """
    found = []
    for number, url in enumerate(read_lines(path), 1):
        try:
            found.append(check_url(url.get_secret_value()))
        except OutboundError as error:
            raise PolicyError(f"{path}, address {number}: {error}. Nothing is sent.") from None
    return found
