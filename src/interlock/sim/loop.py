"""The backtest loop: venue and kernel in one compiled pass over a tape of bars and facts.

A bar is told in four beats: its open to the venue, its path to the venue, its close to the kernel,
then the signals that were decided on that close. Whatever the kernel commands goes to the venue
at once, and whatever the venue reports comes back when its latency has passed: a decision at a
bar's close can fill at the earliest at the next open.
"""

from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from interlock.kernel.codes import Kind, Release, Scope
from interlock.kernel.compiled import compiled, compiled_inline
from interlock.kernel.emit import blank
from interlock.kernel.policy import PolicyArray
from interlock.kernel.records import OUT, ROW, Row, Rows, int64_record
from interlock.kernel.state import StateArray
from interlock.kernel.step import handle
from interlock.sim.book import is_untouched
from interlock.sim.venue import on_quiet_bar, venue_handle
from interlock.sim.world import REPORTS, VenueArray, WorldArray

CURSOR: Final = int64_record(
    (
        "bar",  # next bar
        "fact",  # next fact
        "signal",  # next signal
        "seq",
        "ts_ns",
        "head",  # reports on their way: a ring
        "tail",
        "held",  # rows in the log in hand
        "operator",  # 1: a simulated person releases latches
        "resumes",  # how often he did
        "stop_seq",  # stop after this event, with the scratch as it left it; 0: never
        "stopped",
    )
)
CursorArray: TypeAlias = NDArray[np.void]

# Room to work in is one record too: an array handed down costs a count of its owners at every
# call, a record's inner array does not.
QUEUE_ROWS: Final = 4_096  # reports on their way
LOG_ROOM: Final = 16_384  # what one bar may log at the most
WORK: Final = np.dtype(
    [
        ("event", ROW, (3,)),  # the market's, the signal's or fact's, and the operator's
        ("out", OUT),
        ("queue", ROW, (QUEUE_ROWS,)),
        ("reports", REPORTS),
    ],
    align=True,
)
WorkArray: TypeAlias = NDArray[np.void]  # shape (1,), dtype WORK

LOG_ROWS: Final = 131_072  # a full log is put aside and the next one begun
LOG: Final = np.dtype([("rows", ROW, (LOG_ROWS,))], align=True)
LogArray: TypeAlias = NDArray[np.void]  # shape (1,), dtype LOG

END_OF_TIME_NS: Final = 2**62 - 1
OPERATOR: Final = -1  # payload id of what the simulated person does

DONE: Final = 0
MORE: Final = 1  # the chunk is through, the tape is not
LOG_FULL: Final = 2


@compiled
def _log(cursor: Row, log: Row, row: Row) -> None:
    """Keep a row in the log in hand."""
    log["rows"][cursor["held"]] = row
    cursor["held"] += 1


@compiled
def _command(world: Row, venue: Row, cursor: Row, work: Row, row: Row) -> None:
    """Carry one command to the venue and put its answers on their way back."""
    if row["kind"] > Kind.AMEND or row["kind"] < Kind.SUBMIT:
        return
    _collect(cursor, work, venue_handle(world, venue, row, work["reports"]))


@compiled
def _collect(cursor: Row, work: Row, count: int) -> None:
    """Append reports to those on their way."""
    if count == 0:
        return
    if cursor["head"] == cursor["tail"]:
        cursor["head"] = 0
        cursor["tail"] = 0
    for index in range(count):
        assert cursor["tail"] - cursor["head"] < QUEUE_ROWS
        work["queue"][cursor["tail"] % QUEUE_ROWS] = work["reports"]["rows"][index]
        cursor["tail"] += 1


@compiled_inline
def give(
    policy: Row,
    state: Row,
    world: Row,
    venue: Row,
    cursor: Row,
    work: Row,
    log: Row,
    row: Row,
) -> None:
    """Stamp one event, hand it to the kernel, log both, and carry its commands to the venue.

    Bars are told in the order of their closes, so the clock may be past a report of a bar that
    opened earlier. What the kernel answers about that instrument left when the report came: else
    the stop of an entry would miss the very bar that the entry filled in.
    """
    if cursor["stopped"] == 1:
        return
    came_ns = row["ts_ns"]
    instrument = row["instrument"]
    cursor["seq"] += 1
    cursor["ts_ns"] = max(cursor["ts_ns"], row["ts_ns"])
    row["seq"] = cursor["seq"]
    row["ts_ns"] = cursor["ts_ns"]
    if row["kind"] > Kind.TRADE:
        _log(cursor, log, row)
    count = handle(policy, state, row, work["out"])
    if cursor["seq"] == cursor["stop_seq"]:
        cursor["stopped"] = 1
    for index in range(count):
        command = work["out"]["rows"][index]
        _log(cursor, log, command)
        if command["instrument"] == instrument:
            command["ts_ns"] = came_ns
        _command(world, venue, cursor, work, command)


