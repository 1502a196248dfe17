"""Matching: at one price (an open, a quote, a trade) and along a bar's path, pessimistically.

What a bar does not tell is taken against us: a stop is hit before a target that the same bar
touches, a limit fills only when the price traded through it, a gap fills at the open, and slippage
is paid on everything that takes liquidity.
"""

from interlock.kernel.codes import BUY, SELL, Flag, Kind, OrderKind
from interlock.kernel.compiled import compiled
from interlock.kernel.costs import fee_units, slippage_ppm
from interlock.kernel.ledger import fill_units
from interlock.kernel.records import Row
from interlock.kernel.units import PPM, mul_div, mul_div_up
from interlock.sim.book import drop, end, find, is_waiting_stop, locks, relock, report


@compiled
def _slipped(world: Row, book: Row, rules: Row, side: int, price: int, qty: int) -> int:
    """Return the price a taker of ``qty`` lots gets: moved against him, at least one tick left."""
    value_units = mul_div(a=price * rules["unit_num"], b=qty, c=rules["unit_den"])
    slip_ppm = slippage_ppm(
        costs=world["costs"],
        atr=book["atr"],
        atr_baseline=book["atr_baseline"],
        value_units=value_units,
    )
    return max(price + side * mul_div_up(a=price, b=slip_ppm, c=PPM), 1)


@compiled
def _fillable(venue: Row, rules: Row, slot: int) -> int:
    """Return how many lots may fill now: what is left; held, for a spot sell or reduce-only."""
    order = venue["orders"][slot]
    book = venue["instruments"][order["instrument"]]
    lots = order["qty"] - order["filled"]
    if order["flags"] & Flag.REDUCE_ONLY != 0 or locks(order=order):
        lots = min(lots, max(-order["side"] * book["position"], 0))
    if rules["participation_ppm"] > 0 and lots > book["volume_left"]:
        lots = book["volume_left"] // rules["lot"] * rules["lot"]
    return int(lots)


@compiled
def pays_in_base(rules: Row, order: Row) -> bool:
    """Return whether the fee is taken out of what is bought (spot manners)."""
    spot_buy = order["side"] == BUY and order["flags"] & Flag.MARGIN == 0
    return bool(rules["fee_in_base"] == 1 and spot_buy)


@compiled
def _settle(world: Row, venue: Row, slot: int, price: int, lots: int, maker: bool) -> int:
    """Move cash and position for a fill; return the fee, in units or in lots of the base."""
    order = venue["orders"][slot]
    instrument = order["instrument"]
    rules = world["instruments"][instrument]
    book = venue["instruments"][instrument]
    side = order["side"]
    value_units = fill_units(spec=rules, side=side, price=price, qty=lots)
    fee_ppm = rules["maker_ppm"] if maker else rules["taker_ppm"]
    if order["flags"] & Flag.MARGIN != 0:
        venue["margin_flow_units"] -= side * value_units
        book["flow_units"] -= side * value_units
    else:
        venue["cash_units"] -= side * value_units
    if pays_in_base(rules=rules, order=order):
        fee = mul_div_up(a=lots, b=max(fee_ppm, 0), c=PPM)
        book["position"] -= fee
    else:
        fee = fee_units(value_units=value_units, fee_ppm=fee_ppm)
        venue["cash_units"] -= fee
        venue["fees_units"] += fee
    book["position"] += side * lots
    if book["position"] == 0:
        # Flat: what margin won or lost is money now, and the next buy may spend no more.
        venue["cash_units"] += book["flow_units"]
        venue["margin_flow_units"] -= book["flow_units"]
        book["flow_units"] = 0
    book["volume_left"] -= lots
    venue["trades"] += 1
    order["filled"] += lots
    return fee


@compiled
def _follow_peer(world: Row, venue: Row, reports: Row, slot: int, lots: int, now_ns: int) -> None:
    """One leg of a pair filled: the other is cancelled, or shrinks by what was filled."""
    order = venue["orders"][slot]
    instrument = order["instrument"]
    other = find(venue=venue, instrument=instrument, order_id=order["peer_id"])
    if other < 0:
        return
    peer = venue["orders"][other]
    if order["filled"] >= order["qty"] or peer["qty"] - peer["filled"] <= lots:
        end(world, venue, reports, other, Kind.CANCELLED, now_ns)
        return
    peer["qty"] -= lots
    row = report(world, venue, reports, Kind.AMENDED, peer, now_ns)
    row["price"] = peer["price"]
    row["trigger"] = peer["trigger"]


