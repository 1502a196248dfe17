"""From an idea to an intent or a refusal: the view, the question, the gate, and the reservation."""

from typing import Final

from interlock.kernel.breakers import trip
from interlock.kernel.codes import Cause, Flag, Kind, OrderKind, OrderState, Role, Scope
from interlock.kernel.compiled import compiled
from interlock.kernel.emit import next_row
from interlock.kernel.gate import gate, lowest_reason
from interlock.kernel.latches import find_latch
from interlock.kernel.orders import reserve, take_slot
from interlock.kernel.rates import rate_add, rate_count
from interlock.kernel.reasons import Reason
from interlock.kernel.records import SUBS, Row
from interlock.kernel.rules_order import FIRST_BIT, price_collar
from interlock.kernel.state import RATE_BUCKETS, REPEATS
from interlock.kernel.units import NS_PER_MINUTE, NS_PER_SECOND, PPM

_KEY_PRIME: Final = 1_000_003
_KEY_MASK: Final = 2**40 - 1


@compiled
def order_key(side: int, order_kind: int, role: int, qty: int, price: int) -> int:
    """Return a number that is the same for identical orders; another order may share it."""
    key = side + 2 + order_kind * 4 + role * 32
    key = (key * _KEY_PRIME + qty) & _KEY_MASK
    return int((key * _KEY_PRIME + price) & _KEY_MASK)


@compiled
def count_repeats(inst: Row, key: int, ts_ns: int, window_ns: int) -> int:
    """Return how many of the last orders had this key, within the window."""
    count = 0
    for index in range(REPEATS):
        if inst["repeat_key"][index] == key and inst["repeat_ns"][index] > 0:
            if ts_ns - inst["repeat_ns"][index] < window_ns:
                count += 1
    return count


@compiled
def resting_best(state: Row, instrument: int, side: int) -> int:
    """Return the best price of our own entries resting on the other side, in ticks; 0 none."""
    best = 0
    link = state["instruments"][instrument]["first_order"]
    while link > 0:
        order = state["orders"][link - 1]
        if order["side"] == -side and order["order_kind"] == OrderKind.LIMIT:
            if order["role"] == Role.ENTRY:
                if best == 0 or side * (best - order["price"]) > 0:
                    best = order["price"]
        link = order["next"]
    return int(best)


@compiled
def look_at_account(state: Row, strategy: int) -> None:
    """Fill the account's and the strategy's part of the view from the state."""
    view = state["view"]
    account = state["account"]
    ts_ns = account["ts_ns"]
    view["ts_ns"] = ts_ns
    view["policy_seq"] = account["policy_seq"]
    view["account_level"] = account["latch_level"]
    view["free_orders"] = state["orders"].shape[0] - account["open_orders"]
    view["equity_units"] = account["equity_units"]
    view["day_start_units"] = account["day_start_units"]
    view["peak_units"] = account["peak_units"]
    view["cash_free_units"] = (
        account["cash_units"]
        - account["pending_cash_units"]
        - account["margin_units"]
        - account["pending_margin_units"]
    )
    view["margin_free_units"] = (
        account["equity_units"]
        - account["exposure_units"]
        - account["pending_cash_units"]
        - account["pending_margin_units"]
    )
    view["gross_units"] = account["gross_units"] + account["pending_units"]
    view["net_units"] = account["net_units"]
    view["pending_buy_units"] = account["pending_buy_units"]
    view["pending_sell_units"] = account["pending_units"] - account["pending_buy_units"]
    view["exposure_units"] = account["exposure_units"] + account["pending_exposure_units"]
    view["open_orders"] = account["open_orders"]
    view["open_positions"] = account["open_positions"] + account["pending_positions"]
    view["orders_second"] = rate_count(account["per_second"], ts_ns, NS_PER_SECOND)
    view["orders_minute"] = rate_count(account["per_minute"], ts_ns, NS_PER_MINUTE)
    view["orders_day"] = account["per_day"]
    own = state["strategies"][strategy]
    view["strategy_level"] = own["latch_level"]
    view["strategy_gross_units"] = own["gross_units"] + own["pending_units"]
    view["strategy_open_orders"] = own["open_orders"]
    view["strategy_open_positions"] = own["open_positions"] + own["pending_positions"]
    view["strategy_second"] = rate_count(own["per_second"], ts_ns, NS_PER_SECOND)
    view["strategy_minute"] = rate_count(own["per_minute"], ts_ns, NS_PER_MINUTE)
    view["strategy_day"] = own["per_day"]
    view["strategy_trades"] = own["trades"]
    view["strategy_edge_bps"] = 0
    if own["trades"] > 0:
        edge_bps = own["edge_sum_bps"] / float(own["trades"])
        if edge_bps > 0.0:
            view["strategy_edge_bps"] = int(min(edge_bps, 1.0e9))
        elif edge_bps <= 0.0:
            view["strategy_edge_bps"] = -int(min(-edge_bps, 1.0e9)) - 1


