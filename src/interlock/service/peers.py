"""Who is at the other end: the address of a client, and whether it is this machine itself.

Anybody can write a header. What one says of a client's address is believed from the named proxy
alone, and of that only the last hop, which the proxy itself has seen.
"""

import ipaddress
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

from fastapi import Request

FORWARDING: Final = frozenset(
    {
        b"forwarded",
        b"via",
        b"x-real-ip",
        b"x-client-ip",
        b"true-client-ip",
        b"cf-connecting-ip",
        b"x-cluster-client-ip",
        b"x-original-forwarded-for",
    }
)
FORWARDED_FOR: Final = b"x-forwarded-for"
UNKNOWN: Final = "unknown"
HOST_MAX: Final = 262  # RFC 1035, 2.3.4: a name has 255 octets; and a port
_REMEMBERED: Final = 1_024  # answers about addresses, which come again and again
# All of a Host header: a library that takes it apart may pass over what stands behind the bracket.
_HOST: Final = re.compile(
    r"(?:(localhost|[0-9.]{7,15})|\[([0-9A-Fa-f:.]{2,45})\])(?::[0-9]{1,5})?", re.IGNORECASE
)
_FORWARDED_PREFIX: Final = b"x-forwarded-"

Headers = Iterable[tuple[bytes, bytes]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Peer:
    """Whoever sent a request.

    Attributes:
        address: Its IP address.
        is_direct_loopback: Whether it is a program of this machine that came without a proxy, and
            no page of another site sent it.
        through_proxy: Whether it came through the named proxy, which said whose address it is.
    """

    address: str
    is_direct_loopback: bool
    through_proxy: bool = False


@lru_cache(maxsize=_REMEMBERED)
def plain_address(text: str) -> str:
    """Return an IP address in its one plain form; ``unknown`` for anything else.

    >>> [plain_address(x) for x in ("::ffff:10.0.0.1", "2001:DB8::0:1", "10.0.0.1:80")]
    ['10.0.0.1', '2001:db8::1', 'unknown']
    """
    try:
        found = ipaddress.ip_address(text)
    except ValueError:
        return UNKNOWN
    mapped = getattr(found, "ipv4_mapped", None)
    return str(mapped or found)


@lru_cache(maxsize=_REMEMBERED)
def is_loopback(address: str) -> bool:
    """Return whether an address is this machine.

    >>> is_loopback("127.8.0.1"), is_loopback("::ffff:127.0.0.1"), is_loopback("10.0.0.1")
    (True, True, False)
    """
    plain = plain_address(address)
    return plain != UNKNOWN and ipaddress.ip_address(plain).is_loopback


@lru_cache(maxsize=_REMEMBERED)
def is_loopback_host(host: str) -> bool:
    """Return whether a Host header names this machine, at any port: a tunnel has another one.

    >>> [is_loopback_host(x) for x in ("localhost:5001", "[::1]:80", "127.0.0.1", "a.example")]
    [True, True, True, False]
    """
    found = _HOST.fullmatch(host)
    if found is None:
        return False
    name = (found[1] or found[2]).lower()
    return name == "localhost" or is_loopback(name)


class Peers:
    """Finds out who sent a request.

    Args:
        trusted_proxy: The address of the one proxy that is believed; "" is none.
    """

    def __init__(self, trusted_proxy: str = "") -> None:
        self._proxy = plain_address(trusted_proxy) if trusted_proxy else ""
        self._proxy_is_here = bool(trusted_proxy) and is_loopback(trusted_proxy)

    def find(self, scope: Mapping[str, Any]) -> Peer:
        """Return whoever sent the request of an ASGI scope."""
        client = scope.get("client")
        address = plain_address(str(client[0])) if client else UNKNOWN
        headers = scope["headers"]
        if self._proxy and address == self._proxy:
            hop = _last_hop(headers)
            known = hop not in {"", UNKNOWN}
            return Peer(address=hop or address, is_direct_loopback=False, through_proxy=known)
        return Peer(
            address=address,
            # A proxy on this machine that forgot its headers looks like a program of it.
            is_direct_loopback=not self._proxy_is_here
            and is_loopback(address)
            and _is_direct(str(scope["method"]), headers),
        )


def peer_of(request: Request) -> Peer:
    """Return who sent a request; the front found out."""
    peer: Peer = request.state.peer
    return peer


def _last_hop(headers: Headers) -> str:
    """Return the address that the proxy wrote last, "" when it wrote none."""
    found = [value for name, value in headers if name == FORWARDED_FOR]
    if not found:
        return ""
    return plain_address(found[-1].decode("latin-1").rpartition(",")[2].strip())


def _is_direct(method: str, headers: Headers) -> bool:
    """Return whether no proxy and no page of another site had a hand in a request."""
    changes = method not in {"GET", "HEAD", "OPTIONS"}
    host = ""
    for name, value in headers:
        if name in FORWARDING or name.startswith(_FORWARDED_PREFIX):
            return False
        if name == b"origin" and changes:
            return False
        if name == b"sec-fetch-site" and value not in {b"none", b"same-origin"}:
            return False
        if name == b"host":
            host = value.decode("latin-1")
    return len(host) <= HOST_MAX and is_loopback_host(host)
