"""Chance for the kernel's property tests: four small numbers become an event that fits the state.

An honest venue fills what is open and no more, and reduces only what there is. What else can reach
the kernel (strangers, busts, overfills, nonsense) is in ``ROUGH``.
"""

from collections.abc import Callable
from typing import Any, Final, TypeAlias

from hypothesis import strategies as st

from interlock.kernel.codes import (
    Cause,
    Flag,
    Kind,
    Level,
    Metric,
    OrderKind,
    OrderState,
)
from interlock.kernel.records import Rows
from tests.kernel.helpers import INSTRUMENTS, STRATEGIES, Bench

Action: TypeAlias = tuple[int, int, int, int]

_REPORTS: Final = (
    Kind.ACCEPTED,
    Kind.REJECTED,
    Kind.CANCELLED,
    Kind.EXPIRED,
    Kind.OUTCOME_UNKNOWN,
    Kind.ABSENT,
    Kind.CANCEL_REJECTED,
    Kind.AMENDED,
    Kind.AMEND_REJECTED,
)
_CALENDAR: Final = (
    Kind.DAY,
    Kind.SESSION_OPEN,
    Kind.SESSION_CLOSE,
    Kind.BLACKOUT_START,
    Kind.BLACKOUT_END,
    Kind.VENUE_HALT,
    Kind.VENUE_RESUME,
)
_STEPS: Final = (0, 1, 60, 4_000)  # seconds between two events


def _event(bench: Bench, kind: Kind, a: int) -> Rows:
    event = bench.blank(kind, _STEPS[a % len(_STEPS)] * 1_000_000_000)
    event["instrument"] = a % INSTRUMENTS
    return event


