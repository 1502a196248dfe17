"""Attacks on the webhook, as the bytes that are sent, and the only statuses that may come back.

Each ends in a refusal, writes one line of the audit at most, opens nothing, and leaves the process
as it was: whoever runs them sends a good alert afterwards.
"""

import gzip
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

SECRET: Final = "s3cret-of-the-webhook-s3cret"  # noqa: S105 - of the tests
GOOD: Final = {"symbol": "SPY", "price": "450", "action": "BUY"}
FAR: Final = {"X-Forwarded-For": "198.51.100.7"}  # not this machine's own user
JSON: Final = {"Content-Type": "application/json"}
TEXT: Final = {"Content-Type": "text/plain"}

_UNSIGNED: Final = (401,)
_BAD: Final = (422,)
_FRAMING: Final = (400, 408, 413, 414, 431)


@dataclass(frozen=True, slots=True, kw_only=True)
class Attack:
    """One attack.

    Attributes:
        name: What it tries.
        raw: What is sent.
        statuses: What may come back.
    """

    name: str
    raw: bytes
    statuses: tuple[int, ...]


def sent(
    body: bytes | str | dict[str, Any] = b"",
    headers: dict[str, str] | None = None,
    *,
    path: str = "/webhook",
    method: str = "POST",
) -> bytes:
    """Return a request as it goes over the wire, whatever its headers say."""
    raw = json.dumps(body) if isinstance(body, dict) else body
    content = raw.encode("utf-8", "surrogatepass") if isinstance(raw, str) else raw
    found = {"Host": "127.0.0.1", "Connection": "close", **JSON, **(headers or {})}
    lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in found.items())]
    if "Transfer-Encoding" not in found and "Content-Length" not in found:
        lines.append(f"Content-Length: {len(content)}")
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + content


def _strangers() -> Iterator[tuple[str, bytes, tuple[int, ...]]]:
    """Yield what somebody tries who does not know the secret."""
    yield "no secret", sent(GOOD, FAR), _UNSIGNED
    yield "an empty secret", sent({**GOOD, "secret": ""}, FAR), _UNSIGNED
    yield "a wrong secret", sent({**GOOD, "secret": "guess"}, FAR), _UNSIGNED
    yield "the secret's beginning", sent({**GOOD, "secret": SECRET[:-1]}, FAR), _UNSIGNED
    yield "letters beyond ASCII", sent({**GOOD, "secret": "пароль💥"}, FAR), _UNSIGNED
    yield "half a character", sent('{"secret": "\\ud800"}', FAR), _UNSIGNED
    yield "a secret that is a number", sent({**GOOD, "secret": 0}, FAR), _UNSIGNED
    yield "a secret that is true", sent({**GOOD, "secret": True}, FAR), _UNSIGNED
    yield "a secret that is a list", sent({**GOOD, "secret": [SECRET]}, FAR), _UNSIGNED
    yield "a secret that is an object", sent({**GOOD, "secret": {"$ne": ""}}, FAR), _UNSIGNED
    yield "a nested secret", sent({**GOOD, "strategy": {"secret": SECRET}}, FAR), _UNSIGNED
    yield "a secret in the query", sent(GOOD, FAR, path=f"/webhook?secret={SECRET}"), _UNSIGNED
    yield "a secret in a cookie", sent(GOOD, {**FAR, "Cookie": f"secret={SECRET}"}), _UNSIGNED
    yield "a secret as a bearer", sent(GOOD, {**FAR, "Authorization": f"Bearer {SECRET}"}), (401,)
    yield "a wrong token", sent(GOOD, FAR, path="/webhook/guess"), _UNSIGNED
    yield "a token of odd bytes", sent(GOOD, FAR, path="/webhook/%ff%00%f0%9f"), (400, 401)
    yield "a token that climbs", sent(GOOD, FAR, path="/webhook/..%2f..%2fapi%2fkill"), (401, 404)
    yield "a long token", sent(GOOD, FAR, path="/webhook/" + "a" * 9_000), (401, 414, 431)
    yield (
        "two secrets, the first wrong",
        sent('{"secret":"x","secret":"' + SECRET + '"}', FAR),
        (401,),
    )
    yield "a secret behind broken JSON", sent('{"a" 1,"secret":"' + SECRET + '"}', FAR), _UNSIGNED
    yield "a secret behind depth", sent('{"a":' + "[" * 9_000 + '"secret"', FAR), _UNSIGNED
    yield "a secret behind parts", sent('{"a":[' + "1," * 9_000 + "1]", FAR), _UNSIGNED
    yield "words instead of JSON", sent("BUY SPY secret=guess", {**FAR, **TEXT}), _UNSIGNED
    yield "a test with an order in it", sent({"test": "true", **GOOD}, FAR), _UNSIGNED
    yield "nothing", sent(b"", FAR), _UNSIGNED
    for field in ("id", "strategy"):
        told = {**GOOD, "secret": SECRET, field: f"of {SECRET}"}
        yield f"the secret as {field}", sent(told, FAR), _BAD  # it would be kept and shown
    yield "random bytes", sent(bytes(range(256)) * 8, FAR), _UNSIGNED


