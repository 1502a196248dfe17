"""Driving one engine in its own process: gate, sender, driver, writer, door, signals."""

import asyncio
import os
import signal
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

from interlock.app.health import measure_machine
from interlock.app.journal import Opened
from interlock.app.live import LIVE, schedule_of
from interlock.app.observing import Observers
from interlock.app.probes import Known
from interlock.app.progress import EngineProgress
from interlock.app.reloading import Reloading
from interlock.app.session import Session
from interlock.app.signals import approvals_of, signal_answers, strategies_said
from interlock.config.latch_file import LatchFile
from interlock.journal.errors import FencedError
from interlock.journal.rows import Entry
from interlock.journal.writer import Writer
from interlock.research.inputs import Inputs
from interlock.runtime.answers import Answers
from interlock.runtime.approvals import Approvals
from interlock.runtime.asking import AskError
from interlock.runtime.clock import NS_PER_MS, NS_PER_S, Clock
from interlock.runtime.control import Control
from interlock.runtime.dead_man import DeadManSwitch
from interlock.runtime.driver import Driver, Pace, Why
from interlock.runtime.engine import Superseded
from interlock.runtime.entries import Said, layout_digest
from interlock.runtime.last_gate import Budget, LastGate
from interlock.runtime.probing import Probing
from interlock.runtime.proving import Proving
from interlock.runtime.pulse import Pulse
from interlock.runtime.recover import Recovered
from interlock.runtime.schedule import Schedule
from interlock.runtime.sender import Sender
from interlock.runtime.session import Begun, Setup
from interlock.runtime.signal_memory import SignalMemory
from interlock.runtime.stop_answers import StopAnswers
from interlock.runtime.stopping import Stopping, StopRules
from interlock.runtime.vitals import Vitals
from interlock.venues.port import Codec

REQUESTS_PER_S: Final = 1_000  # that the simulated venue takes
REQUESTS_KEPT: Final = 100  # of those, for what reduces risk
SEGMENT_SNAPSHOTS: Final = 20
MS_PER_S: Final = 1_000

Told = Callable[[str, dict[str, Any]], None]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Ready:
    """An engine that was begun, and everything it is driven with."""

    session: Session
    inputs: Inputs
    setup: Setup
    begun: Begun
    recovered: Recovered | None
    opened: Opened
    latch: LatchFile
    codec: Codec
    clock: Clock
    observers: Observers
    progress: EngineProgress
    memory: SignalMemory


def recovery_said(recovered: Recovered) -> Said:
    """Return what a person should hear of a recovery."""
    kept = recovered.remembered
    return {
        "clean": kept.stopped,
        "records": kept.seq,
        "snapshot": recovered.snapshot_seq,
        "replayed_events": kept.events,
        "orders_without_answer": int(recovered.waiting),
    }


def drive(ready: Ready, *, stop_at_end: bool, guardian: int, tell: Told) -> Why:
    """Join what drives an engine, and run it to its end.

    Args:
        ready: The engine.
        stop_at_end: Whether the end of a recording is the end of the run.
        guardian: A pipe whose other end is held by whoever watches over this process, or -1.
        tell: Told what a person may want to know.

    Raises:
        JournalError: The journal failed, or another engine has the account; nothing more was sent.
    """

    def report(event: str, facts: Said) -> None:
        ready.observers.journalist.say(event, facts)
        tell(event, facts)

    schedule = schedule_of(ready.session, ready.inputs, since_ns=_since_ns(ready))
    minders = _minders(ready, schedule, report)
    driver = _driver(ready, report, minders.vitals, stop_at_end=stop_at_end)
    ready.observers.metrics.follow(driver)
    writer = Writer(
        ready.opened.store,
        ready.opened.head,
        on_durable=driver.durable,
        on_failed=driver.failed,
        anchoring=ready.opened.anchoring,
        on_busy=ready.progress.writing,
    )
    ready.progress.follow(driver, minders.dead_man)
    driver.writes_with(writer, ready.observers.durable)
    reloading = Reloading(
        ready.session,
        driver,
        ready.inputs,
        ready.setup.strategies,
        ready.observers.journalist,
        schedule,
    )
    answers = Answers(
        driver,
        ready.setup,
        ready.begun.names,
        ready.observers.metrics,
        reloading.apply,
        lambda: _extra(ready, minders),
    )
    stops = StopAnswers(driver, minders.stopping, ready.setup)
    probing = Probing(
        ready.begun.engine,
        ready.setup,
        Known(ready.session.settings, ready.inputs, reloading).describe,
        answered_ns=ready.begun.engine.link.trips.looked_age_ns,
    )
    signals = signal_answers(ready, driver, minders.approvals)
    table = {**answers.table(), **stops.table(), **probing.table(), **signals.table()}
    control = Control(ready.session.home.engine_socket, table)
    run = _Run(driver, control, reloading, ready.begun.first, guardian)
    try:
        why = asyncio.run(run.until_stopped())
        minders.approvals.stop()
        driver.finish(str(why))
    except Superseded as error:
        raise FencedError(str(error)) from error
    finally:
        writer.close()
    return why


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Minders:
    """Whoever is reminded of the time, and is asked how it goes."""

    stopping: Stopping
    proving: Proving
    vitals: Vitals
    dead_man: DeadManSwitch
    pulse: Pulse
    approvals: Approvals


