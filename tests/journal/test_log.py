"""A write-ahead log that lost something acknowledged is told from one with a torn end."""

import os
import shutil
import struct
from collections.abc import Callable
from pathlib import Path

import apsw
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from interlock.journal.errors import DamageError, JournalError
from interlock.journal.rows import Row
from interlock.journal.sqlite import SqliteStore
from interlock.journal.verify import verify
from interlock.journal.wal import log_damage
from tests.journal.helpers import entry, fill

HEADER = 32
FRAME = 24 + 4_096
GROUPS = 6

Change = Callable[[bytearray], None]


@pytest.fixture(scope="module")
def crashed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Row]]:
    """Return a folder as a killed process leaves it, and the rows it had acknowledged."""
    folder = tmp_path_factory.mktemp("running")
    left = tmp_path_factory.mktemp("crashed")
    folder.chmod(0o700)
    store = SqliteStore(folder / "journal.db")
    rows = fill(store, [entry(seq, body=bytes(300)) for seq in range(1, 30)])
    store.checkpoint()  # the log begins anew with the next append
    for _ in range(GROUPS):
        seq = rows[-1].entry.seq
        rows += fill(store, [entry(seq + n, body=bytes(3_000)) for n in range(1, 4)])
    for file in folder.iterdir():
        shutil.copy(file, left / file.name)
    store.close()
    return left, rows


def changed(crashed: Path, tmp_path: Path, change: Change, *, with_index: bool) -> Path:
    """Return a copy of the journal with another log."""
    folder = tmp_path / "copy"
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(crashed, folder)
    folder.chmod(0o700)
    if not with_index:
        (folder / "journal.db-shm").unlink()
    log = folder / "journal.db-wal"
    content = bytearray(log.read_bytes())
    change(content)
    log.write_bytes(content)
    return folder / "journal.db"


def flip(at: int, bit: int = 0) -> Change:
    def change(content: bytearray) -> None:
        content[at] ^= 1 << bit

    return change


def frames(content: bytes | bytearray) -> int:
    return (len(content) - HEADER) // FRAME


def commits(content: bytes) -> list[int]:
    """Return the frames that end a transaction of the log's own generation."""
    return [
        number
        for number in range(frames(content))
        if content[HEADER + number * FRAME + 8 :][:8] == content[16:24]
        and struct.unpack(">I", content[HEADER + number * FRAME + 4 :][:4])[0]
    ]


def log_of(folder: Path) -> bytes:
    return (folder / "journal.db-wal").read_bytes()


@pytest.mark.parametrize("with_index", [True, False])
def test_a_whole_log_is_whole(
    crashed: tuple[Path, list[Row]], tmp_path: Path, *, with_index: bool
) -> None:
    folder, rows = crashed
    assert len(commits(log_of(folder))) == GROUPS
    path = changed(folder, tmp_path, lambda _: None, with_index=with_index)

    assert log_damage(path) == ""
    store = SqliteStore(path)
    assert list(store.read()) == rows
    store.close()


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(data=st.data())
def test_any_bit_of_an_acknowledged_commit_is_missed(
    crashed: tuple[Path, list[Row]], tmp_path: Path, data: st.DataObject
) -> None:
    """With the index, as after a kill; the frames' bytes count, their header's last 0 bytes too."""
    folder, rows = crashed
    last = commits(log_of(folder))[-1]
    at = data.draw(st.integers(0, HEADER + (last + 1) * FRAME - 1))
    change = flip(at, data.draw(st.integers(0, 7)))
    path = changed(folder, tmp_path, change, with_index=True)

    with pytest.raises(DamageError, match="write-ahead log") as caught:
        SqliteStore(path)
    reader = SqliteStore(path, read_only=True)
    with pytest.raises(DamageError) as again:
        verify(reader)
    left: list[Row] = []
    with pytest.raises(DamageError):
        left.extend(reader.read())
    reader.close()
    assert caught.value.seq == again.value.seq <= rows[-1].entry.seq
    with pytest.raises(DamageError, match="write-ahead log"):
        SqliteStore(path)  # and again: whoever looked has not changed what there is to see
    assert not list(path.parent.glob("damaged-*"))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(data=st.data())
def test_any_bit_before_the_last_commit_is_missed_without_the_index(
    crashed: tuple[Path, list[Row]], tmp_path: Path, data: st.DataObject
) -> None:
    """After a power failure there is no index; the last commit alone may have been torn."""
    folder, _ = crashed
    last = commits(log_of(folder))[-2]
    at = data.draw(st.integers(0, HEADER + (last + 1) * FRAME - 1))
    path = changed(folder, tmp_path, flip(at), with_index=False)

    with pytest.raises(DamageError):
        SqliteStore(path)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(data=st.data())
def test_a_torn_last_transaction_is_forgotten(
    crashed: tuple[Path, list[Row]], tmp_path: Path, data: st.DataObject
) -> None:
    """Any of its sectors may have reached the disk, or not; nobody was told that it did."""
    folder, rows = crashed
    before, last = commits(log_of(folder))[-2:]
    start, stop = HEADER + (before + 1) * FRAME, HEADER + (last + 1) * FRAME
    kept = data.draw(st.lists(st.booleans(), min_size=60, max_size=60))

    def tear(content: bytearray) -> None:
        for number, at in enumerate(range(start, stop, 512)):
            if not kept[number]:
                content[at : min(at + 512, stop)] = bytes(min(512, stop - at))

    path = changed(folder, tmp_path, tear, with_index=False)
    store = SqliteStore(path)
    found = list(store.read())
    assert found in (rows, rows[:-3])
    fill(store, [entry(found[-1].entry.seq + 1)])
    verify(store)
    store.close()


