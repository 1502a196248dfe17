"""The engine without I/O: messages in, journal entries and bytes out, in one order.

Whoever drives it gives it what the venue sent, what people ask and how time passes, writes the
entries it returns, tells it what is durable, and puts the bytes it returns through the last gate.
Nothing it returns to be sent depends on anything that is not durable yet.
"""

from collections import deque
from collections.abc import Callable
from typing import Final

from interlock.journal.rows import Entry, RowKind
from interlock.kernel.codes import Cause, Kind, Level
from interlock.kernel.policy import PolicyArray
from interlock.kernel.records import Rows
from interlock.runtime import reconcile
from interlock.runtime.clock import Clock
from interlock.runtime.decide import Decided, Decider
from interlock.runtime.entries import Said, said_entry, snapshot_entry
from interlock.runtime.fed import is_fed
from interlock.runtime.inbox import Inbox, Lane
from interlock.runtime.last_gate import Outgoing
from interlock.runtime.link import Link, Phase
from interlock.runtime.once import Fills
from interlock.runtime.operator import releases
from interlock.runtime.pause import Pause, Progress
from interlock.runtime.reconcile import halt_row
from interlock.runtime.turns import Turns
from interlock.venues.port import (
    Account,
    Beat,
    Codec,
    Duplicate,
    Ended,
    Fenced,
    Found,
    Garbled,
    Market,
    Message,
    NotFound,
    Report,
    Turn,
    Welcome,
)

_ORDER_KINDS: Final = (int(Kind.SUBMIT), int(Kind.CANCEL), int(Kind.AMEND))
_READY: Final = 0  # the number of the beat that says so

Watcher = Callable[[Decided], None]


class Superseded(Exception):  # noqa: N818 - what happened, not what went wrong
    """A later engine has this account now; this one stops."""


def _nothing() -> None:
    """A recording tells its calendar itself."""


def _follows(message: Message) -> bool:
    """Return whether a message may be decided on together with the one before.

    What ends an order may not: whether all before it was heard is seen once that was decided on.
    """
    if isinstance(message, Report):
        return not reconcile.may_end_order(message.row)
    return isinstance(message, Market)


