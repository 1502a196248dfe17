"""A trade that is told twice, and not the same: nobody knows which is true, so its symbol stops."""

import json
from typing import TYPE_CHECKING, Any, Final

from interlock.kernel.codes import Cause, Kind, Scope
from interlock.research.simulator.invariants.facts import Facts
from interlock.research.simulator.invariants.scene import Ext, Scene, broken

if TYPE_CHECKING:
    from interlock.research.simulator.machine import Machine

NOTICED_NS: Final = 3_000_000_000  # of uninterrupted conversation
_FILL: Final = int(Kind.FILL)
_STRANGE: Final = int(Cause.IMPOSSIBLE_STATE)


class StrangeTrade:
    """5: a trade that is told again with other numbers halts its symbol."""

    EVENTS = frozenset({_FILL, int(Kind.HALT)})

    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        self._epochs: dict[Ext, int] = {}  # of the engines that journaled each fill
        self._waiting: dict[int, tuple[int, object]] = {}  # by instrument: since when, which wire

    def before(self, event: Facts, _commands: list[Facts]) -> None:
        """A fill is journaled, or a symbol halted."""
        if event.kind == _FILL:
            self._epochs[event.ext_hi, event.ext_lo] = self._scene.retold.epoch_at(event.seq)
        elif event.code == _STRANGE:
            self._waiting.pop(event.instrument, None)

    def said(self, wire: bytes) -> None:
        """The engine reads what the venue says: does it change a trade that it told before?"""
        for line in wire.splitlines():
            if b'"fill"' not in line:
                continue
            try:
                row = json.loads(line)["row"]
            except (ValueError, KeyError, TypeError):
                continue  # cut, garbled, or no report
            if row.get("kind") == "fill":
                self._compare(row)

    def _compare(self, row: dict[str, Any]) -> None:
        trade = self._scene.oracle.trades.get(row.get("number", 0))
        if trade is None or (trade.qty, trade.price) == (row.get("qty"), row.get("price")):
            return
        machine = self._scene.world.machine
        number = trade.instrument
        ext = self._scene.ext(number, trade.number)
        if self._epochs.get(ext) != machine.epoch or self._is_halted(number):
            return  # an engine does not remember what one before it journaled
        since_ns = self._scene.world.clock.elapsed_ns()
        self._waiting.setdefault(number, (since_ns, machine.wire))

    def _is_halted(self, number: int) -> bool:
        return (_STRANGE, int(Scope.INSTRUMENT), number) in self._scene.retold.latches

    def crashed(self, _machine: "Machine", _point: str) -> None:
        """What was read is forgotten."""
        self._waiting.clear()

    def stepped(self) -> None:
        """See whether what was strange was noticed."""
        if not self._waiting:
            return
        world = self._scene.world
        now_ns = world.clock.elapsed_ns()
        for number, (since_ns, wire) in list(self._waiting.items()):
            if world.machine.wire is not wire or self._is_halted(number):
                del self._waiting[number]
            elif now_ns - since_ns > NOTICED_NS and not world.machine.is_frozen:
                broken(5, "a trade was told twice and not the same", instrument=number)
