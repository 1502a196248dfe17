"""Which changes of a policy let more through: those need somebody who says so."""

import functools
import json
from collections.abc import Iterator
from contextlib import suppress
from textwrap import dedent
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from pydantic import BaseModel

from interlock.config.build_breakers import LEVELS
from interlock.config.compare import Decision, Direction, Rules, compare
from interlock.config.directions import ACTIONS, DIRECTIONS
from interlock.config.errors import PolicyError, nested_model
from interlock.config.load import leaves, shipped_content
from interlock.config.risk_policy import RiskPolicy
from interlock.config.settings import BREAKERS_NAME, POLICY_NAME
from interlock.config.system_breakers import BreakersFile, CircuitBreakers
from interlock.kernel.codes import Feed
from tests.config.samples import BREAKERS, POLICY, breakers_of, policy_of, record_of, used

SHIPPED: Rules = (POLICY, BREAKERS)


def keys_of(model: type[BaseModel]) -> Iterator[tuple[type[BaseModel], str]]:
    """Yield every key of a file that holds a value, with the section that has it."""
    for name, field in model.model_fields.items():
        inner = nested_model(field.annotation)
        if inner is None:
            yield model, name
        else:
            yield from keys_of(inner)


def rules_of(text: str) -> Rules:
    """Return the rules of a user's policy, or of a user's breakers when it begins with ``[``."""
    content = dedent(text).strip()
    if content.startswith("["):
        return POLICY, breakers_of(content)
    return (policy_of(content) if content else POLICY), BREAKERS


def check(before: str, after: str, *lines: str) -> Decision:
    """Check what changes between two files, as lines for people."""
    decision = compare(rules_of(before), rules_of(after))
    assert tuple(map(str, decision.changes)) == lines
    return decision


# --- every key --------------------------------------------------------------------------------


def test_every_key_has_a_direction() -> None:
    """A new key without one counts as looser; that should be somebody's decision."""
    keys = {*keys_of(RiskPolicy), *keys_of(BreakersFile)}
    known = {(model, name) for model, names in DIRECTIONS.items() for name in names}

    assert keys == known


def test_every_action_has_a_place_among_the_others() -> None:
    places = {action: place for place, same in enumerate(ACTIONS) for action in same}

    assert set(places) == set(LEVELS)
    levels = [LEVELS[action] for action in sorted(places, key=places.__getitem__)]
    assert levels == sorted(levels)


