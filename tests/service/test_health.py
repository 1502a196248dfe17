"""The health routes: who may ask, what they answer, and what an engine that is away makes of it."""

import asyncio
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import pytest

from interlock.runtime.asking import AskError
from interlock.runtime.clock import NS_PER_S, ManualClock
from interlock.service.api import health as routes
from interlock.service.api.health import LOOKED_NS, Health, add_health_routes
from interlock.service.api.status import FRESH_NS
from interlock.service.database import Database, open_database
from interlock.service.doors import Access, Door, inventory
from interlock.service.engine_client import EngineDown
from interlock.service.metrics import GatewayMetrics
from tests.monitors.test_system_health import STATUS, TELEGRAM
from tests.service.apps import OpenGuard, app_for_tests, client_of

NOW_NS = 1_800_000_000 * NS_PER_S


class Engine:
    """An engine that says what it is told to, and counts who asks."""

    def __init__(self) -> None:
        self.status: dict[str, Any] | None = dict(STATUS)
        self.asked: list[str] = []

    async def ask(self, name: str, timeout_s: float = 5.0, **_fields: Any) -> dict[str, Any]:
        """Answer."""
        assert timeout_s > 0
        self.asked.append(name)
        if self.status is None:
            raise EngineDown("there is no engine")
        return {"text": "interlock_events 5.0\n"} if name == "metrics" else self.status

    async def kill(self, timeout_s: float = 10.0, **_fields: Any) -> dict[str, Any]:
        """Is not asked here."""
        raise AskError(str(timeout_s))


class World:
    """The routes, and everything behind them."""

    def __init__(self, folder: Path) -> None:
        self.clock = ManualClock(NOW_NS)
        self.engine = Engine()
        self.database: Database = open_database(folder / "gateway.db")
        self.followed: dict[str, Any] = {"why": "", "read_age_s": 0.1}
        self.telegram: dict[str, Any] = dict(TELEGRAM)
        self.metrics = GatewayMetrics()
        self.guard = OpenGuard()
        self.app = app_for_tests(clock=self.clock, metrics=self.metrics)
        self.health = Health(
            self.engine,
            self.clock,
            database=self.database,
            follower=lambda: self.followed,
            telegram=lambda: self.telegram,
        )
        add_health_routes(Door(self.app, self.guard, tag="health"), self.health, self.metrics)

    def get(self, *paths: str) -> list[httpx.Response]:
        """Ask one after the other."""

        async def asked() -> list[httpx.Response]:
            async with client_of(self.app) as client:
                return [await client.get(path) for path in paths]

        return asyncio.run(asked())

    def later(self) -> None:
        """Let so much time pass that everything is asked anew."""
        self.clock.advance(LOOKED_NS + FRESH_NS)


@pytest.fixture
def world(tmp_path: Path) -> Any:
    tmp_path.chmod(0o700)
    found = World(tmp_path)
    with closing(found.database):
        yield found


def test_a_healthy_system_says_so_everywhere(world: World) -> None:
    alive, ready, short, system, numbers = world.get(
        "/healthz", "/readyz", "/health", "/api/health/system", "/metrics"
    )
    assert [one.status_code for one in (alive, ready, short, system, numbers)] == [200] * 5
    assert (alive.text, ready.text) == ("ok\n", "ready\n")
    assert short.json() == {"status": "PASS", "timestamp": "2027-01-15T08:00:00Z", "reasons": []}
    assert system.json()["global_status"] == "PASS"
    assert system.json()["telegram"]["status"] == "PASS"
    assert numbers.headers["content-type"].startswith("text/plain")
    assert "interlock_events 5.0" in numbers.text
    assert "interlock_engine_up 1" in numbers.text
    assert "interlock_gateway_requests_total" in numbers.text


def test_an_engine_that_is_away(world: World) -> None:
    world.engine.status = None
    alive, ready, short, system, numbers = world.get(
        "/healthz", "/readyz", "/health", "/api/health/system", "/metrics"
    )
    assert alive.status_code == 200, "this process answers, whatever else does"
    assert (ready.status_code, ready.text) == (503, "not ready\n")
    assert short.status_code == system.status_code == 503
    assert system.json()["global_status"] == "FAIL"
    assert numbers.status_code == 200
    assert "interlock_engine_up 0" in numbers.text


