"""A strategy of somebody's own: derived forms, and what happens when it goes wrong."""

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from pydantic import BaseModel, PrivateAttr

from interlock.kernel.codes import BUY, SELL
from interlock.signals.frames import SCHEMA, StrategyError, as_bars, bars_of, frame_of, when
from interlock.signals.loading import load_strategy
from interlock.signals.signal import Bar, Signal, Signals
from interlock.signals.strategy import Strategy
from tests.signals.samples import START_NS, bars_from, walk

BARS = bars_from([1.0, 2.0, 3.0, 2.0, 4.0])
FILE = Path(__file__).name


class AllAtOnce(BaseModel, frozen=True, extra="forbid"):
    """Buy a close above the mean of all closes so far."""

    def signals(self, bars: pl.DataFrame) -> Signals:
        mean = pl.col("close").cum_sum() / pl.int_range(1, pl.len() + 1)
        return Signals.where(bars, buy=pl.col("close") > mean, stop=pl.col("close") / 2)


class StepByStep(BaseModel, frozen=True, extra="forbid"):
    """The same, bar by bar."""

    def start(self) -> "Mean":
        return Mean()


class Mean:
    """A mean that grows."""

    def __init__(self) -> None:
        self.total, self.count = 0.0, 0

    def on_bar(self, bar: Bar) -> Signal | None:
        self.total += bar.close
        self.count += 1
        above = bar.close > self.total / self.count
        return Signal(side=BUY, stop=bar.close / 2) if above else None


class Says(BaseModel, frozen=True, extra="forbid"):
    """Whatever a test wants it to say."""

    _answers: list[Callable[[object], object]] = PrivateAttr(default_factory=list)

    def signals(self, bars: pl.DataFrame) -> object:
        return self._answers[0](bars)

    def start(self) -> object:
        return self._answers[1](None)


def strategy(definition: BaseModel) -> Strategy:
    """Return a strategy as the loader would."""
    return Strategy(name="mine", source="mine", definition=definition)


def saying(
    signals: Callable[[Any], object] = lambda _: None,
    start: Callable[[Any], object] = lambda _: None,
) -> Strategy:
    """Return a strategy whose two forms are these functions."""
    says = Says()
    says._answers.extend([signals, start])
    return strategy(says)


class Does:
    """A watcher whose answer is a function."""

    def __init__(self, answer: Callable[[Bar], object]) -> None:
        self.on_bar = answer


def test_each_form_is_derived_from_the_other() -> None:
    bars = bars_from(walk(120))
    once, steps = strategy(AllAtOnce()), strategy(StepByStep())

    found = [
        form(bars).index.tolist()
        for one in (once, steps)
        for form in (one.signals, one.signals_bar_by_bar)
    ]

    assert len(found[0]) > 10
    assert found == [found[0]] * 4
    assert (once.vectorised, once.bar_by_bar) == (True, False)
    assert (steps.vectorised, steps.bar_by_bar) == (False, True)
    assert once.signals_bar_by_bar(bars).stop.tolist() == steps.signals(bars).stop.tolist()


def test_no_bars_give_no_signals() -> None:
    for one in (strategy(AllAtOnce()), strategy(StepByStep())):
        assert one.signals(BARS.head(0)).index.size == 0
        assert one.signals_bar_by_bar(BARS.head(0)).index.size == 0


