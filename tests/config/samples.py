"""Instruments, files and records for the tests of policies."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import Enum
from textwrap import dedent
from typing import Any

import numpy as np
import pytest

from interlock.config.build import build_policy
from interlock.config.errors import PolicyError
from interlock.config.load import (
    parse_breakers,
    parse_policy,
    parse_system,
    read_breakers,
    read_policy,
    read_system,
)
from interlock.config.risk_policy import RiskPolicy
from interlock.config.system import SystemConfig
from interlock.config.system_breakers import CircuitBreakers
from interlock.kernel.codes import Feed, Settle
from interlock.kernel.policy import PolicyArray

HOUR_NS = 3_600_000_000_000
POLICY = read_policy(None).model
BREAKERS = read_breakers(None).model.circuit_breakers
SYSTEM = read_system(None).model


class InstrumentKind(Enum):
    """Two kinds are enough."""

    CRYPTO = "crypto"
    OPTION = "option"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """An instrument: cents, and a thousandth of a coin."""

    symbol: str = "BTC_USDT"
    kind: InstrumentKind = InstrumentKind.CRYPTO
    qty_digits: int = 3
    tick: int = 1
    lot: int = 2
    lot_min: int = 4
    notional_min: Decimal = Decimal(5)
    settle: Settle = Settle.CASH
    shortable: bool = True
    margin: bool = True
    maker_ppm: int | None = None
    taker_ppm: int | None = None
    spread_assumed_ppm: int = 200
    calendar: str = "24/7"

    def unit_ratio(self) -> tuple[int, int]:
        """Return what a cent times a thousandth is, in units of 1e-8."""
        return 1_000, 1


def policy_of(text: str) -> RiskPolicy:
    """Return the policy that a user's YAML makes."""
    return parse_policy(dedent(text).encode(), source="f.yaml").model


def breakers_of(text: str) -> CircuitBreakers:
    """Return the breakers that a user's TOML makes."""
    return parse_breakers(dedent(text).encode(), source="f.toml").model.circuit_breakers


def system_of(text: str) -> SystemConfig:
    """Return the configuration that a user's TOML makes."""
    return parse_system(dedent(text).encode(), source="f.toml").model


def record_of(
    policy: RiskPolicy = POLICY,
    breakers: CircuitBreakers = BREAKERS,
    instruments: Sequence[Sample] = (Sample(),),
    strategies: Sequence[str] = ("ema_cross",),
    feed: Feed = Feed.BAR,
    **more: Any,
) -> PolicyArray:
    """Return the kernel's record for some instruments on hourly bars."""
    return build_policy(
        policy,
        breakers,
        instruments,
        strategies,
        periods_ns=[HOUR_NS] * len(instruments),
        feeds=[feed] * len(instruments),
        **more,
    )


def fields_of(row: Any, path: str = "") -> Iterator[tuple[str, float]]:
    """Yield path and number of every field of a record, rows of tables included."""
    if isinstance(row, np.ndarray):
        for index, item in enumerate(row):
            yield from fields_of(item, f"{path}[{index}]")
    elif isinstance(row, np.void) and row.dtype.names is not None:
        for name in row.dtype.names:
            yield from fields_of(row[name], f"{path}.{name}" if path else name)
    else:
        yield path, row


def used(record: PolicyArray) -> dict[str, float]:
    """Return every field of the account and of the first strategy and instrument."""
    whole = record[0]
    fields = {f"account.{path}": value for path, value in fields_of(whole["account"])}
    for table in ("strategies", "instruments"):
        fields |= {f"{table}[0].{path}": value for path, value in fields_of(whole[table][0])}
    return fields


def check(text: str, *problems: str) -> None:
    """Check that a user's file is refused with exactly these problems, in this order.

    A file that begins with ``[`` is TOML and called f.toml, the rest is YAML and called f.yaml.
    """
    content = dedent(text).lstrip("\n")
    toml = content.startswith("[")
    parse, source = (parse_breakers, "f.toml") if toml else (parse_policy, "f.yaml")
    with pytest.raises(PolicyError) as refused:
        parse(content.encode(), source=source)
    assert refused.value.problems == problems
    assert str(refused.value) == "\n".join(problems)


def check_system(text: str, *problems: str) -> None:
    """Check that an ``interlock.toml`` is refused with exactly these problems, in this order."""
    with pytest.raises(PolicyError) as refused:
        system_of(text)
    assert refused.value.problems == tuple(f"f.toml: {problem}" for problem in problems)
