"""What of a body is looked at before anybody knows who sent it: its secret, and if it tests."""

import re
from typing import Final

from interlock.signals.alert_json import BYTES_MAX, JsonError, Scanner
from interlock.signals.alert_words import WORDS_MAX, words_of

SECRET: Final = "secret"  # noqa: S105 - the name of the field
PING_MAX: Final = 64  # bytes of a test that anybody may send

_NAME: Final = SECRET.encode()
_PING: Final = re.compile(rb'\s*+\{\s*+"test"\s*+:\s*+(?:"true"|true)\s*+\}\s*+')


def find_secret(body: bytes) -> bytes | None:
    """Return the secret that a body carries; None when it has none, or is nothing that is read.

    One pass, which ends at the secret: other values are passed over and not read. Of two secrets
    the first counts here, and the body is refused when it is read.

    >>> find_secret(b'{"symbol": {"secret": "no"}, "secret": "yes"}'), find_secret(b"BUY secret=x")
    (b'yes', b'x')
    """
    if len(body) > BYTES_MAX or (_NAME not in body and b"\\" not in body):
        return None
    try:
        scanner = Scanner(body)
        if scanner.peek() == b"{":
            return _in_object(scanner)
        return _in_words(body)
    except JsonError:
        return None


def _in_object(scanner: Scanner) -> bytes | None:
    scanner.take(b"{")
    while scanner.peek() == b'"':
        name = scanner.text()
        scanner.take(b":")
        if name == SECRET:
            return scanner.text().encode()
        scanner.skip()
        if scanner.peek() != b",":
            return None
        scanner.take(b",")
    return None


def _in_words(body: bytes) -> bytes | None:
    for word in words_of(body)[:WORDS_MAX]:
        name, equals, value = word.partition("=")
        if equals and name == SECRET:
            return value.encode()
    return None


def is_ping(body: bytes) -> bool:
    """Return whether a body only asks whether somebody listens.

    >>> is_ping(b'{"test": "true"}'), is_ping(b'{"test": true, "symbol": "SPY"}')
    (True, False)
    """
    return len(body) <= PING_MAX and _PING.fullmatch(body) is not None
