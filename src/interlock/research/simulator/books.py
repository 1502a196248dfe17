"""The venue's books in memory: every order it was ever given, and what became of it."""

from dataclasses import dataclass, field
from typing import Final

import numpy as np

from interlock.kernel.codes import Flag, Kind
from interlock.kernel.records import ROW, Row, Rows
from interlock.venues.port import NewOrder, Report, VenueOrder, VenueState
from interlock.venues.simulated.ledger import Entry

_ENDS: Final = {
    int(Kind.REJECTED): VenueState.REJECTED,
    int(Kind.CANCELLED): VenueState.CANCELLED,
    int(Kind.EXPIRED): VenueState.EXPIRED,
}
_FILL: Final = int(Kind.FILL)
_AMENDED: Final = int(Kind.AMENDED)
_CANCELLED: Final = int(Kind.CANCELLED)


@dataclass(slots=True, kw_only=True, eq=False)
class BookOrder:
    """An order in the books.

    Attributes:
        request: As it came.
        number: The venue's own.
        peer_number: Of its pair; 0 for none.
        came_ns: When it was written down, by the clock that never jumps.
        fills: FILL rows, oldest first.
    """

    request: NewOrder
    number: int
    peer_number: int
    came_ns: int
    state: VenueState
    qty: int
    filled: int
    price: int
    trigger: int
    fills: list[Row] = field(default_factory=list)


class MemoryBooks:
    """What a venue writes down (``venues.simulated.exchange.Books``); it survives its process."""

    def __init__(self) -> None:
        self.orders: dict[str, BookOrder] = {}
        self.created: dict[str, int] = {}  # how often an order of a name was made
        self.now_ns = 0
        self.expiring = ""  # an order that is ended by the venue, and by no cancel
        self._numbers: dict[int, str] = {}
        self._open: dict[str, BookOrder] = {}

    def entry(self, client_id: str) -> Entry | None:
        """Return an order that this venue was ever given."""
        found = self.orders.get(client_id)
        if found is None:
            return None
        request = found.request
        return Entry(
            client_id=client_id,
            number=found.number,
            peer_client_id=request.peer_client_id,
            peer_number=found.peer_number,
            strategy=request.strategy,
            side=request.side,
            order_kind=request.order_kind,
            role=request.role,
        )

    def entry_of(self, number: int) -> Entry | None:
        """Return an order by the venue's own number."""
        client_id = self._numbers.get(number)
        return None if client_id is None else self.entry(client_id)

    def find(self, client_id: str) -> VenueOrder | None:
        """Return an order with all its fills."""
        found = self.orders.get(client_id)
        return None if found is None else _told(found)

    def open_orders(self) -> tuple[VenueOrder, ...]:
        """Return the orders that rest, oldest first."""
        return tuple(_told(order) for order in self._open.values())

    def add_order(self, request: NewOrder, number: int, peer_number: int) -> None:
        """Keep a new order."""
        order = BookOrder(
            request=request,
            number=number,
            peer_number=peer_number,
            came_ns=self.now_ns,
            state=VenueState.WORKING,
            qty=request.qty,
            filled=0,
            price=request.price,
            trigger=request.trigger,
        )
        name = request.client_id
        self.orders[name] = self._open[name] = order
        self.created[name] = self.created.get(name, 0) + 1
        self._numbers[number] = name

    def add_report(self, report: Report) -> None:
        """Keep what a report says of its order."""
        row = report.row
        order = self.orders.get(report.client_id)
        kind = int(row["kind"])
        if order is None:
            return
        if kind == _FILL:
            order.filled += int(row["qty"])
            order.fills.append(row)
            if row["flags"] & Flag.LAST:
                self._end(report.client_id, VenueState.FILLED)
        elif kind == _AMENDED:
            order.qty = int(row["qty"])
            order.price = int(row["price"])
            order.trigger = int(row["trigger"])
        elif kind in _ENDS:
            if kind == _CANCELLED and self.expiring == report.client_id:
                row["kind"] = kind = int(Kind.EXPIRED)
            self._end(report.client_id, _ENDS[kind])

    def _end(self, client_id: str, state: VenueState) -> None:
        self.orders[client_id].state = state
        self._open.pop(client_id, None)

    def retire(self, client_id: str) -> None:
        """Let the name of an order that is over be used again: some venues do."""
        order = self.orders.get(client_id)
        if order is not None and order.state is not VenueState.WORKING:
            del self.orders[client_id]
            self._numbers.pop(order.number, None)

    def fills(self) -> list[tuple[str, Row]]:
        """Return every fill with its order's name, in the order of the orders."""
        return [(name, row) for name, order in self.orders.items() for row in order.fills]


def _told(order: BookOrder) -> VenueOrder:
    fills: Rows = np.array(order.fills, dtype=ROW) if order.fills else np.zeros(0, dtype=ROW)
    request = order.request
    return VenueOrder(
        client_id=request.client_id,
        instrument=request.instrument,
        state=order.state,
        qty=order.qty,
        filled=order.filled,
        price=order.price,
        trigger=order.trigger,
        fills=fills,
        side=request.side,
        order_kind=request.order_kind,
        is_reduce_only=bool(request.flags & Flag.REDUCE_ONLY),
    )
