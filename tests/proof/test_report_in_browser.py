"""The report in a real browser, from disk: drawn, quiet, offline, and usable."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from playwright.sync_api import Browser, Page

from interlock.research.report import write_report
from tests.research.report_samples import made_results

HOSTILE = '</script><img src=x onerror="document.title=1">'
CHARTS = ("equity", "price", "latches", "spread", "excursions")
TURNS_MAX = 100


class Visit:
    """One opened page, and everything it said or asked for."""

    def __init__(self, browser: Browser, path: Path, **look: Any) -> None:
        self.said: list[str] = []
        self.asked: list[str] = []
        self.page: Page = browser.new_page(viewport={"width": 1280, "height": 900}, **look)
        self.page.on("console", lambda message: self.said.append(message.text))
        self.page.on("pageerror", lambda error: self.said.append(str(error)))
        self.page.on("request", lambda request: self.asked.append(request.url))
        self.page.goto(path.as_uri())

    def text(self, selector: str) -> str:
        """Return what an element says."""
        return self.page.locator(selector).text_content() or ""

    def wait_for(self, selector: str) -> None:
        """Wait until an element is there; a page with a strict policy cannot be asked by eval."""
        self.page.wait_for_selector(selector, state="attached")

    def until(self, selector: str, text: str) -> None:
        """Wait until an element says something."""
        for _ in range(TURNS_MAX):
            if text in self.text(selector):
                return
            self.page.wait_for_timeout(50)
        pytest.fail(f"{selector} must say {text!r}, was {self.text(selector)!r}")


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return an ordinary report of two instruments."""
    path = tmp_path_factory.mktemp("report") / "report.html"
    write_report(made_results(symbols=("GOOG", "EURUSD")), path, assumed_cost_bps=18.0)
    return path


@pytest.fixture
def visit(browser: Browser, report: Path) -> Iterator[Visit]:
    opened = Visit(browser, report)
    yield opened
    opened.page.close()
    # Whatever a test did: the page said nothing to the console and asked for nothing but itself.
    assert opened.said == []
    assert [url for url in opened.asked if not url.startswith(("data:", "blob:"))] == [
        report.as_uri()
    ]


def test_every_chart_is_drawn(visit: Visit) -> None:
    for name in CHARTS:
        visit.wait_for(f"#{name} svg.main-svg")
        assert visit.page.locator(f"#{name} .trace").count() > 0, name
    assert visit.page.locator("main .warning:has-text('could not be drawn')").count() == 0


def test_the_headline_is_the_summary(visit: Visit) -> None:
    summary = made_results(symbols=("GOOG", "EURUSD")).summary

    assert f"{abs(summary.return_pct):.2f}%" in visit.text("#figures")
    assert f"{summary.max_drawdown_pct:.2f}%" in visit.text("#figures")
    assert "A simulated operator released 3 latches." in visit.text("#notes")


def test_another_symbol_is_another_chart(visit: Visit) -> None:
    axis = "#price .ytick"
    before = visit.page.locator(axis).all_inner_texts()

    visit.page.select_option("#symbol", label="EURUSD")
    visit.page.wait_for_timeout(300)
    assert visit.page.locator(axis).all_inner_texts() != before
    assert "70 trades in view" in visit.text("#price .say")


def test_the_table_sorts_both_ways(visit: Visit) -> None:
    def first() -> float:
        cell = visit.page.locator("#trades tbody tr").first.locator("td").nth(10)
        return float(cell.inner_text().replace(",", "").replace("\u2212", "-"))

    pnl = made_results(symbols=("GOOG", "EURUSD")).trades["pnl"].sort()
    head = visit.page.locator("#trades th button", has_text="P&L")
    head.click()
    assert first() == pnl[-1]
    head.click()
    assert first() == pnl[0]
    assert visit.page.locator("#trades th").nth(10).get_attribute("aria-sort") == "ascending"


def test_the_table_filters_and_turns_its_pages(visit: Visit) -> None:
    trades = made_results(symbols=("GOOG", "EURUSD")).trades
    stops = trades.filter(pl.col("exit_reason") == "STOP", pl.col("symbol") == "GOOG").height

    assert "1 to 100 of 140" in visit.text("#trades .range")
    visit.page.click("#trades .pages button:has-text('Next')")
    assert "101 to 140 of 140" in visit.text("#trades .range")
    visit.page.select_option("[data-filter=exit_reason]", "STOP")
    visit.page.select_option("[data-filter=symbol]", "GOOG")
    assert f"1 to {stops} of {stops}" in visit.text("#trades .range")


def test_picking_a_trade_shows_its_candles_and_its_stop(visit: Visit) -> None:
    assert visit.page.locator("#price .boxes").count() == 0

    visit.page.locator("#trades tbody button").nth(5).click()
    visit.wait_for("#price .boxes")
    assert "Stop" in visit.text("#price .legend")
    visit.page.click("#whole")
    visit.until("#price .say", "70 trades in view")


