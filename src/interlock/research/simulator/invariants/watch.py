"""Tells every check of a world what concerns it; a journaled row is unpacked once for all."""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from interlock.config.latch import Latch
from interlock.journal.rows import Entry, Row, RowKind
from interlock.kernel.codes import Kind
from interlock.research.simulator.invariants.books import Bounded, DoubleEntry, Protection
from interlock.research.simulator.invariants.chain import Chain, Replay
from interlock.research.simulator.invariants.deciding import (
    Exposure,
    FreshData,
    ReduceOnly,
    SaneOrder,
    UnknownFreezes,
)
from interlock.research.simulator.invariants.facts import Told, facts_in, told_in
from interlock.research.simulator.invariants.ingress import ApprovalBinding, Ingress
from interlock.research.simulator.invariants.killing import KillLatch, KillProgress, Stopped
from interlock.research.simulator.invariants.latching import Released, Tripped
from interlock.research.simulator.invariants.limits import limits_of
from interlock.research.simulator.invariants.often import OrderRates, Storm
from interlock.research.simulator.invariants.reports import (
    Alarmed,
    BoundedFill,
    Evidence,
    FillOnce,
)
from interlock.research.simulator.invariants.risk import Attribution, FailClosed
from interlock.research.simulator.invariants.scene import Scene
from interlock.research.simulator.invariants.sending import (
    AtMostOne,
    DurableFirst,
    PaperWall,
    Rate,
    SingleWriter,
)
from interlock.research.simulator.invariants.settling import LedgerIsVenue, Liveness
from interlock.research.simulator.invariants.strange import StrangeTrade
from interlock.runtime.decide import Decided
from interlock.runtime.entries import policy_of, said_by
from interlock.runtime.last_gate import Outgoing
from interlock.venues.port import Report, Request
from interlock.venues.stopper import Verdict

if TYPE_CHECKING:
    from interlock.research.simulator.machine import Machine

CHECKS: Final = (
    DurableFirst,
    AtMostOne,
    SingleWriter,
    KillLatch,
    KillProgress,
    Stopped,
    PaperWall,
    Rate,
    Exposure,
    ReduceOnly,
    UnknownFreezes,
    FreshData,
    SaneOrder,
    FailClosed,
    Attribution,
    Ingress,
    ApprovalBinding,
    Storm,
    OrderRates,
    Released,
    Tripped,
    FillOnce,
    StrangeTrade,
    BoundedFill,
    Evidence,
    Alarmed,
    Replay,
    DoubleEntry,
    Protection,
    Bounded,
    Liveness,
    LedgerIsVenue,
)
_MARKET: Final = RowKind.MARKET
_EVENT: Final = RowKind.EVENT
_SAID: Final = frozenset({RowKind.GENESIS, RowKind.NOTE})
_POLICY_SET: Final = int(Kind.POLICY_SET)
_VALUES: Final = frozenset(map(int, (Kind.FILL, Kind.BUST, Kind.FUNDING)))
_OF_MARKET: Final = frozenset(map(int, (Kind.BAR, Kind.QUOTE, Kind.TRADE)))
LOOK_STEPS: Final = 16
LOOK_COMMITS: Final = 8
Hook = Callable[..., Any]
ByKind = Mapping[int, tuple[Hook, ...]]


def _hooks(checks: Sequence[object], name: str) -> tuple[Hook, ...]:
    """Return the hook of this name of every check that has it."""
    return tuple(getattr(check, name) for check in checks if hasattr(check, name))


def _by_kind(checks: Sequence[object], name: str, wanted: str) -> ByKind:
    """Return the hooks of this name, by the kinds that their checks want."""
    found: dict[int, list[Hook]] = {}
    for check in checks:
        if hasattr(check, name):
            for kind in getattr(check, wanted):
                found.setdefault(int(kind), []).append(getattr(check, name))
    return {kind: tuple(hooks) for kind, hooks in found.items()}


