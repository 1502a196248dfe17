"""How often: orders within windows, and the same wish again and again."""

from collections import deque
from typing import Final

from interlock.kernel.codes import Cause, Kind, Scope
from interlock.research.simulator.invariants.facts import Facts
from interlock.research.simulator.invariants.killing import opens_more
from interlock.research.simulator.invariants.limits import Numbers
from interlock.research.simulator.invariants.scene import Scene, broken

AGAIN_MAX: Final = 40  # of one wish within a second: at every mark, but not without end
SECOND_NS: Final = 1_000_000_000
MINUTE_NS: Final = 60 * SECOND_NS
WINDOW_NS_MIN: Final = 9  # of an order rate; a shorter one is none
_SUBMIT: Final = int(Kind.SUBMIT)
_CANCEL: Final = int(Kind.CANCEL)
_DAY: Final = int(Kind.DAY)
_WINDOWS: Final = (("orders_per_second", SECOND_NS), ("orders_per_minute", MINUTE_NS))


class Storm:
    """23: no wish is repeated without end, however often a venue says no."""

    COMMANDS = frozenset({_SUBMIT, _CANCEL})

    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        self._asked: dict[tuple[int, int], deque[int]] = {}

    def ruled(self, _event: Facts, command: Facts) -> None:
        """A way out or a cancel was decided on."""
        now_ns = self._scene.world.clock.elapsed_ns()  # the time of day may stand still
        if command.kind == _CANCEL:
            key = (_CANCEL, command.order_id)
        elif opens_more(command):
            return
        else:
            key = (command.role, command.instrument)
        asked = self._asked.setdefault(key, deque())
        asked.append(now_ns)
        while asked[0] <= now_ns - SECOND_NS:
            asked.popleft()
        if len(asked) > AGAIN_MAX:
            broken(23, "the same is asked for again and again", order=command, times=len(asked))


class OrderRates:
    """20: no more is decided on than each limit allows in its window; a burst of entries trips."""

    COMMANDS = frozenset({_SUBMIT})
    EVENTS = frozenset({int(Kind.SIGNAL), _DAY})

    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        self._decided: dict[str, deque[int]] = {}
        self._day: dict[str, int] = {}
        self._entries: dict[int, deque[int]] = {}

    def ruled(self, event: Facts, command: Facts) -> None:
        """An order was decided on."""
        limits = self._scene.retold.limits
        assert limits is not None
        scopes = {
            "account": limits.account,
            f"strategy {command.strategy}": limits.strategies[command.strategy],
            f"instrument {command.instrument}": limits.instruments[command.instrument],
        }
        for scope, its in scopes.items():
            decided = self._decided.setdefault(scope, deque())
            decided.append(event.ts_ns)
            while decided[0] <= event.ts_ns - MINUTE_NS:
                decided.popleft()
            self._day[scope] = self._day.get(scope, 0) + 1
            if opens_more(command):
                self._judge(scope, its, event.ts_ns, command)
        if opens_more(command):
            self._entries.setdefault(command.strategy, deque()).append(event.ts_ns)

    def _judge(self, scope: str, limits: Numbers, now_ns: int, command: Facts) -> None:
        decided = self._decided[scope]
        counts = [
            (name, sum(then > now_ns - window_ns for then in decided))
            for name, window_ns in _WINDOWS
        ]
        for name, count in (*counts, ("orders_per_day", self._day[scope])):
            if count > limits[name]:
                broken(20, f"{name} of {scope} is passed", count=count, order=command)

    def after(self, event: Facts, commands: list[Facts]) -> None:
        """A day begins, or a signal was judged: did too many entries disable their strategy?"""
        if event.kind == _DAY:
            self._day.clear()
            return
        retold = self._scene.retold
        sent = [x for x in commands if x.kind == _SUBMIT and opens_more(x)]
        if not sent or retold.limits is None:
            return
        limits = retold.limits.strategies[event.strategy]
        window_ns = limits["order_rate_window_ns"]
        if not retold.limits.breakers[Cause.ORDER_RATE]["enabled"] or window_ns < WINDOW_NS_MIN:
            return
        entries = self._entries[event.strategy]
        while entries[0] <= event.ts_ns - window_ns:
            entries.popleft()
        key = (int(Cause.ORDER_RATE), int(Scope.STRATEGY), event.strategy)
        if len(entries) >= limits["order_rate_count"] and key not in retold.latches:
            broken(23, "a storm of entries disables nobody", entries=len(entries), order=sent[0])
