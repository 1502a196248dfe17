"""Attacks by the way a request comes: pages of other sites, names, proxies, methods and paths."""

from collections.abc import Awaitable, Iterator
from typing import Any, Final

from interlock.service.people.guard import COOKIE
from interlock.service.permissions import Permission, Role
from tests.service.attacks.stage import Answers, Begin, Case, Stage
from tests.service.people.world import PASSWORD, SHELL

HERE: Final = {
    "X-Interlock": "1",
    "Sec-Fetch-Site": "same-origin",
    "Content-Type": "application/json",
}
KILL: Final = b'{"mode":"immediate","reason":"x"}'
FORM: Final = "application/x-www-form-urlencoded"
PARTS: Final = "multipart/form-data; boundary=x"


def _forged(headers: dict[str, str], content: bytes = KILL, path: str = "/api/kill") -> Begin:
    """Return a kill that another site's page makes the browser of a stepped-up person send."""

    async def begin(stage: Stage) -> Awaitable[Answers]:
        browser, _ = await stage.person(stepped_up=True)
        return stage.raw("POST", path, headers, content, browser=browser)

    return begin


def _without(*names: str, **more: str) -> dict[str, str]:
    found = {name: value for name, value in HERE.items() if name not in names}
    return found | {name.replace("_", "-"): value for name, value in more.items()}


_FORGED: Final[dict[str, Begin]] = {
    "a form": _forged(_without(Content_Type=FORM), b"mode=immediate&reason=x"),
    "a form that is JSON": _forged(_without(Content_Type=FORM)),
    "a form with a file": _forged(_without(Content_Type=PARTS), b"--x\r\n\r\n--x--"),
    "plain text": _forged(_without(Content_Type="text/plain")),
    "plain text that says JSON": _forged(_without(Content_Type="text/plain; application/json")),
    "two kinds": _forged(_without(Content_Type="text/plain, application/json")),
    "almost JSON": _forged(_without(Content_Type="application/jsonx")),
    "no kind": _forged(_without("Content-Type")),
    "a beacon": _forged({"Content-Type": "text/plain", "Origin": "https://evil.example"}),
    "no header of ours": _forged(_without("X-Interlock")),
    "a header of ours that says no": _forged(_without(X_Interlock="0")),
    "a header of ours that is empty": _forged(_without(X_Interlock="")),
    "a header of ours twice": _forged(_without(X_Interlock="1, 1")),
    "another origin": _forged(_without(Origin="https://evil.example")),
    "an origin of null": _forged(_without(Origin="null")),
    "an empty origin": _forged(_without(Origin="")),
    "this host by TLS": _forged(_without(Origin="https://127.0.0.1:5001")),
    "this host at another port": _forged(_without(Origin="http://127.0.0.1:5002")),
    "a host below ours": _forged(_without(Origin="http://127.0.0.1:5001.evil.example")),
    "a user of another host": _forged(_without(Origin="http://127.0.0.1:5001@evil.example")),
    "an origin with a path": _forged(_without(Origin="http://127.0.0.1:5001/")),
    "two origins": _forged(_without(Origin="http://127.0.0.1:5001 https://evil.example")),
    "a fetch of another site": _forged(_without(Sec_Fetch_Site="cross-site")),
    "a fetch of a sister site": _forged(_without(Sec_Fetch_Site="same-site")),
    "a fetch of nobody": _forged(_without(Sec_Fetch_Site="none")),
    "a fetch that says nothing": _forged(_without("Sec-Fetch-Site")),
    "a fetch in capitals": _forged(_without(Sec_Fetch_Site="SAME-ORIGIN")),
    "a token that is none": _forged(_without("X-Interlock", Authorization="Bearer x")),
    "a scheme that is none": _forged(_without("X-Interlock", Authorization="Basic YTph")),
    "a clear by a form": _forged(_without(Content_Type=FORM), b"reason=x", path="/api/kill/clear"),
    "a token made by another site": _forged(
        _without(Origin="https://evil.example"), b"{}", path="/api/tokens"
    ),
}


