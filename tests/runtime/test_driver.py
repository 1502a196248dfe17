"""The driver over a real socket: what is sent, what is not, and what ends it."""

import asyncio
import threading
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from interlock.journal.errors import StoreError
from interlock.journal.rows import RowKind
from interlock.kernel.codes import Kind, Metric
from interlock.kernel.records import Rows, rows
from interlock.runtime import driver as drivers
from interlock.runtime.driver import Why
from interlock.runtime.engine import Superseded
from interlock.runtime.entries import said_by
from interlock.venues.port import Ended, Fenced, NewOrder, Turn
from interlock.venues.simulated.asks import Done, Hello
from tests.runtime.pair import EPOCH
from tests.runtime.rig import BUY_AT, SOON_NS, Rig
from tests.runtime.scripts import PRICE

Story = Callable[[Rig], Awaitable[None]]


def play(rig: Rig, story: Story, *, venue: bool = True) -> None:
    """Run a story against a running driver."""

    async def run() -> None:
        async with rig.running(venue=venue):
            await story(rig)

    asyncio.run(run())


async def buy(rig: Rig, beat: int = 1) -> None:
    """Let the strategy ask for an order."""
    rig.tell(rig.pair.venue.bar(BUY_AT), rig.pair.venue.beat(beat, Turn.IF_QUIET))


def test_it_connects_reconciles_and_answers_beats(tmp_path: Path) -> None:
    """In order: the greeting, the questions, ready; an order before the answer to its beat."""
    rig = Rig(tmp_path)

    async def story(rig: Rig) -> None:
        await rig.until(lambda: Done(beat=0, spoke=False) in rig.heard)
        assert rig.heard[0] == Hello(epoch=EPOCH, feed=0)
        await buy(rig)
        await rig.until(lambda: Done(beat=1, spoke=True) in rig.heard)
        assert isinstance(rig.heard[-2], NewOrder)

    play(rig, story)
    assert rig.sender.traffic.sent == 1
    assert rig.told == sorted(rig.told)
    assert rig.events() == ["connected", "disconnected"]
    assert rig.result is not None
    assert rig.result.result() is Why.ASKED


def test_nothing_leaves_before_it_is_durable(tmp_path: Path) -> None:
    """However long the disk takes."""
    rig = Rig(tmp_path)

    async def story(rig: Rig) -> None:
        await rig.until(lambda: Done(beat=0, spoke=False) in rig.heard)
        rig.tell(rig.pair.venue.bar(BUY_AT), rig.pair.venue.beat(1))
        await rig.until(lambda: Done(beat=1, spoke=False) in rig.heard)
        rig.writer.is_stuck = True
        rig.tell(rig.pair.venue.beat(2, Turn.YES))
        await rig.until(lambda: bool(rig.pair.book.orders()))
        await asyncio.sleep(0.05)
        assert rig.requests() == []
        rig.writer.flush()
        await rig.until(lambda: Done(beat=2, spoke=True) in rig.heard)
        assert len(rig.requests()) == 1

    play(rig, story)


def test_a_journal_that_fails_ends_everything_with_nothing_sent(tmp_path: Path) -> None:
    """The first failure is the last; the writer says it from its own thread."""
    rig = Rig(tmp_path)

    async def story(rig: Rig) -> None:
        await rig.ready()
        rig.writer.is_stuck = True
        await buy(rig)
        await rig.until(lambda: rig.pair.engine.decider.seq > rig.told[-1])
        waiting = asyncio.create_task(rig.driver.until_durable(rig.pair.engine.decider.seq))
        await asyncio.sleep(0)
        error = StoreError("the disk is gone")
        threading.Thread(target=rig.driver.failed, args=(error,)).start()
        with pytest.raises(StoreError, match="the disk is gone"):
            await rig.ended()
        assert waiting.cancelled() or waiting.cancelling() or waiting.done()
        assert rig.requests() == []
        rig.driver.durable(1)  # what a thread says too late is heard by nobody

    play(rig, story)
    assert rig.reports[-1] == ("disconnected", {"why": "the disk is gone"})


