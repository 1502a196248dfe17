"""What a fill does: ledger, trade under way, protection, and the row that closes a trade."""

from interlock.kernel.breakers import check_equity, count_result
from interlock.kernel.codes import Exit, Flag, Kind, Role
from interlock.kernel.compiled import compiled
from interlock.kernel.emit import next_row
from interlock.kernel.ledger import (
    apply_fill,
    notional_units,
    notional_units_up,
    pay_fee,
    pay_fee_in_base,
    revalue,
)
from interlock.kernel.orders import note_pending_position
from interlock.kernel.protect import cancel, note_protected
from interlock.kernel.records import Row
from interlock.kernel.state import FILL_SETS, FILL_WAYS
from interlock.kernel.units import mul_div


@compiled
def seen_before(state: Row, ext_hi: int, ext_lo: int) -> bool:
    """Return whether this trade was booked already; remember it if not. 0, 0 is no id."""
    if ext_hi == 0 and ext_lo == 0:
        return False
    place = (ext_lo ^ ext_hi) & (FILL_SETS - 1)
    for way in range(FILL_WAYS):
        known = state["fill_ids"][place, way]
        if known["hi"] == ext_hi and known["lo"] == ext_lo:
            return True
    way = state["fill_next"][place]
    known = state["fill_ids"][place, way]
    known["hi"] = ext_hi
    known["lo"] = ext_lo
    state["fill_next"][place] = (way + 1) % FILL_WAYS
    return False


@compiled
def start_trade(state: Row, instrument: int, slot: int, margined: bool) -> None:
    """Begin a trade's record at its first fill, with the plan its order carried."""
    account = state["account"]
    inst = state["instruments"][instrument]
    inst["entry_ns"] = account["ts_ns"]
    inst["entry_bar"] = inst["bars"]
    inst["entry_seq"] = account["seq"]
    inst["entry_order_id"] = 0
    inst["entry_lots"] = 0
    inst["entry_units"] = 0
    inst["exit_filled_lots"] = 0
    inst["exit_units"] = 0
    inst["trade_realised_units"] = 0
    inst["trade_fees_units"] = 0
    inst["trade_funding_units"] = 0
    inst["trade_slippage_units"] = 0
    inst["risk_units"] = 0
    inst["stop_price"] = 0
    inst["target_price"] = 0
    inst["stop_flags"] = 0
    inst["stop_distance"] = 0
    inst["target_distance"] = 0
    inst["best"] = 0
    inst["worst"] = 0
    inst["exit_code"] = Exit.NONE
    inst["adopted"] = 0
    inst["atr_entry"] = inst["atr"]
    inst["margined"] = 1 if margined else 0
    if slot >= 0:
        order = state["orders"][slot]
        inst["entry_order_id"] = order["order_id"]
        inst["stop_distance"] = order["stop_distance"]
        inst["target_distance"] = order["target_distance"]
        inst["owner"] = order["strategy"]


@compiled
def _slippage(
    spec: Row, account: Row, inst: Row, side: int, qty: int, price: int, mark: int
) -> None:
    """Count what the fill was worse than the mark it was decided at; better counts against it."""
    worse = side * (price - mark)
    units = notional_units(spec=spec, price=abs(worse), qty=qty)
    if worse < 0:
        units = -units
    account["slippage_units"] += units
    inst["trade_slippage_units"] += units


@compiled
def _opened(policy: Row, state: Row, instrument: int, qty: int, price: int) -> None:
    """Count an opening fill in the trade; the plan's distances stand from its mean price."""
    inst = state["instruments"][instrument]
    spec = policy["instruments"][instrument]
    if inst["entry_lots"] == 0:
        state["account"]["open_positions"] += 1
        if inst["owner"] >= 0:
            state["strategies"][inst["owner"]]["open_positions"] += 1
        inst["entry_price"] = price
        inst["best"] = price
        inst["worst"] = price
    else:
        before = inst["entry_lots"]
        moved = mul_div(a=price - inst["entry_price"], b=qty, c=before + qty)
        inst["entry_price"] += moved
    inst["entry_lots"] += qty
    inst["entry_units"] += notional_units_up(spec=spec, price=price, qty=qty)
    inst["risk_units"] = notional_units_up(
        spec=spec, price=max(inst["stop_distance"], 1), qty=inst["entry_lots"]
    )


