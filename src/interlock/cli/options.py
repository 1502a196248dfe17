"""The options that verbs share, with what ``--help`` says of each."""

from pathlib import Path
from typing import Annotated, Literal

import typer

Paths = Annotated[
    list[str],
    typer.Argument(
        metavar="PATH",
        help="Bars: Parquet, Feather or CSV, or sample:GOOG, sample:EURUSD. Several files are "
        "several instruments that share the account.",
        show_default=False,
    ),
]
Strategy = Annotated[
    str,
    typer.Option(help="ema_cross, donchian_breakout, rsi_reversion, or path/to/file.py:ClassName."),
]
Set = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="strategy.KEY=VALUE",
        help="A parameter of the strategy; may be there several times.",
        show_default=False,
    ),
]
Symbol = Annotated[
    list[str] | None,
    typer.Option(
        metavar="S",
        help="Instead of the symbol in the file's name; one per PATH, in their order.",
        show_default=False,
    ),
]
Repair = Annotated[
    bool,
    typer.Option("--repair", help="Mend what is wrong with the bars, counted, instead of failing."),
]
TimeZone = Annotated[
    str | None,
    typer.Option(
        "--time-zone",
        metavar="NAME",
        help="Of times that have none, such as America/New_York; UTC if not given.",
        show_default=False,
    ),
]
Instruments = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help="Instruments: yours instead of the home's or the shipped ones.",
        show_default=False,
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON on stdout, and nothing else there.")]
Policy = Annotated[
    Path | None, typer.Option(metavar="FILE", help="Risk policy (YAML).", show_default=False)
]
Breakers = Annotated[
    Path | None, typer.Option(metavar="FILE", help="Circuit breakers (TOML).", show_default=False)
]
Cash = Annotated[str, typer.Option(metavar="N", help="What the account holds, in its currency.")]
Out = Annotated[
    Path | None,
    typer.Option(
        metavar="DIR",
        help="Folder for the results; if not given, one in the home named after the run.",
        show_default=False,
    ),
]
Operator = Annotated[
    Literal["simulated", "none"],
    typer.Option(
        help="Who releases latches that wait for a person: a simulated one at the next day "
        "after the cooldown, or nobody."
    ),
]
Blackouts = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="Windows without entries (YAML or ICS).", show_default=False),
]
