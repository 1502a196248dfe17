"""Routes that change what the engine does: clear, resume, approve, and read the rules again."""

from dataclasses import dataclass
from functools import partial
from typing import Annotated, Any, Final

from fastapi import Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field

from interlock.runtime.asking import AskError
from interlock.service.api.killing import LINE, Reason
from interlock.service.api.looks import LatchSet
from interlock.service.api.parts import Parts, Said
from interlock.service.api.queries import NOTHING, described, fits
from interlock.service.api.status import Statuses
from interlock.service.doors import Access, Door, actor_of, not_allowed
from interlock.service.engine_client import EngineDown
from interlock.service.front import ids_of
from interlock.service.peers import peer_of
from interlock.service.permissions import Actor, Permission
from interlock.service.problems import Problem
from interlock.service.reading import CLOSED, read_json

CLEAR_KILL: Final = "clear_kill"
LOOSEN: Final = "loosen"
ACT_S: Final = 10.0
STEP_UP: Final = Access(signed_in=True, step_up=True)
APPROVAL_ID: Final = r"[A-Za-z0-9_-]{1,64}"

_HASH: Final = r"^[0-9a-f]{16,64}$"


class ClearAsked(BaseModel):
    """Why an account that was killed may go on."""

    model_config = CLOSED

    reason: Reason


class ResumeAsked(BaseModel):
    """Which latch is released, and why."""

    model_config = CLOSED

    cause: Annotated[str, Field(pattern=r"^[A-Za-z_-]{1,32}$")]
    of: Annotated[str, Field(pattern=r"^[A-Za-z0-9._/:-]{1,64}$")] | None = None
    reason: Reason


class ApproveAsked(BaseModel):
    """A yes or a no to exactly what was shown."""

    model_config = CLOSED

    approve: bool
    hash: Annotated[str, Field(pattern=_HASH)]
    reason: Annotated[str, Field(max_length=200, pattern=rf"^{LINE}$")] = ""


class ReloadAsked(BaseModel):
    """That the files of rules hold from now on; with ``loosen``, also what lets more through."""

    model_config = CLOSED

    loosen: bool = False
    reason: Reason


class ReadAgainAsked(BaseModel):
    """Why the files of rules are read again."""

    model_config = CLOSED

    reason: Reason


class Waiting(BaseModel):
    """What waits for a second person."""

    request: str


class Cleared(BaseModel):
    """What came of a clear."""

    model_config = ConfigDict(extra="ignore")

    changed: bool
    seq: int | None = None


class Resumed(BaseModel):
    """What was released, and what is still set."""

    model_config = ConfigDict(extra="ignore")

    released: list[LatchSet] = []
    waits: list[LatchSet] = []
    latches: list[LatchSet] = []
    hint: str = ""
    seq: int | None = None


class Decided(BaseModel):
    """What came of an approval: the gate has judged again."""

    model_config = ConfigDict(extra="ignore")

    state: str = ""
    reason: str = ""
    reasons: list[str] = []
    message: str = ""
    signal: str = ""
    orders: list[str] = []
    seq: int | None = None


class Reloaded(BaseModel):
    """What changed, and what the next start will change."""

    model_config = ConfigDict(extra="ignore")

    changes: list[str] = []
    next_start: list[str] = []
    seq: int | None = None


