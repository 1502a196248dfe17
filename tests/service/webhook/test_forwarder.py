"""Alerts reach the engine in their order, once each, whatever either side goes through."""

import asyncio
from pathlib import Path

import pytest

from interlock.runtime.asking import AskError
from interlock.runtime.clock import NS_PER_S
from interlock.service.webhook import forwarder
from interlock.service.webhook.recent import recent_webhooks
from tests.service.webhook.rig import SPY, Rig, run


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait for engines no longer than a test wants to."""
    monkeypatch.setattr(forwarder, "RETRY_S", (0.001,))


async def send(rig: Rig, count: int, *, first: int = 0) -> list[str]:
    """Send alerts one after the other; return their ids."""
    ids = []
    for number in range(first, first + count):
        answer = await rig.post({**SPY, "id": number})
        assert answer.status_code == 200
        ids.append(answer.json()["id"])
    return ids


async def tried(rig: Rig, times: int) -> None:
    """Wait until the engine was asked so often."""
    while len(rig.engine.batches) < times:
        rig.engine.asked.clear()
        await rig.engine.asked.wait()


def states(rig: Rig) -> list[str]:
    """Return the state of every alert, oldest first."""
    return [one["state"] for one in reversed(recent_webhooks(rig.database, limit=1_000))]


def test_alerts_are_taken_while_the_engine_is_down(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        assert rig.webhook.state["engine_takes"]
        rig.engine.is_down = True
        ids = await send(rig, 5)
        await tried(rig, 3)

        assert rig.webhook.state == {
            "engine_takes": False,
            "why": "no engine answers here.",
            "waiting": 5,
            "secret_problem": "",
        }
        assert states(rig) == ["RECEIVED"] * 5

        rig.engine.is_down = False
        await rig.settle(5)
        assert rig.engine.ids == ids
        assert rig.webhook.state["engine_takes"]
        assert states(rig) == ["SUBMITTED"] * 5

    run(tmp_path, scenario)


def test_what_waits_is_handed_over_after_a_restart_before_what_is_new(tmp_path: Path) -> None:
    ids: list[str] = []

    async def first(rig: Rig) -> None:
        rig.engine.is_down = True
        ids.extend(await send(rig, 150))

    async def second(rig: Rig) -> None:
        assert rig.webhook.forwarder.waiting == 150
        ids.extend(await send(rig, 20, first=150))
        await rig.settle(170)
        assert rig.engine.ids == ids
        assert max(rig.engine.batches) <= forwarder.BATCH_MAX

    run(tmp_path, first)
    run(tmp_path, second)


def test_more_than_fits_in_memory_waits_on_the_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def scenario(rig: Rig) -> None:
        monkeypatch.setattr(forwarder, "KEPT_MAX", 10)
        monkeypatch.setattr(forwarder, "BATCH_MAX", 8)
        rig.engine.is_down = True
        ids = await send(rig, 60)
        rig.engine.is_down = False
        ids += await send(rig, 40, first=60)
        await rig.settle(100)

        assert rig.engine.ids == ids

    run(tmp_path, scenario)


def test_many_at_once_keep_one_order(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        await asyncio.gather(*(rig.post({**SPY, "id": number}) for number in range(200)))
        await rig.settle(200)

        kept = [one["id"] for one in reversed(recent_webhooks(rig.database, limit=1_000))]
        assert rig.engine.ids == kept
        assert len(set(kept)) == 200

    run(tmp_path, scenario)


def test_a_batch_fits_into_a_line_of_the_engine(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        rig.engine.is_down = True
        longest = {
            "symbol": "A" * 64,
            "action": "BUY",
            "strategy": "é" * 64,
            **dict.fromkeys(("price", "stop", "target"), "123456789012345678.1234567890123456"),
        }
        for number in range(64):
            answer = await rig.post({**longest, "id": number})
            assert answer.status_code == 200
        rig.engine.is_down = False
        await rig.settle(64)
        assert 1 < max(rig.engine.batches[-3:]) < 64

    run(tmp_path, scenario)


def test_an_engine_that_leaves_an_alert_out_is_asked_again(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        ask = rig.engine.ask
        times = 0

        async def forgetful(
            name: str, timeout_s: float = 5.0, **fields: object
        ) -> dict[str, object]:
            nonlocal times
            times += 1
            said = await ask(name, timeout_s, **fields)
            answers = said["signals"][:-1] if times == 1 else said["signals"]
            return {"signals": answers}

        rig.webhook.forwarder._ask = forgetful
        ids = await send(rig, 3)
        await rig.settle(3)
        assert sorted(rig.engine.ids) == sorted(ids)

    run(tmp_path, scenario)


def test_the_first_verdict_counts_when_the_engine_knows_an_alert(tmp_path: Path) -> None:
    """The gateway was killed between the answer and its own disk: the answer is asked for again."""

    async def scenario(rig: Rig) -> None:
        answers = iter(
            (
                {
                    "state": "KNOWN",
                    "first": "NOTHING_TO_DO",
                    "verdicts": [{"rule": "A", "failed": False}, {"rule": "B", "failed": True}],
                },
                {"state": "KNOWN", "first": ""},
                {"state": "RECEIVED"},
                {},
            )
        )

        async def knowing(_: str, signals: list[dict[str, object]]) -> dict[str, object]:
            rig.engine.seen += signals
            return {"signals": [{"id": one["id"], **next(answers)} for one in signals]}

        rig.webhook.forwarder._ask = knowing
        await send(rig, 4)
        await rig.settle(4)
        assert states(rig) == ["NOTHING_TO_DO", "KNOWN", "REFUSED", "REFUSED"]
        (*_, kept) = recent_webhooks(rig.database)
        assert kept["verdict"]["verdicts"] == [{"rule": "B", "failed": True}]

    run(tmp_path, scenario)


def test_an_engine_that_starts_again_is_asked_again(tmp_path: Path) -> None:
    """While it starts or has lost its venue it decides nothing: nothing is given up for that."""

    async def scenario(rig: Rig) -> None:
        rig.engine.error = AskError("the engine is about to stop.")
        ids = await send(rig, 4)
        rig.clock.advance(3_600 * NS_PER_S)
        await tried(rig, 6)
        rig.engine.error = None
        await rig.settle(4)
        assert rig.engine.ids == ids
        assert states(rig) == ["SUBMITTED"] * 4

    run(tmp_path, scenario)
