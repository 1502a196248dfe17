"""The oracle: what is true at the venue, kept by other code than the venue's and the kernel's.

It hears what the far side did (requests taken, reports made) and keeps books of its own in whole
numbers of Python. It shares no line with ``kernel.ledger``, ``sim.matching`` or ``sim.venue``: what
all three agree on was worked out three times.

Money of a fill:    ticks * lots * unit_num / unit_den, a buy rounded up, a sell rounded down.
Fee of a fill:      that money * fee_ppm / 1,000,000, rounded up; of a rebate, down. Taken out of
                    what was bought it is lots * fee_ppm / 1,000,000, rounded up, in lots.
Money of an account: what it began with - side * money of every fill - fees in money + funding,
                    as if every position had been paid for in full.
Position:           sum of side * lots over every fill, less the fees taken in lots.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from interlock.kernel.codes import Flag, Kind
from interlock.venues.port import Account, NewOrder, Report, Request, VenueState

BUY: Final = 1
PPM: Final = 1_000_000
_ACCEPTED: Final = int(Kind.ACCEPTED)
_FILL: Final = int(Kind.FILL)
_BUST: Final = int(Kind.BUST)
_FUNDING: Final = int(Kind.FUNDING)
_AMENDED: Final = int(Kind.AMENDED)
_ENDS: Final = {
    int(Kind.REJECTED): VenueState.REJECTED,
    int(Kind.CANCELLED): VenueState.CANCELLED,
    int(Kind.EXPIRED): VenueState.EXPIRED,
}


class Trade(NamedTuple):
    """A fill as the venue made it; ``client_id`` is empty for somebody else's."""

    number: int
    client_id: str
    instrument: int
    side: int
    qty: int
    price: int
    fee: int
    fee_asset: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Unit:
    """What a lot at a tick is worth, and what the venue charges for it, in ppm."""

    num: int
    den: int
    maker_ppm: int
    taker_ppm: int


@dataclass(slots=True, kw_only=True)
class Placed:
    """An order that the venue was given.

    Attributes:
        created: How often the venue made an order of this name: once, or something is wrong.
        state: What became of it.
        filled: Lots.
    """

    request: NewOrder
    created: int = 1
    state: VenueState = VenueState.WORKING
    qty: int
    filled: int = 0
    trades: list[Trade] = field(default_factory=list)


