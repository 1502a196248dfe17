"""An alert from a socket to a fill, and that kills of both processes lose none and double none."""

import itertools
import json
import os
import random
import re
import shutil
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from interlock.config.progress_file import read_progress
from tests.proof.journal_session import at_night
from tests.proof.webhook_lone import LoneGateway, playing
from tests.proof.webhook_run import SYMBOL, WebhookRun, key_of, soon

LONE_KILLS: Final = at_night(6, 200)
PAUSE_S: Final = 0.05  # between two alerts of one sender
RESENT: Final = 0.1
KILLS: Final = 3  # of each; more would be too often for the one that starts them again
SEED: Final = 20_261_121


@pytest.fixture
def run() -> Iterator[WebhookRun]:
    """Return a run that takes alerts."""
    folder = Path(tempfile.mkdtemp(prefix="interlock-"))  # short: sockets are in it
    found = WebhookRun(folder)
    try:
        soon(found.is_ready)
        yield found
    finally:
        found.end()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def lone() -> Iterator[LoneGateway]:
    """Return a gateway whose engine is played by the test."""
    folder = Path(tempfile.mkdtemp(prefix="interlock-"))
    with playing(folder) as engine:
        found = LoneGateway(folder, engine)
        try:
            found.start()
            yield found
        finally:
            found.end()
            shutil.rmtree(folder, ignore_errors=True)


def test_an_alert_becomes_an_order_a_fill_and_a_way_out(run: WebhookRun) -> None:
    status, answer = run.post({"symbol": "BINANCE:BTCUSDT", "action": "buy", "price": "100"})
    assert (status, answer["state"], answer["duplicate"]) == (200, "RECEIVED", False)
    soon(lambda: run.status()["positions"])
    (position,) = run.status()["positions"]
    assert position["symbol"] == SYMBOL
    (kept,) = run.webhooks()
    assert kept["state"] == "SUBMITTED"
    assert len(json.loads(kept["verdict"])["orders"]) == 1

    again = run.post({"symbol": "BTC_USDT", "action": "BUY", "price": 100.0})[1]
    assert again == {**answer, "duplicate": True, "state": "SUBMITTED"}

    run.post({"symbol": "BTC/USDT", "action": "close"})
    soon(lambda: run.status()["positions"] == [])
    assert run.status()["counts"]["trades"] == 1
    assert run.stop() == 0


def test_what_an_engine_may_not_do_it_does_for_no_alert(run: WebhookRun) -> None:
    """Whoever knows the secret may propose; what is bought is for the policy to say."""
    asked: dict[str, dict[str, Any]] = {
        "unknown": {"symbol": "DOGE_USDT", "action": "buy"},
        "stranger": {"symbol": SYMBOL, "action": "buy", "strategy": "nobodys"},
        "far": {"symbol": SYMBOL, "action": "buy", "price": 150},
        "tiny": {"symbol": SYMBOL, "action": "buy", "quantity": "0.000000001"},
    }
    for name, content in asked.items():
        assert run.post({**content, "id": name})[0] == 200
    soon(lambda: run.count_waiting() == 0)

    assert {one["state"] for one in run.webhooks()} == {"REFUSED"}
    reasons = {one["named"]: json.loads(one["verdict"])["reason"] for one in run.webhooks()}
    assert reasons == {
        "unknown": "UNKNOWN_SYMBOL",
        "stranger": "UNKNOWN_STRATEGY",
        "far": "PRICE_COLLAR",
        "tiny": "BELOW_ONE_LOT",
    }
    assert run.status()["positions"] == []


def test_a_missed_alert_pauses_its_strategy_and_lets_ways_out_through(run: WebhookRun) -> None:
    run.post({"symbol": SYMBOL, "action": "buy", "sequence": 1})
    soon(lambda: run.status()["positions"])
    run.post({"symbol": SYMBOL, "action": "close", "sequence": 3})
    soon(lambda: run.status()["positions"] == [])
    assert "MISSED_ALERT" in {one["cause"] for one in run.status()["latches"]}
    run.post({"symbol": SYMBOL, "action": "buy", "sequence": 4})
    soon(lambda: run.count_waiting() == 0)
    assert json.loads(run.webhooks()[-1]["verdict"])["reason"] == "STRATEGY_LATCHED"


