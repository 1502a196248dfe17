"""A recording waits for the engine, and the engine for its journal."""

import itertools
from dataclasses import dataclass, field

from hypothesis import given
from hypothesis import strategies as st

from interlock.kernel.codes import Cause, Kind, Level
from interlock.kernel.records import Rows, rows
from interlock.runtime.entries import commands_of, events_of
from interlock.runtime.link import Phase
from interlock.venues.port import Amend, Cancel, NewOrder, NotFound, Turn, VenueState
from interlock.venues.simulated.asks import Done
from tests.runtime.pair import Pair
from tests.runtime.scripts import PRICE

BUY_AT = PRICE + 1
SELL_AT = PRICE + 2
SCRIPT = {"buys": (BUY_AT,), "sells": (SELL_AT,)}


def replaying(**given: object) -> Pair:
    """Return an engine that has said that a recording may begin."""
    pair = Pair(replay=True, script=SCRIPT, **given).open()  # type: ignore[arg-type]
    assert pair.asks()[-1] == Done(beat=0, spoke=False)
    return pair


def told(pair: Pair, close: int, number: int, strategies: Turn) -> list[str]:
    """Tell one bar and its beat; return what the engine says, in words."""
    pair.tell(pair.venue.bar(close), pair.venue.beat(number, strategies))
    return words(pair)


def words(pair: Pair) -> list[str]:
    """Return what was said since, in words."""
    return [
        f"done {ask.beat} {'spoke' if ask.spoke else 'silent'}"
        if isinstance(ask, Done)
        else type(ask).__name__
        for ask in pair.asks()
    ]


def test_ready_is_said_when_the_reconciliation_is_over_and_durable() -> None:
    """Beat 0; not before."""
    pair = Pair(replay=True, is_slow=True)
    pair.engine.connected()
    pair.tell(pair.venue.welcome())
    pair.flush()
    pair.tell(pair.venue.account())
    assert pair.phase() is Phase.READY
    assert not any(isinstance(ask, Done) for ask in pair.said)
    pair.flush()
    pair.pump()
    assert pair.said[-1] == Done(beat=0, spoke=False)


def test_the_strategies_speak_when_their_turn_is() -> None:
    """NO: not now; YES: now; their order leaves before the answer."""
    pair = replaying()
    assert told(pair, BUY_AT, 1, Turn.NO) == ["done 1 silent"]
    pair.tell(pair.venue.beat(2, Turn.YES))
    assert words(pair) == ["NewOrder", "done 2 spoke"]
    pair.tell(pair.venue.beat(3, Turn.YES))
    assert words(pair) == ["done 3 spoke"], "a bar is spoken on once"


def test_if_quiet_they_speak_at_once_when_the_bar_caused_nothing() -> None:
    """That saves the recording a beat."""
    pair = replaying()
    assert told(pair, PRICE, 1, Turn.IF_QUIET) == ["done 1 spoke"]
    assert told(pair, BUY_AT, 2, Turn.IF_QUIET) == ["NewOrder", "done 2 spoke"]


def test_if_quiet_they_wait_when_the_bar_caused_an_order() -> None:
    """Its reports come first, then their turn."""
    pair = replaying()
    told(pair, BUY_AT, 1, Turn.IF_QUIET)
    entry = pair.last()
    pair.tell(pair.venue.report(Kind.ACCEPTED, entry), pair.venue.fill(entry), pair.venue.beat(2))
    assert words(pair) == ["NewOrder", "NewOrder", "done 2 silent"]
    pair.engine.set_policy(pair.engine.decider.policy.copy(), b"{}")
    pair.engine.operate(_kill(pair))
    said = told(pair, SELL_AT, 3, Turn.IF_QUIET)
    assert said[-1] == "done 3 silent"
    assert len(said) > 1, "everything is cancelled"
    pair.tell(pair.venue.beat(4, Turn.YES))
    assert words(pair)[-1] == "done 4 spoke"


