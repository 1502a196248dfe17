"""The engine's own door: who may ask, what is answered, and what is not."""

import asyncio
import json
import os
import stat
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from interlock.runtime import control as controls
from interlock.runtime.answers import Answers
from interlock.runtime.asking import LINE_MAX, AskError, ask
from interlock.runtime.clock import ManualClock
from interlock.runtime.control import CONNECTIONS_MAX, Control
from interlock.runtime.metrics import Metrics
from tests.runtime.rig import Rig

Told = Callable[[Path], Awaitable[None]]


async def echo(asked: dict[str, Any]) -> dict[str, Any]:
    """Answer with what was asked."""
    return {"heard": asked}


async def refuses(_: dict[str, Any]) -> dict[str, Any]:
    """Refuse."""
    raise AskError("not now.")


def mode_of(path: Path) -> int:
    """Return the mode of a file."""
    return path.stat().st_mode


async def breaks(_: dict[str, Any]) -> dict[str, Any]:
    """Have a bug."""
    raise OSError("a bug")


def serving(folder: Path, story: Told) -> None:
    """Run a story against a door."""

    async def run() -> None:
        path = folder / "engine.sock"
        control = Control(path, {"echo": echo, "refuses": refuses, "breaks": breaks})
        task = asyncio.create_task(control.serve())
        while not path.exists():  # noqa: ASYNC110 - a socket's file tells nobody
            await asyncio.sleep(0.001)
        try:
            await story(path)
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
        assert not path.exists()

    asyncio.run(run())


async def asked(path: Path, *lines: bytes) -> list[Any]:
    """Return what lines are answered over one connection; it ends when that is closed."""
    reader, writer = await asyncio.open_unix_connection(path, limit=2**20)
    found: list[Any] = []
    try:
        for line in lines:
            writer.write(line)
        writer.write_eof()
        async with asyncio.timeout(20):
            while answer := await reader.readline():
                found.append(json.loads(answer))
    except ConnectionError:
        pass
    finally:
        writer.close()
    return found


def test_one_line_is_asked_and_one_is_answered(tmp_path: Path) -> None:
    """As often as somebody likes."""

    async def story(path: Path) -> None:
        found = await asked(path, b'{"ask":"echo","n":1}\n', b'{"ask":"echo","n":2}\n')
        assert [one["heard"]["n"] for one in found] == [1, 2]
        assert all(one["ok"] for one in found)

    serving(tmp_path, story)


@pytest.mark.parametrize(
    ("line", "error"),
    [
        (b"nonsense\n", "a request must be one line of JSON."),
        (b"\xff\xfe\n", "a request must be one line of JSON."),
        (b"[" * 60_000 + b"\n", "a request must be one line of JSON."),
        (b"[1]\n", "a request must be an object, was list."),
        (b"null\n", "a request must be an object, was NoneType."),
        (b"{}\n", "ask must be one of breaks, echo, refuses, was None."),
        (b'{"ask":"x"}\n', "ask must be one of breaks, echo, refuses, was 'x'."),
        (b'{"ask":["echo"]}\n', "ask must be one of breaks, echo, refuses, was ['echo']."),
        (b'{"ask":"refuses"}\n', "not now."),
    ],
)
def test_what_cannot_be_done_is_answered_in_a_sentence(
    tmp_path: Path, line: bytes, error: str
) -> None:
    """And the next one on the same connection is heard."""

    async def story(path: Path) -> None:
        found = await asked(path, line, b'{"ask":"echo"}\n')
        assert found[0] == {"ok": False, "error": error}
        assert found[1]["ok"]

    serving(tmp_path, story)


def test_a_line_that_is_too_long_ends_its_connection_and_no_other(tmp_path: Path) -> None:
    """Nothing of it is answered."""

    async def story(path: Path) -> None:
        assert await asked(path, b'{"ask":"' + b"x" * LINE_MAX * 2 + b'"}\n') == []
        assert (await asked(path, b'{"ask":"echo"}\n'))[0]["ok"]
        assert await asked(path, b'{"ask":"breaks"}\n') == []
        assert (await asked(path, b'{"ask":"echo"}\n'))[0]["ok"]

    serving(tmp_path, story)


