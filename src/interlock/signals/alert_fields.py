"""What one field of an alert may hold. Nothing of a value is ever in a refusal."""

import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Final

from interlock.config.amounts import plain
from interlock.data.pairs import spelled
from interlock.signals.alert_json import Value, Written

SYMBOL_MAX: Final = 64
NAME_MAX: Final = 64  # of a strategy
ID_MAX: Final = 128
DIGITS_MAX: Final = 38
EXPONENT_MAX: Final = 18  # prices and quantities are below 10^18 and no finer than 10^-18
EDGE_MAX_BPS: Final = 100_000
SEQUENCE_MAX: Final = 2**53

_NS_PER_S: Final = 1_000_000_000
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_NUMBER: Final = re.compile(r"-?(0|[1-9][0-9]{0,62})(?:\.([0-9]{1,62}))?(?:[eE]([-+]?[0-9]{1,3}))?")
_WHOLE: Final = re.compile(r"-?(?:0|[1-9][0-9]{0,18})")
_SYMBOL: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/!&^-]*")
_TIME: Final = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2})[Tt ]([0-9]{2}:[0-9]{2}:[0-9]{2})(?:\.([0-9]{1,9}))?"
    r"(Z|z|[-+][0-9]{2}:[0-9]{2})"
)
_EPOCH_DIGITS: Final = {10: _NS_PER_S, 13: 1_000_000, 16: 1_000, 19: 1}  # ns in one of them
_POSITIONS: Final = frozenset({"long", "short", "flat"})


class AlertError(ValueError):
    """An alert cannot be understood.

    Attributes:
        field: Which field, as it was named; "" for the whole.
    """

    def __init__(self, message: str, field: str = "") -> None:
        super().__init__(message)
        self.field = field


def _wrong(name: str, must: str, value: Value) -> AlertError:
    """Return the refusal of one value: what it was is said by its kind only."""
    match value:
        case Written():
            kind = "another number"
        case str():
            kind = "nothing" if not value else "another text"
        case bool():
            kind = "true or false"
        case dict():
            kind = "an object"
        case list():
            kind = "a list"
        case None:
            kind = "null"
    return AlertError(f"{name} must be {must}, was {kind}.", name)


def _digits(value: Value) -> str:
    """Return a number as it was written, in quotes or not."""
    return value.text if isinstance(value, Written) else value if isinstance(value, str) else ""


def amount(name: str, value: Value) -> str:
    """Return a price or a quantity, above 0, as plain digits.

    >>> amount("price", "450.50"), amount("price", Written("5e4"))
    ('450.5', '50000')
    """
    must = (
        f"a number above 0 of at most {EXPONENT_MAX} digits before and after the point (0.5 and "
        "not .5; no spaces, commas or underscores)"
    )
    found = _NUMBER.fullmatch(_digits(value))
    if found is None:
        raise _wrong(name, must, value)
    whole, part, exponent = found[1], found[2] or "", int(found[3] or 0)
    # Judged before it is arithmetic: 1e999 has as many digits as its exponent says.
    if len(whole) + len(part) > DIGITS_MAX or abs(exponent) > DIGITS_MAX:
        raise _wrong(name, must, value)
    number = Decimal(found[0])
    if not Decimal(1).scaleb(-EXPONENT_MAX) <= number < Decimal(1).scaleb(EXPONENT_MAX):
        raise _wrong(name, must, value)
    written = plain(number)
    if len(written.partition(".")[2]) > EXPONENT_MAX:
        raise _wrong(name, must, value)
    return written


def whole(name: str, value: Value, *, low: int, high: int) -> int:
    """Return a whole number of a range.

    >>> whole("sequence", "41", low=0, high=100)
    41
    """
    text = _digits(value)
    if _WHOLE.fullmatch(text) is None or not low <= int(text) <= high:
        raise _wrong(name, f"a whole number from {low} to {high}", value)
    return int(text)


def symbol(name: str, value: Value) -> str:
    """Return a symbol, as the instruments file would spell it."""
    must = f"a symbol such as BTC_USDT or BINANCE:BTCUSDT, at most {SYMBOL_MAX} characters"
    if not isinstance(value, str) or len(value) > SYMBOL_MAX or _SYMBOL.fullmatch(value) is None:
        raise _wrong(name, must, value)
    found = spelled(value)
    if not found:
        raise _wrong(name, must, value)
    return found


def text(name: str, value: Value, *, most: int) -> str:
    """Return a name that people can read; a number counts as its digits."""
    found = _digits(value)
    if not 0 < len(found) <= most or not found.isprintable() or found != found.strip():
        must = f"1 to {most} characters that can be printed, without spaces around them"
        raise _wrong(name, must, value)
    return found


def position(name: str, value: Value) -> str:
    """Return which way a position is."""
    if not isinstance(value, str) or value.lower() not in _POSITIONS:
        raise _wrong(name, "long, short or flat", value)
    return value.lower()


def flag(name: str, value: Value) -> bool:
    """Return a yes or no, in quotes or not."""
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value.lower() in {"true", "false"}:
        return value.lower() == "true"
    raise _wrong(name, "true or false", value)


def time_ns(name: str, value: Value) -> int:
    """Return a moment, in ns since 1970.

    >>> time_ns("time", "1970-01-01T00:00:01Z"), time_ns("time", Written("1700000000"))
    (1000000000, 1700000000000000000)
    """
    written = _digits(value)
    unit = _EPOCH_DIGITS.get(len(written)) if _WHOLE.fullmatch(written) else None
    if unit is not None and int(written) > 0:
        return int(written) * unit
    found = _TIME.fullmatch(written)
    must = "a time such as 2026-11-21T14:30:00Z, or seconds or milliseconds since 1970"
    if found is None:
        raise _wrong(name, must, value)
    zone = "+00:00" if found[4] in {"Z", "z"} else found[4]
    try:
        moment = datetime.fromisoformat(f"{found[1]}T{found[2]}{zone}")
        since = (moment - _EPOCH) // timedelta(seconds=1)
    except (ValueError, OverflowError):
        raise _wrong(name, must, value) from None
    if not 0 <= since < 2**63 // _NS_PER_S:
        raise _wrong(name, must, value)
    return since * _NS_PER_S + int((found[3] or "").ljust(9, "0"))
