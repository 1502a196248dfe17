"""The verbs that read journals: journal verify, show, export, snapshot; replay; parity."""

from pathlib import Path
from typing import Annotated

import typer

from interlock.cli.guard import guarded
from interlock.cli.options import Breakers, Json, Policy

Journal = Annotated[
    str | None,
    typer.Argument(
        metavar="JOURNAL",
        help="A file, a folder of archive/, or a postgresql:// URL; if not given, the home's own.",
        show_default=False,
    ),
]
AnchorFiles = Annotated[
    list[Path] | None,
    typer.Option(
        metavar="FILE",
        help="More files that hold its anchors; the home's own are used for the home's journal.",
        show_default=False,
    ),
]
Target = Annotated[
    Path, typer.Argument(metavar="OUT", help="The file to write.", show_default=False)
]

journal_app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    help="Look at a journal, also while the engine runs, or at a copy on another machine.",
)


@journal_app.command("verify")
def verify(journal: Journal = None, *, anchors: AnchorFiles = None, as_json: Json = False) -> None:
    """See that a journal is what was written: every row, every link, its end, its anchors.

    Ends with 0 when it is, 1 when it is damaged (the first bad record and what was done to it are
    named), 2 when it cannot be opened.
    """
    from interlock.cli import journal_verbs  # noqa: PLC0415 - nothing slow before a verb runs

    with guarded():
        code = journal_verbs.verify(journal, anchors=anchors or [], as_json=as_json)
    raise typer.Exit(code)


@journal_app.command("show")
def show(
    journal: Journal = None,
    *,
    seq: Annotated[
        int | None,
        typer.Option(metavar="N", help="This record, or the first one.", show_default=False),
    ] = None,
    to: Annotated[
        int | None, typer.Option(metavar="N", help="The last record.", show_default=False)
    ] = None,
    last: Annotated[
        int, typer.Option(metavar="N", min=1, help="Without --seq: so many records.")
    ] = 20,
    as_json: Json = False,
) -> None:
    """Print records in words, sound or not: the last ones, or those that are asked for."""
    from interlock.cli import journal_verbs  # noqa: PLC0415 - see above

    with guarded():
        journal_verbs.show(journal, from_seq=seq, to_seq=to, last=last, as_json=as_json)


@journal_app.command("export")
def export(
    out: Target, journal: Journal = None, *, anchors: AnchorFiles = None, as_json: Json = False
) -> None:
    """Write every record as a line of JSON, all of its bytes and in words, verified on the way.

    Ends with 0, 1 when the journal is damaged (nothing is left of the file), 2 when the file is
    there already or cannot be written.
    """
    from interlock.cli import journal_verbs  # noqa: PLC0415 - see above

    with guarded():
        code = journal_verbs.export(journal, out, anchors=anchors or [], as_json=as_json)
    raise typer.Exit(code)


@journal_app.command("snapshot")
def snapshot(
    out: Target, journal: Journal = None, *, anchors: AnchorFiles = None, as_json: Json = False
) -> None:
    """Copy a journal into a SQLite file while the engine runs, and verify the copy.

    Ends with 0, 1 when the journal is damaged (nothing is left of the copy), 2 when the file is
    there already or cannot be written.
    """
    from interlock.cli import journal_verbs  # noqa: PLC0415 - see above

    with guarded():
        code = journal_verbs.snapshot(journal, out, anchors=anchors or [], as_json=as_json)
    raise typer.Exit(code)


def replay(
    journal: Journal = None,
    *,
    verify: Annotated[
        bool, typer.Option("--verify", help="Compare every command and state (also without it).")
    ] = False,
    policy: Policy = None,
    breakers: Breakers = None,
    as_json: Json = False,
) -> None:
    """Hand a journal's events to the kernel again and compare what it commands, bit for bit.

    With other rules: what each of them would have changed, decision by decision; of the two files,
    the one that is not given is the home's own, else the shipped one. Ends with 0, 1 when the
    journal does not replay to what it says, 2 when it cannot be replayed.
    """
    from interlock.cli import journal_verbs  # noqa: PLC0415 - see above

    with guarded():
        code = journal_verbs.replay(
            journal, also_verify=verify, policy=policy, breakers=breakers, as_json=as_json
        )
    raise typer.Exit(code)


def parity(journal: Journal = None, *, as_json: Json = False) -> None:
    """Compare a recorded session with a backtest of it, intent by intent and fill by fill.

    Ends with 0 when they are the same, 1 when they differ, 2 when it cannot be compared.
    """
    from interlock.cli import journal_verbs  # noqa: PLC0415 - see above

    with guarded():
        code = journal_verbs.parity(journal, as_json=as_json)
    raise typer.Exit(code)


def add_to(app: typer.Typer) -> None:
    """Make them verbs of the command line."""
    app.command()(replay)
    app.command()(parity)
    app.add_typer(journal_app, name="journal")
