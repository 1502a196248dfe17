"""The SQLite file: whose it is, which format it has, its log, and what the disk may answer."""

import os
import shutil
import stat
from pathlib import Path
from typing import Any

import apsw
import pytest

from interlock.journal.errors import DamageError, JournalError
from interlock.journal.rows import EMPTY
from interlock.journal.schema import APPLICATION_ID, MIGRATIONS
from interlock.journal.sqlite import SqliteStore
from interlock.journal.verify import verify
from tests.journal.helpers import Tamperer, a_session, entry, fill

MORE = (*MIGRATIONS, "CREATE TABLE more (name TEXT) STRICT; INSERT INTO more VALUES ('one');")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return a journal of thirteen rows, closed."""
    store = SqliteStore(tmp_path / "journal.db")
    fill(store, a_session())
    store.close()
    return tmp_path / "journal.db"


def pragma(path: Path, name: str, value: int | None = None) -> Any:
    connection = apsw.Connection(str(path))
    found = connection.pragma(name) if value is None else connection.pragma(name, value)
    connection.close()
    return found


# --- files ------------------------------------------------------------------------------------


def test_the_files_are_ours_alone_whatever_the_umask(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        store = SqliteStore(tmp_path / "journal.db")
        fill(store, a_session())
        modes = {x.name: stat.S_IMODE(x.stat().st_mode) for x in tmp_path.iterdir()}
    finally:
        os.umask(before)
    store.close()

    assert modes == {"journal.db": 0o600, "journal.db-wal": 0o600, "journal.db-shm": 0o600}


@pytest.mark.parametrize("name", ["journal.db", "journal.db-wal", "journal.db-shm"])
def test_a_link_in_the_place_of_a_file_is_refused(path: Path, name: str) -> None:
    elsewhere = path.with_name("elsewhere")
    link = path.with_name(name)
    if link.exists():
        link.rename(elsewhere)
    link.symlink_to(elsewhere)

    with pytest.raises(JournalError, match=f"{name}.*symbolic link"):
        SqliteStore(path)
    with pytest.raises(JournalError, match=f"{name} must be a regular file"):
        SqliteStore(path, read_only=True)


def test_a_file_that_others_may_read_is_refused_for_writing(path: Path) -> None:
    path.chmod(0o640)

    with pytest.raises(JournalError, match="must have mode 600, was 640"):
        SqliteStore(path)
    reader = SqliteStore(path, read_only=True)
    reader.close()


def test_a_folder_that_others_may_enter_is_refused_for_writing(path: Path) -> None:
    path.parent.chmod(0o755)

    with pytest.raises(JournalError, match="must have mode 700, was 755"):
        SqliteStore(path)


def test_a_journal_that_is_not_there_is_not_made_by_a_reader(tmp_path: Path) -> None:
    with pytest.raises(JournalError, match="it is not there"):
        SqliteStore(tmp_path / "journal.db", read_only=True)
    (tmp_path / "file").touch()
    with pytest.raises(JournalError, match="no folder"):
        SqliteStore(tmp_path / "file" / "journal.db", read_only=True)


def test_an_archive_is_read_where_nothing_can_be_written(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("journal.db-wal", "journal.db-shm"):
        path.with_name(name).unlink()
    before = sorted(path.parent.iterdir())
    monkeypatch.setattr(os, "access", lambda *_: False)

    store = SqliteStore(path, read_only=True)
    assert verify(store).records == 24
    store.close()
    assert sorted(path.parent.iterdir()) == before


# --- format -----------------------------------------------------------------------------------


def test_a_new_file_says_what_it_is(path: Path) -> None:
    assert pragma(path, "application_id") == APPLICATION_ID
    assert pragma(path, "user_version") == len(MIGRATIONS)
    assert pragma(path, "journal_mode") == "wal"


def test_an_empty_file_becomes_a_journal_only_by_writing(tmp_path: Path) -> None:
    """A crash right after the file was made leaves it empty."""
    path = tmp_path / "journal.db"
    path.touch(mode=0o600)

    with pytest.raises(JournalError, match="must be a journal, was empty"):
        SqliteStore(path, read_only=True)
    store = SqliteStore(path)
    assert store.head() == EMPTY
    store.close()


def test_a_later_format_is_refused_and_left_alone(path: Path) -> None:
    pragma(path, "user_version", len(MIGRATIONS) + 1)
    before = path.read_bytes()

    for read_only in (False, True):
        with pytest.raises(JournalError, match="has format 2, which a later Interlock wrote"):
            SqliteStore(path, read_only=read_only)
    assert path.read_bytes() == before


def test_an_older_format_is_brought_up_to_date(path: Path) -> None:
    with pytest.raises(JournalError, match="has format 1, this Interlock reads format 2"):
        SqliteStore(path, read_only=True, migrations=MORE)
    store = SqliteStore(path, migrations=MORE)
    assert verify(store).records == 24
    store.close()
    assert pragma(path, "user_version") == 2

    again = SqliteStore(path, migrations=MORE, read_only=True)
    again.close()


def test_a_migration_that_fails_leaves_the_older_format(path: Path) -> None:
    broken = (*MORE, "CREATE TABLE more (name TEXT) STRICT")

    with pytest.raises(JournalError, match="could not open"):
        SqliteStore(path, migrations=broken)
    assert pragma(path, "user_version") == 1
    store = SqliteStore(path)
    assert verify(store).records == 24
    store.close()


def test_another_programs_database_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    other = apsw.Connection(str(path))
    other.execute("CREATE TABLE orders (id)")
    other.close()
    path.chmod(0o600)

    with pytest.raises(JournalError, match="another program's database"):
        SqliteStore(path)


@pytest.mark.parametrize("size", [100, 4_096, 20_000])
def test_a_file_that_is_no_database_is_refused(tmp_path: Path, size: int) -> None:
    path = tmp_path / "journal.db"
    path.write_bytes(b"not a database, " * (size // 16))
    path.chmod(0o600)

    for read_only in (True, False):
        with pytest.raises(DamageError, match="not a database"):
            SqliteStore(path, read_only=read_only)


@pytest.mark.parametrize(
    "sql",
    [
        "CREATE TRIGGER t AFTER INSERT ON rows BEGIN DELETE FROM rows WHERE seq = 1; END",
        "CREATE VIEW v AS SELECT 1",
        "CREATE TABLE t (x)",
        "DROP INDEX landmarks",
    ],
)
def test_tables_that_somebody_changed_are_refused(path: Path, sql: str) -> None:
    tamperer = Tamperer(path)
    tamperer.run(sql)
    tamperer.close()

    with pytest.raises(JournalError, match="somebody changed its tables"):
        SqliteStore(path)


# --- the log ----------------------------------------------------------------------------------


def log_bytes(path: Path) -> int:
    log = path.with_name(path.name + "-wal")
    return log.stat().st_size if log.exists() else 0


def test_a_closed_journal_is_one_whole_file(path: Path, tmp_path: Path) -> None:
    assert log_bytes(path) == 0
    copy = tmp_path / "copy.db"
    shutil.copy(path, copy)
    store = SqliteStore(copy, read_only=True)
    assert verify(store).records == 24
    store.close()


def test_what_is_in_the_log_only_is_there_after_a_crash(tmp_path: Path) -> None:
    """The files as they are when the process is gone without a word."""
    store = SqliteStore(tmp_path / "journal.db")
    rows = fill(store, a_session())
    crashed = tmp_path / "crashed"
    crashed.mkdir(mode=0o700)
    for name in ("journal.db", "journal.db-wal"):
        shutil.copy(tmp_path / name, crashed / name)
    store.close()

    for read_only in (True, False):
        again = SqliteStore(crashed / "journal.db", read_only=read_only)
        assert list(again.read()) == rows
        again.close()


def test_the_log_is_emptied_when_it_is_large_or_time_is_cheap(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "journal.db", log_bytes_max=4 << 20)
    path = tmp_path / "journal.db"
    seq = 0

    def grow(bodies: int) -> None:
        nonlocal seq
        fill(store, [entry(seq + n, body=bytes(10_000)) for n in range(1, bodies + 1)])
        seq += bodies

    grow(50)
    size = path.stat().st_size
    store.tidy(idle=True)
    assert path.stat().st_size == size, "half a megabyte is not worth it"
    grow(100)
    store.tidy(idle=False)
    assert path.stat().st_size == size, "an append should not wait for it yet"
    store.tidy(idle=True)
    assert path.stat().st_size > 1_500_000
    before = log_bytes(path)
    grow(50)
    assert log_bytes(path) == before, "the log begins anew"
    grow(400)
    store.tidy(idle=False)
    assert path.stat().st_size > 6_000_000
    assert store.size_bytes >= 6_000_000
    assert verify(store).rows == seq
    store.close()


def test_a_reader_does_not_keep_the_log_from_being_emptied(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "journal.db")
    fill(store, [entry(seq, body=bytes(1_000)) for seq in range(1, 1_001)])
    reader = SqliteStore(tmp_path / "journal.db", read_only=True)
    reading = reader.read()
    next(reading)
    store.checkpoint()
    fill(store, [entry(1_001)])
    before = log_bytes(tmp_path / "journal.db")
    fill(store, [entry(seq) for seq in range(1_002, 1_300)])

    assert log_bytes(tmp_path / "journal.db") == before
    assert len(list(reading)) == 1_298
    reader.close()
    store.close()
