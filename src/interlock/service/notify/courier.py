"""Brings what waits to one channel: at once when it can, and later and later when it cannot."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy.exc import SQLAlchemyError

from interlock.runtime.clock import NS_PER_S, Clock
from interlock.service.database import Database
from interlock.service.notify.alert import Alert, Message, one_line
from interlock.service.notify.channel import Channel, ChannelError
from interlock.service.notify.spool import Spool
from interlock.service.notify.wording import messages_of

SEND_S: Final = 20.0  # for one message
AT_ONCE: Final = 500  # alerts looked at in one go
PAUSE_MAX_S: Final = 300.0  # between two tries at a channel that does not work
PAUSE_SAID_MAX_S: Final = 3_600.0  # when the channel itself says how long
DATABASE_PAUSE_S: Final = 1.0
TELL_AFTER: Final = 3  # failures in a row


@dataclass(slots=True, kw_only=True)
class Condition:
    """How a channel is.

    Attributes:
        last_ok: Whether the last message got through; None before the first.
        failures: In a row.
        problem: Of the last failure.
    """

    last_ok: bool | None = None
    failures: int = 0
    problem: str = ""


class Courier:
    """Sends what waits for one channel.

    Args:
        channel: Where to.
        spool: What waits.
        database: Whose threads do what blocks.
        clock: Counts pauses.
        tell: Takes alerts about the channel itself.
        delivered: Told of each message that got through: how many alerts, and after how many s.
    """

    def __init__(
        self,
        channel: Channel,
        *,
        spool: Spool,
        database: Database,
        clock: Clock,
        tell: Callable[[Alert], None],
        delivered: Callable[[str, int, float], None] = lambda _name, _count, _s: None,
    ) -> None:
        self.channel = channel
        self.condition = Condition()
        self._spool = spool
        self._database = database
        self._clock = clock
        self._tell = tell
        self._delivered = delivered
        self._woken = asyncio.Event()
        self._not_before_ns = 0

    def wake(self) -> None:
        """Look at once; called in the loop."""
        self._woken.set()

    async def run(self) -> None:
        """Send until cancelled."""
        while True:
            self._woken.clear()
            try:
                pause_s = await self._round()
            except SQLAlchemyError as error:
                self.condition.problem = type(error).__name__
                pause_s = DATABASE_PAUSE_S
            await self._rest(pause_s)

    async def _rest(self, pause_s: float | None) -> None:
        try:
            async with asyncio.timeout(pause_s):
                await self._woken.wait()
        except TimeoutError:
            return
        left_ns = self._not_before_ns - self._clock.elapsed_ns()
        if left_ns > 0:  # whatever came meanwhile waits with the others
            await asyncio.sleep(left_ns / NS_PER_S)

    async def _round(self) -> float | None:
        """Send what waits; return how long to rest, None until woken."""
        name = self.channel.name
        waiting = await self._database.run(self._spool.due, name, AT_ONCE)
        if not waiting:
            return None
        made_ns = {one.delivery: one.made_ns for one in waiting}
        for numbers, message in messages_of(waiting, self._spool.dropped(name)):
            pause_s = await self._send(numbers, message)
            if pause_s is not None:
                self._not_before_ns = self._clock.elapsed_ns() + int(pause_s * NS_PER_S)
                return pause_s
            oldest_ns = min((made_ns[each] for each in numbers), default=self._clock.now_ns())
            age_s = (self._clock.now_ns() - oldest_ns) / NS_PER_S
            self._delivered(name, len(numbers), age_s)
        return 0.0  # there may be more

    async def _send(self, numbers: list[int], message: Message) -> float | None:
        """Send one message; return how long to wait after a failure, None after none."""
        try:
            async with asyncio.timeout(SEND_S):
                reference = await self.channel.send(message)
        except (ChannelError, TimeoutError) as error:
            return await self._failed(numbers, _why(error))
        # Whoever ends this now does not make the message unsent.
        await asyncio.shield(self._database.run(self._spool.sent, numbers, reference))
        if self.condition.failures >= TELL_AFTER:
            self._tell(_up(self.channel.name))
        self.condition = Condition(last_ok=True)
        return None

    async def _failed(self, numbers: list[int], error: ChannelError) -> float:
        condition, name = self.condition, self.channel.name
        condition.last_ok = False
        condition.failures += 1
        condition.problem = one_line(str(error))
        keep = self._spool.gone if error.is_final else self._spool.failed
        await asyncio.shield(self._database.run(keep, numbers, condition.problem))
        if condition.failures == TELL_AFTER:
            self._tell(_down(name, condition.problem))
        if error.wait_s:
            return min(error.wait_s, PAUSE_SAID_MAX_S)
        return min(2.0 ** min(condition.failures - 1, 10), PAUSE_MAX_S)


def _why(error: ChannelError | TimeoutError) -> ChannelError:
    if isinstance(error, ChannelError):
        return error
    return ChannelError(f"no answer within {SEND_S:g} s")


def _down(name: str, problem: str) -> Alert:
    return Alert(
        key=f"channel:{name}",
        severity="warning",
        title=f"{name} does not take messages: they wait",
        text=problem,
    )


def _up(name: str) -> Alert:
    return Alert(
        key=f"channel_up:{name}",
        severity="info",
        title=f"{name} takes messages again",
        closes=(f"channel:{name}",),
    )


def said(courier: Courier) -> dict[str, Any]:
    """Return how a channel is, for whoever looks."""
    one = courier.condition
    return {"last_ok": one.last_ok, "failures": one.failures, "problem": one.problem}
