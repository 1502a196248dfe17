"""What a journal in PostgreSQL does beyond the port: versions, secrets, settings, SIGKILL."""

import re
import threading
import traceback
from collections.abc import Iterator
from itertools import pairwise

import psycopg
import pytest

from interlock.journal.errors import DamageError, FencedError, JournalError, StoreError
from interlock.journal.postgres import PostgresStore, open_postgres
from interlock.journal.rows import EMPTY, Entry, Head, Row, RowKind, chained
from interlock.journal.server import server_name
from interlock.journal.verify import verify
from tests.postgres import PostgresServer

ACCOUNT = "paper"
SECRET = "correct-horse"  # noqa: S105 - of nobody


def rows_after(head: Head, count: int, *, kind: RowKind = RowKind.EVENT) -> list[Row]:
    """Return so many rows that follow ``head``."""
    found = []
    for number in range(count):
        entry = Entry(
            seq=head.seq + 1,
            count=1 + number % 3,
            ts_ns=number,
            kind=kind,
            body=bytes([number % 251]) * (1 + 97 * number % 4000),
            payload=b"{}",
        )
        row = chained(entry, head)
        found.append(row)
        head = Head(seq=entry.last_seq, hash=row.hash)
    return found


def is_whole(rows: list[Row]) -> bool:
    """Return whether rows are sound and follow each other from the first on."""
    if not rows:
        return True
    follows = all(
        after.previous == before.hash and after.entry.seq == before.entry.last_seq + 1
        for before, after in pairwise(rows)
    )
    return follows and rows[0].previous == EMPTY.hash and all(row.is_sound() for row in rows)


@pytest.fixture
def store(postgres_url: str) -> Iterator[PostgresStore]:
    """Return an empty journal."""
    found = open_postgres(postgres_url, account=ACCOUNT)
    yield found
    found.close()


def test_two_writers_without_a_lease_cannot_both_go_on(
    postgres_url: str, store: PostgresStore
) -> None:
    """The head is where it was expected, or nothing is written."""
    other = open_postgres(postgres_url, account=ACCOUNT)
    store.append(rows_after(EMPTY, 2))

    with pytest.raises(FencedError, match="must end at 0, and does not: another engine wrote"):
        other.append(rows_after(EMPTY, 1))
    assert len(list(store.read())) == 2
    other.close()


def test_many_rows_in_one_transaction_come_back_as_they_were(store: PostgresStore) -> None:
    rows = rows_after(EMPTY, 1500)

    store.append(rows)

    assert list(store.read()) == rows
    assert list(store.read(after_seq=rows[700].entry.last_seq)) == rows[701:]
    assert store.head() == Head(seq=rows[-1].entry.last_seq, hash=rows[-1].hash)


def test_more_bodies_than_one_transaction_takes_are_dropped(store: PostgresStore) -> None:
    rows = rows_after(EMPTY, 700, kind=RowKind.MARKET)
    store.append(rows)

    assert store.drop_bodies(up_to_seq=rows[599].entry.last_seq, before_ts_ns=10**9) == 600
    assert store.drop_bodies(up_to_seq=rows[599].entry.last_seq, before_ts_ns=10**9) == 0
    kept = list(store.read())
    assert is_whole(kept)
    assert [bool(row.dropped) for row in kept] == [True] * 600 + [False] * 100
    assert kept[600:] == rows[600:]


def test_the_last_of_a_kind_is_found(store: PostgresStore) -> None:
    rows = rows_after(EMPTY, 3, kind=RowKind.SNAPSHOT)
    rows += rows_after(Head(seq=rows[-1].entry.last_seq, hash=rows[-1].hash), 3)
    store.append(rows)

    assert store.last([RowKind.SNAPSHOT, RowKind.SEGMENT]) == rows[2]
    assert store.last([RowKind.SNAPSHOT, RowKind.EVENT]) == rows[5]
    assert store.last([RowKind.GENESIS]) is None


def test_a_reader_sees_and_cannot_write(postgres_url: str, store: PostgresStore) -> None:
    rows = rows_after(EMPTY, 3)
    store.append(rows)
    reader = open_postgres(postgres_url, account=ACCOUNT, read_only=True)

    assert list(reader.read()) == rows
    with pytest.raises(StoreError, match=r"could not write records .*read-only transaction"):
        reader.append(rows_after(reader.head(), 1))
    reader.close()


def test_a_reader_makes_nothing(postgres_url: str) -> None:
    with pytest.raises(JournalError, match="must have tables of version 1, was without any"):
        open_postgres(postgres_url, account=ACCOUNT, read_only=True)
    with psycopg.connect(postgres_url) as connection:
        found = connection.execute("SELECT to_regnamespace('interlock')").fetchone()
    assert found == (None,)


def test_a_newer_version_of_the_tables_is_left_alone(
    postgres_url: str, store: PostgresStore
) -> None:
    store.close()
    with psycopg.connect(postgres_url) as connection:
        connection.execute("INSERT INTO interlock.migrations (version) VALUES (2)")

    for read_only in (False, True):
        with pytest.raises(JournalError, match="version 2"):
            open_postgres(postgres_url, account=ACCOUNT, read_only=read_only)


def test_another_accounts_journal_is_refused(postgres_url: str, store: PostgresStore) -> None:
    store.close()

    with pytest.raises(JournalError, match="must be that of account 'live', was 'paper'"):
        open_postgres(postgres_url, account="live")


