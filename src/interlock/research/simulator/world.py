"""The world of one seed: an engine on its machine, a venue, a network, people, and their faults."""

import hashlib
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

import numpy as np

from interlock.journal.errors import JournalError
from interlock.journal.rows import Row
from interlock.kernel.codes import OrderState
from interlock.research.simulator.account import policy_of, setup_of
from interlock.research.simulator.chance import Chance, happens
from interlock.research.simulator.checks import Violation, Watched
from interlock.research.simulator.far_side import FarSide
from interlock.research.simulator.happenings import Happenings
from interlock.research.simulator.machine import Machine
from interlock.research.simulator.market import Market
from interlock.research.simulator.network import Network
from interlock.research.simulator.people import People
from interlock.research.simulator.plan import START_NS, Plan
from interlock.research.simulator.points import Crash, Fuse
from interlock.research.simulator.schedule import Schedule, WorldClock
from interlock.research.simulator.stopping import Outsider
from interlock.research.simulator.strikes import Strikes
from interlock.research.simulator.trader import signal
from interlock.research.simulator.volume import Volume
from interlock.runtime.clock import NS_PER_MS
from interlock.runtime.engine import Superseded
from interlock.runtime.inbox import Lane

TICK_NS: Final = 150 * NS_PER_MS  # of the machine
WATCH_NS: Final = 1_000 * NS_PER_MS
_WATCHDOG: Final = 2  # its process
_RIVAL_STEPS: Final = 50
_SINGLE_WRITER: Final = 17
RESTART_NS: Final = 300 * NS_PER_MS
SETTLE_S: Final = 90  # virtual seconds that a world gets to settle
_UNDECIDED: Final = (*map(int, (OrderState.INTENT, OrderState.UNKNOWN, OrderState.PENDING_CANCEL)),)
DRAIN_STEPS: Final = 2_000
CALM_S: Final = 4  # that it has to be calm for


