"""One whole gateway that attacks are made on, people in it, and a look at everything it keeps."""

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any, Final

import httpx
import pytest

from interlock.app import gateway_joined
from interlock.config.home import home_of
from interlock.config.settings import Settings
from interlock.service.people.people import People
from interlock.service.permissions import Permission, Role
from interlock.service.projection import Projection
from tests.service.api import gateway as joined
from tests.service.api.gateway import Gateway
from tests.service.api.world import FakeEngine
from tests.service.apps import client_of
from tests.service.people.world import PASSWORD, SHELL, Browser, Member

# What an attack must not change; sessions may end by it, and never begin.
KEPT: Final = (
    "SELECT id, name, role, disabled, password_hash, totp_secret FROM users ORDER BY id",
    "SELECT id, permissions, expires_ns, revoked_ns FROM tokens ORDER BY id",
    "SELECT code_digest, used_ns FROM recovery_codes ORDER BY code_digest",
    "SELECT code_digest, used_ns FROM enrolments ORDER BY code_digest",
    "SELECT id, state, decided_by FROM requests ORDER BY id",
    "SELECT id, state FROM webhooks ORDER BY id",
)
SESSIONS: Final = "SELECT id, user_id, step_up_ns FROM sessions"

Answers = httpx.Response | list[httpx.Response]
Begin = Callable[["Stage"], Awaitable[Awaitable[Answers]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One attack.

    Attributes:
        name: What it tries.
        begin: Does what the victim does, and returns the attack itself, which has not begun.
        statuses: What may come back.
    """

    name: str
    begin: Begin
    statuses: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Kept:
    """Everything that an attack could change.

    Attributes:
        rows: Of the database.
        sessions: Each with its second factor.
        acts: What the engine was asked for beside how it is.
        latch: The file of a kill.
    """

    rows: tuple[Any, ...]
    sessions: frozenset[Any]
    acts: tuple[str, ...]
    latch: bytes


@dataclass(kw_only=True)
class Stage:
    """A gateway, its engine, and fresh people for each attack.

    Attributes:
        world: The gateway.
        engine: Remembers what it was asked.
        people: Of the gateway.
        folder: Its home's.
        done: Names of the attacks that were made.
        invitee: Who was invited last.
        kept_browser: Of an administrator who is used by many attacks.
        projection: What happened, for those who ask.
    """

    world: Gateway
    engine: FakeEngine
    people: People
    folder: Path
    done: list[str] = field(default_factory=list)
    invitee: str = ""
    kept_browser: Browser | None = None
    projection: Projection
    _numbers: Iterator[int] = field(default_factory=lambda: count(1))

    def address(self) -> str:
        """Return an address that nobody came from yet."""
        number = next(self._numbers)
        return f"198.18.{number // 250}.{number % 250 + 1}"

    def stranger(self) -> Browser:
        """Return somebody from elsewhere without cookies."""
        return self.world.browser(self.address())

    def local(self) -> Browser:
        """Return a program of this machine."""
        return Browser(client_of(self.world.app))

    def stolen(self, browser: Browser) -> Browser:
        """Return somebody elsewhere who has the cookies of a browser."""
        return Browser(client_of(self.world.app, self.address()), dict(browser.cookies))

    async def raw(
        self,
        method: str,
        path: str,
        headers: dict[str, str],
        content: bytes = b"",
        *,
        browser: Browser | None = None,
        address: str = "",
    ) -> httpx.Response:
        """Send a request with these headers alone, and the cookies of a browser."""
        cookies = {} if browser is None else browser.cookies
        if cookies:
            found = "; ".join(f"{name}={value}" for name, value in cookies.items())
            headers = {"Cookie": found, **headers}
        said = [
            (name.encode(), value.encode("utf-8", "surrogateescape"))
            for name, value in headers.items()
        ]
        client = client_of(self.world.app, address or self.address())
        return await client.request(method, path, headers=said, content=content)

    async def person(
        self, role: Role = Role.RISK_MANAGER, *, stepped_up: bool = False
    ) -> tuple[Browser, Member]:
        """Return somebody new, signed in at a browser of their own."""
        code = self.invited(role)
        browser = self.stranger()
        member = await self.world.enrol(browser, code)
        if stepped_up:
            await self.world.step_up(browser, member)
        return browser, member

    def invited(self, role: Role = Role.QUANT) -> str:
        """Return the code of a new invitation."""
        self.invitee = f"p{next(self._numbers)}"
        return self.people.managing.add(self.invitee, role, SHELL)

    def token(self, *permissions: Permission) -> tuple[str, str]:
        """Return the name and the secret of a new service token."""
        name = f"t{next(self._numbers)}"
        return name, self.people.managing.add_token(name, frozenset(permissions), 1, SHELL)

    def login(self, member: Member, **changes: str) -> dict[str, str]:
        """Return what somebody signs in with; a code that was not used yet unless it is said."""
        body = {"name": member.name, "password": PASSWORD, **changes}
        return body if "code" in body else {**body, "code": self.world.code(member)}

    def kept(self) -> Kept:
        """Return everything that an attack could change."""
        home = home_of(Settings(home=self.folder / "home"))
        with closing(sqlite3.connect(home.gateway_db)) as database:
            rows = tuple(tuple(database.execute(one).fetchall()) for one in KEPT)
            sessions = frozenset(database.execute(SESSIONS).fetchall())
        latch = home.latch.read_bytes() if home.latch.exists() else b""
        return Kept(rows, sessions, tuple(self.engine.names()), latch)


async def attacked(stage: Stage, cases: Sequence[Case]) -> list[str]:
    """Make every attack; return what is wrong with what came of them."""
    wrong: list[str] = []
    for case in cases:
        attack = await case.begin(stage)
        before = stage.kept()
        found = await attack
        answers = found if isinstance(found, list) else [found]
        assert answers, case.name
        for answer in answers:
            wrong += [f"{case.name}: {one}" for one in complaints(answer, case.statuses)]
        wrong += [f"{case.name}: {one}" for one in changes(before, stage.kept())]
        stage.done.append(case.name)
    return wrong


def complaints(answer: httpx.Response, statuses: Sequence[int]) -> Iterator[str]:
    """Yield what is wrong with an answer to an attack."""
    status, kind = answer.status_code, answer.headers.get("content-type", "")
    if status not in statuses:
        yield f"{status} {answer.text[:200]}"
    if status >= 400 and answer.content and kind.startswith("application/json"):
        error = answer.json().get("error", {})
        if not {"code", "message", "id"} <= set(error):
            yield f"not the shape of an error: {answer.text[:200]}"
    if status >= 300 and "set-cookie" in answer.headers:
        yield "a refusal sets a cookie"
    if "access-control-allow-origin" in answer.headers:
        yield "another site is let in"
    if answer.headers.get("x-content-type-options") != "nosniff":
        yield "a browser may guess what it is"


def changes(before: Kept, after: Kept) -> Iterator[str]:
    """Yield what an attack has changed."""
    for query, old, new in zip(KEPT, before.rows, after.rows, strict=True):
        if old != new:
            yield f"it changed what {query} gives: {old} -> {new}"
    if not after.sessions <= before.sessions:
        yield f"it began or raised a session: {after.sessions - before.sessions}"
    if before.acts != after.acts:
        yield f"the engine was asked for {after.acts[len(before.acts) :]}"
    if before.latch != after.latch:
        yield "it changed the latch"


@contextmanager
def staged(folder: Path, patch: pytest.MonkeyPatch) -> Iterator[Stage]:
    """Yield a gateway with one administrator whom nobody attacks."""
    made: list[People] = []
    read: list[Projection] = []

    def people(**parts: Any) -> People:
        made.append(People(**parts))
        return made[-1]

    def projection(*parts: Any) -> Projection:
        read.append(Projection(*parts))
        return read[-1]

    patch.setattr(joined, "People", people)
    patch.setattr(gateway_joined, "Projection", projection)
    engine = FakeEngine()
    with joined.gateway(folder, patch, engine) as world:
        read[0].begin("of the attacks", {"cash_units": 0})
        yield Stage(world=world, engine=engine, people=made[0], folder=folder, projection=read[0])


def run(
    folder: Path, patch: pytest.MonkeyPatch, story: Callable[[Stage], Awaitable[list[str]]]
) -> None:
    """Tell a story on a stage; nothing may be wrong at its end."""

    async def tell() -> list[str]:
        await stage.world.enrol(stage.stranger(), stage.world.first_code.read_text().strip(), "ada")
        return await story(stage)

    with staged(folder, patch) as stage:
        wrong = asyncio.run(tell())
    assert not wrong, "\n".join(wrong)


def of(method: str, path: str, body: Any = None, **headers: str) -> Begin:
    """Return an attack of a stranger: one request."""

    async def begin(stage: Stage) -> Awaitable[Answers]:
        return stage.stranger().send(method, path, body, **headers)

    return begin
