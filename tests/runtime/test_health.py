"""One word for how an engine is, and why."""

from typing import Any

import pytest

from interlock.runtime.health import health_of

PROVED = {"breaker": "DISK", "proved": True}
FAILED = {"breaker": "DISK", "proved": False}


def proofs(*breakers: dict[str, Any], overdue: bool = False, never: bool = False) -> dict[str, Any]:
    return {"breakers": list(breakers), "overdue": overdue, "never": never}


def position(symbol: str = "AAA", *, protected: bool = True) -> dict[str, Any]:
    return {"symbol": symbol, "protected": protected}


def order(role: str = "STOP", state: str = "WORKING") -> dict[str, Any]:
    return {"symbol": "AAA", "role": role, "state": state, "id": "7-1"}


def latch(cause: str, level: str, scope: str = "ACCOUNT", of: str = "account") -> dict[str, Any]:
    return {"cause": cause, "level": level, "scope": scope, "of": of}


def status(**changed: Any) -> dict[str, Any]:
    """Return the status of an engine that is well."""
    return {
        "phase": "ready",
        "killed": {"set": False, "reason": ""},
        "strategy_failure": None,
        "positions": [position()],
        "orders": [order()],
        "latches": [],
        "proofs": proofs(PROVED),
        **changed,
    }


def check(word: str, *reasons: str, **changed: Any) -> None:
    assert health_of(status(**changed)) == {"status": word, "reasons": list(reasons)}


def test_an_engine_that_is_well_passes() -> None:
    check("PASS")


@pytest.mark.parametrize(
    ("word", "reason", "changed"),
    [
        ("FAIL", "the kill latch is set: fire", {"killed": {"set": True, "reason": "fire"}}),
        ("FAIL", "nobody knows whether the kill latch is set", {"killed": None}),
        (
            "FAIL",
            "the strategy failed: it divided by zero",
            {"strategy_failure": "it divided by zero"},
        ),
        (
            "FAIL",
            "the account is not reconciled with the venue: away",
            {"phase": "away"},
        ),
        ("FAIL", "AAA is held without a stop", {"positions": [position(protected=False)]}),
        (
            "DEGRADED",
            "AAA is being closed and has no stop meanwhile",
            {"positions": [position(protected=False)], "orders": [order("EXIT")]},
        ),
        (
            "DEGRADED",
            "the venue has not answered yet to the stop of AAA",
            {"positions": [position(protected=False)], "orders": [order(state="INTENT")]},
        ),
        (
            "DEGRADED",
            "nobody knows what became of 7-1 (AAA)",
            {"orders": [order(state="UNKNOWN")]},
        ),
        (
            "FAIL",
            "daily loss holds the account at HALTED",
            {"latches": [latch("DAILY_LOSS", "HALTED")]},
        ),
        (
            "DEGRADED",
            "watchdog holds the account at PAUSED",
            {"latches": [latch("WATCHDOG", "PAUSED")]},
        ),
        (
            "DEGRADED",
            "price move holds AAA at HALTED",
            {"latches": [latch("PRICE_MOVE", "HALTED", "INSTRUMENT", "AAA")]},
        ),
        (
            "DEGRADED",
            "breakers that failed their last proof: DISK",
            {"proofs": proofs(PROVED, FAILED)},
        ),
        (
            "DEGRADED",
            "breakers that failed their last proof: DISK, DISK, DISK and 2 more",
            {"proofs": proofs(*[FAILED] * 5)},
        ),
        (
            "DEGRADED",
            "the last proof of the breakers is overdue",
            {"proofs": proofs(PROVED, overdue=True)},
        ),
        (
            "DEGRADED",
            "the breakers are not proved yet since this start",
            {"proofs": proofs(never=True)},
        ),
        ("DEGRADED", "nobody knows whether the breakers still work", {"proofs": None}),
    ],
)
def test_what_is_wrong_is_said(word: str, reason: str, changed: dict[str, Any]) -> None:
    check(word, reason, **changed)


def test_the_worst_comes_first_and_is_the_word() -> None:
    check(
        "FAIL",
        "the kill latch is set: fire",
        "the last proof of the breakers is overdue",
        killed={"set": True, "reason": "fire"},
        proofs=proofs(PROVED, overdue=True),
    )
