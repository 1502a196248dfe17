"""Shrinking: the fewest faults and steps with which a seed still does what must not be."""

from collections.abc import Callable
from dataclasses import dataclass

from interlock.research.simulator.checks import Watchers
from interlock.research.simulator.plan import draw
from interlock.research.simulator.run import Result, run_seed

Told = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Shrunk:
    """The smallest case that was found.

    Attributes:
        result: Of its last run.
        runs: How many it took.
    """

    result: Result
    faults: frozenset[str]
    runs: int


class _Search:
    """Runs of one seed that are to fail in one way."""

    def __init__(self, failed: Result, checks: Watchers, tell: Told) -> None:
        assert failed.violation is not None
        self.runs = 0
        self.best = failed
        self._invariant = failed.violation.invariant
        self._checks = checks
        self._tell = tell

    def fails(self, steps: int, faults: frozenset[str]) -> bool:
        """Return whether it still fails, and remember it if so."""
        self.runs += 1
        found = run_seed(self.best.seed, steps=steps, faults=faults, checks=self._checks)
        if found.violation is None or found.violation.invariant != self._invariant:
            return False
        self.best = found
        self._tell(found.command)
        return True


def shrink(failed: Result, faults: frozenset[str] | None, checks: Watchers, tell: Told) -> Shrunk:
    """Return the smallest case of a failed seed.

    Args:
        failed: What came of it.
        faults: Those that it ran with; None for those that it drew.
        checks: Makes the watchers.
        tell: Told of every smaller case.
    """
    search = _Search(failed, checks, tell)
    left = draw(failed.seed, faults).faults
    steps = _fewer_steps(search, failed.steps, left)
    size = max(len(left) // 2, 1)
    while size >= 1:
        for group in _groups(sorted(left), size):
            if left & group and search.fails(steps, left - group):
                left -= group
        if size == 1:
            break
        size //= 2
    steps = _fewer_steps(search, steps, left)
    return Shrunk(result=search.best, faults=left, runs=search.runs)


def _groups(names: list[str], size: int) -> list[frozenset[str]]:
    return [frozenset(names[at : at + size]) for at in range(0, len(names), size)]


def _fewer_steps(search: _Search, steps: int, faults: frozenset[str]) -> int:
    """Return the fewest steps of a bisection: it may pass by fewer, but never by none."""
    low, high = 0, steps
    while high - low > max(high // 20, 1):
        middle = (low + high) // 2
        if search.fails(middle, faults):
            high = middle
        else:
            low = middle
    return high
