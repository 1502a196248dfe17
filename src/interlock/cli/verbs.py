"""What each verb does with its options: one call of ``app``, and what is printed of its answer."""

import dataclasses
import json
from collections.abc import Sequence
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any, Final

import typer
from rich.console import Console

from interlock.app import backtests as app
from interlock.cli.screen import Terminal
from interlock.cli.show import explanation_text, summary_table
from interlock.config.errors import PolicyError
from interlock.data.bars import SAMPLE_PREFIX, SAMPLES
from interlock.research.inputs import Request
from interlock.research.saved import summary_json

_SAMPLES: Final = tuple(f"{SAMPLE_PREFIX}{name}" for name in SAMPLES)


def _amount(text: str) -> Decimal:
    """Return the money that a person wrote."""
    try:
        return Decimal(text.replace(",", "").replace("_", ""))
    except InvalidOperation:
        raise PolicyError(f"--cash must be an amount such as 100000, was {text!r}.") from None


def backtest(
    *,
    paths: Sequence[str],
    strategy: str,
    parameters: Sequence[str],
    policy: Path | None,
    breakers: Path | None,
    symbols: Sequence[str],
    cash: str,
    out: Path | None,
    operator: bool,
    instruments: Path | None,
    blackouts: Path | None,
    repair: bool,
    time_zone: str | None,
    as_json: bool,
) -> None:
    """Run a backtest, and print a table and the path of the report, or the summary as JSON."""
    request = Request(
        paths=tuple(paths),
        strategy=strategy,
        parameters=tuple(parameters),
        symbols=tuple(symbols),
        cash=_amount(cash),
        operator=operator,
        repair=repair,
        time_zone=time_zone,
        instruments=instruments,
        blackouts=blackouts,
    )
    with Terminal() as screen:
        try:
            written = app.run_backtest(request, screen, policy=policy, breakers=breakers, out=out)
        except KeyboardInterrupt:
            raise KeyboardInterrupt(screen.how_far()) from None
    if as_json:
        typer.echo(summary_json(written.results.summary), nl=False)
        return
    Console().print(summary_table(written.results))
    typer.echo(str(written.report))


def explain(*, where: str | None, name: str, as_json: bool) -> None:
    """Print why an order was sent or a signal refused.

    Args:
        where: A backtest's folder, or a journal; None is the home's journal.
        name: Of the order or signal.
        as_json: Whether for a program.
    """
    from interlock.app import journals  # noqa: PLC0415 - a backtest does not need them

    with Terminal() as screen:
        if where is None or journals.is_journal(where):
            place = journals.place_named(where)
            found = journals.run_explain_journal(place, name, screen.compiling)
        else:
            found = app.run_explain(Path(where), name, screen)
    _print(dataclasses.asdict(found) if as_json else explanation_text(found))


def lookahead(
    *,
    paths: Sequence[str],
    strategy: str,
    parameters: Sequence[str],
    symbols: Sequence[str],
    instruments: Path | None,
    repair: bool,
    time_zone: str | None,
    as_json: bool,
) -> bool:
    """Print whether a strategy sees the future; return whether it does not."""
    request = Request(
        paths=tuple(paths) or _SAMPLES,
        strategy=strategy,
        parameters=tuple(parameters),
        symbols=tuple(symbols),
        instruments=instruments,
        repair=repair,
        time_zone=time_zone,
    )
    with Terminal() as screen:
        reports = app.run_lookahead(request, screen)
    if as_json:
        _print({"reports": [dataclasses.asdict(report) for report in reports]})
    else:
        for path, report in zip(request.paths, reports, strict=True):
            typer.echo(f"{path}: {report.text()}")
    return all(report.passed for report in reports)


def policy_check(files: Sequence[Path]) -> bool:
    """Print what is to be said about files of rules; return whether all may be used."""
    reports = app.run_policy_check(files)
    for report in reports:
        for line in report.lines():
            typer.echo(line, err=not report.ok)
    return all(report.ok for report in reports)


def warm(*, large: bool) -> None:
    """Compile the kernel."""
    with Terminal() as screen:
        compiled = app.run_warm(screen.compiling, large=large)
    typer.echo("The kernel is compiled." if compiled else "The kernel was compiled already.")


def _print(what: str | dict[str, Any]) -> None:
    """Print text as it is, and anything else as JSON."""
    typer.echo(what if isinstance(what, str) else json.dumps(what, indent=2, allow_nan=False))
