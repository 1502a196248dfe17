"""Signals from outside and approvals through crashes at any point: each is decided on once."""

import asyncio
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import pytest

from interlock.journal.rows import RowKind
from interlock.kernel.codes import Kind
from interlock.research.replay import verify_replay
from interlock.research.simulator.invariants.ingress import ApprovalBinding, Ingress
from interlock.runtime.approvals import ApprovalRules, Approvals
from interlock.runtime.asking import AskError
from interlock.runtime.entries import events_of, said_by
from interlock.runtime.readable import scale_of
from interlock.runtime.signal_answers import SignalAnswers, SignalRules
from interlock.runtime.signal_memory import SignalMemory
from tests.research.sessions import inputs_of, session_of
from tests.research.test_outside_signals import with_webhook
from tests.runtime.harness import Crash, InProcess, crash_at

if TYPE_CHECKING:
    from interlock.runtime.driver import Driver

Said = dict[str, Any]

EVERY = 29  # of some 450 points
SENT: dict[int, Said] = {
    5: {"side": "BUY"},
    15: {"side": "BUY", "quantity": "2.5"},
    17: {"side": "CLOSE"},
    18: {"side": "BUY", "symbol": "NOTHING"},
    32: {"side": "BUY", "quantity": "1"},
    33: {"side": "BUY", "quantity": "1"},
}


class Durably:
    """Stands for a driver: works until what is asked to be durable is."""

    def __init__(self, session: InProcess) -> None:
        self.engine = session.engine
        self._session = session

    async def until_durable(self, seq: int) -> None:
        """Work on; it may crash on the way."""
        while self.engine.progress.durable_seq < seq:
            assert self._session.step()


class Sender:
    """Sends every signal until it is answered, whatever becomes of the engine, and some again.

    Args:
        session: Not begun.
        approves: Whether entries wait for a person, who says yes.
    """

    def __init__(self, session: InProcess, *, approves: bool) -> None:
        self.session = session
        self.answers: dict[str, list[Said]] = {}
        self.has_approvals = approves
        self._answers: SignalAnswers | None = None
        self._approvals: Approvals | None = None

    def run(self) -> None:
        """Run the session to its end."""
        for bar, asked in SENT.items():
            self._through(bar)
            self._send(f"id-{bar}", asked)
        self._through(10**9)
        if self.session.begun is None:
            self._start()
        self.session.stop("ended")

    def _start(self) -> None:
        session = self.session
        session.start()
        memory = SignalMemory(session.store.has_key)
        for _ in memory.passing(session.store.read()):
            pass
        scales = [scale_of(one) for one in session.inputs.instruments]
        rules = ApprovalRules(strategies=frozenset({1}) if self.has_approvals else frozenset())
        self._approvals = Approvals(
            session.engine,
            session.clock,
            rules,
            scales=scales,
            symbols=[one.symbol for one in session.setup.scales],
            strategies=session.setup.strategies,
        )
        self._approvals.forget(list(memory.open))
        self._answers = SignalAnswers(
            cast("Driver", Durably(session)),
            session.setup,
            session.clock,
            memory=memory,
            approvals=self._approvals,
            rules=SignalRules(strategies={"webhook": 1}, late_ns=10**18),
            scales=scales,
        )

    def _through(self, bar: int) -> None:
        """Run through crashes until a bar was heard, or the recording has ended."""
        while True:
            try:
                if self.session.begun is None:
                    self._start()
                if self.session.engine.progress.feed >= bar or not self.session.step():
                    return
            except Crash:
                self.session.crash()

    def _ask(self, asked: Said) -> Said | None:
        """Ask; None when the engine ended before it could answer, or was not ready."""
        if self.session.begun is None:
            self._start()
        try:
            return asyncio.run(self._answered(asked))
        except AskError:
            self.session.step()
        except Crash:
            self.session.crash()
        return None

    async def _answered(self, asked: Said) -> Said:
        assert self._answers is not None
        return await self._answers.table()[asked["ask"]](asked)

    def _send(self, signal_id: str, asked: Said) -> None:
        one = {
            "id": signal_id,
            "received_ns": self.session.clock.now_ns(),
            "symbol": "BTC_USDT",
            **asked,
        }
        request = {"ask": "signals", "signals": [one]}
        for _ in range(2):  # as if the first answer had been lost
            found = None
            while found is None:
                found = self._ask(request)
            self.answers.setdefault(signal_id, []).extend(found["signals"])
        for shown in self._approvals.said() if self._approvals else []:
            answer = {"id": shown["id"], "hash": shown["hash"], "who": "anna", "reason": "yes"}
            self._ask({"ask": "approve", "approve": True, **answer})


@pytest.mark.parametrize("approves", [False, True])
@pytest.mark.parametrize("first", range(1, EVERY * 4, EVERY))
def test_whatever_crashes_a_signal_is_decided_on_once(
    tmp_path: Path, first: int, approves: bool
) -> None:
    inputs = inputs_of(tmp_path)
    for number in range(first, 450, EVERY * 4):
        folder = tmp_path / str(number)
        folder.mkdir()
        session = session_of(folder, inputs, at=crash_at(number), group=1 + number % 3)
        sender = Sender(with_webhook(session), approves=approves)
        sender.run()
        assert session.epoch == 2
        check(sender)


def check(sender: Sender) -> None:
    """Fail unless every signal has exactly one end, and every order from outside one signal."""
    store = sender.session.store
    ingress, binding = Ingress(), ApprovalBinding(digits=(8,))
    ends: Counter[str] = Counter()
    orders = Counter[str]()
    for row in store.read():
        ingress.row(row)
        binding.row(row)
        said = said_by(row.entry) if row.entry.kind in {RowKind.NOTE, RowKind.EVENT} else {}
        is_signal = (events_of(row.entry)["kind"] == Kind.SIGNAL).any()
        if said.get("what") in {"signal_refused", "proposal"}:
            ends[said.get("signal") or said["id"]] += 1
        elif is_signal and row.entry.key:
            orders[said["id"]] += 1
            ends[said["id"]] += "approval" not in said
    assert ends == Counter({f"id-{bar}": 1 for bar in SENT})
    assert set(orders.values()) == {1}
    assert len(orders) >= (1 if sender.has_approvals else len(SENT) - 1)
    for found in sender.answers.values():
        assert [x["state"] for x in found][1:] == ["KNOWN"] * (len(found) - 1)
        assert len({x["seq"] for x in found}) == 1
    verify_replay(store)
