"""A plain engine: the kernel at the simulated venue's desk, in one process, bytes and all."""

from collections import deque
from collections.abc import Sequence
from typing import Final

import numpy as np

from interlock.kernel.codes import Kind
from interlock.kernel.policy import SMALL, PolicyArray
from interlock.kernel.records import Row, Rows, new_out, rows
from interlock.kernel.state import new_state
from interlock.kernel.step import step
from interlock.sim.host import Recording, Tape, _start_ns
from interlock.sim.world import WorldArray
from interlock.venues.port import (
    Amend,
    Beat,
    Cancel,
    Ended,
    Market,
    Message,
    NewOrder,
    Report,
    Request,
    Turn,
    Welcome,
)
from interlock.venues.simulated.asks import Hello, read_ask
from interlock.venues.simulated.desk import Desk
from interlock.venues.simulated.ledger import MEMORY, Ledger
from interlock.venues.simulated.lines import Symbols
from interlock.venues.simulated.rowlines import trade_ext
from interlock.venues.simulated.source import TapeSource
from interlock.venues.simulated.tells import tell_bytes
from interlock.venues.simulated.wire import SimulatedCodec

NAMES: Final = ("AAA", "BBB", "CCC")
EPOCH: Final = 7
MADE_OF: Final = "a tape of the tests"


def desk_of(
    world: WorldArray,
    tape: Tape,
    ledger: Ledger | None = None,
    *,
    cash_units: int,
    symbols: Sequence[str] = NAMES,
) -> Desk:
    """Return the desk of a venue that plays a tape."""
    return Desk(
        world,
        TapeSource(tape.bars, tape.facts),
        Ledger(MEMORY, MADE_OF) if ledger is None else ledger,
        instruments=len(symbols),
        cash_units=cash_units,
        tier=SMALL,
    )


class Line:
    """A connection without sockets: what one side writes the other reads."""

    def __init__(self, desk: Desk, symbols: Sequence[str] = NAMES) -> None:
        self.desk = desk
        self.codec = SimulatedCodec(symbols)
        self._symbols = Symbols(symbols)

    def say(self, wire: bytes) -> list[Message]:
        """Send lines to the venue; return what it answers at once."""
        answers: list[Message] = []
        for line in wire.splitlines(keepends=True):
            ask = read_ask(line, self._symbols)
            if isinstance(ask, Hello):
                answers.append(self.desk.greet(ask))
            else:
                answers += self.desk.take(ask, line.decode())
        return self._carried(answers)

    def hear(self) -> list[Message]:
        """Return the next beat."""
        return self._carried(self.desk.advance())

    def _carried(self, messages: list[Message]) -> list[Message]:
        wire = b"".join(tell_bytes(message, self._symbols) for message in messages)
        return self.codec.receive(wire)


class PlainEngine:
    """The kernel, its numbers, and the signals of a tape."""

    def __init__(self, policy: PolicyArray, tape: Tape, line: Line, *, cash_units: int) -> None:
        self.policy = policy
        self.state = new_state(cash_units, SMALL)
        self.line = line
        self.log: list[Rows] = []
        self.fills = 0
        self._seq = 0
        self._ts_ns = 0
        self._out = new_out()
        self._bar = -1
        self._feed = 0
        self._unsaid: deque[Rows] = deque()
        self._signals: dict[int, list[Rows]] = {}
        for index, place in enumerate(tape.places.tolist()):
            self._signals.setdefault(place, []).append(tape.signals[index : index + 1].copy())
        self._start_ns = _start_ns(tape) - 1
        self._asked = False

    def run(self) -> None:
        """Play the whole tape."""
        first = rows(1)
        first["kind"] = Kind.POLICY_SET
        first["ts_ns"] = first["src_ts_ns"] = self._start_ns
        self._give(first)
        codec = self.line.codec
        (welcome,) = self.line.say(codec.hello(epoch=EPOCH, feed=self._feed))
        assert isinstance(welcome, Welcome)
        assert welcome.replay
        self.line.say(codec.done(beat=0, spoke=False))
        while self.line.desk.can_advance:
            messages = self.line.hear()
            if not messages:
                return
            self._hear(messages)

    def _hear(self, messages: list[Message]) -> None:
        self._asked = False
        for message in messages:
            match message:
                case Report():
                    self._give(self._own(message))
                case Market():
                    for index in range(len(message.rows)):
                        self._take_market(message.rows[index : index + 1])
                case Beat():
                    assert message.now_ns == self._ts_ns
                    spoke = self._speak(message.strategies)
                    self.line.say(self.line.codec.done(beat=message.number, spoke=spoke))
                case Ended():
                    pass
                case _:
                    raise AssertionError(message)

    def _take_market(self, table: Rows) -> None:
        self._feed += 1
        assert table["ext_lo"][0] == self._feed
        table["ext_lo"] = 0
        if table["kind"][0] == Kind.BAR:
            table["value"] = 0
            self._bar += 1
            self._unsaid.extend(self._signals.get(self._bar, []))
        self._give(table)

    def _speak(self, turn: Turn) -> bool:
        """Say one signal; return whether that was all."""
        if turn is Turn.NO or (turn is Turn.IF_QUIET and self._asked):
            return False
        if self._unsaid:
            signal = self._unsaid.popleft()
            signal["ts_ns"] = max(int(signal["ts_ns"][0]), self._ts_ns)
            self._give(signal)
        return not self._unsaid

    def _own(self, report: Report) -> Rows:
        """Return a report as the kernel's event."""
        table: Rows = report.row.copy().reshape(1)
        table["order_id"] = order_id_of(report.client_id)
        table["peer_id"] = order_id_of(report.peer_client_id)
        if report.row["kind"] == Kind.FILL:
            self.fills += 1
            symbol = NAMES[int(report.row["instrument"])]
            known = trade_ext("paper", symbol, self.fills)
            assert (int(report.row["ext_hi"]), int(report.row["ext_lo"])) == known
            table["ext_hi"], table["ext_lo"] = 1, self.fills
        elif report.row["kind"] == Kind.FUNDING:
            assert report.row["ext_hi"] != 0  # a charge has an id, which a backtest's has not
            table["ext_hi"] = table["ext_lo"] = 0
        return table

    def _give(self, table: Rows) -> None:
        """Do as ``sim.loop.give`` does."""
        came_ns = int(table["ts_ns"][0])
        self._seq += 1
        self._ts_ns = max(self._ts_ns, came_ns)
        table["seq"] = self._seq
        table["ts_ns"] = self._ts_ns
        if table["kind"][0] > Kind.TRADE:
            self.log.append(table.copy())
        count = step(self.policy, self.state, table, 0, self._out)
        for command in self._out["rows"][0, :count].copy():
            self.log.append(command.copy().reshape(1))
            if Kind.SUBMIT <= command["kind"] <= Kind.AMEND:
                same = command["instrument"] == table["instrument"][0]
                at_ns = came_ns if same else int(command["ts_ns"])
                self._asked = True
                wire = self.line.codec.request(request_of(command, at_ns))
                assert self.line.codec.reads(wire) == request_of(command, at_ns)
                assert self.line.say(wire) == []


