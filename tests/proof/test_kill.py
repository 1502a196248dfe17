"""The real engine is killed, again and again: nothing acknowledged is lost, nothing is sent twice.

Every cycle is a process of its own with a journal in SQLite, that trades over a real socket with a
simulated venue in another process, and gets SIGKILL: at a moment of chance, or at a named point.
What it left is then compared with what the venue has. At the end of every life the faults stop, and
both sides have to be the same.
"""

import random
import shutil
import tempfile
from pathlib import Path
from typing import Final

import pytest

from tests.proof.journal_session import at_night, fast_folder
from tests.proof.kill_life import BEHAVIOURS, Life, Tally, server
from tests.proof.kill_points import POINTS

PARTS: Final = 4  # so that several workers share them
KILLS_MIN: Final = at_night(500, 20_000)
KILLS_OF_A_LIFE: Final = 12
NAMED_PART: Final = 0.5  # of the kills
SEED: Final = 20_240_229


def plans(part: int) -> list[tuple[int, str, list[str]]]:
    """Return the seed, the venue's manners and the points of every life in one part."""
    lives = -(-KILLS_MIN // (KILLS_OF_A_LIFE * PARTS)) + 1
    manners = [*BEHAVIOURS, *["good"] * 4]
    found = []
    named: list[str] = []
    for number in range(part, lives * PARTS, PARTS):
        chance = random.Random(SEED + number)  # noqa: S311 - no secret
        points = []
        for _ in range(KILLS_OF_A_LIFE):
            if chance.random() >= NAMED_PART:
                points.append("")
                continue
            if not named:
                named = [*POINTS]
                chance.shuffle(named)
            points.append(named.pop())
        found.append((SEED + number, manners[number % len(manners)], points))
    return found


@pytest.mark.parametrize("part", range(PARTS))
def test_a_kill_at_any_moment_loses_nothing_and_repeats_nothing(
    part: int, root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tally = Tally()
    with fast_folder() as folder, server(root) as client:
        for seed, behaviour, points in plans(part):
            place = folder / str(seed)
            place.mkdir()
            life = Life(client, place, seed=seed, behaviour=behaviour, points=points, tally=tally)
            try:
                life.run()
            except Exception as error:
                kept = Path(tempfile.mkdtemp(prefix="interlock-killed-")) / str(seed)
                shutil.copytree(place, kept, ignore=shutil.ignore_patterns("*.sock"))
                where = f"life of seed {seed} at a venue that is {behaviour!r}, kills {points}"
                raise AssertionError(f"{where}: {error}; what is left is in {kept}") from error

    with capsys.disabled():
        print(f"\nkills, part {part + 1} of {PARTS}, seed {SEED}")  # noqa: T201
        for line in tally.lines():
            print(line)  # noqa: T201
    assert tally.kills >= KILLS_MIN // PARTS
    assert {name for name in POINTS if tally.hits[name] == 0} == set()
    assert tally.venues > 0
    assert tally.counts.fills > tally.counts.partial > 0
    assert tally.counts.stops > 0
    assert tally.counts.unknown > tally.counts.abandoned > 0
