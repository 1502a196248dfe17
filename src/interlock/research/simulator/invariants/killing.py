"""The kill switch: after it nothing opens, whatever happens to processes, files and people."""

import json
import os
import stat
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from interlock.config.latch import Latch
from interlock.kernel.codes import Cause, Kind, Level, OrderState, Scope
from interlock.research.simulator.invariants.facts import Facts
from interlock.research.simulator.invariants.retold import Intent
from interlock.research.simulator.invariants.scene import Scene, broken
from interlock.research.simulator.invariants.sending import opens
from interlock.runtime.last_gate import Outgoing
from interlock.runtime.link import Phase
from interlock.venues.port import Cancel, Report, Request
from interlock.venues.stopper import Killed, Verdict

if TYPE_CHECKING:
    from interlock.research.simulator.machine import Machine

_NOT_YET: Final = -1
PROGRESS_NS: Final = 10_000_000_000  # of uninterrupted conversation with the venue
KILLS: Final = frozenset(
    map(int, (Cause.KILL_IMMEDIATE, Cause.KILL_GRACEFUL, Cause.KILL_PAUSE, Cause.KILL_FILE))
)
READ_NS: Final = 1_000_000_000  # what happened within it may not have been read back
_CHANGES: Final = frozenset({int(Kind.ACCEPTED), int(Kind.FILL)})
_SUBMIT: Final = int(Kind.SUBMIT)
_RELEASED: Final = int(Kind.RELEASED)
_RESUME: Final = int(Kind.RESUME)
_ACCOUNT: Final = int(Scope.ACCOUNT)


def says_clear(path: Path) -> bool:
    """Return whether a latch file says clear; what cannot be believed does not.

    Read without the product's own reader of it.
    """
    try:
        status = os.lstat(path)
        if not stat.S_ISREG(status.st_mode) or status.st_mode & (stat.S_IRWXG | stat.S_IRWXO):
            return False
        content = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return False
    return isinstance(content, dict) and content.get("state") == "clear" and not content.get("mode")


class KillLatch:
    """10: once a kill has returned, nothing that opens leaves until a person has cleared it."""

    COMMANDS = frozenset({_SUBMIT, _RELEASED})

    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        self._killed: Latch | None = None

    def kill(self, latch: Latch, confirmed: bool) -> None:
        """A kill returned."""
        if confirmed:
            self._killed = latch

    def cleared(self) -> None:
        """A person cleared it, and the journal says so."""
        self._killed = None
        kept = sorted(
            cause
            for cause, scope, _ in self._scene.retold.latches
            if cause in KILLS and scope == _ACCOUNT
        )
        if kept:
            broken(16, "a kill was said to be cleared before the journal has it", causes=kept)

    def first_byte(self, outgoing: Outgoing, _wire: bytes) -> None:
        """A request leaves."""
        request = outgoing.request
        assert request is not None
        if not opens(request):
            return
        if self._scene.world.speaking.engine.link.phase is not Phase.READY:
            broken(26, "an opening order leaves before the venue was asked", request=request)
        if self._killed is not None:
            broken(10, "an opening order leaves after a kill", request=request, kill=self._killed)
        if not says_clear(self._scene.world.speaking.latch.path):
            broken(10, "an opening order leaves and the latch file is not clear", request=request)

    def ruled(self, event: Facts, command: Facts) -> None:
        """The kernel decided."""
        retold = self._scene.retold
        if command.kind == _SUBMIT:
            if opens_more(command) and retold.level(Scope.ACCOUNT, -1) >= Level.PAUSED:
                number = 10 if any(key[0] in KILLS for key in retold.latches) else 26
                broken(number, "an order opens while the account is held", order=command)
        elif command.code in KILLS and command.instrument < 0 and command.strategy < 0:
            if event.kind != _RESUME or event.code != command.code:
                broken(10, "a kill was released, and no person said so", event=event)


def opens_more(command: Facts) -> bool:
    """Return whether a SUBMIT can make more of what is held."""
    return not command.flags & 1


class KillProgress:
    """11: after a halt every entry has a cancel on its way in time; a lost one, once found."""

    EVENTS = frozenset({int(Kind.HALT)})

    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        self._waiting: dict[str, int] = {}  # names, and since when a cancel could have left

    def after(self, event: Facts, _commands: list[Facts]) -> None:
        """Somebody stops the account for good: remember what could still open."""
        if event.level >= Level.HALTED and event.instrument < 0 and event.strategy < 0:
            self._waiting.update(dict.fromkeys(self._opening(), _NOT_YET))

    def first_byte(self, outgoing: Outgoing, _wire: bytes) -> None:
        """A request leaves."""
        if isinstance(outgoing.request, Cancel):
            self._waiting.pop(outgoing.request.client_id, None)

    def cleared(self) -> None:
        """What was not cancelled may stay."""
        self._waiting.clear()

    def crashed(self, _machine: "Machine", _point: str) -> None:
        """Nobody can cancel meanwhile."""
        self._begin_anew()

    def _begin_anew(self) -> None:
        self._waiting = dict.fromkeys(self._waiting, _NOT_YET)

    def stepped(self) -> None:
        """See what waits for too long."""
        if not self._waiting:
            return
        world = self._scene.world
        machine = world.machine
        if not machine.is_up or machine.engine.link.phase is not Phase.READY:
            self._begin_anew()
            return
        now_ns = world.clock.elapsed_ns()
        opening = self._opening()
        for name, since_ns in list(self._waiting.items()):
            order = opening.get(name)
            if order is None:
                del self._waiting[name]
            elif order.state == OrderState.UNKNOWN or since_ns == _NOT_YET:
                self._waiting[name] = _NOT_YET if order.state == OrderState.UNKNOWN else now_ns
            elif now_ns - since_ns > PROGRESS_NS:
                broken(11, "a kill left an order alone that can open", name=name, order=order)

    def _opening(self) -> dict[str, Intent]:
        """Return the open orders that can make more of what is held, by name."""
        return {
            self._scene.name(order.order_id): order
            for held in self._scene.retold.holdings
            for order in held.orders.values()
            if not order.reduces
        }


class Stopped:
    """11: who stops the account from outside may call it done when the venue has nothing left."""

    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        self._changed_ns = 0

    def venue_took(self, _request: Request, reports: Sequence[Report]) -> None:
        """The exchange handled a command."""
        self.venue_fact(reports)

    def venue_fact(self, reports: Sequence[Report]) -> None:
        """Something happened at the venue: what was read back may be old by now."""
        if any(report.row["kind"] in _CHANGES for report in reports):
            self._changed_ns = self._scene.world.clock.elapsed_ns()

    def stopped(self, verdict: Verdict) -> None:
        """There is a verdict."""
        unread_ns = self._scene.world.clock.elapsed_ns() - self._changed_ns
        if not isinstance(verdict, Killed) or unread_ns < READ_NS:
            return
        oracle = self._scene.oracle
        if oracle.open_names() or any(oracle.positions):
            broken(
                11,
                "an account is called stopped and is not",
                orders=sorted(oracle.open_names()),
                positions=oracle.positions,
            )
