"""What is measured of the machine while an engine runs."""

from pathlib import Path

import pytest

from interlock.app import health
from interlock.app.health import measure_machine
from interlock.kernel.codes import Metric


def test_room_and_memory_are_told_in_parts_per_million(tmp_path: Path) -> None:
    found = measure_machine(tmp_path)

    assert set(found) == {Metric.DISK_FREE_PPM, Metric.MEMORY_USED_PPM}
    assert all(0 <= value <= 1_000_000 for value in found.values())


def test_what_cannot_be_measured_is_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing free, or nothing used, would be a measurement."""
    monkeypatch.setattr(health, "memory_used_ppm", lambda: None)

    assert measure_machine(tmp_path / "gone") == {}
