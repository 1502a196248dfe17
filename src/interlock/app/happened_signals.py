"""A signal and what the gate made of it, as one plain dictionary."""

from collections.abc import Mapping
from typing import Any, Final

from interlock.app.happened_rows import Digits, moment, side_name
from interlock.journal.rows import Entry
from interlock.kernel.codes import Flag, Kind
from interlock.kernel.records import Row, Rows
from interlock.runtime.amounts import written
from interlock.runtime.entries import Said, said_by, verdicts_of
from interlock.runtime.ids import order_name, signal_name
from interlock.runtime.readable import reasons_of, rules_of

Item = dict[str, Any]

SUBMITTED: Final = "SUBMITTED"
REFUSED: Final = "REFUSED"
NOTHING: Final = "NOTHING_TO_DO"
WAITS: Final = "WAITS_FOR_APPROVAL"
_PACKED: Final = frozenset({"verdicts", "sizing"})
_NOTED: Final = {"signal_refused": REFUSED, "proposal": WAITS}


def signal_item(entry: Entry, event: Row, commands: Rows, digits: Digits, strategy: str) -> Item:
    """Return a signal that reached the kernel, with every rule's verdict where it was judged."""
    said = {name: value for name, value in said_by(entry).items() if name not in _PACKED}
    refused = commands[commands["kind"] == Kind.REFUSED]
    orders = commands[commands["kind"] == Kind.SUBMIT]
    exits = len(commands) > 0 and len(orders) == 0 and len(refused) == 0
    reasons: list[str] = []
    if len(refused):
        row = refused[0]
        reasons = [one.name for one in reasons_of(int(row["mask_lo"]), int(row["mask_hi"]))]
    quantity = int(orders["qty"][0]) if len(orders) else int(event["qty"])
    stop, target = int(event["stop_ticks"]), int(event["target_ticks"])
    origin = _origin(said)
    return {
        "type": "signal",
        **moment(entry.seq, entry.ts_ns),
        "id": signal_name(entry.seq),
        "symbol": digits.symbol,
        "strategy": strategy,
        "side": side_name(event),
        "exit_only": bool(event["flags"] & Flag.EXIT_ONLY),
        "approved": bool(event["flags"] & Flag.APPROVED),
        "state": SUBMITTED if len(orders) or exits else REFUSED if len(refused) else NOTHING,
        "reason": reasons[0] if reasons else "",
        "reasons": reasons,
        "quantity": written(quantity, digits.quantity) if quantity else None,
        "price": written(int(event["price"]), digits.price) if event["price"] else None,
        "stop": written(stop, digits.price) if stop else None,
        "target": written(target, digits.price) if target else None,
        "edge_bps": int(event["edge_bps"]) if event["has_edge"] else None,
        "orders": [order_name(int(number)) for number in orders["order_id"]],
        "source": "webhook" if origin["webhook_id"] else "strategy",
        **origin,
        "message": str(said.get("message", "")),
        "verdicts": _verdicts(entry, digits),
    }


def signal_note(note: Item) -> Item | None:
    """Return a signal that did not reach the kernel, from what was noted of it.

    It was turned away before, or waits for a person.
    """
    if note["what"] not in _NOTED:
        return None
    says: Mapping[str, Any] = note["says"]
    answer: Mapping[str, Any] = says.get("answer") or {}
    reasons = [str(one) for one in answer.get("reasons") or ()]
    return {
        "type": "signal",
        **{name: note[name] for name in ("seq", "ts", "ts_ns")},
        "id": signal_name(int(note["seq"])),
        "symbol": str(says.get("symbol") or ""),
        "strategy": str(says.get("strategy") or ""),
        "side": str(says.get("side") or ""),
        "exit_only": bool(says.get("exit_only")),
        "approved": False,
        "state": str(answer.get("state") or _NOTED[note["what"]]),
        "reason": str(answer.get("reason") or ""),
        "reasons": reasons,
        "quantity": says.get("quantity"),
        "price": says.get("price"),
        "stop": says.get("stop"),
        "target": says.get("target"),
        "edge_bps": says.get("edge_bps"),
        "orders": [],
        "source": "webhook" if note["what"] == "signal_refused" or says.get("who") else "strategy",
        **_origin({**says, "id": answer.get("id") or says.get("id")}),
        "message": str(answer.get("message") or says.get("why") or ""),
        "verdicts": [
            {"assumed": False, "level": "", "relation": "", **one}
            for one in answer.get("verdicts") or ()
        ],
    }


def _origin(said: Said | Mapping[str, Any]) -> Item:
    return {
        "webhook_id": str(said.get("id") or ""),
        "who": str(said.get("who") or ""),
        "correlation": str(said.get("correlation") or ""),
        "received_ns": said.get("received_ns"),
    }


def _verdicts(entry: Entry, digits: Digits) -> list[Item]:
    table = verdicts_of(entry)
    if table is None:
        return []
    return [
        {
            "rule": one.reason,
            "level": one.level,
            "value": one.value_text,
            "limit": one.limit_text,
            "relation": one.relation,
            "failed": not one.passed,
            "assumed": one.assumed,
        }
        for one in rules_of(table, digits.scale)
    ]
