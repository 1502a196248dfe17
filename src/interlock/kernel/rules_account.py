"""The account's rules, in the order of ``Reason`` 1..29. Each is one function and one reason.

Every rule sees the account as if all orders in flight were filled and this one too; an order that
can only shrink a position passes every rule that limits growth.
"""

from typing import Final

from interlock.kernel.codes import BUY, Flag, Level
from interlock.kernel.compiled import compiled
from interlock.kernel.reasons import Reason
from interlock.kernel.records import Row, Rows
from interlock.kernel.units import LIMIT_NONE, PPM, mul_div, mul_div_up
from interlock.kernel.verdicts import cap, floor, record

ORDERS_PER_ENTRY: Final = 3  # an entry brings a stop and a target


@compiled
def account_latched(policy: Row, view: Row, ask: Row, verdict: Row) -> bool:
    """No entry while a latch over the whole account is PAUSED or stricter."""
    failed = view["account_level"] >= Level.PAUSED and ask["reducing"] == 0
    return record(verdict=verdict, value=view["account_level"], limit=Level.REDUCED, failed=failed)


@compiled
def order_table_full(policy: Row, view: Row, ask: Row, verdict: Row) -> bool:
    """An entry needs room for itself, its stop and its target; a reducing order for itself."""
    needed = 1 if ask["reducing"] == 1 else ORDERS_PER_ENTRY
    free = view["free_orders"]
    return record(verdict=verdict, value=needed, limit=free, failed=needed > free)


@compiled
def equity_not_positive(policy: Row, view: Row, ask: Row, verdict: Row) -> bool:
    """Nothing can be sized on an account that has nothing."""
    return floor(verdict=verdict, value=view["equity_units"], limit=1, reducing=ask["reducing"])


@compiled
def daily_loss_money(policy: Row, view: Row, ask: Row, verdict: Row) -> bool:
    """Lost since the day began, in money: at the limit it stops."""
    lost_units = view["day_start_units"] - view["equity_units"]
    limit_units = policy["account"]["limits"]["daily_loss_units"]
    failed = (lost_units >= limit_units or limit_units <= 0) and ask["reducing"] == 0
    return record(verdict=verdict, value=lost_units, limit=limit_units, failed=failed)


@compiled
def daily_loss_fraction(policy: Row, view: Row, ask: Row, verdict: Row) -> bool:
    """Lost since the day began, as a fraction of the day's start, against the same in money."""
    lost_units = view["day_start_units"] - view["equity_units"]
    limit_ppm = policy["account"]["limits"]["daily_loss_ppm"]
    limit_units = LIMIT_NONE
    if limit_ppm < LIMIT_NONE:
        limit_units = mul_div(a=max(view["day_start_units"], 0), b=limit_ppm, c=PPM)
    failed = (lost_units >= limit_units or limit_units <= 0) and ask["reducing"] == 0
    return record(verdict=verdict, value=lost_units, limit=limit_units, failed=failed)


@compiled
def max_drawdown(policy: Row, view: Row, ask: Row, verdict: Row) -> bool:
    """Below the highest equity ever, in money: at the limit it stops."""
    lost_units = view["peak_units"] - view["equity_units"]
    limit_ppm = policy["account"]["limits"]["drawdown_ppm"]
    limit_units = LIMIT_NONE
    if limit_ppm < LIMIT_NONE:
        limit_units = mul_div(a=max(view["peak_units"], 0), b=limit_ppm, c=PPM)
    failed = (lost_units >= limit_units or limit_units <= 0) and ask["reducing"] == 0
    return record(verdict=verdict, value=lost_units, limit=limit_units, failed=failed)


@compiled
def account_order_notional(policy: Row, view: Row, ask: Row, verdict: Row) -> bool:
    """One order's notional, for any instrument."""
    limit = policy["account"]["limits"]["order_notional_units"]
    return cap(verdict=verdict, value=ask["notional_units"], limit=limit, reducing=ask["reducing"])


