"""How much a running engine takes, how fast it is back, and what memory it keeps."""

import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from benchmarks.engine_parts import BLOCK, ORDERS_OF_BLOCK, parts_in
from benchmarks.figures import Figure, NotMeasuredError
from benchmarks.text import last_words, short

WORKER: Final = Path(__file__).with_name("engine_worker.py")
SUSTAINED_S: Final = 6.0
TAIL_EVENTS: Final = 100_000
MEMORY_S: Final = 20
HOUR_S: Final = 3_600
WORKER_SECONDS_MAX: Final = 600


@dataclass(frozen=True, slots=True, kw_only=True)
class Mix:
    """What comes in a block.

    Attributes:
        market: Rows of market data.
        orders: Signals that become orders; each is accepted and expires.
    """

    market: int
    orders: int


MARKET: Final = Mix(market=BLOCK - 3 * ORDERS_OF_BLOCK, orders=ORDERS_OF_BLOCK)
ORDERS: Final = Mix(market=0, orders=16)


@contextmanager
def folder_in(place: Path) -> Iterator[Path]:
    """Give an empty folder on the disk that is meant."""
    folder = Path(tempfile.mkdtemp(prefix="interlock-bench-", dir=place))
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


def sustained(blank: Figure, mix: Mix, place: Path) -> Figure:
    """Measure events a second from the inbox to the disk, until all of them are on it."""
    with folder_in(place) as folder, parts_in(folder) as parts:
        first = parts.decider.seq
        asked = int(parts.decider.state["account"]["submitted"][0])
        began = time.perf_counter()
        blocks = 0
        while time.perf_counter() - began < SUSTAINED_S:
            parts.block(blocks, market=mix.market, orders=mix.orders)
            blocks += 1
        parts.writer.wait(parts.decider.seq)
        took_s = time.perf_counter() - began
        events = parts.decider.seq - first
        orders = int(parts.decider.state["account"]["submitted"][0]) - asked
    return replace(
        blank,
        measured=events / took_s,
        how=f"{short(orders / took_s)} orders/s among them",
        void="" if orders == blocks * mix.orders else f"{blocks * mix.orders} orders, was {orders}",
    )


def tail(folder: Path, mix: Mix) -> None:
    """Write a journal whose tail is as long as is meant."""
    with parts_in(folder) as parts:
        blocks = 0
        while parts.decider.seq < TAIL_EVENTS:
            parts.block(blocks, market=mix.market, orders=mix.orders)
            blocks += 1


def replay(blank: Figure, place: Path) -> Figure:
    """Measure events a second from a journal through the kernel again."""
    with folder_in(place) as folder:
        tail(folder, MARKET)
        found = worker("replay", folder)
    return replace(
        blank,
        measured=found["events_per_s"],
        how=f"commands compared; with reading the file {short(found['read_events_per_s'])}",
    )


def recovery(blank: Figure, mix: Mix, place: Path) -> Figure:
    """Measure the start of a fresh process: imports, machine code, verification, the tail."""
    with folder_in(place) as folder:
        tail(folder, mix)
        found = worker("recover", folder)
    return replace(
        blank,
        measured=found["total_s"],
        how=f"imports {found['import_s']:.1f} s, machine code {found['warm_s']:.1f} s, "
        f"verify {found['verify_s']:.1f} s, replay {found['recover_s']:.1f} s of "
        f"{found['events']:,} events",
    )


def memory(blank: Figure, place: Path, seconds: int) -> Figure:
    """Measure resident memory while 1,000 events a second come, and whether it grows."""
    with folder_in(place) as folder:
        found = worker("memory", folder, str(seconds), seconds_max=seconds + 120)
    growth = found["last_mib"] - found["settled_mib"]
    return replace(
        blank,
        measured=found["peak_mib"],
        how=f"{seconds} s at {found['events_per_s']:,.0f} events/s: "
        f"{found['settled_mib']:.1f} MiB -> {found['last_mib']:.1f} MiB ({growth:+.1f})",
    )


def worker(
    what: str, folder: Path, *arguments: str, seconds_max: float = WORKER_SECONDS_MAX
) -> dict[str, Any]:
    """Do something in a process of its own, and return what it says.

    Raises:
        NotMeasuredError: It failed, or took too long.
    """
    try:
        done = subprocess.run(
            [sys.executable, str(WORKER), what, str(folder), *arguments],
            check=True,
            capture_output=True,
            text=True,
            timeout=seconds_max,
        )
    except subprocess.CalledProcessError as e:
        raise NotMeasuredError(last_words(e.stderr) or f"exit code {e.returncode}") from e
    except subprocess.TimeoutExpired as e:
        raise NotMeasuredError(str(e)) from e
    found: dict[str, Any] = json.loads(done.stdout)
    return found
