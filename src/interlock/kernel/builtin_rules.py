"""The rules of the built-in strategies, each written once: a step, and a pass that calls it.

A step gives the code of one bar: BUY or SELL, times LEAVE when it may only close a position, or
0 for nothing. A pass gives the bars whose code is not 0. A signal is given on the bar on which
its condition begins to hold, not on those on which it goes on holding; a condition that holds on
the first bar that can be judged begins there.
"""

from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from interlock.kernel.codes import BUY, SELL
from interlock.kernel.compiled import compiled
from interlock.kernel.indicators import (
    LENGTH_MAX,
    RSI,
    SLOT,
    Floats,
    ema_alpha,
    ema_step,
    extreme_step,
    rsi_step,
)

# Bars that signal, increasing, and their codes.
Found: TypeAlias = tuple[NDArray[np.int64], NDArray[np.int8]]

LEAVE: Final = 2


@compiled
def cross_rule(
    fast: float, slow: float, fast_before: float, slow_before: float, sell_code: int
) -> int:
    """Return BUY where fast first exceeds slow, ``sell_code`` where it first falls below.

    Equal is neither: from above to equal to above is a new cross.
    """
    if fast > slow and not fast_before > slow_before:
        return BUY
    if fast < slow and not fast_before < slow_before:
        return sell_code
    return 0


@compiled
def ema_cross(close: Floats, fast_length: int, slow_length: int, sell_code: int) -> Found:
    """Return every bar on which the fast average crosses the slow one.

    Args:
        close: Shape (n,), n >= 0, oldest first.
        fast_length: Of the fast average, > 0.
        slow_length: Of the slow average; nothing is given before its index, nor before as many
            values after a NaN.
        sell_code: For a cross down: 0, SELL, or SELL * LEAVE.
    """
    fast_alpha = ema_alpha(length=fast_length)
    slow_alpha = ema_alpha(length=slow_length)
    index = np.empty(close.size, dtype=np.int64)
    codes = np.empty(close.size, dtype=np.int8)
    found = 0
    ready = slow_length
    fast = np.nan
    slow = np.nan
    for i in range(close.size):
        fast_before = fast
        slow_before = slow
        fast = ema_step(average=fast, value=close[i], alpha=fast_alpha)
        slow = ema_step(average=slow, value=close[i], alpha=slow_alpha)
        if np.isnan(slow):
            ready = i + 1 + slow_length
        code = cross_rule(
            fast=fast,
            slow=slow,
            fast_before=fast_before,
            slow_before=slow_before,
            sell_code=sell_code,
        )
        if code != 0 and i >= ready:
            index[found] = i
            codes[found] = code
            found += 1
    return index[:found].copy(), codes[:found].copy()


_BUYS: Final = 1
_SELLS: Final = 2
_LEAVES_LONG: Final = 4
_LEAVES_SHORT: Final = 8


@compiled
def breakout_mask(
    close: float, entry_high: float, entry_low: float, exit_high: float, exit_low: float
) -> int:
    """Return which channels the close is outside of, as bits; a NaN channel has no outside."""
    mask = 0
    if close > entry_high:
        mask |= _BUYS
    if close < entry_low:
        mask |= _SELLS
    if close < exit_low:
        mask |= _LEAVES_LONG
    if close > exit_high:
        mask |= _LEAVES_SHORT
    return mask


@compiled
def breakout_rule(mask: int, before: int) -> int:
    """Return the code of one bar from its ``breakout_mask`` and that of the bar before.

    BUY on the first close above the highest high of the entry window, SELL * LEAVE on the first
    below the lowest low of the exit window, and the mirror image. An entry comes before an exit.
    """
    began = mask & ~before
    if began & _BUYS:
        return BUY
    if began & _SELLS:
        return SELL
    if began & _LEAVES_LONG:
        return SELL * LEAVE
    if began & _LEAVES_SHORT:
        return BUY * LEAVE
    return 0


