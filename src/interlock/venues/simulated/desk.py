"""The desk: what engines ask, what they are answered, and nothing before it is in the books.

Sans-IO but for the books: messages in, messages out. The server around it only moves bytes.
"""

from collections.abc import Callable, Sequence
from typing import Final

from interlock.sim.host import Tier
from interlock.sim.world import WorldArray, new_venue, venue_dtype
from interlock.venues.port import (
    Amend,
    Beat,
    Cancel,
    Duplicate,
    Ended,
    Fenced,
    Market,
    Message,
    NewOrder,
    Request,
    Welcome,
)
from interlock.venues.simulated.asks import ArmDeadMan, Ask, AskAccount, AskOrder, Done, Hello
from interlock.venues.simulated.exchange import Exchange
from interlock.venues.simulated.feed import Feed, Source, Telling
from interlock.venues.simulated.ledger import Ledger
from interlock.venues.simulated.warden import Wardens

QUIET_ROWS: Final = 64  # of the market between two commits when nothing else happens
_FEED: Final = (
    "feed_step",
    "feed_taken",
    "feed_number",
    "feed_now_ns",
    "feed_has_spoken",
    "feed_row",
    "feed_unheard",
    "feed_charges",
    "feed_strangers",
    "feed_stranger_names",
    "feed_place",
)


class ManneredError(ValueError):
    """An engine said what it may not say now; its connection has to go."""


