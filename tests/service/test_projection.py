"""The projection: what the journal says in tables, made again whenever it has to be."""

import sqlite3
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from interlock.app.following import AGAIN_NS, Follower
from interlock.journal.sqlite import SqliteStore
from interlock.runtime.clock import ManualClock
from interlock.service.problems import Problem
from interlock.service.projection import Projection
from interlock.service.projection_reads import ProjectionReads
from interlock.service.projection_rows import apply_all
from interlock.service.projection_tables import open_tables
from tests.research.sessions import inputs_of, recording, session_of

if TYPE_CHECKING:
    from interlock.app.happened import Item

GENESIS = {"cash_units": 10**13, "currency": "USDT", "instruments": [], "strategies": []}


class World:
    """A recorded journal, whoever follows it, and the projection."""

    def __init__(self, folder: Path) -> None:
        recording(folder).close()
        self.journal = folder / "home" / "journal.db"
        self.path = folder / "projection.db"
        self.troubles: list[str] = []
        self.clock = ManualClock()
        self.projection = Projection(self.path, self.troubles.append)
        self.reads = ProjectionReads(self.path)
        self.follower = self._follower()

    def _follower(self) -> Follower:
        return Follower(
            lambda: SqliteStore(self.journal, read_only=True),
            [self.projection],
            self.clock,
            path=self.journal,
            on_trouble=self.troubles.append,
        )

    def read(self) -> None:
        """Read until nothing is new."""
        for _ in range(6):
            self.follower.step()

    def restart(self) -> None:
        """Begin again, as after a crash of the gateway."""
        self.projection.close()
        self.projection = Projection(self.path, self.troubles.append)
        self.follower = self._follower()
        self.read()

    def tables(self) -> dict[str, list[Any]]:
        """Return everything in the tables."""
        connection = sqlite3.connect(self.path)
        names = [row[0] for row in connection.execute("SELECT name FROM sqlite_schema")]
        found = {
            name: connection.execute(f"SELECT * FROM {name} ORDER BY 1").fetchall()  # noqa: S608
            for name in names
            if not name.startswith("sqlite_") and "_" not in name.removesuffix("_events")
        }
        connection.close()
        return found


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    found = World(tmp_path)
    found.read()
    yield found
    found.projection.close()


# --- looking things up ------------------------------------------------------------------------


def test_orders_say_what_became_of_them(world: World) -> None:
    found = world.reads.orders(100)
    assert len(found["items"]) == 7
    assert found["next"] is None
    by_role = {(one["role"], one["state"]) for one in found["items"]}
    assert by_role == {
        ("ENTRY", "FILLED"),
        ("STOP", "FILLED"),
        ("STOP", "CANCELLED"),
        ("TARGET", "CANCELLED"),
        ("EXIT", "FILLED"),
    }
    entry = found["items"][-1]
    assert (entry["filled"], entry["average_price"]) == ("10.00000000", "100.00000000")
    seqs = [one["seq"] for one in found["items"]]
    assert seqs == sorted(seqs, reverse=True)
    assert world.reads.orders(100, state="open")["items"] == []
    cancelled = world.reads.orders(100, state="CANCELLED")["items"]
    assert {one["role"] for one in cancelled} == {"STOP", "TARGET"}
    assert world.reads.orders(100, symbol="GOOG")["items"] == []


def test_pages_follow_each_other_without_a_gap(world: World) -> None:
    for read in (world.reads.orders, world.reads.fills, world.reads.signals, world.reads.trades):
        whole = read(100)["items"]
        pages: list[Item] = []
        before = None
        while True:
            page = read(2, before)
            pages += page["items"]
            before = page["next"]
            if before is None:
                break
        assert pages == whole
        assert len(whole) > 1


def test_one_order_tells_its_life(world: World) -> None:
    newest = world.reads.orders(1)["items"][0]
    found = world.reads.order(newest["id"])
    assert found is not None
    assert [one["what"] for one in found["events"]] == ["SUBMIT", "ACCEPTED", "FILL"]
    assert [one["order"] for one in found["fills"]] == [newest["id"]]
    assert world.reads.order("o-1-1") is None


def test_a_signal_has_every_verdict_and_a_page_those_that_failed(world: World) -> None:
    page = world.reads.signals(100)["items"]
    refused = next(one for one in page if one["state"] == "REFUSED")
    assert all(one["failed"] for one in refused["verdicts"])
    whole = world.reads.signal(refused["id"])
    assert whole is not None
    assert len(whole["verdicts"]) > 60
    assert world.reads.signal("s-0") is None
    assert world.reads.signal("") is None


def test_bars_fills_and_stops_fit_together(world: World) -> None:
    bars = world.reads.bars("BTC_USDT", 10)
    assert len(bars) == 10
    assert [one["ts_ns"] for one in bars] == sorted(one["ts_ns"] for one in bars)
    stops = world.reads.stops("BTC_USDT", 0)
    assert [one["price"] for one in stops] == ["98.50", "98.24"]
    assert all(one["to_ns"] > one["from_ns"] for one in stops)
    later = world.reads.stops("BTC_USDT", stops[0]["to_ns"] + 1)
    assert [one["id"] for one in later] == [stops[1]["id"]]


def test_the_accounts_worth_begins_with_its_cash_and_ends_with_its_trades(world: World) -> None:
    points = world.reads.equity()
    assert Decimal(points[0]["equity"]) == 100_000
    won = sum(Decimal(one["pnl"]) for one in world.reads.trades(100)["items"])
    assert Decimal(points[-1]["equity"]) == 100_000 + won
    assert len(world.reads.equity(2)) == 2
    assert world.reads.equity(2)[-1] == points[-1]


