"""The kill: two roads, and an answer that says of each whether it was had.

The latch file is set first and by this process alone, so it takes no engine: every last gate reads
it before each byte, and the watchdog acts on it where the engine does not. Then the engine is told,
on a connection of its own. Whether the venue is empty is read back, and until it was the answer
says KILL_UNCONFIRMED: ask again.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Annotated, Final, Literal

from fastapi import Request
from pydantic import BaseModel, Field
from sqlalchemy.exc import SQLAlchemyError

from interlock.runtime.asking import AskError
from interlock.service.api.parts import Engine, KillRoads, Parts, Said
from interlock.service.api.present import LOOKS
from interlock.service.api.queries import NOTHING, described
from interlock.service.api.status import Status, Statuses
from interlock.service.doors import Access, Door, actor_of
from interlock.service.engine_client import EngineDown
from interlock.service.front import ids_of
from interlock.service.peers import peer_of
from interlock.service.permissions import Actor, Permission
from interlock.service.problems import Problem
from interlock.service.reading import CLOSED, read_json

READY: Final = "ready"  # the engine's word for an account that is as its venue says
ENGINE_S: Final = 0.6  # an engine that does not answer in this time is passed by
LANES: Final = 8
KILLED: Final = "KILLED"
UNCONFIRMED: Final = "KILL_UNCONFIRMED"
NOT_KILLED: Final = "NOT_KILLED"

# A line that says something: what a terminal or a file would obey is not a part of it.
LINE: Final = r"[^\x00-\x1f\x7f]*"
Reason = Annotated[
    str, Field(min_length=1, max_length=200, pattern=rf"^{LINE}[^\x00-\x20\x7f]{LINE}$")
]


class KillAsked(BaseModel):
    """A kill: what is to happen, why, and a fresh code where the session showed none lately."""

    model_config = CLOSED

    mode: Literal["immediate", "graceful", "pause"]
    reason: Reason
    code: Annotated[str, Field(pattern=r"^[0-9]{6}$")] | None = None


class Road(BaseModel):
    """Whether a road was had, and why not."""

    result: Literal["CONFIRMED", "UNCONFIRMED", "NOT_ASKED"]
    why: str = ""


class KillAnswer(BaseModel):
    """How far a kill is.

    Attributes:
        result: KILLED when the venue shows nothing open and, after an immediate kill, nothing held.
        latch: The file that every last gate reads.
        engine: Whether it has journaled it.
        venue: Whether it was seen to be clear, as the engine's reconciled account says.
        mode: Of the latch as it is now.
        reason: Of the latch.
        who: Set it.
        ts_ns: When it was set.
        open_orders: What the engine still sees there; None when it does not answer.
        open_positions: The same of what is held.
    """

    result: Literal["KILLED", "KILL_UNCONFIRMED", "NOT_KILLED"]
    latch: Road
    engine: Road
    venue: Road
    mode: str = ""
    reason: str = ""
    who: str = ""
    ts_ns: int = 0
    open_orders: int | None = None
    open_positions: int | None = None


class Killing:
    """Stops the account.

    Args:
        roads: What takes no engine.
        engine: The way to it.
        statuses: What it says.
    """

    def __init__(self, roads: KillRoads, engine: Engine, statuses: Statuses) -> None:
        self._roads = roads
        self._engine = engine
        self._statuses = statuses
        # Of its own: whatever else waits for a disk, this does not wait behind it.
        self._threads = ThreadPoolExecutor(LANES, thread_name_prefix="kill")

    async def kill(self, *, mode: str, reason: str, who: str) -> Said:
        """Take both roads, and return what came of each."""
        latch = await self._in_lane(lambda: self._roads.latch(mode=mode, reason=reason, who=who))
        return await self._answer(latch, await self._tell(mode, reason, who))

    async def look(self) -> Said:
        """Return how far it is; nothing is changed."""
        found = await self._in_lane(self._roads.look)
        status = await self._statuses.now()
        killed = status.said.get("killed") or {}
        engine = Road(result="NOT_ASKED", why=status.why)
        if status.connected:
            is_told = bool(killed.get("set"))
            engine = Road(result="CONFIRMED" if is_told else "NOT_ASKED")
        latch = Road(result="CONFIRMED" if found["set"] else "NOT_ASKED")
        return self._said(found, latch, engine, status)

    async def _answer(self, latch: Said, engine: Road) -> Said:
        road = Road(result="CONFIRMED" if latch["confirmed"] else "UNCONFIRMED", why=latch["why"])
        if engine.result == "CONFIRMED":
            status = await self._statuses.now(at_least_ns=0)
        else:  # it was just asked, and did not answer
            status = Status(said={}, connected=False, why=engine.why)
        return self._said(latch["latch"], road, engine, status)

    def _said(self, found: Said, latch: Road, engine: Road, status: Status) -> Said:
        venue = _venue(status, str(found["mode"]))
        is_done = all(road.result == "CONFIRMED" for road in (latch, venue))
        result = NOT_KILLED
        if found["set"]:
            result = KILLED if is_done else UNCONFIRMED
        counts: Said = {}
        if status.connected:
            counts["open_orders"] = len(status.said.get("orders") or [])
            counts["open_positions"] = len(status.said.get("positions") or [])
        return {
            "result": result,
            "latch": latch.model_dump(),
            "engine": engine.model_dump(),
            "venue": venue.model_dump(),
            **{name: found[name] for name in ("mode", "reason", "who", "ts_ns")},
            **counts,
        }

    async def _tell(self, mode: str, reason: str, who: str) -> Road:
        try:
            answer = await self._engine.kill(ENGINE_S, mode=mode, reason=reason, who=who)
        except (EngineDown, AskError) as error:
            return Road(result="UNCONFIRMED", why=str(error))
        why = str(answer.get("why", ""))
        return Road(result="CONFIRMED", why=why)

    async def _in_lane(self, do: Callable[[], Said]) -> Said:
        return await asyncio.get_running_loop().run_in_executor(self._threads, do)


def _venue(status: Status, mode: str) -> Road:
    """Return whether the venue is as the kill wants it, as far as the engine sees."""
    if not status.connected:
        return Road(result="UNCONFIRMED", why=status.why)
    if status.said.get("phase") != READY:
        return Road(result="UNCONFIRMED", why="the account is not reconciled with the venue")
    orders, positions = status.said.get("orders") or [], status.said.get("positions") or []
    if mode == "immediate" and (orders or positions):
        why = f"{len(orders)} orders are open, and {len(positions)} positions are held"
        return Road(result="UNCONFIRMED", why=why)
    if mode != "immediate" and not (status.said.get("killed") or {}).get("set"):
        return Road(result="UNCONFIRMED", why="the engine does not say that it opens nothing")
    return Road(result="CONFIRMED")


def add_kill_routes(door: Door, parts: Parts, killing: Killing) -> None:
    """Add them."""

    @door.route("GET", "/api/kill", LOOKS, response_model=KillAnswer)
    async def look(request: Request) -> Said:
        """How far a kill is: ask until the result is KILLED."""
        NOTHING.read(request)
        return await killing.look()

    @door.route(
        "POST",
        "/api/kill",
        Access(needs=Permission.KILL),
        response_model=KillAnswer,
        openapi_extra=described(body=KillAsked),
    )
    async def kill(request: Request) -> Said:
        """Stop. It may be asked again: the strictest one holds.

        A person shows a second factor: within the last minutes, or as `code` in this request.
        """
        NOTHING.read(request)
        asked = await read_json(request, KillAsked)
        actor = actor_of(request)
        await _check_second_factor(parts, request, actor, asked)
        answer = await killing.kill(mode=asked.mode, reason=asked.reason, who=actor.name)
        # What makes things safer is done whether it can be written down or not.
        with suppress(SQLAlchemyError, OSError):
            await parts.audit.arecord(
                "kill",
                actor=actor.name,
                ip=peer_of(request).address,
                action=f"kill {asked.mode}",
                success=True,
                reason=asked.reason,
                correlation=ids_of(request).correlation,
                result=answer["result"],
                latch=answer["latch"]["result"],
                engine=answer["engine"]["result"],
                venue=answer["venue"]["result"],
            )
        return answer


async def _check_second_factor(
    parts: Parts, request: Request, actor: Actor, asked: KillAsked
) -> None:
    """Refuse a person who showed no second factor; a token has none to show."""
    if actor.stepped_up or not actor.session:
        return
    ip, correlation = peer_of(request).address, ids_of(request).correlation
    if asked.code is not None and await parts.people.fresh_code(
        actor, asked.code, ip=ip, correlation=correlation
    ):
        return
    reason = "STEP_UP_NEEDED" if asked.code is None else "CODE_REFUSED"
    parts.audit.deny(
        "access_denied",
        actor=actor.name,
        ip=ip,
        action="POST /api/kill",
        reason=reason,
        correlation=correlation,
    )
    raise Problem(
        status=403,
        code=reason,
        message="a kill needs a fresh code of your second factor: send it as code, or POST it to "
        "/api/step-up first. The command line needs none: interlock kill.",
    )
