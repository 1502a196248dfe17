"""Several instruments in one run are one array, ordered by when each bar closed."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from interlock.data.bars import BarSet
from interlock.data.merge import BAR, merge
from tests.data.makers import HOUR_NS, bars_at, frame_of, instrument, ns, text_at


def set_of(closes: Sequence[int], price: int) -> BarSet:
    """Return a set with these closes and prices that tell the bars apart."""
    bars = np.zeros(len(closes), dtype=BAR)
    bars["close_ns"] = closes
    bars["open_ns"] = np.array(closes) - 1
    bars["close"] = price + np.arange(len(closes))
    return BarSet(
        symbol="X",
        path=Path("x.csv"),
        instrument=instrument("X"),
        period_ns=1,
        bars=bars,
        frame=frame_of([]),
        volume_known=True,
        notes=(),
        repairs={},
    )


def test_an_hour_of_eurusd_and_a_day_of_goog_are_ordered_by_their_close(tmp_path: Path) -> None:
    """The day of GOOG opened first and is known last: after the hour that ends as it does."""
    goog = bars_at(tmp_path, [ns("2024-07-01"), ns("2024-07-02")], "GOOG_1d.parquet")
    hours = [ns("2024-07-01T12:00") + n * HOUR_NS for n in range(10)]
    euro = bars_at(tmp_path, hours, "EURUSD_1h.parquet")

    merged = merge([goog, euro])

    found = [
        f"{text_at(row['close_ns'])[5:16]} {('GOOG', 'EURUSD')[row['instrument']]}"
        for row in merged.bars
    ]
    expected = [f"07-01 {hour}:00 EURUSD" for hour in range(13, 23)] + ["07-02 20:00 GOOG"]
    assert found == [*expected[:7], "07-01 20:00 GOOG", *expected[7:]]
    assert merged.bars[merged.positions[0]]["close_ns"].tolist() == goog.close_ns.tolist()
    assert merged.bars[merged.positions[1]]["open_ns"].tolist() == hours


def test_one_instrument_is_not_copied() -> None:
    only = set_of([1, 2, 3], price=10)
    merged = merge([only])
    assert merged.bars is only.bars
    assert merged.bars[merged.positions[0]]["close"].tolist() == [10, 11, 12]


closes = st.lists(st.integers(0, 30), min_size=1, max_size=30, unique=True).map(sorted)


@given(st.lists(closes, min_size=1, max_size=6) | closes.map(lambda times: [times] * 3))
def test_the_merge_is_the_stable_sort_of_all_bars(lists: list[list[int]]) -> None:
    sets = [set_of(times, price=1_000 * index) for index, times in enumerate(lists)]

    merged = merge(sets)

    expected = sorted(
        (time, index, 1_000 * index + number)
        for index, times in enumerate(lists)
        for number, time in enumerate(times)
    )
    rows = merged.bars
    found = zip(
        rows["close_ns"].tolist(), rows["instrument"].tolist(), rows["close"].tolist(), strict=True
    )
    assert list(found) == expected
    for index, (each, position) in enumerate(zip(sets, merged.positions, strict=True)):
        assert rows[position]["close"].tolist() == each.close.tolist()
        assert set(rows[position]["instrument"].tolist()) == {index}


def test_sets_are_not_changed_by_a_merge() -> None:
    first, second = set_of([1, 3], price=10), set_of([2, 3], price=20)
    before = [first.sha256(), second.sha256()]
    merge([first, second])
    assert [first.sha256(), replace(second).sha256()] == before
