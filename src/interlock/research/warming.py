"""Compiling the kernel piece by piece, so that whoever waits for it sees how far it is."""

from collections.abc import Callable
from typing import Final

import numpy as np

import interlock
from interlock.data.merge import BAR
from interlock.kernel.codes import Kind
from interlock.kernel.policy import LARGE, SMALL, empty_policy
from interlock.kernel.records import new_out, rows
from interlock.kernel.replay import advance
from interlock.kernel.state import new_state
from interlock.kernel.step import step
from interlock.runtime import probing
from interlock.runtime.turns import Scale
from interlock.runtime.usage import limits_all
from interlock.signals import loading
from interlock.sim.host import Tape, Tier, run
from interlock.sim.venue import venue_step
from interlock.sim.world import REPORTS, new_venue, new_world
from interlock.venues.simulated import exchange

CASH_UNITS: Final = 10**12
_NAMES: Final = {SMALL: "small", LARGE: "large"}

Told = Callable[[str, int, int], None]  # what comes next, pieces done, pieces in all


def _venue(tier: Tier) -> None:
    """Compile the simulated venue."""
    world = new_world(empty_policy(tier), tier)
    row = rows(1)
    row["kind"] = Kind.POLICY_SET
    venue_step(world, new_venue(CASH_UNITS, tier), row, 0, np.zeros(1, dtype=REPORTS))
    exchange.warm(tier)


def _kernel(tier: Tier) -> None:
    """Compile the kernel."""
    row = rows(1)
    row["kind"] = Kind.POLICY_SET
    row["seq"] = 1
    step(empty_policy(tier), new_state(CASH_UNITS, tier), row, 0, new_out())
    advance(empty_policy(tier), new_state(CASH_UNITS, tier), row, 0, new_out())


def _questions(tier: Tier) -> None:
    """Compile what is asked of the gate without an order."""
    policy, state = empty_policy(tier), new_state(CASH_UNITS, tier)
    digits = [Scale(symbol="", price_digits=0, qty_digits=0)]
    limits_all(policy, state, currency="", scales=digits, strategies=[""], now_ns=1)
    probing.warm(policy, state)


def _loop(tier: Tier) -> None:
    """Compile the loop that joins the two, by running it on no bars at all."""
    policy = empty_policy(tier)
    tape = Tape(
        bars=np.zeros(0, dtype=BAR),
        facts=rows(0),
        signals=rows(0),
        places=np.zeros(0, dtype=np.int64),
    )
    run(policy, new_world(policy, tier), tape, cash_units=CASH_UNITS, tier=tier)


def _strategies(_tier: Tier) -> None:
    """Compile the built-in strategies."""
    loading.warm()


_PIECES: Final[tuple[tuple[str, Callable[[Tier], None]], ...]] = (
    ("the simulated venue", _venue),
    ("the kernel", _kernel),
    ("the questions to it", _questions),
    ("the loop around them", _loop),
    ("the built-in strategies", _strategies),
)


def _nobody(_piece: str, _done: int, _total: int) -> None:
    """Tell nobody."""


def warm(tell: Told = _nobody, tier: Tier = SMALL) -> bool:
    """Load the machine code, compiling what this version has not compiled before.

    Args:
        tell: Called before each piece, only when something has to be compiled.
        tier: Capacities; each tier is compiled by itself.

    Returns:
        Whether anything had to be compiled.
    """
    stamp = interlock.numba_cache_dir() / f"warm-{_NAMES[tier]}"
    cold = not stamp.exists()
    for number, (name, compile_it) in enumerate(_PIECES):
        if cold:
            tell(name, number, len(_PIECES))
        compile_it(tier)
    if cold:
        tell("done", len(_PIECES), len(_PIECES))
        stamp.touch()
    return cold
