"""Secrets stay where they belong: a whole run uses all of them, and nothing else has any of them.

Each secret is one of a kind, so that finding it anywhere is finding it out.
"""

import http.client
import json
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import pyotp
import pytest

from interlock.config.home import home_of
from interlock.config.secret_files import write_secret
from interlock.config.settings import Settings
from interlock.runtime.asking import ask
from interlock.runtime.clock import NS_PER_S, SystemClock
from tests.emulators.telegram import TOKEN, FakeTelegram, Fault, fake_telegram
from tests.proof.webhook_run import SYMBOL, WebhookRun, soon

PASSWORD: Final = "canary of a password in the rain"  # noqa: S105
WRONG_PASSWORD: Final = "canary of a wrong password"  # noqa: S105
TYPED_AS_NAME: Final = "canary-typed-where-a-name-belongs"
WEBHOOK: Final = "canary-of-the-webhook-0123456789abcdefghijk"
WRONG_WEBHOOK: Final = "canary-of-a-wrong-webhook-secret-0123456789"
WRONG_TOKEN: Final = "ilk_canary-of-a-wrong-token"  # noqa: S105
HERE: Final = {
    "X-Interlock": "1",
    "Content-Type": "application/json",
    "Sec-Fetch-Site": "same-origin",
}
FAR: Final = {"Content-Type": "application/json", "X-Forwarded-For": "198.51.100.7"}
IN_GATEWAY_DB: Final = {"an authenticator's secret"}  # codes are computed from it


@dataclass
class Told:
    """Everything that may be known outside, and what may not.

    Attributes:
        secrets: By what they are.
        answers: Bodies and headers of every answer that is not the one that gives a secret away.
    """

    secrets: dict[str, str] = field(default_factory=dict)
    answers: list[str] = field(default_factory=list)

    def found_in(self, where: str, content: bytes, besides: set[str] | None = None) -> list[str]:
        """Return the secrets that stand somewhere, as they are or as an address has them."""
        return [
            f"{what} is in {where}"
            for what, secret in self.secrets.items()
            if what not in (besides or set())
            for form in {secret, quote(secret, safe=""), secret.replace("-", "")}
            if form.encode() in content
        ]