def test_a_key_that_nobody_gave_a_direction_counts_as_looser(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("interlock.config.compare.DIRECTIONS", {})

    decision = compare(SHIPPED, rules_of("risk: {max_drawdown: 0.01}"))

    assert not decision.may_apply_without_flag


@pytest.mark.parametrize(
    ("before", "after", "line"),
    [
        ("", "risk: {max_drawdown: 0.04}", "risk.max_drawdown: 0.05 -> 0.04 (tighter)"),
        ("", "risk: {max_drawdown: 0.06}", "risk.max_drawdown: 0.05 -> 0.06 (looser)"),
        ("", "risk: {max_drawdown: none}", "risk.max_drawdown: 0.05 -> none (looser)"),
        ("risk: {max_drawdown: none}", "", "risk.max_drawdown: none -> 0.05 (tighter)"),
        ("", "risk: {allow_shorting: true}", "risk.allow_shorting: false -> true (looser)"),
        (
            "",
            "market: {sessions_enforced: false}",
            "market.sessions_enforced: true -> false (looser)",
        ),
        (
            "",
            "position_sizing: {method: fixed_fractional}",
            "position_sizing.method: fractional_kelly -> fixed_fractional (looser)",
        ),
        (
            "",
            "position_sizing: {volatility_factor: 2}",
            "position_sizing.volatility_factor: 1.5 -> 2 (tighter)",
        ),
        (
            "",
            "exits: {stop_loss: {atr_multiplier: 1}}",
            "exits.stop_loss.atr_multiplier: 1.5 -> 1 (looser)",
        ),
        ("", "account: {time_zone: UTC}", "account.time_zone: America/Denver -> UTC (looser)"),
        ("", "account: {day_start: '06:00'}", "account.day_start: 00:00 -> 06:00 (looser)"),
        ("", "simulation: {latency_in_ms: 5}", "simulation.latency_in_ms: 0 -> 5 (neither)"),
        (
            "",
            "execution_costs: {min_edge_bps: 5}",
            "execution_costs.min_edge_bps: 10 -> 5 (looser)",
        ),
        (
            "",
            "limits: {instruments: {allowed: [SPY]}}",
            "limits.instruments.allowed: all -> [SPY] (tighter)",
        ),
        (
            "limits: {instruments: {allowed: [SPY]}}",
            "limits: {instruments: {allowed: [SPY, QQQ]}}",
            "limits.instruments.allowed: [SPY] -> [QQQ, SPY] (looser)",
        ),
        (
            "limits: {instruments: {allowed: [SPY]}}",
            "limits: {instruments: {allowed: [QQQ]}}",
            "limits.instruments.allowed: [SPY] -> [QQQ] (looser)",
        ),
        (
            "",
            "[circuit_breakers.volatility.atr]\nenabled = false",
            "circuit_breakers.volatility.atr.enabled: true -> false (looser)",
        ),
        (
            "",
            '[circuit_breakers.volatility.atr]\naction = "halt_trading"',
            "circuit_breakers.volatility.atr.action: pause_new_entries -> halt_trading (tighter)",
        ),
        (
            "",
            '[circuit_breakers.volatility.atr]\naction = "pause_trading"',
            "circuit_breakers.volatility.atr.action: pause_new_entries -> pause_trading (neither)",
        ),
        (
            "",
            "[circuit_breakers.system.disk]\nmin_free_pct = 4",
            "circuit_breakers.system.disk.min_free_pct: 5 -> 4 (looser)",
        ),
        (
            "",
            "[circuit_breakers.order_rate]\nwindow_seconds = 30",
            "circuit_breakers.order_rate.window_seconds: 60 -> 30 (looser)",
        ),
        (
            "",
            "[circuit_breakers.drawdown]\ncooldown_minutes = 120",
            "circuit_breakers.drawdown.cooldown_minutes: 60 -> 120 (tighter)",
        ),
    ],
)
def test_one_key(before: str, after: str, line: str) -> None:
    decision = check(before, after, line)

    assert decision.may_apply_without_flag == ("(looser)" not in line)


def test_one_looser_key_among_tighter_ones_needs_the_flag() -> None:
    decision = check(
        "",
        "risk: {max_drawdown: 0.01, max_daily_loss_money: 1351}",
        "risk.max_daily_loss_money: 1350 -> 1351 (looser)",
        "risk.max_drawdown: 0.05 -> 0.01 (tighter)",
    )

    assert [change.path for change in decision.looser] == ["risk.max_daily_loss_money"]
    assert not decision.may_apply_without_flag


# --- names ------------------------------------------------------------------------------------


def test_a_symbols_own_limit_is_compared_with_what_held_for_it() -> None:
    own = "limits: {instruments: {by_symbol: {BTC_USDT: {order_notional: 1000}}}}"
    path = "limits.instruments.by_symbol.BTC_USDT.order_notional"

    check("", own, f"{path}: 50000 (as in default) -> 1000 (tighter)")
    check(own, "", f"{path}: 1000 -> 50000 (as in default) (looser)")


def test_an_instrument_that_gets_limits_where_none_are_set_was_denied_before() -> None:
    bare = "limits: {instruments: {default: {order_notional: 5}}}"
    named = (
        "limits: {instruments: {default: {order_notional: 5}, by_symbol: {SPY: {open_orders: 2}}}}"
    )
    path = "limits.instruments.by_symbol.SPY.open_orders"

    check(bare, named, f"{path}: not set -> 2 (looser)")
    check(named, bare, f"{path}: 2 -> not set (tighter)")


def test_what_a_symbol_repeats_of_the_default_changes_nothing() -> None:
    check(
        "",
        "limits: {instruments: {by_symbol: {SPY: {order_notional: 50000}}}}",
        "limits.instruments.by_symbol.SPY.order_notional: 50000 (as in default) -> 50000 (neither)",
    )


def test_a_default_that_changes_leaves_a_symbol_with_its_own_limit_alone() -> None:
    text = "limits: {strategies: {default: {open_orders: %d}, by_name: {ema: {open_orders: 3}}}}"

    check(text % 20, text % 10, "limits.strategies.default.open_orders: 20 -> 10 (tighter)")


def test_market_limits_of_a_symbol_fall_back_to_section_market() -> None:
    text = "limits: {instruments: {by_symbol: {SPY: {market: {%s}}}}}"
    path = "limits.instruments.by_symbol.SPY.market"

    check("", text % "max_spread_bps: 50", f"{path}.max_spread_bps: not set -> 50 (tighter)")
    # An option may have had a wider spread, and nobody knows here what SPY is.
    check(text % "max_spread_bps: 999", "", f"{path}.max_spread_bps: 999 -> not set (looser)")
    check("", text % "max_spread_bps: 51", f"{path}.max_spread_bps: not set -> 51 (looser)")
    check("", text % "collar_fraction: 0.05", f"{path}.collar_fraction: not set -> 0.05 (neither)")
    check("", text % "data_age_seconds: 5", f"{path}.data_age_seconds: not set -> 5 (tighter)")
    # Of quotes 5 s held, and of bars any number of seconds: a period is as long as you like.
    check("", text % "data_age_seconds: 6", f"{path}.data_age_seconds: not set -> 6 (looser)")
    check(text % "data_age_seconds: 5", "", f"{path}.data_age_seconds: 5 -> not set (looser)")
    check(text % "data_age_seconds: 9000", "", f"{path}.data_age_seconds: 9000 -> not set (looser)")


def test_whether_an_edge_is_required_is_the_strategys_own_say_where_nobody_else_says() -> None:
    text = "strategies: {by_name: {ema_cross: {edge_required: %s}}}"
    path = "strategies.by_name.ema_cross.edge_required"

    check("", text % "true", f"{path}: not set -> true (tighter)")
    check("", text % "false", f"{path}: not set -> false (looser)")
    check(text % "true", "", f"{path}: true -> not set (looser)")
    check(text % "false", "", f"{path}: false -> not set (tighter)")


def test_a_strategy_that_is_switched_on_by_name_is_looser() -> None:
    off = "strategies: {default: {enabled: false}}"
    on = "strategies: {default: {enabled: false}, by_name: {ema_cross: {enabled: true}}}"

    check(off, on, "strategies.by_name.ema_cross.enabled: false (as in default) -> true (looser)")


# --- whatever two files say -------------------------------------------------------------------

VALUES = (
    *("0.01", "0.02", "0.05", "0.3", "1", "2", "3", "5", "8", "50", "1000", "none", "true"),
    *("false", "fixed_fractional", "percentage", "model", "warn", "halt_trading", "[SPY]", "UTC"),
)
POLICY_KEYS = sorted(dict(leaves(shipped_content(POLICY_NAME))))
BREAKER_KEYS = sorted(dict(leaves(shipped_content(BREAKERS_NAME))))


def yaml_of(content: object) -> str:
    """Return sections as YAML on one line; text stands there as it is."""
    if isinstance(content, dict):
        inside = ", ".join(f"{key}: {yaml_of(item)}" for key, item in content.items())
        return f"{{{inside}}}"
    return str(content)


def tree_of(values: dict[str, str]) -> dict[str, Any]:
    """Return nested sections of some keys."""
    tree: dict[str, Any] = {}
    for path, value in values.items():
        section = tree
        *parents, last = path.split(".")
        for parent in parents:
            section = section.setdefault(parent, {})
        section[last] = value
    return tree


@functools.cache
def policies(path: str) -> tuple[RiskPolicy, ...]:
    """Return the shipped policy, and every valid one with another value for one key."""
    found = [POLICY]
    for value in VALUES:
        with suppress(PolicyError):
            found.append(policy_of(yaml_of(tree_of({path: value}))))
    return tuple(found)


@functools.cache
def breakers(path: str) -> tuple[CircuitBreakers, ...]:
    """Likewise of the breakers."""
    found = [BREAKERS]
    for value in VALUES:
        written = value if value[0].isdigit() or value in {"true", "false"} else json.dumps(value)
        with suppress(PolicyError):
            found.append(breakers_of(f"{path} = {written}"))
    return tuple(found)


@st.composite
def rules(draw: st.DrawFn) -> Rules:
    """Draw rules that differ from the shipped ones in a key of the policy and one of a breaker."""
    path = draw(st.sampled_from(POLICY_KEYS))
    for section, name in (("instruments", "by_symbol.SPY"), ("strategies", "by_name.ema_cross")):
        if draw(st.booleans()):
            path = path.replace(f"{section}.default", f"{section}.{name}")
    key = draw(st.sampled_from(BREAKER_KEYS))
    return draw(st.sampled_from(policies(path))), draw(st.sampled_from(breakers(key)))


@given(rules())
def test_rules_do_not_differ_from_themselves(one: Rules) -> None:
    assert compare(one, one) == Decision(changes=())


@given(rules(), rules())
def test_the_way_back_is_never_tighter_where_the_way_there_was_not_looser(
    one: Rules, other: Rules
) -> None:
    there, back = compare(one, other), compare(other, one)

    assert bool(there.changes) == (one != other)
    assert [change.path for change in there.changes] == [change.path for change in back.changes]
    for change, opposite in zip(there.changes, back.changes, strict=True):
        assert (change.before, change.after) == (opposite.after, opposite.before)
        match change.direction:
            case Direction.TIGHTER:
                assert opposite.direction is Direction.LOOSER
            case Direction.NEITHER:
                assert opposite.direction is Direction.NEITHER
            case Direction.LOOSER:
                assert opposite.direction is not Direction.NEITHER


COUNTS = ("0", "1", "3", "8", "none")
MONEY = ("0", "20", "1000", "60000", "none")
LIMITS = {
    "order_notional": MONEY,
    "order_quantity": MONEY,
    "position_notional": MONEY,
    "position_fraction": ("0.01", "0.3", "1"),
    "open_orders": COUNTS,
    "leverage": ("0.5", "2", "5"),
    "market.max_spread_bps": ("1", "50", "1000"),
    "market.collar_fraction": ("0.01", "0.05", "0.3"),
    "market.data_age_seconds": ("1", "5", "5000"),
    "repeats.max_count": COUNTS,
    "orders.per_day": COUNTS,
}
PLACES = {
    f"limits.instruments.{where}.{name}": several
    for where in ("default", "by_symbol.BTC_USDT")
    for name, several in LIMITS.items()
} | {
    "limits.account.open_orders": COUNTS,
    "market.max_spread_bps": ("1", "50", "1000"),
    "market.stream_age_seconds": ("1", "5", "50"),
}
WINDOW = {"limits.instruments.default.repeats.window_seconds": "60"}


@st.composite
def some_limits(draw: st.DrawFn, at_most: int) -> dict[str, str]:
    """Draw limits of one instrument: its own, the default's, and the market's."""
    places = draw(st.lists(st.sampled_from(sorted(PLACES)), max_size=at_most, unique=True))
    return {place: draw(st.sampled_from(PLACES[place])) for place in places}


@given(before=some_limits(8), changed=some_limits(3), gone=some_limits(1))
def test_what_needs_no_flag_never_lets_more_into_the_kernels_record(
    before: dict[str, str], changed: dict[str, str], gone: dict[str, str]
) -> None:
    """The record is what decides, however the files say it."""
    after = {key: value for key, value in (before | changed).items() if key not in gone}
    old, new = (policy_of(yaml_of(tree_of(values | WINDOW))) for values in (before, after))
    assume(compare((old, BREAKERS), (new, BREAKERS)).may_apply_without_flag)

    for feed in (Feed.BAR, Feed.QUOTE):
        had, has = (used(record_of(policy, feed=feed)) for policy in (old, new))
        for name in had:
            if ".limits." in name and not name.endswith(("_min_units", "_window_ns")):
                assert has[name] <= had[name], name
