"""What the name of a file tells: the symbol of the bars in it."""

import re
from pathlib import PurePath
from typing import Final

PERPETUAL: Final = "_PERP"


def _words(*lines: str) -> frozenset[str]:
    return frozenset(" ".join(lines).split())


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
