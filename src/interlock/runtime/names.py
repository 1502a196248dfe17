"""Which order a venue means: client names from order ids and back, and what each order asked."""

from bisect import bisect_right

from interlock.kernel.codes import Kind
from interlock.kernel.records import SUBS
from interlock.runtime.decide import Command
from interlock.runtime.ids import client_name, read_client_name
from interlock.venues.port import Amend, Cancel, NewOrder, Request


class Names:
    """The names that orders have at their venue.

    An order's name carries the epoch of the engine that decided it, so every start of the journal
    so far is needed to name the orders that are still open.

    Args:
        starts: (first seq, epoch) of every start, oldest first.
    """

    def __init__(self, starts: list[tuple[int, int]]) -> None:
        assert starts
        self._seqs = [seq for seq, _ in starts]
        self._epochs = [epoch for _, epoch in starts]
        for grown in (self._seqs, self._epochs):
            assert grown == sorted(set(grown))

    @property
    def epoch(self) -> int:
        """Of this engine."""
        return self._epochs[-1]

    def starts(self) -> list[list[int]]:
        """Return [first seq, epoch] of every start, oldest first: for a snapshot."""
        return [[seq, epoch] for seq, epoch in zip(self._seqs, self._epochs, strict=True)]

    def client_id(self, order_id: int) -> str:
        """Return the name of an order; nothing for order 0, which is none."""
        if order_id == 0:
            return ""
        place = bisect_right(self._seqs, order_id // SUBS) - 1
        return client_name(self._epochs[max(place, 0)], order_id)

    def order_id(self, client_id: str) -> int:
        """Return the order with this name; 0 when it is none of ours."""
        found = read_client_name(client_id)
        if found is None or self.client_id(found[1]) != client_id:
            return 0
        return found[1]

    def request(self, command: Command) -> Request:
        """Return what a SUBMIT, CANCEL or AMEND asks of the venue."""
        row = command.row
        client_id = self.client_id(int(row["order_id"]))
        if row["kind"] == Kind.SUBMIT:
            return NewOrder(
                client_id=client_id,
                epoch=self.epoch,
                instrument=int(row["instrument"]),
                strategy=int(row["strategy"]),
                side=int(row["side"]),
                order_kind=int(row["order_kind"]),
                role=int(row["role"]),
                flags=int(row["flags"]),
                qty=int(row["qty"]),
                price=int(row["price"]),
                trigger=int(row["trigger"]),
                peer_client_id=self.client_id(int(row["peer_id"])),
                ts_ns=command.told_ns,
            )
        if row["kind"] == Kind.CANCEL:
            return Cancel(
                client_id=client_id,
                epoch=self.epoch,
                instrument=int(row["instrument"]),
                ts_ns=command.told_ns,
            )
        assert row["kind"] == Kind.AMEND
        return Amend(
            client_id=client_id,
            epoch=self.epoch,
            instrument=int(row["instrument"]),
            qty=int(row["qty"]),
            price=int(row["price"]),
            trigger=int(row["trigger"]),
            ts_ns=command.told_ns,
        )
