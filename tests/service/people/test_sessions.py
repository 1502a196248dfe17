"""Sessions: how long one holds, what ends it, and the second factor that is asked for again."""

import pytest

from interlock.runtime.clock import NS_PER_S
from interlock.service.people.guard import COOKIE
from interlock.service.people.routes import DEVICE_COOKIE
from interlock.service.permissions import Role
from interlock.service.problems import Problem
from tests.service.people.world import SHELL, Browser, Member, World, actor_at, with_alice


def test_signing_out_ends_the_session_on_this_side() -> None:
    async def story(_here: World, browser: Browser, _alice: Member) -> None:
        stolen = Browser(browser.client, dict(browser.cookies))

        answer = await browser.send("DELETE", "/api/session")
        after = await stolen.get("/api/session")

        assert answer.headers["clear-site-data"] == '"cache", "storage"'
        assert COOKIE not in browser.cookies
        assert DEVICE_COOKIE in browser.cookies
        assert after.status_code == 401

    with_alice(story)


def test_a_session_ends_when_nobody_uses_it() -> None:
    async def story(here: World, browser: Browser, _alice: Member) -> None:
        for _ in range(5):
            here.wait(14 * 60 + 59)
            assert (await browser.get("/api/session")).status_code == 200
        here.wait(15 * 60)

        assert (await browser.get("/api/session")).status_code == 401

    with_alice(story)


def test_a_session_ends_after_twelve_hours_however_much_it_is_used() -> None:
    async def story(here: World, browser: Browser, _alice: Member) -> None:
        for _ in range(12 * 6 - 1):
            here.wait(600)
            assert (await browser.get("/api/session")).status_code == 200
        here.wait(600)

        assert (await browser.get("/api/session")).status_code == 401

    with_alice(story)


@pytest.mark.parametrize(
    "header", [{"X_Interlock_Background": "1"}, {"Accept": "text/event-stream"}]
)
def test_what_no_person_caused_keeps_no_session_open(header: dict[str, str]) -> None:
    async def story(here: World, browser: Browser, _alice: Member) -> None:
        for _ in range(14):
            here.wait(60)
            assert (await browser.get("/api/session", **header)).status_code == 200
        here.wait(60)

        assert (await browser.get("/api/session", **header)).status_code == 401

    with_alice(story)


def test_the_secret_changes_at_login_and_at_step_up_and_the_old_one_is_worth_nothing() -> None:
    async def story(here: World, browser: Browser, alice: Member) -> None:
        first = dict(browser.cookies)
        await here.sign_in(browser, alice)
        second = dict(browser.cookies)
        await here.step_up(browser, alice)

        assert len({x[COOKIE] for x in (first, second, browser.cookies)}) == 3
        old = Browser(browser.client, second)
        assert (await old.get("/api/session")).status_code == 401
        me = (await browser.get("/api/session")).json()
        assert me["stepped_up_until"] is not None

    with_alice(story)


def test_a_fresh_second_factor_holds_for_five_minutes() -> None:
    async def story(here: World, browser: Browser, alice: Member) -> None:
        async def asked() -> tuple[int, str]:
            answer = await browser.post("/api/people", {"name": "bob", "role": "none"})
            return answer.status_code, answer.json()["error"]["code"]

        before = await asked()
        await here.step_up(browser, alice)
        during = await asked()
        here.wait(299)
        last = await asked()
        here.wait(1)

        assert before == await asked() == (403, "STEP_UP_NEEDED")
        assert during == last == (422, "BAD_ROLE")

    with_alice(story)


def test_the_code_of_the_login_is_no_fresh_one() -> None:
    async def story(here: World, browser: Browser, alice: Member) -> None:
        code = here.code(alice)
        await here.sign_in(browser, alice, code=code)

        answer = await browser.post("/api/step-up", {"code": code})

        assert answer.status_code == 401
        assert here.denied() == ["CODE_REFUSED"]

    with_alice(story)


