"""Hands alerts to the engine: in order, at once, in batches, and again until it has answered.

The engine knows an alert by its id, so that one that is handed over twice is one. Nothing here
judges an alert: also one that waited too long is for the engine to refuse, because it may have
acted on it before it fell silent.
"""

import asyncio
import json
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any, Final

from sqlalchemy.exc import SQLAlchemyError

from interlock.runtime.asking import AskError
from interlock.runtime.clock import Clock
from interlock.service.engine_client import EngineDown
from interlock.service.webhook.arrivals import RECEIVED, Stored
from interlock.service.webhook.inbox import Inbox
from interlock.service.webhook.store import Verdict

BATCH_MAX: Final = 64
BATCH_BYTES_MAX: Final = 48_000  # the engine reads lines of 64 KiB
KEPT_MAX: Final = 4_096  # in memory; the others are read again
RETRY_S: Final = (0.05, 0.1, 0.2, 0.5, 1.0)  # then the last of them
REFUSED: Final = "REFUSED"
KNOWN: Final = "KNOWN"  # it has answered this one before

Ask = Callable[..., Awaitable[dict[str, Any]]]


class Forwarder:
    """Hands alerts to the engine.

    Args:
        inbox: Has them.
        ask: Asks the engine.
        clock: Tells when answers come.
    """

    def __init__(self, inbox: Inbox, ask: Ask, *, clock: Clock) -> None:
        self._inbox = inbox
        self._ask = ask
        self._clock = clock
        self._new: deque[Stored] = deque()
        self._last = 0  # the number that was handed over last
        self._is_behind = True  # more is on the disk than in memory
        self._wake = asyncio.Event()
        self._failures = 0
        self._why = ""
        inbox.listen(self._hear)

    @property
    def is_up(self) -> bool:
        """Whether the engine took what it was handed last; so it is as long as nothing was."""
        return self._failures == 0

    @property
    def why(self) -> str:
        """Why the engine does not take alerts; "" when it does."""
        return self._why

    @property
    def waiting(self) -> int:
        """How many alerts the engine has said nothing of."""
        return self._inbox.backlog

    def _hear(self, stored: list[Stored]) -> None:
        if not self._is_behind:
            self._new.extend(stored)
            if len(self._new) > KEPT_MAX:
                self._is_behind = True
                self._new.clear()
        self._wake.set()

    async def run(self) -> None:
        """Hand over until cancelled."""
        self._wake.set()
        while True:
            await self._wake.wait()
            self._wake.clear()
            while batch := await self._next():
                await self._hand_over(batch)
                self._last = batch[-1].number

    async def _read(self) -> list[Stored]:
        """Return the next alerts on the disk; a disk that does not answer is asked again."""
        while True:
            try:
                return await self._inbox.read_unanswered(after=self._last, limit=BATCH_MAX)
            except SQLAlchemyError as error:
                await self._wait(f"the disk must be read, and was not: {type(error).__name__}.")

    async def _next(self) -> list[Stored]:
        """Return the next alerts in their order; none when there are none."""
        if self._is_behind:
            self._new.clear()
            self._is_behind = False  # before it is read: what comes meanwhile is heard of
            found = await self._read()
            if len(found) == BATCH_MAX:
                self._is_behind = True
            if found:
                return found
        batch: list[Stored] = []
        while self._new and len(batch) < BATCH_MAX:
            one = self._new.popleft()
            if one.number > self._last:
                batch.append(one)
        return batch

    async def _hand_over(self, batch: list[Stored]) -> None:
        """Hand over until every alert of a batch has its answer."""
        while batch:
            size = _fitting(batch)
            try:
                said = await self._ask("signals", signals=[one.signal for one in batch[:size]])
            except (EngineDown, AskError) as error:
                # Nothing was decided, or nobody knows: the very same is handed over again.
                await self._wait(str(error))
            else:
                batch = await self._note(batch[:size], said) + batch[size:]

    async def _note(self, batch: list[Stored], said: dict[str, Any]) -> list[Stored]:
        """Keep the answers; return the alerts that have none."""
        answers = said.get("signals")
        found = {
            one["id"]: one
            for one in (answers if isinstance(answers, list) else ())
            if isinstance(one, dict) and isinstance(one.get("id"), str)
        }
        now_ns = self._clock.now_ns()
        verdicts = [
            Verdict(
                number=one.number,
                state=_state(found[one.id]),
                content=_brief(found[one.id]),
                answered_ns=now_ns,
            )
            for one in batch
            if one.id in found
        ]
        self._inbox.note(verdicts)
        left = [one for one in batch if one.id not in found]
        if left:
            await self._wait("the engine must answer every alert, and left some out.")
        else:
            self._failures, self._why = 0, ""
        return left

    async def _wait(self, why: str) -> None:
        self._why = why
        self._failures += 1
        await asyncio.sleep(RETRY_S[min(self._failures, len(RETRY_S)) - 1])


def _state(answer: dict[str, Any]) -> str:
    """Return what became of an alert: never what it was before it was answered."""
    state = str(answer.get("state") or REFUSED)
    if state == KNOWN:
        state = str(answer.get("first") or KNOWN)
    return REFUSED if state == RECEIVED else state


def _brief(answer: dict[str, Any]) -> dict[str, Any]:
    """Return an answer without the rules that were kept: the journal has those too."""
    verdicts = answer.get("verdicts")
    if not isinstance(verdicts, list):
        return answer
    failed = [one for one in verdicts if isinstance(one, dict) and one.get("failed")]
    return {**answer, "verdicts": failed}


def _fitting(batch: list[Stored]) -> int:
    """Return how many alerts go into one line; at least one."""
    size = 0
    for count, one in enumerate(batch):
        size += len(json.dumps(one.signal))
        if size > BATCH_BYTES_MAX:
            return max(count, 1)
    return len(batch)
