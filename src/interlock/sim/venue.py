"""The simulated venue: one step for a command or a market event, answered by reports.

It is hosted by the backtest loop, by the paper venue's process and by the fault simulator, and
speaks to the kernel only through the reports any venue sends.
"""

from typing import Final

from interlock.kernel.codes import Kind, OrderKind
from interlock.kernel.compiled import compiled, compiled_inline
from interlock.kernel.ledger import position_value_units
from interlock.kernel.market import update_atr
from interlock.kernel.records import Row, Rows
from interlock.kernel.units import PRICE_TICKS_MAX, QTY_LOTS_MAX, mul_div, ppm_of
from interlock.sim.book import end, find, find_lock, is_taker, locks, relock, report, take
from interlock.sim.matching import (
    match_limits,
    match_point,
    match_stops,
    match_takers,
)
from interlock.sim.world import ReportsArray, VenueArray, WorldArray

RATE_PARTS: Final = 1_000_000_000  # a funding rate is in parts per billion of the position's value


@compiled
def _fits_balance(venue: Row, order: Row) -> bool:
    """Return whether a spot sell finds its balance unlocked; a pair shares one lock."""
    if not locks(order=order):
        return True
    book = venue["instruments"][order["instrument"]]
    free = book["position"] - book["locked"]
    peer = find_lock(venue=venue, instrument=order["instrument"], order_id=order["peer_id"])
    if peer >= 0:
        free += venue["orders"][peer]["qty"] - venue["orders"][peer]["filled"]
    return bool(order["qty"] <= free)


@compiled
def _is_order(row: Row) -> bool:
    """Return whether a SUBMIT's numbers are an order at all."""
    if not 0 < row["qty"] <= QTY_LOTS_MAX or (row["side"] != 1 and row["side"] != -1):
        return False
    if row["order_id"] <= 0 or row["peer_id"] == row["order_id"]:
        return False
    kind = row["order_kind"]
    if kind == OrderKind.LIMIT or kind == OrderKind.STOP_LIMIT:
        if not 0 < row["price"] <= PRICE_TICKS_MAX:
            return False
    if kind == OrderKind.STOP or kind == OrderKind.STOP_LIMIT:
        if not 0 < row["trigger"] <= PRICE_TICKS_MAX:
            return False
    return bool(OrderKind.MARKET <= kind <= OrderKind.STOP_LIMIT)


@compiled
def is_listed(world: Row, instrument: int) -> bool:
    """Return whether the venue trades an instrument."""
    if not 0 <= instrument < world["instruments"].shape[0]:
        return False
    return bool(world["instruments"][instrument]["unit_den"] > 0)


@compiled
def _refuse(world: Row, reports: Row, venue: Row, row: Row, kind: int) -> None:
    """Answer a command about an order that does not rest here."""
    arrived_ns = row["ts_ns"] + world["latency_in_ns"]
    report(world, venue, reports, kind, row, arrived_ns)
    venue["rejected"] += 1


@compiled
def on_submit(world: Row, venue: Row, row: Row, reports: Row) -> None:
    """Take a new order: ACCEPTED and resting from its arrival on, or REJECTED."""
    instrument = row["instrument"]
    sound = is_listed(world=world, instrument=instrument) and _is_order(row=row)
    if not sound or find(venue=venue, instrument=instrument, order_id=row["order_id"]) >= 0:
        _refuse(world=world, reports=reports, venue=venue, row=row, kind=Kind.REJECTED)
        return
    slot = take(venue=venue, instrument=instrument)
    if slot < 0:
        _refuse(world=world, reports=reports, venue=venue, row=row, kind=Kind.REJECTED)
        return
    order = venue["orders"][slot]
    order["order_id"] = row["order_id"]
    order["peer_id"] = row["peer_id"]
    order["instrument"] = instrument
    order["strategy"] = row["strategy"]
    order["side"] = row["side"]
    order["order_kind"] = row["order_kind"]
    order["role"] = row["role"]
    order["flags"] = row["flags"]
    order["qty"] = row["qty"]
    order["filled"] = 0
    order["price"] = row["price"]
    order["trigger"] = row["trigger"]
    order["triggered"] = 0
    order["control"] = 0
    order["active_ns"] = row["ts_ns"] + world["latency_in_ns"]
    if is_taker(order=order):
        venue["instruments"][instrument]["takers"] += 1
    if not _fits_balance(venue=venue, order=order):
        end(world, venue, reports, slot, Kind.REJECTED, order["active_ns"])
        return
    peer = find(venue=venue, instrument=instrument, order_id=row["peer_id"])
    if peer >= 0:
        venue["orders"][peer]["peer_id"] = row["order_id"]
    relock(venue=venue, instrument=instrument)
    report(world, venue, reports, Kind.ACCEPTED, order, order["active_ns"])


