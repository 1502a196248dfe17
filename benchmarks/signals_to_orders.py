"""How long from a signal at the engine's door to its order's bytes leaving, and to its answer.

    .venv/bin/python benchmarks/signals_to_orders.py          # 400 signals, one after the other
    .venv/bin/python benchmarks/signals_to_orders.py 2000 16  # 2,000, sixteen in one line

The engine is a whole one in a process of its own: door, kernel, journal on this disk, last gate,
socket. This process sends the signals and plays the venue, so that one stopwatch sees both ends:
every order is taken, and expires, so that the next may come.
"""

import json
import socket
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np

from benchmarks.engine_parts import HERE, INSTRUMENTS, WARM_BARS, Market, inputs_in
from interlock.app.engine import EngineOptions, run_engine
from interlock.app.session import Session
from interlock.config.everything import read_everything
from interlock.config.home import home_of
from interlock.config.settings import Settings
from interlock.kernel.codes import Kind
from interlock.kernel.records import rows
from interlock.runtime.asking import json_line
from interlock.venues import port
from interlock.venues.simulated.asks import AskAccount, AskOrder, Hello, read_ask
from interlock.venues.simulated.lines import Symbols
from interlock.venues.simulated.tells import tell_bytes

SIGNALS: Final = 400
WARM: Final = 50
NS_PER_MS: Final = 1e6
READY_S: Final = 30.0
CASH: Final = 100_000_000
UNITS: Final = 10**8
_ENGINE: Final = "--engine"


@dataclass(slots=True)
class Venue:
    """Takes every order and lets it expire; notes when each came.

    Attributes:
        symbols: Of the instruments.
        market: Whose time it is.
        came_ns: When orders came, on this process' stopwatch.
    """

    symbols: Symbols
    market: Market
    came_ns: list[int] = field(default_factory=list)

    def serve(self, listener: socket.socket) -> None:
        """Talk to one engine after the other."""
        with suppress(OSError):
            while True:
                peer, _ = listener.accept()
                with closing(peer), peer.makefile("rb") as lines:
                    for line in lines:
                        now_ns = time.perf_counter_ns()
                        for message in self._answers(line, now_ns):
                            peer.sendall(tell_bytes(message, self.symbols))

    def _answers(self, line: bytes, now_ns: int) -> list[port.Message]:
        ask = read_ask(line, self.symbols)
        match ask:
            case Hello():
                bars = self.market.bars(INSTRUMENTS * WARM_BARS)
                bars["ext_lo"] = 1 + np.arange(len(bars))
                return [
                    port.Welcome(now_ns=self.market.ts_ns, replay=True, ended=False),
                    *(port.Market(rows=bars[at : at + 64]) for at in range(0, len(bars), 64)),
                ]
            case AskAccount():
                return [self._account()]
            case AskOrder():
                return [port.NotFound(client_id=ask.client_id, now_ns=self.market.ts_ns)]
            case port.NewOrder():
                self.came_ns.append(now_ns)
                return [self._report(ask, kind) for kind in (Kind.ACCEPTED, Kind.EXPIRED)]
        return []

    def _account(self) -> port.Account:
        return port.Account(
            now_ns=self.market.ts_ns,
            orders=(),
            positions={},
            marks={},
            cash_units=CASH * UNITS,
            equity_units=CASH * UNITS,
            trades=0,
        )

    def _report(self, order: port.NewOrder, kind: Kind) -> port.Report:
        row = rows(1)
        row["kind"] = kind
        row["instrument"] = order.instrument
        row["strategy"] = order.strategy
        row["side"] = order.side
        row["order_kind"] = order.order_kind
        row["role"] = order.role
        row["qty"] = order.qty
        row["ts_ns"] = row["src_ts_ns"] = self.market.ts_ns
        return port.Report(client_id=order.client_id, peer_client_id="", row=row[0])


def session_in(folder: Path) -> Session:
    """Return the session of an engine on a market of many symbols, under rules that never trip."""
    inputs = inputs_in(folder)
    settings = Settings(home=folder / "home")
    home = home_of(settings)
    changes = {
        "data.bars": list(inputs.request.paths),
        "account.cash": CASH,
        "files.policy": str(folder / "risk_policy.yaml"),
        "files.breakers": str(HERE / "breakers.toml"),
        "watchdog.enabled": False,
    }
    configuration = read_everything(settings, changes=changes)
    home.make()
    return Session(
        settings=settings,
        home=home,
        config_file=None,
        changes=changes,
        configuration=configuration,
    )


