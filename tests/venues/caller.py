"""An engine's end of a real socket, for the conformance cases: it asks, and keeps what it hears."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final, TypeVar

from interlock.kernel.codes import BUY, SELL, Flag, Kind, OrderKind, Role
from interlock.kernel.policy import SMALL
from interlock.sim.host import Tape
from interlock.sim.world import WorldArray
from interlock.venues.port import (
    Amend,
    Beat,
    Cancel,
    Ended,
    Found,
    Market,
    Message,
    NewOrder,
    NotFound,
    Report,
    Request,
    Turn,
    Welcome,
)
from interlock.venues.simulated.manners import GOOD, Manners
from interlock.venues.simulated.server import SOCKET_NAME, Venue, serve_until
from interlock.venues.simulated.source import TapeSource
from interlock.venues.simulated.wire import SimulatedCodec
from tests.sim.tapes import CASH, SECOND_NS, tape_of, worlds

NAMES: Final = ("AAA", "BBB", "CCC")
PATIENCE_S: Final = 20.0
QUIET_BARS: Final = "\n".join(
    f"0 {60 * at} {60 * at + 60} 10000 10010 9990 10000 100" for at in range(40)
)

M = TypeVar("M", bound=Message)


def venue_of(
    folder: Path,
    bars: str = QUIET_BARS,
    *,
    latency: tuple[int, int] = (0, 0),
    manners: Manners = GOOD,
    facts: str = "",
    share_ppm: int = 0,
    linger_s: float = PATIENCE_S,
) -> Venue:
    """Return a venue that plays a table of bars as fast as it can."""
    _, world = worlds("", latency)
    world["instruments"]["participation_ppm"] = share_ppm
    return venue_with(folder, tape_of(bars, facts=facts), world, manners=manners, linger_s=linger_s)


def venue_with(
    folder: Path,
    tape: Tape,
    world: WorldArray,
    *,
    manners: Manners = GOOD,
    linger_s: float = PATIENCE_S,
    cash_units: int = CASH,
) -> Venue:
    """Return a venue that plays a tape as fast as it can."""
    return Venue(
        folder=folder,
        source=TapeSource(tape.bars, tape.facts),
        world=world,
        symbols=NAMES,
        cash_units=cash_units,
        tier=SMALL,
        made_of="the tests' tape",
        linger_s=linger_s,
        manners=manners,
    )


@contextlib.asynccontextmanager
async def running(venue: Venue) -> AsyncIterator[asyncio.Event]:
    """Serve a venue in this loop; yields what stops it, as SIGTERM does."""
    stop = asyncio.Event()
    task = asyncio.create_task(serve_until(venue, stop))
    try:
        yield stop
    finally:
        while _OPEN:
            await _OPEN.pop().leave()
        stop.set()
        await task


def buy(name: str, lots: int = 100, **changed: object) -> NewOrder:
    """Return a market order to buy, changed by name."""
    order = NewOrder(
        client_id=name,
        epoch=1,
        instrument=0,
        strategy=0,
        side=BUY,
        order_kind=OrderKind.MARKET,
        role=Role.ENTRY,
        flags=0,
        qty=lots,
        price=0,
        trigger=0,
        peer_client_id="",
        ts_ns=60 * SECOND_NS,
    )
    return replace(order, **changed)  # type: ignore[arg-type]


def limit(name: str, price: int, lots: int = 100, **changed: object) -> NewOrder:
    """Return a limit order to buy."""
    order = buy(name, lots, order_kind=OrderKind.LIMIT, price=price)
    return replace(order, **changed)  # type: ignore[arg-type]


def stop_of(name: str, trigger: int, lots: int = 100, **changed: object) -> NewOrder:
    """Return a protective stop of a long position."""
    order = replace(
        buy(name, lots, side=SELL, order_kind=OrderKind.STOP, role=Role.STOP),
        flags=Flag.REDUCE_ONLY,
        price=trigger,
        trigger=trigger,
    )
    return replace(order, **changed)  # type: ignore[arg-type]


def cancel(name: str, **changed: object) -> Cancel:
    """Return a cancel."""
    asked = Cancel(client_id=name, epoch=1, instrument=0, ts_ns=60 * SECOND_NS)
    return replace(asked, **changed)  # type: ignore[arg-type]


def amend(name: str, lots: int, price: int = 0, trigger: int = 0, **changed: object) -> Amend:
    """Return an amendment."""
    asked = Amend(
        client_id=name,
        epoch=1,
        instrument=0,
        qty=lots,
        price=price,
        trigger=trigger,
        ts_ns=60 * SECOND_NS,
    )
    return replace(asked, **changed)  # type: ignore[arg-type]


@dataclass(slots=True)
class Caller:
    """One connection of an engine."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    codec: SimulatedCodec
    heard: list[Message] = field(default_factory=list)
    unread: list[Message] = field(default_factory=list)
    feed: int = 0
    unanswered: Beat | None = None

    @classmethod
    async def connect(cls, folder: Path, names: tuple[str, ...] = NAMES) -> "Caller":
        """Connect to the venue in a folder, which may still be on its way up."""
        async with asyncio.timeout(PATIENCE_S):
            while True:
                try:
                    ends = await asyncio.open_unix_connection(folder / SOCKET_NAME)
                except (FileNotFoundError, ConnectionRefusedError):
                    await asyncio.sleep(0.005)
                    continue
                caller = cls(*ends, SimulatedCodec(names))
                _OPEN.append(caller)
                return caller

    async def greet(self, epoch: int = 1, feed: int = 0) -> Message:
        """Say hello; return the answer."""
        self.say(self.codec.hello(epoch=epoch, feed=feed))
        self.feed = feed
        return await self.next()

    async def begin(self, epoch: int = 1, feed: int = 0) -> None:
        """Say hello and that we are ready."""
        assert isinstance(await self.greet(epoch, feed), Welcome)
        self.say(self.codec.done(beat=0, spoke=False))

    def say(self, wire: bytes) -> None:
        """Send bytes."""
        self.writer.write(wire)

    def ask(self, *requests: Request) -> None:
        """Send orders, cancels and amendments."""
        for request in requests:
            self.say(self.codec.request(request))

    async def next(self) -> Message:
        """Return the next message."""
        async with asyncio.timeout(PATIENCE_S):
            while not self.unread:
                data = await self.reader.read(65_536)
                if not data:
                    raise ConnectionResetError
                self.unread += self.codec.receive(data)
        message = self.unread.pop(0)
        self.heard.append(message)
        if isinstance(message, Beat):
            self.unanswered = message
        if isinstance(message, Market):
            self.feed = int(message.rows["ext_lo"][-1])
        return message

    async def wait_for(self, kind: type[M]) -> M:
        """Return the next message of a kind; what comes before it is kept in ``heard``."""
        while True:
            message = await self.next()
            if isinstance(message, kind):
                return message

    async def beat(self) -> Beat:
        """Return the beat that waits for an answer, or the next one."""
        if self.unanswered is None:
            await self.wait_for(Beat)
        assert self.unanswered is not None
        return self.unanswered

    def answer(self, beat: Beat) -> None:
        """Say that everything the beat caused was sent."""
        self.unanswered = None
        self.say(self.codec.done(beat=beat.number, spoke=beat.strategies is not Turn.NO))

    async def until(self, is_it: Callable[[Message], bool]) -> Message:
        """Answer beats until a message comes; its own beat is left unanswered."""
        while True:
            if self.unanswered is not None:
                self.answer(self.unanswered)
            message = await self.next()
            if is_it(message):
                return message

    async def until_report(self, kind: Kind, name: str) -> Report:
        """Answer beats until an order is reported on."""
        found = await self.until(
            lambda message: (
                isinstance(message, Report)
                and message.client_id == name
                and message.row["kind"] == kind
            )
        )
        assert isinstance(found, Report)
        return found

    async def to_the_end(self) -> None:
        """Answer every beat of the recording."""
        await self.until(lambda message: isinstance(message, Ended))

    async def order(self, name: str) -> Found | NotFound:
        """Return what the venue says about an order."""
        self.say(self.codec.ask_order(client_id=name, instrument=0))
        while True:
            message = await self.next()
            if isinstance(message, Found | NotFound):
                return message

    async def found(self, name: str) -> Found:
        """Return an order that the venue has."""
        answer = await self.order(name)
        assert isinstance(answer, Found), answer
        return answer

    async def leave(self) -> None:
        """Close the connection."""
        self.writer.close()
        with contextlib.suppress(ConnectionError):
            await self.writer.wait_closed()


_OPEN: Final[list[Caller]] = []  # to be closed with the venue that they talk to


async def is_closed(caller: Caller) -> bool:
    """Return whether the venue closes a connection, whatever it says before."""
    async with asyncio.timeout(PATIENCE_S):
        try:
            while data := await caller.reader.read(65_536):
                caller.unread += caller.codec.receive(data)
        except ConnectionError:
            pass
    return True


def reported(caller: Caller, name: str) -> list[Kind]:
    """Return what a caller heard of an order."""
    return [
        Kind(int(message.row["kind"]))
        for message in caller.heard
        if isinstance(message, Report) and message.client_id == name
    ]


@contextlib.asynccontextmanager
async def on_the_line(venue: Venue) -> AsyncIterator[Caller]:
    """Serve a venue, greet it, and stop at the first bar's beat, unanswered."""
    async with running(venue):
        caller = await Caller.connect(venue.folder)
        await caller.begin()
        yield caller
        await caller.leave()
