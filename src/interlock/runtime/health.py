"""How an engine is, in one word and its reasons, from what its status says.

What is not known never passes: a status without a part that is judged here is no good one.
"""

from collections.abc import Iterator
from enum import StrEnum
from typing import Final

from interlock.kernel.codes import Level
from interlock.runtime.entries import Said
from interlock.runtime.link import Phase

NAMES_MAX: Final = 3  # of breakers, in one reason


class Health(StrEnum):
    """How it is. Stored in logs; never reuse a word."""

    PASS = "PASS"  # noqa: S105 - a verdict, not a password
    DEGRADED = "DEGRADED"
    FAIL = "FAIL"


Found = Iterator[tuple[Health, str]]


def health_of(status: Said) -> Said:
    """Return ``{"status": PASS | DEGRADED | FAIL, "reasons": [...]}``, the worst reason first.

    FAIL: nothing may be opened, or something is held without protection. DEGRADED: it trades, or
    will again by itself, and a person should look.
    """
    found = [
        *_stops(status),
        *_connection(status),
        *_holdings(status),
        *_latches(status),
        *_proofs(status),
    ]
    order = list(Health)
    found.sort(key=lambda one: -order.index(one[0]))
    worst = found[0][0] if found else Health.PASS
    return {"status": str(worst), "reasons": [reason for _, reason in found]}


def _stops(status: Said) -> Found:
    killed = status.get("killed")
    if killed is None:
        yield Health.FAIL, "nobody knows whether the kill latch is set"
    elif killed["set"]:
        yield Health.FAIL, f"the kill latch is set: {killed['reason']}"
    if status.get("strategy_failure"):
        yield Health.FAIL, f"the strategy failed: {status['strategy_failure']}"


def _connection(status: Said) -> Found:
    if status.get("phase") != str(Phase.READY):
        phase = str(status.get("phase", "unknown")).lower()
        yield Health.FAIL, f"the account is not reconciled with the venue: {phase}"


def _holdings(status: Said) -> Found:
    """Yield what is held without protection, and orders of which nobody knows what became."""
    leaving = {one["symbol"] for one in status["orders"] if one["role"] == "EXIT"}
    sent = {
        one["symbol"]
        for one in status["orders"]
        if one["role"] == "STOP" and one["state"] == "INTENT"
    }
    for one in status["positions"]:
        if one["protected"]:
            continue
        if one["symbol"] in leaving:
            yield Health.DEGRADED, f"{one['symbol']} is being closed and has no stop meanwhile"
        elif one["symbol"] in sent:
            yield Health.DEGRADED, f"the venue has not answered yet to the stop of {one['symbol']}"
        else:
            yield Health.FAIL, f"{one['symbol']} is held without a stop"
    for one in status["orders"]:
        if one["state"] == "UNKNOWN":
            yield Health.DEGRADED, f"nobody knows what became of {one['id']} ({one['symbol']})"


def _latches(status: Said) -> Found:
    for one in status["latches"]:
        level = Level[one["level"]]
        cause = one["cause"].lower().replace("_", " ")
        of = "the account" if one["scope"] == "ACCOUNT" else str(one["of"])
        if level >= Level.HALTED and one["scope"] == "ACCOUNT":
            yield Health.FAIL, f"{cause} holds {of} at {level.name}"
        else:
            yield Health.DEGRADED, f"{cause} holds {of} at {level.name}"


def _proofs(status: Said) -> Found:
    """Yield breakers that were not seen to work; right after a start there is no proof yet."""
    proofs = status.get("proofs")
    if proofs is None:
        yield Health.DEGRADED, "nobody knows whether the breakers still work"
        return
    failed = [one["breaker"] for one in proofs["breakers"] if not one["proved"]]
    if failed:
        shown = ", ".join(failed[:NAMES_MAX])
        more = f" and {len(failed) - NAMES_MAX} more" if len(failed) > NAMES_MAX else ""
        yield Health.DEGRADED, f"breakers that failed their last proof: {shown}{more}"
    if proofs["overdue"]:
        yield Health.DEGRADED, "the last proof of the breakers is overdue"
    elif proofs["never"]:
        yield Health.DEGRADED, "the breakers are not proved yet since this start"
