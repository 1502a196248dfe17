"""The numbers on the page, worked by hand, and what happens when there are too many or none."""

from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import polars as pl
import pytest

from interlock.research.report_data import refusals
from interlock.research.report_latches import latch_data
from interlock.research.report_series import (
    BARS_MAX,
    EQUITY_POINTS_MAX,
    bars_data,
    equity_data,
    joined_bars,
    months,
    numbers,
    thinned,
    times,
)
from interlock.research.report_trades import (
    ROWS_MAX,
    chosen,
    cost_data,
    exits,
    spread_data,
    trade_rows,
    win_loss,
)
from interlock.research.results import Costs
from tests.research.report_samples import LATCH_TYPES, TIME, TRADE_TYPES, made_results

NAN = float("nan")
FREE = Costs(fees=0.0, slippage=0.0, funding=0.0)


def trades(pnl: list[float | None], **columns: Any) -> pl.DataFrame:
    """Return trades with these results, and other columns as given or empty."""
    given = {"pnl": pnl, "trade_id": [f"o-{n}" for n in range(len(pnl))], **columns}
    return pl.DataFrame(
        {name: given.get(name, [None] * len(pnl)) for name in TRADE_TYPES}, schema=TRADE_TYPES
    )


def day(month: int, number: int, year: int = 2024) -> datetime:
    return datetime(year, month, number, tzinfo=UTC)


def equity(points: dict[datetime, float]) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "ts": pl.Series(list(points), dtype=TIME),
            "equity": list(points.values()),
            "drawdown_pct": [0.0] * len(points),
        }
    )


# --- trades -----------------------------------------------------------------------------------


def test_win_rate_and_profit_factor() -> None:
    """A trade of zero is neither won nor lost, but it is a trade."""
    found = win_loss(trades([30.0, -10.0, 0.0, 10.0], bars_held=[1, 2, 3, 6]))

    assert (found["won"], found["lost"]) == (2, 1)
    assert found["win_rate_pct"] == 50.0
    assert found["profit_factor"] == 4.0
    assert found["average_won"] == 20.0
    assert found["average_lost"] == -10.0
    assert found["average_bars"] == 3.0


@pytest.mark.parametrize("pnl", [[], [NAN], [None], [5.0]])
def test_without_a_loss_there_is_no_profit_factor(pnl: list[float | None]) -> None:
    assert win_loss(trades(pnl))["profit_factor"] is None


def test_time_in_a_position_counts_overlapping_trades_once() -> None:
    frame = trades(
        [1.0, 1.0, 1.0],
        entry_ts=[day(1, 1), day(1, 2), day(1, 10)],
        exit_ts=[day(1, 3), day(1, 5), day(1, 11)],
    )

    assert win_loss(frame)["in_market_s"] == 5 * 86_400


def test_exits_are_counted_and_summed_by_cause() -> None:
    frame = trades([5.0, -3.0, NAN, 4.0], exit_reason=["TARGET", "STOP", "STOP", "STOP"])

    found = {row["reason"]: (row["count"], row["won"], row["pnl"]) for row in exits(frame)}
    assert found == {"STOP": (3, 1, 1.0), "TARGET": (1, 1, 5.0)}


def test_costs_are_basis_points_of_what_was_entered() -> None:
    """Two entries of 10,000: fees of 16 are 8 bps, slippage of 20 is 10."""
    frame = trades(
        [100.0, -50.0],
        return_pct=[1.0, -0.5],
        fees=[8.0, 8.0],
        slippage=[12.0, 8.0],
        funding=[0.0, 0.0],
        quantity=[1.0, 1.0],
        entry_price=[1.0, 1.0],
    )
    found = cost_data(frame, Costs(fees=20.0, slippage=25.0, funding=0.0), assumed_bps=18.0)

    parts = {part["name"]: part for part in found["parts"]}
    assert parts["fees"]["bps"] == pytest.approx(8.0)
    assert parts["slippage"]["bps"] == pytest.approx(10.0)
    assert parts["fees"]["total"] == 20.0  # an open position's entry was paid for as well
    assert (found["net"], found["gross"]) == (50.0, 86.0)


def test_a_trade_of_zero_is_weighed_by_quantity_and_price() -> None:
    frame = trades(
        [0.0], return_pct=[0.0], fees=[1.0], slippage=[0.0], funding=[0.0], quantity=[10.0],
        entry_price=[100.0],
    )  # fmt: skip

    parts = cost_data(frame, FREE, assumed_bps=None)["parts"]
    assert [part["bps"] for part in parts if part["name"] == "fees"] == [10.0]


