"""POST /api/risk/probe: 200 for what is allowed, 400 for what is not, and nothing odd gets in."""

import asyncio
import json
from typing import Any

import httpx
import pytest

from interlock.runtime.asking import AskError
from interlock.service.api.probe import add_probe_routes
from interlock.service.doors import Door, inventory
from interlock.service.engine_client import EngineDown
from tests.service.apps import OpenGuard, app_for_tests, client_of

EXAMPLE = (
    '{"symbol":"BTC_USDT","side":"BUY","price":50000,"quantity":0.01,"is_margin":false,'
    '"leverage":null,"trade_on_margin_from_watchlist":false}'
)


class Engine:
    """Keeps what it is asked, and answers or refuses."""

    def __init__(self, answer: dict[str, Any] | Exception) -> None:
        self.answer = answer
        self.asked: list[dict[str, Any]] = []

    async def ask(self, name: str, timeout_s: float = 5.0, **fields: Any) -> dict[str, Any]:
        """Answer."""
        assert (name, timeout_s) == ("probe", 3.0)
        self.asked.append(fields)
        if isinstance(self.answer, Exception):
            raise self.answer
        return dict(self.answer)

    async def kill(self, timeout_s: float = 10.0, **_fields: Any) -> dict[str, Any]:
        """Is not asked here."""
        raise AskError(str(timeout_s))


ALLOWED = {
    "would_trade_now": False,
    "rules": [],
    "latches": [],
    "assumptions": [],
    "allowed": True,
    "reason_code": "",
    "reason": "",
    "symbol": "BTC_USDT",
}
BLOCKED = {**ALLOWED, "allowed": False, "reason_code": "RISK_GUARD_BLOCKED", "reason": "no."}


def post(engine: Engine, body: str | bytes, **headers: str) -> httpx.Response:
    app = app_for_tests()
    add_probe_routes(Door(app, OpenGuard(), tag="probe"), engine)
    assert inventory(app) == [("POST", "/api/risk/probe", "probe, or loopback")]

    async def asked() -> httpx.Response:
        async with client_of(app) as client:
            return await client.post("/api/risk/probe", content=body, headers=headers)

    return asyncio.run(asked())


def test_what_is_allowed_is_200_and_its_numbers_arrive_as_they_were_written() -> None:
    engine = Engine(ALLOWED)
    answer = post(engine, EXAMPLE)
    assert answer.status_code == 200
    assert answer.json() == ALLOWED
    assert list(answer.json())[:4] == ["allowed", "would_trade_now", "reason_code", "reason"]
    assert engine.asked == [
        {
            "symbol": "BTC_USDT",
            "side": "BUY",
            "price": "50000",
            "quantity": "0.01",
            "is_margin": False,
            "trade_on_margin_from_watchlist": False,
        }
    ]


def test_what_is_refused_is_400_with_its_reason() -> None:
    answer = post(Engine(BLOCKED), EXAMPLE)
    assert answer.status_code == 400
    found = answer.json()
    assert (found["allowed"], found["reason_code"], found["reason"]) == (
        *(False, "RISK_GUARD_BLOCKED", "no."),
    )


