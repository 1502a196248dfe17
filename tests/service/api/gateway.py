"""The whole gateway as it is joined, without a socket and without an engine, and people in it."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
import structlog

from interlock.app import gateway_joined
from interlock.app.gateway_around import Surroundings
from interlock.app.gateway_joined import Joined, join
from interlock.config.everything import read_everything
from interlock.config.home import home_of
from interlock.config.secret_files import ensure_secret
from interlock.config.settings import Settings
from interlock.runtime.clock import NS_PER_S, ManualClock
from interlock.service.engine_client import EngineClient
from interlock.service.metrics import GatewayMetrics
from interlock.service.people.people import People
from interlock.service.permissions import Role
from tests.service.apps import client_of
from tests.service.people.world import NOW_S, Browser, Member, World, quick_hasher

FAR = "203.0.113.7"


class Gateway:
    """The gateway, and browsers for it."""

    def __init__(self, joined: Joined, clock: ManualClock, first_code: Path) -> None:
        self.app = joined.app
        self.hang_up = joined.hang_up
        self.clock = clock
        self.first_code = first_code

    def browser(self, address: str = FAR) -> Browser:
        """Return a browser without cookies."""
        return Browser(client_of(self.app, address))

    def wait(self, seconds: float) -> None:
        """Let time pass."""
        self.clock.advance(int(seconds * NS_PER_S))

    def code(self, member: Member) -> str:
        """Return a code that was not used yet."""
        this: Any = self
        return World.code(this, member)

    async def enrol(self, browser: Browser, code: str, name: str = "") -> Member:
        """Take an invitation, with a browser that is signed in afterwards."""
        this: Any = self
        return await World.enrol(this, browser, code, name)

    async def people(self) -> dict[str, tuple[Browser, Member]]:
        """Return somebody of each role, signed in; nobody but them is there."""
        admin = self.browser()
        first = await self.enrol(admin, self.first_code.read_text().strip(), "ada")
        found = {str(Role.ADMIN): (admin, first)}
        for role in Role:
            if role is Role.ADMIN:
                continue
            await self.step_up(admin, first)
            body = {"name": f"p-{role}".replace("_", "-"), "role": str(role)}
            invited = await admin.post("/api/people", body)
            assert invited.status_code == 200, invited.text
            browser = self.browser()
            found[str(role)] = (browser, await self.enrol(browser, invited.json()["code"]))
        return found

    async def step_up(self, browser: Browser, member: Member) -> None:
        """Show a second factor."""
        answer = await browser.post("/api/step-up", {"code": self.code(member)})
        assert answer.status_code == 200, answer.text

    async def token(self, browser: Browser, name: str, permissions: list[str]) -> str:
        """Return a service token; whoever makes it has stepped up."""
        body = {"name": name, "permissions": permissions, "days": 1}
        answer = await browser.post("/api/tokens", body)
        assert answer.status_code == 200, answer.text
        found: str = answer.json()["token"]
        return found


@contextmanager
def gateway(folder: Path, patch: pytest.MonkeyPatch, engine: Any = None) -> Iterator[Gateway]:
    """Yield the gateway of a home; without an engine there is none."""

    def people(**parts: Any) -> People:
        return People(**{**parts, "hasher": quick_hasher()})

    patch.setattr(gateway_joined, "People", people)
    settings = Settings(home=folder / "home")
    home = home_of(settings)
    home.make()
    ensure_secret(home.webhook_secret)
    clock: Any = ManualClock(NOW_S * NS_PER_S)
    metrics = GatewayMetrics()
    with ExitStack() as stack:
        joined = join(
            Surroundings(
                home=home,
                configuration=read_everything(settings),
                clock=clock,
                log=structlog.get_logger(),
                metrics=metrics,
                engine=engine or EngineClient(home.engine_socket, clock, metrics),
                stack=stack,
                tell=lambda _event, _facts: None,
            )
        )
        yield Gateway(joined, clock, home.admin_code)
