"""What can be asked of a running engine through its own door."""

from collections.abc import Callable
from typing import Any, Protocol

from interlock.runtime.asking import AskError
from interlock.runtime.control import Answer
from interlock.runtime.driver import Driver
from interlock.runtime.entries import Said
from interlock.runtime.metrics import Metrics
from interlock.runtime.names import Names
from interlock.runtime.session import Setup
from interlock.runtime.status import status_of
from interlock.runtime.usage import limits_all


class Reload(Protocol):
    """Reads the configuration again."""

    async def __call__(self, *, loosen: bool) -> Said:
        """Let it hold, and return what changed; raises AskError."""


class Answers:
    """Status, metrics, reload and stop.

    Args:
        driver: Of the engine.
        setup: What it trades with.
        names: Of its orders.
        metrics: Its own.
        reload: Reads the configuration again.
        extra: What else a status says.
    """

    def __init__(
        self,
        driver: Driver,
        setup: Setup,
        names: Names,
        metrics: Metrics,
        reload: Reload,
        extra: Callable[[], Said],
    ) -> None:
        self._driver = driver
        self._setup = setup
        self._names = names
        self._metrics = metrics
        self._reload = reload
        self._extra = extra

    def table(self) -> dict[str, Answer]:
        """Return everything that can be asked, by name."""
        return {
            "metrics": self._ask_metrics,
            "reload": self._ask_reload,
            "status": self._ask_status,
            "stop": self._ask_stop,
        }

    async def _ask_status(self, asked: Said) -> Said:
        found = status_of(self._driver, self._setup, self._names, self._extra())
        if asked.get("limits", True):
            found["limits_all"] = self._limits()
        return found

    def _limits(self) -> list[Said]:
        engine = self._driver.engine
        return limits_all(
            engine.decider.policy,
            engine.decider.state,
            currency=self._setup.currency,
            scales=self._setup.scales,
            strategies=self._setup.strategies,
            now_ns=engine.now_ns(),
        )

    async def _ask_metrics(self, asked: Said) -> Said:
        assert asked
        return {"text": self._metrics.text()}

    async def _ask_reload(self, asked: Said) -> Said:
        loosen: Any = asked.get("loosen", False)
        if not isinstance(loosen, bool):
            raise AskError(f"loosen must be true or false, was {loosen!r}.")
        return await self._reload(loosen=loosen)

    async def _ask_stop(self, asked: Said) -> Said:
        assert asked
        self._driver.stop()
        return {"stopping": True}