def test_zero_is_an_edge_of_the_spread() -> None:
    """No bar may mix trades that won with trades that lost."""
    spread = spread_data(trades([-3.0, -0.01, 0.01, 7.0, NAN]))["pnl"]

    edges, counts = spread["edges"], spread["counts"]
    assert 0.0 in edges
    zero = edges.index(0.0)
    assert (sum(counts[:zero]), sum(counts[zero:])) == (2, 2)
    assert spread["mean"] == pytest.approx(1.0)


def test_every_trade_is_in_the_spread_however_far_out() -> None:
    values = [float(x) for x in range(-500, 500)] + [1e9, -1e9]

    assert sum(spread_data(trades(list(values)))["pnl"]["counts"]) == len(values)


def test_results_that_are_all_zero_have_a_spread() -> None:
    assert sum(spread_data(trades([0.0, 0.0]))["pnl"]["counts"]) == 2


def test_what_no_measure_knows_is_left_out() -> None:
    assert list(spread_data(trades([1.0]))) == ["pnl"]


def test_too_many_trades_keep_the_best_and_the_worst() -> None:
    frame = trades([float(x * 7_919 % 50_021) for x in range(50_000)])

    kept = chosen(frame)
    assert kept.height <= ROWS_MAX
    assert kept["pnl"].max() == frame["pnl"].max()
    assert kept["pnl"].min() == frame["pnl"].min()
    assert kept["trade_id"][0] == "o-0"
    assert trade_rows(frame)["total"] == 50_000


def test_a_trade_with_gaps_is_a_row_with_gaps() -> None:
    rows = trade_rows(trades([NAN]))

    assert rows["pnl"] == [None]
    assert rows["exit_ms"] == [None]
    assert rows["symbol"] == {"names": [""], "rows": [0]}


# --- series -----------------------------------------------------------------------------------


def test_times_unpack_to_what_they_were() -> None:
    moments = [day(1, 1) + timedelta(milliseconds=n * n * 250) for n in range(50)]
    packed = times(pl.Series(moments, dtype=TIME))

    found = packed["start"] + packed["unit"] * np.cumsum(packed["steps"])
    assert found.tolist() == [round(x.timestamp() * 1_000) for x in moments]
    assert packed["unit"] == 250


def test_what_is_no_number_is_none() -> None:
    assert numbers(pl.Series([1.0, NAN, float("inf"), None]), 9) == [1.0, None, None, None]
    assert numbers(pl.Series([1, 2]), 9) == [1.0, 2.0]


def test_months_compound_to_their_year() -> None:
    frame = equity(
        {
            day(1, 5): 101.0,
            day(1, 31): 110.0,
            day(2, 28): 99.0,
            day(12, 31): 120.0,
            day(1, 15, 2025): 126.0,
        }
    )
    first, second = months(frame, equity_start=100.0)

    assert first["months"] == [10.0, -10.0, *[None] * 9, 21.2121]
    assert first["total"] == 20.0
    assert (second["year"], second["months"][0], second["total"]) == (2025, 5.0, 5.0)


def test_a_lost_account_has_no_further_months() -> None:
    frame = equity({day(1, 31): 0.0, day(2, 28): 10.0})

    assert months(frame, equity_start=100.0)[0]["months"][:2] == [-100.0, None]
    assert months(frame.clear(), equity_start=100.0) == []


def test_thinning_keeps_the_ends_the_lowest_and_the_deepest() -> None:
    count = 100_000
    value = np.cumsum(np.sin(np.arange(count) ** 1.3))
    peak = np.maximum.accumulate(value + 5_000)
    frame = pl.DataFrame(
        {
            "ts": pl.Series([day(1, 1) + timedelta(minutes=n) for n in range(count)], dtype=TIME),
            "equity": value + 5_000,
            "drawdown_pct": (peak - value - 5_000) / peak * 100,
        }
    )
    thin = thinned(frame, EQUITY_POINTS_MAX)

    assert thin.height <= EQUITY_POINTS_MAX
    assert thin["ts"].is_sorted()
    assert thin["equity"].min() == frame["equity"].min()
    assert thin["drawdown_pct"].max() == frame["drawdown_pct"].max()
    assert thin.row(0) == frame.row(0)
    assert thin.row(-1) == frame.row(-1)
    assert len(equity_data(frame)["equity"]) == thin.height