@compiled
def fill(
    world: Row,
    venue: Row,
    reports: Row,
    slot: int,
    price: int,
    reference: int,
    maker: bool,
    now_ns: int,
) -> bool:
    """Fill what may be filled of an order at ``price``; return whether the order is gone.

    ``reference`` is the price before slippage; the report carries it, so that what slippage cost
    can be told from what the market did.
    """
    order = venue["orders"][slot]
    instrument = order["instrument"]
    rules = world["instruments"][instrument]
    lots = _fillable(venue=venue, rules=rules, slot=slot)
    if lots <= 0:
        if order["flags"] & Flag.REDUCE_ONLY != 0:
            book = venue["instruments"][instrument]
            if -order["side"] * book["position"] <= 0:
                end(world, venue, reports, slot, Kind.CANCELLED, now_ns)
                return True
        return False
    if order["side"] == BUY and order["flags"] & (Flag.MARGIN | Flag.REDUCE_ONLY) == 0:
        value_units = fill_units(spec=rules, side=BUY, price=price, qty=lots)
        fee = fee_units(value_units=value_units, fee_ppm=max(rules["taker_ppm"], 0))
        if value_units + fee > venue["cash_units"]:
            # What was filled stays filled: such an order can end, but not as if it never was.
            kind = Kind.REJECTED if order["filled"] == 0 else Kind.CANCELLED
            end(world, venue, reports, slot, kind, now_ns)
            return True
    fee = _settle(world=world, venue=venue, slot=slot, price=price, lots=lots, maker=maker)
    row = report(world, venue, reports, Kind.FILL, order, now_ns)
    row["qty"] = lots
    row["price"] = price
    row["close"] = reference
    row["fee"] = fee
    row["fee_asset"] = 1 if pays_in_base(rules=rules, order=order) else 0
    row["ext_hi"] = 1
    row["ext_lo"] = venue["trades"]
    if maker:
        row["flags"] = row["flags"] | Flag.MAKER
    gone = order["filled"] >= order["qty"]
    if gone:
        row["flags"] = row["flags"] | Flag.LAST
    _follow_peer(world=world, venue=venue, reports=reports, slot=slot, lots=lots, now_ns=now_ns)
    if gone:
        _forget(venue=venue, slot=slot)
    else:
        relock(venue=venue, instrument=instrument)
    return bool(gone)


@compiled
def _forget(venue: Row, slot: int) -> None:
    order = venue["orders"][slot]
    instrument = order["instrument"]
    drop(venue=venue, slot=slot)
    relock(venue=venue, instrument=instrument)


@compiled
def _take(
    world: Row, venue: Row, reports: Row, slot: int, price: int, now_ns: int, limit: int
) -> bool:
    """Fill a taker at ``price`` and slippage; a limit (0: none) is never passed."""
    order = venue["orders"][slot]
    instrument = order["instrument"]
    rules = world["instruments"][instrument]
    side = order["side"]
    paid = _slipped(
        world=world,
        book=venue["instruments"][instrument],
        rules=rules,
        side=side,
        price=price,
        qty=order["qty"] - order["filled"],
    )
    if limit > 0 and side * (paid - limit) > 0:
        return False
    return fill(world, venue, reports, slot, paid, price, maker=False, now_ns=now_ns)


@compiled
def is_limit(order: Row) -> bool:
    """Return whether an order rests at a limit price now."""
    if order["order_kind"] == OrderKind.LIMIT:
        return True
    return bool(order["order_kind"] == OrderKind.STOP_LIMIT and order["triggered"] == 1)


@compiled
def _trigger(world: Row, venue: Row, reports: Row, slot: int, price: int, now_ns: int) -> bool:
    """A stop's trigger was reached at ``price``: it takes from there; return whether it is gone."""
    order = venue["orders"][slot]
    order["triggered"] = 1
    if order["order_kind"] == OrderKind.STOP:
        venue["instruments"][order["instrument"]]["takers"] += 1
    limit = 0
    if order["order_kind"] == OrderKind.STOP_LIMIT:
        limit = order["price"]
    relock(venue=venue, instrument=order["instrument"])
    return _take(world, venue, reports, slot, price, now_ns, limit)


