"""A browser, the pages with a made-up API behind them, and somebody who looks at them."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, ViewportSize

from interlock.service.permissions import Role
from tests.service.web.fake_account import COOKIE, Fake
from tests.service.web.fake_api import served

ROOT = Path(__file__).parents[3]
SHOTS: Final = ROOT / "build" / "screenshots"
DESKTOP: Final = ViewportSize(width=1280, height=900)
PHONE: Final = ViewportSize(width=360, height=740)
TURNS_MAX: Final = 200


class Visitor:
    """One browser window, and everything that it said or asked for.

    Args:
        context: Of the browser.
        url: Where the pages are.
        shots: The folder that pictures go to.
    """

    def __init__(self, context: BrowserContext, url: str, shots: Path) -> None:
        self.url = url
        self.shots = shots
        self.said: list[str] = []
        self.asked: list[str] = []
        self.page: Page = context.new_page()
        self.page.on("console", lambda message: self.said.append(message.text))
        self.page.on("pageerror", lambda error: self.said.append(str(error)))
        self.page.on("request", lambda request: self.asked.append(request.url))
        self.context = context

    def sign_in(self, fake: Fake, role: Role = Role.ADMIN, *, stepped_up: bool = False) -> None:
        """Have a session, without the form."""
        token = fake.sign_in(role, stepped_up=stepped_up)
        url = self.url.replace("http", "https")  # as a Secure cookie wants it
        self.context.add_cookies([{"name": COOKIE, "value": token, "url": url, "secure": True}])

    def go(self, path: str) -> Page:
        """Open a page of ours and wait until it is live, where it has a stream."""
        self.page.goto(self.url + path)
        return self.page

    def live(self, path: str) -> Page:
        """Open a page and wait until it hears the stream."""
        self.go(path)
        self.page.locator('#fresh[data-fresh="yes"]').wait_for()
        return self.page

    def until(self, selector: str, text: str) -> None:
        """Wait until an element says something; a strict policy forbids to wait by a script."""
        found = ""
        for _ in range(TURNS_MAX):
            place = self.page.locator(selector)
            found = place.first.inner_text() if place.count() else "nothing"
            if text in found:
                return
            self.page.wait_for_timeout(50)
        pytest.fail(f"{selector} must say {text!r}, was {found!r}")

    def shoot(self, name: str, *, whole: bool = True) -> None:
        """Keep a picture of the whole page, or of what the window shows of it."""
        self.shots.mkdir(parents=True, exist_ok=True)
        self.page.screenshot(path=self.shots / f"{name}.png", full_page=whole)

    def outside(self) -> list[str]:
        """Return what was asked of anybody but this very server."""
        own = (f"{self.url}/", "data:", "blob:")
        return [url for url in self.asked if not url.startswith(own)]


@pytest.fixture(scope="session")
def _served_once() -> Iterator[Fake]:
    with served(Fake()) as fake:
        yield fake


@pytest.fixture
def fake(_served_once: Fake) -> Fake:
    """Return a made-up account with some of everything, as at its beginning."""
    _served_once.reset()
    return _served_once


@pytest.fixture(scope="session")
def shots() -> Path:
    """Return the folder of pictures; a run of CI keeps it."""
    return SHOTS


@pytest.fixture
def visit(browser: Browser, fake: Fake, shots: Path) -> Iterator[Any]:
    """Return what opens windows: ``visit(**look)``; each must have been quiet in the end."""
    opened: list[Visitor] = []

    def new(*, quiet: bool = True, **look: Any) -> Visitor:
        context = browser.new_context(viewport=look.pop("viewport", DESKTOP), **look)
        visitor = Visitor(context, fake.url, shots)
        visitor.page.add_init_script(
            "document.addEventListener('securitypolicyviolation',"
            " e => console.error('POLICY ' + e.violatedDirective + ' ' + e.blockedURI))"
        )
        if quiet:
            opened.append(visitor)
        return visitor

    yield new
    for visitor in opened:
        said, outside = visitor.said, visitor.outside()
        visitor.context.close()
        assert said == []
        assert outside == []
