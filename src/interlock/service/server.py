"""The server, with its limits below the framework: what is slow, giant or ambiguous ends here.

The framework sees a request when all of it is here and means one thing. So a slow one holds a
socket and nothing else, and none for long.
"""

import asyncio
import json
import logging
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from enum import Enum
from functools import partial
from http import HTTPStatus
from typing import Any, Final

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from interlock.service.framing import BODY_MAX, HEAD_MAX, FramingError, Head, RequestReader
from interlock.service.metrics import GatewayMetrics
from interlock.service.peers import is_loopback, plain_address

HEAD_S: Final = 3.0  # from the first byte, or from the connection, to the end of the headers
STRANGER_S: Final = 3.0  # for a whole request of somebody who does not say who it is
WHOLE_S: Final = 10.0  # for a whole request of anybody else
IDLE_S: Final = 30.0  # between two requests on one connection
WRITE_S: Final = 30.0  # without taking anything of an answer
LINGER_S: Final = 1.0  # so that a refusal arrives before the connection is gone
LINGER_MAX: Final = 1_048_576  # bytes that are passed over meanwhile
GRACE_S: Final = 2  # for answers that are under way when the gateway ends
PIPELINED_MAX: Final = 2 * (HEAD_MAX + BODY_MAX)  # of bytes that wait for an answer before them
WEBHOOK: Final = b"/webhook"

_CODES: Final = {
    400: "BAD_REQUEST",
    408: "TOO_SLOW",
    413: "BODY_TOO_LARGE",
    414: "TARGET_TOO_LONG",
    417: "BAD_EXPECT",
    431: "HEADERS_TOO_LARGE",
    503: "CROWDED",
    505: "VERSION_NOT_SUPPORTED",
}
_SENTENCES: Final = {
    400: "this is not a request of HTTP/1.1 that can be read in one way alone.",
    408: "the request did not arrive in time.",
    413: f"the body must be at most {BODY_MAX} bytes.",
    414: "the path and its query are too long.",
    417: "the header Expect must be 100-continue.",
    431: f"the headers must be at most {HEAD_MAX} bytes.",
    503: "there are too many connections.",
    505: "the version must be HTTP/1.1 or HTTP/1.0.",
}


class _State(Enum):
    """What a connection does."""

    WAITING = "waits for a request"
    RECEIVING = "receives one"
    ANSWERING = "answers one"
    OVER = "is about to be closed"


class Crowd:
    """Everybody who is connected.

    Args:
        connections_max: Most at a time.
        proxy: Who may come from another machine; "" is nobody.
        metrics: Counts connections, and those that were cut.
    """

    def __init__(self, connections_max: int, proxy: str, metrics: GatewayMetrics) -> None:
        self._max = connections_max
        self._proxy = plain_address(proxy) if proxy else ""
        self.metrics = metrics
        self._all: set[StrictProtocol] = set()
        self._patient: dict[StrictProtocol, None] = {}  # not answered now, who waits longest first

    def may_enter(self, address: str) -> bool:
        """Return whether somebody of an address may connect at all."""
        return is_loopback(address) or plain_address(address) == self._proxy

    def enter(self, one: "StrictProtocol") -> bool:
        """Take a connection, if need be in the place of another; return whether there is room."""
        if len(self._all) >= self._max:
            longest = next(iter(self._patient), None)
            if longest is None:
                return False
            self.leave(longest)
            longest.cut("crowded")
        self._all.add(one)
        self._patient[one] = None
        self.metrics.connections(len(self._all))
        return True

    def busy(self, one: "StrictProtocol") -> None:
        """Note that one is being answered: it is not cut."""
        self._patient.pop(one, None)

    def idle(self, one: "StrictProtocol") -> None:
        """Note that one was answered."""
        if one in self._all:
            self._patient[one] = None

    def leave(self, one: "StrictProtocol") -> None:
        """Forget one."""
        self._all.discard(one)
        self._patient.pop(one, None)
        self.metrics.connections(len(self._all))


