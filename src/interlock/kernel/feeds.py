"""Bars, quotes, trades and signals: what they do to marks, exits and entries."""

from interlock.kernel.breakers import check_bar, check_equity, check_lag, check_spread
from interlock.kernel.codes import Exit, Flag
from interlock.kernel.compiled import compiled, compiled_inline
from interlock.kernel.entry import ask_entry
from interlock.kernel.exits import due_exit
from interlock.kernel.latches import cool_down
from interlock.kernel.ledger import revalue
from interlock.kernel.market import (
    bar_is_sound,
    comes_in_time,
    price_is_believed,
    prices_in_range,
    quarantine,
    update_atr,
    update_quote,
)
from interlock.kernel.propose import judge, judge_seen, refuse, submit
from interlock.kernel.protect import begin_exit, move_stop, press_exit, protect
from interlock.kernel.records import Row


@compiled
def _note_extremes(inst: Row, high: int, low: int) -> None:
    """Remember the best and the worst price of the trade under way."""
    if inst["position"] > 0:
        inst["best"] = max(inst["best"], high)
        inst["worst"] = min(inst["worst"], low)
    else:
        inst["best"] = min(inst["best"], low)
        inst["worst"] = max(inst["worst"], high)


@compiled
def _target_reached(state: Row, instrument: int) -> bool:
    """Return whether the mark is at a target that no order rests for."""
    inst = state["instruments"][instrument]
    if inst["target_price"] == 0 or inst["target_order"] > 0:
        return False
    side = 1 if inst["position"] > 0 else -1
    return bool(side * (inst["mark"] - inst["target_price"]) >= 0)


@compiled
def manage(policy: Row, state: Row, out: Row, instrument: int, closed_bar: bool) -> None:
    """Look after a position at a new mark: exits that are due, the stop's place, protection."""
    inst = state["instruments"][instrument]
    if inst["exit_code"] != Exit.NONE:
        press_exit(policy=policy, state=state, out=out, instrument=instrument)
        return
    if closed_bar:
        code = due_exit(exits=policy["account"]["exits"], inst=inst)
        if code != Exit.NONE:
            begin_exit(policy=policy, state=state, out=out, instrument=instrument, code=code)
            return
    if _target_reached(state=state, instrument=instrument):
        begin_exit(policy=policy, state=state, out=out, instrument=instrument, code=Exit.TARGET)
        return
    if closed_bar:
        move_stop(policy=policy, state=state, out=out, instrument=instrument)
    if closed_bar or inst["stop_order"] == 0:
        protect(policy=policy, state=state, out=out, instrument=instrument)


@compiled_inline
def on_bar(policy: Row, state: Row, out: Row, row: Row) -> None:
    """Take a closed bar; a bad one is counted and quarantined and moves nothing else."""
    instrument = row["instrument"]
    account = state["account"]
    inst = state["instruments"][instrument]
    inst["exit_waits"] = 0
    spec = policy["instruments"][instrument]
    if not bar_is_sound(spec=spec, row=row) or not comes_in_time(inst=inst, row=row):
        quarantine(inst=inst, account=account)
        return
    close = row["close"]
    if not price_is_believed(inst=inst, price=close):
        quarantine(inst=inst, account=account)
        return
    inst["quarantined"] = 0
    inst["good_ns"] = row["src_ts_ns"]
    inst["bars"] += 1
    account["bars"] += 1
    before = inst["previous_close"]
    update_atr(spec=spec, inst=inst, high=row["high"], low=row["low"], close=close)
    inst["mark"] = close
    if inst["position"] != 0:
        _note_extremes(inst=inst, high=row["high"], low=row["low"])
        revalue(spec=spec, account=account, strategies=state["strategies"], inst=inst)
    if account["latches"] > 0:
        cool_down(state=state, out=out)
    check_equity(policy=policy, state=state, out=out)
    check_bar(
        policy=policy, state=state, out=out, instrument=instrument, before=before, close=close
    )
    check_lag(
        policy=policy,
        state=state,
        out=out,
        instrument=instrument,
        lag_ns=row["ts_ns"] - row["src_ts_ns"],
    )
    if inst["position"] != 0:
        manage(policy=policy, state=state, out=out, instrument=instrument, closed_bar=True)


