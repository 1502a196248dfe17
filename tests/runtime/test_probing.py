"""The probe: the gate's own verdict on an order that nobody sends, and nothing changed by it."""

from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from interlock.kernel import entry
from interlock.kernel.codes import ACCOUNT, Cause, Flag, Level, OrderKind
from interlock.kernel.reasons import Reason
from interlock.kernel.units import LIMIT_NONE
from interlock.kernel.view import PROPOSAL
from interlock.runtime import probing
from interlock.runtime.asking import AskError
from interlock.runtime.probe_request import read_wanted
from interlock.runtime.probing import BLOCKED, UNAVAILABLE
from interlock.runtime.reconcile import halt_row
from tests.research.sessions import inputs_of
from tests.runtime.probes import MARGIN, SPOT, SUPPLIED, Fresh, fresh


@pytest.fixture(scope="module")
def at_rest(tmp_path_factory: pytest.TempPathFactory) -> Fresh:
    """An engine on which a day has begun and a few bars have come; the tests only ask it."""
    found = fresh(tmp_path_factory.mktemp("probe"))
    found.bars(30)
    found.session.settle()
    return found


def failed(answer: dict[str, Any]) -> set[str]:
    return {one["rule"] for one in answer["rules"] if one["verdict"] == "FAIL"}


def rule(answer: dict[str, Any], name: str) -> dict[str, Any]:
    (found,) = [one for one in answer["rules"] if one["rule"] == name]
    assert isinstance(found, dict)
    return found


def near(at_rest: Fresh, **more: Any) -> dict[str, Any]:
    """Return an order for ten shares at the last price."""
    inst = at_rest.session.engine.decider.state["instruments"][0, 0]
    price = Decimal(int(inst["mark"])).scaleb(-4).quantize(Decimal("0.01"))
    return {"symbol": "GOOG", "side": "BUY", "price": str(price), "quantity": "10", **more}


# --- what the interface promises --------------------------------------------------------------


def test_a_small_spot_order_of_a_fresh_system_is_allowed(tmp_path: Path) -> None:
    answer = fresh(tmp_path).probe(SPOT)
    assert answer["allowed"]
    assert (answer["reason_code"], answer["reason"]) == ("", "")
    assert not answer["would_trade_now"], "nobody has seen a price of it"
    assert "MARK_MISSING" in answer["why_not_now"]
    assert answer["notional"] == "500.00 USD"


def test_every_rule_is_listed_with_value_limit_and_verdict(at_rest: Fresh) -> None:
    for asked in (SPOT, MARGIN):
        answer = at_rest.probe(asked)
        assert [one["rule"] for one in answer["rules"]] == [x.name for x in Reason if x > 0]
        for one in answer["rules"]:
            assert one["value"]
            assert one["limit"]
            assert one["verdict"] in {"PASS", "FAIL"}
            assert one["kind"] in {"risk", "market", "signal"}


def test_margin_at_ten_times_is_refused_by_name_value_and_limit(at_rest: Fresh) -> None:
    answer = at_rest.probe(MARGIN)
    assert not answer["allowed"]
    assert answer["reason_code"] == BLOCKED
    assert "MARGIN_NOT_ALLOWED, value yes, limit no" in answer["reason"]
    assert "LEVERAGE_REQUEST, value 10 x, limit 5 x" in answer["reason"]
    assert answer["margin"]
    assert answer["leverage"] == "10"


def test_a_watchlist_without_margin_forces_spot(at_rest: Fresh) -> None:
    answer = at_rest.probe({**MARGIN, "trade_on_margin_from_watchlist": False})
    assert answer["allowed"]
    assert not answer["margin"]
    assert any("judged as spot" in one for one in answer["assumptions"])


@pytest.mark.parametrize("watchlist", [True, None])
def test_margin_unticked_is_spot_only(at_rest: Fresh, watchlist: bool | None) -> None:
    asked = {**MARGIN, "is_margin": False, "trade_on_margin_from_watchlist": watchlist}
    answer = at_rest.probe(asked)
    assert answer["allowed"]
    assert not answer["margin"]


