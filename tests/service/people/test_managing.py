"""Managing people, their sessions and service tokens, over the API."""

import pytest

from interlock.service.people.managing import PEOPLE_ONLY
from interlock.service.permissions import Permission, Role
from tests.service.people.world import SHELL, Browser, Member, World, with_alice


def test_everybody_is_listed_without_their_secrets() -> None:
    async def story(here: World, browser: Browser, alice: Member) -> None:
        here.people.managing.add("bob", Role.QUANT, SHELL)

        answer = await browser.get("/api/people")

        assert [
            (x["name"], x["role"], x["enrolled"], x["disabled"]) for x in answer.json()["items"]
        ] == [
            ("alice", "admin", True, False),
            ("bob", "quant", False, False),
        ]
        assert alice.secret not in answer.text
        assert "argon2" not in answer.text

    with_alice(story)


@pytest.mark.parametrize("what", ["disable", "reset", "role"])
def test_the_last_administrator_stays(what: str) -> None:
    async def story(here: World, browser: Browser, alice: Member) -> None:
        here.people.managing.add("bob", Role.ADMIN, SHELL)  # who was only invited does not count
        await here.step_up(browser, alice)

        answer = await browser.post(
            f"/api/people/alice/{what}", {"role": "quant"} if what == "role" else {}
        )

        assert (answer.status_code, answer.json()["error"]["code"]) == (409, "LAST_ADMIN")
        assert (await browser.get("/api/people")).status_code == 200

    with_alice(story)


def test_the_shell_may_reset_the_last_administrator() -> None:
    async def story(here: World, browser: Browser, _alice: Member) -> None:
        code = here.people.managing.reset("alice", SHELL, even_last=True)

        assert (await browser.get("/api/session")).status_code == 401
        assert (await here.enrol(here.browser(), code)).name == "alice"

    with_alice(story)


def test_every_change_of_people_needs_a_fresh_code() -> None:
    async def story(here: World, browser: Browser, _alice: Member) -> None:
        here.people.managing.add("bob", Role.QUANT, SHELL)
        tried = [
            await browser.post("/api/people", {"name": "carol", "role": "quant"}),
            await browser.post("/api/people/bob/role", {"role": "auditor"}),
            await browser.post("/api/people/bob/disable", {}),
            await browser.post("/api/people/bob/enable", {}),
            await browser.post("/api/people/bob/reset", {}),
            await browser.send("DELETE", "/api/people/bob/sessions"),
            await browser.send("DELETE", "/api/sessions"),
            await browser.post("/api/tokens", {"name": "x", "permissions": ["probe"], "days": 1}),
            await browser.send("DELETE", "/api/tokens/x"),
            await browser.post("/api/session/password", {"old": "x", "new": "y"}),
            await browser.post("/api/session/recovery-codes"),
        ]

        assert {x.json()["error"]["code"] for x in tried} == {"STEP_UP_NEEDED"}

    with_alice(story)


@pytest.mark.parametrize(
    ("path", "body", "code"),
    [
        ("/api/people", {"name": "Bob", "role": "quant"}, "BAD_NAME"),
        ("/api/people", {"name": "alice", "role": "quant"}, "NAME_TAKEN"),
        ("/api/people", {"name": "bob", "role": "root"}, "BAD_ROLE"),
        ("/api/people", {"name": "bob", "role": "quant", "is_admin": True}, "BAD_CONTENT"),
        ("/api/people", {"name": "bob"}, "BAD_CONTENT"),
        ("/api/people", {"name": 1, "role": "quant"}, "BAD_CONTENT"),
        ("/api/people/nobody/disable", {}, "NOT_FOUND"),
        ("/api/people/nobody/role", {"role": "quant"}, "NOT_FOUND"),
        ("/api/tokens", {"name": "x", "permissions": ["root"], "days": 1}, "BAD_TOKEN"),
        ("/api/tokens", {"name": "x", "permissions": [], "days": 1}, "BAD_TOKEN"),
        ("/api/tokens", {"name": "x", "permissions": ["probe"], "days": 366}, "BAD_TOKEN"),
        ("/api/tokens", {"name": "x", "permissions": ["probe"], "days": 0}, "BAD_TOKEN"),
        ("/api/tokens", {"name": "X", "permissions": ["probe"], "days": 1}, "BAD_TOKEN"),
        ("/api/tokens", {"name": "x", "permissions": ["probe"], "days": True}, "BAD_CONTENT"),
    ],
)
def test_what_cannot_be_is_refused(path: str, body: dict[str, object], code: str) -> None:
    async def story(here: World, browser: Browser, alice: Member) -> None:
        await here.step_up(browser, alice)

        answer = await browser.post(path, body)

        assert answer.json()["error"]["code"] == code, answer.text

    with_alice(story)