def _minders(
    ready: Ready, schedule: Schedule | None, report: Callable[[str, Said], None]
) -> _Minders:
    """Return who looks after an engine as time passes: what stops it first, before all else."""
    engine = ready.begun.engine
    system = ready.session.configuration.system
    watchdog = system.watchdog
    rules = StopRules(
        graceful_ns=system.kill.graceful_ns,
        absent_ns=watchdog.absent_seconds * NS_PER_S if watchdog.enabled else 0,
    )
    stopping = Stopping(engine, ready.latch, ready.clock, rules)
    stopping.look()
    proving = Proving(
        engine,
        ready.clock,
        ready.setup.tier,
        every_ns=system.proofs.every_ns,
        report=report,
    )
    root = ready.session.home.root
    vitals = Vitals(engine, ready.clock, machine=lambda: measure_machine(root))
    pulse = Pulse(engine, ready.clock, stopping.said, list(ready.setup.scales))
    approvals = approvals_of(ready)

    def remind() -> None:
        stopping.tick()
        if schedule is not None:
            schedule.mind(engine.now_ns(), engine.decider.state, engine.operate)
        vitals.mind()
        proving.mind()
        pulse.mind()
        approvals.tick()

    engine.remind = remind
    dead_man = DeadManSwitch(
        engine.link,
        ready.codec,
        ready.clock,
        timeout_ms=system.venue.dead_man_seconds * MS_PER_S,
    )
    return _Minders(
        stopping=stopping,
        proving=proving,
        vitals=vitals,
        dead_man=dead_man,
        pulse=pulse,
        approvals=approvals,
    )


def _since_ns(ready: Ready) -> int:
    """Return the time of the last event before this start."""
    if ready.recovered is None:
        return ready.begun.engine.decider.ts_ns
    return ready.recovered.remembered.ts_ns


def _driver(
    ready: Ready, report: Callable[[str, Said], None], vitals: Vitals, *, stop_at_end: bool
) -> Driver:
    """Return the driver of an engine, with the gate before its socket."""
    system = ready.session.configuration.system
    gate = LastGate(
        ready.codec,
        ready.latch,
        Budget(ready.clock, per_second=REQUESTS_PER_S, reserve=REQUESTS_KEPT),
        is_held=ready.opened.is_held,
        epoch=ready.begun.names.epoch,
        mode=ready.setup.mode,
    )
    sender = Sender(
        ready.begun.engine,
        gate,
        ready.clock,
        stale_ns=system.engine.answer_timeout_ms * NS_PER_MS,
        report=report,
    )
    return Driver(
        ready.begun.engine,
        sender,
        ready.session.home.venue_socket,
        ready.clock,
        Pace(
            snapshot_events=system.journal.snapshot_events,
            segment_snapshots=SEGMENT_SNAPSHOTS,
        ),
        remembered={
            "layout": layout_digest(ready.setup.tier),
            "starts": ready.begun.names.starts(),
            "start": ready.setup.said,
        },
        stop_at_end=stop_at_end,
        measure=vitals.rows,
        report=report,
    )


def _extra(ready: Ready, minders: _Minders) -> Said:
    """Return what a status says beside the engine's own."""
    session, recovered = ready.session, ready.recovered
    data = session.configuration.system.data
    is_live = data.source == LIVE  # nobody knows how many bars will come
    return {
        "pid": os.getpid(),
        "version": ready.setup.said["version"],
        "build": ready.setup.said["build"],
        "home": str(session.home.root),
        "journal": ready.opened.store.name,
        "configuration": session.configuration.digest,
        **({} if is_live else {"speed": data.speed}),
        "data": ready.setup.said["data"]["bars"],
        "strategy": ready.setup.said["strategy"]["name"],
        "killed": minders.stopping.said(),
        "proofs": minders.proving.said(),
        "vitals": minders.vitals.said(),
        "dead_man": minders.dead_man.said(),
        **minders.pulse.said(),
        "approvals": minders.approvals.said(),
        "strategies": strategies_said(ready),
        "recovered": None if recovered is None else recovery_said(recovered),
        "feed_total": 0 if is_live else len(ready.inputs.merged.bars) + len(ready.inputs.facts),
        "bars_total": 0 if is_live else len(ready.inputs.merged.bars),
        "events": ready.observers.recent.latest(),
    }


class _Run:
    """The loop of one process: the driver, its door, signals, and whoever watches over it."""

    def __init__(
        self,
        driver: Driver,
        control: Control,
        reloading: Reloading,
        first: list[Entry],
        guardian: int,
    ) -> None:
        self._driver = driver
        self._control = control
        self._reloading = reloading
        self._first = first
        self._guardian = guardian
        self._reloads: set[asyncio.Task[None]] = set()

    async def until_stopped(self) -> Why:
        """Run."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._driver.stop)
        loop.add_signal_handler(signal.SIGHUP, self._reload)
        if self._guardian >= 0:
            loop.add_reader(self._guardian, _die)
        return await self._driver.run(self._first, self._control.serve)

    def _reload(self) -> None:
        task = asyncio.ensure_future(self._reload_quietly())
        self._reloads.add(task)
        task.add_done_callback(self._reloads.discard)

    async def _reload_quietly(self) -> None:
        with suppress(AskError):  # it is in the log
            await self._reloading.apply(loosen=False)


def _die() -> None:
    """End at once: whoever watched over this process is gone, and nobody looks any more.

    What is durable is durable, and the next start recovers; there is no better way to stop than
    the one that always has to work.
    """
    os._exit(70)
