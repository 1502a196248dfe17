"""From files to the kernel's record: every field, its unit, and what is not set."""

from decimal import Decimal
from pathlib import Path

import pytest

from interlock.config.build import build_policy
from interlock.config.canonical import canonical_bytes, from_canonical
from interlock.config.errors import PolicyError
from interlock.config.load import load_breakers, load_policy
from interlock.data.instruments import load_instruments
from interlock.kernel.codes import (
    Cause,
    Feed,
    Level,
    Release,
    Settle,
    SizingMethod,
    StopMethod,
    TargetMethod,
)
from interlock.kernel.policy import CAUSES, LARGE
from interlock.kernel.units import LIMIT_NONE, QTY_LOTS_MAX
from tests.config.samples import (
    BREAKERS,
    HOUR_NS,
    POLICY,
    InstrumentKind,
    Sample,
    breakers_of,
    fields_of,
    policy_of,
    record_of,
    used,
)

ZERO_FOR_A_REASON = {
    "account.sizing.fixed_lots": "method fixed is not used",
    "account.sizing.fixed_units": "method fixed is not used",
    "account.exits.trailing_enabled": "off as shipped",
    "account.exits.break_even_enabled": "off as shipped",
    "account.shorting_allowed": "off as shipped",
    "account.margin_allowed": "off as shipped",
    "strategies[0].margin": "off as shipped",
    "instruments[0].margin_allowed": "the account may not",
    "instruments[0].native_oco": "a capability of the venue, passed by the caller",
    **{f"account.breakers[{Cause.NONE}].{name}": "no cause" for name in (
        "enabled", "limit", "level", "release", "cooldown_ns",
    )},
}  # fmt: skip
# Measured as yes or no, or set by an event that brings its own reason.
WITHOUT_LIMIT = {
    *(cause for cause in Cause if cause < Cause.DAILY_LOSS),
    *(cause for cause in Cause if cause > Cause.ORDER_RATE),
    Cause.VENUE_UNAVAILABLE,
} - {Cause.EQUITY_MISMATCH}
# Released by a condition or a person alone.
WITHOUT_COOLDOWN = {
    *(cause for cause in Cause if cause > Cause.ORDER_RATE or cause < Cause.DRAWDOWN),
    Cause.ORDER_RATE,
    Cause.DISK,
    Cause.MEMORY,
    Cause.DATA_QUALITY,
}


def may_be_zero(path: str) -> bool:
    """Return whether a field of the shipped record is 0 on purpose."""
    zeros = {f"account.breakers[{cause}].limit" for cause in WITHOUT_LIMIT}
    zeros |= {f"account.breakers[{cause}].cooldown_ns" for cause in WITHOUT_COOLDOWN}
    return path in ZERO_FOR_A_REASON or path in zeros


def test_every_field_is_filled() -> None:
    """0 denies or switches off: a field that was forgotten here would do so silently."""
    fields = used(record_of())

    assert [path for path, value in fields.items() if value == 0 and not may_be_zero(path)] == []
    assert [path for path, value in fields.items() if value != 0 and may_be_zero(path)] == []


def test_rows_that_nobody_uses_stay_empty() -> None:
    whole = record_of()[0]

    assert whole["account"]["instruments"] == 1
    assert whole["account"]["strategies"] == 1
    for table in ("strategies", "instruments"):
        assert all(value == 0 for row in whole[table][1:] for _, value in fields_of(row))


def test_every_cause_has_a_level_and_something_that_releases_it() -> None:
    rows = record_of()[0]["account"]["breakers"]

    assert len(rows) == CAUSES
    for cause in list(Cause)[1:]:
        assert Level.WARNED <= rows[cause]["level"] <= Level.KILLED
        assert 0 < rows[cause]["release"] < 16
        assert (rows[cause]["cooldown_ns"] > 0) == bool(rows[cause]["release"] & Release.COOLDOWN)


