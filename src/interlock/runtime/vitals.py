"""What a running engine measures for the breakers: its venue, its clock, its data, its machine.

Everything becomes HEALTH rows, and whether a number is too large is the kernel's to say. A
recording is only told when its venue is gone: how fast it is played is nothing to judge.
"""

from collections import deque
from collections.abc import Callable, Mapping
from typing import Final

from interlock.kernel.codes import Kind, Metric
from interlock.kernel.records import Rows, rows
from interlock.kernel.units import PPM
from interlock.runtime.clock import NS_PER_MS, NS_PER_S, Clock
from interlock.runtime.engine import Engine
from interlock.runtime.entries import Said
from interlock.runtime.link import Phase

GRACE_NS: Final = 5 * NS_PER_S  # a venue that is away or silent for so long is no hiccup
LOOK_NS: Final = NS_PER_S
WINDOW_NS: Final = 600 * NS_PER_S  # of the market, over which its quality is judged
WINDOW_ROWS: Final = 20  # ... or as many rows: of so many one is no trend
# A change of so much is told at once. The rest waits for the next regular measurement.
_STEPS: Final = {
    Metric.VENUE_UNAVAILABLE: 1,
    Metric.CLOCK_OFFSET_MS: 100,
    Metric.PLACEMENT_MS: 250,
    Metric.FILL_MS: 250,
    Metric.DATA_QUALITY_PPM: 1_000,
}
_SHOWN: Final = (*_STEPS, Metric.DISK_FREE_PPM, Metric.MEMORY_USED_PPM)

Measured = Mapping[Metric, int]


class Quality:
    """How much of the market's data could be used, lately.

    Args:
        bad: How many rows were bad until now.
        now_ns: On the clock that never jumps.
    """

    def __init__(self, *, bad: int, now_ns: int) -> None:
        self._seen: deque[tuple[int, int, int]] = deque([(now_ns, 0, bad)])  # when, rows, bad

    def look(self, *, count: int, bad: int, now_ns: int) -> int | None:
        """Return the good rows of the window in parts per million; None while there are few.

        Args:
            count: How many rows there were, since this began.
            bad: How many were bad, ever.
            now_ns: On the clock that never jumps.
        """
        seen = self._seen
        if count != seen[-1][1]:
            seen.append((now_ns, count, bad))
        while len(seen) > 1 and self._may_go(count, now_ns):
            seen.popleft()
        _, count_before, bad_before = seen[0]
        found = count - count_before
        if found < WINDOW_ROWS:
            return None
        return max(found - (bad - bad_before), 0) * PPM // found

    def _may_go(self, count: int, now_ns: int) -> bool:
        """Return whether enough is left, and old enough, without the oldest."""
        at_ns, count_then, _ = self._seen[1]
        return now_ns - at_ns >= WINDOW_NS and count - count_then >= WINDOW_ROWS


