"""A simulated person beside a recording: releases what waits for a person, when a day begins.

Nobody sits beside years of bars that go by in minutes. Where the configuration asks for it, what a
backtest's simulated operator does (``sim.loop``) is done here too, journaled like a person's word.
What was killed stays killed: that is for people alone.
"""

from typing import Final

from interlock.kernel.codes import Cause, Kind, Release, Scope
from interlock.kernel.records import Row, Rows, rows
from interlock.kernel.state import StateArray
from interlock.sim.loop import OPERATOR

FOR_PEOPLE: Final = frozenset(
    (
        *map(int, (Cause.KILL_IMMEDIATE, Cause.KILL_GRACEFUL, Cause.KILL_PAUSE)),
        *map(int, (Cause.KILL_FILE, Cause.WATCHDOG, Cause.LEASE_LOST, Cause.SAFE_MODE)),
        *map(int, (Cause.RECONCILIATION, Cause.IMPOSSIBLE_STATE, Cause.OVERFILL)),
    )
)


def releases(state: StateArray, now_ns: int) -> list[Rows]:
    """Return a RESUME for every latch that waits for a person and has cooled down.

    Args:
        state: After the event that began the day.
        now_ns: The recording's time.
    """
    found = []
    count = int(state["account"]["latches"][0])
    for latch in state["latches"][0, :count][::-1]:
        needs = latch["release"] & Release.PERSON and not latch["met"] & Release.PERSON
        cooled = now_ns >= latch["cooldown_until_ns"]
        if not needs or not cooled or int(latch["cause"]) in FOR_PEOPLE:
            continue
        row = resume_row(latch, now_ns)
        row["payload_id"] = OPERATOR
        found.append(row)
    return found


def resume_row(latch: Row, now_ns: int) -> Rows:
    """Return what a person says to a latch that waits for one, shape (1,)."""
    row = rows(1)
    row["kind"] = Kind.RESUME
    row["code"] = latch["cause"]
    row["ts_ns"] = now_ns
    row["src_ts_ns"] = now_ns
    if latch["scope"] == Scope.INSTRUMENT:
        row["instrument"] = latch["scope_id"]
    elif latch["scope"] == Scope.STRATEGY:
        row["strategy"] = latch["scope_id"]
    return row
