"""A warden's end of the simulated venue's wire: it learns what is traded there from the venue."""

from collections.abc import Sequence
from typing import Final

from interlock.kernel.codes import ACCOUNT, Flag, OrderKind, Role
from interlock.venues.port import Cancel, Capabilities, Closing, Garbled, Listing, Message, NewOrder
from interlock.venues.simulated.asks import AskAccount, AskOrder, CancelAll, Warden, ask_bytes
from interlock.venues.simulated.lines import LineBuffer, LineError, Symbols
from interlock.venues.simulated.tells import TellReader
from interlock.venues.simulated.wire import CAPABILITIES

_NOBODY_S_EPOCH: Final = 1  # lines need one; the venue looks at none of a warden's


class SimulatedWardenCodec:
    """Encoder and decoder of one connection at a time (``venues.port.WardenCodec``).

    Args:
        account: Whose fills are told: a part of their ids.
    """

    def __init__(self, account: str = "paper") -> None:
        self._account = account
        self._names: tuple[str, ...] = ()
        self.forget()

    def forget(self) -> None:
        """Begin anew: what came over another connection and is not whole belongs to nothing."""
        self._buffer = LineBuffer()
        self._is_broken = False
        self._learn(self._names)

    def _learn(self, names: Sequence[str]) -> None:
        self._names = tuple(names)
        self._symbols = Symbols(self._names or ("?",))  # until the venue has named them
        self._reader = TellReader(self._symbols, self._account)

    @property
    def capabilities(self) -> Capabilities:
        """What this venue can do."""
        return CAPABILITIES

    def greet(self, *, who: str) -> bytes:
        """Return the greeting, answered by a ``Listing``; it displaces nobody."""
        return ask_bytes(Warden(who=who), self._symbols)

    def symbol(self, instrument: int) -> str:
        """Return the name of an instrument; its number before the venue has named them."""
        return self._names[instrument] if instrument < len(self._names) else str(instrument)

    def ask_account(self) -> bytes:
        """Return the question for an ``Account``."""
        return ask_bytes(AskAccount(), self._symbols)

    def ask_order(self, *, client_id: str, instrument: int) -> bytes:
        """Return the question about one order: ``Found`` or ``NotFound``."""
        return ask_bytes(AskOrder(client_id=client_id, instrument=instrument), self._symbols)

    def cancel(self, *, client_id: str, instrument: int) -> bytes:
        """Return the wish to cancel one order, whoever gave it."""
        request = Cancel(client_id=client_id, epoch=_NOBODY_S_EPOCH, instrument=instrument, ts_ns=0)
        return ask_bytes(request, self._symbols)

    def cancel_all(self) -> bytes:
        """Return the wish to cancel every order; the answer is a ``Queued``."""
        return ask_bytes(CancelAll(), self._symbols)

    def close(self, closing: Closing) -> bytes:
        """Return an order that can only make a position less."""
        is_stop = closing.trigger > 0
        request = NewOrder(
            client_id=closing.client_id,
            epoch=_NOBODY_S_EPOCH,
            instrument=closing.instrument,
            strategy=ACCOUNT,
            side=closing.side,
            order_kind=OrderKind.STOP if is_stop else OrderKind.MARKET,
            role=Role.STOP if is_stop else Role.EXIT,
            flags=Flag.REDUCE_ONLY,
            qty=closing.qty,
            price=0,
            trigger=closing.trigger,
            peer_client_id="",
            ts_ns=0,
        )
        return ask_bytes(request, self._symbols)

    def receive(self, data: bytes) -> list[Message]:
        """Return the messages that are whole now; after a ``Garbled`` there are no more."""
        messages: list[Message] = []
        if self._is_broken:
            return messages
        try:
            for line in self._buffer.feed(data):
                message = self._reader.read(line)
                if isinstance(message, Listing):
                    self._learn(message.symbols)
                if message is not None:
                    messages.append(message)
        except LineError as error:
            self._is_broken = True
            messages.append(Garbled(why=str(error)))
        return messages
