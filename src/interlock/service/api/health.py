"""How everything is: for people, for containers, for load balancers and for Prometheus."""

import asyncio
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from fastapi import Request
from fastapi.responses import JSONResponse, PlainTextResponse
from pydantic import BaseModel
from sqlalchemy.exc import SQLAlchemyError

from interlock.monitors.system_health import system_health
from interlock.runtime.asking import AskError
from interlock.runtime.clock import NS_PER_S, Clock
from interlock.service.api.parts import Engine, OnStatus, Said
from interlock.service.api.status import Status, Statuses
from interlock.service.database import Database
from interlock.service.doors import Access, Door
from interlock.service.engine_client import EngineDown
from interlock.service.metrics import GatewayMetrics
from interlock.service.permissions import Permission
from interlock.service.reading import known_query

LOOKED_NS: Final = 2 * NS_PER_S  # how old a look at the gateway's own database may be
LOOK_S: Final = 2.0  # how long one may take
METRICS_S: Final = 2.0
SAMPLE_S: Final = 2.0  # between two points of what the account is worth, when nobody looks
PROMETHEUS: Final = "text/plain; version=0.0.4; charset=utf-8"
# Nobody has set it up: that is said, and is no failure.
NO_TELEGRAM: Final[Mapping[str, Any]] = {
    "enabled": False,
    "chat_id_set": False,
    "bot_token_set": False,
    "run_telegram_env": False,
    "kill_switch_enabled": False,
    "last_send_ok": None,
}

_LOOKS: Final = Access(needs=Permission.SEE_HEALTH, loopback=True)
_OK: Final = 200
_DOWN: Final = 503


class SystemHealth(BaseModel):
    """How everything is, and a sentence for whatever is not as it should be."""

    global_status: str
    timestamp: str
    db_status: str
    market_data: dict[str, Any]
    market_updater: dict[str, Any]
    signal_monitor: dict[str, Any]
    telegram: dict[str, Any]
    trade_system: dict[str, Any]
    risk_guard: dict[str, Any]
    venue: dict[str, Any]
    clock: str | None
    reasons: list[str]


class Health:
    """Asks the engine and the gateway's own parts how they are.

    Args:
        engine: The way to the engine.
        clock: The time.
        database: The gateway's own.
        follower: Returns how far the journal was read (``app.following``).
        telegram: Returns how Telegram is set up, as ``NO_TELEGRAM`` has it.
        on_status: Told what the engine says, whenever it was asked.
    """

    def __init__(
        self,
        engine: Engine,
        clock: Clock,
        *,
        database: Database,
        follower: Callable[[], Mapping[str, Any]],
        telegram: Callable[[], Mapping[str, Any]] = lambda: NO_TELEGRAM,
        on_status: OnStatus | None = None,
    ) -> None:
        self._engine = engine
        self._clock = clock
        self._database = database
        self._follower = follower
        self._telegram = telegram
        self._statuses = Statuses(engine, clock, on_status)
        self._file = _file(database.path)
        self._looked_ns = clock.elapsed_ns() - 2 * LOOKED_NS
        self._database_ok: bool | None = None
        self._looking = asyncio.Lock()
        self._waiting: asyncio.Future[None] | None = None

    async def status(self) -> Status:
        """Return what the engine says, asked a moment ago at most."""
        return await self._statuses.now()

    async def now(self) -> Said:
        """Return how everything is."""
        status = await self.status()
        followed = self._follower()
        facts = {
            "database_ok": await self._is_database_there(),
            "journal_read_age_s": None if followed.get("why") else followed.get("read_age_s"),
        }
        said = status.said if status.connected else None
        return system_health(said, facts, self._telegram(), self._clock.now_ns())

    async def run(self) -> None:
        """Ask again and again until cancelled, so that ``on_status`` hears without a viewer."""
        while True:
            await self.status()
            await asyncio.sleep(SAMPLE_S)

    async def engine_metrics(self) -> str:
        """Return the engine's own numbers; nothing when it does not answer."""
        try:
            answer = await self._engine.ask("metrics", timeout_s=METRICS_S)
        except (EngineDown, AskError):
            return ""
        return str(answer.get("text", ""))

    async def _is_database_there(self) -> bool | None:
        """Return whether the gateway's tables can be written, looked at lately."""
        async with self._looking:
            if self._clock.elapsed_ns() - self._looked_ns >= LOOKED_NS:
                self._database_ok = await self._look()
                self._looked_ns = self._clock.elapsed_ns()
        return self._database_ok

    async def _look(self) -> bool | None:
        if _file(self._database.path) != self._file:
            return False  # it was moved away: what is written now is gone with it
        if self._waiting is None or self._waiting.done():
            turn = self._database.run(_take_the_turn, self._database)
            self._waiting = asyncio.ensure_future(turn)
        # Whoever waits for its turn goes on waiting, and is not joined by others.
        done, _ = await asyncio.wait({self._waiting}, timeout=LOOK_S)
        if not done:
            return None  # somebody writes, and has written for long
        return not isinstance(self._waiting.exception(), SQLAlchemyError)


