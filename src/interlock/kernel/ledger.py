"""Double entry in integers: cash + inventory = capital + realised - fees + funding, always.

A cash-settled fill moves its whole notional between cash and inventory (positions at cost); a
margined fill moves only its profit. A partial close takes its exact share of the cost, and what
the division leaves over stays in the cost of what is left, so no unit is ever lost.
"""

from interlock.kernel.codes import BUY, Settle
from interlock.kernel.compiled import compiled
from interlock.kernel.records import Row
from interlock.kernel.units import PPM, mul_div, mul_div_up


@compiled
def notional_units(spec: Row, price: int, qty: int) -> int:
    """Return what ``qty`` lots are worth at ``price`` ticks, rounded down, in account units."""
    assert qty >= 0
    return mul_div(a=price * spec["unit_num"], b=qty, c=spec["unit_den"])


@compiled
def notional_units_up(spec: Row, price: int, qty: int) -> int:
    """Return what ``qty`` lots cost at ``price`` ticks, rounded up, in account units."""
    assert qty >= 0
    return mul_div_up(a=price * spec["unit_num"], b=qty, c=spec["unit_den"])


@compiled
def fill_units(spec: Row, side: int, price: int, qty: int) -> int:
    """Return the money a fill moves: a buy rounds up, a sell down, both against us."""
    if side == BUY:
        return notional_units_up(spec=spec, price=price, qty=qty)
    return notional_units(spec=spec, price=price, qty=qty)


@compiled
def position_value_units(spec: Row, position: int, price: int) -> int:
    """Return the signed value of ``position`` lots, rounded against us."""
    if position >= 0:
        return notional_units(spec=spec, price=price, qty=position)
    return -notional_units_up(spec=spec, price=price, qty=-position)


@compiled
def _open(account: Row, inst: Row, side: int, qty: int, value_units: int) -> None:
    inst["position"] += side * qty
    inst["cost_units"] += side * value_units
    if inst["margined"] == 0:
        account["cash_units"] -= side * value_units
        account["inventory_units"] += side * value_units


@compiled
def _close(account: Row, inst: Row, side: int, qty: int, value_units: int) -> int:
    """Close ``qty`` lots for ``value_units``; return the realised profit, fees apart."""
    held = abs(inst["position"])
    assert qty <= held
    cost_units = mul_div(a=inst["cost_units"], b=qty, c=held)
    profit_units = -side * value_units - cost_units
    inst["position"] += side * qty
    inst["cost_units"] -= cost_units
    account["realised_units"] += profit_units
    if inst["margined"] == 0:
        account["cash_units"] -= side * value_units
        account["inventory_units"] -= cost_units
    else:
        account["cash_units"] += profit_units
    return int(profit_units)


@compiled
def apply_fill(spec: Row, account: Row, inst: Row, side: int, qty: int, price: int) -> int:
    """Book a fill; return the profit it realised, fees apart, in account units.

    A fill beyond the position closes it and opens the rest on the other side: a fact is booked
    even if nobody should have sent the order.
    """
    assert qty > 0
    value_units = fill_units(spec=spec, side=side, price=price, qty=qty)
    position = inst["position"]
    if position * side >= 0:
        _open(account=account, inst=inst, side=side, qty=qty, value_units=value_units)
        return 0
    closed = min(abs(position), qty)
    closed_units = value_units
    if closed < qty:
        closed_units = mul_div(a=value_units, b=closed, c=qty)
    profit_units = _close(
        account=account, inst=inst, side=side, qty=closed, value_units=closed_units
    )
    if closed < qty:
        _open(
            account=account,
            inst=inst,
            side=side,
            qty=qty - closed,
            value_units=value_units - closed_units,
        )
    return profit_units


@compiled
def pay_fee(account: Row, fee_units: int) -> None:
    """Book a fee (a rebate is negative) in the account's currency."""
    account["cash_units"] -= fee_units
    account["fees_units"] += fee_units


@compiled
def pay_fee_in_base(spec: Row, account: Row, inst: Row, price: int, fee_lots: int) -> int:
    """Book a fee that the venue took out of the bought asset; return its value in units.

    It is the sale of ``fee_lots`` at the fill's price whose whole proceeds are the fee.
    """
    assert fee_lots >= 0
    held = inst["position"]
    if fee_lots == 0 or held < fee_lots:
        return 0
    fee_units = notional_units(spec=spec, price=price, qty=fee_lots)
    cost_units = mul_div(a=inst["cost_units"], b=fee_lots, c=held)
    inst["position"] -= fee_lots
    inst["cost_units"] -= cost_units
    account["realised_units"] += fee_units - cost_units
    account["fees_units"] += fee_units
    if inst["margined"] == 0:
        account["inventory_units"] -= cost_units
    else:
        account["cash_units"] -= cost_units
    return fee_units


@compiled
def add_funding(account: Row, inst: Row, units: int) -> None:
    """Book funding or borrow: positive was received, negative was paid."""
    account["cash_units"] += units
    account["funding_units"] += units
    inst["trade_funding_units"] += units


@compiled
def add_capital(account: Row, units: int) -> None:
    """Book a deposit or withdrawal; it moves the reference points too, for it is no profit."""
    account["cash_units"] += units
    account["capital_units"] += units
    account["equity_units"] += units
    account["peak_units"] += units
    account["day_start_units"] += units
    account["day_peak_units"] += units


@compiled
def posted_margin_units(value_units: int, leverage_ppm: int) -> int:
    """Return the margin a position posts, rounded up: absolute value over leverage."""
    if leverage_ppm <= PPM:
        return abs(value_units)
    return mul_div_up(a=abs(value_units), b=PPM, c=leverage_ppm)


@compiled
def settle_equity(account: Row) -> None:
    """Add up the account: cash, positions at cost, and what they gained since."""
    account["equity_units"] = (
        account["cash_units"] + account["inventory_units"] + account["unrealised_units"]
    )


@compiled
def revalue(spec: Row, account: Row, strategies: Row, inst: Row) -> None:
    """Mark one position to market and carry the change into every total that contains it."""
    before_units = inst["value_units"]
    if inst["position"] == 0 and before_units == 0 and inst["unrealised_units"] == 0:
        settle_equity(account=account)
        return
    value_units = position_value_units(spec=spec, position=inst["position"], price=inst["mark"])
    unrealised_units = value_units - inst["cost_units"]
    margin_units = 0
    exposure_units = abs(value_units)
    if inst["margined"] == 1:
        margin_units = posted_margin_units(
            value_units=value_units, leverage_ppm=inst["leverage_ppm"]
        )
        exposure_units = margin_units
    gross_change = abs(value_units) - abs(before_units)
    account["unrealised_units"] += unrealised_units - inst["unrealised_units"]
    account["gross_units"] += gross_change
    account["net_units"] += value_units - before_units
    account["exposure_units"] += exposure_units - inst["exposure_units"]
    account["margin_units"] += margin_units - inst["margin_units"]
    owner = inst["owner"]
    if owner >= 0:
        strategies[owner]["gross_units"] += gross_change
    inst["value_units"] = value_units
    inst["unrealised_units"] = unrealised_units
    inst["exposure_units"] = exposure_units
    inst["margin_units"] = margin_units
    settle_equity(account=account)


@compiled
def is_margined(spec: Row, margin_asked: bool) -> bool:
    """Return whether a position opened now posts margin instead of paying its notional."""
    return bool(spec["settle"] == Settle.MARGIN or margin_asked)
