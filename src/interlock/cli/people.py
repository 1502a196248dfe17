"""The verbs about who may come in: user add, list, role, disable, enable, reset, code; token."""

from typing import Annotated, Final

import typer

from interlock.cli.guard import guarded
from interlock.cli.options import Json

_DAYS: Final = 90

Name = Annotated[str, typer.Argument(metavar="NAME", help="Of the person.", show_default=False)]
TokenName = Annotated[str, typer.Argument(metavar="NAME", help="Of the token.", show_default=False)]
Role = Annotated[
    str,
    typer.Option(
        help="admin, risk_manager, trading_ops, quant or auditor: docs/people.md says what each "
        "may do.",
        show_default=False,
    ),
]

user_app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    help="Who may use the dashboard and the API, as what.",
)
token_app = typer.Typer(
    no_args_is_help=True, rich_markup_mode=None, help="What programs use the API with."
)


@user_app.command("add")
def add(name: Name, *, role: Role, as_json: Json = False) -> None:
    """Invite somebody: prints a code, once, that they choose a password with within a day."""
    from interlock.cli import people_verbs  # noqa: PLC0415 - nothing slow before a verb runs

    with guarded():
        people_verbs.add(name, role, as_json=as_json)


@user_app.command("list")
def users(*, as_json: Json = False) -> None:
    """List everybody: role, and whether they are active, invited or disabled."""
    from interlock.cli import people_verbs  # noqa: PLC0415 - see above

    with guarded():
        people_verbs.users(as_json=as_json)


@user_app.command("role")
def role(name: Name, *, role: Role) -> None:
    """Make somebody something else, from their next request on."""
    from interlock.cli import people_verbs  # noqa: PLC0415 - see above

    with guarded():
        people_verbs.set_role(name, role)


@user_app.command("disable")
def disable(name: Name) -> None:
    """Let somebody do nothing any more: their sessions end at once."""
    from interlock.cli import people_verbs  # noqa: PLC0415 - see above

    with guarded():
        people_verbs.disable(name)


@user_app.command("enable")
def enable(name: Name) -> None:
    """Let somebody who was disabled sign in again, with what they had."""
    from interlock.cli import people_verbs  # noqa: PLC0415 - see above

    with guarded():
        people_verbs.enable(name)


@user_app.command("reset")
def reset(name: Name, *, as_json: Json = False) -> None:
    """Take password, authenticator and sessions from somebody: prints a new invitation, once.

    The way back in for whoever lost their phone, the last administrator too.
    """
    from interlock.cli import people_verbs  # noqa: PLC0415 - see above

    with guarded():
        people_verbs.reset(name, as_json=as_json)


@user_app.command("code")
def code() -> None:
    """Write a fresh code for the first administrator, while there is none, and say where it is.

    Ends with 0 when it did, 1 when there is an administrator.
    """
    from interlock.cli import people_verbs  # noqa: PLC0415 - see above

    with guarded():
        written = people_verbs.first_code()
    raise typer.Exit(0 if written else 1)


@token_app.command("add")
def add_token(
    name: TokenName,
    *,
    permission: Annotated[
        list[str],
        typer.Option(
            metavar="P",
            help="What it may do, such as see_health; may be there several times.",
            show_default=False,
        ),
    ],
    days: Annotated[
        int, typer.Option(metavar="N", min=1, max=365, help="When it ends by itself.")
    ] = _DAYS,
    as_json: Json = False,
) -> None:
    """Make a service token: prints it, once; what is kept cannot be used."""
    from interlock.cli import people_verbs  # noqa: PLC0415 - see above

    with guarded():
        people_verbs.add_token(name, permission, days, as_json=as_json)


@token_app.command("list")
def tokens(*, as_json: Json = False) -> None:
    """List every service token there ever was."""
    from interlock.cli import people_verbs  # noqa: PLC0415 - see above

    with guarded():
        people_verbs.tokens(as_json=as_json)


@token_app.command("revoke")
def revoke(name: TokenName) -> None:
    """End a service token, at once and for ever."""
    from interlock.cli import people_verbs  # noqa: PLC0415 - see above

    with guarded():
        people_verbs.revoke(name)


def add_to(app: typer.Typer) -> None:
    """Give the command line these verbs."""
    app.add_typer(user_app, name="user")
    app.add_typer(token_app, name="token")
