"""How files are read: what is refused, what a partial file means, and which file holds."""

import os
from decimal import Decimal
from pathlib import Path

import pytest

from interlock.config.errors import PolicyError
from interlock.config.limits import StrategyLimits
from interlock.config.load import (
    leaves,
    load_breakers,
    load_policy,
    parse_breakers,
    parse_policy,
    read_breakers,
    read_policy,
    shipped_content,
)
from interlock.config.settings import BREAKERS_NAME, POLICY_NAME, Settings
from interlock.config.text import BYTES_MAX
from interlock.kernel.codes import Cause, Level, Release
from tests.config.samples import BREAKERS, POLICY, breakers_of, check, policy_of, record_of

OLD_POLICY = """
    position_sizing:
      method: fractional_kelly
      kelly_fraction: 0.5
      max_position_pct: 0.20
      risk_per_trade: 0.02
    exits:
      stop_loss: {method: atr_based, atr_multiplier: 1.5}
      take_profit: {method: risk_multiple, risk_multiple: 2.0}
      time_exit: {enabled: true, max_hold_periods: 48}
    execution_costs:
      maker_fee: 0.0002
      taker_fee: 0.0004
      assumed_fee: 0.0004
      slippage: {model: market_impact, base_slippage_bps: 5}
    risk: {max_drawdown: 0.05, max_daily_loss: 0.05}
    drift: {enabled: true, safe_mode_on_drift: true}
"""
OLD_BREAKERS = """
    [circuit_breakers.drawdown]
    enabled = true
    threshold_pct = 3.0
    action = "halt_trading"
    require_manual_resume = true

    [circuit_breakers.consecutive_losses]
    enabled = true
    max_consecutive_losses = 5
    action = "halt_trading"

    [circuit_breakers.volatility.atr]
    spike_threshold = 2.5
    action = "pause_new_entries"

    [circuit_breakers.latency.websocket]
    max_lag_seconds = 5
    action = "pause_trading"
"""


def test_the_keys_of_existing_policies_load_unchanged() -> None:
    policy = policy_of(OLD_POLICY)

    assert policy == POLICY
    account = record_of(policy)[0]["account"]
    assert account["sizing"]["kelly_fraction_ppm"] == 500_000
    assert account["sizing"]["position_ppm"] == 200_000
    assert account["sizing"]["risk_ppm"] == 20_000
    assert account["exits"]["stop_atr"] == 1.5
    assert account["exits"]["target_multiple"] == 2.0
    assert account["exits"]["time_periods"] == 48
    assert account["costs"]["maker_ppm"] == 200
    assert account["costs"]["taker_ppm"] == 400
    assert account["costs"]["assumed_ppm"] == 400
    assert account["costs"]["slippage_base_ppm"] == 500
    assert account["limits"]["drawdown_ppm"] == 50_000
    assert account["limits"]["daily_loss_ppm"] == 50_000
    assert account["breakers"][Cause.DRIFT]["level"] == Level.PAUSED


def test_the_keys_of_existing_breakers_load_unchanged() -> None:
    breakers = breakers_of(OLD_BREAKERS)

    assert breakers == BREAKERS
    account = record_of(breakers=breakers)[0]["account"]
    drawdown = account["breakers"][Cause.DRAWDOWN]
    assert drawdown["limit"] == 30_000
    assert drawdown["level"] == Level.HALTED
    assert drawdown["release"] == Release.COOLDOWN | Release.PERSON
    assert account["drawdown_warn_ppm"] == 20_000
    assert account["drawdown_emergency_ppm"] == 50_000
    assert account["losses"]["halt_at"] == 5
    assert account["breakers"][Cause.ATR_SPIKE]["limit"] == 2_500_000
    assert account["breakers"][Cause.FEED_LAG]["limit"] == 5_000
    assert account["breakers"][Cause.FEED_LAG]["level"] == Level.PAUSED


