"""What the engine's journal says, as the audit's file has it: orders, fills, kills, configurations.

These facts are chained where they are, in the journal. The file names the journal and the record,
so that whoever doubts a line can look there.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, Protocol

from interlock.app.happened import Item
from interlock.service.audit_rows import clean

_ENGINE: Final = "engine"
_UPDATES: Final = frozenset(
    {"ACCEPTED", "REJECTED", "CANCELLED", "EXPIRED", "OUTCOME_UNKNOWN", "ABSENT", "CANCEL", "AMEND"}
)
_FAILED: Final = frozenset({"REJECTED", "OUTCOME_UNKNOWN", "ABSENT"})
_NOTES: Final = {
    "start": "start",
    "stop": "stop",
    "kill": "kill",
    "kill_file": "kill",
    "kill_cleared": "kill_clear",
    "resumed": "override",
    "no_watchdog": "kill",
    "missed_alert": "webhook",
    "proposal": "approval",
    "approval_denied": "approval",
    "approval_refused": "approval",
    "approval_expired": "approval",
}
_TOLD: Final = ("mode", "epoch", "version", "configuration", "id", "approval", "state")

Made = tuple[str, str, bool, str, dict[str, Any]]  # event type, action, success, reason, details


class Followed(Protocol):
    """The audit's file (``service.audit.Audit``)."""

    def follow(self, lines: Sequence[Mapping[str, Any]]) -> None:
        """Write lines."""

    def followed(self, journal: str) -> int:
        """Return the last record of a journal that has a line; 0 for none."""


class AuditLines:
    """Reads along with the journal, and writes lines (a subscriber of ``app.following``).

    Args:
        audit: Whose file it is; started.
    """

    def __init__(self, audit: Followed) -> None:
        self._audit = audit
        self._journal = ""
        self._seq = 0

    def begin(self, journal: str, genesis: Mapping[str, Any]) -> int:
        """Return the last record of a journal that has a line."""
        assert genesis is not None
        self._journal = journal
        self._seq = self._audit.followed(journal) if journal else 0
        return self._seq

    def take(self, items: Sequence[Item], seq: int) -> int:
        """Write what is worth a line; return the last record that was looked at."""
        fresh = [item for item in items if int(item["seq"]) > self._seq]
        lines = list(lines_of(fresh, self._journal))
        if lines:
            self._audit.follow(lines)
        self._seq = seq
        return seq


def lines_of(items: Iterable[Item], journal: str) -> Iterator[dict[str, Any]]:
    """Yield the line of everything that is worth one.

    Args:
        items: As ``app.happened`` makes them.
        journal: Which journal they are of.
    """
    correlations: dict[int, str] = {}
    for item in items:
        if item.get("correlation"):
            correlations[int(item["seq"])] = str(item["correlation"])
        make = _LINES.get(str(item["type"]))
        made = None if make is None else make(item)
        if made is None:
            continue
        event_type, action, success, reason, details = made
        yield {
            "journal": journal,
            "seq": int(item["seq"]),
            "timestamp": item["ts"],
            "ts_ns": item["ts_ns"],
            "event_type": event_type,
            "actor": clean(_who(item)),
            "ip_address": "",
            "action": clean(action),
            "success": success,
            "reason": clean(reason),
            "correlation_id": clean(correlations.get(int(item["seq"]), "")),
            "details": {name: _short(value) for name, value in details.items()},
        }


def _who(item: Item) -> str:
    says = item.get("says") or {}
    return str(item.get("who") or says.get("who") or _ENGINE)


def _short(value: Any) -> Any:
    if isinstance(value, list):
        return [clean(str(one)) for one in value]
    return value if value is None or isinstance(value, bool | int) else clean(str(value))


def _picked(item: Item, *names: str) -> dict[str, Any]:
    return {name: item[name] for name in names if item.get(name) not in {None, ""}}


def _order(item: Item) -> Made:
    at = item["trigger"] or item["price"] or "market"
    action = f"{item['role']} {item['side']} {item['quantity']} {item['symbol']} at {at}"
    details = _picked(item, "id", "client_id", "strategy", "kind", "signal", "reduce_only")
    return "order", action, True, "", details


def _update(item: Item) -> Made | None:
    if item["what"] not in _UPDATES:
        return None
    return (
        "order_update",
        f"{item['what']} {item['id']}",
        item["what"] not in _FAILED,
        "",
        _picked(item, "id", "symbol", "state", "quantity", "price", "trigger"),
    )


def _fill(item: Item) -> Made:
    action = f"{item['side']} {item['quantity']} {item['symbol']} at {item['price']}"
    return "fill", action, True, "", _picked(item, "order", "role", "fee", "fee_asset", "external")


def _signal(item: Item) -> Made | None:
    if item["state"] == "NOTHING_TO_DO":
        return None
    exits = "exit " if item["exit_only"] else ""
    return (
        "signal",
        f"{exits}{item['side']} {item['symbol']}: {item['state']}",
        item["state"] != "REFUSED",
        " ".join(item["reasons"]),
        _picked(item, "id", "strategy", "source", "webhook_id", "quantity", "price"),
    )


def _latch(item: Item) -> Made:
    event_type = "kill" if str(item["cause"]).startswith("KILL_") else "latch"
    verb = "set" if item["set"] else "released"
    if not item["set"]:
        event_type = "kill_clear" if event_type == "kill" else "override"
    action = f"{verb} {item['cause']} of {item['of']} at {item['level']}"
    return event_type, action, True, str(item["reason"]), _picked(item, "scope", "value", "limit")


def _alarm(item: Item) -> Made:
    return "alarm", f"{item['alarm']} of {item['of']}", False, "", _picked(item, "order")


def _policy(item: Item) -> Made:
    """Return that other rules hold; from what to what, where the rules before are known."""
    details: dict[str, Any] = _picked(item, "digest", "before")
    if item.get("changes"):
        details["changes"] = list(item["changes"])
    return "config_change", "other rules hold", True, "", details


def _note(item: Item) -> Made | None:
    event_type = _NOTES.get(str(item["what"]))
    if event_type is None:
        return None
    says = item["says"]
    details = {name: says[name] for name in _TOLD if says.get(name) is not None}
    reason = str(says.get("reason") or says.get("why") or "")
    return event_type, str(item["what"]), True, reason, details


_LINES: Final[dict[str, Callable[[Item], Made | None]]] = {
    "order": _order,
    "order_update": _update,
    "fill": _fill,
    "signal": _signal,
    "latch": _latch,
    "alarm": _alarm,
    "policy": _policy,
    "note": _note,
}
