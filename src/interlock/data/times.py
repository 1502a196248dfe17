"""Times as people write them, turned into nanoseconds of UTC; what was recognised is said."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

import polars as pl

from interlock.data.errors import BarError

NS: Final = pl.Datetime("ns", "UTC")
_NAIVE_NS: Final = pl.Datetime("ns")

# Counts since 1970 are told apart by magnitude: each unit covers 1973-03-03 to 5138-11-16, and
# the ranges touch but do not overlap. Smaller numbers are row numbers or dates like 20240131.
UNITS: Final = {
    "seconds": (10**8, 10**11, 10**9),
    "milliseconds": (10**11, 10**14, 10**6),
    "microseconds": (10**14, 10**17, 10**3),
    "nanoseconds": (10**17, 2**63 - 1, 1),
}
NS_LAST: Final = 2**63 - 1
YEAR_FIRST: Final = 1970
YEAR_LAST: Final = 2261

_TEXT: Final = re.compile(
    r"^(?P<y>\d{4})(?P<dash>[-/]?)\d{2}(?P=dash)\d{2}"
    r"(?:(?P<t>[T ])\d{2}(?P<colon>:?)\d{2}(?P<s>(?P=colon)\d{2}(?P<f>\.\d+)?)?)?"
    r"(?P<zone> ?(?:Z|UTC|GMT|[+-]\d{2}(?::?\d{2})?))?$"
)
_ZONE_AT_END: Final = r"[T :]\d[\d:.]* ?(Z|UTC|GMT|[+-]\d{2}(?::?\d{2})?)$"
_NAMES_OF_UTC: Final = ("Z", "UTC", "GMT")
_ISO: Final = "2024-01-31, 2024-01-31 14:30:00 or 2024-01-31T14:30:00Z"

# A column whose offset changes twice a year was exported in local time by a tool that knew its
# zone. Each time is unambiguous; that it is *one* zone is believed only if one of these fits all.
_LOCAL_ZONES: Final = (
    "America/New_York",
    "America/Chicago",
    "America/Denver",
    "America/Los_Angeles",
    "Europe/London",
    "Europe/Berlin",
    "Europe/Athens",
    "Australia/Sydney",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Times:
    """When each row was.

    Attributes:
        column: Named ``ts``, Datetime(ns, UTC); null where the row's time cannot be used, which
            happens only under repair.
        notes: What was recognised.
        repairs: What was repaired, counted by kind.
    """

    column: pl.Series
    notes: tuple[str, ...]
    repairs: Mapping[str, int]


def unit_of(path: Path, least: int, most: int) -> tuple[str, int]:
    """Return the unit of integer times and how many nanoseconds it has.

    Raises:
        BarError: Too small to be a time, or two units in one column.

    >>> unit_of(Path("a.csv"), 1_500_000_000, 1_700_000_000)
    ('seconds', 1000000000)
    """
    for unit, (low, high, factor) in UNITS.items():
        if low <= least < high:
            if most < high or unit == "nanoseconds":
                if most * factor > NS_LAST:
                    raise BarError(
                        f"{path}: times must be before the year 2262, was {most} {unit}."
                    )
                return unit, factor
            raise BarError(
                f"{path}: times must all be in one unit; the smallest, {least}, was in {unit} "
                f"and the largest, {most}, was not. Next: write the column in one unit."
            )
    day = "; a date like 20240131 has to be text" if 19_000_101 <= least <= 22_000_101 else ""  # noqa: PLR2004
    raise BarError(
        f"{path}: integer times must count seconds, ms, us or ns since 1970 and be at least "
        f"10^8, was {least}{day}. Next: write the times as {_ISO}."
    )


def _row(column: pl.Series, bad: pl.Series) -> tuple[int, object]:
    at = bad.arg_max()
    assert at is not None
    return at + 1, column[at]


def _check_years(path: Path, least: object, most: object) -> None:
    """Refuse years that nanoseconds cannot hold, which the parser would silently wrap."""
    if least is not None and not YEAR_FIRST <= int(str(least)) <= int(str(most)) <= YEAR_LAST:
        raise BarError(
            f"{path}: times must be in the years {YEAR_FIRST} to {YEAR_LAST}, "
            f"was {least} to {most}. Next: correct or remove the others."
        )


def _from_integers(path: Path, column: pl.Series) -> Times:
    least, most = column.min(), column.max()
    if not isinstance(least, int) or not isinstance(most, int):
        raise BarError(f"{path}: every time was empty. Next: fill column ts.")
    unit, factor = unit_of(path, least, most)
    times = (column.cast(pl.Int64) * factor).cast(_NAIVE_NS).dt.replace_time_zone("UTC")
    return Times(column=times, notes=(f"Times are {unit} since 1970, UTC.",), repairs={})


def _localise(path: Path, naive: pl.Series, time_zone: str | None) -> tuple[pl.Series, str]:
    """Give times without a zone one: the caller's, or UTC."""
    if time_zone is None:
        return naive.dt.replace_time_zone("UTC"), "Times have no zone: taken as UTC."
    try:
        aware = naive.dt.replace_time_zone(time_zone, ambiguous="null", non_existent="null")
    except pl.exceptions.PolarsError as error:
        raise BarError(
            f"{path}: the time zone must be an IANA name such as America/New_York, was {time_zone}."
        ) from error
    lost = aware.is_null() & naive.is_not_null()
    if lost.any():
        row, value = _row(naive, lost)
        raise BarError(
            f"{path} row {row}: {value} happened twice or never in {time_zone}, where the clock "
            f"was changed. Next: write the times in UTC."
        )
    return aware.dt.convert_time_zone("UTC"), f"Times have no zone: taken as {time_zone}."


