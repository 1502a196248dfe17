"""An engine's door without an engine: it answers what a test says, from a thread of its own."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from interlock.runtime.asking import AskError
from interlock.runtime.control import Answer, Control

Said = dict[str, Any]


class Door:
    """Answers at an engine's socket.

    Args:
        path: Of the socket.
        answers: What is answered, by name: a function of the request, or an AskError to refuse.
    """

    def __init__(self, path: Path, answers: dict[str, Callable[[Said], Said] | AskError]) -> None:
        self.asked: list[Said] = []
        self._path = path
        self._answers = answers

    def _table(self) -> dict[str, Answer]:
        def answering(name: str) -> Answer:
            async def answer(asked: Said) -> Said:
                self.asked.append(asked)
                found = self._answers[name]
                if isinstance(found, AskError):
                    raise found
                return found(asked)

            return answer

        return {name: answering(name) for name in self._answers}

    @contextmanager
    def open(self) -> Iterator["Door"]:
        """Answer for as long as the block lasts."""
        is_up = threading.Event()
        loops: list[tuple[asyncio.AbstractEventLoop, asyncio.Task[None]]] = []

        async def serve() -> None:
            task = asyncio.create_task(Control(self._path, self._table()).serve())
            loops.append((asyncio.get_running_loop(), task))
            while not self._path.exists():  # noqa: ASYNC110 - a socket's file tells nobody
                await asyncio.sleep(0.001)
            is_up.set()
            with suppress(asyncio.CancelledError):
                await task

        thread = threading.Thread(target=asyncio.run, args=(serve(),))
        thread.start()
        assert is_up.wait(20)
        try:
            yield self
        finally:
            loop, task = loops[0]
            loop.call_soon_threadsafe(task.cancel)
            thread.join()
