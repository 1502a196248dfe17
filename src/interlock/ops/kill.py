"""Stopping an account at its venue over a connection of our own: no engine is needed for it."""

import select
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

from interlock.venues.connection import Connection
from interlock.venues.port import Account, Garbled, Listing, Message, VenueOrder, WardenCodec
from interlock.venues.purpose import Purpose
from interlock.venues.stopper import NS_PER_S, Stopper, Timing, Verdict

CONNECT_S: Final = 0.5
RETRY_NS: Final = NS_PER_S // 10  # between two attempts to connect
STEP_S: Final = 0.02
DEFAULT: Final = Timing()


class Stopwatch(Protocol):
    """A clock that never goes back (``runtime.clock.Clock``)."""

    def elapsed_ns(self) -> int:
        """Return ns since some moment."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What is asked of a venue.

    Attributes:
        purpose: What is to be true there.
        name: Part of the client ids of its orders: never used before, capitals and digits.
        who: How it greets.
        timing: How patient it is, and when it gives up.
    """

    purpose: Purpose
    name: str
    who: str = "kill"
    timing: Timing = DEFAULT


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What a venue showed.

    Attributes:
        orders: Those that are open.
        positions: Lots by symbol; what is not named is flat.
    """

    orders: tuple[VenueOrder, ...]
    positions: dict[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Unreached:
    """A venue showed nothing: nothing may be concluded from that."""

    why: str


def _nobody(_text: str) -> None:
    """Tell nobody."""


class Stopping:
    """A stop under way: the stopper, and the connection it asked for.

    Args:
        socket: Of the venue.
        codec: Of the connection.
        asked: What is to be true.
        clock: For what waits.
        tell: What happens, for people.
    """

    def __init__(
        self,
        socket: Path,
        codec: WardenCodec,
        asked: Asked,
        clock: Stopwatch,
        tell: Callable[[str], None] = _nobody,
    ) -> None:
        self._socket = socket
        self._clock = clock
        self._tell = tell
        self._connection: Connection | None = None
        self._retry_ns = 0
        self._stopper = Stopper(
            codec,
            purpose=asked.purpose,
            name=asked.name,
            now_ns=clock.elapsed_ns(),
            timing=asked.timing,
            who=asked.who,
        )

    @property
    def verdict(self) -> Verdict | None:
        """How it ended; None while it is under way."""
        return self._stopper.verdict

    def step(self, wait_s: float) -> None:
        """Go on for at most about ``wait_s``, or as long as one attempt to connect takes."""
        if self._stopper.wants_connection:
            self._connect()
        self._write()
        if self._connection is not None:
            ready, _, _ = select.select([self._connection], [], [], wait_s)
            if ready:
                self._read()
        else:
            select.select([], [], [], wait_s)
        self._stopper.tick(self._clock.elapsed_ns())
        self._write()
        for note in self._stopper.take_notes():
            self._tell(note)

    def close(self) -> None:
        """Let go of the connection."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _connect(self) -> None:
        now_ns = self._clock.elapsed_ns()
        if self._connection is not None:
            self.close()
            self._stopper.lost(now_ns)
        if now_ns < self._retry_ns:
            return
        self._retry_ns = now_ns + RETRY_NS
        try:
            self._connection = Connection(self._socket, CONNECT_S)
        except OSError as error:
            self._stopper.lost(now_ns, f"the venue could not be reached: {_why(error)}")
            return
        self._stopper.connected(now_ns)

    def _write(self) -> None:
        lines = self._stopper.take()
        if not lines or self._connection is None:
            return
        try:
            self._connection.write(b"".join(lines))
        except OSError as error:
            self._lose(_why(error))

    def _read(self) -> None:
        assert self._connection is not None
        try:
            data = self._connection.read()
        except OSError as error:
            self._lose(_why(error))
            return
        if data == b"":
            self._lose("it hung up")
        elif data is not None:
            self._stopper.receive(data, self._clock.elapsed_ns())

    def _lose(self, why: str) -> None:
        self.close()
        self._stopper.lost(self._clock.elapsed_ns(), f"the connection to the venue was lost: {why}")


def _why(error: OSError) -> str:
    return error.strerror or str(error) or type(error).__name__


def stop_at_venue(
    socket: Path,
    codec: WardenCodec,
    asked: Asked,
    clock: Stopwatch,
    tell: Callable[[str], None] = _nobody,
) -> Verdict:
    """Stop an account, and return when the venue has shown that it is done, or time is over.

    Args:
        socket: Of the venue.
        codec: Of the connection; a new one.
        asked: What is to be true.
        clock: For what waits.
        tell: What happens, for people.
    """
    with closing(Stopping(socket, codec, asked, clock, tell)) as stopping:
        while stopping.verdict is None:
            stopping.step(STEP_S)
        return stopping.verdict


def look_at_venue(
    socket: Path,
    codec: WardenCodec,
    clock: Stopwatch,
    *,
    timeout_s: float = 2.0,
    who: str = "look",
) -> Seen | Unreached:
    """Return what a venue shows of the account; nothing is done there.

    Args:
        socket: Of the venue.
        codec: Of the connection; a new one.
        clock: For what waits.
        timeout_s: How long it may take.
        who: How it greets.
    """
    until_ns = clock.elapsed_ns() + int(timeout_s * NS_PER_S)
    codec.forget()
    try:
        with closing(Connection(socket, timeout_s)) as connection:
            connection.write(codec.greet(who=who))
            while (left_s := (until_ns - clock.elapsed_ns()) / NS_PER_S) > 0:
                select.select([connection], [], [], left_s)
                data = connection.read()
                if data == b"":
                    return Unreached(why="the venue hung up")
                for message in codec.receive(data or b""):
                    found = _looked(message, connection, codec)
                    if found is not None:
                        return found
    except OSError as error:
        return Unreached(why=f"the venue could not be reached: {_why(error)}")
    return Unreached(why=f"the venue did not answer within {timeout_s:g} s")


def _looked(
    message: Message, connection: Connection, codec: WardenCodec
) -> Seen | Unreached | None:
    """Return what a message shows; None when more has to come."""
    match message:
        case Listing():
            connection.write(codec.ask_account())
        case Account():
            held = {codec.symbol(at): lots for at, lots in message.positions.items() if lots}
            return Seen(orders=message.orders, positions=held)
        case Garbled():
            return Unreached(why=f"the venue said what is no message: {message.why}")
        case _:
            pass
    return None
