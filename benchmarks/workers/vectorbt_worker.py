"""vectorbt: the whole series at once, in numba loops of its own.

Two variants for one instrument. ``shifted`` is how its users write it: it has no time exit, so
the exits are the entries 48 bars later, which may hit a later position and make more trades.
``exact`` keeps the entry's bar in a function called for every bar: the same trades as the
reference. Twenty instruments share their cash in the ``shifted`` variant only, where 20 % is of
the cash and not of the equity.
"""

import time
from typing import Protocol

import numba
import numpy as np
import pandas as pd
import vectorbt as vbt
from numpy.typing import NDArray

from benchmarks.workers.common import (
    CLOSE,
    HIGH,
    LOW,
    OPEN,
    Bars,
    Bools,
    Floats,
    Outcome,
    Request,
    Rules,
    Run,
    serve,
)


class Context(Protocol):
    """What vectorbt tells a signal function of the bar and the column it is at."""

    i: int
    position_now: float


def decide(
    context: Context, entries: Bools, entered: NDArray[np.int64], hold_bars: int
) -> tuple[bool, bool, bool, bool]:
    """Return enter long, leave long, enter short, leave short for one bar of one column."""
    i = context.i
    if context.position_now == 0.0:
        if entries[i, 0]:
            entered[0] = i
            return True, False, False, False
        return False, False, False, False
    return False, i - entered[0] >= hold_bars, False, False


decide_compiled = numba.njit(decide)


class Workload:
    """The bars as vectorbt wants them, one column per instrument."""

    def __init__(self, bars: Bars, rules: Rules) -> None:
        index = pd.DatetimeIndex(bars.ts_ns.view("M8[ns]"))

        def frame(field: int) -> pd.DataFrame:
            return pd.DataFrame(np.ascontiguousarray(bars.columns[:, field].T), index=index)

        self.rules = rules
        self.open, self.high = frame(OPEN), frame(HIGH)
        self.low, self.close = frame(LOW), frame(CLOSE)

    def signals(self) -> tuple[Bools, Floats]:
        """Return entries and stop distances, already moved to the bar they act on."""
        rules = self.rules
        fast = vbt.MA.run(self.close, rules.fast, ewm=True)
        slow = vbt.MA.run(self.close, rules.slow, ewm=True)
        atr = vbt.ATR.run(self.high, self.low, self.close, rules.atr_periods, ewm=True).atr
        crossed = fast.ma_crossed_above(slow).to_numpy()
        distance = rules.stop_atr * atr.to_numpy() / self.close.to_numpy()
        distance = np.clip(distance, rules.stop_min, rules.stop_max)
        entries = np.zeros_like(crossed)
        entries[1:] = crossed[:-1]
        stops = np.full_like(distance, np.nan)
        stops[1:] = distance[:-1]
        return entries, stops

    def portfolio(self, variant: str) -> vbt.Portfolio:
        """Run the workload once."""
        rules = self.rules
        entries, stops = self.signals()
        count, instruments = entries.shape
        how: dict[str, object] = {}
        if variant == "exact":
            how["signal_func_nb"] = decide_compiled
            how["signal_args"] = (entries, np.zeros(1, np.int64), rules.hold_bars)
            how["max_orders"] = count // 4 + 16
        else:
            exits = np.zeros_like(entries)
            exits[rules.hold_bars :] = entries[: -rules.hold_bars]
            how["entries"], how["exits"] = entries, exits
        if instruments > 1:
            how.update(cash_sharing=True, group_by=True, call_seq="auto")
        return vbt.Portfolio.from_signals(
            self.close,
            price=self.open,
            open=self.open,
            high=self.high,
            low=self.low,
            sl_stop=stops,
            tp_stop=rules.reward * stops,
            size=rules.fraction,
            size_type="percent",
            fees=rules.fee,
            slippage=rules.slippage,
            init_cash=rules.cash,
            stop_entry_price="fillprice",
            accumulate=False,
            freq="5min",
            **how,
        )


def prepare(bars: Bars, request: Request) -> Run:
    """Make the frames; the run includes every signal, but not the statistics."""
    workload = Workload(bars, request.rules)

    def run() -> Outcome:
        begin = time.perf_counter()
        portfolio = workload.portfolio(request.variant)
        seconds = time.perf_counter() - begin
        return Outcome(
            seconds=seconds,
            trades=int(np.sum(portfolio.trades.count())),
            equity_end=float(np.sum(portfolio.final_value())),
        )

    return run


if __name__ == "__main__":
    serve(version=vbt.__version__, prepare=prepare)