@compiled
def pump(
    policy: Row,
    state: Row,
    world: Row,
    venue: Row,
    cursor: Row,
    work: Row,
    log: Row,
    until_ns: int,
) -> None:
    """Deliver the reports that reach the engine by ``until_ns``, and those they cause."""
    while cursor["head"] < cursor["tail"]:
        row = work["queue"][cursor["head"] % QUEUE_ROWS]
        if row["ts_ns"] > until_ns or cursor["stopped"] == 1:
            return
        cursor["head"] += 1
        give(policy, state, world, venue, cursor, work, log, row)


@compiled
def _resume(
    policy: Row,
    state: Row,
    world: Row,
    venue: Row,
    cursor: Row,
    work: Row,
    log: Row,
) -> None:
    """At a new day the simulated operator releases what a person has to and the cooldown allows."""
    index = state["account"]["latches"] - 1
    while index >= 0:
        latch = state["latches"][index]
        needs = latch["release"] & Release.PERSON != 0 and latch["met"] & Release.PERSON == 0
        if needs and cursor["ts_ns"] >= latch["cooldown_until_ns"]:
            row = work["event"][2]
            blank(row)
            row["kind"] = Kind.RESUME
            row["ts_ns"] = cursor["ts_ns"]
            row["src_ts_ns"] = cursor["ts_ns"]
            row["code"] = latch["cause"]
            row["payload_id"] = OPERATOR
            if latch["scope"] == Scope.INSTRUMENT:
                row["instrument"] = latch["scope_id"]
            elif latch["scope"] == Scope.STRATEGY:
                row["strategy"] = latch["scope_id"]
            cursor["resumes"] += 1
            give(policy, state, world, venue, cursor, work, log, row)
        index -= 1


@compiled_inline
def _tell_bar(work: Row, bar: Row) -> Row:
    """Write a bar into the event row for the venue: src_ts_ns its open, ts_ns its close."""
    row: Row = work["event"][0]
    row["instrument"] = bar["instrument"]
    row["ts_ns"] = bar["close_ns"]
    row["src_ts_ns"] = bar["open_ns"]
    row["open"] = bar["open"]
    row["high"] = bar["high"]
    row["low"] = bar["low"]
    row["close"] = bar["close"]
    row["volume"] = bar["volume"]
    return row


@compiled
def _one_fact(
    policy: Row, state: Row, world: Row, venue: Row, cursor: Row, work: Row, log: Row, fact: Row
) -> None:
    """Hand over one row of the calendar, of funding, or of the market's quotes and trades."""
    work["event"][1] = fact
    row = work["event"][1]
    kind = row["kind"]
    now_ns = row["ts_ns"]
    pump(policy, state, world, venue, cursor, work, log, now_ns)
    if kind == Kind.QUOTE or kind == Kind.TRADE or kind == Kind.FUNDING:
        _collect(cursor, work, venue_handle(world, venue, row, work["reports"]))
        pump(policy, state, world, venue, cursor, work, log, now_ns)
    if kind != Kind.FUNDING:
        give(policy, state, world, venue, cursor, work, log, row)
        pump(policy, state, world, venue, cursor, work, log, now_ns)
    if kind == Kind.DAY and cursor["operator"] == 1 and state["account"]["latches"] > 0:
        _resume(policy, state, world, venue, cursor, work, log)


@compiled
def _one_signal(
    policy: Row, state: Row, world: Row, venue: Row, cursor: Row, work: Row, log: Row, signal: Row
) -> None:
    """Hand over one signal, now: when its bar closed, or as soon after as the engine got to it."""
    work["event"][1] = signal
    row = work["event"][1]
    row["ts_ns"] = max(row["ts_ns"], cursor["ts_ns"])
    give(policy, state, world, venue, cursor, work, log, row)
    pump(policy, state, world, venue, cursor, work, log, cursor["ts_ns"])


