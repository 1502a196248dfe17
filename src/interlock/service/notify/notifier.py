"""The notifier: a thread with its own event loop, so that no request ever waits for a channel."""

import asyncio
import threading
from collections import deque
from collections.abc import Callable, Coroutine, Sequence
from contextlib import suppress
from typing import Any, Final

from sqlalchemy.exc import SQLAlchemyError

from interlock.runtime.clock import NS_PER_S, Clock
from interlock.service.database import Database
from interlock.service.metrics import GatewayMetrics
from interlock.service.notify.alert import Alert, Message
from interlock.service.notify.channel import ChannelError, Way
from interlock.service.notify.courier import SEND_S, Courier, said
from interlock.service.notify.figures import Figures
from interlock.service.notify.spool import Spool

STOP_S: Final = 2.0
TOLD_MAX: Final = 1_000  # alerts of this process that wait to be spooled
LOOK_S: Final = 30.0  # between two looks at what nobody acknowledged, at most
SPOOL_AGAIN_S: Final = 1.0

Work = Callable[[], Coroutine[Any, Any, None]]


class Notifier:
    """Sends alerts by every channel, each on its own, until somebody has seen them.

    Args:
        spool: Keeps them.
        database: The spool's.
        clock: The time.
        ways: Makes the channels, called in the notifier's own loop.
        works: Makes what else goes on there: the bot, the watch over the engine.
        closes: Returns what has to be let go at the end.
        metrics: Counts messages.
        on_trouble: Told what a person may want to know.
    """

    def __init__(
        self,
        *,
        spool: Spool,
        database: Database,
        clock: Clock,
        ways: Callable[[], Sequence[Way]],
        works: Callable[[], Sequence[Work]] = lambda: (),
        closes: Callable[[], Sequence[Work]] = lambda: (),
        metrics: GatewayMetrics | None = None,
        on_trouble: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._spool = spool
        self._database = database
        self._clock = clock
        self._ways = ways
        self._works = works
        self._closes = closes
        self._figures = Figures(metrics)
        self._on_trouble = on_trouble
        self._told: deque[Alert] = deque(maxlen=TOLD_MAX)
        self._couriers: list[Courier] = []
        self._ready = threading.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stopping: asyncio.Event | None = None
        self._news: asyncio.Event | None = None
        self._thread = threading.Thread(target=self._run, name="notifier", daemon=True)

    # --- from any thread ----------------------------------------------------------------------

    def start(self) -> None:
        """Begin to send; returns at once."""
        self._thread.start()

    def stop(self) -> None:
        """End within a moment; what waits is sent after the next start."""
        if not self._thread.is_alive():
            return
        self._ready.wait(STOP_S)
        self._call(lambda: self._stopping.set() if self._stopping else None)
        self._thread.join(STOP_S)

    def tell(self, alert: Alert) -> None:
        """Take an alert of this process; neither blocks nor raises."""
        self._told.append(alert)
        self._call(self._look)

    def wake(self) -> None:
        """Look at the spool at once: somebody else has put something there."""
        self._call(self._wake)

    def conditions(self) -> dict[str, dict[str, Any]]:
        """Return how every channel is."""
        return {courier.channel.name: said(courier) for courier in list(self._couriers)}

    def _call(self, do: Callable[[], Any]) -> None:
        loop = self._loop
        if loop is not None:
            with suppress(RuntimeError):  # it ends just now
                loop.call_soon_threadsafe(do)

    # --- the thread ---------------------------------------------------------------------------

    def _run(self) -> None:
        with asyncio.Runner() as runner:
            runner.run(self._main())

    async def _main(self) -> None:
        self._stopping, self._news = asyncio.Event(), asyncio.Event()
        ways = self._ways()
        self._couriers = [self._courier(way) for way in ways]
        works = [*(one.run for one in self._couriers), *self._works(), self._keep, self._listen]
        self._loop = asyncio.get_running_loop()
        self._ready.set()
        self._look()
        tasks = [asyncio.create_task(self._guarded(work)) for work in works]
        try:
            await self._stopping.wait()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks, timeout=STOP_S / 2)
            with suppress(ChannelError, OSError, TimeoutError):
                async with asyncio.timeout(STOP_S / 4):
                    for close in (*(way.channel.close for way in ways), *self._closes()):
                        await close()

    async def _guarded(self, work: Work) -> None:
        """Go on with one thing whatever happens to it: the others do not depend on it."""
        while True:
            try:
                await work()
            except Exception as error:  # noqa: BLE001 - nobody else would hear of it
                self._on_trouble(f"{getattr(work, '__qualname__', 'work')}: {type(error).__name__}")
            await asyncio.sleep(SPOOL_AGAIN_S)

    def _courier(self, way: Way) -> Courier:
        return Courier(
            way.channel,
            spool=self._spool,
            database=self._database,
            clock=self._clock,
            tell=self.tell,
            delivered=self._figures.delivered,
        )

    def _wake(self) -> None:
        for courier in self._couriers:
            courier.wake()

    def _look(self) -> None:
        if self._news is not None:
            self._news.set()

    async def _listen(self) -> None:
        """Spool what this process tells."""
        assert self._news is not None
        while True:
            await self._news.wait()
            self._news.clear()
            found = [self._told.popleft() for _ in range(len(self._told))]
            try:
                waiting = await self._database.run(self._spool.take, found) if found else 0
            except SQLAlchemyError:
                await self._send_unspooled(found)
                continue
            if waiting:
                self._wake()

    async def _keep(self) -> None:
        """Tell again what nobody acknowledged, in time."""
        while True:
            next_ns = await self._database.run(self._spool.escalate)
            self._wake()
            left_s = LOOK_S
            if next_ns is not None:
                left_s = min(max((next_ns - self._clock.now_ns()) / NS_PER_S, 0.05), LOOK_S)
            await asyncio.sleep(left_s)

    async def _send_unspooled(self, found: Sequence[Alert]) -> None:
        """Send what cannot even be kept: once, and to everybody."""
        for alert in found:
            if alert.severity != "critical":
                continue
            text = f"[CRITICAL] {alert.title}\n{alert.text}\nThis alert could not be kept."
            message = Message(ids=(), severity="critical", subject=alert.title, text=text)
            for courier in self._couriers:
                with suppress(ChannelError, TimeoutError):
                    async with asyncio.timeout(SEND_S):
                        await courier.channel.send(message)
