"""SMS, Slack, Discord and many others, by a library that knows how each wants to be spoken to.

Their addresses are secrets: a line each in a file, and shown nowhere, not even in an error.
"""

import ipaddress
import logging
from pathlib import Path
from typing import Any, Final, Protocol
from urllib.parse import urlsplit

from apprise import Apprise, AppriseAsset, NotifyType
from pydantic import SecretStr

from interlock.config.errors import PolicyError
from interlock.service.notify.alert import Message
from interlock.service.notify.channel import ChannelError

WORD_MAX: Final = 20  # characters

_TYPES: Final = {
    "info": NotifyType.INFO,
    "warning": NotifyType.WARNING,
    "critical": NotifyType.FAILURE,
}
# What would not leave this machine by TLS, or would do something else than tell somebody.
_REFUSED: Final = frozenset(
    {"file", "syslog", "rsyslog", "dbus", "qt", "kde", "glib", "gnome", "macosx", "windows"}
)


class Service(Protocol):
    """One service, as the library has it."""

    secure_protocol: Any
    verify_certificate: bool
    secure: bool

    async def async_notify(self, **fields: Any) -> bool:
        """Tell somebody."""


class OtherChannel:
    """One service.

    Args:
        name: The channel's; it says nothing of the address.
        url: The address.

    Raises:
        PolicyError: It may not be used.
    """

    def __init__(self, name: str, url: SecretStr) -> None:
        _quiet()
        self._name = name
        self._service = _service(name, url.get_secret_value())

    @property
    def name(self) -> str:
        """The channel's."""
        return self._name

    async def send(self, message: Message) -> str:
        """Tell somebody."""
        is_sent = await self._service.async_notify(
            title=message.subject,
            body=message.text,
            notify_type=_TYPES[message.severity],
        )
        if not is_sent:
            raise ChannelError("the service did not take it")
        return ""

    async def close(self) -> None:
        """Nothing is kept open."""


def read_others(path: Path, lines: list[SecretStr]) -> list[OtherChannel]:
    """Return a channel for each line of a file.

    Raises:
        PolicyError: One of them may not be used; which one is said by its number.
    """
    found = []
    for number, url in enumerate(lines, 1):
        schema, mark, _ = url.get_secret_value().partition("://")
        is_word = bool(mark) and schema.isalnum() and len(schema) <= WORD_MAX
        name = f"{schema if is_word else 'other'}-{number}"
        try:
            found.append(OtherChannel(name, url))
        except PolicyError as error:
            raise PolicyError(f"{path}, line {number}: {error}") from None
    return found


def _service(name: str, url: str) -> Service:
    schema = url.partition(":")[0].lower()
    asset = AppriseAsset(app_id="Interlock", app_url="", secure_logging=True)
    service: Any = (
        None
        if schema in _REFUSED
        else Apprise.instantiate(url, asset=asset, suppress_exceptions=True)
    )
    if service is None:
        raise PolicyError(
            f"{name}: must be an address of a service that tells people something, and is not one. "
            "Next: look it up in docs/notifications.md."
        )
    if not service.verify_certificate:
        raise PolicyError(f"{name}: must verify certificates, and says that it does not.")
    if not _is_secure(service, schema) and not _is_here(url):
        raise PolicyError(f"{name}: must speak TLS to another machine, and would not.")
    service.redirects = False
    found: Service = service
    return found


def _is_secure(service: Any, schema: str) -> bool:
    """Return whether a service is spoken to over TLS: it has a schema of its own for that."""
    secure = service.secure_protocol or ()
    return schema in ({secure} if isinstance(secure, str) else set(secure))


def _is_here(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _quiet() -> None:
    """Keep the library from writing addresses into a log."""
    for name in ("apprise", "urllib3", "requests"):
        logger = logging.getLogger(name)
        logger.setLevel(logging.CRITICAL + 1)
        logger.propagate = False