@compiled
def look_at_instrument(policy: Row, state: Row, instrument: int) -> None:
    """Fill the instrument's part of the view from the state."""
    view = state["view"]
    ask = state["proposal"]
    inst = state["instruments"][instrument]
    ts_ns = state["account"]["ts_ns"]
    view["instrument_level"] = inst["latch_level"]
    view["position"] = inst["position"]
    view["position_value_units"] = inst["value_units"]
    view["entry_buy"] = inst["entry_buy"]
    view["entry_sell"] = inst["entry_sell"]
    view["reduce_buy"] = inst["reduce_buy"]
    view["reduce_sell"] = inst["reduce_sell"]
    view["instrument_pending_units"] = inst["pending_units"]
    view["owner"] = inst["owner"]
    view["opens_position"] = 0
    if inst["position"] == 0 and inst["entry_orders"] == 0:
        view["opens_position"] = 1
    view["instrument_open_orders"] = inst["open_orders"]
    view["instrument_second"] = rate_count(inst["per_second"], ts_ns, NS_PER_SECOND)
    view["instrument_minute"] = rate_count(inst["per_minute"], ts_ns, NS_PER_MINUTE)
    view["instrument_day"] = inst["per_day"]
    view["unknown_orders"] = inst["unknown_orders"]
    view["unprotected"] = inst["unprotected"]
    view["mark"] = inst["mark"]
    view["bid"] = inst["bid"]
    view["ask"] = inst["ask"]
    view["data_age_ns"] = ts_ns - inst["good_ns"]
    view["quarantined"] = inst["quarantined"]
    view["book_sound"] = inst["book_sound"]
    view["session_open"] = inst["session_open"]
    view["blackouts"] = inst["blackouts"]
    view["venue_halted"] = inst["venue_halted"]
    view["resting_opposite_best"] = 0
    view["repeats"] = 0
    if ask["reducing"] == 0:
        view["resting_opposite_best"] = resting_best(
            state=state, instrument=instrument, side=ask["side"]
        )
        window_ns = policy["instruments"][instrument]["limits"]["repeat_window_ns"]
        key = order_key(ask["side"], ask["order_kind"], ask["role"], ask["qty"], ask["price"])
        view["repeats"] = count_repeats(inst=inst, key=key, ts_ns=ts_ns, window_ns=window_ns)
    view["not_reconciled"] = 0
    if inst["latch_level"] > 0:
        held = find_latch(
            state=state, cause=Cause.RECONCILIATION, scope=Scope.INSTRUMENT, scope_id=instrument
        )
        view["not_reconciled"] = 1 if held >= 0 else 0


