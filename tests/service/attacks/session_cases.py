"""Attacks on sessions: cookies that were planted, kept or taken, and rights that have gone."""

from collections.abc import Awaitable, Callable
from typing import Any, Final

from interlock.service.people.guard import COOKIE
from interlock.service.permissions import Role
from tests.service.attacks.stage import Answers, Begin, Case, Stage
from tests.service.people.world import PASSWORD, SHELL, Browser, Member

NOT_IN: Final = (401,)
NOT_ALLOWED: Final = (403,)
OTHER_PASSWORD: Final = "another long walk in the rain"  # noqa: S105

Do = Callable[[Stage, Browser, Member], Awaitable[Any]]


def _after(do: Do, path: str = "/api/session", role: Role = Role.RISK_MANAGER) -> Begin:
    """Return an attack with a copy of a browser's cookies, once something has happened."""

    async def begin(stage: Stage) -> Awaitable[Answers]:
        browser, member = await stage.person(role)
        thief = stage.stolen(browser)
        await do(stage, browser, member)
        return thief.get(path)

    return begin


async def _signs_out(_stage: Stage, browser: Browser, _member: Member) -> None:
    assert (await browser.send("DELETE", "/api/session")).status_code == 200


async def _steps_up(stage: Stage, browser: Browser, member: Member) -> None:
    await stage.world.step_up(browser, member)


async def _changes_password(stage: Stage, _browser: Browser, member: Member) -> None:
    elsewhere = stage.stranger()
    assert (await elsewhere.post("/api/session", stage.login(member))).status_code == 200
    await stage.world.step_up(elsewhere, member)
    body = {"old": PASSWORD, "new": OTHER_PASSWORD}
    assert (await elsewhere.post("/api/session/password", body)).status_code == 200


async def _is_disabled(stage: Stage, _browser: Browser, member: Member) -> None:
    stage.people.managing.disable(member.name, SHELL)


async def _was_disabled(stage: Stage, browser: Browser, member: Member) -> None:
    await _is_disabled(stage, browser, member)
    stage.people.managing.enable(member.name, SHELL)


async def _is_reset(stage: Stage, _browser: Browser, member: Member) -> None:
    stage.people.managing.reset(member.name, SHELL)


async def _is_ended(stage: Stage, _browser: Browser, member: Member) -> None:
    stage.people.managing.end_sessions(member.name, SHELL)


async def _all_are_ended(stage: Stage, _browser: Browser, _member: Member) -> None:
    stage.people.managing.end_sessions(None, SHELL)


async def _ends_it_elsewhere(stage: Stage, browser: Browser, member: Member) -> None:
    name = (await browser.get("/api/session")).json()["session"]
    elsewhere = stage.stranger()
    await elsewhere.post("/api/session", stage.login(member))
    assert (await elsewhere.send("DELETE", f"/api/sessions/{name}")).status_code == 200


async def _is_idle(stage: Stage, _browser: Browser, _member: Member) -> None:
    stage.world.wait(15 * 60)


async def _is_idle_with_a_page_open(stage: Stage, browser: Browser, _member: Member) -> None:
    for _ in range(15):
        stage.world.wait(60)
        await browser.get("/api/session", X_Interlock_Background="1")


async def _is_used_for_twelve_hours(stage: Stage, browser: Browser, _member: Member) -> None:
    for _ in range(12 * 6):
        stage.world.wait(10 * 60)
        await browser.get("/api/session")


async def _shows_wrong_codes(stage: Stage, browser: Browser, _member: Member) -> None:
    for _ in range(5):
        await browser.post("/api/step-up", {"code": "000000"})
    assert (await browser.get("/api/session")).status_code == 401
    del stage


async def _signs_in_ten_times(stage: Stage, _browser: Browser, member: Member) -> None:
    for _ in range(10):
        elsewhere = stage.stranger()
        assert (await elsewhere.post("/api/session", stage.login(member))).status_code == 200


async def _becomes_an_auditor(stage: Stage, _browser: Browser, member: Member) -> None:
    stage.people.managing.set_role(member.name, Role.AUDITOR, SHELL)