@pytest.mark.parametrize("also_at", [9, HEADER + 5 * FRAME + 100, HEADER + 5 * FRAME + 9])
def test_a_log_that_was_about_to_begin_anew_lost_nothing(
    crashed: tuple[Path, list[Row]], tmp_path: Path, also_at: int
) -> None:
    """Everything in it is in the file already; its header was torn while it was written anew."""
    folder, rows = crashed
    path = changed(folder, tmp_path, lambda _: None, with_index=False)
    connection = apsw.Connection(str(path))
    connection.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1)
    connection.pragma("user_version")  # opens the log
    connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_PASSIVE)
    connection.close()
    path.with_name("journal.db-shm").unlink(missing_ok=True)
    log = path.with_name("journal.db-wal")
    content = bytearray(log.read_bytes())
    content[8:24] = bytes(16)
    content[also_at] ^= 1
    log.write_bytes(content)

    store = SqliteStore(path)
    assert list(store.read()) == rows
    store.close()


@pytest.mark.parametrize("size", [0, 10, 32, 100, 32 + FRAME - 1])
def test_a_log_without_a_frame_holds_nothing(
    crashed: tuple[Path, list[Row]], tmp_path: Path, size: int
) -> None:
    folder, _ = crashed

    def cut(content: bytearray) -> None:
        del content[size:]

    assert log_damage(changed(folder, tmp_path, cut, with_index=False)) == ""


def test_a_log_that_was_cut_is_noticed_by_its_index(
    crashed: tuple[Path, list[Row]], tmp_path: Path
) -> None:
    folder, _ = crashed

    def cut(content: bytearray) -> None:
        del content[HEADER + 3 * FRAME :]

    path = changed(folder, tmp_path, cut, with_index=True)
    assert "what followed was acknowledged" in log_damage(path)


@pytest.mark.parametrize("at", [0, 8, 20, 32, 40, 50, 95])
def test_a_damaged_index_says_nothing(
    crashed: tuple[Path, list[Row]], tmp_path: Path, at: int
) -> None:
    folder, rows = crashed
    path = changed(folder, tmp_path, lambda _: None, with_index=True)
    index = path.with_name("journal.db-shm")
    content = bytearray(index.read_bytes())
    content[at] ^= 1
    index.write_bytes(content)

    store = SqliteStore(path)
    assert list(store.read()) == rows
    store.close()


@pytest.mark.parametrize("both", [0, 32, 41])
def test_an_index_whose_copies_agree_is_checked_all_the_same(
    crashed: tuple[Path, list[Row]], tmp_path: Path, both: int
) -> None:
    folder, _ = crashed

    def cut(content: bytearray) -> None:
        del content[HEADER + 3 * FRAME :]

    path = changed(folder, tmp_path, cut, with_index=True)
    index = path.with_name("journal.db-shm")
    content = bytearray(index.read_bytes())
    content[both] ^= 1
    content[48 + both] ^= 1
    index.write_bytes(content)

    assert log_damage(path) == ""


def test_a_log_that_is_written_meanwhile_is_not_damaged(
    crashed: tuple[Path, list[Row]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, _ = crashed
    path = changed(folder, tmp_path, lambda _: None, with_index=False)
    answers = iter(["at byte 1", "at byte 2", "at byte 3", "at byte 3"])
    monkeypatch.setattr("interlock.journal.wal._damage", lambda _: next(answers))

    assert log_damage(path) == ""
    assert log_damage(path) == "at byte 3"


def test_a_log_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    (tmp_path / "journal.db-wal").mkdir()

    with pytest.raises(JournalError, match="could not read"):
        log_damage(tmp_path / "journal.db")
    (tmp_path / "file").touch()
    with pytest.raises(JournalError, match="no folder"):
        log_damage(tmp_path / "file" / "journal.db")


def test_a_log_that_fails_while_it_is_read_is_told(
    crashed: tuple[Path, list[Row]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = changed(crashed[0], tmp_path, lambda _: None, with_index=False)

    def fails(*_: object) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(os, "pread", fails)
    with pytest.raises(JournalError, match="Input/output error"):
        log_damage(path)


def test_a_long_log_is_looked_through_in_parts(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "journal.db")
    for start in range(1, 4_001, 1_000):
        fill(store, [entry(seq, body=bytes(4_000)) for seq in range(start, start + 1_000)])
    folder = tmp_path / "copy"
    folder.mkdir(mode=0o700)
    shutil.copy(tmp_path / "journal.db", folder)
    shutil.copy(tmp_path / "journal.db-wal", folder)
    store.close()
    content = bytearray((folder / "journal.db-wal").read_bytes())
    assert frames(content) > 3_000

    assert log_damage(folder / "journal.db") == ""
    content[HEADER + 2_000 * FRAME + 500] ^= 1
    (folder / "journal.db-wal").write_bytes(content)
    assert f"at byte {HEADER + 2_000 * FRAME}" in log_damage(folder / "journal.db")
    content[HEADER + 2_000 * FRAME + 500] ^= 1
    content[5] ^= 1
    (folder / "journal.db-wal").write_bytes(content)
    assert "header of its write-ahead log" in log_damage(folder / "journal.db")
