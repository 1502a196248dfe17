"""The instrument's rules about position and market, ``Reason`` 91..119: one function, one each."""

from typing import Final

from interlock.kernel.codes import Feed
from interlock.kernel.compiled import compiled
from interlock.kernel.market import spread_ppm
from interlock.kernel.reasons import Reason
from interlock.kernel.records import Row, Rows
from interlock.kernel.rules_account import leverage_of
from interlock.kernel.rules_order import FIRST_BIT
from interlock.kernel.units import LIMIT_NONE, NS_PER_SECOND, PPM, mul_div
from interlock.kernel.verdicts import cap, forbid, record

DAILY_NS: Final = 20 * 3_600 * NS_PER_SECOND  # bars at least this long rest until the next open


@compiled
def worst_lots(view: Row, ask: Row) -> int:
    """Return the largest absolute position if everything in flight on the order's side fills."""
    if ask["side"] > 0:
        return int(abs(view["position"] + view["entry_buy"] + ask["qty"]))
    return int(abs(view["position"] - view["entry_sell"] - ask["qty"]))


@compiled
def worst_units(view: Row, ask: Row) -> int:
    """Return the same as a notional."""
    held = abs(view["position_value_units"]) + view["instrument_pending_units"]
    return int(held + ask["notional_units"])


@compiled
def instrument_position_qty(policy: Row, view: Row, ask: Row, verdict: Row) -> bool:
    """The position in lots."""
    limit = policy["instruments"][ask["instrument"]]["limits"]["position_lots"]
    value = worst_lots(view=view, ask=ask)
    return cap(verdict=verdict, value=value, limit=limit, reducing=ask["reducing"])


@compiled
def instrument_position_notional(policy: Row, view: Row, ask: Row, verdict: Row) -> bool:
    """The position's notional."""
    limit = policy["instruments"][ask["instrument"]]["limits"]["position_notional_units"]
    value = worst_units(view=view, ask=ask)
    return cap(verdict=verdict, value=value, limit=limit, reducing=ask["reducing"])


@compiled
def instrument_position_fraction(policy: Row, view: Row, ask: Row, verdict: Row) -> bool:
    """The position's notional against a fraction of equity."""
    limit_ppm = policy["instruments"][ask["instrument"]]["limits"]["position_ppm"]
    limit = LIMIT_NONE
    if limit_ppm < LIMIT_NONE:
        limit = mul_div(a=max(view["equity_units"], 0), b=limit_ppm, c=PPM)
    value = worst_units(view=view, ask=ask)
    return cap(verdict=verdict, value=value, limit=limit, reducing=ask["reducing"])


@compiled
def instrument_leverage(policy: Row, view: Row, ask: Row, verdict: Row) -> bool:
    """The position's notional over equity, and the leverage asked for."""
    value = leverage_of(
        gross_units=worst_units(view=view, ask=ask), equity_units=view["equity_units"]
    )
    limit = policy["instruments"][ask["instrument"]]["limits"]["leverage_ppm"]
    value = max(value, ask["leverage_ppm"])
    return cap(verdict=verdict, value=value, limit=limit, reducing=ask["reducing"])


@compiled
def instrument_open_orders(policy: Row, view: Row, ask: Row, verdict: Row) -> bool:
    """Orders of the instrument that rest or are on their way."""
    limit = policy["instruments"][ask["instrument"]]["limits"]["open_orders"]
    value = view["instrument_open_orders"] + 1
    return cap(verdict=verdict, value=value, limit=limit, reducing=ask["reducing"])


@compiled
def instrument_orders_per_second(policy: Row, view: Row, ask: Row, verdict: Row) -> bool:
    """Orders of the instrument within a second."""
    limit = policy["instruments"][ask["instrument"]]["limits"]["orders_per_second"]
    value = view["instrument_second"] + 1
    return cap(verdict=verdict, value=value, limit=limit, reducing=ask["reducing"])


@compiled
def instrument_orders_per_minute(policy: Row, view: Row, ask: Row, verdict: Row) -> bool:
    """Orders of the instrument within a minute."""
    limit = policy["instruments"][ask["instrument"]]["limits"]["orders_per_minute"]
    value = view["instrument_minute"] + 1
    return cap(verdict=verdict, value=value, limit=limit, reducing=ask["reducing"])


