"""What is measured while an engine runs, and what a kill does to it."""

from pathlib import Path

import pytest

from interlock.app.health import health_rows, kill_rows
from interlock.config.latch import killed
from interlock.config.latch_file import LatchFile
from interlock.kernel.codes import Cause, Kind, Level, Metric, Scope
from interlock.kernel.state import new_state

NOW_NS = 1_700_000_000_000_000_000


def test_room_and_memory_are_told_in_parts_per_million(tmp_path: Path) -> None:
    found = {int(row["code"][0]): int(row["value"][0]) for row in health_rows(tmp_path, NOW_NS)}

    assert set(found) == {Metric.DISK_FREE_PPM, Metric.MEMORY_USED_PPM}
    assert all(0 <= value <= 1_000_000 for value in found.values())


@pytest.mark.parametrize("how", ["killed", "removed"])
def test_a_kill_while_it_runs_halts_the_account_once(tmp_path: Path, how: str) -> None:
    """A latch that is gone is set: somebody took it away."""
    tmp_path.chmod(0o700)
    latch = LatchFile(path=tmp_path / "latch.json", stopwatch_ns=lambda: 0)
    latch.prepare(journal_exists=False)
    state = new_state(10**12)
    assert kill_rows(latch, state, NOW_NS) == []

    if how == "killed":
        latch.kill(killed(mode="pause", reason="a drill", who="somebody", ts_ns=NOW_NS))
    else:
        latch.path.unlink()

    (row,) = kill_rows(latch, state, NOW_NS)
    assert (row["kind"][0], row["code"][0]) == (Kind.HALT, Cause.KILL_FILE)
    assert row["level"][0] == Level.HALTED
    state["account"]["latches"] = 1
    state["latches"][0, 0]["cause"] = Cause.KILL_FILE
    state["latches"][0, 0]["scope"] = Scope.ACCOUNT
    assert kill_rows(latch, state, NOW_NS) == []
    latch.close()