def test_happenings_are_told_from_a_place_on(world: World) -> None:
    seen: list[Item] = []
    after = 0
    while True:
        page = world.reads.happenings(after, 3)
        if not page["items"]:
            assert page["next"] == after
            break
        seen += page["items"]
        after = page["next"]
    assert after == world.reads.newest()
    assert {one["type"] for one in seen} == {
        *("note", "policy", "latch", "signal", "order", "fill", "trade"),
    }
    assert [one["number"] for one in seen] == sorted(one["number"] for one in seen)


# --- made again -------------------------------------------------------------------------------


def test_a_restart_reads_on_where_it_was(world: World) -> None:
    before = world.tables()
    world.restart()
    assert world.tables() == before
    assert world.troubles == []
    assert world.reads.seq() == world.follower.said()["seq"]


@pytest.mark.parametrize("harm", ["deleted", "garbage", "cut", "version", "no_table"])
def test_a_lost_projection_is_made_again_while_it_is_followed(world: World, harm: str) -> None:
    before = world.tables()
    _harm(world.path, harm)
    if harm in {"version", "no_table"}:
        world.restart()
    else:
        world.follower = world._follower()
        world.read()
    assert world.tables() == before


@pytest.mark.parametrize("harm", ["deleted", "garbage", "cut", "version", "no_table"])
def test_a_lost_projection_is_made_again_at_a_start(world: World, harm: str) -> None:
    before = world.tables()
    world.projection.close()
    _harm(world.path, harm)
    world.restart()
    assert world.tables() == before


def _harm(path: Path, harm: str) -> None:
    if harm == "deleted":
        for end in ("", "-wal", "-shm"):
            path.with_name(path.name + end).unlink(missing_ok=True)
    elif harm == "garbage":
        path.write_bytes(b"\xff" * 40_000)
    elif harm == "cut":
        path.write_bytes(path.read_bytes()[:5_000])
    else:
        sql = "PRAGMA user_version = 99" if harm == "version" else "DROP TABLE meta"
        connection = sqlite3.connect(path)
        connection.execute(sql)
        connection.commit()
        connection.close()


def test_what_comes_after_a_deletion_makes_it_whole_again(tmp_path: Path) -> None:
    session = session_of(tmp_path, inputs_of(tmp_path))
    path = tmp_path / "projection.db"
    projection = Projection(path)
    journal = tmp_path / "home" / "journal.db"
    follower = Follower(
        lambda: SqliteStore(journal, read_only=True), [projection], ManualClock(), path=journal
    )
    session.start()
    while session.step():
        follower.step()
        if session.engine.progress.feed == 20:
            path.unlink(missing_ok=True)
    session.stop("ended")
    for _ in range(6):
        follower.step()
    assert len(ProjectionReads(path).orders(100)["items"]) == 7
    assert len(ProjectionReads(path).bars("BTC_USDT", 100)) == 34
    projection.close()
    session.store.close()


def test_another_journal_leaves_nothing_of_the_one_before(world: World, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    recording(other).close()
    world.journal.unlink()
    (other / "home" / "journal.db").rename(world.journal)
    before = len(world.reads.orders(100)["items"])
    world.read()
    assert len(world.reads.orders(100)["items"]) == before
    connection = sqlite3.connect(world.path)
    assert connection.execute("SELECT count(*) FROM orders").fetchone() == (before,)
    connection.close()


def test_a_locked_projection_is_tried_again_and_nothing_is_lost(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.follower.step()
    blocked = sqlite3.connect(world.path, isolation_level=None)
    blocked.execute("BEGIN IMMEDIATE")
    items: list[Item] = [{"type": "bar", "seq": 999}]
    with pytest.raises(sqlite3.OperationalError, match="locked"):
        world.projection.take(items, 999)
    blocked.execute("COMMIT")
    blocked.close()
    world.clock.advance(AGAIN_NS)
    world.read()
    assert len(world.reads.orders(100)["items"]) == 7
    world.projection.close()


def test_whoever_looks_meanwhile_is_told_to_come_again(tmp_path: Path) -> None:
    reads = ProjectionReads(tmp_path / "projection.db")
    with pytest.raises(Problem) as refused:
        reads.orders(10)
    assert (refused.value.status, refused.value.code) == (503, "PROJECTION_DOWN")
    (tmp_path / "projection.db").write_bytes(b"\xff" * 8_192)
    with pytest.raises(Problem):
        reads.happenings(0)


def test_it_is_for_this_user_alone(world: World) -> None:
    assert world.path.stat().st_mode & 0o777 == 0o600
    link = world.path.with_name("link.db")
    link.symlink_to(world.path)
    with pytest.raises(OSError, match="symbolic"):
        open_tables(link)


def test_samples_of_the_accounts_worth_are_kept_with_the_next_batch(world: World) -> None:
    last = world.reads.equity()[-1]["ts_ns"]
    world.projection.sample_status({"now_ns": last + 1, "money": {"equity": "123.00000000"}})
    world.projection.sample_status({"now_ns": last, "money": {"equity": "too old"}})
    world.projection.sample_status({"now_ns": None, "money": None})
    world.projection.take([], world.reads.seq())
    assert world.reads.equity()[-1]["equity"] == "123.00000000"
    assert world.reads.equity()[-1]["source"] == "status"


def test_what_is_told_twice_is_there_once(world: World) -> None:
    """A batch that comes again after a crash between two commits changes nothing but its news."""
    order = world.reads.orders(1)["items"][0]
    connection = sqlite3.connect(world.path)
    apply_all(connection, [order])
    connection.commit()
    connection.close()
    assert len(world.reads.orders(100)["items"]) == 7
    assert world.reads.orders(1)["items"][0]["state"] == "FILLED"