class World:
    """One seed's world. Nothing in it waits for a real second.

    Args:
        plan: What the seed drew.
        folder: A real folder that nothing else uses.
    """

    def __init__(self, plan: Plan, folder: Path) -> None:
        self.plan = plan
        self.seed = plan.seed
        self.step = 0
        self.events: Counter[str] = Counter()
        self.is_quiet = False
        self.chance = Chance(plan.seed)
        self.clock = WorldClock(START_NS)
        self.schedule = Schedule(self.clock)
        self.strikes = Strikes(plan, self.chance)
        self.injected = self.strikes.count
        if plan.participation_ppm:
            self.injected["venue_partial"] += 1
        self.fuse = Fuse()
        self.policy = policy_of(plan)
        self.setup = setup_of(plan, self.policy.copy())
        self.latch_path = folder / "kill.latch"
        self.disk = Volume(folder, f"interlock-world-{plan.seed}-{id(self)}", self.fuse)
        self.trace = hashlib.sha256()
        self.network = Network(
            self.schedule, self.clock, self.chance, self.strikes, self.trace.update
        )
        self.market = Market(plan, self.chance, self.strikes)
        self.watched = Watched(())
        self.far_side = FarSide(self)
        self.people = People(self)
        self.happenings = Happenings(self)
        self.machine = Machine(self, 1)
        self.speaking = self.machine
        self._random = self.chance.of("world")
        self._signals = self.chance.of("signals")
        self._restarts = 0
        self._failures = 0  # of processes that wrote nothing, one after the other
        self.unwatched_until_ns = 0
        self._closed = False
        self._outsiders = 0
        self._rival: Machine | None = None

    def watch(self, watchers: Sequence[object]) -> None:
        """Let these watch."""
        self.watched = Watched(watchers)

    def close(self) -> None:
        """Let go of files."""
        self._end_rival()
        self.disk.kill()
        self.machine.end()
        self.people.close()
        self.disk.close()

    # --- running ----------------------------------------------------------------------------------

    def run(self, steps: int) -> None:
        """Run a number of steps with faults, and then until everything has settled."""
        self.schedule.after(0, self._restart)
        self.schedule.after(TICK_NS, self._tick_machine)
        self.schedule.after(self.plan.tick_ns, self._tick_market)
        self.schedule.after(WATCH_NS, self._tick_watchdog)
        self.happenings.begin()
        while self.step < steps:
            self._one()
        self._settle()

    def _one(self) -> None:
        """Do one thing, anywhere."""
        self.step += 1
        machine = self.machine
        idle = True
        if machine.is_up and not machine.is_frozen:
            late = self.schedule.has_due() and self._random.random() < 0.2  # noqa: PLR2004
            if not late:
                idle = not self.guarded(machine.step)
        if idle:
            self.schedule.go_on()
        self.watched.tell("stepped")

    def _settle(self) -> None:
        """End the faults, and let time pass until nothing is under way any more."""
        self.strikes.are_over = True
        self.is_quiet = True
        self.happenings.end()
        until_s = self.schedule.elapsed_s + SETTLE_S
        busy_s = self.schedule.elapsed_s
        while self.schedule.elapsed_s < until_s:
            self._one()
            if self._is_busy():
                busy_s = self.schedule.elapsed_s
            elif self.schedule.elapsed_s - busy_s >= CALM_S:
                break
        self._closed = True  # the market is: what is on its way arrives
        for _ in range(DRAIN_STEPS):
            self._one()
            if self.machine.is_quiet and not self.network.under_way:
                break
        self.watched.tell("quiesced")

    def _is_busy(self) -> bool:
        """Return whether something waits for an answer, or to be done."""
        machine = self.machine
        if not machine.is_ready or machine.is_frozen:
            return True
        table = machine.engine.decider.state["orders"][0]
        if bool(np.isin(table["state"], _UNDECIDED).any()):
            return True
        return bool((machine.engine.decider.state["instruments"]["exit_code"] > 0).any())

    # --- the machine ------------------------------------------------------------------------------

    def guarded(self, what: Callable[[], object]) -> bool:
        """Let the machine do something; return whether it did, or ended."""
        try:
            return bool(what())
        except Crash as crash:
            self.crash(crash.point)
        except JournalError:
            self.crash("journal")
        except Superseded:
            self.crash("superseded")
        return True

    def crash(self, point: str) -> None:
        """End the engine's process; it is started again after a while."""
        machine = self.machine
        self._end_rival()
        self.count("crash")
        self.trace.update(f"crash {point} {self.step}".encode())
        self.disk.kill()
        machine.end()
        lost = self.fuse.hit[point] > 0 and self.strikes.now("power")
        self.disk.revive(power=self.chance.of("power cut") if lost else None)
        self.watched.tell("crashed", machine, point)
        wait_ns = RESTART_NS << min(self._failures, 4)
        self._failures += 1
        self.schedule.after(wait_ns, self._restart)

    def restart(self) -> None:
        """Stop the engine gracefully, and start it again."""
        machine = self.machine
        if not machine.is_up or machine.is_frozen:
            return
        self._end_rival()
        try:
            machine.stop()
        except (Crash, JournalError) as error:
            self.crash(error.point if isinstance(error, Crash) else "journal")
            return
        machine.end()
        self.watched.tell("crashed", machine, "stopped")
        self.schedule.after(RESTART_NS, self._restart)

    def _restart(self) -> None:
        """Start a new process of the engine."""
        self._restarts += 1
        self.machine = self.speaking = Machine(self, self._restarts)
        if self._restarts > 1 and self.strikes.now("crash_again"):
            self.fuse.armed = self.chance.of("again").choice(
                ("latch_read", "journal_opened", "recovering", "recovered", "begun", "writing")
            )
        if self.guarded(self._start):
            return
        self.watched.tell("started", self.machine)

    def _start(self) -> bool:
        self.machine.start()
        return False

    def wake(self) -> None:
        """Let a process that stood still look at the time first, as its loop does."""
        machine = self.machine
        if machine.is_up and not machine.is_frozen:
            self.guarded(machine.tick)

    def _tick_machine(self) -> None:
        self.schedule.after(TICK_NS, self._tick_machine)
        self.wake()
        self._step_rival()

    def _tick_watchdog(self) -> None:
        """Ping the engine, as its watchdog does every second."""
        self.schedule.after(WATCH_NS, self._tick_watchdog)
        machine = self.machine
        if self.clock.elapsed_ns() >= self.unwatched_until_ns:
            if machine.is_up and not machine.is_frozen:
                machine.stopping.watched(_WATCHDOG)

    def stop_from_outside(self, who: str) -> None:
        """Let somebody stop the account who needs no engine for it."""
        self._outsiders += 1
        Outsider(self, self._outsiders, who).begin()

    def take_over(self, until_ns: int) -> None:
        """Let another engine take the account while this one stands still, up to a time."""
        machine = self.machine
        if not machine.is_up or machine.is_frozen or self._rival is not None:
            return
        machine.frozen_until_ns = until_ns
        machine.holds_lease = False
        self._rival = machine
        self.watched.tell("crashed", machine, "superseded")
        self._restart()

    def _step_rival(self) -> None:
        """Let an engine that was taken over from go on; it ends when it notices."""
        rival = self._rival
        if rival is None or rival.is_frozen:
            return
        try:
            rival.tick()
            for _ in range(_RIVAL_STEPS):
                if not rival.step():
                    break
        except (Crash, JournalError, Superseded):
            self._end_rival()

    def _end_rival(self) -> None:
        rival, self._rival = self._rival, None
        if rival is not None:
            self.count("rival")
            rival.end()
            self.disk.forget()

    def committed(self, machine: Machine, rows: Sequence[Row]) -> None:
        """Rows are durable."""
        if machine is not self.machine:
            raise Violation(_SINGLE_WRITER, "two engines write one journal", {"rows": len(rows)})
        self._failures = 0
        for row in rows:
            self.trace.update(row.hash)
        self.watched.tell("committed", rows)

    # --- the market -------------------------------------------------------------------------------

    def _tick_market(self) -> None:
        self.schedule.after(self.plan.tick_ns, self._tick_market)
        if self._closed:
            return
        moved = self.market.tick(self.clock.true_ns(), 2 if self.is_quiet else self.plan.moves)
        if self.clock.elapsed_ns() >= self.far_side.down_until_ns:
            self.far_side.move(moved)
        machine = self.machine
        if not self.is_quiet and happens(self._signals, self.plan.signal_ppm):
            if machine.is_up and not machine.is_frozen:
                count = len(self.plan.instruments)
                state = machine.engine.decider.state
                row = signal(self._signals, state, count, machine.engine.now_ns())
                machine.engine.inbox.offer(Lane.SIGNAL, row)

    def count(self, kind: str, times: int = 1) -> None:
        """Count something that happened."""
        self.events[kind] += times
