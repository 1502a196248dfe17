"""The kernel's books while it runs: they add up, positions are protected, queues have an end."""

from typing import TYPE_CHECKING, Any, Final

from interlock.kernel.codes import Alarm, Exit, Kind, OrderState
from interlock.kernel.records import SUBS
from interlock.kernel.state import NO_STOP_POSSIBLE
from interlock.research.simulator.invariants.facts import Facts
from interlock.research.simulator.invariants.killing import opens_more
from interlock.research.simulator.invariants.retold import Holding
from interlock.research.simulator.invariants.scene import Scene, broken
from interlock.runtime.inbox import Lane, Room
from interlock.runtime.link import Phase

if TYPE_CHECKING:
    from interlock.research.simulator.machine import Machine

_ALARM: Final = int(Kind.ALARM)
_LATCHED: Final = int(Kind.LATCHED)
_SUBMIT: Final = int(Kind.SUBMIT)
_TOLD: Final = frozenset(map(int, (Alarm.UNPROTECTED, Alarm.OUTCOME_UNKNOWN, Alarm.EXTERNAL_FILL)))
_UNSEEN: Final = frozenset({int(OrderState.INTENT), int(OrderState.UNKNOWN)})
BARE_NS: Final = 60_000_000_000  # a position may be without a stop for so long and nobody told
QUEUE_MAX: Final = 20_000


class DoubleEntry:
    """21: cash and cost equal capital, gains, fees and funding, and equity is what it is made of.

    And the kernel's books are those that the journal makes when it is told again.
    """

    def __init__(self, scene: Scene) -> None:
        self._scene = scene

    def agreed(self, machine: "Machine") -> None:
        """Everything that was decided on is durable: compare the books."""
        state = machine.engine.decider.state
        account = state["account"][0]
        held = state["instruments"][0]
        count = len(self._scene.retold.holdings)
        self._balance(account, held, count)
        self._retold(account, held, count)

    def _balance(self, account: Any, held: Any, count: int) -> None:
        cash, inventory = int(account["cash_units"]), int(account["inventory_units"])
        made = int(account["capital_units"]) + int(account["realised_units"])
        made += int(account["funding_units"]) - int(account["fees_units"])
        if cash + inventory != made:
            broken(21, "cash and cost are not what was made", has=cash + inventory, made=made)
        unrealised = sum(held["unrealised_units"][:count].tolist())
        equity = int(account["equity_units"])
        if equity != cash + inventory + unrealised:
            broken(21, "equity is not what it is made of", equity=equity, unrealised=unrealised)
        if int(account["unrealised_units"]) != unrealised:
            broken(21, "what is not realised does not add up", unrealised=unrealised)

    def _retold(self, account: Any, held: Any, count: int) -> None:
        retold = self._scene.retold
        positions = [x.position for x in retold.holdings]
        if held["position"][:count].tolist() != positions:
            broken(
                21,
                "the kernel's positions are not the journal's",
                kernel=held["position"][:count].tolist(),
                journal=positions,
            )
        if int(account["equity_units"]) != retold.equity_units:
            broken(
                21,
                "the kernel's equity is not the journal's",
                kernel=int(account["equity_units"]),
                journal=retold.equity_units,
            )
        orders = [len(x.orders) for x in retold.holdings]
        if held["open_orders"][:count].tolist() != orders:
            broken(
                21,
                "the kernel's open orders are not the journal's",
                kernel=held["open_orders"][:count].tolist(),
                journal=orders,
            )
        unknown = [_unknown(x) for x in retold.holdings]
        if held["unknown_orders"][:count].tolist() != unknown:
            broken(
                12,
                "the kernel does not count what is unknown",
                kernel=held["unknown_orders"][:count].tolist(),
                journal=unknown,
            )
        if int(account["latches"]) != len(retold.latches):
            broken(
                10,
                "the kernel's latches are not the journal's",
                kernel=int(account["latches"]),
                journal=sorted(retold.latches),
            )


def _unknown(held: Holding) -> int:
    return sum(order.state == OrderState.UNKNOWN for order in held.orders.values())


class Protection:
    """22: a position has a stop that rests, or is known to have none, and nothing opens on it."""

    COMMANDS = frozenset({_SUBMIT, _ALARM, _LATCHED})

    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        count = len(scene.retold.holdings)
        self._bare_ns = [-1] * count  # since when a position is without a stop, and nobody told
        self._told = [False] * count

    def ruled(self, _event: Facts, command: Facts) -> None:
        """The kernel tells somebody, or sends an order."""
        number = command.instrument
        if command.kind == _SUBMIT:
            held = self._scene.retold.holdings[number]
            if opens_more(command) and held.position != 0:
                broken(22, "an order opens more of a position", order=command)
        elif number >= 0 and (command.kind == _LATCHED or command.code in _TOLD):
            self._told[number] = True

    def stepped(self) -> None:
        """Look at every position."""
        machine = self._scene.world.machine
        if machine.is_up:
            self.look(machine)

    def agreed(self, machine: "Machine") -> None:
        """Look at every position."""
        self.look(machine)

    def look(self, machine: "Machine") -> None:
        """See that every position has its stop, or is flagged, and not for long."""
        state = machine.engine.decider.state
        held = state["instruments"][0]
        count = len(self._bare_ns)
        for number, lots in enumerate(held["position"][:count].tolist()):
            if lots == 0:
                self._bare_ns[number] = -1
                self._told[number] = False
                continue
            inst = held[number]
            if inst["unprotected"] == 0:
                self._bare_ns[number] = -1
                self._told[number] = False
                if not _rests(state["orders"][0], inst):
                    broken(22, "a position has no stop, and nobody knows", instrument=number)
            else:
                self._mind(machine, number, inst)

    def _mind(self, machine: "Machine", number: int, inst: Any) -> None:
        """A position is without a stop: not for long, unless somebody was told."""
        now_ns = self._scene.world.clock.elapsed_ns()
        ready = machine.engine.link.phase is Phase.READY
        if self._told[number] or inst["unprotected"] == NO_STOP_POSSIBLE or not ready:
            self._bare_ns[number] = -1
        elif self._bare_ns[number] < 0:
            self._bare_ns[number] = now_ns
        elif now_ns - self._bare_ns[number] > BARE_NS:
            broken(
                22,
                "a position is without a stop, and nobody was told",
                instrument=number,
                exit=Exit(int(inst["exit_code"])).name,
            )


def _rests(orders: Any, inst: Any) -> bool:
    """Return whether a stop of the trade under way rests, on the side that closes it."""
    link = int(inst["stop_order"])
    if link == 0:
        return False
    stop = orders[link - 1]
    is_ours = int(stop["order_id"]) >= int(inst["entry_seq"]) * SUBS
    was_seen = int(stop["state"]) not in _UNSEEN
    return is_ours and was_seen and int(stop["side"]) * int(inst["position"]) < 0


class Bounded:
    """30: what waits has an end."""

    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        room = Room()
        self._room = {lane: room.of(lane) for lane in Lane}

    def stepped(self) -> None:
        """Count what waits."""
        machine = self._scene.world.machine
        if not machine.is_up:
            return
        engine = machine.engine
        most = sum(self._room.values())
        waiting = {
            "inbox": (len(engine.inbox), most),
            "outbox": (len(engine.link.outbox), QUEUE_MAX),
        }
        for name, (count, limit) in waiting.items():
            if count > limit:
                broken(30, f"the {name} has no end", count=count, limit=limit)
