"""Hosting the loop: chunks, a growing log, a simulated operator, stopping and interrupting."""

from typing import Any

import numpy as np
import pytest

from interlock.kernel.codes import Cause, Kind, Level, Release
from interlock.kernel.policy import SMALL, PolicyArray
from interlock.kernel.reasons import Reason
from interlock.sim import host
from interlock.sim.host import Recording, Tape, run
from interlock.sim.loop import (
    DONE,
    LOG,
    LOG_FULL,
    LOG_ROOM,
    LOG_ROWS,
    MORE,
    OPERATOR,
    WORK,
    run_tape,
)
from interlock.sim.world import WorldArray
from tests.sim.tapes import CASH, fingerprint, record, story, tape_of, worlds

PRICES = [10_000 + 400 * ((index * 7) % 11 - 5) for index in range(30)]
TABLE = "\n".join(
    f"{index % 2} {60 * index} {60 * index + 60} {price} {price + 90} {price - 90} {price + 30}"
    for index, price in enumerate(PRICES)
)
SIGNALS = " ".join(f"{index}:{'buy' if index % 3 else 'sell'}:{index % 2}" for index in range(29))
BUSY = tape_of(TABLE, SIGNALS, "100:DAY 400:QUOTE:9990:10010 700:TRADE:10000 900:DAY")
COSTS = "instrument.taker_ppm=700 costs.slippage_base_ppm=300 exits.time_periods=3"
ONE_LOSS = (
    f"breakers.CONSECUTIVE_LOSSES.enabled=1 losses.halt_at=1 "
    f"breakers.CONSECUTIVE_LOSSES.level={int(Level.PAUSED)} "
    f"breakers.CONSECUTIVE_LOSSES.release={int(Release.PERSON)}"
)
LOSING = """
0 0 60 10000 10000 10000 10000
0 60 120 10000 10000 9700 9750
0 120 180 9750 9750 9750 9750
0 180 240 9750 9750 9750 9750
"""


def test_the_same_arguments_give_the_same_bytes() -> None:
    first, again = record(BUSY, COSTS, (1, 2)), record(BUSY, COSTS, (1, 2))
    assert fingerprint(first) == fingerprint(again)
    assert fingerprint(first) != fingerprint(record(BUSY, COSTS))


@pytest.mark.parametrize("chunk", [1, 2, 7, 30])
def test_chunks_change_nothing(monkeypatch: pytest.MonkeyPatch, chunk: int) -> None:
    whole = record(BUSY, COSTS, (1, 2))
    monkeypatch.setattr(host, "CHUNK_BARS", chunk)
    assert fingerprint(record(BUSY, COSTS, (1, 2))) == fingerprint(whole)


