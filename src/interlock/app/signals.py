"""Joining what takes signals from outside with the engine that judges them."""

from typing import TYPE_CHECKING

from interlock.app.session import outside_names
from interlock.config.errors import PolicyError
from interlock.runtime.approvals import ApprovalRules, Approvals
from interlock.runtime.clock import NS_PER_S
from interlock.runtime.driver import Driver
from interlock.runtime.entries import Said
from interlock.runtime.readable import scale_of
from interlock.runtime.signal_answers import SignalAnswers, SignalRules

if TYPE_CHECKING:
    from interlock.app.driving import Ready


def approvals_of(ready: "Ready") -> Approvals:
    """Return the entries of an engine that wait for a person: none yet.

    What waited for one when the engine before it ended has expired, and that is written down.

    Raises:
        PolicyError: A strategy whose entries should wait is none of this run.
    """
    settings = ready.session.configuration.system.approvals
    strategies = list(ready.setup.strategies)
    unknown = [name for name in settings.strategies if name not in strategies]
    if unknown:
        raise PolicyError(
            f"approvals.strategies: each must be one of {', '.join(strategies)}, was "
            f"{', '.join(unknown)}. Next: a strategy that is not there would never be asked about."
        )
    engine = ready.begun.engine
    approvals = Approvals(
        engine,
        ready.clock,
        ApprovalRules(
            strategies=frozenset(map(strategies.index, settings.strategies)),
            wait_ns=settings.wait_ns,
            band_ppm=settings.band_ppm,
        ),
        scales=[scale_of(one) for one in ready.inputs.instruments],
        symbols=[one.symbol for one in ready.setup.scales],
        strategies=strategies,
    )
    approvals.forget(list(ready.memory.open))
    engine.turns.holds = approvals.holds
    return approvals


def strategies_said(ready: "Ready") -> list[Said]:
    """Return what a status says of the strategies: also which of them need no edge."""
    system = ready.session.configuration.system
    outside = outside_names(ready.session.configuration)
    table = ready.begun.engine.decider.policy["strategies"][0]
    return [
        {
            "name": name,
            "enabled": bool(table[number]["enabled"]),
            "edge_required": bool(table[number]["edge_required"]),
            "takes_signals": name in outside,
            "needs_approval": name in system.approvals.strategies,
        }
        for number, name in enumerate(ready.setup.strategies)
    ]


def signal_answers(ready: "Ready", driver: Driver, approvals: Approvals) -> SignalAnswers:
    """Return the part of the engine's door that takes signals."""
    configuration = ready.session.configuration
    strategies = list(ready.setup.strategies)
    return SignalAnswers(
        driver,
        ready.setup,
        ready.clock,
        memory=ready.memory,
        approvals=approvals,
        rules=SignalRules(
            strategies={name: strategies.index(name) for name in outside_names(configuration)},
            late_ns=configuration.system.webhook.late_seconds * NS_PER_S,
        ),
        scales=[scale_of(one) for one in ready.inputs.instruments],
    )
