"""An engine with its kill latch in a real file, for tests of what stops it."""

from pathlib import Path
from typing import Any

from interlock.config.latch import Confirmed, Mode, killed
from interlock.config.latch_file import LatchFile
from interlock.journal.rows import RowKind
from interlock.kernel.codes import ACCOUNT, Cause, Kind, Level
from interlock.runtime.clock import NS_PER_S
from interlock.runtime.entries import events_of, said_by
from interlock.runtime.stopping import Stopping, StopRules
from tests.runtime.pair import Pair

GRACEFUL_NS = 1_800 * NS_PER_S
ABSENT_NS = 10 * NS_PER_S
WORDS: dict[str, Any] = {"reason": "a drill", "who": "uid 1000 on a terminal"}


class World:
    """An engine, its latch file, and time."""

    def __init__(self, folder: Path, pair: Pair, *, absent_ns: int = 0) -> None:
        folder.chmod(0o700)
        self.pair = pair
        self.engine = pair.engine
        self.clock = pair.clock
        self.latch = LatchFile(path=folder / "latch.json", stopwatch_ns=lambda: 0)
        self.latch.prepare(journal_exists=False)
        self.stopping = Stopping(
            pair.engine,
            self.latch,
            pair.clock,
            StopRules(graceful_ns=GRACEFUL_NS, absent_ns=absent_ns),
        )
        self.engine.remind = self.stopping.tick

    def file(self, mode: Mode, **words: str) -> None:
        """Kill as somebody does who has no engine: by the file alone."""
        kill = killed(mode=mode, ts_ns=self.clock.now_ns(), **{**WORDS, **words})
        assert isinstance(self.latch.kill(kill), Confirmed)

    def kill(self, mode: Mode, **words: str) -> Any:
        """Kill through the engine."""
        stopped = self.stopping.kill(mode=mode, **{**WORDS, **words})
        self.pair.pump()
        return stopped

    def clear(self) -> None:
        """Let a person clear it, as the door does."""
        assert self.stopping.release(**WORDS) is not None
        self.pair.pump()
        self.stopping.finish(**WORDS)

    def pass_time(self, seconds: float) -> None:
        self.pair.pass_time(seconds)

    def causes(self) -> dict[str, str]:
        """Return what is latched over the account: cause and level."""
        account = self.engine.decider.state
        table = account["latches"][0, : int(account["account"]["latches"][0])]
        return {
            Cause(x["cause"]).name: Level(x["level"]).name
            for x in table
            if x["scope_id"] == ACCOUNT
        }

    def words(self, kind: Kind) -> list[dict[str, Any]]:
        """Return what was journaled beside every event of a kind."""
        entries = [*self.pair.entries, *self.engine.take_entries()]
        found = [said_by(x) for x in entries if any(events_of(x)["kind"] == kind)]
        return [said for said in found if said]

    def notes(self) -> list[dict[str, Any]]:
        """Return what was noted."""
        notes = [x for x in self.pair.entries if x.kind is RowKind.NOTE]
        return [said_by(x) for x in notes]
