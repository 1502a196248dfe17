"""When breakers are proved, and what came of it: at every start, for every policy, every so often.

The shadow lane runs in the engine's own thread, a slice at a time and only while nothing waits to
be decided, so that no order waits for a proof. What came of a round is one NOTE of the journal.
"""

from collections.abc import Callable, Iterator
from typing import Final

from interlock.kernel.policy import PolicyArray
from interlock.kernel.records import OutArray, new_out
from interlock.monitors.breaker_proofs import Proof, proofs
from interlock.runtime.clock import NS_PER_MS, Clock
from interlock.runtime.engine import Engine
from interlock.runtime.entries import Said, Tier

SLICE_NS: Final = NS_PER_MS
PAUSE_NS: Final = 20 * NS_PER_MS  # between two slices: a twentieth of the time at most
OVERDUE: Final = 2  # times as long as it should be

Round = Callable[[PolicyArray, Tier, OutArray], Iterator[Proof | None]]


class Proving:
    """Proves the breakers of one engine.

    Args:
        engine: Whose policy is proved; its state is never touched.
        clock: This machine's.
        tier: Capacities of the policy.
        every_ns: Longest time between two rounds.
        report: Told what a person may want to know.
        begin: Begins a round.
    """

    def __init__(
        self,
        engine: Engine,
        clock: Clock,
        tier: Tier,
        *,
        every_ns: int,
        report: Callable[[str, Said], None],
        begin: Round = proofs,
    ) -> None:
        assert every_ns > 0
        self._engine = engine
        self._clock = clock
        self._tier = tier
        self._every_ns = every_ns
        self._report = report
        self._begin = begin
        self._out = new_out()
        self._round: Iterator[Proof | None] | None = None
        self._found: list[Proof] = []
        self._policy_seq = -1  # of the policy that the round under way, or the last one, is about
        self._born_ns = clock.elapsed_ns()
        self._slice_ns = self._born_ns - PAUSE_NS
        self._began_ns = 0
        self._worked_ns = 0
        self._done_ns: int | None = None  # on the clock that never jumps
        self._last: dict[str, tuple[int, Proof]] = {}  # by name: when, by the time of day

    def mind(self) -> None:
        """Go on with a round that is due, for one slice, unless something waits to be decided."""
        now_ns = self._clock.elapsed_ns()
        if now_ns - self._slice_ns < PAUSE_NS or len(self._engine.inbox) > 0:
            return
        if self._round is None and not self._is_due(now_ns):
            return
        if self._round is None:
            self._start(now_ns)
        self._slice(now_ns)

    def _is_due(self, now_ns: int) -> bool:
        if self._done_ns is None or now_ns - self._done_ns >= self._every_ns:
            return True
        return self._policy_seq != self._now_holds()

    def _now_holds(self) -> int:
        """Return the number of the event that set the policy."""
        return int(self._engine.decider.state["account"]["policy_seq"][0])

    def _start(self, now_ns: int) -> None:
        self._policy_seq = self._now_holds()
        self._round = self._begin(self._engine.decider.policy.copy(), self._tier, self._out)
        self._found = []
        self._began_ns = now_ns
        self._worked_ns = 0

    def _slice(self, now_ns: int) -> None:
        """Go on until the slice is over, or the round."""
        assert self._round is not None
        until_ns = now_ns + SLICE_NS
        over = False
        while not over and self._clock.elapsed_ns() < until_ns:
            found = next(self._round, False)
            over = found is False
            if isinstance(found, Proof):
                self._found.append(found)
        self._slice_ns = self._clock.elapsed_ns()
        self._worked_ns += self._slice_ns - now_ns
        if over:
            self._finish()

    def _finish(self) -> None:
        """Write down what came of a round."""
        self._round = None
        self._done_ns = self._clock.elapsed_ns()
        wall_ns = self._clock.now_ns()
        self._last = {one.name: (wall_ns, one) for one in self._found}
        failed = {one.name: one.why for one in self._found if not one.is_proved}
        said: Said = {
            "proved": len(self._found) - len(failed),
            "failed": failed,
            "took_ms": (self._done_ns - self._began_ns) // NS_PER_MS,
            "worked_us": self._worked_ns // 1_000,
        }
        names = [one.name for one in self._found if one.is_proved]
        self._engine.note({**said, "proved": names, "what": "breaker_proof", "wall_ns": wall_ns})
        self._report("breakers_not_proved" if failed else "breakers_proved", said)

    def said(self) -> Said:
        """Return what a status says of the proofs.

        ``overdue`` is whether the last whole round is longer ago than twice the time there should
        be between two.
        """
        since_ns = self._born_ns if self._done_ns is None else self._done_ns
        waited_ns = self._clock.elapsed_ns() - since_ns
        return {
            "every_ns": self._every_ns,
            "running": self._round is not None,
            "overdue": waited_ns > OVERDUE * self._every_ns,
            "never": self._done_ns is None,
            "breakers": [
                {
                    "breaker": name,
                    "proved": proof.is_proved,
                    "at_ns": at_ns,
                    "level": proof.level,
                    "value": proof.value,
                    "limit": proof.limit,
                    "why": proof.why,
                }
                for name, (at_ns, proof) in self._last.items()
            ],
        }
