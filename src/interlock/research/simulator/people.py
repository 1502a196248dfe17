"""People: who pulls the kill switch and clears it, releases latches, changes limits, restarts."""

from typing import TYPE_CHECKING, Final

from interlock.config.latch import Confirmed, LatchState, Mode, killed
from interlock.config.latch_file import LatchFile
from interlock.kernel.codes import Release
from interlock.research.simulator.account import changed
from interlock.runtime.asking import AskError
from interlock.runtime.clock import NS_PER_MS
from interlock.runtime.operator import resume_row
from interlock.runtime.stopping import KILLS, latches_in

if TYPE_CHECKING:
    from interlock.research.simulator.machine import Machine
    from interlock.research.simulator.world import World

_LOOK_NS: Final = 50 * NS_PER_MS
_EVEN: Final = 0.5
_WHO: Final = "somebody"
_WHY: Final = "looked at"


class People:
    """Everybody who may touch the account.

    Args:
        world: Where they are.
    """

    def __init__(self, world: "World") -> None:
        self._world = world
        self._random = world.chance.of("people")
        self._file = LatchFile(path=world.latch_path, stopwatch_ns=world.clock.elapsed_ns)

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()

    # --- the kill switch --------------------------------------------------------------------------

    def kill(self, mode: Mode) -> None:
        """Pull it: at the engine's door, or in the file, which stops every byte by itself."""
        machine = self._world.machine
        if mode == "immediate" and "crash" in self._world.plan.faults:
            if self._random.random() < _EVEN:
                machine.fuse.armed = "kill_half_sent"  # where it is most needed, it ends
        if mode == "immediate" and not machine.is_ready and self._random.random() < _EVEN:
            self._world.stop_from_outside(_WHO)
            return
        at_door = machine.is_up and not machine.is_frozen and self._random.random() < _EVEN
        if at_door:
            outcome = machine.stopping.kill(mode=mode, reason="a test", who=_WHO).outcome
        else:
            now_ns = self._world.clock.true_ns()
            latch = killed(mode=mode, reason="a test", who=_WHO, ts_ns=now_ns)
            outcome = self._file.kill(latch)
        self._world.watched.tell("kill", outcome.latch, isinstance(outcome, Confirmed))

    def clear(self) -> None:
        """Clear it, if the engine can say that it knows where it is."""
        machine = self._world.machine
        if not machine.is_ready or machine.is_frozen:
            return
        try:
            seq = machine.stopping.release(reason=_WHY, who=_WHO)
        except AskError:
            return
        if seq is not None:
            machine.collect()
            machine.fuse.at("clearing")
            self._world.schedule.after(_LOOK_NS, lambda: self._finish(machine, seq))

    def _finish(self, machine: "Machine", seq: int) -> None:
        """Clear the file once the journal says so; another kill since then stays."""
        if not machine.is_up:
            return
        if machine.is_frozen or machine.engine.progress.durable_seq < seq:
            self._world.schedule.after(_LOOK_NS, lambda: self._finish(machine, seq))
            return
        try:
            machine.stopping.finish(reason=_WHY, who=_WHO)
        except AskError:
            return  # somebody pulled it again
        self._world.watched.tell("cleared")

    def break_latch(self) -> None:
        """Do to the file what disks and people do to files; it is mended after a while."""
        path = self._world.latch_path
        way = self._random.choice(("missing", "empty", "cut", "noise", "mode", "folder"))
        if not path.is_file():
            return
        kept = path.read_bytes()
        if way == "missing" or way == "folder":
            path.unlink(missing_ok=True)
            if way == "folder":
                path.mkdir()
        elif way == "mode":
            path.chmod(0o644)
        else:
            noise = bytes(self._random.randrange(256) for _ in range(60))
            path.write_bytes({"empty": b"", "cut": kept[: len(kept) // 2], "noise": noise}[way])

    def mend_latch(self) -> None:
        """Put a file there that says that it was pulled: a person clears it as any other."""
        path = self._world.latch_path
        if self._file.read().state is not LatchState.UNREADABLE:
            return
        if path.is_dir():
            path.rmdir()
        else:
            path.unlink(missing_ok=True)
        self.kill("pause")

    # --- what else they do ------------------------------------------------------------------------

    def resume(self) -> None:
        """Release a latch that waits for a person, but for a kill."""
        machine = self._world.machine
        if not machine.is_ready or machine.is_frozen:
            return
        waiting = [
            latch
            for latch in latches_in(machine.engine.decider.state)
            if latch["release"] & Release.PERSON and int(latch["cause"]) not in KILLS
        ]
        if waiting:
            latch = self._random.choice(waiting)
            machine.engine.operate(resume_row(latch, machine.engine.now_ns()))

    def change_policy(self) -> None:
        """Let other limits hold."""
        machine = self._world.machine
        if machine.is_up and not machine.is_frozen:
            policy = changed(self._world.setup.policy, self._random)
            machine.engine.set_policy(policy, f"change {self._random.random()}".encode())
            machine.fuse.at("policy_set")
