"""A gateway in a process of its own, and what its machine says of it."""

import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from queue import Queue
from typing import Any, Final
from urllib.parse import urlsplit

WAIT_S: Final = 60.0
ALERT: Final = '{{"symbol":"GOOG","action":"BUY","id":"{}"}}'


@dataclass(kw_only=True)
class Started:
    """A process of ours that tells what happens as lines of JSON.

    Attributes:
        process: The process.
        told: What it told, in order; None at its end.
    """

    process: "subprocess.Popen[str]"
    told: "Queue[dict[str, Any] | None]"

    def until(self, event: str) -> dict[str, Any]:
        """Return the next telling of an event."""
        while (found := self.told.get(timeout=WAIT_S)) is not None:
            if found["event"] == event:
                return found
        raise AssertionError(f"it ended without {event}: {self.errors()}")

    def errors(self) -> str:
        """Return what it wrote on stderr; it has ended."""
        assert self.process.stderr is not None
        return self.process.stderr.read()

    def end(self, signal: int) -> int:
        """Ask it to end, and return its exit code."""
        self.process.send_signal(signal)
        return self.process.wait(WAIT_S)


@contextmanager
def short_home() -> Iterator[Path]:
    """Make a folder with a short path: sockets are in it."""
    folder = Path(tempfile.mkdtemp(prefix="interlock-"))
    try:
        yield folder / "home"
    finally:
        shutil.rmtree(folder)


@contextmanager
def started(home: Path, *arguments: str, **environ: str) -> Iterator[Started]:
    """Run a verb in a process of its own; it is gone at the end."""
    with subprocess.Popen(
        [sys.executable, "-m", "interlock", *arguments],
        # Plain Python starts sooner, and this is about processes.
        env=os.environ | {"INTERLOCK_HOME": str(home), "NUMBA_DISABLE_JIT": "1"} | environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        told: Queue[dict[str, Any] | None] = Queue()

        def listen() -> None:
            assert process.stdout is not None
            for line in process.stdout:
                told.put(json.loads(line))
            told.put(None)

        thread = threading.Thread(target=listen, daemon=True)
        thread.start()
        try:
            yield Started(process=process, told=told)
        finally:
            process.kill()
            thread.join(WAIT_S)


@contextmanager
def gateway(
    home: Path, settings: str = "", **environ: str
) -> Iterator[tuple[Started, tuple[str, int]]]:
    """Run a gateway alone at any free port; return it and where it is."""
    home.parent.mkdir(exist_ok=True)
    config = home.parent / "interlock.toml"
    config.write_text(f"[gateway]\nport = 0\n{settings}\n")
    with started(home, "gateway", "--config", str(config), **environ) as one:
        yield one, place(one.until("gateway_ready")["address"])


def place(address: str) -> tuple[str, int]:
    """Return host and port of an address."""
    parts = urlsplit(address)
    assert parts.hostname is not None
    assert parts.port is not None
    return parts.hostname, parts.port


def ask(where: tuple[str, int], method: str, path: str, body: str = "") -> tuple[int, str]:
    """Return status and body of one request, over a connection of its own."""
    with socket.create_connection(where, WAIT_S) as peer:
        head = f"{method} {path} HTTP/1.1\r\nHost: {where[0]}:{where[1]}\r\nConnection: close\r\n"
        peer.sendall(f"{head}Content-Length: {len(body)}\r\n\r\n{body}".encode())
        found = b""
        while part := peer.recv(65_536):
            found += part
    top, _, rest = found.partition(b"\r\n\r\n")
    return int(top.split(b" ")[1]), rest.decode()


def send(peer: socket.socket, data: bytes) -> bool:
    """Send something; return whether somebody still takes it."""
    with suppress(OSError):
        peer.sendall(data)
        return True
    return False


def soon(found: Callable[[], object]) -> None:
    """Wait until something is so."""
    for _ in range(int(WAIT_S / 0.05)):
        if found():
            return
        time.sleep(0.05)
    raise AssertionError("it never was so")


def is_closed(peer: socket.socket) -> bool:
    """Return whether the other end closes, or has closed, a connection; what it said goes by."""
    peer.settimeout(WAIT_S)
    try:
        while peer.recv(65_536):
            pass
    except TimeoutError:
        return False
    except OSError:
        pass
    return True


def open_files(pid: int) -> int:
    """Return how many files a process has open."""
    return len(list(Path(f"/proc/{pid}/fd").iterdir()))


def memory_mib(pid: int) -> float:
    """Return how much memory a process holds."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    (found,) = (line for line in lines if line.startswith("VmRSS:"))
    return int(found.split()[1]) / 1_024
