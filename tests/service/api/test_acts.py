"""What the API changes: the kill first of all, and what needs a second factor or person."""

import asyncio
import json
import stat
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.exc import OperationalError

from interlock.config.latch import LatchState
from interlock.config.latch_file import LatchFile
from interlock.runtime.asking import AskError
from interlock.service.engine_client import EngineDown
from interlock.service.permissions import Actor, Permission
from tests.service.api.world import APPROVAL, HASH, World

KILL = {"mode": "immediate", "reason": "it does what nobody expects"}
PERSON = Actor(name="user:alice", permissions=frozenset(Permission), session="s1")
STEPPED_UP = Actor(
    name="user:alice", permissions=frozenset(Permission), session="s1", stepped_up=True
)
TOKEN = Actor(name="token:pager", permissions=frozenset({Permission.KILL}))


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path, STEPPED_UP)


def latch_of(world: World) -> LatchState:
    return LatchFile(path=world.home.latch, stopwatch_ns=world.clock.elapsed_ns).read().state


# --- the kill -----------------------------------------------------------------------------------


def test_a_kill_sets_the_latch_and_tells_the_engine(world: World) -> None:
    answer = asyncio.run(world.post("/api/kill", KILL)).json()

    assert answer["result"] == "KILLED"
    assert [answer[road]["result"] for road in ("latch", "engine", "venue")] == ["CONFIRMED"] * 3
    assert answer["who"] == "user:alice"
    assert latch_of(world) is LatchState.KILLED
    assert stat.S_IMODE(world.home.latch.stat().st_mode) == 0o600
    (row,) = world.audit.records
    assert (row["event_type"], row["actor"], row["reason"]) == (
        "kill",
        "user:alice",
        KILL["reason"],
    )
    assert row["ip"] == "127.0.0.1"


def test_what_is_still_open_is_no_kill_yet(world: World) -> None:
    world.engine.status["orders"] = [{}]

    answer = asyncio.run(world.post("/api/kill", {**KILL, "mode": "immediate"})).json()

    assert answer["result"] == "KILL_UNCONFIRMED"
    assert answer["venue"]["why"] == "1 orders are open, and 0 positions are held"
    assert (answer["open_orders"], answer["open_positions"]) == (1, 0)


@pytest.mark.parametrize(
    "error",
    [
        EngineDown("no engine answers here."),
        EngineDown("the engine did not answer within 0.6 s.", may_have_arrived=True),
        AskError("the journal cannot be written."),
    ],
)
def test_a_kill_takes_no_engine(world: World, error: Exception) -> None:
    world.engine.fails = error

    answer = asyncio.run(world.post("/api/kill", KILL)).json()

    assert latch_of(world) is LatchState.KILLED
    assert answer["result"] == "KILL_UNCONFIRMED"
    assert answer["latch"]["result"] == "CONFIRMED"
    assert answer["engine"] == {"result": "UNCONFIRMED", "why": str(error)}
    assert asyncio.run(world.get("/api/kill")).json()["result"] == "KILL_UNCONFIRMED"


