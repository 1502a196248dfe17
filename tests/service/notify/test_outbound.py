"""Outgoing webhooks go to a few named hosts on the internet, and nowhere else whatever they say."""

import asyncio
import hashlib
import hmac
import json
import ssl
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from interlock.config.errors import PolicyError
from interlock.runtime.clock import NS_PER_S, ManualClock
from interlock.service.notify import webhooks_out
from interlock.service.notify.alert import Message
from interlock.service.notify.channel import ChannelError
from interlock.service.notify.outbound import HOSTS, OutboundError, Target, check_url, choose
from interlock.service.notify.outfit import read_targets
from interlock.service.notify.webhooks_out import WebhookChannel, body_for
from tests.service.attacks.ssrf_cases import ADDRESSES, HOOK, URLS
from tests.service.notify.certificates import Certificates, certificates

HOST = "hooks.slack.com"
KEY = SecretStr("canary-of-the-key")
NOW_S = 1_763_000_000
MESSAGE = Message(ids=(7,), severity="critical", subject="s", text="killed <!channel> & @everyone")


def test_there_are_enough_attacks() -> None:
    assert len(URLS) + len(ADDRESSES) >= 60


@pytest.mark.parametrize("name", URLS)
def test_a_bad_address_is_refused_at_load(name: str, tmp_path: Path) -> None:
    url = URLS[name]
    with pytest.raises(OutboundError) as caught:
        check_url(url)
    if len(url) > 10:
        assert url not in str(caught.value)
    file = tmp_path / "outbound-webhooks"
    file.write_text(f"https://{HOST}{HOOK}\n{url}x\n" if url else "", "utf-8", newline="")
    file.chmod(0o600)
    if url and "\n" not in url.strip() and url.strip() == url and "\r" not in url:
        with pytest.raises(PolicyError) as refused:
            read_targets(file)
        assert HOOK not in str(refused.value)


@pytest.mark.parametrize("name", ADDRESSES)
def test_a_host_with_a_bad_address_is_sent_nothing(name: str) -> None:
    with pytest.raises(OutboundError):
        choose(HOST, ADDRESSES[name])

    async def resolve(host: str) -> Sequence[str]:
        assert host == HOST
        return ADDRESSES[name]

    async def connect(address: str, host: str) -> Any:
        raise AssertionError((address, host))

    channel = WebhookChannel(
        "x", Target(host=HOST, path=HOOK), KEY, ManualClock(), resolve=resolve, connect=connect
    )
    with pytest.raises(ChannelError):
        asyncio.run(channel.send(MESSAGE))


def test_good_addresses_are_taken(tmp_path: Path) -> None:
    for host in HOSTS:
        assert check_url(f"https://{host}{HOOK}") == Target(host=host, path=HOOK)
        assert check_url(f"https://{host}:443") == Target(host=host, path="/")
    assert choose(HOST, ["104.16.1.1", "2606:4700::1"]) == "104.16.1.1"
    assert HOOK not in repr(check_url(f"https://{HOST}{HOOK}"))
    file = tmp_path / "outbound-webhooks"
    assert read_targets(file) == []
    file.write_text(f"\n# of the team\nhttps://{HOST}{HOOK}\n\n")
    file.chmod(0o600)
    assert read_targets(file) == [Target(host=HOST, path=HOOK)]


def test_a_file_that_others_can_read_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "outbound-webhooks"
    file.write_text(f"https://{HOST}{HOOK}\n")
    file.chmod(0o640)
    with pytest.raises(PolicyError, match="chmod 600"):
        read_targets(file)
    file.chmod(0o600)
    link = tmp_path / "link"
    link.symlink_to(file)
    with pytest.raises(PolicyError, match="symbolic link"):
        read_targets(link)


# --- over a real socket, with a real certificate ------------------------------------------------


