"""What the kill latch says is what the kernel obeys; and an engine that nobody watches pauses."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from interlock.config.latch import Mode
from interlock.config.latch_file import LatchFile
from interlock.kernel.codes import SELL, Cause, Kind, Level
from interlock.runtime.clock import NS_PER_S
from interlock.runtime.entries import events_of
from interlock.runtime.link import Phase
from interlock.runtime.reconcile import halt_row
from interlock.runtime.stopping import ENGINE, Stopping, StopRules
from interlock.venues.port import Cancel, NewOrder
from tests.runtime.pair import Pair, holding
from tests.runtime.stops import ABSENT_NS, GRACEFUL_NS, WORDS, World


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    found = World(tmp_path, Pair().open())
    yield found
    found.latch.close()


# --- the latch file ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("mode", "cause", "level"),
    [
        ("immediate", "KILL_IMMEDIATE", "KILLED"),
        ("graceful", "KILL_GRACEFUL", "HALTED"),
        ("pause", "KILL_PAUSE", "PAUSED"),
    ],
)
def test_the_mode_of_the_file_is_what_the_kernel_obeys(
    world: World, mode: Mode, cause: str, level: str
) -> None:
    """Within a quarter of a second, and with the words of whoever killed in the journal; once."""
    world.file(mode)
    world.pass_time(0.5)

    assert world.causes() == {cause: level}
    (said,) = world.words(Kind.HALT)[-1:]
    assert (said["mode"], said["reason"], said["who"]) == (mode, *WORDS.values())
    halts = len(world.words(Kind.HALT))
    world.pass_time(5)
    assert len(world.words(Kind.HALT)) == halts


def test_what_is_set_before_a_start_holds_before_anything_is_connected(tmp_path: Path) -> None:
    world = World(tmp_path, Pair())
    world.file("immediate")

    assert world.stopping.look() == world.engine.decider.seq
    assert world.pair.phase() is Phase.AWAY
    assert world.causes()["KILL_IMMEDIATE"] == "KILLED"
    assert world.stopping.look() is None


@pytest.mark.parametrize("how", ["missing", "garbage", "readable by others"])
def test_a_file_that_cannot_be_believed_halts_and_closes_nothing(tmp_path: Path, how: str) -> None:
    pair, _, _ = holding()
    world = World(tmp_path, pair)
    asked = len(pair.requests())
    if how == "missing":
        world.latch.path.unlink()
    elif how == "garbage":
        world.latch.path.write_bytes(b"{")
    else:
        world.latch.path.chmod(0o644)
    world.pass_time(1)

    assert world.causes() == {"KILL_FILE": "HALTED"}
    assert world.words(Kind.HALT)[-1]["what"] == "kill_file"
    assert len(pair.requests()) == asked


def test_a_stricter_kill_is_followed_and_a_lesser_one_changes_nothing(tmp_path: Path) -> None:
    pair, stop, target = holding()
    world = World(tmp_path, pair)
    world.file("pause")
    world.pass_time(0.5)
    assert world.causes() == {"KILL_PAUSE": "PAUSED"}

    world.file("immediate")
    world.pass_time(0.5)

    assert world.causes() == {"KILL_PAUSE": "PAUSED", "KILL_IMMEDIATE": "KILLED"}
    gone = {x.client_id for x in pair.requests() if isinstance(x, Cancel)}
    assert gone == {stop.client_id, target.client_id}
    world.file("graceful")
    world.pass_time(0.5)
    assert "KILL_GRACEFUL" not in world.causes()


def test_a_lost_file_that_is_killed_over_is_killed(world: World) -> None:
    """Both are set then; the file's own halt is no kill whose time runs."""
    world.latch.path.unlink()
    world.pass_time(0.5)
    world.file("graceful")
    world.pass_time(0.5)

    assert world.causes() == {"KILL_FILE": "HALTED", "KILL_GRACEFUL": "HALTED"}


