"""A kill through the engine, and who may take it back: file and journal agree at every moment."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from interlock.config.latch import Confirmed, LatchState, Unconfirmed
from interlock.config.latch_file import LatchFile
from interlock.kernel.codes import Kind, Level
from interlock.runtime.asking import AskError
from interlock.runtime.reconcile import halt_row
from tests.runtime.pair import EPOCH, Pair, bought
from tests.runtime.stops import WORDS, World


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    found = World(tmp_path, Pair().open())
    yield found
    found.latch.close()


def test_a_kill_through_the_engine_is_in_the_file_and_in_the_journal(world: World) -> None:
    stopped = world.kill("immediate")
    assert isinstance(stopped.outcome, Confirmed)
    assert stopped.changed
    assert stopped.seq == world.engine.progress.durable_seq
    assert world.latch.read().mode == "immediate"
    assert world.causes() == {"KILL_IMMEDIATE": "KILLED"}


def test_a_second_kill_of_the_same_or_a_lesser_kind_changes_nothing_and_is_noted(
    world: World,
) -> None:
    world.kill("graceful")
    latch = world.latch.read()
    for mode in ("graceful", "pause"):
        stopped = world.kill(mode, who="somebody else")
        assert not stopped.changed
        assert isinstance(stopped.outcome, Confirmed)
    assert world.latch.read() == latch
    assert world.causes() == {"KILL_GRACEFUL": "HALTED"}
    notes = [x for x in world.notes() if x["what"] == "kill"]
    assert [(x["mode"], x["changed"]) for x in notes] == [("graceful", False), ("pause", False)]
    assert {x["epoch"] for x in notes} == {EPOCH}  # the next start counts on from the last note
    assert not world.kill("graceful").changed  # in the very words that are there: no news
    assert len([x for x in world.notes() if x["what"] == "kill"]) == 2
    assert world.kill("immediate").changed


def test_a_kill_whose_file_cannot_be_written_closes_positions_all_the_same(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> str:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(LatchFile, "_draft", full)
    stopped = world.kill("immediate")
    assert isinstance(stopped.outcome, Unconfirmed)
    assert world.causes()["KILL_IMMEDIATE"] == "KILLED"
    world.pass_time(0.5)
    assert "KILL_FILE" not in world.causes()


def test_a_person_clears_every_kill_and_the_file(world: World) -> None:
    world.latch.path.unlink()
    world.pass_time(0.5)
    for mode in ("pause", "graceful", "immediate"):
        world.kill(mode)
    assert len(world.causes()) == 4

    world.clear()

    assert world.causes() == {}
    latch = world.latch.read()
    assert (latch.state, latch.cleared_by) == (LatchState.CLEAR, WORDS["who"])
    said = world.words(Kind.RESUME)
    assert [x["what"] for x in said] == ["kill_cleared"] * 4
    assert said[0]["reason"] == WORDS["reason"]
    world.pass_time(2)
    assert world.causes() == {}


def test_a_file_that_the_kernel_has_not_heard_of_is_cleared_with_a_note(world: World) -> None:
    world.file("pause")
    world.clear()
    assert world.notes()[-1] == {"what": "kill_cleared", **WORDS, "epoch": EPOCH}
    assert not world.latch.read().is_set


def test_where_nothing_is_killed_nothing_is_cleared(world: World) -> None:
    assert world.stopping.release(**WORDS) is None


def test_nothing_opens_while_the_clear_is_not_durable(tmp_path: Path) -> None:
    """The kernel lets go first; the file holds until the journal has it."""
    world = World(tmp_path, Pair().open())
    world.kill("pause")
    world.stopping.release(**WORDS)
    world.pass_time(1)
    assert world.latch.read().is_set
    assert world.causes() == {}

    world.stopping.give_up()
    world.stopping.give_up()

    assert world.causes() == {"KILL_PAUSE": "PAUSED"}


@pytest.mark.parametrize("road", ["engine", "file"])
def test_a_kill_while_it_is_cleared_holds(world: World, road: str) -> None:
    """The same kill again changes no byte of the file; it is a kill all the same."""
    world.kill("pause")
    world.stopping.release(**WORDS)
    world.pair.pump()
    if road == "engine":
        world.kill("pause")
    else:
        world.file("immediate")

    with pytest.raises(AskError, match="the kill still holds"):
        world.stopping.finish(**WORDS)

    assert world.latch.read().is_set
    assert set(world.causes()) >= {"KILL_PAUSE" if road == "engine" else "KILL_IMMEDIATE"}


def test_two_people_do_not_clear_at_once(world: World) -> None:
    world.kill("pause")
    world.stopping.release(**WORDS)
    with pytest.raises(AskError, match="one person at a time"):
        world.stopping.release(**WORDS)


def test_what_was_killed_again_since_somebody_looked_is_not_cleared(world: World) -> None:
    world.kill("pause")
    seen_ns = world.latch.read().ts_ns
    world.pass_time(1)
    world.kill("immediate")
    with pytest.raises(AskError, match="written again since"):
        world.stopping.release(**WORDS, seen_ns=seen_ns)
    assert world.stopping.release(**WORDS, seen_ns=world.latch.read().ts_ns) is not None


def test_an_account_that_is_not_reconciled_is_not_cleared(tmp_path: Path) -> None:
    """Away from its venue, with an order that nobody knows, and with a difference: each is said."""
    pair, _ = bought()
    world = World(tmp_path, pair)
    world.kill("pause")
    world.pass_time(6)  # nobody answered
    world.engine.operate_now(halt_row(0, Level.HALTED, world.engine.now_ns()))
    world.engine.lost()
    with pytest.raises(AskError) as refused:
        world.stopping.release(**WORDS)
    for part in ("must be ready, was away", "must be 0, were 1", "what we hold must be"):
        assert part in str(refused.value)
    assert world.causes()["KILL_PAUSE"] == "PAUSED"