def _from_typed(path: Path, column: pl.Series, time_zone: str | None) -> Times:
    years = column.dt.year()
    _check_years(path, years.min(), years.max())
    if isinstance(column.dtype, pl.Datetime) and column.dtype.time_zone is not None:
        note = f"Times are typed with zone {column.dtype.time_zone}."
        return Times(column=column.dt.convert_time_zone("UTC").cast(NS), notes=(note,), repairs={})
    times, note = _localise(path, column.cast(_NAIVE_NS), time_zone)
    return Times(column=times, notes=(note,), repairs={})


def _fits_one_zone(offsets: pl.Series, times: pl.Series) -> str | None:
    """Return the zone of ``_LOCAL_ZONES`` whose offset is every row's, or None.

    Args:
        offsets: Shape (n,), as written: ``-05:00``.
        times: Shape (n,), Datetime(ns, UTC).
    """
    starts = (offsets != offsets.shift(1)).fill_null(value=True).arg_true().to_list()
    if len(starts) > 2 * (times.dt.year().n_unique() + 1):
        return None
    rows = {*starts, *(start - 1 for start in starts if start), len(times) - 1}
    written = {}
    for row in rows:
        moment = times[row]
        if not isinstance(moment, datetime):
            return None
        sign, digits = offsets[row][0], re.sub(r"\D", "", offsets[row]).ljust(4, "0")
        span = timedelta(hours=int(digits[:2]), minutes=int(digits[2:]))
        written[moment] = -span if sign == "-" else span
    for name in _LOCAL_ZONES:
        zone = ZoneInfo(name)
        if all(moment.astimezone(zone).utcoffset() == span for moment, span in written.items()):
            return name
    return None


def _check_zones(
    path: Path, column: pl.Series, times: pl.Series, *, repair: bool
) -> tuple[str, dict[str, int]]:
    """Refuse a column in which some rows have another zone than the others."""
    zones = column.str.extract(_ZONE_AT_END).fill_null("none")
    first = zones[0]
    other = zones != first
    if not other.any():
        said = "in UTC" if first in _NAMES_OF_UTC else f"with offset {first}"
        return f"Times are text {said}.", {}
    row, value = _row(column, other)
    mixed = (
        f"{path}: times must all have the same zone; row 1 had {first} ({column[0]!r}), "
        f"row {row} had {zones[row - 1]} ({value!r})."
    )
    if (zones == "none").any():
        raise BarError(f"{mixed} Next: write every time with its zone, best in UTC.")
    if not zones.is_in(_NAMES_OF_UTC).any():
        name = _fits_one_zone(zones, times)
        if name is not None:
            return f"Times are text with the offsets of {name} over summer and winter.", {}
    if not repair:
        raise BarError(f"{mixed} Next: write them in UTC, or --repair converts each by its own.")
    return "Times are text with several zones, each converted by its own.", {
        "times_of_another_zone": int(other.sum())
    }


def _layout(match: re.Match[str]) -> str:
    """Return the pattern that the first row follows, and every other must."""
    dash = match["dash"]
    parts = [f"%Y{dash}%m{dash}%d"]
    if match["t"]:
        parts += [match["t"], f"%H{match['colon']}%M"]
    if match["s"]:
        parts += [f"{match['colon']}%S"]
    zone = match["zone"] or ""
    if zone.strip() in {"UTC", "GMT"}:
        parts += [zone]
    elif zone:
        parts += [" " if zone.startswith(" ") else "", "%#z"]
    return "".join(parts)


