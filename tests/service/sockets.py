"""A server on a real socket, in a thread of its own, and raw connections to it."""

import asyncio
import json
import re
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import uvloop
from fastapi import FastAPI, Request, Response
from starlette.responses import StreamingResponse

from interlock.service.doors import Access, Door
from interlock.service.metrics import GatewayMetrics
from interlock.service.server import GatewayServer, Limits, make_server, serve
from tests.service.apps import Log, OpenGuard, app_for_tests

WAIT_S = 20.0  # longer than anything here takes
ANYBODY = Access(public="a test's")


@dataclass(kw_only=True)
class Running:
    """A server that runs.

    Attributes:
        address: Where.
        log: What it wrote.
        metrics: What it counted.
        entered: The requests that reached a route, by path.
        go_on: Lets /wait answer.
    """

    address: tuple[str, int]
    log: Log
    metrics: GatewayMetrics
    entered: list[str] = field(default_factory=list)
    go_on: threading.Event = field(default_factory=threading.Event)

    def connect(self) -> socket.socket:
        """Return a connection."""
        return socket.create_connection(self.address, WAIT_S)

    def talk(self, *parts: bytes) -> bytes:
        """Send something, and return everything that comes until the other end closes."""
        with self.connect() as peer:
            for part in parts:
                peer.sendall(part)
            return everything(peer)

    def cut(self, why: str) -> float:
        """Return how many connections were cut for a reason."""
        name = "interlock_gateway_connections_cut_total"
        return self.metrics.registry.get_sample_value(name, {"why": why}) or 0.0


def soon(found: Callable[[], object]) -> None:
    """Wait until something is so."""
    for _ in range(int(WAIT_S / 0.01)):
        if found():
            return
        time.sleep(0.01)
    raise AssertionError("it never was so")


def everything(peer: socket.socket) -> bytes:
    """Return what comes until the other end closes."""
    found = b""
    with suppress(ConnectionResetError):
        while part := peer.recv(65_536):
            found += part
    return found


def answer(peer: socket.socket) -> tuple[int, bytes]:
    """Return status and body of the next answer, which says its length."""
    found = b""
    while b"\r\n\r\n" not in found:
        part = peer.recv(1)
        assert part, f"closed after {found!r}"
        found += part
    head = found.lower()
    length = int(head.split(b"content-length: ")[1].split(b"\r\n")[0])
    body = b""
    while len(body) < length:
        part = peer.recv(length - len(body))
        assert part
        body += part
    return int(found.split(b" ")[1]), body


def statuses(data: bytes) -> list[int]:
    """Return the status of each answer in what came."""
    return [int(found) for found in re.findall(rb"HTTP/1\.1 (\d{3}) ", data)]


def error_code(data: bytes) -> str:
    """Return the word of the last error in what came."""
    return str(json.loads(data.rpartition(b"\r\n\r\n")[2])["error"]["code"])


def _application(running: Running) -> FastAPI:
    app = app_for_tests(log=running.log, metrics=running.metrics)
    door = Door(app, OpenGuard(), tag="test")

    @door.route("GET", "/healthz", ANYBODY)
    async def healthz() -> dict[str, str]:
        running.entered.append("/healthz")
        return {"status": "alive"}

    @door.route("POST", "/webhook", Access(own="a test's"))
    async def webhook(request: Request) -> dict[str, Any]:
        body = await request.body()
        running.entered.append("/webhook")
        return {"length": len(body)}

    @door.route("GET", "/wait", ANYBODY)
    async def wait() -> dict[str, str]:
        running.entered.append("/wait")
        await asyncio.to_thread(running.go_on.wait, WAIT_S)
        return {"status": "waited"}

    @door.route("GET", "/large", ANYBODY)
    async def large() -> Response:
        running.entered.append("/large")

        async def parts() -> Any:
            for _ in range(400):
                yield b"a" * 65_536

        return StreamingResponse(parts())

    return app


@contextmanager
def served(limits: Limits | None = None) -> Iterator[Running]:
    """Answer on a socket for as long as the block lasts."""
    listening = socket.create_server(("127.0.0.1", 0), backlog=1_024)
    running = Running(address=listening.getsockname()[:2], log=Log(), metrics=GatewayMetrics())
    made: list[tuple[GatewayServer, asyncio.AbstractEventLoop]] = []
    is_made = threading.Event()

    async def main() -> None:
        server = make_server(
            _application(running), limits or Limits(), running.metrics, running.log
        )
        made.append((server, asyncio.get_running_loop()))
        is_made.set()
        await serve(server, listening)

    def run() -> None:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(main())

    thread = threading.Thread(target=run, name="server")
    thread.start()
    try:
        assert is_made.wait(WAIT_S)
        yield running
    finally:
        running.go_on.set()
        server, loop = made[0]
        loop.call_soon_threadsafe(server.end)
        thread.join(WAIT_S)
        assert not thread.is_alive()
