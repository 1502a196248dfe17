"""What no journal says is told as well; and whoever looks after an alert says so by the API."""

import asyncio
import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

from interlock.runtime.clock import NS_PER_S, ManualClock
from interlock.service.doors import Door
from interlock.service.engine_client import EngineDown
from interlock.service.notify.routes import add_alert_routes
from interlock.service.notify.watch import DOWN_NS, GRACE_NS, Watch
from interlock.service.permissions import Actor, Permission
from tests.service.apps import CHANGES, OpenGuard, app_for_tests, client_of
from tests.service.notify.rig import STATUS, Rig, alert, rig

if TYPE_CHECKING:
    from interlock.service.notify.alert import Alert

NOW_NS = 1_763_000_000 * NS_PER_S
DOWN = EngineDown("no engine answers here.")


@pytest.fixture
def made() -> Iterator[Rig]:
    """Yield a rig."""
    with rig() as one:
        yield one


class Watching:
    """A watch, and what it told."""

    def __init__(self, made: Rig) -> None:
        self.made = made
        self.clock = ManualClock(NOW_NS)
        self.told: list[Alert] = []
        self.watch = Watch(
            engine=made.engine,
            latch=lambda: made.latch,
            incidents=made.folder / "incidents",
            audit=made.audit,
            clock=self.clock,
            tell=self.told.append,
        )

    def look(self) -> list[str]:
        """Look once; return what was told."""
        self.told.clear()
        asyncio.run(self.watch.look())
        return [one.title for one in self.told]


def test_an_engine_that_does_not_answer(made: Rig) -> None:
    watching = Watching(made)
    assert watching.look() == []
    made.engine.down = DOWN
    assert watching.look() == []
    watching.clock.advance(DOWN_NS)
    assert watching.look() == ["the engine does not answer"]
    assert watching.told[0].severity == "critical"
    assert watching.look() == []
    made.engine.down = None
    assert watching.look() == ["the engine answers again"]
    assert watching.told[0].closes == ("engine_down",)


def test_an_engine_may_take_its_time_to_start(made: Rig) -> None:
    watching = Watching(made)
    made.engine.down = DOWN
    watching.clock.advance(GRACE_NS - 1)
    assert watching.look() == []
    watching.clock.advance(1)
    assert watching.look() == ["the engine does not answer"]


def test_what_was_set_before_anybody_looked(made: Rig) -> None:
    watching = Watching(made)
    latch = {"cause": "DAILY_LOSS", "of": "account", "level": "HALTED", "value": 1, "limit": 2}
    made.engine.answers["status"] = {**STATUS, "latches": [latch]}
    assert watching.look() == ["HALTED: DAILY_LOSS of account"]
    assert watching.look() == []


def test_a_kill_latch_that_was_set_past_the_engine(made: Rig) -> None:
    watching = Watching(made)
    assert watching.look() == []
    said = {"set": True, "mode": "immediate", "who": "cli:me", "reason": "because", "ts_ns": 5}
    made.latch = said
    assert watching.look() == ["the kill latch is set: immediate"]
    assert (watching.told[0].severity, watching.told[0].text) == ("critical", "by cli:me: because")
    assert watching.look() == []
    made.latch = {**said, "set": False}
    assert watching.look() == ["the kill latch was cleared"]


def test_reports_of_the_watchdog(made: Rig) -> None:
    folder = made.folder / "incidents"
    folder.mkdir()
    (folder / "1-dead.json").write_text("{}")
    watching = Watching(made)
    assert watching.look() == []
    said = {"health": "hung", "seen": "no step for 9 s", "result": "KILLED", "wall_ns": 7}
    (folder / "2-hung.json").write_text(json.dumps(said))
    (folder / "3-odd.json").write_text("[1")
    (folder / ".4.draft").write_text("x")
    assert watching.look() == [
        "the watchdog acted: the engine was hung",
        "the watchdog acted: the engine was not well",
    ]
    assert "no step for 9 s" in watching.told[0].text
    assert watching.look() == []


def test_who_knocks(made: Rig) -> None:
    watching = Watching(made)
    watching.look()
    made.audit.deny("login", actor="unknown", ip="1.2.3.4", action="login", reason="TOO_MANY_TRIES")
    made.audit.deny("login", actor="unknown", ip="1.2.3.4", action="login", reason="LOGIN_REFUSED")
    made.audit.write_denials(all_of_them=True)
    made.audit.record("user_change", actor="user:a", ip="", action="disable bob", success=True)
    made.audit.record("login", actor="user:a", ip="", action="login", success=True)
    assert watching.look() == [
        "somebody tries to sign in, and was told to wait",
        "people or their rights were changed",
    ]
    assert watching.told[0].text == "unknown from 1.2.3.4: login"
    assert watching.look() == []


# --- routes -------------------------------------------------------------------------------------


def ask(made: Rig, method: str, path: str, body: Any = None, actor: Actor | None = None) -> Any:
    """Ask for something; return status and answer."""

    async def go() -> Any:
        app = app_for_tests()
        guard = OpenGuard() if actor is None else OpenGuard(actor)
        add_alert_routes(Door(app, guard, tag="alerts"), made.make().acknowledging)
        async with client_of(app) as client:
            answer = await client.request(method, path, json=body, headers=CHANGES)
        return answer.status_code, answer.json(), guard.asked

    return asyncio.run(go())


def test_alerts_by_the_api(made: Rig) -> None:
    kept = made.make()._spool
    kept.take([alert(1, "critical"), alert(2, "warning"), alert(3, "critical")])
    status, page, asked = ask(made, "GET", "/api/alerts?limit=2")
    assert (status, page["open"], page["next"]) == (200, 3, 2)
    assert [one["id"] for one in page["items"]] == [3, 2]
    assert asked[0].needs is Permission.SEE_DASHBOARD
    _, page, _ = ask(made, "GET", "/api/alerts?before=2")
    assert [(one["id"], one["title"]) for one in page["items"]] == [(1, "title 1")]

    status, one, asked = ask(made, "POST", "/api/alerts/1/acknowledge", {})
    assert (status, one["acknowledged"], one["acknowledged_by"]) == (200, True, "user:test")
    assert asked[0].needs is Permission.ACKNOWLEDGE
    other = Actor(name="user:other", permissions=frozenset(Permission))
    _, again, _ = ask(made, "POST", "/api/alerts/1/acknowledge", {}, other)
    assert again == one
    assert made.done("acknowledge") == [("user:test", "acknowledge alert 1", True)]
    _, page, _ = ask(made, "GET", "/api/alerts?open=true")
    assert [one["id"] for one in page["items"]] == [3, 2]


@pytest.mark.parametrize("name", ["9", "0", "-1", "x", "1e3", "9" * 30, "%D9%A2", "1%00"])
def test_an_alert_that_is_not_there(made: Rig, name: str) -> None:
    status, said, _ = ask(made, "POST", f"/api/alerts/{name}/acknowledge", {})
    assert (status, said["error"]["code"]) == (404, "NO_ALERT")


@pytest.mark.parametrize("query", ["?open=yes", "?limit=0", "?limit=1e3", "?x=1", "?before=-1"])
def test_a_query_that_is_not_one(made: Rig, query: str) -> None:
    assert ask(made, "GET", f"/api/alerts{query}")[0] in {400, 422}


def test_nothing_else_may_be_said(made: Rig) -> None:
    assert ask(made, "POST", "/api/alerts/1/acknowledge", {"who": "me"})[0] == 422