def test_without_a_venue_three_numbers_have_to_be_supplied(tmp_path: Path) -> None:
    found = fresh(tmp_path, answered_ns=None)
    answer = found.probe(SPOT)
    assert not answer["allowed"]
    assert answer["reason_code"] == BLOCKED
    assert answer["reason"] == UNAVAILABLE
    assert len(answer["rules"]) == len([x for x in Reason if x > 0])
    for missing in SUPPLIED:
        some = {name: value for name, value in SUPPLIED.items() if name != missing}
        assert found.probe({**SPOT, **some})["reason"] == UNAVAILABLE
    supplied = found.probe({**SPOT, **SUPPLIED})
    assert supplied["allowed"]
    assert not supplied["would_trade_now"]


def test_a_venue_that_fell_silent_is_not_available(tmp_path: Path) -> None:
    assert fresh(tmp_path, answered_ns=31).probe(SPOT)["reason"] == UNAVAILABLE


# --- the market and the signal decide only about now ------------------------------------------


def test_an_order_at_the_market_would_trade_now(at_rest: Fresh) -> None:
    answer = at_rest.probe(near(at_rest))
    assert answer["allowed"]
    assert failed(answer) == set()
    assert answer["would_trade_now"]
    assert rule(answer, "SPREAD_TOO_WIDE")["assumed"]


def test_a_price_far_from_the_market_is_allowed_and_would_not_trade(at_rest: Fresh) -> None:
    asked = near(at_rest)
    answer = at_rest.probe({**asked, "price": str(Decimal(asked["price"]) * 2)})
    assert failed(answer) == {"PRICE_COLLAR"}
    assert answer["allowed"]
    assert not answer["would_trade_now"]


def test_too_large_an_order_names_every_rule(at_rest: Fresh) -> None:
    answer = at_rest.probe(near(at_rest, quantity="1000000"))
    for name in ("ACCOUNT_ORDER_NOTIONAL", "CASH_SHORT", "RISK_PER_TRADE"):
        assert name in answer["reason"]
        assert rule(answer, name)["verdict"] == "FAIL"


def test_another_account_takes_the_place_of_ours(at_rest: Fresh) -> None:
    poor = at_rest.probe(near(at_rest, account_equity="1000"))
    assert "INSTRUMENT_POSITION_FRACTION" in failed(poor)
    assert poor["account"]["account_equity"] == "1000.00000000"
    lost = at_rest.probe(near(at_rest, daily_loss_pct="5.5"))
    assert "DAILY_LOSS_FRACTION" in failed(lost)
    assert not lost["allowed"]
    used = at_rest.probe(near(at_rest, total_margin_exposure="99000"))
    assert {"ACCOUNT_EXPOSURE", "CASH_SHORT"} <= failed(used)
    won = at_rest.probe(near(at_rest, daily_loss_pct="-3"))
    assert won["allowed"]


# --- latches ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("cause", "level", "denies"),
    [
        (Cause.DAILY_LOSS, Level.PAUSED, "allowed"),
        (Cause.KILL_IMMEDIATE, Level.KILLED, "allowed"),
        (Cause.WATCHDOG, Level.PAUSED, "allowed"),
        (Cause.FEED_LAG, Level.PAUSED, "would_trade_now"),
        (Cause.FEED_LAG, Level.HALTED, "allowed"),
        (Cause.VENUE_UNAVAILABLE, Level.PAUSED, "would_trade_now"),
    ],
)
def test_what_a_latch_denies(tmp_path: Path, cause: Cause, level: Level, denies: str) -> None:
    found = fresh(tmp_path)
    found.bars(30)
    found.session.settle()
    engine = found.session.engine
    engine.operate_now(halt_row(ACCOUNT, level, engine.now_ns(), cause))
    answer = found.probe(near(found))
    (latch,) = [one for one in answer["latches"] if one["cause"] == cause.name]
    assert latch["denies"] == denies
    assert not answer["would_trade_now"]
    assert answer["allowed"] == (denies == "would_trade_now")
    if not answer["allowed"]:
        assert f"ACCOUNT_LATCHED, value {level.name} by {cause.name}" in answer["reason"]


