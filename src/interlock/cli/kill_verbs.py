"""What the verbs that stop an account do with their options, and what they print."""

import json
from collections.abc import Iterator
from contextlib import suppress
from typing import Any, Final

import typer

from interlock.app.killing import KillOrder
from interlock.app.killing import kill as run_kill
from interlock.config.latch import Mode

UNCONFIRMED: Final = 1
NOT_RUNNING: Final = 3
_WIDTH: Final = 11

Said = dict[str, Any]


def _tell(text: str) -> None:
    """Say what happens, beside the answer; a terminal that is gone stops no kill."""
    with suppress(OSError):
        typer.echo(text, err=True)


def kill(
    *,
    mode: Mode,
    reason: str,
    venue: str | None,
    account: str | None,
    testnet: bool,
    timeout_s: float,
    as_json: bool,
) -> int:
    """Kill; return the exit code."""
    order = KillOrder(
        mode=mode,
        reason=reason,
        venue=venue,
        account=account,
        testnet=testnet,
        timeout_s=timeout_s,
    )
    try:
        report = run_kill(order, _tell)
    except KeyboardInterrupt:
        raise KeyboardInterrupt(
            "the kill was not seen to its end, and is UNCONFIRMED. Next: interlock kill --status"
        ) from None
    if as_json:
        _print(report.as_json())
    else:
        if not report.changed:
            typer.echo("It was killed at least as strictly before: nothing was changed.")
        for one in report.venues:
            said = "; ".join(one.doubts) or one.found.road
            typer.echo(f"{one.venue}: {one.result}: {said} ({report.took_ms / 1_000:.1f} s)")
            if one.doubts:
                typer.echo("Next: interlock kill again, or look at the venue yourself.")
    return 0 if report.is_confirmed else UNCONFIRMED


def status(*, as_json: bool) -> int:
    """Print what is killed; return the exit code."""
    from interlock.app import clearing  # noqa: PLC0415 - a kill does not need it

    found = clearing.status()
    if as_json:
        _print(found.as_json())
    else:
        for line in _status_lines(found.as_json()):
            typer.echo(line)
    return 1 if found.is_set else 0


def _status_lines(found: Said) -> Iterator[str]:
    """Yield how a home is, as far as kills go."""
    latch = found["latch"]
    words = "clear"
    if latch["state"] == "killed":
        words = f"set ({latch['mode']}), {_when(latch['ts_ns'])}, by {latch['who']}"
    elif latch["set"]:
        words = "set: it cannot be believed"
    yield f"{'latch':<{_WIDTH}}{words}"
    if latch["reason"]:
        yield f"{'':<{_WIDTH}}{latch['reason']}"
    engine = found["engine"]
    causes = "does not answer, or does not run"
    if engine is not None:
        causes = ", ".join(f"{x['cause']} {x['level']}" for x in engine) or "is not killed"
    yield f"{'engine':<{_WIDTH}}{causes}"
    venue = found["venue"]
    yield f"{'venue':<{_WIDTH}}{'nothing is left there' if venue['is_clear'] else venue['why']}"
    last = found["last"]
    if last is not None:
        results = ", ".join(f"{x['venue']} {x['result']}" for x in last["venues"])
        yield f"{'last kill':<{_WIDTH}}{_when(last['ts_ns'])}, {last['mode']}: {results}"


def _when(ts_ns: int) -> str:
    """Return a moment for people, to the second."""
    from interlock.ops.readable_rows import time_text  # noqa: PLC0415 - a kill does not need it

    return f"{time_text(ts_ns)[:19]}Z"


def clear(*, reason: str, as_json: bool) -> int:
    """Clear what was killed; return the exit code."""
    from interlock.app import clearing  # noqa: PLC0415 - a kill does not need it

    try:
        found = clearing.clear(reason, _tell)
    except TimeoutError:
        return _frozen()
    except clearing.NotRunningError as error:
        return _not_running(error)
    if as_json:
        _print(found)
    elif found["changed"]:
        typer.echo(f"The kill is cleared, by record {found['seq']}.")
    else:
        typer.echo("Nothing was killed: nothing was changed.")
    return 0


def resume(*, cause: str | None, of: str | None, reason: str, as_json: bool) -> int:
    """Release a latch or list them; return the exit code."""
    from interlock.app import clearing  # noqa: PLC0415 - a kill does not need it

    try:
        found = clearing.resume(cause, of, reason)
    except TimeoutError:
        return _frozen()
    except clearing.NotRunningError as error:
        return _not_running(error)
    if as_json:
        _print(found)
    else:
        for line in _resumed_lines(found, is_list=cause is None):
            typer.echo(line)
    return UNCONFIRMED if found["waits"] else 0


def _resumed_lines(found: Said, *, is_list: bool) -> Iterator[str]:
    """Yield what was released, what waits for more, and what is set."""
    for latch in found["released"]:
        yield f"released: {latch['cause']} of {latch['of']}"
    for latch in found["waits"]:
        yield f"{latch['cause']} of {latch['of']} still waits for: {', '.join(latch['waits_for'])}"
    if found.get("hint"):
        yield f"Next: {found['hint']}."
    if not is_list:
        return
    for latch in found["latches"]:
        waits = ", ".join(latch["waits_for"]) or "nothing"
        yield f"{latch['level']:<8} {latch['cause']} of {latch['of']}, waits for {waits}"
    if not found["latches"]:
        yield "No latch is set."


def _frozen() -> int:
    typer.echo("the engine must answer, and did not. Next: look at its process.", err=True)
    return UNCONFIRMED


def _not_running(error: Exception) -> int:
    typer.echo(str(error), err=True)
    return NOT_RUNNING


def _print(what: Said) -> None:
    typer.echo(json.dumps(what, indent=2, allow_nan=False))
