"""What the verbs that read journals do: one call of ``app``, and what is printed of its answer."""

import json
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, Final

import typer

from interlock.app import journals as app
from interlock.cli.screen import Terminal
from interlock.ops.readable_rows import row_said, row_text

DIFFERENT: Final = 1


def _json(content: dict[str, Any]) -> None:
    typer.echo(json.dumps(content, indent=2, allow_nan=False))


def _lines(lines: Iterable[str]) -> None:
    for line in lines:
        typer.echo(line)


def _different(error: app.DifferentError, *, as_json: bool) -> int:
    """Say what is wrong with a journal; return the exit code."""
    if as_json:
        _json({"ok": False, "error": str(error), **error.facts})
    typer.echo(str(error), err=True)
    return DIFFERENT


def _shown(found: app.Sound, *, as_json: bool) -> int:
    if as_json:
        _json(found.as_json())
    else:
        _lines(found.lines())
    return 0


def verify(journal: str | None, *, anchors: Sequence[Path], as_json: bool) -> int:
    """Print whether a journal is what was written; return the exit code."""
    try:
        with Terminal() as screen:
            found = app.run_verify(app.place_named(journal, anchors), screen.records)
    except app.DifferentError as error:
        return _different(error, as_json=as_json)
    return _shown(found, as_json=as_json)


def show(
    journal: str | None, *, from_seq: int | None, to_seq: int | None, last: int, as_json: bool
) -> None:
    """Print records."""
    place = app.place_named(journal)
    for row in app.run_show(place, from_seq=from_seq, to_seq=to_seq, last=last):
        typer.echo(json.dumps(row_said(row)) if as_json else row_text(row))


def export(journal: str | None, out: Path, *, anchors: Sequence[Path], as_json: bool) -> int:
    """Write every record as JSON; return the exit code."""
    return _written(app.run_export, journal, out, anchors, as_json=as_json)


def snapshot(journal: str | None, out: Path, *, anchors: Sequence[Path], as_json: bool) -> int:
    """Copy a journal; return the exit code."""
    return _written(app.run_snapshot, journal, out, anchors, as_json=as_json)


def _written(
    write: Callable[[Any, Path, app.Counted], app.Sound],
    journal: str | None,
    out: Path,
    anchors: Sequence[Path],
    *,
    as_json: bool,
) -> int:
    try:
        with Terminal() as screen:
            found = write(app.place_named(journal, anchors), out, screen.records)
    except app.DifferentError as error:
        return _different(error, as_json=as_json)
    return _shown(found, as_json=as_json)


def replay(
    journal: str | None,
    *,
    also_verify: bool,
    policy: Path | None,
    breakers: Path | None,
    as_json: bool,
) -> int:
    """Print whether a journal replays, or what other rules would have changed."""
    place = app.place_named(journal)
    other_rules = policy is not None or breakers is not None
    said: dict[str, Any] = {}
    lines: list[str] = []
    try:
        with Terminal() as screen:
            if also_verify or not other_rules:
                replayed = app.run_replay(place, screen.compiling, screen.events)
                said |= replayed.as_json()
                lines += replayed.lines()
            if other_rules:
                compared = app.run_what_if(
                    place, screen.compiling, screen.events, policy=policy, breakers=breakers
                )
                said["what_if"] = compared.as_json()
                lines += compared.lines()
    except app.DifferentError as error:
        return _different(error, as_json=as_json)
    if as_json:
        _json({"ok": True, **said})
    else:
        _lines(lines)
    return 0


def parity(journal: str | None, *, as_json: bool) -> int:
    """Print whether backtest, paper and journal are the same; return the exit code."""
    with Terminal() as screen:
        found = app.run_parity(app.place_named(journal), screen.compiling, screen.events)
    if as_json:
        _json(found.as_json())
    else:
        _lines(found.lines())
    return 0 if found.identical else DIFFERENT
