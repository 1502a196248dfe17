"""The books again, by the longest way: every total of the state added up from its parts."""

from typing import Any

from interlock.kernel.codes import Exit, Flag, OrderState, Role, Scope
from interlock.kernel.records import SUBS
from tests.kernel.helpers import INSTRUMENTS, STRATEGIES, Bench


def listed(state: Any, first: int) -> list[int]:
    """Return the slots of a list of orders, first to last, and check that it ends."""
    slots = []
    link = int(first)
    while link > 0:
        assert link - 1 not in slots, "a list of orders runs in a circle"
        slots.append(link - 1)
        link = int(state["orders"][link - 1]["next"])
    return slots


def same(found: Any, expected: Any, name: str) -> None:
    """Compare one total."""
    assert int(found) == int(expected), f"{name} must be {expected}, was {found}"


def check_ledger(bench: Bench) -> None:
    """Cash + inventory = capital + realised - fees + funding, and equity is what it is made of."""
    state = bench.state[0]
    account = state["account"]
    held = state["instruments"][:INSTRUMENTS]
    same(
        account["cash_units"] + account["inventory_units"],
        account["capital_units"]
        + account["realised_units"]
        - account["fees_units"]
        + account["funding_units"],
        "cash + inventory",
    )
    same(
        account["inventory_units"], sum(x["cost_units"] for x in held if x["margined"] == 0), "inv"
    )
    same(
        account["equity_units"],
        account["cash_units"] + account["inventory_units"] + account["unrealised_units"],
        "equity",
    )
    for inst, spec in zip(held, bench.policy["instruments"][0], strict=False):
        value = int(inst["position"]) * int(inst["mark"]) * int(spec["unit_num"])
        value //= int(spec["unit_den"])  # down for a long position and for a short one: against us
        same(inst["value_units"], value, "value at the mark")
        same(inst["unrealised_units"], value - int(inst["cost_units"]), "unrealised")
    same(account["unrealised_units"], sum(held["unrealised_units"]), "unrealised")
    same(account["gross_units"], sum(abs(held["value_units"])), "gross")
    same(account["net_units"], sum(held["value_units"]), "net")
    same(account["exposure_units"], sum(held["exposure_units"]), "exposure")
    same(account["margin_units"], sum(held["margin_units"]), "margin")
    same(account["open_positions"], sum((held["position"] != 0) & (held["adopted"] == 0)), "open")


def check_strategies(bench: Bench) -> None:
    """What a strategy owns: positions, notionals, orders, in flight and held."""
    state = bench.state[0]
    held = state["instruments"][:INSTRUMENTS]
    orders = [x for x in state["orders"] if x["order_id"] != 0]
    for index in range(STRATEGIES):
        own = state["strategies"][index]
        mine = [x for x in held if x["owner"] == index]
        same(own["gross_units"], sum(abs(x["value_units"]) for x in mine), "gross of a strategy")
        ours = [x for x in mine if x["position"] != 0 and x["adopted"] == 0]
        same(own["open_positions"], len(ours), "positions of a strategy")
        waiting = [x for x in held if x["pending_position"] == index + 1]
        same(own["pending_positions"], len(waiting), "positions to be of a strategy")
        sent = [x for x in orders if x["strategy"] == index]
        same(own["open_orders"], len(sent), "orders of a strategy")
        same(own["pending_units"], sum(x["notional_units"] for x in sent), "pending of a strategy")


def check_orders(bench: Bench) -> None:
    """Open orders, the free list, and everything that is held for what is in flight."""
    state = bench.state[0]
    account = state["account"]
    orders = state["orders"]
    open_slots = {i for i in range(len(orders)) if orders[i]["order_id"] != 0}
    free = listed(state, account["free_order"])
    assert set(free) | open_slots == set(range(len(orders))), "an order slot is lost"
    assert not set(free) & open_slots, "an order slot is free and taken"
    same(account["open_orders"], len(open_slots), "open orders")
    entries = [orders[i] for i in open_slots if not orders[i]["flags"] & Flag.REDUCE_ONLY]
    spot = [x for x in entries if not x["flags"] & Flag.MARGIN]
    margined = [x for x in entries if x["flags"] & Flag.MARGIN]
    same(account["pending_units"], sum(x["notional_units"] for x in entries), "pending")
    buys = sum(x["notional_units"] for x in entries if x["side"] > 0)
    same(account["pending_buy_units"], buys, "pending buys")
    same(account["pending_cash_units"], sum(x["reserved_units"] for x in spot), "cash held")
    posted = sum(x["reserved_units"] for x in margined)
    same(account["pending_margin_units"], posted, "margin held")
    exposed = posted + sum(x["notional_units"] for x in spot)
    same(account["pending_exposure_units"], exposed, "exposure in flight")
    assert all(x["notional_units"] >= 0 and x["reserved_units"] >= 0 for x in entries)
    waiting = sum(state["instruments"]["pending_position"] > 0)
    same(account["pending_positions"], waiting, "positions to be")
    found = []
    for index in range(INSTRUMENTS):
        slots = listed(state, state["instruments"][index]["first_order"])
        check_instrument(state["instruments"][index], [orders[i] for i in slots])
        found += slots
    assert sorted(found) == sorted(open_slots), "an order is in no list, or in two"