def _file(path: Path) -> tuple[int, int] | None:
    """Return which file is there; None for none."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _take_the_turn(database: Database) -> None:
    """Begin to write, and write nothing."""
    with database.begin():
        pass


def add_health_routes(door: Door, health: Health, metrics: GatewayMetrics) -> None:
    """Add them."""

    @door.route(
        "GET",
        "/healthz",
        Access(public="says that the process answers, and nothing else"),
        response_class=PlainTextResponse,
    )
    async def healthz() -> PlainTextResponse:
        """Whether this process answers."""
        return PlainTextResponse("ok\n")

    @door.route(
        "GET",
        "/readyz",
        Access(public="says yes or no, for whoever sends it work"),
        response_class=PlainTextResponse,
        responses={_DOWN: {"description": "Not now."}},
    )
    async def readyz() -> PlainTextResponse:
        """Whether orders could be decided on now: the engine answers and is reconciled."""
        status = await health.status()
        if status.connected and status.said.get("phase") == "ready":
            return PlainTextResponse("ready\n")
        return PlainTextResponse("not ready\n", status_code=_DOWN)

    _add_for_people(door, health)

    @door.route(
        "GET",
        "/metrics",
        Access(needs=Permission.SEE_METRICS, loopback=True),
        response_class=PlainTextResponse,
    )
    async def numbers(request: Request) -> PlainTextResponse:
        """Numbers of the gateway and of the engine, for Prometheus."""
        known_query(request, ())
        engine = await health.engine_metrics()
        up = (
            "# HELP interlock_engine_up Whether the engine answers\n"
            f"# TYPE interlock_engine_up gauge\ninterlock_engine_up {int(bool(engine))}\n"
        )
        return PlainTextResponse(f"{metrics.text()}{engine}{up}", media_type=PROMETHEUS)


def _add_for_people(door: Door, health: Health) -> None:
    """Add what says why."""

    @door.route("GET", "/health", _LOOKS, responses={_DOWN: {"description": "It is not well."}})
    async def in_short(request: Request) -> JSONResponse:
        """How everything is, in a word and its reasons."""
        known_query(request, ())
        found = await health.now()
        return JSONResponse(
            {
                "status": found["global_status"],
                "timestamp": found["timestamp"],
                "reasons": found["reasons"],
            },
            status_code=_DOWN if found["global_status"] == "FAIL" else _OK,
        )

    @door.route(
        "GET",
        "/api/health/system",
        _LOOKS,
        response_model=SystemHealth,
        responses={_DOWN: {"model": SystemHealth, "description": "Not everything is well."}},
    )
    async def system(request: Request) -> JSONResponse:
        """How every part is; 200 only when all of them are well."""
        known_query(request, ())
        found = await health.now()
        return JSONResponse(found, status_code=_OK if found["global_status"] == "PASS" else _DOWN)
