"""The journal and its replay: each check fires on what was planted, and not without."""

from dataclasses import replace

from interlock.journal.rows import RowKind
from interlock.kernel.codes import (
    Alarm,
    Kind,
)
from interlock.kernel.policy import SMALL
from interlock.kernel.state import new_state
from interlock.research.simulator.invariants.chain import Replay
from interlock.runtime.decide import Decider
from interlock.runtime.entries import layout_digest, snapshot_entry
from tests.simulator.stage import CASH, Stage, breaks, row

# --- 15, 13, 14: the journal ----------------------------------------------------------------------


def test_a_row_follows_from_the_row_before() -> None:
    """15. An altered body, a wrong link, a number left out or given twice."""
    stage = Stage()
    stage.begin()
    good = stage.journal[-1]
    stage.event(row(Kind.TIMER))
    last = stage.journal.pop()
    entry = last.entry
    for bad in (
        replace(last, entry=replace(entry, body=entry.body[:-1] + b"\1")),
        replace(last, entry=replace(entry, ts_ns=entry.ts_ns + 1)),
        replace(last, previous=good.previous),
        replace(last, hash=good.hash),
        replace(last, entry=replace(entry, seq=entry.seq + 1)),
        good,
    ):
        other = Stage()
        for each in stage.journal:
            other.all.committed([each])
        with breaks(15):
            other.all.committed([bad])
    other = Stage()
    for each in (*stage.journal, last):
        other.all.committed([each])
    assert other.all.chain.seq == entry.seq


def test_what_is_durable_is_still_there_after_a_crash() -> None:
    stage = Stage()
    stage.begin()
    stage.all.started(stage.machine)
    kept = list(stage.journal)
    stage.journal.pop()
    with breaks(15, "not in the journal"):
        stage.all.started(stage.machine)
    stage.journal[:] = [*kept[:-1], replace(kept[-1], hash=kept[-2].hash)]
    with breaks(15, "not in the journal"):
        stage.all.started(stage.machine)


def test_rows_that_survived_unheard_count_from_then_on() -> None:
    stage = Stage()
    stage.begin()
    other = Stage()
    for each in stage.journal[:3]:
        other.commit(each.entry)
    other.journal[:] = stage.journal
    other.all.started(other.machine)
    assert other.all.chain.seq == stage.head.seq
    assert other.scene.retold.holdings[0].market.mark == 1_000


def decided(stage: Stage) -> Decider:
    """Let a real kernel decide on a few rows, and the journal have it."""
    stage.say(RowKind.GENESIS, {"mode": "paper"})
    stage.say(RowKind.NOTE, {"what": "start", "epoch": 1, "build": "tests"})
    decider = Decider(
        stage.policy.copy(), new_state(CASH, SMALL), seq=stage.head.seq, ts_ns=stage.clock.now_ns()
    )
    now_ns = stage.clock.now_ns()
    quote = row(Kind.QUOTE, instrument=0, open=995, high=1_005, ts_ns=now_ns, src_ts_ns=now_ns)
    signal = row(Kind.SIGNAL, instrument=0, strategy=0, side=1, ts_ns=now_ns, src_ts_ns=now_ns)
    entries = decider.set_policy(stage.policy, b"tests", now_ns).entries
    for rows in (quote, signal, quote.copy()):
        entries += decider.decide(rows).entries
    for entry in entries:
        stage.commit(entry)
    stage.machine.engine.decider = decider
    return decider


def test_the_journal_replays_to_what_the_engine_believes() -> None:
    """13 and 14."""
    stage = Stage(Replay)
    decided(stage)
    stage.all.started(stage.machine)
    stage.all.quiesced()


def test_a_belief_that_the_journal_does_not_say_is_seen() -> None:
    stage = Stage(Replay)
    decider = decided(stage)
    decider.state["account"]["cash_units"] += 1
    with breaks(14):
        stage.all.quiesced()


def test_a_command_that_the_kernel_does_not_repeat_is_seen() -> None:
    stage = Stage(Replay)
    decided(stage).next_seq()
    stage.event(row(Kind.TIMER), row(Kind.ALARM, code=int(Alarm.BUST)))
    with breaks(13):
        stage.all.quiesced()


def test_a_snapshot_of_something_else_is_seen() -> None:
    stage = Stage(Replay)
    decider = decided(stage)
    other = decider.state.copy()
    other["account"]["trades"] = 1
    said = {"layout": layout_digest(SMALL)}
    seq = decider.next_seq()
    stage.commit(snapshot_entry(RowKind.SNAPSHOT, seq, stage.clock.now_ns(), other, said))
    with breaks(13):
        stage.all.quiesced()