def _price(bench: Bench, a: int, b: int) -> int:
    """Return a price up to 5 % from the mark, or 100 ticks apart where there is none."""
    mark = int(bench.state["instruments"]["mark"][0, a % INSTRUMENTS]) or 10_000
    return min(max(mark + mark * (b - 50) // 1_000, 100), 1_000_000)


def _open_order(bench: Bench, a: int) -> Any:
    orders = [x for x in bench.state[0]["orders"] if x["order_id"] != 0]
    return orders[a % len(orders)] if orders else None


def bar(bench: Bench, a: int, b: int, c: int) -> Rows:
    """Close up to 5 % away, with a range of up to 1 %."""
    event = _event(bench, Kind.BAR, a)
    close = _price(bench, a, b)
    event["open"] = event["close"] = close
    event["high"] = close + close * (c % 10) // 1_000
    event["low"] = close - close * (c // 10) // 1_000
    return event


def quote(bench: Bench, a: int, b: int, c: int) -> Rows:
    """Quote a book that may be crossed or one-sided."""
    event = _event(bench, Kind.QUOTE, a)
    price = _price(bench, a, b)
    event["open"] = price if c % 7 else 0
    event["high"] = price + c - 5
    return event


def trade(bench: Bench, a: int, b: int, c: int) -> Rows:
    """Trade somewhere, seldom ten times too high or late."""
    event = _event(bench, Kind.TRADE, a)
    event["close"] = _price(bench, a, b) * (20 if c == 0 else 1)
    event["src_ts_ns"] -= 10_000_000_000 if c == 1 else 0
    return event


def signal(bench: Bench, a: int, b: int, c: int) -> Rows:
    """Propose a side, or to get out."""
    event = _event(bench, Kind.SIGNAL, a)
    event["side"] = (b % 5 > 0) * (1 if b % 2 else -1)
    event["strategy"] = c % STRATEGIES
    event["has_edge"] = 1
    event["edge_bps"] = c
    event["flags"] = Flag.EXIT_ONLY if c == 0 else 0
    if c % 4 == 0:  # from outside: it says how many at most, and which price it saw
        event["qty"] = 1 + b
        event["price"] = _price(bench, a, c)
    return event


def report(bench: Bench, a: int, b: int, c: int) -> Rows:
    """Report something of an open order, whether it can follow or not."""
    event = _event(bench, _REPORTS[b % len(_REPORTS)], a)
    order = _open_order(bench, c)
    event["qty"] = 1 + b
    event["price"] = event["trigger"] = 9_000
    if order is not None:
        event["instrument"] = order["instrument"]
        event["order_id"] = order["order_id"]
        if order["amend_qty"] > 0:
            event["qty"] = order["amend_qty"]
            event["price"] = 0 if order["order_kind"] == OrderKind.STOP else order["amend_trigger"]
            event["trigger"] = order["amend_trigger"] - event["price"]
    return event


def fill(bench: Bench, a: int, b: int, c: int) -> Rows:
    """Fill an open order, all of it or a part, and never reduce more than there is."""
    order = _open_order(bench, c)
    if order is None:
        return bar(bench, a, b, c)
    event = _event(bench, Kind.FILL, a)
    instrument = int(order["instrument"])
    left = int(order["qty"] - order["filled"])
    if order["flags"] & Flag.REDUCE_ONLY:
        held = -int(order["side"]) * int(bench.state["instruments"]["position"][0, instrument])
        left = min(left, held)
    if left <= 0:
        return bar(bench, a, b, c)
    event["instrument"] = instrument
    event["order_id"] = order["order_id"]
    event["side"] = order["side"]
    event["qty"] = left if b % 3 else max(left * b // 100, 1)
    event["price"] = _price(bench, instrument, b)
    event["fee"] = c - 20
    event["ext_lo"] = event["seq"]
    return event


def accept(bench: Bench, a: int, b: int, c: int) -> Rows:
    """Accept the first order that waits for it, so that most orders get to rest."""
    for order in bench.state[0]["orders"]:
        if order["state"] == OrderState.INTENT:
            event = _event(bench, Kind.ACCEPTED, a)
            event["instrument"] = order["instrument"]
            event["order_id"] = order["order_id"]
            return event
    return bar(bench, a, b, c)


def cancelled(bench: Bench, a: int, b: int, c: int) -> Rows:
    """Confirm a cancel that was asked for."""
    for order in bench.state[0]["orders"]:
        if order["order_id"] != 0 and order["state"] == OrderState.PENDING_CANCEL:
            event = _event(bench, Kind.CANCELLED, a)
            event["instrument"] = order["instrument"]
            event["order_id"] = order["order_id"]
            return event
    return signal(bench, a, b, c)


def money(bench: Bench, a: int, b: int, c: int) -> Rows:
    """Pay funding, move cash, or let the venue name its own equity."""
    kind = (Kind.FUNDING, Kind.CASH, Kind.VENUE_EQUITY)[c % 3]
    event = _event(bench, kind, a)
    event["value"] = (b - 50) * 1_000
    if kind == Kind.VENUE_EQUITY:
        event["value"] = bench.state["account"]["equity_units"] + (b - 50) * 10_000
    return event


def calendar(bench: Bench, a: int, b: int, c: int) -> Rows:
    """Begin or end a day, a session, a blackout or a halt of the venue."""
    return _event(bench, _CALENDAR[(b + c) % len(_CALENDAR)], a)


def control(bench: Bench, a: int, b: int, c: int) -> Rows:
    """Stop, resume, tick or measure."""
    kind = (Kind.TIMER, Kind.RESUME, Kind.HEALTH, Kind.HALT)[a % 4]
    event = _event(bench, kind, b)
    scope = c % 4
    event["instrument"] = b % INSTRUMENTS if scope == 0 else -1
    event["strategy"] = b % STRATEGIES if scope == 1 else -1
    event["code"] = 1 + (b + c) % (max(Metric) if kind == Kind.HEALTH else max(Cause))
    event["level"] = 1 + c % (max(Level) if b < 10 else Level.REDUCED)
    event["value"] = c * 100
    latches = int(bench.state["account"]["latches"][0])
    if kind == Kind.RESUME and latches > 0:
        latch = bench.state["latches"][0, c % latches]
        event["code"] = latch["cause"]
        event["instrument"] = latch["scope_id"] if latch["scope"] == 3 else -1
        event["strategy"] = latch["scope_id"] if latch["scope"] == 2 else -1
    return event


def stranger(bench: Bench, a: int, b: int, c: int) -> Rows:
    """Fill what is not ours, take a trade back, or find a position."""
    event = _event(bench, (Kind.FILL, Kind.BUST, Kind.ADOPTED)[c % 3], a)
    event["side"] = 1 if b % 2 else -1
    event["qty"] = 1 + c
    event["price"] = _price(bench, a, b)
    event["strategy"] = c % STRATEGIES
    event["ext_lo"] = 1 + b % 40
    event["fee"] = event["qty"] if b == 7 else b % 2
    event["fee_asset"] = 1 if b % 7 == 0 else 0
    return event


def overfill(bench: Bench, a: int, b: int, c: int) -> Rows:
    """Fill an order with more than it has left."""
    event = fill(bench, a, b, c)
    if event["kind"] == Kind.FILL:
        event["qty"] += 1 + c % 30
    return event


def nonsense(bench: Bench, a: int, b: int, c: int) -> Rows:
    """Send what means nothing."""
    event = _event(bench, Kind(1 + b % 33), a)
    event["instrument"] = c - 20
    event["qty"] = b - 50
    event["code"] = c - 50
    event["order_id"] = c
    return event


HONEST: Final[tuple[Callable[[Bench, int, int, int], Rows], ...]] = (
    bar,
    bar,
    quote,
    trade,
    signal,
    signal,
    accept,
    accept,
    fill,
    fill,
    cancelled,
    report,
    money,
    calendar,
    control,
)
ROUGH: Final = (*HONEST, stranger, overfill, nonsense)

_SMALL: Final = st.integers(0, 99)
actions: Final = st.lists(st.tuples(_SMALL, _SMALL, _SMALL, _SMALL), min_size=5, max_size=80)


def play(
    bench: Bench,
    told: list[Action],
    every: Callable[[Bench], None],
    kinds: tuple[Callable[[Bench, int, int, int], Rows], ...] = ROUGH,
) -> Bench:
    """Give the bench every event and look at it after each."""
    for what, a, b, c in told:
        bench.give(kinds[what % len(kinds)](bench, a, b, c))
        every(bench)
    return bench
