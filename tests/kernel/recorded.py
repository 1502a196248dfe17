"""Sessions that a seed decides, and the digest of all that the kernel made of them.

``python -m tests.kernel.recorded`` prints the digests, so that another process (without machine
code, in another time zone, with other hashes) can be compared with this one.
"""

import hashlib
import random
from typing import Final

from tests.kernel.chance import ROUGH, Action
from tests.kernel.helpers import Bench
from tests.kernel.test_books_balance import EXITS, WATCHED

SEEDS: Final = range(6)
ACTIONS: Final = 150
SETTINGS: Final = (
    "",
    WATCHED + EXITS,
    """
    instrument.settle=Settle.MARGIN instrument.native_oco=0 costs.slippage_base_ppm=500
    costs.volatility_factor=0.5 costs.impact_ppm=100.0 costs.impact_from_units=1_000
    sizing.method=SizingMethod.FRACTIONAL_KELLY sizing.fraction_ppm=10_000
    sizing.kelly_fraction_ppm=500_000 exits.stop_method=StopMethod.ATR exits.stop_atr=1.5
    """,
)


def actions_of(seed: int) -> list[Action]:
    """Return what happens in the session of a seed."""
    chance = random.Random(seed)  # noqa: S311 - a sample, not a secret
    return [
        (chance.randrange(100), chance.randrange(100), chance.randrange(100), chance.randrange(100))
        for _ in range(ACTIONS)
    ]


def digest_of(seed: int) -> str:
    """Return the digest of a session: every command, and the state after each event."""
    bench = Bench(SETTINGS[seed % len(SETTINGS)])
    found = hashlib.sha256()
    for what, a, b, c in actions_of(seed):
        bench.give(ROUGH[what % len(ROUGH)](bench, a, b, c))
        for row in bench.commands:
            found.update(row.tobytes())
        found.update(bench.state.tobytes())
    return found.hexdigest()


if __name__ == "__main__":
    print("\n".join(digest_of(seed) for seed in SEEDS))  # noqa: T201 - another process reads it
