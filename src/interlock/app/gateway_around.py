"""What everything in the gateway is made with."""

from collections.abc import Callable, Coroutine
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

from interlock.config.everything import Configuration
from interlock.config.home import Home
from interlock.runtime.clock import SystemClock
from interlock.service.engine_client import EngineClient
from interlock.service.metrics import GatewayMetrics

Tell = Callable[[str, dict[str, Any]], None]
Work = Callable[[], Coroutine[Any, Any, None]]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Surroundings:
    """What everything in the gateway is made with.

    Attributes:
        home: Where everything is.
        configuration: Everything that people wrote.
        clock: The time.
        log: For people who look for what went wrong.
        metrics: Numbers.
        engine: The way to the engine.
        stack: Ends what has to be ended, the last that was begun first.
        tell: Tells the supervisor.
        heard: Told of every trouble, too: where, and why. They never block and never raise.
    """

    home: Home
    configuration: Configuration
    clock: SystemClock
    log: Any
    metrics: GatewayMetrics
    engine: EngineClient
    stack: ExitStack
    tell: Tell
    heard: list[Callable[[str, str], None]] = field(default_factory=list)

    def trouble(self, where: str) -> Callable[[str], None]:
        """Return what writes down that something went wrong, and goes on."""

        def say(why: str) -> None:
            self.log.warning("trouble", where=where, why=why)
            for one in self.heard:
                one(where, why)

        return say
