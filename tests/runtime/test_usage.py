"""How much of every limit is used: as the gate itself measures it."""

from pathlib import Path
from typing import Any

from interlock.kernel.reasons import Reason
from interlock.runtime.usage import IDLE_MAX, limits_all
from tests.research.sessions import inputs_of
from tests.runtime.harness import InProcess
from tests.runtime.probes import fresh, shipped


def listed(session: InProcess) -> list[dict[str, Any]]:
    """Return the limits; nothing of the engine is changed by looking."""
    decider, setup = session.engine.decider, session.setup
    before = decider.state.tobytes(), decider.policy.tobytes()
    found = limits_all(
        decider.policy,
        decider.state,
        currency=setup.currency,
        scales=setup.scales,
        strategies=setup.strategies,
        now_ns=session.engine.now_ns(),
    )
    assert (decider.state.tobytes(), decider.policy.tobytes()) == before
    return found


def one(limits: list[dict[str, Any]], name: str) -> dict[str, Any]:
    (found,) = [each for each in limits if each["limit"] == name]
    return found


def test_a_fresh_account_has_used_nothing(tmp_path: Path) -> None:
    limits = listed(fresh(tmp_path).session)
    levels = {(each["level"], each["of"]) for each in limits}
    assert levels == {("account", "account"), ("strategy", "ema_cross"), ("instrument", "GOOG")}
    assert {each["limit"] for each in limits} <= {reason.name for reason in Reason}
    assert one(limits, "ACCOUNT_GROSS_NOTIONAL") == {
        "level": "account",
        "of": "account",
        "limit": "ACCOUNT_GROSS_NOTIONAL",
        "value": "0.00 USD",
        "max": "250,000.00 USD",
        "used": 0.0,
        "assumed": False,
    }
    assert one(limits, "ACCOUNT_LEVERAGE")["max"] == "5 x"
    assert one(limits, "ACCOUNT_OPEN_ORDERS")["value"] == "0"
    order = one(limits, "ACCOUNT_ORDER_NOTIONAL")
    assert (order["value"], order["used"]) == (None, None), "there is no order to measure"
    assert one(limits, "INSTRUMENT_ORDER_QTY")["max"] == "none"
    assert one(limits, "SPREAD_TOO_WIDE")["assumed"]


def test_what_is_held_and_rests_is_counted_once(tmp_path: Path) -> None:
    session = fresh(tmp_path, inputs_of(tmp_path)).session
    table = session.engine.decider.state["instruments"]
    session.run_until(lambda: bool(table[0, 0]["position"] > 0 and table[0, 0]["open_orders"] == 2))
    limits = listed(session)
    assert one(limits, "ACCOUNT_OPEN_POSITIONS")["value"] == "1"
    assert one(limits, "ACCOUNT_OPEN_ORDERS")["value"] == "2"
    assert one(limits, "INSTRUMENT_OPEN_ORDERS")["value"] == "2"
    assert one(limits, "INSTRUMENT_POSITION_QTY")["value"] == "10.00000000 BTC_USDT"
    held = one(limits, "INSTRUMENT_POSITION_NOTIONAL")["value"]
    assert held == one(limits, "ACCOUNT_GROSS_NOTIONAL")["value"] == "1,000.00 USDT"


def test_many_idle_instruments_are_not_all_listed(tmp_path: Path) -> None:
    session = fresh(tmp_path, shipped()).session
    setup, state = session.setup, session.engine.decider.state.copy()
    scales = [setup.scales[0]] * 40
    state["instruments"][0, 39]["open_orders"] = 1
    limits = limits_all(
        session.engine.decider.policy,
        state,
        currency="USD",
        scales=scales,
        strategies=setup.strategies,
        now_ns=1,
    )
    per = len([each for each in limits if each["level"] == "instrument"])
    assert per % (IDLE_MAX + 1) == 0
