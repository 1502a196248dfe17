"""Prints how soon the pages of the dashboard stand, in a real browser on this machine.

    .venv/bin/python benchmarks/first_paint.py             # ten visits of each, every file fetched
    .venv/bin/python benchmarks/first_paint.py --visits 30 --json

The pages are the real ones; the API behind them has made-up answers, so that what is measured is
the pages. A visit begins with an empty cache. "painted" is the browser's own first contentful
paint, "drawn" is when the last of what the page shows was there, charts included.
"""

import argparse
import json
import shutil
import statistics
import sys
from pathlib import Path
from time import perf_counter
from typing import Any, Final

from playwright.sync_api import Browser, sync_playwright

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from tests.service.web.fake_account import COOKIE, Fake
from tests.service.web.fake_api import served

BAR_S: Final = 1.5
PAGES: Final = {
    "/login": "#login",
    "/": "#equity .main-svg",
    "/signals": "#signals tbody tr",
    "/chart/SPY": "#candles .boxes path.box",
    "/kill": "#now .badge",
}
_PAINT: Final = "() => performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? 0"


def visit(browser: Browser, fake: Fake, path: str) -> tuple[float, float]:
    """Return (painted, drawn) of one visit with an empty cache, in seconds."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    url = fake.url.replace("http", "https")
    cookie: Any = {"name": COOKIE, "value": fake.sign_in(), "url": url, "secure": True}
    context.add_cookies([cookie])
    page = context.new_page()
    begin = perf_counter()
    page.goto(fake.url + path, wait_until="commit")
    page.locator(PAGES[path]).first.wait_for()
    drawn = perf_counter() - begin
    painted = 0.0
    while not painted:  # the browser notes it a moment after
        painted = float(page.evaluate(_PAINT)) / 1_000
        page.wait_for_timeout(10)
    context.close()
    return painted, drawn


def measure(visits: int) -> dict[str, dict[str, float]]:
    """Return what was measured of each page."""
    fake = Fake()
    fake.reset()
    found = {}
    with served(fake), sync_playwright() as driver:
        browser = driver.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox"]
        )
        for path in PAGES:
            taken = [visit(browser, fake, path) for _ in range(visits + 1)][1:]
            painted, drawn = zip(*taken, strict=True)
            found[path] = {
                "painted_s": round(statistics.median(painted), 3),
                "painted_max_s": round(max(painted), 3),
                "drawn_s": round(statistics.median(drawn), 3),
            }
        browser.close()
    return found


def main() -> None:
    """Measure and print."""
    reader = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    reader.add_argument("--visits", type=int, default=10)
    reader.add_argument("--json", action="store_true")
    asked = reader.parse_args()
    found = measure(asked.visits)
    if asked.json:
        print(json.dumps(found))
        return
    print(f"{'page':<12}{'painted':>10}{'slowest':>10}{'drawn':>10}   bar {BAR_S} s")
    for path, one in found.items():
        print(
            f"{path:<12}{one['painted_s']:>8} s{one['painted_max_s']:>8} s{one['drawn_s']:>8} s"
            f"   {'meets' if one['painted_max_s'] <= BAR_S else 'MISSES'} it"
        )


if __name__ == "__main__":
    main()
