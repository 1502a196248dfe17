"""Hosting the backtest loop: arrays in, a recording out; with progress, and interruptible."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from interlock.kernel.codes import Kind
from interlock.kernel.policy import PolicyArray
from interlock.kernel.records import Rows, rows
from interlock.kernel.state import StateArray, new_state
from interlock.sim.loop import CURSOR, DONE, LOG, LOG_FULL, WORK, CursorArray, LogArray, run_tape
from interlock.sim.world import VenueArray, WorldArray, new_venue

CHUNK_BARS: Final = 262_144

Tier = tuple[int, int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Tape:
    """What a run reads, in the order it happened.

    Attributes:
        bars: Shape (n,), dtype ``data.merge.BAR``, by close.
        facts: Shape (m,), dtype ``ROW``, by ``ts_ns``: calendar, funding, quotes, trades.
        signals: Shape (k,), dtype ``ROW``.
        places: Shape (k,), int64, ascending: the bar on whose close each signal was decided.
    """

    bars: NDArray[np.void]
    facts: Rows
    signals: Rows
    places: NDArray[np.int64]

    def __post_init__(self) -> None:
        assert self.places.shape[0] == self.signals.shape[0]


@dataclass(slots=True, kw_only=True)
class Recording:
    """What a run left behind.

    Attributes:
        logs: The log in pieces, as it was written.
        equity_units: Shape (n,): the account's equity after each bar.
        state: Shape (1,): what the kernel believed at the end.
        venue: Shape (1,): the venue's own books at the end.
        cursor: Shape (1,), dtype ``CURSOR``.
        complete: False when it was stopped before the end of the tape.
    """

    logs: list[Rows]
    equity_units: NDArray[np.int64]
    state: StateArray
    venue: VenueArray
    cursor: CursorArray
    complete: bool

    @property
    def log(self) -> Rows:
        """Every event but market data and every command, in order; shape (l,), dtype ``ROW``."""
        if len(self.logs) > 1:
            self.logs[:] = [np.concatenate(self.logs)]
        return self.logs[0]


Progress = Callable[[int, int], None]  # bars done, bars in all


def _nothing(_done: int, _total: int) -> None:
    """Report no progress."""


def first_event(state: StateArray, cursor: CursorArray, policy: PolicyArray, ts_ns: int) -> Rows:
    """Return the POLICY_SET row every journal begins with, shape (1,)."""
    assert state.shape == policy.shape == cursor.shape
    row = rows(1)
    row["kind"] = Kind.POLICY_SET
    row["ts_ns"] = ts_ns
    row["src_ts_ns"] = ts_ns
    return row


def _start_ns(tape: Tape) -> int:
    """Return when the first thing of a tape happens; 1 where there is none."""
    times = [int(tape.facts["ts_ns"][0])] if tape.facts.shape[0] > 0 else []
    if tape.bars.shape[0] > 0:
        times.append(int(tape.bars["close_ns"][0]))
    return min(times, default=1)


def run(
    policy: PolicyArray,
    world: WorldArray,
    tape: Tape,
    *,
    cash_units: int,
    tier: Tier,
    operator: bool = True,
    stop_seq: int = 0,
    progress: Progress = _nothing,
) -> Recording:
    """Run a tape through kernel and venue from a fresh account.

    Args:
        policy: Shape (1,), built by ``config``.
        world: Shape (1,), the venue's rules.
        tape: What happened.
        cash_units: What the account holds at the start, > 0.
        tier: Capacities, the same as the policy's.
        operator: Whether a simulated person releases latches at a new day.
        stop_seq: Stop after this event, leaving the gate's scratch in the state; 0 never.
        progress: Called after every chunk of bars with (done, total).

    Returns:
        The recording; everything in it is a function of the arguments alone.

    Raises:
        KeyboardInterrupt: Between two chunks; nothing of the arguments was changed.
    """
    assert cash_units > 0
    state = new_state(cash_units, tier)
    venue = new_venue(cash_units, tier)
    cursor = np.zeros(1, dtype=CURSOR)
    cursor["operator"] = 1 if operator else 0
    cursor["stop_seq"] = stop_seq
    work = np.zeros(1, dtype=WORK)
    total = tape.bars.shape[0]
    first = first_event(state, cursor, policy, _start_ns(tape) - 1)
    facts = np.concatenate([first, tape.facts])
    log: LogArray = np.empty(1, dtype=LOG)
    full: list[Rows] = []
    equity_units = np.zeros(total, dtype=np.int64)
    while True:
        until = min(int(cursor["bar"][0]) + CHUNK_BARS, total)
        status = run_tape(
            policy,
            state,
            world,
            venue,
            cursor,
            work,
            tape.bars,
            facts,
            tape.signals,
            tape.places,
            log,
            equity_units,
            until,
        )
        if status == LOG_FULL:
            full.append(log["rows"][0, : int(cursor["held"][0])])
            log = np.empty(1, dtype=LOG)
            cursor["held"] = 0
            continue
        progress(int(cursor["bar"][0]), total)
        if status == DONE or cursor["stopped"][0] == 1:
            break
    return Recording(
        logs=[*full, log["rows"][0, : int(cursor["held"][0])]],
        equity_units=equity_units,
        state=state,
        venue=venue,
        cursor=cursor,
        complete=bool(cursor["bar"][0] == total and cursor["stopped"][0] == 0),
    )
