"""What the bot says, from what the engine says."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from interlock.service.notify.alert import cut, plain

Said = Mapping[str, Any]

HELP: Final = (
    "/status - how the account is\n"
    "/positions - what is held\n"
    "/pnl - what was won and lost\n"
    "/pause [reason] - open nothing more; what is held stays managed\n"
    "/kill MODE CODE REASON - stop. MODE: immediate, graceful or pause. CODE: of your "
    "authenticator, fresh\n"
    "/ack ID - you look after an alert\n"
    "/help - this"
)
LATCHES_MAX: Final = 10
ROWS_MAX: Final = 20
MOST: Final = 3_900


def status_text(said: Said) -> str:
    """Return how the account is."""
    money = said["money"]
    killed = said.get("killed") or {}
    lines = [
        f"{said['account']} ({said['mode']}): {said['level']}, {said['phase']}",
        f"equity {money['equity']}, today {money['day']}",
        f"{len(said['positions'])} positions, {len(said['orders'])} orders",
        f"{len(said.get('approvals') or [])} approvals wait",
    ]
    if killed.get("set"):
        lines.append(f"KILLED ({killed.get('mode')}): {killed.get('reason')}")
    latches: Sequence[Said] = said["latches"]
    lines += [f"{one['level']}: {one['cause']} of {one['of']}" for one in latches[:LATCHES_MAX]]
    if said.get("replay"):
        lines.append("a replay: its time is the recording's")
    return plain("\n".join(lines), MOST)


def positions_text(said: Said) -> str:
    """Return what is held."""
    rows: Sequence[Said] = said["positions"]
    lines = [_position(one) for one in rows[:ROWS_MAX]]
    if len(rows) > ROWS_MAX:
        lines.append(f"and {len(rows) - ROWS_MAX} more")
    return plain("\n".join(lines), MOST) or "Nothing is held."


def _position(one: Said) -> str:
    stop = f"stop {one['stop']}" if one["protected"] else "NO STOP"
    held = f"{one['quantity']} {one['symbol']} from {one['entry']}, now {one['mark']}"
    return f"{held}: {one['unrealised']}, {stop}"


def pnl_text(said: Said) -> str:
    """Return what was won and lost."""
    money = said["money"]
    names = ("equity", "day", "realised", "unrealised", "fees", "funding", "peak")
    return "\n".join(f"{name}: {money[name]} {said['currency']}" for name in names)


def kill_text(said: Said) -> str:
    """Return how far a kill is: never more than was seen."""
    lines = [f"{said['result']} ({said['mode']})"]
    for name in ("latch", "engine", "venue"):
        road = said[name]
        why = f": {road['why']}" if road.get("why") else ""
        lines.append(f"{name}: {road['result']}{why}")
    if said["result"] != "KILLED":
        lines.append("Next: /status until it is done, or look at the venue itself.")
    return plain("\n".join(lines), MOST)


def decided_text(answer: Said) -> str:
    """Return what came of an approval."""
    reasons = " ".join(str(one) for one in answer.get("reasons") or ())
    orders = ", ".join(str(one) for one in answer.get("orders") or ())
    lines = [str(answer.get("state", "")), reasons, str(answer.get("message", ""))]
    lines += [f"orders: {orders}"] if orders else []
    return cut(plain("\n".join(lines), MOST), MOST)
