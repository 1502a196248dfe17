"""What venues say, against what is true there: fills once, ends by evidence, alarms for people."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from interlock.kernel.codes import Alarm, Cause, Kind, Level, Scope
from interlock.research.simulator.invariants.facts import Facts
from interlock.research.simulator.invariants.money import is_bookable
from interlock.research.simulator.invariants.scene import Ext, Scene, broken
from interlock.venues.port import NewOrder, Report, Request

if TYPE_CHECKING:
    from interlock.research.simulator.oracle import Trade

_FILL: Final = int(Kind.FILL)
_BUST: Final = int(Kind.BUST)
_HALT: Final = int(Kind.HALT)
_LOST: Final = int(Kind.OUTCOME_UNKNOWN)
_SUBMIT: Final = int(Kind.SUBMIT)
_ALARM: Final = int(Kind.ALARM)
_LATCHED: Final = int(Kind.LATCHED)
_REJECTED: Final = int(Kind.REJECTED)
_ABSENT: Final = int(Kind.ABSENT)
_FUNDING: Final = int(Kind.FUNDING)
_UNKNOWN: Final = 5


def _alarms(commands: Sequence[Facts]) -> set[int]:
    return {command.code for command in commands if command.kind == _ALARM}


class FillOnce:
    """5: a trade is journaled once, and as the venue made it; funding too."""

    EVENTS = frozenset({_FILL, _FUNDING})

    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        self._made: dict[Ext, Trade] = {}
        self._funded: dict[Ext, int] = {}
        self._journaled: set[Ext] = set()

    def venue_took(self, _request: Request, reports: Sequence[Report]) -> None:
        """The exchange handled a command."""
        self.venue_fact(reports)

    def venue_fact(self, reports: Sequence[Report]) -> None:
        """Something happened at the venue."""
        for report in reports:
            row = report.row
            kind = row["kind"]
            if kind == _FILL or kind == _FUNDING:
                number, instrument = int(row["ext_lo"]), int(row["instrument"])
                if kind == _FILL:
                    trade = self._scene.oracle.trades[number]
                    self._made[self._scene.ext(instrument, number)] = trade
                else:
                    ext = self._scene.ext(instrument, number, "funding ")
                    self._funded[ext] = int(row["value"])

    def before(self, event: Facts, _commands: Sequence[Facts]) -> None:
        """A fill or a charge is journaled."""
        ext = (event.ext_hi, event.ext_lo)
        if ext in self._journaled:
            broken(5, "a trade is journaled twice", event=event)
        self._journaled.add(ext)
        if event.kind == _FUNDING:
            if self._funded.get(ext) != event.value:
                broken(5, "a charge is journaled that never was", event=event)
            return
        trade = self._made.get(ext)
        if trade is None:
            broken(5, "a fill is journaled that never was", event=event)
        told = (event.instrument, event.side, event.qty, event.price, event.fee, event.fee_asset)
        if told != trade[2:]:
            broken(5, "a fill is journaled otherwise than it was", event=event, trade=trade)
        name = self._scene.name(event.order_id) if event.order_id else ""
        if name and name != trade.client_id:
            broken(5, "a fill is journaled for another order", event=event, trade=trade)


class BoundedFill:
    """6: no order is filled beyond its quantity without an alarm and a halt of its symbol."""

    EVENTS = frozenset({_FILL})

    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        self._over: int | None = None

    def before(self, event: Facts, _commands: Sequence[Facts]) -> None:
        """A fill is journaled: how much of it is too much?"""
        order = self._scene.retold.order(event.instrument, event.order_id)
        self._over = None
        if order is not None and is_bookable(event, self._scene.retold.spec(event.instrument)):
            self._over = event.qty - order.left

    def after(self, event: Facts, commands: Sequence[Facts]) -> None:
        """See what was said of it."""
        if self._over is None or self._over <= 0:
            return
        key = (int(Cause.OVERFILL), int(Scope.INSTRUMENT), event.instrument)
        if Alarm.OVERFILL not in _alarms(commands) or key not in self._scene.retold.latches:
            broken(6, "more was filled than ordered, and nobody is told", event=event)


class Evidence:
    """7: an order is over in the journal only if it is over at the venue, or never came there."""

    EVENTS = frozenset(map(int, (Kind.REJECTED, Kind.CANCELLED, Kind.EXPIRED, Kind.ABSENT)))

    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        self._over: set[str] = set()
        self._name = ""

    def before(self, event: Facts, _commands: Sequence[Facts]) -> None:
        """A report may be an order's last."""
        order = self._scene.retold.order(event.instrument, event.order_id)
        self._name = "" if order is None else self._scene.name(event.order_id)

    def after(self, event: Facts, _commands: Sequence[Facts]) -> None:
        """If it was, the venue has to know."""
        name = self._name
        if not name or self._scene.retold.order(event.instrument, event.order_id) is not None:
            return
        oracle = self._scene.oracle
        placed = oracle.orders.get(name)
        if oracle.rests(name):
            broken(7, "an order is taken to be over and rests at the venue", name=name, event=event)
        if event.kind in {_REJECTED, _ABSENT} and placed is not None and placed.filled:
            broken(7, "an order is taken for nothing and was filled", name=name, event=event)
        if event.kind == _ABSENT and placed is not None:
            broken(7, "an order is taken for absent and was at the venue", name=name, event=event)
        self._over.add(name)

    def venue_took(self, request: Request, _reports: Sequence[Report]) -> None:
        """The exchange handled a command."""
        if isinstance(request, NewOrder) and request.client_id in self._over:
            broken(7, "an order arrives that was taken to be over", name=request.client_id)


class Alarmed:
    """33: what a person has to know is said in the journal, beside what it is about."""

    EVENTS = frozenset({_FILL, _BUST, _HALT, _LOST})

    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        self._expected = 0
        self._latch = (0, 0, 0)

    def before(self, event: Facts, _commands: Sequence[Facts]) -> None:
        """Work out what has to be said."""
        retold = self._scene.retold
        self._expected = 0
        self._latch = (0, 0, 0)
        order = retold.order(event.instrument, event.order_id)
        if event.kind == _LOST and order is not None and order.state != _UNKNOWN:
            self._expected = int(Alarm.OUTCOME_UNKNOWN)
            self._latch = (int(Cause.ORDER_UNKNOWN), int(Scope.INSTRUMENT), event.instrument)
        elif event.kind == _FILL and order is None and retold.limits is not None:
            if is_bookable(event, retold.spec(event.instrument)):
                self._expected = int(Alarm.EXTERNAL_FILL)
        elif event.kind == _HALT and event.code > 0 and Level.NONE < event.level <= Level.KILLED:
            self._latch = _scope_of(event)

    def after(self, event: Facts, commands: Sequence[Facts]) -> None:
        """See that it was."""
        said = _alarms(commands)
        if self._expected and self._expected not in said:
            broken(33, f"nobody is told: {Alarm(self._expected).name}", event=event)
        if self._latch[0] and self._latch not in self._scene.retold.latches:
            if Alarm.LATCH_TABLE_FULL not in said:
                broken(33, "a halt sets no latch", event=event, latch=self._latch)


def _scope_of(event: Facts) -> tuple[int, int, int]:
    """Return which latch a HALT sets; none when it names nothing that is there."""
    if event.instrument >= 0:
        return event.code, int(Scope.INSTRUMENT), event.instrument
    if event.strategy >= 0:
        return event.code, int(Scope.STRATEGY), event.strategy
    return event.code, int(Scope.ACCOUNT), -1
