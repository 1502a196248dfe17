"""Blackout windows out of ICS calendars (RFC 5545), with the recurrences that are simple."""

from collections.abc import Iterator, Mapping
from datetime import datetime, time, timedelta
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

import icalendar

from interlock.data.blackouts import Blackout, Moment, moment_ns, window, zone_named
from interlock.data.errors import BlackoutError
from interlock.data.sessions import HORIZON_LAST

SYMBOLS_PROPERTY: Final = "X-INTERLOCK-SYMBOLS"  # of an event: SPY,QQQ; absent means everything
_WEEKDAYS: Final = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
_RULES: Final = frozenset({"FREQ", "INTERVAL", "COUNT", "UNTIL", "BYDAY", "WKST"})


def _rule(path: Path, name: str, rule: icalendar.vRecur) -> dict[str, list[object]]:
    """Return a recurrence rule, or say that it is not one of the simple ones."""
    parts = {str(key).upper(): list(values) for key, values in rule.items()}
    frequency = str(parts.get("FREQ", [""])[0]).upper()
    days = [str(day) for day in parts.get("BYDAY", [])]
    simple = (
        set(parts) <= _RULES
        and frequency in {"DAILY", "WEEKLY"}
        and all(day in _WEEKDAYS for day in days)
        and not (days and frequency == "DAILY")
        and int(str(parts.get("INTERVAL", [1])[0])) > 0
        and str(parts.get("WKST", ["MO"])[0]) == "MO"
    )
    if not simple:
        raise BlackoutError(
            f"{path}: {name!r} must repeat daily or weekly (INTERVAL, COUNT, UNTIL, BYDAY of a "
            f"week), was {dict(parts)}. Next: write its dates as single events."
        )
    return parts


def _candidates(start: Moment, parts: Mapping[str, list[object]]) -> Iterator[Moment]:
    """Yield every start that the rule names, without end, on the wall clock of the event."""
    every = int(str(parts.get("INTERVAL", [1])[0]))
    if str(parts["FREQ"][0]).upper() == "DAILY":
        while True:
            yield start
            start += timedelta(days=every)
    named = sorted(_WEEKDAYS.index(str(day)) for day in parts.get("BYDAY", []))
    monday = start - timedelta(days=start.weekday())
    while True:
        for day in named or [start.weekday()]:
            moment = monday + timedelta(days=day)
            if moment >= start:
                yield moment
        monday += timedelta(weeks=every)


def _repeats(
    path: Path, name: str, start: Moment, rule: icalendar.vRecur | None, zone: ZoneInfo
) -> Iterator[Moment]:
    """Yield the starts of an event, until its rule ends or the calendars' horizon."""
    if rule is None:
        yield start
        return
    parts = _rule(path, name, rule)
    count = int(str(parts["COUNT"][0])) if "COUNT" in parts else None
    last_ns = moment_ns(datetime.combine(HORIZON_LAST, time.max), zone)
    for until in parts.get("UNTIL", []):
        if isinstance(until, datetime):
            last_ns = min(last_ns, moment_ns(until, zone))
        else:  # a date is included
            day = datetime.fromisoformat(str(until))
            last_ns = min(last_ns, moment_ns(datetime.combine(day, time.max), zone))
    for number, moment in enumerate(_candidates(start, parts)):
        if moment_ns(moment, zone) > last_ns or (count is not None and number >= count):
            return
        yield moment


def _left_out(event: icalendar.Component, zone: ZoneInfo) -> set[int]:
    """Return the starts that EXDATE takes out, in UTC."""
    lists = event.get("EXDATE", [])
    lists = lists if isinstance(lists, list) else [lists]
    return {moment_ns(each.dt, zone) for one in lists for each in one.dts}


def _moment(path: Path, name: str, event: icalendar.Component, key: str) -> Moment:
    found: object = getattr(event.get(key), "dt", None)
    if not isinstance(found, Moment):
        raise BlackoutError(f"{path}: {name!r} must have {key} with one time, had {found}.")
    return found


def _length(path: Path, name: str, event: icalendar.Component, start: Moment) -> timedelta:
    """Return how long an event lasts; a date without an end is one day."""
    if "DTEND" in event:
        end = _moment(path, name, event, "DTEND")
        if isinstance(end, datetime) and isinstance(start, datetime):
            if (end.tzinfo is None) is (start.tzinfo is None):
                return end - start
        elif not isinstance(end, datetime) and not isinstance(start, datetime):
            return end - start
        raise BlackoutError(f"{path}: {name!r} must start and end alike, was {start} and {end}.")
    duration: object = getattr(event.get("DURATION"), "dt", None)
    if isinstance(duration, timedelta):
        return duration
    return timedelta(days=0 if isinstance(start, datetime) else 1)


def _from_event(path: Path, event: icalendar.Component, zone: ZoneInfo) -> Iterator[Blackout]:
    name = str(event.get("SUMMARY", "")) or "an event without a summary"
    for key in ("RDATE", "RECURRENCE-ID"):
        if key in event:
            raise BlackoutError(
                f"{path}: {name!r} must be a plain event, had {key}. "
                "Next: write its dates as single events."
            )
    start = _moment(path, name, event, "DTSTART")
    length = _length(path, name, event, start)
    words = str(event.get(SYMBOLS_PROPERTY, "")).replace("\\,", ",").split(",")
    symbols = [word.strip() for word in words if word.strip()]
    rule = event.get("RRULE")
    if rule is not None and not isinstance(rule, icalendar.vRecur):
        raise BlackoutError(f"{path}: {name!r} must have one RRULE, had several.")
    left_out = _left_out(event, zone)
    for moment in _repeats(path, name, start, rule, zone):
        if moment_ns(moment, zone) not in left_out:
            yield window(path, name, (moment, moment + length), zone, symbols)


def read_events(path: Path, time_zone: str) -> list[Blackout]:
    """Read every event of an ICS calendar that is not cancelled.

    Args:
        path: The calendar.
        time_zone: Of times without a zone, unless the calendar has X-WR-TIMEZONE.

    Raises:
        BlackoutError: See ``blackouts.load_blackouts``.
    """
    try:
        calendar = icalendar.Calendar.from_ical(path.read_bytes())
    except (OSError, ValueError, IndexError) as error:
        raise BlackoutError(f"{path} could not be read as an ICS calendar: {error}") from error
    zone = zone_named(path, "", str(calendar.get("X-WR-TIMEZONE", time_zone)))
    found: list[Blackout] = []
    for event in calendar.walk("VEVENT"):
        if str(event.get("STATUS", "")).upper() != "CANCELLED":
            found.extend(_from_event(path, event, zone))
    return found
