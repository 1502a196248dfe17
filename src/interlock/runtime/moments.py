"""Moments as other programs read them."""

from datetime import UTC, datetime
from typing import Final

_NS: Final = 10**9


def rfc3339(ts_ns: int) -> str:
    """Return a moment in UTC, with as much of the part below a second as there is.

    >>> rfc3339(1_700_000_000_000_000_000), rfc3339(1_700_000_000_500_000_000)
    ('2023-11-14T22:13:20Z', '2023-11-14T22:13:20.5Z')
    """
    seconds, part = divmod(ts_ns, _NS)
    text = datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    below = f".{part:09d}".rstrip("0") if part else ""
    return f"{text}{below}Z"