@compiled
def exit_code_of(state: Row, instrument: int, slot: int) -> int:
    """Return the ``Exit`` that an order's fill means."""
    inst = state["instruments"][instrument]
    if slot < 0:
        return Exit.EXTERNAL
    order = state["orders"][slot]
    if order["role"] == Role.STOP:
        if inst["stop_flags"] == Flag.TRAILED:
            return Exit.TRAILING
        if inst["stop_flags"] == Flag.BREAK_EVEN:
            return Exit.BREAK_EVEN
        return Exit.STOP
    if order["role"] == Role.TARGET:
        return Exit.TARGET
    if order["role"] == Role.EXIT:
        return int(order["exit_code"])
    return Exit.SIGNAL


@compiled
def _closed_row(state: Row, out: Row, instrument: int, side: int, code: int, order_id: int) -> int:
    """Write CLOSED, the one row per closed trade; return the profit net of every cost."""
    inst = state["instruments"][instrument]
    net_units = (
        inst["trade_realised_units"] - inst["trade_fees_units"] + inst["trade_funding_units"]
    )
    row = next_row(
        state=state, out=out, kind=Kind.CLOSED, instrument=instrument, strategy=inst["owner"]
    )
    row["side"] = side
    row["code"] = code
    row["src_ts_ns"] = inst["entry_ns"]
    row["qty"] = inst["entry_lots"]
    row["price"] = inst["entry_price"]
    row["open"] = inst["entry_units"]
    row["close"] = inst["exit_units"]
    row["high"] = max(inst["best"], inst["worst"])
    row["low"] = min(inst["best"], inst["worst"])
    row["volume"] = inst["trade_slippage_units"]
    row["fee"] = inst["trade_fees_units"]
    row["trigger"] = inst["trade_funding_units"]
    row["order_id"] = inst["entry_order_id"]
    row["peer_id"] = order_id
    row["stop_ticks"] = inst["stop_price"]
    row["target_ticks"] = inst["target_price"]
    row["value"] = net_units
    row["limit"] = inst["bars"] - inst["entry_bar"]
    row["mask_lo"] = inst["risk_units"]
    return int(net_units)


@compiled
def end_trade(
    policy: Row, state: Row, out: Row, instrument: int, side: int, code: int, order_id: int
) -> None:
    """The position is flat: close the trade, judge its result, and take down what rests."""
    account = state["account"]
    inst = state["instruments"][instrument]
    net_units = _closed_row(
        state=state, out=out, instrument=instrument, side=side, code=code, order_id=order_id
    )
    account["trades"] += 1
    owner = inst["owner"]
    if inst["adopted"] == 0:
        account["open_positions"] -= 1
    won = net_units > 0
    if owner >= 0:
        own = state["strategies"][owner]
        if inst["adopted"] == 0:
            own["open_positions"] -= 1
        own["trades"] += 1
        result = float(net_units) / float(max(inst["risk_units"], 1))
        if won:
            own["wins"] += 1
            own["win_sum"] += result
        else:
            own["loss_sum"] += -result
        own["edge_sum_bps"] += 10_000.0 * float(net_units) / float(max(inst["entry_units"], 1))
    count_result(policy=policy, state=state, out=out, strategy=owner, won=won)
    inst["exit_code"] = Exit.NONE
    inst["exit_waits"] = 0
    inst["stop_distance"] = 0
    inst["target_distance"] = 0
    inst["entry_lots"] = 0
    inst["adopted"] = 0
    note_protected(state=state, out=out, instrument=instrument)
    link = inst["first_order"]
    while link > 0:
        order = state["orders"][link - 1]
        after = order["next"]
        # The venue itself cancels the other leg of the pair that closed it.
        other = order["order_id"] != order_id and order["peer_id"] != order_id
        if order["flags"] & Flag.REDUCE_ONLY != 0 and (other or order_id == 0):
            cancel(state=state, out=out, slot=link - 1)
        link = after


