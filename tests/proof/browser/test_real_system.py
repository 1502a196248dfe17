"""The whole of it, as ``interlock run`` starts it: from the first administrator to a cleared kill.

One engine, venue, watchdog and gateway of their own, on recorded bars, and a real browser before
them. It is one test, because each chapter begins where the one before it ended.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal

import httpx
import pyotp
import pytest
from playwright.sync_api import Browser, BrowserContext

from interlock.runtime.clock import NS_PER_S, SystemClock
from tests.proof.browser.conftest import DESKTOP, PHONE, SHOTS, Visitor

PASSWORD: Final = "every order answers to a rule"  # noqa: S105 - of a person who is made up
STEP_S: Final = 30
OURS: Final = (
    "document.addEventListener('securitypolicyviolation', e => console.error(e.blockedURI))"
)
FILLED: Final = "main .card .empty, main .card tbody tr, main .card dl, #now .badge"
DRAWN: Final = {"/": "#equity .main-svg", "/chart/GOOG": "#candles .boxes"}
CONFIG: Final = """
[webhook]
strategies = ["watched"]

[approvals]
strategies = ["watched"]
band_bps = 500
"""
SCHEMES: Final[tuple[Literal["light", "dark"], ...]] = ("light", "dark")
PAGES: Final = (
    *("/", "/positions", "/orders", "/signals", "/chart/GOOG", "/risk", "/breakers", "/kill"),
    *("/system", "/audit", "/backtests", "/people", "/account"),
)


@dataclass(eq=False)
class Story:
    """A running system, a browser before it, and what the chapters so far left behind.

    Attributes:
        home: Of the system.
        url: Of its gateway.
        context: Of the browser.
        name: Of the person before it.
        key: Of their second factor.
        used: Steps of time whose codes were shown already.
    """

    home: Path
    url: str
    context: BrowserContext
    name: str = "alice"
    key: str = ""
    used: set[int] = field(default_factory=set)

    def visitor(self, **look: Any) -> Visitor:
        """Return a window of the person's browser."""
        visitor = Visitor(self.context, self.url, SHOTS)
        visitor.page.add_init_script(OURS)
        if look:
            visitor.page.set_viewport_size(look["viewport"])
        return visitor

    def code(self, visitor: Visitor) -> str:
        """Return a code that was not used yet, waiting for the next one where there is none."""
        clock = SystemClock()
        while True:
            step = clock.now_ns() // NS_PER_S // STEP_S
            if step not in self.used:
                self.used.add(step)
                return pyotp.TOTP(self.key).at(step * STEP_S)
            visitor.page.wait_for_timeout(250)

    def confirm(self, visitor: Visitor, done: str) -> None:
        """Show a code if the page asks for one: where one was shown lately, it is done at once."""
        dialog = visitor.page.get_by_role("dialog", name="Show your second factor")
        dialog.or_(visitor.page.locator(done)).first.wait_for()
        if dialog.count():
            dialog.get_by_label("Code of your authenticator").fill(self.code(visitor))
            dialog.get_by_role("button", name="Confirm").click()
            dialog.wait_for(state="detached")

    def second(self, name: str, code: str) -> tuple["Story", Visitor]:
        """Return somebody who was invited, signed in, in a browser of their own."""
        assert self.context.browser is not None
        context = self.context.browser.new_context(viewport=DESKTOP)
        other = Story(home=self.home, url=self.url, context=context, name=name)
        visitor = other.visitor()
        visitor.go("/setup")
        other.enrol(visitor, code)
        return other, visitor

    def enrol(self, visitor: Visitor, code: str) -> None:
        """Choose a password, take the key of the second factor, show a code of it."""
        page = visitor.page
        page.get_by_label("One-time code").fill(code)
        if page.get_by_label("Name").is_visible():
            page.get_by_label("Name").fill(self.name)
        page.get_by_label("Password", exact=True).fill(PASSWORD)
        page.get_by_label("The same password again").fill(PASSWORD)
        page.get_by_role("button", name="Go on").click()
        page.locator("#qr img").wait_for()
        visitor.shoot(f"real-setup-{self.name}")
        self.key = page.locator("#secret").inner_text().replace(" ", "")
        page.get_by_label("Code of your authenticator").fill(self.code(visitor))
        page.get_by_role("button", name="Confirm").click()
        page.locator("#codes li").first.wait_for()
        page.get_by_role("link", name="I have kept them").click()
        visitor.until("#state", "TRADING")

    def sign_in(self, visitor: Visitor) -> None:
        """Fill in the form."""
        page = visitor.page
        page.get_by_label("Name").fill(self.name)
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_label("Code of your authenticator").fill(self.code(visitor))
        page.get_by_role("button", name="Sign in").click()