def _kill(pair: Pair) -> Rows:
    """Return an operator's immediate kill."""
    row = rows(1)
    row["kind"] = Kind.HALT
    row["code"] = Cause.KILL_IMMEDIATE
    row["level"] = Level.KILLED
    row["ts_ns"] = row["src_ts_ns"] = pair.engine.now_ns()
    return row


def test_strategies_see_durable_bars_only() -> None:
    """Live: a bar is shown when it is on the disk, whatever came after it."""
    pair = Pair(script=SCRIPT, is_slow=True)
    pair.greet()
    pair.flush()
    pair.tell(pair.venue.account())
    pair.tell(pair.venue.bar(BUY_AT))
    assert pair.book.events(Kind.SIGNAL) == []
    bars_seq = pair.entries[-1].last_seq
    pair.tell(pair.venue.bar(PRICE, instrument=1))
    pair.engine.durable(bars_seq)
    pair.pump()
    assert pair.book.events(Kind.SIGNAL) == [], "another bar came: they are shown together"
    quote = pair.venue.bar(PRICE, instrument=2)
    quote.rows["kind"] = Kind.TRADE
    last_bar = pair.entries[-1].last_seq
    pair.tell(quote)
    pair.engine.durable(last_bar)
    pair.pump()
    assert len(pair.book.events(Kind.SIGNAL)) == 1, "what is no bar does not keep them waiting"


def test_a_lost_connection_ends_the_beat() -> None:
    """The next one begins with beat 0 again; the bar is still to be spoken on."""
    pair = replaying()
    told(pair, BUY_AT, 1, Turn.NO)
    pair.engine.lost()
    pair.pump()
    pair.open()
    assert words(pair)[-1] == "done 0 silent"
    pair.tell(pair.venue.beat(1, Turn.YES))
    assert words(pair) == ["NewOrder", "done 1 spoke"]


def test_too_many_signals_are_turned_away_and_counted() -> None:
    """An operator's word has room of its own."""
    pair = replaying()
    for _ in range(2_000):
        if not pair.engine.operate(_kill(pair)):
            break
    else:
        raise AssertionError("there is a cap")
    assert pair.engine.inbox.counts.turned_away == 1


# --- durable first ----------------------------------------------------------------------------

ACTS = st.sampled_from(
    "bar buy sell flush some work work work leave answer fill tick lost".split()  # noqa: SIM905
)


