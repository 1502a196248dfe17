"""Days, sessions and blackouts as events: the kernel knows no calendar, it is told.

At one instant the order is: sessions close, blackouts end, the day turns, sessions open, blackouts
start. So a blackout that begins as another ends never lets an order through between the two.
"""

from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from typing import Final, TypeAlias
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from interlock.data.blackouts import Blackout
from interlock.data.errors import CalendarError
from interlock.data.instruments import Instrument
from interlock.data.sessions import (
    HORIZON_FIRST,
    HORIZON_LAST,
    Sessions,
    day_of,
    local_ns,
    sessions_between,
    sessions_of,
)
from interlock.data.zones import find_zone
from interlock.kernel.codes import ACCOUNT, Kind
from interlock.kernel.records import Rows, rows

Ints: TypeAlias = NDArray[np.int64]

ACCOUNT_ZONE: Final = "America/Denver"
MIDNIGHT: Final = "midnight"
_ORDER: Final = {
    Kind.SESSION_CLOSE: 0,
    Kind.BLACKOUT_END: 1,
    Kind.DAY: 2,
    Kind.SESSION_OPEN: 3,
    Kind.BLACKOUT_START: 4,
}


def zone_of(name: str) -> ZoneInfo:
    """Return a time zone by its IANA name.

    Raises:
        CalendarError: No such zone.
    """
    zone = find_zone(name)
    if zone is None:
        raise CalendarError(
            f"the time zone must be an IANA name such as {ACCOUNT_ZONE}, was {name!r}."
        )
    return zone


def _time_of_day(session_start: time | str) -> time:
    if isinstance(session_start, time):
        return session_start
    if session_start == MIDNIGHT:
        return time(0)
    try:
        return time.fromisoformat(session_start)
    except ValueError as error:
        raise CalendarError(
            f"session_start must be {MIDNIGHT} or a time like 17:00, was {session_start!r}."
        ) from error


def day_starts_ns(start_ns: int, end_ns: int, *, zone: ZoneInfo, at: time) -> Ints:
    """Return when each local date begins for the account, from ``start_ns`` to ``end_ns``.

    Exactly one per date that exists: where the clock shows ``at`` twice it is the first, where
    it never does it is as long after midnight as it would have been; a date that the zone left
    out altogether has none.

    Args:
        start_ns: UTC, included.
        end_ns: UTC, included.
        zone: Of the account.
        at: Time of day at which its day begins.

    >>> day_starts_ns(0, 86_400 * 10**9, zone=ZoneInfo("UTC"), at=time(12)).tolist()
    [43200000000000]
    """
    first = day_of(start_ns) - timedelta(days=2)
    last = day_of(end_ns) + timedelta(days=2)
    found = {
        local_ns(first + timedelta(days=number), at, zone)
        for number in range((last - first).days + 1)
    }
    return np.array(sorted(ns for ns in found if start_ns <= ns <= end_ns), dtype=np.int64)


def _spans(sessions: Sessions) -> tuple[Ints, Ints]:
    """Return the opens and closes of trading, a session with a midday break being two."""
    pause = sessions.break_start_ns < sessions.close_ns
    opens = np.concatenate([sessions.open_ns, sessions.break_end_ns[pause]])
    closes = np.concatenate(
        [np.where(pause, sessions.break_start_ns, sessions.close_ns), sessions.close_ns[pause]]
    )
    order = np.argsort(opens, kind="stable")
    return opens[order], closes[order]


def _clip(opens: Ints, closes: Ints, start_ns: int, end_ns: int) -> tuple[Ints, Ints]:
    """Return the opens and closes within [start, end]; a span under way opens at the start."""
    alive = (closes > start_ns) & (opens <= end_ns)
    return np.maximum(opens[alive], start_ns), closes[alive][closes[alive] <= end_ns]


def _rows_at(kind: Kind, times: Ints, instrument: int) -> Rows:
    found = rows(len(times))
    found["kind"] = kind
    found["ts_ns"] = times
    found["src_ts_ns"] = times
    found["instrument"] = instrument
    return found