async def _login_form(stage: Stage) -> Awaitable[Answers]:
    """Sign a victim in as somebody else, so that what they do is seen."""
    _, member = await stage.person()
    code = stage.world.code(member)
    body = f"name={member.name}&password={PASSWORD}&code={code}".encode()
    return stage.raw("POST", "/api/session", _without(Content_Type=FORM), body)


async def _login_elsewhere(stage: Stage) -> Awaitable[Answers]:
    _, member = await stage.person()
    body = stage.login(member)
    return stage.stranger().post("/api/session", body, Origin="https://evil.example")


async def _logout_elsewhere(stage: Stage) -> Awaitable[Answers]:
    browser, _ = await stage.person()
    return browser.send("DELETE", "/api/session", Sec_Fetch_Site="cross-site")


def _as_somebody(
    method: str, path: str, body: Any = None, role: Role = Role.RISK_MANAGER, **headers: str
) -> Begin:
    """Return a request of somebody who is signed in and has stepped up."""

    async def begin(stage: Stage) -> Awaitable[Answers]:
        browser, _ = await stage.person(role, stepped_up=True)
        return browser.send(method, path, body, **headers)

    return begin


_METHODS: Final[dict[str, tuple[Begin, tuple[int, ...]]]] = {
    "login by a form": (_login_form, (415,)),
    "login by another site": (_login_elsewhere, (403,)),
    "logout by another site": (_logout_elsewhere, (403,)),
    "a kill by GET": (_as_somebody("GET", "/api/kill?mode=immediate&reason=x"), (400,)),
    "a kill by HEAD": (_as_somebody("HEAD", "/api/kill"), (405,)),
    "a kill by PUT": (_as_somebody("PUT", "/api/kill", {}), (405,)),
    "a kill by PATCH": (_as_somebody("PATCH", "/api/kill", {}), (405,)),
    "a kill by OPTIONS": (_as_somebody("OPTIONS", "/api/kill"), (405,)),
    "a clear by GET": (_as_somebody("GET", "/api/kill/clear?reason=x"), (405,)),
    "another site asks what it may": (
        _as_somebody(
            "OPTIONS",
            "/api/kill",
            Origin="https://evil.example",
            Access_Control_Request_Method="POST",
        ),
        (405,),
    ),
    "a method in a header": (
        _as_somebody("GET", "/api/kill", X_HTTP_Method_Override="POST"),
        (200,),
    ),
    "a method in another header": (_as_somebody("GET", "/api/kill", X_Method="POST"), (200,)),
    "a method in the query": (_as_somebody("GET", "/api/kill?_method=POST"), (400,)),
    "a path in a header": (
        _as_somebody("GET", "/api/session", X_Original_URL="/api/kill/clear"),
        (200,),
    ),
    "TRACE": (_as_somebody("TRACE", "/api/session"), (405,)),
    "CONNECT": (_as_somebody("CONNECT", "/api/session"), (405,)),
    "a method of letters": (_as_somebody("KILL", "/api/kill", {}), (405,)),
}

_HOSTS: Final = (
    *("evil.example", "localhost.evil.example", "127.0.0.1.evil.example", "localhost@evil.example"),
    *("127.0.0.1:5001@evil.example", "[::1].evil.example", "evil.example:5001", "0.0.0.0:5001"),
    *("127.0.0.1,evil.example", "evil.example#127.0.0.1", "evil.example/127.0.0.1", "192.168.0.1"),
    *("localhost:99999999", "localhost:port", "2130706433", "0x7f.1", "localhost.", "a" * 300),
)
_FORWARDED: Final = (
    ("X-Forwarded-For", "127.0.0.1"),
    ("X-Forwarded-For", "127.0.0.1, 127.0.0.1"),
    ("X-Forwarded-For", "::1"),
    ("X-Forwarded-Host", "localhost"),
    ("X-Forwarded-Proto", "https"),
    ("Forwarded", "for=127.0.0.1"),
    ("X-Real-IP", "127.0.0.1"),
    ("X-Client-IP", "127.0.0.1"),
    ("True-Client-IP", "127.0.0.1"),
    ("CF-Connecting-IP", "127.0.0.1"),
    ("X-Cluster-Client-IP", "127.0.0.1"),
    ("Via", "1.1 localhost"),
)


