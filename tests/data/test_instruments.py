"""Instruments are exact numbers with a name; the file says them and mistakes are named."""

from dataclasses import replace
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interlock.data.errors import InstrumentError
from interlock.data.file_names import symbol_of
from interlock.data.inference import ASSUMED, coin_digits, infer_instrument
from interlock.data.instruments import (
    CASH_DIGITS,
    Instrument,
    InstrumentClass,
    load_instruments,
)
from interlock.data.names import classify
from interlock.kernel.codes import Settle
from tests.data.makers import instrument

SHIPPED = Path(__file__).parents[2] / "src" / "interlock" / "config" / "shipped"
ENTRY = """
version: 1
instruments:
  SPY:
    class: equity
    base: SPY
    quote: USD
    price_digits: 2
    quantity_digits: 0
    tick_size: "0.01"
    lot_size: "1"
    quantity_min: "1"
    settle: cash
    calendar: XNYS
    time_zone: America/New_York
    shortable: true
    margin: true
    spread_assumed_ppm: 50
"""


def load(folder: Path, text: str) -> Instrument:
    path = folder / "instruments.yaml"
    path.write_text(text)
    return load_instruments(path)["SPY"]


def check_refused(folder: Path, old: str, new: str, *expected: str) -> None:
    """Change one line of a good file; every word of the message must be there."""
    assert old in ENTRY
    with pytest.raises(InstrumentError) as caught:
        load(folder, ENTRY.replace(old, new))
    for words in ("instruments.yaml", *expected):
        assert words in str(caught.value)


def test_the_shipped_file_knows_the_sample_instruments() -> None:
    found = load_instruments(SHIPPED / "instruments.yaml")
    assert list(found) == ["BTC_USDT", "ETH_USDT", "SPY", "QQQ", "IWM", "GOOG", "EURUSD"]
    assert all(one.known for one in found.values())
    bitcoin, euro = found["BTC_USDT"], found["EURUSD"]
    assert (bitcoin.tick, bitcoin.lot, bitcoin.lot_min) == (1, 1_000, 1_000)
    assert bitcoin.notional_min == 5
    assert bitcoin.unit_ratio() == (1, 100)  # 10^-2 times 10^-8 in units of 10^-8
    assert (euro.settle, euro.calendar, euro.taker_ppm) == (Settle.CASH, "24/5", 0)
    assert found["SPY"].tick == 100  # a cent in units of 10^-4
    with pytest.raises(TypeError):
        found["SPY"] = bitcoin  # type: ignore[index]


def test_a_file_is_read_exactly(tmp_path: Path) -> None:
    found = load(tmp_path, ENTRY.replace('"0.01"', "0.05"))  # YAML's float is read by its text
    assert found.tick == 5
    assert found.kind is InstrumentClass.EQUITY
    assert found.multiplier == 1
    assert not found.always_open


def test_a_mistake_names_file_key_value_and_what_is_allowed(tmp_path: Path) -> None:
    check_refused(tmp_path, "    margin:", "    margn:", "SPY.margn", "not a key; allowed: class,")
    check_refused(tmp_path, "    margin: true\n", "", "SPY.margin must be set")
    check_refused(tmp_path, "class: equity", "class: stock", "SPY.class", "'crypto'", "'stock'")
    check_refused(tmp_path, "digits: 2", "digits: 9", "SPY.price_digits", "equal to 8", "was 9")
    check_refused(tmp_path, '"0.01"', '"0.001"', "SPY.tick_size", "10^-2", "was 0.001")
    check_refused(tmp_path, '"0.01"', '"0"', "SPY.tick_size", "greater than 0")
    check_refused(tmp_path, 'lot_size: "1"', 'lot_size: "2"', "quantity_min", "lot_size 2", "was 1")
    check_refused(tmp_path, "America/New_York", "Wall/Street", "SPY.time_zone", "Wall/Street")
    check_refused(tmp_path, "settle: cash", "settle: later", "SPY.settle", "'cash' or 'margin'")
    check_refused(tmp_path, "shortable: true", "shortable: maybe", "SPY.shortable", "'maybe'")
    check_refused(tmp_path, "version: 1", "version: 2", "version", "was 2")
    check_refused(tmp_path, "version: 1", "versions: 1", "versions is not a key")
    check_refused(tmp_path, "ppm: 50", "ppm: 0.5", "SPY.spread_assumed_ppm", "was 0.5")
    check_refused(tmp_path, "ppm: 50", "ppm: 50\n    margin: false", "'margin' was there twice")
    check_refused(tmp_path, "version: 1", "version: [", "could not be read")


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(InstrumentError, match=r"none\.yaml could not be read"):
        load_instruments(tmp_path / "none.yaml")


@given(
    price_digits=st.integers(0, 8),
    qty_digits=st.integers(0, 8),
    multiplier=st.sampled_from(["1", "50", "100", "0.1", "125000"]),
    cash_digits=st.integers(0, 8),
)
def test_the_ratio_of_units_is_exact_and_in_lowest_terms(
    price_digits: int, qty_digits: int, multiplier: str, cash_digits: int
) -> None:
    one = replace(
        instrument("SPY"),
        price_digits=price_digits,
        qty_digits=qty_digits,
        multiplier=Decimal(multiplier),
    )
    num, den = one.unit_ratio(cash_digits)
    expected = Fraction(multiplier) * Fraction(10) ** (cash_digits - price_digits - qty_digits)
    assert Fraction(num, den) == expected
    assert (Fraction(num, den).numerator, Fraction(num, den).denominator) == (num, den)


