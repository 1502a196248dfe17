"""Crashes anywhere: what was acknowledged is there, nothing is sent twice, the books agree."""

from collections import Counter
from pathlib import Path

import pytest

from interlock.kernel.codes import Kind
from interlock.research.replay import verify_replay
from interlock.runtime.entries import commands_of, events_of
from tests.research.sessions import inputs_of, recording, session_of
from tests.runtime.harness import Crash, InProcess, crash_at

EVERY = 17  # of some 400 points; all of them takes minutes


def check(session: InProcess) -> None:
    """Fail unless journal, engine and venue say the same, and every order went out once."""
    journal = Counter[tuple[int, int]]()
    ordered: list[int] = []
    for row in session.store.read():
        for event in events_of(row.entry):
            if event["kind"] == Kind.FILL:
                journal[int(event["ext_hi"]), int(event["ext_lo"])] += 1
        commands = commands_of(row.entry)
        ordered += commands["order_id"][commands["kind"] == Kind.SUBMIT].tolist()
    venue = session.desk.exchange.venue
    ours = session.engine.decider.state

    assert set(journal.values()) <= {1}
    assert journal.total() == int(venue["trades"][0])
    assert len(ordered) == len(set(ordered))
    assert ours["instruments"]["position"].tolist() == venue["instruments"]["position"].tolist()
    assert int(ours["account"]["equity_units"][0]) == session.desk.exchange.account(0).equity_units
    verify_replay(session.store)


def test_a_session_without_a_crash_ends_with_equal_books(tmp_path: Path) -> None:
    session = session_of(tmp_path, inputs_of(tmp_path))
    session.run()

    assert session.epoch == 1
    assert session.engine.progress.ended
    assert set(session.points) == {"decided", "sending", "sent", "telling", "heard"}
    check(session)


@pytest.mark.parametrize("first", range(1, EVERY, 4))
def test_an_engine_that_crashes_anywhere_goes_on(tmp_path: Path, first: int) -> None:
    """At every seventeenth point, and again a while after each start."""
    inputs = inputs_of(tmp_path)
    for number in range(first, 400, EVERY * 4):
        folder = tmp_path / str(number)
        folder.mkdir()
        session = session_of(folder, inputs, at=crash_at(number), group=1 + number % 3)
        session.run()
        assert session.epoch == 2
        check(session)


def test_one_that_crashes_again_and_again_gets_to_the_end(tmp_path: Path) -> None:
    passed = 0

    def at(_point: str) -> None:
        nonlocal passed
        passed += 1
        if passed % 45 == 0:
            raise Crash

    session = session_of(tmp_path, inputs_of(tmp_path), at=at)
    session.run()

    assert session.epoch > 5
    check(session)


@pytest.mark.parametrize("point", [60, 186, 200, 260, 300])
def test_a_venue_that_crashes_is_asked_what_became_of_everything(
    tmp_path: Path, point: int
) -> None:
    session = session_of(tmp_path, inputs_of(tmp_path), ledger=tmp_path / "venue.db")
    session.start()
    session.run_until(lambda: session.points.total() >= point)
    session.crash_venue()
    session.run()

    assert session.epoch == 1
    check(session)


def test_a_crash_with_nothing_in_the_air_changes_nothing(tmp_path: Path) -> None:
    """The engine dies between two beats: the fills are those of a session without a crash."""
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    whole.mkdir()
    broken.mkdir()
    plain = recording(whole, inputs_of(whole))
    session = session_of(broken, inputs_of(broken))
    session.run_until(lambda: session.engine.progress.feed == 12)
    session.run_until(lambda: session.engine.progress.feed == 13)
    session.crash()
    session.run()

    assert fills(session.store) == fills(plain)
    assert session.recovered is not None
    assert session.recovered.remembered.starts[0][1] == 1


def fills(store: object) -> list[tuple[int, int, int]]:
    """Return time, quantity and price of every fill."""
    return [
        (int(event["ts_ns"]), int(event["qty"]), int(event["price"]))
        for row in store.read()  # type: ignore[attr-defined]
        for event in events_of(row.entry)
        if event["kind"] == Kind.FILL
    ]
