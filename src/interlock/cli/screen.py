"""What a person sees while waiting: progress on stderr, and only where it is a terminal."""

import sys
from types import TracebackType
from typing import Final, Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

ONCE: Final = "compiling the kernel, once per version"


class Terminal:
    """Shows progress on stderr; where that is a file or a pipe, only what takes minutes is said."""

    def __init__(self) -> None:
        console = Console(stderr=True)
        self._shown = console.is_terminal
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            console=console,
            transient=True,
            disable=not self._shown,
        )
        self._task = self._progress.add_task("starting", total=None)
        self._done = 0
        self._total = 0

    def __enter__(self) -> Self:
        """Start to show."""
        self._progress.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Take the progress away again."""
        self._progress.stop()

    def tell(self, what: str) -> None:
        """Show what is being done."""
        self._progress.update(self._task, description=what, completed=0, total=None)

    def bars(self, done: int, total: int) -> None:
        """Show how many bars are done."""
        self._done, self._total = done, total
        self._progress.update(self._task, description="bars", completed=done, total=total)

    def records(self, done: int) -> None:
        """Show how many records of a journal are done; nobody knows how many there are."""
        self._progress.update(self._task, description="records", completed=done, total=None)

    def events(self, done: int) -> None:
        """Show how many events are done."""
        self._progress.update(self._task, description="events", completed=done, total=None)

    def compiling(self, piece: str, done: int, total: int) -> None:
        """Show what is compiled next."""
        if not self._shown and done < total:
            sys.stderr.write(f"{ONCE}: {done + 1} of {total}, {piece}\n")
            sys.stderr.flush()
        self._progress.update(
            self._task, description=f"{ONCE}: {piece}", completed=done, total=total
        )

    def how_far(self) -> str:
        """Return what is to be said when somebody interrupts."""
        if self._total == 0:
            return "nothing was run yet, and nothing was kept."
        return f"{self._done:,} of {self._total:,} bars were done; nothing was kept."
