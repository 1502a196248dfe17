"""What a person reads who wrote something wrong: file, key, value, and what may be instead."""

import pytest

from tests.config.samples import check

FRACTION = "must be a fraction, above 0 and at most"


def test_a_typing_error_names_the_key_that_was_meant() -> None:
    check(
        """
        position_sizing:
          kelly_fracton: 0.5
        exits:
          stop_los: {method: atr_based}
        markets: {}
        """,
        "f.yaml: position_sizing.kelly_fracton is not a key; did you mean kelly_fraction? Keys "
        "here: fixed_notional, fixed_quantity, kelly_fraction, kelly_min_trades, "
        "max_exposure_fraction, max_position_pct, method, risk_per_trade, volatility_factor.",
        "f.yaml: exits.stop_los is not a key; did you mean stop_loss? Keys here: break_even, "
        "exit_on_opposite_signal, stop_loss, take_profit, time_exit, trailing_stop, "
        "volatility_exit.",
        "f.yaml: markets is not a key; did you mean market? Keys here: account, drift, "
        "execution_costs, exits, limits, market, position_sizing, risk, simulation, strategies.",
    )


def test_a_key_in_the_wrong_place_is_found_in_the_right_one() -> None:
    check(
        "drift: {max_drawdown: 0.05}",
        "f.yaml: drift.max_drawdown is not a key; did you mean risk.max_drawdown? Keys here: "
        "enabled, safe_mode_on_drift.",
    )
    check(
        """
        limits:
          instruments:
            by_symbol:
              BTC_USDT: {orders: {per_week: 1}, qqq: 2}
        """,
        "f.yaml: limits.instruments.by_symbol.BTC_USDT.orders.per_week is not a key. Keys here: "
        "per_day, per_minute, per_second.",
        "f.yaml: limits.instruments.by_symbol.BTC_USDT.qqq is not a key. Keys here: leverage, "
        "market, open_orders, order_notional, order_notional_min, order_quantity, orders, "
        "position_fraction, position_notional, position_quantity, repeats.",
    )


def test_a_key_of_toml_likewise() -> None:
    check(
        """
        [circuit_breakers.latency.websocket]
        max_lag_secs = 5
        [circuit_breaker.drawdown]
        enabled = true
        """,
        "f.toml: circuit_breakers.latency.websocket.max_lag_secs is not a key; did you mean "
        "max_lag_seconds? Keys here: action, cooldown_minutes, enabled, max_lag_seconds, "
        "require_manual_resume.",
        "f.toml: circuit_breaker is not a key; did you mean circuit_breakers? Keys here: "
        "circuit_breakers.",
    )


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("risk: {allow_margin: yes}", "risk.allow_margin must be true or false, was 'yes'."),
        ("risk: {allow_margin: 1}", "risk.allow_margin must be true or false, was 1."),
        ("risk: {max_drawdown: true}", "risk.max_drawdown must be a number, was true."),
        ("risk: {max_drawdown: [1]}", "risk.max_drawdown must be a number, was a list."),
        ("risk: {max_drawdown: {}}", "risk.max_drawdown must be a number, was a section of keys."),
        ("risk: {max_drawdown: .nan}", "risk.max_drawdown must be a finite number, was NaN."),
        (
            "risk: {max_drawdown: -.inf}",
            "risk.max_drawdown must be a finite number, was -Infinity.",
        ),
        (
            "risk: {max_drawdown: '0.05'}",
            (
                "risk.max_drawdown must be a number, was the text '0.05': write it without quotes, "
                "underscores or leading zeros."
            ),
        ),
        (
            "risk: {max_daily_loss_money: 1_350}",
            (
                "risk.max_daily_loss_money must be a number, was the text '1_350': write it "
                "without quotes, underscores or leading zeros."
            ),
        ),
        (
            "risk: {max_daily_loss_money: 010}",
            (
                "risk.max_daily_loss_money must be a number, was the text '010': write it without "
                "quotes, underscores or leading zeros."
            ),
        ),
        (
            "risk: {max_daily_loss_money: 5%}",
            "risk.max_daily_loss_money must be a number, was '5%'.",
        ),
        (
            "risk: {max_daily_loss_money: 1e999999}",
            "risk.max_daily_loss_money must be a number of at most 18 digits, was 1E+999999.",
        ),
        (
            f"risk: {{max_daily_loss_money: {10**400}}}",
            "risk.max_daily_loss_money must be a number of at most 18 digits, was about 2**1329.",
        ),
        (
            "risk: {max_daily_loss_money: -1}",
            (
                "risk.max_daily_loss_money must be an amount in the account's currency, above 0 "
                "and at most 10000000000, or none, was -1."
            ),
        ),
        ("risk: 5", "risk must be a section of keys, was 5."),
        ("risk: [1, 2]", "risk must be a section of keys, was a list."),
        ("exits: {time_exit: {max_hold_periods: 48.0}}", None),
        (
            "exits: {time_exit: {max_hold_periods: 48.5}}",
            "exits.time_exit.max_hold_periods must be a whole number, was 48.5.",
        ),
        (
            "exits: {stop_loss: {method: atr_base}}",
            (
                "exits.stop_loss.method must be atr_based, percentage or structure, was "
                "'atr_base'; did you mean atr_based?"
            ),
        ),
        (
            "exits: {stop_loss: {method: 3}}",
            "exits.stop_loss.method must be atr_based, percentage or structure, was 3.",
        ),
        (
            "account: {currency: dollar}",
            "account.currency must be a currency like USD, was 'dollar'.",
        ),
        ("account: {currency: 5}", "account.currency must be text, was 5."),
        (
            "account: {time_zone: America/Denwer}",
            (
                "account.time_zone must be a time zone like America/Denver, was 'America/Denwer'; "
                "did you mean America/Denver?"
            ),
        ),
        (
            "account: {time_zone: ../../etc/passwd}",
            "account.time_zone must be a time zone like America/Denver, was '../../etc/passwd'.",
        ),
        (
            "account: {day_start: 24:00}",
            "account.day_start must be a time of day like \"00:00\", was '24:00'.",
        ),
        (
            "limits: {instruments: {allowed: BTC_USDT}}",
            "limits.instruments.allowed must be all or a list of symbols, was 'BTC_USDT'.",
        ),
    ],
)
def test_a_wrong_value(line: str, problem: str | None) -> None:
    if problem is None:
        problem = "exits.time_exit.max_hold_periods must be a whole number, was 48.0."
    check(line, f"f.yaml: {problem}")