@compiled
def _is_amendable(order: Row) -> bool:
    """Return whether an amendment's numbers can be those of this order, and it still waits."""
    if not order["filled"] < order["amend_qty"] <= QTY_LOTS_MAX or order["triggered"] == 1:
        return False
    if not 0 <= order["amend_price"] <= PRICE_TICKS_MAX:
        return False
    return bool(0 <= order["amend_trigger"] <= PRICE_TICKS_MAX)


@compiled
def _apply_control(world: Row, venue: Row, reports: Row, slot: int) -> None:
    """Do what a cancel or an amendment asks, now that it has arrived."""
    order = venue["orders"][slot]
    kind = order["control"]
    order["control"] = 0
    venue["instruments"][order["instrument"]]["controls"] -= 1
    if kind == Kind.CANCEL:
        end(world, venue, reports, slot, Kind.CANCELLED, order["control_ns"])
        return
    answer = Kind.AMEND_REJECTED
    if _is_amendable(order=order):
        before = order["qty"]
        order["qty"] = order["amend_qty"]
        if _fits_room(venue=venue, order=order, before=before):
            answer = Kind.AMENDED
            if order["amend_price"] > 0:
                order["price"] = order["amend_price"]
            if order["amend_trigger"] > 0:
                order["trigger"] = order["amend_trigger"]
        else:
            order["qty"] = before
    relock(venue=venue, instrument=order["instrument"])
    row = report(world, venue, reports, answer, order, order["control_ns"])
    row["price"] = order["price"]
    row["trigger"] = order["trigger"]


@compiled
def _fits_room(venue: Row, order: Row, before: int) -> bool:
    """Return whether an amended spot sell still fits the balance; less of it always does."""
    if not locks(order=order) or order["qty"] <= before:
        return True
    relock(venue=venue, instrument=order["instrument"])
    book = venue["instruments"][order["instrument"]]
    return bool(book["locked"] <= book["position"])


@compiled
def on_control(world: Row, venue: Row, row: Row, reports: Row) -> None:
    """Take a CANCEL or AMEND; it acts when it arrives, and until then the order trades on."""
    instrument = row["instrument"]
    slot = -1
    if is_listed(world=world, instrument=instrument):
        slot = find(venue=venue, instrument=instrument, order_id=row["order_id"])
    if slot < 0:
        kind = Kind.CANCEL_REJECTED
        if row["kind"] == Kind.AMEND:
            kind = Kind.AMEND_REJECTED
        _refuse(world=world, reports=reports, venue=venue, row=row, kind=kind)
        return
    order = venue["orders"][slot]
    if order["control"] == Kind.CANCEL:
        return
    if order["control"] == 0:
        venue["instruments"][instrument]["controls"] += 1
    order["control"] = row["kind"]
    order["control_ns"] = row["ts_ns"] + world["latency_in_ns"]
    order["amend_qty"] = row["qty"]
    order["amend_price"] = row["price"]
    order["amend_trigger"] = row["trigger"]
    if world["latency_in_ns"] == 0:
        _apply_control(world=world, venue=venue, reports=reports, slot=slot)


@compiled
def apply_due(world: Row, venue: Row, reports: Row, instrument: int, now_ns: int) -> None:
    """Apply the cancels and amendments that have arrived by ``now_ns``."""
    if venue["instruments"][instrument]["controls"] == 0:
        return
    link = venue["instruments"][instrument]["first_order"]
    while link > 0:
        slot = link - 1
        order = venue["orders"][slot]
        link = order["next"]
        if order["control"] != 0 and order["control_ns"] <= now_ns:
            _apply_control(world=world, venue=venue, reports=reports, slot=slot)


@compiled
def on_open(world: Row, venue: Row, row: Row, reports: Row) -> None:
    """Take a bar's first price: what was there before it fills or gaps through at it.

    A market order that arrives later in the bar fills here too, so that the stop it calls for can
    still be hit on the bar's path.
    """
    instrument = row["instrument"]
    rules = world["instruments"][instrument]
    book = venue["instruments"][instrument]
    if rules["participation_ppm"] > 0:
        book["volume_left"] = ppm_of(value=row["volume"], ppm=rules["participation_ppm"])
    if book["first_order"] == 0:
        return
    open_ns = row["src_ts_ns"]
    apply_due(world=world, venue=venue, reports=reports, instrument=instrument, now_ns=open_ns)
    match_point(world, venue, reports, instrument, row["open"], row["open"], open_ns)
    match_takers(world, venue, reports, row)


@compiled_inline
def on_quiet_bar(world: Row, venue: Row, row: Row) -> None:
    """Take a bar's close where nothing rests: the mark, and the range if slippage asks for it."""
    instrument = row["instrument"]
    book = venue["instruments"][instrument]
    if world["costs"]["volatility_factor"] > 0.0:
        update_atr(
            spec=world["instruments"][instrument],
            inst=book,
            high=row["high"],
            low=row["low"],
            close=row["close"],
        )
    book["mark"] = row["close"]


