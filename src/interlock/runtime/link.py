"""One venue's side of the engine: who was greeted, what was asked, what awaits an answer.

A state machine without I/O. The engine gives it the venue's messages in order and the kernel's
commands once they are durable; it returns rows for the inbox and requests for the last gate.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

import numpy as np

from interlock.kernel.codes import ACCOUNT, Cause, Kind, Level, OrderState
from interlock.kernel.records import Row, Rows
from interlock.runtime import reconcile
from interlock.runtime.clock import NS_PER_MS, NS_PER_S, Clock
from interlock.runtime.decide import Command, Decider
from interlock.runtime.entries import fill_key
from interlock.runtime.last_gate import Outgoing
from interlock.runtime.names import Names
from interlock.runtime.round_trips import RoundTrips
from interlock.venues.port import (
    Account,
    Amend,
    Cancel,
    Codec,
    Found,
    NewOrder,
    NotFound,
    Report,
    Request,
    Welcome,
)

ASK_AGAIN_NS: Final = NS_PER_S  # of an order that is unknown
LATE_NS: Final = 2 * NS_PER_S  # after its decision, an order opens nothing any more
_TAKEN: Final = (int(OrderState.WORKING), int(OrderState.PARTIAL))
_ORDER_KINDS: Final = (int(Kind.SUBMIT), int(Kind.CANCEL), int(Kind.AMEND))
# A venue refuses these of an order it has, and of one it never had.
_REFUSED: Final = (int(Kind.CANCEL_REJECTED), int(Kind.AMEND_REJECTED))
# Reports of an order that say nothing about another request of it that is on its way.
_NO_ANSWER: Final = {
    NewOrder: frozenset[int](),
    Cancel: frozenset(
        map(int, (Kind.ACCEPTED, Kind.FILL, Kind.AMENDED, Kind.AMEND_REJECTED)),
    ),
    Amend: frozenset(map(int, (Kind.ACCEPTED, Kind.FILL, Kind.CANCEL_REJECTED))),
}


class Phase(StrEnum):
    """How far the conversation with the venue is."""

    AWAY = "away"
    GREETING = "greeting"
    LOOKING = "looking"  # orders are asked about, one by one
    COMPARING = "comparing"  # what they answered was decided on; positions are compared
    READY = "ready"


@dataclass(slots=True)
class Asked:
    """A request that was sent, and is not answered."""

    at_ns: int
    request: Request


@dataclass(slots=True)
class Missing:
    """An order that nobody knows about: when it was asked about, and how often it was not found."""

    since_ns: int
    asked_ns: int = 0
    answers: int = 0


@dataclass(slots=True, kw_only=True)
class Seen:
    """What a reconciliation came to, for people."""

    orders: int = 0
    fills: int = 0
    unknown: int = 0
    resolved: int = 0
    abandoned: int = 0
    differences: set[int] = field(default_factory=set)


class Link:
    """The conversation with one venue.

    Args:
        codec: Of the venue.
        names: Of orders.
        decider: Its state is read here, and only here written to by events.
        clock: For what waits.
        seen: Whether a fill with this key was journaled.
        answer_ns: How long an answer may take.
        look_ns: How often positions are compared.
    """

    def __init__(
        self,
        codec: Codec,
        names: Names,
        decider: Decider,
        clock: Clock,
        *,
        seen: Callable[[bytes], bool],
        answer_ns: int,
        look_ns: int,
    ) -> None:
        self._codec = codec
        self._names = names
        self._decider = decider
        self._clock = clock
        self._seen = seen
        self._answer_ns = answer_ns
        self._look_ns = look_ns
        self.phase = Phase.AWAY
        self.replay = False
        self.found = Seen()
        self.trips = RoundTrips(clock, follow_market=codec.capabilities.fills_follow_market)
        self.outbox: list[Outgoing] = []
        self.rows: list[Rows] = []  # for the inbox, before anything that came later
        self._asked: dict[int, Asked] = {}
        self._missing: dict[int, Missing] = {}
        self._open_questions: dict[str, int] = {}  # name and instrument of each order
        self._questioned_ns = 0
        self._looked_ns = 0
        self._to_look = False
        self._differing: dict[int, int] = {}  # instruments, and since when
        self._mislaid: dict[int, int] = {}  # orders, and since when

    # --- coming and going ---------------------------------------------------------------------

    def connected(self, feed: int) -> None:
        """Greet the venue."""
        self.phase = Phase.GREETING
        self._questioned_ns = self._clock.elapsed_ns()
        self._say(self._codec.hello(epoch=self._names.epoch, feed=feed))

    @property
    def is_ignored(self) -> bool:
        """Whether the greeting was not answered in time: this connection leads to nobody."""
        waited_ns = self._clock.elapsed_ns() - self._questioned_ns
        return self.phase is Phase.GREETING and waited_ns >= self._answer_ns

    def lost(self) -> None:
        """The connection is gone: what was asked may or may not have been heard."""
        self.phase = Phase.AWAY
        self.trips.lost()
        self.outbox.clear()
        self._asked.clear()
        self._open_questions.clear()

    def welcomed(self, message: Welcome) -> None:
        """Begin to reconcile: entries are held, and whatever awaits an answer is unknown."""
        self.replay = message.replay
        self.found = Seen()
        self.phase = Phase.LOOKING
        now_ns = self._now_ns()
        if not reconcile.account_is_held(self._decider.state):
            self.rows.append(reconcile.halt_row(ACCOUNT, Level.PAUSED, now_ns))
        unknown = reconcile.unknown_rows(self._decider.state, now_ns)
        self.found.unknown = len(unknown)
        self.rows.extend(unknown)
        self._to_look = True

    def look(self) -> None:
        """Ask about every open order, once what is unknown was decided on."""
        if not self._to_look:
            return
        self._to_look = False
        for order in reconcile.open_orders(self._decider.state):
            self._ask_about(order)
            self.found.orders += 1
        if not self._open_questions:
            self.compare()

    def compare(self) -> None:
        """Ask for positions, now that every order is where the venue says."""
        if self.phase is Phase.LOOKING:
            self.phase = Phase.COMPARING
        self._looked_ns = self._questioned_ns = self._clock.elapsed_ns()
        self.trips.asked()
        self._say(self._codec.ask_account())

    # --- answers ------------------------------------------------------------------------------

    def reported(self, message: Report) -> Rows:
        """Return the event of a report, with our order's number in it."""
        row = message.row.copy().reshape(1)
        order_id = self._names.order_id(message.client_id)
        row["order_id"] = order_id
        row["peer_id"] = self._names.order_id(message.peer_client_id)
        asked = self._asked.get(order_id)
        if asked is not None and int(row["kind"][0]) not in _NO_ANSWER[type(asked.request)]:
            del self._asked[order_id]
        if row["kind"][0] not in _REFUSED:
            self._missing.pop(order_id, None)
        order = self._order(order_id)
        if order is not None and reconcile.follows_unheard(order, row[0]):
            if row["kind"][0] != Kind.FILL or not self._seen(fill_key(row[0])):
                self._ask_about(order)  # it waits for what was before it, or comes with that
                return row[:0]
        return row

    def answered(self, message: Found | NotFound) -> None:
        """Take the answer about one order."""
        client_id = message.client_id if isinstance(message, NotFound) else message.order.client_id
        self._open_questions.pop(client_id, None)
        order_id = self._names.order_id(client_id)
        order = self._order(order_id)
        now_ns = self._now_ns()
        if order is not None:
            if isinstance(message, Found):
                found = reconcile.catch_up(order, message.order, self._seen, now_ns)
                self.found.fills += sum(int(row["kind"][0] == Kind.FILL) for row in found)
                if order["state"] == OrderState.UNKNOWN:
                    self.found.resolved += 1
                self.rows.extend(found)
                self._asked.pop(order_id, None)
                self._missing.pop(order_id, None)
            else:
                self._not_found(order_id, order, now_ns)
        if self.phase is Phase.LOOKING and not self._open_questions:
            self.compare()

    def used_before(self, client_id: str) -> None:
        """The venue has this order already: what became of it has to be asked."""
        order = self._order(self._names.order_id(client_id))
        if order is not None:
            if reconcile.awaits_answer(order):
                self.rows.append(reconcile.order_row(Kind.OUTCOME_UNKNOWN, order, self._now_ns()))
            self._ask_about(order)

    def _not_found(self, order_id: int, order: Row, now_ns: int) -> None:
        """A venue does not know an order: after long enough, and often enough, that is proof."""
        if order["state"] in _TAKEN:
            # It was there: a venue that forgets is not to be traded on until a person has looked.
            number = int(order["instrument"])
            self.rows.append(
                reconcile.halt_row(number, Level.HALTED, now_ns, Cause.IMPOSSIBLE_STATE)
            )
        if order["state"] != OrderState.UNKNOWN:
            self.rows.append(reconcile.order_row(Kind.OUTCOME_UNKNOWN, order, now_ns))
        elapsed_ns = self._clock.elapsed_ns()
        missing = self._missing.setdefault(order_id, Missing(since_ns=elapsed_ns))
        missing.answers += 1
        proof = self._codec.capabilities
        waited_ns = elapsed_ns - missing.since_ns
        if missing.answers < proof.absence_answers:
            return
        if waited_ns < proof.absence_wait_ms * NS_PER_MS:
            return
        self.rows.append(reconcile.order_row(Kind.ABSENT, order, now_ns))
        self.found.abandoned += 1
        del self._missing[order_id]

    def looked(self, account: Account) -> bool:
        """Take the venue's word on positions; return whether a reconciliation is over with it.

        While trading goes on, a difference counts when it is there twice, and for as long as an
        answer may take: a fill may be on its way. An order that is not as the venue says is asked
        about then.
        """
        self.trips.looked()
        state = self._decider.state
        now_ns = self._now_ns()
        known = {
            self._names.client_id(int(order["order_id"])) for order in reconcile.open_orders(state)
        }
        differing = reconcile.differences(state, account, known, set())
        lasting = self._lasting(differing, self._differing)
        told = lasting if self.phase is Phase.READY else differing
        mislaid = reconcile.mislaid_orders(state, account, self._names.client_id)
        doubted = self._lasting(mislaid, self._mislaid)
        for order in reconcile.open_orders(state):
            if int(order["order_id"]) in doubted:
                self._ask_about(order)
        held = reconcile.held_instruments(state)
        for instrument in sorted(told - held):
            ours = int(state["instruments"]["position"][0, instrument])
            theirs = account.positions.get(instrument, 0)
            self.rows.append(
                reconcile.halt_row(instrument, Level.HALTED, now_ns, value=theirs, limit=ours)
            )
        self.rows.extend(
            reconcile.over_row(instrument, now_ns) for instrument in sorted(held - differing)
        )
        self.found.differences = set(told)
        equity = reconcile.equity_row(self._decider.policy, state, account, now_ns)
        if equity is not None and not differing:
            self.rows.append(equity)
        if self.phase is not Phase.COMPARING:
            return False
        self.rows.append(reconcile.over_row(ACCOUNT, now_ns))
        self.phase = Phase.READY
        return True

    def _lasting(self, found: set[int], since: dict[int, int]) -> set[int]:
        """Return what was found before, and for as long as an answer may take."""
        now_ns = self._answers_ns()
        for gone in since.keys() - found:
            del since[gone]
        return {one for one in found if now_ns - since.setdefault(one, now_ns) >= self._answer_ns}

    # --- commands and time --------------------------------------------------------------------

    def command(self, command: Command, seq: int) -> None:
        """Queue the request of a SUBMIT, CANCEL or AMEND; nothing leaves while nobody listens."""
        if command.row["kind"] not in _ORDER_KINDS or self.phase in {Phase.AWAY, Phase.GREETING}:
            return
        request = self._names.request(command)
        wire = self._codec.request(request)
        late_ns = None if self.replay else self._clock.elapsed_ns() + LATE_NS
        self.outbox.append(Outgoing(wire=wire, request=request, seq=seq, late_ns=late_ns))

    def sent(self, request: Request) -> None:
        """A request has left: from now on an answer is due."""
        order_id = self._names.order_id(request.client_id)
        self._asked[order_id] = Asked(at_ns=self._answers_ns(), request=request)
        if not self.replay:
            self.trips.sent(request)

    def kept(self, request: Request) -> None:
        """The last gate sent nothing of a request: it ends like any that nobody heard of."""
        order = self._order(self._names.order_id(request.client_id))
        if order is not None and reconcile.awaits_answer(order):
            self.rows.append(reconcile.order_row(Kind.OUTCOME_UNKNOWN, order, self._now_ns()))

    def tick(self) -> None:
        """See whose answer is overdue, ask again about what is unknown, compare positions."""
        now_ns = self._clock.elapsed_ns()
        if self.phase in {Phase.LOOKING, Phase.COMPARING}:
            if now_ns - self._questioned_ns >= self._answer_ns:
                self._ask_again()
        if self.phase is not Phase.READY:
            return
        state = self._decider.state
        for order_id, asked in list(self._asked.items()):
            if self._answers_ns() - asked.at_ns < self._answer_ns:
                continue
            del self._asked[order_id]
            order = self._order(order_id)
            if order is not None and reconcile.awaits_answer(order):
                self.rows.append(reconcile.order_row(Kind.OUTCOME_UNKNOWN, order, self._now_ns()))
        if state["instruments"]["unknown_orders"].any():
            self._ask_about_unknown(now_ns)
        if now_ns - self._looked_ns >= self._look_ns:
            self.compare()

    def _ask_about_unknown(self, now_ns: int) -> None:
        for order in reconcile.open_orders(self._decider.state):
            if order["state"] != OrderState.UNKNOWN:
                continue
            missing = self._missing.setdefault(int(order["order_id"]), Missing(since_ns=now_ns))
            if now_ns - missing.asked_ns >= ASK_AGAIN_NS:
                missing.asked_ns = now_ns
                self._ask_about(order)

    def _ask_again(self) -> None:
        """Ask what the venue has not answered: a reconciliation waits for it."""
        if self.phase is Phase.COMPARING:
            self.compare()
        for client_id, instrument in self._open_questions.items():
            self._ask(client_id, instrument)

    def _ask_about(self, order: Row) -> None:
        client_id = self._names.client_id(int(order["order_id"]))
        self._open_questions[client_id] = int(order["instrument"])
        self._ask(client_id, int(order["instrument"]))

    def _ask(self, client_id: str, instrument: int) -> None:
        self._questioned_ns = self._clock.elapsed_ns()
        self._say(self._codec.ask_order(client_id=client_id, instrument=instrument))

    def done(self, *, beat: int, spoke: bool) -> None:
        """Tell a recording that everything it told has been dealt with."""
        self._say(self._codec.done(beat=beat, spoke=spoke))

    def _say(self, wire: bytes) -> None:
        """Queue a question: it follows from nothing that has to be durable."""
        self.outbox.append(Outgoing(wire=wire, request=None, seq=0))

    def _order(self, order_id: int) -> Row | None:
        table = self._decider.state["orders"][0]
        places = np.flatnonzero(table["order_id"] == order_id)
        return table[places[0]] if order_id and len(places) else None

    def _answers_ns(self) -> int:
        """Return the time that answers take: a recording's venue answers in its own."""
        return self._decider.ts_ns if self.replay else self._clock.elapsed_ns()

    def _now_ns(self) -> int:
        """Return the time events of ours get: the recording's while one is replayed."""
        return self._decider.ts_ns if self.replay else self._clock.now_ns()
