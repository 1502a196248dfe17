"""Every route, whoever asks, and with every method: let through exactly where the route says so."""

import asyncio
import re
from collections import Counter
from pathlib import Path
from typing import Any, Final

import httpx
import pytest
from fastapi.routing import APIRoute

from interlock.service.doors import inventory
from interlock.service.permissions import GRANTS, Permission, Role
from tests.service.api.gateway import FAR, Gateway, gateway
from tests.service.apps import client_of
from tests.service.people.world import Browser

METHODS: Final = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
LOOKS: Final = {"GET", "HEAD", "OPTIONS"}
REFUSALS: Final = {401, 403}
PROOF: Final = {415, 400}  # a change came past the guard, and its form was refused: none is made
TOKEN_MAY: Final = sorted(
    set(Permission)
    - {
        Permission.MANAGE_PEOPLE,
        Permission.CLEAR_KILL,
        Permission.CHANGE_LIMITS,
        Permission.APPROVE,
    }
)


class Asker:
    """Somebody, and what they may do."""

    def __init__(self, name: str, browser: Browser, held: set[str], **traits: bool) -> None:
        self.name = name
        self.browser = browser
        self.held = held
        self.is_person = traits.get("is_person", False)
        self.is_stepped_up = traits.get("is_stepped_up", False)
        self.is_here = traits.get("is_here", False)
        self.token = ""

    def may(self, access: str) -> bool:
        """Return whether a route of this access lets them through; said once more, by hand."""
        if access.startswith(("public", "own")):
            return True
        needs, *more = access.split(", ")
        if "or loopback" in more and self.is_here:
            return True
        holds = self.is_person if needs == "signed in" else needs in self.held
        return holds and (self.is_stepped_up or "step-up" not in more)

    async def send(self, method: str, path: str) -> httpx.Response:
        """Ask for something: a change in a form that is refused right behind the guard."""
        headers = {"Content-Type": "text/plain"} if method not in LOOKS else {}
        if self.token:
            headers["Authorization"] = f"Bearer {self.token}"
        return await self.browser.send(method, path, **headers)


def at(path: str) -> str:
    """Return a path with something in the place of its names."""
    return re.sub(r"\{[^}]+\}", "nothing", path)


def complaint(asker: Asker, method: str, path: str, access: str, answer: Any) -> str:
    """Return what is wrong with an answer, "" when nothing is."""
    said = f"{method} {path} ({access}) as {asker.name} gave {answer.status_code}"
    if answer.status_code == 500:
        return f"{said}: {answer.text}"
    if asker.may(access):
        if access.startswith("own"):
            return ""
        passed = answer.status_code in PROOF if method not in LOOKS else True
        refused = answer.status_code in REFUSALS or answer.headers.get("location") == "/login"
        return "" if passed and not refused else f"{said}: {answer.text}"
    if "text/html" in answer.headers.get("content-type", "") or answer.status_code in {302, 303}:
        is_page = answer.status_code in {302, 303, 401, 403}
        return "" if is_page and not path.startswith("/api") else f"{said}, a page"
    if answer.status_code not in REFUSALS:
        return f"{said}: {answer.text}"
    wants = 403 if asker.held or asker.is_person else 401
    if answer.status_code != wants:
        return f"{said}, and not {wants}"
    return "" if is_error(answer) else f"{said}: {answer.text}"


def is_error(answer: httpx.Response) -> bool:
    """Return whether an answer has the one shape of an error."""
    if not answer.content:
        return True  # of HEAD
    error = answer.json().get("error", {})
    return {"code", "message", "id"} <= set(error) and answer.headers["x-request-id"] == error["id"]


