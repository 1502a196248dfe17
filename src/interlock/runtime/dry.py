"""A judgement that changes nothing: the kernel on a copy of what it believes."""

from dataclasses import dataclass

from interlock.kernel.records import Rows, new_out
from interlock.kernel.state import StateArray
from interlock.kernel.step import step
from interlock.runtime.decide import Decider


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Dried:
    """What would be decided.

    Attributes:
        commands: Shape (n,), dtype ROW: what the event would cause, in order.
        state: Shape (1,), just after it, with the proposal and every verdict. It is written over
            by the next judgement.
    """

    commands: Rows
    state: StateArray


class Dry:
    """Judges events at this moment without letting them happen.

    The copy is made anew for each: nobody who asks here can see what somebody else asked.

    Args:
        decider: Of the engine; only read.
    """

    def __init__(self, decider: Decider) -> None:
        self._decider = decider
        self._state = decider.state.copy()
        self._out = new_out()

    def judge(self, event: Rows) -> Dried:
        """Return what would be decided on an event if it came now.

        Args:
            event: Shape (1,), dtype ROW; number and time are given to a copy of it.
        """
        state = self.copied()
        asked = event.copy()
        asked["seq"] = self._decider.seq + 1
        asked["ts_ns"] = max(int(event["ts_ns"][0]), self._decider.ts_ns)
        count = step(self._decider.policy, state, asked, 0, self._out)
        return Dried(commands=self._out["rows"][0, :count].copy(), state=state)

    def copied(self) -> StateArray:
        """Return what is believed now, shape (1,): to be written to until the next call here."""
        self._state[:] = self._decider.state
        return self._state
