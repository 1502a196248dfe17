"""What the watchdog saw and did, in a file that a person reads afterwards."""

import json
import os
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

from interlock.ops.judging import Judgement
from interlock.venues.stopper import Killed, Verdict

CONFIRMED: Final = "KILLED"
UNCONFIRMED: Final = "KILL_UNCONFIRMED"
NOTES_MAX: Final = 500
ATTEMPTS_MAX: Final = 100
NS_PER_MS: Final = 1_000_000

Facts = dict[str, Any]


@dataclass(slots=True, kw_only=True)
class Incident:
    """One time that the engine could not be relied on.

    Attributes:
        judgement: What was seen.
        begun_ns: When it was seen, on the clock that never goes back.
        wall_ns: The same, UTC.
        latch: What became of the kill latch.
        result: KILLED once the venue has shown it; until then KILL_UNCONFIRMED.
        why: Of what is not confirmed.
        confirmed_ns: When it was, on the first clock.
        attempts: What each stop came to.
        notes: What happened on the way, and how long after the beginning.
        ended: How the engine was when it was well again; nothing until then.
    """

    judgement: Judgement
    begun_ns: int
    wall_ns: int
    latch: str = ""
    result: str = UNCONFIRMED
    why: str = "nothing was done yet"
    confirmed_ns: int = 0
    attempts: list[Facts] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    ended: str = ""

    @property
    def is_confirmed(self) -> bool:
        """Whether the venue has shown it."""
        return self.result == CONFIRMED

    def note(self, text: str, now_ns: int) -> None:
        """Keep what happened."""
        if len(self.notes) < NOTES_MAX:
            self.notes.append(f"+{(now_ns - self.begun_ns) / NS_PER_MS:.0f} ms: {text}")

    def take(self, verdict: Verdict, now_ns: int) -> None:
        """Keep how a stop ended."""
        if len(self.attempts) < ATTEMPTS_MAX:
            self.attempts.append({"verdict": type(verdict).__name__, **asdict(verdict)})
        if isinstance(verdict, Killed):
            self.confirmed_ns = self.confirmed_ns or now_ns
            self.result, self.why = CONFIRMED, ""
        else:
            self.result, self.why = UNCONFIRMED, verdict.why

    def said(self) -> Facts:
        """Return it as a report."""
        judged = self.judgement
        confirmed_ms = (self.confirmed_ns - self.begun_ns) // NS_PER_MS
        return {
            "what": "incident",
            "health": str(judged.health),
            "seen": judged.why,
            "wall_ns": self.wall_ns,
            "lasted_before_ms": (self.begun_ns - judged.since_ns) // NS_PER_MS,
            "latch": self.latch,
            "result": self.result,
            "why": self.why,
            "confirmed_after_ms": confirmed_ms if self.confirmed_ns else None,
            "attempts": self.attempts,
            "notes": self.notes,
            "ended": self.ended,
        }

    @property
    def file_name(self) -> str:
        """The name of its report."""
        return f"{self.wall_ns}-{self.judgement.health}.json"


def write_report(folder: Path, name: str, said: Facts) -> None:
    """Write a report for this user alone; whoever reads it sees it whole.

    Raises:
        OSError: It could not be written.
    """
    folder.mkdir(mode=0o700, exist_ok=True)
    draft = folder / f".{name}.{os.getpid()}"
    draft.unlink(missing_ok=True)
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    with os.fdopen(os.open(draft, flags, 0o600), "w", encoding="utf-8") as file:
        json.dump(said, file, indent=1, default=str)
        file.write("\n")
    draft.replace(folder / name)
