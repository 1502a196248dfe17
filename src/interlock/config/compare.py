"""What changes between two policies, key by key, and which way.

A reload applies by itself only what lets nothing more through.

A key under a symbol's or a strategy's own name is compared as it holds: what is not set there is as
in ``default``, and market limits that neither sets are those of section market.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Any, Final, TypeAlias

from pydantic import BaseModel

from interlock.config.amounts import OFF, plain
from interlock.config.directions import ACTIONS, DIRECTIONS, Tells
from interlock.config.errors import is_mapping, nested_model
from interlock.config.limits import MarketLimits
from interlock.config.risk_policy import Market, RiskPolicy, StrategyRules
from interlock.config.system_breakers import BreakersFile, CircuitBreakers

Rules: TypeAlias = tuple[RiskPolicy, CircuitBreakers]
Span: TypeAlias = tuple[Decimal, Decimal]  # the lowest and the highest that a value may be

_UNLIMITED: Final = Decimal("Infinity")
_ALL: Final = "all"
_DEFAULT: Final = "default"
# A strategy says this of itself where its owner says nothing: the default is not what holds then.
_NOT_INHERITED: Final = frozenset({(StrategyRules, "edge_required")})


class Direction(StrEnum):
    """What a change does to what may get through."""

    TIGHTER = "tighter"
    LOOSER = "looser"
    NEITHER = "neither"


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One key that differs.

    Attributes:
        path: The key, as in messages: ``risk.max_drawdown``.
        before: What held, as people write it.
        after: What is to hold.
        direction: What that does.
    """

    path: str
    before: str
    after: str
    direction: Direction

    def __str__(self) -> str:
        """Return it as a line for people."""
        return f"{self.path}: {self.before} -> {self.after} ({self.direction})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """Whether new rules may hold at once.

    Attributes:
        changes: Every key that differs, in the order of the files' keys.
    """

    changes: tuple[Change, ...]

    @property
    def looser(self) -> tuple[Change, ...]:
        """The changes that let more through, or may."""
        return tuple(each for each in self.changes if each.direction is Direction.LOOSER)

    @property
    def may_apply_without_flag(self) -> bool:
        """Whether nothing gets through that did not before."""
        return not self.looser


@dataclass(frozen=True, slots=True, kw_only=True)
class _Side:
    """One of the two policies at one place.

    Attributes:
        section: What is written there.
        base: What holds where nothing is written there; None where nothing else does.
        market: What holds where that is not set either, for market limits.
    """

    section: BaseModel
    base: BaseModel | None
    market: Market | None

    def inner(self, name: str) -> "_Side":
        """Return the section called ``name``."""
        base = getattr(self.base, name) if self.base is not None else None
        return _Side(section=getattr(self.section, name), base=base, market=self.market)

    def entry(self, field: str, name: str, empty: type[BaseModel]) -> "_Side":
        """Return what holds for one chosen name of the table ``field``."""
        own = getattr(self.section, field).get(name)
        base = getattr(self.section, _DEFAULT, None)
        return _Side(
            section=own if own is not None else empty(), base=base or empty(), market=self.market
        )

    def value(self, name: str) -> Any:
        """Return what holds for the key ``name``; None when it is set nowhere."""
        own = getattr(self.section, name)
        if own is not None or self.base is None or (type(self.section), name) in _NOT_INHERITED:
            return own
        return getattr(self.base, name)

    def written(self, name: str) -> str:
        """Return what holds, for people."""
        text = _written(self.value(name))
        inherited = getattr(self.section, name) is None and self.value(name) is not None
        return f"{text} (as in {_DEFAULT})" if inherited else text

    def span(self, name: str) -> Span:
        """Return the lowest and the highest limit that may hold for ``name``."""
        value = self.value(name)
        if value is None and isinstance(self.section, MarketLimits) and self.market is not None:
            return _market_span(self.market, name)
        # A limit that is set nowhere denies, as 0 does.
        number = _UNLIMITED if value == OFF else Decimal(value or 0)
        return number, number


def _market_span(market: Market, name: str) -> Span:
    """Return what section market may mean for one symbol: that depends on what it is and its feed.

    A bar may be one period older than ``bar_age_extra_seconds``, and a period is as long as you
    like.
    """
    match name:
        case "max_spread_bps":
            both = (market.max_spread_bps, market.max_option_spread_bps)
            return min(both), max(both)
        case "data_age_seconds":
            return min(market.stream_age_seconds, market.bar_age_extra_seconds), _UNLIMITED
        case _:
            assert name == "collar_fraction"
            return market.collar_fraction, market.collar_fraction


def _written(value: object) -> str:
    match value:
        case None:
            return "not set"
        case bool():
            return "true" if value else "false"
        case Decimal():
            return plain(value)
        case tuple():
            return f"[{', '.join(value)}]"
        case _:
            return str(value)


# --- which way --------------------------------------------------------------------------------


def _by_rank(before: float | Decimal, after: float | Decimal) -> Direction:
    """Return the direction between two ranks; the higher rank lets more through."""
    if before == after:
        return Direction.NEITHER
    return Direction.TIGHTER if after < before else Direction.LOOSER


def _lower(before: _Side, after: _Side, name: str) -> Direction:
    old, new = before.span(name), after.span(name)
    if old == new and old[0] == old[1]:
        return Direction.NEITHER
    # Tighter at the worst only: the highest that may hold now is at most the lowest before.
    return Direction.TIGHTER if new[1] <= old[0] else Direction.LOOSER


def _looseness(tells: Tells, value: Any) -> float | Decimal:
    """Return a rank of one value: the higher, the more gets through."""
    match tells:
        case Tells.HIGHER:
            return _UNLIMITED if value is None or value == OFF else -Decimal(value)
        case Tells.YES:
            return {True: 0, None: 1, False: 2}[value]
        case Tells.NO:
            return {True: 1, None: 0, False: 0}[value]
        case _:
            assert tells is Tells.HARDER
            hardness = next(rank for rank, same in enumerate(ACTIONS) if value in same)
            return -hardness


def _fewer(before: object, after: object) -> Direction:
    if before == after:
        return Direction.NEITHER
    if after == _ALL:
        return Direction.LOOSER
    assert isinstance(after, tuple)
    fewer = before == _ALL or (isinstance(before, tuple) and set(after) <= set(before))
    return Direction.TIGHTER if fewer else Direction.LOOSER


def _direction(before: _Side, after: _Side, name: str) -> Direction:
    """Return what a change of one key does; a key that nobody knows about lets more through."""
    tells = DIRECTIONS.get(type(before.section), {}).get(name, Tells.NOBODY)
    old, new = before.value(name), after.value(name)
    match tells:
        case Tells.NOTHING:
            return Direction.NEITHER
        case Tells.NOBODY:
            return Direction.NEITHER if old == new else Direction.LOOSER
        case Tells.LOWER:
            return _lower(before, after, name)
        case Tells.FEWER:
            return _fewer(old, new)
        case _:
            return _by_rank(_looseness(tells, old), _looseness(tells, new))


# --- walking ----------------------------------------------------------------------------------


def _compared(before: _Side, after: _Side, path: str) -> Iterator[Change]:
    """Yield every key below ``path`` that is written differently."""
    for name, field in type(before.section).model_fields.items():
        place = f"{path}.{name}" if path else name
        inner = nested_model(field.annotation)
        if inner is not None and is_mapping(field.annotation):
            sides = (getattr(side.section, name) for side in (before, after))
            for chosen in sorted({key for side in sides for key in side}):
                yield from _compared(
                    before.entry(name, chosen, inner),
                    after.entry(name, chosen, inner),
                    f"{place}.{chosen}",
                )
        elif inner is not None:
            yield from _compared(before.inner(name), after.inner(name), place)
        elif getattr(before.section, name) != getattr(after.section, name):
            yield Change(
                path=place,
                before=before.written(name),
                after=after.written(name),
                direction=_direction(before, after, name),
            )


def compare(before: Rules, after: Rules) -> Decision:
    """Return every key that differs between two pairs of policy and breakers, and which way."""
    changes: list[Change] = []
    for old, new in (
        (before[0], after[0]),
        (BreakersFile(circuit_breakers=before[1]), BreakersFile(circuit_breakers=after[1])),
    ):
        left = _Side(section=old, base=None, market=before[0].market)
        right = _Side(section=new, base=None, market=after[0].market)
        changes += _compared(left, right, "")
    return Decision(changes=tuple(changes))
