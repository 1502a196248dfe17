"""The verbs that run an account and look at it: run and its parts, status, reload, stop."""

from pathlib import Path
from typing import Annotated

import typer

from interlock.cli.guard import guarded
from interlock.cli.options import Json

Config = Annotated[
    Path | None,
    typer.Option(
        "--config",
        metavar="FILE",
        help="interlock.toml: yours instead of the home's or the shipped one.",
        show_default=False,
    ),
]
Speed = Annotated[
    str | None,
    typer.Option(
        metavar="S",
        help="How fast a recording is replayed: 10bars/s, 60x (times as fast as it was), max.",
        show_default=False,
    ),
]
Data = Annotated[
    list[str] | None,
    typer.Option(
        metavar="PATH",
        help="Bars to replay, as for backtest; several are several instruments.",
        show_default=False,
    ),
]
RunStrategy = Annotated[
    str | None,
    typer.Option(
        "--strategy",
        metavar="NAME",
        help="Instead of the configured one: ema_cross, donchian_breakout, rsi_reversion, or "
        "path/to/file.py:ClassName, with its parameters at their defaults.",
        show_default=False,
    ),
]
Loosen = Annotated[
    bool, typer.Option("--loosen", help="Also limits that let more through than before.")
]
Guardian = Annotated[
    int,
    typer.Option(
        metavar="FD",
        help="A pipe's read end: this process ends when nobody holds the other end any more.",
        show_default=False,
    ),
]


def run(
    *,
    config: Config = None,
    speed: Speed = None,
    data: Data = None,
    strategy: RunStrategy = None,
    loosen: Loosen = False,
    again: Annotated[
        bool,
        typer.Option("--again", help="Put the home's account into archive/ and begin a new one."),
    ] = False,
    port: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            min=0,
            max=65_535,
            help="Where dashboard and webhook answer, instead of gateway.port; 0 is any free one.",
            show_default=False,
        ),
    ] = None,
    no_gateway: Annotated[
        bool, typer.Option("--no-gateway", help="Without dashboard and webhook.")
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print everything that happens as lines of JSON.")
    ] = False,
) -> None:
    """Trade on paper: an engine, a simulated venue, a dashboard, and a live view.

    Goes on where the account of this home was. Without a terminal it prints lines of progress and
    a summary, and ends with its recording. Ends with 0 after a graceful stop (Ctrl-C), 1 when
    something broke too often, 2 when something it was given cannot be used.
    """
    from interlock.cli import run_verbs  # noqa: PLC0415 - nothing slow before a verb runs

    with guarded():
        code = run_verbs.run(
            config=config,
            speed=speed,
            data=data or [],
            strategy=strategy,
            loosen=loosen,
            again=again,
            port=port,
            has_gateway=not no_gateway,
            as_json=as_json,
        )
    raise typer.Exit(code)


def engine(
    *,
    config: Config = None,
    speed: Speed = None,
    data: Data = None,
    strategy: RunStrategy = None,
    loosen: Loosen = False,
    stop_at_end: Annotated[
        bool, typer.Option("--stop-at-end", help="Stop when the recording has ended.")
    ] = False,
    guardian: Guardian = -1,
) -> None:
    """Run the engine alone; run does that for you.

    A unit of its own in production. What happens is printed as lines of JSON.
    """
    from interlock.cli import run_verbs  # noqa: PLC0415 - see above

    with guarded():
        code = run_verbs.engine(
            config=config,
            speed=speed,
            data=data or [],
            strategy=strategy,
            loosen=loosen,
            stop_at_end=stop_at_end,
            guardian=guardian,
        )
    raise typer.Exit(code)


def venue(
    *,
    config: Config = None,
    speed: Speed = None,
    data: Data = None,
    strategy: RunStrategy = None,
    guardian: Guardian = -1,
) -> None:
    """Run the simulated venue alone; run does that for you.

    Its orders, fills and balances outlive every engine.
    """
    from interlock.cli import run_verbs  # noqa: PLC0415 - see above

    with guarded():
        run_verbs.venue(
            config=config, speed=speed, data=data or [], strategy=strategy, guardian=guardian
        )


def watchdog(*, config: Config = None, guardian: Guardian = -1) -> None:
    """Watch the engine of this home, and stop the account when it hangs; run does that for you.

    A unit of its own in production. It needs nothing of the engine: it sets the kill latch, and
    cancels and closes over a connection of its own until the venue has shown that it is done. Ends
    with 0 when it is told to, 1 when something it did is not confirmed.
    """
    from interlock.cli import run_verbs  # noqa: PLC0415 - see above

    with guarded():
        code = run_verbs.watchdog(config=config, guardian=guardian)
    raise typer.Exit(code)


def gateway(
    *,
    config: Config = None,
    guardian: Guardian = -1,
    listen: Annotated[
        int,
        typer.Option(
            metavar="FD",
            help="A socket that listens already, instead of gateway.host and gateway.port.",
            show_default=False,
        ),
    ] = -1,
) -> None:
    """Answer browsers, programs and webhooks; run does that for you.

    A unit of its own in production. It trades nothing: it asks the engine. Ends with 0 when it is
    told to, 2 when something it was given cannot be used, such as a port that is taken.
    """
    from interlock.cli import run_verbs  # noqa: PLC0415 - see above

    with guarded():
        code = run_verbs.gateway(config=config, guardian=guardian, listen=listen)
    raise typer.Exit(code)


def status(
    *,
    watch: Annotated[bool, typer.Option("--watch", help="Look again and again.")] = False,
    as_json: Json = False,
    metrics: Annotated[
        bool, typer.Option("--metrics", help="Print the numbers for Prometheus instead.")
    ] = False,
) -> None:
    """Say how the engine of this home is: money, positions, orders, latches, limits.

    Ends with 0 when one runs, 3 when none does, 1 when it does not answer.
    """
    from interlock.cli import status_verbs  # noqa: PLC0415 - see above

    with guarded():
        code = status_verbs.status(watch=watch, as_json=as_json, metrics=metrics)
    raise typer.Exit(code)


def reload(*, loosen: Loosen = False, as_json: Json = False) -> None:
    """Let the files of rules hold as they are now: all of them, or none.

    What is tighter holds at once; what lets more through needs --loosen. Ends with 0 when they
    hold, 2 when something in them cannot be used, 3 when no engine runs.
    """
    from interlock.cli import status_verbs  # noqa: PLC0415 - see above

    with guarded():
        code = status_verbs.reload(loosen=loosen, as_json=as_json)
    raise typer.Exit(code)


def stop() -> None:
    """Stop the engine of this home gracefully, and wait until it is gone.

    Positions stay as they are, each with its stop at the venue. Ends with 0 when it is gone, 1
    when it still runs, 3 when none ran.
    """
    from interlock.cli import status_verbs  # noqa: PLC0415 - see above

    with guarded():
        code = status_verbs.stop()
    raise typer.Exit(code)


def add_to(app: typer.Typer) -> None:
    """Make them verbs of the command line."""
    for verb in (run, engine, venue, watchdog, gateway, status, reload, stop):
        app.command()(verb)
