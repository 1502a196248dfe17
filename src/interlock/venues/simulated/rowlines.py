"""Rows in messages: an object with the fields that are not empty, and a strict reader of it.

A row's own number (``ext_lo``) travels as ``number``: of a market row it is its place in the feed,
of a fill its trade's id, from which the reader makes the id that a fill is applied once by.
"""

import hashlib
import struct
from collections.abc import Callable
from functools import lru_cache
from typing import Final

from interlock.kernel.codes import ACCOUNT, Kind
from interlock.kernel.records import ROW, Row, Rows, rows
from interlock.venues.simulated.lines import Content, LineError, Symbols, shown, whole

VENUE: Final = "simulated"

REPORT_KINDS: Final = frozenset(
    {
        Kind.ACCEPTED,
        Kind.REJECTED,
        Kind.FILL,
        Kind.CANCELLED,
        Kind.EXPIRED,
        Kind.AMENDED,
        Kind.CANCEL_REJECTED,
        Kind.AMEND_REJECTED,
        Kind.FUNDING,
    }
)
MARKET_KINDS: Final = frozenset(
    {
        Kind.BAR,
        Kind.QUOTE,
        Kind.TRADE,
        Kind.DAY,
        Kind.SESSION_OPEN,
        Kind.SESSION_CLOSE,
        Kind.BLACKOUT_START,
        Kind.BLACKOUT_END,
    }
)

_NAMES: Final = ROW.names or ()
# What only the two sides know: whose order it is, which event it becomes, and what is not told.
_UNTOLD: Final = frozenset(
    {"kind", "version", "sub", "instrument", "seq", "order_id", "peer_id", "ext_hi", "score"}
)
_NUMBER: Final = "number"
_EMPTY: Final = rows(1)[0].item()
_TOLD: Final = {
    _NUMBER if name == "ext_lo" else name: (place, _EMPTY[place])
    for place, name in enumerate(_NAMES)
    if name not in _UNTOLD
}
_WIDE: Final = whole(-(2**63))
_NARROW: Final = whole(-(2**31), 2**31 - 1)
_CHECKS: Final = {
    name: _NARROW if ROW[place].itemsize == 4 else _WIDE  # noqa: PLR2004 - bytes
    for name, (place, _) in _TOLD.items()
}
_KIND: Final = _NAMES.index("kind")
_INSTRUMENT: Final = _NAMES.index("instrument")
_WORDS: Final = {kind.name.lower(): kind for kind in REPORT_KINDS | MARKET_KINDS}
_KIND_WORDS: Final = {int(kind): word for word, kind in _WORDS.items()}

_EXT: Final = struct.Struct(">qq")

Numbered = Callable[[str, int], tuple[int, int]]  # symbol and trade to the fill's id


@lru_cache(maxsize=4_096)
def trade_ext(account: str, symbol: str, trade: int) -> tuple[int, int]:
    """Return the id that a fill of this venue is applied once by: ``ext_hi`` and ``ext_lo``.

    They are the first 16 bytes of SHA-256 over venue, account, symbol and trade id.
    """
    named = "\0".join((VENUE, account, symbol, str(trade))).encode()
    high, low = _EXT.unpack(hashlib.sha256(named).digest()[:16])
    return high, low


def row_content(row: Row, symbols: Symbols) -> Content:
    """Return a row as an object."""
    values = row.item()
    content: Content = {
        name: values[place] for name, (place, empty) in _TOLD.items() if values[place] != empty
    }
    content["kind"] = _KIND_WORDS[values[_KIND]]
    if values[_INSTRUMENT] != ACCOUNT:
        content["symbol"] = symbols.name(values[_INSTRUMENT])
    return content


def read_row(content: Content, kinds: frozenset[Kind], symbols: Symbols, account: str) -> Rows:
    """Return the row in an object, shape (1,); a fill gets its id.

    Args:
        content: The object; emptied.
        kinds: What it may be.
        symbols: Of the venue.
        account: Whose fills they are.

    Raises:
        LineError: It is no such row.
    """
    found = rows(1)
    row = found[0]
    word = content.pop("kind", None)
    kind = _WORDS.get(word) if type(word) is str else None
    if kind is None or kind not in kinds:
        raise LineError(f"kind cannot be {shown(word)} here")
    row["kind"] = kind
    symbol = content.pop("symbol", None)
    if symbol is not None:
        row["instrument"] = symbols.number(symbol)
    for name, value in content.items():
        check = _CHECKS.get(name)
        if check is None or not check(value) or value == _TOLD[name][1]:
            raise LineError(f"{shown(name)} cannot be {shown(value)} in a row")
        row[_TOLD[name][0]] = value
    number = content.get(_NUMBER, 0)
    if kind == Kind.FILL:
        if symbol is None or number <= 0:
            raise LineError(f"a fill must have a symbol and a number, was {shown(number)}")
        row["ext_hi"], row["ext_lo"] = trade_ext(account, str(symbol), number)
    elif kind == Kind.FUNDING:
        if symbol is None or number <= 0:
            raise LineError(f"funding must have a symbol and a number, was {shown(number)}")
        row["ext_hi"], row["ext_lo"] = trade_ext(account, f"funding {symbol}", number)
    elif (number > 0) != (kind in MARKET_KINDS):
        raise LineError(f"number cannot be {shown(number)} in {word}")
    return found
