"""What became of a signal from outside, as its journal entry says it: the answer to who asked."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Final

import numpy as np

from interlock.journal.rows import Entry, RowKind
from interlock.kernel.codes import Kind, Role
from interlock.kernel.reasons import Reason
from interlock.kernel.records import Row, Rows
from interlock.runtime.entries import Said, commands_of, events_of, said_by, verdicts_of
from interlock.runtime.ids import order_name, signal_name
from interlock.runtime.readable import Rule, Scale, rules_of

SUBMITTED: Final = "SUBMITTED"
REFUSED: Final = "REFUSED"
WAITS: Final = "WAITS_FOR_APPROVAL"
KNOWN: Final = "KNOWN"
NOTHING: Final = "NOTHING_TO_DO"

_ASKS: Final = (int(Kind.SUBMIT), int(Kind.CANCEL), int(Kind.AMEND))
_OPENS_OR_CLOSES: Final = (int(Role.ENTRY), int(Role.EXIT))


def decimal_of(value: int, digits: int) -> str:
    """Return value * 10^-digits as plain text.

    >>> decimal_of(12_345, 3), decimal_of(7, 0)
    ('12.345', '7')
    """
    return f"{Decimal(value).scaleb(-digits):f}"


def blank_answer(signal_id: str, seq: int) -> Said:
    """Return the answer of which nothing is known yet but the id."""
    return {
        "id": signal_id,
        "state": NOTHING,
        "reason": "",
        "reasons": [],
        "message": "",
        "signal": "",
        "orders": [],
        "seq": seq,
        "quantity": "",
        "verdicts": [],
    }


def answer_of(
    entry: Entry, scales: Sequence[Scale], symbols: Sequence[str], *, in_full: bool = False
) -> Said:
    """Return what an entry says became of the signal that it was made for.

    Args:
        entry: A SIGNAL event with its commands, or a note that says the answer.
        scales: How the instruments' numbers are written.
        symbols: Of the instruments.
        in_full: Whether every verdict is said; else those that failed.
    """
    said = said_by(entry)
    if entry.kind is RowKind.NOTE:
        found: Said = {**said["answer"], "seq": entry.seq}
        return found
    (event,) = events_of(entry)
    commands = commands_of(entry)
    number = int(event["instrument"])
    answer = blank_answer(str(said.get("id", "")), entry.seq)
    answer["signal"] = signal_name(entry.seq)
    entries = commands[(commands["role"] == Role.ENTRY) & (commands["strategy"] >= 0)]
    for row in entries[::-1]:
        if row["kind"] in {Kind.SUBMIT, Kind.REFUSED}:
            rules: tuple[Rule, ...] = ()
            if in_full or row["kind"] == Kind.REFUSED:
                table = verdicts_of(entry)
                assert table is not None
                rules = rules_of(table, scales[number], failed_only=not in_full)
            return _judged(answer, rules, row, scales[number], symbols[number])
    _closing(answer, commands, event, symbols[number])
    return answer


def _judged(answer: Said, rules: Sequence[Rule], row: Row, scale: Scale, symbol: str) -> Said:
    """Put the kernel's word on an entry into the answer."""
    side = "Buy" if row["side"] > 0 else "Sell"
    answer["quantity"] = decimal_of(int(row["qty"]), scale.qty_digits)
    answer["verdicts"] = [verdict_said(rule) for rule in rules]
    if row["kind"] == Kind.SUBMIT:
        name = order_name(int(row["order_id"]))
        answer["state"] = SUBMITTED
        answer["orders"] = [name]
        answer["message"] = f"{side} {answer['quantity']} {symbol}: order {name}."
        return answer
    failed = [rule for rule in rules if not rule.passed]
    answer["state"] = REFUSED
    answer["reason"] = Reason(int(row["code"])).name
    answer["reasons"] = [rule.reason for rule in failed]
    answer["message"] = f"{side} {symbol} was refused: {why_not(failed) or answer['reason']}."
    return answer


def _closing(answer: Said, commands: Rows, event: Row, symbol: str) -> None:
    """Put into the answer what a signal did that opens nothing."""
    asked = commands[
        (commands["instrument"] == event["instrument"]) & np.isin(commands["kind"], _ASKS)
    ]
    if len(asked) == 0:
        answer["message"] = f"There is nothing of this strategy in {symbol} to close, or it closes."
        return
    answer["state"] = SUBMITTED
    answer["orders"] = [
        order_name(int(row["order_id"]))
        for row in asked
        if row["kind"] == Kind.SUBMIT and int(row["role"]) in _OPENS_OR_CLOSES
    ]
    answer["message"] = f"The position in {symbol} is being closed."


def verdict_said(rule: Rule) -> Said:
    """Return a rule's verdict as JSON."""
    return {
        "rule": rule.reason,
        "value": rule.value_text,
        "limit": rule.limit_text,
        "failed": not rule.passed,
        "assumed": rule.assumed,
    }


def why_not(failed: Sequence[Rule]) -> str:
    """Return what failed in words: the first rule, and how many more."""
    if not failed:
        return ""
    first = failed[0]
    more = f", and {len(failed) - 1} more" if len(failed) > 1 else ""
    return f"{first.reason}: {first.value_text}, limit {first.limit_text}{more}"
