"""Attacks that take a real socket: requests inside requests, odd bytes, and streams that go on."""

import http.client
import json
import shutil
import socket
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, Final

import pytest

from interlock.config.latch import LatchState
from interlock.config.latch_file import LatchFile
from interlock.runtime.clock import SystemClock
from tests.proof.test_front_door import HERE, Person
from tests.proof.webhook_run import WebhookRun, soon
from tests.service.sockets import statuses as statuses_in

WAIT_S: Final = 20.0
KILL: Final = b'{"mode":"immediate","reason":"smuggled"}'
LEAST: Final = 30


@pytest.fixture(scope="module")
def run() -> Iterator[WebhookRun]:
    """Return a whole system."""
    folder = Path(tempfile.mkdtemp(prefix="interlock-"))  # short: sockets are in it
    found = WebhookRun(folder)
    try:
        soon(found.is_ready)
        yield found
    finally:
        found.end()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="module")
def admin(run: WebhookRun) -> Person:
    """Return an administrator who has stepped up."""
    person = Person(run)
    assert person.ask("POST", "/api/step-up", {"code": person.fresh_code()})[0] == 200
    return person


def said(run: WebhookRun, raw: bytes) -> bytes:
    """Send bytes, and say no more; return all that comes back."""
    with socket.create_connection(run.address, WAIT_S) as peer:
        try:
            peer.sendall(raw)
            peer.shutdown(socket.SHUT_WR)
            found = b""
            while part := peer.recv(65_536):
                found += part
        except ConnectionResetError:
            return b""
    return found


def is_killed(run: WebhookRun) -> bool:
    """Return whether the latch is set."""
    clock = SystemClock()
    with closing(LatchFile(path=run.home.latch, stopwatch_ns=clock.elapsed_ns)) as file:
        return file.read().state is LatchState.KILLED


def whole(cookie: str, host: str) -> bytes:
    """Return a kill that would be one if it were a request of its own."""
    return (
        f"POST /api/kill HTTP/1.1\r\nHost: {host}\r\nCookie: {cookie}\r\nX-Interlock: 1\r\n"
        "Sec-Fetch-Site: same-origin\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(KILL)}\r\n\r\n"
    ).encode() + KILL


def smuggled(kill: bytes) -> dict[str, bytes]:
    """Return requests that hide a kill from one reader and show it to another."""
    size = len(kill)
    head = b"POST /healthz HTTP/1.1\r\nHost: localhost\r\n"
    chunks = b"0\r\n\r\n" + kill
    chunked = b"Transfer-Encoding: chunked\r\n"

    def with_length(length: object, name: str = "Content-Length") -> bytes:
        return head + f"{name}: {length}\r\n\r\n".encode() + kill

    return {
        "a length and chunks": head + b"Content-Length: 5\r\n" + chunked + b"\r\n" + chunks,
        "chunks and a length": head + chunked + b"Content-Length: 5\r\n\r\n" + chunks,
        "two lengths": head
        + f"Content-Length: 0\r\nContent-Length: {size}\r\n\r\n".encode()
        + kill,
        "a list of lengths": with_length(f"0, {size}"),
        "a length with a sign": with_length("+0"),
        "a length in octal": with_length("0x0"),
        "a length of other digits": with_length("\u0660"),
        "a length with a line in it": with_length("0\r\n 5"),
        "a length with a space before": with_length(0, "Content-Length "),
        "a length with a tab": with_length("\t0\x0b"),
        "chunks twice": head + chunked + chunked + b"\r\n" + chunks,
        "chunks of another kind": head + b"Transfer-Encoding: xchunked\r\n\r\n" + chunks,
        "chunks in a list": head + b"Transfer-Encoding: chunked, identity\r\n\r\n" + chunks,
        "chunks in a line of their own": head + b"Transfer-Encoding:\r\n chunked\r\n\r\n" + chunks,
        "chunks with a zero": head + b"Transfer-Encoding: chunked\x00\r\n\r\n" + chunks,
        "chunks of an old client": head.replace(b"1.1", b"1.0") + chunked + b"\r\n" + chunks,
        "a chunk of no size": head + chunked + b"\r\n;\r\n\r\n" + kill,
        "a chunk below zero": head + chunked + b"\r\n-1\r\n\r\n" + kill,
        "a chunk of a size that wraps": head + chunked + b"\r\n10000000000000000\r\n" + kill,
        "a chunk with a bare end": head + chunked + b"\r\n0\n\n" + kill,
        "a trailer that is a request": head + chunked + b"\r\n0\r\n" + kill,
        "a body of a look": b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nContent-Length: "
        + str(size).encode()
        + b"\r\n\r\n"
        + kill,
        "a line that ends early": b"GET /healthz HTTP/1.1\nHost: localhost\n\n" + kill,
        "a header that ends a request": b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nX: \r\r\n\r\n"
        b"\x00" + kill,
        "a space before a header": b"GET /healthz HTTP/1.1\r\n Host: x\r\nHost: localhost\r\n\r\n"
        + kill,
        "a header without a name": b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n: x\r\n\r\n"
        + kill,
        "an upgrade": b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\n"
        b"Upgrade: h2c\r\nHTTP2-Settings: AAA\r\nContent-Length: "
        + str(size).encode()
        + b"\r\n\r\n"
        + kill,
        "another protocol": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + kill,
        "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + kill,
        "a proxy's first line": b"PROXY TCP4 127.0.0.1 127.0.0.1 1 2\r\n" + kill,
    }


