"""What leaves: each check fires on a planted violation, and not on the good case."""

from dataclasses import replace
from pathlib import Path

from interlock.config.latch import killed
from interlock.kernel.codes import BUY, Cause, Kind, Level
from interlock.kernel.records import SUBS
from interlock.research.simulator.invariants.killing import KillLatch, KillProgress, Stopped
from interlock.research.simulator.invariants.sending import (
    AtMostOne,
    DurableFirst,
    PaperWall,
    Rate,
    SingleWriter,
)
from interlock.research.simulator.machine import REQUESTS_KEPT, REQUESTS_PER_S
from interlock.runtime.clock import NS_PER_S
from interlock.runtime.last_gate import Outgoing
from interlock.runtime.link import Phase
from interlock.venues.port import NewOrder, VenueState
from interlock.venues.simulated.asks import ask_bytes
from interlock.venues.simulated.lines import Symbols
from interlock.venues.stopper import Killed, Unconfirmed
from tests.simulator.stage import SYMBOLS, Stage, breaks, row, stop_order, submit


def test_bytes_of_a_durable_intent_may_leave() -> None:
    stage = Stage(DurableFirst, AtMostOne)
    stage.begin()
    order = stage.enter()
    stage.send(order)
    stage.report(Kind.ACCEPTED, order)

    cancel = row(Kind.CANCEL, instrument=0, order_id=order)
    seq = stage.event(row(Kind.TIMER), cancel)
    stage.leave(stage.request(order), seq)


def test_bytes_before_their_intent_is_durable_are_seen() -> None:
    """1. The kernel decided, nothing was written, and the bytes leave all the same."""
    stage = Stage(DurableFirst)
    stage.begin()
    unwritten = (stage.head.seq + 1) * SUBS + 1

    with breaks(1):
        stage.send(unwritten)


