"""The thread that writes: groups, order, one failure, and room."""

import threading
from collections.abc import Iterator, Sequence
from typing import Any

import pytest

from interlock.journal.errors import FencedError, StoreError
from interlock.journal.port import Store
from interlock.journal.rows import EMPTY, Entry, Head, Row
from interlock.journal.verify import verify
from interlock.journal.writer import Writer
from tests.journal.helpers import a_session, entry, market

WAIT_S = 30.0  # longer than any machine takes; a test that waits so long has failed


class Gate:
    """A store that keeps rows in memory, and commits when it is told to."""

    name = "in memory"

    def __init__(self) -> None:
        self.groups: list[list[Row]] = []
        self.tidied: list[bool] = []
        self.error: BaseException | None = None
        self.entered = threading.Semaphore(0)
        self.may_commit = threading.Semaphore(0)
        self.tidied_idle = threading.Event()

    def append(self, rows: Sequence[Row]) -> None:
        """Wait to be let through, and write or refuse."""
        self.entered.release()
        assert self.may_commit.acquire(timeout=WAIT_S)
        if self.error is not None:
            raise self.error
        self.groups.append(list(rows))

    def tidy(self, *, idle: bool) -> None:
        """Remember that there was time."""
        self.tidied.append(idle)
        if idle:
            self.tidied_idle.set()

    def read(self, after_seq: int = 0) -> Iterator[Row]:
        """Yield what was written."""
        yield from (row for group in self.groups for row in group if row.entry.seq > after_seq)

    def open(self, times: int = 1_000) -> None:
        """Let so many transactions through."""
        self.may_commit.release(times)

    def wait_until_entered(self) -> None:
        """Wait for the writer to be at the disk."""
        assert self.entered.acquire(timeout=WAIT_S)


class Heard:
    """What a writer has said."""

    def __init__(self) -> None:
        self.durable: list[int] = []
        self.failed: list[BaseException] = []
        self.has_failed = threading.Event()

    def on_failed(self, error: BaseException) -> None:
        """Remember it."""
        self.failed.append(error)
        self.has_failed.set()


class Noted:
    """What the anchors were told."""

    def __init__(self) -> None:
        self.said: list[tuple[bytes, Head]] = []
        self.closed = False

    def note(self, genesis: bytes, head: Head) -> None:
        """Remember it."""
        self.said.append((genesis, head))

    def close(self) -> None:
        """Remember it."""
        self.closed = True


@pytest.fixture
def heard() -> Heard:
    return Heard()


def writer_of(store: object, heard: Heard, head: Head = EMPTY, **options: Any) -> Writer:
    """Return a writer that tells ``heard``."""
    return Writer(
        store,  # type: ignore[arg-type]
        head,
        on_durable=heard.durable.append,
        on_failed=heard.on_failed,
        **options,
    )


def entries(first: int, last: int) -> list[Entry]:
    return [entry(seq) for seq in range(first, last + 1)]


def test_what_was_put_is_written_in_order_and_verifies(store: Store, heard: Heard) -> None:
    writer = writer_of(store, heard)
    for each in a_session():
        writer.put([each])

    assert writer.wait(24, WAIT_S)
    assert writer.durable_seq == 24
    writer.close()
    assert [row.entry for row in store.read()] == a_session()
    assert verify(store).records == 24
    assert heard.durable == sorted(heard.durable)
    assert heard.durable[-1] == 24
    assert heard.failed == []


def test_a_second_writer_goes_on_where_the_first_ended(store: Store, heard: Heard) -> None:
    first = writer_of(store, heard)
    first.put(entries(1, 5))
    first.close()
    second = writer_of(store, heard, store.head())
    second.put(entries(6, 9))
    second.close()

    assert verify(store).records == 9


def test_what_waits_for_the_disk_is_written_together(heard: Heard) -> None:
    gate = Gate()
    writer = writer_of(gate, heard)
    writer.put(entries(1, 1))
    gate.wait_until_entered()
    writer.put(entries(2, 3))
    writer.put([market(4, 4), entry(8)])
    gate.open()
    writer.close()

    assert [[row.entry.seq for row in group] for group in gate.groups] == [[1], [2, 3, 4, 8]]
    assert heard.durable == [1, 8]