def test_dragging_zooms_and_double_clicking_shows_everything(visit: Visit) -> None:
    box = visit.page.locator("#price .nsewdrag").bounding_box()
    assert box is not None
    visit.page.locator("#price").scroll_into_view_if_needed()
    box = visit.page.locator("#price .nsewdrag").bounding_box()
    assert box is not None
    middle = box["y"] + box["height"] / 2
    visit.page.mouse.move(box["x"] + 400, middle)
    visit.page.mouse.down()
    visit.page.mouse.move(box["x"] + 520, middle, steps=5)
    visit.page.mouse.up()
    visit.wait_for("#price .boxes")
    mark = visit.page.locator("#price .points path").first.bounding_box()
    assert mark is not None
    visit.page.mouse.move(mark["x"] + mark["width"] / 2, mark["y"] + mark["height"] / 2)
    visit.wait_for("#price .hoverlayer .hovertext")

    visit.page.mouse.dblclick(box["x"] + 300, middle)
    visit.until("#price .say", "70 trades in view")


def test_pointing_at_a_latch_says_who_released_it(visit: Visit) -> None:
    visit.page.locator("#latches").scroll_into_view_if_needed()
    mark = visit.page.locator("#latches .points path").first.bounding_box()
    assert mark is not None
    visit.page.mouse.move(mark["x"] + mark["width"] / 2, mark["y"] + mark["height"] / 2)

    visit.until("#latches .hoverlayer", "released by")


def test_a_chart_can_be_saved_as_a_picture(visit: Visit) -> None:
    visit.page.locator("#equity").scroll_into_view_if_needed()
    visit.page.hover("#equity .nsewdrag >> nth=0")
    with visit.page.expect_download() as saved:
        visit.page.click("#equity .modebar-btn >> nth=0")

    assert saved.value.suggested_filename.endswith(".png")


def test_the_measure_of_results_can_be_chosen(visit: Visit) -> None:
    visit.page.click("#spread button:has-text('Per cent')")

    assert "per cent of what was entered" in visit.text("#spread .say")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_both_colour_schemes(browser: Browser, report: Path, scheme: str) -> None:
    """The text stands out from its card, in the page and in the charts."""
    opened = Visit(browser, report, color_scheme=scheme)
    opened.wait_for("#equity svg.main-svg")
    card = opened.page.locator("#equity").evaluate("x => getComputedStyle(x).backgroundColor")
    text = opened.page.locator("#equity .xtick text").first.evaluate("x => x.style.fill")

    assert abs(brightness(card) - brightness(text)) > 90
    assert (brightness(card) > 200) == (scheme == "light")
    assert opened.said == []
    opened.page.close()


def brightness(colour: str) -> float:
    """Return the mean of red, green and blue of ``rgb(r, g, b)``."""
    parts = colour.split("(")[1].rstrip(")").split(",")[:3]
    return sum(float(part) for part in parts) / 3


def test_charts_follow_a_change_of_scheme(visit: Visit) -> None:
    text = visit.page.locator("#equity .xtick text").first
    before = text.evaluate("x => x.style.fill")

    visit.page.emulate_media(color_scheme="dark")
    visit.page.wait_for_timeout(500)
    assert text.evaluate("x => x.style.fill") != before


def test_a_narrow_screen_does_not_scroll_sideways(visit: Visit) -> None:
    visit.page.set_viewport_size({"width": 390, "height": 800})
    visit.page.wait_for_timeout(300)

    assert visit.page.evaluate("document.documentElement.scrollWidth") <= 390


@pytest.mark.parametrize(
    "made",
    [
        {"bars": 0, "trades": 0, "latched": False, "first_bar": "", "last_bar": ""},
        {"bars": 1, "trades": 1, "latched": False},
        {"bars": 60, "trades": 0},
        {"symbols": (HOSTILE, "__proto__"), "strategy": HOSTILE, "notes": [HOSTILE]},
        {"bars": 20_000, "trades": 100_000},
    ],
    ids=["no bar", "one bar", "no trade", "hostile", "very many"],
)
def test_odd_runs_are_drawn_as_quietly(browser: Browser, tmp_path: Path, made: Any) -> None:
    path = tmp_path / "report.html"
    write_report(made_results(**made), path)
    opened = Visit(browser, path)
    opened.wait_for("#foot p")

    assert opened.said == []
    assert opened.asked == [path.as_uri()]
    assert opened.page.locator("main img").count() == 0
    assert opened.page.title() != "1"
    assert opened.page.locator("main .warning:has-text('could not be drawn')").count() == 0
    opened.page.close()
