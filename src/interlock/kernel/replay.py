"""Replay: recorded events through the kernel again, in one compiled loop."""

from interlock.kernel.compiled import compiled
from interlock.kernel.policy import PolicyArray
from interlock.kernel.records import OutArray, Rows
from interlock.kernel.state import StateArray
from interlock.kernel.step import handle


@compiled
def replay(policy: PolicyArray, state: StateArray, events: Rows, out: OutArray) -> int:
    """Handle every event in turn, as ``step`` would.

    Args:
        policy: Shape (1,).
        state: Shape (1,); changed in place, to what the kernel believed after the last event.
        events: Shape (n,), dtype ``ROW``, by seq.
        out: Shape (1,); holds the commands of the last event.

    Returns:
        How many commands all of them caused.
    """
    total = 0
    for index in range(events.shape[0]):
        total += handle(policy[0], state[0], events[index], out[0])
    return total
