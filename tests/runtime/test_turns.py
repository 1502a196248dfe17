"""Strategies at their turn, and the simulated person beside a recording."""

from typing import Any

import pytest

from interlock.kernel.codes import BUY, SELL, Cause, Flag, Kind, Level, Release
from interlock.kernel.records import Row, rows
from interlock.runtime.operator import FOR_PEOPLE, releases
from interlock.runtime.turns import Scale, Turns, bar_of
from interlock.signals.signal import Bar, Signal
from interlock.sim.loop import OPERATOR
from interlock.venues.port import Turn
from tests.runtime.pair import Pair
from tests.runtime.scripts import BEGIN_NS, PRICE, SCALES, Scripted, strategy_of


def bar_row(close: int, instrument: int = 0, at: int = 1) -> Row:
    """Return a durable bar."""
    row = rows(1)
    row["kind"] = Kind.BAR
    row["instrument"] = instrument
    row["value"] = BEGIN_NS + at
    row["ts_ns"] = row["src_ts_ns"] = BEGIN_NS + at + 60
    for name in ("open", "high", "low", "close"):
        row[name] = close
    row["volume"] = 1_234
    found: Row = row[0]
    return found


def turns_of(**script: Any) -> Turns:
    """Return the turns of a scripted strategy."""
    return Turns(strategy_of(**script), 1, SCALES)


def test_a_bar_is_seen_in_its_own_units() -> None:
    """Prices and volume by their digits; its time is when it opened."""
    scale = Scale(symbol="X", price_digits=2, qty_digits=3)
    bar = bar_of(bar_row(1_005), scale)
    assert (bar.close, bar.volume, bar.ts_ns) == (10.05, 1.234, BEGIN_NS + 1)


def test_what_is_proposed_becomes_a_signal_of_that_strategy() -> None:
    """Heard now, decided on the bar's close."""
    turns = turns_of(buys=(PRICE,), sells=(PRICE + 1,))
    found = turns.speak([bar_row(PRICE), bar_row(5), bar_row(PRICE + 1, 2)], BEGIN_NS + 999)
    assert [(int(one["side"][0]), int(one["instrument"][0])) for one in found] == [
        (BUY, 0),
        (SELL, 2),
    ]
    assert all(one["kind"][0] == Kind.SIGNAL and one["strategy"][0] == 1 for one in found)
    assert all(one["src_ts_ns"][0] == BEGIN_NS + 61 for one in found)
    assert all(one["ts_ns"][0] == BEGIN_NS + 999 for one in found)
    early = turns.speak([bar_row(PRICE)], 5)
    assert early[0]["ts_ns"][0] == BEGIN_NS + 61, "never before its bar"


def test_an_exit_may_only_close() -> None:
    """It says so in its flags."""

    class Leaving(Scripted):
        def on_bar(self, bar: Bar) -> Signal | None:
            return Signal(side=SELL, exit_only=bar.close > 0)

    strategy = strategy_of()
    other = type(strategy)(name="one", source="one", definition=Leaving())
    (found,) = Turns(other, 0, SCALES).speak([bar_row(PRICE)], BEGIN_NS)
    assert found["flags"][0] & Flag.EXIT_ONLY


def test_a_strategy_that_fails_is_silenced_and_its_entries_are_paused() -> None:
    """What it said before on the same turn is heard; a person has to look."""
    turns = turns_of(buys=(PRICE,), fails=13)
    found = turns.speak([bar_row(PRICE), bar_row(13), bar_row(PRICE)], BEGIN_NS)
    assert [int(one["kind"][0]) for one in found] == [Kind.SIGNAL, Kind.HALT]
    halt = found[1][0]
    assert (halt["code"], halt["level"], halt["strategy"]) == (Cause.SAFE_MODE, Level.PAUSED, 1)
    assert turns.failure is not None
    assert "the strategy of a test fails" in turns.failure.said
    assert turns.speak([bar_row(PRICE)], BEGIN_NS) == []


def test_the_engine_goes_on_without_a_strategy_that_failed() -> None:
    """Its positions are kept, its entries are refused, and status says why."""
    pair = Pair(replay=True, script={"fails": 13, "buys": (PRICE,)}).open()
    pair.tell(pair.venue.bar(13), pair.venue.beat(1, Turn.IF_QUIET))
    assert pair.book.story()[-1] == "LATCHED SAFE_MODE PAUSED on strategy 0"
    pair.tell(pair.venue.bar(PRICE), pair.venue.beat(2, Turn.IF_QUIET))
    assert pair.said[-1].beat == 2  # type: ignore[union-attr]
    assert pair.requests() == []
    assert pair.turns.failure is not None
    pair.signal()
    assert pair.book.story()[-1].startswith("REFUSED entry")


class Counting(Scripted):
    """Buys on every third bar it has seen."""

    def start(self) -> "Count":  # type: ignore[override]
        """Return a fresh count."""
        return Count()


class Count:
    """How many bars were seen."""

    def __init__(self) -> None:
        self.bars = 0

    def on_bar(self, _: Bar) -> Signal | None:
        """Return a signal on every third."""
        self.bars += 1
        return Signal(side=BUY) if self.bars % 3 == 0 else None


