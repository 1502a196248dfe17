"""Windows without entries come from YAML or ICS, with time zones, and mistakes are named."""

from pathlib import Path

import pytest

from interlock.data.blackouts import load_blackouts
from interlock.data.errors import BlackoutError
from tests.data.makers import text_at

YAML = """
version: 1
time_zone: America/New_York
blackouts:
  - name: FOMC
    start: 2024-01-31 13:30
    end: 2024-01-31 15:00:00
    symbols: [SPY, QQQ]
"""


def check(path: Path, table: str, **options: str) -> None:
    """Compare every window of a file: from, to, name, symbols."""
    lines = [
        " ".join([text_at(one.start_ns)[:16], text_at(one.end_ns)[:16], one.name, *one.symbols])
        for one in load_blackouts(path, **options)
    ]
    assert [line.strip() for line in lines] == [line.strip() for line in table.strip().split("\n")]


def yaml_file(folder: Path, text: str) -> Path:
    path = folder / "blackouts.yaml"
    path.write_text(text)
    return path


def ics_file(folder: Path, *events: str, head: str = "") -> Path:
    path = folder / "blackouts.ics"
    parts = ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:test", *head.split()]
    for event in events:
        parts += ["BEGIN:VEVENT", "UID:1", "DTSTAMP:20240101T000000Z"]
        parts += [line.strip() for line in event.strip().splitlines()]
        parts += ["END:VEVENT"]
    path.write_text("\r\n".join([*parts, "END:VCALENDAR", ""]))
    return path


def refused(path: Path, *words: str) -> None:
    with pytest.raises(BlackoutError) as caught:
        load_blackouts(path)
    for word in (str(path), *words):
        assert word in str(caught.value)


def test_windows_are_read_in_their_own_time_zone(tmp_path: Path) -> None:
    more = """
  - {name: earnings, day: 2024-07-30, symbols: [GOOG]}
  - {name: London, start: 2024-07-30T09:00, end: 2024-07-30T09:30, time_zone: Europe/London}
  - {name: exact, start: "2024-01-01T00:00:00Z", end: "2024-01-01T01:00:00+00:00"}
  - {name: typed, start: 2024-01-02 00:00:00-05:00, end: 2024-01-02 01:00:00-05:00}
"""
    check(
        yaml_file(tmp_path, YAML + more),
        """
        2024-01-01 00:00 2024-01-01 01:00 exact
        2024-01-02 05:00 2024-01-02 06:00 typed
        2024-01-31 18:30 2024-01-31 20:00 FOMC SPY QQQ
        2024-07-30 04:00 2024-07-31 04:00 earnings GOOG
        2024-07-30 08:00 2024-07-30 08:30 London
        """,
    )


def test_a_mistake_in_yaml_is_named(tmp_path: Path) -> None:
    def check_refused(old: str, new: str, *words: str) -> None:
        assert old in YAML
        refused(yaml_file(tmp_path, YAML.replace(old, new)), *words)

    check_refused("symbols:", "symbol:", "blackouts.0.symbol", "not permitted")
    check_refused("15:00:00", "13:00:00", "'FOMC' must end after")
    check_refused("    end: 2024-01-31 15:00:00\n", "", "either day, or start and end")
    check_refused("name: FOMC", "name: FOMC\n    day: 2024-01-31", "either day, or start and end")
    check_refused("2024-01-31 13:30", "2024-01-31", "blackouts.0.start", "a date with a time")
    check_refused("2024-01-31 13:30", "20240131", "blackouts.0.start", "a date with a time")
    check_refused("America/New_York", "New York", "time_zone must be an IANA name", "'New York'")
    check_refused("version: 1", "version: 3", "version", "was 3")
    check_refused("version: 1", "version: [", "could not be read as YAML")


