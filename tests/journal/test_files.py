"""Files that only their owner may touch, and the lock that one engine holds."""

import errno
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from interlock.journal import files
from interlock.journal.errors import JournalError
from interlock.journal.files import (
    check_folder,
    create_file,
    make_folder,
    open_file,
    replace_file,
    sync_folder,
)
from interlock.journal.locks import EngineLock

SOMEBODY = 65_534
HOLDS_A_LOCK = """
import sys
from pathlib import Path
from interlock.journal.locks import EngineLock
lock = EngineLock(Path(sys.argv[1]))
print("held", flush=True)
sys.stdin.read()
"""


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def fails_with(number: int) -> object:
    """Return what always fails as the system would."""

    def fails(*_: object, **__: object) -> None:
        raise OSError(number, os.strerror(number))

    return fails


def test_a_folder_is_made_for_its_owner_alone(tmp_path: Path) -> None:
    folder = tmp_path / "home" / "interlock"
    before = os.umask(0)
    try:
        make_folder(folder)
    finally:
        os.umask(before)

    assert mode(folder) == 0o700
    make_folder(folder)


@pytest.mark.parametrize("bits", [0o750, 0o705, 0o701, 0o770, 0o777])
def test_a_folder_that_others_may_enter_is_refused(tmp_path: Path, bits: int) -> None:
    tmp_path.chmod(bits)

    with pytest.raises(JournalError, match=f"mode 700, was {bits:o}: .* Next: chmod 700 "):
        check_folder(tmp_path)


def test_a_folder_of_another_user_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "getuid", lambda: SOMEBODY)

    with pytest.raises(JournalError, match=f"must belong to user {SOMEBODY}, was user"):
        check_folder(tmp_path)


def test_a_link_in_the_place_of_a_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir(mode=0o700)
    (tmp_path / "link").symlink_to(tmp_path / "folder")

    for name in ("link", "link/"):
        with pytest.raises(JournalError, match="must not be a symbolic link"):
            check_folder(tmp_path / name)
        with pytest.raises(JournalError, match="must not be a symbolic link"):
            make_folder(tmp_path / name)


def test_a_link_above_is_accepted_from_us_and_refused_from_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "above" / "folder").mkdir(mode=0o700, parents=True)
    (tmp_path / "link").symlink_to(tmp_path / "above")
    folder = tmp_path / "link" / "folder"
    check_folder(folder)

    uid = os.getuid()
    look = Path.lstat

    def foreign(path: Path) -> os.stat_result:
        found = look(path)
        if not stat.S_ISLNK(found.st_mode):
            return found
        return os.stat_result([*found[:4], SOMEBODY, *found[5:]])

    monkeypatch.setattr(Path, "lstat", foreign)
    with pytest.raises(JournalError, match=f"link is a symbolic link of user {SOMEBODY}"):
        check_folder(folder)
    assert os.getuid() == uid


def test_a_file_in_the_place_of_a_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "folder").touch(mode=0o600)

    with pytest.raises(JournalError, match="must be a folder, was something else"):
        make_folder(tmp_path / "folder")
    with pytest.raises(JournalError, match="a part of the path is no folder"):
        make_folder(tmp_path / "folder" / "below")
    with pytest.raises(JournalError, match="it is not there"):
        check_folder(tmp_path / "nowhere")


def test_a_new_file_is_for_its_owner_alone(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        create_file(tmp_path / "file")
    finally:
        os.umask(before)

    assert mode(tmp_path / "file") == 0o600
    with pytest.raises(JournalError, match="is there already, and is not overwritten"):
        create_file(tmp_path / "file")


@pytest.mark.parametrize("bits", [0o640, 0o604, 0o660, 0o666])
def test_a_file_that_others_may_touch_is_refused(tmp_path: Path, bits: int) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "file").chmod(bits)

    with pytest.raises(JournalError, match=f"mode 600, was {bits:o}: .* Next: chmod 600 "):
        open_file(tmp_path / "file", os.O_RDWR)


def test_a_file_of_another_user_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    create_file(tmp_path / "file")
    monkeypatch.setattr(os, "getuid", lambda: SOMEBODY)

    with pytest.raises(JournalError, match=f"Next: chown {SOMEBODY} "):
        open_file(tmp_path / "file", os.O_RDWR)