@compiled
def account_gross_notional(policy: Row, view: Row, ask: Row, verdict: Row) -> bool:
    """Sum of absolute notionals."""
    value = view["gross_units"] + ask["notional_units"]
    limit = policy["account"]["limits"]["gross_notional_units"]
    return cap(verdict=verdict, value=value, limit=limit, reducing=ask["reducing"])


@compiled
def account_net_notional(policy: Row, view: Row, ask: Row, verdict: Row) -> bool:
    """Long less short, absolute, with all or none of what is in flight on the order's side."""
    in_flight = view["pending_sell_units"]
    if ask["side"] == BUY:
        in_flight = view["pending_buy_units"]
    alone = view["net_units"] + ask["side"] * ask["notional_units"]
    value = max(abs(alone), abs(alone + ask["side"] * in_flight))
    limit = policy["account"]["limits"]["net_notional_units"]
    return cap(verdict=verdict, value=value, limit=limit, reducing=ask["reducing"])


@compiled
def account_exposure(policy: Row, view: Row, ask: Row, verdict: Row) -> bool:
    """Cash-settled notional plus posted margin, against a fraction of equity."""
    added = ask["notional_units"]
    if ask["flags"] & Flag.MARGIN != 0:
        added = ask["margin_needed_units"]
    value = view["exposure_units"] + added
    limit_ppm = policy["account"]["limits"]["exposure_ppm"]
    limit = LIMIT_NONE
    if limit_ppm < LIMIT_NONE:
        limit = mul_div(a=max(view["equity_units"], 0), b=limit_ppm, c=PPM)
    return cap(verdict=verdict, value=value, limit=limit, reducing=ask["reducing"])


@compiled
def leverage_of(gross_units: int, equity_units: int) -> int:
    """Return gross notional over equity in ppm, rounded up; without equity it is unbounded."""
    if equity_units <= 0:
        return LIMIT_NONE
    if float(gross_units) >= float(equity_units) * 1.0e9:
        return LIMIT_NONE
    return mul_div_up(a=gross_units, b=PPM, c=equity_units)


@compiled
def account_leverage(policy: Row, view: Row, ask: Row, verdict: Row) -> bool:
    """Gross notional over equity."""
    gross_units = view["gross_units"] + ask["notional_units"]
    value = leverage_of(gross_units=gross_units, equity_units=view["equity_units"])
    limit = policy["account"]["limits"]["leverage_ppm"]
    return cap(verdict=verdict, value=value, limit=limit, reducing=ask["reducing"])


@compiled
def account_open_orders(policy: Row, view: Row, ask: Row, verdict: Row) -> bool:
    """Orders that rest or are on their way."""
    limit = policy["account"]["limits"]["open_orders"]
    value = view["open_orders"] + 1
    return cap(verdict=verdict, value=value, limit=limit, reducing=ask["reducing"])


@compiled
def account_open_positions(policy: Row, view: Row, ask: Row, verdict: Row) -> bool:
    """Positions held or on their way; adopted ones count in exposure, not here."""
    limit = policy["account"]["limits"]["open_positions"]
    value = view["open_positions"] + view["opens_position"]
    return cap(verdict=verdict, value=value, limit=limit, reducing=ask["reducing"])


@compiled
def account_orders_per_second(policy: Row, view: Row, ask: Row, verdict: Row) -> bool:
    """Orders sent within a second."""
    limit = policy["account"]["limits"]["orders_per_second"]
    value = view["orders_second"] + 1
    return cap(verdict=verdict, value=value, limit=limit, reducing=ask["reducing"])


@compiled
def account_orders_per_minute(policy: Row, view: Row, ask: Row, verdict: Row) -> bool:
    """Orders sent within a minute."""
    limit = policy["account"]["limits"]["orders_per_minute"]
    value = view["orders_minute"] + 1
    return cap(verdict=verdict, value=value, limit=limit, reducing=ask["reducing"])


