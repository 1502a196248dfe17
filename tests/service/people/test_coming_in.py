"""Signing in: what lets somebody in, and what everybody else is told."""

import asyncio
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import Connection

from interlock.service.people.guard import COOKIE
from interlock.service.permissions import Actor, Role
from interlock.service.problems import Problem
from tests.service.people.world import PASSWORD, SHELL, Browser, Member, World, actor_at, with_alice

if TYPE_CHECKING:
    import httpx


def test_somebody_signs_in_with_name_password_and_code() -> None:
    async def story(here: World, _browser: Browser, alice: Member) -> None:
        fresh = here.browser("203.0.113.8")

        answer = await here.sign_in(fresh, alice)
        me = await fresh.get("/api/session")

        assert answer.status_code == 200
        assert answer.json() == {"name": "alice", "recovery_codes_left": 10}
        assert me.json()["role"] == "admin"
        assert me.json()["stepped_up_until"] is None
        assert "login" in here.recorded()

    with_alice(story)


def test_the_cookie_is_for_this_host_alone_and_out_of_reach_of_scripts() -> None:
    async def story(here: World, _browser: Browser, alice: Member) -> None:
        answer = await here.sign_in(here.browser(), alice)

        lines = answer.headers.get_list("set-cookie")
        session = next(x for x in lines if x.startswith(f"{COOKIE}="))
        parts = {part.strip().lower() for part in session.split(";")[1:]}
        assert parts == {"path=/", "secure", "httponly", "samesite=strict"}
        assert COOKIE.startswith("__Host-")
        assert len(session.split("=")[1].split(";")[0]) >= 43  # 256 bits
        assert all("secure" in x.lower() and "httponly" in x.lower() for x in lines)

    with_alice(story)


WRONG: dict[str, dict[str, str]] = {
    "unknown name": {"name": "mallory"},
    "a name that is none": {"name": "'; drop table users --"},
    "wrong password": {"password": "something else entirely"},
    "empty password": {"password": ""},
    "wrong code": {"code": "000000"},
    "no code": {"code": ""},
    "code of letters": {"code": "abcdef"},
    "code of other digits": {"code": "١٢٣٤٥٦"},
    "wrong recovery code": {"recovery_code": "AAAAA-AAAAA-AAAAA-AAAAA-AAAAA-A"},
    "recovery code of nothing": {"recovery_code": "-"},
}


def test_whatever_is_wrong_gets_the_same_answer() -> None:
    async def story(here: World, _browser: Browser, alice: Member) -> None:
        answers: list[httpx.Response] = []
        for number, wrong in enumerate(WRONG.values()):
            answers.append(
                await here.sign_in(here.browser(f"203.0.113.{100 + number}"), alice, **wrong)
            )
        here.people.managing.add("bob", Role.ADMIN, SHELL)
        answers.append(
            await here.sign_in(here.browser("203.0.113.99"), Member("bob", alice.secret, []))
        )

        said = {
            (x.status_code, x.json()["error"]["code"], x.json()["error"]["message"])
            for x in answers
        }
        assert len(said) == 1
        assert {x.status_code for x in answers} == {401}
        assert not any(x.headers.get("set-cookie") for x in answers)
        assert {
            x.headers.keys() - {"x-request-id"} == answers[0].headers.keys() - {"x-request-id"}
            for x in answers
        } == {True}
        assert set(here.denied()) == {"LOGIN_REFUSED"}

    with_alice(story)


