"""The venue's process: who is connected, what is asked, what is answered, and its bad manners."""

from collections import deque
from dataclasses import replace
from typing import TYPE_CHECKING, Final

import numpy as np

from interlock.kernel.codes import Flag, Kind, OrderKind, Role
from interlock.kernel.policy import SMALL
from interlock.kernel.records import ROW, Row, rows
from interlock.research.simulator.account import world_of
from interlock.research.simulator.books import BookOrder, MemoryBooks
from interlock.research.simulator.market import Moved
from interlock.research.simulator.network import Wire
from interlock.research.simulator.plan import Rules
from interlock.research.simulator.voice import KEPT, STRANGER, Voice
from interlock.runtime.clock import NS_PER_MS
from interlock.sim.world import new_venue
from interlock.venues.port import (
    Amend,
    Cancel,
    Capabilities,
    Duplicate,
    Fenced,
    Market,
    Message,
    NewOrder,
    NotFound,
    Queued,
    Report,
    Request,
    VenueState,
    Welcome,
)
from interlock.venues.simulated.asks import (
    Ask,
    AskAccount,
    AskOrder,
    CancelAll,
    Done,
    Hello,
    read_ask,
)
from interlock.venues.simulated.asks import Warden as WardenHello
from interlock.venues.simulated.exchange import Exchange
from interlock.venues.simulated.lines import LineError, Symbols
from interlock.venues.simulated.tells import tell_bytes
from interlock.venues.simulated.warden import Wardens

if TYPE_CHECKING:
    from interlock.research.simulator.world import World

LATE_NS: Final = 1_500 * NS_PER_MS  # a venue finds an order so late
HELD_NS: Final = 1_000 * NS_PER_MS  # an overtaken order arrives so late
_EVEN: Final = 0.5


def is_strict(faults: frozenset[str]) -> bool:
    """Return whether an answer comes after everything that was sent before its question."""
    return not faults & {"net_overtaken", "venue_late_answer"}


def capabilities_of(faults: frozenset[str], *, native_oco: bool) -> Capabilities:
    """Return what an engine may conclude at this venue.

    Where an answer may come before what was asked about, it takes several, and time.
    """
    if is_strict(faults):
        return Capabilities(native_oco=native_oco, absence_wait_ms=0, absence_answers=1)
    return Capabilities(native_oco=native_oco, absence_wait_ms=6_000, absence_answers=3)


