"""The verb that runs simulated worlds: what it prints, and how it ends."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from interlock.cli import app
from interlock.cli import simulate_verb as verb
from interlock.research.simulator.checks import Violation
from interlock.research.simulator.world import World


class _Minds:
    """Finds fault with every world."""

    def stepped(self) -> None:
        """Say so."""
        raise Violation(99, "there is a world", {"why": "none"})


def _minding(_world: World) -> list[object]:
    return [_Minds()]


def _run(*words: str) -> tuple[int, str, str]:
    found = CliRunner().invoke(app, ["simulate", *words])
    return found.exit_code, found.stdout, found.stderr


def test_a_good_seed_ends_with_0_and_says_what_it_came_to() -> None:
    """The same digest each time."""
    found = [_run("--seed", "3", "--steps", "20", "--json") for _ in range(2)]
    assert [each[0] for each in found] == [0, 0]
    said = [json.loads(each[1]) for each in found]
    assert said[0]["digest"] == said[1]["digest"]
    assert said[0]["events_total"] > 0


def test_a_bad_seed_ends_with_1_the_line_that_runs_it_again_and_a_smaller_one(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """It is kept where it was asked to be."""
    monkeypatch.setattr(verb, "all_checks", _minding)
    kept = tmp_path / "seeds.txt"
    code, _, said = _run("--seed", "3", "--steps", "40", "--keep", str(kept))
    assert code == 1
    assert "invariant 99: there is a world" in said
    assert "Again: interlock simulate --seed 3 --steps 40" in said
    assert "interlock simulate --seed 3 --steps 1 --faults none" in said
    assert kept.read_text() == "3 1 none # invariant 99: there is a world\n"


def test_what_is_no_fault_is_refused() -> None:
    """With what there is."""
    code, _, said = _run("--faults", "crsh")
    assert code == 2
    assert "was crsh" in said
    assert "interlock simulate --list" in said


def test_faults_and_points_are_listed() -> None:
    """With what each is."""
    code, said, _ = _run("--list")
    assert code == 0
    assert "mid_bytes" in said
    assert "power" in said


def test_a_swarm_says_its_sums_and_is_gone_on_with(tmp_path: Path) -> None:
    """The second time only what was not run yet."""
    state = str(tmp_path / "state.json")
    words = ("--seed", "1", "--steps", "10", "--resume", state, "--json")
    first = _run("--swarm", "2", *words)
    again = _run("--swarm", "3", *words)
    assert (first[0], again[0]) == (0, 0)
    assert json.loads(first[1])["seeds"] == 2
    assert json.loads(again[1])["seeds"] == 3
