"""Asks the engine, over connections that are kept; a kill waits for nobody."""

import asyncio
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from interlock.runtime.asking import LINE_MAX as ASKED_MAX
from interlock.runtime.asking import READ_TIMEOUT_S, AskError, Said, json_line
from interlock.runtime.clock import NS_PER_S, Clock
from interlock.service.metrics import GatewayMetrics

ANSWER_MAX: Final = 16 * 2**20  # a longer answer is not the engine's
ASKS_MAX: Final = 16  # at a time; the engine takes more, so that kills and commands find room
KILL_S: Final = 10.0
# The engine hangs up on who is silent for READ_TIMEOUT_S; a connection near that is not used again.
KEPT_NS: Final = int(READ_TIMEOUT_S * NS_PER_S / 2)
# What may be asked twice when a kept connection turns out to be gone: nothing happens twice.
REPEATABLE: Final = frozenset({"metrics", "probe", "signals", "status"})


class EngineDown(Exception):  # noqa: N818 - a state of the world, not an error of ours
    """No engine is there, or it did not answer.

    Args:
        message: A sentence for people.
        may_have_arrived: Whether the engine may have done what was asked.
    """

    def __init__(self, message: str, *, may_have_arrived: bool = False) -> None:
        super().__init__(message)
        self.may_have_arrived = may_have_arrived


@dataclass(slots=True, kw_only=True)
class _Line:
    """A connection to the engine, and when it was used last."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    used_ns: int

    def close(self) -> None:
        """Hang up."""
        self.writer.close()


class _HungUpError(OSError):
    """The other end closed before it answered."""


class EngineClient:
    """The gateway's way to the engine.

    Args:
        path: Of the engine's socket.
        clock: Measures answers, and how long a connection was kept.
        metrics: Counts them.
    """

    def __init__(self, path: Path, clock: Clock, metrics: GatewayMetrics | None = None) -> None:
        self._path = path
        self._clock = clock
        self._metrics = metrics
        self._kept: list[_Line] = []
        self._room = asyncio.Semaphore(ASKS_MAX)

    async def ask(self, name: str, timeout_s: float = READ_TIMEOUT_S, **fields: Any) -> Said:
        """Ask the engine something.

        Raises:
            EngineDown: There is none, or it did not answer in time.
            AskError: It refused; the sentence is for people.
        """
        started_ns = self._clock.elapsed_ns()
        result = "down"
        try:
            async with asyncio.timeout(timeout_s), self._room:
                found = await self._asked({**fields, "ask": name})
            result = "answered"
        except AskError:
            result = "refused"
            raise
        except TimeoutError:
            result = "late"
            raise EngineDown(
                f"the engine did not answer within {timeout_s:g} s.", may_have_arrived=True
            ) from None
        finally:
            self._count(name, result, started_ns)
        return found

    async def kill(self, timeout_s: float = KILL_S, **fields: Any) -> Said:
        """Ask for a kill: on a connection of its own, and behind nobody.

        Raises:
            EngineDown: There is none, or it did not answer in time.
            AskError: It refused.
        """
        started_ns = self._clock.elapsed_ns()
        result = "down"
        line: _Line | None = None
        try:
            async with asyncio.timeout(timeout_s):
                line = await self._connect()
                found = await self._converse(line, {**fields, "ask": "kill"})
            result = "answered"
        except AskError:
            result = "refused"
            raise
        except TimeoutError:
            result = "late"
            raise EngineDown(
                f"the engine did not answer within {timeout_s:g} s.", may_have_arrived=True
            ) from None
        except _HungUpError as error:
            raise EngineDown(f"{error}.", may_have_arrived=True) from None
        finally:
            self._count("kill", result, started_ns)
            if line is not None:
                line.close()
        return found

    async def close(self) -> None:
        """Hang up everywhere."""
        for line in self._kept:
            line.close()
        self._kept.clear()

    async def _asked(self, request: Said) -> Said:
        """Ask over a kept connection, or over a new one."""
        line = self._from_kept()
        if line is not None:
            try:
                return await self._keeping(line, request)
            except _HungUpError as error:
                if request["ask"] not in REPEATABLE:
                    raise EngineDown(f"{error}.", may_have_arrived=True) from None
        line = await self._connect()
        try:
            return await self._keeping(line, request)
        except _HungUpError as error:
            raise EngineDown(f"{error}.", may_have_arrived=True) from None

    async def _keeping(self, line: _Line, request: Said) -> Said:
        """Converse, and keep the connection if it is fit for another."""
        is_fit = False
        try:
            found = await self._converse(line, request)
            is_fit = True
        except AskError:
            is_fit = True
            raise
        finally:
            if is_fit and len(self._kept) < ASKS_MAX:
                line.used_ns = self._clock.elapsed_ns()
                self._kept.append(line)
            else:
                line.close()
        return found

    async def _converse(self, line: _Line, request: Said) -> Said:
        raw = json_line(request)
        if len(raw) > ASKED_MAX:
            raise AskError(f"a request must be at most {ASKED_MAX} bytes, was {len(raw)}.")
        try:
            line.writer.write(raw)
            await line.writer.drain()
            data = await line.reader.readuntil(b"\n")
        except (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError) as error:
            raise _HungUpError("the engine hung up before it answered") from error
        return _answer_in(data)

    async def _connect(self) -> _Line:
        try:
            reader, writer = await asyncio.open_unix_connection(str(self._path), limit=ANSWER_MAX)
        except OSError as error:
            raise EngineDown(f"no engine answers here: {error.strerror or error}.") from None
        return _Line(reader=reader, writer=writer, used_ns=self._clock.elapsed_ns())

    def _from_kept(self) -> _Line | None:
        """Return the connection that was used last and is still open, or None."""
        oldest_ns = self._clock.elapsed_ns() - KEPT_NS
        while self._kept:
            line = self._kept.pop()
            if line.used_ns >= oldest_ns and not line.reader.at_eof():
                return line
            line.close()
        return None

    def _count(self, name: str, result: str, started_ns: int) -> None:
        if self._metrics is not None:
            self._metrics.asked(name, result, (self._clock.elapsed_ns() - started_ns) / NS_PER_S)


def _answer_in(data: bytes) -> Said:
    """Return what an answer says."""
    try:
        answer: Said = json.loads(data)
        is_ok = answer.pop("ok")
    except (ValueError, KeyError, TypeError, AttributeError):
        raise EngineDown("the engine's answer was not one.", may_have_arrived=True) from None
    if not is_ok:
        raise AskError(str(answer.get("error", "the engine refused, and did not say why.")))
    return answer