async def crew(world: Gateway, *, stepped_up: bool) -> list[Asker]:
    """Return everybody who may ask."""
    people = await world.people()
    admin, first = people[str(Role.ADMIN)]
    await world.step_up(admin, first)
    tokens = [
        (name, await world.token(admin, f"t-{name}".replace("_", "-"), [name]))
        for name in TOKEN_MAY
    ]
    if stepped_up:
        for browser, member in people.values():
            await world.step_up(browser, member)
    else:
        world.wait(6 * 60)
    found = [
        Asker(
            f"{role}{', stepped up' if stepped_up else ''}",
            browser,
            set(map(str, GRANTS[Role(role)])),
            is_person=True,
            is_stepped_up=stepped_up,
        )
        for role, (browser, _) in people.items()
    ]
    if stepped_up:
        return found
    found.append(Asker("nobody", Browser(client_of(world.app, FAR)), set()))
    found.append(Asker("loopback", Browser(client_of(world.app)), set(), is_here=True))
    for name, secret in tokens:
        asker = Asker(f"a token with {name}", Browser(client_of(world.app, FAR)), {str(name)})
        asker.token = secret
        found.append(asker)
    return found


@pytest.mark.parametrize("stepped_up", [False, True], ids=["no step-up", "stepped up"])
def test_a_route_lets_through_exactly_who_it_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, stepped_up: bool
) -> None:
    complaints: list[str] = []
    seen: Counter[bool] = Counter()

    async def run(world: Gateway) -> None:
        askers = await crew(world, stepped_up=stepped_up)
        world.hang_up()  # a stream would never end here
        for method, path, access in inventory(world.app):
            for asker in askers:
                answer = await asker.send(method, at(path))
                seen[asker.may(access)] += 1
                complaints.append(complaint(asker, method, path, access, answer))

    with gateway(tmp_path, monkeypatch) as world:
        asyncio.run(run(world))
    assert not [each for each in complaints if each], "\n".join(filter(None, complaints))
    assert min(seen.values()) > 100


def test_a_method_that_a_route_does_not_have_is_refused_whoever_asks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def run(world: Gateway) -> list[str]:
        people = await world.people()
        askers = [browser for browser, _ in people.values()]
        askers += [world.browser(), world.browser("127.0.0.1")]
        known: dict[str, set[str]] = {}
        for method, path, _ in inventory(world.app):
            known.setdefault(at(path), set()).add(method)
        wrong = []
        for number, (path, methods) in enumerate(sorted(known.items())):
            for method in METHODS:
                if method in methods:
                    continue
                asker = askers[number % len(askers)]
                answer = await asker.send(method, path)
                allow = set(answer.headers.get("allow", "").split(", "))
                if answer.status_code != 405 or not methods <= allow or not is_error(answer):
                    wrong.append(f"{method} {path}: {answer.status_code} {answer.text}")
        return wrong

    with gateway(tmp_path, monkeypatch) as world:
        wrong = asyncio.run(run(world))
    assert not wrong, "\n".join(wrong)


def test_what_is_no_route_is_not_found_whoever_asks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths = (
        *("/api", "/api/", "/api/kill/", "/API/kill", "/docs"),
        *("/redoc", "/debug", "/.env", "/.git/config", "/api/accounts/other", "/static/../app.py"),
        *("/openapi.json", "/api/positions/other", "/api/overview%00", "/api/%6bill/x"),
    )

    async def run(world: Gateway) -> None:
        people = await world.people()
        for asker in (people["admin"][0], world.browser(), world.browser("127.0.0.1")):
            for path in paths:
                answer = await asker.get(path)
                assert answer.status_code == 404, f"{path}: {answer.status_code}"
                assert is_error(answer)

    with gateway(tmp_path, monkeypatch) as world:
        asyncio.run(run(world))


def test_every_permission_is_needed_by_a_route_or_is_kept_for_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What nothing needs is a right that nobody can use: it must be said why it is there."""
    later = {Permission.SEE_LOGS, Permission.ACKNOWLEDGE}  # logs are files for now

    with gateway(tmp_path, monkeypatch) as world:
        needed = {access.split(", ")[0] for _, _, access in inventory(world.app)}
        routes = [route for route in world.app.routes if isinstance(route, APIRoute)]

    assert len(routes) == len(world.app.routes)
    assert {str(one) for one in Permission} - needed <= {str(one) for one in later}
