"""The report is one file, safe to open: whatever a symbol or a note says, it stays text."""

import base64
import hashlib
import html
import json
import re
import time
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from interlock.research.report import report_page, write_report
from tests.research.report_samples import made_results

HOSTILE = "</script><img src=x onerror=alert(1)>"
VOID = {"meta", "link", "img", "br", "input", "hr"}
FETCHES = {"src", "href", "srcset", "action", "data", "poster", "background", "formaction"}
SECONDS_MAX = 1.0
BYTES_MAX = 10_000_000


class Page(HTMLParser):
    """What a browser would make of the page: its elements, and what stands in scripts."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str, str]] = []
        self.open: list[str] = []
        self.scripts: list[tuple[dict[str, str | None], str]] = []
        self.styles: list[str] = []
        self.feed(text)
        self.close()
        assert self.open == [], "these elements were never closed"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(tag, name, value or "") for name, value in attrs]
        if tag not in VOID:
            self.open.append(tag)
        if tag == "script":
            self.scripts.append((dict(attrs), ""))
        if tag == "style":
            self.styles.append("")

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open[-1:] == ["script"]:
            attributes, text = self.scripts[-1]
            self.scripts[-1] = (attributes, text + data)
        if self.open[-1:] == ["style"]:
            self.styles[-1] += data

    def data(self) -> dict[str, Any]:
        """Return what the page's scripts read."""
        (text,) = [text for attrs, text in self.scripts if attrs.get("id") == "data"]
        found: dict[str, Any] = json.loads(text)
        return found

    def policy(self) -> dict[str, set[str]]:
        """Return the Content-Security-Policy by directive."""
        (line,) = [value for _, name, value in self.attributes if "default-src" in value]
        parts = [part.split() for part in line.split(";")]
        return {name: set(sources) for name, *sources in parts}


def hashed(text: str) -> str:
    """Return a text as a policy names it."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


@pytest.fixture(scope="module")
def page() -> Page:
    """Return an ordinary report."""
    return Page(report_page(made_results(notes=["One note."]), assumed_cost_bps=18.0))


@pytest.fixture(scope="module")
def hostile() -> Page:
    """Return a report of a run whose every name is an attack."""
    results = made_results(
        symbols=(HOSTILE, "__proto__", "A&B"), strategy=HOSTILE, notes=[HOSTILE, "<!--"]
    )
    return Page(report_page(results))


def test_every_element_is_closed_and_every_section_is_there(page: Page) -> None:
    ids = {value for _, name, value in page.attributes if name == "id"}

    assert page.tags[:2] == ["html", "head"]
    assert ids >= {
        "figures", "notes", "equity", "price", "exits", "refusals", "latches", "costs", "months",
        "spread", "excursions", "trades",
    }  # fmt: skip


def test_the_policy_allows_exactly_the_scripts_and_styles_of_the_page(page: Page) -> None:
    policy = page.policy()
    scripts = {hashed(text) for attrs, text in page.scripts if "type" not in attrs}

    assert policy["default-src"] == {"'none'"}
    assert policy["script-src"] == scripts
    assert policy["style-src"] == {hashed(text) for text in page.styles}
    assert policy["img-src"] == {"data:", "blob:"}


def test_the_policy_comes_before_anything_it_governs(page: Page) -> None:
    assert page.tags.index("meta") < page.tags.index("style") < page.tags.index("script")
    names = [value for tag, name, value in page.attributes if tag == "meta" and name != "content"]
    assert names.index("Content-Security-Policy") <= 1


def test_nothing_is_fetched(page: Page) -> None:
    assert [x for x in page.attributes if x[1] in FETCHES] == []
    assert not any(name.startswith("on") for _, name, _ in page.attributes)
    assert not any(name == "style" for _, name, _ in page.attributes)
    assert not any("@import" in style or "url(" in style for style in page.styles)


def test_hostile_names_stay_text(page: Page, hostile: Page) -> None:
    """The same elements, attributes and scripts as in a report of harmless names."""
    assert hostile.tags == page.tags
    assert "img" not in hostile.tags
    assert hostile.policy() == page.policy()


def test_hostile_names_arrive_unchanged(hostile: Page) -> None:
    data = hostile.data()

    assert data["run"]["strategy"] == HOSTILE
    assert data["run"]["symbols"] == [HOSTILE, "__proto__", "A&B"]
    assert [bars["symbol"] for bars in data["bars"]] == [HOSTILE, "__proto__", "A&B"]
    assert set(data["trades"]["symbol"]["names"]) == {HOSTILE, "__proto__", "A&B"}
    assert data["notes"] == [HOSTILE, "<!--"]


def test_the_title_is_escaped() -> None:
    text = report_page(made_results(strategy=HOSTILE, trades=3, bars=10))

    (title,) = re.findall(r"<title>(.*?)</title>", text.split("<style>")[0], re.DOTALL)
    assert html.unescape(title) == f"{HOSTILE} on GOOG · Interlock"
    assert "<img" not in title


def test_no_script_makes_markup_from_text(page: Page) -> None:
    """Our own scripts build elements and set their text, and nothing else."""
    ours = page.scripts[-1][1]

    for way in (
        "innerHTML",
        "outerHTML",
        "insertAdjacentHTML",
        "document.write",
        "eval(",
        "fetch(",
    ):
        assert way not in ours


def test_the_page_holds_what_the_results_say(page: Page) -> None:
    results = made_results(notes=["One note."])
    data = page.data()

    assert data["summary"]["return_pct"] == results.summary.return_pct
    assert data["trades"]["total"] == results.trades.height
    assert data["trades"]["pnl"] == results.trades["pnl"].to_list()
    assert data["bars"][0]["close"] == results.bars["GOOG"]["close"].to_list()
    assert sum(row["count"] for row in data["exits"]) == results.trades.height
    assert data["costs"]["assumed_bps"] == 18.0
    assert data["notes"] == ["One note."]


@pytest.mark.parametrize(
    "made",
    [
        {"bars": 0, "trades": 0, "latched": False},
        {"bars": 1, "trades": 0, "latched": False},
        {"bars": 1, "trades": 1, "latched": False},
        {"bars": 50, "trades": 0},
        {"bars": 0, "trades": 0, "latched": False, "first_bar": "", "last_bar": ""},
        {"sharpe": float("nan"), "return_pct": float("-inf")},
        {"symbols": tuple(f"S{n}" for n in range(70)), "bars": 900},
    ],
)
def test_odd_runs_have_a_report(made: dict[str, Any]) -> None:
    Page(report_page(made_results(**made))).data()


def test_ten_thousand_trades_are_written_in_a_second(tmp_path: Path) -> None:
    results = made_results(bars=5_000, trades=10_000)
    path = tmp_path / "report.html"
    write_report(results, path)

    start = time.perf_counter()
    write_report(results, path)
    assert time.perf_counter() - start < SECONDS_MAX


def test_a_hundred_thousand_trades_make_no_heavy_page(tmp_path: Path) -> None:
    path = tmp_path / "report.html"

    write_report(made_results(bars=20_000, trades=100_000), path)
    assert path.stat().st_size < BYTES_MAX