_ENDED: Final[dict[str, tuple[Begin, tuple[int, ...]]]] = {
    "after signing out": (_after(_signs_out), NOT_IN),
    "after a step-up: the secret before it": (_after(_steps_up), NOT_IN),
    "after a changed password": (_after(_changes_password), NOT_IN),
    "of somebody who is disabled": (_after(_is_disabled), NOT_IN),
    "of somebody who was disabled and is back": (_after(_was_disabled), NOT_IN),
    "of somebody whose login was reset": (_after(_is_reset), NOT_IN),
    "after an administrator ended it": (_after(_is_ended), NOT_IN),
    "after an administrator ended all": (_after(_all_are_ended), NOT_IN),
    "after its owner ended it elsewhere": (_after(_ends_it_elsewhere), NOT_IN),
    "after a quarter of an hour": (_after(_is_idle), NOT_IN),
    "after a quarter of an hour with a page open": (_after(_is_idle_with_a_page_open), NOT_IN),
    "after twelve hours of use": (_after(_is_used_for_twelve_hours), NOT_IN),
    "after five wrong codes": (_after(_shows_wrong_codes), NOT_IN),
    "after ten others": (_after(_signs_in_ten_times), NOT_IN),
    "after the role went: an answer": (_after(_becomes_an_auditor, "/api/overview"), NOT_ALLOWED),
    "after the role went: a stream": (_after(_becomes_an_auditor, "/api/events"), NOT_ALLOWED),
    "after the role went: a page": (_after(_becomes_an_auditor, "/orders"), NOT_ALLOWED),
    "after signing out: a page": (_after(_signs_out, "/orders"), (302,)),
    "after signing out: a stream": (_after(_signs_out, "/api/events"), NOT_IN),
    "after signing out: an export": (_after(_signs_out, "/api/orders/export.csv"), NOT_IN),
}


def _with(path: str, method: str = "POST", body: Any = None, role: Role = Role.ADMIN) -> Begin:
    """Return an attack of somebody who took a session over, and has no second factor."""

    async def begin(stage: Stage) -> Awaitable[Answers]:
        browser, _ = await stage.person(role)
        return stage.stolen(browser).send(method, path, body)

    return begin


_REASON: Final = {"reason": "x"}
_TAKEN: Final[dict[str, Begin]] = {
    "kills": _with("/api/kill", body={"mode": "immediate", **_REASON}),
    "kills with a guess": _with("/api/kill", body={"mode": "graceful", **_REASON, "code": "1" * 6}),
    "clears a kill": _with("/api/kill/clear", body=_REASON),
    "loosens": _with("/api/reload", body={"loosen": True, **_REASON}),
    "resumes": _with("/api/resume", body={"cause": "DAILY_LOSS", **_REASON}),
    "makes somebody": _with("/api/people", body={"name": "mallory", "role": "admin"}),
    "makes itself more": _with("/api/people/ada/role", body={"role": "admin"}),
    "disables the others": _with("/api/people/ada/disable", body={}),
    "resets another": _with("/api/people/ada/reset", body={}),
    "makes a token": _with(
        "/api/tokens", body={"name": "back-door", "permissions": ["kill"], "days": 365}
    ),
    "changes the password": _with(
        "/api/session/password", body={"old": "guess", "new": OTHER_PASSWORD}
    ),
    "takes recovery codes": _with("/api/session/recovery-codes", body={}),
    "ends everybody's sessions": _with("/api/sessions", "DELETE"),
    "ends another's sessions": _with("/api/people/ada/sessions", "DELETE"),
}


def _cookie(make: Callable[[Browser], str], statuses: tuple[int, ...] = NOT_IN) -> Case:
    """Return an attack with cookies made of those of somebody who is signed in."""

    async def begin(stage: Stage) -> Awaitable[Answers]:
        browser, _ = await stage.person()
        return stage.raw("GET", "/api/session", {"Cookie": make(browser)})

    return Case(name="", begin=begin, statuses=statuses)


_COOKIES: Final[dict[str, Case]] = {
    "empty": _cookie(lambda _: f"{COOKIE}="),
    "of spaces": _cookie(lambda _: f"{COOKIE}=   "),
    "without its prefix": _cookie(lambda one: f"interlock={one.cookies[COOKIE]}"),
    "in small letters": _cookie(lambda one: f"{COOKIE.lower()}={one.cookies[COOKIE]}"),
    "cut": _cookie(lambda one: f"{COOKIE}={one.cookies[COOKIE][:-1]}"),
    "longer": _cookie(lambda one: f"{COOKIE}={one.cookies[COOKIE]}A"),
    "in capitals": _cookie(lambda one: f"{COOKIE}={one.cookies[COOKIE].swapcase()}"),
    "of 15 KB": _cookie(lambda _: f"{COOKIE}={'A' * 15_000}"),
    "of odd letters": _cookie(lambda _: f"{COOKIE}=\xe4\xf6\xfc"),
    "of SQL": _cookie(lambda _: f"{COOKIE}=' OR '1'='1"),
    "of the device alone": _cookie(
        lambda one: "; ".join(f"{k}={v}" for k, v in one.cookies.items() if k != COOKIE)
    ),
    "of the device as the session": _cookie(
        lambda one: f"{COOKIE}={one.cookies['__Host-interlock-device']}"
    ),
    "hundreds of them": _cookie(lambda _: "; ".join(f"{COOKIE}={n}" for n in range(300))),
}


