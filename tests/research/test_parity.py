"""Parity: backtest, paper and journal of a session are the same, or the difference is shown."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, cast

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from interlock.config.settings import Settings
from interlock.data.bars import sample_path
from interlock.journal.errors import JournalError
from interlock.journal.rows import Entry, RowKind
from interlock.kernel.codes import Cause, Kind, Level
from interlock.kernel.records import ROW, Rows, rows
from interlock.research.inputs import Request, prepare
from interlock.research.parity import Parity, parity
from interlock.runtime.entries import events_of
from interlock.signals.frames import StrategyError
from tests.research.makers import FREE, bar, flat, rules_of
from tests.research.sessions import (
    LINES,
    SLOW,
    Rewritten,
    inputs_of,
    recording,
    session_of,
)

if TYPE_CHECKING:
    from interlock.journal.port import Store

BORROWED = FREE + (
    "    risk: {allow_margin: true, allow_shorting: true}\n"
    "    strategies: {default: {margin: true, leverage: 2}}\n"
    "    simulation: {funding_fraction: 0.001, funding_interval_hours: 8}\n"
)


def same(found: Parity) -> None:
    """Fail with what differs."""
    assert found.identical, "\n".join(found.lines())


def any_funding(store: "Store") -> bool:
    """Return whether anything was paid for what is borrowed."""
    return any((events_of(row.entry)["kind"] == Kind.FUNDING).any() for row in store.read())


@pytest.mark.parametrize("text", [FREE, SLOW])
def test_a_recorded_session_is_identical(tmp_path: Path, text: str) -> None:
    found = parity(recording(tmp_path, inputs_of(tmp_path, rules=rules_of(text))))

    same(found)
    assert found.bars == len(LINES)
    assert found.intents.paper == found.intents.same > 8
    assert found.fills.paper == found.fills.same >= 3
    assert found.intents.unfinished == 0
    assert found.notes == ()


def test_instruments_that_close_together_keep_their_order(tmp_path: Path) -> None:
    other = [*flat(25), bar(100), bar(97), *flat(6)]
    same(parity(recording(tmp_path, inputs_of(tmp_path, [LINES, other]))))


@pytest.mark.parametrize(
    ("name", "file", "strategy"),
    [
        ("sample:GOOG", "GOOG-1d.csv", "donchian_breakout"),
        ("sample:EURUSD", "EURUSD-1h.csv", "donchian_breakout"),
    ],
)
def test_real_bars_are_identical(tmp_path: Path, name: str, file: str, strategy: str) -> None:
    lines = sample_path(name).read_text().splitlines()[:250]
    path = tmp_path / file
    path.write_text("\n".join(lines) + "\n")
    text = BORROWED
    request = Request(
        paths=(str(path),),
        strategy=strategy,
        parameters=("strategy.long_only=false",),
        operator=False,
    )
    inputs = prepare(request, rules_of(text), Settings(home=tmp_path), lambda _: None)

    store = recording(tmp_path, inputs)
    found = parity(store)

    same(found)
    assert found.intents.same > 0
    assert found.fills.same > 0
    assert any_funding(store)


@pytest.mark.parametrize("feed", [4, 21, 22, 23, 27, 31])
@pytest.mark.parametrize("text", [FREE, SLOW])
def test_a_recording_that_was_broken_off_is_compared_as_far_as_both_got(
    tmp_path: Path, feed: int, text: str
) -> None:
    session = session_of(tmp_path, inputs_of(tmp_path, rules=rules_of(text)))
    session.run_until(lambda: session.engine.progress.feed == feed)
    session.commit()
    session.crash()

    same(parity(session.store))


def test_a_session_that_was_stopped_and_gone_on_with_is_identical(tmp_path: Path) -> None:
    session = session_of(tmp_path, inputs_of(tmp_path))
    session.run_until(lambda: session.engine.progress.feed == 10)
    session.run_until(lambda: session.engine.progress.feed == 12)
    session.stop()
    session.run()
    session.stop("ended")

    found = parity(session.store)
    same(found)
    assert "started 2 times" in found.notes[0]


def halt(level: Level, instrument: int = -1) -> Rows:
    """Return what an operator who stops an account, or one instrument, asks."""
    row = rows(1)
    row["kind"] = Kind.HALT
    row["code"] = Cause.SAFE_MODE
    row["level"] = level
    row["instrument"] = instrument
    return row


@pytest.mark.parametrize("feed", [5, 21, 22, 25, 28])
@pytest.mark.parametrize("level", [Level.PAUSED, Level.KILLED])
def test_what_an_operator_asked_comes_at_its_place(tmp_path: Path, feed: int, level: Level) -> None:
    session = session_of(tmp_path, inputs_of(tmp_path))
    session.run_until(lambda: session.engine.progress.feed == feed)
    row = halt(level)
    row["ts_ns"] = row["src_ts_ns"] = session.engine.now_ns()
    assert session.engine.operate(row)
    session.run()
    session.stop("ended")

    same(parity(session.store))


@settings(max_examples=12)
@given(
    moves=st.lists(st.integers(-3, 3), min_size=8, max_size=20),
    buys=st.sets(st.integers(20, 38), max_size=6),
    exits=st.sets(st.integers(20, 38), max_size=4),
    slow=st.booleans(),
    both=st.booleans(),
    asked=st.dictionaries(
        st.integers(18, 60),
        st.sampled_from([Level.REDUCED, Level.PAUSED, Level.HALTED, Level.KILLED, None]),
        max_size=3,
    ),
)
def test_whatever_happens_is_identical(
    tmp_path_factory: pytest.TempPathFactory,
    moves: list[int],
    buys: set[int],
    exits: set[int],
    slow: bool,
    both: bool,
    asked: dict[int, Level | None],
) -> None:
    """Prices, signals, latency, operators who stop things, and engines that are started again."""
    folder = tmp_path_factory.mktemp("chance")
    price = 100.0
    lines = flat()
    for move in moves:
        price += move
        lines.append(bar(price))
    said = {"buys": "+".join(map(str, buys)) or "99", "exits": "+".join(map(str, exits)) or "98"}
    rules = rules_of(SLOW if slow else FREE)
    tables = [lines, list(reversed(lines[20:])) + lines[:20]] if both else lines
    session = session_of(folder, inputs_of(folder, tables, said, rules))
    session.start()
    for feed, level in sorted(asked.items()):
        while session.engine.progress.feed < feed and session.step():
            pass
        if level is None:
            session.settle()
            session.stop()
            session.start()
        else:
            row = halt(level)
            row["ts_ns"] = row["src_ts_ns"] = session.engine.now_ns()
            assert session.engine.operate(row)
    session.run()
    session.stop("ended")

    same(parity(session.store))


def test_between_two_bars_that_close_together_too(tmp_path: Path) -> None:
    """The second instrument's signal on the same close has to be refused in both."""
    session = session_of(tmp_path, inputs_of(tmp_path, [LINES, LINES]))
    session.run_until(lambda: session.engine.progress.feed == 41)
    row = halt(Level.PAUSED)
    row["ts_ns"] = row["src_ts_ns"] = session.engine.now_ns()
    assert session.engine.operate(row)
    session.run()
    session.stop("ended")

    same(parity(session.store))


