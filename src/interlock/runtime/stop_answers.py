"""The part of an engine's door that stops it, and that lets it go on: kill, clear, resume, watch.

Every answer that changed something is given when that is durable.
"""

from dataclasses import dataclass
from typing import Final, cast

from interlock.config.latch import MODES, WORDS_MAX, Mode, Unconfirmed
from interlock.kernel.codes import Cause, Release
from interlock.kernel.records import Row
from interlock.runtime.asking import AskError
from interlock.runtime.control import Answer
from interlock.runtime.driver import Driver
from interlock.runtime.entries import Said, json_bytes
from interlock.runtime.operator import resume_row
from interlock.runtime.session import Setup
from interlock.runtime.status import latch_said, latches_of
from interlock.runtime.stopping import KILLS, Stopping, check_reconciled, latches_in

_CLEAR: Final = "interlock kill --clear --reason TEXT"
_SILENT: Final = "the strategy that failed stays silent until the engine is started again"


def _word(asked: Said, name: str, what: str) -> str:
    """Return a text of a request that has to say something."""
    found = asked.get(name)
    if not isinstance(found, str) or not found.strip() or len(found) > WORDS_MAX:
        raise AskError(
            f"{name} must be {what}, in 1 to {WORDS_MAX} characters, was {found!r:.80}. Nothing "
            "was changed."
        )
    return found.strip()


def _words(asked: Said) -> tuple[str, str]:
    """Return why something is asked for, and by whom."""
    return _word(asked, "reason", "why"), _word(asked, "who", "who asks")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Wanted:
    """A latch as the kernel keeps it, and as people name it."""

    latch: Row
    said: Said

    @property
    def name(self) -> str:
        """What to call it."""
        return f"{self.said['cause']} of {self.said['of']}"


class StopAnswers:
    """Kill, clear, resume and watch.

    Args:
        driver: Of the engine.
        stopping: Its latch.
        setup: What it trades with.
    """

    def __init__(self, driver: Driver, stopping: Stopping, setup: Setup) -> None:
        self._driver = driver
        self._stopping = stopping
        self._setup = setup

    def table(self) -> dict[str, Answer]:
        """Return everything that can be asked, by name."""
        return {
            "clear": self._ask_clear,
            "kill": self._ask_kill,
            "resume": self._ask_resume,
            "watch": self._ask_watch,
        }

    async def _ask_kill(self, asked: Said) -> Said:
        mode = asked.get("mode")
        if mode not in MODES:
            raise AskError(f"mode must be {', '.join(MODES)}, was {mode!r:.80}.")
        reason, who = _words(asked)
        stopped = self._stopping.kill(mode=cast("Mode", mode), reason=reason, who=who)
        await self._driver.until_durable(stopped.seq)
        why = stopped.outcome.why if isinstance(stopped.outcome, Unconfirmed) else ""
        return {
            "changed": stopped.changed,
            "confirmed": not why,
            "why": why,
            "killed": self._stopping.said(),
            "seq": stopped.seq,
        }

    async def _ask_clear(self, asked: Said) -> Said:
        reason, who = _words(asked)
        seen_ns = asked.get("seen_ns")
        if seen_ns is not None and (isinstance(seen_ns, bool) or not isinstance(seen_ns, int)):
            raise AskError(f"seen_ns must be nanoseconds, was {seen_ns!r:.80}.")
        seq = self._stopping.release(reason=reason, who=who, seen_ns=seen_ns)
        if seq is None:
            return {"changed": False, "killed": self._stopping.said()}
        try:
            await self._driver.until_durable(seq)
        except BaseException:
            self._stopping.give_up()
            raise
        self._stopping.finish(reason=reason, who=who)
        return {"changed": True, "killed": self._stopping.said(), "seq": seq}

    async def _ask_watch(self, asked: Said) -> Said:
        pid = asked.get("pid")
        if isinstance(pid, bool) or not isinstance(pid, int) or pid <= 0:
            raise AskError(f"pid must be the watchdog's process, was {pid!r:.80}.")
        self._stopping.watched(pid)
        return {"seq": self._driver.engine.decider.seq}

    # --- latches that wait for a person -------------------------------------------------------

    async def _ask_resume(self, asked: Said) -> Said:
        engine = self._driver.engine
        if asked.get("cause") is None:
            return {"latches": self._said(), "released": [], "waits": []}
        cause = _cause(asked["cause"])
        reason, who = _words(asked)
        wanted = self._wanted(cause, asked.get("of"))
        check_reconciled(engine, "letting entries through again")
        said = {"what": "resumed", "reason": reason, "who": who}
        seq = engine.operate_now(resume_row(wanted.latch, engine.now_ns()), json_bytes(said))
        await self._driver.until_durable(seq)
        left = [x for x in self._said() if _same(x, wanted.said)]
        is_silent = cause is Cause.SAFE_MODE and engine.turns.failure is not None
        return {
            "hint": _SILENT if is_silent else "",
            "latches": self._said(),
            "released": [] if left else [wanted.said],
            "waits": left,
            "seq": seq,
        }

    def _said(self) -> list[Said]:
        state = self._driver.engine.decider.state
        return latches_of(state, self._setup.scales, self._setup.strategies)

    def _wanted(self, cause: Cause, of: object) -> _Wanted:
        """Return the one latch that a person means.

        Raises:
            AskError: There is none, there are several, or it does not wait for a person.
        """
        if int(cause) in KILLS:
            raise AskError(f"{cause.name} must be cleared as what it is. Next: {_CLEAR}")
        found = [x for x in self._all() if x.said["cause"] == cause.name]
        if isinstance(of, str) and of:
            found = [x for x in found if x.said["of"] == of]
        if not found:
            raise AskError(f"{_meant(cause, of)} must be set, and is not. {self._is_set()}")
        if len(found) > 1:
            names = ", ".join(str(x.said["of"]) for x in found)
            raise AskError(f"{cause.name} is set over {names}. Next: say which one, with --of")
        (one,) = found
        if not one.latch["release"] & Release.PERSON:
            waits = ", ".join(one.said["waits_for"])
            raise AskError(
                f"{one.name} must wait for a person to be released by one, and waits for {waits}: "
                "it opens by itself when that has come."
            )
        return one

    def _all(self) -> list[_Wanted]:
        """Return every latch that is set."""
        state = self._driver.engine.decider.state
        scales, strategies = self._setup.scales, self._setup.strategies
        return [
            _Wanted(latch=latch, said=latch_said(latch, scales, strategies))
            for latch in latches_in(state)
        ]

    def _is_set(self) -> str:
        """Return what is set, as a sentence."""
        names = [x.name for x in self._all()]
        return f"Set: {', '.join(names)}." if names else "No latch is set."


def _cause(name: object) -> Cause:
    """Return the cause that a person named."""
    try:
        return Cause[str(name).strip().upper().replace("-", "_")]
    except KeyError:
        known = ", ".join(x.name for x in Cause if x is not Cause.NONE)
        raise AskError(f"a cause must be one of {known}; was {name!r:.80}.") from None


def _meant(cause: Cause, of: object) -> str:
    return f"{cause.name} of {of}" if isinstance(of, str) and of else cause.name


def _same(one: Said, other: Said) -> bool:
    """Return whether two latches are over the same thing for the same cause."""
    return all(one[name] == other[name] for name in ("cause", "scope", "of"))
