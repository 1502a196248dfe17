"""Days, sessions and blackouts reach the kernel as events, right over every change of clocks."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from interlock.data.blackouts import Blackout
from interlock.data.calendars import boundaries, day_starts_ns, horizon_notes
from interlock.data.errors import CalendarError
from interlock.data.sessions import day_of, sessions_between
from interlock.kernel.codes import Kind
from interlock.kernel.records import ROW
from tests.data.makers import DAY_NS, instrument, ns, text_at

ZONES = (
    "America/Denver",
    "America/New_York",
    "America/Sao_Paulo",  # until 2019 its clocks changed at midnight
    "Asia/Tokyo",
    "Australia/Lord_Howe",  # changes by half an hour
    "Europe/London",
    "Pacific/Apia",  # had no 30 December 2011
    "UTC",
)


def check(
    symbols: Sequence[str],
    start: str,
    end: str,
    table: str,
    *,
    days: bool = True,
    **options: object,
) -> None:
    """Compare every boundary of a span, with or without its days: when, what, for whom."""
    instruments = [instrument(symbol) for symbol in symbols]
    found = boundaries(instruments, ns(start), ns(end), **options)  # type: ignore[arg-type]
    assert found.dtype == ROW
    assert (found["src_ts_ns"] == found["ts_ns"]).all()
    assert (found["version"] == 1).all()
    lines = []
    for row in found:
        whom = "account" if row["instrument"] < 0 else symbols[row["instrument"]]
        if days or row["kind"] != Kind.DAY:
            lines.append(f"{text_at(row['ts_ns'])[:16]} {Kind(row['kind']).name} {whom}")
    assert lines == [line.strip() for line in table.strip().splitlines()]


def blackout(start: str, end: str, *symbols: str) -> Blackout:
    return Blackout(name="news", start_ns=ns(start), end_ns=ns(end), symbols=symbols)


def test_a_week_with_a_half_day_and_a_holiday() -> None:
    """3 July 2024 ends at 13:00 and 4 July is none; days are of the account in Denver."""
    check(
        ["SPY", "BTC_USDT"],
        "2024-07-02T21:00",
        "2024-07-05T14:00",
        """
        2024-07-03 06:00 DAY account
        2024-07-03 13:30 SESSION_OPEN SPY
        2024-07-03 17:00 SESSION_CLOSE SPY
        2024-07-04 06:00 DAY account
        2024-07-05 06:00 DAY account
        2024-07-05 13:30 SESSION_OPEN SPY
        """,
    )


def test_a_session_under_way_opens_at_the_start() -> None:
    check(
        ["SPY"],
        "2024-07-02T15:00",
        "2024-07-02T20:00",
        """
        2024-07-02 15:00 SESSION_OPEN SPY
        2024-07-02 20:00 SESSION_CLOSE SPY
        """,
    )


def test_a_session_that_ends_at_the_start_is_over() -> None:
    check(["SPY"], "2024-07-02T20:00", "2024-07-02T20:00", "")


def test_currencies_trade_from_sunday_to_friday_in_new_york_over_summer_time() -> None:
    """The clocks changed on 10 March 2024: 17:00 was 22:00 UTC before and 21:00 after."""
    check(
        ["EURUSD"],
        "2024-03-08T20:00",
        "2024-03-16T00:00",
        """
        2024-03-08 20:00 SESSION_OPEN EURUSD
        2024-03-08 22:00 SESSION_CLOSE EURUSD
        2024-03-10 21:00 SESSION_OPEN EURUSD
        2024-03-15 21:00 SESSION_CLOSE EURUSD
        """,
        days=False,
    )


def test_an_exchange_is_closed_over_its_midday_break() -> None:
    hong_kong = replace(instrument("HSI"), calendar="XHKG", time_zone="Asia/Hong_Kong")
    found = boundaries([hong_kong], ns("2024-07-02"), ns("2024-07-02T12:00"))
    sessions = found[found["kind"] != Kind.DAY]
    assert [text_at(value)[11:16] for value in sessions["ts_ns"]] == [
        "01:30",
        "04:00",
        "05:00",
        "08:00",
    ]
    opening = (Kind.SESSION_OPEN, Kind.SESSION_CLOSE)
    assert sessions["kind"].tolist() == [*opening, *opening]


def test_the_account_s_day_may_begin_at_any_hour() -> None:
    check(
        [],
        "2024-03-09T00:00",
        "2024-03-12T00:00",
        """
        2024-03-09 22:00 DAY account
        2024-03-10 21:00 DAY account
        2024-03-11 21:00 DAY account
        """,
        account_time_zone="America/New_York",
        session_start="17:00",
    )


def test_blackouts_start_at_once_and_end_before_others_start() -> None:
    check(
        ["SPY", "BTC_USDT"],
        "2024-07-03T19:00",
        "2024-07-04T06:00",
        """
        2024-07-03 19:00 BLACKOUT_START SPY
        2024-07-03 20:00 BLACKOUT_END SPY
        2024-07-03 20:00 BLACKOUT_START SPY
        2024-07-03 20:00 BLACKOUT_START BTC_USDT
        2024-07-03 21:00 BLACKOUT_END SPY
        2024-07-03 21:00 BLACKOUT_END BTC_USDT
        2024-07-04 06:00 DAY account
        2024-07-04 06:00 BLACKOUT_START BTC_USDT
        """,
        blackouts=[
            blackout("2024-07-03T18:00", "2024-07-03T20:00", "SPY", "QQQ"),
            blackout("2024-07-03T20:00", "2024-07-03T21:00"),
            blackout("2024-07-04T06:00", "2024-07-05T06:00", "BTC_USDT"),
            blackout("2024-07-01T06:00", "2024-07-02T06:00"),
            blackout("2024-07-03T20:00", "2024-07-03T21:00", "QQQ"),
        ],
    )


def test_at_one_instant_sessions_close_then_the_day_turns_then_sessions_open() -> None:
    """17:00 in New York is the end of the account's day and of the currencies' week."""
    check(
        ["EURUSD"],
        "2024-07-05T21:00",
        "2024-07-07T21:00",
        """
        2024-07-05 21:00 DAY account
        2024-07-06 21:00 DAY account
        2024-07-07 21:00 DAY account
        2024-07-07 21:00 SESSION_OPEN EURUSD
        """,
        account_time_zone="America/New_York",
        session_start=time(17),
    )
    check(
        ["EURUSD"],
        "2024-07-05T20:00",
        "2024-07-05T21:00",
        """
        2024-07-05 20:00 SESSION_OPEN EURUSD
        2024-07-05 21:00 SESSION_CLOSE EURUSD
        2024-07-05 21:00 DAY account
        """,
        account_time_zone="America/New_York",
        session_start=time(17),
    )


@given(
    zone=st.sampled_from(ZONES),
    first=st.dates(date(1990, 1, 1), date(2027, 1, 1)),
    days=st.integers(1, 400),
    at=st.sampled_from([time(0), time(2, 30), time(17), time(23, 59)]),
)
def test_every_local_date_begins_exactly_once(zone: str, first: date, days: int, at: time) -> None:
    """Over every change of clocks there is one DAY per date of the zone: not two, not none."""
    start_ns = (first - date(1970, 1, 1)).days * DAY_NS
    end_ns = start_ns + days * DAY_NS

    found = day_starts_ns(start_ns, end_ns, zone=ZoneInfo(zone), at=at)

    local = [datetime.fromtimestamp(value / 1e9, tz=ZoneInfo(zone)) for value in found.tolist()]
    dates = [moment.date() for moment in local]
    assert (np.diff(found) > 0).all()
    assert ((found >= start_ns) & (found <= end_ns)).all()
    assert len(set(dates)) == len(dates)
    left_out = {date(2011, 12, 30)} if zone == "Pacific/Apia" else set()
    between = (local[-1].date() - local[0].date()).days + 1 if local else 0
    expected = {dates[0] + timedelta(days=n) for n in range(between)} if local else set()
    assert set(dates) == expected - left_out
    assert days - 1 <= len(dates) + len(left_out & expected) <= days + 1


def test_the_calendar_of_the_exchange_is_what_the_instrument_says() -> None:
    wrong = replace(instrument("SPY"), calendar="NYSE-ish")
    with pytest.raises(CalendarError, match=r"SPY: the calendar must be .* was NYSE-ish"):
        boundaries([wrong], ns("2024-07-02"), ns("2024-07-03"))
    with pytest.raises(CalendarError, match=r"IANA name .* was 'Denver'"):
        boundaries([], 0, 1, account_time_zone="Denver")
    with pytest.raises(CalendarError, match="was 'noon'"):
        boundaries([], 0, 1, session_start="noon")


def test_beyond_the_horizon_an_exchange_is_closed_and_it_is_said() -> None:
    check(["SPY", "EURUSD"], "2031-07-02", "2031-07-10", "", days=False)
    instruments = [instrument(one) for one in ("SPY", "EURUSD", "BTC_USDT")]
    notes = horizon_notes(instruments, ns("2027-06-01"), ns("2031-01-01"))
    assert notes[0].startswith("24/5 (EURUSD) is known for 2027-05-23 to 2027-12-")
    assert notes[1].startswith("XNYS (SPY) is known for 2027-01-04 to 2027-12-31; outside")
    assert horizon_notes(instruments, ns("2031-01-01"), ns("2031-02-01"))[1] == (
        "XNYS (SPY) is known for none of these years; outside, it counts as closed."
    )
    assert horizon_notes(instruments, ns("1998-01-02"), ns("2026-12-31")) == ()


def test_a_calendar_that_begins_later_is_known_from_then() -> None:
    """exchange_calendars knows Tokyo from 1997 and Hong Kong to 2049."""
    found = sessions_between("XTKS", ns("1990-01-01"), ns("1997-03-01"))
    assert day_of(int(found.open_ns[0])) == date(1997, 1, 6)
    tokyo = replace(instrument("SPY"), calendar="XTKS")
    assert horizon_notes([tokyo], ns("1990-01-01"), ns("1997-03-01"))
    assert len(sessions_between("XTKS", ns("1980-01-01"), ns("1981-01-01")).day) == 0


def test_nothing_is_asked_of_a_calendar_for_coins(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("interlock.data.sessions.sessions_between", None)
    check(["BTC_USDT"], "2024-07-02", "2024-07-03T05:00", "2024-07-02 06:00 DAY account")
