"""Signals from outside at a real engine over its real socket, also when it is killed meanwhile."""

import os
import shutil
import signal
import socket
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from interlock.config.home import Home, home_of
from interlock.config.settings import Settings
from interlock.journal.opening import open_store
from interlock.kernel.codes import Kind, Role
from interlock.kernel.records import Row
from interlock.research.journal_explain import explain_journal
from interlock.runtime.asking import AskError, ask, json_line
from interlock.runtime.entries import commands_of, events_of, said_by
from tests.app.test_paper_run import bars_of, is_free, soon, started, until
from tests.research.makers import bar, write_bars

Said = dict[str, Any]

BARS = 3_000
ENOUGH = 20  # of them for a stop


@pytest.fixture
def home() -> Iterator[Home]:
    """Return a home with a short path: sockets are in it."""
    folder = Path(tempfile.mkdtemp(prefix="interlock-"))
    yield home_of(Settings(home=folder / "home"))
    shutil.rmtree(folder)


@pytest.fixture
def options(tmp_path: Path) -> list[str]:
    """Return the options of a run whose own strategy sees nothing move, and never trades."""
    path = write_bars(tmp_path, [bar(100)] * BARS)
    return ["--data", str(path), "--speed", "50bars/s"]


def wanted(signal_id: str, **changed: object) -> Said:
    """Return a request with one signal to buy."""
    one = {
        "id": signal_id,
        "received_ns": time.time_ns(),  # noqa: TID251 - a sender has a clock of its own
        "symbol": "BTC/USDT",
        "side": "BUY",
        "quantity": "0.5",
        "who": "webhook:127.0.0.1",
        "correlation": "c-7",
    }
    return {"ask": "signals", "signals": [one | changed]}


def send(home: Home, signal_id: str, **changed: object) -> Said:
    """Send a signal until the engine takes it, as a gateway does; return its answer."""
    request = wanted(signal_id, **changed)
    found: list[Said] = []

    def answered() -> bool:
        try:
            found.extend(ask(home.engine_socket, request)["signals"])
        except (OSError, AskError):
            return False
        return True

    soon(answered)
    (answer,) = found
    return answer


def trades_now(home: Home) -> bool:
    """Return whether the engine has seen enough bars, and nothing holds entries back."""
    return bars_of(home) >= ENOUGH and not ask(home.engine_socket, {"ask": "status"})["latches"]


def decided(home: Home, signal_id: str) -> list[tuple[Row, list[Row]]]:
    """Return every SIGNAL event of one id in the journal, with the entries it caused."""
    found = []
    with closing(open_store(home.journal, account="paper", read_only=True)) as store:
        for row in store.read():
            for event in events_of(row.entry):
                if event["kind"] == Kind.SIGNAL and said_by(row.entry).get("id") == signal_id:
                    orders = [
                        x
                        for x in commands_of(row.entry)
                        if x["kind"] == Kind.SUBMIT and x["role"] == Role.ENTRY
                    ]
                    found.append((event, orders))
    return found


def test_a_signal_is_traded_once_though_its_engine_was_killed_before_it_could_answer(
    home: Home, options: list[str]
) -> None:
    with started(home, *options) as process:
        until(process, "connected")
        soon(lambda: trades_now(home))
        with closing(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)) as peer:
            peer.connect(str(home.engine_socket))
            status = ask(home.engine_socket, {"ask": "status"})
            peer.sendall(json_line(wanted("lost")))
            soon(lambda: len(decided(home, "lost")) > 0)  # it is durable, and nobody reads on
            os.kill(status["pid"], signal.SIGKILL)
        until(process, "connected")

        again = send(home, "lost")
        assert (again["state"], again["first"]) == ("KNOWN", "SUBMITTED"), again
        assert again["quantity"] == "0.50000000"
        assert len(again["orders"]) == 1

        bought = ask(home.engine_socket, {"ask": "status"})
        assert "approvals" in bought
        closed = send(home, "out", side="CLOSE", exit_only=True)
        assert closed["state"] in {"SUBMITTED", "NOTHING_TO_DO"}
        refused = send(home, "far", price="200")
        assert refused["state"] == "REFUSED"
        unknown = send(home, "who", strategy="nobody")
        assert unknown["reason"] == "UNKNOWN_STRATEGY"
        ask(home.engine_socket, {"ask": "stop"})
        until(process, "finished")
        assert process.wait(60) == 0

    soon(lambda: is_free(home))
    ((event, orders),) = decided(home, "lost")
    assert len(orders) == 1
    assert event["strategy"] == 1
    with closing(open_store(home.journal, account="paper", read_only=True)) as store:
        explained = explain_journal(store, str(again["signal"]))
    assert explained.signal["strategy"] == "webhook"
