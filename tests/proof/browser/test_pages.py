"""Each page in a real browser, with a made-up API: drawn, quiet, readable, on desk and phone."""

from collections.abc import Callable
from typing import Any

import pytest

from interlock.runtime.clock import SystemClock
from interlock.service.permissions import Role
from interlock.service.web.menu import PAGES
from tests.proof.browser.conftest import DESKTOP, PHONE, Visitor
from tests.service.web import fake_state as made
from tests.service.web.fake_account import Fake, overview

Visit = Callable[..., Visitor]
PATHS = [(page.name, page.path.replace("{symbol}", "SPY")) for page in PAGES]
LOOKS = [("desktop", "light"), ("desktop", "dark"), ("phone", "light"), ("phone", "dark")]

# What says that a page has got what it wanted: an element that only data puts there.
DRAWN = {
    "overview": "#equity svg.main-svg",
    "positions": '#positions [data-row="SPY"]',
    "orders": '#orders [data-row="o-1500-0"]',
    "signals": '#signals [data-row="s-1900"]',
    "chart": "#candles .boxes path.box",
    "risk": "#limits progress",
    "breakers": "#breakers tbody tr",
    "kill": "#now .badge",
    "system": "#market tbody tr",
    "audit": "#rows tbody tr",
    "backtests": "#runs tbody tr",
    "people": "#people tbody tr",
    "account": "#me dl",
}


def busy(fake: Fake) -> None:
    """Let there be something of everything that a page can show."""
    now_ns = SystemClock().now_ns()
    fake.said["overview"] = overview(level="HALTED")
    fake.said["latches"] = [
        made.latch(),
        made.latch("SPREAD", "PAUSED", scope="INSTRUMENT", of="QQQ", waits_for=["CONDITION"]),
    ]
    fake.said["alerts"] = [
        {
            "id": "1",
            "severity": "critical",
            "title": "Daily loss",
            "acknowledged": False,
            "text": "the day's loss reached its limit; entries are stopped.",
            "count": 1,
            "last_ns": now_ns,
            "ts_ns": now_ns,
        }
    ]
    fake.said["approvals"] = [made.approval(expires_ns=now_ns + 115 * made.SECOND_NS)]
    fake.said["trades"] = [
        {
            **made.at(60 * i),
            "seq": 300 - i,
            "symbol": "SPY",
            "strategy": "ema_cross",
            "side": "long",
            "quantity": "22",
            "r": "1.62",
            "entry_price": "450.10",
            "exit_price": "452.35",
            "reason": "TARGET",
            "pnl": str((-1) ** i * 41.5),
            "fees": "1.98",
        }
        for i in range(6)
    ]


@pytest.mark.parametrize(("device", "scheme"), LOOKS, ids=lambda word: word)
@pytest.mark.parametrize(("name", "path"), PATHS, ids=[name for name, _ in PATHS])
def test_a_page_is_drawn_and_fits(
    visit: Visit, fake: Fake, name: str, path: str, device: str, scheme: str
) -> None:
    """Nothing is wider than the window, the heading is there, and every picture is kept."""
    busy(fake)
    visitor = visit(viewport=PHONE if device == "phone" else DESKTOP, color_scheme=scheme)
    visitor.sign_in(fake)
    page = visitor.live(path)
    page.locator(DRAWN[name]).first.wait_for()

    assert page.locator("h1").count() == 1
    assert page.locator("h1").inner_text() != ""
    assert page.locator("main .failed").count() == 0
    width, room = page.locator("html").evaluate("x => [x.scrollWidth, x.clientWidth]")
    assert width <= room
    kill = page.locator("a.kill-link").bounding_box()
    assert kill is not None
    assert kill["y"] < 60
    assert kill["x"] + kill["width"] <= room
    visitor.shoot(f"{name}-{device}-{scheme}")


@pytest.mark.parametrize("role", list(Role), ids=str)
def test_a_role_sees_what_it_may(visit: Visit, fake: Fake, role: Role) -> None:
    """The menu leads nowhere that is refused, and what is left out of it is refused."""
    visitor = visit(quiet=False)
    visitor.sign_in(fake, role)
    page = visitor.go("/")
    shown = set(page.locator("nav a").evaluate_all("x => x.map(y => y.getAttribute('href'))"))

    for kind in PAGES:
        if kind.path == "/" or "{" in kind.path:
            continue
        answer = page.goto(visitor.url + kind.path)
        assert answer is not None
        assert (answer.status == 200) == (kind.path in shown), kind.path
        assert answer.status in {200, 403}
    assert page.locator("h1").inner_text() != ""


@pytest.mark.parametrize("path", [path for _, path in PATHS])
def test_a_direct_address_without_login_is_closed(visit: Visit, path: str) -> None:
    visitor = visit(quiet=False)
    page = visitor.go(path)

    assert page.url.startswith(f"{visitor.url}/login")
    assert page.locator("#login").is_visible()
    assert "450" not in page.content()


@pytest.mark.parametrize(
    ("wanted", "leads_to"),
    [
        ("/orders", "/orders"),
        ("/chart/SPY", "/chart/SPY"),
        ("//evil.example", "/"),
        ("https://evil.example/", "/"),
        ("/\\evil.example", "/"),
        ("javascript:alert(1)", "/"),
        ("/api/people", "/"),
    ],
)
def test_signing_in_leads_to_a_page_of_ours_alone(
    visit: Visit, fake: Fake, wanted: str, leads_to: str
) -> None:
    del fake
    visitor = visit(quiet=False)
    page = visitor.page
    page.goto(f"{visitor.url}/login")
    page.goto(f"{visitor.url}/login?next={wanted}")

    assert page.locator("#login").get_attribute("data-next") == leads_to


def test_text_from_outside_stays_text(visit: Visit, fake: Fake) -> None:
    """Whatever a strategy, a symbol or a reason is called, the page shows it and runs nothing."""
    now_ns = SystemClock().now_ns()
    evil: Any = made.HOSTILE
    fake.said["overview"] = overview(
        killed={
            "set": True,
            "state": "KILLED",
            "mode": "pause",
            "reason": evil,
            "who": evil,
            "ts_ns": now_ns,
        },
        strategy=evil,
    )
    fake.said["signals"] = [made.signal(1, "REFUSED", symbol=evil, strategy=evil, reasons=[evil])]
    fake.said["orders"] = [made.order(1, "FILLED", symbol=evil, strategy=evil)]
    fake.said["positions"] = [made.position(evil, strategy=evil)]
    fake.said["approvals"] = [
        made.approval(symbol=evil, why=evil, expires_ns=now_ns + 100 * made.SECOND_NS)
    ]
    fake.said["latches"] = [made.latch(scope="STRATEGY", of=evil)]
    fake.said["alerts"] = [{"id": "1", "severity": "critical", "title": evil, "text": evil}]
    visitor = visit()
    visitor.sign_in(fake)

    for path in ("/", "/positions", "/orders", "/signals", "/breakers", "/kill", "/system"):
        page = visitor.live(path)
        visitor.until("body", made.HOSTILE)
        assert page.locator("img[src=x]").count() == 0
        assert "Interlock" in page.title()
