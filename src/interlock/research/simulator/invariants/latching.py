"""Latches: set when a limit is reached, and released by what they wait for and nothing else."""

from dataclasses import dataclass
from typing import Final

from interlock.kernel.codes import Cause, Kind, Level, OrderState, Release, Scope
from interlock.kernel.units import LIMIT_NONE
from interlock.research.simulator.invariants.facts import Facts, Told
from interlock.research.simulator.invariants.retold import Key, latch_key
from interlock.research.simulator.invariants.scene import Scene, broken

PPM: Final = 1_000_000
_ACCOUNT: Final = int(Scope.ACCOUNT)
_LATCHED: Final = int(Kind.LATCHED)
_RELEASED: Final = int(Kind.RELEASED)
_RESUME: Final = int(Kind.RESUME)
_HALT: Final = int(Kind.HALT)
_DAY: Final = int(Kind.DAY)
# What a monitor can see to be over, when it was asked for by a HALT.
_MONITORED: Final = frozenset(
    map(int, (Cause.RECONCILIATION, Cause.VENUE_UNAVAILABLE, Cause.WATCHDOG))
)
# Set by the kernel itself and not by a breaker of the policy.
_BY_CONDITION: Final = frozenset({int(Cause.ORDER_UNKNOWN), int(Cause.RECONCILIATION)})
_DAILY: Final = (int(Cause.DAILY_LOSS), _ACCOUNT, -1)
_DRAWN: Final = (int(Cause.MAX_DRAWDOWN), _ACCOUNT, -1)
_INTRADAY: Final = (int(Cause.DRAWDOWN), _ACCOUNT, -1)


@dataclass(slots=True)
class _Waits:
    """What a latch waits for, and what of it has come."""

    release: int
    until_ns: int
    person: bool = False
    session: bool = False


class Released:
    """10 and 26: a latch opens by a person, a pause, a new session, as its rule says."""

    COMMANDS = frozenset({_LATCHED, _RELEASED})
    EVENTS = frozenset({_RESUME, _DAY})

    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        self._waiting: dict[Key, _Waits] = {}

    def before(self, event: Facts, _commands: list[Facts]) -> None:
        """A person or a day comes."""
        if event.kind == _DAY:
            for waits in self._waiting.values():
                waits.session = True
            return
        waits_for = self._waiting.get(latch_key(event))
        if waits_for is not None:
            waits_for.person = True

    def ruled(self, event: Facts, command: Facts) -> None:
        """A latch is set or released."""
        key = latch_key(command)
        if command.kind == _LATCHED:
            self._waiting[key] = self._rule(event, command)
            return
        waits = self._waiting.pop(key, None)
        if waits is None:
            broken(26, "a latch is released that was not set", latch=key)
        lacks = self._lacks(waits, event, key)
        if lacks:
            broken(26, f"a latch is released and {lacks}", latch=key, event=event)

    def _rule(self, event: Facts, command: Facts) -> _Waits:
        """Return what a latch that is set now waits for."""
        limits = self._scene.retold.limits
        cause = command.code
        if event.kind == _HALT and event.code == cause:
            person = 0 if cause in _MONITORED else int(Release.PERSON)
            return _Waits(person, 0)
        if cause in _BY_CONDITION or limits is None:
            return _Waits(0, 0)
        breaker = limits.breakers[cause]
        release = breaker["release"]
        if cause == Cause.DRAWDOWN and command.level <= Level.WARNED:
            release = int(Release.SESSION)
        until_ns = event.ts_ns + breaker["cooldown_ns"] if release & Release.COOLDOWN else 0
        return _Waits(release, until_ns)

    def _lacks(self, waits: _Waits, event: Facts, key: Key) -> str:
        """Return what a latch that is released was still waiting for."""
        if waits.release & Release.PERSON and not waits.person:
            return "no person said so"
        if waits.release & Release.SESSION and not waits.session:
            return "no session began"
        if event.ts_ns < waits.until_ns:
            return "its pause is not over"
        if key[0] == Cause.ORDER_UNKNOWN:
            orders = self._scene.retold.holdings[key[2]].orders.values()
            if any(order.state == OrderState.UNKNOWN for order in orders):
                return "an order is still unknown"
        return ""


class Tripped:
    """26: equity at or below a limit sets that limit's latch, at that very event."""

    def __init__(self, scene: Scene) -> None:
        self._scene = scene

    def valued(self, event: Told | Facts) -> None:
        """The account was valued anew."""
        retold = self._scene.retold
        limits = retold.limits
        if limits is None or retold.policy_seq == 0:
            return
        equity, breakers = retold.equity_units, limits.breakers
        day = retold.day_start_units
        daily = _below(day, limits.account["daily_loss_ppm"])
        if 0 < limits.account["daily_loss_units"] < LIMIT_NONE:
            daily = max(daily, day - limits.account["daily_loss_units"])
        drawn = _below(retold.peak_units, limits.account["drawdown_ppm"])
        intraday = _below(retold.day_peak_units, breakers[Cause.DRAWDOWN]["limit"])
        for key, at in ((_DAILY, daily), (_DRAWN, drawn), (_INTRADAY, intraday)):
            if equity <= at and breakers[key[0]]["enabled"] == 1 and key not in retold.latches:
                broken(
                    26,
                    f"{Cause(key[0]).name} is reached and sets no latch",
                    equity=equity,
                    at=at,
                    event=event,
                )


def _below(peak_units: int, ppm: int) -> int:
    """Return the equity at which a fall of so much is reached; out of reach when it is off."""
    if ppm <= 0 or ppm >= LIMIT_NONE:
        return -LIMIT_NONE
    return peak_units - max(peak_units, 0) * ppm // PPM
