"""Denied when in doubt, and attributed: why an order was let through, and from where it came."""

from typing import Any, Final

from interlock.journal.rows import RowKind
from interlock.kernel.codes import Kind, Level, Role, Scope
from interlock.kernel.units import LIMIT_NONE
from interlock.research.simulator.invariants.facts import Facts, place_of
from interlock.research.simulator.invariants.killing import opens_more
from interlock.research.simulator.invariants.scene import Scene, broken

PPM: Final = 1_000_000
_SUBMIT: Final = int(Kind.SUBMIT)
_SIGNAL: Final = int(Kind.SIGNAL)
# A limit that is nothing is not set, and what is not set denies.
_OF_ACCOUNT: Final = (
    "order_notional_units",
    "gross_notional_units",
    "net_notional_units",
    "exposure_ppm",
    "leverage_ppm",
    "open_orders",
    "open_positions",
    "daily_loss_units",
    "daily_loss_ppm",
    "drawdown_ppm",
)
_OF_INSTRUMENT: Final = (
    "order_lots",
    "order_notional_units",
    "position_lots",
    "position_notional_units",
    "position_ppm",
    "open_orders",
    "collar_ppm",
    "spread_ppm",
    "data_age_ns",
)


class FailClosed:
    """26: nothing opens without policy, limits, money, or against a latch or a loss."""

    COMMANDS = frozenset({_SUBMIT})

    def __init__(self, scene: Scene) -> None:
        self._scene = scene

    def ruled(self, _event: Facts, command: Facts) -> None:
        """An order was decided on."""
        if opens_more(command):
            why = self._why_not(command)
            if why:
                broken(26, f"an order opens although {why}", order=command)

    def _why_not(self, order: Facts) -> str:
        """Return what speaks against it; nothing when all is set and well."""
        retold = self._scene.retold
        limits = retold.limits
        if limits is None or retold.policy_seq == 0:
            return "no policy holds"
        account, spec = limits.account, limits.instruments[order.instrument]
        unset = [name for name in _OF_ACCOUNT if account[name] <= 0]
        unset += [name for name in _OF_INSTRUMENT if spec[name] <= 0]
        if unset:
            return f"these limits are not set: {', '.join(unset)}"
        equity = retold.equity_units
        day, peak = retold.day_start_units, retold.peak_units
        questions = (
            (equity <= 0, "there is no money"),
            (spec["allowed"] != 1, "its symbol is not allowed"),
            (limits.strategies[order.strategy]["enabled"] != 1, "its strategy is off"),
            (day - equity >= account["daily_loss_units"], "the day has lost too much"),
            (day - equity >= _part(day, account["daily_loss_ppm"]), "the day has lost too much"),
            (peak - equity >= _part(peak, account["drawdown_ppm"]), "too much was lost in all"),
            (retold.level(Scope.STRATEGY, order.strategy) >= Level.PAUSED, "its strategy is held"),
            (
                retold.level(Scope.INSTRUMENT, order.instrument) >= Level.PAUSED,
                "its symbol is held",
            ),
        )
        return next((why for speaks, why in questions if speaks), "")


def _part(units: int, ppm: int) -> int:
    return LIMIT_NONE if ppm >= LIMIT_NONE else max(units, 0) * ppm // PPM


class Attribution:
    """24: every order has one event, one signal where it opens, a policy and a build."""

    COMMANDS = frozenset({_SUBMIT})
    ROWS = frozenset({RowKind.NOTE})

    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        self._build = ""

    def noted(self, _kind: RowKind, said: dict[str, Any]) -> None:
        """A process said something of itself."""
        if said.get("what") == "start":
            self._build = str(said.get("build", ""))

    def ruled(self, event: Facts, command: Facts) -> None:
        """An order was decided on."""
        if place_of(command.order_id) != (event.seq, command.sub) or command.seq != event.seq:
            broken(24, "an order's name is not of the event that caused it", order=command)
        if not self._build or self._scene.retold.policy_seq == 0:
            broken(24, "an order comes from no known build or policy", order=command)
        if not opens_more(command):
            return
        asked = (event.kind, event.instrument, event.strategy, event.side)
        meant = (_SIGNAL, command.instrument, command.strategy, command.side)
        if asked != meant or command.role != Role.ENTRY:
            broken(24, "an order opens and no signal asked for it", event=event, order=command)