def test_a_log_in_pieces_holds_the_same_as_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every five bars the log is called full; the call that ends the tape is let through."""
    whole = record(BUSY, COSTS, (1, 2))

    def five_bars(*arguments: Any) -> int:
        shorter = [*arguments]
        shorter[-1] = min(shorter[-1], int(shorter[4]["bar"][0]) + 5)
        status = run_tape(*shorter)
        return LOG_FULL if status == MORE else status

    monkeypatch.setattr(host, "run_tape", five_bars)
    pieces = record(BUSY, COSTS, (1, 2))
    assert len(pieces.logs) == 6
    assert fingerprint(pieces) == fingerprint(whole)
    assert len(pieces.logs) == 1


def test_a_full_log_stops_the_loop_before_the_next_thing_it_would_read() -> None:
    recording = record(BUSY, COSTS)
    policy, world = worlds(COSTS)
    state, venue = recording.state.copy(), recording.venue.copy()
    cursor = recording.cursor.copy()
    cursor["held"] = LOG_ROWS - LOG_ROOM + 1
    before = (state.tobytes(), venue.tobytes(), cursor.tobytes())
    work, log = np.zeros(1, dtype=WORK), np.zeros(1, dtype=LOG)
    tape = (BUSY.bars, BUSY.facts, BUSY.signals, BUSY.places, log, recording.equity_units)
    total = len(BUSY.bars)
    assert run_tape(policy, state, world, venue, cursor, work, *tape, total) == LOG_FULL
    assert (state.tobytes(), venue.tobytes(), cursor.tobytes()) == before
    cursor["held"] -= 1
    assert run_tape(policy, state, world, venue, cursor, work, *tape, total) == DONE


def test_a_tape_of_nothing_is_a_run_of_nothing() -> None:
    recording = record(tape_of(""))
    assert recording.complete
    assert len(recording.log) == 1
    assert int(recording.state["account"]["equity_units"][0]) == CASH


def test_a_run_begins_with_its_policy_just_before_the_first_thing_it_reads() -> None:
    for facts, first_ns in (("", 60 * 10**9), ("30:DAY", 30 * 10**9), ("90:DAY", 60 * 10**9)):
        log = record(tape_of(LOSING, facts=facts)).log
        assert (int(log[0]["kind"]), int(log[0]["seq"])) == (Kind.POLICY_SET, 1)
        assert int(log[0]["ts_ns"]) == first_ns - 1


def test_the_simulated_operator_releases_what_a_person_has_to_at_the_next_day() -> None:
    """The loss latches the account and the strategy, so a person is needed twice."""
    recording = record(tape_of(LOSING, "0:buy 1:buy 2:buy", "150:DAY"), ONE_LOSS)
    assert int(recording.cursor["resumes"][0]) == 2
    assert int(recording.state["account"]["latches"][0]) == 0
    resumed = recording.log[recording.log["kind"] == Kind.RESUME]
    assert resumed["payload_id"].tolist() == [OPERATOR, OPERATOR]
    assert resumed["code"].tolist() == [Cause.CONSECUTIVE_LOSSES] * 2
    assert story(recording, "POLICY_SET", "ACCEPTED", "stop", "target", "CLOSED") == [
        "[60] SIGNAL",
        "[60] SUBMIT entry buy 100",
        "[60] FILL entry 100@10000",
        "[90] LATCHED CONSECUTIVE_LOSSES PAUSED",
        "[90] LATCHED CONSECUTIVE_LOSSES PAUSED on strategy 0",
        "[120] SIGNAL",
        "[120] REFUSED entry ACCOUNT_LATCHED",
        "[150] DAY",
        "[150] RESUME",
        "[150] RELEASED CONSECUTIVE_LOSSES on strategy 0",
        "[150] RESUME",
        "[150] RELEASED CONSECUTIVE_LOSSES",
        "[180] SIGNAL",
        "[180] SUBMIT entry buy 100",
        "[180] FILL entry 100@9750",
    ]


def test_without_the_operator_a_latch_stays() -> None:
    tape = tape_of(LOSING, "0:buy 1:buy 2:buy", "150:DAY")
    recording = record(tape, ONE_LOSS, operator=False)
    assert int(recording.cursor["resumes"][0]) == 0
    assert int(recording.state["account"]["latches"][0]) == 2
    assert "[180] REFUSED entry ACCOUNT_LATCHED" in story(recording)


def test_the_operator_waits_for_the_cooldown() -> None:
    """Sixty seconds from the loss at 90: the day at 149 is too early, the one at 150 is not."""
    cooldown = f"{ONE_LOSS} breakers.CONSECUTIVE_LOSSES.cooldown_ns=60000000000"
    early = record(tape_of(LOSING, "0:buy", "149:DAY"), cooldown)
    assert int(early.cursor["resumes"][0]) == 0
    assert int(early.state["account"]["latches"][0]) == 2
    late = record(tape_of(LOSING, "0:buy", "149:DAY 150:DAY"), cooldown)
    assert int(late.cursor["resumes"][0]) == 2
    assert int(late.state["account"]["latches"][0]) == 0


def test_a_latch_that_needs_no_person_is_none_of_the_operators() -> None:
    by_session = ONE_LOSS.replace(
        f"release={int(Release.PERSON)}", f"release={int(Release.SESSION)}"
    )
    recording = record(tape_of(LOSING, "0:buy", "150:DAY"), by_session)
    assert int(recording.cursor["resumes"][0]) == 0
    assert int(recording.state["account"]["latches"][0]) == 0


def test_stopping_at_an_event_leaves_the_gates_scratch() -> None:
    """What explains a refusal: every rule's verdict, as it stood at that event."""
    tape = tape_of(LOSING, "0:buy 1:buy 2:buy")
    full = record(tape, ONE_LOSS)
    (refused, _) = (row for row in full.log if row["kind"] == Kind.REFUSED)
    stopped = record(tape, ONE_LOSS, stop_seq=int(refused["seq"]))
    assert not stopped.complete
    assert int(stopped.state["account"]["seq"][0]) == int(refused["seq"])
    assert stopped.state["masks"][0].tolist() == [refused["mask_lo"], refused["mask_hi"]]
    verdict = stopped.state["verdicts"][0, Reason.ACCOUNT_LATCHED]
    assert (int(verdict["value"]), int(verdict["failed"])) == (Level.PAUSED, 1)
    held = len(stopped.log)
    assert stopped.log.tobytes() == full.log[:held].tobytes()
    assert full.log[held]["seq"] > refused["seq"]


def test_every_event_can_be_the_last() -> None:
    full = record(BUSY, COSTS, (1, 2))
    for seq in range(1, int(full.cursor["seq"][0]), 9):
        stopped = record(BUSY, COSTS, (1, 2), stop_seq=seq)
        assert int(stopped.state["account"]["seq"][0]) == seq
        assert stopped.log.tobytes() == full.log[: len(stopped.log)].tobytes()
        assert not stopped.complete


def _inputs(policy: PolicyArray, world: WorldArray, tape: Tape) -> tuple[bytes, ...]:
    arrays = (policy, world, tape.bars, tape.facts, tape.signals, tape.places)
    return tuple(array.tobytes() for array in arrays)


def _run(policy: PolicyArray, world: WorldArray, calls: list[int]) -> Recording:
    def progress(done: int, total: int) -> None:
        assert total == len(BUSY.bars)
        calls.append(done)
        if done >= 14:
            raise KeyboardInterrupt

    return run(policy, world, BUSY, cash_units=CASH, tier=SMALL, progress=progress)


def test_an_interrupted_run_leaves_its_inputs_as_they_were(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(host, "CHUNK_BARS", 7)
    policy, world = worlds(COSTS, (1, 2))
    before = _inputs(policy, world, BUSY)
    calls: list[int] = []
    with pytest.raises(KeyboardInterrupt):
        _run(policy, world, calls)
    assert calls == [7, 14]
    assert _inputs(policy, world, BUSY) == before


def test_a_finished_run_leaves_its_inputs_as_they_were_too() -> None:
    policy, world = worlds(COSTS, (1, 2))
    before = _inputs(policy, world, BUSY)
    recording = run(policy, world, BUSY, cash_units=CASH, tier=SMALL)
    assert recording.complete
    assert _inputs(policy, world, BUSY) == before


def test_progress_tells_bars_done_and_bars_in_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(host, "CHUNK_BARS", 12)
    policy, world = worlds()
    calls: list[tuple[int, int]] = []
    run(
        policy,
        world,
        BUSY,
        cash_units=CASH,
        tier=SMALL,
        progress=lambda done, total: calls.append((done, total)),
    )
    assert calls == [(12, 30), (24, 30), (30, 30)]
