"""The life of one account: an engine that is killed again and again, and its venue.

Everything that happens in it follows from its seed, but for what the machine's timing makes of it.
"""

import json
import random
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import apsw

from interlock.app.session import inputs_of
from interlock.journal.rows import EMPTY, Head
from interlock.venues.simulated.desk import QUIET_ROWS
from tests.proof.kill_books import Books, Counts
from tests.proof.kill_market import Market, session_in
from tests.proof.kill_points import POINTS

BARS: Final = 1_500  # of each instrument: more than a life uses
LAST_ROWS: Final = QUIET_ROWS + 24  # of the recording, after what the books know to be told
POINT_S: Final = 1.2  # within which a point is reached, or the kill comes where it comes
TIMED_S: Final = 0.7
STOPPING: Final = (
    "snapshot",
    "snapshot_committed",
    "anchor",
    "checkpoint",
)  # reached when it stops, at least
END_S: Final = 60.0

# How venues misbehave. What is counted begins anew with every start of the venue.
BEHAVIOURS: Final[dict[str, dict[str, Any]]] = {
    "good": {},
    "runs on": {"is_free_running": True},
    "cuts": {"cut_command": 9, "cut_bytes": 40},
    "does and cuts": {"cut_command": 7, "cut_bytes": 100_000},
    "repeats": {"repeat_report_every": 3},
    "drops": {"drop_report_every": 7},
    "drops and runs on": {"drop_report_every": 11, "is_free_running": True},
    "lags": {"hide_answers": 1},
    "silent": {"drop_answers": 3},
    "shut": {"refuse_connections": 3},
    "slow": {"delay_s": 0.01},
}
RUNNING: Final = "300bars/s"  # of a recording that waits for nobody
LAGGING: Final = (500, 2)  # ms and answers that prove an order's absence at a venue that lags

Told = dict[str, Any]


class Failed(AssertionError):  # noqa: N818 - the proof did
    """Something did not hold; the message says how to see it again."""


class Client:
    """Asks the server that forks (``kill_server``)."""

    def __init__(self, root: Path) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.proof.kill_server"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=root,
        )

    def ask(self, what: str, **told: Any) -> Told:
        """Ask for something, and return the answer."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps({"do": what, **told}) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        assert line, "the server that forks is gone"
        answer: Told = json.loads(line)
        if "failed" in answer:
            raise RuntimeError(str(answer["failed"]))
        return answer

    def close(self) -> None:
        """End it, and everything it started."""
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()


@contextmanager
def server(root: Path) -> Iterator[Client]:
    """Give a server that forks, and end it."""
    client = Client(root)
    try:
        yield client
    finally:
        client.close()


@dataclass(slots=True)
class Tally:
    """What happened, over all lives.

    Attributes:
        kills: Engines killed.
        venues: Venues killed, alone or with their engine.
        hits: Of each named point.
        timed: Engines killed at a moment of chance.
        behaviours: Cycles under each.
        counts: What was checked.
    """

    kills: int = 0
    venues: int = 0
    hits: Counter[str] = field(default_factory=Counter)
    timed: int = 0
    behaviours: Counter[str] = field(default_factory=Counter)
    counts: Counts = field(default_factory=Counts)

    def lines(self) -> Iterator[str]:
        """Yield it for people."""
        hits = ", ".join(f"{name} {self.hits[name]}" for name in POINTS)
        yield f"{self.kills} kills: {self.timed} at any moment, {self.hits.total()} at: {hits}"
        yield f"{self.venues} kills of the venue; cycles by its manners: {dict(self.behaviours)}"
        yield f"checked: {self.counts}"


class Life:
    """One account from its first record to its last.

    Args:
        client: Forks.
        folder: Empty.
        seed: Decides everything.
        behaviour: Of the venue until faults stop.
        points: Where the engine is killed, one by one; nothing stands for any moment.
        tally: Added to.
    """

    def __init__(
        self,
        client: Client,
        folder: Path,
        *,
        seed: int,
        behaviour: str,
        points: list[str],
        tally: Tally,
    ) -> None:
        self._client = client
        self._folder = folder
        self._behaviour = behaviour
        self._points = points
        self._tally = tally
        self._chance = random.Random(seed)  # noqa: S311 - no secret
        self._client.ask("life", folder=str(folder), seed=seed, bars=BARS)
        market = Market(folder=folder / "market", seed=seed, bars=BARS)
        session = session_in(folder / "home", market.changes())
        self._home = session.home.root
        self._books = Books(self._home, inputs_of(session, lambda _: None))
        self._venue_alive = False

    def run(self) -> None:
        """Kill it everywhere, let faults stop, and compare everything."""
        for point in self._points:
            self._cycle(point)
        self._finish()
        self._tally.counts.add(self._books.counts)

    def _start_venue(self, manners: Told, last: int | None = None) -> None:
        if not self._venue_alive:
            speed = RUNNING if manners.get("is_free_running") else "max"
            self._client.ask("venue", manners=manners, last=last, speed=speed)
            self._venue_alive = True

    def _cycle(self, point: str) -> None:
        """Start the engine, kill it, and look at what it left."""
        self._start_venue(BEHAVIOURS[self._behaviour])
        chance = self._chance
        asked: Told = {
            "seed": chance.randrange(2**31),
            "after_s": POINT_S if point else chance.uniform(0.05, TIMED_S),
        }
        if point:
            asked["point"] = point
            asked["count"] = chance.randint(1, POINTS[point])
        if point in STOPPING:
            asked["stop_after_s"] = chance.uniform(0.3, 0.6)
        if self._behaviour == "lags":
            asked["absence"] = LAGGING
        if chance.random() < 0.08:
            asked["venue_after_s"] = chance.uniform(0.2, asked["after_s"])
        answer = self._client.ask("engine", **asked)
        if self._venue_alive and not answer["venue_alive"]:
            assert "venue_after_s" in asked, answer
            self._tally.venues += 1
            self._venue_alive = False
        if not answer["killed"]:
            assert point in STOPPING, answer
            assert answer["status"] in {0, signal.SIGTERM}, answer  # the latter before it listens
        else:
            self._tally.kills += 1
            self._tally.timed += not answer["hit"]
            self._tally.hits[point] += bool(answer["hit"])
        self._tally.behaviours[self._behaviour] += 1
        self._books.check_dead(_head(answer))

    def _finish(self) -> None:
        """Let the faults stop and the recording end soon, and compare both sides."""
        self._client.ask("end_venue")
        self._venue_alive = False
        self._start_venue({}, last=self._rows_taken() + LAST_ROWS)
        answer = self._client.ask("engine", stop_at_end=True, after_s=END_S)
        self._client.ask("end_venue", gently=True)
        self._venue_alive = False
        assert answer["status"] == 0, answer
        self._books.check_dead(_head(answer))
        self._books.check_quiet(repeated=self._behaviour == "repeats")

    def _rows_taken(self) -> int:
        """Return how far the venue is in its recording."""
        books = apsw.Connection(
            str(self._home / "venue" / "venue.db"), flags=apsw.SQLITE_OPEN_READONLY
        )
        try:
            found = books.execute("SELECT value FROM meta WHERE key = 'feed_taken'").get
        finally:
            books.close()
        return int(found or 0)


def _head(answer: Told) -> Head:
    """Return up to where an engine knew its journal to be durable."""
    if answer["seq"] == 0:
        return EMPTY
    return Head(seq=answer["seq"], hash=bytes.fromhex(answer["hash"]))
