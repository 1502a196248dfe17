"""The verb about notifications: notify test."""

import json
from typing import Annotated

import typer

from interlock.cli.guard import guarded
from interlock.cli.options import Json

notify_app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    help="Telegram, mail and the other ways to people.",
)


@notify_app.callback()
def notify_command() -> None:
    """Telegram, mail and the other ways to people."""


@notify_app.command("test")
def try_channels(
    *,
    channel: Annotated[
        str,
        typer.Option(
            metavar="NAME",
            help="Only by channels whose names begin so, such as telegram or mail.",
            show_default=False,
        ),
    ] = "",
    as_json: Json = False,
) -> None:
    """Send one message by every channel, and say what came back: exit code 1 when one failed."""
    from interlock.app.notifying import try_notifications  # noqa: PLC0415 - nothing slow before

    with guarded():
        found = try_notifications(channel)
    if as_json:
        typer.echo(json.dumps([{"channel": x.channel, "problem": x.problem} for x in found]))
    else:
        for one in found:
            typer.echo(f"{one.channel}: {one.problem or 'sent'}")
    raise typer.Exit(1 if any(one.problem for one in found) else 0)


def add_to(app: typer.Typer) -> None:
    """Give the command line this verb."""
    app.add_typer(notify_app, name="notify")
