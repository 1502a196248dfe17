"""What a page does while it is open: it follows, says when it cannot, and acts once."""

from collections.abc import Callable

import pytest

from interlock.runtime.clock import SystemClock
from interlock.service.permissions import Role
from tests.proof.browser.conftest import PHONE, Visitor
from tests.service.web import fake_state as made
from tests.service.web.fake_account import CODE, PASSWORD, SETUP_CODE, Fake, full, overview

Visit = Callable[..., Visitor]


def now_ns() -> int:
    """Return the time of the browser's own clock."""
    return SystemClock().now_ns()


def test_signing_in_takes_name_password_and_code(visit: Visit, fake: Fake) -> None:
    visitor = visit(quiet=False)
    page = visitor.go("/orders")
    assert page.url.endswith("/login?next=%2Forders")

    page.get_by_label("Name").fill("alice")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    visitor.until("#wrong", "A code is needed too")
    page.get_by_label("Code of your authenticator").fill("000000")
    page.get_by_role("button", name="Sign in").click()
    visitor.until("#wrong", "name, password or code is wrong")
    visitor.shoot("login-wrong")
    page.get_by_label("Code of your authenticator").fill(CODE)
    page.get_by_role("button", name="Sign in").click()
    page.locator("#orders tbody tr").first.wait_for()

    assert page.url == f"{visitor.url}/orders"
    page.get_by_role("button", name="Sign out").click()
    page.locator("#login").wait_for()
    assert fake.sessions == {}


def test_a_recovery_code_does_instead(visit: Visit, fake: Fake) -> None:
    del fake
    visitor = visit()
    page = visitor.go("/login")
    page.get_by_label("Name").fill("alice")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Use a recovery code").click()
    page.get_by_label("Recovery code", exact=True).fill(CODE)
    page.get_by_role("button", name="Sign in").click()
    page.locator("#state.ok").wait_for()


def test_the_first_administrator_is_set_up(visit: Visit, fake: Fake) -> None:
    fake.first_person = True
    visitor = visit(quiet=False, viewport=PHONE)
    page = visitor.go("/login")
    page.get_by_role("link", name="Set up the first administrator").click()
    page.get_by_label("One-time code").fill(SETUP_CODE)
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_label("The same password again").fill(PASSWORD + "x")
    page.get_by_role("button", name="Go on").click()
    visitor.until("#wrong", "not the same")
    page.get_by_label("The same password again").fill(PASSWORD)
    visitor.shoot("setup-1")
    page.get_by_role("button", name="Go on").click()
    page.locator("#qr img").wait_for()
    assert page.locator("#qr img").evaluate("x => x.complete && x.naturalWidth > 0")
    visitor.shoot("setup-2")
    page.get_by_label("Code of your authenticator").fill(CODE)
    page.get_by_role("button", name="Confirm").click()
    page.locator("#codes li").nth(9).wait_for()
    visitor.shoot("setup-3")
    page.get_by_role("link", name="I have kept them").click()
    page.locator("#state.ok").wait_for()


def test_what_comes_in_appears_without_a_reload(visit: Visit, fake: Fake) -> None:
    visitor = visit()
    visitor.sign_in(fake)
    page = visitor.live("/signals")
    page.locator('[data-row="s-1900"]').wait_for()
    before = len([url for url in visitor.asked if url.endswith("/signals")])

    fake.said["signals"].insert(0, made.signal(1_950, "REFUSED", source="webhook"))
    page.locator('[data-row="s-1950"]').wait_for()

    visitor.until('[data-row="s-1950"]', "Edge too small, Spread too wide")
    assert len([url for url in visitor.asked if url.endswith("/signals")]) == before


