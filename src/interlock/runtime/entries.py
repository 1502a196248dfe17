"""What the engine writes into its journal, and how it is read back.

The journal keeps bytes. These are: an event followed by the commands it caused (EVENT), events
that caused none (MARKET), JSON about processes (GENESIS, NOTE), and a whole state (SNAPSHOT,
SEGMENT). A payload is JSON, or nothing; binary things in it are compressed and in base 64.
"""

import base64
import hashlib
import json
import zlib
from collections.abc import Mapping
from functools import cache
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from interlock.journal.errors import JournalError
from interlock.journal.rows import Entry, RowKind
from interlock.kernel.codes import Kind
from interlock.kernel.policy import PolicyArray, policy_dtype
from interlock.kernel.records import ROW, ROW_BYTES, VERDICT, Row, Rows
from interlock.kernel.state import StateArray, state_dtype

Tier = tuple[int, int, int]
Said = dict[str, Any]

BATCH_ROWS: Final = 256  # of a MARKET row at most
_LEVEL: Final = 1  # of zlib: states are mostly zeros, and speed matters more
_FILL_KEY: Final = b"fill"
_SIGNAL_KEY: Final = b"signal"
_KEYS: Final = {
    int(Kind.FILL): _FILL_KEY,
    int(Kind.FUNDING): _FILL_KEY,
    int(Kind.SIGNAL): _SIGNAL_KEY,
}
_EVENT: Final = RowKind.EVENT


def json_bytes(content: Mapping[str, Any]) -> bytes:
    """Return JSON with sorted keys and no spaces."""
    return json.dumps(content, sort_keys=True, separators=(",", ":")).encode()


def packed(array: NDArray[np.void]) -> str:
    """Return an array's bytes, compressed, as text for JSON."""
    return base64.b64encode(zlib.compress(array.tobytes(), _LEVEL)).decode()


def _unpacked(text: str, dtype: np.dtype[np.void], what: str) -> NDArray[np.void]:
    raw = zlib.decompress(base64.b64decode(text))
    if len(raw) % dtype.itemsize:
        raise JournalError(
            f"the {what} in the journal must be whole records of {dtype.itemsize} bytes, was "
            f"{len(raw)} bytes: another version of Interlock wrote it. Next: use that version."
        )
    return np.frombuffer(raw, dtype=dtype).copy()


@cache
def layout_digest(tier: Tier) -> str:
    """Return 16 hexadecimal digits that change whenever a stored record means something else."""
    described = repr([each.descr for each in (ROW, policy_dtype(tier), state_dtype(tier))])
    return hashlib.sha256(described.encode()).hexdigest()[:16]


# --- events and their commands ----------------------------------------------------------------


def event_entry(event: Row, commands: Rows, payload: bytes = b"") -> Entry:
    """Return an event with the commands that it caused.

    A fill is kept once by its trade's id, and a signal from outside by its own.

    Args:
        event: One ROW, stamped.
        commands: Shape (n,), dtype ROW; copied.
        payload: JSON that belongs to it.
    """
    body = event.tobytes()
    if len(commands):
        body += commands.tobytes()
    prefix = _KEYS.get(int(event["kind"]))
    return Entry(
        seq=int(event["seq"]),
        count=1,
        ts_ns=int(event["ts_ns"]),
        kind=_EVENT,
        body=body,
        payload=payload,
        key=b"" if prefix is None else _key(prefix, event),
    )


def fill_key(event: Row) -> bytes:
    """Return what a fill may be journaled once by; nothing for one without a trade's id."""
    return _key(_FILL_KEY, event)


def signal_key(event: Row) -> bytes:
    """Return what a signal may be journaled once by; nothing for a strategy's own."""
    return _key(_SIGNAL_KEY, event)


def is_signal_key(key: bytes) -> bool:
    """Return whether an entry with this key is what became of a signal from outside."""
    return key.startswith(_SIGNAL_KEY)


def _key(prefix: bytes, event: Row) -> bytes:
    if event["ext_hi"] == 0 and event["ext_lo"] == 0:
        return b""
    return (
        prefix
        + int(event["ext_hi"]).to_bytes(8, "big", signed=True)
        + int(event["ext_lo"]).to_bytes(8, "big", signed=True)
    )