async def _fixated(stage: Stage) -> Awaitable[Answers]:
    """Plant a cookie in a browser before its owner signs in."""
    _, member = await stage.person()
    victim = stage.stranger()
    victim.cookies[COOKIE] = planted = "A" * 43
    assert (await victim.post("/api/session", stage.login(member))).status_code == 200
    thief = stage.stranger()
    thief.cookies[COOKIE] = planted
    return thief.get("/api/session")


async def _fixated_with_a_living_one(stage: Stage) -> Awaitable[Answers]:
    """Plant one's own session; who signs in with it is in a session of their own."""
    mine, _ = await stage.person(Role.AUDITOR)
    _, member = await stage.person(Role.ADMIN)
    victim = stage.stranger()
    victim.cookies[COOKIE] = mine.cookies[COOKIE]
    assert (await victim.post("/api/session", stage.login(member))).status_code == 200
    return stage.stolen(mine).get("/api/overview")


async def _in_the_query(stage: Stage) -> Awaitable[Answers]:
    browser, _ = await stage.person()
    secret = browser.cookies[COOKIE]
    return stage.stranger().get(f"/api/session?{COOKIE}={secret}&session={secret}")


async def _by_its_id(stage: Stage) -> Awaitable[Answers]:
    browser, _ = await stage.person()
    thief = stage.stranger()
    thief.cookies[COOKIE] = (await browser.get("/api/session")).json()["session"]
    return thief.get("/api/session")


async def _as_a_bearer(stage: Stage) -> Awaitable[Answers]:
    browser, _ = await stage.person()
    secret = browser.cookies[COOKIE]
    return stage.stranger().get("/api/session", Authorization=f"Bearer {secret}")


async def _of_another(stage: Stage) -> Awaitable[Answers]:
    mine, _ = await stage.person(Role.QUANT)
    theirs, _ = await stage.person(Role.RISK_MANAGER)
    name = (await theirs.get("/api/session")).json()["session"]
    return mine.send("DELETE", f"/api/sessions/{name}")


async def _a_step_up_of_another_session(stage: Stage) -> Awaitable[Answers]:
    browser, member = await stage.person(stepped_up=True)
    second = stage.stranger()
    assert (await second.post("/api/session", stage.login(member))).status_code == 200
    assert (await browser.get("/api/session")).json()["stepped_up_until"]
    return second.post("/api/kill", {"mode": "graceful", "reason": "x"})


async def _an_old_step_up(stage: Stage) -> Awaitable[Answers]:
    browser, _ = await stage.person(stepped_up=True)
    stage.world.wait(5 * 60)
    return browser.post("/api/kill/clear", _REASON)


CASES: Final = (
    *(
        Case(name=f"a cookie {name}", begin=begin, statuses=statuses)
        for name, (begin, statuses) in _ENDED.items()
    ),
    *(
        Case(name=f"a session that was taken over {name}", begin=begin, statuses=NOT_ALLOWED)
        for name, begin in _TAKEN.items()
    ),
    *(
        Case(name=f"a cookie: {name}", begin=case.begin, statuses=(400, 401, 431))
        for name, case in _COOKIES.items()
    ),
    Case(name="a cookie that was planted", begin=_fixated, statuses=NOT_IN),
    Case(name="a session that was planted", begin=_fixated_with_a_living_one, statuses=NOT_ALLOWED),
    Case(name="a session in the query", begin=_in_the_query, statuses=NOT_IN),
    Case(name="a session by its id", begin=_by_its_id, statuses=NOT_IN),
    Case(name="a session as a bearer", begin=_as_a_bearer, statuses=NOT_IN),
    Case(name="ending another's session", begin=_of_another, statuses=(403, 404)),
    Case(
        name="a step-up of another session",
        begin=_a_step_up_of_another_session,
        statuses=NOT_ALLOWED,
    ),
    Case(name="a step-up of five minutes ago", begin=_an_old_step_up, statuses=NOT_ALLOWED),
)
