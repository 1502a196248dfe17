"""The API joined with things that are not there: an engine, a journal, people."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import httpx

from interlock.app.kill_roads import LatchRoad
from interlock.config.home import Home, home_of
from interlock.config.latch_file import LatchFile
from interlock.config.settings import Settings
from interlock.runtime.clock import NS_PER_S, ManualClock
from interlock.service.api import Hub, Parts, add_api
from interlock.service.audit_rows import Row
from interlock.service.openapi import describe
from interlock.service.permissions import Actor
from tests.service.apps import ANYBODY, CHANGES, OpenGuard, app_for_tests, client_of
from tests.service.audits import AuditForTests

Said = dict[str, Any]
NOW_NS = 1_800_000_000 * NS_PER_S
HASH = "ab" * 32
LATCH: Said = {
    "cause": "DAILY_LOSS",
    "scope": "ACCOUNT",
    "of": "account",
    "level": "HALTED",
    "since_ns": 1,
    "value": 5,
    "limit": 4,
    "waits_for": ["PERSON"],
}
APPROVAL: Said = {
    "id": "a-1",
    "hash": HASH,
    "symbol": "SPY",
    "side": "BUY",
    "quantity": "10",
    "price_low": "449",
    "price_high": "451",
    "stop": "440",
    "worst_loss": "100.00",
    "why": "it is asked for",
    "strategy": "webhook",
    "asked_ns": NOW_NS,
    "expires_ns": NOW_NS + 120 * NS_PER_S,
    "signal": "s-1",
}
ORDER: Said = {
    "id": "o-1C7-2",
    "client_id": "i-1-1C7-2",
    "seq": 7,
    "ts": "2027-01-15T08:00:00Z",
    "ts_ns": NOW_NS,
    "symbol": "SPY",
    "strategy": '=HYPERLINK("http://x")',
    "role": "ENTRY",
    "kind": "LIMIT",
    "side": "BUY",
    "quantity": "10",
    "filled": "0",
    "price": "-5.25",
    "trigger": None,
    "state": "WORKING",
    "signal": "s-1C7",
}


def status_said(**changes: Any) -> Said:
    """Return what an engine says."""
    zero = dict.fromkeys(
        (
            *("equity", "cash", "capital", "realised", "unrealised", "fees", "funding"),
            *("exposure", "peak", "day_start", "day"),
        ),
        "0.00000000",
    )
    said: Said = {
        "account": "paper",
        "mode": "paper",
        "currency": "USD",
        "phase": "ready",
        "level": "RUNNING",
        "epoch": 1,
        "now_ns": NOW_NS,
        "seq": 9,
        "durable_seq": 9,
        "version": "0.1.0",
        "strategy": "ema",
        "money": zero,
        "positions": [],
        "orders": [],
        "latches": [LATCH],
        "limits": [{"limit": "daily_loss", "trips_at": "9.0", "used": 0.25}],
        "limits_all": [
            {
                "level": "account",
                "of": "account",
                "limit": "ACCOUNT_OPEN_ORDERS",
                "value": "1",
                "max": "10",
                "used": 0.1,
            }
        ],
        "approvals": [APPROVAL],
        "killed": {
            "set": False,
            "state": "clear",
            "mode": "",
            "reason": "",
            "who": "",
            "ts_ns": 5,
        },
        "health": {"status": "PASS", "reasons": []},
        "proofs": {
            "running": False,
            "overdue": False,
            "never": False,
            "breakers": [{"breaker": "spread", "proved": True, "at_ns": 1, "level": 2, "why": ""}],
        },
        "counts": {"events": 3},
    }
    return {**said, **changes}


class FakeEngine:
    """Answers what it was told to, and remembers what it was asked."""

    def __init__(self) -> None:
        self.status = status_said()
        self.asked: list[tuple[str, Said]] = []
        self.fails: Exception | None = None
        self.answers: dict[str, Said] = {}
        self.gate: Callable[[], Awaitable[None]] | None = None

    async def ask(self, name: str, timeout_s: float = 5.0, **fields: Any) -> Said:
        assert timeout_s > 0
        self.asked.append((name, fields))
        if self.gate is not None:
            await self.gate()
        if self.fails is not None:
            raise self.fails
        return self.status if name == "status" else self.answers.get(name, {"seq": 10})

    async def kill(self, timeout_s: float = 10.0, **fields: Any) -> Said:
        if self.fails is None:
            self.status["killed"] = {**self.status["killed"], "set": True, **fields}
        return await self.ask("kill", timeout_s, **fields)

    def names(self) -> list[str]:
        """Return what it was asked beside how it is."""
        return [name for name, _ in self.asked if name != "status"]


class FakeProjection:
    """Knows one order."""

    def orders(
        self,
        limit: int,
        before: int | None = None,
        symbol: str | None = None,
        state: str | None = None,
    ) -> Said:
        assert limit > 0
        found = [] if before or symbol not in {None, "SPY"} or state == "CLOSED" else [ORDER]
        return {"items": found, "next": None}

    def order(self, order_id: str) -> Said | None:
        return {**ORDER, "events": [], "fills": []} if order_id == ORDER["id"] else None

    def signal(self, signal_id: str) -> Said | None:
        assert signal_id
        return None

    def fills(self, limit: int, before: int | None = None, symbol: str | None = None) -> Said:
        del limit, before, symbol
        return {"items": [], "next": None}

    signals = trades = fills

    def latches(self, limit: int, before: int | None = None) -> Said:
        del limit, before
        return {"items": [], "next": None}

    def equity(self, points: int = 500) -> list[Said]:
        return [{"ts": "2027-01-15T08:00:00Z", "ts_ns": NOW_NS, "equity": str(points)}]

    def stops(self, symbol: str, since_ns: int) -> list[Said]:
        del symbol, since_ns
        return []

    def bars(self, symbol: str, count: int) -> list[Said]:
        del count
        prices = dict.fromkeys(("open", "high", "low", "close", "volume"), "1")
        bar = {"ts": "2027-01-15T08:00:00Z", "ts_ns": NOW_NS, **prices}
        return [bar] if symbol == "SPY" else []

    def seq(self) -> int:
        return 9


class FakePeople:
    """Knows whether a second person is wanted, and one code."""

    def __init__(self) -> None:
        self.four_eyes = self
        self.kinds: dict[str, Callable[[Said, str], Awaitable[Said]]] = {}
        self.waits: str | None = None
        self.asked: list[tuple[str, Said]] = []
        self.codes: set[str] = set()
        self.valid = True

    def does(self, kind: str, function: Callable[[Said, str], Awaitable[Said]]) -> None:
        self.kinds[kind] = function

    async def ask(
        self, actor: Actor, kind: str, what: Said, correlation: str = "", ip: str = ""
    ) -> str | None:
        assert actor.name
        assert correlation
        assert ip
        self.asked.append((kind, what))
        return self.waits

    async def fresh_code(
        self, actor: Actor, code: str, *, ip: str = "", correlation: str = ""
    ) -> bool:
        assert actor.session
        assert ip
        assert correlation
        try:
            self.codes.remove(code)
        except KeyError:
            return False
        return True

    async def still_valid(self, actor: Actor) -> bool:
        assert actor.name
        return self.valid


class AuditBook(AuditForTests):
    """An audit that can be read too."""

    def __init__(self) -> None:
        super().__init__()
        self.kept: list[Row] = []

    def rows(self, *, before: int | None = None, limit: int = 100, **which: str) -> list[Row]:
        found = [
            row
            for row in reversed(self.kept)
            if (before is None or row.seq < before)
            and all(
                not value or getattr(row, _FIELDS[name]) == value for name, value in which.items()
            )
        ]
        return found[:limit]

    def state(self) -> Said:
        counts = dict.fromkeys(("head_seq", "anchored_seq", "anchored_ns"), 0)
        return {"rows": len(self.kept), "head": "", **counts}

    def after(self, seq: int, limit: int = 1_000) -> list[Row]:
        return [row for row in self.kept if row.seq > seq][:limit]


_FIELDS = {"event_type": "event_type", "actor": "actor", "correlation": "correlation_id"}


class World:
    """The API, and everything that it is joined with."""

    def __init__(self, folder: Path, actor: Actor = ANYBODY) -> None:
        self.clock = ManualClock(NOW_NS)
        self.home: Home = home_of(Settings(home=folder / "home"))
        self.home.make()
        LatchFile(path=self.home.latch, stopwatch_ns=self.clock.elapsed_ns).prepare(
            journal_exists=False
        )
        self.engine = FakeEngine()
        self.people = FakePeople()
        self.audit = AuditBook()
        self.explained: list[str] = []
        self.guard = OpenGuard(actor)
        self.app = app_for_tests(clock=self.clock)
        self.hub: Hub = add_api(self.app, self.guard, self._parts())
        describe(self.app)
        self.client = client_of(self.app)

    def _parts(self) -> Parts:
        return Parts(
            engine=self.engine,
            projection=FakeProjection(),
            audit=self.audit,
            people=self.people,
            roads=LatchRoad(self.home, self.clock),
            explain=self._explain,
            backtests=self.home.root / "backtests",
            clock=self.clock,
        )

    async def _explain(self, name: str) -> Said:
        self.explained.append(name)
        await asyncio.sleep(0)
        return {"id": name, "outcome": "It was sent.", "symbol": "SPY"}

    async def get(self, path: str, **headers: str) -> httpx.Response:
        """Look at something."""
        return await self.client.get(path, headers=headers)

    async def post(self, path: str, body: Any) -> httpx.Response:
        """Change something."""
        return await self.client.post(path, json=body, headers=CHANGES)