@compiled
def instrument_orders_per_day(policy: Row, view: Row, ask: Row, verdict: Row) -> bool:
    """Orders of the instrument since the day began."""
    limit = policy["instruments"][ask["instrument"]]["limits"]["orders_per_day"]
    value = view["instrument_day"] + 1
    return cap(verdict=verdict, value=value, limit=limit, reducing=ask["reducing"])


@compiled
def order_outcome_unknown(policy: Row, view: Row, ask: Row, verdict: Row) -> bool:
    """While an order's fate is unknown, nothing new opens on its symbol."""
    return forbid(verdict=verdict, value=view["unknown_orders"], reducing=ask["reducing"])


@compiled
def position_unprotected(policy: Row, view: Row, ask: Row, verdict: Row) -> bool:
    """While a position has no stop at the venue, nothing new opens on its symbol."""
    return forbid(verdict=verdict, value=view["unprotected"], reducing=ask["reducing"])


@compiled
def mark_missing(policy: Row, view: Row, ask: Row, verdict: Row) -> bool:
    """Without a price nothing can be judged."""
    failed = view["mark"] < 1 and ask["reducing"] == 0
    return record(verdict=verdict, value=view["mark"], limit=1, failed=failed)


@compiled
def data_stale(policy: Row, view: Row, ask: Row, verdict: Row) -> bool:
    """How long ago the last good number was; from the future is as bad as too old."""
    limit = policy["instruments"][ask["instrument"]]["limits"]["data_age_ns"]
    age = view["data_age_ns"]
    failed = (age > limit or age < 0 or limit <= 0) and ask["reducing"] == 0
    return record(verdict=verdict, value=age, limit=limit, failed=failed)


@compiled
def data_quarantined(policy: Row, view: Row, ask: Row, verdict: Row) -> bool:
    """Bad numbers since the last good one."""
    return forbid(verdict=verdict, value=view["quarantined"], reducing=ask["reducing"])


@compiled
def spread_too_wide(policy: Row, view: Row, ask: Row, verdict: Row) -> bool:
    """The spread over the mid; assumed, and marked so, where the feed carries no quotes."""
    spec = policy["instruments"][ask["instrument"]]
    value = spread_ppm(spec=spec, bid=view["bid"], ask=view["ask"])
    limit = spec["limits"]["spread_ppm"]
    failed = cap(verdict=verdict, value=value, limit=limit, reducing=ask["reducing"])
    verdict["assumed"] = 1 if spec["feed"] != Feed.QUOTE else 0
    return failed


@compiled
def book_not_sound(policy: Row, view: Row, ask: Row, verdict: Row) -> bool:
    """A crossed, locked or one-sided book has no price; only quotes can show one."""
    spec = policy["instruments"][ask["instrument"]]
    unsound = 0
    if spec["feed"] == Feed.QUOTE and view["book_sound"] != 1:
        unsound = 1
    failed = forbid(verdict=verdict, value=unsound, reducing=ask["reducing"])
    verdict["assumed"] = 1 if spec["feed"] != Feed.QUOTE else 0
    return failed


@compiled
def session_closed(policy: Row, view: Row, ask: Row, verdict: Row) -> bool:
    """The exchange is open; an order decided on a daily bar rests until the next open."""
    spec = policy["instruments"][ask["instrument"]]
    open_now = view["session_open"]
    waits = spec["period_ns"] >= DAILY_NS and spec["feed"] == Feed.BAR
    if spec["always_open"] == 1 or waits:
        open_now = 1
    closed = open_now != 1 and ask["reducing"] == 0
    failed = record(verdict=verdict, value=open_now, limit=1, failed=closed)
    verdict["assumed"] = 1 if waits else 0
    return failed


@compiled
def blackout(policy: Row, view: Row, ask: Row, verdict: Row) -> bool:
    """Blackout windows that are running: earnings, central banks, the operator's own."""
    return forbid(verdict=verdict, value=view["blackouts"], reducing=ask["reducing"])


@compiled
def venue_halted(policy: Row, view: Row, ask: Row, verdict: Row) -> bool:
    """The venue itself stopped trading in the symbol."""
    return forbid(verdict=verdict, value=view["venue_halted"], reducing=ask["reducing"])


@compiled
def not_reconciled(policy: Row, view: Row, ask: Row, verdict: Row) -> bool:
    """Our position and the venue's have to be known to agree."""
    return forbid(verdict=verdict, value=view["not_reconciled"], reducing=ask["reducing"])


