"""Indicators, each written once: a step, and a pass over an array that calls the step.

A strategy that goes bar by bar calls the step, one that sees all bars calls the pass, and both
give the same bits. Estimates are float64, restricted to ``+ - * /``, ``min``, ``max`` and
comparisons. NaN means "no": it satisfies no condition, and a NaN that comes in starts an
indicator afresh, so that what came before a hole in the data is not mixed with what comes after.
"""

from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from interlock.kernel.codes import BUY, SELL
from interlock.kernel.compiled import compiled

Floats: TypeAlias = NDArray[np.float64]
LENGTH_MAX: Final = 2**24

# --- exponential moving average ---------------------------------------------------------------


@compiled
def ema_alpha(length: int) -> float:
    """Return the weight of the newest value, ``2 / (length + 1)``.

    >>> ema_alpha(3)
    0.5
    """
    assert 0 < length <= LENGTH_MAX
    return 2.0 / (length + 1)


@compiled
def ema_step(average: float, value: float, alpha: float) -> float:
    """Return the exponential moving average after ``value``.

    ``average`` is NaN before the first value, which then is the average. This form and not
    ``alpha * value + (1 - alpha) * average``: here the average of a constant is that constant
    exactly, so that two averages of it never cross by a rounding error.

    >>> ema_step(10.0, 12.0, 0.5)
    11.0
    """
    if np.isnan(average):
        return value
    return average + alpha * (value - average)


@compiled
def ema(values: Floats, length: int) -> Floats:
    """Return the exponential moving average of every value, seeded with the first.

    Args:
        values: Shape (n,), n >= 0, oldest first.
        length: > 0; the weight of the newest value is ``2 / (length + 1)``.
    """
    alpha = ema_alpha(length=length)
    averages = np.empty(values.size, dtype=np.float64)
    average = np.nan
    for i in range(values.size):
        average = ema_step(average=average, value=values[i], alpha=alpha)
        averages[i] = average
    return averages


# --- relative strength index ------------------------------------------------------------------

RSI: Final = np.dtype(
    [
        ("seen", np.int64),  # values since the start or the last NaN
        ("previous", np.float64),
        ("gain", np.float64),  # average rise; a sum until ``length`` changes are seen
        ("loss", np.float64),  # average fall, positive
    ],
    align=True,
)


@compiled
def _strength(gain: float, loss: float) -> float:
    """Return the share of the rises in all movement, in [0, 100]; NaN where nothing moved."""
    moved = gain + loss
    if moved > 0.0:
        return 100.0 * (gain / moved)
    return np.nan


@compiled
def rsi_step(state: NDArray[np.void], value: float, length: int) -> float:
    """Return Wilder's relative strength index after ``value``, in [0, 100].

    The first average of rises and of falls is the plain mean of the first ``length`` changes;
    each later one is ``(average * (length - 1) + newest) / length``. NaN until ``length``
    changes have been seen, and while nothing has moved at all, since no movement has no strength.

    Args:
        state: Shape (1,), dtype RSI, zeros at the start.
        value: The newest price.
        length: Changes in the average, > 0.

    Source:
        J. Welles Wilder Jr., "New Concepts in Technical Trading Systems", Trend Research, 1978,
        section VI, "The Relative Strength Index".
    """
    assert state.size == 1
    assert 0 < length <= LENGTH_MAX
    row = state[0]
    if np.isnan(value):
        row["seen"] = 0
        return np.nan
    seen = row["seen"]
    row["seen"] = seen + 1
    if seen == 0:
        row["previous"] = value
        row["gain"] = 0.0
        row["loss"] = 0.0
        return np.nan
    change = value - row["previous"]
    row["previous"] = value
    if seen <= length:
        row["gain"] += max(change, 0.0)
        row["loss"] += max(-change, 0.0)
        if seen < length:
            return np.nan
        row["gain"] /= length
        row["loss"] /= length
    else:
        row["gain"] = (row["gain"] * (length - 1) + max(change, 0.0)) / length
        row["loss"] = (row["loss"] * (length - 1) + max(-change, 0.0)) / length
    return _strength(gain=row["gain"], loss=row["loss"])


