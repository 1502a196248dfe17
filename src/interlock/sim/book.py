"""The venue's order table, its reports, and the balances its resting orders lock."""

from typing import Final

from interlock.kernel.codes import SELL, Flag, Kind, OrderKind
from interlock.kernel.compiled import compiled, compiled_inline
from interlock.kernel.emit import blank
from interlock.kernel.records import Row
from interlock.sim.world import NEVER_TOUCHED, REPORT_ROWS

# What an order carries from its command; the other bits of a report are the venue's own to say.
ORDER_FLAGS: Final = int(~(Flag.MAKER | Flag.LAST))


@compiled
def find(venue: Row, instrument: int, order_id: int) -> int:
    """Return the slot of a resting order, or -1."""
    if order_id == 0:
        return -1
    link = venue["instruments"][instrument]["first_order"]
    while link > 0:
        if venue["orders"][link - 1]["order_id"] == order_id:
            return int(link - 1)
        link = venue["orders"][link - 1]["next"]
    return -1


@compiled
def take(venue: Row, instrument: int) -> int:
    """Take a free slot, last in its instrument's list; -1 when the venue is full."""
    link = venue["free_order"]
    if link == 0:
        return -1
    book = venue["instruments"][instrument]
    order = venue["orders"][link - 1]
    venue["free_order"] = order["next"]
    last = book["last_order"]
    order["next"] = 0
    order["previous"] = last
    if last > 0:
        venue["orders"][last - 1]["next"] = link
    else:
        book["first_order"] = link
    book["last_order"] = link
    return int(link - 1)


@compiled
def is_taker(order: Row) -> bool:
    """Return whether an order takes whatever price there is: at market, or a stop triggered."""
    if order["order_kind"] == OrderKind.MARKET:
        return True
    return bool(order["order_kind"] == OrderKind.STOP and order["triggered"] == 1)


@compiled
def drop(venue: Row, slot: int) -> None:
    """Take an order out of its list and free its slot."""
    order = venue["orders"][slot]
    book = venue["instruments"][order["instrument"]]
    if is_taker(order=order):
        book["takers"] -= 1
    if order["control"] != 0:
        book["controls"] -= 1
    before = order["previous"]
    after = order["next"]
    if before > 0:
        venue["orders"][before - 1]["next"] = after
    else:
        book["first_order"] = after
    if after > 0:
        venue["orders"][after - 1]["previous"] = before
    else:
        book["last_order"] = before
    order["order_id"] = 0
    order["next"] = venue["free_order"]
    venue["free_order"] = slot + 1


@compiled
def report(world: Row, venue: Row, reports: Row, kind: int, order: Row, happened_ns: int) -> Row:
    """Return the next report row about an order, blank but for what every report carries.

    ``src_ts_ns`` is when the venue did it, ``ts_ns`` when the engine hears of it.
    """
    count = venue["reports"]
    assert 0 <= count < REPORT_ROWS
    row: Row = reports["rows"][count]
    venue["reports"] = count + 1
    blank(row=row)
    row["kind"] = kind
    row["instrument"] = order["instrument"]
    row["strategy"] = order["strategy"]
    row["side"] = order["side"]
    row["order_kind"] = order["order_kind"]
    row["role"] = order["role"]
    row["flags"] = order["flags"] & ORDER_FLAGS
    row["order_id"] = order["order_id"]
    row["peer_id"] = order["peer_id"]
    row["src_ts_ns"] = happened_ns
    row["ts_ns"] = happened_ns + world["latency_out_ns"]
    row["qty"] = order["qty"]
    return row


@compiled
def locks(order: Row) -> bool:
    """Return whether a resting order locks the balance it would sell (spot manners)."""
    return bool(order["side"] == SELL and order["flags"] & Flag.MARGIN == 0)


@compiled
def find_lock(venue: Row, instrument: int, order_id: int) -> int:
    """Return the slot of a resting order that locks a balance, or -1: a pair shares its lock."""
    slot = find(venue=venue, instrument=instrument, order_id=order_id)
    if slot >= 0 and not locks(order=venue["orders"][slot]):
        return -1
    return slot


@compiled
def is_waiting_stop(order: Row) -> bool:
    """Return whether an order waits for its trigger."""
    if order["triggered"] == 1:
        return False
    return bool(
        order["order_kind"] == OrderKind.STOP or order["order_kind"] == OrderKind.STOP_LIMIT
    )


@compiled
def _note_touch(book: Row, order: Row) -> None:
    """Narrow the prices that touch nothing by an order's: its trigger if it waits, else its limit.

    A buy stop and a sell limit are touched from below, the other two from above.
    """
    if is_taker(order=order):
        return
    waits = is_waiting_stop(order=order)
    price = order["trigger"] if waits else order["price"]
    if (order["side"] == SELL) == waits:
        book["touch_low"] = max(book["touch_low"], price)
    else:
        book["touch_high"] = min(book["touch_high"], price)


@compiled_inline
def is_untouched(venue: Row, instrument: int, low: int, high: int) -> bool:
    """Return whether a bar between ``low`` and ``high`` leaves every resting order as it is."""
    book = venue["instruments"][instrument]
    if book["takers"] > 0 or book["controls"] > 0:
        return False
    return bool(low > book["touch_low"] and high < book["touch_high"])


@compiled
def relock(venue: Row, instrument: int) -> None:
    """Add up what an instrument's orders lock, and between which prices none of them is touched.

    A pair locks once, at its larger leg.
    """
    book = venue["instruments"][instrument]
    locked = 0
    book["touch_low"] = 0
    book["touch_high"] = NEVER_TOUCHED
    link = book["first_order"]
    while link > 0:
        order = venue["orders"][link - 1]
        _note_touch(book=book, order=order)
        if locks(order=order):
            left = order["qty"] - order["filled"]
            slot = find_lock(venue=venue, instrument=instrument, order_id=order["peer_id"])
            if slot < 0:
                locked += left
            else:
                peer = venue["orders"][slot]
                other = peer["qty"] - peer["filled"]
                if left > other or (left == other and order["order_id"] < peer["order_id"]):
                    locked += left
        link = order["next"]
    book["locked"] = locked


@compiled
def end(world: Row, venue: Row, reports: Row, slot: int, kind: int, happened_ns: int) -> None:
    """End an order for good: one report, and its slot and its lock are free."""
    order = venue["orders"][slot]
    row = report(
        world=world, venue=venue, reports=reports, kind=kind, order=order, happened_ns=happened_ns
    )
    row["flags"] = row["flags"] | Flag.LAST
    row["qty"] = order["qty"] - order["filled"]
    if kind == Kind.REJECTED:
        venue["rejected"] += 1
    instrument = order["instrument"]
    drop(venue=venue, slot=slot)
    relock(venue=venue, instrument=instrument)
