"""Sliding windows of counts that never undercount.

A window is eight buckets and the one being filled is a ninth, so a count covers the window and up
to one bucket more: in any window of the stated length there are never more than counted.
"""

from interlock.kernel.compiled import compiled
from interlock.kernel.records import Row
from interlock.kernel.state import RATE_BUCKETS


@compiled
def rate_count(rate: Row, ts_ns: int, window_ns: int) -> int:
    """Return how many were added in the last ``window_ns``, at least; changes nothing."""
    assert window_ns >= RATE_BUCKETS
    now = ts_ns // (window_ns // (RATE_BUCKETS - 1))
    newest = rate["bucket"]
    total = 0
    if now - newest >= RATE_BUCKETS:
        return total
    for back in range(RATE_BUCKETS):
        bucket = now - back
        if bucket <= newest and bucket > newest - RATE_BUCKETS and bucket >= 0:
            total += rate["counts"][bucket % RATE_BUCKETS]
    return total


@compiled
def rate_add(rate: Row, ts_ns: int, window_ns: int) -> None:
    """Count one more at ``ts_ns``; time never goes back here, the sequencer sees to that."""
    assert window_ns >= RATE_BUCKETS
    now = ts_ns // (window_ns // (RATE_BUCKETS - 1))
    newest = rate["bucket"]
    if now - newest >= RATE_BUCKETS:
        for index in range(RATE_BUCKETS):
            rate["counts"][index] = 0
    else:
        for bucket in range(newest + 1, now + 1):
            rate["counts"][bucket % RATE_BUCKETS] = 0
    if now > newest:
        rate["bucket"] = now
    rate["counts"][now % RATE_BUCKETS] += 1
