"""When a fault strikes: after so many occasions that it let pass, or by itself after a while."""

import random
from collections import Counter
from typing import Final

from interlock.research.simulator.chance import Chance
from interlock.research.simulator.plan import Plan

_MILLION: Final = 1_000_000


class _Fault:
    """One fault, and how many occasions it lets pass before it strikes again."""

    def __init__(self, rate_ppm: int, stream: random.Random) -> None:
        self._most = max(2 * _MILLION // rate_ppm - 1, 1)  # the mean is one in 1 / rate
        self._stream = stream
        self.left = stream.randrange(self._most)

    def again(self) -> None:
        """Strike, and count anew."""
        self.left = self._stream.randrange(self._most)


class Strikes:
    """The faults of one world.

    Args:
        plan: Which exist, and how often.
        chance: A stream for each.
    """

    def __init__(self, plan: Plan, chance: Chance) -> None:
        self.count: Counter[str] = Counter()
        self.are_over = False
        self._chance = chance
        self._faults = {
            name: _Fault(rate, chance.of(name))
            for name, rate in plan.rates_ppm.items()
            if name in plan.faults
        }
        self._every_ns = {
            name: every for name, every in plan.every_ns.items() if name in plan.faults
        }

    def now(self, name: str) -> bool:
        """Return whether a fault strikes at this occasion."""
        fault = self._faults.get(name)
        if fault is None or self.are_over:
            return False
        if fault.left > 0:
            fault.left -= 1
            return False
        fault.again()
        self.count[name] += 1
        return True

    def among(self, name: str, occasions: int) -> list[int]:
        """Return at which of the next occasions a fault strikes, from 0."""
        fault = self._faults.get(name)
        found: list[int] = []
        if fault is None or self.are_over:
            return found
        at = fault.left
        while at < occasions:
            found.append(at)
            fault.again()
            at += 1 + fault.left
        fault.left = at - occasions
        self.count[name] += len(found)
        return found

    def timed(self) -> list[str]:
        """Return the faults that happen by themselves."""
        return sorted(self._every_ns)

    def wait_ns(self, name: str) -> int:
        """Return how long it is until one of them happens again."""
        return self._chance.of(f"when {name}").randrange(2 * self._every_ns[name])
