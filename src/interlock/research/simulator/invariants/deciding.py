"""What is asked of a decision, by what the journal says was known when it was taken."""

from typing import Final

from interlock.kernel.codes import BUY, Feed, Flag, Kind, OrderKind, Role
from interlock.kernel.units import LIMIT_NONE
from interlock.research.simulator.invariants.facts import Facts
from interlock.research.simulator.invariants.killing import opens_more
from interlock.research.simulator.invariants.money import money_units
from interlock.research.simulator.invariants.retold import Holding
from interlock.research.simulator.invariants.scene import Scene, broken
from interlock.research.simulator.invariants.sending import opens
from interlock.runtime.decide import Decided
from interlock.runtime.last_gate import Outgoing

PPM: Final = 1_000_000
STALE_NS: Final = 2_000_000_000  # the sender gives an order up that waited for so long
DAY_BARS_NS: Final = 20 * 3_600_000_000_000  # an order on bars as long as a day waits for the open
_SUBMIT: Final = int(Kind.SUBMIT)
_AMEND: Final = int(Kind.AMEND)
_UNKNOWN: Final = 5
_MARGIN: Final = int(Flag.MARGIN)
_STOPS: Final = frozenset({int(OrderKind.STOP), int(OrderKind.STOP_LIMIT)})
_LIMITS: Final = frozenset({int(OrderKind.LIMIT), int(OrderKind.STOP_LIMIT)})