def test_a_link_in_the_place_of_a_file_is_never_followed(tmp_path: Path) -> None:
    create_file(tmp_path / "file")
    (tmp_path / "link").symlink_to(tmp_path / "file")
    (tmp_path / "nowhere").symlink_to(tmp_path / "absent")

    with pytest.raises(JournalError, match="it is a symbolic link"):
        open_file(tmp_path / "link", os.O_RDWR)
    with pytest.raises(JournalError, match="it is a symbolic link"):
        open_file(tmp_path / "nowhere", os.O_RDWR | os.O_CREAT)
    with pytest.raises(JournalError, match="is there already"):
        create_file(tmp_path / "nowhere")
    assert not (tmp_path / "absent").exists()


def test_a_pipe_in_the_place_of_a_file_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe", 0o600)

    with pytest.raises(JournalError, match="must be a regular file"):
        open_file(tmp_path / "pipe", os.O_RDWR)


@pytest.mark.parametrize(
    ("number", "message"),
    [
        (errno.EROFS, "the filesystem is read-only. Next: mount it read-write"),
        (errno.ENOSPC, "the disk is full"),
        (errno.EDQUOT, "the quota is used up"),
        (errno.EACCES, "this user may not"),
        (errno.EIO, "Input/output error. Next: check the disk"),
    ],
)
def test_what_the_system_refuses_is_said_with_the_next_step(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, message: str
) -> None:
    monkeypatch.setattr(os, "open", fails_with(number))

    with pytest.raises(JournalError, match=f"could not open {tmp_path}/file: {message}"):
        open_file(tmp_path / "file", os.O_RDWR)
    with pytest.raises(JournalError, match=f"could not sync {tmp_path}: {message}"):
        sync_folder(tmp_path)


def test_replacing_leaves_the_old_file_or_the_new_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "file"
    replace_file(path, b"old")
    replace_file(path, b"new")
    assert path.read_bytes() == b"new"
    assert mode(path) == 0o600

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", fails_with(errno.ENOSPC))
        with pytest.raises(JournalError, match=r"could not write .*: the disk is full"):
            replace_file(path, b"newer")
    assert path.read_bytes() == b"new"
    replace_file(path, b"newest")
    assert [x.name for x in tmp_path.iterdir()] == ["file"]


def test_a_folder_that_cannot_be_made_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Path, "mkdir", fails_with(errno.EROFS))

    with pytest.raises(JournalError, match=r"could not make .*: the filesystem is read-only"):
        make_folder(tmp_path / "home")


# --- the lock ---------------------------------------------------------------------------------


def test_one_engine_holds_the_lock(tmp_path: Path) -> None:
    lock = EngineLock(tmp_path / "engine.lock")
    with pytest.raises(JournalError, match=f"is held by process {os.getpid()}"):
        EngineLock(tmp_path / "engine.lock")
    lock.close()
    lock.close()

    again = EngineLock(tmp_path / "engine.lock")
    again.close()
    assert mode(tmp_path / "engine.lock") == 0o600


def test_a_second_process_is_refused_until_the_first_is_gone(tmp_path: Path) -> None:
    path = tmp_path / "engine.lock"
    first = subprocess.Popen(
        [sys.executable, "-c", HOLDS_A_LOCK, str(path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert first.stdout is not None
    assert first.stdin is not None
    assert first.stdout.readline() == b"held\n"
    with pytest.raises(JournalError, match=f"is held by process {first.pid}"):
        EngineLock(path, wait_s=0.06)
    first.kill()
    first.wait()
    first.stdin.close()
    first.stdout.close()

    lock = EngineLock(path, wait_s=30.0)
    assert lock.holder() == str(os.getpid())
    lock.close()


def test_waiting_for_the_lock_ends_when_it_is_free(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = EngineLock(tmp_path / "engine.lock")
    monkeypatch.setattr("interlock.journal.locks.time.sleep", lambda _: first.close())

    second = EngineLock(tmp_path / "engine.lock", wait_s=1.0)
    second.close()


def test_a_lock_that_cannot_be_written_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "ftruncate", fails_with(errno.EIO))

    with pytest.raises(JournalError, match="could not lock"):
        EngineLock(tmp_path / "engine.lock")


def test_a_lock_without_a_name_is_held_by_somebody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "pwrite", lambda *_: 0)
    lock = EngineLock(tmp_path / "engine.lock")

    with pytest.raises(JournalError, match="held by process unknown"):
        EngineLock(tmp_path / "engine.lock")
    lock.close()


def test_every_message_of_the_system_ends_with_a_step() -> None:
    assert all("Next: " in step for step in files._NEXT_STEPS.values())
