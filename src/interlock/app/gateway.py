"""The gateway's process: people and webhooks on one side, the engine's socket on the other.

It holds no venue's key and decides nothing about trading. When it is gone, trading goes on.
"""

import asyncio
import os
import signal
import socket
import sys
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from functools import partial
from typing import Final

import uvloop

from interlock.app.child import die_with, tell_line
from interlock.app.gateway_around import Surroundings, Work
from interlock.app.gateway_joined import join
from interlock.app.launch import Launch, read_launch
from interlock.app.listening import address_of, adopted, allow_files, listen_on
from interlock.config.everything import Configuration
from interlock.config.home import Home
from interlock.config.secret_files import ensure_secret
from interlock.config.service_manager import read_service_manager
from interlock.ops.notify import Notifier
from interlock.runtime.clock import SystemClock
from interlock.runtime.logs import open_log
from interlock.service.app import DESCRIPTION
from interlock.service.doors import check_routes
from interlock.service.engine_client import EngineClient
from interlock.service.metrics import GatewayMetrics
from interlock.service.server import Limits, make_server, serve

_SIGN_S: Final = 5.0  # between two signs of life, when nobody says how often


def run_gateway(launch: Launch, *, guardian: int, listen: int = -1) -> int:
    """Answer people and webhooks until told to end; return the exit code.

    Args:
        launch: What a person said.
        guardian: A pipe whose other end is held by whoever watches over this process, or -1.
        listen: A socket that whoever started this process listens on for it, or -1.

    Raises:
        REFUSALS: Something that a person has to look at.
    """
    die_with(guardian)
    _, home, configuration = read_launch(launch)
    home.make()
    settings = configuration.system.gateway
    if not settings.enabled:
        sys.stderr.write("gateway.enabled is false in interlock.toml: nobody answers.\n")
        return 0
    allow_files(settings.connections_max)
    ensure_secret(home.webhook_secret)
    listening = adopted(listen) if listen >= 0 else listen_on(settings)
    with listening, asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_run(home, configuration, listening))
    return 0


async def _run(home: Home, configuration: Configuration, listening: socket.socket) -> None:
    """Build everything, answer, and end everything in the opposite order."""
    system, clock, metrics = configuration.system, SystemClock(), GatewayMetrics()
    logs = system.logs
    log = open_log(home.logs, "gateway", level=logs.level, max_mib=logs.max_mib, keep=logs.keep)
    engine = EngineClient(home.engine_socket, clock, metrics)
    with ExitStack() as stack:
        around = Surroundings(
            home=home,
            configuration=configuration,
            clock=clock,
            log=log,
            metrics=metrics,
            engine=engine,
            stack=stack,
            tell=tell_line,
        )
        joined = join(around)
        check_routes(joined.app, besides=() if system.gateway.docs else (DESCRIPTION,))
        limits = Limits(
            connections_max=system.gateway.connections_max, proxy=system.gateway.trusted_proxy
        )
        server = make_server(joined.app, limits, metrics, log)

        def end() -> None:
            joined.hang_up()
            server.end()

        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, end)
        facts = {"pid": os.getpid(), "address": address_of(listening)}
        tell_line("gateway_ready", facts)
        log.info("ready", **facts)
        try:
            await beside(partial(serve, server, listening), (*joined.works, _signs_of_life), end)
        finally:
            await engine.close()
            log.info("ended")


async def beside(main: Work, works: Sequence[Work], end: Callable[[], None]) -> None:
    """Run something, and others beside it that go on as long as it does.

    One of them that ends or breaks ends everything: a gateway that answers and hands nothing on
    would be believed.

    Args:
        main: Runs until it ends.
        works: Never end by themselves.
        end: Tells ``main`` to end.

    Raises:
        Exception: What one of them broke with.
    """

    def over(task: "asyncio.Task[None]") -> None:
        if not task.cancelled():
            end()

    tasks = [asyncio.create_task(work()) for work in works]
    for task in tasks:
        task.add_done_callback(over)
    try:
        await main()
    finally:
        for task in tasks:
            task.cancel()
        ends = await asyncio.gather(*tasks, return_exceptions=True)
    for found in ends:
        if isinstance(found, Exception):
            raise found


async def _signs_of_life() -> None:
    """Tell the service manager that we are ready, and that the loop goes round."""
    manager = read_service_manager()
    notifier = Notifier(manager.notify_socket)
    every_s = manager.watchdog_s / 3 if manager.watchdog_s > 0 else _SIGN_S
    notifier.say("READY=1")
    try:
        while True:
            await asyncio.sleep(every_s)
            notifier.say("WATCHDOG=1")
    finally:
        notifier.say("STOPPING=1")
