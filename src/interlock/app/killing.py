"""Killing, from a process of its own: no engine, journal or venue has to run for it.

Three roads, one after the other. The latch file, which every last gate reads before each byte. The
engine's own door, so that it stops deciding, takes down and closes by itself. And where that does
not answer, or the venue is not clear soon enough, a connection of our own to the venue. Whatever
road it took, the venue is read back: nothing is called killed that did not show it.
"""

import os
import pwd
from collections.abc import Callable
from contextlib import closing, suppress
from dataclasses import dataclass
from typing import Any, Final

from interlock.app.kill_reports import Found, KillReport, VenueReport, write_report
from interlock.config.errors import PolicyError
from interlock.config.home import Home, home_of
from interlock.config.latch import Latch, LatchState, Mode, Unconfirmed, killed, one_line
from interlock.config.latch_file import LatchFile
from interlock.config.settings import Settings, read_settings
from interlock.runtime.asking import ask
from interlock.runtime.clock import NS_PER_MS, SystemClock

VENUE: Final = "simulated"
ANSWER_S: Final = 2.0  # an engine that does not answer in this time is passed by

Told = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class KillOrder:
    """What a person asked for.

    Attributes:
        mode: What is to happen.
        reason: Why.
        venue: Only there; None is everywhere.
        account: Only this one; None is the home's.
        testnet: Only testnets.
        timeout_s: How long the venue may take.
    """

    mode: Mode
    reason: str
    venue: str | None = None
    account: str | None = None
    testnet: bool = False
    timeout_s: float = 30.0


def who_asks() -> str:
    """Return who runs this process, for the latch and the journal."""
    uid = os.getuid()
    try:
        name = pwd.getpwuid(uid).pw_name
    except KeyError:
        name = "unnamed"
    return one_line(f"{name} (uid {uid}), command line, process {os.getpid()}")


def _account_of(home: Home, settings: Settings) -> str:
    """Return the account of a home: as its engine says, or as its files do."""
    with suppress(OSError, ValueError):
        return str(ask(home.engine_socket, {"ask": "status"}, ANSWER_S)["account"])
    from interlock.config.everything import read_everything  # noqa: PLC0415 - slow, and rarely

    return read_everything(settings, None, changes={}).system.account.name


def _check(order: KillOrder, home: Home, settings: Settings) -> None:
    """Refuse what is not there, before anything is done.

    Raises:
        PolicyError: With what there is.
    """
    problems = []
    if not order.reason.strip():
        problems.append("--reason must say why, was nothing.")
    if order.testnet:
        problems.append(f"--testnet must have a testnet, and there is none: only {VENUE}.")
    if order.venue is not None and order.venue != VENUE:
        problems.append(f"--venue must be one of: {VENUE}; was {order.venue}.")
    if order.account is not None:
        there = _account_of(home, settings)
        if order.account != there:
            problems.append(f"--account must be one of: {there}; was {order.account}.")
    if problems:
        raise PolicyError(*problems, "Nothing was killed. Next: leave that out to kill everything.")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Engine:
    """What came of asking an engine.

    Attributes:
        said: For people.
        has_journaled: Whether it stops, and will still after a restart.
        is_running: Whether there is one, as far as can be seen.
        changed: Whether it was told anything new.
    """

    said: str
    has_journaled: bool = False
    is_running: bool = True
    changed: bool = False

    @property
    def is_in_doubt(self) -> bool:
        """Whether one runs of which nobody knows that it obeys."""
        return self.is_running and not self.has_journaled


