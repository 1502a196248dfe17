"""What a session traded, as the note of its start says it: enough to judge its journal alone.

Neither the instruments file nor the files of bars are asked again. They may have changed since.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from interlock.config.build import build_policy
from interlock.config.canonical import from_canonical
from interlock.config.errors import PolicyError
from interlock.config.risk_policy import RiskPolicy
from interlock.data.described import from_json, to_json
from interlock.data.errors import InstrumentError
from interlock.data.instruments import Instrument
from interlock.journal.errors import JournalError
from interlock.kernel.codes import Feed
from interlock.kernel.policy import PolicyArray
from interlock.research.inputs import NS_PER_MS, TICK_VOLUME, Inputs, Rules
from interlock.runtime.entries import Said, Tier
from interlock.signals.loading import load_strategy
from interlock.signals.strategy import Strategy
from interlock.sim.world import WorldArray, new_world

NAME: Final = "traded"  # of it, in the note of a start
_OLDER: Final = "Next: ask the version of Interlock that wrote it."


@dataclass(frozen=True, slots=True, kw_only=True)
class Traded:
    """What a session traded, and on what.

    Attributes:
        instruments: In the order of their numbers.
        periods_ns: Length of each one's bars.
        feeds: Where each one's marks came from.
        volumes_known: Whether the volume of each one's bars counts units, and so caps fills.
        native_oco: Whether the venue took pairs of stop and target.
        strategy: What the strategy was loaded by: a name, or a file and its class.
        parameters: Of it, all of them.
        name: Of the strategy in the policy.
        edge_required: What the strategy said of itself.
        others: Names of the strategies after it, whose signals came from outside; they state no
            edge.
    """

    instruments: tuple[Instrument, ...]
    periods_ns: tuple[int, ...]
    feeds: tuple[Feed, ...]
    volumes_known: tuple[bool, ...]
    native_oco: bool
    strategy: str
    parameters: Mapping[str, object]
    name: str
    edge_required: bool
    others: tuple[str, ...] = ()

    def loaded(self) -> Strategy:
        """Return the strategy, as its file is now.

        Raises:
            StrategyError: It is not there any more, or not as it was.
        """
        return load_strategy(self.strategy, self.parameters)


def traded_said(inputs: Inputs, others: Sequence[str] = ()) -> Said:
    """Return what the note of a start has to say under ``NAME``.

    Every parameter of the strategy is said, also those that nobody set: another version of it may
    have other defaults.

    Args:
        inputs: Of the run.
        others: Names of the strategies after the one that runs.
    """
    return {
        "instruments": [to_json(one) for one in inputs.instruments],
        "periods_ns": [each.period_ns for each in inputs.sets],
        "feeds": [int(Feed.BAR) for _ in inputs.sets],
        "volumes_known": [bool(each.volume_known) for each in inputs.sets],
        "native_oco": True,
        "strategy": inputs.strategy.source,
        "parameters": inputs.strategy.definition.model_dump(mode="json"),
        "name": inputs.strategy.name,
        "edge_required": inputs.strategy.edge_required,
        "others": list(others),
    }


def read_traded(said: Said, where: str) -> Traded:
    """Return what a session traded, from the note of its start.

    Args:
        said: The note.
        where: The journal, for messages.

    Raises:
        JournalError: The note does not say it, or says it as another version would.
    """
    found: Any = said.get(NAME)
    try:
        traded = Traded(
            instruments=tuple(from_json(one) for one in found["instruments"]),
            periods_ns=tuple(int(one) for one in found["periods_ns"]),
            feeds=tuple(Feed(one) for one in found["feeds"]),
            volumes_known=tuple(bool(one) for one in found["volumes_known"]),
            native_oco=bool(found["native_oco"]),
            strategy=str(found["strategy"]),
            parameters={str(key): value for key, value in found["parameters"].items()},
            name=str(found["name"]),
            edge_required=bool(found["edge_required"]),
            others=tuple(map(str, found.get("others", ()))),
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        why = f": {error}" if isinstance(error, InstrumentError) else ""
        raise JournalError(
            f"journal {where} must say at its start what was traded, and did not{why}. {_OLDER}"
        ) from error
    count = len(traded.instruments)
    if not len(traded.periods_ns) == len(traded.feeds) == len(traded.volumes_known) == count:
        raise JournalError(
            f"journal {where} must say the same of each of its {count} instruments. {_OLDER}"
        )
    return traded


def policy_of_rules(traded: Traded, rules: Rules, tier: Tier) -> PolicyArray:
    """Return the kernel's policy of some rules, on what was traded; shape (1,).

    Raises:
        PolicyError: The rules cannot express a limit of one of these instruments.
    """
    return build_policy(
        rules.policy,
        rules.breakers,
        traded.instruments,
        [traded.name, *traded.others],
        periods_ns=traded.periods_ns,
        feeds=traded.feeds,
        edge_required_overrides=dict.fromkeys(traded.others, False)
        | {traded.name: traded.edge_required},
        native_oco=traded.native_oco,
        tier=tier,
    )


def rules_in(canonical: str, where: str) -> Rules:
    """Return the rules that were journaled with a policy.

    Args:
        canonical: The text beside the kernel's record; what it says beyond the rules is left out.
        where: The journal, for messages.

    Raises:
        JournalError: They are not ones that this version of Interlock reads.
    """
    try:
        policy, breakers = from_canonical(canonical.encode())
    except PolicyError as error:
        raise JournalError(
            f"the rules in journal {where} must be readable, and were not: {error} {_OLDER}"
        ) from error
    return Rules(policy=policy, breakers=breakers)


def world_of(rules: RiskPolicy, policy: PolicyArray, traded: Traded, tier: Tier) -> WorldArray:
    """Return the rules of the venue that the session traded at; shape (1,).

    Where volume is not known in units it caps nothing.
    """
    simulation = rules.simulation
    share = simulation.max_participation_fraction
    world = new_world(
        policy,
        tier,
        latency_in_ns=simulation.latency_in_ms * NS_PER_MS,
        latency_out_ns=simulation.latency_out_ms * NS_PER_MS,
        participation_ppm=0 if isinstance(share, str) else int(share * 1_000_000),
    )
    for number, one in enumerate(traded.instruments):
        if not traded.volumes_known[number] or one.kind in TICK_VOLUME:
            world["instruments"]["participation_ppm"][0, number] = 0
    return world