def market_entry(events: Rows) -> Entry:
    """Return events that caused nothing, shape (n,), 1 <= n <= BATCH_ROWS, seqs without gaps."""
    assert 1 <= len(events) <= BATCH_ROWS
    return Entry(
        seq=int(events["seq"][0]),
        count=len(events),
        ts_ns=int(events["ts_ns"][0]),
        kind=RowKind.MARKET,
        body=events.tobytes(),
    )


def events_of(entry: Entry) -> Rows:
    """Return the events in an entry, shape (n,); none in one that holds something else."""
    if entry.kind is RowKind.EVENT:
        return np.frombuffer(entry.body, dtype=ROW, count=1)
    if entry.kind is RowKind.MARKET:
        return np.frombuffer(entry.body, dtype=ROW)
    return np.zeros(0, dtype=ROW)


def commands_of(entry: Entry) -> Rows:
    """Return the commands in an entry, shape (n,)."""
    if entry.kind is not RowKind.EVENT:
        return np.zeros(0, dtype=ROW)
    return np.frombuffer(entry.body, dtype=ROW, offset=ROW_BYTES)


# --- what processes say -----------------------------------------------------------------------


def said_entry(
    kind: RowKind, seq: int, ts_ns: int, content: Mapping[str, Any], key: bytes = b""
) -> Entry:
    """Return a GENESIS or a NOTE: JSON, with what it may be written once by."""
    assert kind in {RowKind.GENESIS, RowKind.NOTE}
    return Entry(seq=seq, count=1, ts_ns=ts_ns, kind=kind, body=json_bytes(content), key=key)


def said_by(entry: Entry) -> Said:
    """Return what a GENESIS, a NOTE or a payload says."""
    raw = entry.body if entry.kind in {RowKind.GENESIS, RowKind.NOTE} else entry.payload
    found: Said = json.loads(raw) if raw else {}
    return found


def policy_payload(policy: PolicyArray, canonical: bytes) -> bytes:
    """Return what goes with a POLICY_SET: the kernel's record, and the text it was made from."""
    digest = hashlib.sha256(canonical).hexdigest()
    return json_bytes({"canonical": canonical.decode(), "digest": digest, "record": packed(policy)})


def policy_of(entry: Entry, tier: Tier) -> PolicyArray:
    """Return the policy that a POLICY_SET began, shape (1,)."""
    return _unpacked(said_by(entry)["record"], policy_dtype(tier), "policy")


def verdict_payload(state: StateArray, content: Mapping[str, Any]) -> bytes:
    """Return the table of the judgement in hand with what else there is to say of it."""
    return json_bytes(
        {
            **content,
            "sizing": packed(state["sizing"]),
            "verdicts": packed(state["verdicts"][0]),
        }
    )


def verdicts_of(entry: Entry) -> NDArray[np.void] | None:
    """Return the table of verdicts journaled with a decision, shape (rules + 1,)."""
    text = said_by(entry).get("verdicts")
    return None if text is None else _unpacked(text, VERDICT, "verdicts")


# --- snapshots --------------------------------------------------------------------------------


def snapshot_entry(
    kind: RowKind, seq: int, ts_ns: int, state: StateArray, content: Mapping[str, Any]
) -> Entry:
    """Return a whole state as a SNAPSHOT or the begin of a SEGMENT.

    Args:
        kind: Which of the two.
        seq: Its own.
        ts_ns: When.
        state: Shape (1,): after the row before this one.
        content: ``layout``, and what the runtime has to remember beside the state.
    """
    assert kind in {RowKind.SNAPSHOT, RowKind.SEGMENT}
    return Entry(
        seq=seq,
        count=1,
        ts_ns=ts_ns,
        kind=kind,
        body=zlib.compress(state.tobytes(), _LEVEL),
        payload=json_bytes(content),
    )


def state_of(entry: Entry, tier: Tier) -> StateArray:
    """Return the state in a SNAPSHOT or SEGMENT, shape (1,).

    Raises:
        JournalError: Another version of Interlock wrote it.
    """
    raw = zlib.decompress(entry.body)
    dtype = state_dtype(tier)
    if len(raw) != dtype.itemsize:
        raise JournalError(
            f"the snapshot at {entry.seq} must be {dtype.itemsize} bytes, was {len(raw)}: another "
            "version of Interlock wrote it. Next: use that version."
        )
    return np.frombuffer(raw, dtype=dtype).copy()
