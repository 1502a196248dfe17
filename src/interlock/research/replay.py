"""Replaying a journal: every event through the kernel again, bit for bit, and one number for it."""

import hashlib
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import asdict, dataclass
from typing import Any, Final

import numpy as np

from interlock.journal.errors import JournalError
from interlock.journal.port import Store
from interlock.journal.rows import Entry, Row, RowKind
from interlock.kernel.codes import Kind
from interlock.kernel.policy import empty_policy
from interlock.kernel.records import ROW, ROW_BYTES
from interlock.kernel.state import new_state
from interlock.research.digest import canonical, state_bytes
from interlock.runtime.entries import (
    Said,
    Tier,
    events_of,
    json_bytes,
    layout_digest,
    policy_of,
    said_by,
    state_of,
)
from interlock.runtime.recover import genesis_of
from interlock.runtime.replaying import SNAPSHOTS, Replayer, Told

_VERSION: Final = b"interlock journal run 1\0"
_EVENT: Final = RowKind.EVENT  # looking a member up takes longer than all else on a row
_BLOCK_BYTES: Final = 16 << 20  # hashed at a time
# Of a genesis; its id is no part of what happened.
_ESSENTIAL: Final = (
    *("account", "cash_units", "currency", "format", "instruments", "mode"),
    *("strategies", "tier"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Replayed:
    """A journal that replays to what it says.

    Attributes:
        journal: Where it is.
        after_seq: The record it was replayed from: 0 for its beginning, or the snapshot after the
            market data that was dropped.
        last_seq: The last record.
        rows: How many rows were read.
        events: How many events were handled again.
        commands: How many commands they caused, all of them as journaled.
        fills: How many fills were among the events.
        snapshots: How many snapshots were compared with the state; all were the same.
        starts: How often an engine was started.
        digest: SHA-256 of the account, the policies, the commands, the fills and the final state,
            in hexadecimal.
        elapsed_s: How long it took.
    """

    journal: str
    after_seq: int
    last_seq: int
    rows: int
    events: int
    commands: int
    fills: int
    snapshots: int
    starts: int
    digest: str
    elapsed_s: float

    @property
    def events_per_s(self) -> float:
        """How fast it went."""
        return self.events / self.elapsed_s if self.elapsed_s > 0 else 0.0

    def as_json(self) -> dict[str, Any]:
        """Return it for a program."""
        return {**asdict(self), "events_per_s": round(self.events_per_s)}

    def lines(self) -> Iterator[str]:
        """Yield it for people."""
        where = "its beginning" if self.after_seq == 0 else f"the snapshot at {self.after_seq}"
        yield f"{self.journal} replays bit for bit, from {where} to record {self.last_seq:,}."
        yield f"{'events':<12}{self.events:,} in {self.rows:,} rows of {self.starts:,} starts"
        yield f"{'commands':<12}{self.commands:,}, all as journaled"
        yield f"{'fills':<12}{self.fills:,}"
        yield f"{'snapshots':<12}{self.snapshots:,}, all the same as the state"
        yield f"{'speed':<12}{self.events_per_s:,.0f} events/s"
        yield f"{'digest':<12}{self.digest}"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Begun:
    """A journal about to be replayed.

    Attributes:
        genesis: What its first row says.
        tier: Capacities.
        after_seq: Where to read on from.
        replayer: With the state there.
    """

    genesis: Said
    tier: Tier
    after_seq: int
    replayer: Replayer

    def rows(self, store: Store) -> Iterator[Row]:
        """Yield the rows to replay."""
        with closing(store.read(self.after_seq)) as found:
            yield from found


def first_row(store: Store, seq: int) -> Row | None:
    """Return the row in which a record is, or else the first one after it."""
    with closing(store.read(max(seq - 1, 0))) as found:
        return next(found, None)


def begin_replay(store: Store, *, snapshot: Row | None = None) -> Begun:
    """Return a journal about to be replayed.

    Args:
        store: Opened for reading is enough.
        snapshot: Where to begin; None for its beginning, or where its market data begins.

    Raises:
        JournalError: It is empty, of another version of Interlock, or nothing in it can be
            replayed any more.
    """
    found = genesis_of(store)
    if found is None:
        raise JournalError(
            f"journal {store.name} must have records, and was empty. Next: interlock run writes "
            "one."
        )
    genesis, tier = found
    _check_layout(store.name, genesis, tier)
    begins = snapshot or _after_dropped(store)
    policy = empty_policy(tier)
    state = new_state(int(genesis["cash_units"]), tier)
    after_seq = 0
    if begins is not None:
        after_seq = begins.entry.seq
        state = state_of(begins.entry, tier)
        policy_seq = int(said_by(begins.entry)["policy_seq"])
        row = first_row(store, policy_seq) if policy_seq > 0 else None
        if row is not None:
            policy = policy_of(row.entry, tier)
    replayer = Replayer(policy, state, tier, where=store.name)
    return Begun(genesis=genesis, tier=tier, after_seq=after_seq, replayer=replayer)


def _check_layout(where: str, genesis: Said, tier: Tier) -> None:
    if genesis["layout"] != layout_digest(tier):
        raise JournalError(
            f"journal {where} must have records of layout {layout_digest(tier)}, was "
            f"{genesis['layout']}: another version of Interlock wrote it. Next: replay it with "
            "that version."
        )


def _after_dropped(store: Store) -> Row | None:
    """Return the first snapshot after the market data that was dropped; None when none was.

    The oldest is dropped first, so the first row of market data tells whether any was.
    """
    found: Row | None = None
    any_dropped = False
    with closing(store.read()) as rows:
        for row in rows:
            if row.dropped:
                any_dropped, found = True, None
            elif not any_dropped and row.entry.kind is RowKind.MARKET:
                return None
            elif any_dropped and found is None and row.entry.kind in SNAPSHOTS:
                found = row
    if any_dropped and found is None:
        raise JournalError(
            f"journal {store.name} must have a snapshot after the market data that was dropped, "
            "and has none: it cannot be replayed. Next: replay a backup from before."
        )
    return found


class RunDigest:
    """The digest of a journal's run, taken while its rows go by.

    Args:
        genesis: What its first row says.
        tier: Capacities.
        after_seq: Where it begins.
    """

    def __init__(self, genesis: Said, tier: Tier, after_seq: int) -> None:
        self._hash = hashlib.sha256(_VERSION)
        self._hash.update(json_bytes({name: genesis[name] for name in _ESSENTIAL}))
        self._hash.update(str(after_seq).encode())
        self._tier = tier
        self._waiting = bytearray()
        self.rows = 0
        self.fills = 0

    def passing(self, rows: Iterable[Row]) -> Iterator[Row]:
        """Yield rows, and take from them what counts."""
        for row in rows:
            self.rows += 1
            if row.entry.kind is _EVENT:
                self._take(row.entry)
            yield row

    def _take(self, entry: Entry) -> None:
        kind = events_of(entry)["kind"][0]
        if kind == Kind.POLICY_SET:
            self._flush()
            self._hash.update(bytes.fromhex(said_by(entry)["digest"]))
            self._hash.update(canonical(policy_of(entry, self._tier)).tobytes())
        if kind == Kind.FILL:
            self.fills += 1
            self._waiting += entry.body
        else:
            self._waiting += memoryview(entry.body)[ROW_BYTES:]
        if len(self._waiting) >= _BLOCK_BYTES:
            self._flush()

    def _flush(self) -> None:
        found = np.frombuffer(bytes(self._waiting), dtype=ROW)
        self._hash.update(canonical(found).tobytes())
        self._waiting.clear()

    def finish(self, replayer: Replayer) -> str:
        """Return the digest, with the state at the end."""
        self._flush()
        self._hash.update(state_bytes(replayer.state))
        return self._hash.hexdigest()


def _nobody(_events: int) -> None:
    """Tell nobody."""


def verify_replay(store: Store, tell: Told = _nobody) -> Replayed:
    """Replay a whole journal and compare every command and every snapshot with what it says.

    It never holds more of the journal than a few thousand rows.

    Args:
        store: Opened for reading is enough; an engine may be writing to it.
        tell: Told now and then how many events are done; may raise to stop.

    Raises:
        ReplayError: It does not replay to what it says; the record is named.
        JournalError: It cannot be replayed by this version of Interlock.
    """
    begun = begin_replay(store)
    digest = RunDigest(begun.genesis, begun.tier, begun.after_seq)
    start = time.perf_counter()
    kept = begun.replayer.run(digest.passing(begun.rows(store)), tell)
    found = digest.finish(begun.replayer)
    return Replayed(
        journal=store.name,
        after_seq=begun.after_seq,
        last_seq=kept.seq,
        rows=digest.rows,
        events=kept.events,
        commands=kept.commands,
        fills=digest.fills,
        snapshots=kept.snapshots,
        starts=len(kept.starts),
        digest=found,
        elapsed_s=time.perf_counter() - start,
    )


def account_of(genesis: Mapping[str, Any]) -> str:
    """Return whose journal it is, in a few words."""
    symbols = ", ".join(str(one["symbol"]) for one in genesis["instruments"])
    return f"account {genesis['account']} ({genesis['mode']}, {genesis['currency']}): {symbols}"