def test_a_cancel_that_nobody_journaled_is_seen() -> None:
    stage = Stage(DurableFirst)
    stage.begin()
    order = stage.enter()

    with breaks(1):
        stage.leave(stage.request(order), order // SUBS)


def test_bytes_that_are_not_the_intent_are_seen() -> None:
    """3. One lot more, another side, another account's epoch, or a line too many."""
    for changed in ({"qty": 20}, {"side": -1}, {"price": 1_005}, {"epoch": 2}):
        stage = Stage(DurableFirst)
        stage.begin()
        order = stage.enter()
        request = stage.request(order, submit(), **changed)
        with breaks(3):
            stage.leave(request, order // SUBS)

    stage = Stage(DurableFirst)
    stage.begin()
    order = stage.enter()
    request = stage.request(order, submit())
    wire = ask_bytes(request, Symbols(SYMBOLS))
    for bad in (wire + wire, wire[:-1], b"nothing\n"):
        with breaks(3):
            stage.all.first_byte(Outgoing(wire=bad, request=request, seq=order // SUBS), bad)


def test_an_order_that_leaves_twice_is_seen() -> None:
    """2. The same name again, whoever sends it."""
    stage = Stage(AtMostOne)
    stage.begin()
    order = stage.enter()
    request = stage.send(order)

    with breaks(2):
        stage.leave(request, order // SUBS)


def test_an_order_that_the_venue_makes_twice_is_seen() -> None:
    stage = Stage(AtMostOne)
    stage.begin()
    request = stage.send(stage.enter())

    with breaks(2):
        stage.arrive(request)


def test_a_name_that_is_decided_on_twice_is_seen() -> None:
    stage = Stage(AtMostOne)
    stage.begin()
    order = stage.enter()

    with breaks(2):
        stage.event(row(Kind.TIMER), submit(order_id=order))


def test_only_the_newest_engine_sends() -> None:
    """17. One that was taken over from wakes up and goes on."""
    stage = Stage(SingleWriter)
    stage.begin()
    stage.all.started(stage.machine)
    order = stage.enter()
    stage.send(order)

    old, stage.machine.epoch = stage.machine.epoch, 2
    stage.all.started(stage.machine)
    with breaks(17):
        stage.send(stage.enter())
    stage.machine.epoch = old
    with breaks(17):
        stage.all.started(stage.machine)


def test_no_more_leaves_in_a_second_than_may() -> None:
    """20. And what only reduces has a reserve that nothing else may touch."""
    stage = Stage(Rate)
    stage.begin()
    order = stage.enter()
    request = stage.request(order, submit())
    for _ in range(REQUESTS_PER_S - REQUESTS_KEPT):
        stage.leave(request, 1)
    for _ in range(REQUESTS_KEPT):
        stage.leave(stage.request(order), 1)
    with breaks(20):
        stage.leave(stage.request(order), 1)

    stage.clock.advance(NS_PER_S)
    for _ in range(REQUESTS_PER_S - REQUESTS_KEPT):
        stage.leave(request, 1)
    with breaks(20):
        stage.leave(request, 1)


def test_nothing_leaves_for_another_account_than_a_paper_one() -> None:
    """34."""
    stage = Stage(PaperWall)
    request = stage.request(SUBS + 1)
    with breaks(34):
        stage.leave(request, 1)
    stage.begin()
    stage.leave(request, 1)


# --- the kill switch ------------------------------------------------------------------------------


def a_kill() -> object:
    """Return the latch of a kill."""
    return killed(mode="immediate", reason="a test", who="somebody", ts_ns=1)


def test_nothing_opens_after_a_kill_until_it_is_cleared(tmp_path: Path) -> None:
    """10. What only reduces still leaves."""
    stage = Stage(KillLatch, folder=tmp_path)
    stage.begin()
    order = stage.enter()
    request = stage.request(order, submit())
    stage.leave(request, 1)

    stage.all.kill(killed(mode="pause", reason="", who="", ts_ns=1), confirmed=True)
    stage.leave(stage.request(order), 1)
    stage.leave(stage.request(order, stop_order()), 1)
    with breaks(10):
        stage.leave(request, 1)

    stage.all.cleared()
    stage.leave(request, 1)


def test_a_latch_file_that_cannot_be_believed_is_a_kill(tmp_path: Path) -> None:
    """10. Missing, cut, open to others, or a folder."""
    stage = Stage(KillLatch, folder=tmp_path)
    stage.begin()
    request = stage.request(stage.enter(), submit())
    path = tmp_path / "kill.latch"
    good = path.read_bytes()

    def spoil(how: str) -> None:
        path.unlink()
        if how == "folder":
            path.mkdir()
        elif how != "missing":
            path.touch(0o644 if how == "open" else 0o600)
            path.write_bytes(good[:10] if how == "cut" else good)

    for how in ("open", "cut", "missing"):
        spoil(how)
        with breaks(10):
            stage.leave(request, 1)
        path.unlink(missing_ok=True)
        path.touch(0o600)
        path.write_bytes(good)
        stage.leave(request, 1)
    spoil("folder")
    with breaks(10):
        stage.leave(request, 1)


def test_nothing_opens_before_the_venue_was_asked(tmp_path: Path) -> None:
    stage = Stage(KillLatch, folder=tmp_path)
    stage.begin()
    request = stage.request(stage.enter(), submit())
    stage.machine.engine.link.phase = Phase.LOOKING

    with breaks(26):
        stage.leave(request, 1)


def test_no_order_opens_while_the_account_is_held(tmp_path: Path) -> None:
    """10 for a kill, 26 for another latch."""
    for cause, number in ((Cause.KILL_PAUSE, 10), (Cause.DAILY_LOSS, 26)):
        stage = Stage(KillLatch, folder=tmp_path)
        stage.begin()
        latched = row(Kind.LATCHED, code=int(cause), level=int(Level.PAUSED))
        stage.event(row(Kind.HALT, code=int(cause), level=int(Level.PAUSED)), latched)
        with breaks(number):
            stage.enter()


def test_a_kill_is_released_by_a_person_alone(tmp_path: Path) -> None:
    for event, is_person in ((Kind.TIMER, False), (Kind.RESUME, True)):
        stage = Stage(KillLatch, folder=tmp_path)
        stage.begin()
        cause = int(Cause.KILL_PAUSE)
        stage.event(
            row(Kind.HALT, code=cause, level=int(Level.PAUSED)),
            row(Kind.LATCHED, code=cause, level=int(Level.PAUSED)),
        )
        released = row(Kind.RELEASED, code=cause)
        if is_person:
            stage.event(row(event, code=cause), released)
            stage.all.cleared()
        else:
            with breaks(10):
                stage.event(row(event, code=cause), released)


def test_a_clear_is_said_when_the_journal_has_it(tmp_path: Path) -> None:
    """16."""
    stage = Stage(KillLatch, folder=tmp_path)
    stage.begin()
    latched = row(Kind.LATCHED, code=int(Cause.KILL_PAUSE), level=int(Level.PAUSED))
    stage.event(row(Kind.HALT, code=int(Cause.KILL_PAUSE), level=int(Level.PAUSED)), latched)

    with breaks(16):
        stage.all.cleared()


def look(stage: Stage, seconds: int) -> None:
    """Let time pass, and the checks look around."""
    for _ in range(seconds):
        stage.clock.advance(NS_PER_S)
        for _ in range(16):
            stage.all.stepped()


def halted(stage: Stage) -> int:
    """Let an entry rest and the account be halted; return the entry."""
    stage.begin()
    order = stage.enter()
    stage.send(order)
    stage.report(Kind.ACCEPTED, order)
    latched = row(Kind.LATCHED, code=int(Cause.KILL_GRACEFUL), level=int(Level.HALTED))
    stage.event(
        row(Kind.HALT, code=int(Cause.KILL_GRACEFUL), level=int(Level.HALTED)),
        latched,
        row(Kind.CANCEL, instrument=0, order_id=order),
    )
    return order


def test_a_kill_leaves_no_entry_alone() -> None:
    """11. A cancel has to be on its way within ten seconds of conversation."""
    stage = Stage(KillProgress)
    halted(stage)
    look(stage, 9)
    with breaks(11):
        look(stage, 5)


def test_a_cancel_on_its_way_is_enough() -> None:
    stage = Stage(KillProgress)
    order = halted(stage)
    stage.leave(stage.request(order), stage.head.seq)
    look(stage, 30)


def test_nobody_can_cancel_while_the_venue_is_away() -> None:
    stage = Stage(KillProgress)
    halted(stage)
    look(stage, 9)
    stage.machine.engine.link.phase = Phase.AWAY
    look(stage, 30)
    stage.machine.engine.link.phase = Phase.READY
    look(stage, 9)
    with breaks(11):
        look(stage, 5)


def test_an_order_that_nobody_can_find_is_cancelled_once_it_is_found() -> None:
    stage = Stage(KillProgress)
    order = halted(stage)
    stage.report(Kind.OUTCOME_UNKNOWN, order)
    look(stage, 30)
    stage.report(Kind.ACCEPTED, order)
    look(stage, 9)
    with breaks(11):
        look(stage, 5)


def test_what_is_over_needs_no_cancel() -> None:
    stage = Stage(KillProgress)
    order = halted(stage)
    stage.report(Kind.EXPIRED, order)
    look(stage, 30)


def test_an_account_is_called_stopped_when_nothing_is_left() -> None:
    """11. By the venue's truth, but for what came within the last second."""
    done = Killed(took_ns=1, cancelled=0, closed=0)
    unsure = Unconfirmed(why="no answer", orders=(), positions={})
    stage = Stage(Stopped)
    stage.begin()
    stage.all.stopped(done)
    request = stage.send(stage.enter())
    stage.all.stopped(done)
    stage.clock.advance(NS_PER_S)
    stage.all.stopped(unsure)
    with breaks(11, "called stopped"):
        stage.all.stopped(done)
    stage.scene.oracle.orders[request.client_id].state = VenueState.CANCELLED
    stage.clock.advance(NS_PER_S)
    stage.all.stopped(done)
    stage.traded(0)
    stage.clock.advance(NS_PER_S)
    with breaks(11, "called stopped"):
        stage.all.stopped(done)


def test_a_request_is_a_copy_of_what_was_asked() -> None:
    """The helpers of these tests make what the venue's wire can carry."""
    stage = Stage()
    stage.begin()
    request = stage.request(stage.enter(), submit())
    assert isinstance(request, NewOrder)
    assert replace(request, side=BUY) == request
