"""What the engine asks of a venue, and what it hears: bytes in, messages out, no I/O.

A codec turns orders into the venue's bytes and the venue's bytes into messages; it decides
nothing. Quantities are lots, prices ticks, money account units, instruments the policy's numbers.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Protocol, TypeAlias

from interlock.kernel.records import Row, Rows

WARDEN_PREFIX: Final = "w-"  # of the client ids of orders that a warden gives


class DeadMan(StrEnum):
    """What a venue does for an engine that falls silent."""

    NATIVE = "native"  # it cancels what could open by itself
    EMULATED = "emulated"  # somebody of ours has to
    NONE = "none"


class VenueState(StrEnum):
    """Where an order is, in the venue's words."""

    WORKING = "working"
    FILLED = "filled"
    CANCELLED = "cancelled"
    REJECTED = "rejected"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True, kw_only=True)
class Capabilities:
    """What a venue can do.

    Attributes:
        native_oco: One-cancels-other pairs rest at the venue.
        absence_wait_ms: An order that is not found this long after it was sent never arrived.
        absence_answers: How many such answers it takes.
        dead_man: What becomes of resting orders when we fall silent.
        fills_follow_market: A fill is told with the market's next number, and no sooner.
    """

    native_oco: bool
    absence_wait_ms: int
    absence_answers: int
    dead_man: DeadMan = DeadMan.NONE
    fills_follow_market: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class NewOrder:
    """An order as it goes to the venue: exactly the journaled intent.

    Attributes:
        client_id: Ours; never used twice.
        epoch: Of the engine that sends it, which may be later than that of ``client_id``.
        peer_client_id: The other leg of its one-cancels-other pair, or nothing.
        ts_ns: When it was decided; a replayed venue lives in this time.
    """

    client_id: str
    epoch: int
    instrument: int
    strategy: int
    side: int
    order_kind: int
    role: int
    flags: int
    qty: int
    price: int
    trigger: int
    peer_client_id: str
    ts_ns: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Cancel:
    """A wish to cancel an order. Asking twice does no harm."""

    client_id: str
    epoch: int
    instrument: int
    ts_ns: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Amend:
    """A wish to change an order's quantity (all of it, what is filled included) and price."""

    client_id: str
    epoch: int
    instrument: int
    qty: int
    price: int
    trigger: int
    ts_ns: int


Request: TypeAlias = NewOrder | Cancel | Amend


@dataclass(frozen=True, slots=True, kw_only=True)
class Welcome:
    """The venue took the engine's greeting.

    Attributes:
        now_ns: The venue's time.
        replay: Whether it lives in the time of a recording.
        ended: Whether that recording has ended.
    """

    now_ns: int
    replay: bool
    ended: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Fenced:
    """The venue has heard of a later engine: this one may not speak any more."""

    epoch: int


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Report:
    """What became of an order. ``row`` is the kernel's event; its order id is still missing."""

    client_id: str
    peer_client_id: str
    row: Row


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Market:
    """Bars, quotes, trades, funding, and the calendar of a recording.

    ``rows`` has shape (n,); ``ext_lo`` is the row's number in the feed, from 1, without gaps.
    """

    rows: Rows


class Turn(StrEnum):
    """Whether the strategies may speak at the end of a beat."""

    NO = "no"
    IF_QUIET = "if_quiet"  # unless what came with the beat caused an order to be sent
    YES = "yes"


@dataclass(frozen=True, slots=True, kw_only=True)
class Beat:
    """A recording waits: it goes on when the engine has answered ``done``.

    ``now_ns`` is the time of the latest row or report that was told, and nothing later.
    """

    number: int
    now_ns: int
    strategies: Turn


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """A recording has ended; nothing more will come."""

    now_ns: int


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class VenueOrder:
    """An order as the venue knows it.

    Attributes:
        fills: Shape (n,), FILL rows without order ids, oldest first: all of them.
        qty: Lots, all of it, as amended.
        side: BUY or SELL; 0 when the venue does not say.
        order_kind: How it meets the market; 0 when the venue does not say.
        is_reduce_only: Whether it can only make a position less.
    """

    client_id: str
    instrument: int
    state: VenueState
    qty: int
    filled: int
    price: int
    trigger: int
    fills: Rows
    side: int = 0
    order_kind: int = 0
    is_reduce_only: bool = False


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Account:
    """What the venue says we have.

    Attributes:
        now_ns: When, in its time.
        orders: Those that are open.
        positions: Lots, signed, by instrument; what is not named is flat.
        cash_units: Settled.
        marks: Ticks, by instrument: what the positions are valued at.
        equity_units: Cash and positions at the venue's marks.
        trades: How many fills it ever reported to this account.
    """

    now_ns: int
    orders: tuple[VenueOrder, ...]
    positions: dict[int, int]
    marks: dict[int, int]
    cash_units: int
    equity_units: int
    trades: int


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Found:
    """The answer about one order."""

    order: VenueOrder


