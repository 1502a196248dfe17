"""From a signal to an entry order: stop and target distances, size, costs, and the question."""

from interlock.kernel.codes import BUY, Flag, OrderKind, Role
from interlock.kernel.compiled import compiled
from interlock.kernel.costs import fee_units, round_trip_ppm, slippage_ppm, to_bps_up
from interlock.kernel.exits import stop_distance, target_distance
from interlock.kernel.ledger import is_margined, notional_units_up, posted_margin_units
from interlock.kernel.records import Row
from interlock.kernel.sizing import lots_of, method_lots, round_to_lot
from interlock.kernel.units import (
    LIMIT_NONE,
    PPM,
    PRICE_TICKS_MAX,
    QTY_LOTS_MAX,
    UNITS_MAX,
    mul_div,
    mul_div_up,
)


@compiled
def _leverage_ppm(own: Row, margined: bool) -> int:
    """Return the leverage an entry asks for: its strategy's on margin, else none."""
    if margined:
        return int(max(own["leverage_ppm"], PPM))
    return PPM


@compiled
def _room_units(limit_ppm: int, equity_units: int, used_units: int) -> int:
    """Return how much of a fraction of equity is not used yet."""
    if limit_ppm >= LIMIT_NONE:
        return UNITS_MAX
    return mul_div(a=equity_units, b=limit_ppm, c=PPM) - used_units


@compiled
def _limit_lots(policy: Row, state: Row, instrument: int, strategy: int, price: int) -> int:
    """Return the most lots that the limits on order and position leave."""
    spec = policy["instruments"][instrument]
    limits = spec["limits"]
    inst = state["instruments"][instrument]
    lots = min(limits["order_lots"], limits["position_lots"] - abs(inst["position"]))
    held_units = abs(inst["value_units"]) + inst["pending_units"]
    units = min(
        limits["order_notional_units"],
        limits["position_notional_units"] - held_units,
        policy["account"]["limits"]["order_notional_units"],
        policy["strategies"][strategy]["limits"]["order_notional_units"],
        _room_units(
            limit_ppm=limits["position_ppm"],
            equity_units=state["account"]["equity_units"],
            used_units=held_units,
        ),
    )
    return min(int(lots), lots_of(units=units, price=price, spec=spec))


@compiled
def _exposure_room_units(policy: Row, account: Row, leverage_ppm: int) -> int:
    """Return how much notional the limits on exposure leave, at so much leverage."""
    limit_ppm = min(
        policy["account"]["sizing"]["exposure_ppm"], policy["account"]["limits"]["exposure_ppm"]
    )
    room_units = _room_units(
        limit_ppm=limit_ppm,
        equity_units=account["equity_units"],
        used_units=account["exposure_units"] + account["pending_exposure_units"],
    )
    if room_units > 0:
        most_units = mul_div(a=UNITS_MAX, b=PPM, c=leverage_ppm)
        room_units = mul_div(a=min(room_units, most_units), b=leverage_ppm, c=PPM)
    return room_units