def test_the_shipped_numbers_are_those_of_the_specification() -> None:
    whole = record_of()[0]
    account = whole["account"]
    limits, breakers = account["limits"], account["breakers"]
    assert account["sizing"]["method"] == SizingMethod.FRACTIONAL_KELLY
    assert account["sizing"]["exposure_ppm"] == limits["exposure_ppm"] == 500_000
    assert account["sizing"]["volatility_factor"] == 1.5
    assert account["exits"]["stop_method"] == StopMethod.ATR
    assert account["exits"]["stop_min_ppm"] == 10_000
    assert account["exits"]["stop_max_ppm"] == 50_000
    assert account["exits"]["target_method"] == TargetMethod.RISK_MULTIPLE
    assert account["exits"]["volatility_high"] == 2.0
    assert account["exits"]["volatility_low"] == 0.5
    assert account["costs"]["impact_from_units"] == 1_000 * 10**8
    assert account["costs"]["edge_min_bps"] == 10
    round_trip = 2 * (account["costs"]["assumed_ppm"] + account["costs"]["slippage_base_ppm"])
    assert round_trip == 1_800
    assert limits["leverage_ppm"] == 5_000_000
    assert limits["open_positions"] == 5
    assert limits["daily_loss_units"] == 1_350 * 10**8
    for cause in (Cause.DAILY_LOSS, Cause.MAX_DRAWDOWN):
        assert breakers[cause]["level"] == Level.HALTED
        assert breakers[cause]["release"] == Release.SESSION | Release.PERSON
    assert breakers[Cause.DRAWDOWN]["cooldown_ns"] == HOUR_NS
    assert breakers[Cause.CONSECUTIVE_LOSSES]["cooldown_ns"] == 2 * HOUR_NS
    assert list(account["losses"].item()) == [3, 500_000, 4, 250_000, 5]
    assert breakers[Cause.SPREAD]["limit"] == 5_000
    assert breakers[Cause.PRICE_MOVE]["limit"] == 100_000
    assert breakers[Cause.PRICE_MOVE]["level"] == Level.HALTED
    assert breakers[Cause.INFERENCE_LATENCY]["limit"] == 500
    assert breakers[Cause.PLACEMENT_LATENCY]["limit"] == 2_000
    assert breakers[Cause.FILL_LATENCY]["limit"] == 5_000
    assert breakers[Cause.CLOCK_OFFSET]["limit"] == 1_000
    assert breakers[Cause.DATA_QUALITY]["limit"] == 950_000
    assert breakers[Cause.ORDER_RATE]["release"] == Release.PERSON
    instrument = whole["instruments"][0]
    assert instrument["limits"]["collar_ppm"] == 50_000
    assert instrument["limits"]["spread_ppm"] == 5_000
    assert instrument["limits"]["data_age_ns"] == HOUR_NS + 60 * 10**9


def test_an_instruments_own_numbers_come_first() -> None:
    sample = Sample(maker_ppm=0, taker_ppm=750, settle=Settle.MARGIN, notional_min=Decimal("12.5"))

    row = record_of(instruments=[sample], native_oco=True)[0]["instruments"][0]

    assert (row["maker_ppm"], row["taker_ppm"]) == (0, 750)
    assert row["settle"] == Settle.MARGIN
    assert (row["tick"], row["lot"], row["lot_min"]) == (1, 2, 4)
    assert (row["unit_num"], row["unit_den"]) == (1_000, 1)
    assert row["limits"]["order_notional_min_units"] == 1_250_000_000
    assert row["always_open"] == 1
    assert row["native_oco"] == 1


def test_sessions_are_enforced_unless_switched_off() -> None:
    share = Sample(calendar="XNYS")
    assert record_of(instruments=[share])[0]["instruments"][0]["always_open"] == 0

    loose = policy_of("market: {sessions_enforced: false}")
    assert record_of(loose, instruments=[share])[0]["instruments"][0]["always_open"] == 1


def test_streams_age_in_seconds_and_options_have_a_spread_of_their_own() -> None:
    option = Sample(kind=InstrumentKind.OPTION)

    limits = record_of(instruments=[option], feed=Feed.QUOTE)[0]["instruments"][0]["limits"]

    assert limits["data_age_ns"] == 5 * 10**9
    assert limits["spread_ppm"] == 100_000


def test_the_shipped_instruments_are_what_the_policy_asks_for(root: Path) -> None:
    """Two rooms that may not import each other agree on what an instrument is."""
    instruments = list(load_instruments(root / "config" / "instruments.yaml").values())

    rows = build_policy(
        POLICY,
        BREAKERS,
        instruments,
        [],
        periods_ns=[HOUR_NS] * len(instruments),
        feeds=[Feed.BAR] * len(instruments),
    )[0]["instruments"]

    assert all(row["allowed"] == 1 and row["unit_num"] > 0 for row in rows[: len(instruments)])


