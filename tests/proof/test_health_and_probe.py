"""A fresh paper system, as it is shipped: its health, and what its gate would say."""

import json
import os
import signal
import sqlite3
from pathlib import Path
from typing import Any

from interlock.config.home import home_of
from interlock.config.settings import Settings
from tests.proof.gateways import ask, gateway, place, short_home, soon, started

SPOT = {
    "symbol": "BTC_USDT",
    "side": "BUY",
    "price": 50000,
    "quantity": 0.01,
    "leverage": None,
    "is_margin": False,
    "trade_on_margin_from_watchlist": False,
}
UNAVAILABLE = (
    "Provide account_equity, total_margin_exposure, daily_loss_pct for probe when exchange "
    "unavailable"
)
SUPPLIED = {"account_equity": 100000, "total_margin_exposure": 0, "daily_loss_pct": 0}

Where = tuple[str, int]


def probe(where: Where, **change: Any) -> tuple[int, dict[str, Any]]:
    status, body = ask(where, "POST", "/api/risk/probe", json.dumps({**SPOT, **change}))
    found = json.loads(body)
    assert isinstance(found, dict)
    return status, found


def system(where: Where) -> tuple[int, dict[str, Any]]:
    status, body = ask(where, "GET", "/api/health/system")
    found = json.loads(body)
    assert isinstance(found, dict)
    return status, found


def test_a_fresh_paper_system_is_well_and_answers_the_probe() -> None:
    with short_home() as folder:
        home = home_of(Settings(home=folder))
        with started(folder, "run", "--json", "--port", "0") as run:
            where = place(run.until("gateway_ready")["address"])
            soon(lambda: ask(where, "GET", "/readyz")[0] == 200)
            soon(lambda: system(where)[0] == 200)  # once its breakers are proved
            assert system(where)[1]["global_status"] == "PASS"
            _probes(where)
            soon(lambda: len(_bars(home.projection_db)) > 0)
            home.projection_db.unlink()
            soon(lambda: home.projection_db.exists() and len(_bars(home.projection_db)) > 0)
            assert ask(where, "GET", "/readyz")[0] == 200, "trading goes on without it"
            _without_a_venue(run, where)
            assert run.end(signal.SIGTERM) == 0


def _probes(where: Where) -> None:
    status, found = probe(where)
    assert (status, found["allowed"]) == (200, True), found["reason"]
    status, found = probe(where, is_margin=True, leverage=10, trade_on_margin_from_watchlist=True)
    assert (status, found["allowed"]) == (400, False)
    assert found["reason_code"] == "RISK_GUARD_BLOCKED"
    assert "MARGIN_NOT_ALLOWED" in found["reason"]
    for change in ({"surprise": 1}, {"quantity": "NaN"}, {"symbol": "NOTHING"}):
        status, found = probe(where, **change)
        assert status in {400, 422}
        assert "error" in found
    status, _ = ask(where, "POST", "/api/risk/probe", '{"symbol":"SPY","symbol":"QQQ"}')
    assert status == 400


def _without_a_venue(run: Any, where: Where) -> None:
    """Freeze the venue: it answers nothing, and nobody starts another one."""
    own = Path(f"/proc/{run.process.pid}/task/{run.process.pid}/children")
    pids = [int(pid) for pid in own.read_text().split()]
    venues = [pid for pid in pids if b"venue" in _command(pid)]
    assert len(venues) == 1
    os.kill(venues[0], signal.SIGSTOP)
    try:
        soon(lambda: probe(where)[1]["reason"] == UNAVAILABLE)
        status, found = probe(where)
        assert (status, found["reason_code"]) == (400, "RISK_GUARD_BLOCKED")
        status, found = probe(where, **SUPPLIED)
        assert (status, found["allowed"]) == (200, True)
        assert not found["would_trade_now"]
        assert system(where)[0] == 503
    finally:
        os.kill(venues[0], signal.SIGCONT)


def _command(pid: int) -> bytes:
    return Path(f"/proc/{pid}/cmdline").read_bytes()


def _bars(path: Any) -> list[Any]:
    connection = sqlite3.connect(path)
    try:
        return connection.execute("SELECT * FROM bars LIMIT 1").fetchall()
    except sqlite3.Error:
        return []
    finally:
        connection.close()


def test_a_gateway_without_an_engine_is_not_well() -> None:
    with short_home() as folder, gateway(folder) as (_, where):
        assert ask(where, "GET", "/healthz")[0] == 200
        for path in ("/readyz", "/health", "/api/health/system"):
            assert ask(where, "GET", path)[0] == 503
        status, body = ask(where, "POST", "/api/risk/probe", json.dumps(SPOT))
        assert (status, json.loads(body)["error"]["code"]) == (503, "ENGINE_DOWN")
