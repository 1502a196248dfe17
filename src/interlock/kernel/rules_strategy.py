"""The strategy's rules, in the order of ``Reason`` 31..59. Each is one function and one reason."""

from typing import Final

from interlock.kernel.codes import Level
from interlock.kernel.compiled import compiled
from interlock.kernel.reasons import Reason
from interlock.kernel.records import Row, Rows
from interlock.kernel.units import BP_PPM, PPM, mul_div, mul_div_up
from interlock.kernel.verdicts import cap, floor, forbid, record

MEASURED_TRADES_MIN: Final = 30  # closed trades before a strategy's own edge is believed


@compiled
def strategy_latched(policy: Row, view: Row, ask: Row, verdict: Row) -> bool:
    """No entry while a latch over the strategy is PAUSED or stricter."""
    level = view["strategy_level"]
    failed = level >= Level.PAUSED and ask["reducing"] == 0
    return record(verdict=verdict, value=level, limit=Level.REDUCED, failed=failed)


@compiled
def strategy_not_enabled(policy: Row, view: Row, ask: Row, verdict: Row) -> bool:
    """Only a strategy that the policy enables may enter."""
    enabled = policy["strategies"][ask["strategy"]]["enabled"]
    failed = enabled != 1 and ask["reducing"] == 0
    return record(verdict=verdict, value=enabled, limit=1, failed=failed)


@compiled
def strategy_order_notional(policy: Row, view: Row, ask: Row, verdict: Row) -> bool:
    """One order's notional, for this strategy."""
    limit = policy["strategies"][ask["strategy"]]["limits"]["order_notional_units"]
    return cap(verdict=verdict, value=ask["notional_units"], limit=limit, reducing=ask["reducing"])


@compiled
def strategy_gross_notional(policy: Row, view: Row, ask: Row, verdict: Row) -> bool:
    """Sum of absolute notionals of the strategy's positions and entries."""
    value = view["strategy_gross_units"] + ask["notional_units"]
    limit = policy["strategies"][ask["strategy"]]["limits"]["gross_notional_units"]
    return cap(verdict=verdict, value=value, limit=limit, reducing=ask["reducing"])


@compiled
def strategy_open_orders(policy: Row, view: Row, ask: Row, verdict: Row) -> bool:
    """The strategy's orders that rest or are on their way."""
    limit = policy["strategies"][ask["strategy"]]["limits"]["open_orders"]
    value = view["strategy_open_orders"] + 1
    return cap(verdict=verdict, value=value, limit=limit, reducing=ask["reducing"])


@compiled
def strategy_open_positions(policy: Row, view: Row, ask: Row, verdict: Row) -> bool:
    """The strategy's positions held or on their way."""
    limit = policy["strategies"][ask["strategy"]]["limits"]["open_positions"]
    value = view["strategy_open_positions"] + view["opens_position"]
    return cap(verdict=verdict, value=value, limit=limit, reducing=ask["reducing"])


@compiled
def strategy_orders_per_second(policy: Row, view: Row, ask: Row, verdict: Row) -> bool:
    """The strategy's orders within a second."""
    limit = policy["strategies"][ask["strategy"]]["limits"]["orders_per_second"]
    value = view["strategy_second"] + 1
    return cap(verdict=verdict, value=value, limit=limit, reducing=ask["reducing"])


@compiled
def strategy_orders_per_minute(policy: Row, view: Row, ask: Row, verdict: Row) -> bool:
    """The strategy's orders within a minute."""
    limit = policy["strategies"][ask["strategy"]]["limits"]["orders_per_minute"]
    value = view["strategy_minute"] + 1
    return cap(verdict=verdict, value=value, limit=limit, reducing=ask["reducing"])


@compiled
def strategy_orders_per_day(policy: Row, view: Row, ask: Row, verdict: Row) -> bool:
    """The strategy's orders since the day began."""
    limit = policy["strategies"][ask["strategy"]]["limits"]["orders_per_day"]
    value = view["strategy_day"] + 1
    return cap(verdict=verdict, value=value, limit=limit, reducing=ask["reducing"])


@compiled
def measured(view: Row) -> bool:
    """Return whether the strategy closed enough trades for its own edge to be believed."""
    return bool(view["strategy_trades"] >= MEASURED_TRADES_MIN)


@compiled
def edge_unknown(policy: Row, view: Row, ask: Row, verdict: Row) -> bool:
    """An entry states its edge, or the strategy has measured one, or it says it needs none."""
    known = 1 if ask["has_edge"] == 1 or measured(view=view) else 0
    required = policy["strategies"][ask["strategy"]]["edge_required"]
    failed = known < required and ask["reducing"] == 0
    return record(verdict=verdict, value=known, limit=required, failed=failed)


