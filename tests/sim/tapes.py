"""Tapes for the backtest loop, written as tables, and what a recording's log says, in words."""

from typing import Final

import numpy as np

from interlock.data.merge import BAR, Bars
from interlock.kernel.codes import Kind, Role
from interlock.kernel.policy import SMALL, PolicyArray
from interlock.kernel.records import Row, Rows, rows
from interlock.sim.host import Recording, Tape, run
from interlock.sim.world import WorldArray, new_world
from tests.kernel.helpers import open_policy, says

SECOND_NS: Final = 1_000_000_000
CASH: Final = 100_000_000
REPORTS: Final = (Kind.ACCEPTED, Kind.REJECTED, Kind.FILL, Kind.CANCELLED, Kind.AMENDED)


def bars_of(table: str) -> Bars:
    """Return bars from lines ``instrument open_s close_s open high low close [volume]``."""
    lines = [[int(word) for word in line.split()] for line in table.strip().splitlines()]
    bars = np.zeros(len(lines), dtype=BAR)
    names = ("instrument", "open_ns", "close_ns", "open", "high", "low", "close", "volume")
    for bar, line in zip(bars, lines, strict=True):
        for name, number in zip(names, line, strict=False):
            bar[name] = number
    for name in ("open_ns", "close_ns"):
        bars[name] *= SECOND_NS
    return bars


def signals_of(text: str) -> tuple[Rows, "np.ndarray[tuple[int], np.dtype[np.int64]]"]:
    """Return signals and places from ``bar:side[:instrument]``, each a word."""
    words = text.split()
    signals = rows(len(words))
    places = np.zeros(len(words), dtype=np.int64)
    signals["kind"] = Kind.SIGNAL
    signals["strategy"] = 0
    for index, word in enumerate(words):
        place, side, *instrument = word.split(":")
        places[index] = int(place)
        signals[index]["side"] = {"buy": 1, "sell": -1, "flat": 0}[side]
        signals[index]["instrument"] = int(instrument[0]) if instrument else 0
    return signals, places


def facts_of(text: str) -> Rows:
    """Return facts from ``time_s:KIND[:value]``, each a word; all but DAY are of instrument 0."""
    words = text.split()
    facts = rows(len(words))
    for index, word in enumerate(words):
        time_s, kind, *value = word.split(":")
        fact = facts[index]
        fact["kind"] = Kind[kind]
        fact["ts_ns"] = fact["src_ts_ns"] = int(time_s) * SECOND_NS
        fact["instrument"] = -1 if kind == "DAY" else 0
        if kind == "QUOTE":
            fact["open"], fact["high"] = (int(each) for each in value)
        elif kind == "TRADE":
            fact["close"] = int(value[0])
        elif value:
            fact["value"] = int(value[0])
    return facts


def tape_of(bars: str, signals: str = "", facts: str = "") -> Tape:
    """Return a tape of the three tables."""
    signal_rows, places = signals_of(signals)
    table = bars_of(bars) if bars else np.zeros(0, dtype=BAR)
    return Tape(bars=table, facts=facts_of(facts), signals=signal_rows, places=places)


def worlds(settings: str = "", latency: tuple[int, int] = (0, 0)) -> tuple[PolicyArray, WorldArray]:
    """Return a policy that allows everything, changed by ``settings``, and a venue for it."""
    policy = open_policy(settings)
    world = new_world(
        policy, latency_in_ns=latency[0] * SECOND_NS, latency_out_ns=latency[1] * SECOND_NS
    )
    return policy, world


def record(
    tape: Tape,
    settings: str = "",
    latency: tuple[int, int] = (0, 0),
    *,
    operator: bool = True,
    stop_seq: int = 0,
) -> Recording:
    """Run a tape on an open policy and a venue that costs nothing."""
    policy, world = worlds(settings, latency)
    return run(
        policy,
        world,
        tape,
        cash_units=CASH,
        tier=SMALL,
        operator=operator,
        stop_seq=stop_seq,
    )


def words(row: Row) -> str:
    """Return one row of a log: ``[its second] KIND role quantity@price`` or the command's words."""
    second = f"[{int(row['ts_ns']) / SECOND_NS:g}] "
    kind = Kind(int(row["kind"]))
    if kind in REPORTS:
        role = Role(int(row["role"])).name.lower()
        text = f"{second}{kind.name} {role}"
        return text + (f" {row['qty']}@{row['price']}" if kind == Kind.FILL else "")
    if kind >= Kind.SUBMIT:
        return second + says(row)
    return second + kind.name + (f" {row['value']}" if kind == Kind.FUNDING else "")


def story(recording: Recording, *skip: str) -> list[str]:
    """Return the log in words, without the rows whose words hold one of ``skip``."""
    lines = [words(row) for row in recording.log]
    return [line for line in lines if not any(word in line for word in skip)]


def tell(recording: Recording, table: str, *skip: str) -> None:
    """Compare a recording's log with a table, a line a row."""
    assert story(recording, "POLICY_SET", *skip) == [
        line.strip() for line in table.strip().splitlines()
    ]


def fingerprint(recording: Recording) -> tuple[bytes, bytes, bytes, bytes]:
    """Return everything a run leaves that has to be the same when it is run again."""
    return (
        recording.log.tobytes(),
        recording.equity_units.tobytes(),
        recording.state.tobytes(),
        recording.venue.tobytes(),
    )