def kill(order: KillOrder, tell: Told) -> KillReport:
    """Kill, read back, and write down what came of it.

    Args:
        order: What a person asked for.
        tell: What happens, for people.

    Raises:
        PolicyError: It names what is not there; nothing was done.
    """
    settings = read_settings()
    home = home_of(settings)
    _check(order, home, settings)
    clock = SystemClock()
    begun_ns = clock.elapsed_ns()
    try:
        home.make()
    except PolicyError as error:
        tell(str(error))  # a home that is not in order is killed all the same
    wanted = killed(mode=order.mode, reason=order.reason, who=who_asks(), ts_ns=clock.now_ns())
    with closing(LatchFile(path=home.latch, stopwatch_ns=clock.elapsed_ns)) as file:
        before = file.read()
        outcome = file.kill(wanted)
        tell(f"latch: {latch_words(outcome.latch)}")
        engine = _tell_engine(home, wanted)
        tell(f"engine: {engine.said}")
        found = _at_venue(order, home, clock, engine, tell)
        if isinstance(outcome, Unconfirmed):
            outcome = file.kill(wanted)  # whoever was sending may be done by now
            if order.mode == "immediate" and found.is_clear:
                found = _at_venue(order, home, clock, engine, tell)  # or may have been late
    doubts = [f"latch: {outcome.why}"] if isinstance(outcome, Unconfirmed) else []
    if not found.is_clear:
        doubts.append(found.why)
    report = KillReport(
        mode=order.mode,
        reason=wanted.reason,
        who=wanted.who,
        ts_ns=wanted.ts_ns,
        latch=latch_said(outcome.latch),
        changed=outcome.latch != before or engine.changed,
        engine=engine.said,
        venues=(VenueReport(venue=VENUE, doubts=tuple(doubts), found=found),),
        took_ms=(clock.elapsed_ns() - begun_ns) // NS_PER_MS,
    )
    try:
        write_report(home, report)
    except OSError as error:  # what was done is done
        tell(f"the report could not be written: {error.strerror or error}")
    return report


def _at_venue(
    order: KillOrder, home: Home, clock: SystemClock, engine: _Engine, tell: Told
) -> Found:
    """Return what became of the venue: all of it closed, or nothing opened any more."""
    is_milder = order.mode != "immediate"
    if is_milder and engine.is_running:
        why = f"engine: {engine.said}" if engine.is_in_doubt else ""
        return Found(is_clear=not why, why=why, road="nothing is opened any more")
    try:
        from interlock.app.kill_venue import VenueHere  # noqa: PLC0415 - the latch is set by now

        venue = VenueHere(home, clock, tell)
        if is_milder:
            return venue.protect(order.timeout_s)
        return venue.flatten(
            order.timeout_s, engine_does=engine.has_journaled, engine_runs=engine.is_running
        )
    except Exception as error:  # noqa: BLE001 - whatever it is, a person has to hear the rest
        return Found(is_clear=False, why=f"stopping the venue failed: {error!r}")


def _tell_engine(home: Home, latch: Latch) -> _Engine:
    """Tell the engine, if one runs, and return when that is durable."""
    request = {"ask": "kill", "mode": latch.mode, "reason": latch.reason, "who": latch.who}
    try:
        answer = ask(home.engine_socket, request, ANSWER_S)
    except TimeoutError:
        return _Engine(said=f"does not answer within {ANSWER_S:g} s")
    except (ConnectionRefusedError, FileNotFoundError):
        return _Engine(said="does not run", is_running=False)
    except (OSError, ValueError) as error:
        return _Engine(said=f"did not take it: {error}")
    return _Engine(
        said=f"has journaled it by record {answer.get('seq')}",
        has_journaled=True,
        changed=bool(answer.get("changed")),
    )


def latch_said(latch: Latch) -> dict[str, Any]:
    """Return a latch for a program."""
    return {
        "set": latch.is_set,
        "state": str(latch.state),
        "mode": latch.mode,
        "reason": latch.reason,
        "who": latch.who,
        "ts_ns": latch.ts_ns,
        "cleared_by": latch.cleared_by,
    }


def latch_words(latch: Latch) -> str:
    """Return a latch for people."""
    if latch.state is LatchState.KILLED:
        return f"set ({latch.mode}) by {latch.who}: {latch.reason}"
    if latch.is_set:
        return f"set, because it cannot be believed: {latch.reason}"
    return "clear"
