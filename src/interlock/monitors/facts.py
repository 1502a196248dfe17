"""Reading facts that anybody could have garbled: what is not as it should be is None."""

import math
from collections.abc import Mapping
from typing import Any

Facts = Mapping[str, Any]


def number(value: object) -> float | None:
    """Return a number that is one; None for anything else, NaN among it."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if math.isfinite(value) else None


def age(value: object) -> float | None:
    """Return an age; one from the future is none."""
    found = number(value)
    return None if found is None or found < 0 else found


def flag(value: object) -> bool | None:
    """Return true or false; None for anything else."""
    return value if isinstance(value, bool) else None


def is_word(value: object) -> bool:
    """Return whether it is a short text that says something."""
    return isinstance(value, str) and 0 < len(value) < 100  # noqa: PLR2004 - no word is longer


def is_age_or_never(facts: Facts, name: str) -> bool:
    """Return whether a fact is there: an age, or None for what never happened."""
    return name in facts and (facts[name] is None or age(facts[name]) is not None)


def rows(value: object) -> list[Facts] | None:
    """Return a list of objects; None for anything else."""
    if not isinstance(value, list) or not all(isinstance(one, Mapping) for one in value):
        return None
    return value


def word(facts: Facts, name: str) -> str:
    """Return a word; nothing for anything else."""
    found = facts.get(name)
    return str(found) if is_word(found) else ""


def part(value: object) -> Facts:
    """Return an object; an empty one for anything else."""
    return value if isinstance(value, Mapping) else {}