def test_events_are_read_with_zones_days_and_durations(tmp_path: Path) -> None:
    path = ics_file(
        tmp_path,
        """
        SUMMARY:UTC
        DTSTART:20240131T180000Z
        DTEND:20240131T190000Z
        X-INTERLOCK-SYMBOLS:SPY\\, QQQ
        """,
        """
        SUMMARY:zoned
        DTSTART;TZID=America/New_York:20240731T133000
        DURATION:PT90M
        """,
        """
        SUMMARY:floating
        DTSTART:20240801T100000
        DTEND:20240801T110000
        """,
        """
        SUMMARY:day
        DTSTART;VALUE=DATE:20240901
        """,
        """
        SUMMARY:days
        DTSTART;VALUE=DATE:20240910
        DTEND;VALUE=DATE:20240912
        """,
        """
        SUMMARY:called off
        STATUS:CANCELLED
        DTSTART:20240131T180000Z
        """,
    )
    table = """
        2024-01-31 18:00 2024-01-31 19:00 UTC SPY QQQ
        2024-07-31 17:30 2024-07-31 19:00 zoned
        2024-08-01 16:00 2024-08-01 17:00 floating
        2024-09-01 06:00 2024-09-02 06:00 day
        2024-09-10 06:00 2024-09-12 06:00 days
        """
    check(path, table, time_zone="America/Denver")


def test_a_calendar_may_name_its_own_zone(tmp_path: Path) -> None:
    path = ics_file(
        tmp_path,
        "SUMMARY:floating\nDTSTART:20240801T100000\nDTEND:20240801T110000",
        head="X-WR-TIMEZONE:Europe/Berlin",
    )
    check(path, "2024-08-01 08:00 2024-08-01 09:00 floating")


def test_a_recurring_event_keeps_its_hour_over_summer_time(tmp_path: Path) -> None:
    path = ics_file(
        tmp_path,
        """
        SUMMARY:oil
        DTSTART;TZID=America/New_York:20240306T103000
        DTEND;TZID=America/New_York:20240306T104500
        RRULE:FREQ=WEEKLY;COUNT=3
        EXDATE;TZID=America/New_York:20240313T103000
        """,
        """
        SUMMARY:two days
        DTSTART;TZID=America/New_York:20240402T090000
        DURATION:PT5M
        RRULE:FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,TU;UNTIL=20240416T235959Z
        """,
        """
        SUMMARY:daily
        DTSTART;VALUE=DATE:20240501
        RRULE:FREQ=DAILY;INTERVAL=2;UNTIL=20240503
        """,
    )
    check(
        path,
        """
        2024-03-06 15:30 2024-03-06 15:45 oil
        2024-03-20 14:30 2024-03-20 14:45 oil
        2024-04-02 13:00 2024-04-02 13:05 two days
        2024-04-15 13:00 2024-04-15 13:05 two days
        2024-04-16 13:00 2024-04-16 13:05 two days
        2024-05-01 06:00 2024-05-02 06:00 daily
        2024-05-03 06:00 2024-05-04 06:00 daily
        """,
    )


def test_an_event_without_end_repeats_to_the_horizon(tmp_path: Path) -> None:
    path = ics_file(tmp_path, "DTSTART:20270101T000000\nDURATION:PT1H\nRRULE:FREQ=DAILY")
    found = load_blackouts(path)
    assert len(found) == 365
    assert found[0].name == "an event without a summary"


@pytest.mark.parametrize(
    ("event", "words"),
    [
        ("DTSTART:20240101T000000Z\nRRULE:FREQ=MONTHLY", "daily or weekly"),
        ("DTSTART:20240101T000000Z\nRRULE:FREQ=WEEKLY;BYDAY=1MO", "daily or weekly"),
        ("DTSTART:20240101T000000Z\nRRULE:FREQ=DAILY;BYHOUR=3", "daily or weekly"),
        ("DTSTART:20240101T000000Z\nRDATE:20240102T000000Z", "had RDATE"),
        ("DTSTART:20240101T000000Z", "must end after"),
        ("DTSTART:20240101T010000Z\nDTEND:20240101T000000Z", "must end after"),
        ("DTSTART:20240101T010000Z\nDTEND;VALUE=DATE:20240102", "start and end alike"),
        ("SUMMARY:nothing", "'nothing' must have DTSTART"),
    ],
)
def test_an_event_that_is_not_simple_is_refused(tmp_path: Path, event: str, words: str) -> None:
    refused(ics_file(tmp_path, event), words)


def test_only_yaml_and_ics_are_read(tmp_path: Path) -> None:
    refused(tmp_path / "a.csv", "must be a .yaml, .yml or .ics file")
    refused(tmp_path / "a.yaml", "could not be read as YAML")
    refused(tmp_path / "a.ics", "could not be read as an ICS calendar")
    (tmp_path / "b.ics").write_text("hello")
    refused(tmp_path / "b.ics", "could not be read as an ICS calendar")
