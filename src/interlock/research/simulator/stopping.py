"""Whoever stops the account from outside the engine: the watchdog, and people without an engine.

Each has a connection of its own and the product's ``Stopper``; here it is given bytes and time.
"""

from typing import TYPE_CHECKING, Final

from interlock.config.latch import Confirmed, killed
from interlock.config.latch_file import LatchFile
from interlock.research.simulator.account import ACCOUNT_NAME
from interlock.research.simulator.checks import Violation
from interlock.research.simulator.network import Wire
from interlock.runtime.clock import NS_PER_MS
from interlock.venues.purpose import Purpose
from interlock.venues.simulated.warden_wire import SimulatedWardenCodec
from interlock.venues.stopper import Killed, Stopper

if TYPE_CHECKING:
    from interlock.research.simulator.world import World

_TICK_NS: Final = 50 * NS_PER_MS
_KILL_PROGRESS: Final = 11


class Outsider:
    """One attempt to bring the account to where it can do no more harm.

    Args:
        world: Where it is.
        number: Of the attempt: no two have the same.
        who: Asks for it.
    """

    def __init__(self, world: "World", number: int, who: str) -> None:
        self._world = world
        self._who = who
        self._wire: Wire | None = None
        self._stopper = Stopper(
            SimulatedWardenCodec(ACCOUNT_NAME),
            purpose=Purpose.FLATTEN,
            name=f"T{number}",
            now_ns=world.clock.elapsed_ns(),
            who=who,
        )

    def begin(self) -> None:
        """Pull the latch, then go to the venue."""
        world = self._world
        latch = killed(
            mode="immediate", reason="it hangs", who=self._who, ts_ns=world.clock.true_ns()
        )
        file = LatchFile(path=world.latch_path, stopwatch_ns=world.clock.elapsed_ns)
        outcome = file.kill(latch)
        file.close()
        world.watched.tell("kill", outcome.latch, isinstance(outcome, Confirmed))
        self._tick()

    def hear(self, wire: Wire, data: bytes) -> None:
        """Take bytes of the venue."""
        if wire is self._wire:
            self._stopper.receive(data, self._now_ns())
            self._write()

    def hung_up(self, wire: Wire) -> None:
        """Take note that the venue is gone."""
        if wire is self._wire:
            self._wire = None
            self._stopper.lost(self._now_ns())

    def _now_ns(self) -> int:
        return self._world.clock.elapsed_ns()

    def _tick(self) -> None:
        """Let time pass, until there is a verdict."""
        stopper = self._stopper
        if stopper.verdict is not None:
            self._end()
            return
        self._world.schedule.after(_TICK_NS, self._tick)
        if stopper.wants_connection or self._wire is None:
            self._connect()
        stopper.tick(self._now_ns())
        self._write()

    def _connect(self) -> None:
        world = self._world
        if self._wire is not None:
            self._wire.close()
            self._wire = None
            self._stopper.lost(self._now_ns())
        try:
            self._wire = world.network.connect(self, world.far_side)
        except OSError:
            return
        self._stopper.connected(self._now_ns())

    def _write(self) -> None:
        for data in self._stopper.take():
            if self._wire is None:
                return
            try:
                self._wire.write(data)
            except OSError:
                self._wire = None
                self._stopper.lost(self._now_ns())

    def _end(self) -> None:
        """Hang up, and see that what is called done was shown by the venue."""
        world, stopper = self._world, self._stopper
        if self._wire is not None:
            self._wire.close()
            self._wire = None
        world.count("stopped")
        world.watched.tell("stopped", stopper.verdict)
        if isinstance(stopper.verdict, Killed):
            shown = stopper.account
            left = shown is None or shown.orders or any(shown.positions.values())
            if left:
                raise Violation(
                    _KILL_PROGRESS,
                    "an account is called killed that was not shown empty",
                    {"account": repr(shown)},
                )