def test_a_group_has_bounds(heard: Heard, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("interlock.journal.writer.GROUP_ENTRIES_MAX", 3)
    monkeypatch.setattr("interlock.journal.writer.GROUP_BYTES_MAX", 1_000)
    gate = Gate()
    writer = writer_of(gate, heard)
    writer.put([entry(1)])
    gate.wait_until_entered()
    writer.put([*entries(2, 5), entry(6, body=bytes(2_000)), entry(7)])
    gate.open()
    writer.close()

    assert [[row.entry.seq for row in group] for group in gate.groups] == [
        [1],
        [2, 3, 4],
        [5, 6],
        [7],
    ]


def test_nothing_is_durable_before_the_commit(heard: Heard) -> None:
    gate = Gate()
    writer = writer_of(gate, heard)
    writer.put(entries(1, 1))
    gate.wait_until_entered()

    assert not writer.wait(1, 0.0)
    assert heard.durable == []
    assert writer.durable_seq == 0
    gate.open()
    assert writer.wait(1, WAIT_S)
    writer.close()


def test_entries_have_to_follow_each_other(heard: Heard) -> None:
    writer = writer_of(Gate(), heard)

    with pytest.raises(AssertionError):
        writer.put([entry(2)])
    writer.close()


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (StoreError("the disk is full"), StoreError),
        (FencedError("another engine"), FencedError),
        (OSError("gone"), StoreError),
        (MemoryError(), StoreError),
        (SystemExit(), StoreError),
    ],
)
def test_the_first_failed_commit_is_the_last(
    heard: Heard, error: BaseException, expected: type[Exception]
) -> None:
    gate = Gate()
    gate.open(1)
    writer = writer_of(gate, heard)
    writer.put(entries(1, 1))
    assert writer.wait(1, WAIT_S)
    gate.wait_until_entered()
    gate.error = error
    writer.put(entries(2, 2))
    gate.wait_until_entered()
    writer.put(entries(3, 4))
    gate.open()
    assert heard.has_failed.wait(WAIT_S)

    assert heard.failed == [error]
    assert heard.durable == [1]
    assert [row.entry.seq for group in gate.groups for row in group] == [1]
    for use in (
        lambda: writer.put(entries(5, 5)),
        lambda: writer.wait(4),
        writer.close,
    ):
        with pytest.raises(expected, match="after a failure"):
            use()
    assert writer.wait(1), "what was durable before is durable still"
    assert not gate.entered.acquire(blocking=False), "nothing was tried again"


def test_a_callback_that_fails_stops_the_writer(heard: Heard) -> None:
    """A dispatcher that never hears of a durable event would never send its order."""
    gate = Gate()
    gate.open()

    def fails(_seq: int) -> None:
        raise RuntimeError("a bug")

    writer = Writer(gate, EMPTY, on_durable=fails, on_failed=heard.on_failed)  # type: ignore[arg-type]
    writer.put(entries(1, 1))

    assert heard.has_failed.wait(WAIT_S)
    with pytest.raises(StoreError, match="a bug"):
        writer.put(entries(2, 2))
    writer.close()


@pytest.mark.parametrize("bound", [{"waiting_entries_max": 2}, {"waiting_bytes_max": 2 * 200 + 50}])
def test_put_waits_while_there_is_no_room(heard: Heard, bound: dict[str, Any]) -> None:
    gate = Gate()
    writer = writer_of(gate, heard, **bound)
    writer.put(entries(1, 1))
    gate.wait_until_entered()
    had_room = not writer.is_full
    writer.put(entries(2, 3))
    assert (had_room, writer.is_full) == (True, True)
    putting = threading.Thread(target=writer.put, args=(entries(4, 4),), daemon=True)
    putting.start()
    putting.join(0.05)
    assert putting.is_alive()
    gate.open()
    putting.join(WAIT_S)

    assert not putting.is_alive()
    writer.close()
    assert [row.entry.seq for group in gate.groups for row in group] == [1, 2, 3, 4]