@compiled
def size_entry(
    policy: Row,
    state: Row,
    instrument: int,
    strategy: int,
    price: int,
    leverage_ppm: int,
    lots_max: int,
) -> int:
    """Return the lots of an entry: the smallest of method, risk, position, exposure and limits.

    Every number it used stays in ``state["sizing"]``. ``price`` is what the entry is expected to
    pay, in ticks, slippage included; ``state["sizing"]`` holds the stop distance already. What the
    signal itself asks for, ``lots_max``, is one limit more; 0 is none.
    """
    account = state["account"]
    scratch = state["sizing"]
    spec = policy["instruments"][instrument]
    sizing = policy["account"]["sizing"]
    own = state["strategies"][strategy]
    inst = state["instruments"][instrument]
    equity_units = account["equity_units"]
    scratch["lots"] = 0
    if equity_units <= 0 or price <= 0:
        return 0
    loss = scratch["stop_distance"] + mul_div_up(a=price, b=scratch["cost_ppm"], c=PPM)
    scratch["risk_per_lot"] = loss
    lots = method_lots(
        sizing=sizing,
        strategy=own,
        spec=spec,
        equity_units=equity_units,
        price=price,
        stop=loss,
        atr=inst["atr"],
    )
    scratch["method_lots"] = lots
    risk_units = mul_div(a=equity_units, b=sizing["risk_ppm"], c=PPM)
    scratch["risk_lots"] = lots_of(units=risk_units, price=loss, spec=spec)
    held_units = abs(inst["value_units"]) + inst["pending_units"]
    room_units = _room_units(
        limit_ppm=sizing["position_ppm"], equity_units=equity_units, used_units=held_units
    )
    paid = price + mul_div_up(a=price, b=max(policy["account"]["costs"]["assumed_ppm"], 0), c=PPM)
    scratch["position_lots"] = lots_of(units=room_units, price=paid, spec=spec)  # fee included
    room_units = _exposure_room_units(policy=policy, account=account, leverage_ppm=leverage_ppm)
    scratch["exposure_lots"] = lots_of(units=room_units, price=price, spec=spec)
    scratch["limit_lots"] = max(
        _limit_lots(
            policy=policy, state=state, instrument=instrument, strategy=strategy, price=price
        ),
        0,
    )
    lots = min(
        lots,
        scratch["risk_lots"],
        scratch["position_lots"],
        scratch["exposure_lots"],
        scratch["limit_lots"],
        lots_max if lots_max > 0 else QTY_LOTS_MAX,
    )
    scratch["scale_ppm"] = min(account["size_scale_ppm"], own["size_scale_ppm"])
    lots = mul_div(a=lots, b=scratch["scale_ppm"], c=PPM)
    lots = round_to_lot(lots=lots, lot=max(spec["lot"], 1))
    scratch["lots"] = lots
    return lots


@compiled
def _expected_price(mark: int, side: int, slip_ppm: int) -> int:
    """Return the mark moved against us by the slippage, at least to the next tick."""
    moved = mul_div_up(a=mark, b=slip_ppm, c=PPM)
    return max(mark + side * moved, 1)


@compiled
def _cost_of(policy: Row, inst: Row, value_units: int) -> int:
    """Return the slippage expected on ``value_units`` of this instrument now, in ppm."""
    return slippage_ppm(
        costs=policy["account"]["costs"],
        atr=inst["atr"],
        atr_baseline=inst["atr_baseline"],
        value_units=value_units,
    )


@compiled
def _price_it(policy: Row, state: Row, instrument: int, price: int, lots: int) -> None:
    """Put notional, costs and what the order would hold into the proposal."""
    ask = state["proposal"]
    spec = policy["instruments"][instrument]
    inst = state["instruments"][instrument]
    costs = policy["account"]["costs"]
    per_lot = float(price) * float(spec["unit_num"])
    if not per_lot * float(lots) < float(UNITS_MAX) * float(spec["unit_den"]):
        ask["notional_units"] = LIMIT_NONE
        ask["cash_needed_units"] = LIMIT_NONE
        ask["risk_units"] = LIMIT_NONE
        return
    value_units = notional_units_up(spec=spec, price=price, qty=lots)
    slip_ppm = _cost_of(policy=policy, inst=inst, value_units=value_units)
    cost_ppm = round_trip_ppm(costs=costs, slip_ppm=slip_ppm)
    ask["notional_units"] = value_units
    ask["cost_units"] = mul_div_up(a=value_units, b=cost_ppm, c=PPM)
    fees_units = fee_units(value_units=value_units, fee_ppm=max(costs["assumed_ppm"], 0))
    if ask["flags"] & Flag.MARGIN != 0:
        posted = posted_margin_units(value_units=value_units, leverage_ppm=ask["leverage_ppm"])
        ask["margin_needed_units"] = posted + fees_units
    else:
        ask["cash_needed_units"] = value_units + fees_units
    at_risk = ask["stop_distance"] + mul_div_up(a=price, b=cost_ppm, c=PPM)
    ask["risk_units"] = notional_units_up(spec=spec, price=at_risk, qty=lots)
    state["sizing"]["cost_bps"] = to_bps_up(ppm=cost_ppm)


