"""A stage for the checks: a journal, a venue and a machine that say whatever a test wants."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Final, cast

import numpy as np
import pytest

from interlock.config.latch import CLEAR
from interlock.journal.rows import EMPTY, Entry, Head, Row, RowKind, chained
from interlock.kernel.codes import (
    BUY,
    SELL,
    Cause,
    Feed,
    Flag,
    Kind,
    Level,
    OrderKind,
    Release,
    Role,
    Settle,
)
from interlock.kernel.policy import SMALL, PolicyArray, empty_policy
from interlock.kernel.records import SUBS, Rows, rows
from interlock.kernel.state import new_state
from interlock.kernel.units import LIMIT_NONE
from interlock.research.simulator.checks import Violation
from interlock.research.simulator.invariants.scene import Scene, scene_of
from interlock.research.simulator.invariants.watch import Everything
from interlock.runtime.clock import NS_PER_S, ManualClock
from interlock.runtime.entries import event_entry, market_entry, policy_payload, said_entry
from interlock.runtime.ids import client_name
from interlock.runtime.last_gate import Outgoing
from interlock.runtime.link import Phase
from interlock.runtime.turns import Scale
from interlock.venues.port import Cancel, NewOrder, Report, Request
from interlock.venues.simulated.asks import ask_bytes
from interlock.venues.simulated.lines import Symbols
from interlock.venues.simulated.rowlines import trade_ext

if TYPE_CHECKING:
    from interlock.research.simulator.world import World

START_NS: Final = 1_700_000_000 * NS_PER_S
CASH: Final = 10_000_000
EPOCH: Final = 1
SYMBOLS: Final = ("AAA", "BBB")  # paid for in full, and margined
STOP: Final = int(Flag.REDUCE_ONLY)


def policy() -> PolicyArray:
    """Return a policy of two instruments and two strategies, shape (1,)."""
    found = empty_policy(SMALL)
    for table in ("account", "strategies", "instruments"):
        limits = found[table]["limits"]
        for name in limits.dtype.names or ():
            limits[name] = LIMIT_NONE
    account = found["account"]
    account["instruments"] = account["strategies"] = len(SYMBOLS)
    for cause in (Cause.OVERFILL, Cause.UNPROTECTED, Cause.DAILY_LOSS, Cause.ORDER_RATE):
        account["breakers"]["enabled"][0, cause] = 1
        account["breakers"]["level"][0, cause] = Level.HALTED
        account["breakers"]["release"][0, cause] = Release.PERSON
    account["breakers"]["enabled"][0, Cause.SPREAD] = 1
    account["breakers"]["release"][0, Cause.SPREAD] = Release.COOLDOWN
    account["breakers"]["cooldown_ns"][0, Cause.SPREAD] = 5 * NS_PER_S
    account["limits"]["daily_loss_units"] = 5_000_000
    found["strategies"]["enabled"][0, :2] = 1
    found["strategies"]["limits"]["order_rate_window_ns"] = 60 * NS_PER_S
    found["strategies"]["limits"]["order_rate_count"] = 5
    for number, settle in enumerate((Settle.CASH, Settle.MARGIN)):
        spec = found["instruments"][:, number]
        for name in ("unit_num", "lot_min", "allowed", "shortable", "always_open"):
            spec[name] = 1
        spec["unit_den"] = 3
        spec["tick"] = 5
        spec["lot"] = 10
        spec["settle"] = settle
        spec["feed"] = Feed.QUOTE
        spec["taker_ppm"] = 1_000
        limits = spec["limits"]
        limits["position_lots"] = 100
        limits["order_lots"] = 60
        limits["data_age_ns"] = 5 * NS_PER_S
        limits["collar_ppm"] = 50_000
        limits["spread_ppm"] = 20_000
        limits["order_notional_min_units"] = 0
    return found


def row(kind: Kind, **fields: int) -> Rows:
    """Return a row with these fields, shape (1,)."""
    found = rows(1)
    found["kind"] = kind
    for name, value in fields.items():
        found[name] = value
    return found


@contextmanager
def breaks(number: int, words: str = "") -> Iterator[None]:
    """Expect that an invariant is seen to be broken."""
    with pytest.raises(Violation, match=words or None) as caught:
        yield
    assert caught.value.invariant == number, str(caught.value)


def submit(**fields: int) -> Rows:
    """Return a SUBMIT: an entry that buys ten, unless told otherwise."""
    meant: dict[str, int] = {
        "instrument": 0,
        "strategy": 0,
        "side": BUY,
        "order_kind": int(OrderKind.MARKET),
        "role": int(Role.ENTRY),
        "qty": 10,
        "price": 1_000,
        "value": -(-1_000 * 10 // 3),
        "stop_ticks": 50,
    }
    return row(Kind.SUBMIT, **(meant | fields))


def stop_order(qty: int = 10, **fields: int) -> Rows:
    """Return a SUBMIT of a stop under a long position."""
    meant: dict[str, int] = {
        "side": SELL,
        "order_kind": int(OrderKind.STOP),
        "role": int(Role.STOP),
        "flags": STOP,
        "qty": qty,
        "price": 950,
        "trigger": 950,
        "value": 0,
    }
    return submit(**(meant | fields))


def name_of(order_id: int) -> str:
    """Return an order's name at the venue."""
    return client_name(EPOCH, order_id)


