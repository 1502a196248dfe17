"""What one row of the audit is: cleaned of everything that could forge a line, hashed to the last.

The form is for ever: ``ops.audit_check`` recomputes it without any of this code.
"""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

DOMAIN: Final = b"interlock.audit.1\n"
GENESIS: Final = hashlib.sha256(DOMAIN + b"genesis").hexdigest()  # what the first row follows
TEXT_MAX: Final = 500  # characters of one text, escaped
DETAILS_MAX: Final = 16_384  # characters of all details
DEPTH_MAX: Final = 6
NS_PER_S: Final = 1_000_000_000

_EVENT_TYPE: Final = re.compile(r"[a-z][a-z_]{0,31}")
_CUT: Final = "..."


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """Something that somebody did, or tried to do.

    Attributes:
        seq: Its place; from 1 on, without a gap.
        ts_ns: When, UTC.
        event_type: A word for programs.
        actor: Who, as ``Actor.name`` has it.
        ip_address: From where; "" when it came over no network.
        action: What.
        success: Whether it was done.
        reason: Why not; or why somebody did it.
        correlation_id: What ties it to others.
        details: Canonical JSON, an object.
        hash: SHA-256 over all of this and the row before, in hexadecimal.
    """

    seq: int
    ts_ns: int
    event_type: str
    actor: str
    ip_address: str
    action: str
    success: bool
    reason: str
    correlation_id: str
    details: str
    hash: str

    def said(self) -> dict[str, Any]:
        """Return it as the file and the API have it."""
        return {
            "kind": "audit",
            "seq": self.seq,
            "timestamp": rfc3339(self.ts_ns),
            "ts_ns": self.ts_ns,
            "event_type": self.event_type,
            "actor": self.actor,
            "ip_address": self.ip_address,
            "action": self.action,
            "success": self.success,
            "reason": self.reason,
            "correlation_id": self.correlation_id,
            "details": json.loads(self.details),
            "hash": self.hash,
        }


def rfc3339(ts_ns: int) -> str:
    """Return a moment in UTC, to the nanosecond.

    >>> rfc3339(1_500_000_000_000_000_001)
    '2017-07-14T02:40:00.000000001Z'
    """
    seconds, rest = divmod(ts_ns, NS_PER_S)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{rest:09}Z"


def canonical(content: Mapping[str, Any]) -> str:
    """Return JSON with sorted keys, no spaces and nothing but ASCII: one text for one meaning."""
    return json.dumps(content, sort_keys=True, separators=(",", ":"), allow_nan=False)


def clean(text: str) -> str:
    r"""Return text as one line that does nothing to a terminal or a file, cut to what fits.

    >>> clean("a\x1b[2J\nb\u2028\ud800")
    'a\\x1b[2J\\nb\\u2028\\ud800'
    """
    found = "".join(
        one if one.isprintable() else one.encode("unicode_escape").decode()
        for one in text[:TEXT_MAX]
    )
    if len(text) <= TEXT_MAX and len(found) <= TEXT_MAX:
        return found
    return found[: TEXT_MAX - len(_CUT)] + _CUT


def _cleaned(value: Any, depth: int = 0) -> Any:
    """Return a value as JSON can hold it, and every text in it clean."""
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, Mapping) and depth < DEPTH_MAX:
        return {clean(str(key)): _cleaned(each, depth + 1) for key, each in value.items()}
    if isinstance(value, list | tuple) and depth < DEPTH_MAX:
        return [_cleaned(each, depth + 1) for each in value]
    return clean(str(value))  # a float too: as text it is the same everywhere


def details_of(content: Mapping[str, Any]) -> str:
    """Return details as a row keeps them: of too many, nothing but that they were too many."""
    found = canonical(_cleaned(content))
    if len(found) > DETAILS_MAX:
        return canonical({"cut": f"details must be at most {DETAILS_MAX}, were {len(found)}"})
    return found


def chained(
    before: str,
    seq: int,
    ts_ns: int,
    event_type: str,
    *,
    actor: str,
    ip: str,
    action: str,
    success: bool,
    reason: str,
    correlation: str,
    details: str,
) -> Row:
    """Return the row that follows one with the hash ``before``."""
    assert _EVENT_TYPE.fullmatch(event_type), "an event type is one lower word"
    content: dict[str, Any] = {
        "seq": seq,
        "ts_ns": ts_ns,
        "event_type": event_type,
        "actor": clean(actor),
        "ip_address": clean(ip),
        "action": clean(action),
        "success": success,
        "reason": clean(reason),
        "correlation_id": clean(correlation),
        "details": details,
    }
    raw = DOMAIN + before.encode() + b"\n" + canonical(content).encode()
    return Row(**content, hash=hashlib.sha256(raw).hexdigest())