@compiled
def account_orders_per_day(policy: Row, view: Row, ask: Row, verdict: Row) -> bool:
    """Orders sent since the day began."""
    limit = policy["account"]["limits"]["orders_per_day"]
    value = view["orders_day"] + 1
    return cap(verdict=verdict, value=value, limit=limit, reducing=ask["reducing"])


@compiled
def cash_short(policy: Row, view: Row, ask: Row, verdict: Row) -> bool:
    """A cash-settled buy pays its notional and fee from cash that nothing else waits for."""
    failed = ask["cash_needed_units"] > view["cash_free_units"] and ask["reducing"] == 0
    return record(
        verdict=verdict,
        value=ask["cash_needed_units"],
        limit=view["cash_free_units"],
        failed=failed,
    )


@compiled
def buying_power_short(policy: Row, view: Row, ask: Row, verdict: Row) -> bool:
    """A margined order posts its margin from equity that is not posted yet."""
    failed = ask["margin_needed_units"] > view["margin_free_units"] and ask["reducing"] == 0
    return record(
        verdict=verdict,
        value=ask["margin_needed_units"],
        limit=view["margin_free_units"],
        failed=failed and ask["margin_needed_units"] > 0,
    )


@compiled
def margin_not_allowed(policy: Row, view: Row, ask: Row, verdict: Row) -> bool:
    """Margin has to be asked for by the strategy and allowed by account and instrument."""
    margin = 1 if ask["flags"] & Flag.MARGIN != 0 else 0
    allowed = policy["account"]["margin_allowed"]
    if policy["instruments"][ask["instrument"]]["margin_allowed"] != 1:
        allowed = 0
    failed = margin > allowed and ask["reducing"] == 0
    return record(verdict=verdict, value=margin, limit=allowed, failed=failed)


@compiled
def shorting_not_allowed(policy: Row, view: Row, ask: Row, verdict: Row) -> bool:
    """Selling what is not held has to be allowed by account and instrument."""
    worst = view["position"] - view["entry_sell"] - view["reduce_sell"] - ask["qty"]
    shorts = 1 if ask["side"] != BUY and worst < 0 else 0
    allowed = policy["account"]["shorting_allowed"]
    if policy["instruments"][ask["instrument"]]["shortable"] != 1:
        allowed = 0
    failed = shorts > allowed and ask["reducing"] == 0
    return record(verdict=verdict, value=shorts, limit=allowed, failed=failed)


@compiled
def leverage_request(policy: Row, view: Row, ask: Row, verdict: Row) -> bool:
    """The leverage an order asks for, against the account's limit."""
    limit = policy["account"]["limits"]["leverage_ppm"]
    return cap(verdict=verdict, value=ask["leverage_ppm"], limit=limit, reducing=ask["reducing"])


@compiled
def policy_not_set(policy: Row, view: Row, ask: Row, verdict: Row) -> bool:
    """Before the first POLICY_SET no breaker knows what to watch: nothing enters."""
    return floor(verdict=verdict, value=view["policy_seq"], limit=1, reducing=ask["reducing"])


