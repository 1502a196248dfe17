"""Alerts through gateway, engine, journal and venue: how fast, and what is lost or double.

    .venv/bin/python benchmarks/webhooks.py            # some minutes
    .venv/bin/python benchmarks/webhooks.py --short

Three loads, each of a process of its own: some alerts one by one, to see how long one takes to its
order; a sustained rate; and many, of which a tenth is sent again. Then both databases are counted.
Ends with 1 when an alert was lost or double, or a bar was missed.
"""

import argparse
import contextlib
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.engine_parts import HERE, INSTRUMENTS
from interlock.config.home import home_of
from interlock.config.progress_file import read_progress
from interlock.config.settings import Settings
from interlock.journal.opening import open_store
from interlock.runtime.asking import ask
from interlock.runtime.entries import is_signal_key

RATE: Final = 500
RATE_S: Final = 20
MANY: Final = 50_000
MANY_RATE: Final = 500
RESENT: Final = 0.1
SINGLE: Final = 200
SINGLE_RATE: Final = 10
P99_MS: Final = 250.0
ORDER_P50_MS: Final = 10.0
PATIENCE_S: Final = 600.0
BARS: Final = 60_000

_NEVER: Final = '''
"""A strategy for benchmarks."""
import polars as pl
from pydantic import BaseModel

from interlock.signals.signal import Signals


class Never(BaseModel, frozen=True, extra="forbid"):
    """Wants nothing."""

    def signals(self, bars: pl.DataFrame) -> Signals:
        return Signals.at([], 1)
'''


@dataclass(slots=True, kw_only=True)
class System:
    """One ``interlock run``.

    Attributes:
        folder: With everything.
        process: The supervisor.
    """

    folder: Path
    process: subprocess.Popen[bytes]

    @property
    def home(self) -> Any:
        """Where everything is."""
        return home_of(Settings(home=self.folder / "home"))

    def seconds_of_processors(self) -> dict[str, float]:
        """Return how long processors have worked for the gateway and for the engine."""
        progress = read_progress(self.home.progress)
        assert progress is not None
        found = {}
        for name, pid in (("gateway", self.gateway_pid()), ("engine", progress.pid)):
            fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
            found[name] = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
        return found

    def gateway_pid(self) -> int:
        """Return the gateway's process."""
        said = (self.folder / "said").read_text().splitlines()
        (ready,) = [json.loads(line) for line in said if '"gateway_ready"' in line]
        return int(ready["pid"])

    def address(self) -> tuple[str, str] | None:
        """Return where the gateway answers; None before it does."""
        for line in (self.folder / "said").read_text().splitlines():
            if '"gateway_ready"' in line and line.endswith("}"):
                host, _, port = json.loads(line)["address"].removeprefix("http://").rpartition(":")
                return host, port
        return None

    def bars(self) -> int:
        """Return how many bars the engine has seen."""
        with contextlib.suppress(OSError, ValueError):
            return int(ask(self.home.engine_socket, {"ask": "status"}, 5.0)["counts"]["bars"])
        return 0

    def query(self, statement: str) -> list[tuple[Any, ...]]:
        """Ask the gateway's database."""
        with contextlib.closing(sqlite3.connect(self.home.gateway_db, timeout=30)) as database:
            return database.execute(statement).fetchall()

    def waiting(self) -> int:
        """Return how many alerts the engine has not answered."""
        return int(self.query("SELECT count(*) FROM webhooks WHERE state = 'RECEIVED'")[0][0])

    def journaled(self) -> Counter[bytes]:
        """Return how often each alert is in the journal."""
        with contextlib.closing(
            open_store(self.home.journal, account="paper", read_only=True)
        ) as store:
            entries = (row.entry for row in store.read())
            return Counter(entry.key for entry in entries if is_signal_key(entry.key))


