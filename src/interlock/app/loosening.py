"""Rules that let more through than those that held need a person to say so."""

from interlock.config.canonical import from_canonical
from interlock.config.compare import Decision, compare
from interlock.config.errors import PolicyError
from interlock.config.everything import Configuration


def compared(canonical: bytes, configuration: Configuration) -> Decision:
    """Return what new rules change of those that were journaled."""
    before = from_canonical(canonical)
    return compare(before, (configuration.policy, configuration.breakers))


def check_not_looser(decision: Decision, *, loosen: bool, next_step: str) -> None:
    """Refuse rules that let more through, unless a person said that they may.

    Raises:
        PolicyError: Every key that was loosened.
    """
    if loosen or decision.may_apply_without_flag:
        return
    raise PolicyError(
        *(f"{change} lets more through than before." for change in decision.looser),
        f"What holds stays as it is. Next: undo this, or {next_step} if it is meant.",
    )
