"""The same over a real socket and a real server, with another process at the same database."""

import asyncio
import multiprocessing
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import uvloop

from interlock.runtime.clock import ManualClock
from interlock.service.database import open_database
from interlock.service.metrics import GatewayMetrics
from interlock.service.people.guard import COOKIE
from interlock.service.people.managing import Managing
from interlock.service.permissions import Role
from interlock.service.server import GatewayServer, Limits, make_server, serve
from tests.service.apps import Log
from tests.service.audits import AuditForTests
from tests.service.people.world import HERE, PASSWORD, SHELL, Member, World, world

WAIT_S = 20.0


@contextmanager
def serving() -> Iterator[tuple[World, str]]:
    """Yield a gateway with one administrator, and where it answers."""
    with world() as here:
        listening = socket.create_server(("127.0.0.1", 0))
        made: list[tuple[GatewayServer, asyncio.AbstractEventLoop]] = []
        is_made = threading.Event()

        async def main() -> None:
            made.append(
                (
                    make_server(here.app, Limits(), GatewayMetrics(), Log()),
                    asyncio.get_running_loop(),
                )
            )
            is_made.set()
            await serve(made[0][0], listening)

        def run() -> None:
            with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
                runner.run(main())

        thread = threading.Thread(target=run, name="server")
        thread.start()
        try:
            assert is_made.wait(WAIT_S)
            yield here, f"http://127.0.0.1:{listening.getsockname()[1]}"
        finally:
            made[0][1].call_soon_threadsafe(made[0][0].end)
            thread.join(WAIT_S)
            listening.close()


def alice_of(here: World) -> Member:
    return asyncio.run(here.first(here.browser()))


async def sign_in(client: httpx.AsyncClient, member: Member, code: str) -> httpx.Response:
    body = {"name": member.name, "password": PASSWORD, "code": code}
    return await client.post("/api/session", json=body, headers=HERE)


def test_of_twenty_logins_with_one_code_over_twenty_connections_one_comes_in() -> None:
    async def story(here: World, base: str, alice: Member) -> None:
        async with httpx.AsyncClient(base_url=base, timeout=WAIT_S) as client:
            code = here.code(alice)

            answers = await asyncio.gather(*(sign_in(client, alice, code) for _ in range(20)))

            codes = sorted(x.status_code for x in answers)
            # All of them come from one address: it has three tries with one name.
            assert codes.count(200) == 1
            assert set(codes) <= {200, 401, 429}
            cookie = next(x for x in answers if x.status_code == 200).headers["set-cookie"]
            session = cookie.split(";")[0]
            me = await client.get("/api/session", headers={"Cookie": session})
            assert me.json()["name"] == "alice"

    with serving() as (here, base):
        asyncio.run(story(here, base, alice_of(here)))


def _disable(path: Path, now_ns: int) -> None:
    database = open_database(path)
    Managing(database, ManualClock(now_ns), AuditForTests()).disable("bob", SHELL)
    database.close()


def test_whoever_another_process_disables_is_out_at_the_next_request() -> None:
    async def story(here: World, base: str, alice: Member) -> None:
        browser = here.browser()
        bob = await here.join(browser, "bob", Role.QUANT)
        session = {"Cookie": f"{COOKIE}={browser.cookies[COOKIE]}"}
        async with httpx.AsyncClient(base_url=base, timeout=WAIT_S) as client:
            before = await client.get("/test/probe", headers=session)
            process = multiprocessing.get_context("spawn").Process(
                target=_disable, args=(here.database.path, here.clock.now_ns())
            )
            process.start()
            process.join()

            after = await client.get("/test/probe", headers=session)
            again = await sign_in(client, bob, here.code(bob))
            other = await sign_in(client, alice, here.code(alice))

        assert process.exitcode == 0
        assert (before.status_code, after.status_code) == (200, 401)
        assert (again.status_code, other.status_code) == (401, 200)

    with serving() as (here, base):
        asyncio.run(story(here, base, alice_of(here)))


def test_cookies_over_a_socket_are_marked_and_nothing_is_kept() -> None:
    async def story(here: World, base: str, alice: Member) -> None:
        async with httpx.AsyncClient(base_url=base, timeout=WAIT_S) as client:
            answer = await sign_in(client, alice, here.code(alice))
            lines = [x.lower() for x in answer.headers.get_list("set-cookie")]
            session = answer.headers["set-cookie"].split(";")[0]
            said: dict[str, Any] = {**HERE, "Cookie": session}
            out = await client.request("DELETE", "/api/session", headers=said)
            after = await client.get("/api/session", headers=said)

        assert len(lines) == 2
        for line in lines:
            assert {"secure", "httponly", "samesite=strict", "path=/"} <= {
                part.strip() for part in line.split(";")
            }
            assert "domain" not in line
        assert answer.headers["cache-control"] == "no-store"
        assert "max-age=0" in out.headers["set-cookie"].lower()
        assert out.headers["clear-site-data"]
        assert after.status_code == 401

    with serving() as (here, base):
        asyncio.run(story(here, base, alice_of(here)))