def test_a_table_without_room_is_not_filled_with_halts(world: World) -> None:
    """The halt for want of room stops as much, and nothing is written at every look."""
    state = world.engine.decider.state
    for number in range(127):
        cause = (Cause.DISK, Cause.MEMORY)[number % 2]
        world.engine.operate_now(halt_row(0, Level.WARNED, world.engine.now_ns(), cause))
        state["latches"][0, number]["cause"] = 36 + number  # others, as if there were so many
        state["account"]["latches"] = number + 1
    world.file("immediate")
    world.pass_time(1)

    assert world.causes().get("IMPOSSIBLE_STATE") == "KILLED"
    halts = len(world.words(Kind.HALT))
    world.pass_time(2)
    assert len(world.words(Kind.HALT)) == halts


# --- a graceful kill --------------------------------------------------------------------------


def test_a_graceful_kill_keeps_positions_and_closes_what_is_left_after_its_time(
    tmp_path: Path,
) -> None:
    pair, stop, target = holding()
    world = World(tmp_path, pair)
    world.kill("graceful")
    asked = len(pair.requests())
    world.pass_time(GRACEFUL_NS / NS_PER_S - 1)
    assert world.causes() == {"KILL_GRACEFUL": "HALTED"}
    assert len(pair.requests()) == asked

    world.pass_time(1.5)

    assert world.causes()["KILL_IMMEDIATE"] == "KILLED"
    assert [x.client_id for x in pair.requests()[asked:]] == [stop.client_id, target.client_id]
    latch = world.latch.read()
    assert (latch.mode, latch.who) == ("immediate", ENGINE)
    assert world.words(Kind.HALT)[-1]["who"] == ENGINE
    world.pass_time(2)
    assert len(pair.requests()) == asked + 2


def test_a_graceful_kill_ends_though_the_time_of_day_stands_still(world: World) -> None:
    """The clock was set back, or a recording has ended."""
    world.kill("graceful")
    setattr(world.clock, "now_ns", lambda: 1)  # noqa: B010 - a clock that stands still
    world.pass_time(GRACEFUL_NS / NS_PER_S + 1)
    assert world.causes()["KILL_IMMEDIATE"] == "KILLED"


def test_the_time_of_a_graceful_kill_goes_on_through_a_restart(world: World) -> None:
    """It is measured from the latch in the journal, and not from when this process began."""
    world.kill("graceful")
    world.pass_time(GRACEFUL_NS / NS_PER_S - 10)
    again = Stopping(
        world.engine, world.latch, world.clock, StopRules(graceful_ns=GRACEFUL_NS, absent_ns=0)
    )
    world.engine.remind = again.tick
    world.pass_time(9)
    assert "KILL_IMMEDIATE" not in world.causes()
    world.pass_time(2)
    assert world.causes()["KILL_IMMEDIATE"] == "KILLED"


def test_a_graceful_kill_that_was_cleared_in_time_is_over(world: World) -> None:
    world.kill("graceful")
    world.pass_time(GRACEFUL_NS / NS_PER_S - 10)
    world.clear()
    world.pass_time(60)
    world.kill("graceful")
    world.pass_time(60)
    assert world.causes() == {"KILL_GRACEFUL": "HALTED"}


# --- time presses -----------------------------------------------------------------------------


def test_what_the_venue_refuses_under_a_kill_is_asked_for_once_a_second(tmp_path: Path) -> None:
    """Without a bar or a quote: nobody may tell us anything any more."""
    pair, stop, target = holding()
    world = World(tmp_path, pair)
    world.kill("immediate")
    world.pass_time(3)  # nothing was refused yet: nothing is asked for
    asked = len(pair.requests())
    pair.tell(pair.venue.report(Kind.CANCEL_REJECTED, stop))
    assert len(pair.requests()) == asked

    world.pass_time(1)

    assert [x.client_id for x in pair.requests()[asked:]] == [stop.client_id]
    pair.tell(pair.venue.report(Kind.CANCELLED, stop), pair.venue.report(Kind.CANCELLED, target))
    way_out = pair.last()
    for _ in range(3):
        pair.tell(pair.venue.report(Kind.REJECTED, way_out))
        pair_of = [x for x in pair.requests()[-2:] if isinstance(x, NewOrder)]
        assert len(pair_of) == 2  # stop and target, while it waits
        pair.tell(*(pair.venue.report(Kind.ACCEPTED, x) for x in pair_of))
        before = len(pair.requests())
        world.pass_time(3)
        assert len(pair.requests()) == before + 2  # their cancels, once
        pair.tell(*(pair.venue.report(Kind.CANCELLED, x) for x in pair_of))
        way_out = pair.last()
    assert way_out.side == SELL


