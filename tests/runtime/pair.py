"""An engine without threads and sockets, and a venue that says what a test makes it say.

The bytes between the two are real; the journal is a list, durable at once or when a test says so.
"""

from typing import TYPE_CHECKING, Any, Final

from interlock.kernel.codes import BUY, SELL, Kind
from interlock.kernel.records import rows
from interlock.runtime.clock import NS_PER_MS, NS_PER_S, ManualClock
from interlock.runtime.inbox import Lane, Room
from interlock.runtime.link import Link, Phase
from interlock.runtime.recover import Recovered
from interlock.runtime.session import Parts, begin
from interlock.runtime.turns import Turns
from interlock.venues.port import (
    Amend,
    Cancel,
    Capabilities,
    Message,
    NewOrder,
)
from interlock.venues.simulated.asks import Ask, AskOrder, read_ask
from interlock.venues.simulated.lines import Symbols
from interlock.venues.simulated.tells import tell_bytes
from interlock.venues.simulated.wire import CAPABILITIES, SimulatedCodec
from tests.runtime.scripts import BEGIN_NS, NAMES, SCALES, setup_of, strategy_of
from tests.runtime.sides import Book, Venue

if TYPE_CHECKING:
    from interlock.journal.rows import Entry
    from interlock.runtime.decide import Decided
    from interlock.runtime.engine import Engine
    from interlock.runtime.last_gate import Outgoing

EPOCH: Final = 7
ANSWER_NS: Final = 5 * NS_PER_S
LOOK_NS: Final = 10 * NS_PER_S


class Pair:
    """One engine and its venue.

    Args:
        settings: Of the policy, as in the kernel's tests.
        replay: Whether the venue plays a recording.
        script: Of the strategy.
        capabilities: Of the venue.
        recovered: What its journal says.
        killed: Whether the kill latch is set.
        epoch: Of the engine.
        is_slow: Whether nothing is durable until ``flush``.
        room: Of the inbox.
        clock: One that stands still, unless it is given.
        changed: Of the setup.
    """

    def __init__(
        self,
        settings: str = "",
        *,
        replay: bool = False,
        script: dict[str, Any] | None = None,
        capabilities: Capabilities = CAPABILITIES,
        recovered: Recovered | None = None,
        killed: bool = False,
        epoch: int = EPOCH,
        is_slow: bool = False,
        room: Room | None = None,
        clock: Any = None,
        **changed: Any,
    ) -> None:
        self.clock = clock or ManualClock(BEGIN_NS)
        self.codec = SimulatedCodec(NAMES, "paper", capabilities)
        self.symbols = Symbols(NAMES)
        self.setup = setup_of(settings, replay=replay, **changed)
        self.turns = Turns(strategy_of(**(script or {})), 0, SCALES)
        self.watched: list[Decided] = []
        self.in_store: set[bytes] = set()  # keys of fills
        begun = begin(
            self.setup,
            Parts(
                codec=self.codec,
                turns=self.turns,
                clock=self.clock,
                room=room or Room(),
                answer_ns=ANSWER_NS,
                look_ns=LOOK_NS,
                watch=self.watched.append,
            ),
            recovered,
            epoch=epoch,
            seen=self.in_store.__contains__,
            killed=killed,
        )
        self.engine: Engine = begun.engine
        self.link: Link = begun.engine.link
        self.names = begun.names
        self.entries: list[Entry] = list(begun.first)
        self.is_slow = is_slow
        self.said: list[Ask] = []  # by the engine, all of it
        self.sent: list[tuple[Outgoing, int]] = []  # and what was durable then
        self.venue = Venue(self)
        self.book = Book(self)
        self.refused: str | None = None  # bytes that were no message
        self._read = 0

    def pump(self) -> None:
        """Let the engine do what there is to do, and hear what it says."""
        while self.step():
            pass

    def step(self) -> bool:
        """Let it do one thing; return whether there was one."""
        busy = self.engine.work()
        self.entries.extend(self.engine.take_entries())
        if not self.is_slow:
            self.flush()
        return bool(self.leave()) or busy

    def flush(self) -> None:
        """Let everything that was taken be durable."""
        if self.entries:
            self.engine.durable(self.entries[-1].last_seq)

    def leave(self) -> int:
        """Hear what may be said now; return how much it was."""
        outgoing = self.engine.take_outgoing()
        for one in outgoing:
            self.sent.append((one, self.engine.progress.durable_seq))
            self.said.append(read_ask(one.wire, self.symbols))
            if one.request is not None:
                self.link.sent(one.request)
        return len(outgoing)

    def pass_time(self, seconds: float) -> None:
        """Let time pass in steps as a driver would."""
        left_ns = round(seconds * NS_PER_S)
        while left_ns > 0:
            step_ns = min(left_ns, 500 * NS_PER_MS)
            self.clock.advance(step_ns)
            left_ns -= step_ns
            self.engine.tick()
            self.pump()

    def asks(self) -> list[Ask]:
        """Return what was said since this was asked last."""
        found = self.said[self._read :]
        self._read = len(self.said)
        return found

    def phase(self) -> Phase:
        """Return how far the conversation with the venue is."""
        return self.link.phase

    def signal(self, side: int = BUY, instrument: int = 0) -> None:
        """Propose an entry."""
        row = rows(1)
        row["kind"] = Kind.SIGNAL
        row["side"] = side
        row["instrument"] = instrument
        row["strategy"] = 0
        row["ts_ns"] = row["src_ts_ns"] = self.engine.now_ns()
        assert self.engine.inbox.offer(Lane.SIGNAL, row)
        self.pump()

    def last(self, kind: type[Any] = NewOrder) -> Any:
        """Return the last request of a kind that left."""
        return [ask for ask in self.said if isinstance(ask, kind)][-1]

    def requests(self) -> list[NewOrder | Cancel | Amend]:
        """Return every order, cancel and amendment that left."""
        return [ask for ask in self.said if isinstance(ask, NewOrder | Cancel | Amend)]

    def receive(self, *messages: Message) -> None:
        """Say something, and no more."""
        for message in messages:
            self.refused = self.engine.receive(tell_bytes(message, self.symbols))

    def tell(self, *messages: Message) -> None:
        """Say something, and let the engine work on it."""
        self.receive(*messages)
        self.pump()

    def greet(self, *, ended: bool = False) -> None:
        """Let the engine connect, and welcome it."""
        self.engine.connected()
        self.pump()
        self.tell(self.venue.welcome(ended=ended))

    def open(self, positions: dict[int, int] | None = None) -> "Pair":
        """Connect and reconcile with a venue that has no orders of ours; return the pair."""
        self.greet()
        self.tell(self.venue.account(positions))
        assert self.link.phase is Phase.READY
        return self


