"""What is available is the least that the machine, the container and the process allow."""

import resource
from pathlib import Path

import pytest

from interlock.data.errors import BarError
from interlock.data.memory import check_fits, memory_available_bytes, memory_used_ppm

NOWHERE = Path("/does/not/exist")


def machine(folder: Path, *, kilobytes: int, limit: str = "max", used: int = 0) -> int | None:
    meminfo = folder / "meminfo"
    meminfo.write_text(f"MemTotal: 99999999 kB\nMemAvailable: {kilobytes} kB\n")
    (folder / "memory.max").write_text(f"{limit}\n")
    (folder / "memory.current").write_text(f"{used}\n")
    return memory_available_bytes(meminfo=meminfo, cgroup=folder)


def test_the_machine_says_what_is_left(tmp_path: Path) -> None:
    assert machine(tmp_path, kilobytes=1_000) == 1_024_000


def test_a_container_may_have_less(tmp_path: Path) -> None:
    assert machine(tmp_path, kilobytes=1_000, limit="5000", used=2_000) == 3_000
    assert machine(tmp_path, kilobytes=1_000, limit="5000", used=9_000) == 0


def test_a_process_may_have_less(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    statm = tmp_path / "statm"
    statm.write_text("10 5 3\n")
    limit = 50 * resource.getpagesize()
    monkeypatch.setattr(resource, "getrlimit", lambda _: (limit, limit))
    found = memory_available_bytes(meminfo=NOWHERE, cgroup=NOWHERE, statm=statm)
    assert found == 40 * resource.getpagesize()


def test_nobody_says_outside_linux(monkeypatch: pytest.MonkeyPatch) -> None:
    no_limit = (resource.RLIM_INFINITY, resource.RLIM_INFINITY)
    monkeypatch.setattr(resource, "getrlimit", lambda _: no_limit)
    assert memory_available_bytes(meminfo=NOWHERE, cgroup=NOWHERE, statm=NOWHERE) is None


def test_a_file_fits_to_the_last_byte(tmp_path: Path) -> None:
    path = tmp_path / "A.parquet"
    path.write_bytes(b"x")
    check_fits(path, bars=10, text=False, available_bytes=2_000)
    check_fits(path, bars=10, text=False, available_bytes=None)
    with pytest.raises(BarError, match="Nothing was read"):
        check_fits(path, bars=10, text=False, available_bytes=1_999)
    with pytest.raises(BarError, match="about 10 bars"):
        check_fits(path, bars=10, text=True, available_bytes=2_000)


def test_the_share_of_memory_in_use_is_what_is_not_available(tmp_path: Path) -> None:
    meminfo = tmp_path / "meminfo"
    meminfo.write_text("MemTotal:  1000 kB\nMemFree: 10 kB\nMemAvailable:  250 kB\nFlags\n")

    assert memory_used_ppm(meminfo) == 750_000
    assert memory_used_ppm(NOWHERE) is None


@pytest.mark.parametrize("text", ["", "MemTotal: 0 kB\nMemAvailable: 0 kB\n", "MemTotal: x kB\n"])
def test_a_share_that_nobody_can_tell_is_none(tmp_path: Path, text: str) -> None:
    meminfo = tmp_path / "meminfo"
    meminfo.write_text(text)

    assert memory_used_ppm(meminfo) is None