def test_an_account_that_is_flat_is_left_alone(world: World) -> None:
    world.kill("immediate")
    entries = len(world.pair.entries)
    world.pass_time(9)
    assert not [x for x in world.pair.entries[entries:] if any(events_of(x)["kind"] == Kind.TIMER)]


def test_a_recording_that_has_ended_is_pressed_too(tmp_path: Path) -> None:
    """Its time stands still, and no bar comes any more."""
    pair, stop, _ = holding(replay=True)
    world = World(tmp_path, pair)
    world.kill("immediate")
    pair.tell(pair.venue.report(Kind.CANCEL_REJECTED, stop))
    asked = len(pair.requests())
    world.pass_time(1.5)
    assert [x.client_id for x in pair.requests()[asked:]] == [stop.client_id]


# --- who watches ------------------------------------------------------------------------------


@pytest.fixture
def watched(tmp_path: Path) -> Iterator[World]:
    found = World(tmp_path, Pair().open(), absent_ns=ABSENT_NS)
    yield found
    found.latch.close()


def test_an_engine_that_nobody_watches_opens_nothing_after_a_while(watched: World) -> None:
    watched.pass_time(9.5)
    assert watched.causes() == {}
    watched.pass_time(0.5)
    assert watched.causes() == {"WATCHDOG": "PAUSED"}
    watched.pair.tell(watched.pair.venue.bar())
    asked = len(watched.pair.requests())
    watched.pair.signal()
    assert len(watched.pair.requests()) == asked
    halts = len(watched.words(Kind.HALT))
    watched.pass_time(30)
    assert len(watched.words(Kind.HALT)) == halts


def test_a_watchdog_that_comes_releases_it_and_one_that_goes_does_not_stay(watched: World) -> None:
    watched.pass_time(12)
    watched.stopping.watched(4711)
    watched.pass_time(0.5)
    assert watched.causes() == {}
    assert watched.stopping.said()["watchdog"]["pid"] == 4711
    for _ in range(30):
        watched.stopping.watched(4711)
        watched.pass_time(1)
    assert watched.causes() == {}
    watched.pass_time(10)
    assert watched.causes() == {"WATCHDOG": "PAUSED"}


def test_what_was_paused_before_a_restart_waits_for_a_watchdog(watched: World) -> None:
    """The grace of a start is no proof that somebody watches."""
    watched.pass_time(12)
    again = Stopping(
        watched.engine,
        watched.latch,
        watched.clock,
        StopRules(graceful_ns=GRACEFUL_NS, absent_ns=ABSENT_NS),
    )
    watched.engine.remind = again.tick
    watched.pass_time(1)
    assert watched.causes() == {"WATCHDOG": "PAUSED"}
    again.watched(4712)
    watched.pass_time(0.5)
    assert watched.causes() == {}


def test_nobody_has_to_watch_where_that_is_configured(watched: World) -> None:
    watched.pass_time(12)
    off = StopRules(graceful_ns=GRACEFUL_NS, absent_ns=0)
    alone = Stopping(watched.engine, watched.latch, watched.clock, off)
    watched.engine.remind = alone.tick
    watched.pass_time(60)
    assert watched.causes() == {}


# --- what it costs ----------------------------------------------------------------------------


def test_a_look_at_the_latch_is_cheap(world: World) -> None:
    """Ticks in between read nothing at all."""
    reads = 0
    read = LatchFile.read

    def counted(latch: LatchFile) -> Any:
        nonlocal reads
        reads += 1
        return read(latch)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(LatchFile, "read", counted)
        for _ in range(100):
            world.clock.advance(2_000_000)
            world.engine.tick()
    assert 9 <= reads <= 11
    assert np.all(world.engine.decider.state["account"]["latches"] == 0)