def test_a_warning_holds_nothing_back(tmp_path: Path) -> None:
    found = fresh(tmp_path)
    found.bars(30)
    found.session.settle()
    engine = found.session.engine
    engine.operate_now(halt_row(ACCOUNT, Level.WARNED, engine.now_ns(), Cause.DRAWDOWN))
    answer = found.probe(near(found))
    assert answer["would_trade_now"]
    assert answer["latches"] == []


def test_what_only_shrinks_a_position_passes_the_limits(tmp_path: Path) -> None:
    found = fresh(tmp_path, inputs_of(tmp_path))
    table = found.session.engine.decider.state["instruments"]
    found.session.run_until(lambda: bool(table[0, 0]["position"] > 0))
    held = Decimal(int(table[0, 0]["position"])).scaleb(-8)
    selling = {"symbol": "BTC_USDT", "side": "SELL", "price": "100", "quantity": f"{held:f}"}
    answer = found.probe(selling)
    assert answer["allowed"]
    assert rule(answer, "ALREADY_IN_POSITION")["verdict"] == "PASS"
    more = found.probe({**selling, "quantity": f"{held + 1:f}"})
    assert {"SHORTING_NOT_ALLOWED", "ALREADY_IN_POSITION"} <= failed(more)
    again = found.probe({**selling, "side": "BUY"})
    assert "ALREADY_IN_POSITION" in failed(again)


# --- the numbers are the kernel's -------------------------------------------------------------


@given(
    price=st.integers(1, 2**40),
    qty=st.integers(1, 2**40),
    margin=st.booleans(),
    stop=st.integers(1, 10**6),
)
def test_costs_and_risk_are_those_of_the_kernels_own_entries(
    at_rest: Fresh, price: int, qty: int, *, margin: bool, stop: int
) -> None:
    """The same price and quantity cost the same, whether a signal or a probe asks."""
    decider = at_rest.session.engine.decider
    policy = decider.policy.copy()
    states = [decider.state.copy() for _ in range(2)]
    for state in states:
        state["proposal"] = np.zeros(1, dtype=PROPOSAL)
        ask = state[0]["proposal"]
        ask["order_kind"] = OrderKind.MARKET
        ask["side"], ask["price"], ask["qty"] = 1, price, qty
        ask["flags"] = Flag.MARGIN if margin else 0
        ask["leverage_ppm"] = 2_000_000
    exits = policy[0]["account"]["exits"]
    exits["stop_method"], exits["stop_min_ppm"], exits["stop_max_ppm"] = 2, 0, 1_000_000
    exits["stop_ppm"] = stop
    has_stop = probing._price(policy[0], states[0][0], 0)
    states[1][0]["proposal"]["stop_distance"] = states[0][0]["proposal"]["stop_distance"]
    if int(states[0][0]["proposal"]["risk_units"]) < LIMIT_NONE:
        entry._price_it(policy[0], states[1][0], 0, price, qty)
    mine, theirs = (state[0]["proposal"] for state in states)
    if has_stop and mine["risk_units"] < LIMIT_NONE:
        assert mine == theirs


