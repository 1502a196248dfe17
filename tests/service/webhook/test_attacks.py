"""Poison over a real socket: refused, one line of the audit at most, the next one served."""

import asyncio
import json
import socket
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from interlock.service.server import Limits, make_server, serve
from interlock.service.webhook.recent import recent_webhooks
from tests.service.apps import Log
from tests.service.attacks.webhook_cases import ATTACKS, SECRET, sent
from tests.service.webhook.rig import SPY, Rig, run

ENOUGH = 60
assert len(ATTACKS) >= ENOUGH


@dataclass(frozen=True, slots=True)
class Place:
    """Where a server listens."""

    address: tuple[str, int]

    async def say(self, raw: bytes) -> bytes:
        """Send bytes; return all that comes back."""
        reader, writer = await asyncio.open_connection(*self.address)
        try:
            writer.write(raw)
            return await asyncio.wait_for(reader.read(), 10)
        except ConnectionResetError:
            return b""
        finally:
            writer.close()


def over_a_socket(folder: Path, scenario: Callable[[Rig, Place], Awaitable[None]]) -> None:
    """Run a scenario with a server on a socket."""

    async def main(rig: Rig) -> None:
        listening = socket.create_server(("127.0.0.1", 0))
        server = make_server(rig.app, Limits(), rig.metrics, Log())
        serving = asyncio.create_task(serve(server, listening))
        await scenario(rig, Place(listening.getsockname()[:2]))
        server.end()
        await serving

    run(folder, main)


def status_of(answer: bytes) -> int:
    """Return the status of an answer."""
    assert answer.startswith(b"HTTP/1.1 "), answer[:100]
    return int(answer[9:12])


def test_every_attack_is_refused_and_the_next_alert_is_served(tmp_path: Path) -> None:
    wrong: list[str] = []

    async def scenario(rig: Rig, place: Place) -> None:
        for number, attack in enumerate(ATTACKS):
            rig.audit.denials.clear()
            rig.clock.advance(10**9)
            answer = await place.say(attack.raw)
            status = status_of(answer)
            if status not in attack.statuses:
                wrong.append(f"{attack.name}: {status}")
            error = json.loads(answer.partition(b"\r\n\r\n")[2] or b"{}").get("error", {})
            if not set(error) >= {"code", "message", "id"}:
                wrong.append(f"{attack.name}: not the shape of an error: {answer[-200:]!r}")
            if len(rig.audit.denials) > 1:
                wrong.append(f"{attack.name}: {len(rig.audit.denials)} lines")
            told = json.dumps(rig.audit.denials).encode() + answer
            if SECRET.encode() in told or b"guess" in told:
                wrong.append(f"{attack.name}: a secret is told")
            if number % 16 == 0:
                good = await place.say(sent({**SPY, "id": f"good-{number}"}))
                assert status_of(good) == 200, attack.name
        await rig.settle(len(range(0, len(ATTACKS), 16)))
        named = {one["named"] for one in recent_webhooks(rig.database, limit=1_000)}
        assert all(name.startswith("good-") for name in named)
        assert len(rig.engine.seen) == len(named)

    over_a_socket(tmp_path, scenario)
    assert wrong == []


@pytest.mark.parametrize("length", [0, 1, 40])
def test_a_sender_that_leaves_early_leaves_nothing(tmp_path: Path, length: int) -> None:
    async def scenario(rig: Rig, place: Place) -> None:
        whole = sent(SPY)
        head = whole.index(b"\r\n\r\n") + 4
        for _ in range(20):
            _, writer = await asyncio.open_connection(*place.address)
            writer.write(whole[: head + length])
            writer.close()
            await writer.wait_closed()
        assert status_of(await place.say(sent({**SPY, "id": "good"}))) == 200
        await rig.settle(1)
        assert len(rig.engine.seen) == 1

    over_a_socket(tmp_path, scenario)


def test_a_chart_that_keeps_its_connection_is_answered_each_time(tmp_path: Path) -> None:
    async def scenario(_rig: Rig, place: Place) -> None:
        kept = sent({**SPY, "id": "kept"}, {"Connection": "keep-alive"})
        answers = await place.say(kept * 3 + sent({**SPY, "id": "last"}))
        assert answers.count(b"HTTP/1.1 200 ") == 4
        assert answers.count(b'"duplicate":true') == 2

    over_a_socket(tmp_path, scenario)
