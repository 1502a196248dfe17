"""The journal told again: orders, positions, money, latches and market, from durable rows alone.

Nothing of the kernel is used but the numbers that its rows are written in. Whoever judges a
decision asks here what was so before it; that the kernel believed the same is a check of its own.
"""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from interlock.kernel.codes import Cause, Flag, Kind, Level, OrderState, Role, Scope, Settle
from interlock.research.simulator.invariants.believed import PRICE_MAX, QTY_MAX, UNITS_MAX, Believed
from interlock.research.simulator.invariants.facts import Facts, Told
from interlock.research.simulator.invariants.limits import Limits, Numbers
from interlock.research.simulator.invariants.money import is_bookable, money_units, worth_units

if TYPE_CHECKING:
    from collections.abc import Callable

_SUBMIT: Final = int(Kind.SUBMIT)
_CANCEL: Final = int(Kind.CANCEL)
_LATCHED: Final = int(Kind.LATCHED)
_RELEASED: Final = int(Kind.RELEASED)
_FILL: Final = int(Kind.FILL)
_CASH: Final = int(Kind.CASH)
_OF_ACCOUNT: Final = frozenset(map(int, (Kind.CASH, Kind.DAY, Kind.RESUME)))
_LOSSES: Final = frozenset(map(int, (Cause.DAILY_LOSS, Cause.DRAWDOWN, Cause.MAX_DRAWDOWN)))
_CALENDAR: Final = (
    Kind.SESSION_OPEN,
    Kind.SESSION_CLOSE,
    Kind.BLACKOUT_START,
    Kind.BLACKOUT_END,
    Kind.VENUE_HALT,
    Kind.VENUE_RESUME,
)
_INTENT: Final = int(OrderState.INTENT)
_WORKING: Final = int(OrderState.WORKING)
_UNKNOWN: Final = int(OrderState.UNKNOWN)
_LEAVING: Final = int(OrderState.PENDING_CANCEL)
_REDUCE_ONLY: Final = int(Flag.REDUCE_ONLY)
_TARGET: Final = int(Role.TARGET)
Key = tuple[int, int, int]  # of a latch: cause, scope, what of that scope


@dataclass(slots=True, kw_only=True)
class Intent:
    """An order that was decided on and has not ended.

    Attributes:
        state: INTENT, WORKING, UNKNOWN or PENDING_CANCEL; a partial fill is in ``filled``.
        notional_units: What the rest of an order that opens may cost, as it was decided.
        decided_ns: When.
    """

    order_id: int
    peer_id: int
    instrument: int
    strategy: int
    side: int
    role: int
    flags: int
    qty: int
    notional_units: int
    decided_ns: int
    filled: int = 0
    state: int = _INTENT

    @property
    def reduces(self) -> bool:
        """Whether it can only make less of a position."""
        return bool(self.flags & _REDUCE_ONLY)

    @property
    def left(self) -> int:
        """Lots that are not filled."""
        return self.qty - self.filled


@dataclass(slots=True)
class Holding:
    """One instrument: its position in lots, its market, and its open orders.

    ``value_units`` is what the position is worth at the mark, rounded against us; ``owner`` the
    strategy that entered last, ``was_adopted`` whether the position came from elsewhere.
    """

    position: int = 0
    value_units: int = 0
    owner: int = -1
    was_adopted: bool = False
    market: Believed = field(default_factory=Believed)
    orders: dict[int, Intent] = field(default_factory=dict)

    def in_flight(self, side: int) -> int:
        """Return the lots of open entries on one side."""
        return sum(x.left for x in self.orders.values() if x.side == side and not x.reduces)

    def reducing(self, side: int) -> int:
        """Return the lots of open reduce-only orders on one side; a pair counts once."""
        return sum(
            order.left
            for order in self.orders.values()
            if order.side == side
            and order.reduces
            and (order.role != _TARGET or order.peer_id == 0)
        )

    def pending_units(self, side: int = 0) -> int:
        """Return what the open entries may cost; of one side, or of both for 0."""
        return sum(
            order.notional_units
            for order in self.orders.values()
            if not order.reduces and side in {0, order.side}
        )