@pytest.mark.parametrize(
    ("threshold", "warn", "emergency"),
    [("3.0", "2", "5"), ("1.5", "1", "2.5"), ("10", "6.6667", "16.6667"), ("90", "60", "100")],
)
def test_an_old_threshold_keeps_the_shipped_proportions(
    threshold: str, warn: str, emergency: str
) -> None:
    """A file from before the companions existed must load whatever its threshold is."""
    drawdown = breakers_of(f"[circuit_breakers.drawdown]\nthreshold_pct = {threshold}").drawdown

    assert drawdown.warn_pct == Decimal(warn)
    assert drawdown.emergency_pct == Decimal(emergency)


def test_halting_before_the_first_reduction_is_stricter_and_allowed() -> None:
    losses = breakers_of("[circuit_breakers.consecutive_losses]\nmax_consecutive_losses = 2")

    assert losses.consecutive_losses.max_consecutive_losses == 2


def test_what_a_file_leaves_out_is_as_shipped_and_named() -> None:
    loaded = parse_policy(b"risk: {max_drawdown: 0.1}", source="f.yaml")

    every = {key for key, _ in leaves(shipped_content(POLICY_NAME))}
    assert every - set(loaded.defaulted) == {"risk.max_drawdown"}
    assert loaded.model.risk.max_daily_loss == POLICY.risk.max_daily_loss


def test_a_default_for_instruments_is_taken_as_a_whole() -> None:
    """A limit that is not set for an instrument denies it, so nothing fills it in."""
    text = "limits: {instruments: {default: {order_notional: 100}}}"

    loaded = parse_policy(text.encode(), source="f.yaml")

    assert not [key for key in loaded.defaulted if key.startswith("limits.instruments.default")]
    limits = record_of(loaded.model)[0]["instruments"][0]["limits"]
    assert limits["order_notional_units"] == 100 * 10**8
    for name in ("open_orders", "orders_per_day", "position_ppm", "leverage_ppm", "repeat_count"):
        assert limits[name] == 0
    assert limits["spread_ppm"] == 5_000  # section market is not about instruments


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (
            "risk:\n  max_drawdown: 0.1\n  max_drawdown: 0.2",
            "line 3: max_drawdown is given twice, in line 2 and here.",
        ),
        ("risk: &x {}\ndrift: *x", "line 2: anchors and aliases are not allowed."),
        ("1: 2", "line 1: a key must be text, was 1: write it in quotes."),
        ("true: 2", "line 1: a key must be text, was true: write it in quotes."),
        ("[a]: 2", None),
        ("? [a]\n: 2", "line 1: a key must be text, was a list: write it in quotes."),
        ("risk: !!python/name:os.system x", None),
        ("risk: {max_drawdown: !!float x}", None),
        ("a: 1\n---\nb: 2", None),
        ("risk: {", None),
        ("- risk", "must be sections of keys, was a list."),
        ("text", "must be sections of keys, was 'text'."),
        (
            "risk:\n  max_drawdown:\ndrift: ~",
            (
                "risk.max_drawdown has no value: write one, write none where a limit may be "
                "switched off, or remove the key."
            ),
        ),
        (
            "# nothing",
            (
                "has no keys. An empty file may be one that was not written to its end; to use the "
                "shipped values, remove the file."
            ),
        ),
        ("{}", None),
        ("", None),
        ("a: " + "[" * 5_000, None),
        ("a: 1" + "0" * 5_000, None),
        ("a: \x00", None),
        ("a: 1e99999999999999999999", None),
    ],
)
def test_text_that_is_no_policy(text: str, problem: str | None) -> None:
    with pytest.raises(PolicyError) as refused:
        parse_policy(text.encode(), source="f.yaml")
    if problem is not None:
        assert refused.value.problems[0] in {f"f.yaml: {problem}", f"f.yaml:{problem}"}
    assert all(found.startswith("f.yaml:") for found in refused.value.problems)


@pytest.mark.parametrize(
    "text",
    [
        "[circuit_breakers.drawdown]\nenabled = true\nenabled = false",
        "[circuit_breakers",
        "a = " + "[" * 5_000,
        "a = 1" + "0" * 5_000,
        "a = 1e99999999999999999999",
        "",
    ],
)
def test_text_that_is_no_toml(text: str) -> None:
    with pytest.raises(PolicyError, match=r"^f\.toml: "):
        parse_breakers(text.encode(), source="f.toml")