def test_the_author_sees_six_columns_of_fixed_types() -> None:
    """So that the same file works on every source; other columns exist in a backtest only."""
    seen: list[pl.DataFrame] = []

    def look(bars: pl.DataFrame) -> Signals:
        seen.append(bars)
        return Signals.at([], BUY)

    clock = pl.from_epoch(BARS["ts"] // 1_000, time_unit="us")
    for ts in (
        BARS["ts"],
        clock,
        clock.dt.replace_time_zone("UTC"),
        clock.dt.replace_time_zone("UTC").dt.convert_time_zone("America/New_York"),
    ):
        saying(look).signals(
            BARS.with_columns(
                ts.alias("ts"), pl.col("volume").cast(pl.Int32), extra=pl.lit("x")
            ).select(reversed([*BARS.columns, "extra"]))
        )

    assert all(frame.schema == SCHEMA for frame in seen)
    assert all(frame.equals(seen[0]) for frame in seen)
    assert frame_of(list(bars_of(seen[0]))).equals(seen[0])
    assert seen[0].row(0)[0].timestamp() * 10**9 == START_NS


@pytest.mark.parametrize(
    ("frame", "why"),
    [
        (BARS.drop("volume", "low"), "missing was low, volume"),
        (BARS.with_columns(ts=pl.col("ts").cast(pl.String)), "must be nanoseconds or a datetime"),
        (BARS.with_columns(close=pl.Series([1.0, None, 2, 3, 4])), "none in 1 of column close"),
    ],
)
def test_a_frame_that_is_not_bars_is_refused(frame: pl.DataFrame, why: str) -> None:
    with pytest.raises(StrategyError, match=why):
        as_bars(frame)


def divide(_: object) -> object:
    """Fail as an author's code does."""
    return 1 / 0


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (divide, f"on 5 bars up to 2023-11-14T22:17:20Z: {FILE} line .*: ZeroDivisionError: "),
        (lambda _: [1, 2], "signals must return Signals, was list"),
        (lambda _: None, "signals must return Signals, was NoneType"),
        (lambda _: Signals.at([5], BUY), "index must be below 5, the number of bars, was 5"),
        (lambda _: Signals.at([math.nan], BUY), "index must be a list of whole numbers"),
        (
            lambda _: Signals.at([1], BUY, stop=[-1.0]),
            "at bar 1, 2023-11-14T22:14:20Z: .* stop must be a price above 0",
        ),
        (lambda bars: bars["nope"], "ColumnNotFoundError"),
    ],
)
def test_a_strategy_that_goes_wrong_is_named_with_bar_and_line(
    answer: Callable[[pl.DataFrame], object], why: str
) -> None:
    with pytest.raises(StrategyError, match=why) as refused:
        saying(answer).signals(BARS)

    assert str(refused.value).startswith("strategy mine failed ")
    assert str(refused.value).endswith(
        "Next: correct the strategy; nothing was traded on this signal."
    )
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (divide, "at the bar of 2023-11-14T22:13:20Z: .* ZeroDivisionError"),
        (lambda _: BUY, "on_bar must return a Signal or None, was int"),
        (lambda _: Signal(side=0), "side must be BUY"),
        (lambda bar: Signal(side=SELL, stop=-bar.close), "stop must be a price above 0"),
    ],
)
def test_a_bar_that_goes_wrong_is_named(answer: Callable[[Bar], object], why: str) -> None:
    watch = saying(start=lambda _: Does(answer)).start()

    with pytest.raises(StrategyError, match=why):
        watch.on_bar(next(bars_of(as_bars(BARS))))


def test_an_error_in_a_derived_form_is_told_once() -> None:
    class Fails(BaseModel, frozen=True, extra="forbid"):
        def signals(self, bars: pl.DataFrame) -> object:
            return divide(bars)

    with pytest.raises(StrategyError) as refused:
        strategy(Fails()).signals_bar_by_bar(BARS)

    assert str(refused.value).count("strategy mine failed") == 1
    assert "on 1 bars up to 2023-11-14T22:13:20Z" in str(refused.value)


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (divide, "strategy mine failed: .* ZeroDivisionError"),
        (lambda _: 3, "start must return an object with on_bar, was int"),
    ],
)
def test_a_start_that_goes_wrong_is_named(answer: Callable[[Bar], object], why: str) -> None:
    with pytest.raises(StrategyError, match=why):
        saying(start=answer).start()


def test_a_strategy_describes_itself() -> None:
    text = load_strategy("ema_cross", {"fast": "5"}).describe()

    assert (
        text
        == """\
ema_cross: Buy where a fast average of closes first exceeds a slow one, sell where it falls below.
  fast: Bars in the fast average. (a whole number from 1 to 100000; 5)
  slow: Bars in the slow average; none trade before. (a whole number from 2 to 100000; 26)
  long_only: True: never propose to sell short. (true or false; true)
  exit_on_cross: When long only: close the position on a cross down. (true or false; true)
  Forms: vectorised and bar by bar."""
    )
    assert "bar by bar is derived, and slow" in strategy(AllAtOnce()).describe()
    assert "vectorised is derived" in strategy(StepByStep()).describe()


def test_times_are_written_for_people() -> None:
    assert when(START_NS) == "2023-11-14T22:13:20Z"
    assert when(START_NS + 5) == "2023-11-14T22:13:20.000000005Z"
