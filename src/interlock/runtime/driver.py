"""Driving the engine: an event loop, a socket, the journal's writer. It decides nothing."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, Final, Protocol

from interlock.journal.errors import JournalError
from interlock.journal.rows import Entry, RowKind
from interlock.kernel.records import Rows
from interlock.runtime.clock import NS_PER_S, Clock
from interlock.runtime.engine import Engine, Superseded
from interlock.runtime.entries import Said
from interlock.runtime.inbox import Lane
from interlock.runtime.link import Phase
from interlock.runtime.sender import Sender
from interlock.venues.connection import Connection

STEPS_MAX: Final = 64  # of work before the loop looks after its sockets again
TICK_S: Final = 0.02
MEASURE_NS: Final = 10 * NS_PER_S
DRAIN_NS: Final = 5 * NS_PER_S
RECONNECT_S: Final = (0.05, 0.1, 0.2, 0.5, 1.0)


class Writer(Protocol):
    """The journal's writer (``journal.writer``)."""

    def put(self, entries: list[Entry]) -> None:
        """Queue entries; raises when the journal has failed."""


class Why(StrEnum):
    """Why an engine stopped."""

    ASKED = "asked"
    ENDED = "ended"  # the recording has
    JOURNAL = "journal"
    SUPERSEDED = "superseded"


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How often the driver looks after things.

    Attributes:
        snapshot_events: A snapshot after so many journal numbers.
        segment_snapshots: Every so many snapshots begin a segment.
    """

    snapshot_events: int
    segment_snapshots: int


class Driver:
    """One engine at work.

    Args:
        engine: Begun.
        sender: Puts what may be sent through the last gate.
        venue: The venue's socket.
        clock: This machine's.
        pace: How often.
        remembered: What a snapshot says beside the state: layout, starts, start.
        stop_at_end: Whether the end of a recording is the end of the run.
        measure: Returns HEALTH rows, stamped with the time it is given.
        report: Told what a person may want to know, as an event's name and its facts.
    """

    def __init__(
        self,
        engine: Engine,
        sender: Sender,
        venue: Path,
        clock: Clock,
        pace: Pace,
        *,
        remembered: Said,
        stop_at_end: bool,
        measure: Callable[[int], list[Rows]],
        report: Callable[[str, Said], None],
    ) -> None:
        self.engine = engine
        self.sender = sender
        self.arrived = 0  # bytes, from the venue
        self.each_tick: Callable[[], None] = lambda: None
        self.at_stop: Callable[[], None] = lambda: None
        self._writer: Writer | None = None
        self._durable_told: tuple[Callable[[int], None], ...] = ()
        self._venue = venue
        self._clock = clock
        self._pace = pace
        self._remembered = remembered
        self._stop_at_end = stop_at_end
        self._measure = measure
        self._measured_ns = -MEASURE_NS
        self._report = report
        self._connection: Connection | None = None
        self._paused = False
        self._attempt = 0
        self._retry_ns = 0
        self._snapshot_seq = engine.decider.seq
        self._snapshots = 0
        self._scheduled = False
        self._stopping: asyncio.Future[Why] | None = None
        self._error: BaseException | None = None
        self._waiters: list[tuple[int, asyncio.Future[None]]] = []
        self._loop: asyncio.AbstractEventLoop | None = None

    def writes_with(self, writer: Writer, *told: Callable[[int], None]) -> None:
        """Take the journal's writer, to which ``durable`` and ``failed`` were given.

        Args:
            writer: It is put entries in order.
            told: Whoever else wants to know how far the journal is durable.
        """
        self._writer = writer
        self._durable_told = told

    # --- from other threads ---------------------------------------------------------------------

    def durable(self, seq: int) -> None:
        """The writer says so."""
        self._call(self._on_durable, seq)

    def failed(self, error: BaseException) -> None:
        """The writer failed: nothing more is sent, and the process has to end."""
        self._call(self._fail, error)

    def _call(self, what: Callable[..., None], *given: object) -> None:
        """Run something in the loop's thread; a loop that is over has nothing more to do."""
        assert self._loop is not None
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._surely, what, *given)

    def _surely(self, what: Callable[..., None], *given: object) -> None:
        """Run a callback; a bug in it ends the engine, and is not a line in the loop's log."""
        try:
            what(*given)
        except Exception as error:  # noqa: BLE001 - whatever it is, the state is not to be trusted
            self._fail(error)

    # --- the run ----------------------------------------------------------------------------------

    async def run(self, first: list[Entry], beside: Callable[[], Awaitable[None]]) -> Why:
        """Drive until somebody asks to stop, or it has to.

        Args:
            first: Entries that come before the engine's own.
            beside: Runs meanwhile (the control socket); cancelled at the end.

        Raises:
            JournalError: The journal failed; nothing that was not durable was acted on.
            Superseded: Another engine has the account.
        """
        self._loop = asyncio.get_running_loop()
        self._stopping = self._loop.create_future()
        self._put(first)
        companion = asyncio.ensure_future(beside())
        self._schedule()
        try:
            while not self._stopping.done():
                waited: set[asyncio.Future[Any]] = {self._stopping, companion}
                await asyncio.wait(waited, timeout=TICK_S, return_when=asyncio.FIRST_COMPLETED)
                if companion.done():
                    companion.result()
                self._tick()
            await self._drain()
        finally:
            companion.cancel()
            self._disconnect("the engine stops")
        if self._error is not None:
            raise self._error
        return self._stopping.result()

    def stop(self, why: Why = Why.ASKED) -> None:
        """Ask it to stop; what was decided is still written."""
        if self._stopping is not None and not self._stopping.done():
            self._stopping.set_result(why)

    async def _drain(self) -> None:
        """Let what was decided become durable and leave; a recording is not told to go on."""
        assert self._loop is not None
        self.engine.is_stopping = True
        self.at_stop()
        begun_ns = self._clock.elapsed_ns()
        while self._error is None and self._clock.elapsed_ns() - begun_ns < DRAIN_NS:
            self._pump()
            engine = self.engine
            waits = len(engine.inbox) or engine.progress.durable_seq < engine.decider.seq
            leaves = self._connection is not None and (engine.link.outbox or len(self.sender))
            if not waits and not leaves:
                return
            await asyncio.sleep(TICK_S / 4)

    def finish(self, why: str) -> None:
        """Write the last snapshot and note; the writer is closed after that."""
        while self.engine.work():
            pass
        self._snapshot(RowKind.SNAPSHOT)
        epoch = self._remembered["starts"][-1][1]
        self.engine.note(
            {"what": "stop", "why": why, "epoch": epoch, "wall_ns": self._clock.now_ns()}
        )
        self._put(self.engine.take_entries())

    def _put(self, entries: list[Entry]) -> None:
        assert self._writer is not None
        if entries:
            self._writer.put(entries)

    async def until_durable(self, seq: int) -> None:
        """Wait until everything up to ``seq`` is durable."""
        self._schedule()
        if self.engine.progress.durable_seq >= seq:
            return
        assert self._loop is not None
        waiter: asyncio.Future[None] = self._loop.create_future()
        self._waiters.append((seq, waiter))
        await waiter

    # --- callbacks --------------------------------------------------------------------------------

    def _on_durable(self, seq: int) -> None:
        self.engine.durable(seq)
        for told in self._durable_told:
            told(seq)
        for waiter in [one for one in self._waiters if one[0] <= seq]:
            self._waiters.remove(waiter)
            if not waiter[1].done():
                waiter[1].set_result(None)
        self._pump()

    def _fail(self, error: BaseException) -> None:
        self._error = self._error or error
        self._disconnect(str(error))
        why = Why.SUPERSEDED if isinstance(error, Superseded) else Why.JOURNAL
        for _, waiter in self._waiters:
            waiter.cancel()
        self.stop(why)

    def _on_readable(self) -> None:
        connection = self._connection
        if connection is None:
            return
        try:
            data = connection.read()
            if data is None:
                return
            self.arrived += len(data)
            wrong = self.engine.receive(data) if data else "the venue hung up"
        except OSError as error:
            wrong = str(error)
        except Superseded as error:
            self._fail(error)
            return
        if wrong is not None:
            self._disconnect(wrong)
            return
        self._pump()

    def _schedule(self) -> None:
        if not self._scheduled and self._loop is not None:
            self._scheduled = True
            self._loop.call_soon(self._surely, self._pump)

    def _pump(self) -> None:
        """Work until there is nothing to do, or for a while; write and send what came of it."""
        self._scheduled = False
        if self._error is not None:
            return
        busy = True
        for _ in range(STEPS_MAX):
            busy = self.engine.work()
            self._flush()
            if not busy:
                break
        if busy:
            self._schedule()
        self._mind_backpressure()

    def _flush(self) -> None:
        try:
            self._put(self.engine.take_entries())
        except JournalError as error:  # it has failed before, and the reason is on its way
            self._fail(error)
            return
        self.sender.add(self.engine.take_outgoing())
        self._send()

    # --- the venue --------------------------------------------------------------------------------

    def _connect(self) -> None:
        if self._clock.elapsed_ns() < self._retry_ns:
            return
        try:
            connection = Connection(self._venue)
        except OSError as error:
            if self._attempt == len(RECONNECT_S):
                self._report("venue_unreachable", {"why": str(error)})
            self._wait_longer()
            return
        assert self._loop is not None
        self._connection = connection
        self._paused = False
        self.sender.traffic.connects += 1
        self._listen(connection)
        self._report("connected", {"venue": str(self._venue)})
        self.engine.connected()
        self._pump()

    def _disconnect(self, why: str) -> None:
        connection, self._connection = self._connection, None
        self.sender.forget()
        if connection is None:
            return
        assert self._loop is not None
        if not self._paused:
            self._loop.remove_reader(connection.fileno())
        connection.close()
        self.engine.lost()
        self._wait_longer()
        self._report("disconnected", {"why": why})

    def _wait_longer(self) -> None:
        """Put the next attempt off; longer each time, until a reconciliation came to its end."""
        wait_s = RECONNECT_S[min(self._attempt, len(RECONNECT_S) - 1)]
        self._attempt += 1
        self._retry_ns = self._clock.elapsed_ns() + int(wait_s * NS_PER_S)

    def _send(self) -> None:
        """Send what may be sent."""
        if self._connection is None:
            return
        try:
            self.sender.send(self._connection)
        except OSError as error:
            self._disconnect(str(error))
        except Superseded as error:
            self._fail(error)

    def _mind_backpressure(self) -> None:
        """Let the venue wait while its reports pile up, rather than drop one."""
        if self._connection is None or self._loop is None:
            return
        inbox = self.engine.inbox
        full = inbox.is_full(Lane.REPORT) or inbox.is_full(Lane.MARKET)
        if full and not self._paused:
            self._loop.remove_reader(self._connection.fileno())
        elif self._paused and not full:
            self._listen(self._connection)
        self._paused = full

    def _listen(self, connection: Connection) -> None:
        assert self._loop is not None
        self._loop.add_reader(connection.fileno(), self._surely, self._on_readable)

    # --- time -------------------------------------------------------------------------------------

    def _tick(self) -> None:
        if self._error is not None:
            return
        self.each_tick()
        if self._connection is None:
            self._connect()
        elif self.engine.link.is_ignored:
            self._disconnect("the venue did not answer the greeting")
        self.engine.tick()
        now_ns = self._clock.elapsed_ns()
        if now_ns - self._measured_ns >= MEASURE_NS:
            self._measured_ns = now_ns
            for row in self._measure(self.engine.now_ns()):
                self.engine.operate(row)
        self._pump()
        if self.engine.link.phase is Phase.READY:
            self._attempt = 0
        if self.engine.decider.seq - self._snapshot_seq >= self._pace.snapshot_events:
            self._snapshots += 1
            begins = self._snapshots % self._pace.segment_snapshots == 0
            self._snapshot(RowKind.SEGMENT if begins else RowKind.SNAPSHOT)
            self._flush()
        elif self.engine.progress.ended and self._stop_at_end and self._is_quiet():
            self.stop(Why.ENDED)

    def _is_quiet(self) -> bool:
        """Return whether nothing is under way: not even an order that is unknown."""
        engine = self.engine
        return (
            engine.link.phase is Phase.READY
            and len(engine.inbox) == 0
            and engine.progress.durable_seq >= engine.decider.seq
        )

    def _snapshot(self, kind: RowKind) -> None:
        policy_seq = int(self.engine.decider.state["account"]["policy_seq"][0])
        self.engine.snapshot(kind, {**self._remembered, "policy_seq": policy_seq})
        self._snapshot_seq = self.engine.decider.seq
