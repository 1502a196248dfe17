"""Room that is kept for later."""

import errno
import os
from pathlib import Path
from types import SimpleNamespace

import pytest

from interlock.journal.ballast import Ballast, is_low
from interlock.journal.errors import JournalError

SIZE = 1 << 20


def test_the_room_is_really_taken_and_given_back(tmp_path: Path) -> None:
    ballast = Ballast(tmp_path / "ballast", size_bytes=SIZE)
    was_there = ballast.is_there
    ballast.restore()
    status = (tmp_path / "ballast").stat()

    assert (was_there, ballast.is_there) == (False, True)
    assert status.st_size == SIZE
    assert status.st_blocks * 512 >= SIZE
    assert status.st_mode & 0o777 == 0o600
    ballast.restore()
    assert (ballast.release(), ballast.release()) == (True, False)
    assert not (tmp_path / "ballast").exists()


def test_a_file_of_holes_is_no_ballast(tmp_path: Path) -> None:
    path = tmp_path / "ballast"
    path.touch(mode=0o600)
    os.truncate(path, SIZE)
    ballast = Ballast(path, size_bytes=SIZE)
    was_there = ballast.is_there
    ballast.restore()

    assert (was_there, ballast.is_there) == (False, True)


def test_what_does_not_fit_stays_free(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(descriptor: int, _offset: int, _length: int) -> None:
        os.write(descriptor, b"as far as it goes")
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "posix_fallocate", full)
    ballast = Ballast(tmp_path / "ballast", size_bytes=SIZE)

    with pytest.raises(JournalError, match=r"could not take room for .*the disk is full"):
        ballast.restore()
    assert (tmp_path / "ballast").stat().st_size == 0


def test_a_ballast_that_cannot_be_removed_is_told(tmp_path: Path) -> None:
    (tmp_path / "ballast").mkdir()

    with pytest.raises(JournalError, match="could not remove"):
        Ballast(tmp_path / "ballast").release()


@pytest.mark.parametrize(
    ("blocks", "names", "names_left", "low"),
    [(100, 10, 5, False), (99, 10, 5, True), (100, 10, 0, True), (100, 0, 0, False)],
)
def test_a_volume_is_low_on_room_or_on_names(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    *,
    blocks: int,
    names: int,
    names_left: int,
    low: bool,
) -> None:
    found = SimpleNamespace(f_bavail=blocks, f_frsize=10, f_files=names, f_favail=names_left)
    monkeypatch.setattr(os, "statvfs", lambda _: found)

    assert is_low(tmp_path, min_free_bytes=1_000) == low


def test_a_volume_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(JournalError, match="could not ask for room at"):
        is_low(tmp_path / "nowhere")
