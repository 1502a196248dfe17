"""The engine's end of the simulated venue's wire."""

from collections.abc import Sequence
from typing import Final

from interlock.venues.port import (
    Amend,
    Cancel,
    Capabilities,
    DeadMan,
    Garbled,
    Message,
    NewOrder,
    Request,
)
from interlock.venues.simulated.asks import (
    ArmDeadMan,
    AskAccount,
    AskOrder,
    Done,
    Hello,
    ask_bytes,
    read_ask,
)
from interlock.venues.simulated.lines import LineBuffer, LineError, Symbols
from interlock.venues.simulated.tells import TellReader

# One connection at a time, in order, and an answer comes after everything that was sent before
# the question was applied. So one answer proves it: what came over a connection before this one
# was closed is in the books, or was thrown away with that connection.
CAPABILITIES: Final = Capabilities(
    native_oco=True,
    absence_wait_ms=0,
    absence_answers=1,
    dead_man=DeadMan.NATIVE,
    fills_follow_market=True,  # what a bar filled is known when it has closed
)


class SimulatedCodec:
    """Encoder and decoder of one connection at a time (``venues.port.Codec``).

    Args:
        symbols: The instruments' names, by their numbers; the same at the venue.
        account: Whose fills are told: a part of their ids.
        capabilities: What the venue is said to do, for proofs with a venue that behaves worse.
    """

    def __init__(
        self,
        symbols: Sequence[str],
        account: str = "paper",
        capabilities: Capabilities = CAPABILITIES,
    ) -> None:
        self._symbols = Symbols(symbols)
        self._account = account
        self._capabilities = capabilities
        self.forget()

    def forget(self) -> None:
        """Begin anew: what came over another connection and is not whole belongs to nothing."""
        self._buffer = LineBuffer()
        self._reader = TellReader(self._symbols, self._account)
        self._is_broken = False

    @property
    def capabilities(self) -> Capabilities:
        """What this venue can do."""
        return self._capabilities

    def hello(self, *, epoch: int, feed: int) -> bytes:
        """Return the greeting: who speaks, and the last feed number that it has journaled."""
        return ask_bytes(Hello(epoch=epoch, feed=feed), self._symbols)

    def request(self, request: Request) -> bytes:
        """Return an order, a cancel or an amendment in the venue's bytes."""
        return ask_bytes(request, self._symbols)

    def reads(self, wire: bytes) -> Request | None:
        """Return what bytes ask for, None when they ask for no such thing: for the last gate."""
        try:
            ask = read_ask(wire, self._symbols)
        except LineError:
            return None
        return ask if isinstance(ask, NewOrder | Cancel | Amend) else None

    def ask_account(self) -> bytes:
        """Return the question for an ``Account``."""
        return ask_bytes(AskAccount(), self._symbols)

    def ask_order(self, *, client_id: str, instrument: int) -> bytes:
        """Return the question about one order: ``Found`` or ``NotFound``."""
        return ask_bytes(AskOrder(client_id=client_id, instrument=instrument), self._symbols)

    def dead_man(self, *, timeout_ms: int) -> bytes:
        """Return the wish that what could open is cancelled after so long without another."""
        return ask_bytes(ArmDeadMan(timeout_ms=timeout_ms), self._symbols)

    def done(self, *, beat: int, spoke: bool) -> bytes:
        """Return the answer to a ``Beat``, or to a ``Welcome`` as beat 0: all of it was sent.

        Args:
            beat: Its number.
            spoke: Whether the strategies have spoken; else they are offered another turn.
        """
        return ask_bytes(Done(beat=beat, spoke=spoke), self._symbols)

    def receive(self, data: bytes) -> list[Message]:
        """Return the messages that are whole now; after a ``Garbled`` there are no more."""
        messages: list[Message] = []
        if self._is_broken:
            return messages
        try:
            for line in self._buffer.feed(data):
                message = self._reader.read(line)
                if message is not None:
                    messages.append(message)
        except LineError as error:
            self._is_broken = True
            messages.append(Garbled(why=str(error)))
        return messages