@pytest.mark.parametrize(
    ("key", "value", "problem"),
    [
        ("risk_per_trade", "2", f"{FRACTION} 0.05, was 2: 2 reads as 200 %; write 0.02 for 2 %."),
        ("risk_per_trade", "0.06", f"{FRACTION} 0.05, was 0.06: 0.06 reads as 6 %."),
        ("risk_per_trade", "50", f"{FRACTION} 0.05, was 50: 50 reads as 5000 %."),
        ("risk_per_trade", "0", f"{FRACTION} 0.05, was 0: 0 reads as 0 %."),
        (
            "max_position_pct",
            "20",
            f"{FRACTION} 1, was 20: 20 reads as 2000 %; write 0.2 for 20 %.",
        ),
        ("kelly_fraction", "50", f"{FRACTION} 1, was 50: 50 reads as 5000 %; write 0.5 for 50 %."),
        (
            "max_exposure_fraction",
            "1.5",
            (f"{FRACTION} 1, or none, was 1.5: 1.5 reads as 150 %; write 0.015 for 1.5 %."),
        ),
        ("risk_per_trade", "none", f"cannot be switched off: {FRACTION} 0.05, was 'none'."),
        (
            "risk_per_trade",
            "0.0000001",
            "must have at most 6 decimals (a fraction), was 0.0000001.",
        ),
        ("risk_per_trade", "1e-7", "must have at most 6 decimals (a fraction), was 0.0000001."),
    ],
)
def test_a_fraction_that_was_meant_as_per_cent(key: str, value: str, problem: str) -> None:
    check(f"position_sizing: {{{key}: {value}}}", f"f.yaml: position_sizing.{key} {problem}")


@pytest.mark.parametrize(
    ("value", "hint"),
    [
        ("0.04", "0.04 reads as 4 %; write 0.0004 for 4 bps"),
        ("4", "4 reads as 400 %; write 0.0004 for 4 bps"),
        ("0.4", "0.4 reads as 40 %; write 0.004 for 40 bps"),
    ],
)
def test_a_fee_that_was_meant_as_per_cent_or_basis_points(value: str, hint: str) -> None:
    check(
        f"execution_costs: {{assumed_fee: {value}}}",
        "f.yaml: execution_costs.assumed_fee must be a fraction of the notional, at least 0 and "
        f"at most 0.01, was {value}: {hint}.",
    )


@pytest.mark.parametrize(
    ("value", "hint"),
    [
        ("0.03", "0.03 reads as 0.03 %; write 3 for 3 %"),
        ("0.05", "0.05 reads as 0.05 %; write 5 for 5 %"),
        ("300", "300 reads as 300 %"),
    ],
)
def test_a_per_cent_that_was_meant_as_a_fraction(value: str, hint: str) -> None:
    check(
        f"[circuit_breakers.drawdown]\nthreshold_pct = {value}",
        "f.toml: circuit_breakers.drawdown.threshold_pct must be per cent, at least 0.1 and at "
        f"most 100, was {value}: {hint}.",
    )


def test_basis_points_that_were_meant_as_a_fraction() -> None:
    check(
        "market: {max_spread_bps: 0.005}\nexecution_costs: {slippage: {base_slippage_bps: 0.0005}}",
        "f.yaml: execution_costs.slippage.base_slippage_bps must be basis points, 0, or at least "
        "0.1 and at most 1000, was 0.0005: 0.0005 reads as 0.0005 bps; write 5 for 5 bps.",
        "f.yaml: market.max_spread_bps must be basis points, at least 0.1 and at most 10000, was "
        "0.005: 0.005 reads as 0.005 bps; write 50 for 50 bps.",
    )


