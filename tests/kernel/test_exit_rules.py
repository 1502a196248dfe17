"""Where stops and targets go and when an exit is due: pure functions, worked by hand."""

from typing import Any

import numpy as np

from interlock.kernel.codes import Exit
from interlock.kernel.exits import (
    due_exit,
    moved_stop,
    stop_distance,
    target_distance,
    to_ticks_down,
    to_venue_tick,
)
from interlock.kernel.state import INSTRUMENT_STATE
from tests.kernel.helpers import number, open_policy, plain

ATR = "exits.stop_method=StopMethod.ATR exits.stop_atr=1.5 exits.stop_min_ppm=10_000 "
ATR += "exits.stop_max_ppm=50_000"
PERCENT = "exits.stop_method=StopMethod.PERCENT exits.stop_min_ppm=10_000 exits.stop_max_ppm=50_000"
STRUCTURE = PERCENT.replace("PERCENT", "STRUCTURE")


def exits_of(settings: str) -> Any:
    """Return the exits of a policy."""
    return open_policy(settings)["account"]["exits"][0]


def check_stop(settings: str, table: str) -> None:
    """Compare ``price atr side structure | distance`` line by line."""
    for line in table.strip().splitlines():
        arguments, expected = line.split("|")
        price, atr, side, structure = (number(x) for x in arguments.split())
        found = plain(stop_distance)(exits_of(settings), atr, price, side, structure)
        assert found == int(expected), line


def check_target(settings: str, table: str) -> None:
    """Compare ``stop price side model | distance`` line by line."""
    for line in table.strip().splitlines():
        arguments, expected = line.split("|")
        distance, price, side, model = (int(x) for x in arguments.split())
        found = plain(target_distance)(exits_of(settings), distance, price, side, model)
        assert found == int(expected), line


def inst_of(values: str) -> Any:
    """Return the state of an instrument with these fields."""
    inst: Any = np.zeros(1, dtype=INSTRUMENT_STATE)
    for setting in values.split():
        name, _, value = setting.partition("=")
        inst[name] = number(value)
    return inst[0]


def test_an_atr_stop_is_clamped_on_both_sides() -> None:
    """1.5 ATR, at least 1 % and at most 5 % of the price; a fraction of a tick is dropped."""
    check_stop(
        ATR,
        """
        10_000 200.0 1 0  | 300
        10_000 200.0 -1 0 | 300
        10_000 66.7 1 0   | 100
        10_000 67.4 1 0   | 101
        10_000 66.0 1 0   | 100
        10_000 1.0 1 0    | 100
        10_000 333.4 1 0  | 500
        10_000 400.0 1 0  | 500
        10_000 0.0 1 0    | 0
        """,
    )


def test_the_clamps_of_an_odd_price_keep_inside_the_limits() -> None:
    """1 % of 10,050 is 100.5 and becomes 101; 5 % is 502.5 and becomes 502."""
    check_stop(
        ATR,
        """
        10_050 1.0 1 0   | 101
        10_050 999.0 1 0 | 502
        """,
    )


def test_an_atr_that_is_no_number_gives_no_stop() -> None:
    found = plain(stop_distance)(exits_of(ATR), float("nan"), 10_000, 1, 0)

    assert found == 0


def test_a_percentage_stop() -> None:
    """Rounded down, for a nearer stop risks less."""
    check_stop(
        PERCENT + " exits.stop_ppm=20_000",
        """
        10_000 0.0 1 0 | 200
        10_049 0.0 1 0 | 200
        10_050 0.0 1 0 | 201
        """,
    )
    check_stop(PERCENT + " exits.stop_ppm=5_000", "10_000 0.0 1 0 | 100")
    check_stop(PERCENT + " exits.stop_ppm=60_000", "10_000 0.0 -1 0 | 500")


def test_a_stop_at_the_price_the_signal_names() -> None:
    """On the wrong side, at the price itself or not named it is no stop; clamped as well."""
    check_stop(
        STRUCTURE,
        """
        10_000 0.0 1 9_800   | 200
        10_000 0.0 -1 10_200 | 200
        10_000 0.0 1 9_901   | 100
        10_000 0.0 1 9_000   | 500
        10_000 0.0 1 10_000  | 0
        10_000 0.0 1 10_200  | 0
        10_000 0.0 -1 9_800  | 0
        10_000 0.0 1 0       | 0
        """,
    )


def test_a_stop_as_far_away_as_the_price_is_no_stop() -> None:
    """At one tick the clamps leave nothing between the price and zero."""
    check_stop(
        "exits.stop_ppm=1_000_000 exits.stop_max_ppm=1_000_000",
        """
        1 0.0 1 0   | 0
        100 0.0 1 0 | 0
        """,
    )


