"""Things that may hang with a disk, done in threads of their own by somebody who may not hang."""

import threading
from collections.abc import Callable
from queue import SimpleQueue
from typing import TypeVar

T = TypeVar("T")


def within(limit_s: float, what: Callable[[], T]) -> T | None:
    """Return what ``what`` returns; None when it takes longer, and it goes on all the same."""
    found: list[T] = []
    thread = threading.Thread(target=lambda: found.append(what()), name="aside", daemon=True)
    thread.start()
    thread.join(limit_s)
    return found[0] if found else None


class Aside:
    """Does one thing after the other, and nobody waits for it."""

    def __init__(self) -> None:
        self._queue: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="words", daemon=True)
        self._thread.start()

    def do(self, what: Callable[[], None]) -> None:
        """Do it soon."""
        self._queue.put(what)

    def end(self, limit_s: float) -> None:
        """Wait until all of it is done, but no longer than a time."""
        self._queue.put(None)
        self._thread.join(limit_s)

    def _run(self) -> None:
        while (what := self._queue.get()) is not None:
            what()