def test_numbers_with_an_exponent_are_numbers() -> None:
    """PyYAML on its own reads 4e-4 as text."""
    policy = policy_of("execution_costs: {taker_fee: 4e-4}\nrisk: {max_daily_loss_money: 1E+3}")

    assert str(policy.execution_costs.taker_fee) == "0.0004"
    assert policy.risk.max_daily_loss_money == 1000


def test_numbers_from_python_are_as_exact_as_those_from_a_file() -> None:
    limits = StrategyLimits.model_validate({"order_notional": 0.1, "open_orders": 3})

    assert limits.order_notional == Decimal("0.1")
    assert limits.open_orders == 3


def test_text_must_be_utf_8() -> None:
    with pytest.raises(PolicyError, match=r"^f\.yaml: line 2: must be UTF-8 text\.$"):
        parse_policy(b"# ok\nrisk: \xff", source="f.yaml")


def test_a_byte_order_mark_is_no_problem() -> None:
    assert parse_policy(b"\xef\xbb\xbfrisk: {max_drawdown: 0.05}", source="f.yaml").model == POLICY


def test_what_is_not_a_small_readable_file_is_refused(tmp_path: Path) -> None:
    large = tmp_path / "large.yaml"
    large.write_bytes(b"#" * (BYTES_MAX + 1))
    queue = tmp_path / "queue.yaml"
    os.mkfifo(queue)
    for path, why in (
        (tmp_path, "must be a file"),
        (queue, "must be a file"),
        (large, "must be at most 1048576 bytes, was 1048577"),
        (tmp_path / "none.yaml", "cannot be read: No such file or directory"),
        (Path("a\0b"), "cannot be read"),
    ):
        with pytest.raises(PolicyError, match=why):
            read_policy(path)


def test_the_file_that_holds_is_the_given_then_the_homes_then_the_shipped(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path / "home")
    given = tmp_path / "given.yaml"
    given.write_text("risk: {max_drawdown: 0.01}")
    assert load_policy(settings=settings) == POLICY
    assert load_breakers(settings=settings) == BREAKERS

    own = tmp_path / "home" / "config"
    own.mkdir(parents=True)
    (own / POLICY_NAME).write_text("risk: {max_drawdown: 0.02}")
    (own / BREAKERS_NAME).write_text("[circuit_breakers.drawdown]\nthreshold_pct = 2.5")

    assert str(load_policy(settings=settings).risk.max_drawdown) == "0.02"
    assert str(load_policy(given, settings=settings).risk.max_drawdown) == "0.01"
    assert str(load_breakers(settings=settings).drawdown.threshold_pct) == "2.5"


def test_a_broken_file_in_the_home_is_never_passed_over(tmp_path: Path) -> None:
    """To fall back to the shipped values would be to forget the user's own limits."""
    own = tmp_path / "config"
    own.mkdir()
    (own / POLICY_NAME).symlink_to(tmp_path / "gone.yaml")

    with pytest.raises(PolicyError, match="cannot be read"):
        load_policy(settings=Settings(home=tmp_path))


def test_the_shipped_files_say_everything_and_leave_nothing_out() -> None:
    for loaded in (read_policy(None), read_breakers(None)):
        assert loaded.source.startswith("shipped ")
        assert loaded.defaulted


def test_a_problem_in_one_section_does_not_hide_those_of_another() -> None:
    check(
        "risk: {max_drawdown: 7}\nexits: {stop_loss: {min_fraction: 0.1}}\nfoo: 1",
        "f.yaml: exits.stop_loss: min_fraction (0.1) must be at most max_fraction (0.05); as "
        "shipped: exits.stop_loss.max_fraction.",
        "f.yaml: risk.max_drawdown must be a fraction, above 0 and at most 0.5, or none, was 7: 7 "
        "reads as 700 %; write 0.07 for 7 %.",
        "f.yaml: foo is not a key. Keys here: account, drift, execution_costs, exits, limits, "
        "market, position_sizing, risk, simulation, strategies.",
    )