@compiled
def _blank_ask(ask: Row, instrument: int, strategy: int, side: int) -> None:
    """Start a proposal for a market entry with nothing decided yet."""
    ask["instrument"] = instrument
    ask["strategy"] = strategy
    ask["side"] = side
    ask["order_kind"] = OrderKind.MARKET
    ask["role"] = Role.ENTRY
    ask["trigger"] = 0
    ask["parent_qty"] = 0
    ask["reducing"] = 0
    ask["cash_needed_units"] = 0
    ask["margin_needed_units"] = 0
    ask["notional_units"] = 0
    ask["cost_units"] = 0
    ask["risk_units"] = 0


@compiled
def _slippage_at_most(policy: Row, state: Row, instrument: int) -> int:
    """Return the slippage to size with, in ppm: that of the largest position there may be.

    Slippage depends on the size and the size on slippage; this end of the circle is the safe one.
    """
    most_units = mul_div(
        a=max(state["account"]["equity_units"], 0),
        b=min(policy["account"]["sizing"]["position_ppm"], PPM),
        c=PPM,
    )
    inst = state["instruments"][instrument]
    return _cost_of(policy=policy, inst=inst, value_units=most_units)


@compiled
def ask_entry(
    policy: Row,
    state: Row,
    instrument: int,
    strategy: int,
    side: int,
    structure: int,
    model: int,
    edge_bps: int,
    has_edge: int,
    lots_max: int,
) -> None:
    """Fill the proposal for a market entry, sized; distances and costs included.

    Args:
        policy: ``policy_dtype``.
        state: ``state_dtype``.
        instrument: Index.
        strategy: Index.
        side: BUY or SELL.
        structure: Price of the stop the signal proposes, in ticks; 0 none.
        model: Price of the target the signal proposes, in ticks; 0 none.
        edge_bps: Gain the signal expects before costs.
        has_edge: 1 when it states one.
        lots_max: What the signal asks for at most; 0 leaves it to the sizing.
    """
    spec = policy["instruments"][instrument]
    inst = state["instruments"][instrument]
    exits = policy["account"]["exits"]
    ask = state["proposal"]
    scratch = state["sizing"]
    mark = inst["mark"]
    margined = is_margined(
        spec=spec, margin_asked=policy["strategies"][strategy]["margin"] == 1 or side != BUY
    )
    _blank_ask(ask=ask, instrument=instrument, strategy=strategy, side=side)
    ask["flags"] = Flag.MARGIN if margined else 0
    ask["edge_bps"] = edge_bps
    ask["has_edge"] = has_edge
    ask["leverage_ppm"] = _leverage_ppm(own=policy["strategies"][strategy], margined=margined)
    distance = 0
    target = 0
    atr = inst["atr"]
    if inst["atr_count"] < spec["atr_periods"]:
        atr = 0.0  # not enough bars yet: an ATR stop is no stop
    if mark > 0:
        distance = stop_distance(exits=exits, atr=atr, price=mark, side=side, structure=structure)
        target = target_distance(exits=exits, distance=distance, price=mark, side=side, model=model)
    ask["stop_distance"] = distance
    ask["target_distance"] = target
    slip_ppm = _slippage_at_most(policy=policy, state=state, instrument=instrument)
    price = 0
    if 0 < mark < PRICE_TICKS_MAX // 2:
        price = _expected_price(mark=mark, side=side, slip_ppm=slip_ppm)
    ask["price"] = price
    scratch["price"] = price
    scratch["stop_distance"] = distance
    scratch["target_distance"] = target
    scratch["cost_ppm"] = round_trip_ppm(costs=policy["account"]["costs"], slip_ppm=slip_ppm)
    lots = 0
    if distance > 0:
        lots = size_entry(
            policy=policy,
            state=state,
            instrument=instrument,
            strategy=strategy,
            price=price,
            leverage_ppm=ask["leverage_ppm"],
            lots_max=lots_max,
        )
    ask["qty"] = lots
    if lots > 0:
        _price_it(policy=policy, state=state, instrument=instrument, price=price, lots=lots)
