"""backtesting.py: one Python call per bar.

It knows one instrument only. Whole units, so it gets enough cash for that to make no difference;
stop and target are measured from the signal's close instead of the fill; slippage is its spread.
"""

import time
import warnings
from typing import ClassVar

import backtesting
import numpy as np
import pandas as pd

from benchmarks.workers.common import (
    Bars,
    Floats,
    Outcome,
    Request,
    Rules,
    Run,
    serve,
)

CASH_FACTOR = 100  # 10 M: whole units are then as fine as fractions


def average(values: Floats, weight: float) -> Floats:
    """Return the exponential average that starts at the first value."""
    return np.asarray(pd.Series(values).ewm(alpha=weight, adjust=False).mean())


def average_true_range(high: Floats, low: Floats, close: Floats, periods: int) -> Floats:
    """Return Wilder's average of the true range."""
    before = np.r_[close[0], close[:-1]]
    ranges = np.maximum(high - low, np.maximum(abs(high - before), abs(low - before)))
    return average(ranges, 1 / periods)


class Crossing(backtesting.Strategy):  # type: ignore[misc]
    """The workload in this peer's words."""

    rules: ClassVar[Rules] = Rules()

    def init(self) -> None:
        """Compute the signals of the whole series."""
        data, rules = self.data, self.rules
        self.fast = self.I(average, data.Close, 2 / (rules.fast + 1))
        self.slow = self.I(average, data.Close, 2 / (rules.slow + 1))
        self.atr = self.I(average_true_range, data.High, data.Low, data.Close, rules.atr_periods)

    def next(self) -> None:
        """Judge one bar."""
        rules = self.rules
        if self.trades:
            trade = self.trades[0]
            if len(self.data) - 1 - trade.entry_bar >= rules.hold_bars:
                trade.close()
        elif self.fast[-1] > self.slow[-1] and self.fast[-2] <= self.slow[-2] and not self.orders:
            close = self.data.Close[-1]
            distance = rules.stop_atr * self.atr[-1] / close
            distance = min(max(distance, rules.stop_min), rules.stop_max)
            self.buy(
                size=rules.fraction,
                sl=close * (1 - distance),
                tp=close * (1 + rules.reward * distance),
            )


def prepare(bars: Bars, request: Request) -> Run:
    """Make the frame; the run includes every signal and this peer's statistics."""
    rules = request.rules
    Crossing.rules = rules
    names = ("Open", "High", "Low", "Close", "Volume")
    frame = pd.DataFrame(
        dict(zip(names, bars.columns[0], strict=True)),
        index=pd.DatetimeIndex(bars.ts_ns.view("M8[ns]")),
    )

    def run() -> Outcome:
        begin = time.perf_counter()
        found = backtesting.Backtest(
            frame,
            Crossing,
            cash=rules.cash * CASH_FACTOR,
            commission=rules.fee,
            spread=rules.slippage,
            finalize_trades=True,
        ).run()
        return Outcome(
            seconds=time.perf_counter() - begin,
            trades=int(found["# Trades"]),
            equity_end=float(found["Equity Final [$]"]) / CASH_FACTOR,
        )

    return run


if __name__ == "__main__":
    warnings.simplefilter("ignore")  # it warns of every order that the cash does not cover
    serve(version=backtesting.__version__, prepare=prepare)
