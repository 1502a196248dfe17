"""An engine's door for signals and approvals, with a venue that says what a test makes it say."""

import asyncio
from typing import TYPE_CHECKING, Any, Final, cast

import pytest

from interlock.journal.rows import Entry, RowKind
from interlock.kernel.codes import Kind
from interlock.kernel.records import Row
from interlock.runtime.approvals import ApprovalRules, Approvals
from interlock.runtime.asking import AskError
from interlock.runtime.clock import NS_PER_S
from interlock.runtime.entries import events_of, said_by
from interlock.runtime.readable import Scale as Readable
from interlock.runtime.signal_answers import SignalAnswers, SignalRules
from interlock.runtime.signal_memory import SignalMemory
from interlock.runtime.turns import Scale
from tests.runtime.pair import Pair
from tests.runtime.scripts import NAMES

if TYPE_CHECKING:
    from interlock.runtime.driver import Driver

Said = dict[str, Any]

LATE_NS: Final = 60 * NS_PER_S
WAIT_NS: Final = 120 * NS_PER_S
STRATEGIES: Final = ["one", "webhook"]
QTY_SCALES: Final = [Scale(symbol=name, price_digits=2, qty_digits=1) for name in NAMES]
RULES: Final = ApprovalRules(strategies=frozenset({1}), wait_ns=WAIT_NS, band_ppm=10_000)


class Durably:
    """Stands for a driver: what is asked to be durable is."""

    def __init__(self, pair: Pair) -> None:
        self.engine = pair.engine
        self.failure: BaseException | None = None
        self._pair = pair

    async def until_durable(self, seq: int) -> None:
        """Wait for the journal."""
        self._pair.pump()
        assert self.engine.progress.durable_seq >= seq

    def failed(self, error: BaseException) -> None:
        """Take why the engine ends."""
        self.failure = error


class Desk:
    """One engine, and whoever sends it signals. A price of 100 is the mark; a lot is a tenth.

    Args:
        pair: The engine; one with a mark unless it is given.
        rules: Whose entries wait for a person: nobody's.
        settings: Of the policy.
        given: For the engine.
    """

    def __init__(
        self,
        pair: Pair | None = None,
        *,
        rules: ApprovalRules | None = None,
        settings: str = "",
        **given: Any,
    ) -> None:
        if pair is None:
            pair = Pair(settings, strategies=STRATEGIES, scales=QTY_SCALES, **given).open()
            pair.tell(pair.venue.bar())
        self.pair = pair
        self.memory = SignalMemory(pair.in_store.__contains__)
        scales = [
            Readable(currency="USD", base=one.symbol, price_digits=2, qty_digits=1)
            for one in pair.setup.scales
        ]
        self.approvals = Approvals(
            pair.engine,
            pair.clock,
            rules or ApprovalRules(),
            scales=scales,
            symbols=list(NAMES),
            strategies=pair.setup.strategies,
        )
        self.driver = Durably(pair)
        self.answers = SignalAnswers(
            cast("Driver", self.driver),
            pair.setup,
            pair.clock,
            memory=self.memory,
            approvals=self.approvals,
            rules=SignalRules(strategies={"webhook": 1}, late_ns=LATE_NS),
            scales=scales,
        )
        self._count = 0

    def wanted(self, **changed: Any) -> Said:
        """Return a signal to buy, as a gateway sends it."""
        self._count += 1
        return {
            "id": f"alert-{self._count}",
            "received_ns": self.pair.clock.now_ns(),
            "strategy": None,
            "symbol": "AAA",
            "side": "BUY",
            "exit_only": False,
            "quantity": None,
            "price": None,
            "edge_bps": None,
            "stop": None,
            "target": None,
            "previous_position": None,
            "missed": None,
            "who": "webhook:127.0.0.1",
            "correlation": "c-1",
        } | changed

    def ask(self, what: str, **asked: Any) -> Said:
        """Ask at the door."""

        async def answered() -> Said:
            return await self.answers.table()[what]({"ask": what, **asked})

        return asyncio.run(answered())

    def refuses(self, what: str, **asked: Any) -> str:
        """Return why something is refused; nothing is decided on it."""
        seq = self.pair.engine.decider.seq
        with pytest.raises(AskError) as refused:
            self.ask(what, **asked)
        assert self.pair.engine.decider.seq == seq
        return str(refused.value)

    def send(self, **changed: Any) -> Said:
        """Send one signal and return its answer."""
        wanted = [self.wanted(**changed)]
        (found,) = self.ask("signals", signals=wanted, verdicts="all")["signals"]
        answer: Said = found
        return answer

    def signals(self) -> list[Row]:
        """Return every SIGNAL event that was journaled."""
        rows = [events_of(x)[0] for x in self.pair.entries if x.kind is RowKind.EVENT]
        return [row for row in rows if row["kind"] == Kind.SIGNAL]

    def entry(self, answer: Said) -> Entry:
        """Return the entry that an answer is about."""
        (found,) = (x for x in self.pair.entries if x.seq == answer["seq"])
        return found

    def notes(self, what: str) -> list[Said]:
        """Return the notes that say one thing."""
        said = [said_by(x) for x in self.pair.entries if x.kind is RowKind.NOTE]
        return [x for x in said if x.get("what") == what]

    def fill(self) -> None:
        """Let the venue fill the last entry, and take its stop and target."""
        entry = self.pair.last()
        self.pair.tell(self.pair.venue.report(Kind.ACCEPTED, entry), self.pair.venue.fill(entry))
        stop, target = self.pair.requests()[-2:]
        self.pair.tell(
            self.pair.venue.report(Kind.ACCEPTED, stop),  # type: ignore[arg-type]
            self.pair.venue.report(Kind.ACCEPTED, target),  # type: ignore[arg-type]
        )

    def cancelled(self) -> None:
        """Let the venue take stop and target away, as it was asked to."""
        for ask in self.pair.requests()[-2:]:
            order = next(x for x in self.pair.requests() if x.client_id == ask.client_id)
            self.pair.tell(self.pair.venue.report(Kind.CANCELLED, order))  # type: ignore[arg-type]

    def held(self) -> int:
        """Return the position in AAA, in lots."""
        return int(self.pair.engine.decider.state["instruments"]["position"][0, 0])
