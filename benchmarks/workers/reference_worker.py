"""The bare loop: the workload and nothing else. Not a peer but the limit of what is possible.

No rule, no ledger, no order, no rounding to ticks: floats, one pass, a log of the trades. What a
backtest costs beyond this is the price of being honest, and the benchmarks print it as a ratio.

It prints the trades that every other run is compared with.
"""

import time
from collections.abc import Callable
from typing import Final, ParamSpec, TypeAlias, TypeVar, cast

import numba
import numpy as np
from numpy.typing import NDArray

from benchmarks.workers.common import (
    CLOSE,
    HIGH,
    LOW,
    OPEN,
    VOLUME,
    Bars,
    Floats,
    Outcome,
    Request,
    Rules,
    Run,
    serve,
)

P = ParamSpec("P")
R = TypeVar("R")
Places: TypeAlias = NDArray[np.void]


def compiled(function: Callable[P, R]) -> Callable[P, R]:
    """Compile as fast as numba can, without the checks our own kernel insists on."""
    return cast("Callable[P, R]", numba.njit(function))


@compiled
def exit_price(
    bar_open: float,
    high: float,
    low: float,
    close: float,
    stop: float,
    target: float,
    timed_out: bool,
) -> float:
    """Return where this bar ends the position, before slippage; 0 when it does not.

    The stop comes before the target, because a bar that touched both does not say which it
    touched first; a gap fills at the open.
    """
    if low <= stop:
        return min(stop, bar_open)
    if high >= target:
        return max(target, bar_open)
    if timed_out:
        return close
    return 0.0


@compiled
def true_range(high: float, low: float, close_before: float) -> float:
    """Return how far the price went since the last close."""
    return max(high - low, abs(high - close_before), abs(low - close_before))