def test_two_that_open_an_empty_database_at_once_agree(postgres_url: str) -> None:
    opened: list[PostgresStore] = []
    threads = [
        threading.Thread(target=lambda: opened.append(open_postgres(postgres_url, account=ACCOUNT)))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert [each.head() for each in opened] == [EMPTY] * 4
    for each in opened:
        each.close()


def test_what_cannot_be_is_damage(postgres_url: str, store: PostgresStore) -> None:
    store.append(rows_after(EMPTY, 3))
    with psycopg.connect(postgres_url) as connection:
        connection.execute("UPDATE interlock.rows SET kind = 77 WHERE seq = 2")
        connection.execute("DELETE FROM interlock.head")

    with pytest.raises(
        DamageError, match="broken at record 2: its row holds what no journal writes"
    ):
        list(store.read())
    with pytest.raises(DamageError, match="must have one head, was 0"):
        store.head()


@pytest.mark.parametrize(
    ("change", "seq", "damage"),
    [
        ("UPDATE interlock.rows SET body = 'other' WHERE seq = 4", 4, "edit"),
        ("DELETE FROM interlock.rows WHERE seq = 2", 2, "delete"),
        ("DELETE FROM interlock.rows WHERE seq >= 4", 4, "truncate"),
    ],
)
def test_the_verifier_names_what_was_done_to_the_tables(
    postgres_url: str, store: PostgresStore, change: str, seq: int, damage: str
) -> None:
    store.append(rows_after(EMPTY, 5))
    assert verify(store).rows == 5
    with psycopg.connect(postgres_url) as connection:
        connection.execute(change.encode())

    with pytest.raises(DamageError) as found:
        verify(store)

    assert (found.value.seq, found.value.damage) == (seq, damage)


def test_a_lost_connection_ends_the_journal(postgres_url: str, store: PostgresStore) -> None:
    store.append(rows_after(EMPTY, 1))
    with psycopg.connect(postgres_url, autocommit=True) as other:
        other.execute("SELECT pg_terminate_backend(%s)", (store._connection.info.backend_pid,))

    with pytest.raises(StoreError, match=r"could not write records 2\.\."):
        store.append(rows_after(Head(seq=1, hash=rows_after(EMPTY, 1)[0].hash), 1))
    with pytest.raises(StoreError, match="not used any more after a failure"):
        store.append(rows_after(EMPTY, 1))
    with pytest.raises(StoreError, match="not used any more after a failure"):
        store.head()


def test_the_commit_is_durable_whatever_the_database_prefers(postgres_url: str) -> None:
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        database = connection.info.dbname
        connection.execute(f"ALTER DATABASE {database} SET synchronous_commit = off".encode())
    store = open_postgres(postgres_url, account=ACCOUNT)

    found = store._connection.execute("SHOW synchronous_commit").fetchone()

    assert found == ("on",)
    store.close()


@pytest.mark.parametrize(
    "url",
    [
        f"postgresql://ann:{SECRET}@127.0.0.1:1/paper",
        f"postgresql://ann@127.0.0.1:1/paper?password={SECRET}",
        f"postgresql://ann:{SECRET}@127.0.0.1:port/paper",
        f"postgresql://ann:{SECRET}@127.0.0.1/paper?nonsense=1",
        f"mysql://ann:{SECRET}@127.0.0.1/paper",
        f"host=127.0.0.1 port=1 password={SECRET}",
    ],
)
def test_a_password_is_never_shown(url: str) -> None:
    with pytest.raises(JournalError) as found:
        open_postgres(url, account=ACCOUNT)

    assert SECRET not in str(found.value)
    shown = "".join(traceback.format_exception(found.value))
    assert SECRET not in re.sub(r"(?m)^ .*$", "", shown)  # less the lines of this file


def test_the_name_says_where() -> None:
    url = f"postgresql://ann:{SECRET}@db.example:5433/paper?sslmode=verify-full"

    assert server_name(url) == "postgresql://ann@db.example:5433/paper"
    assert server_name("postgres:///paper") == "postgresql:///paper"


def test_a_server_that_would_forget_is_refused(own_postgres: PostgresServer) -> None:
    for setting in ("fsync", "full_page_writes"):
        own_postgres.start("-c", f"{setting}=off")
        with pytest.raises(JournalError, match=f"needs a server with {setting} = on, was off"):
            open_postgres(own_postgres.url(), account=ACCOUNT)
        own_postgres.stop()


def test_killing_the_server_loses_nothing_that_was_acknowledged(
    own_postgres: PostgresServer,
) -> None:
    """SIGKILL to all of its processes while rows are appended as fast as they go, five times."""
    acknowledged: list[Row] = []
    for round_number in range(5):
        own_postgres.start()
        store = open_postgres(own_postgres.url(), account=ACCOUNT)
        kept = list(store.read())
        extra = len(kept) - len(acknowledged)
        assert kept[: len(acknowledged)] == acknowledged
        assert 0 <= extra <= 7  # the transaction in flight, whole or not at all
        assert extra in {0, 1 + (len(acknowledged) % 7)}
        assert is_whole(kept)
        assert store.head() == (
            Head(seq=kept[-1].entry.last_seq, hash=kept[-1].hash) if kept else EMPTY
        )
        acknowledged = kept
        enough = threading.Event()

        def kill_then(wait: threading.Event = enough) -> None:
            wait.wait()
            own_postgres.kill()

        killer = threading.Thread(target=kill_then)
        killer.start()
        with pytest.raises(StoreError):
            append_for_ever(store, acknowledged, enough, after=20 + 13 * round_number)
        killer.join()
        store.close()

    assert len(acknowledged) > 100


def append_for_ever(
    store: PostgresStore, acknowledged: list[Row], enough: threading.Event, *, after: int
) -> None:
    """Append transactions of 1 to 7 rows, and say when so many of them are durable."""
    done = 0
    while True:
        rows = rows_after(store.head(), 1 + len(acknowledged) % 7)
        store.append(rows)
        acknowledged += rows
        done += 1
        if done == after:
            enough.set()