def test_a_symbols_own_limits_come_before_the_default() -> None:
    policy = policy_of(
        """
        limits:
          instruments:
            allowed: [ETH_USDT, BTC_USDT]
            by_symbol:
              BTC_USDT:
                order_quantity: 0.0029
                position_fraction: 0.1
                orders: {per_day: 7}
                repeats: {max_count: 2}
                market: {max_spread_bps: 20, collar_fraction: 0.01, data_age_seconds: 90}
        """
    )

    rows = record_of(policy, instruments=[Sample(), Sample(symbol="X")])[0]["instruments"]

    own, other = rows[0]["limits"], rows[1]["limits"]
    assert (rows[0]["allowed"], rows[1]["allowed"]) == (1, 0)
    assert (own["order_lots"], other["order_lots"]) == (2, LIMIT_NONE)  # cut down to whole units
    assert (own["position_ppm"], other["position_ppm"]) == (100_000, 200_000)
    assert (own["orders_per_day"], own["orders_per_minute"]) == (7, 10)
    assert (own["repeat_count"], own["repeat_window_ns"]) == (2, 60 * 10**9)
    assert (own["spread_ppm"], own["collar_ppm"]) == (2_000, 10_000)
    assert own["data_age_ns"] == 90 * 10**9


def test_a_quantity_that_no_order_can_have_is_refused() -> None:
    policy = policy_of("limits: {instruments: {by_symbol: {BTC_USDT: {order_quantity: 0.0009}}}}")

    with pytest.raises(PolicyError) as refused:
        record_of(policy)

    assert refused.value.problems == (
        "BTC_USDT: a quantity limit must be 0 or at least one unit of 0.001, was 0.0009.",
    )


def test_a_quantity_beyond_the_kernel_is_cut_to_what_it_can_count() -> None:
    policy = policy_of("limits: {instruments: {by_symbol: {BTC_USDT: {order_quantity: 1e10}}}}")

    assert record_of(policy)[0]["instruments"][0]["limits"]["order_lots"] == QTY_LOTS_MAX


@pytest.mark.parametrize(
    ("own", "said", "usual", "expected"),
    [
        (None, None, "true", 1),
        (None, None, "false", 0),
        (None, False, "true", 0),  # built-in strategies state no edge and say so
        ("true", False, "true", 1),  # and a person may insist
        ("false", True, "true", 0),
        (None, True, "false", 1),
    ],
)
def test_who_says_whether_an_edge_is_required(
    own: str | None, said: bool | None, usual: str, expected: int
) -> None:
    named = f"ema_cross: {{edge_required: {own}}}" if own is not None else ""
    policy = policy_of(f"strategies: {{default: {{edge_required: {usual}}}, by_name: {{{named}}}}}")
    overrides = {"ema_cross": said} if said is not None else {}

    record = record_of(policy, edge_required_overrides=overrides)

    assert record[0]["strategies"][0]["edge_required"] == expected


def test_a_strategys_own_limits_and_rules() -> None:
    policy = policy_of(
        """
        risk: {allow_margin: true}
        limits: {strategies: {by_name: {b: {open_positions: 2, order_notional: none}}}}
        strategies: {by_name: {b: {enabled: false, margin: true, leverage: 2.5}}}
        """
    )

    rows = record_of(policy, strategies=["a", "b"])[0]["strategies"]

    assert (rows[0]["enabled"], rows[1]["enabled"]) == (1, 0)
    assert (rows[0]["margin"], rows[1]["margin"]) == (0, 1)
    assert (rows[0]["leverage_ppm"], rows[1]["leverage_ppm"]) == (1_000_000, 2_500_000)
    assert rows[0]["limits"]["open_positions"] == 5
    assert rows[1]["limits"]["open_positions"] == 2
    assert rows[1]["limits"]["order_notional_units"] == LIMIT_NONE
    assert rows[1]["limits"]["order_rate_count"] == 10
    assert rows[1]["limits"]["order_rate_window_ns"] == 60 * 10**9


def test_fixed_sizes() -> None:
    by_money = policy_of("position_sizing: {method: fixed, fixed_notional: 250.5}")
    by_amount = policy_of("position_sizing: {method: fixed, fixed_quantity: 0.5}")
    coarse = Sample(symbol="SPY", qty_digits=0)

    assert record_of(by_money)[0]["account"]["sizing"]["fixed_units"] == 25_050_000_000
    assert record_of(by_amount)[0]["account"]["sizing"]["fixed_lots"] == 500
    finer = Sample(symbol="X", qty_digits=5)
    with pytest.raises(PolicyError, match="was BTC_USDT 500, X 50000: their precisions differ"):
        record_of(by_amount, instruments=[Sample(), finer])
    with pytest.raises(PolicyError, match="SPY: a quantity limit must be 0 or at least one unit"):
        record_of(by_amount, instruments=[coarse])


