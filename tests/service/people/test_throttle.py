"""Who has to wait before the next try, and who never does because of somebody else."""

import asyncio
import threading

from hypothesis import given
from hypothesis import strategies as st

from interlock.runtime.clock import NS_PER_S, ManualClock
from interlock.service.people import throttle as module
from interlock.service.people.throttle import FORGOTTEN_S, Key, Kind, Throttle
from interlock.service.permissions import Role
from tests.service.people.world import Browser, Member, World, with_alice

PAIR = Key(Kind.PAIR, "203.0.113.7 alice")


def made() -> tuple[Throttle, ManualClock]:
    clock = ManualClock()
    return Throttle(clock), clock


def test_waits_double_after_the_free_tries_up_to_the_longest() -> None:
    one, clock = made()
    waits = []
    for _ in range(Kind.PAIR.free - 1):
        assert one.attempt([PAIR]) == 0
    for _ in range(14):
        assert one.attempt([PAIR]) == 0
        waits.append(one.attempt([PAIR]))
        clock.advance(waits[-1] * NS_PER_S)

    assert waits == [1 << x for x in range(10)] + [900] * 4


@given(st.lists(st.tuples(st.sampled_from(Kind), st.integers(0, 1_200)), max_size=60))
def test_nobody_waits_longer_than_the_longest_and_a_refused_try_costs_nothing(
    tries: list[tuple[Kind, int]],
) -> None:
    one, clock = made()
    for kind, pause_s in tries:
        key = Key(kind, "x")
        wait_s = one.attempt([key])
        assert 0 <= wait_s <= kind.longest_s
        if wait_s:
            assert one.attempt([key]) == wait_s
            clock.advance(wait_s * NS_PER_S)
            assert one.attempt([key]) == 0
        clock.advance(pause_s * NS_PER_S)


@given(st.sampled_from(Kind), st.integers(1, 40), st.floats(0, 20))
def test_between_two_looks_at_the_clock_no_more_than_the_free_tries_pass(
    kind: Kind, tries: int, pause_s: float
) -> None:
    one, clock = made()
    clock.advance(int(pause_s * NS_PER_S))

    passed = sum(one.attempt([Key(kind, "x")]) == 0 for _ in range(tries))

    assert passed == min(tries, kind.free)