class Senders:
    """Threads that send alerts until they are told to end, each until it is accepted.

    A tenth of the alerts is sent twice anyhow.

    Args:
        post: Sends one until it is accepted.
    """

    def __init__(self, post: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
        self._post = post
        self._chance = random.Random(SEED)  # noqa: S311 - no secret
        self._numbers = itertools.count()
        self._over = threading.Event()
        self.ids: dict[str, str] = {}
        self.errors: list[str] = []
        self._threads = [threading.Thread(target=self._send) for _ in range(4)]
        for thread in self._threads:
            thread.start()

    def _send(self) -> None:
        while not self._over.wait(PAUSE_S):
            number = next(self._numbers)
            action = "close" if number % 2 else "buy"
            name = f"n-{number}"
            for _ in range(2 if self._chance.random() < RESENT else 1):
                answer = self._post({"symbol": SYMBOL, "action": action, "id": name})
                if self.ids.setdefault(name, answer["id"]) != answer["id"]:
                    self.errors.append(f"{name} has two ids")

    def end(self) -> None:
        """Wait until everything that was begun is accepted."""
        self._over.set()
        for thread in self._threads:
            thread.join()
        assert self.errors == []


def test_the_lines_of_the_manual_work(lone: LoneGateway, root: Path) -> None:
    """Every shell block is run as it is written, but for the place."""
    for program in ("curl", "openssl"):
        if shutil.which(program) is None:
            pytest.skip(f"this machine has no {program}")
    host = "http://{}:{}".format(*lone.address)
    blocks = re.findall(r"(?ms)^```sh\n(.*?)^```", (root / "docs" / "webhook.md").read_text())
    assert len(blocks) == 2
    for block in blocks:
        lines = block.replace("http://127.0.0.1:5001", host).replace("https://your.name", host)
        done = subprocess.run(
            ["/bin/sh", "-euc", lines],
            env=os.environ | {"INTERLOCK_HOME": str(lone.home.root)},
            check=True,
            capture_output=True,
            text=True,
        )
        assert done.stdout.count('"accepted":true') == lines.count("curl "), done.stdout
    soon(lambda: lone.count_waiting() == 0)
    assert [json.loads(one["signal"])["side"] for one in lone.webhooks()] == ["BUY", "CLOSE", "BUY"]


def test_kills_of_gateway_and_engine_lose_no_alert_and_double_none(run: WebhookRun) -> None:
    senders = Senders(run.post_until_taken)
    chance = random.Random(SEED)  # noqa: S311 - no secret
    for _ in range(KILLS):
        ready = len(run.events("gateway_ready"))
        time.sleep(chance.uniform(0.05, 0.6))  # a kill comes at any moment
        run.kill_gateway()
        progress = read_progress(run.home.progress)
        assert progress is not None
        os.kill(progress.pid, signal.SIGKILL)
        soon(lambda before=ready: len(run.events("gateway_ready")) > before)  # type: ignore[misc]
        soon(run.status)
    senders.end()
    soon(lambda: run.count_waiting() == 0)
    kept = run.webhooks()
    assert run.stop() == 0

    assert len(run.events("gateway_ready")) == KILLS + 1
    assert sorted(one["id"] for one in kept) == sorted(senders.ids.values())
    assert run.journaled() == dict.fromkeys(map(key_of, senders.ids.values()), 1)
    verdicts = [json.loads(one["verdict"]) for one in kept]
    orders = [order for one in verdicts for order in one.get("orders", [])]
    assert len(orders) == len(set(orders))
    assert {one["state"] for one in kept} <= {"SUBMITTED", "REFUSED", "NOTHING_TO_DO"}
    assert "SUBMITTED" in {one["state"] for one in kept}


def test_a_gateway_that_is_killed_all_the_time_loses_no_alert_and_hands_over_each_once(
    lone: LoneGateway,
) -> None:
    """In their order, too: the engine sees each for the first time in the order of its number."""
    senders = Senders(lone.post_until_taken)
    chance = random.Random(SEED)  # noqa: S311 - no secret
    for _ in range(LONE_KILLS):
        time.sleep(chance.uniform(0.0, 0.3))  # a kill comes at any moment
        lone.kill()
        lone.start()
    senders.end()
    soon(lambda: lone.count_waiting() == 0)

    kept = lone.webhooks()
    assert sorted(one["id"] for one in kept) == sorted(senders.ids.values())
    assert lone.engine.first == [one["id"] for one in kept]
