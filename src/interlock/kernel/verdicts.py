"""How a rule records what it measured: value, limit, and whether it failed."""

from interlock.kernel.compiled import compiled
from interlock.kernel.records import Row


@compiled
def record(verdict: Row, value: int, limit: int, failed: bool) -> bool:
    """Write down a rule's verdict and return whether it failed."""
    verdict["value"] = value
    verdict["limit"] = limit
    verdict["failed"] = 1 if failed else 0
    verdict["assumed"] = 0
    return failed


@compiled
def cap(verdict: Row, value: int, limit: int, reducing: int) -> bool:
    """Fail above ``limit``, or when it was never set; an order that only reduces passes."""
    failed = (value > limit or limit <= 0) and reducing == 0
    return record(verdict=verdict, value=value, limit=limit, failed=failed)


@compiled
def floor(verdict: Row, value: int, limit: int, reducing: int) -> bool:
    """Fail below ``limit``; an order that only reduces passes."""
    return record(verdict=verdict, value=value, limit=limit, failed=value < limit and reducing == 0)


@compiled
def forbid(verdict: Row, value: int, reducing: int) -> bool:
    """Fail while ``value`` is not zero; an order that only reduces passes."""
    return record(verdict=verdict, value=value, limit=0, failed=value != 0 and reducing == 0)
