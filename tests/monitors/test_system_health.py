"""The answer about the whole: what is not known never passes."""

import copy
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interlock.monitors.system_health import system_health

NOW_NS = 1_800_000_000 * 10**9
GATEWAY = {"database_ok": True, "journal_read_age_s": 0.1}
NO_TELEGRAM = {
    "enabled": False,
    "chat_id_set": False,
    "bot_token_set": False,
    "run_telegram_env": False,
    "kill_switch_enabled": False,
    "last_send_ok": None,
}
TELEGRAM = {**dict.fromkeys(NO_TELEGRAM, True)}
STATUS: dict[str, Any] = {
    "health": {"status": "PASS", "reasons": []},
    "phase": "ready",
    "ended": False,
    "level": "NONE",
    "killed": {"set": False},
    "latches": [{"cause": "SPREAD", "level": "WARNED"}],
    "orders": [{"id": "o-1-1", "state": "WORKING"}],
    "counts": {"open_orders": 1},
    "strategy_failure": None,
    "market": [{"symbol": "GOOG", "age_ms": 100, "fresh": True, "idle": False}],
    "market_clock": "recording",
    "feed_age_s": 0.2,
    "cycle_age_s": 0.2,
    "running_s": 30.0,
    "venue_round_trip_age_ms": 900,
    "journal_writable": True,
    "journal_stuck_ms": 0,
    "watchdog": {"wanted": True, "alive": True, "age_s": 0.4},
    "limits_all": [
        {"limit": "ACCOUNT_LEVERAGE", "max": "5 x"},
        {"limit": "ACCOUNT_OPEN_ORDERS", "max": "20"},
    ],
}


def health(status: object = STATUS, **more: Any) -> dict[str, Any]:
    """Return the answer; what is named is changed in the status."""
    if isinstance(status, dict):
        status = {**copy.deepcopy(status), **more}
    return system_health(status, GATEWAY, NO_TELEGRAM, NOW_NS)  # type: ignore[arg-type]


def test_a_healthy_paper_system_passes() -> None:
    found = health()
    assert found["reasons"] == []
    assert found["global_status"] == "PASS"
    assert found["timestamp"] == "2027-01-15T08:00:00Z"
    assert found["db_status"] == "up"
    assert found["telegram"]["status"] == "IDLE"
    assert found["risk_guard"] == {
        "max_leverage": 5.0,
        "daily_loss_triggered": False,
        "global_trading_enabled": True,
    }
    assert found["trade_system"] == {
        "status": "PASS",
        "open_orders": 1,
        "max_open_orders": 20,
        "order_intents_table_exists": True,
        "last_check_ok": True,
    }


def test_the_answer_has_the_fields_that_were_agreed() -> None:
    found = health()
    assert set(found) >= {
        *("global_status", "timestamp", "db_status", "market_data", "market_updater"),
        *("signal_monitor", "telegram", "trade_system", "risk_guard"),
    }
    assert {"status", "fresh_symbols", "stale_symbols", "max_age_minutes"} <= set(
        found["market_data"]
    )
    assert set(found["market_updater"]) == {"status", "is_running", "last_heartbeat_age_minutes"}
    assert set(found["signal_monitor"]) == {"status", "is_running", "last_cycle_age_minutes"}
    assert set(found["telegram"]) == {"status", *NO_TELEGRAM}
    assert found == {**health(None), **found}, "the same fields when nobody answers"
    assert set(health(None)) == set(found)


@pytest.mark.parametrize(
    ("change", "verdict"),
    [
        ({"venue_round_trip_age_ms": 30_000}, "PASS"),
        ({"venue_round_trip_age_ms": 30_001}, "FAIL"),
        ({"venue_round_trip_age_ms": None}, "DEGRADED"),
        ({"journal_writable": False}, "FAIL"),
        ({"phase": "away"}, "FAIL"),
        ({"level": "PAUSED"}, "DEGRADED"),
        ({"level": "HALTED"}, "FAIL"),
        ({"killed": {"set": True}}, "FAIL"),
        ({"watchdog": {"wanted": True, "alive": False, "age_s": None}}, "FAIL"),
        ({"watchdog": {"wanted": False, "alive": False, "age_s": None}}, "DEGRADED"),
        ({"strategy_failure": "it divided by zero"}, "FAIL"),
        ({"health": {"status": "DEGRADED", "reasons": ["overdue"]}}, "DEGRADED"),
        ({"health": {"status": "FAIL", "reasons": ["no stop"]}}, "FAIL"),
        ({"orders": [{"id": "o-1-1", "state": "UNKNOWN"}]}, "DEGRADED"),
        ({"counts": {"open_orders": 21}}, "DEGRADED"),
        ({"feed_age_s": None, "cycle_age_s": None}, "PASS"),  # right after a start
        ({"market": [{"symbol": "G", "age_ms": 9, "fresh": False, "idle": False}]}, "FAIL"),
        ({"market": [{"symbol": "G", "age_ms": 9, "fresh": False, "idle": True}]}, "PASS"),
        ({"market": []}, "DEGRADED"),
    ],
)
def test_what_each_part_makes_of_the_whole(change: dict[str, Any], verdict: str) -> None:
    found = health(**change)
    assert found["global_status"] == verdict
    assert (found["reasons"] == []) == (verdict == "PASS")


