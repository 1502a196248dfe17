"""What a name tells: the symbol in a file's name, and the class, base and quote in a symbol."""

import re
from dataclasses import dataclass
from pathlib import PurePath
from typing import Final

from interlock.data.instruments import InstrumentClass


def _words(*lines: str) -> frozenset[str]:
    return frozenset(" ".join(lines).split())


FIAT: Final = _words(
    "AUD BRL CAD CHF CNH CZK DKK EUR GBP HKD HUF ILS JPY KRW MXN NOK NZD PLN SEK SGD THB TRY",
    "USD ZAR",
)
METALS: Final = frozenset({"XAU", "XAG", "XPT", "XPD"})
STABLE: Final = frozenset({"USDT", "BUSD", "USDC", "FDUSD", "TUSD", "DAI"})
COINS: Final = _words(
    "AAVE ADA ALGO APT ARB ATOM AVAX AXS BAT BCH BNB BTC CRV DASH DOGE DOT EOS ETC ETH FIL",
    "FTM GALA ICP INJ LINK LTC LUNA MATIC NEAR NEO NXT OP SAND SHIB SOL SUI THETA TRX UNI VET",
    "WAVES XBT XLM XMR XRP XTZ ZEC ZIL",
)
COIN_QUOTES: Final = STABLE | {"BTC", "ETH", "BNB"}
INDEXES: Final = _words(
    "SPX NDX DJI RUT VIX DAX FTSE CAC NKY HSI STOXX",
)

# Contract sizes: the product pages of the Chicago Mercantile Exchange and its COMEX, CBOT, NYMEX.
CONTRACT_SIZES: Final = {
    "ES": 50, "MES": 5, "NQ": 20, "MNQ": 2, "YM": 5, "RTY": 50,
    "6A": 100_000, "6B": 62_500, "6C": 100_000, "6E": 125_000, "6J": 12_500_000, "6S": 125_000,
    "GC": 100, "SI": 5_000, "HG": 25_000, "CL": 1_000, "NG": 10_000, "ZB": 1_000, "ZN": 1_000,
}  # fmt: skip

_SUFFIX: Final = re.compile(r"\.(csv|txt|gz|parquet|pq|feather|arrow|ipc)$", re.IGNORECASE)
_PERIOD: Final = re.compile(
    r"[-_ ](\d{1,3}(s|sec|m|min|h|d|w|mo)|m1|m5|m15|m30|h1|h4|d1|w1|mn1"
    r"|daily|hourly|weekly|minute)(?=[-_ .]|$)",
    re.IGNORECASE,
)
_DATE: Final = re.compile(r"[-_ ](\d{6}|\d{8}|\d{4}-\d{2}(-\d{2})?|\d{4})$")
_VENUES: Final = _words(
    "binance binanceus bitfinex bitstamp bybit coinbase cryptocom fxcm histdata ibkr kraken",
    "kucoin lean mt5 nautilus oanda okx polygon yahoo",
)
_PERPETUAL_VENUES: Final = frozenset({"futures", "binancefut", "binanceusdm", "perp", "swap"})
_CONTENTS: Final = _words(
    "adjusted ask bar bars bid candles candlestick data futures index klines mark mid ohlc",
    "ohlcv quote quotes raw spot trade trades",
)
_FUTURE: Final = re.compile(r"^([A-Z0-9]{1,3})([FGHJKMNQUVXZ])(\d{1,2})$")
_OPTION: Final = re.compile(r"^([A-Z]{1,6})\d{6}[CP]\d{8}$")  # OCC's 21 characters, unpadded
PERPETUAL: Final = "_PERP"


def symbol_of(path: PurePath) -> str:
    """Return the symbol that a file's name says, in capitals; empty if it says none.

    The suffixes go first, then everything from the first period on, then the words that say
    where a file comes from and what is in it. A futures venue's pair is a perpetual.

    >>> [symbol_of(PurePath(name)) for name in ("BTC_USDT-5m.parquet", "SPY_1m_trade.csv.gz")]
    ['BTC_USDT', 'SPY']
    >>> [symbol_of(PurePath(name)) for name in ("EURUSD_oanda_1h.pq", "6EH4_1m_202401.parquet")]
    ['EURUSD', '6EH4']
    >>> symbol_of(PurePath("futures_XRP_USDT_USDT-1h-mark.feather"))
    'XRP_USDT_PERP'
    """
    stem = path.name
    while _SUFFIX.search(stem):
        stem = _SUFFIX.sub("", stem)
    period = _PERIOD.search(stem)
    if period:
        stem = stem[: period.start()]
    stem = _DATE.sub("", stem)
    words = re.split(r"([-_ ])", stem)  # words and the separators between them
    perpetual = words[0].lower() in _PERPETUAL_VENUES
    while len(words) > 1 and words[0].lower() in _VENUES | _PERPETUAL_VENUES:
        words = words[2:]
    while len(words) > 1 and words[-1].lower() in _VENUES | _CONTENTS:
        words = words[:-2]
    parts = words[::2]
    if len(parts) == 3 and parts[1] == parts[2]:  # noqa: PLR2004 - base, quote, settlement
        words = words[:3]
        perpetual = True
    symbol = "".join(words).upper()
    return symbol + PERPETUAL if perpetual and symbol and "PERP" not in symbol else symbol


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """What a symbol's letters say.

    Attributes:
        kind: Its class.
        base: What it is made of.
        quote: The currency it is priced in.
        contract: Units of the base in one contract; 1 unless it is a future or an option.
        why: The reason, for the report.
    """

    kind: InstrumentClass
    base: str
    quote: str
    contract: int = 1
    why: str


