"""What we believe of each instrument's market: marks, spread, range and when we last knew."""

from typing import Final

from interlock.kernel.codes import Feed
from interlock.kernel.compiled import compiled, compiled_inline
from interlock.kernel.records import Row
from interlock.kernel.units import NS_PER_SECOND, PPM, PRICE_TICKS_MAX, QTY_LOTS_MAX, UNITS_MAX

JUMP_FACTOR: Final = 10  # a price this many times above or below the last is not believed at once
JUMPS_BELIEVED: Final = 3  # ... but three in a row are: that is a split or a new listing
FUTURE_NS_MAX: Final = 2 * NS_PER_SECOND  # clocks differ a little; beyond it the number is wrong


@compiled_inline
def prices_in_range(spec: Row, low: int, high: int) -> bool:
    """Return whether ``low`` and ``high`` (ticks) are prices the ledger can value."""
    if not 0 < low <= high <= PRICE_TICKS_MAX:
        return False
    return bool(float(high) * float(spec["unit_num"]) < float(UNITS_MAX))


@compiled_inline
def bar_is_sound(spec: Row, row: Row) -> bool:
    """Return whether a bar can have happened: low <= open, close <= high, volume >= 0."""
    low = row["low"]
    high = row["high"]
    if not prices_in_range(spec=spec, low=low, high=high):
        return False
    if not low <= row["open"] <= high or not low <= row["close"] <= high:
        return False
    return bool(0 <= row["volume"] <= QTY_LOTS_MAX)


@compiled
def _is_near(price: int, mark: int) -> bool:
    return bool(price < mark * JUMP_FACTOR and price * JUMP_FACTOR > mark)


@compiled_inline
def price_is_believed(inst: Row, price: int) -> bool:
    """Return whether ``price`` may be a mark; a jump needs two more to the same place."""
    if inst["mark"] == 0 or _is_near(price=price, mark=inst["mark"]):
        inst["suspects"] = 0
        return True
    if inst["suspects"] > 0 and not _is_near(price=price, mark=inst["suspect"]):
        inst["suspects"] = 0
    inst["suspect"] = price
    inst["suspects"] += 1
    return bool(inst["suspects"] >= JUMPS_BELIEVED)


@compiled
def comes_in_time(inst: Row, row: Row) -> bool:
    """Return whether a number is not older than the last good one and not from the future."""
    return bool(inst["good_ns"] <= row["src_ts_ns"] <= row["ts_ns"] + FUTURE_NS_MAX)


@compiled
def quarantine(inst: Row, account: Row) -> None:
    """Count a bad number; entries on the symbol wait until a good one comes."""
    inst["quarantined"] += 1
    inst["garbage"] += 1
    account["garbage"] += 1


@compiled_inline
def update_atr(spec: Row, inst: Row, high: int, low: int, close: int) -> None:
    """Fold one closed bar into the average true range and its baseline, in ticks.

    The first ``atr_periods`` true ranges are averaged; after that Wilder's smoothing. The baseline
    is the same smoothing of the ATR itself over ``atr_baseline_periods``.

    Source:
        Wilder, "New Concepts in Technical Trading Systems", 1978, chapter on volatility.
    """
    previous = inst["previous_close"]
    true_range = high - low
    if previous > 0:
        true_range = max(true_range, abs(high - previous), abs(low - previous))
    count = inst["atr_count"] + 1
    inst["atr_count"] = count
    periods = float(min(count, spec["atr_periods"]))
    atr = inst["atr"] + (float(true_range) - inst["atr"]) / periods
    inst["atr"] = atr
    if count >= spec["atr_periods"]:
        since = float(min(count - spec["atr_periods"] + 1, spec["atr_baseline_periods"]))
        inst["atr_baseline"] += (atr - inst["atr_baseline"]) / since
    inst["previous_close"] = close


@compiled
def spread_ppm(spec: Row, bid: int, ask: int) -> int:
    """Return the spread over the mid, in ppm; the declared assumption where no quotes come."""
    if spec["feed"] != Feed.QUOTE or bid <= 0 or ask <= 0:
        return int(spec["spread_assumed_ppm"])
    return int((ask - bid) * 2 * PPM // (ask + bid))


@compiled
def update_quote(inst: Row, bid: int, ask: int) -> None:
    """Take a quote; the mark is the mid, rounded down. An unsound book moves nothing."""
    inst["bid"] = bid
    inst["ask"] = ask
    inst["book_sound"] = 1 if 0 < bid < ask else 0
    if inst["book_sound"] == 1:
        inst["mark"] = (bid + ask) // 2
