"""A strategy of your own, complete: buy a dip in a rising market, with a stop and a target.

    interlock lookahead --strategy examples/my_strategy.py:BuyTheDip sample:GOOG
    interlock backtest --strategy examples/my_strategy.py:BuyTheDip sample:GOOG
    python examples/my_strategy.py

The fields are its parameters (``--set strategy.trend=50``). ``signals`` sees all bars at once and
is what a backtest runs; ``start`` gives an object that sees one bar after the other, as live
trading does. One of the two is enough. With both, ``interlock lookahead`` compares them.
"""

from collections import deque

import polars as pl
from pydantic import BaseModel, Field

from interlock.signals.loading import load_strategy
from interlock.signals.lookahead import check_lookahead
from interlock.signals.signal import BUY, SELL, Bar, Signal, Signals


class BuyTheDip(BaseModel, frozen=True, extra="forbid"):
    """Buy a close that falls below the last few while the market is above its average."""

    trend: int = Field(default=50, ge=2, le=5_000, description="Bars in the average.")
    dip: int = Field(default=3, ge=1, le=100, description="Closes that the dip is below.")
    stop: float = Field(default=0.03, gt=0, lt=1, description="Distance of the stop, 0.03 is 3 %.")
    reward: float = Field(default=2.0, gt=0, le=20, description="Target, as a multiple of it.")

    def signals(self, bars: pl.DataFrame) -> Signals:
        """Return all signals. Every expression looks back: shift(1), never shift(-1)."""
        close = pl.col("close")
        rising = close > close.rolling_mean(self.trend)
        dipped = close < close.shift(1).rolling_min(self.dip)
        entry = (rising & dipped).fill_null(value=False)  # null where the average has no value yet
        fell = rising.not_().fill_null(value=False)
        return Signals.where(
            bars,
            buy=entry & entry.shift(1, fill_value=False).not_(),
            exit_long=fell & fell.shift(1, fill_value=False).not_(),
            stop=close * (1 - self.stop),
            target=close * (1 + self.stop * self.reward),
        )

    def start(self) -> "BuyTheDipWatch":
        """Return a fresh object for one instrument."""
        return BuyTheDipWatch(self)


class BuyTheDipWatch:
    """What the strategy remembers from bar to bar."""

    def __init__(self, strategy: BuyTheDip) -> None:
        self.strategy = strategy
        self.closes: deque[float] = deque(maxlen=max(strategy.trend, strategy.dip + 1))
        self.entered = False
        self.fell = False

    def on_bar(self, bar: Bar) -> Signal | None:
        """Return what to do at the close of ``bar``."""
        given = self.strategy
        self.closes.append(bar.close)
        seen = list(self.closes)
        if len(seen) < given.trend:
            return None
        was_entered, was_fallen = self.entered, self.fell
        rising = bar.close > sum(seen[-given.trend :]) / given.trend
        dipped = len(seen) > given.dip and bar.close < min(seen[-given.dip - 1 : -1])
        self.fell = not rising
        self.entered = rising and dipped
        if self.entered and not was_entered:
            return Signal(
                side=BUY,
                stop=bar.close * (1 - given.stop),
                target=bar.close * (1 + given.stop * given.reward),
            )
        if self.fell and not was_fallen:
            return Signal(side=SELL, exit_only=True)
        return None


def sample() -> pl.DataFrame:
    """Return 400 bars of an hour that rise by a quarter while they swing."""
    number = pl.int_range(400, eager=True)
    swing = (number.cast(pl.Float64) * 0.37).sin() * 3 + (number.cast(pl.Float64) * 0.061).sin() * 4
    close = 100 + number * 0.06 + swing
    return pl.DataFrame(
        {
            "ts": 1_700_000_000_000_000_000 + number * 3_600_000_000_000,
            "open": close.shift(1, fill_value=100.0),
            "high": close + 0.5,
            "low": close - 0.5,
            "close": close,
            "volume": [1_000.0] * 400,
        }
    )


def main() -> None:
    """Load this very file as the commands do, and show what it says."""
    strategy = load_strategy(f"{__file__}:BuyTheDip", {"trend": "40"})
    found = strategy.signals(sample())
    print(strategy.describe())
    print(f"{(~found.exit_only).sum()} entries and {found.exit_only.sum()} exits, the first:")
    print(f"bar {found.index[0]}: {found.signal(0)}")
    print(check_lookahead(strategy, sample()).text())


if __name__ == "__main__":
    main()
