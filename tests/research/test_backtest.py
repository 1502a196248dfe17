"""Whole runs that are small enough to work out by hand."""

from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from interlock.config.errors import PolicyError
from interlock.config.settings import Settings
from interlock.data.errors import BarError
from interlock.kernel.codes import Kind
from interlock.kernel.policy import LARGE
from interlock.research.equity import daily_returns
from interlock.research.inputs import Request, cash_units_of, prepare
from tests.research.makers import FREE, MINUTE_NS, START_NS, bar, flat, rules_of, run, write_bars

COSTLY = FREE.replace("er_fee: 0", "er_fee: 0.001").replace("ed_fee: 0", "ed_fee: 0.001")


def test_a_target_is_reached(tmp_path: Path) -> None:
    """Bought at the next open, 100; the range is 1.00, so the stop is 1.50 below and 2 R is 103."""
    lines = [*flat(), bar(100), bar(101), bar(102, high=103.5), bar(102)]
    found = run(tmp_path, [write_bars(tmp_path, lines)]).results

    trade = found.trades.row(0, named=True)
    assert (trade["entry_price"], trade["exit_price"]) == (100.0, 103.0)
    assert (trade["stop_price"], trade["target_price"]) == (98.5, 103.0)
    assert (trade["quantity"], trade["pnl"], trade["exit_reason"]) == (10.0, 30.0, "TARGET")
    assert (trade["mae"], trade["mfe"], trade["bars_held"]) == (-5.0, 30.0, 2)
    assert found.summary.equity_end == 100_030.0
    assert found.summary.exits == {"TARGET": 1}


def test_one_bar_that_touches_both_is_a_loss(tmp_path: Path) -> None:
    """Nobody knows which came first, so it was the stop."""
    lines = [*flat(), bar(100), bar(100, high=104, low=98), bar(100)]
    found = run(tmp_path, [write_bars(tmp_path, lines)]).results

    trade = found.trades.row(0, named=True)
    assert (trade["exit_price"], trade["pnl"], trade["exit_reason"]) == (98.5, -15.0, "STOP")
    assert found.summary.max_drawdown_pct == pytest.approx(100 * 15 / 100_000)


def test_a_gap_through_the_stop_fills_at_the_open(tmp_path: Path) -> None:
    lines = [*flat(), bar(100), bar(96), bar(96)]
    found = run(tmp_path, [write_bars(tmp_path, lines)]).results

    trade = found.trades.row(0, named=True)
    assert (trade["exit_price"], trade["pnl"]) == (96.0, -40.0)
    assert found.summary.slippage == 0.0  # nobody could have had a better price


def test_slippage_is_in_the_prices_and_is_not_taken_twice(tmp_path: Path) -> None:
    """Ten basis points of 100 at both ends: bought at 100.10, stopped at 98.6 less a tenth."""
    lines = [*flat(), bar(100), bar(100, low=98), bar(100)]
    rules = rules_of(FREE.replace("base_slippage_bps: 0", "base_slippage_bps: 10"))
    found = run(tmp_path, [write_bars(tmp_path, lines)], rules=rules).results

    trade = found.trades.row(0, named=True)
    assert trade["entry_price"] == 100.1
    assert trade["exit_price"] < trade["stop_price"]
    gross = trade["quantity"] * (trade["exit_price"] - trade["entry_price"])
    assert trade["pnl"] == pytest.approx(gross, abs=1e-8)
    worse = trade["quantity"] * (0.1 + trade["stop_price"] - trade["exit_price"])
    assert trade["slippage"] == found.costs.slippage == pytest.approx(worse, abs=1e-8)


def test_fees_are_taken_from_the_profit(tmp_path: Path) -> None:
    """A tenth of a per cent of 1,000 and of 1,030; the exit is what brought 30."""
    lines = [*flat(), bar(100), bar(102, high=103.5), bar(102)]
    found = run(tmp_path, [write_bars(tmp_path, lines)], rules=rules_of(COSTLY)).results

    trade = found.trades.row(0, named=True)
    gross = trade["quantity"] * (trade["exit_price"] - trade["entry_price"])
    assert trade["fees"] == pytest.approx(1.0 + 1.03, abs=0.01)
    assert trade["pnl"] == pytest.approx(gross - trade["fees"], abs=1e-8)
    assert found.costs.fees == trade["fees"] == pytest.approx(found.orders["fees"].sum())


def test_what_is_still_held_is_in_the_equity_and_is_said(tmp_path: Path) -> None:
    lines = [*flat(), bar(100), bar(101)]
    found = run(tmp_path, [write_bars(tmp_path, lines)]).results.summary

    (held,) = found.open_positions
    assert (held.symbol, held.quantity, held.entry_price) == ("BTC_USDT", 10.0, 100.0)
    assert (held.mark, held.unrealised, found.equity_end) == (101.0, 10.0, 100_010.0)
    assert "Still held at the end, and valued at the last close: BTC_USDT." in found.notes


