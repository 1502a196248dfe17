"""From files to validated models: which file, what it leaves to the shipped one, what is wrong."""

import functools
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from importlib import resources
from pathlib import Path
from typing import Any, Final, Generic, TypeVar, cast

from pydantic import BaseModel

from interlock.config.errors import validated
from interlock.config.risk_policy import RiskPolicy
from interlock.config.settings import (
    BREAKERS_NAME,
    POLICY_NAME,
    SYSTEM_NAME,
    Settings,
    read_settings,
)
from interlock.config.system import SystemConfig
from interlock.config.system_breakers import BreakersFile, CircuitBreakers
from interlock.config.text import Content, parse, read_bytes

# A user's own statement of these is the whole of it: a limit that it leaves out is not set.
WHOLE: Final = frozenset({"limits.instruments.default"})

_DRAWDOWN: Final = ("circuit_breakers", "drawdown")
_WARN_SHARE: Final = Decimal(2) / Decimal(3)  # of threshold_pct, as in the shipped file
_EMERGENCY_SHARE: Final = Decimal(5) / Decimal(3)  # likewise
_PERCENT_MIN: Final = Decimal("0.1")
_PERCENT_MAX: Final = Decimal(100)

M = TypeVar("M", bound=BaseModel)


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded(Generic[M]):
    """A validated file.

    Attributes:
        model: What holds now.
        source: The file's name as given, or ``shipped NAME``.
        defaulted: Key paths that the file does not have; the shipped value holds for them.
    """

    model: M
    source: str
    defaulted: tuple[str, ...]


@functools.cache
def shipped_content(name: str) -> Content:
    """Return what the shipped file ``name`` says. Never change it: it is shared."""
    raw = (resources.files("interlock.config") / "shipped" / name).read_bytes()
    return parse(raw, source=f"shipped {name}", suffix=Path(name).suffix)


def _merged(shipped: Content, theirs: Content, path: str = "") -> Content:
    """Return ``theirs`` with what it leaves out taken from ``shipped``."""
    result = dict(theirs)
    for key, value in shipped.items():
        place = f"{path}.{key}" if path else key
        own = theirs.get(key)
        if key not in theirs:
            result[key] = value
        elif isinstance(value, dict) and isinstance(own, dict) and place not in WHOLE:
            result[key] = _merged(value, own, place)
    return result


def leaves(content: Content, path: str = "") -> Iterator[tuple[str, Any]]:
    """Yield key path and value of everything that is not a section with keys."""
    for key, value in content.items():
        place = f"{path}.{key}" if path else key
        if isinstance(value, dict) and value:
            yield from leaves(value, place)
        else:
            yield place, value


def _holds(content: object, path: str) -> bool:
    """Return whether ``content`` has a value at ``path``, or a whole section around it."""
    walked = ""
    for key in path.split("."):
        if not isinstance(content, dict):
            return True  # a value where a section should be: that is refused, not defaulted
        if key not in content:
            return walked in WHOLE
        content = content[key]
        walked = f"{walked}.{key}" if walked else key
        if walked in WHOLE:
            return True
    return True


def _scale_drawdown(content: Content, theirs: Content) -> None:
    """Keep the shipped proportions around a threshold that comes without its companions.

    Files from before these companions existed have threshold_pct alone, and 1.5 must not be
    refused because the shipped warning is at 2.
    """
    own: Any = theirs
    section: Any = content
    for key in _DRAWDOWN:
        own = own.get(key) if isinstance(own, dict) else None
        section = section.get(key) if isinstance(section, dict) else None
    if not isinstance(own, dict) or not isinstance(section, dict):
        return
    threshold = own.get("threshold_pct")
    if isinstance(threshold, bool) or not isinstance(threshold, int | Decimal):
        return
    if not Decimal(threshold).is_finite() or not _PERCENT_MIN <= threshold <= _PERCENT_MAX:
        return
    step = Decimal("0.0001")
    if "warn_pct" not in own:
        section["warn_pct"] = max((threshold * _WARN_SHARE).quantize(step), _PERCENT_MIN)
    if "emergency_pct" not in own:
        section["emergency_pct"] = min((threshold * _EMERGENCY_SHARE).quantize(step), _PERCENT_MAX)


