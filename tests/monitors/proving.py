"""Policies and kernels for the tests of the breakers' proofs."""

from typing import Any

from interlock.kernel.policy import SMALL, PolicyArray
from interlock.kernel.replay import advance
from interlock.monitors.breaker_proofs import Proof, proofs
from interlock.monitors.shadow import Advance
from tests.config.samples import record_of


def shipped(**changed: Any) -> PolicyArray:
    """Return the policy as shipped, for one coin."""
    return record_of(**changed)


def all_of(policy: PolicyArray, forward: Advance = advance) -> dict[str, Proof]:
    """Return every proof, by its name."""
    found = [one for one in proofs(policy, SMALL, forward=forward) if one is not None]
    assert len({one.name for one in found}) == len(found)
    return {one.name: one for one in found}


def whys(policy: PolicyArray, forward: Advance = advance) -> dict[str, str]:
    """Return what is not proved, and why."""
    return {name: one.why for name, one in all_of(policy, forward).items() if not one.is_proved}