@dataclass
class Run:
    """An engine that is driven in any order, and a venue that answers."""

    pair: Pair
    beat: int = 0
    awaits: bool = False
    answered: set[str] = field(default_factory=set)
    durable: int = 0

    def do(self, act: str) -> None:
        """Do one thing."""
        pair = self.pair
        if act in {"bar", "buy", "sell"}:
            self._tell_bar({"bar": PRICE, "buy": BUY_AT, "sell": SELL_AT}[act])
        elif act == "flush":
            self._durable(len(pair.entries))
        elif act == "some":
            self._durable(max(len(pair.entries) - 1, 0))
        elif act == "work":
            pair.engine.work()
            pair.entries.extend(pair.engine.take_entries())
        elif act == "leave":
            self._leave()
        elif act in {"answer", "fill"}:
            self._report(act)
        elif act == "tick":
            pair.clock.advance(10**9)
            pair.engine.tick()
        else:
            pair.engine.lost()
            self.awaits = False
            pair.engine.connected()
            pair.receive(pair.venue.welcome())

    def _tell_bar(self, close: int) -> None:
        if not self.awaits and self.pair.phase() is Phase.READY:
            self.awaits = True
            self.beat += 1
            self.pair.receive(
                self.pair.venue.bar(close), self.pair.venue.beat(self.beat, Turn.IF_QUIET)
            )

    def _durable(self, count: int) -> None:
        entries = self.pair.entries[:count]
        if entries and entries[-1].last_seq > self.durable:
            self.durable = entries[-1].last_seq
            self.pair.engine.durable(self.durable)

    def _report(self, act: str) -> None:
        for order in self.pair.requests():
            if isinstance(order, NewOrder) and order.client_id not in self.answered:
                self.answered.add(order.client_id)
                kind = Kind.ACCEPTED if act == "answer" else Kind.FILL
                report = self.pair.venue.report(Kind.ACCEPTED, order)
                self.pair.receive(report if kind is Kind.ACCEPTED else self.pair.venue.fill(order))
                return

    def _leave(self) -> None:
        """Hear what the engine says, see that it may, and answer its questions."""
        pair = self.pair
        before = len(pair.said)
        outgoing = pair.engine.take_outgoing()
        for one in outgoing:
            self._check(one.request)
        pair.engine.link.outbox[:0] = outgoing
        pair.leave()
        for ask in pair.said[before:]:
            if isinstance(ask, Done):
                self._check_done(ask)

    def _check(self, request: object) -> None:
        """See that an order's entry is durable, and says exactly that."""
        if not isinstance(request, NewOrder | Cancel | Amend):
            return
        pair = self.pair
        kind = {NewOrder: Kind.SUBMIT, Cancel: Kind.CANCEL, Amend: Kind.AMEND}[type(request)]
        written = [
            command
            for entry in pair.entries
            if entry.last_seq <= self.durable
            for command in commands_of(entry)
            if command["kind"] == kind
            and pair.names.client_id(int(command["order_id"])) == request.client_id
        ]
        assert written, "durable first"
        if isinstance(request, NewOrder):
            (row,) = written
            for name in ("instrument", "side", "order_kind", "role", "flags", "qty", "price"):
                assert getattr(request, name) == row[name]

    def _check_done(self, done: Done) -> None:
        """See that everything that a beat caused is durable and was handed out before."""
        pair = self.pair
        self.awaits = self.awaits and done.beat != self.beat
        assert self.durable == pair.engine.decider.seq
        assert len(pair.engine.inbox) == 0
        handed = {ask.client_id for ask in pair.requests()}
        submitted = {
            pair.names.client_id(int(command["order_id"]))
            for entry in pair.entries
            for command in commands_of(entry)
            if command["kind"] == Kind.SUBMIT
        }
        lost = {name for name in submitted - handed if name not in pair.book.orders()}
        unknown = {name for name, state in pair.book.orders().items() if state == "UNKNOWN"}
        assert submitted <= handed | lost | unknown


@given(st.lists(ACTS, max_size=120))
def test_an_order_leaves_when_it_is_durable_and_done_is_said_after_everything(
    acts: list[str],
) -> None:
    """In any interleaving of work, commits, answers and lost connections."""
    run = Run(Pair(replay=True, script=SCRIPT, is_slow=True))
    pair = run.pair
    pair.engine.connected()
    pair.receive(pair.venue.welcome())
    for act in acts:
        run.do(act)
        _answer_questions(run)
    # Once faults stop, everything comes to its end.
    for _ in range(200):
        for act in ("work", "flush", "leave"):
            run.do(act)
        _answer_questions(run)
    assert pair.phase() is Phase.READY
    assert not run.awaits
    seqs = [(entry.seq, entry.last_seq) for entry in pair.entries]
    assert all(after[0] == before[1] + 1 for before, after in itertools.pairwise(seqs))
    shown = [
        int(row["ext_lo"])
        for entry in pair.entries
        for row in events_of(entry)
        if row["kind"] == Kind.BAR
    ]
    assert shown == sorted(set(shown))


def _answer_questions(run: Run) -> None:
    """Answer what was asked since: orders work unless they were never heard of."""
    pair = run.pair
    sent = {ask.client_id: ask for ask in pair.requests() if isinstance(ask, NewOrder)}
    for ask in pair.asks():
        name = getattr(ask, "client_id", None)
        if type(ask).__name__ == "AskOrder":
            known = sent.get(str(name))
            if known is None:
                pair.receive(NotFound(client_id=str(name), now_ns=1))
            else:
                pair.receive(pair.venue.found(known, VenueState.WORKING))
        elif type(ask).__name__ == "AskAccount":
            pair.receive(pair.venue.account())
