"""The parts of a running engine that a figure is about: inbox, kernel, writer and SQLite.

Market data of many symbols, and orders among it. The benchmark plays the venue: whatever was
ordered is accepted, and expires, so that the next order may come.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Final

import numpy as np

from interlock.config.settings import Settings
from interlock.journal.opening import open_store
from interlock.journal.port import Store
from interlock.journal.rows import RowKind
from interlock.journal.writer import Writer
from interlock.kernel.codes import BUY, Kind
from interlock.kernel.records import ROW, Rows, rows
from interlock.kernel.state import new_state
from interlock.research.inputs import Inputs, Request, prepare, read_rules
from interlock.runtime.decide import Command, Decided, Decider
from interlock.runtime.entries import layout_digest, said_entry
from interlock.runtime.inbox import Inbox, Lane, Room

HERE: Final = Path(__file__).parent
INSTRUMENTS: Final = 16
WARM_BARS: Final = 120  # of each, until the ranges are known
BEGIN_S: Final = 1_700_000_000 // 86_400 * 86_400
MINUTE_NS: Final = 60_000_000_000
PRICE: Final = 10_000
BLOCK: Final = 256  # rows that come at once
ORDERS_OF_BLOCK: Final = 4  # of the market's mix: each is a signal, an answer and an end

_HUGE: Final = "fixed_notional: 10000000000"
_SMALL: Final = "fixed_notional: 1000"  # so that every symbol may have an order at once

Durable = Callable[[int], None]


def _nothing(_what: str) -> None:
    """Tell nobody."""


def inputs_in(folder: Path) -> Inputs:
    """Return a policy that lets everything through, on symbols that cost 100.00 each."""
    paths = []
    for number in range(INSTRUMENTS):
        lines = ["ts,open,high,low,close,volume"]
        lines += [f"{BEGIN_S + 60 * each},100.00,100.50,99.50,100.00,1000" for each in range(2)]
        path = folder / f"S{number:02d}X_USDT-1m.csv"
        path.write_text("\n".join(lines) + "\n")
        paths.append(str(path))
    settings = Settings(home=folder)
    policy = folder / "risk_policy.yaml"
    policy.write_text((HERE / "policy.yaml").read_text().replace(_HUGE, _SMALL))
    rules = read_rules(settings, policy, HERE / "breakers.toml")
    request = Request(paths=tuple(paths), cash=Decimal(100_000_000), operator=False)
    return prepare(request, rules, settings, _nothing)


@dataclass(slots=True)
class Market:
    """What happens: a walk of every symbol, by turns."""

    ts_ns: int = BEGIN_S * 1_000_000_000
    turn: int = 0

    def bars(self, count: int) -> Rows:
        """Return the next closed bars, shape (count,)."""
        found = rows(count)
        place = np.arange(self.turn, self.turn + count)
        self.turn += count
        step = place // INSTRUMENTS
        found["kind"] = Kind.BAR
        found["instrument"] = place % INSTRUMENTS
        found["open"] = PRICE + step % 7
        found["close"] = PRICE + (step + 1) % 7
        found["high"] = PRICE + 60
        found["low"] = PRICE - 60
        found["volume"] = 1_000_000
        found["ts_ns"] = self.ts_ns + (step - step[0] + 1) * MINUTE_NS
        found["src_ts_ns"] = found["ts_ns"]
        found["value"] = found["ts_ns"] - MINUTE_NS
        self.ts_ns = int(found["ts_ns"][-1])
        return found

    def signals(self, first: int, count: int) -> Rows:
        """Return proposals to buy, one for each of ``count`` symbols; shape (count,)."""
        found = rows(count)
        found["kind"] = Kind.SIGNAL
        found["instrument"] = (first + np.arange(count)) % INSTRUMENTS
        found["strategy"] = 0
        found["side"] = BUY
        found["ts_ns"] = self.ts_ns
        found["src_ts_ns"] = self.ts_ns
        return found

    def answers(self, commands: list[Command]) -> Rows:
        """Return what the venue says to new orders: each is accepted, and expires."""
        orders = b"".join(one.row.tobytes() for one in commands if one.row["kind"] == Kind.SUBMIT)
        found = np.repeat(np.frombuffer(orders, dtype=ROW), 2)
        found["kind"][0::2] = Kind.ACCEPTED
        found["kind"][1::2] = Kind.EXPIRED
        found["sub"] = 0
        found["ts_ns"] = self.ts_ns
        found["src_ts_ns"] = self.ts_ns
        return found


class Parts:
    """An engine without its loop and its sockets.

    Args:
        inputs: What it trades with.
        store: Empty.
        on_durable: Called in the writer's thread.
    """

    def __init__(self, inputs: Inputs, store: Store, on_durable: Durable) -> None:
        self.market = Market()
        self.inbox = Inbox(Room())
        state = new_state(inputs.cash_units, inputs.tier)
        self.decider = Decider(inputs.policy.copy(), state, seq=1, ts_ns=self.market.ts_ns)
        self._failed: list[BaseException] = []
        self.writer = Writer(
            store, store.head(), on_durable=on_durable, on_failed=self._failed.append
        )
        genesis = {
            "account": "bench",
            "cash_units": inputs.cash_units,
            "currency": inputs.currency,
            "format": 1,
            "id": "bench",
            "instruments": [],
            "layout": layout_digest(inputs.tier),
            "mode": "paper",
            "strategies": [inputs.strategy.name],
            "tier": list(inputs.tier),
        }
        self.writer.put([said_entry(RowKind.GENESIS, 1, self.market.ts_ns, genesis)])
        self.note({"what": "start", "epoch": 1})
        self.put(self.decider.set_policy(inputs.policy, inputs.rules.content(), self.market.ts_ns))
        for _ in range(WARM_BARS):
            self.put(self.decider.decide(self.market.bars(INSTRUMENTS)))
        self.writer.wait(self.decider.seq)

    def note(self, said: dict[str, object]) -> None:
        """Write a note."""
        seq = self.decider.next_seq()
        self.writer.put([said_entry(RowKind.NOTE, seq, self.market.ts_ns, said)])

    def put(self, decided: Decided) -> None:
        """Hand what was decided to the writer."""
        self.writer.put(decided.entries)

    def take_all(self) -> list[Command]:
        """Decide on everything that waits, and return what it caused."""
        caused: list[Command] = []
        while (taken := self.inbox.take()) is not None:
            decided = self.decider.decide(taken.rows, taken.payloads)
            self.put(decided)
            caused += decided.commands
        return caused

    def block(self, number: int, *, market: int, orders: int) -> None:
        """Take market data, and some signals with what comes of them.

        Args:
            number: Of the block, from 0.
            market: Rows of market data.
            orders: Signals; twice as many answers follow.
        """
        if market:
            self.inbox.offer(Lane.MARKET, self.market.bars(market))
        self.inbox.offer(Lane.SIGNAL, self.market.signals(number * orders, orders))
        self.inbox.offer(Lane.REPORT, self.market.answers(self.take_all()))
        self.take_all()

    def close(self) -> None:
        """Write what waits, and end the writer."""
        self.writer.close()
        if self._failed:
            raise self._failed[0]


@contextmanager
def parts_in(
    folder: Path, name: str = "journal.db", on_durable: Durable = lambda _: None
) -> Iterator[Parts]:
    """Give an engine's parts over a new journal in a folder."""
    store = open_store(folder / name, account="bench")
    try:
        parts = Parts(inputs_in(folder), store, on_durable)
        try:
            yield parts
        finally:
            parts.close()
    finally:
        store.close()
