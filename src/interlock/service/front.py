"""What every request goes through before any route: ids, whose it is, headers, the last resort.

Whatever goes wrong behind it becomes the one error shape. A client learns an id; the log has the
rest.
"""

import itertools
import json
import re
import secrets
import traceback
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

from fastapi import Request

from interlock.runtime.clock import NS_PER_S, Clock
from interlock.service.metrics import GatewayMetrics
from interlock.service.peers import HOST_MAX, Peers, is_loopback_host
from interlock.service.problems import Problem

CSP: Final = b"default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
HSTS: Final = b"max-age=63072000; includeSubDomains"
UNMATCHED: Final = "(none)"  # the route of what no route answers

Headers = tuple[tuple[bytes, bytes], ...]

_SANE_ID: Final = re.compile(rb"[A-Za-z0-9._-]{1,64}")
_HEADERS: Final[Headers] = (
    (b"content-security-policy", CSP),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"x-frame-options", b"DENY"),
    (b"permissions-policy", b"camera=(), geolocation=(), microphone=(), payment=()"),
    (b"cache-control", b"no-store"),
)

_STARTED: Final = secrets.token_hex(4)  # of this process, so that ids of two never meet
_NUMBERS: Final = itertools.count(1)

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Asgi = Callable[[Scope, Receive, Send], Awaitable[None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ids:
    """What a request is called.

    Attributes:
        request: Given by us, never by the client.
        correlation: What ties requests of one matter together: the client's own word where it is
            a sane one, else the same.
    """

    request: str
    correlation: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FrontSettings:
    """How the gateway is reached.

    Attributes:
        public_url: ``https://host[:port]``; "" when it is for this machine alone.
        trusted_proxy: The address of the proxy before it; "" is none.
        docs: Whether the description of the API may be read by those who are signed in.
    """

    public_url: str = ""
    trusted_proxy: str = ""
    docs: bool = False


def ids_of(request: Request) -> Ids:
    """Return what a request is called; the front gave the names."""
    ids: Ids = request.state.ids
    return ids


class Front:
    """The outermost part of the application.

    Args:
        app: Everything behind it.
        settings: How the gateway is reached.
        metrics: Counts answers.
        log: For what nobody expected.
        clock: Measures how long answers take.
    """

    def __init__(
        self, app: Asgi, *, settings: FrontSettings, metrics: GatewayMetrics, log: Any, clock: Clock
    ) -> None:
        self._app = app
        self._metrics = metrics
        self._log = log
        self._clock = clock
        self._peers = Peers(settings.trusted_proxy)
        self._public = urlsplit(settings.public_url).netloc.lower()
        self._headers: Headers = _HEADERS
        if settings.public_url:
            self._headers = (*_HEADERS, (b"strict-transport-security", HSTS))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request through, or answer it."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        if scope["type"] != "http":
            return  # nothing else is spoken here
        ids = _ids(scope["headers"])
        state = scope.setdefault("state", {})
        state["ids"] = ids
        state["peer"] = self._peers.find(scope)
        started_ns = self._clock.elapsed_ns()
        answer = _Answer(send, self._headers, ids)
        try:
            problem = self._refusal(scope)
            if problem is not None:
                await answer.problem(problem)
            else:
                await self._app(scope, receive, answer.send)
        except Exception as error:  # noqa: BLE001 - the last resort: whoever asked learns an id
            self._log.error(
                "unexpected",
                id=ids.request,
                correlation=ids.correlation,
                route=_route(scope),
                trace="".join(traceback.format_exception(error)),  # no locals: there are secrets
            )
            if answer.status:
                raise ConnectionAbortedError("an answer broke off") from None
            await answer.problem(
                Problem(
                    status=500,
                    code="INTERNAL",
                    message=f"something here broke, and was written down as {ids.request}.",
                )
            )
        finally:
            seconds = (self._clock.elapsed_ns() - started_ns) / NS_PER_S
            self._metrics.answered(_route(scope), answer.status or 499, seconds)

    def _refusal(self, scope: Scope) -> Problem | None:
        """Return why a request goes no further; None when it may."""
        hosts = [value for name, value in scope["headers"] if name == b"host"]
        host = hosts[0].decode("latin-1").lower() if len(hosts) == 1 else ""
        if 0 < len(host) <= HOST_MAX and (is_loopback_host(host) or host == self._public):
            return None
        if not hosts and scope.get("http_version") == "1.0":
            return None
        return Problem(
            status=421,
            code="HOST_REFUSED",
            message="the Host header must name this machine or gateway.public_url.",
        )


class _Answer:
    """Sends an answer with the headers that every answer has."""

    def __init__(self, send: Send, headers: Headers, ids: Ids) -> None:
        self._send = send
        self._headers = headers
        self._ids = ids
        self.status = 0

    async def send(self, message: Message) -> None:
        """Send a part; the first has the headers."""
        if message["type"] == "http.response.start":
            self.status = int(message["status"])
            own = [(name.lower(), value) for name, value in message.get("headers", [])]
            names = {name for name, _ in own}
            own += [pair for pair in self._headers if pair[0] not in names]
            own.append((b"x-request-id", self._ids.request.encode()))
            message = {**message, "headers": own}
        await self._send(message)

    async def problem(self, problem: Problem) -> None:
        """Send an error whole."""
        body = problem_body(problem, self._ids.request)
        headers = [
            (b"content-type", b"application/json"),
            (b"content-length", str(len(body)).encode()),
            *((name.lower().encode(), value.encode()) for name, value in problem.headers.items()),
        ]
        await self.send(
            {"type": "http.response.start", "status": problem.status, "headers": headers}
        )
        await self.send({"type": "http.response.body", "body": body})


def problem_body(problem: Problem, request_id: str) -> bytes:
    """Return the one shape of an error."""
    error = {
        **problem.more,
        "code": problem.code,
        "message": problem.message,
        "id": request_id,
    }
    return json.dumps({"error": error}, separators=(",", ":")).encode()


def _ids(headers: list[tuple[bytes, bytes]]) -> Ids:
    request = f"r-{_STARTED}{next(_NUMBERS):08x}"
    said = dict(headers)
    word = said.get(b"x-correlation-id", said.get(b"x-request-id", b""))
    sane = _SANE_ID.fullmatch(word) is not None
    return Ids(request=request, correlation=word.decode() if sane else request)


def _route(scope: Scope) -> str:
    """Return the template of the route that answered, so that nobody can make up names."""
    route = scope.get("route")
    return str(getattr(route, "path", UNMATCHED))
