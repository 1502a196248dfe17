"""Who is let through which door, and how soon a change of that holds."""

import asyncio
from typing import Any

import pytest
from fastapi import Request

from interlock.service.doors import Access, actor_of
from interlock.service.people.guard import COOKIE
from interlock.service.permissions import GRANTS, Actor, Permission, Role
from tests.service.people.world import SHELL, Browser, Member, World, with_alice, world

LOOPBACK = "127.0.0.1"


def add_routes(here: World) -> None:
    """Add routes of every kind that is not among those of people."""

    def route(method: str, path: str, access: Access) -> None:
        @here.door.route(method, path, access)
        async def answer(request: Request) -> dict[str, Any]:
            actor = actor_of(request)
            return {"actor": actor.name, "permissions": sorted(actor.permissions)}

    route("GET", "/test/near", Access(needs=Permission.SEE_HEALTH, loopback=True))
    route("GET", "/test/near/signed", Access(signed_in=True, loopback=True))
    route("POST", "/test/near", Access(needs=Permission.PROBE, loopback=True))
    route("GET", "/test/public", Access(public="a test"))
    route("POST", "/test/own", Access(own="a test"))


def test_a_role_opens_its_doors_and_no_other() -> None:
    async def story(here: World, browser: Browser, _alice: Member) -> None:
        browsers = {Role.ADMIN: browser}
        for role in Role:
            if role is not Role.ADMIN:
                browsers[role] = here.browser()
                await here.join(browsers[role], f"a_{role}", role)
        for role, one in browsers.items():
            opened = {
                permission
                for permission in Permission
                if (await one.get(f"/test/{permission}")).status_code == 200
            }
            assert opened == GRANTS[role], role

    with_alice(story)


def test_without_a_session_nothing_opens() -> None:
    async def story(here: World, _browser: Browser, _alice: Member) -> None:
        for cookie in ("", "x", "é" * 40, "il_abc", "0" * 5_000):
            stranger = here.browser()
            stranger.cookies[COOKIE] = cookie
            for permission in Permission:
                raw = f"{COOKIE}={cookie}".encode()
                answer = await stranger.client.get(
                    f"/test/{permission}", headers=[(b"cookie", raw)]
                )
                assert answer.status_code == 401
                assert answer.json()["error"]["code"] == "SIGN_IN_NEEDED"

        assert set(here.denied()) == {"SIGN_IN_NEEDED"}
        assert here.audit.denials[0]["action"] == "GET /test/see_dashboard"

    with_alice(story)


def test_what_is_refused_is_audited_with_who_and_from_where() -> None:
    async def story(here: World, _browser: Browser, _alice: Member) -> None:
        quant = here.browser("203.0.113.50")
        await here.join(quant, "bob", Role.QUANT)

        answer = await quant.get("/test/kill", X_Correlation_Id="abc")

        assert answer.status_code == 403
        assert here.audit.denials[-1] == {
            "event_type": "access_denied",
            "actor": "user:bob",
            "ip": "203.0.113.50",
            "action": "GET /test/kill",
            "reason": "NOT_PERMITTED",
            "correlation": "abc",
        }

    with_alice(story)


def test_whoever_is_disabled_is_out_at_the_next_request() -> None:
    async def story(here: World, _browser: Browser, _alice: Member) -> None:
        quant = here.browser()
        bob = await here.join(quant, "bob", Role.QUANT)
        assert (await quant.get("/test/probe")).status_code == 200

        here.people.managing.disable("bob", SHELL)
        out = await quant.get("/test/probe")
        again = await here.sign_in(here.browser(), bob)
        here.people.managing.enable("bob", SHELL)
        old = await quant.get("/test/probe")
        back = await here.sign_in(quant, bob)

        assert (out.status_code, again.status_code, old.status_code) == (401, 401, 401)
        assert back.status_code == 200

    with_alice(story)


def test_a_session_of_somebody_who_is_disabled_is_none_whatever_left_it_there() -> None:
    async def story(here: World, browser: Browser, _alice: Member) -> None:
        with here.database.begin() as connection:
            connection.exec_driver_sql("UPDATE users SET disabled = 1")

        assert (await browser.get("/test/kill")).status_code == 401
        assert here.people.sessions.all() == []

    with_alice(story)


def test_another_role_holds_from_the_next_request_on() -> None:
    async def story(here: World, _browser: Browser, _alice: Member) -> None:
        browser = here.browser()
        await here.join(browser, "bob", Role.QUANT)

        here.people.managing.set_role("bob", Role.AUDITOR, SHELL)

        assert (await browser.get("/test/probe")).status_code == 403
        assert (await browser.get("/test/see_audit")).status_code == 200

    with_alice(story)