class Exposure:
    """8: with everything in flight filled, and this order too, no limit is passed."""

    COMMANDS = frozenset({_SUBMIT})

    def __init__(self, scene: Scene) -> None:
        self._scene = scene

    def ruled(self, _event: Facts, command: Facts) -> None:
        """An order was decided on."""
        if not opens_more(command):
            return
        for name, value, limit in self._measured(command):
            if value > limit:
                broken(8, f"{name} is passed", value=value, limit=limit, order=command)

    def _measured(self, order: Facts) -> list[tuple[str, int, int]]:
        """Return what is limited: its name, its value if all fills, and the limit."""
        retold = self._scene.retold
        assert retold.limits is not None
        account = retold.limits.account
        own = retold.limits.strategies[order.strategy]
        spec = retold.spec(order.instrument)
        held = retold.holdings[order.instrument]
        notional = money_units(spec, BUY, order.price, order.qty)
        worst_lots = held.position + order.side * (held.in_flight(order.side) + order.qty)
        worst = abs(held.value_units) + held.pending_units() + notional
        gross = notional + sum(abs(x.value_units) + x.pending_units() for x in retold.holdings)
        equity = retold.equity_units
        leverage = -(-gross * PPM // equity) if equity > 0 else LIMIT_NONE
        orders = sum(len(x.orders) for x in retold.holdings)
        return [
            ("the lots of an order", order.qty, spec["order_lots"]),
            ("the notional of an order", notional, spec["order_notional_units"]),
            ("the notional of any order", notional, account["order_notional_units"]),
            ("the notional of a strategy's order", notional, own["order_notional_units"]),
            ("the lots of a position", abs(worst_lots), spec["position_lots"]),
            ("the notional of a position", worst, spec["position_notional_units"]),
            ("the share of a position", worst, _share(spec["position_ppm"], equity)),
            ("the gross notional", gross, account["gross_notional_units"]),
            ("the net notional", self._net(order, notional), account["net_notional_units"]),
            ("the leverage", leverage, account["leverage_ppm"]),
            ("the open orders", orders + 1, account["open_orders"]),
            ("the orders of an instrument", len(held.orders) + 1, spec["open_orders"]),
            ("the open positions", self._positions(held, -1), account["open_positions"]),
            (
                "the open positions of a strategy",
                self._positions(held, order.strategy),
                own["open_positions"],
            ),
        ]

    def _positions(self, held: Holding, strategy: int) -> int:
        """Return the positions held and on their way, this one too; -1 for all strategies."""
        is_new = held.position == 0 and not any(not x.reduces for x in held.orders.values())
        return is_new + sum(
            strategy in {-1, other.owner}
            and (
                not other.was_adopted
                if other.position
                else any(not x.reduces for x in other.orders.values())
            )
            for other in self._scene.retold.holdings
        )

    def _net(self, order: Facts, notional: int) -> int:
        """Return long less short, with all or none of what is in flight on the order's side."""
        holdings = self._scene.retold.holdings
        alone = sum(held.value_units for held in holdings) + order.side * notional
        in_flight = sum(held.pending_units(order.side) for held in holdings)
        return max(abs(alone), abs(alone + order.side * in_flight))


def _share(ppm: int, equity: int) -> int:
    return LIMIT_NONE if ppm >= LIMIT_NONE else max(equity, 0) * ppm // PPM


class ReduceOnly:
    """9 and 23: what only reduces is never more than there is, and on the other side of it."""

    COMMANDS = frozenset({_SUBMIT, _AMEND})

    def __init__(self, scene: Scene) -> None:
        self._scene = scene

    def ruled(self, _event: Facts, command: Facts) -> None:
        """An order or an amendment was decided on."""
        held = self._scene.retold.holdings[command.instrument]
        room = -command.side * held.position
        if command.kind == _AMEND:
            self._amended(command, held, room)
        elif not opens_more(command):
            wanted = held.reducing(command.side)
            if command.role != Role.TARGET or command.peer_id == 0:
                wanted += command.qty
            if max(wanted, command.qty) > room:
                broken(
                    9,
                    "orders that only reduce are more than the position",
                    wanted=max(wanted, command.qty),
                    position=held.position,
                    order=command,
                )

    def _amended(self, command: Facts, held: Holding, room: int) -> None:
        order = held.orders.get(command.order_id)
        if order is None:
            broken(9, "an order that is over is amended", order=command)
        if not order.reduces:
            broken(23, "an order that opens is made larger", order=command)
        rest = command.qty - order.filled
        if rest > order.left and rest > room:
            broken(
                9,
                "an amendment asks to reduce more than the position",
                rest=rest,
                position=held.position,
                order=command,
            )


class UnknownFreezes:
    """12: while an order's fate is unknown, nothing opens on its symbol."""

    COMMANDS = frozenset({_SUBMIT})

    def __init__(self, scene: Scene) -> None:
        self._scene = scene

    def ruled(self, _event: Facts, command: Facts) -> None:
        """An order was decided on."""
        held = self._scene.retold.holdings[command.instrument]
        lost = [x.order_id for x in held.orders.values() if x.state == _UNKNOWN]
        if lost and opens_more(command):
            broken(12, "an order opens beside one of unknown fate", order=command, unknown=lost)
        same = [x for x in lost if held.orders[x].role == command.role == Role.EXIT]
        if same:
            broken(12, "a lost order is sent again under another name", order=command, lost=same)


class FreshData:
    """18: what opens was decided on data that were young, sound and of an open market."""

    COMMANDS = frozenset({_SUBMIT})

    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        self._decided_ns: dict[int, int] = {}  # by order, on the clock that never jumps
        self._aged_ns: dict[str, tuple[int, int]] = {}  # by name: age when decided, and limit

    def decided(self, decided: Decided) -> None:
        """The kernel decided: from now on what it knew grows old."""
        for one in decided.commands:
            if one.row["kind"] == _SUBMIT:
                now_ns = self._scene.world.clock.elapsed_ns()
                self._decided_ns[int(one.row["order_id"])] = now_ns

    def first_byte(self, outgoing: Outgoing, _wire: bytes) -> None:
        """A request leaves: is what it was decided on still young?"""
        request = outgoing.request
        assert request is not None
        found = self._aged_ns.get(request.client_id)
        if found is None or not opens(request):
            return
        decided_ns, limit_ns = found
        age_ns = self._scene.world.clock.elapsed_ns() - decided_ns
        if age_ns > limit_ns + STALE_NS:
            broken(18, "an order opens on data that grew old", request=request, age_ns=age_ns)

    def ruled(self, event: Facts, command: Facts) -> None:
        """An order was decided on."""
        if not opens_more(command):
            return
        market = self._scene.retold.holdings[command.instrument].market
        decided_ns = self._decided_ns.pop(command.order_id, None)
        if decided_ns is not None:
            name = self._scene.name(command.order_id)
            limit_ns = self._scene.retold.spec(command.instrument)["data_age_ns"]
            self._aged_ns[name] = (decided_ns - (event.ts_ns - market.good_ns), limit_ns)
        why = self._why_not(event.ts_ns, command.instrument)
        if why:
            broken(18, f"an order opens although {why}", order=command, market=market)

    def _why_not(self, now_ns: int, instrument: int) -> str:
        """Return what speaks against the market; nothing when all is well."""
        spec = self._scene.retold.spec(instrument)
        market = self._scene.retold.holdings[instrument].market
        quoted = spec["feed"] == Feed.QUOTE
        always = spec["always_open"] == 1 or (
            spec["feed"] == Feed.BAR and spec["period_ns"] >= DAY_BARS_NS
        )
        wide = quoted and market.bid > 0 and market.ask > 0
        spread = (market.ask - market.bid) * 2 * PPM // (market.ask + market.bid) if wide else 0
        questions = (
            (market.mark < 1, "there is no price"),
            (not 0 <= now_ns - market.good_ns <= spec["data_age_ns"], "the data are too old"),
            (market.quarantined > 0, "the last number was bad"),
            (quoted and not market.is_sound, "the book is crossed or empty"),
            (spread > spec["spread_ppm"], "the spread is too wide"),
            (not always and not market.is_open, "the market is closed"),
            (market.blackouts > 0, "a blackout runs"),
            (market.is_halted, "the venue halted it"),
        )
        return next((why for speaks, why in questions if speaks), "")


class SaneOrder:
    """19: an order's numbers are positive, on the venue's grid, in the collar, large enough."""

    COMMANDS = frozenset({_SUBMIT, _AMEND})

    def __init__(self, scene: Scene) -> None:
        self._scene = scene

    def ruled(self, _event: Facts, command: Facts) -> None:
        """An order or an amendment was decided on."""
        why = self._why_not(command)
        if why:
            broken(19, f"an order's {why}", order=command)

    def _why_not(self, order: Facts) -> str:
        """Return what is wrong with an order's numbers; nothing when they are sane."""
        spec = self._scene.retold.spec(order.instrument)
        held = self._scene.retold.holdings[order.instrument]
        whole = not opens_more(order) and order.qty == abs(held.position)
        questions = [
            (order.qty < 1, "quantity is nothing"),
            (order.side not in {1, -1}, "side is none"),
            (order.order_kind in _STOPS and order.trigger < 1, "trigger is nothing"),
            (order.order_kind in _STOPS and order.trigger % spec["tick"], "trigger is off tick"),
            (order.order_kind in _LIMITS and order.price < 1, "price is nothing"),
            (order.order_kind in _LIMITS and order.price % spec["tick"], "price is off tick"),
        ]
        if order.kind == _SUBMIT:
            questions.append((order.price < 1, "price is nothing"))
            questions.append((order.qty % spec["lot"] and not whole, "quantity is off lot"))
        if order.kind == _SUBMIT and opens_more(order):
            away = -(-abs(order.price - held.market.mark) * PPM // max(held.market.mark, 1))
            notional = money_units(spec, BUY, order.price, order.qty)
            questions += [
                (away > spec["collar_ppm"], "price is outside the collar"),
                (order.qty < spec["lot_min"], "quantity is below the venue's smallest"),
                (notional < spec["order_notional_min_units"], "notional is below the smallest"),
                (not order.stop_ticks, "plan has no stop"),
            ]
        return next((why for is_wrong, why in questions if is_wrong), "")