def test_everybody_sees_and_ends_their_own_sessions_and_admins_all() -> None:
    async def story(here: World, browser: Browser, alice: Member) -> None:
        bobs = [here.browser("192.0.2.1"), here.browser("192.0.2.2")]
        bob = await here.join(bobs[0], "bob", Role.QUANT)
        await here.sign_in(bobs[1], bob)
        mine = (await bobs[0].get("/api/sessions")).json()["items"]
        everybodys = (await browser.get("/api/sessions")).json()["items"]
        other = next(x for x in mine if not x["is_this"])
        hers = next(x for x in everybodys if x["name"] == "alice")

        unseen = await bobs[0].send("DELETE", f"/api/sessions/{hers['id']}")
        ended = await bobs[0].send("DELETE", f"/api/sessions/{other['id']}")
        again = await bobs[0].send("DELETE", f"/api/sessions/{other['id']}")

        assert [x["source"] for x in mine] == ["192.0.2.2", "192.0.2.1"]
        assert [x["name"] for x in everybodys] == ["bob", "bob", "alice"]
        assert unseen.status_code == again.status_code == 404
        assert ended.json() == {"ended": True}
        assert (await bobs[1].get("/api/session")).status_code == 401
        last = next(x["id"] for x in mine if x["is_this"])
        assert (await browser.send("DELETE", f"/api/sessions/{last}")).status_code == 200
        assert (await bobs[0].get("/api/session")).status_code == 401
        assert (await browser.get("/api/session")).json()["name"] == alice.name

    with_alice(story)


def test_an_admin_ends_all_sessions_of_somebody_or_of_everybody() -> None:
    async def story(here: World, browser: Browser, alice: Member) -> None:
        bobs = here.browser()
        bob = await here.join(bobs, "bob", Role.QUANT)
        await here.step_up(browser, alice)

        one = await browser.send("DELETE", "/api/people/bob/sessions")
        await here.sign_in(bobs, bob)
        everybody = await browser.send("DELETE", "/api/sessions")

        assert (one.json(), everybody.json()) == ({"ended": 1}, {"ended": 2})
        assert (await browser.get("/api/session")).status_code == 401

    with_alice(story)


def test_a_session_that_ends_between_two_looks_is_gone() -> None:
    async def story(here: World, _browser: Browser, _alice: Member) -> None:
        session = here.people.sessions.all()[0]

        ended = [here.people.managing.end_session(session, SHELL) for _ in range(2)]

        assert ended == [True, False]
        assert here.recorded().count("end a session of alice") == 1

    with_alice(story)


def test_a_token_is_shown_once_and_its_name_is_never_used_again() -> None:
    async def story(here: World, browser: Browser, alice: Member) -> None:
        await here.step_up(browser, alice)
        body = {"name": "grafana", "permissions": ["see_metrics", "see_health"], "days": 30}

        made = await browser.post("/api/tokens", body)
        listed = await browser.get("/api/tokens")
        revoked = await browser.send("DELETE", "/api/tokens/grafana")
        again = await browser.post("/api/tokens", body)
        none = await browser.send("DELETE", "/api/tokens/none")
        after = (await browser.get("/api/tokens")).json()["items"][0]

        token = made.json()["token"]
        assert token.startswith("il_")
        assert len(token) >= 46  # 256 bits
        assert token not in listed.text
        assert listed.json()["items"][0]["made_by"] == "user:alice"
        assert listed.json()["items"][0]["revoked"] is None
        assert revoked.json() == {"revoked": True}
        assert (again.status_code, none.status_code) == (409, 404)
        assert after["revoked"] is not None

    with_alice(story)


def test_no_token_holds_what_only_people_may() -> None:
    async def story(here: World, browser: Browser, alice: Member) -> None:
        await here.step_up(browser, alice)
        for permission in Permission:
            body = {"name": f"t-{permission}", "permissions": [permission], "days": 1}

            answer = await browser.post("/api/tokens", body)

            assert (answer.status_code == 422) == (permission in PEOPLE_ONLY)

    with_alice(story)


def test_every_change_is_audited_with_who_did_it() -> None:
    async def story(here: World, browser: Browser, alice: Member) -> None:
        await here.step_up(browser, alice)
        here.audit.records.clear()

        await browser.post("/api/people", {"name": "bob", "role": "quant"})
        await browser.post("/api/people/bob/role", {"role": "auditor"})
        await browser.post("/api/people/bob/disable", {})
        await browser.post("/api/people/bob/enable", {})
        await browser.post("/api/people/bob/reset", {})
        await browser.send("DELETE", "/api/people/bob/sessions")

        assert here.recorded() == [
            "invite bob",
            "change role of bob",
            "disable bob",
            "enable bob",
            "reset bob",
            "end sessions of bob",
        ]
        assert {(x["actor"], x["ip"], x["success"]) for x in here.audit.records} == {
            ("user:alice", "203.0.113.7", True)
        }
        assert here.audit.records[1]["before"] == "quant"
        assert here.audit.records[1]["after"] == "auditor"

    with_alice(story)
