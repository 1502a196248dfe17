"""The venue of a home, looked at and stopped over a connection of our own."""

import os
import time
from collections.abc import Callable, Mapping
from typing import Final

from interlock.app.kill_reports import Found
from interlock.config.home import Home
from interlock.ops.kill import Asked, Seen, look_at_venue, stop_at_venue
from interlock.runtime.clock import NS_PER_S, Clock
from interlock.venues.port import WARDEN_PREFIX
from interlock.venues.purpose import Purpose
from interlock.venues.simulated.warden_wire import SimulatedWardenCodec
from interlock.venues.stopper import Killed, Timing

VENUE: Final = "simulated"
LOOK_S: Final = 2.0
CLEAR_S: Final = 5.0  # an engine that answered has so long to clear the venue by itself
AT_REST_S: Final = 2.0  # a venue that does not run, and whose engine does not, is waited for
_PAUSE_S: Final = 0.2
_TWICE: Final = 2  # looks in a row that have to find nothing


class VenueHere:
    """The simulated venue of a home, over a connection of our own."""

    def __init__(self, home: Home, clock: Clock, tell: Callable[[str], None]) -> None:
        self._home = home
        self._clock = clock
        self._tell = tell

    def flatten(self, timeout_s: float, *, engine_does: bool, engine_runs: bool) -> Found:
        """See that nothing is left, and make it so where the engine does not.

        Args:
            timeout_s: How long it may take.
            engine_does: Whether an engine is at it.
            engine_runs: Whether there is any.
        """
        until_ns = self._clock.elapsed_ns() + int(timeout_s * NS_PER_S)
        if engine_does:
            found = self._wait_for_engine(min(CLEAR_S, timeout_s))
            if found is not None:
                return found
            self._tell(f"venue {VENUE}: not clear yet, so it is stopped from here")
        left_s = (until_ns - self._clock.elapsed_ns()) / NS_PER_S
        if not engine_runs and not self._runs():
            if not os.path.lexists(self._home.venue_book):
                return Found(is_clear=True, road="nothing was ever ordered there")
            left_s = min(left_s, AT_REST_S)
        return self._stop(Purpose.FLATTEN, max(left_s, _PAUSE_S))

    def protect(self, timeout_s: float) -> Found:
        """See that nothing can open and every position has a stop: no engine does it.

        A venue that does not run trades nothing, and the engine's next start comes before it.
        """
        if not self._runs():
            return Found(is_clear=True, road="nothing is opened any more")
        return self._stop(Purpose.PROTECT, timeout_s)

    def left_behind(self) -> int:
        """Return how many orders of a watchdog or a kill rest there."""
        return sum(name.startswith(WARDEN_PREFIX) for name in self.look().orders)

    def withdraw(self, timeout_s: float) -> Found:
        """Cancel what a watchdog or a kill left resting there, and nothing else."""
        return self._stop(Purpose.WITHDRAW, timeout_s)

    def look(self, timeout_s: float = LOOK_S, *, road: str = "") -> Found:
        """Return what it shows; ``road`` is how that came about."""
        seen = look_at_venue(
            self._home.venue_socket, SimulatedWardenCodec(), self._clock, timeout_s=timeout_s
        )
        if not isinstance(seen, Seen):
            return Found(is_clear=False, why=seen.why)
        orders = tuple(one.client_id for one in seen.orders)
        is_clear = not orders and not seen.positions
        return Found(
            is_clear=is_clear,
            why="" if is_clear else _left(orders, seen.positions),
            orders=orders,
            positions=seen.positions,
            road=road,
        )

    def _runs(self) -> bool:
        """Return whether anything listens there."""
        return not self.look().why.startswith("the venue could not be reached")

    def _wait_for_engine(self, timeout_s: float) -> Found | None:
        """Return what it shows once nothing is left, twice in a row; None when time is over."""
        until_ns = self._clock.elapsed_ns() + int(timeout_s * NS_PER_S)
        in_a_row = 0
        while (left_s := (until_ns - self._clock.elapsed_ns()) / NS_PER_S) > 0:
            found = self.look(min(left_s, LOOK_S))
            in_a_row = in_a_row + 1 if found.is_clear else 0
            if in_a_row == _TWICE:
                return Found(is_clear=True, road="cleared by the engine")
            time.sleep(min(_PAUSE_S, left_s))
        return None

    def _stop(self, purpose: Purpose, timeout_s: float) -> Found:
        asked = Asked(
            purpose=purpose,
            name=f"{self._clock.now_ns():X}P{os.getpid():X}",
            timing=Timing(deadline_ns=int(timeout_s * NS_PER_S)),
        )
        verdict = stop_at_venue(
            self._home.venue_socket,
            SimulatedWardenCodec(),
            asked,
            self._clock,
            lambda text: self._tell(f"venue {VENUE}: {text}"),
        )
        if isinstance(verdict, Killed):
            done = f"{verdict.cancelled} cancels and {verdict.closed} closing orders from here"
            return Found(is_clear=True, road=done)
        return Found(
            is_clear=False,
            why=self._why(verdict.why),
            orders=verdict.orders,
            positions=dict(verdict.positions),
        )

    def _why(self, why: str) -> str:
        """Say of a venue that does not run what rests in its book."""
        if os.path.lexists(self._home.venue_book) and "could not be reached" in why:
            return f"{why}; what its book holds at rest is not known to be nothing"
        return why


def _left(orders: tuple[str, ...], positions: Mapping[str, int]) -> str:
    """Return what is left at a venue, for people."""
    held = ", ".join(f"{symbol} {lots:+,}" for symbol, lots in positions.items())
    return f"{len(orders)} orders are open, and it holds {held or 'nothing'}"