def test_a_writer_that_takes_no_more_ends_everything(tmp_path: Path) -> None:
    """Its own word is on the way; nothing is sent meanwhile."""
    rig = Rig(tmp_path)

    async def story(rig: Rig) -> None:
        await rig.ready()
        rig.writer.failure = StoreError("nothing more is written")
        await buy(rig)
        with pytest.raises(StoreError, match="nothing more is written"):
            await rig.ended()
        assert rig.requests() == []

    play(rig, story)


def test_a_bug_ends_the_engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is not a line in the loop's log, after which an engine in a wrong state goes on."""
    rig = Rig(tmp_path)

    async def story(rig: Rig) -> None:
        await rig.ready()

        def fails(*_: object) -> None:
            raise AssertionError("a bug")

        monkeypatch.setattr(rig.pair.engine, "receive", fails)
        await buy(rig)
        with pytest.raises(AssertionError, match="a bug"):
            await rig.ended()
        assert rig.requests() == []

    play(rig, story)


def test_a_later_engine_ends_this_one(tmp_path: Path) -> None:
    """The venue says so."""
    rig = Rig(tmp_path)

    async def story(rig: Rig) -> None:
        await rig.ready()
        rig.tell(Fenced(epoch=99))
        with pytest.raises(Superseded, match="99"):
            await rig.ended()

    play(rig, story)


@pytest.mark.parametrize("lost", ["lease", "rate", "killed"])
def test_what_the_gate_stops_is_never_sent(tmp_path: Path, lost: str) -> None:
    """Without the lease the engine ends; else the order ends by the venue's word."""
    rig = Rig(tmp_path, rate=1 if lost == "rate" else 1_000, stale_ns=SOON_NS)

    async def story(rig: Rig) -> None:
        await rig.ready()
        rig.latch.is_set = lost == "killed"
        rig.is_held = lost != "lease"
        if lost == "rate":
            assert rig.sender._gate._budget.take(reduces=True)
        await buy(rig)
        if lost == "lease":
            with pytest.raises(Superseded, match=r"lease_lost\. Nothing was sent"):
                await rig.ended()
        else:
            await rig.until(lambda: rig.pair.link.found.abandoned == 1)
            assert rig.pair.book.orders() == {}
        assert rig.requests() == []

    play(rig, story)
    word = {"lease": "lease_lost"}.get(lost, lost)
    assert rig.sender.traffic.stopped == {word: 1}
    assert ("stopped_at_gate", {"order": "i-7-8-1", "why": word}) in rig.reports


def test_what_is_too_fast_waits_and_is_sent(tmp_path: Path) -> None:
    """And the answer to the beat behind it."""
    rig = Rig(tmp_path, rate=1, stale_ns=10**12)

    async def story(rig: Rig) -> None:
        await rig.ready()
        assert rig.sender._gate._budget.take(reduces=True)
        await buy(rig)
        await rig.until(lambda: Done(beat=1, spoke=True) in rig.heard)
        assert isinstance(rig.heard[-2], NewOrder)

    play(rig, story)
    assert rig.sender.traffic.stopped == {}


def test_snapshots_are_written_and_every_second_begins_a_segment(tmp_path: Path) -> None:
    """When nothing is under way."""
    rig = Rig(tmp_path, snapshot_events=3)

    async def story(rig: Rig) -> None:
        await rig.ready()
        for beat in range(1, 13):
            rig.tell(
                rig.pair.venue.bar(PRICE + 10 * beat), rig.pair.venue.beat(beat, Turn.IF_QUIET)
            )
            await rig.until(lambda beat=beat: Done(beat=beat, spoke=True) in rig.heard)  # type: ignore[misc]
            await asyncio.sleep(0.03)

    play(rig, story)
    kinds = [entry.kind for entry in rig.writer.entries]
    found = [kind.name for kind in kinds if kind in {RowKind.SNAPSHOT, RowKind.SEGMENT}]
    assert found[:4] == ["SNAPSHOT", "SEGMENT", "SNAPSHOT", "SEGMENT"]
    last = next(entry for entry in reversed(rig.writer.entries) if entry.kind in {5, 6})
    assert said_by(last)["policy_seq"] > 0


