"""What people may have done by the bot: looked at, paused, killed, approved, acknowledged."""

from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any, Final, Protocol

from sqlalchemy.exc import SQLAlchemyError

from interlock.runtime.asking import AskError
from interlock.service.database import Database
from interlock.service.engine_client import EngineDown
from interlock.service.notify.acknowledging import Acknowledging
from interlock.service.notify.channel import ChannelError
from interlock.service.notify.telegram_answers import (
    HELP,
    decided_text,
    kill_text,
    pnl_text,
    positions_text,
    status_text,
)
from interlock.service.notify.telegram_api import Arrived, TelegramApi
from interlock.service.notify.telegram_buttons import ACKNOWLEDGE, APPROVE, Buttons, Pressed
from interlock.service.notify.telegram_people import TelegramPeople
from interlock.service.permissions import Actor, Permission

Said = dict[str, Any]

APPROVE_S: Final = 10.0
REASON_MAX: Final = 200
MODES: Final = ("immediate", "graceful", "pause")
PAUSE_REASON: Final = "paused by Telegram"

_SOURCE: Final = "telegram"
_KILL_WORDS: Final = 3
_ID_DIGITS: Final = 15


class Engine(Protocol):
    """The way to the engine, in the notifier's own loop."""

    async def ask(self, name: str, timeout_s: float = 5.0, **fields: Any) -> Said:
        """Ask it something; raises EngineDown or AskError."""


class Kill(Protocol):
    """Stops the account by every road."""

    async def kill(self, *, mode: str, reason: str, who: str) -> Said:
        """Return how far it is."""


class AuditBook(Protocol):
    """Where everything is written down."""

    async def arecord(self, event_type: str, **fields: Any) -> int:
        """Write a row, durable."""

    def deny(
        self,
        event_type: str,
        *,
        actor: str,
        ip: str,
        action: str,
        reason: str,
        correlation: str = "",
    ) -> None:
        """Count a refusal."""


Do = Callable[[str, Actor], Awaitable[str]]


