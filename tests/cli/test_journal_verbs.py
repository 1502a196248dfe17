"""The verbs that read journals, on one session that was recorded and copies of it."""

import json
import shutil
from pathlib import Path

import apsw
import pytest
from typer.testing import CliRunner, Result

from interlock.cli import app
from interlock.runtime.ids import order_name
from tests.research.sessions import recording


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a file with the journal of a whole session."""
    folder = tmp_path_factory.mktemp("recorded")
    recording(folder).close()
    return folder / "home" / "journal.db"


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, recorded: Path) -> Path:
    """Give each test a home with a copy of the journal in it."""
    folder = tmp_path / "home"
    folder.mkdir(mode=0o700)
    shutil.copy2(recorded, folder / "journal.db")
    monkeypatch.setenv("INTERLOCK_HOME", str(folder))
    return folder


def call(*arguments: str | Path) -> Result:
    """Run the command line in this process."""
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def tamper(journal: Path) -> None:
    """Change a stored byte behind the journal's back."""
    connection = apsw.Connection(str(journal))
    table = next(
        name
        for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
        if any(row[1] == "body" for row in connection.execute(f"PRAGMA table_info({name})"))
    )
    connection.execute(f"UPDATE {table} SET ts_ns = ts_ns + 1 WHERE seq = 9")  # noqa: S608
    connection.close()


@pytest.mark.parametrize("where", ["home", "file", "folder"])
def test_a_journal_is_verified_wherever_it_is(where: str, home: Path) -> None:
    named = {"home": [], "file": [home / "journal.db"], "folder": [home]}[where]
    result = call("journal", "verify", *named)
    said = call("journal", "verify", *named, "--json")

    assert result.exit_code == said.exit_code == 0, result.stderr
    assert result.stdout.startswith(f"{home / 'journal.db'} is what was written: ")
    assert json.loads(said.stdout)["records"] > 9


@pytest.mark.parametrize("verb", ["verify", "export", "snapshot"])
def test_damage_ends_with_1_and_names_the_record(verb: str, home: Path, tmp_path: Path) -> None:
    tamper(home / "journal.db")
    out = [] if verb == "verify" else [tmp_path / "out"]
    result = call("journal", verb, *out)
    said = call("journal", verb, *out, "--json")

    assert result.exit_code == said.exit_code == 1
    assert "is broken at record 9 (edit)" in result.stderr
    assert json.loads(said.stdout)["seq"] == 9
    assert json.loads(said.stdout)["ok"] is False
    assert not (tmp_path / "out").exists()


def test_the_last_records_are_shown_or_those_that_are_asked_for() -> None:
    last = call("journal", "show", "--last", "2")
    third = call("journal", "show", "--seq", "3", "--json")

    assert last.exit_code == third.exit_code == 0
    assert "what: stop" in last.stdout
    assert json.loads(third.stdout)["seq"] == 3
    assert len(call("journal", "show", "--seq", "3", "--to", "5", "--json").stdout.split("\n")) == 4


def test_a_journal_is_written_out_and_copied(tmp_path: Path) -> None:
    exported = call("journal", "export", tmp_path / "rows.jsonl", "--json")
    copied = call("journal", "snapshot", tmp_path / "copy.db")
    first = json.loads((tmp_path / "rows.jsonl").read_text().splitlines()[0])

    assert exported.exit_code == copied.exit_code == 0, copied.stderr
    assert json.loads(exported.stdout)["file"] == str(tmp_path / "rows.jsonl")
    assert first["kind"] == "GENESIS"
    assert call("journal", "verify", tmp_path / "copy.db").exit_code == 0
    again = call("journal", "snapshot", tmp_path / "copy.db")
    assert again.exit_code == 2
    assert "is not overwritten" in again.stderr


def test_a_journal_replays_and_other_rules_are_compared(tmp_path: Path) -> None:
    policy = tmp_path / "policy.yaml"
    policy.write_text("position_sizing: {risk_per_trade: 0.001}\n")
    verified = call("replay", "--verify")
    compared = call("replay", "--policy", policy, "--json")
    both = call("replay", "--verify", "--policy", policy, "--json")

    assert verified.exit_code == compared.exit_code == both.exit_code == 0, compared.stderr
    assert "replays bit for bit, from its beginning" in verified.stdout
    assert json.loads(compared.stdout)["what_if"]["decisions"] > 0
    assert "digest" not in json.loads(compared.stdout)
    assert len(json.loads(both.stdout)["digest"]) == 64


def test_a_recorded_session_is_compared_with_its_backtest() -> None:
    result = call("parity")

    assert result.exit_code == 0, result.output
    assert "backtest, paper and journal are identical" in result.stdout


def test_an_order_of_the_home_s_journal_is_explained(home: Path) -> None:
    records = call("journal", "show", "--last", "500", "--json").stdout.splitlines()
    rows = [row for line in records for row in json.loads(line).get("records", [])]
    order = next(row for row in rows if row["kind"] == "SUBMIT" and row["role"] == "ENTRY")
    name = order_name(order["order_id"])
    own = call("explain", name)
    named = call("explain", home / "journal.db", name)

    assert own.exit_code == 0, own.stderr
    assert own.stdout.startswith(f"{name} on BTC_USDT. It was sent")
    assert own.stdout == named.stdout


def test_without_an_engine_the_status_is_what_the_journal_says_last(home: Path) -> None:
    result = call("status")
    said = call("status", "--json")

    assert result.exit_code == said.exit_code == 3
    assert f"no engine runs in {home}" in result.stderr
    assert "The recording has ended." in result.stdout
    assert json.loads(said.stdout)["last"]["stopped"] == "ended"