def boundaries(
    instruments: Sequence[Instrument],
    start_ns: int,
    end_ns: int,
    *,
    account_time_zone: str = ACCOUNT_ZONE,
    session_start: time | str = MIDNIGHT,
    blackouts: Sequence[Blackout] = (),
) -> Rows:
    """Return every DAY, SESSION and BLACKOUT event from ``start_ns`` to ``end_ns``.

    Args:
        instruments: Their index is the rows' ``instrument``.
        start_ns: UTC, included. What is open or blacked out by then starts here.
        end_ns: UTC, included.
        account_time_zone: Whose days the account counts losses by.
        session_start: When its day begins: ``midnight``, or a time like 17:00.
        blackouts: Windows without entries; a symbol that is not in the run is passed over.

    Returns:
        Shape (n,), dtype ROW, by ``ts_ns`` and then as this module says. DAY has no instrument;
        every other row has one. ``24/7`` instruments have no sessions. Beyond the horizon
        (``horizon_notes``) no session opens.

    Raises:
        CalendarError: An unknown calendar, zone or time of day.
    """
    assert start_ns <= end_ns
    zone, at = zone_of(account_time_zone), _time_of_day(session_start)
    days = day_starts_ns(start_ns, end_ns, zone=zone, at=at)
    parts = [_rows_at(Kind.DAY, days, ACCOUNT)]
    spans: dict[str, tuple[Ints, Ints]] = {}
    for index, instrument in enumerate(instruments):
        if instrument.always_open:
            continue
        calendar = instrument.calendar
        if calendar not in spans:
            sessions = sessions_of(instrument, start_ns, end_ns)
            spans[calendar] = _clip(*_spans(sessions), start_ns, end_ns)
        opens, closes = spans[calendar]
        parts.append(_rows_at(Kind.SESSION_OPEN, opens, index))
        parts.append(_rows_at(Kind.SESSION_CLOSE, closes, index))
    for blackout in blackouts:
        begins, ends = _clip(
            np.array([blackout.start_ns]), np.array([blackout.end_ns]), start_ns, end_ns
        )
        for index, instrument in enumerate(instruments):
            if not blackout.symbols or instrument.symbol in blackout.symbols:
                parts.append(_rows_at(Kind.BLACKOUT_START, begins, index))
                parts.append(_rows_at(Kind.BLACKOUT_END, ends, index))
    found = np.concatenate(parts)
    place = np.zeros(max(_ORDER) + 1, dtype=np.int64)
    for kind, number in _ORDER.items():
        place[kind] = number
    return found[np.lexsort((found["instrument"], place[found["kind"]], found["ts_ns"]))]


def horizon_notes(instruments: Sequence[Instrument], start_ns: int, end_ns: int) -> tuple[str, ...]:
    """Say which instruments count as closed because their calendar does not reach as far.

    Returns:
        A sentence per calendar; empty if every calendar covers the span.
    """
    notes = []
    for calendar in sorted({one.calendar for one in instruments if not one.always_open}):
        sessions = sessions_between(calendar, start_ns, end_ns)
        first = _date(sessions.day[0]) if len(sessions.day) else HORIZON_LAST
        last = _date(sessions.day[-1]) if len(sessions.day) else HORIZON_FIRST
        # A calendar that knows a year knows a session within any twelve days of it.
        slack = timedelta(days=12)
        if first > day_of(start_ns) + slack or last < day_of(end_ns) - slack:
            symbols = ", ".join(one.symbol for one in instruments if one.calendar == calendar)
            known = f"{first} to {last}" if first <= last else "none of these years"
            notes.append(
                f"{calendar} ({symbols}) is known for {known}; outside, it counts as closed."
            )
    return tuple(notes)


def _date(days: int) -> date:
    return datetime(1970, 1, 1).date() + timedelta(days=int(days))  # noqa: DTZ001 - only a date