@compiled
def _book_fee(policy: Row, state: Row, instrument: int, row: Row) -> None:
    """Book a fill's fee, in the account's currency or taken out of the bought asset."""
    account = state["account"]
    inst = state["instruments"][instrument]
    if row["fee_asset"] == 1:
        fee_units = pay_fee_in_base(
            spec=policy["instruments"][instrument],
            account=account,
            inst=inst,
            price=row["price"],
            fee_lots=row["fee"],
        )
        inst["trade_fees_units"] += fee_units
        return
    pay_fee(account=account, fee_units=row["fee"])
    inst["trade_fees_units"] += row["fee"]


@compiled
def _begin_flipped(policy: Row, state: Row, instrument: int, price: int) -> None:
    """A fill went through zero: what is on the other side is a trade of its own, without a plan."""
    inst = state["instruments"][instrument]
    was_margined = inst["margined"] == 1
    start_trade(state=state, instrument=instrument, slot=-1, margined=was_margined)
    _opened(
        policy=policy, state=state, instrument=instrument, qty=abs(inst["position"]), price=price
    )


@compiled
def book_fill(
    policy: Row, state: Row, out: Row, slot: int, row: Row, side: int, margined: bool
) -> None:
    """Book one fill in ledger and trade, mark it, judge the equity, and put protection right.

    Args:
        policy: ``policy_dtype``.
        state: ``state_dtype``.
        out: Commands.
        slot: The order's slot, or -1 when it is not ours or not open any more.
        row: The FILL, or the BUST of one.
        side: BUY or SELL; the other way round than the row's when it is taken back.
        margined: Whether a position this fill opens posts margin.
    """
    account = state["account"]
    instrument = row["instrument"]
    inst = state["instruments"][instrument]
    spec = policy["instruments"][instrument]
    qty = row["qty"]
    price = row["price"]
    before = inst["position"]
    if inst["mark"] == 0:
        inst["mark"] = price
    opens = before * side >= 0
    if before == 0:
        start_trade(state=state, instrument=instrument, slot=slot, margined=margined)
    code = exit_code_of(state=state, instrument=instrument, slot=slot)
    order_id = row["order_id"]
    if slot >= 0:
        # The venue may tell the price before slippage; else it is measured from the decision's.
        mark = row["close"]
        if mark <= 0:
            mark = state["orders"][slot]["reference"]
        _slippage(spec=spec, account=account, inst=inst, side=side, qty=qty, price=price, mark=mark)
    profit_units = apply_fill(
        spec=spec, account=account, inst=inst, side=side, qty=qty, price=price
    )
    _book_fee(policy=policy, state=state, instrument=instrument, row=row)
    inst["trade_realised_units"] += profit_units
    if opens:
        _opened(policy=policy, state=state, instrument=instrument, qty=qty, price=price)
    else:
        inst["exit_filled_lots"] += min(qty, abs(before))
        inst["exit_units"] += notional_units(spec=spec, price=price, qty=min(qty, abs(before)))
        inst["best"] = max(inst["best"], price) if before > 0 else min(inst["best"], price)
        inst["worst"] = min(inst["worst"], price) if before > 0 else max(inst["worst"], price)
    position = inst["position"]
    revalue(spec=spec, account=account, strategies=state["strategies"], inst=inst)
    # An opening fill ends its trade at once if the fee took all that was bought.
    if position == 0 or (before != 0 and (position > 0) != (before > 0)):
        end_trade(
            policy=policy,
            state=state,
            out=out,
            instrument=instrument,
            side=1 if before > 0 or opens else -1,
            code=code,
            order_id=order_id,
        )
        if position != 0:
            _begin_flipped(policy=policy, state=state, instrument=instrument, price=price)
    note_pending_position(state=state, instrument=instrument)
    check_equity(policy=policy, state=state, out=out)
