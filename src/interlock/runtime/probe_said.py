"""What a probe found, in words: which rule is about what, and why an order would be refused.

Rules about risk decide whether an order is allowed. Rules about the market, and about what a
signal brings with it, decide only whether it would be sent this instant.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from interlock.kernel.codes import Cause, Scope
from interlock.kernel.reasons import Reason
from interlock.runtime.entries import Said
from interlock.runtime.readable import Rule

OF_THE_MARKET: Final = frozenset(
    {
        *(Reason.PRICE_COLLAR, Reason.MARK_MISSING, Reason.DATA_STALE, Reason.DATA_QUARANTINED),
        *(Reason.SPREAD_TOO_WIDE, Reason.BOOK_NOT_SOUND, Reason.SESSION_CLOSED, Reason.BLACKOUT),
        Reason.VENUE_HALTED,
    }
)
# What a signal brings, or the bars before it: nobody can say it of an order by its numbers alone.
OF_THE_SIGNAL: Final = frozenset({Reason.EDGE_UNKNOWN, Reason.EDGE_TOO_SMALL, Reason.STOP_MISSING})
LATCHED: Final = {
    Reason.ACCOUNT_LATCHED: Scope.ACCOUNT,
    Reason.STRATEGY_LATCHED: Scope.STRATEGY,
    Reason.INSTRUMENT_LATCHED: Scope.INSTRUMENT,
}
# Latches that measure the market, the venue or this machine. At PAUSED they say "not now".
NOT_NOW: Final = frozenset(
    {
        *(Cause.SPREAD, Cause.ATR_SPIKE, Cause.PRICE_MOVE, Cause.FEED_LAG, Cause.CLOCK_OFFSET),
        *(Cause.INFERENCE_LATENCY, Cause.PLACEMENT_LATENCY, Cause.FILL_LATENCY, Cause.DISK),
        *(Cause.MEMORY, Cause.REJECT_RATE, Cause.VENUE_UNAVAILABLE, Cause.DATA_QUALITY),
        *(Cause.BAD_DATA, Cause.VENUE_HALT, Cause.RECONCILIATION),
    }
)


def kind_of(rule: Rule) -> str:
    """Return what a rule is about: ``risk``, ``market`` or ``signal``."""
    reason = Reason(rule.number)
    if reason in OF_THE_MARKET:
        return "market"
    return "signal" if reason in OF_THE_SIGNAL else "risk"


def is_about_risk(rule: Rule, denied: set[Reason]) -> bool:
    """Return whether a failed rule is about risk: a latch is when its cause is."""
    reason = Reason(rule.number)
    return reason not in LATCHED or reason in denied


def rule_said(rule: Rule) -> Said:
    """Return a rule's verdict as JSON."""
    return {
        "rule": rule.reason,
        "number": rule.number,
        "kind": kind_of(rule),
        "level": rule.level,
        "value": rule.value_text,
        "limit": rule.limit_text,
        "relation": rule.relation,
        "verdict": "PASS" if rule.passed else "FAIL",
        "assumed": rule.assumed,
        "text": clause(rule),
    }


def clause(rule: Rule) -> str:
    """Return a rule's value and limit, as a part of a sentence."""
    assumed = " (ASSUMED)" if rule.assumed else ""
    return f"{rule.reason}, value {rule.value_text}{assumed}, limit {rule.limit_text}"


def with_causes(rule: Rule, causes: Sequence[str]) -> Rule:
    """Return the verdict on a latch with what set it."""
    if Reason(rule.number) not in LATCHED or rule.passed or not causes:
        return rule
    return replace(rule, value_text=f"{rule.value_text} by {', '.join(causes)}")


def sentence(rules: Sequence[Rule]) -> str:
    """Return why the rules refuse, the lowest first; nothing when none does."""
    return f"Refused by {'; '.join(clause(one) for one in rules)}." if rules else ""


def not_now(failed: Sequence[Rule], *, there: bool) -> str:
    """Return why it would not be sent this instant; nothing when it would."""
    said = [] if there else ["the venue is not available"]
    said += [clause(one) for one in failed]
    return "; ".join(said)