@compiled
def on_path(world: Row, venue: Row, row: Row, reports: Row) -> None:
    """Take the rest of a bar (src_ts_ns its open, ts_ns its close): stops first, then limits.

    Reports are stamped in the middle of the bar: when in it they happened nobody knows.
    """
    instrument = row["instrument"]
    book = venue["instruments"][instrument]
    if book["first_order"] != 0:
        middle_ns = row["src_ts_ns"] + (row["ts_ns"] - row["src_ts_ns"]) // 2
        match_takers(world, venue, reports, row)
        apply_due(
            world=world, venue=venue, reports=reports, instrument=instrument, now_ns=middle_ns
        )
        match_stops(world, venue, reports, row, middle_ns)
        match_limits(world, venue, reports, row, middle_ns)
    on_quiet_bar(world=world, venue=venue, row=row)


@compiled
def on_point(world: Row, venue: Row, row: Row, reports: Row) -> None:
    """Take a QUOTE (open bid, high ask) or a TRADE (close): match at that instant's prices."""
    instrument = row["instrument"]
    book = venue["instruments"][instrument]
    bid = row["open"]
    ask = row["high"]
    if row["kind"] == Kind.TRADE:
        bid = row["close"]
        ask = row["close"]
    elif not 0 < bid < ask:
        return
    book["mark"] = (bid + ask) // 2
    rules = world["instruments"][instrument]
    if rules["participation_ppm"] > 0:
        book["volume_left"] = ppm_of(value=row["volume"], ppm=rules["participation_ppm"])
    now_ns = row["src_ts_ns"]
    apply_due(world=world, venue=venue, reports=reports, instrument=instrument, now_ns=now_ns)
    match_point(world, venue, reports, instrument, bid, ask, now_ns)


@compiled
def on_funding(world: Row, venue: Row, row: Row, reports: Row) -> None:
    """Charge or pay funding: value is the rate in parts per billion, paid by the long side."""
    instrument = row["instrument"]
    book = venue["instruments"][instrument]
    if book["position"] == 0 or book["mark"] == 0:
        return
    value_units = position_value_units(
        spec=world["instruments"][instrument], position=book["position"], price=book["mark"]
    )
    units = -mul_div(a=value_units, b=row["value"], c=RATE_PARTS)
    if units == 0:
        return
    venue["cash_units"] += units
    venue["funding_units"] += units
    answer = report(world, venue, reports, Kind.FUNDING, row, row["src_ts_ns"])
    answer["order_id"] = 0
    answer["value"] = units


@compiled
def venue_handle(world: Row, venue: Row, row: Row, reports: Row) -> int:
    """Handle one row; ``venue_step`` for callers that hold the rows already."""
    venue["reports"] = 0
    kind = row["kind"]
    if kind == Kind.BAR_PATH:
        on_path(world=world, venue=venue, row=row, reports=reports)
    elif kind == Kind.BAR_OPEN:
        on_open(world=world, venue=venue, row=row, reports=reports)
    elif kind == Kind.SUBMIT:
        on_submit(world=world, venue=venue, row=row, reports=reports)
    elif kind == Kind.CANCEL or kind == Kind.AMEND:
        on_control(world=world, venue=venue, row=row, reports=reports)
    elif kind == Kind.QUOTE or kind == Kind.TRADE:
        on_point(world=world, venue=venue, row=row, reports=reports)
    elif kind == Kind.FUNDING:
        on_funding(world=world, venue=venue, row=row, reports=reports)
    return int(venue["reports"])


@compiled
def venue_step(
    world: WorldArray, venue: VenueArray, inputs: Rows, index: int, reports: ReportsArray
) -> int:
    """Handle ``inputs[index]``: a command of the kernel or an event of the market.

    Args:
        world: Shape (1,), ``world_dtype``.
        venue: Shape (1,), ``venue_dtype``; changed in place.
        inputs: Shape (n,), dtype ``ROW``. SUBMIT, CANCEL, AMEND; BAR_OPEN and BAR_PATH (src_ts_ns
            the bar's open, ts_ns its close); QUOTE, TRADE; FUNDING (value in parts per billion).
        index: Which one.
        reports: Shape (1,), dtype ``REPORTS``; ``reports["rows"][0, :count]`` are the answers, in
            order, with ``ts_ns`` the time at which they reach the engine.

    Returns:
        How many reports were written.
    """
    assert index >= 0
    return venue_handle(world[0], venue[0], inputs[index], reports[0])


@compiled
def venue_equity_units(world: Row, venue: Row, instruments: int) -> int:
    """Return the account's equity by the venue's own books: cash and positions at their marks."""
    total = venue["cash_units"] + venue["margin_flow_units"]
    for instrument in range(instruments):
        book = venue["instruments"][instrument]
        if book["position"] != 0:
            total += position_value_units(
                spec=world["instruments"][instrument],
                position=book["position"],
                price=book["mark"],
            )
    return int(total)
