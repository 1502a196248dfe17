"""How a command ends badly: one clear message on stderr and an exit code, no stack trace."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import typer

REFUSED: Final = 2
INTERRUPTED: Final = 130


@contextmanager
def guarded() -> Iterator[None]:
    """Turn what a person did or has to know into a message; a bug keeps its stack trace."""
    try:
        yield
    except KeyboardInterrupt as error:
        said = str(error) or "nothing was written."
        typer.echo(f"Interrupted: {said}", err=True)
        raise typer.Exit(INTERRUPTED) from None
    except MemoryError:
        typer.echo("There was not enough memory; nothing was written.", err=True)
        raise typer.Exit(REFUSED) from None
    except ValueError as error:
        from interlock.app.refusals import REFUSALS  # noqa: PLC0415 - nothing slow before a verb runs

        if not isinstance(error, REFUSALS):
            raise
        typer.echo(str(error), err=True)
        raise typer.Exit(REFUSED) from None
