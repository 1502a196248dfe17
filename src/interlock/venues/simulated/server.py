"""The process of a simulated venue: one desk behind a socket, for one engine and its wardens."""

import asyncio
import contextlib
import os
import signal
import socket
import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from interlock.config.speed import Speed
from interlock.sim.host import Tier
from interlock.sim.world import WorldArray
from interlock.venues.port import Amend, Cancel, Fenced, Message, NewOrder
from interlock.venues.simulated.asks import ArmDeadMan, Ask, Hello, Warden, read_ask
from interlock.venues.simulated.desk import Desk, ManneredError
from interlock.venues.simulated.feed import Source
from interlock.venues.simulated.ledger import Ledger
from interlock.venues.simulated.lines import LINE_BYTES_MAX, LineBuffer, LineError, Symbols
from interlock.venues.simulated.manners import GOOD, Conduct, Manners
from interlock.venues.simulated.pace import ALL_IT_CAN, Pacer
from interlock.venues.simulated.place import locked
from interlock.venues.simulated.tells import tell_bytes

LEDGER_NAME: Final = "venue.db"
SOCKET_NAME: Final = "venue.sock"
LINGER_S: Final = 10.0
GREETING_S: Final = 5.0
LIVE_POLL_S: Final = 0.25
_CREDENTIALS: Final = struct.Struct("3i")  # pid, uid, gid

Told = Callable[[str], None]