def _names() -> Iterator[Case]:
    """Yield requests whose Host, or whose proxy, is not what it says."""
    for host in _HOSTS:
        for path in ("/metrics", "/api/overview"):

            async def bound(stage: Stage, host: str = host, path: str = path) -> Awaitable[Answers]:
                browser, _ = await stage.person()
                headers = {"Host": host}
                return stage.raw("GET", path, headers, browser=browser, address="127.0.0.1")

            yield Case(name=f"{path} of host {host[:40]}", begin=bound, statuses=(421,))
    for name, value in _FORWARDED:

        async def claims(stage: Stage, name: str = name, value: str = value) -> Awaitable[Answers]:
            return stage.raw("GET", "/metrics", {name: value})

        async def comes_through(
            stage: Stage, name: str = name, value: str = value
        ) -> Awaitable[Answers]:
            return stage.raw("GET", "/metrics", {name: value}, address="127.0.0.1")

        yield Case(name=f"{name}: {value} from elsewhere", begin=claims, statuses=(401,))
        yield Case(name=f"{name}: {value} by a proxy here", begin=comes_through, statuses=(401,))


def _local(method: str, path: str, body: bytes = b"", **headers: str) -> Begin:
    """Return what a page, or a program without a person, tries on this very machine."""

    async def begin(stage: Stage) -> Awaitable[Answers]:
        said = {name.replace("_", "-"): value for name, value in headers.items()}
        return stage.raw(method, path, said, body, address="127.0.0.1")

    return begin


_PROBE: Final = b'{"symbol":"SPY","side":"BUY","price":1,"quantity":1,"is_margin":false}'
_LOCAL: Final[dict[str, Begin]] = {
    "reads numbers from another site": _local("GET", "/metrics", Sec_Fetch_Site="cross-site"),
    "probes from another site": _local(
        "POST", "/api/risk/probe", _PROBE, Origin="https://evil.example"
    ),
    "probes from a page of null": _local("POST", "/api/risk/probe", _PROBE, Origin="null"),
    "looks": _local("GET", "/api/overview"),
    "kills": _local("POST", "/api/kill", KILL, **{k.replace("-", "_"): v for k, v in HERE.items()}),
    "reads the audit": _local("GET", "/api/audit"),
    "lists people": _local("GET", "/api/people"),
    "follows": _local("GET", "/api/events"),
}


def _bearer(make: str, path: str = "/api/overview", method: str = "GET") -> Begin:
    """Return a request with something in place of a token."""

    async def begin(stage: Stage) -> Awaitable[Answers]:
        name, secret = stage.token(Permission.SEE_DASHBOARD)
        if make == "revoked":
            stage.people.managing.revoke_token(name, SHELL)
        if make == "ended":
            stage.world.wait(2 * 86_400)
        header = {
            "cut": f"Bearer {secret[:-1]}",
            "basic": f"Basic {secret}",
            "bare": secret,
            "twice": f"Bearer {secret} {secret}",
            "guessed": "Bearer " + "A" * len(secret),
            "long": "Bearer " + "A" * 12_000,
            "odd": "Bearer \udcff\udcfe",
        }.get(make, f"Bearer {secret}")
        if make == "cookie":
            return stage.raw(method, path, {"Cookie": f"{COOKIE}={secret}"})
        if make == "query":
            return stage.raw(method, f"{path}?token={secret}&access_token={secret}", {})
        body = b"{}" if method == "POST" else b""
        return stage.raw(method, path, {**HERE, "Authorization": header}, body)

    return begin


