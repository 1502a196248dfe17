"""After the faults: everything is known, everybody agrees, and nothing waits for ever."""

from typing import TYPE_CHECKING, Any, Final

from interlock.kernel.codes import Cause, Flag, Level, OrderState, Scope
from interlock.kernel.state import NO_STOP_POSSIBLE
from interlock.research.simulator.invariants.retold import Holding
from interlock.research.simulator.invariants.scene import Scene, broken

if TYPE_CHECKING:
    from interlock.venues.port import Account

PATIENCE_NS: Final = 5_000_000_000  # longer than any answer takes when all is well
_APART: Final = (int(Cause.RECONCILIATION), int(Scope.INSTRUMENT))
_SETTLED: Final = frozenset({int(OrderState.WORKING), int(OrderState.PARTIAL)})


class LedgerIsVenue:
    """4: orders, trades, positions and every unit of money are the same on both sides."""

    def __init__(self, scene: Scene) -> None:
        self._scene = scene

    def quiesced(self) -> None:
        """Compare the kernel's books, the venue's own, and the oracle's."""
        world, oracle = self._scene.world, self._scene.oracle
        account: Account = world.far_side.exchange.account(world.clock.now_ns())
        wrong = oracle.differences(account, account.marks)
        if wrong:
            broken(4, "the venue's books are not what its trades make", wrong=wrong)
        state = world.machine.engine.decider.state
        held = state["instruments"][0]
        count = len(oracle.positions)
        positions = held["position"][:count].tolist()
        if positions != oracle.positions:
            broken(4, "positions differ", kernel=positions, venue=oracle.positions)
        money = self._money(state, count)
        if money != oracle.money_units:
            broken(4, "money differs", kernel=money, venue=oracle.money_units)
        self._orders()
        held_apart = {key[2] for key in self._scene.retold.latches if key[:2] == _APART}
        strange = set(oracle.foreign.values()) - held_apart
        if strange:
            broken(4, "a stranger's order rests and its symbol is free", instruments=strange)

    def _money(self, state: Any, count: int) -> int:
        """Return the kernel's cash as if every position had been paid for in full."""
        held = state["instruments"][0]
        margined = held["margined"][:count].tolist()
        costs = held["cost_units"][:count].tolist()
        posted = sum(cost for cost, yes in zip(costs, margined, strict=True) if yes)
        cash = int(state["account"]["cash_units"][0])
        return cash - int(posted)

    def _orders(self) -> None:
        retold, oracle = self._scene.retold, self._scene.oracle
        ours = {
            self._scene.name(order.order_id): order
            for held in retold.holdings
            for order in held.orders.values()
        }
        theirs = {name for name in oracle.open_names() if name.startswith("i-")}
        if set(ours) != theirs:
            broken(
                4,
                "open orders differ",
                journal=sorted(set(ours) - theirs),
                venue=sorted(theirs - set(ours)),
            )
        for name, order in ours.items():
            placed = oracle.orders[name]
            if (order.qty, order.filled) != (placed.qty, placed.filled):
                broken(
                    4,
                    "an order's lots differ",
                    name=name,
                    journal=(order.qty, order.filled),
                    venue=(placed.qty, placed.filled),
                )


class Liveness:
    """31: once the faults are over nothing is unknown or waits, and positions are protected."""

    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        self._waiting: dict[int, int] = {}  # orders that await an answer, and since when
        self._bare: dict[int, int] = {}  # instruments without a stop, and since when

    def stepped(self) -> None:
        """Once the faults are over, remember since when each order awaits an answer."""
        world = self._scene.world
        if not world.is_quiet or not world.machine.is_up:
            return
        now_ns = world.clock.elapsed_ns()
        orders = world.machine.engine.decider.state["orders"][0]
        found = orders[orders["order_id"] != 0]
        self._waiting = {
            int(order["order_id"]): self._waiting.get(int(order["order_id"]), now_ns)
            for order in found
            if int(order["state"]) not in _SETTLED or order["amend_qty"]
        }
        flags = world.machine.engine.decider.state["instruments"]["unprotected"][0]
        self._bare = {
            number: self._bare.get(number, now_ns)
            for number in range(len(self._scene.retold.holdings))
            if flags[number]
        }

    def _is_late(self, order: Any) -> bool:
        """Return whether an order has waited for longer than an answer takes."""
        now_ns = self._scene.world.clock.elapsed_ns()
        return now_ns - self._waiting.get(int(order["order_id"]), now_ns) >= PATIENCE_NS

    def quiesced(self) -> None:
        """Look at the engine after the world has settled."""
        machine = self._scene.world.machine
        if not machine.is_up or not machine.is_ready:
            broken(31, "the engine is not ready after the faults are over")
        state = machine.engine.decider.state
        for order in state["orders"][0]:
            if order["order_id"] == 0 or not self._is_late(order):
                continue
            if int(order["state"]) not in _SETTLED:
                waits = OrderState(int(order["state"])).name
                name = self._scene.name(int(order["order_id"]))
                broken(31, f"an order is {waits} for ever", name=name)
            if order["amend_qty"]:
                name = self._scene.name(int(order["order_id"]))
                broken(31, "an amendment is never answered", name=name)
        for number, held in enumerate(self._scene.retold.holdings):
            if self._is_moving(number, held):
                continue
            if held.position:
                self._protected(number, state["instruments"][0, number])
            self._stopped(number, held)

    def _is_moving(self, number: int, held: Holding) -> bool:
        """Return whether a stop is on its way to another size, or a position on its way out."""
        now_ns = self._scene.world.clock.elapsed_ns()
        since = [self._waiting[x] for x in held.orders if x in self._waiting]
        since += [self._bare[number]] if number in self._bare else []
        return any(now_ns - then < PATIENCE_NS for then in since)

    def _stopped(self, number: int, held: Holding) -> None:
        """What was halted has no entries left, and what was killed no position."""
        retold = self._scene.retold
        level = max(retold.level(Scope.ACCOUNT, -1), retold.level(Scope.INSTRUMENT, number))
        opening = [x.order_id for x in held.orders.values() if not x.reduces]
        if level >= Level.HALTED and opening:
            broken(11, "an order that opens rests on although all is halted", orders=opening)
        if level >= Level.KILLED and held.position:
            broken(11, "a position is left although all was killed", instrument=number)

    def _protected(self, number: int, inst: Any) -> None:
        """A position rests behind a stop at the venue, or a person was told."""
        oracle, retold = self._scene.oracle, self._scene.retold
        if inst["unprotected"] == NO_STOP_POSSIBLE:
            return
        if retold.level(Scope.INSTRUMENT, number) and inst["unprotected"]:
            return
        lots = oracle.positions[number]
        stops = [
            placed
            for name, placed in oracle.orders.items()
            if oracle.rests(name)
            and placed.request.instrument == number
            and placed.request.flags & Flag.REDUCE_ONLY
            and placed.request.trigger > 0
            and placed.request.side * lots < 0
        ]
        if sum(placed.qty - placed.filled for placed in stops) != abs(lots):
            broken(
                31,
                "a position has no stop of its size at the venue",
                instrument=number,
                lots=lots,
                stops=[placed.request.client_id for placed in stops],
            )