def _nobody(_text: str) -> None:
    """Tell nobody."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Venue:
    """What a simulated venue is made of.

    Attributes:
        folder: Of its books; made 0700.
        source: What happens.
        world: Shape (1,): its rules.
        symbols: The instruments' names, by their numbers; the engine's codec has the same.
        cash_units: Of a new account.
        tier: Capacities.
        made_of: What the account lives on, such as a hash of bars, rules and cash: books of
            something else are refused.
        speed: How fast a recording is told.
        linger_s: It exits when no engine was connected for so long.
        manners: How it misbehaves, for proofs.
        clock: The time of day, for a source that is no recording.
        tell: What happens, for people.
        socket: Where it listens; None is in the folder of its books.
    """

    folder: Path
    source: Source
    world: WorldArray
    symbols: Sequence[str]
    cash_units: int
    tier: Tier
    made_of: str
    speed: Speed = ALL_IT_CAN
    linger_s: float = LINGER_S
    manners: Manners = GOOD
    clock: Callable[[], int] | None = None
    tell: Told = _nobody
    socket: Path | None = None

    @property
    def address(self) -> Path:
        """Where it listens."""
        return self.folder / SOCKET_NAME if self.socket is None else self.socket


def serve(venue: Venue) -> None:
    """Run the venue until nobody needs it, or SIGTERM; SIGINT is the engine's to answer.

    Raises:
        VenueError: Another one runs in this folder, or the folder cannot be used.
        LedgerError: The books may not be used.
    """

    async def until_told() -> None:
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGTERM, stop.set)
        loop.add_signal_handler(signal.SIGINT, lambda: None)
        await serve_until(venue, stop)

    asyncio.run(until_told())


async def serve_until(venue: Venue, stop: asyncio.Event) -> None:
    """Run the venue until nobody needs it, or ``stop``; what happened is in the books then."""
    with locked(venue.folder, venue.address):
        ledger = Ledger(venue.folder / LEDGER_NAME, venue.made_of)
        try:
            desk = Desk(
                venue.world,
                venue.source,
                ledger,
                instruments=len(venue.symbols),
                cash_units=venue.cash_units,
                tier=venue.tier,
                waits=not venue.manners.is_free_running,
                clock=venue.clock,
                symbols=venue.symbols,
            )
            await _Server(venue, desk, stop).run()
            desk.save()
        finally:
            ledger.close()


class _Gone(Exception):  # noqa: N818 - it is no error
    """The connection in hand is over."""


class _Server:
    """Moves bytes between one engine at a time and the desk."""

    def __init__(self, venue: Venue, desk: Desk, stop: asyncio.Event) -> None:
        self._venue = venue
        self._desk = desk
        self._symbols = Symbols(venue.symbols)
        self._conduct = Conduct(venue.manners)
        self._stop = stop
        self._changed = asyncio.Event()
        self._current: asyncio.StreamWriter | None = None
        self._open: dict[asyncio.StreamWriter, asyncio.Task[None]] = {}
        self._failure: BaseException | None = None
        self._news: asyncio.Future[None] | None = None  # somebody waits for it
        self._dead_man: asyncio.TimerHandle | None = None

    async def run(self) -> None:
        """Serve until nobody is there any more, or it is told to stop."""
        path = self._venue.address
        path.unlink(missing_ok=True)
        server = await asyncio.start_unix_server(self._connected, path, limit=LINE_BYTES_MAX)
        path.chmod(0o600)
        self._venue.tell(f"the simulated venue listens at {path}")
        self._arm(self._desk.dead_man_ms)
        try:
            await self._until_nobody_is_there()
        finally:
            self._arm(0)
            server.close()
            path.unlink(missing_ok=True)
            for writer in self._open:
                writer.transport.abort()
            await asyncio.gather(*self._open.values())
        if self._failure is not None:
            raise self._failure

    async def _until_nobody_is_there(self) -> None:
        """Return when it is time to stop; a live market goes on while no engine is there."""
        loop = asyncio.get_running_loop()
        alone_since_s = loop.time()
        stopping = asyncio.create_task(self._stop.wait())
        live = not self._venue.source.is_recording
        while not stopping.done():
            timeout = None
            if self._current is None:
                timeout = alone_since_s + self._venue.linger_s - loop.time()
                if timeout <= 0:
                    self._venue.tell("the simulated venue stops: no engine is connected")
                    break
                timeout = min(timeout, LIVE_POLL_S) if live else timeout
            changed = asyncio.create_task(self._changed.wait())
            await asyncio.wait(
                {stopping, changed}, timeout=timeout, return_when=asyncio.FIRST_COMPLETED
            )
            changed.cancel()
            if self._changed.is_set():
                self._changed.clear()
                alone_since_s = loop.time()
            if live and self._current is None and self._desk.was_greeted:
                self._desk.run_alone()
        stopping.cancel()

    # --- one connection ---------------------------------------------------------------------------

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection to its end. What breaks here stops the venue: books come first."""
        task = asyncio.current_task()
        assert task is not None
        self._open[writer] = task
        try:
            if not _is_ours(writer) or self._conduct.refuses():
                return
            await self._converse(reader, writer)
        except (_Gone, ConnectionError, asyncio.IncompleteReadError, TimeoutError):
            pass
        except (LineError, ManneredError) as error:
            self._venue.tell(f"the simulated venue dropped an engine: {error}")
        except Exception as error:  # noqa: BLE001 - raised again by ``run``
            self._failure = error
            self._stop.set()
        finally:
            del self._open[writer]
            writer.transport.abort()
            if self._current is writer:
                self._current = None
                self._desk.leave()
                self._changed.set()

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        buffer = LineBuffer()
        waiting: list[bytes] = []
        async with asyncio.timeout(GREETING_S):
            while not waiting:
                waiting += self._lines(buffer, await reader.read(LINE_BYTES_MAX))
        hello = read_ask(waiting[0], self._symbols)
        if isinstance(hello, Warden):
            await self._attend(reader, writer, buffer, waiting)
            return
        if not isinstance(hello, Hello):
            raise ManneredError("an engine must greet first")
        del waiting[0]
        answer = self._desk.greet(hello)
        if isinstance(answer, Fenced):
            await self._tell(writer, [answer])
            await _drained(writer)
            return
        if self._current is not None:
            self._current.transport.abort()
        self._current = writer
        self._changed.set()
        await self._tell(writer, [answer, *self._desk.feed.strangers()])
        loop = asyncio.get_running_loop()
        pacer = Pacer(self._venue.speed, loop.time)
        while True:
            await self._take(writer, waiting)
            waiting = await self._next_lines(reader, writer, buffer, pacer)

    async def _attend(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        buffer: LineBuffer,
        waiting: list[bytes],
    ) -> None:
        """Serve a warden to its end: several may be there, and the engine is not disturbed."""
        while True:
            answers: list[Message] = []
            for line in waiting:
                ask = read_ask(line, self._symbols)
                answers += self._desk.take_from_warden(ask, line.decode())
            if self._news is not None and not self._news.done():
                self._news.set_result(None)
            await self._tell(writer, answers)
            waiting = self._lines(buffer, await reader.read(LINE_BYTES_MAX))

    def _lines(self, buffer: LineBuffer, data: bytes) -> list[bytes]:
        if not data:
            raise _Gone
        return list(buffer.feed(data))

    async def _next_lines(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        buffer: LineBuffer,
        pacer: Pacer,
    ) -> list[bytes]:
        """Return what the engine says next; meanwhile the beats that are due are told."""
        reading = asyncio.ensure_future(reader.read(LINE_BYTES_MAX))
        try:
            while not reading.done():
                wait_s = await self._advance(writer, pacer)
                waited: set[asyncio.Future[Any]] = {reading}
                if self._desk.can_advance:  # a warden may cause something to be told
                    self._news = asyncio.get_running_loop().create_future()
                    waited.add(self._news)
                await asyncio.wait(waited, timeout=wait_s, return_when=asyncio.FIRST_COMPLETED)
            return self._lines(buffer, reading.result())
        finally:
            reading.cancel()

    async def _advance(self, writer: asyncio.StreamWriter, pacer: Pacer) -> float | None:
        """Tell the next beat if it is due; return how long to wait, None for ever."""
        if self._current is not writer:
            raise _Gone
        if not self._desk.can_advance:
            return None
        row = self._desk.feed.upcoming
        wait_s = pacer.wait_s(row)
        if wait_s > 0:
            return wait_s
        messages = self._desk.advance()
        if not messages:
            return None if self._venue.source.is_recording else LIVE_POLL_S
        pacer.told(row)
        await self._tell(writer, messages)
        return 0.0

    async def _take(self, writer: asyncio.StreamWriter, lines: list[bytes]) -> None:
        """Do what the engine says, and answer when it is in the books."""
        answers: list[Message] = []
        for line in lines:
            ask = read_ask(line, self._symbols)
            if self._current is not writer:
                raise _Gone
            if isinstance(ask, ArmDeadMan):
                self._arm(ask.timeout_ms)
            cut = self._cut(ask, line)
            if cut is None or cut == len(line):
                answers += self._desk.take(ask, line.decode())
            if cut is not None:
                self._desk.save_commands()
                raise _Gone
        self._desk.save_commands()
        await self._tell(writer, answers)
        if any(isinstance(answer, Fenced) for answer in answers):
            await _drained(writer)
            raise _Gone

    def _cut(self, ask: Ask, line: bytes) -> int | None:
        if not isinstance(ask, NewOrder | Cancel | Amend):
            return None
        return self._conduct.cuts(len(line))

    def _arm(self, timeout_ms: int) -> None:
        """Begin to wait for the engine's next sign; 0: nobody waits for one."""
        if self._dead_man is not None:
            self._dead_man.cancel()
            self._dead_man = None
        if timeout_ms > 0:
            loop = asyncio.get_running_loop()
            self._dead_man = loop.call_later(timeout_ms / 1_000, self._lapse)

    def _lapse(self) -> None:
        """Cancel what could open; what breaks here stops the venue, as anything else does."""
        self._dead_man = None
        try:
            count = self._desk.lapse()
        except Exception as error:  # noqa: BLE001 - raised again by ``run``
            self._failure = error
            self._stop.set()
            return
        self._venue.tell(f"the engine fell silent: {count} orders that could open are cancelled")
        if self._news is not None and not self._news.done():
            self._news.set_result(None)

    async def _tell(self, writer: asyncio.StreamWriter, messages: list[Message]) -> None:
        wire = b"".join(
            tell_bytes(message, self._symbols) for message in self._conduct.told(messages)
        )
        if not wire:
            return
        if self._venue.manners.delay_s > 0:
            await asyncio.sleep(self._venue.manners.delay_s)
        writer.write(wire)
        await writer.drain()


def _is_ours(writer: asyncio.StreamWriter) -> bool:
    """Return whether the other side is a process of this user."""
    found = writer.get_extra_info("socket").getsockopt(
        socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size
    )
    _, uid, _ = _CREDENTIALS.unpack(found)
    return bool(uid == os.getuid())


async def _drained(writer: asyncio.StreamWriter) -> None:
    """Let what was written reach the other side before the connection goes."""
    writer.close()
    with contextlib.suppress(ConnectionError):
        await writer.wait_closed()
