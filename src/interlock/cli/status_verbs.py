"""What the verbs that look at a running account do: status, reload, stop."""

import json
import sys
import time
from typing import Any, Final

import typer
from rich.console import Console
from rich.live import Live

from interlock.app.looking import look
from interlock.app.paper import RELOAD_S
from interlock.cli.run_screens import LOOK_S, Watching, write
from interlock.cli.run_summary import progress_line, summary_lines
from interlock.cli.run_words import reload_lines
from interlock.cli.show_status import Seen, status_lines
from interlock.config.home import Home, home_of
from interlock.config.settings import read_settings
from interlock.runtime.asking import ask

FROZEN: Final = 1
NOT_RUNNING: Final = 3
ASK_S: Final = 5.0
STOP_S: Final = 60.0
WATCHED_S: Final = 1.0  # between two lines, where there is no terminal
_PAUSE_S: Final = 0.1
_WIDTH_LEAST: Final = 100  # in a file

Said = dict[str, Any]


def _home() -> Home:
    return home_of(read_settings())


def _not_running(home: Home) -> int:
    typer.echo(f"no engine runs in {home.root}. Next: interlock run", err=True)
    return NOT_RUNNING


def _frozen(home: Home, waited_s: float) -> int:
    typer.echo(
        f"the engine of {home.root} must answer within {waited_s:g} s, and did not: it is stopped "
        "or very busy. Next: look at its process, or wait.",
        err=True,
    )
    return FROZEN


def _asked(home: Home, what: str, within_s: float | None = None, **more: object) -> Said | int:
    """Return an engine's answer, or the exit code when there is none.

    Args:
        home: Of the engine.
        what: Is asked.
        within_s: How long to wait; None is the usual.
        more: What goes with it.

    Raises:
        AskError: It refused.
    """
    timeout_s = ASK_S if within_s is None else within_s
    try:
        return ask(home.engine_socket, {"ask": what, **more}, timeout_s)
    except TimeoutError:
        return _frozen(home, timeout_s)
    except OSError:
        return NOT_RUNNING


def status(*, watch: bool, as_json: bool, metrics: bool) -> int:
    """Print how the engine is; return the exit code."""
    home = _home()
    if watch:
        return _watch(home, as_json=as_json)
    found = _asked(home, "metrics" if metrics else "status")
    if isinstance(found, int):
        if found != NOT_RUNNING or metrics:
            return found if found != NOT_RUNNING else _not_running(home)
        return _say_last(home, as_json=as_json)
    if metrics:
        typer.echo(found["text"], nl=False)
    elif as_json:
        typer.echo(json.dumps({"running": True, **found}, indent=2))
    else:
        _show(found)
    return 0


def _show(found: Said) -> None:
    console = Console()
    width = console.width if console.is_terminal else max(console.width, _WIDTH_LEAST)
    seen = Seen(status=found, ascii_only=console.options.ascii_only)
    for line in status_lines(seen, width):
        console.print(line, soft_wrap=True)


def _say_last(home: Home, *, as_json: bool) -> int:
    """Say what the journal says last: no engine runs."""
    from interlock.app.journals import last_said  # noqa: PLC0415 - slow, and only here

    last = last_said()
    if as_json:
        typer.echo(json.dumps({"running": False, "last": last}, indent=2))
        return NOT_RUNNING
    code = _not_running(home)
    if last is not None:
        if not last["stopped"]:
            typer.echo("It did not stop gracefully; the next start recovers. At its last snapshot:")
        for line in summary_lines(last):
            typer.echo(line)
    return code


def _watch(home: Home, *, as_json: bool) -> int:
    """Show how the engine is until somebody interrupts."""
    console = Console()
    live = not as_json and console.is_terminal and not console.is_dumb_terminal
    try:
        return _watch_live(home, console) if live else _watch_lines(home, as_json=as_json)
    except KeyboardInterrupt:
        return 0


def _watch_live(home: Home, console: Console) -> int:
    watching = Watching(console, "Ctrl-C ends the view, not the account")
    with Live(watching, console=console, screen=True, auto_refresh=False) as live:
        while sys.stdout.isatty():
            looked = look(home.engine_socket)
            watching.look(looked.status, looked.problem)
            live.refresh()
            time.sleep(LOOK_S)
    return 0


def _watch_lines(home: Home, *, as_json: bool) -> int:
    while True:
        found = _asked(home, "status")
        if isinstance(found, int):
            return _not_running(home) if found == NOT_RUNNING else found
        write(json.dumps({"running": True, **found}) if as_json else progress_line(found))
        time.sleep(WATCHED_S)


def reload(*, loosen: bool, as_json: bool) -> int:
    """Let the files of rules hold; print what changed."""
    home = _home()
    found = _asked(home, "reload", RELOAD_S, loosen=loosen)
    if isinstance(found, int):
        return _not_running(home) if found == NOT_RUNNING else found
    if as_json:
        typer.echo(json.dumps(found, indent=2))
    else:
        for line in reload_lines(found):
            typer.echo(line)
    return 0


def stop() -> int:
    """Ask the engine to stop, and wait until it is gone."""
    home = _home()
    found = _asked(home, "stop")
    if isinstance(found, int):
        return _not_running(home) if found == NOT_RUNNING else found
    started_s = time.perf_counter()
    while time.perf_counter() - started_s < STOP_S:
        if _asked(home, "status") == NOT_RUNNING:
            typer.echo("the engine has stopped.")
            return 0
        time.sleep(_PAUSE_S)
    typer.echo(f"the engine still runs after {STOP_S:g} s. Next: interlock status", err=True)
    return FROZEN