def test_the_account_s_profit_is_the_sum_of_its_trades(tmp_path: Path) -> None:
    """And of what is still held; to the last unit."""
    lines = [*flat(), *[bar(100 + i % 7 - i % 5 / 2) for i in range(120)]]
    path = write_bars(tmp_path, lines)
    told = "buys=" + "+".join(str(i) for i in range(20, 140, 6))
    found = run(tmp_path, [path], told, rules=rules_of(COSTLY)).results

    assert found.summary.trades > 3
    held = sum(one.unrealised for one in found.summary.open_positions)
    paid = found.summary.fees - float(found.trades["fees"].sum())  # of the entry still open
    profit = found.summary.equity_end - found.summary.equity_start
    assert profit == pytest.approx(float(found.trades["pnl"].sum()) + held - paid, abs=1e-6)


def test_a_strategy_s_own_exit_closes_at_the_next_open(tmp_path: Path) -> None:
    lines = [*flat(), bar(100), bar(101), bar(102), bar(102)]
    found = run(tmp_path, [write_bars(tmp_path, lines)], "exits=22").results

    trade = found.trades.row(0, named=True)
    assert (trade["exit_price"], trade["exit_reason"]) == (102.0, "SIGNAL")


def test_several_files_share_one_account(tmp_path: Path) -> None:
    """The second entry sees the cash that the first one holds."""
    lines = [*flat(), bar(100), bar(101)]
    paths = [
        write_bars(tmp_path, lines, "BTC_USDT-5m.csv"),
        write_bars(tmp_path, lines, "ETH_USDT-5m.csv"),
    ]
    rules = rules_of(FREE.replace("fixed_notional: 1000", "fixed_notional: 10000"))
    world = run(tmp_path, paths, rules=rules)

    assert world.results.summary.instruments == 2
    assert world.results.summary.bars == 2 * len(lines)
    assert {one.symbol for one in world.results.summary.open_positions} == {"BTC_USDT", "ETH_USDT"}
    account = world.finished.recording.state["account"]
    assert account["cash_units"][0] == 80_000 * 10**8
    assert world.results.summary.equity_end == 100_200.0


def test_two_quote_currencies_are_refused_by_name(tmp_path: Path) -> None:
    paths = [
        write_bars(tmp_path, flat(), "BTC_USDT-5m.csv"),
        write_bars(tmp_path, flat(), "SPY-5m.csv"),
    ]

    with pytest.raises(BarError, match="BTC_USDT was in USDT and SPY in USD"):
        run(tmp_path, paths)


def test_unknown_volume_caps_nothing_and_is_said(tmp_path: Path) -> None:
    lines = [line.rpartition(",")[0] + ",0" for line in [*flat(), bar(100), bar(101)]]
    world = run(tmp_path, [write_bars(tmp_path, lines)])

    assert world.finished.inputs.world["instruments"]["participation_ppm"][0, 0] == 0
    assert world.results.summary.fills == 1
    assert any("volume is unknown" in note for note in world.results.notes)


def test_a_currency_s_volume_counts_price_changes_and_caps_nothing(tmp_path: Path) -> None:
    lines = [line.rpartition(",")[0] + ",3" for line in [*flat(), bar(100), bar(100)]]
    world = run(tmp_path, [write_bars(tmp_path, lines, "EURUSD-5m.csv")])

    assert world.finished.inputs.world["instruments"]["participation_ppm"][0, 0] == 0
    assert "EURUSD: volume of fx counts price changes, and caps nothing." in world.results.notes


def test_known_volume_caps_our_share_of_a_bar(tmp_path: Path) -> None:
    """A tenth of 50 coins is 5 of the 10 that were ordered: two bars fill them."""
    lines = [line.rpartition(",")[0] + ",50" for line in [*flat(), bar(100), bar(100), bar(100)]]
    found = run(tmp_path, [write_bars(tmp_path, lines)]).results

    assert found.summary.fills == 2
    entry = found.orders.row(0, named=True)
    assert (entry["filled"], entry["outcome"]) == (10.0, "FILLED")


def losing_days() -> list[str]:
    """Return hours on which a day's loss limit is reached, and the days after it."""
    return [*flat(), bar(100), bar(90), *flat(100, 90.0)]


LOSS = FREE.replace("fixed_notional: 1000", "fixed_notional: 20000")
LOSS += "\n    risk: {max_daily_loss_money: 100}"


@pytest.mark.parametrize("operator", [True, False])
def test_a_latch_for_a_person_waits_for_the_simulated_one_or_for_ever(
    tmp_path: Path, operator: bool
) -> None:
    path = write_bars(tmp_path, losing_days(), "BTC_USDT-1h.csv", minutes=60)
    found = run(tmp_path, [path], "buys=20+110", rules=rules_of(LOSS), operator=operator).results

    daily = found.latches.filter(cause="DAILY_LOSS").row(0, named=True)
    assert daily["released_by"] == ("simulated operator" if operator else None)
    released = found.summary.releases.by_cause.get("DAILY_LOSS", 0)
    assert released == (1 if operator else 0)
    assert (found.summary.releases.halted_s > 0) == operator
    assert found.summary.refusals.get("ACCOUNT_LATCHED", 0) == (0 if operator else 1)


