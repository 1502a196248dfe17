"""A person and their telephone against a whole running system: told, asked, heard."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import pyotp
from sqlalchemy import insert

from interlock.config.home import home_of
from interlock.config.settings import Settings
from interlock.runtime.asking import ask
from interlock.runtime.clock import NS_PER_S, SystemClock
from interlock.service.database import open_database
from interlock.service.permissions import Role
from interlock.service.tables_people import users
from tests.emulators.telegram import TOKEN, FakeTelegram, fake_telegram
from tests.proof.webhook_run import SYMBOL, WebhookRun, soon

ALICE: Final = 4_001
STRANGER: Final = 666
SECRET: Final = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"  # noqa: S105 - of nobody
DELIVERED_S: Final = 5.0  # from the journal to the telephone


def more(url: str) -> str:
    """Return the settings of a bot whose person approves what webhooks want."""
    return f"""
[approvals]
strategies = ["webhook"]
[telegram]
enabled = true
chats = ["{ALICE}"]
people = ["{ALICE}:alice"]
api_url = "{url}"
"""


def prepare(folder: Path) -> None:
    """Make a home in which alice is an administrator and the bot has its token."""
    home = home_of(Settings(home=folder / "home"))
    home.make()
    token = home.secrets / "telegram-token"
    token.write_text(TOKEN)
    token.chmod(0o600)
    database = open_database(home.gateway_db)
    with database.begin() as connection:
        connection.execute(
            insert(users).values(
                name="alice",
                role=Role.ADMIN,
                password_hash="x",  # noqa: S106 - of nobody
                totp_secret=SECRET,
                totp_step=-1,
                disabled=0,
                made_ns=1,
            )
        )
    database.close()


@contextmanager
def running() -> Iterator[tuple[WebhookRun, FakeTelegram]]:
    """Yield a whole run, and the telephone."""
    with tempfile.TemporaryDirectory(prefix="interlock-") as name, fake_telegram() as fake:
        folder = Path(name)
        prepare(folder)
        run = WebhookRun(folder, more=more(fake.url))
        try:
            soon(run.is_ready)
            yield run, fake
        finally:
            run.end()


def log_of(run: WebhookRun) -> str:
    """Return everything that was written outside of databases and secrets."""
    files = [run.said, *run.home.logs.rglob("*")]
    return "".join(one.read_text(errors="replace") for one in files if one.is_file())


def test_a_person_approves_and_kills_by_telephone() -> None:
    """Approve an entry with a tap, and kill what came of it with a code; others are not heard."""
    with running() as (run, telegram):
        telegram.having("the engine has started")

        # An alert from outside waits for a person, who is asked at once.
        answer = run.post_until_taken({"symbol": SYMBOL, "action": "buy", "id": "first"})
        assert answer["accepted"]
        soon(lambda: run.status().get("approvals"))
        asked_s = run.status()["approvals"][0]["asked_ns"] / 1e9
        question = telegram.having("approve? BUY")
        assert question.at_s - asked_s <= DELIVERED_S
        assert not run.status()["positions"]

        # Nobody else's tap is heard, and two of the right person's are one.
        data = question.buttons["Approve"]
        telegram.tap(data, user=STRANGER, chat=ALICE, message=question.message)
        for _ in range(2):
            telegram.tap(data, user=ALICE, message=question.message)
        done = telegram.having("approved by telegram:alice")
        assert done.is_edit
        assert "SUBMITTED" in done.text
        soon(lambda: run.status().get("positions"))
        telegram.having(f"BUY {run.status()['positions'][0]['quantity']} {SYMBOL}")
        assert len(run.status()["positions"]) == 1

        # A kill takes a code; without a good one nothing happens.
        telegram.write("/kill immediate 000000 enough", user=ALICE)
        telegram.having("this code is not right")
        assert not run.status()["killed"]["set"]
        code = pyotp.TOTP(SECRET).at(SystemClock().now_ns() // NS_PER_S)
        telegram.write(f"/kill immediate {code} enough", user=ALICE)
        said = telegram.having("(immediate)")
        assert "latch: CONFIRMED" in said.text
        soon(lambda: run.status()["killed"]["set"] and not run.status()["positions"])
        telegram.having("KILLED: KILL_IMMEDIATE of account")
        telegram.write("/status", user=ALICE)
        assert "enough" in telegram.having("KILLED (immediate): enough").text

        assert TOKEN.partition(":")[2] not in log_of(run)
        assert telegram.paths[0].startswith(f"/bot{TOKEN}/")


def test_what_happens_while_nobody_can_be_reached_is_told_later() -> None:
    """A gateway that is killed loses nothing; what may have been told twice has the same id."""
    with running() as (run, telegram):
        telegram.having("the engine has started")
        run.kill_gateway()
        ask(run.home.engine_socket, {"ask": "kill", "mode": "pause", "reason": "late", "who": "me"})
        soon(lambda: len(run.events("gateway_ready")) == 2)
        telegram.having("KILL_PAUSE of account")
        telegram.write("/status", user=ALICE)
        telegram.having("KILLED (pause): late")
        assert len({text for text in telegram.texts() if "has started" in text}) == 1
