"""How long a venue takes, and what time it is there: seen from this side of a live conversation.

Without I/O. Waits are measured on the clock that never jumps, so that a step of the time of day
makes no answer late, and shows at once as an offset.
"""

from collections import deque
from dataclasses import dataclass
from typing import Final

from interlock.kernel.codes import Kind, OrderKind
from interlock.kernel.records import Rows
from interlock.runtime.clock import NS_PER_MS, Clock
from interlock.venues.port import (
    Account,
    Duplicate,
    Found,
    Market,
    Message,
    NewOrder,
    NotFound,
    Report,
    Request,
    VenueState,
)

SAMPLES: Final = 8  # round trips of which the fastest tells the venue's time
APART_NS: Final = 10 * NS_PER_MS  # beyond their errors: then one of the clocks was set meanwhile
_NUMBERS: Final = frozenset(map(int, (Kind.BAR, Kind.QUOTE, Kind.TRADE)))
_ENDS: Final = frozenset(map(int, (Kind.FILL, Kind.REJECTED, Kind.CANCELLED, Kind.EXPIRED)))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sample:
    """One answer that named the venue's time.

    Attributes:
        took_ns: From question to answer; half of it is how wrong ``ahead_ns`` may be.
        ahead_ns: The venue's time minus our clock that never jumps, at the middle of the two.
    """

    took_ns: int
    ahead_ns: int


class Waits:
    """What is waited for, and the longest wait since it was asked for last."""

    def __init__(self) -> None:
        self._since_ns: dict[str, int] = {}
        self._longest_ns = 0

    def begin(self, name: str, now_ns: int) -> None:
        """Wait for it from now on, unless it is waited for already."""
        self._since_ns.setdefault(name, now_ns)

    def end(self, name: str, now_ns: int) -> None:
        """It came, or never will."""
        since_ns = self._since_ns.pop(name, None)
        if since_ns is not None:
            self._longest_ns = max(self._longest_ns, now_ns - since_ns)

    def forget(self) -> None:
        """Wait for nothing any more: nobody will say."""
        self._since_ns.clear()

    def longest_ms(self, now_ns: int) -> int:
        """Return the longest wait since ``begin_anew``; what still waits counts up to now."""
        oldest_ns = min(self._since_ns.values(), default=now_ns)
        return max(self._longest_ns, now_ns - oldest_ns) // NS_PER_MS

    def begin_anew(self) -> None:
        """Forget what is over; what still waits is waited for."""
        self._longest_ns = 0


class RoundTrips:
    """Measures one live venue; a recording lives in a time of its own, and is not asked.

    Args:
        clock: This machine's.
        follow_market: Whether fills are told with the market's next number and no sooner.
    """

    def __init__(self, clock: Clock, *, follow_market: bool) -> None:
        self.placements = Waits()  # of new orders, for their first answer
        self.fills = Waits()  # of orders at market, for their first fill
        self._clock = clock
        self._follow_market = follow_market
        self._unmoved: dict[str, tuple[int, int]] = {}  # orders: instrument, and sent at what time
        self._asked_ns: int | None = None
        self._silent_ns: int | None = None  # since the first question without an answer
        self._is_doubtful = False  # two questions are under way: whose answer comes next?
        self._samples: deque[_Sample] = deque(maxlen=SAMPLES)
        self._looked_ns: int | None = None

    # --- what we say --------------------------------------------------------------------------

    def asked(self) -> None:
        """A question was asked whose answer names the venue's time."""
        self._is_doubtful = self._asked_ns is not None
        self._asked_ns = self._clock.elapsed_ns()
        if self._silent_ns is None:
            self._silent_ns = self._asked_ns

    def sent(self, request: Request) -> None:
        """A request has left."""
        if not isinstance(request, NewOrder):
            return
        now_ns = self._clock.elapsed_ns()
        self.placements.begin(request.client_id, now_ns)
        if request.order_kind != OrderKind.MARKET:
            return
        if self._follow_market:
            self._unmoved[request.client_id] = (request.instrument, self._clock.now_ns())
        else:
            self.fills.begin(request.client_id, now_ns)

    def lost(self) -> None:
        """The connection is gone, and every answer with it."""
        self.placements.forget()
        self.fills.forget()
        self._unmoved.clear()
        self._samples.clear()
        self._asked_ns = self._silent_ns = None

    # --- what it says -------------------------------------------------------------------------

    def heard(self, message: Message) -> None:
        """Take notice of a message on its arrival."""
        match message:
            case Report():
                self._answered(message.client_id, is_over=int(message.row["kind"]) in _ENDS)
            case Found():
                order = message.order
                is_over = len(order.fills) > 0 or order.state is not VenueState.WORKING
                self._answered(order.client_id, is_over=is_over)
            case NotFound():
                self._answered(message.client_id, is_over=True)
            case Duplicate():
                self._answered(message.client_id, is_over=False)
            case Account():
                self._told_time(message.now_ns)
            case Market() if self._unmoved:
                self._moved(message.rows)

    def _answered(self, client_id: str, *, is_over: bool) -> None:
        now_ns = self._clock.elapsed_ns()
        self.placements.end(client_id, now_ns)
        if is_over:
            self.fills.end(client_id, now_ns)
            self._unmoved.pop(client_id, None)

    def _moved(self, table: Rows) -> None:
        """Wait for the fills of orders whose market was seen to go on after they were sent."""
        for row in table:
            if int(row["kind"]) not in _NUMBERS:
                continue
            for client_id, (instrument, sent_ns) in list(self._unmoved.items()):
                if instrument == row["instrument"] and sent_ns <= row["src_ts_ns"]:
                    del self._unmoved[client_id]
                    self.fills.begin(client_id, self._clock.elapsed_ns())

    # --- what came of questions ---------------------------------------------------------------

    def _told_time(self, venue_ns: int) -> None:
        asked_ns, self._asked_ns = self._asked_ns, None
        self._silent_ns = None
        if asked_ns is None or self._is_doubtful or venue_ns == 0:
            return
        now_ns = self._clock.elapsed_ns()
        found = _Sample(took_ns=now_ns - asked_ns, ahead_ns=venue_ns - (asked_ns + now_ns) // 2)
        agreeing = [one for one in self._samples if _agree(one, found)]
        if len(agreeing) < len(self._samples):
            self._samples = deque(agreeing, maxlen=SAMPLES)
        self._samples.append(found)

    def looked(self) -> None:
        """The venue said what the account holds; a recording's does so too."""
        self._looked_ns = self._clock.elapsed_ns()

    def looked_age_ns(self) -> int | None:
        """Return how long ago that was; None when it never was."""
        return None if self._looked_ns is None else self._clock.elapsed_ns() - self._looked_ns

    def silent_ns(self) -> int:
        """Return for how long a question has not been answered; 0 when none waits."""
        return 0 if self._silent_ns is None else self._clock.elapsed_ns() - self._silent_ns

    def offset_ns(self) -> int | None:
        """Return how far the venue's time is ahead of ours now; None while nobody knows."""
        if not self._samples:
            return None
        best = min(self._samples, key=lambda one: one.took_ns)
        return best.ahead_ns + self._clock.elapsed_ns() - self._clock.now_ns()


def _agree(one: _Sample, other: _Sample) -> bool:
    """Return whether both can be true of clocks that nobody set."""
    error_ns = (one.took_ns + other.took_ns) // 2 + APART_NS
    return abs(one.ahead_ns - other.ahead_ns) <= error_ns
