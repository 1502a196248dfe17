"""What the API shows: exact shapes, pages, tables for spreadsheets, and the state of the engine."""

import asyncio
import csv
import io
from pathlib import Path

import pytest

from interlock.service.api.sheets import csv_text
from interlock.service.api.status import FRESH_NS
from interlock.service.audit_rows import GENESIS, Row, chained
from interlock.service.engine_client import EngineDown
from tests.service.api.world import LATCH, World, status_said

LISTS = ("orders", "fills", "trades", "signals")
LOOKS = (
    *("overview", "positions", "latches", "limits", "breakers", "approvals", "system", "kill"),
    *(
        "equity",
        "bars/SPY",
        "latches/history",
        "orders/o-1C7-2",
        "audit",
        "audit/state",
        "backtests",
    ),
)


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


@pytest.mark.parametrize("name", [*LISTS, *LOOKS])
def test_everything_that_can_be_looked_at_answers(world: World, name: str) -> None:
    answer = asyncio.run(world.get(f"/api/{name}"))

    assert answer.status_code == 200, answer.text
    assert answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize("name", [*LISTS, *LOOKS])
def test_a_query_that_is_not_known_is_refused(world: World, name: str) -> None:
    answer = asyncio.run(world.get(f"/api/{name}?account=other"))

    assert answer.status_code == 400
    assert answer.json()["error"]["code"] == "BAD_QUERY"
    assert "other" not in answer.text


@pytest.mark.parametrize(
    "query",
    [
        *("limit=0", "limit=501", "limit=-1", "limit=1_0", "limit=1e2", "limit=+5", "limit="),
        *("limit=%D9%A1", "limit=1&limit=2", "before=-1", "before=x", "symbol=", "symbol=a%00b"),
        *("symbol=..%2F..%2Fx%20", "state=shut", "symbol=%F0%9F%92%A9", "symbol='%20OR%201"),
    ],
)
def test_a_query_is_read_strictly(world: World, query: str) -> None:
    assert asyncio.run(world.get(f"/api/orders?{query}")).status_code == 400


@pytest.mark.parametrize(
    "path",
    [
        *("orders/o-9-9", "orders/x", "orders/%2e%2e", "signals/s-9", "bars/NOPE", "bars/%00"),
        *("backtests/none", "backtests/none/report", "explain/nothing", "explain/--help"),
        *("orders/o-1C7-2%20", "backtests/..", "backtests/.%2e/report", "accounts/other"),
    ],
)
def test_what_is_not_there_is_not_found(world: World, path: str) -> None:
    answer = asyncio.run(world.get(f"/api/{path}"))

    assert answer.status_code == 404
    assert set(answer.json()["error"]) == {"code", "message", "id"}
    assert world.explained == []


def test_what_is_shown_is_what_the_engine_says(world: World) -> None:
    answer = asyncio.run(world.get("/api/overview")).json()

    assert answer["connected"] is True
    assert answer["as_of"] == "2027-01-15T08:00:00Z"
    assert answer["latches"][0]["cause"] == LATCH["cause"]
    assert answer["money"]["equity"] == "0.00000000"


def test_without_an_engine_the_last_that_was_known_is_shown_as_such(world: World) -> None:
    async def run() -> None:
        await world.get("/api/overview")
        world.engine.fails = EngineDown("no engine answers here.")
        world.clock.advance(FRESH_NS)
        answer = (await world.get("/api/overview")).json()
        assert answer["connected"] is False
        assert answer["level"] == "RUNNING"
        assert answer["why"] == "no engine answers here."
        assert answer["as_of"] == "2027-01-15T08:00:00Z"

    asyncio.run(run())


def test_an_engine_that_never_answered_is_said_too(world: World) -> None:
    world.engine.fails = EngineDown("no engine answers here.")

    for name in ("overview", "positions", "limits", "latches", "breakers", "approvals", "system"):
        answer = asyncio.run(world.get(f"/api/{name}"))
        assert answer.status_code == 200
        assert answer.json()["connected"] is False
        assert answer.json()["as_of"] is None


def test_fifty_dashboards_are_one_question(world: World) -> None:
    async def run() -> None:
        await asyncio.gather(*(world.get("/api/positions") for _ in range(50)))
        assert len(world.engine.asked) == 1
        world.clock.advance(FRESH_NS)
        await asyncio.gather(*(world.get("/api/positions") for _ in range(50)))
        assert len(world.engine.asked) == 2

    asyncio.run(run())


def test_a_table_runs_nothing_in_a_spreadsheet(world: World) -> None:
    answer = asyncio.run(world.get("/api/orders/export.csv"))

    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert answer.headers["content-disposition"].startswith("attachment;")
    heading, row = csv.reader(io.StringIO(answer.text))
    found = dict(zip(heading, row, strict=True))
    assert found["strategy"] == '\'=HYPERLINK("http://x")'
    assert found["price"] == "-5.25"