@compiled
def _on_mark(policy: Row, state: Row, out: Row, instrument: int, row: Row) -> None:
    """Carry a new mark through value, breakers and position."""
    account = state["account"]
    inst = state["instruments"][instrument]
    inst["quarantined"] = 0
    inst["good_ns"] = row["src_ts_ns"]
    if account["latches"] > 0:
        cool_down(state=state, out=out)
    check_lag(
        policy=policy,
        state=state,
        out=out,
        instrument=instrument,
        lag_ns=row["ts_ns"] - row["src_ts_ns"],
    )
    if inst["position"] == 0:
        return
    _note_extremes(inst=inst, high=inst["mark"], low=inst["mark"])
    revalue(
        spec=policy["instruments"][instrument],
        account=account,
        strategies=state["strategies"],
        inst=inst,
    )
    check_equity(policy=policy, state=state, out=out)
    manage(policy=policy, state=state, out=out, instrument=instrument, closed_bar=False)


@compiled
def on_quote(policy: Row, state: Row, out: Row, row: Row) -> None:
    """Take a quote: open is the bid, high the ask; 0 is an empty side."""
    instrument = row["instrument"]
    account = state["account"]
    inst = state["instruments"][instrument]
    bid = row["open"]
    ask = row["high"]
    one_sided = bid == 0 or ask == 0
    spec = policy["instruments"][instrument]
    low = min(bid, ask)
    if one_sided:
        low = max(bid, ask)
    if not prices_in_range(spec=spec, low=low, high=max(bid, ask)) or min(bid, ask) < 0:
        quarantine(inst=inst, account=account)
        return
    if not comes_in_time(inst=inst, row=row) or not price_is_believed(inst=inst, price=low):
        quarantine(inst=inst, account=account)
        return
    update_quote(inst=inst, bid=bid, ask=ask)
    check_spread(policy=policy, state=state, out=out, instrument=instrument)
    _on_mark(policy=policy, state=state, out=out, instrument=instrument, row=row)


@compiled
def on_trade(policy: Row, state: Row, out: Row, row: Row) -> None:
    """Take a trade of the market: close is its price."""
    instrument = row["instrument"]
    account = state["account"]
    inst = state["instruments"][instrument]
    price = row["close"]
    spec = policy["instruments"][instrument]
    sound = prices_in_range(spec=spec, low=price, high=price)
    if not sound or not comes_in_time(inst=inst, row=row):
        quarantine(inst=inst, account=account)
        return
    if not price_is_believed(inst=inst, price=price):
        quarantine(inst=inst, account=account)
        return
    inst["mark"] = price
    _on_mark(policy=policy, state=state, out=out, instrument=instrument, row=row)


@compiled
def _wants_exit(inst: Row, row: Row) -> bool:
    """Return whether a signal may only close, or turns against the position of its own strategy.

    Against a position of another strategy it is an entry, and refused as one.
    """
    if row["side"] == 0 or row["flags"] & Flag.EXIT_ONLY != 0:
        return True
    return bool(inst["position"] * row["side"] < 0 and inst["owner"] == row["strategy"])


@compiled
def on_signal(policy: Row, state: Row, out: Row, row: Row) -> None:
    """Take a signal: close against it, or size an entry, judge it and send or refuse it."""
    instrument = row["instrument"]
    inst = state["instruments"][instrument]
    if _wants_exit(inst=inst, row=row):
        against = row["side"] == 0 or inst["position"] * row["side"] < 0
        allowed = policy["account"]["exits"]["opposite_signal_exits"] == 1
        allowed = allowed or row["side"] == 0 or row["flags"] & Flag.EXIT_ONLY != 0
        if inst["position"] != 0 and against and allowed and inst["owner"] == row["strategy"]:
            begin_exit(policy=policy, state=state, out=out, instrument=instrument, code=Exit.SIGNAL)
        return
    ask_entry(
        policy=policy,
        state=state,
        instrument=instrument,
        strategy=row["strategy"],
        side=int(row["side"]),
        structure=row["stop_ticks"],
        model=row["target_ticks"],
        edge_bps=row["edge_bps"],
        has_edge=row["has_edge"],
        lots_max=row["qty"],
    )
    may_go = judge(policy=policy, state=state)
    if row["price"] > 0:
        may_go = judge_seen(policy=policy, state=state, price=row["price"]) and may_go
    if may_go:
        submit(policy=policy, state=state, out=out, peer_id=0, payload_id=row["payload_id"])
    else:
        refuse(state=state, out=out, payload_id=row["payload_id"])
