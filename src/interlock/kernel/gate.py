"""The gate: every rule, in one fixed order, over a view of the account. It changes nothing."""

from interlock.kernel.compiled import compiled
from interlock.kernel.reasons import MASK_BITS, Reason
from interlock.kernel.records import Row, Rows
from interlock.kernel.rules_account import gate_account
from interlock.kernel.rules_market import gate_market
from interlock.kernel.rules_order import gate_order
from interlock.kernel.rules_strategy import gate_strategy


@compiled
def lowest_reason(mask_lo: int, mask_hi: int) -> int:
    """Return the lowest failing reason, or ``Reason.NONE``."""
    for bit in range(MASK_BITS):
        if (mask_lo >> bit) & 1 == 1:
            return bit + 1
    for bit in range(MASK_BITS):
        if (mask_hi >> bit) & 1 == 1:
            return bit + 1 + MASK_BITS
    return Reason.NONE


@compiled
def gate(policy: Row, view: Row, ask: Row, verdicts: Rows) -> tuple[int, int]:
    """Judge one order by every rule; write each verdict; return the masks of those that failed.

    Args:
        policy: ``policy_dtype``.
        view: ``view.VIEW``: the account as numbers, the caller's or a probe's.
        ask: ``view.PROPOSAL``.
        verdicts: Shape (REASON_MAX + 1,), dtype ``records.VERDICT``, indexed by ``Reason``.

    Returns:
        (low word, high word): bit r - 1 of the low word is reason r <= 62, bit r - 63 of the high
        word is reason r >= 63. Both 0: the order may go.
    """
    mask_lo = gate_account(policy, view, ask, verdicts)
    mask_lo |= gate_strategy(policy, view, ask, verdicts)
    low, mask_hi = gate_order(policy, view, ask, verdicts)
    mask_lo |= low
    mask_hi |= gate_market(policy, view, ask, verdicts)
    return mask_lo, mask_hi
