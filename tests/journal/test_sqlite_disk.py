"""What the disk may answer a journal in SQLite, and pages that are not what they were."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import apsw
import pytest

from interlock.journal.errors import DamageError, JournalError, StoreError
from interlock.journal.sqlite import SqliteStore
from interlock.journal.verify import verify
from tests.journal.helpers import Tamperer, a_session, chain, entry, fill, head_of


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return a journal of thirteen rows, closed."""
    store = SqliteStore(tmp_path / "journal.db")
    fill(store, a_session())
    store.close()
    return tmp_path / "journal.db"


# --- what the disk may answer -----------------------------------------------------------------


class Answers:
    """What the disk says to each kind of call: nothing, or an error."""

    def __init__(self) -> None:
        self.error: type[Exception] | None = None
        self.calls: set[str] = set()  # which calls get it
        self.files: tuple[str, ...] = ("",)  # for files that end so

    def to(self, call: str, name: str) -> None:
        """Answer one call."""
        if self.error is not None and call in self.calls and name.endswith(self.files):
            raise self.error("as the test says")


class AnsweringFile(apsw.VFSFile):
    """A file on a disk that answers."""

    def __init__(self, answers: Answers, filename: Any, flags: list[int]) -> None:
        self._answers = answers
        self._name = filename if isinstance(filename, str) else filename.filename()
        super().__init__("unix", filename, flags)

    def xWrite(self, data: bytes, offset: int) -> None:  # noqa: N802 - as apsw calls it
        self._answers.to("write", self._name)
        super().xWrite(data, offset)

    def xSync(self, flags: int) -> None:  # noqa: N802 - as apsw calls it
        self._answers.to("sync", self._name)
        super().xSync(flags)

    def xRead(self, amount: int, offset: int) -> bytes:  # noqa: N802 - as apsw calls it
        self._answers.to("read", self._name)
        return super().xRead(amount, offset)


class AnsweringDisk(apsw.VFS):
    """A disk that answers."""

    def __init__(self, answers: Answers) -> None:
        self._answers = answers
        super().__init__("answering", "unix")

    def xOpen(self, name: Any, flags: list[int]) -> AnsweringFile:  # noqa: N802 - as apsw calls it
        filename = name.filename() if isinstance(name, apsw.URIFilename) else name
        self._answers.to("open", filename or "")
        return AnsweringFile(self._answers, name, flags)


@pytest.fixture
def answers() -> Iterator[Answers]:
    """Yield what the disk named "answering" says."""
    found = Answers()
    disk = AnsweringDisk(found)
    yield found
    disk.unregister()


@pytest.mark.parametrize(
    ("error", "calls", "message"),
    [
        (apsw.FullError, "write", "the disk is full. Next: free some space"),
        (apsw.IOError, "write", "Next: check the disk"),
        (apsw.IOError, "sync", "Next: check the disk"),
        (apsw.ReadOnlyError, "write", "it is read-only. Next: mount it read-write"),
        (OSError, "sync", "Next: check the disk"),
    ],
)
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_an_append_that_fails_was_not_acknowledged(
    tmp_path: Path, answers: Answers, error: type[Exception], calls: str, message: str
) -> None:
    path = tmp_path / "journal.db"
    store = SqliteStore(path, vfs="answering")
    rows = fill(store, a_session())
    answers.error, answers.calls = error, {calls}

    with pytest.raises(StoreError, match=f"could not write records 25.. to.*{message}"):
        store.append(chain([entry(25)], head_of(rows)))
    answers.error = None
    with pytest.raises(StoreError, match="not used any more"):
        store.append(chain([entry(25)], head_of(rows)))
    store.close()

    path.chmod(0o600)
    for name in ("journal.db-wal", "journal.db-shm"):
        (tmp_path / name).chmod(0o600)
    again = SqliteStore(path)
    assert verify(again).records in {24, 25}
    again.close()


def test_a_stop_in_the_middle_of_an_append_ends_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = SqliteStore(tmp_path / "journal.db")
    rows = fill(store, a_session())

    def stops(_rows: Sequence[object]) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(store, "_write", stops)
    with pytest.raises(KeyboardInterrupt):
        store.append(chain([entry(25)], head_of(rows)))
    with pytest.raises(StoreError, match="not used any more"):
        store.head()
    store.close()


def test_a_full_disk_does_not_keep_the_log_from_being_used(
    tmp_path: Path, answers: Answers
) -> None:
    store = SqliteStore(tmp_path / "journal.db", vfs="answering")
    rows = fill(store, a_session())
    answers.error, answers.calls, answers.files = apsw.FullError, {"write"}, ("journal.db",)
    store.checkpoint()
    rows += fill(store, [entry(25)])
    store.close()
    answers.error = None

    again = SqliteStore(tmp_path / "journal.db", vfs="answering")
    assert list(again.read()) == rows
    again.close()


def test_a_disk_that_fails_while_the_log_is_emptied_ends_the_store(
    tmp_path: Path, answers: Answers
) -> None:
    """After a failed sync of the file nobody knows which of its pages are on the disk."""
    store = SqliteStore(tmp_path / "journal.db", vfs="answering")
    fill(store, a_session())
    answers.error, answers.calls, answers.files = apsw.IOError, {"sync"}, ("journal.db",)

    with pytest.raises(StoreError, match="could not copy the write-ahead log"):
        store.checkpoint()
    answers.error = None
    with pytest.raises(StoreError, match="not used any more"):
        store.head()
    store.close()