class Oracle:
    """The venue's truth.

    Args:
        cash_units: What the account began with.
        units: Of the instruments, by number.
    """

    def __init__(self, *, cash_units: int, units: Sequence[Unit]) -> None:
        self.money_units = cash_units
        self.fees_units = 0
        self.positions = [0] * len(units)
        self.orders: dict[str, Placed] = {}
        self.trades: dict[int, Trade] = {}
        self.foreign: dict[str, int] = {}  # orders that rest and are not an engine's: instruments
        self.twice: list[str] = []  # names and trades that came to be a second time
        self.wrong: list[str] = []  # what the venue did and should not have
        self._units = tuple(units)

    # --- what the far side did ------------------------------------------------------------------

    def took(self, request: Request, reports: Sequence[Report]) -> None:
        """Take note of a command that the exchange handled, and of what it caused."""
        if isinstance(request, NewOrder):
            known = self.orders.get(request.client_id)
            if known is None:
                self.orders[request.client_id] = Placed(request=request, qty=request.qty)
            else:
                known.created += 1
                self.twice.append(request.client_id)
        self.happened(reports)

    def happened(self, reports: Sequence[Report]) -> None:
        """Take note of what became of orders, and of the account."""
        for report in reports:
            kind = int(report.row["kind"])
            self._note_foreign(report, kind)
            if kind == _FILL:
                self._filled(report)
            elif kind == _FUNDING:
                self.money_units += int(report.row["value"])
            elif kind == _BUST:
                self._busted(report)
            elif kind == _AMENDED:
                order = self.orders.get(report.client_id)
                if order is not None:
                    order.qty = int(report.row["qty"])
            elif kind in _ENDS:
                self._ended(report.client_id, _ENDS[kind])

    def _note_foreign(self, report: Report, kind: int) -> None:
        """Remember an order of somebody else for as long as it rests."""
        name = report.client_id
        if name in self.orders or not name:
            return
        if kind == _ACCEPTED:
            self.foreign[name] = int(report.row["instrument"])
        elif kind in _ENDS or int(report.row["flags"]) & Flag.LAST:
            self.foreign.pop(name, None)

    def _filled(self, report: Report) -> None:
        trade = _trade(report)
        if trade.number in self.trades:
            self.twice.append(f"trade {trade.number}")
            return
        self.trades[trade.number] = trade
        order = self.orders.get(trade.client_id)
        is_maker = bool(int(report.row["flags"]) & Flag.MAKER)
        self._check_fee(trade, is_maker=is_maker)
        before = self.positions[trade.instrument]
        self._book(trade, trade.side)
        if order is None:
            return
        if order.request.flags & Flag.REDUCE_ONLY and before * trade.side >= 0:
            self.wrong.append(f"trade {trade.number} of {trade.client_id} did not reduce {before}")
        if order.request.flags & Flag.REDUCE_ONLY and abs(before) < trade.qty:
            self.wrong.append(f"trade {trade.number} of {trade.client_id} turned {before} over")
        order.filled += trade.qty
        order.trades.append(trade)
        if order.filled > order.qty:
            self.wrong.append(f"{trade.client_id} was filled {order.filled} of {order.qty}")
        if int(report.row["flags"]) & Flag.LAST:
            self._ended(trade.client_id, VenueState.FILLED)

    def _book(self, trade: Trade, side: int) -> None:
        """Move money and position; the other way round for a trade that is taken back."""
        self.money_units -= side * self.worth(trade.instrument, side, trade.price, trade.qty)
        self.positions[trade.instrument] += side * trade.qty
        if trade.fee_asset == 0:
            self.money_units -= trade.fee
            self.fees_units += trade.fee
        else:
            self.positions[trade.instrument] -= trade.fee

    def _busted(self, report: Report) -> None:
        """A trade was taken back: its row says at what price, and what the fee's return is."""
        trade = _trade(report)
        self._book(trade, -trade.side)

    def _ended(self, client_id: str, state: VenueState) -> None:
        order = self.orders.get(client_id)
        if order is None:
            return
        if order.state is not VenueState.WORKING:
            self.wrong.append(f"{client_id} ended as {state} after it had been {order.state}")
        order.state = state

    def _check_fee(self, trade: Trade, *, is_maker: bool) -> None:
        """See that the venue charges what it says it charges."""
        if trade.client_id == "":
            return
        unit = self._units[trade.instrument]
        ppm = unit.maker_ppm if is_maker else unit.taker_ppm
        if trade.fee_asset == 0:
            money = self.worth(trade.instrument, trade.side, trade.price, trade.qty)
            fee = -(-money * ppm // PPM) if ppm >= 0 else -(money * -ppm // PPM)
        else:
            fee = -(-trade.qty * max(ppm, 0) // PPM)
        if fee != trade.fee:
            self.wrong.append(f"trade {trade.number} cost {trade.fee} in fees instead of {fee}")

    # --- questions ------------------------------------------------------------------------------

    def worth(self, instrument: int, side: int, price: int, qty: int) -> int:
        """Return the money of a fill, in account units."""
        unit = self._units[instrument]
        whole = price * qty * unit.num
        return -(-whole // unit.den) if side == BUY else whole // unit.den

    def created(self, client_id: str) -> int:
        """Return how often an order of this name was made."""
        order = self.orders.get(client_id)
        return 0 if order is None else order.created

    def rests(self, client_id: str) -> bool:
        """Return whether an order can still fill."""
        order = self.orders.get(client_id)
        return order is not None and order.state is VenueState.WORKING

    def open_names(self) -> set[str]:
        """Return the names of the orders that rest."""
        rest = {name for name, order in self.orders.items() if order.state is VenueState.WORKING}
        return rest | set(self.foreign)

    def differences(self, account: Account, marks: Mapping[int, int]) -> list[str]:
        """Return where the venue's own numbers are not ours.

        Args:
            account: What the venue says.
            marks: What it values positions at, ticks by instrument.
        """
        found = list(self.wrong)
        for instrument, lots in enumerate(self.positions):
            if account.positions.get(instrument, 0) != lots:
                found.append(
                    f"instrument {instrument}: the venue holds "
                    f"{account.positions.get(instrument, 0)} lots, the trades make {lots}"
                )
        if {order.client_id for order in account.orders} != self.open_names():
            names = {order.client_id for order in account.orders} ^ self.open_names()
            found.append(f"the venue and the reports disagree on whether these rest: {names}")
        worth = sum(
            lots * marks.get(number, 0) * self._units[number].num // self._units[number].den
            for number, lots in enumerate(self.positions)
        )
        if account.equity_units != self.money_units + worth:
            found.append(
                f"the venue's equity is {account.equity_units}, the trades make "
                f"{self.money_units + worth}"
            )
        return found


def _trade(report: Report) -> Trade:
    row = report.row
    return Trade(
        number=int(row["ext_lo"]),
        client_id=report.client_id,
        instrument=int(row["instrument"]),
        side=int(row["side"]),
        qty=int(row["qty"]),
        price=int(row["price"]),
        fee=int(row["fee"]),
        fee_asset=int(row["fee_asset"]),
    )
