"""``interlock policy check``: what a file says, what it leaves as shipped, and what is wrong."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal, TypeAlias

from pydantic import BaseModel

from interlock.config.canonical import model_digest
from interlock.config.errors import PolicyError, nested_model, shown
from interlock.config.limits import InstrumentLimits
from interlock.config.load import Loaded, parse_breakers, parse_system, read_policy
from interlock.config.risk_policy import RiskPolicy
from interlock.config.settings import SYSTEM_NAME
from interlock.config.system import SystemConfig
from interlock.config.text import Content, parse, read_bytes

FileKind: TypeAlias = Literal[
    "risk policy", "circuit breakers", "configuration", "instruments", "unknown"
]

_YAML: Final = frozenset({".yaml", ".yml"})
_INSTRUMENTS: Final = "instruments"  # the key at the top of an instruments file
_BREAKERS: Final = "circuit_breakers"  # likewise of a file of breakers
_UNSET_PASSES: Final = frozenset({"order_notional_min", "market"})  # these deny nothing
_DEFAULT: Final = "limits.instruments.default"


@dataclass(frozen=True, slots=True, kw_only=True)
class FileReport:
    """What was found out about one file.

    Attributes:
        path: The file.
        kind: What it is; ``instruments`` is for the caller to check.
        digest: SHA-256 of what holds with it, in hexadecimal; empty when it was refused.
        defaulted: ``key = value`` of everything that it leaves to the shipped file.
        denying: Limits that it leaves unset, and that therefore deny.
        problems: One sentence each; empty when it may be used.
    """

    path: Path
    kind: FileKind
    digest: str = ""
    defaulted: tuple[str, ...] = ()
    denying: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether the file may be used."""
        return not self.problems

    def lines(self) -> list[str]:
        """Return what to print."""
        if self.problems:
            count = len(self.problems)
            head = f"REFUSED {self.path}: {count} problem{'s' if count > 1 else ''}"
            return [head, *(f"  {problem}" for problem in self.problems)]
        if self.kind == "instruments":
            return [f"OK {self.path}: {self.kind}"]
        lines = [f"OK {self.path}: {self.kind}, digest {self.digest}"]
        if self.denying:
            lines.append("  not set, and therefore denying:")
            lines += [f"    {key}" for key in self.denying]
        if self.defaulted:
            lines.append("  not in the file, and therefore as shipped:")
            lines += [f"    {key}" for key in self.defaulted]
        return lines


@dataclass(frozen=True, slots=True)
class CheckReport:
    """The reports of all files, in the order they were given."""

    files: tuple[FileReport, ...]

    @property
    def ok(self) -> bool:
        """Whether every file may be used."""
        return all(file.ok for file in self.files)

    def lines(self) -> list[str]:
        """Return what to print."""
        return [line for file in self.files for line in file.lines()]


def _written(value: object) -> str:
    """Return a value as it would stand in the file."""
    if isinstance(value, tuple):
        return f"[{', '.join(map(_written, value))}]"
    return (value or '""') if isinstance(value, str) else shown(value)


def _defaulted(loaded: Loaded[Any]) -> tuple[str, ...]:
    """Return ``key = value`` for every key that the file leaves out, with what holds now."""
    content = loaded.model.model_dump()
    found = []
    for key in loaded.defaulted:
        value: Any = content
        for part in key.split("."):
            value = value[part]
        if isinstance(value, dict):
            continue  # a table of names that has no names
        found.append(f"{key} = {_written(value)}")
    return tuple(found)


def _unset(model: BaseModel, path: str) -> Iterator[str]:
    """Yield the limits under ``path`` that have no value."""
    for name, field in type(model).model_fields.items():
        value = getattr(model, name)
        if nested_model(field.annotation) is not None:
            yield from _unset(value, f"{path}.{name}")
        elif value is None:
            yield f"{path}.{name}"


def _denying(policy: RiskPolicy) -> tuple[str, ...]:
    """Return the limits of the instruments' default that are not set."""
    default = policy.limits.instruments.default
    keys = _unset(default, _DEFAULT)
    passing = tuple(
        f"{_DEFAULT}.{name}" for name in InstrumentLimits.model_fields if name in _UNSET_PASSES
    )
    return tuple(key for key in keys if not key.startswith(passing))


def _check_yaml(path: Path) -> FileReport:
    content = parse(read_bytes(path), source=str(path), suffix=".yaml")
    if _INSTRUMENTS in content:
        return FileReport(path=path, kind="instruments")
    loaded = read_policy(path)
    return FileReport(
        path=path,
        kind="risk policy",
        digest=model_digest(loaded.model),
        defaulted=_defaulted(loaded),
        denying=_denying(loaded.model),
    )


def _is_configuration(content: Content, path: Path) -> bool:
    """Return whether a TOML file is meant as ``interlock.toml``: by its keys, else by its name."""
    if _BREAKERS in content:
        return False
    known = content.keys() & SystemConfig.model_fields.keys()
    return bool(known) or path.name == SYSTEM_NAME


def _check_toml(path: Path) -> FileReport:
    raw, source = read_bytes(path), str(path)
    kind: FileKind = "circuit breakers"
    try:
        if _is_configuration(parse(raw, source=source, suffix=".toml"), path):
            kind = "configuration"
            system = parse_system(raw, source=source)
            digest, defaulted = model_digest(system.model), _defaulted(system)
        else:
            breakers = parse_breakers(raw, source=source)
            digest, defaulted = model_digest(breakers.model.circuit_breakers), _defaulted(breakers)
    except PolicyError as error:
        return FileReport(path=path, kind=kind, problems=error.problems)
    return FileReport(path=path, kind=kind, digest=digest, defaulted=defaulted)


def check_file(path: Path) -> FileReport:
    """Return what is to be said about one file; it never raises for what the file says."""
    kind: FileKind = "unknown"
    try:
        if path.suffix.lower() == ".toml":
            kind = "circuit breakers"
            return _check_toml(path)
        if path.suffix.lower() in _YAML:
            kind = "risk policy"
            return _check_yaml(path)
    except PolicyError as error:
        return FileReport(path=path, kind=kind, problems=error.problems)
    problem = (
        f"{path}: must be a .yaml (risk policy, instruments) or a .toml (circuit breakers, "
        "configuration)."
    )
    return FileReport(path=path, kind=kind, problems=(problem,))


def check_files(paths: Sequence[Path]) -> CheckReport:
    """Return what is to be said about ``paths``, each on its own."""
    return CheckReport(files=tuple(check_file(path) for path in paths))
