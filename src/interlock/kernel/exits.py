"""Where a position ends: stops, targets, time and volatility, as pure functions of numbers."""

import math

from interlock.kernel.codes import BUY, Exit, StopMethod, TargetMethod
from interlock.kernel.compiled import compiled
from interlock.kernel.records import Row
from interlock.kernel.units import PPM, mul_div, mul_div_up


@compiled
def to_ticks_down(distance: float, limit: int) -> int:
    """Return a distance as whole ticks, rounded down; 0 for NaN, never above ``limit``."""
    if not distance > 0.0:
        return 0
    if not distance < float(limit):
        return limit
    return math.floor(distance)


@compiled
def stop_distance(exits: Row, atr: float, price: int, side: int, structure: int) -> int:
    """Return how far the stop rests from the entry, in ticks; 0 when there is no valid stop.

    ATR: ``stop_atr`` * ATR, clamped to [stop_min, stop_max] of the price. PERCENT: ``stop_ppm`` of
    it. STRUCTURE: the price the signal names, clamped likewise; on the wrong side it is no stop.
    Rounded down: a nearer stop risks less.
    """
    assert price > 0
    nearest = mul_div_up(a=price, b=exits["stop_min_ppm"], c=PPM)
    farthest = mul_div(a=price, b=exits["stop_max_ppm"], c=PPM)
    distance = 0
    if exits["stop_method"] == StopMethod.ATR:
        distance = to_ticks_down(distance=exits["stop_atr"] * atr, limit=farthest)
    elif exits["stop_method"] == StopMethod.PERCENT:
        distance = mul_div(a=price, b=exits["stop_ppm"], c=PPM)
    elif structure > 0:
        distance = side * (price - structure)
    if distance <= 0:
        return 0
    distance = min(max(distance, nearest), farthest)
    if distance >= price:
        return 0
    return distance


@compiled
def target_distance(exits: Row, distance: int, price: int, side: int, model: int) -> int:
    """Return how far the target rests from the entry, in ticks; 0 for none. Rounded down."""
    if exits["target_method"] == TargetMethod.RISK_MULTIPLE:
        wanted = to_ticks_down(
            distance=exits["target_multiple"] * float(distance), limit=price * 1_000
        )
    elif exits["target_method"] == TargetMethod.MODEL and model > 0:
        wanted = max(side * (model - price), 0)
    else:
        return 0
    if side != BUY and wanted >= price:
        return 0
    return wanted


@compiled
def to_venue_tick(price: int, tick: int, up: bool) -> int:
    """Return ``price`` on the venue's grid, rounded up or down."""
    assert tick > 0
    if up:
        return int(-(-price // tick) * tick)
    return int(price // tick * tick)


@compiled
def moved_stop(exits: Row, inst: Row, side: int, entry_price: int) -> int:
    """Return where the stop should rest now: never farther than it is.

    Break-even moves it to the entry once ``break_even_multiple`` of the risk is in profit;
    trailing keeps it ``trailing_atr`` ATRs behind the best price. Which of them moved it last is
    for the caller to see from the price.
    """
    stop = inst["stop_price"]
    best = inst["best"]
    if exits["break_even_enabled"] == 1:
        profit = float(side * (best - entry_price))
        if profit >= exits["break_even_multiple"] * float(inst["stop_distance"]):
            if side * (entry_price - stop) > 0:
                stop = entry_price
    if exits["trailing_enabled"] == 1 and inst["atr"] > 0.0:
        behind = to_ticks_down(distance=exits["trailing_atr"] * inst["atr"], limit=best)
        trailed = best - side * behind
        if trailed > 0 and side * (trailed - stop) > 0:
            stop = trailed
    return int(stop)


@compiled
def due_exit(exits: Row, inst: Row) -> int:
    """Return the ``Exit`` that is due at this bar's close, or NONE: time, then volatility."""
    periods = exits["time_periods"]
    if periods > 0 and inst["bars"] - inst["entry_bar"] >= periods:
        return Exit.TIME
    if exits["volatility_enabled"] == 1 and inst["atr_entry"] > 0.0:
        ratio = inst["atr"] / inst["atr_entry"]
        if ratio >= exits["volatility_high"]:
            return Exit.VOLATILITY_HIGH
        if ratio <= exits["volatility_low"]:
            return Exit.VOLATILITY_LOW
    return Exit.NONE
