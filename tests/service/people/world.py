"""A gateway with people in it, and browsers for them; without a socket and without real time."""

import asyncio
import tempfile
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.cookies import SimpleCookie
from pathlib import Path
from typing import Any

import httpx
import pyotp
from fastapi import FastAPI, Request

from interlock.config.people import PeopleSettings
from interlock.runtime.clock import NS_PER_S, ManualClock
from interlock.service.database import Database, open_database
from interlock.service.doors import Access, Door, actor_of
from interlock.service.people.guard import COOKIE
from interlock.service.people.invitations import offer_first_code
from interlock.service.people.passwords import Hasher
from interlock.service.people.people import People
from interlock.service.people.routes import add_people_routes
from interlock.service.people.who import Who
from interlock.service.permissions import Actor, Permission, Role
from tests.service.apps import CHANGES, app_for_tests, client_of
from tests.service.audits import AuditForTests

NOW_S = 1_763_000_010
HERE = {**CHANGES, "Sec-Fetch-Site": "same-origin"}  # what a page of ours sends
PASSWORD = "a long walk in the rain"  # noqa: S105
SHELL = Who(actor="cli:me", ip="")


def settings(**changes: Any) -> PeopleSettings:
    """Return the shipped settings, with some changed."""
    shipped = {"idle_minutes": 15, "session_hours": 12, "step_up_minutes": 5, "four_eyes": "auto"}
    return PeopleSettings(**{**shipped, **changes})


def quick_hasher(waiting_max: int = 64) -> Hasher:
    """Return one that takes no time."""
    return Hasher(memory_kib=8, passes=1, waiting_max=waiting_max)


@dataclass
class Member:
    """Somebody with an authenticator."""

    name: str
    secret: str
    recovery_codes: list[str]


@dataclass
class Browser:
    """Keeps cookies as a browser does, and says where its requests come from."""

    client: httpx.AsyncClient
    cookies: dict[str, str] = field(default_factory=dict)

    async def send(
        self, method: str, path: str, body: Any = None, **headers: str
    ) -> httpx.Response:
        """Send a request as a page of ours does; ``X_Y`` is the header ``X-Y``."""
        said = {**HERE, **{key.replace("_", "-"): value for key, value in headers.items()}}
        if self.cookies:
            said["Cookie"] = "; ".join(f"{key}={value}" for key, value in self.cookies.items())
        answer = await self.client.request(method, path, json=body, headers=said)
        for line in answer.headers.get_list("set-cookie"):
            for name, morsel in SimpleCookie(line).items():
                self.cookies[name] = morsel.value
                if morsel["max-age"] == "0":
                    del self.cookies[name]
        return answer

    async def get(self, path: str, **headers: str) -> httpx.Response:
        """Look at something."""
        return await self.send("GET", path, **headers)

    async def post(self, path: str, body: Any = None, **headers: str) -> httpx.Response:
        """Change something."""
        return await self.send("POST", path, body or {}, **headers)


class World:
    """People, their browsers and their time."""

    def __init__(
        self, folder: Path, database: Database, now_s: int = NOW_S, **changes: Any
    ) -> None:
        self.clock = ManualClock(now_s * NS_PER_S)
        self.audit = AuditForTests()
        self.database = database
        self.first_code = folder / "admin-code"
        self.people = People(
            database=database,
            audit=self.audit,
            clock=self.clock,
            settings=settings(**changes),
            first_code=self.first_code,
            hasher=quick_hasher(),
        )
        self.app: FastAPI = app_for_tests(clock=self.clock)
        self.door = Door(self.app, self.people.guard, tag="test")
        add_people_routes(self.door, self.people)
        for permission in Permission:
            self._route(permission)

    def _route(self, permission: Permission) -> None:
        @self.door.route("GET", f"/test/{permission}", Access(needs=permission))
        async def look(request: Request) -> dict[str, Any]:
            return {"actor": actor_of(request).name}

    def browser(self, address: str = "203.0.113.7", **more: Any) -> Browser:
        """Return a browser without cookies."""
        return Browser(client_of(self.app, address, **more))

    def wait(self, seconds: float) -> None:
        """Let time pass."""
        self.clock.advance(int(seconds * NS_PER_S))

    def code(self, member: Member) -> str:
        """Return a code that was not used yet: the next step's, once time has passed."""
        self.wait(30)
        now_s = self.clock.now_ns() // NS_PER_S
        return pyotp.TOTP(member.secret).at(now_s)

    async def enrol(self, browser: Browser, code: str, name: str = "") -> Member:
        """Take an invitation, with a browser that is signed in afterwards."""
        body = {"code": code, "name": name, "password": PASSWORD}
        begun = await browser.post("/api/setup", body)
        assert begun.status_code == 200, begun.text
        member = Member(begun.json()["name"], begun.json()["secret"], [])
        body = {"enrolment": begun.json()["enrolment"], "code": self.code(member)}
        done = await browser.post("/api/setup/confirm", body)
        assert done.status_code == 200, done.text
        member.recovery_codes = done.json()["recovery_codes"]
        return member

    async def first(self, browser: Browser, name: str = "alice") -> Member:
        """Make the first administrator."""
        file = offer_first_code(self.database, self.clock, self.first_code)
        assert file is not None
        return await self.enrol(browser, file.read_text().strip(), name)

    async def join(self, browser: Browser, name: str, role: Role) -> Member:
        """Make somebody else."""
        return await self.enrol(browser, self.people.managing.add(name, role, SHELL))

    async def sign_in(self, browser: Browser, member: Member, **changes: str) -> httpx.Response:
        """Sign in, with what is right unless it is changed."""
        body = {"name": member.name, "password": PASSWORD, **changes}
        if not {"code", "recovery_code"} & body.keys():
            body["code"] = self.code(member)
        return await browser.post("/api/session", body)

    async def step_up(self, browser: Browser, member: Member) -> None:
        """Show a fresh second factor."""
        done = await browser.post("/api/step-up", {"code": self.code(member)})
        assert done.status_code == 200, done.text

    def denied(self) -> list[str]:
        """Return the reasons of all refusals so far."""
        return [one["reason"] for one in self.audit.denials]

    def recorded(self) -> list[str]:
        """Return what was done so far."""
        return [one["action"] for one in self.audit.records]


@contextmanager
def world(**changes: Any) -> Iterator[World]:
    """Yield a gateway without anybody."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        database = open_database(folder / "gateway.db")
        made = World(folder, database, **changes)
        try:
            yield made
        finally:
            made.people.close()
            database.close()


Story = Callable[[World, Browser, Member], Awaitable[None]]


def with_alice(story: Story, **changes: Any) -> None:
    """Run a story with one administrator, who is signed in at a browser."""

    async def tell() -> None:
        browser = here.browser()
        await story(here, browser, await here.first(browser))

    with world(**changes) as here:
        asyncio.run(tell())


def actor_at(here: World, browser: Browser) -> Actor:
    """Return who is signed in at a browser."""
    found = here.people.sessions.find(browser.cookies[COOKIE], is_used=False)
    assert found is not None
    return here.people.sessions.actor(found)
