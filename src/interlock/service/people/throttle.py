"""How often somebody may try: each failure makes the next try wait longer, and none for ever.

Whoever knows no secret can only make themselves wait: what is counted is where they come from, or
the browser that they signed in from before. One thing is counted for an account as a whole: wrong
codes after the right password, for then the password is known and only a million codes are left.
"""

import ipaddress
import threading
from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from typing import Final

from interlock.runtime.clock import NS_PER_S, Clock

FORGOTTEN_S: Final = 3_600  # after so long without a failure
_NETWORK_BITS: Final = 64  # of an IPv6 address: what one customer has at least
_HELD_MAX: Final = 10_000  # of each kind; beyond that the one that was quiet for longest goes


class Kind(Enum):
    """What failures are counted of: how many are free, and how long the longest wait is, in s."""

    SOURCE = (20, 60)  # an address, whatever account it tries: many people may share it
    PAIR = (3, 900)  # an address and an account
    DEVICE = (5, 300)  # a browser that has signed in to this account before
    ACCOUNT = (5, 900)  # wrong codes after the right password, from browsers that never signed in

    @property
    def free(self) -> int:
        """How many failures cost nothing."""
        return self.value[0]

    @property
    def longest_s(self) -> int:
        """The longest wait."""
        return self.value[1]


@dataclass(frozen=True, slots=True)
class Key:
    """One thing that failures are counted of."""

    kind: Kind
    name: str


@dataclass(slots=True)
class _Count:
    failures: int = 0
    last_ns: int = 0
    until_ns: int = 0


class Throttle:
    """Counts, in memory: a restart forgives. May be used by many threads.

    Args:
        clock: Its ``elapsed_ns`` is what waits are counted in.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._counts: dict[Kind, OrderedDict[str, _Count]] = {kind: OrderedDict() for kind in Kind}

    def attempt(self, keys: Iterable[Key]) -> int:
        """Return 0 when somebody may try now, else how many s they have to wait.

        A try counts as failed until ``passed`` says otherwise, so that many at once are no way
        around it. One that is made to wait is not counted.
        """
        with self._lock:
            now_ns = self._clock.elapsed_ns()
            counts = [self._count(key, now_ns) for key in keys]
            wait_ns = max((one.until_ns - now_ns for one, _ in counts), default=0)
            if wait_ns > 0:
                return -(-wait_ns // NS_PER_S)
            for one, kind in counts:
                one.failures += 1
                one.last_ns = now_ns
                one.until_ns = now_ns + _delay_s(one.failures, kind) * NS_PER_S
            return 0

    def passed(self, keys: Iterable[Key]) -> None:
        """Take back what ``attempt`` counted: it was right.

        An address keeps its other failures: who has one account may still be guessing another's.
        """
        with self._lock:
            for key in keys:
                counts = self._counts[key.kind]
                one = counts.get(key.name)
                if one is not None and key.kind is Kind.SOURCE and one.failures > 1:
                    one.failures -= 1
                    one.until_ns = min(one.until_ns, self._clock.elapsed_ns())
                else:
                    counts.pop(key.name, None)

    def _count(self, key: Key, now_ns: int) -> tuple[_Count, Kind]:
        counts = self._counts[key.kind]
        one = counts.get(key.name)
        if one is None or now_ns - one.last_ns > FORGOTTEN_S * NS_PER_S:
            one = counts[key.name] = _Count()
        counts.move_to_end(key.name)
        while len(counts) > _HELD_MAX:
            counts.popitem(last=False)
        return one, key.kind


def source_name(address: str) -> str:
    """Return what failures from an address are counted under: of IPv6, everybody's whole network.

    >>> source_name("203.0.113.7"), source_name("::ffff:203.0.113.7"), source_name("unknown")
    ('203.0.113.7', '203.0.113.7', 'unknown')
    >>> source_name("2001:db8:1:2:3:4:5:6")
    '2001:db8:1:2::/64'
    """
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return address
    if isinstance(found, ipaddress.IPv4Address):
        return str(found)
    if found.ipv4_mapped is not None:
        return str(found.ipv4_mapped)
    return str(ipaddress.IPv6Network((found, _NETWORK_BITS), strict=False))


def _delay_s(failures: int, kind: Kind) -> int:
    """Return how long the next try waits: 1 s, 2 s, 4 s and so on after the free ones."""
    over = failures - kind.free
    if over < 0:
        return 0
    return min(kind.longest_s, 1 << min(over, kind.longest_s.bit_length()))
