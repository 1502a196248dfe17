"""Windows without entries (earnings, FOMC, one's own), from YAML or from a calendar's ICS file."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Annotated, Literal, TypeAlias
from zoneinfo import ZoneInfo

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from interlock.data.errors import BlackoutError
from interlock.data.instruments import read_yaml
from interlock.data.sessions import utc_ns
from interlock.data.zones import find_zone

Moment: TypeAlias = datetime | date


@dataclass(frozen=True, slots=True, kw_only=True)
class Blackout:
    """One window in which nothing is opened.

    Attributes:
        name: What it is for.
        start_ns: UTC.
        end_ns: UTC, > start_ns; the first moment that is free again.
        symbols: Whom it concerns; empty means everything.
    """

    name: str
    start_ns: int
    end_ns: int
    symbols: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        assert self.name
        assert self.start_ns < self.end_ns


def _written(value: object) -> object:
    """Refuse what pydantic would guess a time from: a number, or a date where a time belongs."""
    if isinstance(value, datetime | str) or value is None:
        return value
    raise ValueError("must be a date with a time, such as 2024-01-31 13:30")


def _written_day(value: object) -> object:
    if isinstance(value, datetime | int | float):
        raise ValueError("must be a date, such as 2024-01-31")  # noqa: TRY004 - pydantic collects it
    return value


_Time: TypeAlias = Annotated[datetime, BeforeValidator(_written)]
_Day: TypeAlias = Annotated[date, BeforeValidator(_written_day)]


class _Window(BaseModel):
    """One entry of a YAML file: either ``day``, or ``start`` and ``end`` with times."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(min_length=1)
    day: _Day | None = None
    start: _Time | None = None
    end: _Time | None = None
    time_zone: str | None = None
    symbols: tuple[str, ...] = ()


class _File(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    version: Literal[1]
    time_zone: str
    blackouts: tuple[_Window, ...]


def zone_named(path: Path, where: str, name: str) -> ZoneInfo:
    """Return a time zone by its IANA name, or say where in the file it is wrong."""
    zone = find_zone(name)
    if zone is None:
        raise BlackoutError(
            f"{path}: {where}time_zone must be an IANA name such as America/New_York, was {name!r}."
        )
    return zone


def moment_ns(moment: Moment, zone: ZoneInfo) -> int:
    """Return a moment in UTC; a date is its midnight, and what has no zone is in ``zone``."""
    if not isinstance(moment, datetime):
        moment = datetime.combine(moment, time(0))
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=zone)
    return utc_ns(moment.astimezone(UTC))


def window(
    path: Path, name: str, span: tuple[Moment, Moment], zone: ZoneInfo, symbols: Sequence[str]
) -> Blackout:
    """Return a window, or say that it ends before it starts."""
    start_ns, end_ns = moment_ns(span[0], zone), moment_ns(span[1], zone)
    if start_ns >= end_ns:
        raise BlackoutError(f"{path}: {name!r} must end after {span[0]}, ended {span[1]}.")
    return Blackout(name=name, start_ns=start_ns, end_ns=end_ns, symbols=tuple(symbols))


def _from_yaml(path: Path) -> list[Blackout]:
    try:
        parsed = _File.model_validate(read_yaml(path))
    except ValidationError as error:
        lines = []
        for finding in error.errors():
            key = ".".join(str(part) for part in finding["loc"])
            lines.append(f"{path}: {key} {finding['msg']}, was {finding['input']!r}")
        raise BlackoutError("\n".join(lines)) from error
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise BlackoutError(f"{path} could not be read as YAML: {error}") from error
    found = []
    for number, entry in enumerate(parsed.blackouts):
        where = f"blackouts.{number} ({entry.name}): "
        zone = zone_named(path, where, entry.time_zone or parsed.time_zone)
        times = (entry.start, entry.end)
        if entry.day is not None and times == (None, None):
            span: tuple[Moment, Moment] = (entry.day, entry.day + timedelta(days=1))
        elif entry.day is None and entry.start is not None and entry.end is not None:
            span = (entry.start, entry.end)
        else:
            raise BlackoutError(
                f"{path}: {where}must have either day, or start and end, "
                f"was day {entry.day}, start {entry.start}, end {entry.end}."
            )
        found.append(window(path, entry.name, span, zone, entry.symbols))
    return found


def load_blackouts(path: Path, *, time_zone: str = "America/Denver") -> tuple[Blackout, ...]:
    """Read a blackout calendar (docs/data.md, "Blackout calendars").

    Args:
        path: ``.yaml``, ``.yml`` or ``.ics``.
        time_zone: Of ICS times without a zone, where the calendar names none. YAML files name
            their own.

    Returns:
        By start; recurring ICS events as single windows, up to the calendars' horizon.

    Raises:
        BlackoutError: Not readable, an unknown key or zone, a window that ends before it starts,
            or a recurrence that is not simple.
    """
    suffix = path.suffix.lower()
    if suffix in {".yaml", ".yml"}:
        found = _from_yaml(path)
    elif suffix == ".ics":
        from interlock.data import ics  # noqa: PLC0415 - most runs read no ICS file

        found = ics.read_events(path, time_zone)
    else:
        raise BlackoutError(f"{path} must be a .yaml, .yml or .ics file, was {suffix!r}.")
    return tuple(sorted(found, key=lambda one: (one.start_ns, one.end_ns, one.name)))
