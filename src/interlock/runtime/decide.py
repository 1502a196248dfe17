"""Deciding: rows in, stamped; the kernel's answers out, as what is to be journaled and sent.

``step`` runs ahead of the journal in memory. Nothing that comes out of here may leave the process
before its entry is durable.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from interlock.journal.rows import Entry
from interlock.kernel.codes import Kind
from interlock.kernel.policy import PolicyArray
from interlock.kernel.records import Row, Rows, new_out
from interlock.kernel.replay import advance
from interlock.kernel.state import StateArray
from interlock.runtime.entries import (
    BATCH_ROWS,
    event_entry,
    market_entry,
    policy_payload,
    verdict_payload,
)

_SIGNAL = int(Kind.SIGNAL)
_JUDGED = (int(Kind.SUBMIT), int(Kind.REFUSED))
_IS_MARKET = np.zeros(128, dtype=np.bool_)  # by kind
_IS_MARKET[[Kind.BAR, Kind.QUOTE, Kind.TRADE]] = True


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Command:
    """What the kernel decided on one event.

    Attributes:
        row: One ROW of Kind.SUBMIT and beyond; a copy.
        told_ns: When a recording told the event, if it is of the same instrument; else ``row``'s
            time. A replayed venue hears of the order then.
    """

    row: Row
    told_ns: int


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Decided:
    """What came of some rows.

    Attributes:
        entries: For the journal, in order.
        commands: All that they caused, in order.
    """

    entries: list[Entry]
    commands: list[Command]


class Decider:
    """The kernel with its state, and the numbers that the next row gets."""

    def __init__(self, policy: PolicyArray, state: StateArray, *, seq: int, ts_ns: int) -> None:
        self.policy = policy
        self.state = state
        self.market_rows = 0  # that were decided on here
        self._seq = seq
        self._ts_ns = max(ts_ns, int(state["account"]["ts_ns"][0]))
        self._out = new_out()

    @property
    def seq(self) -> int:
        """The last number that was given."""
        return self._seq

    @property
    def ts_ns(self) -> int:
        """The last time that was given."""
        return self._ts_ns

    def next_seq(self) -> int:
        """Return the number of an entry that the kernel does not see."""
        self._seq += 1
        return self._seq

    def set_policy(self, policy: PolicyArray, canonical: bytes, ts_ns: int) -> Decided:
        """Let a policy hold from here on: POLICY_SET.

        Args:
            policy: Shape (1,), of the same capacities and instruments.
            canonical: What it was made from.
            ts_ns: When.
        """
        assert policy.dtype == self.policy.dtype
        self.policy[:] = policy
        row = np.zeros(1, dtype=self._out["rows"].dtype)
        row["version"] = 1
        row["kind"] = Kind.POLICY_SET
        row["instrument"] = -1
        row["strategy"] = -1
        row["ts_ns"] = ts_ns
        row["src_ts_ns"] = ts_ns
        return self.decide(row, {0: policy_payload(self.policy, canonical)})

    def decide(self, rows: Rows, payloads: Mapping[int, bytes] | None = None) -> Decided:
        """Stamp rows and hand them to the kernel.

        Args:
            rows: Shape (n,), dtype ROW, n >= 1; ``ts_ns`` is when each was heard of. Written to.
            payloads: JSON that belongs to a row, by its place.
        """
        count = len(rows)
        assert count >= 1
        told_ns = rows["ts_ns"].copy()
        rows["seq"] = np.arange(self._seq + 1, self._seq + 1 + count)
        rows["ts_ns"] = np.maximum.accumulate(np.maximum(told_ns, self._ts_ns))
        self._seq += count
        self._ts_ns = int(rows["ts_ns"][-1])
        self.market_rows += int(np.count_nonzero(_IS_MARKET[rows["kind"]]))
        entries: list[Entry] = []
        commands: list[Command] = []
        known = payloads or {}
        start = 0
        while start < count:
            at = advance(self.policy, self.state, rows, start, self._out)
            _keep_quiet(rows, start, at, known, entries)
            if at < count:
                caused = self._caused()
                entries.append(
                    event_entry(rows[at], caused, self._payload(rows[at], caused, known.get(at)))
                )
                commands.extend(_commands(rows[at], caused, int(told_ns[at])))
            start = at + 1
        return Decided(entries=entries, commands=commands)

    def _caused(self) -> Rows:
        """Return the commands of the event in hand."""
        return self._out["rows"][0, : int(self.state["account"]["sub"][0])].copy()

    def _payload(self, row: Row, caused: Rows, given: bytes | None) -> bytes:
        """Return what is journaled with an event: what came with it, and what it was judged by."""
        if row["kind"] != _SIGNAL or caused["kind"][0] not in _JUDGED:
            return given or b""
        return verdict_payload(self.state, json.loads(given) if given else {})


def _keep_quiet(
    rows: Rows, start: int, end: int, payloads: Mapping[int, bytes], entries: list[Entry]
) -> None:
    """Add the entries of rows that caused nothing: market data together, the rest one by one."""
    if start == end:
        return
    if start == end:
        return
    none: Rows = rows[:0]
    place = start
    is_market = _IS_MARKET[rows["kind"][start:end]]
    while place < end:
        if not is_market[place - start]:
            entries.append(event_entry(rows[place], none, payloads.get(place, b"")))
            place += 1
            continue
        last = place + 1
        while last < end and is_market[last - start] and last - place < BATCH_ROWS:
            last += 1
        entries.append(market_entry(rows[place:last]))
        place = last


def _commands(event: Row, caused: Rows, told_ns: int) -> list[Command]:
    """Return commands with the time a replayed venue hears of them (``sim.loop.give``)."""
    return [
        Command(
            row=row,
            told_ns=told_ns if row["instrument"] == event["instrument"] else int(row["ts_ns"]),
        )
        for row in caused
    ]
