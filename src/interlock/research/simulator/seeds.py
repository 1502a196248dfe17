"""Kept seeds: those that once showed something, run again for ever."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from interlock.research.simulator.faults import SimulationError, fault_words, read_faults

_WORDS: Final = 3
_DRAWN: Final = "drawn"


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """One line of the file.

    Attributes:
        seed: Of the world.
        steps: With faults.
        faults: None for those that the seed draws.
        why: What it showed, and when.
    """

    seed: int
    steps: int
    faults: frozenset[str] | None
    why: str

    def line(self) -> str:
        """Return it as it is in the file."""
        named = _DRAWN if self.faults is None else fault_words(self.faults)
        return f"{self.seed} {self.steps} {named} # {self.why}"


def read_seeds(text: str) -> list[Kept]:
    """Return the seeds in a file: ``seed steps faults # why`` each, empty lines and comments aside.

    Raises:
        SimulationError: A line says something else.

    >>> read_seeds("7 100 crash,power # an order was sent twice")[0].steps
    100
    """
    found = []
    for number, line in enumerate(text.splitlines(), 1):
        said, _, why = line.partition("#")
        words = said.split()
        if not words:
            continue
        if len(words) != _WORDS or not (words[0].isdigit() and words[1].isdigit()):
            raise SimulationError(
                f"line {number} must be 'seed steps faults # why', was {line!r}. "
                "Next: correct or remove it."
            )
        faults = None if words[2] == _DRAWN else read_faults(words[2])
        found.append(Kept(seed=int(words[0]), steps=int(words[1]), faults=faults, why=why.strip()))
    return found


def keep(file: Path, kept: Kept) -> bool:
    """Add a seed to the file unless it is there; return whether it was added."""
    text = file.read_text() if file.exists() else ""
    known = {(one.seed, one.steps, one.faults) for one in read_seeds(text)}
    if (kept.seed, kept.steps, kept.faults) in known:
        return False
    with file.open("a") as handle:
        handle.write(f"{kept.line()}\n")
    return True