def test_what_was_begun_with_a_role_or_a_session_ends_with_it() -> None:
    """What a stream asks every second; also of what another process changed."""

    async def story(here: World, browser: Browser, alice: Member) -> None:
        people = here.people

        def now() -> Actor:
            found = people.sessions.find(browser.cookies[COOKIE], is_used=False)
            assert found is not None
            return people.sessions.actor(found)

        await here.join(here.browser(), "bob", Role.ADMIN)
        begun = now()
        assert await people.still_valid(begun)
        await here.step_up(browser, alice)  # another secret and more rights: the same session
        assert await people.still_valid(begun)
        here.wait(301)
        assert await people.still_valid(begun)
        people.managing.set_role("alice", Role.QUANT, SHELL)
        assert not await people.still_valid(begun)
        assert await people.still_valid(now())
        begun = now()
        people.managing.disable("alice", SHELL)
        assert not await people.still_valid(begun)

    with_alice(story)


def test_a_stream_ends_when_its_session_does() -> None:
    async def story(here: World, browser: Browser, _alice: Member) -> None:
        found = here.people.sessions.find(browser.cookies[COOKIE], is_used=True)
        assert found is not None
        actor = here.people.sessions.actor(found)
        here.wait(15 * 60)

        assert not await here.people.still_valid(actor)

    with_alice(story)


# --- service tokens ---------------------------------------------------------------------------


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def test_a_token_opens_what_it_holds_until_it_ends_or_is_revoked() -> None:
    async def story(here: World, _browser: Browser, _alice: Member) -> None:
        managing, program = here.people.managing, here.browser()
        held = frozenset({Permission.SEE_METRICS, Permission.SEE_HEALTH})
        token = managing.add_token("grafana", held, 30, SHELL)

        opened = {
            permission
            for permission in Permission
            if (await program.get(f"/test/{permission}", **bearer(token))).status_code == 200
        }
        answer = await program.get("/test/see_metrics", **bearer(token))
        here.wait(30 * 86_400 - 1)
        last = await program.get("/test/see_metrics", **bearer(token))
        here.wait(1)
        late = await program.get("/test/see_metrics", **bearer(token))

        assert opened == held
        assert answer.json() == {"actor": "token:grafana"}
        assert (last.status_code, late.status_code) == (200, 401)
        assert late.json()["error"]["code"] == "TOKEN_REFUSED"

    with_alice(story)


def test_a_revoked_token_is_out_at_the_next_request_and_its_streams_end() -> None:
    async def story(here: World, _browser: Browser, _alice: Member) -> None:
        held = frozenset({Permission.SEE_HEALTH})
        token = here.people.managing.add_token("grafana", held, 365, SHELL)
        actor = Actor(name="token:grafana", permissions=held)
        assert await here.people.still_valid(actor)

        here.people.managing.revoke_token("grafana", SHELL)

        answer = await here.browser().get("/test/see_health", **bearer(token))
        assert answer.status_code == 401
        assert not await here.people.still_valid(actor)

    with_alice(story)


@pytest.mark.parametrize(
    "header",
    [
        "Bearer",
        "Bearer ",
        "Bearer il_",
        "Bearer il_wrong",
        "Bearer something",
        "bearer il_é",
        "Basic YWxpY2U6eA==",
        "il_wrong",
        "",
    ],
)
def test_a_wrong_token_is_refused_also_beside_a_good_cookie(header: str) -> None:
    async def story(_here: World, browser: Browser, _alice: Member) -> None:
        answer = await browser.client.get(
            "/test/kill",
            headers=[
                (b"authorization", header.encode()),
                (b"cookie", f"{COOKIE}={browser.cookies[COOKIE]}".encode()),
            ],
        )

        assert answer.status_code == 401
        assert answer.json()["error"]["code"] == "TOKEN_REFUSED"

    with_alice(story)


def test_a_program_is_no_person() -> None:
    async def story(here: World, _browser: Browser, _alice: Member) -> None:
        held = frozenset({Permission.SEE_HEALTH})
        token = here.people.managing.add_token("grafana", held, 1, SHELL)

        answer = await here.browser().get("/api/session", **bearer(token))

        assert answer.status_code == 403
        assert answer.json()["error"]["code"] == "NEEDS_A_PERSON"

    with_alice(story)