def _from_bytes(model: type[M], name: str, raw: bytes, source: str) -> Loaded[M]:
    """Return what a user's file says, completed from the shipped file ``name``."""
    shipped = shipped_content(name)
    theirs = parse(raw, source=source, suffix=Path(name).suffix)
    content = _merged(shipped, theirs)
    defaulted = tuple(place for place, _ in leaves(shipped) if not _holds(theirs, place))
    _scale_drawdown(content, theirs)
    checked = validated(model, content, source=source, defaulted=defaulted)
    return Loaded(model=cast("M", checked), source=source, defaulted=defaulted)


def _shipped(model: type[M], name: str) -> Loaded[M]:
    """Return the shipped file ``name``."""
    content = shipped_content(name)
    source = f"shipped {name}"
    checked = validated(model, content, source=source)
    every = tuple(place for place, _ in leaves(content))
    return Loaded(model=cast("M", checked), source=source, defaulted=every)


def parse_policy(raw: bytes, source: str) -> Loaded[RiskPolicy]:
    """Return the risk policy in ``raw`` and what it leaves out; ``source`` is for messages.

    Raises:
        PolicyError: Every problem of the file.
    """
    return _from_bytes(RiskPolicy, POLICY_NAME, raw, source)


def parse_breakers(raw: bytes, source: str) -> Loaded[BreakersFile]:
    """Return the circuit breakers in ``raw`` and what they leave out.

    Raises:
        PolicyError: Every problem of the file.
    """
    return _from_bytes(BreakersFile, BREAKERS_NAME, raw, source)


def parse_system(raw: bytes, source: str) -> Loaded[SystemConfig]:
    """Return the ``interlock.toml`` in ``raw`` and what it leaves out.

    Raises:
        PolicyError: Every problem of the file.
    """
    return _from_bytes(SystemConfig, SYSTEM_NAME, raw, source)


def read_policy(path: Path | None) -> Loaded[RiskPolicy]:
    """Return the risk policy at ``path``; None is the shipped one.

    Raises:
        PolicyError: Every problem of the file.
    """
    if path is None:
        return _shipped(RiskPolicy, POLICY_NAME)
    return parse_policy(read_bytes(path), source=str(path))


def read_breakers(path: Path | None) -> Loaded[BreakersFile]:
    """Return the circuit breakers at ``path``; None is the shipped ones.

    Raises:
        PolicyError: Every problem of the file.
    """
    if path is None:
        return _shipped(BreakersFile, BREAKERS_NAME)
    return parse_breakers(read_bytes(path), source=str(path))


def read_system(path: Path | None) -> Loaded[SystemConfig]:
    """Return the ``interlock.toml`` at ``path``; None is the shipped one.

    Raises:
        PolicyError: Every problem of the file.
    """
    if path is None:
        return _shipped(SystemConfig, SYSTEM_NAME)
    return parse_system(read_bytes(path), source=str(path))


def load_policy(path: Path | None = None, settings: Settings | None = None) -> RiskPolicy:
    """Return the policy that holds: ``path``, else the home's own, else the shipped one.

    Raises:
        PolicyError: Every problem of the file.
    """
    where = settings if settings is not None else read_settings()
    return read_policy(where.config_file(POLICY_NAME, path)).model


def load_breakers(path: Path | None = None, settings: Settings | None = None) -> CircuitBreakers:
    """Return the breakers that hold: ``path``, else the home's own, else the shipped ones.

    Raises:
        PolicyError: Every problem of the file.
    """
    where = settings if settings is not None else read_settings()
    return read_breakers(where.config_file(BREAKERS_NAME, path)).model.circuit_breakers