def test_joined_bars_keep_first_open_extremes_and_last_close() -> None:
    frame = pl.DataFrame(
        {
            "ts": pl.Series([day(1, n) for n in (1, 2, 3)], dtype=TIME),
            "open": [10.0, 11.0, 12.0],
            "high": [15.0, 14.0, 13.0],
            "low": [9.0, 8.0, 11.0],
            "close": [11.0, 12.0, 12.5],
        }
    )

    rows = joined_bars(frame, 2).drop("row").rows()
    assert rows[0][1:] == (10.0, 15.0, 8.0, 12.0)
    assert rows[1][1:] == (12.0, 13.0, 11.0, 12.5)


def test_symbols_share_the_room_for_bars() -> None:
    results = made_results(symbols=("A", "B", "C"), bars=20_000, trades=0, latched=False)

    data = bars_data(results.bars, {"A": 5, "B": 1, "C": 1})
    assert sum(len(bars["close"]) for bars in data) <= BARS_MAX
    assert [bars["joined"] for bars in data] == [10, 2, 2]


# --- refusals and latches ---------------------------------------------------------------------


def test_refusals_are_sorted_and_dated() -> None:
    orders = pl.DataFrame(
        {
            "ts": pl.Series([day(1, 1), day(1, 2), day(1, 3)], dtype=TIME),
            "outcome": ["REFUSED", "FILLED", "REFUSED"],
            "reason": ["DATA_STALE", None, "DATA_STALE"],
        }
    )
    found = refusals(orders, {"BLACKOUT": 1, "DATA_STALE": 2})

    assert [row["reason"] for row in found] == ["DATA_STALE", "BLACKOUT"]
    assert found[0]["first_ms"] == round(day(1, 1).timestamp() * 1_000)
    assert found[0]["last_ms"] == round(day(1, 3).timestamp() * 1_000)
    assert found[1]["first_ms"] is None


def latch(level: str, first: int, last: int | None, **more: Any) -> dict[str, Any]:
    until = last if last is not None else first
    row = {
        "set_ts": day(1, first),
        "released_ts": day(1, last) if last else None,
        "cause": "DRAWDOWN",
        "scope": "ACCOUNT",
        "level": level,
        "released_by": "rule" if last else None,
        "seconds": (until - first) * 86_400.0,
    }
    return {name: (row | more).get(name) for name in LATCH_TYPES}


def latches(*rows: dict[str, Any], one_symbol: bool = True) -> dict[str, Any]:
    end_ms = round(day(1, 31).timestamp() * 1_000)
    frame = pl.DataFrame(rows, schema=LATCH_TYPES)
    return latch_data(frame, last_ms=end_ms, one_symbol=one_symbol)


def test_stopped_time_counts_overlapping_latches_once() -> None:
    found = latches(latch("HALTED", 1, 5), latch("PAUSED", 3, 8, cause="ATR_SPIKE"))

    assert found["stopped_s"] == 7 * 86_400
    assert len(found["stopped"]) == 1


def test_a_latch_that_stops_nothing_is_no_stopped_time() -> None:
    found = latches(latch("WARNED", 1, 5), latch("REDUCED", 7, 9))

    assert (found["stopped_s"], found["total"]) == (0, 2)


def test_a_latch_that_is_still_set_lasts_to_the_end() -> None:
    found = latches(latch("HALTED", 21, None))

    assert found["stopped_s"] == 10 * 86_400
    assert found["causes"][0]["still_set"] == 1


def test_one_instrument_of_several_does_not_stop_the_run() -> None:
    row = latch("PAUSED", 1, 5, scope="INSTRUMENT", subject="GOOG")

    assert latches(row)["stopped_s"] == 4 * 86_400
    assert latches(row, one_symbol=False)["stopped_s"] == 0


def test_what_the_operator_released_is_counted_and_timed() -> None:
    found = latches(
        latch("HALTED", 1, 5, released_by="simulated operator"), latch("HALTED", 10, 11)
    )

    (cause,) = found["causes"]
    assert (cause["count"], cause["operator_count"]) == (2, 1)
    assert (cause["seconds"], cause["operator_s"]) == (5 * 86_400, 4 * 86_400)


def test_without_a_latch_there_is_nothing_to_draw() -> None:
    found = latches()

    assert (found["rows"], found["total"], found["stopped_s"]) == ([], 0, 0)