def test_a_ratio_that_does_not_fit_names_the_symbol() -> None:
    one = replace(instrument("SPY"), multiplier=Decimal("1e15"))
    with pytest.raises(InstrumentError, match=r"SPY: .* up to 2\^60 .*multiplier 1E\+15"):
        one.unit_ratio(CASH_DIGITS)


def test_the_symbol_is_in_the_name_of_the_file() -> None:
    table = """
        ADA_USDT-5m.parquet                         | ADA_USDT
        BTC_USDT-1h.csv.gz                          | BTC_USDT
        futures_XRP_USDT_USDT-1h-mark.parquet       | XRP_USDT_PERP
        futures_XRP_USDT_USDT-8h-funding_rate.pq    | XRP_USDT_PERP
        binance_BTCBUSD_1m_trade.parquet            | BTCBUSD
        binancefut_ADAUSDT_1m_quote.parquet         | ADAUSDT_PERP
        coinbase_BTCUSD_1d.feather                  | BTCUSD
        SPY_1d.parquet                              | SPY
        spy.csv                                     | SPY
        SPY_1s_trade.parquet                        | SPY
        EURUSD_oanda_1h.parquet                     | EURUSD
        EURUSD_fxcm_1m_quote.parquet                | EURUSD
        GBPUSD_M1_2012_bid_ask.parquet              | GBPUSD
        6EH4_1m_202401.parquet                      | 6EH4
        ADABTC-1m-2021-11-27.csv                    | ADABTC
        BTC-PERP_1m_202201.parquet                  | BTC-PERP
        BRK-B_daily.csv                             | BRK-B
        BTC-USD.csv                                 | BTC-USD
        SPX_2021.csv                                | SPX
        S00.parquet                                 | S00
        """
    for line in table.strip().splitlines():
        name, symbol = (part.strip() for part in line.split("|"))
        assert symbol_of(Path("folder") / name) == symbol, name


def test_the_class_is_in_the_symbol() -> None:
    table = """
        BTC_USDT            | crypto           | BTC  | USDT | 24/7
        ADABTC              | crypto           | ADA  | BTC  | 24/7
        UNITTEST_BTC        | crypto           | UNITTEST | BTC | 24/7
        PEPEUSDT            | crypto           | PEPE | USDT | 24/7
        BTC-USD             | crypto           | BTC  | USD  | 24/7
        BTCEUR              | crypto           | BTC  | EUR  | 24/7
        BTC-PERP            | crypto_perpetual | BTC  | USD  | 24/7
        XRP_USDT_PERP       | crypto_perpetual | XRP  | USDT | 24/7
        ADAUSDT_PERP        | crypto_perpetual | ADA  | USDT | 24/7
        BTC/USDT:USDT       | crypto_perpetual | BTC  | USDT | 24/7
        EURUSD              | fx               | EUR  | USD  | 24/5
        USD/JPY             | fx               | USD  | JPY  | 24/5
        XAUUSD              | metal            | XAU  | USD  | 24/5
        XAG_USD             | metal            | XAG  | USD  | 24/5
        SPX                 | index            | SPX  | USD  | XNYS
        6EH4                | future           | 6E   | USD  | CMES
        ESZ24               | future           | ES   | USD  | CMES
        SPY240119C00480000  | option           | SPY  | USD  | XNYS
        GOOG                | equity           | GOOG | USD  | XNYS
        BRK-B               | equity           | BRK-B | USD | XNYS
        S00                 | equity           | S00  | USD  | XNYS
        """
    for line in table.strip().splitlines():
        symbol, kind, base, quote, calendar = (part.strip() for part in line.split("|"))
        found = classify(symbol)
        assert (found.kind.value, found.base, found.quote) == (kind, base, quote), symbol
        assert instrument(symbol).calendar == calendar


def test_what_is_inferred_is_said() -> None:
    one = infer_instrument("ADA_USDT", price_digits=5, price_first=1.2)
    assert not one.known
    assert (one.price_digits, one.qty_digits, one.tick, one.lot) == (5, 5, 1, 1)
    assert one.notes == (
        (
            "ADA_USDT is not in the instruments file: taken as crypto (a coin and a quote), priced "
            "in USDT with 5 digits, lot 10^-5 coins, calendar 24/7, spread assumed 2 bp."
        ),
    )
    future = infer_instrument("6EH4", price_digits=5, price_first=1.1)
    assert future.multiplier == 125_000
    assert "one contract counts 125000" in future.notes[1]
    unknown = infer_instrument("QQH4", price_digits=2, price_first=1.1)
    assert "ASSUMED" in unknown.notes[1]


def test_every_class_has_its_assumptions() -> None:
    assert set(ASSUMED) == set(InstrumentClass)
    cash = {kind for kind, one in ASSUMED.items() if one.settle is Settle.CASH}
    assert cash == {
        InstrumentClass.CRYPTO,
        InstrumentClass.EQUITY,
        InstrumentClass.FX,
        InstrumentClass.METAL,
        InstrumentClass.OPTION,
    }
    assert not ASSUMED[InstrumentClass.CRYPTO].shortable  # spot cannot be sold before it is bought


@given(st.floats(1e-8, 1e7))
def test_a_position_in_coins_can_always_be_worth_millions(price: float) -> None:
    digits = coin_digits(price)
    assert 0 <= digits <= 8
    assert digits == 0 or 2**40 / 10**digits * price > 1e6