def plain(symbol: str) -> str:
    """Return the symbol without its separators: BTC_USDT, BTC-USDT, BTC/USDT are one thing.

    >>> plain("btc/usdt")
    'BTCUSDT'
    """
    return re.sub(r"[-_/ ]", "", symbol).upper()


def _pair(letters: str) -> tuple[str, str] | None:
    """Split letters without a separator where a known quote ends them, or return None."""
    for quote in sorted(STABLE, key=len, reverse=True):
        if letters.endswith(quote) and len(letters) > len(quote) + 1:
            return letters.removesuffix(quote), quote
    for quote in sorted(COIN_QUOTES | FIAT):
        base = letters.removesuffix(quote)
        if base != letters and base in COINS | METALS | FIAT:
            return base, quote
    return None


def _named_pair(base: str, quote: str) -> Named | None:
    if base in METALS and quote in FIAT:
        return Named(kind=InstrumentClass.METAL, base=base, quote=quote, why="a metal's code")
    if base in FIAT and quote in FIAT:
        return Named(kind=InstrumentClass.FX, base=base, quote=quote, why="two currencies")
    if quote in COIN_QUOTES or (quote in FIAT and base in COINS):
        return Named(kind=InstrumentClass.CRYPTO, base=base, quote=quote, why="a coin and a quote")
    return None


def _perpetual(letters: str) -> Named | None:
    """Return what a perpetual's name says: BTC-PERP, BTCUSDT_PERP, BTC/USDT:USDT."""
    name, colon, _ = letters.partition(":")
    bare = re.sub(r"[-_ ]?PERP$", "", name)
    if bare == name and not colon:
        return None
    parts = re.split(r"[-_/ ]", bare)
    two = (parts[0], parts[1]) if len(parts) > 1 else _pair(bare) or (bare, "USD")
    return Named(
        kind=InstrumentClass.CRYPTO_PERPETUAL,
        base=two[0],
        quote=two[1],
        why="a perpetual's name",
    )


def classify(symbol: str) -> Named:
    """Return the class, base and quote that a symbol's letters say; a share if nothing else.

    >>> [classify(s).kind.value for s in ("ADABTC", "EURUSD", "XAUUSD", "BTC-PERP", "BRK-B")]
    ['crypto', 'fx', 'metal', 'crypto_perpetual', 'equity']
    >>> [classify(s).kind.value for s in ("6EH4", "SPX", "SPY240119C00480000", "GOOG")]
    ['future', 'index', 'option', 'equity']
    """
    letters = symbol.upper()
    perpetual = _perpetual(letters)
    if perpetual:
        return perpetual
    parts = re.split(r"[-_/ ]", letters)
    two = (parts[0], parts[1]) if len(parts) == 2 else _pair(letters)  # noqa: PLR2004 - a pair
    named = _named_pair(*two) if two else None
    if named:
        return named
    if letters in INDEXES or letters.startswith("^"):
        return Named(
            kind=InstrumentClass.INDEX, base=letters, quote="USD", why="the name of an index"
        )
    future = _FUTURE.match(letters)
    if future:
        root = future.group(1)
        return Named(
            kind=InstrumentClass.FUTURE,
            base=root,
            quote="USD",
            contract=CONTRACT_SIZES.get(root, 1),
            why="a root, a month's letter and a year",
        )
    option = _OPTION.match(letters)
    if option:
        return Named(
            kind=InstrumentClass.OPTION,
            base=option.group(1),
            quote="USD",
            contract=100,
            why="an option symbol",
        )
    return Named(
        kind=InstrumentClass.EQUITY, base=letters, quote="USD", why="no other pattern matched"
    )