@compiled
def rsi(values: Floats, length: int) -> Floats:
    """Return Wilder's relative strength index after every value; see ``rsi_step``.

    Args:
        values: Shape (n,), n >= 0, oldest first.
        length: Changes in the average, > 0.
    """
    state = np.zeros(1, dtype=RSI)
    strengths = np.empty(values.size, dtype=np.float64)
    for i in range(values.size):
        strengths[i] = rsi_step(state=state, value=values[i], length=length)
    return strengths


# --- highest and lowest of a window -----------------------------------------------------------

SLOT: Final = np.dtype(
    [
        ("value", np.float64),
        ("number", np.int64),  # of the value, from 0
        ("front", np.int64),  # slot of the extreme; this and the rest only in the first slot
        ("size", np.int64),  # slots in use
        ("seen", np.int64),  # values since the start or the last NaN
    ],
    align=True,
)
Window: TypeAlias = NDArray[np.void]  # shape (length,), dtype SLOT


def window(length: int) -> Window:
    """Return an empty window over ``length`` values.

    It is a monotonic deque in a ring: it holds, best first, the values that may still become
    the extreme, so that a step takes constant time on average however long the window is.
    """
    assert 0 < length <= LENGTH_MAX
    return np.zeros(length, dtype=SLOT)


@compiled
def _place(front: int, offset: int, length: int) -> int:
    """Return the index in a ring of ``length`` that is ``offset`` after ``front``."""
    index = front + offset
    if index >= length:
        return index - length
    return index


@compiled
def extreme_step(past: Window, value: float, sign: int) -> float:
    """Return the extreme of the values before ``value``, and take ``value`` into the window.

    The newest value is left out, because a breakout compares it with what came before.

    Args:
        past: From ``window``; changed.
        value: The newest value.
        sign: BUY (+1) for the highest, SELL (-1) for the lowest; always the same one.

    Returns:
        NaN until the window is full.
    """
    assert sign == BUY or sign == SELL
    length = past.size
    if np.isnan(value):
        past[0]["size"] = 0
        past[0]["seen"] = 0
        return np.nan
    front = past[0]["front"]
    size = past[0]["size"]
    seen = past[0]["seen"]
    extreme = np.nan
    if seen >= length:
        extreme = past[front]["value"]
        if past[front]["number"] == seen - length:
            front = _place(front=front, offset=1, length=length)
            size -= 1
    while size > 0:
        last = _place(front=front, offset=size - 1, length=length)
        if sign * past[last]["value"] > sign * value:
            break
        size -= 1
    free = _place(front=front, offset=size, length=length)
    past[free]["value"] = value
    past[free]["number"] = seen
    past[0]["front"] = front
    past[0]["size"] = size + 1
    past[0]["seen"] = seen + 1
    return extreme


@compiled
def _extremes(values: Floats, length: int, sign: int) -> Floats:
    """Return the extreme of the ``length`` values before each value."""
    assert 0 < length <= LENGTH_MAX
    past = np.zeros(length, dtype=SLOT)
    extremes = np.empty(values.size, dtype=np.float64)
    for i in range(values.size):
        extremes[i] = extreme_step(past=past, value=values[i], sign=sign)
    return extremes


@compiled
def highest(values: Floats, length: int) -> Floats:
    """Return the highest of the ``length`` values before each value, itself left out.

    NaN while there are fewer than ``length`` of them.
    """
    return _extremes(values=values, length=length, sign=BUY)


@compiled
def lowest(values: Floats, length: int) -> Floats:
    """Return the lowest of the ``length`` values before each value, itself left out.

    NaN while there are fewer than ``length`` of them.
    """
    return _extremes(values=values, length=length, sign=SELL)
