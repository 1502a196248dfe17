"""The part of an engine's door for what outsiders want: signals, approvals, and audit heads.

A signal is decided on once, however often it is told, and its answer is given when what became of
it is durable.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from interlock.journal.rows import Entry
from interlock.kernel.codes import Cause, Kind, Level, Role, Scope
from interlock.kernel.records import Row, Rows, rows
from interlock.runtime.approvals import Approvals, refused_said
from interlock.runtime.asked_signal import (
    AskedSignal,
    Turned,
    TurnedAway,
    ext_of,
    id_of,
    instrument_of,
    read_signal,
    row_of,
)
from interlock.runtime.asking import AskError
from interlock.runtime.at_once import decide_now, hurry, noted
from interlock.runtime.clock import Clock
from interlock.runtime.control import Answer
from interlock.runtime.driver import Driver
from interlock.runtime.entries import Said, json_bytes, signal_key
from interlock.runtime.link import Phase
from interlock.runtime.readable import Scale
from interlock.runtime.reconcile import open_orders
from interlock.runtime.session import Setup
from interlock.runtime.signal_memory import SignalMemory
from interlock.runtime.signal_said import KNOWN, REFUSED, answer_of, blank_answer
from interlock.runtime.stopping import latches_in

SIGNALS_MAX: Final = 64  # in one line
WORDS_MAX: Final = 200
NS_PER_S: Final = 1_000_000_000
_HEAD: Final = re.compile(r"[0-9a-f]{64}")
_SIDES: Final = {1: "long", -1: "short", 0: "flat"}


@dataclass(frozen=True, slots=True, kw_only=True)
class SignalRules:
    """Who may send signals, and how late.

    Attributes:
        strategies: Numbers of the strategies that signals from outside may carry, by name.
        late_ns: How long an entry may have waited for its engine.
    """

    strategies: dict[str, int]
    late_ns: int


class SignalAnswers:
    """Signals, approve and note_audit.

    Args:
        driver: Of the engine.
        setup: What it trades with.
        clock: This machine's.
        memory: What became of signals before.
        approvals: The entries that wait for a person.
        rules: Who may send signals, and how late.
        scales: How the instruments' numbers are written.
    """

    def __init__(
        self,
        driver: Driver,
        setup: Setup,
        clock: Clock,
        *,
        memory: SignalMemory,
        approvals: Approvals,
        rules: SignalRules,
        scales: Sequence[Scale],
    ) -> None:
        self._driver = driver
        self._engine = driver.engine
        self._setup = setup
        self._clock = clock
        self._memory = memory
        self._approvals = approvals
        self._rules = rules
        self._scales = scales
        self._symbols = [one.symbol for one in setup.scales]

    def table(self) -> dict[str, Answer]:
        """Return everything that can be asked, by name."""
        return {
            "approve": self._ask_approve,
            "note_audit": self._ask_note_audit,
            "signals": self._ask_signals,
        }

    # --- signals ------------------------------------------------------------------------------

    async def _ask_signals(self, asked: Said) -> Said:
        wanted = _listed(asked)
        self._check_open()
        found = self._surely(wanted, in_full=asked.get("verdicts") == "all")
        await self._driver.until_durable(self._engine.decider.seq)
        return {"signals": found}

    def _check_open(self) -> None:
        """See that a signal can be judged by what is so: a gateway keeps it and asks again."""
        engine = self._engine
        if engine.is_stopping:
            raise AskError("the engine must run to take signals, and stops. Next: send them again.")
        if engine.link.phase is not Phase.READY:
            raise AskError(
                f"the conversation with the venue must be ready for signals, was "
                f"{engine.link.phase}. Next: send them again."
            )

    def _surely(self, wanted: list[Said], *, in_full: bool) -> list[Said]:
        """Answer signals; a bug in the kernel ends the engine, and is not a line in a log."""
        try:
            return [self._one(raw, in_full=in_full) for raw in wanted]
        except AssertionError as error:
            self._driver.failed(error)
            raise

    def _one(self, raw: Said, *, in_full: bool) -> Said:
        """Return what becomes of one signal, or became of it."""
        signal_id = id_of(raw)
        row = rows(1)
        row["ext_hi"], row["ext_lo"] = ext_of(signal_id)
        key = signal_key(row[0])
        if self._memory.knows(key):
            return self._known(signal_id, key, in_full=in_full)
        entry = self._decided(raw, signal_id, key)
        self._memory.keep(entry)
        return self._said(entry, in_full=in_full)

    def _said(self, entry: Entry, *, in_full: bool = False) -> Said:
        return answer_of(entry, self._scales, self._symbols, in_full=in_full)

    def _known(self, signal_id: str, key: bytes, *, in_full: bool) -> Said:
        """Return what became of a signal when it was told for the first time."""
        entry = self._memory.entry(key)
        if entry is None:
            found = blank_answer(signal_id, 0)
            found["message"] = "It was decided on before, too long ago to be remembered here."
            return {**found, "state": KNOWN, "first": ""}
        first = self._said(entry, in_full=in_full)
        return {**first, "state": KNOWN, "first": first["state"]}

    def _decided(self, raw: Said, signal_id: str, key: bytes) -> Entry:
        """Return the entry of what becomes of a signal that is new."""
        try:
            asked = read_signal(raw)
        except TurnedAway as away:
            said = {"id": signal_id, "strategy": "", "who": "", "correlation": ""}
            return self._refused(away, said, key)
        said = asked.said()
        try:
            number = self._strategy(asked)
            instrument = instrument_of(asked, self._setup.scales)
            asked = self._in_time(asked, instrument, number)
            row = row_of(
                asked,
                instrument=instrument,
                strategy=number,
                scale=self._setup.scales[instrument],
            )
        except TurnedAway as away:
            return self._refused(away, {**said, "symbol": asked.symbol}, key)
        hurry(self._engine)
        self._mind_gaps(asked, instrument, number)
        row["ts_ns"] = self._engine.now_ns()
        proposed = self._approvals.propose(row, said, asked.id)
        return proposed or decide_now(self._engine, row, json_bytes(said))

    def _refused(self, away: TurnedAway, said: Said, key: bytes) -> Entry:
        """Write down why a signal never came before the gate."""
        answer = blank_answer(str(said["id"]), 0)
        answer["state"] = REFUSED
        answer["reason"] = str(away.reason)
        answer["reasons"] = [str(away.reason)]
        answer["message"] = f"{str(away)[:1].upper()}{str(away)[1:]}"
        return noted(self._engine, {**refused_said(said), "answer": answer}, key)

    def _strategy(self, asked: AskedSignal) -> int:
        found = self._rules.strategies.get(asked.strategy)
        if found is None:
            raise TurnedAway(
                Turned.UNKNOWN_STRATEGY,
                f"strategy must be one of {', '.join(self._rules.strategies)}, was "
                f"{asked.strategy!r:.80}.",
            )
        return found

    def _in_time(self, asked: AskedSignal, instrument: int, strategy: int) -> AskedSignal:
        """Return a signal as it may still be: one that is late closes and opens nothing."""
        if self._engine.link.replay and self._engine.progress.ended:
            raise TurnedAway(
                Turned.RECORDING_ENDED,
                "the recording that this account is replayed on must still run for a signal to "
                "trade on it, and has ended.",
            )
        waited_ns = self._clock.now_ns() - asked.received_ns
        if asked.is_exit or waited_ns <= self._rules.late_ns:
            return asked
        held = self._held(instrument, strategy)
        if held * asked.side < 0:
            return replace(asked, is_exit=True)
        raise TurnedAway(
            Turned.LATE,
            f"an entry must reach its engine within {self._rules.late_ns // NS_PER_S} s, and "
            f"waited {waited_ns // NS_PER_S} s.",
        )

    def _held(self, instrument: int, strategy: int) -> int:
        """Return what a strategy holds of an instrument, in lots with their sign."""
        inst = self._engine.decider.state["instruments"][0, instrument]
        return int(inst["position"]) if inst["owner"] == strategy else 0

    # --- gaps ---------------------------------------------------------------------------------

    def _mind_gaps(self, asked: AskedSignal, instrument: int, strategy: int) -> None:
        """Pause a strategy whose signals have a gap, before the signal that shows it is judged."""
        why = asked.missed or self._mismatch(asked, instrument, strategy)
        if not why or self._is_paused(strategy):
            return
        row = _pause(strategy, self._engine.now_ns())
        said = {"what": "missed_alert", "id": asked.id, "why": why, "who": asked.who}
        self._engine.operate_now(row, json_bytes(said))

    def _is_paused(self, strategy: int) -> bool:
        return any(
            latch["cause"] == Cause.MISSED_ALERT
            and latch["scope"] == Scope.STRATEGY
            and latch["scope_id"] == strategy
            for latch in latches_in(self._engine.decider.state)
        )

    def _mismatch(self, asked: AskedSignal, instrument: int, strategy: int) -> str:
        """Return how what the sender believes differs from what is held; nothing if it may be so.

        An order on its way may have been filled for all the sender knows, or not.
        """
        if asked.previous is None:
            return ""
        held = self._held(instrument, strategy)
        sign = (held > 0) - (held < 0)
        may_be = {sign}
        for order in open_orders(self._engine.decider.state):
            if order["instrument"] == instrument and order["strategy"] == strategy:
                may_be |= _may_become(order)
        if asked.previous in may_be:
            return ""
        return (
            f"the sender believes that {asked.strategy} was {_SIDES[asked.previous]} in "
            f"{asked.symbol}, and it is {_SIDES[sign]}"
        )

    # --- approvals and heads ------------------------------------------------------------------

    async def _ask_approve(self, asked: Said) -> Said:
        approve = asked.get("approve")
        if not isinstance(approve, bool):
            raise AskError(f"approve must be true or false, was {approve!r:.80}.")
        approval_id, named = (_word(asked, name) for name in ("id", "hash"))
        who, why = _word(asked, "who"), _word(asked, "reason", may_lack=True)
        if approve:
            self._check_open()
        try:
            entry = self._approvals.answer(approval_id, named, approve=approve, who=who, why=why)
        except AssertionError as error:
            self._driver.failed(error)
            raise
        await self._driver.until_durable(entry.seq)
        return self._said(entry)

    async def _ask_note_audit(self, asked: Said) -> Said:
        head, number = asked.get("head"), asked.get("seq")
        if not isinstance(head, str) or _HEAD.fullmatch(head) is None:
            raise AskError(f"head must be a SHA-256 in 64 hexadecimal digits, was {head!r:.80}.")
        if isinstance(number, bool) or not isinstance(number, int) or not 0 <= number < 2**62:
            raise AskError(f"seq must be a number of the audit, was {number!r:.80}.")
        seq = self._engine.note({"what": "audit_head", "audit_seq": number, "head": head})
        await self._driver.until_durable(seq)
        return {"seq": seq}


def _listed(asked: Said) -> list[Said]:
    """Return the signals of a request."""
    found: Any = asked.get("signals")
    if not isinstance(found, list) or not 1 <= len(found) <= SIGNALS_MAX:
        raise AskError(f"signals must be a list of 1 to {SIGNALS_MAX} signals. Nothing was done.")
    for one in found:
        id_of(one)
    return found


def _word(asked: Said, name: str, *, may_lack: bool = False) -> str:
    found = asked.get(name)
    if may_lack and not found:
        return ""
    if not isinstance(found, str) or not found.strip() or len(found) > WORDS_MAX:
        raise AskError(
            f"{name} must be text of 1 to {WORDS_MAX} characters, was {found!r:.80}. Nothing was "
            "done."
        )
    return found.strip()


def _may_become(order: Row) -> set[int]:
    """Return which positions an order may have led to by now."""
    if order["role"] == Role.ENTRY:
        return {0, int(order["side"])}
    return {0} if order["role"] == Role.EXIT else set()


def _pause(strategy: int, now_ns: int) -> Rows:
    """Return the request that a strategy opens nothing until a person has looked, shape (1,)."""
    row = rows(1)
    row["kind"] = Kind.HALT
    row["code"] = Cause.MISSED_ALERT
    row["level"] = Level.PAUSED
    row["strategy"] = strategy
    row["ts_ns"] = now_ns
    row["src_ts_ns"] = now_ns
    return row
