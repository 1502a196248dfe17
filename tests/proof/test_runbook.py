"""The drill of the runbook, line by line, against a paper account that holds something."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from interlock.config.home import Home
from tests.app.test_paper_run import home, soon, started, until
from tests.proof.halting import ask_status, write_config

__all__ = ["home"]  # a fixture

RUNBOOK = Path(__file__).parents[2] / "docs" / "runbooks" / "kill-switch.md"
LINES_MIN = 8


def drill() -> list[tuple[str, int]]:
    """Return each line of the drill with the exit code that it has to have."""
    _, text = RUNBOOK.read_text().split("## Drill\n")
    return [(line, int(code)) for line, code in re.findall(r"(?m)^\$ (.+?) # (\d)$", text)]


def call(home: Home, line: str) -> "subprocess.CompletedProcess[str]":
    """Run a line as a person would type it."""
    _, *words = shlex.split(line)
    return subprocess.run(
        [sys.executable, "-m", "interlock", *words],
        env=os.environ | {"INTERLOCK_HOME": str(home.root), "NUMBA_DISABLE_JIT": "1"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_the_drill_does_what_the_runbook_says(home: Home, tmp_path: Path) -> None:
    lines = drill()
    assert len(lines) >= LINES_MIN
    with started(home, "--config", str(write_config(tmp_path)), "--speed", "5bars/s") as process:
        until(process, "connected")
        soon(lambda: bool(ask_status(home).get("positions")))
        for line, code in lines:
            found = call(home, line)
            assert found.returncode == code, f"{line}: {found.stdout}{found.stderr}"
            if "immediate" in line:
                assert "KILLED" in found.stdout
                assert ask_status(home)["positions"] == []
                assert ask_status(home)["orders"] == []
        assert ask_status(home)["killed"]["set"] is False


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ('interlock kill --venue nowhere --reason "x"', 2),
        ("interlock kill", 2),
        ('interlock kill --clear --reason "x"', 3),
        ("interlock resume", 3),
    ],
)
def test_what_is_refused_changes_nothing(home: Home, line: str, code: int) -> None:
    """A venue that is not there, no reason, nothing that runs."""
    found = call(home, line)
    assert found.returncode == code, found.stdout + found.stderr
    assert call(home, "interlock kill --status").returncode == 0
