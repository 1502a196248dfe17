"""The short form of an alert: ``BUY BTC_USDT price=50000 quantity=0.01 id=7``."""

from typing import Final

from interlock.signals.alert_json import TEXT_MAX, JsonError

WORDS_MAX: Final = 32
FORM: Final = "ACTION SYMBOL name=value ..., such as BUY BTC_USDT price=50000 quantity=0.01 id=7"

_BYTES_MAX: Final = 4_096  # of this form; a person types it
_ACTION: Final = "action"
_SYMBOL: Final = "symbol"


def words_of(body: bytes) -> list[str]:
    """Return the words of a text.

    Raises:
        JsonError: It is too long for one, or no text.
    """
    if len(body) > _BYTES_MAX:
        raise JsonError(f"must be JSON, or {FORM} of at most {_BYTES_MAX} bytes")
    try:
        return body.decode("ascii").split()
    except UnicodeDecodeError:
        raise JsonError(f"must be JSON, or {FORM}, in plain letters (ASCII)") from None


def fields_of(body: bytes) -> dict[str, str]:
    """Return the fields of the short form, by name.

    Raises:
        JsonError: It is not that form.

    >>> fields_of(b"SELL SPY price=450")
    {'action': 'SELL', 'symbol': 'SPY', 'price': '450'}
    """
    words = words_of(body)
    if not 2 <= len(words) <= WORDS_MAX or "=" in words[0] or "=" in words[1]:  # noqa: PLR2004
        raise JsonError(f"must be JSON, or {FORM}")
    found = {_ACTION: words[0], _SYMBOL: words[1]}
    for word in words[2:]:
        name, equals, value = word.partition("=")
        if not (equals and name and value) or len(value) > TEXT_MAX:
            raise JsonError(f"must be {FORM}: each word after the symbol has a name and a value")
        if name in found:
            raise JsonError("must name each value once, and named one twice")
        found[name] = value
    return found