class StrictProtocol(HttpToolsProtocol):
    """One connection: hands whole requests in one plain form to the server's own protocol."""

    def __init__(self, *arguments: Any, crowd: Crowd, **more: Any) -> None:
        super().__init__(*arguments, **more)
        self._crowd = crowd
        self._reader = RequestReader()
        self._state = _State.WAITING
        self._due: asyncio.TimerHandle | None = None
        self._writing: asyncio.TimerHandle | None = None
        self._began_s = 0.0
        self._passed_over = 0
        self._head: Head | None = None  # of the request that is being received

    # --- called by the event loop -------------------------------------------------------------

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Take a connection, or refuse it."""
        super().connection_made(transport)
        address = self.client[0] if self.client else ""
        if not self._crowd.may_enter(address):
            self.cut("stranger")
            return
        if not self._crowd.enter(self):
            self._refuse(503, "crowded")
            return
        self._began_s = self.loop.time()
        self._within(HEAD_S)

    def data_received(self, data: bytes) -> None:
        """Take bytes; the framework sees none before they are a whole request."""
        if self._state is _State.OVER:
            self._passed_over += len(data)
            if self._passed_over > LINGER_MAX:
                self.transport.abort()
            return
        self._reader.feed(data)
        if self._state is _State.ANSWERING:
            if self._reader.waiting > PIPELINED_MAX:
                self.flow.pause_reading()
        else:
            self._advance()

    def eof_received(self) -> None:
        """Note that nothing more comes: what was not whole by now never will be."""
        if self._state is not _State.ANSWERING:
            self.transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection."""
        self._state = _State.OVER
        self._stop_timers()
        self._crowd.leave(self)
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        """Give whoever reads an answer some time to go on."""
        super().pause_writing()
        self._writing = self.loop.call_later(WRITE_S, self.cut, "slow reader")

    def resume_writing(self) -> None:
        """Note that it goes on."""
        super().resume_writing()
        if self._writing is not None:
            self._writing.cancel()
            self._writing = None

    # --- called by the framework --------------------------------------------------------------

    def on_response_complete(self) -> None:
        """Wait for the next request, or take the one that is here already."""
        super().on_response_complete()
        self._unset_keepalive_if_required()  # the time between two requests is measured here
        if self._state is not _State.ANSWERING or self.transport.is_closing():
            return
        self._state = _State.WAITING
        self._crowd.idle(self)
        self._within(IDLE_S)
        self.loop.call_soon(self._advance)  # never deeper: requests may have been sent by hundreds

    def send_400_response(self, msg: str) -> None:
        """Refuse what the second parser does not like, in the shape of every error."""
        del msg
        self._refuse(400, "parser")

    # --- one request --------------------------------------------------------------------------

    def cut(self, why: str) -> None:
        """Close at once, without a word."""
        self._state = _State.OVER
        self._crowd.metrics.cut(why)
        self._stop_timers()
        self.transport.abort()

    def _advance(self) -> None:
        """Read on; hand over a request that is whole."""
        if self._state not in {_State.WAITING, _State.RECEIVING} or self.transport.is_closing():
            return
        try:
            whole = self._reader.next()
        except FramingError as error:
            self._refuse(error.status, error.why)
            return
        if whole is not None:
            self._state = _State.ANSWERING
            self._head = None
            self._stop_timers()
            self._crowd.busy(self)
            super().data_received(whole.raw)
        elif self._reader.has_begun:
            self._receive()

    def _receive(self) -> None:
        """Mind the time of a request that is not whole."""
        if self._state is _State.WAITING:
            self._state = _State.RECEIVING
            if self.cycle is not None:  # the first one has begun with the connection
                self._began_s = self.loop.time()
                self._within(HEAD_S)
        head = self._reader.head
        if head is not None and self._head is None:
            self._head = head
            is_stranger = head.target.startswith(WEBHOOK) or not head.is_known
            self._within(STRANGER_S if is_stranger else WHOLE_S)
            if head.wants_go_on:
                self.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def _refuse(self, status: int, why: str) -> None:
        """Answer an error and close; nothing more is read as a request."""
        self._state = _State.OVER
        self._crowd.metrics.cut(why)
        self._stop_timers()
        error = {"code": _CODES[status], "message": _SENTENCES[status], "id": ""}
        body = json.dumps({"error": error}).encode()
        self.transport.write(
            b"HTTP/1.1 %d %b\r\ncontent-type: application/json\r\ncontent-length: %d\r\n"
            b"cache-control: no-store\r\nx-content-type-options: nosniff\r\n"
            b"connection: close\r\n\r\n%b"
            % (status, HTTPStatus(status).phrase.encode(), len(body), body)
        )
        # Closed at once with bytes unread, the system would take the answer back (RFC 9112, 9.6).
        with suppress(OSError, RuntimeError):
            self.transport.write_eof()
        self._due = self.loop.call_later(LINGER_S, self.transport.abort)

    def _within(self, seconds: float) -> None:
        """Set when this request, or the next one's first byte, has to be here."""
        if self._due is not None:
            self._due.cancel()
        start_s = self.loop.time() if self._state is _State.WAITING else self._began_s
        self._due = self.loop.call_at(start_s + seconds, self._late)

    def _late(self) -> None:
        if self._state is _State.RECEIVING:
            self._refuse(408, "slow")
        else:
            self.cut("idle")

    def _stop_timers(self) -> None:
        for timer in (self._due, self._writing):
            if timer is not None:
                timer.cancel()
        self._due = self._writing = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What a server allows.

    Attributes:
        connections_max: At a time.
        proxy: Who may come from another machine; "" is nobody.
    """

    connections_max: int = 1_024
    proxy: str = ""


class _Handler(logging.Handler):
    """Hands what the server's library says to the log."""

    def __init__(self, say: Callable[..., None]) -> None:
        super().__init__(logging.WARNING)
        self._say = say

    def emit(self, record: logging.LogRecord) -> None:
        """Write one line."""
        self._say("server", text=record.getMessage())


class GatewayServer(uvicorn.Server):
    """Answers until it is told to end. Signals are for whoever runs it."""

    def end(self) -> None:
        """Take no more connections, and end when what is under way was answered."""
        self.should_exit = True

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave them alone."""
        yield


def make_server(app: Any, limits: Limits, metrics: GatewayMetrics, log: Any) -> GatewayServer:
    """Return a server.

    Args:
        app: Answers whole requests.
        limits: What it allows.
        metrics: Counts connections.
        log: For what its library says.
    """
    logger = logging.getLogger("uvicorn")
    logger.handlers = [_Handler(log.warning)]
    logger.setLevel(logging.WARNING)
    logger.propagate = False
    crowd = Crowd(limits.connections_max, limits.proxy, metrics)
    protocol: Any = partial(StrictProtocol, crowd=crowd)
    config = uvicorn.Config(
        app,
        http=protocol,
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        proxy_headers=False,  # whose word is believed is decided in one place
        server_header=False,
        date_header=False,
        timeout_keep_alive=int(IDLE_S),
        timeout_graceful_shutdown=GRACE_S,
    )
    return GatewayServer(config)


async def serve(server: GatewayServer, listening: socket.socket) -> None:
    """Answer on a socket until the server is told to end."""
    await server.serve(sockets=[listening])
