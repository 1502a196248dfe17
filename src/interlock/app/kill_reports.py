"""What a kill came to, and where that is written down."""

import json
import os
from dataclasses import asdict, dataclass, field
from typing import Any, Final

from interlock.config.home import Home
from interlock.config.trust import PRIVATE_FILE, PRIVATE_FOLDER

KILLED: Final = "KILLED"
UNCONFIRMED: Final = "KILL_UNCONFIRMED"
BYTES_MAX: Final = 1 << 20
_PREFIX: Final = "kill-"


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What a venue showed at the end.

    Attributes:
        is_clear: Whether nothing is left there, where nothing was to be left.
        why: Why nobody can say so.
        road: How it came about.
        orders: Those that are open.
        positions: Lots by symbol.
    """

    is_clear: bool
    why: str = ""
    road: str = ""
    orders: tuple[str, ...] = ()
    positions: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class VenueReport:
    """What a kill came to at one venue.

    Attributes:
        venue: Its name.
        doubts: Why it is not confirmed; none when it is.
        found: What it showed.
    """

    venue: str
    doubts: tuple[str, ...]
    found: Found

    @property
    def result(self) -> str:
        """What to call it."""
        return UNCONFIRMED if self.doubts else KILLED


@dataclass(frozen=True, slots=True, kw_only=True)
class KillReport:
    """What a kill came to.

    Attributes:
        mode: What was asked for.
        reason: Why.
        who: By whom.
        ts_ns: When, UTC.
        latch: What the file says.
        changed: Whether anything is stricter than before.
        engine: What came of telling it.
        venues: What came of it at each.
        took_ms: From the beginning to the end.
    """

    mode: str
    reason: str
    who: str
    ts_ns: int
    latch: dict[str, Any]
    changed: bool
    engine: str
    venues: tuple[VenueReport, ...]
    took_ms: int

    @property
    def is_confirmed(self) -> bool:
        """Whether every venue that was asked for is."""
        return all(not one.doubts for one in self.venues)

    def as_json(self) -> dict[str, Any]:
        """Return it for a program."""
        venues = [{"result": each.result, **asdict(each)} for each in self.venues]
        return {**asdict(self), "confirmed": self.is_confirmed, "venues": venues}


def write_report(home: Home, report: KillReport) -> None:
    """Write a report into the home's incidents, for this user alone.

    Raises:
        OSError: It cannot be.
    """
    folder = home.incidents
    folder.mkdir(mode=PRIVATE_FOLDER, exist_ok=True)
    name = f"{_PREFIX}{report.ts_ns:020}-{os.getpid()}.json"
    descriptor = os.open(
        folder / name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, PRIVATE_FILE
    )
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        json.dump(report.as_json(), file, indent=2)
        file.flush()
        os.fsync(file.fileno())


def last_report(home: Home) -> dict[str, Any] | None:
    """Return the newest report that can be read; None when there is none."""
    folder = home.incidents
    try:
        files = sorted(folder.glob(f"{_PREFIX}*.json"), reverse=True)
    except OSError:
        return None
    for path in files:
        try:
            with path.open(encoding="utf-8") as file:
                found = json.loads(file.read(BYTES_MAX))
        except (OSError, ValueError):
            continue
        if isinstance(found, dict):
            return found
    return None
