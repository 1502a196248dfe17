"""Indicators against TA-Lib, against slow and obvious Python, and step against pass."""

import math

import numpy as np
import pytest
import talib
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from interlock.kernel.codes import BUY, SELL
from interlock.kernel.indicators import (
    RSI,
    ema,
    ema_alpha,
    ema_step,
    extreme_step,
    highest,
    lowest,
    rsi,
    rsi_step,
    window,
)
from tests.signals.samples import awkward, walk

Floats = NDArray[np.float64]

LENGTH = 5
prices = st.lists(st.floats(0.01, 1e6) | st.sampled_from([1.0, 2.0, math.nan]), max_size=60).map(
    np.array
)
lengths = st.integers(1, 12)


def same_bits(one: Floats, two: Floats) -> None:
    """Compare without tolerance; NaN is NaN."""
    assert one.astype(np.float64).tobytes() == two.astype(np.float64).tobytes()


def slow_extreme(values: Floats, length: int, best: object) -> Floats:
    """Return the extreme of the values before each, by looking at all of them again."""
    assert callable(best)
    found = np.full(len(values), math.nan)
    for i in range(length, len(values)):
        before = values[i - length : i]
        if not np.isnan(before).any() and not math.isnan(values[i]):
            found[i] = best(before)
    return found


# --- exponential moving average ---------------------------------------------------------------


def test_the_average_starts_at_the_first_value() -> None:
    same_bits(ema(np.array([4.0, 8.0, 8.0]), 3), np.array([4.0, 6.0, 7.0]))


def test_the_average_of_a_constant_is_that_constant_exactly() -> None:
    """Otherwise two averages of a flat market would cross each other by rounding."""
    same_bits(ema(np.full(1_000, 0.1), 12), np.full(1_000, 0.1))


@pytest.mark.parametrize("length", [2, 12, 26])
def test_the_average_agrees_with_talib(length: int) -> None:
    """TA-Lib starts from a plain mean instead; the weight of the start is gone after a while."""
    values = walk(1_500)
    settled = 60 * length // 2

    np.testing.assert_allclose(
        ema(values, length)[settled:], talib.EMA(values, length)[settled:], rtol=1e-9
    )


@given(prices, lengths)
def test_one_value_at_a_time_gives_the_same_average(values: Floats, length: int) -> None:
    average = math.nan
    found = []
    for value in values:
        average = ema_step(average=average, value=float(value), alpha=ema_alpha(length=length))
        found.append(average)

    same_bits(ema(values.astype(np.float64), length), np.array(found))


def test_a_hole_starts_the_average_afresh() -> None:
    found = ema(np.array([4.0, math.nan, 10.0, 12.0]), 3)

    same_bits(found, np.array([4.0, math.nan, 10.0, 11.0]))


# --- relative strength index ------------------------------------------------------------------


@pytest.mark.parametrize("length", [2, 5, 14])
def test_the_strength_agrees_with_talib_from_its_first_value_on(length: int) -> None:
    """The same seeding: a plain mean of the first changes."""
    values = walk(800)

    np.testing.assert_allclose(rsi(values, length), talib.RSI(values, length), rtol=1e-9)


def test_the_strength_worked_by_hand() -> None:
    """Rises 2, 0, 1 and falls 0, 1, 0: means 2/2 and 1/2, then (1 + 1)/2 and (1/2)/2."""
    found = rsi(np.array([10.0, 12.0, 11.0, 12.0]), 2)

    same_bits(found, np.array([math.nan, math.nan, 100 * (1 / 1.5), 100 * (1 / 1.25)]))


def test_a_market_that_never_moved_has_no_strength() -> None:
    assert np.isnan(rsi(np.full(50, 3.0), 14)).all()
    assert rsi(np.arange(1.0, 20.0), 14)[-1] == 100.0
    assert rsi(np.arange(20.0, 1.0, -1.0), 14)[-1] == 0.0


@given(prices, lengths)
def test_one_value_at_a_time_gives_the_same_strength(values: Floats, length: int) -> None:
    state = np.zeros(1, dtype=RSI)
    found = [rsi_step(state=state, value=float(value), length=length) for value in values]

    same_bits(rsi(values.astype(np.float64), length), np.array(found))


def test_a_hole_starts_the_strength_afresh() -> None:
    before, after = walk(40, seed=2), walk(40, seed=3)

    found = rsi(np.concatenate([before, [math.nan], after]), 14)

    same_bits(found[:40], rsi(before, 14))
    same_bits(found[41:], rsi(after, 14))
    assert math.isnan(found[40])


# --- highest and lowest -----------------------------------------------------------------------


@pytest.mark.parametrize("length", [2, 10, 20])
def test_the_channel_is_talibs_of_the_bars_before(length: int) -> None:
    values = walk(600)

    same_bits(highest(values, length)[1:], talib.MAX(values, length)[:-1])
    same_bits(lowest(values, length)[1:], talib.MIN(values, length)[:-1])


@pytest.mark.parametrize("name", awkward(LENGTH))
@pytest.mark.parametrize("length", [1, LENGTH])
def test_the_channel_of_an_awkward_series(name: str, length: int) -> None:
    values = awkward(LENGTH)[name]

    same_bits(highest(values, length), slow_extreme(values, length, np.max))
    same_bits(lowest(values, length), slow_extreme(values, length, np.min))


@given(prices, lengths)
def test_the_channel_by_step_by_pass_and_by_looking_again(values: Floats, length: int) -> None:
    values = values.astype(np.float64)
    above, below = window(length=length), window(length=length)
    steps = [
        (
            extreme_step(past=above, value=float(value), sign=BUY),
            extreme_step(past=below, value=float(value), sign=SELL),
        )
        for value in values
    ]

    same_bits(highest(values, length), np.array([high for high, _ in steps]))
    same_bits(lowest(values, length), np.array([low for _, low in steps]))
    same_bits(highest(values, length), slow_extreme(values, length, np.max))
    same_bits(lowest(values, length), slow_extreme(values, length, np.min))


@pytest.mark.parametrize("length", [0, -1, 2**24 + 1])
def test_a_length_outside_its_range_is_refused(length: int) -> None:
    for function in (ema, rsi, highest, lowest):
        with pytest.raises(AssertionError):
            function(np.ones(3), length)
    with pytest.raises(AssertionError):
        window(length)
    with pytest.raises(AssertionError):
        extreme_step(window(2), 1.0, 0)
