"""The server's limits, over real sockets: what is giant or ambiguous never reaches a route."""

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from interlock.service import framing, reading, server
from interlock.service.metrics import GatewayMetrics
from interlock.service.server import Crowd, Limits
from tests.service.sockets import Running, answer, error_code, everything, served, soon, statuses

GET = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"
LAST = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
HEAD = b"POST /webhook HTTP/1.1\r\nHost: localhost\r\n"


@pytest.fixture(scope="module")
def shared() -> Iterator[Running]:
    with served() as running:
        yield running


@pytest.fixture
def running(shared: Running) -> Running:
    """Return a server whose routes nobody has asked yet."""
    shared.entered.clear()
    return shared


def test_an_answer_says_nothing_of_who_made_it(running: Running) -> None:
    found = running.talk(LAST).lower()

    assert statuses(found.replace(b"http", b"HTTP")) == [200]
    assert b"\r\nserver:" not in found
    assert b"\r\ndate:" not in found
    assert b"uvicorn" not in found


def test_requests_of_one_connection_are_answered_one_after_the_other(running: Running) -> None:
    post = HEAD + b"Content-Length: 3\r\n\r\nabc"
    assert statuses(running.talk(GET + post + GET + LAST + b"garbage")) == [200] * 4
    assert running.entered == ["/healthz", "/webhook", "/healthz", "/healthz"]


def test_hundreds_of_requests_may_be_sent_at_once(running: Running) -> None:
    assert statuses(running.talk(GET * 500 + LAST)) == [200] * 501


def test_a_request_that_waits_behind_another_is_not_lost(running: Running) -> None:
    with running.connect() as peer:
        peer.sendall(b"GET /wait HTTP/1.1\r\nHost: localhost\r\n\r\n" + GET)
        peer.sendall(LAST)
        running.go_on.set()
        assert [answer(peer)[0] for _ in range(3)] == [200, 200, 200]
        assert everything(peer) == b""
    running.go_on.clear()


def test_old_clients_are_answered_and_told_to_go(running: Running) -> None:
    assert statuses(running.talk(b"GET /healthz HTTP/1.0\r\n\r\n")) == [200]
    assert statuses(running.talk(b"GET /healthz HTTP/1.0\r\nHost: evil.example\r\n\r\n")) == [421]


def test_a_client_that_asks_first_is_told_to_go_on(running: Running) -> None:
    with running.connect() as peer:
        peer.sendall(HEAD + b"Content-Length: 2\r\nExpect: 100-continue\r\n\r\n")
        assert peer.recv(25) == b"HTTP/1.1 100 Continue\r\n\r\n"
        peer.sendall(b"{}")
        assert answer(peer) == (200, b'{"length":2}')


@pytest.mark.parametrize(
    ("data", "status", "code"),
    [
        (HEAD + b"Content-Length: 65537\r\n\r\n", 413, "BODY_TOO_LARGE"),
        (HEAD + b"Content-Length: 99999999\r\n\r\n" + b"a" * 70_000, 413, "BODY_TOO_LARGE"),
        (
            HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + b"8000\r\n%b\r\n" % (b"a" * 32_768) * 3,
            413,
            "BODY_TOO_LARGE",
        ),
        (b"GET / HTTP/1.1\r\nX: " + b"a" * 17_000, 431, "HEADERS_TOO_LARGE"),
        (b"GET /" + b"a" * 5_000 + b" HTTP/1.1\r\nHost: a\r\n\r\n", 414, "TARGET_TOO_LONG"),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505, "VERSION_NOT_SUPPORTED"),
        (b"CONNECT a:443 HTTP/1.1\r\nHost: a\r\n\r\n", 400, "BAD_REQUEST"),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc", 400, "BAD_REQUEST"),
        (b"GET / HTTP/1.1\r\n\r\n", 400, "BAD_REQUEST"),
        (HEAD + b"Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", 400, "BAD_REQUEST"),
        (HEAD + b"Content-Length: 1\r\nExpect: x\r\n\r\n", 417, "BAD_EXPECT"),
    ],
)
def test_what_is_no_request_is_refused_and_the_connection_closed(
    running: Running, data: bytes, status: int, code: str
) -> None:
    found = running.talk(data + GET)

    assert statuses(found) == [status]
    assert error_code(found) == code
    assert running.entered == []


# One request to a strict reader, two to another: the second must never be seen.
SMUGGLED = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nX: "


@pytest.mark.parametrize(
    "data",
    [
        HEAD + b"Content-Length: %d\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + SMUGGLED,
        HEAD + b"Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n5c\r\n" + SMUGGLED,
        HEAD + b"Transfer-Encoding: xchunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n" + SMUGGLED,
        HEAD + b"Transfer-Encoding:\tchunked, identity\r\n\r\n0\r\n\r\n" + SMUGGLED,
        HEAD + b"Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n" + SMUGGLED,
        HEAD + b"X: y\r\n Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + SMUGGLED,
        HEAD + b"X: y\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + SMUGGLED,
        HEAD + b"Content-Length: 0\r\nContent-Length: 44\r\n\r\n" + SMUGGLED,
        HEAD + b"Content-Length: 0, 44\r\n\r\n" + SMUGGLED,
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n0;\n\r\n\r\n" + SMUGGLED,
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n0\r\nX: y\r\n\r\n" + SMUGGLED,
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n1\r\nZZ\r\n0\r\n\r\n" + SMUGGLED,
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n1\r\nZ\n0\r\n\r\n" + SMUGGLED,
    ],
)
def test_nothing_is_smuggled_behind_a_request(running: Running, data: bytes) -> None:
    assert statuses(running.talk(data)) == [400]
    assert running.entered == []


