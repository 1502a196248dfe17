"""An engine and its simulated venue in one process, without sockets; either may crash anywhere.

Everything between the two is real: the engine, its journal, the last gate, the codec's bytes, the
venue's desk and its books. Only the threads and the sockets are missing, so that every run is the
same as the one before, and a test can stop it at any point and start it again from the journal.
"""

from collections import Counter, deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final, cast

from interlock.config.latch import Latch, LatchState
from interlock.journal.port import Store
from interlock.journal.rows import Entry, Row, RowKind, chained
from interlock.journal.sqlite import SqliteStore
from interlock.research.inputs import Inputs
from interlock.research.traded import NAME, traded_said
from interlock.runtime.clock import NS_PER_S, ManualClock
from interlock.runtime.engine import Engine
from interlock.runtime.entries import layout_digest
from interlock.runtime.inbox import Room
from interlock.runtime.last_gate import Budget, LastGate
from interlock.runtime.link import Phase
from interlock.runtime.recover import Recovered, bars_in, recover
from interlock.runtime.session import Begun, Parts, Setup, begin
from interlock.runtime.turns import Scale, Turns
from interlock.venues.port import Message
from interlock.venues.simulated.asks import Hello, read_ask
from interlock.venues.simulated.desk import Desk
from interlock.venues.simulated.ledger import MEMORY, Ledger
from interlock.venues.simulated.lines import Symbols
from interlock.venues.simulated.source import TapeSource
from interlock.venues.simulated.tells import tell_bytes
from interlock.venues.simulated.wire import SimulatedCodec

if TYPE_CHECKING:
    from interlock.config.latch_file import LatchFile
    from interlock.runtime.decide import Decided

ACCOUNT: Final = "paper"
POINTS: Final = ("decided", "committed", "sending", "sent", "telling", "heard")
_RATE: Final = 10**9  # requests per second: time stands still here


class Crash(Exception):  # noqa: N818 - what happens, not what went wrong
    """The engine's process ends here, without a word."""


class _Clear:
    """A kill latch that is clear."""

    @contextmanager
    def shared(self, timeout_s: float) -> Iterator[Latch]:
        """Hold it."""
        assert timeout_s > 0
        yield Latch(state=LatchState.CLEAR)


def setup_of(inputs: Inputs) -> Setup:
    """Return what an account trades with."""
    scales = [
        Scale(symbol=one.symbol, price_digits=one.price_digits, qty_digits=one.qty_digits)
        for one in inputs.instruments
    ]
    starts = [int(each.open_ns[0]) for each in inputs.sets]
    if len(inputs.facts):
        starts.append(int(inputs.facts["ts_ns"][0]))
    return Setup(
        account=ACCOUNT,
        mode="paper",
        currency=inputs.currency,
        cash_units=inputs.cash_units,
        tier=inputs.tier,
        policy=inputs.policy,
        canonical=inputs.rules.content(),
        scales=scales,
        strategies=[inputs.strategy.name],
        begin_ns=min(starts) - 1,
        said={"build": "tests", NAME: traded_said(inputs)},
    )


