"""audit verify, tail, export: people's acts and the engine's, together, while nothing runs."""

import csv
import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from interlock.app.audit_lines import AuditLines
from interlock.app.following import Follower
from interlock.cli import app
from interlock.config.home import Home, home_of
from interlock.config.settings import Settings
from interlock.journal.sqlite import SqliteStore
from interlock.runtime.clock import SystemClock
from interlock.service.audit import Audit
from interlock.service.database import Database, open_database
from tests.research.sessions import recording

KILL: dict[str, Any] = {"actor": "user:ada", "ip": "127.0.0.1", "action": "kill", "success": True}


def call(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["audit", *arguments])


def follow(home: Home, audit: Audit, batches: int = 1_000) -> None:
    """Read the journal along, as the gateway does."""

    def opened() -> SqliteStore:
        return SqliteStore(home.journal, read_only=True)

    follower = Follower(opened, [AuditLines(audit)], SystemClock(), path=home.journal)
    seq = -1
    while batches and seq != follower.said()["seq"]:
        seq = follower.said()["seq"]
        follower.step()
        assert not follower.said()["why"]
        assert follower.said()["troubles"] == []
        batches -= 1


@pytest.fixture
def database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Database]:
    recording(tmp_path).close()
    home = home_of(Settings(home=tmp_path / "home"))
    home.root.chmod(0o700)
    monkeypatch.setenv("INTERLOCK_HOME", str(home.root))
    home.make()
    with closing(open_database(home.gateway_db)) as found:
        yield found


@pytest.fixture
def home(tmp_path: Path, database: Database) -> Home:
    """Return a home in which somebody killed after a session, and everything was written down."""
    found = home_of(Settings(home=tmp_path / "home"))
    audit = Audit(database, found.audit_log, SystemClock())
    audit.start()
    follow(found, audit)
    audit.record("kill", **KILL, reason="a drill")
    audit.stop()
    return found


def test_what_was_written_is_verified_against_the_journal(home: Home) -> None:
    said = call("verify", "--json")

    assert said.exit_code == 0, said.output
    found = json.loads(said.stdout)
    assert (found["rows"], found["problems"], found["journal"]) == (1, [], "")
    assert found["facts"] == found["compared"] > 20
    assert "is what was written: 1 rows" in call("verify").stdout
    assert home.audit_log.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    ("before", "after", "problem"),
    [
        ('"event_type":"fill"', '"event_type":"fall"', "and differs"),
        ("a drill", "a spill", "row 1 must be in the file as it is"),
        ('"actor":"engine"', '"actor":"user:eve"', "and differs"),
    ],
)
def test_a_line_that_was_changed_is_found(
    home: Home, before: str, after: str, problem: str
) -> None:
    home.audit_log.write_text(home.audit_log.read_text().replace(before, after, 1))

    said = call("verify", "--json")

    assert said.exit_code == 1
    assert any(problem in each for each in json.loads(said.stdout)["problems"]), said.output


def test_a_line_about_the_engine_that_was_taken_away_is_found(home: Home) -> None:
    lines = home.audit_log.read_text().splitlines(keepends=True)
    fills = [number for number, line in enumerate(lines) if '"event_type":"fill"' in line]
    del lines[fills[1]]
    home.audit_log.write_text("".join(lines))

    assert call("verify").exit_code == 1


def test_a_line_about_what_never_was_is_found(home: Home) -> None:
    lines = home.audit_log.read_text().splitlines()
    facts = [json.loads(line) for line in lines if '"kind":"journal"' in line]
    made_up = {**facts[-1], "seq": 10**9, "action": "SELL everything"}
    home.audit_log.write_text("\n".join([*lines, json.dumps(made_up)]) + "\n")

    said = call("verify")
    assert said.exit_code == 1
    assert "is not so" in said.output


def test_without_a_journal_the_rest_is_verified_and_that_is_said(home: Home) -> None:
    home.journal.unlink()

    said = call("verify")

    assert said.exit_code == 0, said.output
    assert "journal" in said.stdout
    assert "not asked: " in said.stdout


def test_without_a_gateway_there_is_nothing_to_verify(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("INTERLOCK_HOME", str(tmp_path / "nowhere"))

    assert call("verify").exit_code == 2
    assert call("export", str(tmp_path / "out")).exit_code == 2
    assert call("tail").stdout == ""


def test_the_last_that_happened_is_shown_also_what_no_gateway_saw(
    home: Home, database: Database
) -> None:
    """The file is behind: the table and the journal are asked for the rest."""
    home.audit_log.unlink()
    Audit(database, home.audit_log, SystemClock()).record("login", **KILL)

    shown = call("tail", "--last", "1000").stdout
    said = [
        json.loads(line)
        for line in call("tail", "--last", "1000", "--json").stdout.split("\n")[:-1]
    ]

    assert {"order", "fill", "signal", "config_change", "start", "stop", "kill", "login"} <= {
        each["event_type"] for each in said
    }
    assert "user:ada from 127.0.0.1  kill: a drill" in shown
    assert len(call("tail", "--last", "3").stdout.splitlines()) == 3


def test_a_gateway_that_comes_later_writes_what_it_missed_once(
    home: Home, database: Database
) -> None:
    text = home.audit_log.read_text()
    lines = text.splitlines(keepends=True)
    home.audit_log.write_text("".join(lines[: len(lines) // 2]))

    audit = Audit(database, home.audit_log, SystemClock())
    audit.start()
    follow(home, audit)
    follow(home, audit)
    audit.stop()

    assert sorted(home.audit_log.read_text().splitlines()) == sorted(text.splitlines())
    assert call("verify").exit_code == 0


def test_an_export_is_whole_private_and_replaces_nothing(home: Home, tmp_path: Path) -> None:
    table, lines = tmp_path / "audit.csv", tmp_path / "audit.jsonl"

    for out in (table, lines):
        assert call("export", str(out)).exit_code == 0
        assert out.stat().st_mode & 0o777 == 0o600
        again = call("export", str(out))
        assert again.exit_code == 2
        assert "Next:" in again.output or "already" in again.output

    count = len(home.audit_log.read_text().splitlines())
    assert len(lines.read_text().splitlines()) == count
    with table.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == count
    assert not [row for row in rows if str(row["action"]).startswith(("=", "+", "-", "@"))]


def test_rows_that_were_cut_off_contradict_the_file(home: Home, database: Database) -> None:
    database.close()
    with closing(sqlite3.connect(home.gateway_db)) as raw, raw:
        raw.execute("DELETE FROM audit")

    said = call("verify")

    assert said.exit_code == 1
    assert "the file has row 1, and the table has not" in said.output
