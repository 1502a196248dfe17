"""The verbs that stop an account and let it go on: kill and resume."""

from typing import Annotated, Literal

import typer

from interlock.cli.guard import guarded
from interlock.cli.options import Json

Reason = Annotated[
    str, typer.Option(metavar="TEXT", help="Why; it is journaled.", show_default=False)
]


def kill(
    *,
    mode: Annotated[
        Literal["immediate", "graceful", "pause"],
        typer.Option(
            help="immediate cancels everything and closes all positions; graceful opens nothing "
            "and lets positions leave at their targets and stops, for at most 30 minutes; pause "
            "opens nothing."
        ),
    ] = "immediate",
    reason: Reason = "",
    clear: Annotated[
        bool,
        typer.Option("--clear", help="Let it trade again; its engine must have reconciled."),
    ] = False,
    status: Annotated[
        bool, typer.Option("--status", help="Say what is killed, by whom and why; change nothing.")
    ] = False,
    venue: Annotated[
        str | None,
        typer.Option(metavar="V", help="Only if this venue is there.", show_default=False),
    ] = None,
    account: Annotated[
        str | None,
        typer.Option(metavar="A", help="Only if this is the account.", show_default=False),
    ] = None,
    testnet: Annotated[bool, typer.Option("--testnet", help="Only testnets.")] = False,
    timeout: Annotated[
        float,
        typer.Option(metavar="S", min=1, max=600, help="Seconds in which the venue must be clear."),
    ] = 30.0,
    as_json: Json = False,
) -> None:
    """Stop the account of this home, whatever still runs of it, and read its venue back.

    Works without an engine and with one that hangs. Ends with 0 when it is KILLED, 1 when that is
    UNCONFIRMED (what is left is said), 2 when something it was given cannot be used and nothing
    was done. With --status: 0 when nothing is killed, 1 when something is. With --clear: 0 when it
    is cleared, 1 when the engine does not answer, 2 when it refuses, 3 when none runs.
    """
    from interlock.cli import kill_verbs  # noqa: PLC0415 - nothing slow before a verb runs

    if clear and status:
        raise typer.BadParameter("--clear and --status must not be given together.")
    with guarded():
        if status:
            code = kill_verbs.status(as_json=as_json)
        elif clear:
            code = kill_verbs.clear(reason=reason, as_json=as_json)
        else:
            code = kill_verbs.kill(
                mode=mode,
                reason=reason,
                venue=venue,
                account=account,
                testnet=testnet,
                timeout_s=timeout,
                as_json=as_json,
            )
    raise typer.Exit(code)


def resume(
    cause: Annotated[
        str | None,
        typer.Argument(
            metavar="[CAUSE]",
            help="What set the latch, as listed; without it, every latch is listed.",
            show_default=False,
        ),
    ] = None,
    *,
    of: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="The symbol or strategy it is over, where there are several.",
            show_default=False,
        ),
    ] = None,
    reason: Reason = "",
    as_json: Json = False,
) -> None:
    """Release a latch that waits for a person, or list the latches that are set.

    What else it waits for still has to come, and is said. Kills are cleared with kill --clear.
    Ends with 0 when it is released or listed, 1 when it waits for more or the engine does not
    answer, 2 when it is refused, 3 when no engine runs.
    """
    from interlock.cli import kill_verbs  # noqa: PLC0415 - nothing slow before a verb runs

    with guarded():
        code = kill_verbs.resume(cause=cause, of=of, reason=reason, as_json=as_json)
    raise typer.Exit(code)


def add_to(app: typer.Typer) -> None:
    """Make them verbs of the command line."""
    for verb in (kill, resume):
        app.command()(verb)
