"""Replay: recorded events through the kernel again, in one compiled loop."""

from interlock.kernel.compiled import compiled
from interlock.kernel.policy import PolicyArray
from interlock.kernel.records import OutArray, Rows
from interlock.kernel.state import StateArray
from interlock.kernel.step import handle


@compiled
def advance(policy: PolicyArray, state: StateArray, events: Rows, start: int, out: OutArray) -> int:
    """Handle events from ``start`` on, as ``step`` would, until one causes commands.

    Args:
        policy: Shape (1,).
        state: Shape (1,); changed in place, to what the kernel believed after the last event
            handled.
        events: Shape (n,), dtype ``ROW``, by seq.
        start: The first one to handle, 0 <= start <= n.
        out: Shape (1,); ``out["rows"][0, :count]`` are the commands, where ``count`` is
            ``state["account"]["sub"]``.

    Returns:
        The index of the event that caused commands, or n when none did. Garbage causes none and
        counts as handled.
    """
    assert 0 <= start <= events.shape[0]
    for index in range(start, events.shape[0]):
        if handle(policy[0], state[0], events[index], out[0]) > 0:
            return index
    return int(events.shape[0])


@compiled
def replay(policy: PolicyArray, state: StateArray, events: Rows, out: OutArray) -> int:
    """Handle every event in turn, as ``step`` would.

    Args:
        policy: Shape (1,).
        state: Shape (1,); changed in place, to what the kernel believed after the last event.
        events: Shape (n,), dtype ``ROW``, by seq.
        out: Shape (1,); holds the commands of the last event that caused any.

    Returns:
        How many commands all of them caused.
    """
    total = 0
    index = advance(policy, state, events, 0, out)
    while index < events.shape[0]:
        total += state[0]["account"]["sub"]
        index = advance(policy, state, events, index + 1, out)
    return total
