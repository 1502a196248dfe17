"""One seed is one world, wherever it is run; and what its watchers see is what comes of it."""

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from interlock.research.simulator.checks import BUG, Violation
from interlock.research.simulator.faults import ALL, NONE, SimulationError, fault_words, read_faults
from interlock.research.simulator.invariants import all_checks
from interlock.research.simulator.plan import draw
from interlock.research.simulator.points import POINTS
from interlock.research.simulator.run import run_seed
from interlock.research.simulator.seeds import Kept, keep, read_seeds
from interlock.research.simulator.shrink import shrink
from interlock.research.simulator.swarm import Swarm, run_swarm
from interlock.research.simulator.totals import Totals, read_state
from interlock.research.simulator.world import World
from interlock.runtime.clock import NS_PER_S

STEPS = 120
BUSY = frozenset(  # something of everything that has points of its own
    {
        *("kill_immediate", "people_clear", "people_policy", "people_restart"),
        *("net_lost", "venue_partial"),
    }
)
KEPT = Path(__file__).parents[1] / "sim" / "seeds.txt"
SAYS_DIGEST = """
from interlock.research.simulator.run import run_seed
print(" ".join(run_seed(seed, steps=120).digest for seed in (3, 4, 5)))
"""


def test_a_seed_is_the_same_world_in_every_process() -> None:
    """Whatever the process hashes text by, and wherever its clock stands."""
    here = [run_seed(seed, steps=STEPS).digest for seed in (3, 4, 5)]
    assert len(set(here)) == 3
    for hash_seed, zone in (("1", "Asia/Kathmandu"), ("2", "America/New_York")):
        said = subprocess.run(
            [sys.executable, "-c", SAYS_DIGEST],
            env={**os.environ, "PYTHONHASHSEED": hash_seed, "TZ": zone},
            check=True,
            capture_output=True,
            text=True,
        )
        assert said.stdout.split() == here


def test_watching_changes_nothing() -> None:
    """What is watched is what happens unwatched."""
    assert run_seed(7, steps=STEPS).digest == run_seed(7, steps=STEPS, checks=all_checks).digest


def test_a_world_without_faults_trades_and_settles() -> None:
    """Nothing was injected, and orders went to the venue and came back."""
    results = [run_seed(seed, steps=200, faults=NONE, checks=all_checks) for seed in range(1, 7)]
    assert [each.violation for each in results] == [None] * 6
    assert sum(each.events["command"] for each in results) > 20
    assert not any(each.events["injected"] for each in results)


@pytest.mark.parametrize("kept", read_seeds(KEPT.read_text()), ids=lambda kept: str(kept.seed))
def test_a_kept_seed_shows_nothing_any_more(kept: Kept) -> None:
    """Each of them was a bug once."""
    found = run_seed(kept.seed, steps=kept.steps, faults=kept.faults, checks=all_checks)
    assert found.violation is None


@pytest.mark.parametrize("point", POINTS)
def test_an_engine_may_end_at_every_point_and_goes_on(point: str, tmp_path: Path) -> None:
    """All of them are on its way, and the world settles after each."""
    for seed in range(1, 40):
        world = _armed(seed, point, BUSY, tmp_path / str(seed))
        if world.fuse.hit[point]:
            return
    pytest.fail(f"nobody came by {point}")


def _armed(seed: int, point: str, faults: frozenset[str], folder: Path) -> World:
    """Return a world that has run, with its fuse set to a point from the beginning."""
    folder.mkdir(mode=0o700)
    plan = draw(seed, faults)
    plan = replace(plan, every_ns=dict.fromkeys(plan.every_ns, 5 * NS_PER_S), signal_ppm=900_000)
    world = World(plan, folder)
    try:
        world.watch(all_checks(world))
        world.fuse.armed = point
        world.run(300)
    finally:
        world.close()
    return world


# --- what must not be ---------------------------------------------------------------------------


