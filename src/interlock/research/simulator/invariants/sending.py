"""What is asked when an order's first byte leaves: was it decided, once, by us, and is it that?"""

import json
from collections import deque
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

from interlock.journal.rows import RowKind
from interlock.kernel.codes import Flag, Kind
from interlock.research.simulator.invariants.facts import Facts
from interlock.research.simulator.invariants.scene import Scene, broken
from interlock.research.simulator.machine import REQUESTS_KEPT, REQUESTS_PER_S
from interlock.runtime.last_gate import Outgoing
from interlock.venues.port import Amend, NewOrder, Report, Request

if TYPE_CHECKING:
    from interlock.research.simulator.machine import Machine

SECOND_NS: Final = 1_000_000_000
PAPER: Final = "paper"
_SUBMIT: Final = int(Kind.SUBMIT)
_CANCEL: Final = int(Kind.CANCEL)
_AMEND: Final = int(Kind.AMEND)


def opens(request: Request) -> bool:
    """Return whether a request can make more of what is held."""
    return isinstance(request, NewOrder) and not request.flags & Flag.REDUCE_ONLY


def _kind_of(request: Request) -> int:
    if isinstance(request, NewOrder):
        return _SUBMIT
    return _AMEND if isinstance(request, Amend) else _CANCEL


class DurableFirst:
    """1 and 3: at the first byte its intent is durable, and the bytes are that intent."""

    COMMANDS = frozenset({_SUBMIT, _CANCEL, _AMEND})

    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        self._durable: dict[tuple[int, str, int], Facts] = {}  # by kind, name and event

    def ruled(self, _event: Facts, command: Facts) -> None:
        """A command is durable."""
        self._durable[command.kind, self._scene.name(command.order_id), command.seq] = command

    def first_byte(self, outgoing: Outgoing, wire: bytes) -> None:
        """Look for the intent in what is durable, and for the intent in the bytes."""
        request = outgoing.request
        assert request is not None
        intent = self._durable.get((_kind_of(request), request.client_id, outgoing.seq))
        if intent is None:
            broken(1, "bytes leave before what they ask is durable", request=request)
        try:
            content = json.loads(wire)
        except ValueError:
            broken(3, "what leaves must be one line of JSON", wire=wire)
        when = content.pop("ts_ns", None)
        if content != self._meant(intent) or not isinstance(when, int) or wire[-1:] != b"\n":
            broken(3, "the bytes are not the intent", wire=wire, meant=self._meant(intent))

    def _meant(self, intent: Facts) -> dict[str, Any]:
        """Return what the bytes of an intent have to say, but for the time."""
        speaking = self._scene.world.speaking
        meant: dict[str, Any] = {
            "client_id": self._scene.name(intent.order_id),
            "epoch": speaking.epoch,
            "symbol": self._scene.symbols[intent.instrument],
        }
        if intent.kind == _CANCEL:
            return meant | {"t": "cancel"}
        meant |= {"qty": intent.qty, "price": intent.price, "trigger": intent.trigger}
        if intent.kind == _AMEND:
            return meant | {"t": "amend"}
        return meant | {
            "t": "new",
            "strategy": intent.strategy,
            "side": intent.side,
            "order_kind": intent.order_kind,
            "role": intent.role,
            "flags": intent.flags,
            "peer_client_id": self._scene.name(intent.peer_id) if intent.peer_id else "",
        }


class AtMostOne:
    """2: an order's name leaves once, is decided on once, and is made at the venue once."""

    COMMANDS = frozenset({_SUBMIT})

    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        self._decided: set[str] = set()
        self._left: set[str] = set()

    def ruled(self, _event: Facts, command: Facts) -> None:
        """An order is durable."""
        name = self._scene.name(command.order_id)
        if name in self._decided:
            broken(2, "an order's name is decided on twice", name=name, seq=command.seq)
        self._decided.add(name)

    def first_byte(self, outgoing: Outgoing, _wire: bytes) -> None:
        """A request leaves."""
        request = outgoing.request
        if isinstance(request, NewOrder):
            if request.client_id in self._left:
                broken(2, "a new order is sent a second time", name=request.client_id)
            self._left.add(request.client_id)

    def venue_took(self, request: Request, _reports: Sequence[Report]) -> None:
        """The exchange handled a command."""
        if isinstance(request, NewOrder) and self._scene.oracle.created(request.client_id) > 1:
            broken(2, "the venue made an order twice", name=request.client_id)


class SingleWriter:
    """17: every request carries the newest engine's epoch, and epochs only ever grow."""

    def __init__(self, _scene: Scene) -> None:
        self._scene = _scene
        self._epoch = 0

    def started(self, machine: "Machine") -> None:
        """An engine was begun."""
        if machine.epoch <= self._epoch:
            broken(
                17, "a new engine has an epoch that was used", epoch=machine.epoch, was=self._epoch
            )
        self._epoch = machine.epoch

    def first_byte(self, outgoing: Outgoing, _wire: bytes) -> None:
        """A request leaves."""
        request = outgoing.request
        assert request is not None
        if request.epoch != self._epoch or self._scene.world.speaking.epoch != self._epoch:
            broken(
                17,
                "an engine sends although a later one has the account",
                epoch=request.epoch,
                newest=self._epoch,
            )


class Rate:
    """20: in any second no more leaves than the budget, and the reserve is not for opening."""

    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        self._left_ns: deque[int] = deque()

    def started(self, _machine: "Machine") -> None:
        """A process begins to count anew."""
        self._left_ns.clear()

    def first_byte(self, outgoing: Outgoing, _wire: bytes) -> None:
        """A request leaves."""
        request = outgoing.request
        assert request is not None
        now_ns = self._scene.world.clock.elapsed_ns()
        left = self._left_ns
        while left and now_ns - left[0] >= SECOND_NS:
            left.popleft()
        left.append(now_ns)
        room = REQUESTS_PER_S - REQUESTS_KEPT if opens(request) else REQUESTS_PER_S
        if len(left) > room:
            broken(20, "more leaves in a second than may", sent=len(left), room=room)


class PaperWall:
    """34: nothing leaves for a journal whose account is not paper."""

    ROWS = frozenset({RowKind.GENESIS})

    def __init__(self, _scene: Scene) -> None:
        self._mode = ""

    def noted(self, _kind: RowKind, said: dict[str, Any]) -> None:
        """The journal says what account it is of."""
        self._mode = said["mode"]

    def first_byte(self, outgoing: Outgoing, _wire: bytes) -> None:
        """A request leaves."""
        if self._mode != PAPER:
            broken(34, "a request leaves and the account is not paper", request=outgoing.request)