def _signatures() -> Iterator[tuple[str, bytes, tuple[int, ...]]]:
    """Yield signatures that are none."""
    for name, signature, timestamp in (
        ("no signature", "", "1795271400"),
        ("a signature of zeros", "sha256=" + "0" * 64, "1795271400"),
        ("a short signature", "sha256=00", "1795271400"),
        ("another digest", "sha1=" + "0" * 40, "1795271400"),
        ("a signature with a line", "sha256=" + "0" * 63 + "\x0b", "1795271400"),
        ("odd letters", "\xe4" * 64, "1795271400"),
        ("a time of words", "sha256=" + "0" * 64, "now"),
        ("a time that is huge", "sha256=" + "0" * 64, "9" * 300),
        ("a negative time", "sha256=" + "0" * 64, "-1"),
        ("odd digits", "sha256=" + "0" * 64, "\xb2\xb3"),
    ):
        headers = {"X-Interlock-Signature": signature, "X-Interlock-Timestamp": timestamp}
        yield name, sent(GOOD, {**FAR, **headers}), (400, 401)
    yield "a signature alone", sent(GOOD, {**FAR, "X-Interlock-Signature": "0" * 64}), _UNSIGNED
    yield "a time alone", sent(GOOD, {**FAR, "X-Interlock-Timestamp": "1"}), _UNSIGNED


def _forged() -> Iterator[tuple[str, bytes, tuple[int, ...]]]:
    """Yield what seems to come from somewhere else."""
    for header in (
        "X-Forwarded-For",
        "X-Real-IP",
        "X-Client-IP",
        "True-Client-IP",
        "CF-Connecting-IP",
        "X-Cluster-Client-IP",
    ):
        yield f"{header} of this machine", sent(GOOD, {header: "127.0.0.1"}), _UNSIGNED
    yield "Forwarded", sent(GOOD, {"Forwarded": "for=127.0.0.1;proto=https"}), _UNSIGNED
    yield "X-Forwarded-Host", sent(GOOD, {"X-Forwarded-Host": "localhost"}), _UNSIGNED
    yield "a page of another site", sent(GOOD, {"Origin": "https://evil.example"}), _UNSIGNED
    yield "a page without a site", sent(GOOD, {"Origin": "null"}), _UNSIGNED
    yield "a page of this machine", sent(GOOD, {"Origin": "http://127.0.0.1:5001"}), _UNSIGNED
    yield "a form", sent("symbol=SPY", {"Origin": "https://evil.example"} | _FORM), (415,)
    yield "a name that was bound anew", sent(GOOD, {"Host": "evil.example"}), (421,)
    yield "a host of two names", sent(GOOD, {"Host": "127.0.0.1@evil.example"}), (400, 421)
    yield "a fetch of another site", sent(GOOD, {"Sec-Fetch-Site": "cross-site"}), _UNSIGNED