def test_every_wrong_login_takes_one_password_hash_and_one_transaction(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What takes time is the same, so how long an answer takes says nothing."""

    async def story(here: World, _browser: Browser, alice: Member) -> None:
        hasher, counted = here.people.login._hasher, []
        verify, begin = hasher._verify, here.database.begin

        def counted_verify(kept: str, password: str) -> bool:
            counted.append("hash")
            return verify(kept, password)

        def counted_begin() -> AbstractContextManager[Connection]:
            counted.append("begin")
            return begin()

        monkeypatch.setattr(hasher, "_verify", counted_verify)
        monkeypatch.setattr(here.database, "begin", counted_begin)
        for number, wrong in enumerate(WRONG.values()):
            counted.clear()

            await here.sign_in(here.browser(f"203.0.113.{100 + number}"), alice, **wrong)

            assert counted == ["hash", "begin"]

    with_alice(story)


def test_a_code_works_once_also_for_twenty_at_the_same_moment() -> None:
    async def story(here: World, _browser: Browser, alice: Member) -> None:
        code = here.code(alice)
        browsers = [here.browser(f"203.0.113.{number}") for number in range(20)]

        answers = await asyncio.gather(*(here.sign_in(x, alice, code=code) for x in browsers))

        assert sorted(x.status_code for x in answers) == [200] + [401] * 19

    with_alice(story)


def test_a_recovery_code_works_once_also_for_twenty_at_the_same_moment() -> None:
    async def story(here: World, _browser: Browser, alice: Member) -> None:
        code = alice.recovery_codes[3].lower().replace("-", " ")
        browsers = [here.browser(f"203.0.113.{number}") for number in range(20)]

        answers = await asyncio.gather(
            *(here.sign_in(x, alice, recovery_code=code) for x in browsers)
        )

        assert sorted(x.status_code for x in answers) == [200] + [401] * 19
        good = next(x for x in answers if x.status_code == 200)
        assert good.json()["recovery_codes_left"] == 9

    with_alice(story)


def test_a_password_is_changed_with_the_old_one_and_other_sessions_end() -> None:
    async def story(here: World, browser: Browser, alice: Member) -> None:
        other = here.browser()
        await here.sign_in(other, alice)
        await here.step_up(browser, alice)
        new = "another walk, this time in snow"

        wrong = await browser.post("/api/session/password", {"old": "wrong" * 3, "new": new})
        weak = await browser.post("/api/session/password", {"old": PASSWORD, "new": "alice1234567"})
        done = await browser.post("/api/session/password", {"old": PASSWORD, "new": new})

        assert (wrong.status_code, weak.status_code, done.status_code) == (401, 422, 200)
        assert (await other.get("/api/session")).status_code == 401
        assert (await browser.get("/api/session")).status_code == 200
        assert (await here.sign_in(other, alice)).status_code == 401
        assert (await here.sign_in(other, alice, password=new)).status_code == 200

    with_alice(story)


def test_an_old_password_cannot_be_guessed_by_whoever_took_a_session_over() -> None:
    async def story(here: World, browser: Browser, alice: Member) -> None:
        await here.step_up(browser, alice)
        body = {"old": "something wrong", "new": "another walk, this time in snow"}

        codes = [(await browser.post("/api/session/password", body)).status_code for _ in range(7)]

        assert codes[:5] == [401] * 5
        assert codes[-1] == 429

    with_alice(story)


def test_new_recovery_codes_take_the_old_ones_away() -> None:
    async def story(here: World, browser: Browser, alice: Member) -> None:
        await here.step_up(browser, alice)

        answer = await browser.post("/api/session/recovery-codes")

        fresh = answer.json()["recovery_codes"]
        assert len(set(fresh)) == 10
        assert not set(fresh) & set(alice.recovery_codes)
        old = await here.sign_in(here.browser(), alice, recovery_code=alice.recovery_codes[0])
        new = await here.sign_in(here.browser(), alice, recovery_code=fresh[0])
        assert (old.status_code, new.status_code) == (401, 200)

    with_alice(story)


def test_nothing_that_is_secret_is_in_the_database_or_the_audit() -> None:
    async def story(here: World, browser: Browser, alice: Member) -> None:
        await here.sign_in(browser, alice)
        with here.database.read() as connection:
            connection.exec_driver_sql("PRAGMA wal_checkpoint(FULL)").all()

        raw = b"".join(x.read_bytes() for x in here.first_code.parent.iterdir())
        said = repr(here.audit.records) + repr(here.audit.denials)

        for secret in (PASSWORD, *browser.cookies.values(), *alice.recovery_codes):
            assert secret.encode() not in raw
            assert secret not in said
        assert alice.secret not in said

    with_alice(story)


def test_a_password_that_was_changed_meanwhile_is_not_changed_again() -> None:
    async def story(here: World, browser: Browser, _alice: Member) -> None:
        login, actor = here.people.login, actor_at(here, browser)
        new = "another walk, this time in snow"
        both = [login.change_password(actor, PASSWORD, new, SHELL) for _ in range(2)]

        found = await asyncio.gather(*both, return_exceptions=True)

        assert [x is None for x in found].count(True) == 1
        assert [x.code for x in found if isinstance(x, Problem)] == ["LOGIN_REFUSED"]

    with_alice(story)


def test_nobody_has_no_recovery_codes() -> None:
    async def story(here: World, _browser: Browser, _alice: Member) -> None:
        nobody = Actor(name="user:nobody", permissions=frozenset())

        with pytest.raises(Problem, match="LOGIN_REFUSED"):
            await here.people.login.recovery_codes(nobody, SHELL)

    with_alice(story)
