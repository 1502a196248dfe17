"""Where an outgoing webhook may go: a few named hosts, over TLS, never to a private address.

The host is resolved once, every address it has is judged, and the connection goes to the judged
address itself: a name that is resolved a second time could mean something else by then.
"""

import ipaddress
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

HOSTS: Final = frozenset({"hooks.slack.com", "discord.com", "discordapp.com", "hooks.zoom.us"})
PORT: Final = 443
URL_MAX: Final = 2_048  # characters

_PLAIN: Final = re.compile(r"https://[a-z0-9.-]+(:[0-9]+)?(/[A-Za-z0-9._~!$&'()*+,;=:@%/-]*)?")

# What is public by ``ipaddress`` and leads somewhere private all the same: addresses in which an
# IPv4 one is wrapped (RFC 6052, RFC 8215, RFC 3056, RFC 4380), the relays to those (RFC 7526),
# and shared space (RFC 6598).
_WRAPPED: Final = tuple(
    ipaddress.ip_network(text)
    for text in (
        "64:ff9b::/96",
        "64:ff9b:1::/48",
        "2002::/16",
        "2001::/32",
        "::/96",
        "100.64.0.0/10",
        "192.88.99.0/24",
    )
)

# All of IPv6 that was ever given to anybody on the internet (RFC 4291, section 2.4).
_GIVEN: Final = ipaddress.ip_network("2000::/3")

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


class OutboundError(ValueError):
    """An address that nothing may be sent to; the message does not repeat it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """Where an outgoing webhook goes.

    Attributes:
        host: One of ``HOSTS``: for TLS and the Host header.
        path: With a slash at its start. It is a secret.
    """

    host: str
    path: str

    def __repr__(self) -> str:
        """Leave out the path."""
        return f"Target({self.host})"


def check_url(url: str) -> Target:
    """Return the target that an address names.

    Raises:
        OutboundError: It is not https to one of the hosts, port 443, or is written in a way that
            two readers could understand differently.
    """
    if len(url) > URL_MAX or _PLAIN.fullmatch(url) is None:
        raise OutboundError(
            "an outgoing webhook must be https://HOST/PATH in plain ASCII, without a user, a query "
            f"or a fragment, was something else; at most {URL_MAX} characters"
        )
    parts = urlsplit(url)
    try:
        port = parts.port
    except ValueError:
        port = -1
    if port not in {None, PORT}:
        raise OutboundError(f"an outgoing webhook must go to port {PORT}, was another port")
    if parts.hostname not in HOSTS:
        known = ", ".join(sorted(HOSTS))
        raise OutboundError(f"an outgoing webhook must go to one of {known}, was another host")
    if "%" in parts.path or "//" in parts.path or "/." in parts.path:
        raise OutboundError(
            "the path of an outgoing webhook must be plain, was one with %, // or /. in it"
        )
    return Target(host=parts.hostname, path=parts.path or "/")


def is_public(address: Address) -> bool:
    """Return whether an address is somewhere on the internet, and nowhere inside.

    >>> is_public(ipaddress.ip_address("104.16.1.1")), is_public(ipaddress.ip_address("10.0.0.1"))
    (True, False)
    >>> is_public(ipaddress.ip_address("::ffff:127.0.0.1"))
    False
    """
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        return False  # whoever resolves a name to this means the machine itself, or tries to hide
    if isinstance(address, ipaddress.IPv6Address) and address not in _GIVEN:
        return False
    if any(address.version == one.version and address in one for one in _WRAPPED):
        return False
    return address.is_global and not (address.is_multicast or address.is_reserved)


def choose(host: str, addresses: Iterable[str]) -> str:
    """Return the address to connect to, of those that a host has.

    One that is not public condemns them all: a name that leads inside as well is not to be trusted
    with what it leads to next time.

    Raises:
        OutboundError: There is none, or one of them is not public.
    """
    try:
        found = [ipaddress.ip_address(text) for text in addresses]
    except ValueError:
        raise OutboundError(f"{host} must have addresses, and has something else") from None
    if not found:
        raise OutboundError(f"{host} must have an address, and has none")
    if not all(map(is_public, found)):
        raise OutboundError(
            f"{host} must have public addresses only, and one of them is not: nothing was sent"
        )
    return str(found[0])