@pytest.mark.parametrize("remembered", range(8))
def test_a_strategy_that_remembers_goes_on_as_if_nothing_had_happened(remembered: int) -> None:
    """What it said on what it has seen is not said again."""
    strategy = type(strategy_of())(name="one", source="one", definition=Counting())
    bars = [bar_row(PRICE + at, at % 2, at) for at in range(8)]

    def said(turns: Turns, some: list[Row]) -> list[bytes]:
        return [one.tobytes() for bar in some for one in turns.speak([bar], BEGIN_NS)]

    whole = Turns(strategy, 0, SCALES)
    before, after = said(whole, bars[:remembered]), said(whole, bars[remembered:])
    again = Turns(strategy, 0, SCALES)
    again.remember(bars[:remembered])
    assert said(again, bars[remembered:]) == after
    assert len(before) + len(after) == 2


def test_a_strategy_that_fails_on_what_it_has_seen_is_silenced() -> None:
    """Positions are looked after all the same: the engine starts, and it opens nothing."""
    turns = turns_of(fails=13)

    turns.remember([bar_row(13), bar_row(12)])

    assert turns.failure is not None
    assert "strategy one failed" in turns.failure.said
    assert turns.speak([bar_row(12)], BEGIN_NS) == []


# --- the simulated person ---------------------------------------------------------------------


def latched(*latches: tuple[Cause, int, int, int], cooldown_ns: int = 0) -> Any:
    """Return a state with latches: cause, scope, scope id, release."""
    state = Pair().engine.decider.state.copy()
    table = state["latches"][0]
    table[:] = 0
    for place, (cause, scope, number, release) in enumerate(latches):
        table[place]["cause"] = cause
        table[place]["scope"] = scope
        table[place]["scope_id"] = number
        table[place]["release"] = release
        table[place]["cooldown_until_ns"] = cooldown_ns
    state["account"]["latches"] = len(latches)
    return state


def resumed(state: Any, now_ns: int = 100) -> list[tuple[str, int, int]]:
    """Return what is released: cause, instrument, strategy."""
    found = []
    for row in releases(state, now_ns):
        assert row["kind"][0] == Kind.RESUME
        assert row["payload_id"][0] == OPERATOR
        name = Cause(row["code"][0]).name
        found.append((name, int(row["instrument"][0]), int(row["strategy"][0])))
    return found


def test_what_waits_for_a_person_is_released_last_set_first() -> None:
    """Of the account, an instrument and a strategy; as the backtest does."""
    person = int(Release.PERSON)
    state = latched(
        (Cause.MAX_DRAWDOWN, 1, 0, person),
        (Cause.OVERFILL, 3, 2, person),
        (Cause.SPREAD, 3, 2, person),
        (Cause.DRIFT, 2, 1, person | Release.CONDITION),
        (Cause.FEED_LAG, 1, 0, Release.CONDITION),
    )
    assert resumed(state) == [("DRIFT", -1, 1), ("SPREAD", 2, -1), ("MAX_DRAWDOWN", -1, -1)]


def test_what_has_not_cooled_down_waits() -> None:
    """Until it has."""
    state = latched((Cause.DAILY_LOSS, 1, 0, int(Release.PERSON)), cooldown_ns=200)
    assert resumed(state, 199) == []
    assert resumed(state, 200) == [("DAILY_LOSS", -1, -1)]


def test_a_person_who_has_released_it_is_not_asked_again() -> None:
    """The rest of what it needs is still to happen."""
    state = latched((Cause.DAILY_LOSS, 1, 0, int(Release.PERSON)))
    state["latches"][0, 0]["met"] = Release.PERSON
    assert resumed(state) == []


@pytest.mark.parametrize("cause", sorted(FOR_PEOPLE))
def test_what_was_killed_is_for_people_alone(cause: int) -> None:
    """Nor does it release what nobody can explain."""
    assert resumed(latched((Cause(cause), 1, 0, int(Release.PERSON)))) == []


@pytest.mark.parametrize("has_operator", [True, False])
def test_the_person_comes_when_a_day_begins(has_operator: bool) -> None:
    """If the configuration asks for one, and a recording is played."""
    pair = Pair(replay=True, simulated_operator=has_operator).open()
    halt = rows(1)
    halt["kind"] = Kind.HALT
    halt["code"] = Cause.DRIFT
    halt["level"] = Level.PAUSED
    halt["ts_ns"] = halt["src_ts_ns"] = pair.engine.now_ns()
    pair.engine.operate(halt)
    pair.pump()
    assert pair.book.story()[-1].startswith("LATCHED DRIFT")
    day = pair.venue.bar()
    day.rows["kind"] = Kind.DAY
    day.rows["instrument"] = -1
    for name in ("open", "high", "low", "close", "volume", "value"):
        day.rows[name] = 0
    pair.tell(day, pair.venue.beat(1))
    assert (pair.book.story()[-1] == "RELEASED DRIFT") == has_operator