def test_another_user_is_not_answered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The socket's mode keeps others out; who is in all the same is sent away."""

    async def story(path: Path) -> None:
        assert stat.S_IMODE(await asyncio.to_thread(mode_of, path)) == 0o600
        mine = os.getuid()
        monkeypatch.setattr(os, "getuid", lambda: mine + 1)
        assert await asked(path, b'{"ask":"echo"}\n') == []
        monkeypatch.undo()
        assert (await asked(path, b'{"ask":"echo"}\n'))[0]["ok"]

    serving(tmp_path, story)


def test_there_is_room_for_64_at_a_time(tmp_path: Path) -> None:
    """One more is sent away; when one goes there is room again."""

    async def story(path: Path) -> None:
        open_ = [await asyncio.open_unix_connection(path) for _ in range(CONNECTIONS_MAX)]
        reader, writer = open_[0]
        writer.write(b'{"ask":"echo"}\n')
        assert json.loads(await reader.readline())["ok"]
        assert await asked(path, b'{"ask":"echo"}\n') == []
        for _, each in open_:
            each.close()
        async with asyncio.timeout(20):
            while not await asked(path, b'{"ask":"echo"}\n'):  # noqa: ASYNC110 - as it is
                await asyncio.sleep(0.005)

    serving(tmp_path, story)


def test_who_says_nothing_is_sent_away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A door that is held open is no door."""
    monkeypatch.setattr(controls, "READ_TIMEOUT_S", 0.02)

    async def story(path: Path) -> None:
        reader, writer = await asyncio.open_unix_connection(path)
        async with asyncio.timeout(20):
            assert await reader.read() == b""
        writer.close()

    serving(tmp_path, story)


def test_a_program_asks_and_hears_an_answer_or_a_sentence(tmp_path: Path) -> None:
    """What is left of an engine that is gone is no engine."""

    async def story(path: Path) -> None:
        assert await asyncio.to_thread(ask, path, {"ask": "echo", "n": 3}) == {
            "heard": {"ask": "echo", "n": 3}
        }
        with pytest.raises(AskError, match="not now"):
            await asyncio.to_thread(ask, path, {"ask": "refuses"})
        with pytest.raises(ConnectionError, match="the engine hung up"):
            await asyncio.to_thread(ask, path, {"ask": "breaks"})

    serving(tmp_path, story)
    with pytest.raises(FileNotFoundError):
        ask(tmp_path / "engine.sock", {"ask": "echo"})


def test_a_socket_that_was_left_behind_is_replaced(tmp_path: Path) -> None:
    """By an engine that was killed."""
    (tmp_path / "engine.sock").touch()

    async def run() -> None:
        task = asyncio.create_task(Control(tmp_path / "engine.sock", {"echo": echo}).serve())
        async with asyncio.timeout(20):
            while True:
                with suppress(OSError):
                    if await asked(tmp_path / "engine.sock", b'{"ask":"echo"}\n'):
                        break
                await asyncio.sleep(0.002)
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task

    asyncio.run(run())


# --- what an engine answers -------------------------------------------------------------------


def test_an_engine_answers_status_metrics_reload_and_stop(tmp_path: Path) -> None:
    """Everything of it is JSON."""
    rig = Rig(tmp_path)
    loosened: list[bool] = []

    async def reload(*, loosen: bool) -> dict[str, Any]:
        loosened.append(loosen)
        return {"changes": []}

    answers = Answers(
        rig.driver,
        rig.pair.setup,
        rig.pair.names,
        Metrics(ManualClock()),
        reload,
        lambda: {"pid": 1},
    ).table()
    assert sorted(answers) == ["metrics", "reload", "status", "stop"]

    async def run() -> None:
        async with rig.running():
            await rig.ready()
            status = await answers["status"]({"ask": "status"})
            assert json.loads(json.dumps(status)) == status
            assert (status["pid"], status["phase"], status["epoch"]) == (1, "ready", 7)
            assert "interlock_commands_total" in (await answers["metrics"]({"ask": "m"}))["text"]
            assert await answers["reload"]({"ask": "reload"}) == {"changes": []}
            assert await answers["reload"]({"loosen": True}) == {"changes": []}
            assert loosened == [False, True]
            with pytest.raises(AskError, match="loosen must be true or false, was 1"):
                await answers["reload"]({"loosen": 1})
            assert await answers["stop"]({"ask": "stop"}) == {"stopping": True}
            await rig.ended()

    asyncio.run(run())
