"""What the verbs that run an account do with their options: run, engine, venue."""

import json
import socket
import subprocess
import sys
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

from rich.console import Console

import interlock
from interlock.app.archive import begin_again, check_not_archiving, nobody_runs
from interlock.app.launch import Launch, Ready, is_new, read_launch
from interlock.app.listening import address_of, listen_on
from interlock.app.paper import Screen, Supervisor
from interlock.cli.run_screens import Lines, Moving, Plain, write
from interlock.cli.run_words import sentence
from interlock.config.gateway import GatewaySettings
from interlock.config.home import write_first_config
from interlock.runtime.clock import SystemClock


def _launch(
    *,
    config: Path | None,
    speed: str | None,
    data: Sequence[str],
    strategy: str | None,
    loosen: bool = False,
) -> Launch:
    return Launch(
        config_file=config, speed=speed, data=tuple(data), strategy=strategy, loosen=loosen
    ).absolute()


def run(
    *,
    config: Path | None,
    speed: str | None,
    data: Sequence[str],
    strategy: str | None,
    loosen: bool,
    again: bool,
    port: int | None,
    has_gateway: bool,
    as_json: bool,
) -> int:
    """Run everything; return the exit code."""
    launch = replace(
        _launch(config=config, speed=speed, data=data, strategy=strategy, loosen=loosen),
        port=port,
        has_gateway=has_gateway,
    )
    settings, home, configuration = read_launch(launch)
    home.make()
    write_first_config(home)
    with nobody_runs(home):
        pass
    listening = _listening(launch, configuration.system.gateway)
    with listening or nullcontext():
        screen = _screen(as_json=as_json)
        if again:
            folder = begin_again(home, configuration, SystemClock())
            facts = {} if folder is None else {"folder": str(folder)}
            event = "nothing_archived" if folder is None else "archived"
            write(json.dumps({"event": event, **facts}) if as_json else sentence(event, facts))
        check_not_archiving(home)
        _warm()
        ready = Ready(
            launch=launch,
            settings=settings,
            home=home,
            configuration=configuration,
            is_new=is_new(home, configuration),
            address="" if listening is None else address_of(listening),
        )
        return Supervisor(ready, screen, listening=listening).run()


def _listening(launch: Launch, settings: GatewaySettings) -> socket.socket | None:
    """Return where the gateway will answer, taken before anything trades; None without one."""
    if not (settings.enabled and launch.has_gateway):
        return None
    port = settings.port if launch.port is None else launch.port
    return listen_on(settings.model_copy(update={"port": port}))


def _screen(*, as_json: bool) -> Screen:
    """Return whoever shows it."""
    if as_json:
        return Lines()
    console = Console()
    return Moving(console) if console.is_terminal and not console.is_dumb_terminal else Plain()


def _warm() -> None:
    """Compile the kernel if this version has not: both processes would wait for it otherwise."""
    if not (interlock.numba_cache_dir() / "warm-small").exists():
        subprocess.run(
            [sys.executable, "-P", "-m", "interlock", "warm"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            check=False,  # whoever needs it compiles it, and says what is wrong
        )


def engine(
    *,
    config: Path | None,
    speed: str | None,
    data: Sequence[str],
    strategy: str | None,
    loosen: bool,
    stop_at_end: bool,
    guardian: int,
) -> int:
    """Run the engine; return the exit code."""
    from interlock.app.children import run_engine_process  # noqa: PLC0415 - slow, and only here

    launch = _launch(config=config, speed=speed, data=data, strategy=strategy, loosen=loosen)
    return run_engine_process(launch, stop_at_end=stop_at_end, guardian=guardian)


def venue(
    *,
    config: Path | None,
    speed: str | None,
    data: Sequence[str],
    strategy: str | None,
    guardian: int,
) -> None:
    """Run the simulated venue."""
    from interlock.app.children import run_venue_process  # noqa: PLC0415 - slow, and only here

    launch = _launch(config=config, speed=speed, data=data, strategy=strategy)
    run_venue_process(launch, guardian=guardian)


def watchdog(*, config: Path | None, guardian: int) -> int:
    """Watch the account; return the exit code."""
    from interlock.app.watchdog import run_watchdog  # noqa: PLC0415 - slow, and only here

    launch = _launch(config=config, speed=None, data=(), strategy=None)
    return run_watchdog(launch, guardian=guardian)


def gateway(*, config: Path | None, guardian: int, listen: int) -> int:
    """Answer people and webhooks; return the exit code."""
    from interlock.app.gateway import run_gateway  # noqa: PLC0415 - slow, and only here

    launch = _launch(config=config, speed=None, data=(), strategy=None)
    return run_gateway(launch, guardian=guardian, listen=listen)
