"""When breakers are proved, what is written down of it, and that nobody waits for it."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

import pytest

from interlock.journal.rows import RowKind
from interlock.kernel.codes import Cause, Level
from interlock.kernel.policy import SMALL, PolicyArray
from interlock.kernel.records import OutArray
from interlock.monitors.breaker_proofs import Proof
from interlock.runtime.clock import NS_PER_MS, NS_PER_S, ManualClock
from interlock.runtime.entries import Said, Tier, said_by
from interlock.runtime.proving import PAUSE_NS, SLICE_NS, Proving
from tests.kernel.helpers import open_policy
from tests.runtime.pair import EPOCH, Pair

HOUR_NS: Final = 3_600 * NS_PER_S
DAY_NS: Final = 24 * HOUR_NS


def proof(name: str, why: str = "") -> Proof:
    return Proof(name=name, why=why, level="PAUSED", value=2, limit=1, events=9)


@dataclass
class Bench:
    """An engine, a round that takes as long as a test says, and what was told of it."""

    pair: Pair = field(default_factory=lambda: Pair().open())
    step_ns: int = 100_000
    steps: int = 30
    failing: str = ""
    policies: list[bytes] = field(default_factory=list)
    told: list[tuple[str, Said]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.clock: ManualClock = self.pair.clock
        self.proving = Proving(
            self.pair.engine,
            self.clock,
            SMALL,
            every_ns=DAY_NS,
            report=lambda event, facts: self.told.append((event, facts)),
            begin=self.round,
        )

    def round(self, policy: PolicyArray, tier: Tier, out: OutArray) -> Iterator[Proof | None]:
        assert tier == SMALL
        assert out.shape == (1,)
        self.policies.append(policy.tobytes())
        for _ in range(self.steps):
            self.clock.advance(self.step_ns)
            yield None
        yield proof("DISK", self.failing)
        yield proof("SPREAD")

    def mind(self) -> int:
        """Mind once, when the pause is over; return how long it took."""
        self.clock.advance(PAUSE_NS)
        before_ns = self.clock.elapsed_ns()
        self.proving.mind()
        self.pair.pump()
        return self.clock.elapsed_ns() - before_ns

    def whole(self) -> None:
        """Mind until a round is over."""
        self.mind()
        while self.proving.said()["running"]:
            self.mind()

    def notes(self) -> list[Said]:
        """Return what was journaled."""
        found = [said_by(one) for one in self.pair.entries if one.kind is RowKind.NOTE]
        return [one for one in found if one.get("what") == "breaker_proof"]


def test_a_round_begins_at_the_start_and_is_journaled_once() -> None:
    bench = Bench()
    assert bench.proving.said()["never"]
    bench.whole()
    (note,) = bench.notes()
    assert note["proved"] == ["DISK", "SPREAD"]
    assert note["failed"] == {}
    assert note["wall_ns"] == bench.clock.now_ns()
    assert note["epoch"] == EPOCH  # the next start reads it from the last note
    assert [event for event, _ in bench.told] == ["breakers_proved"]
    said = bench.proving.said()
    assert not said["never"]
    assert not said["overdue"]
    assert [(one["breaker"], one["proved"]) for one in said["breakers"]] == [
        ("DISK", True),
        ("SPREAD", True),
    ]


def test_a_slice_ends_in_time_and_the_next_one_waits() -> None:
    """A millisecond, and the step that was under way; then twenty without."""
    bench = Bench()
    took_ns = bench.mind()
    assert SLICE_NS <= took_ns < SLICE_NS + bench.step_ns
    before_ns = bench.clock.elapsed_ns()
    bench.clock.advance(PAUSE_NS - 1)
    bench.proving.mind()
    assert bench.clock.elapsed_ns() == before_ns + PAUSE_NS - 1
    assert bench.mind() > 0


def test_nothing_is_proved_while_something_waits_to_be_decided() -> None:
    bench = Bench()
    bench.clock.advance(PAUSE_NS)
    bench.pair.engine.operate(bench.pair.venue.bar().rows)
    bench.proving.mind()
    assert bench.policies == []
    bench.pair.pump()
    bench.proving.mind()
    assert len(bench.policies) == 1


def test_a_round_begins_again_after_its_time() -> None:
    bench = Bench()
    bench.whole()
    bench.clock.advance(DAY_NS - NS_PER_S)
    assert bench.mind() == 0
    bench.clock.advance(NS_PER_S)
    bench.whole()
    assert len(bench.notes()) == 2


def test_another_policy_is_proved_at_once() -> None:
    """And it is the one that holds by then."""
    bench = Bench()
    bench.whole()
    other = open_policy("breakers.DISK.limit=7")
    bench.pair.engine.set_policy(other, b"{}")
    bench.pair.pump()
    bench.whole()
    assert bench.policies[-1] == other.tobytes()
    assert len(bench.notes()) == 2


def test_what_failed_is_journaled_told_and_kept() -> None:
    bench = Bench(failing="it did not trip.")
    bench.whole()
    (note,) = bench.notes()
    assert note["failed"] == {"DISK": "it did not trip."}
    assert note["proved"] == ["SPREAD"]
    assert [event for event, _ in bench.told] == ["breakers_not_proved"]
    assert bench.proving.said()["breakers"][0]["why"] == "it did not trip."


def test_twice_the_time_without_a_proof_is_overdue() -> None:
    """Also when there never was one: a clock that is looked at, and not a flag."""
    bench = Bench()
    bench.clock.advance(2 * DAY_NS)
    assert not bench.proving.said()["overdue"]
    bench.clock.advance(1)
    assert bench.proving.said()["overdue"]
    bench.whole()
    assert not bench.proving.said()["overdue"]


def test_a_round_that_is_stuck_becomes_overdue() -> None:
    bench = Bench(steps=10**9)
    bench.mind()
    bench.clock.advance(2 * DAY_NS)
    assert bench.proving.said()["overdue"]
    assert bench.proving.said()["running"]


@pytest.mark.parametrize("cause", [Cause.DISK, Cause.MEMORY])
def test_the_real_proofs_touch_nothing_of_the_engine(cause: Cause) -> None:
    """State and policy are, to the byte, what they were; the journal has one note more."""
    pair = Pair(
        f"breakers.{cause.name}.enabled=1 breakers.{cause.name}.limit=1000"
        f" breakers.{cause.name}.level={int(Level.PAUSED)} breakers.{cause.name}.release=1"
    ).open()
    pair.tell(pair.venue.bar())
    pair.signal()
    before = pair.engine.decider.state.tobytes(), pair.engine.decider.policy.tobytes()
    told: list[Any] = []
    proving = Proving(
        pair.engine,
        pair.clock,
        SMALL,
        every_ns=DAY_NS,
        report=lambda *one: told.append(one),
    )
    entries = len(pair.entries)
    proving.mind()
    pair.entries.extend(pair.engine.take_entries())
    assert (pair.engine.decider.state.tobytes(), pair.engine.decider.policy.tobytes()) == before
    (entry,) = pair.entries[entries:]
    assert entry.kind is RowKind.NOTE
    assert cause.name in said_by(entry)["proved"]
    assert told[0][1]["worked_us"] * 1_000 < NS_PER_MS * 1_000


def test_the_next_order_gets_the_next_number() -> None:
    """A note takes a seq like every entry: what follows is journaled behind it."""
    bench = Bench()
    bench.whole()
    bench.pair.tell(bench.pair.venue.bar())
    bench.pair.signal()
    seqs = [one.seq for one in bench.pair.entries]
    assert seqs == sorted(seqs)
