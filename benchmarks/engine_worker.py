"""What is measured in a fresh process: ``engine_worker.py replay|recover|memory FOLDER [SECONDS]``.

Prints JSON. The clock begins before anything of ours is imported.
"""

import time

BEGAN_S = time.perf_counter()

import json  # noqa: E402
import statistics  # noqa: E402
import sys  # noqa: E402
from pathlib import Path  # noqa: E402

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import interlock.app.engine  # noqa: E402, F401 - what a start imports
from benchmarks.engine_parts import parts_in  # noqa: E402
from interlock.journal.opening import open_store  # noqa: E402
from interlock.journal.verify import verify  # noqa: E402
from interlock.kernel.policy import empty_policy  # noqa: E402
from interlock.kernel.state import new_state  # noqa: E402
from interlock.research.warming import warm  # noqa: E402
from interlock.runtime.entries import state_of  # noqa: E402, F401 - as above
from interlock.runtime.recover import bars_in, genesis_of, recover  # noqa: E402
from interlock.runtime.replaying import Replayer  # noqa: E402

IMPORTED_S = time.perf_counter()
EVENTS_PER_S = 1_000
BLOCKS_PER_S = 20
ORDERS_OF_BLOCK = 2
PAGE_MIB = 4_096 / 2**20


def recovering(folder: Path) -> dict[str, float]:
    """Start as an engine does, up to where it would ask its venue."""
    warm()
    warmed_s = time.perf_counter()
    store = open_store(folder / "journal.db", account="bench", read_only=True)
    verify(store)
    verified_s = time.perf_counter()
    recovered = recover(store)
    assert recovered is not None
    for _ in bars_in(store.read()).bars:
        pass
    ended_s = time.perf_counter()
    return {
        "import_s": IMPORTED_S - BEGAN_S,
        "warm_s": warmed_s - IMPORTED_S,
        "verify_s": verified_s - warmed_s,
        "recover_s": ended_s - verified_s,
        "total_s": ended_s - BEGAN_S,
        "events": recovered.remembered.events,
    }


def replaying(folder: Path) -> dict[str, float]:
    """Replay a journal from its file, and from memory; the second time of each counts."""
    store = open_store(folder / "journal.db", account="bench", read_only=True)
    found = genesis_of(store)
    assert found is not None
    genesis, tier = found
    kept = list(store.read())
    rates = {}
    for name, rows in (("read_events_per_s", store.read), ("events_per_s", lambda: kept)):
        for _ in range(2):
            state = new_state(int(genesis["cash_units"]), tier)
            replayer = Replayer(empty_policy(tier), state, tier, where=store.name)
            began_s = time.perf_counter()
            events = replayer.run(rows()).events
            rates[name] = events / (time.perf_counter() - began_s)
    return rates


def resident_mib() -> float:
    """Return what this process keeps in memory."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * PAGE_MIB


def remembering(folder: Path, seconds: int) -> dict[str, float]:
    """Take events at a steady rate, and look at the memory every second."""
    samples = []
    rows = EVENTS_PER_S // BLOCKS_PER_S - 3 * ORDERS_OF_BLOCK
    with parts_in(folder) as parts:
        first = parts.decider.seq
        began_s = time.perf_counter()
        for number in range(seconds * BLOCKS_PER_S):
            parts.block(number, market=rows, orders=ORDERS_OF_BLOCK)
            if number % BLOCKS_PER_S == 0:
                samples.append(resident_mib())
            due_s = began_s + (number + 1) / BLOCKS_PER_S
            time.sleep(max(due_s - time.perf_counter(), 0))
        events = parts.decider.seq - first
        took_s = time.perf_counter() - began_s
    quarter = max(len(samples) // 4, 1)
    return {
        "events_per_s": events / took_s,
        "settled_mib": statistics.median(samples[quarter : 2 * quarter] or samples),
        "last_mib": statistics.median(samples[-quarter:]),
        "peak_mib": max(samples),
    }


def main() -> None:
    """Do what is asked."""
    what, folder = sys.argv[1], Path(sys.argv[2])
    if what == "memory":
        found = remembering(folder, int(sys.argv[3]))
    else:
        found = {"recover": recovering, "replay": replaying}[what](folder)
    sys.stdout.write(json.dumps(found))


if __name__ == "__main__":
    main()
