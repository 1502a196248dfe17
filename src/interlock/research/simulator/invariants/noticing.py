"""Notices what happens sometimes (``simulator.sometimes``), from the journal and the hooks."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Final

from interlock.config.latch import Latch
from interlock.kernel.codes import Alarm, Cause, Exit, Flag, Kind, Level, OrderState, Role, Scope
from interlock.kernel.reasons import Reason
from interlock.research.simulator.invariants.facts import Facts, place_of
from interlock.research.simulator.invariants.killing import KILLS
from interlock.research.simulator.invariants.retold import Intent, Retold
from interlock.research.simulator.invariants.scene import Scene
from interlock.research.simulator.invariants.sending import opens
from interlock.runtime.last_gate import Outgoing
from interlock.runtime.link import Phase
from interlock.venues.port import Cancel, NewOrder

if TYPE_CHECKING:
    from interlock.research.simulator.machine import Machine

_LOST: Final = int(OrderState.UNKNOWN)
_LEAVING: Final = int(OrderState.PENDING_CANCEL)
_INTENT: Final = int(OrderState.INTENT)
_WORKING: Final = int(OrderState.WORKING)
_ROLES: Final = {
    int(Role.ENTRY): "entry",
    int(Role.STOP): "stop",
    int(Role.EXIT): "exit",
    int(Role.TARGET): "target",
}
_CLOSED: Final = {
    int(Exit.STOP): "closed_by_stop",
    int(Exit.BREAK_EVEN): "closed_by_stop",
    int(Exit.TARGET): "closed_by_target",
    int(Exit.TRAILING): "closed_by_trailing",
    int(Exit.SIGNAL): "closed_by_signal",
    int(Exit.TIME): "closed_by_time",
    int(Exit.FLATTENED): "closed_flat",
    int(Exit.EXTERNAL): "closed_by_stranger",
}
_REFUSED: Final = {
    int(reason): name
    for reason, name in (
        (Reason.ACCOUNT_LATCHED, "refused_account_held"),
        (Reason.INSTRUMENT_LATCHED, "refused_symbol_held"),
        (Reason.ORDER_OUTCOME_UNKNOWN, "refused_unknown"),
        (Reason.DATA_STALE, "refused_stale"),
        (Reason.DATA_QUARANTINED, "refused_bad_data"),
        (Reason.BOOK_NOT_SOUND, "refused_book"),
        (Reason.ALREADY_IN_POSITION, "refused_in_position"),
        (Reason.POSITION_OF_ANOTHER_STRATEGY, "refused_other_strategy"),
        (Reason.SIZE_IS_ZERO, "refused_no_size"),
        (Reason.POSITION_UNPROTECTED, "refused_unprotected"),
        (Reason.ACCOUNT_OPEN_ORDERS, "refused_open_orders"),
        (Reason.INSTRUMENT_OPEN_ORDERS, "refused_open_orders"),
        (Reason.ACCOUNT_OPEN_POSITIONS, "refused_open_positions"),
        (Reason.STRATEGY_OPEN_POSITIONS, "refused_open_positions"),
        (Reason.ACCOUNT_ORDERS_PER_MINUTE, "refused_often"),
        (Reason.INSTRUMENT_ORDERS_PER_SECOND, "refused_often"),
        (Reason.REPEATED_ORDER, "refused_often"),
        (Reason.CASH_SHORT, "refused_money"),
        (Reason.BUYING_POWER_SHORT, "refused_money"),
        (Reason.ACCOUNT_EXPOSURE, "refused_money"),
        (Reason.NOT_RECONCILED, "refused_not_reconciled"),
    )
}
_LATCHED: Final = {
    int(cause): name
    for cause, name in (
        (Cause.DAILY_LOSS, "latched_daily_loss"),
        (Cause.DRAWDOWN, "latched_drawdown"),
        (Cause.CONSECUTIVE_LOSSES, "latched_losses"),
        (Cause.SPREAD, "latched_spread"),
        (Cause.PRICE_MOVE, "latched_move"),
        (Cause.FEED_LAG, "latched_lag"),
        (Cause.REJECT_RATE, "latched_rejects"),
        (Cause.IMPOSSIBLE_STATE, "latched_strange_trade"),
        (Cause.KILL_IMMEDIATE, "kill_immediate"),
        (Cause.KILL_GRACEFUL, "kill_graceful"),
        (Cause.KILL_PAUSE, "kill_pause"),
        (Cause.KILL_FILE, "kill_file"),
    )
}
_MASK_BITS: Final = 62
_STARTS_IN_A_ROW: Final = 3
_COMMANDS: Final = tuple(
    map(int, (Kind.SUBMIT, Kind.AMEND, Kind.REFUSED, Kind.LATCHED, Kind.RELEASED, Kind.CLOSED))
)


class Noticing:
    """Counts the points that one world passes."""

    COMMANDS = frozenset(_COMMANDS) | {int(Kind.ALARM)}
    EVENTS = frozenset(range(int(Kind.ACCEPTED), int(Kind.VENUE_RESUME) + 1))

    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        self._count: Counter[str] = Counter()
        self._left: set[str] = set()
        self._was_cleared = False
        self._starts = 0  # since an engine had reconciled
        self._last_decided = 0
        self._side = 0  # of the position that the event in hand is about, before it
        self._phase: Phase | None = None
        self._events: dict[int, Callable[[Facts, Intent | None], None]] = {
            int(Kind.FILL): self._filled,
            int(Kind.ACCEPTED): self._accepted,
            int(Kind.REJECTED): self._rejected,
            int(Kind.CANCELLED): self._cancelled,
            int(Kind.EXPIRED): lambda _, order: self._see("expired", order is not None),
            int(Kind.CANCEL_REJECTED): self._kept,
            int(Kind.AMENDED): self._amended,
            int(Kind.AMEND_REJECTED): self._not_amended,
            int(Kind.OUTCOME_UNKNOWN): self._unknown,
            int(Kind.ABSENT): self._absent,
            int(Kind.FUNDING): lambda _event, _order: self._see("funding"),
            int(Kind.POLICY_SET): lambda _event, _order: self._see(
                "policy_changed", any(x.position for x in self._scene.retold.holdings)
            ),
            int(Kind.HALT): self._halted,
        }
        self._commands: dict[int, Callable[[Facts, Facts], None]] = {
            int(Kind.SUBMIT): self._submitted,
            int(Kind.AMEND): self._changed,
            int(Kind.REFUSED): self._refused,
            int(Kind.LATCHED): self._latched,
            int(Kind.RELEASED): self._released,
            int(Kind.CLOSED): lambda _, row: self._see(_CLOSED.get(row.code, "")),
            int(Kind.ALARM): lambda _, row: self._see("unprotected", row.code == Alarm.UNPROTECTED),
        }

    def seen(self) -> Mapping[str, int]:
        """Return the points, and how often each was passed."""
        return self._count

    def _see(self, name: str, is_so: bool = True) -> None:
        if is_so and name:
            self._count[name] += 1

    @property
    def _retold(self) -> Retold:
        return self._scene.retold

    # --- the journal ----------------------------------------------------------------------------

    def before(self, event: Facts, _commands: Sequence[Facts]) -> None:
        """An event is journaled."""
        notice = self._events.get(event.kind)
        if notice is not None:
            notice(event, self._retold.order(event.instrument, event.order_id))

    def ruled(self, event: Facts, command: Facts) -> None:
        """It caused a command."""
        self._commands[command.kind](event, command)

    def _filled(self, event: Facts, order: Intent | None) -> None:
        held = self._retold.holdings[event.instrument]
        after = held.position + event.side * event.qty
        self._see("flipped", held.position * after < 0)
        self._see("short", after < 0)
        self._see("margined" if event.flags & Flag.MARGIN else "cash_settled")
        self._see("restart_found_fill", event.seq > 0 and self._starts > 0)
        if order is None:
            self._see("fill_of_stranger")
            return
        self._see("fill_before_ack", order.state == _INTENT)
        self._see("fill_while_leaving", order.state == _LEAVING)
        self._see("fill_of_unknown", order.state == _LOST)
        self._see("fill_of_unknown_whole", order.state == _LOST and event.qty == order.left)
        self._see("fill_partial", event.qty < order.left)
        self._see("fill_last_part", order.filled > 0 and event.qty == order.left)

    def _accepted(self, _event: Facts, order: Intent | None) -> None:
        if order is None:
            self._see("ack_after_end")
            return
        self._see("ack_of_unknown", order.state == _LOST)
        self._see("ack_while_leaving", order.state == _LEAVING)
        self._see("ack_after_fill", order.state == _WORKING and order.filled > 0)
        self._see("ack_twice", order.state == _WORKING and order.filled == 0)

    def _rejected(self, _event: Facts, order: Intent | None) -> None:
        if order is not None:
            self._see("reject_of_unknown", order.state == _LOST)
            self._see(f"reject_of_{_ROLES[order.role]}", order.role != Role.TARGET)

    def _cancelled(self, _event: Facts, order: Intent | None) -> None:
        if order is None:
            return
        self._see("cancelled_as_asked", order.state == _LEAVING)
        self._see("cancelled_of_unknown", order.state == _LOST)
        self._see("cancelled_unasked", order.state in {_WORKING, _INTENT})
        self._see("cancelled_in_part", order.filled > 0)

    def _kept(self, _event: Facts, order: Intent | None) -> None:
        if order is None:
            self._see("cancel_refused_late")
        else:
            unknown = order.state == _LOST
            self._see("cancel_refused_unknown" if unknown else "cancel_refused")

    def _amended(self, event: Facts, order: Intent | None) -> None:
        if order is not None:
            fewer = event.qty < order.qty and order.state != _LOST
            self._see("amended")
            self._see("amended_unasked", fewer and order.peer_id != 0)

    def _not_amended(self, _event: Facts, order: Intent | None) -> None:
        self._see("amend_refused_late" if order is None else "amend_refused")

    def _unknown(self, _event: Facts, order: Intent | None) -> None:
        if order is None or order.state == _LOST:
            return
        self._see(f"unknown_{_ROLES[order.role]}")
        self._see("unknown_while_leaving", order.state == _LEAVING)
        self._see("unknown_of_working", order.state == _WORKING)
        self._see("unknown_two", any(x.state == _LOST for x in self._open()))

    def _absent(self, event: Facts, order: Intent | None) -> None:
        if order is None or order.state != _LOST:
            return
        self._see(f"absent_{_ROLES[order.role]}", order.role != Role.TARGET)
        was_sent = self._scene.name(event.order_id) in self._left
        self._see("absent_and_sent" if was_sent else "absent_and_unsent")

    def _halted(self, event: Facts, _order: Intent | None) -> None:
        if event.code not in KILLS:
            return
        states = {order.state for order in self._open()}
        self._see("kill_met_leaving", _LEAVING in states)
        self._see("kill_met_unknown", _LOST in states)
        self._see("kill_met_entry", any(not order.reduces for order in self._open()))
        self._see("kill_met_exit", any(order.role == Role.EXIT for order in self._open()))
        held = [x for x in self._retold.holdings if x.position]
        self._see("kill_met_position", bool(held))
        bare = [x for x in held if all(y.role != Role.STOP for y in x.orders.values())]
        self._see("kill_met_bare", bool(bare))

    def _open(self) -> list[Intent]:
        return [order for held in self._retold.holdings for order in held.orders.values()]

    # --- commands -------------------------------------------------------------------------------

    def _submitted(self, event: Facts, command: Facts) -> None:
        failed = event.kind in {Kind.REJECTED, Kind.EXPIRED, Kind.ABSENT, Kind.CANCELLED}
        if command.role == Role.TARGET:
            self._see("stop_with_target", command.peer_id != 0)
        elif command.role == Role.STOP:
            self._see("stop_again", failed)
            self._see("stop_for_stranger", event.kind == Kind.FILL and event.order_id == 0)
        elif command.role == Role.EXIT:
            self._see("exit_after_cancel", event.kind == Kind.CANCELLED)
            self._see("exit_again", event.kind in {Kind.REJECTED, Kind.ABSENT})

    def _changed(self, _event: Facts, command: Facts) -> None:
        order = self._retold.order(command.instrument, command.order_id)
        if order is not None and order.role == Role.STOP:
            self._see("stop_grew", command.qty > order.qty)
            self._see("stop_shrank", command.qty < order.qty)
            self._see("stop_moved", command.qty == order.qty)

    def _refused(self, _event: Facts, command: Facts) -> None:
        masks = ((command.mask_lo, 1), (command.mask_hi, _MASK_BITS + 1))
        for mask, first in masks:
            for bit in range(mask.bit_length()):
                self._see(_REFUSED.get(bit + first, ""), bool(mask >> bit & 1))

    def _latched(self, _event: Facts, command: Facts) -> None:
        if command.code == Cause.RECONCILIATION:
            self._see("latched_reconciliation", command.instrument >= 0)
        else:
            self._see(_LATCHED.get(command.code, ""))
        if command.code == Cause.ORDER_UNKNOWN:
            orders = self._retold.holdings[command.instrument].orders.values()
            waits = any(x.role == Role.STOP and x.state == _LOST for x in orders)
            self._see("exit_while_unknown", waits and self._retold.level(Scope.ACCOUNT, -1) > 0)

    def _released(self, event: Facts, _command: Facts) -> None:
        if event.kind == Kind.RESUME:
            self._see("released_by_person")
        elif event.kind == Kind.TIMER and event.code == Cause.NONE:
            self._see("released_by_time")
        else:
            self._see("released_by_condition")

    # --- processes, sending, people -------------------------------------------------------------

    def started(self, machine: "Machine") -> None:
        """An engine was begun."""
        self._starts += 1
        retold = self._retold
        self._see("restart_again", self._starts == _STARTS_IN_A_ROW)
        self._phase = None
        if machine.recovered is None:
            return
        self._see("restart_with_position", any(x.position for x in retold.holdings))
        waiting = [x for x in self._open() if x.state in {_INTENT, _LEAVING}]
        self._see("restart_with_unanswered", bool(waiting))
        unsent = [x for x in waiting if self._scene.name(x.order_id) not in self._left]
        self._see("restart_with_unsent", bool(unsent))
        self._see("restart_with_kill", any(key[0] in KILLS for key in retold.latches))
        self._see("restart_from_snapshot", machine.recovered.snapshot_seq > 0)
        self._see("restart_lost_decisions", self._last_decided > machine.recovered.remembered.seq)

    def survived(self) -> None:
        """A crash left rows that nobody had been told of."""
        self._see("restart_with_survivors")

    def crashed(self, machine: "Machine", point: str) -> None:
        """A process ended."""
        engine = getattr(machine, "engine", None)
        self._last_decided = 0 if engine is None else engine.decider.seq
        self._see("died_sending", point == "mid_bytes")
        self._see("died_killing", point == "kill_half_sent")

    def first_byte(self, outgoing: Outgoing, _wire: bytes) -> None:
        """A request leaves."""
        request = outgoing.request
        assert request is not None
        if isinstance(request, NewOrder):
            self._left.add(request.client_id)
            if opens(request):
                self._see("traded_after_clear", self._was_cleared)
                self._was_cleared = False
        elif isinstance(request, Cancel):
            ours = self._retold.starts[-1][1] if self._retold.starts else 0
            order_id = self._scene.world.speaking.names.order_id(request.client_id)
            self._see(
                "old_order_cancelled",
                self._scene.name(order_id) != "" and _epoch(self._retold, order_id) != ours,
            )

    def stepped(self) -> None:
        """Look at the conversation with the venue now and then."""
        machine = self._scene.world.machine
        if not machine.is_up:
            return
        phase = machine.engine.link.phase
        if phase is not self._phase:
            held = any(x.position for x in self._retold.holdings)
            self._see("reconnected_with_position", phase is Phase.READY and held)
            if phase is Phase.READY:
                self._starts = 0
            self._phase = phase

    def kill(self, _latch: Latch, confirmed: bool) -> None:
        """A kill of the latch file returned."""
        machine = self._scene.world.machine
        self._see("kill_while_down", not machine.is_up)
        self._see("kill_while_away", machine.is_up and not machine.is_ready)
        in_force = any(key[0] in KILLS for key in self._retold.latches)
        self._see("kill_again", in_force and confirmed)

    def cleared(self) -> None:
        """A person cleared the latch."""
        self._see("cleared")
        self._was_cleared = True

    def quiesced(self) -> None:
        """The world has settled."""
        level = self._retold.level(Scope.ACCOUNT, -1)
        self._see("settled_running" if level < Level.PAUSED else "settled_held")
        held = any(x.position for x in self._retold.holdings)
        self._see("settled_with_position" if held else "settled_flat")


def _epoch(retold: Retold, order_id: int) -> int:
    return retold.epoch_at(place_of(order_id)[0])
