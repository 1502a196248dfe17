"""Notifications on a real database, with a real thread, emulators, and an engine that is none."""

import asyncio
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Condition
from typing import TYPE_CHECKING, Any

import pyotp
from pydantic import SecretStr
from sqlalchemy import insert, select

from interlock.config.notifications import MailSettings, NotifySettings, TelegramSettings
from interlock.runtime.asking import AskError
from interlock.runtime.clock import NS_PER_S, SystemClock
from interlock.service.audit import Audit
from interlock.service.database import Database, open_database
from interlock.service.notify.alert import Alert, Message
from interlock.service.notify.channel import ChannelError, Way
from interlock.service.notify.joined import Engine, Notifications, NotifyParts
from interlock.service.notify.outfit import NotifyRules, Outfit
from interlock.service.permissions import Role
from interlock.service.tables_notifications import deliveries
from interlock.service.tables_people import users
from tests.emulators.telegram import TOKEN, WAIT_S, FakeTelegram

if TYPE_CHECKING:
    from interlock.service.engine_client import EngineDown

ALICE = 4_001  # at Telegram; an admin here
BOB = 4_002  # an auditor here
STRANGER = 666
SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"  # noqa: S105 - of nobody


def notify_settings(**changes: Any) -> NotifySettings:
    """Return the shipped settings, with some changed."""
    shipped = {
        "telegram_from": "info",
        "mail_from": "critical",
        "others_from": "critical",
        "repeat_minutes": 10,
        "escalate_minutes": 10,
        "spool_max": 2_000,
    }
    return NotifySettings(**{**shipped, **changes})


def telegram_settings(url: str = "", **changes: Any) -> TelegramSettings:
    """Return a bot for alice and bob."""
    found = {
        "enabled": bool(url),
        "chats": (str(ALICE), str(BOB)) if url else (),
        "people": (f"{ALICE}:alice", f"{BOB}:bob") if url else (),
        "commands": True,
        "api_url": url,
    }
    return TelegramSettings(**{**found, **changes})


def mail_settings(**changes: Any) -> MailSettings:
    """Return no mail, unless it is changed."""
    off = {
        "enabled": False,
        "host": "",
        "port": 587,
        "security": "starttls",
        "user": "",
        "sender": "",
        "to": (),
    }
    return MailSettings(**{**off, **changes})