class Visitor:
    """Somebody with cookies who remembers every answer.

    Args:
        run: Whose gateway.
        told: Remembers.
    """

    def __init__(self, run: WebhookRun, told: Told) -> None:
        self._run = run
        self._told = told
        self.cookies: dict[str, str] = {}

    def send(
        self,
        method: str,
        path: str,
        body: Any = None,
        headers: dict[str, str] | None = None,
        *,
        gives: bool = False,
    ) -> tuple[int, str]:
        """Send a request; return status and body.

        Args:
            method: Of HTTP.
            path: Of HTTP.
            body: As JSON, or bytes.
            headers: Instead of those of our pages.
            gives: Whether its answer is there to give a secret to whoever may have it.
        """
        said = {**(HERE if headers is None else headers)}
        if self.cookies and headers is None:
            said["Cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        with closing(http.client.HTTPConnection(*self._run.address, timeout=60)) as peer:
            peer.request(method, path, raw if body is not None else None, said)
            answer = peer.getresponse()
            text = answer.read().decode()
            others = []
            for name, value in answer.getheaders():
                if name.lower() == "set-cookie":
                    key, _, secret = value.partition(";")[0].partition("=")
                    self.cookies[key] = secret
                    self._told.secrets[f"cookie {len(self._told.secrets)}"] = secret
                else:
                    others.append(f"{name}: {value}")
        self._told.answers.append("\n".join(others))
        if not gives:
            self._told.answers.append(text)
        return answer.status, text


def fresh_code(secret: str) -> str:
    """Return a code that was not used yet."""
    return pyotp.TOTP(secret).at(SystemClock().now_ns() // NS_PER_S + 30)


@pytest.fixture
def bot() -> Iterator[FakeTelegram]:
    """Return what the bot talks to."""
    with fake_telegram() as found:
        yield found


@pytest.fixture
def run(bot: FakeTelegram) -> Iterator[WebhookRun]:
    """Return a run whose secrets were there before it."""
    folder = Path(tempfile.mkdtemp(prefix="interlock-"))  # short: sockets are in it
    home = home_of(Settings(home=folder / "home"))
    home.make()
    write_secret(home.webhook_secret, WEBHOOK)
    write_secret(home.secrets / "telegram-token", TOKEN)
    more = (
        f'[telegram]\nenabled = true\nchats = ["4001"]\npeople = ["4001:ada"]\n'
        f'api_url = "{bot.url}"\n[gateway]\ndocs = true\n'
    )
    found = WebhookRun(folder, more=more)
    try:
        soon(found.is_ready)
        yield found
    finally:
        found.end()
        shutil.rmtree(folder, ignore_errors=True)


def _comes_in(run: WebhookRun, told: Told, visitor: Visitor) -> str:
    """Make the first administrator; return their authenticator's secret."""
    code = run.home.admin_code.read_text().strip()
    told.secrets["the first code"] = code
    body = {"code": code, "name": "ada", "password": PASSWORD}
    begun = json.loads(visitor.send("POST", "/api/setup", body, gives=True)[1])
    told.secrets["an authenticator's secret"] = begun["secret"]
    told.secrets["an enrolment"] = begun["enrolment"]
    shown = pyotp.TOTP(begun["secret"]).now()
    body = {"enrolment": begun["enrolment"], "code": shown}
    status, text = visitor.send("POST", "/api/setup/confirm", body, gives=True)
    assert status == 200, text
    for number, one in enumerate(json.loads(text)["recovery_codes"]):
        told.secrets[f"recovery code {number}"] = one
    return str(begun["secret"])


def _guesses(visitor: Visitor) -> None:
    """Type secrets, right ones and wrong ones, wherever they do not belong."""
    login = {"name": "ada", "password": WRONG_PASSWORD, "code": "000000"}
    for body in (login, {**login, "name": TYPED_AS_NAME}, {**login, "password": PASSWORD}):
        assert visitor.send("POST", "/api/session", body)[0] in {401, 429}
    broken = json.dumps({"name": "ada", "password": PASSWORD}).encode()[:-1] + b",,}"
    visitor.send("POST", "/api/session", broken)
    visitor.send("POST", "/api/session", {"name": "ada", "password": [PASSWORD], "code": 1})
    visitor.send("POST", f"/api/session?password={quote(PASSWORD)}", login)
    bearer = {"Authorization": f"Bearer {WRONG_TOKEN}"}
    visitor.send("GET", "/api/overview", headers=bearer)
    visitor.send("GET", f"/api/overview?token={WRONG_TOKEN}", headers={})
    alert = {"symbol": SYMBOL, "action": "close"}
    for secret in (WEBHOOK, WRONG_WEBHOOK):
        visitor.send("POST", "/webhook", {**alert, "secret": secret, "x": secret}, FAR)
        visitor.send("POST", "/webhook", {**alert, "secret": secret, "id": f"x {secret}"}, FAR)
        visitor.send("POST", f"/webhook/{secret}", {**alert, "price": "x"}, FAR)
        visitor.send("POST", f"/webhook/{secret}", alert, FAR)
        visitor.send("POST", f"/webhook/{secret}/x", alert, FAR)
        visitor.send("GET", f"/webhook/{secret}", headers=FAR)
        visitor.send("POST", f"/webhook?secret={secret}", alert, FAR)
        text = f'{{"symbol":"{SYMBOL}","secret":"{secret}",'.encode()
        visitor.send("POST", "/webhook", text, FAR)
        visitor.send("POST", "/webhook", text, {**FAR, "Content-Type": "text/html"})
        visitor.send("GET", f"/nothing/{secret}", headers={"Referer": f"http://x/?{secret}"})


def _works(run: WebhookRun, told: Told, visitor: Visitor, secret: str) -> None:
    """Do what people do: all of it is audited."""
    run.post({"symbol": SYMBOL, "action": "buy", "price": "100"})
    code = fresh_code(secret)
    assert visitor.send("POST", "/api/step-up", {"code": code})[0] == 200
    body = {"name": "canary", "permissions": ["see_health", "see_metrics"], "days": 1}
    status, text = visitor.send("POST", "/api/tokens", body, gives=True)
    assert status == 200, text
    token = json.loads(text)["token"]
    told.secrets["a token"] = token
    visitor.send("GET", "/metrics", headers={"Authorization": f"Bearer {token}"})
    body = {"name": "bob", "role": "quant"}
    invited = json.loads(visitor.send("POST", "/api/people", body, gives=True)[1])
    told.secrets["an invitation"] = invited["code"]
    body = {"old": PASSWORD, "new": f"{PASSWORD} again"}
    assert visitor.send("POST", "/api/session/password", body)[0] == 200
    kill = {"mode": "graceful", "reason": "a drill"}
    assert visitor.send("POST", "/api/kill", kill)[0] == 200


def _looks(visitor: Visitor) -> None:
    """Read everything that can be read."""
    paths = json.loads(visitor.send("GET", "/openapi.json")[1])["paths"]
    for path, operations in paths.items():
        if "get" in operations and "{" not in path and path != "/api/events":
            visitor.send("GET", path)
    for path in ("/", "/account", "/people", "/audit", "/system", "/api/audit/export?format=csv"):
        visitor.send("GET", path)


def _processes(pid: int) -> Iterator[int]:
    """Yield the ids of a process and of all under it."""
    yield pid
    for task in Path(f"/proc/{pid}/task").iterdir():
        for child in (task / "children").read_text().split():
            yield from _processes(int(child))


def _in_processes(run: WebhookRun, told: Told) -> list[str]:
    """Return what can be seen of secrets from beside the processes."""
    wrong: list[str] = []
    pids = list(_processes(run.process.pid))
    assert len(pids) >= 5, pids
    for pid in pids:
        for name in ("cmdline", "environ"):
            content = Path(f"/proc/{pid}/{name}").read_bytes()
            wrong += told.found_in(f"/proc/{pid}/{name}", content)
        if pid != run.process.pid:
            limits = Path(f"/proc/{pid}/limits").read_text().splitlines()
            (cores,) = (line.split()[4:6] for line in limits if line.startswith("Max core"))
            if cores != ["0", "0"]:
                wrong.append(f"process {pid} may write a core")
    return wrong


def _in_files(run: WebhookRun, told: Told) -> list[str]:
    """Return what stands of secrets in the home, besides the files of secrets."""
    wrong: list[str] = []
    seen = 0
    for path in sorted(run.home.root.parent.rglob("*")):
        if path.is_file() and run.home.secrets not in path.parents:
            is_database = path.name.startswith(run.home.gateway_db.name)
            besides = IN_GATEWAY_DB if is_database else set()
            wrong += told.found_in(str(path), path.read_bytes(), besides)
            seen += 1
            if run.home.root in path.parents and path.stat().st_mode & 0o077:
                wrong.append(f"{path} can be read by others")
    assert seen > 10
    with closing(sqlite3.connect(run.home.gateway_db)) as database:
        tables = database.execute("SELECT name FROM sqlite_schema WHERE type = 'table'").fetchall()
        for (table,) in tables:
            for row in database.execute(f"SELECT * FROM {table}"):  # noqa: S608 - our own names
                if table != "users":
                    wrong += told.found_in(f"a row of {table}", repr(row).encode())
    return wrong


def test_no_secret_is_anywhere_but_where_it_belongs(run: WebhookRun, bot: FakeTelegram) -> None:
    named = {
        "a password": PASSWORD,
        "a wrong password": WRONG_PASSWORD,
        "what was typed as a name": TYPED_AS_NAME,
        "the webhook's secret": WEBHOOK,
        "a wrong secret of a webhook": WRONG_WEBHOOK,
        "a wrong token": WRONG_TOKEN,
        "the bot's token": TOKEN,
        "the bot's token's secret half": TOKEN.partition(":")[2],
    }
    told = Told(secrets=named)
    visitor = Visitor(run, told)
    bot.faults.extend(Fault(status=status, body={"ok": False}) for status in (500, 401, 404))
    secret = _comes_in(run, told, visitor)
    _guesses(Visitor(run, told))
    _works(run, told, visitor, secret)
    soon(lambda: bot.sent)
    _looks(visitor)
    said = json.dumps(ask(run.home.engine_socket, {"ask": "status"}, 10.0))
    wrong = _in_processes(run, told)
    assert run.stop() == 0

    wrong += told.found_in("what the engine says", said.encode())
    wrong += told.found_in("an answer", "\n".join(told.answers).encode())
    wrong += _in_files(run, told)
    assert len(told.secrets) > 20
    assert not wrong, "\n".join(dict.fromkeys(wrong))
