"""The one writer of alerts: a thread that makes all that wait durable in one commit.

An alert is answered when it is on the disk. While a commit is under way others gather, so that the
disk is waited for once for all of them.
"""

import asyncio
import queue
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from sqlalchemy.exc import SQLAlchemyError

from interlock.config.webhook import WebhookSettings
from interlock.runtime.clock import NS_PER_S, Clock
from interlock.service.database import Database
from interlock.service.webhook.arrivals import AHEAD_NS, Arrival, Kept, Stored
from interlock.service.webhook.store import (
    Verdict,
    count_unanswered,
    keep,
    last_number,
    note_verdicts,
    prune,
    unanswered,
)

BATCH_MAX: Final = 256
WAITING_MAX: Final = 2_048  # for the disk
BACKLOG_MAX: Final = 100_000  # for an engine that is down
PRUNE_NS: Final = 600 * NS_PER_S

Hear = Callable[[list[Stored]], None]


class NotKeptError(Exception):
    """An alert could not be made durable; it may be sent again.

    Attributes:
        is_full: Whether too much waits, and not the disk.
    """

    def __init__(self, message: str, *, is_full: bool = False) -> None:
        super().__init__(message)
        self.is_full = is_full


@dataclass(frozen=True, slots=True)
class _Waiting:
    """An alert, and who waits for it to be durable."""

    arrival: Arrival
    future: "asyncio.Future[Kept]"


class _Stop:
    """The thread ends when it comes to this."""


class Inbox:
    """Keeps alerts and what became of them.

    Args:
        database: It has to be alone in writing alerts to it.
        clock: Tells when to forget.
        settings: For how long, and what counts as the same.
    """

    def __init__(self, database: Database, *, clock: Clock, settings: WebhookSettings) -> None:
        self._database = database
        self._clock = clock
        self._settings = settings
        self._queue: queue.SimpleQueue[_Waiting | Verdict | _Stop] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="webhook-inbox", daemon=True)
        self._unwritten: list[Verdict] = []
        self._hear: Hear | None = None
        self._waiting = 0  # in the event loop's thread only
        self._number = 0
        self._backlog = 0
        self._pruned_ns: int | None = None

    def start(self) -> None:
        """Begin to write."""
        with self._database.read() as connection:
            self._number = last_number(connection)
            self._backlog = count_unanswered(connection)
        self._thread.start()

    def stop(self) -> None:
        """Write what waits, and end."""
        self._queue.put(_Stop())
        if self._thread.is_alive():
            self._thread.join()

    def listen(self, hear: Hear) -> None:
        """Have somebody told, in the event loop, of every new alert as soon as it is durable."""
        self._hear = hear

    @property
    def backlog(self) -> int:
        """How many alerts the engine has said nothing of."""
        return self._backlog

    async def put(self, arrival: Arrival) -> Kept:
        """Keep an alert; it is durable when this returns.

        Raises:
            NotKeptError: It is not. Whoever gives up waiting does not take it back.
        """
        if self._waiting >= WAITING_MAX or self._backlog >= BACKLOG_MAX:
            raise NotKeptError("too many alerts wait.", is_full=True)
        future: asyncio.Future[Kept] = asyncio.get_running_loop().create_future()
        self._waiting += 1
        self._queue.put(_Waiting(arrival, future))
        return await future

    def note(self, verdicts: list[Verdict]) -> None:
        """Keep what the engine said; soon, and not before this returns."""
        for one in verdicts:
            self._queue.put(one)

    async def read_unanswered(self, *, after: int, limit: int) -> list[Stored]:
        """Return the first alerts behind a number of which the engine has said nothing."""

        def read() -> list[Stored]:
            with self._database.read() as connection:
                return unanswered(connection, after=after, limit=limit)

        return await self._database.run(read)

    # --- in the thread ----------------------------------------------------------------------------

    def _run(self) -> None:
        going = True
        while going:
            items = [self._queue.get()]
            while len(items) < BATCH_MAX:
                try:
                    items.append(self._queue.get_nowait())
                except queue.Empty:
                    break
            going = not any(isinstance(one, _Stop) for one in items)
            self._unwritten += [one for one in items if isinstance(one, Verdict)]
            self._write([one for one in items if isinstance(one, _Waiting)])

    def _write(self, waiting: list[_Waiting]) -> None:
        """Commit what waits, then tell who waits."""
        arrivals = [one.arrival for one in waiting]
        try:
            with self._database.begin() as connection:
                kept = keep(
                    connection, arrivals, number=self._number, same_ns=self._settings.same_ns
                )
                note_verdicts(connection, self._unwritten)
                if self._is_time_to_prune():
                    # One whose clock was ahead is too old a little later than it came.
                    kept_ns = self._settings.kept_ns + AHEAD_NS
                    prune(connection, before_ns=self._clock.now_ns() - kept_ns)
        except (SQLAlchemyError, OSError) as error:
            self._tell(waiting, NotKeptError(f"the disk did not take it: {type(error).__name__}."))
            return
        self._number += len(arrivals)
        self._backlog += sum(one.is_new for one in kept) - len(self._unwritten)
        self._unwritten = []
        self._tell(waiting, kept)

    def _is_time_to_prune(self) -> bool:
        now_ns = self._clock.elapsed_ns()
        if self._pruned_ns is not None and now_ns - self._pruned_ns < PRUNE_NS:
            return False
        self._pruned_ns = now_ns
        return True

    def _tell(self, waiting: list[_Waiting], kept: list[Kept] | NotKeptError) -> None:
        if not waiting:
            return
        loop = waiting[0].future.get_loop()
        try:
            loop.call_soon_threadsafe(self._deliver, waiting, kept)
        except RuntimeError:
            return  # the loop has ended; what is durable is found at the next start

    def _deliver(self, waiting: list[_Waiting], kept: list[Kept] | NotKeptError) -> None:
        """Answer who waits, in the event loop."""
        self._waiting -= len(waiting)
        if isinstance(kept, NotKeptError):
            for one in waiting:
                if not one.future.done():
                    one.future.set_exception(kept)
            return
        for one, result in zip(waiting, kept, strict=True):
            if not one.future.done():
                one.future.set_result(result)
        new = [result.stored for result in kept if result.is_new]
        if new and self._hear is not None:
            self._hear(new)
