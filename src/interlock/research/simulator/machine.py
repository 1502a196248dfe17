"""One process of the engine on a simulated machine: everything in it is the product's own.

What the threads and sockets of a real one do is done here one step at a time, in an order that
chance chooses; it can end at every point that has a name, and start again from what is on its disk.
"""

from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Final, cast

from interlock.config.latch import LatchState
from interlock.config.latch_file import LatchFile
from interlock.journal.errors import FencedError, JournalError
from interlock.journal.rows import EMPTY, Head, RowKind
from interlock.journal.sqlite import SqliteStore
from interlock.journal.verify import verify
from interlock.kernel.codes import Kind, Level
from interlock.research.simulator.account import ACCOUNT_NAME
from interlock.research.simulator.far_side import capabilities_of
from interlock.research.simulator.network import Wire
from interlock.research.simulator.trader import Silent
from interlock.research.simulator.writing import Writing
from interlock.runtime.clock import NS_PER_MS, NS_PER_S
from interlock.runtime.decide import Decided
from interlock.runtime.entries import layout_digest
from interlock.runtime.inbox import Room
from interlock.runtime.last_gate import Budget, LastGate, Outgoing, Stopped
from interlock.runtime.link import Phase
from interlock.runtime.recover import Recovered, recover
from interlock.runtime.sender import Sender
from interlock.runtime.session import Begun, Parts, begin
from interlock.runtime.stopping import Stopping
from interlock.runtime.turns import Turns
from interlock.venues.port import Amend, Cancel, NewOrder
from interlock.venues.simulated.wire import SimulatedCodec

if TYPE_CHECKING:
    from interlock.research.simulator.world import World
    from interlock.runtime.engine import Engine
    from interlock.signals.strategy import Strategy
    from interlock.venues.connection import Connection

ANSWER_NS: Final = 2 * NS_PER_S
LOOK_NS: Final = 3 * NS_PER_S
RETRY_NS: Final = (50 * NS_PER_MS, 200 * NS_PER_MS, 500 * NS_PER_MS, NS_PER_S)
REQUESTS_PER_S: Final = 200
REQUESTS_KEPT: Final = 50
_ACTS: Final = 8  # at most, before anything else in the world happens
_GATES: Final = {NewOrder: "gate", Cancel: "cancel_gate", Amend: "amend_gate"}
_LEFT: Final = {NewOrder: "last_byte", Cancel: "cancel_sent", Amend: "amend_sent"}