def test_none_is_the_kernels_word_for_a_limit_that_is_off() -> None:
    policy = policy_of(
        """
        position_sizing: {max_exposure_fraction: none}
        risk: {max_daily_loss: none, max_daily_loss_money: none, max_drawdown: none}
        limits: {account: {order_notional: none, open_orders: none, orders: {per_day: none}}}
        """
    )

    account = record_of(policy)[0]["account"]

    for name in (
        "exposure_ppm",
        "order_notional_units",
        "open_orders",
        "orders_per_day",
        "daily_loss_units",
        "daily_loss_ppm",
        "drawdown_ppm",
    ):
        assert account["limits"][name] == LIMIT_NONE
    assert account["sizing"]["exposure_ppm"] == LIMIT_NONE
    assert account["breakers"][Cause.DAILY_LOSS]["enabled"] == 0
    assert account["breakers"][Cause.MAX_DRAWDOWN]["enabled"] == 0


def test_one_of_the_two_daily_limits_keeps_the_rule() -> None:
    policy = policy_of("risk: {max_daily_loss: none}")

    assert record_of(policy)[0]["account"]["breakers"][Cause.DAILY_LOSS]["enabled"] == 1


def test_a_flat_slippage_has_neither_volatility_nor_impact() -> None:
    costs = record_of(policy_of("execution_costs: {slippage: {model: fixed}}"))[0]["account"][
        "costs"
    ]

    assert costs["slippage_base_ppm"] == 500
    assert costs["volatility_factor"] == costs["impact_ppm"] == costs["impact_from_units"] == 0


@pytest.mark.parametrize(
    ("action", "level"),
    [
        ("warn", Level.WARNED),
        ("pause_new_entries", Level.PAUSED),
        ("pause_trading", Level.PAUSED),
        ("halt_trading", Level.HALTED),
        ("halt_and_flatten", Level.KILLED),
    ],
)
def test_actions_are_levels(action: str, level: Level) -> None:
    breakers = breakers_of(
        f'[circuit_breakers.volatility.spread]\naction = "{action}"\n'
        "cooldown_minutes = 0\nrequire_manual_resume = true\nenabled = false"
    )

    row = record_of(breakers=breakers)[0]["account"]["breakers"][Cause.SPREAD]

    assert (row["level"], row["enabled"], row["cooldown_ns"]) == (level, 0, 0)
    assert row["release"] == Release.CONDITION | Release.PERSON


def test_losses_may_go_on_at_the_smaller_size() -> None:
    breakers = breakers_of('[circuit_breakers.consecutive_losses]\naction = "reduce_size"')

    row = record_of(breakers=breakers)[0]["account"]["breakers"][Cause.CONSECUTIVE_LOSSES]

    assert row["level"] == Level.REDUCED


def test_a_run_that_is_too_large_or_names_something_twice_is_refused() -> None:
    many = [Sample(symbol=f"S{number}") for number in range(65)]
    with pytest.raises(PolicyError, match="instruments: at most 64 fit the tier of this run, 65"):
        record_of(instruments=many)
    assert record_of(instruments=many, tier=LARGE)[0]["account"]["instruments"] == 65
    with pytest.raises(PolicyError, match="strategies: each may be given once, a was given again"):
        record_of(strategies=["a", "b", "a"])


def test_the_benchmarks_files_never_trip(root: Path) -> None:
    policy = load_policy(root / "benchmarks" / "policy.yaml")
    breakers = load_breakers(root / "benchmarks" / "breakers.toml")

    whole = record_of(policy, breakers)[0]

    account, limits = whole["account"], whole["instruments"][0]["limits"]
    assert account["sizing"]["fixed_units"] == 10**18
    assert account["sizing"]["position_ppm"] == limits["position_ppm"] == 200_000
    assert account["exits"]["time_periods"] == 48
    assert account["exits"]["volatility_enabled"] == 0
    assert account["costs"]["maker_ppm"] == account["costs"]["taker_ppm"] == 400
    assert account["costs"]["volatility_factor"] == 0
    assert account["losses"]["halt_at"] == 10**9
    assert account["drawdown_emergency_ppm"] == 1_000_000
    assert all(account["breakers"][cause]["enabled"] for cause in (Cause.DRAWDOWN, Cause.SPREAD))
    assert limits["order_lots"] == limits["orders_per_second"] == LIMIT_NONE
    assert policy.simulation.max_participation_fraction == "none"


def test_the_stored_policy_makes_the_same_record() -> None:
    policy, breakers = from_canonical(canonical_bytes(POLICY, BREAKERS))

    assert record_of(policy, breakers).tobytes() == record_of().tobytes()
