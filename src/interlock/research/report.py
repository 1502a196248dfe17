"""The report: one HTML file that needs no network, no server and no trust in what it shows."""

import base64
import hashlib
import html
import json
import re
from importlib import resources
from pathlib import Path
from string import Template
from typing import Any, Final

from interlock.research.report_data import page_data
from interlock.research.results import Results

# In this order: they share one scope, and each uses what those before it define.
SCRIPTS: Final = (
    "base.js",
    "charts.js",
    "head.js",
    "equity.js",
    "price.js",
    "tables.js",
    "latches.js",
    "spread.js",
    "trades.js",
    "start.js",
)
# plotly makes one style element, empty, and fills it through the browser's object model.
EMPTY_STYLE: Final = ""
_MAP_STYLES: Final = re.compile(r'document\.getElementById\("([0-9a-f]{64})"\)')


def write_report(results: Results, path: Path, *, assumed_cost_bps: float | None = None) -> None:
    """Write the report as one file.

    Args:
        results: What the backtest found.
        path: Where; a file that is there is replaced.
        assumed_cost_bps: What the policy assumes a round trip to cost, in basis points of the
            entry's notional, to compare with what it did cost; None leaves the comparison out.
    """
    page = report_page(results, assumed_cost_bps=assumed_cost_bps)
    path.write_text(page, encoding="utf-8", newline="\n")


def report_page(results: Results, *, assumed_cost_bps: float | None = None) -> str:
    """Return the report as HTML."""
    data = page_data(results, assumed_cost_bps=assumed_cost_bps)
    style = _asset("report.css")
    script = '(() => {\n"use strict";\n' + "".join(_asset(name) for name in SCRIPTS) + "})();\n"
    plotly = resources.files("plotly").joinpath("package_data", "plotly.min.js").read_text("utf-8")
    # plotly would bring a style sheet for maps, which no page without maps has to allow; it leaves
    # that out where an element with the sheet's id is there already.
    maps = "".join(f'<style id="{name}"></style>' for name in _MAP_STYLES.findall(plotly))
    return Template(_asset("report.html")).substitute(
        maps=maps,
        policy=html.escape(_policy(scripts=(plotly, script), styles=(style, EMPTY_STYLE))),
        title=html.escape(data["run"]["title"]),
        style=_raw(style),
        data=_json(data),
        plotly=_raw(plotly),
        script=_raw(script),
    )


def _asset(name: str) -> str:
    """Return a file of the report's own."""
    return resources.files("interlock.research").joinpath("assets", name).read_text("utf-8")


def _source(text: str) -> str:
    """Return how a Content-Security-Policy names an inline script or style.

    >>> _source("")
    "'sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU='"
    """
    digest = hashlib.sha256(text.encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"


def _policy(*, scripts: tuple[str, ...], styles: tuple[str, ...]) -> str:
    """Return the Content-Security-Policy: exactly these scripts and styles, and no network.

    Pictures may come from the page itself, because saving a chart as a picture needs it.
    """
    return "; ".join(
        (
            "default-src 'none'",
            "script-src " + " ".join(_source(text) for text in scripts),
            "style-src " + " ".join(_source(text) for text in styles),
            "img-src data: blob:",
            "base-uri 'none'",
            "form-action 'none'",
        )
    )


def _raw(text: str) -> str:
    """Return a script or style that may stand inside its element as it is."""
    lowered = text.lower()
    for breaks in ("</script", "</style", "<!--", "\r", "\0"):
        assert breaks not in lowered, f"an inlined file must not hold {breaks!r}"
    return text


def _json(data: dict[str, Any]) -> str:
    r"""Return JSON that no HTML parser can mistake for a tag.

    >>> _json({"symbol": "</script>"})
    '{"symbol":"\\u003c/script\\u003e"}'
    """
    text = json.dumps(data, allow_nan=False, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
