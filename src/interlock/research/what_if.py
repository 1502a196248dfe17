"""What if: a recorded session's decisions, each one judged again at its moment by other rules.

The account, the positions and the latches are those of the recording: every decision is judged
by itself, as if the other rules had just been set. What would have followed from another answer
is not guessed.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from typing import Any, Final

from interlock.journal.port import Store
from interlock.journal.rows import Row, RowKind
from interlock.kernel.codes import Flag, Kind, Role
from interlock.kernel.policy import PolicyArray
from interlock.kernel.records import Row as KernelRow
from interlock.kernel.records import Rows, new_out, rows
from interlock.kernel.state import StateArray
from interlock.kernel.step import step
from interlock.research.inputs import Rules
from interlock.research.replay import Begun, begin_replay
from interlock.research.traded import Traded, policy_of_rules, read_traded
from interlock.runtime.entries import commands_of, events_of, said_by
from interlock.runtime.ids import signal_name
from interlock.runtime.readable import Scale, reasons_of, scale_of, time_text
from interlock.runtime.replaying import Told

_EVENT: Final = RowKind.EVENT
_SIGNAL: Final = int(Kind.SIGNAL)
BUFFER_ROWS: Final = 4_096  # between two decisions, handed to the kernel together


class Outcome(StrEnum):
    """What became of a signal."""

    SENT = "sent"  # an entry
    REFUSED = "refused"
    CLOSED = "closed"  # it began to close what was held
    NOTHING = "nothing"


class Change(StrEnum):
    """How the other rules differ at one decision."""

    REFUSED = "refused now"
    ALLOWED = "allowed now"
    SIZED = "sized differently"
    OTHER = "done differently"  # closed instead of opened, or the other way round
    REASONS = "refused for other reasons"
    UNCHANGED = "unchanged"


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """What was decided on a signal.

    Attributes:
        outcome: In a word.
        quantity: Of the entry that was sent or refused; raw.
        stop: Distance of its stop from the entry, ticks.
        target: Distance of its target, ticks; 0 for none.
        reasons: Rules that said no, the one given first.
    """

    outcome: Outcome
    quantity: int = 0
    stop: int = 0
    target: int = 0
    reasons: tuple[str, ...] = ()

    def text(self, scale: Scale) -> str:
        """Return it for people."""
        match self.outcome:
            case Outcome.SENT:
                found = f"{scale.quantity(self.quantity)}, stop {scale.price(self.stop)} away"
                if self.target:
                    found += f", target {scale.price(self.target)} away"
                return found
            case Outcome.REFUSED:
                more = f" and {len(self.reasons) - 1} more" if len(self.reasons) > 1 else ""
                return f"refused: {self.reasons[0]}{more}"
            case Outcome.CLOSED:
                return "closed the position"
            case Outcome.NOTHING:
                return "nothing was done"


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """One decision under both rules.

    Attributes:
        id: Of the signal.
        ts: When, UTC.
        symbol: Of the instrument.
        side: ``buy`` or ``sell``.
        change: How they differ.
        recorded: What was decided.
        other: What the other rules decide.
        recorded_text: For people.
        other_text: For people.
    """

    id: str
    ts: str
    symbol: str
    side: str
    change: Change
    recorded: Judged
    other: Judged
    recorded_text: str
    other_text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class WhatIf:
    """Every decision of a recording under other rules.

    Attributes:
        journal: Where it is.
        decisions: How many there were.
        changed: Those that differ, in their order; the ones that are refused either way, for
            other reasons, are only counted.
        counts: How many of each change.
        refusals: How often each rule is the one that is given, of what is refused now.
        events: How many events were replayed.
    """

    journal: str
    decisions: int
    changed: tuple[Compared, ...]
    counts: dict[str, int]
    refusals: dict[str, int]
    events: int

    def as_json(self) -> dict[str, Any]:
        """Return it for a program."""
        return asdict(self)

    def lines(self, most: int = 1_000) -> Iterator[str]:
        """Yield it for people.

        Args:
            most: Decisions that are listed.
        """
        yield f"{self.journal}: {self.decisions:,} decisions under the other rules."
        for change in Change:
            yield f"  {change.value:<28}{self.counts.get(change.value, 0):,}"
        if self.refusals:
            yield "Refused now, by rule:"
            for reason, count in sorted(self.refusals.items(), key=lambda one: (-one[1], one[0])):
                yield f"  {reason:<28}{count:,}"
        for one in self.changed[:most]:
            yield f"{one.ts}  {one.id}  {one.symbol} {one.side}: {one.change.value}"
            yield f"    recorded  {one.recorded_text}"
            yield f"    other     {one.other_text}"
        if len(self.changed) > most:
            yield f"... and {len(self.changed) - most:,} more."
        yield (
            "Each decision was judged by itself, with the account, the positions and the latches "
            "of the recording."
        )


def judged_of(commands: Rows, state: StateArray) -> Judged:
    """Return what the commands of a signal say was decided.

    Args:
        commands: Shape (n,), in order.
        state: Shape (1,), just after it.
    """
    for row in commands:
        if row["kind"] == Kind.REFUSED and row["role"] == Role.ENTRY:
            reasons = reasons_of(int(row["mask_lo"]), int(row["mask_hi"]))
            return Judged(
                outcome=Outcome.REFUSED,
                quantity=int(row["qty"]),
                stop=int(state["proposal"]["stop_distance"][0]),
                target=int(state["proposal"]["target_distance"][0]),
                reasons=tuple(reason.name for reason in reasons),
            )
        if row["kind"] == Kind.SUBMIT and row["role"] == Role.ENTRY:
            return Judged(
                outcome=Outcome.SENT,
                quantity=int(row["qty"]),
                stop=int(row["stop_ticks"]),
                target=int(row["target_ticks"]),
            )
    return Judged(outcome=Outcome.CLOSED if len(commands) else Outcome.NOTHING)


def change_of(recorded: Judged, other: Judged) -> Change:
    """Return how two decisions differ."""
    if recorded.outcome is not other.outcome:
        if other.outcome is Outcome.REFUSED:
            return Change.REFUSED
        if recorded.outcome is Outcome.REFUSED and other.outcome is Outcome.SENT:
            return Change.ALLOWED
        return Change.OTHER
    if recorded.outcome is Outcome.SENT and recorded != other:
        return Change.SIZED
    if recorded.reasons != other.reasons:
        return Change.REASONS
    return Change.UNCHANGED


def may_open(signal: KernelRow) -> bool:
    """Return whether a signal proposes more than to close."""
    return bool(signal["side"] != 0 and signal["flags"] & Flag.EXIT_ONLY == 0)


class OtherRules:
    """The kernel under other rules, at moments of a recording.

    Args:
        policy: Shape (1,), of the other rules.
        like: A state of the recording, for its capacities.
    """

    def __init__(self, policy: PolicyArray, like: StateArray) -> None:
        self._policy = policy
        self._state = like.copy()
        self._out = new_out()

    def judge(self, state: StateArray, signal: Rows) -> Judged:
        """Return what they decide on a signal.

        Args:
            state: Shape (1,), just before it; not changed.
            signal: Shape (1,).
        """
        self._state[:] = state
        begun = rows(1)
        begun["kind"] = Kind.POLICY_SET
        begun["seq"] = signal["seq"]
        for name in ("ts_ns", "src_ts_ns"):
            begun[name] = signal["ts_ns"]
        step(self._policy, self._state, begun, 0, self._out)
        event = signal.copy()
        event["seq"] += 1
        count = step(self._policy, self._state, event, 0, self._out)
        return judged_of(self._out["rows"][0, :count], self._state)


class _Comparing:
    """Goes through a recording, and stops before every signal that may open something."""

    def __init__(self, begun: Begun, other: OtherRules, traded: Traded) -> None:
        self._replayer = begun.replayer
        self._other = other
        self._scales = [scale_of(one) for one in traded.instruments]
        self._symbols = [one.symbol for one in traded.instruments]
        self._waiting: list[Row] = []
        self.changed: list[Compared] = []
        self.counts: Counter[str] = Counter()
        self.refusals: Counter[str] = Counter()
        self.decisions = 0

    def take(self, row: Row) -> None:
        """Take the next row."""
        entry = row.entry
        if entry.kind is _EVENT:
            signal = events_of(entry)
            if signal["kind"][0] == _SIGNAL and may_open(signal[0]):
                self.flush()
                other = self._other.judge(self._replayer.state, signal)
                self._replayer.run([row])
                recorded = judged_of(commands_of(entry), self._replayer.state)
                self._note(signal[0], recorded, other)
                return
        self._waiting.append(row)
        if len(self._waiting) >= BUFFER_ROWS:
            self.flush()

    def flush(self) -> None:
        """Replay what waits."""
        if self._waiting:
            self._replayer.run(self._waiting)
            self._waiting.clear()

    def _note(self, signal: KernelRow, recorded: Judged, other: Judged) -> None:
        self.decisions += 1
        change = change_of(recorded, other)
        self.counts[change.value] += 1
        if change is Change.REFUSED:
            self.refusals[other.reasons[0]] += 1
        if change in {Change.UNCHANGED, Change.REASONS}:
            return
        number = int(signal["instrument"])
        scale = self._scales[number]
        self.changed.append(
            Compared(
                id=signal_name(int(signal["seq"])),
                ts=time_text(int(signal["ts_ns"])),
                symbol=self._symbols[number],
                side="buy" if signal["side"] > 0 else "sell",
                change=change,
                recorded=recorded,
                other=other,
                recorded_text=recorded.text(scale),
                other_text=other.text(scale),
            )
        )


def _nobody(_events: int) -> None:
    """Tell nobody."""


def traded_in(store: Store) -> Traded:
    """Return what a journal's first start says was traded, with every strategy up to its last.

    Raises:
        JournalError: It does not say it.
    """
    found: Traded | None = None
    for row in store.read():
        if row.entry.kind is RowKind.NOTE:
            said = said_by(row.entry)
            if said.get("what") == "start":
                one = read_traded(said, store.name)
                found = one if found is None else replace(found, others=one.others)
    return found or read_traded({}, store.name)


def what_if(store: Store, rules: Rules, tell: Told = _nobody) -> WhatIf:
    """Judge every decision of a journal again under other rules.

    Args:
        store: Opened for reading is enough.
        rules: The other ones.
        tell: Told now and then how many events are done; may raise to stop.

    Raises:
        ReplayError: The journal does not replay to what it says.
        JournalError: It cannot be replayed by this version of Interlock.
        PolicyError: The rules cannot express a limit of one of its instruments.
    """
    begun = begin_replay(store)
    traded = traded_in(store)
    policy = policy_of_rules(traded, rules, begun.tier)
    comparing = _Comparing(begun, OtherRules(policy, begun.replayer.state), traded)
    kept = begun.replayer.remembered
    told = 0
    for row in begun.rows(store):
        comparing.take(row)
        if kept.events != told:
            told = kept.events
            tell(told)
    comparing.flush()
    return WhatIf(
        journal=store.name,
        decisions=comparing.decisions,
        changed=tuple(comparing.changed),
        counts=dict(comparing.counts),
        refusals=dict(comparing.refusals),
        events=kept.events,
    )
