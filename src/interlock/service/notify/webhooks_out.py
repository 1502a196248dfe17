"""Alerts as webhooks: signed, to the very address that was judged, and nowhere else.

HTTP/1.1 on a connection of our own: nothing here could follow a redirect, use a proxy of the
environment, or resolve a name a second time. What comes back is a stranger's, and is cut short.
"""

import asyncio
import hashlib
import hmac
import json
import socket
import ssl
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import Any, Final

import h11
from pydantic import SecretStr

from interlock.runtime.clock import NS_PER_S, Clock
from interlock.service.notify.alert import Message
from interlock.service.notify.channel import ChannelError
from interlock.service.notify.outbound import PORT, OutboundError, Target, choose

CONNECT_S: Final = 5.0
EXCHANGE_S: Final = 10.0
ANSWER_MAX: Final = 65_536  # bytes
HEADERS_MAX: Final = 16_384  # bytes
CHUNK: Final = 4_096
WAIT_MAX_S: Final = 3_600.0
SIGNATURE: Final = "v1"

_OK: Final = range(200, 300)
_REDIRECTS: Final = range(300, 400)
_WRONG: Final = frozenset({400, 413, 422})  # this message, not the address
_NOT_NOW: Final = 429

Resolve = Callable[[str], Awaitable[Sequence[str]]]
Connect = Callable[
    [str, str], Awaitable[tuple[asyncio.StreamReader, asyncio.StreamWriter]]
]  # an address that was judged, and the name that its certificate has to be for


class WebhookChannel:
    """One outgoing webhook.

    Args:
        name: The channel's; it has nothing of the path.
        target: Where it goes.
        key: What bodies are signed with.
        clock: Says when.
        resolve: Returns every address of a host.
        connect: Connects to an address, over TLS verified for a name.
    """

    def __init__(
        self,
        name: str,
        target: Target,
        key: SecretStr,
        clock: Clock,
        *,
        resolve: Resolve | None = None,
        connect: Connect | None = None,
    ) -> None:
        self._name = name
        self._target = target
        self._key = key
        self._clock = clock
        self._resolve = resolved if resolve is None else resolve
        self._connect = connected if connect is None else connect

    @property
    def name(self) -> str:
        """The channel's."""
        return self._name

    async def send(self, message: Message) -> str:
        """Send a message."""
        try:
            address = choose(self._target.host, await self._resolve(self._target.host))
            async with asyncio.timeout(CONNECT_S):
                reader, writer = await self._connect(address, self._target.host)
        except OutboundError as error:
            raise ChannelError(str(error)) from None
        except ssl.SSLError:
            raise ChannelError(f"{self._target.host}: its certificate was not believed") from None
        except (OSError, TimeoutError) as error:
            why = type(error).__name__
            raise ChannelError(f"{self._target.host} was not reached: {why}") from None
        try:
            async with asyncio.timeout(EXCHANGE_S):
                status, wait_s = await self._exchange(reader, writer, message)
        except (OSError, TimeoutError, h11.ProtocolError) as error:
            raise ChannelError(f"{self._target.host}: {type(error).__name__}") from None
        finally:
            writer.close()
        self._judge(status, wait_s)
        return ""

    async def close(self) -> None:
        """Nothing is kept open."""

    async def _exchange(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, message: Message
    ) -> tuple[int, float]:
        """Send a request and read the answer's head; the rest is not believed anyway."""
        body = body_for(self._target.host, message)
        stamp = str(self._clock.now_ns() // NS_PER_S)
        line = h11.Connection(h11.CLIENT, max_incomplete_event_size=HEADERS_MAX)
        request = h11.Request(
            method="POST",
            target=self._target.path,
            headers=[
                ("Host", self._target.host),
                ("Content-Type", "application/json"),
                ("Content-Length", str(len(body))),
                ("User-Agent", "Interlock"),
                ("X-Interlock-Timestamp", stamp),
                ("X-Interlock-Signature", sign(self._key, stamp, body)),
                ("Connection", "close"),
            ],
        )
        for event in (request, h11.Data(data=body), h11.EndOfMessage()):
            writer.write(line.send(event) or b"")
        await writer.drain()
        answer, size = None, 0
        while True:
            found = line.next_event()
            if isinstance(found, h11.Response):
                answer = found
            elif isinstance(found, h11.Data):
                size += len(found.data)
                if size > ANSWER_MAX:
                    raise ChannelError(f"{self._target.host}: its answer was too long")
            elif found is h11.NEED_DATA:
                line.receive_data(await reader.read(CHUNK))
            elif not isinstance(found, h11.InformationalResponse):
                break
        if answer is None:
            raise ChannelError(f"{self._target.host} hung up without an answer")
        return answer.status_code, _retry_after(answer.headers)

    def _judge(self, status: int, wait_s: float) -> None:
        if status in _OK:
            return
        host = self._target.host
        if status in _REDIRECTS:
            raise ChannelError(f"{host} wants it sent elsewhere ({status}), which is never done")
        if status in _WRONG:
            raise ChannelError(f"{host} refused this message ({status})", is_final=True)
        raise ChannelError(f"{host} said {status}", wait_s=wait_s)


def body_for(host: str, message: Message) -> bytes:
    """Return what a host wants to read. Nothing in a text makes anybody's telephone ring."""
    if host.startswith("discord"):
        said: dict[str, Any] = {"content": message.text[:2_000], "allowed_mentions": {"parse": []}}
    elif host == "hooks.slack.com":
        said = {"text": _without_marks(message.text), "link_names": False, "mrkdwn": False}
    else:
        said = {
            "ids": list(message.ids),
            "severity": message.severity,
            "subject": message.subject,
            "text": message.text,
        }
    return json.dumps(said, sort_keys=True).encode()


def _without_marks(text: str) -> str:
    """Return text as Slack shows it and does nothing with: its own three escapes.

    >>> _without_marks("<!channel> & more")
    '&lt;!channel&gt; &amp; more'
    """
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def sign(key: SecretStr, stamp: str, body: bytes) -> str:
    """Return what the header X-Interlock-Signature says of a body and when it was sent."""
    content = f"{SIGNATURE}:{stamp}:".encode() + body
    found = hmac.new(key.get_secret_value().encode(), content, hashlib.sha256)
    return f"{SIGNATURE}={found.hexdigest()}"


async def resolved(host: str) -> list[str]:
    """Return every address that a host has."""
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, PORT, type=socket.SOCK_STREAM)
    return [str(one[4][0]) for one in found]


async def connected(address: str, host: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Connect to an address; its certificate has to be for the host."""
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return await asyncio.open_connection(
        address, PORT, ssl=context, server_hostname=host, limit=HEADERS_MAX
    )


def _retry_after(headers: Any) -> float:
    for name, value in headers:
        if name == b"retry-after":
            with suppress(ValueError):
                return min(max(float(value.decode("ascii", "replace")), 0.0), WAIT_MAX_S)
    return 0.0