def started(folder: Path) -> System:
    """Start everything, and wait until alerts can become orders."""
    paths = []
    for number in range(INSTRUMENTS):
        lines = ["ts,open,high,low,close,volume"]
        lines += [
            f"{1_700_000_000 // 86_400 * 86_400 + 60 * n},100.00,100.50,99.50,100.00,1000"
            for n in range(BARS // INSTRUMENTS)
        ]
        path = folder / f"S{number:02d}X_USDT-1m.csv"
        path.write_text("\n".join(lines) + "\n")
        paths.append(str(path))
    (folder / "never.py").write_text(_NEVER)
    policy = (HERE / "policy.yaml").read_text()
    (folder / "risk_policy.yaml").write_text(
        policy.replace("fixed_notional: 10000000000", "fixed_notional: 1000")
    )
    config = folder / "interlock.toml"
    config.write_text(
        f'[account]\ncash = 100000000\n[data]\nbars = {json.dumps(paths)}\nspeed = "20bars/s"\n'
        f'[strategy]\nname = "{folder}/never.py:Never"\n'
        f'[files]\npolicy = "{folder}/risk_policy.yaml"\nbreakers = "{HERE}/breakers.toml"\n'
        "[webhook]\nsource_per_second = 100000\nper_second = 100000\n"
    )
    with (folder / "said").open("wb") as said:
        process = subprocess.Popen(
            [
                *(sys.executable, "-m", "interlock", "run"),
                *("--port", "0", "--json", "--config", str(config)),
            ],
            env=os.environ | {"INTERLOCK_HOME": str(folder / "home")},
            stdout=said,
            stderr=subprocess.STDOUT,
        )
    system = System(folder=folder, process=process)
    wait_for(lambda: system.address() is not None and system.bars() > 40 * INSTRUMENTS)
    return system


def wait_for(found: Any) -> None:
    """Wait until something is so."""
    begun_s = time.perf_counter()
    while not found():
        assert time.perf_counter() - begun_s < PATIENCE_S, "it never was so"
        time.sleep(0.05)


def loaded(system: System, count: int, rate: float, resent: float, prefix: str) -> dict[str, Any]:
    """Send alerts from another process; return what came of it."""
    address = system.address()
    assert address is not None
    arguments = [*address, str(count), str(rate), str(resent), prefix]
    done = subprocess.run(
        [sys.executable, str(HERE / "webhook_load.py"), *arguments],
        check=True,
        stdout=subprocess.PIPE,
    )
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def percentiles(values: list[float]) -> str:
    """Return some of them for people."""
    found = np.percentile(values, [50, 99, 100])
    return "p50 {:.2f} ms, p99 {:.2f} ms, at most {:.2f} ms".format(*found)


def measure(system: System, *, is_short: bool) -> list[str]:
    """Do all three; return what was missed."""
    missed: list[str] = []
    ids: dict[str, str] = {}
    count = SINGLE // 4 if is_short else SINGLE
    single = loaded(system, count, SINGLE_RATE, 0, "single")
    ids |= single["ids"]
    wait_for(lambda: system.waiting() == 0)
    rows = system.query("SELECT answered_ns - received_ns, state FROM webhooks")
    to_order = [row[0] / 1e6 for row in rows if row[1] == "SUBMITTED"]
    print(f"one by one     {percentiles(single['delays_ms'])} to the answer")
    print(f"               {percentiles(to_order)} to the durable order, of {len(to_order)}")
    if np.percentile(to_order, 50) > ORDER_P50_MS:
        missed.append(f"the median to an order must be at most {ORDER_P50_MS} ms")
    before = system.seconds_of_processors()
    rate_s = RATE_S // 4 if is_short else RATE_S
    sustained = loaded(system, RATE * rate_s, RATE, 0, "rate")
    many = loaded(system, MANY // 10 if is_short else MANY, MANY_RATE, RESENT, "many")
    for name, load in ((f"{RATE}/s", sustained), ("many", many)):
        ids |= load["ids"]
        reached = load["sent"] / load["seconds"]
        words = percentiles(load["delays_ms"])
        print(f"{name:14} {load['sent']:,} sent, {reached:,.0f}/s, {words}; {load['statuses']}")
        if load["statuses"] != {"200": load["sent"]}:
            missed.append(f"{name}: every answer must be 200")
        if load["disagreements"] or load["firsts"] != len(load["ids"]):
            missed.append(f"{name}: each alert must be accepted once")
        if np.percentile(load["delays_ms"], 99) > P99_MS:
            missed.append(f"{name}: p99 must be at most {P99_MS} ms")
    begun_s = time.perf_counter()
    wait_for(lambda: system.waiting() == 0)
    alerts = sustained["sent"] + many["sent"]
    for name, seconds in system.seconds_of_processors().items():
        worked_ms = (seconds - before[name]) / alerts * 1_000
        print(f"{name:14} worked {worked_ms:.2f} ms an alert")
    print(f"engine         answered all of them {time.perf_counter() - begun_s:.1f} s later")
    return missed + counted(system, ids)


def counted(system: System, ids: dict[str, str]) -> list[str]:
    """Compare what was acknowledged with what both sides keep."""
    kept = [row[0] for row in system.query("SELECT id FROM webhooks")]
    states = dict(system.query("SELECT state, count(*) FROM webhooks GROUP BY state"))
    system.process.send_signal(signal.SIGINT)
    system.process.wait(PATIENCE_S)
    journaled = system.journaled()
    lost = len(set(ids.values()) - set(kept)) + len(ids) - len(journaled)
    double = len(kept) - len(set(kept)) + sum(journaled.values()) - len(journaled)
    print(
        f"acknowledged   {len(ids):,} alerts; gateway.db has {len(kept):,}, the journal "
        f"{len(journaled):,}; {states}"
    )
    print(f"lost {lost}, double {double}")
    return [] if lost == double == 0 else ["nothing must be lost or double"]


def main() -> int:
    """Measure, and return 1 when something was missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--short", action="store_true", help="a tenth of it")
    parser.add_argument("--in", dest="place", default=None, help="a folder on the disk to use")
    given = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="interlock-bench-", dir=given.place))
    system = started(folder)
    try:
        missed = measure(system, is_short=given.short)
    finally:
        system.process.kill()
        system.process.wait()
        shutil.rmtree(folder, ignore_errors=True)
    for one in missed:
        print(f"MISSED: {one}")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
