"""The verbs about the audit: audit verify, tail, export."""

from pathlib import Path
from typing import Annotated

import typer

from interlock.cli.guard import guarded
from interlock.cli.options import Json

audit_app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    help="Look at who did what, also while nothing runs.",
)


@audit_app.command("verify")
def verify(*, as_json: Json = False) -> None:
    """See that the audit is what was written: rows, chain, file, and what the engine was told.

    Ends with 0 when it is, 1 when it is not (every problem is named), 2 when there is none.
    """
    from interlock.cli import audit_verbs  # noqa: PLC0415 - nothing slow before a verb runs

    with guarded():
        code = audit_verbs.verify(as_json=as_json)
    raise typer.Exit(code)


@audit_app.command("tail")
def tail(
    *,
    last: Annotated[int, typer.Option(metavar="N", min=1, help="So many lines.")] = 20,
    as_json: Json = False,
) -> None:
    """Print what happened last: what people did, and the engine's orders, fills and kills."""
    from interlock.cli import audit_verbs  # noqa: PLC0415 - see above

    with guarded():
        audit_verbs.tail(last, as_json=as_json)


@audit_app.command("export")
def export(
    out: Annotated[
        Path,
        typer.Argument(
            metavar="OUT",
            help="The file to write: .csv is a table, else JSON lines.",
            show_default=False,
        ),
    ],
    *,
    as_json: Json = False,
) -> None:
    """Write all of it into a file for this user alone.

    Ends with 2 when the file is there already or cannot be written.
    """
    from interlock.cli import audit_verbs  # noqa: PLC0415 - see above

    with guarded():
        audit_verbs.export(out, as_json=as_json)


def add_to(app: typer.Typer) -> None:
    """Make them verbs of the command line."""
    app.add_typer(audit_app, name="audit")
