"""Stopping: what the kill latch says is what the kernel obeys, until a person takes it back.

The last gate stops every opening order by itself as soon as the latch is set. This lets the kernel
know, so that it stops deciding, takes down what rests and closes what is held; and it asks whether
anybody still watches over this engine.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from interlock.config.errors import PolicyError
from interlock.config.latch import Confirmed, Latch, LatchState, Mode, Unconfirmed, killed
from interlock.config.latch_file import LatchFile
from interlock.kernel.codes import ACCOUNT, Cause, Exit, Level, Scope
from interlock.kernel.records import Row, Rows
from interlock.kernel.state import StateArray
from interlock.runtime.asking import AskError
from interlock.runtime.clock import NS_PER_MS, NS_PER_S, Clock
from interlock.runtime.engine import Engine
from interlock.runtime.entries import Said, json_bytes
from interlock.runtime.link import Phase
from interlock.runtime.operator import resume_row
from interlock.runtime.reconcile import halt_row, over_row

LOOK_NS: Final = 20 * NS_PER_MS  # between two looks at the latch file: every turn of the loop
PRESS_NS: Final = NS_PER_S  # between two tries at what a venue refused
KILL_S: Final = 0.2  # to write the latch: nobody but this thread sends, so that it need not wait
ENGINE: Final = "the engine"  # who made of a graceful kill an immediate one

_LEVELS: Final = {
    Cause.KILL_IMMEDIATE: Level.KILLED,
    Cause.KILL_GRACEFUL: Level.HALTED,
    Cause.KILL_FILE: Level.HALTED,
    Cause.KILL_PAUSE: Level.PAUSED,
}
_CAUSES: Final[dict[str, Cause]] = {
    "immediate": Cause.KILL_IMMEDIATE,
    "graceful": Cause.KILL_GRACEFUL,
    "pause": Cause.KILL_PAUSE,
}
KILLS: Final = frozenset(map(int, _LEVELS))


@dataclass(frozen=True, slots=True, kw_only=True)
class StopRules:
    """What may stop an engine by itself.

    Attributes:
        graceful_ns: How long a graceful kill waits for positions to leave before it closes them.
        absent_ns: How long nobody may watch before it opens nothing; 0 when nobody has to.
    """

    graceful_ns: int
    absent_ns: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Stopped:
    """What came of a kill.

    Attributes:
        outcome: What the latch file says, and whether all who send have seen it.
        changed: Whether anything is stricter than it was.
        seq: The entry that has to be durable.
    """

    outcome: Confirmed | Unconfirmed
    changed: bool
    seq: int


def latches_in(state: StateArray) -> list[Row]:
    """Return the latches that are set, as the kernel keeps them."""
    return list(state["latches"][0, : int(state["account"]["latches"][0])])


def _over_account(state: StateArray) -> dict[int, Row]:
    """Return the latches over the whole account, by cause."""
    return {int(x["cause"]): x for x in latches_in(state) if x["scope"] == Scope.ACCOUNT}


def check_reconciled(engine: Engine, what: str) -> None:
    """See that the account is as its venue says, before anything is let through again.

    Args:
        engine: Of the account.
        what: Must wait for that.

    Raises:
        AskError: It is not; every reason.
    """
    state = engine.decider.state
    unknown = int(state["instruments"]["unknown_orders"].sum())
    held = any(x["cause"] == Cause.RECONCILIATION for x in latches_in(state))
    problems = []
    if engine.link.phase is not Phase.READY:
        problems.append(f"the conversation with the venue must be ready, was {engine.link.phase}")
    if unknown:
        problems.append(f"orders that nobody knows the fate of must be 0, were {unknown}")
    if held:
        problems.append("what we hold must be what the venue names, and differs")
    if problems:
        raise AskError(
            f"{what} needs an account that is reconciled: {'; '.join(problems)}. Nothing was "
            "changed. Next: interlock status, and try again."
        )


class Stopping:
    """The kill latch of one engine, and whoever watches over it. Used in the engine's thread.

    Args:
        engine: Begun.
        latch: Its latch file.
        clock: This machine's.
        rules: How long what may last.
    """

    def __init__(self, engine: Engine, latch: LatchFile, clock: Clock, rules: StopRules) -> None:
        self._engine = engine
        self._latch = latch
        self._clock = clock
        self._rules = rules
        now_ns = clock.elapsed_ns()
        self._looked_ns = now_ns - LOOK_NS
        self._pressed_ns = now_ns
        self._graceful_ns: int | None = None  # since when, on the clock that never jumps
        self._watched_ns = now_ns  # the start counts: a watchdog may take as long to come
        self._watchdog = 0  # its process; 0 before it ever came
        self._clearing: Latch | None = None

    # --- time ---------------------------------------------------------------------------------

    def tick(self) -> None:
        """Let time pass."""
        now_ns = self._clock.elapsed_ns()
        self._mind_watchdog(now_ns)
        if now_ns - self._looked_ns < LOOK_NS:
            return
        self._looked_ns = now_ns
        self.look()
        self._mind_graceful(now_ns)
        if now_ns - self._pressed_ns >= PRESS_NS:
            self._pressed_ns = now_ns
            self._press()

    def look(self) -> int | None:
        """Let the kernel know what the latch file says; return the seq of what it had to be told.

        None when it knew, or nothing is set.
        """
        latch = self._latch.read()
        if not latch.is_set or latch == self._clearing:
            return None
        if latch.state is LatchState.UNREADABLE:
            cause = Cause.KILL_FILE
            # Without its folder: a journal says the same on every machine.
            reason = latch.reason.replace(f"{self._latch.path.parent}/", "")
            said = {"what": "kill_file", "reason": reason}
        else:
            cause = _CAUSES[latch.mode]
            said = _killed_said(latch)
        return None if self._is_obeyed(cause) else self._halt(cause, said)

    def _is_obeyed(self, cause: Cause) -> bool:
        """Return whether the kernel stops at least as much for a kill already."""
        state = self._engine.decider.state
        account = state["account"]
        if int(account["latches"][0]) >= state["latches"].shape[1] - 1:
            return bool(account["latch_level"][0] >= _LEVELS[cause])  # it halted for want of room
        there = KILLS & set(_over_account(state))
        if cause != Cause.KILL_FILE:
            there -= {Cause.KILL_FILE}  # a file that was lost is no kill that somebody timed
        return any(_LEVELS[Cause(each)] >= _LEVELS[cause] for each in there)

    def _halt(self, cause: Cause, said: Said, level: Level | None = None) -> int:
        wanted = _LEVELS[cause] if level is None else level
        row = halt_row(ACCOUNT, wanted, self._engine.now_ns(), cause)
        return self._engine.operate_now(row, json_bytes(said))

    def _mind_graceful(self, now_ns: int) -> None:
        """Make an immediate kill of a graceful one whose time is over, by either clock.

        The kernel's clock counts through restarts, and is a recording's while one is replayed; the
        other one counts where that stands still or was set back.
        """
        there = _over_account(self._engine.decider.state)
        latch = there.get(Cause.KILL_GRACEFUL)
        if latch is None or Cause.KILL_IMMEDIATE in there:
            self._graceful_ns = None
            return
        if self._graceful_ns is None:
            self._graceful_ns = now_ns
        waited_ns = max(self._engine.now_ns() - int(latch["set_ns"]), now_ns - self._graceful_ns)
        if waited_ns < self._rules.graceful_ns:
            return
        minutes = self._rules.graceful_ns // (60 * NS_PER_S)
        kill = killed(
            mode="immediate",
            reason=f"a graceful kill was not over after {minutes} minutes",
            who=ENGINE,
            ts_ns=self._clock.now_ns(),
        )
        self._halt(Cause.KILL_IMMEDIATE, _killed_said(kill))
        self._latch.kill(kill, KILL_S)

    def _press(self) -> None:
        """Let time pass for the kernel where a venue refused something, so that it asks again.

        Bars do this too, where they come.
        """
        engine = self._engine
        if engine.link.phase is not Phase.READY:
            return
        level = int(engine.decider.state["account"]["latch_level"][0])
        table = engine.decider.state["instruments"][0]
        waits = table["exit_waits"] > 0
        if level >= Level.HALTED:
            waits |= (table["entry_orders"] > 0) | (table["exit_code"] != Exit.NONE)
        if level >= Level.KILLED:
            waits |= table["position"] != 0
        if np.any(waits):
            engine.operate_now(_timer_row(Cause.NONE, engine.now_ns()))

    # --- who watches --------------------------------------------------------------------------

    def watched(self, pid: int) -> None:
        """The watchdog is there."""
        self._watchdog = pid
        self._watched_ns = self._clock.elapsed_ns()

    def _mind_watchdog(self, now_ns: int) -> None:
        """Open nothing while nobody watches: who would stop an engine that hangs?"""
        absent_ns = self._rules.absent_ns
        is_absent = 0 < absent_ns <= now_ns - self._watched_ns
        is_held = Cause.WATCHDOG in _over_account(self._engine.decider.state)
        if is_absent and not is_held:
            said = {"what": "no_watchdog", "absent_ms": absent_ns // NS_PER_MS}
            self._halt(Cause.WATCHDOG, said, Level.PAUSED)
        elif is_held and not is_absent and (self._watchdog or absent_ns == 0):
            self._engine.operate_now(_timer_row(Cause.WATCHDOG, self._engine.now_ns()))

    # --- people -------------------------------------------------------------------------------

    def kill(self, *, mode: Mode, reason: str, who: str) -> Stopped:
        """Kill: the latch file first, then the kernel. A lesser kill than before changes nothing.

        Whoever asks is answered when ``seq`` is durable.
        """
        self._clearing = None  # whoever clears decided about another one
        before = self._latch.read()
        kill = killed(mode=mode, reason=reason, who=who, ts_ns=self._clock.now_ns())
        outcome = self._latch.kill(kill, KILL_S)
        cause = _CAUSES[mode]  # whatever the file says: it may have been lost in the attempt
        is_new = not self._is_obeyed(cause)
        if is_new:
            self._halt(cause, _killed_said(kill))
        changed = is_new or outcome.latch != before
        if not changed and not _same_words(before, kill):
            self._engine.note({**_killed_said(kill), "changed": False})
        return Stopped(outcome=outcome, changed=changed, seq=self._engine.decider.seq)

    def release(self, *, reason: str, who: str, seen_ns: int | None = None) -> int | None:
        """Begin to clear what was killed; return the seq that must be durable before ``finish``.

        None when nothing is killed. A kill that comes in between holds, and ``finish`` says so.

        Args:
            reason: Why it may go on.
            who: The person.
            seen_ns: When the latch was written that the person looked at, if they did.

        Raises:
            AskError: The account is not reconciled, somebody else clears it right now, or it was
                killed again since the person looked.
        """
        engine = self._engine
        latch = self._latch.read()
        if seen_ns is not None and seen_ns != latch.ts_ns:
            raise AskError(
                "the kill must be the one that was looked at, and was written again since. Nothing "
                "was changed. Next: interlock kill --status"
            )
        rows = [
            resume_row(each, engine.now_ns())
            for each in latches_in(engine.decider.state)
            if int(each["cause"]) in KILLS
        ]
        if self._clearing is not None:
            raise AskError("a kill must be cleared by one person at a time: somebody does it now.")
        if not rows and not latch.is_set:
            return None
        check_reconciled(engine, "clearing a kill")
        self._clearing = latch
        said = {"what": "kill_cleared", "reason": reason, "who": who}
        for row in rows:
            engine.operate_now(row, json_bytes(said))
        return engine.decider.seq if rows else engine.note(said)

    def finish(self, *, reason: str, who: str) -> Latch:
        """Clear the latch file, now that the journal says so; return what it says.

        Raises:
            AskError: It could not be, or somebody killed since: the kernel is halted again.
        """
        seen, self._clearing = self._clearing, None
        if seen is None:
            self.look()
            raise AskError("the kill still holds: somebody killed again while it was cleared.")
        try:
            return self._latch.clear(
                seen, who=who, reason=reason, ts_ns=self._clock.now_ns(), timeout_s=KILL_S
            )
        except PolicyError as error:
            self.look()
            raise AskError(f"the kill still holds. {error}") from error

    def give_up(self) -> None:
        """Clear nothing after all: the latch holds as before."""
        if self._clearing is not None:
            self._clearing = None
            self.look()

    def said(self) -> Said:
        """Return what a status says of it."""
        latch = self._latch.read()
        waited_s = (self._clock.elapsed_ns() - self._watched_ns) / NS_PER_S
        return {
            "set": latch.is_set,
            "state": str(latch.state),
            "mode": latch.mode,
            "reason": latch.reason,
            "who": latch.who,
            "ts_ns": latch.ts_ns,
            "watchdog": {
                "wanted": self._rules.absent_ns > 0,
                "pid": self._watchdog,
                "seen_s": round(waited_s, 1) if self._watchdog else None,
            },
        }


def _timer_row(cause: Cause, now_ns: int) -> Rows:
    """Return that time has passed and, unless it is NONE, that a cause is over; shape (1,)."""
    row = over_row(ACCOUNT, now_ns)
    row["code"] = cause
    return row


def _killed_said(latch: Latch) -> Said:
    """Return what the journal keeps of a kill beside the row that the kernel obeys."""
    return {
        "what": "kill",
        "mode": latch.mode,
        "reason": latch.reason,
        "who": latch.who,
        "wall_ns": latch.ts_ns,
    }


def _same_words(one: Latch, other: Latch) -> bool:
    """Return whether two kills say the same, whenever they were asked for."""
    return (one.mode, one.reason, one.who) == (other.mode, other.reason, other.who)
