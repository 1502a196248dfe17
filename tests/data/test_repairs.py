"""What --repair does is counted by kind, and what it leaves is sound."""

from pathlib import Path

import pytest

from interlock.data.bars import load_bars
from interlock.data.errors import BarError
from tests.data.makers import HEADER, text_at, write


def check(folder: Path, rows: str, expected: str, **repairs: int) -> None:
    """Repair a file; compare what is left (time and close) and what was counted."""
    path = write(folder, HEADER + "\n" + rows)
    found = load_bars(path, instruments={}, repair=True)
    left = [
        f"{text_at(time)[11:16]} {close:g}"
        for time, close in zip(found.open_ns, found.frame["close"], strict=True)
    ]
    assert left == [part.strip() for part in expected.split("|")]
    assert found.repairs == repairs
    assert len(found.bars) == found.frame.height


def test_rows_are_sorted(tmp_path: Path) -> None:
    check(
        tmp_path,
        """
        2024-01-01 00:10:00,100,101,99,102.5,1
        2024-01-01 00:00:00,100,101,99,100,1
        2024-01-01 00:05:00,100,101,99,101,1
        """,
        "00:00 100 | 00:05 101 | 00:10 101",
        sorted_rows=2,
        clamped_into_range=1,
    )


def test_identical_rows_count_once_and_of_conflicting_ones_the_last(tmp_path: Path) -> None:
    check(
        tmp_path,
        """
        2024-01-01 00:00:00,100,101,99,100,1
        2024-01-01 00:00:00,100,101,99,100,1
        2024-01-01 00:05:00,100,101,99,100,1
        2024-01-01 00:05:00,100,101,99,101,1
        """,
        "00:00 100 | 00:05 101",
        dropped_identical_repeats=1,
        dropped_conflicting_repeats=1,
    )


def test_bad_rows_are_dropped_by_kind(tmp_path: Path) -> None:
    check(
        tmp_path,
        """
        2024-01-01 00:00:00,100,101,99,100,1
        2024-01-01 00:05:00,100,101,99,nan,1
        2024-01-01 00:10:00,100,101,99,x,1
        2024-01-01 00:15:00,100,101,0,100,1
        2024-01-01 00:20:00,100,99,101,100,1
        2024-01-01 00:25:00,100,101,99,100,-1
        later,100,101,99,100,1
        2024-01-01 00:30:00,100,101,99,100,1
        """,
        "00:00 100 | 00:30 100",
        dropped_without_time=1,
        dropped_not_a_number=2,
        dropped_not_positive=1,
        dropped_high_below_low=1,
        dropped_bad_volume=1,
    )


def test_open_and_close_are_moved_into_the_range(tmp_path: Path) -> None:
    check(
        tmp_path,
        """
        2024-01-01 00:00:00,100,101,99,105,1
        2024-01-01 00:05:00,90,101,99,98,1
        """,
        "00:00 101 | 00:05 99",
        clamped_into_range=2,
    )


def test_a_column_without_volume_becomes_unknown_volume(tmp_path: Path) -> None:
    check(
        tmp_path,
        """
        2024-01-01 00:00:00,100,101,99,100,
        2024-01-01 00:05:00,100,101,99,100,
        """,
        "00:00 100 | 00:05 100",
        volume_unknown=2,
    )


def test_few_prices_off_the_grid_are_rounded_onto_it(tmp_path: Path) -> None:
    rows = [f"2024-01-01 00:{n:02}:00,0.25,0.5,0.1,0.25,1" for n in range(50)]
    rows[7] = f"2024-01-01 00:07:00,0.25,0.5,0.1,{0.25 + 1 / 300_000},1"
    path = write(tmp_path, "\n".join([HEADER, *rows]))
    found = load_bars(path, instruments={}, repair=True)
    assert found.instrument.price_digits == 2
    assert found.repairs == {"rounded_prices": 1}
    assert found.close[7] == 25
    assert found.frame["close"][7] == 0.25


def test_a_file_without_a_good_row_stays_refused(tmp_path: Path) -> None:
    path = write(tmp_path, f"{HEADER}\n2024-01-01,1,1,1,nan,1\n2024-01-02,1,1,1,nan,1")
    with pytest.raises(BarError, match=r"nothing was left .dropped_not_a_number 2."):
        load_bars(path, instruments={}, repair=True)


def test_a_good_file_needs_no_repair(tmp_path: Path) -> None:
    path = write(tmp_path, f"{HEADER}\n2024-01-01,1,1,1,1,1\n2024-01-02,1,1,1,1,1")
    plain = load_bars(path, instruments={})
    repaired = load_bars(path, instruments={}, repair=True)
    assert plain.sha256() == repaired.sha256()
    assert repaired.repairs == {}