class Door:
    """The engine's door, over one connection that is kept."""

    def __init__(self, path: Path) -> None:
        self._peer = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._peer.connect(str(path))
        self._lines = self._peer.makefile("rb")

    def ask(self, request: dict[str, Any]) -> dict[str, Any]:
        """Ask, and return the answer."""
        self._peer.sendall(json_line(request))
        found: dict[str, Any] = json.loads(self._lines.readline())
        return found


def signals(first: int, count: int, symbols: list[str]) -> dict[str, Any]:
    """Return a request to buy, of one symbol after the other."""
    return {
        "ask": "signals",
        "signals": [
            {
                "id": f"signal-{number}",
                "received_ns": time.time_ns(),  # noqa: TID251 - a sender has a clock of its own
                "symbol": symbols[number % len(symbols)],
                "side": "BUY",
                "quantity": "1",
                "who": "benchmark",
                "correlation": "",
            }
            for number in range(first, first + count)
        ],
    }


def opened(path: Path, symbols: list[str]) -> Door:
    """Wait until an engine takes signals, and return its door."""
    until = time.perf_counter() + READY_S
    while time.perf_counter() < until:
        with suppress(OSError):
            door = Door(path)
            if door.ask({"ask": "status"})["counts"]["bars"] >= INSTRUMENTS * WARM_BARS:
                found = door.ask(signals(-WARM, 1, symbols))
                if found["ok"]:
                    return door
        time.sleep(0.05)
    raise TimeoutError("the engine never took a signal")


def measured(door: Door, venue: Venue, symbols: list[str], count: int, group: int) -> None:
    """Send signals one line after the other, and print how long they took."""
    left: list[float] = []
    answered: list[float] = []
    for number in range(1 - WARM, count, group):
        before = len(venue.came_ns)
        begun_ns = time.perf_counter_ns()
        found = door.ask(signals(number, group, symbols))
        ended_ns = time.perf_counter_ns()
        states = {one["state"] for one in found["signals"]}
        assert states == {"SUBMITTED"}, found["signals"][0]
        while len(venue.came_ns) < before + group:
            time.sleep(0.0001)
        if number > 0:
            answered.append((ended_ns - begun_ns) / NS_PER_MS)
            left += [(came - begun_ns) / NS_PER_MS for came in venue.came_ns[before:]]
    for name, found_ms in (("ask to the order's bytes", left), ("ask to answer", answered)):
        p50, p99 = (float(np.percentile(found_ms, percent)) for percent in (50, 99))
        print(f"{name:<26} p50 {p50:.2f} ms  p99 {p99:.2f} ms  of {len(found_ms)}")


def main() -> None:
    """Measure; or be the engine that is measured."""
    if sys.argv[1:2] == [_ENGINE]:
        run_engine(session_in(Path(sys.argv[2])), EngineOptions(), lambda *_: None)
        return
    count = int(sys.argv[1]) if len(sys.argv) > 1 else SIGNALS
    group = int(sys.argv[2]) if len(sys.argv) > 2 else 1
    with tempfile.TemporaryDirectory(prefix="interlock-bench-") as name:
        session = session_in(Path(name))
        symbols = [f"S{number:02d}X_USDT" for number in range(INSTRUMENTS)]
        venue = Venue(symbols=Symbols(symbols), market=Market())
        session.home.venue_socket.parent.mkdir(parents=True, exist_ok=True)
        with closing(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)) as listener:
            listener.bind(str(session.home.venue_socket))
            session.home.venue_socket.chmod(0o600)
            listener.listen()
            threading.Thread(target=venue.serve, args=(listener,), daemon=True).start()
            with subprocess.Popen([sys.executable, __file__, _ENGINE, name]) as engine:
                try:
                    door = opened(session.home.engine_socket, symbols)
                    measured(door, venue, symbols, count, group)
                finally:
                    engine.terminate()


if __name__ == "__main__":
    main()
