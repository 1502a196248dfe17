"""How long a bar is, when it closed, and what is missing between bars."""

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, TypeAlias
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from interlock.data.errors import BarError
from interlock.data.instruments import WEEK_OPEN, Instrument
from interlock.data.sessions import NS_PER_DAY, Sessions, sessions_of
from interlock.data.ticks import BLOCK_ROWS

Ints: TypeAlias = NDArray[np.int64]

BARS_MIN: Final = 2
SAMPLE_STEPS: Final = 4_096
SHARE_MIXED: Final = 0.5  # of the steps; below it, the file mixes periods
SHARE_OUTSIDE: Final = 0.01  # of the bars; above it, a file has extended hours
_UNITS: Final = (
    (NS_PER_DAY, "d"),
    (3_600 * 10**9, "h"),
    (60 * 10**9, "min"),
    (10**9, "s"),
    (10**6, "ms"),
    (1, "ns"),
)


def span_text(span_ns: int) -> str:
    """Write a span of time in the largest unit it fills.

    >>> span_text(300 * 10**9), span_text(17_100 * 10**9)
    ('5 min', '4.75 h')
    """
    for size, unit in _UNITS:
        if span_ns >= size:
            return f"{span_ns / size:.4g} {unit}"
    return f"{span_ns} ns"


