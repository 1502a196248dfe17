"""The instrument's rules about the order itself, ``Reason`` 61..77: one function, one reason."""

from typing import Final

from interlock.kernel.codes import BUY, Flag, Level, OrderKind, Role
from interlock.kernel.compiled import compiled
from interlock.kernel.reasons import MASK_BITS, Reason
from interlock.kernel.records import Row, Rows
from interlock.kernel.units import (
    PPM,
    PRICE_TICKS_MAX,
    QTY_LOTS_MAX,
    UNITS_MAX,
)
from interlock.kernel.verdicts import cap, floor, forbid, record

FIRST_BIT: Final = MASK_BITS + 1  # reason 63 is bit 0 of the high word


@compiled
def instrument_latched(policy: Row, view: Row, ask: Row, verdict: Row) -> bool:
    """No entry while a latch over the instrument is PAUSED or stricter."""
    level = view["instrument_level"]
    failed = level >= Level.PAUSED and ask["reducing"] == 0
    return record(verdict=verdict, value=level, limit=Level.REDUCED, failed=failed)


@compiled
def symbol_not_allowed(policy: Row, view: Row, ask: Row, verdict: Row) -> bool:
    """Only a symbol that the policy allows may be entered."""
    allowed = policy["instruments"][ask["instrument"]]["allowed"]
    failed = allowed != 1 and ask["reducing"] == 0
    return record(verdict=verdict, value=allowed, limit=1, failed=failed)


@compiled
def qty_not_positive(policy: Row, view: Row, ask: Row, verdict: Row) -> bool:
    """An order of nothing is no order."""
    return record(verdict=verdict, value=ask["qty"], limit=1, failed=ask["qty"] < 1)


@compiled
def qty_off_lot(policy: Row, view: Row, ask: Row, verdict: Row) -> bool:
    """The quantity is a multiple of the venue's lot; what closes a position whole may be odd."""
    lot = policy["instruments"][ask["instrument"]]["lot"]
    over = 0
    if lot > 0:
        over = ask["qty"] % lot
    whole = ask["reducing"] == 1 and ask["qty"] == abs(view["position"])
    failed = (over != 0 or lot <= 0) and not whole
    return record(verdict=verdict, value=over, limit=lot, failed=failed)


@compiled
def qty_below_minimum(policy: Row, view: Row, ask: Row, verdict: Row) -> bool:
    """The venue's smallest order."""
    limit = policy["instruments"][ask["instrument"]]["lot_min"]
    return floor(verdict=verdict, value=ask["qty"], limit=limit, reducing=ask["reducing"])


@compiled
def instrument_order_qty(policy: Row, view: Row, ask: Row, verdict: Row) -> bool:
    """One order's quantity, for this instrument."""
    limit = policy["instruments"][ask["instrument"]]["limits"]["order_lots"]
    return cap(verdict=verdict, value=ask["qty"], limit=limit, reducing=ask["reducing"])


@compiled
def instrument_order_notional(policy: Row, view: Row, ask: Row, verdict: Row) -> bool:
    """One order's notional, for this instrument."""
    limit = policy["instruments"][ask["instrument"]]["limits"]["order_notional_units"]
    return cap(verdict=verdict, value=ask["notional_units"], limit=limit, reducing=ask["reducing"])


@compiled
def notional_below_minimum(policy: Row, view: Row, ask: Row, verdict: Row) -> bool:
    """The venue's smallest notional."""
    limit = policy["instruments"][ask["instrument"]]["limits"]["order_notional_min_units"]
    return floor(
        verdict=verdict, value=ask["notional_units"], limit=limit, reducing=ask["reducing"]
    )


@compiled
def price_not_positive(policy: Row, view: Row, ask: Row, verdict: Row) -> bool:
    """Prices are positive: the one to trade at, and a stop's trigger."""
    price = ask["price"]
    if ask["order_kind"] == OrderKind.STOP or ask["order_kind"] == OrderKind.STOP_LIMIT:
        price = min(price, ask["trigger"])
    return record(verdict=verdict, value=price, limit=1, failed=price < 1)


