"""Drawdown, Sharpe ratio and curves, against numbers worked out by hand."""

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from interlock.research.equity import (
    POINTS_MAX,
    daily_returns,
    drawdowns,
    equity_table,
    joined_bars,
    sharpe,
)

DAY = 10


def test_a_drawdown_is_measured_from_the_highest_equity_so_far() -> None:
    fallen = drawdowns(np.array([90, 110, 99, 120, 60]), 100)

    assert fallen.tolist() == [0.1, 0.0, 0.1, 0.0, 0.5]


def test_more_than_everything_can_be_lost() -> None:
    assert drawdowns(np.array([-50]), 100).tolist() == [1.5]


def test_a_day_counts_from_boundary_to_boundary() -> None:
    """Bars close at 5, 10, 15, 25; days begin at 10 and 20; the last day is not over."""
    returns = daily_returns(
        np.array([110, 120, 60, 90]), 100, np.array([5, 10, 15, 25]), np.array([10, 20])
    )

    assert returns is not None
    assert returns.tolist() == pytest.approx([0.2, -0.5, 0.5])


def test_a_day_without_a_bar_is_no_day() -> None:
    """A weekend would be two returns of zero that nobody earned."""
    with_gap = daily_returns(np.array([110, 121]), 100, np.array([5, 45]), np.arange(0, 60, DAY))

    assert with_gap is not None
    assert with_gap.tolist() == pytest.approx([0.1, 0.1])


def test_returns_of_an_account_that_was_ever_empty_mean_nothing() -> None:
    assert daily_returns(np.array([0, 50]), 100, np.array([5, 15]), np.array([10])) is None


def test_the_sharpe_ratio_is_that_of_a_worked_example() -> None:
    """Mean 0.01, deviation 0.02 (of a sample of 0.03, -0.01, 0.01), so 0.5 a day."""
    assert sharpe(np.array([0.03, -0.01, 0.01]), 256) == pytest.approx(0.5 * 16)


@pytest.mark.parametrize("returns", [None, np.array([]), np.array([0.1]), np.zeros(9)])
def test_where_nothing_varies_there_is_no_sharpe_ratio(returns: np.ndarray | None) -> None:
    assert sharpe(returns, 252) is None


def test_a_short_curve_is_kept_whole() -> None:
    units = np.array([100, 50, 200])
    table = equity_table(units * 10**8, drawdowns(units, 100), np.array([1, 2, 3]))

    assert table["equity"].to_list() == [100.0, 50.0, 200.0]
    assert table["drawdown_pct"].to_list() == [0.0, 50.0, 0.0]


@given(st.integers(0, 10_000), st.integers(POINTS_MAX + 1, 3 * POINTS_MAX))
def test_a_long_curve_keeps_its_extremes(seed: int, count: int) -> None:
    """The highest, the lowest, the deepest drawdown and the end are on the drawing."""
    steps = (np.arange(count) * (2 * seed + 7_919)) % 2_003 - 1_000
    units = 10_000_000 + np.cumsum(steps)
    fallen = drawdowns(units, 10_000_000)
    table = equity_table(units, fallen, np.arange(count))

    assert table.height <= POINTS_MAX
    assert table["equity"].max() == units.max() / 1e8
    assert table["equity"].min() == units.min() / 1e8
    assert table["drawdown_pct"].max() == 100.0 * fallen.max()
    assert table["equity"][-1] == units[-1] / 1e8
    assert table["ts"].is_sorted()


def test_bars_are_joined_without_losing_a_price() -> None:
    count = 2 * POINTS_MAX + 1
    numbers = np.arange(count, dtype=np.float64)
    frame = pl.DataFrame(
        {"ts": np.arange(count), "open": numbers, "high": numbers + 2, "low": numbers - 2}
        | {"close": numbers + 1, "volume": np.ones(count)}
    )
    joined, size = joined_bars(frame)

    assert size == 3
    assert joined.height == -(-count // 3) <= POINTS_MAX
    assert joined.row(0) == (0, 0.0, 4.0, -2.0, 3.0, 3.0)
    assert joined["high"].max() == frame["high"].max()
    assert joined["volume"].sum() == count
    short, alone = joined_bars(frame.head(9))
    assert alone == 1
    assert short.equals(frame.head(9))
