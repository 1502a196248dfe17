"""What the engine says of itself, asked once for everybody who looks within a moment."""

import asyncio
from dataclasses import dataclass
from typing import Any, Final

from interlock.runtime.asking import AskError
from interlock.runtime.clock import NS_PER_MS, Clock
from interlock.runtime.moments import rfc3339
from interlock.service.api.parts import Engine, OnStatus, Said
from interlock.service.engine_client import EngineDown

FRESH_NS: Final = 250 * NS_PER_MS
ASK_S: Final = 2.0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Status:
    """What the engine said last.

    Attributes:
        said: All of it; empty before it ever answered.
        connected: Whether it answered when it was asked last.
        as_of_ns: When it said that; 0 before.
        why: Why it does not answer.
    """

    said: Said
    connected: bool
    as_of_ns: int = 0
    why: str = ""

    def seen(self, *names: str) -> dict[str, Any]:
        """Return some of it, with how old it is."""
        found = {name: self.said[name] for name in names if self.said.get(name) is not None}
        return {
            **found,
            "connected": self.connected,
            "as_of": rfc3339(self.as_of_ns) if self.as_of_ns else None,
            "as_of_ns": self.as_of_ns,
            "why": self.why,
        }


class Statuses:
    """Asks the engine how it is, at most every moment and never twice at once.

    Args:
        engine: The way to it.
        clock: Measures the moment.
        on_status: Told what it says, whenever it was asked.
    """

    def __init__(self, engine: Engine, clock: Clock, on_status: OnStatus | None = None) -> None:
        self._engine = engine
        self._on_status = on_status
        self._clock = clock
        self._last = Status(said={}, connected=False, why="it was not asked yet")
        self._asked_ns = clock.elapsed_ns() - 2 * FRESH_NS
        self._asking: asyncio.Task[Status] | None = None

    async def now(self, *, at_least_ns: int = FRESH_NS) -> Status:
        """Return what it says; whoever asks while it is being asked waits for the same answer.

        Args:
            at_least_ns: How old an answer may be.
        """
        if self._asking is None:
            if self._clock.elapsed_ns() - self._asked_ns < at_least_ns:
                return self._last
            self._asking = asyncio.ensure_future(self._ask())
        # Whoever goes away must not take the answer from the others.
        return await asyncio.shield(self._asking)

    async def _ask(self) -> Status:
        try:
            said = await self._engine.ask("status", timeout_s=ASK_S)
            self._last = Status(said=said, connected=True, as_of_ns=self._clock.now_ns())
            if self._on_status is not None:
                self._on_status(said)
        except (EngineDown, AskError) as error:
            last = self._last
            self._last = Status(
                said=last.said, connected=False, as_of_ns=last.as_of_ns, why=str(error)
            )
        finally:
            self._asked_ns = self._clock.elapsed_ns()
            self._asking = None
        return self._last