def test_a_recovery_code_is_a_second_factor_too() -> None:
    async def story(_here: World, browser: Browser, alice: Member) -> None:
        answer = await browser.post("/api/step-up", {"recovery_code": alice.recovery_codes[0]})

        assert answer.status_code == 200

    with_alice(story)


def test_five_wrong_codes_of_somebody_who_is_signed_in_end_the_session() -> None:
    """Whoever took a session over has five tries of a million, and not as many as they like."""

    async def story(here: World, browser: Browser, alice: Member) -> None:
        answers = [await browser.post("/api/step-up", {"code": "000000"}) for _ in range(6)]

        assert [x.json()["error"]["code"] for x in answers] == ["CODE_REFUSED"] * 5 + [
            "SIGN_IN_NEEDED"
        ]
        assert here.recorded()[-1] == "too many wrong codes"
        assert (await here.sign_in(browser, alice)).status_code == 200

    with_alice(story)


def test_a_fresh_code_for_one_act_is_used_up_by_it() -> None:
    async def story(here: World, browser: Browser, alice: Member) -> None:
        session = here.people.sessions.find(browser.cookies[COOKIE], is_used=False)
        assert session is not None
        actor, code = here.people.sessions.actor(session), here.code(alice)

        tried = [await here.people.fresh_code(actor, code) for _ in range(2)]

        assert tried == [True, False]

    with_alice(story)


def test_somebody_has_ten_sessions_and_the_oldest_ends_for_an_eleventh() -> None:
    async def story(here: World, browser: Browser, alice: Member) -> None:
        others = [here.browser() for _ in range(10)]
        for one in others:
            await here.sign_in(one, alice)

        assert (await browser.get("/api/session")).status_code == 401
        assert (await others[0].get("/api/session")).status_code == 200
        assert len(here.people.sessions.all()) == 10

    with_alice(story)


def test_sessions_that_ended_by_themselves_are_forgotten() -> None:
    async def story(here: World, browser: Browser, alice: Member) -> None:
        await browser.get("/api/session")
        here.wait(16 * 60)

        await here.sign_in(here.browser(), alice)

        with here.database.read() as connection:
            assert connection.exec_driver_sql("SELECT count(*) FROM sessions").scalar() == 1
        assert len(here.people.sessions._seen) == 0

    with_alice(story)


def test_how_long_a_session_holds_survives_a_restart_to_the_minute() -> None:
    async def story(here: World, browser: Browser, _alice: Member) -> None:
        here.wait(70)
        await browser.get("/api/session")
        here.people.sessions._seen.clear()  # what a restart forgets

        found = here.people.sessions.all()[0]

        assert found.seen_ns == here.clock.now_ns()
        assert found.made_ns == found.seen_ns - 70 * NS_PER_S

    with_alice(story)


def test_whoever_was_disabled_or_ended_meanwhile_gets_no_fresh_factor() -> None:
    async def story(here: World, browser: Browser, alice: Member) -> None:
        await here.join(here.browser(), "bob", Role.ADMIN)
        actor = actor_at(here, browser)
        here.people.managing.end_sessions("alice", SHELL)

        with pytest.raises(Problem, match="CODE_REFUSED"):
            await here.people.login.step_up(actor, here.code(alice), "", SHELL)
        here.people.managing.disable("alice", SHELL)
        with pytest.raises(Problem, match="CODE_REFUSED"):
            await here.people.login.step_up(actor, here.code(alice), "", SHELL)

        assert "step up" not in here.recorded()

    with_alice(story)


def test_signing_out_twice_is_signing_out() -> None:
    async def story(here: World, browser: Browser, _alice: Member) -> None:
        actor = actor_at(here, browser)

        for _ in range(2):
            await here.people.login.sign_out(actor, SHELL)

        assert here.recorded().count("logout") == 1

    with_alice(story)


def test_a_session_that_ended_between_door_and_answer_has_ended(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def story(here: World, browser: Browser, _alice: Member) -> None:
        monkeypatch.setattr(here.people.sessions, "by_id", lambda _name: None)

        assert (await browser.get("/api/session")).status_code == 401

    with_alice(story)
