"""A live market: ccxt asks an emulated exchange over a socket, on good days and bad ones."""

import json
import sys
import threading
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import numpy as np
import pytest

from interlock.data.merge import BAR, Bars
from interlock.kernel.codes import Kind
from interlock.kernel.records import Row, Rows, rows
from interlock.runtime.clock import NS_PER_S, ManualClock
from interlock.venues.simulated.candles import CandleError, Candles, LaterError, retry_after_s
from interlock.venues.simulated.live import (
    GAP_ASKS,
    MARGIN_NS,
    SOON_NS,
    Asking,
    LiveBars,
    Watched,
)
from tests.emulators.binance import (
    BROKEN,
    BTC,
    GARBAGE,
    NONSENSE,
    Binance,
    Misbehaviour,
    serving,
    too_many,
)

MINUTE_NS = 60 * NS_PER_S
BEGIN_NS = 1_700_000_040 * NS_PER_S // MINUTE_NS * MINUTE_NS  # a minute begins
WATCHED = (Watched(price_digits=2, qty_digits=8), Watched(price_digits=5, qty_digits=4))
SYMBOLS = ("BTC_USDT", "DOGE_USDT")


@pytest.fixture
def far_side() -> Iterator[Binance]:
    with serving(Binance(ManualClock(BEGIN_NS))) as found:
        yield found


