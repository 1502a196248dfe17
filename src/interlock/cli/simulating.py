"""The verb that lets a simulated world fail on purpose: simulate."""

from pathlib import Path
from typing import Annotated

import typer

from interlock.cli.guard import guarded
from interlock.cli.options import Json

Faults = Annotated[
    str | None,
    typer.Option(
        metavar="A,B",
        help="The faults that exist: names, all or none; without it each seed draws them.",
        show_default=False,
    ),
]
State = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help="Where a swarm writes down how far it is, and goes on from.",
        show_default=False,
    ),
]


def simulate(
    *,
    seed: Annotated[int, typer.Option(metavar="N", min=0, help="The first seed.")] = 1,
    steps: Annotated[
        int | None,
        typer.Option(
            metavar="M", min=0, help="Steps of each world with faults.", show_default=False
        ),
    ] = None,
    swarm: Annotated[
        int | None,
        typer.Option(
            metavar="K", min=1, help="Run so many seeds, on all --jobs.", show_default=False
        ),
    ] = None,
    faults: Faults = None,
    jobs: Annotated[int, typer.Option(metavar="J", min=1, help="Processes of a swarm.")] = 1,
    events: Annotated[
        int, typer.Option(metavar="E", min=0, help="So many events end a swarm; 0: its seeds do.")
    ] = 0,
    resume: State = None,
    keep: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="Add the seeds that fail to this file.", show_default=False
        ),
    ] = None,
    shrink: Annotated[
        bool, typer.Option("--shrink/--no-shrink", help="Look for a smaller case of a failure.")
    ] = True,
    listed: Annotated[
        bool, typer.Option("--list", help="List the faults and the crash points, and run nothing.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Run the whole engine in a world that fails on purpose, and check what must always hold.

    One seed is one world: the same seed is the same world, to the bit, everywhere. A seed that
    shows what must not be ends with 1 and the line that runs it again; with 2 when something it was
    given cannot be used.
    """
    from interlock.cli import simulate_verb  # noqa: PLC0415 - nothing slow before a verb runs

    asked = simulate_verb.Asked(
        seed=seed,
        steps=steps,
        swarm=swarm,
        faults=faults,
        jobs=jobs,
        events=events,
        resume=resume,
        keep=keep,
        shrink=shrink,
        as_json=as_json,
    )
    with guarded():
        if listed:
            simulate_verb.show_list()
            return
        raise typer.Exit(simulate_verb.simulate(asked))


def add_to(app: typer.Typer) -> None:
    """Make it a verb of the command line."""
    app.command()(simulate)
