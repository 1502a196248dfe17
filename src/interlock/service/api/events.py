"""The stream of what is now, for open dashboards: whole states, never differences.

One loop looks for everybody. Whoever reads slowly misses states in between and gets the newest; who
reads nothing is let go. Whether somebody may still look is asked every second.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Final

from fastapi import Request
from fastapi.responses import Response
from pydantic import BaseModel
from starlette.types import Receive, Scope, Send

from interlock.runtime.clock import NS_PER_S, Clock
from interlock.service.api.answers import Approvals, Latches, OpenOrders, Overview, Positions
from interlock.service.api.pages import SignalPage
from interlock.service.api.parts import Parts, Said
from interlock.service.api.present import LOOKS, Present
from interlock.service.api.queries import NOTHING, media
from interlock.service.doors import Door, actor_of
from interlock.service.permissions import Actor
from interlock.service.problems import Problem

CLIENTS_MAX: Final = 64
ONE_MAX: Final = 8  # of one person or token
LOOK_S: Final = 0.5
TURN_S: Final = 0.5  # between two looks at who may still look: a second at most
PING_NS: Final = 4 * NS_PER_S
SEND_S: Final = 10.0  # for a client to take what was sent
STREAM: Final = "text/event-stream"

_MOMENTS: Final = ("as_of", "as_of_ns", "now_ns")  # they change without anything having happened

Look = Callable[[], Awaitable[Said]]


@dataclass(slots=True, kw_only=True, eq=False)
class Client:
    """Whoever follows: the newest of each state that was not sent yet.

    Attributes:
        actor: Who it is.
        waiting: By event name.
        wake: Set when something waits.
    """

    actor: Actor
    waiting: dict[str, str] = field(default_factory=dict)
    wake: asyncio.Event = field(default_factory=asyncio.Event)

    def tell(self, name: str, data: str) -> None:
        """Have a state sent, in the place of an older one."""
        self.waiting[name] = data
        self.wake.set()

    def take(self) -> dict[str, str]:
        """Return what waits."""
        found = dict(self.waiting)
        self.waiting.clear()
        self.wake.clear()
        return found


class Hub:
    """Looks for everybody who follows, while anybody does.

    Args:
        looks: What is looked at, by event name, with its shape; None has none.
    """

    def __init__(self, looks: Mapping[str, tuple[Look, type[BaseModel] | None]]) -> None:
        self._looks = dict(looks)
        self._clients: set[Client] = set()
        self._last: dict[str, tuple[str, str]] = {}  # what is compared, and what is sent
        self._pump: asyncio.Task[None] | None = None
        self.is_closed = False

    def join(self, actor: Actor) -> Client:
        """Return a place for somebody.

        Raises:
            Problem: There is none left.
        """
        mine = sum(client.actor.name == actor.name for client in self._clients)
        if len(self._clients) >= CLIENTS_MAX or mine >= ONE_MAX or self.is_closed:
            raise Problem(
                status=503,
                code="BUSY",
                message=f"at most {ONE_MAX} streams of one person may be open, and {CLIENTS_MAX} "
                "in all. Next: close another dashboard.",
                headers={"Retry-After": "10"},
            )
        client = Client(actor=actor)
        self._clients.add(client)
        if self._pump is None:
            self._last.clear()  # nobody looked for a while
            self._pump = asyncio.ensure_future(self._look_on())
        for name, (_, data) in self._last.items():
            client.tell(name, data)
        return client

    def leave(self, client: Client) -> None:
        """Let somebody go."""
        self._clients.discard(client)

    def close(self) -> None:
        """End every stream."""
        self.is_closed = True
        for client in self._clients:
            client.wake.set()

    async def _look_on(self) -> None:
        try:
            while self._clients and not self.is_closed:
                for name, (look, shape) in self._looks.items():
                    # What is broken in one part must not blind people for all the others; whoever
                    # asks that part itself is told.
                    with suppress(Exception):
                        self._tell(name, await look(), shape)
                await asyncio.sleep(LOOK_S)
        finally:
            self._pump = None

    def _tell(self, name: str, found: Said, shape: type[BaseModel] | None) -> None:
        """Tell everybody a state that is another one than before."""
        said = found if shape is None else shape.model_validate(found).model_dump(mode="json")
        data = json.dumps(said, separators=(",", ":"))
        compared = json.dumps({key: said[key] for key in said if key not in _MOMENTS})
        if self._last.get(name, ("", ""))[0] == compared:
            return
        self._last[name] = (compared, data)
        for client in self._clients:
            client.tell(name, data)


class Stream(Response):
    """An answer that goes on until somebody leaves, may not look any more, or everything ends.

    Args:
        hub: Where it comes from.
        client: Whose it is.
        still_valid: Whether they may still look.
        clock: For signs of life.
    """

    media_type = STREAM

    def __init__(
        self,
        hub: Hub,
        client: Client,
        still_valid: Callable[[Actor], Awaitable[bool]],
        clock: Clock,
    ) -> None:
        super().__init__(headers={"X-Accel-Buffering": "no"})
        del self.headers["content-length"]
        self._hub = hub
        self._client = client
        self._still_valid = still_valid
        self._clock = clock

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send until the end."""
        assert scope["type"] == "http"
        gone = asyncio.ensure_future(_until_gone(receive))
        try:
            await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
            with suppress(TimeoutError, OSError):  # it takes nothing any more
                await self._converse(gone, send)
        finally:
            gone.cancel()
            self._hub.leave(self._client)

    async def _converse(self, gone: "asyncio.Future[None]", send: Send) -> None:
        pinged_ns = self._clock.elapsed_ns() - PING_NS
        while not gone.done():
            if self._hub.is_closed or not await self._still_valid(self._client.actor):
                await _send(send, _event("end", "{}"), more=False)
                return
            parts = [_event(name, data) for name, data in self._client.take().items()]
            if self._clock.elapsed_ns() - pinged_ns >= PING_NS:
                pinged_ns = self._clock.elapsed_ns()
                parts.append(_event("ping", f'{{"ts_ns":{self._clock.now_ns()}}}'))
            if parts:
                await _send(send, b"".join(parts), more=True)
            waking = asyncio.ensure_future(self._client.wake.wait())
            await asyncio.wait((waking, gone), timeout=TURN_S, return_when=asyncio.FIRST_COMPLETED)
            waking.cancel()