def test_a_policy_that_was_changed_meanwhile_holds_from_its_place_on(tmp_path: Path) -> None:
    inputs = inputs_of(tmp_path)
    half = inputs_of(tmp_path, rules=rules_of(FREE.replace("1000", "500")))
    session = session_of(tmp_path, inputs)
    session.run_until(lambda: session.engine.progress.feed == 24)
    session.engine.set_policy(half.policy, half.rules.content())
    session.run()
    session.stop("ended")

    found = parity(session.store)
    same(found)
    assert found.fills.same == 4


def larger(entry: Entry) -> Entry:
    """Return an entry in which what the kernel ordered for an entry is one lot more."""
    if entry.kind is not RowKind.EVENT:
        return entry
    table = np.frombuffer(entry.body, dtype=ROW).copy()
    table["qty"][(table["kind"] == Kind.SUBMIT) & (table["role"] == 1)] += 1
    return replace(entry, body=table.tobytes())


def test_the_first_difference_is_shown_on_both_sides(tmp_path: Path) -> None:
    found = parity(cast("Store", Rewritten(recording(tmp_path), larger)))

    assert not found.identical
    assert found.intents.first is not None
    assert found.intents.first.place == 2
    assert "10.00000001 BTC" in found.intents.first.paper
    assert "10.00000000 BTC" in found.intents.first.backtest
    assert len(found.intents.only_paper) == len(found.intents.only_backtest) == 2
    assert found.fills.identical
    assert "must replay at record" in found.replay
    lines = list(found.lines())
    assert "DIFFER" in lines[0]
    assert any("first difference at number 2" in line for line in lines)
    assert found.as_json()["identical"] is False


def test_a_strategy_that_says_something_else_now_is_found(tmp_path: Path) -> None:
    store = recording(tmp_path)
    path = tmp_path / "scripted.py"
    path.write_text(path.read_text().replace("sides < 0", "sides < 2"))

    found = parity(store)

    assert not found.identical
    assert not found.replay
    assert found.fills.backtest == 0


def test_a_strategy_that_is_gone_is_named(tmp_path: Path) -> None:
    store = recording(tmp_path)
    (tmp_path / "scripted.py").unlink()

    with pytest.raises(StrategyError, match=r"scripted\.py must exist"):
        parity(store)


def test_a_journal_without_its_market_data_cannot_be_compared(tmp_path: Path) -> None:
    session = session_of(tmp_path, inputs_of(tmp_path))
    session.run_until(lambda: session.engine.progress.feed == 24)
    seq = session.snapshot(RowKind.SEGMENT)
    session.run()
    session.store.drop_bodies(up_to_seq=seq, before_ts_ns=2**62)

    with pytest.raises(JournalError, match="must have all of its market data"):
        parity(session.store)
