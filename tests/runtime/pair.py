"""An engine without threads and sockets, and a venue that says what a test makes it say.

The bytes between the two are real; the journal is a list, durable at once or when a test says so.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

from interlock.journal.rows import Entry, RowKind
from interlock.kernel.codes import BUY, SELL, Kind, OrderState
from interlock.kernel.records import Row, Rows, rows
from interlock.runtime.clock import NS_PER_MS, NS_PER_S, ManualClock
from interlock.runtime.entries import commands_of, events_of
from interlock.runtime.inbox import Lane, Room
from interlock.runtime.link import Link, Phase
from interlock.runtime.recover import Recovered
from interlock.runtime.session import Parts, begin
from interlock.runtime.turns import Turns
from interlock.venues.port import (
    Account,
    Amend,
    Beat,
    Cancel,
    Capabilities,
    Found,
    Market,
    Message,
    NewOrder,
    NotFound,
    Report,
    Turn,
    VenueOrder,
    VenueState,
    Welcome,
)
from interlock.venues.simulated.asks import Ask, AskOrder, read_ask
from interlock.venues.simulated.lines import Symbols
from interlock.venues.simulated.tells import tell_bytes
from interlock.venues.simulated.wire import CAPABILITIES, SimulatedCodec
from tests.kernel.helpers import CASH, says
from tests.runtime.scripts import BEGIN_NS, NAMES, PRICE, SCALES, setup_of, strategy_of

if TYPE_CHECKING:
    from interlock.runtime.decide import Decided
    from interlock.runtime.engine import Engine
    from interlock.runtime.last_gate import Outgoing

EPOCH: Final = 7
ANSWER_NS: Final = 5 * NS_PER_S
LOOK_NS: Final = 10 * NS_PER_S


class Pair:
    """One engine and its venue.

    Args:
        settings: Of the policy, as in the kernel's tests.
        replay: Whether the venue plays a recording.
        script: Of the strategy.
        capabilities: Of the venue.
        recovered: What its journal says.
        killed: Whether the kill latch is set.
        epoch: Of the engine.
        is_slow: Whether nothing is durable until ``flush``.
        room: Of the inbox.
        clock: One that stands still, unless it is given.
        changed: Of the setup.
    """

    def __init__(
        self,
        settings: str = "",
        *,
        replay: bool = False,
        script: dict[str, Any] | None = None,
        capabilities: Capabilities = CAPABILITIES,
        recovered: Recovered | None = None,
        killed: bool = False,
        epoch: int = EPOCH,
        is_slow: bool = False,
        room: Room | None = None,
        clock: Any = None,
        **changed: Any,
    ) -> None:
        self.clock = clock or ManualClock(BEGIN_NS)
        self.codec = SimulatedCodec(NAMES, "paper", capabilities)
        self.symbols = Symbols(NAMES)
        self.setup = setup_of(settings, replay=replay, **changed)
        self.turns = Turns(strategy_of(**(script or {})), 0, SCALES)
        self.watched: list[Decided] = []
        self.in_store: set[bytes] = set()  # keys of fills
        begun = begin(
            self.setup,
            Parts(
                codec=self.codec,
                turns=self.turns,
                clock=self.clock,
                room=room or Room(),
                answer_ns=ANSWER_NS,
                look_ns=LOOK_NS,
                watch=self.watched.append,
            ),
            recovered,
            epoch=epoch,
            seen=self.in_store.__contains__,
            killed=killed,
        )
        self.engine: Engine = begun.engine
        self.link: Link = begun.engine.link
        self.names = begun.names
        self.entries: list[Entry] = list(begun.first)
        self.is_slow = is_slow
        self.said: list[Ask] = []  # by the engine, all of it
        self.sent: list[tuple[Outgoing, int]] = []  # and what was durable then
        self.feed = 0
        self.trades = 0
        self.refused: str | None = None  # bytes that were no message
        self._read = 0

    # --- the engine's side --------------------------------------------------------------------

    def pump(self) -> None:
        """Let the engine do what there is to do, and hear what it says."""
        while self.step():
            pass

    def step(self) -> bool:
        """Let it do one thing; return whether there was one."""
        busy = self.engine.work()
        self.entries.extend(self.engine.take_entries())
        if not self.is_slow:
            self.flush()
        return bool(self.leave()) or busy

    def flush(self) -> None:
        """Let everything that was taken be durable."""
        if self.entries:
            self.engine.durable(self.entries[-1].last_seq)

    def leave(self) -> int:
        """Hear what may be said now; return how much it was."""
        outgoing = self.engine.take_outgoing()
        for one in outgoing:
            self.sent.append((one, self.engine.progress.durable_seq))
            self.said.append(read_ask(one.wire, self.symbols))
            if one.request is not None:
                self.link.sent(one.request)
        return len(outgoing)

    def pass_time(self, seconds: float) -> None:
        """Let time pass in steps as a driver would."""
        left_ns = round(seconds * NS_PER_S)
        while left_ns > 0:
            step_ns = min(left_ns, 500 * NS_PER_MS)
            self.clock.advance(step_ns)
            left_ns -= step_ns
            self.engine.tick()
            self.pump()

    def asks(self) -> list[Ask]:
        """Return what was said since this was asked last."""
        found = self.said[self._read :]
        self._read = len(self.said)
        return found

    def phase(self) -> Phase:
        """Return how far the conversation with the venue is."""
        return self.link.phase

    @property
    def state(self) -> Any:
        """What the kernel believes."""
        return self.engine.decider.state[0]

    def inst(self, name: str, instrument: int = 0) -> int:
        """Return a number of an instrument."""
        return int(self.state["instruments"][instrument][name])

    def orders(self) -> dict[str, str]:
        """Return the states of the open orders by their names at the venue."""
        table = self.state["orders"]
        return {
            self.names.client_id(int(order["order_id"])): OrderState(order["state"]).name
            for order in table[table["order_id"] != 0]
        }

    def story(self, *kinds: Kind) -> list[str]:
        """Return what the kernel decided so far, in words; of these kinds, if any are named."""
        return [
            says(row)
            for entry in self.entries
            for row in commands_of(entry)
            if not kinds or row["kind"] in kinds
        ]

    def events(self, kind: Kind) -> list[Row]:
        """Return the journaled events of a kind."""
        return [row for entry in self.entries for row in events_of(entry) if row["kind"] == kind]

    def notes(self) -> list[Entry]:
        """Return what the process said of itself."""
        return [entry for entry in self.entries if entry.kind is RowKind.NOTE]

    def signal(self, side: int = BUY, instrument: int = 0) -> None:
        """Propose an entry."""
        row = rows(1)
        row["kind"] = Kind.SIGNAL
        row["side"] = side
        row["instrument"] = instrument
        row["strategy"] = 0
        row["ts_ns"] = row["src_ts_ns"] = self.engine.now_ns()
        assert self.engine.inbox.offer(Lane.SIGNAL, row)
        self.pump()

    def last(self, kind: type[Any] = NewOrder) -> Any:
        """Return the last request of a kind that left."""
        return [ask for ask in self.said if isinstance(ask, kind)][-1]

    def requests(self) -> list[NewOrder | Cancel | Amend]:
        """Return every order, cancel and amendment that left."""
        return [ask for ask in self.said if isinstance(ask, NewOrder | Cancel | Amend)]

    # --- the venue's side ---------------------------------------------------------------------

    def receive(self, *messages: Message) -> None:
        """Say something, and no more."""
        for message in messages:
            self.refused = self.engine.receive(tell_bytes(message, self.symbols))

    def tell(self, *messages: Message) -> None:
        """Say something, and let the engine work on it."""
        self.receive(*messages)
        self.pump()

    def greet(self, *, ended: bool = False) -> None:
        """Let the engine connect, and welcome it."""
        self.engine.connected()
        self.pump()
        self.tell(self.welcome(ended=ended))

    def welcome(self, *, ended: bool = False) -> Welcome:
        """Return the answer to its greeting."""
        return Welcome(
            now_ns=self.engine.now_ns(), replay=self.setup.begin_ns is not None, ended=ended
        )

    def open(self, positions: dict[int, int] | None = None) -> "Pair":
        """Connect and reconcile with a venue that has no orders of ours; return the pair."""
        self.greet()
        self.tell(self.account(positions))
        assert self.link.phase is Phase.READY
        return self

    def account(
        self,
        positions: dict[int, int] | None = None,
        orders: Sequence[VenueOrder] = (),
        equity: int | None = None,
    ) -> Account:
        """Return what the venue says we have; what is not given is as we believe."""
        held = positions
        if held is None:
            table = self.state["instruments"]["position"]
            held = {number: int(lots) for number, lots in enumerate(table.tolist()) if lots}
        ours = int(self.state["account"]["equity_units"])
        return Account(
            now_ns=self.engine.now_ns(),
            orders=tuple(orders),
            positions=held,
            marks={number: self.inst("mark", number) for number in held},
            cash_units=CASH,
            equity_units=ours if equity is None else equity,
            trades=self.trades,
        )

    def bar(self, close: int = PRICE, instrument: int = 0, number: int = 0) -> Market:
        """Return a closed bar, the next of the feed unless its number is given."""
        self.feed = max(self.feed, number or self.feed + 1)
        row = rows(1)
        row["kind"] = Kind.BAR
        row["instrument"] = instrument
        row["ext_lo"] = number or self.feed
        close_ns = BEGIN_NS + 60 * NS_PER_S * int(row["ext_lo"][0])
        if not self.link.replay:
            self.clock.advance(NS_PER_MS)
            close_ns = self.clock.now_ns()
        row["ts_ns"] = row["src_ts_ns"] = close_ns
        row["value"] = close_ns - 60 * NS_PER_S
        for name in ("open", "high", "low", "close"):
            row[name] = close
        row["volume"] = 1_000_000
        return Market(rows=row)

    def report(self, kind: Kind, order: NewOrder, **fields: int) -> Report:
        """Return a report of one of the engine's orders."""
        row = self._row(kind, order, **fields)
        return Report(client_id=order.client_id, peer_client_id=order.peer_client_id, row=row[0])

    def fill(self, order: NewOrder, lots: int = 0, *, trade: int = 0, price: int = PRICE) -> Report:
        """Return a fill of an order, all of it unless it is said how much."""
        return self.report(
            Kind.FILL, order, qty=lots or order.qty, price=price, ext_lo=self._trade(trade)
        )

    def found(
        self, order: NewOrder, state: VenueState, *fills: int, qty: int = 0, trigger: int = 0
    ) -> Found:
        """Return the answer about an order that the venue has; fills are trades of so many lots."""
        return Found(order=self.rests(order, state, *fills, qty=qty, trigger=trigger))

    def rests(
        self, order: NewOrder, state: VenueState, *fills: int, qty: int = 0, trigger: int = 0
    ) -> VenueOrder:
        """Return an order as the venue knows it."""
        table: Rows = rows(len(fills))
        for place, lots in enumerate(fills):
            table[place] = self._row(
                Kind.FILL, order, qty=lots, price=PRICE, ext_lo=self._trade(0)
            )[0]
        return VenueOrder(
            client_id=order.client_id,
            instrument=order.instrument,
            state=state,
            qty=qty or order.qty,
            filled=sum(fills),
            price=order.price,
            trigger=trigger or order.trigger,
            fills=table,
        )

    def not_found(self, order: NewOrder) -> NotFound:
        """Return that answer."""
        return NotFound(client_id=order.client_id, now_ns=self.engine.now_ns())

    def beat(self, number: int, strategies: Turn = Turn.NO) -> Beat:
        """Return a beat of the recording."""
        return Beat(number=number, now_ns=self.engine.now_ns(), strategies=strategies)

    def _trade(self, trade: int) -> int:
        """Return a trade's number, the next one unless it is given."""
        self.trades = max(self.trades, trade or self.trades + 1)
        return trade or self.trades

    def _row(self, kind: Kind, order: NewOrder, **fields: int) -> Rows:
        row = rows(1)
        row["kind"] = kind
        for name in ("instrument", "strategy", "side", "order_kind", "role", "flags", "qty"):
            row[name] = getattr(order, name)
        row["ts_ns"] = row["src_ts_ns"] = self.engine.now_ns()
        for name, value in fields.items():
            row[name] = value
        return row