@pytest.mark.parametrize(
    "text",
    ["=1+1", "+1", "-1+1", "@SUM(A1)", "\tx", "\rx", "\n=x", "\0=x", "|x", "%x", " =1", "-", "-a"],
)
def test_a_formula_is_shown_and_not_run(text: str) -> None:
    (_, (found,)) = csv.reader(io.StringIO(csv_text(["a"], [{"a": text}]), newline=""))

    assert found.startswith("'")


def test_a_field_is_quoted_as_it_must_be() -> None:
    text = csv_text(["a", "b"], [{"a": 'x"y', "b": "1,2\r\n3"}, {"a": None, "b": True}])

    assert text == '"a","b"\r\n"x""y","1,2\r\n3"\r\n"","true"\r\n'


def _rows(count: int) -> list[Row]:
    found: list[Row] = []
    for seq in range(1, count + 1):
        before = found[-1].hash if found else GENESIS
        found.append(
            chained(
                before,
                seq,
                seq,
                "login",
                actor=f"user:{seq % 2}",
                ip="",
                action="=x",
                success=True,
                reason="",
                correlation=f"c{seq}",
                details="{}",
            )
        )
    return found


def test_the_audit_is_paged_and_taken_along(world: World) -> None:
    world.audit.kept = _rows(5)

    async def run() -> None:
        first = (await world.get("/api/audit?limit=2")).json()
        assert [row["seq"] for row in first["items"]] == [5, 4]
        rest = (await world.get(f"/api/audit?limit=4&before={first['next']}")).json()
        assert [row["seq"] for row in rest["items"]] == [3, 2, 1]
        assert rest["next"] is None
        one = (await world.get("/api/audit?actor=user:1&event_type=login")).json()
        assert [row["seq"] for row in one["items"]] == [5, 3, 1]
        lines = (await world.get("/api/audit/export")).text.splitlines()
        assert len(lines) == 5
        table = await world.get("/api/audit/export?format=csv")
        assert table.text.count("\r\n") == 6
        assert "'=x" in table.text

    asyncio.run(run())
    assert [each["event_type"] for each in world.audit.records] == ["export", "export"]


def test_an_explanation_is_made_once_and_kept(world: World) -> None:
    async def run() -> None:
        answers = await asyncio.gather(*(world.get("/api/explain/o-1C7-2") for _ in range(4)))
        assert {answer.status_code for answer in answers} == {200}
        assert world.explained == ["o-1C7-2"]

    asyncio.run(run())


def test_too_many_explanations_at_once_are_turned_away(world: World) -> None:
    async def run() -> set[int]:
        names = [f"o-{number}-1" for number in range(1, 30)]
        found = await asyncio.gather(*(world.get(f"/api/explain/{name}") for name in names))
        return {answer.status_code for answer in found}

    assert asyncio.run(run()) == {200, 503}


def test_backtests_are_listed_and_nothing_beside_them_is_read(world: World, tmp_path: Path) -> None:
    runs = world.home.root / "backtests"
    good = runs / "SPY-ema-0123"
    good.mkdir(parents=True)
    (good / "summary.json").write_text('{"trades": 3}')
    (good / "report.html").write_text("<script>1</script>")
    secret = tmp_path / "secret"
    secret.mkdir()
    (secret / "summary.json").write_text('{"secret": 1}')
    (secret / "report.html").write_text("secret")
    (runs / "linked").symlink_to(secret)
    (runs / "half").mkdir()
    (runs / "half" / "summary.json").symlink_to(secret / "summary.json")
    (runs / "half" / "report.html").symlink_to(secret / "report.html")
    (runs / "broken").mkdir()
    (runs / "broken" / "summary.json").write_text("[" * 100_000)

    async def run() -> None:
        items = (await world.get("/api/backtests")).json()["items"]
        assert [each["name"] for each in items] == ["SPY-ema-0123"]
        assert items[0]["summary"] == {"trades": 3}
        report = await world.get("/api/backtests/SPY-ema-0123/report")
        assert report.text == "<script>1</script>"
        policy = report.headers["content-security-policy"]
        assert policy.startswith("sandbox allow-scripts;")
        assert "allow-same-origin" not in policy
        for name in ("linked", "half", "..", "%2e%2e", "..%2f..%2fsecret", "%00", "broken"):
            for path in (f"/api/backtests/{name}/report", f"/api/backtests/{name}"):
                assert (await world.get(path)).status_code == 404, path

    asyncio.run(run())


def test_money_stays_text(world: World) -> None:
    world.engine.status = status_said(
        money={**status_said()["money"], "equity": "100000000000000000.00000001"}
    )

    assert "100000000000000000.00000001" in asyncio.run(world.get("/api/overview")).text
