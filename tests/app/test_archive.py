"""Putting an account aside: as a whole or not at all, and never under somebody's feet."""

import fcntl
import os
from pathlib import Path

import pytest

from interlock.app.archive import begin_again, check_not_archiving
from interlock.app.launch import Launch, read_launch
from interlock.config.errors import PolicyError
from interlock.config.everything import Configuration
from interlock.config.home import Home
from interlock.journal.errors import JournalError
from interlock.journal.locks import EngineLock
from interlock.runtime.clock import ManualClock

NOW_NS = 1_700_000_000 * 10**9
PARTS = ("journal.db", "journal.db-wal", "venue/venue.db", "anchors/heads.jsonl")
NAMES = {Path(part).name for part in PARTS}


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    """Return a home with an account in it."""
    monkeypatch.setenv("INTERLOCK_HOME", str(tmp_path / "home"))
    _, found, _ = read_launch(Launch())
    found.make()
    for part in PARTS:
        (found.root / part).write_text(part)
    found.latch.write_text("the latch")
    return found


def configuration(tmp_path: Path, text: str = '[data]\nspeed = "max"\n') -> Configuration:
    """Return what holds when a file says this."""
    path = tmp_path / "interlock.toml"
    path.write_text(text)
    return read_launch(Launch(config_file=path))[2]


def names(folder: Path) -> set[str]:
    """Return what is in a folder."""
    return {path.name for path in folder.iterdir()}


def test_everything_but_the_latch_is_moved(home: Home, tmp_path: Path) -> None:
    folder = begin_again(home, configuration(tmp_path), ManualClock(NOW_NS))

    assert folder == home.archive / "2023-11-14T22-13-20Z"
    assert names(folder) == NAMES
    assert (folder / "venue.db").read_text() == "venue/venue.db"
    assert not any((home.root / part).exists() for part in PARTS)
    assert home.latch.read_text() == "the latch"


def test_two_in_one_second_have_two_names(home: Home, tmp_path: Path) -> None:
    clock = ManualClock(NOW_NS)
    first = begin_again(home, configuration(tmp_path), clock)
    home.journal.write_text("another")
    second = begin_again(home, configuration(tmp_path), clock)

    assert first is not None
    assert second == first.with_name(f"{first.name}-2")


def test_where_nothing_is_nothing_is_made(home: Home, tmp_path: Path) -> None:
    for part in PARTS:
        (home.root / part).unlink()

    assert begin_again(home, configuration(tmp_path), ManualClock(NOW_NS)) is None
    assert names(home.archive) == set()


def test_an_engine_that_runs_is_left_alone(home: Home, tmp_path: Path) -> None:
    lock = EngineLock(home.engine_lock)
    with pytest.raises(JournalError, match=f"held by process {os.getpid()}"):
        begin_again(home, configuration(tmp_path), ManualClock(NOW_NS))
    lock.close()

    assert home.journal.exists()


def test_a_venue_that_runs_is_left_alone(home: Home, tmp_path: Path) -> None:
    with home.venue_lock.open("w") as held:
        home.venue_lock.chmod(0o600)
        fcntl.flock(held, fcntl.LOCK_EX)
        with pytest.raises(PolicyError, match="a simulated venue that still runs"):
            begin_again(home, configuration(tmp_path), ManualClock(NOW_NS))

    assert home.journal.exists()


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('[journal]\nurl = "postgresql://me@127.0.0.1/db"\n', "this one is in PostgreSQL"),
        ('[journal]\nanchors = ["/mnt/heads.jsonl"]\n', "/mnt/heads.jsonl"),
    ],
)
def test_what_is_not_all_in_the_home_is_left_alone(
    home: Home, tmp_path: Path, text: str, says: str
) -> None:
    with pytest.raises(PolicyError, match=says):
        begin_again(home, configuration(tmp_path, text), ManualClock(NOW_NS))

    assert home.journal.exists()


@pytest.mark.parametrize("moved", range(len(PARTS) + 1))
def test_a_move_that_was_interrupted_is_finished_and_until_then_nothing_starts(
    home: Home, tmp_path: Path, moved: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = 0

    def rename(self: Path, target: Path) -> Path:
        nonlocal calls
        if calls == moved:
            raise KeyboardInterrupt
        calls += 1
        os.rename(self, target)  # noqa: PTH104 - what it stands for is taken
        return target

    monkeypatch.setattr(Path, "rename", rename)
    with pytest.raises(KeyboardInterrupt):
        begin_again(home, configuration(tmp_path), ManualClock(NOW_NS))
    monkeypatch.undo()
    monkeypatch.setenv("INTERLOCK_HOME", str(home.root))

    with pytest.raises(PolicyError, match="interlock run --again finishes it"):
        check_not_archiving(home)
    folder = begin_again(home, configuration(tmp_path), ManualClock(2 * NOW_NS))
    check_not_archiving(home)

    assert folder == home.archive / "2023-11-14T22-13-20Z"
    assert names(folder) == NAMES
    assert not any((home.root / part).exists() for part in PARTS)
