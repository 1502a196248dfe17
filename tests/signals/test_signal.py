"""What may be said, and what is refused before it reaches anybody."""

import math

import numpy as np
import polars as pl
import pytest

from interlock.kernel.codes import BUY, SELL
from interlock.signals.signal import Signal, SignalError, Signals, gathered
from tests.signals.samples import bars_from

NAN = math.nan
BARS = bars_from([1.0, 2.0, 3.0, 4.0])


def mask(text: str) -> pl.Series:
    """Return a condition on four bars: 1 true, 0 false, - unknown."""
    return pl.Series([{"1": True, "0": False, "-": None}[letter] for letter in text])


def said(signals: Signals) -> dict[int, str]:
    """Return what is said on which bar."""
    return {int(i): str(signals.signal(n)) for n, i in enumerate(signals.index)}


def test_conditions_become_signals() -> None:
    found = Signals.where(BARS, buy=pl.col("close") > 2.5, stop=pl.col("close") * 0.5)

    assert said(found) == {2: "BUY, stop 1.5", 3: "BUY, stop 2"}


@pytest.mark.parametrize(
    ("buy", "sell", "exit_long", "exit_short", "wanted"),
    [
        ("1000", "0100", "0010", "0001", {0: "B", 1: "S", 2: "S exit", 3: "B exit"}),
        ("--1-", "1---", "----", "----", {0: "S", 2: "B"}),
        ("1000", "0000", "1000", "0000", {0: "S exit"}),  # leaving comes before entering
        ("0000", "1000", "0000", "1000", {0: "B exit"}),
        ("1000", "0000", "0000", "1000", {0: "B"}),  # an entry of the same side does both
        ("0000", "1000", "1000", "0000", {0: "S"}),
    ],
)
def test_one_bar_carries_one_signal(
    buy: str, sell: str, exit_long: str, exit_short: str, wanted: dict[int, str]
) -> None:
    found = Signals.where(
        BARS,
        buy=mask(buy),
        sell=mask(sell),
        exit_long=mask(exit_long),
        exit_short=mask(exit_short),
        stop=1.5,
    )

    short = {
        bar: words.replace("BUY", "B").replace("SELL", "S").replace(", exit only", " exit")
        for bar, words in said(found).items()
    }
    assert {bar: words.replace(", stop 1.5", "") for bar, words in short.items()} == wanted
    assert (np.isnan(found.stop) == found.exit_only).all()  # an exit states no numbers


@pytest.mark.parametrize("pair", [("buy", "sell"), ("exit_long", "exit_short")])
def test_a_contradiction_is_refused_with_its_bar(pair: tuple[str, str]) -> None:
    with pytest.raises(SignalError, match="held on one bar") as refused:
        Signals.where(BARS, **{name: mask("0010") for name in pair})

    assert refused.value.bar == 2


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({"buy": pl.col("close")}, "buy must be a condition"),
        ({"buy": mask("1")}, "buy must have a value for each of 4 bars, was 1"),
        ({"buy": mask("1000"), "stop": pl.Series(list("abcd"))}, "stop must be numbers"),
        ({"buy": mask("1000"), "stop": -1.0}, "stop must be a price above 0"),
    ],
)
def test_conditions_and_numbers_of_the_wrong_kind_are_refused(
    given: dict[str, pl.Series | float], why: str
) -> None:
    with pytest.raises(SignalError, match=why):
        Signals.where(BARS, **given)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({"index": [0.5], "side": BUY}, "index must be a list of whole numbers, was float64"),
        ({"index": [NAN], "side": BUY}, "index must be a list of whole numbers"),
        ({"index": [[1]], "side": BUY}, "index must be a list of whole numbers"),
        ({"index": [-1], "side": BUY}, "index must not be negative, was -1"),
        ({"index": [3, 3], "side": BUY}, "must be increasing, one signal a bar, was 3 and then 3"),
        ({"index": [3, 2], "side": BUY}, "index must be increasing"),
        ({"index": [1], "side": 0}, r"side must be BUY \(1\) or SELL \(-1\), was 0"),
        ({"index": [1], "side": [1, 1]}, "side must be one value or one for each of 1"),
        ({"index": [1], "side": ["BUY"]}, "side must be numbers"),
        ({"index": [1], "side": BUY, "stop": 0.0}, "stop must be a price above 0"),
        ({"index": [1], "side": BUY, "target": -1.0}, "target must be a price above 0"),
        ({"index": [1], "side": BUY, "edge_bps": math.inf}, "edge_bps must be a finite number"),
        ({"index": [1], "side": BUY, "score": -math.inf}, "score must be a finite number"),
    ],
)
def test_arrays_that_make_no_sense_are_refused(given: dict[str, object], why: str) -> None:
    with pytest.raises(SignalError, match=why):
        Signals.at(**given)  # type: ignore[arg-type]


def test_a_side_that_does_not_fit_its_type_is_not_wrapped_into_one_that_does() -> None:
    for side in (257, -255, 1.5):
        with pytest.raises(SignalError, match="side must be BUY"):
            Signals.at([0], side=side)


def test_arrays_of_another_type_are_refused_when_made_directly() -> None:
    good = Signals.at([1, 2], BUY)
    whole = {name: getattr(good, name) for name in Signals.__slots__}

    with pytest.raises(SignalError, match="index must be an array of int64, was int32"):
        Signals(**(whole | {"index": good.index.astype(np.int32)}))
    with pytest.raises(SignalError, match="stop must be an array of float64, was list"):
        Signals(**(whole | {"stop": [NAN, NAN]}))
    with pytest.raises(SignalError, match=r"score must have the shape of index \(2,\)"):
        Signals(**(whole | {"score": good.score[:1]}))


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({"side": 0}, "side must be BUY"),
        ({"side": NAN}, "side must be BUY"),
        ({"side": "BUY"}, "side must be BUY"),
        ({"side": BUY, "stop": "9"}, "stop must be a number, was '9'"),
        ({"side": BUY, "stop": 0.0}, "stop must be a price above 0"),
        ({"side": BUY, "target": math.inf}, "target must be a price above 0"),
        ({"side": BUY, "score": math.inf}, "score must be a finite number"),
    ],
)
def test_a_signal_that_makes_no_sense_is_refused(given: dict[str, object], why: str) -> None:
    with pytest.raises(SignalError, match=why):
        Signal(**given)  # type: ignore[arg-type]


def test_signals_found_bar_by_bar_are_gathered() -> None:
    one = Signal(side=BUY, edge_bps=12.5, stop=9.0, target=12.0, score=0.25)
    two = Signal(side=SELL, exit_only=True)

    found = gathered([(3, one), (8, two)])

    assert found.index.tolist() == [3, 8]
    assert found.signal(0) == one
    assert str(one) == "BUY, edge_bps 12.5, stop 9, target 12, score 0.25"
    assert str(found.signal(1)) == str(two) == "SELL, exit only"
    assert gathered([]).index.size == 0
