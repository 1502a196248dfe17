"""A gateway alone: its engine is played by the test, which sees what it is handed."""

import asyncio
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from interlock.config.home import home_of
from interlock.config.settings import Settings
from interlock.runtime.asking import AskError
from interlock.runtime.control import Control
from tests.proof.webhook_run import post_until_taken, webhooks_in


class PlayedEngine:
    """Answers signals, and knows each by its id."""

    def __init__(self) -> None:
        self.first: list[str] = []  # ids, as they came for the first time

    async def signals(self, asked: dict[str, Any]) -> dict[str, Any]:
        """Answer."""
        answers = []
        for one in asked["signals"]:
            known = one["id"] in self.first
            if not known:
                self.first.append(one["id"])
            answers.append({"id": one["id"], "state": "KNOWN" if known else "SUBMITTED"})
        await asyncio.sleep(0.005)  # as long as a disk takes: kills come here too
        return {"signals": answers}

    async def nothing(self, _asked: dict[str, Any]) -> dict[str, Any]:
        """Refuse what else a gateway wants to know."""
        raise AskError("this engine is played.")


@contextmanager
def playing(folder: Path) -> Iterator[PlayedEngine]:
    """Answer on the engine's socket of a home for as long as the block lasts."""
    home = home_of(Settings(home=folder / "home"))
    home.make()
    engine = PlayedEngine()
    answers = dict.fromkeys(("status", "metrics", "note_audit"), engine.nothing)
    control = Control(home.engine_socket, {**answers, "signals": engine.signals})
    loop = asyncio.new_event_loop()
    serving = loop.create_task(control.serve())

    def run() -> None:
        with suppress(asyncio.CancelledError):
            loop.run_until_complete(serving)
        loop.close()

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield engine
    finally:
        loop.call_soon_threadsafe(serving.cancel)
        thread.join()


class LoneGateway:
    """A gateway that is killed and started again, on a socket that stays.

    Args:
        folder: With its home.
        engine: Plays the engine.
    """

    def __init__(self, folder: Path, engine: PlayedEngine) -> None:
        self.engine = engine
        self.home = home_of(Settings(home=folder / "home"))
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.address: tuple[str, int] = self._listening.getsockname()[:2]
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it; who connects meanwhile waits."""
        descriptor = self._listening.fileno()
        self._process = subprocess.Popen(
            [*(sys.executable, "-m", "interlock", "gateway"), "--listen", str(descriptor)],
            env=os.environ | {"INTERLOCK_HOME": str(self.home.root), "NUMBA_DISABLE_JIT": "1"},
            pass_fds=[descriptor],
            stdout=subprocess.DEVNULL,
        )
        assert self.post_until_taken({"test": "true"})["test"]

    def kill(self) -> None:
        """Kill it as the system would."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    def end(self) -> None:
        """Let go of everything."""
        self.kill()
        self._listening.close()

    def post_until_taken(self, content: dict[str, Any]) -> dict[str, Any]:
        """Send an alert again and again until it is accepted."""
        return post_until_taken(self.address, content)

    def webhooks(self) -> list[dict[str, Any]]:
        """Return what it keeps, oldest first."""
        return webhooks_in(self.home.gateway_db)

    def count_waiting(self) -> int:
        """Return how many alerts the engine has not answered."""
        return sum(one["state"] == "RECEIVED" for one in self.webhooks())
