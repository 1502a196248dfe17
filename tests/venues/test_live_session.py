"""Live data from an exchange's socket to the kernel: what is known first, and what comes then."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from interlock.app import live as live_module
from interlock.app import session as session_module
from interlock.app.live import PAUSE_S, History, fetch_history
from interlock.app.session import Session, inputs_of, setup_of
from interlock.app.venue import account_of, live_source
from interlock.config.errors import PolicyError
from interlock.data.instruments import load_instruments
from interlock.kernel.codes import Kind
from interlock.kernel.reasons import Reason
from interlock.kernel.records import Row
from interlock.research.inputs import Inputs
from interlock.runtime.clock import NS_PER_S, ManualClock
from interlock.runtime.entries import commands_of, events_of
from interlock.runtime.inbox import Room
from interlock.runtime.link import Phase
from interlock.runtime.session import Parts, begin
from interlock.runtime.turns import Turns
from interlock.venues.port import Message
from interlock.venues.simulated.asks import Hello, read_ask
from interlock.venues.simulated.candles import Candles
from interlock.venues.simulated.desk import Desk
from interlock.venues.simulated.ledger import MEMORY, Ledger
from interlock.venues.simulated.lines import Symbols
from interlock.venues.simulated.live import LiveBars
from interlock.venues.simulated.tells import tell_bytes
from interlock.venues.simulated.wire import SimulatedCodec
from tests.emulators.binance import BROKEN, Binance, serving
from tests.proof.kill_market import session_in

if TYPE_CHECKING:
    from interlock.journal.rows import Entry

MINUTE_NS = 60 * NS_PER_S
BEGIN_NS = 1_700_000_040 * NS_PER_S // MINUTE_NS * MINUTE_NS + 30 * NS_PER_S
BARS = 60
BUYER = '''
from pydantic import BaseModel, ConfigDict

from interlock.signals.signal import Signal


class Buyer(BaseModel):
    """Wants to buy at the close of every bar."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    def start(self):
        return self

    def on_bar(self, bar):
        return Signal(side=1)
