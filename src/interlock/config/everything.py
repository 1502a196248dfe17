"""Everything that people wrote for one engine, read at once: all of it holds, or none of it."""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, TypeVar

from interlock.config.canonical import VERSION, canonical_json
from interlock.config.errors import PolicyError, validated
from interlock.config.load import Loaded, leaves, read_breakers, read_policy, read_system
from interlock.config.risk_policy import RiskPolicy
from interlock.config.settings import BREAKERS_NAME, POLICY_NAME, SYSTEM_NAME, Settings
from interlock.config.system import SystemConfig
from interlock.config.system_breakers import BreakersFile, CircuitBreakers
from interlock.config.trust import settings_file_problems

COMMAND_LINE: Final = "command line"

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Configuration:
    """What holds.

    Attributes:
        system: ``interlock.toml``.
        policy: The risk policy.
        breakers: The circuit breakers.
        sources: Where they were read, in this order.
        defaulted: Keys that no file has, as ``NAME: key``; the shipped value holds for them.
    """

    system: SystemConfig
    policy: RiskPolicy
    breakers: CircuitBreakers
    sources: tuple[str, str, str]
    defaulted: tuple[str, ...] = ()

    def content(self) -> bytes:
        """Return everything as canonical JSON: two files that mean the same give the same."""
        return canonical_json(
            {
                "circuit_breakers": self.breakers.model_dump(exclude_none=True),
                "risk_policy": self.policy.model_dump(exclude_none=True),
                "system": self.system.model_dump(exclude_none=True),
                "version": VERSION,
            }
        )

    @property
    def digest(self) -> str:
        """SHA-256 of ``content``, in hexadecimal."""
        return hashlib.sha256(self.content()).hexdigest()


def _attempt(read: Callable[[], T], problems: list[str]) -> T | None:
    """Return what ``read`` returns; what it refuses is added to ``problems``."""
    try:
        return read()
    except PolicyError as error:
        problems.extend(error.problems)
        return None


def read_everything(
    settings: Settings,
    config_file: Path | None = None,
    *,
    changes: Mapping[str, object] | None = None,
) -> Configuration:
    """Return everything that people wrote, or refuse all of it.

    Args:
        settings: Where the home is.
        config_file: The ``interlock.toml`` that was named; None is the home's own, else the shipped
            one. It names the others, or leaves them to the home.
        changes: What the command line says instead, by key path: ``{"data.speed": "max"}``.

    Raises:
        PolicyError: Every problem of every file. Whatever held before still holds.
    """
    problems: list[str] = []
    path = settings.config_file(SYSTEM_NAME, config_file)
    system = _attempt(lambda: _system(path, changes or {}), problems)
    policy_path, breakers_path = _others(settings, system)
    policy = _attempt(lambda: read_policy(policy_path), problems)
    breakers = _attempt(lambda: read_breakers(breakers_path), problems)
    for each in (path, policy_path, breakers_path):
        if each is not None:
            problems.extend(settings_file_problems(each))
    if system is None or policy is None or breakers is None or problems:
        raise PolicyError(*problems)
    return _joined(system, policy, breakers)


def _others(
    settings: Settings, system: Loaded[SystemConfig] | None
) -> tuple[Path | None, Path | None]:
    """Return the policy's and the breakers' file.

    When nobody can say which ones were meant, the home's are judged all the same: a person who has
    two bad files should hear of both.
    """
    named = ("", "") if system is None else (system.model.files.policy, system.model.files.breakers)
    policy, breakers = (Path(name) if name else None for name in named)
    return settings.config_file(POLICY_NAME, policy), settings.config_file(BREAKERS_NAME, breakers)


def _joined(
    system: Loaded[SystemConfig], policy: Loaded[RiskPolicy], breakers: Loaded[BreakersFile]
) -> Configuration:
    named = (
        (SYSTEM_NAME, system.defaulted),
        (POLICY_NAME, policy.defaulted),
        (BREAKERS_NAME, breakers.defaulted),
    )
    return Configuration(
        system=system.model,
        policy=policy.model,
        breakers=breakers.model.circuit_breakers,
        sources=(system.source, policy.source, breakers.source),
        defaulted=tuple(f"{name}: {key}" for name, keys in named for key in keys),
    )


def _system(path: Path | None, changes: Mapping[str, object]) -> Loaded[SystemConfig]:
    loaded = read_system(path)
    if not changes:
        return loaded
    model = with_changes(loaded.model, changes)
    kept = tuple(key for key in loaded.defaulted if key not in changes)
    return replace(loaded, model=model, defaulted=kept)


def with_changes(
    system: SystemConfig, changes: Mapping[str, object], source: str = COMMAND_LINE
) -> SystemConfig:
    """Return ``system`` with some keys changed, checked as a whole again.

    Args:
        system: What holds otherwise.
        changes: New values by key path, as a file would have them: ``{"data.bars": ["/b.csv"]}``.
        source: Who wants it, for messages.

    Raises:
        PolicyError: Every problem.
    """
    content: dict[str, Any] = system.model_dump()
    for key, value in changes.items():
        *parents, last = key.split(".")
        section = content
        for parent in parents:
            section = section[parent]
        assert last in section, key
        section[last] = value
    checked = validated(SystemConfig, content, source=source)
    assert isinstance(checked, SystemConfig)
    return checked


def changed_keys(before: SystemConfig, after: SystemConfig) -> tuple[str, ...]:
    """Return the keys of ``interlock.toml`` whose value differs.

    They hold from the next start on: a running engine keeps its account, data and journal.
    """
    old, new = (
        {key: value for key, value in leaves(system.model_dump()) if value != {}}
        for system in (before, after)
    )
    return tuple(key for key in dict.fromkeys([*old, *new]) if old.get(key) != new.get(key))
