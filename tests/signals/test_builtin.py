"""The built-in strategies: both forms agree, and the benchmark's rule is the one it says."""

import math

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from interlock.kernel.codes import BUY, SELL
from interlock.signals.loading import DEFAULT, load_strategy
from interlock.signals.signal import Signals
from interlock.signals.strategy import Strategy
from tests.signals.samples import Floats, awkward, bars_from, walk

SHORT: dict[str, dict[str, object]] = {
    "ema_cross": {"fast": 2, "slow": 5},
    "donchian_breakout": {"entry": 5, "exit": 3},
    "rsi_reversion": {"period": 5, "oversold": 40, "overbought": 60},
}
names = pytest.mark.parametrize("name", SHORT)
either = pytest.mark.parametrize("long_only", [True, False])


def both_forms(strategy: Strategy, bars: pl.DataFrame) -> Signals:
    """Return the signals, which both forms have to agree on exactly."""
    whole, steps = strategy.signals(bars), strategy.signals_bar_by_bar(bars)
    assert whole.index.tolist() == steps.index.tolist()
    assert whole.side.tolist() == steps.side.tolist()
    assert whole.exit_only.tolist() == steps.exit_only.tolist()
    return whole


def reference_entries(close: Floats, fast: int, slow: int) -> list[int]:
    """Return the benchmark's entries, from its definition and nothing else."""
    found = []
    quick = late = close[0]
    above = False
    for i, value in enumerate(close):
        if i > 0:
            quick += 2 / (fast + 1) * (value - quick)
            late += 2 / (slow + 1) * (value - late)
        if quick > late and not above and i >= slow:
            found.append(i)
        above = quick > late
    return found


def test_the_default_is_the_benchmark() -> None:
    close = walk(5_000, seed=7)
    strategy = load_strategy(DEFAULT, {"exit_on_cross": "false"})

    found = strategy.signals(bars_from(close))

    assert strategy.name == "ema_cross"
    assert found.index.tolist() == reference_entries(close, 12, 26)
    assert found.index.size == 85
    assert (found.side == BUY).all()
    assert not found.exit_only.any()


def test_a_cross_down_leaves_and_does_not_sell_short_unless_asked() -> None:
    bars = bars_from(walk(2_000))

    leaves = load_strategy("ema_cross").signals(bars)
    shorts = load_strategy("ema_cross", {"long_only": False}).signals(bars)

    assert leaves.index.tolist() == shorts.index.tolist()
    assert (leaves.exit_only == (leaves.side == SELL)).all()
    assert not shorts.exit_only.any()


@names
@either
@given(seed=st.integers(0, 2**32), count=st.integers(0, 400))
def test_both_forms_agree_on_any_walk(name: str, seed: int, count: int, *, long_only: bool) -> None:
    both_forms(
        load_strategy(name, SHORT[name] | {"long_only": long_only}), bars_from(walk(count, seed))
    )


@names
@either
@given(closes=st.lists(st.sampled_from([1.0, 1.5, 2.0, 2.5]), max_size=80))
def test_both_forms_agree_where_prices_are_equal_all_the_time(
    name: str, closes: list[float], *, long_only: bool
) -> None:
    both_forms(load_strategy(name, SHORT[name] | {"long_only": long_only}), bars_from(closes))


@names
@either
@pytest.mark.parametrize("case", awkward(5))
def test_both_forms_agree_on_an_awkward_series(name: str, case: str, *, long_only: bool) -> None:
    close = awkward(5)[case]
    strategy = load_strategy(name, SHORT[name] | {"long_only": long_only})

    found = both_forms(strategy, bars_from(close))

    if case in {"none", "one", "two", "one too few", "constant"}:
        assert found.index.size == 0


@names
def test_every_built_in_says_something_and_states_no_numbers(name: str) -> None:
    found = both_forms(load_strategy(name), bars_from(walk(3_000)))

    assert found.index.size > 10
    assert (found.side == BUY).any()
    assert found.exit_only.any()
    for values in (found.edge_bps, found.stop, found.target, found.score):
        assert np.isnan(values).all()
    assert not load_strategy(name).edge_required


def test_a_breakout_is_judged_by_the_bars_before_it() -> None:
    """The close of a bar is compared with earlier highs; its own would never be exceeded."""
    bars = bars_from([10, 10, 10, 10, 11, 12, 9, 8])

    found = load_strategy("donchian_breakout", {"entry": 3, "exit": 2}).signals(bars)

    assert [(int(i), str(found.signal(n))) for n, i in enumerate(found.index)] == [
        (4, "BUY"),
        (6, "SELL, exit only"),
    ]


def test_a_reversion_buys_low_and_leaves_half_way() -> None:
    bars = bars_from([10, 9, 8, 7, 9, 12, 12, 13])

    found = load_strategy("rsi_reversion", {"period": 2}).signals(bars)

    assert [(int(i), str(found.signal(n))) for n, i in enumerate(found.index)] == [
        (2, "BUY"),
        (4, "SELL, exit only"),
    ]


@names
def test_a_watch_is_fresh_for_every_instrument(name: str) -> None:
    strategy = load_strategy(name, SHORT[name])
    bars = bars_from(walk(200))

    once = strategy.signals_bar_by_bar(bars)
    again = strategy.signals_bar_by_bar(bars)

    assert once.index.tolist() == again.index.tolist()


def test_signals_after_a_hole_are_those_of_the_bars_after_it() -> None:
    """A NaN never reaches a strategy from a file; if one did, it would not poison the rest."""
    before, after = walk(60, seed=3), walk(200, seed=4)
    close = np.concatenate([before, [math.nan], after])
    strategy = load_strategy("ema_cross", SHORT["ema_cross"])

    found = both_forms(strategy, bars_from(close))
    alone = strategy.signals(bars_from(after))

    assert found.index[found.index > 60].tolist() == (alone.index + 61).tolist()
