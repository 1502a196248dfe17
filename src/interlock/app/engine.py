"""The engine's process: latches, journal, verification, recovery, and only then the venue."""

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

from interlock.app.driving import Ready, drive, recovery_said
from interlock.app.journal import Opened, open_journal
from interlock.app.loosening import check_not_looser, compared
from interlock.app.observing import Observers, open_observers
from interlock.app.progress import engine_progress
from interlock.app.session import Session, inputs_of, scales_of, setup_of
from interlock.config.latch import LatchState
from interlock.config.latch_file import LatchFile
from interlock.research.warming import warm
from interlock.runtime.clock import NS_PER_MS, NS_PER_S, Clock, SystemClock
from interlock.runtime.driver import Why
from interlock.runtime.inbox import Room
from interlock.runtime.recover import Recovered, bars_in, recover
from interlock.runtime.session import Parts, begin, strategies_in
from interlock.runtime.signal_memory import SignalMemory
from interlock.runtime.turns import Turns
from interlock.venues.port import Codec
from interlock.venues.simulated.wire import SimulatedCodec

Told = Callable[[str, dict[str, Any]], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineOptions:
    """How one engine is run.

    Attributes:
        loosen: Whether limits may be looser than those the account ran under.
        stop_at_end: Whether the end of a recording is the end of the run.
        guardian: A pipe whose other end is held by whoever watches over this process, or -1: when
            that is gone, so is this.
    """

    loosen: bool = False
    stop_at_end: bool = False
    guardian: int = -1


def _nothing(_what: str) -> None:
    """Tell nobody."""


def run_engine(session: Session, options: EngineOptions, tell: Told) -> Why:
    """Run the engine until it is asked to stop, its recording ends, or it has to.

    Args:
        session: What it was told.
        options: How.
        tell: Told what a person may want to know, as it happens.

    Raises:
        REFUSALS: Something that a person has to look at; nothing was sent.
    """
    clock = SystemClock()
    with ExitStack() as stack:
        latch = LatchFile(path=session.home.latch, stopwatch_ns=clock.elapsed_ns)
        stack.callback(latch.close)
        opened = stack.enter_context(open_journal(session, clock, tell))
        progress = stack.enter_context(engine_progress(session.home, clock))
        killed = latch.prepare(journal_exists=opened.existed)
        inputs = inputs_of(session, _nothing)
        warm(tier=inputs.tier)
        turns = Turns(inputs.strategy, 0, scales_of(inputs))
        memory = SignalMemory(opened.reader.has_key)
        recovered = _recovered(session, options, opened, turns, memory, clock, tell)
        setup = setup_of(session, inputs, _known(recovered))
        observers = open_observers(session, setup.scales, clock)
        codec = SimulatedCodec([one.symbol for one in setup.scales])
        begun = begin(
            setup,
            _parts(session, codec, turns, clock, observers),
            recovered,
            epoch=opened.epoch,
            seen=opened.reader.has_key,
            killed=killed.state is LatchState.UNREADABLE,
        )
        ready = Ready(
            session=session,
            inputs=inputs,
            setup=setup,
            begun=begun,
            recovered=recovered,
            opened=opened,
            latch=latch,
            codec=codec,
            clock=clock,
            observers=observers,
            progress=progress,
            memory=memory,
        )
        return drive(ready, stop_at_end=options.stop_at_end, guardian=options.guardian, tell=tell)


def _recovered(
    session: Session,
    options: EngineOptions,
    opened: Opened,
    turns: Turns,
    memory: SignalMemory,
    clock: Clock,
    tell: Told,
) -> Recovered | None:
    """Return what the journal says, once strategies have seen its bars again; None of a new one.

    What became of signals from outside is remembered on the way.

    Raises:
        JournalError: It does not replay.
        PolicyError: The rules let more through than those it was written under.
    """
    started_ns = clock.elapsed_ns()
    recovered = recover(opened.reader)
    if recovered is None:
        return None
    if recovered.canonical:
        decision = compared(recovered.canonical, session.configuration)
        check_not_looser(decision, loosen=options.loosen, next_step="interlock run --loosen")
    shown = bars_in(memory.passing(opened.reader.read()))
    for bars in shown.bars:
        turns.remember(bars)
    turns.remember((), shown.unseen)
    took_ms = (clock.elapsed_ns() - started_ns) // NS_PER_MS
    tell("recovered", {**recovery_said(recovered), "took_ms": took_ms})
    return recovered


def _known(recovered: Recovered | None) -> list[str]:
    """Return the strategies that a journal knows, by their numbers."""
    if recovered is None:
        return []
    return strategies_in(recovered.genesis, recovered.remembered.said)


def _parts(
    session: Session, codec: Codec, turns: Turns, clock: Clock, observers: Observers
) -> Parts:
    """Return what an engine is joined with."""
    engine = session.configuration.system.engine
    return Parts(
        codec=codec,
        turns=turns,
        clock=clock,
        room=Room(report=engine.inbox_reports, market=engine.inbox_market),
        answer_ns=engine.answer_timeout_ms * NS_PER_MS,
        look_ns=engine.reconcile_seconds * NS_PER_S,
        watch=observers.watch,
    )
