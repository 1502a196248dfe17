"""When things last went on: the market, the strategies, the journal, whoever watches.

What it measures is for people and for health checks alone; no decision depends on it. A recording
lives in a time of its own: how old its numbers are is told in that time, and everything else in
real time. Between two of its bars nothing can be late: it tells them when it likes.
"""

from collections.abc import Callable, Sequence
from typing import Final

from interlock.kernel.policy import PolicyArray
from interlock.kernel.state import StateArray
from interlock.runtime.clock import NS_PER_MS, NS_PER_S, Clock
from interlock.runtime.engine import Engine
from interlock.runtime.entries import Said
from interlock.runtime.turns import Scale

STUCK_NS: Final = 5 * NS_PER_S  # a record that waits so long for the disk is not being written
WATCHED_S: Final = 10.0  # a watchdog asks every second; so long without it, and it is not there


class Pulse:
    """Looks again and again, and remembers when something was last different.

    Args:
        engine: Whose.
        clock: This machine's.
        watched: What ``Stopping.said`` says of the watchdog.
        scales: Of the instruments, by their numbers.
    """

    def __init__(
        self, engine: Engine, clock: Clock, watched: Callable[[], Said], scales: list[Scale]
    ) -> None:
        self._engine = engine
        self._clock = clock
        self._watched = watched
        self._scales = scales
        self._rows = engine.decider.market_rows
        self._bars = self._bars_seen()
        self._durable = engine.progress.durable_seq
        now_ns = clock.elapsed_ns()
        self._begun_ns = now_ns
        self._rows_ns: int | None = None
        self._cycle_ns: int | None = None
        self._behind_ns: int | None = None  # since when something waits for the disk
        self._open = [False] * len(scales)
        self._opened_ns = [0] * len(scales)  # when a session was seen to begin
        self._look_at_sessions()

    def mind(self) -> None:
        """Look; called again and again."""
        now_ns = self._clock.elapsed_ns()
        rows, bars = self._engine.decider.market_rows, self._bars_seen()
        if rows != self._rows:
            self._rows, self._rows_ns = rows, now_ns
        if bars != self._bars:
            self._bars, self._cycle_ns = bars, now_ns
        durable = self._engine.progress.durable_seq
        if durable >= self._engine.decider.seq:
            self._behind_ns = None
        elif self._behind_ns is None or durable != self._durable:
            self._behind_ns = now_ns
        self._durable = durable
        self._look_at_sessions()

    def _look_at_sessions(self) -> None:
        table = self._engine.decider.state["instruments"][0]
        for number, was_open in enumerate(self._open):
            is_open = bool(table[number]["session_open"] == 1)
            if is_open and not was_open:
                self._opened_ns[number] = self._engine.now_ns()
            self._open[number] = is_open

    def said(self) -> Said:
        """Return what a status says."""
        engine = self._engine
        trip_ns = engine.link.trips.looked_age_ns()
        stuck_ns = self._stuck_ns()
        return {
            "market": market_of(
                engine.decider.policy,
                engine.decider.state,
                self._scales,
                engine.now_ns(),
                opened_ns=None if engine.link.replay else self._opened_ns,
            ),
            "market_clock": "recording" if engine.link.replay else "wall",
            "feed_age_s": self._age_s(self._rows_ns),
            "cycle_age_s": self._age_s(self._cycle_ns),
            "running_s": round((self._clock.elapsed_ns() - self._begun_ns) / NS_PER_S, 1),
            "venue_round_trip_age_ms": None if trip_ns is None else trip_ns // NS_PER_MS,
            "journal_writable": stuck_ns < STUCK_NS,
            "journal_stuck_ms": stuck_ns // NS_PER_MS,
            "watchdog": watchdog_said(self._watched()),
        }

    def _bars_seen(self) -> int:
        return int(self._engine.decider.state["account"]["bars"][0])

    def _stuck_ns(self) -> int:
        return 0 if self._behind_ns is None else self._clock.elapsed_ns() - self._behind_ns

    def _age_s(self, at_ns: int | None) -> float | None:
        if at_ns is None:
            return None
        return round((self._clock.elapsed_ns() - at_ns) / NS_PER_S, 1)


def watchdog_said(killed: Said) -> Said:
    """Return whether somebody watches, from what is said of a kill."""
    watchdog = killed["watchdog"]
    age_s = watchdog["seen_s"]
    return {
        "wanted": bool(watchdog["wanted"]),
        "alive": age_s is not None and age_s <= WATCHED_S,
        "age_s": age_s,
    }


def market_of(
    policy: PolicyArray,
    state: StateArray,
    scales: Sequence[Scale],
    now_ns: int,
    *,
    opened_ns: Sequence[int] | None,
) -> list[Said]:
    """Return how old each symbol's numbers are, and whether they are as fresh as they can be.

    A number is waited for while its market is open, and from its opening on. ``idle`` is a market
    that has no session now: nobody expects a number from it.

    Args:
        policy: Shape (1,); says how old a number may be.
        state: Shape (1,).
        scales: Of the instruments, by their numbers.
        now_ns: The time that an event of ours would get now.
        opened_ns: When each instrument's session began; None for a recording.
    """
    found = []
    for number, scale in enumerate(scales):
        inst = state["instruments"][0, number]
        spec = policy["instruments"][0, number]
        always = int(spec["always_open"]) == 1
        most_ns, good_ns = int(spec["limits"]["data_age_ns"]), int(inst["good_ns"])
        known = int(inst["mark"]) > 0
        age_ns = max(now_ns, int(state["account"]["ts_ns"][0])) - good_ns
        waited_ns = age_ns
        if opened_ns is not None and not always:
            waited_ns = age_ns - max(opened_ns[number] - good_ns, 0)
        in_time = opened_ns is None or waited_ns <= most_ns
        found.append(
            {
                "symbol": scale.symbol,
                "age_ms": age_ns // NS_PER_MS if known else None,
                "max_age_ms": most_ns // NS_PER_MS,
                "fresh": known and age_ns >= 0 and in_time and int(inst["quarantined"]) == 0,
                "idle": not always and int(inst["session_open"]) != 1,
            }
        )
    return found