@compiled
def judge(policy: Row, state: Row) -> bool:
    """Put the proposal in the scratch before the gate; return whether it may go.

    The verdict of every rule stays in ``state["verdicts"]``, the masks in ``state["masks"]``.
    """
    ask = state["proposal"]
    look_at_account(state=state, strategy=ask["strategy"])
    look_at_instrument(policy=policy, state=state, instrument=ask["instrument"])
    mask_lo, mask_hi = gate(policy, state["view"], ask, state["verdicts"])
    state["masks"][0] = mask_lo
    state["masks"][1] = mask_hi
    return bool(mask_lo == 0 and mask_hi == 0)


@compiled
def judge_seen(policy: Row, state: Row, price: int) -> bool:
    """Judge by the collar the price that a signal saw, too; return whether it may go.

    An idea that was had at another market than this one is no idea about this one. The verdict
    that stays is that of the price which is farther from the mark: this one, or the order's own.
    Only after ``judge``.
    """
    ask = state["proposal"]
    verdict = state["verdicts"][Reason.PRICE_COLLAR]
    mark = state["view"]["mark"]
    expected = ask["price"]
    if abs(price - mark) <= abs(expected - mark):
        return True
    ask["price"] = price
    is_far = price_collar(policy, state["view"], ask, verdict)
    ask["price"] = expected
    if is_far:
        state["masks"][1] |= 1 << (Reason.PRICE_COLLAR - FIRST_BIT)
    return not is_far


@compiled
def refuse(state: Row, out: Row, payload_id: int) -> None:
    """Say no: one REFUSED row with the lowest reason, its value and limit, and the whole mask."""
    ask = state["proposal"]
    account = state["account"]
    account["refusals"] += 1
    reason = lowest_reason(mask_lo=state["masks"][0], mask_hi=state["masks"][1])
    row = next_row(
        state=state,
        out=out,
        kind=Kind.REFUSED,
        instrument=ask["instrument"],
        strategy=ask["strategy"],
    )
    row["code"] = reason
    row["side"] = ask["side"]
    row["order_kind"] = ask["order_kind"]
    row["role"] = ask["role"]
    row["flags"] = ask["flags"]
    row["qty"] = ask["qty"]
    row["price"] = ask["price"]
    row["trigger"] = ask["trigger"]
    row["mask_lo"] = state["masks"][0]
    row["mask_hi"] = state["masks"][1]
    row["value"] = state["verdicts"][reason]["value"]
    row["limit"] = state["verdicts"][reason]["limit"]
    row["payload_id"] = payload_id


@compiled
def _count_order(state: Row, instrument: int, strategy: int) -> None:
    account = state["account"]
    inst = state["instruments"][instrument]
    ts_ns = account["ts_ns"]
    rate_add(account["per_second"], ts_ns, NS_PER_SECOND)
    rate_add(account["per_minute"], ts_ns, NS_PER_MINUTE)
    account["per_day"] += 1
    account["submitted"] += 1
    rate_add(inst["per_second"], ts_ns, NS_PER_SECOND)
    rate_add(inst["per_minute"], ts_ns, NS_PER_MINUTE)
    inst["per_day"] += 1
    own = state["strategies"][strategy]
    rate_add(own["per_second"], ts_ns, NS_PER_SECOND)
    rate_add(own["per_minute"], ts_ns, NS_PER_MINUTE)
    own["per_day"] += 1


@compiled
def _count_entry(policy: Row, state: Row, out: Row, instrument: int, strategy: int) -> None:
    """Count an automated entry; too many within the window disable the strategy (Knight)."""
    ask = state["proposal"]
    inst = state["instruments"][instrument]
    ts_ns = state["account"]["ts_ns"]
    place = inst["repeat_next"]
    inst["repeat_key"][place] = order_key(
        ask["side"], ask["order_kind"], ask["role"], ask["qty"], ask["price"]
    )
    inst["repeat_ns"][place] = ts_ns
    inst["repeat_next"] = (place + 1) % REPEATS
    limits = policy["strategies"][strategy]["limits"]
    window_ns = limits["order_rate_window_ns"]
    if policy["account"]["breakers"][Cause.ORDER_RATE]["enabled"] != 1 or window_ns < RATE_BUCKETS:
        return
    own = state["strategies"][strategy]
    rate_add(own["entries"], ts_ns, window_ns)
    entries = rate_count(own["entries"], ts_ns, window_ns)
    if entries >= limits["order_rate_count"]:
        trip(
            policy,
            state,
            out,
            Cause.ORDER_RATE,
            Scope.STRATEGY,
            strategy,
            entries,
            limits["order_rate_count"],
        )


