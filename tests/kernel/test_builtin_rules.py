"""The rules of the built-in strategies, on series short enough to work out by hand."""

import math

import numpy as np
import pytest
from numpy.typing import NDArray

from interlock.kernel.builtin_rules import (
    LEAVE,
    breakout_mask,
    breakout_rule,
    cross_rule,
    donchian_breakout,
    ema_cross,
    reversion_rule,
    rsi_reversion,
)
from interlock.kernel.codes import BUY, SELL

Floats = NDArray[np.float64]

NAN = math.nan
LEAVE_LONG, LEAVE_SHORT = SELL * LEAVE, BUY * LEAVE


def series(text: str) -> Floats:
    """Return the numbers in ``text``."""
    return np.array([float(word) for word in text.split()])


def codes(found: tuple[NDArray[np.int64], NDArray[np.int8]]) -> dict[int, int]:
    """Return what a pass found as bar: code."""
    index, given = found
    assert index.dtype == np.int64
    assert given.dtype == np.int8
    return dict(zip(index.tolist(), given.tolist(), strict=True))


@pytest.mark.parametrize(
    ("fast", "slow", "fast_before", "slow_before", "code"),
    [
        (2, 1, 1, 2, BUY),
        (2, 1, 1, 1, BUY),  # equal is not above
        (2, 1, NAN, NAN, BUY),  # nor is unknown
        (2, 1, 3, 1, 0),  # above already
        (1, 2, 2, 1, LEAVE_LONG),
        (1, 2, 1, 1, LEAVE_LONG),
        (1, 2, 1, 3, 0),
        (1, 1, 2, 1, 0),
        (NAN, NAN, 2, 1, 0),
    ],
)
def test_a_cross_is_the_first_bar_beyond(
    fast: float, slow: float, fast_before: float, slow_before: float, code: int
) -> None:
    assert (
        cross_rule(
            fast=float(fast),
            slow=float(slow),
            fast_before=float(fast_before),
            slow_before=float(slow_before),
            sell_code=LEAVE_LONG,
        )
        == code
    )


def test_crosses_of_two_short_averages() -> None:
    """With lengths 1 and 3 the fast average is the close and the slow one moves half way to it."""
    close = series("10 10 10 12 12 8 8 16")

    assert codes(ema_cross(close, 1, 3, LEAVE_LONG)) == {3: BUY, 5: LEAVE_LONG, 7: BUY}
    assert codes(ema_cross(close, 1, 3, SELL)) == {3: BUY, 5: SELL, 7: BUY}
    assert codes(ema_cross(close, 1, 3, 0)) == {3: BUY, 7: BUY}


def test_crosses_before_the_slow_average_is_warm_are_left_out_and_not_made_up_for() -> None:
    assert codes(ema_cross(series("10 11 12 13 14"), 1, 3, SELL)) == {}
    assert codes(ema_cross(series("10 10 10 11"), 1, 3, SELL)) == {3: BUY}
    assert codes(ema_cross(series("10 10 11 11"), 1, 3, SELL)) == {}
    assert codes(ema_cross(series(""), 1, 3, SELL)) == {}


def test_a_hole_makes_the_averages_warm_up_again() -> None:
    assert codes(ema_cross(series("10 10 10 nan 10 10 10 11"), 1, 3, SELL)) == {7: BUY}
    assert codes(ema_cross(series("10 10 10 nan 10 10 11 11"), 1, 3, SELL)) == {}


@pytest.mark.parametrize(
    ("before", "now", "code"),
    [
        ("", "", 0),
        ("", "buy", BUY),
        ("buy", "buy", 0),
        ("", "sell", SELL),
        ("", "buy leave_short", BUY),
        ("", "sell leave_long", SELL),
        ("buy", "buy leave_short", LEAVE_SHORT),
        ("sell", "sell leave_long", LEAVE_LONG),
        ("", "leave_long", LEAVE_LONG),
        ("leave_long", "leave_long", 0),
    ],
)
def test_a_breakout_is_the_first_close_outside(before: str, now: str, code: int) -> None:
    def mask(text: str) -> int:
        return breakout_mask(
            close=10.0,
            entry_high=9.0 if "buy" in text else 10.0,
            entry_low=11.0 if "sell" in text else 10.0,
            exit_high=9.0 if "leave_short" in text else 10.0,
            exit_low=11.0 if "leave_long" in text else 10.0,
        )

    assert breakout_rule(mask=mask(now), before=mask(before)) == code


def test_an_unknown_channel_has_no_outside() -> None:
    assert breakout_mask(close=1.0, entry_high=NAN, entry_low=NAN, exit_high=NAN, exit_low=NAN) == 0


def test_breakouts_of_short_channels() -> None:
    """Entry channel of three bars, exit channel of two; highs and lows are the closes."""
    close = series("5 6 5 7 8 5 4 3 3 9")

    long_only = codes(donchian_breakout(close, close, close, 3, 2, long_only=True))
    both = codes(donchian_breakout(close, close, close, 3, 2, long_only=False))

    assert long_only == {3: BUY, 5: LEAVE_LONG, 9: BUY}
    assert both == {3: BUY, 5: LEAVE_LONG, 6: SELL, 9: BUY}


@pytest.mark.parametrize("wrong", ["high", "low", "entry", "exit"])
def test_what_does_not_fit_together_is_refused(wrong: str) -> None:
    ones, two = np.ones(3), np.ones(2)
    with pytest.raises(AssertionError):
        donchian_breakout(
            high=two if wrong == "high" else ones,
            low=two if wrong == "low" else ones,
            close=ones,
            entry_length=0 if wrong == "entry" else 3,
            exit_length=0 if wrong == "exit" else 3,
            long_only=True,
        )


@pytest.mark.parametrize(
    ("before", "strength", "long_only", "both"),
    [
        (31, 29, BUY, BUY),
        (29, 28, 0, 0),
        (NAN, 29, BUY, BUY),
        (30, 29, BUY, BUY),  # at the level is not beyond it
        (31, 30, 0, 0),
        (49, 51, LEAVE_LONG, LEAVE_LONG),
        (51, 52, 0, 0),
        (51, 49, 0, LEAVE_SHORT),
        (69, 71, 0, SELL),
        (49, 71, LEAVE_LONG, SELL),
        (51, 29, BUY, BUY),
        (29, NAN, 0, 0),
    ],
)
def test_a_reversion_is_the_first_bar_beyond_its_level(
    before: float, strength: float, long_only: int, both: int
) -> None:
    for only, code in ((True, long_only), (False, both)):
        found = reversion_rule(
            strength=float(strength),
            before=float(before),
            oversold=30.0,
            overbought=70.0,
            leave=50.0,
            long_only=only,
        )
        assert found == code


def test_reversions_of_a_short_index() -> None:
    """The index over two changes: 0 after two falls, above 50 once a rise outweighs them."""
    close = series("10 9 8 12 13 14 12.5 9")

    assert codes(rsi_reversion(close, 2, 30.0, 70.0, 50.0, long_only=True)) == {
        2: BUY,
        3: LEAVE_LONG,
        7: BUY,
    }
    assert codes(rsi_reversion(close, 2, 30.0, 70.0, 50.0, long_only=False)) == {
        2: BUY,
        3: SELL,
        6: LEAVE_SHORT,
        7: BUY,
    }
