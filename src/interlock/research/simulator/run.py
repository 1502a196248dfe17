"""Running one seed: a world, its watchers, and what came of it."""

import traceback
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from interlock.research.simulator.checks import BUG, Violation, Watchers, nobody
from interlock.research.simulator.faults import fault_words
from interlock.research.simulator.plan import draw
from interlock.research.simulator.world import World

STEPS: Final = 1_100  # about 2,000 events
SMALL_STEPS: Final = 250  # for the kernel as plain Python
_MEMORY: Final = Path("/dev/shm")  # noqa: S108 - a folder of our own in it


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What came of a seed.

    Attributes:
        digest: SHA-256 over what was journaled, what went over wires, and what was done to it.
        events: By kind.
        crash_points: Where processes ended, by point.
        faults: What was injected, by name.
        sometimes: Points that watchers saw passed.
        violation: What must not be, if it was seen.
        command: Runs this very seed again.
    """

    seed: int
    steps: int
    digest: str
    events: Counter[str]
    crash_points: Counter[str]
    faults: Counter[str]
    sometimes: Counter[str] = field(default_factory=Counter)
    violation: Violation | None = None
    command: str = ""

    @property
    def total(self) -> int:
        """All events."""
        return sum(self.events.values())


def command_of(seed: int, steps: int, faults: frozenset[str] | None) -> str:
    """Return the line that runs a seed again."""
    named = "" if faults is None else f" --faults {fault_words(faults)}"
    return f"interlock simulate --seed {seed} --steps {steps}{named}"


def run_seed(
    seed: int,
    *,
    steps: int = STEPS,
    faults: frozenset[str] | None = None,
    checks: Watchers = nobody,
) -> Result:
    """Run one seed to its end, or to the first thing that must not be.

    Args:
        seed: Of everything.
        steps: Of the world, with faults; it settles after that.
        faults: Those that exist; None draws them.
        checks: Makes the watchers of a world.
    """
    where = _MEMORY if _MEMORY.is_dir() else None
    violation: Violation | None = None
    with TemporaryDirectory(prefix="interlock-", dir=where) as name:
        folder = Path(name)
        folder.chmod(0o700)
        world = World(draw(seed, faults), folder)
        try:
            world.watch(checks(world))
            world.run(steps)
        except Violation as found:
            violation = found
        except Exception as error:  # noqa: BLE001 - whatever it is, nobody expected it
            violation = _bug(error)
        finally:
            world.close()
    return Result(
        seed=seed,
        steps=steps,
        digest=world.trace.hexdigest(),
        events=world.events,
        crash_points=world.fuse.hit,
        faults=world.injected,
        sometimes=Counter(world.watched.seen()),
        violation=violation,
        command=command_of(seed, steps, faults),
    )


def _bug(error: Exception) -> Violation:
    """Return an error that nobody expected as a violation."""
    lines = traceback.format_exception(error)
    way = "".join(lines)[-2_000:]
    return Violation(BUG, f"{type(error).__name__}: {error}", {"way": way})
