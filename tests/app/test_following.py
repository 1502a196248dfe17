"""Following a journal: everything, once, in order, whatever becomes of the journal meanwhile."""

import threading
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import apsw
import pytest

from interlock.app import following
from interlock.app.following import (
    AGAIN_NS,
    AWAY_PAUSE_S,
    BUSY_PAUSE_S,
    IDLE_PAUSE_S,
    Follower,
)
from interlock.app.happened import Item
from interlock.journal.errors import StoreError
from interlock.journal.port import Store
from interlock.journal.sqlite import SqliteStore
from interlock.runtime.clock import ManualClock, SystemClock
from tests.research.sessions import inputs_of, recording, session_of


class Reader:
    """Keeps what it is told."""

    def __init__(self, has: int = 0) -> None:
        self.items: list[Item] = []
        self.journals: list[str] = []
        self.has = has
        self.fails = 0
        self.came = threading.Event()

    def begin(self, journal: str, genesis: Mapping[str, Any]) -> int:
        """Begin anew with another journal."""
        assert "instruments" in genesis
        if (self.journals or self.has > 10**6) and journal not in self.journals[-1:]:
            is_first = not self.journals
            self.items.clear()
            self.has = self.has if is_first else 0
        self.journals.append(journal)
        return self.has

    def take(self, items: Sequence[Item], seq: int) -> int:
        """Keep them."""
        if self.fails:
            self.fails -= 1
            raise ValueError("no")
        self.items += items
        self.has = seq
        self.came.set()
        return seq


def follower_of(
    path: Path,
    *readers: Reader,
    clock: Any = None,
    open_store: Callable[[], Store] | None = None,
    told: list[str] | None = None,
) -> Follower:
    return Follower(
        open_store or (lambda: SqliteStore(path, read_only=True)),
        readers,
        clock or ManualClock(),
        path=path,
        on_trouble=(told if told is not None else []).append,
    )


def read_all(follower: Follower) -> None:
    """Read until nothing is new."""
    seq = -1
    while seq != follower.said()["seq"]:
        seq = follower.said()["seq"]
        assert follower.step() < AWAY_PAUSE_S, follower.said()["why"]


@pytest.fixture
def recorded(tmp_path: Path) -> Path:
    recording(tmp_path).close()
    return tmp_path / "home" / "journal.db"


def test_everything_is_told_once_and_in_order(recorded: Path) -> None:
    reader = Reader()
    follower = follower_of(recorded, reader)
    read_all(follower)
    kinds = Counter(item["type"] for item in reader.items)
    assert kinds["bar"] == 34
    assert (kinds["order"], kinds["fill"], kinds["trade"], kinds["signal"]) == (7, 4, 2, 6)
    assert (kinds["latch"], kinds["policy"]) == (2, 1)
    assert [one["what"] for one in reader.items if one["type"] == "note"] == [
        *("genesis", "start", "stop"),
    ]
    seqs = [item["seq"] for item in reader.items]
    assert seqs == sorted(seqs)
    for item in reader.items:
        assert {"type", "seq", "ts", "ts_ns"} <= set(item)
        assert item["ts"].endswith("Z")
    assert follower.said()["why"] == ""
    assert follower.step() == IDLE_PAUSE_S, "nothing is new"


def test_what_is_told_is_what_happened(recorded: Path) -> None:
    reader = Reader()
    read_all(follower_of(recorded, reader))
    entry = next(one for one in reader.items if one["type"] == "order")
    fill = next(one for one in reader.items if one["type"] == "fill")
    trade = next(one for one in reader.items if one["type"] == "trade")
    signals = [one for one in reader.items if one["type"] == "signal"]
    assert (entry["role"], entry["side"], entry["quantity"]) == ("ENTRY", "BUY", "10.00000000")
    assert entry["client_id"].startswith("i-1-")
    assert fill["order"] == entry["id"] == trade["id"]
    assert (fill["price"], trade["entry_price"], trade["exit_price"]) == (
        *("100.00", "100.00", "98.0000"),
    )
    assert (trade["pnl"], trade["reason"], trade["side"]) == ("-20.00000000", "STOP", "long")
    assert entry["signal"] == next(s["id"] for s in signals if entry["id"] in s["orders"])
    states = Counter(one["state"] for one in signals)
    assert set(states) == {"SUBMITTED", "REFUSED", "NOTHING_TO_DO"}
    refused = next(one for one in signals if one["state"] == "REFUSED")
    assert refused["reason"] == refused["reasons"][0]
    failed = {one["rule"] for one in refused["verdicts"] if one["failed"]}
    assert failed == set(refused["reasons"])


def test_what_is_read_while_it_is_written_is_the_same(tmp_path: Path) -> None:
    """The follower has the journal open all the time; every commit of the writer goes through."""
    session = session_of(tmp_path, inputs_of(tmp_path))
    path = tmp_path / "home" / "journal.db"
    during, after = Reader(), Reader()
    follower = follower_of(path, during)
    session.start()
    while session.step():
        follower.step()
    session.stop("ended")
    read_all(follower)
    read_all(follower_of(path, after))
    assert during.items == after.items
    session.store.close()


def test_it_keeps_no_page_of_the_log(tmp_path: Path) -> None:
    """Between two looks nothing is held: the writer can empty the log whole."""
    session = session_of(tmp_path, inputs_of(tmp_path))
    session.run()
    follower = follower_of(tmp_path / "home" / "journal.db", Reader())
    follower.step()
    log = tmp_path / "home" / "journal.db-wal"
    assert log.stat().st_size > 0
    assert isinstance(session.store, SqliteStore)
    session.store._begin_log_anew()
    assert log.stat().st_size == 0
    session.store.close()