_FORM: Final = {"Content-Type": "application/x-www-form-urlencoded"}


def _bodies() -> Iterator[tuple[str, bytes, tuple[int, ...]]]:
    """Yield alerts of this machine's own user that no alert may be."""
    for name, body in (
        ("nothing at all", ""),
        ("a list", "[]"),
        ("a text", '"BUY"'),
        ("null", "null"),
        ("NaN", '{"symbol":"SPY","action":"BUY","price":NaN}'),
        ("infinity", '{"symbol":"SPY","action":"BUY","price":-Infinity}'),
        ("a key twice", '{"symbol":"SPY","action":"BUY","action":"SELL"}'),
        ("a key twice in disguise", '{"symbol":"SPY","action":"BUY","\\u0061ction":"SELL"}'),
        ("two names of one field", '{"symbol":"SPY","ticker":"QQQ","action":"BUY"}'),
        (
            "nested and dotted",
            '{"symbol":"SPY","strategy":{"order":{"action":"buy"}},"strategy.order.action":"sell"}',
        ),
        ("two bodies", '{"symbol":"SPY","action":"BUY"}{"symbol":"SPY","action":"SELL"}'),
        ("a prototype", '{"symbol":"SPY","action":"BUY","__proto__":{"admin":true}}'),
        ("an exponent", '{"symbol":"SPY","action":"BUY","price":1e999999999}'),
        ("an exponent in quotes", '{"symbol":"SPY","action":"BUY","price":"1e999999999"}'),
        ("digits", '{"symbol":"SPY","action":"BUY","price":' + "9" * 60_000 + "}"),
        ("digits in quotes", '{"symbol":"SPY","action":"BUY","price":"' + "9" * 60_000 + '"}'),
        ("other digits", '{"symbol":"SPY","action":"BUY","price":"\uff14\uff15\uff10"}'),
        ("underscores", '{"symbol":"SPY","action":"BUY","price":"4_50"}'),
        ("below zero", '{"symbol":"SPY","action":"BUY","quantity":-1}'),
        ("zero", '{"symbol":"SPY","action":"BUY","quantity":0.000}'),
        ("deep lists", '{"symbol":' + "[" * 30_000),
        ("deep objects", '{"a":' * 10_000),
        ("many keys", "{" + ",".join(f'"k{n}":1' for n in range(6_000)) + "}"),
        ("colliding keys", "{" + ",".join(f'"{n * 2**61}":1' for n in range(2_000)) + "}"),
        ("backslashes", '{"symbol":"' + "\\" * 60_000),
        ("quotes", "{" + '"' * 60_000),
        ("spaces", "{" + " " * 60_000),
        ("an action that is none", '{"symbol":"SPY","action":"KILL"}'),
        ("no action", '{"symbol":"SPY","price":"450"}'),
        ("no symbol", '{"action":"BUY","price":"450"}'),
        ("leverage", '{"symbol":"SPY","action":"BUY","leverage":100}'),
        ("who it was", '{"symbol":"SPY","action":"BUY","who":"admin"}'),
        ("a sequence beyond numbers", '{"symbol":"SPY","action":"BUY","sequence":1e30}'),
        ("a year beyond time", '{"symbol":"SPY","action":"BUY","time":"9999-12-31T23:59:59Z"}'),
        ("an old alert", '{"symbol":"SPY","action":"BUY","time":"2020-01-01T00:00:00Z"}'),
        ("an alert to come", '{"symbol":"SPY","action":"BUY","time":"2030-01-01T00:00:00Z"}'),
        ("what a chart says by itself", "SPY Crossing 450.00"),
        ("XML", '<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><a>&b;</a>'),
        ("YAML", "!!python/object/apply:os.system ['id']"),
        ("words without end", "BUY SPY " + "a=b " * 15_000),
    ):
        yield name, sent(body), _BAD