class FarSide:
    """One account at one venue; it remembers everything it ever did."""

    def __init__(self, world: "World") -> None:
        plan = world.plan
        self.rules = plan.rules
        self.books = MemoryBooks()
        self.symbols = Symbols([one.symbol for one in plan.instruments])
        self._rules = world_of(plan, world.policy)
        self.exchange = Exchange(
            self._rules,
            new_venue(plan.cash_units, SMALL),
            self.books,
            instruments=len(plan.instruments),
        )
        self.feed = 0  # the number of the latest row of the market
        self.down_until_ns = 0
        self._world = world
        self.voice = Voice(world.strikes, self.symbols, world.clock)
        self._strikes = world.strikes
        self._random = world.chance.of("venue")
        self._unheard: deque[Row] = deque(maxlen=KEPT)
        self._is_strict = is_strict(plan.faults)
        self._held: deque[tuple[Wire, Request]] = deque()
        self._strangers = 0
        self._wardens = Wardens(self.exchange, self.symbols.names)
        self._warden_wires: set[int] = set()

    # --- connections ------------------------------------------------------------------------------

    def hear(self, wire: Wire, data: bytes) -> None:
        """Take bytes of an engine."""
        if self._world.clock.elapsed_ns() < self.down_until_ns:
            return
        self.books.now_ns = self._world.clock.elapsed_ns()
        try:
            for line in wire.buffer.feed(data):
                self._line(wire, line)
        except LineError:
            wire.reset()

    def hung_up(self, wire: Wire) -> None:
        """Take note that an engine is gone."""
        if wire is self.voice.wire:
            self.voice.speak_to(None)

    def _line(self, wire: Wire, line: bytes) -> None:
        ask = read_ask(line, self.symbols)
        if isinstance(ask, WardenHello) or wire.number in self._warden_wires:
            self._hear_warden(wire, ask)
        elif isinstance(ask, Hello):
            self._greet(wire, ask)
        elif isinstance(ask, NewOrder | Cancel | Amend):
            is_late = wire is not self.voice.wire  # under way when an older connection ended
            if not is_late or not self._is_strict or ask.epoch < self.exchange.epoch:
                self._take(wire, ask)
        elif wire is not self.voice.wire:
            return
        elif isinstance(ask, AskAccount):
            self._world.count("answer")
            self.voice.say([self.exchange.account(self._now_ns())])
        elif isinstance(ask, AskOrder):
            self._world.count("answer")
            self.voice.say([self._find(ask.client_id)])
        else:
            assert isinstance(ask, Done)

    def _greet(self, wire: Wire, hello: Hello) -> None:
        fenced = self.exchange.admits(hello.epoch)
        if fenced is not None:
            wire.tell(tell_bytes(fenced, self.symbols))
            return
        if not wire.is_open:
            return
        if self.voice.wire is not None and self.voice.wire is not wire:
            self.voice.wire.reset()
        self.voice.speak_to(wire)
        missed = [row for row in self._unheard if row["ext_lo"] > hello.feed]
        self.feed = max(self.feed, hello.feed)
        self.voice.say([Welcome(now_ns=self._now_ns(), replay=False, ended=False)])
        again: list[Message] = list(self.voice.told_again)
        if missed:
            again.append(Market(rows=np.array(missed, dtype=ROW)))
        self.voice.say(again)
        if self._strikes.now("net_replayed") or self.rules is Rules.IBKR:
            self._replay_fills()

    def _replay_fills(self) -> None:
        """Tell old fills again, as some venues do after a reconnect."""
        fills = self.books.fills()[-6:]
        self.voice.say([Report(client_id=name, peer_client_id="", row=row) for name, row in fills])

    def _now_ns(self) -> int:
        return self._world.clock.true_ns()

    def _hear_warden(self, wire: Wire, ask: Ask) -> None:
        """Take what somebody says who may only make less of what there is."""
        self._warden_wires.add(wire.number)
        self._world.count("command")
        if isinstance(ask, CancelAll) and self.rules is Rules.CRYPTOCOM:
            if self._random.random() < _EVEN:
                wire.tell(self.voice.wire_of([Queued(what="cancel_all")]))  # and nothing is done
                return
        heard = self._wardens.take(ask, self._now_ns())
        if heard is None:
            wire.reset()
            return
        self.facts(heard.reports)
        if self._world.clock.elapsed_ns() >= self.voice.silent_until_ns:
            wire.tell(self.voice.wire_of(heard.answers))

    # --- commands ---------------------------------------------------------------------------------

    def _take(self, wire: Wire, request: Request) -> None:
        """Do what a command asks, or lose it, or let the next one overtake it."""
        if self._strikes.now("net_drop_ask"):
            return
        if isinstance(request, NewOrder) and self._strikes.now("net_overtaken"):
            self._held.append((wire, request))
            self._world.schedule.after(HELD_NS, self._release_held)
            return
        self._handle(wire, request)
        self._release_held()

    def _release_held(self) -> None:
        while self._held:
            self._handle(*self._held.popleft())

    def _handle(self, wire: Wire, request: Request) -> None:
        self._world.count("command")
        answers = self._new(request) if isinstance(request, NewOrder) else self._control(request)
        if isinstance(answers, Fenced):
            wire.tell(tell_bytes(answers, self.symbols))
        elif isinstance(answers, Duplicate):
            self.voice.say([answers])
        else:
            self._world.watched.tell("venue_took", request, answers)
            self._tell_of(request, answers)

    def _new(self, request: NewOrder) -> list[Report] | Fenced | Duplicate:
        if self.rules is Rules.BINANCE:
            self.books.retire(request.client_id)
        asked = request
        if self._strikes.now("venue_rejects"):
            asked = replace(request, side=0)  # no venue takes that
        return self.exchange.handle(asked, self._now_ns())

    def _control(self, request: Cancel | Amend) -> list[Report] | Fenced | Duplicate:
        order = self.books.orders.get(request.client_id)
        rests = order is not None and order.state is VenueState.WORKING
        keeps = "venue_keeps" if isinstance(request, Cancel) else "venue_refuses_change"
        if rests and request.epoch >= self.exchange.epoch:
            assert order is not None
            if self._strikes.now(keeps):
                is_cancel = isinstance(request, Cancel)
                kind = Kind.CANCEL_REJECTED if is_cancel else Kind.AMEND_REJECTED
                return [self._refusal(kind, order)]
            if self._strikes.now("venue_late_fill"):
                self._fill_late(order)
        return self.exchange.handle(request, self._now_ns())

    def _refusal(self, kind: Kind, order: BookOrder) -> Report:
        """Return that a cancel or an amendment was refused."""
        row = rows(1)[0]
        request = order.request
        row["kind"] = kind
        for name in ("instrument", "strategy", "side", "order_kind", "role"):
            row[name] = getattr(request, name)
        row["qty"] = order.qty
        row["price"] = order.price
        row["trigger"] = order.trigger
        row["src_ts_ns"] = row["ts_ns"] = self._now_ns()
        return Report(client_id=request.client_id, peer_client_id="", row=row)

    def _fill_late(self, order: BookOrder) -> None:
        """Let the market reach an order while its cancel is on its way."""
        request = order.request
        price = self._world.market.price(request.instrument)
        if request.order_kind == OrderKind.STOP:
            price = order.trigger
        elif request.order_kind == OrderKind.LIMIT:
            price = order.price - request.side
        self.print_at(request.instrument, max(price, 1))

    def _tell_of(self, request: Request, reports: list[Report]) -> None:
        """Tell the engine what a command came to, in the venue's manner."""
        found: list[Message] = []
        for report in reports:
            if report.row["kind"] == Kind.ACCEPTED:
                if self._strikes.now("venue_unknown"):
                    found.append(Duplicate(client_id=request.client_id))
                    continue
                if self.rules is Rules.IBKR:
                    found.append(report)
            found.append(report)
        self.voice.say(found)

    def _find(self, client_id: str) -> Message:
        order = self.books.orders.get(client_id)
        if order is not None and self._world.clock.elapsed_ns() - order.came_ns < LATE_NS:
            if self._strikes.now("venue_late_answer"):
                return NotFound(client_id=client_id, now_ns=self._now_ns())
        return self.exchange.order(client_id, self._now_ns())

    # --- the market and strangers -----------------------------------------------------------------

    def move(self, moved: Moved) -> None:
        """Let the market happen here, and tell it."""
        found: list[Report] = []
        for place in range(len(moved.true)):
            found += self.exchange.market(moved.true[place : place + 1])
        self.facts(found)
        told = moved.told
        if len(told) == 0:
            return
        told["ext_lo"] = np.arange(self.feed + 1, self.feed + 1 + len(told))
        self.feed += len(told)
        self._unheard.extend(told[told["kind"] == Kind.BAR])
        self._world.watched.tell("market", told)
        self.voice.say([Market(rows=told)])

    def facts(self, reports: list[Report]) -> None:
        """Take note of what happened without a command, and tell it."""
        if reports:
            self._world.count("fact", len(reports))
            self._world.watched.tell("venue_fact", reports)
            self.voice.say(reports)

    def print_at(self, instrument: int, price: int) -> None:
        """Let somebody trade at a price."""
        row = rows(1)
        row["kind"] = Kind.TRADE
        row["instrument"] = instrument
        row["close"] = price
        row["volume"] = 10_000
        row["ts_ns"] = row["src_ts_ns"] = self._now_ns()
        self.facts(self.exchange.market(row))

    def fund(self, instrument: int, rate: int) -> None:
        """Charge funding: ``rate`` is in parts per billion."""
        row = rows(1)
        row["kind"] = Kind.FUNDING
        row["instrument"] = instrument
        row["value"] = rate
        row["ts_ns"] = row["src_ts_ns"] = self._now_ns()
        found = self.exchange.market(row)
        self.voice.told_again.extend(found)
        self.facts(found)

    def trade_as_stranger(self, instrument: int, side: int, qty: int) -> None:
        """Let somebody else trade on this account: his fills are told, his orders are not."""
        self._strangers += 1
        is_margin = int(self._world.policy["instruments"]["settle"][0, instrument]) != 1
        request = NewOrder(
            client_id=f"{STRANGER}{self._strangers}",
            epoch=max(self.exchange.epoch, 1),
            instrument=instrument,
            strategy=0,
            side=side,
            order_kind=int(OrderKind.MARKET),
            role=int(Role.NONE),
            flags=int(Flag.MARGIN) if is_margin else 0,
            qty=qty,
            price=0,
            trigger=0,
            peer_client_id="",
            ts_ns=self._now_ns(),
        )
        taken = self.exchange.handle(request, self._now_ns())
        assert isinstance(taken, list)
        self._world.watched.tell("venue_fact", taken)
        self.print_at(instrument, self._world.market.price(instrument))

    def expire(self, client_id: str) -> None:
        """End an order that rests, unasked."""
        order = self.books.orders[client_id]
        self.books.expiring = client_id
        cancel = Cancel(
            client_id=client_id,
            epoch=self.exchange.epoch,
            instrument=order.request.instrument,
            ts_ns=self._now_ns(),
        )
        found = self.exchange.handle(cancel, self._now_ns())
        self.books.expiring = ""
        assert isinstance(found, list)
        self.facts(found)

    def go_down(self, until_ns: int) -> None:
        """Be out: connections end, and nothing is heard."""
        self.down_until_ns = until_ns
        wire = self.voice.wire
        if wire is not None:
            wire.reset()

    def fill_freely(self) -> None:
        """Let every order that can fill do so at once, however much it is."""
        self._rules["instruments"]["participation_ppm"] = 0

    @property
    def resting(self) -> list[str]:
        """The names of the orders that rest."""
        return [order.client_id for order in self.books.open_orders()]