def test_an_engine_that_does_not_answer_fails() -> None:
    found = health(None)
    assert found["global_status"] == "FAIL"
    assert found["db_status"] == "down"
    assert found["reasons"][0] == "the engine does not answer"


def test_a_recording_that_ended_is_idle_and_passes() -> None:
    stale = [{"symbol": "G", "age_ms": 10**9, "fresh": False, "idle": False}]
    found = health(ended=True, market=stale)
    assert found["market_data"]["status"] == "IDLE"
    assert found["market_updater"]["status"] == "IDLE"
    assert found["global_status"] == "PASS"
    live = health(ended=True, market=stale, market_clock="wall")
    assert live["global_status"] == "FAIL"


def test_telegram_off_never_fails_and_on_has_to_work() -> None:
    def of(**telegram: Any) -> dict[str, Any]:
        return system_health(STATUS, GATEWAY, {**TELEGRAM, **telegram}, NOW_NS)

    assert of()["global_status"] == "PASS"
    assert of(enabled=False, last_send_ok=False)["global_status"] == "PASS"
    assert of(last_send_ok=None)["global_status"] == "PASS"  # nothing was sent yet
    assert of(last_send_ok=False)["global_status"] == "DEGRADED"
    assert of(chat_id_set=False)["global_status"] == "DEGRADED"
    assert of(bot_token_set=False)["telegram"]["status"] == "DEGRADED"


def test_a_gateway_that_reads_no_journal_does_not_pass() -> None:
    for gateway in (
        {**GATEWAY, "journal_read_age_s": 11.0},
        {**GATEWAY, "journal_read_age_s": None},
        {**GATEWAY, "database_ok": False},
        {},
    ):
        found = system_health(STATUS, gateway, NO_TELEGRAM, NOW_NS)
        assert found["global_status"] != "PASS"


# --- nothing unknown passes -------------------------------------------------------------------


def _places(value: object, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield every place in a structure."""
    if path:
        yield path
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from _places(inner, (*path, name))
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            yield from _places(inner, (*path, number))


EVERYTHING = {"status": STATUS, "gateway": GATEWAY, "telegram": NO_TELEGRAM}
PLACES = [
    path
    for path in _places(EVERYTHING)
    if len(path) > 1
    and path
    not in {
        # These are shown to people and decide nothing.
        ("status", "latches", 0),
        ("status", "latches", 0, "level"),
        ("status", "orders", 0),
        ("status", "orders", 0, "id"),
        ("telegram", "last_send_ok"),
    }
]
GARBLED = [object(), "x" * 200, -1, float("nan"), float("inf"), [[]], {"a": {}}, b"", 2.5j]


def _inside(facts: Any, path: tuple[Any, ...]) -> tuple[Any, Any]:
    for step in path[:-1]:
        facts = facts[step]
    return facts, path[-1]


def _answer(facts: dict[str, Any]) -> dict[str, Any]:
    return system_health(facts["status"], facts["gateway"], facts["telegram"], NOW_NS)


@pytest.mark.parametrize("path", PLACES, ids=lambda path: ".".join(map(str, path)))
def test_without_any_one_fact_it_does_not_pass(path: tuple[Any, ...]) -> None:
    facts = copy.deepcopy(EVERYTHING)
    holder, name = _inside(facts, path)
    del holder[name]
    assert _answer(facts)["global_status"] in {"DEGRADED", "FAIL"}


@pytest.mark.parametrize("path", PLACES, ids=lambda path: ".".join(map(str, path)))
def test_with_any_one_fact_garbled_it_does_not_pass(path: tuple[Any, ...]) -> None:
    for garbled in GARBLED:
        facts = copy.deepcopy(EVERYTHING)
        holder, name = _inside(facts, path)
        holder[name] = garbled
        assert _answer(facts)["global_status"] in {"DEGRADED", "FAIL"}, garbled


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=8,
)


@given(
    status=st.none() | st.dictionaries(st.sampled_from(sorted(STATUS)), JSON),
    gateway=st.dictionaries(st.sampled_from(sorted(GATEWAY)), JSON),
    telegram=st.dictionaries(st.sampled_from(sorted(NO_TELEGRAM)), JSON),
)
def test_whatever_is_said_there_is_an_answer(
    status: dict[str, Any] | None, gateway: dict[str, Any], telegram: dict[str, Any]
) -> None:
    found = system_health(status, gateway, telegram, NOW_NS)
    assert found["global_status"] in {"DEGRADED", "FAIL"}
    assert found["reasons"]
