"""What a running account measures, with real processes: a venue that is gone, and comes back."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from interlock.config.home import Home
from interlock.runtime.asking import ask
from tests.app.test_paper_run import bars_of, home, options, soon, started, until

__all__ = ["home", "options"]  # fixtures

BREAKERS = "[circuit_breakers.system.venue]\ncooldown_minutes = 0\n"


def status(at: Home) -> dict[str, Any]:
    return ask(at.engine_socket, {"ask": "status"})


def causes(at: Home) -> set[str]:
    """Return the causes of the latches that are set."""
    return {one["cause"] for one in status(at)["latches"]}


def venue_of(supervisor: int) -> int:
    """Return the process of the venue that a run looks after."""
    children = Path(f"/proc/{supervisor}/task/{supervisor}/children").read_text().split()
    words = {int(pid): Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0") for pid in children}
    (found,) = (pid for pid, said in words.items() if b"venue" in said)
    return found


@contextmanager
def stopped(pid: int) -> Iterator[None]:
    """Let a process do nothing for as long as the block lasts."""
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


def test_a_venue_that_is_gone_trips_its_breaker_and_is_shown(
    home: Home, options: list[str]
) -> None:
    """Whoever would start it again is held up meanwhile."""
    home.root.mkdir(mode=0o700)
    (home.root / "config").mkdir(mode=0o700)
    (home.root / "config" / "circuit_breakers.toml").write_text(BREAKERS)
    with started(home, *options, "--speed", "5bars/s") as process:
        until(process, "connected")
        soon(lambda: bars_of(home) >= 2)
        healthy = status(home)["vitals"]
        assert healthy["venue_unavailable"] == 0
        assert healthy["clock_offset_ms"] is None, "a recording has a time of its own"
        assert 0 < healthy["disk_free_ppm"] <= 1_000_000
        assert causes(home) == set()

        with stopped(process.pid):
            os.kill(venue_of(process.pid), signal.SIGKILL)
            soon(lambda: "VENUE_UNAVAILABLE" in causes(home))
            assert status(home)["vitals"]["venue_unavailable"] == 1
        soon(lambda: causes(home) == set())
        assert status(home)["vitals"]["venue_unavailable"] == 0
