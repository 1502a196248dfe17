"""user and token: what they print, what they change, and what they refuse."""

import asyncio
import json
import sqlite3
import threading
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from interlock.app.people import open_desk
from interlock.cli import app
from interlock.config.home import home_of
from interlock.config.settings import read_settings
from interlock.runtime.clock import NS_PER_S, SystemClock
from interlock.service.database import open_database
from tests.service.people.world import World


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "home"
    monkeypatch.setenv("INTERLOCK_HOME", str(path))
    return path


def call(*arguments: str) -> Result:
    return CliRunner().invoke(app, list(arguments))


def audited(home: Path) -> list[tuple[str, str]]:
    with sqlite3.connect(home / "gateway" / "gateway.db") as raw:
        found = raw.execute("SELECT actor, action FROM audit ORDER BY rowid").fetchall()
    raw.close()
    return found


def test_an_invitation_is_printed_once_and_kept_nowhere(home: Path) -> None:
    found = call("user", "add", "bob", "--role", "quant")

    code = found.stdout.strip()
    assert found.exit_code == 0, found.output
    assert len(code) == 31
    assert "shown this once" in found.stderr
    raw = b"".join(x.read_bytes() for x in (home / "gateway").iterdir())
    assert code.encode() not in raw
    assert code not in str(audited(home))


def test_everybody_is_listed(home: Path) -> None:
    assert "There is nobody yet" in call("user", "list").stdout
    call("user", "add", "bob", "--role", "quant")
    call("user", "add", "carol", "--role", "auditor")
    assert call("user", "role", "bob", "--role", "trading_ops").exit_code == 0
    assert "sessions have ended" in call("user", "disable", "carol").stdout

    listed = call("user", "list").stdout.splitlines()
    found = json.loads(call("user", "list", "--json").stdout)["people"]

    assert listed[0].split()[:3] == ["bob", "trading_ops", "invited"]
    assert [(x["name"], x["state"]) for x in found] == [("bob", "invited"), ("carol", "disabled")]
    assert "may sign in" in call("user", "enable", "carol").stdout
    who = {actor for actor, _ in audited(home)}
    assert len(who) == 1
    assert who.pop().startswith("cli:")
    assert [action for _, action in audited(home)][-2:] == ["disable carol", "enable carol"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("user", "add", "bob", "--role", "root"), "a role must be one of admin"),
        (("user", "add", "Bob", "--role", "quant"), "a name must have"),
        (("user", "role", "nobody", "--role", "quant"), "no person of this name"),
        (("user", "disable", "nobody"), "no person of this name"),
        (("user", "reset", "nobody"), "no person of this name"),
        (("token", "add", "x", "--permission", "root"), "--permission must be one of"),
        (("token", "add", "x", "--permission", "clear_kill"), "only people may do"),
        (("token", "revoke", "none"), "no token of this name"),
    ],
)
def test_what_cannot_be_is_said(arguments: tuple[str, ...], said: str) -> None:
    found = call(*arguments)

    assert found.exit_code == 2
    assert said in found.stderr
    assert found.stdout == ""


def test_the_first_code_is_in_a_file_and_not_on_the_screen(home: Path) -> None:
    found = call("user", "code")

    file = home / "secrets" / "admin-code"
    assert found.exit_code == 0
    assert str(file) in found.stdout
    assert file.read_text().strip() not in found.output
    assert file.stat().st_mode & 0o777 == 0o600


def enrol(code: str) -> str:
    """Take an invitation at a gateway that runs on this home; return whose it was."""
    home = home_of(read_settings())
    database = open_database(home.gateway_db)
    here = World(home.secrets, database, now_s=SystemClock().now_ns() // NS_PER_S)
    member = asyncio.run(here.enrol(here.browser(), code, "alice"))
    here.people.close()
    database.close()
    return member.name


def test_an_administrator_who_lost_everything_comes_back_through_the_shell(home: Path) -> None:
    call("user", "code")
    enrol((home / "secrets" / "admin-code").read_text())

    none = call("user", "code")
    last = call("user", "disable", "alice")
    active = json.loads(call("user", "list", "--json").stdout)["people"][0]["state"]
    reset = json.loads(call("user", "reset", "alice", "--json").stdout)

    assert none.exit_code == 1
    assert "There is an administrator already" in none.stderr
    assert last.exit_code == 2
    assert "the last administrator" in last.stderr
    assert active == "active"
    assert enrol(reset["code"]) == "alice"


def test_a_token_is_printed_once(home: Path) -> None:
    assert "There is no token" in call("token", "list").stdout

    found = call("token", "add", "grafana", "--permission", "see_metrics", "--days", "30")
    again = call("token", "add", "grafana", "--permission", "see_metrics")
    as_json = call("token", "add", "probe", "--permission", "probe", "--json")
    revoked = call("token", "revoke", "grafana")
    listed = call("token", "list")

    token = found.stdout.strip()
    assert token.startswith("il_")
    assert "shown this once" in found.stderr
    assert again.exit_code == 2
    assert json.loads(as_json.stdout)["token"].startswith("il_")
    assert "works no more" in revoked.stdout
    assert token not in listed.stdout
    assert [line.split()[:2] for line in listed.stdout.splitlines()] == [
        ["grafana", "revoked"],
        ["probe", "active"],
    ]
    assert token.encode() not in (home / "gateway" / "gateway.db").read_bytes()


def test_a_token_that_ended_is_listed_as_such(monkeypatch: pytest.MonkeyPatch) -> None:
    call("token", "add", "grafana", "--permission", "see_metrics", "--days", "1")
    monkeypatch.setattr("interlock.runtime.clock.SystemClock.now_ns", lambda _: 2**62)

    found = json.loads(call("token", "list", "--json").stdout)

    assert found["tokens"][0]["state"] == "expired"


def test_the_shell_and_a_gateway_write_at_the_same_time() -> None:
    call("user", "list")
    where = home_of(read_settings())
    gateway = open_database(where.gateway_db)
    entered, go_on = threading.Event(), threading.Event()

    def hold() -> None:
        with gateway.begin() as connection:
            connection.exec_driver_sql("DELETE FROM users WHERE name = 'none'")
            entered.set()
            go_on.wait()

    holder = threading.Thread(target=hold)
    holder.start()
    entered.wait()
    threading.Timer(0.2, go_on.set).start()

    found = call("user", "add", "bob", "--role", "quant")

    holder.join()
    assert found.exit_code == 0, found.output
    with gateway.read() as connection:
        assert connection.exec_driver_sql("SELECT name FROM users").scalar() == "bob"
    gateway.close()


def test_a_home_of_others_is_not_touched(home: Path) -> None:
    home.mkdir(mode=0o777)
    home.chmod(0o777)

    found = call("user", "add", "bob", "--role", "quant")

    assert found.exit_code == 2
    assert "nobody else may write to" in found.stderr
    assert list(home.iterdir()) == []


def test_a_damaged_database_is_said_to_be(home: Path) -> None:
    call("user", "list")
    (home / "gateway" / "gateway.db").write_bytes(b"nothing" * 4_000)

    found = call("user", "list")

    assert found.exit_code == 2
    assert "must be a whole database" in found.stderr


def test_whoever_has_no_name_in_this_system_is_named_by_number(
    monkeypatch: pytest.MonkeyPatch, home: Path
) -> None:
    def unknown(_uid: int) -> None:
        raise KeyError

    monkeypatch.setattr("pwd.getpwuid", unknown)

    with open_desk() as desk:
        desk.add("bob", "quant")

    assert audited(home)[0][0].startswith("cli:uid-")