class Orders:
    """Does what people want.

    Args:
        api: For what is under a button.
        engine: The way to the engine.
        kill: Stops the account.
        people: Takes codes.
        buttons: Knows what a tap stands for.
        acknowledging: Keeps who looks after an alert.
        database: Whose threads do what blocks.
        audit: Written to, whatever came of it.
    """

    def __init__(
        self,
        api: TelegramApi,
        *,
        engine: Engine,
        kill: Kill,
        people: TelegramPeople,
        buttons: Buttons,
        acknowledging: Acknowledging,
        database: Database,
        audit: AuditBook,
    ) -> None:
        self._api = api
        self._engine = engine
        self._kill = kill
        self._people = people
        self._buttons = buttons
        self._acknowledging = acknowledging
        self._database = database
        self._audit = audit
        self._orders: dict[str, tuple[Permission | None, Do]] = {
            "/status": (Permission.SEE_DASHBOARD, self._status),
            "/positions": (Permission.SEE_DASHBOARD, self._positions),
            "/pnl": (Permission.SEE_DASHBOARD, self._pnl),
            "/pause": (Permission.KILL, self._pause),
            "/kill": (Permission.KILL, self._kill_now),
            "/ack": (Permission.ACKNOWLEDGE, self._acknowledge),
            "/help": (None, self._help),
            "/start": (None, self._help),
        }

    @property
    def names(self) -> frozenset[str]:
        """What it knows."""
        return frozenset(self._orders)

    async def do(self, name: str, rest: str, actor: Actor) -> str:
        """Do what somebody wrote, if they may; return what to answer."""
        needs, do = self._orders[name]
        if not self._may(actor, needs, name):
            return f"You may not: it needs the permission {needs}."
        try:
            return await do(rest, actor)
        except (EngineDown, AskError) as error:
            return f"Nothing was done: {error}"

    async def tap(self, arrived: Arrived, actor: Actor) -> None:
        """Do what a button stands for, once."""
        found = await self._press(arrived, actor)
        if isinstance(found, str):
            await self._api.answer(arrived.query, found)
            return
        # Telegram wants to hear soon that somebody listens; that is not that anything was done.
        with suppress(ChannelError):
            await self._api.answer(arrived.query, "taken, one moment")
        if found.action == ACKNOWLEDGE:
            text = await self._acknowledge(found.target, actor)
        else:
            text = await self._decide(found, actor)
        await self._api.edit(arrived.chat, arrived.message, text)

    # --- buttons ------------------------------------------------------------------------------

    async def _press(self, arrived: Arrived, actor: Actor) -> Pressed | str:
        """Return what a button stands for once it is taken; or why it is not."""
        if not {Permission.APPROVE, Permission.ACKNOWLEDGE} & actor.permissions:
            self._deny(actor, "tap a button", "NOT_PERMITTED")
            return "you may not"
        found = await self._database.run(self._buttons.look, arrived.tapped)
        if isinstance(found, str):
            self._deny(actor, "tap a button", "BUTTON_GONE")
            return found
        is_alert = found.action == ACKNOWLEDGE
        needs = Permission.ACKNOWLEDGE if is_alert else Permission.APPROVE
        if not self._may(actor, needs, "tap a button"):
            return "you may not"
        taken = await self._database.run(self._buttons.press, arrived.tapped)
        if isinstance(taken, str):
            self._deny(actor, "tap a button", "BUTTON_GONE")
        return taken

    async def _decide(self, pressed: Pressed, actor: Actor) -> str:
        """Answer an approval; say what came of it once the engine has said so."""
        is_yes = pressed.action == APPROVE
        action = f"{'approve' if is_yes else 'refuse'} {pressed.target}"
        try:
            answer = await self._engine.ask(
                "approve",
                APPROVE_S,
                id=pressed.target,
                hash=pressed.hash,
                approve=is_yes,
                who=actor.name,
                reason="by Telegram",
            )
        except EngineDown as error:
            await self._note("approval", actor, action, success=False, reason=str(error))
            if error.may_have_arrived:
                return f"{pressed.target}: it is NOT KNOWN whether this was taken. {error} /status"
            await self._database.run(self._buttons.release, pressed)
            return f"{pressed.target}: nothing was done. {error}"
        except AskError as error:
            await self._note("approval", actor, action, success=False, reason=str(error))
            return f"{pressed.target}: {error}"
        state = str(answer.get("state", ""))
        await self._note("approval", actor, action, success=True, state=state)
        verb = "approved" if is_yes else "denied"
        return f"{pressed.target} {verb} by {actor.name}\n{decided_text(answer)}"

    # --- words --------------------------------------------------------------------------------

    async def _help(self, _rest: str, _actor: Actor) -> str:
        return HELP

    async def _status(self, _rest: str, _actor: Actor) -> str:
        return status_text(await self._engine.ask("status"))

    async def _positions(self, _rest: str, _actor: Actor) -> str:
        return positions_text(await self._engine.ask("status"))

    async def _pnl(self, _rest: str, _actor: Actor) -> str:
        return pnl_text(await self._engine.ask("status"))

    async def _pause(self, rest: str, actor: Actor) -> str:
        return await self._stop("pause", rest or PAUSE_REASON, actor)

    async def _kill_now(self, rest: str, actor: Actor) -> str:
        words = rest.split(maxsplit=_KILL_WORDS - 1)
        if len(words) < _KILL_WORDS or words[0] not in MODES:
            return f"Nothing was done. It is /kill MODE CODE REASON; MODE: {', '.join(MODES)}."
        mode, code, reason = words
        problem = await self._people.take_code(actor, code)
        if problem:
            self._deny(actor, "/kill", problem)
            why = (
                "too many codes were wrong, wait 15 minutes. /pause needs none"
                if problem == "TOO_MANY_TRIES"
                else "this code is not right, or was used before. Wait for the next one"
            )
            return f"Nothing was done: {why}."
        return await self._stop(mode, reason, actor)

    async def _stop(self, mode: str, reason: str, actor: Actor) -> str:
        reason = " ".join(reason.split())[:REASON_MAX]
        said = await self._kill.kill(mode=mode, reason=reason, who=actor.name)
        # What makes things safer is done whether it can be written down or not.
        with suppress(SQLAlchemyError, OSError):
            await self._note(
                "kill", actor, f"kill {mode}", success=True, reason=reason, result=said["result"]
            )
        return kill_text(said)

    async def _acknowledge(self, rest: str, actor: Actor) -> str:
        if not (rest.isascii() and rest.isdigit() and len(rest) <= _ID_DIGITS):
            return "Nothing was done. It is /ack ID, with the number of an alert."
        alert = await self._acknowledging.acknowledge(int(rest), actor.name, _SOURCE)
        if alert is None:
            return f"There is no alert {int(rest)}."
        return f"{alert['title']}\nalert {alert['id']}: {alert['acknowledged_by']} looks after it."

    # --- may and did --------------------------------------------------------------------------

    def _may(self, actor: Actor, needs: Permission | None, action: str) -> bool:
        if needs is None or needs in actor.permissions:
            return True
        self._deny(actor, action, "NOT_PERMITTED")
        return False

    def _deny(self, actor: Actor, action: str, reason: str) -> None:
        self._audit.deny("telegram", actor=actor.name, ip=_SOURCE, action=action, reason=reason)

    async def _note(
        self, event_type: str, actor: Actor, action: str, *, success: bool, **more: str
    ) -> None:
        await self._audit.arecord(
            event_type, actor=actor.name, ip=_SOURCE, action=action, success=success, **more
        )
