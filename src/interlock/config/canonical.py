"""One way to write a policy down: for the journal's POLICY_SET, and for digests.

Two files that mean the same give the same bytes: keys sorted, no spaces, numbers without exponent
or trailing zeros, nothing that is not set. The bytes can be read back.
"""

import hashlib
import json
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

from pydantic import BaseModel

from interlock.config.amounts import plain
from interlock.config.errors import PolicyError, validated
from interlock.config.risk_policy import RiskPolicy
from interlock.config.system_breakers import CircuitBreakers

VERSION: Final = 1
_SOURCE: Final = "stored policy"


def _written(value: object) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case int():
            return str(value)
        case Decimal():
            return plain(value)
        case str():
            return json.dumps(value)
        case Mapping():
            items = (f"{json.dumps(key)}:{_written(value[key])}" for key in sorted(value))
            return "{" + ",".join(items) + "}"
        case list() | tuple():
            return "[" + ",".join(_written(item) for item in value) + "]"
        case _:
            raise AssertionError(f"a policy holds no {type(value).__name__}")


def canonical_json(content: Mapping[str, object]) -> bytes:
    """Return sections of validated values as canonical JSON."""
    return _written(content).encode()


def model_bytes(model: BaseModel) -> bytes:
    """Return one validated model as canonical JSON."""
    return canonical_json(model.model_dump(exclude_none=True))


def model_digest(model: BaseModel) -> str:
    """Return SHA-256 of one validated model, in hexadecimal."""
    return hashlib.sha256(model_bytes(model)).hexdigest()


def canonical_bytes(policy: RiskPolicy, breakers: CircuitBreakers) -> bytes:
    """Return everything that decides, as canonical JSON."""
    content = {
        "circuit_breakers": breakers.model_dump(exclude_none=True),
        "risk_policy": policy.model_dump(exclude_none=True),
        "version": VERSION,
    }
    return canonical_json(content)


def policy_digest(policy: RiskPolicy, breakers: CircuitBreakers) -> str:
    """Return SHA-256 of ``canonical_bytes``, in hexadecimal."""
    return hashlib.sha256(canonical_bytes(policy, breakers)).hexdigest()


def from_canonical(raw: bytes) -> tuple[RiskPolicy, CircuitBreakers]:
    """Return what ``canonical_bytes`` wrote.

    Raises:
        PolicyError: It did not write this, or another version of it did.
    """
    try:
        content: Any = json.loads(raw, parse_float=Decimal, parse_constant=Decimal)
    except (ValueError, ArithmeticError, RecursionError) as error:
        raise PolicyError(f"{_SOURCE}: is not JSON: {error}.") from error
    keys = {"circuit_breakers", "risk_policy", "version"}
    if not isinstance(content, dict) or set(content) != keys or content["version"] != VERSION:
        raise PolicyError(f"{_SOURCE}: must have {', '.join(sorted(keys))} (version {VERSION}).")
    policy = validated(RiskPolicy, content["risk_policy"], source=_SOURCE)
    breakers = validated(CircuitBreakers, content["circuit_breakers"], source=_SOURCE)
    assert isinstance(policy, RiskPolicy)
    assert isinstance(breakers, CircuitBreakers)
    return policy, breakers
