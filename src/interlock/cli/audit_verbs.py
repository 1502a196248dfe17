"""What the verbs about the audit do: one call of ``app``, and what is printed of its answer."""

import json
from pathlib import Path
from typing import Any, Final

import typer

from interlock.app import auditing as app
from interlock.app.journals import DifferentError
from interlock.cli.screen import Terminal

DIFFERENT: Final = 1


def _json(content: dict[str, Any]) -> None:
    typer.echo(json.dumps(content, indent=2, allow_nan=False))


def verify(*, as_json: bool) -> int:
    """Print whether the audit is what was written; return the exit code."""
    try:
        with Terminal() as screen:
            found = app.run_verify(screen.records)
    except DifferentError as error:
        if as_json:
            _json({"ok": False, "error": str(error), **error.facts})
        typer.echo(str(error), err=True)
        return DIFFERENT
    if as_json:
        _json(found.as_json())
    else:
        for line in found.lines():
            typer.echo(line)
    return 0


def tail(last: int, *, as_json: bool) -> None:
    """Print what happened last."""
    for line in app.run_tail(last):
        typer.echo(json.dumps(line) if as_json else app.tail_text(line))


def export(out: Path, *, as_json: bool) -> None:
    """Write all of it into a file."""
    count = app.run_export(out, "csv" if out.suffix.lower() == ".csv" else "jsonl")
    if as_json:
        _json({"ok": True, "file": str(out), "lines": count})
    else:
        typer.echo(f"{out}: {count:,} lines.")