@compiled
def price_off_tick(policy: Row, view: Row, ask: Row, verdict: Row) -> bool:
    """Limit prices and triggers are on the venue's grid."""
    tick = policy["instruments"][ask["instrument"]]["tick"]
    over = 0
    if tick > 0:
        if ask["order_kind"] == OrderKind.LIMIT or ask["order_kind"] == OrderKind.STOP_LIMIT:
            over = ask["price"] % tick
        over = max(over, ask["trigger"] % tick)
    return record(verdict=verdict, value=over, limit=tick, failed=over != 0 or tick <= 0)


@compiled
def price_collar(policy: Row, view: Row, ask: Row, verdict: Row) -> bool:
    """How far the price is from the mark, in ppm."""
    mark = view["mark"]
    limit = policy["instruments"][ask["instrument"]]["limits"]["collar_ppm"]
    away_ppm = 0
    if mark > 0:
        away_ppm = -(-abs(ask["price"] - mark) * PPM // mark)
    return cap(verdict=verdict, value=away_ppm, limit=limit, reducing=ask["reducing"])


@compiled
def numbers_out_of_range(policy: Row, view: Row, ask: Row, verdict: Row) -> bool:
    """Price, quantity and notional are numbers the ledger can hold; nothing ever wraps."""
    spec = policy["instruments"][ask["instrument"]]
    per_lot = float(ask["price"]) * float(spec["unit_num"])
    large = not per_lot * float(ask["qty"]) < float(UNITS_MAX) * float(spec["unit_den"])
    large = large or not per_lot < float(UNITS_MAX)
    large = large or ask["qty"] > QTY_LOTS_MAX or ask["price"] > PRICE_TICKS_MAX
    large = large or ask["trigger"] > PRICE_TICKS_MAX
    return record(verdict=verdict, value=ask["qty"], limit=QTY_LOTS_MAX, failed=large)


@compiled
def reduce_only_without_position(policy: Row, view: Row, ask: Row, verdict: Row) -> bool:
    """A reduce-only order needs a position on the other side."""
    reduce_only = ask["flags"] & Flag.REDUCE_ONLY != 0
    room = -ask["side"] * view["position"]
    return record(verdict=verdict, value=room, limit=1, failed=reduce_only and room < 1)


@compiled
def reduce_only_flips(policy: Row, view: Row, ask: Row, verdict: Row) -> bool:
    """All reduce-only orders of a side together never exceed the position.

    A pair of which one leg cancels the other counts once, so the target of a pair asks for
    nothing that its stop does not hold already.
    """
    reduce_only = ask["flags"] & Flag.REDUCE_ONLY != 0
    resting = view["reduce_buy"] if ask["side"] == BUY else view["reduce_sell"]
    wanted = resting
    if ask["role"] != Role.TARGET or resting == 0:
        wanted += ask["qty"]
    wanted = max(wanted, ask["qty"])
    held = abs(view["position"])
    return record(verdict=verdict, value=wanted, limit=held, failed=reduce_only and wanted > held)


@compiled
def children_exceed_parent(policy: Row, view: Row, ask: Row, verdict: Row) -> bool:
    """A child order takes no more than its parent has left to give."""
    left = ask["parent_qty"]
    return record(
        verdict=verdict, value=ask["qty"], limit=left, failed=left > 0 and ask["qty"] > left
    )


@compiled
def self_match(policy: Row, view: Row, ask: Row, verdict: Row) -> bool:
    """An entry never meets our own resting order on the other side."""
    best = view["resting_opposite_best"]
    crosses = 0
    if best > 0:
        if ask["order_kind"] == OrderKind.MARKET or ask["side"] * (ask["price"] - best) >= 0:
            crosses = 1
    return forbid(verdict=verdict, value=crosses, reducing=ask["reducing"])


@compiled
def repeated_order(policy: Row, view: Row, ask: Row, verdict: Row) -> bool:
    """Identical orders within the window."""
    limit = policy["instruments"][ask["instrument"]]["limits"]["repeat_count"]
    return cap(verdict=verdict, value=view["repeats"] + 1, limit=limit, reducing=ask["reducing"])


@compiled
def gate_order(policy: Row, view: Row, ask: Row, verdicts: Rows) -> tuple[int, int]:
    """Run the rules about the order; return the masks (low word, high word) of what failed."""
    low = 0
    mask = 0
    if instrument_latched(policy, view, ask, verdicts[Reason.INSTRUMENT_LATCHED]):
        low |= 1 << (Reason.INSTRUMENT_LATCHED - 1)
    if symbol_not_allowed(policy, view, ask, verdicts[Reason.SYMBOL_NOT_ALLOWED]):
        low |= 1 << (Reason.SYMBOL_NOT_ALLOWED - 1)
    if qty_not_positive(policy, view, ask, verdicts[Reason.QTY_NOT_POSITIVE]):
        mask |= 1 << (Reason.QTY_NOT_POSITIVE - FIRST_BIT)
    if qty_off_lot(policy, view, ask, verdicts[Reason.QTY_OFF_LOT]):
        mask |= 1 << (Reason.QTY_OFF_LOT - FIRST_BIT)
    if qty_below_minimum(policy, view, ask, verdicts[Reason.QTY_BELOW_MINIMUM]):
        mask |= 1 << (Reason.QTY_BELOW_MINIMUM - FIRST_BIT)
    if instrument_order_qty(policy, view, ask, verdicts[Reason.INSTRUMENT_ORDER_QTY]):
        mask |= 1 << (Reason.INSTRUMENT_ORDER_QTY - FIRST_BIT)
    if instrument_order_notional(policy, view, ask, verdicts[Reason.INSTRUMENT_ORDER_NOTIONAL]):
        mask |= 1 << (Reason.INSTRUMENT_ORDER_NOTIONAL - FIRST_BIT)
    if notional_below_minimum(policy, view, ask, verdicts[Reason.NOTIONAL_BELOW_MINIMUM]):
        mask |= 1 << (Reason.NOTIONAL_BELOW_MINIMUM - FIRST_BIT)
    if price_not_positive(policy, view, ask, verdicts[Reason.PRICE_NOT_POSITIVE]):
        mask |= 1 << (Reason.PRICE_NOT_POSITIVE - FIRST_BIT)
    if price_off_tick(policy, view, ask, verdicts[Reason.PRICE_OFF_TICK]):
        mask |= 1 << (Reason.PRICE_OFF_TICK - FIRST_BIT)
    if price_collar(policy, view, ask, verdicts[Reason.PRICE_COLLAR]):
        mask |= 1 << (Reason.PRICE_COLLAR - FIRST_BIT)
    if numbers_out_of_range(policy, view, ask, verdicts[Reason.NUMBERS_OUT_OF_RANGE]):
        mask |= 1 << (Reason.NUMBERS_OUT_OF_RANGE - FIRST_BIT)
    if reduce_only_without_position(
        policy, view, ask, verdicts[Reason.REDUCE_ONLY_WITHOUT_POSITION]
    ):
        mask |= 1 << (Reason.REDUCE_ONLY_WITHOUT_POSITION - FIRST_BIT)
    if reduce_only_flips(policy, view, ask, verdicts[Reason.REDUCE_ONLY_FLIPS]):
        mask |= 1 << (Reason.REDUCE_ONLY_FLIPS - FIRST_BIT)
    if children_exceed_parent(policy, view, ask, verdicts[Reason.CHILDREN_EXCEED_PARENT]):
        mask |= 1 << (Reason.CHILDREN_EXCEED_PARENT - FIRST_BIT)
    if self_match(policy, view, ask, verdicts[Reason.SELF_MATCH]):
        mask |= 1 << (Reason.SELF_MATCH - FIRST_BIT)
    if repeated_order(policy, view, ask, verdicts[Reason.REPEATED_ORDER]):
        mask |= 1 << (Reason.REPEATED_ORDER - FIRST_BIT)
    return low, mask