def test_a_row_tells_every_check(visit: Visit, fake: Fake) -> None:
    visitor = visit()
    visitor.sign_in(fake)
    page = visitor.live("/orders")
    page.get_by_role("button", name="o-1500-0").click()
    visitor.until(".detail", "Filled: 22 SPY at 450.10.")
    visitor.until(".detail", "9,902.20 USD")
    visitor.until(".detail", "at most 25,000.00 USD")
    visitor.until(".detail", "FILL 22 at 450.10")
    visitor.shoot("orders-explained")
    page.get_by_role("button", name="Show older").click()
    page.locator('[data-row="o-1441-0"]').wait_for()
    assert page.locator(".detail").is_visible()

    page = visitor.live("/signals")
    page.locator('[data-row="s-1880"] button').click()
    visitor.until(".detail", "the edge that is left after costs is too small")
    visitor.shoot("signals-explained")


def test_an_approval_counts_down_and_is_given_once(visit: Visit, fake: Fake) -> None:
    fake.said["approvals"] = [made.approval(expires_ns=now_ns() + 90 * made.SECOND_NS)]
    visitor = visit()
    visitor.sign_in(fake, Role.RISK_MANAGER)
    page = visitor.live("/signals")
    card = page.locator(".approval")
    card.wait_for()

    for text in ("0.15 BTC_USDT", "49,750 to 50,250", "48,900", "187.42", "breakout", "s left"):
        visitor.until(".approval", text)
    page.get_by_label("Your reason").fill("looks right")
    card.get_by_role("button", name="Approve").click()
    visitor.until("#told", "the order was sent")
    card.wait_for(state="detached")

    what = {"approve": True, "hash": "5b1f" * 16, "reason": "looks right"}
    assert fake.asked == [("POST", "/api/approvals/a-1", what)]


def test_an_approval_that_is_too_old_cannot_be_given(visit: Visit, fake: Fake) -> None:
    fake.said["approvals"] = [made.approval(expires_ns=now_ns() - made.SECOND_NS)]
    visitor = visit()
    visitor.sign_in(fake)
    page = visitor.live("/")
    visitor.until(".approval", "expired")

    assert page.locator(".approval button.approve").is_disabled()


def test_a_kill_wants_a_reason_a_word_and_a_code(visit: Visit, fake: Fake) -> None:
    """Then every page is red at once, and clearing asks for a fresh code."""
    visitor = visit(quiet=False)
    visitor.sign_in(fake)
    page = visitor.live("/positions")
    page.get_by_role("link", name="Kill", exact=True).click()
    page.get_by_role("button", name="Kill now").click()
    visitor.until("#kill .error", "Say why")
    page.get_by_label("Why, in your words").fill("drill")
    page.get_by_role("button", name="Kill now").click()
    visitor.until("#kill .error", "Type KILL")
    assert fake.asked == []
    page.get_by_label("Type KILL to confirm").fill("kill")
    page.get_by_label("Code of your authenticator").fill(CODE)
    page.get_by_role("button", name="Kill now").click()
    visitor.until("#state", "KILLED")
    visitor.until("#state", "Immediate kill by alice")
    visitor.until("#now", "confirmed")
    assert page.title().startswith("KILLED")
    visitor.shoot("kill-killed")

    page.get_by_label("What was found").fill("it was a drill")
    page.get_by_role("button", name="Clear the kill").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Code of your authenticator").fill("000000")
    visitor.shoot("step-up", whole=False)
    dialog.get_by_role("button", name="Confirm").click()
    visitor.until("dialog .error", "not right")
    dialog.get_by_label("Code of your authenticator").fill(CODE)
    dialog.get_by_role("button", name="Confirm").click()
    visitor.until("#state", "TRADING")

    kill = {"mode": "immediate", "reason": "drill", "code": CODE}
    assert [one for one in fake.asked if one[1] == "/api/kill"] == [("POST", "/api/kill", kill)]
    assert fake.asked[-1] == ("POST", "/api/kill/clear", {"reason": "it was a drill"})


