"""The audit: what was done is written down in a chain, and whoever changes it is found out."""

import json
import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.exc import SQLAlchemyError

from interlock.ops.audit_check import Checked, Noted, check_audit
from interlock.runtime.clock import NS_PER_S, ManualClock
from interlock.service.audit import Audit
from interlock.service.audit_scribe import DAY_NS, KEEP_NS
from interlock.service.database import Database, open_database

NOW_NS = 1_800_000_000 * NS_PER_S
WHO: dict[str, Any] = {"actor": "user:alice", "ip": "127.0.0.1"}


class World:
    """An audit in a folder, and what its engine was told."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.path = folder / "gateway.db"
        self.file = folder / "audit.log"
        self.clock = ManualClock(NOW_NS)
        self.noted: list[Noted] = []
        self.troubles: list[str] = []
        self.database: Database = open_database(self.path)
        self.audit = self.new()

    def new(self) -> Audit:
        return Audit(
            self.database,
            self.file,
            self.clock,
            note_head=self.note,
            on_trouble=self.troubles.append,
        )

    def note(self, seq: int, head: str) -> None:
        self.noted.append(Noted(seq=seq, head=head, journal_seq=100 + len(self.noted)))

    def written(self, count: int) -> None:
        """Write rows, and have them copied and noted."""
        for number in range(count):
            self.audit.record("login", **WHO, action=f"sign in {number}", success=True)
        self.copy()

    def copy(self) -> None:
        audit = self.new()
        audit.start()
        audit.stop()

    def check(self) -> Checked:
        return check_audit(self.path, self.file, self.noted)

    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.file.read_text().splitlines()]

    def sql(self, text: str, *values: Any) -> None:
        with sqlite3.connect(self.path) as connection:
            connection.execute(text, values)
        connection.close()


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    tmp_path.chmod(0o700)
    found = World(tmp_path)
    yield found
    found.database.close()


def test_what_was_written_is_found_whole(world: World) -> None:
    world.written(5)

    found = world.check()

    assert found.problems == []
    assert (found.rows, found.head_seq, found.lines, found.behind) == (5, 5, 5, 0)
    assert found.noted_seq == 5
    assert world.file.stat().st_mode & 0o777 == 0o600
    assert world.troubles == []
    (first, *_) = world.lines()
    assert first["timestamp"] == "2027-01-15T08:00:00.000000000Z"
    assert {"event_type", "actor", "ip_address", "action", "success", "reason"} < set(first)
    assert "correlation_id" in first


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ("UPDATE audit SET actor = 'user:mallory' WHERE seq = 3", "row 3 was changed"),
        ("UPDATE audit SET success = 0 WHERE seq = 3", "row 3 was changed"),
        ("UPDATE audit SET ts_ns = ts_ns + 1 WHERE seq = 3", "row 3 was changed"),
        ("UPDATE audit SET details = '{\"a\":1}' WHERE seq = 3", "row 3 was changed"),
        ("UPDATE audit SET hash = 'ab' WHERE seq = 3", "row 3 was changed"),
        ("DELETE FROM audit WHERE seq = 3", "row 3 must follow row 2"),
        ("DELETE FROM audit WHERE seq = 1", "row 1 must follow row 0"),
        ("DELETE FROM audit WHERE seq = 5", "it was cut off"),
        ("DELETE FROM audit", "it was cut off"),
        ("UPDATE audit SET seq = 9 WHERE seq = 5", "row 5 must follow row 4"),
        ("INSERT INTO audit_pruned VALUES (1, 2, 'ab', 0)", "row 3 must follow row 2"),
    ],
)
def test_a_change_is_found_out(world: World, change: str, problem: str) -> None:
    world.written(5)

    world.sql(change)

    assert any(problem in each for each in world.check().problems), world.check().problems


def test_an_audit_made_anew_is_not_what_the_engine_was_told(world: World) -> None:
    """Every hash of it is right, and its file agrees."""
    world.written(5)
    world.sql("DELETE FROM audit")
    world.file.unlink()
    for number in range(7):
        world.audit.record("login", **WHO, action=f"nothing happened {number}", success=True)
    noted = list(world.noted)
    world.copy()

    found = check_audit(world.path, world.file, noted)

    assert any("was made anew" in each for each in found.problems)


def test_a_line_that_was_changed_is_found_out(world: World) -> None:
    world.written(5)
    text = world.file.read_text()

    for before, after, problem in (
        ("sign in 2", "sign in 7", "row 3 must be in the file as it is"),
        ("}\n", "}\n{}\n", "is no line of the audit"),
        (text.splitlines()[1] + "\n", "", "the file must have row 2"),
        (text.splitlines()[4], text.splitlines()[4].replace('"seq":5', '"seq":9'), "row 9"),
    ):
        world.file.write_text(text.replace(before, after, 1))
        assert any(problem in each for each in world.check().problems), problem


def test_a_file_that_is_behind_is_written_at_the_next_start(world: World) -> None:
    world.written(3)
    text = world.file.read_bytes()
    world.file.write_bytes(text[:-20])
    assert world.check().behind == 1

    world.copy()

    assert world.file.read_bytes() == text
    world.file.unlink()
    world.copy()
    assert world.file.read_bytes() == text


def test_a_file_that_others_may_read_is_not_used(world: World) -> None:
    world.written(1)
    world.file.chmod(0o644)

    with pytest.raises(OSError, match="this user alone"):
        world.new().start()


def test_a_table_older_than_its_file_is_said(world: World) -> None:
    """As after a backup was put back: what the file has more is kept beside it."""
    world.written(3)
    world.sql("DELETE FROM audit WHERE seq = 3")

    world.copy()

    assert len(list(world.folder.glob("audit.log.ahead-*"))) == 1
    assert world.lines()[-1]["event_type"] == "audit_ahead"


def test_a_row_goes_with_its_transaction(world: World) -> None:
    def fail() -> None:
        with world.database.begin() as connection:
            world.audit.record_in(connection, "login", **WHO, action="sign in", success=True)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()

    assert world.audit.rows() == []


def test_twenty_writers_make_one_chain(world: World) -> None:
    def write() -> None:
        for _ in range(5):
            world.audit.record("login", **WHO, action="sign in", success=True)

    threads = [threading.Thread(target=write) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    world.copy()

    found = world.check()
    assert (found.rows, found.problems) == (100, [])


def test_a_row_that_cannot_be_written_is_an_error(world: World) -> None:
    world.sql("DROP TABLE audit")

    with pytest.raises(SQLAlchemyError):
        world.audit.record("login", **WHO, action="sign in", success=True)


def test_a_flood_of_refusals_is_a_handful_of_rows(world: World) -> None:
    """Sixty thousand within half a minute, from one source."""
    for _ in range(30):
        for number in range(2_000):
            world.audit.deny(
                "access_denied",
                actor=f"user:{number}",
                ip="127.0.0.1",
                action=f"GET /api/{number}",
                reason="SIGN_IN_NEEDED",
            )
        world.audit.write_denials()
        world.clock.advance(NS_PER_S)
    world.clock.advance(60 * NS_PER_S)
    world.audit.write_denials()

    rows = world.audit.rows()
    assert len(rows) == 2
    assert json.loads(rows[0].details)["count"] == 58_000
    assert json.loads(rows[1].details)["count"] == 2_000


def test_one_refusal_is_one_row_at_once(world: World) -> None:
    deny: dict[str, Any] = {"ip": "10.0.0.9", "action": "GET /api/audit", "reason": "NOT_PERMITTED"}
    world.audit.deny("access_denied", actor="user:bob", **deny)
    world.audit.write_denials()
    world.clock.advance(61 * NS_PER_S)
    world.audit.write_denials()

    (row,) = world.audit.rows()
    assert (row.actor, row.reason, row.success) == ("user:bob", "NOT_PERMITTED", False)


def test_a_flood_from_everywhere_stays_bounded(world: World) -> None:
    for number in range(10_000):
        world.audit.deny(
            "webhook",
            actor="unknown",
            ip=f"10.0.{number // 250}.{number % 250}",
            action="x",
            reason="SECRET_WRONG",
        )
    world.audit.write_denials(all_of_them=True)

    rows = world.audit.rows(limit=1_000)
    assert len(rows) <= 65
    assert sum(json.loads(row.details).get("count", 1) for row in rows) == 10_000


HOSTILE = 'a\x1b[2J\r\n{"kind":"audit"}\u2028\u202e\ud800\x00\x7f\x85"\\'


def test_what_others_wrote_forges_no_line(world: World) -> None:
    fields: dict[str, Any] = dict.fromkeys(("actor", "ip", "action", "reason"), HOSTILE)
    world.audit.record(
        "webhook", **fields, correlation=HOSTILE, success=False, said={HOSTILE: [HOSTILE, 1.5]}
    )
    world.audit.record("webhook", **fields, success=False, long="x" * 100_000, many=[HOSTILE] * 900)
    world.copy()

    raw = world.file.read_bytes()
    assert raw.count(b"\n") == 2
    assert all(32 <= each < 127 or each == 10 for each in raw)
    assert world.check().problems == []


def test_retention_drops_the_oldest_and_the_chain_still_holds(world: World) -> None:
    world.written(5)
    world.clock.advance(KEEP_NS + DAY_NS)
    world.written(2)  # the thread of this one prunes

    found = world.check()

    assert found.problems == []
    assert (found.pruned_to, found.first_seq) == (5, 6)
    assert [each["event_type"] for each in world.lines()] == ["login", "login", "audit_pruned"]

    world.sql("UPDATE audit_pruned SET seq = 6, hash = (SELECT hash FROM audit WHERE seq = 6)")
    world.sql("DELETE FROM audit WHERE seq = 6")
    assert any("no row says that they were dropped" in each for each in world.check().problems)


def test_lines_about_the_journal_are_kept_apart(world: World) -> None:
    world.written(2)
    audit = world.new()
    audit.start()
    assert audit.followed("j1") == 0
    audit.follow([{"journal": "j1", "seq": 7, "event_type": "fill"}])
    audit.follow([{"journal": "j1", "seq": 9, "event_type": "order"}])
    assert (audit.followed("j1"), audit.followed("j2")) == (9, 0)
    audit.stop()

    found = world.check()
    assert (found.facts, found.lines, found.problems) == (2, 2, [])


def test_an_engine_that_does_not_answer_is_told_once_and_tried_again(world: World) -> None:
    def down(_seq: int, _head: str) -> None:
        raise ConnectionRefusedError("no engine")

    audit = Audit(
        world.database, world.file, world.clock, note_head=down, on_trouble=world.troubles.append
    )
    audit.start()
    audit.record("login", **WHO, action="sign in", success=True)
    audit.stop()

    assert audit.state()["anchored_seq"] == 0
    assert world.troubles == ["the audit: telling the engine failed: no engine"]
    again = world.new()
    again.start()
    again.stop()
    assert world.noted[-1].seq == 1
    assert again.state() == {
        "rows": 1,
        "head_seq": 1,
        "head": world.noted[-1].head,
        "anchored_seq": 1,
        "anchored_ns": NOW_NS,
    }


def test_rows_are_found_by_what_they_say(world: World) -> None:
    for number in range(4):
        world.audit.record(
            ("login", "kill")[number % 2],
            actor=("user:alice", "user:bob")[number // 2],
            ip="",
            action="x",
            success=True,
            correlation=f"c{number}",
        )

    def seqs(**wanted: Any) -> list[int]:
        return [row.seq for row in world.audit.rows(**wanted)]

    assert seqs() == [4, 3, 2, 1]
    assert seqs(before=3, limit=1) == [2]
    assert seqs(event_type="kill") == [4, 2]
    assert seqs(actor="user:bob", event_type="login") == [3]
    assert seqs(correlation="c1") == [2]