@dataclass(frozen=True, slots=True, kw_only=True)
class NotFound:
    """The venue does not know the order; that alone proves nothing."""

    client_id: str
    now_ns: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Duplicate:
    """A new order's id was used before: the first order is as it was, this one is none.

    It is no refusal. It says that the venue has the order, and what became of it has to be asked.
    """

    client_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """The venue took a warden's greeting: what it trades, by its numbers."""

    symbols: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Queued:
    """The venue took note of a wish. Whether it was done, or will be, is not said."""

    what: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """A warden asked for what could open or change something: nothing was done."""

    client_id: str
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Garbled:
    """Bytes that are no message: the connection has to go, and nothing may be concluded."""

    why: str


Message: TypeAlias = (
    Welcome
    | Fenced
    | Report
    | Market
    | Beat
    | Ended
    | Account
    | Found
    | NotFound
    | Duplicate
    | Listing
    | Queued
    | Refused
    | Garbled
)


class Codec(Protocol):
    """Encoder and decoder of one connection at a time; it holds what came in and is not whole."""

    @property
    def capabilities(self) -> Capabilities:
        """What this venue can do."""

    def hello(self, *, epoch: int, feed: int) -> bytes:
        """Return the greeting: who speaks, and the last feed number that it has journaled."""

    def request(self, request: Request) -> bytes:
        """Return an order, a cancel or an amendment in the venue's bytes."""

    def reads(self, wire: bytes) -> Request | None:
        """Return what bytes ask for, None when they ask for no such thing: for the last gate."""

    def ask_account(self) -> bytes:
        """Return the question for an ``Account``."""

    def ask_order(self, *, client_id: str, instrument: int) -> bytes:
        """Return the question about one order: ``Found`` or ``NotFound``."""

    def dead_man(self, *, timeout_ms: int) -> bytes:
        """Return the wish that what could open is cancelled after so long without another; 0: off.

        Nothing at all where a venue cannot do that by itself.
        """

    def done(self, *, beat: int, spoke: bool) -> bytes:
        """Return the answer to a ``Beat``: everything it caused has been sent.

        Args:
            beat: Its number.
            spoke: Whether the strategies have nothing more to say; else they are offered another
                turn, after the reports on what was ordered so far.
        """

    def receive(self, data: bytes) -> list[Message]:
        """Return the messages that are whole now."""

    def forget(self) -> None:
        """The connection is gone: what came in and is not whole belongs to nothing any more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Closing:
    """An order of a warden: reduce-only, whatever else it says.

    Attributes:
        client_id: With ``WARDEN_PREFIX``; never used twice.
        side: BUY or SELL.
        qty: Lots.
        trigger: Ticks, of a stop; 0 is an order at market.
    """

    client_id: str
    instrument: int
    side: int
    qty: int
    trigger: int = 0


class WardenCodec(Protocol):
    """Encoder and decoder of a connection that can only make less of what is held or open."""

    @property
    def capabilities(self) -> Capabilities:
        """What this venue can do."""

    def greet(self, *, who: str) -> bytes:
        """Return the greeting, answered by a ``Listing``; it displaces nobody."""

    def symbol(self, instrument: int) -> str:
        """Return the name of an instrument; its number before the venue has named them."""

    def ask_account(self) -> bytes:
        """Return the question for an ``Account``."""

    def ask_order(self, *, client_id: str, instrument: int) -> bytes:
        """Return the question about one order: ``Found`` or ``NotFound``."""

    def cancel(self, *, client_id: str, instrument: int) -> bytes:
        """Return the wish to cancel one order, whoever gave it."""

    def cancel_all(self) -> bytes:
        """Return the wish to cancel every order; the answer may be a ``Queued``."""

    def close(self, closing: Closing) -> bytes:
        """Return an order that can only make a position less."""

    def receive(self, data: bytes) -> list[Message]:
        """Return the messages that are whole now."""

    def forget(self) -> None:
        """The connection is gone: what came in and is not whole belongs to nothing any more."""
