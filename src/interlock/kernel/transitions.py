"""The life of an order as data: what may follow which state. The diagram is drawn from it."""

from typing import Final

import numpy as np

from interlock.kernel.codes import Kind, OrderState
from interlock.kernel.compiled import compiled

ILLEGAL: Final = -1

# FILL leads to PARTIAL here; the kernel makes it FILLED when nothing is left.
LEGAL: Final[dict[tuple[OrderState, Kind], OrderState]] = {
    (OrderState.PROPOSED, Kind.SUBMIT): OrderState.INTENT,
    (OrderState.PROPOSED, Kind.REFUSED): OrderState.REJECTED,
    (OrderState.INTENT, Kind.ACCEPTED): OrderState.WORKING,
    (OrderState.INTENT, Kind.REJECTED): OrderState.REJECTED,
    (OrderState.INTENT, Kind.FILL): OrderState.PARTIAL,  # the fill overtook its acknowledgement
    (OrderState.INTENT, Kind.CANCELLED): OrderState.CANCELLED,
    (OrderState.INTENT, Kind.EXPIRED): OrderState.EXPIRED,
    (OrderState.INTENT, Kind.OUTCOME_UNKNOWN): OrderState.UNKNOWN,
    (OrderState.INTENT, Kind.CANCEL): OrderState.PENDING_CANCEL,
    (OrderState.INTENT, Kind.AMENDED): OrderState.WORKING,
    (OrderState.INTENT, Kind.AMEND_REJECTED): OrderState.INTENT,  # else the wish were lost
    (OrderState.WORKING, Kind.FILL): OrderState.PARTIAL,
    (OrderState.WORKING, Kind.CANCELLED): OrderState.CANCELLED,
    (OrderState.WORKING, Kind.EXPIRED): OrderState.EXPIRED,
    (OrderState.WORKING, Kind.REJECTED): OrderState.REJECTED,  # some venues refuse at the trigger
    (OrderState.WORKING, Kind.CANCEL): OrderState.PENDING_CANCEL,
    (OrderState.WORKING, Kind.AMENDED): OrderState.WORKING,
    (OrderState.WORKING, Kind.AMEND_REJECTED): OrderState.WORKING,
    (OrderState.WORKING, Kind.OUTCOME_UNKNOWN): OrderState.UNKNOWN,  # the venue names it no more
    (OrderState.PARTIAL, Kind.FILL): OrderState.PARTIAL,
    (OrderState.PARTIAL, Kind.ACCEPTED): OrderState.PARTIAL,  # the late acknowledgement
    (OrderState.PARTIAL, Kind.CANCELLED): OrderState.CANCELLED,
    (OrderState.PARTIAL, Kind.EXPIRED): OrderState.EXPIRED,
    (OrderState.PARTIAL, Kind.CANCEL): OrderState.PENDING_CANCEL,
    (OrderState.PARTIAL, Kind.AMENDED): OrderState.PARTIAL,
    (OrderState.PARTIAL, Kind.AMEND_REJECTED): OrderState.PARTIAL,
    (OrderState.PARTIAL, Kind.OUTCOME_UNKNOWN): OrderState.UNKNOWN,
    (OrderState.UNKNOWN, Kind.ACCEPTED): OrderState.WORKING,  # the venue has it after all
    (OrderState.UNKNOWN, Kind.FILL): OrderState.PARTIAL,
    (OrderState.UNKNOWN, Kind.CANCELLED): OrderState.CANCELLED,
    (OrderState.UNKNOWN, Kind.EXPIRED): OrderState.EXPIRED,
    (OrderState.UNKNOWN, Kind.REJECTED): OrderState.REJECTED,
    (OrderState.UNKNOWN, Kind.ABSENT): OrderState.ABANDONED,
    (OrderState.UNKNOWN, Kind.CANCEL): OrderState.UNKNOWN,  # asked for, but it stays unknown
    (OrderState.UNKNOWN, Kind.CANCEL_REJECTED): OrderState.UNKNOWN,
    (OrderState.UNKNOWN, Kind.AMENDED): OrderState.WORKING,  # only what is there is amended
    (OrderState.UNKNOWN, Kind.AMEND_REJECTED): OrderState.UNKNOWN,
    (OrderState.PENDING_CANCEL, Kind.ACCEPTED): OrderState.PENDING_CANCEL,
    (OrderState.PENDING_CANCEL, Kind.FILL): OrderState.PENDING_CANCEL,
    (OrderState.PENDING_CANCEL, Kind.CANCELLED): OrderState.CANCELLED,
    (OrderState.PENDING_CANCEL, Kind.EXPIRED): OrderState.EXPIRED,
    (OrderState.PENDING_CANCEL, Kind.REJECTED): OrderState.REJECTED,
    (OrderState.PENDING_CANCEL, Kind.AMENDED): OrderState.PENDING_CANCEL,
    (OrderState.PENDING_CANCEL, Kind.AMEND_REJECTED): OrderState.PENDING_CANCEL,
    (OrderState.PENDING_CANCEL, Kind.CANCEL_REJECTED): OrderState.WORKING,  # still open: ask again
    (OrderState.PENDING_CANCEL, Kind.CANCEL): OrderState.PENDING_CANCEL,
    (OrderState.PENDING_CANCEL, Kind.OUTCOME_UNKNOWN): OrderState.UNKNOWN,
}

TERMINAL: Final = (
    OrderState.FILLED,
    OrderState.CANCELLED,
    OrderState.REJECTED,
    OrderState.EXPIRED,
    OrderState.ABANDONED,
)


def _table() -> "np.ndarray[tuple[int, int], np.dtype[np.int64]]":
    table = np.full((max(OrderState) + 1, max(Kind) + 1), ILLEGAL, dtype=np.int64)
    for (state, kind), after in LEGAL.items():
        table[state, kind] = after
    return table


TABLE: Final = _table()  # shape (states, kinds); numba freezes it as a constant


@compiled
def next_state(order_state: int, kind: int) -> int:
    """Return the state after a report or command, or ``ILLEGAL``."""
    assert 0 <= order_state < TABLE.shape[0]
    assert 0 <= kind < TABLE.shape[1]
    return int(TABLE[order_state, kind])


@compiled
def is_terminal(order_state: int) -> bool:
    """Return whether nothing can follow ``order_state``."""
    return bool(order_state >= OrderState.FILLED)