def check_instrument(inst: Any, orders: list[Any]) -> None:
    """Counters and lots in flight of one instrument, from its open orders."""
    left = {("entry", 1): 0, ("entry", -1): 0, ("reduce", 1): 0, ("reduce", -1): 0}
    for order in orders:
        kind = "reduce" if order["flags"] & Flag.REDUCE_ONLY else "entry"
        if order["role"] != Role.TARGET or order["peer_id"] == 0:
            left[kind, int(order["side"])] += int(order["qty"] - order["filled"])
        assert 0 <= order["filled"] < order["qty"], "a filled order is not open"
        assert OrderState.INTENT <= order["state"] <= OrderState.PENDING_CANCEL
    for (kind, side), lots in left.items():
        name = f"{kind}_{'buy' if side > 0 else 'sell'}"
        same(inst[name], lots, name)
    same(inst["open_orders"], len(orders), "orders of an instrument")
    entries = [x for x in orders if not x["flags"] & Flag.REDUCE_ONLY]
    same(inst["entry_orders"], len(entries), "entries of an instrument")
    same(inst["pending_units"], sum(x["notional_units"] for x in entries), "pending of it")
    unknown = sum(x["state"] == OrderState.UNKNOWN for x in orders)
    same(inst["unknown_orders"], unknown, "unknown orders")
    waits = inst["position"] == 0 and inst["entry_orders"] > 0
    same(inst["pending_position"] > 0, waits, "a position to be")


def check_protection(bench: Bench) -> None:
    """A position has a stop that rests, or it is flagged; and the links name orders of its own."""
    state = bench.state[0]
    roles = {"stop_order": Role.STOP, "target_order": Role.TARGET, "exit_order": Role.EXIT}
    for index in range(INSTRUMENTS):
        inst = state["instruments"][index]
        for name, role in roles.items():
            if inst[name] > 0:
                order = state["orders"][inst[name] - 1]
                assert (order["instrument"], order["role"]) == (index, role), name
        if inst["position"] == 0:
            same(inst["exit_code"], Exit.NONE, "an exit of nothing")
            continue
        assert inst["unprotected"] > 0 or rests(state, inst), "no stop, and nobody says so"


def rests(state: Any, inst: Any) -> bool:
    """Say whether a stop of this trade rests at the venue, on the right side."""
    if inst["stop_order"] == 0:
        return False
    stop = state["orders"][inst["stop_order"] - 1]
    ours = stop["order_id"] >= inst["entry_seq"] * SUBS
    seen = stop["state"] not in {OrderState.INTENT, OrderState.UNKNOWN}
    return bool(ours and seen and stop["side"] * inst["position"] < 0)


def check_latches(bench: Bench) -> None:
    """The level of everything is that of the strictest latch over it."""
    state = bench.state[0]
    latches = state["latches"][: state["account"]["latches"]]
    keys = [(int(x["cause"]), int(x["scope"]), int(x["scope_id"])) for x in latches]
    assert len(set(keys)) == len(keys), "a latch is set twice"
    tables = (
        (Scope.ACCOUNT, [(-1, state["account"])]),
        (Scope.STRATEGY, list(enumerate(state["strategies"]))),
        (Scope.INSTRUMENT, list(enumerate(state["instruments"]))),
    )
    for scope, rows in tables:
        for index, row in rows:
            over = [x["level"] for x in latches if x["scope"] == scope and x["scope_id"] == index]
            same(row["latch_level"], max(over, default=0), f"level of {scope.name} {index}")


def check_all(bench: Bench) -> None:
    """Add up everything again."""
    check_ledger(bench)
    check_strategies(bench)
    check_orders(bench)
    check_protection(bench)
    check_latches(bench)
