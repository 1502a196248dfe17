"""A driver at work: a real socket, a venue that answers, a journal that may fail."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from interlock.journal.rows import Entry
from interlock.kernel.policy import SMALL
from interlock.kernel.records import Rows
from interlock.runtime.clock import NS_PER_MS, NS_PER_S, SystemClock
from interlock.runtime.driver import Driver, Pace, Why
from interlock.runtime.entries import Said, layout_digest
from interlock.runtime.last_gate import Budget, LastGate
from interlock.runtime.link import Phase
from interlock.runtime.sender import Sender
from interlock.venues.port import Amend, Cancel, Message, NewOrder, NotFound
from interlock.venues.simulated.asks import Ask, AskAccount, AskOrder, Hello, read_ask
from interlock.venues.simulated.tells import tell_bytes
from tests.runtime.pair import Pair
from tests.runtime.scripts import PRICE
from tests.runtime.test_last_gate import AnyLatch

if TYPE_CHECKING:
    from interlock.journal.errors import StoreError

PATIENCE_S: Final = 20.0
BUY_AT: Final = PRICE + 1


class MemoryWriter:
    """A journal's writer that is durable at once, never, or fails."""

    def __init__(self, durable: Callable[[int], None]) -> None:
        self.entries: list[Entry] = []
        self.is_stuck = False
        self.failure: StoreError | None = None
        self._durable = durable

    def put(self, entries: list[Entry]) -> None:
        """Keep entries."""
        if self.failure is not None:
            raise self.failure
        self.entries.extend(entries)
        if not self.is_stuck:
            self.flush()

    def flush(self) -> None:
        """Say that everything is durable."""
        self._durable(self.entries[-1].last_seq)


class Rig:
    """One driver, its venue and its journal.

    Args:
        folder: Of the venue's socket.
        rate: Requests per second.
        snapshot_events: A snapshot after so many journal numbers.
        stop_at_end: Whether the end of the recording ends the run.
        measure: Returns HEALTH rows.
        given: For the engine.
    """

    def __init__(
        self,
        folder: Path,
        *,
        rate: int = 1_000,
        reserve: int = 0,
        snapshot_events: int = 10**6,
        stop_at_end: bool = False,
        stale_ns: int = NS_PER_S,
        measure: Callable[[int], list[Rows]] = lambda _: [],
        **given: Any,
    ) -> None:
        clock = SystemClock()
        self.pair = Pair(replay=True, clock=clock, script={"buys": (BUY_AT,)}, **given)
        self.path = folder / "venue.sock"
        self.latch = AnyLatch()
        self.is_held = True
        self.reports: list[tuple[str, Said]] = []
        self.heard: list[Ask] = []  # by the venue
        self.greetings = 0
        self.answers = True  # whether the venue answers questions
        self.welcomes = True
        self.line: asyncio.StreamWriter | None = None
        self.server: asyncio.Server | None = None
        gate = LastGate(
            self.pair.codec,
            self.latch,  # type: ignore[arg-type]
            Budget(clock, per_second=rate, reserve=reserve),
            is_held=lambda: self.is_held,
            epoch=self.pair.names.epoch,
            mode="paper",
        )
        self.sender = Sender(self.pair.engine, gate, clock, stale_ns=stale_ns, report=self._report)
        self.driver = Driver(
            self.pair.engine,
            self.sender,
            self.path,
            clock,
            Pace(snapshot_events=snapshot_events, segment_snapshots=2),
            remembered={
                "layout": layout_digest(SMALL),
                "starts": self.pair.names.starts(),
                "start": {},
            },
            stop_at_end=stop_at_end,
            measure=measure,
            report=self._report,
        )
        self.told: list[int] = []
        self.writer = MemoryWriter(self.driver.durable)
        self.driver.writes_with(self.writer, self.told.append)
        self.result: asyncio.Task[Why] | None = None

    def _report(self, event: str, facts: Said) -> None:
        self.reports.append((event, facts))

    # --- running ------------------------------------------------------------------------------

    @asynccontextmanager
    async def running(self, *, venue: bool = True) -> AsyncIterator["Rig"]:
        """Run driver and venue; the driver is asked to stop at the end."""

        async def forever() -> None:
            await asyncio.Event().wait()

        if venue:
            await self.serve()
        self.result = asyncio.create_task(self.driver.run(self.pair.entries, forever))
        try:
            yield self
        finally:
            self.driver.stop()
            with suppress(Exception):
                await self.result
            if self.server is not None:
                self.server.close()
            if self.line is not None:
                self.line.close()
            await asyncio.sleep(0.01)

    async def serve(self) -> None:
        """Let the venue listen."""
        self.server = await asyncio.start_unix_server(self._connected, self.path)

    async def until(self, is_so: Callable[[], bool]) -> None:
        """Wait until something is so."""
        async with asyncio.timeout(PATIENCE_S):
            while not is_so():  # noqa: ASYNC110 - of the engine's state, which tells nobody
                await asyncio.sleep(0.002)

    async def ready(self) -> None:
        """Wait until the engine has reconciled."""
        await self.until(lambda: self.pair.link.phase is Phase.READY)

    async def ended(self) -> Why:
        """Return why the driver stopped."""
        assert self.result is not None
        async with asyncio.timeout(PATIENCE_S):
            return await self.result

    def events(self) -> list[str]:
        """Return what was reported, by name."""
        return [event for event, _ in self.reports]

    # --- the venue ----------------------------------------------------------------------------

    def tell(self, *messages: Message) -> None:
        """Say something."""
        self.say(b"".join(tell_bytes(message, self.pair.symbols) for message in messages))

    def say(self, wire: bytes) -> None:
        """Say any bytes."""
        assert self.line is not None
        self.line.write(wire)

    def hang_up(self) -> None:
        """Close the connection."""
        assert self.line is not None
        self.line.close()

    def requests(self) -> list[NewOrder | Cancel | Amend]:
        """Return what was ordered."""
        return [ask for ask in self.heard if isinstance(ask, NewOrder | Cancel | Amend)]

    async def _connected(self, reader: asyncio.StreamReader, line: asyncio.StreamWriter) -> None:
        self.line = line
        self.greetings += 1
        with suppress(ConnectionError):
            while wire := await reader.readline():
                ask = read_ask(wire, self.pair.symbols)
                self.heard.append(ask)
                self._answer(ask)
        line.close()

    def _answer(self, ask: Ask) -> None:
        if isinstance(ask, Hello):
            if self.welcomes:
                self.tell(self.pair.venue.welcome())
        elif isinstance(ask, AskAccount) and self.answers:
            self.tell(self.pair.venue.account())
        elif isinstance(ask, AskOrder) and self.answers:
            self.tell(NotFound(client_id=ask.client_id, now_ns=1))


SOON_NS: Final = 50 * NS_PER_MS