NUMBERS = st.decimals(
    min_value=0, max_value=10**9, places=2, allow_nan=False, allow_infinity=False
).map(str)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    symbol=st.sampled_from(["BTC_USDT", "GOOG", "SPY", "ETH_USDT", "BTC/USDT", "NOTHING"]),
    side=st.sampled_from(["BUY", "SELL"]),
    price=NUMBERS,
    quantity=NUMBERS,
    is_margin=st.booleans(),
    leverage=st.none() | st.sampled_from(["1", "2.5", "10", "1000"]),
    watchlist=st.none() | st.booleans(),
    equity=st.none() | NUMBERS,
    exposure=st.none() | NUMBERS,
    lost=st.none() | st.sampled_from(["-1000", "-5", "0", "4.9", "50", "99.999999"]),
)
def test_whatever_is_asked_the_answer_is_one_and_nothing_changes(
    at_rest: Fresh, **asked: Any
) -> None:
    request = {
        **{name: asked[name] for name in ("symbol", "side", "price", "quantity", "is_margin")},
        "leverage": asked["leverage"],
        "trade_on_margin_from_watchlist": asked["watchlist"],
        "account_equity": asked["equity"],
        "total_margin_exposure": asked["exposure"],
        "daily_loss_pct": asked["lost"],
    }
    try:
        answer = at_rest.probe(request)  # it compares the engine before and after
    except AskError:
        return
    assert answer["allowed"] == (answer["reason"] == "")
    assert answer["allowed"] or answer["reason_code"] == BLOCKED
    assert not answer["would_trade_now"] or answer["allowed"]


# --- the request ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"symbol": "NOTHING"}, "symbol must be one of the instruments file"),
        ({"symbol": ""}, "symbol must be a name"),
        ({"side": "buy"}, "side must be BUY or SELL"),
        ({"side": 1}, "side must be BUY or SELL"),
        ({"price": 50000.0}, "price must be a decimal number as text"),
        ({"price": "NaN"}, "price must be a decimal number"),
        ({"price": "1e5"}, "price must be a decimal number"),
        ({"price": "٣"}, "price must be a decimal number"),
        ({"price": "1_000"}, "price must be a decimal number"),
        ({"price": "0"}, "price must be above 0"),
        ({"price": "-1"}, "price must be above 0"),
        ({"price": "0.001"}, "price must have at most 2 decimals for BTC_USDT"),
        ({"price": "99999999999999999999"}, "price must be at most"),
        ({"quantity": "0.000000001"}, "quantity must have at most 8 decimals"),
        ({"quantity": "99999999999999999999"}, "quantity must be at most"),
        ({"quantity": True}, "quantity must be a decimal number"),
        ({"is_margin": "yes"}, "is_margin must be true, false or null"),
        ({"leverage": "0.5"}, "leverage must be 1 to 1000"),
        ({"leverage": "1.0000001"}, "leverage must be 1 to 1000"),
        ({"trade_on_margin_from_watchlist": 0}, "must be true, false or null"),
        ({"account_equity": "-1"}, "account_equity must be 0 to"),
        ({"daily_loss_pct": "100"}, "daily_loss_pct must be -1000 to"),
        ({"total_margin_exposure": "1e3"}, "total_margin_exposure must be a decimal number"),
        ({"price": None}, "a probe must have price"),
        ({"secret": "x"}, "1 other keys"),
    ],
)
def test_what_cannot_be_asked_is_said(at_rest: Fresh, change: dict[str, Any], why: str) -> None:
    with pytest.raises(AskError) as refused:
        at_rest.probe({**SPOT, **change})
    assert why in str(refused.value)


def test_nothing_that_was_sent_is_repeated() -> None:
    for change in ({"price": "s3cret"}, {"s3cret": 1}, {"symbol": "s3cret" * 20}):
        with pytest.raises(AskError) as refused:
            read_wanted({**SPOT, **change})
        assert "s3cret" not in str(refused.value)


ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=70),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=4,
)


@given(change=st.dictionaries(st.sampled_from([*SPOT, *SUPPLIED, "more"]), ANY_JSON, min_size=1))
def test_whatever_comes_over_the_socket_is_asked_or_refused(
    at_rest: Fresh, change: dict[str, Any]
) -> None:
    try:
        answer = at_rest.probe({**SPOT, **change})
    except AskError:
        return
    assert isinstance(answer["allowed"], bool)