'''
BREAKERS = """
[circuit_breakers.latency.websocket]
enabled = {lag}
"""


class World:
    """A home that watches an emulated exchange, and the time of both."""

    def __init__(self, far_side: Binance, folder: Path) -> None:
        self.far_side = far_side
        self.clock = far_side.clock
        self.folder = folder
        self.said: list[str] = []
        self.pauses: list[float] = []
        (folder / "buyer.py").write_text(BUYER)

    def session(self, *, lag: bool = True, **live: Any) -> Session:
        breakers = self.folder / "breakers.toml"
        breakers.write_text(BREAKERS.format(lag=str(lag).lower()))
        changes = {
            "data.source": "live",
            "data.live.symbols": ("BTC_USDT", "DOGE_USDT"),
            "files.breakers": str(breakers),
            "strategy.name": f"{self.folder / 'buyer.py'}:Buyer",
            **{f"data.live.{key}": value for key, value in live.items()},
        }
        return session_in(self.folder / "home", changes)

    def client(self) -> Candles:
        return Candles(
            "binance",
            "1m",
            period_ns=MINUTE_NS,
            now_ns=self.clock.now_ns,
            point=self.far_side.point,
        )

    def fetch(self, session: Session) -> History:
        return fetch_history(
            session,
            self.said.append,
            clock=self.clock,
            candles=self.client,
            pause=self.pauses.append,
        )

    def inputs(self, session: Session, monkeypatch: pytest.MonkeyPatch) -> Inputs:
        """Read what every process of a run reads."""

        def fetch(asked: Session, _tell: object) -> History:
            return self.fetch(asked)

        monkeypatch.setattr(session_module, "fetch_history", fetch)
        return inputs_of(session, self.said.append)


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    monkeypatch.setattr(live_module, "BARS", BARS)
    with serving(Binance(ManualClock(BEGIN_NS))) as far_side:
        yield World(far_side, tmp_path)


# --- what both processes read first -----------------------------------------------------------


def test_the_bars_that_closed_lately_are_read_like_any_file(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    inputs = world.inputs(world.session(), monkeypatch)

    assert [one.symbol for one in inputs.instruments] == ["BTC_USDT", "DOGE_USDT"]
    for each in inputs.sets:
        assert len(each) == BARS
        assert each.period_ns == MINUTE_NS
        assert each.close_ns[-1] == BEGIN_NS // MINUTE_NS * MINUTE_NS  # none that still runs
        assert not each.repairs
    live = world.folder / "home" / "live"
    assert live.stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o777 for path in live.iterdir()} == {0o600}


def test_a_market_that_nobody_described_is_as_the_exchange_says_and_stays_so(world: World) -> None:
    history = world.fetch(world.session())
    known = load_instruments(history.instruments)
    coin = known["DOGE_USDT"]
    assert (coin.price_digits, coin.tick, coin.lot_min) == (5, 1, 10**coin.qty_digits)
    assert (coin.base, coin.quote, coin.calendar) == ("DOGE", "USDT", "24/7")
    assert known["BTC_USDT"].qty_digits == 8  # the shipped file knows better

    world.clock.advance(86_400 * NS_PER_S)
    doge = world.far_side.symbols["DOGEUSDT"]
    world.far_side.symbols["DOGEUSDT"] = type(doge)(
        base="DOGE", quote="USDT", tick="0.00000100", lot="1.00000000", first_price="0.123456"
    )
    again = world.fetch(world.session())
    assert load_instruments(again.instruments)["DOGE_USDT"] == coin


def test_the_second_process_finds_what_the_first_one_fetched(world: World) -> None:
    session = world.session()
    first = world.fetch(session)
    asked = len(world.far_side.asked)
    assert world.fetch(session) == first
    assert len(world.far_side.asked) == asked
    world.clock.advance(61 * NS_PER_S)
    world.fetch(session)
    assert len(world.far_side.asked) > asked


def test_an_exchange_out_of_reach_is_tried_three_times_and_then_refused(world: World) -> None:
    world.far_side.faults.extend([BROKEN] * 3)
    with pytest.raises(PolicyError) as refused:
        world.fetch(world.session())
    assert 'exchange binance must be reachable for data.source = "live", and was not, 3 times' in (
        str(refused.value)
    )
    assert str(refused.value).endswith('Next: check the network, or data.source = "replay".')
    assert world.pauses == [PAUSE_S] * 2
    assert not (world.folder / "home" / "live" / "about.json").exists()


def test_one_bad_answer_is_not_the_end(world: World) -> None:
    world.far_side.faults.extend([BROKEN] * 2)
    world.fetch(world.session())
    assert world.pauses == [PAUSE_S] * 2


def test_a_process_that_starts_again_without_network_goes_on_and_says_so(world: World) -> None:
    session = world.session()
    first = world.fetch(session)
    world.clock.advance(3_600 * NS_PER_S)
    world.far_side.faults.extend([BROKEN] * 3)
    assert world.fetch(session) == first
    assert "going on from bars fetched 60 min ago" in world.said[-1]
    world.clock.advance(86_400 * NS_PER_S)
    world.far_side.faults.extend([BROKEN] * 3)
    with pytest.raises(PolicyError, match="must be reachable"):
        world.fetch(session)


def test_an_unknown_market_is_refused_at_once(world: World) -> None:
    with pytest.raises(PolicyError, match="binance must list XYZ_USDT"):
        world.fetch(world.session(symbols=("XYZ_USDT",)))
    assert world.pauses == []


def test_a_folder_that_others_may_write_to_is_refused(world: World) -> None:
    session = world.session()
    folder = world.folder / "home" / "live"
    folder.mkdir()
    folder.chmod(0o777)
    with pytest.raises(PolicyError, match="chmod 700"):
        world.fetch(session)


# --- from the socket to the kernel ------------------------------------------------------------


class Trading:
    """An engine at a venue that watches the exchange; bytes between them, durable at once."""

    def __init__(self, world: World, inputs: Inputs, session: Session) -> None:
        self.clock = world.clock
        self.setup = setup_of(session, inputs)
        names = [one.symbol for one in self.setup.scales]
        self._symbols = Symbols(names)
        codec = SimulatedCodec(names, self.setup.account)
        self.source: LiveBars = live_source(
            session, inputs, world.said.append, world.clock, world.client()
        )
        self.ledger = Ledger(MEMORY, account_of(inputs, session.configuration.system.data.live))
        self.desk = self._opened(self.source, inputs)
        self.entries: list[Entry] = []
        self.begun = begin(
            self.setup,
            Parts(
                codec=codec,
                turns=Turns(inputs.strategy, 0, self.setup.scales),
                clock=world.clock,
                room=Room(),
                answer_ns=10 * NS_PER_S,
                look_ns=10 * NS_PER_S,
                watch=lambda _: None,
            ),
            None,
            epoch=1,
            seen=lambda _: False,
            killed=False,
        )
        self.engine = self.begun.engine
        self.engine.connected()

    def _opened(self, source: LiveBars, inputs: Inputs) -> Desk:
        return Desk(
            inputs.world,
            source,
            self.ledger,
            instruments=len(inputs.instruments),
            cash_units=inputs.cash_units,
            tier=inputs.tier,
            clock=self.clock.now_ns,
        )

    def restart_venue(self, source: LiveBars, inputs: Inputs) -> None:
        """End the venue without a word, and start it again from its books."""
        self.source.close()
        self.source = source
        self.desk = self._opened(source, inputs)
        self.engine.lost()
        self.engine.connected()

    def settle(self) -> None:
        """Let both do what there is to do."""
        while self._step():
            self.clock.advance(1_000_000)

    def _step(self) -> bool:
        busy = self.engine.work()
        entries = self.engine.take_entries()
        self.entries += entries
        if entries:
            self.engine.durable(entries[-1].last_seq)
        for one in self.engine.take_outgoing():
            busy = True
            if one.request is not None:
                self.engine.link.sent(one.request)
            for line in one.wire.splitlines(keepends=True):
                ask = read_ask(line, self._symbols)
                if isinstance(ask, Hello):
                    self._hear([self.desk.greet(ask)])
                else:
                    self._hear(self.desk.take(ask, line.decode()))
        if not busy and self.desk.can_advance:
            messages = self.desk.advance()
            busy = bool(messages)
            self._hear(messages)
        return busy or bool(entries)

    def _hear(self, messages: list[Message]) -> None:
        wire = b"".join(tell_bytes(message, self._symbols) for message in messages)
        assert self.engine.receive(wire) is None

    def pass_minute(self) -> None:
        """Let the minute end, until the bars of it are here."""
        now_ns = self.clock.now_ns()
        self.clock.advance(MINUTE_NS - now_ns % MINUTE_NS + NS_PER_S)
        count = len(self.bars()) + len(self.setup.scales)
        while len(self.bars()) < count:
            self.settle()

    def bars(self) -> list[Row]:
        """Return the bars that were journaled."""
        return [
            row for entry in self.entries for row in events_of(entry) if row["kind"] == Kind.BAR
        ]

    def commands(self, kind: Kind) -> list[Row]:
        """Return what the kernel decided, of one kind."""
        return [row for entry in self.entries for row in commands_of(entry) if row["kind"] == kind]


def test_nothing_is_opened_on_history_and_something_may_be_on_a_fresh_bar(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = world.session(lag=False)
    trading = Trading(world, world.inputs(session, monkeypatch), session)
    assert trading.setup.begin_ns is None
    trading.settle()

    assert trading.engine.link.phase is Phase.READY
    assert not trading.engine.link.replay
    bars = trading.bars()
    assert len(bars) == 2 * BARS
    assert min(int(row["ts_ns"]) for row in bars) >= BEGIN_NS
    refused = trading.commands(Kind.REFUSED)
    stale = [row for row in refused if row["mask_hi"] & 1 << (Reason.DATA_STALE - 63)]
    old = [row for row in bars if BEGIN_NS - row["src_ts_ns"] > 2 * MINUTE_NS]
    assert len(stale) >= len(old) > 2 * BARS - 10
    trading.source.close()


def test_bars_reach_the_engine_with_the_time_of_day(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = world.session()
    trading = Trading(world, world.inputs(session, monkeypatch), session)
    trading.settle()
    assert trading.commands(Kind.SUBMIT) == []  # the feed lags: its breaker is set
    for _ in range(4):
        trading.pass_minute()
    fresh = trading.bars()[2 * BARS :]
    assert len(fresh) == 8
    for row in fresh:
        late_ns = int(row["ts_ns"]) - int(row["src_ts_ns"])
        assert NS_PER_S // 2 <= late_ns < 4 * NS_PER_S
    numbers = [int(row["ext_lo"]) for row in trading.bars()]
    assert numbers == list(range(1, len(numbers) + 1))
    assert trading.commands(Kind.SUBMIT)
    trading.source.close()


def test_a_venue_that_starts_again_goes_on_with_what_nobody_heard(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = world.session()
    inputs = world.inputs(session, monkeypatch)
    trading = Trading(world, inputs, session)
    trading.settle()
    world.clock.advance(3 * MINUTE_NS)
    source = live_source(session, inputs, world.said.append, world.clock, world.client())
    trading.restart_venue(source, inputs)
    while len(trading.bars()) < 2 * BARS + 6:
        trading.settle()

    bars = trading.bars()
    numbers = [int(row["ext_lo"]) for row in bars]
    assert numbers == list(range(1, len(bars) + 1))
    for number in range(2):
        closes = [int(row["src_ts_ns"]) for row in bars if row["instrument"] == number]
        assert set(np.diff(closes).tolist()) == {MINUTE_NS}
    trading.source.close()


def test_a_status_of_live_data_is_json(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    session = world.session()
    setup = setup_of(session, world.inputs(session, monkeypatch))
    assert json.loads(json.dumps(setup.said))["data"]["bars"] == [
        "binance BTC_USDT 1m",
        "binance DOGE_USDT 1m",
    ]
    assert not setup.simulated_operator
