"""The invariants, checked after every step of a simulated world; each says what it is about.

Checked here, by the numbers of docs/safety.md: 1 to 15, 17 to 27, 30, 31, 33, 34, and of 16 that a
clear is durable before it is said. Elsewhere: 16 of what the engine answers at its door
(tests/runtime/test_control.py), 28 (tests/app/test_reloading.py), 32 (tests/app/test_health.py).
25 and 27 are about signals from outside and approvals, which a simulated world has none of so far:
tests/runtime/test_signals_through_crashes.py has. 29 is about secrets.

``Everything`` takes the checks to run: a list of classes of one invariant each.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from interlock.research.simulator.invariants.noticing import Noticing
from interlock.research.simulator.invariants.scene import scene_of
from interlock.research.simulator.invariants.watch import Everything

if TYPE_CHECKING:
    from interlock.research.simulator.world import World


def all_checks(world: "World") -> Sequence[object]:
    """Return everything that watches a world."""
    scene = scene_of(world)
    return (Everything(scene, [Noticing(scene)]),)
