"""Both sides of a pair: what the venue can say, and what the engine believes and wrote."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from interlock.journal.rows import Entry, RowKind
from interlock.kernel.codes import Flag, Kind, OrderState
from interlock.kernel.records import Row, Rows, rows
from interlock.runtime.clock import NS_PER_MS, NS_PER_S
from interlock.runtime.entries import commands_of, events_of
from interlock.venues.port import (
    Account,
    Beat,
    Found,
    Market,
    NewOrder,
    NotFound,
    Report,
    Turn,
    VenueOrder,
    VenueState,
    Welcome,
)
from tests.kernel.helpers import CASH, says
from tests.runtime.scripts import BEGIN_NS, PRICE

if TYPE_CHECKING:
    from tests.runtime.pair import Pair


class Venue:
    """What the venue of a pair can say."""

    def __init__(self, pair: "Pair") -> None:
        self._pair = pair
        self.feed = 0
        self.trades = 0
        self._told: dict[int, tuple[str, int]] = {}  # whose fill a trade was, and of how many lots

    def welcome(self, *, ended: bool = False) -> Welcome:
        """Return the answer to its greeting."""
        return Welcome(
            now_ns=self._pair.engine.now_ns(),
            replay=self._pair.setup.begin_ns is not None,
            ended=ended,
        )

    def account(
        self,
        positions: dict[int, int] | None = None,
        orders: Sequence[VenueOrder] = (),
        equity: int | None = None,
    ) -> Account:
        """Return what the venue says we have; what is not given is as we believe."""
        held = positions
        if held is None:
            table = self._pair.book.state["instruments"]["position"]
            held = {number: int(lots) for number, lots in enumerate(table.tolist()) if lots}
        ours = int(self._pair.book.state["account"]["equity_units"])
        return Account(
            now_ns=self._pair.engine.now_ns(),
            orders=tuple(orders),
            positions=held,
            marks={number: self._pair.book.inst("mark", number) for number in held},
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
        if not self._pair.link.replay:
            self._pair.clock.advance(NS_PER_MS)
            close_ns = self._pair.clock.now_ns()
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

    def fill(
        self, order: NewOrder, lots: int = 0, *, of: int = 0, trade: int = 0, price: int = PRICE
    ) -> Report:
        """Return a fill of an order, all of it unless it is said how much.

        It is the last one when the order, of as many lots as it began with unless they are given,
        is filled with it.
        """
        number = self._trade(trade)
        self._told[number] = order.client_id, lots or order.qty
        filled = sum(
            told for client_id, told in self._told.values() if client_id == order.client_id
        )
        flags = order.flags | (Flag.LAST if filled >= (of or order.qty) else 0)
        return self.report(
            Kind.FILL, order, qty=lots or order.qty, price=price, ext_lo=number, flags=flags
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
        return NotFound(client_id=order.client_id, now_ns=self._pair.engine.now_ns())

    def beat(self, number: int, strategies: Turn = Turn.NO) -> Beat:
        """Return a beat of the recording."""
        return Beat(number=number, now_ns=self._pair.engine.now_ns(), strategies=strategies)

    def _trade(self, trade: int) -> int:
        """Return a trade's number, the next one unless it is given."""
        self.trades = max(self.trades, trade or self.trades + 1)
        return trade or self.trades

    def _row(self, kind: Kind, order: NewOrder, **fields: int) -> Rows:
        row = rows(1)
        row["kind"] = kind
        for name in ("instrument", "strategy", "side", "order_kind", "role", "flags", "qty"):
            row[name] = getattr(order, name)
        row["ts_ns"] = row["src_ts_ns"] = self._pair.engine.now_ns()
        for name, value in fields.items():
            row[name] = value
        return row


class Book:
    """What the engine of a pair believes, and what it wrote."""

    def __init__(self, pair: "Pair") -> None:
        self._pair = pair

    @property
    def state(self) -> Any:
        """What the kernel believes."""
        return self._pair.engine.decider.state[0]

    def inst(self, name: str, instrument: int = 0) -> int:
        """Return a number of an instrument."""
        return int(self.state["instruments"][instrument][name])

    def orders(self) -> dict[str, str]:
        """Return the states of the open orders by their names at the venue."""
        table = self.state["orders"]
        return {
            self._pair.names.client_id(int(order["order_id"])): OrderState(order["state"]).name
            for order in table[table["order_id"] != 0]
        }

    def story(self, *kinds: Kind) -> list[str]:
        """Return what the kernel decided so far, in words; of these kinds, if any are named."""
        return [
            says(row)
            for entry in self._pair.entries
            for row in commands_of(entry)
            if not kinds or row["kind"] in kinds
        ]

    def events(self, kind: Kind) -> list[Row]:
        """Return the journaled events of a kind."""
        return [
            row for entry in self._pair.entries for row in events_of(entry) if row["kind"] == kind
        ]

    def notes(self) -> list[Entry]:
        """Return what the process said of itself."""
        return [entry for entry in self._pair.entries if entry.kind is RowKind.NOTE]