def _letters() -> Iterator[tuple[str, bytes, tuple[int, ...]]]:
    """Yield alerts whose letters mean something to somebody else."""
    for name, body in (
        ("half a character", '{"symbol":"\\ud800","action":"BUY"}'),
        ("raw halves", '{"symbol":"\ud800","action":"BUY"}'),
        ("bytes that are no text", b'{"symbol":"\xff\xfe","action":"BUY"}'),
        ("a mark of order", b'\xef\xbb\xbf{"symbol":"SPY","action":"BUY"}'),
        ("another coding", '{"symbol":"SPY","action":"BUY"}'.encode("utf-16")),
        ("a zero byte", b'{"symbol":"SPY\x00","action":"BUY"}'),
        ("an escaped zero", '{"symbol":"SPY","action":"BUY","id":"a\\u0000b"}'),
        ("a terminal's colours", '{"symbol":"SPY","action":"BUY","id":"\\u001b[31m"}'),
        ("a line of the log", '{"symbol":"SPY","action":"BUY","id":"a\\nb"}'),
        ("a line of another kind", '{"symbol":"SPY","action":"BUY","id":"a\\u2028b"}'),
        ("letters from right to left", '{"symbol":"SPY","action":"BUY","id":"a\\u202eb"}'),
        ("a command of SQL", '{"symbol":"SPY\'; DROP TABLE webhooks;--","action":"BUY"}'),
        ("a page's script", '{"symbol":"<script>alert(1)</script>","action":"BUY"}'),
        ("a path", '{"symbol":"../../etc/passwd","action":"BUY"}'),
        ("a formula", '{"symbol":"=cmd()","action":"BUY"}'),
        ("a template", '{"symbol":"{{7*7}}","action":"BUY"}'),
    ):
        yield name, sent(body), _BAD


def _frames() -> Iterator[tuple[str, bytes, tuple[int, ...]]]:
    """Yield requests that are wrong before they have a body."""
    yield "a body that is too long", sent(b" " * 65_537), (413,)
    yield "a length that is too long", sent(b"{}", {"Content-Length": "99999999999"}), (400, 413)
    yield "a length below zero", sent(b"{}", {"Content-Length": "-2"}), _FRAMING
    yield "a length of words", sent(b"{}", {"Content-Length": "two"}), _FRAMING
    yield "two lengths", sent(b"{}", {"Content-Length": "2", "content-length": "3"}), _FRAMING
    both = {"Content-Length": "2", "Transfer-Encoding": "chunked"}
    yield "a length and chunks", sent(b"2\r\n{}\r\n0\r\n\r\n", both), _FRAMING
    chunks = b"10001\r\n" + b" " * 65_537 + b"\r\n0\r\n\r\n"
    yield "chunks that are too long", sent(chunks, {"Transfer-Encoding": "chunked"}), (400, 413)
    odd = {"Transfer-Encoding": "xchunked"}
    yield "an encoding that is none", sent(b"0\r\n\r\n", odd), _FRAMING
    yield "headers without end", sent(GOOD, {f"X-{n}": "a" * 1_000 for n in range(60)}), (431, 400)
    yield "a packed body", sent(gzip.compress(b"{}"), {**FAR, "Content-Encoding": "gzip"}), (415,)
    yield "another kind", sent(GOOD, {**FAR, "Content-Type": "application/xml"}), (415,)
    yield (
        "another charset",
        sent(GOOD, {**FAR, "Content-Type": "text/plain; charset=utf-7"}),
        (415,),
    )
    for method, statuses in (
        ("GET", (405,)),
        ("PUT", (405,)),
        ("TRACE", (405,)),
        ("PRI", (400, 405)),
    ):
        yield f"method {method}", sent(b"", method=method), statuses
    yield "a path below", sent(GOOD, path=f"/webhook/{SECRET}/x"), (404,)
    yield "another path", sent(GOOD, path="/webhook/"), (401, 404)
    yield "capitals", sent(GOOD, path="/WEBHOOK"), (404,)


ATTACKS: Final = tuple(
    Attack(name=f"{group.__name__[1:]}: {name}", raw=raw, statuses=statuses)
    for group in (_strangers, _signatures, _forged, _bodies, _letters, _frames)
    for name, raw, statuses in group()
)