def test_the_kill_is_reached_by_keys_alone(visit: Visit, fake: Fake) -> None:
    """From the top of any page: where the focus is can be seen at every step."""
    visitor = visit()
    visitor.sign_in(fake, stepped_up=True)
    page = visitor.live("/risk")
    reached = []
    for _ in range(12):
        page.keyboard.press("Tab")
        focus = page.locator(":focus")
        reached.append(focus.inner_text().strip())
        assert focus.evaluate("x => getComputedStyle(x).outlineStyle") == "solid"
        if reached[-1] == "Kill":
            break
    assert reached[0] == "Skip to the content"
    assert reached[-1] == "Kill"
    page.keyboard.press("Enter")
    page.locator("#kill-reason").wait_for()
    page.locator("#kill-reason").focus()
    page.keyboard.type("by keys")
    page.keyboard.press("Tab")
    page.keyboard.type("KILL")
    page.keyboard.press("Enter")
    visitor.until("#state", "KILLED")


def test_a_latch_is_released_with_a_reason(visit: Visit, fake: Fake) -> None:
    fake.said["latches"] = [made.latch()]
    fake.said["overview"] = overview(level="HALTED")
    visitor = visit(quiet=False)
    visitor.sign_in(fake, stepped_up=True)
    page = visitor.live("/breakers")
    visitor.until("#latches", "2,134.00 USD")
    visitor.until("#latches", "the next session and a person")
    page.get_by_role("button", name="Release").click()
    page.get_by_label("Reason, in your words").fill("looked into it")
    page.get_by_role("dialog").get_by_role("button", name="Release").click()
    visitor.until("#latches", "No latch is set.")

    said = {"cause": "DAILY_LOSS", "of": "account", "reason": "looked into it"}
    assert fake.asked == [("POST", "/api/resume", said)]


def test_an_alert_is_on_every_page_until_it_is_acknowledged(visit: Visit, fake: Fake) -> None:
    visitor = visit()
    visitor.sign_in(fake)
    page = visitor.live("/audit")
    fake.said["alerts"] = [{"id": "7", "severity": "critical", "title": "Stop", "text": "lost."}]
    visitor.until("#alerts", "lost.")
    page.get_by_role("button", name="Acknowledge").click()
    page.locator("#alerts .alert").wait_for(state="detached")

    assert fake.asked == [("POST", "/api/alerts/7/acknowledge", {})]


def test_silence_is_said_and_old_numbers_are_not_shown_as_live(visit: Visit, fake: Fake) -> None:
    visitor = visit(quiet=False)
    visitor.page.clock.install()
    visitor.sign_in(fake)
    page = visitor.live("/")
    visitor.until("#state", "TRADING")
    fake.speaks = False
    page.wait_for_timeout(300)
    page.clock.fast_forward(20_000)

    visitor.until("#state", "UNKNOWN")
    visitor.until("#state", "Nothing was heard since")
    visitor.until("#fresh", "Stale since")
    assert float(page.locator("#figures").evaluate("x => getComputedStyle(x).opacity")) < 1
    visitor.shoot("overview-stale")
    fake.speaks = True
    visitor.until("#state", "TRADING")


def test_many_windows_share_one_stream_and_survive_the_first(visit: Visit, fake: Fake) -> None:
    """A browser opens six connections to a server and no more: one each would stop the rest."""
    visitor = visit()
    visitor.sign_in(fake)
    windows = [Visitor(visitor.context, fake.url, visitor.shots) for _ in range(9)]
    for window in windows:
        window.live("/signals").locator('[data-row="s-1900"]').wait_for()
    streams = [url for window in windows for url in window.asked if url.endswith("/api/events")]
    assert len(streams) == 1

    windows[0].page.close()
    fake.said["signals"].insert(0, made.signal(1_960, "SUBMITTED", source="webhook"))
    for window in windows[1:]:
        window.page.locator('[data-row="s-1960"]').wait_for()
        assert window.said == []