class Watching:
    """One client of the emulator, the time, and what it said."""

    def __init__(self, far_side: Binance, symbols: tuple[str, ...] = SYMBOLS[:1]) -> None:
        self.far_side = far_side
        self.clock = far_side.clock
        self.said: list[str] = []
        self.client = client_of(far_side)
        self.asking = Asking(
            self.client.asks(symbols),
            WATCHED[: len(symbols)],
            period_ns=MINUTE_NS,
            exchange="binance",
            jitter=lambda: 0.0,
            tell=self.said.append,
        )
        self.asking.begin([BEGIN_NS] * len(symbols))

    def at(self, seconds: float) -> list[int]:
        """Set the time after the beginning, ask once, and return which minutes closed."""
        self.clock.advance(BEGIN_NS + round(seconds * NS_PER_S) - self.clock.now_ns())
        return [(int(row["value"]) - BEGIN_NS) // MINUTE_NS for row in self.round()]

    def round(self) -> list[Row]:
        return self.asking.round(self.clock.now_ns())

    def until_due(self) -> list[int]:
        """Let the time pass until something is asked again, and return which minutes closed."""
        return self.at((self.asking.due_ns() - BEGIN_NS) / NS_PER_S)


def client_of(far_side: Binance) -> Candles:
    return Candles(
        "binance",
        "1m",
        period_ns=MINUTE_NS,
        now_ns=far_side.clock.now_ns,
        point=far_side.point,
    )


# --- what is asked for ------------------------------------------------------------------------


def test_a_market_is_found_however_its_pair_is_written(far_side: Binance) -> None:
    listings = client_of(far_side).listings(["BTC_USDT", "btcusdt", "BTC/USDT"])

    assert [one.name for one in listings] == ["BTC/USDT"] * 3
    assert (listings[0].price_step, listings[0].lot) == (Decimal("0.01"), Decimal("0.00001"))
    assert (listings[0].lot_min, listings[0].notional_min) == (Decimal("0.00001"), Decimal(5))
    assert far_side.asked == [("/api/v3/exchangeInfo", {})]  # no key, and no list of futures


def test_a_market_that_is_not_listed_is_named(far_side: Binance) -> None:
    with pytest.raises(CandleError, match="binance must list XYZ_USDT as a spot market"):
        client_of(far_side).listings(["XYZ_USDT"])


@pytest.mark.parametrize(
    ("exchange", "timeframe", "says"),
    [
        ("binanza", "1m", "data.live.exchange must be an exchange that ccxt"),
        ("binance", "7m", "data.live.timeframe must be one that binance has, was '7m'"),
    ],
)
def test_what_an_exchange_does_not_have_is_refused(
    exchange: str, timeframe: str, says: str
) -> None:
    with pytest.raises(CandleError, match=says):
        Candles(exchange, timeframe, period_ns=MINUTE_NS, now_ns=lambda: 0)


def test_without_the_extra_its_name_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ccxt", None)
    with pytest.raises(CandleError, match=r"pip install 'interlock\[live\]'"):
        Candles("binance", "1m", period_ns=MINUTE_NS, now_ns=lambda: 0)


# --- bars as they close -----------------------------------------------------------------------


def test_a_bar_comes_when_it_has_closed_and_never_before(far_side: Binance) -> None:
    watching = Watching(far_side)

    assert watching.at(59.9) == []
    assert far_side.count() == 0  # nothing can have closed: nobody is asked
    assert watching.at(60.6) == [0]
    assert watching.at(119.0) == []
    assert watching.at(121.0) == [1]
    assert watching.asking.counts.taken == 2


def test_numbers_are_those_of_the_exchange_exactly(far_side: Binance) -> None:
    watching = Watching(far_side)
    watching.clock.advance(61 * NS_PER_S)
    (row,) = watching.round()
    told = far_side.candle(BTC, BEGIN_NS // 1_000_000, 1)

    assert (row["kind"], row["instrument"]) == (Kind.BAR, 0)
    assert (row["value"], row["ts_ns"], row["src_ts_ns"]) == (
        BEGIN_NS,
        BEGIN_NS + MINUTE_NS,
        BEGIN_NS + MINUTE_NS,
    )
    for name, text in zip(("open", "high", "low", "close"), told[1:5], strict=True):
        assert row[name] == Decimal(text) * 100
    assert row["volume"] == 1_234_567_000
    assert watching.asking.counts.rounded == 0


def test_a_finer_price_goes_to_the_nearest_and_is_counted(far_side: Binance) -> None:
    watching = Watching(far_side)
    far_side.revised[BEGIN_NS // 1_000_000] = "60000.01700000"
    watching.clock.advance(61 * NS_PER_S)
    (row,) = watching.round()

    assert row["close"] == 6_000_002
    assert watching.asking.counts.rounded == 1


def test_without_a_later_candle_a_margin_passes_before_a_bar_counts_as_closed(
    far_side: Binance,
) -> None:
    watching = Watching(far_side)
    far_side.hidden[BEGIN_NS // 1_000_000 + 60_000] = 1_000_000  # nobody trades in the next minute

    assert watching.at(60 + SOON_NS / NS_PER_S) == []
    found: list[int] = []
    while not found:
        found = watching.until_due()
    assert found == [0]
    assert watching.clock.now_ns() >= BEGIN_NS + MINUTE_NS + MARGIN_NS


def test_a_revised_candle_is_counted_and_never_told_again(far_side: Binance) -> None:
    watching = Watching(far_side)
    assert watching.at(61) == [0]
    low = far_side.candle(BTC, BEGIN_NS // 1_000_000, 1)[3]
    far_side.revised[BEGIN_NS // 1_000_000] = low
    assert watching.at(121) == [1]

    counts = watching.asking.counts
    assert (counts.revised, counts.taken) == (1, 2)


def test_a_gap_is_asked_for_again_and_filled(far_side: Binance) -> None:
    watching = Watching(far_side)
    far_side.hidden[BEGIN_NS // 1_000_000 + 60_000] = 1  # left out once
    assert watching.at(181) == [0]
    assert watching.until_due() == [1, 2]
    assert watching.asking.counts.missing == 0


def test_a_gap_that_stays_is_passed_and_counted(far_side: Binance) -> None:
    watching = Watching(far_side)
    far_side.hidden[BEGIN_NS // 1_000_000 + 60_000] = 1_000
    told = [watching.at(181)]
    while len(told[-1]) == 0 or told[-1] == [0]:
        told.append(watching.until_due())
    assert [minute for minutes in told for minute in minutes] == [0, 2]
    assert watching.asking.counts.missing == 1
    assert len(told) == GAP_ASKS


def test_what_was_missed_comes_at_once_and_in_order(far_side: Binance) -> None:
    watching = Watching(far_side, SYMBOLS)
    watching.clock.advance(600 * MINUTE_NS + NS_PER_S)
    found: list[Row] = []
    while watching.asking.counts.taken < 1_200:
        found += watching.round()
        watching.clock.advance(NS_PER_S)

    for number in range(2):
        opens = [int(row["value"]) for row in found if row["instrument"] == number]
        assert opens == [BEGIN_NS + minute * MINUTE_NS for minute in range(600)]


# --- bad days ---------------------------------------------------------------------------------


def test_an_exchange_that_wants_to_be_left_alone_is(far_side: Binance) -> None:
    watching = Watching(far_side, SYMBOLS)
    far_side.faults.append(too_many("17"))
    assert watching.at(61) == []
    assert far_side.count() == 1  # the second symbol is not asked for either
    assert watching.at(77.9) == []
    assert far_side.count() == 1
    assert watching.at(78.1) == [0, 0]
    assert "asked again in 17.0 s" in watching.said[0]
    assert watching.said[1:] == ["binance answers again"]


def test_an_exchange_that_is_down_is_asked_again_later_and_later(far_side: Binance) -> None:
    watching = Watching(far_side)
    far_side.faults.extend([BROKEN] * 3)
    assert watching.at(61) == []
    pauses = []
    found: list[int] = []
    while not found:
        before_ns = watching.clock.now_ns()
        found = watching.until_due()
        pauses.append((watching.clock.now_ns() - before_ns) / NS_PER_S)
    assert pauses == [1.0, 2.0, 4.0]
    assert found == [0]
    assert watching.asking.counts.failed == 3
    assert len(watching.said) == 2


@pytest.mark.parametrize("answer", [GARBAGE, NONSENSE, Misbehaviour(body=b"{}")])
def test_garbage_is_no_bar_and_the_exchange_is_asked_again(
    far_side: Binance, answer: Misbehaviour
) -> None:
    watching = Watching(far_side)
    far_side.faults.extend([answer] * 9)
    told = [watching.at(61)]
    while not told[-1]:
        told.append(watching.until_due())
    assert told == [*[[]] * 9, [0, 1]]
    assert len(watching.said) == 2


def test_one_bad_candle_does_not_spoil_the_others(far_side: Binance) -> None:
    watching = Watching(far_side)
    watching.clock.advance(121 * NS_PER_S)
    told = far_side.klines({"symbol": "BTCUSDT", "interval": "1m", "limit": "3"})
    assert told is not None
    answer = [told[0], [told[1][0], "-1", "1", "1", "1", "1"]]
    far_side.faults.append(Misbehaviour(body=json.dumps(answer).encode()))
    assert [int(row["value"]) for row in watching.round()] == [BEGIN_NS]
    assert watching.asking.counts.garbage == 1
    assert watching.until_due() == [1]


def test_an_exchange_that_is_gone_is_one_kind_of_error() -> None:
    far_side = Binance(ManualClock(BEGIN_NS))
    far_side.url = "http://127.0.0.1:1"
    with pytest.raises(LaterError, match=r"its markets: \w+Error"):
        client_of(far_side).listings(["BTC_USDT"])


@pytest.mark.parametrize("text", ["", "soon", "nan", "inf", "-1", "Thu, 99 Foo"])
def test_a_wish_that_cannot_be_read_is_none(text: str) -> None:
    assert retry_after_s(text, BEGIN_NS) == 0


# --- the source of a venue --------------------------------------------------------------------


def history(*minutes: int, instrument: int = 0) -> Bars:
    """Return bars that closed before the beginning: the n-th minute before it, from 1."""
    found = np.zeros(len(minutes), dtype=BAR)
    found["instrument"] = instrument
    for bar, minute in zip(found, minutes, strict=True):
        bar["open_ns"] = BEGIN_NS - minute * MINUTE_NS
        bar["close_ns"] = bar["open_ns"] + MINUTE_NS
        for name in ("open", "high", "low", "close"):
            bar[name] = 6_000_000
    return found


def charges(from_ns: int, to_ns: int) -> Rows:
    """Return two charges at every full minute from one time to before another."""
    times = range(-(-from_ns // MINUTE_NS) * MINUTE_NS, to_ns, MINUTE_NS)
    found = rows(2 * len(times))
    found["kind"] = Kind.FUNDING
    found["ts_ns"] = np.repeat(np.array(times, dtype=np.int64), 2)
    found["instrument"] = np.tile([0, 1], len(times))
    return found


def taken(source: LiveBars, count: int) -> list[Row]:
    """Take so many rows, as the thread finds them."""
    found: list[Row] = []
    pause = threading.Event()
    while len(found) < count:
        row = source.take()
        if row is None:
            pause.wait(0.005)
        else:
            found.append(row)
    return found


def source_of(watching: Watching, bars: Bars, **given: Any) -> LiveBars:
    return LiveBars(watching.asking, bars, instruments=1, now_ns=watching.clock.now_ns, **given)


def minutes_of(found: list[Row]) -> list[int]:
    return [(int(row["ts_ns"]) - BEGIN_NS) // MINUTE_NS for row in found]


def test_history_comes_first_and_then_what_closes(far_side: Binance) -> None:
    watching = Watching(far_side)
    source = source_of(watching, history(3, 2, 1))
    assert not source.is_recording
    assert not source.has_ended
    assert minutes_of(taken(source, 3)) == [-2, -1, 0]
    assert source.peek() is None
    watching.clock.advance(61 * NS_PER_S)
    assert minutes_of(taken(source, 1)) == [1]
    source.close()


def test_after_a_restart_nothing_is_told_twice_and_nothing_is_left_out(far_side: Binance) -> None:
    watching = Watching(far_side)
    source = source_of(watching, history(3, 2, 1))
    taken(source, 2)
    place = source.place()
    source.close()
    watching.clock.advance(121 * NS_PER_S)
    again = source_of(Watching(far_side), history(3, 2, 1))
    again.seek(2, place)
    assert minutes_of(taken(again, 3)) == [0, 1, 2]
    again.close()


def test_funding_falls_due_between_bars_and_once(far_side: Binance) -> None:
    watching = Watching(far_side)
    source = source_of(watching, history(2, 1), charges=charges)
    found = taken(source, 3)
    assert [int(row["kind"]) for row in found] == [Kind.BAR, Kind.FUNDING, Kind.FUNDING]
    assert minutes_of(found) == [-1, -1, -1]
    place = source.place()
    source.close()
    again = source_of(Watching(far_side), history(2, 1), charges=charges)
    again.seek(3, place)
    (bar,) = taken(again, 1)
    assert (int(bar["kind"]), minutes_of([bar])) == (Kind.BAR, [0])
    again.close()


def test_half_a_charge_is_gone_on_with(far_side: Binance) -> None:
    source = source_of(Watching(far_side), history(2, 1), charges=charges)
    taken(source, 2)
    place = source.place()
    source.close()
    again = source_of(Watching(far_side), history(2, 1), charges=charges)
    again.seek(2, place)
    found = taken(again, 2)
    assert [(int(row["kind"]), int(row["instrument"])) for row in found] == [
        (Kind.FUNDING, 1),
        (Kind.BAR, 0),
    ]
    again.close()


def test_a_thread_that_breaks_is_not_passed_over(far_side: Binance) -> None:
    watching = Watching(far_side, ("NOBODY_USDT",))
    source = source_of(watching, history(1))
    taken(source, 1)
    watching.clock.advance(61 * NS_PER_S)
    with pytest.raises(CandleError, match="NOBODY_USDT"):
        taken(source, 1)