def test_a_journal_that_is_not_there_is_waited_for(tmp_path: Path) -> None:
    told: list[str] = []
    reader = Reader()
    path = tmp_path / "home" / "journal.db"
    follower = follower_of(path, reader, told=told)
    for _ in range(3):
        assert follower.step() == AWAY_PAUSE_S
    assert follower.said()["why"]
    assert len(told) == 1, "a reason is told once"
    recording(tmp_path).close()
    read_all(follower)
    assert len(reader.items) > 30


def test_another_journal_in_its_place_is_read_from_its_begin(tmp_path: Path) -> None:
    first, second = tmp_path / "a", tmp_path / "b"
    for folder in (first, second):
        folder.mkdir()
        recording(folder).close()
    reader = Reader()
    path = first / "home" / "journal.db"
    follower = follower_of(path, reader)
    read_all(follower)
    before = list(reader.items)
    path.unlink()
    (second / "home" / "journal.db").rename(path)
    read_all(follower)
    assert len(set(reader.journals)) == 2
    assert [one["type"] for one in reader.items] == [one["type"] for one in before]
    assert reader.items[0]["says"]["id"] != before[0]["says"]["id"]


def test_whoever_knows_more_than_the_journal_is_told_everything(recorded: Path) -> None:
    """A copy of last week was put back: what was read after it never happened."""
    ahead, whole = Reader(has=10**9), Reader()
    read_all(follower_of(recorded, ahead, whole))
    assert ahead.journals[-1] == "", "it was asked what it has of no journal"
    assert ahead.items == whole.items


def test_a_journal_that_is_locked_is_waited_for(recorded: Path) -> None:
    reader = Reader()
    follower = follower_of(recorded, reader)
    blocked = apsw.Connection(str(recorded))  # of the same library: locks are a process's own
    blocked.execute("PRAGMA journal_mode = DELETE")  # in which who writes locks readers out
    blocked.execute("BEGIN EXCLUSIVE")
    assert follower.step() == AWAY_PAUSE_S
    assert reader.items == []
    blocked.close()
    read_all(follower)
    assert len(reader.items) > 30


def test_one_who_fails_is_told_again_and_holds_up_nobody(recorded: Path) -> None:
    clock, told = ManualClock(), list[str]()
    failing, other, whole = Reader(), Reader(), Reader()
    failing.fails = 2
    follower = follower_of(recorded, failing, other, clock=clock, told=told)
    read_all(follower)
    assert failing.items == []
    assert len(other.items) > 30
    clock.advance(AGAIN_NS)
    read_all(follower)
    assert failing.items == []
    clock.advance(AGAIN_NS)
    read_all(follower)
    read_all(follower_of(recorded, whole))
    assert failing.items == other.items == whole.items
    assert len(told) == 1
    assert "Reader: ValueError: no" in follower.said()["troubles"][0]


def test_who_has_read_a_part_is_told_the_rest_alone(recorded: Path) -> None:
    whole, rest = Reader(), Reader(has=40)
    read_all(follower_of(recorded, whole, rest))
    assert rest.items == [item for item in whole.items if item["seq"] > 40]
    orders = [item["client_id"] for item in rest.items if item["type"] == "order"]
    assert all(name.startswith("i-1-") for name in orders)


def test_orders_are_named_by_the_engine_that_decided_them(tmp_path: Path) -> None:
    session = session_of(tmp_path, inputs_of(tmp_path))
    session.run_until(lambda: session.engine.progress.feed >= 24)
    session.settle()
    session.crash()
    session.run()
    session.stop("ended")
    path = tmp_path / "home" / "journal.db"
    whole = Reader()
    read_all(follower_of(path, whole))
    names = [item["client_id"] for item in whole.items if item["type"] == "order"]
    assert {name.split("-")[1] for name in names} == {"1", "2"}
    middle = next(item["seq"] for item in whole.items if item["type"] == "trade")
    rest = Reader(has=middle)
    read_all(follower_of(path, rest))
    again = [item["client_id"] for item in rest.items if item["type"] == "order"]
    assert again == names[-len(again) :]
    session.store.close()


def test_the_thread_tells_what_is_new_and_ends(tmp_path: Path) -> None:
    session = session_of(tmp_path, inputs_of(tmp_path))
    reader = Reader()
    follower = follower_of(tmp_path / "home" / "journal.db", reader, clock=SystemClock())
    follower.start()
    session.start()
    session.commit()
    assert reader.came.wait(20)
    follower.stop()
    assert follower.said()["read_age_s"] is not None


def test_a_store_that_refuses_is_opened_anew(recorded: Path) -> None:
    opened: list[Store] = []

    def open_store() -> Store:
        if len(opened) == 1:
            opened.append(opened[0])
            raise StoreError("the server is away")
        opened.append(SqliteStore(recorded, read_only=True))
        return opened[-1]

    reader = Reader()
    follower = follower_of(recorded, reader, open_store=open_store)
    follower.step()
    opened[0].close()
    assert follower.step() == AWAY_PAUSE_S
    assert follower.step() == AWAY_PAUSE_S
    assert follower.said()["why"] == "the server is away"
    read_all(follower)
    assert follower.said()["why"] == ""


def test_a_row_of_many_events_is_a_batch_of_its_own(
    recorded: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(following, "EVENTS", 2)
    reader, whole = Reader(), Reader()
    follower = follower_of(recorded, reader)
    assert follower.step() == BUSY_PAUSE_S, "there is more"
    assert len(reader.items) == 2
    read_all(follower)
    monkeypatch.undo()
    read_all(follower_of(recorded, whole))
    assert reader.items == whole.items