async def _send(send: Send, body: bytes, *, more: bool) -> None:
    async with asyncio.timeout(SEND_S):
        await send({"type": "http.response.body", "body": body, "more_body": more})


async def _until_gone(receive: Receive) -> None:
    """Return when the client is gone."""
    while (await receive())["type"] != "http.disconnect":
        pass


def _event(name: str, data: str) -> bytes:
    """Return one event; JSON has no line ends in it."""
    return f"event: {name}\ndata: {data}\n\n".encode()


def make_hub(parts: Parts, present: Present) -> Hub:
    """Return the hub of everything that is followed."""
    looks: dict[str, tuple[Look, type[BaseModel] | None]] = {
        "overview": (present.overview, Overview),
        "positions": (present.positions, Positions),
        "orders": (present.orders, OpenOrders),
        "signals": (present.signals, SignalPage),
        "latches": (present.latches, Latches),
        "approvals": (present.approvals, Approvals),
    }
    if parts.alerts is not None:
        looks["alerts"] = (parts.alerts, None)
    if parts.health is not None:
        looks["health"] = (parts.health, None)
    return Hub(looks)


def add_event_routes(door: Door, parts: Parts, hub: Hub) -> None:
    """Add it."""
    described: Any = media(STREAM, "Server-sent events, until somebody leaves.")

    @door.route("GET", "/api/events", LOOKS, response_class=Response, responses=described)
    async def events(request: Request) -> Response:
        """Follow: overview, positions, orders, signals, latches, approvals, alerts, health.

        Every event is a whole state; `ping` comes every few seconds, `end` when there will be no
        more: sign in again.
        """
        NOTHING.read(request)
        client = hub.join(actor_of(request))
        return Stream(hub, client, parts.people.still_valid, parts.clock)
