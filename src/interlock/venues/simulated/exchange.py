"""The simulated exchange: client ids and epochs around ``sim.venue``. It does no I/O of its own.

Orders have numbers of the venue's own, which never leave it. What ended is only in the books: here
are the orders that rest and their pairs, no more.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final, Protocol

import numpy as np

from interlock.kernel.codes import Flag, Kind, OrderKind
from interlock.kernel.policy import empty_policy
from interlock.kernel.records import Row, Rows, rows
from interlock.kernel.units import QTY_LOTS_MAX
from interlock.sim.book import is_untouched
from interlock.sim.host import Tier
from interlock.sim.venue import on_quiet_bar, venue_equity_units, venue_step
from interlock.sim.world import REPORTS, VenueArray, WorldArray, new_venue, new_world
from interlock.venues.port import (
    Account,
    Amend,
    Cancel,
    Duplicate,
    Fenced,
    Found,
    NewOrder,
    NotFound,
    Report,
    Request,
    VenueOrder,
)
from interlock.venues.simulated.ledger import Entry

_FREE: Final = 0
_NOBODY: Final = 0  # the number of no order


def warm(tier: Tier) -> None:
    """Load the machine code that an exchange calls beside ``venue_step``."""
    world, venue = new_world(empty_policy(tier), tier), new_venue(0, tier)
    on_quiet_bar(world[0], venue[0], rows(1)[0])
    is_untouched(venue[0], 0, 1, 1)
    venue_equity_units(world[0], venue[0], 0)


class Books(Protocol):
    """Where every order ever given is kept (``ledger.Ledger``)."""

    def entry(self, client_id: str) -> Entry | None:
        """Return an order that this venue was ever given."""

    def entry_of(self, number: int) -> Entry | None:
        """Return an order by the venue's own number."""

    def find(self, client_id: str) -> VenueOrder | None:
        """Return an order with all its fills."""

    def open_orders(self) -> tuple[VenueOrder, ...]:
        """Return the orders that rest."""

    def add_order(self, request: NewOrder, number: int, peer_number: int) -> None:
        """Keep a new order."""

    def add_report(self, report: Report) -> None:
        """Keep a report, and what it says of its order."""


