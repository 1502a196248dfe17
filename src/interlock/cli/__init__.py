"""The command line: one verb, one function, no logic.

Nothing slow is imported before a verb runs, so that ``--help`` answers at once.
"""

from pathlib import Path
from typing import Annotated, Final

import typer

import interlock
from interlock.cli import auditing, journaling, killing, notifying, people, running, simulating
from interlock.cli.guard import guarded
from interlock.cli.options import (
    Blackouts,
    Breakers,
    Cash,
    Instruments,
    Json,
    Operator,
    Out,
    Paths,
    Policy,
    Repair,
    Set,
    Strategy,
    Symbol,
    TimeZone,
)

_WHERE_AND_ID: Final = 2

app = typer.Typer(
    name="interlock",
    help="Trading automation in which nothing moves unless every condition holds.\n\n"
    "Start with: interlock backtest sample:GOOG",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,  # plain text: a terminal library is slow to import
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
policy_app = typer.Typer(
    no_args_is_help=True, rich_markup_mode=None, help="Look at files of rules before they hold."
)
app.add_typer(policy_app, name="policy")


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"interlock {interlock.__version__}")
        raise typer.Exit


@app.callback()
def interlock_command(
    *,
    version: Annotated[
        bool,
        typer.Option("--version", callback=_version, is_eager=True, help="Print the version."),
    ] = False,
) -> None:
    """Trading automation in which nothing moves unless every condition holds."""


@app.command()
def backtest(
    paths: Paths,
    *,
    strategy: Strategy = "ema_cross",
    settings: Set = None,
    policy: Policy = None,
    breakers: Breakers = None,
    symbol: Symbol = None,
    cash: Cash = "100000",
    out: Out = None,
    operator: Operator = "simulated",
    instruments: Instruments = None,
    blackouts: Blackouts = None,
    repair: Repair = False,
    time_zone: TimeZone = None,
    as_json: Json = False,
) -> None:
    """Run a strategy over stored bars through the same rules that guard real money.

    Writes report.html, trades.parquet, orders.parquet, summary.json and run.json. Ends with
    0 when it ran, 2 when something it was given cannot be used, 130 when it was interrupted.
    """
    from interlock.cli import verbs  # noqa: PLC0415 - see the module's first lines

    with guarded():
        verbs.backtest(
            paths=paths,
            strategy=strategy,
            parameters=settings or [],
            policy=policy,
            breakers=breakers,
            symbols=symbol or [],
            cash=cash,
            out=out,
            operator=operator == "simulated",
            instruments=instruments,
            blackouts=blackouts,
            repair=repair,
            time_zone=time_zone,
            as_json=as_json,
        )


@app.command()
def explain(
    words: Annotated[
        list[str],
        typer.Argument(
            metavar="[WHERE] ORDER_OR_SIGNAL_ID",
            help="An id as in journal show, orders.parquet and trades.parquet: o-1C7-2, s-1C7. "
            "Before it: a backtest's folder or a journal, if not the home's own.",
            show_default=False,
        ),
    ],
    *,
    as_json: Json = False,
) -> None:
    """Say why: signal, every rule with value and limit, sizing, order, fills, exit.

    Of the home's journal, another one (a file, a folder of archive/, a URL), or a backtest's
    folder. A backtest is played again from its files up to that very decision, and refused if
    anything that it was made of has changed since.
    """
    from interlock.cli import verbs  # noqa: PLC0415 - see the module's first lines

    if len(words) > _WHERE_AND_ID:
        raise typer.BadParameter("one id, and before it a folder or a journal, is all there is.")
    with guarded():
        verbs.explain(where=words[0] if len(words) > 1 else None, name=words[-1], as_json=as_json)


@app.command()
def lookahead(
    paths: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="PATH",
            help="Bars, as for backtest; the sample bars if there is none.",
            show_default=False,
        ),
    ] = None,
    *,
    strategy: Strategy = "ema_cross",
    settings: Set = None,
    symbol: Symbol = None,
    instruments: Instruments = None,
    repair: Repair = False,
    time_zone: TimeZone = None,
    as_json: Json = False,
) -> None:
    """Check that a strategy does not use bars that lie in its future.

    Compares its signals on all bars with those bar by bar and on shortened bars. Ends with 0 when
    they are the same, 1 when they differ (the first bar that does is named), 2 when something it
    was given cannot be used.
    """
    from interlock.cli import verbs  # noqa: PLC0415 - see the module's first lines

    with guarded():
        passed = verbs.lookahead(
            paths=paths or [],
            strategy=strategy,
            parameters=settings or [],
            symbols=symbol or [],
            instruments=instruments,
            repair=repair,
            time_zone=time_zone,
            as_json=as_json,
        )
    raise typer.Exit(0 if passed else 1)


@policy_app.command("check")
def policy_check(
    files: Annotated[
        list[Path],
        typer.Argument(
            metavar="FILE",
            help="Risk policy or instruments (.yaml), circuit breakers (.toml).",
            show_default=False,
        ),
    ],
) -> None:
    """Say what is wrong with files of rules, what they leave as shipped, and what is denied.

    Ends with 0 when every file may be used, else with 2.
    """
    from interlock.cli import verbs  # noqa: PLC0415 - see the module's first lines

    with guarded():
        passed = verbs.policy_check(files)
    raise typer.Exit(0 if passed else 2)


@app.command()
def warm(
    *,
    large: Annotated[
        bool, typer.Option("--large", help="Also for runs of more than 64 instruments.")
    ] = False,
) -> None:
    """Compile the kernel now instead of at the first run; once per version."""
    from interlock.cli import verbs  # noqa: PLC0415 - see the module's first lines

    with guarded():
        verbs.warm(large=large)


running.add_to(app)
killing.add_to(app)
journaling.add_to(app)
simulating.add_to(app)
people.add_to(app)
notifying.add_to(app)
auditing.add_to(app)


def main() -> None:
    """Run the command line."""
    app()
