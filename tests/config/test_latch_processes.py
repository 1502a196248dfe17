"""The kill latch between processes: after a confirmed kill nobody sends by what it said before."""

import fcntl
import signal
from pathlib import Path

import pytest

from interlock.config.errors import PolicyError
from interlock.config.latch import CLEAR, Confirmed, Unconfirmed
from tests.config.latching import a_kill, holder, latch_in, let_go, said

LONG_S = 60.0


def test_a_kill_waits_for_the_sender_that_is_inside(tmp_path: Path) -> None:
    latch = latch_in(tmp_path)
    latch.prepare(journal_exists=False)
    with holder(latch) as process:
        assert said(process) == "clear"
        with holder(latch, "kill") as killer:
            assert said(killer) == "asking"
            assert latch_in(tmp_path).read() == CLEAR  # it waits: the sender judged by this one

            let_go(process)
            assert said(process) == "leaving"
            assert said(killer) == "Confirmed"
    assert latch.read() == a_kill()


@pytest.mark.parametrize("stopped", [False, True])
def test_a_sender_that_does_not_come_out_leaves_the_kill_unconfirmed(
    tmp_path: Path, stopped: bool
) -> None:
    latch = latch_in(tmp_path)
    latch.prepare(journal_exists=False)
    with holder(latch) as process:
        assert said(process) == "clear"
        if stopped:
            process.send_signal(signal.SIGSTOP)

        result = latch.kill(a_kill(), timeout_s=0.05)
        again = latch.kill(a_kill(), timeout_s=0.05)

        late = "a send may be under way: the lock was not had within 0.05 s"
        assert result == Unconfirmed(latch=a_kill(), why=late)
        assert again == result  # it is still inside: a second kill does not know better
        with latch_in(tmp_path).shared() as says:
            assert says == a_kill()  # it holds for everybody from here on


def test_a_sender_that_was_killed_holds_nothing_up(tmp_path: Path) -> None:
    latch = latch_in(tmp_path)
    latch.prepare(journal_exists=False)
    with holder(latch) as process:
        assert said(process) == "clear"

    assert latch.kill(a_kill()) == Confirmed(latch=a_kill())


def test_a_lock_on_a_latch_that_was_removed_still_counts(tmp_path: Path) -> None:
    """The lock is the folder's: taking the file away does not let a kill pass a sender."""
    latch = latch_in(tmp_path)
    latch.prepare(journal_exists=False)
    with holder(latch) as process:
        assert said(process) == "clear"
        latch.path.unlink()

        assert isinstance(latch.kill(a_kill(), timeout_s=0.05), Unconfirmed)


def test_nobody_is_inside_with_a_clear_latch_once_a_kill_is_confirmed(tmp_path: Path) -> None:
    for number in range(5):
        home = tmp_path / str(number)
        home.mkdir()
        latch = latch_in(home)
        latch.prepare(journal_exists=False)
        with holder(latch, "race") as first, holder(latch, "race") as second:
            assert said(first) == said(second) == "ready"

            result = latch.kill(a_kill(), timeout_s=LONG_S)

            assert isinstance(result, Confirmed)
            assert not list(home.glob("inside-*"))
            assert said(first).endswith(" killed")
            assert said(second).endswith(" killed")


def test_a_sender_that_finds_a_kill_being_written_sends_nothing(tmp_path: Path) -> None:
    latch = latch_in(tmp_path)
    latch.prepare(journal_exists=False)
    assert latch._lock(fcntl.LOCK_EX, 1.0)  # as a kill has it

    with latch_in(tmp_path).shared(timeout_s=0.01) as says:
        assert says.is_set
        assert says.reason == "a kill was being written for longer than 0.01 s"
    with pytest.raises(PolicyError, match=r"its lock was not had within 0\.01 s"):
        latch_in(tmp_path).clear(CLEAR, who="me", reason="x", ts_ns=1, timeout_s=0.01)


def test_an_error_inside_lets_go(tmp_path: Path) -> None:
    latch = latch_in(tmp_path)
    latch.prepare(journal_exists=False)

    with pytest.raises(ZeroDivisionError), latch.shared():
        _ = 1 / 0

    assert isinstance(latch_in(tmp_path).kill(a_kill()), Confirmed)
    with latch.shared() as says:
        assert says == a_kill()
