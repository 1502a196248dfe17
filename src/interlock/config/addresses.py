"""Addresses in settings: the journal's database, and where traces go. Never with a password.

What is refused is never repeated in a message: there may be a password in it.
"""

from typing import Final
from urllib.parse import SplitResult, parse_qsl, urlsplit

from interlock.config.errors import bad_value
from interlock.config.words import Text

POSTGRESQL: Final = "postgresql"

_LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})
_SECRETS: Final = frozenset({"password", "passfile", "sslpassword"})
_JOURNAL_WORDS: Final = "nothing (SQLite in the home), or postgresql://user@host/database"
_COLLECTOR_WORDS: Final = "nothing (off), or https://host:port; http:// on this machine alone"


def _split(value: str) -> SplitResult | None:
    """Return the parts of an address, or None when it is none."""
    try:
        parts = urlsplit(value)
        parts.port  # noqa: B018 - raises for a port that is no number
    except ValueError:
        return None
    return parts


def _journal(value: str) -> str:
    if not value:
        return value
    parts = _split(value)
    if parts is None or parts.scheme != POSTGRESQL or not parts.path.strip("/"):
        raise bad_value(f"must be {_JOURNAL_WORDS}, was something else")
    options = dict(parse_qsl(parts.query))
    if parts.password or _SECRETS & options.keys():
        raise bad_value(
            "must not have a password in it, was one that has: everybody who reads the "
            "configuration or a log would read it. Put it in journal.password_file (mode 0600), "
            "in ~/.pgpass or where PGPASSFILE says"
        )
    if not parts.hostname and "host" not in options:
        raise bad_value(f"must be {_JOURNAL_WORDS}, was one without a host")
    return value


def _collector(value: str) -> str:
    if not value:
        return value
    parts = _split(value)
    if parts is None or parts.scheme not in {"http", "https"} or not parts.hostname:
        raise bad_value(f"must be {_COLLECTOR_WORDS}, was something else")
    if parts.username or parts.password or parts.query or parts.fragment:
        raise bad_value("must be an address alone, was one with a user, a query or a fragment")
    if parts.scheme == "http" and parts.hostname not in _LOOPBACK:
        raise bad_value(
            f"must be https:// for another machine, was http:// to {parts.hostname}: traces name "
            "orders and positions"
        )
    return value


JOURNAL_URL: Final = Text(words=_JOURNAL_WORDS, check=_journal)
COLLECTOR_URL: Final = Text(words=_COLLECTOR_WORDS, check=_collector)


def shown_address(url: str) -> str:
    """Return an address for people: without what follows the database, and without a password.

    >>> shown_address("postgresql://me@db:5432/trading?sslmode=require")
    'postgresql://me@db:5432/trading'
    """
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    user = f"{parts.username}@" if parts.username else ""
    return f"{parts.scheme}://{user}{host}{parts.path}"
