"""The stream of events: whole states, for as long as somebody may look."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from interlock.service.api.events import CLIENTS_MAX, ONE_MAX, PING_NS, Client, Hub
from interlock.service.problems import Problem
from tests.service.api.world import World, status_said
from tests.service.apps import ANYBODY, BASE


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


class Reader:
    """Reads a stream as a browser does, straight from the application."""

    def __init__(self) -> None:
        self.sent: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self.gone = asyncio.Event()
        self.asked = False

    async def receive(self) -> dict[str, Any]:
        if not self.asked:
            self.asked = True
            return {"type": "http.request", "body": b"", "more_body": False}
        await self.gone.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Any) -> None:
        await self.sent.put(dict(message))

    async def until(self, word: str) -> str:
        """Return everything that was sent until a word came."""
        found = ""
        async with asyncio.timeout(20):
            while word not in found:
                message = await self.sent.get()
                found += message.get("body", b"").decode()
        return found


@asynccontextmanager
async def following(world: World) -> AsyncIterator[Reader]:
    reader = Reader()
    scope = {
        "type": "http",
        "http_version": "1.1",
        "method": "GET",
        "scheme": "http",
        "path": "/api/events",
        "raw_path": b"/api/events",
        "query_string": b"",
        "root_path": "",
        "headers": [(b"host", BASE.removeprefix("http://").encode())],
        "client": ("127.0.0.1", 40_000),
        "server": ("127.0.0.1", 5_001),
    }
    task = asyncio.ensure_future(world.app(scope, reader.receive, reader.send))
    try:
        yield reader
    finally:
        reader.gone.set()
        await asyncio.wait_for(task, 20)


def test_everything_is_told_at_once_and_then_what_changes(world: World) -> None:
    async def run() -> None:
        async with following(world) as reader:
            first = await reader.until("event: approvals")
            for name in ("overview", "positions", "orders", "signals", "latches"):
                assert f"event: {name}\n" in first
            world.engine.status = status_said(level="HALTED", latches=[])
            world.clock.advance(10**9)
            later = await reader.until("event: latches")
            assert '"level":"HALTED"' in later
            assert "event: approvals" not in later

    asyncio.run(run())


def test_a_stream_ends_with_the_session(world: World) -> None:
    async def run() -> None:
        async with following(world) as reader:
            await reader.until("event: approvals")
            world.people.valid = False
            await reader.until("event: end")

    asyncio.run(run())


def test_a_stream_ends_with_the_gateway(world: World) -> None:
    async def run() -> None:
        async with following(world) as reader:
            await reader.until("event: approvals")
            world.hub.close()
            await reader.until("event: end")

    asyncio.run(run())


def test_a_stream_says_that_it_is_alive(world: World) -> None:
    async def run() -> None:
        async with following(world) as reader:
            await reader.until("event: ping")
            world.clock.advance(PING_NS)
            await reader.until("event: ping")

    asyncio.run(run())


def test_who_leaves_makes_room_and_nobody_looks_for_nobody(world: World) -> None:
    async def run() -> None:
        for _ in range(ONE_MAX + 2):
            async with following(world) as reader:
                await reader.until("event: overview")

    asyncio.run(run())


def test_streams_are_bounded_for_one_and_for_all() -> None:
    async def run() -> None:
        hub = Hub({})
        mine = [hub.join(ANYBODY) for _ in range(ONE_MAX)]
        with pytest.raises(Problem) as caught:
            hub.join(ANYBODY)
        assert (caught.value.status, caught.value.code) == (503, "BUSY")
        hub.leave(mine[0])
        hub.join(ANYBODY)
        hub.close()
        with pytest.raises(Problem):
            hub.join(ANYBODY)
        assert ONE_MAX < CLIENTS_MAX

    asyncio.run(run())


def test_who_reads_slowly_gets_the_newest_alone() -> None:
    async def run() -> None:
        client = Client(actor=ANYBODY)
        for number in range(100_000):
            client.tell("overview", str(number))
        assert client.take() == {"overview": "99999"}
        assert client.take() == {}

    asyncio.run(run())


def test_one_part_that_is_broken_leaves_the_others() -> None:
    async def broken() -> dict[str, Any]:
        raise RuntimeError

    async def well() -> dict[str, Any]:
        return {"a": 1}

    async def run() -> None:
        hub = Hub({"broken": (broken, None), "well": (well, None)})
        client = hub.join(ANYBODY)
        await asyncio.wait_for(client.wake.wait(), 20)
        assert client.take() == {"well": '{"a":1}'}
        hub.close()

    asyncio.run(run())
