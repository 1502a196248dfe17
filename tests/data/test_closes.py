"""A bar happens when it closes; where that is depends on its period and on its exchange."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from interlock.data.bars import BarSet, load_bars
from interlock.data.errors import BarError
from interlock.data.merge import BAR
from interlock.data.periods import find_period, set_closes
from tests.data.makers import (
    DAY_NS,
    HOUR_NS,
    MINUTE_NS,
    bars_at,
    frame_of,
    instrument,
    ns,
    text_at,
)

FILE = Path("bars.csv")


def check(folder: Path, name: str, table: str) -> BarSet:
    """Read flat bars stamped as in the first column; the others are their open and close."""
    rows = [[part.strip() for part in line.split("|")] for line in table.strip().splitlines()]
    found = bars_at(folder, [ns(row[0]) for row in rows], name)
    opens = [text_at(value)[:16] for value in found.open_ns]
    closes = [text_at(value)[:16] for value in found.close_ns]
    assert list(zip(opens, closes, strict=True)) == [(row[1], row[2]) for row in rows]
    return found


def test_a_coin_bar_closes_one_period_later(tmp_path: Path) -> None:
    found = check(
        tmp_path,
        "BTC_USDT-5m.parquet",
        """
        2024-01-01 00:00 | 2024-01-01 00:00 | 2024-01-01 00:05
        2024-01-01 00:05 | 2024-01-01 00:05 | 2024-01-01 00:10
        2024-01-01 00:20 | 2024-01-01 00:20 | 2024-01-01 00:25
        2024-01-01 00:25 | 2024-01-01 00:25 | 2024-01-01 00:30
        """,
    )
    gap = "Gaps: 1 (about 2 bars missing); the longest, 15 min, follows 2024-01-01 00:05:00Z."
    assert gap in found.notes


def test_a_daily_coin_bar_closes_at_midnight(tmp_path: Path) -> None:
    check(
        tmp_path,
        "BTC_USDT-1d.parquet",
        """
        2024-01-01 00:00 | 2024-01-01 00:00 | 2024-01-02 00:00
        2024-01-02 00:00 | 2024-01-02 00:00 | 2024-01-03 00:00
        """,
    )


def test_a_bar_never_outlives_the_next_ones_open(tmp_path: Path) -> None:
    check(
        tmp_path,
        "BTC_USDT-5m.parquet",
        """
        2024-01-01 00:00 | 2024-01-01 00:00 | 2024-01-01 00:05
        2024-01-01 00:05 | 2024-01-01 00:05 | 2024-01-01 00:08
        2024-01-01 00:08 | 2024-01-01 00:08 | 2024-01-01 00:13
        2024-01-01 00:13 | 2024-01-01 00:13 | 2024-01-01 00:18
        """,
    )


def test_a_daily_share_bar_is_its_session_over_holidays_half_days_and_summer_time(
    tmp_path: Path,
) -> None:
    """Thanksgiving 2024 is no session, the day after ends at 13:00, New York."""
    found = check(
        tmp_path,
        "GOOG_1d.parquet",
        """
        2024-10-31 00:00 | 2024-10-31 13:30 | 2024-10-31 20:00
        2024-11-01 00:00 | 2024-11-01 13:30 | 2024-11-01 20:00
        2024-11-04 00:00 | 2024-11-04 14:30 | 2024-11-04 21:00
        2024-11-05 00:00 | 2024-11-05 14:30 | 2024-11-05 21:00
        2024-11-06 00:00 | 2024-11-06 14:30 | 2024-11-06 21:00
        2024-11-07 00:00 | 2024-11-07 14:30 | 2024-11-07 21:00
        2024-11-08 00:00 | 2024-11-08 14:30 | 2024-11-08 21:00
        2024-11-27 00:00 | 2024-11-27 14:30 | 2024-11-27 21:00
        2024-11-29 00:00 | 2024-11-29 14:30 | 2024-11-29 18:00
        """,
    )
    assert any(note.startswith("Gaps: 1 (about 12 bars missing)") for note in found.notes)


def test_a_daily_bar_may_be_stamped_at_local_midnight(tmp_path: Path) -> None:
    check(
        tmp_path,
        "GOOG_1d.parquet",
        """
        2024-07-01 04:00 | 2024-07-01 13:30 | 2024-07-01 20:00
        2024-07-02 04:00 | 2024-07-02 13:30 | 2024-07-02 20:00
        2024-07-03 04:00 | 2024-07-03 13:30 | 2024-07-03 17:00
        """,
    )


def test_a_daily_bar_of_a_closed_day_is_said(tmp_path: Path) -> None:
    found = check(
        tmp_path,
        "GOOG_1d.parquet",
        """
        2024-07-03 00:00 | 2024-07-03 13:30 | 2024-07-03 17:00
        2024-07-04 00:00 | 2024-07-04 00:00 | 2024-07-05 00:00
        2024-07-05 00:00 | 2024-07-05 13:30 | 2024-07-05 20:00
        """,
    )
    assert any("1 of 3 bars lie outside the sessions of XNYS" in note for note in found.notes)


def test_two_daily_bars_of_one_session_are_refused(tmp_path: Path) -> None:
    times = ["2024-07-01T04:00", "2024-07-02T04:00", "2024-07-03T04:00", "2024-07-03T13:30"]
    frame_of([ns(time) for time in times]).write_parquet(tmp_path / "GOOG.parquet")
    with pytest.raises(BarError, match=r"row 4: .* another session"):
        load_bars(tmp_path / "GOOG.parquet", instruments={})


def test_an_hour_bar_begins_and_ends_with_its_session(tmp_path: Path) -> None:
    """The hour bar stamped 09:00 in New York holds 09:30 to 10:00; a half-day ends at 13:00."""
    found = check(
        tmp_path,
        "SPY_1h.parquet",
        """
        2024-07-03 13:00 | 2024-07-03 13:30 | 2024-07-03 14:00
        2024-07-03 14:00 | 2024-07-03 14:00 | 2024-07-03 15:00
        2024-07-03 15:00 | 2024-07-03 15:00 | 2024-07-03 16:00
        2024-07-03 16:00 | 2024-07-03 16:00 | 2024-07-03 17:00
        2024-07-05 13:00 | 2024-07-05 13:30 | 2024-07-05 14:00
        2024-07-05 14:00 | 2024-07-05 14:00 | 2024-07-05 15:00
        2024-07-05 15:00 | 2024-07-05 15:00 | 2024-07-05 16:00
        2024-07-05 16:00 | 2024-07-05 16:00 | 2024-07-05 17:00
        2024-07-05 19:30 | 2024-07-05 19:30 | 2024-07-05 20:00
        """,
    )
    assert "3 bars were cut to the session's open or close." in found.notes
    assert found.frame["ts"].dt.hour()[0] == 13  # the file's own stamp stays in the frame
    assert any(note.startswith("Gaps: 1 (about 2 bars") for note in found.notes)  # nights do not


def test_extended_hours_stay_as_they_are_stamped(tmp_path: Path) -> None:
    found = check(
        tmp_path,
        "SPY_1h.parquet",
        """
        2024-07-05 11:00 | 2024-07-05 11:00 | 2024-07-05 12:00
        2024-07-05 12:00 | 2024-07-05 12:00 | 2024-07-05 13:00
        2024-07-05 13:00 | 2024-07-05 13:00 | 2024-07-05 14:00
        2024-07-05 14:00 | 2024-07-05 14:00 | 2024-07-05 15:00
        """,
    )
    assert any("2 of 4 bars lie outside" in note for note in found.notes)


def test_currencies_close_for_the_weekend_in_new_york(tmp_path: Path) -> None:
    """Friday 17:00 in New York is 22:00 UTC in winter and 21:00 in summer."""
    found = check(
        tmp_path,
        "EURUSD_4h.parquet",
        """
        2024-03-08 12:00 | 2024-03-08 12:00 | 2024-03-08 16:00
        2024-03-08 16:00 | 2024-03-08 16:00 | 2024-03-08 20:00
        2024-03-08 20:00 | 2024-03-08 20:00 | 2024-03-08 22:00
        2024-03-10 20:00 | 2024-03-10 21:00 | 2024-03-11 00:00
        2024-03-11 00:00 | 2024-03-11 00:00 | 2024-03-11 04:00
        2024-03-15 20:00 | 2024-03-15 20:00 | 2024-03-15 21:00
        """,
    )
    assert any(note.startswith("Gaps: 1 ") for note in found.notes)  # the weekends are none


def test_weekly_bars_close_with_the_next_ones_open(tmp_path: Path) -> None:
    check(
        tmp_path,
        "SPY_1w.parquet",
        """
        2024-01-01 00:00 | 2024-01-01 00:00 | 2024-01-08 00:00
        2024-01-08 00:00 | 2024-01-08 00:00 | 2024-01-15 00:00
        """,
    )


def test_a_file_of_several_periods_is_said(tmp_path: Path) -> None:
    steps = [1, 1, 1, 5, 5, 2, 3, 4]
    times = np.cumsum([0, *steps]) * MINUTE_NS + ns("2024-01-01")
    found = bars_at(tmp_path, times.tolist())
    assert found.period_ns == MINUTE_NS
    assert "Only 38% of the steps are that long: the file mixes periods." in found.notes


def test_the_first_bars_do_not_speak_for_all() -> None:
    early, late = np.arange(3_000) * DAY_NS, 4_000 * DAY_NS + np.arange(9_000) * HOUR_NS
    period_ns, share = find_period(FILE, np.concatenate([early, late]))
    assert period_ns == HOUR_NS
    assert share > 0.7


@given(
    first=st.integers(ns("1998-01-02") // MINUTE_NS, ns("2026-12-01") // MINUTE_NS),
    steps=st.lists(st.sampled_from([1, 5, 15, 60, 240, 1440, 4000]), min_size=2, max_size=60),
    period=st.sampled_from([1, 5, 15, 60, 240, 1440]),
    symbol=st.sampled_from(["BTC_USDT", "EURUSD", "SPY", "6EH4"]),
)
def test_bars_never_overlap_and_never_end_before_they_begin(
    first: int, steps: list[int], period: int, symbol: str
) -> None:
    """Whatever the stamps, the period and the calendar: open < close <= the next open."""
    stamps = np.cumsum([first, *steps]) * MINUTE_NS
    bars = np.zeros(len(stamps), dtype=BAR)
    bars["open_ns"] = stamps
    try:
        set_closes(FILE, bars, period * MINUTE_NS, instrument(symbol))
    except BarError as error:
        assert "another session" in str(error)  # noqa: PT017 - allowed, not demanded
        assert period == 1440
        return
    assert (bars["open_ns"] < bars["close_ns"]).all()
    assert (bars["close_ns"][:-1] <= bars["open_ns"][1:]).all()
    if period < 1440:
        assert (bars["close_ns"] <= stamps + period * MINUTE_NS).all()
        assert (bars["open_ns"] >= stamps).all()