_WORTHLESS: Final = (
    *("revoked", "ended", "cut", "basic", "bare", "twice", "guessed", "long", "odd"),
    *("cookie", "query"),
)
_TOKENS: Final[dict[str, tuple[Begin, tuple[int, ...]]]] = {
    **{f"a token that is {make}": (_bearer(make), (401,)) for make in _WORTHLESS},
    "a token that may only look kills": (_bearer("", "/api/kill", "POST"), (403,)),
    "a token that may only look clears": (_bearer("", "/api/kill/clear", "POST"), (403,)),
    "a token as a person": (_bearer("", "/api/session"), (403,)),
    "a token lists tokens": (_bearer("", "/api/tokens"), (403,)),
    "a token steps up": (_bearer("", "/api/step-up", "POST"), (403,)),
    "a token changes a password": (_bearer("", "/api/session/password", "POST"), (403,)),
}

_PATHS: Final = (
    *("/api/kill/", "/API/KILL", "/api//kill", "/api/./kill", "/api/people/../kill"),
    *("/api/kill;a=b", "/api/kill%20", "/api/kill%00", "/api/kill%2f", "/api%2fkill", "/api/kill~"),
    *("/api\\kill", "/api/kill.json", "/api/kill%0a", "/%61pi/kill", "/api/%6bill", "/api/k%69ll"),
    *("/api/%256bill", "/api/kill%c0%af", "/.%2e/api/kill", "/static/../api/kill"),
    *("/api/people/ada%2fdisable", "/api/people/%2e%2e/kill", "/healthz/../api/kill"),
    *("/metrics/", "/METRICS", "/metrics%00", "/api/overview/", "/login/../api/overview"),
)


def _paths() -> Iterator[Case]:
    """Yield other spellings of paths that strangers may not use."""
    for path in _PATHS:

        async def begin(stage: Stage, path: str = path) -> Awaitable[Answers]:
            stranger = stage.stranger()
            return _all(
                [stranger.get(path), stranger.post(path, {"mode": "immediate", "reason": "x"})]
            )

        yield Case(name=f"a stranger at {path}", begin=begin, statuses=(400, 401, 404, 405))


async def _all(attempts: list[Any]) -> Answers:
    return [await one for one in attempts]


_PAGES: Final[dict[str, tuple[Begin, tuple[int, ...]]]] = {
    **{
        f"a stranger opens {path}": (_local("GET", path), (302,))
        for path in ("/", "/orders", "/kill", "/audit", "/people", "/account", "/chart/SPY")
    },
    "an auditor opens the kill": (_as_somebody("GET", "/kill", role=Role.AUDITOR), (403,)),
    "a quant opens people": (_as_somebody("GET", "/people", role=Role.QUANT), (403,)),
    "an operator opens the audit": (_as_somebody("GET", "/audit", role=Role.TRADING_OPS), (403,)),
    "a risk manager opens people": (_as_somebody("GET", "/people"), (403,)),
}


def _table(prefix: str, table: dict[str, tuple[Begin, tuple[int, ...]]]) -> Iterator[Case]:
    for name, (begin, statuses) in table.items():
        yield Case(name=f"{prefix}{name}", begin=begin, statuses=statuses)


FORGED: Final = tuple(
    Case(name=f"forged: {name}", begin=begin, statuses=(401, 403, 415))
    for name, begin in _FORGED.items()
)
CASES: Final = (
    *FORGED,
    *_table("", _METHODS),
    *_names(),
    *(Case(name=f"here: {name}", begin=one, statuses=(401, 403)) for name, one in _LOCAL.items()),
    *_table("", _TOKENS),
    *_paths(),
    *_table("", _PAGES),
)
