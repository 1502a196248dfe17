"""When an exchange is open, as arrays: exchange_calendars, and the week of currencies."""

import warnings
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from typing import Final, TypeAlias
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from interlock.data.errors import CalendarError
from interlock.data.instruments import ALWAYS_OPEN, WEEK_OPEN, Instrument
from interlock.kernel.units import NS_PER_SECOND

Ints: TypeAlias = NDArray[np.int64]

NS_PER_DAY: Final = 86_400 * NS_PER_SECOND
# What may be asked of the calendars. Holidays are known by rule until the last day; after it an
# exchange counts as closed, because to be shut out is safer than to trade on a holiday.
HORIZON_FIRST: Final = date(1970, 1, 1)
HORIZON_LAST: Final = date(2027, 12, 31)
NEW_YORK: Final = ZoneInfo("America/New_York")
WEEK_TURNS: Final = time(17)  # in New York; the currencies' day ends and begins
_SUNDAY: Final = 6
_EPOCH: Final = date(1970, 1, 1)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Sessions:
    """The sessions of one calendar, oldest first, none overlapping.

    Attributes:
        day: Shape (n,). Days since 1970-01-01 of the session's own date.
        open_ns: Shape (n,). UTC.
        close_ns: Shape (n,). UTC; early closes as they were.
        break_start_ns: Shape (n,). UTC, of the midday break; equal to ``close_ns`` without one.
        break_end_ns: Shape (n,). UTC; equal to ``close_ns`` without one.
    """

    day: Ints
    open_ns: Ints
    close_ns: Ints
    break_start_ns: Ints
    break_end_ns: Ints


def utc_ns(moment: datetime) -> int:
    """Return a moment as nanoseconds since 1970, exactly.

    >>> utc_ns(datetime(1970, 1, 2, tzinfo=UTC))
    86400000000000
    """
    assert moment.tzinfo is not None
    span = moment - datetime(1970, 1, 1, tzinfo=UTC)
    return ((span.days * 86_400 + span.seconds) * 10**6 + span.microseconds) * 1_000


def local_ns(day: date, at: time, zone: ZoneInfo) -> int:
    """Return when a wall clock shows a time: the first time if twice, moved on if never."""
    return utc_ns(datetime.combine(day, at, tzinfo=zone).astimezone(UTC))


def day_of(ns: int) -> date:
    """Return the date in UTC."""
    return _EPOCH + timedelta(days=ns // NS_PER_DAY)


def _week_sessions(first: date, last: date) -> Sessions:
    """Return Sunday 17:00 to Friday 17:00 in New York, one session a week."""
    sunday = first - timedelta(days=(first.weekday() - _SUNDAY) % 7)
    opens, closes, days = [], [], []
    while sunday <= last:
        opens.append(local_ns(sunday, WEEK_TURNS, NEW_YORK))
        closes.append(local_ns(sunday + timedelta(days=5), WEEK_TURNS, NEW_YORK))
        days.append((sunday - _EPOCH).days)
        sunday += timedelta(days=7)
    close_ns = np.array(closes, dtype=np.int64)
    return Sessions(
        day=np.array(days, dtype=np.int64),
        open_ns=np.array(opens, dtype=np.int64),
        close_ns=close_ns,
        break_start_ns=close_ns,
        break_end_ns=close_ns,
    )


def _empty() -> Sessions:
    none = np.empty(0, dtype=np.int64)
    return Sessions(day=none, open_ns=none, close_ns=none, break_start_ns=none, break_end_ns=none)


@cache
def _exchange_sessions(calendar: str, year_first: int, year_last: int) -> Sessions:
    with warnings.catch_warnings():
        # exchange_calendars 4.13 uses what pandas 3.1 will remove; its answers are tested.
        warnings.simplefilter("ignore")
        import exchange_calendars  # noqa: PLC0415 - it brings pandas, and many runs need neither

        first, last = date(year_first, 1, 1), date(year_last, 12, 31)
        get = exchange_calendars.get_calendar
        try:
            try:
                found = get(calendar, start=first.isoformat(), end=last.isoformat())
            except ValueError:
                # The package knows this exchange for some years only; the class says which.
                kind = type(get(calendar))
                least, most = kind.bound_min(), kind.bound_max()
                first = first if least is None else max(first, least.date())
                last = last if most is None else min(last, most.date())
                if first > last:
                    return _empty()
                found = get(calendar, start=first.isoformat(), end=last.isoformat())
        except exchange_calendars.errors.NoSessionsError:
            return _empty()
        except exchange_calendars.errors.InvalidCalendarName as error:
            raise CalendarError(
                f"the calendar must be {ALWAYS_OPEN}, {WEEK_OPEN} or a name of exchange_calendars "
                f"such as XNYS, CMES or XLON, was {calendar}. "
                "Next: correct it in the instruments file."
            ) from error
        schedule = found.schedule

        def ns(name: str) -> Ints:
            column = schedule[name].dt.tz_convert(None).to_numpy()
            return np.asarray(column.astype("datetime64[ns]").astype(np.int64))

        close_ns = ns("close")
        missing = np.iinfo(np.int64).min
        start, end = ns("break_start"), ns("break_end")
        return Sessions(
            day=np.asarray(schedule.index.to_numpy().astype("datetime64[D]").astype(np.int64)),
            open_ns=ns("open"),
            close_ns=close_ns,
            break_start_ns=np.where(start == missing, close_ns, start),
            break_end_ns=np.where(end == missing, close_ns, end),
        )


def sessions_between(calendar: str, start_ns: int, end_ns: int) -> Sessions:
    """Return the sessions of whole years around a span of time.

    Args:
        calendar: A name of exchange_calendars, or ``24/5``; ``24/7`` has none and is refused.
        start_ns: UTC.
        end_ns: UTC, >= start_ns.

    Returns:
        At least every session that touches the span and lies within the horizon; empty outside.

    Raises:
        CalendarError: No such calendar.
    """
    assert calendar != ALWAYS_OPEN
    assert start_ns <= end_ns
    first = max(HORIZON_FIRST, day_of(start_ns) - timedelta(days=8))
    last = min(HORIZON_LAST, day_of(end_ns) + timedelta(days=8))
    if first > last:
        return _empty()
    if calendar == WEEK_OPEN:
        return _week_sessions(first, last)
    return _exchange_sessions(calendar, first.year, last.year)


def sessions_of(instrument: Instrument, start_ns: int, end_ns: int) -> Sessions:
    """Return ``sessions_between`` for an instrument, and name it in the error.

    Raises:
        CalendarError: No such calendar.
    """
    try:
        return sessions_between(instrument.calendar, start_ns, end_ns)
    except CalendarError as error:
        raise CalendarError(f"{instrument.symbol}: {error}") from error
