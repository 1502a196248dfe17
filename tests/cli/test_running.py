"""The verbs that run an account and look at it: no engine, one that answers, one that is frozen."""

import json
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from interlock.cli import app, status_verbs
from tests.cli.statuses import status


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give each test a home of its own."""
    folder = tmp_path / "h"
    folder.mkdir(mode=0o700)
    monkeypatch.setenv("INTERLOCK_HOME", str(folder))
    return folder


class Engine:
    """Answers on an engine's socket until it is told to stop."""

    def __init__(self, path: Path) -> None:
        self.answers: dict[str, dict[str, Any]] = {
            "status": {"ok": True, **status()},
            "metrics": {"ok": True, "text": "interlock_events 3\n"},
            "stop": {"ok": True, "stopping": True},
            "reload": {"ok": True, "changes": ["risk.a: 1 -> 2 (tighter)"], "next_start": []},
        }
        self.asked: list[dict[str, Any]] = []
        self.is_frozen = False
        self._silent: list[socket.socket] = []
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._socket.bind(str(path))
        self._socket.listen()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        while True:
            try:
                peer, _ = self._socket.accept()
            except OSError:
                return
            if self.is_frozen:
                self._silent.append(peer)
                continue
            with peer, peer.makefile("rwb") as file:
                line = file.readline()
                if line:
                    self.asked.append(json.loads(line))
                    file.write(json.dumps(self.answers[self.asked[-1]["ask"]]).encode() + b"\n")
                    file.flush()
            if self.asked and self.asked[-1]["ask"] == "stop":
                self.close()

    def close(self) -> None:
        """Be gone."""
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        for peer in self._silent:
            peer.close()


@pytest.fixture
def engine(home: Path) -> Iterator[Engine]:
    """Return an engine that answers."""
    found = Engine(home / "engine.sock")
    yield found
    if found._socket.fileno() >= 0:
        found.close()


def call(*arguments: str | Path) -> Result:
    """Run the command line in this process."""
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


@pytest.mark.parametrize("verb", ["status", "reload", "stop"])
def test_where_no_engine_runs_that_is_said(verb: str, home: Path) -> None:
    result = call(verb)

    assert result.exit_code == 3
    assert result.stderr == f"no engine runs in {home}. Next: interlock run\n"
    assert result.stdout == ""


def test_where_no_engine_runs_json_says_so_too() -> None:
    result = call("status", "--json")

    assert result.exit_code == 3
    assert json.loads(result.stdout) == {"running": False, "last": None}


def test_a_status_is_what_the_engine_answers(engine: Engine) -> None:
    text = call("status")
    said = call("status", "--json")

    assert text.exit_code == said.exit_code == 0
    assert text.stdout.startswith("INTERLOCK PAPER  account paper")
    assert json.loads(said.stdout)["money"]["equity"] == "100123.45000000"
    assert json.loads(said.stdout)["running"] is True
    assert engine.asked == [{"ask": "status"}] * 2


def test_metrics_are_printed_as_they_are(engine: Engine) -> None:
    assert engine.asked == []
    assert call("status", "--metrics").stdout == "interlock_events 3\n"


def test_an_engine_that_does_not_answer_is_not_one_that_does_not_run(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(status_verbs, "ASK_S", 0.05)
    engine.is_frozen = True
    result = call("status")

    assert result.exit_code == 1
    assert "must answer within 0.05 s, and did not" in result.stderr


def test_a_reload_prints_what_changed(engine: Engine) -> None:
    result = call("reload", "--loosen")

    assert result.exit_code == 0
    assert result.stdout == "1 changed and hold from now on:\n  risk.a: 1 -> 2 (tighter)\n"
    assert engine.asked == [{"ask": "reload", "loosen": True}]


def test_a_reload_that_is_refused_says_every_problem(engine: Engine) -> None:
    engine.answers["reload"] = {"ok": False, "error": "a.yaml: no.\nb.toml: no."}
    result = call("reload")

    assert result.exit_code == 2
    assert result.stderr == "a.yaml: no.\nb.toml: no.\n"


def test_a_stop_waits_until_the_engine_is_gone(engine: Engine) -> None:
    result = call("stop")

    assert result.exit_code == 0
    assert result.stdout == "the engine has stopped.\n"
    assert engine.asked[0] == {"ask": "stop"}


BAD = """
    run --speed warp                  | data.speed must be a speed
    run --config nowhere.toml         | nowhere.toml
    run --config bad.toml             | account.mode must be paper
    run --data ""                     | data.bars
    engine --speed warp               | data.speed must be a speed
    venue --speed warp                | data.speed must be a speed
    journal verify nowhere.db         | nowhere.db
    journal show nowhere.db           | nowhere.db
    journal show --seq 0              | from 1 on and in order
    journal export out.jsonl          | journal.db
    journal snapshot out.db           | journal.db
    journal verify --anchors no.jsonl | no.jsonl must be a file of anchors
    replay nowhere.db                 | nowhere.db
    replay --policy nowhere.yaml      | nowhere.yaml
    parity nowhere.db                 | nowhere.db
    explain o-1C7-2                   | journal.db
    explain a b c                     | one id
"""


@pytest.mark.parametrize("row", [line for line in BAD.splitlines() if line.strip()])
def test_bad_input_is_one_clear_message(
    row: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On stderr, with exit code 2, without a stack trace, and no file is written."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "bad.toml").write_text('[account]\nmode = "live"\n')
    before = sorted(path for path in tmp_path.rglob("*") if path.is_file())
    command, says = (part.strip() for part in row.split("|"))

    result = call(*(word.strip('"') for word in command.split()))

    assert result.exit_code == 2, result.output
    assert says in result.stderr
    assert result.stdout == ""
    assert "Traceback" not in result.stderr
    assert sorted(path for path in tmp_path.rglob("*") if path.is_file()) == before
