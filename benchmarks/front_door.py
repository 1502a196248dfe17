"""A whole engine and a whole gateway, for benchmarks that come in through the front door.

Both are processes of their own, on a journal and a database on this disk. The benchmark's process
plays the venue, so that one stopwatch sees both ends.
"""

import http.client
import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pyotp

from benchmarks import signals_to_orders
from benchmarks.engine_parts import INSTRUMENTS, Market
from benchmarks.signals_to_orders import Door, Venue, opened, session_in
from interlock.app.session import Session
from interlock.venues.simulated.lines import Symbols

HERE: Final = {
    "X-Interlock": "1",
    "Content-Type": "application/json",
    "Sec-Fetch-Site": "same-origin",
}
SETTINGS: Final = "[gateway]\nport = 0\n[webhook]\nsource_per_second = {0}\nper_second = {0}\n"
PLENTY: Final = 100_000  # alerts a second: what is measured is not the limit


@dataclass(slots=True, kw_only=True)
class Front:
    """What runs.

    Attributes:
        session: The engine's.
        venue: Played.
        door: The engine's own.
        address: Of the gateway.
        symbols: That may be traded.
        gateway: The process.
    """

    session: Session
    venue: Venue
    door: Door
    address: tuple[str, int]
    symbols: list[str]
    gateway: "subprocess.Popen[str]"

    def connection(self, source: str = "127.0.0.1") -> http.client.HTTPConnection:
        """Return a connection to the gateway, from an address of this machine."""
        peer = http.client.HTTPConnection(*self.address, timeout=60, source_address=(source, 0))
        peer.connect()
        assert peer.sock is not None
        peer.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return peer

    def alert(self, number: int, name: str) -> dict[str, Any]:
        """Return an alert that becomes an order."""
        symbol = self.symbols[number % len(self.symbols)]
        return {"symbol": symbol, "action": "buy", "quantity": "1", "id": f"{name}-{number}"}


def post(
    peer: http.client.HTTPConnection, path: str, body: Any, headers: dict[str, str]
) -> tuple[int, dict[str, Any]]:
    """Send something over a kept connection; return status and answer."""
    peer.request("POST", path, json.dumps(body), headers)
    answer = peer.getresponse()
    return answer.status, json.loads(answer.read())


def token(front: Front, permission: str) -> str:
    """Make the first administrator, and return a service token with a permission."""
    headers = dict(HERE)

    def send(path: str, body: dict[str, Any]) -> dict[str, Any]:
        with closing(front.connection()) as peer:
            peer.request("POST", path, json.dumps(body), headers)
            answer = peer.getresponse()
            said: dict[str, Any] = json.loads(answer.read())
            assert answer.status == 200, said
            for name, value in answer.getheaders():
                if name.lower() == "set-cookie" and value.startswith("__Host-interlock="):
                    headers["Cookie"] = value.partition(";")[0]
            return said

    code = front.session.home.admin_code.read_text().strip()
    begun = send("/api/setup", {"code": code, "name": "ada", "password": "a walk in the rain"})
    shown = pyotp.TOTP(begun["secret"])
    now_s = int(time.time())  # noqa: TID251 - an authenticator has a clock of its own
    send("/api/setup/confirm", {"enrolment": begun["enrolment"], "code": shown.at(now_s)})
    send("/api/step-up", {"code": shown.at(now_s + 30)})
    made = send("/api/tokens", {"name": "benchmark", "permissions": [permission], "days": 1})
    return str(made["token"])


@contextmanager
def front_in(folder: Path, alerts_per_second: int = PLENTY) -> Iterator[Front]:
    """Run an engine and a gateway for as long as the block lasts."""
    session = session_in(folder)
    symbols = [f"S{number:02d}X_USDT" for number in range(INSTRUMENTS)]
    venue = Venue(symbols=Symbols(symbols), market=Market())
    session.home.venue_socket.parent.mkdir(parents=True, exist_ok=True)
    config = folder / "interlock.toml"
    config.write_text(SETTINGS.format(alerts_per_second))
    with closing(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)) as listener:
        listener.bind(str(session.home.venue_socket))
        session.home.venue_socket.chmod(0o600)
        listener.listen()
        threading.Thread(target=venue.serve, args=(listener,), daemon=True).start()
        engine = subprocess.Popen(
            [sys.executable, signals_to_orders.__file__, "--engine", str(folder)]
        )
        gateway = subprocess.Popen(
            [sys.executable, "-m", "interlock", "gateway", "--config", str(config)],
            env=os.environ | {"INTERLOCK_HOME": str(session.home.root)},
            stdout=subprocess.PIPE,
            text=True,
        )
        try:
            yield Front(
                session=session,
                venue=venue,
                door=opened(session.home.engine_socket, symbols),
                address=_address(gateway),
                symbols=symbols,
                gateway=gateway,
            )
        finally:
            for process in (gateway, engine):
                process.terminate()
            for process in (gateway, engine):
                with suppress(subprocess.TimeoutExpired):
                    process.wait(30)
                process.kill()
                process.wait()


def _address(gateway: "subprocess.Popen[str]") -> tuple[str, int]:
    """Return where a gateway answers, as it says itself."""
    assert gateway.stdout is not None
    for line in gateway.stdout:
        said = json.loads(line)
        if said["event"] == "gateway_ready":
            host, _, port = str(said["address"]).removeprefix("http://").rpartition(":")
            return host, int(port)
    raise RuntimeError("the gateway ended before it was ready")
