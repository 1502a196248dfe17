"""Symbols as other people write them, and which of ours is meant."""

import re
from collections.abc import Collection
from typing import Final

from interlock.data.file_names import PERPETUAL
from interlock.data.instruments import InstrumentClass
from interlock.data.names import COIN_QUOTES, FIAT, classify, plain

_PERPETUAL_ENDS: Final = (".P", "_PERP", "-PERP", "PERP")  # how charts and exchanges mark one
_SETTLED_IN: Final = COIN_QUOTES | FIAT


def spelled(written: str) -> str:
    """Return a symbol as the instruments file spells it, as far as its letters tell.

    A chart's exchange before a colon goes; a currency behind a colon, and a chart's ending, say
    that it is a perpetual; a coin and its quote are parted. Everything else stays, in capitals.

    >>> spelled("BINANCE:BTCUSDT"), spelled("btc/usdt"), spelled("NASDAQ:GOOG"), spelled("EURUSD")
    ('BTC_USDT', 'BTC_USDT', 'GOOG', 'EURUSD')
    >>> spelled("BTC/USDT:USDT"), spelled("BYBIT:BTCUSDT.P"), spelled("BRK-B")
    ('BTC_USDT_PERP', 'BTC_USDT_PERP', 'BRK-B')
    """
    letters = written.strip().upper()
    first, _, rest = letters.rpartition(":")
    perpetual = rest in _SETTLED_IN and _parted(first) is not None
    symbol = first if perpetual else letters if "/" in first else rest
    for end in _PERPETUAL_ENDS:
        bare = symbol.removesuffix(end)
        if bare != symbol and _parted(bare) is not None:
            symbol, perpetual = bare, True
            break
    pair = _parted(symbol)
    return (pair or symbol) + (PERPETUAL if perpetual else "")


def _parted(symbol: str) -> str | None:
    """Return a coin and its quote with our separator between them; None for anything else."""
    if not symbol:
        return None
    named = classify(symbol)
    if named.kind is not InstrumentClass.CRYPTO:
        return None
    return f"{named.base}_{named.quote}"


def known_symbol(written: str, known: Collection[str]) -> str | None:
    """Return which of the known symbols is meant; None when none is, or more than one could be.

    >>> known_symbol("EUR/USD", ["EURUSD", "GOOG"]), known_symbol("OKX:BTCUSDT", ["BTC_USDT"])
    ('EURUSD', 'BTC_USDT')
    """
    if written in known:
        return written
    symbol = spelled(written)
    if symbol in known:
        return symbol
    same = [name for name in known if _letters(name) == _letters(symbol)]
    return same[0] if len(same) == 1 else None


def _letters(symbol: str) -> str:
    """Return a symbol without separators; a perpetual is never taken for its coin."""
    return re.sub(r"PERP$", ":PERP", plain(symbol))
