"""Asking the engine: kept connections, answers that never come, and kills that wait for nobody."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

import pytest

from interlock.runtime.asking import LINE_MAX, AskError
from interlock.runtime.clock import NS_PER_S, ManualClock
from interlock.service.engine_client import ASKS_MAX, KEPT_NS, EngineClient, EngineDown
from interlock.service.metrics import GatewayMetrics

Said = dict[str, Any]
Answer = Callable[[Said, asyncio.StreamWriter], Awaitable[None]]


async def say(writer: asyncio.StreamWriter, **content: Any) -> None:
    """Write one line."""
    writer.write(json.dumps({"ok": True, **content}).encode() + b"\n")
    await writer.drain()


class FakeEngine:
    """Listens where an engine would, and answers as a test says.

    Args:
        path: Of the socket.
        answer: Called for each line.
    """

    def __init__(self, path: Path, answer: Answer) -> None:
        self.path = path
        self.asked: list[Said] = []
        self.connections = 0
        self._answer = answer
        self._writers: list[asyncio.StreamWriter] = []

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_unix_server(self._one, path=str(self.path))
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        self.hang_up()

    def hang_up(self) -> None:
        """Close every connection."""
        for writer in self._writers:
            writer.close()
        self._writers.clear()

    async def _one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self._writers.append(writer)
        with suppress(OSError):
            while line := await reader.readline():
                asked = json.loads(line)
                self.asked.append(asked)
                await self._answer(asked, writer)


async def echo(asked: Said, writer: asyncio.StreamWriter) -> None:
    """Answer with what was asked."""
    await say(writer, said=asked)


def run(test: Coroutine[Any, Any, None]) -> None:
    """Run a test in a loop of its own."""
    asyncio.run(asyncio.wait_for(test, 30))


def test_connections_are_kept_and_given_up_before_the_engine_hangs_up(tmp_path: Path) -> None:
    async def test() -> None:
        clock = ManualClock()
        async with FakeEngine(tmp_path / "e.sock", echo) as engine:
            client = EngineClient(engine.path, clock)
            for number in range(3):
                found = await client.ask("status", limits=number)
                assert found == {"said": {"ask": "status", "limits": number}}
            assert engine.connections == 1
            clock.advance(KEPT_NS + 1)
            await client.ask("status")
            assert engine.connections == 2
            await client.close()

    run(test())


def test_a_refusal_is_a_sentence_and_the_connection_is_kept(tmp_path: Path) -> None:
    async def refuse(_: Said, writer: asyncio.StreamWriter) -> None:
        await say(writer, ok=False, error="mode must be pause.")

    async def test() -> None:
        async with FakeEngine(tmp_path / "e.sock", refuse) as engine:
            client = EngineClient(engine.path, ManualClock())
            for _ in range(2):
                with pytest.raises(AskError, match="mode must be pause"):
                    await client.ask("kill")
            assert engine.connections == 1
            await client.close()

    run(test())


def test_without_an_engine_it_says_so(tmp_path: Path) -> None:
    async def test() -> None:
        client = EngineClient(tmp_path / "none.sock", ManualClock())
        with pytest.raises(EngineDown, match="no engine answers") as error:
            await client.ask("status")
        assert not error.value.may_have_arrived
        with pytest.raises(EngineDown, match="no engine answers") as error:
            await client.kill(mode="pause")
        assert not error.value.may_have_arrived

    run(test())


def test_an_engine_that_does_not_answer_is_not_waited_for(tmp_path: Path) -> None:
    async def nothing(_: Said, _writer: asyncio.StreamWriter) -> None:
        await asyncio.Event().wait()

    async def test() -> None:
        async with FakeEngine(tmp_path / "e.sock", nothing) as engine:
            client = EngineClient(engine.path, ManualClock())
            for ask in (client.ask("status", 0.05), client.kill(0.05, mode="pause")):
                with pytest.raises(EngineDown, match=r"within 0\.05 s") as error:
                    await ask
                assert error.value.may_have_arrived
            await client.close()

    run(test())


def test_a_late_answer_is_never_taken_for_another_ones(tmp_path: Path) -> None:
    go_on = asyncio.Event()

    async def slow_first(asked: Said, writer: asyncio.StreamWriter) -> None:
        if asked["ask"] == "metrics":
            await go_on.wait()
        await echo(asked, writer)

    async def test() -> None:
        async with FakeEngine(tmp_path / "e.sock", slow_first) as engine:
            client = EngineClient(engine.path, ManualClock())
            with pytest.raises(EngineDown):
                await client.ask("metrics", 0.05)
            go_on.set()
            assert (await client.ask("status"))["said"]["ask"] == "status"
            await client.close()

    run(test())


def test_slow_answers_hold_up_neither_kills_nor_one_another(tmp_path: Path) -> None:
    go_on, all_asked = asyncio.Event(), asyncio.Event()
    engine_asked: list[Said] = []

    async def slow(asked: Said, writer: asyncio.StreamWriter) -> None:
        if asked["ask"] == "probe":
            if len(engine_asked) == ASKS_MAX:
                all_asked.set()
            await go_on.wait()
        await echo(asked, writer)

    async def test() -> None:
        async with FakeEngine(tmp_path / "e.sock", slow) as engine:
            engine.asked = engine_asked
            client = EngineClient(engine.path, ManualClock())
            slow_ones = [asyncio.create_task(client.ask("probe", 20.0)) for _ in range(ASKS_MAX)]
            await all_asked.wait()
            queued = asyncio.create_task(client.ask("status", 20.0))
            killed = await client.kill(mode="pause", who="user:a")
            assert killed["said"] == {"ask": "kill", "mode": "pause", "who": "user:a"}
            assert not queued.done(), "there is room for so many, and kills are not among them"
            go_on.set()
            await asyncio.gather(*slow_ones, queued)
            assert engine.connections <= ASKS_MAX + 1
            await client.close()

    run(test())


def test_a_kept_connection_that_is_gone_is_replaced_for_what_may_be_asked_twice(
    tmp_path: Path,
) -> None:
    async def test() -> None:
        async with FakeEngine(tmp_path / "e.sock", echo) as engine:
            client = EngineClient(engine.path, ManualClock())
            await client.ask("status")
            engine.hang_up()
            assert (await client.ask("signals"))["said"]["ask"] == "signals"
            await client.close()

    run(test())


def test_what_may_not_be_asked_twice_is_not(tmp_path: Path) -> None:
    answered = 0

    async def once(asked: Said, writer: asyncio.StreamWriter) -> None:
        nonlocal answered
        answered += 1
        if answered == 1:
            await echo(asked, writer)
        else:
            writer.close()

    async def test() -> None:
        async with FakeEngine(tmp_path / "e.sock", once) as engine:
            client = EngineClient(engine.path, ManualClock())
            await client.ask("resume")
            with pytest.raises(EngineDown, match="hung up before it answered") as error:
                await client.ask("resume")
            assert error.value.may_have_arrived
            assert len(engine.asked) == 2
            await client.close()

    run(test())


@pytest.mark.parametrize("line", [b"{\n", b"[]\n", b"{}\n", b"\xff\n"])
def test_an_answer_that_is_none_is_no_engine(tmp_path: Path, line: bytes) -> None:
    async def nonsense(_: Said, writer: asyncio.StreamWriter) -> None:
        writer.write(line)
        await writer.drain()

    async def test() -> None:
        async with FakeEngine(tmp_path / "e.sock", nonsense) as engine:
            client = EngineClient(engine.path, ManualClock())
            with pytest.raises(EngineDown, match="was not one"):
                await client.ask("status")
            await client.close()

    run(test())


def test_large_answers_are_taken_and_large_questions_are_not_sent(tmp_path: Path) -> None:
    async def large(_: Said, writer: asyncio.StreamWriter) -> None:
        await say(writer, text="a" * 1_000_000)

    async def test() -> None:
        async with FakeEngine(tmp_path / "e.sock", large) as engine:
            client = EngineClient(engine.path, ManualClock())
            assert len((await client.ask("status"))["text"]) == 1_000_000
            with pytest.raises(AskError, match="at most"):
                await client.ask("signals", text="a" * LINE_MAX)
            assert len(engine.asked) == 1
            await client.close()

    run(test())


def test_questions_are_counted_with_how_they_ended(tmp_path: Path) -> None:
    async def test() -> None:
        metrics = GatewayMetrics()
        clock = ManualClock()

        async def slow(asked: Said, writer: asyncio.StreamWriter) -> None:
            clock.advance(2 * NS_PER_S)
            await echo(asked, writer)

        async with FakeEngine(tmp_path / "e.sock", slow) as engine:
            client = EngineClient(engine.path, clock, metrics)
            await client.ask("status")
            await client.kill(mode="pause")
            await client.close()
        with pytest.raises(EngineDown):
            await client.ask("status")
        name = "interlock_gateway_engine_ask_seconds"
        found = metrics.registry.get_sample_value
        assert found(f"{name}_sum", {"ask": "status", "result": "answered"}) == 2.0
        assert found(f"{name}_count", {"ask": "kill", "result": "answered"}) == 1
        assert found(f"{name}_count", {"ask": "status", "result": "down"}) == 1

    run(test())
