"""A whole ``interlock run`` with a gateway, senders that do not give up, and what was kept."""

import contextlib
import http.client
import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from interlock.config.home import Home, home_of
from interlock.config.settings import Settings
from interlock.journal.opening import open_store
from interlock.runtime.asked_signal import ext_of
from interlock.runtime.asking import ask
from interlock.runtime.entries import is_signal_key
from tests.research.makers import bar, flat, write_bars

PATIENCE_S: Final = 90.0
BARS: Final = 40_000
SYMBOL: Final = "BTC_USDT"
NEVER: Final = '''
"""A strategy for tests."""
import polars as pl
from pydantic import BaseModel

from interlock.signals.signal import Signals


class Never(BaseModel, frozen=True, extra="forbid"):
    """Wants nothing."""

    def signals(self, bars: pl.DataFrame) -> Signals:
        return Signals.at([], 1)
'''


def soon(found: Callable[[], object], within_s: float = PATIENCE_S) -> None:
    """Wait until something is so."""
    begun_s = time.perf_counter()
    while not found():
        assert time.perf_counter() - begun_s < within_s, "it never was so"
        time.sleep(0.02)


class WebhookRun:
    """One ``interlock run`` whose only signals come from outside.

    Args:
        folder: For everything.
        more: Of ``interlock.toml``.
        is_compiled: Whether the kernel is machine code.
    """

    def __init__(self, folder: Path, *, more: str = "", is_compiled: bool = False) -> None:
        self.home: Home = home_of(Settings(home=folder / "home"))
        path = write_bars(folder, [*flat(), *([bar(100)] * (BARS - len(flat())))])
        strategy = folder / "never.py"
        strategy.write_text(NEVER)
        config = folder / "interlock.toml"
        config.write_text(
            f'[data]\nbars = ["{path}"]\nspeed = "20bars/s"\n'
            f'[strategy]\nname = "{strategy}:Never"\n{more}'
        )
        plain = {} if is_compiled else {"NUMBA_DISABLE_JIT": "1"}
        self.said = folder / "said"
        with self.said.open("w") as said:
            self.process = subprocess.Popen(
                [
                    *(sys.executable, "-m", "interlock", "run"),
                    *("--port", "0", "--json", "--config", str(config)),
                ],
                env=os.environ | plain | {"INTERLOCK_HOME": str(self.home.root)},
                stdout=said,
                stderr=subprocess.STDOUT,
            )

    def events(self, name: str) -> list[dict[str, Any]]:
        """Return what the run told under a name."""
        lines = [line for line in self.said.read_text().splitlines() if line.startswith("{")]
        told = [json.loads(line) for line in lines if line.endswith("}")]
        return [event for event in told if event["event"] == name]

    def status(self) -> dict[str, Any]:
        """Return what the engine says; nothing while it does not answer."""
        try:
            return ask(self.home.engine_socket, {"ask": "status"}, 2.0)
        except (OSError, ValueError):
            return {}

    def is_ready(self) -> bool:
        """Return whether alerts can become orders: the range of the market is known."""
        return (
            bool(self.events("gateway_ready"))
            and self.status().get("counts", {}).get("bars", 0) > 25
        )

    @property
    def address(self) -> tuple[str, int]:
        """Where the gateway answers: the same, however often it is started again."""
        said = str(self.events("gateway_ready")[-1]["address"]).removeprefix("http://")
        host, _, port = said.rpartition(":")
        return host, int(port)

    def kill_gateway(self) -> None:
        """Kill the gateway as the system would."""
        os.kill(int(self.events("gateway_ready")[-1]["pid"]), signal.SIGKILL)

    def end(self) -> None:
        """End all of it at once."""
        self.process.kill()
        self.process.wait()

    def stop(self) -> int:
        """End it as Ctrl-C does; return its exit code."""
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(PATIENCE_S)

    def post(self, content: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        """Send an alert once; return status and answer."""
        return post(self.address, content)

    def post_until_taken(self, content: dict[str, Any]) -> dict[str, Any]:
        """Send an alert again and again, as charts do, until it is accepted."""
        return post_until_taken(self.address, content)

    def webhooks(self) -> list[dict[str, Any]]:
        """Return what the gateway keeps, oldest first."""
        return webhooks_in(self.home.gateway_db)

    def count_waiting(self) -> int:
        """Return how many alerts the engine has not answered."""
        return sum(one["state"] == "RECEIVED" for one in self.webhooks())

    def journaled(self) -> Counter[bytes]:
        """Return how often each signal from outside is in the journal, by its key."""
        with contextlib.closing(
            open_store(self.home.journal, account="paper", read_only=True)
        ) as store:
            entries = (row.entry for row in store.read())
            return Counter(entry.key for entry in entries if is_signal_key(entry.key))


def key_of(identity: str) -> bytes:
    """Return the key under which the journal keeps an alert."""
    parts = (int(part).to_bytes(8, "big", signed=True) for part in ext_of(identity))
    return b"signal" + b"".join(parts)


def post(address: tuple[str, int], content: dict[str, Any]) -> tuple[int, dict[str, Any]]:
    """Send an alert once; return status and answer."""
    with contextlib.closing(http.client.HTTPConnection(*address, timeout=3)) as connection:
        body = json.dumps(content)
        connection.request("POST", "/webhook", body, {"Content-Type": "application/json"})
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read())


def post_until_taken(address: tuple[str, int], content: dict[str, Any]) -> dict[str, Any]:
    """Send an alert again and again, as charts do, until it is accepted."""
    begun_s = time.perf_counter()
    while time.perf_counter() - begun_s < PATIENCE_S:
        with contextlib.suppress(OSError, http.client.HTTPException, ValueError):
            status, answer = post(address, content)
            if status == 200:
                return answer
            assert status >= 500, answer
        time.sleep(0.02)
    raise AssertionError("it never was accepted")


def webhooks_in(path: Path) -> list[dict[str, Any]]:
    """Return what a gateway keeps, oldest first."""
    with contextlib.closing(sqlite3.connect(path, timeout=10)) as database:
        database.row_factory = sqlite3.Row
        rows = database.execute("SELECT * FROM webhooks ORDER BY number").fetchall()
    return [dict(row) for row in rows]