def test_upgrades_are_not_made(running: Running) -> None:
    found = running.talk(
        b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade, close\r\n"
        b"Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAA\r\n\r\n"
    )

    assert statuses(found) == [200]


def test_methods_of_proxies_and_of_diagnosis_are_refused(running: Running) -> None:
    found = running.talk(b"TRACE /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")

    assert statuses(found) == [405]
    assert error_code(found) == "METHOD_NOT_ALLOWED"


def test_a_body_that_ends_early_is_no_request(running: Running) -> None:
    with running.connect() as peer:
        peer.sendall(HEAD + b"Content-Length: 10\r\n\r\nabc")
        peer.shutdown(socket.SHUT_WR)
        assert everything(peer) == b""
    assert running.entered == []


def test_when_there_are_too_many_whoever_waits_longest_without_a_request_goes() -> None:
    with served(Limits(connections_max=3)) as running:
        with running.connect() as busy, running.connect() as first, running.connect() as second:
            busy.sendall(b"GET /wait HTTP/1.1\r\nHost: localhost\r\n\r\n")
            first.sendall(b"GET /")
            second.sendall(b"GET /")
            assert everything_of(running) == [200]
            assert everything(first) == b""
            running.go_on.set()
            assert answer(busy)[0] == 200
        assert running.cut("crowded") >= 1


def everything_of(running: Running) -> list[int]:
    """Return what somebody who comes later is answered."""
    return statuses(running.talk(LAST))


def test_when_everybody_is_being_answered_a_newcomer_is_refused() -> None:
    with served(Limits(connections_max=1)) as running, running.connect() as busy:
        busy.sendall(b"GET /wait HTTP/1.1\r\nHost: localhost\r\n\r\n")
        soon(lambda: running.entered)
        found = running.talk(LAST)
        assert statuses(found) == [503]
        assert error_code(found) == "CROWDED"
        running.go_on.set()
        assert answer(busy)[0] == 200


def test_whoever_stops_in_the_middle_is_told_so_and_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    """The times themselves are measured elsewhere: here they are short."""
    monkeypatch.setattr(server, "HEAD_S", 0.2)
    monkeypatch.setattr(server, "STRANGER_S", 0.3)
    monkeypatch.setattr(server, "WHOLE_S", 0.4)
    monkeypatch.setattr(server, "IDLE_S", 0.2)
    with served() as running:
        for part in (
            b"GET /healthz HTTP/1.1\r\nHost: loc",
            HEAD + b"Content-Length: 10\r\n\r\nabc",
            HEAD + b"Transfer-Encoding: chunked\r\n\r\n5\r\nab",
            b"POST /api/x HTTP/1.1\r\nHost: a\r\nCookie: a=b\r\nContent-Length: 9\r\n\r\nabc",
        ):
            found = running.talk(part)
            assert statuses(found) == [408], part
            assert error_code(found) == "TOO_SLOW"
        assert running.talk(b"") == b"", "nothing was begun, so nothing is answered"
        assert statuses(running.talk(GET)) == [200], "and then it was idle"
        assert running.entered == ["/healthz"]
        assert running.cut("slow") == 4
        assert running.cut("idle") == 2


def test_whoever_does_not_take_an_answer_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "WRITE_S", 0.2)
    with served() as running, running.connect() as peer:
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        peer.sendall(b"GET /large HTTP/1.1\r\nHost: localhost\r\n\r\n")
        soon(lambda: running.cut("slow reader"))


def test_an_end_waits_for_answers_that_are_under_way() -> None:
    with served() as running:
        peer = running.connect()
        peer.sendall(b"GET /wait HTTP/1.1\r\nHost: localhost\r\n\r\n")
        soon(lambda: running.entered)
    with peer:
        assert answer(peer)[0] == 200
        assert everything(peer) == b""


def test_of_other_machines_the_proxy_alone_may_connect() -> None:
    metrics = GatewayMetrics()
    mine, behind = Crowd(9, "", metrics), Crowd(9, "10.0.0.1", metrics)
    for address in ("127.0.0.1", "::1", "::ffff:127.0.0.1"):
        assert mine.may_enter(address)
        assert behind.may_enter(address)
    assert behind.may_enter("10.0.0.1")
    assert behind.may_enter("::ffff:10.0.0.1")
    for address in ("10.0.0.2", "8.8.8.8", "", "unknown"):
        assert not mine.may_enter(address)
        assert not behind.may_enter(address)


def test_the_page_of_the_gateway_says_the_limits_that_hold(root: Path) -> None:
    page = (root / "docs" / "gateway.md").read_text()
    for row in (
        f"| headers | {framing.HEAD_MAX // 1024} KiB, {framing.HEADERS_MAX} of them, within 3 s |",
        f"| path and query | {framing.TARGET_MAX // 1024} KiB |",
        f"| body | {framing.BODY_MAX // 1024} KiB, declared or in chunks |",
        f"| a whole request of a stranger, and every webhook | {server.STRANGER_S:g} s |",
        f"| a whole request with a cookie or a token | {server.WHOLE_S:g} s |",
        f"| between two requests | {server.IDLE_S:g} s |",
        f"| an answer that is not taken | {server.WRITE_S:g} s |",
    ):
        assert row in page
    assert f"a number of more than {reading.DIGITS_MAX} digits" in page
    assert f"nesting deeper than {reading.DEPTH_MAX}" in page
    assert reading.BODY_MAX == framing.BODY_MAX


def test_the_limits_are_as_strict_as_was_promised() -> None:
    assert framing.HEAD_MAX <= 16 * 1024
    assert framing.BODY_MAX <= 64 * 1024
    assert server.HEAD_S <= 3
    assert server.STRANGER_S <= 3
    assert server.WHOLE_S <= 10