@pytest.fixture(scope="module")
def papers(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    """Return certificates of an authority that only these tests believe."""
    return certificates(tmp_path_factory.mktemp("certificates"))


class Server:
    """An HTTPS server that answers one thing."""

    def __init__(self, answer: bytes | Callable[[], AsyncIterator[bytes]]) -> None:
        self.answer = answer
        self.requests: list[bytes] = []
        self.names: list[str | None] = []
        self.port = 0

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Read a request, and answer."""
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
        self.requests.append(head + await reader.readexactly(length))
        try:
            if isinstance(self.answer, bytes):
                writer.write(self.answer)
            else:
                async for part in self.answer():
                    writer.write(part)
                    await writer.drain()
            await writer.drain()
        except OSError:
            pass
        writer.close()


@asynccontextmanager
async def serving(
    server: Server, papers: Certificates, name: str = HOST
) -> AsyncIterator[WebhookChannel]:
    """Yield a channel that is led to a server of this machine, with its certificate for a name."""
    context = papers.server_context(name)
    listening = await asyncio.start_server(server.handle, "127.0.0.1", 0, ssl=context)
    server.port = listening.sockets[0].getsockname()[1]

    async def resolve(host: str) -> Sequence[str]:
        server.names.append(host)
        return ["104.16.1.1"]

    async def connect(address: str, host: str) -> Any:
        assert address == "104.16.1.1"
        trust = ssl.create_default_context(cafile=str(papers.authority))
        return await asyncio.open_connection(
            "127.0.0.1", server.port, ssl=trust, server_hostname=host
        )

    clock = ManualClock(NOW_S * NS_PER_S)
    channel = WebhookChannel(
        "x", Target(host=HOST, path=HOOK), KEY, clock, resolve=resolve, connect=connect
    )
    try:
        yield channel
    finally:
        listening.close()


def send(server: Server, papers: Certificates, name: str = HOST) -> None:
    """Send a message to a server."""

    async def go() -> None:
        async with serving(server, papers, name) as channel:
            await channel.send(MESSAGE)

    asyncio.run(go())


OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


def test_a_webhook_is_signed_and_names_its_host(papers: Certificates) -> None:
    server = Server(OK)
    send(server, papers)
    head, _, body = server.requests[0].partition(b"\r\n\r\n")
    lines = head.decode().split("\r\n")
    fields = dict(line.split(": ", 1) for line in lines[1:])
    assert lines[0] == f"POST {HOOK} HTTP/1.1"
    assert fields["Host"] == HOST
    expected = hmac.new(
        KEY.get_secret_value().encode(), f"v1:{NOW_S}:".encode() + body, hashlib.sha256
    )
    assert fields["X-Interlock-Timestamp"] == str(NOW_S)
    assert fields["X-Interlock-Signature"] == f"v1={expected.hexdigest()}"
    assert json.loads(body)["text"] == "killed &lt;!channel&gt; &amp; @everyone"
    assert server.names == [HOST]


def test_nobody_is_rung_by_a_text() -> None:
    assert json.loads(body_for("discord.com", MESSAGE))["allowed_mentions"] == {"parse": []}
    assert json.loads(body_for("hooks.zoom.us", MESSAGE))["ids"] == [7]


def test_a_certificate_for_another_name_is_not_believed(papers: Certificates) -> None:
    server = Server(OK)
    with pytest.raises(ChannelError, match="certificate"):
        send(server, papers, "example.com")
    assert server.requests == []


def test_a_certificate_of_nobody_is_not_believed(
    papers: Certificates, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The connector that is there by default believes what this machine believes, and no more."""
    server = Server(OK)

    async def go() -> None:
        async with serving(server, papers):
            monkeypatch.setattr(webhooks_out, "PORT", server.port)
            with pytest.raises(ssl.SSLCertVerificationError):
                await webhooks_out.connected("127.0.0.1", HOST)

    asyncio.run(go())


async def _endless() -> AsyncIterator[bytes]:
    yield b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    while True:
        yield b"1000\r\n" + b"x" * 4_096 + b"\r\n"


@pytest.mark.parametrize(
    ("answer", "words", "is_final"),
    [
        (
            b"HTTP/1.1 302 Found\r\nLocation: http://169.254.169.254/\r\nContent-Length: 0\r\n\r\n",
            "elsewhere",
            False,
        ),
        (
            b"HTTP/1.1 307 T\r\nLocation: https://discord.com/\r\nContent-Length: 0\r\n\r\n",
            "elsewhere",
            False,
        ),
        (b"HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n", "said 500", False),
        (b"HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n", "said 404", False),
        (b"HTTP/1.1 400 No\r\nContent-Length: 0\r\n\r\n", "refused", True),
        (_endless, "too long", False),
        (b"HTTP/1.1 200 OK\r\nX: " + b"x" * 40_000, "RemoteProtocolError", False),
        (b"SSH-2.0-OpenSSH\r\n\r\n", "RemoteProtocolError", False),
        (b"", "Protocol|hung up", False),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nx", "RemoteProtocolError", False),
    ],
)
def test_what_a_stranger_answers(
    papers: Certificates, answer: Any, words: str, is_final: bool
) -> None:
    server = Server(answer)
    with pytest.raises(ChannelError, match=words) as caught:
        send(server, papers)
    assert caught.value.is_final is is_final
    assert len(server.requests) == 1
    assert HOOK not in str(caught.value)


def test_a_host_that_wants_a_rest_gets_one(papers: Certificates) -> None:
    server = Server(b"HTTP/1.1 429 Slow\r\nRetry-After: 7\r\nContent-Length: 0\r\n\r\n")
    with pytest.raises(ChannelError) as caught:
        send(server, papers)
    assert caught.value.wait_s == 7