class Retold:
    """What the journal says so far.

    Args:
        cash_units: What the account began with.
        instruments: How many are traded.
    """

    def __init__(self, *, cash_units: int, instruments: int) -> None:
        self.holdings = [Holding() for _ in range(instruments)]
        self.limits: Limits | None = None
        self.policy_seq = 0
        self.seq = 0
        self.ts_ns = 0
        self.money_units = cash_units  # cash, if every position had been paid for in full
        self.marked_units = 0  # what all positions are worth
        self.day_start_units = cash_units
        self.day_peak_units = cash_units
        self.peak_units = cash_units
        self.latches: dict[Key, int] = {}  # and their levels
        self.starts: list[tuple[int, int]] = []  # first seq and epoch of every engine
        self.orders = 0  # ever decided on
        self._reports: dict[int, Callable[[Intent, Facts], None]] = {
            int(Kind.ACCEPTED): self._accepted,
            int(Kind.OUTCOME_UNKNOWN): self._lost,
            int(Kind.AMENDED): self._amended,
            int(Kind.CANCEL_REJECTED): self._stays,
            int(Kind.REJECTED): self._rejected,
            int(Kind.CANCELLED): self._ended,
            int(Kind.EXPIRED): self._ended,
            int(Kind.ABSENT): self._absent,
        }
        self._facts: dict[int, Callable[[Facts], None]] = {
            int(Kind.FILL): self._fill,
            int(Kind.BUST): self._fill,
            int(Kind.FUNDING): self._money,
            int(Kind.CASH): self._money,
            int(Kind.ADOPTED): self._adopted,
            int(Kind.DAY): self._day,
            int(Kind.RESUME): self._resumed,
            **{int(kind): self._calendar for kind in _CALENDAR},
        }

    # --- questions ------------------------------------------------------------------------------

    def order(self, instrument: int, order_id: int) -> Intent | None:
        """Return an open order."""
        if not 0 <= instrument < len(self.holdings):
            return None
        return self.holdings[instrument].orders.get(order_id)

    def spec(self, instrument: int) -> Numbers:
        """Return what an instrument is, and its limits."""
        assert self.limits is not None
        return self.limits.instruments[instrument]

    @property
    def equity_units(self) -> int:
        """The account's worth: money, and every position at its mark."""
        return self.money_units + self.marked_units

    def level(self, scope: Scope, scope_id: int) -> int:
        """Return the level of the strictest latch over one thing."""
        return max(
            (
                level
                for (_, its_scope, its_id), level in self.latches.items()
                if its_scope == scope and its_id == scope_id
            ),
            default=int(Level.NONE),
        )

    def epoch_at(self, seq: int) -> int:
        """Return the epoch of the engine that decided on an event; 0 for none."""
        for first, epoch in reversed(self.starts):
            if first <= seq:
                return epoch
        return 0

    # --- what happens ---------------------------------------------------------------------------

    def hear(self, told: Told) -> bool:
        """Take one row of the market; return whether the account was valued anew by it."""
        self.ts_ns = told.ts_ns
        if self.limits is None or not 0 <= told.instrument < len(self.holdings):
            return False
        held = self.holdings[told.instrument]
        is_good = held.market.hear(told, self.spec(told.instrument))
        if held.position == 0 or not is_good:
            return False
        self._mark(held, told.instrument)
        return True

    def take(self, event: Facts) -> None:
        """Take one event that is no market data."""
        self.seq = event.seq
        self.ts_ns = event.ts_ns
        report = self._reports.get(event.kind)
        if report is not None:
            order = self.order(event.instrument, event.order_id)
            if order is not None:
                report(order, event)
            return
        handle = self._facts.get(event.kind)
        if handle is not None and _is_known(event, len(self.holdings)):
            handle(event)
            if event.instrument >= 0:
                self._mark(self.holdings[event.instrument], event.instrument)

    def rule(self, limits: Limits, seq: int) -> None:
        """Let a policy hold."""
        self.limits = limits
        self.policy_seq = seq

    def do(self, command: Facts) -> None:
        """Take one command that an event caused."""
        if command.kind == _SUBMIT:
            self._submit(command)
        elif command.kind == _CANCEL:
            order = self.order(command.instrument, command.order_id)
            if order is not None and order.state != _UNKNOWN:
                order.state = _LEAVING
        elif command.kind == _LATCHED:
            self.latches[latch_key(command)] = command.level
        elif command.kind == _RELEASED:
            self.latches.pop(latch_key(command), None)

    # --- orders ---------------------------------------------------------------------------------

    def _submit(self, command: Facts) -> None:
        self.orders += 1
        held = self.holdings[command.instrument]
        if not command.flags & _REDUCE_ONLY:
            held.owner = command.strategy
        held.orders[command.order_id] = Intent(
            order_id=command.order_id,
            peer_id=command.peer_id,
            instrument=command.instrument,
            strategy=command.strategy,
            side=command.side,
            role=command.role,
            flags=command.flags,
            qty=command.qty,
            notional_units=command.value,
            decided_ns=command.ts_ns,
        )
        if command.peer_id:
            peer = self.order(command.instrument, command.peer_id)
            if peer is not None:
                peer.peer_id = command.order_id

    def _accepted(self, order: Intent, _event: Facts) -> None:
        if order.state in {_INTENT, _UNKNOWN}:
            order.state = _WORKING

    def _lost(self, order: Intent, _event: Facts) -> None:
        order.state = _UNKNOWN

    def _amended(self, order: Intent, event: Facts) -> None:
        if not order.reduces or event.qty <= order.filled:
            return
        if not 0 < event.qty <= QTY_MAX or not 0 <= event.price <= PRICE_MAX:
            return
        order.qty = event.qty
        if order.state != _LEAVING:
            order.state = _WORKING

    def _stays(self, order: Intent, _event: Facts) -> None:
        if order.state == _LEAVING:
            order.state = _WORKING

    def _rejected(self, order: Intent, event: Facts) -> None:
        if order.state == _WORKING and order.filled > 0:
            return  # what was partly filled cannot be refused any more
        self._ended(order, event)

    def _ended(self, order: Intent, _event: Facts) -> None:
        del self.holdings[order.instrument].orders[order.order_id]

    def _absent(self, order: Intent, event: Facts) -> None:
        if order.state == _UNKNOWN:
            self._ended(order, event)

    # --- money and positions --------------------------------------------------------------------

    def _fill(self, event: Facts) -> None:
        held = self.holdings[event.instrument]
        spec = self.spec(event.instrument)
        if not is_bookable(event, spec):
            return
        side = event.side if event.kind == _FILL else -event.side
        if held.market.mark == 0:
            held.market.mark = event.price
        self.money_units -= side * money_units(spec, side, event.price, event.qty)
        held.position += side * event.qty
        held.was_adopted = held.was_adopted and held.position != 0
        if event.fee_asset == 0:
            self.money_units -= event.fee
        elif held.position >= event.fee:
            held.position -= event.fee
        order = held.orders.get(event.order_id)
        if order is None or event.kind != _FILL:
            return
        lots = min(event.qty, order.left)
        order.notional_units -= order.notional_units * lots // order.left
        order.filled += lots
        if order.state in {_INTENT, _UNKNOWN}:
            order.state = _WORKING
        if order.left == 0:
            self._ended(order, event)

    def _money(self, event: Facts) -> None:
        if -UNITS_MAX < event.value < UNITS_MAX:
            self.money_units += event.value
            if event.kind == _CASH:
                self._move_references(event.value)

    def _adopted(self, event: Facts) -> None:
        """A position that came from elsewhere brings its cost with it."""
        held = self.holdings[event.instrument]
        spec = self.spec(event.instrument)
        if held.position != 0 or not is_bookable(event, spec):
            return
        if held.market.mark == 0:
            held.market.mark = event.price
        held.position = event.side * event.qty
        held.was_adopted = True
        held.owner = max(event.strategy, 0)
        cost = money_units(spec, event.side, event.price, event.qty)
        if spec["settle"] == Settle.MARGIN or event.side < 0:
            self.money_units -= event.side * cost
        else:
            self._move_references(cost)

    def _day(self, _event: Facts) -> None:
        if self.limits is not None:
            self.day_start_units = self.day_peak_units = self.equity_units

    def _move_references(self, units: int) -> None:
        """What was paid in or out is neither won nor lost."""
        self.day_start_units += units
        self.day_peak_units += units
        self.peak_units += units

    def _resumed(self, event: Facts) -> None:
        """A person took note of a loss: it is measured from here on."""
        if event.code in _LOSSES and event.instrument < 0 and event.strategy < 0:
            if (event.code, int(Scope.ACCOUNT), -1) in self.latches:
                self.day_start_units = min(self.day_start_units, self.equity_units)
                self.day_peak_units = min(self.day_peak_units, self.equity_units)
                if event.code == Cause.MAX_DRAWDOWN:
                    self.peak_units = min(self.peak_units, self.equity_units)

    def _mark(self, held: Holding, instrument: int) -> None:
        """Value a position anew."""
        value = 0
        if held.position:
            value = worth_units(self.spec(instrument), held.position, held.market.mark)
        self.marked_units += value - held.value_units
        held.value_units = value
        self.day_peak_units = max(self.day_peak_units, self.equity_units)
        self.peak_units = max(self.peak_units, self.equity_units)

    def _calendar(self, event: Facts) -> None:
        market = self.holdings[event.instrument].market
        if event.kind in {Kind.SESSION_OPEN, Kind.SESSION_CLOSE}:
            market.is_open = event.kind == Kind.SESSION_OPEN
        elif event.kind in {Kind.VENUE_HALT, Kind.VENUE_RESUME}:
            market.is_halted = event.kind == Kind.VENUE_HALT
        else:
            step = 1 if event.kind == Kind.BLACKOUT_START else -1
            market.blackouts = max(market.blackouts + step, 0)


def _is_known(event: Facts, instruments: int) -> bool:
    return event.kind in _OF_ACCOUNT or 0 <= event.instrument < instruments


def latch_key(command: Facts) -> Key:
    """Return which latch a LATCHED, a RELEASED or a RESUME is about."""
    if command.instrument >= 0:
        return command.code, int(Scope.INSTRUMENT), command.instrument
    if command.strategy >= 0:
        return command.code, int(Scope.STRATEGY), command.strategy
    return command.code, int(Scope.ACCOUNT), -1