@compiled
def gate_account(policy: Row, view: Row, ask: Row, verdicts: Rows) -> int:
    """Run the account's rules; return the mask of those that failed, bit reason - 1."""
    mask = 0
    if account_latched(policy, view, ask, verdicts[Reason.ACCOUNT_LATCHED]):
        mask |= 1 << (Reason.ACCOUNT_LATCHED - 1)
    if order_table_full(policy, view, ask, verdicts[Reason.ORDER_TABLE_FULL]):
        mask |= 1 << (Reason.ORDER_TABLE_FULL - 1)
    if equity_not_positive(policy, view, ask, verdicts[Reason.EQUITY_NOT_POSITIVE]):
        mask |= 1 << (Reason.EQUITY_NOT_POSITIVE - 1)
    if daily_loss_money(policy, view, ask, verdicts[Reason.DAILY_LOSS_MONEY]):
        mask |= 1 << (Reason.DAILY_LOSS_MONEY - 1)
    if daily_loss_fraction(policy, view, ask, verdicts[Reason.DAILY_LOSS_FRACTION]):
        mask |= 1 << (Reason.DAILY_LOSS_FRACTION - 1)
    if max_drawdown(policy, view, ask, verdicts[Reason.MAX_DRAWDOWN]):
        mask |= 1 << (Reason.MAX_DRAWDOWN - 1)
    if account_order_notional(policy, view, ask, verdicts[Reason.ACCOUNT_ORDER_NOTIONAL]):
        mask |= 1 << (Reason.ACCOUNT_ORDER_NOTIONAL - 1)
    if account_gross_notional(policy, view, ask, verdicts[Reason.ACCOUNT_GROSS_NOTIONAL]):
        mask |= 1 << (Reason.ACCOUNT_GROSS_NOTIONAL - 1)
    if account_net_notional(policy, view, ask, verdicts[Reason.ACCOUNT_NET_NOTIONAL]):
        mask |= 1 << (Reason.ACCOUNT_NET_NOTIONAL - 1)
    if account_exposure(policy, view, ask, verdicts[Reason.ACCOUNT_EXPOSURE]):
        mask |= 1 << (Reason.ACCOUNT_EXPOSURE - 1)
    if account_leverage(policy, view, ask, verdicts[Reason.ACCOUNT_LEVERAGE]):
        mask |= 1 << (Reason.ACCOUNT_LEVERAGE - 1)
    if account_open_orders(policy, view, ask, verdicts[Reason.ACCOUNT_OPEN_ORDERS]):
        mask |= 1 << (Reason.ACCOUNT_OPEN_ORDERS - 1)
    if account_open_positions(policy, view, ask, verdicts[Reason.ACCOUNT_OPEN_POSITIONS]):
        mask |= 1 << (Reason.ACCOUNT_OPEN_POSITIONS - 1)
    if account_orders_per_second(policy, view, ask, verdicts[Reason.ACCOUNT_ORDERS_PER_SECOND]):
        mask |= 1 << (Reason.ACCOUNT_ORDERS_PER_SECOND - 1)
    if account_orders_per_minute(policy, view, ask, verdicts[Reason.ACCOUNT_ORDERS_PER_MINUTE]):
        mask |= 1 << (Reason.ACCOUNT_ORDERS_PER_MINUTE - 1)
    if account_orders_per_day(policy, view, ask, verdicts[Reason.ACCOUNT_ORDERS_PER_DAY]):
        mask |= 1 << (Reason.ACCOUNT_ORDERS_PER_DAY - 1)
    if cash_short(policy, view, ask, verdicts[Reason.CASH_SHORT]):
        mask |= 1 << (Reason.CASH_SHORT - 1)
    if buying_power_short(policy, view, ask, verdicts[Reason.BUYING_POWER_SHORT]):
        mask |= 1 << (Reason.BUYING_POWER_SHORT - 1)
    if margin_not_allowed(policy, view, ask, verdicts[Reason.MARGIN_NOT_ALLOWED]):
        mask |= 1 << (Reason.MARGIN_NOT_ALLOWED - 1)
    if shorting_not_allowed(policy, view, ask, verdicts[Reason.SHORTING_NOT_ALLOWED]):
        mask |= 1 << (Reason.SHORTING_NOT_ALLOWED - 1)
    if leverage_request(policy, view, ask, verdicts[Reason.LEVERAGE_REQUEST]):
        mask |= 1 << (Reason.LEVERAGE_REQUEST - 1)
    if policy_not_set(policy, view, ask, verdicts[Reason.POLICY_NOT_SET]):
        mask |= 1 << (Reason.POLICY_NOT_SET - 1)
    return mask