@compiled
def gate_market(policy: Row, view: Row, ask: Row, verdicts: Rows) -> int:
    """Run the rules about position and market; return the high mask word of what failed."""
    mask = 0
    if instrument_position_qty(policy, view, ask, verdicts[Reason.INSTRUMENT_POSITION_QTY]):
        mask |= 1 << (Reason.INSTRUMENT_POSITION_QTY - FIRST_BIT)
    if instrument_position_notional(
        policy, view, ask, verdicts[Reason.INSTRUMENT_POSITION_NOTIONAL]
    ):
        mask |= 1 << (Reason.INSTRUMENT_POSITION_NOTIONAL - FIRST_BIT)
    if instrument_position_fraction(
        policy, view, ask, verdicts[Reason.INSTRUMENT_POSITION_FRACTION]
    ):
        mask |= 1 << (Reason.INSTRUMENT_POSITION_FRACTION - FIRST_BIT)
    if instrument_leverage(policy, view, ask, verdicts[Reason.INSTRUMENT_LEVERAGE]):
        mask |= 1 << (Reason.INSTRUMENT_LEVERAGE - FIRST_BIT)
    if instrument_open_orders(policy, view, ask, verdicts[Reason.INSTRUMENT_OPEN_ORDERS]):
        mask |= 1 << (Reason.INSTRUMENT_OPEN_ORDERS - FIRST_BIT)
    if instrument_orders_per_second(
        policy, view, ask, verdicts[Reason.INSTRUMENT_ORDERS_PER_SECOND]
    ):
        mask |= 1 << (Reason.INSTRUMENT_ORDERS_PER_SECOND - FIRST_BIT)
    if instrument_orders_per_minute(
        policy, view, ask, verdicts[Reason.INSTRUMENT_ORDERS_PER_MINUTE]
    ):
        mask |= 1 << (Reason.INSTRUMENT_ORDERS_PER_MINUTE - FIRST_BIT)
    if instrument_orders_per_day(policy, view, ask, verdicts[Reason.INSTRUMENT_ORDERS_PER_DAY]):
        mask |= 1 << (Reason.INSTRUMENT_ORDERS_PER_DAY - FIRST_BIT)
    if order_outcome_unknown(policy, view, ask, verdicts[Reason.ORDER_OUTCOME_UNKNOWN]):
        mask |= 1 << (Reason.ORDER_OUTCOME_UNKNOWN - FIRST_BIT)
    if position_unprotected(policy, view, ask, verdicts[Reason.POSITION_UNPROTECTED]):
        mask |= 1 << (Reason.POSITION_UNPROTECTED - FIRST_BIT)
    if mark_missing(policy, view, ask, verdicts[Reason.MARK_MISSING]):
        mask |= 1 << (Reason.MARK_MISSING - FIRST_BIT)
    if data_stale(policy, view, ask, verdicts[Reason.DATA_STALE]):
        mask |= 1 << (Reason.DATA_STALE - FIRST_BIT)
    if data_quarantined(policy, view, ask, verdicts[Reason.DATA_QUARANTINED]):
        mask |= 1 << (Reason.DATA_QUARANTINED - FIRST_BIT)
    if spread_too_wide(policy, view, ask, verdicts[Reason.SPREAD_TOO_WIDE]):
        mask |= 1 << (Reason.SPREAD_TOO_WIDE - FIRST_BIT)
    if book_not_sound(policy, view, ask, verdicts[Reason.BOOK_NOT_SOUND]):
        mask |= 1 << (Reason.BOOK_NOT_SOUND - FIRST_BIT)
    if session_closed(policy, view, ask, verdicts[Reason.SESSION_CLOSED]):
        mask |= 1 << (Reason.SESSION_CLOSED - FIRST_BIT)
    if blackout(policy, view, ask, verdicts[Reason.BLACKOUT]):
        mask |= 1 << (Reason.BLACKOUT - FIRST_BIT)
    if venue_halted(policy, view, ask, verdicts[Reason.VENUE_HALTED]):
        mask |= 1 << (Reason.VENUE_HALTED - FIRST_BIT)
    if not_reconciled(policy, view, ask, verdicts[Reason.NOT_RECONCILED]):
        mask |= 1 << (Reason.NOT_RECONCILED - FIRST_BIT)
    return mask