class InProcess:
    """One account: its engine, its journal and its venue.

    Args:
        inputs: What is traded.
        store: The journal; it outlives every engine.
        ledger: Of the venue's books; None keeps them in memory.
        at: Told every point that is passed; what it raises ends the engine's process there.
        group: The journal is written when so many entries wait, or nothing else can be done.
    """

    def __init__(
        self,
        inputs: Inputs,
        store: Store,
        *,
        ledger: Path | None = None,
        at: Callable[[str], None] = lambda _: None,
        group: int = 1,
    ) -> None:
        self.inputs = inputs
        self.store = store
        self.setup = setup_of(inputs)
        self.clock = ManualClock(self.setup.begin_ns or 1)
        self.at = at
        self.points: Counter[str] = Counter()
        self.epoch = 0
        self.recovered: Recovered | None = None
        self.watched: list[Decided] = []
        self._group = group
        self._ledger = MEMORY if ledger is None else str(ledger)
        self._symbols = Symbols([one.symbol for one in self.setup.scales])
        self.desk = self._open_desk()
        self.begun: Begun | None = None
        self._head = store.head()

    # --- processes --------------------------------------------------------------------------------

    @property
    def engine(self) -> Engine:
        """The one that runs."""
        assert self.begun is not None
        return self.begun.engine

    def _open_desk(self) -> Desk:
        return Desk(
            self.inputs.world,
            TapeSource(self.inputs.merged.bars, self.inputs.facts),
            Ledger(self._ledger, "a recording of the tests"),
            instruments=len(self.setup.scales),
            cash_units=self.inputs.cash_units,
            tier=self.inputs.tier,
        )

    def start(self) -> None:
        """Start an engine from what the journal says."""
        self.recovered = recover(self.store)
        turns = Turns(self.inputs.strategy, 0, self.setup.scales)
        if self.recovered is not None:
            shown = bars_in(self.store.read())
            turns.remember((), shown.unseen)
            for bars in shown.bars:
                turns.remember(bars)
        codec = SimulatedCodec(self._symbols.names, ACCOUNT)
        self.epoch += 1
        self._head = self.store.head()
        self._waiting: deque[Entry] = deque()
        self._to_engine: deque[bytes] = deque()
        self.begun = begin(
            self.setup,
            Parts(
                codec=codec,
                turns=turns,
                clock=self.clock,
                room=Room(),
                answer_ns=10 * NS_PER_S,
                look_ns=10 * NS_PER_S,
                watch=self.watched.append,
            ),
            self.recovered,
            epoch=self.epoch,
            seen=self.store.has_key,
            killed=False,
        )
        self._gate = LastGate(
            codec,
            cast("LatchFile", _Clear()),
            Budget(self.clock, per_second=_RATE, reserve=0),
            is_held=lambda: True,
            epoch=self.epoch,
            mode="paper",
        )
        self._waiting.extend(self.begun.first)
        self._collect()
        self.engine.connected()

    def crash(self) -> None:
        """End the engine's process: what was not durable, and what was on its way, is gone."""
        self.begun = None
        self.desk.leave()

    def crash_venue(self) -> None:
        """End the venue's process and start it again; the engine loses its connection."""
        assert self._ledger != MEMORY
        self.desk = self._open_desk()
        if self.begun is not None:
            self._to_engine.clear()
            self.engine.lost()
            self.engine.connected()

    def snapshot(self, kind: RowKind = RowKind.SNAPSHOT) -> int:
        """Write down the state, as the driver would; return its seq."""
        assert self.begun is not None
        state = self.engine.decider.state
        seq = self.engine.snapshot(
            kind,
            {
                "layout": layout_digest(self.setup.tier),
                "policy_seq": int(state["account"]["policy_seq"][0]),
                "start": self.setup.said,
                "starts": self.begun.names.starts(),
            },
        )
        self._collect()
        self.commit()
        return seq

    def stop(self, why: str = "asked") -> None:
        """Stop the engine gracefully."""
        while self.engine.work():
            pass
        self._collect()
        self.snapshot()
        self.engine.note({"what": "stop", "why": why, "wall_ns": self.clock.now_ns()})
        self._collect()
        self.commit()
        self.begun = None
        self.desk.leave()

    # --- running ----------------------------------------------------------------------------------

    def run(self, steps: int = 10_000_000) -> None:
        """Run until the recording has ended; an engine that crashes is started again."""
        for _ in range(steps):
            try:
                if self.begun is None:
                    self.start()
                if not self.step():
                    return
            except Crash:
                self.crash()

    def run_until(self, reached: Callable[[], bool]) -> None:
        """Run step by step until something is so."""
        if self.begun is None:
            self.start()
        while not reached():
            assert self.step(), "the recording ended before"

    def settle(self) -> None:
        """Run until nothing is in the air: all is durable, sent and answered."""
        while self.step() and not self.is_settled:
            pass

    @property
    def is_settled(self) -> bool:
        """Whether the venue is the one whose turn it is, and it may go on."""
        in_the_air = self._waiting or self._to_engine or self.engine.link.outbox
        return self.desk.can_advance and not in_the_air

    def step(self) -> bool:
        """Do the next thing there is to do anywhere; False when there is none."""
        if self.engine.work():
            self._collect()
            self._point("decided")
            self._send()
            return True
        self._collect()
        if self._send():
            return True
        if self._waiting:
            self.commit()
            self._point("committed")
            self._send()
            return True
        if self._to_engine:
            data = self._to_engine.popleft()
            self._point("telling")
            wrong = self.engine.receive(data)
            assert wrong is None, wrong
            self._point("heard")
            return True
        if self.desk.can_advance:
            return self._tell(self.desk.advance())
        return False

    @property
    def is_ready(self) -> bool:
        """Whether the engine has reconciled."""
        return self.begun is not None and self.engine.link.phase is Phase.READY

    def _point(self, name: str) -> None:
        self.points[name] += 1
        self.at(name)

    def _collect(self) -> None:
        self._waiting.extend(self.engine.take_entries())
        if len(self._waiting) >= self._group:
            self.commit()

    def commit(self) -> None:
        """Make what waits durable."""
        if not self._waiting:
            return
        rows: list[Row] = []
        for entry in self._waiting:
            row = chained(entry, self._head)
            rows.append(row)
            self._head = type(self._head)(seq=entry.last_seq, hash=row.hash)
        self.store.append(rows)
        self._waiting.clear()
        self.engine.durable(self._head.seq)

    def _send(self) -> bool:
        """Send what may leave; return whether anything did."""
        outgoing = self.engine.take_outgoing()
        for one in outgoing:
            self._point("sending")
            if one.request is None:
                self._arrive(one.wire)
            else:
                stopped = self._gate.send(one, self.engine.progress.durable_seq, self._arrive)
                assert stopped is None, stopped
                self.engine.link.sent(one.request)
            self._point("sent")
        return bool(outgoing)

    # --- the wire ---------------------------------------------------------------------------------

    def _arrive(self, wire: bytes) -> None:
        """The venue hears what the engine says."""
        for line in wire.splitlines(keepends=True):
            ask = read_ask(line, self._symbols)
            if isinstance(ask, Hello):
                self._tell([self.desk.greet(ask)])
            else:
                answers = self.desk.take(ask, line.decode())
                self.desk.save_commands()
                self._tell(answers)

    def _tell(self, messages: list[Message]) -> bool:
        """The venue says something; return whether it did."""
        wire = b"".join(tell_bytes(message, self._symbols) for message in messages)
        if wire:
            self._to_engine.append(wire)
        return bool(wire)


def crash_at(number: int, name: str | None = None) -> Callable[[str], None]:
    """Return what ends the engine's process at one point: the ``number``-th, from 1.

    Args:
        number: Of the point.
        name: Count only points of this name.
    """
    passed = 0

    def at(point: str) -> None:
        nonlocal passed
        if name is None or point == name:
            passed += 1
            if passed == number:
                raise Crash(point)

    return at


def recorded(
    inputs: Inputs,
    path: Path,
    at: Callable[[str], None] = lambda _: None,
) -> Store:
    """Record a whole session in a journal file and return its store."""
    store = SqliteStore(path)
    session = InProcess(inputs, store, at=at)
    session.run()
    session.stop("ended")
    return store