def test_put_that_waits_is_told_of_a_failure(heard: Heard) -> None:
    gate = Gate()
    gate.error = StoreError("the disk is full")
    writer = writer_of(gate, heard, waiting_entries_max=1)
    writer.put(entries(1, 1))
    gate.wait_until_entered()
    writer.put(entries(2, 2))
    raised: list[BaseException] = []

    def put() -> None:
        try:
            writer.put(entries(3, 3))
        except StoreError as error:
            raised.append(error)

    putting = threading.Thread(target=put, daemon=True)
    putting.start()
    gate.open()
    putting.join(WAIT_S)

    assert len(raised) == 1


def test_a_closed_writer_takes_nothing_more(heard: Heard) -> None:
    writer = writer_of(Gate(), heard)
    writer.close()

    with pytest.raises(StoreError, match="was closed"):
        writer.put(entries(1, 1))


def test_closing_writes_what_waits(heard: Heard) -> None:
    gate = Gate()
    writer = writer_of(gate, heard)
    writer.put(entries(1, 1))
    gate.wait_until_entered()
    writer.put(entries(2, 9))
    gate.open()
    writer.close()

    assert heard.durable[-1] == 9


def test_an_idle_moment_is_used_once(heard: Heard) -> None:
    gate = Gate()
    gate.open()
    writer = writer_of(gate, heard)
    writer.put(entries(1, 1))
    assert gate.tidied_idle.wait(WAIT_S)
    writer.close()

    assert gate.tidied in ([False, True], [True, False, True])


def test_housekeeping_that_fails_is_a_failure(
    heard: Heard, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = Gate()
    gate.open()

    def fails(**_: bool) -> None:
        raise StoreError("the disk is gone")

    monkeypatch.setattr(gate, "tidy", fails)
    writer = writer_of(gate, heard)

    assert heard.has_failed.wait(WAIT_S)
    with pytest.raises(StoreError):
        writer.put(entries(1, 1))
    writer.close()


@pytest.mark.parametrize("begins_at", [1, 6])
def test_every_durable_head_is_noted_with_the_journal_it_belongs_to(
    store: Store, heard: Heard, begins_at: int
) -> None:
    first = writer_of(store, heard)
    first.put(entries(1, begins_at - 1))
    first.close()
    noted = Noted()
    writer = writer_of(store, heard, store.head(), anchoring=noted)
    for seq in range(begins_at, 9):
        writer.put([entry(seq)])
        assert writer.wait(seq, WAIT_S)
    writer.close()

    genesis = next(iter(store.read())).hash
    assert {said[0] for said in noted.said} == {genesis}
    assert [said[1].seq for said in noted.said] == list(range(begins_at, 9))
    assert noted.said[-1][1] == store.head()
    assert noted.closed


def test_many_entries_from_many_calls_keep_their_order(store: Store, heard: Heard) -> None:
    writer = writer_of(store, heard)
    for seq in range(1, 3_001, 3):
        writer.put(entries(seq, seq + 2))
    writer.close()

    assert [row.entry.seq for row in store.read()] == list(range(1, 3_001))
    assert verify(store).rows == 3_000


def test_whoever_watches_is_told_while_the_store_is_in_use(heard: Heard) -> None:
    """A slow disk can be told from an engine that hangs."""
    store = Gate()
    told: list[bool] = []

    def busy(*, begins: bool) -> None:
        told.append(begins)

    writer = writer_of(store, heard, on_busy=busy)
    assert store.tidied_idle.wait(WAIT_S)
    writer.put(entries(1, 1))
    store.wait_until_entered()
    assert told[-1] is True
    store.open()
    assert writer.wait(1, WAIT_S)
    writer.close()
    assert told == [True, False] * (len(told) // 2)
    assert len(told) >= 4
