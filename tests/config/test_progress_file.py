"""The file that says how far an engine is: whole or nothing, and written without waiting."""

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from interlock.config.errors import PolicyError
from interlock.config.progress_file import (
    SIZE,
    EngineState,
    ProgressFile,
    process_began,
    read_progress,
)

NOW_NS = 5_000


def file_of(path: Path) -> ProgressFile:
    """Return a file that a starting engine has just opened."""
    return ProgressFile(path, lambda: NOW_NS)


def test_what_is_written_is_read(tmp_path: Path) -> None:
    path = tmp_path / "progress"
    file = file_of(path)
    file.enter(EngineState.RUNNING)
    file.loop(ticks=1, arrivals=2, waiting=3, decided_seq=4, durable_seq=5)
    file.writing(begins=True)
    found = read_progress(path)
    assert found is not None
    assert (found.pid, found.began) == (os.getpid(), process_began(os.getpid()))
    assert found.state is EngineState.RUNNING
    assert (found.ticks, found.arrivals, found.waiting) == (1, 2, 3)
    assert (found.decided_seq, found.durable_seq) == (4, 5)
    assert (found.busy_ns, found.pulse_ns) == (NOW_NS, NOW_NS)
    file.writing(begins=False)
    after = read_progress(path)
    assert after is not None
    assert (after.busy_ns, after.commits) == (0, found.commits + 1)


def test_it_is_for_its_user_alone_and_stands_after_a_close(tmp_path: Path) -> None:
    path = tmp_path / "progress"
    file = file_of(path)
    file.enter(EngineState.STOPPED)
    file.close()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    found = read_progress(path)
    assert found is not None
    assert found.state is EngineState.STOPPED


def test_the_next_engine_begins_anew(tmp_path: Path) -> None:
    path = tmp_path / "progress"
    first = file_of(path)
    first.loop(ticks=9, arrivals=9, waiting=9, decided_seq=9, durable_seq=9)
    first.writing(begins=True)
    file_of(path)
    found = read_progress(path)
    assert found is not None
    assert (found.state, found.ticks, found.busy_ns) == (EngineState.STARTING, 0, 0)


@pytest.mark.parametrize(
    "raw", [b"", b"x" * 100, bytes(SIZE), b"\xff" * SIZE, b"\x00" * (SIZE + 1)]
)
def test_what_is_no_such_file_says_nothing(tmp_path: Path, raw: bytes) -> None:
    path = tmp_path / "progress"
    assert read_progress(path) is None
    path.write_bytes(raw)
    assert read_progress(path) is None


@pytest.mark.parametrize("place", [*range(0, 40, 8), *range(64, 112, 8)])
def test_one_number_that_was_changed_makes_it_say_nothing(tmp_path: Path, place: int) -> None:
    path = tmp_path / "progress"
    file_of(path).close()
    raw = bytearray(path.read_bytes())
    raw[place] ^= 1
    path.write_bytes(raw)
    assert read_progress(path) is None


def test_a_link_or_a_folder_in_its_place_is_refused(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").write_bytes(bytes(SIZE))
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "folder").mkdir()
    for name in ("link", "folder"):
        with pytest.raises(PolicyError, match="cannot be written"):
            file_of(tmp_path / name)
        assert read_progress(tmp_path / name) is None


def test_a_process_that_ended_began_never() -> None:
    """Also one that nobody has waited for."""
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    assert process_began(process.pid) is not None
    assert process.stdin is not None
    process.stdin.close()
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    assert process_began(process.pid) is None
    process.wait()
    assert process_began(process.pid) is None