@compiled
def run_one(columns: Floats, rules: Rules) -> tuple[int, float, float, Floats]:
    """Run one instrument, columns of shape (5, n).

    Returns:
        Trades, final equity, deepest drawdown, and the log of the trades, shape (trades, 5):
        first and last bar, quantity, entry and exit price.
    """
    opens, highs, lows, closes = columns[OPEN], columns[HIGH], columns[LOW], columns[CLOSE]
    count = closes.size
    log = np.empty((count if rules.every_bar else count // 8 + 8, 5))
    trades = entered = 0
    fast = slow = close_before = closes[0]
    atr = highs[0] - lows[0]
    was_above = pending = False
    quantity = entry = stop = target = distance = drawdown = 0.0
    cash = peak = rules.cash
    for i in range(count):
        close = closes[i]
        if pending:
            pending = False
            entry = opens[i] * (1 + rules.slippage)
            quantity = rules.fraction * cash / (entry * (1 + rules.fee))
            cash -= quantity * entry * (1 + rules.fee)
            stop = entry * (1 - distance)
            target = entry * (1 + rules.reward * distance)
            entered = i
        if quantity > 0:
            timed_out = i - entered >= rules.hold_bars
            price = exit_price(opens[i], highs[i], lows[i], close, stop, target, timed_out)
            if price > 0:
                price *= 1 - rules.slippage
                cash += quantity * price * (1 - rules.fee)
                row = log[trades]
                row[0], row[1], row[2], row[3], row[4] = entered, i, quantity, entry, price
                trades += 1
                quantity = 0.0
        if i > 0:
            atr += (true_range(highs[i], lows[i], close_before) - atr) / rules.atr_periods
            fast += 2 / (rules.fast + 1) * (close - fast)
            slow += 2 / (rules.slow + 1) * (close - slow)
        is_above = fast > slow
        if quantity == 0.0 and i >= rules.slow:
            if rules.every_bar or (is_above and not was_above):
                distance = rules.stop_atr * atr / close
                distance = min(max(distance, rules.stop_min), rules.stop_max)
                pending = True
        was_above = is_above
        close_before = close
        equity = cash + quantity * close
        peak = max(peak, equity)
        drawdown = max(drawdown, 1 - equity / peak)
    return trades, cash + quantity * closes[count - 1], drawdown, log[:trades]


PLACE: Final = np.dtype(
    [
        ("fast", np.float64),
        ("slow", np.float64),
        ("atr", np.float64),
        ("close_before", np.float64),
        ("quantity", np.float64),
        ("mark", np.float64),
        ("stop", np.float64),
        ("target", np.float64),
        ("distance", np.float64),
        ("entered", np.int64),
        ("was_above", np.bool_),
        ("pending", np.bool_),
    ],
    align=True,
)


@compiled
def enter(
    place: np.void, i: int, bar_open: float, equity: float, cash: float, rules: Rules
) -> float:
    """Fill a pending entry at the open if the cash covers it; return what it cost."""
    place["pending"] = False
    entry = bar_open * (1 + rules.slippage)
    quantity = rules.fraction * equity / (entry * (1 + rules.fee))
    cost = quantity * entry * (1 + rules.fee)
    if cost > cash:
        return 0.0
    place["quantity"] = quantity
    place["mark"] = bar_open
    place["stop"] = entry * (1 - place["distance"])
    place["target"] = entry * (1 + rules.reward * place["distance"])
    place["entered"] = i
    return cost


@compiled
def watch(place: np.void, i: int, high: float, low: float, close: float, rules: Rules) -> None:
    """Move the averages by one bar and decide whether to enter at the next."""
    if i > 0:
        place["atr"] += (
            true_range(high, low, place["close_before"]) - place["atr"]
        ) / rules.atr_periods
        place["fast"] += 2 / (rules.fast + 1) * (close - place["fast"])
        place["slow"] += 2 / (rules.slow + 1) * (close - place["slow"])
    is_above = place["fast"] > place["slow"]
    if place["quantity"] == 0.0 and i >= rules.slow:
        if rules.every_bar or (is_above and not place["was_above"]):
            distance = rules.stop_atr * place["atr"] / close
            place["distance"] = min(max(distance, rules.stop_min), rules.stop_max)
            place["pending"] = True
    place["was_above"] = is_above
    place["close_before"] = close


@compiled
def run_many(bars: Floats, rules: Rules, places: Places) -> tuple[int, float, float, int]:
    """Run instruments that share one account, bar by bar, each bar in the instruments' order.

    Args:
        bars: Shape (instruments, n, 4): what is read together lies together.
        rules: The workload.
        places: Shape (instruments,), zeros.

    Returns:
        Trades, final equity, deepest drawdown, and the entries that the cash did not cover.
    """
    instruments, count, _ = bars.shape
    for k in range(instruments):
        first = bars[k, 0]
        places[k]["fast"] = places[k]["slow"] = places[k]["close_before"] = first[CLOSE]
        places[k]["atr"] = first[HIGH] - first[LOW]
    trades = uncovered = 0
    cash = equity = peak = rules.cash
    held = drawdown = 0.0
    for i in range(count):
        for k in range(instruments):
            place = places[k]
            bar_open, high = bars[k, i, OPEN], bars[k, i, HIGH]
            low, close = bars[k, i, LOW], bars[k, i, CLOSE]
            if place["pending"]:
                cost = enter(place, i, bar_open, cash + held, cash, rules)
                cash -= cost
                held += place["quantity"] * bar_open
                if cost == 0.0:
                    uncovered += 1
            if place["quantity"] > 0:
                timed_out = i - place["entered"] >= rules.hold_bars
                price = exit_price(
                    bar_open, high, low, close, place["stop"], place["target"], timed_out
                )
                if price > 0:
                    cash += place["quantity"] * price * (1 - rules.slippage) * (1 - rules.fee)
                    held -= place["quantity"] * place["mark"]
                    place["quantity"] = 0.0
                    trades += 1
                else:
                    held += place["quantity"] * (close - place["mark"])
                    place["mark"] = close
            watch(place, i, high, low, close, rules)
        equity = cash + held
        peak = max(peak, equity)
        drawdown = max(drawdown, 1 - equity / peak)
    return trades, equity, drawdown, uncovered


def prepare(bars: Bars, request: Request) -> Run:
    """Lay the bars out as the loop reads them; the run includes every signal."""
    rules = request.rules
    instruments = bars.columns.shape[0]
    rows = np.ascontiguousarray(bars.columns[:, :VOLUME].transpose(0, 2, 1))

    def run() -> Outcome:
        begin = time.perf_counter()
        if instruments == 1:
            trades, equity, *_ = run_one(bars.columns[0], rules)
        else:
            trades, equity, *_ = run_many(rows, rules, np.zeros(instruments, PLACE))
        return Outcome(seconds=time.perf_counter() - begin, trades=trades, equity_end=float(equity))

    return run


if __name__ == "__main__":
    serve(version=numba.__version__, prepare=prepare)