@pytest.mark.parametrize(
    ("written", "sent"),
    [
        ("0.1", "0.1"),
        ('"0.1"', "0.1"),
        ("1e-5", "0.00001"),
        ("5E3", "5000"),
        ("0.12345678901234567890", "0.12345678901234567890"),
        ("12345678901234567890", "12345678901234567890"),
    ],
)
def test_every_digit_is_kept(written: str, sent: str) -> None:
    engine = Engine(ALLOWED)
    post(engine, EXAMPLE.replace("0.01", written))
    assert engine.asked[0]["quantity"] == sent


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"", 400, "BAD_JSON"),
        (b"{", 400, "BAD_JSON"),
        (b"[]", 422, "BAD_CONTENT"),
        (b"null", 422, "BAD_CONTENT"),
        (b"\xff{}", 400, "BAD_JSON"),
        (b'{"a":' * 40 + b"1" + b"}" * 40, 400, "BAD_JSON"),
        (EXAMPLE.replace("0.01", "NaN").encode(), 400, "BAD_JSON"),
        (EXAMPLE.replace("0.01", "1e999").encode(), 400, "BAD_JSON"),
        (EXAMPLE.replace("0.01", "1" * 39).encode(), 400, "BAD_JSON"),
        (EXAMPLE.replace("0.01", "-0.01e-300").encode(), 422, "BAD_CONTENT"),
        (EXAMPLE.replace("0.01", '"1e5"').encode(), 422, "BAD_CONTENT"),
        (EXAMPLE.replace("0.01", '"NaN"').encode(), 422, "BAD_CONTENT"),
        (EXAMPLE.replace("0.01", '"1_0"').encode(), 422, "BAD_CONTENT"),
        (EXAMPLE.replace("0.01", '"٣"').encode(), 422, "BAD_CONTENT"),
        (EXAMPLE.replace("0.01", '" 1"').encode(), 422, "BAD_CONTENT"),
        (EXAMPLE.replace("0.01", '""').encode(), 422, "BAD_CONTENT"),
        (EXAMPLE.replace("0.01", '"1."').encode(), 422, "BAD_CONTENT"),
        (EXAMPLE.replace("0.01", "true").encode(), 422, "BAD_CONTENT"),
        (EXAMPLE.replace("0.01", "[1]").encode(), 422, "BAD_CONTENT"),
        (EXAMPLE.replace("0.01", "null").encode(), 422, "BAD_CONTENT"),
        (EXAMPLE.replace('"BUY"', '"buy"').encode(), 422, "BAD_CONTENT"),
        (EXAMPLE.replace('"BUY"', "1").encode(), 422, "BAD_CONTENT"),
        (EXAMPLE.replace("false", '"false"').encode(), 422, "BAD_CONTENT"),
        (EXAMPLE.replace("false", "0").encode(), 422, "BAD_CONTENT"),
        (EXAMPLE.replace('"symbol"', '"side"').encode(), 400, "BAD_JSON"),  # twice
        (EXAMPLE.replace('"symbol"', '"Symbol"').encode(), 422, "BAD_CONTENT"),
        (EXAMPLE.replace("}", ',"s3cret":1}').encode(), 422, "BAD_CONTENT"),
    ],
)
def test_nothing_odd_gets_in(body: bytes, status: int, code: str) -> None:
    engine = Engine(ALLOWED)
    answer = post(engine, body)
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)
    assert "s3cret" not in answer.text
    assert engine.asked == []


def test_what_the_engine_cannot_judge_is_a_problem() -> None:
    answer = post(Engine(AskError("symbol must be one of the instruments file")), EXAMPLE)
    assert answer.status_code == 400
    assert answer.json()["error"]["code"] == "BAD_PROBE"
    assert "instruments file" in answer.json()["error"]["message"]


def test_without_an_engine_nobody_judges() -> None:
    answer = post(Engine(EngineDown("there is no engine")), EXAMPLE)
    assert answer.status_code == 503
    assert answer.json()["error"]["code"] == "ENGINE_DOWN"


def test_the_first_curl_of_a_person_works() -> None:
    """It sends no header of ours, and calls its body a form: nothing is changed by the answer."""
    kind = {"Content-Type": "application/x-www-form-urlencoded"}
    assert post(Engine(ALLOWED), EXAMPLE, **kind).status_code == 200


def test_another_account_may_be_supplied() -> None:
    engine = Engine(ALLOWED)
    more = {"account_equity": 1000, "total_margin_exposure": "0", "daily_loss_pct": -0.5}
    post(engine, json.dumps({**json.loads(EXAMPLE), **more}))
    supplied = {name: engine.asked[0][name] for name in more}
    assert supplied == {
        "account_equity": "1000",
        "total_margin_exposure": "0",
        "daily_loss_pct": "-0.5",
    }
