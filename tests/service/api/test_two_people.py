"""What lets more through takes two people where there are two, and happens once."""

import asyncio
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tests.service.api.gateway import Gateway, gateway
from tests.service.api.world import FakeEngine
from tests.service.people.world import Browser


async def two_admins(world: Gateway) -> tuple[Browser, Browser]:
    """Return two administrators who stepped up."""
    ada, bob = world.browser(), world.browser()
    first = await world.enrol(ada, world.first_code.read_text().strip(), "ada")
    await world.step_up(ada, first)
    invited = await ada.post("/api/people", {"name": "bob", "role": "admin"})
    second = await world.enrol(bob, invited.json()["code"])
    await world.step_up(ada, first)
    await world.step_up(bob, second)
    return ada, bob


@pytest.mark.parametrize(
    ("path", "body", "asked"),
    [
        ("/api/kill/clear", {"reason": "looked at"}, "clear"),
        ("/api/reload", {"reason": "more room", "loosen": True}, "reload"),
    ],
)
def test_it_is_done_once_by_somebody_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, path: str, body: dict[str, Any], asked: str
) -> None:
    engine = FakeEngine()
    engine.answers["clear"] = {"changed": True, "seq": 11}

    async def run(world: Gateway) -> None:
        ada, bob = await two_admins(world)
        wanted = await ada.post(path, body)
        assert wanted.status_code == 202, wanted.text
        waits = wanted.json()["request"]
        assert asked not in engine.names()
        mine = await ada.post(f"/api/requests/{waits}", {"approve": True})
        assert (mine.status_code, mine.json()["error"]["code"]) == (403, "SECOND_PERSON_NEEDED")
        assert asked not in engine.names()
        answers = await asyncio.gather(
            *(bob.post(f"/api/requests/{waits}", {"approve": True}) for _ in range(20))
        )
        assert Counter(each.status_code for each in answers)[200] == 1
        assert engine.names().count(asked) == 1
        (fields,) = [fields for name, fields in engine.asked if name == asked]
        if asked == "clear":
            assert "user:ada" in fields["who"]
            assert "user:bob" in fields["who"]

    with gateway(tmp_path, monkeypatch, engine) as world:
        asyncio.run(run(world))


def test_one_who_is_alone_decides_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = FakeEngine()
    engine.answers["clear"] = {"changed": True, "seq": 11}

    async def run(world: Gateway) -> None:
        ada = world.browser()
        first = await world.enrol(ada, world.first_code.read_text().strip(), "ada")
        refused = await ada.post("/api/kill/clear", {"reason": "looked at"})
        assert refused.json()["error"]["code"] == "STEP_UP_NEEDED"
        await world.step_up(ada, first)
        done = await ada.post("/api/kill/clear", {"reason": "looked at"})
        assert (done.status_code, done.json()) == (200, {"changed": True, "seq": 11})

    with gateway(tmp_path, monkeypatch, engine) as world:
        asyncio.run(run(world))