@compiled_inline
def _one_bar(
    policy: Row, state: Row, world: Row, venue: Row, cursor: Row, work: Row, log: Row, bar: Row
) -> None:
    """Tell one bar: open and path to the venue, the reports between, the close to the kernel."""
    row = _tell_bar(work, bar)
    close_ns = row["ts_ns"]
    open_ns = row["src_ts_ns"]
    quiet = is_untouched(venue, row["instrument"], row["low"], row["high"])
    if not quiet or cursor["head"] < cursor["tail"]:
        pump(policy, state, world, venue, cursor, work, log, open_ns)
        row["kind"] = Kind.BAR_OPEN
        _collect(cursor, work, venue_handle(world, venue, row, work["reports"]))
        middle_ns = open_ns + (close_ns - open_ns) // 2
        pump(policy, state, world, venue, cursor, work, log, middle_ns)
        row["kind"] = Kind.BAR_PATH
        _collect(cursor, work, venue_handle(world, venue, row, work["reports"]))
        pump(policy, state, world, venue, cursor, work, log, close_ns)
    else:
        on_quiet_bar(world, venue, row)
    row["kind"] = Kind.BAR
    row["src_ts_ns"] = close_ns
    give(policy, state, world, venue, cursor, work, log, row)
    if cursor["head"] < cursor["tail"]:
        pump(policy, state, world, venue, cursor, work, log, close_ns)


@compiled
def run_tape(
    policy: PolicyArray,
    state: StateArray,
    world: WorldArray,
    venue: VenueArray,
    cursor: CursorArray,
    work: WorkArray,
    bars: NDArray[np.void],
    facts: Rows,
    signals: Rows,
    places: NDArray[np.int64],
    log: LogArray,
    equity_units: NDArray[np.int64],
    until_bar: int,
) -> int:
    """Run the tape from the cursor up to ``until_bar``; everything it knows is in the arrays.

    Args:
        policy: Shape (1,).
        state: Shape (1,); changed in place.
        world: Shape (1,).
        venue: Shape (1,); changed in place.
        cursor: Shape (1,), dtype ``CURSOR``; changed in place.
        work: Shape (1,), dtype ``WORK``.
        bars: Shape (n,), dtype ``data.merge.BAR``, by close.
        facts: Shape (m,), dtype ``ROW``, by time: calendar, funding, quotes, trades.
        signals: Shape (k,), dtype ``ROW``.
        places: Shape (k,), ascending: on which bar each signal was decided.
        log: Shape (1,), dtype ``LOG``; ``rows[:held]`` are every event but market data and every
            command since it was begun, in order.
        equity_units: Shape (n,): the equity after each bar.
        until_bar: Where this chunk ends, <= n.

    Returns:
        DONE, MORE (the chunk ended), or LOG_FULL (put ``log`` aside, set ``held`` to 0, and call
        again with another).
    """
    at = cursor[0]
    assert 0 <= at["bar"] <= until_bar <= bars.shape[0]
    while at["stopped"] == 0:
        if at["held"] + LOG_ROOM > LOG_ROWS:
            return LOG_FULL
        index = at["bar"]
        if at["signal"] < places.shape[0] and places[at["signal"]] < index:
            signal = signals[at["signal"]]
            at["signal"] += 1
            _one_signal(policy[0], state[0], world[0], venue[0], at, work[0], log[0], signal)
        elif at["fact"] < facts.shape[0] and (
            index == bars.shape[0] or facts[at["fact"]]["ts_ns"] < bars[index]["close_ns"]
        ):
            fact = facts[at["fact"]]
            at["fact"] += 1
            _one_fact(policy[0], state[0], world[0], venue[0], at, work[0], log[0], fact)
        elif index == until_bar:
            break
        else:
            _one_bar(policy[0], state[0], world[0], venue[0], at, work[0], log[0], bars[index])
            equity_units[index] = state[0]["account"]["equity_units"]
            at["bar"] = index + 1
    if at["bar"] < bars.shape[0]:
        return MORE
    pump(policy[0], state[0], world[0], venue[0], at, work[0], log[0], END_OF_TIME_NS)
    return DONE
