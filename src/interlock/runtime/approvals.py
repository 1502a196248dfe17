"""Entries that wait for a person: proposed, answered once, judged again, or gone.

Used in the engine's thread, and nothing here waits: of callers that answer at the same time exactly
one finds the entry still there.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Final

from interlock.journal.rows import Entry
from interlock.kernel.codes import Flag, Kind, Role
from interlock.kernel.records import Row, Rows
from interlock.kernel.units import PPM
from interlock.runtime.amounts import amount
from interlock.runtime.asked_signal import Turned, ext_of
from interlock.runtime.asking import AskError
from interlock.runtime.at_once import decide_now, hurry, noted
from interlock.runtime.clock import Clock
from interlock.runtime.dry import Dry
from interlock.runtime.engine import Engine
from interlock.runtime.entries import Said, json_bytes, signal_key
from interlock.runtime.ids import base32
from interlock.runtime.readable import Scale
from interlock.runtime.signal_said import REFUSED, WAITS, blank_answer, decimal_of

WAITING_MAX: Final = 64
_DOMAIN: Final = b"interlock approval\0"
_NEVER_SENT: Final = "Nothing was sent."


@dataclass(frozen=True, slots=True, kw_only=True)
class ApprovalRules:
    """Whose entries wait, and how.

    Attributes:
        strategies: Their numbers.
        wait_ns: How long for.
        band_ppm: How far the mark may have moved when the answer comes.
    """

    strategies: frozenset[int] = frozenset()
    wait_ns: int = 120 * 10**9
    band_ppm: int = 5_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Intent:
    """The exact order that a person is asked about. Whatever of it changes, it is another one.

    Attributes:
        instrument: Its number.
        strategy: Its number.
        side: BUY or SELL.
        qty: Lots.
        price_low: Ticks: the mark may be no lower when it is sent.
        price_high: Ticks: nor higher.
        stop: Ticks: where its stop would rest.
        stop_distance: Ticks between entry and stop.
        risk_units: Worst loss at the stop, costs included.
        policy: SHA-256 of the rules that it was judged by.
    """

    instrument: int
    strategy: int
    side: int
    qty: int
    price_low: int
    price_high: int
    stop: int
    stop_distance: int
    risk_units: int
    policy: str

    def hash(self, approval_id: str) -> str:
        """Return what an answer has to name: nothing else has it."""
        content = json_bytes({"id": approval_id, **asdict(self)})
        return hashlib.sha256(_DOMAIN + content).hexdigest()

    def differs(self, other: "Intent", mark: int) -> list[str]:
        """Return in what an order that would be sent now is not the one that was asked about.

        It may be anywhere in its band, with its stop no farther and a loss no larger than was
        shown: a person saw the worst of it.
        """
        found = [
            f"{name} was {getattr(self, name)} and is {getattr(other, name)} now"
            for name in ("instrument", "strategy", "side", "qty", "policy")
            if getattr(self, name) != getattr(other, name)
        ]
        if not self.price_low <= mark <= self.price_high:
            found.append(f"the market must be in its band, {self.price_low} to {self.price_high}")
            found[-1] += f" ticks, and is at {mark}"
        if other.stop_distance > self.distance_max:
            found.append(
                f"the stop may be {self.distance_max} ticks away and is {other.stop_distance} now"
            )
        if other.risk_units > self.risk_units_max:
            most, now = amount(self.risk_units_max), amount(other.risk_units)
            found.append(f"it may lose {most} and could lose {now} now")
        return found

    @property
    def distance_max(self) -> int:
        """How far the stop is from the far edge of the band."""
        return self.price_high - self.stop if self.side > 0 else self.stop - self.price_low

    @property
    def risk_units_max(self) -> int:
        """What it loses at most: bought or sold at the far edge of the band, costs included."""
        return -(-self.risk_units * self.distance_max // self.stop_distance)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Waiting:
    """One entry that waits."""

    said: Said
    intent: Intent
    signal: Rows
    asked: Said  # what is journaled with its signal
    until_ns: int  # on the clock that never jumps


class Approvals:
    """The entries of one engine that wait for a person.

    Args:
        engine: Of the account.
        clock: This machine's.
        rules: Whose entries wait, and how.
        scales: How the instruments' numbers are written.
        symbols: Of the instruments.
        strategies: Names, by their numbers.
    """

    def __init__(
        self,
        engine: Engine,
        clock: Clock,
        rules: ApprovalRules,
        *,
        scales: Sequence[Scale],
        symbols: Sequence[str],
        strategies: Sequence[str],
    ) -> None:
        self._engine = engine
        self._clock = clock
        self._rules = rules
        self._scales = scales
        self._symbols = symbols
        self._strategies = strategies
        self._dry = Dry(engine.decider)
        self._waiting: dict[str, _Waiting] = {}

    def said(self) -> list[Said]:
        """Return what waits, oldest first."""
        return [one.said for one in self._waiting.values()]

    def forget(self, lost: Sequence[str]) -> None:
        """Write down that proposals of an engine that is gone have expired."""
        for approval_id in lost:
            self._note("approval_expired", id=approval_id, why="the engine was started again")

    def tick(self) -> None:
        """Let time pass: what has waited too long is gone."""
        now_ns = self._clock.elapsed_ns()
        for approval_id in [x for x, one in self._waiting.items() if now_ns >= one.until_ns]:
            self._expire(approval_id, "nobody answered in time")

    def stop(self) -> None:
        """Let everything that waits expire: this engine ends."""
        for approval_id in list(self._waiting):
            self._expire(approval_id, "the engine stops")

    def _expire(self, approval_id: str, why: str) -> None:
        del self._waiting[approval_id]
        self._note("approval_expired", id=approval_id, why=why)

    def _note(self, what: str, **said: object) -> int:
        return self._engine.note({"what": what, **said})

    # --- proposing ----------------------------------------------------------------------------

    def holds(self, signal: Rows) -> bool:
        """Keep a strategy's own signal back if it is an entry that has to be approved."""
        if not self._is_for_people(signal):
            return False
        return self.propose(signal.copy(), {"what": "signal"}, "") is not None

    def _is_for_people(self, signal: Rows) -> bool:
        row = signal[0]
        is_exit = row["side"] == 0 or row["flags"] & Flag.EXIT_ONLY
        return int(row["strategy"]) in self._rules.strategies and not is_exit

    def propose(self, signal: Rows, asked: Said, signal_id: str) -> Entry | None:
        """Let an entry wait for a person.

        Args:
            signal: Shape (1,).
            asked: What is journaled with it.
            signal_id: Of somebody outside; nothing of a strategy of ours.

        Returns:
            The note of it; None where there is nothing to approve: it opens nothing, or the gate
            refuses it as it is.
        """
        if not self._is_for_people(signal):
            return None
        intent = self._intent(signal)
        if intent is None:
            return None
        seq = self._engine.decider.seq + 1
        approval_id = f"a-{base32(seq)}"
        answer = blank_answer(signal_id, seq)
        scale = self._scales[intent.instrument]
        answer["quantity"] = decimal_of(intent.qty, scale.qty_digits)
        if len(self._waiting) >= WAITING_MAX:
            answer["state"] = REFUSED
            answer["reason"] = Turned.TOO_MANY_APPROVALS
            answer["reasons"] = [Turned.TOO_MANY_APPROVALS]
            answer["message"] = (
                f"At most {WAITING_MAX} entries may wait for a person, and as many do. "
                + _NEVER_SENT
            )
            return self._keep(signal, {**refused_said(asked), "answer": answer})
        said = self._shown(approval_id, intent, asked, signal_id)
        answer["state"] = WAITS
        answer["approval"] = approval_id
        answer["message"] = f"{said['why']} It waits for a person as {approval_id}."
        self._waiting[approval_id] = _Waiting(
            said=said,
            intent=intent,
            signal=signal,
            asked=asked,
            until_ns=self._clock.elapsed_ns() + self._rules.wait_ns,
        )
        return self._keep(signal, {**_about(asked), **said, "what": "proposal", "answer": answer})

    def _keep(self, signal: Rows, said: Said) -> Entry:
        return noted(self._engine, said, signal_key(signal[0]))

    def _intent(self, signal: Rows) -> Intent | None:
        """Return the order that a signal would be now; None where the gate lets none through."""
        dried = self._dry.judge(signal)
        for row in dried.commands:
            if row["kind"] == Kind.SUBMIT and row["role"] == Role.ENTRY:
                return self._intent_of(row, int(dried.state["view"]["mark"][0]))
        return None

    def _intent_of(self, row: Row, mark: int) -> Intent:
        band = mark * self._rules.band_ppm
        policy = self._engine.decider.policy
        return Intent(
            instrument=int(row["instrument"]),
            strategy=int(row["strategy"]),
            side=int(row["side"]),
            qty=int(row["qty"]),
            price_low=mark - band // PPM,
            price_high=mark + band // PPM,
            stop=int(row["price"]) - int(row["side"]) * int(row["stop_ticks"]),
            stop_distance=int(row["stop_ticks"]),
            risk_units=int(row["limit"]),
            policy=hashlib.sha256(policy.tobytes()).hexdigest(),
        )

    def _shown(self, approval_id: str, intent: Intent, asked: Said, signal_id: str) -> Said:
        """Return what a person is shown."""
        scale = self._scales[intent.instrument]
        symbol = self._symbols[intent.instrument]
        strategy = self._strategies[intent.strategy]
        side = "BUY" if intent.side > 0 else "SELL"
        quantity = decimal_of(intent.qty, scale.qty_digits)
        now_ns = self._clock.now_ns()
        return {
            "id": approval_id,
            "hash": intent.hash(approval_id),
            "symbol": symbol,
            "side": side,
            "quantity": quantity,
            "price_low": decimal_of(intent.price_low, scale.price_digits),
            "price_high": decimal_of(intent.price_high, scale.price_digits),
            "stop": decimal_of(intent.stop, scale.price_digits),
            "worst_loss": amount(intent.risk_units_max),
            "why": f"Strategy {strategy} wants to {side.lower()} {quantity} {symbol}.",
            "strategy": strategy,
            "asked_ns": now_ns,
            "expires_ns": now_ns + self._rules.wait_ns,
            "signal": signal_id,
            "who": asked.get("who", ""),
        }

    # --- answering ----------------------------------------------------------------------------

    def answer(self, approval_id: str, named: str, *, approve: bool, who: str, why: str) -> Entry:
        """Let a person's answer count, once.

        Args:
            approval_id: Of the entry.
            named: The hash of what the person saw.
            approve: Or deny.
            who: Answers.
            why: In their words.

        Returns:
            What was journaled: the signal's own event, or a note of why there is none.

        Raises:
            AskError: It does not wait any more, or another order than this one was meant.
        """
        self.tick()
        one = self._waiting.get(approval_id)
        if one is None:
            raise AskError(
                f"approval {approval_id:.40} must wait for an answer, and does not: it was "
                f"answered, or expired. {_NEVER_SENT} Next: send the signal again if it is meant."
            )
        if named != one.said["hash"]:
            raise AskError(
                f"the answer to {approval_id} must name the hash of the order that it is about, "
                f"and names another. {_NEVER_SENT} Next: look at the approval again."
            )
        del self._waiting[approval_id]
        person = {"id": approval_id, "hash": named, "who": who, "reason": why}
        if not approve:
            return self._turn_down(one, Turned.APPROVAL_DENIED, f"{who} denied it: {why}", person)
        return self._send(one, person)

    def _send(self, one: _Waiting, person: Said) -> Entry:
        """Judge an approved entry again, at this moment, and send it if it is the same order."""
        hurry(self._engine)
        signal = one.signal
        signal["qty"] = one.intent.qty  # never more than was seen
        signal["ts_ns"] = self._engine.now_ns()
        signal["ext_hi"], signal["ext_lo"] = ext_of(one.said["id"], is_approved=True)
        now = self._intent(signal)
        if now is not None:
            mark = int(self._engine.decider.state["instruments"]["mark"][0, now.instrument])
            changed = one.intent.differs(now, mark)
            if changed:
                why = f"it is not the order that was approved any more: {'; '.join(changed)}"
                return self._turn_down(one, Turned.APPROVAL_CHANGED, why, person)
        payload = json_bytes({**one.asked, "approval": person})
        return decide_now(self._engine, signal, payload)

    def _turn_down(self, one: _Waiting, reason: Turned, why: str, person: Said) -> Entry:
        answer = blank_answer(one.said["signal"], 0)
        answer["state"] = REFUSED
        answer["reason"] = reason
        answer["reasons"] = [reason]
        answer["quantity"] = one.said["quantity"]
        answer["message"] = f"{one.said['why']} {why[:1].upper()}{why[1:]}. {_NEVER_SENT}"
        what = "approval_denied" if reason is Turned.APPROVAL_DENIED else "approval_refused"
        return noted(self._engine, {"what": what, **person, "answer": answer})


def _about(asked: Said) -> Said:
    """Return what a note of a signal says of where it came from."""
    return {name: value for name, value in asked.items() if name not in {"what", "id"}}


def refused_said(asked: Said) -> Said:
    """Return the note of a signal that never came before the gate, but for its answer."""
    return {**asked, "what": "signal_refused"}
