"""Chance: streams of random numbers, one per purpose, all of them from one seed.

A purpose of its own means that one fault less changes nothing about when the others strike.
"""

import random
from typing import Final

_MILLION: Final = 1_000_000


class Chance:
    """Everything random about one seed.

    Args:
        seed: Of all streams.
    """

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._streams: dict[str, random.Random] = {}

    def of(self, purpose: str) -> random.Random:
        """Return the stream of a purpose: the same numbers in every process."""
        found = self._streams.get(purpose)
        if found is None:
            # Text is hashed by SHA-512 here, and not by Python's own hash of the day.
            found = random.Random(f"{self._seed} {purpose}")  # noqa: S311 - no secret
            self._streams[purpose] = found
        return found


def happens(stream: random.Random, ppm: int) -> bool:
    """Return whether something of a rate in parts per million happens now."""
    return ppm > 0 and stream.random() * _MILLION < ppm
