"""How the first person, and everybody after, comes to have a password and an authenticator."""

import asyncio
import re
from collections.abc import Awaitable, Callable

import pyotp
import pytest

from interlock.service.people.codes import new_code, plain_code
from interlock.service.people.invitations import VALID_S, offer_first_code
from interlock.service.permissions import Role
from tests.service.people.world import PASSWORD, SHELL, Browser, Member, World, with_alice, world


def alone(story: Callable[[World], Awaitable[None]]) -> None:
    """Run a story with nobody in it."""
    with world() as here:
        asyncio.run(story(here))  # type: ignore[arg-type]


def offered(here: World) -> str:
    path = offer_first_code(here.database, here.clock, here.first_code)
    assert path == here.first_code
    return path.read_text().strip()


def now(secret: str, here: World) -> str:
    return pyotp.TOTP(secret).at(here.clock.now_ns() // 1_000_000_000)


async def begin(browser: Browser, code: str, **changes: str) -> tuple[int, dict[str, str]]:
    body = {"code": code, "name": "alice", "password": PASSWORD, **changes}
    answer = await browser.post("/api/setup", body)
    found = answer.json()
    return answer.status_code, found.get("error", found)


def test_there_is_nobody_and_no_password_before_the_first_code_was_used() -> None:
    async def story(here: World) -> None:
        first = (await here.browser().get("/api/setup")).json()
        alice = await here.first(here.browser())
        then = (await here.browser().get("/api/setup")).json()

        assert (first, then) == ({"first_person": True}, {"first_person": False})
        assert [one.name for one in here.people.managing.people()] == [alice.name]

    alone(story)


def test_the_first_code_is_in_a_file_of_this_user_alone_and_goes_with_its_use() -> None:
    async def story(here: World) -> None:
        code = offered(here)

        assert here.first_code.stat().st_mode & 0o777 == 0o600
        assert re.fullmatch("([A-Z2-7]{5}-){5}[A-Z2-7]", code)
        await here.enrol(here.browser(), code, "alice")

        assert not here.first_code.exists()
        assert (await begin(here.browser(), code, name="mallory"))[0] == 401
        assert "enrol as first administrator" in here.recorded()

    alone(story)


def test_another_start_gives_another_first_code_until_there_is_somebody() -> None:
    async def story(here: World) -> None:
        old, new = offered(here), offered(here)

        refused, _ = await begin(here.browser(), old)
        await here.enrol(here.browser(), new, "alice")

        assert refused == 401
        assert offer_first_code(here.database, here.clock, here.first_code) is None
        assert not here.first_code.exists()

    alone(story)


def test_a_start_takes_away_a_code_that_nobody_needs_any_more() -> None:
    async def story(here: World) -> None:
        code = offered(here)
        await here.join(here.browser(), "bob", Role.ADMIN)

        refused, _ = await begin(here.browser(), code)
        assert offer_first_code(here.database, here.clock, here.first_code) is None

        assert refused == 401
        assert not here.first_code.exists()

    alone(story)


def test_a_code_ends_after_a_day() -> None:
    async def story(here: World) -> None:
        code = offered(here)
        here.wait(VALID_S - 1)
        assert (await begin(here.browser(), code))[0] == 200
        here.wait(1)

        assert (await begin(here.browser(), code))[0] == 401

    alone(story)


def test_setting_up_has_to_show_the_first_code_of_the_authenticator() -> None:
    async def story(here: World) -> None:
        browser = here.browser()
        _, found = await begin(browser, offered(here))
        body = {"enrolment": found["enrolment"], "code": "000000"}

        wrong = await browser.post("/api/setup/confirm", body)
        right = await browser.post(
            "/api/setup/confirm", {**body, "code": now(found["secret"], here)}
        )
        again = await browser.post(
            "/api/setup/confirm", {**body, "code": now(found["secret"], here)}
        )

        assert (wrong.status_code, right.status_code, again.status_code) == (401, 200, 401)
        assert len(set(right.json()["recovery_codes"])) == 10
        assert (await browser.get("/api/session")).json()["name"] == "alice"
        assert found["secret"] in found["uri"]
        assert found["qr"].startswith("data:image/svg+xml")

    alone(story)


def test_the_code_that_was_shown_first_signs_nobody_in_again() -> None:
    async def story(here: World) -> None:
        browser = here.browser()
        _, found = await begin(browser, offered(here))
        code = now(found["secret"], here)
        await browser.post("/api/setup/confirm", {"enrolment": found["enrolment"], "code": code})

        again = await here.sign_in(
            here.browser("198.51.100.1"), Member("alice", found["secret"], []), code=code
        )

        assert again.status_code == 401

    alone(story)


def test_who_begins_again_makes_worthless_what_was_begun() -> None:
    async def story(here: World) -> None:
        code = offered(here)
        _, first = await begin(here.browser(), code)
        _, second = await begin(here.browser(), code)

        old = await here.browser().post(
            "/api/setup/confirm",
            {"enrolment": first["enrolment"], "code": now(first["secret"], here)},
        )
        mixed = await here.browser().post(
            "/api/setup/confirm",
            {"enrolment": second["enrolment"], "code": now(first["secret"], here)},
        )
        new = await here.browser().post(
            "/api/setup/confirm",
            {"enrolment": second["enrolment"], "code": now(second["secret"], here)},
        )

        assert (old.status_code, mixed.status_code, new.status_code) == (401, 401, 200)

    alone(story)


def test_of_twenty_who_confirm_at_the_same_moment_one_becomes_administrator() -> None:
    async def story(here: World) -> None:
        _, found = await begin(here.browser(), offered(here))
        body = {"enrolment": found["enrolment"], "code": now(found["secret"], here)}

        answers = await asyncio.gather(
            *(here.browser(f"203.0.113.{x}").post("/api/setup/confirm", body) for x in range(20))
        )

        assert sorted(x.status_code for x in answers) == [200] + [401] * 19
        assert len(here.people.managing.people()) == 1

    alone(story)


@pytest.mark.parametrize("name", ["", "a", "Alice", "a b", "a" * 33, "1a", "älice", "a/../b", "-a"])
def test_a_name_is_a_plain_word(name: str) -> None:
    async def story(here: World) -> None:
        status, error = await begin(here.browser(), offered(here), name=name)

        assert (status, error["code"]) == (422, "BAD_NAME")

    alone(story)


@pytest.mark.parametrize("password", ["short", "x" * 129, "alice1234567", "password1234"])
def test_a_bad_password_uses_no_code_up(password: str) -> None:
    async def story(here: World) -> None:
        code = offered(here)

        status, error = await begin(here.browser(), code, password=password)

        assert (status, error["code"]) == (422, "BAD_PASSWORD")
        assert (await begin(here.browser(), code))[0] == 200

    alone(story)


def test_a_name_that_somebody_has_is_not_given_again() -> None:
    async def story(here: World) -> None:
        code = offered(here)
        here.people.managing.add("alice", Role.QUANT, SHELL)

        status, error = await begin(here.browser(), code)

        assert (status, error["code"]) == (409, "NAME_TAKEN")

    alone(story)


def test_a_name_that_somebody_takes_meanwhile_is_not_given_again() -> None:
    async def story(here: World) -> None:
        browser = here.browser()
        _, found = await begin(browser, offered(here))
        here.people.managing.add("alice", Role.QUANT, SHELL)

        answer = await browser.post(
            "/api/setup/confirm",
            {"enrolment": found["enrolment"], "code": now(found["secret"], here)},
        )

        assert answer.status_code == 409
        assert here.first_code.exists()

    alone(story)


def test_an_invitation_is_for_one_person_of_one_role() -> None:
    async def story(here: World, browser: Browser, _alice: Member) -> None:
        await here.step_up(browser, _alice)
        made = await browser.post("/api/people", {"name": "bob", "role": "quant"})
        fresh = here.browser()

        bob = await here.enrol(fresh, made.json()["code"], "mallory")

        me = (await fresh.get("/api/session")).json()
        assert (bob.name, me["name"], me["role"]) == ("bob", "bob", "quant")

    with_alice(story)


def test_a_reset_takes_everything_and_gives_a_new_invitation() -> None:
    async def story(here: World, _browser: Browser, _alice: Member) -> None:
        browser = here.browser()
        bob = await here.join(browser, "bob", Role.QUANT)

        code = here.people.managing.reset("bob", SHELL)

        assert (await browser.get("/api/session")).status_code == 401
        assert (await here.sign_in(here.browser(), bob)).status_code == 401
        recovery = await here.sign_in(
            here.browser("192.0.2.4"), bob, recovery_code=bob.recovery_codes[0]
        )
        assert recovery.status_code == 401
        again = await here.enrol(here.browser(), code)
        assert (again.name, again.secret == bob.secret) == ("bob", False)
        assert (await here.sign_in(here.browser(), again)).status_code == 200

    with_alice(story)


def test_whoever_is_disabled_cannot_use_an_invitation() -> None:
    async def story(here: World, _browser: Browser, _alice: Member) -> None:
        code = here.people.managing.add("bob", Role.QUANT, SHELL)
        here.people.managing.disable("bob", SHELL)

        assert (await begin(here.browser(), code))[0] == 401

    with_alice(story)


def test_guessing_codes_makes_whoever_guesses_wait() -> None:
    async def story(here: World) -> None:
        browser = here.browser()
        offered(here)

        codes = [(await begin(browser, new_code()))[0] for _ in range(25)]
        confirmed = await browser.post("/api/setup/confirm", {"enrolment": "x", "code": "000000"})

        assert codes == [401] * 20 + [429] * 5
        assert confirmed.status_code == 429
        assert set(here.denied()) == {"INVITATION_REFUSED", "TOO_MANY_TRIES"}

    alone(story)


def test_a_code_may_be_typed_as_people_type() -> None:
    code = new_code()

    assert plain_code(f" {code.lower().replace('-', ' ')} ") == code.replace("-", "")
    assert [plain_code(x) for x in ("", "short", code + "A", code.replace("-", "1"))] == [""] * 4
