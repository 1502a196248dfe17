"""Rows of a journal in words, for people and for other programs; decides nothing.

It reads what the journal holds and nothing else: no policy, no state, no engine.
"""

import base64
import json
from typing import Any, Final

import numpy as np

from interlock.journal.rows import Entry, Row, RowKind
from interlock.kernel.codes import (
    BUY,
    SELL,
    Alarm,
    Cause,
    Kind,
    Level,
    Metric,
    OrderKind,
    Role,
)
from interlock.kernel.reasons import Reason
from interlock.kernel.records import ROW, ROW_BYTES

Said = dict[str, Any]

TEXT_MAX: Final = 120  # of a text in a payload, when it is shown to people
_SIDES: Final = {BUY: "BUY", SELL: "SELL"}
_NAMED: Final = {"order_kind": OrderKind, "role": Role, "level": Level}
# What a row's code is a number of; where it is not listed, it is shown as the number.
_CODES: Final[dict[int, Any]] = {
    Kind.REFUSED: Reason,
    Kind.LATCHED: Cause,
    Kind.RELEASED: Cause,
    Kind.HALT: Cause,
    Kind.RESUME: Cause,
    Kind.TIMER: Cause,
    Kind.HEALTH: Metric,
    Kind.ALARM: Alarm,
}
_OF_EVENTS: Final = frozenset({RowKind.EVENT, RowKind.MARKET})
_OF_TEXT: Final = frozenset({RowKind.GENESIS, RowKind.NOTE})


def row_said(row: Row) -> Said:
    """Return what a row holds as JSON can say it, with whole names and without zeros.

    Whatever its bytes are, they are said: what cannot be understood is left out of ``records`` and
    ``says``, and is in ``exact_said`` all the same.
    """
    entry = row.entry
    said: Said = {
        "seq": entry.seq,
        "count": entry.count,
        "kind": entry.kind.name,
        "time": time_text(entry.ts_ns),
        "hash": row.hash.hex(),
        "previous": row.previous.hex(),
        "sound": row.is_sound(),
        "bytes": len(entry.body),
    }
    if entry.key:
        said["key"] = entry.key.hex()
    if row.dropped:
        said["dropped"] = row.dropped.hex()
    if records := records_said(entry):
        said["records"] = records
    if says := _says(entry):
        said["says"] = says
    return said


def exact_said(row: Row) -> Said:
    """Return what a row holds, with every byte of it: the row can be made again from this."""
    return {
        **row_said(row),
        "ts_ns": row.entry.ts_ns,
        "body": base64.b64encode(row.entry.body).decode(),
        "payload": base64.b64encode(row.entry.payload).decode(),
    }


def row_text(row: Row) -> str:
    """Return a row for people: one line for it, and one for each of its records."""
    said = row_said(row)
    marks = "" if said["sound"] else "  NOT SOUND: its hash is not that of its bytes"
    if row.dropped:
        marks += f"  dropped, digest {said['dropped'][:12]}"
    chain = f"hash {said['hash'][:12]} after {said['previous'][:12]}"
    lines = [f"{said['seq']}  {said['kind']}  {said['time']}  {chain}{marks}"]
    for record in said.get("records", ()):
        fields = "  ".join(f"{name} {value}" for name, value in record.items() if name != "kind")
        lines.append(f"    {record['kind']}  {fields}")
    lines += [f"    {name}: {_short(value)}" for name, value in said.get("says", {}).items()]
    return "\n".join(lines)


def records_said(entry: Entry) -> list[Said]:
    """Return the events and commands in an entry, each with the fields that are not zero."""
    if entry.kind not in _OF_EVENTS or len(entry.body) % ROW_BYTES:
        return []
    return [_record_said(record) for record in np.frombuffer(entry.body, dtype=ROW)]


def time_text(ts_ns: int) -> str:
    """Return a moment in UTC, as ISO 8601 writes it.

    >>> time_text(1_700_000_000_000_000_001)
    '2023-11-14T22:13:20.000000001Z'
    """
    return f"{np.datetime64(ts_ns, 'ns')}Z"


def _record_said(record: np.void) -> Said:
    kind = int(record["kind"])
    said: Said = {"kind": _name(Kind, kind)}
    for name in ROW.names or ():
        number = record[name].item()
        if number == 0 or name == "kind":
            continue
        if name == "side":
            said[name] = _SIDES.get(number, number)
        elif name == "code" and kind in _CODES:
            said[name] = _name(_CODES[kind], number)
        elif name in _NAMED:
            said[name] = _name(_NAMED[name], number)
        else:
            said[name] = number if number - number == 0 else str(number)
    return said


def _name(names: Any, number: int) -> str | int:
    try:
        return str(names(number).name)
    except ValueError:
        return number


def _says(entry: Entry) -> Said:
    """Return the JSON of an entry; nothing if it has none."""
    raw = entry.body if entry.kind in _OF_TEXT else entry.payload
    try:
        found = json.loads(raw) if raw else {}
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _short(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, sort_keys=True)
    return text if len(text) <= TEXT_MAX else f"{text[:TEXT_MAX]}... ({len(text)} characters)"