def bought(settings: str = "", **given: Any) -> tuple[Pair, NewOrder]:
    """Return an engine that has asked for 100 lots and waits for an answer."""
    pair = Pair(settings, **given).open()
    pair.tell(pair.bar())
    pair.signal()
    return pair, pair.last()


def holding(settings: str = "", **given: Any) -> tuple[Pair, NewOrder, NewOrder]:
    """Return an engine that holds 100 lots with stop and target at work: both of them."""
    pair, entry = bought(settings, **given)
    pair.tell(pair.report(Kind.ACCEPTED, entry), pair.fill(entry))
    stop, target = pair.requests()[1:]
    assert isinstance(stop, NewOrder)
    assert isinstance(target, NewOrder)
    pair.tell(pair.report(Kind.ACCEPTED, stop), pair.report(Kind.ACCEPTED, target))
    return pair, stop, target


def asked_about(pair: Pair) -> list[str]:
    """Return the orders that were asked about since this was asked last."""
    return [ask.client_id for ask in pair.asks() if isinstance(ask, AskOrder)]


def reconnect(pair: Pair) -> None:
    """Lose the connection and get another one."""
    pair.engine.lost()
    pair.greet()


def leaving() -> tuple[Pair, NewOrder, NewOrder]:
    """Return an engine that cancels stop and target to leave a position: both of them."""
    pair, stop, target = holding()
    pair.signal(SELL)
    assert set(pair.orders().values()) == {"PENDING_CANCEL"}
    return pair, stop, target