def _parse(column: pl.Series, layout: str) -> pl.Series:
    """Return times with a zone if the layout has one, null where a row has another layout."""
    times = column.str.to_datetime(layout, time_unit="ns", strict=False)
    if times.null_count() > column.null_count() and "%S" in layout:
        # Some seconds have a fraction. This pattern is slower, so it is not tried first.
        layout = layout.replace("%S", "%S%.f")
        times = column.str.to_datetime(layout, time_unit="ns", strict=False)
    return times.cast(NS) if "%#z" in layout else times.cast(_NAIVE_NS)


def _from_digits(path: Path, column: pl.Series, *, repair: bool) -> Times:
    numbers = column.str.strip_chars().cast(pl.Int64, strict=False)
    lost = numbers.is_null()
    if lost.any() and not repair:
        row, value = _row(column, lost)
        raise BarError(f"{path} row {row}: the time must be an integer, was {value!r}.")
    return _from_integers(path, numbers)


def _refuse_text(path: Path, column: pl.Series, times: pl.Series, first: str) -> None:
    """Say whether a row has no zone where others have one, or is no time at all."""
    zoned = column.str.contains(_ZONE_AT_END).fill_null(value=False)
    if zoned.any() and not zoned.all():
        _check_zones(path, column, times, repair=False)
    row, value = _row(column, times.is_null())
    raise BarError(
        f"{path} row {row}: the time must be written like row 1 ({first!r}), was {value!r}. "
        "Next: correct the row, or --repair drops it."
    )


def _from_text(path: Path, column: pl.Series, time_zone: str | None, *, repair: bool) -> Times:
    found = column.drop_nulls().head(1)
    first = str(found[0]).strip() if len(found) else ""
    if re.fullmatch(r"[+-]?\d{9,19}", first):
        return _from_digits(path, column, repair=repair)
    match = _TEXT.match(first)
    if match is None:
        raise BarError(
            f"{path} row 1: the time must be written like {_ISO}, was {first!r}. "
            "Next: rewrite the column; day/month orders are not guessed."
        )
    if found[0] != first:
        column = column.str.strip_chars()
    times = _parse(column, _layout(match))
    if times.null_count():
        zoned = column.str.contains(_ZONE_AT_END).fill_null(value=False)
        some_zoned = zoned.any() and int(zoned.sum()) < len(column) - column.null_count()
        if some_zoned or not repair:
            _refuse_text(path, column, times, first)
    years = column.filter(times.is_not_null()).str.head(4)
    _check_years(path, years.min(), years.max())
    if not match["zone"]:
        aware, note = _localise(path, times, time_zone)
        return Times(column=aware, notes=(note,), repairs={})
    if "%#z" not in _layout(match):
        note = f"Times are text in {match['zone'].strip()}."
        return Times(column=times.dt.replace_time_zone("UTC"), notes=(note,), repairs={})
    note, repairs = _check_zones(path, column, times, repair=repair)
    return Times(column=times, notes=(note,), repairs=repairs)


def recognise_times(
    path: Path, column: pl.Series, *, time_zone: str | None = None, repair: bool = False
) -> Times:
    """Return a column of times in UTC, and how they were read.

    Args:
        path: Named in messages.
        column: Shape (n,), n >= 1: integers since 1970 (s, ms, us or ns by magnitude), ISO text
            with or without a zone, dates, or typed times with or without a zone.
        time_zone: IANA name, of times without a zone; None is UTC.
        repair: Whether rows with an unreadable time may become null, and mixed zones converted.

    Raises:
        BarError: Not a time, several units or zones, or a time that a clock change makes
            ambiguous.
    """
    column = column.alias("ts")
    kind = column.dtype
    try:
        if kind.is_integer():
            return _from_integers(path, column.cast(pl.Int64))
        if kind.is_float():
            whole = column.cast(pl.Int64)
            if (whole.cast(pl.Float64) == column).all():
                return _from_integers(path, whole)
            raise BarError(
                f"{path}: times must be whole numbers, was {kind} with fractions. "
                f"Next: write them as integers or as {_ISO}."
            )
        if kind in {pl.String, pl.Categorical}:
            return _from_text(path, column.cast(pl.String), time_zone, repair=repair)
        if kind == pl.Date or isinstance(kind, pl.Datetime):
            return _from_typed(path, column, time_zone)
    except pl.exceptions.PolarsError as error:
        said = " ".join(str(error).split())[:200]
        raise BarError(f"{path}: the times could not be read: {said}.") from error
    raise BarError(f"{path}: times must be integers, text or typed times, was {kind}.")