def test_the_end_of_a_recording_ends_the_run_if_it_is_asked_to(tmp_path: Path) -> None:
    """After everything was decided and is durable; the last word is a snapshot and a note."""
    rig = Rig(tmp_path, stop_at_end=True)

    async def story(rig: Rig) -> None:
        await rig.ready()
        rig.tell(Ended(now_ns=1))
        assert await rig.ended() is Why.ENDED

    play(rig, story)
    rig.driver.finish("ended")
    snapshot, note = rig.writer.entries[-2:]
    assert snapshot.kind is RowKind.SNAPSHOT
    assert {"what": "stop", "why": "ended", "epoch": EPOCH}.items() <= said_by(note).items()


def test_what_a_machine_can_do_is_measured_and_journaled(tmp_path: Path) -> None:
    """Stamped with the time of the recording."""

    def measure(now_ns: int) -> list[Rows]:
        row = rows(1)
        row["kind"] = Kind.HEALTH
        row["code"] = Metric.DISK_FREE_PPM
        row["value"] = 5
        row["ts_ns"] = row["src_ts_ns"] = now_ns
        return [row]

    rig = Rig(tmp_path, measure=measure)

    async def story(rig: Rig) -> None:
        await rig.until(lambda: len(rig.pair.engine.inbox) == 0 and bool(rig.told))

    play(rig, story)
    assert any(entry.kind is RowKind.EVENT for entry in rig.writer.entries)


def test_waiting_for_what_is_durable_is_over_at_once(tmp_path: Path) -> None:
    """And else when it is."""
    rig = Rig(tmp_path)

    async def story(rig: Rig) -> None:
        await rig.ready()
        await rig.driver.until_durable(1)
        rig.writer.is_stuck = True
        engine = rig.pair.engine
        seq = engine.set_policy(engine.decider.policy.copy(), b"{}")
        waiting = asyncio.create_task(rig.driver.until_durable(seq))
        await rig.until(lambda: rig.writer.entries[-1].last_seq >= seq)
        assert not waiting.done()
        rig.writer.flush()
        await asyncio.wait_for(waiting, 5)

    play(rig, story)


def test_what_runs_beside_it_and_fails_ends_it(tmp_path: Path) -> None:
    """Its door could not be opened."""
    rig = Rig(tmp_path)

    async def fails() -> None:
        raise OSError("no door")

    with pytest.raises(OSError, match="no door"):
        asyncio.run(rig.driver.run(rig.pair.entries, fails))


def test_a_driver_that_does_not_run_cannot_be_stopped(tmp_path: Path) -> None:
    """There is nothing to stop; asking twice does no harm."""
    rig = Rig(tmp_path)
    rig.driver.stop()

    async def story(rig: Rig) -> None:
        await rig.ready()
        rig.driver.stop()
        rig.driver.stop(Why.ENDED)
        assert await rig.ended() is Why.ASKED

    play(rig, story)


def test_a_long_piece_of_work_leaves_room_for_the_rest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The loop looks after its sockets between two pieces of it."""
    monkeypatch.setattr(drivers, "STEPS_MAX", 1)
    rig = Rig(tmp_path)

    async def story(rig: Rig) -> None:
        await rig.ready()
        await buy(rig)
        await rig.until(lambda: Done(beat=1, spoke=True) in rig.heard)

    play(rig, story)


def test_what_was_heard_and_not_decided_on_is_decided_before_the_last_snapshot(
    tmp_path: Path,
) -> None:
    """Nothing of it is sent any more."""
    rig = Rig(tmp_path)

    async def story(rig: Rig) -> None:
        await rig.ready()

    play(rig, story)
    rig.pair.receive(rig.pair.venue.bar(PRICE + 7))
    sent = len(rig.heard)
    rig.driver.finish("asked")
    assert rig.pair.book.inst("mark") == PRICE + 7
    assert len(rig.heard) == sent
    assert [entry.kind for entry in rig.writer.entries[-2:]] == [RowKind.SNAPSHOT, RowKind.NOTE]
