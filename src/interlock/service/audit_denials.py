"""Refusals, counted: a flood of them becomes a handful of rows, and costs no disk meanwhile."""

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from interlock.runtime.clock import NS_PER_S, Clock

WINDOW_NS: Final = 60 * NS_PER_S
KINDS_MAX: Final = 64  # of one window; what comes beyond is counted together
NAMES_MAX: Final = 8  # actors and actions named in one row
OTHERS: Final = "others"
_NAME_MAX: Final = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Denied:
    """Refusals of one kind, as one row says them.

    Attributes:
        event_type: A word for programs.
        ip: From where.
        reason: Why.
        actor: Who tried it first.
        action: What they tried first.
        correlation: Of the first.
        details: How many there were, and what others were named.
    """

    event_type: str
    ip: str
    reason: str
    actor: str
    action: str
    correlation: str
    details: dict[str, Any]


@dataclass(slots=True, kw_only=True)
class _Count:
    """What came of one kind within one window."""

    begun_ns: int
    actor: str
    action: str
    correlation: str
    count: int = 0
    told: int = 0
    actors: set[str] = field(default_factory=set)
    actions: set[str] = field(default_factory=set)


class Denials:
    """Counts refusals by source and reason. Any thread may add; one takes.

    Args:
        clock: Its second clock measures the windows.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._counts: dict[tuple[str, str, str], _Count] = {}

    def add(
        self, event_type: str, *, actor: str, ip: str, action: str, reason: str, correlation: str
    ) -> None:
        """Count one."""
        now_ns = self._clock.elapsed_ns()
        key = (event_type, ip, reason[:_NAME_MAX])
        with self._lock:
            if key not in self._counts and len(self._counts) >= KINDS_MAX:
                key = (OTHERS, OTHERS, OTHERS)
            found = self._counts.get(key)
            if found is None:
                found = _Count(
                    begun_ns=now_ns,
                    actor=actor[:_NAME_MAX],
                    action=action[:_NAME_MAX],
                    correlation=correlation[:_NAME_MAX],
                )
                self._counts[key] = found
            found.count += 1
            _name(found.actors, actor)
            _name(found.actions, action)

    def take(self, *, all_of_them: bool = False) -> Iterator[Denied]:
        """Yield what is to be written: the first of a window at once, the others at its end.

        Args:
            all_of_them: Whether windows end now.
        """
        now_ns = self._clock.elapsed_ns()
        with self._lock:
            found = []
            for key, count in list(self._counts.items()):
                is_over = all_of_them or now_ns - count.begun_ns >= WINDOW_NS
                if count.told == 0 or (is_over and count.count > count.told):
                    found.append(_denied(key, count))
                    count.told = count.count
                if is_over:
                    del self._counts[key]
        yield from found


def _name(names: set[str], name: str) -> None:
    if len(names) < NAMES_MAX:
        names.add(name[:_NAME_MAX])


def _denied(key: tuple[str, str, str], count: _Count) -> Denied:
    """Return what a row says: of what was told already, only what came since."""
    event_type, ip, reason = key
    details: dict[str, Any] = {}
    if count.count > 1:
        details = {
            "count": count.count - count.told,
            "actors": sorted(count.actors),
            "actions": sorted(count.actions),
        }
    return Denied(
        event_type="access_denied" if event_type == OTHERS else event_type,
        ip=ip,
        reason=reason,
        actor=count.actor,
        action=count.action,
        correlation=count.correlation,
        details=details,
    )
