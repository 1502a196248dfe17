"""Attacks on the second factor, on recovery codes, and on invitations."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Final

import pyotp

from interlock.runtime.clock import NS_PER_S
from interlock.service.permissions import Role
from tests.service.attacks.stage import Answers, Begin, Case, Stage
from tests.service.people.world import PASSWORD, SHELL, Browser, Member

REFUSED: Final = (401,)
KILL: Final = {"mode": "graceful", "reason": "x"}
DAY_S: Final = 86_400

With = Callable[[Stage, Browser, Member], Awaitable[Awaitable[Answers]]]


def _drifted(stage: Stage, member: Member, steps: int) -> str:
    """Return the code of some steps from now, which was not used."""
    stage.world.wait(600)
    now_s = stage.world.clock.now_ns() // NS_PER_S
    return str(pyotp.TOTP(member.secret).at(now_s + 30 * steps))


def _by(attack: With, role: Role = Role.RISK_MANAGER, *, stepped_up: bool = False) -> Begin:
    """Return an attack on somebody who is signed in."""

    async def begin(stage: Stage) -> Awaitable[Answers]:
        browser, member = await stage.person(role, stepped_up=stepped_up)
        return await attack(stage, browser, member)

    return begin


def _login(**changes: str) -> Begin:
    """Return a login with the right password and something else."""

    async def attack(stage: Stage, _browser: Browser, member: Member) -> Awaitable[Answers]:
        return stage.stranger().post("/api/session", stage.login(member, **changes))

    return _by(attack)


def _typed(code: Any) -> Begin:
    """Return a login with something in place of a code, in JSON."""

    async def attack(stage: Stage, _browser: Browser, member: Member) -> Awaitable[Answers]:
        body = {"name": member.name, "password": PASSWORD, "code": code}
        return stage.stranger().post("/api/session", body)

    return _by(attack)


def _drift(steps: int) -> Begin:
    """Return a login with the code of another time."""

    async def attack(stage: Stage, _browser: Browser, member: Member) -> Awaitable[Answers]:
        body = stage.login(member, code=_drifted(stage, member, steps))
        return stage.stranger().post("/api/session", body)

    return _by(attack)


async def _again(stage: Stage, _browser: Browser, member: Member) -> Awaitable[Answers]:
    body = stage.login(member)
    assert (await stage.stranger().post("/api/session", body)).status_code == 200
    return stage.stranger().post("/api/session", body)


async def _before_the_last(stage: Stage, _browser: Browser, member: Member) -> Awaitable[Answers]:
    """Use a code that was seen but not used, when the next one was."""
    seen = stage.login(member)
    used = stage.login(member)
    assert (await stage.stranger().post("/api/session", used)).status_code == 200
    return stage.stranger().post("/api/session", seen)


async def _by_twenty(stage: Stage, _browser: Browser, member: Member) -> Awaitable[Answers]:
    body = stage.login(member)
    assert (await stage.stranger().post("/api/session", body)).status_code == 200
    return _together([stage.stranger().post("/api/session", body) for _ in range(20)])


async def _together(attempts: list[Any]) -> Answers:
    return list(await asyncio.gather(*attempts))


async def _one_after_another(attempts: list[Any]) -> Answers:
    return [await one for one in attempts]


async def _code_of_another(stage: Stage, _browser: Browser, member: Member) -> Awaitable[Answers]:
    _, other = await stage.person()
    return stage.stranger().post("/api/session", stage.login(member, code=stage.world.code(other)))


async def _of_the_login(stage: Stage, _browser: Browser, member: Member) -> Awaitable[Answers]:
    body, browser = stage.login(member), stage.stranger()
    assert (await browser.post("/api/session", body)).status_code == 200
    return browser.post("/api/step-up", {"code": body["code"]})


async def _of_the_step_up(stage: Stage, browser: Browser, member: Member) -> Awaitable[Answers]:
    code = stage.world.code(member)
    assert (await browser.post("/api/step-up", {"code": code})).status_code == 200
    return stage.stranger().post("/api/session", stage.login(member, code=code))


async def _step_up_twice(stage: Stage, browser: Browser, member: Member) -> Awaitable[Answers]:
    code = stage.world.code(member)
    assert (await browser.post("/api/step-up", {"code": code})).status_code == 200
    return browser.post("/api/step-up", {"code": code})


async def _kill_with_a_used_one(
    stage: Stage, browser: Browser, member: Member
) -> Awaitable[Answers]:
    code = stage.world.code(member)
    assert (await browser.post("/api/step-up", {"code": code})).status_code == 200
    stage.world.wait(5 * 60)
    return browser.post("/api/kill", {**KILL, "code": code})


async def _kill_of_another(stage: Stage, browser: Browser, _member: Member) -> Awaitable[Answers]:
    _, other = await stage.person()
    return browser.post("/api/kill", {**KILL, "code": stage.world.code(other)})


async def _guesses(stage: Stage, _browser: Browser, member: Member) -> Awaitable[Answers]:
    """Know the password, and try codes from one address; then the right one."""
    thief = stage.stranger()
    wrong = [thief.post("/api/session", stage.login(member, code=f"{n:06}")) for n in range(30)]
    return _one_after_another([*wrong, thief.post("/api/session", stage.login(member))])


async def _guesses_from_everywhere(
    stage: Stage, _browser: Browser, member: Member
) -> Awaitable[Answers]:
    """Know the password, and try codes from a hundred addresses; then the right one."""
    wrong = [
        stage.stranger().post("/api/session", stage.login(member, code=f"{n:06}"))
        for n in range(100)
    ]
    right = stage.stranger().post("/api/session", stage.login(member))
    return _one_after_another([*wrong, right])


async def _guesses_at_once(stage: Stage, _browser: Browser, member: Member) -> Awaitable[Answers]:
    thief = stage.stranger()
    body = stage.login(member, code="000000")
    return _together([thief.post("/api/session", body) for _ in range(40)])


async def _guesses_passwords(stage: Stage, _browser: Browser, member: Member) -> Awaitable[Answers]:
    thief = stage.stranger()
    wrong = [
        thief.post("/api/session", stage.login(member, password=f"guess number {n}", code="1"))
        for n in range(30)
    ]
    return _one_after_another([*wrong, thief.post("/api/session", stage.login(member))])


async def _guesses_a_step_up(stage: Stage, browser: Browser, member: Member) -> Awaitable[Answers]:
    wrong = [browser.post("/api/step-up", {"code": f"{n:06}"}) for n in range(5)]
    right = browser.post("/api/step-up", {"code": stage.world.code(member)})
    return _one_after_another([*wrong, right])


async def _guesses_by_kills(stage: Stage, browser: Browser, member: Member) -> Awaitable[Answers]:
    wrong = [browser.post("/api/kill", {**KILL, "code": f"{n:06}"}) for n in range(5)]
    right = browser.post("/api/kill", {**KILL, "code": stage.world.code(member)})
    return _one_after_another([*wrong, right])


async def _with_the_device_alone(
    stage: Stage, browser: Browser, member: Member
) -> Awaitable[Answers]:
    return stage.stolen(browser).post("/api/session", stage.login(member, code=""))


async def _recovery_twice(stage: Stage, _browser: Browser, member: Member) -> Awaitable[Answers]:
    body = {"name": member.name, "password": PASSWORD, "recovery_code": member.recovery_codes[0]}
    assert (await stage.stranger().post("/api/session", body)).status_code == 200
    other = {**body, "recovery_code": body["recovery_code"].lower().replace("-", "")}
    return _together([stage.stranger().post("/api/session", one) for one in (body, other) * 10])


async def _old_recovery(stage: Stage, browser: Browser, member: Member) -> Awaitable[Answers]:
    await stage.world.step_up(browser, member)
    assert (await browser.post("/api/session/recovery-codes")).status_code == 200
    body = {"name": member.name, "password": PASSWORD, "recovery_code": member.recovery_codes[0]}
    return stage.stranger().post("/api/session", body)


async def _recovery_of_another(
    stage: Stage, _browser: Browser, member: Member
) -> Awaitable[Answers]:
    _, other = await stage.person()
    body = {"name": member.name, "password": PASSWORD, "recovery_code": other.recovery_codes[0]}
    return stage.stranger().post("/api/session", body)


async def _recovery_as_a_code(
    stage: Stage, _browser: Browser, member: Member
) -> Awaitable[Answers]:
    body = stage.login(member, code=member.recovery_codes[0])
    return stage.stranger().post("/api/session", body)


async def _after_a_reset(stage: Stage, _browser: Browser, member: Member) -> Awaitable[Answers]:
    stage.people.managing.reset(member.name, SHELL)
    body = {"name": member.name, "password": PASSWORD, "recovery_code": member.recovery_codes[0]}
    with_code = stage.stranger().post("/api/session", stage.login(member))
    return _one_after_another([with_code, stage.stranger().post("/api/session", body)])


def _setup(code: str, **more: str) -> dict[str, str]:
    return {"code": code, "password": PASSWORD, **more}


async def _invitation_twice(stage: Stage) -> Awaitable[Answers]:
    code = stage.invited()
    await stage.world.enrol(stage.stranger(), code)
    return stage.stranger().post("/api/setup", _setup(code))


async def _old_invitation(stage: Stage) -> Awaitable[Answers]:
    code = stage.invited()
    stage.world.wait(DAY_S)
    return stage.stranger().post("/api/setup", _setup(code))


async def _first_code_again(stage: Stage) -> Awaitable[Answers]:
    """Use the code that made the first administrator."""
    code = stage.invited(Role.ADMIN)
    await stage.world.enrol(stage.stranger(), code)
    return stage.stranger().post("/api/setup", _setup(code, name="mallory"))


async def _invitation_of_the_disabled(stage: Stage) -> Awaitable[Answers]:
    code = stage.invited()
    stage.people.managing.disable(stage.invitee, SHELL)
    return stage.stranger().post("/api/setup", _setup(code))


async def _replaced_invitation(stage: Stage) -> Awaitable[Answers]:
    """Use an invitation after the person was given another."""
    _, member = await stage.person()
    old = stage.people.managing.reset(member.name, SHELL)
    stage.people.managing.reset(member.name, SHELL)
    return stage.stranger().post("/api/setup", _setup(old))


async def _guessed_invitations(stage: Stage) -> Awaitable[Answers]:
    thief = stage.stranger()
    return _one_after_another(
        [thief.post("/api/setup", _setup(f"AAAAA-AAAAA-{n:05}")) for n in range(40)]
    )


async def _begun(stage: Stage) -> tuple[dict[str, str], str]:
    """Return what an enrolment began with, and its first code."""
    begun = (await stage.stranger().post("/api/setup", _setup(stage.invited()))).json()
    stage.world.wait(30)
    return begun, pyotp.TOTP(begun["secret"]).at(stage.world.clock.now_ns() // NS_PER_S)


async def _enrolment_twice(stage: Stage) -> Awaitable[Answers]:
    begun, code = await _begun(stage)
    body = {"enrolment": begun["enrolment"], "code": code}
    assert (await stage.stranger().post("/api/setup/confirm", body)).status_code == 200
    return stage.stranger().post("/api/setup/confirm", body)


async def _enrolment_guessed(stage: Stage) -> Awaitable[Answers]:
    _, code = await _begun(stage)
    return stage.stranger().post("/api/setup/confirm", {"enrolment": "A" * 43, "code": code})


async def _enrolment_replaced(stage: Stage) -> Awaitable[Answers]:
    """Begin with somebody's code before they do; their own beginning makes ours worthless."""
    code = stage.invited()
    mine = (await stage.stranger().post("/api/setup", _setup(code))).json()
    await stage.stranger().post("/api/setup", _setup(code))
    stage.world.wait(30)
    shown = pyotp.TOTP(mine["secret"]).at(stage.world.clock.now_ns() // NS_PER_S)
    return stage.stranger().post(
        "/api/setup/confirm", {"enrolment": mine["enrolment"], "code": shown}
    )


async def _enrolment_of_another_code(stage: Stage) -> Awaitable[Answers]:
    mine, _ = await _begun(stage)
    _, code = await _begun(stage)
    return stage.stranger().post(
        "/api/setup/confirm", {"enrolment": mine["enrolment"], "code": code}
    )


async def _enrolment_too_late(stage: Stage) -> Awaitable[Answers]:
    begun, _ = await _begun(stage)
    stage.world.wait(DAY_S)
    shown = pyotp.TOTP(begun["secret"]).at(stage.world.clock.now_ns() // NS_PER_S)
    return stage.stranger().post(
        "/api/setup/confirm", {"enrolment": begun["enrolment"], "code": shown}
    )


async def _enrolment_guesses(stage: Stage) -> Awaitable[Answers]:
    begun, _ = await _begun(stage)
    thief = stage.stranger()
    body = {"enrolment": begun["enrolment"]}
    return _one_after_another(
        [thief.post("/api/setup/confirm", {**body, "code": f"{n:06}"}) for n in range(40)]
    )


async def _weak_password(stage: Stage) -> Awaitable[Answers]:
    code = stage.invited()
    return _one_after_another(
        [
            stage.stranger().post("/api/setup", {"code": code, "password": weak})
            for weak in ("", "short", "password1234", "x" * 129, "interlockinterlock")
        ]
    )


CASES: Final = tuple(
    Case(name=f"second factor: {name}", begin=begin, statuses=statuses)
    for name, begin, statuses in (
        ("none", _login(code=""), REFUSED),
        ("zeros", _login(code="000000"), REFUSED),
        ("five digits", _login(code="12345"), REFUSED),
        ("seven digits", _login(code="1234567"), REFUSED),
        ("letters", _login(code="abcdef"), REFUSED),
        ("other digits", _login(code="\uff11\uff12\uff13\uff14\uff15\uff16"), REFUSED),
        ("a sign", _login(code="-12345"), REFUSED),
        ("an exponent", _login(code="1e5"), REFUSED),
        ("a wildcard", _login(code="%%%%%%"), REFUSED),
        ("a command", _login(code="' OR 1=1 --"), REFUSED),
        ("a zero byte", _login(code="123\x00456"), (400, 401)),
        ("a number", _typed(123456), (422,)),
        ("a list", _typed(["000000", "000001"]), (422,)),
        ("an object", _typed({"$ne": ""}), (422,)),
        ("true", _typed(True), (422,)),  # noqa: FBT003 - of JSON
        ("nothing of JSON", _typed(None), (422,)),
        ("of 10 KB", _typed("1" * 10_000), (422,)),
        ("of two steps ago", _drift(-2), REFUSED),
        ("of two steps to come", _drift(2), REFUSED),
        ("of an hour ago", _drift(-120), REFUSED),
        ("of another person", _by(_code_of_another), REFUSED),
        ("used before", _by(_again), REFUSED),
        ("used before, by twenty", _by(_by_twenty), REFUSED),
        ("from before the last that was used", _by(_before_the_last), REFUSED),
        ("of the login, for a step-up", _by(_of_the_login), REFUSED),
        ("of a step-up, for a login", _by(_of_the_step_up), REFUSED),
        ("of a step-up, for another", _by(_step_up_twice), REFUSED),
        ("of a step-up, for a kill", _by(_kill_with_a_used_one), (403,)),
        ("of another person, for a kill", _by(_kill_of_another), (403,)),
        ("guessed from one address", _by(_guesses), (401, 429)),
        ("guessed from a hundred", _by(_guesses_from_everywhere), (401, 429)),
        ("guessed at once", _by(_guesses_at_once), (401, 429)),
        ("guessed at a step-up", _by(_guesses_a_step_up), REFUSED),
        ("guessed by kills", _by(_guesses_by_kills), (401, 403)),
        ("passwords guessed", _by(_guesses_passwords), (401, 429)),
        ("a known browser alone", _by(_with_the_device_alone), REFUSED),
        ("a recovery code twice", _by(_recovery_twice), (401, 429)),
        ("an old recovery code", _by(_old_recovery), REFUSED),
        ("a recovery code of another", _by(_recovery_of_another), REFUSED),
        ("a recovery code as a code", _by(_recovery_as_a_code), REFUSED),
        ("after a reset", _by(_after_a_reset), REFUSED),
        ("an invitation twice", _invitation_twice, REFUSED),
        ("an old invitation", _old_invitation, REFUSED),
        ("an administrator's invitation twice", _first_code_again, REFUSED),
        ("an invitation of the disabled", _invitation_of_the_disabled, REFUSED),
        ("an invitation that was replaced", _replaced_invitation, REFUSED),
        ("guessed invitations", _guessed_invitations, (401, 429)),
        ("an enrolment twice", _enrolment_twice, REFUSED),
        ("a guessed enrolment", _enrolment_guessed, REFUSED),
        ("an enrolment that was begun anew", _enrolment_replaced, REFUSED),
        ("an enrolment with another's code", _enrolment_of_another_code, REFUSED),
        ("an enrolment of yesterday", _enrolment_too_late, REFUSED),
        ("an enrolment's codes guessed", _enrolment_guesses, (401, 429)),
        ("a weak password", _weak_password, (422,)),
    )
)
