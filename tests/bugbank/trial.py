"""One bug on trial: the simulator runs from its first seed until an invariant does not hold.

``python -m tests.bugbank.trial <folder>`` reads one question per line and answers each from a
process of its own, forked before anything of ours was imported: what is planted in one is in no
other.
"""

import json
import os
import sys
import time
from dataclasses import asdict, dataclass
from enum import EnumType, IntEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from tests.bugbank.bugs import Bug, StaleError, all_bugs
from tests.bugbank.planting import plant

if TYPE_CHECKING:
    from interlock.research.simulator.checks import Violation

WARMED: Final = ("apsw", "numba", "numpy", "pydantic", "structlog", "yaml")
# What a bug that does not run as it stands would raise: it says nothing about the simulator.
BROKEN: Final = (SyntaxError, ImportError, NameError, TypeError)
STEPS: Final = 700  # of the world, for each seed: many short worlds find more than a few long ones
CRASH: Final = 0  # the number of what is no invariant: the code itself came to a stop


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """What came of a bug.

    Attributes:
        name: Of the bug; empty when none was planted.
        seeds: How many were run.
        found: Whether the last of them found it.
        invariant: Which did not hold; 0 when the code itself came to a stop.
        sentence: What the simulator said.
        command: Reproduces it, with the bug planted.
        problem: Why the trial is void: the bug is stale, or does not run.
        seconds: It took.
    """

    name: str
    seeds: int = 0
    found: bool = False
    invariant: int = 0
    sentence: str = ""
    command: str = ""
    problem: str = ""
    seconds: float = 0.0


def try_bug(bug: Bug | None, first: int, count: int) -> Trial:
    """Plant a bug, or none, and run seeds until one finds something; in this very process."""
    name = bug.name if bug is not None else ""
    begun = time.perf_counter()
    try:
        if bug is not None:
            plant(bug)
        # Not before it is planted.
        from interlock.research.simulator.invariants import all_checks  # noqa: PLC0415
        from interlock.research.simulator.run import run_seed  # noqa: PLC0415
    except (StaleError, *BROKEN) as error:
        return Trial(name=name, problem=f"{type(error).__name__}: {error}")
    if is_plain():
        quicken()
    for seed in range(first, first + count):
        result = run_seed(seed, steps=STEPS, checks=all_checks)
        violation = result.violation
        if violation is not None:
            return Trial(
                name=name,
                seeds=seed - first + 1,
                found=not is_broken(violation),
                invariant=violation.invariant,
                sentence=violation.sentence,
                command=result.command,
                problem=violation.sentence if is_broken(violation) else "",
                seconds=time.perf_counter() - begun,
            )
    return Trial(name=name, seeds=count, seconds=time.perf_counter() - begun)


def quicken() -> None:
    """Make plain numbers of the kernel's codes: NumPy takes ten times as long to compare members.

    The machine code knows nothing else either.
    """
    from interlock.kernel import codes, reasons  # noqa: PLC0415 - once a bug is planted

    member: IntEnum
    for found in [*vars(codes).values(), *vars(reasons).values()]:
        if isinstance(found, EnumType):
            for name, member in found.__members__.items():
                type.__setattr__(found, name, int(member))


def is_plain() -> bool:
    """Return whether the kernel runs as plain Python in this process."""
    return os.environ.get("NUMBA_DISABLE_JIT") == "1"


def is_broken(violation: "Violation") -> bool:
    """Return whether the code came to a stop because a bug does not run as it stands."""
    return violation.invariant == CRASH and isinstance(violation.__cause__, BROKEN)


def _in_child(asked: dict[str, Any], bugs: dict[str, Bug]) -> Trial:
    """Answer a question from a forked process."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        status = 1
        try:
            os.close(reader)
            bug = bugs[asked["name"]]
            planted = bug.world if asked["is_control"] else bug
            trial = try_bug(planted, asked["first"], asked["count"])
            with os.fdopen(writer, "w") as pipe:
                json.dump(asdict(trial), pipe)
            status = 0
        finally:
            os._exit(status)
    os.close(writer)
    with os.fdopen(reader) as pipe:
        answer = pipe.read()
    os.waitpid(child, 0)
    if not answer:
        return Trial(name=asked["name"], problem="the process ended without a word")
    return Trial(**json.loads(answer))


def main() -> None:
    """Answer questions until there are none."""
    for name in WARMED:
        __import__(name)
    bugs = {bug.name: bug for bug in all_bugs(Path(sys.argv[1]))}
    for line in sys.stdin:
        print(json.dumps(asdict(_in_child(json.loads(line), bugs))), flush=True)  # noqa: T201


if __name__ == "__main__":
    main()