SECOND: Final[dict[int | str, dict[str, Any]]] = {
    202: {"model": Waiting, "description": "It waits for a second person: see /api/requests."}
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """Something that somebody wants of the engine, as the audit has it.

    Attributes:
        event_type: A word for programs.
        action: What.
        reason: Why.
        who: Everybody who wants it.
        ip: From where; "" when that is known of a request that it follows.
        correlation: What ties it to others.
    """

    event_type: str
    action: str
    reason: str
    who: str
    ip: str
    correlation: str


class Acts:
    """Does things, and writes down who did them.

    Args:
        parts: What the API is joined with.
        statuses: What the engine says.
    """

    def __init__(self, parts: Parts, statuses: Statuses) -> None:
        self._parts = parts
        self._statuses = statuses
        parts.people.four_eyes.does(CLEAR_KILL, self._clear)
        parts.people.four_eyes.does(LOOSEN, self._loosen)

    async def second(self, request: Request, kind: str, what: Said) -> JSONResponse | Said:
        """Do what needs a second person where there is one, or ask for that person."""
        wish = wish_of(request, "", "", "")
        waits = await self._parts.people.four_eyes.ask(
            actor_of(request), kind, what, wish.correlation, wish.ip
        )
        if waits is not None:
            return JSONResponse({"request": waits}, 202)
        do = self._clear if kind == CLEAR_KILL else self._loosen
        return await do(what, wish.who, wish.ip, wish.correlation)

    async def asked(self, wish: Wish, ask: str, **fields: Any) -> Said:
        """Ask the engine for a change, and write down what came of it.

        Args:
            wish: Whose it is, and why.
            ask: What the engine is asked.
            fields: With what.

        Raises:
            EngineDown: It does not answer.
            AskError: It refused.
        """
        note = partial(
            self._parts.audit.arecord,
            wish.event_type,
            actor=wish.who,
            ip=wish.ip,
            action=wish.action,
            correlation=wish.correlation,
        )
        try:
            answer = await self._parts.engine.ask(ask, ACT_S, **fields)
        except (EngineDown, AskError) as error:
            await note(success=False, reason=str(error), wanted_because=wish.reason)
            raise
        found = answer.get("changes")
        changes = [str(one) for one in found] if isinstance(found, list) else []
        await note(success=True, reason=wish.reason, seq=answer.get("seq"), changes=changes)
        return answer

    async def seen_latch_ns(self) -> int:
        """Return which kill a person sees now: another one since then is not cleared by them."""
        status = await self._statuses.now()
        return int((status.said.get("killed") or {}).get("ts_ns") or 0)

    async def check_approval(self, approval_id: str) -> None:
        """Refuse one that nobody was asked.

        Raises:
            Problem: There is none of that id.
        """
        status = await self._statuses.now(at_least_ns=0)
        known = {str(one.get("id")) for one in status.said.get("approvals") or []}
        if not fits(APPROVAL_ID, approval_id) or (status.connected and approval_id not in known):
            raise Problem(
                status=404, code="NO_APPROVAL", message="nothing of this id waits for an approval."
            )

    async def _clear(self, what: Said, who: str, ip: str = "", correlation: str = "") -> Said:
        """Clear the kill that was seen: everybody who wants it is named in the journal."""
        wish = Wish(
            event_type="kill_clear",
            action="clear the kill",
            reason=what["reason"],
            who=who,
            ip=ip,
            correlation=correlation,
        )
        seen_ns = what["seen_ns"] or None
        return await self.asked(wish, "clear", reason=wish.reason, who=who, seen_ns=seen_ns)

    async def _loosen(self, what: Said, who: str, ip: str = "", correlation: str = "") -> Said:
        """Let rules hold that let more through than before."""
        wish = Wish(
            event_type="limit_change",
            action="reload, loosened",
            reason=what["reason"],
            who=who,
            ip=ip,
            correlation=correlation,
        )
        return await self.asked(wish, "reload", loosen=True)


def wish_of(request: Request, event_type: str, action: str, reason: str) -> Wish:
    """Return what whoever asks wants."""
    return Wish(
        event_type=event_type,
        action=action,
        reason=reason,
        who=actor_of(request).name,
        ip=peer_of(request).address,
        correlation=ids_of(request).correlation,
    )


def check_step_up(actor: Actor) -> None:
    """Refuse somebody who showed no second factor lately.

    Raises:
        Problem: They did not.
    """
    problem = not_allowed(actor, STEP_UP)
    if problem is not None:
        raise problem


def add_act_routes(door: Door, acts: Acts) -> None:
    """Add them."""

    @door.route(
        "POST",
        "/api/kill/clear",
        Access(needs=Permission.CLEAR_KILL, step_up=True),
        response_model=Cleared,
        responses=SECOND,
        openapi_extra=described(body=ClearAsked),
    )
    async def clear(request: Request) -> JSONResponse | Said:
        """Let an account that was killed go on; with a second person where there is one."""
        NOTHING.read(request)
        asked = await read_json(request, ClearAsked)
        seen_ns = await acts.seen_latch_ns()
        return await acts.second(request, CLEAR_KILL, {"reason": asked.reason, "seen_ns": seen_ns})

    @door.route(
        "POST",
        "/api/resume",
        Access(needs=Permission.RESUME, step_up=True),
        response_model=Resumed,
        openapi_extra=described(body=ResumeAsked),
    )
    async def resume(request: Request) -> Said:
        """Release a latch that waits for a person."""
        NOTHING.read(request)
        asked = await read_json(request, ResumeAsked)
        over = asked.of or "the account"
        wish = wish_of(request, "resume", f"resume {asked.cause} of {over}", asked.reason)
        return await acts.asked(
            wish, "resume", cause=asked.cause, of=asked.of, reason=asked.reason, who=wish.who
        )

    @door.route(
        "POST",
        "/api/approvals/{approval_id}",
        Access(needs=Permission.APPROVE),
        response_model=Decided,
        openapi_extra=described(body=ApproveAsked),
    )
    async def approve(request: Request, approval_id: str) -> Said:
        """Say yes or no to an entry, exactly as it was shown; the gate judges it once more."""
        NOTHING.read(request)
        asked = await read_json(request, ApproveAsked)
        await acts.check_approval(approval_id)
        verb = "approve" if asked.approve else "refuse"
        wish = wish_of(request, "approval", f"{verb} {approval_id}", asked.reason)
        return await acts.asked(
            wish,
            "approve",
            id=approval_id,
            hash=asked.hash,
            approve=asked.approve,
            who=wish.who,
            reason=asked.reason,
        )

    _add_reloads(door, acts)


def _add_reloads(door: Door, acts: Acts) -> None:
    """Add what reads the files of rules again."""

    @door.route(
        "POST",
        "/api/reload",
        Access(needs=Permission.CHANGE_LIMITS),
        response_model=Reloaded,
        responses=SECOND,
        openapi_extra=described(body=ReloadAsked),
    )
    async def reload(request: Request) -> JSONResponse | Said:
        """Let the files of rules hold. Tightening is immediate; loosening takes a second factor.

        It takes a second person too, where there is one.
        """
        NOTHING.read(request)
        asked = await read_json(request, ReloadAsked)
        if asked.loosen:
            check_step_up(actor_of(request))
            return await acts.second(request, LOOSEN, {"reason": asked.reason})
        wish = wish_of(request, "limit_change", "reload", asked.reason)
        return await acts.asked(wish, "reload", loosen=False)

    @door.route(
        "POST",
        "/api/configuration/reload",
        Access(needs=Permission.RESTART),
        response_model=Reloaded,
        openapi_extra=described(body=ReadAgainAsked),
    )
    async def read_again(request: Request) -> Said:
        """Let the files of rules hold, unless they let more through than before."""
        NOTHING.read(request)
        asked = await read_json(request, ReadAgainAsked)
        wish = wish_of(request, "config_change", "reload", asked.reason)
        return await acts.asked(wish, "reload", loosen=False)
