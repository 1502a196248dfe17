"""A person at a running gateway: looks, follows, kills; and an audit that proves it afterwards."""

import contextlib
import http.client
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyotp
import pytest

from interlock.app.gateway_routes import whole_app
from interlock.config.latch import LatchState
from interlock.config.latch_file import LatchFile
from interlock.config.progress_file import read_progress
from interlock.runtime.clock import NS_PER_S, SystemClock
from tests.proof.webhook_run import SYMBOL, WebhookRun, soon

NOT_LOOKED_AT = {"/api/events", "/openapi.json", "/api/health/system", "/readyz", "/health"}
HERE = {"X-Interlock": "1", "Content-Type": "application/json", "Sec-Fetch-Site": "same-origin"}


class Person:
    """Whoever was invited, signed in; without an invitation the first administrator."""

    def __init__(self, run: WebhookRun, code: str = "") -> None:
        self.run = run
        self.cookie = ""
        code = code or run.home.admin_code.read_text().strip()
        body = {"code": code, "name": "ada", "password": "a long walk in the rain"}
        _, begun = self.ask("POST", "/api/setup", body)
        self.secret = begun["secret"]
        shown = pyotp.TOTP(self.secret).now()
        status, done = self.ask(
            "POST", "/api/setup/confirm", {"enrolment": begun["enrolment"], "code": shown}
        )
        assert status == 200, done

    def fresh_code(self) -> str:
        """Return a code that was not used yet: the next one, for clocks may differ by one step."""
        return pyotp.TOTP(self.secret).at(SystemClock().now_ns() // NS_PER_S + 30)

    def raw(self, method: str, path: str, body: Any = None) -> tuple[int, str]:
        """Return the status and the body of an answer."""
        with contextlib.closing(http.client.HTTPConnection(*self.run.address, timeout=90)) as peer:
            said = None if body is None else json.dumps(body)
            peer.request(method, path, said, {**HERE, "Cookie": self.cookie})
            answer = peer.getresponse()
            for name, value in answer.getheaders():
                if name.lower() == "set-cookie" and value.startswith("__Host-interlock="):
                    self.cookie = value.partition(";")[0]
            return answer.status, answer.read().decode()

    def ask(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        """Return the status and what an answer says."""
        status, text = self.raw(method, path, body)
        return status, json.loads(text)

    def get(self, path: str) -> Any:
        """Return what there is."""
        status, said = self.ask("GET", path)
        assert status == 200, said
        return said

    @contextlib.contextmanager
    def following(self) -> Iterator[Iterator[str]]:
        """Yield the names of the events of a stream."""
        with contextlib.closing(http.client.HTTPConnection(*self.run.address, timeout=60)) as peer:
            peer.request("GET", "/api/events", headers={"Cookie": self.cookie})
            answer = peer.getresponse()
            assert answer.status == 200
            lines = (line.decode() for line in iter(answer.readline, b""))
            yield (
                line.removeprefix("event: ").strip() for line in lines if line.startswith("event: ")
            )


@pytest.fixture
def run() -> Iterator[WebhookRun]:
    """Return a run that takes alerts."""
    folder = Path(tempfile.mkdtemp(prefix="interlock-"))  # short: sockets are in it
    found = WebhookRun(folder)
    try:
        soon(found.is_ready)
        yield found
    finally:
        found.end()
        shutil.rmtree(folder, ignore_errors=True)


def shell(run: WebhookRun, *arguments: str) -> tuple[int, str]:
    """Run the command line; return its exit code and what it said."""
    done = subprocess.run(
        [sys.executable, "-m", "interlock", *arguments],
        env=os.environ | {"INTERLOCK_HOME": str(run.home.root), "NUMBA_DISABLE_JIT": "1"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


def is_killed(run: WebhookRun) -> bool:
    """Return whether the latch of a run is set."""
    clock = SystemClock()
    with contextlib.closing(LatchFile(path=run.home.latch, stopwatch_ns=clock.elapsed_ns)) as file:
        return file.read().state is LatchState.KILLED


def test_a_person_looks_follows_kills_and_the_audit_proves_it(run: WebhookRun) -> None:
    person = Person(run)
    run.post({"symbol": SYMBOL, "action": "buy", "price": "100"})
    soon(lambda: person.get("/api/positions")["items"])

    assert person.get("/api/overview")["positions"][0]["symbol"] == SYMBOL
    soon(lambda: person.get("/api/signals")["items"])
    (order,) = [one for one in person.get("/api/orders")["items"] if one["role"] == "ENTRY"]
    assert person.get(f"/api/orders/{order['id']}")["fills"]
    explained = person.get(f"/api/explain/{order['id']}")
    assert len(explained["rules"]) > 20
    assert person.raw("GET", "/api/explain/o-9-9")[0] == 404
    with person.following() as events:
        found = [next(events) for _ in range(7)]
    assert {"overview", "positions", "orders", "signals", "latches", "approvals"} <= set(found)
    for path in whole_app().openapi()["paths"]:
        if "{" not in path and path not in NOT_LOOKED_AT:
            status, text = person.raw("GET", path)
            assert status in {200, 405}, f"{path}: {status} {text[:300]}"
    assert person.raw("GET", "/api/fills/export.csv")[1].count("\r\n") >= 2

    kill = {"mode": "immediate", "reason": "a drill"}
    assert person.ask("POST", "/api/kill", kill)[1]["error"]["code"] == "STEP_UP_NEEDED"
    assert person.ask("POST", "/api/step-up", {"code": person.fresh_code()})[0] == 200
    status, killed = person.ask("POST", "/api/kill", kill)
    assert (status, killed["latch"]["result"], killed["engine"]["result"]) == (
        200,
        "CONFIRMED",
        "CONFIRMED",
    )
    soon(lambda: person.get("/api/kill")["result"] == "KILLED")
    assert person.get("/api/positions")["items"] == []

    soon(lambda: "kill" in [row["event_type"] for row in person.get("/api/audit")["items"]])
    status, cleared = person.ask("POST", "/api/kill/clear", {"reason": "looked at"})
    assert (status, cleared["changed"]) == (200, True), cleared
    with person.following() as events:
        pings = 0
        while pings < 4:  # longer than any request may take to come in
            pings += next(events) == "ping"
        run.process.send_signal(signal.SIGINT)
        assert "end" in events
    assert run.process.wait(90) == 0

    code, said = shell(run, "audit", "verify", "--json")
    assert code == 0, said
    found = json.loads(said)
    assert found["noted"] >= 1
    assert found["behind"] == 0
    assert found["compared"] == found["facts"] > 5
    tail = shell(run, "audit", "tail", "--last", "1000")[1]
    for word in ("user:ada", "kill immediate: a drill", "fill", "kill_clear", "access_denied"):
        assert word in tail, word
    out = run.home.root / "audit.csv"
    assert shell(run, "audit", "export", str(out))[0] == 0
    assert out.stat().st_mode & 0o777 == 0o600
    assert shell(run, "audit", "export", str(out))[0] == 2

    _tamper(run)


def _tamper(run: WebhookRun) -> None:
    """Change what people and what the engine did: each is found out."""
    text = run.home.audit_log.read_text()
    for before, after in (("a drill", "a spill"), ('"event_type":"fill"', '"event_type":"fall"')):
        run.home.audit_log.write_text(text.replace(before, after, 1))
        assert shell(run, "audit", "verify")[0] == 1, before
    run.home.audit_log.write_text(text)
    assert shell(run, "audit", "verify")[0] == 0
    with contextlib.closing(sqlite3.connect(run.home.gateway_db)) as database, database:
        last = database.execute("SELECT max(seq) FROM audit").fetchone()[0]
        database.execute("DELETE FROM audit WHERE seq > ?", (last - 3,))
    code, said = shell(run, "audit", "verify")
    assert code == 1
    assert "the file has row" in said


def test_a_kill_reaches_the_latch_while_the_engine_hangs(run: WebhookRun) -> None:
    person = Person(run)
    run.post({"symbol": SYMBOL, "action": "buy", "price": "100"})
    soon(lambda: person.get("/api/positions")["items"])
    progress = read_progress(run.home.progress)
    assert progress is not None
    os.kill(progress.pid, signal.SIGSTOP)
    try:
        kill = {"mode": "immediate", "reason": "it hangs", "code": person.fresh_code()}
        status, killed = person.ask("POST", "/api/kill", kill)

        assert status == 200, killed
        assert killed["result"] == "KILL_UNCONFIRMED"
        assert killed["engine"]["result"] == "UNCONFIRMED"
        assert is_killed(run)
    finally:
        os.kill(progress.pid, signal.SIGKILL)  # it would not notice the end of everybody else