def _ready(process: "subprocess.Popen[str]") -> str:
    """Return the address of the gateway as soon as it answers; read on for as long as it runs."""
    assert process.stdout is not None
    address = ""
    for line in process.stdout:
        told: dict[str, Any] = json.loads(line)
        if told["event"] == "gateway_ready":
            address = told["address"]
            break
    assert address, "the run ended without a gateway"
    threading.Thread(target=process.stdout.read, daemon=True).start()
    return address


@pytest.fixture(scope="module")
def story(browser: Browser) -> Iterator[Story]:
    folder = Path(tempfile.mkdtemp(prefix="interlock-"))  # short: a socket is in it
    home = folder / "home"
    config = folder / "interlock.toml"
    config.write_text(CONFIG)
    how = ["--config", str(config), "--speed", "4bars/s"]
    with subprocess.Popen(
        [sys.executable, "-m", "interlock", "run", "--json", "--port", "0", *how],
        env=os.environ | {"INTERLOCK_HOME": str(home)},
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            context = browser.new_context(viewport=DESKTOP)
            yield Story(home=home, url=_ready(process), context=context)
            context.close()
        finally:
            process.terminate()
            process.wait()
    shutil.rmtree(folder)


def the_first_administrator_comes_in_with_the_printed_code(story: Story) -> None:
    visitor = story.visitor()
    page = visitor.go("/")
    assert page.url == f"{story.url}/login"
    page.get_by_role("link", name="Set up the first administrator").click()
    page.locator("#code-hint:has-text('admin-code')").wait_for()
    story.enrol(visitor, (story.home / "secrets" / "admin-code").read_text().strip())

    assert not (story.home / "secrets" / "admin-code").exists()
    assert visitor.outside() == []
    page.close()


def signing_out_and_in_again_takes_a_new_code(story: Story) -> None:
    visitor = story.visitor()
    page = visitor.live("/account")
    page.get_by_role("button", name="Sign out").first.click()
    page.locator("#login").wait_for()
    for path in PAGES:
        visitor.go(path)
        assert page.url.startswith(f"{story.url}/login"), path
    page.goto(f"{story.url}/login?next=/orders")
    story.sign_in(visitor)
    page.locator("#orders .empty, #orders tbody tr").first.wait_for()

    assert page.url == f"{story.url}/orders"
    page.close()


def a_webhook_appears_with_its_verdict_without_a_reload(story: Story) -> None:
    visitor = story.visitor()
    page = visitor.live("/signals")
    page.locator("#signals .empty, #signals tbody tr").first.wait_for()
    asked = len(visitor.asked)
    answer = httpx.post(f"{story.url}/webhook", content='{"symbol":"GOOG","action":"BUY"}')
    assert answer.status_code == 200
    row = page.locator('#signals tbody tr:has-text("webhook")')
    row.first.wait_for()
    assert row.first.locator(".badge").count() == 1
    row.first.locator("button.opener").click()
    page.locator("#signals .detail summary").click()
    page.locator("#signals .detail table").first.wait_for()
    visitor.shoot("real-signals")

    assert [url for url in visitor.asked[asked:] if url == f"{story.url}/signals"] == []
    page.close()


def an_entry_waits_for_a_yes_and_the_gate_runs_again(story: Story) -> None:
    """The card comes by itself, says what there is to lose, and goes with the answer."""
    visitor = story.visitor()
    page = visitor.live("/signals")
    card = page.locator(".approval")
    for turn in range(20):  # while a position is held, an entry is refused before anybody is asked
        alert = {"symbol": "GOOG", "action": "BUY", "strategy": "watched", "id": f"wish-{turn}"}
        assert httpx.post(f"{story.url}/webhook", json=alert).status_code == 200
        page.wait_for_timeout(1_500)
        if card.count():
            break
    for text in ("GOOG", "Worst loss", "watched", "s left"):
        visitor.until(".approval", text)
    visitor.shoot("real-approval")
    page.get_by_label("Your reason").fill("looks right")
    card.get_by_role("button", name="Approve").click()
    page.locator("#told .told").wait_for()
    card.wait_for(state="detached")
    visitor.until("#signals", "watched")
    page.close()


def every_page_is_quiet_and_fits(story: Story) -> None:
    """No word on the console, nothing refused by the policy, no address but this one."""
    for device, size in (("desktop", DESKTOP), ("phone", PHONE)):
        for scheme in SCHEMES:
            visitor = story.visitor(viewport=size)
            visitor.page.emulate_media(color_scheme=scheme)
            for path in PAGES:
                see(visitor, path)
                visitor.shoot(f"real{path.replace('/', '-')}-{device}-{scheme}")
            assert visitor.said == []
            assert visitor.outside() == []
            visitor.page.close()


def see(visitor: Visitor, path: str) -> None:
    """Open a page and find it filled, and no wider than the window."""
    page = visitor.live(path)
    page.locator(DRAWN.get(path, FILLED)).first.wait_for()
    width, room = page.locator("html").evaluate("x => [x.scrollWidth, x.clientWidth]")
    assert width <= room, path
    assert page.locator("main .failed").count() == 0, path


def the_chart_shows_candles_and_what_was_traded(story: Story) -> None:
    visitor = story.visitor()
    page = visitor.live("/chart/GOOG")
    page.locator("#candles .boxes path.box").nth(20).wait_for()
    page.locator("#candles .points path").first.wait_for()
    page.locator("#fills tbody tr").first.wait_for()
    before = page.locator("#last").inner_text()
    for _ in range(200):
        if page.locator("#last").inner_text() != before:
            break
        page.wait_for_timeout(50)
    assert page.locator("#last").inner_text() != before
    page.close()


def a_kill_stops_it_and_a_clear_lets_it_go_on(story: Story) -> None:
    """Each takes a code of its own, used once; what was done is in the audit."""
    visitor = story.visitor()
    page = visitor.live("/kill")
    page.get_by_label("Why, in your words").fill("drill in the browser")
    page.get_by_label("Type KILL to confirm").fill("KILL")
    page.get_by_label("Code of your authenticator").fill(story.code(visitor))
    page.get_by_role("button", name="Kill now").click()
    visitor.until("#state", "KILLED")
    visitor.until("#state", "drill in the browser")
    visitor.until("#now", "It was seen to be done.")
    visitor.shoot("real-killed")
    page.get_by_label("What was found").fill("it was a drill")
    page.get_by_role("button", name="Clear the kill").click()
    story.confirm(visitor, done="#now .badge.ok:has-text('not killed')")
    visitor.until("#now", "not killed")
    visitor.until("#state", "TRADING")

    page = visitor.live("/audit")
    page.locator("#rows tbody tr").nth(3).wait_for()
    visitor.until("#rows", "drill in the browser")
    page.close()


def a_second_administrator_is_invited_and_a_clear_takes_both(story: Story) -> None:
    """Alice kills and asks to clear; nothing is cleared until Bob agrees in a browser of his."""
    visitor = story.visitor()
    page = visitor.live("/people")
    page.locator("#add [name=name]").fill("bob")
    page.locator("#add [name=role]").select_option("admin")
    page.get_by_role("button", name="Add a user").click()
    story.confirm(visitor, done="#code-title")
    code = page.locator("dialog .command code").inner_text()
    page.get_by_role("button", name="I have passed it on").click()

    bob, second = story.second("bob", code)
    page = visitor.live("/kill")
    page.get_by_label("Pause").check()
    page.get_by_label("Why, in your words").fill("four eyes")
    page.get_by_label("Type KILL to confirm").fill("KILL")
    page.get_by_role("button", name="Pause entries").click()
    visitor.until("#state", "PAUSED")
    page.get_by_label("What was found").fill("nothing")
    page.get_by_role("button", name="Clear the kill").click()
    visitor.until("#told", "A second person has to say yes")
    visitor.until("#requests", "somebody else has to")
    visitor.until("#state", "PAUSED")

    second.live("/kill")
    second.until("#requests", "Clear the kill")
    second.shoot("real-four-eyes")
    second.page.get_by_role("button", name="Yes").click()
    bob.confirm(second, done="#told .told")
    second.until("#told", "You said yes")
    second.until("#state", "TRADING")
    visitor.until("#state", "TRADING")
    bob.context.close()
    page.close()


def a_session_that_was_ended_elsewhere_is_over_at_once(story: Story) -> None:
    visitor = story.visitor()
    page = visitor.live("/breakers")
    other = story.context.browser
    assert other is not None
    context = other.new_context(viewport=DESKTOP)
    second = Visitor(context, story.url, SHOTS)
    second.go("/login")
    story.sign_in(second)
    second.until("#state", "TRADING")
    second.live("/account")
    second.page.get_by_role("button", name="End it").click()
    page.locator("#login").wait_for()

    assert page.url == f"{story.url}/login?next=%2Fbreakers"
    context.close()
    page.close()


CHAPTERS: Final[tuple[Callable[[Story], None], ...]] = (
    the_first_administrator_comes_in_with_the_printed_code,
    signing_out_and_in_again_takes_a_new_code,
    a_webhook_appears_with_its_verdict_without_a_reload,
    an_entry_waits_for_a_yes_and_the_gate_runs_again,
    every_page_is_quiet_and_fits,
    the_chart_shows_candles_and_what_was_traded,
    a_kill_stops_it_and_a_clear_lets_it_go_on,
    a_second_administrator_is_invited_and_a_clear_takes_both,
    a_session_that_was_ended_elsewhere_is_over_at_once,
)


def test_from_the_first_administrator_to_a_session_that_is_ended(story: Story) -> None:
    for chapter in CHAPTERS:
        chapter(story)
