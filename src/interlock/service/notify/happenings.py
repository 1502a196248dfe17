"""Which of the things that an engine's journal says are worth an alert, and in what words."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

from interlock.config.notifications import Severity
from interlock.service.notify.alert import Alert

Item = Mapping[str, Any]

# Latches by how hard they stop trading; what is not here is told as a warning.
_LEVELS: Final[Mapping[str, Severity]] = {"HALTED": "critical", "KILLED": "critical"}
_ALWAYS_CRITICAL: Final = frozenset(
    {"KILL_IMMEDIATE", "KILL_GRACEFUL", "KILL_FILE", "WATCHDOG", "UNPROTECTED", "IMPOSSIBLE_STATE"}
)
_ALARMS: Final[Mapping[str, Severity]] = {
    "UNPROTECTED": "critical",
    "OVERFILL": "critical",
    "ILLEGAL_TRANSITION": "critical",
    "LATCH_TABLE_FULL": "critical",
    "POSITION_MISMATCH": "critical",
    "BUST": "critical",
}
_ALARM_WORDS: Final = {
    "UNPROTECTED": "a position has no stop",
    "OVERFILL": "more was filled than was ordered",
    "ILLEGAL_TRANSITION": "an order did what no order does",
    "UNKNOWN_ORDER": "the venue reports an order that is not ours",
    "GARBAGE": "a report made no sense",
    "EXTERNAL_FILL": "something was traded that was not ordered here",
    "LATCH_TABLE_FULL": "no more latches can be held",
    "OUTCOME_UNKNOWN": "it is not known what became of an order",
    "BUST": "the venue took a trade back",
    "POSITION_MISMATCH": "the venue holds another position than we do",
}


def alerts_of(items: Sequence[Item]) -> Iterator[Alert]:
    """Yield what is worth telling, in the order in which it happened."""
    for item in items:
        make = _MAKERS.get(str(item.get("type")))
        found = None if make is None else make(item)
        if found is not None:
            yield found


def latch_key(cause: str, of: str) -> str:
    """Return what a latch is known by, however one hears of it."""
    return f"latch:{cause}:{of}"


def approval_key(approval_id: str) -> str:
    """Return what an approval is known by."""
    return f"approval:{approval_id}"


def latched(latch: Item) -> Alert:
    """Return what is told of a latch that is set: from the journal, or from a status."""
    cause, of, level = str(latch["cause"]), str(latch["of"]), str(latch["level"])
    severity = _LEVELS.get(level, "warning")
    if cause in _ALWAYS_CRITICAL:
        severity = "critical"
    lines = [
        f"{name}: {latch[name]}"
        for name in ("value", "limit", "who", "reason")
        if isinstance(latch.get(name), str) and latch[name]
    ]
    return Alert(
        key=latch_key(cause, of),
        severity=severity,
        title=f"{level}: {cause} of {of}",
        text="\n".join(lines),
        details={"cause": cause, "of": of, "level": level},
    )


def _latch(item: Item) -> Alert:
    if item["set"]:
        return latched(item)
    cause, of = str(item["cause"]), str(item["of"])
    who = f" by {item['who']}" if item.get("who") else ""
    return Alert(
        key=f"released:{cause}:{of}",
        severity="warning" if _LEVELS.get(str(item["level"])) else "info",
        title=f"released: {cause} of {of}{who}",
        text=str(item.get("reason") or ""),
        closes=(latch_key(cause, of), f"alarm:{cause}:{of}"),
    )


def _alarm(item: Item) -> Alert:
    alarm, of = str(item["alarm"]), str(item["of"])
    order = f"order: {item['order']}" if item.get("order") else ""
    return Alert(
        key=f"alarm:{alarm}:{of}",
        severity=_ALARMS.get(alarm, "warning"),
        title=f"{alarm} of {of}: {_ALARM_WORDS.get(alarm, 'a person has to look')}",
        text=order,
    )


def _fill(item: Item) -> Alert:
    outside = "not ordered here: " if item["external"] else ""
    return Alert(
        key=f"fill:{item['seq']}",
        severity="warning" if item["external"] else "info",
        title=f"{outside}{item['side']} {item['quantity']} {item['symbol']} at {item['price']} "
        f"({str(item['role']).lower()})",
        details={"order": item["order"]},
    )


def _trade(item: Item) -> Alert:
    r = "" if item["r"] is None else f", {item['r']} R"
    return Alert(
        key=f"trade:{item['seq']}",
        severity="info",
        title=f"closed {item['side']} {item['quantity']} {item['symbol']}: {item['pnl']}{r}",
        text=f"{item['entry_price']} to {item['exit_price']}, {item['reason']}, "
        f"strategy {item['strategy']}",
    )


def _signal(item: Item) -> Alert | None:
    """Return what is told of an alert from outside: every one, with or without an approval."""
    if item["source"] != "webhook" or item["state"] not in {"SUBMITTED", "REFUSED"}:
        return None
    exits = "exit " if item["exit_only"] else ""
    quantity = f" {item['quantity']}" if item.get("quantity") else ""
    reasons = f" ({' '.join(item['reasons'])})" if item["reasons"] else ""
    return Alert(
        key=f"signal:{item['id']}",
        severity="info",
        title=f"alert {item['state'].lower()}: {exits}{item['side']}{quantity} "
        f"{item['symbol']}{reasons}",
        text=str(item["message"]),
        details={"signal": item["id"]},
    )


def _policy(item: Item) -> Alert | None:
    changes = item.get("changes") or []
    if not item.get("before"):
        return None  # the first one of a journal changes nothing
    return Alert(
        key=f"policy:{item['digest']}",
        severity="warning",
        title="other rules hold",
        text="\n".join(str(one) for one in changes),
    )


def _note(item: Item) -> Alert | None:
    make = _NOTES.get(str(item["what"]))
    return None if make is None else make(item, item.get("says") or {})


def _started(item: Item, says: Item) -> Alert:
    return Alert(
        key=f"start:{says.get('epoch')}",
        severity="info",
        title=f"the engine has started (version {says.get('version', '?')})",
        happened_ns=_wall(item),
        closes=("engine_down",),
    )


def _stopped(item: Item, says: Item) -> Alert:
    return Alert(
        key=f"stop:{says.get('epoch')}",
        severity="warning",
        title=f"the engine has stopped: {says.get('why') or 'it was told to'}",
        happened_ns=_wall(item),
    )


def _missed(item: Item, says: Item) -> Alert:
    return Alert(
        key="missed_alert",
        severity="warning",
        title="an alert is missing, and its strategy opens nothing any more",
        text=str(says.get("why") or ""),
        happened_ns=_wall(item),
    )


def _proposal(_item: Item, says: Item) -> Alert | None:
    answer = says.get("answer") or {}
    if answer.get("state") != "WAITS_FOR_APPROVAL":
        return None
    shown = {name: says.get(name) for name in APPROVAL}
    return Alert(
        key=approval_key(str(says["id"])),
        severity="warning",
        title=f"approve? {says['side']} {says['quantity']} {says['symbol']} for {says['strategy']}",
        text=approval_text(shown),
        happened_ns=int(says.get("asked_ns") or 0),
        details={"approval": shown},
    )


def approval_text(shown: Item) -> str:
    """Return what a person has to know before they say yes."""
    return "\n".join(
        (
            f"price: {shown['price_low']} to {shown['price_high']}",
            f"stop: {shown['stop']}",
            f"worst loss: {shown['worst_loss']}",
            f"why: {shown['why']}",
            f"id: {shown['id']}",
        )
    )


def _answered(item: Item, says: Item) -> Alert:
    what = str(item["what"]).removeprefix("approval_")
    why = str(says.get("why") or says.get("reason") or "")
    who = f" by {says['who']}" if says.get("who") else ""
    approval_id = str(says.get("id", ""))
    return Alert(
        key=f"answered:{approval_id}",
        severity="info",
        title=f"approval {approval_id} {what}{who}",
        text=why,
        closes=(approval_key(approval_id),),
        details={"answered": approval_id},
    )


def _wall(item: Item) -> int:
    return int(item.get("wall_ns") or 0)


# What a person is shown of an approval, as the engine says it.
APPROVAL: Final = (
    *("id", "hash", "symbol", "side", "quantity", "price_low", "price_high", "stop"),
    *("worst_loss", "why", "strategy", "expires_ns"),
)

_NOTES: Final[Mapping[str, Callable[[Item, Item], Alert | None]]] = {
    "start": _started,
    "stop": _stopped,
    "missed_alert": _missed,
    "proposal": _proposal,
    "approval_expired": _answered,
    "approval_denied": _answered,
    "approval_refused": _answered,
}

_MAKERS: Final[Mapping[str, Callable[[Item], Alert | None]]] = {
    "latch": _latch,
    "alarm": _alarm,
    "fill": _fill,
    "trade": _trade,
    "signal": _signal,
    "policy": _policy,
    "note": _note,
}