def test_an_engine_that_is_not_reconciled_is_not_ready(world: World) -> None:
    world.engine.status = {**STATUS, "phase": "looking"}
    (ready,) = world.get("/readyz")
    assert ready.status_code == 503


def test_what_the_engine_said_before_it_fell_silent_does_not_count(world: World) -> None:
    assert world.get("/api/health/system")[0].status_code == 200
    world.engine.status = None
    world.later()
    (system,) = world.get("/api/health/system")
    assert system.status_code == 503
    assert system.json()["reasons"][0] == "the engine does not answer"


def test_only_a_pass_is_200_and_only_a_failure_makes_the_short_one_503(world: World) -> None:
    world.engine.status = {**STATUS, "level": "PAUSED"}
    short, system = world.get("/health", "/api/health/system")
    assert (short.status_code, short.json()["status"]) == (200, "DEGRADED")
    assert system.status_code == 503


@pytest.mark.parametrize(
    "followed",
    [
        {"why": "the journal cannot be read", "read_age_s": 0.1},
        {"why": "", "read_age_s": None},
        {"why": "", "read_age_s": 60.0},
        {},
    ],
)
def test_a_journal_that_is_not_read_does_not_pass(world: World, followed: dict[str, Any]) -> None:
    world.followed = followed
    (system,) = world.get("/api/health/system")
    assert system.json()["global_status"] == "DEGRADED"


def test_the_gateways_own_database_is_looked_at(world: World) -> None:
    assert world.get("/api/health/system")[0].json()["db_status"] == "up"
    world.database.path.rename(world.database.path.with_name("moved.db"))
    assert world.get("/api/health/system")[0].json()["db_status"] == "up", "not looked at again yet"
    world.later()
    (system,) = world.get("/api/health/system")
    assert system.json()["db_status"] == "down"
    assert system.status_code == 503


def test_a_database_that_somebody_holds_for_long_is_not_known(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(routes, "LOOK_S", 0.05)
    with world.database.begin():
        (system,) = world.get("/api/health/system")
    assert system.json()["global_status"] == "DEGRADED"
    assert system.json()["db_status"] == "down"


def test_many_who_ask_at_once_ask_the_engine_once(world: World) -> None:
    async def asked() -> list[Any]:
        return await asyncio.gather(*(world.health.now() for _ in range(20)))

    found = asyncio.run(asked())
    assert {one["global_status"] for one in found} == {"PASS"}
    assert world.engine.asked == ["status"]


def test_every_route_says_who_may_use_it(world: World) -> None:
    assert inventory(world.app) == [
        ("GET", "/api/health/system", "see_health, or loopback"),
        ("GET", "/health", "see_health, or loopback"),
        ("GET", "/healthz", "public: says that the process answers, and nothing else"),
        ("GET", "/metrics", "see_metrics, or loopback"),
        ("GET", "/readyz", "public: says yes or no, for whoever sends it work"),
    ]
    world.get("/health")
    assert isinstance(world.guard.asked[0], Access)


def test_a_query_that_nobody_knows_is_refused(world: World) -> None:
    for path in ("/health", "/api/health/system", "/metrics"):
        (answer,) = world.get(f"{path}?verbose=1")
        assert answer.status_code == 400
        assert answer.json()["error"]["code"] == "BAD_QUERY"


def test_no_answer_holds_a_secret(world: World) -> None:
    world.telegram = {**TELEGRAM, "bot_token_set": "123:SECRET", "chat_id_set": "555"}
    for answer in world.get("/health", "/api/health/system"):
        assert "SECRET" not in answer.text
        assert "555" not in answer.text
        assert answer.json().get("global_status", answer.json().get("status")) == "DEGRADED"


def test_somebody_hears_of_the_engine_also_when_nobody_looks(world: World) -> None:
    heard: list[Any] = []
    health = Health(
        world.engine,
        world.clock,
        database=world.database,
        follower=dict,
        on_status=heard.append,
    )

    async def until_heard() -> None:
        task = asyncio.create_task(health.run())
        while not heard:  # noqa: ASYNC110 - it is told from inside, and tells nobody
            await asyncio.sleep(0)
        task.cancel()

    asyncio.run(until_heard())
    assert heard == [world.engine.status]
