"""Bars for the tests of strategies: walks from a seed, and series that are awkward on purpose."""

import random
from collections.abc import Sequence

import numpy as np
import polars as pl
from numpy.typing import NDArray

MINUTE_NS = 60_000_000_000
START_NS = 1_700_000_000_000_000_000  # 2023-11-14T22:13:20Z

Floats = NDArray[np.float64]


def walk(count: int, seed: int = 1) -> Floats:
    """Return prices that rise or fall by up to one per cent, from 100."""
    chance = random.Random(seed)  # noqa: S311 - a sample, not a secret
    prices = [100.0]
    for _ in range(count):
        prices.append(prices[-1] * (1 + chance.uniform(-0.01, 0.01)))
    return np.array(prices[1:])


def bars_from(close: Sequence[float] | Floats) -> pl.DataFrame:
    """Return bars of a minute with these closes, each opening where the last one closed."""
    last = np.asarray(close, dtype=np.float64)
    first = np.concatenate([last[:1], last[:-1]])
    return pl.DataFrame(
        {
            "ts": START_NS + MINUTE_NS * np.arange(last.size, dtype=np.int64),
            "open": first,
            "high": np.maximum(first, last) * 1.001,
            "low": np.minimum(first, last) * 0.999,
            "close": last,
            "volume": np.full(last.size, 10.0),
        }
    )


def awkward(length: int) -> dict[str, Floats]:
    """Return series around a window of ``length`` values that have caught mistakes before."""
    steps = np.arange(4.0 * length)
    return {
        "none": np.empty(0),
        "one": np.array([5.0]),
        "two": np.array([5.0, 6.0]),
        "one too few": walk(length - 1),
        "exactly enough": walk(length),
        "one more": walk(length + 1),
        "constant": np.full(3 * length, 0.1),
        "rising": 100 + steps,
        "falling": 100 + steps[::-1],
        "ties": np.tile([1.0, 2.0, 2.0, 1.0, 1.0, 3.0], length),
        "sawtooth": 100 + np.abs((steps % (2 * length)) - length),
        "jump": np.where(steps < 2 * length, 100.0, 1.0),
        "a hole": np.where(steps == 2 * length, np.nan, walk(4 * length)),
    }