def test_nothing_is_opened_in_a_blackout(tmp_path: Path) -> None:
    blackouts = tmp_path / "blackouts.yaml"
    blackouts.write_text(
        "version: 1\ntime_zone: UTC\nblackouts:\n  - {name: news, day: 2023-11-14}\n"
    )
    found = run(tmp_path, [write_bars(tmp_path, flat(30))], blackouts=blackouts).results

    assert found.summary.refusals == {"BLACKOUT": 1}
    assert found.orders["reasons"].to_list() == ["BLACKOUT"]


def test_a_day_of_the_account_is_23_hours_long_when_the_clocks_go_forward(tmp_path: Path) -> None:
    """America/Denver, 10 March 2024; hours from the 8th on, so the returns are of whole days."""
    begin = START_NS + (115 * 24 * 60) * MINUTE_NS  # 8 March 2024
    path = tmp_path / "BTC_USDT-1h.csv"
    lines = [f"{begin + i * 60 * MINUTE_NS},{bar(100)}" for i in range(96)]
    path.write_text("\n".join(["ts,open,high,low,close,volume", *lines]) + "\n")
    world = run(tmp_path, [path])

    facts = world.finished.inputs.facts
    days = facts["ts_ns"][facts["kind"] == Kind.DAY]
    hours = [timedelta(microseconds=int(ns) // 1_000) for ns in days[1:] - days[:-1]]
    assert timedelta(hours=23) in hours
    returns = daily_returns(
        world.finished.recording.equity_units, 10**13, world.finished.tape.bars["close_ns"], days
    )
    assert returns is not None
    assert len(returns) == len(days) + 1


def test_the_same_run_has_the_same_digest_and_another_one_has_not(tmp_path: Path) -> None:
    lines = [*flat(), bar(100), bar(102, high=103.5), bar(102)]
    path = write_bars(tmp_path, lines)
    first = run(tmp_path, [path]).finished.digest

    assert run(tmp_path, [path]).finished.digest == first
    assert run(tmp_path, [path], rules=rules_of(COSTLY)).finished.digest != first
    assert run(tmp_path, [path], operator=False).finished.digest != first
    write_bars(tmp_path, [*lines[:-1], bar(102.01)])
    assert run(tmp_path, [path]).finished.digest != first


def test_a_file_s_name_and_format_are_not_in_the_digest(tmp_path: Path) -> None:
    lines = [*flat(), bar(100), bar(102, high=103.5), bar(102)]
    first = run(tmp_path, [write_bars(tmp_path, lines, "BTC_USDT-5m.csv")]).finished.digest

    again = run(tmp_path, [write_bars(tmp_path, lines, "binance_BTC_USDT-5m.csv")])
    assert again.finished.digest == first


def test_without_a_stop_nothing_is_bought(tmp_path: Path) -> None:
    """The range is not known after three bars."""
    found = run(tmp_path, [write_bars(tmp_path, flat())], "buys=3").results

    assert found.summary.orders == 0
    (reasons,) = found.orders["reasons"].to_list()
    assert "STOP_MISSING" in reasons.split(", ")


@pytest.mark.parametrize("cash", ["0", "-5", "NaN", "1e10", "0.000000001"])
def test_cash_is_an_amount_that_an_account_can_hold(cash: str) -> None:
    with pytest.raises(PolicyError, match="--cash must be above 0"):
        cash_units_of(Decimal(cash))


def test_more_than_64_instruments_use_the_larger_tier(tmp_path: Path) -> None:
    names = [f"X{number:03d}_USDT-5m.csv" for number in range(65)]
    paths = tuple(str(write_bars(tmp_path, flat(3), name)) for name in names)
    inputs = prepare(Request(paths=paths), rules_of(), Settings(home=tmp_path), lambda _: None)

    assert inputs.tier == LARGE
    assert inputs.policy["instruments"].shape == (1, LARGE[0])


def test_it_is_said_when_kelly_has_nothing_left_to_bet(tmp_path: Path) -> None:
    """Two losses are all that the strategy ever had."""
    lines = [*flat(), bar(100), bar(98), *flat(5), bar(98), *flat(5)]
    kelly = "{method: fractional_kelly, kelly_min_trades: 2, max_position_pct: 0.01}"
    policy = FREE.replace("{method: fixed, fixed_notional: 1000}", kelly)
    path = write_bars(tmp_path, lines)
    found = run(tmp_path, [path], "buys=20+25+31", rules=rules_of(policy)).results

    assert found.summary.trades == 2
    assert found.summary.refusals == {"SIZE_IS_ZERO": 1}
    assert any("the strategy's own 2 trades show no edge" in note for note in found.notes)