def wrong_ones(kill: bytes) -> dict[str, bytes]:
    """Return the kill itself, spoiled in one place."""
    return {
        "two hosts": kill.replace(b"Host: ", b"Host: evil.example\r\nHost: ", 1),
        "another host": kill.replace(b"Host: 127.0.0.1", b"Host: evil.example", 1),
        "no host": kill.replace(b"Host", b"Hos", 1),
        "a whole address": kill.replace(b"/api/kill", b"http://evil.example/api/kill", 1),
        "two slashes": kill.replace(b"/api/kill", b"//api/kill", 1),
        "a fragment": kill.replace(b"/api/kill", b"/api/kill#x", 1),
        "a space in the path": kill.replace(b"/api/kill", b"/api/kill x", 1),
        "a zero in the path": kill.replace(b"/api/kill", b"/api/kill\x00", 1),
        "odd bytes in the path": kill.replace(b"/api/kill", b"/api/k\xc0\xafill", 1),
        "no version": kill.replace(b" HTTP/1.1", b"", 1),
        "another version": kill.replace(b"HTTP/1.1", b"HTTP/3.7", 1),
        "a line in the cookie": kill.replace(b"Cookie: ", b"Cookie: a=b\nX: ", 1),
        "a kind twice": kill.replace(
            b"Content-Type: ", b"Content-Type: text/plain\r\nContent-Type: ", 1
        ),
        "another site": kill.replace(b"same-origin", b"cross-site", 1),
        "half of the body": kill[:-10],
    }


def test_nothing_hidden_in_a_request_is_done(run: WebhookRun, admin: Person) -> None:
    host = "{}:{}".format(*run.address)
    kill = whole(admin.cookie, host)
    attacks = {**smuggled(kill), **wrong_ones(kill)}
    assert len(attacks) >= LEAST
    for name, raw in attacks.items():
        answer = said(run, raw)
        statuses = statuses_in(answer)
        assert all(status < 500 or status == 505 for status in statuses), f"{name}: {answer!r}"
        assert b'"KILL' not in answer, f"{name}: {answer!r}"
        assert not is_killed(run), name
        assert admin.raw("GET", "/api/session")[0] == 200, name
    status, found = admin.ask("POST", "/api/kill", {"mode": "graceful", "reason": "a drill"})
    assert (status, is_killed(run)) == (200, True), found  # it was no empty threat


def _follow(run: WebhookRun, headers: dict[str, str]) -> Callable[[], list[str]]:
    """Begin to follow; return what waits for the end and gives the events until then."""
    peer = http.client.HTTPConnection(*run.address, timeout=WAIT_S)
    peer.request("GET", "/api/events", headers=headers)
    answer = peer.getresponse()
    assert answer.status == 200
    events: list[str] = []
    first = threading.Event()

    def read() -> None:
        with closing(peer):
            for line in iter(answer.readline, b""):
                if line.startswith(b"event: "):
                    events.append(line[7:].strip().decode())
                    first.set()

    thread = threading.Thread(target=read)
    thread.start()
    assert first.wait(WAIT_S)

    def ended() -> list[str]:
        thread.join(WAIT_S)
        assert not thread.is_alive(), "it goes on"
        return events

    return ended


def _enrolled(run: WebhookRun, admin: Person, name: str) -> Person:
    """Return somebody new who is signed in."""
    status, invited = admin.ask("POST", "/api/people", {"name": name, "role": "quant"})
    assert status == 200, invited
    return Person(run, invited["code"])


@pytest.mark.parametrize("what", ["disabled", "another role", "signed out", "ended"])
def test_a_stream_ends_when_its_right_does(run: WebhookRun, admin: Person, what: str) -> None:
    person = _enrolled(run, admin, f"bob-{what.replace(' ', '-')}")
    ended = _follow(run, {"Cookie": person.cookie})

    def act() -> tuple[int, Any]:
        name = f"bob-{what.replace(' ', '-')}"
        if what == "disabled":
            return admin.ask("POST", f"/api/people/{name}/disable", {})
        if what == "another role":
            return admin.ask("POST", f"/api/people/{name}/role", {"role": "auditor"})
        if what == "ended":
            return admin.ask("DELETE", f"/api/people/{name}/sessions")
        return person.ask("DELETE", "/api/session")

    assert act()[0] == 200
    assert ended()[-1] == "end"
    status = http_status(run, "/api/overview", {"Cookie": person.cookie})
    assert status in {401, 403}


def test_a_stream_of_a_token_ends_when_it_is_revoked(run: WebhookRun, admin: Person) -> None:
    body = {"name": "grafana", "permissions": ["see_dashboard"], "days": 1}
    status, made = admin.ask("POST", "/api/tokens", body)
    assert status == 200, made
    ended = _follow(run, {"Authorization": f"Bearer {made['token']}"})
    assert admin.ask("DELETE", "/api/tokens/grafana")[0] == 200
    assert ended()[-1] == "end"


def http_status(run: WebhookRun, path: str, headers: dict[str, str]) -> int:
    """Return the status of a look."""
    with closing(http.client.HTTPConnection(*run.address, timeout=WAIT_S)) as peer:
        peer.request("GET", path, headers={**HERE, **headers})
        answer = peer.getresponse()
        json.loads(answer.read())
        return answer.status
