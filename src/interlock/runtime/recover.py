"""Recovering: from a verified journal to the state it describes, and what was in the air.

A snapshot only saves time: the tail after it is replayed and compared with what was journaled. One
that another version of Interlock wrote is passed over, and everything is replayed.
"""

from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass
from typing import Final

import numpy as np

from interlock.journal.errors import JournalError
from interlock.journal.port import Store
from interlock.journal.rows import Row, RowKind
from interlock.kernel.codes import Kind
from interlock.kernel.policy import PolicyArray, empty_policy
from interlock.kernel.records import ROW, ROW_BYTES, Rows
from interlock.kernel.state import StateArray, new_state
from interlock.runtime import reconcile
from interlock.runtime.entries import (
    Said,
    Tier,
    events_of,
    layout_digest,
    policy_of,
    said_by,
    state_of,
)
from interlock.runtime.fed import FED_KINDS, is_fed
from interlock.runtime.replaying import SNAPSHOTS, Remembered, Replayer, Told

FORMAT: Final = 1
_MARKET: Final = RowKind.MARKET  # to look one up in its class takes longer than all else
_EVENT: Final = RowKind.EVENT
_BAR: Final = int(Kind.BAR)
_SIGNAL: Final = int(Kind.SIGNAL)
assert ROW.fields is not None
_KIND_AT: Final = ROW.fields["kind"][1]
_FEED_AT: Final = ROW.fields["ext_lo"][1]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Recovered:
    """What a journal says is so.

    Attributes:
        genesis: What its first row says.
        tier: Capacities.
        policy: Shape (1,): the one that held last.
        canonical: What it was made from; nothing before the first.
        state: Shape (1,).
        remembered: What else.
        snapshot_seq: Where it began to replay; 0 for the beginning.
        waiting: How many orders were asked for and not answered.
    """

    genesis: Said
    tier: Tier
    policy: PolicyArray
    canonical: bytes
    state: StateArray
    remembered: Remembered
    snapshot_seq: int
    waiting: int


def _first_after(store: Store, seq: int) -> Row | None:
    """Return the first row beyond ``seq``."""
    with closing(store.read(seq)) as rows:
        return next(rows, None)


def genesis_of(store: Store) -> tuple[Said, Tier] | None:
    """Return what a journal's first row says and its capacities; None of an empty journal.

    Raises:
        JournalError: It is not one of ours, or of a later format.
    """
    first = _first_after(store, 0)
    if first is None:
        return None
    if first.entry.kind is not RowKind.GENESIS:
        raise JournalError(
            f"journal {store.name} must begin with its genesis, was {first.entry.kind.name}."
        )
    genesis = said_by(first.entry)
    if genesis["format"] > FORMAT:
        raise JournalError(
            f"journal {store.name} must be of format {FORMAT} or older, was {genesis['format']}. "
            "Next: use the version of Interlock that wrote it, or a newer one."
        )
    instruments, strategies, orders = genesis["tier"]
    return genesis, (instruments, strategies, orders)


def _snapshot(store: Store, tier: Tier) -> Row | None:
    """Return the last snapshot if this version of Interlock can read it."""
    found = store.last(SNAPSHOTS)
    if found is None or said_by(found.entry)["layout"] != layout_digest(tier):
        return None
    return found


def _policy_at(store: Store, seq: int, tier: Tier) -> tuple[PolicyArray, bytes]:
    """Return the policy that was set at ``seq``, and what it was made from."""
    if seq == 0:
        return empty_policy(tier), b""
    row = _first_after(store, seq - 1)
    assert row is not None
    return policy_of(row.entry, tier), str(said_by(row.entry)["canonical"]).encode()


def recover(store: Store, tell: Told | None = None) -> Recovered | None:
    """Return what a verified journal says is so; None of an empty journal.

    Raises:
        JournalError: It cannot be read by this version of Interlock.
        ReplayError: It does not replay to what it says.
    """
    found = genesis_of(store)
    if found is None:
        return None
    genesis, tier = found
    snapshot = _snapshot(store, tier)
    seq = 0
    remembered = Remembered()
    policy = empty_policy(tier)
    state = new_state(int(genesis["cash_units"]), tier)
    if snapshot is not None:
        seq = snapshot.entry.seq
        said = said_by(snapshot.entry)
        state = state_of(snapshot.entry, tier)
        policy, _ = _policy_at(store, int(said["policy_seq"]), tier)
        remembered = Remembered(
            starts=[(int(at), int(epoch)) for at, epoch in said["starts"]],
            said=said["start"],
            stopped=False,
            policy_seq=int(said["policy_seq"]),
            feed=int(said["feed"]),
            seq=seq,
            ts_ns=snapshot.entry.ts_ns,
        )
    replayer = Replayer(policy, state, tier, where=store.name)
    replayer.remembered = remembered
    replayer.run(store.read(seq), *([tell] if tell is not None else []))
    _, canonical = _policy_at(store, replayer.remembered.policy_seq, tier)
    waiting = sum(reconcile.awaits_answer(order) for order in reconcile.open_orders(state))
    return Recovered(
        genesis=genesis,
        tier=tier,
        policy=policy,
        canonical=canonical,
        state=state,
        remembered=remembered,
        snapshot_seq=seq,
        waiting=waiting,
    )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Shown:
    """The bars in a journal, as strategies saw them.

    Attributes:
        bars: BAR events, in order.
        unseen: The last of the feed, if it is a bar and nothing was proposed on it: the engine may
            have ended before the strategies had their turn.
    """

    bars: list[Rows]
    unseen: Rows


def bars_in(rows: Iterable[Row]) -> Shown:
    """Return the BAR events of a journal: strategies have to see them again."""
    found: list[bytes] = []
    last_fed = 0  # seq of the last row of the feed
    last_bar = 0
    proposed = 0  # seq of the last signal
    for row in rows:
        entry = row.entry
        if entry.kind is _MARKET and entry.count > 1:
            events = events_of(entry)
            last_fed = max(last_fed, int(events["seq"][is_fed(events)].max(initial=0)))
            bars = events[events["kind"] == Kind.BAR]
            last_bar = max(last_bar, int(bars["seq"].max(initial=0)))
            found.append(bars.tobytes())
        elif entry.kind is _MARKET or entry.kind is _EVENT:
            kind = _number(entry.body, _KIND_AT, 4)
            if kind == _SIGNAL:
                proposed = entry.seq
            elif kind in FED_KINDS and _number(entry.body, _FEED_AT, 8) > 0:
                last_fed = entry.seq
            if kind == _BAR:
                last_bar = entry.seq
                found.append(entry.body[:ROW_BYTES])
    shown = np.frombuffer(bytearray(b"".join(found)), dtype=ROW)
    count = len(shown)
    if count and last_bar == last_fed > proposed:
        count -= 1
    return Shown(bars=[shown[:count]], unseen=shown[count:])


def _number(body: bytes, at: int, size: int) -> int:
    """Return a field of the event that a body begins with; 0 of a body that was dropped."""
    return int.from_bytes(body[at : at + size], "little", signed=True)