class Desk:
    """One account, one source, one ledger.

    Args:
        world: Shape (1,): the venue's rules.
        source: What happens.
        ledger: The books; what is in them is gone on with.
        instruments: How many are traded.
        cash_units: Of a new account.
        tier: Capacities.
        waits: Whether every beat of a recording waits for its answer.
        clock: The time of day, for a source that is no recording.
        symbols: The instruments' names, by their numbers: for wardens.
    """

    def __init__(
        self,
        world: WorldArray,
        source: Source,
        ledger: Ledger,
        *,
        instruments: int,
        cash_units: int,
        tier: Tier,
        waits: bool = True,
        clock: Callable[[], int] | None = None,
        symbols: Sequence[str] = (),
    ) -> None:
        assert source.is_recording or clock is not None
        self._ledger = ledger
        self._source = source
        self._clock = None if source.is_recording else clock
        saved = ledger.read_state(venue_dtype(tier))
        self.exchange = Exchange(
            world,
            new_venue(cash_units, tier) if saved is None else saved,
            ledger,
            instruments=instruments,
            epoch=ledger.get("epoch") or 0,
            next_number=ledger.get("next_number") or 1,
        )
        self.feed = Feed(
            source,
            self.exchange,
            waits=waits and source.is_recording,
            now_ns=self._clock,
        )
        if saved is not None:
            self.feed.restore({key: ledger.get(key) for key in _FEED})
        self._wardens = Wardens(self.exchange, symbols)
        self.dead_man_ms: int = ledger.get("dead_man_ms") or 0
        self._beat = 0
        self._is_ready = False
        self._saved_number = self.feed.number

    @property
    def now_ns(self) -> int:
        """The venue's time."""
        if self._clock is not None:
            return self._clock()
        return self.feed.now_ns

    @property
    def was_greeted(self) -> bool:
        """Whether an engine was ever here: before that nobody has orders that could fill."""
        return self.exchange.epoch > 0

    @property
    def can_advance(self) -> bool:
        """Whether the next beat may be told."""
        return self._is_ready and not self.feed.awaits

    # --- what an engine says ----------------------------------------------------------------------

    def greet(self, hello: Hello) -> Welcome | Fenced:
        """Let an engine in, or say that a later one was here."""
        fenced = self.exchange.admits(hello.epoch)
        if fenced is not None:
            return fenced
        self._is_ready = False
        self._beat = 0
        self.feed.resume(hello.feed)
        self.save()
        return Welcome(
            now_ns=self.now_ns,
            replay=self._source.is_recording,
            ended=self.feed.has_ended,
        )

    def leave(self) -> None:
        """Take note that the engine is gone: nothing is told any more."""
        self._is_ready = False

    def take(self, ask: Ask, line: str = "") -> list[Message]:
        """Return the answers to what an engine says after its greeting.

        Args:
            ask: What it says.
            line: How it said it, for the books.

        Raises:
            ManneredError: It may not say that now.
        """
        match ask:
            case NewOrder() | Cancel() | Amend():
                return self._command(ask, line)
            case AskAccount():
                self.save_commands()
                return [self.exchange.account(self.now_ns)]
            case AskOrder():
                self.save_commands()
                return [self.exchange.order(ask.client_id, self.now_ns)]
            case Done():
                self._done(ask)
            case ArmDeadMan():
                self._arm(ask.timeout_ms)
            case Hello():
                raise ManneredError("an engine must greet once per connection")
            case _:
                raise ManneredError(f"an engine cannot ask for {type(ask).__name__}")
        return []

    def _command(self, request: Request, line: str) -> list[Message]:
        ts_ns = request.ts_ns if self._clock is None else self._clock()
        found = self.exchange.handle(request, ts_ns)
        if isinstance(found, Fenced):
            return [found]
        self._ledger.add_command(request, line)
        if isinstance(found, Duplicate):
            self.save()
            return [found]
        self.feed.hear(found)
        return []

    def _done(self, done: Done) -> None:
        if not self._is_ready:
            if done.beat != 0:
                raise ManneredError(f"the first answer must be to beat 0, was to {done.beat}")
            self._is_ready = True
            return
        if not self.feed.awaits and done.beat <= self._beat:
            return  # a feed that does not wait went on
        if done.beat != self._beat:
            raise ManneredError(f"an answer must be to beat {self._beat}, was to {done.beat}")
        self.feed.done(spoke=done.spoke)

    # --- what others say --------------------------------------------------------------------------

    def take_from_warden(self, ask: Ask, line: str = "") -> list[Message]:
        """Return the answers to what a warden says, its greeting included; all is in the books.

        Raises:
            ManneredError: A warden may not say that.
        """
        heard = self._wardens.take(ask, self.now_ns)
        if heard is None:
            raise ManneredError(f"a warden cannot ask for {type(ask).__name__}")
        if isinstance(ask, NewOrder | Cancel) and heard.reports:
            self._ledger.add_command(ask, line)
        self.feed.hear(heard.reports)
        self.save_commands()
        return heard.answers

    def _arm(self, timeout_ms: int) -> None:
        """Keep for how long the engine may be silent: a venue that starts again has to know."""
        if timeout_ms != self.dead_man_ms:
            self.dead_man_ms = timeout_ms
            self._ledger.put({"dead_man_ms": timeout_ms})

    def lapse(self) -> int:
        """The engine was silent for too long: cancel what could open; return how many."""
        self.dead_man_ms = 0
        self._ledger.put({"dead_man_ms": 0})
        reports = self.exchange.cancel_now(lambda order: not order.is_reduce_only, self.now_ns)
        self.feed.hear(reports)
        self.save()
        return len(reports)

    # --- what the venue says ----------------------------------------------------------------------

    def advance(self) -> list[Message]:
        """Return the next beat, when it is in the books; nothing when there is none now."""
        assert self.can_advance
        telling = self.feed.advance()
        if telling is None:
            return []
        # What is live does not come again: the books are never behind what an engine was told.
        rows_max = QUIET_ROWS if self._source.is_recording else 1
        if self._ledger.is_writing or self.feed.number - self._saved_number >= rows_max:
            self.save()
        return self._messages(telling)

    def run_alone(self) -> None:
        """Let a live market go on while no engine listens; its orders rest and fill."""
        while self.feed.advance() is not None:
            self.save()

    def _messages(self, telling: Telling) -> list[Message]:
        if telling.has_ended:
            return [Ended(now_ns=self.now_ns)]
        messages: list[Message] = list(telling.reports)
        if telling.rows is not None:
            messages.append(Market(rows=telling.rows))
        self._beat += 1
        messages.append(Beat(number=self._beat, now_ns=self.feed.now_ns, strategies=telling.turn))
        return messages

    # --- the books --------------------------------------------------------------------------------

    def save(self) -> None:
        """Return when everything that happened is in the books."""
        self._ledger.put(
            {
                "epoch": self.exchange.epoch,
                "next_number": self.exchange.next_number,
                **self.feed.saved(),
            }
        )
        self._ledger.put_state(self.exchange.venue)
        self._ledger.commit()
        self._saved_number = self.feed.number

    def save_commands(self) -> None:
        """Return when the commands taken so far are in the books."""
        if self._ledger.is_writing:
            self.save()