@compiled
def match_point(
    world: Row, venue: Row, reports: Row, instrument: int, bid: int, ask: int, now_ns: int
) -> None:
    """Match the instrument's orders that are active at one instant's prices.

    A buy meets ``ask``, a sell ``bid`` (ticks; 0: that side is empty). A stop triggers at or
    beyond its price, a limit fills only if the price is strictly better than it, at that price.
    """
    link = venue["instruments"][instrument]["first_order"]
    while link > 0:
        slot = link - 1
        order = venue["orders"][slot]
        link = order["next"]
        side = order["side"]
        price = ask if side == BUY else bid
        if price <= 0 or order["active_ns"] > now_ns:
            continue
        peer = order["peer_id"]
        if is_waiting_stop(order=order):
            if side * (price - order["trigger"]) >= 0:
                _trigger(world, venue, reports, slot, price, now_ns)
        elif is_limit(order=order):
            if side * (order["price"] - price) > 0:
                fill(world, venue, reports, slot, price, price, maker=False, now_ns=now_ns)
        else:
            _take(world, venue, reports, slot, price, now_ns, 0)
        if peer != 0:
            # The other leg may be gone with this one, and it may have been the next.
            link = _next_after(venue=venue, instrument=instrument, link=link)


@compiled
def _next_after(venue: Row, instrument: int, link: int) -> int:
    """Return ``link`` if that order still rests, else the front: it went with its pair.

    Looking at an order twice at the same price changes nothing.
    """
    if link > 0 and venue["orders"][link - 1]["order_id"] == 0:
        return int(venue["instruments"][instrument]["first_order"])
    return link


@compiled
def travelled(open_price: int, extreme: int, active_ns: int, open_ns: int, close_ns: int) -> int:
    """Return the price when an order arrives inside a bar: the way to the worst extreme, in time.

    A bar does not tell what happened when; the price is taken to move in a line from the open to
    the extreme that is worst for the order, at most for as long as the order was under way.
    """
    span_ns = close_ns - open_ns
    if span_ns <= 0:
        return extreme
    late_ns = min(max(active_ns - open_ns, 0), span_ns)
    return open_price + mul_div_up(a=extreme - open_price, b=late_ns, c=span_ns)


@compiled
def match_takers(world: Row, venue: Row, reports: Row, row: Row) -> None:
    """Along a bar: fill the market orders that arrived after its open."""
    instrument = row["instrument"]
    if venue["instruments"][instrument]["takers"] == 0:
        return
    open_ns = row["src_ts_ns"]
    link = venue["instruments"][instrument]["first_order"]
    while link > 0:
        slot = link - 1
        order = venue["orders"][slot]
        link = order["next"]
        late = order["active_ns"] > open_ns and order["active_ns"] < row["ts_ns"]
        if late and not is_waiting_stop(order=order) and not is_limit(order=order):
            extreme = row["high"] if order["side"] == BUY else row["low"]
            price = travelled(
                open_price=row["open"],
                extreme=extreme,
                active_ns=order["active_ns"],
                open_ns=open_ns,
                close_ns=row["ts_ns"],
            )
            peer = order["peer_id"]
            _take(world, venue, reports, slot, price, order["active_ns"], 0)
            if peer != 0:
                link = _next_after(venue=venue, instrument=instrument, link=link)


@compiled
def match_stops(world: Row, venue: Row, reports: Row, row: Row, now_ns: int) -> None:
    """Along a bar: every stop the path touched takes at its trigger, before any limit fills.

    A stop that arrived after the open with the price beyond it already takes from the open. What a
    STOP_LIMIT does not take at once rests as a limit from the close on: the prices of the bar may
    have come before its trigger.
    """
    instrument = row["instrument"]
    link = venue["instruments"][instrument]["first_order"]
    while link > 0:
        slot = link - 1
        order = venue["orders"][slot]
        link = order["next"]
        if not is_waiting_stop(order=order) or order["active_ns"] >= row["ts_ns"]:
            continue
        touched = row["high"] >= order["trigger"]
        price = max(order["trigger"], row["open"])
        if order["side"] == SELL:
            touched = row["low"] <= order["trigger"]
            price = min(order["trigger"], row["open"])
        if touched:
            peer = order["peer_id"]
            if not _trigger(world, venue, reports, slot, price, now_ns):
                order["active_ns"] = row["ts_ns"]
            if peer != 0:
                link = _next_after(venue=venue, instrument=instrument, link=link)


@compiled
def match_limits(world: Row, venue: Row, reports: Row, row: Row, now_ns: int) -> None:
    """Along a bar: every limit the path traded through fills at its price, as a maker."""
    instrument = row["instrument"]
    link = venue["instruments"][instrument]["first_order"]
    while link > 0:
        slot = link - 1
        order = venue["orders"][slot]
        link = order["next"]
        if not is_limit(order=order) or order["active_ns"] >= row["ts_ns"]:
            continue
        through = row["low"] < order["price"]
        if order["side"] == SELL:
            through = row["high"] > order["price"]
        if through:
            peer = order["peer_id"]
            price = order["price"]
            fill(world, venue, reports, slot, price, price, maker=True, now_ns=now_ns)
            if peer != 0:
                link = _next_after(venue=venue, instrument=instrument, link=link)
