"""The gateway's database: whose it is, what it is refused for, and what it keeps."""

import asyncio
import importlib
import multiprocessing
import sqlite3
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import text

from interlock import service
from interlock.service.database import APPLICATION_ID, Database, DatabaseError, open_database
from interlock.service.tables import metadata

FOLDER = Path(service.__file__).parent


@pytest.fixture
def path(tmp_path: Path) -> Path:
    folder = tmp_path / "gateway"
    folder.mkdir(mode=0o700)
    return folder / "gateway.db"


@pytest.fixture
def database(path: Path) -> Iterator[Database]:
    opened = open_database(path)
    yield opened
    opened.close()


def refused(path: Path) -> str:
    with pytest.raises(DatabaseError) as caught:
        open_database(path)
    return str(caught.value)


def make(path: Path) -> None:
    open_database(path).close()


def test_the_steps_make_exactly_the_tables_that_are_declared(database: Database) -> None:
    for file in sorted(FOLDER.rglob("tables_*.py")):
        importlib.import_module(f"interlock.service.{file.stem}")

    with database.read() as connection:
        differences = compare_metadata(MigrationContext.configure(connection), metadata)

    assert metadata.tables
    assert differences == []


def test_every_table_takes_nothing_of_another_type(database: Database) -> None:
    with database.read() as connection:
        rows = connection.execute(
            text("SELECT name, strict FROM pragma_table_list WHERE type = 'table'")
        ).all()

    ours = {row.name: row.strict for row in rows if row.name in metadata.tables}
    assert ours
    assert set(ours.values()) == {1}


def test_a_commit_is_on_the_disk(database: Database) -> None:
    with database.read() as connection:
        found = {
            name: connection.exec_driver_sql(f"PRAGMA {name}").scalar()
            for name in ("synchronous", "journal_mode", "foreign_keys", "busy_timeout")
        }

    assert found == {
        "synchronous": 2,
        "journal_mode": "wal",
        "foreign_keys": 1,
        "busy_timeout": 5_000,
    }


def test_the_file_is_for_this_user_alone_and_so_is_what_is_beside_it(
    database: Database, path: Path
) -> None:
    with database.begin() as connection:
        add(connection, "alice")

    assert {x.name: x.stat().st_mode & 0o777 for x in path.parent.iterdir()} == {
        "gateway.db": 0o600,
        "gateway.db-wal": 0o600,
        "gateway.db-shm": 0o600,
    }


def add(connection: object, name: str) -> None:
    connection.execute(  # type: ignore[attr-defined]
        text(
            "INSERT INTO users (name, role, totp_step, disabled, made_ns) "
            "VALUES (:name, 'admin', -1, 0, 1)"
        ),
        {"name": name},
    )


def names(database: Database) -> set[str]:
    with database.read() as connection:
        return set(connection.execute(text("SELECT name FROM users")).scalars())


def test_what_was_written_is_there_after_it_was_opened_again(path: Path) -> None:
    first = open_database(path)
    with first.begin() as connection:
        add(connection, "alice")
    first.close()

    again = open_database(path)

    assert names(again) == {"alice"}
    again.close()


def test_all_of_a_transaction_happens_or_none_of_it(database: Database) -> None:
    def half() -> None:
        with database.begin() as connection:
            add(connection, "alice")
            raise KeyError

    with pytest.raises(KeyError):
        half()

    assert names(database) == set()


def test_a_reader_sees_one_state_and_waits_for_no_writer(database: Database) -> None:
    with database.read() as reader:
        before = reader.execute(text("SELECT count(*) FROM users")).scalar()
        with database.begin() as writer:
            add(writer, "alice")
        after = reader.execute(text("SELECT count(*) FROM users")).scalar()

    assert before == after == 0
    assert names(database) == {"alice"}


