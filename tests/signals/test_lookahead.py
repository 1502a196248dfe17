"""The lookahead check finds each way to cheat, and lets what is honest pass."""

from collections.abc import Callable

import polars as pl
import pytest
from pydantic import BaseModel, PrivateAttr

from interlock.kernel.codes import BUY
from interlock.signals import lookahead
from interlock.signals.loading import load_strategy
from interlock.signals.lookahead import check_lookahead
from interlock.signals.signal import Bar, Signal, Signals
from interlock.signals.strategy import Strategy
from tests.signals.samples import START_NS, bars_from, walk

BARS = bars_from(walk(1_500, seed=5))
close = pl.col("close")
Rule = Callable[[pl.DataFrame], Signals]


class Ruled(BaseModel, frozen=True, extra="forbid"):
    """Does what a rule says."""

    _rules: list[Rule] = PrivateAttr(default_factory=list)

    def signals(self, bars: pl.DataFrame) -> Signals:
        return self._rules[0](bars)


class ForgetsToStart(BaseModel, frozen=True, extra="forbid"):
    """Shares what it remembers between instruments."""

    _seen: list[Bar] = PrivateAttr(default_factory=list)

    def start(self) -> "ForgetsToStart":
        return self

    def on_bar(self, bar: Bar) -> Signal | None:
        self._seen.append(bar)
        return Signal(side=BUY) if len(self._seen) % 7 == 0 else None


class Disagrees(BaseModel, frozen=True, extra="forbid"):
    """Its two forms differ by one bar, from the third signal on."""

    def signals(self, bars: pl.DataFrame) -> Signals:
        return Signals.at(
            range(10, bars.height, 10), BUY, stop=[9.0] * len(range(10, bars.height, 10))
        )

    def start(self) -> "Counter":
        return Counter()


class Counter:
    """Counts bars."""

    def __init__(self) -> None:
        self.count = -1

    def on_bar(self, bar: Bar) -> Signal | None:
        assert bar.close > 0
        self.count += 1
        late = self.count > 25
        due = self.count > 0 and (self.count - late) % 10 == 0
        return Signal(side=BUY, stop=9.0) if due else None


def strategy(definition: BaseModel) -> Strategy:
    """Return a strategy as the loader would."""
    return Strategy(name="mine", source="mine", definition=definition)


def buying(condition: pl.Expr, **numbers: pl.Expr) -> Strategy:
    """Return a strategy that buys where a condition holds."""
    ruled = Ruled()
    ruled._rules.append(lambda bars: Signals.where(bars, buy=condition, **numbers))
    return strategy(ruled)


def z_score(column: pl.Expr) -> pl.Expr:
    """Return a column normalised by all of its values, later ones too."""
    return (column - column.mean()) / column.std()


HONEST = {
    "a shift back": buying(close > close.shift(1)),
    "a rolling mean": buying(close > close.rolling_mean(20)),
    "an exponential mean": buying(close > close.ewm_mean(span=20, adjust=False)),
    "a rolling z-score": buying((close - close.rolling_mean(50)) / close.rolling_std(50) > 1.5),
    "an extreme so far": buying(close > close.cum_max().shift(1), stop=close.rolling_min(3)),
}
CHEATS = {
    "shift(-1)": buying(close.shift(-1) > close * 1.005),
    "shift(-20), rarely": buying((close.shift(-20) > close * 1.06) & (close < close.shift(1))),
    "a centred window": buying(close < close.rolling_mean(9, center=True) * 0.995),
    "a z-score of the whole column": buying(z_score(close) < -1.5),
    "a later high": buying(pl.col("high").shift(-3).rolling_max(3) > close * 1.01),
    "a later low as the stop": buying(close > close.shift(1), stop=pl.col("low").shift(-1)),
    "the best close of all": buying(close == close.min()),
    "a rank over all": buying(close.rank() < 50),
    "reversed and back": buying(close.reverse().cum_max().reverse() == close),
    "a value filled from behind": buying(
        pl.when(pl.int_range(pl.len()) % 5 == 0).then(close).fill_null(strategy="backward") > close
    ),
}


@pytest.mark.parametrize("name", HONEST)
def test_what_looks_back_passes(name: str) -> None:
    report = check_lookahead(HONEST[name], BARS)

    assert report.passed, report.text()
    assert report.proves
    assert report.text().startswith("strategy mine said the same without later bars.")


@pytest.mark.parametrize("name", CHEATS)
@pytest.mark.parametrize("seed", [0, 1])
def test_what_looks_ahead_is_caught(name: str, seed: int) -> None:
    report = check_lookahead(CHEATS[name], BARS, seed=seed)

    assert not report.passed
    assert report.difference is not None
    assert report.difference.ts_ns == BARS["ts"][report.difference.index]
    assert "with the first" in report.text()


@pytest.mark.parametrize("name", ["ema_cross", "donchian_breakout", "rsi_reversion"])
def test_the_built_ins_pass(name: str) -> None:
    report = check_lookahead(load_strategy(name), BARS)

    assert report.passed, report.text()
    assert report.forms_compared
    assert report.cuts > 200


def test_the_first_bar_that_differs_is_named_with_what_was_said() -> None:
    """Closes 1 1 1 2 1 2: the rise to bar 3 is known at bar 2 by one who looks ahead."""
    bars = bars_from([1, 1, 1, 2, 1, 2])
    report = check_lookahead(buying(close.shift(-1) > close), bars)

    assert report.difference == lookahead.Difference(
        index=2,
        ts_ns=START_NS + 2 * 60_000_000_000,
        whole="BUY",
        other="nothing",
        form="with the first 3 bars only",
    )
    assert (
        "The first bar that differs is 2, 2023-11-14T22:15:20Z: with all bars it said BUY; "
        "with the first 3 bars only it said nothing." in report.text()
    )


def test_two_forms_that_disagree_are_caught() -> None:
    report = check_lookahead(strategy(Disagrees()), BARS)

    assert report.difference is not None
    assert (report.difference.index, report.difference.form) == (30, "bar by bar")
    assert (report.difference.whole, report.difference.other) == ("BUY, stop 9", "nothing")


def test_a_memory_shared_between_instruments_is_caught() -> None:
    assert not check_lookahead(strategy(ForgetsToStart()), BARS.head(100)).passed


@pytest.mark.parametrize("count", [0, 1, 2, 30])
def test_without_a_signal_nothing_is_proved(count: int) -> None:
    report = check_lookahead(buying(close < 0), BARS.head(count))

    assert report.passed
    assert not report.proves
    assert "this proves nothing" in report.text()


def test_the_work_is_bounded_and_progress_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lookahead, "BARS_MAX", 6_000)
    monkeypatch.setattr(lookahead, "TICK_BARS", 500)
    told: list[tuple[int, int]] = []

    report = check_lookahead(
        load_strategy("ema_cross"), BARS, progress=lambda done, work: told.append((done, work))
    )

    assert report.cuts > 5
    assert told[-1][0] == told[-1][1] <= 6_000 + BARS.height
    assert [done for done, _ in told][:3] == [500, 1_000, 1_500]
    assert [done for done, _ in told] == sorted(done for done, _ in told)


def test_the_places_to_cut_come_from_the_seed() -> None:
    whole = load_strategy("ema_cross").signals(BARS)

    first, again, other = (lookahead._cuts(BARS.height, whole, seed, 100_000) for seed in (1, 1, 2))

    assert first == again != other
    assert all(0 < cut < BARS.height for cut in first)
    assert sum(first) <= 100_000