class Vitals:
    """Measures for one engine, and tells its kernel.

    Args:
        engine: Whose.
        clock: This machine's.
        machine: Measures this machine; what cannot be measured is not in its answer.
    """

    def __init__(self, engine: Engine, clock: Clock, *, machine: Callable[[], Measured]) -> None:
        self._engine = engine
        self._clock = clock
        self._machine = machine
        self._measured: dict[Metric, int] = {}
        self._told: dict[Metric, int] = {}
        self._was_ready = False
        self._gone_ns: int | None = None
        self._looked_ns = -LOOK_NS
        self._quality = Quality(bad=self._bad(), now_ns=clock.elapsed_ns())

    def rows(self, now_ns: int) -> list[Rows]:
        """Return HEALTH rows of everything that can be measured now.

        Args:
            now_ns: The time that events of ours get.
        """
        self._look()
        self._measured.update(self._machine())
        found = self._to_tell()
        self._have_told(found)
        return [_health_row(metric, value, now_ns) for metric, value in found.items()]

    def mind(self) -> None:
        """Tell what changed by much since it was told last; called again and again."""
        is_gone = self._see_phase()
        changed = is_gone is not None and is_gone != self._told.get(Metric.VENUE_UNAVAILABLE)
        if not changed and self._clock.elapsed_ns() - self._looked_ns < LOOK_NS:
            return
        self._look()
        now_ns = self._engine.now_ns()
        found = {}
        for metric, value in self._to_tell().items():
            step = _STEPS.get(metric)
            told = self._told.get(metric)
            if step is None or (told is not None and abs(value - told) < step):
                continue
            if self._engine.operate(_health_row(metric, value, now_ns)):
                found[metric] = value
        self._have_told(found)

    def said(self) -> Said:
        """Return what a status says: the last measurement of each, None where there is none."""
        return {metric.name.lower(): self._measured.get(metric) for metric in _SHOWN}

    # --- measuring ----------------------------------------------------------------------------

    def _look(self) -> None:
        """Measure everything but the machine."""
        now_ns = self._clock.elapsed_ns()
        self._looked_ns = now_ns
        trips = self._engine.link.trips
        offset_ns = self._offset_ns()
        quality_ppm = self._quality.look(
            count=self._engine.decider.market_rows, bad=self._bad(), now_ns=now_ns
        )
        found: dict[Metric, int | None] = {
            Metric.VENUE_UNAVAILABLE: self._see_phase(),
            Metric.CLOCK_OFFSET_MS: None if offset_ns is None else _in_ms(offset_ns),
            Metric.DATA_QUALITY_PPM: quality_ppm,
        }
        if not self._engine.link.replay:
            found[Metric.PLACEMENT_MS] = trips.placements.longest_ms(now_ns)
            found[Metric.FILL_MS] = trips.fills.longest_ms(now_ns)
        for metric, value in found.items():
            self._measured.pop(metric, None)
            if value is not None:
                self._measured[metric] = value

    def _offset_ns(self) -> int | None:
        """Return how far our clock is off: from the venue's, or behind a time that it told before.

        The time of events never falls. Behind it nothing is fresh, and somebody should hear why.
        """
        found = self._engine.link.trips.offset_ns()
        behind_ns = self._engine.decider.ts_ns - self._clock.now_ns()
        if self._engine.link.replay or behind_ns <= abs(found or 0):
            return found
        return behind_ns

    def _see_phase(self) -> int | None:
        """Return whether the venue is unavailable; None while that cannot be said yet.

        What was never there in a recording was not lost: it begins when its venue is ready.
        """
        link = self._engine.link
        if link.phase is Phase.READY:
            self._was_ready = True
            self._gone_ns = None
            is_silent = not link.replay and link.trips.silent_ns() >= GRACE_NS
            return int(is_silent)
        if link.replay and not self._was_ready:
            return None
        now_ns = self._clock.elapsed_ns()
        if self._gone_ns is None:
            self._gone_ns = now_ns
        return 1 if now_ns - self._gone_ns >= GRACE_NS else None

    def _bad(self) -> int:
        """Return how many rows of the market the kernel could not use, ever."""
        return int(self._engine.decider.state["instruments"]["garbage"].sum())

    # --- telling ------------------------------------------------------------------------------

    def _to_tell(self) -> dict[Metric, int]:
        """Return what the kernel may judge.

        The quality of a recording is known before it is played, and in a backtest nobody looks.
        """
        found = dict(self._measured)
        if self._engine.link.replay:
            found.pop(Metric.DATA_QUALITY_PPM, None)
        return found

    def _have_told(self, told: Measured) -> None:
        """Remember what was told; the worst of what comes is looked for anew."""
        self._told.update(told)
        trips = self._engine.link.trips
        if Metric.PLACEMENT_MS in told:
            trips.placements.begin_anew()
        if Metric.FILL_MS in told:
            trips.fills.begin_anew()


def _in_ms(ns: int) -> int:
    """Return whole milliseconds, away from zero: what is over a limit stays over it."""
    return -(-abs(ns) // NS_PER_MS) * (1 if ns >= 0 else -1)


def _health_row(metric: Metric, value: int, now_ns: int) -> Rows:
    """Return a HEALTH row over the account, shape (1,)."""
    row = rows(1)
    row["kind"] = Kind.HEALTH
    row["code"] = metric
    row["value"] = value
    row["ts_ns"] = now_ns
    row["src_ts_ns"] = now_ns
    return row
