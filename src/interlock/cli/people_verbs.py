"""What the verbs about people do with their options, and what they print."""

import json
from collections.abc import Sequence
from typing import Any

import typer

from interlock.app.people import open_desk


def add(name: str, role: str, *, as_json: bool) -> None:
    """Invite somebody, and print their code."""
    with open_desk() as desk:
        code = desk.add(name, role)
    _print_code(name, code, as_json=as_json)


def users(*, as_json: bool) -> None:
    """Print everybody."""
    with open_desk() as desk:
        found = desk.people()
    if as_json:
        _print({"people": found})
        return
    for one in found:
        typer.echo(f"{one['name']:<24} {one['role']:<14} {one['state']:<9} {one['made']}")
    if not found:
        typer.echo("There is nobody yet. Next: interlock user code")


def set_role(name: str, role: str) -> None:
    """Make somebody something else."""
    with open_desk() as desk:
        desk.set_role(name, role)
    typer.echo(f"{name} is {role} from their next request on.")


def disable(name: str) -> None:
    """Let somebody do nothing any more."""
    with open_desk() as desk:
        desk.disable(name)
    typer.echo(f"{name} is disabled, and their sessions have ended.")


def enable(name: str) -> None:
    """Let somebody sign in again."""
    with open_desk() as desk:
        desk.enable(name)
    typer.echo(f"{name} may sign in.")


def reset(name: str, *, as_json: bool) -> None:
    """Take password, authenticator and sessions from somebody, and print a new invitation."""
    with open_desk() as desk:
        code = desk.reset(name)
    _print_code(name, code, as_json=as_json)


def first_code() -> bool:
    """Write a fresh first code; print where it is, and return whether there is one."""
    with open_desk() as desk:
        path = desk.first_code()
    if path is None:
        typer.echo("There is an administrator already. Next: interlock user list", err=True)
        return False
    typer.echo(f"The first administrator's code is in {path}, for a day and for one use.")
    return True


def add_token(name: str, permissions: Sequence[str], days: int, *, as_json: bool) -> None:
    """Make a service token, and print it."""
    with open_desk() as desk:
        token = desk.add_token(name, permissions, days)
    if as_json:
        _print({"name": name, "token": token, "days": days})
        return
    typer.echo(token)
    typer.echo(
        f"It is shown this once, and ends in {days} days. Send it as: Authorization: Bearer ...",
        err=True,
    )


def tokens(*, as_json: bool) -> None:
    """Print every service token there ever was."""
    with open_desk() as desk:
        found = desk.tokens()
    if as_json:
        _print({"tokens": found})
        return
    for one in found:
        held = ", ".join(one["permissions"])
        typer.echo(f"{one['name']:<24} {one['state']:<8} until {one['expires']}  {held}")
    if not found:
        typer.echo("There is no token.")


def revoke(name: str) -> None:
    """End a service token."""
    with open_desk() as desk:
        desk.revoke_token(name)
    typer.echo(f"The token {name} works no more.")


def _print_code(name: str, code: str, *, as_json: bool) -> None:
    if as_json:
        _print({"name": name, "code": code})
        return
    typer.echo(code)
    typer.echo(
        f"Give this code to {name}: it is shown this once, works for a day and for one use, at "
        "/setup of the dashboard.",
        err=True,
    )


def _print(what: dict[str, Any]) -> None:
    typer.echo(json.dumps(what, indent=2, allow_nan=False))
