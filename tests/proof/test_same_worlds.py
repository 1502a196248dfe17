"""A seed is one world: the same to the bit in another process, wherever that runs."""

import os
import subprocess
import sys
from typing import Final

import pytest

CHUNK: Final = 25  # seeds of one test, so that they can be spread over processors
SEEDS: Final = 200
_RUN: Final = """
import sys
from interlock.research.simulator.invariants import all_checks
from interlock.research.simulator.run import STEPS, run_seed

for seed in range(int(sys.argv[1]), int(sys.argv[1]) + int(sys.argv[2])):
    result = run_seed(seed, steps=STEPS, faults=None, checks=all_checks)
    print(seed, result.digest, result.total, result.violation)
"""


def run_elsewhere(first: int, surroundings: dict[str, str]) -> list[str]:
    """Run some seeds in a process of its own; return a line for each."""
    found = subprocess.run(
        [sys.executable, "-c", _RUN, str(first), str(CHUNK)],
        env={**os.environ, **surroundings},
        capture_output=True,
        text=True,
        check=True,
    )
    return found.stdout.splitlines()


@pytest.mark.parametrize("first", range(1, SEEDS + 1, CHUNK))
def test_a_seed_is_the_same_world_wherever_it_runs(first: int) -> None:
    here = run_elsewhere(
        first, {"PYTHONHASHSEED": "1", "TZ": "America/Denver", "LC_ALL": "C.UTF-8"}
    )
    there = run_elsewhere(first, {"PYTHONHASHSEED": "77", "TZ": "Asia/Kathmandu", "LC_ALL": "C"})

    assert len(here) == CHUNK
    assert here == there
    assert all(line.endswith(" None") for line in here), here
