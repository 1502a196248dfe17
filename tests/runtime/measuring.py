"""An engine that measures, beside its venue, and what its breakers made of it."""

from dataclasses import replace
from typing import Any, Final

from interlock.kernel.codes import Kind, Metric
from interlock.runtime.clock import NS_PER_MS, NS_PER_S
from interlock.runtime.vitals import GRACE_NS, Vitals
from interlock.venues.port import Account, Capabilities
from interlock.venues.simulated.asks import AskAccount
from tests.kernel.test_breakers import breaker
from tests.runtime.pair import Pair

GRACE_S: Final = GRACE_NS / NS_PER_S
PROMPT: Final = Capabilities(native_oco=True, absence_wait_ms=0, absence_answers=1)
MACHINE: Final = {Metric.DISK_FREE_PPM: 400_000}
SETTINGS: Final = " ".join(
    breaker(cause, "CONDITION", limit, "PAUSED")
    for cause, limit in (
        ("VENUE_UNAVAILABLE", 0),
        ("CLOCK_OFFSET", 1_000),
        ("PLACEMENT_LATENCY", 2_000),
        ("FILL_LATENCY", 5_000),
        ("DATA_QUALITY", 950_000),
        ("DISK", 50_000),
    )
)


class Bench:
    """An engine that measures, and its venue."""

    def __init__(self, pair: Pair) -> None:
        self.pair = pair
        self.vitals = Vitals(pair.engine, pair.clock, machine=lambda: MACHINE)
        pair.engine.remind = self.vitals.mind

    def latched(self) -> list[str]:
        """Return what breakers said so far."""
        story = self.pair.book.story(Kind.LATCHED, Kind.RELEASED)
        return [one for one in story if "RECONCILIATION" not in one]

    def told(self, metric: Metric) -> list[int]:
        """Return every value of a metric that was told."""
        return [
            int(row["value"]) for row in self.pair.book.events(Kind.HEALTH) if row["code"] == metric
        ]

    def measure(self) -> dict[Metric, int]:
        """Measure everything, as a driver does every ten seconds."""
        found = self.vitals.rows(self.pair.engine.now_ns())
        for row in found:
            self.pair.engine.operate(row)
        self.pair.pump()
        return {Metric(row["code"][0]): int(row["value"][0]) for row in found}

    def enters(self) -> bool:
        """Return whether an entry is let through on another instrument."""
        self.pair.tell(self.pair.venue.bar(instrument=1))
        before = len(self.pair.requests())
        self.pair.signal(instrument=1)
        return len(self.pair.requests()) > before

    def account(self, ahead_ms: int = 0) -> Account:
        """Return what the venue says we have, by a clock that is so much ahead."""
        return replace(
            self.pair.venue.account(), now_ns=self.pair.clock.now_ns() + ahead_ms * NS_PER_MS
        )

    def pass_time(self, seconds: int) -> None:
        """Let time pass at a venue that answers what it is asked about the account."""
        for _ in range(seconds):
            self.pair.pass_time(1)
            if any(isinstance(ask, AskAccount) for ask in self.pair.asks()):
                self.pair.tell(self.account())

    def ask_time(self, ahead_ms: int) -> None:
        """Let the engine ask for the account, and answer."""
        self.pair.link.compare()
        self.pair.tell(self.account(ahead_ms))
        self.pair.pass_time(1)


def bench(settings: str = "", **given: Any) -> Bench:
    """Return an engine that has reconciled, and measures."""
    return Bench(Pair(SETTINGS + settings, **given).open())
