"""What happens by itself now and then: faults of the world, and what people do."""

from typing import TYPE_CHECKING, Final

from interlock.research.simulator.points import POINTS
from interlock.runtime.clock import NS_PER_MS, NS_PER_S

if TYPE_CHECKING:
    from collections.abc import Callable

    from interlock.research.simulator.world import World

HANGS_NS: Final = 4 * NS_PER_S  # without progress, and it is taken to hang
_STEPS_NS: Final = (
    *(NS_PER_S, -NS_PER_S, 5_400 * NS_PER_S, -5_400 * NS_PER_S),
    *(31_536_000 * NS_PER_S, -1_600_000_000 * NS_PER_S),
)


class Happenings:
    """The faults that nobody has to give an occasion.

    Args:
        world: That they happen to.
    """

    def __init__(self, world: "World") -> None:
        self._world = world
        self._random = world.chance.of("happenings")
        self._acts: dict[str, Callable[[], None]] = {
            "net_slow": self._slow,
            "net_lost": self._lose,
            "net_refused": self._refuse,
            "net_silent": self._silence,
            "venue_down": self._take_down,
            "venue_expires": self._expire,
            "venue_external": self._intrude,
            "venue_funding": self._fund,
            "data_stale": self._stop_telling,
            "crash": self._crash,
            "freeze": self._freeze,
            "rival": self._rival,
            "disk_error": self._break_disk,
            "disk_full": self._fill_disk,
            "disk_slow": self._slow_disk,
            "latch_broken": self._break_latch,
            "watchdog_gone": self._stop_watching,
            "clock_step": self._step_clock,
            "kill_immediate": lambda: world.people.kill("immediate"),
            "kill_graceful": lambda: world.people.kill("graceful"),
            "kill_pause": lambda: world.people.kill("pause"),
            "people_clear": world.people.clear,
            "people_resume": world.people.resume,
            "people_policy": world.people.change_policy,
            "people_restart": world.restart,
        }

    def begin(self) -> None:
        """Put the first of each on the schedule."""
        for name in self._world.strikes.timed():
            if name in self._acts:
                self._plan(name)

    def _plan(self, name: str) -> None:
        self._world.schedule.after(self._world.strikes.wait_ns(name), lambda: self._do(name))

    def _do(self, name: str) -> None:
        world = self._world
        if world.is_quiet:
            return
        world.injected[name] += 1
        world.count("injected")
        world.trace.update(f"{name} {world.step}".encode())
        world.guarded(self._acts[name])
        self._plan(name)

    def end(self) -> None:
        """Put right what lasts; what was pulled or latched is for people, who come now."""
        world = self._world
        world.network.slow_until_ns = world.network.refused_until_ns = 0
        world.far_side.down_until_ns = 0
        world.far_side.voice.silent_until_ns = 0
        world.disk.is_full = world.disk.is_slow = world.disk.fails_once = False
        world.clock.set_off(0)
        world.unwatched_until_ns = 0
        world.fuse.armed = ""
        world.machine.frozen_until_ns = 0
        world.people.mend_latch()
        world.far_side.fill_freely()
        wire = world.far_side.voice.wire
        if wire is not None:
            wire.reset()  # whoever missed something is told again after a greeting

    def _until_ns(self, least_s: int, most_s: int) -> int:
        lasts_ns = self._random.randint(least_s * 1_000, most_s * 1_000) * NS_PER_MS
        return self._world.clock.elapsed_ns() + lasts_ns

    # --- network and venue ------------------------------------------------------------------------

    def _slow(self) -> None:
        self._world.network.slow_until_ns = self._until_ns(1, 6)

    def _lose(self) -> None:
        wire = self._world.far_side.voice.wire
        if wire is not None:
            wire.reset()

    def _refuse(self) -> None:
        self._world.network.refused_until_ns = self._until_ns(1, 5)
        self._lose()

    def _silence(self) -> None:
        self._world.far_side.voice.silent_until_ns = self._until_ns(1, 5)

    def _take_down(self) -> None:
        until_ns = self._until_ns(1, 6)
        self._world.network.refused_until_ns = until_ns
        self._world.far_side.go_down(until_ns)

    def _expire(self) -> None:
        resting = self._world.far_side.resting
        if resting:
            self._world.far_side.expire(self._random.choice(resting))

    def _instrument(self) -> int:
        return self._random.randrange(len(self._world.plan.instruments))

    def _intrude(self) -> None:
        side = self._random.choice((1, -1))
        self._world.far_side.trade_as_stranger(
            self._instrument(), side, self._random.randint(1, 20)
        )

    def _fund(self) -> None:
        self._world.far_side.fund(self._instrument(), self._random.randint(-300_000, 300_000))

    def _stop_telling(self) -> None:
        until_ns = self._world.clock.true_ns() + self._random.randint(2, 12) * NS_PER_S
        self._world.market.stop_telling(self._instrument(), until_ns)

    # --- the machine ------------------------------------------------------------------------------

    def _crash(self) -> None:
        """Let the process end at a point; at any one if that one is not passed in time."""
        world = self._world
        world.fuse.armed = self._random.choice(POINTS)
        armed = world.fuse.armed
        world.schedule.after(6 * NS_PER_S, lambda: self._give_up(armed))

    def _give_up(self, armed: str) -> None:
        if self._world.fuse.armed == armed:
            self._world.fuse.armed = "any"

    def _freeze(self) -> None:
        """Let the process stand still; its watchdog notices after a while."""
        world = self._world
        until_ns = world.machine.frozen_until_ns = self._until_ns(1, 12)
        world.schedule.at(until_ns, world.wake)
        world.schedule.after(HANGS_NS, self._notice)

    def _notice(self) -> None:
        world = self._world
        is_watched = world.clock.elapsed_ns() >= world.unwatched_until_ns
        if world.machine.is_up and world.machine.is_frozen and is_watched and not world.is_quiet:
            world.stop_from_outside("watchdog")

    def _rival(self) -> None:
        self._world.take_over(self._until_ns(2, 10))

    def _break_disk(self) -> None:
        self._world.disk.fails_once = True

    def _fill_disk(self) -> None:
        self._world.disk.is_full = True
        wait_ns = self._random.randint(1, 5) * NS_PER_S
        self._world.schedule.after(wait_ns, lambda: setattr(self._world.disk, "is_full", False))

    def _slow_disk(self) -> None:
        self._world.disk.is_slow = True
        wait_ns = self._random.randint(1, 5) * NS_PER_S
        self._world.schedule.after(wait_ns, lambda: setattr(self._world.disk, "is_slow", False))

    def _break_latch(self) -> None:
        self._world.people.break_latch()
        self._world.schedule.after(
            self._random.randint(1, 6) * NS_PER_S, self._world.people.mend_latch
        )

    def _stop_watching(self) -> None:
        self._world.unwatched_until_ns = self._until_ns(2, 10)

    def _step_clock(self) -> None:
        self._world.clock.set_off(self._random.choice(_STEPS_NS))
        wait_ns = self._random.randint(1, 8) * NS_PER_S
        self._world.schedule.after(wait_ns, lambda: self._world.clock.set_off(0))