def client_id_of(order_id: int) -> str:
    """Return the name of the kernel's order."""
    return f"c-{order_id}" if order_id else ""


def order_id_of(client_id: str) -> int:
    """Return the kernel's order."""
    return int(client_id.removeprefix("c-")) if client_id else 0


def request_of(row: Row, at_ns: int) -> Request:
    """Return what a command asks of the venue."""
    client_id = client_id_of(int(row["order_id"]))
    instrument = int(row["instrument"])
    if row["kind"] == Kind.CANCEL:
        return Cancel(client_id=client_id, epoch=EPOCH, instrument=instrument, ts_ns=at_ns)
    if row["kind"] == Kind.AMEND:
        return Amend(
            client_id=client_id,
            epoch=EPOCH,
            instrument=instrument,
            qty=int(row["qty"]),
            price=int(row["price"]),
            trigger=int(row["trigger"]),
            ts_ns=at_ns,
        )
    return NewOrder(
        client_id=client_id,
        epoch=EPOCH,
        instrument=instrument,
        strategy=int(row["strategy"]),
        side=int(row["side"]),
        order_kind=int(row["order_kind"]),
        role=int(row["role"]),
        flags=int(row["flags"]),
        qty=int(row["qty"]),
        price=int(row["price"]),
        trigger=int(row["trigger"]),
        peer_client_id=client_id_of(int(row["peer_id"])),
        ts_ns=at_ns,
    )


def check_same(engine: PlainEngine, recording: Recording) -> None:
    """Compare a paper run with the backtest: every event and command, and all books."""
    log = np.concatenate(engine.log)
    told, expected = log.copy(), recording.log.copy()
    for table in (told, expected):
        # A refused cancel says of the order what the venue knows, not what the command said.
        refused = table["kind"] == Kind.CANCEL_REJECTED
        for name in ("qty", "strategy", "side", "role"):
            table[name][refused] = 0
        # The loop writes market rows into zeroes.
        table["version"] = 1
    for index in range(min(len(told), len(expected))):
        assert told[index].tobytes() == expected[index].tobytes(), (
            index,
            Kind(int(told[index]["kind"])),
            told[index],
            expected[index],
        )
    assert len(told) == len(expected)
    venue = engine.line.desk.exchange.venue
    for name in ("cash_units", "margin_flow_units", "fees_units", "funding_units", "trades"):
        assert venue[name][0] == recording.venue[name][0], name
    books, others = venue["instruments"][0], recording.venue["instruments"][0]
    for name in ("position", "locked", "mark", "atr", "flow_units"):
        assert books[name].tolist() == others[name].tolist(), name
    for name in ("cash_units", "equity_units", "fees_units", "realised_units"):
        if name in (engine.state["account"].dtype.names or ()):
            assert engine.state["account"][name][0] == recording.state["account"][name][0]
    assert (
        engine.state["instruments"]["position"].tolist()
        == recording.state["instruments"]["position"].tolist()
    )
