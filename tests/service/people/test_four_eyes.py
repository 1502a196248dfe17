"""What one person asks for and another has to approve: done once, and never by one alone."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from interlock.service.people.requests import EXPIRES_S, PENDING_MAX
from interlock.service.permissions import Actor, Permission, Role
from interlock.service.problems import Problem
from tests.service.people.world import SHELL, Browser, Member, World, actor_at, with_alice


class Done:
    """What was done, and by whom."""

    def __init__(self, here: World, kind: str = "clear_kill") -> None:
        self.calls: list[tuple[dict[str, Any], str]] = []
        self.problem: BaseException | None = None
        here.people.four_eyes.does(kind, self)

    async def __call__(self, what: dict[str, Any], who: str) -> dict[str, Any]:
        """Do it."""
        self.calls.append((what, who))
        if self.problem is not None:
            raise self.problem
        return {"cleared": True}


async def two(here: World) -> tuple[Browser, Member]:
    """Return another administrator, who has shown a fresh code."""
    browser = here.browser()
    bob = await here.join(browser, "bob", Role.ADMIN)
    await here.step_up(browser, bob)
    return browser, bob


async def ask(here: World, browser: Browser, reason: str = "a drill is over") -> str:
    found = await here.people.four_eyes.ask(
        actor_at(here, browser), "clear_kill", {"reason": reason}, "c-1", "203.0.113.7"
    )
    assert found is not None
    return found


async def decide(browser: Browser, name: str, *, approve: bool = True) -> tuple[int, str]:
    answer = await browser.post(f"/api/requests/{name}", {"approve": approve})
    found = answer.json()
    return answer.status_code, found["error"]["code"] if "error" in found else found["request"][
        "state"
    ]


@pytest.mark.parametrize(
    ("mode", "alone", "both"), [("auto", False, True), ("on", True, True), ("off", False, False)]
)
def test_a_second_person_is_needed_when_there_is_one(mode: str, alone: bool, both: bool) -> None:
    async def story(here: World, browser: Browser, _alice: Member) -> None:
        needed = [await here.people.four_eyes.needed()]
        here.people.managing.add("bob", Role.ADMIN, SHELL)
        needed.append(await here.people.four_eyes.needed())
        here.people.managing.reset("bob", SHELL)
        await here.join(here.browser(), "carol", Role.RISK_MANAGER)
        needed.append(await here.people.four_eyes.needed())
        await here.join(here.browser(), "dave", Role.ADMIN)

        # Whoever was only invited does not count, and other roles do not.
        assert needed == [alone] * 3
        assert await here.people.four_eyes.needed() is both
        found = await here.people.four_eyes.ask(actor_at(here, browser), "clear_kill", {})
        assert (found is not None) is both

    with_alice(story, four_eyes=mode)


def test_what_was_asked_for_is_done_once_another_approved() -> None:
    async def story(here: World, browser: Browser, _alice: Member) -> None:
        done = Done(here)
        other, _ = await two(here)
        name = await ask(here, browser)
        listed = (await other.get("/api/requests")).json()

        answer = await other.post(f"/api/requests/{name}", {"approve": True})

        assert listed["needed"] is True
        assert [(x["id"], x["state"], x["requester"], x["reason"]) for x in listed["items"]] == [
            (name, "PENDING", "user:alice", "a drill is over")
        ]
        assert answer.json()["result"] == {"cleared": True}
        assert answer.json()["request"]["state"] == "DONE"
        assert answer.json()["request"]["decided_by"] == "user:bob"
        assert done.calls == [({"reason": "a drill is over"}, "user:alice, approved by user:bob")]
        assert here.recorded()[-3:] == [
            "ask for clear_kill",
            "approved clear_kill",
            "done clear_kill",
        ]
        assert here.audit.records[-3]["correlation"] == "c-1"

    with_alice(story)


def test_nobody_approves_what_they_asked_for() -> None:
    async def story(here: World, browser: Browser, alice: Member) -> None:
        done = Done(here)
        await two(here)
        await here.step_up(browser, alice)
        name = await ask(here, browser)

        refused = await decide(browser, name)
        by_telegram = replace(actor_at(here, browser), name="telegram:alice")
        with pytest.raises(Problem, match="SECOND_PERSON_NEEDED"):
            await here.people.four_eyes.decide(by_telegram, name, approve=True, who=SHELL)

        assert refused == (403, "SECOND_PERSON_NEEDED")
        assert done.calls == []
        assert here.denied() == ["SECOND_PERSON_NEEDED"] * 2

    with_alice(story)


def test_the_database_itself_has_two_people_for_one_request() -> None:
    async def story(here: World, browser: Browser, _alice: Member) -> None:
        await two(here)
        await ask(here, browser)

        with here.database.begin() as connection, pytest.raises(Exception, match="two_people"):
            connection.exec_driver_sql(
                "UPDATE requests SET state = 'APPROVED', decided_by = requester"
            )

    with_alice(story)


def test_of_twenty_who_approve_at_the_same_moment_one_does_it() -> None:
    async def story(here: World, browser: Browser, _alice: Member) -> None:
        done = Done(here)
        other, _ = await two(here)
        name = await ask(here, browser)

        answers = await asyncio.gather(*(decide(other, name) for _ in range(20)))

        assert sorted(answers) == [(200, "DONE")] + [(409, "TOO_LATE")] * 19
        assert len(done.calls) == 1

    with_alice(story)


def test_approving_needs_the_permission_and_a_fresh_code() -> None:
    async def story(here: World, browser: Browser, _alice: Member) -> None:
        done = Done(here)
        await two(here)
        quant, manager = here.browser(), here.browser()
        dave = await here.join(quant, "dave", Role.QUANT)
        await here.step_up(quant, dave)
        carol = await here.join(manager, "carol", Role.RISK_MANAGER)
        name = await ask(here, browser)

        refused = [await decide(quant, name), await decide(manager, name)]
        unseen = (await quant.get("/api/requests")).json()["items"]
        await here.step_up(manager, carol)
        approved = await decide(manager, name)

        assert refused == [(403, "NOT_PERMITTED"), (403, "STEP_UP_NEEDED")]
        assert unseen == []
        assert approved == (200, "DONE")
        assert len(done.calls) == 1

    with_alice(story)


def test_another_refuses_and_whoever_asked_withdraws() -> None:
    async def story(here: World, browser: Browser, _alice: Member) -> None:
        done = Done(here)
        other, _ = await two(here)
        first, second = await ask(here, browser, "one"), await ask(here, browser, "two")

        refused = await decide(other, first, approve=False)
        withdrawn = await decide(browser, second, approve=False)
        late = [await decide(other, name) for name in (first, second)]

        assert (refused, withdrawn) == ((200, "REFUSED"), (200, "WITHDRAWN"))
        assert late == [(409, "TOO_LATE")] * 2
        assert done.calls == []

    with_alice(story)


def test_a_request_expires() -> None:
    async def story(here: World, browser: Browser, _alice: Member) -> None:
        done = Done(here)
        other, bob = await two(here)
        name = await ask(here, browser)
        for _ in range(5):
            here.wait(EXPIRES_S / 5 - 30)
            await other.get("/api/session")
        await here.step_up(other, bob)
        here.wait(120)
        listed = (await other.get("/api/requests")).json()["items"]

        late = await decide(other, name)

        assert listed[0]["state"] == "EXPIRED"
        assert late == (409, "TOO_LATE")
        assert done.calls == []

    with_alice(story)


def test_what_was_asked_by_somebody_who_may_not_any_more_is_not_done() -> None:
    async def story(here: World, browser: Browser, _alice: Member) -> None:
        done = Done(here)
        other, _ = await two(here)
        await here.join(here.browser(), "carol", Role.ADMIN)
        name = await ask(here, browser)
        here.people.managing.set_role("alice", Role.QUANT, SHELL)

        demoted = await decide(other, name)
        here.people.managing.set_role("alice", Role.ADMIN, SHELL)
        here.people.managing.disable("alice", SHELL)
        disabled = await decide(other, name)

        assert demoted == disabled == (403, "REQUESTER_GONE")
        assert done.calls == []
        assert await decide(other, name, approve=False) == (200, "REFUSED")

    with_alice(story)


def test_a_problem_in_doing_it_is_what_the_approver_is_told() -> None:
    async def story(here: World, browser: Browser, _alice: Member) -> None:
        done = Done(here)
        done.problem = Problem(status=409, code="NOT_FLAT", message="something is open.")
        other, _ = await two(here)
        name = await ask(here, browser)

        told = await decide(other, name)
        again = await decide(other, name)
        listed = (await other.get("/api/requests")).json()["items"]

        assert (told, again) == ((409, "NOT_FLAT"), (409, "TOO_LATE"))
        assert (listed[0]["state"], listed[0]["outcome"]) == ("FAILED", "something is open.")

    with_alice(story)


def test_what_broke_off_is_not_done_again() -> None:
    async def story(here: World, browser: Browser, _alice: Member) -> None:
        done = Done(here)
        done.problem = KeyError("a bug")
        other, _ = await two(here)
        name = await ask(here, browser)

        answer = await other.post(f"/api/requests/{name}", {"approve": True})
        again = await decide(other, name)

        assert (answer.status_code, again) == (500, (409, "TOO_LATE"))
        assert len(done.calls) == 1

    with_alice(story)


def test_the_same_of_the_same_person_is_one_request() -> None:
    async def story(here: World, browser: Browser, _alice: Member) -> None:
        other, _ = await two(here)

        names = [await ask(here, browser), await ask(here, browser), await ask(here, other)]

        assert names[0] == names[1] != names[2]

    with_alice(story)


def test_only_so_many_wait() -> None:
    async def story(here: World, browser: Browser, _alice: Member) -> None:
        await two(here)
        for number in range(PENDING_MAX):
            await ask(here, browser, f"reason {number}")

        with pytest.raises(Problem, match="TOO_MANY_REQUESTS"):
            await ask(here, browser, "one more")

    with_alice(story)


def test_programs_neither_ask_nor_approve() -> None:
    async def story(here: World, browser: Browser, _alice: Member) -> None:
        await two(here)
        name = await ask(here, browser)
        program = Actor(name="token:x", permissions=frozenset(Permission), stepped_up=True)

        with pytest.raises(Problem, match="NEEDS_A_PERSON"):
            await here.people.four_eyes.ask(program, "clear_kill", {})
        with pytest.raises(Problem, match="NEEDS_A_PERSON"):
            await here.people.four_eyes.decide(program, name, approve=True, who=SHELL)

    with_alice(story)


def test_what_is_not_there_is_not_found() -> None:
    async def story(_here: World, browser: Browser, _alice: Member) -> None:
        assert await decide(browser, "nothing") == (404, "NOT_FOUND")

    with_alice(story)


# --- people themselves ------------------------------------------------------------------------


def test_whoever_may_make_people_cannot_make_a_second_self() -> None:
    """Else one person could be two: giving and taking roles that approve needs another, too."""

    async def story(here: World, browser: Browser, alice: Member) -> None:
        other, bob = await two(here)
        await here.join(here.browser(), "quinn", Role.QUANT)
        await here.step_up(browser, alice)
        asked = [
            await browser.post("/api/people", {"name": "mallory", "role": "admin"}),
            await browser.post("/api/people", {"name": "trent", "role": "risk_manager"}),
            await browser.post("/api/people/quinn/role", {"role": "admin", "reason": "grown"}),
            await browser.post("/api/people/bob/role", {"role": "quant"}),
            await browser.post("/api/people/bob/reset", {}),
            await browser.post("/api/people/bob/disable", {}),
            await browser.post("/api/people/bob/enable", {}),
        ]
        free = [
            await browser.post("/api/people", {"name": "una", "role": "auditor"}),
            await browser.post("/api/people/quinn/disable", {}),
            await browser.post("/api/people/quinn/role", {"role": "trading_ops"}),
            await browser.post("/api/people/quinn/enable", {}),
            await browser.post("/api/people/quinn/reset", {}),
        ]

        assert [x.status_code for x in asked] == [202] * 7
        assert [x.status_code for x in free] == [200] * 5
        await here.step_up(other, bob)
        done = await other.post(f"/api/requests/{asked[1].json()['request']}", {"approve": True})
        promoted = await decide(other, asked[2].json()["request"])
        roles = {one.name: one.role for one in here.people.managing.people()}
        assert roles["bob"] is Role.ADMIN
        assert roles["quinn"] is Role.ADMIN
        assert roles["trent"] is Role.RISK_MANAGER
        assert "mallory" not in roles
        assert promoted == (200, "DONE")
        code = done.json()["result"]["code"]
        assert (await here.enrol(here.browser(), code)).name == "trent"
        stored = repr((await other.get("/api/requests")).json())
        assert code not in stored

    with_alice(story)