@pytest.mark.parametrize("word", ["None", "off", "no", "null ", "unlimited"])
def test_a_limit_is_switched_off_by_one_word(word: str) -> None:
    check(
        f"risk: {{max_drawdown: '{word}'}}",
        "f.yaml: risk.max_drawdown must be a fraction, above 0 and at most 0.5, or none, was "
        f"'{word}': a limit is switched off by writing none.",
    )


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (
            "exits: {stop_loss: {min_fraction: 0.06}}",
            (
                "exits.stop_loss: min_fraction (0.06) must be at most max_fraction (0.05); as "
                "shipped: exits.stop_loss.max_fraction"
            ),
        ),
        (
            "exits: {stop_loss: {method: percentage, distance_fraction: 0.10}}",
            (
                "exits.stop_loss: distance_fraction (0.1) must be between min_fraction (0.01) and "
                "max_fraction (0.05); as shipped: exits.stop_loss.max_fraction, "
                "exits.stop_loss.min_fraction"
            ),
        ),
        (
            "position_sizing: {max_position_pct: 0.6, max_exposure_fraction: 0.5}",
            "position_sizing: max_position_pct (0.6) must be at most max_exposure_fraction (0.5)",
        ),
        (
            "position_sizing: {method: fixed}",
            (
                "position_sizing: method fixed needs one of fixed_notional and fixed_quantity, and "
                "none for the other; 0 were given; as shipped: position_sizing.fixed_notional, "
                "position_sizing.fixed_quantity"
            ),
        ),
        (
            "execution_costs: {assumed_fee: 0.0001}",
            (
                "execution_costs: assumed_fee (0.0001) must be at least the smaller of maker_fee "
                "(0.0002) and taker_fee (0.0004); as shipped: execution_costs.maker_fee, "
                "execution_costs.taker_fee"
            ),
        ),
        (
            "strategies: {by_name: {x: {margin: true}}}",
            (
                "strategies.by_name.x.margin (true) must be false while risk.allow_margin is "
                "false; as shipped: risk.allow_margin"
            ),
        ),
        (
            "strategies: {by_name: {x: {leverage: 2}}}",
            (
                "strategies.by_name.x.leverage (2) must be 1 while strategies.by_name.x.margin is "
                "false"
            ),
        ),
        (
            (
                "risk: {allow_margin: true}\n"
                "limits: {account: {leverage: 2}}\n"
                "strategies: {default: {margin: true, leverage: 3}}"
            ),
            "strategies.default.leverage (3) must be at most limits.account.leverage (2)",
        ),
        (
            "limits: {instruments: {by_symbol: {X: {order_notional: 5, order_notional_min: 6}}}}",
            (
                "limits.instruments.by_symbol.X: order_notional_min (6) must be at most "
                "order_notional (5)"
            ),
        ),
        (
            "limits: {instruments: {default: {repeats: {max_count: 3}}}}",
            (
                "limits.instruments: default.repeats.window_seconds must be set beside max_count "
                "(3): without it no order is ever a repetition"
            ),
        ),
    ],
)
def test_two_keys_that_disagree(text: str, problem: str) -> None:
    check(text, f"f.yaml: {problem}.")


def test_breakers_that_disagree_are_all_named() -> None:
    check(
        """
        [circuit_breakers.drawdown]
        warn_pct = 3.0
        threshold_pct = 3.0
        emergency_pct = 2.5
        cooldown_minutes = 0
        require_manual_resume = false
        [circuit_breakers.consecutive_losses]
        reduce_after = 4
        reduce_more_to_fraction = 0.6
        """,
        "f.toml: circuit_breakers.drawdown: cooldown_minutes (0) must be above 0 while "
        "require_manual_resume (false) asks for nobody: otherwise the breaker releases at once.",
        "f.toml: circuit_breakers.drawdown: warn_pct (3) must be below threshold_pct (3).",
        "f.toml: circuit_breakers.drawdown: threshold_pct (3) must be below emergency_pct (2.5).",
        "f.toml: circuit_breakers.consecutive_losses: reduce_after (4) must be below "
        "reduce_more_after (4); as shipped: "
        "circuit_breakers.consecutive_losses.reduce_more_after.",
        "f.toml: circuit_breakers.consecutive_losses: reduce_more_to_fraction (0.6) must be at "
        "most reduce_to_fraction (0.5); as shipped: "
        "circuit_breakers.consecutive_losses.reduce_to_fraction.",
    )


def test_an_action_that_a_breaker_does_not_have() -> None:
    check(
        '[circuit_breakers.volatility.atr]\naction = "pause_entries"',
        "f.toml: circuit_breakers.volatility.atr.action must be warn, pause_new_entries, "
        "pause_trading, halt_trading or halt_and_flatten, was 'pause_entries'; did you mean "
        "pause_new_entries?",
    )