class Machine:
    """One process: from its start to its end.

    Args:
        world: Where it is.
        epoch: Greater than that of any before it.
    """

    def __init__(self, world: "World", epoch: int) -> None:
        self.world = world
        self.epoch = epoch
        self.fuse = world.fuse
        self.latch = LatchFile(path=world.latch_path, stopwatch_ns=world.clock.elapsed_ns)
        self.frozen_until_ns = 0
        self.holds_lease = True
        self.is_up = False
        self.wire: Wire | None = None
        self.recovered: Recovered | None = None
        self.is_stopping = False
        self._random = world.chance.of("machine")
        self._inbox: deque[bytes] = deque()
        self._attempt = 0
        self._retry_ns = 0
        self._snapshot_seq = 0

    # --- from start to end ------------------------------------------------------------------------

    def start(self) -> None:
        """Start: latch, journal, recovery, engine; nothing is sent yet.

        Raises:
            Crash: It ended at a point on the way.
            JournalError: The journal is not to be used.
        """
        world, at = self.world, self.fuse.at
        at("starting")
        killed = self.latch.prepare(journal_exists=world.disk.has_journal())
        at("latch_read")
        self.store = SqliteStore(world.disk.path, vfs=world.disk.vfs)
        self.writing = Writing(world, self.store)
        world.disk.check()
        at("journal_opened")
        if self.store.head() != EMPTY:
            verify(self.store)
        self.recovered = recover(self.store, tell=lambda _: at("recovering"))
        at("recovered")
        self.codec = SimulatedCodec(
            [one.symbol for one in world.plan.instruments],
            ACCOUNT_NAME,
            capabilities_of(world.plan.faults, native_oco=world.plan.instruments[0].native_oco),
        )
        self.writing.head = self.store.head()
        self.begun: Begun = begin(
            world.setup,
            self._parts(),
            self.recovered,
            epoch=self.epoch,
            seen=self.store.has_key,
            killed=killed.state is LatchState.UNREADABLE,
            identity=f"{world.seed:032x}",
        )
        self.engine: Engine = self.begun.engine
        self.names = self.begun.names
        self.stopping = Stopping(self.engine, self.latch, world.clock, world.plan.stops)
        self.stopping.look()
        self.engine.remind = self.stopping.tick
        self._gate = LastGate(
            self.codec,
            self.latch,
            Budget(world.clock, per_second=REQUESTS_PER_S, reserve=REQUESTS_KEPT),
            is_held=lambda: self.holds_lease,
            epoch=self.epoch,
            mode="paper",
        )
        self._sender = Sender(
            self.engine,
            cast("LastGate", self),
            world.clock,
            stale_ns=ANSWER_NS,
            report=lambda _event, _facts: None,
        )
        self._snapshot_seq = self.engine.decider.seq
        self.writing.waiting.extend(self.begun.first)
        self.collect()
        at("begun")
        self.is_up = True

    def _parts(self) -> Parts:
        """Return what an engine is joined with."""
        return Parts(
            codec=self.codec,
            turns=Turns(cast("Strategy", Silent()), 0, self.world.setup.scales),
            clock=self.world.clock,
            room=Room(),
            answer_ns=ANSWER_NS,
            look_ns=LOOK_NS,
            watch=self._watch,
        )

    def end(self) -> None:
        """The process is gone: its connection, its memory, its locks."""
        self.is_up = False
        self._inbox.clear()
        if self.wire is not None:
            self.wire.close()
            self.wire = None
        self.latch.close()
        store = getattr(self, "store", None)
        if store is not None:
            with suppress(JournalError):
                store.close()

    def stop(self) -> None:
        """Stop gracefully: what was decided is written and leaves, then a snapshot and a note."""
        self.fuse.at("stopping")
        engine = self.engine
        while engine.work():
            self.collect()
        self.collect()
        self.commit(now=True)
        self._flush()
        self.snapshot(RowKind.SNAPSHOT)
        engine.note({"what": "stop", "why": "asked", "epoch": self.epoch, "wall_ns": 0})
        self.collect()
        self.commit(now=True)
        self.fuse.at("closing")
        self.store.close()

    # --- steps ------------------------------------------------------------------------------------

    @property
    def head(self) -> Head:
        """Where its journal ends, as it knows."""
        return self.writing.head

    @property
    def is_frozen(self) -> bool:
        """Whether the process stands still."""
        return self.world.clock.elapsed_ns() < self.frozen_until_ns

    @property
    def is_quiet(self) -> bool:
        """Whether nothing is under way in it."""
        return self.is_ready and not (self.writing.waiting or self._inbox or len(self._sender))

    @property
    def is_ready(self) -> bool:
        """Whether it has reconciled."""
        return self.is_up and self.engine.link.phase is Phase.READY

    def step(self) -> bool:
        """Do some of what there is to do; return whether there was any.

        Raises:
            Crash: It ended there.
            JournalError: The journal failed, which ends it too.
            Superseded: Another engine has the account.
        """
        for done in range(1 + int(self._random.random() * _ACTS)):
            if not self._act():
                return done > 0
        return True

    def _act(self) -> bool:
        """Do one thing there is to do; return whether there was one."""
        first = self._random.random()
        if first < 0.15 and self.commit():  # noqa: PLR2004 - a writer's thread
            self._flush()
            return True
        if first > 0.85 and self._read():  # noqa: PLR2004 - bytes come at any time
            return True
        if self.engine.work():
            self.collect()
            self.fuse.at("decided")
            if len(self.writing.waiting) >= self.world.plan.group:
                self.commit()
            self._flush()
            return True
        if self._flush() or self._read():
            return True
        if not self.commit():
            return False
        self._flush()
        return True

    def _read(self) -> bool:
        """Hear what has come in."""
        if not self._inbox:
            return False
        data = self._inbox.popleft()
        self.fuse.at("response_read")
        self.world.watched.tell("said", data)
        wrong = self.engine.receive(data)
        if wrong is not None:
            self._disconnect()
            return True
        self.fuse.at("heard")
        return True

    def tick(self) -> None:
        """Let time pass, as the driver does: connect, look after what is overdue, snapshots."""
        self.fuse.at("ticking")
        if self.wire is None:
            self._connect()
        elif self.engine.link.is_ignored:
            self._disconnect()
        was_ready = self.is_ready
        level = self.engine.decider.state["account"]["latch_level"][0]
        self.engine.tick()
        if self.engine.decider.state["account"]["latch_level"][0] > level:
            self.fuse.at("kill_seen")
        if self.is_ready and not was_ready:
            self._attempt = 0
        if self.engine.decider.seq - self._snapshot_seq >= self.world.plan.snapshot_events:
            self.snapshot(RowKind.SNAPSHOT)

    # --- the connection ---------------------------------------------------------------------------

    def hear(self, wire: Wire, data: bytes) -> None:
        """Take bytes off the wire; they wait until somebody reads."""
        if wire is self.wire:
            self._inbox.append(data)

    def hung_up(self, wire: Wire) -> None:
        """Take note that the venue is gone."""
        if wire is self.wire and self.is_up:
            self._disconnect()

    def _connect(self) -> None:
        clock = self.world.clock
        if clock.elapsed_ns() < self._retry_ns:
            return
        self.fuse.at("connecting")
        try:
            self.wire = self.world.network.connect(self, self.world.far_side)
        except OSError:
            self._wait_longer()
            return
        self.engine.connected()
        self._flush()

    def _disconnect(self) -> None:
        wire, self.wire = self.wire, None
        self._sender.forget()
        self._inbox.clear()
        if wire is None:
            return
        wire.close()
        self.engine.lost()
        self._wait_longer()

    def _wait_longer(self) -> None:
        wait_ns = RETRY_NS[min(self._attempt, len(RETRY_NS) - 1)]
        self._attempt += 1
        self._retry_ns = self.world.clock.elapsed_ns() + wait_ns

    def _watch(self, decided: Decided) -> None:
        world = self.world
        if world.machine is not self:
            return  # it does not know yet that another one has the account
        world.events["row"] += sum(entry.count for entry in decided.entries)
        world.watched.tell("decided", decided)
        if any(one.row["kind"] == Kind.SUBMIT for one in decided.commands):
            self.fuse.at("decided_order")

    def collect(self) -> None:
        """Take what is to be journaled next."""
        self.writing.waiting.extend(self.engine.take_entries())

    def commit(self, *, now: bool = False) -> bool:
        """Make what waits durable, and let the engine know; return whether something was written.

        Args:
            now: Even on a slow disk.
        """
        if self.writing.waiting and not self.holds_lease:
            # A journal that two machines can write to asks for the lease in the same transaction.
            raise FencedError("another engine has the account")
        rows = self.writing.commit(now=now)
        if not rows:
            return False
        self.world.committed(self, rows)
        self.engine.durable(self.writing.head.seq)
        self.fuse.at("durable")
        self.writing.tidy()
        return True

    def snapshot(self, kind: RowKind) -> None:
        """Write down the whole state."""
        self.collect()
        self.fuse.at("snapshotting")
        state = self.engine.decider.state
        self.engine.snapshot(
            kind,
            {
                "layout": layout_digest(self.world.setup.tier),
                "policy_seq": int(state["account"]["policy_seq"][0]),
                "start": self.world.setup.said,
                "starts": self.names.starts(),
            },
        )
        self._snapshot_seq = self.engine.decider.seq
        self.collect()
        self.commit(now=True)
        self.fuse.at("snapshotted")

    # --- sending ----------------------------------------------------------------------------------

    def _flush(self) -> bool:
        """Send what may leave; return whether anything did."""
        outgoing = self.engine.take_outgoing()
        self._sender.add(outgoing)
        if not len(self._sender) or self.wire is None:
            return False
        asks = [one for one in outgoing if one.request is None]
        try:
            self._sender.send(cast("Connection", self.wire))
        except OSError:
            self._disconnect()
        if asks:
            phase = self.engine.link.phase
            point = {Phase.GREETING: "greeted", Phase.LOOKING: "looking"}.get(phase, "comparing")
            self.fuse.at(point)
        return bool(outgoing)

    def send(
        self, outgoing: Outgoing, durable_seq: int, _write: Callable[[bytes], None]
    ) -> Stopped | None:
        """Put an order through the last gate, with every point on its way."""
        return self._gate.send(outgoing, durable_seq, lambda wire: self._first_byte(outgoing, wire))

    def _first_byte(self, outgoing: Outgoing, wire: bytes) -> None:
        world, request = self.world, outgoing.request
        assert request is not None
        assert self.wire is not None
        self.fuse.at(_GATES[type(request)])
        world.speaking = self
        world.watched.tell("first_byte", outgoing, wire)
        world.count("request")
        if self.fuse.armed == "mid_bytes":
            self.wire.write(wire[: self._random.randrange(1, len(wire))])
            self.fuse.at("mid_bytes")
        self.wire.write(wire)
        if self.engine.decider.state["account"]["latch_level"][0] >= Level.KILLED:
            self.fuse.at("kill_half_sent")
        self.fuse.at(_LEFT[type(request)])
        self.fuse.at("sent")