def test_a_target_is_a_multiple_of_the_risk() -> None:
    """2 R of 150 is 300; 2.5 R of 101 is 252.5 and promises 252. A short cannot fall to zero."""
    check_target("exits.target_multiple=2.0", "150 10_000 1 0 | 300")
    check_target(
        "exits.target_multiple=2.5",
        """
        101 10_000 1 0  | 252
        101 10_000 -1 0 | 252
        101 252 -1 0    | 0
        101 253 -1 0    | 252
        101 100 1 0     | 252
        """,
    )
    check_target("exits.target_multiple=1000000.0", "100 10 1 0 | 10000")


def test_a_target_at_the_price_the_model_names() -> None:
    """On the wrong side of the price it is no target."""
    check_target(
        "exits.target_method=TargetMethod.MODEL",
        """
        150 10_000 1 10_400  | 400
        150 10_000 -1 9_600  | 400
        150 10_000 1 9_600   | 0
        150 10_000 -1 10_400 | 0
        150 10_000 1 0       | 0
        """,
    )


def test_no_target_where_none_is_asked_for() -> None:
    check_target("exits.target_method=TargetMethod.NONE", "150 10_000 1 10_400 | 0")


def test_prices_are_put_on_the_venues_grid() -> None:
    for price, tick, up, expected in (
        (10_010, 25, True, 10_025),
        (10_010, 25, False, 10_000),
        (10_025, 25, True, 10_025),
        (10_025, 25, False, 10_025),
    ):
        assert plain(to_venue_tick)(price, tick, up) == expected, (price, up)


def test_a_distance_becomes_ticks_rounded_down() -> None:
    for distance, expected in ((2.9, 2), (0.9, 0), (-1.0, 0), (50.0, 10), (float("nan"), 0)):
        assert plain(to_ticks_down)(distance, 10) == expected, distance


def check_moved(settings: str, table: str) -> None:
    """Compare ``side entry stop distance best atr | stop`` line by line."""
    for line in table.strip().splitlines():
        arguments, expected = line.split("|")
        side, entry, stop, distance, best, atr = (number(x) for x in arguments.split())
        inst = inst_of(f"stop_price={stop} stop_distance={distance} best={best} atr={atr}")
        found = plain(moved_stop)(exits_of(settings), inst, side, entry)
        assert found == int(expected), line


def test_break_even_moves_the_stop_to_the_entry_once() -> None:
    """From 1 R of profit on, here 200; and never away from where it is."""
    check_moved(
        "exits.break_even_enabled=1 exits.break_even_multiple=1.0",
        """
        1  10_000  9_800 200 10_199 0.0 | 9800
        1  10_000  9_800 200 10_200 0.0 | 10000
        -1 10_000 10_200 200  9_801 0.0 | 10200
        -1 10_000 10_200 200  9_800 0.0 | 10000
        1  10_000 10_050 200 10_300 0.0 | 10050
        """,
    )


def test_a_trailing_stop_follows_the_best_price() -> None:
    """Two ATRs of 50 behind it, nearer only."""
    check_moved(
        "exits.trailing_enabled=1 exits.trailing_atr=2.0",
        """
        1  10_000  9_800 200 10_000 50.0 | 9900
        1  10_000  9_950 200 10_000 50.0 | 9950
        1  10_000  9_800 200 10_300 50.3 | 10200
        -1 10_000 10_200 200 10_000 50.0 | 10100
        -1 10_000 10_050 200 10_000 50.0 | 10050
        1  10_000  9_800 200 10_000 0.0  | 9800
        1  10_000  9_800 200 10_000 9_999.0 | 9800
        """,
    )


def test_nothing_moves_a_stop_that_should_rest() -> None:
    check_moved("", "1 10_000 9_800 200 12_000 50.0 | 9800")


def check_due(settings: str, table: str) -> None:
    """Compare ``fields of the instrument | exit`` line by line."""
    for line in table.strip().splitlines():
        fields, expected = line.split("|")
        found = plain(due_exit)(exits_of(settings), inst_of(fields))
        assert Exit(found).name == expected.strip(), line


def test_time_is_up_after_so_many_bars() -> None:
    check_due(
        "exits.time_periods=48",
        """
        entry_bar=10 bars=57 | NONE
        entry_bar=10 bars=58 | TIME
        """,
    )
    check_due("exits.time_periods=0", "entry_bar=10 bars=9999 | NONE")


def test_volatility_doubles_or_halves() -> None:
    """At twice or half of what it was at entry; where it was nothing there is no ratio."""
    check_due(
        "exits.volatility_enabled=1 exits.volatility_high=2.0 exits.volatility_low=0.5",
        """
        atr_entry=100.0 atr=199.9 | NONE
        atr_entry=100.0 atr=200.0 | VOLATILITY_HIGH
        atr_entry=100.0 atr=50.1  | NONE
        atr_entry=100.0 atr=50.0  | VOLATILITY_LOW
        atr_entry=0.0   atr=50.0  | NONE
        """,
    )
    check_due("exits.volatility_high=2.0", "atr_entry=100.0 atr=500.0 | NONE")