@compiled
def _write_order(state: Row, slot: int, order_id: int, peer_id: int) -> None:
    """Write the judged proposal into an order's slot; an entry makes its strategy the owner."""
    ask = state["proposal"]
    instrument = ask["instrument"]
    strategy = ask["strategy"]
    order = state["orders"][slot]
    order["order_id"] = order_id
    order["peer_id"] = peer_id
    order["instrument"] = instrument
    order["strategy"] = strategy
    order["side"] = ask["side"]
    order["order_kind"] = ask["order_kind"]
    order["role"] = ask["role"]
    order["state"] = OrderState.INTENT
    order["flags"] = ask["flags"]
    order["qty"] = ask["qty"]
    order["filled"] = 0
    order["price"] = ask["price"]
    order["trigger"] = ask["trigger"]
    order["notional_units"] = 0
    order["reserved_units"] = 0
    if ask["flags"] & Flag.REDUCE_ONLY == 0:
        order["notional_units"] = ask["notional_units"]
        order["reserved_units"] = ask["cash_needed_units"]
        if ask["flags"] & Flag.MARGIN != 0:
            order["reserved_units"] = ask["margin_needed_units"]
    order["stop_distance"] = ask["stop_distance"]
    order["target_distance"] = ask["target_distance"]
    order["reference"] = state["instruments"][instrument]["mark"]
    order["amend_qty"] = 0
    order["amend_trigger"] = 0
    order["cancel_asked"] = 0
    order["exit_code"] = 0
    order["ts_ns"] = state["account"]["ts_ns"]
    order["accepted_ns"] = 0
    if ask["flags"] & Flag.REDUCE_ONLY == 0:
        inst = state["instruments"][instrument]
        assert inst["position"] == 0
        inst["owner"] = strategy
        inst["leverage_ppm"] = max(ask["leverage_ppm"], PPM)


@compiled
def submit(policy: Row, state: Row, out: Row, peer_id: int, payload_id: int) -> int:
    """Turn the judged proposal into an intent: reserve what it may cost and write SUBMIT.

    Returns:
        The slot of the new order.
    """
    ask = state["proposal"]
    instrument = ask["instrument"]
    strategy = ask["strategy"]
    slot = take_slot(state=state, instrument=instrument)
    row = next_row(state=state, out=out, kind=Kind.SUBMIT, instrument=instrument, strategy=strategy)
    order_id = row["seq"] * SUBS + row["sub"]
    _write_order(state=state, slot=slot, order_id=order_id, peer_id=peer_id)
    reserve(state=state, slot=slot)
    _count_order(state=state, instrument=instrument, strategy=strategy)
    row["order_id"] = order_id
    row["peer_id"] = peer_id
    row["side"] = ask["side"]
    row["order_kind"] = ask["order_kind"]
    row["role"] = ask["role"]
    row["flags"] = ask["flags"]
    row["qty"] = ask["qty"]
    row["price"] = ask["price"]
    row["trigger"] = ask["trigger"]
    row["stop_ticks"] = ask["stop_distance"]
    row["target_ticks"] = ask["target_distance"]
    row["edge_bps"] = ask["edge_bps"]
    row["has_edge"] = ask["has_edge"]
    row["value"] = ask["notional_units"]
    row["limit"] = ask["risk_units"]
    row["payload_id"] = payload_id
    if ask["flags"] & Flag.REDUCE_ONLY == 0:
        _count_entry(policy=policy, state=state, out=out, instrument=instrument, strategy=strategy)
    return slot