def test_a_kill_waits_for_no_audit(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    async def full(*_args: Any, **_fields: Any) -> int:
        raise OperationalError("insert", {}, OSError("No space left on device"))

    monkeypatch.setattr(world.audit, "arecord", full)

    assert asyncio.run(world.post("/api/kill", KILL)).json()["result"] == "KILLED"


def test_twenty_kills_are_one(world: World) -> None:
    async def run() -> None:
        answers = await asyncio.gather(*(world.post("/api/kill", KILL) for _ in range(20)))
        assert Counter(answer.status_code for answer in answers) == {200: 20}
        assert {answer.json()["result"] for answer in answers} == {"KILLED"}

    asyncio.run(run())
    found = LatchFile(path=world.home.latch, stopwatch_ns=world.clock.elapsed_ns).read()
    assert (found.state, found.mode) == (LatchState.KILLED, "immediate")


def test_a_milder_kill_after_a_stricter_one_changes_nothing(world: World) -> None:
    asyncio.run(world.post("/api/kill", KILL))

    answer = asyncio.run(world.post("/api/kill", {**KILL, "mode": "pause"})).json()

    assert answer["mode"] == "immediate"


def test_before_any_kill_nothing_is_killed(world: World) -> None:
    assert asyncio.run(world.get("/api/kill")).json()["result"] == "NOT_KILLED"


def test_a_person_shows_a_second_factor_for_a_kill(world: World) -> None:
    world.guard.actor = PERSON
    world.people.codes = {"123456"}

    async def run() -> None:
        refused = await world.post("/api/kill", KILL)
        assert (refused.status_code, refused.json()["error"]["code"]) == (403, "STEP_UP_NEEDED")
        wrong = await world.post("/api/kill", {**KILL, "code": "000000"})
        assert (wrong.status_code, wrong.json()["error"]["code"]) == (403, "CODE_REFUSED")
        assert latch_of(world) is LatchState.CLEAR
        answers = await asyncio.gather(
            *(world.post("/api/kill", {**KILL, "code": "123456"}) for _ in range(20))
        )
        assert Counter(each.status_code for each in answers) == {200: 1, 403: 19}

    asyncio.run(run())
    reasons = Counter(each["reason"] for each in world.audit.denials)
    assert reasons == {"STEP_UP_NEEDED": 1, "CODE_REFUSED": 20}


def test_a_token_that_may_kill_has_no_second_factor_to_show(world: World) -> None:
    world.guard.actor = TOKEN

    assert asyncio.run(world.post("/api/kill", KILL)).json()["result"] == "KILLED"


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"mode": "immediate"}, 422),
        ({"mode": "immediate", "reason": ""}, 422),
        ({"mode": "immediate", "reason": "  "}, 422),
        ({"mode": "immediate", "reason": "a\nb"}, 422),
        ({"mode": "immediate", "reason": "a\x1b[2J"}, 422),
        ({"mode": "at once", "reason": "x"}, 422),
        ({"mode": "IMMEDIATE", "reason": "x"}, 422),
        ({"mode": ["immediate"], "reason": "x"}, 422),
        ({"mode": "immediate", "reason": 1}, 422),
        ({"mode": "immediate", "reason": "x" * 201}, 422),
        ({"mode": "immediate", "reason": "x", "account": "other"}, 422),
        ({"mode": "immediate", "reason": "x", "code": "12345"}, 422),
        ({"mode": "immediate", "reason": "x", "code": "١٢٣٤٥٦"}, 422),
        ({"mode": "immediate", "reason": "x", "code": 123456}, 422),
        (["immediate"], 400),
        ("immediate", 400),
    ],
)
def test_a_kill_is_read_strictly(world: World, body: Any, status: int) -> None:
    answer = asyncio.run(world.post("/api/kill", body))

    assert answer.status_code == status
    assert latch_of(world) is LatchState.CLEAR
    assert world.engine.names() == []


# --- what lets more through ---------------------------------------------------------------------


def test_a_kill_is_cleared_by_one_where_there_is_one(world: World) -> None:
    world.engine.answers["clear"] = {"changed": True, "seq": 11}

    answer = asyncio.run(world.post("/api/kill/clear", {"reason": "looked at"}))

    assert answer.json() == {"changed": True, "seq": 11}
    name, fields = world.engine.asked[-1]
    assert name == "clear"
    assert fields == {"reason": "looked at", "who": "user:alice", "seen_ns": 5}
    (row,) = world.audit.records
    assert (row["event_type"], row["success"], row["ip"]) == ("kill_clear", True, "127.0.0.1")