@compiled
def edge_too_small(policy: Row, view: Row, ask: Row, verdict: Row) -> bool:
    """What is left of the edge after the round trip's costs, in bps.

    A stated edge is before costs; a measured one is after them already.
    """
    required = policy["strategies"][ask["strategy"]]["edge_required"] == 1
    limit_bps = policy["account"]["costs"]["edge_min_bps"]
    known = True
    edge_bps = 0
    if ask["has_edge"] == 1:
        cost_ppm = 0
        if ask["notional_units"] > 0:
            cost_ppm = mul_div_up(a=ask["cost_units"], b=PPM, c=ask["notional_units"])
        edge_bps = ask["edge_bps"] + (-cost_ppm // BP_PPM)
    elif measured(view=view):
        edge_bps = view["strategy_edge_bps"]
    else:
        known = False
    failed = required and known and edge_bps < limit_bps and ask["reducing"] == 0
    return record(verdict=verdict, value=edge_bps, limit=limit_bps, failed=failed)


@compiled
def position_of_another(policy: Row, view: Row, ask: Row, verdict: Row) -> bool:
    """A position belongs to the strategy that opened it; no other may add to it."""
    held = view["position"] != 0 or view["entry_buy"] > 0 or view["entry_sell"] > 0
    failed = held and view["owner"] != ask["strategy"] and ask["reducing"] == 0
    return record(verdict=verdict, value=view["owner"], limit=ask["strategy"], failed=failed)


@compiled
def already_in_position(policy: Row, view: Row, ask: Row, verdict: Row) -> bool:
    """One trade per instrument: an entry neither adds to one, nor joins another entry.

    Nor does it meet what is left of the trade before: its stop would be counted with the new one.
    """
    held = abs(view["position"]) + view["entry_buy"] + view["entry_sell"]
    held += view["reduce_buy"] + view["reduce_sell"]
    return forbid(verdict=verdict, value=held, reducing=ask["reducing"])


@compiled
def stop_missing(policy: Row, view: Row, ask: Row, verdict: Row) -> bool:
    """No entry without a stop that can rest: the range is not known yet, or the price is wrong."""
    return floor(verdict=verdict, value=ask["stop_distance"], limit=1, reducing=ask["reducing"])


@compiled
def risk_per_trade(policy: Row, view: Row, ask: Row, verdict: Row) -> bool:
    """The loss at the stop, costs included, against ``risk_per_trade`` of equity."""
    limit_ppm = policy["account"]["sizing"]["risk_ppm"]
    limit = mul_div(a=max(view["equity_units"], 0), b=limit_ppm, c=PPM)
    return cap(verdict=verdict, value=ask["risk_units"], limit=limit, reducing=ask["reducing"])


@compiled
def size_is_zero(policy: Row, view: Row, ask: Row, verdict: Row) -> bool:
    """Sizing found that not even one lot fits."""
    failed = ask["qty"] < 1 and ask["reducing"] == 0
    return record(verdict=verdict, value=ask["qty"], limit=1, failed=failed)


@compiled
def gate_strategy(policy: Row, view: Row, ask: Row, verdicts: Rows) -> int:
    """Run the strategy's rules; return the mask of those that failed, bit reason - 1."""
    mask = 0
    if strategy_latched(policy, view, ask, verdicts[Reason.STRATEGY_LATCHED]):
        mask |= 1 << (Reason.STRATEGY_LATCHED - 1)
    if strategy_not_enabled(policy, view, ask, verdicts[Reason.STRATEGY_NOT_ENABLED]):
        mask |= 1 << (Reason.STRATEGY_NOT_ENABLED - 1)
    if strategy_order_notional(policy, view, ask, verdicts[Reason.STRATEGY_ORDER_NOTIONAL]):
        mask |= 1 << (Reason.STRATEGY_ORDER_NOTIONAL - 1)
    if strategy_gross_notional(policy, view, ask, verdicts[Reason.STRATEGY_GROSS_NOTIONAL]):
        mask |= 1 << (Reason.STRATEGY_GROSS_NOTIONAL - 1)
    if strategy_open_orders(policy, view, ask, verdicts[Reason.STRATEGY_OPEN_ORDERS]):
        mask |= 1 << (Reason.STRATEGY_OPEN_ORDERS - 1)
    if strategy_open_positions(policy, view, ask, verdicts[Reason.STRATEGY_OPEN_POSITIONS]):
        mask |= 1 << (Reason.STRATEGY_OPEN_POSITIONS - 1)
    if strategy_orders_per_second(policy, view, ask, verdicts[Reason.STRATEGY_ORDERS_PER_SECOND]):
        mask |= 1 << (Reason.STRATEGY_ORDERS_PER_SECOND - 1)
    if strategy_orders_per_minute(policy, view, ask, verdicts[Reason.STRATEGY_ORDERS_PER_MINUTE]):
        mask |= 1 << (Reason.STRATEGY_ORDERS_PER_MINUTE - 1)
    if strategy_orders_per_day(policy, view, ask, verdicts[Reason.STRATEGY_ORDERS_PER_DAY]):
        mask |= 1 << (Reason.STRATEGY_ORDERS_PER_DAY - 1)
    if edge_unknown(policy, view, ask, verdicts[Reason.EDGE_UNKNOWN]):
        mask |= 1 << (Reason.EDGE_UNKNOWN - 1)
    if edge_too_small(policy, view, ask, verdicts[Reason.EDGE_TOO_SMALL]):
        mask |= 1 << (Reason.EDGE_TOO_SMALL - 1)
    if position_of_another(policy, view, ask, verdicts[Reason.POSITION_OF_ANOTHER_STRATEGY]):
        mask |= 1 << (Reason.POSITION_OF_ANOTHER_STRATEGY - 1)
    if already_in_position(policy, view, ask, verdicts[Reason.ALREADY_IN_POSITION]):
        mask |= 1 << (Reason.ALREADY_IN_POSITION - 1)
    if stop_missing(policy, view, ask, verdicts[Reason.STOP_MISSING]):
        mask |= 1 << (Reason.STOP_MISSING - 1)
    if risk_per_trade(policy, view, ask, verdicts[Reason.RISK_PER_TRADE]):
        mask |= 1 << (Reason.RISK_PER_TRADE - 1)
    if size_is_zero(policy, view, ask, verdicts[Reason.SIZE_IS_ZERO]):
        mask |= 1 << (Reason.SIZE_IS_ZERO - 1)
    return mask
