"""Times are recognised by what they are, never guessed, and the recognition is said."""

from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from interlock.data.errors import BarError
from interlock.data.times import UNITS, recognise_times
from tests.data.makers import ns

FILE = Path("bars.csv")


def check(values: list[object], expected: list[str], note: str, **options: object) -> None:
    """Recognise a column; compare the moments (UTC) and the sentence."""
    found = recognise_times(FILE, pl.Series(values), **options)  # type: ignore[arg-type]
    assert found.column.to_physical().to_list() == [ns(text) for text in expected]
    assert note in found.notes[0]


def refused(values: list[object], words: str, **options: object) -> None:
    with pytest.raises(BarError, match=words):
        recognise_times(FILE, pl.Series(values), **options)  # type: ignore[arg-type]


def test_text_is_read_with_and_without_zone() -> None:
    table = """
        2024-01-31                     | 2024-01-31T00:00:00 | taken as UTC
        2024/01/31                     | 2024-01-31T00:00:00 | taken as UTC
        20240131                       | 2024-01-31T00:00:00 | taken as UTC
        2024-01-31 14:30               | 2024-01-31T14:30:00 | taken as UTC
        2024-01-31 14:30:05            | 2024-01-31T14:30:05 | taken as UTC
        2024-01-31T14:30:05            | 2024-01-31T14:30:05 | taken as UTC
        20240131 143005                | 2024-01-31T14:30:05 | taken as UTC
        2024-01-31T14:30:05Z           | 2024-01-31T14:30:05 | in UTC
        2024-01-31 14:30:05 UTC        | 2024-01-31T14:30:05 | in UTC
        2024-01-31 14:30:05+00:00      | 2024-01-31T14:30:05 | offset +00:00
        2024-01-31T14:30:05.000+0000   | 2024-01-31T14:30:05 | offset +0000
        2024-01-31T09:30:05-05:00      | 2024-01-31T14:30:05 | offset -05:00
        2024-01-31 15:30:05 +0100      | 2024-01-31T14:30:05 | offset +0100
        """
    for line in table.strip().splitlines():
        text, expected, note = (part.strip() for part in line.split("|"))
        check([text, text], [expected, expected], note)


def test_fractions_of_a_second_are_kept() -> None:
    found = recognise_times(
        FILE, pl.Series(["2024-01-31 14:30:05", "2024-01-31 14:30:05.123456789"])
    )
    first, second = found.column.to_physical().to_list()
    assert second - first == 123_456_789


def test_times_without_zone_are_of_the_zone_that_is_named() -> None:
    check(
        ["2024-01-31 09:30:00", "2024-07-31 09:30:00"],
        ["2024-01-31T14:30:00", "2024-07-31T13:30:00"],
        "taken as America/New_York",
        time_zone="America/New_York",
    )
    refused(["2024-01-31"], "IANA name", time_zone="Mars/Olympus")


def test_a_time_that_the_clock_skips_or_repeats_is_refused() -> None:
    zone = "America/New_York"
    refused(["2024-03-10 02:30:00"], "row 1.*twice or never", time_zone=zone)
    refused(["2024-01-01 00:00:00", "2024-11-03 01:30:00"], "row 2.*twice", time_zone=zone)


def test_typed_times_keep_their_moment() -> None:
    local = datetime(2024, 7, 1, 9, 30, tzinfo=ZoneInfo("America/New_York"))
    check([local], ["2024-07-01T13:30:00"], "zone")
    check([datetime(2024, 7, 1, 9, 30)], ["2024-07-01T09:30:00"], "UTC")  # noqa: DTZ001
    check([datetime(2024, 7, 1).date()], ["2024-07-01T00:00:00"], "UTC")  # noqa: DTZ001


@given(
    unit=st.sampled_from(sorted(UNITS)),
    moments=st.lists(
        st.datetimes(datetime(1973, 3, 4), datetime(2261, 12, 31)),  # noqa: DTZ001
        min_size=1,
        max_size=5,
    ),
    as_text=st.booleans(),
)
def test_integers_are_told_apart_by_magnitude(
    unit: str, moments: list[datetime], *, as_text: bool
) -> None:
    """Every unit is recognised for every moment from 1973 to 2261, as numbers and as text."""
    seconds = [int(moment.replace(tzinfo=UTC).timestamp()) for moment in moments]
    counts = [second * (10**9 // UNITS[unit][2]) for second in seconds]
    column = pl.Series([str(count) for count in counts] if as_text else counts)

    found = recognise_times(FILE, column)

    assert found.notes == (f"Times are {unit} since 1970, UTC.",)
    assert found.column.to_physical().to_list() == [second * 10**9 for second in seconds]


def test_whole_floats_are_integers() -> None:
    check([1.7e9], ["2023-11-14T22:13:20"], "seconds since 1970")
    refused([1.7e9 + 0.5], "whole numbers")


def test_what_is_no_time_is_refused() -> None:
    refused([0, 1, 2], "at least 10.8, was 0")
    refused([20240131, 20240201], "a date like 20240131 has to be text")
    refused([-5], "at least")
    refused([1_700_000_000, 1_700_000_000_000], "one unit")
    refused([1_700_000_000, None, 90_000_000_000], "before the year 2262")
    refused([None, None], "must be")
    refused(["01/31/2024"], "day/month orders are not guessed")
    refused(["2024-01-31", "2024-02-30"], "row 2.*2024-02-30")
    refused(["2024-01-31", "3024-01-31"], "1970 to 2261")
    refused([datetime(3024, 1, 1)], "1970 to 2261")  # noqa: DTZ001
    refused(["1950-01-03"], "1970 to 2261")
    refused([True, False], "was Boolean")


def test_mixed_zones_are_refused() -> None:
    """A row without a zone among rows with one could mean anything."""
    naive, zulu, east = "2024-01-31 14:30:00", "2024-01-31 14:30:00Z", "2024-01-31 16:30:00+02:00"
    refused([naive, zulu], "row 1 had none.*row 2 had Z")
    refused([zulu, naive], "row 1 had Z.*row 2 had none")
    refused([zulu, naive], "same zone", repair=True)
    refused([zulu, east], r"row 2 had \+02:00")
    refused([east, zulu], "same zone")
    found = recognise_times(FILE, pl.Series([zulu, east]), repair=True)
    assert found.repairs == {"times_of_another_zone": 1}
    assert found.column.n_unique() == 1


def test_summer_and_winter_of_one_zone_are_not_mixed() -> None:
    """What a table in New York time looks like when it is written with offsets."""
    check(
        ["2024-01-31 09:30:00-05:00", "2024-03-11 09:30:00-04:00", "2024-11-04 09:30:00-05:00"],
        ["2024-01-31T14:30:00", "2024-03-11T13:30:00", "2024-11-04T14:30:00"],
        "offsets of America/New_York",
    )
    refused(["2024-01-31 09:30:00-05:00", "2024-02-01 09:30:00-04:00"], "same zone")


def test_an_unreadable_time_is_dropped_only_when_asked() -> None:
    found = recognise_times(FILE, pl.Series(["2024-01-31", "soon"]), repair=True)
    assert found.column.is_null().to_list() == [False, True]