@pytest.mark.parametrize(
    ("path", "body", "kind"),
    [
        ("/api/kill/clear", {"reason": "looked at"}, "clear_kill"),
        ("/api/reload", {"loosen": True, "reason": "more room"}, "loosen"),
    ],
)
def test_where_there_are_two_a_second_person_decides(
    world: World, path: str, body: dict[str, Any], kind: str
) -> None:
    world.people.waits = "q-1"

    answer = asyncio.run(world.post(path, body))

    assert (answer.status_code, answer.json()) == (202, {"request": "q-1"})
    assert world.engine.names() == []
    ((asked, what),) = world.people.asked
    assert asked == kind

    async def approved() -> None:
        await world.people.kinds[kind](what, "user:alice, approved by user:bob")

    asyncio.run(approved())

    assert world.engine.names() == [{"clear_kill": "clear", "loosen": "reload"}[kind]]
    (row,) = world.audit.records
    assert row["actor"] == "user:alice, approved by user:bob"


def test_tightening_is_immediate_and_loosening_takes_a_second_factor(world: World) -> None:
    world.guard.actor = PERSON
    world.engine.answers["reload"] = {"changes": ["a: 5 -> 4 (tighter)"], "next_start": []}

    async def run() -> None:
        tighter = await world.post("/api/reload", {"reason": "less"})
        assert tighter.json()["changes"] == ["a: 5 -> 4 (tighter)"]
        looser = await world.post("/api/reload", {"reason": "more", "loosen": True})
        assert (looser.status_code, looser.json()["error"]["code"]) == (403, "STEP_UP_NEEDED")

    asyncio.run(run())
    assert [fields for name, fields in world.engine.asked if name == "reload"] == [
        {"loosen": False}
    ]
    assert world.audit.records[0]["changes"] == ["a: 5 -> 4 (tighter)"]


def test_reading_the_configuration_again_never_loosens(world: World) -> None:
    asyncio.run(world.post("/api/configuration/reload", {"reason": "edited"}))

    assert ("reload", {"loosen": False}) in world.engine.asked
    answer = asyncio.run(world.post("/api/configuration/reload", {"reason": "x", "loosen": True}))
    assert answer.status_code == 422


def test_what_the_engine_refuses_is_said_and_written_down(world: World) -> None:
    world.engine.fails = AskError("DAILY_LOSS must be set, and is not.")

    answer = asyncio.run(world.post("/api/resume", {"cause": "DAILY_LOSS", "reason": "x"}))

    assert answer.status_code == 409
    assert answer.json()["error"]["message"] == "DAILY_LOSS must be set, and is not."
    (row,) = world.audit.records
    assert (row["success"], row["wanted_because"]) == (False, "x")


def test_an_approval_is_of_exactly_what_was_shown(world: World) -> None:
    world.engine.answers["approve"] = {"state": "SUBMITTED", "orders": ["o-1-1"], "seq": 12}
    body = {"approve": True, "hash": HASH, "reason": "good"}

    async def run() -> None:
        answer = await world.post(f"/api/approvals/{APPROVAL['id']}", body)
        assert answer.json()["state"] == "SUBMITTED"
        assert (await world.post("/api/approvals/a-2", body)).status_code == 404
        assert (await world.post("/api/approvals/a-1", {**body, "hash": "x"})).status_code == 422

    asyncio.run(run())
    (asked,) = [fields for name, fields in world.engine.asked if name == "approve"]
    assert asked == {
        "id": "a-1",
        "hash": HASH,
        "approve": True,
        "who": "user:alice",
        "reason": "good",
    }


def test_without_an_engine_nothing_is_changed_and_it_is_said(world: World) -> None:
    world.engine.fails = EngineDown("no engine answers here.")

    for path, body in (
        ("/api/kill/clear", {"reason": "x"}),
        ("/api/resume", {"cause": "SPREAD", "reason": "x"}),
        ("/api/reload", {"reason": "x"}),
        ("/api/approvals/a-1", {"approve": False, "hash": HASH}),
    ):
        answer = asyncio.run(world.post(path, body))
        assert (answer.status_code, answer.json()["error"]["code"]) == (503, "ENGINE_DOWN"), path


def test_secrets_are_never_written_down(world: World) -> None:
    world.guard.actor = PERSON
    world.people.codes = {"123456"}
    asyncio.run(world.post("/api/kill", {**KILL, "code": "123456"}))

    assert "123456" not in json.dumps([world.audit.records, world.audit.denials])
