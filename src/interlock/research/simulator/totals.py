"""What many seeds came to: added up, written down, and shown to people."""

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from interlock.research.simulator.faults import ALL, SimulationError
from interlock.research.simulator.points import POINTS
from interlock.research.simulator.run import Result

_SHOWN: Final = 12
_ENOUGH: Final = 10  # passes of a point that have to be seen
_SCARCE: Final = 20  # seeds under which nobody expects every point


@dataclass(slots=True, kw_only=True)
class Totals:
    """Sums over seeds.

    Attributes:
        seeds: How many were run.
        cpu_s: Processor time of all workers.
        violations: The line that runs each again, and what it showed.
    """

    seeds: int = 0
    cpu_s: float = 0.0
    events: Counter[str] = field(default_factory=Counter)
    crash_points: Counter[str] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)
    sometimes: Counter[str] = field(default_factory=Counter)
    violations: list[list[str]] = field(default_factory=list)

    def add(self, result: Result, cpu_s: float) -> None:
        """Add a seed."""
        self.seeds += 1
        self.cpu_s += cpu_s
        self.events += result.events
        self.crash_points += result.crash_points
        self.faults += result.faults
        for name, count in result.sometimes.items():
            self.sometimes[name] += count  # a point that was never passed is known too
        if result.violation is not None:
            self.violations.append([result.command, str(result.violation)])

    @property
    def total(self) -> int:
        """All events."""
        return sum(self.events.values())

    @property
    def events_per_s(self) -> float:
        """Events in a second of one core."""
        return self.total / self.cpu_s if self.cpu_s > 0 else 0.0

    @property
    def rare(self) -> dict[str, int]:
        """Points that were passed too seldom to say that they are tested."""
        if self.seeds < _SCARCE:
            return {}
        return {name: n for name, n in sorted(self.sometimes.items()) if n < _ENOUGH}

    def as_json(self) -> dict[str, Any]:
        """Return it for a program."""
        return {
            "seeds": self.seeds,
            "events": dict(sorted(self.events.items())),
            "events_total": self.total,
            "cpu_s": round(self.cpu_s, 3),
            "events_per_s": round(self.events_per_s),
            "crash_points": dict(sorted(self.crash_points.items())),
            "faults": dict(sorted(self.faults.items())),
            "sometimes": dict(sorted(self.sometimes.items())),
            "violations": self.violations,
        }

    @classmethod
    def read(cls, said: dict[str, Any]) -> "Totals":
        """Return what ``as_json`` said."""
        return cls(
            seeds=said["seeds"],
            cpu_s=said["cpu_s"],
            events=Counter(said["events"]),
            crash_points=Counter(said["crash_points"]),
            faults=Counter(said["faults"]),
            sometimes=Counter(said["sometimes"]),
            violations=said["violations"],
        )

    def lines(self) -> Iterator[str]:
        """Yield it for people."""
        yield f"{'seeds':<14}{self.seeds:,}"
        yield f"{'events':<14}{self.total:,}, {self.events_per_s:,.0f} per second and core"
        kinds = ", ".join(f"{name} {count:,}" for name, count in self.events.most_common())
        yield f"{'':<14}{kinds}"
        hit = [name for name in POINTS if self.crash_points[name]]
        times = _sum(self.crash_points)
        yield f"{'crash points':<14}{len(hit)} of {len(POINTS)} hit, {times} times"
        yield from _never("never", [name for name in POINTS if name not in hit])
        struck = [name for name in sorted(ALL) if self.faults[name]]
        yield f"{'faults':<14}{len(struck)} of {len(ALL)} struck, {_sum(self.faults)} times"
        yield from _never("never", [name for name in sorted(ALL) if name not in struck])
        if self.sometimes:
            passed = sum(count > 0 for count in self.sometimes.values())
            yield f"{'sometimes':<14}{passed} of {len(self.sometimes)} points passed"
            yield from _never("rare", [f"{name} ({n})" for name, n in self.rare.items()])
        yield f"{'violations':<14}{len(self.violations)}"
        for command, what in self.violations[:_SHOWN]:
            yield f"  {what}"
            yield f"  {command}"


def _sum(counts: Counter[str]) -> str:
    return f"{sum(counts.values()):,}"


def _never(word: str, names: list[str]) -> Iterator[str]:
    if names:
        yield f"{'':<14}{word}: {', '.join(names)}"


def write_state(file: Path, first: int, totals: Totals) -> None:
    """Write down how far a swarm is: the next seed, and what came of those before."""
    draft = file.with_name(f".{file.name}.new")
    draft.write_text(json.dumps({"next": first, "totals": totals.as_json()}, indent=1))
    draft.replace(file)


def read_state(file: Path) -> tuple[int, Totals]:
    """Return how far a swarm is.

    Raises:
        SimulationError: The file says nothing of the kind.
    """
    try:
        said = json.loads(file.read_text())
        return int(said["next"]), Totals.read(said["totals"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise SimulationError(
            f"{file} must be what an earlier swarm wrote, and was not: {error}. "
            "Next: remove it, or name another file."
        ) from error
