"""A live market: ccxt asks an emulated exchange over a socket, on good days and bad ones."""

import json
import sys
from collections.abc import Iterator
from decimal import Decimal

import pytest

from interlock.kernel.codes import Kind
from interlock.runtime.clock import NS_PER_S, ManualClock
from interlock.venues.simulated.asking import (
    GAP_ASKS,
    MARGIN_NS,
    SOON_NS,
)
from interlock.venues.simulated.candles import CandleError, Candles, LaterError, retry_after_s
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
from tests.venues.watching import BEGIN_NS, MINUTE_NS, SYMBOLS, Watching, client_of


@pytest.fixture
def far_side() -> Iterator[Binance]:
    with serving(Binance(ManualClock(BEGIN_NS))) as found:
        yield found


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
    found = watching.round()
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