class Everything:
    """All invariants over one world (``simulator.checks.Checks``).

    Args:
        scene: Of the world.
        others: What else wants to see: points that are counted.
        kinds: The invariants.
    """

    def __init__(
        self,
        scene: Scene,
        others: Sequence[object] = (),
        kinds: Sequence[Callable[[Scene], object]] = CHECKS,
    ) -> None:
        self.scene = scene
        self.chain = Chain(scene)
        self._steps = 0
        self._commits = 0
        self._is_dirty = False  # something but market data is journaled, and was not compared
        checks: list[object] = [kind(scene) for kind in kinds]
        checks.extend(others)
        self._row = _hooks(checks, "row")
        self._noted = _by_kind(checks, "noted", "ROWS")
        self._before = _by_kind(checks, "before", "EVENTS")
        self._ruled = _by_kind(checks, "ruled", "COMMANDS")
        self._after = _by_kind(checks, "after", "EVENTS")
        self._agreed = _hooks(checks, "agreed")
        self._valued = _hooks(checks, "valued")
        self._started = _hooks(checks, "started")
        self._survived = _hooks(checks, "survived")
        self._seen = _hooks(checks, "seen")
        self._crashed = _hooks(checks, "crashed")
        self._decided = _hooks(checks, "decided")
        self._said = _hooks(checks, "said")
        self._first_byte = _hooks(checks, "first_byte")
        self._took = _hooks(checks, "venue_took")
        self._fact = _hooks(checks, "venue_fact")
        self._kill = _hooks(checks, "kill")
        self._cleared = _hooks(checks, "cleared")
        self._stopped = _hooks(checks, "stopped")
        self._stepped = _hooks(checks, "stepped")
        self._quiesced = _hooks(checks, "quiesced")

    # --- processes ------------------------------------------------------------------------------

    def started(self, machine: "Machine") -> None:
        """An engine was begun: what a crash left in the journal counts from now on."""
        survivors = self.chain.survivors(machine)
        self._take(survivors)
        if survivors:
            for hook in self._survived:
                hook()
        for hook in self._started:
            hook(machine)

    def crashed(self, machine: "Machine", point: str) -> None:
        """A process ended."""
        for hook in self._crashed:
            hook(machine, point)

    def stepped(self) -> None:
        """A step of the world is over: now and then what lasts is looked at."""
        self._steps += 1
        if self._steps % LOOK_STEPS == 0:
            for hook in self._stepped:
                hook()

    def quiesced(self) -> None:
        """The world has settled."""
        for hook in self._quiesced:
            hook()

    def seen(self) -> dict[str, int]:
        """Return the points that were passed, and how often."""
        found: dict[str, int] = {}
        for hook in self._seen:
            found.update(hook())
        return found

    # --- the journal ----------------------------------------------------------------------------

    def committed(self, rows: Sequence[Row]) -> None:
        """Rows are durable."""
        self._take(rows)
        machine = self.scene.world.machine
        self._commits += 1
        is_due = self._is_dirty or self._commits % LOOK_COMMITS == 0
        if is_due and machine.is_up and machine.engine.decider.seq == self.chain.seq:
            self._is_dirty = False
            for hook in self._agreed:
                hook(machine)

    def _take(self, rows: Sequence[Row]) -> None:
        for row in rows:
            self.chain.row(row)
            for hook in self._row:
                hook(row)
            entry = row.entry
            if entry.kind is _MARKET:
                for told in told_in(entry.body):
                    if self.scene.retold.hear(told):
                        for hook in self._valued:
                            hook(told)
            elif entry.kind is _EVENT:
                self._is_dirty = True
                self._event(entry)
            elif entry.kind in _SAID:
                self._note(entry)

    def _note(self, entry: Entry) -> None:
        said = said_by(entry)
        if said.get("what") == "start":
            self.scene.retold.starts.append((entry.seq, int(said["epoch"])))
        for hook in self._noted.get(entry.kind, ()):
            hook(entry.kind, said)

    def _event(self, entry: Entry) -> None:
        """Show an event, then what it changes, then each command before it counts."""
        retold = self.scene.retold
        event, *commands = facts_in(entry.body)
        kind = event.kind
        for hook in self._before.get(kind, ()):
            hook(event, commands)
        was_valued = kind in _VALUES
        if kind in _OF_MARKET:
            was_valued = retold.hear(
                Told(
                    kind,
                    event.instrument,
                    event.ts_ns,
                    event.src_ts_ns,
                    event.open,
                    event.high,
                    event.low,
                    event.close,
                    event.volume,
                )
            )
        else:
            if kind == _POLICY_SET:
                policy = policy_of(entry, self.scene.world.setup.tier)
                retold.rule(limits_of(policy), event.seq)
            retold.take(event)
        for command in commands:
            for hook in self._ruled.get(command.kind, ()):
                hook(event, command)
            retold.do(command)
        for hook in self._after.get(kind, ()):
            hook(event, commands)
        if was_valued:
            for hook in self._valued:
                hook(event)

    def decided(self, decided: Decided) -> None:
        """The kernel decided; nothing of it is durable."""
        for hook in self._decided:
            hook(decided)

    # --- the venue and its wire -----------------------------------------------------------------

    def first_byte(self, outgoing: Outgoing, wire: bytes) -> None:
        """An order's bytes leave."""
        for hook in self._first_byte:
            hook(outgoing, wire)

    def said(self, wire: bytes) -> None:
        """The engine reads bytes."""
        if b'"fill"' in wire:
            for hook in self._said:
                hook(wire)

    def venue_took(self, request: Request, reports: Sequence[Report]) -> None:
        """The exchange did what a command asks."""
        self.scene.oracle.took(request, reports)
        for hook in self._took:
            hook(request, reports)

    def venue_fact(self, reports: Sequence[Report]) -> None:
        """Something happened at the venue."""
        self.scene.oracle.happened(reports)
        for hook in self._fact:
            hook(reports)

    # --- people ---------------------------------------------------------------------------------

    def kill(self, latch: Latch, confirmed: bool) -> None:
        """A kill of the latch file returned."""
        for hook in self._kill:
            hook(latch, confirmed)

    def stopped(self, verdict: Verdict) -> None:
        """Whoever stops the account from outside the engine has come to an end."""
        for hook in self._stopped:
            hook(verdict)

    def cleared(self) -> None:
        """A person cleared the latch."""
        for hook in self._cleared:
            hook()