def test_writers_of_many_threads_take_turns(database: Database) -> None:
    def count_up() -> None:
        for _ in range(20):
            with database.begin() as connection:
                found = connection.execute(text("SELECT count(*) FROM users")).scalar()
                add(connection, f"n{found}")

    threads = [threading.Thread(target=count_up) for _ in range(8)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()

    assert names(database) == {f"n{number}" for number in range(160)}


def _count_up(path: Path) -> None:
    database = open_database(path)
    for _ in range(10):
        with database.begin() as connection:
            found = connection.execute(text("SELECT count(*) FROM users")).scalar()
            add(connection, f"n{found}")
    database.close()


def test_writers_of_several_processes_take_turns_from_the_first_opening_on(path: Path) -> None:
    context = multiprocessing.get_context("fork")
    processes = [context.Process(target=_count_up, args=(path,)) for _ in range(4)]
    for one in processes:
        one.start()
    for one in processes:
        one.join()

    opened = open_database(path)
    assert [one.exitcode for one in processes] == [0] * 4
    assert names(opened) == {f"n{number}" for number in range(40)}
    opened.close()


def test_work_is_done_in_a_thread(database: Database) -> None:
    found = asyncio.run(database.run(lambda: threading.current_thread().name))

    assert found.startswith("database")


# --- what is refused --------------------------------------------------------------------------


def test_a_database_of_a_newer_version_is_left_alone(path: Path) -> None:
    make(path)
    with sqlite3.connect(path) as raw:
        raw.execute("UPDATE alembic_version SET version_num = '9999_future'")
    raw.close()

    said = refused(path)

    assert "9999_future" in said
    assert "Next: start the Interlock that wrote it" in said
    with sqlite3.connect(path) as raw:
        assert raw.execute("SELECT version_num FROM alembic_version").fetchall() == [
            ("9999_future",)
        ]
    raw.close()


def test_an_older_database_is_brought_up_to_date(path: Path) -> None:
    make(path)
    with sqlite3.connect(path) as raw:
        raw.execute("DROP TABLE requests")
        for table in ("sessions", "devices", "recovery_codes", "enrolments", "tokens", "users"):
            raw.execute(f"DROP TABLE {table}")
        others = [
            name
            for (name,) in raw.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")
            if not name.startswith(("sqlite_", "alembic_"))
        ]
        for table in others:
            raw.execute(f"DROP TABLE {table}")
        raw.execute("DELETE FROM alembic_version")
    raw.close()

    opened = open_database(path)

    assert names(opened) == set()
    opened.close()


def test_a_step_that_breaks_off_changes_nothing(path: Path) -> None:
    """A table that is in the way: whatever was made before it is not there afterwards."""
    with sqlite3.connect(path) as raw:
        raw.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        raw.execute("CREATE TABLE tokens (x)")
    raw.close()
    path.chmod(0o600)

    assert "tokens" in refused(path)

    with sqlite3.connect(path) as raw:
        assert raw.execute("SELECT name FROM sqlite_schema").fetchall() == [("tokens",)]
    raw.close()


def test_another_programs_database_is_refused(path: Path) -> None:
    with sqlite3.connect(path) as raw:
        raw.execute("CREATE TABLE theirs (x)")
    raw.close()
    path.chmod(0o600)

    assert "was another program's" in refused(path)


def _garbage(path: Path) -> None:
    path.write_bytes(b"not a database at all" * 400)


def _cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:5_000])


def _bent(path: Path) -> None:
    raw = bytearray(path.read_bytes())
    for start in range(4_096, len(raw), 4_096):
        raw[start : start + 64] = b"\xff" * 64
    path.write_bytes(raw)


def _bent_at_the_end(path: Path) -> None:
    """What nothing reads at a start, and somebody would read later."""
    raw = bytearray(path.read_bytes())
    raw[-4_096:] = b"\xff" * 4_096
    path.write_bytes(raw)


@pytest.mark.parametrize("damage", [_garbage, _cut, _bent, _bent_at_the_end])
def test_a_damaged_database_is_refused(path: Path, damage: Callable[[Path], None]) -> None:
    make(path)
    damage(path)

    assert "must be a whole database" in refused(path)


@pytest.mark.parametrize("end", ["", "-wal", "-shm", "-journal"])
def test_a_link_is_refused(path: Path, tmp_path: Path, end: str) -> None:
    path.with_name(path.name + end).symlink_to(tmp_path / "elsewhere")

    assert "was a symbolic link" in refused(path)
    assert not (tmp_path / "elsewhere").exists()


def test_a_file_that_others_can_read_is_refused(path: Path) -> None:
    make(path)
    path.chmod(0o640)

    assert f"chmod 600 {path}" in refused(path)


def test_a_folder_that_others_can_write_to_is_refused(path: Path) -> None:
    path.parent.chmod(0o777)

    assert f"chmod 700 {path.parent}" in refused(path)


def test_a_folder_that_is_not_there_is_refused(path: Path) -> None:
    assert "cannot be opened: No such file" in refused(path.parent / "none" / "gateway.db")