class Exchange:
    """One account at the exchange.

    Args:
        world: Shape (1,): its rules.
        venue: Shape (1,): its state; changed in place.
        books: What is kept for ever.
        instruments: How many are traded.
        epoch: The latest engine's; commands of an earlier one are fenced.
        next_number: Of the next order.
    """

    def __init__(
        self,
        world: WorldArray,
        venue: VenueArray,
        books: Books,
        *,
        instruments: int,
        epoch: int = 0,
        next_number: int = 1,
    ) -> None:
        self.venue = venue
        self.epoch = epoch
        self.next_number = next_number
        self._world = world
        self._books = books
        self._instruments = instruments
        self._reports = np.zeros(1, dtype=REPORTS)
        self._numbers: dict[str, int] = {}
        self._names: dict[int, str] = {_NOBODY: ""}
        self._remember()

    # --- commands ---------------------------------------------------------------------------------

    def admits(self, epoch: int) -> Fenced | None:
        """Return why an engine of this epoch may not speak; a later one fences those before it."""
        if epoch < self.epoch:
            return Fenced(epoch=self.epoch)
        self.epoch = epoch
        return None

    def handle(self, request: Request, ts_ns: int) -> list[Report] | Fenced | Duplicate:
        """Do what a command asks.

        Args:
            request: The command.
            ts_ns: When it left the engine, in the venue's time.

        Returns:
            The reports it caused, which the engine hears of at their ``ts_ns``; or why nothing at
            all was done.
        """
        fenced = self.admits(request.epoch)
        if fenced is not None:
            return fenced
        if isinstance(request, NewOrder):
            if self._books.entry(request.client_id) is not None:
                return Duplicate(client_id=request.client_id)
            reports = self._step(self._new_row(request, ts_ns))
            if request.peer_client_id:
                self._forget()  # a pair that was promised may have been replaced
            return reports
        return self._control(request, ts_ns)

    def _new_row(self, request: NewOrder, ts_ns: int) -> Rows:
        """Give a new order its number and return it as the simulation's row."""
        number = self._numbers.get(request.client_id) or self._take_number()
        self._name(number, request.client_id)
        peer = self._peer_number(request.peer_client_id)
        self._books.add_order(request, number, peer)
        found = rows(1)
        row = found[0]
        row["kind"] = Kind.SUBMIT
        for name in ("instrument", "strategy", "side", "order_kind", "role", "flags"):
            row[name] = getattr(request, name)
        for name in ("qty", "price", "trigger"):
            row[name] = getattr(request, name)
        row["order_id"] = number
        row["peer_id"] = peer
        row["ts_ns"] = ts_ns
        row["src_ts_ns"] = ts_ns
        return found

    def _control(self, request: Cancel | Amend, ts_ns: int) -> list[Report]:
        """Cancel or amend; one of an order that was never given is refused like a late one."""
        entry = self._books.entry(request.client_id)
        number = self.next_number if entry is None else entry.number
        found = rows(1)
        row = found[0]
        row["kind"] = Kind.CANCEL
        if isinstance(request, Amend):
            row["kind"] = Kind.AMEND
            row["qty"] = request.qty
            row["price"] = request.price
            row["trigger"] = request.trigger
        if entry is not None:
            row["strategy"] = entry.strategy
            row["side"] = entry.side
            row["role"] = entry.role
            row["order_kind"] = entry.order_kind if isinstance(request, Amend) else 0
        row["instrument"] = request.instrument
        row["order_id"] = number
        row["ts_ns"] = ts_ns
        row["src_ts_ns"] = ts_ns
        known = number in self._names
        self._names[number] = request.client_id
        reports = self._step(found)
        if not known:
            self._names.pop(number, None)
        return reports

    # --- wardens ----------------------------------------------------------------------------------

    def cancel_now(self, which: Callable[[VenueOrder], bool], now_ns: int) -> list[Report]:
        """Cancel every resting order that ``which`` names, at once; return the reports."""
        reports: list[Report] = []
        with self._at_once():
            for order in self._books.open_orders():
                if not which(order):
                    continue
                self._drop_control(order.client_id)
                cancel = Cancel(
                    client_id=order.client_id,
                    epoch=self.epoch,
                    instrument=order.instrument,
                    ts_ns=now_ns,
                )
                reports += self._control(cancel, now_ns)
        return reports

    def handle_now(self, order: NewOrder, now_ns: int) -> list[Report] | Fenced | Duplicate:
        """Take a new order; one at market meets the last mark at once, whatever it waits for."""
        with self._at_once():
            found = self.handle(order, now_ns)
        if isinstance(found, list) and order.order_kind == OrderKind.MARKET:
            found += self._meet_mark(order.instrument, now_ns)
        return found

    @contextmanager
    def _at_once(self) -> Iterator[None]:
        """Let commands arrive when they leave, for as long as the block lasts."""
        before = int(self._world["latency_in_ns"][0])
        self._world["latency_in_ns"] = 0
        try:
            yield
        finally:
            self._world["latency_in_ns"] = before

    def _drop_control(self, client_id: str) -> None:
        """Forget a cancel or an amendment of an order that is still on its way."""
        table = self.venue["orders"][0]
        for slot in np.flatnonzero(table["order_id"] == self._numbers[client_id]):
            if table[slot]["control"] != 0:
                table[slot]["control"] = 0
                self.venue["instruments"]["controls"][0, table[slot]["instrument"]] -= 1

    def _meet_mark(self, instrument: int, now_ns: int) -> list[Report]:
        """Match what rests at the last mark, as deep as anybody wants; nothing without a mark."""
        book = self.venue["instruments"][0][instrument]
        if book["mark"] <= 0:
            return []
        volume_left = int(book["volume_left"])
        point = rows(1)
        point["kind"] = Kind.TRADE
        point["instrument"] = instrument
        point["ts_ns"] = now_ns
        point["src_ts_ns"] = now_ns
        point["close"] = book["mark"]
        point["volume"] = QTY_LOTS_MAX
        reports = self._step(point)
        book["volume_left"] = volume_left  # of the bar in hand: that market is another one
        return reports

    # --- the market -------------------------------------------------------------------------------

    def is_quiet(self, bar: Row) -> bool:
        """Return whether a bar leaves every resting order as it is."""
        return bool(
            is_untouched(self.venue[0], int(bar["instrument"]), int(bar["low"]), int(bar["high"]))
        )

    def pass_quietly(self, bar: Row) -> None:
        """Take the close of a bar that touches nothing."""
        on_quiet_bar(self._world[0], self.venue[0], bar)

    def market(self, table: Rows) -> list[Report]:
        """Take BAR_OPEN, BAR_PATH, QUOTE, TRADE or FUNDING, shape (1,); return the reports."""
        return self._step(table)

    # --- questions --------------------------------------------------------------------------------

    def order(self, client_id: str, now_ns: int) -> Found | NotFound:
        """Return what became of an order."""
        found = self._books.find(client_id)
        if found is None:
            return NotFound(client_id=client_id, now_ns=now_ns)
        return Found(order=found)

    def account(self, now_ns: int) -> Account:
        """Return what the account holds."""
        held = self.venue["instruments"][0]
        places = np.flatnonzero(held["position"]).tolist()
        return Account(
            now_ns=now_ns,
            orders=self._books.open_orders(),
            positions={place: int(held["position"][place]) for place in places},
            marks={place: int(held["mark"][place]) for place in places},
            cash_units=int(self.venue["cash_units"][0]),
            equity_units=int(venue_equity_units(self._world[0], self.venue[0], self._instruments)),
            trades=int(self.venue["trades"][0]),
        )

    # --- numbers and names ------------------------------------------------------------------------

    def _take_number(self) -> int:
        self.next_number += 1
        return self.next_number - 1

    def _name(self, number: int, client_id: str) -> None:
        self._numbers[client_id] = number
        self._names[number] = client_id

    def _peer_number(self, client_id: str) -> int:
        """Return the number of an order's pair, which may only come after it."""
        if client_id == "":
            return _NOBODY
        number = self._numbers.get(client_id)
        if number is None:
            entry = self._books.entry(client_id)
            number = self._take_number() if entry is None else entry.number
            self._name(number, client_id)
        return number

    def _step(self, table: Rows) -> list[Report]:
        """Hand one row to the simulation; return its reports by client id, kept in the books."""
        count = venue_step(self._world, self.venue, table, 0, self._reports)
        if count == 0:
            return []
        reports = [self._translated(row) for row in self._reports["rows"][0, :count].copy()]
        for report in reports:
            self._books.add_report(report)
        if any(self._frees(report.row) for report in reports):
            self._forget()
        return reports

    def _translated(self, row: Row) -> Report:
        """Return a report without the venue's numbers; of a fill's id the trade's number stays."""
        report = Report(
            client_id=self._names[int(row["order_id"])],
            peer_client_id=self._names.get(int(row["peer_id"]), ""),
            row=row,
        )
        row["order_id"] = 0
        row["peer_id"] = 0
        row["ext_hi"] = 0
        if row["kind"] == Kind.FUNDING:
            row["ext_lo"] = self._take_number()
        return report

    def _frees(self, row: Row) -> bool:
        """Return whether an order came to its end with this report."""
        return bool(row["flags"] & Flag.LAST) or row["kind"] == Kind.REJECTED

    def _forget(self) -> None:
        """Drop the names of orders that neither rest nor are the pair of one that does."""
        table = self.venue["orders"][0]
        resting = table[table["order_id"] != _FREE]
        used = {_NOBODY, *resting["order_id"].tolist(), *resting["peer_id"].tolist()}
        for number in self._names.keys() - used:
            del self._numbers[self._names.pop(number)]

    def _remember(self) -> None:
        """Learn the names of what rests from the books."""
        table = self.venue["orders"][0]
        for order in table[table["order_id"] != _FREE]:
            entry = self._books.entry_of(int(order["order_id"]))
            assert entry is not None
            self._name(entry.number, entry.client_id)
            peer = int(order["peer_id"])
            if peer == _NOBODY or peer in self._names:
                continue
            other = self._books.entry_of(peer)
            if other is not None:
                self._name(peer, other.client_id)
            elif peer == entry.peer_number:
                self._name(peer, entry.peer_client_id)
