"""How fast somebody may ask: buckets that fill with time, in a bounded memory."""

import ipaddress
from collections import OrderedDict
from functools import lru_cache
from typing import Final

from interlock.runtime.clock import NS_PER_S, Clock

SOURCES_MAX: Final = 4_096
PROVEN_MAX: Final = 1_024
_V6_NETWORK: Final = 64  # bits that one sender has at least


class Buckets:
    """One bucket for each source, one for all who proved who they are, and one for all others.

    So strangers, from however many addresses, take nothing from those who were let in before.

    Args:
        source_per_second: Requests of one source; a burst may be twice that.
        per_second: Requests of all.
        clock: Fills them.
    """

    def __init__(self, *, source_per_second: int, per_second: int, clock: Clock) -> None:
        self._each = _Rate(source_per_second)
        self._all = _Rate(per_second)
        self._clock = clock
        self._sources: OrderedDict[str, _Bucket] = OrderedDict()
        self._proven: OrderedDict[str, None] = OrderedDict()
        now_ns = clock.elapsed_ns()
        self._whole = {is_proven: _Bucket(self._all, now_ns) for is_proven in (False, True)}

    def wait_s(self, address: str) -> int:
        """Take one request; return 0, or in how many seconds to ask again.

        What a source asks too often does not count for the others.
        """
        now_ns = self._clock.elapsed_ns()
        source = source_of(address)
        bucket = self._sources.get(source)
        if bucket is None:
            bucket = self._sources[source] = _Bucket(self._each, now_ns)
            # The one that was quiet for longest is full again, or nearly so.
            if len(self._sources) > SOURCES_MAX:
                self._sources.popitem(last=False)
        self._sources.move_to_end(source)
        whole = self._whole[source in self._proven]
        wait_ns = bucket.wait_ns(now_ns) or whole.wait_ns(now_ns)
        if wait_ns:
            return -(-wait_ns // NS_PER_S)
        bucket.take()
        whole.take()
        return 0

    def prove(self, address: str) -> None:
        """Remember that somebody at an address has proved who they are."""
        source = source_of(address)
        self._proven[source] = None
        self._proven.move_to_end(source)
        if len(self._proven) > PROVEN_MAX:
            self._proven.popitem(last=False)


@lru_cache(maxsize=SOURCES_MAX)
def source_of(address: str) -> str:
    """Return what counts as one source: an address, or a network of version 6.

    >>> source_of("10.0.0.1"), source_of("2001:db8:1:2:3::4"), source_of("unknown")
    ('10.0.0.1', '2001:db8:1:2::/64', 'unknown')
    """
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return address
    if isinstance(found, ipaddress.IPv4Address):
        return str(found)
    if found.ipv4_mapped is not None:
        return str(found.ipv4_mapped)
    return str(ipaddress.ip_network((found, _V6_NETWORK), strict=False))


class _Rate:
    """How fast a bucket fills, and how much it holds, in whole numbers."""

    def __init__(self, per_second: int) -> None:
        self.cost_ns = NS_PER_S // per_second
        self.most_ns = 2 * NS_PER_S


class _Bucket:
    """What one source may still ask, counted in the time that it takes to fill."""

    __slots__ = ("_at_ns", "_rate", "_room_ns")

    def __init__(self, rate: _Rate, now_ns: int) -> None:
        self._rate = rate
        self._room_ns = rate.most_ns
        self._at_ns = now_ns

    def wait_ns(self, now_ns: int) -> int:
        """Return how long until one more fits; 0 when it does now."""
        self._room_ns = min(self._rate.most_ns, self._room_ns + now_ns - self._at_ns)
        self._at_ns = now_ns
        return max(0, self._rate.cost_ns - self._room_ns)

    def take(self) -> None:
        """Take one."""
        self._room_ns -= self._rate.cost_ns