def test_a_disk_that_fails_at_the_close_is_told(tmp_path: Path, answers: Answers) -> None:
    store = SqliteStore(tmp_path / "journal.db", vfs="answering")
    fill(store, a_session())
    answers.error, answers.calls, answers.files = apsw.IOError, {"sync"}, ("journal.db",)

    with pytest.raises(StoreError, match="could not copy the write-ahead log"):
        store.close()


def test_a_disk_that_cannot_be_read_is_told(tmp_path: Path, answers: Answers) -> None:
    store = SqliteStore(tmp_path / "journal.db", vfs="answering")
    fill(store, [entry(seq, body=bytes(5_000)) for seq in range(1, 2_000)])
    store.checkpoint()
    reader = SqliteStore(tmp_path / "journal.db", vfs="answering", read_only=True)
    answers.error, answers.calls = apsw.IOError, {"read"}

    with pytest.raises(StoreError, match="could not read"):
        list(reader.read())
    answers.error = None
    reader.close()
    store.close()


def test_a_disk_that_cannot_be_opened_is_told(tmp_path: Path, answers: Answers) -> None:
    answers.error, answers.calls = apsw.IOError, {"open"}

    with pytest.raises(JournalError, match="could not open"):
        SqliteStore(tmp_path / "journal.db", vfs="answering")


def test_a_disk_that_fails_while_it_is_opened_is_told(tmp_path: Path, answers: Answers) -> None:
    answers.error, answers.calls = apsw.IOError, {"sync"}

    with pytest.raises(JournalError, match="could not open"):
        SqliteStore(tmp_path / "journal.db", vfs="answering")


def test_another_program_that_writes_is_told(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("interlock.journal.sqlite_file.BUSY_MS", 10)
    store = SqliteStore(path)
    other = apsw.Connection(str(path))
    other.execute("BEGIN IMMEDIATE")

    with pytest.raises(StoreError, match="another program is writing to it"):
        fill(store, [entry(25)])
    other.close()
    store.close()


def test_dropping_that_fails_ends_the_store(tmp_path: Path, answers: Answers) -> None:
    store = SqliteStore(tmp_path / "journal.db", vfs="answering")
    fill(store, a_session())
    answers.error, answers.calls = apsw.FullError, {"write"}

    with pytest.raises(StoreError, match="could not drop market data"):
        store.drop_bodies(up_to_seq=24, before_ts_ns=10**9)
    answers.error = None
    with pytest.raises(StoreError, match="not used any more"):
        store.head()
    store.close()


@pytest.mark.parametrize("table", ["rows", "head"])
def test_bytes_that_became_text_are_named(path: Path, table: str) -> None:
    """One bit of a record's header tells bytes from text, and these bytes are no text."""
    tamperer = Tamperer(path)
    tamperer.run("PRAGMA writable_schema = ON")
    tamperer.run("UPDATE sqlite_schema SET sql = replace(sql, 'STRICT', '')")
    tamperer.close()
    tamperer = Tamperer(path)
    tamperer.run(f"UPDATE {table} SET hash = CAST(x'ff00ff' AS TEXT)")  # noqa: S608
    tamperer.run("PRAGMA writable_schema = ON")
    sql = "UPDATE sqlite_schema SET sql = sql || 'STRICT' WHERE type = 'table'"
    tamperer.run(sql)
    tamperer.close()

    store = SqliteStore(path, read_only=True)
    with pytest.raises(DamageError, match="cannot be read beyond record 0"):
        verify(store)
    store.close()


def test_a_schema_that_is_no_text_is_refused(path: Path) -> None:
    content = bytearray(path.read_bytes())
    at = content.find(b"CREATE TABLE head")
    content[at + 30] ^= 0x80
    path.write_bytes(content)

    for read_only in (True, False):
        with pytest.raises(DamageError, match="cannot be read"):
            SqliteStore(path, read_only=read_only)


# --- pages ------------------------------------------------------------------------------------


def test_a_page_that_is_not_what_it_was_is_named(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    store = SqliteStore(path)
    fill(store, [entry(seq, body=bytes(1_000)) for seq in range(1, 501)])
    store.close()
    content = bytearray(path.read_bytes())
    for page in range(20, 120):
        content[page * 4_096 : page * 4_096 + 8] = b"\xff" * 8
    path.write_bytes(content)

    reader = SqliteStore(path, read_only=True)
    with pytest.raises(DamageError, match="cannot be read beyond record") as caught:
        verify(reader)
    assert 1 < caught.value.seq < 500
    reader.close()


def test_pages_out_of_order_are_named(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A walk that goes back would never end."""
    store = SqliteStore(path, read_only=True)
    everything = store._all("SELECT * FROM rows WHERE seq >= ? ORDER BY seq", (0,))
    monkeypatch.setattr(store, "_some", lambda *_: (everything[:3] + everything[1:2], ""))

    with pytest.raises(DamageError, match="out of order"):
        list(store.read())
    monkeypatch.undo()
    store.close()
