"""Signals as kernel rows: what is where, and how prices are rounded."""

import math
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from interlock.kernel.codes import BUY, SELL, Flag, Kind
from interlock.kernel.records import ROW
from interlock.signals.frames import StrategyError
from interlock.signals.rows import edge_to_bps, stop_to_ticks, target_to_ticks, to_rows
from interlock.signals.signal import Signals

NAN = math.nan
CLOSE_NS = np.arange(10, dtype=np.int64) * 60 + 59


def test_a_row_holds_what_the_signal_said() -> None:
    signals = Signals.at(
        [2, 5, 9],
        [BUY, SELL, SELL],
        exit_only=[False, True, False],
        edge_bps=[12.9, 5.0, NAN],
        stop=[9.871, 1.0, NAN],
        target=[10.129, 1.0, 8.001],
        score=[0.5, NAN, -2.0],
    )

    table, places = to_rows(
        signals,
        instrument=3,
        strategy=1,
        price_digits=2,
        position=np.arange(10, dtype=np.int64) * 4 + 1,
        close_ns=CLOSE_NS,
    )

    assert table.dtype == ROW
    assert places.tolist() == [9, 21, 37]
    wanted = {
        "kind": [Kind.SIGNAL] * 3,
        "version": [1] * 3,
        "instrument": [3] * 3,
        "strategy": [1] * 3,
        "side": [1, -1, -1],
        "flags": [0, Flag.EXIT_ONLY, 0],
        "ts_ns": [179, 359, 599],
        "src_ts_ns": [179, 359, 599],
        "edge_bps": [12, 0, 0],
        "has_edge": [1, 0, 0],
        "stop_ticks": [988, 0, 0],
        "target_ticks": [1012, 0, 801],
        "score": [0.5, 0.0, -2.0],
    }
    for name in ROW.names or ():
        assert table[name].tolist() == wanted.get(name, [0] * 3), name


def test_no_signal_is_no_row() -> None:
    table, places = to_rows(
        Signals.at([], BUY),
        instrument=0,
        strategy=0,
        price_digits=2,
        position=slice(0, 10),
        close_ns=CLOSE_NS,
    )

    assert table.size == places.size == 0


def test_the_bars_of_a_single_set_lie_in_one_piece() -> None:
    _, places = to_rows(
        Signals.at([0, 9], BUY),
        instrument=0,
        strategy=0,
        price_digits=2,
        position=slice(0, 10),
        close_ns=CLOSE_NS,
    )

    assert places.tolist() == [0, 9]


@given(
    price=st.decimals("0.01", "10000", places=6),
    digits=st.integers(0, 8),
    side=st.sampled_from([BUY, SELL]),
)
def test_stops_and_targets_round_toward_the_entry(price: Decimal, digits: int, side: int) -> None:
    """Compared with exact decimals: nearer to the entry, by less than a tick, never beyond."""
    exact = price * 10**digits
    up = int(exact.to_integral_value(ROUND_CEILING))
    down = int(exact.to_integral_value(ROUND_FLOOR))
    prices, sides = np.array([float(price)]), np.array([side], dtype=np.int8)

    if up > 0 and (side == BUY or down > 0):
        assert stop_to_ticks(prices, sides, price_digits=digits) == (up if side == BUY else down)
    if up > 0 and (side == SELL or down > 0):
        assert target_to_ticks(prices, sides, price_digits=digits) == (down if side == BUY else up)


@given(ticks=st.integers(1, 10**9), digits=st.integers(0, 8), side=st.sampled_from([BUY, SELL]))
def test_a_price_on_the_grid_stays_there(ticks: int, digits: int, side: int) -> None:
    """0.29 * 100 is 28.999999999999996, and is meant to be 29."""
    prices, sides = np.array([ticks / 10**digits]), np.array([side], dtype=np.int8)

    assert stop_to_ticks(prices, sides, price_digits=digits) == ticks
    assert target_to_ticks(prices, sides, price_digits=digits) == ticks


@pytest.mark.parametrize("price", [0.001, 2.0**41])
def test_a_price_that_is_no_tick_is_refused(price: float) -> None:
    """A short position's stop of a tenth of a cent would round to 0, which means none."""
    prices, sides = np.array([price]), np.array([SELL], dtype=np.int8)

    with pytest.raises(StrategyError, match=r"a signal's stop must be from 1 to .* was"):
        stop_to_ticks(prices, sides, price_digits=2)


def test_an_edge_is_never_rounded_up() -> None:
    found = edge_to_bps(np.array([12.9, -0.1, NAN, 1e300, -1e300]))

    assert found.tolist() == [12, -1, 0, 1_000_000, -1_000_000]
