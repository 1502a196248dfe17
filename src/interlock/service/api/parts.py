"""What the API is joined with: each part behind the shape that it needs, and no more of it."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from interlock.runtime.clock import Clock
from interlock.service.audit_rows import Row
from interlock.service.permissions import Actor

Said = dict[str, Any]
Does = Callable[[Said, str], Awaitable[Said]]  # what, and who wants it


class Engine(Protocol):
    """The way to the engine (``service.engine_client.EngineClient``)."""

    async def ask(self, name: str, timeout_s: float = 5.0, **fields: Any) -> Said:
        """Ask it something; raises EngineDown or AskError."""

    async def kill(self, timeout_s: float = 10.0, **fields: Any) -> Said:
        """Ask it to stop, behind nobody; raises EngineDown or AskError."""


class Projection(Protocol):
    """What the journal said so far, to be looked up (``service.projection_reads``). It blocks."""

    def orders(
        self,
        limit: int,
        before: int | None = None,
        symbol: str | None = None,
        state: str | None = None,
    ) -> Said:
        """Return a page of orders, the newest first."""

    def order(self, order_id: str) -> Said | None:
        """Return an order with what became of it; None when there is none."""

    def fills(self, limit: int, before: int | None = None, symbol: str | None = None) -> Said:
        """Return a page of fills."""

    def signals(self, limit: int, before: int | None = None, symbol: str | None = None) -> Said:
        """Return a page of signals."""

    def trades(self, limit: int, before: int | None = None, symbol: str | None = None) -> Said:
        """Return a page of trades that are over."""

    def equity(self, points: int = 500) -> list[Said]:
        """Return what the account was worth, the oldest first."""

    def signal(self, signal_id: str) -> Said | None:
        """Return a signal with every verdict; None when there is none."""

    def stops(self, symbol: str, since_ns: int) -> list[Said]:
        """Return where stops rested since a moment."""

    def bars(self, symbol: str, count: int) -> list[Said]:
        """Return the newest bars of an instrument, the oldest first."""

    def latches(self, limit: int, before: int | None = None) -> Said:
        """Return a page of latches that were set or released."""

    def seq(self) -> int:
        """Return the last record that it knows."""


class AuditBook(Protocol):
    """The audit (``service.audit.Audit``)."""

    async def arecord(self, event_type: str, **fields: Any) -> int:
        """Write a row, durable."""

    def deny(
        self,
        event_type: str,
        *,
        actor: str,
        ip: str,
        action: str,
        reason: str,
        correlation: str = "",
    ) -> None:
        """Count a refusal."""

    def rows(
        self,
        *,
        before: int | None = None,
        limit: int = 100,
        event_type: str = "",
        actor: str = "",
        correlation: str = "",
    ) -> list[Row]:
        """Return rows, the newest first."""

    def state(self) -> Said:
        """Return how long it is, and up to where the engine was told of it."""

    def after(self, seq: int, limit: int = 1_000) -> list[Row]:
        """Return rows that follow one."""


class FourEyes(Protocol):
    """What needs a second person where there is one (``service.people.requests``)."""

    def does(self, kind: str, function: Does) -> None:
        """Say how something is done once two people want it."""

    async def ask(
        self, actor: Actor, kind: str, what: Said, correlation: str = "", ip: str = ""
    ) -> str | None:
        """Return the id of a request that waits for somebody else; None: do it now."""


class People(Protocol):
    """Who is who (``service.people.people.People``)."""

    @property
    def four_eyes(self) -> FourEyes:
        """What needs a second person."""

    async def fresh_code(
        self, actor: Actor, code: str, *, ip: str = "", correlation: str = ""
    ) -> bool:
        """Return whether a code of somebody's second factor is right, and was never used."""

    async def still_valid(self, actor: Actor) -> bool:
        """Return whether somebody who asked earlier may still ask."""


class KillRoads(Protocol):
    """How an account is stopped when its engine does not answer (``app.kill_roads``)."""

    def latch(self, *, mode: str, reason: str, who: str) -> Said:
        """Set the latch that every last gate reads: {"confirmed", "why", "latch"}. It blocks."""

    def look(self) -> Said:
        """Return what the latch says."""


class Explainer(Protocol):
    """Explains an order or a signal (``app.explaining``)."""

    async def __call__(self, name: str) -> Said:
        """Return the explanation; raises Problem."""


OnStatus = Callable[[Said], None]
Alerts = Callable[[], Awaitable[Said]]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Parts:
    """Everything that the API is joined with.

    Attributes:
        engine: The way to the engine.
        projection: What the journal said so far.
        audit: Where everything is written down.
        people: Who is who.
        roads: How an account is stopped without its engine.
        explain: Explains orders and signals.
        backtests: The folder of the backtests.
        clock: The time.
        on_status: Told what the engine says whenever it was asked; None is nobody.
        alerts: What people have to be told; None when nobody tells.
        health: How everything is; None when nobody knows.
    """

    engine: Engine
    projection: Projection
    audit: AuditBook
    people: People
    roads: KillRoads
    explain: Explainer
    backtests: Path
    clock: Clock
    on_status: OnStatus | None = None
    alerts: Alerts | None = None
    health: Alerts | None = None
