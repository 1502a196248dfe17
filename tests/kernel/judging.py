"""The gate as a table: ``path=value ... | reasons that fail | value and limit of the rule``."""

import re
from typing import Any, Final

import numpy as np

from interlock.kernel.gate import gate, lowest_reason
from interlock.kernel.policy import PolicyArray
from interlock.kernel.reasons import MASK_BITS, REASON_MAX, Reason
from interlock.kernel.records import VERDICT
from interlock.kernel.view import PROPOSAL, VIEW
from tests.kernel.helpers import change, number, open_policy

# An account of a million, untouched, and an entry of a tenth of it that every rule lets pass.
_VIEW: Final = {
    "ts_ns": 1,
    "policy_seq": 1,
    "free_orders": 256,
    "equity_units": 1_000_000,
    "day_start_units": 1_000_000,
    "peak_units": 1_000_000,
    "cash_free_units": 1_000_000,
    "margin_free_units": 1_000_000,
    "owner": -1,
    "opens_position": 1,
    "mark": 10_000,
    "book_sound": 1,
    "session_open": 1,
}
_ASK: Final = {
    "side": 1,
    "order_kind": 1,
    "role": 1,
    "qty": 10,
    "price": 10_000,
    "stop_distance": 200,
    "leverage_ppm": 1_000_000,
    "notional_units": 100_000,
    "cash_needed_units": 100_000,
    "risk_units": 2_000,
}
# What an order may not do even on the way out.
HOLD_FOR_ALL: Final = {
    Reason.QTY_NOT_POSITIVE,
    Reason.QTY_OFF_LOT,
    Reason.PRICE_NOT_POSITIVE,
    Reason.PRICE_OFF_TICK,
    Reason.NUMBERS_OUT_OF_RANGE,
    Reason.REDUCE_ONLY_WITHOUT_POSITION,
    Reason.REDUCE_ONLY_FLIPS,
    Reason.CHILDREN_EXCEED_PARENT,
}


def _records(settings: str) -> tuple[PolicyArray, Any, Any]:
    """Return policy, view and proposal of the untouched account, changed by ``settings``."""
    view: Any = np.zeros(1, dtype=VIEW)
    ask: Any = np.zeros(1, dtype=PROPOSAL)
    records = {"view": view, "ask": ask}
    for record, values in ((view, _VIEW), (ask, _ASK)):
        for name, initial in values.items():
            record[name] = initial
    for_policy = []
    for setting in settings.split():
        path, _, value = setting.partition("=")
        head, _, name = path.partition(".")
        if head in records:
            records[head][name] = number(value)
        else:
            for_policy.append(setting)
    policy = open_policy()
    change(policy, " ".join(for_policy))
    return policy, view, ask


def judged(settings: str) -> tuple[set[Reason], int, Any]:
    """Return the reasons that fail, the lowest of them, and the verdicts."""
    policy, view, ask = _records(settings)
    before = [x.tobytes() for x in (policy, view, ask)]
    verdicts: Any = np.zeros(REASON_MAX + 1, dtype=VERDICT)
    low, high = gate(policy[0], view[0], ask[0], verdicts)
    assert before == [x.tobytes() for x in (policy, view, ask)], "the gate changed what it judged"
    failed = {x for x in Reason if x > 0 and verdicts[x]["failed"] == 1}
    words = [0, 0]
    for reason in failed:
        words[(reason - 1) // MASK_BITS] |= 1 << ((reason - 1) % MASK_BITS)
    assert [low, high] == words, "the masks say what the verdicts say"
    return failed, lowest_reason(low, high), verdicts


def check(rule: Reason, table: str, limit: str = "") -> None:
    """Judge each line; a line that fails ``rule`` must pass it when the order only reduces.

    Args:
        rule: The rule whose value and limit the last column shows.
        table: One case a line.
        limit: The path that ``limit=`` stands for in the table.
    """
    for line in table.strip().splitlines():
        settings, names, measured = (x.strip() for x in line.split("|"))
        settings = re.sub(r"\blimit=", f"{limit}=", settings)
        expected = {Reason[x] for x in names.split() if x != "NONE"}
        failed, lowest, verdicts = judged(settings)
        assert failed == expected, line
        assert lowest == min(expected, default=Reason.NONE), line
        found = verdicts[rule]
        value, bound, *assumed = measured.split()
        assert (found["value"], found["limit"]) == (number(value), number(bound)), line
        assert found["assumed"] == (1 if assumed == ["ASSUMED"] else 0), line
        if rule in expected and "ask.reducing" not in settings:
            still, _, _ = judged(settings + " ask.reducing=1")
            assert (rule in still) == (rule in HOLD_FOR_ALL), line