def test_an_engine_that_is_silent_is_unknown(visit: Visit, fake: Fake) -> None:
    visitor = visit()
    visitor.sign_in(fake)
    visitor.live("/")
    fake.said["overview"] = {**overview(), "connected": False, "why": "it was not heard for 3 s."}
    visitor.until("#state", "UNKNOWN")
    visitor.until("#state", "it was not heard for 3 s.")


def test_a_session_that_ended_leads_to_the_login_and_back(visit: Visit, fake: Fake) -> None:
    visitor = visit(quiet=False)
    visitor.sign_in(fake)
    page = visitor.live("/breakers")
    fake.sessions.clear()
    page.locator("#login").wait_for()

    visitor.until("#again", "Your session ended")
    page.get_by_label("Name").fill("alice")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_label("Code of your authenticator").fill(CODE)
    page.get_by_role("button", name="Sign in").click()
    page.locator("#breakers tbody tr").first.wait_for()
    assert page.url == f"{visitor.url}/breakers"


def test_nothing_yet_says_what_to_do(visit: Visit, fake: Fake) -> None:
    for name in ("positions", "orders", "signals", "latches", "approvals", "equity"):
        fake.said[name] = []
    fake.said["bars"] = []
    visitor = visit()
    visitor.sign_in(fake)
    visitor.live("/orders")
    visitor.until("#orders", "No orders yet.")
    visitor.until("#orders", f"curl -X POST {visitor.url}/webhook")
    visitor.shoot("orders-empty")
    visitor.live("/signals")
    visitor.until("#signals", "No signals yet.")
    visitor.live("/")
    visitor.until("#positions", "Nothing is held.")
    visitor.until("#equity", "Nothing was traded yet")
    visitor.shoot("overview-empty")
    visitor.live("/chart/SPY")
    visitor.until("#candles", "No bars")


def test_what_breaks_is_said_where_it_broke(visit: Visit, fake: Fake) -> None:
    fake.refuses = {"orders"}
    visitor = visit(quiet=False)
    visitor.sign_in(fake)
    visitor.go("/orders")
    visitor.until("#orders", "This could not be read.")
    visitor.until("#orders", "something broke; the log knows what.")
    visitor.shoot("orders-failed")


def test_colours_can_be_chosen_and_stay(visit: Visit, fake: Fake) -> None:
    visitor = visit(color_scheme="light")
    visitor.sign_in(fake)
    page = visitor.live("/chart/SPY")
    page.locator("#candles .boxes path.box").first.wait_for()
    page.get_by_role("button", name="Dark colours").click()
    assert page.locator("html").get_attribute("data-theme") == "dark"
    page.reload()
    assert page.locator("html").get_attribute("data-theme") == "dark"
    ground = page.locator("body").evaluate("x => getComputedStyle(x).backgroundColor")
    assert ground == "rgb(11, 15, 21)"


def test_a_page_that_is_left_open_says_that_nobody_asked(visit: Visit, fake: Fake) -> None:
    """What a timer or the stream fetched must not keep a session alive."""
    visitor = visit()
    asked: list[tuple[str, bool]] = []
    visitor.page.on(
        "request",
        lambda one: asked.append((one.url, "x-interlock-background" in one.headers)),
    )
    visitor.sign_in(fake)
    visitor.live("/orders").locator("#orders tbody tr").first.wait_for()
    asked.clear()
    fake.said["orders"] = full()["orders"][1:]
    visitor.page.locator('[data-row="o-1500-0"]').wait_for(state="detached")

    assert [background for url, background in asked if "/api/orders" in url] == [True]


@pytest.mark.parametrize("role", [Role.TRADING_OPS, Role.AUDITOR])
def test_who_may_not_kill_is_not_offered_it(visit: Visit, fake: Fake, role: Role) -> None:
    visitor = visit(quiet=False)
    visitor.sign_in(fake, role)
    page = visitor.go("/kill")

    assert page.locator("a.kill-link").count() == 0
    assert page.locator("#kill-button:visible").count() == 0