def moment_text(ns: int) -> str:
    """Write a time for people, in UTC.

    >>> moment_text(1_700_000_000 * 10**9)
    '2023-11-14 22:13:20Z'
    """
    moment = datetime.fromtimestamp(ns // 10**9, tz=UTC)
    return moment.strftime("%Y-%m-%d %H:%M:%SZ")


def _share_of(open_ns: Ints, step_ns: int) -> float:
    """Return which part of the steps between bars is ``step_ns``."""
    same = 0
    for begin in range(0, len(open_ns) - 1, BLOCK_ROWS):
        block = open_ns[begin : begin + BLOCK_ROWS + 1]
        same += int(np.count_nonzero(np.diff(block) == step_ns))
    return same / (len(open_ns) - 1)


def find_period(path: Path, open_ns: Ints) -> tuple[int, float]:
    """Return the most frequent step between bars, and its share of all steps.

    Args:
        path: Named in messages.
        open_ns: Shape (n,), strictly rising.

    Returns:
        (nanoseconds, fraction); of several equally frequent steps, the shortest.

    Raises:
        BarError: One bar, from which no period can be told.
    """
    if len(open_ns) < BARS_MIN:
        raise BarError(f"{path} must hold at least 2 bars to tell their period, was 1.")
    steps, counts = np.unique(np.diff(open_ns[:SAMPLE_STEPS]), return_counts=True)
    period_ns = int(steps[np.argmax(counts)])
    share = _share_of(open_ns, period_ns)
    if share < SHARE_MIXED:
        # The first bars may not speak for all: count every step.
        steps, counts = np.unique(np.diff(open_ns), return_counts=True)
        period_ns = int(steps[np.argmax(counts)])
        share = float(counts.max() / counts.sum())
    return period_ns, share


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """What was found while closes were set, for the report.

    Attributes:
        gaps: How many steps are longer than the period, closed hours not counted.
        missing: Bars that would fill them, about.
        gap_ns: The longest of them.
        gap_from_ns: The open of the bar before it.
        outside: Bars outside every session (extended hours, or a day the exchange was closed).
        shortened: Bars cut to their session, at either end.
    """

    gaps: int
    missing: int
    gap_ns: int
    gap_from_ns: int
    outside: int
    shortened: int


def _first_session(sessions: Sessions, times: Ints) -> Ints:
    """Return, for each time, the first session that closes after it; n if none does."""
    return np.searchsorted(sessions.close_ns, times, side="right")


def _within(sessions: Sessions, at: Ints) -> tuple[Ints, Ints]:
    """Return open and close of the sessions ``at``; never, where there is none."""
    never = np.iinfo(np.int64).max
    opens = np.append(sessions.open_ns, never)
    closes = np.append(sessions.close_ns, never)
    return opens[at], closes[at]


def _extended(sessions: Sessions, open_ns: Ints, period_ns: int) -> bool:
    """Whether a file has bars before the open or after the close as a matter of course."""
    sample = open_ns[:: max(1, len(open_ns) // SAMPLE_STEPS)]
    opens, _ = _within(sessions, _first_session(sessions, sample))
    return bool(np.count_nonzero(opens >= sample + period_ns) > SHARE_OUTSIDE * len(sample))


def _set_intraday(bars: NDArray[np.void], period_ns: int, sessions: Sessions | None) -> Timing:
    """Close each bar one period after its open, or sooner: at its session's end or the next bar.

    Without extended hours a bar stamped before the open (an hour bar of 09:00, New York) began
    with the session, at 09:30.
    """
    stamps = bars["open_ns"]
    n = len(stamps)
    extended = sessions is not None and _extended(sessions, stamps, period_ns)
    gaps = missing = outside = shortened = 0
    gap_ns, gap_from_ns = 0, int(stamps[0])
    for begin in range(0, n, BLOCK_ROWS):
        end = min(n, begin + BLOCK_ROWS)
        opens = stamps[begin : end + 1].copy()  # with the next bar's, where there is one
        steps = np.diff(opens)
        open_ns = opens[: end - begin]
        closes = open_ns + period_ns
        long = steps > period_ns
        if sessions is not None:
            at = _first_session(sessions, opens)
            session_open, session_close = _within(sessions, at)
            begins, ends = session_open[: end - begin], session_close[: end - begin]
            inside = begins < closes
            outside += int(np.count_nonzero(~inside))
            cut = inside & (ends < closes)
            late = inside & (begins > open_ns) & (not extended)
            late[: len(steps)] &= begins[: len(steps)] < opens[1:]
            shortened += int(np.count_nonzero(cut | late))
            closes = np.where(cut, ends, closes)
            bars["open_ns"][begin:end] = np.where(late, begins, open_ns)
            long &= (at[1:] == at[:-1])[: len(long)] & inside[: len(long)]
        closes[: len(steps)] = np.minimum(closes[: len(steps)], opens[1:])
        bars["close_ns"][begin:end] = closes
        if long.any():
            gaps += int(np.count_nonzero(long))
            missing += int((steps[long] // period_ns).sum() - np.count_nonzero(long))
            longest = int(np.argmax(np.where(long, steps, 0)))
            if steps[longest] > gap_ns:
                gap_ns, gap_from_ns = int(steps[longest]), int(open_ns[longest])
    return Timing(
        gaps=gaps,
        missing=missing,
        gap_ns=gap_ns,
        gap_from_ns=gap_from_ns,
        outside=outside,
        shortened=shortened,
    )


def _session_days(stamps: Ints, zone: ZoneInfo) -> Ints:
    """Return the date that each stamp means, in days since 1970.

    A stamp at 00:00 UTC is a date. Any other is a moment, and means the date in ``zone``.
    """
    if not (stamps % NS_PER_DAY).any():
        return np.asarray(stamps // NS_PER_DAY)
    moments = (datetime.fromtimestamp(int(ns) // 10**9, tz=zone) for ns in stamps)
    days = [moment.date().toordinal() for moment in moments]  # a row a day: never many
    return np.array(days, dtype=np.int64) - datetime(1970, 1, 1, tzinfo=UTC).toordinal()


def _set_daily(path: Path, bars: NDArray[np.void], sessions: Sessions, zone: ZoneInfo) -> Timing:
    """Give each daily bar its session's open and close; a bar of another day keeps 24 hours."""
    stamps = bars["open_ns"].copy()
    days = _session_days(stamps, zone)
    at = np.minimum(np.searchsorted(sessions.day, days), max(0, len(sessions.day) - 1))
    known = sessions.day[at] == days if len(sessions.day) else np.zeros(len(days), dtype=bool)
    opens, closes = _within(sessions, at)
    open_ns = np.where(known, opens, stamps)
    close_ns = np.where(known, closes, stamps + NS_PER_DAY)
    close_ns[:-1] = np.minimum(close_ns[:-1], open_ns[1:])
    same = np.flatnonzero(close_ns <= open_ns)
    if len(same):
        row = int(same[0])
        raise BarError(
            f"{path} row {row + 2}: each daily bar must be of another session, and "
            f"{moment_text(int(stamps[row + 1]))} is of that of {moment_text(int(stamps[row]))}. "
            "Next: stamp each bar with its session's date."
        )
    bars["open_ns"] = open_ns
    bars["close_ns"] = close_ns
    steps = np.diff(at[known]) - 1
    gaps = int(np.count_nonzero(steps > 0))
    longest = int(np.argmax(steps)) if gaps else 0
    first = stamps[known][longest : longest + 2]
    return Timing(
        gaps=gaps,
        missing=int(steps[steps > 0].sum()) if gaps else 0,
        gap_ns=int(first[1] - first[0]) if gaps else 0,
        gap_from_ns=int(first[0]) if gaps else int(stamps[0]),
        outside=int(np.count_nonzero(~known)),
        shortened=0,
    )


def set_closes(
    path: Path, bars: NDArray[np.void], period_ns: int, instrument: Instrument
) -> Timing:
    """Write ``close_ns``, and correct ``open_ns`` where a stamp is not yet the open.

    Args:
        path: Named in messages.
        bars: Shape (n,), ``open_ns`` as stamped, strictly rising; written.
        period_ns: Of one bar.
        instrument: Its calendar decides the closes of daily bars and the ends of sessions.

    Raises:
        BarError: Two daily bars of one session.
        CalendarError: The instrument's calendar is unknown.
    """
    if instrument.always_open or period_ns > NS_PER_DAY:
        return _set_intraday(bars, period_ns, None)
    first, last = int(bars["open_ns"][0]), int(bars["open_ns"][-1]) + period_ns
    sessions = sessions_of(instrument, first, last)
    if period_ns == NS_PER_DAY and instrument.calendar != WEEK_OPEN:
        return _set_daily(path, bars, sessions, ZoneInfo(instrument.time_zone))
    return _set_intraday(bars, period_ns, sessions)


def timing_notes(timing: Timing, instrument: Instrument, bars: int) -> list[str]:
    """Say in sentences what is missing and what was cut."""
    notes = []
    if timing.gaps:
        notes.append(
            f"Gaps: {timing.gaps:,} (about {timing.missing:,} bars missing); the longest, "
            f"{span_text(timing.gap_ns)}, follows {moment_text(timing.gap_from_ns)}."
        )
    if timing.outside:
        notes.append(
            f"{timing.outside:,} of {bars:,} bars lie outside the sessions of "
            f"{instrument.calendar} (extended hours, holidays, or years its calendar lacks)."
        )
    if timing.shortened:
        notes.append(f"{timing.shortened:,} bars were cut to the session's open or close.")
    return notes