class EngineForTests:
    """Answers what a test wants, and remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[dict[str, Any]] = []
        self.kills: list[dict[str, Any]] = []
        self.down: EngineDown | None = None
        self.refuses = ""
        self.answers: dict[str, dict[str, Any]] = {"status": STATUS}
        self.holds: asyncio.Event | None = None

    async def ask(self, name: str, timeout_s: float = 5.0, **fields: Any) -> dict[str, Any]:
        assert timeout_s > 0
        if name != "status":
            self.asked.append({"ask": name, **fields})
        if self.holds is not None and name != "status":
            await self.holds.wait()
        if self.down is not None:
            raise self.down
        if self.refuses and name != "status":
            raise AskError(self.refuses)
        return self.answers.get(name, {})

    async def kill(self, timeout_s: float = 10.0, **fields: Any) -> dict[str, Any]:
        assert timeout_s > 0
        self.kills.append(fields)
        return {}

    async def close(self) -> None:
        """Nothing is open."""


STATUS: dict[str, Any] = {
    "account": "paper",
    "mode": "paper",
    "currency": "USD",
    "level": "NONE",
    "phase": "ready",
    "replay": False,
    "money": {
        "equity": "100,000.00",
        "day": "12.00",
        "realised": "10.00",
        "unrealised": "2.00",
        "fees": "1.00",
        "funding": "0.00",
        "peak": "100,100.00",
    },
    "positions": [
        {
            "symbol": "BTC_USDT",
            "quantity": "0.5",
            "entry": "100.00",
            "mark": "104.00",
            "unrealised": "2.00",
            "stop": None,
            "protected": False,
        }
    ],
    "orders": [],
    "latches": [],
    "killed": {"set": False},
}


class KillForTests:
    """Says that everything is done."""

    def __init__(self) -> None:
        self.kills: list[dict[str, str]] = []
        self.result = "KILLED"

    async def kill(self, *, mode: str, reason: str, who: str) -> dict[str, Any]:
        self.kills.append({"mode": mode, "reason": reason, "who": who})
        road = {"result": "CONFIRMED", "why": ""}
        return {"result": self.result, "mode": mode, "latch": road, "engine": road, "venue": road}


class ChannelForTests:
    """Takes messages, or does not."""

    def __init__(self, name: str = "test") -> None:
        self.name = name
        self.messages: list[Message] = []
        self.problem: ChannelError | None = None
        self.hangs = False
        self.tries = 0
        self.changed = Condition()

    async def send(self, message: Message) -> str:
        with self.changed:
            self.tries += 1
            self.changed.notify_all()
        if self.hangs:
            await asyncio.Event().wait()
        if self.problem is not None:
            raise self.problem
        with self.changed:
            self.messages.append(message)
            self.changed.notify_all()
        return str(len(self.messages))

    async def close(self) -> None:
        """Nothing is open."""

    def wait(self, what: Callable[["ChannelForTests"], bool]) -> None:
        """Wait until something is so."""
        with self.changed:
            assert self.changed.wait_for(lambda: what(self), WAIT_S), self.subjects()

    def subjects(self) -> list[str]:
        """Return what came."""
        return [one.subject for one in self.messages]


class Rig:
    """Everything that a test of notifications looks at."""

    def __init__(self, folder: Path, database: Database) -> None:
        self.folder = folder
        self.database = database
        self.clock: Any = SystemClock()
        self.audit = Audit(database, folder / "audit.log", SystemClock())
        self.engine = EngineForTests()
        self.kill = KillForTests()
        self.latch: dict[str, Any] = {"set": False, "mode": "", "ts_ns": 0}
        self.ends = (0, 0)
        self.troubles: list[str] = []

    def make(
        self,
        *ways: Way,
        fake: FakeTelegram | None = None,
        notify: NotifySettings | None = None,
        **telegram: Any,
    ) -> Notifications:
        """Return notifications that were not started."""
        url = fake.url if fake is not None else ""
        rules = NotifyRules(
            notify=notify or notify_settings(),
            telegram=telegram_settings(url, **telegram),
            mail=mail_settings(),
        )
        outfit = Outfit(rules=rules, token=SecretStr(TOKEN) if url else None, ways=ways)

        def kill(engine: Engine) -> KillForTests:
            assert engine is not None
            return self.kill

        return Notifications(
            NotifyParts(
                outfit=outfit,
                database=self.database,
                audit=self.audit,
                clock=self.clock,
                engine=lambda: self.engine,
                kill=kill,
                latch=lambda: self.latch,
                incidents=self.folder / "incidents",
                ends=lambda: self.ends,
                on_trouble=self.troubles.append,
            )
        )

    @contextmanager
    def running(self, *ways: Way, **more: Any) -> Iterator[Notifications]:
        """Yield notifications that run."""
        made = self.make(*ways, **more)
        made.start()
        try:
            yield made
        finally:
            made.stop()

    def denied(self) -> list[str]:
        """Return why whom was refused, as the audit has it."""
        self.audit.write_denials(all_of_them=True)
        rows = self.audit.rows(event_type="telegram", limit=500)
        return [row.reason for row in reversed(rows)]

    def done(self, event_type: str) -> list[tuple[str, str, bool]]:
        """Return who did what of a kind, as the audit has it."""
        rows = reversed(self.audit.rows(event_type=event_type, limit=500))
        return [(row.actor, row.action, row.success) for row in rows]

    def person(self, name: str, role: Role, *, disabled: bool = False) -> None:
        """Make somebody who has enrolled."""
        values = {
            "name": name,
            "role": role,
            "password_hash": "x",
            "totp_secret": SECRET,
            "totp_step": -1,
            "disabled": int(disabled),
            "made_ns": 1,
        }
        with self.database.begin() as connection:
            connection.execute(insert(users).values(**values))

    def change(self, name: str, values: dict[str, Any]) -> None:
        """Change somebody behind everybody's back."""
        with self.database.begin() as connection:
            connection.execute(users.update().where(users.c.name == name).values(**values))

    def until(self, what: Callable[[], bool]) -> None:
        """Wait until something is so in the database, which tells nobody."""
        began_s = time.monotonic()
        while not what():
            assert time.monotonic() - began_s < WAIT_S
            time.sleep(0.005)

    def waits(self) -> int:
        """Return how many messages wait."""
        return sum(row.state == "WAITS" for row in self.table(deliveries))

    def table(self, table: Any) -> list[Any]:
        """Return every row of a table."""
        with self.database.read() as connection:
            return list(connection.execute(select(table)).all())


def code() -> str:
    """Return the code that an authenticator shows now."""
    return pyotp.TOTP(SECRET).at(SystemClock().now_ns() // NS_PER_S)


def alert(number: int = 1, severity: Any = "critical", **more: Any) -> Alert:
    """Return some alert."""
    return Alert(**{"key": f"k{number}", "severity": severity, "title": f"title {number}", **more})


@contextmanager
def rig() -> Iterator[Rig]:
    """Yield a rig with alice, who is an administrator, and bob, who is an auditor."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        database = open_database(folder / "gateway.db")
        made = Rig(folder, database)
        made.person("alice", Role.ADMIN)
        made.person("bob", Role.AUDITOR)
        try:
            yield made
        finally:
            database.close()
