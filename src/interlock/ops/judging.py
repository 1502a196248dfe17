"""Whether an engine is well, told from how far it gets and not from whether it is there.

A quiet market leaves nothing to be done, and a slow disk lets nothing be finished: neither is a
hang. No I/O and no clock: samples in, judgements out.
"""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from interlock.config.progress_file import EngineState, Progress

NS_PER_S: Final = 1_000_000_000
GAP_NS: Final = NS_PER_S  # between two samples: after a longer one it was we who did not run
DEATHS_MAX: Final = 3  # without getting anywhere in between; it is started again in vain
BUSY_PARTS: Final = 4  # a commit is slow after this part of the time that makes a hang


class Health(StrEnum):
    """How an engine is."""

    NONE = "none"  # no engine has run here
    STARTING = "starting"
    WELL = "well"
    QUIET = "quiet"  # the venue has nothing to say
    SLOW_DISK = "slow_disk"
    DOWN = "down"  # it broke, and may be started again
    STOPPED = "stopped"
    HUNG = "hung"
    DEAD = "dead"


BAD: Final = frozenset({Health.HUNG, Health.DEAD})


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """How long what may last.

    Attributes:
        hang_ns: Without progress.
        slow_disk_ns: One commit.
        down_ns: Gone, without having stopped.
    """

    hang_ns: int
    slow_disk_ns: int
    down_ns: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One look at an engine.

    Attributes:
        now_ns: When, on the clock that never goes back.
        progress: What its file says; None when that says nothing whole.
        is_alive: Whether the process that wrote the file is there.
    """

    now_ns: int
    progress: Progress | None
    is_alive: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """What a sample means.

    Attributes:
        health: How the engine is.
        why: In one sentence.
        since_ns: Since when what makes it so has lasted.
    """

    health: Health
    why: str
    since_ns: int


@dataclass(slots=True)
class _Mark:
    """A number, and when it was seen to change."""

    value: int = -1
    since_ns: int = 0

    def see(self, value: int, now_ns: int) -> None:
        """Take note of it."""
        if value != self.value:
            self.value, self.since_ns = value, now_ns


@dataclass(slots=True)
class _Marks:
    """What is watched of one process."""

    ticks: _Mark = field(default_factory=_Mark)
    arrivals: _Mark = field(default_factory=_Mark)
    decided: _Mark = field(default_factory=_Mark)
    written: _Mark = field(default_factory=_Mark)  # durable entries and commits
    pulse: _Mark = field(default_factory=_Mark)
    waits: _Mark = field(default_factory=_Mark)  # 1 while something waits to be decided on
    unwritten: _Mark = field(default_factory=_Mark)  # 1 while something waits to be written

    def all(self) -> tuple[_Mark, ...]:
        """Return every one."""
        return (
            self.ticks,
            self.arrivals,
            self.decided,
            self.written,
            self.pulse,
            self.waits,
            self.unwritten,
        )


class Judge:
    """Judges one engine by samples of its progress.

    Args:
        rules: How long what may last.
    """

    def __init__(self, rules: Rules) -> None:
        self._rules = rules
        self._marks = _Marks()
        self._last: Progress | None = None
        self._now_ns = -1
        self._gone_ns = -1
        self._deaths = 0

    def judge(self, sample: Sample) -> Judgement:
        """Return what a sample means after those before it."""
        now_ns = sample.now_ns
        self._forgive(now_ns)
        found = sample.progress or self._last
        if found is None:
            return Judgement(health=Health.NONE, why="no engine has run here", since_ns=now_ns)
        self._see(found, now_ns)
        if found.state is EngineState.STOPPED:
            return Judgement(health=Health.STOPPED, why="it was stopped", since_ns=now_ns)
        if not sample.is_alive:
            return self._gone(now_ns)
        self._gone_ns = -1
        judgement = self._judge_living(found, now_ns)
        if judgement.health in {Health.WELL, Health.QUIET}:
            self._deaths = 0
        return judgement

    def _forgive(self, now_ns: int) -> None:
        """Count no time in which we did not look: then perhaps nothing ran at all."""
        gap_ns = now_ns - self._now_ns
        if self._now_ns >= 0 and gap_ns > GAP_NS:
            for mark in self._marks.all():
                mark.since_ns += gap_ns
            if self._gone_ns >= 0:
                self._gone_ns += gap_ns
        self._now_ns = now_ns

    def _see(self, found: Progress, now_ns: int) -> None:
        """Take note of what has changed; another process begins anew."""
        before = self._last
        if before is None or (before.pid, before.began) != (found.pid, found.began):
            self._marks = _Marks()
            self._gone_ns = -1
        elif before.state is not found.state:
            self._marks = _Marks()
        self._last = found
        marks = self._marks
        marks.ticks.see(found.ticks, now_ns)
        marks.arrivals.see(found.arrivals, now_ns)
        marks.decided.see(found.decided_seq, now_ns)
        marks.written.see(found.durable_seq + found.commits, now_ns)
        marks.pulse.see(found.pulse_ns, now_ns)
        marks.waits.see(int(found.waiting > 0), now_ns)
        marks.unwritten.see(int(found.decided_seq > found.durable_seq), now_ns)

    def _gone(self, now_ns: int) -> Judgement:
        """Return how long a process that did not stop has been gone."""
        if self._gone_ns < 0:
            self._gone_ns = now_ns
            self._deaths += 1
        lasts_ns = now_ns - self._gone_ns
        is_dead = lasts_ns >= self._rules.down_ns or self._deaths > DEATHS_MAX
        why = f"its process has been gone for {_seconds(lasts_ns)}, and was not stopped"
        if self._deaths > 1:
            why = f"{why}; it broke {self._deaths} times without getting anywhere"
        health = Health.DEAD if is_dead else Health.DOWN
        return Judgement(health=health, why=why, since_ns=self._gone_ns)

    def _judge_living(self, found: Progress, now_ns: int) -> Judgement:
        """Judge a process that is there."""
        rules, marks = self._rules, self._marks
        frozen_ns = now_ns - marks.pulse.since_ns
        if found.state is not EngineState.RUNNING:
            if frozen_ns >= rules.slow_disk_ns:
                return self._hung(marks.pulse, now_ns, "its process does not run")
            word = "it starts" if found.state is EngineState.STARTING else "it is stopping"
            return Judgement(health=Health.STARTING, why=word, since_ns=now_ns)
        if frozen_ns >= rules.hang_ns:
            return self._hung(marks.pulse, now_ns, "its process does not run")
        busy_ns = now_ns - found.busy_ns if found.busy_ns > 0 else 0
        if busy_ns >= rules.slow_disk_ns:
            why = f"one commit of the journal has taken {_seconds(busy_ns)}"
            return Judgement(health=Health.HUNG, why=why, since_ns=found.busy_ns)
        stuck = self._stuck(now_ns)
        is_writing = busy_ns >= rules.hang_ns // BUSY_PARTS
        if is_writing and (stuck is not None or busy_ns >= rules.hang_ns):
            why = f"one commit of the journal has taken {_seconds(busy_ns)} so far"
            return Judgement(health=Health.SLOW_DISK, why=why, since_ns=found.busy_ns)
        if stuck is not None:
            mark, why = stuck
            was_written = now_ns - marks.written.since_ns < rules.hang_ns
            if mark is marks.ticks and was_written:
                why = "its loop waits for the journal, which is being written"
                return Judgement(health=Health.SLOW_DISK, why=why, since_ns=mark.since_ns)
            return self._hung(mark, now_ns, why)
        silent_ns = now_ns - marks.arrivals.since_ns
        if silent_ns >= rules.hang_ns:
            why = f"the venue has said nothing for {_seconds(silent_ns)}"
            return Judgement(health=Health.QUIET, why=why, since_ns=marks.arrivals.since_ns)
        return Judgement(health=Health.WELL, why="it makes progress", since_ns=now_ns)

    def _stuck(self, now_ns: int) -> tuple[_Mark, str] | None:
        """Return what has not moved for so long that it is a hang, unless the disk is slow."""
        hang_ns, marks = self._rules.hang_ns, self._marks

        def lasts(*conditions: _Mark) -> bool:
            return all(now_ns - mark.since_ns >= hang_ns for mark in conditions)

        if lasts(marks.ticks):
            return marks.ticks, "its loop stands still"
        if marks.waits.value == 1 and lasts(marks.waits, marks.decided):
            return marks.decided, "messages wait and nothing is decided"
        if marks.unwritten.value == 1 and lasts(marks.unwritten, marks.written):
            return marks.written, "what it decided is not written, and nobody writes"
        return None

    def _hung(self, mark: _Mark, now_ns: int, what: str) -> Judgement:
        lasts = _seconds(now_ns - mark.since_ns)
        return Judgement(health=Health.HUNG, why=f"{what}: for {lasts} now", since_ns=mark.since_ns)


def _seconds(ns: int) -> str:
    return f"{ns / NS_PER_S:.1f} s"
