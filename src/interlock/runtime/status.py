"""What an engine is doing, as JSON for whoever looks: the terminal, monitors, the dashboard."""

from collections.abc import Sequence
from typing import Any, Final

from interlock.kernel.codes import Cause, Level, OrderKind, OrderState, Release, Role, Scope
from interlock.kernel.records import Row
from interlock.kernel.state import StateArray
from interlock.kernel.units import LIMIT_NONE
from interlock.runtime.amounts import amount, written
from interlock.runtime.driver import Driver
from interlock.runtime.entries import Said
from interlock.runtime.health import health_of
from interlock.runtime.ids import order_name
from interlock.runtime.names import Names
from interlock.runtime.reconcile import open_orders
from interlock.runtime.session import Setup
from interlock.runtime.stopping import latches_in
from interlock.runtime.turns import Scale

UNITS: Final = 10**8  # account units in one of its currency
_MONEY: Final = (
    ("equity", "equity_units"),
    ("cash", "cash_units"),
    ("capital", "capital_units"),
    ("realised", "realised_units"),
    ("unrealised", "unrealised_units"),
    ("fees", "fees_units"),
    ("funding", "funding_units"),
    ("exposure", "exposure_units"),
    ("peak", "peak_units"),
    ("day_start", "day_start_units"),
)
_COUNTS: Final = (
    *("events", "bars", "trades", "submitted", "refusals", "garbage", "illegal_transitions"),
    *("unknown_reports", "duplicate_fills", "open_orders", "open_positions", "days"),
)


def money_of(state: StateArray) -> Said:
    """Return the account's money, in its currency."""
    account = state["account"][0]
    found = {name: amount(int(account[field])) for name, field in _MONEY}
    found["day"] = amount(int(account["equity_units"]) - int(account["day_start_units"]))
    return found


def positions_of(state: StateArray, scales: Sequence[Scale]) -> list[Said]:
    """Return what is held, with its stop."""
    found = []
    table = state["instruments"][0]
    for number, scale in enumerate(scales):
        one = table[number]
        if one["position"] == 0:
            continue
        stop = int(one["stop_order"])
        found.append(
            {
                "symbol": scale.symbol,
                "quantity": written(int(one["position"]), scale.qty_digits),
                "entry": written(int(one["entry_price"]), scale.price_digits),
                "mark": written(int(one["mark"]), scale.price_digits),
                "unrealised": amount(int(one["unrealised_units"])),
                "stop": written(int(one["stop_price"]), scale.price_digits) if stop else None,
                "protected": stop > 0 and int(one["unprotected"]) == 0,
                "adopted": bool(one["adopted"]),
            }
        )
    return found


def orders_of(state: StateArray, scales: Sequence[Scale], names: Names | None = None) -> list[Said]:
    """Return the open orders."""
    return [_order(order, scales[int(order["instrument"])], names) for order in open_orders(state)]


def _order(order: Row, scale: Scale, names: Names | None) -> Said:
    kind = OrderKind(order["order_kind"])
    limited = kind in {OrderKind.LIMIT, OrderKind.STOP_LIMIT}
    stopped = kind in {OrderKind.STOP, OrderKind.STOP_LIMIT}
    order_id = int(order["order_id"])
    return {
        "id": order_name(order_id),
        "client_id": "" if names is None else names.client_id(order_id),
        "symbol": scale.symbol,
        "role": Role(order["role"]).name,
        "kind": kind.name,
        "side": "BUY" if order["side"] > 0 else "SELL",
        "state": OrderState(order["state"]).name,
        "quantity": written(int(order["qty"]), scale.qty_digits),
        "filled": written(int(order["filled"]), scale.qty_digits),
        "price": written(int(order["price"]), scale.price_digits) if limited else None,
        "trigger": written(int(order["trigger"]), scale.price_digits) if stopped else None,
    }


def latches_of(state: StateArray, scales: Sequence[Scale], strategies: Sequence[str]) -> list[Said]:
    """Return the latches that are set, strictest first."""
    found = [latch_said(latch, scales, strategies) for latch in latches_in(state)]
    return sorted(found, key=lambda one: -Level[str(one["level"])])


def latch_said(latch: Row, scales: Sequence[Scale], strategies: Sequence[str]) -> Said:
    """Return one latch, with the name of what it is over."""
    scope = Scope(latch["scope"])
    number = int(latch["scope_id"])
    name = "account"
    if scope is Scope.INSTRUMENT:
        name = scales[number].symbol if number < len(scales) else str(number)
    elif scope is Scope.STRATEGY:
        name = strategies[number] if number < len(strategies) else str(number)
    return {
        "cause": Cause(latch["cause"]).name,
        "scope": scope.name,
        "of": name,
        "level": Level(latch["level"]).name,
        "since_ns": int(latch["set_ns"]),
        "value": int(latch["value"]),
        "limit": int(latch["limit"]),
        "waits_for": [one.name for one in Release if latch["release"] & ~latch["met"] & one],
    }


def level_of(state: StateArray) -> str:
    """Return the account's trading state: the strictest latch over it."""
    return Level(int(state["account"]["latch_level"][0])).name


def limits_of(state: StateArray) -> list[Said]:
    """Return the limits on losing money and how much of each is used, as fractions of one.

    The levels are the kernel's own: the equity at which each rule trips.
    """
    account = state["account"][0]
    equity = int(account["equity_units"])
    found = []
    for name, field, start in (
        ("daily_loss", "daily_loss_at_units", "day_start_units"),
        ("max_drawdown", "max_drawdown_at_units", "peak_units"),
        ("drawdown", "drawdown_at_units", "day_peak_units"),
    ):
        at, begin = int(account[field]), int(account[start])
        if not 0 < at < begin or at >= LIMIT_NONE:
            continue
        found.append(
            {
                "limit": name,
                "trips_at": amount(at),
                "used": round(max(begin - equity, 0) / (begin - at), 4),
            }
        )
    return found


def status_of(driver: Driver, setup: Setup, names: Names, extra: Said) -> Said:
    """Return everything there is to see of a running engine."""
    engine = driver.engine
    state = engine.decider.state
    account = state["account"][0]
    progress = engine.progress
    found: dict[str, Any] = {
        **extra,
        "account": setup.account,
        "mode": setup.mode,
        "currency": setup.currency,
        "epoch": names.epoch,
        "phase": str(engine.link.phase),
        "replay": engine.link.replay,
        "ended": progress.ended,
        "now_ns": engine.decider.ts_ns,
        "level": level_of(state),
        "seq": engine.decider.seq,
        "durable_seq": progress.durable_seq,
        "feed": progress.feed,
        "money": money_of(state),
        "positions": positions_of(state, setup.scales),
        "orders": orders_of(state, setup.scales, names),
        "latches": latches_of(state, setup.scales, setup.strategies),
        "limits": limits_of(state),
        "counts": {name: int(account[name]) for name in _COUNTS},
        "traffic": {
            "connects": driver.sender.traffic.connects,
            "sent": driver.sender.traffic.sent,
            "stopped_at_gate": dict(driver.sender.traffic.stopped),
        },
        "inbox": {
            "waiting": len(engine.inbox),
            "waiting_max": engine.inbox.counts.waiting_max,
            "conflated": engine.inbox.counts.conflated,
            "turned_away": engine.inbox.counts.turned_away,
        },
        "duplicate_fills_stopped": engine.fills.duplicates,
    }
    failure = engine.turns.failure
    found["strategy_failure"] = None if failure is None else failure.said
    found["health"] = health_of(found)
    return found