def bought(settings: str = "", **given: Any) -> tuple[Pair, NewOrder]:
    """Return an engine that has asked for 100 lots and waits for an answer."""
    pair = Pair(settings, **given).open()
    pair.tell(pair.venue.bar())
    pair.signal()
    return pair, pair.last()


def holding(settings: str = "", **given: Any) -> tuple[Pair, NewOrder, NewOrder]:
    """Return an engine that holds 100 lots with stop and target at work: both of them."""
    pair, entry = bought(settings, **given)
    pair.tell(pair.venue.report(Kind.ACCEPTED, entry), pair.venue.fill(entry))
    stop, target = pair.requests()[1:]
    assert isinstance(stop, NewOrder)
    assert isinstance(target, NewOrder)
    pair.tell(pair.venue.report(Kind.ACCEPTED, stop), pair.venue.report(Kind.ACCEPTED, target))
    return pair, stop, target


def asked_about(pair: Pair) -> list[str]:
    """Return the orders that were asked about since this was asked last."""
    return [ask.client_id for ask in pair.asks() if isinstance(ask, AskOrder)]


def reconnect(pair: Pair) -> None:
    """Lose the connection and get another one."""
    pair.engine.lost()
    pair.greet()


def leaving() -> tuple[Pair, NewOrder, NewOrder]:
    """Return an engine that cancels stop and target to leave a position: both of them."""
    pair, stop, target = holding()
    pair.signal(SELL)
    assert set(pair.book.orders().values()) == {"PENDING_CANCEL"}
    return pair, stop, target


def growing() -> tuple[Pair, NewOrder]:
    """Return an engine that asked for its target to grow from 40 to 100 lots, and the target."""
    pair, entry = bought()
    pair.tell(pair.venue.report(Kind.ACCEPTED, entry), pair.venue.fill(entry, 40))
    stop, target = pair.requests()[1:]
    assert isinstance(stop, NewOrder)
    assert isinstance(target, NewOrder)
    pair.tell(pair.venue.report(Kind.ACCEPTED, stop), pair.venue.report(Kind.ACCEPTED, target))
    pair.tell(pair.venue.fill(entry, 60))
    asked = {ask.client_id: ask.qty for ask in pair.requests() if isinstance(ask, Amend)}
    assert asked == {stop.client_id: 100, target.client_id: 100}
    stop_grew = pair.venue.report(Kind.AMENDED, stop, qty=100, trigger=stop.trigger)
    pair.tell(stop_grew)
    pair.asks()
    return pair, target