def test_many_at_once_are_no_way_around_it() -> None:
    one, _ = made()
    passed, barrier = [], threading.Barrier(20)

    def attempt() -> None:
        barrier.wait()
        passed.append(one.attempt([PAIR]) == 0)

    threads = [threading.Thread(target=attempt) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sum(passed) == Kind.PAIR.free


def test_what_was_right_is_forgotten_but_an_address_keeps_its_other_failures() -> None:
    one, _ = made()
    source = Key(Kind.SOURCE, "203.0.113.7")
    for _ in range(Kind.SOURCE.free):
        assert one.attempt([source]) == 0
    assert one.attempt([source]) > 0

    one.passed([source, PAIR])

    assert one.attempt([source]) == 0
    assert one.attempt([source]) > 0


def test_an_hour_without_a_failure_forgets_them() -> None:
    one, clock = made()
    for _ in range(Kind.PAIR.free):
        one.attempt([PAIR])
    clock.advance((FORGOTTEN_S + 1) * NS_PER_S)

    assert [one.attempt([PAIR]) == 0 for _ in range(Kind.PAIR.free)] == [True] * Kind.PAIR.free


def test_what_is_remembered_has_an_end() -> None:
    one, _ = made()
    for number in range(module._HELD_MAX + 50):
        one.attempt([Key(Kind.PAIR, str(number))])

    assert len(one._counts[Kind.PAIR]) == module._HELD_MAX


# --- at the door ------------------------------------------------------------------------------


async def hammer(browser: Browser, name: str, times: int) -> list[int]:
    body = {"name": name, "password": "this is wrong", "code": "000000"}
    return [(await browser.post("/api/session", body)).status_code for _ in range(times)]


def test_guessing_makes_whoever_guesses_wait_and_says_how_long() -> None:
    async def story(here: World, _browser: Browser, _alice: Member) -> None:
        guesser = here.browser("198.51.100.1")

        codes = await hammer(guesser, "alice", 5)
        refused = await guesser.post("/api/session", {"name": "alice", "password": "x"})

        assert codes == [401, 401, 401, 429, 429]
        assert refused.json()["error"]["code"] == "TOO_MANY_TRIES"
        assert int(refused.headers["retry-after"]) > 0
        assert "TOO_MANY_TRIES" in here.denied()

    with_alice(story)


def test_unknown_names_are_made_to_wait_alike() -> None:
    async def story(here: World, _browser: Browser, _alice: Member) -> None:
        known = await hammer(here.browser("198.51.100.1"), "alice", 6)
        unknown = await hammer(here.browser("198.51.100.2"), "nobody", 6)

        assert known == unknown

    with_alice(story)


def test_an_address_that_tries_many_names_waits_too() -> None:
    async def story(here: World, _browser: Browser, _alice: Member) -> None:
        guesser = here.browser("198.51.100.1")

        codes = [code for number in range(30) for code in await hammer(guesser, f"n{number}", 1)]

        assert codes == [401] * Kind.SOURCE.free + [429] * 10

    with_alice(story)


def test_nobody_is_locked_out_by_somebody_elses_guesses() -> None:
    """However many addresses guess: from another one, and at their own browser, people come in."""

    async def story(here: World, browser: Browser, alice: Member) -> None:
        for number in range(60):
            await hammer(here.browser(f"198.51.100.{number}"), "alice", 4)
        same_address = here.browser("198.51.100.5")
        same_address.cookies.update(browser.cookies)

        new_address = await here.sign_in(here.browser("192.0.2.1"), alice)
        own_browser = await here.sign_in(same_address, alice)

        assert (new_address.status_code, own_browser.status_code) == (200, 200)

    with_alice(story)


def test_a_known_browser_is_no_way_to_guess_either() -> None:
    async def story(_here: World, browser: Browser, _alice: Member) -> None:
        codes = await hammer(browser, "alice", 8)

        assert codes == [401] * Kind.DEVICE.free + [429] * 3

    with_alice(story)


def test_a_browser_is_known_for_its_own_person_alone() -> None:
    async def story(here: World, browser: Browser, _alice: Member) -> None:
        other = here.browser("198.51.100.9")
        await here.join(other, "bob", Role.QUANT)
        stranger = here.browser("198.51.100.9")
        stranger.cookies.update(browser.cookies)

        codes = await hammer(stranger, "bob", 5)

        assert codes == [401] * Kind.PAIR.free + [429] * 2

    with_alice(story)


def test_whoever_has_the_password_cannot_go_on_guessing_codes_from_many_addresses() -> None:
    async def story(here: World, browser: Browser, alice: Member) -> None:
        code = here.code(alice)
        for number in range(Kind.ACCOUNT.free):
            await here.sign_in(here.browser(f"198.51.100.{number}"), alice, code="000000")

        guessed = await here.sign_in(here.browser("198.51.100.200"), alice, code=code)
        owner = await here.sign_in(browser, alice)
        here.wait(Kind.ACCOUNT.longest_s)
        later = await here.sign_in(here.browser("198.51.100.201"), alice)

        # A right code is not believed from elsewhere, and nothing says that it was right.
        assert guessed.status_code == 401
        assert guessed.json()["error"]["code"] == "LOGIN_REFUSED"
        assert (owner.status_code, later.status_code) == (200, 200)

    with_alice(story)


def test_a_flood_of_logins_is_told_to_come_later_and_webhooks_go_on() -> None:
    """More than a few do not wait for the password thread: everything else has its turn."""

    async def story(here: World, browser: Browser, alice: Member) -> None:
        hasher = here.people.login._hasher
        hasher._waiting_max = 4
        gate = threading.Event()
        blocked = asyncio.get_running_loop().run_in_executor(hasher._thread, gate.wait)
        flood = [hammer(here.browser(f"198.51.100.{x}"), f"n{x}", 1) for x in range(12)]
        answers = asyncio.as_completed(flood)
        refused = [await next(answers) for _ in range(8)]

        others = await here.browser().get("/api/setup")
        owner = asyncio.create_task(here.sign_in(browser, alice))
        gate.set()
        tried = [await one for one in answers]

        assert others.status_code == 200
        assert refused == [[503]] * 8
        assert tried == [[401]] * 4
        assert (await owner).status_code == 200  # a browser that is known has a place of its own
        await blocked

    with_alice(story)