# --- this machine -----------------------------------------------------------------------------


def test_a_program_of_this_machine_may_where_a_route_says_so_and_no_more() -> None:
    async def story(here: World, _browser: Browser, _alice: Member) -> None:
        add_routes(here)
        near = here.browser(LOOPBACK)

        health = await near.client.get("/test/near")
        signed = await near.client.get("/test/near/signed")
        probe = await near.client.post("/test/near", json={}, headers={"X-Interlock": "1"})
        other = await near.client.get("/test/see_health")
        far = await here.browser().client.get("/test/near")

        assert health.json() == {"actor": "loopback", "permissions": ["see_health"]}
        assert signed.json() == {"actor": "loopback", "permissions": []}
        assert probe.json() == {"actor": "loopback", "permissions": ["probe"]}
        assert (other.status_code, far.status_code) == (401, 401)
        assert await here.people.still_valid(
            Actor(name="loopback", permissions=frozenset({Permission.SEE_HEALTH}))
        )

    with_alice(story)


@pytest.mark.parametrize(
    "header",
    [
        {"X-Forwarded-For": "203.0.113.7"},
        {"Forwarded": "for=203.0.113.7"},
        {"Via": "1.1 proxy"},
        {"X-Real-IP": "203.0.113.7"},
        {"Host": "evil.example:5001"},
        {"Sec-Fetch-Site": "cross-site"},
    ],
)
def test_a_proxy_or_another_sites_page_is_not_this_machine(header: dict[str, str]) -> None:
    async def story(here: World, _browser: Browser, _alice: Member) -> None:
        add_routes(here)

        answer = await here.browser(LOOPBACK).client.get("/test/near", headers=header)

        assert answer.status_code in {401, 421}

    with_alice(story)


def test_a_cookie_that_ended_takes_nothing_from_this_machine() -> None:
    async def story(here: World, browser: Browser, _alice: Member) -> None:
        add_routes(here)
        near = here.browser(LOOPBACK)
        near.cookies[COOKIE] = "ended"

        signed_in = Browser(near.client, browser.cookies)

        assert (await near.get("/test/near")).json()["actor"] == "loopback"
        assert (await signed_in.get("/test/near")).json()["actor"] == "user:alice"

    with_alice(story)


def test_public_doors_and_those_that_decide_themselves_know_nobody() -> None:
    async def story(here: World, browser: Browser, _alice: Member) -> None:
        add_routes(here)

        public = await browser.get("/test/public")
        own = await browser.client.post("/test/own")

        assert public.json() == own.json() == {"actor": "nobody", "permissions": []}
        assert not await here.people.still_valid(Actor(name="nobody", permissions=frozenset()))

    with_alice(story)


# --- other sites ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({"Sec-Fetch-Site": "same-origin"}, 200),
        ({"Origin": "http://127.0.0.1:5001"}, 200),
        ({"Origin": "http://127.0.0.1:5001", "Sec-Fetch-Site": "same-origin"}, 200),
        ({}, 403),
        ({"Origin": "https://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": "http://127.0.0.1:5001", "Sec-Fetch-Site": "same-site"}, 403),
        ({"Origin": "http://127.0.0.1:5001", "Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "none"}, 403),
        ({"Sec-Fetch-Site": "same-origin", "X-Interlock": "0"}, 403),
        ({"Sec-Fetch-Site": "same-origin", "X-Interlock": ""}, 403),
    ],
)
def test_with_a_cookie_only_our_own_pages_change_something(
    headers: dict[str, str], code: int
) -> None:
    async def story(_here: World, browser: Browser, _alice: Member) -> None:
        said = {"X-Interlock": "1", "Cookie": f"{COOKIE}={browser.cookies[COOKIE]}", **headers}

        answer = await browser.client.request("DELETE", "/api/session", headers=said)

        assert answer.status_code == code, answer.text

    with_alice(story)


def test_a_form_cannot_sign_anybody_in() -> None:
    """Nor can it sign somebody in to an attacker's account."""
    with world() as here:

        async def tried() -> list[int]:
            client = here.browser().client
            body = {"name": "alice", "password": "x" * 12, "code": "123456"}
            answers = [
                await client.post("/api/session", json=body),
                await client.post("/api/session", data=body, headers={"X-Interlock": "1"}),
                await client.post(
                    "/api/session",
                    json=body,
                    headers={"X-Interlock": "1", "Origin": "https://evil.example"},
                ),
            ]
            return [x.status_code for x in answers]

        assert asyncio.run(tried()) == [403, 415, 403]
