"""Stopping at a venue: cancel, close, and read back until it shows that nothing is left.

A state machine without I/O and without a clock, used by everybody who stops: the command line, the
watchdog and the fault simulator. It believes no answer but the account itself, asked for after the
last thing it did, and concludes nothing from silence. Whatever it orders is reduce-only, one order
at a time for each instrument, so that no position is ever exceeded.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Final, TypeAlias

from interlock.kernel.codes import BUY, OrderKind
from interlock.venues.port import (
    WARDEN_PREFIX,
    Account,
    Closing,
    Found,
    Garbled,
    Listing,
    Message,
    NotFound,
    Queued,
    Refused,
    VenueOrder,
    VenueState,
    WardenCodec,
)
from interlock.venues.purpose import STOPS, Purpose, is_unwanted, needed

NS_PER_MS: Final = 1_000_000
NS_PER_S: Final = 1_000_000_000
NOTES_MAX: Final = 1_000
SILENT: Final = "the venue does not answer"


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """How patient it is.

    Attributes:
        act_ns: From something done to the next question.
        ask_ns: Between two questions.
        silence_ns: Without an answer for so long, another connection is wanted.
        patience_ns: A cancel or an order at market that did nothing for so long is tried anew.
        confirm: So many answers in a row have to show that nothing is left.
        deadline_ns: After so long it ends unconfirmed.
        stop_ppm: Distance from the mark of a stop that is missing, in millionths of the price.
    """

    act_ns: int = 50 * NS_PER_MS
    ask_ns: int = 200 * NS_PER_MS
    silence_ns: int = 2 * NS_PER_S
    patience_ns: int = 2 * NS_PER_S
    confirm: int = 2
    deadline_ns: int = 10 * NS_PER_S
    stop_ppm: int = 20_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Killed:
    """The venue has shown that it is done.

    Attributes:
        took_ns: From the beginning.
        cancelled: How many orders were asked to be cancelled.
        closed: How many orders were given to make positions less.
    """

    took_ns: int
    cancelled: int
    closed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Unconfirmed:
    """Nobody can say that it is done.

    Attributes:
        why: In one sentence.
        orders: The client ids that the venue showed last.
        positions: The lots that it showed last, by symbol.
    """

    why: str
    orders: tuple[str, ...] = ()
    positions: dict[str, int] = field(default_factory=dict)


Verdict: TypeAlias = Killed | Unconfirmed


@dataclass(slots=True, kw_only=True)
class _Given:
    """An order of ours that the venue has not told the end of.

    Attributes:
        at_ns: When it was given.
        missing: How often the venue did not know it.
    """

    closing: Closing
    at_ns: int
    missing: int = 0


@dataclass(slots=True)
class _Tries:
    """When an instrument's next order may be given; each time later, for it may be refused."""

    not_before_ns: int = 0
    pause_ns: int = 100 * NS_PER_MS


