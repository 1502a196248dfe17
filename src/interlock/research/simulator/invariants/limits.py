"""A policy as plain numbers, as a POLICY_SET in the journal says it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from interlock.kernel.policy import PolicyArray

Numbers = Mapping[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What a policy allows.

    Attributes:
        account: Its limits, and what it says beside them.
        strategies: By number.
        instruments: By number: what each is, and its limits.
        breakers: By ``codes.Cause``.
    """

    account: Numbers
    strategies: tuple[Numbers, ...]
    instruments: tuple[Numbers, ...]
    breakers: tuple[Numbers, ...]


def _numbers(record: Any) -> dict[str, int]:
    """Return the whole numbers of a record and of the limits inside it."""
    found: dict[str, int] = {}
    for name in record.dtype.names:
        value = record[name]
        if name == "limits":
            found.update(_numbers(value))
        elif value.dtype.names is None and value.ndim == 0:
            found[name] = int(value)
    return found


def limits_of(policy: PolicyArray) -> Limits:
    """Return the numbers of a policy, shape (1,)."""
    account = _numbers(policy["account"][0])
    return Limits(
        account=account,
        strategies=tuple(map(_numbers, policy["strategies"][0, : account["strategies"]])),
        instruments=tuple(map(_numbers, policy["instruments"][0, : account["instruments"]])),
        breakers=tuple(map(_numbers, policy["account"]["breakers"][0])),
    )
