"""A venue on the message level for stoppers: it is slow, forgets, lies and refuses when told to."""

from collections.abc import Callable
from dataclasses import replace
from typing import Final

from interlock.kernel.codes import BUY, SELL, Flag, Kind
from interlock.kernel.policy import SMALL
from interlock.sim.world import new_venue
from interlock.venues.port import (
    Account,
    Message,
    NewOrder,
    Report,
)
from interlock.venues.purpose import Purpose
from interlock.venues.simulated.asks import Ask, read_ask
from interlock.venues.simulated.exchange import Exchange
from interlock.venues.simulated.ledger import MEMORY, Ledger
from interlock.venues.simulated.lines import Symbols
from interlock.venues.simulated.source import bar_row
from interlock.venues.simulated.tells import tell_bytes
from interlock.venues.simulated.warden import Wardens
from interlock.venues.simulated.warden_wire import SimulatedWardenCodec
from interlock.venues.stopper import Stopper, Timing, Verdict
from tests.sim.tapes import CASH, bars_of, worlds
from tests.venues.caller import NAMES, buy

MS: Final = 1_000_000
STEP: Final = 20 * MS
SYMBOLS: Final = Symbols(NAMES)
Trouble = Callable[[Ask, "Far"], list[Message] | None]  # None: as usual


class Far:
    """One account at a venue, and one connection at a time.

    Args:
        trouble: Asked before every message that arrives; its answers take the place of ours.
        spot: Whether what is bought is owned, and resting sells lock it.
    """

    def __init__(self, trouble: Trouble | None = None, *, spot: bool = True) -> None:
        _, world = worlds("", (1, 0))
        self.exchange = Exchange(world, new_venue(CASH, SMALL), Ledger(MEMORY, "x"), instruments=3)
        self.wardens = Wardens(self.exchange, NAMES)
        self.trouble = trouble
        self.asked: list[Ask] = []
        self.reports: list[Report] = []
        self.now_ns = 60_000 * MS
        self.flags = 0 if spot else Flag.MARGIN
        self.bar(0)
        self.bar(1)

    def bar(self, instrument: int, price: int = 10_000) -> None:
        """Let a bar pass: what waits for a price gets it."""
        row = bar_row(bars_of(f"{instrument} 60 120 {price} {price} {price} {price} 1000000")[0])
        self.now_ns += 60_000 * MS
        row["value"] = row["src_ts_ns"] = row["ts_ns"] = self.now_ns
        for kind in (Kind.BAR_OPEN, Kind.BAR_PATH):
            row["kind"] = kind
            self.reports += self.exchange.market(row.reshape(1))

    def take(self, *orders: NewOrder) -> None:
        """Take orders of an engine; they have arrived."""
        for order in orders:
            told = replace(order, flags=order.flags | self.flags)
            found = self.exchange.handle(told, self.now_ns - 2_000 * MS)
            assert isinstance(found, list)
            self.reports += found

    def hold(self, lots: int, instrument: int = 0) -> None:
        """Buy lots; below zero sell what is not owned."""
        order = buy(f"h{instrument}", abs(lots), side=BUY if lots > 0 else SELL)
        if lots < 0:
            order = replace(order, flags=Flag.MARGIN)
        self.take(replace(order, instrument=instrument))
        self.bar(instrument)
        assert self.positions()[instrument] == lots

    def positions(self) -> dict[int, int]:
        """Return what is held."""
        return self.account().positions

    def orders(self) -> list[str]:
        """Return what rests."""
        return [order.client_id for order in self.account().orders]

    def account(self) -> Account:
        """Return everything."""
        return self.exchange.account(self.now_ns)

    def hear(self, wire: bytes) -> bytes:
        """Take lines; return the answers."""
        told = b""
        for line in wire.splitlines(keepends=True):
            ask = read_ask(line, SYMBOLS)
            self.asked.append(ask)
            answers = None if self.trouble is None else self.trouble(ask, self)
            if answers is None:
                heard = self.wardens.take(ask, self.now_ns)
                assert heard is not None
                self.reports += heard.reports
                answers = heard.answers
            told += b"".join(tell_bytes(answer, SYMBOLS) for answer in answers)
        return told


class Host:
    """Runs a stopper against a far side in time that is ours.

    Args:
        far: The venue.
        purpose: What is to be true.
        delay: How long a message is under way.
    """

    def __init__(self, far: Far, purpose: Purpose, *, delay: int = 10 * MS, **timing: int) -> None:
        self.far = far
        self.now = 0
        self.delay = delay
        self.connections = 0
        self.is_there = True
        self.notes: list[str] = []
        self.stopper = Stopper(
            SimulatedWardenCodec(), purpose=purpose, name="T", now_ns=0, timing=Timing(**timing)
        )
        self._way: list[tuple[int, bytes, bool]] = []  # when, what, whether it is for the far side

    def hang_up(self, why: str = "it hung up") -> None:
        """Lose the connection, and what is on its way to us."""
        self._way = [one for one in self._way if one[2]]
        self.stopper.lost(self.now, why)

    def step(self) -> None:
        """Let a moment pass."""
        self.now += STEP
        self.far.now_ns += STEP
        if self.stopper.wants_connection:
            self.hang_up("")
            if self.is_there:
                self.connections += 1
                self.stopper.connected(self.now)
        due = [one for one in self._way if one[0] <= self.now]
        self._way = [one for one in self._way if one[0] > self.now]
        for when, wire, outward in due:
            if outward:
                self._way.append((when + self.delay, self.far.hear(wire), False))
            else:
                self.stopper.receive(wire, self.now)
        self.stopper.tick(self.now)
        wire = b"".join(self.stopper.take())
        if wire:
            self._way.append((self.now + self.delay, wire, True))
        self.notes += self.stopper.take_notes()

    def run(self, until: Callable[[], bool] | None = None) -> Verdict | None:
        """Go on to the verdict, or until something is so."""
        for _ in range(20_000):
            if self.stopper.verdict is not None or (until is not None and until()):
                return self.stopper.verdict
            self.step()
        raise AssertionError("it never came to an end")
