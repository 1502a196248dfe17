"""The watchdog: looks at an engine, and stops the account when that cannot.

It needs nothing of the engine: what it sees is in a file, what it does goes over a connection of
its own. While it stops an account it goes on looking, and it tries until the venue has shown that
it is done. What it set stays set until a person clears it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal, Protocol

from interlock.config.latch import Confirmed, Latch, Unconfirmed, killed
from interlock.config.latch_file import LatchFile
from interlock.config.progress_file import Progress, process_began, read_progress
from interlock.ops.aside import Aside, within
from interlock.ops.incidents import Facts, Incident, write_report
from interlock.ops.judging import BAD, Health, Judge, Judgement, Rules, Sample
from interlock.ops.kill import Asked, Stopping
from interlock.venues.port import WardenCodec
from interlock.venues.purpose import Purpose
from interlock.venues.stopper import NS_PER_S, Killed, Timing, Verdict

WHO: Final = "watchdog"
LOOK_S: Final = 0.1  # between two looks at the engine
STEP_S: Final = 0.02  # of a stop under way
AGAIN_NS: Final = 5 * NS_PER_S  # while the engine is bad, a venue that was clear is looked at again
RETRY_NS: Final = NS_PER_S // 2  # after a stop that was not confirmed
LATCH_S: Final = 2.0  # a disk that hangs must not keep us from the venue
LAST_NS: Final = 12 * NS_PER_S  # when it is told to end, a stop under way may take so long

FINE: Final = frozenset({Health.WELL, Health.QUIET})  # a market that falls silent is no news

Action = Literal["flatten", "protect"]
Tell = Callable[[str, Mapping[str, Any]], None]


def _nothing() -> None:
    """Do nothing more."""


class Clock(Protocol):
    """Two clocks (``runtime.clock.Clock``)."""

    def now_ns(self) -> int:
        """Return the time, UTC, in ns since 1970."""

    def elapsed_ns(self) -> int:
        """Return ns since some moment; never falls."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """When it acts, and how.

    Attributes:
        rules: What counts as a hang.
        action: What is to be true at the venue then.
        stop_ppm: Distance of a stop that has to be placed, in millionths of the price.
    """

    rules: Rules
    action: Action
    stop_ppm: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """Where things are.

    Attributes:
        latch: The kill latch.
        progress: What the engine shows.
        venue: The venue's socket.
        incidents: The folder of reports.
    """

    latch: Path
    progress: Path
    venue: Path
    incidents: Path


def look_at_engine(path: Path, now_ns: int, last: Progress | None) -> Sample:
    """Return a sample of an engine; a file that says nothing whole says what it said before."""
    found = read_progress(path) or last
    is_alive = found is not None and process_began(found.pid) == found.began
    return Sample(now_ns=now_ns, progress=found, is_alive=is_alive)


class Watchdog:
    """Watches one account.

    Args:
        places: Where things are.
        codec: Makes the codec of a connection.
        terms: When it acts, and how.
        clock: This machine's.
        tell: Told what a person may want to know.
        sleep: Waits for so many seconds, or until something happens.
    """

    def __init__(
        self,
        places: Places,
        codec: Callable[[], WardenCodec],
        terms: Terms,
        clock: Clock,
        *,
        tell: Tell,
        sleep: Callable[[float], None],
    ) -> None:
        self.judgement = Judgement(health=Health.NONE, why="it was not looked at yet", since_ns=0)
        self.incident: Incident | None = None
        self._places = places
        self._codec = codec
        self._terms = terms
        self._clock = clock
        self._tell = tell
        self._sleep = sleep
        self._aside = Aside()
        self._judge = Judge(terms.rules)
        self._seen: Progress | None = None
        self._stopping: Stopping | None = None
        self._purpose = Purpose.FLATTEN
        self._next_ns = 0
        self._names = 0
        self._placed = 0  # stops of ours that may rest at the venue
        self._given_up = False
        self._ends_ns: int | None = None

    # --- from outside -------------------------------------------------------------------------

    def give_up(self) -> None:
        """The engine is gone for good: wait no longer for somebody to start it again."""
        self._given_up = True

    def end(self) -> None:
        """End soon; a stop that is under way is brought to its end first."""
        if self._ends_ns is None:
            self._ends_ns = self._clock.elapsed_ns() + LAST_NS

    def run(self, each: Callable[[], None] = _nothing) -> bool:
        """Watch until told to end; return whether nothing is left unconfirmed.

        Args:
            each: Called after each moment, at most ``LOOK_S`` apart while nothing hangs.
        """
        is_over = False
        while not is_over:
            is_told = self._ends_ns is not None  # and looks once more after it was told
            self.step()
            each()
            is_over = is_told and self._is_over()
        if self._stopping is not None:
            self._stopping.close()
        self._aside.end(LATCH_S)
        return self.incident is None or self.incident.is_confirmed

    def _is_over(self) -> bool:
        """Return whether nothing is owed to anybody, or has been for too long."""
        assert self._ends_ns is not None
        is_owed = self.incident is not None and not self.incident.is_confirmed
        withdraws = self._stopping is not None and self._purpose is Purpose.WITHDRAW
        return not (is_owed or withdraws) or self._clock.elapsed_ns() >= self._ends_ns

    # --- a moment -----------------------------------------------------------------------------

    def step(self) -> None:
        """Look at the engine, and go on with what is under way."""
        now_ns = self._clock.elapsed_ns()
        sample = look_at_engine(self._places.progress, now_ns, self._seen)
        self._seen = sample.progress
        before, self.judgement = self.judgement.health, self._judge.judge(sample)
        if self.judgement.health is not before and not {before, self.judgement.health} <= FINE:
            self._say("engine_health", health=str(self.judgement.health), why=self.judgement.why)
        if self._is_bad() and self.incident is None:
            self._begin(now_ns)
        if self._stopping is not None:
            self._go_on(self._stopping)
        elif self.incident is not None:
            self._mind(self.incident, now_ns)
        if self._stopping is None:
            self._sleep(LOOK_S)

    def _is_bad(self) -> bool:
        health = self.judgement.health
        return health in BAD or (self._given_up and health is Health.DOWN)

    def _begin(self, now_ns: int) -> None:
        """Latch first: nothing may be opened any more, whoever wakes up."""
        incident = Incident(judgement=self.judgement, begun_ns=now_ns, wall_ns=self._clock.now_ns())
        self.incident = incident
        self._say("incident", health=str(self.judgement.health), why=self.judgement.why)
        self._set_latch(incident)
        self._stop(self._purpose_of())

    def _purpose_of(self) -> Purpose:
        return Purpose.FLATTEN if self._terms.action == "flatten" else Purpose.PROTECT

    def _set_latch(self, incident: Incident) -> None:
        latch = killed(
            mode="immediate" if self._terms.action == "flatten" else "pause",
            reason=f"the engine is {incident.judgement.health}: {incident.judgement.why}",
            who=WHO,
            ts_ns=self._clock.now_ns(),
        )
        found = within(LATCH_S, lambda: self._kill(latch))
        match found:
            case None:
                incident.latch = f"UNCONFIRMED: it was not written within {LATCH_S:g} s"
            case Confirmed():
                incident.latch = "CONFIRMED"
            case Unconfirmed():
                incident.latch = f"UNCONFIRMED: {found.why}"
        incident.note(f"the latch is set: {incident.latch}", self._clock.elapsed_ns())
        self._report(incident)

    def _kill(self, latch: Latch) -> Confirmed | Unconfirmed:
        file = LatchFile(path=self._places.latch, stopwatch_ns=self._clock.elapsed_ns)
        try:
            return file.kill(latch)
        finally:
            file.close()

    def _is_latched(self) -> bool:
        file = LatchFile(path=self._places.latch, stopwatch_ns=self._clock.elapsed_ns)
        try:
            return file.read().is_set
        finally:
            file.close()

    def _stop(self, purpose: Purpose) -> None:
        """Begin to stop the account at its venue."""
        self._names += 1
        self._purpose = purpose
        self._stopping = Stopping(
            self._places.venue,
            self._codec(),
            Asked(
                purpose=purpose,
                name=f"{self._clock.now_ns():X}N{self._names}",
                who=WHO,
                timing=Timing(stop_ppm=self._terms.stop_ppm),
            ),
            self._clock,
            self._note,
        )

    def _go_on(self, stopping: Stopping) -> None:
        """Go on with a stop under way, and take its end."""
        stopping.step(STEP_S)
        verdict = stopping.verdict
        if verdict is None:
            return
        stopping.close()
        self._stopping = None
        now_ns = self._clock.elapsed_ns()
        self._next_ns = now_ns + (AGAIN_NS if isinstance(verdict, Killed) else RETRY_NS)
        if self._purpose is Purpose.WITHDRAW:
            self._placed = self._placed if not isinstance(verdict, Killed) else 0
        elif self.incident is not None:
            self._take(self.incident, verdict, now_ns)

    def _take(self, incident: Incident, verdict: Verdict, now_ns: int) -> None:
        was_confirmed = incident.is_confirmed
        incident.take(verdict, now_ns)
        if isinstance(verdict, Killed) and self._purpose is Purpose.PROTECT:
            self._placed += verdict.closed
        if incident.is_confirmed != was_confirmed or not incident.is_confirmed:
            after_ms = (now_ns - incident.begun_ns) // 1_000_000
            self._say(
                "incident_result", result=incident.result, why=incident.why, after_ms=after_ms
            )
        self._report(incident)

    def _mind(self, incident: Incident, now_ns: int) -> None:
        """Look again while the engine is bad; close the incident when it is not."""
        if now_ns < self._next_ns:
            return
        if not incident.is_confirmed or self._is_bad():
            if not self._is_latched():
                self._set_latch(incident)
            self._stop(self._purpose_of())
            return
        if self.judgement.health not in {Health.WELL, Health.QUIET, Health.STOPPED}:
            return
        if self._placed and self.judgement.health is not Health.STOPPED:
            self._stop(Purpose.WITHDRAW)  # the engine's own stops need what ours lock
            return
        incident.ended = f"the engine is {self.judgement.health}: {self.judgement.why}"
        self._say("incident_over", health=str(self.judgement.health), why=self.judgement.why)
        self._report(incident)
        self.incident = None
        self._given_up = False

    # --- words --------------------------------------------------------------------------------

    def _note(self, text: str) -> None:
        if self.incident is not None:
            self.incident.note(text, self._clock.elapsed_ns())

    def _report(self, incident: Incident) -> None:
        """Write the report, in a thread of its own: a disk that hangs keeps us from nothing."""
        said = incident.said()
        self._aside.do(lambda: self._write(incident.file_name, said))

    def _write(self, name: str, said: Facts) -> None:
        try:
            write_report(self._places.incidents, name, said)
        except OSError as error:
            self._say("incident_not_written", why=error.strerror or str(error))

    def _say(self, event: str, **facts: Any) -> None:
        self._aside.do(lambda: self._tell(event, facts))