class _Dislikes:
    """Minds a fault that is not wrong at all."""

    def __init__(self, world: World, fault: str) -> None:
        self._world = world
        self._fault = fault

    def stepped(self) -> None:
        """Look."""
        if self._world.injected[self._fault]:
            raise Violation(99, "there was one", {"fault": self._fault})


def _disliking_gaps(world: World) -> list[object]:
    return [_Dislikes(world, "data_gap")]


def _failing(_world: World) -> list[object]:
    return [_Breaks()]


class _Breaks:
    """A bug."""

    def stepped(self) -> None:
        """Fail."""
        raise KeyError("nothing")


def test_a_failure_shrinks_to_about_the_fault_that_it_takes() -> None:
    """And to few steps; the line that is printed runs it again. A try costs a run: few are made."""
    failed = run_seed(5, steps=400, faults=ALL, checks=_disliking_gaps)
    assert failed.violation is not None
    assert failed.violation.invariant == 99
    found = shrink(failed, ALL, _disliking_gaps, lambda _: None)
    assert "data_gap" in found.faults
    assert len(found.faults) < len(ALL) // 10
    assert found.result.steps < 100
    assert found.result.command == (
        f"interlock simulate --seed 5 --steps {found.result.steps} "
        f"--faults {','.join(sorted(found.faults))}"
    )
    again = run_seed(5, steps=found.result.steps, faults=found.faults, checks=_disliking_gaps)
    assert again.violation is not None


def test_an_error_that_nobody_expected_is_a_failure() -> None:
    """With the way it came."""
    found = run_seed(1, steps=10, checks=_failing)
    assert found.violation is not None
    assert found.violation.invariant == BUG
    assert "stepped" in str(found.violation.facts["way"])


# --- many of them -------------------------------------------------------------------------------


def test_a_swarm_adds_up_what_its_seeds_came_to_and_goes_on_where_it_was(tmp_path: Path) -> None:
    """In two parts it comes to the same as in one."""
    state = tmp_path / "state.json"
    told: list[int] = []
    first = Swarm(first=1, seeds=8, steps=60, jobs=2, state=state)
    run_swarm(first, Totals(), all_checks, tell=lambda _: None, failed=lambda _: None)
    at, totals = read_state(state)
    assert (at, totals.seeds) == (9, 8)
    rest = Swarm(first=at, seeds=8, steps=60, jobs=1, state=state)
    run_swarm(rest, totals, all_checks, tell=lambda sums: told.append(sums.seeds), failed=print)
    whole = Totals()
    for seed in range(1, 17):
        whole.add(run_seed(seed, steps=60, checks=all_checks), 0.0)
    found, expected = totals.as_json(), whole.as_json()
    for name in ("seeds", "events", "crash_points", "faults", "sometimes", "violations"):
        assert found[name] == expected[name]
    assert told == [16]
    assert any(line.startswith("violations") for line in totals.lines())


def test_what_is_no_state_of_a_swarm_is_refused(tmp_path: Path) -> None:
    """It says what to do."""
    file = tmp_path / "state.json"
    file.write_text("{}")
    with pytest.raises(SimulationError, match="Next: remove it"):
        read_state(file)


# --- words --------------------------------------------------------------------------------------


def test_faults_are_named_and_read_back() -> None:
    """All, none, or some."""
    for faults in (ALL, NONE, frozenset({"crash", "power"})):
        assert read_faults(fault_words(faults)) == faults
    with pytest.raises(SimulationError, match="was crsh"):
        read_faults("crsh,power")


def test_a_seed_is_kept_once(tmp_path: Path) -> None:
    """However often it fails."""
    file = tmp_path / "seeds.txt"
    kept = Kept(seed=7, steps=100, faults=frozenset({"crash"}), why="an order twice")
    assert keep(file, kept)
    assert not keep(file, kept)
    assert read_seeds(file.read_text()) == [kept]
    with pytest.raises(SimulationError, match="line 1"):
        read_seeds("seven 100 crash")
