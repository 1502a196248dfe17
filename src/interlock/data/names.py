"""What a symbol tells: its class, base and quote."""

import re
from dataclasses import dataclass
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

_FUTURE: Final = re.compile(r"^([A-Z0-9]{1,3})([FGHJKMNQUVXZ])(\d{1,2})$")
_OPTION: Final = re.compile(r"^([A-Z]{1,6})\d{6}[CP]\d{8}$")  # OCC's 21 characters, unpadded


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