class Stopper:
    """Brings one account to where it can do no more harm.

    The host gives it a connection and the time, and writes what it returns.

    Args:
        codec: Of the connection.
        purpose: What is to be true.
        name: Part of its orders' client ids: never used before, capitals and digits, at most 40.
        now_ns: The time; only differences count.
        timing: How patient it is.
        who: How it greets.
    """

    def __init__(
        self,
        codec: WardenCodec,
        *,
        purpose: Purpose,
        name: str,
        now_ns: int,
        timing: Timing | None = None,
        who: str = "warden",
    ) -> None:
        self.account: Account | None = None
        self.verdict: Verdict | None = None
        self._codec = codec
        self._purpose = purpose
        self._name = name
        self._begun_ns = now_ns
        self._timing = timing or Timing()
        self._who = who
        self._outbox: list[bytes] = []
        self._notes: list[str] = []
        self._connected = False
        self._broken = False
        self._listed = False
        self._waits = False  # for an answer
        self._asked_ns = now_ns
        self._next_ns = now_ns
        self._clean = 0
        self._problem = "the venue could not be reached"
        self._given: dict[int, _Given] = {}  # by instrument
        self._tries: dict[int, _Tries] = {}
        self._count = 0
        self._cancels: dict[str, int] = {}  # when each was asked for last
        self._first: dict[str, int] = {}  # when an order was first in the way
        self._blanket_ns: int | None = None

    # --- the host's side ----------------------------------------------------------------------

    @property
    def wants_connection(self) -> bool:
        """Whether a connection, or another one, is needed."""
        return self.verdict is None and (self._broken or not self._connected)

    def connected(self, now_ns: int) -> None:
        """A connection is there: greet. What was asked over another is asked again."""
        self._connected = True
        self._broken = False
        self._listed = False
        self._waits = True
        self._asked_ns = now_ns
        self._clean = 0
        self._codec.forget()
        self._outbox = [self._codec.greet(who=self._who)]

    def lost(self, now_ns: int, why: str = "") -> None:
        """The connection is gone, or could not be made: nothing is concluded from that."""
        self._connected = False
        self._listed = False
        self._waits = False
        self._clean = 0
        self._outbox = []
        self._next_ns = now_ns
        if why and why != self._problem:
            self._problem = why
            self._note(why)

    def take(self) -> list[bytes]:
        """Return what has to be written, in order."""
        found, self._outbox = self._outbox, []
        return found

    def take_notes(self) -> list[str]:
        """Return what happened since the last time, for people."""
        found, self._notes = self._notes, []
        return found

    def receive(self, data: bytes, now_ns: int) -> None:
        """Take bytes from the venue."""
        for message in self._codec.receive(data):
            self._hear(message, now_ns)

    def tick(self, now_ns: int) -> None:
        """Let time pass: ask again, give a connection up, come to an end."""
        if self.verdict is not None:
            return
        if now_ns - self._begun_ns >= self._timing.deadline_ns:
            self.verdict = self._unconfirmed()
            self._note(self.verdict.why)
        elif self._waits and now_ns - self._asked_ns >= self._timing.silence_ns:
            self._broken = True
            self._problem = SILENT
        elif self._listed and not self._waits and now_ns >= self._next_ns:
            self._ask(now_ns)

    # --- answers ------------------------------------------------------------------------------

    def _hear(self, message: Message, now_ns: int) -> None:
        if self.verdict is not None or not self._connected:
            return
        match message:
            case Listing():
                self._listed = True
                self._ask(now_ns)
            case Account():
                if self._waits:
                    self._waits = False
                    self._next_ns = now_ns + self._timing.ask_ns
                    self._judge(message, now_ns)
            case Found():
                self._found(message.order)
            case NotFound():
                self._not_found(message.client_id, now_ns)
            case Refused():
                self._note(f"the venue refused {message.client_id or 'a wish'}: {message.why}")
                self._settle(message.client_id)
            case Queued():
                self._note(f"{message.what} was taken note of")
            case Garbled():
                self._broken = True
                self._problem = f"the venue said what is no message: {message.why}"
                self._note(self._problem)
            case _:
                pass  # a duplicate id is asked about anyhow; reports are for the engine

    def _ask(self, now_ns: int) -> None:
        """Ask what became of our orders, then for the account."""
        self._waits = True
        self._asked_ns = now_ns
        for given in self._given.values():
            mine = given.closing
            ask = self._codec.ask_order
            self._say(partial(ask, client_id=mine.client_id, instrument=mine.instrument))
        self._say(self._codec.ask_account)

    def _found(self, order: VenueOrder) -> None:
        """An order is where the venue says; one that rests is still under way, but for a stop."""
        if order.state is not VenueState.WORKING or order.order_kind in STOPS:
            self._settle(order.client_id)
            name = self._codec.symbol(order.instrument)
            self._note(f"{order.client_id} in {name} is {order.state}, {order.filled} lots filled")

    def _not_found(self, client_id: str, now_ns: int) -> None:
        """After long enough, and often enough, that is proof that an order never arrived."""
        proof = self._codec.capabilities
        for given in list(self._given.values()):
            if given.closing.client_id != client_id:
                continue
            given.missing += 1
            waited_ns = now_ns - given.at_ns
            if given.missing < proof.absence_answers:
                continue
            if waited_ns >= proof.absence_wait_ms * NS_PER_MS:
                self._note(f"{client_id} never arrived")
                self._settle(client_id)

    def _settle(self, client_id: str) -> None:
        """Nothing more is to come of an order of ours."""
        for instrument, given in list(self._given.items()):
            if given.closing.client_id == client_id:
                del self._given[instrument]

    # --- what is to be done -------------------------------------------------------------------

    def _judge(self, account: Account, now_ns: int) -> None:
        """See what is left, and do something about each of it; an order's trouble is its own."""
        self.account = account
        unwanted = [order for order in account.orders if self._is_unwanted(order, account, now_ns)]
        if unwanted:
            self._cancel(unwanted, now_ns)
        blocked = {
            order.instrument
            for order in unwanted
            if now_ns - self._first[order.client_id] < self._timing.patience_ns
        }
        left = needed(self._purpose, account, stop_ppm=self._timing.stop_ppm)
        for instrument, closing in left.items():
            is_free = instrument not in blocked and instrument not in self._given
            if is_free and now_ns >= self._tries.get(instrument, _Tries()).not_before_ns:
                self._give(closing, now_ns)
        if unwanted or left or self._given:
            self._clean = 0
            self._next_ns = now_ns + self._timing.act_ns if self._outbox else self._next_ns
            return
        self._clean += 1
        if self._clean >= self._timing.confirm:
            self.verdict = Killed(
                took_ns=now_ns - self._begun_ns,
                cancelled=len(self._cancels),
                closed=self._count,
            )
            self._note("the venue has shown that nothing is left to be done")

    def _is_unwanted(self, order: VenueOrder, account: Account, now_ns: int) -> bool:
        """Return whether an open order has to go. A closing one at market is given some time."""
        is_ours = order.client_id.startswith(WARDEN_PREFIX)
        if not is_unwanted(self._purpose, order, account):
            return False
        first_ns = self._first.setdefault(order.client_id, now_ns)
        is_closing = is_ours and order.order_kind == OrderKind.MARKET
        return not is_closing or now_ns - first_ns >= self._timing.patience_ns

    def _cancel(self, orders: list[VenueOrder], now_ns: int) -> None:
        """Ask for the end of each, and where all have to go of all at once too."""
        timing = self._timing
        if self._purpose in {Purpose.CANCEL, Purpose.FLATTEN}:
            if self._blanket_ns is None or now_ns - self._blanket_ns >= timing.patience_ns:
                self._blanket_ns = now_ns
                self._say(self._codec.cancel_all)
        for order in orders:
            asked_ns = self._cancels.get(order.client_id)
            if asked_ns is None:
                self._note(f"cancel {order.client_id} in {self._codec.symbol(order.instrument)}")
            elif now_ns - asked_ns < timing.ask_ns:
                continue
            self._cancels[order.client_id] = now_ns
            cancel = self._codec.cancel
            self._say(partial(cancel, client_id=order.client_id, instrument=order.instrument))

    def _give(self, closing: Closing, now_ns: int) -> None:
        """Order what makes a position less."""
        name = self._codec.symbol(closing.instrument)
        if self._purpose is Purpose.PROTECT and closing.trigger == 0:
            self._note(f"no stop can be placed in {name}: the venue names no price")
            return
        mine = Closing(
            client_id=f"{WARDEN_PREFIX}{self._name}-{self._count + 1}",
            instrument=closing.instrument,
            side=closing.side,
            qty=closing.qty,
            trigger=closing.trigger,
        )
        if self._say(partial(self._codec.close, mine)):
            self._count += 1
            self._given[mine.instrument] = _Given(closing=mine, at_ns=now_ns)
            tries = self._tries.setdefault(mine.instrument, _Tries())
            tries.not_before_ns = now_ns + min(tries.pause_ns, self._timing.patience_ns)
            tries.pause_ns *= 2
            what = f"stop at {mine.trigger}" if mine.trigger else "market"
            verb = "buy" if mine.side == BUY else "sell"
            self._note(f"{mine.client_id}: {verb} {mine.qty} {name}, {what}, reduce-only")

    # --- words --------------------------------------------------------------------------------

    def _say(self, encode: Callable[[], bytes]) -> bool:
        """Queue a line. One that cannot be made is noted, and stops nothing else."""
        try:
            self._outbox.append(encode())
        except Exception as error:  # noqa: BLE001 - whatever it is, the other orders come next
            self._note(f"a line for the venue could not be made: {type(error).__name__}: {error}")
            return False
        return True

    def _note(self, text: str) -> None:
        if len(self._notes) < NOTES_MAX:
            self._notes.append(text)

    def _unconfirmed(self) -> Unconfirmed:
        """Return what is known at the end of our patience."""
        account = self.account
        if account is None:
            return Unconfirmed(why=self._problem)
        held = {
            self._codec.symbol(number): lots for number, lots in account.positions.items() if lots
        }
        why = f"the venue still shows {len(account.orders)} orders and {len(held)} positions"
        return Unconfirmed(
            why=why if self._listed and not self._waits else self._problem,
            orders=tuple(order.client_id for order in account.orders),
            positions=held,
        )