@compiled
def donchian_breakout(
    high: Floats,
    low: Floats,
    close: Floats,
    entry_length: int,
    exit_length: int,
    long_only: bool,
) -> Found:
    """Return every bar that breaks out of a Donchian channel.

    Args:
        high: Shape (n,), n >= 0, oldest first.
        low: Shape (n,).
        close: Shape (n,).
        entry_length: Bars in the channels that open a position, > 0; the newest is left out.
        exit_length: Bars in the channels that close it, > 0.
        long_only: Leave out what opens or closes a short position.
    """
    assert high.size == close.size
    assert low.size == close.size
    assert 0 < entry_length <= LENGTH_MAX
    assert 0 < exit_length <= LENGTH_MAX
    entry_highs = np.zeros(entry_length, dtype=SLOT)
    entry_lows = np.zeros(entry_length, dtype=SLOT)
    exit_highs = np.zeros(exit_length, dtype=SLOT)
    exit_lows = np.zeros(exit_length, dtype=SLOT)
    index = np.empty(close.size, dtype=np.int64)
    codes = np.empty(close.size, dtype=np.int8)
    found = 0
    mask = 0
    for i in range(close.size):
        before = mask
        entry_high = extreme_step(past=entry_highs, value=high[i], sign=BUY)
        exit_low = extreme_step(past=exit_lows, value=low[i], sign=SELL)
        entry_low = np.nan
        exit_high = np.nan
        if not long_only:
            entry_low = extreme_step(past=entry_lows, value=low[i], sign=SELL)
            exit_high = extreme_step(past=exit_highs, value=high[i], sign=BUY)
        mask = breakout_mask(
            close=close[i],
            entry_high=entry_high,
            entry_low=entry_low,
            exit_high=exit_high,
            exit_low=exit_low,
        )
        code = breakout_rule(mask=mask, before=before)
        if code != 0:
            index[found] = i
            codes[found] = code
            found += 1
    return index[:found].copy(), codes[:found].copy()


@compiled
def reversion_rule(
    strength: float,
    before: float,
    oversold: float,
    overbought: float,
    leave: float,
    long_only: bool,
) -> int:
    """Return the code of one bar from the relative strength index on it and on the one before.

    BUY where it first falls below ``oversold``, SELL * LEAVE where it first rises above
    ``leave``; unless ``long_only``, also SELL where it first rises above ``overbought`` and
    BUY * LEAVE where it first falls below ``leave``.
    """
    if strength < oversold and not before < oversold:
        return BUY
    if strength > overbought and not before > overbought and not long_only:
        return SELL
    if strength > leave and not before > leave:
        return SELL * LEAVE
    if strength < leave and not before < leave and not long_only:
        return BUY * LEAVE
    return 0


@compiled
def rsi_reversion(
    close: Floats,
    length: int,
    oversold: float,
    overbought: float,
    leave: float,
    long_only: bool,
) -> Found:
    """Return every bar on which the relative strength index says so; see ``reversion_rule``.

    Args:
        close: Shape (n,), n >= 0, oldest first.
        length: Of the relative strength index, > 0.
        oversold: In [0, 100].
        overbought: In [0, 100].
        leave: In [0, 100].
        long_only: Leave out what opens or closes a short position.
    """
    state = np.zeros(1, dtype=RSI)
    index = np.empty(close.size, dtype=np.int64)
    codes = np.empty(close.size, dtype=np.int8)
    found = 0
    strength = np.nan
    for i in range(close.size):
        before = strength
        strength = rsi_step(state=state, value=close[i], length=length)
        code = reversion_rule(
            strength=strength,
            before=before,
            oversold=oversold,
            overbought=overbought,
            leave=leave,
            long_only=long_only,
        )
        if code != 0:
            index[found] = i
            codes[found] = code
            found += 1
    return index[:found].copy(), codes[:found].copy()