class Engine:
    """Everything between one account's journal and its venue.

    Args:
        decider: Recovered to the journal's end.
        link: To the venue.
        codec: Of the venue.
        inbox: Empty.
        turns: The strategies.
        clock: For everything but recordings.
        seen: Whether a fill with this key is in the journal.
        feed: The last feed number in the journal.
        watch: Told of what was decided; nothing of it is durable yet.
        simulated_operator: Whether a recording has a person beside it.
    """

    def __init__(
        self,
        decider: Decider,
        link: Link,
        codec: Codec,
        inbox: Inbox,
        turns: Turns,
        clock: Clock,
        *,
        seen: Callable[[bytes], bool],
        feed: int,
        watch: Watcher,
        simulated_operator: bool = False,
    ) -> None:
        self.decider = decider
        self.link = link
        self.inbox = inbox
        self.fills = Fills(seen)
        self.turns = turns
        self.remind: Callable[[], None] = _nothing  # puts the calendar of live data before us
        self.progress = Progress(durable_seq=decider.seq, feed=feed)
        self.epoch = 0  # of this engine; the next start counts on from the last note's
        self.is_stopping = False  # a recording is not told to go on any more
        self._codec = codec
        self._clock = clock
        self._watch = watch
        self._simulated_operator = simulated_operator
        self._messages: deque[Message] = deque()
        self.entries: list[Entry] = []  # to be journaled next
        self._pause = Pause(bars=list(turns.unseen))
        self._heard = feed  # of the feed, decided on or not

    # --- in -----------------------------------------------------------------------------------

    def receive(self, data: bytes) -> str | None:
        """Take bytes from the venue; return what is wrong with them if they are no messages.

        Raises:
            Superseded: The venue knows a later engine.
        """
        for message in self._codec.receive(data):
            if isinstance(message, Garbled):
                return message.why
            if isinstance(message, Fenced):
                raise Superseded(
                    f"the venue must not have heard of a later engine than this one, and has heard "
                    f"of {message.epoch}: this one stops."
                )
            if not self.link.replay:
                self.link.trips.heard(message)
            self._messages.append(message)
        return None

    def connected(self) -> None:
        """The venue can be spoken to."""
        self.link.connected(self.progress.feed)

    def lost(self) -> None:
        """The connection is gone."""
        self.link.lost()
        self._codec.forget()
        self._messages.clear()
        self._pause.beat = None

    def durable(self, seq: int) -> None:
        """Everything up to ``seq`` is durable."""
        assert self.progress.durable_seq <= seq <= self.decider.seq
        self.progress.durable_seq = seq

    @property
    def waiting(self) -> int:
        """How many messages and events have come and were not decided on."""
        return len(self.inbox) + len(self._messages)

    def operate(self, rows: Rows, payload: bytes = b"") -> bool:
        """Take what a person or a monitor asks; False when too much of that waits already."""
        return self.inbox.offer(Lane.OPERATOR, rows, payload)

    def operate_now(self, rows: Rows, payload: bytes = b"") -> int:
        """Decide on it at once, before all that waits; return the seq that has to be durable."""
        self._decide(rows, {0: payload} if payload else {})
        return self.decider.seq

    def set_policy(self, policy: PolicyArray, canonical: bytes) -> int:
        """Let another policy hold from here on; return the seq that has to be durable first."""
        self._keep(self.decider.set_policy(policy, canonical, self.now_ns()))
        return self.decider.seq

    def note(self, content: Said, key: bytes = b"") -> int:
        """Write down what this process says of itself, with its epoch; return its seq.

        Args:
            content: What it says.
            key: What it may be written down once by, or nothing.
        """
        seq = self.decider.next_seq()
        said = {"epoch": self.epoch, **content}
        self.entries.append(said_entry(RowKind.NOTE, seq, self.decider.ts_ns, said, key))
        return seq

    def snapshot(self, kind: RowKind, content: Said) -> int:
        """Write down the whole state; return its seq. Only between two events."""
        seq = self.decider.next_seq()
        said = {**content, "feed": self.progress.feed}
        state = self.decider.state
        self.entries.append(snapshot_entry(kind, seq, self.decider.ts_ns, state, said))
        return seq

    def now_ns(self) -> int:
        """Return the time that events of ours get: a recording's while one is replayed."""
        return self.decider.ts_ns if self.link.replay else self._clock.now_ns()

    # --- work ---------------------------------------------------------------------------------

    def work(self) -> bool:
        """Do the next thing there is to do; return whether there was one."""
        if self.link.rows:
            mine, self.link.rows = self.link.rows, []
            for rows in mine:
                self.inbox.offer(Lane.REPORT, rows)
            return True
        taken = self.inbox.take()
        if taken is not None:
            self._decide(taken.rows, taken.payloads)
            return True
        if self.link.phase is Phase.LOOKING:
            self.link.look()
        if self._messages and not self._comes_too_soon(self._messages[0]):
            self._hear(self._messages.popleft())
            return True
        return self._take_turns()

    def _comes_too_soon(self, message: Message) -> bool:
        """Return whether strategies have to speak first: live, on a bar before its successor.

        Bars that are caught up with come faster than strategies are asked. What these want because
        of an old bar has to be judged by what was known then, and that was old.
        """
        if self.link.replay or not self._pause.bars or not isinstance(message, Market):
            return False
        bars = message.rows[message.rows["kind"] == Kind.BAR]
        waiting = {int(bar["instrument"]) for bar in self._pause.bars}
        return not waiting.isdisjoint(bars["instrument"].tolist())

    def _decide(self, rows: Rows, payloads: dict[int, bytes]) -> None:
        rows, payloads, strange = self.fills.fresh(rows, payloads)
        for fill in strange:
            number = int(fill["instrument"])
            self.operate(halt_row(number, Level.HALTED, self.now_ns(), Cause.IMPOSSIBLE_STATE))
        if len(rows) == 0:
            return
        self._keep(self.decider.decide(rows, payloads))
        fed = rows[is_fed(rows)]
        self.progress.feed = max(self.progress.feed, int(fed["ext_lo"].max(initial=0)))
        if self._simulated_operator and self.link.replay and (rows["kind"] == Kind.DAY).any():
            for row in releases(self.decider.state, self.decider.ts_ns):
                self.operate(row)
        bars = rows[rows["kind"] == Kind.BAR]
        if len(bars):
            self._pause.bars.extend(bars)
            self._pause.bars_seq = int(bars["seq"][-1])

    def _keep(self, decided: Decided) -> None:
        """Queue what was decided: entries to be written, requests to be sent after that."""
        self.entries.extend(decided.entries)
        for command in decided.commands:
            if command.row["kind"] in _ORDER_KINDS:
                self._pause.ordered = True
                self.link.command(command, int(command.row["seq"]))
        self._watch(decided)

    def _hear(self, message: Message) -> None:
        """Take one message; the inbox is empty, so everything before it was decided on."""
        match message:
            case Report() | Market():
                self._hear_rows(message)
                while self._messages and _follows(self._messages[0]):
                    self._hear_rows(self._messages.popleft())
            case Welcome():
                self.progress.ended = message.ended
                self.link.welcomed(message)
            case Found() | NotFound():
                self.link.answered(message)
            case Duplicate():
                self.link.used_before(message.client_id)
            case Account():
                if not self.link.looked(message):
                    return
                if self.link.replay:
                    ready = Beat(number=_READY, now_ns=message.now_ns, strategies=Turn.NO)
                    self._pause.beat = ready
                else:
                    self.link.done(beat=_READY, spoke=False)
            case Beat():
                self._pause.beat = message
                self._pause.spoke = False
            case Ended():
                self.progress.ended = True
            case _:
                raise AssertionError(f"{type(message).__name__} is for receive")

    def _hear_rows(self, message: Message) -> None:
        assert isinstance(message, Report | Market)
        if isinstance(message, Report):
            lane, rows = Lane.REPORT, self.link.reported(message)
        else:
            lane, rows = Lane.MARKET, self._unheard(message.rows)
        if not self.link.replay:
            rows["ts_ns"] = self._clock.now_ns()
        self.inbox.offer(lane, rows)

    def _unheard(self, rows: Rows) -> Rows:
        """Return a copy of market data without what was told before another connection was lost."""
        found: Rows = rows[(rows["ext_lo"] == 0) | (rows["ext_lo"] > self._heard)]
        self._heard = max(self._heard, int(found["ext_lo"].max(initial=0)))
        return found

    # --- turns --------------------------------------------------------------------------------

    def _take_turns(self) -> bool:
        """Let strategies speak on durable bars, and tell a recording to go on; all else is done."""
        pause = self._pause
        if not self.link.replay:
            are_durable = self.progress.durable_seq >= pause.bars_seq
            if not pause.bars or not are_durable:
                return False
            return self._speak() or bool(self._messages)
        if self.link.rows or self.progress.durable_seq < self.decider.seq:
            return False
        beat = pause.beat
        if beat is None:
            return False
        may = beat.strategies is Turn.YES or (
            beat.strategies is Turn.IF_QUIET and not pause.ordered
        )
        if may and not pause.spoke:
            pause.spoke = True
            if self._speak():
                return True
        if self.is_stopping:
            return False
        self.link.done(beat=beat.number, spoke=pause.spoke)
        self.progress.beats += 1
        pause.beat = None
        pause.ordered = False
        return True

    def _speak(self) -> bool:
        """Show the bars that wait to the strategies; return whether anything was proposed."""
        bars, self._pause.bars = self._pause.bars, []
        found = self.turns.speak(bars, self.now_ns())
        for rows in found:
            lane = Lane.SIGNAL if rows["kind"][0] == Kind.SIGNAL else Lane.OPERATOR
            self.inbox.offer(lane, rows)
        return bool(found)

    # --- out ----------------------------------------------------------------------------------

    def take_entries(self) -> list[Entry]:
        """Return what is to be journaled next, in order."""
        found, self.entries = self.entries, []
        return found

    def take_outgoing(self) -> list[Outgoing]:
        """Return what may be sent now, in order: nothing of it hangs on what is not durable."""
        outbox = self.link.outbox
        count = 0
        while count < len(outbox) and outbox[count].seq <= self.progress.durable_seq:
            count += 1
        found = outbox[:count]
        del outbox[:count]
        return found

    def tick(self) -> None:
        """Let time pass."""
        self.link.tick()
        self.remind()
