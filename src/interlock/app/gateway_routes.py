"""Every route of the gateway, for the list that has to be changed before one can be added."""

from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

import structlog
from fastapi import FastAPI

from interlock.app.gateway_around import Surroundings
from interlock.app.gateway_joined import join
from interlock.config.everything import read_everything
from interlock.config.home import home_of
from interlock.config.settings import Settings
from interlock.runtime.clock import SystemClock
from interlock.service.engine_client import EngineClient
from interlock.service.metrics import GatewayMetrics


def whole_app() -> FastAPI:
    """Return the gateway as it is shipped, with every route, in a home that is gone already."""
    with TemporaryDirectory(prefix="interlock-") as folder, ExitStack() as stack:
        settings = Settings(home=Path(folder) / "home")
        home, clock, metrics = home_of(settings), SystemClock(), GatewayMetrics()
        home.make()
        around = Surroundings(
            home=home,
            configuration=read_everything(settings, changes={"gateway.docs": True}),
            clock=clock,
            log=structlog.wrap_logger(None, processors=[_drop]),
            metrics=metrics,
            engine=EngineClient(home.engine_socket, clock, metrics),
            stack=stack,
            tell=lambda _event, _facts: None,
        )
        return join(around).app


def _drop(_logger: object, _method: str, _event: structlog.types.EventDict) -> str:
    raise structlog.DropEvent