class Stage:
    """One account, its journal and its venue, told by a test.

    Args:
        kinds: The invariants that look.
        others: What else looks.
        folder: Where the latch file is.
    """

    def __init__(
        self,
        *kinds: Callable[[Scene], object],
        others: Callable[[Scene], Sequence[object]] = lambda _: (),
        folder: Path | None = None,
    ) -> None:
        self.clock = ManualClock(START_NS)
        self.policy = policy()
        self.head: Head = EMPTY
        self.journal: list[Row] = []
        self.agrees = False  # whether the kernel's books are to be looked at
        state = new_state(CASH, SMALL)
        link = SimpleNamespace(phase=Phase.READY, outbox=[])
        decider = SimpleNamespace(state=state, seq=0, policy=self.policy)
        engine = SimpleNamespace(decider=decider, link=link, inbox=[])
        path = Path("/nowhere") if folder is None else folder / "kill.latch"
        if folder is not None:
            path.touch(0o600)
            path.write_bytes(CLEAR.content())
        self.machine: Any = SimpleNamespace(
            epoch=EPOCH,
            engine=engine,
            is_up=True,
            is_ready=True,
            latch=SimpleNamespace(path=path),
            store=SimpleNamespace(read=self._read),
            recovered=None,
        )
        scales = [Scale(symbol=name, price_digits=2, qty_digits=0) for name in SYMBOLS]
        setup = SimpleNamespace(
            policy=self.policy, scales=scales, cash_units=CASH, tier=SMALL, account="paper"
        )
        self.world = SimpleNamespace(
            clock=self.clock,
            machine=self.machine,
            speaking=self.machine,
            is_quiet=True,
            setup=setup,
            far_side=SimpleNamespace(exchange=SimpleNamespace(account=self._account)),
        )
        self.scene = scene_of(cast("World", self.world))
        self.all = Everything(self.scene, others(self.scene), kinds)
        self.account: Any = None
        self.trades = 0

    @property
    def state(self) -> Any:
        """What the kernel believes: shape (1,)."""
        return self.machine.engine.decider.state

    def _read(self, after: int) -> Iterator[Row]:
        return iter([one for one in self.journal if one.entry.seq > after])

    def _account(self, _now_ns: int) -> Any:
        return self.account

    # --- the journal ----------------------------------------------------------------------------

    def commit(self, entry: Entry) -> None:
        """Make an entry durable."""
        found = chained(entry, self.head)
        self.head = Head(seq=entry.last_seq, hash=found.hash)
        self.journal.append(found)
        if self.agrees:
            self.machine.engine.decider.seq = self.head.seq
        self.all.committed([found])

    def begin(self) -> None:
        """Write what every journal begins with: genesis, a start, a policy, and a quote each."""
        self.say(RowKind.GENESIS, {"mode": "paper", "account": "paper"})
        self.say(RowKind.NOTE, {"what": "start", "epoch": EPOCH, "build": "tests"})
        payload = policy_payload(self.policy, b"tests")
        self.event(row(Kind.POLICY_SET), payload=payload)
        self.quote(0, 995, 1_005)
        self.quote(1, 995, 1_005)

    def say(self, kind: RowKind, said: dict[str, Any]) -> None:
        """Let a process say something."""
        self.commit(said_entry(kind, self.head.seq + 1, self.clock.now_ns(), said))

    def event(self, event: Rows, *commands: Rows, payload: bytes = b"") -> int:
        """Journal an event with the commands it caused; return its seq."""
        seq = self.head.seq + 1
        for place, one in enumerate((event, *commands)):
            one["seq"] = seq
            one["sub"] = place
            one["ts_ns"] = self.clock.now_ns()
            if place or not one["src_ts_ns"][0]:
                one["src_ts_ns"] = self.clock.now_ns()
            if place and one["kind"][0] == Kind.SUBMIT and not one["order_id"][0]:
                one["order_id"] = seq * SUBS + place
        caused = np.concatenate(commands) if commands else rows(0)
        self.commit(event_entry(event[0], caused, payload))
        return seq

    def quote(self, instrument: int, bid: int, ask: int) -> None:
        """Journal a quote."""
        now_ns = self.clock.now_ns()
        told = row(Kind.QUOTE, instrument=instrument, open=bid, high=ask, ts_ns=now_ns)
        told["seq"] = self.head.seq + 1
        told["src_ts_ns"] = now_ns
        self.commit(market_entry(told))

    # --- orders ---------------------------------------------------------------------------------

    def enter(self, **fields: int) -> int:
        """Journal a signal and the entry that it causes; return the order's id."""
        order = submit(**fields)
        signal = row(
            Kind.SIGNAL, **{n: int(order[n][0]) for n in ("instrument", "strategy", "side")}
        )
        seq = self.event(signal, order)
        return seq * SUBS + 1

    def report(self, kind: Kind, order_id: int, *commands: Rows, **fields: int) -> int:
        """Journal a report of an order."""
        return self.event(
            row(kind, **({"instrument": 0, "order_id": order_id} | fields)), *commands
        )

    def fill(self, order_id: int, *commands: Rows, **fields: int) -> int:
        """Let the venue fill an order, and the journal have it."""
        fill = self.traded(order_id, **fields)
        return self.event(fill, *commands)

    def traded(self, order_id: int, **fields: int) -> Rows:
        """Let the venue fill an order; return the event that the journal should have."""
        self.trades += 1
        meant = {"instrument": 0, "side": BUY, "qty": 10, "price": 1_000} | fields
        worth = meant["price"] * meant["qty"]
        money = -(-worth // 3) if meant["side"] == BUY else worth // 3
        fill = row(Kind.FILL, **({"fee": -(-money * 1_000 // 1_000_000)} | meant))
        told = fill.copy()
        told["ext_lo"] = self.trades
        self.all.venue_fact([self.told(order_id, told)])
        fill["order_id"] = order_id
        fill["ext_hi"], fill["ext_lo"] = trade_ext(
            "paper", SYMBOLS[meant["instrument"]], self.trades
        )
        return fill

    def told(self, order_id: int, table: Rows) -> Report:
        """Return a report of the venue."""
        name = name_of(order_id) if order_id else ""
        return Report(client_id=name, peer_client_id="", row=table[0])

    def request(self, order_id: int, order: Rows | None = None, **changed: Any) -> Request:
        """Return what asks the venue for an order, or for its cancel."""
        name = name_of(order_id)
        if order is None:
            meant: dict[str, Any] = {
                "client_id": name,
                "epoch": EPOCH,
                "instrument": 0,
                "ts_ns": START_NS,
            }
            return Cancel(**(meant | changed))
        fields = ("instrument", "strategy", "side", "order_kind", "role", "flags")
        asked: dict[str, Any] = {x: int(order[x][0]) for x in (*fields, "qty", "price", "trigger")}
        asked |= {"client_id": name, "epoch": EPOCH, "peer_client_id": "", "ts_ns": START_NS}
        return NewOrder(**(asked | changed))

    def leave(self, request: Request, seq: int) -> None:
        """Let the first byte of a request leave."""
        wire = ask_bytes(request, Symbols(SYMBOLS))
        self.all.first_byte(Outgoing(wire=wire, request=request, seq=seq), wire)

    def arrive(self, request: Request, kind: Kind = Kind.ACCEPTED) -> None:
        """Let the venue take a request."""
        found = row(kind, instrument=request.instrument)
        if kind is not Kind.ACCEPTED:
            found["flags"] = Flag.LAST
        told = Report(client_id=request.client_id, peer_client_id="", row=found[0])
        self.all.venue_took(request, [told])

    def send(self, order_id: int, **fields: int) -> NewOrder:
        """Let an order leave and arrive."""
        request = self.request(order_id, submit(**fields))
        assert isinstance(request, NewOrder)
        self.leave(request, order_id // SUBS)
        self.arrive(request)
        return request


def entered(stage: Stage) -> int:
    """Begin, and let an entry rest at the venue; return its id."""
    stage.begin()
    order = stage.enter()
    stage.send(order)
    stage.report(Kind.ACCEPTED, order)
    return order


def latch(stage: Stage, event: Kind, cause: Cause, **where: int) -> None:
    """Let a latch be set."""
    stage.event(
        row(event, code=int(cause), level=int(Level.PAUSED), **where),
        row(Kind.LATCHED, code=int(cause), level=int(Level.PAUSED), **where),
    )


def release(stage: Stage, event: Kind, cause: Cause, **where: int) -> None:
    """Let it be released by an event."""
    stage.event(row(event, code=int(cause), **where), row(Kind.RELEASED, code=int(cause), **where))


def held(stage: Stage, qty: int = 10) -> int:
    """Begin, and hold a long position; return the entry's id."""
    stage.begin()
    order = stage.enter(qty=qty, value=-(-1_000 * qty // 3))
    stage.fill(order, qty=qty)
    return order
